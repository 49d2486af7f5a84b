import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection } from 'vscode-languageserver';
import { backgroundReading } from '../../server/src/lsp/reading';
import { createService, type Service } from '../../server/src/service';

const silent = { console: { info: () => undefined, error: () => undefined } } as unknown as Connection;
const readingOf = (service: Service = createService()) =>
  backgroundReading(
    silent,
    service,
    () => false,
    () => undefined,
  );

/** Steps that each take longer than a slice, and say so. */
function* slow(count: number, note: () => void): Generator<void, string> {
  for (let n = 0; n < count; n++) {
    for (const until = performance.now() + 15; performance.now() < until;);
    note();
    yield;
  }
  return 'done';
}

describe('reading in the background', () => {
  it('lets requests in between any two slices, however many documents are read', async () => {
    const reading = readingOf();
    const log: string[] = [];
    let going = true;
    const requests = () => {
      log.push('request');
      if (going) setImmediate(requests);
    };
    setImmediate(requests);
    const jobs = ['a', 'b', 'c', 'd'].map((name) =>
      reading.run(
        name,
        name,
        slow(3, () => log.push('slice')),
      ),
    );
    assert.deepEqual(
      (await Promise.all(jobs)).map((end) => end?.value),
      ['done', 'done', 'done', 'done'],
    );
    going = false;
    assert.equal(log.filter((entry) => entry === 'slice').length, 12);
    assert.ok(
      log.every((entry, n) => entry === 'request' || log[n + 1] !== 'slice'),
      log.join(' '),
    );
  });

  it('leaves what can wait when a document comes', async () => {
    const reading = readingOf();
    let waited = 0;
    const meanwhile = reading.meanwhile(slow(1000, () => waited++));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const end = await reading.run(
      'a',
      'a',
      slow(2, () => undefined),
    );
    await meanwhile;
    assert.equal(end?.value, 'done');
    assert.ok(waited > 0 && waited < 20, String(waited));
  });

  it('waits for what a step waits for, and ends what another one replaces', async () => {
    const reading = readingOf();
    const seen: string[] = [];
    function* asking(): Generator<unknown, string> {
      let answer = '';
      yield new Promise((resolve) => setTimeout(resolve, 20)).then(() => (answer = 'late'));
      seen.push(answer);
      return answer;
    }
    assert.equal((await reading.run('a', 'a', asking()))?.value, 'late');
    const replaced = reading.run('a', 'a', asking());
    const kept = reading.run('a', 'a', asking());
    assert.equal(await replaced, undefined);
    assert.equal((await kept)?.value, 'late');
    assert.deepEqual(seen, ['late', 'late']);
  });

  it('joins what was read before anybody is answered', async () => {
    const service = createService();
    const reading = readingOf(service);
    service.set('file:///t', 't.txt', 'hv1# ovs-ofctl dump-flows br-int\n cookie=0x1, table=0, priority=1 actions=drop\n');
    assert.equal(service.isLinked(), false);
    await Promise.all([reading.linked(), reading.linked()]);
    assert.equal(service.isLinked(), true);
    assert.equal(service.world().network.hosts.get('hv1')?.bridges.get('br-int')?.flows.length, 1);
    service.remove('file:///t');
    assert.equal(service.isLinked(), false);
  });
});
