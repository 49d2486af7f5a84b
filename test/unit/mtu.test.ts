import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { runChecks } from '../../server/src/checks/registry';
import type { Device } from '../../server/src/model/device';
import type { Network } from '../../server/src/model/network';
import type { OvsPort } from '../../server/src/model/ovs-bridge';
import { deviceOverhead, portOverhead } from '../../server/src/model/tunnel-overhead';
import { cut, fragmentCount, fragmentLength } from '../../server/src/walk/size';
import { walk, type WalkAnswer, type WalkQuestion } from '../../server/src/walk/walk';
import { networkOf, outline, root } from './walk-fixture';
import { readRecorded } from './walk-less';

const recordedNetwork = (name: string, left?: RegExp): Network =>
  networkOf(new Map(Object.entries(readRecorded(name).files).filter(([file]) => left?.test(file) !== true)));

function ask(network: Network, question: WalkQuestion): WalkAnswer {
  const result = walk(network, question);
  if (result.kind === 'error') assert.fail(result.message);
  return result.request;
}

const link = (name: string, mtu: number, detail: string): string =>
  `3: ${name}: <BROADCAST,UP,LOWER_UP> mtu ${mtu} qdisc noqueue state UNKNOWN\n    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff\n    ${detail}\n`;

function deviceOf(detail: string): Device {
  const network = networkOf(`root@h1:~# ip -d link\n${link('t0', 1500, detail)}`);
  const device = network.hosts.get('h1')?.namespaces.get('')?.devices.get('t0');
  assert.ok(device);
  return device;
}

describe('fragments', () => {
  // As they were seen: ping -s over links of 1400 and 1300, and of 1500 in IPv6.
  it('are as long as the kernel makes them', () => {
    assert.equal(fragmentLength(1400, 4), 1396);
    assert.equal(fragmentLength(1300, 4), 1300);
    assert.equal(fragmentLength(1500, 6), 1496);
    assert.equal(fragmentCount(1500, 1400, 4), 2);
    assert.equal(fragmentCount(4000, 1500, 4), 3);
    assert.equal(fragmentCount(1501, 1500, 6), 2);
    assert.deepEqual(cut({ length: 1500, whole: 1500, dontFragment: false }, 1400, 4), {
      length: 1396,
      whole: 1500,
      dontFragment: false,
    });
  });
});

describe('what tunnels put around a packet', () => {
  const bytes = (type: string, detail: string, remote = '192.0.2.2', vlan = false): number | undefined =>
    deviceOverhead(type, deviceOf(detail), remote, vlan)?.bytes;

  it('of the kernel’s devices', () => {
    assert.equal(bytes('vxlan', 'vxlan id 77 remote 192.0.2.2 dstport 4789 ttl auto'), 50);
    assert.equal(bytes('vxlan', 'vxlan id 77 remote 2001:db8::2 dstport 4789 ttl auto', '2001:db8::2'), 70);
    assert.equal(bytes('vxlan', 'vxlan id 77 remote 192.0.2.2 dstport 4789', '192.0.2.2', true), 54);
    assert.equal(bytes('geneve', 'geneve id 7 remote 192.0.2.2 ttl auto dstport 6081'), 50);
    assert.equal(bytes('gretap', 'gretap remote 192.0.2.2 local 192.0.2.1 ttl inherit nopmtudisc'), 38);
    assert.equal(
      bytes('gretap', 'gretap remote 192.0.2.2 local any ttl inherit ikey 0.0.0.5 okey 0.0.0.5 iseq oseq icsum ocsum'),
      50,
    );
    assert.equal(bytes('gre', 'gre remote 192.0.2.2 local 192.0.2.1 ttl 64'), 24);
    assert.equal(bytes('ipip', 'ipip remote 192.0.2.2 local 192.0.2.1 ttl inherit pmtudisc'), 20);
    assert.equal(bytes('wireguard', 'wireguard'), undefined);
  });

  it('of Open vSwitch’s ports', () => {
    const port = (type: string, options: Record<string, string>, geneve = 0): number | undefined =>
      portOverhead({ type, options: { remote_ip: '192.0.2.2', ...options } } as unknown as OvsPort, false, geneve)?.bytes;
    assert.equal(port('vxlan', { key: 'flow' }), 50);
    assert.equal(port('geneve', { key: 'flow' }, 8), 58);
    assert.equal(port('gre', {}), 38);
    assert.equal(port('gre', { key: 'flow' }), 42);
    assert.equal(port('gre', { key: 'flow', remote_ip: '2001:db8::2' }), 62);
  });
});

describe('the path MTU', () => {
  it('is the smallest on the way, tunnels counted, with the line that says so', () => {
    const answer = ask(recordedNetwork('mtu-vxlan'), { from: 'vm-a', to: '10.1.0.3' });
    assert.equal(answer.mtu?.bytes, 1450, outline(answer));
    assert.deepEqual([answer.mtu.at?.host, answer.mtu.at?.device, answer.mtu.at?.overhead], ['cmp-1', 'eth1', 50]);
    assert.equal(answer.mtu.at?.evidence.length, 1);
    assert.match(answer.mtu.summary, /^Path MTU 1450: .*eth1 on cmp-1 \(MTU 1500\) with 50 bytes of VXLAN/);
  });

  it('is that of a switch’s port, as Open vSwitch lists it', () => {
    const text = `root@h1:~# ovs-vsctl --columns=name,ofport,mtu list interface
name                : p1
ofport              : 1
mtu                 : 1500

name                : p2
ofport              : 2
mtu                 : 1400
root@h1:~# ovs-ofctl show br0
 1(p1): addr:02:00:00:00:00:01
 2(p2): addr:02:00:00:00:00:02
root@h1:~# ovs-ofctl dump-flows br0
 cookie=0x0, table=0, priority=0 actions=NORMAL
root@h1:~# ovs-appctl fdb/show br0
 port  VLAN  MAC                Age
    1     0  02:00:00:00:0a:01    1
    2     0  02:00:00:00:0a:02    1
`;
    const answer = ask(networkOf(text), { from: 'p1', to: 'p2' });
    assert.deepEqual([answer.mtu?.bytes, answer.mtu?.at?.device], [1400, 'p2'], outline(answer));
    const long = ask(networkOf(text), { from: 'p1', to: 'p2', length: 1401 });
    assert.match(long.ending.summary, /Too long for p2: 1401 bytes .*Open vSwitch drops the frame/);
  });

  it('is a route’s, where that has one', () => {
    const answer = ask(recordedNetwork('mtu-routers'), { from: 'client', to: '10.9.0.5' });
    assert.deepEqual([answer.mtu?.bytes, answer.mtu?.at?.host], [1000, 'edge-a'], outline(answer));
  });

  it('names what was not captured, and takes nothing for granted silently', () => {
    const network = recordedNetwork('mtu-vxlan', /^cmp-1\/ip_(?:a|-d_link)/);
    const answer = ask(network, { from: 'vm-a', to: '10.1.0.3' });
    assert.ok(
      answer.mtu?.unknown.some(({ host }) => host === 'cmp-1'),
      outline(answer),
    );
    assert.match(answer.mtu?.summary ?? '', /not captured: the MTU of .* on cmp-1/);
    const long = ask(network, { from: 'vm-a', to: '10.1.0.3', length: 1500, dontFragment: true });
    assert.notEqual(long.certainty, 'captured', outline(long));
    assert.ok(
      long.gaps.some(({ host, command }) => host === 'cmp-1' && /^ip (?:link|address)/.test(command)),
      outline(long),
    );
  });

  it('of what no length can exceed makes a short packet no less certain', () => {
    const network = recordedNetwork('mtu-bridges', /^sw-plain\/ip_(?:a|-d_link)/);
    const [short, plain] = [576, undefined].map((length) =>
      ask(network, { from: 'left', to: '10.1.0.3', ...(length === undefined ? {} : { length }) }),
    );
    assert.equal(short?.certainty, plain?.certainty);
  });
});

describe('a packet of a length', () => {
  it('that is too short or too long for its headers is refused in a sentence', () => {
    const network = recordedNetwork('mtu-bridges');
    const message = (question: Partial<WalkQuestion>): string => {
      const result = walk(network, { from: 'left', to: '10.1.0.3', ...question });
      return result.kind === 'error' ? result.message : '';
    };
    assert.match(message({ length: 27 }), /ICMP over IPv4 has from 28 to 65535 bytes/);
    assert.match(message({ length: 39, proto: 'tcp' }), /from 40/);
    assert.match(message({ length: 59, proto: 'tcp', to: 'fd01::3' }), /from 60/);
    assert.match(message({ length: 65536 }), /65535/);
    assert.match(message({ length: 100, proto: 'arp' }), /ARP/);
    assert.equal(message({ length: 28 }), '');
  });

  it('longer than its network’s MTU is told to be so, and walked as if its instance did not heed it', () => {
    const network = networkOf(fs.readFileSync(path.join(root, 'examples/two-hosts-walk.txt'), 'utf8'));
    const answer = ask(network, { from: 'c-private', to: '8.8.8.8', length: 1500, dontFragment: true });
    const [first] = answer.steps;
    assert.match(first?.steps[0]?.summary ?? '', /1500 bytes are more than the MTU of its network .*\(1450\)/, outline(answer));
    assert.ok(answer.steps.length > 5, outline(answer));
    assert.match(answer.ending.summary, /Too long for qr-2c628d36-76/);
  });

  it('asks flows that look at it', () => {
    const flows = (bytes: number): string => `root@h1:~# ovs-vsctl show
    Bridge br0
        Port p1
            Interface p1
        Port p2
            Interface p2
        Port p3
            Interface p3
root@h1:~# ovs-ofctl show br0
 1(p1): addr:02:00:00:00:00:01
 2(p2): addr:02:00:00:00:00:02
 3(p3): addr:02:00:00:00:00:03
root@h1:~# ovs-ofctl -O OpenFlow15 dump-flows br0
 cookie=0x0, table=0, priority=10,in_port=1 actions=check_pkt_larger(${bytes})->NXM_NX_REG0[0],resubmit(,1)
 cookie=0x0, table=1, priority=10,reg0=0x1/0x1 actions=output:3
 cookie=0x0, table=1, priority=5 actions=output:2
root@h1:~# ovs-appctl fdb/show br0
 port  VLAN  MAC                Age
    1     0  02:00:00:00:0a:01    1
    2     0  02:00:00:00:0a:02    1
`;
    const out = (bytes: number, length?: number): string | null | undefined => {
      const question = { from: 'p1', to: 'p2', ...(length === undefined ? {} : { length }) };
      const answer = ask(networkOf(flows(bytes)), question);
      assert.equal(answer.mtu?.bytes, bytes - 14, outline(answer));
      return answer.steps.findLast(({ stage, summary }) => stage === 'ovs-port' && /^Leaves/.test(summary))?.port;
    };
    assert.equal(out(1514), 'p2');
    assert.equal(out(1514, 1500), 'p2');
    assert.equal(out(1514, 1501), 'p3');
  });
});

describe('checks of MTUs', () => {
  const findings = (network: Network, code: string): string[] =>
    runChecks(network)
      .filter((finding) => finding.code === code)
      .map(({ message }) => message);

  it('a pair whose ends disagree', () => {
    const pair = (mtu: number): Network =>
      networkOf(`root@h1:~# ip -d link
3: qvb1@qvo1: <BROADCAST,UP,LOWER_UP> mtu ${mtu} qdisc noqueue state UP
    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff
    veth
4: qvo1@qvb1: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP
    link/ether 02:00:00:00:00:04 brd ff:ff:ff:ff:ff:ff
    veth
`);
    assert.equal(findings(pair(1500), 'pair-mtu-mismatch').length, 0);
    const [only, second] = findings(pair(1450), 'pair-mtu-mismatch');
    assert.match(only ?? '', /qvb1 on h1 has an MTU of 1450, its other end qvo1 one of 1500/);
    assert.equal(second, undefined);
  });

  it('a tunnel device that takes more than the card below it', () => {
    const found = findings(recordedNetwork('mtu-vxlan'), 'tunnel-mtu-too-large');
    assert.equal(found.length, 4, found.join('\n'));
    assert.ok(found.every((message) => /vxlan-7[78] on cmp-[12] .*1500.*50 bytes of VXLAN.*Set its MTU to 1450/.test(message)));
  });

  it('a bridge with a port that takes less than another one sends', () => {
    const bridge = (mtu: number): Network =>
      networkOf(`root@h1:~# ip -d addr
3: br0: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP
    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff
    bridge forward_delay 1500
    inet 10.0.0.1/24 scope global br0
4: eth1: <BROADCAST,UP,LOWER_UP> mtu ${mtu} qdisc noqueue master br0 state UP
    link/ether 02:00:00:00:00:04 brd ff:ff:ff:ff:ff:ff
`);
    assert.equal(findings(bridge(1500), 'bridge-mtu-mismatch').length, 0);
    assert.match(findings(bridge(1400), 'bridge-mtu-mismatch')[0] ?? '', /eth1 of bridge br0 on h1 has an MTU of 1400, but br0/);
  });

  it('a network without room for its tunnels', () => {
    const network = (mtu: number): Network =>
      networkOf(`root@h1:~# ovs-vsctl show
    Bridge br-tun
        Port vxlan-c0000202
            Interface vxlan-c0000202
                type: vxlan
                options: {in_key=flow, local_ip="192.0.2.1", out_key=flow, remote_ip="192.0.2.2"}
root@h1:~# ip addr
3: eth1: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP
    link/ether 02:00:00:00:00:03 brd ff:ff:ff:ff:ff:ff
    inet 192.0.2.1/24 scope global eth1
root@h1:~# openstack network show private
+---------------------------+--------------------------------------+
| Field                     | Value                                |
+---------------------------+--------------------------------------+
| id                        | 8b6ce1f0-7d2c-4d67-a5f3-3bd6e4a0b111 |
| mtu                       | ${mtu}                                 |
| name                      | private                              |
| provider:network_type     | vxlan                                |
| provider:segmentation_id  | 90                                   |
+---------------------------+--------------------------------------+
`);
    assert.equal(findings(network(1450), 'network-mtu-too-large').length, 0);
    assert.match(
      findings(network(1500), 'network-mtu-too-large')[0] ?? '',
      /private has an MTU of 1500.*50 bytes of the 1500 of eth1 on h1.*Set its MTU to 1450/,
    );
  });
});
