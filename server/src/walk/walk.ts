import type { Network } from '../model/network';
import { isMulticastMac } from '../packet/address';
import { get, set, type FlowKey } from '../packet/flow-key';
import { answerOfInstance, begin, outOfInstance } from './begin';
import { addGap, hostOf, newState, type Context, type HostVisit, type WalkState } from './context';
import { deviceOut } from './device-out';
import { isRefused, refusedProtocol, withEvidence } from './evidence';
import { beginFrame } from './frame';
import { beginArp } from './begin-arp';
import { arpText } from './arp';
import { linuxBridgeIn } from './linux/bridge';
import { namespaceIn, namespaceLocal } from './linux/namespace';
import { deviceIn } from './linux/receive';
import { ovsIn, ovsOut } from './openflow/bridge';
import { pathMtuOf, sizeCertainty, type PathMtu } from './path-mtu';
import type { WalkQuestion } from './question';
import { badLength, sizeOf, type PacketSize } from './size';
import { addressOf, whereIs } from './start';
import { strangerText } from './way-back';
import {
  addresses,
  isIpv6,
  sourceIp,
  weaker,
  weakest,
  type Certainty,
  type Ending,
  type Gap,
  type Place,
  type Step,
} from './step';

export type { WalkQuestion } from './question';

export interface WalkAnswer {
  readonly ending: Ending;
  readonly certainty: Certainty;
  readonly steps: readonly Step[];
  readonly gaps: readonly Gap[];
  /** The longest packet that gets through whole; undefined where the walk met no device. */
  readonly mtu: PathMtu | undefined;
  /** Every lookup in a switch's tables, for those who ask why a flow did not take the packet. */
  readonly visits: readonly HostVisit[];
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
  const destination = addressOf(network, to, from);
  const wrong = badLength(question, destination?.ip.includes(':') === true ? 6 : 4);
  if (wrong !== undefined) return { kind: 'error', message: wrong };
  const state = newState();
  const context = newContext(network, state, false, [], sizeOf(question));
  const steps: Step[] = [];
  const ending = destination
    ? question.proto === 'arp'
      ? beginArp(context, from, destination.ip, steps)
      : begin(context, from, destination.ip, question, steps)
    : beginFrame(context, from, to, question, steps);
  if (!ending)
    return {
      kind: 'error',
      message: `No captured address belongs to ${question.to}: give an IP address instead, or capture "ip a" or the Neutron port list.`,
    };
  const request = finish(context, ending, steps);
  const seen = { ...request, ...withEvidence(network, request, false) };
  if (!question.reply) return { kind: 'walk', request: seen, reply: undefined };
  const reply = walkReply(network, state, request, context.doubts, answerSize(question));
  const known = reply && unheard(network, request, { ...reply, ending: told(request, reply.ending) });
  return { kind: 'walk', request: seen, reply: known && { ...known, ...withEvidence(network, known, true) } };
}

/** An answer that comes from another address than the one that was asked is said to. */
function told({ steps }: WalkAnswer, ending: Ending): Ending {
  const [first] = steps;
  const text = first && ending.disposition === 'delivered' ? strangerText(first.packet, ending.packet) : '';
  return text === '' ? ending : { ...ending, summary: `${ending.summary}${text}` };
}

/** Where nobody waits for a datagram, what a program there would answer is walked, and said to be no more than that. */
function unheard(network: Network, request: WalkAnswer, reply: WalkAnswer): WalkAnswer {
  const [first, ...others] = reply.steps;
  if (first === undefined || refusedProtocol(network, request.ending) !== 'udp') return reply;
  const reason = 'nobody there waits for it, so an ICMP error goes back; this is the way of what a program there would answer';
  return { ...reply, certainty: 'assumed', steps: [{ ...first, certainty: 'assumed', reason }, ...others] };
}

function unknownPlace(network: Network, where: string, what: string): string {
  const some = [
    ...network.instances.map((instance) => instance.name),
    ...network.neutronPorts.flatMap((port) => port.ips.map(({ ip }) => ip)),
  ].slice(0, 6);
  const known = some.length > 0 ? ` Known are, for instance, ${some.join(', ')}.` : '';
  return `No capture knows "${where}", so the packet has no place to ${what}: give an instance, tap, port or interface name, a Neutron port id, a MAC or an IP address.${known}`;
}

function newContext(
  network: Network,
  state: WalkState,
  isReply: boolean,
  doubts: readonly Gap[],
  size: PacketSize | undefined,
  isReset = false,
): Context {
  return {
    network,
    state,
    gaps: [],
    doubts: [...doubts],
    budget: { steps: 0 },
    limits: [],
    size,
    visits: [],
    isReply,
    isReset,
    go,
    depth: 0,
    seen: new Set(),
  };
}

function finish(context: Context, ending: Ending, steps: readonly Step[]): WalkAnswer {
  const negative = ending.disposition === 'dropped' || ending.disposition === 'loop';
  const fits = sizeCertainty(context, isIpv6(ending.packet) ? 6 : 4);
  if (!negative || (weakest(steps) !== 'assumed' && context.doubts.length === 0))
    return {
      ending,
      // What may have been too long before, and is lost here, is lost in any case.
      certainty: weaker(certaintyOf(ending, steps), negative && fits === 'assumed' ? 'inferred' : fits),
      steps,
      gaps: context.gaps,
      mtu: pathMtuOf(context),
      visits: context.visits,
    };
  // That something is missing is no proof that a packet is lost: the way to this place was not certain either.
  for (const doubt of context.doubts) addGap(context, doubt);
  const summary = `${ending.summary}; this is not certain, because the way here rests on what was not captured`;
  const doubted = steps.map((step, n) =>
    n === steps.length - 1 && step.effect === 'dropped' ? { ...step, effect: 'unknown' as const } : step,
  );
  return {
    ending: { ...ending, disposition: 'insufficient-info', summary },
    certainty: 'assumed',
    steps: doubted,
    gaps: context.gaps,
    mtu: pathMtuOf(context),
    visits: context.visits,
  };
}

/** The weakest of the steps on the path; copies that a flood made beside it decided nothing. */
function certaintyOf(ending: Ending, steps: readonly Step[]): Certainty {
  const worst = weakest(steps);
  return ending.disposition === 'insufficient-info' ? weaker(worst, 'assumed') : worst;
}

/** Hands the packet to whatever is at a place, within the budgets. */
function go(context: Context, place: Place, packet: FlowKey, steps: Step[]): Ending {
  const device =
    place.kind === 'instance'
      ? place.name
      : 'device' in place
        ? place.device
        : 'bridge' in place
          ? place.bridge
          : place.namespace;
  const host = place.kind === 'instance' ? null : place.host;
  if (++context.budget.steps > MAX_STEPS || context.depth > MAX_DEPTH) {
    return {
      disposition: 'loop',
      at: { host, device, port: null },
      summary: `The walk was given up after ${context.budget.steps} places: the packet seems to run in circles`,
      packet,
    };
  }
  const next: Context = { ...context, depth: context.depth + 1 };
  switch (place.kind) {
    case 'ovs-in':
      return ovsIn(next, place, packet, steps);
    case 'ovs-out':
      return ovsOut(next, place, packet, steps);
    case 'device-in':
      return deviceIn(next, place, packet, steps);
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

/** The answer starts where the request ended, and may use all that the request left behind. */
function walkReply(
  network: Network,
  state: WalkState,
  request: WalkAnswer,
  doubts: readonly Gap[],
  size: PacketSize | undefined,
): WalkAnswer | undefined {
  const { ending } = request;
  // An answer to a packet that may have been translated elsewhere may be another one.
  const open = request.certainty === 'assumed' ? [...doubts, ...request.gaps] : doubts;
  const context = newContext(network, state, true, open, size, isRefused(network, request.ending));
  const { back, packet } = ending;
  if (!back || ending.disposition === 'dropped' || ending.disposition === 'loop' || ending.disposition === 'insufficient-info')
    return undefined;
  if (ending.answer) return replyOf(context, ending, ending.answer, back);
  // A router that is flows has answered on the way: what came to the end is its answer.
  if (isEchoReply(packet)) return undefined;
  // What left by a card or an uplink comes back with the tag that it had there.
  const answer = reversed(packet, back.kind === 'ovs-in');
  const steps: Step[] = [];
  if (back.kind === 'namespace-local') {
    const namespace = hostOf(context, back.host)?.namespaces.get(back.namespace);
    const own = [...(namespace?.devices.values() ?? [])]
      .flatMap((device) => device.addresses)
      .find(({ ip }) => ip === sourceIp(answer));
    const isInstance = network.instances.some((instance) => instance.guest === back.host);
    steps.push({
      host: back.host,
      namespace: back.namespace === '' ? null : back.namespace,
      stage: isInstance ? 'instance' : 'namespace',
      device: ending.at.device,
      port: null,
      summary: `${sourceIp(answer)} answers: ${addresses(answer)}`,
      certainty: 'inferred',
      reason: 'the address is its own; that something there answers is the question, not a capture',
      packet: answer,
      evidence: own ? [own.source] : (namespace?.sources.slice(0, 1) ?? []),
      steps: [],
    });
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

/** An answer as long as the request, as ping's are; the kernel lets its own answers of ICMP be cut (icmp_reply). */
function answerSize(question: WalkQuestion): PacketSize | undefined {
  const size = sizeOf(question);
  return size && { ...size, dontFragment: size.dontFragment && (question.proto ?? 'icmp') !== 'icmp' };
}

function isEchoReply(packet: FlowKey): boolean {
  const proto = get(packet, 'nw_proto');
  return (proto === 1n && get(packet, 'tp_src') === 0n) || (proto === 58n && get(packet, 'tp_src') === 129n);
}

/** What answers is not the packet turned around: ARP, neighbour discovery. */
function replyOf(context: Context, ending: Ending, answer: FlowKey, back: Place): WalkAnswer {
  const steps: Step[] = [];
  steps.push({
    host: 'host' in back ? back.host : ending.at.host,
    namespace: 'namespace' in back && back.namespace !== '' && !back.namespace.startsWith('\u0000') ? back.namespace : null,
    stage: back.kind === 'instance' ? 'instance' : 'neighbour',
    device: ending.at.device,
    port: ending.at.port,
    summary: `The answer: ${arpText(answer)}`,
    certainty: back.kind === 'ovs-out' ? 'captured' : 'inferred',
    ...(back.kind === 'ovs-out' ? {} : { reason: 'whoever has the address answers' }),
    packet: answer,
    evidence: [],
    steps: [],
  });
  const end = back.kind === 'instance' ? outOfInstance(context, back, answer, steps) : context.go(context, back, answer, steps);
  return finish(context, end, steps);
}

function reversed(packet: FlowKey, tagged: boolean): FlowKey {
  let answer: FlowKey = new Map(
    [...packet].filter(
      ([key]) =>
        (tagged && key.startsWith('vlan_')) || !/^(?:reg\d+|metadata|tun_.*|ct_.*|conj_id|in_port|pkt_mark|vlan_.*)$/.test(key),
    ),
  );
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
