import { drained } from '../base/steps';
import type { Match } from '../openflow/match';
import type { OfpAct } from '../openflow/ofpact';
import { classifierInSteps, grownClassifier, lookup, withMatch, type Classifier, type Lookup } from './classifier';
import type { Bridge, Rule, RuleSource } from './switch';
import { wordAt, type FlowWords, W } from '../packet/flow-words';
import { FRAG } from '../packet/protocols';

/** What a lookup ends in: a flow, or one of the switch's own answers. */
export type RuleRef =
  | { readonly kind: 'flow'; readonly rule: Rule; readonly also: readonly number[] }
  | { readonly kind: 'miss' | 'no-packet-in' | 'drop-frags'; readonly id: number };

/** The actions of a rule, the switch's own included. */
export function actionsOf(ref: RuleRef): readonly OfpAct[] {
  if (ref.kind === 'flow') return ref.rule.actions;
  return ref.kind === 'miss' ? missActions : [];
}

export function cookieOf(ref: RuleRef): bigint {
  return ref.kind === 'flow' ? ref.rule.cookie : 0n;
}

const missActions: readonly OfpAct[] = [
  {
    kind: 'controller',
    maxLen: 0xffff,
    controllerId: 0,
    reason: 'no_match',
    userdata: undefined,
    pause: false,
    meterId: undefined,
  },
];

const MISS: RuleRef = { kind: 'miss', id: 1 };
const NO_PACKET_IN: RuleRef = { kind: 'no-packet-in', id: 2 };
const DROP_FRAGS: RuleRef = { kind: 'drop-frags', id: 3 };

/** OpenFlow's tables: 0 to 253, and 254 for the switch's own flows. */
const N_TABLES = 255;

/** A bridge's flow tables, made ready for lookups when first asked, and the flows that learn() adds while a trace runs. */
export interface Tables {
  lookup(
    bridge: Bridge,
    table: number,
    flow: FlowWords,
    wc: FlowWords | undefined,
    version: number,
  ): Lookup & { readonly found: Rule | undefined };
  /** Counts a bridge's changes: a translation sees the tables as they were when it began, not what it learns itself. */
  version(bridge: Bridge): number;
  /** Adds a flow, or replaces the one with the same match and priority. */
  add(bridge: Bridge, rule: Omit<Rule, 'index'>): void;
  remove(bridge: Bridge, table: number, match: Match, priority: number): void;
  countByCookie(bridge: Bridge, table: number, cookie: bigint): number;
  rule(bridge: Bridge, index: number): Rule;
}

interface BridgeTables {
  readonly source: RuleSource;
  byTable: Map<number, number[]> | undefined;
  /** By table, version, and how many versions later the last hidden flows came: `(table * VERSIONS + version) * VERSIONS + later`. */
  readonly classifiers: Map<number, Classifier>;
  readonly rules: Map<number, Rule>;
  /** Learned flows by number, from `source.count` on, and the version that each is there from. */
  readonly learned: Rule[];
  readonly since: number[];
  /** Flows that are gone, with the version that each is gone from. */
  readonly removed: Map<number, number>;
  version: number;
}

/** More than a bridge's tables ever change in a trace or a walk. */
const VERSIONS = 1 << 20;
// 2 ** 8 tables and twice 2 ** 20 versions are numbers that are kept exactly.

const shared = new WeakMap<RuleSource, BridgeTables>();

function tablesOf(source: RuleSource): BridgeTables {
  let found = shared.get(source);
  if (!found) {
    found = {
      source,
      byTable: undefined,
      classifiers: new Map(),
      rules: new Map(),
      learned: [],
      since: [],
      removed: new Map(),
      version: 0,
    };
    shared.set(source, found);
  }
  return found;
}

/** So many flows are sorted by their tables between two pauses. */
const STEP = 10_000;

function* byTableInSteps(source: RuleSource): Generator<void, Map<number, number[]>> {
  const byTable = new Map<number, number[]>();
  for (let i = 0; i < source.count; i++) {
    if (i % STEP === STEP - 1) yield;
    const t = source.table(i);
    const list = byTable.get(t);
    if (list) list.push(i);
    else byTable.set(t, [i]);
  }
  return byTable;
}

function indexesOf(state: BridgeTables, table: number): number[] {
  return (state.byTable ??= drained(byTableInSteps(state.source))).get(table) ?? [];
}

/** A table that is not ready for lookups, met by someone who does not wait for it; `steps` make it ready. */
class NotIndexed extends Error {
  constructor(readonly steps: Generator<void, void>) {
    super('a table is not indexed yet');
  }
}

/** Bridges of fewer flows are indexed at once in any case. */
const MANY = 2000;
let waiting = true;

/**
 * Runs what looks up packets in tables, but only as long as these are indexed: where one is not, gives the steps of a few milliseconds
 * that index it instead, after which it may be run again.
 */
export function withoutIndexing<T>(run: () => T): { readonly value: T } | { readonly steps: Generator<void, void> } {
  const before = waiting;
  waiting = false;
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof NotIndexed) return { steps: error.steps };
    throw error;
  } finally {
    waiting = before;
  }
}

/** Makes a table ready as it was captured. */
function* indexed(state: BridgeTables, table: number): Generator<void, void> {
  const byTable = (state.byTable ??= yield* byTableInSteps(state.source));
  const key = table * VERSIONS * VERSIONS;
  if (state.classifiers.has(key)) return;
  const made = yield* classifierInSteps(state.source, byTable.get(table) ?? []);
  if (!state.classifiers.has(key)) state.classifiers.set(key, made);
}

function ruleOf(state: BridgeTables, index: number): Rule {
  const known = state.rules.get(index);
  if (known) return known;
  const learned = state.learned[index - state.source.count];
  const rule = learned ?? state.source.rule(index);
  state.rules.set(index, rule);
  return rule;
}

function clausesOf(state: BridgeTables, index: number) {
  const clauses = ruleOf(state, index).actions.flatMap((act) =>
    act.kind === 'conjunction' ? [{ id: act.id, clause: act.clause, clauses: act.clauses }] : [],
  );
  return clauses.length > 0 ? clauses : undefined;
}

/** The last version up to this one in which something of the table changed: earlier versions of it look the same. */
function changed(state: BridgeTables, table: number, version: number): number {
  let last = 0;
  state.since.forEach((since, i) => {
    if (since <= version && state.learned[i]?.table === table) last = Math.max(last, since);
  });
  for (const [index, from] of state.removed)
    if (from <= version && ruleOf(state, index).table === table) last = Math.max(last, from);
  return last;
}

/**
 * A table as it was in a version. `until`: with the flows that came up to a later one, hidden: the switch keeps them in the groups that
 * it looks into, so that the bits of theirs that a lookup meets are looked at.
 */
function classifierOf(state: BridgeTables, table: number, asked: number, until = asked): Classifier {
  const version = state.version === 0 ? 0 : changed(state, table, asked);
  const latest = state.version === 0 ? 0 : changed(state, table, until);
  const key = (table * VERSIONS + version) * VERSIONS + latest - version;
  let found = state.classifiers.get(key);
  if (!found) {
    if (!waiting && latest === 0 && state.source.count > MANY) throw new NotIndexed(indexed(tablesOf(state.source), table));
    const source: RuleSource = {
      count: state.source.count + state.learned.length,
      table: (i) => (i < state.source.count ? state.source.table(i) : (state.learned[i - state.source.count]?.table ?? 0)),
      priority: (i) =>
        i < state.source.count ? state.source.priority(i) : (state.learned[i - state.source.count]?.priority ?? 0),
      match: (i) => (i < state.source.count ? state.source.match(i) : ruleOf(state, i).match),
      rule: (i) => ruleOf(state, i),
      trouble: (t) => state.source.trouble(t),
    };
    const there = (index: number) => (state.removed.get(index) ?? Infinity) > version;
    const since = (index: number) => state.since[index - state.source.count] ?? 0;
    const captured = indexesOf(state, table);
    const learned: number[] = [];
    state.learned.forEach((rule, i) => {
      const index = state.source.count + i;
      if (rule.table === table && since(index) <= latest && there(index)) learned.push(index);
    });
    if (latest > 0 && captured.length > MANY) {
      const gone = [...state.removed.keys()].filter(
        (index) => index < state.source.count && state.source.table(index) === table && !there(index),
      );
      found = grownClassifier(classifierOf(state, table, 0), source, learned, gone);
    }
    found ??= drained(classifierInSteps(source, [...captured.filter(there), ...learned]));
    if (latest > version) found = { ...found, hidden: (index) => since(index) > version };
    state.classifiers.set(key, found);
  }
  return found;
}

/** Tables over the bridges' flows. What is learned stays in this object; what was indexed is shared between objects. */
export function makeTables(): Tables {
  const own = new Map<RuleSource, BridgeTables>();
  /** The bridge's tables, or this object's own once it has learned something. */
  const stateOf = (bridge: Bridge) => own.get(bridge.rules) ?? tablesOf(bridge.rules);
  const writable = (bridge: Bridge): BridgeTables => {
    let state = own.get(bridge.rules);
    if (!state) {
      const base = tablesOf(bridge.rules);
      indexesOf(base, 0);
      const empty = { learned: [], since: [], removed: new Map<number, number>(), version: 0 };
      state = { ...base, classifiers: new Map(base.classifiers), rules: new Map(base.rules), ...empty };
      own.set(bridge.rules, state);
    }
    return state;
  };
  const same = (state: BridgeTables, table: number, match: Match, priority: number): number[] => {
    const equal = (other: Match) =>
      other.mask === match.mask &&
      other.values.every((value, i) => value === match.values[i]) &&
      JSON.stringify(other.tunMetadata, bigints) === JSON.stringify(match.tunMetadata, bigints);
    // A table may have a hundred thousand flows: those that were captured are found by their hash.
    const all = [...withMatch(classifierOf(state, table, 0), match), ...state.learned.map((_, i) => state.source.count + i)];
    return all.filter((i) => {
      if (state.removed.has(i)) return false;
      const rule = ruleOf(state, i);
      return rule.table === table && rule.priority === priority && equal(rule.match);
    });
  };
  return {
    version: (bridge) => stateOf(bridge).version,
    lookup(bridge, table, flow, wc, version) {
      const state = stateOf(bridge);
      const result = lookup(classifierOf(state, table, version, state.version), flow, wc, (index) => clausesOf(state, index));
      return { ...result, found: result.rule === undefined ? undefined : ruleOf(state, result.rule) };
    },
    add(bridge, rule) {
      const state = writable(bridge);
      const replaced = same(state, rule.table, rule.match, rule.priority);
      state.version++;
      for (const index of replaced) state.removed.set(index, state.version);
      state.learned.push({ ...rule, index: state.source.count + state.learned.length });
      state.since.push(state.version);
    },
    remove(bridge, table, match, priority) {
      const state = writable(bridge);
      const gone = same(state, table, match, priority);
      state.version++;
      for (const index of gone) state.removed.set(index, state.version);
    },
    countByCookie(bridge, table, cookie) {
      const state = stateOf(bridge);
      const all = [...indexesOf(state, table), ...state.learned.map((_, i) => state.source.count + i)];
      return all.filter((i) => {
        const rule = ruleOf(state, i);
        return !state.removed.has(i) && rule.table === table && rule.cookie === cookie;
      }).length;
    },
    rule: (bridge, index) => ruleOf(stateOf(bridge), index),
  };
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

/**
 * The rule for a packet in a table. `inPort` is matched in place of the packet's own; fragments hide their ports unless the bridge
 * matches them. `mayPacketIn`: a miss may go to a controller.
 */
export function ruleFor(
  tables: Tables,
  bridge: Bridge,
  table: number,
  flow: FlowWords,
  wc: FlowWords,
  inPort: number,
  mayPacketIn: boolean,
  version: number,
): RuleRef {
  const saved = { src: wordAt(flow, W.tpSrc), dst: wordAt(flow, W.tpDst), port: wordAt(flow, W.inPort) };
  if (wordAt(flow, W.nwFrag) & FRAG.ANY && bridge.fragments !== 'nx-match') {
    if (bridge.fragments === 'drop') return DROP_FRAGS;
    flow[W.tpSrc] = 0;
    flow[W.tpDst] = 0;
  }
  flow[W.inPort] = inPort;
  const result = table < N_TABLES ? tables.lookup(bridge, table, flow, wc, version) : undefined;
  flow[W.tpSrc] = saved.src;
  flow[W.tpDst] = saved.dst;
  flow[W.inPort] = saved.port;
  if (result?.found) return { kind: 'flow', rule: result.found, also: result.also };
  // A table's own miss configuration is OpenFlow's default unless a controller of OpenFlow 1.0 to 1.2 wants packets that miss.
  return mayPacketIn && bridge.hasController ? MISS : NO_PACKET_IN;
}
