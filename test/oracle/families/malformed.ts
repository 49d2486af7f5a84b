import { packet, packetText } from '../packets';
import type { Random } from '../random';
import type { Question, SetUp } from '../setup';
import { bridgeName, plainPorts, type Family } from './common';

/** Flows that the real command refuses, each for a reason of its own. */
const WRONG: readonly string[] = [
  ...['in_port=99', 'in_port=nowhere', 'in_port=65535', 'in_port=', 'in_port=-1', 'in_port=0x1', 'in_port=70000', 'in_port'],
  ...['tcp,nw_src=1.2.3', 'tcp,nw_src=1.2.3.4/24', 'tcp,nw_src=1.2.3.4.5', 'tcp,nw_src=hello', 'tcp,nw_src=1.2.3.256'],
  ...[
    'tcp_dst=80',
    'ip,tcp_dst=80',
    'udp,tcp_dst=80',
    'nw_src=1.2.3.4',
    'arp,nw_src=1.2.3.4',
    'icmp,tcp_dst=5',
    'ip,icmp_type=8',
  ],
  ...[
    'icmp6,icmp_type=135',
    'ipv6,nw_src=1.2.3.4',
    'ip,ipv6_src=::1',
    'tcp,arp_op=1',
    'mpls_label=5',
    'ip,mpls_label=5',
    'nd_target=::1',
  ],
  ...[
    'dl_src=00:11:22:33:44',
    'dl_src=00:11:22:33:44:gg',
    'dl_src=1',
    'dl_dst=00:11:22:33:44:55:66',
    'dl_src=00:11:22:33:44:55/ff:ff:ff:00:00:00',
  ],
  ...[
    'dl_type=0x12345',
    'dl_type=70000',
    'dl_vlan=4096',
    'dl_vlan=70000',
    'dl_vlan_pcp=8',
    'vlan_tci=0x12345',
    'vlan_vid=0x2000',
  ],
  ...[
    'ip,nw_tos=3',
    'ip,nw_tos=256',
    'ip,ip_dscp=64',
    'ip,nw_ecn=4',
    'ip,nw_ttl=256',
    'ip,nw_proto=256',
    'tcp,tcp_dst=65536',
    'tcp,tcp_dst=-1',
  ],
  ...[
    'tcp,tcp_flags=+syn-ack',
    'tcp,tcp_flags=syn|bogus',
    'tcp,tcp_flags=0x1000',
    'ct_state=+trk',
    'ct_state=trk|bogus',
    'ct_state=+trk+bogus',
  ],
  ...[
    'bogus=1',
    'bogus',
    'reg99=1',
    'reg0=hello',
    'reg0=0x1ffffffff',
    'reg0',
    'metadata=0x10000000000000000',
    'tun_id=abc',
    'tun_metadata0=1',
  ],
  ...[
    'priority=5,ip',
    'table=3,ip',
    'actions=drop',
    'ip actions=output:1',
    'ip,actions=drop',
    'cookie=1,ip',
    'idle_timeout=3',
    'out_port=1',
  ],
  ...[
    'ip,ip_frag=maybe',
    'ip,nw_frag=yes',
    'ip,nw_frag=not_later',
    'arp,arp_op=256',
    'arp,arp_op=70000',
    'arp,arp_spa=1.2.3.4/8',
    'arp,arp_sha=zz',
  ],
  ...[
    'tcp,udp',
    'tcp,tcp',
    'ip,arp',
    'ip,ip',
    'dl_type=0x800,dl_type=0x806',
    'nw_src=1.1.1.1,ip',
    'tcp_dst=5,tcp',
    'in_port=1,in_port=2',
  ],
  ...[
    'ipv6,ipv6_src=1::2::3',
    'ipv6,ipv6_src=::1/64',
    'ipv6,ipv6_label=0x100000',
    'ipv6,ipv6_src=xyz',
    'tcp6,nd_target=::1',
    'conj_id=1',
  ],
  ...[
    'xreg0=1/2',
    'xxreg0=0x1',
    'pkt_mark=0x100000000',
    'ct_zone=65536',
    'ct_mark=-1',
    'ct_label=0x1',
    'ct_nw_src=1.2.3.4',
    'skb_priority=5',
  ],
  ...[
    '',
    ' ',
    ',',
    ',,',
    '=',
    'ip,',
    ',ip',
    'ip,,tcp',
    'ip tcp',
    'ip;tcp',
    'in_port(1',
    'in_port(1)',
    'in_port(1),eth()',
    'eth(src=1)',
  ],
  ...[
    'recirc_id=4000000000,ip',
    'dp_hash=1',
    'packet_type=(1,0x800)',
    'packet_type=(0,0),ip',
    'packet_type=(1,0x800),ip',
    'packet_type=1',
    'nsh_spi=1',
  ],
  ...[
    'vlan_vid=5',
    'vlan_tci=0x5',
    'vlan_pcp=3',
    'dl_vlan=0xffff',
    'dl_vlan=10,vlan_tci=0',
    'eth,ip',
    'eth',
    'tunnel_id=5,ip',
    'actset_output=1',
  ],
  ...[
    'in_port(1),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x800),ipv4(src=1.2.3.4)',
    'in_port(99),eth_type(0x0800)',
  ],
  ...[
    'in_port(1),bogus(1)',
    'in_port(nowhere)',
    'in_port(1),eth(src=00:00:00:00:00:01),eth_type(0x0800),tcp(src=1)',
    'in_port(1),skb_mark(zz)',
  ],
  ...[
    'icmp,icmp_type=256',
    'icmp,icmp_code=300',
    'icmp6,icmpv6_type=1000',
    'sctp,sctp_dst=99999',
    'udp,udp_src=1/2',
    'mpls,mpls_bos=2',
    'mpls,mpls_tc=8',
  ],
  ...[
    'mpls,mpls_label=1048576',
    'mpls,mpls_ttl=300',
    'nsh,nsh_ttl=64',
    'tun_src=1.2.3',
    'tun_flags=oam',
    'tun_flags=+oam',
    'tun_flags=bogus',
  ],
];
const PACKETS = [
  '',
  '0',
  'zz',
  '00',
  '0011223344',
  '00112233445566778899aabb',
  '00112233445566778899aabb0800',
  '00 11 22 33 44 55 66 77 88 99 aa bb 08 00 45',
  'x'.repeat(9),
];

function mutate(text: string, random: Random): string {
  const at = random.int(0, Math.max(0, text.length - 1));
  switch (random.int(0, 4)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + random.pick([...'=,/:.0x()9g- ']) + text.slice(at);
    case 3: {
      const parts = text.split(',');
      return random.shuffle(parts).join(',');
    }
    default: {
      const parts = text.split(',');
      return parts.filter((_, n) => n !== at % parts.length).join(',');
    }
  }
}

const malformed: Family = {
  name: 'malformed',
  make: (random, place): Omit<SetUp, 'family'> => {
    const ports = plainPorts(random, place, 3);
    const name = bridgeName(place);
    const question = (): Question => {
      const kind = random.int(0, 9);
      const bridge = random.chance(0.04)
        ? random.pick(['nobridge', '', place.datapath, `ovs-${place.datapath}`])
        : random.chance(0.03)
          ? null
          : name;
      if (kind <= 4) {
        const wrong = random.pick(WRONG);
        return { bridge, flow: random.chance(0.5) || wrong.startsWith('in_port') ? wrong : `in_port=1,${wrong}` };
      }
      const good = packetText(
        packet(random, { inPorts: ports.map(({ ofport }) => ofport), vlan: 0.3, others: ['reg0', 'tun_id', 'ct_state'] }),
        random,
      );
      if (kind <= 7) return { bridge, flow: mutate(good, random) };
      if (kind === 8) return { bridge, flow: 'in_port=1', packet: random.pick(PACKETS) };
      return {
        bridge,
        flow: good,
        ctNext: [
          random.pick([
            'trk',
            'new',
            'est',
            'bogus',
            '',
            'trk,new,est',
            'trk,inv,new',
            'trk,rpl,new',
            'trk,dnat',
            '+trk',
            'trk,new,',
          ]),
        ],
      };
    };
    return {
      bridges: [
        {
          name,
          ports,
          flows: [
            { text: 'priority=1,ip actions=output:1', version: 'OpenFlow13' },
            { text: 'priority=0 actions=output:2', version: 'OpenFlow13' },
          ],
          settings: ['fail-mode=secure'],
        },
      ],
      stages: [Array.from({ length: 12 }, question)],
    };
  },
};

export const malformedFamilies: readonly Family[] = [malformed];
