import type { EbRule, EbTable } from '../model/ebtables';
import type { Source } from '../model/source';
import { completeness, sourceAt, type LinkedCapture } from './facts';

/** ebtables' tables of one namespace; of several captures of one table a whole one is used. */
export function linkEbtables(captures: readonly LinkedCapture[]): Map<string, EbTable> {
  const tables = new Map<string, EbTable>();
  for (const linked of captures) {
    const chains = new Map<string, Map<string, { policy: string | undefined; rules: EbRule[]; source: Source }>>();
    const chain = (table: string, name: string, source: Source) => {
      const of = chains.get(table) ?? new Map<string, { policy: string | undefined; rules: EbRule[]; source: Source }>();
      chains.set(table, of);
      const found = of.get(name) ?? { policy: undefined, rules: [], source };
      of.set(name, found);
      return found;
    };
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'eb-chain') {
        const found = chain(fact.table, fact.name.value, sourceAt(linked, fact.span.span));
        found.policy = fact.policy?.value;
      } else if (fact.kind === 'eb-rule') {
        const source = sourceAt(linked, fact.text.span);
        chain(fact.table, fact.chain, source).rules.push({
          number: fact.number,
          matches: fact.matches,
          target: fact.target?.value,
          options: Object.fromEntries(Object.entries(fact.targetOptions).map(([key, { value }]) => [key, value])),
          text: fact.text.value,
          source,
        });
      }
    }
    // A listing of one chain hides the others.
    const { known: own } = completeness(linked.capture);
    const known = linked.capture.options['chain'] === undefined ? own : 'partial';
    for (const [name, of] of chains) {
      const other = tables.get(name);
      if (other !== undefined && (other.known === 'whole' || known !== 'whole')) continue;
      tables.set(name, {
        name,
        chains: new Map([...of].map(([chainName, found]) => [chainName, { name: chainName, ...found }])),
        known,
        source: sourceAt(linked, linked.capture.commandSpan ?? linked.capture.span),
      });
    }
  }
  return tables;
}
