import { stringOf } from '../../base/code-units';
import * as layout from '../../../flow-reader/layout';
import type { Engine } from './engine';

/** How a value stands in a flow's text. Everything that is no value is literal: it is the same in all flows of a shape. */
export const Kind = {
  none: layout.NONE,
  decimal: layout.DECIMAL,
  /** How long a flow has been there: most are no whole number, and a flow is of the same shape either way. */
  seconds: layout.SECONDS,
  hex32: layout.HEX32,
  hex64: layout.HEX64,
  hex128: layout.HEX128,
  mac: layout.MAC,
  ipv4: layout.IPV4,
  ipv6: layout.IPV6,
  name: layout.NAME,
  /** Pairs of hexadecimal digits between dots: what a switch hands to its controller. */
  bytes: layout.BYTES,
  /** How long a flow was not used, and, where it was changed, since when: it is of the same shape either way. */
  ages: layout.AGES,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];
/** How many 32-bit words a value of each kind is; a decimal of two words is one that counts. */
export const wordsOfKind: readonly number[] = [0, 1, 0, 1, 2, 4, 2, 1, 4, 1, 1, 0];

/** The length of a value as it is kept, in a byte: of bytes, how many there are. */
export function codeOfLength(kind: number, length: number): number {
  return kind === Kind.bytes ? (length + 1) / 3 : length;
}

export function lengthOfCode(kind: number, code: number): number {
  return kind === Kind.bytes ? code * 3 - 1 : code;
}

const COLON = 58;
const DOT = 46;
const QUOTE = 34;

export function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

function isWordUnit(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
}

/** A value in a line that a shape is learned from. */
export interface Token {
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
  readonly number: number;
  readonly words: readonly number[];
}

const ALL = (1 << layout.KINDS) - 1 - (1 << Kind.seconds) - (1 << Kind.bytes) - (1 << Kind.ages);

/** So many units more than a text has what holds it: a line break, and what is compared with it in one go. */
export const ROOM = 4;

/**
 * What is value in the text of `end` characters that is the engine's line. Literal stay, although they are numbers: masks and whatever else follows a slash (what a mask is
 * decides how a flow is found), bit ranges in square brackets, ends of ranges behind a dash, and the values of fields that other
 * fields depend on (an Ethernet type, a protocol, a kind of ICMP, flags).
 */
export function tokensOf(engine: Engine, end: number): Token[] {
  const first = layout.LINE_AT >> 1;
  const units = engine.u16.subarray(first, first + end + ROOM);
  const tokens: Token[] = [];
  let i = 0;
  while (i < end) {
    const c = units[i] ?? 0;
    const previous = i > 0 ? (units[i - 1] ?? 0) : 32;
    const starts =
      !isWordUnit(previous) && (isDigit(c) || c === QUOTE || (c >= 97 && c <= 102) || (c === COLON && units[i + 1] === COLON));
    if (!starts) {
      i++;
      continue;
    }
    const own = kindOfKey(units, i);
    const told = own === Kind.none ? undefined : readToken(engine, i, end, 1 << own);
    if (told) {
      tokens.push(told);
      i = told.end;
      continue;
    }
    if (isLiteral(units, i)) {
      while (i < end && isNumberUnit(units[i] ?? 0)) i++;
      if (units[i] === QUOTE || !isNumberUnit(units[i - 1] ?? 0)) i++;
      continue;
    }
    const token = readToken(engine, i, end, ALL);
    if (!token || isTied(token, units, end)) {
      i++;
      // A number that is no value (too long, with zeros in front) stays literal to its end.
      while (i < end && isDigit(c) && isNumberUnit(units[i] ?? 0)) i++;
      continue;
    }
    tokens.push(token);
    i = token.end;
  }
  return tokens;
}

/** The value at a place of the line, of one of some kinds (a bit each). */
function readToken({ calls, i32, f64, u32 }: Engine, start: number, end: number, kinds: number): Token | undefined {
  const kind = calls.valueAt(layout.LINE_AT + start * 2, layout.LINE_AT + end * 2, kinds) as Kind;
  if (kind === Kind.none) return undefined;
  return {
    kind,
    start,
    end: ((i32[layout.VALUE_END >> 2] ?? 0) - layout.LINE_AT) >> 1,
    number: kind === Kind.decimal ? (f64[layout.NUMBERS_AT >> 3] ?? 0) : 0,
    words: kind === Kind.bytes ? NO_WORDS : wordsOf(u32, layout.WORDS_AT >> 2, wordsOfKind[kind] ?? 0),
  };
}

const NO_WORDS: readonly number[] = [];

/** `count` words from `at` on, as an array of their own. */
export function wordsOf(words: Uint32Array, at: number, count: number): readonly number[] {
  const first = words[at] ?? 0;
  if (count === 1) return [first];
  if (count === 2) return [first, words[at + 1] ?? 0];
  return count === 0 ? NO_WORDS : [first, words[at + 1] ?? 0, words[at + 2] ?? 0, words[at + 3] ?? 0];
}

/** Keys whose values are of a kind that stands nowhere else. */
const OWN_KINDS: readonly (readonly [readonly number[], Kind])[] = [
  [lettersOf('userdata='), Kind.bytes],
  [lettersOf('duration='), Kind.seconds],
  [lettersOf('idle_age='), Kind.ages],
];

function lettersOf(text: string): readonly number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}

/** The kind that only the key in front of a place has. */
function kindOfKey(units: Uint16Array, at: number): Kind {
  if (units[at - 1] !== 61) return Kind.none;
  const own = OWN_KINDS.find(([key]) => at >= key.length && key.every((letter, n) => units[at - key.length + n] === letter));
  return own?.[1] ?? Kind.none;
}

function isNumberUnit(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70) || c === 120 || c === COLON || c === DOT;
}

/** Whether what may stand in a value's place depends on what follows: the end of a range, the number of a conjunction's clauses. */
function isTied({ kind, end: at }: Token, units: Uint16Array, end: number): boolean {
  const next = at < end ? (units[at] ?? 0) : 0;
  const after = at + 1 < end ? (units[at + 1] ?? 0) : 0;
  return (next === 45 && after !== 62) || (next === 47 && kind === Kind.decimal);
}

/** Keys whose values decide what other parts of the flow mean, and those that allow some values only. */
const DECIDING =
  /(?:(?:^|[\s,(])\w*(?:_type|_proto|_code|_op|_state|_flags|_frag|_tci|_tos|_ns|_mdtype|_np|userdata)=|(?:note|_tos|push_\w+):)$/;

/** The last two letters of those keys: most keys have none of these. */
const DECIDING_ENDS: ReadonlySet<number> = new Set(
  ['pe', 'to', 'de', 'op', 'te', 'gs', 'ag', 'ci', 'os', 'ns', 'np', 'ta'].map(
    (letters) => (letters.charCodeAt(0) << 8) | letters.charCodeAt(1),
  ),
);
const COLON_ENDS: ReadonlySet<number> = new Set([...'eopsgianh'].map((letter) => letter.charCodeAt(0)));

function isLiteral(units: Uint16Array, at: number): boolean {
  const previous = at > 0 ? (units[at - 1] ?? 0) : 0;
  if (previous === 47 || previous === 91 || previous === 45 || (previous === DOT && units[at - 2] === DOT)) return true;
  if (previous === 61) {
    if (at < 3 || !DECIDING_ENDS.has(((units[at - 3] ?? 0) << 8) | (units[at - 2] ?? 0))) return false;
  } else if (previous !== COLON || !COLON_ENDS.has(units[at - 2] ?? 0)) return false;
  return DECIDING.test(stringOf(units, Math.max(0, at - 24), at));
}
