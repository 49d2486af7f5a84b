import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fc, runs } from './fuzz';
import { ofprotoTrace, type OfprotoQuestion } from '../../server/src/features/ofproto-trace';
import { linkNetwork } from '../../server/src/link/network';
import { readStore } from '../oracle/store';
import { documentsOf, root } from './walk-fixture';

/** Recorded captures and questions of every family, a few of each: what is broken below started as something real. */
const stores = fs
  .readdirSync(path.join(root, 'test/fixtures/ofproto'))
  .filter((name) => name.endsWith('.json.gz'))
  .sort()
  .map((name) => readStore(path.join(root, 'test/fixtures/ofproto', name)));

interface Broken {
  readonly files: ReadonlyMap<string, string>;
  readonly question: OfprotoQuestion;
}

/** One thing that happens to a text on its way into a ticket. */
type Mishap =
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'drop'; readonly at: number; readonly length: number }
  | { readonly kind: 'insert'; readonly at: number; readonly text: string }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number };

const mishap: fc.Arbitrary<Mishap> = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({
    kind: fc.constant('drop' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat(30),
  }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    text: fc.oneof(
      fc.constantFrom(
        ',',
        '(',
        ')',
        '=',
        '->',
        '/',
        '[',
        ']',
        '\n',
        '\r\n',
        '\0',
        'resubmit(,0)',
        'actions=',
        'learn(',
        '0x',
        '-1',
        ' ',
      ),
      fc.string({ maxLength: 6 }),
    ),
  }),
  fc.record({
    kind: fc.constant('repeat' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat(60),
  }),
);

function befall(text: string, what: Mishap): string {
  const at = Math.floor(text.length * what.at);
  switch (what.kind) {
    case 'cut':
      return text.slice(0, at);
    case 'drop':
      return text.slice(0, at) + text.slice(at + what.length);
    case 'insert':
      return text.slice(0, at) + what.text + text.slice(at);
    case 'repeat':
      return text.slice(0, at + what.length) + text.slice(at);
  }
}

const broken: fc.Arbitrary<Broken> = fc
  .record({
    store: fc.nat(stores.length - 1),
    one: fc.nat(1000),
    file: fc.nat(1000),
    captures: fc.array(mishap, { maxLength: 4 }),
    flow: fc.array(mishap, { maxLength: 1 }),
  })
  .map(({ store, one, file, captures, flow }) => {
    const { cases, folders } = stores[store] ?? { cases: [], folders: [] };
    const chosen = cases[one % cases.length];
    assert.ok(chosen);
    const files = new Map(Object.entries(folders.find(({ name }) => name === chosen.folder)?.files ?? {}));
    const names = [...files.keys()];
    const name = names[file % names.length] ?? '';
    files.set(name, captures.reduce(befall, files.get(name) ?? ''));
    const { bridge, packet, ctNext = [], names: byName, generate } = chosen.question;
    return {
      files,
      question: {
        bridge,
        flow: flow.reduce(befall, chosen.question.flow),
        packet: packet ?? null,
        ctNext,
        names: byName === true,
        generate: generate === true,
        host: null,
      },
    };
  });

function ask({ files, question }: Broken) {
  const documents = documentsOf(files);
  return ofprotoTrace(
    { documents: new Map(documents.map((each) => [each.uri, each])), network: linkNetwork(documents) },
    question,
  );
}

describe('ofproto-trace on broken captures and questions', () => {
  it('always answers, and soon', () => {
    fc.assert(
      fc.property(broken, (one) => {
        const start = performance.now();
        const answer = ask(one);
        assert.ok(performance.now() - start < 10_000, 'takes longer than ten seconds');
        if (answer.kind === 'error') assert.match(answer.message, /\S/);
        else assert.match(answer.answer.text, /^Flow: .*\n\nbridge\("/);
      }),
      { numRuns: runs(120) },
    );
  });

  it('says so where a table that it looked into is not wholly read', () => {
    fc.assert(
      fc.property(broken, (one) => {
        const [name] = [...one.files.keys()].filter((each) => /dump-flows/.test(each));
        if (name === undefined) return;
        const lines = (one.files.get(name) ?? '').split('\n');
        // A flow of the first table that no switch would print takes every packet, if it could be read.
        const at = lines.findIndex((line) => /actions=/.test(line) && !/table=(?!0\b)/.test(line));
        if (at < 0) return;
        const files = new Map(one.files);
        files.set(name, [...lines.slice(0, at), ' priority=65535,dl_type=0x08zz actions=drop', ...lines.slice(at)].join('\n'));
        const answer = ask({ ...one, files });
        if (answer.kind === 'error' || !answer.answer.text.includes('\n 0. ')) return;
        if (!name.endsWith(`dump-flows_${answer.bridge}.txt`)) return;
        assert.ok(
          answer.answer.notes.some((note) => /table 0|could not be read|not whole|not read|is captured/.test(note)),
          `${name} ${answer.answer.text}\n${answer.answer.notes.join('\n')}`,
        );
      }),
      { numRuns: runs(30) },
    );
  });
});
