/** A file's bytes as text, or why they are none. */
export type Decoded =
  | { readonly kind: 'text'; readonly text: string; readonly encoding: string }
  | { readonly kind: 'binary'; readonly reason: string };

/**
 * Decodes UTF-8 (with or without a byte order mark) and UTF-16 in both orders; bytes that are not UTF-8 are read as
 * replacement characters, so that the rest of the file is not lost. A NUL byte outside UTF-16 makes the file binary.
 */
export function decodeText(bytes: Uint8Array): Decoded {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return text(bytes.subarray(2), 'utf-16le');
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return text(bytes.subarray(2), 'utf-16be');
  const head = bytes.subarray(0, 4096);
  const zeros = [0, 0];
  for (let n = 0; n < head.length; n++) {
    if (head[n] === 0) zeros[n % 2] = (zeros[n % 2] ?? 0) + 1;
  }
  const half = head.length / 2;
  if ((zeros[1] ?? 0) > half * 0.7 && (zeros[0] ?? 0) < half * 0.05) return text(bytes, 'utf-16le');
  if ((zeros[0] ?? 0) > half * 0.7 && (zeros[1] ?? 0) < half * 0.05) return text(bytes, 'utf-16be');
  if (head.includes(0)) return { kind: 'binary', reason: 'it holds NUL bytes' };
  const start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  return text(bytes.subarray(start), 'utf-8');
}

function text(bytes: Uint8Array, encoding: string): Decoded {
  return { kind: 'text', text: new TextDecoder(encoding, { fatal: false, ignoreBOM: true }).decode(bytes), encoding };
}
