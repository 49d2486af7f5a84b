import type { Line, Lines } from '../base/lines';
import { NUMBERS } from './block';
import { commandAt } from './commands-in-text';
import { part } from './line-parts';
import { sniffLine } from './registry';
import { unquote } from './unquote';

/** A line behind its number: `  12\ttext` (cat -n, nl), `12: text`, `12 | text`, `12. text`, `12 text`. */
const NUMBERED = /^(\s*)(\d{1,6})([:.)]|\t| *[|│→]|(?=\s|$))/;
/** So many numbers, each one more than the one before, are no accident. */
const FEWEST = 3;
/** So many lines of a stretch are looked at to find out what their numbers are. */
const LOOKED_AT = 60;

interface Stretch {
  readonly first: number;
  readonly last: number;
  /** The blanks between a number and what it numbers; undefined where the numbers are part of the lines. */
  readonly gap: number | undefined;
}

/**
 * A text's lines without the numbers that an editor, `cat -n` or `nl` put in front of each: numbers that go up by one, and lines that are
 * captures without them and none with them.
 */
export function withoutLineNumbers(lines: Lines): Lines {
  let known: Stretch | undefined;
  return {
    ...lines,
    at(number) {
      const line = lines.at(number);
      const found = line && NUMBERED.exec(line.text);
      if (!line || !found) return line;
      if (known === undefined || number < known.first || number > known.last) known = stretchAt(lines, number);
      return known.gap === undefined ? line : withoutIts(line, found, known.gap);
    },
  };
}

function withoutIts(line: Line, found: RegExpExecArray, gap: number): Line {
  const end = found[0].length;
  const blanks = /^ */.exec(line.text.slice(end))?.[0].length ?? 0;
  return part(line, end + Math.min(gap, blanks));
}

/** The stretch of numbered lines around one. */
function stretchAt(lines: Lines, at: number): Stretch {
  const first = endOf(lines, at, -1);
  const last = endOf(lines, at, 1);
  const all: { readonly line: Line; readonly found: RegExpExecArray }[] = [];
  for (let n = first; n <= last && all.length < LOOKED_AT; n++) {
    const line = lines.at(n);
    const found = line && NUMBERED.exec(line.text);
    if (line && found) all.push({ line, found });
  }
  const command = first > 0 ? (lines.at(first - 1)?.text ?? '') : '';
  // `cat -n` says by its blanks and its tab what it is.
  const fewest = all.every(({ found }) => found[1] !== '' && found[3] === '\t') ? FEWEST - 1 : FEWEST;
  if (all.length < fewest || NUMBERS.test(command)) return { first, last, gap: undefined };
  const gaps = all.flatMap(({ line, found }) => {
    const rest = line.text.slice(found[0].length);
    return rest.trim() === '' ? [] : [/^ */.exec(rest)?.[0].length ?? 0];
  });
  const gap = Math.min(...gaps, 8);
  const plain = all.map(({ line, found }) => withoutIts(line, found, gap));
  const bare = firstStart(plain);
  // Rows that have numbers of their own (`iptables -L --line-numbers`) start where they are; a title behind a number is none.
  const numbered = firstStart(all.map(({ line }) => line));
  const isNumbered = bare >= 0 && (numbered < 0 || bare < numbered);
  return { first, last, gap: isNumbered ? gap : undefined };
}

/** How far the numbers go on from a line: they are one apart, of one form, with empty lines between them at most. */
function endOf(lines: Lines, at: number, step: 1 | -1): number {
  let end = at;
  let before = NUMBERED.exec(lines.at(at)?.text ?? '');
  for (let n = at + step; n >= 0 && n < lines.length; n += step) {
    const text = lines.at(n)?.text ?? '';
    if (text.trim() === '') continue;
    const found = NUMBERED.exec(text);
    if (!found || !before || Number(found[2]) !== Number(before[2]) + step || found[3]?.trim() !== before[3]?.trim()) break;
    before = found;
    end = n;
  }
  return end;
}

/** Where a capture starts in lines that follow one another; -1 where none does. */
function firstStart(lines: readonly Line[]): number {
  const texts = lines.map((line) => unquote(line));
  return texts.findIndex((line, n) => {
    const following = (k: number) => texts[n + 1 + k]?.text;
    return commandAt(line, following, undefined)?.found !== undefined || sniffLine(line.text, following) !== undefined;
  });
}
