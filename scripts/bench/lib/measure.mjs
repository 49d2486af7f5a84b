// How the topics measure and print.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../../host.mjs';

export const median = (values) => quantile(values, 0.5);

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN;
}

/** Milliseconds of wall-clock time that `run` takes, and of processor time of this process. */
export function timed(run) {
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const result = run();
  const wall = Number(process.hrtime.bigint() - start) / 1e6;
  const { user, system } = process.cpuUsage(cpu);
  return { wall, cpu: (user + system) / 1000, result };
}

/** The same of a program; undefined where it is not installed or fails. */
export function timedProgram(command, args, options = {}) {
  // bash's own `time` gives the processor time of what it ran.
  const { status, stderr } = spawnSync('bash', ['-c', 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null', 'bench', command, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    ...options,
  });
  if (status !== 0) return undefined;
  const [real = NaN, user = NaN, system = NaN] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  return { wall: real * 1000, cpu: (user + system) * 1000 };
}

export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)));
  for (const row of rows)
    console.log(
      row.map((cell, n) => (n === 0 ? String(cell).padEnd(widths[n]) : String(cell ?? '').padStart(widths[n]))).join('  '),
    );
}

export const count = (n) => Math.round(n).toLocaleString('en-US');

/** Keeps figures for the pictures of the documentation, by topic. */
export function keep(topic, figures) {
  const folder = path.join(root, 'dist/bench');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, `${topic}.json`), JSON.stringify(figures, null, 1));
}

/** A folder for what a bench writes. */
export function scratch() {
  const folder = path.join(root, 'dist/bench');
  fs.mkdirSync(folder, { recursive: true });
  return folder;
}
