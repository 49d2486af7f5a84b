import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { run } from '../../server/src/cli/run';
import { answerOf, batchLine } from '../oracle/ask';
import { compare } from '../oracle/compare';
import { writeFiles } from '../oracle/folder';
import { difference } from '../oracle/report';
import { readStore } from '../oracle/store';
import { root } from './walk-fixture';

/** Recorded by `npm run oracle -- --record`: captures of a real Open vSwitch 3.1, questions, and what it answered. */
const folder = path.join(root, 'test/fixtures/ofproto');

describe('ofproto-trace answers as Open vSwitch did', () => {
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'packet-walk-recorded-'));
  after(() => fs.rmSync(work, { recursive: true, force: true }));
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.json.gz'));

  it('in every family', () => assert.ok(files.length >= 25, `${files.length} families are recorded`));

  for (const file of files.sort()) {
    const family = file.replace('.json.gz', '');
    it(family, () => {
      const store = readStore(path.join(folder, file));
      for (const { name, files: captures } of store.folders)
        writeFiles(path.join(work, family, name), new Map(Object.entries(captures)));
      const cases = store.cases.map((one) => ({ ...one, folder: path.join(work, family, one.folder) }));
      const batch = path.join(work, `${family}.jsonl`);
      fs.writeFileSync(batch, cases.map((one) => `${batchLine(one)}\n`).join(''));
      let out = '';
      run(['ofproto-trace', '--batch', batch], { out: (text) => (out += text), err: () => undefined, colours: false });
      const lines = out.split('\n');
      const differing = cases.flatMap((one, n) => {
        const ours = answerOf(lines[n] === '' ? undefined : lines[n]);
        const comparison = compare(one.answer, ours, one);
        return comparison.differs.length === 0 ? [] : [difference({ one, ours, comparison })];
      });
      assert.equal(differing.length, 0, `${differing.length} of ${cases.length} differ:\n${differing.slice(0, 3).join('\n')}`);
      assert.ok(cases.length >= 20, `${cases.length} cases`);
    });
  }
});
