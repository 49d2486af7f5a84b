import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { compare, type Case, type Difference } from './compare';
import { hidden } from './hide';
import { recordedIn } from './recorded';

type Recorded = Case & { readonly error?: string };

/**
 * Reads recorded set-ups, one JSON a line, from a file or standard input, and says where the traces differ from the kernel. With the
 * recorder (record.py) a set-up that differs is built once more: what does not come again was the moment's, and is told but not counted.
 */
async function main(): Promise<void> {
  const [file = '-', keep = '', recorder, packets = '14', allow = '0'] = process.argv.slice(2);
  const count = { setups: 0, packets: 0, untold: 0, wrong: 0, once: 0, broken: 0 };
  for await (const { recorded, line } of recordedIn<Recorded>(file, count)) {
    count.setups++;
    count.packets += recorded.packets.length;
    count.untold += recorded.packets.filter(({ hits }) => hits === null).length;
    const differences = differencesIn(recorded);
    if (differences.length === 0) continue;
    const again = recorder === undefined ? undefined : recordAgain(recorder, recorded, packets);
    const stays = again === undefined || differencesIn(again).length > 0;
    count[stays ? 'wrong' : 'once']++;
    if (keep !== '') fs.appendFileSync(keep, `${line}\n`);
    for (const [words, variants] of byWords(recorded, differences))
      console.log(
        `seed ${recorded.seed} (${recorded.backend}, ${variants.join(', ')}${stays ? '' : '; not when asked again'}) ${words}`,
      );
  }
  const equal = count.setups - count.wrong - count.once;
  console.log(
    `${count.setups} set-ups, ${count.packets} packets: ${equal} equal, ${count.wrong} different, ${count.once} different once and not again, ${count.broken} not built${count.untold > 0 ? `; not compared: ${count.untold} packets whose trace the kernel had no room for` : ''}`,
  );
  const unsteady = count.once > Math.max(1, count.setups / 20);
  process.exitCode = count.wrong > Number(allow) || unsteady || count.setups === 0 || count.broken > count.setups / 10 ? 1 : 0;
}

/** Everything that differs, also where captures are left out or cut. */
function differencesIn(plain: Case): Difference[] {
  const recorded = { ...plain, captures: { ...plain.captures, ...hidden(plain) } };
  return Object.keys(recorded.captures).flatMap((variant) => {
    try {
      return compare(recorded, variant);
    } catch (error) {
      return [{ variant, packet: -1, what: error instanceof Error ? (error.stack ?? error.message) : String(error) }];
    }
  });
}

/** The same set-up once more; undefined where it could not be built. */
function recordAgain(recorder: string, { seed, backend }: Case, packets: string): Case | undefined {
  const done = spawnSync('python3', [recorder, String(seed), '1', packets, backend], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const [line] = done.stdout.split('\n');
  const again = line === undefined || line === '' ? undefined : (JSON.parse(line) as Recorded);
  return again?.error === undefined ? again : undefined;
}

/** What differs, with the ways of capturing that show it. */
function byWords(recorded: Case, differences: readonly Difference[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { variant, packet, what } of differences) {
    const words = `packet ${packet}: ${recorded.packets[packet]?.words.join(' ') ?? ''}\n    ${what}`;
    found.set(words, [...(found.get(words) ?? []), variant]);
  }
  return found;
}

void main();
