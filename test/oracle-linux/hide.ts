import type { Case } from './compare';

/** A command with what it printed, its prompt included. */
interface Section {
  readonly command: string;
  readonly text: string;
}

const PROMPT = /^root@router:~# /;

function sectionsOf(transcript: string): Section[] {
  const sections: { command: string; lines: string[] }[] = [];
  for (const line of transcript.split('\n')) {
    if (PROMPT.test(line)) sections.push({ command: line.replace(PROMPT, ''), lines: [line] });
    else sections.at(-1)?.lines.push(line);
  }
  return sections.map(({ command, lines }) => ({ command, text: lines.join('\n') }));
}

function joined(sections: readonly Section[]): string {
  return sections.map(({ text }) => text).join('\n');
}

/**
 * The same captures with each command left out in turn, each table of iptables, and lines in the middle of listings. Of all these, a set-up
 * is asked every third, so that three set-ups together are asked all.
 */
export function hidden(recorded: Case): Record<string, string> {
  const all = Object.entries(everyHiding(recorded));
  return Object.fromEntries(all.filter((_, n) => n % 3 === recorded.seed % 3));
}

function everyHiding(recorded: Case): Record<string, string> {
  const found: Record<string, string> = {};
  const whole = sectionsOf(recorded.captures[recorded.backend === 'native' ? 'ruleset' : 'save'] ?? '');
  for (const { command } of whole) found[`without ${command}`] = joined(whole.filter((section) => section.command !== command));
  const tables = sectionsOf(recorded.captures['rules'] ?? '');
  // The table security is SELinux's: without a sign of it nobody looks there.
  for (const table of ['raw', 'mangle', 'nat', 'filter'])
    if (tables.some(({ command }) => command.includes(`-t ${table} `)))
      found[`without -t ${table}`] = joined(tables.filter(({ command }) => !command.includes(`-t ${table} `)));
  const random = numbersFrom(recorded.seed);
  for (const command of ['ip rule', 'ip -6 rule', 'ip route show table all', 'ipset save'])
    found[`elided ${command}`] = joined(
      whole.map((section) => (section.command === command ? elided(section, random, /^\S/) : section)),
    );
  const listed = sectionsOf(recorded.captures['verbose'] ?? '');
  if (listed.length > 0)
    found['elided -L'] = joined(
      listed.map((section) => (/ -L /.test(section.command) ? elided(section, random, /^\d+ /) : section)),
    );
  return found;
}

/** One of the lines of a kind gives way to dots, with none or one of those behind it. */
function elided({ command, text }: Section, random: (below: number) => number, kind: RegExp): Section {
  const lines = text.split('\n');
  const rows = lines.flatMap((line, n) => (n > 0 && kind.test(line) ? [n] : []));
  const at = rows[random(Math.max(1, rows.length))];
  if (at === undefined) return { command, text };
  return { command, text: [...lines.slice(0, at), '...', ...lines.slice(at + 1 + random(2))].join('\n') };
}

/** Numbers below a bound that are the same for the same seed (Park and Miller's generator). */
function numbersFrom(seed: number): (below: number) => number {
  let state = (seed % 2147483646) + 1;
  return (below) => (state = (state * 48271) % 2147483647) % below;
}
