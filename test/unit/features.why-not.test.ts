import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hoverInTrace } from '../../server/src/features/hover';
import { traceWithVisits } from '../../server/src/features/trace';
import { whyNotAt } from '../../server/src/features/why-not';
import { linkNetwork } from '../../server/src/link/network';
import { documentsOf, filesOf } from './walk-fixture';

const text = `
h1# ovs-vsctl show
f0000000-0000-0000-0000-000000000000
    Bridge br0
        fail_mode: secure
        Port eth1
            Interface eth1
        Port eth2
            Interface eth2
        Port br0
            Interface br0
                type: internal
h1# ovs-ofctl show br0
 1(eth1): addr:fe:00:00:00:00:01
 2(eth2): addr:fe:00:00:00:00:02
 LOCAL(br0): addr:fe:00:00:00:00:03
h1# ovs-ofctl dump-flows br0
 cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=90,ip,nw_dst=10.0.0.9 actions=drop
 cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=80,in_port=1,dl_vlan=5 actions=drop
 cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=50,in_port=1 actions=resubmit(,7)
 cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, priority=40,ip actions=drop
 cookie=0x0, duration=1s, table=7, n_packets=0, n_bytes=0, priority=1 actions=output:2
 cookie=0x0, duration=1s, table=8, n_packets=0, n_bytes=0, priority=1 actions=drop
h1# ovs-appctl fdb/show br0
 port  VLAN  MAC                Age
    1     0  52:54:00:00:00:01    1
    2     0  52:54:00:00:00:02    1
h1# ip neigh
10.0.0.1 dev br0 lladdr 52:54:00:00:00:01 REACHABLE
10.0.0.2 dev br0 lladdr 52:54:00:00:00:02 REACHABLE
h1# ip a
3: eth1: <BROADCAST,UP> mtu 1500
    link/ether fe:00:00:00:00:01
4: eth2: <BROADCAST,UP> mtu 1500
    link/ether fe:00:00:00:00:02
5: br0: <BROADCAST,UP> mtu 1500
    link/ether fe:00:00:00:00:03
    inet 10.0.0.254/24 scope global br0
h1# ip r
10.0.0.0/24 dev br0 proto kernel scope link src 10.0.0.254
`;

const documents = documentsOf(filesOf(text, 'h1.txt'));
const [document] = documents;
const world = { documents: new Map(documents.map((each) => [each.uri, each])), network: linkNetwork(documents) };

function why(flow: string, from: string, to: string) {
  const { result, visits } = traceWithVisits(world, { from, to, proto: 'tcp', dport: 80 });
  assert.equal(result.kind, 'trace', JSON.stringify(result));
  const offset = text.indexOf(flow);
  assert.ok(document && offset >= 0);
  return { answer: whyNotAt(world, visits, document.uri, offset), visits, uri: document.uri, offset };
}

describe('why a flow does not take the traced packet', () => {
  const cases: readonly (readonly [string, RegExp, RegExp])[] = [
    ['priority=90,ip', /nw_dst` is `10\.0\.0\.2`, wanted is `10\.0\.0\.9`/, /priority=50/],
    ['priority=80,in_port', /dl_vlan|vlan_tci/, /priority=50/],
    ['priority=40,ip', /comes before its own priority 40/, /priority=50/],
    ['table=8', /never comes to table 8/, /^$/],
    ['priority=50,in_port', /Takes the packet/, /^$/],
  ];
  for (const [flow, says, taken] of cases) {
    it(flow, () => {
      const { answer, visits, uri, offset } = why(flow, 'eth1', '10.0.0.2');
      assert.match(answer?.markdown ?? '', says);
      assert.match(answer?.takenBy?.text ?? '', taken);
      assert.match(hoverInTrace(world, visits, uri, offset)?.markdown ?? '', says);
    });
  }

  it('says nothing while no trace is on show', () => {
    assert.ok(document);
    assert.equal(whyNotAt(world, [], document.uri, text.indexOf('priority=90')), undefined);
  });
});
