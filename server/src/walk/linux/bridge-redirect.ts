import { formatAddress } from '../../kernel/packet';
import type { LinuxBridge } from '../../model/linux-bridge';
import type { Namespace } from '../../model/namespace';
import type { Host } from '../../model/network';
import { parseMac } from '../../packet/address';
import { get, set, vlanOf, type FlowKey } from '../../packet/flow-key';
import type { Context } from '../context';
import type { Ending, Step } from '../step';
import { at, eventSteps } from './events';
import { resolveNeighbour } from './neighbour';
import { ipPacketOf, tcpFlagsOf } from './packet';
import { withIpPacket } from '../../kernel/frame';
import { hasConnections, passNamespace, tellOpen } from './stack-walk';

/** What becomes of a bridged frame whose packet got another destination before the bridge looked at the frame. */
export type Redirected =
  /** The way to the new destination leads back into the bridge, which has asked all rules already. */
  | { readonly kind: 'stays'; readonly packet: FlowKey }
  /** The host routes it: the frame is for the bridge's own address now. */
  | { readonly kind: 'up'; readonly packet: FlowKey };

/**
 * br_nf_pre_routing_finish: the rules of PREROUTING and the connections that they made see a bridged packet before the bridge does. Where
 * they give it another destination, the bridge asks for the route to it. Undefined where they leave the destination as it is.
 */
export function redirected(
  context: Context,
  host: Host,
  namespace: Namespace,
  bridge: LinuxBridge,
  from: string,
  packet: FlowKey,
  steps: Step[],
): Redirected | Ending | undefined {
  const type = get(packet, 'dl_type');
  if ((type !== 0x800n && type !== 0x86ddn) || vlanOf(packet) !== undefined) return undefined;
  const state = { ...context.state, stacks: new Map(context.state.stacks) };
  const flags = tcpFlagsOf(context.isReply && hasConnections(context, namespace));
  const taken = passNamespace({ ...context, state }, namespace, {
    packet: ipPacketOf(packet, 0, flags),
    iif: undefined,
    bridged: { bridge: bridge.name, physIn: from, physOut: undefined },
    bridges: host.linuxBridges,
  });
  const { passage } = taken;
  const before = ipPacketOf(packet, 0, flags).dst;
  if (passage.packet.dst === before) return undefined;
  if (passage.verdict === 'local' || (passage.verdict === 'forwarded' && passage.nextHop !== undefined)) {
    const own = namespace.devices.get(bridge.name)?.mac;
    return { kind: 'up', packet: own === undefined ? packet : set(packet, 'dl_dst', parseMac(own) ?? 0n) };
  }
  for (const [key, table] of state.stacks) context.state.stacks.set(key, table);
  const own = { context, namespace, in: bridge.name, frame: packet, spared: taken.spared };
  for (const event of passage.events) steps.push(...eventSteps(own, event));
  tellOpen(context, namespace, taken);
  const moved = withIpPacket(packet, passage.packet);
  if (passage.verdict !== 'forwarded') {
    const last = steps.findLast((step) => step.effect === 'dropped');
    return {
      disposition: passage.undetermined || passage.verdict === 'insufficient-info' ? 'insufficient-info' : 'dropped',
      at: at(namespace, bridge.name),
      summary: last?.summary ?? `The kernel drops the packet: ${passage.why}`,
      packet: moved,
    };
  }
  const next = formatAddress(passage.packet.family, passage.packet.dst);
  const neighbour = resolveNeighbour(context, namespace, bridge.name, next);
  if (!neighbour) {
    const summary = `Nobody says which MAC address ${next} on ${bridge.name} has`;
    return { disposition: 'insufficient-info', at: at(namespace, bridge.name), summary, packet: moved };
  }
  return { kind: 'stays', packet: set(moved, 'dl_dst', parseMac(neighbour.mac) ?? 0n) };
}
