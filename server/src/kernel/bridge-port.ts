import { hasRole } from '../model/known-names';
import type { Device } from '../model/device';
import type { BridgeMember, BridgeVlan, LinuxBridge } from '../model/linux-bridge';
import type { Namespace } from '../model/namespace';
import type { Source } from '../model/source';
import { formatMac, isMulticastMac } from '../packet/address';
import { AD_TAG, ANY_TAG, get, hasTagOf, pushVlan, tagProtocol, vlanOf, withoutVlan, type FlowKey } from '../packet/flow-key';
import { linkFault } from './link-fault';

/** Why a bridge does not let a frame in or out by a port, with what says so. */
export interface Refusal {
  /** What would have to be captured to be sure of it. */
  readonly unsaid?: string;
  readonly why: string;
  readonly evidence: readonly Source[];
}

/** How a bridge tells VLANs apart: not at all, by its ports' tables, or (`unsaid`) nobody captured whether it does. */
export interface Filtering {
  readonly on: boolean;
  readonly certainty: 'captured' | 'inferred';
  readonly reason: string | undefined;
  /** Of the tags that it looks at (`vlan_protocol`): what has another one counts as untagged. */
  readonly protocol: number;
}

const isOn = (value: string | undefined): boolean => value === 'on' || value === '1';
const isOff = (value: string | undefined): boolean => value === 'off' || value === '0';

/** The VLAN that every port is in until somebody configures others (`vlan_default_pvid`). */
const DEFAULT_PVID = 1;

/** Whether a bridge filters VLANs (ip-link(8), `vlan_filtering`); where that was not captured, its ports' tables tell. */
export function filteringOf(bridge: LinuxBridge, device: Device | undefined): Filtering {
  const said = device?.settings['vlan_filtering'];
  const protocol = tagProtocol(device?.settings['vlan_protocol']);
  if (said !== undefined) return { on: isOn(said), certainty: 'captured', reason: undefined, protocol };
  const rows = [...bridge.vlans.values()].flat();
  const configured = rows.some((row) => row.first !== DEFAULT_PVID || row.last !== DEFAULT_PVID || !row.untagged);
  return configured
    ? {
        on: true,
        protocol,
        certainty: 'inferred',
        reason: `bridge vlan shows VLANs that somebody configured on ${bridge.name}; whether vlan_filtering is on was not captured`,
      }
    : { on: false, certainty: 'captured', reason: undefined, protocol };
}

export function memberOf(bridge: LinuxBridge, name: string): BridgeMember | undefined {
  return bridge.members.find((member) => member.name === name);
}

function rowsOf(bridge: LinuxBridge, port: string): readonly BridgeVlan[] {
  return bridge.vlans.get(port) ?? [];
}

function rowFor(bridge: LinuxBridge, port: string, vlan: number): BridgeVlan | undefined {
  return rowsOf(bridge, port).find((row) => row.first <= vlan && vlan <= row.last);
}

/** Whether the captures say which VLANs a port carries: a whole `bridge vlan` leaves out the ports that carry none. */
function areVlansKnown(bridge: LinuxBridge, port: string): boolean {
  return bridge.vlans.has(port) || bridge.vlansKnown === 'whole';
}

/** A frame that is inside: its VLAN, what nobody says about that, and the protocol of the bridge's tags where it follows from the frame. */
export interface Entered {
  readonly vlan: number;
  readonly protocol?: number;
  readonly unsaid?: { readonly why: string; readonly command: string };
}

/** The VLAN that a frame is in once it is inside (br_allowed_ingress); 0 where the bridge tells none apart, or nobody says (`unsaid`). */
export function ingressVlan(bridge: LinuxBridge, filtering: Filtering, port: string, packet: FlowKey): Entered | Refusal {
  if (!filtering.on) return { vlan: 0 };
  if (!areVlansKnown(bridge, port))
    return { vlan: 0, unsaid: { why: `which VLANs ${port} carries was not captured`, command: 'bridge vlan' } };
  const rows = rowsOf(bridge, port);
  const tag = bridgeTag(filtering, packet);
  if (tag === undefined || tag === 0) {
    const pvid = rows.find((row) => row.pvid);
    return pvid
      ? (vlanStateRefusal(bridge, port, pvid.first) ?? { vlan: pvid.first })
      : {
          why: `${port} has no VLAN for untagged frames (PVID)`,
          evidence: rows.map(({ source }) => source).slice(0, 2),
        };
  }
  const row = rowFor(bridge, port, tag);
  const own = rows.find((each) => each.pvid);
  // A provider's bridge puts its own tag around: whether this is one, `ip -d link` would tell.
  if (!row && own && filtering.protocol === ANY_TAG)
    return {
      vlan: own.first,
      protocol: AD_TAG,
      unsaid: {
        why: `which tags ${bridge.name} looks at (vlan_protocol) was not captured: ${port} is not in VLAN ${tag}, so it is taken for a bridge of provider's tags`,
        command: 'ip -d link',
      },
    };
  return row
    ? (vlanStateRefusal(bridge, port, tag) ?? { vlan: tag })
    : { why: `${port} is not in VLAN ${tag}`, evidence: rows.map(({ source }) => source).slice(0, 2) };
}

/** The VLAN that a frame's tag names to the bridge; undefined where it has none of the bridge's protocol. */
function bridgeTag(filtering: Filtering, packet: FlowKey): number | undefined {
  return hasTagOf(packet, filtering.protocol) ? vlanOf(packet) : undefined;
}

/** The frame with the bridge's own tag, or without it; what other tags it has stay inside. */
function retagged(filtering: Filtering, vlan: number | undefined, packet: FlowKey): FlowKey {
  const inner = bridgeTag(filtering, packet) === undefined ? packet : withoutVlan(packet);
  return vlan === undefined ? inner : pushVlan(inner, vlan, filtering.protocol);
}

/** The frame as it leaves by a port: without its tag where the port's table says `Egress Untagged`. */
export function asLeaving(bridge: LinuxBridge, filtering: Filtering, port: string, vlan: number, packet: FlowKey): FlowKey {
  if (!filtering.on || vlan === 0) return packet;
  return retagged(filtering, rowFor(bridge, port, vlan)?.untagged === true ? undefined : vlan, packet);
}

/** A frame for the bridge's own host (br_pass_frame_up): the bridge's own rows say whether it is let in, and with its tag or without. */
export function asArriving(bridge: LinuxBridge, filtering: Filtering, vlan: number, packet: FlowKey): FlowKey | Refusal {
  if (!filtering.on || vlan === 0) return filtering.on ? retagged(filtering, undefined, packet) : packet;
  if (!areVlansKnown(bridge, bridge.name)) return retagged(filtering, undefined, packet);
  const row = rowFor(bridge, bridge.name, vlan);
  if (!row)
    return {
      why: `${bridge.name} itself is not in VLAN ${vlan}`,
      evidence: rowsOf(bridge, bridge.name).map(({ source }) => source),
    };
  return retagged(filtering, row.untagged ? undefined : vlan, packet);
}

/** Why a port takes no frames in by its spanning tree state; undefined where it does, or nobody says. */
export function stateRefusal(member: BridgeMember | undefined): Refusal | undefined {
  if (member?.state === undefined || !/^(?:blocking|listening|learning|disabled)$/.test(member.state)) return undefined;
  return {
    why: `${member.name} is ${member.state}`,
    evidence: member.stateSource ? [member.stateSource] : [member.source],
  };
}

/** Why a port takes no frames of one VLAN, or sends none, though it carries it: each VLAN may have a state of its own (bridge(8), `vlan set`). */
function vlanStateRefusal(bridge: LinuxBridge, port: string, vlan: number): Refusal | undefined {
  const row = rowsOf(bridge, port).find(({ first, last, state }) => first <= vlan && vlan <= last && state !== undefined);
  return row?.state === undefined || row.state === 'forwarding'
    ? undefined
    : { why: `${port} is ${row.state} in VLAN ${vlan}`, evidence: [row.source] };
}

/**
 * Why a locked port does not let a frame in (bridge(8), `locked`): the table must have the sender there already. `isSure` where the whole
 * table was captured and does not. Undefined where the port is not locked, or the sender is known.
 */
export function lockRefusal(
  bridge: LinuxBridge,
  port: BridgeMember | undefined,
  vlan: number,
  packet: FlowKey,
): (Refusal & { readonly isSure: boolean }) | undefined {
  if (!port || !isOn(port.settings['locked'])) return undefined;
  const mac = formatMac(get(packet, 'dl_src'));
  const isKnown = bridge.fdb.some(
    (row) =>
      row.mac === mac && row.dev === port.name && !row.permanent && (row.vlan === undefined || vlan === 0 || row.vlan === vlan),
  );
  if (isKnown) return undefined;
  const isSure = bridge.fdbKnown === 'whole';
  return {
    isSure,
    why: `${port.name} is locked, and ${isSure ? `the table of ${bridge.name} does not have ${mac} there` : `whether the table of ${bridge.name} has ${mac} there was not captured`}`,
    evidence: [port.stateSource ?? port.source],
  };
}

export interface Way {
  readonly bridge: LinuxBridge;
  readonly namespace: Namespace | undefined;
  readonly filtering: Filtering;
  /** The port that the frame came by; the bridge's own name for what its host sends. */
  readonly from: string;
  readonly vlan: number;
}

/** Why a frame that is for a port does not leave by it (should_deliver); undefined where it does. */
export function egressRefusal(way: Way, to: BridgeMember): Refusal | undefined {
  const { bridge, from, vlan } = way;
  const source = to.stateSource ?? to.source;
  if (to.name === from && !isOn(to.settings['hairpin']))
    return {
      why: `${to.name} is the port that it came from, and is not in hairpin mode`,
      evidence: [source],
      // Container runtimes switch it on for the ports of their containers.
      ...(to.settings['hairpin'] === undefined && hasRole(to.name, 'container') ? { unsaid: 'bridge -d link' } : {}),
    };
  const state = stateRefusal(to);
  if (state) return state;
  const device = way.namespace?.devices.get(to.name);
  const fault = linkFault(device);
  if (device && fault !== undefined) return { why: `${to.name} ${fault}`, evidence: device.sources.slice(0, 1) };
  if (way.filtering.on && vlan !== 0 && areVlansKnown(bridge, to.name) && !rowFor(bridge, to.name, vlan))
    return {
      why: `${to.name} is not in VLAN ${vlan}`,
      evidence: rowsOf(bridge, to.name)
        .map((row) => row.source)
        .slice(0, 2),
    };
  const vlanState = way.filtering.on && vlan !== 0 ? vlanStateRefusal(bridge, to.name, vlan) : undefined;
  if (vlanState) return vlanState;
  const other = memberOf(bridge, from);
  if (other && isOn(to.settings['isolated']) && isOn(other.settings['isolated']))
    return {
      why: `${from} and ${to.name} are isolated from one another`,
      evidence: [other.stateSource ?? other.source, source],
    };
  return undefined;
}

/** What nobody says of how a frame leaves by a port: whether it is in its VLAN, and with its tag. */
export function egressUnsaid({ bridge, filtering, vlan }: Way, port: string): NonNullable<Entered['unsaid']> | undefined {
  return filtering.on && vlan !== 0 && port !== bridge.name && !areVlansKnown(bridge, port)
    ? { why: `which VLANs ${port} carries was not captured`, command: 'bridge vlan' }
    : undefined;
}

/** Why a frame whose receiver the bridge does not know is not flooded to a port; undefined where it is. */
export function floodRefusal(to: BridgeMember, packet: FlowKey): Refusal | undefined {
  const destination = get(packet, 'dl_dst');
  const [setting, what] =
    destination === 0xffffffffffffn
      ? ['bcast_flood', 'broadcast frames']
      : isMulticastMac(destination)
        ? ['mcast_flood', 'multicast frames']
        : ['flood', 'frames for unknown addresses'];
  return isOff(to.settings[setting])
    ? { why: `${to.name} gets no ${what} (${setting} off)`, evidence: [to.stateSource ?? to.source] }
    : undefined;
}

/** 01:80:c2:00:00:0x: for the bridge itself, unless `group_fwd_mask` lets it through (IEEE 802.1D, ip-link(8)). */
export function isLinkLocal(packet: FlowKey, device: Device | undefined): boolean {
  const destination = get(packet, 'dl_dst');
  if (destination >> 4n !== 0x0180c200000n) return false;
  const mask = Number(device?.settings['group_fwd_mask'] ?? 0);
  return ((mask >> Number(destination & 0xfn)) & 1) === 0;
}
