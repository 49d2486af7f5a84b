import type { Network } from '../model/network';
import type { Check, CheckFinding } from './check';
import { interfaceError } from './interface-error';
import { patchPeer } from './patch-peer';

/** Every check, one line each. */
const checks: readonly Check[] = [patchPeer, interfaceError];

const results = new WeakMap<Network, readonly CheckFinding[]>();

/** Everything that the checks find in a network; worked out once per snapshot. */
export function runChecks(network: Network): readonly CheckFinding[] {
  const known = results.get(network);
  if (known) return known;
  const found = checks.flatMap((check) => check(network));
  results.set(network, found);
  return found;
}
