import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readDocument } from '../../server/src/captures/document';
import type { NfMatch } from '../../server/src/captures/netfilter-facts';
import { numberIn } from '../../server/src/captures/nft-list/numbers';
import { after, between, bits, exact, isWithin, joined, slice } from '../../server/src/kernel/bits';
import { headerField, networkHeader, transportHeader } from '../../server/src/kernel/header-fields';
import { plainPacket, type IpPacket } from '../../server/src/kernel/packet';
import { defragments, tracksConnections } from '../../server/src/kernel/tracks';
import { readQuestion } from '../../server/src/features/netfilter-question';
import { netfilterTrace } from '../../server/src/features/netfilter-trace';
import { namespaceOf } from '../oracle-linux/compare';

const rulesOf = (command: string, text: string) => {
  const { captures } = readDocument('file:///t', 't.txt', `# ${command}\n${text}`);
  assert.deepEqual(
    captures.flatMap(({ errors }) => errors),
    [],
  );
  return captures.flatMap(({ facts }) => facts).flatMap((fact) => (fact.kind === 'nf-rule' ? [fact] : []));
};

/** Values alone: words and places differ between the ways of printing. */
function plain(item: unknown): unknown {
  if (typeof item === 'bigint') return `${item}`;
  if (Array.isArray(item)) return item.map(plain);
  if (typeof item !== 'object' || item === null) return item;
  if ('value' in item && 'span' in item) return plain(item.value);
  const kept = Object.entries(item).filter(([key, value]) => key !== 'text' && key !== 'span' && value !== undefined);
  return Object.fromEntries(kept.map(([key, value]) => [key, plain(value)]));
}

const isOpen = (match: NfMatch): boolean => ('matches' in match ? match.matches.some(isOpen) : match.kind === 'other');

describe('numbers in rules of nft', () => {
  const recorded = (name: string) => readFileSync(path.join('test/fixtures/nft', name), 'utf8');

  it('are understood in every form, and mean the same with -n and -j', () => {
    const text = rulesOf('nft list ruleset', recorded('numbers.txt'));
    assert.ok(text.length > 480);
    // What stands inside an option of TCP, in a chunk of SCTP, or in a header that a question does not tell of.
    const open = text.filter(({ matches }) => matches.some(isOpen)).map((rule) => rule.text.value);
    assert.deepEqual(
      open.filter((words) => !/^sctp chunk \w+ /.test(words)),
      [],
    );
    const named = (target: string | undefined) => (target === undefined || /^[A-Z]+$/.test(target) ? target : 'a statement');
    const said = (facts: typeof text) =>
      facts
        .map((fact) => plain({ ...fact, target: named(fact.target?.value), before: undefined }))
        .map((fact) => JSON.stringify(fact));
    const words = (rules: string[]) =>
      // Protocols, types and the like are named in the one and numbered in the other.
      rules.filter(
        (rule) => /"kind":"number"|"assign"/.test(rule) && !/"kind":"(?:protocol|icmp-type|addrtype|conntrack)"/.test(rule),
      );
    for (const [command, name] of [
      ['nft -n list ruleset', 'numbers-numeric.txt'],
      ['nft -j list ruleset', 'numbers-json.txt'],
    ] as const)
      assert.deepEqual(words(said(rulesOf(command, recorded(name)))), words(said(text)), command);
  });

  it('are read with their operations from left to right', () => {
    assert.deepEqual(numberIn('(@nh,8,8 & 0xfc) >> 2 & 0x4'), {
      of: '@nh,8,8',
      steps: [
        { op: '&', by: 0xfcn },
        { op: '>>', by: 2n },
        { op: '&', by: 4n },
      ],
    });
    assert.deepEqual(numberIn('mark and 0xff'), { of: 'meta mark', steps: [{ op: '&', by: 0xffn }] });
    assert.deepEqual(numberIn('ip saddr ^ 10.0.0.0')?.steps, [{ op: '^', by: 0x0a000000n }]);
    assert.deepEqual(numberIn('tcp flags & (syn | ack)')?.steps, [{ op: '&', by: 0x12n }]);
    for (const words of ['zork', 'meta zork', 'meta mark & zork', 'ip saddr & 999.0.0.0', 'meta mark << x'])
      assert.equal(numberIn(words), undefined, words);
  });

  it('are worked out as far as their bits are known', () => {
    const half = joined([bits(8, 0x0a), bits(8, undefined)]);
    assert.equal(isWithin(half, [[0x0b00n, 0xffffn]]), 'no');
    assert.equal(isWithin(half, [[0x0a00n, 0x0affn]]), 'yes');
    assert.equal(isWithin(half, [[0x0a01n, 0x0a01n]]), 'maybe');
    assert.equal(isWithin(half, [[0x0b01n, 0x0b01n]]), 'no');
    assert.equal(isWithin(after(half, [{ op: '&', by: 0xff00n }]), [[0x0a00n, 0x0a00n]]), 'yes');
    assert.equal(exact(after(half, [{ op: '>>', by: 8n }])), 0x0an);
    assert.equal(exact(after(bits(32, 0x80000001), [{ op: '<<', by: 1n }])), 2n);
    assert.equal(exact(after(half, [{ op: '|', by: 0xffn }])), 0x0affn);
    assert.equal(exact(after(bits(4, 5), [{ op: '^', by: 15n }])), 10n);
    assert.equal(slice(half, 4, 20), undefined);
    assert.equal(isWithin(between(32, 4n, 7n), [[0n, 3n]]), 'no');
    assert.equal(isWithin(between(32, 4n, 7n), [[4n, 7n]]), 'yes');
    assert.equal(exact(between(32, 9n, 9n)), 9n);
  });

  it('are those of the headers that a packet has', () => {
    const tcp: IpPacket = {
      ...plainPacket(4, 0x0a000102n, 0x0a000302n, 6),
      sport: 40000,
      dport: 80,
      tcpFlags: 2,
      length: 60,
      tos: 0x2a,
    };
    const field = (name: string, packet = tcp) => {
      const found = headerField(name, packet);
      return typeof found === 'object' ? exact(found) : found;
    };
    const fields = ['ip version', 'ip dscp', 'ip ecn', 'ip length', 'ip ttl', 'ip protocol', 'tcp dport', 'tcp flags'];
    assert.deepEqual(
      fields.map((name) => field(name)),
      [4n, 10n, 2n, 60n, 64n, 6n, 80n, 2n],
    );
    // Not told, not there, and no field at all.
    assert.deepEqual([field('tcp window'), field('ip id')], [undefined, undefined]);
    assert.deepEqual(
      [headerField('udp dport', tcp), headerField('ip6 hoplimit', tcp), headerField('icmp mtu', tcp)],
      ['none', 'none', 'none'],
    );
    assert.equal(headerField('zork dport', tcp), undefined);
    const whole = networkHeader(tcp);
    assert.equal(whole.width, 320);
    assert.equal(exact(slice(whole, 160, 32) ?? bits(1, undefined)), 0x9c400050n);
    assert.equal(transportHeader({ ...tcp, fragment: true }), undefined);
    const echo = { ...plainPacket(6, 1n, 2n, 58), icmpType: 128, icmpId: 7, length: 72 };
    assert.deepEqual([field('icmpv6 id', echo), field('ip6 length', echo)], [7n, 32n]);
    assert.equal(field('icmpv6 id', { ...echo, untold: new Set(['icmpId'] as const) }), undefined);
    assert.equal(headerField('icmpv6 mtu', echo), 'none');
  });

  it('of connections have the kernel track them and put fragments together, those of sockets do not', () => {
    const uses = (rule: string) => {
      const chain = `\tchain c {\n\t\ttype filter hook prerouting priority filter; policy accept;\n\t\t${rule} drop\n\t}`;
      const namespace = namespaceOf(`root@router:~# nft list ruleset\ntable ip t {\n${chain}\n}\n`);
      return [tracksConnections(namespace, 4), defragments(namespace, 4)];
    };
    for (const rule of ['ct state new', 'ct id 5', 'ct original packets > 5', 'ct label 1', 'ct expiration 5s'])
      assert.deepEqual(uses(rule), [true, true], rule);
    for (const rule of ['socket transparent 1', 'meta mark & 0x1 == 0x1', 'fib daddr oif exists'])
      assert.deepEqual(uses(rule), [false, false], rule);
  });

  it('leave the rule open that has a bit which nothing tells, and decide all others', () => {
    const verdicts = (rule: string, ...more: string[]) => {
      const chain = `\tchain c {\n\t\ttype filter hook prerouting priority filter; policy accept;\n\t\t${rule}\n\t}`;
      const text = `${ROUTER}root@router:~# nft list ruleset\ntable inet t {\n${chain}\n}\n`;
      const namespace = namespaceOf(text);
      const question = readQuestion(
        ['iif=eth0', 'src=10.0.1.2', 'dst=10.0.2.9', 'proto=udp', 'sport=40000', 'dport=53', ...more],
        namespace,
      );
      assert.ok(typeof question !== 'string');
      return netfilterTrace(namespace, [question], undefined, true)[0];
    };
    for (const rule of [
      'ip saddr & 0.0.0.255 < 0.0.0.3 drop',
      'udp dport & 1 == 1 drop',
      'udp length 12 drop',
      '@nh,96,32 & 0xffffff00 == 0xa000100 drop',
      'fib daddr oifname "eth1" drop',
      'meta iiftype ether drop',
      'ip option rr missing drop',
      'jhash ip saddr mod 1 offset 7 7 drop',
    ])
      assert.equal(verdicts(rule, 'length=32')?.verdict, 'dropped', rule);
    for (const rule of [
      'ip saddr & 0.0.0.255 > 0.0.0.3 drop',
      'tcp window > 5 drop',
      'vlan id 5 drop',
      'esp spi != 5 drop',
      'ip6 length > 5 drop',
    ])
      assert.equal(verdicts(rule, 'length=32')?.verdict, 'forwarded', rule);
    for (const rule of ['ip id 5 drop', 'udp checksum != 0 drop', 'ip frag-off & 0x4000 == 0x4000 drop', 'udp length 12 drop'])
      assert.equal(verdicts(rule)?.verdict, 'insufficient-info', rule);
  });

  it('are put in before the rest of the rule, a map taking one case', () => {
    const after = (rule: string, ...more: string[]) => {
      const chain = `\tchain c {\n\t\ttype filter hook prerouting priority filter; policy accept;\n\t\t${rule}\n\t}`;
      const namespace = namespaceOf(`${ROUTER}root@router:~# nft list ruleset\ntable inet t {\n${chain}\n}\n`);
      const question = readQuestion(
        ['iif=eth0', 'src=10.0.1.2', 'dst=10.0.2.9', 'proto=udp', 'sport=40000', 'dport=53', ...more],
        namespace,
      );
      assert.ok(typeof question !== 'string');
      const { packet } = netfilterTrace(namespace, [question], undefined, true)[0] ?? {};
      return [packet?.src, packet?.dst, packet?.sport, packet?.dport, packet?.mark];
    };
    const plainly = ['10.0.1.2', '10.0.2.9', 40000, 53];
    assert.deepEqual(after('meta mark set meta mark << 4 | 0x1', 'mark=3'), [...plainly, 0x31]);
    assert.deepEqual(after('meta mark set meta mark map { 0x0 : 0x1, 0x1 : 0x2, 0x2 : 0x3 }'), [...plainly, 1]);
    assert.deepEqual(after('meta mark set jhash ip6 saddr mod 1 offset 5'), [...plainly, 0]);
    assert.deepEqual(after('ip daddr set ip daddr & 255.255.255.0 | 0.0.0.7 meta mark set numgen inc mod 1 offset 2'), [
      '10.0.1.2',
      '10.0.2.7',
      40000,
      53,
      2,
    ]);
    assert.deepEqual(after('udp dport set udp dport | 0x100 udp sport set 5'), ['10.0.1.2', '10.0.2.9', 5, 53 | 0x100, 0]);
  });
});

const ROUTER = `root@router:~# ip a
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:01:01 brd ff:ff:ff:ff:ff:ff
    inet 10.0.1.1/24 scope global eth0
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 02:00:00:00:02:01 brd ff:ff:ff:ff:ff:ff
    inet 10.0.2.1/24 scope global eth1
root@router:~# ip rule
0:	from all lookup local
32766:	from all lookup main
32767:	from all lookup default
root@router:~# ip route show table all
10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.1
10.0.2.0/24 dev eth1 proto kernel scope link src 10.0.2.1
local 10.0.1.1 dev eth0 table local proto kernel scope host src 10.0.1.1
broadcast 10.0.1.255 dev eth0 table local proto kernel scope link src 10.0.1.1
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
local 10.0.2.1 dev eth1 table local proto kernel scope host src 10.0.2.1
broadcast 10.0.2.255 dev eth1 table local proto kernel scope link src 10.0.2.1
root@router:~# sysctl -a
net.ipv4.ip_forward = 1
net.ipv4.conf.all.rp_filter = 0
`;
