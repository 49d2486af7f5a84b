/** The language server's life: started when something first needs it, one at a time, quiet when it fails. */
import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import {
  methods,
  type EndpointsParams,
  type EndpointsResult,
  type FilesParams,
  type InventoryResult,
  type ReadFileParams,
  type ReadFileResult,
  type ShownParams,
  type TraceParams,
  type TraceResult,
} from '../../server/src/protocol';
import { readPiece } from './filePieces';

export type ServerState = { readonly kind: 'off' } | { readonly kind: 'starting' } | { readonly kind: 'running' } | ServerFailure;
export interface ServerFailure {
  readonly kind: 'failed';
  readonly message: string;
}

/** The server as the rest of the client sees it. Every request starts it where it does not run yet. */
export interface Server {
  readonly state: ServerState;
  readonly onDidChangeState: vscode.Event<ServerState>;
  /** Captures were read anew. */
  readonly onDidReadCaptures: vscode.Event<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
  trace(params: TraceParams, token?: vscode.CancellationToken): Promise<TraceResult>;
  endpoints(params: EndpointsParams): Promise<EndpointsResult>;
  inventory(): Promise<InventoryResult>;
  tellFiles(params: FilesParams): Promise<void>;
  /** Tells whether a trace is on show. */
  tellShown(params: ShownParams): Promise<void>;
}

/** Prepares the server without starting it. */
export function createServer(context: vscode.ExtensionContext, output: vscode.LogOutputChannel): Server {
  const stateChanged = new vscode.EventEmitter<ServerState>();
  const readCaptures = new vscode.EventEmitter<void>();
  context.subscriptions.push(stateChanged, readCaptures);
  let state: ServerState = { kind: 'off' };
  let running: Promise<LanguageClient> | undefined;

  const become = (next: ServerState): void => {
    state = next;
    stateChanged.fire(next);
  };
  const failed = (message: string): void => {
    running = undefined;
    output.error(message);
    become({ kind: 'failed', message });
  };

  const launch = async (): Promise<LanguageClient> => {
    become({ kind: 'starting' });
    const { createClient } = await import('./languageClient');
    const client = createClient(context, output, (crashes) =>
      failed(vscode.l10n.t('The language server ended {0} times in a row.', crashes)),
    );
    client.onRequest(methods.readFile, readFile);
    client.onNotification(methods.changed, () => readCaptures.fire());
    try {
      await client.start();
    } catch (error) {
      failed(vscode.l10n.t('The language server did not start: {0}', messageOf(error)));
      throw error;
    }
    become({ kind: 'running' });
    return client;
  };
  const connected = (): Promise<LanguageClient> => (running ??= launch());

  return {
    get state() {
      return state;
    },
    onDidChangeState: stateChanged.event,
    onDidReadCaptures: readCaptures.event,
    start: async () => void (await connected()),
    stop: async () => {
      const client = await running?.catch(() => undefined);
      running = undefined;
      await client?.dispose();
    },
    trace: async (params, token) => (await connected()).sendRequest<TraceResult>(methods.trace, params, token),
    endpoints: async (params) => (await connected()).sendRequest<EndpointsResult>(methods.endpoints, params),
    inventory: async () => (await connected()).sendRequest<InventoryResult>(methods.inventory),
    // Nobody needs a server to hear that nothing is shown.
    tellShown: async (params) => running && (await running).sendNotification(methods.shown, params),
    tellFiles: async (params) => (await connected()).sendNotification(methods.files, params),
  };
}

/** Only the client can see every file system: remote, virtual, zipped. */
const readFile = async (params: ReadFileParams): Promise<ReadFileResult> => {
  try {
    const { bytes, ...file } = await readPiece(vscode.Uri.parse(params.uri, true), params.from, params.length);
    return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'), ...file };
  } catch {
    return {};
  }
};

/** What a thrown thing says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
