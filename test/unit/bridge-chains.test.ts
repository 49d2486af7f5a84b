import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PacketTrace } from '../../server/src/features/netfilter-trace';
import { traced } from './traced';
import { fixture } from './walk-fixture';

/** What a real bridge with rules for frames did with packets: the ports that they left by, and the rules that counted them. */
interface Recorded {
  readonly name: string;
  /** `net.bridge.bridge-nf-call-iptables`. */
  readonly calls: 0 | 1;
  readonly text: string;
  readonly packets: readonly {
    readonly words: readonly string[];
    readonly seen: readonly string[];
    readonly hits: readonly string[];
  }[];
}

const recorded = fixture('kernel/bridge-chains.jsonl')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Recorded);

/** The rules of a trace as the kernel's counters name them; of ebtables those that its steps name. */
function rulesOf({ rules, steps }: PacketTrace): { readonly ip: string[]; readonly frames: string[] } {
  const ip = rules.flatMap(({ table, chain, number }) => (number === null ? [] : `${table}/${chain}:${number}`));
  const frames = steps.flatMap(({ summary }) => {
    const [, table, number, chain] = /^ebtables (\w+)\/\w+: rule (\d+) of (\w+)/.exec(summary) ?? [];
    return table === undefined ? [] : `${table}/${chain}:${number}`;
  });
  return { ip: ip.sort(), frames };
}

describe('rules for frames at a port of a bridge', () => {
  for (const { name, calls, text, packets } of recorded)
    it(`do what the kernel's did: ${name}, bridge-nf-call-iptables ${calls}`, () => {
      for (const { words, seen, hits } of packets) {
        const [trace] = traced(text, words.join(' '));
        assert.ok(trace);
        const about = `${words.join(' ')}: ${JSON.stringify(trace, null, 1)}`;
        const isDropped = trace.verdict === 'dropped';
        assert.equal(isDropped, seen.length === 0, about);
        if (!isDropped) assert.ok(seen.includes(trace.out ?? ''), about);
        const plain = (hit: string) => hit.replace(/^\w+ /, '');
        const isFrames = (hit: string) => name === 'ebtables' && hit.startsWith('bridge ');
        const told = rulesOf(trace);
        assert.deepEqual(
          told.ip,
          hits
            .filter((hit) => !isFrames(hit))
            .map(plain)
            .sort(),
          about,
        );
        for (const rule of told.frames) assert.ok(hits.filter(isFrames).map(plain).includes(rule), `${rule}: ${about}`);
        assert.equal(told.frames.length > 0, hits.some(isFrames), about);
      }
    });

  // Without a sign of rules for frames nobody looks for them.
  it('leave the end open where a capture that matters is missing, and never take a missing one for a drop', () => {
    for (const { text, packets } of recorded) {
      const sections = text.split(/^(?=root@router:~# )/m);
      for (const missing of sections.filter((section) => !/^.*(?:ebtables-save|nft list ruleset)/.test(section))) {
        const rest = sections.filter((section) => section !== missing).join('');
        for (const { words, seen } of packets) {
          const [trace] = traced(rest, words.join(' '));
          const about = `without ${missing.split('\n')[0]}, ${words.join(' ')}: ${JSON.stringify(trace, null, 1)}`;
          assert.ok(trace && trace.verdict !== 'unroutable' && trace.verdict !== 'local', about);
          if (trace.verdict === 'forwarded') assert.ok(seen.includes(trace.out ?? ''), about);
          if (trace.verdict === 'dropped') assert.deepEqual(seen, [], about);
        }
      }
    }
  });
});
