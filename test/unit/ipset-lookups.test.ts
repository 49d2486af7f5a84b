import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { netfilterTrace, type PacketTrace, type TraceRule } from '../../server/src/features/netfilter-trace';
import { namespaceOf } from '../oracle-linux/compare';
import { fixture } from './walk-fixture';

/** Sets and rules of a router, with the rules that took each packet: recorded by test/oracle-linux/lookups.py. */
interface Recorded {
  readonly name: string;
  readonly backend: string;
  /** Only counters or time tell some of it. */
  readonly open: boolean;
  readonly sets: string;
  readonly rules: string;
  readonly listed: Readonly<Record<string, string>>;
  readonly ruleset?: string;
  readonly packets: readonly {
    readonly words: readonly string[];
    readonly hits: readonly (readonly [string, string, number])[];
  }[];
}

const [first = '', ...lines] = fixture('kernel/lookups.jsonl').trimEnd().split('\n');
const { router } = JSON.parse(first) as { readonly router: string };
const cases = lines.map((line) => JSON.parse(line) as Recorded);

function traces(recorded: Recorded, rules: string): PacketTrace[] {
  const namespace = namespaceOf(`${router}\nroot@router:~# ipset save\n${recorded.sets}\n${rules}`);
  const questions = recorded.packets.map(({ words }) => {
    const question = readQuestion(words, namespace);
    if (typeof question === 'string') throw new Error(question);
    return question;
  });
  return netfilterTrace(namespace, questions, undefined, true);
}

function taken(rules: readonly TraceRule[]): string {
  return rules
    .flatMap(({ table, chain, number }) => (number === null ? [] : `${table} ${chain} ${number}`))
    .sort()
    .join(', ');
}

/** Every list of rules that a trace allows; the likely one first. */
function allowed({ rules, alternatives }: PacketTrace): string[] {
  return [taken(rules), ...alternatives.map((other) => taken(other.rules))];
}

const kernel = ({ packets }: Recorded) => packets.map(({ hits }) => hits.map((hit) => hit.join(' ')).join(', '));

describe('what looking packets up in sets leaves behind, as recorded of the kernel', () => {
  for (const recorded of cases) {
    const { name, backend, listed, ruleset = '' } = recorded;
    const answers = kernel(recorded);
    const lists = Object.entries(listed).map(([table, text]) => `root@router:~# iptables -t ${table} -n -v -L\n${text}\n`);
    const save = `root@router:~# iptables-save\n${recorded.rules}\n`;
    for (const [how, rules] of [
      ['iptables-save', save],
      ['iptables -L', lists.join('')],
    ] as const)
      it(`${name} (${how}, ${backend})`, () => {
        const found = traces(recorded, rules).map(allowed);
        if (recorded.open) assert.deepEqual(notAllowed(found, answers), []);
        else
          assert.deepEqual(
            found,
            answers.map((answer) => [answer]),
          );
      });
    // nft does not print which set a rule asks.
    it(`${name} (nft list ruleset, ${backend})`, () => {
      const found = traces(recorded, `root@router:~# nft list ruleset\n${ruleset}\n`);
      assert.deepEqual(notAllowed(found.map(allowed), answers), []);
    });
  }
});

/** Of more ways than these a trace does not tell. */
const MOST = 8;

/** The kernel's answers that are not among what traces tell of. */
function notAllowed(found: readonly (readonly string[])[], answers: readonly string[]): string[] {
  return answers.flatMap((answer, n) =>
    found[n]?.includes(answer) === true || (found[n]?.length ?? 0) > MOST
      ? []
      : [`packet ${n}: ${found[n]?.join(' | ')} — kernel ${answer}`],
  );
}
