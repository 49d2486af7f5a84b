import { copyUnits, stringOf } from '../../base/code-units';
import {
  AT,
  COUNT,
  DONE,
  FLOW_HASHES_AT,
  FLOW_LINES_AT,
  FLOW_ROWS_AT,
  FLOW_SHAPES_AT,
  FLOWS,
  LINE_END,
  LINE_STARTS_AT,
  LONGEST_LINE,
  ROWS_AT,
  SEGMENT_LINES,
  SEGMENT_UNITS,
  SIZE,
  UNKNOWN,
  UNTRUSTED,
  USED,
  WAITING,
  WHOLE,
  WINDOW_AT,
} from '../../../flow-reader/layout';
import { numberAt, setNumber, type Engine } from './engine';
import type { OddFlows } from './odd-flows';
import { checkLine, learnLine, LOOKS_TO_READ, matchedShape, standsAlone, type ShapeBook } from './shapes';
import { ROOM } from './tokens';

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

/** Reading a line by the grammar takes long: after so many of them a segment ends early. */
const MOST_LOOKS = 12 * LOOKS_TO_READ;

/** What is needed over and over while segments are read. Data only, as `ShapeBook` is. */
export interface SegmentReader {
  readonly book: ShapeBook;
  /** Whether a line would be taken as a flow without an end, or a whole one, because of what the next one is that is not empty. */
  readonly isCutFlow: (text: string, next: string) => boolean;
  readonly candidates: Uint16Array;
}

export function createSegmentReader(book: ShapeBook, isCutFlow: SegmentReader['isCutFlow'] = () => false): SegmentReader {
  return { book, isCutFlow, candidates: new Uint16Array(SEGMENT_LINES) };
}

/** Where the window is in the engine's memory, in characters. */
const WINDOW = WINDOW_AT >> 1;

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
  const { book, candidates } = reader;
  const { engine } = book;
  const { calls } = engine;
  const size = openWindow(engine, text, from, limit);
  let odd = 0;
  /** A line that may be a flow that was cut: the next one tells. */
  let waiting = -1;
  let waitingText = '';
  const before = book.looks;
  while (book.looks - before < MOST_LOOKS) {
    const reason = calls.readLines();
    if (reason === DONE) break;
    const at = numberAt(engine, AT);
    const count = numberAt(engine, COUNT);
    let shape = reason === UNKNOWN ? undefined : matchedShape(book);
    let end = numberAt(engine, LINE_END) - WINDOW;
    if (shape && reason === UNTRUSTED && !checkLine(book, shape, WINDOW + at, WINDOW + end)) shape = undefined;
    if (!shape) {
      end = lineEnd(engine.u16, at, size);
      if (end === size && numberAt(engine, WHOLE) === 0) {
        // A line that is longer than the window.
        calls.endLine(at, end);
        return segmentOf(reader, text, from, afterBreak(text, lineBreak(text, from + end)) - from, odd);
      }
      const line = end - at < 40 || end - at > LONGEST_LINE ? '' : trimmed(engine.u16, at, end);
      if (waiting >= 0 && (line !== '' || end - at > LONGEST_LINE || trimmed(engine.u16, at, end) !== '')) {
        if (reader.isCutFlow(waitingText, line)) candidates[odd++] = waiting;
        waiting = -1;
      }
      if (line !== '') {
        const alone = looksLikeFlow(line) && standsAlone(book, line);
        shape = alone && !known?.has(line) ? learnLine(book, line) : undefined;
        if (alone && !shape) candidates[odd++] = count;
        else if (!alone) {
          waiting = count;
          waitingText = line;
        }
      }
    } else if (waiting >= 0) {
      if (reader.isCutFlow(waitingText, trimmed(engine.u16, at, end))) candidates[odd++] = waiting;
      waiting = -1;
    }
    if (shape) calls.takeLine();
    calls.endLine(at, end);
    setNumber(engine, WAITING, waiting < 0 ? 0 : 1);
  }
  return segmentOf(reader, text, from, numberAt(engine, AT), odd);
}

/** Puts what a segment may have of the text before the engine; gives how many characters that is. */
function openWindow(engine: Engine, text: string, from: number, limit: number): number {
  const { u16 } = engine;
  // A quarter of it for a start: most segments end by their number of lines.
  let size = copyUnits(text, from, Math.min(limit, from + SEGMENT_UNITS), u16.subarray(WINDOW, WINDOW + SEGMENT_UNITS + ROOM));
  // A break of two characters stays in one piece.
  if (from + size < limit && u16[WINDOW + size - 1] === 13 && breaksTwice(text, from + size - 1)) size--;
  // What is behind the last character stops whoever compares.
  u16[WINDOW + size] = 10;
  setNumber(engine, AT, 0);
  setNumber(engine, SIZE, size);
  setNumber(engine, WHOLE, from + size >= limit ? 1 : 0);
  for (const counter of [COUNT, FLOWS, USED, WAITING]) setNumber(engine, counter, 0);
  return size;
}

/** Where the line that holds `at` ends in the window: at its break, or at `size`. */
function lineEnd(units: Uint16Array, at: number, size: number): number {
  let end = at;
  while (end < size && units[WINDOW + end] !== 10 && units[WINDOW + end] !== 13) end++;
  return end;
}

/** A segment of the lines that the engine has read. */
function segmentOf({ book, candidates }: SegmentReader, text: string, from: number, length: number, odd: number): RawSegment {
  const { engine } = book;
  const { u16, i32, u32 } = engine;
  const count = numberAt(engine, COUNT);
  const flows = numberAt(engine, FLOWS);
  const words = numberAt(engine, USED);
  return {
    text: text.slice(from, from + length),
    length,
    starts: u32.slice(LINE_STARTS_AT >> 2, (LINE_STARTS_AT >> 2) + count),
    lines: u16.slice(FLOW_LINES_AT >> 1, (FLOW_LINES_AT >> 1) + flows),
    shapes: u16.slice(FLOW_SHAPES_AT >> 1, (FLOW_SHAPES_AT >> 1) + flows),
    rows: u32.slice(FLOW_ROWS_AT >> 2, (FLOW_ROWS_AT >> 2) + flows),
    hashes: i32.slice(FLOW_HASHES_AT >> 2, (FLOW_HASHES_AT >> 2) + flows),
    words: u32.slice(ROWS_AT >> 2, (ROWS_AT >> 2) + words),
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

/** The text between two places of the window without blanks at its end, as a string of its own: a slice would keep the whole document alive in what is learned. */
function trimmed(units: Uint16Array, from: number, to: number): string {
  let end = WINDOW + to;
  while (end > WINDOW + from && (units[end - 1] === 32 || units[end - 1] === 9 || units[end - 1] === 0xa0)) end--;
  return stringOf(units, WINDOW + from, end);
}
