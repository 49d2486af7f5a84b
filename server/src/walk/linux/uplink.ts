import type { Device, Host, LinuxBridge, Source } from '../../model/network';
import { hostHasIp } from '../../model/queries';
import { get, set, vlanOf, withVlan, type FlowKey } from '../../packet/flow-key';
import { addGap, type Context } from '../context';
import { destinationMac, type Ending, type Place, type Step } from '../step';

/** The VLAN and the lower device of a sub-interface such as `eth1.101`; undefined for other devices. */
export function subInterface(
  name: string,
  device: Device | undefined,
): { readonly lower: string; readonly vlan: number; readonly said: boolean } | undefined {
  const dotted = /^([\w-]+)\.(\d{1,4})$/.exec(name);
  if (device?.type === 'vlan' && device.peer !== undefined && device.vlanId !== undefined)
    return { lower: device.peer, vlan: device.vlanId, said: true };
  if (!dotted || (device?.type !== undefined && device.type !== 'vlan')) return undefined;
  return {
    lower: device?.peer ?? dotted[1] ?? name,
    vlan: device?.vlanId ?? Number(dotted[2]),
    said: device?.vlanId !== undefined,
  };
}

/** A frame leaves by a VLAN sub-interface: it is tagged and goes out of the device below. */
export function outOfSubInterface(
  context: Context,
  host: Host,
  name: string,
  sub: { readonly lower: string; readonly vlan: number; readonly said: boolean },
  device: Device | undefined,
  packet: FlowKey,
  steps: Step[],
): Ending {
  const tagged = withVlan(packet, sub.vlan);
  steps.push({
    host: host.name,
    namespace: null,
    stage: 'nic',
    device: name,
    port: null,
    summary: `${name} tags the frame with VLAN ${sub.vlan} and sends it by ${sub.lower}`,
    certainty: sub.said ? 'captured' : 'inferred',
    ...(sub.said ? {} : { reason: `the name ${name} says so; ip -d link would` }),
    packet: tagged,
    evidence: device?.sources.slice(0, 1) ?? [],
    steps: [],
  });
  return context.go(context, { kind: 'device-out', host: host.name, namespace: '', device: sub.lower }, tagged, steps);
}

/** The sub-interface of a device that takes frames of a VLAN. */
export function subInterfaceFor(host: Host, lower: string, packet: FlowKey): string | undefined {
  const vlan = vlanOf(packet);
  if (vlan === undefined) return undefined;
  for (const device of host.namespaces.get('')?.devices.values() ?? []) {
    const sub = subInterface(device.name, device);
    if (sub?.lower === lower && sub.vlan === vlan) return device.name;
  }
  return undefined;
}

/** Whether a device is a VXLAN device of the kernel's. */
export function vniOf(name: string, device: Device | undefined): { readonly vni: number; readonly said: boolean } | undefined {
  if (device?.vni !== undefined) return { vni: device.vni, said: true };
  const named = /^vxlan-?(\d+)$/.exec(name)?.[1];
  return named === undefined || (device?.type !== undefined && device.type !== 'vxlan')
    ? undefined
    : { vni: Number(named), said: false };
}

interface FarEnd {
  readonly host: Host;
  readonly place: Place;
}

/** A frame leaves by a kernel VXLAN device: its forwarding table says to which host. */
export function outOfVxlan(
  context: Context,
  host: Host,
  name: string,
  tunnel: { readonly vni: number; readonly said: boolean },
  packet: FlowKey,
  steps: Step[],
): Ending {
  const bridge = [...host.linuxBridges.values()].find((candidate) => candidate.members.some((member) => member.name === name));
  const mac = destinationMac(packet);
  const own = bridge?.remotes.filter((remote) => remote.dev === name) ?? [];
  const exact = own.filter((remote) => remote.mac === mac);
  const chosen = exact.length > 0 ? exact : own.filter((remote) => remote.mac === '00:00:00:00:00:00');
  const ends = chosen.map((remote) => ({ remote, far: farEnd(context, remote.ip, tunnel.vni) }));
  const captured = ends.find(({ far }) => far !== undefined);
  // Without a table the only other host with a device of the same VNI is where the frame must come out.
  const guessed = chosen.length === 0 ? otherEnds(context, host, tunnel.vni) : [];
  const far = captured?.far ?? (guessed.length === 1 ? guessed[0] : undefined);
  const to = captured?.remote ?? chosen[0];
  const evidence: Source[] = [
    ...(bridge?.members.filter((member) => member.name === name).map(({ source }) => source) ?? []),
    ...(to ? [to.source] : []),
  ];
  if (chosen.length === 0)
    addGap(context, {
      host: host.name,
      command: `bridge fdb show dev ${name}`,
      why: `which host ${name} sends frames for ${mac} to`,
    });
  const sure = exact.length > 0 && tunnel.said;
  const sealed = set(packet, 'tun_id', BigInt(tunnel.vni));
  const reasons = [
    tunnel.said ? '' : `the name ${name} says that its VNI is ${tunnel.vni}`,
    exact.length > 0
      ? ''
      : chosen.length > 0
        ? `${mac} is not in the table of ${name}: it goes to every host that is`
        : `no forwarding table of ${name} was captured${far ? `; ${far.host.name} alone has a device of VNI ${tunnel.vni}` : ''}`,
  ].filter((reason) => reason !== '');
  steps.push({
    host: host.name,
    namespace: null,
    stage: 'tunnel',
    device: name,
    port: null,
    summary: `VXLAN device ${name}, VNI ${tunnel.vni}${to ? `, to ${to.ip}` : ''}${far ? ` on ${far.host.name}` : ''}`,
    certainty: sure ? 'captured' : chosen.length > 0 ? 'inferred' : 'assumed',
    ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
    packet: sealed,
    evidence,
    steps: [],
    ...(far ? {} : { effect: 'exits' as const }),
  });
  if (far) return context.go(context, far.place, set(packet, 'tun_id', get(packet, 'tun_id')), steps);
  addGap(context, {
    host: null,
    command: 'bridge fdb show',
    why: `on the host with tunnel address ${to?.ip ?? '(unknown)'}: no captured host has it`,
  });
  return {
    disposition: 'exits',
    at: { host: host.name, device: name, port: null },
    summary: `Leaves the captured network into ${name}: no captured host has tunnel address ${to?.ip ?? '(unknown)'}`,
    packet: sealed,
  };
}

function farEnd(context: Context, ip: string, vni: number): FarEnd | undefined {
  const host = [...context.network.hosts.values()].find((candidate) => hostHasIp(candidate, ip));
  return host && placeAt(host, vni);
}

function otherEnds(context: Context, from: Host, vni: number): FarEnd[] {
  return [...context.network.hosts.values()].filter((host) => host !== from).flatMap((host) => placeAt(host, vni) ?? []);
}

function placeAt(host: Host, vni: number): FarEnd | undefined {
  const devices = host.namespaces.get('')?.devices;
  const isEnd = (member: string): boolean => vniOf(member, devices?.get(member))?.vni === vni;
  const bridge: LinuxBridge | undefined = [...host.linuxBridges.values()].find((candidate) =>
    candidate.members.some((member) => isEnd(member.name)),
  );
  const member = bridge?.members.find((candidate) => isEnd(candidate.name));
  return bridge && member
    ? { host, place: { kind: 'linux-bridge-in', host: host.name, bridge: bridge.name, member: member.name } }
    : undefined;
}
