import type { Host } from '../model/network';
import { isPatch, isTunnel } from '../model/queries';
import type { FlowKey } from '../packet/flow-key';
import { linkFault } from '../kernel/link-fault';
import { isDown } from './linux/link-state';
import { route } from './linux/routing';
import type { Ending, Step } from './step';

/**
 * Where every card by which a host reaches the other end of its tunnel was captured as down, no packet of the tunnel passes. A switch that
 * has the tunnel's own address is left by its cards. Undefined where that is not so, or not known.
 */
export function underlayDown(host: Host, remote: string | undefined, packet: FlowKey, steps: Step[]): Ending | undefined {
  const root = host.namespaces.get('');
  if (!root || remote === undefined) return undefined;
  const way = route(root, remote, {});
  if (way.kind !== 'forward') return undefined;
  const bridge = host.bridges.get(way.device);
  const cards = bridge
    ? bridge.ports
        .filter((port) => port.name !== bridge.name && port.type !== 'internal' && !isPatch(port) && !isTunnel(port))
        .map(({ name }) => name)
    : [way.device];
  const [first] = cards;
  if (first === undefined || !cards.every((name) => linkFault(root.devices.get(name)) !== undefined)) return undefined;
  return isDown(host, { namespace: '', device: first }, true, packet, steps);
}
