// Builds server/src/generated/grammars.ohm-bundle.js and its types from grammars/*.ohm. Ohm's tool wants a grammar and
// what it inherits from in one file, so all of them are put together first, Common before the rest.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const from = path.join(root, 'grammars');
const to = path.join(root, 'server/src/generated');
const files = fs
  .readdirSync(from)
  .filter((f) => f.endsWith('.ohm'))
  .sort();
files.sort((a, b) => Number(b === 'Common.ohm') - Number(a === 'Common.ohm'));
fs.mkdirSync(to, { recursive: true });
const all = path.join(to, 'grammars.ohm');
fs.writeFileSync(all, files.map((f) => fs.readFileSync(path.join(from, f), 'utf8')).join('\n'));
execFileSync(
  process.execPath,
  [path.join(root, 'node_modules/@ohm-js/cli/index.js'), 'generateBundles', '--esm', '--withTypes', 'grammars.ohm'],
  { cwd: to, stdio: ['ignore', 'ignore', 'inherit'] },
);
