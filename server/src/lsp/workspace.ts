import type { Connection } from 'vscode-languageserver';
import { decodeText } from '../base/decode';
import { methods, type FilesParams, type ReadFileParams, type ReadFileResult } from '../protocol';
import type { Service } from '../service';

/** Files of the workspace that are not open in the editor: read through the client, which can see every file system. */
export interface WorkspaceFiles {
  handle(params: FilesParams): Promise<void>;
  /** Takes a file again after the editor closed it with changes that were not saved. */
  reload(uri: string): Promise<void>;
}

/** How many files are asked for at once. */
const PARALLEL = 8;

export function workspaceFiles(
  connection: Connection,
  service: Service,
  isOpen: (uri: string) => boolean,
  pathOf: (uri: string) => string,
  changed: () => void,
): WorkspaceFiles {
  const known = new Set<string>();
  async function load(uri: string): Promise<boolean> {
    if (isOpen(uri)) return false;
    const params: ReadFileParams = { uri };
    try {
      const result = await connection.sendRequest<ReadFileResult>(methods.readFile, params);
      if (result.base64 === undefined) return service.remove(uri);
      const decoded = decodeText(Buffer.from(result.base64, 'base64'));
      if (isOpen(uri)) return false;
      return decoded.kind === 'text' ? service.set(uri, pathOf(uri), decoded.text) : false;
    } catch (error) {
      connection.console.warn(`${uri} could not be read: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  }
  return {
    async handle({ added, removed }) {
      let any = false;
      for (const uri of removed) {
        known.delete(uri);
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
      if (known.has(uri) ? await load(uri) : service.remove(uri)) changed();
    },
  };
}
