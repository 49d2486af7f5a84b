import type { Line } from '../base/lines';
import { part } from './line-parts';

const DAY = '\\d{4}-\\d\\d-\\d\\d';
const TIME = '\\d\\d:\\d\\d:\\d\\d';
/**
 * What logs put before the lines of a program, with the machine's name where they have it. `tcpdump -tttt` starts its own lines with the day
 * and the time, and a blank behind them.
 */
const PREFIXES: readonly RegExp[] = [
  // Zuul's console and DevStack's: 2026-01-05 10:11:12.123456 | controller | + ip addr
  new RegExp(`^${DAY} ${TIME}\\.\\d{3,6} \\|(?: (?<host>[a-z][\\w.-]*) \\|)?(?: |$)`),
  // syslog and the journal: Jan  5 10:11:12 node1 check[812]: default via …
  new RegExp(`^[A-Z][a-z]{2} [ \\d]\\d ${TIME} (?<host>[\\w.-]+) (?!kernel:)[\\w@./-]+(?:\\[\\d+\\])?:(?: |$)`),
  new RegExp(`^${DAY}T${TIME}(?:\\.\\d+)?[+-]\\d\\d:?\\d\\d (?<host>[\\w.-]+) (?!kernel:)[\\w@./-]+(?:\\[\\d+\\])?:(?: |$)`),
  // GitHub's runners, kubectl logs --timestamps, docker logs -t
  new RegExp(`^${DAY}T${TIME}\\.\\d{7,9}Z(?: |$)`),
  // Jenkins
  new RegExp(`^\\[${DAY}T${TIME}\\.\\d{3}Z\\](?: |$)`),
  // Avocado
  new RegExp(`^${DAY} ${TIME},\\d{3} \\S+ +L\\d+ [A-Z]+ ?\\|(?: \\[stdout\\])?(?: |$)`),
];
/** How all of them start; most lines of most outputs do not. */
const STARTS = new RegExp(`^(?:\\[?${DAY}[T ]|[A-Z][a-z]{2} [ \\d]\\d ${TIME} )`);

/** A line without what a log put before it; the same line where there is nothing of that. One log may have gone through another. */
export function withoutLogPrefix(line: Line): Line {
  if (!STARTS.test(line.text)) return line;
  for (const prefix of PREFIXES) {
    const found = prefix.exec(line.text);
    if (!found) continue;
    const host = found.groups?.['host'] ?? line.host;
    return withoutLogPrefix({ ...part(line, found[0].length), ...(host === undefined ? {} : { host }) });
  }
  return line;
}
