import { limitsOf } from './plain-values';
import { Kind } from './tokens';

/**
 * Which values of each place in a flow's text are known to be read as a shape's template says. Values fall into classes: by their
 * length in bits, with whatever stands at a class's edge (powers of two, the last values before them, numbers below 8) apart,
 * for that is where limits and reserved values are. A class is trusted once the ordinary reader agreed on one of its values; where
 * the table of fields tells up to where values are just themselves (`plain-values.ts`), none need be tried.
 * Places have numbers, from 0 on; all that is known of them stands in one array.
 */
export interface Rules {
  readonly places: Map<string, number>;
  /** For each place, a bit for each class that is trusted. */
  trusted: Int32Array;
  /** For each place, up to which first word any value is taken as it is. */
  limits: Float64Array;
  count: number;
  /** Edge values, each trusted for itself; most places never meet one. */
  readonly edges: Map<number, Set<number>>;
}

const CLASSES = 160;
const SMALL = 150;
/** A bit for each class. */
const WORDS = CLASSES / 32;
/** As many edge values as are remembered for one place; a name is one of them. */
const MOST_EDGES = 20_000;

export function createRules(): Rules {
  return { places: new Map(), trusted: new Int32Array(256 * WORDS), limits: new Float64Array(256), count: 0, edges: new Map() };
}

/** The number of the first of `wanted` places that go by a name: new ones where nobody asked for it before. */
export function placesOf(rules: Rules, name: string, wanted: number): number {
  const place = rules.places.get(name);
  if (place !== undefined) return place;
  const first = rules.count;
  rules.count += wanted;
  if (rules.count > rules.limits.length) {
    const size = Math.max(rules.count, rules.limits.length * 2);
    const trusted = new Int32Array(size * WORDS);
    trusted.set(rules.trusted);
    rules.trusted = trusted;
    const limits = new Float64Array(size);
    limits.set(rules.limits);
    rules.limits = limits;
  }
  rules.places.set(name, first);
  const known = limitsOf(name);
  for (let n = 0; n < wanted; n++) rules.limits[first + n] = known[n] ?? -1;
  return first;
}

/** Whether the template may be believed for a value. `number` is a decimal's value, `words` from `at` on the others'. */
export function isTrusted(rules: Rules, place: number, kind: Kind, number: number, words: Uint32Array, at: number): boolean {
  if ((kind === Kind.decimal ? number : (words[at] ?? 0)) <= (rules.limits[place] ?? -1)) return true;
  const of = classOf(kind, number, words, at);
  if (of >= 0) return ((rules.trusted[place * WORDS + (of >> 5)] ?? 0) & (1 << (of & 31))) !== 0;
  return rules.edges.get(place)?.has(kind === Kind.decimal ? number : (words[at] ?? 0)) === true;
}

/** Remembers that the ordinary reader agreed on a value. */
export function trust(rules: Rules, place: number, kind: Kind, number: number, words: Uint32Array, at: number): void {
  const of = classOf(kind, number, words, at);
  if (of >= 0) {
    const into = place * WORDS + (of >> 5);
    rules.trusted[into] = (rules.trusted[into] ?? 0) | (1 << (of & 31));
    return;
  }
  let own = rules.edges.get(place);
  if (!own) rules.edges.set(place, (own = new Set()));
  if (own.size < MOST_EDGES) own.add(kind === Kind.decimal ? number : (words[at] ?? 0));
}

/** The length in bits of a 32-bit word. */
function bits(word: number): number {
  return 32 - Math.clz32(word);
}

/** Whether a word of that length is at the edge of its class. */
function isEdge(word: number, length: number): boolean {
  if (length < 4) return false;
  // OpenFlow's reserved ports, groups and meters.
  if (word >= 0xff000000) return true;
  // The power of two that starts the class, and the last values before the next one: all ones but for the lowest bits.
  const low = length < 9 ? 1 : 3;
  const ones = 0xffffffff >>> (32 - length);
  return word === (ones ^ (ones >>> 1)) >>> 0 || word >>> low === ones >>> low;
}

/** Numbers whose upper eight bits are ones are a class of their own: OpenFlow reserves ports from 0xff00 on. */
function reserved(word: number, length: number): number {
  return length > 8 && word >>> (length - 8) === 0xff ? RESERVED : 0;
}

const RESERVED = 100;

/** The class of a value that has no edge to be at; -1 for an edge value, which is for `edges`. */
function classOf(kind: Kind, number: number, words: Uint32Array, at: number): number {
  const first = words[at] ?? 0;
  switch (kind) {
    case Kind.decimal: {
      if (number > 0xffffffff) return 32 + bits(Math.floor(number / 0x100000000));
      const word = number >>> 0;
      if (word < 8) return SMALL + word;
      const length = bits(word);
      return isEdge(word, length) ? -1 : length + reserved(word, length);
    }
    case Kind.hex32: {
      if (first < 8) return SMALL + first;
      const length = bits(first);
      return isEdge(first, length) ? -1 : length + reserved(first, length);
    }
    case Kind.hex64:
      return 32 + bits(first);
    case Kind.hex128:
      return first === 0 ? 64 + bits(words[at + 1] ?? 0) : 96 + bits(first);
    case Kind.mac: {
      const second = words[at + 1] ?? 0;
      if (first === 0 && second === 0) return 2;
      if (first === 0xffff && second === 0xffffffff) return 3;
      return ((first >>> 8) & 1) === 1 ? 4 : 1;
    }
    case Kind.ipv4:
      if (first === 0) return 2;
      if (first === 0xffffffff) return 3;
      return first >= 0xe0000000 ? 4 : 1;
    case Kind.ipv6:
      if ((first | (words[at + 1] ?? 0) | (words[at + 2] ?? 0)) === 0) return (words[at + 3] ?? 0) < 2 ? 2 : 3;
      return first >= 0xff000000 ? 4 : first >= 0xfe800000 ? 5 : 1;
    case Kind.name:
      return -1;
    default:
      return 0;
  }
}
