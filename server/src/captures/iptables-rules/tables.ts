import { BUILT_IN_CHAINS, inferTable, isBuiltInChain } from './netfilter';
import type { RulesLine } from './semantics';

/** A line as it was read; `cut`: lines were left out, or are blank, between it and the one before. */
export interface ReadLine {
  readonly said: RulesLine;
  readonly cut: boolean;
}

/** Targets that one table alone allows (iptables-extensions(8)). */
const OWN_TARGETS: Readonly<Record<string, string>> = {
  DNAT: 'nat',
  SNAT: 'nat',
  MASQUERADE: 'nat',
  REDIRECT: 'nat',
  NETMAP: 'nat',
  CT: 'raw',
  NOTRACK: 'raw',
  TPROXY: 'mangle',
};

/**
 * The table of every line: what `*TABLE` says or, before any, `before` (undefined where nothing tells but the lines). Where lines were left
 * out between such a line and rules that its table can't hold, the line that said the next table is among them.
 */
export function tablesOf(lines: readonly ReadLine[], before: string | undefined): string[] {
  const tables: string[] = [];
  let at = 0;
  while (at < lines.length) {
    let end = at + 1;
    while (end < lines.length && lines[end]?.said.is !== 'table' && lines[end - 1]?.said.is !== 'commit') end++;
    const stretch = lines.slice(at, end);
    const head = stretch[0]?.said;
    const known = head?.is === 'table' ? head.name : at === 0 ? (before ?? inferred(stretch)) : (tables[at - 1] ?? 'filter');
    // One by one: a save may have more lines than a call takes arguments.
    for (const table of tablesOfStretch(stretch, known, before === undefined || head?.is === 'table')) tables.push(table);
    at = end;
  }
  return tables;
}

function tablesOfStretch(stretch: readonly ReadLine[], known: string, mayChange: boolean): string[] {
  const parts: ReadLine[][] = [];
  for (const line of stretch) {
    const last = parts[parts.length - 1];
    if (last === undefined || line.cut) parts.push([line]);
    else last.push(line);
  }
  const first = mayChange ? parts.findIndex((part, n) => n > 0 && !fits(part, known)) : -1;
  if (first < 0) return stretch.map(() => known);
  const rest = parts.slice(first).flat();
  const other = inferred(rest);
  if (other === known) return stretch.map(() => known);
  const chains = new Set(rest.flatMap(({ said }) => chainOf(said) ?? []));
  return parts.flatMap((part, n) => {
    const isOther =
      n >= first || (n > 0 && part.some(({ said }) => chains.has(chainOf(said) ?? '') && !isBuiltInChain(chainOf(said) ?? '')));
    return part.map(() => (isOther ? other : known));
  });
}

function chainOf(said: RulesLine): string | undefined {
  return said.is === 'chain' ? said.name.value : said.is === 'rule' ? said.chain.value : undefined;
}

/** Whether a table can hold lines: it has their built-in chains, and allows their targets. */
function fits(part: readonly ReadLine[], table: string): boolean {
  const own = BUILT_IN_CHAINS[table];
  return part.every(({ said }) => {
    const chain = chainOf(said);
    if (chain !== undefined && own !== undefined && isBuiltInChain(chain) && !own.includes(chain)) return false;
    const target = said.is === 'rule' ? OWN_TARGETS[said.parts.target?.value ?? ''] : undefined;
    return target === undefined || target === table;
  });
}

function inferred(lines: readonly ReadLine[]): string {
  const chains = new Set<string>();
  const targets = new Set<string>();
  for (const { said } of lines) {
    if (said.is === 'table') break;
    const chain = chainOf(said);
    if (chain !== undefined && isBuiltInChain(chain)) chains.add(chain);
    if (said.is === 'rule' && said.parts.target !== undefined) targets.add(said.parts.target.value);
  }
  return inferTable(chains, targets);
}
