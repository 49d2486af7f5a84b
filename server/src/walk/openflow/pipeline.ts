import { explainActions } from '../../model/explain';
import type { OvsBridge, OvsPort, Source } from '../../model/network';
import { bridgePort } from '../../model/queries';
import { ctStateBits, fieldOf, LOCAL_PORT } from '../../packet/fields';
import { get, getBits, set, setBits, setField, vlanOf, withoutVlan, withVlan, type FlowKey } from '../../packet/flow-key';
import type { Action, Flow } from '../../packet/openflow';
import { addDoubt, bridgeKey, type Context, type Tuple } from '../context';
import { addresses, destinationIp, sourceIp, type Certainty, type Step } from '../step';
import { rememberLearned } from './learn';
import { matches, sameMatch } from './match';
import { tableStep, type TableWords } from './table-step';

/** What a pipeline did with the packet, each with the packet as it was then. */
export type Emission = { readonly packet: FlowKey; readonly source: Source } & (
  | { readonly kind: 'port'; readonly ofport: number; readonly name: string | undefined }
  | { readonly kind: 'normal' | 'flood' | 'all' | 'controller' | 'in-port' }
  | { readonly kind: 'unknown'; readonly text: string }
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

interface Run {
  readonly context: Context;
  readonly bridge: OvsBridge;
  readonly inPort: OvsPort | undefined;
  readonly steps: Step[];
  readonly emissions: Emission[];
  readonly queue: { readonly table: number; readonly packet: FlowKey }[];
  packet: FlowKey;
  actionSet: Action[];
  resubmits: number;
  /** Set where the pipeline as a whole ends: `exit`, a TTL that ran out, an unknown table. */
  ended: boolean;
  unknown: { table: number; packet: FlowKey; shownDrop: boolean } | undefined;
  missed: string | undefined;
}

/** Open vSwitch's limits on one translation (ofproto/ofproto-dpif-xlate.c: 64 deep, 4096 resubmits). */
const MAX_DEPTH = 64;
const MAX_RESUBMITS = 4096;
/** ct(table=…) may recirculate for ever; the real switch does too. */
const MAX_RECIRCULATIONS = 32;

/** Runs a packet through a bridge's tables; adds one step for every flow that it hits. */
export function runPipeline(
  context: Context,
  bridge: OvsBridge,
  inPort: OvsPort | undefined,
  packet: FlowKey,
  steps: Step[],
): PipelineEnd {
  const run: Run = {
    context,
    bridge,
    inPort,
    steps,
    emissions: [],
    queue: [{ table: 0, packet }],
    packet,
    actionSet: [],
    resubmits: 0,
    ended: false,
    unknown: undefined,
    missed: undefined,
  };
  for (let n = 0; run.queue.length > 0 && n < MAX_RECIRCULATIONS; n++) {
    const next = run.queue.shift();
    if (!next) break;
    run.packet = next.packet;
    run.ended = false;
    run.actionSet = [];
    lookUp(run, next.table, undefined, 0);
    finishActionSet(run);
    if (run.unknown) return { kind: 'unknown-table', ...run.unknown, emissions: run.emissions };
  }
  return { kind: 'done', emissions: run.emissions, droppedBy: run.missed };
}

function names(bridge: OvsBridge): (ofport: number) => string | undefined {
  return (ofport) => bridgePort(bridge, ofport)?.name ?? (ofport === LOCAL_PORT ? bridge.name : undefined);
}

interface Candidate {
  readonly flow: Flow;
  readonly source: Source;
  readonly learned: boolean;
}

/** The flows of a table that may match, best first: learned ones beside captured ones. */
function candidates(run: Run, table: number): Candidate[] {
  const captured = [...run.bridge.flows.inTable(table)].flatMap((index) => {
    const entry = run.bridge.flows.at(index);
    return entry ? [{ flow: entry.flow, source: entry.source, learned: false }] : [];
  });
  const learned = (run.context.state.flows.get(bridgeKey(run.bridge)) ?? [])
    // learn() only refreshes a flow that is there already.
    .filter(({ flow }) => flow.table.value === table && !captured.some((entry) => sameMatch(entry.flow, flow)))
    .map(({ flow, source }) => ({ flow, source, learned: true }));
  return [...captured, ...learned].sort((a, b) => b.flow.priority.value - a.flow.priority.value);
}

function lookUp(run: Run, table: number, asPort: number | undefined, depth: number): void {
  if (run.ended) return;
  if (depth > MAX_DEPTH || ++run.resubmits > MAX_RESUBMITS) {
    run.ended = true;
    run.missed =
      depth > MAX_DEPTH
        ? `the pipeline is more than ${MAX_DEPTH} resubmits deep`
        : `the pipeline resubmits more than ${MAX_RESUBMITS} times`;
    return;
  }
  const own = get(run.packet, 'in_port');
  const packet = asPort === undefined ? run.packet : set(run.packet, 'in_port', BigInt(asPort));
  const hit = choose(run, table, packet);
  if (!hit) {
    if (run.bridge.flowsKnown === 'whole' && run.bridge.flows.length > 0) {
      run.missed = `no flow of table ${table} matches`;
      run.steps.push(
        step(run, {
          summary: `Table ${table}: no flow matches, so the packet is dropped (table miss)`,
          table,
          certainty: 'captured',
          evidence: run.bridge.sources.slice(-1),
          effect: 'dropped',
        }),
      );
    } else {
      run.unknown = { table, packet: run.packet, shownDrop: false };
      run.ended = true;
    }
    return;
  }
  const { candidate, note, certainty, reason } = hit;
  const { flow } = candidate;
  const at = run.steps.length;
  execute(run, flow, candidate, table, depth);
  // The port that a resubmit names counts for its lookup only.
  run.packet = set(run.packet, 'in_port', own);
  const dropped = flow.actions.length === 0 || flow.actions.some((action) => action.kind === 'drop');
  const own_step = step(run, {
    summary: `Table ${table}, priority ${flow.priority.value}: ${explainActions(flow.actions, names(run.bridge)).join('; ')}${note}`,
    table,
    certainty,
    reason,
    evidence: [candidate.source],
    priority: flow.priority.value,
    cookie: flow.cookie?.value,
    packet: afterOwnActions(run, flow, packet),
    effect: !dropped ? undefined : run.bridge.flowsKnown === 'whole' || run.emissions.length > 0 ? 'dropped' : 'unknown',
  });
  // The step stands before those of the tables that it led to.
  run.steps.splice(at, 0, own_step);
  if (dropped) run.missed = `a flow of table ${table} drops it`;
  if (run.bridge.flowsKnown === 'whole') return;
  addDoubt(run.context, {
    host: run.bridge.host,
    command: `ovs-ofctl dump-flows ${run.bridge.name}`,
    why: `whether a flow that is not in the captured dump takes the packet before the one of table ${table} does`,
  });
  if (dropped && run.emissions.length === 0 && !run.ended) {
    run.unknown = { table, packet, shownDrop: true };
    run.ended = true;
  }
}

interface Hit {
  readonly candidate: Candidate;
  readonly note: string;
  readonly certainty: Certainty;
  readonly reason: string | undefined;
}

function choose(run: Run, table: number, packet: FlowKey): Hit | undefined {
  const sorted = candidates(run, table);
  const maybes: Candidate[] = [];
  const conjunctions = new Map<number, Set<number>>();
  for (let n = 0; n < sorted.length; n++) {
    const candidate = sorted[n];
    if (!candidate) break;
    const answer = matches(candidate.flow, packet);
    if (answer === 'no') continue;
    if (answer === 'maybe' || candidate.flow.broken) {
      maybes.push(candidate);
      continue;
    }
    const clauses = candidate.flow.actions.filter((action) => action.kind === 'conjunction');
    if (clauses.length > 0) {
      const met = meetConjunction(clauses, conjunctions, sorted, packet, candidate.flow.priority.value);
      if (!met) continue;
      return { candidate: met, note: '', certainty: 'captured', reason: undefined };
    }
    const rival = sorted
      .slice(n + 1)
      .find((other) => other.flow.priority.value === candidate.flow.priority.value && matches(other.flow, packet) === 'yes');
    const unsure = maybes.length > 0;
    const certainty: Certainty = unsure ? 'assumed' : candidate.learned ? 'inferred' : 'captured';
    const reasons = [
      candidate.learned ? 'written by learn() when the packet before came through' : '',
      unsure ? `${maybes.length} flow(s) of higher priority may match as well; not everything they ask for is understood` : '',
      rival && !sameActions(rival.flow, candidate.flow)
        ? 'another flow of the same priority matches too: which one wins is undefined in Open vSwitch'
        : '',
    ].filter((reason) => reason !== '');
    return {
      candidate,
      note: rival && !sameActions(rival.flow, candidate.flow) ? ' (ambiguous)' : '',
      certainty: rival && !sameActions(rival.flow, candidate.flow) ? 'assumed' : certainty,
      reason: reasons.length > 0 ? reasons.join('; ') : undefined,
    };
  }
  const [only] = maybes;
  return only
    ? { candidate: only, note: '', certainty: 'assumed', reason: 'the flow may match: not everything it asks for is understood' }
    : undefined;
}

function sameActions(a: Flow, b: Flow): boolean {
  return a.actions.map((action) => action.text).join() === b.actions.map((action) => action.text).join();
}

/** Of a conjunction only the flow on its conj_id is taken, once every clause has matched (ovs-fields(7)). */
function meetConjunction(
  clauses: readonly (Action & { kind: 'conjunction' })[],
  met: Map<number, Set<number>>,
  sorted: readonly Candidate[],
  packet: FlowKey,
  priority: number,
): Candidate | undefined {
  for (const clause of clauses) {
    const seen = met.get(clause.id) ?? new Set<number>();
    seen.add(clause.clause);
    met.set(clause.id, seen);
    if (seen.size < clause.clauses) continue;
    const withId = set(packet, 'conj_id', BigInt(clause.id));
    const target = sorted.find(
      (candidate) =>
        candidate.flow.priority.value <= priority &&
        candidate.flow.match.some((term) => term.field === 'conj_id') &&
        matches(candidate.flow, withId) === 'yes',
    );
    if (target) return target;
  }
  return undefined;
}

/** The packet after the flow's own changes, before the tables that it goes on to. */
function afterOwnActions(run: Run, flow: Flow, before: FlowKey): FlowKey {
  let packet = before;
  for (const action of flow.actions) {
    if (action.kind === 'resubmit' || action.kind === 'goto-table') break;
    packet = applyChange(packet, action) ?? packet;
  }
  return set(packet, 'in_port', get(run.packet, 'in_port'));
}

/** The packet changed by an action that only changes it; undefined for actions that do something else. */
function applyChange(packet: FlowKey, action: Action): FlowKey | undefined {
  switch (action.kind) {
    case 'pop-vlan':
      return withoutVlan(packet);
    case 'set-vlan-vid':
      return withVlan(packet, action.vid);
    case 'set-vlan-pcp':
      return withVlan(set(packet, 'vlan_pcp', BigInt(action.pcp)), vlanOf(packet) ?? 0);
    case 'push-vlan':
      return withVlan(packet, vlanOf(packet) ?? 0);
    case 'set-field': {
      const field = fieldOf(action.field);
      return field ? setField(packet, field, action.value, action.mask) : packet;
    }
    case 'write-metadata': {
      const field = fieldOf('metadata');
      return field ? setField(packet, field, action.value, action.mask) : packet;
    }
    case 'load': {
      const field = fieldOf(action.dst.field);
      return field ? setBits(packet, field, action.dst.offset, action.dst.bits, action.value) : packet;
    }
    case 'move': {
      const src = fieldOf(action.src.field);
      const dst = fieldOf(action.dst.field);
      return src && dst
        ? setBits(packet, dst, action.dst.offset, action.dst.bits, getBits(packet, src, action.src.offset, action.src.bits))
        : packet;
    }
    case 'ct-clear':
      return set(packet, 'ct_state', 0n);
    default:
      return undefined;
  }
}

function execute(run: Run, flow: Flow, candidate: Candidate, table: number, depth: number): void {
  for (const action of flow.actions) {
    if (run.ended) return;
    act(run, action, candidate.source, table, depth);
  }
}

function act(run: Run, action: Action, source: Source, table: number, depth: number): void {
  const emit = (emission: { kind: 'normal' | 'flood' | 'all' | 'controller' | 'in-port' } | { kind: 'unknown'; text: string }) =>
    run.emissions.push({ ...emission, packet: run.packet, source });
  const port = (ofport: number, name?: string) => run.emissions.push({ kind: 'port', ofport, name, packet: run.packet, source });
  const changed = applyChange(run.packet, action);
  if (changed) {
    run.packet = changed;
    return;
  }
  switch (action.kind) {
    case 'output':
      if (typeof action.port === 'number') port(action.port);
      else {
        const named = bridgePort(run.bridge, action.port);
        if (named?.ofport !== undefined) port(named.ofport, named.name);
        else run.emissions.push({ kind: 'port', ofport: -1, name: action.port, packet: run.packet, source });
      }
      return;
    case 'output-field': {
      const field = fieldOf(action.src.field);
      port(field ? Number(getBits(run.packet, field, action.src.offset, action.src.bits)) : -1);
      return;
    }
    case 'local':
      port(LOCAL_PORT);
      return;
    case 'normal':
    case 'flood':
    case 'all':
    case 'controller':
    case 'in-port':
      emit({ kind: action.kind });
      return;
    case 'resubmit': {
      const from =
        typeof action.port === 'number'
          ? action.port
          : action.port === undefined
            ? undefined
            : bridgePort(run.bridge, action.port)?.ofport;
      if (typeof action.table === 'string') emit({ kind: 'unknown', text: action.text });
      else lookUp(run, action.table ?? table, from, depth + 1);
      return;
    }
    case 'goto-table':
      if (typeof action.table === 'number') lookUp(run, action.table, undefined, depth);
      else emit({ kind: 'unknown', text: action.text });
      return;
    case 'dec-ttl': {
      const ttl = get(run.packet, 'nw_ttl');
      if (ttl <= 1n) {
        run.ended = true;
        run.missed = 'its TTL ran out';
      } else run.packet = set(run.packet, 'nw_ttl', ttl - 1n);
      return;
    }
    case 'exit':
      run.ended = true;
      return;
    case 'clear-actions':
      run.actionSet = [];
      return;
    case 'write-actions':
      run.actionSet.push(...action.actions);
      return;
    case 'learn':
      rememberLearned(run.context.state, run.bridge, action, run.packet, source);
      return;
    case 'ct':
      track(run, action, source);
      return;
    case 'group':
      emit({ kind: 'unknown', text: `group ${action.group}` });
      return;
    case 'not-modelled':
      emit({ kind: 'unknown', text: action.text });
      return;
    default:
      return;
  }
}

/** The action set runs at the end of the pipeline, output last (OpenFlow 1.5, section 5.6). */
function finishActionSet(run: Run): void {
  if (run.actionSet.length === 0 || run.ended) return;
  const source = run.steps.at(-1)?.evidence[0] ?? run.bridge.sources[0];
  if (!source) return;
  const set = [...run.actionSet].sort((a, b) => Number(a.kind === 'output') - Number(b.kind === 'output'));
  run.actionSet = [];
  for (const action of set) act(run, action, source, 0, 0);
}

export function tupleOf(packet: FlowKey): Tuple {
  return {
    src: sourceIp(packet),
    dst: destinationIp(packet),
    proto: Number(get(packet, 'nw_proto')),
    sport: Number(get(packet, 'tp_src')),
    dport: Number(get(packet, 'tp_dst')),
  };
}

/** Whether `packet` answers a connection: its addresses and ports the other way round. ICMP's type is not a port. */
export function answers(tuple: Tuple, packet: Tuple): boolean {
  const icmp = tuple.proto === 1 || tuple.proto === 58;
  return (
    tuple.src === packet.dst &&
    tuple.dst === packet.src &&
    tuple.proto === packet.proto &&
    (icmp || (tuple.sport === packet.dport && tuple.dport === packet.sport))
  );
}

export function sameTuple(a: Tuple, b: Tuple): boolean {
  return (
    a.src === b.src &&
    a.dst === b.dst &&
    a.proto === b.proto &&
    (a.proto === 1 || a.proto === 58 || (a.sport === b.sport && a.dport === b.dport))
  );
}

/**
 * ct(): the first packet of a connection is new, the answer to one that went before is established. Inside Open vSwitch a
 * connection counts as established for the answer once it was committed.
 */
function track(run: Run, action: Action & { readonly kind: 'ct' }, source: Source): void {
  const zoneField = typeof action.zone === 'object' ? fieldOf(action.zone.field) : undefined;
  const zone =
    typeof action.zone === 'number'
      ? action.zone
      : action.zone && zoneField
        ? Number(getBits(run.packet, zoneField, action.zone.offset, action.zone.bits))
        : Number(get(run.packet, 'ct_zone'));
  const where = `${run.bridge.host}|zone ${zone}`;
  const tuple = tupleOf(run.packet);
  const { connections } = run.context.state;
  const known = connections.find(
    (connection) =>
      connection.where === where && (answers(connection.translated, tuple) || sameTuple(connection.original, tuple)),
  );
  const reply = known !== undefined && answers(known.translated, tuple);
  const bit = (name: string) => ctStateBits[name] ?? 0n;
  const state = bit('trk') | (known ? bit('est') | (reply ? bit('rpl') : 0n) : bit('new'));
  if (action.commit && !known) connections.push({ where, original: tuple, translated: tuple, connmark: undefined, source });
  const words = known
    ? reply
      ? 'the answer in an established connection'
      : 'a packet of an established connection'
    : 'a new connection';
  run.steps.push(
    step(run, {
      summary: `Connection tracking in zone ${zone}: ${addresses(run.packet)} is ${words}${action.commit && !known ? '; it is committed' : ''}`,
      certainty: 'inferred',
      reason: known
        ? 'by the packet that was walked before'
        : 'no packet of this connection was walked before; a captured connection table may say otherwise',
      evidence: [source],
    }),
  );
  if (action.nat !== undefined && action.nat !== '') {
    run.emissions.push({ kind: 'unknown', text: `nat(${action.nat})`, packet: run.packet, source });
  }
  if (typeof action.table === 'string') {
    run.emissions.push({ kind: 'unknown', text: action.text, packet: run.packet, source });
    return;
  }
  if (action.table === undefined) return;
  let tracked = set(set(run.packet, 'ct_state', state), 'ct_zone', BigInt(zone));
  for (const inner of action.exec) tracked = applyChange(tracked, inner) ?? tracked;
  run.queue.push({ table: action.table, packet: tracked });
}

function step(run: Run, words: TableWords & { readonly packet?: FlowKey }): Step {
  return tableStep(run.bridge, words.packet ?? run.packet, words);
}
