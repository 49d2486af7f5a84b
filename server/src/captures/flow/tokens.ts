import { stringOf } from '../../base/code-units';

/** How a value stands in a flow's text. Everything that is no value is literal: it is the same in all flows of a shape. */
export const Kind = {
  none: 0,
  decimal: 1,
  fraction: 2,
  hex32: 3,
  hex64: 4,
  hex128: 5,
  mac: 6,
  ipv4: 7,
  ipv6: 8,
  name: 9,
  /** Pairs of hexadecimal digits between dots: what a switch hands to its controller. */
  bytes: 10,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];
/** How many 32-bit words a value of each kind is; a decimal of two words is one that counts. */
export const wordsOfKind: readonly number[] = [0, 1, 0, 1, 2, 4, 2, 1, 4, 1, 1];
export const KINDS = 11;

/** UTF-16 code units; what is read never reaches past `end`. */
export interface Units {
  readonly units: Uint16Array;
  readonly end: number;
}

/** The value that a reader has just read: its words, the highest first, and where it ends. One at a time, to make no garbage. */
export interface Value {
  end: number;
  /** A decimal as a number: exact, as decimals of more than 15 digits are not read. */
  number: number;
  readonly words: Uint32Array;
}

export function newValue(): Value {
  // NaN: a number that starts as an integer would be moved to another kind of field later, and all code that reads it compiled again.
  return { end: 0, number: NaN, words: new Uint32Array(4) };
}

/** The length of a value as it is kept, in a byte: of bytes, how many there are. */
export function codeOfLength(kind: number, length: number): number {
  return kind === Kind.bytes ? (length + 1) / 3 : length;
}

export function lengthOfCode(kind: number, code: number): number {
  return kind === Kind.bytes ? code * 3 - 1 : code;
}

export const MOST_CODE = 255;

const COLON = 58;
const DOT = 46;
const QUOTE = 34;

export function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

/** The digit's value, lower-case letters only; -1 for what is none. */
function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  return c >= 97 && c <= 102 ? c - 87 : -1;
}

function isWordUnit(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95;
}

/**
 * Digits without a needless zero in front, 15 at most, followed by no letter but a unit's (`5s`). What may be one of OpenFlow 1.1's
 * reserved 32-bit ports is none: it means another number.
 */
function readDecimal({ units, end }: Units, at: number, value: Value): boolean {
  let i = at;
  let number = 0;
  while (i < end) {
    const digit = (units[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) break;
    number = number * 10 + digit;
    i++;
  }
  if (i === at || i - at > 15 || (i - at > 1 && units[at] === 48)) return false;
  if (number >= 0xffffff00 && number <= 0xffffffff) return false;
  value.end = i;
  value.number = number;
  value.words[0] = number >>> 0;
  return true;
}

function readFraction({ units, end }: Units, at: number, value: Value): boolean {
  let i = at;
  while (i < end && isDigit(units[i] ?? 0)) i++;
  value.end = i;
  return i > at;
}

/** `0x` and lower-case digits without a needless zero in front; gives the kind by how many there are, or none. */
function readHex({ units, end }: Units, at: number, value: Value): Kind {
  if (units[at] !== 48 || units[at + 1] !== 120) return Kind.none;
  const first = at + 2;
  let i = first;
  let low = 0;
  while (i < end && i - first < 8) {
    const digit = hexDigit(units[i] ?? 0);
    if (digit < 0) break;
    low = (low << 4) | digit;
    i++;
  }
  if (i === first || (i - first > 1 && units[first] === 48)) return Kind.none;
  if (i >= end || hexDigit(units[i] ?? 0) < 0) {
    if (i < end && isWordUnit(units[i] ?? 0)) return Kind.none;
    value.end = i;
    value.words[0] = low >>> 0;
    return Kind.hex32;
  }
  while (i < end && hexDigit(units[i] ?? 0) >= 0) i++;
  if (i - first > 32 || (i < end && isWordUnit(units[i] ?? 0))) return Kind.none;
  const words = i - first > 16 ? 4 : 2;
  value.words.fill(0);
  for (let k = first; k < i; k++) {
    const bit = (i - 1 - k) * 4;
    const word = words - 1 - (bit >> 5);
    value.words[word] = ((value.words[word] ?? 0) | (hexDigit(units[k] ?? 0) << (bit & 31))) >>> 0;
  }
  value.end = i;
  return words === 4 ? Kind.hex128 : Kind.hex64;
}

/** Six groups of two lower-case digits. */
function readMac({ units, end }: Units, at: number, value: Value): boolean {
  if (at + 17 > end || units[at + 2] !== COLON) return false;
  let high = 0;
  let low = 0;
  for (let group = 0; group < 6; group++) {
    const i = at + group * 3;
    const a = hexDigit(units[i] ?? 0);
    const b = hexDigit(units[i + 1] ?? 0);
    if (a < 0 || b < 0 || (group < 5 && units[i + 2] !== COLON)) return false;
    if (group < 2) high = (high << 8) | (a << 4) | b;
    else low = (low << 8) | (a << 4) | b;
  }
  const after = at + 17 < end ? (units[at + 17] ?? 0) : 0;
  if (after === COLON || isWordUnit(after)) return false;
  value.end = at + 17;
  value.words[0] = high >>> 0;
  value.words[1] = low >>> 0;
  return true;
}

/** Four numbers up to 255 without needless zeros. */
function readIpv4({ units, end }: Units, at: number, value: Value): boolean {
  let i = at;
  let word = 0;
  for (let group = 0; group < 4; group++) {
    const first = i;
    let number = 0;
    while (i < end && i - first < 4) {
      const digit = (units[i] ?? 0) - 48;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
      i++;
    }
    if (i === first || i - first > 3 || number > 255 || (i - first > 1 && units[first] === 48)) return false;
    word = (word << 8) | number;
    if (group < 3) {
      if (i >= end || units[i] !== DOT) return false;
      i++;
    }
  }
  const after = i < end ? (units[i] ?? 0) : 0;
  if (isWordUnit(after) || (after === DOT && i + 1 < end && isDigit(units[i + 1] ?? 0))) return false;
  value.end = i;
  value.words[0] = word >>> 0;
  return true;
}

/** The groups of the IPv6 address that is being read. */
const groups = new Uint16Array(8);

/** Groups of hex digits and colons, with `::` once or eight groups; no dotted quad inside. */
function readIpv6({ units, end }: Units, at: number, value: Value): boolean {
  let count = 0;
  let gap = -1;
  let i = at;
  if (units[i] === COLON) {
    if (i + 1 >= end || units[i + 1] !== COLON) return false;
    gap = 0;
    i += 2;
  }
  while (i < end) {
    const first = i;
    let group = 0;
    while (i < end && i - first < 5) {
      const digit = hexDigit(units[i] ?? 0);
      if (digit < 0) break;
      group = (group << 4) | digit;
      i++;
    }
    if (i === first) break;
    if (i - first > 4 || count === 8) return false;
    groups[count++] = group;
    if (i >= end || units[i] !== COLON) break;
    if (i + 1 < end && units[i + 1] === COLON) {
      if (gap >= 0) return false;
      gap = count;
      i += 2;
    } else if (i + 1 < end && hexDigit(units[i + 1] ?? 0) >= 0) i++;
    else break;
  }
  const after = i < end ? (units[i] ?? 0) : 0;
  if (gap < 0 ? count !== 8 : count > 7) return false;
  if (isWordUnit(after) || after === COLON || after === DOT) return false;
  // The groups behind `::` move to the end, zeros come between.
  if (gap >= 0) groups.copyWithin(8 - count + gap, gap, count).fill(0, gap, 8 - count + gap);
  for (let word = 0; word < 4; word++) value.words[word] = (((groups[word * 2] ?? 0) << 16) | (groups[word * 2 + 1] ?? 0)) >>> 0;
  value.end = i;
  return true;
}

/** A quoted name of plain characters. */
function readName({ units, end }: Units, at: number, value: Value): boolean {
  if (units[at] !== QUOTE) return false;
  let i = at + 1;
  while (i < end && i - at < 120) {
    const c = units[i] ?? 0;
    if (!isWordUnit(c) && c !== 45 && c !== DOT && c !== 64) break;
    i++;
  }
  if (i === at + 1 || i >= end || units[i] !== QUOTE) return false;
  value.end = i + 1;
  return true;
}

/** Pairs of lower-case digits between dots, 255 at most. */
function readBytes({ units, end }: Units, at: number, value: Value): boolean {
  let i = at;
  for (;;) {
    if (i + 2 > end || hexDigit(units[i] ?? 0) < 0 || hexDigit(units[i + 1] ?? 0) < 0) return false;
    i += 2;
    if (i >= end || units[i] !== DOT) break;
    i++;
  }
  if (codeOfLength(Kind.bytes, i - at) > MOST_CODE || (i < end && isWordUnit(units[i] ?? 0))) return false;
  value.end = i;
  return true;
}

/**
 * Reads the value that starts at `at` where it is one of the kinds in `kinds` (a bit each); the same order of tries as the lexer's, so
 * that both take a text for the same.
 */
export function readValue(source: Units, at: number, kinds: number, value: Value): Kind {
  const c = source.units[at] ?? 0;
  if ((kinds & (1 << Kind.fraction)) !== 0) return readFraction(source, at, value) ? Kind.fraction : Kind.none;
  if ((kinds & (1 << Kind.bytes)) !== 0) return readBytes(source, at, value) ? Kind.bytes : Kind.none;
  if (c === QUOTE) return (kinds & (1 << Kind.name)) !== 0 && readName(source, at, value) ? Kind.name : Kind.none;
  if (c === 48 && source.units[at + 1] === 120) {
    const hex = readHex(source, at, value);
    return (kinds & (1 << hex)) !== 0 ? hex : Kind.none;
  }
  if ((kinds & (1 << Kind.mac)) !== 0 && readMac(source, at, value)) return Kind.mac;
  if ((kinds & (1 << Kind.ipv6)) !== 0 && readIpv6(source, at, value)) return Kind.ipv6;
  if (!isDigit(c)) return Kind.none;
  if ((kinds & (1 << Kind.ipv4)) !== 0 && readIpv4(source, at, value)) return Kind.ipv4;
  if ((kinds & (1 << Kind.decimal)) !== 0 && readDecimal(source, at, value)) return Kind.decimal;
  return Kind.none;
}

/**
 * Reads a value of one kind at `at`: the same as `readValue` where no other kind may stand there. False where there is none of it.
 */
export function readKind(source: Units, at: number, kind: number, value: Value): boolean {
  const { units } = source;
  switch (kind) {
    case Kind.decimal:
      return !(units[at] === 48 && units[at + 1] === 120) && readDecimal(source, at, value);
    case Kind.fraction:
      return readFraction(source, at, value);
    case Kind.hex32:
    case Kind.hex64:
    case Kind.hex128:
      return readHex(source, at, value) === kind;
    case Kind.mac:
      return readMac(source, at, value);
    case Kind.ipv4:
      return readIpv4(source, at, value);
    case Kind.ipv6:
      return readIpv6(source, at, value);
    case Kind.name:
      return readName(source, at, value);
    case Kind.bytes:
      return readBytes(source, at, value);
    default:
      return false;
  }
}

/** A value in a line that a shape is learned from. */
export interface Token {
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
  readonly number: number;
  readonly words: readonly number[];
}

const ALL = (1 << KINDS) - 1 - (1 << Kind.fraction) - (1 << Kind.bytes);

/**
 * What is value in a flow's text. Literal stay, although they are numbers: masks and whatever else follows a slash (what a mask is
 * decides how a flow is found), bit ranges in square brackets, ends of ranges behind a dash, and the values of fields that other
 * fields depend on (an Ethernet type, a protocol, a kind of ICMP, flags).
 */
export function tokensOf(source: Units): Token[] {
  const { units, end } = source;
  const tokens: Token[] = [];
  const value = newValue();
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
    if (isUserdata(units, i) && readBytes(source, i, value)) {
      tokens.push({ kind: Kind.bytes, start: i, end: value.end, number: 0, words: NO_WORDS });
      i = value.end;
      continue;
    }
    if (isLiteral(units, i)) {
      while (i < end && isNumberUnit(units[i] ?? 0)) i++;
      if (units[i] === QUOTE || !isNumberUnit(units[i - 1] ?? 0)) i++;
      continue;
    }
    const fraction = previous === DOT && i > 1 && isDigit(units[i - 2] ?? 0);
    let kind = readValue(source, i, fraction ? 1 << Kind.fraction : ALL, value);
    if (kind !== Kind.none && isTied(kind, source, value.end)) kind = Kind.none;
    if (kind === Kind.none) {
      i++;
      // A number that is no value (too long, with zeros in front) stays literal to its end.
      while (i < end && isDigit(c) && isNumberUnit(units[i] ?? 0)) i++;
      continue;
    }
    tokens.push({
      kind,
      start: i,
      end: value.end,
      number: kind === Kind.decimal ? value.number : 0,
      words: wordsOf(value.words, 0, wordsOfKind[kind] ?? 0),
    });
    i = value.end;
  }
  return tokens;
}

const NO_WORDS: readonly number[] = [];

/** `count` words from `at` on, as an array of their own. */
export function wordsOf(words: Uint32Array, at: number, count: number): readonly number[] {
  const first = words[at] ?? 0;
  if (count === 1) return [first];
  if (count === 2) return [first, words[at + 1] ?? 0];
  return count === 0 ? NO_WORDS : [first, words[at + 1] ?? 0, words[at + 2] ?? 0, words[at + 3] ?? 0];
}

const USERDATA = Array.from('userdata=', (letter) => letter.charCodeAt(0));

function isUserdata(units: Uint16Array, at: number): boolean {
  return (
    at >= USERDATA.length && units[at - 1] === 61 && USERDATA.every((letter, n) => units[at - USERDATA.length + n] === letter)
  );
}

function isNumberUnit(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70) || c === 120 || c === COLON || c === DOT;
}

/** Whether what may stand in a value's place depends on what follows: the end of a range, the number of a conjunction's clauses. */
function isTied(kind: Kind, { units, end }: Units, at: number): boolean {
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
