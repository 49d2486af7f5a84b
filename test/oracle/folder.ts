import fs from 'node:fs';
import path from 'node:path';
import type { Capture } from './capture';
import type { Random } from './random';
import type { Question } from './setup';

/** One question with the real answer, and where the captures are that hold for it. */
export interface Case {
  readonly family: string;
  /** The folder of the captures. */
  readonly folder: string;
  readonly question: Question;
  readonly answer: Answer;
  /** Datapath ports (numbers or names) that stand for one another: which member of a balancing bond a flow gets is kept nowhere. */
  readonly alike?: readonly (readonly string[])[];
  /** Whether a mirror floods a VLAN: its ports come in the order of a hash table, and no line of the trace says so. */
  readonly unordered?: boolean;
  /** Whether flows were captured by `bridge/dump-flows`, which prints no cookies. */
  readonly cookiesHidden?: boolean;
  /** Flows were captured as the switch keeps them: every line has to be the same, the megaflow's too. */
  readonly exact?: boolean;
}

/** What `ofproto/trace` said. */
export type Answer = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'error'; readonly text: string };

/** How captures lie in a folder: a file per command, or one transcript with prompts. */
export type Layout = 'files' | 'transcript' | 'bridges';

export function layout(random: Random): Layout {
  return random.pick(['files', 'files', 'transcript', 'bridges']);
}

/** The captures as files, by name. */
export function filesOf(captures: readonly Capture[], how: Layout): ReadonlyMap<string, string> {
  switch (how) {
    case 'transcript':
      return new Map([
        [
          'transcript.txt',
          captures
            .map(({ command, text }) => `[root@compute1 ~]# ${command}\n${text}${text.endsWith('\n') ? '' : '\n'}`)
            .join('\n'),
        ],
      ]);
    case 'files':
      return new Map(captures.map(({ command, text }) => [`${command.replace(/[ /]/g, '_')}.txt`, text]));
    case 'bridges':
      return new Map(captures.map(({ command, text }) => [`compute1/${command.replace(/[ /]/g, '_')}.txt`, text]));
  }
}

export function writeFiles(folder: string, files: ReadonlyMap<string, string>): void {
  for (const [name, text] of files) {
    const at = path.join(folder, name);
    fs.mkdirSync(path.dirname(at), { recursive: true });
    fs.writeFileSync(at, text);
  }
}

/** The folder's cases, as `case.json` keeps them beside the captures. */
export function writeCases(folder: string, cases: readonly Case[]): void {
  const kept = cases.map(({ folder: _, ...one }) => one);
  fs.writeFileSync(path.join(path.dirname(folder), `${path.basename(folder)}.json`), `${JSON.stringify(kept, null, 1)}\n`);
}

/** Reads cases that an earlier run kept: from a folder of captures, or from everything below one. */
export function readCases(at: string): Case[] {
  const beside = `${at.replace(/\/+$/, '')}.json`;
  if (fs.existsSync(beside)) {
    const kept = JSON.parse(fs.readFileSync(beside, 'utf8')) as Omit<Case, 'folder'>[];
    return kept.map((one) => ({ ...one, folder: at.replace(/\/+$/, '') }));
  }
  return fs
    .readdirSync(at, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => readCases(path.join(at, entry.name)));
}
