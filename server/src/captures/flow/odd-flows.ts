import type { CaptureError } from '../capture';
import { hashesValue, hashOfFlow } from './hash';
import type { ReadFlow } from './read';
import type { RawSegment, Segment } from './segment';
import { readFlowOn } from './store';

/**
 * The flows of a segment that the grammar has to read: those of no known shape, with errors, or cut off. Their places, what tells them
 * apart and what is wrong with them; all else is read again when someone looks.
 */
export interface OddFlows {
  /** The lines that they stand on, ascending. */
  readonly lines: Uint16Array;
  readonly tables: readonly (number | string)[];
  readonly priorities: Uint32Array;
  readonly hashes: Int32Array;
  /** Of each flow: `HAS_PORTS`, `IS_BROKEN`. */
  readonly marks: Uint8Array;
  /** In order; spans count from the segment's start. */
  readonly errors: readonly CaptureError[];
}

/** It matches ports, which its hash leaves out. */
export const HAS_PORTS = 1;
/** Its end or its place is not known. */
export const IS_BROKEN = 2;

/** What is kept of one flow; spans count from its line's start. */
export interface OddFlow {
  readonly table: number | string;
  readonly priority: number;
  readonly hash: number;
  readonly marks: number;
  readonly errors: readonly CaptureError[];
}

const NONE: OddFlows = {
  lines: new Uint16Array(0),
  tables: [],
  priorities: new Uint32Array(0),
  hashes: new Int32Array(0),
  marks: new Uint8Array(0),
  errors: [],
};

/** So many flows are read between two pauses: the grammar takes 10 to 100 µs for one, and milliseconds for what is wrong in a few. */
const STEP = 20;

/** A segment with its odd flows, read in steps. What `known` has of a line with the same text is taken over. */
export function* withOddFlows(
  { candidates, ...segment }: RawSegment,
  known: ReadonlyMap<string, OddFlow> = new Map(),
): Generator<void, Segment> {
  if (candidates.length === 0) return { ...segment, odd: NONE };
  const lines: number[] = [];
  const flows: OddFlow[] = [];
  const errors: CaptureError[] = [];
  for (const [n, line] of candidates.entries()) {
    if (n % STEP === STEP - 1) yield;
    const start = segment.starts[line] ?? 0;
    const text = lineOf(segment, line);
    const flow = known.get(text) ?? readOddFlow(text);
    if (!flow) continue;
    lines.push(line);
    flows.push(flow);
    for (const error of flow.errors) errors.push(moved(error, start));
    if (flow.errors.length > 0) yield;
  }
  return {
    ...segment,
    odd: {
      lines: Uint16Array.from(lines),
      tables: flows.map(({ table }) => table),
      priorities: Uint32Array.from(flows, ({ priority }) => priority),
      hashes: Int32Array.from(flows, ({ hash }) => hash),
      marks: Uint8Array.from(flows, ({ marks }) => marks),
      errors,
    },
  };
}

/** How many flows of a segment `withOddFlows` would have to read. */
export function unreadOf(segment: RawSegment, known: ReadonlyMap<string, OddFlow>): number {
  let count = 0;
  for (const line of segment.candidates) if (!known.has(lineOf(segment, line))) count++;
  return count;
}

/** What is known of the odd flows of some segments, by their lines' texts. */
export function oddFlowsOf(segments: readonly Segment[]): ReadonlyMap<string, OddFlow> {
  const known = new Map<string, OddFlow>();
  for (const segment of segments) {
    const { lines, tables, priorities, hashes, marks, errors } = segment.odd;
    let next = 0;
    for (const [k, line] of lines.entries()) {
      const start = segment.starts[line] ?? 0;
      const end = segment.starts[line + 1] ?? segment.length;
      const own: CaptureError[] = [];
      for (let error = errors[next]; error && error.span.start < end; error = errors[++next]) own.push(moved(error, -start));
      known.set(lineOf(segment, line), {
        table: tables[k] ?? 0,
        priority: priorities[k] ?? 0,
        hash: hashes[k] ?? 0,
        marks: marks[k] ?? 0,
        errors: own,
      });
    }
  }
  return known;
}

/** What is kept of a flow that was read for itself. */
export function marksOf({ flow }: ReadFlow): number {
  const ports = flow.match.some(({ field, unknown }) => !unknown && !hashesValue(field));
  return (ports ? HAS_PORTS : 0) | (flow.broken ? IS_BROKEN : 0);
}

/** An error of a text that stands elsewhere. */
export function moved({ span, code, message }: CaptureError, by: number): CaptureError {
  return { span: { start: span.start + by, end: span.end + by }, code, message };
}

function lineOf({ text, starts, length }: RawSegment | Segment | Omit<Segment, 'odd'>, line: number): string {
  return text.slice(starts[line] ?? 0, starts[line + 1] ?? length).trimEnd();
}

function readOddFlow(text: string): OddFlow | undefined {
  const read = readFlowOn([{ text, start: 0, number: 0 }]);
  const usable = 'flow' in read ? read : read.broken;
  if (!usable) return undefined;
  const { table, priority } = usable.flow;
  return {
    table: table.value,
    priority: priority.value,
    hash: hashOfFlow(usable.flow),
    marks: marksOf(usable),
    errors: read.errors.map(shared).sort((a, b) => a.span.start - b.span.start),
  };
}

/** As many sentences are remembered: what is wrong in a hundred thousand flows is most often one thing. */
const MOST_MESSAGES = 1000;
const messages = new Map<string, string>();

/** An error whose sentence, which is said often, is one string. */
export function shared(error: CaptureError): CaptureError {
  const before = messages.get(error.message);
  if (before !== undefined) return { ...error, message: before };
  if (messages.size >= MOST_MESSAGES) messages.clear();
  messages.set(error.message, error.message);
  return error;
}
