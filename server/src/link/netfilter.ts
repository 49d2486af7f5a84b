import type { NfFamily } from '../captures/netfilter-facts';
import type { Ipset } from '../model/ipset';
import type { Namespace } from '../model/namespace';
import type { NfChain, NfRule, NfTable } from '../model/netfilter';
import type { Known, Source } from '../model/source';
import { completeness, sourceAt, type LinkedCapture } from './facts';

const IPTABLES = /^iptables-(?:save|rules|list)$/;
const IP6TABLES = /^ip6tables-(?:save|rules|list)$/;
const ARPTABLES = /^arptables-/;
const NFT = /^nft-list-/;

/** The chains that iptables makes in nft, with the hook and the priority that it gives them (iptables-nft(8)). */
const MADE_BY_IPTABLES: Readonly<Record<string, { readonly priority: number; readonly chains: readonly string[] }>> = {
  raw: { priority: -300, chains: ['PREROUTING', 'OUTPUT'] },
  mangle: { priority: -150, chains: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] },
  nat: { priority: 0, chains: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'] },
  filter: { priority: 0, chains: ['INPUT', 'FORWARD', 'OUTPUT'] },
  security: { priority: 150, chains: ['INPUT', 'FORWARD', 'OUTPUT'] },
};

/**
 * Of several listings of one table the one that shows most is used: a save, then -S, then nft's, then -L with -v, then -L. Where
 * that does not show the whole table, the chains that it lacks are those of the others.
 */
export function* linkNetfilter(captures: readonly LinkedCapture[], family: 'ip' | 'ip6'): Generator<void, Map<string, NfTable>> {
  const tables = new Map<string, Listing[]>();
  for (const linked of captures) {
    const { kind } = linked.capture;
    const native = NFT.test(kind);
    if (!native && !(family === 'ip' ? IPTABLES : IP6TABLES).test(kind)) continue;
    for (const table of yield* tablesOf(linked)) {
      if (table.family !== family || (native && !isMadeByIptables(table))) continue;
      const rank = kind.endsWith('-save') ? 4 : kind.endsWith('-rules') ? 3 : native ? 2.2 : table.interfacesHidden ? 1 : 2;
      const score = rank + (table.known === 'whole' ? 0.5 : 0);
      tables.set(table.name, [...(tables.get(table.name) ?? []), { rank: score, table }]);
    }
  }
  return new Map([...tables].flatMap(([name, listings]) => byBackend(name, listings)));
}

interface Listing {
  readonly rank: number;
  readonly table: NfTable;
}

/**
 * A kernel may have a table of both back ends, and then asks both. Where listings say of themselves that they are of different ones, the old
 * one's table stands beside the other as `NAME (legacy)`; what says nothing of itself is taken to be the newer one's.
 */
function byBackend(name: string, listings: readonly Listing[]): [string, NfTable][] {
  const old = listings.filter(({ table }) => table.legacy === true);
  const others = listings.filter(({ table }) => table.legacy !== true);
  if (old.length === 0 || !others.some(({ table }) => table.legacy === false)) return [[name, together(listings)]];
  return [
    [name, together(others)],
    [`${name} (legacy)`, together(old)],
  ];
}

/** Where iptables-nft warns of tables of the old back end, by family. */
export function legacyWarnings(captures: readonly LinkedCapture[]): Namespace['legacyTables'] {
  const found = new Map<'ip' | 'ip6', Source>();
  for (const linked of captures) {
    if (!IPTABLES.test(linked.capture.kind) && !IP6TABLES.test(linked.capture.kind)) continue;
    for (const fact of linked.capture.facts)
      if (fact.kind === 'nf-legacy-tables') found.set(fact.family, sourceAt(linked, fact.text.span));
  }
  return found;
}

/** The best of a table's listings, with the chains that only others show. */
function together(listings: readonly Listing[]): NfTable {
  const [best, ...others] = listings.toSorted((a, b) => b.rank - a.rank).map(({ table }) => table);
  if (best === undefined) throw new Error('a table without a listing');
  if (best.known === 'whole' || others.length === 0) return best;
  const chains = new Map(best.chains);
  for (const { chains: more } of others) for (const [name, chain] of more) if (!chains.has(name)) chains.set(name, chain);
  return { ...best, chains, interfacesHidden: listings.some(({ table }) => table.interfacesHidden) };
}

/** The tables of nft that iptables did not make, by family and name, and whether there may be more. */
export function* linkNft(
  captures: readonly LinkedCapture[],
): Generator<void, { readonly tables: Map<string, NfTable>; readonly known: Known }> {
  const tables = new Map<string, NfTable>();
  let known: Known = 'absent';
  // What arptables-nft made is read from arptables where that was captured: nft does not show what its targets do.
  const ofArptables = new Set<NfTable>();
  for (const linked of captures.filter(({ capture }) => ARPTABLES.test(capture.kind))) {
    for (const table of yield* tablesOf(linked)) {
      const key = `${table.family} ${table.name}`;
      if (tables.get(key)?.known === 'whole') continue;
      ofArptables.add(table);
      tables.set(key, table);
    }
  }
  for (const linked of captures) {
    if (!NFT.test(linked.capture.kind)) continue;
    // `nft list ruleset inet` leaves out the tables of other families.
    const { kind: of, options } = linked.capture;
    const whole =
      of === 'nft-list-ruleset' && options['families'] === undefined && completeness(linked.capture).known === 'whole';
    if (known !== 'whole') known = whole ? 'whole' : 'partial';
    for (const table of yield* tablesOf(linked)) {
      if ((table.family === 'ip' || table.family === 'ip6') && isMadeByIptables(table)) continue;
      const key = `${table.family} ${table.name}`;
      const other = tables.get(key);
      if (other && ofArptables.has(other) && (other.known === 'whole' || table.known !== 'whole')) continue;
      if (other === undefined || (other.known !== 'whole' && table.known === 'whole')) tables.set(key, table);
    }
  }
  return { tables, known };
}

/** Whether a table has the base chains that iptables would give it, and no others. */
function isMadeByIptables(table: NfTable): boolean {
  const own = MADE_BY_IPTABLES[table.name];
  if (own === undefined) return false;
  const base = [...table.chains.values()].filter((chain) => chain.hook !== undefined);
  return (
    base.length > 0 &&
    base.every(
      (chain) =>
        own.chains.includes(chain.name) &&
        chain.hook === chain.name.toLowerCase() &&
        chain.priority === (table.name === 'nat' ? natPriority(chain.name) : own.priority),
    )
  );
}

function natPriority(chain: string): number {
  return chain === 'PREROUTING' || chain === 'OUTPUT' ? -100 : 100;
}

/** So many rules, or members of sets, are looked at between two pauses. */
const STEP = 2000;

function* tablesOf(linked: LinkedCapture): Generator<void, NfTable[]> {
  type ChainDraft = { -readonly [K in keyof Omit<NfChain, 'rules' | 'name'>]: NfChain[K] } & { rules: NfRule[] };
  type TableDraft = {
    readonly family: NfFamily;
    readonly name: string;
    readonly chains: Map<string, ChainDraft>;
    legacy: boolean | undefined;
  };
  const { command = '' } = linked.capture;
  // What warns of the old back end's tables is the newer one.
  const isNew =
    NFT.test(linked.capture.kind) ||
    /tables-nft\b/.test(command) ||
    linked.capture.facts.some(({ kind }) => kind === 'nf-legacy-tables');
  const backend = /-legacy\b/.test(command) ? true : isNew ? false : undefined;
  const tables = new Map<string, TableDraft>();
  let last: TableDraft | undefined;
  const tableOf = (family: NfFamily, name: string) => {
    // Most facts are about the table of the one before.
    if (last?.name === name && last.family === family) return last;
    const key = `${family} ${name}`;
    last = tables.get(key);
    if (!last) tables.set(key, (last = { family, name, chains: new Map(), legacy: backend }));
    return last;
  };
  const chain = (family: NfFamily, table: string, name: string, source: Source) => {
    const { chains } = tableOf(family, table);
    let found = chains.get(name);
    if (!found) chains.set(name, (found = { policy: undefined, rules: [], source }));
    return found;
  };
  for (const [n, fact] of linked.capture.facts.entries()) {
    if (n % STEP === STEP - 1) yield;
    if (fact.kind === 'nf-chain') {
      const found = chain(fact.family, fact.table, fact.name.value, sourceAt(linked, fact.span.span));
      if (fact.legacy !== undefined && last) last.legacy = fact.legacy;
      if (fact.policy && fact.policy.value !== '-') found.policy = fact.policy.value.toUpperCase();
      if (fact.hook) found.hook = fact.hook.value;
      if (fact.priority) found.priority = fact.priority.value;
      if (fact.type) found.type = fact.type.value;
      if (fact.devices) found.devices = fact.devices.map(({ value }) => value);
    } else if (fact.kind === 'nf-rule') {
      const source = sourceAt(linked, fact.text.span);
      chain(fact.family, fact.table, fact.chain, source).rules.push({
        number: fact.number,
        matches: fact.matches,
        ...(fact.before === undefined ? {} : { before: fact.before }),
        ...(fact.part === undefined ? {} : { part: fact.part }),
        ...(fact.settles === undefined ? {} : { settles: fact.settles }),
        target: fact.target?.value,
        goto: fact.goto,
        options: fact.targetOptions,
        interfacesHidden: fact.interfacesHidden,
        text: fact.text.value,
        source,
      });
    }
  }
  const { known: how } = completeness(linked.capture);
  const { kind } = linked.capture;
  // A whole save shows every table that there is: one that it does not show does nothing.
  const everything = how === 'whole' && /^ip6?tables-save$/.test(kind) && linked.capture.options['table'] === undefined;
  if (everything) for (const name of ['raw', 'mangle', 'nat', 'filter']) tableOf(kind.startsWith('ip6') ? 'ip6' : 'ip', name);
  return [...tables.values()].map(({ family, name, chains, legacy }) => {
    const finished: NfChain[] = [...chains].map(([chainName, draft]) => ({
      name: chainName,
      ...draft,
      ...(how === 'whole' ? {} : { partial: true }),
    }));
    return {
      name,
      family,
      ...(legacy === undefined ? {} : { legacy }),
      chains: new Map(finished.map((c) => [c.name, c])),
      // A listing of one chain hides the others.
      known: linked.capture.options['chain'] === undefined ? how : 'partial',
      interfacesHidden: finished.some((c) => c.rules.some((rule) => rule.interfacesHidden)),
      source: sourceAt(linked, linked.capture.commandSpan ?? linked.capture.span),
    };
  });
}

/** The sets of ipset(8), of several captures the one that shows the members. */
export function* linkIpsets(captures: readonly LinkedCapture[]): Generator<void, Map<string, Ipset>> {
  const sets = new Map<string, Ipset>();
  for (const linked of captures) {
    const how = completeness(linked.capture).known;
    const own = new Map<string, Ipset & { readonly elements: Ipset['elements'][number][] }>();
    for (const [n, fact] of linked.capture.facts.entries()) {
      if (n % STEP === STEP - 1) yield;
      if (fact.kind === 'ipset') {
        own.set(fact.name.value, {
          name: fact.name.value,
          type: fact.type.value,
          family: fact.family,
          options: Object.fromEntries(Object.entries(fact.options).map(([key, { value }]) => [key, value])),
          elements: [],
          known: fact.membersShown ? how : 'absent',
          source: sourceAt(linked, fact.name.span),
        });
      } else if (fact.kind === 'ipset-entry') {
        const source = sourceAt(linked, fact.element.span);
        const set = own.get(fact.set.value) ?? {
          name: fact.set.value,
          type: '',
          family: 'inet' as const,
          options: {},
          elements: [],
          known: 'partial' as const,
          source,
        };
        own.set(fact.set.value, set);
        set.elements.push({ element: fact.element.value, nomatch: fact.nomatch, wildcard: fact.wildcard, source });
      }
    }
    for (const [name, set] of own) {
      const other = sets.get(name);
      if (other === undefined || rank(set.known) > rank(other.known)) sets.set(name, set);
    }
  }
  return sets;
}

function rank(known: Known): number {
  return known === 'whole' ? 2 : known === 'partial' ? 1 : 0;
}
