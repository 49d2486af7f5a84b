import type { LineIndex } from '../base/lines';
import type { Segment, SegmentReader } from './flow/segment';

/** A text cut into segments, with the starts of all of its lines. Immutable; a changed text shares what did not change. */
export interface SegmentedText {
  readonly text: string;
  readonly segments: readonly Segment[];
  /** The number of each segment's first line, and after the last one that of the line behind it. */
  readonly firstLines: Uint32Array;
  readonly lines: LineIndex;
}

/**
 * Cuts a text into segments. Yields, after each segment that had to be read, how many characters of how many are behind it, so that the
 * caller may do other things between. Segments of `before` that are still in the text are taken as they are: finding them is a
 * comparison of memory.
 */
export function* segmentsOf(
  reader: SegmentReader,
  text: string,
  before: SegmentedText | undefined,
): Generator<number, SegmentedText> {
  const front = before ? sameInFront(before, text) : { count: 0, length: 0 };
  const back = before ? sameAtEnd(before, text, front) : { count: 0, length: 0 };
  const segments: Segment[] = before ? before.segments.slice(0, front.count) : [];
  const limit = text.length - back.length;
  let at = front.length;
  while (at < limit) {
    const segment = reader.read(text, at, limit);
    segments.push(segment);
    at += segment.length;
    yield at;
  }
  if (before && back.count > 0) segments.push(...before.segments.slice(before.segments.length - back.count));
  return assemble(text, segments);
}

/** A text that comes in pieces, as a file does: each piece is read when it is there. */
export interface GrowingText {
  /** Takes the next piece; yields as `segmentsOf` does. */
  add(piece: string): Generator<number, void>;
  end(): Generator<number, SegmentedText>;
}

/** Segments of `before` that come again at the same place are taken as they are. */
export function growingText(reader: SegmentReader, before: SegmentedText | undefined): GrowingText {
  const pieces: string[] = [];
  const segments: Segment[] = [];
  let rest = '';
  let length = 0;
  let old = 0;
  let oldAt = 0;
  function* read(text: string, limit: number): Generator<number, void> {
    let at = 0;
    while (at < limit) {
      while (before && oldAt < length && old < before.segments.length) oldAt += before.segments[old++]?.length ?? 0;
      const known = before && oldAt === length ? before.segments[old] : undefined;
      const end = at + (known?.length ?? 0);
      const same =
        known !== undefined &&
        end <= limit &&
        text.slice(at, end) === before?.text.slice(length, length + known.length) &&
        endsLine(text, end);
      const segment = same ? known : reader.read(text, at, limit);
      segments.push(segment);
      at += segment.length;
      length += segment.length;
      yield length;
    }
  }
  return {
    *add(piece) {
      pieces.push(piece);
      const text = rest + piece;
      // A line break at the very end may be the first half of one.
      let cut = text.length - (text.endsWith('\r') ? 1 : 0);
      while (cut > 0 && !isBreak(text.charCodeAt(cut - 1))) cut--;
      rest = text.slice(cut);
      yield* read(text, cut);
    },
    *end() {
      yield* read(rest, rest.length);
      return assemble(pieces.join(''), segments);
    },
  };
}

/** Whether a line ends before `end`, and nothing of its break stands behind it. */
function endsLine(text: string, end: number): boolean {
  const last = text.charCodeAt(end - 1);
  return isBreak(last) && !(last === 13 && text.charCodeAt(end) === 10);
}

interface Same {
  readonly count: number;
  readonly length: number;
}

function isBreak(code: number): boolean {
  return code === 10 || code === 13;
}

/** The segments of `before` that the text starts with. A segment ends behind a line break, which must still be one. */
function sameInFront(before: SegmentedText, text: string): Same {
  let count = 0;
  let length = 0;
  for (const segment of before.segments) {
    const end = length + segment.length;
    if (end > text.length || text.slice(length, end) !== before.text.slice(length, end)) break;
    const last = text.charCodeAt(end - 1);
    if (!isBreak(last) || (last === 13 && text.charCodeAt(end) === 10)) break;
    count++;
    length = end;
  }
  return { count, length };
}

function sameAtEnd(before: SegmentedText, text: string, front: Same): Same {
  let count = 0;
  let length = 0;
  for (let n = before.segments.length - 1; n >= front.count; n--) {
    const segment = before.segments[n];
    if (!segment) break;
    const from = text.length - length - segment.length;
    const old = before.text.length - length - segment.length;
    if (from < front.length) break;
    if (text.slice(from, from + segment.length) !== before.text.slice(old, old + segment.length)) break;
    const previous = from === 0 ? 10 : text.charCodeAt(from - 1);
    if (!isBreak(previous) || (previous === 13 && text.charCodeAt(from) === 10)) break;
    count++;
    length += segment.length;
  }
  return { count, length };
}

function assemble(text: string, segments: readonly Segment[]): SegmentedText {
  const firstLines = new Uint32Array(segments.length + 1);
  let lines = 0;
  segments.forEach((segment, n) => {
    firstLines[n] = lines;
    lines += segment.starts.length;
  });
  firstLines[segments.length] = lines;
  // A text that ends in a line break has an empty line behind it.
  const open = text.length === 0 || isBreak(text.charCodeAt(text.length - 1));
  const starts = new Uint32Array(lines + (open ? 1 : 0));
  let at = 0;
  let into = 0;
  for (const segment of segments) {
    const own = segment.starts;
    for (let k = 0; k < own.length; k++) starts[into++] = at + (own[k] ?? 0);
    at += segment.length;
  }
  if (open) starts[into] = text.length;
  return { text, segments, firstLines, lines: { starts, length: text.length } };
}

/** The segment that holds a line; -1 where none does. */
export function segmentOfLine({ firstLines }: SegmentedText, line: number): number {
  let low = 0;
  let high = firstLines.length - 1;
  if (line < 0 || line >= (firstLines[high] ?? 0)) return -1;
  while (low < high - 1) {
    const middle = (low + high) >> 1;
    if ((firstLines[middle] ?? 0) <= line) low = middle;
    else high = middle;
  }
  return low;
}

/** The first of a segment's flows that is on `line` of it or after it. */
export function flowFrom(segment: Segment, line: number): number {
  let low = 0;
  let high = segment.lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((segment.lines[middle] ?? 0) < line) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many lines from `line` on, one after the other, are flows of a known shape. */
export function runAt(text: SegmentedText, line: number): number {
  let n = segmentOfLine(text, line);
  if (n < 0) return 0;
  let length = 0;
  for (; n < text.segments.length; n++) {
    const segment = text.segments[n];
    const first = text.firstLines[n] ?? 0;
    if (!segment) break;
    const from = line + length - first;
    let flow = flowFrom(segment, from);
    const started = flow;
    while (flow < segment.lines.length && segment.lines[flow] === from + flow - started) flow++;
    length += flow - started;
    if (from + flow - started < segment.starts.length) break;
  }
  return length;
}

/** The id of the shape of the flow on a line, where it is one of a known shape. */
export function shapeAt(text: SegmentedText, line: number): number | undefined {
  const n = segmentOfLine(text, line);
  const segment = text.segments[n];
  if (!segment) return undefined;
  const own = line - (text.firstLines[n] ?? 0);
  const flow = flowFrom(segment, own);
  return segment.lines[flow] === own ? segment.shapes[flow] : undefined;
}
