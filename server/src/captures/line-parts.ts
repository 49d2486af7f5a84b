import type { Line } from '../base/lines';

/** A line with something else in place of what matches a pattern; every other character keeps its place in the document. */
export function replaced(line: Line, pattern: RegExp, put: (found: RegExpMatchArray) => string): Line {
  const cuts: { at: number; length: number }[] = [];
  const before = [...(line.cuts ?? [])];
  let text = '';
  let end = 0;
  const takeCuts = (upTo: number) => {
    while (before[0] !== undefined && before[0].at <= upTo) {
      cuts.push({ at: text.length - (upTo - before[0].at), length: before[0].length });
      before.shift();
    }
  };
  for (const found of line.text.matchAll(pattern)) {
    text += line.text.slice(end, found.index);
    takeCuts(found.index);
    const instead = put(found);
    text += instead;
    cuts.push({ at: text.length, length: found[0].length - instead.length });
    end = found.index + found[0].length;
  }
  if (cuts.length === 0) return line;
  text += line.text.slice(end);
  takeCuts(line.text.length);
  return { ...line, text, cuts };
}

/** A part of a line, at its own place. */
export function part(line: Line, from: number, to = line.text.length): Line {
  const cuts = line.cuts?.filter(({ at }) => at > from).map(({ at, length }) => ({ at: at - from, length }));
  return {
    text: line.text.slice(from, to),
    start: offsetIn(line, from),
    number: line.number,
    ...(line.host === undefined ? {} : { host: line.host }),
    ...(line.until === undefined ? {} : { until: line.until }),
    ...(cuts === undefined || cuts.length === 0 ? {} : { cuts }),
  };
}

/** The offset in the document of a character of a line. */
export function offsetIn(line: Line, at: number): number {
  let offset = line.start + at;
  for (const cut of line.cuts ?? []) if (cut.at <= at) offset += cut.length;
  return offset;
}
