// How long the command line takes over a capture: reading it, and walking a packet through it.
//   node scripts/bench/command-line.mjs [FILE…]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../host.mjs';
import { example } from '../example.mjs';

const RUNS = 5;
const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const cli = path.join(root, 'server/dist/cli.js');
const files = asked.length > 0 ? asked : [path.join(root, example.file)];

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const run = (args) => {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, [cli, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status === 2 || status === null) throw new Error(`packet-walk ${args.join(' ')} failed: ${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e6;
};
const measure = (what, args) => {
  const times = Array.from({ length: RUNS }, () => run(args));
  console.log(`${what.padEnd(12)} ${median(times).toFixed(0).padStart(6)} ms (median of ${RUNS}, with the start of the program)`);
};

const lines = files.reduce((sum, file) => sum + fs.readFileSync(file, 'utf8').split('\n').length, 0);
console.log(`${files.length} file(s), ${lines} lines`);
measure('inventory', ['inventory', ...files, '--json']);
measure('check', ['check', ...files, '--json']);
if (asked.length === 0) measure('trace', ['trace', ...files, '--from', example.from, '--to', example.to, '--json']);
