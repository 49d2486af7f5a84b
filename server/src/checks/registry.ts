import type { Network } from '../model/network';
import { bridgeMtu } from './bridge-mtu';
import type { Check, CheckFinding } from './check';
import { forwardingOff } from './forwarding-off';
import { gatewayUnreachable } from './gateway-unreachable';
import { interfaceError } from './interface-error';
import { ipvsServer } from './ipvs-server';
import { ipvsService } from './ipvs-service';
import { networkMtu } from './network-mtu';
import { pairMtu } from './pair-mtu';
import { patchPeer } from './patch-peer';
import { portWatch } from './port-watch';
import { tunnelMtu } from './tunnel-mtu';
import { unreachedRule } from './unreached-rule';

/** Every check, one line each. */
const checks: readonly Check[] = [
  patchPeer,
  interfaceError,
  portWatch,
  pairMtu,
  bridgeMtu,
  tunnelMtu,
  networkMtu,
  ipvsService,
  ipvsServer,
  unreachedRule,
  gatewayUnreachable,
  forwardingOff,
];

const results = new WeakMap<Network, readonly CheckFinding[]>();

/** Everything that the checks find in a network; worked out once per snapshot. */
export function runChecks(network: Network): readonly CheckFinding[] {
  const known = results.get(network);
  if (known) return known;
  const found = checks.flatMap((check) => check(network));
  results.set(network, found);
  return found;
}
