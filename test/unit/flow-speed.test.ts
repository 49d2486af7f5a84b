import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drained } from '../../server/src/base/steps';
import { createReading, readDocument } from '../../server/src/captures/document';
import { hashOfValue, mayHold, valuesIn } from '../../server/src/captures/flow/value-filter';
import { growingText, segmentsOf } from '../../server/src/captures/segmented';
import { startsOf } from './line-starts';
import { DIAGNOSTIC_CAP, diagnostics } from '../../server/src/features/diagnostics';
import { createService } from '../../server/src/service';

const flow = (n: number, packets = n) =>
  ` cookie=0x1, duration=${n}.${n % 10}s, table=${n % 7}, n_packets=${packets}, n_bytes=${packets * 60}, priority=${n % 50},in_port=${n} actions=output:${(n % 9) + 1}`;
const dump = (count: number, packets = 0) =>
  `hv1# ovs-ofctl dump-flows br-int\n${Array.from({ length: count }, (_, n) => flow(n, n + packets)).join('\n')}\n`;

/** What the columns of a document take, in bytes for each character of its text. */
function columns(text: string): { flows: number; errors: number; bytes: number } {
  const document = readDocument('file:///t', 'dump.txt', text, undefined, createReading());
  const bytes = document.segmented.segments.reduce(
    (sum, { starts, lines, shapes, rows, hashes, words }) =>
      sum + [starts, lines, shapes, rows, hashes, words].reduce((own, array) => own + array.byteLength, 0),
    0,
  );
  return {
    flows: document.captures.reduce((sum, { flows }) => sum + flows.count, 0),
    errors: document.captures.reduce((sum, { errors }) => sum + errors.length, 0),
    bytes: bytes / text.length,
  };
}

describe('large dumps', () => {
  it('keep what is known of flows while only counters change', () => {
    const service = createService();
    service.set('file:///t', 'dump.txt', dump(5000));
    const before = service.world().network.hosts.get('hv1')?.bridges.get('br-int')?.flows;
    assert.equal(before?.length, 5000);
    const third = before?.inTable(3);
    const old = service.world().documents.get('file:///t')?.captures[0]?.flows;
    service.set('file:///t', 'dump.txt', dump(5000, 1000));
    const now = service.world().documents.get('file:///t')?.captures[0]?.flows;
    assert.ok(old && now);
    assert.ok(now.sameFlows(old));
    assert.equal(now.flow(7).packets?.value, 1007n);
    const flows = service.world().network.hosts.get('hv1')?.bridges.get('br-int')?.flows;
    assert.equal(flows?.length, 5000);
    assert.equal(flows?.inTable(3), third);
    service.set('file:///t', 'dump.txt', dump(5000).replace('priority=9,', 'priority=8,'));
    const changed = service.world().documents.get('file:///t')?.captures[0]?.flows;
    assert.ok(!changed?.sameFlows(now));
  });

  it('are the same when they come in pieces, cut anywhere', () => {
    const { segments } = createReading();
    const text = dump(700).replaceAll('\n', '\r\n') + dump(40).replaceAll('\n', '\r');
    const whole = drained(segmentsOf(segments, text, undefined));
    for (const size of [1, 97, 4096, text.length]) {
      const growing = growingText(segments, undefined);
      for (let at = 0; at < text.length; at += size) drained(growing.add(text.slice(at, at + size)));
      const pieced = drained(growing.end());
      assert.equal(pieced.slice(0), text);
      assert.deepEqual(startsOf(pieced.lines), startsOf(whole.lines));
      const hashes = (of: typeof whole) => of.segments.flatMap((segment) => Array.from(segment.hashes));
      assert.deepEqual(hashes(pieced), hashes(whole));
    }
  });

  it('are the same in pieces where lines go over many of them', () => {
    const ends = ['\n', '\r\n', '\r'];
    for (let n = 0; n < 60; n++) {
      const text = Array.from({ length: 12 }, (_, k) => 'x'.repeat((k * 7919 + n * 31) % 40) + (ends[(k + n) % 3] ?? '')).join(
        '',
      );
      const growing = growingText(createReading().segments, undefined);
      for (let at = 0, size = 1; at < text.length; at += size, size = 1 + ((at * 5 + n) % 9))
        drained(growing.add(text.slice(at, at + size)));
      const made = drained(growing.end());
      const whole = drained(segmentsOf(createReading().segments, text, undefined));
      assert.equal(made.slice(0), text);
      assert.deepEqual(
        Array.from({ length: made.lines.count }, (_, line) => made.lines.startOf(line)),
        Array.from({ length: whole.lines.count }, (_, line) => whole.lines.startOf(line)),
      );
    }
  });

  it('show their first lines before they are read whole', () => {
    const service = createService();
    const text = dump(20_000);
    assert.ok(drained(service.preview('file:///t', 'dump.txt', text)));
    const seen = service.world().documents.get('file:///t')?.captures[0]?.flows.count ?? 0;
    assert.ok(seen > 100 && seen < 20_000, String(seen));
    assert.ok(drained(service.setInSteps('file:///t', 'dump.txt', text)));
    assert.equal(service.world().documents.get('file:///t')?.captures[0]?.flows.count, 20_000);
    assert.equal(service.world().previews?.size, 0);
  });

  it('take less than two bytes for a byte of text', () => {
    const { flows, bytes } = columns(dump(20_000));
    assert.equal(flows, 20_000);
    assert.ok(bytes < 1, `${bytes.toFixed(2)} bytes`);
  });

  it('keep no flow that was read by the grammar, and its places only, where none has a shape', () => {
    const wrong = (n: number) =>
      ` cookie=0x1, table=5, n_packets=0, priority=9,metadata=0x${n.toString(16)},zork=${n} actions=resubmit(,6)`;
    const lines = Array.from({ length: 5000 }, (_, n) => wrong(n));
    for (const mark of ['', '> ']) {
      const text = `${mark}hv1# ovs-ofctl dump-flows br-int\n${lines.map((line) => mark + line).join('\n')}\n`;
      const document = readDocument('file:///t', 'dump.txt', text, undefined, createReading());
      const [{ flows, errors } = { flows: undefined, errors: [] }] = document.captures;
      assert.equal(flows?.count, 5000);
      assert.equal(errors.length, 5000);
      assert.equal(document.captures[0]?.records, 5000);
      const first = flows?.flow(4000);
      assert.equal(first?.match[0]?.value, 4000n);
      for (let i = 0; i < 600; i++) flows?.flow(i);
      // Another one: it was read again.
      assert.notEqual(flows?.flow(4000), first);
      assert.deepEqual(flows?.flow(4000), first);
    }
  });

  it('count flows that repeat another one once, whatever either was read by', () => {
    const odd = (n: number, port: string) =>
      ` cookie=0x1, table=5, n_packets=0, priority=9,in_port=${port},metadata=0x${n.toString(16)}/0x${(n | 1).toString(16)} actions=drop`;
    const strange = (n: number) => ` cookie=0x1, table=5, n_packets=0, priority=${n},zork=${n} actions=drop`;
    const lines = [
      'hv1# ovs-ofctl dump-flows br-int',
      ...Array.from({ length: 3000 }, (_, n) => odd(n * 2, '1')),
      odd(40, '1'),
      odd(40, '2'),
      ...Array.from({ length: 300 }, (_, n) => strange(n)),
      strange(7),
      // The same as a plain flow, with an age that is no number.
      ' cookie=0x1, duration=3.3s, table=3, n_packets=3, n_bytes=180, idle_age=x, priority=3,in_port=3 actions=drop',
      ...Array.from({ length: 50 }, (_, n) => flow(n)),
      flow(9),
    ];
    const service = createService();
    service.set('file:///t', 'dump.txt', `${lines.join('\n')}\n`);
    const flows = service.world().network.hosts.get('hv1')?.bridges.get('br-int')?.flows;
    const captured = service.world().documents.get('file:///t')?.captures[0]?.flows;
    assert.equal(captured?.count, lines.length - 1);
    // Of 3,355 flows four say what one before them says; another port is another flow.
    assert.equal(flows?.length, lines.length - 1 - 4);
    const again = flows?.filter((entry) => entry.again.length > 0).map(({ flow }) => [flow.table.value, flow.priority.value]);
    assert.deepEqual(again, [
      [5, 9],
      [5, 7],
      [3, 3],
      [2, 9],
    ]);
  });

  it('say how much is wrong in them, and show the first of it', () => {
    const service = createService();
    const flows = Array.from({ length: 1000 }, (_, n) => ` cookie=0x1, table=5, n_packets=0, priority=9,zork=${n} actions=drop`);
    service.set('file:///t', 'dump.txt', `hv1# ovs-ofctl dump-flows br-int\n${flows.join('\n')}\n`);
    const found = diagnostics(service.world(), 'file:///t');
    assert.equal(found.length, DIAGNOSTIC_CAP);
    assert.equal(found[7]?.code, 'unknown-field');
    assert.equal(found.at(-1)?.message, `${1000 - DIAGNOSTIC_CAP + 1} more problems in this file are not shown.`);
  });

  it('are searched in the segments that may have what is looked for', () => {
    const reading = createReading();
    const { segmented } = readDocument('file:///t', 'dump.txt', dump(60_000), undefined, reading);
    const filters = segmented.segments.map((segment) => valuesIn(reading.book, segment));
    const having = (port: number) => filters.filter((filter) => mayHold(filter, hashOfValue('in_port', [port]))).length;
    let found = 0;
    // Of 60,000 flows each has a port of its own.
    for (let port = 0; port < 60_000; port += 100) {
      assert.ok(having(port) > 0);
      found += having(port);
    }
    assert.ok(found / 600 < 4, `${found / 600} of ${filters.length} segments`);
  });

  it('have few segments where no two lines are alike', () => {
    const other = (n: number) =>
      ` cookie=0x1, table=5, n_packets=0, priority=9,metadata=0x${n.toString(16)}/0x${(n | 1).toString(16)} actions=drop`;
    const lines = Array.from({ length: 12_000 }, (_, n) => other(n * 2));
    const { segments } = drained(segmentsOf(createReading().segments, lines.join('\n'), undefined));
    // A thousand shapes are learned, a dozen a step; then a hundred lines are looked at in one.
    assert.ok(segments.length < 250, String(segments.length));
  });

  it('are read as a terminal of any width has broken them before their actions', () => {
    const text = (n: number) =>
      ` cookie=0x${n.toString(16)}, duration=${n}.5s, table=7, n_packets=${n}, n_bytes=60, idle_age=3, priority=9,ip,reg14=0x2,metadata=0x7,nw_dst=10.1.2.3 actions=load:0x1->NXM_NX_REG15[],resubmit(,8)`;
    for (let width = 60; width < 100; width++) {
      // Whether a flow whose actions have begun goes on, nobody can tell.
      const broken = (n: number): string[] => {
        const lines: string[] = [];
        let rest = text(n);
        for (; width < rest.indexOf('actions=') + 'actions='.length; rest = rest.slice(width)) lines.push(rest.slice(0, width));
        return [...lines, rest];
      };
      const lines = [1, 23, 456].flatMap(broken);
      const document = readDocument('file:///t', 'c.txt', `hv1# ovs-ofctl dump-flows br-int\n${lines.join('\n')}\n`);
      const [capture] = document.captures;
      assert.deepEqual(capture?.errors, [], `${width} characters`);
      assert.equal(capture.flows.count, 3);
      assert.deepEqual(
        [0, 1, 2].map((i) => {
          const flow = capture.flows.flow(i);
          return [flow.packets?.value, flow.match.length, flow.actions.length];
        }),
        [
          [1n, 4, 2],
          [23n, 4, 2],
          [456n, 4, 2],
        ],
      );
    }
  });

  it('survive what else a file may hold', () => {
    const lines = (count: number, make: (n: number) => string) => Array.from({ length: count }, (_, n) => make(n)).join('\n');
    const command = '# ovs-ofctl dump-flows br-int\n';
    assert.equal(columns(`${command}${flow(1)}\n${'x'.repeat(100 << 20)}\n${flow(2)}\n`).flows, 2);
    assert.equal(columns(`${command}${flow(1)}\n${'\n'.repeat(1_000_000)}`).flows, 1);
    assert.equal(columns(`${command}${flow(1)}\u0000\u0001\ufffd\n${flow(2)}\n\u0000\u0000\n${flow(3)}`).flows >= 2, true);
    const logged = columns(
      command + lines(4000, (n) => (n % 2 === 0 ? flow(n) : '2024-05-01T10:00:00Z|00012|bridge(handler1)|WARN|x')),
    );
    assert.equal(logged.flows, 2000);
    const letters = (n: number) => n.toString(26).replace(/\d/g, (digit) => String.fromCharCode(113 + Number(digit)));
    const different = columns(
      command + lines(3000, (n) => ` cookie=0x0, table=0, n_packets=0, priority=1,in_port=1 actions=output:port-${letters(n)}`),
    );
    assert.equal(different.flows, 3000);
    assert.ok(different.bytes < 2);
  });
});
