import type { Connection } from 'vscode-languageserver';
import { streamDecoder } from '../base/decode';
import { methods, type FilesParams, type ReadFileParams, type ReadFileResult } from '../protocol';
import type { Service } from '../service';
import type { BackgroundReading } from './reading';

/** Files that are not open in the editor: read through the client, which can see every file system, piece by piece. */
export interface WorkspaceFiles {
  handle(params: FilesParams): Promise<void>;
  /** Takes a file again after the editor closed it with changes that were not saved. */
  reload(uri: string): Promise<void>;
}

/** How many files are asked for at once. */
const PARALLEL = 8;
/** A piece of a file, in bytes. */
const PIECE = 2 * 1024 * 1024;
/** So many bytes at its start and before the next piece tell whether a file that became longer is still the same one. */
const COMPARED = 64 * 1024;
/** How often a file that changes while it is read is begun anew. */
const ATTEMPTS = 3;
/** Text longer than this is no string of Node's (2^29 - 24 characters). */
const MOST_BYTES = 500 * 1024 * 1024;

/** Whether a file is certainly no longer what it was; one that was changed and has become longer may only have grown. */
function isOther(before: ReadFileResult, now: ReadFileResult): boolean {
  if ((now.size ?? 0) < (before.size ?? 0) || now.identity !== before.identity) return true;
  return now.changed !== before.changed && now.size === before.size;
}

export function workspaceFiles(
  connection: Connection,
  service: Service,
  reading: BackgroundReading,
  isOpen: (uri: string) => boolean,
  pathOf: (uri: string) => string,
  changed: () => void,
): WorkspaceFiles {
  const known = new Set<string>();

  async function load(uri: string): Promise<boolean> {
    if (isOpen(uri)) return false;
    const loaded = await reading.run(uri, pathOf(uri), attempts(uri));
    return loaded?.value ?? false;
  }

  /** The steps of reading a file, some of which wait for the client. */
  function* attempts(uri: string): Generator<unknown, boolean> {
    try {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const any = yield* loadOnce(uri);
        if (any !== 'changed') return any;
      }
      connection.console.warn(
        `${uri} changed each time while it was read; what was known of it before stays. Save it again when it is written.`,
      );
    } catch (error) {
      connection.console.warn(`${uri} could not be read: ${error instanceof Error ? error.message : String(error)}`);
    }
    return false;
  }

  function* ask(params: ReadFileParams): Generator<unknown, ReadFileResult> {
    const answer: { value?: ReadFileResult; error?: unknown } = {};
    yield connection.sendRequest<ReadFileResult>(methods.readFile, params).then(
      (value) => (answer.value = value),
      (error: unknown) => (answer.error = error),
    );
    if (answer.value) return answer.value;
    throw answer.error;
  }

  /** `changed` where the file is not what it was when reading began. One that only grows is read up to where it ended then. */
  function* loadOnce(uri: string): Generator<unknown, boolean | 'changed'> {
    const first = yield* ask({ uri, from: 0, length: PIECE });
    const { size } = first;
    if (first.base64 === undefined || size === undefined) return service.remove(uri);
    if (size > MOST_BYTES) {
      connection.console.warn(
        `${uri} is not read: it has ${Math.round(size / 1048576)} MB, and a text ends at ${MOST_BYTES / 1048576} MB. Split it.`,
      );
      return service.remove(uri);
    }
    const head = Buffer.from(first.base64, 'base64');
    const decoder = streamDecoder(head);
    if (decoder.kind === 'binary') return service.remove(uri);
    const path = pathOf(uri);
    if (head.length >= size) {
      const text = decoder.decode(head) + decoder.end();
      return isOpen(uri) ? false : yield* service.setInSteps(uri, path, text);
    }
    const document = service.incoming(uri, path);
    let from = head.length;
    function* add(text: string): Generator<number, void> {
      for (const steps = document.add(text); !steps.next().done;) yield (0.9 * from) / (size ?? Infinity);
    }
    /** Whether the file still holds what was read at an offset. */
    function* isSame(offset: number, bytes: Buffer): Generator<unknown, boolean> {
      const length = Math.min(bytes.length, COMPARED);
      const { base64 } = yield* ask({ uri, from: offset, length });
      return base64 !== undefined && Buffer.from(base64, 'base64').equals(bytes.subarray(0, length));
    }
    let now = first;
    let tail = head.subarray(-COMPARED);
    yield* add(decoder.decode(head));
    while (from < size) {
      const piece = yield* ask({ uri, from, length: Math.min(PIECE, size - from) });
      if (piece.base64 === undefined || isOther(now, piece)) return 'changed';
      if (piece.changed !== now.changed && !((yield* isSame(0, head)) && (yield* isSame(from - tail.length, tail))))
        return 'changed';
      now = piece;
      const bytes = Buffer.from(piece.base64, 'base64');
      if (bytes.length === 0) return 'changed';
      from += bytes.length;
      tail = bytes.subarray(-COMPARED);
      if (isOpen(uri)) return false;
      yield* add(decoder.decode(bytes));
    }
    yield* add(decoder.end());
    return yield* document.end();
  }

  return {
    async handle({ added, removed }) {
      let any = false;
      for (const uri of removed) {
        known.delete(uri);
        reading.stop(uri);
        if (!isOpen(uri)) any = service.remove(uri) || any;
      }
      const queue = [...added];
      for (const uri of queue) known.add(uri);
      const worker = async () => {
        for (let uri = queue.shift(); uri !== undefined; uri = queue.shift()) any = (await load(uri)) || any;
      };
      await Promise.all(Array.from({ length: PARALLEL }, worker));
      if (any) changed();
    },
    async reload(uri) {
      reading.stop(uri);
      if (known.has(uri) ? await load(uri) : service.remove(uri)) changed();
    },
  };
}
