import type { Edit } from './base/lines';
import { drained } from './base/steps';
import {
  documentInSteps,
  prepareDocument,
  prepareReading,
  readInSteps,
  sharedReading,
  type CaptureDocument,
} from './captures/document';
import {
  editedText,
  growingText,
  isSameText,
  isTextOf,
  segmentsOf,
  type GrowingText,
  type SegmentedText,
} from './captures/segmented';
import type { World } from './features/world';
import { linkInSteps } from './link/network';
import type { Network } from './model/network';

/** A text that was cut into segments: edits of it cost what they touch. */
export type CutText = SegmentedText;

/** A text that comes in pieces. */
export interface IncomingDocument {
  /** Takes the next piece; each step is a few milliseconds' work. */
  add(piece: string): Generator<unknown, void>;
  /** There are no more pieces. True where something changed. */
  end(): Generator<unknown, boolean>;
}

/** Owns the documents and the snapshot that features read. One per server or command; holds no handles and does no I/O. */
export interface Service {
  /** Takes a document's text; a text that did not change costs nothing. True where something changed. */
  set(uri: string, path: string, text: string): boolean;
  /** The same with pauses, a few milliseconds apart; each tells how much of the work is done, from 0 to 1. Nothing changes before the end. */
  setInSteps(uri: string, path: string, text: string): Generator<number, boolean>;
  /** Cuts a text, which may be a later state of `before`, into segments; each step tells how much of the work is done, from 0 to 1. */
  cut(text: string, before: CutText | undefined): Generator<number, CutText>;
  /** A text that was cut after edits, at the cost of what they touch; undefined where that takes longer than a slice. */
  edit(before: CutText, edits: readonly Edit[]): CutText | undefined;
  /** `setInSteps` for a text that was cut. */
  setCut(uri: string, path: string, cut: CutText): Generator<number, boolean>;
  /** A text that comes in pieces, and may be a later state of what is known of the document, to be cut. */
  growing(uri: string): GrowingText;
  /** Takes a document that comes in pieces from where the editor does not hold it. */
  incoming(uri: string, path: string): IncomingDocument;
  /** Takes the first lines of a document for the whole of it until that is read, in steps. Does nothing where the document is known. */
  preview(uri: string, path: string, text: string): Generator<number, boolean>;
  /** Gets ready for dumps of the usual kinds, in steps of a millisecond or so; worthwhile where there is time before the first one. */
  prepare(): Generator<void, void>;
  /** Makes the snapshot, and finds out what is asked of all flows, in steps; `world` does at once what is left of it. */
  link(): Generator<void, void>;
  /** Whether nothing is left of it. */
  isLinked(): boolean;
  /** Whether only the first lines of a document are known, and a line is one of them. */
  isInPreview(uri: string, line: number): boolean;
  /** Forgets a document. True where it was known. */
  remove(uri: string): boolean;
  /** The current snapshot; linked anew only after a change. */
  world(): World;
}

/** As many characters are read at once after an edit: a slice's work. */
const MOST_EDITED = 3 * 1024 * 1024;
/** As many characters are read as a preview: some screens full of the longest lines. */
const PREVIEW = 64 * 1024;

export function createService(): Service {
  const reading = sharedReading();
  const documents = new Map<string, CaptureDocument>();
  /** Documents of which only the first lines were read, and those that came through the file system. */
  const previews = new Set<string>();
  const streamed = new Set<string>();
  let snapshot: World | undefined;
  let before: Network | undefined;
  let linked: World | undefined;
  /** The snapshot while it is being made. */
  let joining: Generator<void, void> | undefined;

  const take = (document: CaptureDocument, preview: boolean, stream: boolean): boolean => {
    const { uri, path } = document;
    // A document without captures can't change the network, unless it names a sosreport's host.
    const silent = document.captures.length === 0 && !/(?:^|\/)hostname$/.test(path);
    if (silent && !documents.has(uri)) return false;
    if (silent) documents.delete(uri);
    else documents.set(uri, document);
    const mark = (set: Set<string>, on: boolean) => (on && !silent ? set.add(uri) : set.delete(uri));
    mark(previews, preview);
    mark(streamed, stream);
    changed();
    return true;
  };
  /** Whether a document is known just as it is. */
  const isKnown = (uri: string, path: string, same: (known: SegmentedText) => boolean): boolean => {
    const known = documents.get(uri);
    if (!known || previews.has(uri) || known.path !== path || !same(known.segmented)) return false;
    if (streamed.delete(uri)) changed();
    return true;
  };
  function* setInSteps(uri: string, path: string, text: string): Generator<number, boolean> {
    if (isKnown(uri, path, (known) => isTextOf(known, text))) return false;
    return take(yield* readInSteps(uri, path, text, documents.get(uri), reading), false, false);
  }
  function* setCut(uri: string, path: string, cut: SegmentedText): Generator<number, boolean> {
    if (isKnown(uri, path, (known) => isSameText(known, cut))) return false;
    const document = yield* documentInSteps(uri, path, cut, reading);
    yield* prepareDocument(document, reading);
    return take(document, false, false);
  }
  const growing = (uri: string) => growingText(reading.segments, previews.has(uri) ? undefined : documents.get(uri)?.segmented);
  return {
    set: (uri, path, text) => drained(setInSteps(uri, path, text)),
    setInSteps,
    *cut(text, before) {
      const steps = segmentsOf(reading.segments, text, before);
      for (;;) {
        const step = steps.next();
        if (step.done) return step.value;
        yield (0.9 * step.value) / Math.max(1, text.length);
      }
    },
    edit: (before, edits) => editedText(reading.segments, before, edits, MOST_EDITED),
    setCut,
    growing,
    incoming(uri, path) {
      const text = growing(uri);
      return {
        add: (piece) => text.add(piece),
        *end() {
          const cut = yield* text.end();
          const known = documents.get(uri);
          if (known && known.path === path && streamed.has(uri) && isSameText(known.segmented, cut)) return false;
          const document = yield* documentInSteps(uri, path, cut, reading);
          yield* prepareDocument(document, reading);
          return take(document, false, true);
        },
      };
    },
    *preview(uri, path, text) {
      const end = text.lastIndexOf('\n', PREVIEW) + 1;
      if (documents.has(uri) || end === 0) return false;
      return take(yield* readInSteps(uri, path, text.slice(0, end), undefined, reading), true, false);
    },
    prepare: () => prepareReading(reading),
    remove(uri) {
      previews.delete(uri);
      streamed.delete(uri);
      const removed = documents.delete(uri);
      if (removed) changed();
      return removed;
    },
    *link() {
      const own = (joining ??= join());
      while (!snapshot && !own.next().done) {
        yield;
        // What changed meanwhile is joined anew, by whoever asks for that.
        if (joining !== own) return;
      }
      const current = world();
      for (const host of current.network.hosts.values()) {
        for (const { flows } of host.bridges.values()) {
          yield;
          yield* flows.prepare();
        }
      }
      linked = current;
    },
    isInPreview(uri, line) {
      const lines = previews.has(uri) ? documents.get(uri)?.lines : undefined;
      return lines !== undefined && line < lines.count - 1;
    },
    isLinked: () => snapshot !== undefined && linked === snapshot,
    world,
  };

  function changed(): void {
    snapshot = undefined;
    joining = undefined;
  }

  /** Makes the snapshot in steps. */
  function* join(): Generator<void, void> {
    const all = new Map(documents);
    const rest = { documents: all, previews: new Set(previews), streamed: new Set(streamed) };
    const network = yield* linkInSteps([...all.values()], before);
    snapshot = { ...rest, network };
    before = network;
  }

  function world(): World {
    if (!snapshot) drained((joining ??= join()));
    if (!snapshot) throw new Error('what was read could not be joined');
    return snapshot;
  }
}
