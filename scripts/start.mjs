// Shows what Packet Walk does: the bundled example's walk in the terminal, then the example in VS Code.
//   node scripts/start.mjs [--check] [--no-wait] [--port N]
// --check starts everything, sees whether the page answers, prints its address and ends; CI=true and --no-wait do the same.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pageAddress, startServer } from '../test/host/server.mjs';
import { example } from './example.mjs';
import { ensureHost, hasDisplay, root } from './host.mjs';

const argument = (name) => process.argv.includes(name);
const check = argument('--check') || argument('--no-wait') || process.env.CI === 'true';
const port = argument('--port') ? Number(process.argv[process.argv.indexOf('--port') + 1]) : 0;
const file = path.join(root, example.file);

execFileSync(process.execPath, [path.join(root, 'scripts/build.mjs')], { cwd: root, stdio: 'inherit' });
walk();
const code = hasDisplay() && !check ? onPath('code') : undefined;
if (code !== undefined) {
  console.log(`\nOpening ${example.file} in VS Code.`);
  spawnSync(code, [`--extensionDevelopmentPath=${root}`, file], { stdio: 'inherit', shell: process.platform === 'win32' });
} else {
  await serve();
}

/** In the terminal, what the editor shows as a tree. */
function walk() {
  const cli = path.join('server', 'dist', 'cli.js');
  const words = ['trace', example.file, '--from', example.from, '--to', example.to];
  console.log(`$ node ${[cli, ...words].join(' ')}\n`);
  const { status } = spawnSync(process.execPath, [cli, ...words], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  // 1 is an answer too: the packet does not arrive.
  if (status !== 0 && status !== 1) process.exit(status ?? 1);
}

/** In a browser, where there is no VS Code. */
async function serve() {
  const server = await startServer({ hostDir: ensureHost(), port, args: ['--enable-smoke-test-driver'] });
  const stop = async () => {
    await server.stop();
    process.exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const address = pageAddress({ port: server.port, extension: root, folder: path.dirname(file), file });
  const response = await fetch(address);
  if (!response.ok || !(await response.text()).includes('workbench')) {
    console.error(`VS Code's page does not answer at ${address} (${response.status})`);
    await server.stop();
    process.exit(1);
  }
  console.log(`\nVS Code with Packet Walk and ${example.file}:\n\n  ${address}\n`);
  if (check) await stop();
  console.log('Ctrl-C ends it.');
}

function onPath(program) {
  const names = process.platform === 'win32' ? [`${program}.cmd`, `${program}.exe`] : [program];
  for (const dir of (process.env.PATH ?? '').split(path.delimiter)) {
    const found = names.map((name) => path.join(dir, name)).find((candidate) => fs.existsSync(candidate));
    if (found) return found;
  }
  return undefined;
}
