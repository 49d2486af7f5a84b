import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createService } from '../../server/src/service';
import { walk } from '../../server/src/walk/walk';

const notes = `kvm7# ovs-vsctl show
aaaa1111-0000-4000-8000-000000000002
    Bridge br0
        Port vnet0
            tag: 30
            Interface vnet0
        Port vnet1
            tag: 30
            Interface vnet1
        Port eth1
            Interface eth1
kvm7# ovs-ofctl show br0
OFPT_FEATURES_REPLY (xid=0x2): dpid:0000000000000001
 1(vnet0): addr:fe:54:00:aa:00:01
     config:     0
 2(vnet1): addr:fe:54:00:aa:00:02
     config:     0
 3(eth1): addr:52:54:00:11:22:33
     config:     0
kvm7# ovs-ofctl dump-flows br0
 cookie=0x0, duration=5.1s, table=0, n_packets=0, n_bytes=0, priority=0 actions=NORMAL
kvm7# ovs-appctl fdb/show br0
 port  VLAN  MAC                Age
    1    30  52:54:00:aa:00:01    3
    2    30  52:54:00:aa:00:02    3
    3    30  52:54:00:cc:00:09    3
`;

function ask(from: string, to: string, text = notes) {
  const service = createService();
  service.set('file:///notes.txt', 'ticket/notes.txt', text);
  return walk(service.world().network, { from, to });
}

describe('a switch of which no address is known', () => {
  it('is walked by MAC addresses, in the tag of the port', () => {
    const result = ask('vnet0', '52:54:00:cc:00:09');
    assert.equal(result.kind, 'walk');
    if (result.kind !== 'walk') return;
    assert.equal(result.request.ending.disposition, 'exits');
    assert.deepEqual(result.request.ending.at, { host: 'kvm7', device: 'br0', port: 'eth1' });
    assert.ok(result.request.steps.some((step) => step.stage === 'ovs-normal' && step.summary.includes('VLAN 30')));
    assert.match(result.request.steps[0]?.summary ?? '', /52:54:00:aa:00:01 to 52:54:00:cc:00:09/);
  });

  it('reaches the other guest, and says that nobody knows whose it is', () => {
    const result = ask('vnet0', 'vnet1');
    assert.equal(result.kind, 'walk');
    if (result.kind !== 'walk') return;
    assert.deepEqual([result.request.ending.disposition, result.request.certainty], ['delivered', 'assumed']);
    assert.ok(result.request.gaps.some(({ command }) => command === 'virsh domiflist'));
  });

  it('asks for the sender where only an IP address is given', () => {
    const result = ask('vnet1', '10.0.0.9');
    assert.equal(result.kind === 'walk' && result.request.ending.disposition, 'insufficient-info');
  });
});

describe('a tap whose bridge was not captured', () => {
  const host = `root@h:~# ip -br link
lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP>
tapa             UP             02:00:00:00:00:02 <BROADCAST,MULTICAST,UP,LOWER_UP>
br0              UP             02:00:00:00:00:03 <BROADCAST,MULTICAST,UP,LOWER_UP>
root@h:~# ip -4 -o addr
5: br0    inet 10.0.0.1/24 brd 10.0.0.255 scope global br0
root@h:~# ip r
10.0.0.0/24 dev br0 proto kernel scope link src 10.0.0.1
root@h:~# ip neigh
10.0.0.9 dev br0 lladdr 02:00:00:00:00:09 REACHABLE
`;

  it('is not where the host itself sends from', () => {
    const result = ask('tapa', '10.0.0.9', host);
    assert.ok(result.kind === 'walk');
    assert.equal(result.request.ending.disposition, 'insufficient-info');
    assert.match(result.request.ending.summary, /come in by tapa/);
    const own = ask('10.0.0.1', '10.0.0.9', host);
    assert.equal(own.kind === 'walk' && own.request.ending.disposition, 'exits');
  });
});
