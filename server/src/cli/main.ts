import { run } from './run';

// A closed pipe (`| head`) is the reader's choice, not an error.
process.stdout.on('error', () => process.exit(0));
process.exitCode = run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  colours: process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
});
