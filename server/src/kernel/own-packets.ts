import type { NfElementChange } from '../captures/netfilter-facts';
import type { Namespace, NfChain, NfTable } from '../model/network';
import { baseChains } from './netfilter';
import { withOwnChanges, type SetChanges } from './set-changes';

const cache = new WeakMap<Namespace, readonly NfElementChange[]>();

/**
 * What answers of this host, queries for its neighbours and the like may have put into sets on their way out, which nobody follows.
 * `answered` says that there may be answers to others; their own address is in all of them.
 */
export function afterOwnPackets(changes: SetChanges, namespace: Namespace, answered: boolean): SetChanges {
  let made = cache.get(namespace);
  if (!made) cache.set(namespace, (made = changesOfOwn(namespace)));
  return made.reduce((all, change) => withOwnChanges(all, change, answered), changes);
}

function changesOfOwn(namespace: Namespace): NfElementChange[] {
  if (namespace.nft.size === 0) return [];
  const seen = new Set<NfChain>();
  const found: NfElementChange[] = [];
  const look = (table: NfTable, chain: NfChain): void => {
    if (seen.has(chain)) return;
    seen.add(chain);
    for (const { target, options, before } of chain.rules) {
      for (const { element } of [options, ...(before ?? []).map((statement) => statement.options)])
        if (element !== undefined) found.push(element);
      const next = target === undefined ? undefined : table.chains.get(target);
      if (next) look(table, next);
    }
  };
  for (const family of [4, 6] as const)
    for (const hook of ['OUTPUT', 'POSTROUTING'] as const)
      for (const { table, chain } of baseChains(namespace, family, hook)) look(table, chain);
  return found;
}
