import type { NfStep } from '../captures/netfilter-facts';
import { tri, type Tri } from './decide';

/** A number of which some bits may not be known: those are 0 in `value`. */
export interface Bits {
  readonly value: bigint;
  /** The bits that are known. */
  readonly known: bigint;
  readonly width: number;
}

const all = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** A number of that many bits; nothing of it is known where it is undefined. */
export function bits(width: number, value: number | bigint | undefined): Bits {
  return value === undefined ? { value: 0n, known: 0n, width } : { value: BigInt(value) & all(width), known: all(width), width };
}

/** Numbers one behind the other, the first in the highest bits. */
export function joined(parts: readonly Bits[]): Bits {
  return parts.reduce(
    (sum, part) => ({
      value: (sum.value << BigInt(part.width)) | part.value,
      known: (sum.known << BigInt(part.width)) | part.known,
      width: sum.width + part.width,
    }),
    { value: 0n, known: 0n, width: 0 },
  );
}

/** The bits from a place on, counted from the highest; undefined where there are not so many. */
export function slice({ value, known, width }: Bits, from: number, length: number): Bits | undefined {
  const below = width - from - length;
  if (from < 0 || length <= 0 || below < 0) return undefined;
  const mask = all(length);
  return { value: (value >> BigInt(below)) & mask, known: (known >> BigInt(below)) & mask, width: length };
}

/** Any number from one to another. */
export function between(width: number, from: bigint, to: bigint): Bits {
  let known = all(width);
  // The bits from the first one on that differs.
  while ((from & known) !== (to & known)) known = (known << 1n) & all(width);
  return { value: from & known, known, width };
}

/** A number after one operation. What a shift moves beyond the width is lost. */
function step({ value, known, width }: Bits, { op, by }: NfStep): Bits {
  switch (op) {
    case '&':
      return { value: value & by, known: known | (~by & all(width)), width };
    case '|':
      return { value: (value | by) & all(width), known: (known | by) & all(width), width };
    case '^':
      return { value: (value ^ by) & known & all(width), known, width };
    case '<<': {
      const low = (1n << by) - 1n;
      return { value: (value << by) & all(width), known: ((known << by) | low) & all(width), width };
    }
    case '>>':
      return { value: value >> by, known: (known >> by) | (all(width) & ~(all(width) >> by)), width };
  }
}

/** A number after operations from left to right. */
export function after(number: Bits, steps: readonly NfStep[]): Bits {
  return steps.reduce(step, number);
}

/** The number itself, where all of it is known. */
export function exact({ value, known, width }: Bits): bigint | undefined {
  return known === all(width) ? value : undefined;
}

/** Whether a number is in one of the ranges, which include their ends. */
export function isWithin({ value, known, width }: Bits, ranges: readonly (readonly [bigint, bigint])[]): Tri {
  const [least, most] = [value, value | (all(width) & ~known)];
  let some: Tri = 'no';
  for (const [from, to] of ranges) {
    if (from <= least && most <= to) return 'yes';
    const differs = from === to ? ((from ^ value) & known) !== 0n || from > all(width) : most < from || least > to;
    if (!differs) some = 'maybe';
  }
  return least === most ? tri(some !== 'no') : some;
}
