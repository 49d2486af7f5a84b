/** Long documents are handed to the server in pieces: it answers for what is on screen when the first of them is there. */
import type { OpenedInPieces, ReadTextParams, ReadTextResult } from '../../server/src/protocol';

/** Longer texts go in pieces, in characters. */
const LONG = 1024 * 1024;
/** What goes at once: some screens full of the longest lines. */
const HEAD = 128 * 1024;

/** As much of the protocol's messages as is looked at here. */
interface Opened {
  readonly textDocument: { readonly uri: string; readonly version: number; readonly text: string };
}
interface Closed {
  readonly textDocument: { readonly uri: string };
}

export interface LongTexts {
  /** What is sent instead of a message: of a document that is opened and long, its start. */
  outgoing(method: string, params: unknown): unknown;
  /** A piece of what was held back. */
  read(params: ReadTextParams): ReadTextResult;
}

export function createLongTexts(): LongTexts {
  const held = new Map<string, { readonly version: number; readonly text: string }>();
  return {
    outgoing(method, params) {
      if (method === 'textDocument/didClose') held.delete((params as Closed).textDocument.uri);
      if (method !== 'textDocument/didOpen') return params;
      const { textDocument } = params as Opened;
      const { uri, version, text } = textDocument;
      held.delete(uri);
      if (text.length <= LONG) return params;
      held.set(uri, { version, text });
      const more: OpenedInPieces = { length: text.length };
      return { ...(params as Opened), textDocument: { ...textDocument, text: text.slice(0, HEAD) }, ...more };
    },
    read({ uri, version, from, length }) {
      const own = held.get(uri);
      if (own?.version !== version) return {};
      // The server asks for what is behind the end when it has all of it.
      if (from >= own.text.length) held.delete(uri);
      return { text: own.text.slice(from, from + length) };
    },
  };
}
