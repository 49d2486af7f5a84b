import { drained } from '../base/steps';
import { editedWhole, lastUpTo, type Edit, type LineIndex, type Text } from '../base/lines';
import { oddFlowsOf, unreadOf, withOddFlows } from './flow/odd-flows';
import { readSegment, type Segment, type SegmentReader } from './flow/segment';
import { countHashes, hashCounter, repeatsAfter } from './flow/repeats';

/**
 * A text cut into segments, which hold its characters too: nothing holds all of it at once, so an edit makes anew only the segments
 * that it touches. Immutable; a changed text shares what did not change.
 */
export interface SegmentedText extends Text {
  readonly segments: readonly Segment[];
  /** The number of each segment's first line, and after the last one that of the line behind it. */
  readonly firstLines: Uint32Array;
  /** Where each segment starts, and after the last one where the text ends. */
  readonly offsets: Uint32Array;
  readonly lines: LineIndex;
  /** Hashes that more than one flow of a known shape has; after edits perhaps some that only one has now. */
  readonly repeats: ReadonlySet<number>;
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
  const front = before ? yield* sameInFront(before, text) : { count: 0, length: 0 };
  const back = before ? yield* sameAtEnd(before, text, front) : { count: 0, length: 0 };
  const fresh: Segment[] = [];
  const limit = text.length - back.length;
  const kept = before?.segments ?? [];
  // What an edit leaves of the flows beside it is known; of a text that is another one, most are new.
  const replaced = kept.slice(front.count, kept.length - back.count);
  const known = replaced.length <= MOST_REPLACED ? oddFlowsOf(replaced) : undefined;
  let at = front.length;
  while (at < limit) {
    const raw = readSegment(reader, text, at, limit, known);
    yield at;
    const segment = yield* stepsOf(withOddFlows(raw, known), at);
    fresh.push(segment);
    at += segment.length;
    yield at;
  }
  const segments = [...kept.slice(0, front.count), ...fresh, ...kept.slice(kept.length - back.count)];
  const counting = withRepeats(before, segments, fresh);
  for (;;) {
    const step = counting.next();
    if (step.done) return step.value;
    yield text.length;
  }
}

const MOST_REPLACED = 64;

/** Steps that do not tell how far they are: that is told for them. */
function* stepsOf<T>(steps: Generator<void, T>, at: number): Generator<number, T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    yield at;
  }
}

/** A stretch of segments that edits touch, and how many characters it has after them. */
interface Touched {
  readonly first: number;
  readonly last: number;
  readonly edits: readonly Edit[];
  readonly length: number;
}

/**
 * A text after some edits, whose offsets are those before any of them, ascending and apart. Only the segments that they touch are read
 * anew; undefined where these have more than `most` characters, or more flows that the grammar has to read than take a slice.
 */
export function editedText(
  reader: SegmentReader,
  before: SegmentedText,
  edits: readonly Edit[],
  most: number,
): SegmentedText | undefined {
  const touched = touchedBy(before, edits);
  if (touched.reduce((sum, { length }) => sum + length, 0) > most) return undefined;
  const segments: Segment[] = [];
  const fresh: Segment[] = [];
  let kept = 0;
  let unread = 0;
  for (const { first, last, edits: own } of touched) {
    const text = textAfter(before, first, last, own);
    const known = oddFlowsOf(before.segments.slice(first, last + 1));
    segments.push(...before.segments.slice(kept, first));
    for (let at = 0; at < text.length;) {
      const raw = readSegment(reader, text, at, text.length, known);
      unread += unreadOf(raw, known);
      if (unread > MOST_UNREAD) return undefined;
      const segment = drained(withOddFlows(raw, known));
      fresh.push(segment);
      segments.push(segment);
      at += segment.length;
    }
    kept = last + 1;
  }
  segments.push(...before.segments.slice(kept));
  return drained(withRepeats(before, segments, fresh));
}

/** So many flows are read by the grammar at once: milliseconds' work, mostly. */
const MOST_UNREAD = 24;

function touchedBy(before: SegmentedText, edits: readonly Edit[]): Touched[] {
  const { segments, offsets } = before;
  const groups: { first: number; last: number; edits: Edit[] }[] = [];
  for (const edit of edits) {
    let first = segmentOfOffset(before, edit.from);
    let last = segmentOfOffset(before, edit.to);
    // A carriage return at the end of the segment before may be the first half of a line break now.
    if (edit.from === (offsets[first] ?? 0) && first > 0) first--;
    // Edits leave small segments behind, which are read together again.
    if (last + 1 < segments.length && (segments[last + 1]?.starts.length ?? 0) < SMALL) last++;
    const group = groups.at(-1);
    if (group && first <= group.last) {
      group.last = Math.max(last, group.last);
      group.edits.push(edit);
    } else groups.push({ first, last, edits: [edit] });
  }
  return groups.map(({ first, last, edits: own }) => ({
    first,
    last,
    edits: own,
    length: own.reduce(
      (sum, { from, to, put }) => sum + put.length - (to - from),
      (offsets[last + 1] ?? before.length) - (offsets[first] ?? 0),
    ),
  }));
}

/** The text of some segments after edits in them. */
function textAfter(before: SegmentedText, first: number, last: number, edits: readonly Edit[]): string {
  const start = before.offsets[first] ?? 0;
  const end = before.offsets[last + 1] ?? before.length;
  return editedWhole(
    { length: end - start, slice: (a, b) => before.slice(start + a, b === undefined ? end : start + b) },
    edits.map(({ from, to, put }) => ({ from: from - start, to: to - start, put })),
  );
}

/** A segment of fewer lines is read together with what changed before it. */
const SMALL = 128;

/** What segments make up, of which some are new. */
function* withRepeats(
  before: SegmentedText | undefined,
  segments: readonly Segment[],
  fresh: readonly Segment[],
): Generator<void, SegmentedText> {
  const repeats = before && repeatsAfter(before.repeats, segments, fresh);
  if (repeats) return assemble(segments, repeats);
  const counter = hashCounter();
  for (const segment of segments) {
    countHashes(counter, segment);
    yield;
  }
  return assemble(segments, counter.repeats);
}

/** A text that comes in pieces, as a file does: each piece is read when it is there. */
export interface GrowingText {
  /** Takes the next piece; yields as `segmentsOf` does. */
  add(piece: string): Generator<number, void>;
  end(): Generator<number, SegmentedText>;
}

/** Segments of `before` that come again at the same place are taken as they are. */
export function growingText(reader: SegmentReader, before: SegmentedText | undefined): GrowingText {
  const segments: Segment[] = [];
  const counter = hashCounter();
  /** The start of a line that has not ended yet, by pieces: they are joined once, however many there are. */
  let rest: string[] = [];
  let length = 0;
  let old = 0;
  let oldAt = 0;
  function* read(text: string, limit: number): Generator<number, void> {
    let at = 0;
    while (at < limit) {
      while (before && oldAt < length && old < before.segments.length) oldAt += before.segments[old++]?.length ?? 0;
      const known = before && oldAt === length ? before.segments[old] : undefined;
      const end = at + (known?.length ?? 0);
      const same = known !== undefined && end <= limit && text.slice(at, end) === known.text && endsLine(text, end);
      const segment = same ? known : yield* stepsOf(withOddFlows(readSegment(reader, text, at, limit)), length);
      segments.push(segment);
      countHashes(counter, segment);
      at += segment.length;
      length += segment.length;
      yield length;
    }
  }
  return {
    *add(piece) {
      // A line break at the very end may be the first half of one; what that one waited for has come now.
      let cut = piece.length - (piece.endsWith('\r') ? 1 : 0);
      while (cut > 0 && !isBreak(piece.charCodeAt(cut - 1))) cut--;
      const waits = rest.at(-1)?.endsWith('\r') === true;
      rest.push(piece);
      if (cut === 0 && !(waits && piece !== '')) return;
      const text = rest.join('');
      const limit = text.length - piece.length + cut;
      rest = [text.slice(limit)];
      yield* read(text, limit);
    },
    *end() {
      const text = rest.join('');
      yield* read(text, text.length);
      return assemble(segments, counter.repeats);
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
function* sameInFront(before: SegmentedText, text: string): Generator<number, Same> {
  let count = 0;
  let length = 0;
  for (const segment of before.segments) {
    const end = length + segment.length;
    if (end > text.length || text.slice(length, end) !== segment.text || !endsLine(text, end)) break;
    count++;
    length = end;
    yield length;
  }
  return { count, length };
}

function* sameAtEnd(before: SegmentedText, text: string, front: Same): Generator<number, Same> {
  let count = 0;
  let length = 0;
  for (let n = before.segments.length - 1; n >= front.count; n--) {
    const segment = before.segments[n];
    if (!segment) break;
    const from = text.length - length - segment.length;
    if (from < front.length) break;
    if (text.slice(from, from + segment.length) !== segment.text) break;
    if (from > 0 && !endsLine(text, from)) break;
    count++;
    length += segment.length;
    yield front.length;
  }
  return { count, length };
}

/** Whether a text that was cut is this one. */
export function isTextOf(cut: SegmentedText, text: string): boolean {
  let at = 0;
  if (cut.length !== text.length) return false;
  for (const segment of cut.segments) {
    if (text.slice(at, at + segment.length) !== segment.text) return false;
    at += segment.length;
  }
  return true;
}

/** Whether two texts are the same; those that share segments are cheap to compare. */
export function isSameText(a: SegmentedText, b: SegmentedText): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  let at = 0;
  return a.segments.every((segment, n) => {
    const from = at;
    at += segment.length;
    return segment === b.segments[n] || segment.text === b.slice(from, at);
  });
}

function assemble(segments: readonly Segment[], repeats: ReadonlySet<number>): SegmentedText {
  const count = segments.length;
  const firstLines = new Uint32Array(count + 1);
  const offsets = new Uint32Array(count + 1);
  let length = 0;
  let full = 0;
  segments.forEach((segment, n) => {
    firstLines[n] = full;
    offsets[n] = length;
    full += segment.starts.length;
    length += segment.length;
  });
  firstLines[count] = full;
  offsets[count] = length;
  // A text that ends in a line break has an empty line behind it.
  const end = segments.at(-1)?.text;
  const open = end === undefined || isBreak(end.charCodeAt(end.length - 1));
  // Where the last look-up was: the next one is most often beside it.
  let near = 0;
  const isNear = (ascending: Uint32Array, value: number) => (ascending[near] ?? 0) <= value && value < (ascending[near + 1] ?? 0);
  const text: SegmentedText = {
    segments,
    firstLines,
    offsets,
    length,
    repeats,
    lines: {
      count: full + (open ? 1 : 0),
      length,
      startOf(line) {
        if (line >= full) return open && line === full ? length : undefined;
        if (line < 0) return undefined;
        if (!isNear(firstLines, line)) near = lastUpTo(firstLines, count, line);
        return (offsets[near] ?? 0) + (segments[near]?.starts[line - (firstLines[near] ?? 0)] ?? 0);
      },
      lineAt(offset) {
        if (open && offset >= length) return full;
        if (!isNear(offsets, offset)) near = lastUpTo(offsets, count, offset);
        const starts = segments[near]?.starts;
        return starts ? (firstLines[near] ?? 0) + lastUpTo(starts, starts.length, offset - (offsets[near] ?? 0)) : 0;
      },
    },
    slice(start, to = length) {
      const from = start < 0 ? Math.max(0, length + start) : start;
      const until = Math.min(length, to < 0 ? length + to : to);
      if (from >= until) return '';
      if (!isNear(offsets, from)) near = lastUpTo(offsets, count, from);
      const at = offsets[near] ?? 0;
      const own = segments[near];
      if (own && until <= at + own.length) return own.text.slice(from - at, until - at);
      let joined = '';
      for (let n = near; n < count && (offsets[n] ?? 0) < until; n++)
        joined += segments[n]?.text.slice(Math.max(0, from - (offsets[n] ?? 0)), until - (offsets[n] ?? 0)) ?? '';
      return joined;
    },
  };
  return text;
}

/** The segment that holds an offset: that before it where it is the text's end; 0 of an empty text. */
function segmentOfOffset({ offsets, segments }: SegmentedText, offset: number): number {
  return lastUpTo(offsets, segments.length, offset);
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

/** The first of a segment's flows of known shapes that is on `line` of it or after it. */
export function flowFrom({ lines }: Segment, line: number): number {
  return placeFrom(lines, line);
}

/** The place of the first of some lines, which ascend, that is `line` or after it. */
export function placeFrom(lines: Uint16Array, line: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle] ?? 0) < line) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many lines from `line` on, one after the other, are flows. */
export function runAt(text: SegmentedText, line: number): number {
  let n = segmentOfLine(text, line);
  if (n < 0) return 0;
  let length = 0;
  for (; n < text.segments.length; n++) {
    const segment = text.segments[n];
    const first = text.firstLines[n] ?? 0;
    if (!segment) break;
    const { lines, odd, starts } = segment;
    const from = line + length - first;
    if (from === 0 && lines.length + odd.lines.length === starts.length) {
      length += starts.length;
      continue;
    }
    let flow = placeFrom(lines, from);
    let other = placeFrom(odd.lines, from);
    let at = from;
    for (; ; at++) {
      if (lines[flow] === at) flow++;
      else if (odd.lines[other] === at) other++;
      else break;
    }
    length += at - from;
    if (at < starts.length) break;
  }
  return length;
}

/** How many lines from `line` on, one after the other and of one segment, are no more than a line break. */
export function emptyAt(text: SegmentedText, line: number): number {
  const n = segmentOfLine(text, line);
  const starts = text.segments[n]?.starts;
  if (!starts) return 0;
  const from = line - (text.firstLines[n] ?? 0);
  let at = from;
  while (at + 1 < starts.length && (starts[at + 1] ?? 0) - (starts[at] ?? 0) === 1) at++;
  return at - from;
}

/** What is known of the flow on a line: the id of its shape, `odd` where it has none that is known; undefined where no flow is known there. */
export function flowOn(text: SegmentedText, line: number): number | 'odd' | undefined {
  const n = segmentOfLine(text, line);
  const segment = text.segments[n];
  if (!segment) return undefined;
  const own = line - (text.firstLines[n] ?? 0);
  const flow = placeFrom(segment.lines, own);
  if (segment.lines[flow] === own) return segment.shapes[flow];
  const { lines } = segment.odd;
  return lines[placeFrom(lines, own)] === own ? 'odd' : undefined;
}
