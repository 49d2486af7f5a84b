import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ofprotoTrace } from '../../server/src/features/ofproto-trace';
import { createService } from '../../server/src/service';
import { readStore } from '../oracle/store';
import { partsOf } from '../oracle/compare';
import type { Question } from '../oracle/setup';
import { runs } from './fuzz';
import { root } from './walk-fixture';

const folder = path.join(root, 'test/fixtures/ofproto');

function worldOf(files: ReadonlyMap<string, string>) {
  const service = createService();
  for (const [name, text] of files) service.set(`file:///t/${name}`, name, text);
  return service.world();
}

function ask(world: ReturnType<typeof worldOf>, { bridge, flow, packet, ctNext, names, generate }: Question) {
  return ofprotoTrace(world, {
    bridge,
    flow,
    packet: packet ?? null,
    ctNext: [...(ctNext ?? [])],
    names: names ?? false,
    generate: generate ?? false,
    host: null,
  });
}

describe('a capture that is missing', () => {
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.json.gz') && !name.startsWith('ovn-26k'));
  for (const file of files.sort()) {
    it(`never changes an answer without a word: ${file.replace('.json.gz', '')}`, () => {
      const store = readStore(path.join(folder, file));
      const silent: string[] = [];
      let left = 0;
      const folders = store.folders.filter(({ files: all }) => Object.keys(all).length > 2).slice(0, runs(1));
      for (const { name, files: all } of folders) {
        const captures = new Map(Object.entries(all));
        const cases = store.cases.filter((one) => one.folder === name && one.answer.kind === 'text').slice(0, runs(3));
        const whole = worldOf(captures);
        const before = cases.map((one) => ask(whole, one.question));
        for (const missing of captures.keys()) {
          const fewer = worldOf(new Map([...captures].filter(([other]) => other !== missing)));
          for (const [n, { question }] of cases.entries()) {
            const [was, is] = [before[n], ask(fewer, question)];
            left++;
            if (was?.kind !== 'answer' || is.kind !== 'answer') continue;
            const [a, b] = [partsOf(was.answer.text), partsOf(is.answer.text)];
            const same = [a.rules, a.finals, a.datapath].join('\n') === [b.rules, b.finals, b.datapath].join('\n');
            const said = is.answer.notes.some((note) => !was.answer.notes.includes(note));
            if (!same && !said)
              silent.push(
                `${name} without ${missing}: ${question.flow}\n${was.answer.text}\n${is.answer.text}\n${is.answer.notes.join('\n')}`,
              );
          }
        }
      }
      assert.equal(silent.length, 0, `${silent.length} of ${left}:\n${silent.slice(0, 3).join('\n\n')}`);
    });
  }
});
