import type { Line } from '../../base/lines';
import type { FlowBits, FlowShape } from '../../packet/flow-shape';
import type { Flow } from '../../packet/openflow';
import type { Ref, RefKind } from '../capture';
import { joinLines, type SourceText } from '../ohm';
import { hashOfFlow } from './hash';
import { readFlow, type ReadFlow } from './read';
import { hashOfPorts } from './same';
import { scanFlow } from './syntax';

/** A place where a flow names something. */
export interface FlowMention {
  readonly flow: number;
  readonly ref: Ref;
}

/**
 * The flows of one capture, in the order of its lines. What tells them apart is kept in columns; a flow with its spans, its
 * references and its actions is made when it is asked for, by the reader of the text that says it.
 */
export interface FlowStore {
  readonly count: number;
  /** The lines (0-based, inclusive) that flow `i` stands on; -1 for a number that is none. */
  firstLineOf(i: number): number;
  lastLineOf(i: number): number;
  /** The flow whose lines hold `line`; undefined where it is none's. */
  at(line: number): number | undefined;
  /** The first flow that ends on `line` or after it; `count` where all are before. */
  from(line: number): number;
  tableOf(i: number): number | string;
  priorityOf(i: number): number;
  /** Undefined for a flow that stands alone; equal for flows that differ in values only. */
  shapeOf(i: number): FlowShape | undefined;
  /** What the flow matches. */
  matchOf(i: number): readonly FlowBits[];
  /** Whether the flow's end or its place is not known. */
  isBroken(i: number): boolean;
  /** Equal for flows of one table, priority and match; rarely equal for others. Ports' names and numbers are left out of it. */
  hashOf(i: number): number;
  /** The same with its ports, names by the numbers that are given: rarely equal for different flows. */
  exactHashOf(i: number, numbers: ReadonlyMap<string, number>): number;
  /** Whether flow `i` has the table, priority and match of another store's flow `k`, told from columns; undefined where these do not tell. */
  sameMatch(i: number, other: FlowStore, k: number): boolean | undefined;
  /**
   * True where the other store has the same flows in the same order, whatever their counters and their places in the text are. Told from
   * columns: false also where that can't be told so.
   */
  sameFlows(other: FlowStore): boolean;
  /**
   * The flows that may say the same as another one of the store, in order: any two with one hash that are not broken are among them. Undefined now and then,
   * so that whoever asks may do other things between.
   */
  suspects(): Iterable<number | undefined>;
  /** The tables that have flows, in the order of their first ones. */
  tables(): readonly (number | string)[];
  /** The flows of a table, in order. */
  inTable(table: number | string): Uint32Array;
  flow(i: number): Flow;
  refs(i: number): readonly Ref[];
  /** The flows that match a field by exactly that value under that mask, in order; those whose value is a port's name too, whatever it is. */
  matching(field: string, value: bigint, mask: bigint): Iterable<number>;
  /** Where the flows from the `from`-th on name a thing, by the reference's kind and canonical value, in the order of the text. */
  mentions(kind: RefKind, value: string, from?: number): Iterable<FlowMention>;
  /** The flows that are like one for which `test` holds: it sees one flow of each shape, whose values say nothing of the others'. */
  like(test: (flow: Flow) => boolean): readonly number[];
  /** Whether there is any of them. */
  hasLike(test: (flow: Flow) => boolean): boolean;
  /**
   * Flows that name a table besides their own, ascending: for each of the flows' own tables and shapes one of them at least, so that all
   * tables are met from which that table is named.
   */
  jumps(table: string): Iterable<number>;
  /** Every canonical value that the flows' references of a kind have. */
  named(kind: RefKind): ReadonlySet<string>;
}

/** A flow that the ordinary reader read, and the lines that it stands on. */
export interface FlowOnLines {
  readonly lines: readonly Line[];
  readonly read: ReadFlow;
}

/** The text of a flow that stands on these lines. */
function sourceOfFlow(lines: readonly Line[]): SourceText {
  return joinLines(lines, (_rest, above) => (/[,(:]$/.test(above) ? '' : ' '));
}

/** Reads the flow on these lines: broken at blanks or behind commas by hand, or anywhere by a terminal. */
export function readFlowOn(lines: readonly Line[]): ReturnType<typeof readFlow> {
  const source = sourceOfFlow(lines);
  if (lines.length === 1) return readFlow(source);
  const whole = joinLines(lines);
  // Most often signs and brackets alone tell where it was broken, and the grammar takes a hundred times as long to refuse.
  for (const joined of [source, atWidth(lines), whole]) {
    if (!scanFlow(joined.text)) continue;
    const read = readFlow(joined);
    if (read.errors.length === 0) return read;
  }
  const read = readFlow(source);
  if (read.errors.length === 0) return read;
  const cut = readFlow(whole);
  return cut.errors.length === 0 ? cut : read;
}

/** Lines that a terminal broke at its width: one that is shorter ended in a blank, and one may start with a blank. */
function atWidth(lines: readonly Line[]): SourceText {
  const width = Math.max(...lines.map(({ text }) => text.length));
  return joinLines(lines, (rest, above) => (above.length < width || /^\s/.test(rest) ? ' ' : ''));
}

/** A store of flows that were each read for themselves. */
export function storeOf(flows: readonly FlowOnLines[]): FlowStore {
  const at = (i: number): FlowOnLines => {
    const found = flows[i];
    if (!found) throw new RangeError(`there is no flow ${i}; the store has ${flows.length}`);
    return found;
  };
  const lastLine = (flow: FlowOnLines) => flow.lines.at(-1)?.number ?? -1;
  const from = (line: number) => lowerBound(flows.length, (i) => lastLine(at(i)) >= line);
  return {
    count: flows.length,
    firstLineOf: (i) => flows[i]?.lines[0]?.number ?? -1,
    lastLineOf: (i) => (flows[i] ? lastLine(at(i)) : -1),
    at(line) {
      const i = from(line);
      return i < flows.length && (at(i).lines[0]?.number ?? line + 1) <= line ? i : undefined;
    },
    from,
    tableOf: (i) => at(i).read.flow.table.value,
    priorityOf: (i) => at(i).read.flow.priority.value,
    shapeOf: () => undefined,
    matchOf: (i) => at(i).read.flow.match,
    isBroken: (i) => at(i).read.flow.broken === true,
    hashOf: (i) => hashOfFlow(at(i).read.flow),
    exactHashOf: (i, numbers) => (hashOfFlow(at(i).read.flow) + hashOfPorts(at(i).read.flow.match, numbers)) | 0,
    sameMatch: () => undefined,
    sameFlows: () => false,
    suspects: () => flows.keys(),
    tables: () => [...new Set(flows.map(({ read }) => read.flow.table.value))],
    inTable: (table) => Uint32Array.from([...flows.keys()].filter((i) => at(i).read.flow.table.value === table)),
    flow: (i) => at(i).read.flow,
    refs: (i) => at(i).read.refs,
    *matching(field, value, mask) {
      for (const [i, { read }] of flows.entries()) if (read.flow.match.some((term) => isMatch(term, field, value, mask))) yield i;
    },
    *mentions(kind, value, from = 0) {
      for (const [flow, { read }] of [...flows.entries()].slice(from))
        for (const ref of read.refs) if (ref.kind === kind && ref.value === value) yield { flow, ref };
    },
    like: (test) => [...flows.keys()].filter((i) => test(at(i).read.flow)),
    hasLike: (test) => flows.some(({ read }) => test(read.flow)),
    *jumps(table) {
      for (const [i, { read }] of flows.entries())
        if (read.refs.some((ref) => ref.kind === 'table' && ref.value === table)) yield i;
    },
    named(kind) {
      return new Set(flows.flatMap(({ read }) => read.refs.filter((ref) => ref.kind === kind).map(({ value }) => value)));
    },
  };
}

/** Whether a term may be the one that is asked for; a name may be any number's. */
export function isMatch(term: FlowBits, field: string, value: bigint, mask: bigint): boolean {
  return term.field === field && term.mask === mask && (term.value === value || term.portName !== undefined);
}

export const noFlows: FlowStore = storeOf([]);

/** Reads the flow that stands on these lines; what is no flow gives undefined. */
export function readLines(lines: readonly Line[]): ReadFlow | undefined {
  const read = readFlowOn(lines);
  return 'flow' in read ? read : read.broken;
}

/** The first of `count` numbers for which `test` holds, where it holds for all after it. */
export function lowerBound(count: number, test: (i: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
