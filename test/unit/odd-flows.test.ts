import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drained } from '../../server/src/base/steps';
import { createReading, documentInSteps, readDocument } from '../../server/src/captures/document';
import { editedText, growingText, segmentsOf } from '../../server/src/captures/segmented';
import { createService } from '../../server/src/service';
import { fc, runs } from './fuzz';
import { ordinary, same } from './same-document';

const plain = (n: number) =>
  ` cookie=0x1, duration=${n}.5s, table=${n % 7}, n_packets=${n}, n_bytes=60, priority=${n % 50},in_port=${n} actions=output:${(n % 9) + 1}`;
/** No two of them have a shape in common. */
const unlike = (n: number) =>
  ` cookie=0x1, table=5, n_packets=0, priority=9,metadata=0x${(2 * n).toString(16)}/0x${((2 * n) | 1).toString(16)} actions=drop`;
const wrong = (n: number) => plain(n).replace('in_port', `n_port${n % 3}`);
const cut = (n: number) => plain(n).slice(0, 50 + (n % 70));
const open = (n: number) =>
  ` cookie=0x${n.toString(16)}, table=3, priority=7,ip,nw_dst=10.0.0.${n % 250} actions=resubmit(,${n % 9}`;
const head = 'hv1# ovs-ofctl dump-flows br-int\n';
const dump = (count: number, line: (n: number) => string) =>
  `${head}${Array.from({ length: count }, (_, n) => line(n)).join('\n')}\n`;

const lines: readonly ((n: number) => string)[] = [
  plain,
  unlike,
  wrong,
  cut,
  open,
  (n) => unlike(n).trimStart(),
  (n) => `    ${wrong(n)}`,
  (n) => `> ${unlike(n)}`,
  (n) => wrong(n).replace(', priority', ',\n      priority'),
  (n) => plain(n).replace(' actions=', '\n   actions='),
  (n) => `priority=${n},zork=1,in_port=2 actions=drop`,
  (n) => `in_port=${n},metadata=0x1/0x${(n | 1).toString(16)} actions=resubmit(,7)`,
  (n) => ` actions=output:${n}`,
  (n) => `      nw_src=10.0.0.${n % 200},tp_dst=${n}`,
  () => '',
  () => '   ',
  () => '...',
  () => 'NXST_FLOW reply (xid=0x4):',
  () => 'And this is what somebody wrote below it, actions=drop and all.',
  () => '# a note',
  () => '2026-05-01T10:00:00.123Z|00012|connmgr|INFO|br-int<->unix#1: 7 flow_mods',
  () => 'hv2# ovs-ofctl dump-flows br-tun',
  () => 'hv2# brctl show',
  (n) => `${wrong(n)}\\`,
  (n) => `${cut(n)},`,
];

describe('flows that the grammar has to read', () => {
  it('are what it makes of them, whatever stands beside them', () => {
    const reading = createReading();
    const some = fc.array(fc.tuple(fc.constantFrom(...lines), fc.nat(300)), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(some, fc.constantFrom('\n', '\r\n'), (parts, end) => {
        const text = `${head}${parts.map(([line, n]) => line(n)).join('\n')}\n`.replaceAll('\n', end);
        same(
          readDocument('file:///t', 't.txt', text, undefined, reading),
          readDocument('file:///t', 't.txt', text, undefined, ordinary()),
          true,
        );
      }),
      { numRuns: runs(120) },
    );
  });

  it('are the same after edits and in pieces', () => {
    const reading = createReading();
    const all = (n: number) => (lines[(n * 7 + (n >> 3)) % lines.length] ?? plain)(n);
    let before = readDocument('file:///t', 't.txt', dump(3000, all), undefined, reading);
    const change = fc.tuple(fc.nat(), fc.nat(300), fc.constantFrom(...lines), fc.nat(300), fc.boolean());
    fc.assert(
      fc.property(change, ([at, removed, line, n, whole]) => {
        const from = at % (before.text.length + 1);
        const to = Math.min(from + removed, before.text.length);
        const put = `\n${line(n)}${whole ? '\n' : ''}`;
        const edited = editedText(reading.segments, before.segmented, [{ from, to, put }], Infinity);
        assert.ok(edited);
        const text = edited.slice(0);
        const growing = growingText(reading.segments, before.segmented);
        for (let k = 0; k < text.length; k += 5000) drained(growing.add(text.slice(k, k + 5000)));
        const anew = drained(segmentsOf(reading.segments, text, undefined));
        const odd = (of: typeof anew) =>
          of.segments.flatMap(({ odd }) => odd.tables.map((table, k) => [table, odd.priorities[k], odd.hashes[k], odd.marks[k]]));
        const errors = (of: typeof anew) =>
          of.segments.flatMap(({ odd }, k) =>
            odd.errors.map(({ span, message }) => [span.start + (of.offsets[k] ?? 0), message]),
          );
        for (const own of [edited, drained(growing.end()), drained(segmentsOf(reading.segments, text, before.segmented))]) {
          // Which of them are known to stand alone depends on where segments end; what is said of those does not.
          assert.ok(odd(own).length > 300);
          const document = drained(documentInSteps('file:///t', 't.txt', own, reading));
          const fresh = drained(documentInSteps('file:///t', 't.txt', anew, reading));
          assert.deepEqual(
            document.captures.map(({ errors }) => errors),
            fresh.captures.map(({ errors }) => errors),
          );
          assert.ok(errors(own).length > 300);
          for (const { flows } of document.captures) {
            const suspects = new Set(flows.suspects());
            const times = new Map<number, number>();
            const sound = Array.from({ length: flows.count }, (_, i) => i).filter((i) => !flows.isBroken(i));
            for (const i of sound) times.set(flows.hashOf(i), (times.get(flows.hashOf(i)) ?? 0) + 1);
            for (const i of sound) if ((times.get(flows.hashOf(i)) ?? 0) > 1) assert.ok(suspects.has(i));
          }
          if (own === edited) before = document;
        }
      }),
      { numRuns: runs(4), endOnFailure: true },
    );
    same(before, readDocument('file:///t', 't.txt', before.text.slice(0), undefined, ordinary()), false);
  });

  it('are not read again after an edit beside them', () => {
    for (const line of [unlike, wrong, cut, open]) {
      const { segments } = createReading();
      const text = dump(5000, line);
      const whole = drained(segmentsOf(segments, text, undefined));
      const at = text.indexOf('\n', text.length / 2) + 1;
      // More flows than it would read at once stand in each segment: it refuses to read those.
      const most = Math.max(...whole.segments.map(({ odd }) => odd.lines.length));
      assert.ok(most > 60, `${most}: ${line(1)}`);
      const edited = editedText(segments, whole, [{ from: at, to: at, put: `${line(9999)}\n` }], Infinity);
      assert.ok(edited);
      assert.equal(
        editedText(segments, whole, [{ from: at, to: at, put: dump(200, (n) => line(n + 6000)) }], Infinity),
        undefined,
      );
      const kept = new Set(whole.segments);
      const fresh = edited.segments.filter((segment) => !kept.has(segment)).length;
      assert.ok(fresh <= 4, `${fresh} of ${edited.segments.length}`);
    }
  });

  it('that are not known to their end are no repetition of another', () => {
    const service = createService();
    const text = `${head}${plain(3)}\n${plain(3).slice(0, 80)}\n${plain(3).slice(0, 80)}\n${wrong(7)}\n${wrong(7)}\n${plain(3)}\n`;
    service.set('file:///t', 't.txt', text);
    const flows = service.world().network.hosts.get('hv1')?.bridges.get('br-int')?.flows;
    assert.deepEqual(
      [...(flows ?? [])].map(({ flow, again }) => [flow.broken === true, again.length]),
      [
        [false, 1],
        [true, 0],
        [true, 0],
        [false, 1],
      ],
    );
  });
});
