import type { BridgeMember, LinuxBridge } from '../model/linux-bridge';
import { hasRole } from '../model/known-names';
import { bridgeKeyIn } from '../model/queries';
import { parseIp, parsePrefix } from '../packet/address';
import { callsIp6tables, callsIptables } from './bridge-netfilter';
import {
  egressRefusal,
  filteringOf,
  floodRefusal,
  egressUnsaid,
  ingressVlan,
  lockRefusal,
  memberOf,
  stateRefusal,
  type Entered,
  type Filtering,
  type Way,
} from './bridge-port';
import { askChance, askHidden } from './decide';
import { frameOf } from './frame';
import type { IpPacket } from './packet';
import type { Run } from './passage';

/** What a bridge does with a frame that came to one of its ports. */
export type BridgeWay =
  | { readonly kind: 'up' }
  | { readonly kind: 'out'; readonly port: string }
  | { readonly kind: 'refused'; readonly why: string }
  /** By a port that nobody captured, of which nothing is known. */
  | { readonly kind: 'unknown'; readonly why: string };

/** A frame that a port has let in. */
export interface Entry {
  readonly kind: 'in';
  readonly way: Way;
}

/** Whether a port lets a frame in (br_handle_frame, br_allowed_ingress). */
export function entryOf(run: Run, name: string, port: string): Entry | Extract<BridgeWay, { kind: 'refused' | 'unknown' }> {
  const { namespace, packet } = run;
  const bridge = run.input.bridges?.get(bridgeKeyIn(namespace.name, name));
  if (!bridge) return { kind: 'unknown', why: `${name} was not captured` };
  const member = memberOf(bridge, port);
  const shut = stateRefusal(member);
  if (shut) return { kind: 'refused', why: shut.why };
  const filtering = filteringFor(run, bridge);
  const frame = frameOf(packet);
  const entered = ingressVlan(bridge, filtering, port, frame);
  if (!('vlan' in entered)) return { kind: 'refused', why: entered.why };
  const lost = isLost(run, port, entered.unsaid);
  if (lost) return lost;
  const way = { bridge, namespace, filtering, from: port, vlan: entered.vlan };
  const locked = lockRefusal(bridge, member, entered.vlan, frame);
  if (!locked) return { kind: 'in', way };
  const isRefused =
    locked.isSure ||
    !askHidden(run, {
      key: `sender behind ${port}`,
      likely: true,
      reason: `${locked.why}; taken to have it`,
      command: `bridge fdb show br ${name}`,
    });
  return isRefused ? { kind: 'refused', why: locked.why } : { kind: 'in', way };
}

/** Whether the bridge tells VLANs apart, where its ports' tables alone speak for it. */
function filteringFor(run: Run, bridge: LinuxBridge): Filtering {
  const filtering = filteringOf(bridge, run.namespace.devices.get(bridge.name));
  if (filtering.reason === undefined) return filtering;
  const likely = askHidden(run, {
    key: `VLANs of ${bridge.name}`,
    likely: true,
    reason: `${filtering.reason}; taken to be on`,
    command: 'ip -d link',
  });
  return likely ? filtering : { ...filtering, on: false };
}

/** What a port does with a frame's VLAN that nobody captured is taken not to matter; whether it does is open. */
function isLost(run: Run, port: string, unsaid: Entered['unsaid']): Extract<BridgeWay, { kind: 'unknown' }> | undefined {
  if (!unsaid) return undefined;
  const { why, command } = unsaid;
  const question = { key: `VLANs of ${port}`, likely: true, reason: `${why}; it is taken to pass`, command };
  return askHidden(run, question) ? undefined : { kind: 'unknown', why };
}

/** Why a port does not send what came by another (should_deliver); undefined where it does. */
export function refusalBetween(run: Run, bridge: LinuxBridge, from: string, to: BridgeMember): string | undefined {
  const filtering = filteringOf(bridge, run.namespace.devices.get(bridge.name));
  return egressRefusal({ bridge, namespace: run.namespace, filtering, from, vlan: 0 }, to)?.why;
}

/** br_handle_frame_finish: to the host itself, out of a port, or nowhere. */
export function bridgeWay(run: Run, { way }: Entry): BridgeWay {
  const { packet } = run;
  const { bridge, from: port, vlan } = way;
  const { name } = bridge;
  const frame = frameOf(packet);
  const mac = macFor(run, bridge);
  if (mac === 'host') return { kind: 'up' };
  const isGroup = packet.frame === 'broadcast' || packet.frame === 'multicast';
  const others = bridge.members.filter(
    (member) =>
      member.name !== port && !egressRefusal(way, member) && (!bridgeKnows(bridge, isGroup) || !floodRefusal(member, frame)),
  );
  if (isGroup) return hasAddresses(run, name) ? { kind: 'up' } : oneOf(run, way, others, 'it is for a group', false);
  const rows = bridge.fdb.filter((row) => row.mac === mac && (vlan === 0 || row.vlan === undefined || row.vlan === vlan));
  const row =
    rows.find(({ dev, permanent }) => dev !== port && dev !== name && !permanent) ?? rows.find(({ permanent }) => !permanent);
  if (row) {
    const to = memberOf(bridge, row.dev);
    if (row.dev === port) {
      return isHairpin(run, bridge, port)
        ? { kind: 'out', port }
        : { kind: 'refused', why: `${name} sends nothing back by ${port}, the port that it came by` };
    }
    const refusal = to && egressRefusal(way, to);
    return refusal ? { kind: 'refused', why: refusal.why } : outBy(run, way, row.dev);
  }
  const seen = bridge.fdbKnown === 'whole';
  const to = mac ?? 'its destination';
  const why = seen ? `${to} is not in the MAC table of ${name}` : `which port of ${name} leads to ${to} was not captured`;
  return oneOf(run, way, others, why, !seen);
}

/** Frames are flooded for sure where they are for a group, or nobody has the address in a table that was captured whole. */
function bridgeKnows(bridge: LinuxBridge, isGroup: boolean): boolean {
  return isGroup || bridge.fdbKnown === 'whole';
}

/** Whether bridged packets pass the rules of this family (br_netfilter). */
export function passesRules(run: Run, bridge: string): boolean {
  const { namespace, packet } = run;
  const calls = packet.family === 4 ? callsIptables(namespace, { name: bridge }) : callsIp6tables(namespace, { name: bridge });
  if (calls !== 'unsaid') return calls === 'yes';
  const tables = packet.family === 4 ? namespace.netfilter : namespace.netfilter6;
  if (tables.size === 0 && namespace.nft.size === 0) return false;
  const likely = hasRole(bridge, 'hybrid-bridge');
  const setting = `net.bridge.bridge-nf-call-ip${packet.family === 4 ? '' : '6'}tables`;
  return askHidden(run, {
    key: `br_netfilter of ${bridge}`,
    likely,
    reason: `whether frames in ${bridge} pass iptables (br_netfilter) was not captured; taken ${likely ? 'to' : 'not to'}`,
    command: `sysctl ${setting}`,
  });
}

/** The address that the frame is for: `host` where that is this host; undefined where a question without one leaves it open. */
function macFor(run: Run, bridge: LinuxBridge): string | 'host' | undefined {
  const { namespace, packet } = run;
  const { dmac } = packet;
  const { name } = bridge;
  const own = namespace.devices.get(name);
  if (dmac !== undefined) {
    const ports = bridge.members.map((member) => namespace.devices.get(member.name)?.mac);
    if (own?.mac === dmac || ports.includes(dmac)) return 'host';
    const rows = bridge.fdb.filter(({ mac }) => mac === dmac);
    if (rows.some(({ dev, permanent }) => permanent && dev === name)) return 'host';
    if (own?.mac !== undefined || packet.frame === 'broadcast' || packet.frame === 'multicast' || rows.length > 0) return dmac;
    const isHost = askHidden(run, {
      key: `address of ${name}`,
      likely: hasAddresses(run, name),
      reason: `whether ${dmac} is ${name}'s own address was not captured`,
      command: 'ip link',
    });
    return isHost ? 'host' : dmac;
  }
  if (!hasAddresses(run, name)) return undefined;
  return neighbourOn(run, name, packet) ?? 'host';
}

/** Who on the bridge's own subnets has the packet's destination. */
function neighbourOn({ namespace }: Run, name: string, { family, dst }: IpPacket): string | undefined {
  const addresses = namespace.devices.get(name)?.addresses ?? [];
  const own = addresses.some(({ ip }) => parseIp(ip)?.family === family && parseIp(ip)?.value === dst);
  const near = addresses.some(({ ip, prefix }) => {
    const subnet = parsePrefix(`${ip}/${prefix}`);
    return subnet?.family === family && (dst & subnet.mask) === subnet.value;
  });
  if (own || !near) return undefined;
  return namespace.neighbours.find(({ dev, ip }) => dev === name && parseIp(ip)?.value === dst)?.mac;
}

function hasAddresses({ namespace, packet }: Run, name: string): boolean {
  return (namespace.devices.get(name)?.addresses ?? []).some(({ ip }) => parseIp(ip)?.family === packet.family);
}

/**
 * Whether a bridge sends back by a port what came by it (hairpin mode, bridge(8)). It is off unless somebody switches it on, as container
 * runtimes do for their containers' ports.
 */
export function isHairpin(run: Run, bridge: LinuxBridge | undefined, port: string): boolean {
  const said = bridge?.members.find(({ name }) => name === port)?.settings['hairpin'];
  if (said !== undefined) return /^(?:on|1)$/.test(said);
  return askHidden(run, {
    key: `hairpin of ${port}`,
    likely: false,
    reason: `whether ${port} is in hairpin mode was not captured; taken not to be`,
    command: 'bridge -d link',
  });
}

/** The port that the frame, or the copy of a flood that is followed, leaves by. */
function oneOf(run: Run, way: Way, ports: readonly BridgeMember[], why: string, isHidden: boolean): BridgeWay {
  const { name } = way.bridge;
  const [first, ...more] = ports;
  const isAll =
    isEachPortKnown(run) ||
    askHidden(run, {
      key: `further ports of ${name}`,
      likely: first !== undefined,
      reason: `${why}, and whether ${name} has further ports was not captured`,
      command: 'bridge link',
    });
  if (!isAll) return { kind: 'unknown', why: `${name} may have a port that was not captured` };
  if (first === undefined) return { kind: 'refused', why: `${name} has no other port that would take it` };
  const guests = ports.filter((port) => hasRole(port.name, 'tap', 'vnet', 'container'));
  const [uplink] = ports.filter((port) => !guests.includes(port));
  const likely = guests.length === more.length ? (uplink ?? first) : first;
  const ordered = [likely, ...ports.filter((port) => port !== likely)];
  const last = ordered.at(-1);
  const chosen = ordered.find((port) => {
    if (port === last) return true;
    const question = { key: `${name} to ${port.name}`, likely: port === likely };
    return isHidden
      ? askHidden(run, { ...question, reason: `${why}; taken to be ${port.name}`, command: `bridge fdb show br ${name}` })
      : askChance(run, { ...question, reason: `${why}: every port gets a copy, ${port.name} as well` });
  });
  return outBy(run, way, (chosen ?? first).name);
}

function outBy(run: Run, way: Way, port: string): BridgeWay {
  return isLost(run, port, egressUnsaid(way, port)) ?? { kind: 'out', port };
}

function isEachPortKnown({ namespace }: Run): boolean {
  return namespace.bridgesKnown === 'whole';
}
