import type { Line } from '../base/lines';
import { looksLikeProse } from './prose';

/** So many lines with an empty one behind each are no accident. */
const FEWEST = 4;

interface Stretch {
  readonly first: number;
  /** The last line of the stretch; where that is doubled, perhaps the empty one behind its last full one. */
  readonly last: number;
  readonly doubled: boolean;
}

/** Which lines of a text are only there because a mail program or a page put an empty one behind each. */
export interface DoubledLines {
  /** Whether a line is such an empty one. */
  isAdded(number: number): boolean;
  /** The number of the line `steps` (1 or more) behind one, those that were added not counted. */
  after(number: number, steps: number): number;
}

/** Finds the stretches where every second line is empty, as they are asked for from the top on; prose between empty lines is none. */
export function doubledLines(at: (number: number) => Line | undefined): DoubledLines {
  let known: Stretch = { first: 0, last: -1, doubled: false };
  const stretchOf = (number: number): Stretch => {
    if (number < known.first || number > known.last) known = stretchFrom(at, number);
    return known;
  };
  return {
    isAdded(number) {
      const { first, doubled } = stretchOf(number);
      return doubled && (number - first) % 2 === 1;
    },
    after(number, steps) {
      const { last, doubled } = stretchOf(number);
      if (!doubled) return number + steps;
      const inside = Math.min(steps, Math.floor((last - number) / 2));
      const rest = steps - inside;
      return rest === 0 ? number + 2 * inside : last + rest;
    },
  };
}

const isEmpty = (line: Line | undefined): boolean => line?.text.trim() === '';

/** The stretch that starts at a line, which is looked at no further than every second line is empty. */
function stretchFrom(at: (number: number) => Line | undefined, first: number): Stretch {
  let last = first;
  let prose = 0;
  let full = 0;
  for (let line = at(first); line !== undefined; line = at(last)) {
    if (!isEmpty(line)) full++;
    if (looksLikeProse(line.text)) prose++;
    if (!isEmpty(at(last + 1)) || at(last + 2) === undefined) break;
    last += 2;
  }
  const doubled = !isEmpty(at(first)) && full >= FEWEST && prose * 2 < full;
  return { first, last: doubled && isEmpty(at(last + 1)) ? last + 1 : last, doubled };
}
