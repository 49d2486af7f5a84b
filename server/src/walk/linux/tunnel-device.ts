import type { Device } from '../../model/device';
import type { Namespace } from '../../model/namespace';
import type { Host } from '../../model/network';
import type { Source } from '../../model/source';
import { bridgeOfMember, ovsPortNamed } from '../../model/queries';
import { get, set, vlanOf, type FlowKey } from '../../packet/flow-key';
import { addGap, inNamespace, type Context } from '../context';
import { isAnswer } from '../arp';
import { followCopies, type Copy } from '../copies';
import { destinationMac, type Ending, type Step } from '../step';
import { deviceOverhead } from '../../model/tunnel-overhead';
import { deviceEnd, endText, hostWithout, noFarEnd, otherDevices, portEnd } from '../tunnel-ends';
import { throughTunnel, type TunnelWay } from '../tunnel-size';
import { underlayDown } from '../underlay';
import { stepBase } from './events';
import { tunnelDevice, type TunnelDevice } from './tunnel-kind';
import { mapsVlans } from './vlan-tunnel';

const ANY = new Set(['any', '0.0.0.0', '::']);
/** The entry of a VXLAN device's table for every address that is not in it. */
const DEFAULT_MAC = '00:00:00:00:00:00';

interface Target {
  readonly ip: string;
  readonly source: Source | undefined;
  /** The network that it is sent in, where it is not the device's own. */
  readonly toVni?: number | undefined;
}

interface Targets {
  readonly targets: readonly Target[];
  /** The device's table has the address, and one host for it. */
  readonly exact: boolean;
  /** The table names a next hop for the address: its hosts are that one's, which chooses by a hash. */
  readonly nexthop?: number;
}

/** Where a tunnel device sends a frame: by its forwarding table, or to its one remote address. */
function targetsOf(namespace: Namespace, name: string, packet: FlowKey): Targets {
  const device = namespace.devices.get(name);
  const mac = destinationMac(packet);
  // A device of many networks looks in the table of the one that the frame is in.
  const number = Number(get(packet, 'tun_id'));
  const own = namespace.remotes.filter(({ dev, vni }) => dev === name && (vni === undefined || number === 0 || vni === number));
  const to = (row: (typeof own)[number]): Target[] =>
    row.ip === undefined ? [] : [{ ip: row.ip, source: row.source, toVni: row.toVni }];
  const exact = own.filter((row) => row.mac === mac);
  const shared = exact.find((row) => row.nexthop !== undefined);
  if (shared?.nexthop !== undefined) {
    const hosts = addressesOf(namespace, shared.nexthop).map((ip) => ({ ...shared, ip }));
    return { targets: hosts, exact: hosts.length === 1, nexthop: shared.nexthop };
  }
  if (exact.length > 0) return { targets: exact.flatMap(to), exact: true };
  const fallback: Target[] = own.filter((row) => row.mac === DEFAULT_MAC).flatMap(to);
  const remote = device?.settings['remote'] ?? device?.settings['group'];
  if (remote !== undefined && !ANY.has(remote) && !fallback.some(({ ip }) => ip === remote))
    fallback.push({ ip: remote, source: device?.sources[0] });
  return { targets: fallback, exact: own.length === 0 && fallback.length === 1 && device?.settings['group'] === undefined };
}

/** The addresses of a next hop or, where it is a group, of its members (ip-nexthop(8)); none where a member was not captured. */
function addressesOf({ nexthops }: Namespace, id: number): readonly string[] {
  const object = nexthops.get(id);
  const members =
    object === undefined ? [] : object.group.length === 0 ? [object] : object.group.map((one) => nexthops.get(one.id));
  const found = members.flatMap((member) => member?.via?.value ?? []);
  return found.length === members.length ? found : [];
}

/** A frame or packet leaves by a tunnel device of the kernel's and comes out of its twin on the other host (ip-link(8)). */
export function outOfTunnel(
  context: Context,
  host: Host,
  namespace: Namespace,
  name: string,
  named: TunnelDevice,
  packet: FlowKey,
  steps: Step[],
): Ending {
  const port = bridgeOfMember(host, namespace.name, name)?.members.find((one) => one.name === name);
  // What a bridge's port gives the numbers of its VLANs to has none of its own, whatever it is called.
  const tunnel = mapsVlans(port) && !named.said ? { type: 'vxlan', id: undefined, said: true } : named;
  const { targets, exact, nexthop } = targetsOf(namespace, name, packet);
  if (targets.length === 0 && nexthop === undefined && leadsNowhere(context, namespace, name, tunnel, packet))
    return toNobody(host, namespace, name, tunnel, packet, steps);
  const way = { host, namespace, name, tunnel, exact, nexthop };
  const [first, ...more] = targets;
  if (more.length === 0) return toTarget(context, way, first, packet, steps);
  // What is not in its table a VXLAN device sends to every host that is named for that.
  const copies = targets.map((target): Copy => ({
    host: host.name,
    namespace: namespace.name === '' ? null : namespace.name,
    stage: 'tunnel',
    device: name,
    port: target.ip,
    isLocal: false,
    packet,
    evidence: target.source ? [target.source] : [],
    go: (inner, own) => toTarget(inner, way, target, packet, own),
  }));
  return followCopies(context, copies, steps) ?? toTarget(context, way, first, packet, steps);
}

/**
 * A VXLAN device sends a frame to nobody for whom neither its table nor its own settings name a host (vxlan_xmit). From what came before an
 * answer it may have learned where that goes.
 */
function leadsNowhere(
  context: Context,
  { remotesShown, devices }: Namespace,
  name: string,
  tunnel: TunnelDevice,
  packet: FlowKey,
): boolean {
  const settings = devices.get(name)?.settings ?? {};
  const learns = settings['nolearning'] !== 'on' && settings['learning'] !== 'off';
  if (tunnel.type !== 'vxlan' || !tunnel.said || tunnel.id === undefined || settings['group6'] !== undefined) return false;
  if (learns && (context.isReply || isAnswer(packet))) return false;
  return remotesShown.has('*') || remotesShown.has(name);
}

function toNobody(host: Host, namespace: Namespace, name: string, tunnel: TunnelDevice, packet: FlowKey, steps: Step[]): Ending {
  const device = namespace.devices.get(name);
  const summary = `VXLAN device ${name}, VNI ${tunnel.id ?? '?'}, has no host for ${destinationMac(packet)} in its table, and none for all others: the frame is dropped`;
  steps.push({
    ...stepBase(namespace, name),
    stage: 'tunnel',
    summary,
    certainty: 'captured',
    packet,
    evidence: device?.sources.slice(0, 1) ?? [],
    steps: [],
    effect: 'dropped',
  });
  return { disposition: 'dropped', at: { host: host.name, device: name, port: null }, summary, packet };
}

interface Way {
  readonly host: Host;
  readonly namespace: Namespace;
  readonly name: string;
  readonly tunnel: TunnelDevice;
  /** Its table has the address. */
  readonly exact: boolean;
  /** The next hop that its table names in place of a host. */
  readonly nexthop: number | undefined;
}

function toTarget(context: Context, way: Way, to: Target | undefined, packet: FlowKey, steps: Step[]): Ending {
  const { host, namespace, name, exact, nexthop } = way;
  // A device of many networks says the number in every row; its twin has none of its own either.
  const ofMany = way.tunnel.id === undefined ? to?.toVni : undefined;
  const tunnel = to?.toVni === undefined || way.tunnel.id === undefined ? way.tunnel : { ...way.tunnel, id: to.toVni };
  const { network } = context;
  const device = namespace.devices.get(name);
  const mac = destinationMac(packet);
  const local = device?.settings['local'];
  const near = { host, type: tunnel.type, key: tunnel.id, local: local === undefined || ANY.has(local) ? undefined : local };
  // Without a table the only other host with a device of the same number is where the frame must come out.
  const guessed = to === undefined && tunnel.id !== undefined ? otherDevices(network, host, tunnel) : [];
  const far = to
    ? (deviceEnd(network, host, local, to.ip, tunnel) ??
      (ofMany === undefined ? undefined : deviceEnd(network, host, local, to.ip, { ...tunnel, id: ofMany })) ??
      portEnd(network, near, to.ip))
    : guessed.length === 1
      ? guessed[0]
      : undefined;
  const member = bridgeOfMember(host, namespace.name, name)?.members.find((port) => port.name === name);
  const evidence: Source[] = [
    ...(member ? [member.source] : (device?.sources.slice(0, 1) ?? [])),
    ...(to?.source ? [to.source] : []),
  ];
  const isVxlan = tunnel.type === 'vxlan';
  if (!to)
    addGap(context, {
      host: host.name,
      command: inNamespace(
        namespace,
        nexthop !== undefined ? 'ip nexthop' : isVxlan ? `bridge fdb show dev ${name}` : `ip -d link show ${name}`,
      ),
      why: `which host ${name} sends ${isVxlan ? `frames for ${mac}` : 'packets'} to`,
    });
  const byName = [{ host, namespace, device: name }, ...(far?.kind === 'device' ? [far] : [])].filter(
    (end) => tunnelDevice(end.device, end.namespace.devices.get(end.device))?.said === false,
  );
  for (const end of byName)
    addGap(context, {
      host: end.host.name,
      command: inNamespace(end.namespace, `ip -d link show ${end.device}`),
      why: `whether ${end.device} has the VNI that its name says`,
    });
  const id = tunnel.id ?? ofMany;
  const number = id === undefined ? '' : `, ${/^(?:vxlan|geneve)$/.test(tunnel.type) ? 'VNI' : 'key'} ${id}`;
  const sealed = id === undefined ? packet : set(packet, 'tun_id', BigInt(id));
  const long = throughTunnel(
    context,
    {
      host,
      remote: to?.ip,
      local:
        local ??
        (far?.kind === 'device' ? far.namespace.devices.get(far.device)?.settings['remote'] : far?.port.options['remote_ip']),
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
    ...byName.map((end) => `the name ${end.device} says that its VNI on ${end.host.name} is ${tunnel.id ?? 0}`),
    exact
      ? ''
      : nexthop !== undefined
        ? `the table of ${name} leads ${mac} to next hop ${nexthop}, ${to ? 'which chooses one of several hosts by a hash' : 'whose hosts were not captured'}`
        : to
          ? `${mac} is not in the table of ${name}: it goes to every host that is`
          : `${isVxlan ? `no forwarding table of ${name}` : `no far end of ${name}`} was captured${far ? `; ${far.host.name} alone has a device of ${isVxlan ? 'VNI' : 'number'} ${tunnel.id ?? 0}` : ''}`,
  ].filter((reason) => reason !== '');
  steps.push({
    ...stepBase(namespace, name),
    stage: 'tunnel',
    summary: `${isVxlan ? 'VXLAN' : tunnel.type === 'geneve' ? 'Geneve' : tunnel.type.toUpperCase()} device ${name}${number}${to ? `, to ${to.ip}` : ''}${far ? ` on ${far.host.name}` : ''}`,
    certainty: exact && byName.length === 0 ? 'captured' : to ? 'inferred' : 'assumed',
    ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
    packet: sealed,
    evidence,
    steps: [],
    ...(far ? {} : { effect: 'exits' as const }),
  });
  if (long) steps.push(long);
  const down = far && (underlayDown(host, to?.ip, sealed, steps) ?? underlayDown(far.host, local, sealed, steps));
  if (down) return down;
  if (far?.kind === 'port')
    return context.go(
      context,
      { kind: 'ovs-in', host: far.host.name, bridge: far.bridge.name, port: far.port.name },
      sealed,
      steps,
    );
  if (far)
    return context.go(
      context,
      { kind: 'device-in', host: far.host.name, namespace: far.namespace.name, device: far.device },
      ofMany === undefined
        ? packet
        : far.namespace.devices.get(far.device)?.vni === undefined
          ? sealed
          : set(packet, 'tun_id', 0n),
      steps,
    );
  const nobody = hostWithout(network, host, to?.ip);
  const what = endText(tunnel.type, tunnel.id);
  const at = { host: host.name, device: name, port: null };
  return noFarEnd(
    context,
    { at, name, remote: to?.ip, nobody, what, command: isVxlan ? 'bridge fdb show' : 'ip -d link' },
    sealed,
    steps,
  );
}

/** Whether the packets around others may be cut: VXLAN and Geneve set no DF unless told to, the older kinds do (ip-link(8), `df`, `pmtudisc`). */
function outerDf(tunnel: TunnelDevice, device: Device | undefined): TunnelWay['outerDf'] {
  const settings = device?.settings ?? {};
  if (!tunnel.said) return 'unsaid';
  if (tunnel.type !== 'vxlan' && tunnel.type !== 'geneve')
    return settings['nopmtudisc'] === 'on' || settings['pmtudisc'] === 'off' ? 'unset' : 'set';
  return settings['df'] === 'set' || settings['df'] === 'inherit' ? settings['df'] : 'unset';
}
