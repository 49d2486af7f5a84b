import type { Device, Host, Namespace, Source } from '../../model/network';
import { bridgeOfMember, hostHasIp, ovsPortNamed } from '../../model/queries';
import { set, vlanOf, type FlowKey } from '../../packet/flow-key';
import { addGap, inNamespace, type Context } from '../context';
import { destinationMac, type Ending, type Step } from '../step';
import { deviceOverhead } from '../../model/tunnel-overhead';
import { throughTunnel, type TunnelWay } from '../tunnel-size';
import { underlayDown } from '../underlay';
import { stepBase } from './events';

/** A tunnel device of the kernel's: what kind, and which of the tunnels between two hosts it is. */
export interface TunnelDevice {
  readonly type: string;
  /** VXLAN's and Geneve's network identifier, GRE's key; undefined where it has none or nobody says it. */
  readonly id: number | undefined;
  /** `ip -d link` says so, not the name alone. */
  readonly said: boolean;
}

const TYPES = /^(?:vxlan|geneve|gre|gretap|ip6gre|ip6gretap|erspan|ipip|sit|ip6tnl)$/;
const ANY = new Set(['any', '0.0.0.0', '::']);
/** The entry of a VXLAN device's table for every address that is not in it. */
const DEFAULT_MAC = '00:00:00:00:00:00';

/** Whether a device is a tunnel of the kernel's, by what `ip -d link` says or by the name that Neutron's agent gives it. */
export function tunnelDevice(name: string, device: Device | undefined): TunnelDevice | undefined {
  if (device?.vni !== undefined) return { type: device.type ?? 'vxlan', id: device.vni, said: true };
  if (device?.type !== undefined) {
    if (!TYPES.test(device.type)) return undefined;
    const key = device.settings['id'] ?? device.settings['key'] ?? device.settings['okey'] ?? device.settings['ikey'];
    return { type: device.type, id: numberOf(key), said: true };
  }
  const named = /^(?:vxlan-?|flannel\.)(\d+)$/.exec(name)?.[1];
  return named === undefined ? undefined : { type: 'vxlan', id: Number(named), said: false };
}

/** A key is printed as a dotted quad by `ip -d link`, as a number elsewhere. */
function numberOf(key: string | undefined): number | undefined {
  if (key === undefined) return undefined;
  if (/^\d+$/.test(key)) return Number(key);
  if (/^0x[\da-f]+$/i.test(key)) return parseInt(key, 16);
  const quad = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(key);
  return quad ? quad.slice(1).reduce((value, part) => value * 256 + Number(part), 0) : undefined;
}

interface FarEnd {
  readonly host: Host;
  readonly namespace: Namespace;
  readonly device: string;
}

interface Target {
  readonly ip: string;
  readonly source: Source | undefined;
}

/** Where a tunnel device sends a frame: by its forwarding table, or to its one remote address. */
function targetsOf(namespace: Namespace, name: string, packet: FlowKey): { readonly targets: Target[]; readonly exact: boolean } {
  const device = namespace.devices.get(name);
  const mac = destinationMac(packet);
  const own = namespace.remotes.filter(({ dev }) => dev === name);
  const exact = own.filter((row) => row.mac === mac);
  if (exact.length > 0) return { targets: exact, exact: true };
  const fallback: Target[] = own.filter((row) => row.mac === DEFAULT_MAC);
  const remote = device?.settings['remote'] ?? device?.settings['group'];
  if (remote !== undefined && !ANY.has(remote) && !fallback.some(({ ip }) => ip === remote))
    fallback.push({ ip: remote, source: device?.sources[0] });
  return { targets: fallback, exact: own.length === 0 && fallback.length === 1 && device?.settings['group'] === undefined };
}

/** A frame or packet leaves by a tunnel device of the kernel's and comes out of its twin on the other host (ip-link(8)). */
export function outOfTunnel(
  context: Context,
  host: Host,
  namespace: Namespace,
  name: string,
  tunnel: TunnelDevice,
  packet: FlowKey,
  steps: Step[],
): Ending {
  const device = namespace.devices.get(name);
  const mac = destinationMac(packet);
  const { targets, exact } = targetsOf(namespace, name, packet);
  const ends = targets.map((target) => ({ target, far: farEnd(context, host, device, target.ip, tunnel) }));
  const captured = ends.find(({ far }) => far !== undefined);
  // Without a table the only other host with a device of the same number is where the frame must come out.
  const guessed = targets.length === 0 && tunnel.id !== undefined ? otherEnds(context, host, tunnel) : [];
  const far = captured?.far ?? (guessed.length === 1 ? guessed[0] : undefined);
  const to = captured?.target ?? targets[0];
  const member = bridgeOfMember(host, namespace.name, name)?.members.find((port) => port.name === name);
  const evidence: Source[] = [
    ...(member ? [member.source] : (device?.sources.slice(0, 1) ?? [])),
    ...(to?.source ? [to.source] : []),
  ];
  const isVxlan = tunnel.type === 'vxlan';
  if (targets.length === 0)
    addGap(context, {
      host: host.name,
      command: inNamespace(namespace, isVxlan ? `bridge fdb show dev ${name}` : `ip -d link show ${name}`),
      why: `which host ${name} sends ${isVxlan ? `frames for ${mac}` : 'packets'} to`,
    });
  const number = tunnel.id === undefined ? '' : `, ${/^(?:vxlan|geneve)$/.test(tunnel.type) ? 'VNI' : 'key'} ${tunnel.id}`;
  const sealed = tunnel.id === undefined ? packet : set(packet, 'tun_id', BigInt(tunnel.id));
  const long = throughTunnel(
    context,
    {
      host,
      remote: to?.ip,
      local: device?.settings['local'] ?? far?.namespace.devices.get(far.device)?.settings['remote'],
      far: far?.host,
      overhead: deviceOverhead(tunnel.type, device, to?.ip, vlanOf(packet) !== undefined),
      outerDf: outerDf(tunnel, device),
      bridged: member !== undefined || ovsPortNamed(host, name) !== undefined,
      of: 'kernel',
      step: { ...stepBase(namespace, name) },
      evidence,
    },
    sealed,
    steps,
  );
  if (long && 'disposition' in long) return long;
  const reasons = [
    tunnel.said ? '' : `the name ${name} says that its VNI is ${tunnel.id ?? 0}`,
    exact
      ? ''
      : targets.length > 0
        ? `${mac} is not in the table of ${name}: it goes to every host that is`
        : `${isVxlan ? `no forwarding table of ${name}` : `no far end of ${name}`} was captured${far ? `; ${far.host.name} alone has a device of ${isVxlan ? 'VNI' : 'number'} ${tunnel.id ?? 0}` : ''}`,
  ].filter((reason) => reason !== '');
  steps.push({
    ...stepBase(namespace, name),
    stage: 'tunnel',
    summary: `${isVxlan ? 'VXLAN' : tunnel.type === 'geneve' ? 'Geneve' : tunnel.type.toUpperCase()} device ${name}${number}${to ? `, to ${to.ip}` : ''}${far ? ` on ${far.host.name}` : ''}`,
    certainty: exact && tunnel.said ? 'captured' : targets.length > 0 ? 'inferred' : 'assumed',
    ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
    packet: sealed,
    evidence,
    steps: [],
    ...(far ? {} : { effect: 'exits' as const }),
  });
  if (long) steps.push(long);
  const down =
    far && (underlayDown(host, to?.ip, sealed, steps) ?? underlayDown(far.host, device?.settings['local'], sealed, steps));
  if (down) return down;
  if (far)
    return context.go(
      context,
      { kind: 'device-in', host: far.host.name, namespace: far.namespace.name, device: far.device },
      packet,
      steps,
    );
  addGap(context, {
    host: null,
    command: isVxlan ? 'bridge fdb show' : 'ip -d link',
    why: `on the host with tunnel address ${to?.ip ?? '(unknown)'}: no captured host has it`,
  });
  return {
    disposition: 'exits',
    at: { host: host.name, device: name, port: null },
    summary: `Leaves the captured network into ${name}: no captured host has tunnel address ${to?.ip ?? '(unknown)'}`,
    packet: sealed,
  };
}

/** Whether the packets around others may be cut: VXLAN and Geneve set no DF unless told to, the older kinds do (ip-link(8), `df`, `pmtudisc`). */
function outerDf(tunnel: TunnelDevice, device: Device | undefined): TunnelWay['outerDf'] {
  const settings = device?.settings ?? {};
  if (!tunnel.said) return 'unsaid';
  if (tunnel.type !== 'vxlan' && tunnel.type !== 'geneve')
    return settings['nopmtudisc'] === 'on' || settings['pmtudisc'] === 'off' ? 'unset' : 'set';
  return settings['df'] === 'set' || settings['df'] === 'inherit' ? settings['df'] : 'unset';
}

/** The twin of a tunnel device on the host that has its remote address: same kind, same number, and not meant for somebody else. */
function farEnd(context: Context, from: Host, own: Device | undefined, ip: string, tunnel: TunnelDevice): FarEnd | undefined {
  const local = own?.settings['local'];
  for (const host of context.network.hosts.values()) {
    if (host === from || !hostHasIp(host, ip)) continue;
    const found = twins(host, tunnel).filter(({ namespace, device }) => {
      const settings = namespace.devices.get(device)?.settings ?? {};
      const { remote: back, local: at } = settings;
      const toOther = back !== undefined && local !== undefined && !ANY.has(back) && back !== local;
      return !toOther && (at === undefined || ANY.has(at) || at === ip);
    });
    if (found[0]) return found[0];
  }
  return undefined;
}

function otherEnds(context: Context, from: Host, tunnel: TunnelDevice): FarEnd[] {
  return [...context.network.hosts.values()].filter((host) => host !== from).flatMap((host) => twins(host, tunnel).slice(0, 1));
}

function twins(host: Host, tunnel: TunnelDevice): FarEnd[] {
  const isTwin = (name: string, device: Device | undefined): boolean => {
    const other = tunnelDevice(name, device);
    return other !== undefined && other.type === tunnel.type && other.id === tunnel.id;
  };
  const found: FarEnd[] = [];
  for (const namespace of host.namespaces.values()) {
    const members = [...host.linuxBridges.values()]
      .filter((bridge) => bridge.namespace === namespace.name)
      .flatMap((bridge) => bridge.members.map(({ name }) => name));
    for (const name of new Set([...members, ...namespace.devices.keys()]))
      if (isTwin(name, namespace.devices.get(name))) found.push({ host, namespace, device: name });
  }
  return found;
}
