import { isEdgeTrusted } from './imports';
import {
  CLASS_WORDS,
  DECIMAL,
  EDGE_PLACES,
  EDGE_VALUES_AT,
  ENDS_AT,
  HEX128,
  HEX32,
  HEX64,
  IPV4,
  IPV6,
  LACK,
  LACKING,
  LIMITS_AT,
  MAC,
  MOST_CODE,
  NAME,
  NEXT_NUMBER,
  NEXT_SLOT,
  NUMBERS_AT,
  PROGRAM,
  RESERVED,
  SLOT,
  SLOTS,
  SMALL,
  STARTS_AT,
  TABLE_NUMBER,
  TABLE_SLOT,
  TERM,
  TERMS,
  TRUSTED_AT,
  WORDS_AT,
} from './layout';

/*
 * Values fall into classes: by their length in bits, with whatever stands at a class's edge (powers of two, the last values before them,
 * numbers below 8) apart, for that is where limits and reserved values are. See `captures/flow/rules.ts`.
 */

/** The length in bits of a 32-bit word. */
function bits(word: u32): i32 {
  return 32 - <i32>clz<u32>(word);
}

/** Whether a word of that length is at the edge of its class. */
function isEdge(word: u32, length: i32): bool {
  if (length < 4) return false;
  // OpenFlow's reserved ports, groups and meters.
  if (word >= 0xff000000) return true;
  // The power of two that starts the class, and the last values before the next one: all ones but for the lowest bits.
  const low: u32 = length < 9 ? 1 : 3;
  const ones: u32 = (<u32>0xffffffff) >> (32 - length);
  return word === (ones ^ (ones >> 1)) || word >> low === ones >> low;
}

function classOfWord(word: u32): i32 {
  if (word < 8) return SMALL + <i32>word;
  const length = bits(word);
  if (isEdge(word, length)) return -1;
  // Numbers whose upper eight bits are ones are a class of their own: OpenFlow reserves ports from 0xff00 on.
  return length > 8 && word >> (length - 8) === 0xff ? length + RESERVED : length;
}

/** The class of the value with the words at `words`, of a decimal its number; -1 for one that is at an edge of its class. */
export function classOf(kind: u32, number: f64, words: usize): i32 {
  const first = load<u32>(words);
  switch (kind) {
    case DECIMAL:
      return number > 4294967295.0 ? 32 + bits(<u32>((<u64>number) >> 32)) : classOfWord(<u32>number);
    case HEX32:
      return classOfWord(first);
    case HEX64:
      return 32 + bits(first);
    case HEX128:
      return first === 0 ? 64 + bits(load<u32>(words, 4)) : 96 + bits(first);
    case MAC: {
      const second = load<u32>(words, 4);
      if (first === 0 && second === 0) return 2;
      if (first === 0xffff && second === 0xffffffff) return 3;
      return ((first >> 8) & 1) === 1 ? 4 : 1;
    }
    case IPV4:
      if (first === 0) return 2;
      if (first === 0xffffffff) return 3;
      return first >= 0xe0000000 ? 4 : 1;
    case IPV6:
      if ((first | load<u32>(words, 4) | load<u32>(words, 8)) === 0) return load<u32>(words, 12) < 2 ? 2 : 3;
      return first >= 0xff000000 ? 4 : first >= 0xfe800000 ? 5 : 1;
    case NAME:
      return -1;
    default:
      return 0;
  }
}

/** Whether a value at an edge is trusted: most come again. */
function isTrustedEdge(place: i32, value: u32): bool {
  const hash = (value ^ (<u32>place * 0x9e3779b1)) * 0x85ebca6b;
  const known = EDGE_VALUES_AT + ((hash >> 16) & (EDGE_PLACES - 1)) * 8;
  if (load<i32>(known) === place + 1 && load<u32>(known, 4) === value) return true;
  if (!isEdgeTrusted(place, value)) return false;
  store<i32>(known, place + 1);
  store<u32>(known, value, 4);
  return true;
}

function isTrusted(place: i32, kind: u32, number: f64, words: usize): bool {
  const first = load<u32>(words);
  if ((kind === DECIMAL ? number : <f64>first) <= load<f64>(<usize>load<u32>(LIMITS_AT) + (place << 3))) return true;
  const own = classOf(kind, number, words);
  if (own < 0) return isTrustedEdge(place, kind === DECIMAL ? <u32>number : first);
  const known = load<u32>(<usize>load<u32>(TRUSTED_AT) + ((place * CLASS_WORDS + (own >> 5)) << 2));
  return (known & ((<u32>1) << (own & 31))) !== 0;
}

/** Whether a flow goes on to a later table than its own: else a switch refuses it, and the ordinary reader knows whether that is said. */
function goesOn(program: usize): bool {
  const next = load<i32>(program, NEXT_SLOT * 4);
  if (next === -2) return true;
  const own = load<i32>(program, TABLE_SLOT * 4);
  if (own < 0 && load<i32>(program, TABLE_NUMBER * 4) < 0) return true;
  const from = own < 0 ? <f64>load<i32>(program, TABLE_NUMBER * 4) : load<f64>(NUMBERS_AT + (own << 3));
  const to = next < 0 ? <f64>load<i32>(program, NEXT_NUMBER * 4) : load<f64>(NUMBERS_AT + (next << 3));
  return to > from;
}

/** Whether no value has bits that its mask lacks. */
export function isInside(program: usize): bool {
  const lacks = load<i32>(program, LACKING * 4);
  let lack = program + (PROGRAM + load<i32>(program, SLOTS * 4) * SLOT + load<i32>(program, TERMS * 4) * TERM) * 4;
  for (let n = 0; n < lacks; n++, lack += LACK * 4) {
    const word = load<u32>(WORDS_AT + (load<i32>(lack) << 4) + (load<i32>(lack, 4) << 2));
    if ((word & load<u32>(lack, 8)) !== 0) return false;
  }
  return true;
}

/** Whether every value of the matched line is of a class that the ordinary reader agreed on. */
export function allTrusted(program: usize): bool {
  const count = load<i32>(program, SLOTS * 4);
  let slot = program + PROGRAM * 4;
  for (let n = 0; n < count; n++, slot += SLOT * 4) {
    const place = load<i32>(slot, 8);
    if (place < 0) continue;
    const head = load<u32>(slot);
    const kind = head & 15;
    if (load<i32>(ENDS_AT + (n << 2)) - load<i32>(STARTS_AT + (n << 2)) > MOST_CODE) return false;
    const number: f64 = kind === DECIMAL ? load<f64>(NUMBERS_AT + (n << 3)) : 0;
    if (number > 4294967295.0 && ((head >> 4) & 15) === 1) return false;
    const words = WORDS_AT + (n << 4);
    if ((load<u32>(words) & load<u32>(slot, 12)) !== 0) return false;
    if (!isTrusted(place, kind, number, words)) return false;
  }
  return goesOn(program) && isInside(program);
}
