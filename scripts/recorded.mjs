// What the oracles of the real kernel share: a recorder whose lines a comparer reads.
import { spawn } from 'node:child_process';

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
