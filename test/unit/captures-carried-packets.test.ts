import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf, factsOf, read } from './read-text';

/** What was seen, a word for each thing that is known of a packet. */
const seen = (text: string): string[] =>
  factsOf(text, 'packet-seen').map((fact) =>
    [
      fact.vni && `vni=${fact.vni.value}`,
      fact.macSrc && `${fact.macSrc.value}>${fact.macDst?.value ?? ''}`,
      fact.vlan && `vlan=${fact.vlan.value}`,
      fact.protocol ?? fact.ethertype,
      fact.src && `${fact.src.value}>${fact.dst?.value ?? ''}`,
      fact.dport && `:${fact.dport.value}`,
    ]
      .filter((word) => word !== undefined)
      .join(' '),
  );

const HEAD = '16:11:08.680301 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto UDP (17), length 142)';
const INNER = '192.168.5.3 > 192.168.5.9: ICMP echo request, id 1, seq 1, length 64';
const FRAME = 'fa:16:3e:02:aa:31 > fa:16:3e:8b:4d:ae, ethertype IPv4 (0x0800), length 98: ';
const OUTER = 'udp 10.0.0.1>10.0.0.2 :6081';

describe('a packet inside another', () => {
  const cases: Readonly<Record<string, readonly [text: string, expected: readonly string[]]>> = {
    'of Geneve with -v stands behind a tab': [
      `${HEAD}\n    10.0.0.1.12618 > 10.0.0.2.6081: [no cksum] Geneve, Flags [C], vni 0xa\n\tIP (tos 0x0, ttl 64, id 2, offset 0, flags [DF], proto ICMP (1), length 84)\n    ${INNER}\n`,
      [OUTER, 'vni=10 icmp 192.168.5.3>192.168.5.9'],
    ],
    'of Geneve with -e -v has addresses that start with a letter': [
      `${HEAD}\n    10.0.0.1.12618 > 10.0.0.2.6081: [udp sum ok] Geneve, Flags [C], vni 0xa, proto TEB (0x6558), options [class OVN (0x102) type 0x80(C) len 8 data 00010002]\n\t${FRAME}(tos 0x0, ttl 64, id 2, offset 0, flags [DF], proto ICMP (1), length 84)\n    ${INNER}\n`,
      [OUTER, 'vni=10 fa:16:3e:02:aa:31>fa:16:3e:8b:4d:ae icmp 192.168.5.3>192.168.5.9'],
    ],
    'of Geneve with -e stands on the same line': [
      `16:11:07.680301 IP 10.0.0.1.35990 > 10.0.0.2.6081: Geneve, Flags [C], vni 0x3, options [8 bytes]: ${FRAME}${INNER}\n`,
      [OUTER, 'vni=3 fa:16:3e:02:aa:31>fa:16:3e:8b:4d:ae icmp 192.168.5.3>192.168.5.9'],
    ],
    'of GRE may be a question of ARP': [
      '16:11:10.180301 IP 10.0.0.1 > 10.0.0.2: GREv0, key=0x3e9, proto TEB (0x6558), length 106: fa:16:3e:02:aa:31 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 42: Request who-has 192.168.5.9 tell 192.168.5.3, length 28\n',
      ['gre 10.0.0.1>10.0.0.2', 'vni=1001 fa:16:3e:02:aa:31>ff:ff:ff:ff:ff:ff arp 192.168.5.3>192.168.5.9'],
    ],
    'of GRE without a key': [
      '16:11:08.680301 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto GRE (47), length 108)\n' +
        `    10.0.0.1 > 10.0.0.2: GREv0, Flags [none], length 88\n\tIP (tos 0x0, ttl 63, id 2, offset 0, flags [DF], proto ICMP (1), length 84)\n    ${INNER}\n`,
      ['gre 10.0.0.1>10.0.0.2', 'icmp 192.168.5.3>192.168.5.9'],
    ],
    'of IP in IP': [
      `16:11:09.680301 IP (tos 0x0, ttl 63, id 1, offset 0, flags [DF], proto IPIP (4), length 104)\n    10.0.0.1 > 10.0.0.2: IP (tos 0x0, ttl 63, id 2, offset 0, flags [DF], proto TCP (6), length 84)\n    10.244.1.3.5000 > 10.244.2.9.80: Flags [S], cksum 0x1 (correct), seq 1, win 1, length 0\n` +
        '16:11:09.780301 IP 10.0.0.1 > 10.0.0.2: IP 10.244.1.3.5000 > 10.244.2.9.81: Flags [S], seq 1, win 1, length 0\n',
      ['ipip 10.0.0.1>10.0.0.2', 'tcp 10.244.1.3>10.244.2.9 :80', 'ip 10.0.0.1>10.0.0.2', 'tcp 10.244.1.3>10.244.2.9 :81'],
    ],
    'that an ICMP error quotes was not seen': [
      `16:11:12.180301 IP (tos 0x0, ttl 254, id 1, offset 0, flags [DF], proto ICMP (1), length 240)\n    10.4.0.2 > 12.4.4.4: ICMP time exceeded in-transit, length 220\n\tIP (tos 0x0, ttl 1, id 2, offset 0, flags [none], proto UDP (17), length 40)\n    12.4.4.4.42315 > 12.1.1.1.33440: UDP, length 12\n`,
      ['icmp 10.4.0.2>12.4.4.4'],
    ],
    'that an ICMP error inside a tunnel quotes was not seen either': [
      `${HEAD}\n    10.0.0.1.12618 > 10.0.0.2.6081: Geneve, Flags [none], vni 0xa\n\tIP (tos 0x0, ttl 64, id 2, offset 0, flags [DF], proto ICMP (1), length 84)\n    10.4.0.2 > 12.4.4.4: ICMP time exceeded in-transit, length 36\n\tIP (tos 0x0, ttl 1, id 2, offset 0, flags [none], proto UDP (17), length 40)\n    12.4.4.4.42315 > 12.1.1.1.33440: UDP, length 12\n`,
      [OUTER, 'vni=10 icmp 10.4.0.2>12.4.4.4'],
    ],
    'of which the text has the header alone is left out': [
      `${HEAD}\n    10.0.0.1.12618 > 10.0.0.2.6081: Geneve, Flags [none], vni 0xa\n\tIP (tos 0x0, ttl 64, id 2, off`,
      [OUTER],
    ],
  };
  for (const [name, [text, expected]] of Object.entries(cases)) {
    it(name, () => {
      for (const indent of ['', '    ']) assert.deepEqual(seen(text.replace(/^(?=.)/gm, indent)), expected);
      assert.deepEqual(errorsOf(text), []);
    });
  }
});

describe('a packet', () => {
  it('comes from the address that is none', () => {
    assert.deepEqual(
      seen(
        '16:11:11.180301 IP6 :: > ff02::1:ffe1:f: ICMP6, neighbor solicitation, who has fe80::546f:f7ff:fee1:f, length 32\n' +
          '16:11:11.180301 IP6 (hlim 255, next-header ICMPv6 (58), payload length 32) :: > ff02::1:ffe1:f: [icmp6 sum ok] ICMP6, neighbor solicitation, length 32, who has fe80::1\n',
      ),
      ['icmpv6 ::>ff02::1:ffe1:f', 'icmpv6 ::>ff02::1:ffe1:f'],
    );
  });

  it('has its checksum said first', () => {
    const text =
      '16:11:11.1 IP6 (hlim 64, next-header ICMPv6 (58), payload length 64) fd00::2 > fd00::1: [icmp6 sum ok] ICMP6, echo request, id 1, seq 1\n';
    assert.deepEqual(seen(text), ['icmpv6 fd00::2>fd00::1']);
    assert.deepEqual(
      factsOf(text, 'packet-seen').map(({ what }) => what?.value),
      ['request'],
    );
  });

  it('says that its lengths differ', () => {
    assert.deepEqual(
      seen(
        '15:11:32.1 IP6 (hlim 64, next-header UDP (17), payload length 0) [real length 80122, presumed BIG TCP] 2001:db8::d.52238 > 2001:db8::b.53: [udp sum ok] UDP, length 80000\n' +
          '15:11:33.1 IP [total length 1500 > length 66] (invalid) (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6))\n    10.0.0.1.5000 > 10.0.0.2.80: Flags [.], seq 1:1449, ack 1, win 1, length 1448\n' +
          '15:11:34.1 IP [total length 1500 > length 66] (invalid) 10.0.0.1.5000 > 10.0.0.2.80: Flags [.], ack 1, win 1, length 1448\n',
      ),
      ['udp 2001:db8::d>2001:db8::b :53', 'tcp 10.0.0.1>10.0.0.2 :80', 'tcp 10.0.0.1>10.0.0.2 :80'],
    );
  });

  it('has further lines with numbers behind a tab', () => {
    const text =
      '09:45:01.623859 STP 802.1d, Config, Flags [none], bridge-id 84bd.aa:bb:cc:00:03:00.8002, length 42\n' +
      '\tmessage-age 0.00s, max-age 20.00s, hello-time 2.00s, forwarding-delay 15.00s\n\troot-id 84bd.aa:bb:cc:00:03:00, root-pathcost 0\n' +
      '09:45:02.623859 IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 1, length 64\n';
    assert.equal(seen(`listening on eth0, link-type EN10MB (Ethernet), capture size 262144 bytes\n${text}`).length, 2);
    assert.deepEqual(errorsOf(text), []);
  });

  it('of DHCP says more below with -v', () => {
    const text =
      '10:00:00.000001 IP (tos 0x0, ttl 64, id 0, offset 0, flags [none], proto UDP (17), length 328)\n' +
      '    0.0.0.0.68 > 255.255.255.255.67: BOOTP/DHCP, Request from fa:16:3e:00:00:01, length 300, xid 0x1, Flags [none]\n' +
      '\t  Client-Ethernet-Address fa:16:3e:00:00:01\n\t  Vendor-rfc1048 Extensions\n\t    Magic Cookie 0x63825363\n' +
      '\t    DHCP-Message Option 53, length 1: Discover\n\t    Parameter-Request Option 55, length 3:\n\t      Subnet-Mask, BR, Time-Zone\n\t    END Option 255, length 0\n';
    assert.deepEqual(seen(text), ['udp 0.0.0.0>255.255.255.255 :67']);
    assert.deepEqual([errorsOf(text), read(text).unclassified], [[], []]);
  });
});
