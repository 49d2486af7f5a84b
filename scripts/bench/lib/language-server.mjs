// A real language server in a process of its own, spoken to as the extension does.
import { fork } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import * as esbuild from 'esbuild';
import { root } from '../../host.mjs';
import { scratch } from './measure.mjs';

const require = createRequire(import.meta.url);
const { createMessageConnection, IPCMessageReader, IPCMessageWriter } = require('vscode-jsonrpc/node');
const common = { bundle: true, platform: 'node', target: 'node20' };
const module = path.join(root, 'dist/bench/lsp.js');
await esbuild.build({
  ...common,
  entryPoints: [path.join(root, 'server/src/lsp/node.ts')],
  mainFields: ['module', 'main'],
  outfile: module,
});
/** What the extension does with long texts. */
const texts = path.join(root, 'dist/bench/longTexts.js');
await esbuild.build({ ...common, entryPoints: [path.join(root, 'client/src/longTexts.ts')], outfile: texts });
const { createLongTexts } = require(texts);

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The editor hands no longer text to extensions. */
export const EDITOR_MAX = 50 * 1024 * 1024;

/** Starts a server; `files` are what the client can read for it: bytes, or what gives its answers. */
export async function start(files = new Map()) {
  const delays = path.join(scratch(), 'delays.json');
  const child = fork(module, ['--node-ipc'], {
    execArgv: ['--import', path.join(root, 'scripts/bench/lib/delays.mjs')],
    env: { ...process.env, PACKET_WALK_DELAYS: delays },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const connection = createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child));
  const longTexts = createLongTexts();
  connection.onRequest('packetWalk/readText', (params) => longTexts.read(params));
  let progress = 0;
  const diagnostics = new Map();
  connection.onRequest('window/workDoneProgress/create', () => null);
  connection.onRequest('client/registerCapability', () => null);
  connection.onRequest('workspace/configuration', ({ items }) => items.map(() => null));
  connection.onRequest('packetWalk/readFile', ({ uri, from, length }) => {
    const bytes = files.get(uri);
    return bytes ? { base64: bytes.subarray(from, from + length).toString('base64'), size: bytes.length } : {};
  });
  connection.onNotification('$/progress', () => progress++);
  connection.onNotification('textDocument/publishDiagnostics', ({ uri, diagnostics: found }) => diagnostics.set(uri, found));
  connection.onUnhandledNotification(() => undefined);
  connection.listen();
  await connection.sendRequest('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: { window: { workDoneProgress: true } },
    workspaceFolders: null,
  });
  await connection.sendNotification('initialized', {});
  // A person opens a file some time after the editor has started.
  await pause(1800);
  return {
    ask: (method, params) => connection.sendRequest(method, params),
    tell: (method, params) => connection.sendNotification(method, longTexts.outgoing(method, params)),
    progress: () => progress,
    diagnostics: (uri) => diagnostics.get(uri) ?? [],
    /** What held the event loop up since the last call, longest first, and the memory that the process takes. */
    async delays() {
      fs.rmSync(delays, { force: true });
      child.kill('SIGUSR2');
      while (!fs.existsSync(delays)) await pause(20);
      await pause(20);
      const { held, memory, cpu } = JSON.parse(fs.readFileSync(delays, 'utf8'));
      return { held: held.sort((a, b) => b.ms - a.ms), memory, cpu };
    },
    async stop() {
      await connection.sendRequest('shutdown');
      await connection.sendNotification('exit');
      connection.dispose();
      child.kill();
    },
  };
}
