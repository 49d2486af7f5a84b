import { internName } from './imports';
import {
  AT,
  AWAITED,
  BYTES,
  COUNT,
  DECIMAL,
  DONE,
  EDGES_AT,
  END,
  ENDS_AT,
  FIRST_EDGE,
  FLOW_HASHES_AT,
  FLOW_LINES_AT,
  FLOW_ROWS_AT,
  FLOW_SHAPES_AT,
  FLOWS,
  FROM,
  KINDS_NEXT,
  LINE_END,
  LINE_STARTS_AT,
  LONGEST_LINE,
  LONGEST_NAME,
  MOST_VALUES,
  NAME,
  NAME_BYTES,
  NAME_PLACES,
  NAMES_AT,
  NODES_AT,
  NUMBERS_AT,
  PROGRAMS_AT,
  ROW_WORDS,
  ROWS_AT,
  SEGMENT_LINES,
  SHAPE,
  SIZE,
  STARTS_AT,
  SYMBOLS_AT,
  TO,
  UNKNOWN,
  UNTRUSTED,
  USED,
  VALUE,
  VALUES,
  WAITING,
  WHOLE,
  WINDOW_AT,
  WORDS_AT,
} from './layout';
import { writeRow } from './rows';
import { allTrusted } from './trust';
import { decimal, kindRead, readKind, readValue } from './values';

/** In each of four symbols that stand side by side, what values have and characters do not. */
const FOUR_VALUES: u64 = 0x8000800080008000;

function unit(at: usize): u32 {
  return <u32>load<u16>(at);
}

/** The number of the name between two addresses; -1 where there is no room for more names. Most names come again, and are remembered. */
function numberOfName(from: usize, to: usize): i32 {
  const length = (to - from) >> 1;
  if (length > <usize>LONGEST_NAME) return internName(from, to);
  let hash = <u32>length;
  for (let i = from; i < to; i += 2) hash = hash * 31 + unit(i);
  const place = NAMES_AT + ((hash ^ (hash >> 15)) & (NAME_PLACES - 1)) * NAME_BYTES;
  if (load<u32>(place) !== 0 && load<u32>(place, 4) === <u32>length) {
    let i = from;
    let k = place + 8;
    while (i < to && load<u16>(i) === load<u16>(k)) {
      i += 2;
      k += 2;
    }
    if (i === to) return <i32>load<u32>(place) - 1;
  }
  const number = internName(from, to);
  if (number < 0) return number;
  store<u32>(place, number + 1);
  store<u32>(place, <u32>length, 4);
  memory.copy(place + 8, from, to - from);
  return number;
}

/** Takes the value between two addresses as the line's next one, whose words are where they belong; false where there is no room for it. */
function keep(count: i32, at: usize, to: usize, kind: u32): bool {
  store<u32>(STARTS_AT + (count << 2), <u32>(at >> 1));
  store<u32>(ENDS_AT + (count << 2), <u32>(to >> 1));
  if (kind === DECIMAL) store<f64>(NUMBERS_AT + (count << 3), <f64>decimal);
  else if (kind === NAME || kind === BYTES) {
    const number = kind === NAME ? numberOfName(at + 2, to - 2) : numberOfName(at, to);
    if (number < 0) return false;
    store<u32>(WORDS_AT + (count << 4), number);
  }
  return true;
}

/** The node that a symbol leads to; 0 where none does. */
function nextNode(edges: usize, node: usize, symbol: u32): u32 {
  for (let edge = load<u32>(node, FIRST_EDGE * 4); edge !== 0;) {
    const at = edges + (edge << 2);
    if (load<u32>(at) === symbol) return load<u32>(at, 4);
    edge = load<u32>(at, 8);
  }
  return 0;
}

/**
 * Follows the trie along the line at `from`, an address; gives its shape, 0 where the line leaves the trie. What is behind the last unit
 * before `end` must be a line break and room for a few more.
 */
export function follow(from: usize, end: usize): u32 {
  const symbols = <usize>load<u32>(SYMBOLS_AT);
  const nodes = <usize>load<u32>(NODES_AT);
  const edges = <usize>load<u32>(EDGES_AT);
  let node = nodes;
  let at = from;
  let count = 0;
  for (;;) {
    let k = symbols + ((<usize>load<u32>(node, FROM * 4)) << 1);
    const to = symbols + ((<usize>load<u32>(node, TO * 4)) << 1);
    while (k < to) {
      // Most symbols are literals that stand side by side: four of them are compared at once.
      while (k + 8 <= to) {
        const four = load<u64>(k);
        if ((four & FOUR_VALUES) !== 0 || load<u64>(at) !== four) break;
        k += 8;
        at += 8;
      }
      if (k === to) break;
      const symbol = unit(k);
      if (symbol < <u32>VALUE) {
        if (unit(at) !== symbol) return 0;
        at += 2;
      } else {
        if (count >= MOST_VALUES) return 0;
        const after = readKind(at, end, symbol - VALUE, WORDS_AT + (count << 4));
        if (after === 0 || !keep(count, at, after, symbol - VALUE)) return 0;
        count++;
        at = after;
      }
      k += 2;
    }
    const kinds = load<u32>(node, KINDS_NEXT * 4);
    if (kinds !== 0) {
      // One value too many has words of its own to go to.
      const after = readValue(at, end, kinds, WORDS_AT + (count << 4));
      if (after !== 0) {
        const kind = kindRead;
        const next = nextNode(edges, node, VALUE + kind);
        if (next === 0 || count >= MOST_VALUES || !keep(count, at, after, kind)) return 0;
        count++;
        at = after;
        node = nodes + ((<usize>next) << 2);
        continue;
      }
    }
    const c = unit(at);
    const next = c < <u32>VALUE ? nextNode(edges, node, c) : 0;
    if (next !== 0) {
      at += 2;
      node = nodes + ((<usize>next) << 2);
      continue;
    }
    const shape = load<u32>(node, END * 4);
    if (shape === 0) return 0;
    store<u32>(LINE_END, <u32>(at >> 1));
    // Trailing blanks are no part of a line.
    while (at < end) {
      const rest = unit(at);
      if (rest === 10 || rest === 13) break;
      if (rest !== 32 && rest !== 9 && rest !== 0xa0) return 0;
      at += 2;
    }
    store<u32>(VALUES, count);
    store<u32>(SHAPE, shape);
    return shape;
  }
}

/** Takes the line that was matched last as the segment's next flow. */
export function takeLine(): void {
  const shape = load<u32>(SHAPE);
  const program = <usize>load<u32>(PROGRAMS_AT + (shape << 2));
  const used = load<u32>(USED);
  const flows = load<u32>(FLOWS);
  const hash = writeRow(program, ROWS_AT + (used << 2));
  store<u16>(FLOW_LINES_AT + (flows << 1), <u16>load<u32>(COUNT));
  store<u16>(FLOW_SHAPES_AT + (flows << 1), <u16>shape);
  store<u32>(FLOW_ROWS_AT + (flows << 2), used);
  store<u32>(FLOW_HASHES_AT + (flows << 2), hash);
  store<u32>(USED, used + load<u32>(program, ROW_WORDS * 4));
  store<u32>(FLOWS, flows + 1);
}

/** Goes on behind the line that starts at `start`, and of which `from` is in its text or at its end; both are places in the window. */
export function endLine(start: u32, from: u32): void {
  const size = load<u32>(SIZE);
  const count = load<u32>(COUNT);
  let at = <usize>WINDOW_AT + ((<usize>from) << 1);
  const end = <usize>WINDOW_AT + ((<usize>size) << 1);
  while (at < end && unit(at) !== 10 && unit(at) !== 13) at += 2;
  if (at < end) at += unit(at) === 13 && at + 2 < end && unit(at + 2) === 10 ? 4 : 2;
  store<u32>(LINE_STARTS_AT + (count << 2), start);
  store<u32>(COUNT, count + 1);
  store<u32>(AT, <u32>((at - WINDOW_AT) >> 1));
}

/** Reads the lines of the window, up to one that the server has to look at; says why it stopped. */
export function readLines(): u32 {
  const size = load<u32>(SIZE);
  const whole = load<u32>(WHOLE) !== 0;
  const end = <usize>WINDOW_AT + ((<usize>size) << 1);
  while (load<u32>(AT) < size && load<u32>(COUNT) < <u32>SEGMENT_LINES) {
    const start = load<u32>(AT);
    // The window may end inside of a flow: the next segment reads it.
    if (!whole && size - start < <u32>LONGEST_LINE && load<u32>(COUNT) > 0) return DONE;
    const at = <usize>WINDOW_AT + ((<usize>start) << 1);
    const c = unit(at);
    if (c === 10 || c === 13) {
      endLine(start, start);
      continue;
    }
    const shape = follow(at, end);
    const lineEnd = load<u32>(LINE_END) - <u32>(WINDOW_AT >> 1);
    if (shape === 0 || lineEnd - start > <u32>LONGEST_LINE) return UNKNOWN;
    if (!allTrusted(<usize>load<u32>(PROGRAMS_AT + (shape << 2)))) return UNTRUSTED;
    if (load<u32>(WAITING) !== 0) return AWAITED;
    takeLine();
    endLine(start, lineEnd);
  }
  return DONE;
}
