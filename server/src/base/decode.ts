/** A file's bytes as text, or why they are none. */
export type Decoded =
  | { readonly kind: 'text'; readonly text: string; readonly encoding: string }
  | { readonly kind: 'binary'; readonly reason: string };

/** Decodes a file's bytes as they come. */
export type StreamDecoder =
  | {
      readonly kind: 'text';
      readonly encoding: string;
      /** The text of the next bytes; the first ones are those that the decoder was made from. */
      decode(bytes: Uint8Array): string;
      /** What is left of a character that was cut off. */
      end(): string;
    }
  | { readonly kind: 'binary'; readonly reason: string };

/**
 * Decodes UTF-8 (with or without a byte order mark) and UTF-16 in both orders; bytes that are not UTF-8 are read as
 * replacement characters, so that the rest of the file is not lost. A NUL byte outside UTF-16 at the file's head makes it binary.
 */
export function streamDecoder(head: Uint8Array): StreamDecoder {
  const found = encodingOf(head);
  if (found.kind === 'binary') return found;
  const decoder = new TextDecoder(found.encoding, { fatal: false, ignoreBOM: true });
  let skip = found.skip;
  return {
    kind: 'text',
    encoding: found.encoding,
    decode(bytes) {
      const own = bytes.subarray(skip);
      skip = 0;
      return decoder.decode(own, { stream: true });
    },
    end: () => decoder.decode(),
  };
}

/** The same for all of a file's bytes at once. */
export function decodeText(bytes: Uint8Array): Decoded {
  const decoder = streamDecoder(bytes);
  if (decoder.kind === 'binary') return decoder;
  return { kind: 'text', text: decoder.decode(bytes) + decoder.end(), encoding: decoder.encoding };
}

function encodingOf(
  bytes: Uint8Array,
):
  | { readonly kind: 'text'; readonly encoding: string; readonly skip: number }
  | { readonly kind: 'binary'; readonly reason: string } {
  const text = (encoding: string, skip: number) => ({ kind: 'text', encoding, skip }) as const;
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return text('utf-16le', 2);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return text('utf-16be', 2);
  const head = bytes.subarray(0, 4096);
  const zeros = [0, 0];
  for (let n = 0; n < head.length; n++) {
    if (head[n] === 0) zeros[n % 2] = (zeros[n % 2] ?? 0) + 1;
  }
  const half = head.length / 2;
  if ((zeros[1] ?? 0) > half * 0.7 && (zeros[0] ?? 0) < half * 0.05) return text('utf-16le', 0);
  if ((zeros[0] ?? 0) > half * 0.7 && (zeros[1] ?? 0) < half * 0.05) return text('utf-16be', 0);
  if (head.includes(0)) return { kind: 'binary', reason: 'it holds NUL bytes' };
  return text('utf-8', bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0);
}
