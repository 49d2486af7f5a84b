import type { NfMatch } from '../captures/netfilter-facts';
import type { Namespace, NfTable } from '../model/network';

/** Conditions and targets that have the kernel track connections, and so put fragments together first (nf_ct_netns_get). */
const MATCHES = new Set<NfMatch['kind']>(['ctstate', 'ctstatus', 'conntrack', 'connmark', 'socket']);
const MODULES = /^(?:connbytes|connlabel|connlimit|helper|cluster)$/;
const TARGETS = new Set('SNAT DNAT MASQUERADE REDIRECT NETMAP SAME CONNMARK CONNSECMARK TPROXY SYNPROXY'.split(' '));

const cache = new WeakMap<NfTable, boolean>();

/**
 * Whether the rules of a family make the kernel track connections, and put fragments together before it asks any (nf_ct_netns_get,
 * nf_defrag_ipv4, nf_defrag_ipv6).
 */
export function tracksConnections(namespace: Namespace, family: 4 | 6): boolean {
  const own = [...(family === 4 ? namespace.netfilter : namespace.netfilter6).values()];
  const native = [...namespace.nft.values()].filter(
    (table) => table.family === 'inet' || table.family === (family === 4 ? 'ip' : 'ip6'),
  );
  return [...own, ...native].some(uses);
}

function uses(table: NfTable): boolean {
  let found = cache.get(table);
  if (found === undefined) cache.set(table, (found = usesTable(table)));
  return found;
}

function usesTable(table: NfTable): boolean {
  for (const chain of table.chains.values())
    for (const rule of chain.rules) {
      if (rule.matches.some(usesMatch)) return true;
      const statements = [...(rule.before ?? []).map(({ target, options }) => ({ target: target.value, options }))];
      if (rule.target !== undefined) statements.push({ target: rule.target, options: rule.options });
      if (statements.some(({ target, options }) => TARGETS.has(target) || (target === 'CT' && options.notrack !== true)))
        return true;
    }
  return false;
}

function usesMatch(match: NfMatch): boolean {
  if (match.kind === 'any-of' || match.kind === 'all-of') return match.matches.some(usesMatch);
  if (match.kind === 'limit') return MODULES.test(match.module);
  return MATCHES.has(match.kind) || (match.kind === 'other' && MODULES.test(match.name ?? ''));
}
