import type { Host, Namespace } from '../../model/network';
import { bareNamespace, neutronPortOf, neutronPortWithIp, portIdPrefix, routerName } from '../../model/queries';
import { formatIpv4, isMulticastMac, parseIp, parseMac } from '../../packet/address';
import { get, set, withoutVlan, type FlowKey } from '../../packet/flow-key';
import { addGap, hostOf, inNamespace, type Connection, type Context } from '../context';
import { answers, sameTuple, tupleOf } from '../openflow/connections';
import { firstHop } from '../start';
import { addresses, destinationIp, destinationMac, isIpv6, sourceIp, type Ending, type Place, type Step } from '../step';
import { resolveNeighbour } from './neighbour';
import { hook, at, stepBase, type Passage } from './hooks';
import { route, type RouteResult } from './routing';
import { subInterfaceFor } from './uplink';

/** A frame reaches a device of a namespace. */
export function namespaceIn(context: Context, place: Place & { kind: 'namespace-in' }, packet: FlowKey, steps: Step[]): Ending {
  const host = hostOf(context, place.host);
  const namespace = host?.namespaces.get(place.namespace) ?? bareNamespace(place.host, place.namespace);
  const tagged = host && place.namespace === '' ? subInterfaceFor(host, place.device, packet) : undefined;
  if (host && tagged !== undefined) return intoSubInterface(context, host, tagged, packet, steps);
  const device = namespace.devices.get(place.device);
  const mac = device?.mac ?? neutronPortOf(context.network, place.device)?.mac;
  const name = place.namespace === '' ? place.host : place.namespace;
  const base = stepBase(namespace, place.device);
  const evidence = [...(device?.sources.slice(0, 1) ?? []), ...namespace.sources.slice(0, 1)];
  if (mac !== undefined && mac !== destinationMac(packet) && !isMulticastMac(get(packet, 'dl_dst'))) {
    const summary = `${place.device} ignores the frame: it is for ${destinationMac(packet)}, not for ${mac}`;
    steps.push({ ...base, stage: 'namespace', summary, certainty: 'captured', packet, evidence, steps: [], effect: 'dropped' });
    return { disposition: 'dropped', at: at(namespace, place.device), summary, packet };
  }
  steps.push({
    ...base,
    stage: 'namespace',
    summary: `Arrives at ${place.device}${place.namespace === '' ? ` of ${name}` : ` in namespace ${name}`}: ${addresses(packet)}`,
    certainty: device ? 'captured' : 'inferred',
    ...(device ? {} : { reason: 'the namespace is known by its name; its devices (ip a) were not captured' }),
    packet: withoutVlan(packet),
    evidence: evidence.length > 0 ? evidence : (host?.sources.slice(0, 1) ?? []),
    steps: [],
  });
  const passage = enter(context, namespace, withoutVlan(set(packet, 'tun_id', 0n)), steps, place.device);
  const refused = hook(passage, 'PREROUTING', undefined);
  if (refused) return refused;
  untranslate(passage, 'destination');
  return decide(passage);
}

/** A tagged frame belongs to the sub-interface of its VLAN, which may be a bridge's. */
function intoSubInterface(context: Context, host: Host, name: string, packet: FlowKey, steps: Step[]): Ending {
  const bridge = [...host.linuxBridges.values()].find((candidate) => candidate.members.some((member) => member.name === name));
  const untagged = withoutVlan(packet);
  if (bridge)
    return context.go(context, { kind: 'linux-bridge-in', host: host.name, bridge: bridge.name, member: name }, untagged, steps);
  return context.go(context, { kind: 'namespace-in', host: host.name, namespace: '', device: name }, untagged, steps);
}

/** A packet that the namespace itself makes: an answer, or one that is sent from a router or a host. */
export function namespaceLocal(
  context: Context,
  place: Place & { kind: 'namespace-local' },
  packet: FlowKey,
  steps: Step[],
): Ending {
  const host = hostOf(context, place.host);
  const namespace = host?.namespaces.get(place.namespace) ?? bareNamespace(place.host, place.namespace);
  const passage = enter(context, namespace, packet, steps, undefined);
  const refused = hook(passage, 'OUTPUT', undefined);
  if (refused) return refused;
  untranslate(passage, 'destination');
  return decide(passage);
}

function enter(context: Context, namespace: Namespace, packet: FlowKey, steps: Step[], device: string | undefined): Passage {
  const where = connectionKey(namespace);
  const tuple = tupleOf(packet);
  const known = context.state.connections.find(
    (c) => c.where === where && (answers(c.translated, tuple) || sameTuple(c.original, tuple)),
  );
  const isAnswer = known !== undefined && answers(known.translated, tuple);
  return {
    context,
    namespace,
    steps,
    in: device,
    packet,
    // Marks are the mangle table's work: without it they are not known.
    mark: namespace.netfilter.size === 0 || namespace.netfilter.has('mangle') ? 0 : undefined,
    connmark: known ? known.connmark : 0,
    ctstate: known ? 'ESTABLISHED' : 'NEW',
    nat: known ? natOf(known) : [],
    known,
    answers: isAnswer,
    original: packet,
    natSource: undefined,
  };
}

function natOf(connection: Connection): string[] {
  return [
    ...(connection.original.dst !== connection.translated.dst ? ['DNAT'] : []),
    ...(connection.original.src !== connection.translated.src ? ['SNAT'] : []),
  ];
}

function connectionKey(namespace: Namespace): string {
  return `${namespace.host}|${namespace.name}`;
}

function decide(passage: Passage): Ending {
  const { context, namespace, steps } = passage;
  const destination = destinationIp(passage.packet);
  const result = route(namespace, destination, {
    source: sourceIp(passage.packet),
    mark: passage.mark ?? 0,
    ...(passage.in === undefined ? {} : { iif: passage.in }),
  });
  switch (result.kind) {
    case 'local':
      return deliver(passage, result);
    case 'forward':
      return forward(passage, result);
    case 'refused': {
      const summary = `The route "${result.text}" refuses ${destination}`;
      steps.push({
        ...stepBase(namespace, passage.in ?? 'lo'),
        stage: 'route',
        summary,
        certainty: 'captured',
        packet: passage.packet,
        evidence: result.evidence,
        steps: [],
        effect: 'dropped',
      });
      return { disposition: 'dropped', at: at(namespace, passage.in ?? 'lo'), summary, packet: passage.packet };
    }
    case 'no-route':
      return noRoute(context, passage, destination, result.known);
  }
}

function noRoute(context: Context, passage: Passage, destination: string, known: 'absent' | 'partial' | 'whole'): Ending {
  const { namespace, steps } = passage;
  const device = passage.in ?? 'lo';
  if (known === 'whole') {
    const summary = `No route to ${destination}: it is unreachable from here`;
    steps.push({
      ...stepBase(namespace, device),
      stage: 'route',
      summary,
      certainty: 'captured',
      packet: passage.packet,
      evidence: namespace.routes.slice(0, 1).map(({ source }) => source),
      steps: [],
      effect: 'dropped',
    });
    return { disposition: 'dropped', at: at(namespace, device), summary, packet: passage.packet };
  }
  const owner = neutronPortWithIp(context.network, destination);
  if (owner && neutronPortOf(context.network, device) === owner)
    return deliver(passage, {
      kind: 'local',
      device,
      evidence: owner.ips.filter(({ ip }) => ip === destination).map(({ source }) => source),
    });
  addGap(context, {
    host: namespace.host,
    command: inNamespace(namespace.name, 'ip route'),
    why: `where ${destination} goes from here`,
  });
  if (passage.in === undefined) {
    const sent = sendLikeNeutron(passage, destination);
    if (sent) return sent;
  }
  const summary = `The routes ${namespace.name === '' ? `of ${namespace.host}` : `in ${namespace.name}`} were not captured: where ${destination} goes is not known`;
  steps.push({
    ...stepBase(namespace, device),
    stage: 'route',
    summary,
    certainty: 'assumed',
    packet: passage.packet,
    evidence: namespace.sources.slice(0, 1),
    steps: [],
    effect: 'unknown',
  });
  return { disposition: 'insufficient-info', at: at(namespace, device), summary, packet: passage.packet };
}

/** What a DHCP or router port sends without captured routes: its subnet directly, the rest by the subnet's gateway. */
function sendLikeNeutron(passage: Passage, destination: string): Ending | undefined {
  const { context, namespace, steps } = passage;
  const port = neutronPortWithIp(context.network, sourceIp(passage.packet));
  const hop = port && firstHop(context.network, port, sourceIp(passage.packet), destination);
  const host = hostOf(context, namespace.host);
  const device =
    port &&
    [...(host?.bridges.values() ?? [])]
      .flatMap((bridge) => bridge.ports)
      .find((candidate) => portIdPrefix(candidate.name) === port.id.slice(0, 11))?.name;
  if (!hop || device === undefined) return undefined;
  steps.push({
    ...stepBase(namespace, device),
    stage: 'route',
    summary: `Route for ${destination}: by ${device}${hop.ip === destination ? '' : ` to ${hop.ip}`}`,
    certainty: 'inferred',
    reason: `the routes were not captured; ${hop.reason}`,
    packet: passage.packet,
    evidence: hop.evidence,
    steps: [],
  });
  return transmit(passage, device, hop.ip);
}

function deliver(passage: Passage, result: RouteResult & { kind: 'local' }): Ending {
  const { context, namespace, steps } = passage;
  const refused = hook(passage, 'INPUT', undefined);
  if (refused) return refused;
  remember(passage);
  const device = result.device;
  const destination = destinationIp(passage.packet);
  const neutron = neutronPortOf(context.network, device);
  const router = neutron?.router === undefined ? undefined : (routerName(context.network, neutron.router) ?? neutron.router);
  const who = router !== undefined ? ` (router ${router})` : namespace.name.startsWith('qdhcp-') ? ' (the DHCP service)' : '';
  const known = namespace.devices.has(device);
  const summary = `Delivered: ${destination} is ${device}'s own address${who}`;
  steps.push({
    ...stepBase(namespace, device),
    stage: 'route',
    summary,
    certainty: known || device === 'lo' ? 'captured' : 'inferred',
    ...(known || device === 'lo'
      ? {}
      : { reason: `the Neutron port list gives ${destination} to ${device}; ip a was not captured there` }),
    packet: passage.packet,
    evidence: result.evidence,
    steps: [],
    effect: 'delivered',
  });
  return {
    disposition: 'delivered',
    at: at(namespace, device),
    summary,
    packet: passage.packet,
    back: { kind: 'namespace-local', host: namespace.host, namespace: namespace.name },
  };
}

function forward(passage: Passage, result: RouteResult & { kind: 'forward' }): Ending {
  const { namespace, steps } = passage;
  const destination = destinationIp(passage.packet);
  const base = stepBase(namespace, result.device);
  if (passage.in !== undefined) {
    const off = namespace.sysctls.get('net.ipv4.ip_forward');
    if (off?.value === '0' && !isIpv6(passage.packet)) {
      const summary = `Forwarding is off here (net.ipv4.ip_forward = 0), so ${destination} is dropped`;
      steps.push({
        ...base,
        stage: 'route',
        summary,
        certainty: 'captured',
        packet: passage.packet,
        evidence: [off.source],
        steps: [],
        effect: 'dropped',
      });
      return { disposition: 'dropped', at: at(namespace, result.device), summary, packet: passage.packet };
    }
    const ttl = get(passage.packet, 'nw_ttl');
    if (ttl <= 1n) {
      const summary = 'The TTL ran out: the packet is dropped and the sender told';
      steps.push({
        ...base,
        stage: 'route',
        summary,
        certainty: 'captured',
        packet: passage.packet,
        evidence: result.evidence,
        steps: [],
        effect: 'dropped',
      });
      return { disposition: 'dropped', at: at(namespace, result.device), summary, packet: passage.packet };
    }
    passage.packet = set(passage.packet, 'nw_ttl', ttl - 1n);
  }
  steps.push({
    ...base,
    stage: 'route',
    summary: `Route for ${destination}: ${result.text}`,
    certainty: result.certainty,
    ...(result.reason === undefined ? {} : { reason: result.reason }),
    packet: passage.packet,
    evidence: result.evidence,
    steps: [],
  });
  if (passage.in !== undefined) {
    const refused = hook(passage, 'FORWARD', result.device);
    if (refused) return refused;
  }
  const refused = hook(passage, 'POSTROUTING', result.device);
  if (refused) return refused;
  untranslate(passage, 'source');
  remember(passage);
  return transmit(passage, result.device, result.via ?? destination);
}

/** Finds the next hop's MAC address and sends the frame. */
function transmit(passage: Passage, device: string, nextHop: string): Ending {
  const { context, namespace, steps } = passage;
  const neighbour = resolveNeighbour(context, namespace, device, nextHop);
  const base = stepBase(namespace, device);
  if (!neighbour) {
    const summary = `Nobody says which MAC address ${nextHop} on ${device} has`;
    steps.push({
      ...base,
      stage: 'neighbour',
      summary,
      certainty: 'assumed',
      reason: 'no captured table holds it',
      packet: passage.packet,
      evidence: [],
      steps: [],
      effect: 'unknown',
    });
    return { disposition: 'insufficient-info', at: at(namespace, device), summary, packet: passage.packet };
  }
  const mac = namespace.devices.get(device)?.mac ?? neutronPortOf(context.network, device)?.mac;
  let frame = set(passage.packet, 'dl_dst', parseMac(neighbour.mac) ?? 0n);
  if (mac !== undefined) frame = set(frame, 'dl_src', parseMac(mac) ?? 0n);
  steps.push({
    ...base,
    stage: 'neighbour',
    summary: `Next hop ${nextHop} on ${device} is ${neighbour.mac}`,
    certainty: neighbour.certainty,
    ...(neighbour.reason === undefined ? {} : { reason: neighbour.reason }),
    packet: frame,
    evidence: neighbour.evidence,
    steps: [],
  });
  return context.go(context, { kind: 'device-out', host: namespace.host, namespace: namespace.name, device }, frame, steps);
}

/** Answers are translated back by the connection, whatever the rules say. */
function untranslate(passage: Passage, which: 'source' | 'destination'): void {
  const { known, namespace, steps } = passage;
  if (!known) return;
  const target = passage.answers
    ? { src: known.original.dst, dst: known.original.src, sport: known.original.dport, dport: known.original.sport }
    : { src: known.translated.src, dst: known.translated.dst, sport: known.translated.sport, dport: known.translated.dport };
  const before = which === 'destination' ? destinationIp(passage.packet) : sourceIp(passage.packet);
  const after = which === 'destination' ? target.dst : target.src;
  if (before === after) return;
  const ip = parseIp(after);
  if (!ip) return;
  const icmp = known.original.proto === 1;
  passage.packet = set(passage.packet, which === 'destination' ? 'nw_dst' : 'nw_src', ip.value);
  if (!icmp)
    passage.packet = set(
      passage.packet,
      which === 'destination' ? 'tp_dst' : 'tp_src',
      BigInt(which === 'destination' ? target.dport : target.sport),
    );
  steps.push({
    ...stepBase(namespace, passage.in ?? 'lo'),
    stage: 'netfilter',
    summary: `Connection tracking translates the ${passage.answers ? 'answer' : 'packet'}: ${which} ${before} becomes ${formatIpv4(ip.value)}`,
    certainty: 'inferred',
    reason: 'by the connection that the packet before it started here',
    packet: passage.packet,
    evidence: known.source ? [known.source] : [],
    steps: [],
    chain: which === 'destination' ? 'conntrack/PREROUTING' : 'conntrack/POSTROUTING',
    rule: null,
  });
}

function remember(passage: Passage): void {
  if (passage.known) return;
  passage.context.state.connections.push({
    where: connectionKey(passage.namespace),
    original: tupleOf(passage.original),
    translated: tupleOf(passage.packet),
    connmark: passage.connmark,
    source: passage.natSource,
  });
}
