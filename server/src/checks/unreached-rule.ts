import { knownChain } from '../model/known-names';
import type { Namespace } from '../model/namespace';
import type { NfChain, NfRule, NfTable } from '../model/netfilter';
import type { Check, CheckFinding } from './check';

/**
 * Rules behind one of their chain that takes every packet: most often a rule was appended behind the last one that refuses all. Chains whose
 * rules a program writes are left out: it writes such rules on purpose.
 */
export const unreachedRule: Check = (network) =>
  [...network.hosts.values()].flatMap((host) =>
    [...host.namespaces.values()].flatMap((namespace) =>
      tablesOf(namespace).flatMap((table) => [...table.chains.values()].flatMap((chain) => unreachedIn(table, chain))),
    ),
  );

function tablesOf({ netfilter, netfilter6, nft }: Namespace): readonly NfTable[] {
  return [...netfilter.values(), ...netfilter6.values(), ...nft.values()];
}

function unreachedIn(table: NfTable, chain: NfChain): CheckFinding[] {
  if (knownChain(chain.name)) return [];
  const at = chain.rules.findIndex(takesAll);
  const taker = chain.rules[at];
  const [first, ...others] = chain.rules.slice(at + 1);
  if (!taker || !first) return [];
  const behind = others.length === 0 ? '' : ` (nor ${others.length === 1 ? 'the one' : `the ${others.length}`} behind it)`;
  return [
    {
      code: 'rule-never-reached',
      severity: 'warning',
      message: `No packet comes to rule ${first.number} of ${chain.name} in table ${table.name}${behind}: rule ${taker.number}, ${taker.target ?? ''}, takes every one.`,
      source: first.source,
    },
  ];
}

/** Whether no packet goes on behind a rule; RETURN is how people and programs switch the rest of a chain off. */
function takesAll({ matches, before, part, settles, target, interfacesHidden }: NfRule): boolean {
  if (interfacesHidden || part === true || settles !== undefined || (before ?? []).length > 0) return false;
  if (target === undefined || !/^(?:ACCEPT|DROP|REJECT)$/.test(target)) return false;
  return matches.every(({ kind }) => kind === 'comment');
}
