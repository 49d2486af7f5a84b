/** Whether a 16-bit number's bytes stand as UTF-16 in little-endian order has them. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Copies the UTF-16 code units of `text` from `from` to `to` (clamped) into `into`; gives how many. Much faster to read one by one
 * there than in a string.
 */
export function copyUnits(text: string, from: number, to: number, into: Uint16Array): number {
  const end = Math.min(to, text.length, from + into.length);
  if (end <= from) return 0;
  if (LITTLE_ENDIAN && typeof Buffer !== 'undefined') {
    Buffer.from(into.buffer, into.byteOffset, into.byteLength).write(text.slice(from, end), 0, (end - from) * 2, 'utf16le');
  } else {
    for (let i = from; i < end; i++) into[i - from] = text.charCodeAt(i);
  }
  return end - from;
}

/** The code units from `from` to `to` as a string of its own: a slice of a text would keep all of the text alive. At most some thousands. */
export function stringOf(units: Uint16Array, from: number, to: number): string {
  return String.fromCharCode.apply(undefined, units.subarray(from, to) as unknown as number[]);
}
