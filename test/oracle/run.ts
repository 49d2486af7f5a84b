import fs from 'node:fs';
import path from 'node:path';
import { capture, readDatabase } from './capture';
import { filesOf, layout, writeCases, writeFiles, type Answer, type Case } from './folder';
import { load, makeBridges, type Refusal } from './load';
import { random } from './random';
import type { Place, Question, SetUp } from './setup';
import { startSwitch, type Switch } from './switch';

/** A set-up and the name of its folder; the name also seeds what is random about its captures. */
export interface Named {
  readonly name: string;
  readonly setUp: SetUp;
}

export interface Ran {
  readonly cases: readonly Case[];
  readonly refused: readonly Refusal[];
}

/**
 * Puts these set-ups on one new switch, captures them below `out` and asks the switch everything. A set-up that fails as a whole is
 * reported as refused. `exact`: flows are captured as the switch keeps them.
 */
export async function runBatch(set: readonly Named[], datapath: Place['datapath'], out: string, exact = false): Promise<Ran> {
  const at = await startSwitch();
  try {
    const refused = await makeBridges(
      at,
      set.map(({ setUp }) => setUp),
      datapath,
    );
    const cases: Case[] = [];
    await inParallel(set, 3, async ({ setUp }) => {
      refused.push(...(await load(at, setUp)));
    });
    const database = await readDatabase(at);
    await inParallel(set, 3, async ({ name, setUp }) => {
      for (const [n, stage] of setUp.stages.entries()) {
        const chance = random(`${name}/${n}`);
        const folder = path.join(out, `${name}-${n}`);
        fs.mkdirSync(folder, { recursive: true });
        const captures = await capture(at, database, setUp, chance, exact);
        writeFiles(folder, filesOf(captures, layout(chance)));
        const cookiesHidden = captures.some(({ command }) => command.startsWith('ovs-appctl bridge/dump-flows'));
        const own: Case[] = [];
        const ports = captures.find(({ command }) => command === 'ovs-appctl dpif/show')?.text ?? '';
        const alike = await balanced(at, setUp);
        const unordered = setUp.vsctl?.some((argument) => argument.startsWith('output-vlan=')) === true;
        const before = await learned(at, setUp);
        for (const question of stage) {
          const answer = await askSwitch(at, question);
          if (answer === undefined) {
            refused.push({ what: `${name}: ofproto/trace ${question.flow}`, why: 'the switch ended instead of answering' });
            break;
          }
          // A datapath's port may be another set-up's, which these captures say nothing of.
          const first = answer.kind === 'text' ? /^bridge\("(.*)"\)$/m.exec(answer.text)?.[1] : undefined;
          if (first !== undefined && !setUp.bridges.some((bridge) => bridge.name === first)) continue;
          const through = /in_port\((\w+)\)/.exec(question.flow)?.[1];
          if (answer.kind === 'error' && through !== undefined && !ports.includes(` ${through} `)) continue;
          own.push({
            family: setUp.family,
            folder,
            question,
            answer,
            ...(alike.length > 0 ? { alike } : {}),
            ...(unordered ? { unordered } : {}),
            ...(cookiesHidden ? { cookiesHidden } : {}),
            ...(exact ? { exact } : {}),
          });
          // A packet that was really made may have taught the bridges: what was captured does not hold any more.
          const made = question.packet !== undefined || question.generate === true;
          if (made && (await learned(at, setUp)) !== before) break;
        }
        writeCases(folder, own);
        cases.push(...own);
      }
    });
    return { cases, refused };
  } finally {
    await at.stop();
  }
}

/** What the bridges have learned, without ages. */
async function learned(at: Switch, { bridges }: SetUp): Promise<string> {
  const rows: string[] = [];
  for (const { name } of bridges) {
    for (const command of ['fdb/show', 'mdb/show']) rows.push((await at.appctl([command, name])).out.replace(/ +\d+$/gm, ''));
  }
  return rows.join('\n');
}

/** The members of each balancing bond, by the datapath's numbers and by names. */
async function balanced(at: Switch, { bridges }: SetUp): Promise<string[][]> {
  const bonds = bridges
    .flatMap((bridge) => bridge.bonds ?? [])
    .filter(({ port = [] }) => port.some((column) => column.startsWith('bond_mode=balance')));
  if (bonds.length === 0) return [];
  const { out } = await at.appctl(['dpif/show']);
  const numberOf = (name: string): string => new RegExp(`^ +${name} \\d+/(\\d+):`, 'm').exec(out)?.[1] ?? name;
  return bonds.flatMap(({ members }) => [members.map(({ name }) => numberOf(name)), members.map(({ name }) => name)]);
}

/** What the real switch answers; undefined where it ended instead. */
export async function askSwitch(at: Switch, question: Question): Promise<Answer | undefined> {
  const { bridge, flow, packet, ctNext = [], names, generate } = question;
  const said = await at.appctl([
    'ofproto/trace',
    ...ctNext.flatMap((states) => ['--ct-next', states]),
    ...(names === true ? ['--names'] : []),
    ...(generate === true ? ['-generate'] : []),
    ...(bridge === null ? [] : [bridge]),
    flow,
    ...(packet === undefined ? [] : [packet]),
  ]);
  if (said.gone) return undefined;
  return said.status === 0 ? { kind: 'text', text: said.out } : { kind: 'error', text: said.err };
}

/** Runs `work` for all items, `width` at a time. */
export async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
    }),
  );
}
