import {
  AGES,
  BYTES,
  DECIMAL,
  GROUPS_AT,
  HEX128,
  HEX32,
  HEX64,
  IPV4,
  IPV6,
  MAC,
  MOST_CODE,
  NAME,
  NONE,
  NUMBERS_AT,
  SECONDS,
  VALUE_END,
  VALUE_KIND,
  WORDS_AT,
} from './layout';

/*
 * Readers of values. Each is given where a value may start (`at`) and where the line's text ends (`end`), puts its words at `into`, the
 * highest first, and gives where the value ends; 0 where there is none. All are addresses of UTF-16 code units.
 */

const COLON: u32 = 58;
const DOT: u32 = 46;
const QUOTE: u32 = 34;
const X: u32 = 120;

/** The decimal that was read last: exact, as decimals of more than 15 digits are not read. */
export let decimal: u64 = 0;

function unit(at: usize): u32 {
  return <u32>load<u16>(at);
}

function isDigit(c: u32): bool {
  return c - 48 < 10;
}

/** The digit's value, lower-case letters only; 16 or more for what is none. */
function hexDigit(c: u32): u32 {
  const digit = c - 48;
  if (digit < 10) return digit;
  const letter = c - 97;
  return letter < 6 ? letter + 10 : 16;
}

function isWordUnit(c: u32): bool {
  return c - 48 < 10 || (c | 32) - 97 < 26 || c === 95;
}

/**
 * Digits without a needless zero in front, 15 at most, followed by no letter but a unit's (`5s`). What may be one of OpenFlow 1.1's
 * reserved 32-bit ports is none: it means another number.
 */
function readDecimal(at: usize, end: usize, into: usize): usize {
  let i = at;
  let low: u32 = 0;
  // Nine digits fit into a word.
  const short = min(end, at + 18);
  while (i < short) {
    const digit = unit(i) - 48;
    if (digit > 9) break;
    low = low * 10 + digit;
    i += 2;
  }
  let number: u64 = low;
  if (i === short) {
    while (i < end && i - at <= 30) {
      const digit = unit(i) - 48;
      if (digit > 9) break;
      number = number * 10 + digit;
      i += 2;
    }
  }
  if (i === at || i - at > 30 || (i - at > 2 && unit(at) === 48)) return 0;
  if (number >= 0xffffff00 && number <= 0xffffffff) return 0;
  decimal = number;
  store<u32>(into, <u32>number);
  return i;
}

/** Whole seconds without a needless zero in front, and what a switch prints behind a dot where there is a fraction. */
function readSeconds(at: usize, end: usize): usize {
  let i = readWhole(at, end);
  if (i === 0 || i + 2 >= end || unit(i) !== DOT || !isDigit(unit(i + 2))) return i;
  i += 4;
  while (i < end && isDigit(unit(i))) i += 2;
  return i;
}

/** Whole seconds without a needless zero in front. */
function readWhole(at: usize, end: usize): usize {
  let i = at;
  while (i < end && isDigit(unit(i))) i += 2;
  return i === at || (i - at > 2 && unit(at) === 48) ? 0 : i;
}

/** Four characters as they stand in memory. */
function four(a: u32, b: u32, c: u32, d: u32): u64 {
  return a | (b << 16) | ((<u64>(c | (d << 16))) << 32);
}

/** Seconds since a flow was used, and since it was changed where it was. */
function readAges(at: usize, end: usize): usize {
  const idle = readWhole(at, end);
  // `, hard_age=`
  if (idle === 0 || idle + 22 >= end || load<u64>(idle) !== four(44, 32, 104, 97)) return idle;
  if (load<u64>(idle, 8) !== four(114, 100, 95, 97) || load<u64>(idle, 14) !== four(97, 103, 101, 61)) return idle;
  const hard = readWhole(idle + 22, end);
  return hard === 0 ? idle : hard;
}

/** The kind that `readHex` read. */
let hexKind: u32 = 0;

/** `0x` and lower-case digits without a needless zero in front; the kind goes by how many there are. */
function readHex(at: usize, end: usize, into: usize): usize {
  if (unit(at) !== 48 || unit(at + 2) !== X) return 0;
  const first = at + 4;
  let i = first;
  let low: u32 = 0;
  while (i < end && i - first < 16) {
    const digit = hexDigit(unit(i));
    if (digit > 15) break;
    low = (low << 4) | digit;
    i += 2;
  }
  if (i === first || (i - first > 2 && unit(first) === 48)) return 0;
  if (i >= end || hexDigit(unit(i)) > 15) {
    if (i < end && isWordUnit(unit(i))) return 0;
    hexKind = HEX32;
    store<u32>(into, low);
    return i;
  }
  while (i < end && hexDigit(unit(i)) < 16) i += 2;
  const digits = (i - first) >> 1;
  if (digits > 32 || (i < end && isWordUnit(unit(i)))) return 0;
  const words: usize = digits > 16 ? 4 : 2;
  store<u64>(into, 0);
  store<u64>(into, 0, 8);
  for (let k = first; k < i; k += 2) {
    const bit = <u32>((i - 2 - k) << 1);
    const word = into + ((words - 1 - (bit >> 5)) << 2);
    store<u32>(word, load<u32>(word) | (hexDigit(unit(k)) << (bit & 31)));
  }
  hexKind = words === 4 ? HEX128 : HEX64;
  return i;
}

/** Six groups of two lower-case digits. */
function readMac(at: usize, end: usize, into: usize): usize {
  if (at + 34 > end || unit(at + 4) !== COLON) return 0;
  let high: u32 = 0;
  let low: u32 = 0;
  for (let group = 0; group < 6; group++) {
    const i = at + group * 6;
    const a = hexDigit(unit(i));
    const b = hexDigit(unit(i + 2));
    if ((a | b) > 15 || (group < 5 && unit(i + 4) !== COLON)) return 0;
    if (group < 2) high = (high << 8) | (a << 4) | b;
    else low = (low << 8) | (a << 4) | b;
  }
  const after = at + 34 < end ? unit(at + 34) : 0;
  if (after === COLON || isWordUnit(after)) return 0;
  store<u32>(into, high);
  store<u32>(into, low, 4);
  return at + 34;
}

/** Four numbers up to 255 without needless zeros. */
function readIpv4(at: usize, end: usize, into: usize): usize {
  let i = at;
  let word: u32 = 0;
  for (let group = 0; group < 4; group++) {
    const first = i;
    let number: u32 = 0;
    while (i < end && i - first < 8) {
      const digit = unit(i) - 48;
      if (digit > 9) break;
      number = number * 10 + digit;
      i += 2;
    }
    if (i === first || i - first > 6 || number > 255 || (i - first > 2 && unit(first) === 48)) return 0;
    word = (word << 8) | number;
    if (group < 3) {
      if (i >= end || unit(i) !== DOT) return 0;
      i += 2;
    }
  }
  const after = i < end ? unit(i) : 0;
  if (isWordUnit(after) || (after === DOT && i + 2 < end && isDigit(unit(i + 2)))) return 0;
  store<u32>(into, word);
  return i;
}

/** Groups of hex digits and colons, with `::` once or eight groups; no dotted quad inside. */
function readIpv6(at: usize, end: usize, into: usize): usize {
  let count = 0;
  let gap = -1;
  let i = at;
  if (unit(i) === COLON) {
    if (i + 2 >= end || unit(i + 2) !== COLON) return 0;
    gap = 0;
    i += 4;
  }
  while (i < end) {
    const first = i;
    let group: u32 = 0;
    while (i < end && i - first < 10) {
      const digit = hexDigit(unit(i));
      if (digit > 15) break;
      group = (group << 4) | digit;
      i += 2;
    }
    if (i === first) break;
    if (i - first > 8 || count === 8) return 0;
    store<u16>(GROUPS_AT + (count++ << 1), <u16>group);
    if (i >= end || unit(i) !== COLON) break;
    if (i + 2 < end && unit(i + 2) === COLON) {
      if (gap >= 0) return 0;
      gap = count;
      i += 4;
    } else if (i + 2 < end && hexDigit(unit(i + 2)) < 16) i += 2;
    else break;
  }
  const after = i < end ? unit(i) : 0;
  if (gap < 0 ? count !== 8 : count > 7) return 0;
  if (isWordUnit(after) || after === COLON || after === DOT) return 0;
  // The groups behind `::` move to the end, zeros come between.
  if (gap >= 0) {
    const behind = count - gap;
    for (let k = 1; k <= behind; k++) store<u16>(GROUPS_AT + ((8 - k) << 1), load<u16>(GROUPS_AT + ((count - k) << 1)));
    for (let k = gap; k < 8 - behind; k++) store<u16>(GROUPS_AT + (k << 1), 0);
  }
  for (let word = 0; word < 4; word++) {
    const pair = GROUPS_AT + (word << 2);
    store<u32>(into + (word << 2), ((<u32>load<u16>(pair)) << 16) | (<u32>load<u16>(pair, 2)));
  }
  return i;
}

/** A quoted name of plain characters. */
function readName(at: usize, end: usize): usize {
  if (unit(at) !== QUOTE) return 0;
  let i = at + 2;
  while (i < end && i - at < 240) {
    const c = unit(i);
    if (!isWordUnit(c) && c !== 45 && c !== DOT && c !== 64) break;
    i += 2;
  }
  if (i === at + 2 || i >= end || unit(i) !== QUOTE) return 0;
  return i + 2;
}

/** Pairs of lower-case digits between dots, 255 at most. */
function readBytes(at: usize, end: usize): usize {
  let i = at;
  for (;;) {
    if (i + 4 > end || (hexDigit(unit(i)) | hexDigit(unit(i + 2))) > 15) return 0;
    i += 4;
    if (i >= end || unit(i) !== DOT) break;
    i += 2;
  }
  if ((((i - at) >> 1) + 1) / 3 > <usize>MOST_CODE || (i < end && isWordUnit(unit(i)))) return 0;
  return i;
}

/** The kind that `readValue` read. */
export let kindRead: u32 = NONE;

/**
 * Reads the value that starts at `at` where it is one of the kinds in `kinds` (a bit each); the same order of tries as the lexer's, so
 * that both take a text for the same.
 */
export function readValue(at: usize, end: usize, kinds: u32, into: usize): usize {
  const c = unit(at);
  let to: usize;
  if ((kinds & (1 << SECONDS)) !== 0) {
    kindRead = SECONDS;
    return readSeconds(at, end);
  }
  if ((kinds & (1 << AGES)) !== 0) {
    kindRead = AGES;
    return readAges(at, end);
  }
  if ((kinds & (1 << BYTES)) !== 0) {
    kindRead = BYTES;
    return readBytes(at, end);
  }
  if (c === QUOTE) {
    kindRead = NAME;
    return (kinds & (1 << NAME)) !== 0 ? readName(at, end) : 0;
  }
  if (c === 48 && unit(at + 2) === X) {
    to = readHex(at, end, into);
    kindRead = hexKind;
    return to !== 0 && (kinds & (1 << hexKind)) !== 0 ? to : 0;
  }
  if ((kinds & (1 << MAC)) !== 0) {
    kindRead = MAC;
    if ((to = readMac(at, end, into)) !== 0) return to;
  }
  if ((kinds & (1 << IPV6)) !== 0) {
    kindRead = IPV6;
    if ((to = readIpv6(at, end, into)) !== 0) return to;
  }
  if (!isDigit(c)) return 0;
  if ((kinds & (1 << IPV4)) !== 0) {
    kindRead = IPV4;
    if ((to = readIpv4(at, end, into)) !== 0) return to;
  }
  kindRead = DECIMAL;
  return (kinds & (1 << DECIMAL)) !== 0 ? readDecimal(at, end, into) : 0;
}

/** Reads a value of one kind: the same as `readValue` where no other kind may stand there. */
export function readKind(at: usize, end: usize, kind: u32, into: usize): usize {
  let to: usize;
  switch (kind) {
    case DECIMAL:
      return unit(at) === 48 && unit(at + 2) === X ? 0 : readDecimal(at, end, into);
    case SECONDS:
      return readSeconds(at, end);
    case HEX32:
    case HEX64:
    case HEX128:
      to = readHex(at, end, into);
      return to !== 0 && hexKind === kind ? to : 0;
    case MAC:
      return readMac(at, end, into);
    case IPV4:
      return readIpv4(at, end, into);
    case IPV6:
      return readIpv6(at, end, into);
    case NAME:
      return readName(at, end);
    case BYTES:
      return readBytes(at, end);
    case AGES:
      return readAges(at, end);
    default:
      return 0;
  }
}

/** For the server, which learns shapes: `readValue` with the value's words and number where a line's first value stands; gives its kind. */
export function valueAt(at: usize, end: usize, kinds: u32): u32 {
  const to = readValue(at, end, kinds, WORDS_AT);
  if (to === 0) return NONE;
  store<u32>(VALUE_KIND, kindRead);
  store<u32>(VALUE_END, to);
  if (kindRead === DECIMAL) store<f64>(NUMBERS_AT, <f64>decimal);
  return kindRead;
}
