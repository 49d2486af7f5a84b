import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { indexLines, linesOf, type Line } from '../../server/src/base/lines';
import { arp } from '../../server/src/captures/arp';
import { bridgeFdb } from '../../server/src/captures/bridge-fdb';
import type { CaptureKind } from '../../server/src/captures/capture';
import { conntrack } from '../../server/src/captures/conntrack';
import { readDocument } from '../../server/src/captures/document';
import { ipNeighbour } from '../../server/src/captures/ip-neighbour';
import { ipRoute } from '../../server/src/captures/ip-route';
import { iptablesRules } from '../../server/src/captures/iptables-rules';
import { ovsAppctlFdbShow } from '../../server/src/captures/ovs-appctl-fdb-show';
import { ovsDpctlDumpFlows } from '../../server/src/captures/ovs-dpctl-dump-flows';
import { ovsVsctlShow } from '../../server/src/captures/ovs-vsctl-show';
import { route } from '../../server/src/captures/route';
import { sockets } from '../../server/src/captures/sockets';
import { tcpdump } from '../../server/src/captures/tcpdump';
import { createService } from '../../server/src/service';

const times = (count: number, make: (n: number) => string) => Array.from({ length: count }, (_, n) => make(n));

/** Long outputs whose records have one line or several, and some that can't be read. */
const outputs: readonly { readonly kind: CaptureKind; readonly command: string; readonly lines: readonly string[] }[] = [
  {
    kind: ipRoute,
    command: 'ip route',
    lines: times(90, (n) =>
      n % 7 === 0
        ? `10.0.${n}.0/24 proto static\n\tnexthop via 192.0.2.1 dev eth0 weight 1\n\tnexthop via 192.0.2.2 dev eth1 weight 1`
        : n % 11 === 0
          ? `10.0.${n}.0/24`
          : `10.0.${n}.0/24 via 192.0.2.${n} dev eth${n % 3}`,
    ),
  },
  {
    kind: conntrack,
    command: 'conntrack -L',
    lines: times(90, (n) => {
      const own = `tcp      6 ${n} ESTABLISHED src=10.0.0.${n} dst=10.1.0.1 sport=${4000 + n} dport=80`;
      const back = `src=10.1.0.1 dst=10.0.0.${n} sport=80 dport=${4000 + n} [ASSURED] mark=0 use=1`;
      return n % 5 === 0
        ? `${own} src=10.1.0.1 ds\nt=10.0.0.${n} sport=80 dport=${4000 + n} [ASSURED] mark=0 use=1`
        : n % 17 === 0
          ? `${own} src=`
          : `${own} ${back}`;
    }),
  },
  {
    kind: ovsDpctlDumpFlows,
    command: 'ovs-appctl dpctl/dump-flows',
    lines: times(
      60,
      (n) =>
        `recirc_id(0x${n.toString(16)}),in_port(${n}),eth(),eth_type(0x0800),ipv4(frag=no), packets:${n}, bytes:${n * 60}, used:1.0s, actions:${n % 9 === 0 ? '(' : n}`,
    ),
  },
  {
    kind: ovsAppctlFdbShow,
    command: 'ovs-appctl fdb/show br0',
    lines: [
      ' port  VLAN  MAC                Age',
      ...times(60, (n) => `    ${n}     0  fa:16:3e:00:00:${10 + n}    ${n % 8 === 0 ? 'x' : n}`),
    ],
  },
  {
    kind: bridgeFdb,
    command: 'bridge fdb show',
    lines: times(60, (n) => `fa:16:3e:00:00:${10 + n} dev vxlan0 ${n % 8 === 0 ? 'dst 10.0.0.1 self permanent' : 'master br0'}`),
  },
  {
    kind: ipNeighbour,
    command: 'ip neigh',
    lines: times(90, (n) => `10.0.0.${n} dev eth${n % 3} ${n % 7 === 0 ? 'FAILED' : 'lladdr fa:16:3e:00:00:01 STALE'}`),
  },
  {
    kind: arp,
    command: 'arp -n',
    lines: [
      'Address HWtype HWaddress Flags Mask Iface',
      ...times(60, (n) => `10.0.0.${n} ether fa:16:3e:00:00:${10 + n} C eth0`),
    ],
  },
  {
    kind: route,
    command: 'route -n',
    lines: [
      'Kernel IP routing table',
      'Destination     Gateway         Genmask         Flags Metric Ref    Use Iface',
      ...times(60, (n) => `10.0.${n}.0 192.0.2.1 255.255.255.0 UG ${n} 0 0 eth0`),
    ],
  },
  {
    kind: tcpdump,
    command: 'tcpdump -nei eth0',
    lines: times(
      60,
      (n) =>
        `12:00:0${n % 10}.000001 fa:16:3e:00:00:01 > fa:16:3e:00:00:02, ethertype IPv4 (0x0800), length 98: 10.0.0.${n} > 10.0.0.2: ICMP echo request, id 1, seq ${n}, length 64`,
    ),
  },
  {
    kind: sockets,
    command: 'ss -tan',
    lines: [
      'State Recv-Q Send-Q Local Address:Port Peer Address:Port',
      ...times(60, (n) => (n % 3 === 0 ? `LISTEN 0 128 *:${n + 1} *:*` : `ESTAB 0 0 10.0.0.1:${n + 1} 10.0.0.2:443`)),
    ],
  },
  {
    kind: iptablesRules,
    command: 'iptables -S',
    lines: [
      '-P INPUT ACCEPT',
      ...times(60, (n) => (n % 8 === 0 ? `-A INPUT -s 10.0.0.${n}/32 -p tcp\n-j DROP` : `-A INPUT -s 10.0.0.${n}/32 -j ACCEPT`)),
    ],
  },
  {
    kind: ovsVsctlShow,
    command: 'ovs-vsctl show',
    lines: [
      '    Bridge br-int',
      ...times(30, (n) => `        Port tap${n}\n            tag: ${n + 1}\n            Interface tap${n}`),
    ],
  },
];

describe('long outputs', () => {
  for (const { command, lines } of outputs) {
    it(`of ${command} hold nothing up: they are read and joined in many steps`, () => {
      const service = createService();
      const text = `root@hv1:~# ${command}\n${times(40, () => lines.join('\n')).join('\n')}\n`;
      let steps = 0;
      for (const reading = service.setInSteps('file:///t', 'c.txt', text); !reading.next().done;) steps++;
      // Of some lines each.
      assert.ok(steps > (40 * lines.length) / 40, `${steps} steps`);
      let joins = 0;
      for (const joining = service.link(); !joining.next().done;) joins++;
      assert.ok(joins > 2, `${joins} steps`);
      assert.ok(service.isLinked());
    });
  }

  it('are joined anew where something changes while they are joined', () => {
    const service = createService();
    const entries = (count: number) =>
      `root@hv1:~# ip neigh\n${times(count, (n) => `10.0.${n >> 8}.${n & 255} dev eth0 lladdr fa:16:3e:00:00:01 STALE`).join('\n')}\n`;
    service.set('file:///t', 't.txt', entries(9000));
    const joining = service.link();
    for (let n = 0; n < 4; n++) assert.ok(!joining.next().done);
    service.set('file:///t', 't.txt', entries(9001));
    while (!joining.next().done);
    assert.ok(!service.isLinked());
    while (!service.isLinked()) for (const again = service.link(); !again.next().done;);
    assert.equal(service.world().network.hosts.get('hv1')?.namespaces.get('')?.neighbours.length, 9001);
    // Who can't wait gets the rest at once.
    service.set('file:///t', 't.txt', entries(9002));
    const third = service.link();
    for (let n = 0; n < 4; n++) assert.ok(!third.next().done);
    assert.equal(service.world().network.hosts.get('hv1')?.namespaces.get('')?.neighbours.length, 9002);
    while (!third.next().done);
    assert.ok(service.isLinked());
  });

  for (const { kind, command, lines } of outputs) {
    it(`of ${command} are the same in parts as in one go`, () => {
      const text = `root@hv1:~# ${command}\n${lines.join('\n')}\n`;
      const [capture] = readDocument('file:///t', 'c.txt', text).captures;
      const index = linesOf(text, indexLines(text));
      const all: Line[] = [];
      for (let n = 1; n < index.length; n++) {
        const line = index.at(n);
        if (line && line.text !== '') all.push(line);
      }
      const options = { argv: command.split(' '), target: capture?.target, options: capture?.options ?? {} };
      const whole = kind.parse({ kind: capture?.kind ?? '', lines: all, ...options });
      assert.ok(whole.facts.length > 40);
      assert.deepEqual(capture?.facts, whole.facts);
      assert.deepEqual(capture.refs, whole.refs);
      assert.deepEqual(capture.lines, whole.records);
      assert.deepEqual(
        capture.errors,
        [...whole.errors].sort((a, b) => a.span.start - b.span.start),
      );
    });
  }

  it('without a line to start at are read whole, however long', () => {
    const entry = (n: number) => `{\n  "mac": "fa:16:3e:00:00:01",\n  "ifname": "tap${n}",\n  "state": "permanent"\n}`;
    const text = `root@hv1:~# bridge -j fdb show\n[${times(130_000, entry).join(',\n')}]\n`;
    const [capture] = readDocument('file:///t', 'c.txt', text).captures;
    assert.equal(capture?.facts.length, 130_000);
    assert.deepEqual(capture.errors, []);
  });
});
