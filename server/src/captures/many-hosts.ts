import type { Line, Lines } from '../base/lines';
import { afterOptions } from './container';
import { part } from './line-parts';

/** How the outputs of several machines stand together: each below a line with its name, or each line behind it. */
export type EachHost = 'host' | 'line';

/** The command that a tool has several machines run, as its words; undefined for other programs. */
export function commandOnMany(
  program: string,
  argv: readonly string[],
  pipe: string | undefined,
): { readonly words: readonly string[]; readonly each: EachHost } | undefined {
  switch (program) {
    case 'ansible': {
      const at = argv.findIndex((word) => /^(?:-a|--args)$/.test(word));
      return at < 0 ? undefined : { words: argv.slice(at + 1, at + 2), each: 'host' };
    }
    case 'salt':
    case 'salt-ssh': {
      const at = argv.findIndex((word) => /^cmd\.(?:run|shell|run_all|run_stdout)$/.test(word));
      return at < 0 ? undefined : { words: argv.slice(at + 1, at + 2), each: 'host' };
    }
    case 'pdsh':
    case 'clush': {
      const words = afterOptions(argv.slice(1), /^(?:-[a-zA-Z]*[wgxXlftuMRco]|--(?:nodes|group|user))$/);
      const folded = /^dshbak\b/.test(pipe ?? '') || (program === 'clush' && argv.some((word) => /^-[a-zA-Z]*[bBL]/.test(word)));
      return words.length === 0 ? undefined : { words, each: folded ? 'host' : 'line' };
    }
    case 'pssh':
    case 'parallel-ssh': {
      const words = afterOptions(argv.slice(1), /^-[hHlptoexO]$/);
      return words.length === 0 ? undefined : { words, each: 'host' };
    }
    default:
      return undefined;
  }
}

const RULER = /^-{10,}$/;

/**
 * The machine that the lines below are from, as ansible, salt, pssh, dshbak and clush say it above them; no name where it says that the
 * machine gave nothing. Undefined for any other line.
 */
export function hostHeading(
  text: string,
  above: string | undefined,
  below: string | undefined,
): { readonly host: string | undefined } | undefined {
  const plain = text.trimEnd();
  const ansible = /^\s*(\S+) \| (?:(?:CHANGED|SUCCESS|FAILED)!?(?: \| rc=\d+)? >>|(UNREACHABLE|FAILED)! => \{)$/.exec(plain);
  if (ansible) return { host: ansible[2] === undefined ? ansible[1] : undefined };
  const pssh = /^\[\d+\] \d\d:\d\d:\d\d \[(SUCCESS|FAILURE)\] (\S+)/.exec(plain);
  if (pssh) return { host: pssh[1] === 'SUCCESS' ? pssh[2]?.replace(/^.*@/, '') : undefined };
  const salt = /^([A-Za-z\d][\w.-]*):$/.exec(plain);
  if (salt && /^ {4}\S/.test(below ?? '')) return { host: salt[1] };
  if (!RULER.test(above ?? '') || !RULER.test(below ?? '')) return undefined;
  // Several machines that gave the same stand for themselves, as `web[1-3]`.
  const folded = /^([A-Za-z\d][\w.,[\]-]*)(?: \(\d+\))?$/.exec(plain);
  return folded ? { host: folded[1] } : undefined;
}

/** Lines from `first` on that stand behind a machine's name, by that name, without it; `count` lines are used up. */
export function linesOfHosts(
  lines: Lines,
  first: number,
): { readonly hosts: ReadonlyMap<string, readonly Line[]>; readonly count: number } {
  const hosts = new Map<string, Line[]>();
  let count = 0;
  for (let line = lines.at(first); line !== undefined; line = lines.at(first + ++count)) {
    const found = /^([A-Za-z\d][\w.-]*):(?: |$)/.exec(line.text.slice(0, 300));
    if (!found) break;
    const own = hosts.get(found[1] ?? '');
    const rest = part(line, Math.min(found[0].length, line.text.length));
    if (own) own.push(rest);
    else hosts.set(found[1] ?? '', [rest]);
  }
  return { hosts, count };
}
