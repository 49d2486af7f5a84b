import fc from 'fast-check';

/** The seed of every random test: the same for everybody, or the one of `FUZZ_SEED` to look further. */
const seed = Number(process.env.FUZZ_SEED ?? 20_261_125);

/** How many times as many runs as a test asks for; `FUZZ_TIMES`, 1 if not given. */
const times = Number(process.env.FUZZ_TIMES ?? 1);

fc.configureGlobal({ seed });

/** How often a property is tried: `count` times, or a multiple of that with `FUZZ_TIMES`. */
export function runs(count: number): number {
  return Math.ceil(count * times);
}

export { fc };
