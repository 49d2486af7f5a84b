import { copyUnits, stringOf } from '../../base/code-units';
import { hashOfPlace, mix } from './hash';
import type { OddFlows } from './odd-flows';
import { SLOT, slotsOf, wordOfSlot, wordsOfSlot, type Template } from './template';
import { learnLine, LONGEST_LINE, LOOKS_TO_READ, matchLine, ROOM, standsAlone, type Scratch, type ShapeBook } from './shapes';
import { codeOfLength, type Units } from './tokens';

/**
 * Some lines of a text, read in one go: where they start, which of them are flows of a known shape, and what those flows say, in
 * columns. Holds no offsets but its own, so that it stays good wherever in the text its lines move. Immutable.
 */
export interface Segment {
  readonly text: string;
  /** In characters, the last line's break included. */
  readonly length: number;
  /** Where each line starts. */
  readonly starts: Uint32Array;
  /** The lines that are flows of a known shape. */
  readonly lines: Uint16Array;
  /** Of each such flow: its shape's id, where its row starts in `words`, its hash. */
  readonly shapes: Uint16Array;
  readonly rows: Uint32Array;
  readonly hashes: Int32Array;
  readonly words: Uint32Array;
  /** The flows of no known shape. */
  readonly odd: OddFlows;
}

/** A segment whose odd flows were not read yet. */
export interface RawSegment extends Omit<Segment, 'odd'> {
  /** The lines that may be such flows: each of them alone would be taken by a dump that has started. */
  readonly candidates: Uint16Array;
}

/** A segment has at most so many lines or characters (and one line more); reading one takes a few milliseconds. */
export const SEGMENT_LINES = 1024;
const SEGMENT_UNITS = 1 << 18;
/** Reading a line by the grammar takes long: after so many of them a segment ends early. */
const MOST_LOOKS = 12 * LOOKS_TO_READ;

/** What is needed over and over while segments are read: the shapes, and buffers. Data only, as `ShapeBook` is. */
export interface SegmentReader {
  readonly book: ShapeBook;
  /** Whether a line would be taken as a flow without an end, or a whole one, because of what the next one is that is not empty. */
  readonly isCutFlow: (text: string, next: string) => boolean;
  readonly window: Uint16Array;
  readonly starts: Uint32Array;
  readonly lines: Uint16Array;
  readonly shapes: Uint16Array;
  readonly rows: Uint32Array;
  readonly hashes: Int32Array;
  readonly candidates: Uint16Array;
  words: Uint32Array;
}

export function createSegmentReader(book: ShapeBook, isCutFlow: SegmentReader['isCutFlow'] = () => false): SegmentReader {
  return {
    book,
    isCutFlow,
    window: new Uint16Array(SEGMENT_UNITS + ROOM),
    starts: new Uint32Array(SEGMENT_LINES),
    lines: new Uint16Array(SEGMENT_LINES),
    shapes: new Uint16Array(SEGMENT_LINES),
    rows: new Uint32Array(SEGMENT_LINES),
    hashes: new Int32Array(SEGMENT_LINES),
    candidates: new Uint16Array(SEGMENT_LINES),
    words: new Uint32Array(SEGMENT_LINES * 24),
  };
}

/**
 * Reads a segment of `text` from `from` on, which starts a line, up to `limit`, which ends one, at most. `known` has the texts of lines whose
 * shapes need not be learned any more.
 */
export function readSegment(
  reader: SegmentReader,
  text: string,
  from: number,
  limit: number,
  known?: { has(line: string): boolean },
): RawSegment {
  const { book, window, starts } = reader;
  // A quarter of it for a start: most segments end by their number of lines.
  const size = copyUnits(text, from, Math.min(limit, from + SEGMENT_UNITS), window);
  const whole = from + size >= limit;
  // What is behind the last character stops whoever compares.
  window[size] = 10;
  const source: Units = { units: window, end: size };
  let count = 0;
  let flows = 0;
  let used = 0;
  let odd = 0;
  /** A line that may be a flow that was cut: the next one tells. */
  let waiting = -1;
  let waitingText = '';
  const before = book.looks;
  let at = 0;
  while (at < size && count < SEGMENT_LINES && book.looks - before < MOST_LOOKS) {
    // The window may end inside of a flow: the next segment reads it.
    if (!whole && size - at < LONGEST_LINE && count > 0) break;
    let shape = window[at] === 10 || window[at] === 13 ? undefined : matchLine(book, source, at);
    let end = book.lineEnd;
    if (!shape) {
      end = lineEnd(window, at, size);
      if (end === size && !whole) {
        // A line that is longer than the window.
        const found = lineBreak(text, from + end);
        starts[count++] = at;
        return segmentOf(reader, text, from, afterBreak(text, found) - from, count, flows, used, odd);
      }
      const line = end - at < 40 || end - at > LONGEST_LINE ? '' : trimmed(window, at, end);
      if (waiting >= 0 && end > at && (line !== '' || end - at > LONGEST_LINE || trimmed(window, at, end) !== '')) {
        if (reader.isCutFlow(waitingText, line)) reader.candidates[odd++] = waiting;
        waiting = -1;
      }
      if (line !== '') {
        const alone = looksLikeFlow(line) && standsAlone(book, line);
        shape = alone && !known?.has(line) ? learnLine(book, line) : undefined;
        if (alone && !shape) reader.candidates[odd++] = count;
        else if (!alone) {
          waiting = count;
          waitingText = line;
        }
      }
    } else if (waiting >= 0) {
      if (reader.isCutFlow(waitingText, trimmed(window, at, end))) reader.candidates[odd++] = waiting;
      waiting = -1;
    }
    if (shape) {
      if (used + shape.rowWords > reader.words.length) reader.words = grown(reader.words, used + shape.rowWords);
      reader.lines[flows] = count;
      reader.shapes[flows] = shape.id;
      reader.rows[flows] = used;
      reader.hashes[flows] = writeRow(shape, book.scratch, reader.words, used);
      used += shape.rowWords;
      flows++;
    }
    starts[count++] = at;
    end = lineEnd(window, end, size);
    at = end < size ? end + (window[end] === 13 && breaksTwice(text, from + end) ? 2 : 1) : end;
  }
  return segmentOf(reader, text, from, at, count, flows, used, odd);
}

/** Where the line that holds `at` ends: at its break, or at `size`. */
function lineEnd(window: Uint16Array, at: number, size: number): number {
  let end = at;
  while (end < size && window[end] !== 10 && window[end] !== 13) end++;
  return end;
}

/** A segment of what was read into the buffers: `count` lines, of which `flows` are flows of known shapes, in `used` words, and `odd` may be others. */
function segmentOf(
  { starts, lines, shapes, rows, hashes, words, candidates }: SegmentReader,
  text: string,
  from: number,
  length: number,
  count: number,
  flows: number,
  used: number,
  odd: number,
): RawSegment {
  return {
    text: text.slice(from, from + length),
    length,
    starts: starts.slice(0, count),
    lines: lines.slice(0, flows),
    shapes: shapes.slice(0, flows),
    rows: rows.slice(0, flows),
    hashes: hashes.slice(0, flows),
    words: words.slice(0, used),
    candidates: candidates.slice(0, odd),
  };
}

/** What no flow lacks; the ordinary reader judges the rest. */
function looksLikeFlow(line: string): boolean {
  return line.includes('actions=');
}

function breaksTwice(text: string, at: number): boolean {
  return text.charCodeAt(at + 1) === 10;
}

function lineBreak(text: string, from: number): number {
  const feed = text.indexOf('\n', from);
  const carriage = text.indexOf('\r', from);
  if (feed < 0 && carriage < 0) return text.length;
  return feed < 0 ? carriage : carriage < 0 ? feed : Math.min(feed, carriage);
}

function afterBreak(text: string, at: number): number {
  if (at >= text.length) return text.length;
  return at + (text.charCodeAt(at) === 13 && breaksTwice(text, at) ? 2 : 1);
}

/** A line's text without blanks at its end, as a string of its own: a slice would keep the whole document alive in what is learned. */
function trimmed(units: Uint16Array, from: number, to: number): string {
  let end = to;
  while (end > from && (units[end - 1] === 32 || units[end - 1] === 9 || units[end - 1] === 0xa0)) end--;
  return stringOf(units, from, end);
}

function grown(words: Uint32Array, needed: number): Uint32Array<ArrayBuffer> {
  const bigger = new Uint32Array(Math.max(needed, words.length * 2));
  bigger.set(words);
  return bigger;
}

/** Writes the values of the line that was matched last; gives the flow's hash. */
function writeRow(shape: Template, scratch: Scratch, words: Uint32Array, at: number): number {
  const { slots } = shape;
  const { starts, ends } = scratch;
  let lengths = 0;
  let lengthWord = at + shape.lengthsAt;
  const count = slotsOf(shape);
  for (let n = 0, own = 0; n < count; n++, own += SLOT) {
    const word = slots[own + 1] ?? -1;
    const base = n * 4;
    if (word >= 0) {
      const into = at + word;
      const size = ((slots[own] ?? 0) >> 4) & 15;
      if (n === shape.packets) {
        const number = scratch.numbers[n] ?? 0;
        words[into] = Math.floor(number / 0x100000000);
        words[into + 1] = number >>> 0;
      } else {
        words[into] = scratch.words[base] ?? 0;
        for (let k = 1; k < size; k++) words[into + k] = scratch.words[base + k] ?? 0;
      }
    }
    lengths |= codeOfLength((slots[own] ?? 0) & 15, (ends[n] ?? 0) - (starts[n] ?? 0)) << ((n & 3) * 8);
    if ((n & 3) === 3 || n === count - 1) {
      words[lengthWord++] = lengths >>> 0;
      lengths = 0;
    }
  }
  return hashOfRow(shape, words, at);
}

function hashOfRow(shape: Template, words: Uint32Array, at: number): number {
  const { table, priority, terms } = shape;
  let hash = hashOfPlace(
    table.slot < 0 ? table.value : (words[at + wordOfSlot(shape, table.slot)] ?? 0),
    priority.slot < 0 ? priority.value : (words[at + wordOfSlot(shape, priority.slot)] ?? 0),
  );
  for (let n = 0; n < terms.length; n++) {
    const term = terms[n];
    if (!term || term.hash === 0) continue;
    const from = at + wordOfSlot(shape, term.slot);
    const count = wordsOfSlot(shape, term.slot);
    let own = term.hash;
    if (count === 1) {
      const base = Number(term.base);
      const value = (((words[from] ?? 0) << term.shift) | base) >>> 0;
      if (value !== 0) own = mix(own, value);
    } else {
      let high = 0;
      while (high < count && words[from + high] === 0) high++;
      for (let k = count - 1; k >= high; k--) own = mix(own, words[from + k] ?? 0);
    }
    hash = (hash + own) | 0;
  }
  return (hash + shape.constHash) | 0;
}
