import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { arp } from '../../server/src/captures/arp/index';
import { brctlShow } from '../../server/src/captures/brctl-show/index';
import { bridgeFdb } from '../../server/src/captures/bridge-fdb/index';
import { bridgeLink } from '../../server/src/captures/bridge-link/index';
import { ipAddress } from '../../server/src/captures/ip-address/index';
import { ipNeighbour } from '../../server/src/captures/ip-neighbour/index';
import { ipRoute } from '../../server/src/captures/ip-route/index';
import { ipRule } from '../../server/src/captures/ip-rule/index';
import { nfnetlinkQueue } from '../../server/src/captures/nfnetlink-queue/index';
import { sysctl } from '../../server/src/captures/sysctl/index';
import { command, facts, parse, plain } from './linux-captures.harness';

describe('ip address and ip link', () => {
  const ROUTER = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN qlen 1
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
16: qg-a1b3323f-35: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UNKNOWN qlen 1000
    link/ether fa:16:3e:94:5d:70 brd ff:ff:ff:ff:ff:ff
    inet 172.24.4.12/24 brd 172.24.4.255 scope global qg-a1b3323f-35
       valid_lft forever preferred_lft forever
    inet 172.24.4.3/32 brd 172.24.4.3 scope global qg-a1b3323f-35   <== the floating IP
    inet6 fe80::f816:3eff:fe94:5d70/64 scope link`;

  it('reads the interfaces of a router namespace', () => {
    const parsed = parse(ipAddress, 'ip-address', ROUTER);
    assert.deepEqual(parsed.errors, []);
    const link = facts(parsed, 'link')[1];
    assert.deepEqual(plain(link), {
      kind: 'link',
      index: 16,
      name: 'qg-a1b3323f-35',
      flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
      mtu: 1500,
      state: 'UNKNOWN',
      mac: 'fa:16:3e:94:5d:70',
    });
    assert.deepEqual(plain(facts(parsed, 'address').map((address) => [address.dev, address.ip, address.prefix, address.scope])), [
      ['lo', '127.0.0.1', 8, 'host'],
      ['qg-a1b3323f-35', '172.24.4.12', 24, 'global'],
      ['qg-a1b3323f-35', '172.24.4.3', 32, 'global'],
      ['qg-a1b3323f-35', 'fe80::f816:3eff:fe94:5d70', 64, 'link'],
    ]);
    const { document } = parsed;
    const dev = facts(parsed, 'address')[2]?.dev;
    assert.equal(document.slice(dev?.span.end ?? 0, (dev?.span.end ?? 0) + 3), ': <', 'the span of dev is that of the header');
    assert.ok(!parsed.refs.some((ref) => ref.value === 'ff:ff:ff:ff:ff:ff'));
    assert.ok(parsed.refs.some((ref) => ref.kind === 'mac' && ref.value === 'fa:16:3e:94:5d:70' && ref.defines));
  });

  it('reads peers, masters, types and the one-line and brief forms', () => {
    const detailed = `9: qvb7f@qvo7f: <BROADCAST,UP,LOWER_UP> mtu 1450 qdisc noqueue master qbr7f state UP mode DEFAULT group default qlen 1000
    link/ether 36:e8:f5:d6:24:4c brd ff:ff:ff:ff:ff:ff link-netns qrouter-1 promiscuity 1
    veth
    bridge_slave state forwarding priority 32 cost 2
    RX: bytes  packets  errors  dropped overrun mcast
    1200       10       0       0       0       0
12: vlan7@if3: <UP> mtu 1500
    link/ether 36:e8:f5:d6:24:4d brd ff:ff:ff:ff:ff:ff
    vlan protocol 802.1Q id 7 <REORDER_HDR>
13: vx9: <UP> mtu 1450
    link/ether 36:e8:f5:d6:24:4e brd ff:ff:ff:ff:ff:ff
    vxlan id 42 remote 192.0.2.1 dev eth0 srcport 0 0 dstport 4789`;
    const links = facts(parse(ipAddress, 'ip-link', detailed), 'link');
    assert.deepEqual(
      plain(links.map((link) => [link.peer, link.peerIndex, link.master, link.type, link.vlanId, link.vni, link.linkNetns])),
      [
        ['qvo7f', undefined, 'qbr7f', 'veth', undefined, undefined, 'qrouter-1'],
        [undefined, 3, undefined, 'vlan', 7, undefined, undefined],
        [undefined, undefined, undefined, 'vxlan', undefined, 42, undefined],
      ],
    );
    const one = parse(
      ipAddress,
      'ip-address',
      '2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever preferred_lft forever',
    );
    assert.deepEqual(one.errors, []);
    assert.equal(facts(one, 'address')[0]?.ip.value, '10.0.0.1');
    const brief = parse(
      ipAddress,
      'ip-address',
      'eth1@if5         UP             192.168.1.12/24 fe80::64af:fff:fe4d:8bcb/64\nbr-int           DOWN',
    );
    assert.deepEqual(brief.errors, []);
    assert.equal(facts(brief, 'link')[0]?.peerIndex?.value, 5);
    assert.deepEqual(plain(facts(brief, 'address').map((address) => address.ip)), ['192.168.1.12', 'fe80::64af:fff:fe4d:8bcb']);
    const joined = parse(
      ipAddress,
      'ip-link',
      '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\ngroup default qlen 1000',
    );
    assert.deepEqual([joined.errors.length, joined.records[0]?.lastLine], [0, 3]);
  });

  it('reads JSON, and reports JSON that was cut off', () => {
    const text =
      '[{"ifindex":3,"link_index":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"operstate":"UP","address":"3a:f7:4c:07:94:f2",' +
      '"addr_info":[{"family":"inet","local":"198.51.100.12","prefixlen":24,"scope":"global"}]},{}]';
    const parsed = parse(ipAddress, 'ip-address', text);
    assert.deepEqual(plain(facts(parsed, 'link')[0]), {
      kind: 'link',
      index: 3,
      name: 'eth0',
      peerIndex: 2,
      flags: ['UP'],
      mtu: 1500,
      state: 'UP',
      mac: '3a:f7:4c:07:94:f2',
    });
    assert.equal(facts(parsed, 'address')[0]?.prefix.value, 24);
    assert.equal(parse(ipAddress, 'ip-address', text.slice(0, 60)).errors[0]?.code, 'cut-off');
    assert.equal(ipAddress.accepts('[root@host ~]# ip a', 'ip-address'), false);
  });

  it('recognises abbreviations and refuses changes', () => {
    for (const line of ['ip a', 'ip -4 -o addr show dev eth0', 'ip address', 'ip -br a', 'ip a s'])
      assert.equal(command(ipAddress, line)?.kind, 'ip-address', line);
    for (const line of ['ip l', 'ip -d link', 'ip -s link show']) assert.equal(command(ipAddress, line)?.kind, 'ip-link', line);
    for (const line of ['ip addr add 10.0.0.1/24 dev eth0', 'ip link set eth0 up', 'ip r', 'ip ru', 'ifconfig'])
      assert.equal(command(ipAddress, line), undefined, line);
    assert.equal(
      ipAddress.sniff('16: qg-1: <UP> mtu 1500', (n) => ['    link/ether fa:16:3e:94:5d:70', '    inet 10.0.0.1/8'][n])?.kind,
      'ip-address',
    );
    assert.equal(ipAddress.sniff('16: qg-1: <UP> mtu 1500', (n) => ['    link/ether fa:16:3e:94:5d:70'][n])?.kind, 'ip-link');
  });
});

describe('ip route, ip rule, ip neighbour, arp', () => {
  it('reads routes of many kinds', () => {
    const text = `default via 172.24.4.1 dev qg-a1b3323f-35
172.19.1.0/24 dev qr-2c628d36-76  proto kernel  scope link  src 172.19.1.1
169.254/16 dev eth0 metric 1002
unreachable 10.9.0.0/16
10.8.0.1 via 10.0.0.9 dev eth1 onlink linkdown
default proto static
	nexthop via 10.0.0.1 dev eth0 weight 1
	nexthop via inet6 fe80::1 dev eth1 weight 2
fd00::/8 dev eth0 proto kernel metric 256 pref medium`;
    const parsed = parse(ipRoute, 'ip-route', text, { table: '16' });
    assert.deepEqual(parsed.errors, []);
    const routes = facts(parsed, 'route');
    assert.deepEqual(
      plain(routes.map((route) => [route.type, route.dst, route.via, route.dev, route.src, route.metric, route.flags])),
      [
        ['unicast', { ip: '0.0.0.0', prefix: 0 }, '172.24.4.1', 'qg-a1b3323f-35', undefined, undefined, []],
        ['unicast', { ip: '172.19.1.0', prefix: 24 }, undefined, 'qr-2c628d36-76', '172.19.1.1', undefined, []],
        ['unicast', { ip: '169.254.0.0', prefix: 16 }, undefined, 'eth0', undefined, 1002, []],
        ['unreachable', { ip: '10.9.0.0', prefix: 16 }, undefined, undefined, undefined, undefined, []],
        ['unicast', { ip: '10.8.0.1', prefix: 32 }, '10.0.0.9', 'eth1', undefined, undefined, ['onlink', 'linkdown']],
        ['unicast', { ip: '0.0.0.0', prefix: 0 }, undefined, undefined, undefined, undefined, []],
        ['unicast', { ip: 'fd00::', prefix: 8 }, undefined, 'eth0', undefined, 256, []],
      ],
    );
    assert.deepEqual(plain(routes[5]?.nexthops), [
      { via: '10.0.0.1', dev: 'eth0', weight: 1 },
      { via: 'fe80::1', dev: 'eth1', weight: 2 },
    ]);
    assert.equal(routes[0]?.table?.value, '16');
    assert.deepEqual(command(ipRoute, 'ip -6 ro list table 16')?.options, { table: '16', family: 'ip6' });
    assert.equal(command(ipRoute, 'ip r get 10.0.0.1'), undefined);
    assert.equal(ipRoute.accepts('default is what you want', 'ip-route'), false);
  });

  it('reads a route over several next hops that says nothing else', () => {
    const hops = ['via 10.0.0.1 dev eth0 weight 1', 'via 10.0.0.2 dev eth1 weight 1'];
    for (const text of [
      `10.50.0.0/16 \n\tnexthop ${hops.join(' \n\tnexthop ')} `,
      `10.50.0.0/16 \\\tnexthop ${hops.join(' \\\tnexthop ')} `,
    ]) {
      for (const line of text.split('\n')) assert.ok(ipRoute.accepts(line, 'ip-route'), line);
      const parsed = parse(ipRoute, 'ip-route', text, {});
      assert.deepEqual(parsed.errors, []);
      const [route, ...more] = facts(parsed, 'route');
      assert.equal(more.length, 0);
      assert.deepEqual(plain(route?.nexthops?.map(({ via, dev }) => [via, dev])), [
        ['10.0.0.1', 'eth0'],
        ['10.0.0.2', 'eth1'],
      ]);
    }
  });

  it('reads a route to one address over several next hops, and defaults of IPv6 without a gateway', () => {
    const text =
      '198.51.100.7 \n\tnexthop via 10.0.1.2 dev in0 weight 1 \n\tnexthop via 10.0.2.3 dev in1 weight 1 \nlocal default dev lo table 300 metric 1024 pref medium\nlocal default dev lo table 300 scope host ';
    for (const line of text.split('\n')) assert.ok(ipRoute.accepts(line.trimEnd(), 'ip-route'), line);
    const parsed = parse(ipRoute, 'ip-route', text, { table: 'all' });
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(
      facts(parsed, 'route').map(({ dst, nexthops }) => [dst.value.ip, dst.value.prefix, nexthops?.length ?? 0]),
      [
        ['198.51.100.7', 32, 2],
        ['::', 0, 0],
        ['0.0.0.0', 0, 0],
      ],
    );
  });

  it('reads the queues that a program serves', () => {
    assert.deepEqual(command(nfnetlinkQueue, 'cat /proc/net/netfilter/nfnetlink_queue'), { kind: 'nfnetlink-queue' });
    assert.equal(command(nfnetlinkQueue, 'cat /proc/net/arp'), undefined);
    const parsed = parse(nfnetlinkQueue, 'nfnetlink-queue', '    3  35722     0 2 65531     0     0        1  1\n    x');
    assert.deepEqual(plain(facts(parsed, 'nf-queue').map(({ queue }) => queue)), [3]);
    assert.equal(parsed.errors.length, 1);
  });

  it('takes a network alone for no route', () => {
    const parsed = parse(ipRoute, 'ip-route', '10.50.0.0/16\n10.51.0.0/16 dev eth0 scope link', {});
    assert.equal(facts(parsed, 'route').length, 1);
    assert.match(parsed.errors[0]?.message ?? '', /10\.50\.0\.0\/16 says nothing of where it leads/);
  });

  it('reads policy rules', () => {
    const parsed = parse(
      ipRule,
      'ip-rule',
      '0:\tfrom all lookup local\n57483:\tfrom 192.168.100.5 iif qr-1 fwmark 0x1/0xff lookup 16\n9: not from 10.0.0.0/8 unreachable',
    );
    assert.deepEqual(
      plain(
        facts(parsed, 'ip-rule').map((rule) => [
          rule.priority,
          rule.not,
          rule.from,
          rule.iif,
          rule.fwmark,
          rule.table,
          rule.action,
        ]),
      ),
      [
        [0, false, 'all', undefined, undefined, 'local', undefined],
        [57483, false, '192.168.100.5', 'qr-1', '0x1/0xff', '16', undefined],
        [9, true, '10.0.0.0/8', undefined, undefined, undefined, 'unreachable'],
      ],
    );
    assert.equal(command(ipRule, 'ip ru ls')?.kind, 'ip-rule');
  });

  it('reads neighbours as ip and as arp print them', () => {
    const parsed = parse(
      ipNeighbour,
      'ip-neighbour',
      '10.0.0.2 dev qr-1 lladdr FA:16:3e:68:f3:5c ref 1 used 82/10/77 probes 1 PERMANENT\n10.0.0.3 dev qr-1  FAILED\nfe80::1 dev eth0 lladdr 00:16:3e:00:00:01 router STALE',
    );
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(plain(facts(parsed, 'neighbour').map((entry) => [entry.ip, entry.dev, entry.mac, entry.state])), [
      ['10.0.0.2', 'qr-1', 'fa:16:3e:68:f3:5c', 'PERMANENT'],
      ['10.0.0.3', 'qr-1', undefined, 'FAILED'],
      ['fe80::1', 'eth0', '00:16:3e:00:00:01', 'STALE'],
    ]);
    const table = parse(
      arp,
      'arp',
      `Address                  HWtype  HWaddress           Flags Mask            Iface
10.0.0.2            ether   fa:16:3e:a3:93:e9   CM                    qr-1
10.0.0.4                         (incomplete)                              veth2
? (10.0.0.5) at fa:16:3e:a3:93:ea [ether] on eth0`,
    );
    assert.deepEqual(table.errors, []);
    assert.deepEqual(plain(facts(table, 'neighbour').map((entry) => [entry.ip, entry.dev, entry.mac, entry.state])), [
      ['10.0.0.2', 'qr-1', 'fa:16:3e:a3:93:e9', 'PERMANENT'],
      ['10.0.0.4', 'veth2', undefined, 'INCOMPLETE'],
      ['10.0.0.5', 'eth0', 'fa:16:3e:a3:93:ea', undefined],
    ]);
    assert.equal(command(ipNeighbour, 'ip neigh show dev br1')?.options?.['dev'], 'br1');
    assert.equal(command(arp, 'arp -d 10.0.0.1'), undefined);
  });
});

describe('bridges and settings', () => {
  it('reads brctl show with tabs, blanks and empty bridges', () => {
    const parsed = parse(
      brctlShow,
      'brctl-show',
      'bridge name\tbridge id\t\tSTP enabled\tinterfaces\nqbr1d939c00-e4\t\t8000.363e14aea3c5\tno\t\tqvb1d939c00-e4\n\t\t\t\t\t\t\ttap1d939c00-e4\nvirbr0          8000.000000000000   yes',
    );
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(plain(facts(parsed, 'linux-bridge-port').map((port) => [port.bridge, port.name])), [
      ['qbr1d939c00-e4', 'qvb1d939c00-e4'],
      ['qbr1d939c00-e4', 'tap1d939c00-e4'],
    ]);
    assert.deepEqual(plain(facts(parsed, 'linux-bridge')[1]), {
      kind: 'linux-bridge',
      name: 'virbr0',
      id: '8000.000000000000',
      stp: 'yes',
    });
    assert.equal(parse(brctlShow, 'brctl-show', '\t\t\t\t\t\t\ttap1').errors[0]?.code, 'not-understood');
  });

  it('reads bridge fdb and bridge link', () => {
    const fdb = parse(
      bridgeFdb,
      'bridge-fdb',
      'fa:16:3e:3b:53:26 dev tapf7eae624-34 vlan 12 master qbrf7eae624-34 permanent\n00:00:00:00:00:00 dst 10.0.0.102 self permanent   # <--- flooding',
      { dev: 'vxlan100' },
    );
    assert.deepEqual(fdb.errors, []);
    assert.deepEqual(
      plain(facts(fdb, 'bridge-fdb').map((entry) => [entry.mac, entry.dev, entry.vlan, entry.master, entry.dst, entry.flags])),
      [
        ['fa:16:3e:3b:53:26', 'tapf7eae624-34', 12, 'qbrf7eae624-34', undefined, ['permanent']],
        ['00:00:00:00:00:00', 'vxlan100', undefined, undefined, '10.0.0.102', ['self', 'permanent']],
      ],
    );
    const row =
      '10: qvbf7eae624-34@qvof7eae624-34: <BROADCAST,UP,LOWER_UP> mtu 1450 master qbrf7eae624-34 state forwarding priority 32 cost 2';
    const ports = parse(bridgeLink, 'bridge-link', row);
    assert.equal(facts(ports, 'link')[0]?.master?.value, 'qbrf7eae624-34');
    assert.equal(facts(ports, 'linux-bridge-port')[0]?.state?.value, 'forwarding');
    assert.equal(
      ipAddress.sniff(row, () => undefined),
      undefined,
    );
    assert.equal(bridgeLink.sniff(row, () => undefined)?.kind, 'bridge-link');
  });

  it('reads kernel settings and failures', () => {
    const parsed = parse(
      sysctl,
      'sysctl',
      'net.ipv4.ip_forward = 1\nnet.ipv4.tcp_rmem = 4096\t131072\t6291456\nsysctl: cannot stat /proc/sys/net/x: No such file or directory',
    );
    assert.deepEqual(plain(facts(parsed, 'sysctl').map((setting) => [setting.name, setting.value])), [
      ['net.ipv4.ip_forward', '1'],
      ['net.ipv4.tcp_rmem', '4096\t131072\t6291456'],
    ]);
    assert.equal(parsed.errors[0]?.code, 'error-output');
    // Of several values without names nothing tells which is whose.
    for (const asks of ['sysctl -N net.ipv4.ip_forward', 'sysctl -n net.ipv4.ip_forward net.ipv4.tcp_rmem', 'sysctl -n -a'])
      assert.equal(command(sysctl, asks), undefined, asks);
  });
});
