import { ipv4Text, ipv6Text, macText } from '../fields';
import type { Random } from '../random';
import type { Question } from '../setup';
import { oneBridge, type Family } from './common';

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** `VALUE` or `VALUE/MASK`, as `dpctl/dump-flows` prints what only part of a packet decides. */
function masked(random: Random, value: string, mask: string): string {
  return random.chance(0.25) ? `${value}/${mask}` : value;
}

const address = (random: Random, ipv6: boolean): string =>
  ipv6
    ? masked(random, ipv6Text(random.bits(128)), 'ffff:ffff::')
    : masked(random, ipv4Text(random.bits(32)), random.pick(['0.0.0.0', '255.255.255.0']));

function ports(random: Random): string {
  return ['src', 'dst']
    .filter(() => random.chance(0.85))
    .map((name) => `${name}=${masked(random, `${random.int(0, 65535)}`, hex(random.int(1, 65535)))}`)
    .join(',');
}

/** The fields behind the addresses. */
function transport(random: Random, proto: number, ipv6: boolean): string[] {
  switch (proto) {
    case 6:
      return [
        `tcp(${ports(random)})`,
        ...(random.chance(0.5)
          ? [`tcp_flags(${random.pick(['syn', 'syn|ack', 'ack', '+syn-ack', 'psh|ack', '0', '0x12', 'fin|ack'])})`]
          : []),
      ];
    case 17:
      return [`udp(${ports(random)})`];
    case 132:
      return [`sctp(${ports(random)})`];
    case 1:
      return [`icmp(type=${random.pick([0, 8, 3])},code=0)`];
    case 58: {
      const type = random.pick([128, 135, 136]);
      const target = `nd(target=${ipv6Text(random.bits(128))},sll=${macText(random.bits(48))},tll=${macText(random.bits(48))})`;
      return [`icmpv6(type=${type},code=0)`, ...(type >= 135 && random.chance(0.8) ? [target] : [])];
    }
    default:
      return ipv6 ? [] : [];
  }
}

function network(random: Random): string[] {
  const kind = random.pick(['ipv4', 'ipv4', 'ipv4', 'ipv6', 'ipv6', 'arp', 'mpls', 'other', 'rarp'] as const);
  switch (kind) {
    case 'ipv4':
    case 'ipv6': {
      const ipv6 = kind === 'ipv6';
      const proto = random.pick(ipv6 ? [6, 17, 58, 132, 89] : [6, 17, 1, 132, 2, 47]);
      const frag = random.pick(['no', 'no', 'no', 'first', 'later']);
      const parts = [
        `src=${address(random, ipv6)}`,
        `dst=${address(random, ipv6)}`,
        ...(ipv6 && random.chance(0.7) ? [`label=${hex(random.bits(20))}`] : []),
        `proto=${proto}`,
        ...(random.chance(0.8)
          ? [
              `${ipv6 ? 'tclass' : 'tos'}=${masked(random, hex(random.bits(8)), '0x3')}`,
              `${ipv6 ? 'hlimit' : 'ttl'}=${random.pick([64, 1, 0, 255])}`,
            ]
          : []),
        `frag=${frag}`,
      ];
      const inner = frag === 'later' ? [] : transport(random, proto, ipv6);
      return [`eth_type(${ipv6 ? '0x86dd' : '0x0800'})`, `${kind}(${parts.join(',')})`, ...inner];
    }
    case 'arp':
    case 'rarp': {
      const parts = [
        `sip=${ipv4Text(random.bits(32))}`,
        `tip=${ipv4Text(random.bits(32))}`,
        `op=${random.pick([1, 2])}`,
        `sha=${macText(random.bits(48))}`,
        `tha=${macText(random.bits(48))}`,
      ];
      return [`eth_type(${kind === 'arp' ? '0x0806' : '0x8035'})`, `arp(${parts.join(',')})`];
    }
    case 'mpls': {
      const entry = (n: number, bos: number): string => `label${n}=${random.int(0, 1048575)},tc${n}=0,ttl${n}=64,bos${n}=${bos}`;
      const one = `label=${random.int(0, 1048575)},tc=${random.int(0, 7)},ttl=${random.pick([64, 1])},bos=1`;
      return ['eth_type(0x8847)', `mpls(${random.chance(0.7) ? one : `${entry(0, 0)},${entry(1, 1)}`})`];
    }
    case 'other':
      return [`eth_type(${random.pick(['0x88cc', '0x88b5', '0x1234'])})`];
  }
}

const states = ['0', '0x21', '+trk', '+new+trk', '-new+est-rel+rpl-inv+trk', '+est+trk', '-trk', 'new|trk'] as const;

/** A flow as `dpctl/dump-flows` prints it, with masks and counters or without. */
function dumped(random: Random, port: string): string {
  const ethernet = random.chance(0.9)
    ? [`eth(src=${masked(random, macText(random.bits(48)), 'ff:ff:ff:00:00:00')},dst=${macText(random.bits(48))})`]
    : ['eth()'];
  const inner = network(random);
  const vlan = (tpid: string): string => `eth_type(${tpid}),vlan(vid=${random.int(0, 4095)},pcp=${random.int(0, 7)})`;
  const body = random.pick([
    inner,
    inner,
    inner,
    [`${vlan('0x8100')},encap(${inner.join(',')})`],
    [`${vlan('0x88a8')},encap(${vlan('0x8100')},encap(${inner.join(',')}))`],
  ]);
  const before = [
    ...(random.chance(0.5) ? [`recirc_id(${random.pick(['0', '0', '0', '0xfffffff5'])})`] : []),
    ...(random.chance(0.3) ? [`skb_priority(${hex(random.bits(8))})`] : []),
    ...(random.chance(0.3) ? [`skb_mark(${masked(random, hex(random.bits(32)), '0xff')})`] : []),
    ...(random.chance(0.35) ? [`ct_state(${random.pick(states)})`] : []),
    ...(random.chance(0.3) ? [`ct_zone(${hex(random.bits(16))})`] : []),
    ...(random.chance(0.3) ? [`ct_mark(${masked(random, hex(random.bits(32)), '0x1')})`] : []),
    ...(random.chance(0.3) ? [`ct_label(${masked(random, hex(random.bits(128)), '0xff')})`] : []),
    ...(random.chance(0.1) ? [`dp_hash(${hex(random.bits(32))}/0xf)`] : []),
  ];
  const where = random.chance(0.95) ? [`in_port(${port})`] : [];
  const type = random.chance(0.25)
    ? [random.pick(['packet_type(ns=0,id=0)', 'packet_type(ns=0,id=0)', 'packet_type(ns=1,id=0x800)'])]
    : [];
  const flow = [...before, ...where, ...type, ...ethernet, ...body].join(random.chance(0.9) ? ',' : ', ');
  if (random.chance(0.05)) return flow.slice(0, random.int(5, flow.length));
  return flow;
}

/** Flows in the datapath's words, as people paste them from its dump, asked on all sides of a pipeline. */
const datapathFlows: Family = {
  name: 'datapath-flows',
  make: (random, place) => {
    const made = oneBridge(random, place, {
      packets: { vlan: 0.4, others: ['ct_state', 'ct_zone', 'ct_mark', 'pkt_mark'] },
      menu: [
        ['output', 5],
        ['set_field', 2],
        ['mod_vlan', 1],
        ['strip_vlan', 1],
        ['resubmit', 1],
        ['controller', 0.3],
        ['ct', 0.5],
        ['normal', 0.3],
      ],
      match: { fields: 2, miss: 0.1, others: ['ct_state', 'ct_mark', 'ct_zone'] },
      count: 2,
    });
    const [bridge] = made.bridges;
    if (bridge === undefined) return made;
    const stage = Array.from({ length: 8 }, (): Question => {
      const { name } = random.pick(bridge.ports);
      const to = random.pick([place.datapath, `ovs-${place.datapath}`, bridge.name, null]);
      return { bridge: to, flow: dumped(random, name) };
    });
    return { ...made, stages: [...made.stages, stage] };
  },
};

export const datapathFlowFamilies: readonly Family[] = [datapathFlows];
