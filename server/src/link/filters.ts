import type { EbRule, EbTable, IpSet, Known, Listener, Namespace, Source } from '../model/network';
import { completeness, sourceAt, type LinkedCapture } from './facts';

/** `ipset list`, `ipset save`: the sets of a namespace; of several captures of a set the one that shows its members. */
export function linkIpsets(captures: readonly LinkedCapture[]): Map<string, IpSet> {
  const sets = new Map<string, IpSet>();
  for (const linked of captures) {
    const whole = completeness(linked.capture).known === 'whole';
    const entries = new Map<string, IpSet['entries'][number][]>();
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'ipset-entry') continue;
      const entry = { element: fact.element.value, nomatch: fact.nomatch, source: sourceAt(linked, fact.element.span) };
      const known = entries.get(fact.set.value);
      if (known) known.push(entry);
      else entries.set(fact.set.value, [entry]);
    }
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'ipset') continue;
      const name = fact.name.value;
      if (sets.get(name)?.membersShown === true && !fact.membersShown) continue;
      const number = (option: string) => {
        const text = fact.options[option]?.value;
        return text === undefined || Number.isNaN(Number(text)) ? undefined : Number(text);
      };
      sets.set(name, {
        name,
        type: fact.type.value,
        family: fact.family,
        netmask: number('netmask'),
        markmask: number('markmask'),
        entries: entries.get(name) ?? [],
        membersShown: fact.membersShown,
        whole,
        source: sourceAt(linked, fact.name.span),
      });
    }
  }
  return sets;
}

/** `conntrack -L`, `/proc/net/nf_conntrack`: the connections of a namespace. */
export function linkConnections(captures: readonly LinkedCapture[]): {
  readonly found: Namespace['connections'];
  readonly known: Known;
} {
  const found: Namespace['connections'][number][] = [];
  let known: Known = 'absent';
  for (const linked of captures) {
    // Open vSwitch's connections are those of its datapath.
    if (!/^conntrack|nf-conntrack/.test(linked.capture.kind)) continue;
    known = completeness(linked.capture).known;
    for (const fact of linked.capture.facts)
      if (fact.kind === 'conntrack-entry') found.push({ entry: fact, source: sourceAt(linked, fact.text.span) });
  }
  return { found, known };
}

/** `ebtables -L`, `ebtables-save`: chains for frames. */
export function linkEbtables(captures: readonly LinkedCapture[]): Map<string, EbTable> {
  const tables = new Map<string, EbTable>();
  for (const linked of captures) {
    const drafts = new Map<string, Map<string, { policy: string | undefined; rules: EbRule[]; at: Source }>>();
    const draft = (table: string, chain: string, at: Source) => {
      let of = drafts.get(table);
      if (!of) drafts.set(table, (of = new Map()));
      let found = of.get(chain);
      if (!found) of.set(chain, (found = { policy: undefined, rules: [], at }));
      return found;
    };
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'eb-chain') {
        const found = draft(fact.table, fact.name.value, sourceAt(linked, fact.span.span));
        if (fact.policy) found.policy = fact.policy.value;
      } else if (fact.kind === 'eb-rule') {
        const source = sourceAt(linked, fact.text.span);
        draft(fact.table, fact.chain, source).rules.push({
          number: fact.number,
          matches: fact.matches,
          target: fact.target?.value,
          options: Object.fromEntries(Object.entries(fact.targetOptions).map(([name, option]) => [name, option.value])),
          text: fact.text.value,
          source,
        });
      }
    }
    const { known } = completeness(linked.capture);
    for (const [name, chains] of drafts) {
      if (tables.get(name)?.known === 'whole') continue;
      tables.set(name, {
        name,
        chains: new Map([...chains].map(([chain, { policy, rules, at }]) => [chain, { name: chain, policy, rules, source: at }])),
        known,
        source: sourceAt(linked, linked.capture.commandSpan ?? linked.capture.span),
      });
    }
  }
  return tables;
}

/** `ss -ln`, `netstat -ln`: sockets that wait for packets. */
export function linkListeners(captures: readonly LinkedCapture[]): { readonly found: Listener[]; readonly known: Known } {
  const found: Listener[] = [];
  let known: Known = 'absent';
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'listener') continue;
      known = completeness(linked.capture).known;
      found.push({
        protocol: fact.protocol.value,
        ip: fact.ip.value,
        port: fact.port?.value,
        dev: fact.dev?.value,
        process: fact.process?.value,
        source: sourceAt(linked, fact.port?.span ?? fact.ip.span),
      });
    }
  }
  return { found, known };
}
