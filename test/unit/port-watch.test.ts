import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import { runChecks } from '../../server/src/checks/registry';
import { explainActions } from '../../server/src/model/explain';
import { walk } from '../../server/src/walk/walk';
import { networkOf, outline } from './walk-fixture';

/** A chassis that sends what its guest sends by a bundle of its tunnels to two others. */
function chassis({ show = '', more = '' }: { show?: string; more?: string }): string {
  return `[root@chassis1 ~]# ovs-vsctl show
5c2c4a1e-0000-4000-8000-000000000001
    Bridge br-int
        fail_mode: secure
        Port tapvm
            Interface tapvm
        Port ovn-ch2-0
            Interface ovn-ch2-0
                type: geneve
                options: {csum="true", key=flow, remote_ip="192.0.2.2"}
${show}        Port ovn-ch3-0
            Interface ovn-ch3-0
                type: geneve
                options: {csum="true", key=flow, remote_ip="192.0.2.3"}
[root@chassis1 ~]# ovs-ofctl show br-int
OFPT_FEATURES_REPLY (xid=0x2): dpid:0000aabbccddeeff
 1(tapvm): addr:fe:16:3e:00:00:01
     config:     0
     state:      0
 2(ovn-ch2-0): addr:aa:bb:cc:00:00:02
     config:     0
     state:      0
 3(ovn-ch3-0): addr:aa:bb:cc:00:00:03
     config:     0
     state:      0
[root@chassis1 ~]# ovs-ofctl dump-flows br-int
 cookie=0x0, duration=10.1s, table=0, n_packets=5, n_bytes=210, priority=100,in_port=1 actions=load:0x3->NXM_NX_TUN_ID[],bundle(eth_src,0,active_backup,ofport,slaves:2,3)
[root@chassis1 ~]# ovs-appctl fdb/show br-int
 port  VLAN  MAC                Age
    1     0  fa:16:3e:00:00:01    1
${more}[root@vm ~]# ip a
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1442 qdisc fq_codel state UP
    link/ether fa:16:3e:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0
[root@vm ~]# ip r
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.5
[root@vm ~]# ip neigh
10.0.0.9 dev eth0 lladdr fa:16:3e:00:00:09 REACHABLE
`;
}

const status = (forwarding: boolean): string =>
  `                bfd_status: {diagnostic="No Diagnostic", flap_count="1", forwarding="${forwarding}", remote_diagnostic="No Diagnostic", remote_state=down, state=down}\n`;
const bfd = (forwarding: boolean, name = 'ovn-ch3-0'): string =>
  `---- ${name} ----\n\tForwarding: ${forwarding}\n\tDetect Multiplier: 3\n\tConcatenated Path Down: false\n\tTX Interval: Approx 1000ms\n\n\tLocal Flags: none\n\tLocal Session State: down\n\n\tRemote Minimum RX Interval: 1ms\n`;
const shown = (...parts: string[]): string => `[root@chassis1 ~]# ovs-appctl bfd/show\n${parts.join('')}`;

function walked(text: string): {
  readonly summary: string;
  readonly disposition: string;
  readonly outline: string;
  readonly said: string;
} {
  const result = walk(networkOf(text), { from: 'vm', to: '10.0.0.9' });
  if (result.kind === 'error') assert.fail(result.message);
  const { ending, steps } = result.request;
  return {
    disposition: ending.disposition,
    summary: ending.summary,
    outline: outline(result.request),
    said: steps.map(({ summary }) => summary).join('\n'),
  };
}

describe('ports that BFD or CFM watches', () => {
  it('are left out of a bundle where they are down', () => {
    assert.match(walked(chassis({})).outline, /tunnel br-int:ovn-ch2-0/i);
    assert.match(walked(chassis({ show: status(true) })).outline, /tunnel br-int:ovn-ch2-0/i);
    const other = walked(chassis({ show: status(false) }));
    assert.match(other.outline, /tunnel br-int:ovn-ch3-0/i);
    assert.doesNotMatch(other.outline, /tunnel br-int:ovn-ch2-0/i);
    assert.match(walked(chassis({ more: shown(bfd(false, 'ovn-ch2-0'), bfd(true)) })).outline, /tunnel br-int:ovn-ch3-0/i);
  });

  it('lose what goes by them where none is left, with the lines that say so', () => {
    const { disposition, summary, said } = walked(chassis({ show: status(false), more: shown(bfd(false)) }));
    assert.equal(disposition, 'dropped');
    assert.match(summary, /no port that the bundle may take is live/);
    assert.match(said, /ovn-ch2-0 \(BFD says so\), ovn-ch3-0 \(BFD says so\)/);
  });

  it('are warned of', () => {
    const findings = runChecks(networkOf(chassis({ show: status(false), more: shown(bfd(true)) })));
    assert.deepEqual(
      findings.filter(({ code }) => /-down$/.test(code)).map(({ code, message }) => [code, message.slice(0, 20)]),
      [['bfd-down', 'ovn-ch2-0 on br-int ']],
    );
  });

  it('are live or not as OpenFlow 1.3 and later say', () => {
    const live = (text: string) => text.replace(/(\d\((?:tapvm|ovn-ch3-0)\)[^\n]*\n[^\n]*\n {5}state: +)0/g, '$1LIVE');
    assert.match(walked(live(chassis({}))).outline, /tunnel br-int:ovn-ch3-0/i);
  });

  it('are told by cfm/show, of which only broken ones have a fault', () => {
    const text = `$ ovs-appctl cfm/show\n---- p1 ----\nMPID 3:\n  fault: recv\n  average health: 0\n  opstate: up\n  interval: 1000ms\n---- p2 ----\nMPID 7: extended\n  average health: undefined\n  opstate: up\n`;
    const [capture] = readDocument('file:///t', 't.txt', text).captures;
    assert.deepEqual(capture?.errors, []);
    assert.deepEqual(
      capture?.facts.map((fact) => (fact.kind === 'port-watch' ? [fact.by, fact.name.value, fact.up.value] : fact.kind)),
      [
        ['cfm', 'p1', false],
        ['cfm', 'p2', true],
      ],
    );
  });
});

describe('actions in words', () => {
  const words = (actions: string): string => {
    const text = ` cookie=0x0, duration=1.0s, table=0, n_packets=0, n_bytes=0, priority=1 actions=${actions}\n`;
    const flow = readDocument('file:///t', 'br0.flows.txt', text).captures[0]?.flows.flow(0);
    assert.ok(flow);
    return explainActions(flow.actions, () => undefined).join('; ');
  };

  it('say what Open vSwitch does, not that it is not modelled', () => {
    assert.equal(
      words('push:NXM_NX_REG0[],pop:NXM_NX_REG1[0..15],check_pkt_larger(1414)->NXM_NX_REG0[3]'),
      'keeps reg0 on the stack; takes reg1[0..15] back from the stack; sets reg0[3..3] to whether it is longer than 1414 bytes',
    );
    assert.equal(
      words('clone(ct_clear,resubmit(,8)),bundle(eth_src,0,hrw,ofport,slaves:1,2),enqueue:3:7,dec_mpls_ttl'),
      'does to a copy of it: forgets the connection state, looks it up in table 8; sends it out of one, by a hash, of the live ones of port 1, port 2; sends it out of port 3 by queue 7; dec_mpls_ttl',
    );
  });
});
