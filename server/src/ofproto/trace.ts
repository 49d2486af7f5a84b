import { formatDpActions } from '../datapath/format';
import { formatFlags, ctStateFlags } from '../openflow/flags';
import { formatFlow, formatMegaflow } from '../openflow/format-match';
import type { NatAct } from '../openflow/ofpact';
import { formatIpv4, formatIpv6 } from '../packet/address';
import { namesOf, type RecircNode, type SlowReason } from './context';
import { tlvsOf } from './fields';
import { releaseStates } from './recirculation';
import { newSession } from './session';
import type { Switch } from './switch';
import { printNodes } from './trace-node';
import { translate, type Translation } from './translate';
import { wordAt, type FlowWords, W } from '../packet/flow-words';
import { CT_STATE } from '../packet/protocols';

export interface TraceQuestion {
  readonly sw: Switch;
  readonly bridge: string;
  readonly flow: FlowWords;
  /** Length in bytes of the packet that was given with the flow; undefined where there is none. */
  readonly packetLength?: number;
  /** Make a packet out of the flow: the trace then learns, as the switch does. */
  readonly generate?: boolean;
  readonly names?: boolean;
  /** ct_state for each packet that comes back from connection tracking, in order; then `trk|new`. */
  readonly ctNext?: readonly number[];
  /** The packet came with Geneve options, which the bridge's map gives their places. */
  readonly geneve?: boolean;
}

export interface TracePart {
  /** The line of a recirculation; undefined for the first part. */
  readonly recirc:
    { readonly id: number; readonly ctState: number; readonly defaulted: boolean; readonly nat: string | undefined } | undefined;
  readonly flow: FlowWords;
  readonly translation: Translation;
}

export interface TraceAnswer {
  /** What `ovs-appctl ofproto/trace` prints. */
  readonly text: string;
  readonly parts: readonly TracePart[];
  /** What captures can't tell, in sentences. */
  readonly notes: readonly string[];
}

/** Recirculations that one trace follows; the switch itself has no such limit. */
const MAX_RECIRCULATIONS = 512;

/** Characters of a trace after which no further recirculation is followed: more than anybody reads, less than fills the memory. */
const MAX_TEXT = 16 * 1024 * 1024;

const explanations: Readonly<Record<SlowReason, string>> = {
  CFM: 'Consists of CFM packets',
  BFD: 'Consists of BFD packets',
  LACP: 'Consists of LACP packets',
  STP: 'Consists of STP packets',
  LLDP: 'Consists of LLDP packets',
  ACTION: 'Uses action(s) not supported by datapath',
  MATCH: "Datapath can't match specifically enough",
};

/** `ovs-appctl ofproto/trace`, worked out from a switch's state alone. Undefined for a bridge that the switch lacks. */
export function traceFlow(question: TraceQuestion): TraceAnswer | undefined {
  const { sw } = question;
  const bridge = sw.bridges.get(question.bridge);
  if (!bridge) return undefined;
  const session = newSession(sw, bridge.name);
  const map = bridge.unseen.get('tlv-map');
  if (question.geneve === true && map !== undefined) session.notes.add(map);
  const options = {
    names: question.names ?? false,
    packetLength: question.packetLength,
    generate: question.generate ?? false,
  };
  const ofNames = options.names ? namesOf(bridge) : undefined;
  const dpNames = options.names ? datapathNames(sw) : undefined;
  const parts: TracePart[] = [];
  let text = '';
  const runPart = (flow: FlowWords, recirc: TracePart['recirc']) => {
    const translation = translate(session, bridge, flow, options);
    parts.push({ recirc, flow, translation });
    const { initialFlow, finalFlow, nodes, wc, actions, error, slow } = translation;
    text += `Flow: ${formatFlow(initialFlow, { ports: ofNames, tlv: tlvsOf(bridge) })}\n`;
    text += printNodes(nodes);
    const same = initialFlow.every((word, i) => word === finalFlow[i]);
    text += `\nFinal flow: ${same ? 'unchanged' : formatFlow(finalFlow, { ports: ofNames, tlv: tlvsOf(bridge) })}\n`;
    text += `Megaflow: ${formatMegaflow(wc, flow, { ports: ofNames, tlv: tlvsOf(bridge) })}\n`;
    text += `Datapath actions: ${formatDpActions(actions, dpNames)}`;
    if (error !== undefined) text += `\nTranslation failed (${error}), packet is dropped.\n`;
    else if (slow.length > 0) {
      text += '\nThis flow is handled by the userspace slow path because it:';
      for (const reason of Object.keys(explanations) as SlowReason[]) {
        if (slow.includes(reason)) text += `\n  - ${explanations[reason]}.`;
      }
    }
  };
  runPart(question.flow, undefined);
  releaseStates(session);
  const ctNext = [...(question.ctNext ?? [])];
  for (let node = session.recircQueue.shift(); node; node = session.recircQueue.shift()) {
    if (parts.length > MAX_RECIRCULATIONS) {
      session.notes.add(
        `the packet comes back from connection tracking without end; the trace stops after ${MAX_RECIRCULATIONS} times`,
      );
      break;
    }
    if (text.length > MAX_TEXT) {
      session.notes.add(
        `the trace has grown to ${Math.round(text.length / (1024 * 1024))} MB; its other recirculations (${session.recircQueue.length + 1} at least) are left out`,
      );
      break;
    }
    const given = ctNext.shift();
    const header = recircHeader(node, given);
    text += header.text;
    runPart(header.flow, {
      id: node.id,
      ctState: given ?? CT_STATE.TRK | CT_STATE.NEW,
      defaulted: given === undefined,
      nat: header.nat,
    });
    releaseStates(session);
  }
  return { text, parts, notes: [...session.notes] };
}

function datapathNames(sw: Switch): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const bridge of sw.bridges.values()) {
    for (const port of bridge.ports.values()) {
      if (port.odpPort !== undefined && !names.has(port.odpPort)) names.set(port.odpPort, port.datapathName ?? port.name);
    }
  }
  return names;
}

function recircHeader(
  node: RecircNode,
  given: number | undefined,
): { readonly text: string; readonly flow: FlowWords; readonly nat: string | undefined } {
  const flow = node.flow.slice();
  const rule = '='.repeat(79);
  let text = `\n\n${rule}\nrecirc(${node.id === 0 ? '0' : `0x${node.id.toString(16)}`})`;
  if (given === undefined) text += ' - resume conntrack with default ct_state=trk|new (use --ct-next to customize)';
  else text += ` - resume conntrack with ct_state=${formatFlags(ctStateFlags, given)}`;
  flow[W.ctState] = given ?? CT_STATE.TRK | CT_STATE.NEW;
  text += '\n';
  let nat: string | undefined;
  if (node.nat) {
    const before = addresses(flow, node.nat);
    translateAddresses(flow, node.nat);
    nat = addresses(flow, node.nat);
    text += `Replacing src/dst IP/ports to simulate NAT:\n Initial flow: ${before}\n Modified flow: ${nat}\n`;
  }
  return { text: `${text}${rule}\n\n`, flow, nat };
}

function addresses(flow: FlowWords, nat: NatAct): string {
  const v6 = (word: number) => {
    let value = 0n;
    for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(wordAt(flow, word + i));
    return `[${formatIpv6(value)}]`;
  };
  const v4 = (word: number) => formatIpv4(BigInt(wordAt(flow, word)));
  const family = nat.direction === undefined ? undefined : nat.addresses?.family;
  if (family === undefined) return '';
  const [src, dst, name] = family === 4 ? [v4(W.nwSrc), v4(W.nwDst), 'nw'] : [v6(W.ipv6Src), v6(W.ipv6Dst), 'ipv6'];
  return `${name}_src=${src},tp_src=${wordAt(flow, W.tpSrc)},${name}_dst=${dst},tp_dst=${wordAt(flow, W.tpDst)}`;
}

/** NAT as a trace shows it: to the first address and port of the range. */
function translateAddresses(flow: FlowWords, nat: NatAct): void {
  const { direction, addresses: range, ports } = nat;
  if (!direction || !range) return;
  const [v4, v6, port] = direction === 'src' ? [W.nwSrc, W.ipv6Src, W.tpSrc] : [W.nwDst, W.ipv6Dst, W.tpDst];
  if (range.family === 4) flow[v4] = Number(range.min);
  else for (let i = 0; i < 4; i++) flow[v6 + i] = Number((range.min >> BigInt(96 - 32 * i)) & 0xffffffffn);
  if (ports?.min) flow[port] = ports.min;
}
