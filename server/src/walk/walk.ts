import type { Host, Namespace, Network, Source } from '../model/network';
import { allDevices, instanceOf, neutronPortOf, onLink, ovsPortNamed } from '../model/queries';
import { isMulticastMac, parseIp, parseMac } from '../packet/address';
import { LOCAL_PORT } from '../packet/fields';
import { get, set, type FlowKey } from '../packet/flow-key';
import { addGap, hostOf, inNamespace, newState, type Context, type WalkState } from './context';
import { deviceOut } from './device-out';
import { linuxBridgeIn } from './linux/bridge';
import { namespaceIn, namespaceLocal } from './linux/namespace';
import { resolveNeighbour } from './linux/neighbour';
import { route } from './linux/routing';
import { ovsIn } from './openflow/bridge';
import { attachmentOf, type Attachment } from './owner';
import { addressOf, firstHop, networkText, whereIs, type Whereabouts } from './start';
import { addresses, destinationIp, destinationMac, sourceIp, weaker, weakest, type Certainty, type Ending, type Gap, type Place, type Step } from './step';

/** A question to the captures. */
export interface WalkQuestion {
  readonly from: string;
  readonly to: string;
  readonly proto?: 'icmp' | 'tcp' | 'udp';
  readonly sport?: number;
  readonly dport?: number;
  readonly reply?: boolean;
}

export interface WalkAnswer {
  readonly ending: Ending;
  readonly certainty: Certainty;
  readonly steps: readonly Step[];
  readonly gaps: readonly Gap[];
}

export type WalkResult =
  | { readonly kind: 'walk'; readonly request: WalkAnswer; readonly reply: WalkAnswer | undefined }
  /** The question names something that no capture knows; a sentence for people. */
  | { readonly kind: 'error'; readonly message: string };

/** Places a walk may pass; a real network's longest paths have a few hundred. */
const MAX_STEPS = 2000;
const MAX_DEPTH = 64;

/** Walks a packet, and on request its answer, through everything that was captured. Never throws on odd captures. */
export function walk(network: Network, question: WalkQuestion): WalkResult {
  const from = whereIs(network, question.from);
  const to = whereIs(network, question.to);
  if (!from) return { kind: 'error', message: unknownPlace(network, question.from, 'start') };
  if (!to) return { kind: 'error', message: unknownPlace(network, question.to, 'go') };
  const destination = addressOf(network, to);
  if (!destination) return { kind: 'error', message: `No captured address belongs to ${question.to}: give an IP address instead, or capture "ip a" or the Neutron port list.` };
  const state = newState();
  const context = newContext(network, state, false, []);
  const steps: Step[] = [];
  const ending = start(context, from, destination.ip, question, steps);
  const request = finish(context, ending, steps);
  if (!question.reply) return { kind: 'walk', request, reply: undefined };
  return { kind: 'walk', request, reply: walkReply(network, state, request, context.doubts) };
}

function unknownPlace(network: Network, where: string, what: string): string {
  const some = [...network.instances.map((instance) => instance.name), ...network.neutronPorts.flatMap((port) => port.ips.map(({ ip }) => ip))].slice(0, 6);
  const known = some.length > 0 ? ` Known are, for instance, ${some.join(', ')}.` : '';
  return `No capture knows "${where}", so the packet has no place to ${what}: give an instance, tap, port or interface name, a Neutron port id, a MAC or an IP address.${known}`;
}

function newContext(network: Network, state: WalkState, isReply: boolean, doubts: readonly Gap[]): Context {
  return { network, state, gaps: [], doubts: [...doubts], budget: { steps: 0 }, isReply, go, depth: 0, seen: new Set() };
}

function finish(context: Context, ending: Ending, steps: readonly Step[]): WalkAnswer {
  const negative = ending.disposition === 'dropped' || ending.disposition === 'loop';
  if (!negative || (weakest(steps) !== 'assumed' && context.doubts.length === 0)) return { ending, certainty: certaintyOf(ending, steps), steps, gaps: context.gaps };
  // That something is missing is no proof that a packet is lost: the way to this place was not certain either.
  for (const doubt of context.doubts) addGap(context, doubt);
  const summary = `${ending.summary}; this is not certain, because the way here rests on what was not captured`;
  const doubted = steps.map((step, n) => (n === steps.length - 1 && step.effect === 'dropped' ? { ...step, effect: 'unknown' as const } : step));
  return { ending: { ...ending, disposition: 'insufficient-info', summary }, certainty: 'assumed', steps: doubted, gaps: context.gaps };
}

/** The weakest of the steps on the path; copies that a flood made beside it decided nothing. */
function certaintyOf(ending: Ending, steps: readonly Step[]): Certainty {
  const worst = weakest(steps);
  return ending.disposition === 'insufficient-info' ? weaker(worst, 'assumed') : worst;
}

/** Hands the packet to whatever is at a place, within the budgets. */
function go(context: Context, place: Place, packet: FlowKey, steps: Step[]): Ending {
  const device = place.kind === 'instance' ? place.name : 'device' in place ? place.device : 'bridge' in place ? place.bridge : place.namespace;
  const host = place.kind === 'instance' ? null : place.host;
  if (++context.budget.steps > MAX_STEPS || context.depth > MAX_DEPTH) {
    return { disposition: 'loop', at: { host, device, port: null }, summary: `The walk was given up after ${context.budget.steps} places: the packet seems to run in circles`, packet };
  }
  const next: Context = { ...context, depth: context.depth + 1 };
  switch (place.kind) {
    case 'ovs-in':
      return ovsIn(next, place, packet, steps);
    case 'namespace-in':
      return namespaceIn(next, place, packet, steps);
    case 'namespace-local':
      return namespaceLocal(next, place, packet, steps);
    case 'linux-bridge-in':
      return linuxBridgeIn(next, place, packet, steps);
    case 'device-out':
      return deviceOut(next, place, packet, steps);
    case 'instance':
      return outOfInstance(next, place, packet, steps);
  }
}

function newPacket(source: string, destination: string, question: WalkQuestion): FlowKey {
  const proto = { icmp: 1n, tcp: 6n, udp: 17n }[question.proto ?? 'icmp'];
  let packet: FlowKey = new Map();
  const from = parseIp(source);
  const to = parseIp(destination);
  const v6 = to?.family === 6;
  packet = set(packet, 'dl_type', v6 ? 0x86ddn : 0x0800n);
  packet = set(packet, v6 ? 'ipv6_src' : 'nw_src', from?.value ?? 0n);
  packet = set(packet, v6 ? 'ipv6_dst' : 'nw_dst', to?.value ?? 0n);
  packet = set(packet, 'nw_proto', v6 && proto === 1n ? 58n : proto);
  packet = set(packet, 'nw_ttl', 64n);
  if (proto === 1n) return set(packet, 'tp_src', v6 ? 128n : 8n);
  return set(set(packet, 'tp_src', BigInt(question.sport ?? 40000)), 'tp_dst', BigInt(question.dport ?? 80));
}

function start(context: Context, from: Whereabouts, destination: string, question: WalkQuestion, steps: Step[]): Ending {
  const { network } = context;
  switch (from.kind) {
    case 'instance':
      return startInstance(context, from, destination, question, steps);
    case 'neutron-port':
      return startNeutronPort(context, from, destination, question, steps);
    case 'device':
      return startNamespace(context, from.host, from.namespace, from.ip, destination, question, steps);
    case 'host': {
      const root = from.host.namespaces.get('');
      if (root) return startNamespace(context, from.host, root, undefined, destination, question, steps);
      break;
    }
    case 'ovs-port': {
      const neutron = neutronPortOf(network, from.port.name);
      const instance = neutron && instanceOf(network, neutron);
      if (instance && neutron) return startInstance(context, { kind: 'instance', instance, port: neutron }, destination, question, steps);
      return startOutside(context, addressOf(network, from)?.ip ?? '0.0.0.0', destination, question, steps, { kind: 'ovs-in', host: from.host.name, bridge: from.bridge.name, port: from.port.name });
    }
    case 'ip':
      return startOutside(context, from.ip, destination, question, steps, undefined);
  }
  return { disposition: 'insufficient-info', at: { host: null, device: question.from, port: null }, summary: `Where ${question.from} is attached was not captured`, packet: new Map() };
}

/** From inside an instance: its own routes where they were captured, Neutron's where not. */
function startInstance(context: Context, from: Whereabouts & { kind: 'instance' }, destination: string, question: WalkQuestion, steps: Step[]): Ending {
  const { network } = context;
  const guest = from.instance.guest === undefined ? undefined : hostOf(context, from.instance.guest);
  const guestRoot = guest?.namespaces.get('');
  if (guest && guestRoot && guestRoot.devices.size > 0) return startNamespace(context, guest, guestRoot, undefined, destination, question, steps);
  const port = from.port ?? choosePort(from.instance.ports, destination);
  const source = port?.ips[0]?.ip ?? from.instance.ips[0]?.ip;
  const at = { host: null, device: from.instance.name, port: null };
  if (source === undefined) {
    addGap(context, { host: null, command: `openstack port list --server ${from.instance.name}`, why: `the address of ${from.instance.name}` });
    return { disposition: 'insufficient-info', at, summary: `No captured address belongs to ${from.instance.name}`, packet: new Map() };
  }
  let packet = newPacket(source, destination, question);
  const attachment = attachmentOf(network, port?.mac, port);
  if (port?.mac !== undefined) packet = set(packet, 'dl_src', parseMac(port.mac) ?? 0n);
  const hop = port ? firstHop(network, port, source, destination) : undefined;
  const neighbour = hop && network.neutronPorts.find((candidate) => candidate.ips.some(({ ip }) => ip === hop.ip));
  const mac = neighbour?.mac ?? macOfDevice(network, hop?.ip);
  const sources = [...from.instance.sources.slice(0, 1), ...(port?.sources.slice(0, 1) ?? []), ...(hop?.evidence ?? []), ...(neighbour?.says['mac'] ? [neighbour.says['mac']] : [])];
  if (!hop || mac === undefined) {
    addGap(context, { host: from.instance.name, command: 'ip route', why: `the gateway that ${from.instance.name} uses for ${destination}` });
    addGap(context, { host: from.instance.name, command: 'ip neigh', why: `the MAC address of ${hop?.ip ?? 'its gateway'}` });
    const summary = `Which machine ${from.instance.name} sends packets for ${destination} to is not known`;
    steps.push(instanceStep(attachment, from.instance.name, packet, summary, 'assumed', 'neither its routes nor its subnet were captured', sources, 'unknown'));
    return { disposition: 'insufficient-info', at: { ...at, host: attachment?.host.name ?? null }, summary, packet };
  }
  packet = set(packet, 'dl_dst', parseMac(mac) ?? 0n);
  const direct = hop.ip === destination;
  steps.push(
    instanceStep(
      attachment,
      from.instance.name,
      packet,
      `Instance ${from.instance.name}${port ? networkText(network, port) : ''} sends ${addresses(packet)} ${direct ? 'straight' : `by its gateway ${hop.ip}`} (${mac})`,
      'inferred',
      hop.reason,
      sources,
    ),
  );
  if (!attachment) {
    const prefix = port?.id.slice(0, 11) ?? '';
    addGap(context, { host: from.instance.hypervisor ?? null, command: 'ovs-vsctl show', why: `the port of ${from.instance.name} (tap${prefix}, qvo${prefix})` });
    return { disposition: 'insufficient-info', at, summary: `Where ${from.instance.name} is attached was not captured`, packet };
  }
  return go(context, { kind: 'instance', name: from.instance.name, tap: { host: attachment.host.name, device: attachment.device } }, packet, steps);
}

function macOfDevice(network: Network, ip: string | undefined): string | undefined {
  if (ip === undefined) return undefined;
  return [...allDevices(network)].find(({ device }) => device.addresses.some((address) => address.ip === ip))?.device.mac;
}

function choosePort<T extends { readonly ips: readonly { readonly ip: string }[] }>(ports: readonly T[], destination: string): T | undefined {
  const family = destination.includes(':');
  return ports.find((port) => port.ips.some(({ ip }) => ip.includes(':') === family)) ?? ports[0];
}

function instanceStep(attachment: Attachment | undefined, name: string, packet: FlowKey, summary: string, certainty: Certainty, reason: string, evidence: readonly Source[], effect?: Step['effect']): Step {
  return { host: attachment?.host.name ?? null, namespace: null, stage: 'instance', device: name, port: null, summary, certainty, reason, packet, evidence, steps: [], ...(effect === undefined ? {} : { effect }) };
}

/** A frame leaves an instance by its tap. */
function outOfInstance(context: Context, place: Place & { kind: 'instance' }, packet: FlowKey, steps: Step[]): Ending {
  const { tap } = place;
  const host = tap && hostOf(context, tap.host);
  if (!tap || !host) return { disposition: 'insufficient-info', at: { host: null, device: place.name, port: null }, summary: `Where ${place.name} is attached was not captured`, packet };
  const bridge = [...host.linuxBridges.values()].find((candidate) => candidate.members.some((member) => member.name === tap.device));
  const member = bridge?.members.find((candidate) => candidate.name === tap.device);
  const ovs = ovsPortNamed(host, tap.device);
  const mac = attachmentOf(context.network, undefined, undefined) ?? attachmentOf(context.network, sourceMacText(packet), neutronPortOf(context.network, tap.device));
  if (bridge || ovs?.port.name.startsWith('tap') || !ovs || /^vnet/.test(tap.device)) {
    steps.push({
      host: host.name,
      namespace: null,
      stage: 'tap',
      device: tap.device,
      port: null,
      summary: `Tap ${tap.device} of ${place.name} on ${host.name}`,
      certainty: mac?.certainty ?? 'inferred',
      ...(mac ? { reason: mac.reason } : {}),
      packet,
      evidence: [...(member ? [member.source] : []), ...(mac?.evidence ?? []), ...(ovs?.port.sources.slice(0, 1) ?? [])],
      steps: [],
    });
  }
  if (bridge) return go(context, { kind: 'linux-bridge-in', host: host.name, bridge: bridge.name, member: tap.device }, packet, steps);
  if (ovs) return go(context, { kind: 'ovs-in', host: host.name, bridge: ovs.bridge.name, port: ovs.port.name }, packet, steps);
  addGap(context, { host: host.name, command: 'brctl show', why: `the bridge that ${tap.device} is on` });
  return { disposition: 'insufficient-info', at: { host: host.name, device: tap.device, port: null }, summary: `The bridge of ${tap.device} was not captured`, packet };
}

function sourceMacText(packet: FlowKey): string {
  return get(packet, 'dl_src').toString(16).padStart(12, '0').replace(/(..)(?=.)/g, '$1:');
}

/** From a router's or DHCP's own port: its namespace makes the packet. */
function startNeutronPort(context: Context, from: Whereabouts & { kind: 'neutron-port' }, destination: string, question: WalkQuestion, steps: Step[]): Ending {
  const prefix = from.port.id.slice(0, 11);
  for (const host of context.network.hosts.values()) {
    for (const namespace of host.namespaces.values()) {
      for (const device of namespace.devices.values()) {
        if (device.name.endsWith(prefix)) return startNamespace(context, host, namespace, from.port.ips[0]?.ip, destination, question, steps);
      }
    }
    for (const bridge of host.bridges.values()) {
      const port = bridge.ports.find((candidate) => candidate.name.endsWith(prefix));
      const ip = from.port.ips[0]?.ip;
      if (port && ip !== undefined) return startBehindPort(context, from, host, bridge.name, port.name, ip, destination, question, steps);
    }
  }
  return { disposition: 'insufficient-info', at: { host: null, device: from.port.id, port: null }, summary: `The device of Neutron port ${from.port.id} was not captured`, packet: new Map() };
}

/** A port whose namespace was not captured: the frame enters the switch there. */
function startBehindPort(context: Context, from: Whereabouts & { kind: 'neutron-port' }, host: Host, bridge: string, port: string, ip: string, destination: string, question: WalkQuestion, steps: Step[]): Ending {
  const hop = firstHop(context.network, from.port, ip, destination);
  const neighbour = hop && context.network.neutronPorts.find((candidate) => candidate.ips.some((fixed) => fixed.ip === hop.ip));
  let packet = newPacket(ip, destination, question);
  if (from.port.mac !== undefined) packet = set(packet, 'dl_src', parseMac(from.port.mac) ?? 0n);
  const mac = neighbour?.mac ?? macOfDevice(context.network, hop?.ip);
  if (mac === undefined) {
    addGap(context, { host: host.name, command: 'ip neigh', why: `the MAC address that ${ip} sends to for ${destination}` });
    return { disposition: 'insufficient-info', at: { host: host.name, device: port, port: null }, summary: `Which machine ${ip} sends to for ${destination} is not known`, packet };
  }
  packet = set(packet, 'dl_dst', parseMac(mac) ?? 0n);
  steps.push({ host: host.name, namespace: null, stage: 'namespace', device: port, port: null, summary: `${ip} on ${port} sends ${addresses(packet)}`, certainty: 'inferred', reason: hop?.reason ?? 'the namespace itself was not captured', packet, evidence: from.port.sources.slice(0, 1), steps: [] });
  return go(context, { kind: 'ovs-in', host: host.name, bridge, port }, packet, steps);
}

/** From a namespace of a host, or from a machine whose own captures are there. */
function startNamespace(context: Context, host: Host, namespace: Namespace, ip: string | undefined, destination: string, question: WalkQuestion, steps: Step[]): Ending {
  const chosen = route(namespace, destination, {});
  const device = chosen.kind === 'forward' || chosen.kind === 'local' ? chosen.device : 'lo';
  const source = ip ?? (chosen.kind === 'forward' ? (chosen.src ?? addressFor(namespace, chosen.device)) : undefined) ?? [...namespace.devices.values()].flatMap(({ addresses: own }) => own).find((own) => !own.ip.startsWith('127.') && !own.ip.includes(':'))?.ip;
  if (source === undefined) {
    addGap(context, { host: host.name, command: inNamespace(namespace.name, 'ip a'), why: 'the address that the packet starts from' });
    return { disposition: 'insufficient-info', at: { host: host.name, device, port: null }, summary: `No address of ${namespace.name === '' ? host.name : namespace.name} was captured`, packet: new Map() };
  }
  const packet = newPacket(source, destination, question);
  const isInstance = context.network.instances.some((instance) => instance.guest === host.name);
  const where = namespace.name === '' ? host.name : `namespace ${namespace.name}`;
  const evidence = namespace.devices.get(device)?.sources.slice(0, 1) ?? namespace.sources.slice(0, 1);
  steps.push({
    host: host.name,
    namespace: namespace.name === '' ? null : namespace.name,
    stage: isInstance ? 'instance' : 'namespace',
    device: isInstance ? host.name : device,
    port: null,
    summary: `${isInstance ? `Instance ${host.name}` : where} sends ${addresses(packet)}`,
    certainty: 'captured',
    packet,
    evidence: evidence.length > 0 ? evidence : host.sources.slice(0, 1),
    steps: [],
  });
  return go(context, { kind: 'namespace-local', host: host.name, namespace: namespace.name }, packet, steps);
}

function addressFor(namespace: Namespace, device: string): string | undefined {
  return namespace.devices.get(device)?.addresses.find(({ ip }) => !ip.includes(':'))?.ip;
}

/** From an address that no captured machine has: it comes in where the way to it goes out. */
function startOutside(context: Context, ip: string, destination: string, question: WalkQuestion, steps: Step[], where: Place | undefined): Ending {
  const { network } = context;
  const packet = newPacket(ip, destination, question);
  const entry = entryFor(context, ip, destination);
  if (!entry) {
    addGap(context, { host: null, command: 'ip neigh', why: `where ${ip} comes in: no captured device is on the way between it and ${destination}` });
    return { disposition: 'insufficient-info', at: { host: null, device: ip, port: null }, summary: `Where packets from ${ip} come in is not known: no captured namespace routes between it and ${destination}`, packet };
  }
  const frame = set(set(packet, 'dl_src', parseMac(entry.sourceMac) ?? 0n), 'dl_dst', parseMac(entry.mac) ?? 0n);
  const place = where ?? entry.place;
  const at = place.kind === 'ovs-in' ? { device: place.bridge, port: place.port } : { device: entry.device, port: null };
  steps.push({
    host: entry.host,
    namespace: null,
    stage: place.kind === 'ovs-in' ? 'ovs-port' : 'nic',
    device: at.device,
    port: at.port === at.device ? 'LOCAL' : at.port,
    summary: `${ip} (${entry.sourceMac}) sends ${addresses(frame)} to ${entry.mac}; it comes in by ${at.port === null || at.port === at.device ? `${at.device}${at.port === null ? '' : "'s LOCAL port"}` : at.port}`,
    certainty: 'inferred',
    reason: entry.reason,
    packet: frame,
    evidence: entry.evidence,
    steps: [],
  });
  void network;
  return go(context, place, frame, steps);
}

interface Entry {
  readonly host: string;
  readonly place: Place;
  readonly device: string;
  /** Of the machine that hands the packet in, and of the one that takes it. */
  readonly sourceMac: string;
  readonly mac: string;
  readonly reason: string;
  readonly evidence: readonly Source[];
}

/** The router that owns or leads to the destination, and the port that its neighbour in the sender's direction is behind. */
function entryFor(context: Context, ip: string, destination: string): Entry | undefined {
  const candidates = [...allDevices(context.network)]
    .filter(({ host, namespace, device }) => device.mac !== undefined && device.name !== 'lo' && (namespace.name !== '' || host.bridges.size > 0))
    .map((place) => ({ ...place, owns: place.device.addresses.some((own) => own.ip === destination), onLink: onLink(place.device, ip), external: /^(?:qg-|fg-)/.test(place.device.name) }))
    .filter((place) => place.owns || place.onLink || place.external)
    .sort((a, b) => Number(b.owns) - Number(a.owns) || Number(b.onLink) - Number(a.onLink));
  for (const { host, namespace, device } of candidates) {
    const back = route(namespace, ip, {});
    if (back.kind !== 'forward' || back.device !== device.name) continue;
    const hop = back.via ?? ip;
    const scratch: Context = { ...context, gaps: [] };
    const neighbour = resolveNeighbour(scratch, namespace, device.name, hop);
    const place = neighbour && placeOfMac(host, device.name, neighbour.mac);
    if (!neighbour || !place || device.mac === undefined) continue;
    for (const gap of scratch.gaps) addGap(context, gap);
    const said = [neighbour.reason, place.reason, back.via === undefined ? undefined : `packets from ${ip} are taken to come back by ${back.via}, where the route to it goes`].filter((reason) => reason !== undefined);
    return { host: host.name, place: place.place, device: device.name, sourceMac: neighbour.mac, mac: device.mac, reason: said.join('; '), evidence: [...neighbour.evidence, ...place.evidence, ...back.evidence] };
  }
  return undefined;
}

/** Follows a MAC address through the MAC tables of a host's bridges, from a device outwards. */
function placeOfMac(host: Host, device: string, mac: string): { readonly place: Place; readonly reason: string; readonly evidence: readonly Source[] } | undefined {
  let ovs = ovsPortNamed(host, device);
  if (!ovs) return undefined;
  const evidence: Source[] = [];
  for (let hops = 0; hops < 8; hops++) {
    const { bridge } = ovs;
    const row = bridge.fdb.find((candidate) => candidate.mac === mac);
    if (!row) return undefined;
    evidence.push(row.source);
    const port = bridge.ports.find((candidate) => candidate.ofport === row.ofport);
    if (row.ofport === LOCAL_PORT) return { place: { kind: 'ovs-in', host: host.name, bridge: bridge.name, port: bridge.name }, reason: `${bridge.name}'s MAC table has ${mac} on LOCAL`, evidence };
    if (!port) return undefined;
    const peer = port.options['peer'];
    if (peer === undefined) return { place: { kind: 'ovs-in', host: host.name, bridge: bridge.name, port: port.name }, reason: `${bridge.name}'s MAC table has ${mac} on ${port.name}`, evidence };
    const next = ovsPortNamed(host, peer);
    if (!next) return undefined;
    ovs = next;
  }
  return undefined;
}

/** The answer starts where the request ended, and may use all that the request left behind. */
function walkReply(network: Network, state: WalkState, request: WalkAnswer, doubts: readonly Gap[]): WalkAnswer | undefined {
  const { ending } = request;
  // An answer to a packet that may have been translated elsewhere may be another one.
  const context = newContext(network, state, true, request.certainty === 'assumed' ? [...doubts, ...request.gaps] : doubts);
  const { back, packet } = ending;
  if (!back || ending.disposition === 'dropped' || ending.disposition === 'loop' || ending.disposition === 'insufficient-info') return undefined;
  const answer = reversed(packet);
  const steps: Step[] = [];
  if (back.kind === 'namespace-local') {
    const host = hostOf(context, back.host);
    const isInstance = network.instances.some((instance) => instance.guest === back.host);
    steps.push({ host: back.host, namespace: back.namespace === '' ? null : back.namespace, stage: isInstance ? 'instance' : 'namespace', device: ending.at.device, port: null, summary: `${sourceIp(answer)} answers: ${addresses(answer)}`, certainty: 'captured', packet: answer, evidence: host?.namespaces.get(back.namespace)?.sources.slice(0, 1) ?? [], steps: [] });
    return finish(context, go(context, back, answer, steps), steps);
  }
  if (back.kind === 'instance') return finish(context, answerOfInstance(context, back, answer, steps), steps);
  steps.push({
    host: 'host' in back ? back.host : null,
    namespace: null,
    stage: back.kind === 'ovs-in' ? 'ovs-port' : 'nic',
    device: ending.at.device,
    port: ending.at.port,
    summary: `The answer ${addresses(answer)} comes in where the request went out`,
    certainty: 'inferred',
    reason: 'routes outside the captures are taken to be symmetric',
    packet: answer,
    evidence: [],
    steps: [],
  });
  return finish(context, go(context, back, answer, steps), steps);
}

/** An instance answers by its own route, which need not be the MAC address that the request came from. */
function answerOfInstance(context: Context, back: Place & { kind: 'instance' }, answer: FlowKey, steps: Step[]): Ending {
  const tap = back.tap?.device ?? '';
  const port = neutronPortOf(context.network, tap);
  const hop = port ? firstHop(context.network, port, sourceIp(answer), destinationIp(answer)) : undefined;
  const owner = hop && context.network.neutronPorts.find((candidate) => candidate.ips.some(({ ip }) => ip === hop.ip));
  const mac = owner?.mac ?? macOfDevice(context.network, hop?.ip);
  const frame = mac === undefined ? answer : set(answer, 'dl_dst', parseMac(mac) ?? 0n);
  steps.push({
    host: back.tap?.host ?? null,
    namespace: null,
    stage: 'instance',
    device: back.name,
    port: null,
    summary: `${back.name} answers ${addresses(frame)}, to ${destinationMac(frame)}`,
    certainty: 'inferred',
    reason: hop?.reason ?? 'sent back to the machine that the request came from',
    packet: frame,
    evidence: hop?.evidence ?? [],
    steps: [],
  });
  return outOfInstance(context, back, frame, steps);
}

function reversed(packet: FlowKey): FlowKey {
  let answer: FlowKey = new Map([...packet].filter(([key]) => !/^(?:reg\d+|metadata|tun_.*|ct_.*|conj_id|in_port|pkt_mark|vlan_tci)$/.test(key)));
  const swap = (a: string, b: string) => {
    const [left, right] = [get(answer, a), get(answer, b)];
    answer = set(set(answer, a, right), b, left);
  };
  swap('nw_src', 'nw_dst');
  swap('ipv6_src', 'ipv6_dst');
  if (isMulticastMac(get(packet, 'dl_src'))) return answer;
  swap('dl_src', 'dl_dst');
  const proto = get(packet, 'nw_proto');
  if (proto === 1n) answer = set(answer, 'tp_src', 0n);
  else if (proto === 58n) answer = set(answer, 'tp_src', 129n);
  else swap('tp_src', 'tp_dst');
  return set(answer, 'nw_ttl', 64n);
}
