import { isCalled } from '../model/queries';
import { parseExactFlow } from '../captures/flow/exact-flow';
import { keyToFlow } from '../datapath/key';
import { parseKey } from '../datapath/key-syntax';
import { bytesOfHex, composePacket, extractFlow, packetFromHex } from '../datapath/packet';
import { assembleSwitch, type AssembledSwitch } from '../link/switch/assemble';
import { receivePacket } from '../ofproto/receive';
import { traceFlow, type TraceAnswer } from '../ofproto/trace';
import { ctStateFlags, formatFlags } from '../openflow/flags';
import { nameMap } from '../openflow/names';
import { tlvTable, writeOption, type TlvTable } from '../openflow/tlv';
import { W, type FlowWords } from '../packet/flow-words';
import type { World } from './world';

/** What `ovs-appctl ofproto/trace` is asked: its arguments, and the host whose switch is meant where several have such a bridge. */
export interface OfprotoQuestion {
  /** A bridge, or a datapath for a datapath's flow; null where only a flow is given. */
  readonly bridge: string | null;
  readonly flow: string;
  readonly packet: string | null;
  /** One `--ct-next` each: `trk,new`. */
  readonly ctNext: readonly string[];
  readonly names: boolean;
  readonly generate: boolean;
  /** What a generated packet carries: `--l7 HEX`, which goes first, or `--l7-len LENGTH`; 64 bytes without them. */
  readonly l7?: string | null;
  readonly l7Length?: string | null;
  readonly host: string | null;
}

export type OfprotoAnswer =
  | { readonly kind: 'answer'; readonly host: string; readonly bridge: string; readonly answer: TraceAnswer }
  /** A sentence of the command's own, or one of ours where it is about captures. */
  | { readonly kind: 'error'; readonly message: string };

const assembled = new WeakMap<World['network'], Map<string, AssembledSwitch | undefined>>();

/** A host's switch, put together once for each snapshot. */
export function switchOf(world: World, host: string): AssembledSwitch | undefined {
  let hosts = assembled.get(world.network);
  if (!hosts) assembled.set(world.network, (hosts = new Map()));
  if (!hosts.has(host)) hosts.set(host, assembleSwitch(world.network, world.documents, host));
  return hosts.get(host);
}

const fail = (message: string): OfprotoAnswer => ({ kind: 'error', message });

/** Answers as `ovs-appctl ofproto/trace` would on that host, from captures alone (ovs-vswitchd(8)). */
export function ofprotoTrace(world: World, asked: OfprotoQuestion): OfprotoAnswer {
  const question = asArguments(asked);
  const ctNext: number[] = [];
  for (const states of question.ctNext) {
    const state = parseCtState(states);
    if (typeof state === 'string') return fail(state);
    ctNext.push(state);
  }
  const host = hostOf(world, question);
  if ('message' in host) return fail(host.message);
  const known = switchOf(world, host.name);
  if (!known) return fail(`no switch of host ${host.name} is captured`);
  const packet = readPacket(question);
  if (typeof packet === 'string') return fail(packet);
  const payload = readPayload(question);
  if (typeof payload === 'string') return fail(payload);
  const read = readFlow(known, question);
  if (typeof read === 'string') return fail(read);
  const { bridge } = read;
  let { flow } = read;
  let packetLength: number | undefined;
  if (question.generate) packetLength = composePacket(flow, payload).length;
  else if (packet) {
    packetLength = packet.length;
    flow = extractFlow(packet, flow, known.vlanLimit);
  }
  const answer = traceFlow({
    sw: known.sw,
    bridge,
    flow,
    names: question.names,
    generate: question.generate,
    ctNext,
    ...(read.geneve === undefined ? {} : { geneve: read.geneve }),
    ...(packetLength === undefined ? {} : { packetLength }),
  });
  if (!answer) return fail(`${bridge}: unknown bridge`);
  return { kind: 'answer', host: host.name, bridge, answer };
}

/** Of two arguments the command takes the second for a packet only if it is one: else they are a bridge and a flow. */
function asArguments(question: OfprotoQuestion): OfprotoQuestion {
  const { bridge, flow, packet } = question;
  if (bridge !== null || packet === null || typeof packetFromHex(packet) !== 'string') return question;
  return { ...question, bridge: flow, flow: packet, packet: null };
}

const stateBits: ReadonlyMap<string, number> = new Map(
  ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'].map((name, bit) => [name, 1 << bit]),
);

/** `trk,new` as a number; what can't be is the switch's own sentence (ovs-fields(7), "ct_state"). */
function parseCtState(text: string): number | string {
  let state = 0;
  for (const word of text.split(/[, ]+/)) {
    if (word === '') continue;
    const bit = stateBits.get(word);
    if (bit === undefined) return `${word}: unknown connection tracking state flag`;
    state |= bit;
  }
  const shown = formatFlags(ctStateFlags, state);
  const troubles: string[] = [];
  const invalid = (why: string) => troubles.push(`${shown}: invalid connection state: ${why}`);
  const has = (name: string) => (state & (stateBits.get(name) ?? 0)) !== 0;
  if (state !== 0 && !has('trk')) invalid('If "trk" is unset, no other flags are set');
  if (has('inv') && (state & ~0x30) !== 0) invalid('when "inv" is set, only "trk" may also be set');
  if (has('new') && has('est')) invalid('"new" and "est" are mutually exclusive');
  if (has('new') && has('rpl')) invalid('"new" and "rpy" are mutually exclusive');
  return troubles.length > 0 ? troubles.join('\n') : state;
}

function hostOf(world: World, { bridge, host }: OfprotoQuestion): { readonly name: string } | { readonly message: string } {
  const { hosts } = world.network;
  if (host !== null) {
    const found = [...hosts.values()].find((candidate) => isCalled(candidate, host));
    if (found) return { name: found.name };
    return { message: `no host ${host} is captured; there are ${[...hosts.keys()].join(', ') || 'none'}` };
  }
  const switches = [...hosts.values()].filter(({ bridges }) => bridges.size > 0);
  const fitting = bridge === null ? switches : switches.filter(({ bridges }) => bridges.has(bridge));
  const [only, second] = fitting.length > 0 ? fitting : switches;
  if (!only) return { message: 'no switch is captured: ovs-vsctl show and ovs-ofctl dump-flows tell of one' };
  if (second)
    return {
      message: `${(fitting.length > 0 ? fitting : switches).map(({ name }) => name).join(', ')} each have ${
        bridge === null || fitting.length === 0 ? 'a switch' : `a bridge ${bridge}`
      }; say which one is meant with --host`,
    };
  return { name: only.name };
}

/** The packet's bytes; a string is the switch's sentence. Where a packet is made, what stands in its place is one argument too many. */
function readPacket({ packet, generate }: OfprotoQuestion): Uint8Array | string | undefined {
  if (packet === null) return undefined;
  return generate ? 'Syntax error' : packetFromHex(packet);
}

/** The most bytes of payload that the switch takes (ovs-vswitchd(8), "ofproto/trace", `--l7-len`; the figure is what 3.1 takes). */
const MAX_PAYLOAD = 64_000;

/** The payload of a packet to be made, undefined for the usual one; a string is the switch's sentence. A length's text counts as far as it is a number. */
function readPayload({ l7, l7Length }: OfprotoQuestion): readonly number[] | string | undefined {
  if (l7 !== undefined && l7 !== null) {
    const bytes = bytesOfHex(l7);
    return bytes === undefined ? 'Trailing garbage in packet data' : [...bytes];
  }
  if (l7Length === undefined || l7Length === null) return undefined;
  const length = Number(/^\s*[+-]?\d+/.exec(l7Length)?.[0] ?? 0);
  if (length < 0 || length > MAX_PAYLOAD) return `${l7Length}: too much L7 data`;
  return new Array<number>(length).fill(0);
}

interface ReadFlow {
  readonly bridge: string;
  readonly flow: FlowWords;
  readonly geneve?: boolean;
}

/** Reads the flow as the command does: first as a datapath's, then as OpenFlow's. */
function readFlow({ sw, vlanLimit, datapaths }: AssembledSwitch, { bridge, flow: text }: OfprotoQuestion): ReadFlow | string {
  const isDatapath = bridge === null || datapaths.includes(bridge.replace(/^ovs-/, ''));
  const numbers = new Map<string, number>();
  if (isDatapath)
    for (const { ports } of sw.bridges.values())
      for (const port of ports.values())
        if (port.odpPort !== undefined) numbers.set(port.datapathName ?? port.name, port.odpPort);
  const key = parseKey(text, (name) => numbers.get(name));
  if (typeof key !== 'string') {
    if (!isDatapath) return 'Cannot find the datapath';
    const read = keyToFlow(key, vlanLimit);
    if (typeof read === 'string') return read;
    const received = receivePacket(sw, read.flow);
    if (typeof received === 'string') return received;
    read.flow[W.inPort] = received.ofport;
    const known = sw.bridges.get(received.bridge);
    const tlv = tlvTable(known?.tlvMap ?? []);
    if (!putOptions(read.flow, read.geneve, tlv)) return 'Failed to parse Geneve options';
    return { bridge: received.bridge, flow: read.flow, geneve: read.geneve.length > 0 };
  }
  if (bridge === null) return `${key} (or the bridge name was omitted)`;
  const known = sw.bridges.get(bridge);
  if (!known) return `${bridge}: unknown bridge`;
  const ports = nameMap([...known.ports.values()].map((port) => [port.ofport, port.name] as const));
  const read = parseExactFlow(text, ports, tlvTable(known.tlvMap));
  return 'error' in read ? `Bad openflow flow syntax: ${read.error}` : { bridge, flow: read.flow };
}

/** Puts Geneve options where the bridge keeps them; false where one that must be understood is not. */
function putOptions(
  flow: FlowWords,
  options: readonly { readonly class: number; readonly type: number; readonly data: readonly number[] }[],
  tlv: TlvTable,
): boolean {
  for (const option of options) {
    const entry = [...tlv.entries.values()].find((known) => known.class === option.class && known.type === option.type);
    if (!entry) {
      if (option.type & 0x80) return false;
      continue;
    }
    if (entry.length !== option.data.length) return false;
    writeOption(
      flow,
      tlv,
      entry.index,
      option.data.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n),
    );
  }
  return true;
}
