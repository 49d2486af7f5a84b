#!/usr/bin/env node
// Stands in for the VS Code desktop program when the editor tests run: it takes the same command line
// (@vscode/test-electron), but serves VS Code with the server of the npm package code-server and shows it in a headless
// Chromium. The extension and its tests run in that server's extension host, a Node.js process.
//
//   VSCODE_WEB_HOST      folder that install-host.sh filled
//   CHROMIUM             browser; /usr/bin/chromium unless set
//   VSCODE_WEB_HOST_OUT  folder for logs and a picture of the window at the end (optional)
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { chromiumArguments } from './quiet-settings.mjs';
import { hostPrograms, remoteUri, startServer } from './server.mjs';

const START_TIMEOUT = 90_000;
const hostDir = process.env.VSCODE_WEB_HOST ?? '';
const chromiumPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const outDir = process.env.VSCODE_WEB_HOST_OUT;

// ---- the desktop program's command line
const takesValue =
  /^(extension(DevelopmentPath|TestsPath)|user-data-dir|extensions-dir|folder-uri|file-uri|locale|log|profile|disable-extension|enable-proposed-api)$/;
const options = new Map();
const operands = [];
for (const args = process.argv.slice(2); args.length > 0;) {
  const arg = args.shift();
  const m = /^--([^=]+)(?:=(.*))?$/s.exec(arg);
  if (!m) {
    operands.push(arg);
    continue;
  }
  const value = m[2] ?? (takesValue.test(m[1]) ? args.shift() : 'true');
  options.set(m[1], [...(options.get(m[1]) ?? []), value]);
}
const option = (name) => options.get(name)?.at(-1);
const testsPath = option('extensionTestsPath');
const extensions = options.get('extensionDevelopmentPath') ?? [];
for (const [what, ok] of [
  ['--extensionTestsPath and --extensionDevelopmentPath', testsPath && extensions.length],
  ['VSCODE_WEB_HOST, a folder that install-host.sh filled', fs.existsSync(hostPrograms(hostDir).serverMain)],
  [chromiumPath, fs.existsSync(chromiumPath)],
]) {
  if (!ok) {
    console.error(`vscode-web-host: needs ${what}`);
    process.exit(2);
  }
}

// ---- around the tests: what they print and how they ended, apart from the workbench's log
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'vscode-web-host-'));
const printed = path.join(work, 'print.sock');
const verdict = path.join(work, 'verdict'); // an extension host that crashed reports exit code 0
const wrapper = path.join(work, 'tests.cjs');
fs.writeFileSync(
  wrapper,
  `
exports.run = async () => {
  const fs = require('node:fs');
  const out = require('node:net').connect(${JSON.stringify(printed)});
  await new Promise((ok, no) => out.once('connect', ok).once('error', no));
  // VS Code has fixed the methods of the console that it gave the host, but not the console.
  globalThis.console = new (require('node:console').Console)({ stdout: out, stderr: out });
  process.stdout.write = out.write.bind(out);
  let ok = false;
  try {
    const m = await import(${JSON.stringify(pathToFileURL('/').href.slice(0, -1))} + require.resolve(${JSON.stringify(path.resolve(testsPath))}));
    const run = m.run ?? m.default?.run ?? m.default;
    if (typeof run !== 'function') throw new Error('the tests module exports no run()');
    await run();
    ok = true;
  } catch (e) {
    console.error(e instanceof Error ? e.message : e);
    throw e;
  } finally {
    fs.writeFileSync(${JSON.stringify(verdict)}, ok ? 'passed' : 'failed');
    require('node:v8').takeCoverage();            // for NODE_V8_COVERAGE: the host ends without writing it
    await new Promise((done) => out.end(done));
  }
};
`,
);
let started = false;
let printing = Promise.resolve();
const printServer = net.createServer((socket) => {
  started = true;
  printing = new Promise((ok) => socket.once('close', ok));
  socket.pipe(process.stdout, { end: false });
});
await new Promise((ok) => printServer.listen(printed, ok));

// ---- start, stop, and what went wrong
const keep = (name, text) => {
  if (outDir) fs.appendFileSync(path.join(outDir, name), text);
};
if (outDir) {
  fs.mkdirSync(outDir, { recursive: true });
  for (const name of ['server.log', 'page.log', 'end.png', 'logs'])
    fs.rmSync(path.join(outDir, name), { recursive: true, force: true });
}
const pause = (ms) => new Promise((ok) => setTimeout(ok, ms));
let server;
let browser;
let page;
let finished = false;
async function finish(code, why) {
  if (finished) return;
  finished = true;
  if (why) console.error(`vscode-web-host: ${why}`);
  await Promise.race([printing, pause(1000)]);
  if (outDir && server) {
    await page?.screenshot({ path: path.join(outDir, 'end.png'), timeout: 5000 }).catch(() => {});
    try {
      fs.cpSync(path.join(server.userData, 'logs'), path.join(outDir, 'logs'), { recursive: true });
    } catch {
      // none
    }
  }
  await Promise.race([browser?.close().catch(() => {}), pause(5000)]);
  await server?.stop();
  fs.rmSync(work, { recursive: true, force: true, maxRetries: 5 });
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => finish(130, `stopped by ${signal}`));
process.on('uncaughtException', (e) => finish(1, e.stack));
process.on('unhandledRejection', (e) => finish(1, e?.stack ?? e));
const log = [];
setTimeout(() => {
  if (!started) finish(1, `the tests had not started after ${START_TIMEOUT / 1000} s\n${log.slice(-20).join('\n')}`);
}, START_TIMEOUT);

// ---- the server, with the caller's settings over quiet ones
let callerSettings = {};
try {
  callerSettings = JSON.parse(fs.readFileSync(path.join(option('user-data-dir'), 'User/settings.json'), 'utf8'));
} catch {
  // none
}
const token = randomBytes(16).toString('hex'); // or anyone on this machine could run code in the host
server = await startServer({
  hostDir,
  token,
  settings: callerSettings,
  extensionsDir: option('extensions-dir') && path.resolve(option('extensions-dir')),
  args: ['--enable-smoke-test-driver'], // or the page ignores the payload below
  said: (data) => keep('server.log', data),
});

// ---- the window
browser = await chromium.launch({ executablePath: chromiumPath, args: chromiumArguments });
browser.on('disconnected', () => finish(1, 'the browser ended'));
page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
page.on('crash', () => finish(1, 'the page crashed'));
page.on('pageerror', (e) => {
  log.push(`pageerror ${e}`);
  keep('page.log', `pageerror ${e.stack}\n`);
});
await page.exposeFunction('codeAutomationLog', (level, args) => {
  const line = `${level} ${args.join(' ')}`;
  log.push(line);
  keep('page.log', `${line}\n`);
});
await page.exposeFunction('codeAutomationExit', (code) => {
  keep('page.log', `exit code ${code}\n`);
  const how = fs.existsSync(verdict) ? fs.readFileSync(verdict, 'utf8') : 'cut short';
  if (how === 'passed' && code === 0) finish(0);
  else finish(code || 1, how === 'cut short' ? 'the extension host ended before the tests did' : undefined);
});

const payload = [
  ...extensions.map((p) => ['extensionDevelopmentPath', remoteUri(server.port, p)]),
  ['extensionTestsPath', remoteUri(server.port, wrapper)],
  ['skipWelcome', 'true'],
  ['skipReleaseNotes', 'true'],
];
if (option('disable-extensions')) payload.push(['disableExtensions', 'true']);
const query = new URLSearchParams({ tkn: token, payload: JSON.stringify(payload) });
const folder = option('folder-uri')?.replace(/^file:\/\//, '') ?? operands[0];
if (folder) query.set(folder.endsWith('.code-workspace') ? 'workspace' : 'folder', path.resolve(folder));
else query.set('ew', 'true');
await page.goto(`http://127.0.0.1:${server.port}/?${query}`, { waitUntil: 'commit', timeout: START_TIMEOUT });
