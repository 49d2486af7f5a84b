import fs from 'node:fs';
import { linkNetwork } from '../../server/src/link/network';
import { recordedIn } from '../oracle-linux/recorded';
import { answersTo, documentsByName, troublesWith, waysToHaveLess, type RecordedNetwork } from '../unit/walk-less';
import { assertWalked } from '../unit/walk-recorded';

type Recorded = RecordedNetwork & { readonly seed: number; readonly note?: string; readonly error?: string };

/**
 * Reads recorded networks, one JSON a line, from a file or standard input, and says where walks are not where the packets were. With `less`
 * as second word it also asks without each of the captures, which must give the same answer or one that says what is missing.
 */
async function main(): Promise<void> {
  const [file = '-', less, keep = '', allow = '0'] = process.argv.slice(2);
  const count = { networks: 0, packets: 0, wrong: 0, broken: 0, wrongWithLess: 0 };
  for await (const { recorded, line } of recordedIn<Recorded>(file, count)) {
    count.networks++;
    count.packets += recorded.experiments.length;
    const troubles = troublesOf(recorded);
    const silent = less === 'less' ? troublesWithLess(recorded) : [];
    count.wrong += troubles.length;
    count.wrongWithLess += silent.length;
    const all = [...troubles, ...silent];
    if (all.length === 0) continue;
    if (keep !== '') fs.appendFileSync(keep, `${line}\n`);
    console.log(`seed ${recorded.seed} (${recorded.note ?? ''}):\n${all.join('\n\n')}\n`);
  }
  console.log(
    `${count.networks} networks, ${count.packets} packets: ${count.packets - count.wrong} as they were, ${count.wrong} different, ${count.wrongWithLess} silent guesses with less, ${count.broken} not built`,
  );
  process.exitCode = count.wrong + count.wrongWithLess > Number(allow) || count.networks === 0 ? 1 : 0;
}

function troublesOf({ files, experiments }: Recorded): string[] {
  const network = linkNetwork([...documentsByName(files).values()]);
  return experiments.flatMap((experiment) => {
    try {
      assertWalked(network, experiment, true);
      return [];
    } catch (error) {
      const { from, to, name, request, reply, arrives, answered } = experiment;
      const what = error instanceof Error ? error.message : String(error);
      const real = [...request, ...reply.map((at) => `answer ${at}`)].join('\n      ');
      return [
        `  ${name} (${from} > ${to}; ${arrives ? 'arrived' : 'lost'}, ${answered ? 'answered' : 'no answer'}):\n    ${what.replaceAll('\n', '\n    ')}\n    it was at\n      ${real}`,
      ];
    }
  });
}

function troublesWithLess({ seed, files, experiments }: Recorded): string[] {
  const documents = documentsByName(files);
  const whole = answersTo(documents.values(), experiments);
  const ways = waysToHaveLess(String(seed), files);
  return ['one capture', 'one host', 'one command on every host', 'the end of one capture'].flatMap((way) =>
    (ways[way] ?? []).flatMap((variant) => troublesWith(whole, documents, variant)),
  );
}

void main();
