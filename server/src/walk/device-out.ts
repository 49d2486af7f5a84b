import type { Device } from '../model/device';
import type { Namespace } from '../model/namespace';
import type { Host } from '../model/network';
import type { Source } from '../model/source';
import {
  bareNamespace,
  bridgeKeyIn,
  bridgeOfMember,
  instanceOf,
  linuxBridgeNamed,
  neutronPortOf,
  neutronPortWithMac,
  ovsPortNamed,
  networkOf,
} from '../model/queries';
import { pairElsewhere } from '../model/pairs-between';
import { isMulticastMac } from '../packet/address';
import { get, type FlowKey } from '../packet/flow-key';
import { isBond, outOfBond } from './linux/bond';
import { outOfVrf } from './linux/namespace';
import { isDown } from './linux/link-state';
import { isShared, outOfShared } from './linux/macvlan';
import { outOfTunnel } from './linux/tunnel-device';
import { tunnelDevice } from './linux/tunnel-kind';
import { outOfVlan, vlanDevice } from './linux/vlan-device';
import { intoOtherEnd, onTheWire } from './on-the-wire';
import { intoPeer, offTheWire } from './device-size';
import { outByMacvtap } from './macvtap';
import { attachedTo, attachmentOf, cannotBeGuest, cardBehind, isGuestPort } from './owner';
import { isAnswer, isRequest } from './arp';
import { arpAtInstance } from './arp-instance';
import { addGap, hostOf, inNamespace, type Context } from './context';
import { destinationIp, destinationMac, markLast, type Ending, type Place, type Step } from './step';
import { hasRole, hybridTwin, isCard, isNextToGuest, portIdPrefix } from '../model/known-names';

/** A frame that leaves by a device of Open vSwitch, rather than one that a namespace sends. */
const FROM_OVS = '\u0000ovs';

/** What is on the other side of a device: a switch, a veth's peer, a namespace, an instance, a wire. */
export function deviceOut(context: Context, place: Place & { kind: 'device-out' }, packet: FlowKey, steps: Step[]): Ending {
  const host = hostOf(context, place.host);
  const at = { host: place.host, device: place.device, port: null };
  if (!host) return { disposition: 'insufficient-info', at, summary: `Nothing of ${place.host} was captured`, packet };
  const down = host.bridges.has(place.device)
    ? undefined
    : isDown(host, { ...place, namespace: place.namespace === FROM_OVS ? '' : place.namespace }, true, packet, steps);
  if (down) return down;
  return place.namespace === FROM_OVS
    ? outOfSwitch(context, host, place.device, packet, steps)
    : outOfNamespace(context, host, place, packet, steps);
}

/** Sent by a namespace, or by a Linux bridge through its member: the device's other side is a switch, a peer or a wire. */
function outOfNamespace(
  context: Context,
  host: Host,
  place: Place & { kind: 'device-out' },
  packet: FlowKey,
  steps: Step[],
): Ending {
  const name = place.device;
  const namespace = host.namespaces.get(place.namespace) ?? bareNamespace(host.name, place.namespace);
  const device = namespace.devices.get(name);
  // What lies on another device of the guest leaves by that one, though it has the same address.
  const isUpper =
    vlanDevice(place.namespace, name, device) !== undefined ||
    (device !== undefined && (isShared(device) || isBond(namespace, device)));
  const guest = isUpper ? undefined : guestAttachment(context, host, place, device, packet, steps);
  if (guest) return guest;
  const tap = isUpper ? undefined : outByMacvtap(context, host, device, packet, steps);
  if (tap) return tap;
  const isRoot = place.namespace === '';
  const member = isRoot && bridgeOfMember(host, '', name) !== undefined;
  const peer = vethPeer(host, namespace, name);
  // A tap that a Linux bridge sends to is an instance's; anything else of the kind leads into the switch.
  if (member && isNextToGuest(name) && !peer) return toInstance(context, host, name, packet, steps, 'tap');
  // A namespace's device may be an internal port of the switch; one with a peer of its own is not.
  const ovs = isRoot || !device?.pair ? ovsPortNamed(host, name) : undefined;
  if (ovs)
    return context.go(context, { kind: 'ovs-in', host: host.name, bridge: ovs.bridge.name, port: ovs.port.name }, packet, steps);
  const bridge = linuxBridgeNamed(host, place.namespace, name);
  if (bridge)
    return context.go(
      context,
      { kind: 'linux-bridge-in', host: host.name, bridge: bridgeKeyIn(place.namespace, name), member: name },
      packet,
      steps,
    );
  if (peer) {
    steps.push(vethStep(host, namespace, name, peer, packet));
    return enter(context, host, peer, packet, steps);
  }
  if (device?.type === 'vrf') return outOfVrf(context, namespace, name, packet, steps);
  if (device && isShared(device)) return outOfShared(context, host, namespace, device, packet, steps);
  if (device && isBond(namespace, device)) return outOfBond(context, namespace, device, packet, steps);
  const sub = vlanDevice(place.namespace, name, device);
  if (sub) return outOfVlan(context, namespace, name, sub, packet, steps);
  const tunnel = tunnelDevice(name, device);
  if (tunnel) return outOfTunnel(context, host, namespace, name, tunnel, packet, steps);
  if (device && device.type === undefined && !isCard(name) && (device.pair || (device.noArp && device.peerIndex !== undefined)))
    return ofUnknownKind(context, host, namespace, device, packet);
  // No card by its name: it may be a tunnel.
  if (device && device.type === undefined && !isCard(name) && device.peerIndex === undefined && !isGuestPort(host, name))
    addGap(context, { host: host.name, command: inNamespace(namespace, 'ip -d link'), why: `what kind of device ${name} is` });
  return onTheWire(context, host, namespace, name, packet, steps);
}

/** A device on another one, of which nobody says what it does with a frame. */
function ofUnknownKind(context: Context, host: Host, namespace: Namespace, device: Device, packet: FlowKey): Ending {
  const why = `what kind of device ${device.name} is${device.pair ? `, which lies on ${device.pair.name}` : ''}`;
  addGap(context, { host: host.name, command: inNamespace(namespace, 'ip -d link'), why });
  return {
    disposition: 'insufficient-info',
    at: { host: host.name, device: device.name, port: null },
    summary: `It was not captured ${why}`,
    packet,
  };
}

/** Left an OVS bridge by a port: the frame is now on the device of that name. */
function outOfSwitch(context: Context, host: Host, name: string, packet: FlowKey, steps: Step[]): Ending {
  const ovs = ovsPortNamed(host, name);
  const local = host.bridges.has(name);
  if (local) return localPort(context, host, name, packet, steps);
  const bare = host.namespaces.get('') ?? bareNamespace(host.name, '');
  const root = bare.devices.get(name);
  const peer = vethPeer(host, bare, name);
  if (peer) {
    steps.push(vethStep(host, bare, name, peer, packet));
    return enter(context, host, peer, packet, steps);
  }
  const above = devicesOver(context, host, bare, root, packet, steps);
  if (above) return above;
  const inside = [...host.namespaces.values()].find((namespace) => namespace.name !== '' && namespace.devices.has(name));
  if (inside)
    return context.go(context, { kind: 'namespace-in', host: host.name, namespace: inside.name, device: name }, packet, steps);
  const neutron = neutronPortOf(context.network, name);
  if (
    ovs?.port.type !== 'internal' &&
    (hasRole(name, 'tap', 'vnet', 'vhost-user', 'container') || (neutron && instanceOf(context.network, neutron)))
  ) {
    return toInstance(context, host, name, packet, steps, 'tap');
  }
  if (neutron)
    return context.go(
      context,
      { kind: 'namespace-in', host: host.name, namespace: namespaceOf(context, host, name) ?? '', device: name },
      packet,
      steps,
    );
  // Only an internal port leads into the host itself: what leaves by a card goes out, whatever addresses the card has.
  const isOwn = ovs?.port.type === 'internal' || (ovs?.port.type === undefined && !isCard(name) && hasAddress(root));
  if (root && isOwn && root.addresses.length > 0)
    return context.go(context, { kind: 'namespace-in', host: host.name, namespace: '', device: name }, packet, steps);
  if (portIdPrefix(name) !== undefined || ovs?.port.type === 'internal') {
    addGap(context, { host: host.name, command: 'ip netns', why: `which namespace holds ${name}` });
    return {
      disposition: 'insufficient-info',
      at: { host: host.name, device: ovs?.bridge.name ?? name, port: name },
      summary: `What is behind ${name} was not captured`,
      packet,
    };
  }
  return onTheWire(context, host, bare, name, packet, steps);
}

function hasAddress(device: Device | undefined): boolean {
  return device?.addresses.some(({ ip }) => !ip.startsWith('fe80')) === true;
}

/** A device of the kernel's that is a port of a switch: what it is made on is where the frame goes. */
function devicesOver(
  context: Context,
  host: Host,
  bare: Namespace,
  device: Device | undefined,
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  if (!device) return undefined;
  if (isShared(device)) return outOfShared(context, host, bare, device, packet, steps);
  if (isBond(bare, device)) return outOfBond(context, bare, device, packet, steps);
  const sub = device.type === 'vlan' ? vlanDevice('', device.name, device) : undefined;
  if (sub) return outOfVlan(context, bare, device.name, sub, packet, steps);
  const tunnel = device.type === undefined ? undefined : tunnelDevice(device.name, device);
  return tunnel ? outOfTunnel(context, host, bare, device.name, tunnel, packet, steps) : undefined;
}

/** The namespace of a router's or DHCP's device: Neutron names it after the router or the network. */
function namespaceOf(context: Context, host: Host, name: string): string | undefined {
  const port = neutronPortOf(context.network, name);
  if (!port) return undefined;
  if (hasRole(name, 'router-inside', 'router-outside') && port.router !== undefined)
    return [...host.namespaces.keys()].find((ns) => ns === `qrouter-${port.router}`);
  const network = networkOf(context.network, port)?.id ?? port.network;
  return network === undefined ? undefined : [...host.namespaces.keys()].find((ns) => ns === `qdhcp-${network}`);
}

/** LOCAL is the bridge's own device in the host's root namespace. */
function localPort(context: Context, host: Host, name: string, packet: FlowKey, steps: Step[]): Ending {
  const root = host.namespaces.get('');
  const device = root?.devices.get(name);
  if (device && !device.up) {
    const summary = `${name} is down on ${host.name}: what leaves the bridge by LOCAL is lost`;
    markLast(steps, 'dropped');
    const last = steps.at(-1);
    if (last) steps[steps.length - 1] = { ...last, evidence: [...last.evidence, ...device.sources.slice(0, 1)] };
    return { disposition: 'dropped', at: { host: host.name, device: name, port: 'LOCAL' }, summary, packet };
  }
  // Where the host's addresses were captured, a device without one is its own device all the same.
  const shown = [...(root?.devices.values() ?? [])].some(({ addresses }) => addresses.length > 0);
  if ((device && shown) || isRequest(packet)) {
    return context.go(context, { kind: 'namespace-in', host: host.name, namespace: '', device: name }, packet, steps);
  }
  addGap(context, {
    host: host.name,
    command: 'ip a',
    why: `whether ${host.name} itself goes on with what leaves ${name} by LOCAL`,
  });
  const summary = `Exits by ${name}'s LOCAL port into ${host.name} itself, whose addresses and routes were not captured`;
  markLast(steps, 'exits');
  return {
    disposition: 'exits',
    at: { host: host.name, device: name, port: 'LOCAL' },
    summary,
    packet,
    back: { kind: 'ovs-in', host: host.name, bridge: name, port: name },
  };
}

interface Peer {
  readonly namespace: string;
  readonly name: string;
  readonly certainty: 'captured' | 'inferred';
  readonly reason: string | undefined;
  readonly evidence: readonly Source[];
}

/** The other end of a veth pair: by what either end says, or by the names that nova gives both. */
function vethPeer(host: Host, namespace: Namespace, name: string): Peer | undefined {
  const device = namespace.devices.get(name);
  // Both ends of a pair have ARP and name one another; what names a device that does not name it lies on that one.
  const { pair } = device ?? {};
  const other = pair?.namespace === namespace.name ? namespace.devices.get(pair.name) : undefined;
  const isMutual = other === undefined || other.peer === name || (other.peer === undefined && !other.masterShown);
  const mayBe = !name.includes('.') && device?.noArp !== true && isMutual;
  const isVeth = device?.type === undefined ? mayBe : device.type === 'veth';
  if (pair && isVeth) return pair;
  if (namespace.name !== '' || device?.peerIndex !== undefined || device?.linkNetnsId !== undefined) return undefined;
  for (const other of host.namespaces.get('')?.devices.values() ?? [])
    if (other.peer === name && (other.type === undefined || other.type === 'veth') && !other.name.includes('.'))
      return { namespace: '', name: other.name, certainty: 'captured', reason: undefined, evidence: other.sources.slice(0, 1) };
  const twin = hybridTwin(name);
  if (twin === undefined) return undefined;
  const exists = ovsPortNamed(host, twin) !== undefined || bridgeOfMember(host, '', twin) !== undefined;
  return exists
    ? {
        namespace: '',
        name: twin,
        certainty: 'inferred',
        reason: `${name} and ${twin} carry the same Neutron port id: nova makes them as the two ends of one veth pair`,
        evidence: [],
      }
    : undefined;
}

function vethStep(host: Host, namespace: Namespace, name: string, peer: Peer, packet: FlowKey): Step {
  const shown = hasRole(name, 'hybrid-inner') || !hasRole(peer.name, 'hybrid-inner') ? name : peer.name;
  const other = shown === name ? peer.name : name;
  const members = [...host.linuxBridges.values()].flatMap((bridge) =>
    bridge.members.filter((member) => bridge.namespace === namespace.name && (member.name === shown || member.name === other)),
  );
  const crossing =
    peer.namespace === namespace.name
      ? ''
      : ` ${peer.namespace === '' ? `of ${host.name} itself` : `in namespace ${peer.namespace}`}`;
  const said = [...members.map(({ source }) => source), ...(ovsPortNamed(host, other)?.port.sources.slice(0, 1) ?? [])];
  return {
    host: host.name,
    namespace: namespace.name === '' ? null : namespace.name,
    stage: 'veth',
    device: shown,
    port: null,
    summary: `veth pair ${name} → ${peer.name}${crossing}`,
    certainty: peer.certainty,
    ...(peer.reason === undefined ? {} : { reason: peer.reason }),
    packet,
    evidence: said.length > 0 && crossing === '' ? said : [...peer.evidence, ...said],
    steps: [],
  };
}

/** The frame comes out of the other end of a pair. */
function enter(context: Context, host: Host, peer: Peer, packet: FlowKey, steps: Step[]): Ending {
  const long = intoPeer(context, host, peer, packet, steps);
  if (long) return long;
  return context.go(context, { kind: 'device-in', host: host.name, namespace: peer.namespace, device: peer.name }, packet, steps);
}

/** A machine whose own captures show its device: it hangs on a tap of its hypervisor. */
function guestAttachment(
  context: Context,
  host: Host,
  place: Place & { kind: 'device-out' },
  device: Device | undefined,
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  if (place.namespace !== '' || !context.network.instances.some((instance) => instance.guest === host.name)) return undefined;
  const attachment = attachmentOf(
    context.network,
    device?.mac,
    device?.mac === undefined ? undefined : neutronPortWithMac(context.network, device.mac),
  );
  // A card that another machine's bridge has learned behind its own is on the wire between them.
  return attachment?.direct === true
    ? context.go(
        context,
        { kind: 'instance', name: host.name, tap: { host: attachment.host.name, device: attachment.device } },
        packet,
        steps,
      )
    : undefined;
}

/** A frame goes to the instance behind a tap. */
function toInstance(context: Context, host: Host, tap: string, packet: FlowKey, steps: Step[], stage: 'tap'): Ending {
  const mac = destinationMac(packet);
  const neutron = neutronPortOf(context.network, tap) ?? neutronPortWithMac(context.network, mac);
  const known = cardBehind(context.network, host.name, tap);
  const near = host.namespaces.get('')?.devices.get(tap);
  const far = near && pairElsewhere(context.network, near)?.device;
  const instance =
    (neutron && instanceOf(context.network, neutron)) ??
    (known?.card.mac === mac || known?.card.mac === undefined ? known?.instance : undefined) ??
    (far && context.network.instances.find(({ guest }) => guest === far.host)) ??
    guestWithMac(context, mac, { host, device: tap });
  const own = near?.mac;
  const expected = neutronPortOf(context.network, tap)?.mac ?? known?.card.mac ?? far?.mac ?? neutron?.mac;
  const named = expected ?? (instance ? undefined : attachedTo(host, tap)?.mac);
  const other = named ?? (cannotBeGuest(tap, own, mac) ? `what ${own ?? ''} on ${tap} is made from` : undefined);
  const ovs = ovsPortNamed(host, tap);
  const member = [...host.linuxBridges.values()].flatMap((bridge) =>
    bridge.members.filter((candidate) => candidate.name === tap),
  );
  steps.push({
    host: host.name,
    namespace: null,
    stage,
    device: tap,
    port: null,
    summary: `Tap ${tap}: into the instance's interface`,
    certainty: 'captured',
    packet,
    evidence: [...member.map(({ source }) => source), ...(ovs?.port.sources.slice(0, 1) ?? [])],
    steps: [],
  });
  if (isRequest(packet) || isAnswer(packet))
    return arpAtInstance(context, { host, tap, instance: instance ?? known?.instance, neutron, mac: expected }, packet, steps);
  const name = instance?.name ?? known?.instance.name ?? neutron?.name ?? (neutron ? `port ${neutron.id.slice(0, 11)}` : tap);
  const group = isMulticastMac(get(packet, 'dl_dst'));
  if (other !== undefined && other !== mac && !group) {
    const summary = `${name} ignores the frame: it is for ${mac}, not for ${other}`;
    markLast(steps, 'dropped');
    return { disposition: 'dropped', at: { host: host.name, device: tap, port: null }, summary, packet };
  }
  if (far && (far.mac === mac || group)) return intoOtherEnd(context, near, far, packet, steps);
  if (instance?.guest !== undefined) {
    const guest = context.network.hosts.get(instance.guest);
    const device = [...(guest?.namespaces.get('')?.devices.values() ?? [])].find((candidate) => candidate.mac === mac);
    if (guest && device) {
      const long = offTheWire(context, guest, { namespace: '', device: device.name }, packet, steps);
      if (long) return long;
    }
    if (guest && device)
      return context.go(context, { kind: 'namespace-in', host: guest.name, namespace: '', device: device.name }, packet, steps);
  }
  const owns =
    neutron?.ips.some(({ ip }) => ip === destinationIp(packet)) ??
    instance?.ips.some(({ ip }) => ip === destinationIp(packet)) ??
    false;
  const summary = `Delivered to ${instance ? `instance ${name}` : name}${owns ? ` (${destinationIp(packet)})` : ''}`;
  const certain = expected !== undefined && owns;
  if (expected === undefined) {
    const id = portIdPrefix(tap);
    addGap(context, {
      host: id === undefined ? host.name : null,
      command: id === undefined ? 'virsh domiflist' : `openstack port list | grep ${id}`,
      why: `whose card is behind ${tap}`,
    });
  }
  steps.push({
    host: host.name,
    namespace: null,
    stage: 'instance',
    device: name,
    port: null,
    summary,
    certainty: certain ? 'inferred' : 'assumed',
    reason: certain
      ? neutron
        ? `the Neutron port list gives ${destinationIp(packet)} and ${mac} to this port`
        : `libvirt gives ${mac} to ${name}, and a neighbour table has ${destinationIp(packet)} there`
      : expected === undefined
        ? 'whose interface is behind the tap was not captured'
        : `${mac} is this card's; that ${destinationIp(packet)} is its address was not captured`,
    packet,
    evidence: [
      ...(instance?.sources.slice(0, 1) ?? []),
      ...(neutron?.sources.slice(0, 1) ?? []),
      ...(known ? [known.card.source] : []),
    ],
    steps: [],
    effect: 'delivered',
  });
  return {
    disposition: 'delivered',
    at: { host: host.name, device: name, port: tap },
    summary,
    packet,
    back: { kind: 'instance', name, tap: { host: host.name, device: tap } },
  };
}

/** The captured guest whose card has a MAC, if nobody says that the card is behind another device than that one. */
function guestWithMac(context: Context, mac: string, behind: { readonly host: Host; readonly device: string }) {
  const attachment = attachmentOf(context.network, mac, undefined);
  const isElsewhere =
    attachment !== undefined && attachment.direct && (attachment.host !== behind.host || attachment.device !== behind.device);
  if (isElsewhere) return undefined;
  return context.network.instances.find((instance) => {
    const root = instance.guest === undefined ? undefined : context.network.hosts.get(instance.guest)?.namespaces.get('');
    return [...(root?.devices.values() ?? [])].some((device) => device.mac === mac);
  });
}
