import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { askOurs } from './ask';
import { compare } from './compare';
import { families, makeSetUp } from './families/registry';
import { readCases, type Case } from './folder';
import { labCases } from './lab';
import type { Refusal } from './load';
import { random } from './random';
import { difference, table, type Compared } from './report';
import { inParallel, runBatch, type Named } from './run';
import type { Place } from './setup';
import { writeStore } from './store';
import { switchInstalled } from './switch';

const USAGE = `npm run oracle -- [options]
  Makes random switches and packets, asks a real Open vSwitch and Packet Walk about them and compares the answers.

  --seed TEXT       the same seed makes the same cases (default: a new one, which is printed)
  --cases N         how many questions (default 400)
  --seconds N       instead of --cases: new cases for about so long
  --family NAME     only this family; may be repeated (default: all)
  --keep FOLDER     keep captures and answers there (default: a temporary folder, kept only where something differs)
  --replay FOLDER   compare what --keep kept, without a switch
  --lab FOLDER      compare the traces of recorded networks, without a switch
  --show N          how many differing cases to print (default 5)
  --allow N         end well where at most N of 1,000 cases differ (default 0)
  --text            print those too whose text differs only in what is not compared
  --exact           capture flows by bridge/dump-flows, which prints them as they are kept, and compare whole texts
  --real            ask the real switch only
  --record FOLDER   write the equal cases as fixtures, one file per family; with --replay and --lab too
  --most N          at most so many of a family (default 60)
  --verbose         print what the switch refused to load
Families: `;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    cases: { type: 'string' },
    seconds: { type: 'string' },
    family: { type: 'string', multiple: true },
    keep: { type: 'string' },
    replay: { type: 'string' },
    lab: { type: 'string' },
    show: { type: 'string' },
    allow: { type: 'string' },
    text: { type: 'boolean' },
    exact: { type: 'boolean' },
    real: { type: 'boolean' },
    record: { type: 'string' },
    most: { type: 'string' },
    verbose: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

/** Set-ups that share a switch. */
const BATCH = 20;
const cli = path.resolve(__dirname, '../../../server/dist/cli.js');
const count = (text: string | undefined, otherwise: number): number => {
  const number = text === undefined ? otherwise : Number(text);
  if (!Number.isInteger(number) || number < 0) throw new Error(`"${text ?? ''}" is not a number of anything.`);
  return number;
};

async function main(): Promise<number> {
  if (values.help === true) {
    console.log(`${USAGE}${families.map(({ name }) => name).join(', ')}`);
    return 0;
  }
  if (values.replay !== undefined) {
    const { family } = values;
    const cases = readCases(values.replay);
    const compared = await comparedOf(family === undefined ? cases : cases.filter((one) => family.includes(one.family)));
    if (values.record !== undefined) record(values.record, compared);
    return report(compared, true);
  }
  if (values.lab !== undefined) {
    const cases = labCases(values.lab, values.keep ?? fs.mkdtempSync(path.join(os.tmpdir(), 'packet-walk-lab-')));
    const compared = await comparedOf(cases);
    if (values.record !== undefined) record(values.record, compared);
    return report(compared, true);
  }
  if (!switchInstalled()) {
    console.error('There is no Open vSwitch here (Debian: apt-get install openvswitch-switch).');
    return 2;
  }
  const seed = values.seed ?? Math.floor(Math.random() * 1e9).toString(36);
  console.log(`seed ${seed}`);
  const out = values.keep ?? fs.mkdtempSync(path.join(os.tmpdir(), 'packet-walk-cases-'));
  const { cases, refused, seconds } = await realAnswers(seed, out);
  console.log(
    `${cases.length} cases from the real switch in ${seconds.toFixed(1)} s (${(cases.length / seconds).toFixed(1)} a second)`,
  );
  if (values.verbose === true)
    for (const { what, why } of refused) console.log(`refused: ${what}\n  ${why.replace(/\n/g, '\n  ')}`);
  console.log(`${refused.length} things that the switch refused to load`);
  if (values.real === true) return 0;
  const compared = await comparedOf(cases);
  if (values.record !== undefined) record(values.record, compared);
  const status = report(compared, values.keep !== undefined);
  if (values.keep === undefined && status === 0) fs.rmSync(out, { recursive: true, force: true });
  else console.log(`kept in ${out}`);
  return status;
}

/** Makes cases until there are enough, two switches at a time. */
async function realAnswers(seed: string, out: string): Promise<{ cases: Case[]; refused: Refusal[]; seconds: number }> {
  const chosen = families.filter(({ name }) => values.family === undefined || values.family.includes(name));
  if (chosen.length === 0) throw new Error(`There is no family ${values.family?.join(', ') ?? ''}.`);
  const enough = count(values.cases, 400);
  const limit = values.seconds === undefined ? undefined : count(values.seconds, 60) * 1000;
  const start = performance.now();
  const cases: Case[] = [];
  const refused: Refusal[] = [];
  let next = 0;
  let batch = 0;
  const more = (): boolean => (limit === undefined ? cases.length < enough : performance.now() - start < limit);
  const worker = async (): Promise<void> => {
    while (more()) {
      const number = batch++;
      const datapath: Place['datapath'] = random(`${seed}/batch/${number}`).pick(['system', 'system', 'dummy']);
      const shared: Named[] = [];
      const alone: Named[] = [];
      for (let index = 0; index < BATCH; index++) {
        const family = chosen[next++ % chosen.length];
        if (family === undefined) continue;
        const name = `${family.name}-${seed}-${number}-${index}`;
        const setUp = makeSetUp(family, random(name), { index, datapath });
        (setUp.exclusive === true ? alone : shared).push({ name, setUp });
      }
      for (const set of [shared, ...alone.map((one) => [one])]) {
        if (set.length === 0 || !more()) continue;
        const ran = await runBatch(set, datapath, out, values.exact);
        cases.push(...ran.cases);
        refused.push(...ran.refused);
      }
    }
  };
  await inParallel([worker, worker], 2, (work) => work());
  const kept = limit === undefined ? cases.slice(0, enough) : cases;
  return { cases: kept, refused, seconds: (performance.now() - start) / 1000 };
}

/** Keeps the cases that are equal, so many of each family: what was right has to stay right. */
function record(at: string, compared: readonly Compared[]): void {
  const most = count(values.most, 60);
  const kept = new Map<string, Case[]>();
  for (const { one, comparison } of compared) {
    const own = kept.get(one.family) ?? [];
    if (comparison.differs.length === 0 && own.length < most) kept.set(one.family, [...own, one]);
  }
  writeStore(at, [...kept.values()].flat());
}

async function comparedOf(cases: readonly Case[]): Promise<Compared[]> {
  const { answers, milliseconds } = await askOurs(cli, cases);
  console.log(`ours: ${(milliseconds / 1000).toFixed(1)} s`);
  return cases.map((one, n) => {
    const ours = answers[n] ?? { kind: 'error', text: '(no answer)' };
    return { one, ours, comparison: compare(one.answer, ours, one) };
  });
}

function report(all: readonly Compared[], again: boolean): number {
  const differing = all.filter(({ comparison }) => comparison.differs.length > 0);
  const shown =
    values.text === true ? all.filter(({ comparison }) => !comparison.text || comparison.differs.length > 0) : differing;
  for (const one of shown.slice(0, count(values.show, 5))) console.log(`${difference(one)}\n`);
  console.log(table(all));
  if (differing.length > 0 && again) {
    const folders = [...new Set(differing.map(({ one }) => one.folder))];
    console.log(`again: npm run oracle -- --replay ${folders[0] ?? ''}`);
  }
  return differing.length * 1000 > all.length * count(values.allow, 0) ? 1 : 0;
}

main().then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 2;
  },
);
