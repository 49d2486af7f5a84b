import { CLASS_WORDS, LIMITS_AT, TRUSTED_AT } from '../../../flow-reader/layout';
import { createRegion, makeRoom, type Engine, type Region } from './engine';
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
  readonly engine: Engine;
  readonly places: Map<string, number>;
  /** For each place, a bit for each class that is trusted; see `classOf` in `server/flow-reader/trust.ts`. */
  readonly trusted: Region;
  /** For each place, up to which first word any value is taken as it is. */
  readonly limits: Region;
  count: number;
  /** Edge values, each trusted for itself; most places never meet one. */
  readonly edges: Map<number, Set<number>>;
}

/** As many edge values as are remembered for one place; a name is one of them. */
const MOST_EDGES = 20_000;

export function createRules(engine: Engine): Rules {
  return {
    engine,
    places: new Map(),
    trusted: createRegion(engine, TRUSTED_AT, 256 * CLASS_WORDS * 4),
    limits: createRegion(engine, LIMITS_AT, 256 * 8),
    count: 0,
    edges: new Map(),
  };
}

/** What is known of the places in numbers: see `Rules`. */
export interface RuleNumbers {
  readonly trusted: Int32Array;
  readonly limits: Float64Array;
}

export function numbersOfRules({ engine, trusted, limits, count }: Rules): RuleNumbers {
  return {
    trusted: engine.i32.slice(trusted.at >> 2, (trusted.at >> 2) + count * CLASS_WORDS),
    limits: engine.f64.slice(limits.at >> 3, (limits.at >> 3) + count),
  };
}

/** Makes rules without places know what the numbers say. */
export function fillRules(rules: Rules, numbers: { readonly [P in keyof RuleNumbers]: ArrayLike<number> }): void {
  const { engine, trusted, limits } = rules;
  rules.count = numbers.limits.length;
  makeRoom(engine, trusted, numbers.trusted.length * 4);
  makeRoom(engine, limits, numbers.limits.length * 8);
  engine.i32.set(numbers.trusted, trusted.at >> 2);
  engine.f64.set(numbers.limits, limits.at >> 3);
}

/** The number of the first of `wanted` places that go by a name: new ones where nobody asked for it before. */
export function placesOf(rules: Rules, name: string, wanted: number): number {
  const place = rules.places.get(name);
  if (place !== undefined) return place;
  const first = rules.count;
  const { engine, trusted, limits } = rules;
  rules.count += wanted;
  makeRoom(engine, trusted, rules.count * CLASS_WORDS * 4);
  makeRoom(engine, limits, rules.count * 8);
  rules.places.set(name, first);
  const known = limitsOf(name);
  for (let n = 0; n < wanted; n++) engine.f64[(limits.at >> 3) + first + n] = known[n] ?? -1;
  return first;
}

/** Whether the ordinary reader agreed on a value at the edge of a class. */
export function isEdgeTrusted({ edges }: Rules, place: number, value: number): boolean {
  return edges.get(place)?.has(value) === true;
}

/** Remembers that the ordinary reader agreed on a value: `number` is a decimal's, the words of others are at an address. */
export function trust({ engine, trusted, edges }: Rules, place: number, kind: Kind, number: number, words: number): void {
  const of = engine.calls.classOf(kind, number, words);
  if (of >= 0) {
    const into = (trusted.at >> 2) + place * CLASS_WORDS + (of >> 5);
    engine.i32[into] = (engine.i32[into] ?? 0) | (1 << (of & 31));
    return;
  }
  let own = edges.get(place);
  if (!own) edges.set(place, (own = new Set()));
  if (own.size < MOST_EDGES) own.add(kind === Kind.decimal ? number : (engine.u32[words >> 2] ?? 0));
}
