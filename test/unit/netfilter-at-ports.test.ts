import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import type { PacketTrace } from '../../server/src/features/netfilter-trace';
import { IDLE } from './small-router';
import { traced } from './traced';

const told = ({ verdict, out, rules }: PacketTrace) =>
  `${verdict} ${out ?? '-'}: ${rules.map(({ table, chain, number }) => `${table}/${chain}:${number ?? 'policy'}`).join(' ')}`;

const HYBRID = `[root@c1 ~]# ip link
2: qbr1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000
    link/ether 0e:9c:41:8b:b6:01 brd ff:ff:ff:ff:ff:ff
3: tap1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master qbr1 state UP mode DEFAULT group default qlen 1000
    link/ether fe:16:3e:00:00:05 brd ff:ff:ff:ff:ff:ff
4: qvb1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master qbr1 state UP mode DEFAULT group default qlen 1000
    link/ether 0e:9c:41:8b:b6:02 brd ff:ff:ff:ff:ff:ff
[root@c1 ~]# sysctl net.bridge.bridge-nf-call-iptables
net.bridge.bridge-nf-call-iptables = 1
[root@c1 ~]# bridge fdb show
fa:16:3e:00:00:05 dev tap1 master qbr1
fe:16:3e:00:00:05 dev tap1 master qbr1 permanent
fa:16:3e:00:00:09 dev qvb1 master qbr1
[root@c1 ~]# iptables-save
${IDLE}*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:in - [0:0]
-A FORWARD -m physdev --physdev-out tap1 --physdev-is-bridged -j in
-A in -m state --state RELATED,ESTABLISHED -j RETURN
-A in -p tcp -m tcp --dport 22 -j RETURN
-A in -j DROP
COMMIT
`;
const IN = 'iif=qvb1 smac=fa:16:3e:00:00:09 dmac=fa:16:3e:00:00:05 src=10.0.0.9 dst=10.0.0.5 proto=tcp sport=4000';
const OUT = 'iif=tap1 smac=fa:16:3e:00:00:05 dmac=fa:16:3e:00:00:09 src=10.0.0.5 dst=10.0.0.9 proto=tcp sport=4000 dport=80';

const NODE = `[root@n1 ~]# ip a
2: cni0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 4e:da:cb:de:c5:62 brd ff:ff:ff:ff:ff:ff
    inet 10.244.1.1/24 scope global cni0
3: vetha: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master cni0 state UP group default qlen 1000
    link/ether aa:be:e5:00:00:01 brd ff:ff:ff:ff:ff:ff
4: vethb: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master cni0 state UP group default qlen 1000
    link/ether aa:be:e5:00:00:02 brd ff:ff:ff:ff:ff:ff
5: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether aa:be:e5:00:00:03 brd ff:ff:ff:ff:ff:ff
    inet 172.18.0.3/16 scope global eth0
[root@n1 ~]# ip route show table all
default via 172.18.0.1 dev eth0
10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1
172.18.0.0/16 dev eth0 proto kernel scope link src 172.18.0.3
local 10.244.1.1 dev cni0 table local proto kernel scope host src 10.244.1.1
local 172.18.0.3 dev eth0 table local proto kernel scope host src 172.18.0.3
[root@n1 ~]# ip rule
0:	from all lookup local
32766:	from all lookup main
32767:	from all lookup default
[root@n1 ~]# bridge fdb show
02:00:00:00:00:01 dev vetha master cni0
02:00:00:00:00:02 dev vethb master cni0
[root@n1 ~]# sysctl -a
net.bridge.bridge-nf-call-iptables = 0
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.cni0.rp_filter = 0
net.ipv4.conf.eth0.rp_filter = 0
net.ipv4.ip_forward = 1
[root@n1 ~]# iptables-save
${IDLE}*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination 172.18.0.7:80
-A PREROUTING -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.18.0.8:80
-A POSTROUTING -s 10.244.0.0/16 -o eth0 -p icmp -j MASQUERADE --random-fully
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
`;

describe('what comes to the port of a bridge', () => {
  it('passes the bridge and its rules, and leaves by the port of its destination', () => {
    assert.deepEqual(traced(HYBRID, `${IN} dport=22`).map(told), [
      'forwarded tap1: raw/PREROUTING:policy mangle/PREROUTING:policy mangle/FORWARD:policy filter/FORWARD:1 filter/in:2 filter/FORWARD:policy mangle/POSTROUTING:policy',
    ]);
    assert.match(traced(HYBRID, `${IN} dport=25`).map(told).join(), /^dropped .* filter\/FORWARD:1 filter\/in:3$/);
    const [, reply] = traced(HYBRID, OUT, `${IN.replace('sport=4000', 'sport=80')} dport=4000 flags=syn,ack`);
    assert.match(reply ? told(reply) : '', /^forwarded tap1: .* filter\/in:1 /);
  });

  it('meets no rules of IP where br_netfilter is off, and whether it does is asked for where nobody said so', () => {
    const off = traced(HYBRID.replace('iptables = 1', 'iptables = 0'), `${IN} dport=25`);
    assert.deepEqual(off.map(told), ['forwarded tap1: ']);
    const unsaid = HYBRID.replace(/.*bridge-nf-call.*\n/g, '').replace(/-m physdev .* -j in/, '-j in');
    const [open] = traced(unsaid, `${IN} dport=25`);
    assert.equal(open?.verdict, 'insufficient-info');
    assert.ok(open.gaps.some(({ command }) => command === 'sysctl net.bridge.bridge-nf-call-iptables'));
  });

  it('is open where a rule asks for what the question does not say, for which no capture is asked', () => {
    const guarded = HYBRID.replace('-A in -p tcp -m tcp --dport 22', '-A in -p tcp -m mac --mac-source fa:16:3e:00:00:09');
    const [open] = traced(guarded, `${IN.replace(/smac=\S+ /, '')} dport=22`);
    assert.equal(open?.verdict, 'insufficient-info');
    assert.deepEqual(open.gaps, []);
    assert.ok(open.alternatives.some(({ because }) => because.some((why) => why.includes('which card sends the packet (smac)'))));
    assert.equal(traced(guarded, `${IN} dport=22`)[0]?.verdict, 'forwarded');
  });

  it('is open where the ports that it may leave by make a difference and no MAC table was captured', () => {
    const third = `5: tap2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master qbr1 state UP mode DEFAULT group default qlen 1000
    link/ether fe:16:3e:00:00:06 brd ff:ff:ff:ff:ff:ff
[root@c1 ~]# sysctl`;
    const text = HYBRID.replace('[root@c1 ~]# sysctl', third).replace(/\[root@c1 ~\]# bridge fdb show\n(?:[\da-f]{2}:.*\n)+/, '');
    const [open] = traced(text, `${IN} dport=25`);
    assert.equal(open?.verdict, 'insufficient-info');
    assert.ok(open.gaps.some(({ command }) => command === 'bridge fdb show br qbr1'));
  });

  it('is for the host itself at the address of the bridge, or of a port of it', () => {
    for (const mac of ['4e:da:cb:de:c5:62', 'aa:be:e5:00:00:01']) {
      const words = `iif=vetha smac=02:00:00:00:00:01 dmac=${mac} src=10.244.1.2 dst=8.8.8.8 proto=udp sport=4 dport=5`;
      assert.match(traced(NODE, words).map(told).join(), /^forwarded eth0: .*filter\/FORWARD:policy/);
    }
    const across =
      'iif=vetha smac=02:00:00:00:00:01 dmac=02:00:00:00:00:02 src=10.244.1.2 dst=10.244.1.3 proto=udp sport=4 dport=5';
    assert.deepEqual(traced(NODE, across).map(told), ['forwarded vethb: ']);
    const back = across.replace('dmac=02:00:00:00:00:02', 'dmac=02:00:00:00:00:01');
    // A container's port may be in hairpin mode.
    assert.equal(traced(NODE, back)[0]?.likely, 'dropped');
  });
});

describe('what nobody captured of a bridge', () => {
  const asked = (text: string, words: string) => traced(text, words)[0];
  const across =
    'iif=vetha smac=02:00:00:00:00:01 dmac=02:00:00:00:00:02 src=10.244.1.2 dst=10.244.1.3 proto=udp sport=4 dport=5';
  const back = across.replace('dmac=02:00:00:00:00:02', 'dmac=02:00:00:00:00:01');
  const without = (text: string, command: RegExp) =>
    text
      .split(/^(?=\[root@)/m)
      .filter((section) => !command.test(section))
      .join('');

  it('is no drop: a port that no list shows may take the frame', () => {
    // The list of devices has one port alone, and was asked for no more.
    const alone = NODE.replace('ip a\n', 'ip a show vetha\n').replace(/4: vethb:.*\n.*\n/, '');
    const open = asked(without(alone, /bridge fdb/), across);
    assert.equal(open?.verdict, 'insufficient-info');
    assert.ok(open.gaps.some(({ command }) => command === 'bridge link'));
    // With a list of all ports there is none.
    const all = NODE.replace(/4: vethb:.*\n.*\n/, '').replace(/^.*dev vethb.*\n/m, '');
    assert.equal(asked(all, across)?.verdict, 'dropped');
  });

  it('is asked for where hairpin mode decides, whatever the port is called', () => {
    const text = NODE.replace(/veth(?=[ab])/g, 'port');
    const words = back.replace('iif=vetha', 'iif=porta');
    const open = asked(text, words);
    assert.deepEqual([open?.verdict, open?.likely], ['insufficient-info', 'dropped']);
    assert.ok(open?.gaps.some(({ command }) => command === 'bridge -d link'));
    const settings = (mode: string) => `[root@n1 ~]# bridge -d link
3: porta@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master cni0 state forwarding priority 32 cost 2
    hairpin ${mode} guard off root_block off fastleave off learning on flood on mcast_flood on bcast_flood on neigh_suppress off vlan_tunnel off isolated off locked off
`;
    assert.equal(asked(text + settings('off'), words)?.verdict, 'dropped');
    assert.deepEqual(
      [asked(text + settings('on'), words)].map((one) => [one?.verdict, one?.out]),
      [['forwarded', 'porta']],
    );
  });

  it('decides by VLANs only where the bridge is said to tell them apart', () => {
    const vlans = (mode: 0 | 1, other: number) =>
      `${NODE.replace('ip a\n', 'ip -d a\n').replace(/(cni0: .*\n.*link\/ether.*)\n/, `$1 promiscuity 0\n    bridge forward_delay 1500 vlan_filtering ${mode} vlan_protocol 802.1Q\n`)}[root@n1 ~]# bridge vlan
port              vlan-id
vetha             10 PVID Egress Untagged
vethb             ${other} PVID Egress Untagged
cni0              1 PVID Egress Untagged
`;
    assert.deepEqual(
      [vlans(1, 10), vlans(1, 20), vlans(0, 20)].map((text) => asked(text, across)?.verdict),
      ['forwarded', 'dropped', 'forwarded'],
    );
    const unsaid = asked(vlans(1, 20).replace(/ vlan_filtering.*/, ''), across);
    assert.deepEqual([unsaid?.verdict, unsaid?.likely], ['insufficient-info', 'dropped']);
    const untold = asked(without(vlans(1, 10), /bridge vlan/), across);
    assert.equal(untold?.verdict, 'insufficient-info');
    assert.ok(untold.gaps.some(({ command }) => command === 'bridge vlan'));
  });
});

describe('what chance did to the packets before', () => {
  const FROM = 'iif=cni0 src=10.244.1.2';

  it('shows in their answers: one that a connection waits for belongs to it', () => {
    for (const server of ['172.18.0.7', '172.18.0.8']) {
      const [request, reply] = traced(
        NODE,
        `${FROM} dst=10.96.0.10 proto=tcp sport=4000 dport=80`,
        `iif=eth0 src=${server} dst=10.244.1.2 proto=tcp sport=80 dport=4000 flags=syn,ack`,
      );
      assert.equal(request?.verdict, 'forwarded');
      assert.equal(reply?.verdict, 'forwarded');
      assert.equal(reply.packet.src, '10.96.0.10');
    }
  });

  it('leaves the id of a ping open where NAT draws it', () => {
    const [ping, answer] = traced(
      NODE,
      `${FROM} dst=8.8.8.8 proto=icmp type=8 id=7`,
      'iif=eth0 src=8.8.8.8 dst=172.18.0.3 proto=icmp type=0 id=41016',
    );
    assert.equal(ping?.packet.id, null);
    assert.equal(answer?.packet.dst, '10.244.1.2');
    assert.equal(answer.packet.id, 7);
  });
});

describe('marks with masks', () => {
  const table = (rule: string, sets = '') => `[root@n1 ~]# nft list ruleset
table ip t {${sets}
	chain c {
		type filter hook prerouting priority filter; policy accept;
		${rule}
	}
}
`;
  const words = (mark: number) => `iif=eth0 src=172.18.0.1 dst=172.18.0.3 proto=udp sport=4 dport=5 mark=${mark}`;
  const NO_RULES = NODE.slice(0, NODE.indexOf('[root@n1 ~]# iptables-save'));
  const dropped = (rules: string, mark: number) =>
    traced(NO_RULES + rules, words(mark)).map(({ verdict }) => verdict === 'dropped');

  it('are read as nft prints them', () => {
    for (const [rule, marks] of [
      ['meta mark 0x04000000/16 counter drop', [0x0400ffff, 0x04000000]],
      ['meta mark != 0x04000000/16 drop', [0, 0x04010000]],
      ['meta mark { 0x00000010/28, 0x00000100/25 } drop', [0x10, 0x1f, 0x17f]],
      ['meta mark vmap { 0x00000010/28 : drop, 0x00000100/25 : drop }', [0x12, 0x100]],
    ] as const) {
      for (const mark of [0, 0x10, 0x12, 0x1f, 0x20, 0x100, 0x17f, 0x180, 0x04000000, 0x0400ffff, 0x04010000]) {
        const negated = rule.includes('!=');
        const expected = negated ? mark >>> 16 !== 0x0400 : marks.some((one) => one === mark) || isIn(rule, mark);
        assert.deepEqual(dropped(table(rule), mark), [expected], `${rule} with ${mark}`);
      }
    }
    const set = '\n\tset m {\n\t\ttype mark\n\t\tflags interval\n\t\telements = { 0x00000010/28 }\n\t}\n';
    assert.deepEqual(dropped(table('meta mark @m drop', set), 0x1a), [true]);
    assert.deepEqual(dropped(table('meta mark @m drop', set), 0x2a), [false]);
  });

  /** Whether one of the prefixes that a rule names holds the mark. */
  function isIn(rule: string, mark: number): boolean {
    return [...rule.matchAll(/(0x[\da-f]+)\/(\d+)/g)].some(
      ([, from, length]) =>
        Math.floor(mark / 2 ** (32 - Number(length))) === Math.floor(Number(from) / 2 ** (32 - Number(length))),
    );
  }

  it('are the same in JSON', () => {
    const json = (right: unknown) =>
      `# nft -j list ruleset\n${JSON.stringify({
        nftables: [
          { table: { family: 'ip', name: 't', handle: 1 } },
          { chain: { family: 'ip', table: 't', name: 'c', handle: 1, type: 'filter', hook: 'input', prio: 0, policy: 'accept' } },
          {
            rule: {
              family: 'ip',
              table: 't',
              chain: 'c',
              handle: 2,
              expr: [{ match: { op: '==', left: { meta: { key: 'mark' } }, right } }, { drop: null }],
            },
          },
        ],
      })}\n`;
    const { captures } = readDocument('file:///t', 't.txt', json({ prefix: { addr: 67108864, len: 16 } }));
    const [rule] = captures.flatMap(({ facts }) => facts).flatMap((fact) => (fact.kind === 'nf-rule' ? [fact] : []));
    const [match] = rule?.matches ?? [];
    assert.deepEqual(match?.kind === 'mark' && match.mark.value, { value: 0x04000000, mask: 0xffff0000 });
  });
});

describe('an empty file that is named after a command', () => {
  const kinds = (path: string, text: string) =>
    readDocument('file:///t', path, text).captures.map(({ kind, elided, host }) => [kind, elided, host]);

  it('says that the command printed nothing', () => {
    assert.deepEqual(kinds('h1/ip6tables-save.txt', ''), [['ip6tables-save', false, 'h1']]);
    assert.deepEqual(kinds('h1/conntrack_-L.txt', '\n'), [['conntrack-list', false, 'h1']]);
  });

  it('is no answer of a command that prints something wherever it works, and nothing at all under another name', () => {
    assert.deepEqual(kinds('h1/iptables_-L.txt', ''), []);
    for (const name of ['ip_r', 'ip_a', 'ovs-ofctl_dump-flows_br-int', 'notes'])
      assert.deepEqual(kinds(`h1/${name}.txt`, ''), [], name);
    assert.deepEqual(kinds('h1/iptables-save.txt', 'to do\n'), []);
  });
});
