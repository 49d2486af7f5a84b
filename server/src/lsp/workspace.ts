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
/** How often a file that changes while it is read is begun anew. */
const ATTEMPTS = 3;
/** Text longer than this is no string of Node's (2^29 - 24 characters). */
const MOST_BYTES = 500 * 1024 * 1024;

export function workspaceFiles(
  connection: Connection,
  service: Service,
  reading: BackgroundReading,
  isOpen: (uri: string) => boolean,
  pathOf: (uri: string) => string,
  changed: () => void,
): WorkspaceFiles {
  const known = new Set<string>();
  const ask = (params: ReadFileParams) => connection.sendRequest<ReadFileResult>(methods.readFile, params);

  async function load(uri: string): Promise<boolean> {
    if (isOpen(uri)) return false;
    try {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const any = await loadOnce(uri);
        if (any !== 'changed') return any;
      }
      connection.console.warn(
        `${uri} changed each time while it was read; what was known of it before stays. Save it again when it is written.`,
      );
      return false;
    } catch (error) {
      connection.console.warn(`${uri} could not be read: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  }

  /** `changed` where the file is not what it was when reading began. One that only grows is read up to where it ended then. */
  async function loadOnce(uri: string): Promise<boolean | 'changed'> {
    let piece = await ask({ uri, from: 0, length: PIECE });
    const { size } = piece;
    if (piece.base64 === undefined || size === undefined) return service.remove(uri);
    if (size > MOST_BYTES) {
      connection.console.warn(
        `${uri} is not read: it has ${Math.round(size / 1048576)} MB, and a text ends at ${MOST_BYTES / 1048576} MB. Split it.`,
      );
      return service.remove(uri);
    }
    const head = Buffer.from(piece.base64, 'base64');
    const decoder = streamDecoder(head);
    if (decoder.kind === 'binary') return service.remove(uri);
    const path = pathOf(uri);
    if (head.length >= size) {
      const text = decoder.decode(head) + decoder.end();
      return isOpen(uri) ? false : service.set(uri, path, text);
    }
    const document = service.incoming(uri, path);
    const add = (text: string) => reading.run(uri, path, document.add(text));
    if (!(await add(decoder.decode(head)))) return false;
    for (let from = head.length; from < size;) {
      piece = await ask({ uri, from, length: Math.min(PIECE, size - from) });
      if (piece.base64 === undefined || (piece.size ?? 0) < size) return 'changed';
      const bytes = Buffer.from(piece.base64, 'base64');
      if (bytes.length === 0) return 'changed';
      from += bytes.length;
      if (isOpen(uri)) return false;
      if (!(await add(decoder.decode(bytes)))) return false;
    }
    if (!(await add(decoder.end()))) return false;
    return (await reading.run(uri, path, document.end()))?.value ?? false;
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
