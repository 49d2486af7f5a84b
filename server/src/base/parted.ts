/*
 * Maps and sets of numbers for hundreds of thousands of entries. One that grows is copied as a whole, which stops the program for a tenth of a
 * second at half a million; each of these parts is small.
 */

/** The number of the part that a hash belongs to, 0 to 63: whatever bits differ, they count. */
function partOf(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> 26;
}

/** A map from hashes, of which only this is asked. */
export function partedMap<V>(): Pick<Map<number, V>, 'get'> & { set(hash: number, value: V): void } {
  const parts: (Map<number, V> | undefined)[] = [];
  return {
    get: (hash) => parts[partOf(hash)]?.get(hash),
    set: (hash, value) => void (parts[partOf(hash)] ??= new Map<number, V>()).set(hash, value),
  };
}

/** A set of hashes, of which only this is asked. */
export function partedSet(): Pick<Set<number>, 'has'> & { add(hash: number): void } {
  const parts: (Set<number> | undefined)[] = [];
  return {
    has: (hash) => parts[partOf(hash)]?.has(hash) === true,
    add: (hash) => void (parts[partOf(hash)] ??= new Set()).add(hash),
  };
}
