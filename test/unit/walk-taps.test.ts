import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Step } from '../../server/src/walk/step';
import { filesOf, networkOf, outline, trace } from './walk-fixture';
import { readRecorded } from './walk-less';

/** Two hybrid ports of a hypervisor whose guests were captured as well; neither a pair nor a MAC table says which guest is behind which tap. */
const files = `=== hv1/ovs-vsctl_show.txt
0c0a7d0e-0000-4000-8000-000000000001
    Bridge br-int
        fail_mode: secure
        Port qvoaaaaaaaa-01
            tag: 4
            Interface qvoaaaaaaaa-01
        Port qvobbbbbbbb-02
            tag: 4
            Interface qvobbbbbbbb-02
        Port br-int
            Interface br-int
                type: internal
=== hv1/ovs-vsctl_list_interface.txt
_uuid               : 0c0a7d0e-0000-4000-8000-00000000000a
external_ids        : {attached-mac="fa:16:3e:00:00:0a", iface-id="aaaaaaaa-0111-4000-8000-000000000001", iface-status=active}
name                : qvoaaaaaaaa-01
ofport              : 3
options             : {}
type                : ""

_uuid               : 0c0a7d0e-0000-4000-8000-00000000000b
external_ids        : {attached-mac="fa:16:3e:00:00:0b", iface-id="bbbbbbbb-0222-4000-8000-000000000002", iface-status=active}
name                : qvobbbbbbbb-02
ofport              : 4
options             : {}
type                : ""
=== hv1/ovs-ofctl_dump-flows_br-int.txt
 cookie=0x0, duration=10.0s, table=0, n_packets=1, n_bytes=1, priority=0 actions=NORMAL
=== hv1/ovs-appctl_fdb_show_br-int.txt
 port  VLAN  MAC                Age
=== hv1/brctl_show.txt
bridge name	bridge id		STP enabled	interfaces
qbraaaaaaaa-01		8000.222222222201	no		qvbaaaaaaaa-01
							tapaaaaaaaa-01
qbrbbbbbbbb-02		8000.222222222202	no		qvbbbbbbbbb-02
							tapbbbbbbbb-02
=== hv1/iptables-save.txt
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
=== alpha/ip_a.txt
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP
    link/ether fa:16:3e:00:00:0a brd ff:ff:ff:ff:ff:ff
    inet 10.5.0.10/24 scope global eth0
=== alpha/ip_r.txt
default via 10.5.0.1 dev eth0
10.5.0.0/24 dev eth0 proto kernel scope link src 10.5.0.10
10.9.0.0/16 via 10.5.0.77 dev eth0
=== alpha/ip_neigh.txt
10.5.0.11 dev eth0 lladdr fa:16:3e:00:00:0b REACHABLE
10.5.0.77 dev eth0 lladdr fa:16:3e:00:00:77 REACHABLE
`;

const summaries = (steps: readonly Step[]): string => steps.map((step) => `${step.summary}\n${summaries(step.steps)}`).join('');

describe('a tap whose guest was captured', () => {
  it('sends as the guest does, by whatever names the address behind it', () => {
    for (const from of ['tapaaaaaaaa-01', 'qvoaaaaaaaa-01', 'hv1:tapaaaaaaaa-01']) {
      const { request } = trace(networkOf(filesOf(files)), `${from} > 10.9.3.3`);
      assert.deepEqual(
        request.steps.slice(0, 3).map(({ host, stage }) => `${host ?? ''} ${stage}`),
        ['alpha instance', 'alpha route', 'alpha neighbour'],
        outline(request),
      );
      assert.ok(!request.gaps.some(({ command }) => command === 'ip route'), outline(request));
    }
  });

  it('asks for the addresses behind it where no guest was captured', () => {
    const without = files.replace(/=== alpha[^]*/, '');
    const { request } = trace(networkOf(filesOf(without)), 'tapaaaaaaaa-01 > 10.9.3.3');
    assert.equal(request.ending.disposition, 'insufficient-info', outline(request));
  });

  it('takes no flooded frame that is for another address than the switch says is attached', () => {
    const { request } = trace(networkOf(filesOf(files)), 'alpha > 10.9.3.3');
    assert.notEqual(request.ending.disposition, 'delivered', outline(request));
    assert.match(summaries(request.steps), /ignores the frame: it is for fa:16:3e:00:00:77, not for fa:16:3e:00:00:0b/);
    const { request: straight } = trace(networkOf(filesOf(files)), 'alpha > 10.5.0.11');
    assert.equal(straight.ending.disposition, 'delivered', outline(straight));
  });
});

describe('a card that asks nobody', () => {
  const noArp = files
    .replace('2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP>', '2: eth0: <BROADCAST,MULTICAST,NOARP,UP,LOWER_UP>')
    .replace(/^10\.5\.0\.77 .*\n/m, '');
  const hop = (to: string): string => {
    const { request } = trace(networkOf(filesOf(noArp)), `alpha > ${to}`);
    return request.steps.find(({ stage }) => stage === 'neighbour')?.summary ?? outline(request);
  };

  it('sends to its own address what no entry was made for', () => {
    assert.match(hop('10.9.3.3'), /^Next hop 10\.5\.0\.77 on eth0 is fa:16:3e:00:00:0a/);
    assert.match(hop('10.5.0.11'), /^Next hop 10\.5\.0\.11 on eth0 is fa:16:3e:00:00:0b/);
  });
});

describe('a bridge with one port', () => {
  const { files: recorded } = readRecorded('random-lone-port');
  const ask = (left?: RegExp) =>
    trace(networkOf(new Map(Object.entries(recorded).filter(([name]) => left?.test(name) !== true))), 'vm3 > 10.40.0.1 tcp 80')
      .request;

  it('has nowhere to flood what came by it, and does not ask for the table that says so', () => {
    const answer = ask();
    assert.equal(answer.ending.disposition, 'dropped', outline(answer));
    assert.match(summaries(answer.steps), /no port takes it: vxlan-4001 is its only one/);
  });

  it('may have others where that table was not captured', () => {
    assert.doesNotMatch(summaries(ask(/lb2\/bridge_fdb/).steps), /is its only one/);
  });
});

describe('a tunnel whose number its name says', () => {
  it('has that number for now, and what would prove it is named', () => {
    const { files: recorded } = readRecorded('linux-bridges');
    const kept = Object.entries(recorded).filter(([name]) => !/lb-compute-2.*ip_-d_link/.test(name));
    const { request } = trace(networkOf(new Map(kept)), 'vm-red > 10.77.0.22');
    assert.equal(request.ending.disposition, 'delivered', outline(request));
    assert.notEqual(request.steps.find(({ stage }) => stage === 'tunnel')?.certainty, 'captured');
    assert.ok(
      request.gaps.some(({ command, host }) => command.startsWith('ip -d link show vxlan-') && host === 'lb-compute-2'),
      outline(request),
    );
  });
});
