import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drained } from '../../server/src/base/steps';
import { ofprotoTrace, type OfprotoAnswer } from '../../server/src/features/ofproto-trace';
import { withoutIndexing } from '../../server/src/ofproto/tables';
import { createService } from '../../server/src/service';

const PORTS = 700;
const mac = (n: number) => `fa:16:3e:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`;
const ip = (n: number) => `10.0.${n >> 8}.${n & 255}`;
const flow = (rest: string) => ` cookie=0x1, duration=9.5s, ${rest}`;
/** A switch with a flow for each port in three tables, and one that learns where packets come from in a fourth. */
const capture = [
  'hv1# ovs-ofctl show br-int',
  ...Array.from(
    { length: PORTS },
    (_, n) => ` ${n + 1}(tap${n + 1}): addr:${mac(n + 1)}\n     config:     0\n     state:      0`,
  ),
  '',
  'hv1# ovs-ofctl dump-flows br-int',
  ...Array.from({ length: PORTS }, (_, k) => k + 1).flatMap((n) => [
    flow(`table=0, n_packets=0, n_bytes=0, priority=9,in_port=${n} actions=load:0x${n.toString(16)}->NXM_NX_REG5[],resubmit(,3)`),
    flow(
      `table=3, n_packets=0, n_bytes=0, priority=9,ip,reg5=0x${n.toString(16)},in_port=${n},dl_src=${mac(n)},nw_src=${ip(n)} actions=resubmit(,4)`,
    ),
    flow(`table=5, n_packets=0, n_bytes=0, priority=9,dl_dst=${mac(n)} actions=output:${n}`),
  ]),
  flow(
    'table=4, n_packets=0, n_bytes=0, priority=1 actions=learn(table=6,hard_timeout=300,priority=1,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,5)',
  ),
  flow('table=5, n_packets=0, n_bytes=0, priority=0 actions=resubmit(,6)'),
  flow('table=6, n_packets=0, n_bytes=0, priority=0 actions=drop'),
  '',
].join('\n');

describe('tables that are indexed in steps', () => {
  it('let a trace say what it says at once', () => {
    const worlds = [1, 2].map(() => {
      const service = createService();
      service.set('file:///t', 'dump.txt', capture);
      return service.world();
    });
    const [one, other] = worlds;
    assert.ok(one && other);
    let pauses = 0;
    for (const [from, to] of [
      [1, 3],
      [5, 600],
      [7, 7000],
    ] as const) {
      const flow = `in_port=${from},ip,dl_src=${mac(from)},dl_dst=${mac(to)},nw_src=${ip(from)},nw_dst=${ip(to)}`;
      const question = { bridge: 'br-int', flow, packet: null, ctNext: [], names: false, generate: true, host: null };
      for (;;) {
        const done: ReturnType<typeof withoutIndexing<OfprotoAnswer>> = withoutIndexing((): OfprotoAnswer =>
          ofprotoTrace(one, question),
        );
        if ('value' in done) {
          assert.equal(done.value.kind, 'answer');
          assert.deepEqual(done.value, ofprotoTrace(other, question));
          break;
        }
        drained(done.steps);
        pauses++;
      }
    }
    // Each table that was met: the three that have many flows, that with learn(), and the one that it writes to.
    assert.equal(pauses, 5);
  });
});
