import { linkFault } from '../../kernel/link-fault';
import type { Host } from '../../model/network';
import { bridgeKeyIn } from '../../model/queries';
import type { FlowKey } from '../../packet/flow-key';
import type { Ending, Step } from '../step';
import { stepBase } from './events';

/**
 * A device that is down neither sends nor takes frames, and one without a carrier has nothing at its other end; undefined for others.
 * `sends`: the frame is to leave by it. A bridge has no carrier where none of its ports has one, so what came in by one of them passes.
 */
export function isDown(
  host: Host,
  { namespace, device: name }: { readonly namespace: string; readonly device: string },
  sends: boolean,
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  const inside = host.namespaces.get(namespace);
  const device = inside?.devices.get(name);
  const isBridge = host.bridges.has(name) || host.linuxBridges.has(bridgeKeyIn(namespace, name));
  const fault = isBridge && !sends && device?.up === true ? undefined : linkFault(device);
  if (!inside || !device || fault === undefined) return undefined;
  const summary = `${name} ${fault}${namespace === '' ? ` on ${host.name}` : ` in namespace ${namespace}`}: no frame passes it`;
  steps.push({
    ...stepBase(inside, name),
    stage: 'nic',
    summary,
    certainty: 'captured',
    packet,
    evidence: device.sources.slice(0, 1),
    steps: [],
    effect: 'dropped',
  });
  return { disposition: 'dropped', at: { host: host.name, device: name, port: null }, summary, packet };
}
