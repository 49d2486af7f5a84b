import { askHidden } from './decide';
import type { Namespace } from '../model/namespace';
import { deviceMoment, runChainAt } from './hooks';
import type { DeviceHook } from './matches';
import type { BaseChain } from './netfilter';
import { lost, type Passage, type Run } from './passage';

/** A chain of nft at a device; `sure`: it is said that the device is one of its own. */
interface DeviceChain {
  readonly base: BaseChain;
  readonly sure: boolean;
}

/**
 * The chains of nft at a device, as it takes in a frame (`ingress` of netdev and inet, before everything else) or sends one (`egress` of
 * netdev, behind everything), in their order (nft(8)).
 */
function chainsAt(namespace: Namespace, hook: DeviceHook, device: string): DeviceChain[] {
  const found: DeviceChain[] = [];
  for (const table of namespace.nft.values()) {
    if (table.family !== 'netdev' && table.family !== 'inet') continue;
    for (const chain of table.chains.values()) {
      if (chain.hook?.toUpperCase() !== hook || chain.devices?.includes(device) === false) continue;
      const base: BaseChain = { table, chain, priority: chain.priority ?? 0, isNat: false };
      found.push({ base, sure: chain.devices !== undefined });
    }
  }
  // Of those with the same priority the one that was registered last comes first.
  return found.reverse().sort((a, b) => a.base.priority - b.base.priority);
}

/** Runs them; the end of the way where one of them stops the packet. */
export function deviceHook(run: Run, hook: DeviceHook, device: string): Passage | undefined {
  if (run.namespace.nft.size === 0) return undefined;
  for (const { base, sure } of chainsAt(run.namespace, hook, device)) {
    if (!sure && !passesUnsaid(run, hook, device, base))
      return lost(run, 'a chain of which nobody knows whether it is at this device');
    const { frame, untold } = run.packet;
    const ended = runChainAt(run, hook, base, deviceMoment(run, hook, device));
    const { untold: _untold, ...packet } = run.packet;
    run.packet = { ...packet, frame, ...(untold === undefined ? {} : { untold }) };
    if (ended) return ended;
  }
  return undefined;
}

/** The JSON of nft before 1.0.8 does not say at which devices a chain is. */
function passesUnsaid(run: Run, hook: DeviceHook, device: string, { table, chain }: BaseChain): boolean {
  const { rules, policy } = chain;
  if (rules.length === 0 && policy !== 'DROP') return true;
  return askHidden(run, {
    key: `${hook} ${table.name} ${chain.name} ${device}`,
    likely: true,
    reason: `${chain.name} of ${table.family} ${table.name} stands at the ${hook.toLowerCase()} of devices that are not said; taken not to be ${device}`,
    command: `nft list table ${table.family} ${table.name}`,
  });
}
