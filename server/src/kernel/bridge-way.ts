import type { BridgeMember, LinuxBridge } from '../model/linux-bridge';
import { hasRole } from '../model/known-names';
import { bridgeKeyIn } from '../model/queries';
import { parseIp, parsePrefix } from '../packet/address';
import { callsIp6tables, callsIptables } from './bridge-netfilter';
import { askChance, askHidden } from './decide';
import type { IpPacket } from './packet';
import type { Run } from './passage';

/** What a bridge does with a frame that came to one of its ports. */
export type BridgeWay =
  | { readonly kind: 'up' }
  | { readonly kind: 'out'; readonly port: string }
  /** `late`: after the rules of PREROUTING have seen it. */
  | { readonly kind: 'refused'; readonly why: string; readonly late: boolean };

/** br_handle_frame, br_handle_frame_finish: to the host itself, out of a port, or nowhere. */
export function bridgeWay(run: Run, name: string, port: string): BridgeWay {
  const { namespace, packet } = run;
  const bridge = run.input.bridges?.get(bridgeKeyIn(namespace.name, name));
  const from = bridge?.members.find((member) => member.name === port);
  if (isShut(from)) return { kind: 'refused', why: `${port} is ${from?.state ?? 'disabled'}`, late: false };
  const vlan = pvidOf(run, name, bridge, port);
  if (vlan === 'none') return { kind: 'refused', why: `${port} has no VLAN for untagged frames`, late: false };
  const mac = macFor(run, name);
  if (mac === 'host') return { kind: 'up' };
  const others = (bridge?.members ?? []).filter(
    (member) => member.name !== port && !isShut(member) && !areIsolated(from, member) && carries(bridge, member.name, vlan),
  );
  if (packet.frame === 'broadcast' || packet.frame === 'multicast')
    return hasAddresses(run, name) ? { kind: 'up' } : oneOf(run, name, others, 'it is for a group', false);
  const rows = (bridge?.fdb ?? []).filter(
    (row) => row.mac === mac && (vlan === undefined || row.vlan === undefined || row.vlan === vlan),
  );
  const row =
    rows.find(({ dev, permanent }) => dev !== port && dev !== name && !permanent) ?? rows.find(({ permanent }) => !permanent);
  if (row) {
    const to = bridge?.members.find((member) => member.name === row.dev);
    const late = true;
    if (isShut(to)) return { kind: 'refused', why: `${row.dev} is ${to?.state ?? 'disabled'}`, late };
    if (to && row.dev !== port && areIsolated(from, to))
      return { kind: 'refused', why: `${port} and ${row.dev} are isolated from each other`, late };
    if (row.dev !== port || isHairpin(run, from)) return { kind: 'out', port: row.dev };
    return { kind: 'refused', why: `${name} sends nothing back by ${port}, the port that it came by`, late };
  }
  const seen = bridge?.fdbKnown === 'whole';
  const flooded = seen ? others.filter(({ settings }) => settings['flood'] !== 'off') : others;
  const to = mac ?? 'its destination';
  return oneOf(
    run,
    name,
    flooded,
    seen ? `${to} is not in the MAC table of ${name}` : `which port of ${name} leads to ${to} was not captured`,
    !seen,
  );
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

/** A port in these states of the spanning tree neither takes frames in nor sends any. */
function isShut(member: BridgeMember | undefined): boolean {
  return /^(?:blocking|listening|learning|disabled)$/.test(member?.state ?? '');
}

function areIsolated(one: BridgeMember | undefined, other: BridgeMember): boolean {
  return one?.settings['isolated'] === 'on' && other.settings['isolated'] === 'on';
}

/** The VLAN of untagged frames; undefined where the bridge tells none apart, or nobody says; `none` where the port takes none. */
function pvidOf(run: Run, name: string, bridge: LinuxBridge | undefined, port: string): number | 'none' | undefined {
  if (!/^(?:1|on)$/.test(run.namespace.devices.get(name)?.settings['vlan_filtering'] ?? '')) return undefined;
  const rows = bridge?.vlans.get(port);
  if (rows === undefined && bridge?.vlansKnown !== 'whole') return undefined;
  return rows?.find(({ pvid }) => pvid)?.first ?? 'none';
}

function carries(bridge: LinuxBridge | undefined, port: string, vlan: number | undefined): boolean {
  const rows = bridge?.vlans.get(port);
  if (vlan === undefined || (rows === undefined && bridge?.vlansKnown !== 'whole')) return true;
  return rows?.some(({ first, last }) => first <= vlan && vlan <= last) === true;
}

/** The address that the frame is for: `host` where that is this host; undefined where a question without one leaves it open. */
function macFor(run: Run, name: string): string | 'host' | undefined {
  const { namespace, packet } = run;
  const { dmac } = packet;
  const own = namespace.devices.get(name);
  const bridge = run.input.bridges?.get(bridgeKeyIn(namespace.name, name));
  if (dmac !== undefined) {
    const ports = (bridge?.members ?? []).map((member) => namespace.devices.get(member.name)?.mac);
    if (own?.mac === dmac || ports.includes(dmac)) return 'host';
    const rows = (bridge?.fdb ?? []).filter(({ mac }) => mac === dmac);
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

/** A container runtime switches it on for its containers' ports. */
function isHairpin(run: Run, member: BridgeMember | undefined): boolean {
  const said = member?.settings['hairpin'];
  if (said !== undefined || member === undefined) return said === 'on';
  return (
    hasRole(member.name, 'container') &&
    askHidden(run, {
      key: `hairpin of ${member.name}`,
      likely: false,
      reason: `whether ${member.name} is in hairpin mode was not captured; taken not to be`,
      command: 'bridge -d link',
    })
  );
}

/** The port that the frame, or the copy of a flood that is followed, leaves by. */
function oneOf(run: Run, name: string, ports: readonly BridgeMember[], why: string, isHidden: boolean): BridgeWay {
  const [first, ...more] = ports;
  if (first === undefined) return { kind: 'refused', why: `${name} has no other port that would take it`, late: true };
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
  return { kind: 'out', port: (chosen ?? first).name };
}
