/** All ones in the low `bits` bits. */
export function ones(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

/** Reads `0x1f`, `31` or `037`-less decimal text; undefined where it is neither. */
export function parseNumber(text: string): bigint | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(text) || /^\d+$/.test(text)) return BigInt(text);
  return undefined;
}

export function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
