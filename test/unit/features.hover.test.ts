import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hover } from '../../server/src/features/hover';
import { cloudAt, fixture, type Fixture } from './fixture';

/** The hover must say all of `expected`, and nothing of `absent`. */
function check(at: Fixture, expected: readonly (string | RegExp)[], absent: readonly string[] = []): void {
  const found = hover(at.world, at.uri, at.offset);
  assert.ok(found, 'no hover');
  const text = found.markdown;
  for (const part of expected)
    assert.ok(typeof part === 'string' ? text.includes(part) : part.test(text), `${String(part)} is missing in\n${text}`);
  for (const part of absent) assert.ok(!text.includes(part), `${part} is said in\n${text}`);
  assert.ok(found.start <= at.offset && found.end >= at.offset, 'the range holds the cursor');
  for (const [, uri, line] of text.matchAll(/\]\((\S+?)#L(\d+)\)/g)) {
    const document = at.world.documents.get(uri ?? '');
    assert.ok(document && Number(line) >= 1 && Number(line) <= document.lines.count, `a link to ${uri}#L${line}`);
  }
}

test('a flow says what it matches, what it does and its next hop', () => {
  check(cloudAt('hv1.txt', 'table=22, n_packets=5', 'n_bytes'), [
    '**Table 22, priority 1 · br-tun on hv1**',
    'Matches VLAN 7',
    'strips the VLAN tag; sets tunnel id 0x1234 (VNI 4660); sends it out of port 2 (vxlan-c0000202)',
    /Next hop: `vxlan-c0000202`, VXLAN tunnel to `192.0.2.2` on \*\*net1\*\*.*VNI `0x1234` \(4660\) of network `blue`/,
    '5 packets so far',
  ]);
  check(
    cloudAt('hv1.txt', 'table=0, n_packets=12', 'n_bytes'),
    ['from port 9 (qvoab12cd34-56)', 'Next hop: table 25, 1 flow', 'hv1.txt:'],
    ['cookie'],
  );
  check(cloudAt('hv1.txt', 'table=25, n_packets=11', 'n_bytes'), [
    'is instance web1 (10.9.0.7)',
    'Next hop: by VLAN and MAC table, in VLAN 7',
  ]);
  check(cloudAt('hv1.txt', 'n_packets=0', 'n_bytes'), [
    'any packet that nothing else took',
    'Drops the packet',
    'nothing has matched it',
  ]);
});

test('learn() says what flow it writes', () => {
  check(cloudAt('net1.txt', 'table=10', 'learn'), [
    'in table 20, priority 1',
    "the same VLAN, destination MAC = this packet's source MAC",
    "strips the VLAN tag, sets tunnel id to this packet's tunnel id, sends it out of the port that this packet came in by",
  ]);
});

test('a part of a flow says what the field or the action is', () => {
  check(cloudAt('hv1.txt', 'in_port=9 actions', 'in_port'), [
    '`in_port`: the port by which the packet came in',
    '**Table 0, priority 9',
  ]);
  check(cloudAt('hv1.txt', 'strip_vlan', 'strip'), ['`strip_vlan`: strips the VLAN tag']);
});

test('a port number says which port it is, in flows and in MAC tables', () => {
  check(cloudAt('hv1.txt', 'in_port=9 actions', '9'), [
    '**Port 9 · qvoab12cd34-56**',
    'Port 9 of `br-int` on **hv1**',
    'Access port of VLAN 7: network `blue`, VNI 4660',
    'of instance web1',
    '---',
    '**Table 0, priority 9',
  ]);
  check(cloudAt('hv1.txt', '3     7  fa:16', '3'), [
    '**Port 3 · patch-tun**',
    'Patch to `br-tun`, its port `patch-int` (port 1)',
  ]);
  check(cloudAt('net1.txt', 'in_port=2', '2 '), ['**Port 2**', '`ovs-ofctl show br-tun` tells']);
});

test('a VLAN, a tunnel id and a network name the same thing on both hosts', () => {
  check(cloudAt('hv1.txt', 'dl_vlan=7', '7'), [
    '**VLAN 7 on hv1**',
    'Network `blue`',
    'VNI `0x1234` (4660)',
    '`qvoab12cd34-56`',
    'Same VNI on **net1**: VLAN 3',
  ]);
  check(cloudAt('net1.txt', 'tun_id=0x1234', '0x'), [
    'Tunnel id 0x1234 · VNI 4660',
    'Network `blue` (vxlan)',
    'VLAN 7 on **hv1**',
    'VLAN 3 on **net1**',
    'Set by `br-tun` on **hv1**, table 22',
  ]);
  check(cloudAt('cloud.txt', 'net-show blue', 'blue'), ['**Network blue**', 'VLAN 7 on **hv1**', 'neutron net-show blue']);
});

test('addresses say whose they are and where they were seen', () => {
  check(cloudAt('hv1.txt', 'fa:16:3e:00:00:07 actions', 'fa'), [
    '**Instance web1 · fa:16:3e:00:00:07**',
    'Learned by `br-int` on **hv1**: VLAN 7, by `qvoab12cd34-56`',
  ]);
  check(cloudAt('hv1.txt', 'fa:16:3e:00:00:01', 'fa'), ['Device `qr-99887766-55` of **net1**, namespace `qrouter-c0ffee00']);
  check(cloudAt('cloud.txt', '203.0.113.20', '203'), [
    '**Floating IP of instance web1 · 203.0.113.20**',
    'Stands for `10.9.0.7`',
    'NAT on **net1**',
  ]);
  check(cloudAt('cloud.txt', '10.9.0.7', '10.9'), [
    '**Instance web1 · 10.9.0.7**',
    'Seen from outside as `203.0.113.20`',
    'Route of',
  ]);
  check(cloudAt('hv1.txt', '192.0.2.2', '192'), [
    '**Tunnel address of net1 · 192.0.2.2**',
    'Remote address of tunnel `vxlan-c0000202` on **hv1**',
  ]);
  check(
    fixture(
      's1# ovs-ofctl dump-flows br0\n cookie=0x0, duration=1s, table=0, priority=5,dl_dst=ff:f$0f:ff:ff:ff:ff actions=drop\n',
    ),
    ['**Broadcast**'],
  );
});

test('namespaces, chains, rules and routes are put in words', () => {
  check(cloudAt('net1.txt', 'qrouter-c0ffee00', 'qrouter'), [
    '**Namespace qrouter-c0ffee00-0000-4000-8000-000000000009 on net1**',
    '`qr-99887766-55`: `10.9.0.1/24`',
  ]);
  check(cloudAt('net1.txt', 'Chain neutron-l3', 'neutron'), [
    'Reached from [PREROUTING rule 1]',
    'Rule 1: to 203.0.113.20 → rewrites the destination to 10.9.0.7',
  ]);
  check(cloudAt('net1.txt', 'DNAT', 'all'), [
    '**Rule 1 of neutron-l3-agent-PREROUTING (nat)**',
    'rewrites the destination to 10.9.0.7',
    'does not show interfaces',
  ]);
  check(cloudAt('net1.txt', '10.9.0.0/24 dev', 'dev'), [
    '**Route to 10.9.0.0/24**',
    'Directly on the link',
    'Out of `qr-99887766-55`',
  ]);
  check(cloudAt('net1.txt', 'default via', 'default'), ['**Default route**', 'Next hop `203.0.113.1`']);
});

test('a route by a device that asks for no neighbours does not speak of ARP', () => {
  const route = (kind: string) =>
    fixture(`[root@a ~]# ip -d a
3: wg0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue state UNKNOWN group default
    link/none${kind}
    inet 10.7.0.1/24 scope global wg0
[root@a ~]# ip route
10.7.0.0/24 d$0ev wg0 proto kernel scope link src 10.7.0.1
`);
  check(route('\n    wireguard'), ['WireGuard sends it to the peer'], ['ARP']);
  check(route(''), ['without asking for neighbours (NOARP)'], ['by ARP']);
});

test('a rule of nft says all that it does, case by case', () => {
  const ruleset = (rule: string) =>
    fixture(`root@r:~# nft list ruleset
table inet t {
	chain web {
		drop
	}
	chain pre {
		type filter hook prerouting priority filter; policy accept;
		${rule}
	}
}
`);
  check(ruleset('tcp dport vm$0ap { 22 : accept, 80 : jump web }'), [
    '**Rule 1 of pre',
    /destination port 22.*: accepts it/,
    /destination port 80.*: goes to chain web|destination port 80.*web/,
  ]);
  check(ruleset('log prefix "x" meta mark s$0et tcp dport map { 80 : 0x1 } accept'), [
    /Any packet: .*logs it/,
    /destination port 80.*: sets the packet mark to 0x1/,
    /accepts it/,
  ]);
});

test('a table says what comes in and what is left over', () => {
  check(cloudAt('hv1.txt', 'resubmit(,22)', '22'), [
    '**Table 22 of br-tun on hv1**',
    '2 flows',
    'Any other packet: drops the packet',
    'Packets come from [table 0]',
  ]);
});

test('a command line says whose the capture is and what is missing', () => {
  check(
    cloudAt('hv1.txt', 'ovs-ofctl dump-flows br-tun', 'dump-flows'),
    ['Host **hv1**', 'Bridge `br-tun`', '3 records: 3 flows'],
    ['Incomplete'],
  );
  const grep = fixture(
    `s1# ovs-ofctl dump-fl$0ows br0 | grep NORMAL\n cookie=0x0, duration=1s, table=0, n_packets=1, n_bytes=1, priority=0 actions=NORMAL\n`,
  );
  check(grep, ['Incomplete: it went through', 'grep NORMAL']);
});

test('what was not captured is said, with the command that would tell', () => {
  const bare =
    's1# ovs-ofctl dump-flows br0\n cookie=0x0, duration=1s, table=0, n_packets=1, n_bytes=1, prio$0rity=5,in_port=4 actions=output:6\n';
  check(fixture(bare), ['Matches from port 4', 'Next hop: port 6, which device is not captured: `ovs-ofctl show br0` tells']);
  const normal =
    's1# ovs-ofctl dump-flows br0\n cookie=0x0, duration=1s, table=0, n_packets=1, n_bytes=1, priority=5 actions=NOR$0MAL\n';
  check(fixture(normal), ['the MAC table was not captured: `ovs-appctl fdb/show br0`']);
});

test('an unknown field is said to be unknown', () => {
  check(
    fixture(
      's1# ovs-ofctl dump-flows br0\n cookie=0x0, duration=1s, table=0, n_packets=1, n_bytes=1, prio$0rity=5,no_such=4 actions=drop\n',
    ),
    ['Not understood: `no_such=4`'],
  );
});

test('a value that a client wrapped is found on each of its lines, its neighbours are not', () => {
  const rows = [
    'controller# neutron router-list',
    '+------------------------+---------+------------------------+',
    '| id                     | name    | tenant_id              |',
    '+------------------------+---------+------------------------+',
    '| 0b0cb65f-3739-4ca8     | left    | 0283565b977d4bdaaa57fa |',
    '| -a68b-271545681aa7     |         | 8bdf2e0159             |',
    '+------------------------+---------+------------------------+',
  ].join('\n');
  const range = (text: string) => {
    const at = fixture(text);
    const found = hover(at.world, at.uri, at.offset);
    return found && at.world.documents.get(at.uri)?.text.slice(found.start, found.end);
  };
  assert.equal(range(rows.replace('-a68b', '-a$068b')), '-a68b-271545681aa7');
  assert.equal(range(rows.replace('0b0cb', '0b$00cb')), '0b0cb65f-3739-4ca8');
  assert.notEqual(range(rows.replace('0283', '02$083')), '0283565b977d4bdaaa57fa');
});

test('prose has no hover', () => {
  const at = fixture(
    'Some prose of no$0 interest.\n\ns1# ovs-ofctl dump-flows br0\n cookie=0x0, duration=1s, table=0, priority=5 actions=drop\n',
  );
  assert.equal(hover(at.world, at.uri, at.offset), undefined);
});

test('every record of the cloud has a hover, and none takes long', () => {
  const { world } = fixture('');
  assert.equal(hover(world, 'file:///nowhere', 0), undefined);
  const made = cloudAt('hv1.txt', 'ovs-vsctl', 'ovs');
  for (const document of made.world.documents.values()) {
    for (const capture of document.captures) {
      for (const { firstLine, what } of capture.lines) {
        const start = document.lines.startOf(firstLine) ?? 0;
        const from = start + (/^\s*/.exec(document.text.slice(start))?.[0].length ?? 0);
        if (what === 'record') assert.ok(hover(made.world, document.uri, from), document.text.slice(start, start + 60));
      }
      for (const ref of capture.refs) assert.ok(hover(made.world, document.uri, ref.span.start), `${ref.kind} ${ref.value}`);
    }
  }
});

test('a chain is described by the listing that it stands in, IPv4 and IPv6 apart', () => {
  const listing = (command: string, policy: string, rule: string) =>
    `h1# ${command} -S\n-P INPUT ${policy}\n-A INPUT -i lo -j ${rule}\n`;
  const both = `${listing('iptables', 'ACCEPT', 'ACCEPT')}\n${listing('ip6tables', 'DROP', 'RETURN')}`;
  check(fixture(both.replace('-P INPUT', '-P IN$0PUT')), ['Policy ACCEPT', 'in by lo → accepts it'], ['IPv6']);
  const second = both.lastIndexOf('-P INPUT') + 4;
  check(fixture(`${both.slice(0, second)}$0${both.slice(second)}`), ['for IPv6', 'Policy DROP', 'returns to the chain']);
});
