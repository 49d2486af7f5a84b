import { copyUnits, stringOf } from '../../base/code-units';
import {
  ENDS_AT,
  LINE_AT,
  LONGEST_LINE,
  MOST_CODE,
  MOST_SHAPES,
  MOST_VALUES,
  NUMBERS_AT,
  PROGRAMS_AT,
  SHAPE,
  STARTS_AT,
  VALUE,
  VALUES,
  WORDS_AT,
} from '../../../flow-reader/layout';
import { createEngine, numberAt, type Engine } from './engine';
import { addPrograms, programOf } from './program';
import { readFlow, type ReadFlow } from './read';
import { createRules, isEdgeTrusted, trust, type Rules } from './rules';
import { agrees, kindOfSlot, outsideOfSlot, placeOfSlot, templateOf, wordsOfSlot, type Template } from './template';
import { createTrie, insert, type Trie } from './trie';
import { codeOfLength, Kind, ROOM, tokensOf, wordsOf, wordsOfKind, type Token } from './tokens';

/**
 * The shapes of flows that this process has met. Lines of known shapes are matched by a trie of literals and values, a few hundred
 * nodes that each character of a line is held against once; a line of a new shape is read by the grammar, and its template learned
 * from what that made of it. See `docs/speed.md`. Data only: code that belongs to no book is compiled to fast code once for all of them.
 */
export interface ShapeBook {
  /** By their ids, from 1 on; those that `saved` tells are put here when they are first asked for: see `shapeOf`. */
  readonly shapes: (Template | undefined)[];
  /** The shapes that were known before any line was read. */
  readonly saved: (id: number) => Template | undefined;
  /** Reads lines of known shapes; the trie, the rules, and the values of the line that was matched last are in its memory. */
  readonly engine: Engine;
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
  readonly symbols: Uint16Array;
}

/** To read a line by the grammar takes as long as to look at so many of them whether they have a shape that can be learned. */
export const LOOKS_TO_READ = 10;
/** Shapes are learned at first sight up to this many, after that only when one comes a second time. */
const EAGER = 1000;
const MOST_CANDIDATES = 20_000;
const MOST_NAMES = 200_000;
/** Only lines of printable ASCII characters (and tabs) have shapes; blanks at their ends are off already. */
const PLAIN = /^[\t\x20-\x7e]*[\x21-\x7e]$/;
/** A type of service ends in two zero bits: what it may be set to has gaps that classes of values do not show. */
const UNEVEN = /->(?:nw_tos|NXM_OF_IP_TOS)/;

/**
 * `mayBeFlow` says whether a line alone would be taken as a flow of a dump that has started, whatever its values are; `saved` tells the
 * shapes with ids up to `known`, which the caller makes the engine know.
 */
export function createShapeBook(
  mayBeFlow: (text: string) => boolean,
  known = 0,
  saved: ShapeBook['saved'] = () => undefined,
): ShapeBook {
  const engine = createEngine({
    internName: (from, to) => internName(book, from >> 1, to >> 1),
    isEdgeTrusted: (place, value) => isEdgeTrusted(book.rules, place, value >>> 0),
  });
  const book: ShapeBook = {
    shapes: Array<undefined>(known + 1).fill(undefined),
    saved,
    engine,
    looks: 0,
    mayBeFlow,
    trie: createTrie(engine),
    rules: createRules(engine),
    refused: new Set(),
    candidates: new Set(),
    names: [],
    nameIds: new Map(),
    symbols: new Uint16Array(LONGEST_LINE + 1),
  };
  return book;
}

/** A name in quotes by its number. */
export function nameOf({ names }: ShapeBook, id: number): string {
  return names[id] ?? '';
}

/** The number of a name; undefined where no flow had it. */
export function idOf({ nameIds }: ShapeBook, name: string): number | undefined {
  return nameIds.get(name);
}

/** The number of the name between two places of the engine's memory; -1 where there is no room for more names. */
function internName({ engine, names, nameIds }: ShapeBook, from: number, to: number): number {
  const name = stringOf(engine.u16, from, to);
  let id = nameIds.get(name);
  if (id === undefined) {
    if (names.length >= MOST_NAMES) return -1;
    id = names.length;
    names.push(name);
    nameIds.set(name, id);
  }
  return id;
}

/** The shape with that number; of those that were saved, it is made when it is first asked for. */
export function shapeOf(book: ShapeBook, id: number): Template | undefined {
  return book.shapes[id] ?? (book.shapes[id] = book.saved(id));
}

/** Makes all shapes that were known before any line was read, a few at a time. */
export function* makeSavedShapes(book: ShapeBook): Generator<void, void> {
  for (let id = 1; id < book.shapes.length; id++) {
    shapeOf(book, id);
    if (id % 16 === 0) yield;
  }
}

/** The shape of the line that the engine matched last. */
export function matchedShape(book: ShapeBook): Template | undefined {
  return shapeOf(book, numberAt(book.engine, SHAPE));
}

/**
 * Reads the line that was matched last, which stands between two places of the engine's memory, both ways; trusts its values where
 * they agree.
 */
export function checkLine(book: ShapeBook, shape: Template, from: number, to: number): boolean {
  const { engine } = book;
  const text = stringOf(engine.u16, from, to);
  book.looks += LOOKS_TO_READ;
  if (engine.calls.isInside(numberAt(engine, PROGRAMS_AT + shape.id * 4)) === 0) return false;
  const tokens = matchedValues(book, shape, from);
  for (const [n, { kind, start, end, number, words }] of tokens.entries()) {
    if (codeOfLength(kind, end - start) > MOST_CODE) return false;
    if (kind === Kind.decimal && wordsOfSlot(shape, n) === 1 && number > 0xffffffff) return false;
    if (((words[0] ?? 0) & outsideOfSlot(shape, n)) !== 0) return false;
  }
  const read = readFlow({ text, parts: [{ at: 0, offset: 0 }] });
  return 'flow' in read && accept(book, shape, text, tokens, read);
}

/** Trusts the values of the line that was matched last where the template says the same of it as the ordinary reader. */
function accept({ rules }: ShapeBook, shape: Template, text: string, tokens: readonly Token[], read: ReadFlow): boolean {
  if (!agrees(shape, text, tokens, read)) return false;
  for (const [n, { kind, number }] of tokens.entries()) {
    const rule = placeOfSlot(shape, n);
    if (rule >= 0) trust(rules, rule, kind, number, WORDS_AT + n * 16);
  }
  return true;
}

/** The values of the line that was matched last, which starts at `from` in the engine's memory. */
function matchedValues({ engine }: ShapeBook, shape: Template, from: number): Token[] {
  const { i32, u32, f64 } = engine;
  return Array.from({ length: numberAt(engine, VALUES) }, (_, n) => {
    const kind = kindOfSlot(shape, n);
    return {
      kind,
      start: (i32[(STARTS_AT >> 2) + n] ?? 0) - from,
      end: (i32[(ENDS_AT >> 2) + n] ?? 0) - from,
      number: kind === Kind.decimal ? (f64[(NUMBERS_AT >> 3) + n] ?? 0) : 0,
      words: wordsOf(u32, (WORDS_AT >> 2) + n * 4, wordsOfKind[kind] ?? 0),
    };
  });
}

/** Whether a line alone is a flow of a dump that has started, as far as its shape tells. */
export function standsAlone(book: ShapeBook, text: string): boolean {
  book.looks++;
  return text.length <= LONGEST_LINE && PLAIN.test(text) && book.mayBeFlow(text);
}

/**
 * The same for one line that the engine does not know and that stands alone, of which it learns the shape where it can; the line is the one
 * that was matched last then.
 */
export function learnLine(book: ShapeBook, text: string): Template | undefined {
  const { engine, shapes, refused, candidates, symbols } = book;
  if (shapes.length >= MOST_SHAPES || UNEVEN.test(text)) return undefined;
  putLine(engine, text);
  const tokens = tokensOf(engine, text.length);
  if (tokens.length > MOST_VALUES || tokens.some(({ kind, start, end }) => codeOfLength(kind, end - start) > MOST_CODE))
    return undefined;
  const length = withValues(engine, text.length, tokens, symbols);
  const hash = hashOfSymbols(symbols, length);
  if (refused.has(hash)) return undefined;
  if (shapes.length > EAGER && !candidates.has(hash)) {
    if (candidates.size >= MOST_CANDIDATES) candidates.clear();
    candidates.add(hash);
    return undefined;
  }
  // A shape that is known, of whose values one was refused, is not learned again.
  if (followLine(book, text)) return undefined;
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
  addPrograms(engine, template.id, programOf(template));
  return followLine(book, text) === template && accept(book, template, text, tokens, read) ? template : undefined;
}

/** The shape of the engine's line. */
function followLine(book: ShapeBook, { length }: string): Template | undefined {
  return shapeOf(book, book.engine.calls.follow(LINE_AT, LINE_AT + length * 2));
}

/** Puts a text where the engine has room for one line, a line break behind it. */
function putLine({ u16 }: Engine, text: string): void {
  const from = LINE_AT >> 1;
  copyUnits(text, 0, text.length, u16.subarray(from, from + LONGEST_LINE + ROOM));
  u16[from + text.length] = 10;
}

/** The line's text with a symbol in the place of each value; gives how many symbols there are. */
function withValues({ u16 }: Engine, end: number, tokens: readonly Token[], into: Uint16Array): number {
  const first = LINE_AT >> 1;
  let used = 0;
  let at = 0;
  for (const token of tokens) {
    into.set(u16.subarray(first + at, first + token.start), used);
    used += token.start - at;
    into[used++] = VALUE + token.kind;
    at = token.end;
  }
  into.set(u16.subarray(first + at, first + end), used);
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
