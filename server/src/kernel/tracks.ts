import type { NfMatch, NfTargetOptions } from '../captures/netfilter-facts';
import type { Namespace } from '../model/namespace';
import type { NfTable } from '../model/netfilter';

/** Conditions and targets that have the kernel track connections (nf_ct_netns_get). */
const TRACKING_MATCHES = new Set<NfMatch['kind']>(['ctstate', 'ctstatus', 'conntrack', 'connmark', 'helper']);
const MODULES = /^(?:connbytes|connlabel|connlimit|helper|cluster|ct)$/;
/** What nft sets of a connection. */
const SETS = /^ct \w+ set$/;
const TRACKING_TARGETS = new Set('SNAT DNAT MASQUERADE REDIRECT NETMAP SAME CONNMARK CONNSECMARK SYNPROXY'.split(' '));
/** Those that only have it put fragments together (nf_defrag_ipv4_enable, nf_defrag_ipv6_enable). */
const DEFRAGMENTING_TARGETS = new Set(['TPROXY']);

interface Uses {
  readonly tracks: ReadonlySet<4 | 6>;
  readonly defragments: ReadonlySet<4 | 6>;
}

const BOTH = [4, 6] as const;

const cache = new WeakMap<NfTable, Uses>();

/** Whether the rules of a family make the kernel track connections. */
export function tracksConnections(namespace: Namespace, family: 4 | 6): boolean {
  return tablesOf(namespace, family).some(({ table, isNative }) => usesOf(table, isNative).tracks.has(family));
}

/** Whether nft's tables of the bridge family make bridges track connections by themselves (nf_conntrack_bridge). */
export function bridgesTrackConnections({ nft }: Namespace): boolean {
  return [...nft.values()].some((table) => table.family === 'bridge' && usesOf(table, true).tracks.size > 0);
}

/** Whether they make it put fragments together before it asks any, as it does where connections are tracked. */
export function defragments(namespace: Namespace, family: 4 | 6): boolean {
  return tablesOf(namespace, family).some(({ table, isNative }) => {
    const uses = usesOf(table, isNative);
    return uses.tracks.has(family) || uses.defragments.has(family);
  });
}

/** Whether a rule of iptables that nobody captured may make it put fragments together. */
export function mayDefragment(namespace: Namespace, family: 4 | 6): boolean {
  const tables = family === 4 ? namespace.netfilter : namespace.netfilter6;
  return namespace.nftKnown !== 'whole' && ['raw', 'mangle', 'nat', 'filter'].some((name) => tables.get(name)?.known !== 'whole');
}

/** `isNative`: of nft's own, not iptables'. */
function tablesOf(namespace: Namespace, family: 4 | 6): { readonly table: NfTable; readonly isNative: boolean }[] {
  const own = [...(family === 4 ? namespace.netfilter : namespace.netfilter6).values()];
  const native = [...namespace.nft.values()].filter(
    (table) => table.family === 'inet' || table.family === (family === 4 ? 'ip' : 'ip6'),
  );
  return [...own.map((table) => ({ table, isNative: false })), ...native.map((table) => ({ table, isNative: true }))];
}

function usesOf(table: NfTable, isNative: boolean): Uses {
  let found = cache.get(table);
  if (found === undefined) cache.set(table, (found = read(table, isNative)));
  return found;
}

function read(table: NfTable, isNative: boolean): Uses {
  const [tracking, defragmenting] = [new Set<4 | 6>(), new Set<4 | 6>()];
  const add = (uses: Set<4 | 6>, families: readonly (4 | 6)[]) => {
    for (const family of families) uses.add(family);
  };
  for (const chain of table.chains.values())
    for (const rule of chain.rules) {
      if (rule.matches.some((match) => usesMatch(match, tracks))) add(tracking, BOTH);
      // Of nft's own the expression for sockets has nothing put together (nft_socket).
      if (!isNative && rule.matches.some((match) => usesMatch(match, ({ kind }) => kind === 'socket'))) add(defragmenting, BOTH);
      const statements = [...(rule.before ?? []).map(({ target, options }) => ({ target: target.value, options }))];
      if (rule.target !== undefined) statements.push({ target: rule.target, options: rule.options });
      for (const { target, options } of statements) {
        // Of what nft could not print nothing is known, or the name at most.
        const names = target.match(/[A-Z]{2,}/g) ?? [];
        if (
          options.unprinted === true ||
          SETS.test(target) ||
          asksConnection(options.assign) ||
          names.some((name) => TRACKING_TARGETS.has(name)) ||
          (target === 'CT' && options.notrack !== true)
        )
          add(tracking, familiesOf(options.to?.value));
        if (DEFRAGMENTING_TARGETS.has(target)) add(defragmenting, familiesOf(options.onIp?.value));
      }
    }
  return { tracks: tracking, defragments: defragmenting };
}

/** In a table for both families, what translates to an address is for that address's family. */
function familiesOf(address: string | undefined): readonly (4 | 6)[] {
  if (address === undefined) return BOTH;
  return /^\d+\.\d+\./.test(address) ? [4] : /^\[|:[^:]*:/.test(address) ? [6] : BOTH;
}

function asksConnection(assign: NfTargetOptions['assign']): boolean {
  const read = assign === undefined || typeof assign.value === 'bigint' ? '' : assign.value.of;
  return assign !== undefined && (assign.to.startsWith('ct ') || read.startsWith('ct '));
}

function usesMatch(match: NfMatch, asked: (match: NfMatch) => boolean): boolean {
  if ('matches' in match) return match.matches.some((inner) => usesMatch(inner, asked));
  return asked(match);
}

function tracks(match: NfMatch): boolean {
  if (match.kind === 'limit') return MODULES.test(match.module);
  if (match.kind === 'number') return match.number.of.startsWith('ct ');
  // nft's conditions on a connection that are not modelled.
  if (match.kind === 'other' && match.name === 'nft') return /\bct [a-z]/.test(match.text.value);
  return TRACKING_MATCHES.has(match.kind) || (match.kind === 'other' && MODULES.test(match.name ?? ''));
}
