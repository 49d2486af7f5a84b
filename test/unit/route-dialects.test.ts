import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ipMplsRoute } from '../../server/src/captures/ip-mpls-route/index';
import { ipNexthop } from '../../server/src/captures/ip-nexthop/index';
import { ipRoute } from '../../server/src/captures/ip-route/index';
import { route } from '../../server/src/captures/route/index';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { netfilterTrace } from '../../server/src/features/netfilter-trace';
import { takeLikely } from '../../server/src/kernel/decide';
import { formatAddress, plainPacket } from '../../server/src/kernel/packet';
import { flowOf, lookup } from '../../server/src/kernel/routing';
import { parseIp } from '../../server/src/packet/address';
import { namespaceOf } from '../oracle-linux/compare';
import { command, facts, parse, plain } from './linux-captures.harness';

describe('routes that wrap packets, or name their next hops by numbers', () => {
  it('reads every encapsulation, whose words are not the route’s', () => {
    const parsed = parse(
      ipRoute,
      'ip-route',
      `10.4.0.0/16  encap mpls  100/200 via inet6 fe80::1 dev eth1 proto static
10.4.1.0/24 nhid 40 proto bgp metric 20
	nexthop encap mpls  24 via 10.0.0.2 dev eth0 weight 1
	nexthop via 10.0.0.3 dev eth1 weight 1 onlink
10.5.0.0/16  encap seg6 mode encap segs 2 [ fc00:1::1 fc00:2::2 ] dev eth0 scope link
10.6.0.0/16  encap ip id 100 src 10.0.0.9 dst 10.9.9.9 ttl 0 tos 16 via 10.0.0.2 dev eth0 src 10.0.0.5
fc00:3::1  encap seg6local action End.DT6 table 100 dev eth0 metric 1024 pref medium
10.1.0.0/16 nhid 12 via 10.0.0.1 dev eth0`,
    );
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(
      facts(parsed, 'route').map((r) => [
        r.via?.value,
        r.dev?.value,
        r.src?.value,
        r.table,
        r.tos,
        r.encap?.value,
        r.nexthopId?.value,
      ]),
      [
        ['fe80::1', 'eth1', undefined, undefined, undefined, 'mpls  100/200', undefined],
        [undefined, undefined, undefined, undefined, undefined, undefined, 40],
        [undefined, 'eth0', undefined, undefined, undefined, 'seg6 mode encap segs 2 [ fc00:1::1 fc00:2::2 ]', undefined],
        ['10.0.0.2', 'eth0', '10.0.0.5', undefined, undefined, 'ip id 100 src 10.0.0.9 dst 10.9.9.9 ttl 0 tos 16', undefined],
        [undefined, 'eth0', undefined, undefined, undefined, 'seg6local action End.DT6 table 100', undefined],
        ['10.0.0.1', 'eth0', undefined, undefined, undefined, undefined, 12],
      ],
    );
    assert.deepEqual(plain(facts(parsed, 'route')[1]?.nexthops), [
      { via: '10.0.0.2', dev: 'eth0', weight: 1, encap: 'mpls  24' },
      { via: '10.0.0.3', dev: 'eth1', weight: 1, flags: ['onlink'] },
    ]);
  });

  it('tells the members of JSON that are the encapsulation’s', () => {
    const parsed = parse(
      ipRoute,
      'ip-route',
      '[{"dst":"10.6.0.0/16","encap":"ip","id":100,"src":"0.0.0.0","dst":"10.9.9.9","ttl":0,"tos":0,"gateway":"10.0.0.2","dev":"eth0","flags":[]},' +
        '{"dst":"2001:db8:8::1","encap":"seg6local","action":"End.DT6","table":"100","dev":"eth0","metric":1024,"flags":[],"pref":"medium"},' +
        '{"dst":"10.8.0.0/16","tos":"0x10","gateway":"10.0.0.2","dev":"eth0","flags":[],"metrics":[{"mtu":1400,"advmss":1300}]},' +
        '{"dst":"default","metric":2048,"flags":[],"pref":"medium","nexthops":[{"gateway":"fe80::2","dev":"eth0","weight":1,"flags":["dead"]}]},' +
        '{"dst":"default","via":{"family":"inet6","host":"fe80::9"},"dev":"eth0","flags":[]},{"dst":"10.2.0.0/16","nhid":30,"flags":[]}]',
    );
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(
      facts(parsed, 'route').map((r) => [
        r.dst.value.ip,
        r.table,
        r.tos?.value,
        r.mtu?.value,
        r.encap?.value,
        r.nexthopId?.value,
        r.nexthops?.[0]?.flags,
      ]),
      [
        ['10.6.0.0', undefined, undefined, undefined, 'ip', undefined, undefined],
        ['2001:db8:8::1', undefined, undefined, undefined, 'seg6local', undefined, undefined],
        ['10.8.0.0', undefined, 16, 1400, undefined, undefined, undefined],
        ['::', undefined, undefined, undefined, undefined, undefined, ['dead']],
        ['0.0.0.0', undefined, undefined, undefined, undefined, undefined, undefined],
        ['10.2.0.0', undefined, undefined, undefined, undefined, 30, undefined],
      ],
    );
  });

  it('reads next hops as objects', () => {
    assert.equal(command(ipNexthop, 'ip nexthop')?.kind, 'ip-nexthop');
    assert.equal(command(ipNexthop, 'ip -j nexthop show')?.kind, 'ip-nexthop');
    const text = parse(
      ipNexthop,
      'ip-nexthop',
      `id 12 via 10.0.0.1 dev eth0 scope link proto static
id 30 group 12/31,3 proto bgp
id 32 encap mpls 100 via 10.0.0.8 dev eth1 scope link onlink
id 33 blackhole
id 40 group 31,2/32 type resilient buckets 32 idle_timer 20 unbalanced_timer 0`,
    );
    assert.deepEqual(text.errors, []);
    const said = (parsed: typeof text) =>
      facts(parsed, 'nexthop-object').map((o) => [
        o.id.value,
        o.via?.value,
        o.encap?.value,
        o.blackhole,
        o.group.map((m) => [m.id, m.weight]),
      ]);
    assert.deepEqual(said(text), [
      [12, '10.0.0.1', undefined, false, []],
      [
        30,
        undefined,
        undefined,
        false,
        [
          [12, 1],
          [31, 3],
        ],
      ],
      [32, '10.0.0.8', 'mpls 100', false, []],
      [33, undefined, undefined, true, []],
      [
        40,
        undefined,
        undefined,
        false,
        [
          [31, 2],
          [32, 1],
        ],
      ],
    ]);
    const json = parse(
      ipNexthop,
      'ip-nexthop',
      '[{"id":12,"gateway":"10.0.0.1","dev":"eth0","flags":[]},{"id":30,"group":[{"id":12},{"id":31,"weight":3}],"flags":[]},{"id":33,"blackhole":null,"flags":[]}]',
    );
    assert.deepEqual(
      said(json).map(([id, via, , blackhole]) => [id, via, blackhole]),
      [
        [12, '10.0.0.1', false],
        [30, undefined, false],
        [33, undefined, true],
      ],
    );
  });

  it('reads what is done with labels of MPLS without taking them for addresses', () => {
    assert.equal(command(ipMplsRoute, 'ip -f mpls route')?.kind, 'ip-mpls-route');
    assert.equal(command(ipMplsRoute, 'ip -M route show')?.kind, 'ip-mpls-route');
    assert.equal(command(ipRoute, 'ip -M route'), undefined);
    const parsed = parse(
      ipMplsRoute,
      'ip-mpls-route',
      `16 as to 17 via inet 10.0.0.2 dev eth0 proto ldp
18 via inet 10.0.0.3 dev eth1 proto static
20 as to 30/31
	nexthop as to 30 via inet 10.0.0.5 dev eth0
100 dev lo`,
    );
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(parsed.facts, []);
    assert.deepEqual(
      parsed.refs.filter(({ kind }) => kind === 'ip').map(({ value }) => value),
      ['10.0.0.2', '10.0.0.3', '10.0.0.5'],
    );
  });
});

describe('routes of which something is not said', () => {
  it('knows the default route of IPv6 by what only IPv6 has', () => {
    const parsed = parse(
      ipRoute,
      'ip-route',
      `unreachable default dev lo proto kernel metric 4294967295 error -101
default proto ra metric 1024
	nexthop via fe80::1 dev eth0 weight 1
default proto static
	nexthop via inet6 fe80::1 dev eth0 weight 1
default via inet6 fe80::1 dev eth0`,
    );
    assert.deepEqual(parsed.errors, []);
    assert.deepEqual(
      facts(parsed, 'route').map((r) => r.dst.value.ip),
      ['::', '::', '0.0.0.0', '0.0.0.0'],
    );
  });

  it('keeps a gateway’s name, and says where a destination’s name hides where a route leads', () => {
    const parsed = parse(
      route,
      'route',
      `Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
default         _gateway        0.0.0.0         UG    100    0        0 eth0
web.example     10.0.0.9        255.255.255.255 UGH   0      0        0 eth0`,
    );
    assert.deepEqual(
      facts(parsed, 'route').map((r) => [r.dst.value.prefix, r.via, r.gatewayName?.value]),
      [[0, undefined, '_gateway']],
    );
    assert.deepEqual(
      parsed.errors.map(({ code }) => code),
      ['inconsistent'],
    );
  });

  const ask = (routes: string, dst: string, more = '') => {
    const text = `root@r:~# ip a
2: eth0: <BROADCAST,UP> mtu 1500
    inet 10.0.0.5/24 scope global eth0
root@r:~# ${routes}
${more}`;
    const namespace = namespaceOf(text);
    const question = readQuestion(['src=10.0.0.5', `dst=${dst}`, 'proto=icmp'], namespace);
    assert.ok(typeof question !== 'string');
    const [packet] = netfilterTrace(namespace, [question]);
    assert.ok(packet);
    return packet;
  };

  it('does not take the next shorter route where the longest can’t be followed', () => {
    const routes =
      'ip r\ndefault via 10.0.0.1 dev eth0\n10.1.0.0/16 nhid 30 proto bgp\n10.2.0.0/16 encap mpls 100 via 10.0.0.1 dev eth0';
    const hidden = ask(routes, '10.1.2.3');
    assert.equal(hidden.verdict, 'insufficient-info');
    assert.ok(hidden.gaps.some((gap) => gap.command === 'ip nexthop'));
    const wrapped = ask(routes, '10.2.2.3');
    assert.equal(wrapped.verdict, 'insufficient-info');
    assert.match(wrapped.why, /encap mpls 100/);
    const objects = 'root@r:~# ip nexthop\nid 30 group 31 proto bgp\nid 31 via 10.0.0.7 dev eth0 scope link';
    assert.equal(ask(routes, '10.1.2.3', objects).nextHop, '10.0.0.7');
  });

  it('knows no next hop where the gateway is shown by its name', () => {
    const table = 'Destination Gateway Genmask Flags Metric Ref Use Iface\ndefault _gateway 0.0.0.0 UG 100 0 0 eth0';
    const packet = ask(`route\n${table}`, '8.8.8.8');
    assert.equal(packet.out, 'eth0');
    assert.equal(packet.nextHop, null);
  });
});

describe('routes of IPv6 for packets from one network', () => {
  // What `ip -6 route get DESTINATION from SOURCE iif va` said of these (Linux 6.18).
  const text = `root@r:~# ip -6 route
default from fd00:7::/48 via fd00:2::9 dev vb metric 200 pref medium
2001:db8::/32 from fd00:7::/64 via fd00:2::2 dev vb metric 1024 pref medium
2001:db8::/32 from fd00:7::/60 via fd00:1::7 dev va metric 1 pref medium
2001:db8:5::/48 from fd00:8::/64 via fd00:2::7 dev vb metric 1024 pref medium
2001:db8::/32 via fd00:1::2 dev va metric 50 pref medium
fd00:1::/64 dev va proto kernel metric 256 pref medium
fd00:2::/64 dev vb proto kernel metric 256 pref medium
default via fd00:1::9 dev va metric 99 pref medium
`;
  const asked = [
    ['2001:db8::1', 'fd00:7::5', 'fd00:2::2'],
    ['2001:db8::1', 'fd00:7:0:1::5', 'fd00:1::7'],
    ['2001:db8::1', 'fd00:9::5', 'fd00:1::9'],
    ['2001:db8:5::1', 'fd00:9::5', 'fd00:1::9'],
    ['2001:db8:5::1', 'fd00:8::5', 'fd00:2::7'],
    ['2001:db8:5::1', 'fd00:7::5', 'fd00:2::2'],
    ['3000::1', 'fd00:7::5', 'fd00:2::9'],
    ['3000::1', 'fd00:9::5', 'fd00:1::9'],
    ['2001:db8::1', '::', 'fd00:1::9'],
  ] as const;
  const json = `root@r:~# ip -6 -j route
[{"dst":"default","from":"fd00:7::/48","gateway":"fd00:2::9","dev":"vb","metric":200,"flags":[],"pref":"medium"},{"dst":"default","gateway":"fd00:1::9","dev":"va","metric":99,"flags":[],"pref":"medium"}]
`;

  it('take no others, and hide those to the same network that are for all', () => {
    const way = (namespace: ReturnType<typeof namespaceOf>, dst: string, src: string) => {
      const [to, from] = [parseIp(dst), parseIp(src)];
      const packet = plainPacket(6, from?.value ?? 0n, to?.value ?? 0n, 6);
      const found = lookup(flowOf(packet, 'va'), { namespace, choose: takeLikely, key: '' });
      return found.kind === 'found' && found.hop?.via !== undefined ? formatAddress(6, found.hop.via) : found.kind;
    };
    const namespace = namespaceOf(text);
    for (const [dst, src, via] of asked) assert.equal(way(namespace, dst, src), via, `${dst} from ${src}`);
    for (const [src, via] of [
      ['fd00:7::5', 'fd00:2::9'],
      ['fd00:9::5', 'fd00:1::9'],
    ] as const)
      assert.equal(way(namespaceOf(json), '3000::1', src), via, src);
  });
});
