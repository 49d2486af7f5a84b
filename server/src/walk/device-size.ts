import type { Namespace } from '../model/namespace';
import type { Host } from '../model/network';
import { hasRole } from '../model/known-names';
import { bareNamespace } from '../model/queries';
import type { FlowKey } from '../packet/flow-key';
import { addDoubt, addGap, inNamespace, type Context } from './context';
import { stepBase } from './linux/events';
import {
  cut,
  deviceLimit,
  exceeds,
  fragmentCount,
  isInDoubt,
  limitText,
  noteLimits,
  sizeText,
  VLAN_ROOM,
  type MtuLimit,
} from './size';
import { isIpv6, type Ending, type Stage, type Step } from './step';

/** Where a frame meets a device that lets only so much through. */
interface Meeting {
  readonly limit: MtuLimit;
  readonly room: number;
  readonly stage: Stage;
  readonly device: string;
  readonly port: string | null;
  /** Who drops what is too long: `a bridge`. */
  readonly who: string;
}

/** Drops a frame that a device does not let through; undefined where it passes. Nobody is told of it below IP. */
function meet(context: Context, meeting: Meeting, packet: FlowKey, steps: Step[]): Ending | undefined {
  const { limit, room, stage, device, port, who } = meeting;
  noteLimits(context, [limit]);
  const { size } = context;
  if (!size || !exceeds(size, limit, room)) return undefined;
  const summary = `Too long for ${limit.device}: ${sizeText(size)} are more than it lets through (${limitText(limit)}); ${who} drops the frame, and nobody is told`;
  steps.push({
    host: limit.host,
    namespace: stage === 'ovs-port' ? null : limit.namespace,
    stage,
    device,
    port,
    summary,
    certainty: 'captured',
    packet,
    evidence: limit.evidence,
    steps: [],
    effect: 'dropped',
  });
  return { disposition: 'dropped', at: { host: limit.host, device, port }, summary, packet };
}

/** A switch hands a frame to the device of a port: not one byte beyond its MTU, tag aside (ovs_vport_send; AF_PACKET in userspace). */
export function outOfSwitchPort(
  context: Context,
  limit: MtuLimit,
  at: { readonly bridge: string; readonly port: string },
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  return meet(
    context,
    { limit, room: 0, stage: 'ovs-port', device: at.bridge, port: at.port, who: 'Open vSwitch' },
    packet,
    steps,
  );
}

/** The other end of a pair takes no more than its own MTU (veth_forward_skb, is_skb_forwardable). */
export function intoPeer(
  context: Context,
  host: Host,
  peer: { readonly namespace: string; readonly name: string },
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  const namespace = host.namespaces.get(peer.namespace) ?? bareNamespace(host.name, peer.namespace);
  const limit = deviceLimit(namespace, peer.name);
  return meet(context, { limit, room: VLAN_ROOM, stage: 'veth', device: peer.name, port: null, who: 'it' }, packet, steps);
}

/**
 * A guest's frame comes in by its device on the host: a tap takes whatever the guest sends (tun_get_user), one end of a pair no more than its MTU.
 * `named`: only its name says that it is a tap; `unsaid`: nothing does, and it matters.
 */
export function fromGuest(
  context: Context,
  host: Host,
  device: string,
  packet: FlowKey,
  steps: Step[],
): Ending | 'all' | 'named' | 'unsaid' {
  const root = host.namespaces.get('') ?? bareNamespace(host.name, '');
  const type = root.devices.get(device)?.type;
  if (type === 'veth') return intoPeer(context, host, { namespace: '', name: device }, packet, steps) ?? 'all';
  const { size } = context;
  if (type !== undefined || !size || !exceeds(size, deviceLimit(root, device), VLAN_ROOM)) return 'all';
  const why = `whether ${device} is a tap, which takes whatever its guest sends, or one end of a pair`;
  addGap(context, { host: host.name, command: 'ip -d link', why });
  return hasRole(device, 'tap', 'vnet', 'vhost-user') ? 'named' : 'unsaid';
}

/** A frame is about to leave a Linux bridge by a port. */
export interface BridgeExit {
  readonly namespace: Namespace;
  readonly bridge: string;
  readonly port: string;
  /** Whether br_netfilter has the packet: then the bridge cuts what may be cut (br_nf_dev_queue_xmit). */
  readonly calls: 'yes' | 'no' | 'unsaid';
}

/**
 * A Linux bridge sends a frame by a port: what is longer than the port's MTU is dropped (br_dev_queue_push_xmit). With br_netfilter IPv4 packets that
 * may be cut are, to the bridge's own MTU, and what may not be cut has no room beyond it. The size as it leaves, or how it ends.
 */
export function outOfBridge(context: Context, exit: BridgeExit, packet: FlowKey, steps: Step[]): Context | Ending {
  const { namespace, bridge, port, calls } = exit;
  const limit = deviceLimit(namespace, port);
  const { size } = context;
  const meeting = { limit, stage: 'linux-bridge' as const, device: bridge, port, who: `bridge ${bridge}` };
  const six = isIpv6(packet);
  if (!size || calls === 'no' || limit.mtu === undefined || size.length <= limit.mtu) {
    return meet(context, { ...meeting, room: VLAN_ROOM }, packet, steps) ?? context;
  }
  const own = namespace.devices.get(bridge)?.mtu;
  const mayCut = !six && !size.dontFragment;
  if (calls === 'unsaid') {
    // Which of both it does: only what neither lets through is lost for certain.
    const gap = {
      host: namespace.host,
      command: inNamespace(namespace, 'sysctl net.bridge.bridge-nf-call-iptables'),
      why: `whether ${bridge} drops what is longer than the MTU of ${port}, or cuts it (br_netfilter)`,
    };
    if (mayCut || size.length <= limit.mtu + VLAN_ROOM) {
      addGap(context, gap);
      addDoubt(context, gap);
    }
    return meet(context, { ...meeting, room: VLAN_ROOM }, packet, steps) ?? context;
  }
  if (!mayCut) return meet(context, { ...meeting, room: 0 }, packet, steps) ?? context;
  if (own === undefined || own >= size.length) {
    if (own === undefined) {
      const gap = {
        host: namespace.host,
        command: inNamespace(namespace, 'ip link'),
        why: `the MTU of ${bridge}, to which it cuts packets`,
      };
      addGap(context, gap);
      addDoubt(context, gap);
    }
    return meet(context, { ...meeting, room: VLAN_ROOM }, packet, steps) ?? context;
  }
  const after = cut(size, own, 4);
  const bridgeLimit = deviceLimit(namespace, bridge);
  steps.push({
    ...stepBase(namespace, bridge),
    stage: 'linux-bridge',
    summary: `${sizeText(size)} are more than the MTU of ${port} (${limit.mtu}): br_netfilter cuts ${size.length === size.whole ? 'the packet' : 'them again,'} into ${size.length === size.whole ? `${fragmentCount(size.length, own, 4)} ` : ''}fragments of up to ${after.length} bytes, by the MTU of ${bridge} (${own})`,
    certainty: 'captured',
    packet,
    evidence: [...limit.evidence, ...bridgeLimit.evidence],
    steps: [],
  });
  const next = { ...context, size: after };
  return meet(next, { ...meeting, room: VLAN_ROOM }, packet, steps) ?? next;
}

/**
 * A frame comes off a wire: the other end of a pair takes what fits its MTU; what a real card does with a longer one depends on the card.
 */
export function offTheWire(
  context: Context,
  host: Host,
  place: { readonly namespace: string; readonly device: string },
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  const namespace = host.namespaces.get(place.namespace) ?? bareNamespace(host.name, place.namespace);
  const limit = deviceLimit(namespace, place.device);
  const { size } = context;
  if (namespace.devices.get(place.device)?.type === 'veth')
    return meet(context, { limit, room: VLAN_ROOM, stage: 'nic', device: place.device, port: null, who: 'it' }, packet, steps);
  noteLimits(context, [limit]);
  if (!size || !exceeds(size, limit, 0)) return undefined;
  const summary = `${sizeText(size)} are more than the MTU of ${place.device} (${limit.mtu ?? '?'}): most cards drop such a frame when it comes in`;
  steps.push({
    ...stepBase(namespace, place.device),
    stage: 'nic',
    summary,
    certainty: 'assumed',
    reason: 'what a card takes beyond its MTU is its own affair',
    packet,
    evidence: limit.evidence,
    steps: [],
    effect: 'unknown',
  });
  addGap(context, {
    host: host.name,
    command: inNamespace(namespace, `ethtool -S ${place.device}`),
    why: `whether it counts frames that are too long (rx_length_errors, rx_oversize)`,
  });
  return { disposition: 'insufficient-info', at: { host: host.name, device: place.device, port: null }, summary, packet };
}

/** Packets that routing sends by a device whose MTU nobody captured may be cut there, which later devices would let through. */
export function doubtCut(context: Context, namespace: Namespace, limit: MtuLimit, packet: FlowKey): void {
  const { size } = context;
  if (!size || size.dontFragment || isIpv6(packet) || !isInDoubt(size, limit, 4)) return;
  const gap = {
    host: namespace.host,
    command: inNamespace(namespace, 'ip link'),
    why: `the MTU of ${limit.device}, by which the packet may be cut`,
  };
  addGap(context, gap);
  addDoubt(context, gap);
}
