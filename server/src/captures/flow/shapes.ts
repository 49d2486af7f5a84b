import { stringOf } from '../../base/code-units';
import { readFlow, type ReadFlow } from './read';
import { isTrusted, trust, type SlotRule } from './rules';
import { agrees, templateOf, type Template } from './template';
import { KINDS, newValue, readValue, tokensOf, wordsOfKind, type Kind, type Token, type Units } from './tokens';

/** A stretch of literal text that shapes have in common, and how they go on after it. */
interface TrieNode {
  literal: Uint16Array;
  /** The shape that ends here. */
  end: Template | undefined;
  /** A bit for each kind of value that may come next. */
  kinds: number;
  byKind: (TrieNode | undefined)[] | undefined;
  /** By the character that comes next: `units[k]` leads to `nexts[k]`. Few nodes have more than three. */
  units: string;
  nexts: TrieNode[];
}

const NO_NODES: TrieNode[] = [];

function newNode(literal: Uint16Array): TrieNode {
  return { literal, end: undefined, kinds: 0, byKind: undefined, units: '', nexts: NO_NODES };
}

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
  const root = newNode(new Uint16Array(0));
  const shapes: (Template | undefined)[] = [undefined];
  const rules = new Map<string, SlotRule>();
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

  /** Follows the trie along a line; undefined where the line leaves it. */
  function follow(source: Units, from: number): Template | undefined {
    const { units } = source;
    let node = root;
    let at = from;
    let count = 0;
    for (;;) {
      const { literal } = node;
      const length = literal.length;
      if (at + length > source.end) return undefined;
      for (let k = 0; k < length; k++) if (units[at + k] !== literal[k]) return undefined;
      at += length;
      const unit = at < source.end ? (units[at] ?? 0) : 10;
      if (node.kinds !== 0 && node.byKind) {
        const kind = at < source.end ? readValue(source, at, node.kinds, value) : 0;
        if (kind !== 0) {
          if (count >= MOST_VALUES) return undefined;
          scratch.starts[count] = at;
          scratch.ends[count] = value.end;
          if (kind === 9) {
            const id = internName(source, at + 1, value.end - 1);
            if (id < 0) return undefined;
            scratch.words[count * 4] = id;
          } else if (kind === 1) {
            scratch.numbers[count] = value.number;
            scratch.words[count * 4] = value.words[0] ?? 0;
          } else {
            const base = count * 4;
            scratch.words[base] = value.words[0] ?? 0;
            scratch.words[base + 1] = value.words[1] ?? 0;
            scratch.words[base + 2] = value.words[2] ?? 0;
            scratch.words[base + 3] = value.words[3] ?? 0;
          }
          count++;
          at = value.end;
          const next = node.byKind[kind];
          if (!next) return undefined;
          node = next;
          continue;
        }
      }
      const next = nextOf(node, unit);
      if (next) {
        node = next;
        continue;
      }
      if (!node.end) return undefined;
      end = at;
      // Trailing blanks are no part of a line.
      let rest = at;
      for (; rest < source.end; rest++) {
        const c = units[rest] ?? 0;
        if (c === 10 || c === 13) break;
        if (c !== 32 && c !== 9 && c !== 0xa0) return undefined;
      }
      scratch.count = count;
      return node.end;
    }
  }

  /** Whether every value of the matched line is of a class that the ordinary reader agreed on. */
  function allTrusted(shape: Template): boolean {
    const { slots } = shape;
    for (let n = 0; n < slots.length; n++) {
      const slot = slots[n];
      if (!slot?.rule) continue;
      if ((scratch.ends[n] ?? 0) - (scratch.starts[n] ?? 0) > 255) return false;
      const number = scratch.numbers[n] ?? 0;
      if (slot.kind === 1 && slot.words === 1 && number > 0xffffffff) return false;
      if (slot.outside && !isInside(slot.outside, n)) return false;
      if (!isTrusted(slot.rule, slot.kind, number, scratch.words, n * 4)) return false;
    }
    return true;
  }

  function isInside(outside: readonly number[], n: number): boolean {
    for (let k = 0; k < outside.length; k++) if (((scratch.words[n * 4 + k] ?? 0) & (outside[k] ?? 0)) !== 0) return false;
    return true;
  }

  /** Reads the line both ways; trusts its values where they agree. */
  function check(shape: Template, source: Units, from: number): boolean {
    const text = textBetween(source, from, end);
    const tokens: Token[] = [];
    for (let n = 0; n < scratch.count; n++) {
      const slot = shape.slots[n];
      if (!slot || (scratch.ends[n] ?? 0) - (scratch.starts[n] ?? 0) > 255) return false;
      if (slot.kind === 1 && slot.words === 1 && (scratch.numbers[n] ?? 0) > 0xffffffff) return false;
      if (slot.outside && !isInside(slot.outside, n)) return false;
      tokens.push(tokenAt(slot.kind, n, from));
    }
    const read = readFlow({ text, parts: [{ at: 0, offset: 0 }] });
    return 'flow' in read && accept(shape, text, tokens, read);
  }

  /** Trusts the values of the line that is in `scratch` where the template says the same of it as the ordinary reader. */
  function accept(shape: Template, text: string, tokens: readonly Token[], read: ReadFlow): boolean {
    if (!agrees(shape, text, tokens, read)) return false;
    tokens.forEach((token, n) => {
      const rule = shape.slots[n]?.rule;
      if (rule) trust(rule, token.kind, token.number, scratch.words, n * 4);
    });
    return true;
  }

  function tokenAt(kind: Kind, n: number, from: number): Token {
    return {
      kind,
      start: (scratch.starts[n] ?? 0) - from,
      end: (scratch.ends[n] ?? 0) - from,
      number: kind === 1 ? (scratch.numbers[n] ?? 0) : 0,
      words: [...scratch.words.subarray(n * 4, n * 4 + (wordsOfKind[kind] ?? 0))],
    };
  }

  function match(source: Units, at: number): Template | undefined {
    const shape = follow(source, at);
    if (!shape || end - at > LONGEST_LINE) return undefined;
    if (allTrusted(shape)) return shape;
    return check(shape, source, at) ? shape : undefined;
  }

  function learn(text: string): Template | undefined {
    if (text.length > LONGEST_LINE || shapes.length >= MOST_SHAPES || !PLAIN.test(text)) return undefined;
    if (UNEVEN.test(text) || !mayBeFlow(text)) return undefined;
    const source = unitsOf(text);
    const tokens = tokensOf(source);
    if (tokens.length > MOST_VALUES || tokens.some(({ start, end: to }) => to - start > 255)) return undefined;
    const skeleton = skeletonOf(text, tokens);
    if (refused.has(skeleton)) return undefined;
    if (shapes.length > EAGER && !candidates.has(skeleton)) {
      if (candidates.size >= MOST_CANDIDATES) candidates.clear();
      candidates.add(skeleton);
      return undefined;
    }
    // A shape that is known, of whose values one was refused, is not learned again.
    if (follow(source, 0)) return undefined;
    const read = readFlow({ text, parts: [{ at: 0, offset: 0 }] });
    const template = 'flow' in read ? templateOf(shapes.length, text, tokens, read, rules) : undefined;
    if (!template || !('flow' in read)) {
      if (refused.size >= MOST_CANDIDATES) refused.clear();
      refused.add(skeleton);
      return undefined;
    }
    if (!insert(root, source.units, tokens, template)) return undefined;
    shapes.push(template);
    return follow(source, 0) === template && accept(template, text, tokens, read) ? template : undefined;
  }

  return {
    shapes,
    scratch,
    match,
    lineEnd: () => end,
    learn,
    nameOf: (id) => names[id] ?? '',
    idOf: (name) => nameIds.get(name),
  };
}

function textBetween({ units }: Units, from: number, to: number): string {
  return stringOf(units, from, to);
}

/** A text as code units of its own. */
export function unitsOf(text: string): Units {
  const units = new Uint16Array(text.length);
  for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i);
  return { units, end: text.length };
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

function nextOf({ units, nexts }: TrieNode, unit: number): TrieNode | undefined {
  for (let k = 0; k < units.length; k++) if (units.charCodeAt(k) === unit) return nexts[k];
  return undefined;
}

/** Puts a shape's literals and values into the trie. False where it can't be told from what is there. */
function insert(root: TrieNode, units: Uint16Array, tokens: readonly Token[], template: Template): boolean {
  let node = place(root, units.slice(0, tokens[0]?.start ?? units.length));
  for (const [n, token] of tokens.entries()) {
    const literal = units.slice(token.end, tokens[n + 1]?.start ?? units.length);
    node.byKind ??= new Array<TrieNode | undefined>(KINDS).fill(undefined);
    node.kinds |= 1 << token.kind;
    const next: TrieNode | undefined = node.byKind[token.kind];
    if (next) node = place(next, literal);
    else node = node.byKind[token.kind] = newNode(literal);
  }
  if (node.end) return false;
  node.end = template;
  return true;
}

/** The node where a literal ends that starts with the node's own; nodes are cut where literals part. */
function place(node: TrieNode, literal: Uint16Array): TrieNode {
  let same = 0;
  while (same < node.literal.length && same < literal.length && node.literal[same] === literal[same]) same++;
  if (same < node.literal.length) {
    const rest = { ...node, literal: node.literal.slice(same) };
    node.literal = node.literal.slice(0, same);
    node.end = undefined;
    node.kinds = 0;
    node.byKind = undefined;
    node.units = String.fromCharCode(rest.literal[0] ?? 0);
    node.nexts = [rest];
  }
  if (same === literal.length) return node;
  const unit = literal[same] ?? 0;
  const next = nextOf(node, unit);
  if (next) return place(next, literal.subarray(same));
  const made = newNode(literal.slice(same));
  node.units += String.fromCharCode(unit);
  node.nexts = [...node.nexts, made];
  return made;
}
