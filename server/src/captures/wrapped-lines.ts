import type { Line, Lines } from '../base/lines';
import { parsePrompt } from './command';
import { sniffLine } from './registry';

/** Consoles that break lines in a copy have one of these widths; rows of tables have one of them by accident only. */
const WIDTHS: ReadonlySet<number> = new Set([80, 100, 120, 132, 160]);
/** So many lines around one are looked at to find out whether its width is a terminal's. */
const AROUND = 100;
/** So many lines that go on below are no accident. */
const FEWEST = 3;
/** A hand or a mail program breaks lines between words, up to so many columns before the margin. */
const RAGGED = 20;

/** Where a record starts, whatever the lines around it look like. */
const FRESH = new RegExp(
  `^(?:${[
    'COMMIT$',
    '\\*(?:filter|nat|mangle|raw|security|broute)$',
    ':[A-Za-z][\\w-]* (?:-|ACCEPT|DROP|RETURN|CONTINUE)(?: \\[|$)',
    '# ',
    // times of a log
    '\\[?\\d{4}-\\d\\d-\\d\\d[T ]',
    '[A-Z][a-z]{2} [ \\d]\\d \\d\\d:',
    '-[A-Z] ',
    'Chain ',
    'table ',
    '\\s*chain ',
    '\\s*\\}',
    'num ',
    '\\s*pkts ',
    'add ',
    'create ',
    'Name: ',
    '(?:TCP|UDP|SCTP|FWM) ',
    '\\d+: ',
    '\\s*cookie=',
    '[\\da-f]{8}-[\\da-f]{4}-',
    '\\s*[|+<{}[\\]"]',
    '\\s*[\\w.-]+ *[:=] ',
    '(?:link/|inet6? |valid_lft |altname |promiscuity |nexthop |Bridge |Port |Interface |Manager |Controller )',
    '(?:local|broadcast|multicast|anycast|unreachable|blackhole|prohibit|throw|default) ',
    '[\\da-f]+[.:][\\da-f.:]*(?:\\/\\d+)? (?:dev|via|proto|nhid) ',
  ].join('|')})`,
);

interface Stretch {
  readonly first: number;
  readonly last: number;
  readonly width: number;
  /** How lines start that stand below short ones; undefined where no terminal broke lines at this width. */
  readonly starts: ReadonlyMap<string, number> | undefined;
}

/** A text's lines as they were before a terminal broke them at its width. */
export interface WrappedLines {
  /** With the rest of a line behind its beginning, and nothing in the rest's own place. */
  readonly lines: Lines;
  /** Whether a line is the rest of the one above. */
  isRest(number: number): boolean;
}

/**
 * Puts lines together again that a terminal broke at its width and a copy of its screen took for lines of their own: in a stretch no line
 * is longer than that width, several are exactly as long, and what stands below those starts as no other line does. `isWhole` says which
 * lines certainly end where they do.
 */
export function withoutWraps(lines: Lines, isWhole: (number: number) => boolean): WrappedLines {
  let known: Stretch | undefined;
  const goesOn = (number: number): boolean => {
    const width = lines.widthOf(number);
    if (!WIDTHS.has(width) || number + 1 >= lines.length || lines.widthOf(number + 1) > width || isWhole(number)) return false;
    if (known === undefined || known.width !== width || number < known.first || number >= known.last)
      known = stretchAround(lines, number, width);
    return known.starts !== undefined && isBroken(lines, number, known.starts);
  };
  const isRest = (number: number): boolean => number > 0 && goesOn(number - 1);
  return {
    isRest,
    lines: {
      ...lines,
      at(number) {
        const line = lines.at(number);
        if (line === undefined || line.text === '') return line;
        if (isRest(number)) return { ...line, text: '' };
        return goesOn(number) ? joined(lines, line, goesOn) : line;
      },
    },
  };
}

function joined(lines: Lines, first: Line, goesOn: (number: number) => boolean): Line {
  const cuts: { at: number; length: number }[] = [];
  let { text, number, start } = first;
  /** How many characters of line breaks were left out. */
  let left = 0;
  while (goesOn(number)) {
    const next = lines.at(number + 1);
    if (next === undefined) break;
    const end = start + lines.widthOf(number);
    // Blanks at the margin belong to the line.
    text = text.padEnd(end - first.start - left);
    cuts.push({ at: text.length, length: next.start - end });
    left += next.start - end;
    text += next.text;
    ({ number, start } = next);
  }
  return { ...first, text, cuts, until: number };
}

function stretchAround(lines: Lines, number: number, width: number): Stretch {
  const reach = (step: 1 | -1): number => {
    let end = number;
    for (let n = number + step; n >= 0 && n < lines.length && Math.abs(n - number) <= AROUND; n += step) {
      if (lines.widthOf(n) > width) break;
      end = n;
    }
    return end;
  };
  const first = reach(-1);
  const last = reach(1);
  const full: number[] = [];
  for (let n = first; n < last; n++) if (lines.widthOf(n) === width) full.push(n);
  if (full.length < FEWEST) return { first, last, width, starts: undefined };
  const starts = new Map<string, number>();
  const ragged: number[] = [];
  for (let n = first; n < last; n++) {
    const own = lines.widthOf(n);
    if (own >= width) continue;
    if (own >= width - RAGGED) ragged.push(n);
    const start = startOf(lines.at(n + 1)?.text ?? '');
    if (start !== '') starts.set(start, (starts.get(start) ?? 0) + 1);
  }
  const broken = full.filter((n) => isBroken(lines, n, starts));
  // Rows of one width have no end that is shorter.
  const ended = broken.filter((n) => lines.widthOf(n + 1) < width);
  const byHand = ragged.filter((n) => isBroken(lines, n, starts));
  const wraps =
    broken.length >= FEWEST &&
    broken.length * 2 >= full.length &&
    ended.length * 2 >= broken.length &&
    broken.length > 3 * byHand.length;
  return { first, last, width, starts: wraps ? starts : undefined };
}

/** Whether what stands below a line starts as a record does not. */
function isBroken(lines: Lines, number: number, starts: ReadonlyMap<string, number>): boolean {
  const above = lines.at(number)?.text ?? '';
  const below = lines.at(number + 1)?.text ?? '';
  const start = startOf(below);
  // Columns are filled up with blanks to one width, and frames are drawn to one.
  if (start === '' || /^(?:\t| {2})/.test(below) || above.length < lines.widthOf(number) - 1 || /^\s*[|+].*[|+]$/.test(above))
    return false;
  if (start === startOf(above) || (starts.get(start) ?? 0) > 1) return false;
  return !FRESH.test(below) && parsePrompt(below) === undefined && sniffLine(below, () => undefined) === undefined;
}

/** The first signs of a line, whatever numbers they are. */
function startOf(text: string): string {
  return text.slice(0, 3).replace(/\d/g, '0');
}
