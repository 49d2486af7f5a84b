import type { NfElementChange, NfIpsetChange, NfTargetOptions } from '../captures/netfilter-facts';
import type { Namespace } from '../model/namespace';
import type { NfChain, NfTable } from '../model/netfilter';
import { membersOf } from './ipset';
import { isOfSources } from './ipset-changes';
import { dimensionsOf } from './ipset-elements';
import { baseChains } from './netfilter';
import { withOwnSource, withUnknownChange, type SetChanges } from './set-changes';

const cache = new WeakMap<Namespace, readonly NfTargetOptions[]>();

/**
 * What answers of this host, queries for its neighbours and the like may have put into sets on their way out, which nobody follows.
 * `answered` says that there may be answers to others; their own address is in all of them.
 */
export function afterOwnPackets(changes: SetChanges, namespace: Namespace, answered: boolean): SetChanges {
  let made = cache.get(namespace);
  if (!made) cache.set(namespace, (made = changesOfOwn(namespace)));
  return made.reduce((all, { element, ipsets = [] }) => {
    const after = element === undefined ? all : afterElement(all, element, answered);
    return ipsets.reduce((sum, change) => afterIpset(sum, namespace, change.set.value, change, answered), after);
  }, changes);
}

function afterElement(changes: SetChanges, { set, op, selectors, rate }: NfElementChange, answered: boolean): SetChanges {
  if (!selectors.every((selector) => /^ip6? saddr$/.test(selector))) return answered ? withUnknownChange(changes, set) : changes;
  return withOwnSource(changes, set, op === 'delete' ? 'absent' : (rate ?? 'plain'));
}

function afterIpset(
  changes: SetChanges,
  namespace: Namespace,
  name: string,
  change: NfIpsetChange,
  answered: boolean,
  depth = 0,
): SetChanges {
  const set = namespace.ipsets.get(name);
  const members = set && depth < 4 ? membersOf(set) : undefined;
  if (members) return members.reduce((all, member) => afterIpset(all, namespace, member, change, answered, depth + 1), changes);
  // They have no frame yet, without which such a set takes nothing.
  if (set && dimensionsOf(set).includes('mac')) return changes;
  if (isOfSources(set, change)) return withOwnSource(changes, name, change.op === 'delete' ? 'absent' : 'plain');
  return answered ? withUnknownChange(changes, name) : changes;
}

/** What the rules that packets of this host's own may come to say of sets. */
function changesOfOwn(namespace: Namespace): NfTargetOptions[] {
  const seen = new Set<NfChain>();
  const found: NfTargetOptions[] = [];
  const look = (table: NfTable, chain: NfChain): void => {
    if (seen.has(chain)) return;
    seen.add(chain);
    for (const { target, options, before } of chain.rules) {
      if (changesSets(options)) found.push(options);
      if (before !== undefined) found.push(...before.map((statement) => statement.options).filter(changesSets));
      const next = target === undefined ? undefined : table.chains.get(target);
      if (next) look(table, next);
    }
  };
  for (const family of [4, 6] as const)
    for (const hook of ['OUTPUT', 'POSTROUTING'] as const)
      for (const { table, chain } of baseChains(namespace, family, hook)) look(table, chain);
  return found;
}

function changesSets({ element, ipsets }: NfTargetOptions): boolean {
  return element !== undefined || ipsets !== undefined;
}
