import type { NfChain, NfRule, NfTable, Source } from '../model/network';
import { completeness, sourceAt, type LinkedCapture } from './facts';

/** Of several listings of one table the one that shows most is used: a save, then -S, then -L with -v, then -L. */
export function linkNetfilter(captures: readonly LinkedCapture[], family: 'ip' | 'ip6'): Map<string, NfTable> {
  const tables = new Map<string, { rank: number; table: NfTable }>();
  for (const linked of captures) {
    const { kind } = linked.capture;
    if (
      !(
        family === 'ip'
          ? /^(?:iptables-(?:save|rules|list)|nft-list-ruleset)$/
          : /^(?:ip6tables-(?:save|rules|list)|nft-list-ruleset)$/
      ).test(kind)
    )
      continue;
    for (const table of tablesOf(linked, family)) {
      const rank = kind.endsWith('-save')
        ? 4
        : kind.endsWith('-ruleset')
          ? 3.2
          : kind.endsWith('-rules')
            ? 3
            : table.interfacesHidden
              ? 1
              : 2;
      const score = rank + (table.known === 'whole' ? 0.5 : 0);
      if ((tables.get(table.name)?.rank ?? -1) < score) tables.set(table.name, { rank: score, table });
    }
  }
  return new Map([...tables].map(([name, { table }]) => [name, table]));
}

function tablesOf(linked: LinkedCapture, family: 'ip' | 'ip6'): NfTable[] {
  const chains = new Map<
    string,
    Map<
      string,
      { policy: string | undefined; rules: NfRule[]; source: Source; hook?: Pick<NfChain, 'hook' | 'priority' | 'type'> }
    >
  >();
  const chain = (table: string, name: string, source: Source) => {
    let of = chains.get(table);
    if (!of) chains.set(table, (of = new Map()));
    let found = of.get(name);
    if (!found) of.set(name, (found = { policy: undefined, rules: [], source }));
    return found;
  };
  for (const fact of linked.capture.facts) {
    if (fact.kind === 'nf-chain' && (fact.family === family || fact.family === 'inet')) {
      const found = chain(fact.table, fact.name.value, sourceAt(linked, fact.span.span));
      if (fact.policy && fact.policy.value !== '-') found.policy = fact.policy.value;
      if (fact.hook) found.hook = { hook: fact.hook.value, priority: fact.priority?.value ?? 0, type: fact.type?.value };
    } else if (fact.kind === 'nf-rule' && (fact.family === family || fact.family === 'inet')) {
      const source = sourceAt(linked, fact.text.span);
      chain(fact.table, fact.chain, source).rules.push({
        number: fact.number,
        matches: fact.matches,
        target: fact.target?.value,
        goto: fact.goto,
        options: fact.targetOptions,
        ...(fact.before === undefined ? {} : { before: fact.before }),
        interfacesHidden: fact.interfacesHidden,
        text: fact.text.value,
        source,
      });
    }
  }
  const { known: how } = completeness(linked.capture);
  // A whole save shows every table that there is: one that it does not show does nothing.
  const everything = how === 'whole' && linked.capture.kind.endsWith('-save') && linked.capture.options['table'] === undefined;
  if (everything) for (const name of ['raw', 'mangle', 'nat', 'filter']) if (!chains.has(name)) chains.set(name, new Map());
  return [...chains].map(([name, of]) => {
    const finished: NfChain[] = [...of].map(([chainName, { policy, rules, source, hook }]) => ({
      name: chainName,
      policy,
      ...hook,
      rules,
      source,
    }));
    return {
      name,
      chains: new Map(finished.map((c) => [c.name, c])),
      known: how,
      interfacesHidden: finished.some((c) => c.rules.some((rule) => rule.interfacesHidden)),
      source: sourceAt(linked, linked.capture.commandSpan ?? linked.capture.span),
    };
  });
}
