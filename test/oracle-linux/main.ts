import fs from 'node:fs';
import readline from 'node:readline';
import { compare, type Case } from './compare';

/** Reads recorded set-ups, one JSON a line, from a file or standard input, and says where the traces differ from the kernel. */
async function main(): Promise<void> {
  const [file, keep] = process.argv.slice(2);
  const input = file === undefined || file === '-' ? process.stdin : fs.createReadStream(file);
  const count = { setups: 0, packets: 0, wrong: 0, broken: 0, open: 0 };
  for await (const line of readline.createInterface({ input })) {
    const recorded = JSON.parse(line) as Case & { readonly error?: string };
    if (recorded.error !== undefined) {
      count.broken++;
      console.log(`seed ${recorded.seed}: could not be built (${recorded.error})`);
      continue;
    }
    count.setups++;
    count.packets += recorded.packets.length;
    const differences = Object.keys(recorded.captures).flatMap((variant) => {
      try {
        return compare(recorded, variant);
      } catch (error) {
        return [{ variant, packet: -1, what: error instanceof Error ? (error.stack ?? error.message) : String(error) }];
      }
    });
    if (differences.length === 0) continue;
    count.wrong++;
    if (keep !== undefined) fs.appendFileSync(keep, `${line}\n`);
    for (const { variant, packet, what } of differences)
      console.log(
        `seed ${recorded.seed} (${recorded.backend}, ${variant}) packet ${packet}: ${recorded.packets[packet]?.words.join(' ') ?? ''}\n    ${what}`,
      );
  }
  console.log(
    `${count.setups} set-ups, ${count.packets} packets: ${count.setups - count.wrong} equal, ${count.wrong} different, ${count.broken} not built`,
  );
  process.exitCode = count.wrong > 0 || count.setups === 0 || count.broken > count.setups / 10 ? 1 : 0;
}

void main();
