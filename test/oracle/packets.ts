import { exactText, fieldNamed, maskedText, otherValue, randomValue, valueText, type Field } from './fields';
import type { Random } from './random';

/** A packet as an OpenFlow flow: the fields it has, in an order in which prerequisites come first. */
export interface Packet {
  readonly kind: Kind;
  readonly fields: ReadonlyMap<string, bigint>;
}

export const KINDS = [
  ...['tcp', 'udp', 'icmp', 'sctp', 'ip', 'arp', 'rarp', 'tcp6', 'udp6', 'icmp6', 'sctp6', 'ipv6', 'ns', 'na'],
  ...['mpls', 'mplsm', 'eth', 'llc', 'frag'],
] as const;
export type Kind = (typeof KINDS)[number];

interface Description {
  /** Ways to say it in a flow. */
  readonly shorthand: readonly string[];
  readonly fields: readonly string[];
}

const IPV4 = ['nw_src', 'nw_dst', 'nw_tos', 'nw_ecn', 'nw_ttl'] as const;
const IPV6 = ['ipv6_src', 'ipv6_dst', 'ipv6_label', 'nw_tos', 'nw_ecn', 'nw_ttl'] as const;
const ARP = ['arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha'] as const;
const MPLS = ['mpls_label', 'mpls_tc', 'mpls_bos', 'mpls_ttl'] as const;

export const DESCRIPTIONS: Readonly<Record<Kind, Description>> = {
  tcp: {
    shorthand: ['tcp', 'ip,nw_proto=6', 'dl_type=0x0800,nw_proto=6', 'eth_type=0x800,ip_proto=6', 'dl_type=2048,nw_proto=0x6'],
    fields: [...IPV4, 'tcp_src', 'tcp_dst', 'tcp_flags'],
  },
  udp: { shorthand: ['udp', 'ip,nw_proto=17', 'dl_type=0x0800,nw_proto=17'], fields: [...IPV4, 'udp_src', 'udp_dst'] },
  icmp: { shorthand: ['icmp', 'ip,nw_proto=1', 'dl_type=0x800,nw_proto=1'], fields: [...IPV4, 'icmp_type', 'icmp_code'] },
  sctp: { shorthand: ['sctp', 'ip,nw_proto=132'], fields: [...IPV4, 'sctp_src', 'sctp_dst'] },
  ip: { shorthand: ['ip', 'dl_type=0x0800', 'eth_type=0x0800'], fields: [...IPV4, 'nw_proto'] },
  frag: { shorthand: ['ip', 'dl_type=0x0800'], fields: [...IPV4, 'nw_proto', 'nw_frag'] },
  arp: { shorthand: ['arp', 'dl_type=0x0806', 'eth_type=0x806'], fields: ARP },
  rarp: { shorthand: ['rarp', 'dl_type=0x8035'], fields: ARP },
  tcp6: {
    shorthand: ['tcp6', 'ipv6,nw_proto=6', 'dl_type=0x86dd,nw_proto=6'],
    fields: [...IPV6, 'tcp_src', 'tcp_dst', 'tcp_flags'],
  },
  udp6: { shorthand: ['udp6', 'ipv6,nw_proto=17'], fields: [...IPV6, 'udp_src', 'udp_dst'] },
  sctp6: { shorthand: ['sctp6', 'ipv6,nw_proto=132'], fields: [...IPV6, 'sctp_src', 'sctp_dst'] },
  icmp6: { shorthand: ['icmp6', 'ipv6,nw_proto=58'], fields: [...IPV6, 'icmpv6_type', 'icmpv6_code'] },
  ns: {
    shorthand: ['icmp6,icmpv6_type=135,icmpv6_code=0'],
    fields: [...IPV6, 'nd_target', 'nd_sll'],
  },
  na: { shorthand: ['icmp6,icmpv6_type=136,icmpv6_code=0'], fields: [...IPV6, 'nd_target', 'nd_tll'] },
  ipv6: { shorthand: ['ipv6', 'ip6', 'dl_type=0x86dd'], fields: [...IPV6, 'nw_proto'] },
  mpls: { shorthand: ['mpls', 'dl_type=0x8847'], fields: MPLS },
  mplsm: { shorthand: ['mplsm', 'dl_type=0x8848'], fields: MPLS },
  eth: { shorthand: ['dl_type=0x88b5', 'eth_type=0x88B5'], fields: [] },
  llc: { shorthand: ['dl_type=0x05ff'], fields: [] },
};

/** What a flow may match to be sure of the packet's addresses and no more. */
const LAYER3: Readonly<Partial<Record<Kind, string>>> = {
  ...{ tcp: 'ip', udp: 'ip', icmp: 'ip', sctp: 'ip' },
  ...{ tcp6: 'ipv6', udp6: 'ipv6', icmp6: 'ipv6', sctp6: 'ipv6', ns: 'icmp6', na: 'icmp6' },
};

export interface PacketOptions {
  readonly inPorts: readonly number[];
  readonly kinds?: readonly Kind[];
  /** How likely it has a VLAN tag. */
  readonly vlan?: number;
  /** Other fields it may have: registers, metadata, connection state, tunnel. */
  readonly others?: readonly string[];
  readonly macs?: readonly bigint[];
  readonly vlans?: readonly number[];
}

export function packet(random: Random, options: PacketOptions): Packet {
  const kind = random.pick(options.kinds ?? KINDS);
  const fields = new Map<string, bigint>();
  fields.set('in_port', BigInt(random.pick(options.inPorts)));
  for (const name of random.sample(options.others ?? [], random.int(0, 3)))
    fields.set(name, randomValue(fieldNamed(name), random));
  const mac = (): bigint =>
    options.macs !== undefined && random.chance(0.8) ? random.pick(options.macs) : random.bits(48) & 0xfeffffffffffn;
  fields.set('dl_src', mac());
  fields.set('dl_dst', random.chance(0.1) ? 0xffffffffffffn : mac());
  if (random.chance(options.vlan ?? 0.2)) {
    fields.set('dl_vlan', BigInt(options.vlans === undefined ? random.int(0, 4095) : random.pick(options.vlans)));
    if (random.chance(0.6)) fields.set('dl_vlan_pcp', BigInt(random.int(0, 7)));
  }
  for (const name of DESCRIPTIONS[kind].fields) if (random.chance(0.85)) fields.set(name, packetValue(name, kind, random));
  return { kind, fields };
}

function packetValue(name: string, kind: Kind, random: Random): bigint {
  switch (name) {
    case 'nw_ttl':
      return random.pick([64n, 64n, 63n, 255n, 2n, 1n, 0n]);
    case 'nw_frag':
      return random.pick([1n, 3n]);
    case 'nw_proto':
      return kind === 'frag' ? random.pick([1n, 6n, 17n]) : random.pick([2n, 41n, 47n, 50n, 89n, 112n, 253n]);
    case 'arp_op':
      return random.pick([1n, 1n, 2n, 2n, 3n]);
    case 'icmp_type':
      return random.pick([0n, 3n, 8n, 8n, 11n]);
    case 'icmpv6_type':
      return random.pick([1n, 128n, 129n, 143n]);
    case 'icmp_code':
    case 'icmpv6_code':
      return random.pick([0n, 0n, 1n]);
    case 'mpls_ttl':
      return random.pick([64n, 2n, 1n]);
    case 'tcp_flags':
      return BigInt(random.int(0, 511));
    default:
      return randomValue(fieldNamed(name), random);
  }
}

const isTcp = (kind: Kind): boolean => kind === 'tcp' || kind === 'tcp6';

/** The packet as people write it for `ofproto/trace`. */
export function packetText({ kind, fields }: Packet, random: Random, portName?: (port: number) => string): string {
  const parts: string[] = [];
  const description = random.pick(DESCRIPTIONS[kind].shorthand);
  const early: string[] = [];
  const late: string[] = [];
  for (const [name, value] of fields) {
    const own = DESCRIPTIONS[kind].fields.includes(name);
    const text =
      name === 'in_port'
        ? `in_port=${portName !== undefined && random.chance(0.4) ? portName(Number(value)) : value}`
        : name === 'ct_state'
          ? `ct_state=${valueText(fieldNamed(name), value, random)}`
          : exactText(fieldNamed(name), value, random, isTcp(kind) ? 'tcp' : undefined);
    (own ? late : early).push(text);
  }
  parts.push(...(random.chance(0.5) ? [description, ...early] : [...early, description]), ...late);
  return parts.join(random.chance(0.9) ? ',' : ', ');
}

export interface MatchOptions {
  /** How many fields at most, besides what says the protocol. */
  readonly fields?: number;
  /** Says the packet's protocol in any case, so that actions may write its headers. */
  readonly protocol?: boolean;
  /** How likely one of the fields is made to differ. */
  readonly miss?: number;
  /** How likely a field is masked, where it can be. */
  readonly mask?: number;
  /** Only these fields. */
  readonly only?: readonly string[];
  /** Metadata that packets don't bring but earlier tables set. */
  readonly others?: readonly string[];
}

/** A match made from a packet; `kind` is its protocol where the match says it. */
export function matchOf(
  of: Packet,
  random: Random,
  options: MatchOptions = {},
): { text: string; kind: Kind | undefined; vlan: boolean } {
  const description = DESCRIPTIONS[of.kind];
  const names = [...new Set([...of.fields.keys(), ...(options.others ?? [])])].filter(
    (name) => options.only?.includes(name) ?? true,
  );
  const chosen = random.sample(names, random.int(0, options.fields ?? 3));
  const deep = chosen.some((name) => description.fields.includes(name));
  const saysProtocol = options.protocol === true || deep || random.chance(0.4);
  const layer3 = LAYER3[of.kind];
  const shallow =
    layer3 !== undefined &&
    options.protocol !== true &&
    random.chance(0.3) &&
    chosen.every((name) => !description.fields.includes(name) || /^(?:nw|ip)/.test(name));
  const wrong = random.chance(options.miss ?? 0.25) ? random.pick([...chosen, undefined]) : undefined;
  const parts: string[] = [];
  let vlan = false;
  for (const name of chosen) {
    const what = fieldNamed(name);
    const has = of.fields.get(name) ?? 0n;
    const value = name === wrong && name !== 'nw_frag' ? otherValue(what, has, random) : has;
    if (name === 'dl_vlan') {
      vlan = true;
      parts.push(vlanMatch(value, random));
      continue;
    }
    if (name === 'dl_vlan_pcp' && !chosen.includes('dl_vlan')) vlan = true;
    const masked = what.maskable && random.chance(options.mask ?? 0.4) && !(name === 'nw_tos');
    parts.push(masked ? maskedText(what, value, random) : exactText(what, value, random, isTcp(of.kind) ? 'tcp' : undefined));
  }
  if (!of.fields.has('dl_vlan') && (options.only?.includes('dl_vlan') ?? true) && random.chance(0.06))
    parts.push(random.pick(['dl_vlan=0xffff', 'vlan_tci=0', 'vlan_tci=0x0000/0x1000', 'vlan_tci=0/0x1fff', 'vlan_vid=0']));
  const protocol = saysProtocol ? [shallow ? layer3 : random.pick(description.shorthand)] : [];
  return { text: [...protocol, ...parts].join(','), kind: saysProtocol && !shallow ? of.kind : undefined, vlan };
}

function vlanMatch(value: bigint, random: Random): string {
  const tci = (value | 0x1000n).toString(16);
  return random.pick([
    `dl_vlan=${value}`,
    `dl_vlan=0x${value.toString(16)}`,
    `vlan_tci=0x${tci}/0x1fff`,
    `vlan_vid=0x${tci}`,
    `vlan_tci=0x1000/0x1000`,
    `vlan_vid=0x1000/0x1000`,
  ]);
}

/** Fields that actions may write on packets of this kind; without one only what every packet has. */
export function writableFields(kind: Kind | undefined, vlan: boolean): Field[] {
  const own = kind === undefined ? [] : DESCRIPTIONS[kind].fields;
  const always = [
    'reg0',
    'reg1',
    'reg2',
    'reg5',
    'reg15',
    'xreg1',
    'xxreg1',
    'metadata',
    'pkt_mark',
    'tun_id',
    'dl_src',
    'dl_dst',
  ];
  const names = [...always, ...own, ...(vlan ? ['vlan_vid', 'vlan_pcp'] : ['vlan_tci'])];
  return names.map(fieldNamed).filter((one) => one.writable);
}
