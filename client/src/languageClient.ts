/** The connection to the language server. Loaded when the server is first needed: it is by far the largest part of the client. */
import * as path from 'node:path';
import type * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  RevealOutputChannelOn,
  TransportKind,
  type ErrorHandler,
  type Middleware,
} from 'vscode-languageclient/node';
import { methods, type ReadTextParams } from '../../server/src/protocol';
import { LANGUAGE, showsFiles } from './language';
import { createLongTexts } from './longTexts';

/** After so many crashes in so many milliseconds the server stays down until it is asked for again. */
const RESTARTS = 4;
const RESTART_WINDOW = 180_000;

/** Prepares the connection; `gaveUp` hears how often the server ended when it is not started again. */
export function createClient(
  context: vscode.ExtensionContext,
  output: vscode.LogOutputChannel,
  gaveUp: (crashes: number) => void,
): LanguageClient {
  const module = context.asAbsolutePath(path.join('server', 'dist', 'server.js'));
  const texts = createLongTexts();
  // From Node.js 22.1 on what was compiled of the server is kept there, which takes a third of the time off its next start.
  const env = { NODE_COMPILE_CACHE: path.join(context.globalStorageUri.fsPath, 'compiled') };
  const client = new LanguageClient(
    'packetWalk',
    'Packet Walk',
    {
      run: { module, transport: TransportKind.ipc, options: { env } },
      debug: { module, transport: TransportKind.ipc, options: { env, execArgv: ['--nolazy', '--inspect=6019'] } },
    },
    {
      // Captures in plain text, notes and logs are answered for too; where there are none, the server says nothing.
      documentSelector: [LANGUAGE, 'plaintext', 'markdown', 'log'].map((language) => ({ language })),
      synchronize: { configurationSection: 'packetWalk' },
      outputChannel: output,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler: restarting(gaveUp),
      middleware: {
        ...middleware,
        sendNotification: (type, next, params) =>
          next(type, texts.outgoing(typeof type === 'string' ? type : type.method, params) as typeof params),
      },
    },
  );
  client.onRequest(methods.readText, (params: ReadTextParams) => texts.read(params));
  return client;
}

/** Old sides of diffs and output channels would count as captures a second time, or feed the log with itself. */
const middleware: Middleware = {
  didOpen: async (document, next) => (showsFiles(document.uri) ? next(document) : undefined),
  didChange: async (event, next) => (showsFiles(event.document.uri) ? next(event) : undefined),
  didClose: async (document, next) => (showsFiles(document.uri) ? next(document) : undefined),
};

function restarting(gaveUp: (crashes: number) => void): ErrorHandler {
  let crashes: readonly number[] = [];
  return {
    error: (_error, _message, count) => ({
      action: (count ?? 0) <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown,
      handled: true,
    }),
    closed: () => {
      const now = Date.now();
      crashes = [...crashes.filter((at) => now - at < RESTART_WINDOW), now];
      if (crashes.length <= RESTARTS) return { action: CloseAction.Restart, handled: true };
      gaveUp(crashes.length);
      return { action: CloseAction.DoNotRestart, handled: true };
    },
  };
}
