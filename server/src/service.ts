import { readDocument, type CaptureDocument } from './captures/document';
import type { World } from './features/world';
import { linkNetwork } from './link/network';

/** Owns the documents and the snapshot that features read. One per server or command; holds no handles and does no I/O. */
export interface Service {
  /** Takes a document's text; a text that did not change costs nothing. True where something changed. */
  set(uri: string, path: string, text: string): boolean;
  /** Forgets a document. True where it was known. */
  remove(uri: string): boolean;
  /** The current snapshot; linked anew only after a change. */
  world(): World;
}

export function createService(): Service {
  const documents = new Map<string, CaptureDocument>();
  let snapshot: World | undefined;
  return {
    set(uri, path, text) {
      const known = documents.get(uri);
      if (known && known.text === text && known.path === path) return false;
      const document = readDocument(uri, path, text);
      // A document without captures can't change the network, unless it names a sosreport's host.
      const silent = document.captures.length === 0 && !/(?:^|\/)hostname$/.test(path);
      if (silent && !known) return false;
      if (silent) documents.delete(uri);
      else documents.set(uri, document);
      snapshot = undefined;
      return true;
    },
    remove(uri) {
      const removed = documents.delete(uri);
      if (removed) snapshot = undefined;
      return removed;
    },
    world() {
      if (!snapshot) {
        const all = new Map(documents);
        snapshot = { documents: all, network: linkNetwork([...all.values()]) };
      }
      return snapshot;
    },
  };
}
