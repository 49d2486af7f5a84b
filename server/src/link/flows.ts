import type { FlowStore } from '../captures/flow/store';
import type { Flows } from '../model/flows';
import type { FlowEntry, Known, Source } from '../model/network';
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
  readonly part: Uint16Array;
  readonly flow: Uint32Array;
  /** Flows of other captures, or later in the same one, that say the same, by the place of the first. */
  readonly again: ReadonlyMap<number, readonly Source[]>;
}

/** What a sequence was made of, and what was found out about it since. */
interface Made {
  readonly parts: readonly LinkedCapture[];
  readonly bases: number;
  readonly numbers: ReadonlyMap<string, number>;
  readonly places: () => Places | undefined;
  readonly tables: () => Map<number | string, Uint32Array> | undefined;
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
  // Where flows repeat others, the repetitions' places in the text are part of what is known.
  if (!made || !places || places.again.size > 0 || made.bases !== bases || made.parts.length !== parts.length) return undefined;
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
  const places = () => (known ??= place(parts, bases.length, numbers));
  const partOf = (index: number) => places().part[index] ?? 0;
  const flowOf = (index: number) => places().flow[index] ?? 0;
  let tables = same?.tables();
  const byTable = () => (tables ??= groupByTable(places().count, (index) => store(partOf(index)).tableOf(flowOf(index))));
  const at = (index: number): FlowEntry | undefined => {
    if (index < 0 || index >= places().count) return undefined;
    const flow = withNumbers(store(partOf(index)).flow(flowOf(index)), numbers);
    return { flow, source: { uri: parts[partOf(index)]?.uri ?? '', span: flow.span }, again: places().again.get(index) ?? [] };
  };
  const matchOf = (index: number) => resolved(store(partOf(index)).matchOf(flowOf(index)), numbers);
  function* all(): Generator<FlowEntry> {
    for (let index = 0; index < places().count; index++) {
      const entry = at(index);
      if (entry) yield entry;
    }
  }
  const where = (test: (index: number) => boolean): number[] => {
    const found: number[] = [];
    for (let index = 0; index < places().count; index++) if (test(index)) found.push(index);
    return found;
  };
  const flows: Flows = {
    get length() {
      return places().count;
    },
    at,
    tableOf: (index) => store(partOf(index)).tableOf(flowOf(index)),
    priorityOf: (index) => store(partOf(index)).priorityOf(flowOf(index)),
    shapeOf: (index) => store(partOf(index)).shapeOf(flowOf(index)),
    matchOf,
    tables: () => [...byTable().keys()],
    inTable: (table) => byTable().get(table) ?? NONE,
    like(test) {
      const shapes = new Map<number, boolean>();
      return where((index) => {
        const shape = store(partOf(index)).shapeOf(flowOf(index));
        if (!shape) return test(store(partOf(index)).flow(flowOf(index)));
        let known = shapes.get(shape.id);
        if (known === undefined) shapes.set(shape.id, (known = test(shape.sample)));
        return known;
      });
    },
    matching(field, value, mask) {
      const indices = indexOf(places(), parts.length);
      return parts.flatMap((linked, part) =>
        [...linked.capture.flows.matching(field, value, mask)].flatMap((flow) => {
          const index = indices(part, flow);
          // A port's name is the number that was asked for only where the bridge says so.
          return index !== undefined && matchOf(index).some((term) => isExactly(term, field, value, mask)) ? [index] : [];
        }),
      );
    },
    *naming(kind, value) {
      const indices = indexOf(places(), parts.length);
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
  madeOf.set(flows, { parts, bases: bases.length, numbers, places: () => known, tables: () => tables });
  return flows;
}

const NONE = new Uint32Array(0);

function isExactly(term: FlowBits, field: string, value: bigint, mask: bigint): boolean {
  return term.field === field && term.value === value && term.mask === mask && term.portName === undefined;
}

/** Finds the flows that stand for themselves, and those that repeat one before them. */
function place(parts: readonly LinkedCapture[], bases: number, numbers: ReadonlyMap<string, number>): Places {
  const most = parts.slice(0, bases).reduce((sum, { capture }) => sum + capture.flows.count, 0);
  const part = new Uint16Array(most);
  const flow = new Uint32Array(most);
  const again = new Map<number, Source[]>();
  const same = sameFlows(most, (index) => keyOf(parts, part[index] ?? 0, flow[index] ?? 0, numbers));
  let count = 0;
  for (const [p, linked] of parts.entries()) {
    const store = linked.capture.flows;
    for (let i = 0; i < store.count; i++) {
      if (isHidden(linked, i)) continue;
      const first = same.find(store.hashOf(i), () => keyOf(parts, p, i, numbers));
      if (first !== undefined) {
        const source = { uri: linked.uri, span: store.flow(i).span };
        const list = again.get(first);
        if (list) list.push(source);
        else again.set(first, [source]);
      } else if (p < bases) {
        part[count] = p;
        flow[count] = i;
        same.add(store.hashOf(i), count);
        count++;
      }
    }
  }
  return { count, part, flow, again };
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

/**
 * Finds flows that are the same by their hashes, in an open-addressing table of numbers; only where two hashes are equal are
 * the keys made and compared.
 */
function sameFlows(most: number, key: (index: number) => string) {
  let size = 16;
  while (size < most * 2) size *= 2;
  const slots = new Int32Array(size).fill(-1);
  const hashes = new Int32Array(most);
  const keys = new Map<number, string>();
  /** Once a hash is shared by many, they are found by their keys. */
  const crowded = new Map<number, Map<string, number>>();
  const CROWD = 8;
  const keyAt = (index: number) => {
    let known = keys.get(index);
    if (known === undefined) keys.set(index, (known = key(index)));
    return known;
  };
  return {
    find(hash: number, own: () => string): number | undefined {
      const crowd = crowded.get(hash);
      if (crowd) return crowd.get(own());
      let text: string | undefined;
      for (let at = hash & (size - 1); ; at = (at + 1) & (size - 1)) {
        const index = slots[at] ?? -1;
        if (index < 0) return undefined;
        if (hashes[index] === hash && keyAt(index) === (text ??= own())) return index;
      }
    },
    add(hash: number, index: number): void {
      hashes[index] = hash;
      const crowd = crowded.get(hash);
      if (crowd) {
        crowd.set(key(index), index);
        return;
      }
      const equal: number[] = [];
      let at = hash & (size - 1);
      for (; (slots[at] ?? -1) >= 0; at = (at + 1) & (size - 1)) {
        const other = slots[at] ?? -1;
        if (hashes[other] === hash) equal.push(other);
      }
      slots[at] = index;
      if (equal.length < CROWD) return;
      crowded.set(hash, new Map([...equal, index].map((one) => [keyAt(one), one])));
      for (const one of equal) keys.delete(one);
    },
  };
}

function groupByTable(count: number, tableOf: (index: number) => number | string): Map<number | string, Uint32Array> {
  const sizes = new Map<number | string, number>();
  for (let index = 0; index < count; index++) {
    const table = tableOf(index);
    sizes.set(table, (sizes.get(table) ?? 0) + 1);
  }
  const groups = new Map([...sizes].map(([table, size]) => [table, { list: new Uint32Array(size), used: 0 }]));
  for (let index = 0; index < count; index++) {
    const group = groups.get(tableOf(index));
    if (group) group.list[group.used++] = index;
  }
  return new Map([...groups].map(([table, { list }]) => [table, list]));
}

/** The place in the sequence of a capture's flow; undefined for one that repeats another. */
function indexOf(places: Places, parts: number): (part: number, flow: number) => number | undefined {
  const starts = new Int32Array(parts + 1).fill(places.count);
  for (let index = places.count - 1; index >= 0; index--) starts[places.part[index] ?? 0] = index;
  for (let part = parts - 1; part >= 0; part--) starts[part] = Math.min(starts[part] ?? 0, starts[part + 1] ?? places.count);
  return (part, flow) => {
    let low = starts[part] ?? 0;
    let high = starts[part + 1] ?? places.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((places.flow[middle] ?? 0) < flow) low = middle + 1;
      else high = middle;
    }
    return low < places.count && places.part[low] === part && places.flow[low] === flow ? low : undefined;
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
