import type { Segment } from './segment';

/** The hashes of a segment's flows: of those of known shapes, and of the others. */
function hashesOf({ hashes, odd }: Segment): readonly Int32Array[] {
  return odd.hashes.length > 0 ? [hashes, odd.hashes] : [hashes];
}

/** Finds the hashes that come more than once among all that it is given. Data only, as `ShapeBook` is. */
export interface HashCounter {
  /** Open-addressing tables of numbers; 0 is a free place in them, so the hash 0 is noted apart. */
  readonly tables: Int32Array[];
  readonly used: Int32Array;
  zero: boolean;
  readonly repeats: Set<number>;
}

/** A power of two: each table grows for itself, so that none takes long. */
const TABLES = 64;

export function hashCounter(): HashCounter {
  return {
    tables: Array.from({ length: TABLES }, () => new Int32Array(512)),
    used: new Int32Array(TABLES),
    zero: false,
    repeats: new Set(),
  };
}

export function countHashes(counter: HashCounter, segment: Segment): void {
  for (const hashes of hashesOf(segment)) countAll(counter, hashes);
}

function countAll(counter: HashCounter, hashes: Int32Array): void {
  const { tables, used, repeats } = counter;
  for (let n = 0; n < hashes.length; n++) {
    const hash = hashes[n] ?? 0;
    if (hash === 0) {
      if (counter.zero) repeats.add(0);
      counter.zero = true;
      continue;
    }
    const own = (hash ^ (hash >>> 16)) & (TABLES - 1);
    const slots = tables[own];
    if (!slots) break;
    const at = placeIn(slots, hash);
    if (slots[at] === hash) repeats.add(hash);
    else {
      slots[at] = hash;
      const count = (used[own] = (used[own] ?? 0) + 1);
      if (count * 2 > slots.length) tables[own] = grown(slots);
    }
  }
}

function placeIn(table: Int32Array, hash: number): number {
  const mask = table.length - 1;
  let at = (Math.imul(hash, 0x9e3779b1) >>> 7) & mask;
  while (table[at] !== 0 && table[at] !== hash) at = (at + 1) & mask;
  return at;
}

function grown(slots: Int32Array): Int32Array {
  const bigger = new Int32Array(slots.length * 2);
  for (let n = 0; n < slots.length; n++) {
    const hash = slots[n] ?? 0;
    if (hash !== 0) bigger[placeIn(bigger, hash)] = hash;
  }
  return bigger;
}

/** More new flows than this are counted together with all others. */
const FEW = 20_000;

/**
 * The repeated hashes after some segments were replaced: those of before (of which some may have no second flow any more), and those
 * that the new segments' flows bring. Undefined where so many are new that all had better be counted.
 */
export function repeatsAfter(
  before: ReadonlySet<number>,
  segments: readonly Segment[],
  fresh: readonly Segment[],
): ReadonlySet<number> | undefined {
  if (fresh.length === 0) return before;
  const isFresh = new Set(fresh);
  const count = fresh.reduce((sum, { hashes, odd }) => sum + hashes.length + odd.hashes.length, 0);
  if (count > FEW) return undefined;
  const counter = hashCounter();
  const own = new Set<number>();
  const filter = hashFilter();
  for (const segment of fresh) {
    countHashes(counter, segment);
    for (const hashes of hashesOf(segment)) {
      for (const hash of hashes) {
        own.add(hash);
        filter.add(hash);
      }
    }
  }
  const found = new Set(counter.repeats);
  for (const segment of segments) {
    if (isFresh.has(segment)) continue;
    for (const hashes of hashesOf(segment)) for (const hash of hashes) if (filter.has(hash) && own.has(hash)) found.add(hash);
  }
  for (const hash of found) if (before.has(hash)) found.delete(hash);
  return found.size === 0 ? before : new Set([...before, ...found]);
}

/** Tells cheaply of most hashes that they are none of some thousands. */
export function hashFilter(): { add(hash: number): void; has(hash: number): boolean } {
  const bits = new Uint8Array(1 << 16);
  return {
    add(hash) {
      bits[(hash ^ (hash >>> 16)) & 0xffff] = 1;
    },
    has: (hash) => bits[(hash ^ (hash >>> 16)) & 0xffff] === 1,
  };
}
