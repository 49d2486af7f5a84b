import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { normalise, withoutCookies, type Comparison } from './compare';
import type { Answer, Case } from './folder';

export interface Compared {
  readonly one: Case;
  readonly ours: Answer;
  readonly comparison: Comparison;
}

const share = (part: number, all: number): string => (all === 0 ? '-' : `${((100 * part) / all).toFixed(1)}%`);

/** More lines of a difference, and more signs of a line, are not printed: `--keep` has them all. */
const MOST_LINES = 120;
const MOST_SIGNS = 2000;

/** How many cases of each family are equal, as a table. */
export function table(all: readonly Compared[]): string {
  const families = [...new Set(all.map(({ one }) => one.family))].sort();
  const row = (name: string, of: readonly Compared[]): string => {
    const equal = of.filter(({ comparison }) => comparison.differs.length === 0).length;
    const megaflow = of.filter(({ comparison }) => comparison.megaflow).length;
    const text = of.filter(({ comparison }) => comparison.text).length;
    const numbers = [
      String(of.length),
      String(equal),
      String(of.length - equal),
      share(megaflow, of.length),
      share(text, of.length),
    ];
    return `${name.padEnd(16)}${numbers.map((cell) => cell.padStart(10)).join('')}`;
  };
  return [
    `${'family'.padEnd(16)}${['cases', 'equal', 'differ', 'megaflow', 'text'].map((cell) => cell.padStart(10)).join('')}`,
    ...families.map((family) =>
      row(
        family,
        all.filter(({ one }) => one.family === family),
      ),
    ),
    row('all', all),
  ].join('\n');
}

/** One differing case, with what differs as a unified diff. */
export function difference({ one, ours, comparison }: Compared): string {
  const { question, folder, family, answer } = one;
  const options = [
    ...(question.ctNext ?? []).flatMap((states) => ['--ct-next', states]),
    ...(question.names === true ? ['--names'] : []),
    ...(question.generate === true ? ['-generate'] : []),
  ];
  return [
    `--- ${family}: ${comparison.differs.join(', ') || 'text'} (${folder})`,
    `    ofproto/trace ${[...options, question.bridge ?? '', `'${question.flow}'`, question.packet ?? ''].join(' ')}`,
    unified(answer, ours, one.cookiesHidden === true),
  ].join('\n');
}

function unified(real: Answer, ours: Answer, cookiesHidden: boolean): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'packet-walk-diff-'));
  const text = ({ kind, text: said }: Answer): string => {
    const told = normalise(cookiesHidden ? withoutCookies(said) : said);
    return `${kind === 'error' ? 'error: ' : ''}${told.trimEnd()}\n`;
  };
  fs.writeFileSync(path.join(folder, 'real'), text(real));
  fs.writeFileSync(path.join(folder, 'ours'), text(ours));
  const { stdout } = spawnSync('diff', ['-U', '4', 'real', 'ours'], { cwd: folder, encoding: 'utf8' });
  fs.rmSync(folder, { recursive: true, force: true });
  const lines = stdout.trimEnd().split('\n').slice(2);
  // A loop of resubmits is traced in tens of thousands of lines, as deep as it goes.
  const shown = lines.slice(0, MOST_LINES).map((line) => (line.length > MOST_SIGNS ? `${line.slice(0, MOST_SIGNS)}…` : line));
  return [...shown, ...(lines.length > MOST_LINES ? [`… ${lines.length - MOST_LINES} more lines`] : [])].join('\n');
}
