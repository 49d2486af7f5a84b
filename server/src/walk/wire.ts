import type { Device } from '../model/device';
import type { LinuxBridge } from '../model/linux-bridge';
import type { Namespace } from '../model/namespace';
import type { Host } from '../model/network';
import type { OvsBridge, OvsPort } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import { hasRole } from '../model/known-names';
import {
  bridgeKeyIn,
  bridgeOfMember,
  isPatch,
  isTunnel,
  linuxBridgeNamed,
  neutronPortWithMac,
  onLink,
  ovsPortNamed,
  patchPeer,
} from '../model/queries';
import { hasTagOf, pushVlan, Q_TAG, tagProtocol, vlanOf, withoutVlan, withVlan, type FlowKey } from '../packet/flow-key';
import type { Context } from './context';
import { isBond, slavesOf } from './linux/bond';
import { isShared } from './linux/macvlan';
import { tunnelDevice } from './linux/tunnel-kind';
import { vlanDevice, vlanDeviceFor } from './linux/vlan-device';
import { attachmentOf, isGuestPort } from './owner';
import { destinationIp, sourceIp, sourceMac, type Certainty, type Place } from './step';

/** A device that has the address a frame is for. */
export interface Receiver {
  readonly host: Host;
  readonly namespace: Namespace;
  readonly device: Device;
}

/** Where a frame that is on the wire of one host comes in at another, and why that is believed. */
export interface Arrival {
  readonly place: Place & { kind: 'device-in' };
  readonly packet: FlowKey;
  readonly certainty: Certainty;
  readonly reason: string;
  readonly evidence: readonly Source[];
}

/**
 * The way from a wire to one of the receivers. A machine behind a switch of its host gets the frame by that switch's uplink, never past
 * it. Of several receivers the one that has the packet's own address counts, then those that have any (of a router that stands by, the
 * devices have none). Undefined where that leaves none or several.
 */
export function arrivalOf(
  context: Context,
  from: { readonly host: Host; readonly device: string },
  receivers: readonly Receiver[],
  packet: FlowKey,
): Arrival | undefined {
  const others = receivers.filter(({ host }) => host !== from.host);
  const asked = others.filter(({ device }) => device.addresses.some(({ ip }) => ip === destinationIp(packet)));
  const addressed = others.filter(({ device }) => device.addresses.some(({ ip }) => !ip.startsWith('fe80')));
  const likely = asked.length > 0 ? asked : addressed.length > 0 ? addressed : others;
  // Calico gives one address to the node's ends of all pairs: the one that knows the sender is meant.
  const knowing = likely.length > 1 ? likely.filter((receiver) => knowsSender(receiver, packet)) : [];
  const chosen = knowing.length > 0 ? knowing : likely;
  // Routers that stand in for one another have one address of hardware, and only the active one has others.
  const standsBy =
    knowing.length === 0 &&
    !others.some(({ namespace, device }) =>
      [...namespace.devices.values()].some(
        ({ mac, addresses }) => mac === device.mac && addresses.some(({ ip }) => !ip.startsWith('fe80')),
      ),
    );
  const found = new Map<string, Arrival>();
  for (const receiver of chosen.map(onCard)) {
    const arrival = arrivalAt(context, from, receiver, packet);
    if (arrival) found.set(placeKey(arrival.place), arrival);
  }
  const [only, second] = found.values();
  if (only === undefined || second !== undefined) return undefined;
  return standsBy
    ? {
        ...only,
        certainty: 'assumed',
        reason: `${only.reason}; no address of its own was captured there, so it may stand by for another machine that has the same one`,
      }
    : only;
}

/** What is for a device that shares a card comes in by the card. */
function onCard(receiver: Receiver): Receiver {
  const { pair } = receiver.device;
  const namespace = isShared(receiver.device) && pair ? receiver.host.namespaces.get(pair.namespace) : undefined;
  const device = pair && namespace?.devices.get(pair.name);
  return namespace && device ? { ...receiver, namespace, device } : receiver;
}

/** The receiver's neighbour table, or a route to one address alone, has the sender on this very device. */
function knowsSender({ namespace, device }: Receiver, packet: FlowKey): boolean {
  const mac = sourceMac(packet);
  if (namespace.neighbours.some((neighbour) => neighbour.dev === device.name && neighbour.mac === mac)) return true;
  const ip = sourceIp(packet);
  return namespace.routes.some(
    ({ route }) =>
      route.dev?.value === device.name &&
      route.via === undefined &&
      route.dst.value.ip === ip &&
      route.dst.value.prefix === (ip.includes(':') ? 128 : 32),
  );
}

function placeKey(place: Place): string {
  return JSON.stringify(place);
}

function arrivalAt(
  context: Context,
  from: { readonly host: Host; readonly device: string },
  receiver: Receiver,
  packet: FlowKey,
): Arrival | undefined {
  const { host, namespace, device } = receiver;
  const owned = `${device.name} on ${host.name} has ${device.mac ?? 'the address'}`;
  const isGuest = namespace.name === '' && context.network.instances.some(({ guest }) => guest === host.name);
  const attachment =
    isGuest && device.mac !== undefined
      ? attachmentOf(context.network, device.mac, neutronPortWithMac(context.network, device.mac))
      : undefined;
  if (attachment?.direct === true) {
    // The port that it hangs on is the one that the frame leaves by: nothing is between.
    if (attachment.host === from.host)
      return attachment.device === from.device ? straight(from, receiver, owned, packet) : undefined;
    const root = attachment.host.namespaces.get('');
    const uplinks = uplinksBeyond(attachment.host, '', attachment.device, root?.devices.get(attachment.device));
    const said = `${owned}, which is behind ${attachment.device} on ${attachment.host.name}`;
    return byUplink(from, uplinks, said, [...attachment.evidence, ...device.sources.slice(0, 1)], packet);
  }
  const uplinks = uplinksBeyond(host, namespace.name, device.name, device);
  if (uplinks !== undefined) return byUplink(from, uplinks, owned, device.sources.slice(0, 1), packet);
  return straight(from, receiver, owned, packet);
}

/** The receiver's own card is on the wire. What a switch between does with a tag is seen by what comes the other way only. */
function straight(
  from: { readonly host: Host; readonly device: string },
  { host, namespace, device }: Receiver,
  owned: string,
  packet: FlowKey,
): Arrival {
  const place: Arrival['place'] = { kind: 'device-in', host: host.name, namespace: namespace.name, device: device.name };
  const evidence = device.sources.slice(0, 1);
  const reason = `${owned}: taken to be on the same wire`;
  const tag = vlanOf(packet);
  const takes =
    tag === undefined ||
    vlanDeviceFor(host, { namespace: namespace.name, name: device.name }, packet) !== undefined ||
    bridgeOfMember(host, namespace.name, device.name) !== undefined ||
    ovsPortNamed(host, device.name) !== undefined;
  const moved = bySubnet(from, { host, namespace, device }, packet);
  if (moved)
    return {
      place,
      packet: moved.packet,
      certainty: 'inferred',
      reason: `${reason}; ${moved.reason}`,
      evidence: [...evidence, ...moved.evidence],
    };
  if (takes) return { place, packet, certainty: 'inferred', reason, evidence };
  const back = ovsPortNamed(from.host, from.device);
  const rows = back?.bridge.fdb.filter(({ mac, ofport }) => mac === device.mac && ofport === back.port.ofport) ?? [];
  const row = rows.find(({ vlan }) => vlan === tag);
  // Where nothing comes the other way, nobody knows what a switch between makes of the tag.
  if (!back || !row) return { place, packet, certainty: rows.length > 0 ? 'inferred' : 'assumed', reason, evidence };
  return {
    place,
    packet: withoutVlan(packet),
    certainty: 'inferred',
    reason: `${reason}; frames from ${device.mac ?? 'it'} come to ${from.device} in VLAN ${tag} (MAC table of ${back.bridge.name}), and no device of ${host.name} makes that tag: the switch between is taken to put it on and off`,
    evidence: [...evidence, row.source],
  };
}

/**
 * A card with VLAN devices and one without, with addresses of one subnet: the switch between puts the tag on and takes it off. Undefined where
 * both are alike.
 */
function bySubnet(
  from: { readonly host: Host; readonly device: string },
  to: Receiver,
  packet: FlowKey,
): { readonly packet: FlowKey; readonly reason: string; readonly evidence: readonly Source[] } | undefined {
  const tag = vlanOf(packet);
  const sender = { host: from.host, namespace: from.host.namespaces.get('') };
  const card = sender.namespace?.devices.get(from.device);
  if (!sender.namespace || !card) return undefined;
  const words = (vlan: number, tagged: Device, plain: Device, host: Host) =>
    `${tagged.name} of ${host.name} is in one subnet with ${plain.name}, so a switch between is taken to have put ${plain.name} into VLAN ${vlan}`;
  if (tag === undefined) {
    if (to.device.addresses.some(({ ip }) => !ip.startsWith('fe80'))) return undefined;
    const over = vlansOver(to.namespace, to.device).filter(({ device }) => share(device, card));
    const [only, second] = over;
    if (!only || second) return undefined;
    return {
      packet: withVlan(packet, only.vlan),
      reason: words(only.vlan, only.device, card, to.host),
      evidence: [...only.device.sources.slice(0, 1), ...card.sources.slice(0, 1)],
    };
  }
  if (vlansOver(to.namespace, to.device).some(({ vlan }) => vlan === tag)) return undefined;
  const bond = card.master === undefined ? undefined : sender.namespace.devices.get(card.master);
  const own = [card, ...(bond ? [bond] : [])]
    .flatMap((lower) => vlansOver(sender.namespace ?? to.namespace, lower))
    .find(({ vlan, device }) => vlan === tag && share(device, to.device));
  return (
    own && {
      packet: withoutVlan(packet),
      reason: words(tag, own.device, to.device, from.host),
      evidence: [...own.device.sources.slice(0, 1), ...to.device.sources.slice(0, 1)],
    }
  );
}

function vlansOver(namespace: Namespace, lower: Device): { readonly vlan: number; readonly device: Device }[] {
  return [...namespace.devices.values()].flatMap((device) => {
    const sub = vlanDevice(namespace.name, device.name, device);
    return sub && sub.lower.namespace === namespace.name && sub.lower.name === lower.name ? [{ vlan: sub.vlan, device }] : [];
  });
}

/** Whether two devices have addresses of one subnet. */
function share(a: Device, b: Device): boolean {
  return b.addresses.some(({ ip }) => !ip.startsWith('fe80') && onLink(a, ip));
}

/** A port by which a host's switch is on a wire. */
interface Uplink {
  readonly place: Place & { kind: 'device-in' };
  readonly name: string;
  /** The tag that frames have there whatever they had before; undefined where it stays. */
  readonly tag: number | undefined;
  /** What the switch has learned on the port: address, and the VLAN that its frames have on the wire; undefined where that is not told. */
  readonly learned: readonly { readonly mac: string; readonly vlan: number | undefined; readonly source: Source }[];
  readonly where: string;
  /** Of the tags that the switch looks at. */
  readonly protocol: number;
}

function byUplink(
  from: { readonly device: string },
  uplinks: readonly Uplink[] | undefined,
  owned: string,
  evidence: readonly Source[],
  packet: FlowKey,
): Arrival | undefined {
  const sender = sourceMac(packet);
  const known = (uplinks ?? []).flatMap((uplink) => {
    // A router's card is learned in each of its VLANs: that of the frame counts first.
    const rows = uplink.learned.filter(({ mac }) => mac === sender);
    const row = rows.find(({ vlan }) => vlan === undefined || vlan === (vlanOf(packet) ?? 0)) ?? rows[0];
    return row ? [{ uplink, row }] : [];
  });
  const [seen, another] = known;
  if (seen && !another) {
    const { uplink, row } = seen;
    const vlan = uplink.tag ?? row.vlan ?? vlanOf(packet) ?? 0;
    return {
      place: uplink.place,
      packet:
        vlan === 0
          ? withoutVlan(packet)
          : hasTagOf(packet, uplink.protocol)
            ? withVlan(packet, vlan)
            : pushVlan(packet, vlan, uplink.protocol),
      certainty: 'inferred',
      reason: `${owned}; ${uplink.where} has learned ${sender} on ${uplink.name}${vlan === 0 ? '' : ` in VLAN ${vlan}`}`,
      evidence: [...evidence, row.source],
    };
  }
  const [only, second] = uplinks ?? [];
  if (!only || second) return undefined;
  const tagged = only.tag === undefined || only.tag === 0 ? packet : withVlan(packet, only.tag);
  const vlan = vlanOf(tagged);
  return {
    place: only.place,
    packet: tagged,
    certainty: 'assumed',
    reason: `${owned}, and ${only.name} is the only way into ${only.where}; its MAC table does not have ${sender}, which would tell by which VLAN it comes: taken to come ${vlan === undefined ? 'untagged' : `in VLAN ${vlan}`}, as it left ${from.device}`,
    evidence,
  };
}

/** The uplinks of the switch that a device hangs on; undefined where it hangs on none. */
function uplinksBeyond(host: Host, namespace: string, name: string, device: Device | undefined): readonly Uplink[] | undefined {
  const ovs = namespace === '' || device?.pair === undefined ? ovsPortNamed(host, name) : undefined;
  if (ovs) return isOutward(host, ovs.bridge, ovs.port) ? undefined : ovsUplinks(host, ovs.bridge);
  if (host.bridges.has(name) && namespace === '') {
    const bridge = host.bridges.get(name);
    return bridge && ovsUplinks(host, bridge);
  }
  if (linuxBridgeNamed(host, namespace, name)) return linuxUplinks(host, namespace, name);
  const member = bridgeOfMember(host, namespace, name);
  // The address of a bridge is that of one of its ports, and what is for it comes in by any of them.
  if (member && (isGuestPort(host, name) || host.namespaces.get(namespace)?.devices.get(member.name)?.mac === device?.mac))
    return linuxUplinks(host, namespace, member.name);
  const pair = device?.pair;
  if (pair === undefined) return undefined;
  const onSwitch = pair.namespace === '' ? ovsPortNamed(host, pair.name) : undefined;
  if (onSwitch) return ovsUplinks(host, onSwitch.bridge);
  const bridge = bridgeOfMember(host, pair.namespace, pair.name);
  return bridge && linuxUplinks(host, pair.namespace, bridge.name);
}

function isOutward(host: Host, bridge: OvsBridge, port: OvsPort): boolean {
  if (isPatch(port) || isTunnel(port) || port.type === 'internal' || port.name === bridge.name) return false;
  if (isGuestPort(host, port.name) || hasRole(port.name, 'hybrid-inner')) return false;
  const inside = [...host.namespaces.values()].some((namespace) => namespace.name !== '' && namespace.devices.has(port.name));
  return !inside && host.namespaces.get('')?.devices.get(port.name)?.pair === undefined;
}

/** Ports out of the host, of the bridge and of those that patch ports join to it. */
function ovsUplinks(host: Host, start: OvsBridge): Uplink[] {
  const seen = new Set([start]);
  const uplinks: Uplink[] = [];
  for (const bridge of seen) {
    for (const port of bridge.ports) {
      const pair = host.namespaces.get('')?.devices.get(port.name)?.pair;
      const next = (isPatch(port) ? patchPeer(host, port) : pair?.namespace === '' ? ovsPortNamed(host, pair.name) : undefined)
        ?.bridge;
      if (next) seen.add(next);
      if (!isOutward(host, bridge, port)) continue;
      uplinks.push({
        place: { kind: 'device-in', host: host.name, namespace: '', device: port.name },
        name: port.name,
        tag: port.tag === undefined ? undefined : 0,
        learned: bridge.fdb.filter((row) => row.ofport !== undefined && row.ofport === port.ofport),
        where: `${bridge.name} of ${host.name}`,
        protocol: Q_TAG,
      });
    }
  }
  return uplinks;
}

/** Of a bond the device that takes frames: its active one, else any. */
function wireOf(host: Host, namespace: string, name: string): string {
  const inside = host.namespaces.get(namespace);
  const bond = inside?.devices.get(name);
  if (!inside || !isBond(inside, bond)) return name;
  const slaves = slavesOf(inside, name);
  const active = slaves.find((slave) => slave.name === bond?.settings['active_slave']) ?? slaves.find(({ up }) => up);
  return active?.name ?? name;
}

/** The tag that the frames of a VLAN have on the wire of a port: none where the port's own is that one (PVID). */
export function wireVlan(bridge: LinuxBridge | undefined, port: string, vlan: number | undefined): number | undefined {
  const own = bridge?.vlans.get(port)?.find(({ pvid }) => pvid);
  return vlan === undefined || own === undefined ? vlan : own.first === vlan ? 0 : vlan;
}

/** Ports of a Linux bridge that are no guest's, no tunnel's and no pair's; of a VLAN device the card below. */
function linuxUplinks(host: Host, namespace: string, name: string): Uplink[] {
  const bridge = host.linuxBridges.get(bridgeKeyIn(namespace, name));
  const devices = host.namespaces.get(namespace)?.devices;
  return (bridge?.members ?? []).flatMap((member): Uplink[] => {
    const device = devices?.get(member.name);
    const sub = vlanDevice(namespace, member.name, device);
    if (isGuestPort(host, member.name) || tunnelDevice(member.name, device)) return [];
    const shares = device !== undefined && isShared(device);
    if (device?.pair !== undefined && sub === undefined && !shares) return [];
    const below = sub?.lower ?? (shares ? device.pair : undefined) ?? { namespace, name: member.name };
    const lower = { namespace: below.namespace, name: wireOf(host, below.namespace, below.name) };
    return [
      {
        place: { kind: 'device-in', host: host.name, namespace: lower.namespace, device: lower.name },
        name: member.name,
        tag: sub?.vlan,
        learned: (bridge?.fdb ?? [])
          .filter((row) => row.dev === member.name && !row.permanent)
          .map(({ mac, vlan, source }) => ({ mac, vlan: sub?.vlan ?? wireVlan(bridge, member.name, vlan), source })),
        where: `${name} of ${host.name}`,
        protocol: sub?.protocol ?? tagProtocol(devices?.get(name)?.settings['vlan_protocol']),
      },
    ];
  });
}
