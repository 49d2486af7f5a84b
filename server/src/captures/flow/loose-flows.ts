import type { Line, Lines } from '../../base/lines';
import { placeFrom, segmentOfLine, type SegmentedText } from '../segmented';
import { hashOfFlow } from './hash';
import { marksOf } from './odd-flows';
import type { ReadFlow } from './read';

/** A flow that was read with what stands around it: wrapped over lines, quoted, or without what tells that it is one. What is read of it is kept for a few only. */
export interface LooseFlow {
  readonly firstLine: number;
  readonly lastLine: number;
  readonly lines: readonly Line[] | undefined;
  readonly table: number | string;
  readonly priority: number;
  readonly hash: number;
  /** As `OddFlows` has them. */
  readonly marks: number;
}

/** As many loose flows keep their lines; the others are taken from the text again. */
export const KEPT = 2000;

export function looseFlow(lines: readonly Line[], read: ReadFlow, before: number, text: Lines): LooseFlow {
  const [first] = lines;
  const { flow } = read;
  // A line that was unquoted or joined over blank lines is not what stands in the text.
  const isInText = lines.length === 1 && first !== undefined && text.at(first.number)?.text === first.text;
  return {
    firstLine: first?.number ?? 0,
    lastLine: lines.at(-1)?.number ?? 0,
    lines: before < KEPT || !isInText ? lines : undefined,
    table: flow.table.value,
    priority: flow.priority.value,
    hash: hashOfFlow(flow),
    marks: marksOf(read),
  };
}

/** Flows of no known shape in columns, in the order of the text: odd ones of segments, and loose ones. */
export interface LooseColumns {
  readonly count: number;
  readonly firstLines: Uint32Array;
  readonly lastLines: Uint32Array;
  readonly tables: readonly (number | string)[];
  readonly priorities: Uint32Array;
  readonly hashes: Int32Array;
  readonly marks: Uint8Array;
  /** The lines of those that keep them. */
  readonly lines: ReadonlyMap<number, readonly Line[]>;
  /** The hashes of those that are no segment's. */
  readonly loose: readonly number[];
}

/** The flows of no known shape on some lines (0-based, inclusive) of a text, and those that were read with what stands around them; in steps. */
export function* looseColumns(
  text: SegmentedText,
  firstLine: number,
  lastLine: number,
  loose: readonly LooseFlow[],
): Generator<void, LooseColumns> {
  const stretches: { n: number; from: number; to: number }[] = [];
  let count = loose.length;
  for (let n = Math.max(0, segmentOfLine(text, firstLine)); n < text.segments.length; n++) {
    const odd = text.segments[n]?.odd.lines;
    const first = text.firstLines[n] ?? 0;
    if (!odd || first > lastLine) break;
    const from = placeFrom(odd, firstLine - first);
    const to = placeFrom(odd, lastLine + 1 - first);
    if (to > from) stretches.push({ n, from, to });
    count += Math.max(0, to - from);
  }
  const columns = {
    count,
    firstLines: new Uint32Array(count),
    lastLines: new Uint32Array(count),
    tables: [] as (number | string)[],
    priorities: new Uint32Array(count),
    hashes: new Int32Array(count),
    marks: new Uint8Array(count),
    lines: new Map<number, readonly Line[]>(),
    loose: loose.map(({ hash }) => hash),
  };
  let next = 0;
  let used = 0;
  const add = (first: number, last: number, table: number | string, priority: number, hash: number, marks: number) => {
    columns.firstLines[used] = first;
    columns.lastLines[used] = last;
    columns.tables.push(table);
    columns.priorities[used] = priority;
    columns.hashes[used] = hash;
    columns.marks[used] = marks;
    used++;
  };
  const addLoose = (until: number) => {
    for (let own = loose[next]; own && own.firstLine < until; own = loose[++next]) {
      if (own.lines) columns.lines.set(used, own.lines);
      add(own.firstLine, own.lastLine, own.table, own.priority, own.hash, own.marks);
    }
  };
  for (const { n, from, to } of stretches) {
    yield;
    const odd = text.segments[n]?.odd;
    const first = text.firstLines[n] ?? 0;
    for (let k = from; odd && k < to; k++) {
      const line = first + (odd.lines[k] ?? 0);
      addLoose(line);
      add(line, line, odd.tables[k] ?? 0, odd.priorities[k] ?? 0, odd.hashes[k] ?? 0, odd.marks[k] ?? 0);
    }
  }
  addLoose(Infinity);
  return columns;
}
