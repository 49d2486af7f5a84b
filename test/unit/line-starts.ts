import type { LineIndex } from '../../server/src/base/lines';

/** Where all lines start; every offset must be on the line that it is on. */
export function startsOf(lines: LineIndex): number[] {
  const starts = Array.from({ length: lines.count }, (_, line) => lines.startOf(line) ?? -1);
  starts.forEach((start, line) => {
    if (lines.lineAt(start) !== line) throw new Error(`line ${line} starts at ${start}, which is on line ${lines.lineAt(start)}`);
  });
  return starts;
}
