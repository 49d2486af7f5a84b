import type { Random } from './random';

/** How a value is written. */
type Format = 'dec' | 'hex' | 'mac' | 'ipv4' | 'ipv6' | 'frag' | 'ct' | 'flags';

/** A match field as ovs-fields(7) documents it. */
export interface Field {
  readonly name: string;
  /** Other spellings in a flow. */
  readonly aliases: readonly string[];
  readonly bits: number;
  readonly format: Format;
  readonly maskable: boolean;
  /** Whether actions may set it. */
  readonly writable: boolean;
  /** Names in `load`, `move` and the like, beside its own. */
  readonly nxm: readonly string[];
}

const field = (
  name: string,
  bits: number,
  format: Format,
  options: string,
  nxm: readonly string[] = [],
  aliases: readonly string[] = [],
): Field => ({ name, aliases, bits, format, maskable: options.includes('m'), writable: options.includes('w'), nxm });

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

export const FIELDS: readonly Field[] = [
  field('in_port', 16, 'dec', '', ['NXM_OF_IN_PORT']),
  ...numbers(16).map((n) => field(`reg${n}`, 32, 'hex', 'mw', [`NXM_NX_REG${n}`])),
  ...numbers(8).map((n) => field(`xreg${n}`, 64, 'hex', 'mw', [`OXM_OF_PKT_REG${n}`])),
  ...numbers(4).map((n) => field(`xxreg${n}`, 128, 'hex', 'mw', [`NXM_NX_XXREG${n}`])),
  field('metadata', 64, 'hex', 'mw', ['OXM_OF_METADATA']),
  field('pkt_mark', 32, 'hex', 'mw', ['NXM_NX_PKT_MARK']),
  field('tun_id', 64, 'hex', 'mw', ['NXM_NX_TUN_ID'], ['tunnel_id']),
  field('tun_src', 32, 'ipv4', 'mw', ['NXM_NX_TUN_IPV4_SRC']),
  field('tun_dst', 32, 'ipv4', 'mw', ['NXM_NX_TUN_IPV4_DST']),
  field('tun_ipv6_src', 128, 'ipv6', 'mw', ['NXM_NX_TUN_IPV6_SRC']),
  field('tun_ipv6_dst', 128, 'ipv6', 'mw', ['NXM_NX_TUN_IPV6_DST']),
  field('tun_gbp_id', 16, 'dec', 'mw', ['NXM_NX_TUN_GBP_ID']),
  field('tun_gbp_flags', 8, 'hex', 'mw', ['NXM_NX_TUN_GBP_FLAGS']),
  field('tun_erspan_idx', 20, 'hex', 'mw', ['NXOXM_ET_ERSPAN_IDX']),
  field('tun_erspan_ver', 4, 'hex', 'mw', ['NXOXM_ET_ERSPAN_VER']),
  field('tun_erspan_dir', 1, 'hex', 'mw', ['NXOXM_ET_ERSPAN_DIR']),
  field('tun_erspan_hwid', 6, 'hex', 'mw', ['NXOXM_ET_ERSPAN_HWID']),
  field('tun_gtpu_flags', 8, 'hex', 'mw', ['NXOXM_ET_GTPU_FLAGS']),
  field('tun_gtpu_msgtype', 8, 'hex', 'mw', ['NXOXM_ET_GTPU_MSGTYPE']),
  ...numbers(4).map((n) => field(`tun_metadata${n}`, 32, 'hex', 'mw', [`NXM_NX_TUN_METADATA${n}`])),
  field('ct_state', 32, 'ct', 'm', ['NXM_NX_CT_STATE']),
  field('ct_zone', 16, 'dec', '', ['NXM_NX_CT_ZONE']),
  field('ct_mark', 32, 'hex', 'mw', ['NXM_NX_CT_MARK']),
  field('ct_label', 128, 'hex', 'mw', ['NXM_NX_CT_LABEL']),
  field('ct_nw_src', 32, 'ipv4', 'm', ['NXM_NX_CT_NW_SRC']),
  field('ct_nw_dst', 32, 'ipv4', 'm', ['NXM_NX_CT_NW_DST']),
  field('ct_ipv6_src', 128, 'ipv6', 'm', ['NXM_NX_CT_IPV6_SRC']),
  field('ct_ipv6_dst', 128, 'ipv6', 'm', ['NXM_NX_CT_IPV6_DST']),
  field('ct_nw_proto', 8, 'dec', '', ['NXM_NX_CT_NW_PROTO']),
  field('ct_tp_src', 16, 'dec', 'm', ['NXM_NX_CT_TP_SRC']),
  field('ct_tp_dst', 16, 'dec', 'm', ['NXM_NX_CT_TP_DST']),
  field('dl_src', 48, 'mac', 'mw', ['NXM_OF_ETH_SRC', 'OXM_OF_ETH_SRC'], ['eth_src']),
  field('dl_dst', 48, 'mac', 'mw', ['NXM_OF_ETH_DST', 'OXM_OF_ETH_DST'], ['eth_dst']),
  field('dl_type', 16, 'hex', '', ['NXM_OF_ETH_TYPE'], ['eth_type']),
  field('vlan_tci', 16, 'hex', 'mw', ['NXM_OF_VLAN_TCI']),
  field('dl_vlan', 12, 'dec', 'w', []),
  field('dl_vlan_pcp', 3, 'dec', 'w', []),
  field('vlan_vid', 13, 'hex', 'mw', ['OXM_OF_VLAN_VID']),
  field('vlan_pcp', 3, 'dec', 'w', ['OXM_OF_VLAN_PCP']),
  field('mpls_label', 20, 'dec', 'w', ['OXM_OF_MPLS_LABEL']),
  field('mpls_tc', 3, 'dec', 'w', ['OXM_OF_MPLS_TC']),
  field('mpls_bos', 1, 'dec', '', ['OXM_OF_MPLS_BOS']),
  field('mpls_ttl', 8, 'dec', 'w', ['NXM_NX_MPLS_TTL']),
  field('nw_src', 32, 'ipv4', 'mw', ['NXM_OF_IP_SRC', 'OXM_OF_IPV4_SRC'], ['ip_src']),
  field('nw_dst', 32, 'ipv4', 'mw', ['NXM_OF_IP_DST', 'OXM_OF_IPV4_DST'], ['ip_dst']),
  field('ipv6_src', 128, 'ipv6', 'mw', ['NXM_NX_IPV6_SRC', 'OXM_OF_IPV6_SRC']),
  field('ipv6_dst', 128, 'ipv6', 'mw', ['NXM_NX_IPV6_DST', 'OXM_OF_IPV6_DST']),
  field('ipv6_label', 20, 'hex', 'mw', ['NXM_NX_IPV6_LABEL']),
  field('nw_proto', 8, 'dec', '', ['NXM_OF_IP_PROTO'], ['ip_proto']),
  field('nw_tos', 8, 'dec', 'w', ['NXM_OF_IP_TOS']),
  field('ip_dscp', 6, 'dec', 'w', ['OXM_OF_IP_DSCP']),
  field('nw_ecn', 2, 'dec', 'w', ['NXM_NX_IP_ECN', 'OXM_OF_IP_ECN'], ['ip_ecn']),
  field('nw_ttl', 8, 'dec', 'w', ['NXM_NX_IP_TTL']),
  field('nw_frag', 2, 'frag', 'm', ['NXM_NX_IP_FRAG'], ['ip_frag']),
  field('arp_op', 16, 'dec', 'w', ['NXM_OF_ARP_OP', 'OXM_OF_ARP_OP']),
  field('arp_spa', 32, 'ipv4', 'mw', ['NXM_OF_ARP_SPA', 'OXM_OF_ARP_SPA']),
  field('arp_tpa', 32, 'ipv4', 'mw', ['NXM_OF_ARP_TPA', 'OXM_OF_ARP_TPA']),
  field('arp_sha', 48, 'mac', 'mw', ['NXM_NX_ARP_SHA', 'OXM_OF_ARP_SHA']),
  field('arp_tha', 48, 'mac', 'mw', ['NXM_NX_ARP_THA', 'OXM_OF_ARP_THA']),
  field('tcp_src', 16, 'dec', 'mw', ['NXM_OF_TCP_SRC', 'OXM_OF_TCP_SRC'], ['tp_src']),
  field('tcp_dst', 16, 'dec', 'mw', ['NXM_OF_TCP_DST', 'OXM_OF_TCP_DST'], ['tp_dst']),
  field('tcp_flags', 12, 'flags', 'm', ['NXM_NX_TCP_FLAGS', 'OXM_OF_TCP_FLAGS']),
  field('udp_src', 16, 'dec', 'mw', ['NXM_OF_UDP_SRC', 'OXM_OF_UDP_SRC']),
  field('udp_dst', 16, 'dec', 'mw', ['NXM_OF_UDP_DST', 'OXM_OF_UDP_DST']),
  field('sctp_src', 16, 'dec', 'mw', ['OXM_OF_SCTP_SRC']),
  field('sctp_dst', 16, 'dec', 'mw', ['OXM_OF_SCTP_DST']),
  field('icmp_type', 8, 'dec', 'w', ['NXM_OF_ICMP_TYPE', 'OXM_OF_ICMPV4_TYPE']),
  field('icmp_code', 8, 'dec', 'w', ['NXM_OF_ICMP_CODE', 'OXM_OF_ICMPV4_CODE']),
  field('icmpv6_type', 8, 'dec', 'w', ['NXM_NX_ICMPV6_TYPE', 'OXM_OF_ICMPV6_TYPE']),
  field('icmpv6_code', 8, 'dec', 'w', ['NXM_NX_ICMPV6_CODE', 'OXM_OF_ICMPV6_CODE']),
  field('nd_target', 128, 'ipv6', 'mw', ['NXM_NX_ND_TARGET', 'OXM_OF_IPV6_ND_TARGET']),
  field('nd_sll', 48, 'mac', 'mw', ['NXM_NX_ND_SLL', 'OXM_OF_IPV6_ND_SLL']),
  field('nd_tll', 48, 'mac', 'mw', ['NXM_NX_ND_TLL', 'OXM_OF_IPV6_ND_TLL']),
  field('nd_reserved', 32, 'dec', 'w', []),
  field('nd_options_type', 8, 'dec', 'w', []),
  field('nsh_flags', 8, 'dec', 'mw', ['NXOXM_NSH_FLAGS']),
  field('nsh_ttl', 6, 'dec', 'w', ['NXOXM_NSH_TTL']),
  field('nsh_mdtype', 8, 'dec', '', []),
  field('nsh_np', 8, 'dec', '', []),
  field('nsh_spi', 24, 'hex', 'w', ['NXOXM_NSH_SPI'], ['nsp']),
  field('nsh_si', 8, 'dec', 'w', ['NXOXM_NSH_SI'], ['nsi']),
  ...numbers(4).map((n) => field(`nsh_c${n + 1}`, 32, 'hex', 'mw', [`NXOXM_NSH_C${n + 1}`])),
];

const byName = new Map(FIELDS.map((one) => [one.name, one]));

export function fieldNamed(name: string): Field {
  const found = byName.get(name);
  if (found === undefined) throw new Error(`There is no field ${name}.`);
  return found;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

export function macText(value: bigint): string {
  return value.toString(16).padStart(12, '0').match(/../g)?.join(':') ?? '';
}

export function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
}

/** An IPv6 address in full: every program reads it, and none prints it so. */
export function ipv6Text(value: bigint): string {
  return (
    value
      .toString(16)
      .padStart(32, '0')
      .match(/..../g)
      ?.map((group) => group.replace(/^0{1,3}/, ''))
      .join(':') ?? ''
  );
}

const CT_FLAGS = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns'];
const flagNames = (names: readonly string[], value: bigint): string[] => names.filter((_, n) => (value >> BigInt(n)) & 1n);
const signed = (names: readonly string[], value: bigint, mask: bigint): string =>
  names.flatMap((name, n) => ((mask >> BigInt(n)) & 1n ? [`${(value >> BigInt(n)) & 1n ? '+' : '-'}${name}`] : [])).join('');

/** A value as a flow or an action writes it, in one of its spellings. */
export function valueText({ name, format, bits }: Field, value: bigint, random: Random): string {
  switch (format) {
    case 'mac':
      return macText(value);
    case 'ipv4':
      return ipv4Text(value);
    case 'ipv6':
      return ipv6Text(value);
    case 'frag':
      return ['no', 'first', 'no', 'later'][Number(value)] ?? 'no';
    case 'ct':
      return flagNames(CT_FLAGS, value).join('|') || '0';
    case 'flags':
      return random.chance(0.5) && value < 512n ? flagNames(TCP_FLAGS, value).join('|') || '0' : hex(value);
    case 'hex':
      return bits <= 64 && random.chance(0.2) ? value.toString() : hex(value);
    case 'dec':
      return name !== 'in_port' && random.chance(0.15) ? hex(value) : value.toString();
  }
}

/** `FIELD=VALUE` for a flow, exact. */
export function exactText(of: Field, value: bigint, random: Random, tp?: string): string {
  const alias = of.aliases.filter((name) => !/^tp_/.test(name) || tp !== undefined);
  const name = random.chance(0.25) && alias.length > 0 ? random.pick(alias) : of.name;
  if (of.format === 'ct') return `${name}=${signed(CT_FLAGS, value, 0xffn)}`;
  return `${name}=${valueText(of, value, random)}`;
}

/** `FIELD=VALUE/MASK` (or a prefix, or flags with signs) that the value matches. */
export function maskedText(of: Field, value: bigint, random: Random): string {
  const { name, format, bits } = of;
  if (format === 'ct') {
    const mask = BigInt(random.int(1, 255));
    return `${name}=${random.chance(0.8) ? signed(CT_FLAGS, value, mask) : `${hex(value & mask)}/${hex(mask)}`}`;
  }
  if (format === 'flags') {
    const mask = BigInt(random.int(1, 511));
    return `${name}=${random.chance(0.7) ? signed(TCP_FLAGS, value, mask) : `${hex(value & mask)}/${hex(mask)}`}`;
  }
  if (format === 'frag')
    return `${name}=${value === 0n ? random.pick(['no', 'not_later']) : value === 1n ? random.pick(['yes', 'first', 'not_later']) : random.pick(['yes', 'later'])}`;
  if (format === 'ipv4' || format === 'ipv6') {
    const kind = random.int(0, 3);
    if (kind <= 1) {
      const prefix = random.int(1, bits);
      const mask = ones(bits) ^ ones(bits - prefix);
      const address = format === 'ipv4' ? ipv4Text(value & mask) : ipv6Text(value & mask);
      return kind === 0 || format === 'ipv6' ? `${name}=${address}/${prefix}` : `${name}=${address}/${ipv4Text(mask)}`;
    }
    // A mask that begins with a digit would be read as a prefix length.
    const mask = random.bits(bits) | (1n << BigInt(random.int(0, bits - 1))) | (format === 'ipv6' ? 0xfn << 124n : 0n);
    return format === 'ipv4'
      ? `${name}=${ipv4Text(value & mask)}/${ipv4Text(mask)}`
      : `${name}=${ipv6Text(value & mask)}/${ipv6Text(mask)}`;
  }
  let mask = random.bits(bits);
  if (mask === 0n) mask = 1n << BigInt(random.int(0, bits - 1));
  if (format === 'mac') {
    if (random.chance(0.3)) mask = 0x010000000000n;
    return `${name}=${macText(value & mask)}/${macText(mask)}`;
  }
  return `${name}=${hex(value & mask)}/${hex(mask)}`;
}

/** A value that differs from this one. */
export function otherValue({ bits, format }: Field, value: bigint, random: Random): bigint {
  if (format === 'frag') return (value + 1n) % 4n === 2n ? 3n : (value + 1n) % 4n;
  return value ^ (1n << BigInt(random.int(0, (format === 'ct' ? 8 : bits) - 1)));
}

/** A random value of the field. */
export function randomValue({ name, bits, format }: Field, random: Random): bigint {
  if (format === 'ct') return BigInt(random.int(0, 255));
  if (format === 'frag') return random.pick([0n, 1n, 3n]);
  if (name === 'nw_tos') return BigInt(random.int(0, 63)) << 2n;
  if (name === 'arp_op') return BigInt(random.int(0, 255));
  if (name === 'vlan_vid') return 0x1000n | BigInt(random.int(0, 4095));
  return random.bits(bits);
}
