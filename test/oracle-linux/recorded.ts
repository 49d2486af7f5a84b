import fs from 'node:fs';
import readline from 'node:readline';

/** What a recorder says of a seed that it could not build. */
interface Broken {
  readonly seed: number;
  readonly error?: string;
}

/**
 * What a recorder wrote, one JSON a line, from a file or (`-`) standard input, each with its line. What could not be built is told, and
 * counted in `count.broken`.
 */
export async function* recordedIn<T extends Broken>(
  file: string,
  count: { broken: number },
): AsyncGenerator<{ readonly recorded: T; readonly line: string }> {
  const input = file === '-' ? process.stdin : fs.createReadStream(file);
  for await (const line of readline.createInterface({ input })) {
    const recorded = JSON.parse(line) as T;
    if (recorded.error === undefined) {
      yield { recorded, line };
      continue;
    }
    count.broken++;
    console.log(`seed ${recorded.seed}: could not be built (${recorded.error})`);
  }
}
