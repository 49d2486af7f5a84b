import { explainActions } from '../../model/explain';
import type { FlowEntry } from '../../model/flows';
import type { OvsBridge, OvsPort } from '../../model/ovs-bridge';
import type { Source } from '../../model/source';
import { bridgePort } from '../../model/queries';
import type { NatAct, OfpAct } from '../../openflow/ofpact';
import type { TlvTable } from '../../openflow/tlv';
import type { Ctx, Follower } from '../../ofproto/context';
import { tlvsOf } from '../../ofproto/fields';
import { newSession } from '../../ofproto/session';
import type { Rule } from '../../ofproto/switch';
import { makeTables, type RuleRef } from '../../ofproto/tables';
import type { TraceNode } from '../../ofproto/trace-node';
import { translate } from '../../ofproto/translate';
import { LOCAL_PORT } from '../../packet/fields';
import { get, set, type FlowKey } from '../../packet/flow-key';
import { W } from '../../packet/flow-words';
import { addDoubt, addGap, type Context } from '../context';
import { exceeds, noteLimits } from '../size';
import { addresses, type Certainty, type Step } from '../step';
import { commitConnection, trackPacket } from './connections';
import { rememberLearned } from './learned';
import { matches } from './match';
import { tableStep, type TableWords } from './table-step';
import { toPacket, toWords } from './words';

/** What a pipeline did with the packet, each with the packet as it was then. */
export type Emission = { readonly packet: FlowKey; readonly source: Source } & (
  | { readonly kind: 'port'; readonly ofport: number; readonly name: string | undefined }
  | { readonly kind: 'normal' }
  | { readonly kind: 'controller'; readonly userdata: readonly number[] | undefined }
  | { readonly kind: 'unknown'; readonly text: string }
  /** Something that decides was not captured. */
  | { readonly kind: 'uncaptured'; readonly text: string }
);

export type PipelineEnd =
  | { readonly kind: 'done'; readonly emissions: readonly Emission[]; readonly droppedBy: string | undefined }
  /** A table that was not (wholly) captured has no flow for the packet: what happens there is not known. */
  | {
      readonly kind: 'unknown-table';
      readonly table: number;
      readonly packet: FlowKey;
      readonly emissions: readonly Emission[];
      /** A captured flow drops the packet, which one that was left out may keep it from. */
      readonly shownDrop: boolean;
    };

type TableNode = TraceNode & { readonly kind: 'table' };

interface Run {
  readonly context: Context;
  readonly bridge: OvsBridge;
  readonly options: TlvTable;
  readonly before: FlowKey;
  readonly emissions: Emission[];
  /** In the order in which things happened; tables are put into words when the pipeline is through. */
  readonly events: (
    { readonly kind: 'table'; readonly node: TableNode; readonly ref: RuleRef } | { readonly kind: 'step'; readonly step: Step }
  )[];
  /** What connection tracking says of packets on their way back, in the order in which they will come. */
  readonly returning: { readonly packet: FlowKey; readonly state: bigint }[];
  source: Source | undefined;
  unknown: { table: number; packet: FlowKey; shownDrop: boolean } | undefined;
  missed: string | undefined;
}

/** ct(table=…) may recirculate for ever; the real switch does too. */
const MAX_RECIRCULATIONS = 32;

/** Runs a packet through a bridge's tables as the switch does; adds one step for every flow that it hits. */
export function runPipeline(
  context: Context,
  bridge: OvsBridge,
  _inPort: OvsPort | undefined,
  packet: FlowKey,
  steps: Step[],
): PipelineEnd {
  const sw = context.network.switchOf(bridge.host);
  const ofBridge = sw?.bridges.get(bridge.name);
  if (!sw || !ofBridge || bridge.flows.length === 0) {
    return { kind: 'unknown-table', table: 0, packet, emissions: [], shownDrop: false };
  }
  const run: Run = {
    context,
    bridge,
    options: tlvsOf(ofBridge),
    before: packet,
    emissions: [],
    events: [],
    returning: [],
    source: undefined,
    unknown: undefined,
    missed: undefined,
  };
  let { tables } = context.state;
  if (!tables) context.state.tables = tables = makeTables();
  const session = newSession(sw, bridge.name, { tables, follower: followerOf(run) });
  const options = { names: false, packetLength: undefined, generate: true };
  const words = toWords(packet, run.options);
  words[W.recircId] = 0;
  words.fill(0, W.reg, W.reg + 16);
  const first = translate(session, ofBridge, words, options);
  noteError(run, first.error);
  for (let n = 0; n < MAX_RECIRCULATIONS && !run.unknown; n++) {
    const node = session.recircQueue.shift();
    const back = run.returning.shift();
    if (!node || !back) break;
    const again = toWords(back.packet);
    const flow = node.flow.slice();
    for (const word of [W.nwSrc, W.nwDst, W.tpSrc, W.tpDst]) flow[word] = again[word] ?? 0;
    flow.set(again.subarray(W.ipv6Src, W.ipv6Src + 8), W.ipv6Src);
    flow[W.ctState] = Number(back.state);
    // The kernel's datapath puts fragments together before it tracks them (ovs_ct_handle_fragments).
    if (bridge.datapathType !== 'netdev') flow[W.nwFrag] = 0;
    noteError(run, translate(session, ofBridge, flow, options).error);
  }
  putSteps(run, steps);
  if (run.unknown) return { kind: 'unknown-table', ...run.unknown, emissions: run.emissions };
  return { kind: 'done', emissions: run.emissions, droppedBy: run.missed };
}

function noteError(run: Run, error: string | undefined): void {
  if (error === 'Recursion too deep') run.missed = 'the pipeline is more than 64 resubmits deep';
  else if (error === 'Too many resubmits') run.missed = 'the pipeline resubmits more than 4096 times';
  else if (error !== undefined) run.missed = `the switch can't translate it (${error})`;
  // The switch takes back what it had decided before the error.
  if (error !== undefined) run.emissions.length = 0;
}

function entryOf(run: Run, rule: Rule): { readonly entry: FlowEntry | undefined; readonly learned: boolean } {
  if (rule.learnedBy === undefined) return { entry: run.bridge.flows.at(rule.index), learned: false };
  return { entry: run.bridge.flows.at(rule.learnedBy), learned: true };
}

function followerOf(run: Run): Follower {
  const now = (ctx: Ctx) => toPacket(ctx.flow, run.before, run.options);
  const source = () => run.source ?? run.bridge.sources[0] ?? run.bridge.flows.at(0)?.source;
  const emit = (
    ctx: Ctx,
    emission:
      | { kind: 'port'; ofport: number; name: string | undefined }
      | { kind: 'normal' }
      | { kind: 'controller'; userdata: readonly number[] | undefined }
      | { kind: 'unknown' | 'uncaptured'; text: string },
  ) => {
    const said = source();
    if (said) run.emissions.push({ ...emission, packet: now(ctx), source: said });
  };
  return {
    table(ctx, node, ref) {
      run.events.push({ kind: 'table', node, ref });
      const taken = ref.kind === 'flow' ? ref.rule : undefined;
      run.context.visits.push({ host: run.bridge.host, bridge: run.bridge.name, table: node.table, packet: node.packet, taken });
      if (ref.kind !== 'flow') {
        if (run.bridge.flowsKnown === 'whole') return true;
        run.events.pop();
        run.unknown = { table: node.table, packet: now(ctx), shownDrop: false };
        return false;
      }
      const { entry } = entryOf(run, ref.rule);
      run.source = entry?.source ?? run.source;
      if (run.bridge.flowsKnown === 'whole') return true;
      addDoubt(run.context, {
        host: run.bridge.host,
        command: `ovs-ofctl dump-flows ${run.bridge.name}`,
        why: `whether a flow that is not in the captured dump takes the packet before the one of table ${node.table} does`,
      });
      const drops = ref.rule.actions.length === 0;
      if (drops && run.emissions.length === 0) {
        run.unknown = { table: node.table, packet: now(ctx), shownDrop: true };
        return false;
      }
      return true;
    },
    output(ctx, port) {
      const ofport = typeof port === 'number' ? port : (bridgePort(run.bridge, port)?.ofport ?? -1);
      const name = typeof port === 'string' ? port : bridgePort(run.bridge, port)?.name;
      emit(ctx, { kind: 'port', ofport, name });
    },
    normal: (ctx) => emit(ctx, { kind: 'normal' }),
    controller: (ctx, userdata) => emit(ctx, { kind: 'controller', userdata }),
    track: (ctx, act, zone) => track(run, act, zone, now(ctx), source()),
    learned(_ctx, rule) {
      const said = source();
      if (said) rememberLearned(run.context.state, run.bridge, { rule, source: said });
    },
    unseenGroup(ctx, id) {
      addGap(run.context, {
        host: run.bridge.host,
        command: `ovs-ofctl -O OpenFlow15 dump-groups ${run.bridge.name}`,
        why: `what group ${id} does with the packet`,
      });
      emit(ctx, { kind: 'uncaptured', text: `What group ${id} does with the packet was not captured` });
    },
    noneLive: (ctx, what, ports) => noneLive(run, what, ports, now(ctx), source()),
    isLonger: (ctx, bytes) => isLonger(run, bytes, now(ctx), source()),
    select(ctx, group, live) {
      const said = source();
      if (!said) return;
      addGap(run.context, {
        host: run.bridge.host,
        command: `ovs-appctl ofproto/trace ${run.bridge.name} …`,
        why: `which bucket of group ${group.id} the datapath's hash of the packet chooses`,
      });
      run.events.push({
        kind: 'step',
        step: tableStep(run.bridge, now(ctx), {
          summary: `Group ${group.id} takes one of ${live.length} live buckets by the datapath's hash of the packet; every one of them is followed`,
          certainty: 'assumed',
          reason: 'only the datapath knows its hash',
          evidence: [said],
        }),
      });
    },
  };
}

/** Says which ports were asked, and which of them BFD or CFM takes for broken. */
function noneLive(run: Run, what: string, ports: readonly number[], packet: FlowKey, source: Source | undefined): void {
  const known = ports.flatMap((ofport) => bridgePort(run.bridge, ofport) ?? []);
  const named = known.map((port) => {
    const by = port.bfdUp === false ? ' (BFD says so)' : port.cfmUp === false ? ' (CFM says so)' : '';
    return `${port.name}${by}`;
  });
  const summary = `${what} sends it nowhere: no port that it may take is live${named.length > 0 ? `, of ${named.join(', ')}` : ''}`;
  const proofs = known.flatMap((port) => port.says['bfd'] ?? port.says['cfm'] ?? port.sources.slice(0, 1));
  run.missed ??= `no port that ${what.toLowerCase()} may take is live`;
  run.events.push({
    kind: 'step',
    step: tableStep(run.bridge, packet, { summary, certainty: 'captured', evidence: [...(source ? [source] : []), ...proofs] }),
  });
}

/** check_pkt_larger: the frame counts with its Ethernet header; flows that ask so keep the packet from what would not take it. */
function isLonger(run: Run, bytes: number, packet: FlowKey, source: Source | undefined): boolean {
  const { context, bridge } = run;
  const evidence = source ? [source] : [];
  const limit = {
    host: bridge.host,
    namespace: null,
    device: `a flow of ${bridge.name}`,
    mtu: bytes - ETHERNET,
    overhead: 0,
    evidence,
  };
  noteLimits(context, [limit]);
  const { size } = context;
  if (!size) return false;
  const longer = exceeds(size, limit, 0);
  const summary = `A frame of ${size.length + ETHERNET} bytes is ${longer ? '' : 'not '}longer than ${bytes} (check_pkt_larger)`;
  run.events.push({ kind: 'step', step: tableStep(bridge, packet, { summary, certainty: 'captured', evidence }) });
  return longer;
}

const ETHERNET = 14;

const bits = { new: 1n, est: 2n, rpl: 8n, inv: 0x10n, trk: 0x20n } as const;

/**
 * ct(): the first packet of a connection is new, the answer to one that went before is established. Inside Open vSwitch a connection
 * counts as established for the answer once it was committed; an answer of TCP or ICMP that belongs to no connection starts none
 * (tcp_valid_new, icmp4_valid_new).
 */
function track(run: Run, act: OfpAct & { kind: 'ct' }, zone: number, packet: FlowKey, source: Source | undefined): void {
  const where = `${run.bridge.host}|zone ${zone}`;
  const nat = act.actions.find((inner): inner is NatAct => inner.kind === 'nat');
  const { state } = run.context;
  const tracked = trackPacket(state, where, packet, nat);
  const { known, reply } = tracked;
  const stray = !known && startsNothing(run, packet);
  // Where the way of the first packet was not certain, its connection may have been committed here all the same, or not.
  const unsure = stray && run.context.doubts.length > 0;
  if (unsure)
    addGap(run.context, {
      host: run.bridge.host,
      command: 'ovs-appctl dpctl/dump-conntrack',
      why: `whether the connection that ${addresses(packet)} belongs to passed zone ${zone}`,
    });
  if (stray && !unsure) {
    run.events.push({
      kind: 'step',
      step: tableStep(run.bridge, packet, {
        summary: `Connection tracking in zone ${zone}: ${addresses(packet)} is invalid: an answer to a connection that was never committed there`,
        certainty: 'inferred',
        reason: 'the packet that it answers did not pass connection tracking in this zone',
        evidence: source ? [source] : [],
      }),
    });
    if (act.table !== undefined) run.returning.push({ packet, state: bits.trk | bits.inv });
    return;
  }
  if (act.commit && !known) commitConnection(state, where, packet, tracked.packet, source);
  const words = known
    ? reply
      ? 'the answer in an established connection'
      : 'a packet of an established connection'
    : 'a new connection';
  const moved = addresses(tracked.packet) === addresses(packet) ? '' : `; its addresses become ${addresses(tracked.packet)}`;
  run.events.push({
    kind: 'step',
    step: tableStep(run.bridge, tracked.packet, {
      summary: `Connection tracking in zone ${zone}: ${addresses(packet)} is ${words}${act.commit && !known ? '; it is committed' : ''}${moved}`,
      certainty: unsure ? 'assumed' : 'inferred',
      reason: known
        ? 'by the packet that was walked before'
        : unsure
          ? 'the way of the packet that it answers was not certain; taken to start a connection here'
          : 'no packet of this connection was walked before; a captured connection table may say otherwise',
      evidence: source ? [source] : [],
    }),
  });
  if (act.table === undefined) return;
  run.returning.push({ packet: tracked.packet, state: bits.trk | (known ? bits.est | (reply ? bits.rpl : 0n) : bits.new) });
}

function startsNothing({ context, bridge }: Run, packet: FlowKey): boolean {
  if (!context.isReply) return false;
  const proto = get(packet, 'nw_proto');
  // The userspace datapath lets a reset start a connection, the kernel's does not (tcp_valid_new, tcp_conntracks).
  if (proto === 6n && context.isReset && bridge.datapathType === 'netdev') return false;
  return proto === 6n || proto === 1n || proto === 58n;
}

/** Puts what happened into steps, each before those of the tables that it led to. */
function putSteps(run: Run, steps: Step[]): void {
  for (const event of run.events) {
    if (event.kind === 'step') {
      steps.push(event.step);
      continue;
    }
    const { node, ref } = event;
    if (ref.kind === 'flow') steps.push(flowStep(run, node, ref.rule));
    else {
      run.missed ??= `no flow of table ${node.table} matches`;
      steps.push(
        tableStep(run.bridge, toPacket(node.packet, run.before, run.options), {
          summary: `Table ${node.table}: no flow matches, ${isAside(run, node) ? 'which changes nothing: the flow before goes on' : 'so the packet is dropped (table miss)'}`,
          table: node.table,
          certainty: 'captured',
          evidence: run.bridge.dumps.length > 0 ? run.bridge.dumps.slice(0, 1) : run.bridge.sources.slice(-1),
          ...(isAside(run, node) ? {} : { effect: 'dropped' as const }),
        }),
      );
    }
    for (const inner of node.nodes) {
      if (inner.kind === 'warn' && /TTL exception/i.test(inner.text)) run.missed = 'its TTL ran out';
      if (inner.kind === 'error' || /ignored|nonexistent|skipping/i.test(inner.text)) run.missed ??= inner.text;
    }
  }
}

/** A table that is only looked at on the way, by a resubmit whose flow goes on after it. */
function isAside(run: Run, node: TableNode): boolean {
  const last = run.events.findLast((event) => event.kind === 'table');
  return last?.kind === 'table' && last.node !== node;
}

function names(bridge: OvsBridge): (ofport: number) => string | undefined {
  return (ofport) => bridgePort(bridge, ofport)?.name ?? (ofport === LOCAL_PORT ? bridge.name : undefined);
}

function flowStep(run: Run, node: TableNode, rule: Rule): Step {
  const { entry, learned } = entryOf(run, rule);
  const packet = set(toPacket(node.after ?? node.packet, run.before, run.options), 'in_port', get(run.before, 'in_port'));
  const maybes = learned ? 0 : mayMatch(run, node, rule);
  const rivals = node.also.filter((index) => !sameActions(run, index, rule));
  const reasons = [
    learned ? 'written by learn() when the packet before came through' : '',
    maybes > 0 ? `${maybes} flow(s) of higher priority may match as well; not everything they ask for is understood` : '',
    rule.trouble === undefined ? '' : `not all of it is understood: ${rule.trouble}`,
    rivals.length > 0 ? 'another flow of the same priority matches too: which one wins is undefined in Open vSwitch' : '',
  ].filter((reason) => reason !== '');
  const certainty: Certainty =
    maybes > 0 || rivals.length > 0 || rule.trouble !== undefined ? 'assumed' : learned ? 'inferred' : 'captured';
  const flow = entry?.flow;
  const dropped = rule.actions.length === 0;
  const does = learned || !flow ? learnedWords(rule) : explainActions(flow.actions, names(run.bridge)).join('; ');
  if (dropped) run.missed = `a flow of table ${node.table} drops it`;
  const words: TableWords = {
    summary: `Table ${node.table}, priority ${rule.priority}: ${does}${rivals.length > 0 ? ' (ambiguous)' : ''}`,
    table: node.table,
    certainty,
    reason: reasons.length > 0 ? reasons.join('; ') : undefined,
    evidence: entry ? [entry.source] : [],
    priority: rule.priority,
    cookie: learned ? undefined : flow?.cookie?.value,
    effect: !dropped ? undefined : run.bridge.flowsKnown === 'whole' || run.emissions.length > 0 ? 'dropped' : 'unknown',
  };
  return tableStep(run.bridge, packet, words);
}

function learnedWords(rule: Rule): string {
  const ports = rule.actions.flatMap((act) => (act.kind === 'output' ? [String(act.port)] : []));
  return ports.length > 0 ? `the flow that learn() wrote sends it to port ${ports.join(', ')}` : 'the flow that learn() wrote';
}

function sameActions(run: Run, index: number, rule: Rule): boolean {
  const text = (at: number) =>
    run.bridge.flows
      .at(at)
      ?.flow.actions.map((action) => action.text)
      .join();
  return text(index) === text(rule.index);
}

/** Flows of the table with a higher priority of which not everything is understood: they may have taken the packet. */
function mayMatch(run: Run, node: TableNode, rule: Rule): number {
  const packet = toPacket(node.packet, run.before, run.options);
  let count = 0;
  for (const index of unsureFlows(run.bridge, node.table)) {
    const entry = run.bridge.flows.at(index);
    if (!entry || entry.flow.priority.value <= rule.priority) continue;
    if (entry.flow.broken ? matches(entry.flow, packet) !== 'no' : matches(entry.flow, packet) === 'maybe') count++;
  }
  return count;
}

const unsure = new WeakMap<OvsBridge, readonly number[]>();

function unsureFlows(bridge: OvsBridge, table: number): number[] {
  let all = unsure.get(bridge);
  if (!all) {
    all = bridge.flows.like(
      (flow) => flow.broken === true || flow.match.some((term) => term.unknown === true || term.portName !== undefined),
    );
    unsure.set(bridge, all);
  }
  return all.filter((index) => bridge.flows.tableOf(index) === table);
}
