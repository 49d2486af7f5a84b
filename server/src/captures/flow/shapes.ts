import { copyUnits, stringOf } from '../../base/code-units';
import { readFlow, type ReadFlow } from './read';
import { createRules } from './rules';
import { agrees, kindOfSlot, outsideOfSlot, placeOfSlot, SLOT, templateOf, wordsOfSlot, type Template } from './template';
import { createTrie, END, FROM, insert, KINDS_NEXT, nextNode, TO, VALUE } from './trie';
import { Kind, newValue, readKind, readValue, tokensOf, wordsOf, wordsOfKind, type Token, type Units } from './tokens';

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
 * from what that made of it. See `docs/speed.md`.
 */
export interface ShapeBook {
  readonly shapes: readonly (Template | undefined)[];
  readonly scratch: Scratch;
  /** The shape of the line at `at`, its values in `scratch`, and the end of it in `lineEnd`; undefined for a line that must be read. */
  match(source: Units, at: number): Template | undefined;
  /** Where the line that was matched last ends, without the blanks after it. */
  lineEnd(): number;
  /** The same for one line that `match` does not know, of which it learns the shape where it can. */
  learn(text: string): Template | undefined;
  /** How many lines were looked at for themselves so far, by the grammar or to see whether they have a shape: the slow ones. */
  linesRead(): number;
  nameOf(id: number): string;
  idOf(name: string): number | undefined;
}

/** Shapes are learned at first sight up to this many, after that only when one comes a second time. */
const EAGER = 1000;
const MOST_SHAPES = 6000;
const MOST_CANDIDATES = 20_000;
const MOST_NAMES = 200_000;
/** Only lines of printable ASCII characters (and tabs) have shapes; blanks at their ends are off already. */
const PLAIN = /^[\t\x20-\x7e]*[\x21-\x7e]$/;
/** A type of service ends in two zero bits: what it may be set to has gaps that classes of values do not show. */
const UNEVEN = /->(?:nw_tos|NXM_OF_IP_TOS)/;
/** Lines longer than this are read for themselves. */
export const LONGEST_LINE = 4000;

/** `mayBeFlow` says whether a line alone would be taken as a flow of a dump that has started, whatever its values are. */
export function createShapeBook(mayBeFlow: (text: string) => boolean): ShapeBook {
  const trie = createTrie();
  const symbols = new Uint16Array(LONGEST_LINE + 1);
  const shapes: (Template | undefined)[] = [undefined];
  const rules = createRules();
  const refused = new Set<string>();
  const candidates = new Set<string>();
  const names: string[] = [];
  const nameIds = new Map<string, number>();
  const value = newValue();
  const scratch: Scratch = {
    count: 0,
    starts: new Int32Array(MOST_VALUES),
    ends: new Int32Array(MOST_VALUES),
    numbers: new Float64Array(MOST_VALUES),
    words: new Uint32Array(MOST_VALUES * 4),
  };
  let end = 0;
  let linesRead = 0;

  const internName = (source: Units, from: number, to: number): number => {
    const name = stringOf(source.units, from, to);
    let id = nameIds.get(name);
    if (id === undefined) {
      if (names.length >= MOST_NAMES) return -1;
      id = names.length;
      names.push(name);
      nameIds.set(name, id);
    }
    return id;
  };

  /** Takes the value that was read last as the line's next one; false where it is one too many. */
  function keep(source: Units, count: number, at: number, kind: number): boolean {
    if (count >= MOST_VALUES) return false;
    const base = count * 4;
    const { words } = scratch;
    scratch.starts[count] = at;
    scratch.ends[count] = value.end;
    switch (kind) {
      case Kind.name: {
        const id = internName(source, at + 1, value.end - 1);
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

  /** Follows the trie along a line; undefined where the line leaves it. What is behind the last unit must be a line break. */
  function follow(source: Units, from: number): Template | undefined {
    const { units } = source;
    const { symbols, nodes, edges } = trie;
    let node = 0;
    let at = from;
    let count = 0;
    for (;;) {
      const to = nodes[node + TO] ?? 0;
      for (let k = nodes[node + FROM] ?? 0; k < to; k++) {
        const symbol = symbols[k] ?? 0;
        if (symbol < VALUE) {
          if (units[at] !== symbol) return undefined;
          at++;
        } else {
          if (!readKind(source, at, symbol - VALUE, value) || !keep(source, count, at, symbol - VALUE)) return undefined;
          count++;
          at = value.end;
        }
      }
      const kinds = nodes[node + KINDS_NEXT] ?? 0;
      if (kinds !== 0) {
        const kind = readValue(source, at, kinds, value);
        if (kind !== Kind.none) {
          const next = nextNode(nodes, edges, node, VALUE + kind);
          if (next === 0 || !keep(source, count, at, kind)) return undefined;
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
      const shape = shapes[nodes[node + END] ?? 0];
      if (!shape) return undefined;
      end = at;
      // Trailing blanks are no part of a line.
      for (let rest = at; rest < source.end; rest++) {
        const c = units[rest] ?? 0;
        if (c === 10 || c === 13) break;
        if (c !== 32 && c !== 9 && c !== 0xa0) return undefined;
      }
      scratch.count = count;
      return shape;
    }
  }

  /** Whether every value of the matched line is of a class that the ordinary reader agreed on. */
  function allTrusted(shape: Template): boolean {
    const { slots } = shape;
    const { starts, ends, numbers, words } = scratch;
    for (let n = 0, at = 0; at < slots.length; n++, at += SLOT) {
      const kind = ((slots[at] ?? 0) & 15) as Kind;
      const rule = slots[at + 2] ?? -1;
      if (rule < 0) continue;
      if ((ends[n] ?? 0) - (starts[n] ?? 0) > 255) return false;
      const number = kind === Kind.decimal ? (numbers[n] ?? 0) : 0;
      if (number > 0xffffffff && wordsOfSlot(shape, n) === 1) return false;
      if (((words[n * 4] ?? 0) & (slots[at + 3] ?? 0)) !== 0) return false;
      if (!rules.isTrusted(rule, kind, number, words, n * 4)) return false;
    }
    return shape.outside === undefined || isInside(shape.outside);
  }

  function isInside(outside: ReadonlyMap<number, readonly number[]>): boolean {
    for (const [n, lacking] of outside)
      for (let k = 0; k < lacking.length; k++) if (((scratch.words[n * 4 + k] ?? 0) & (lacking[k] ?? 0)) !== 0) return false;
    return true;
  }

  /** Reads the line both ways; trusts its values where they agree. */
  function check(shape: Template, source: Units, from: number): boolean {
    const text = textBetween(source, from, end);
    linesRead++;
    const tokens: Token[] = [];
    if (shape.outside && !isInside(shape.outside)) return false;
    for (let n = 0; n < scratch.count; n++) {
      const kind = kindOfSlot(shape, n);
      if ((scratch.ends[n] ?? 0) - (scratch.starts[n] ?? 0) > 255) return false;
      if (kind === Kind.decimal && wordsOfSlot(shape, n) === 1 && (scratch.numbers[n] ?? 0) > 0xffffffff) return false;
      if (((scratch.words[n * 4] ?? 0) & outsideOfSlot(shape, n)) !== 0) return false;
      tokens.push(tokenAt(kind, n, from));
    }
    const read = readFlow({ text, parts: [{ at: 0, offset: 0 }] });
    return 'flow' in read && accept(shape, text, tokens, read);
  }

  /** Trusts the values of the line that is in `scratch` where the template says the same of it as the ordinary reader. */
  function accept(shape: Template, text: string, tokens: readonly Token[], read: ReadFlow): boolean {
    if (!agrees(shape, text, tokens, read)) return false;
    for (let n = 0; n < tokens.length; n++) {
      const token = tokens[n];
      const rule = placeOfSlot(shape, n);
      if (token && rule >= 0) rules.trust(rule, token.kind, token.number, scratch.words, n * 4);
    }
    return true;
  }

  function tokenAt(kind: Kind, n: number, from: number): Token {
    return {
      kind,
      start: (scratch.starts[n] ?? 0) - from,
      end: (scratch.ends[n] ?? 0) - from,
      number: kind === Kind.decimal ? (scratch.numbers[n] ?? 0) : 0,
      words: wordsOf(scratch.words, n * 4, wordsOfKind[kind] ?? 0),
    };
  }

  function match(source: Units, at: number): Template | undefined {
    const shape = follow(source, at);
    if (!shape || end - at > LONGEST_LINE) return undefined;
    if (allTrusted(shape)) return shape;
    return check(shape, source, at) ? shape : undefined;
  }

  function learn(text: string): Template | undefined {
    linesRead++;
    if (text.length > LONGEST_LINE || shapes.length >= MOST_SHAPES || !PLAIN.test(text)) return undefined;
    if (UNEVEN.test(text) || !mayBeFlow(text)) return undefined;
    const source = unitsOf(text);
    const tokens = tokensOf(source);
    if (tokens.length > MOST_VALUES || tokens.some(({ start, end: to }) => to - start > 255)) return undefined;
    if (refused.size > 0 && refused.has(skeletonOf(text, tokens))) return undefined;
    if (shapes.length > EAGER) {
      const skeleton = skeletonOf(text, tokens);
      if (!candidates.has(skeleton)) {
        if (candidates.size >= MOST_CANDIDATES) candidates.clear();
        candidates.add(skeleton);
        return undefined;
      }
    }
    // A shape that is known, of whose values one was refused, is not learned again.
    if (follow(source, 0)) return undefined;
    const read = readFlow({ text, parts: [{ at: 0, offset: 0 }] });
    const template = 'flow' in read ? templateOf(shapes.length, text, tokens, read, rules) : undefined;
    if (!template || !('flow' in read)) {
      if (refused.size >= MOST_CANDIDATES) refused.clear();
      refused.add(skeletonOf(text, tokens));
      return undefined;
    }
    if (!insert(trie, symbols, withValues(source, tokens, symbols), shapes.length)) return undefined;
    shapes.push(template);
    return follow(source, 0) === template && accept(template, text, tokens, read) ? template : undefined;
  }

  return {
    shapes,
    scratch,
    match,
    lineEnd: () => end,
    linesRead: () => linesRead,
    learn,
    nameOf: (id) => names[id] ?? '',
    idOf: (name) => nameIds.get(name),
  };
}

function textBetween({ units }: Units, from: number, to: number): string {
  return stringOf(units, from, to);
}

/** A text as code units of its own, a line break behind them. */
export function unitsOf(text: string): Units {
  const units = new Uint16Array(text.length + 1);
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

function skeletonOf(text: string, tokens: readonly Token[]): string {
  let skeleton = '';
  let at = 0;
  for (const token of tokens) {
    skeleton += `${text.slice(at, token.start)}\u0000${token.kind}`;
    at = token.end;
  }
  return skeleton + text.slice(at);
}
