import { ones } from '../base/bits';

/** How a field's value is written in a dump (ovs-fields(7)). */
export type FieldFormat =
  'number' | 'hex' | 'mac' | 'ipv4' | 'ipv6' | 'port' | 'ct-state' | 'tcp-flags' | 'frag' | 'packet-type' | 'tun-flags';

/** Where a field's bits are kept. Several names may share bits: `dl_vlan` is part of `vlan_tci`, `tcp_src` is `tp_src`. */
export interface FieldStorage {
  readonly key: string;
  readonly shift: number;
}

export interface Field {
  readonly name: string;
  readonly bits: number;
  readonly format: FieldFormat;
  readonly storage: readonly FieldStorage[];
  /** `eth_type` and `nw_proto` that must be matched for the field to exist, in the words of ovs-fields(7). */
  readonly needs?:
    | 'vlan'
    | 'ip-any'
    | 'ip'
    | 'ipv6'
    | 'arp'
    | 'tcp'
    | 'udp'
    | 'sctp'
    | 'tcp-udp-sctp'
    | 'icmp'
    | 'icmp6'
    | 'nd'
    | 'nd-solicit'
    | 'nd-advert'
    | 'mpls'
    | 'nsh';
  readonly maskable: boolean;
  readonly says: string;
  readonly aliases: readonly string[];
}

function field(
  name: string,
  bits: number,
  format: FieldFormat,
  says: string,
  more: { aliases?: string; key?: string; shift?: number; needs?: Field['needs']; exact?: boolean } = {},
): Field {
  return {
    name,
    bits,
    format,
    says,
    storage: [{ key: more.key ?? name, shift: more.shift ?? 0 }],
    maskable: !(more.exact ?? false),
    aliases: more.aliases?.split(' ') ?? [],
    ...(more.needs === undefined ? {} : { needs: more.needs }),
  };
}

const registers: Field[] = [];
for (let n = 0; n < 16; n++)
  registers.push(field(`reg${n}`, 32, 'hex', `register ${n}, kept for the pipeline's own use`, { aliases: `NXM_NX_REG${n}` }));
for (let n = 0; n < 8; n++) {
  registers.push({
    ...field(`xreg${n}`, 64, 'hex', `registers ${2 * n} and ${2 * n + 1} as one`, { aliases: `OXM_OF_PKT_REG${n}` }),
    storage: [
      { key: `reg${2 * n}`, shift: 32 },
      { key: `reg${2 * n + 1}`, shift: 0 },
    ],
  });
}
for (let n = 0; n < 4; n++) {
  registers.push({
    ...field(`xxreg${n}`, 128, 'hex', `registers ${4 * n} to ${4 * n + 3} as one`, { aliases: `NXM_NX_XXREG${n}` }),
    storage: [96, 64, 32, 0].map((shift, i) => ({ key: `reg${4 * n + i}`, shift })),
  });
}
const tunnelMetadata: Field[] = [];
for (let n = 0; n < 64; n++) {
  tunnelMetadata.push(field(`tun_metadata${n}`, 992, 'hex', `Geneve option ${n}`, { aliases: `NXM_NX_TUN_METADATA${n}` }));
}

/** Every match field of ovs-fields(7): the one table that parsing, matching, printing and hovers read. */
export const fields: readonly Field[] = [
  field('in_port', 32, 'port', 'the port by which the packet came in', {
    aliases: 'NXM_OF_IN_PORT OXM_OF_IN_PORT in_port_oxm',
    exact: true,
  }),
  field('in_phy_port', 32, 'port', 'the physical port below in_port', { aliases: 'OXM_OF_IN_PHY_PORT', exact: true }),
  field('metadata', 64, 'hex', "the pipeline's metadata register", { aliases: 'OXM_OF_METADATA' }),
  field('packet_type', 32, 'packet-type', 'Ethernet or another kind of packet', { aliases: 'OXM_OF_PACKET_TYPE', exact: true }),
  field('tun_id', 64, 'hex', "the tunnel's key: the VNI of VXLAN and Geneve", {
    aliases: 'tunnel_id NXM_NX_TUN_ID OXM_OF_TUNNEL_ID',
  }),
  field('tun_src', 32, 'ipv4', "the tunnel's outer source address", { aliases: 'NXM_NX_TUN_IPV4_SRC' }),
  field('tun_dst', 32, 'ipv4', "the tunnel's outer destination address", { aliases: 'NXM_NX_TUN_IPV4_DST' }),
  field('tun_ipv6_src', 128, 'ipv6', "the tunnel's outer source address", { aliases: 'NXM_NX_TUN_IPV6_SRC' }),
  field('tun_ipv6_dst', 128, 'ipv6', "the tunnel's outer destination address", { aliases: 'NXM_NX_TUN_IPV6_DST' }),
  field('tun_gbp_id', 16, 'number', 'VXLAN group policy id', { aliases: 'NXM_NX_TUN_GBP_ID' }),
  field('tun_gbp_flags', 8, 'hex', 'VXLAN group policy flags', { aliases: 'NXM_NX_TUN_GBP_FLAGS' }),
  field('tun_flags', 16, 'tun-flags', 'tunnel flags (oam)', { aliases: 'NXM_NX_TUN_FLAGS' }),
  field('tun_tos', 8, 'number', "the tunnel's type of service", { exact: true }),
  field('tun_ttl', 8, 'number', "the tunnel's time to live", { exact: true }),
  field('pkt_mark', 32, 'hex', "the kernel's packet mark (skb mark)", { aliases: 'NXM_NX_PKT_MARK' }),
  field('actset_output', 32, 'port', "the action set's output port", {
    aliases: 'ONFOXM_ET_ACTSET_OUTPUT OXM_OF_ACTSET_OUTPUT',
    exact: true,
  }),
  field('conj_id', 32, 'number', 'all clauses of this conjunction matched', { aliases: 'NXM_NX_CONJ_ID', exact: true }),
  field('recirc_id', 32, 'hex', 'which recirculation the packet comes from', { aliases: 'NXM_NX_RECIRC_ID', exact: true }),
  field('dp_hash', 32, 'hex', "the datapath's hash of the packet", { aliases: 'NXM_NX_DP_HASH' }),
  ...registers,
  ...tunnelMetadata,
  field('ct_state', 32, 'ct-state', 'what connection tracking says of the packet', { aliases: 'NXM_NX_CT_STATE' }),
  field('ct_zone', 16, 'number', 'connection tracking zone', { aliases: 'NXM_NX_CT_ZONE', exact: true }),
  field('ct_mark', 32, 'hex', "the connection's mark", { aliases: 'NXM_NX_CT_MARK' }),
  field('ct_label', 128, 'hex', "the connection's label", { aliases: 'NXM_NX_CT_LABEL' }),
  field('ct_nw_src', 32, 'ipv4', "the connection's original source address", { aliases: 'NXM_NX_CT_NW_SRC' }),
  field('ct_nw_dst', 32, 'ipv4', "the connection's original destination address", { aliases: 'NXM_NX_CT_NW_DST' }),
  field('ct_ipv6_src', 128, 'ipv6', "the connection's original source address", { aliases: 'NXM_NX_CT_IPV6_SRC' }),
  field('ct_ipv6_dst', 128, 'ipv6', "the connection's original destination address", { aliases: 'NXM_NX_CT_IPV6_DST' }),
  field('ct_nw_proto', 8, 'number', "the connection's original IP protocol", { aliases: 'NXM_NX_CT_NW_PROTO', exact: true }),
  field('ct_tp_src', 16, 'number', "the connection's original source port", { aliases: 'NXM_NX_CT_TP_SRC' }),
  field('ct_tp_dst', 16, 'number', "the connection's original destination port", { aliases: 'NXM_NX_CT_TP_DST' }),
  field('dl_src', 48, 'mac', 'Ethernet source address', { aliases: 'eth_src NXM_OF_ETH_SRC OXM_OF_ETH_SRC' }),
  field('dl_dst', 48, 'mac', 'Ethernet destination address', { aliases: 'eth_dst NXM_OF_ETH_DST OXM_OF_ETH_DST' }),
  field('dl_type', 16, 'hex', 'Ethernet type', { aliases: 'eth_type NXM_OF_ETH_TYPE OXM_OF_ETH_TYPE', exact: true }),
  field('vlan_tci', 16, 'hex', 'the 802.1Q header: priority, presence bit 0x1000 and VLAN', { aliases: 'NXM_OF_VLAN_TCI' }),
  field('dl_vlan', 12, 'number', 'VLAN id; 65535 means no 802.1Q header', { key: 'vlan_tci', exact: true }),
  field('dl_vlan_pcp', 3, 'number', 'VLAN priority', { key: 'vlan_tci', shift: 13, exact: true }),
  field('vlan_vid', 13, 'number', 'VLAN id with the presence bit 0x1000', { key: 'vlan_tci', aliases: 'OXM_OF_VLAN_VID' }),
  field('vlan_pcp', 3, 'number', 'VLAN priority', {
    key: 'vlan_tci',
    shift: 13,
    aliases: 'OXM_OF_VLAN_PCP',
    exact: true,
    needs: 'vlan',
  }),
  field('mpls_label', 20, 'number', 'MPLS label', { aliases: 'OXM_OF_MPLS_LABEL', exact: true, needs: 'mpls' }),
  field('mpls_tc', 3, 'number', 'MPLS traffic class', { aliases: 'OXM_OF_MPLS_TC', exact: true, needs: 'mpls' }),
  field('mpls_bos', 1, 'number', 'bottom of the MPLS stack', { aliases: 'OXM_OF_MPLS_BOS', exact: true, needs: 'mpls' }),
  field('mpls_ttl', 8, 'number', 'MPLS time to live', { aliases: 'NXM_NX_MPLS_TTL', exact: true, needs: 'mpls' }),
  field('nw_src', 32, 'ipv4', 'IPv4 source address', { aliases: 'ip_src NXM_OF_IP_SRC OXM_OF_IPV4_SRC ipv4_src', needs: 'ip' }),
  field('nw_dst', 32, 'ipv4', 'IPv4 destination address', {
    aliases: 'ip_dst NXM_OF_IP_DST OXM_OF_IPV4_DST ipv4_dst',
    needs: 'ip',
  }),
  field('ipv6_src', 128, 'ipv6', 'IPv6 source address', { aliases: 'NXM_NX_IPV6_SRC OXM_OF_IPV6_SRC', needs: 'ipv6' }),
  field('ipv6_dst', 128, 'ipv6', 'IPv6 destination address', { aliases: 'NXM_NX_IPV6_DST OXM_OF_IPV6_DST', needs: 'ipv6' }),
  field('ipv6_label', 20, 'hex', 'IPv6 flow label', { aliases: 'NXM_NX_IPV6_LABEL OXM_OF_IPV6_FLABEL', needs: 'ipv6' }),
  field('nw_proto', 8, 'number', 'IP protocol', {
    aliases: 'ip_proto NXM_OF_IP_PROTO OXM_OF_IP_PROTO',
    needs: 'ip-any',
    exact: true,
  }),
  field('nw_ttl', 8, 'number', 'IP time to live', { aliases: 'NXM_NX_IP_TTL', needs: 'ip-any', exact: true }),
  field('nw_frag', 8, 'frag', 'whether the packet is a fragment', { aliases: 'ip_frag NXM_NX_IP_FRAG', needs: 'ip-any' }),
  field('nw_tos', 8, 'number', 'IP type of service, its upper six bits', {
    aliases: 'NXM_OF_IP_TOS',
    needs: 'ip-any',
    exact: true,
  }),
  field('ip_dscp', 6, 'number', 'IP differentiated services code point', {
    key: 'nw_tos',
    shift: 2,
    aliases: 'OXM_OF_IP_DSCP',
    needs: 'ip-any',
    exact: true,
  }),
  field('nw_ecn', 2, 'number', 'IP explicit congestion notification', {
    key: 'nw_ecn',
    aliases: 'ip_ecn NXM_NX_IP_ECN OXM_OF_IP_ECN',
    needs: 'ip-any',
    exact: true,
  }),
  field('arp_op', 16, 'number', 'ARP operation: 1 asks, 2 answers', {
    key: 'nw_proto',
    aliases: 'NXM_OF_ARP_OP OXM_OF_ARP_OP',
    needs: 'arp',
    exact: true,
  }),
  field('arp_spa', 32, 'ipv4', "ARP: the sender's IP address", {
    key: 'nw_src',
    aliases: 'NXM_OF_ARP_SPA OXM_OF_ARP_SPA',
    needs: 'arp',
  }),
  field('arp_tpa', 32, 'ipv4', 'ARP: the IP address asked for', {
    key: 'nw_dst',
    aliases: 'NXM_OF_ARP_TPA OXM_OF_ARP_TPA',
    needs: 'arp',
  }),
  field('arp_sha', 48, 'mac', "ARP: the sender's MAC address", { aliases: 'NXM_NX_ARP_SHA OXM_OF_ARP_SHA', needs: 'arp' }),
  field('arp_tha', 48, 'mac', "ARP: the target's MAC address", { aliases: 'NXM_NX_ARP_THA OXM_OF_ARP_THA', needs: 'arp' }),
  field('tp_src', 16, 'number', 'source port', { needs: 'tcp-udp-sctp' }),
  field('tp_dst', 16, 'number', 'destination port', { needs: 'tcp-udp-sctp' }),
  field('tcp_src', 16, 'number', 'TCP source port', { key: 'tp_src', aliases: 'NXM_OF_TCP_SRC OXM_OF_TCP_SRC', needs: 'tcp' }),
  field('tcp_dst', 16, 'number', 'TCP destination port', {
    key: 'tp_dst',
    aliases: 'NXM_OF_TCP_DST OXM_OF_TCP_DST',
    needs: 'tcp',
  }),
  field('tcp_flags', 12, 'tcp-flags', 'TCP flags', {
    aliases: 'NXM_NX_TCP_FLAGS ONFOXM_ET_TCP_FLAGS OXM_OF_TCP_FLAGS',
    needs: 'tcp',
  }),
  field('udp_src', 16, 'number', 'UDP source port', { key: 'tp_src', aliases: 'NXM_OF_UDP_SRC OXM_OF_UDP_SRC', needs: 'udp' }),
  field('udp_dst', 16, 'number', 'UDP destination port', {
    key: 'tp_dst',
    aliases: 'NXM_OF_UDP_DST OXM_OF_UDP_DST',
    needs: 'udp',
  }),
  field('sctp_src', 16, 'number', 'SCTP source port', { key: 'tp_src', aliases: 'OXM_OF_SCTP_SRC', needs: 'sctp' }),
  field('sctp_dst', 16, 'number', 'SCTP destination port', { key: 'tp_dst', aliases: 'OXM_OF_SCTP_DST', needs: 'sctp' }),
  field('icmp_type', 8, 'number', 'ICMP type', {
    key: 'tp_src',
    aliases: 'NXM_OF_ICMP_TYPE OXM_OF_ICMPV4_TYPE',
    needs: 'icmp',
    exact: true,
  }),
  field('icmp_code', 8, 'number', 'ICMP code', {
    key: 'tp_dst',
    aliases: 'NXM_OF_ICMP_CODE OXM_OF_ICMPV4_CODE',
    needs: 'icmp',
    exact: true,
  }),
  field('icmpv6_type', 8, 'number', 'ICMPv6 type', {
    key: 'tp_src',
    aliases: 'NXM_NX_ICMPV6_TYPE OXM_OF_ICMPV6_TYPE',
    needs: 'icmp6',
    exact: true,
  }),
  field('icmpv6_code', 8, 'number', 'ICMPv6 code', {
    key: 'tp_dst',
    aliases: 'NXM_NX_ICMPV6_CODE OXM_OF_ICMPV6_CODE',
    needs: 'icmp6',
    exact: true,
  }),
  field('nd_target', 128, 'ipv6', 'neighbour discovery: the address asked for', {
    aliases: 'NXM_NX_ND_TARGET OXM_OF_IPV6_ND_TARGET',
    needs: 'nd',
  }),
  field('nd_sll', 48, 'mac', "neighbour discovery: the sender's MAC address", {
    key: 'arp_sha',
    aliases: 'NXM_NX_ND_SLL OXM_OF_IPV6_ND_SLL',
    needs: 'nd-solicit',
  }),
  field('nd_tll', 48, 'mac', "neighbour discovery: the target's MAC address", {
    key: 'arp_tha',
    aliases: 'NXM_NX_ND_TLL OXM_OF_IPV6_ND_TLL',
    needs: 'nd-advert',
  }),
  field('nd_options_type', 8, 'number', 'neighbour discovery: the option', {
    aliases: 'ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE',
    needs: 'nd',
    exact: true,
  }),
  field('nd_reserved', 32, 'hex', 'neighbour discovery: the reserved word', {
    aliases: 'ERICOXM_OF_ICMPV6_ND_RESERVED',
    needs: 'nd',
    exact: true,
  }),
  field('nsh_mdtype', 8, 'number', 'NSH metadata type', { needs: 'nsh', exact: true }),
  field('nsh_np', 8, 'number', 'NSH next protocol', { needs: 'nsh', exact: true }),
  field('nsh_spi', 24, 'hex', 'NSH service path', { aliases: 'nsp', needs: 'nsh', exact: true }),
  field('nsh_si', 8, 'number', 'NSH service index', { aliases: 'nsi', needs: 'nsh', exact: true }),
  field('nsh_ttl', 8, 'number', 'NSH time to live', { needs: 'nsh', exact: true }),
  field('nsh_flags', 8, 'number', 'NSH flags', { needs: 'nsh' }),
  ...[1, 2, 3, 4].map((n) => field(`nsh_c${n}`, 32, 'hex', `NSH context ${n}`, { needs: 'nsh' })),
];

const byName = new Map<string, Field>();
for (const f of fields) {
  for (const name of [f.name, ...f.aliases]) {
    byName.set(name, f);
    byName.set(name.toLowerCase(), f);
  }
}
/** The field of a name in any spelling (`dl_src`, `eth_src`, `NXM_OF_ETH_SRC`); undefined for a name that ovs-fields(7) lacks. */
export function fieldOf(name: string): Field | undefined {
  return byName.get(name) ?? byName.get(name.toLowerCase());
}

/** `ip`, `tcp6` …: what the word stands for in a match (ovs-ofctl(8), "Flow Syntax"). */
export const protocolWords: Readonly<Record<string, { readonly dlType: bigint; readonly nwProto?: bigint }>> = {
  ip: { dlType: 0x0800n },
  icmp: { dlType: 0x0800n, nwProto: 1n },
  tcp: { dlType: 0x0800n, nwProto: 6n },
  udp: { dlType: 0x0800n, nwProto: 17n },
  sctp: { dlType: 0x0800n, nwProto: 132n },
  arp: { dlType: 0x0806n },
  rarp: { dlType: 0x8035n },
  ipv6: { dlType: 0x86ddn },
  ip6: { dlType: 0x86ddn },
  tcp6: { dlType: 0x86ddn, nwProto: 6n },
  udp6: { dlType: 0x86ddn, nwProto: 17n },
  sctp6: { dlType: 0x86ddn, nwProto: 132n },
  icmp6: { dlType: 0x86ddn, nwProto: 58n },
  mpls: { dlType: 0x8847n },
  mplsm: { dlType: 0x8848n },
  nsh: { dlType: 0x894fn },
};

/** ct_state's flags and their bits (ovs-fields(7)). */
export const ctStateBits: Readonly<Record<string, bigint>> = {
  new: 0x01n,
  est: 0x02n,
  rel: 0x04n,
  rpl: 0x08n,
  inv: 0x10n,
  trk: 0x20n,
  snat: 0x40n,
  dnat: 0x80n,
};

export const tcpFlagBits: Readonly<Record<string, bigint>> = {
  fin: 0x001n,
  syn: 0x002n,
  rst: 0x004n,
  psh: 0x008n,
  ack: 0x010n,
  urg: 0x020n,
  ece: 0x040n,
  cwr: 0x080n,
  ns: 0x100n,
};

/** nw_frag's words as value and mask: bit 0 any fragment, bit 1 later ones (ovs-fields(7)). */
export const fragWords: Readonly<Record<string, { readonly value: bigint; readonly mask: bigint }>> = {
  no: { value: 0n, mask: 3n },
  yes: { value: 1n, mask: 1n },
  first: { value: 1n, mask: 3n },
  later: { value: 3n, mask: 3n },
  not_later: { value: 0n, mask: 2n },
};

/** OpenFlow's reserved ports by name, in OpenFlow 1.0's 16-bit numbers (ovs-ofctl(8)). */
export const reservedPorts: Readonly<Record<string, number>> = {
  IN_PORT: 0xfff8,
  TABLE: 0xfff9,
  NORMAL: 0xfffa,
  FLOOD: 0xfffb,
  ALL: 0xfffc,
  CONTROLLER: 0xfffd,
  LOCAL: 0xfffe,
  NONE: 0xffff,
  ANY: 0xffff,
};
export const LOCAL_PORT = 0xfffe;

export function fieldMask(f: Field): bigint {
  return ones(f.bits);
}

/** The storage key that a match on `field` compares, with the value and mask moved to where its bits are kept. */
export function storedBits(
  field: Field,
  value: bigint,
  mask: bigint,
): readonly { readonly key: string; readonly value: bigint; readonly mask: bigint }[] {
  // dl_vlan's value already carries the presence bit, and 13 or 16 bits of mask.
  if (field.name === 'dl_vlan') return [{ key: 'vlan_tci', value, mask }];
  if (field.name === 'vlan_vid') return [{ key: 'vlan_tci', value, mask }];
  if (field.name === 'dl_vlan_pcp' || field.name === 'vlan_pcp') {
    return [{ key: 'vlan_tci', value: (value << 13n) | 0x1000n, mask: (mask << 13n) | 0x1000n }];
  }
  if (field.storage.length === 1) {
    const [only] = field.storage;
    const shift = BigInt(only?.shift ?? 0);
    return [{ key: only?.key ?? field.name, value: value << shift, mask: mask << shift }];
  }
  return field.storage
    .map((part) => ({
      key: part.key,
      value: (value >> BigInt(part.shift)) & ones(32),
      mask: (mask >> BigInt(part.shift)) & ones(32),
    }))
    .filter((part) => part.mask !== 0n);
}
