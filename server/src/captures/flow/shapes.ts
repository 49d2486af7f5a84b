import { copyUnits, stringOf } from '../../base/code-units';
import { readFlow, type ReadFlow } from './read';
import { createRules, isTrusted, trust, type Rules } from './rules';
import { agrees, kindOfSlot, outsideOfSlot, placeOfSlot, SLOT, templateOf, wordsOfSlot, type Template } from './template';
import { createTrie, END, FROM, insert, KINDS_NEXT, nextNode, TO, VALUE, type Trie } from './trie';
import {
  codeOfLength,
  Kind,
  MOST_CODE,
  newValue,
  readKind,
  readValue,
  tokensOf,
  wordsOf,
  wordsOfKind,
  type Token,
  type Units,
  type Value,
} from './tokens';

/** The values of the line that was matched last; as many as a line may have. */
export const MOST_VALUES = 96;

export interface Scratch {
  count: number;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly numbers: Float64Array;
  readonly words: Uint32Array;
}

/**
 * The shapes of flows that this process has met. Lines of known shapes are matched by a trie of literals and values, a few hundred
 * nodes that each character of a line is held against once; a line of a new shape is read by the grammar, and its template learned
 * from what that made of it. See `docs/speed.md`. Data only: code that belongs to no book is compiled to fast code once for all of them.
 */
export interface ShapeBook {
  /** By their ids, from 1 on; those that `saved` tells are put here when a line first has them. */
  readonly shapes: (Template | undefined)[];
  /** The shapes that were known before any line was read. */
  readonly saved: (id: number) => Template | undefined;
  readonly scratch: Scratch;
  /** The end of the line that was matched last, without the blanks after it. */
  lineEnd: number;
  /** How long reading the lines took that were looked at for themselves so far, in looks: see `LOOKS_TO_READ`. */
  looks: number;
  /** Whether a line alone would be taken as a flow of a dump that has started, whatever its values are. */
  readonly mayBeFlow: (text: string) => boolean;
  readonly trie: Trie;
  readonly rules: Rules;
  /** Hashes (see `hashOfSymbols`) of shapes that were looked at and can't be learned, or were met once only. */
  readonly refused: Set<number>;
  readonly candidates: Set<number>;
  readonly names: string[];
  readonly nameIds: Map<string, number>;
  /** Numbers of names that came lately, by a hash of their letters; -1 where there is none: most names come again, and need no text then. */
  readonly lately: Int32Array;
  readonly value: Value;
  readonly symbols: Uint16Array;
}

/** To read a line by the grammar takes as long as to look at so many of them whether they have a shape that can be learned. */
export const LOOKS_TO_READ = 10;
/** Shapes are learned at first sight up to this many, after that only when one comes a second time. */
const EAGER = 1000;
const MOST_SHAPES = 6000;
const MOST_CANDIDATES = 20_000;
const MOST_NAMES = 200_000;
/** A power of two. */
const LATELY = 1 << 11;
/** Only lines of printable ASCII characters (and tabs) have shapes; blanks at their ends are off already. */
const PLAIN = /^[\t\x20-\x7e]*[\x21-\x7e]$/;
/** A type of service ends in two zero bits: what it may be set to has gaps that classes of values do not show. */
const UNEVEN = /->(?:nw_tos|NXM_OF_IP_TOS)/;
/** So many units more than a text has what holds it: a line break, and what is compared with it in one go. */
export const ROOM = 4;
/** Lines longer than this are read for themselves. */
export const LONGEST_LINE = 4000;

/**
 * `mayBeFlow` says whether a line alone would be taken as a flow of a dump that has started, whatever its values are; `saved` tells the
 * shapes with ids up to `known`, which the caller puts into the book's trie.
 */
export function createShapeBook(
  mayBeFlow: (text: string) => boolean,
  known = 0,
  saved: ShapeBook['saved'] = () => undefined,
): ShapeBook {
  return {
    shapes: Array<undefined>(known + 1).fill(undefined),
    saved,
    scratch: {
      count: 0,
      starts: new Int32Array(MOST_VALUES),
      ends: new Int32Array(MOST_VALUES),
      numbers: new Float64Array(MOST_VALUES),
      words: new Uint32Array(MOST_VALUES * 4),
    },
    lineEnd: 0,
    looks: 0,
    mayBeFlow,
    trie: createTrie(),
    rules: createRules(),
    refused: new Set(),
    candidates: new Set(),
    names: [],
    nameIds: new Map(),
    lately: new Int32Array(LATELY).fill(-1),
    value: newValue(),
    symbols: new Uint16Array(LONGEST_LINE + 1),
  };
}

/** A name in quotes by its number. */
export function nameOf({ names }: ShapeBook, id: number): string {
  return names[id] ?? '';
}

/** The number of a name; undefined where no flow had it. */
export function idOf({ nameIds }: ShapeBook, name: string): number | undefined {
  return nameIds.get(name);
}

/** The number of the name that stands there; -1 where there is no room for more names. */
function internName({ names, nameIds, lately }: ShapeBook, { units }: Units, from: number, to: number): number {
  let hash = to - from;
  for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + (units[i] ?? 0)) | 0;
  const place = (hash ^ (hash >>> 15)) & (LATELY - 1);
  const known = lately[place] ?? -1;
  if (known >= 0 && isWritten(names[known] ?? '', units, from, to)) return known;
  const name = stringOf(units, from, to);
  let id = nameIds.get(name);
  if (id === undefined) {
    if (names.length >= MOST_NAMES) return -1;
    id = names.length;
    names.push(name);
    nameIds.set(name, id);
  }
  lately[place] = id;
  return id;
}

function isWritten(name: string, units: Uint16Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let i = from; i < to; i++) if (name.charCodeAt(i - from) !== units[i]) return false;
  return true;
}

/** Takes the value that was read last as the line's next one; false where it is one too many. */
function keep(book: ShapeBook, source: Units, count: number, at: number, kind: number): boolean {
  if (count >= MOST_VALUES) return false;
  const { value, scratch } = book;
  const base = count * 4;
  const { words } = scratch;
  scratch.starts[count] = at;
  scratch.ends[count] = value.end;
  switch (kind) {
    case Kind.name: {
      const id = internName(book, source, at + 1, value.end - 1);
      if (id < 0) return false;
      words[base] = id;
      return true;
    }
    case Kind.bytes: {
      const id = internName(book, source, at, value.end);
      if (id < 0) return false;
      words[base] = id;
      return true;
    }
    case Kind.decimal:
      scratch.numbers[count] = value.number;
      words[base] = value.words[0] ?? 0;
      return true;
    case Kind.hex128:
    case Kind.ipv6:
      words[base + 2] = value.words[2] ?? 0;
      words[base + 3] = value.words[3] ?? 0;
      break;
    default:
      break;
  }
  words[base] = value.words[0] ?? 0;
  words[base + 1] = value.words[1] ?? 0;
  return true;
}

/** Follows the trie along a line; undefined where the line leaves it. What is behind the last unit must be a line break and room (`ROOM`). */
function follow(book: ShapeBook, source: Units, from: number): Template | undefined {
  const { value } = book;
  const { units } = source;
  const { symbols, nodes, edges } = book.trie;
  let node = 0;
  let at = from;
  let count = 0;
  for (;;) {
    const to = nodes[node + TO] ?? 0;
    for (let k = nodes[node + FROM] ?? 0; k < to; k++) {
      // Most symbols are literals that stand side by side, and four of them are compared in the time of two.
      while (k + 4 <= to) {
        const a = symbols[k] ?? 0;
        const b = symbols[k + 1] ?? 0;
        const c = symbols[k + 2] ?? 0;
        const d = symbols[k + 3] ?? 0;
        const differ =
          ((units[at] ?? 0) ^ a) | ((units[at + 1] ?? 0) ^ b) | ((units[at + 2] ?? 0) ^ c) | ((units[at + 3] ?? 0) ^ d);
        if ((differ | ((a | b | c | d) & VALUE)) !== 0) break;
        k += 4;
        at += 4;
      }
      if (k === to) break;
      const symbol = symbols[k] ?? 0;
      if (symbol < VALUE) {
        if (units[at] !== symbol) return undefined;
        at++;
      } else {
        if (!readKind(source, at, symbol - VALUE, value) || !keep(book, source, count, at, symbol - VALUE)) return undefined;
        count++;
        at = value.end;
      }
    }
    const kinds = nodes[node + KINDS_NEXT] ?? 0;
    if (kinds !== 0) {
      const kind = readValue(source, at, kinds, value);
      if (kind !== Kind.none) {
        const next = nextNode(nodes, edges, node, VALUE + kind);
        if (next === 0 || !keep(book, source, count, at, kind)) return undefined;
        count++;
        at = value.end;
        node = next;
        continue;
      }
    }
    const unit = units[at] ?? 0;
    const next = unit < VALUE ? nextNode(nodes, edges, node, unit) : 0;
    if (next !== 0) {
      at++;
      node = next;
      continue;
    }
    const id = nodes[node + END] ?? 0;
    const shape = id === 0 ? undefined : (book.shapes[id] ?? savedShape(book, id));
    if (!shape) return undefined;
    book.lineEnd = at;
    // Trailing blanks are no part of a line.
    for (let rest = at; rest < source.end; rest++) {
      const c = units[rest] ?? 0;
      if (c === 10 || c === 13) break;
      if (c !== 32 && c !== 9 && c !== 0xa0) return undefined;
    }
    book.scratch.count = count;
    return shape;
  }
}

function savedShape(book: ShapeBook, id: number): Template | undefined {
  return (book.shapes[id] = book.saved(id));
}

/** Makes all shapes that were known before any line was read, a few at a time. */
export function* makeSavedShapes(book: ShapeBook): Generator<void, void> {
  for (let id = 1; id < book.shapes.length; id++) {
    book.shapes[id] ??= book.saved(id);
    if (id % 16 === 0) yield;
  }
}

/** Whether every value of the matched line is of a class that the ordinary reader agreed on. */
function allTrusted({ rules, scratch }: ShapeBook, shape: Template): boolean {
  const { slots } = shape;
  const { starts, ends, numbers, words } = scratch;
  for (let n = 0, at = 0; at < slots.length; n++, at += SLOT) {
    const kind = ((slots[at] ?? 0) & 15) as Kind;
    const rule = slots[at + 2] ?? -1;
    if (rule < 0) continue;
    if ((ends[n] ?? 0) - (starts[n] ?? 0) > MOST_CODE) return false;
    const number = kind === Kind.decimal ? (numbers[n] ?? 0) : 0;
    if (number > 0xffffffff && wordsOfSlot(shape, n) === 1) return false;
    if (((words[n * 4] ?? 0) & (slots[at + 3] ?? 0)) !== 0) return false;
    if (!isTrusted(rules, rule, kind, number, words, n * 4)) return false;
  }
  if (shape.next !== undefined && !goesOn(scratch, shape.table, shape.next)) return false;
  return shape.outside === undefined || isInside(scratch, shape.outside);
}

/** Whether a flow goes on to a later table than its own: else a switch refuses it, and the ordinary reader knows whether that is said. */
function goesOn({ numbers }: Scratch, own: Template['table'], next: NonNullable<Template['next']>): boolean {
  const from = own.slot < 0 ? own.value : (numbers[own.slot] ?? 0);
  const to = next.slot < 0 ? next.value : (numbers[next.slot] ?? 0);
  return typeof from === 'string' || to > from;
}

function isInside({ words }: Scratch, outside: ReadonlyMap<number, readonly number[]>): boolean {
  for (const [n, lacking] of outside)
    for (let k = 0; k < lacking.length; k++) if (((words[n * 4 + k] ?? 0) & (lacking[k] ?? 0)) !== 0) return false;
  return true;
}

/** Reads the line both ways; trusts its values where they agree. */
function check(book: ShapeBook, shape: Template, source: Units, from: number): boolean {
  const { scratch } = book;
  const text = textBetween(source, from, book.lineEnd);
  book.looks += LOOKS_TO_READ;
  const tokens: Token[] = [];
  if (shape.outside && !isInside(scratch, shape.outside)) return false;
  for (let n = 0; n < scratch.count; n++) {
    const kind = kindOfSlot(shape, n);
    if (codeOfLength(kind, (scratch.ends[n] ?? 0) - (scratch.starts[n] ?? 0)) > MOST_CODE) return false;
    if (kind === Kind.decimal && wordsOfSlot(shape, n) === 1 && (scratch.numbers[n] ?? 0) > 0xffffffff) return false;
    if (((scratch.words[n * 4] ?? 0) & outsideOfSlot(shape, n)) !== 0) return false;
    tokens.push(tokenAt(scratch, kind, n, from));
  }
  const read = readFlow({ text, parts: [{ at: 0, offset: 0 }] });
  return 'flow' in read && accept(book, shape, text, tokens, read);
}

/** Trusts the values of the line that is in `scratch` where the template says the same of it as the ordinary reader. */
function accept({ rules, scratch }: ShapeBook, shape: Template, text: string, tokens: readonly Token[], read: ReadFlow): boolean {
  if (!agrees(shape, text, tokens, read)) return false;
  for (let n = 0; n < tokens.length; n++) {
    const token = tokens[n];
    const rule = placeOfSlot(shape, n);
    if (token && rule >= 0) trust(rules, rule, token.kind, token.number, scratch.words, n * 4);
  }
  return true;
}

function tokenAt(scratch: Scratch, kind: Kind, n: number, from: number): Token {
  return {
    kind,
    start: (scratch.starts[n] ?? 0) - from,
    end: (scratch.ends[n] ?? 0) - from,
    number: kind === Kind.decimal ? (scratch.numbers[n] ?? 0) : 0,
    words: wordsOf(scratch.words, n * 4, wordsOfKind[kind] ?? 0),
  };
}

/** The shape of the line at `at`, its values in `scratch`, and where it ends in `lineEnd`; undefined for a line that must be read. */
export function matchLine(book: ShapeBook, source: Units, at: number): Template | undefined {
  const shape = follow(book, source, at);
  if (!shape || book.lineEnd - at > LONGEST_LINE) return undefined;
  if (allTrusted(book, shape)) return shape;
  return check(book, shape, source, at) ? shape : undefined;
}

/** Whether a line alone is a flow of a dump that has started, as far as its shape tells. */
export function standsAlone(book: ShapeBook, text: string): boolean {
  book.looks++;
  return text.length <= LONGEST_LINE && PLAIN.test(text) && book.mayBeFlow(text);
}

/** The same for one line that `matchLine` does not know and that stands alone, of which it learns the shape where it can. */
export function learnLine(book: ShapeBook, text: string): Template | undefined {
  const { shapes, refused, candidates, symbols } = book;
  if (shapes.length >= MOST_SHAPES || UNEVEN.test(text)) return undefined;
  const source = unitsOf(text);
  const tokens = tokensOf(source);
  if (tokens.length > MOST_VALUES || tokens.some(({ kind, start, end }) => codeOfLength(kind, end - start) > MOST_CODE))
    return undefined;
  const length = withValues(source, tokens, symbols);
  const hash = hashOfSymbols(symbols, length);
  if (refused.has(hash)) return undefined;
  if (shapes.length > EAGER && !candidates.has(hash)) {
    if (candidates.size >= MOST_CANDIDATES) candidates.clear();
    candidates.add(hash);
    return undefined;
  }
  // A shape that is known, of whose values one was refused, is not learned again.
  if (follow(book, source, 0)) return undefined;
  book.looks += LOOKS_TO_READ;
  const read = readFlow({ text, parts: [{ at: 0, offset: 0 }] });
  const template = 'flow' in read ? templateOf(shapes.length, text, tokens, read, book.rules) : undefined;
  if (!template || !('flow' in read)) {
    if (refused.size >= MOST_CANDIDATES) refused.clear();
    refused.add(hash);
    return undefined;
  }
  if (!insert(book.trie, symbols, length, shapes.length)) return undefined;
  shapes.push(template);
  return follow(book, source, 0) === template && accept(book, template, text, tokens, read) ? template : undefined;
}

function textBetween({ units }: Units, from: number, to: number): string {
  return stringOf(units, from, to);
}

/** A text as code units of its own, a line break and room behind them. */
export function unitsOf(text: string): Units {
  const units = new Uint16Array(text.length + ROOM);
  copyUnits(text, 0, text.length, units);
  units[text.length] = 10;
  return { units, end: text.length };
}

/** A line's text with a symbol in the place of each value; gives how many symbols there are. */
function withValues({ units, end }: Units, tokens: readonly Token[], into: Uint16Array): number {
  let used = 0;
  let at = 0;
  for (const token of tokens) {
    into.set(units.subarray(at, token.start), used);
    used += token.start - at;
    into[used++] = VALUE + token.kind;
    at = token.end;
  }
  into.set(units.subarray(at, end), used);
  return used + end - at;
}

/** 53 bits: two shapes rarely have the same, and then one of them is learned earlier or not at all. */
function hashOfSymbols(symbols: Uint16Array, length: number): number {
  let high = 0x811c9dc5;
  let low = 0x9e3779b9;
  for (let n = 0; n < length; n++) {
    const symbol = symbols[n] ?? 0;
    high = Math.imul(high ^ symbol, 0x01000193);
    low = Math.imul(low ^ symbol, 0x85ebca6b);
    low ^= low >>> 15;
  }
  return (high >>> 0) * 0x200000 + (low >>> 11);
}
