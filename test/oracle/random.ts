/** A repeatable source of randomness: the same seed makes the same cases on every machine. */
export interface Random {
  /** A whole number from `low` to `high`, both included. */
  readonly int: (low: number, high: number) => number;
  /** `true` with this probability. */
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(items: readonly T[]) => T;
  /** `count` different items, in random order; all of them where there are fewer. */
  readonly sample: <T>(items: readonly T[], count: number) => T[];
  readonly shuffle: <T>(items: readonly T[]) => T[];
  /** A number of `width` bits; small and extreme values are more likely than chance would have them. */
  readonly bits: (width: number) => bigint;
  /** Another source that depends on this seed and the name only, not on what was drawn before. */
  readonly fork: (name: string) => Random;
}

/** Xorshift over 32 bits, seeded through an FNV hash so that neighbouring seeds differ. */
export function random(seed: string): Random {
  let state = 0x811c9dc5;
  for (const char of seed) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  state = state === 0 ? 1 : state;
  const next = (): number => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  for (let n = 0; n < 8; n++) next();
  const int = (low: number, high: number): number => low + (next() % (high - low + 1));
  const chance = (probability: number): boolean => next() / 0x1_0000_0000 < probability;
  const pick = <T>(items: readonly T[]): T => {
    if (items.length === 0) throw new Error('There is nothing to pick from.');
    return items[int(0, items.length - 1)] as T;
  };
  const shuffle = <T>(items: readonly T[]): T[] => {
    const all = [...items];
    for (let n = all.length - 1; n > 0; n--) {
      const other = int(0, n);
      [all[n], all[other]] = [all[other] as T, all[n] as T];
    }
    return all;
  };
  const bits = (width: number): bigint => {
    const limit = 1n << BigInt(width);
    const kind = int(0, 9);
    if (kind === 0) return 0n;
    if (kind === 1) return limit - 1n;
    if (kind <= 3) return BigInt(int(0, 15)) % limit;
    let value = 0n;
    for (let n = 0; n < width; n += 32) value = (value << 32n) | BigInt(next());
    return value % limit;
  };
  return {
    int,
    chance,
    pick,
    shuffle,
    bits,
    sample: (items, count) => shuffle(items).slice(0, count),
    fork: (name) => random(`${seed}/${name}`),
  };
}
