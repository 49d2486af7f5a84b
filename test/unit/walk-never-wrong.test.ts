import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';
import { linkNetwork } from '../../server/src/link/network';
import { walk, type WalkResult } from '../../server/src/walk/walk';
import { folder, outline, question, root } from './walk-fixture';

const files = new Map([...folder(path.join(root, 'test/fixtures/lab'))].filter(([name]) => !name.startsWith('real/')));
const read = (name: string, text: string): CaptureDocument => readDocument(`file:///${name}`, name, text);
const documents = new Map([...files].map(([name, text]) => [name, read(name, text)]));

/** What really arrived, and what it takes to be sure: packets of the lab whose way tcpdump saw. */
const arrived = [
  'c-private > 203.0.113.10 reply',
  '203.0.113.10 > 172.24.4.3 tcp 22 reply',
  'd-private > 203.0.113.10 reply',
  'c-private > 172.19.1.4 tcp 80 reply',
  'd-private > 172.24.4.3 reply',
];

interface Verdict {
  readonly disposition: string;
  readonly end: string;
}

function verdicts(result: WalkResult): Verdict[] {
  if (result.kind === 'error') return [];
  return [result.request, ...(result.reply ? [result.reply] : [])].map(({ ending }) => ({
    disposition: ending.disposition,
    end: `${ending.at.host ?? '-'} ${ending.at.device}`,
  }));
}

/**
 * Walks with something missing. A packet that arrived is never called dropped; where the walk ends elsewhere than it did, it says
 * that it is not certain and names a capture.
 */
function check(changed: ReadonlyMap<string, CaptureDocument>, asked: string, whole: readonly Verdict[], what: string): string[] {
  const troubles: string[] = [];
  const result = walk(linkNetwork([...changed.values()]), question(asked));
  if (result.kind === 'error') return [];
  const answers = [result.request, ...(result.reply ? [result.reply] : [])];
  answers.forEach((answer, n) => {
    const { disposition } = answer.ending;
    const same =
      whole[n]?.disposition === disposition && whole[n]?.end === `${answer.ending.at.host ?? '-'} ${answer.ending.at.device}`;
    // To leave the captures is right wherever the next machine is not among them; a guest may be known by its tap alone.
    const shorter = disposition === 'exits' || answer.ending.at.port?.startsWith('tap') === true;
    const wrong =
      disposition === 'dropped' ||
      disposition === 'loop' ||
      (!same && ((answer.certainty !== 'assumed' && !shorter) || answer.gaps.length === 0));
    if (wrong) troubles.push(`${asked}${n === 1 ? ' (reply)' : ''} without ${what}:\n${outline(answer)}`);
  });
  return troubles;
}

function report(troubles: readonly string[]): void {
  assert.equal(
    troubles.length,
    0,
    `${troubles.length} wrong answers, the first ones:\n\n${troubles.slice(0, Number(process.env['SHOW'] ?? 3)).join('\n\n')}`,
  );
}

describe('nothing is called dropped because a capture is missing', () => {
  const whole = new Map(arrived.map((asked) => [asked, verdicts(walk(linkNetwork([...documents.values()]), question(asked)))]));

  const taken = new Set(
    arrived.flatMap((asked) => {
      const result = walk(linkNetwork([...documents.values()]), question(asked));
      const steps = result.kind === 'error' ? [] : [...result.request.steps, ...(result.reply?.steps ?? [])];
      return steps.flatMap((step) =>
        step.evidence.map(({ uri, span }) => {
          const document = [...documents.values()].find((candidate) => candidate.uri === uri);
          return document ? `${document.path}:${document.text.slice(0, span.start).split('\n').length - 1}` : '';
        }),
      );
    }),
  );

  it('arrives with everything', () => {
    for (const [asked, ends] of whole)
      assert.ok(ends.length === 2 && ends.every(({ disposition }) => disposition === 'delivered'), asked);
  });

  it('without each file in turn', () => {
    const troubles: string[] = [];
    for (const name of files.keys()) {
      const changed = new Map(documents);
      changed.delete(name);
      for (const asked of arrived) troubles.push(...check(changed, asked, whole.get(asked) ?? [], name));
    }
    report(troubles);
  });

  it('with each flow of each dump cut out', () => {
    const troubles: string[] = [];
    for (const [name, text] of files) {
      if (!/dump-flows/.test(name)) continue;
      const lines = text.split('\n');
      const first = lines.findIndex((line) => /actions=/.test(line));
      lines.forEach((line, n) => {
        // Of the flows that no packet takes one stands for all: without it the dump is no longer whole.
        if (!/actions=/.test(line) || (n !== first && !taken.has(`${name}:${n}`))) return;
        const changed = new Map(documents).set(name, read(name, lines.map((other, m) => (m === n ? '...' : other)).join('\n')));
        for (const asked of arrived)
          troubles.push(...check(changed, asked, whole.get(asked) ?? [], `line ${n + 1} of ${name}: ${line.trim()}`));
      });
    }
    report(troubles);
  });
});
