import { hashesValue } from '../captures/flow/hash';
import { lowerBound, type FlowStore } from '../captures/flow/store';
import { drained } from '../base/steps';
import type { Flows } from '../model/flows';
import type { FlowEntry } from '../model/flows';
import type { Known, Source } from '../model/source';
import type { FlowBits } from '../packet/flow-shape';
import type { Flow } from '../packet/openflow';
import { completeness, type LinkedCapture } from './facts';

/**
 * Several dumps of one bridge: a whole one is the table, and the others only say the same again; of partial ones, the union is
 * known and the rest is not. Dumps with statistics in ovs-ofctl's own form come before `--names`, `-O` and bridge/dump-flows.
 */
export function mergeFlows(
  captures: readonly LinkedCapture[],
  numbers: ReadonlyMap<string, number>,
  before?: Flows,
): { flows: Flows; known: Known; why: string | undefined } {
  const ranked = [...captures].sort((a, b) => rank(a) - rank(b));
  const whole = ranked.find((linked) => completeness(linked.capture).known === 'whole');
  const bases = whole ? [whole] : ranked;
  const others = ranked.filter((other) => !bases.includes(other));
  const first = ranked[0];
  const why = whole || !first ? undefined : completeness(first.capture).why;
  return {
    flows: merged(bases, others, numbers, before),
    known: whole ? 'whole' : captures.length > 0 ? 'partial' : 'absent',
    why,
  };
}

function rank(linked: LinkedCapture): number {
  if (linked.capture.kind !== 'ovs-ofctl-dump-flows') return 3;
  const command = linked.capture.command ?? '';
  if (/--no-stats/.test(command)) return 2;
  return /-O|--protocols|--names/.test(command) ? 1 : 0;
}

/** bridge/dump-flows shows the switch's own flows too (table 254); no packet of a user's pipeline asks for them. */
function isHidden(linked: LinkedCapture, i: number): boolean {
  return linked.capture.kind !== 'ovs-ofctl-dump-flows' && linked.capture.flows.tableOf(i) === 254;
}

/** Which capture's which flow each place in the sequence is, and which repeat it. */
interface Places {
  readonly count: number;
  /** Of each base: the place of its first flow, and its flows that are left out, ascending: those that repeat one before them. */
  readonly bases: readonly { readonly start: number; readonly left: Uint32Array }[];
  /** Flows of other captures, or later in the same one, that say the same, by the place of the first. */
  readonly again: ReadonlyMap<number, readonly Repetition[]>;
}

interface Repetition {
  readonly part: number;
  readonly flow: number;
}

/** What a sequence was made of, and what was found out about it since. */
interface Made {
  readonly parts: readonly LinkedCapture[];
  readonly bases: number;
  readonly numbers: ReadonlyMap<string, number>;
  readonly places: () => Places | undefined;
  readonly tables: Map<number | string, Uint32Array>;
}

const madeOf = new WeakMap<Flows, Made>();

/** What is known of the former flows of a bridge, where these are the same ones with other counters. */
function sameAsBefore(
  parts: readonly LinkedCapture[],
  bases: number,
  numbers: ReadonlyMap<string, number>,
  before?: Flows,
): Made | undefined {
  const made = before && madeOf.get(before);
  const places = made?.places();
  if (!made || !places || made.bases !== bases || made.parts.length !== parts.length) return undefined;
  if (made.numbers.size !== numbers.size || [...numbers].some(([name, number]) => made.numbers.get(name) !== number))
    return undefined;
  const same = parts.every((linked, n) => {
    const own = made.parts[n]?.capture;
    return own !== undefined && own.kind === linked.capture.kind && linked.capture.flows.sameFlows(own.flows);
  });
  return same ? made : undefined;
}

function merged(
  bases: readonly LinkedCapture[],
  others: readonly LinkedCapture[],
  numbers: ReadonlyMap<string, number>,
  before: Flows | undefined,
): Flows {
  const parts = [...bases, ...others];
  const store = (part: number): FlowStore => {
    const found = parts[part];
    if (!found) throw new RangeError(`there is no capture ${part}`);
    return found.capture.flows;
  };
  const same = sameAsBefore(parts, bases.length, numbers, before);
  let known = same?.places();
  const places = () => (known ??= drained(place(parts, bases.length, numbers)));
  const partOf = (index: number): number => {
    const { bases: starts } = places();
    let part = starts.length - 1;
    while (part > 0 && (starts[part]?.start ?? 0) > index) part--;
    return part;
  };
  const flowOf = (index: number): number => {
    const base = places().bases[partOf(index)];
    const place = index - (base?.start ?? 0);
    if (!base || base.left.length === 0) return place;
    const { left } = base;
    return place + lowerBound(left.length, (k) => (left[k] ?? 0) - k > place);
  };
  const tables = same?.tables ?? new Map<number | string, Uint32Array>();
  const inTable = (table: number | string): Uint32Array => {
    const known = tables.get(table);
    if (known) return known;
    const lists = places().bases.map(({ start, left }, part) => placed(store(part).inTable(table), start, left));
    const made = lists.length === 1 ? (lists[0] ?? NONE) : Uint32Array.from(lists.flatMap((list) => Array.from(list)));
    tables.set(table, made);
    return made;
  };
  const matches = new Map<string, readonly number[]>();
  const tablesOfBases = () => new Set(bases.flatMap(({ capture }) => capture.flows.tables()));
  const at = (index: number): FlowEntry | undefined => {
    if (index < 0 || index >= places().count) return undefined;
    const flow = withNumbers(store(partOf(index)).flow(flowOf(index)), numbers);
    const again = (places().again.get(index) ?? []).map((other): Source => ({
      uri: parts[other.part]?.uri ?? '',
      span: store(other.part).flow(other.flow).span,
    }));
    return { flow, source: { uri: parts[partOf(index)]?.uri ?? '', span: flow.span }, again };
  };
  const matchOf = (index: number) => resolved(store(partOf(index)).matchOf(flowOf(index)), numbers);
  function* all(): Generator<FlowEntry> {
    for (let index = 0; index < places().count; index++) {
      const entry = at(index);
      if (entry) yield entry;
    }
  }
  const flows: Flows = {
    get length() {
      return places().count;
    },
    *prepare() {
      known ??= yield* place(parts, bases.length, numbers);
      yield;
      for (const table of tablesOfBases()) {
        yield;
        inTable(table);
      }
    },
    at,
    tableOf: (index) => store(partOf(index)).tableOf(flowOf(index)),
    priorityOf: (index) => store(partOf(index)).priorityOf(flowOf(index)),
    shapeOf: (index) => store(partOf(index)).shapeOf(flowOf(index)),
    matchOf,
    tables: () => [...tablesOfBases()].filter((table) => inTable(table).length > 0),
    inTable,
    like(test) {
      const indices = indexOf(places());
      return bases.flatMap(({ capture }, part) => capture.flows.like(test).flatMap((flow) => indices(part, flow) ?? []));
    },
    // A flow of another capture that is left out says the same as one that stays.
    hasLike: (test) => bases.some(({ capture }) => capture.flows.hasLike(test)),
    jumps(table) {
      const indices = indexOf(places());
      return parts.flatMap(({ capture }, part) => [...capture.flows.jumps(table)].flatMap((flow) => indices(part, flow) ?? []));
    },
    matching(field, value, mask) {
      const key = `${field} ${value}/${mask}`;
      const known = matches.get(key);
      if (known) return known;
      const indices = indexOf(places());
      const isPort = !hashesValue(field);
      const isMeant = (index: number) => matchOf(index).some((term) => isExactly(term, field, value, mask));
      const found = parts.flatMap((linked, part) =>
        [...linked.capture.flows.matching(field, value, mask)].flatMap((flow) => {
          const index = indices(part, flow);
          // A port's name is the number that was asked for only where the bridge says so.
          return index !== undefined && (!isPort || isMeant(index)) ? [index] : [];
        }),
      );
      if (matches.size >= MOST_MATCHES) matches.clear();
      matches.set(key, found);
      return found;
    },
    *naming(kind, value) {
      const indices = indexOf(places());
      for (const [part, linked] of parts.entries()) {
        for (const { flow, ref } of linked.capture.flows.mentions(kind, value)) {
          const index = indices(part, flow);
          if (index !== undefined) yield { index, source: { uri: linked.uri, span: ref.span } };
        }
      }
    },
    [Symbol.iterator]: all,
    find(test) {
      for (const entry of all()) if (test(entry)) return entry;
      return undefined;
    },
    filter: (test) => [...all()].filter(test),
    some(test) {
      for (const entry of all()) if (test(entry)) return true;
      return false;
    },
    every(test) {
      for (const entry of all()) if (!test(entry)) return false;
      return true;
    },
  };
  madeOf.set(flows, { parts, bases: bases.length, numbers, places: () => known, tables });
  return flows;
}

const NONE = new Uint32Array(0);
/** A trace asks for the same few addresses and ports over and over. */
const MOST_MATCHES = 256;

function isExactly(term: FlowBits, field: string, value: bigint, mask: bigint): boolean {
  return term.field === field && term.value === value && term.mask === mask && term.portName === undefined;
}

/** So many flows are compared between two pauses; some have to be read for it. */
const STEP = 250;

/** Finds the flows that stand for themselves, and those that repeat one before them. */
function* place(parts: readonly LinkedCapture[], bases: number, numbers: ReadonlyMap<string, number>): Generator<void, Places> {
  // Among the flows of one capture few can repeat another; of several captures all may.
  const asked: (Uint32Array | undefined)[] = [];
  for (const { capture } of parts) {
    const mayHide = capture.kind !== 'ovs-ofctl-dump-flows';
    asked.push(parts.length === 1 && !mayHide ? yield* suspects(capture.flows) : undefined);
  }
  const most = parts.reduce((sum, { capture }, p) => sum + (p < bases ? (asked[p]?.length ?? capture.flows.count) : 0), 0);
  const part = new Uint16Array(most);
  const flow = new Uint32Array(most);
  const places = new Uint32Array(most);
  const again = new Map<number, Repetition[]>();
  const keys = new Map<number, string>();
  /** Whether flows had to be read to be compared, which takes milliseconds where the grammar has to. */
  let read = false;
  /** Whether the `n`-th flow that stands for itself says the same as a flow. */
  const isSame = (n: number, p: number, i: number): boolean => {
    const own = parts[part[n] ?? 0]?.capture.flows;
    const other = parts[p]?.capture.flows;
    const told = own && other?.sameMatch(i, own, flow[n] ?? 0);
    if (told !== undefined) return told;
    read = true;
    let key = keys.get(n);
    if (key === undefined) keys.set(n, (key = keyOf(parts, part[n] ?? 0, flow[n] ?? 0, numbers)));
    return key === keyOf(parts, p, i, numbers);
  };
  const same = sameFlows(most, isSame);
  const found: { start: number; left: Uint32Array }[] = [];
  let count = 0;
  let added = 0;
  for (const [p, linked] of parts.entries()) {
    const store = linked.capture.flows;
    const own = asked[p];
    const left: number[] = [];
    for (let k = 0; k < (own?.length ?? store.count); k++) {
      if (k % STEP === STEP - 1) yield;
      const i = own ? (own[k] ?? 0) : k;
      if (isHidden(linked, i)) {
        left.push(i);
        continue;
      }
      const broken = store.isBroken(i);
      const hash = broken ? 0 : store.exactHashOf(i, numbers);
      const first = broken ? undefined : same.find(hash, p, i);
      if (read) yield;
      read = false;
      if (first !== undefined) {
        const index = places[first] ?? 0;
        const list = again.get(index);
        if (list) list.push({ part: p, flow: i });
        else again.set(index, [{ part: p, flow: i }]);
        left.push(i);
      } else if (p < bases) {
        part[added] = p;
        flow[added] = i;
        places[added] = count + i - left.length;
        if (!broken) same.add(hash, added);
        added++;
      }
    }
    if (p >= bases) continue;
    found.push({ start: count, left: Uint32Array.from(left) });
    count += store.count - left.length;
  }
  return { count, bases: found, again };
}

function* suspects(store: FlowStore): Generator<void, Uint32Array> {
  const found: number[] = [];
  for (const flow of store.suspects()) {
    if (flow === undefined) yield;
    else found.push(flow);
  }
  return Uint32Array.from(found);
}

/** The places of a capture's flows in the sequence, without those that are left out of it. */
function placed(flows: Uint32Array, start: number, left: Uint32Array): Uint32Array {
  if (left.length === 0) return start === 0 ? flows : flows.map((flow) => flow + start);
  const out = new Uint32Array(flows.length);
  let used = 0;
  let before = 0;
  for (const flow of flows) {
    while (before < left.length && (left[before] ?? 0) < flow) before++;
    if (left[before] !== flow) out[used++] = start + flow - before;
  }
  return out.subarray(0, used);
}

/** A flow's table, priority and match as one text, the same for every way to write them. */
function keyOf(parts: readonly LinkedCapture[], part: number, i: number, numbers: ReadonlyMap<string, number>): string {
  const store = parts[part]?.capture.flows;
  if (!store) return '';
  const terms = resolved(store.matchOf(i), numbers).map((term) => {
    const value = term.unknown ? ('text' in term ? String(term.text) : '') : (term.portName ?? term.value.toString());
    return `${term.field}=${value}/${term.mask.toString()}`;
  });
  return `${store.tableOf(i)}|${store.priorityOf(i)}|${terms.sort().join(',')}`;
}

/** Finds flows that are the same by their hashes, in an open-addressing table; only where two hashes are equal are the flows compared. */
function sameFlows(most: number, isSame: (index: number, part: number, flow: number) => boolean) {
  let size = 16;
  while (size < most * 2) size *= 2;
  const slots = new Int32Array(size).fill(-1);
  const hashes = new Int32Array(most);
  return {
    find(hash: number, part: number, flow: number): number | undefined {
      for (let at = hash & (size - 1); ; at = (at + 1) & (size - 1)) {
        const index = slots[at] ?? -1;
        if (index < 0) return undefined;
        if (hashes[index] === hash && isSame(index, part, flow)) return index;
      }
    },
    add(hash: number, index: number): void {
      hashes[index] = hash;
      let at = hash & (size - 1);
      while ((slots[at] ?? -1) >= 0) at = (at + 1) & (size - 1);
      slots[at] = index;
    },
  };
}

/** The place in the sequence of a capture's flow; undefined for one that repeats another. */
function indexOf(places: Places): (part: number, flow: number) => number | undefined {
  return (part, flow) => {
    const base = places.bases[part];
    if (!base) return undefined;
    const { start, left } = base;
    const before = lowerBound(left.length, (k) => (left[k] ?? 0) >= flow);
    return left[before] === flow ? undefined : start + flow - before;
  };
}

/** Port names in matches as the numbers that the bridge gives them. */
function withNumbers(flow: Flow, numbers: ReadonlyMap<string, number>): Flow {
  if (!flow.match.some((term) => term.portName !== undefined)) return flow;
  return { ...flow, match: resolved(flow.match, numbers) };
}

function resolved<T extends FlowBits>(match: readonly T[], numbers: ReadonlyMap<string, number>): readonly T[] {
  if (!match.some((term) => term.portName !== undefined)) return match;
  return match.map((term) => {
    const number = term.portName === undefined ? undefined : numbers.get(term.portName);
    if (number === undefined) return term;
    const { portName: _name, ...rest } = term;
    return { ...rest, value: BigInt(number) } as T;
  });
}
