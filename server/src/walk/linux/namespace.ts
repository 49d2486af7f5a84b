import { formatAddress } from '../../kernel/packet';
import type { Device } from '../../model/device';
import type { Namespace } from '../../model/namespace';
import type { Source } from '../../model/source';
import { bareNamespace, neutronPortOf, neutronPortWithIp, routerName } from '../../model/queries';
import { isMulticastMac, parseMac } from '../../packet/address';
import { get, set, vlanOf, withoutVlan, type FlowKey } from '../../packet/flow-key';
import { asksOn } from '../begin-arp';
import { isAnswer, isRequest } from '../arp';
import { addGap, connectionsIn, hostOf, inNamespace, restoreConnections, type Context } from '../context';
import { firstHop } from '../start';
import { addresses, destinationIp, destinationMac, isIpv6, sourceIp, weakest, type Ending, type Place, type Step } from '../step';
import { arpIn } from './arp-in';
import { failedEntry, resolveNeighbour, stateText } from './neighbour';
import { byPointToPoint } from './point-to-point';
import { sureOfNoRoute, tellDoubts, tellForwarding, unseenRules, unseenWay, type Passage } from './doubts';
import { at, eventSteps, stepBase } from './events';
import { mayShareByIp, takerBehindRules } from './macvlan';
import { isDown } from './link-state';
import { intoSharing, intoVlanDevice } from './receive';
import { ipPacketOf, tcpFlagsOf } from './packet';
import { withIpPacket } from '../../kernel/frame';
import { asSent, routedLimit, tooLong } from './routed-size';
import { vrfOf } from '../../kernel/routing';
import { route } from './routing';
import { byWireTo, unnamedGateway, unverifiedElsewhere } from './unnamed-neighbour';
import { hasConnections, passNamespace, type Taken } from './stack-walk';
import { knownNamespace, portIdPrefix } from '../../model/known-names';
import { straightAnswerText } from '../way-back';
import { amongServers, outOfIpvs, servedBy } from './ipvs';

/** A frame reaches a device of a namespace. */
export function namespaceIn(context: Context, place: Place & { kind: 'namespace-in' }, packet: FlowKey, steps: Step[]): Ending {
  const host = hostOf(context, place.host);
  const down = host && isDown(host, place, false, packet, steps);
  if (down) return down;
  const above = host && intoVlanDevice(context, host, place, packet, steps);
  if (above) return above;
  const shared = host && intoSharing(context, host, place, packet, steps, (inner, own) => intoStack(inner, place, packet, own));
  return shared ?? intoStack(context, place, packet, steps);
}

/** The IP stack takes a frame from a device, if it is for it. */
function intoStack(context: Context, place: Place & { kind: 'namespace-in' }, packet: FlowKey, steps: Step[]): Ending {
  const host = hostOf(context, place.host);
  const namespace = host?.namespaces.get(place.namespace) ?? bareNamespace(place.host, place.namespace);
  const tag = vlanOf(packet);
  if (tag !== undefined && tag !== 0) return notTaken(context, namespace, place.device, tag, packet, steps);
  if (isRequest(packet) || isAnswer(packet)) return arpIn(context, host, namespace, place.device, packet, steps);
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
    ...howTaken(namespace, device),
    packet: withoutVlan(packet),
    evidence: evidence.length > 0 ? evidence : (host?.sources.slice(0, 1) ?? []),
    steps: [],
  });
  return through(context, namespace, withoutVlan(set(packet, 'tun_id', 0n)), steps, place.device);
}

/** How sure it is that the IP stack takes what comes in by a device, rather than a bridge or another device that the device belongs to. */
function howTaken(namespace: Namespace, device: Device | undefined): Pick<Step, 'certainty' | 'reason'> {
  if (!device)
    return { certainty: 'inferred', reason: 'the namespace is known by its name; its devices (ip a) were not captured' };
  if (device.masterShown || namespace.bridgesKnown === 'whole' || isAlone(namespace, device)) return { certainty: 'captured' };
  return {
    certainty: 'inferred',
    reason: `no capture shows whether ${device.name} belongs to a bridge or a bond (ip link); it is taken to belong to none`,
  };
}

/** Nothing can own the loopback device; a bridge, a bond or a VRF needs a device of its own. */
function isAlone(namespace: Namespace, device: Device): boolean {
  const others = [...namespace.devices.keys()].filter((name) => name !== 'lo' && name !== device.name);
  return device.name === 'lo' || (others.length === 0 && namespace.devices.has('lo'));
}

/**
 * A frame of a VLAN that no device here is for: the kernel takes it for somebody else's (__netif_receive_skb_core). Tag 0 says a priority
 * only. Where the devices were not all listed, one may be there: a list of all has lo, and was not cut. Nor does a list without `-d` tell the VLAN of a
 * device that lies on this one.
 */
function notTaken(context: Context, namespace: Namespace, device: string, tag: number, packet: FlowKey, steps: Step[]): Ending {
  const own = namespace.devices.get(device);
  const base = {
    ...stepBase(namespace, device),
    stage: 'namespace' as const,
    packet,
    evidence: own?.sources.slice(0, 1) ?? [],
    steps: [],
  };
  const mayTake = [...namespace.devices.values()].some(
    (each) => each.peer === device && each.vlanId === undefined && (each.type === undefined || each.type === 'vlan'),
  );
  const isCut = namespace.addressesKnown[4] === 'partial';
  if (own && namespace.devices.has('lo') && !isCut && !mayTake) {
    const summary = `${device} discards the frame: no device here takes VLAN ${tag} off it`;
    const reason = 'a VLAN device on it would be among the devices that were captured';
    steps.push({ ...base, summary, certainty: 'inferred', reason, effect: 'dropped' });
    return { disposition: 'dropped', at: at(namespace, device), summary, packet };
  }
  const summary = `Whether a device takes VLAN ${tag} off ${device} was not captured`;
  addGap(context, {
    host: namespace.host,
    command: inNamespace(namespace, 'ip -d addr'),
    why: `which device takes VLAN ${tag} off ${device}`,
  });
  steps.push({ ...base, summary, certainty: 'assumed', reason: 'without one the frame is discarded', effect: 'unknown' });
  return { disposition: 'insufficient-info', at: at(namespace, device), summary, packet };
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
  return through(
    context,
    namespace,
    packet,
    steps,
    undefined,
    place.vrf === undefined ? undefined : { name: place.vrf, passed: false },
    place.by,
  );
}

/** A packet that was routed to the device of a VRF is routed once more, by the VRF's table (vrf_xmit). */
export function outOfVrf(context: Context, namespace: Namespace, vrf: string, packet: FlowKey, steps: Step[]): Ending {
  const device = namespace.devices.get(vrf);
  steps.push({
    ...stepBase(namespace, vrf),
    stage: 'nic',
    summary: `${vrf} is a VRF: its table${device?.settings['table'] === undefined ? '' : ` ${device.settings['table']}`} says where the packet goes`,
    certainty: 'captured',
    packet,
    evidence: device?.sources.slice(0, 1) ?? [],
    steps: [],
  });
  return through(context, namespace, packet, steps, undefined, { name: vrf, passed: true });
}

/** Lets the kernel's model take the packet through the namespace, and shows what it did. */
function through(
  context: Context,
  namespace: Namespace,
  frame: FlowKey,
  steps: Step[],
  device: string | undefined,
  vrf?: { readonly name: string; readonly passed: boolean },
  oif?: string,
  ipvsServer?: string,
): Ending {
  const host = hostOf(context, namespace.host);
  const connections = connectionsIn(context.state);
  const lower = { namespace: namespace.name, name: device ?? '' };
  // Marks are the mangle table's work: without it they are not known.
  const tables = isIpv6(frame) ? namespace.netfilter6 : namespace.netfilter;
  const mark = tables.size === 0 || tables.has('mangle') || namespace.nftKnown === 'whole' ? 0 : undefined;
  const flags = tcpFlagsOf(context.isReply && hasConnections(context, namespace));
  const {
    passage: taken,
    spared,
    doubts,
  } = passNamespace(context, namespace, {
    packet: ipPacketOf(frame, mark, flags, context.size),
    iif: device,
    ...(vrf === undefined ? {} : { vrf }),
    ...(oif === undefined ? {} : { oif }),
    ...(ipvsServer === undefined ? {} : { ipvsServer }),
    ...(host === undefined || device === undefined
      ? {}
      : { isSharers: (ip: bigint) => takerBehindRules(host, lower, formatAddress(isIpv6(frame) ? 6 : 4, ip)) !== undefined }),
  });
  const served = servedBy(taken);
  const own = { context, namespace, in: device, frame, spared, served: served !== undefined };
  const passage: Passage = { context, namespace, steps, in: device, packet: withIpPacket(frame, taken.packet) };
  const nothing =
    taken.verdict === 'insufficient-info' ||
    (taken.verdict === 'unroutable' && taken.why === 'no route leads to its destination');
  // Without its addresses nobody knows whether a packet that comes in is for this host.
  const addressed = device === undefined || [...namespace.devices.values()].some(({ addresses: all }) => all.length > 0);
  const refusal = taken.events.find((event) => event.kind === 'refused');
  const homeless =
    refusal?.decision.why === 'forwarding-off' ||
    refusal?.decision.why === 'no-route' ||
    (taken.verdict === 'unroutable' && taken.why === 'no route leads to its destination');
  const shared = homeless && host !== undefined && mayShareByIp(host, lower, destinationIp(passage.packet));
  const unsure = homeless && (!addressed || shared);
  // Nor where it goes, as long as a rule that nobody saw may give it another destination.
  const mayTurn = homeless && !unsure && device !== undefined && tables.size === 0 && namespace.nftKnown !== 'whole';
  const among = ipvsServer === undefined && served && served.choices.length > 1 ? served : undefined;
  // What came before IPVS chose a server was shown when it was asked whom it may choose.
  const from = ipvsServer === undefined || !served ? 0 : taken.events.indexOf(served);
  for (const event of taken.events.slice(from, among && taken.events.indexOf(among))) {
    if (event.kind === 'refused' && (unsure || mayTurn || event.decision.why === 'no-route')) continue;
    steps.push(...eventSteps(own, event));
  }
  if (among) {
    restoreConnections(context.state, connections);
    const ending = amongServers(
      context,
      namespace,
      among,
      device ?? 'lo',
      withIpPacket(frame, among.before),
      steps,
      (inner, server, copy) => through(inner, namespace, frame, copy, device, vrf, oif, server),
    );
    if (ending) return ending;
  }
  const long = tooLong(context, namespace, taken, device === undefined, passage.packet, steps);
  if (long) return long;
  // The step of what is delivered comes last.
  if (taken.verdict !== 'local') tellDoubts(passage, doubts);
  const where = at(namespace, taken.out ?? device ?? 'lo');
  if (unsure || mayTurn) {
    const name = namespace.name === '' ? namespace.host : namespace.name;
    const destination = destinationIp(passage.packet);
    const what = shared
      ? `what kind of device has ${destination}, and ${device ?? ''}'s MAC address: it may share that card`
      : unsure
        ? `whether ${destination} is an address of ${name}`
        : `whether a rule of ${name} translates ${destination} before its way is looked for`;
    const command = shared ? 'ip -d link' : unsure ? 'ip address' : `${isIpv6(frame) ? 'ip6tables' : 'iptables'}-save`;
    addGap(context, { host: namespace.host, command: inNamespace(namespace, command), why: what });
    const summary = `It was not captured ${what}; as it is, the packet is not handed on (${taken.why})`;
    return { disposition: 'insufficient-info', at: where, summary, packet: passage.packet };
  }
  if (nothing) {
    const known = isIpv6(frame) ? namespace.routesKnown6 : namespace.routesKnown;
    const unseen = unseenWay(doubts);
    if (unseen !== undefined) {
      const summary = `No captured route leads to ${destinationIp(passage.packet)}: ${unseen}`;
      return { disposition: 'insufficient-info', at: where, summary, packet: passage.packet };
    }
    const left = taken.why === 'no route leads to its destination' || taken.why.startsWith('routing table');
    if (left)
      return noRoute(
        context,
        passage,
        destinationIp(passage.packet),
        taken.verdict === 'unroutable' ? known : known === 'whole' ? 'partial' : known,
        doubts,
      );
    if (/^the way to the server /.test(taken.why))
      addGap(context, { host: namespace.host, command: inNamespace(namespace, 'ip route'), why: taken.why });
    if (/^the addresses of /.test(taken.why))
      addGap(context, { host: namespace.host, command: inNamespace(namespace, 'ip address'), why: taken.why });
    return { disposition: 'insufficient-info', at: where, summary: taken.why, packet: passage.packet };
  }
  switch (taken.verdict) {
    case 'local': {
      const taker = host && takerBehindRules(host, lower, destinationIp(passage.packet));
      const ending = taker
        ? deliver(
            { ...passage, namespace: taker.namespace, in: undefined },
            { device: taker.device.name, evidence: taker.device.sources.slice(0, 1) },
            unseenRules(doubts),
          )
        : deliver(passage, localDevice(namespace, passage.packet, device), unseenRules(doubts));
      tellDoubts(passage, doubts);
      return ending;
    }
    case 'forwarded': {
      const hop = taken.nextHop;
      if (!hop)
        return { disposition: 'insufficient-info', at: where, summary: 'The route names no next hop', packet: passage.packet };
      if (device !== undefined && !served) tellForwarding(passage, device);
      const limit = routedLimit(namespace, taken);
      const sent = { ...passage, context: asSent(context, namespace, limit, device === undefined, passage.packet, steps) };
      if (taken.inside) return outOfIpvs(sent.context, namespace, taken, withIpPacket(frame, taken.inside), steps);
      return hop.name === undefined
        ? transmit(sent, hop.device, formatAddress(hop.family, hop.ip))
        : unnamedGateway(sent.context, namespace, hop.device, hop.name, sent.packet, steps);
    }
    case 'ttl-exceeded':
      return dropHere(passage, where, 'The TTL ran out: the packet is dropped and the sender told');
    default: {
      const last = steps.findLast((step) => step.effect === 'dropped');
      if (last) return { disposition: 'dropped', at: where, summary: last.summary, packet: passage.packet };
      return dropHere(passage, where, `The kernel drops the packet: ${taken.why}`);
    }
  }
}

/** The routing code itself drops the packet; no line of a capture stands for it. */
function dropHere({ namespace, steps, packet }: Passage, where: Ending['at'], summary: string): Ending {
  const base = stepBase(namespace, where?.device ?? 'lo');
  steps.push({ ...base, stage: 'route', summary, certainty: 'captured', packet, evidence: [], steps: [], effect: 'dropped' });
  return { disposition: 'dropped', at: where, summary, packet };
}

interface LocalDevice {
  readonly device: string;
  readonly evidence: readonly Source[];
}

/** Which device has the address that the packet is for. */
function localDevice(namespace: Namespace, packet: FlowKey, iif: string | undefined): LocalDevice {
  const destination = destinationIp(packet);
  for (const device of namespace.devices.values()) {
    const own = device.addresses.find(({ ip }) => ip === destination);
    // Another VRF may have the same address.
    if (own && (iif === undefined || vrfOf(namespace, device.name) === undefined || isSameVrf(namespace, device.name, iif)))
      return { device: device.name, evidence: [own.source] };
  }
  const result = route(namespace, destination, {});
  if (result.kind === 'local') return result;
  return { device: iif ?? 'lo', evidence: [] };
}

function isSameVrf(namespace: Namespace, one: string, other: string): boolean {
  return vrfOf(namespace, one) === vrfOf(namespace, other);
}

function noRoute(
  context: Context,
  passage: Passage,
  destination: string,
  known: 'absent' | 'partial' | 'whole',
  doubts: Taken['doubts'],
): Ending {
  const { namespace, steps } = passage;
  const device = passage.in ?? 'lo';
  if (known === 'whole') {
    const summary = `No route to ${destination}: it is unreachable from here`;
    steps.push({
      ...stepBase(namespace, device),
      stage: 'route',
      summary,
      ...sureOfNoRoute(doubts),
      packet: passage.packet,
      evidence: namespace.routes.slice(0, 1).map(({ source }) => source),
      steps: [],
      effect: 'dropped',
    });
    return { disposition: 'dropped', at: at(namespace, device), summary, packet: passage.packet };
  }
  const owner = neutronPortWithIp(context.network, destination);
  if (owner && neutronPortOf(context.network, device) === owner) {
    if (namespace.netfilter.size === 0)
      addGap(context, {
        host: namespace.host,
        command: inNamespace(namespace, 'iptables-save'),
        why: `whether a rule drops or translates the packet ${namespace.name === '' ? `on ${namespace.host}` : `in ${namespace.name}`}`,
      });
    return deliver(passage, {
      device,
      evidence: owner.ips.filter(({ ip }) => ip === destination).map(({ source }) => source),
    });
  }
  addGap(context, {
    host: namespace.host,
    command: inNamespace(namespace, 'ip route'),
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

function deliver(passage: Passage, result: LocalDevice, unseen?: string): Ending {
  const { context, namespace, steps } = passage;
  const device = result.device;
  const vrf = vrfOf(namespace, passage.in);
  const destination = destinationIp(passage.packet);
  const neutron = neutronPortOf(context.network, device);
  const router = neutron?.router === undefined ? undefined : (routerName(context.network, neutron.router) ?? neutron.router);
  const who =
    router !== undefined ? ` (router ${router})` : knownNamespace(namespace.name)?.isDhcp === true ? ' (the DHCP service)' : '';
  const known = namespace.devices.has(device) || device === 'lo';
  const byPort = known ? undefined : `the Neutron port list gives ${destination} to ${device}; ip a was not captured there`;
  const reasons = [byPort, unseen].filter((reason) => reason !== undefined);
  const summary = `Delivered: ${destination} is ${device}'s own address${who}`;
  steps.push({
    ...stepBase(namespace, device),
    stage: 'route',
    summary,
    certainty: reasons.length === 0 ? 'captured' : 'inferred',
    ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
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
    back: {
      kind: 'namespace-local',
      host: namespace.host,
      namespace: namespace.name,
      ...(vrf === undefined ? {} : { vrf: vrf.name }),
    },
  };
}

/** Finds the next hop's MAC address and sends the frame. */
function transmit(passage: Passage, device: string, nextHop: string): Ending {
  const { context, namespace, steps } = passage;
  const base = stepBase(namespace, device);
  const out = { kind: 'device-out' as const, host: namespace.host, namespace: namespace.name, device };
  const straight = byPointToPoint(context, namespace, device, nextHop, passage.packet, steps);
  if (straight) return straight;
  // A tunnel of IP has no neighbours: what it is given goes to its far end.
  const card = namespace.devices.get(device);
  if (card?.noArp === true && card.mac === undefined) return context.go(context, out, passage.packet, steps);
  const asked = askFailed(passage, device, nextHop);
  if (asked) return asked;
  const neighbour = resolveNeighbour(context, namespace, device, nextHop);
  if (!neighbour) {
    const failed = failedEntry(namespace, device, nextHop);
    const unverified = unverifiedElsewhere(context, nextHop);
    const left =
      failed || unverified !== undefined ? undefined : byWireTo(context, namespace, device, nextHop, passage.packet, steps);
    if (left) return left;
    const summary = failed
      ? `The neighbour table on ${device} has ${stateText(failed)} when it was captured`
      : `Nobody says which MAC address ${nextHop} on ${device} has${straightAnswerText(arrival(passage), device, nextHop, passage.packet)}`;
    steps.push({
      ...base,
      stage: 'neighbour',
      summary,
      certainty: 'assumed',
      reason: unverified ?? 'no captured table holds it',
      packet: passage.packet,
      evidence: failed ? [failed.source] : [],
      steps: [],
      effect: 'unknown',
    });
    return { disposition: 'insufficient-info', at: at(namespace, device), summary, packet: passage.packet };
  }
  const mac = card?.mac ?? neutronPortOf(context.network, device)?.mac;
  let frame = set(passage.packet, 'dl_dst', parseMac(neighbour.mac) ?? 0n);
  if (mac !== undefined) frame = set(frame, 'dl_src', parseMac(mac) ?? 0n);
  const state = neighbour.state === undefined || neighbour.state === 'REACHABLE' ? '' : ` (${neighbour.state})`;
  steps.push({
    ...base,
    stage: 'neighbour',
    summary: `Next hop ${nextHop} on ${device} is ${neighbour.mac}${state}`,
    certainty: neighbour.certainty,
    ...(neighbour.reason === undefined ? {} : { reason: neighbour.reason }),
    packet: frame,
    evidence: neighbour.evidence,
    steps: [],
  });
  return context.go(context, out, frame, steps);
}

/** The packet as it came in here; undefined for one that is made here. */
function arrival({ namespace, steps, in: device }: Passage): { readonly device: string; readonly packet: FlowKey } | undefined {
  const step = steps.findLast(({ stage, host }) => stage === 'namespace' && host === namespace.host);
  return device === undefined || step === undefined ? undefined : { device, packet: step.packet };
}

/**
 * A neighbour that did not answer when the table was captured is asked for again before the packet leaves. Where the captures show that
 * the question, or its answer, is certainly lost, the packet is as well; else the walk goes on.
 */
function askFailed(passage: Passage, device: string, nextHop: string): Ending | undefined {
  const { context, namespace, steps } = passage;
  const failed = failedEntry(namespace, device, nextHop);
  if (!failed) return undefined;
  const inner: Step[] = [];
  const scratch: Context = { ...context, gaps: [], doubts: [], limits: [], size: undefined };
  const by = { source: undefined, evidence: [failed.source], certainty: 'captured' as const, reason: undefined, steps: inner };
  const question = asksOn(scratch, namespace, device, nextHop, nextHop, by);
  const reply = question.disposition === 'delivered' && question.answer && question.back;
  const ending = reply && question.answer ? context.go(scratch, reply, question.answer, inner) : question;
  if (ending.disposition !== 'dropped' || weakest(inner) === 'assumed') return undefined;
  // That nobody answered bears out where the question was lost, also where its way there is not certain.
  for (const doubt of scratch.doubts) addGap(context, doubt);
  const certainty = scratch.doubts.length === 0 ? weakest(inner) : 'inferred';
  const summary = `Nobody answers for ${nextHop} on ${device} (${failed.state ?? 'FAILED'} in its neighbour table): ${ending.summary}; the packet is dropped, and its sender told that the host is unreachable`;
  steps.push({
    ...stepBase(namespace, device),
    stage: 'neighbour',
    summary,
    certainty,
    ...(certainty === 'captured' ? {} : { reason: 'the way of the question was worked out from other captures' }),
    packet: passage.packet,
    evidence: [failed.source],
    steps: inner,
    effect: 'dropped',
  });
  return { disposition: 'dropped', at: at(namespace, device), summary, packet: passage.packet };
}
