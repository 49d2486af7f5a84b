/** Of widths that fields have: to make such a number takes longer than what is done with it. */
const ONES: readonly bigint[] = Array.from({ length: 129 }, (_, bits) => (1n << BigInt(bits)) - 1n);

/** All ones in the low `bits` bits. */
export function ones(bits: number): bigint {
  return ONES[bits] ?? (1n << BigInt(bits)) - 1n;
}

/** Reads `0x1f`, `31` or `037`-less decimal text; undefined where it is neither. */
export function parseNumber(text: string): bigint | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(text) || /^\d+$/.test(text)) return BigInt(text);
  return undefined;
}

export function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
