// What the oracles of the real kernel share: their words, and a recorder whose lines a comparer reads.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * The words of the command line: `--seed`, `--seconds`, `--keep`, `--allow`, how many are to be built by the name in `what` (`usual` of them,
 * or as many as there is time for), and the further `options`. The seed is printed. `main` is the comparer in dist/test/, built where it is
 * missing. Ends well, saying so, where `probe`, a line of the shell in namespaces of its own (`spaces`), can't be run.
 */
export function oracle({ what, usual, options, main, spaces, probe, without }) {
  const text = { type: 'string' };
  const { values } = parseArgs({
    options: { seed: text, seconds: text, keep: text, allow: text, [what]: text, ...options },
  });
  const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
  const count = Number(values[what] ?? (seconds === undefined ? usual : 100000));
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
  const program = path.join(root, 'dist/test', main);
  if (!fs.existsSync(program)) spawnSync(process.execPath, [path.join(root, 'scripts/build.mjs')], { stdio: 'inherit' });
  if (spawnSync('unshare', [...spaces, 'sh', '-c', probe]).status !== 0) {
    console.log(without);
    process.exit(0);
  }
  console.log(`seed ${seed}`);
  return {
    values,
    seconds,
    count: String(count),
    seed: String(seed),
    main: program,
    keep: values.keep ?? '',
    allow: values.allow ?? '0',
  };
}

/** Runs both; ends as the comparer does. After `seconds` the recorder is told to end. */
export function compareRecorded(recorderWords, comparerWords, seconds) {
  const recorder = spawn('python3', recorderWords, { stdio: ['ignore', 'pipe', 'inherit'] });
  const comparer = spawn(process.execPath, comparerWords, { stdio: ['pipe', 'inherit', 'inherit'] });
  recorder.stdout.pipe(comparer.stdin);
  // SIGTERM lets what is being built end and tidy up.
  const timer = seconds === undefined ? undefined : setTimeout(() => recorder.kill('SIGTERM'), seconds * 1000);
  recorder.on('exit', () => clearTimeout(timer));
  comparer.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
