import { ones } from '../base/bits';
import { field, registers, type Field } from './field';

const tunnelMetadata = Array.from({ length: 64 }, (_, n) =>
  field(`tun_metadata${n}`, 992, 'hex', `Geneve option ${n}`, { aliases: `NXM_NX_TUN_METADATA${n}` }),
);

/** Every field of ovs-fields(7), in Open vSwitch's order: the one table that parsing, matching, printing and hovers read. */
export const fields: readonly Field[] = [
  field('dp_hash', 32, 'hex', "the datapath's hash of the packet", {
    aliases: 'NXM_NX_DP_HASH NXOXM_ET_DP_HASH',
    readOnly: true,
  }),
  field('recirc_id', 32, 'number', 'which recirculation the packet comes from', {
    aliases: 'NXM_NX_RECIRC_ID',
    readOnly: true,
    exact: true,
  }),
  field('packet_type', 32, 'packet-type', 'Ethernet or another kind of packet', {
    aliases: 'OXM_OF_PACKET_TYPE',
    readOnly: true,
    exact: true,
  }),
  field('conj_id', 32, 'number', 'all clauses of this conjunction matched', {
    aliases: 'NXM_NX_CONJ_ID',
    readOnly: true,
    exact: true,
  }),
  field('tun_id', 64, 'hex', "the tunnel's key: the VNI of VXLAN and Geneve", {
    aliases: 'tunnel_id NXM_NX_TUN_ID OXM_OF_TUNNEL_ID',
  }),
  field('tun_src', 32, 'ipv4', "the tunnel's outer source address", { aliases: 'NXM_NX_TUN_IPV4_SRC' }),
  field('tun_dst', 32, 'ipv4', "the tunnel's outer destination address", { aliases: 'NXM_NX_TUN_IPV4_DST' }),
  field('tun_ipv6_src', 128, 'ipv6', "the tunnel's outer source address", { aliases: 'NXM_NX_TUN_IPV6_SRC' }),
  field('tun_ipv6_dst', 128, 'ipv6', "the tunnel's outer destination address", { aliases: 'NXM_NX_TUN_IPV6_DST' }),
  field('tun_flags', 1, 'tun-flags', 'tunnel flags (oam)', { aliases: 'NXM_NX_TUN_FLAGS', bytes: 2 }),
  field('tun_ttl', 8, 'number', "the tunnel's time to live", { readOnly: true, exact: true }),
  field('tun_tos', 8, 'number', "the tunnel's type of service", { readOnly: true, exact: true }),
  field('tun_gbp_id', 16, 'number', 'VXLAN group policy id', { aliases: 'NXM_NX_TUN_GBP_ID' }),
  field('tun_gbp_flags', 8, 'hex', 'VXLAN group policy flags', { aliases: 'NXM_NX_TUN_GBP_FLAGS' }),
  field('tun_erspan_idx', 20, 'hex', 'ERSPAN version 1: port index', { aliases: 'NXOXM_ET_ERSPAN_IDX' }),
  field('tun_erspan_ver', 4, 'number', 'ERSPAN version', { aliases: 'NXOXM_ET_ERSPAN_VER' }),
  field('tun_erspan_dir', 1, 'number', 'ERSPAN version 2: 0 ingress, 1 egress', { aliases: 'NXOXM_ET_ERSPAN_DIR' }),
  field('tun_erspan_hwid', 6, 'hex', 'ERSPAN version 2: hardware id', { aliases: 'NXOXM_ET_ERSPAN_HWID' }),
  field('tun_gtpu_flags', 8, 'hex', 'GTP-U flags', { aliases: 'NXOXM_ET_GTPU_FLAGS gtpu_flags', readOnly: true }),
  field('tun_gtpu_msgtype', 8, 'number', 'GTP-U message type', { aliases: 'NXOXM_ET_GTPU_MSGTYPE gtpu_msgtype', readOnly: true }),
  ...tunnelMetadata,
  field('metadata', 64, 'hex', "the pipeline's metadata register", { aliases: 'OXM_OF_METADATA' }),
  field('in_port', 16, 'port', 'the port by which the packet came in', { aliases: 'NXM_OF_IN_PORT', exact: true }),
  field('in_port_oxm', 32, 'port', "the port by which the packet came in, in OpenFlow 1.1's 32-bit numbers", {
    aliases: 'OXM_OF_IN_PORT',
    exact: true,
    key: 'in_port',
    at: 'in_port',
    kept: 16,
  }),
  field('actset_output', 32, 'port', "the action set's output port", {
    aliases: 'ONFOXM_ET_ACTSET_OUTPUT OXM_OF_ACTSET_OUTPUT',
    readOnly: true,
    exact: true,
    kept: 16,
  }),
  field('skb_priority', 32, 'hex', 'the queue that set_queue chose', { readOnly: true, exact: true }),
  field('pkt_mark', 32, 'hex', "the kernel's packet mark (skb mark)", { aliases: 'NXM_NX_PKT_MARK' }),
  field('ct_state', 32, 'ct-state', 'what connection tracking says of the packet', {
    aliases: 'NXM_NX_CT_STATE',
    readOnly: true,
  }),
  field('ct_zone', 16, 'hex', 'connection tracking zone', { aliases: 'NXM_NX_CT_ZONE', readOnly: true, exact: true }),
  field('ct_mark', 32, 'hex', "the connection's mark", { aliases: 'NXM_NX_CT_MARK' }),
  field('ct_label', 128, 'hex', "the connection's label", { aliases: 'NXM_NX_CT_LABEL' }),
  field('ct_nw_proto', 8, 'number', "the connection's original IP protocol", {
    aliases: 'NXM_NX_CT_NW_PROTO',
    readOnly: true,
    exact: true,
    needs: 'ct',
  }),
  field('ct_nw_src', 32, 'ipv4', "the connection's original source address", {
    aliases: 'NXM_NX_CT_NW_SRC',
    readOnly: true,
    needs: 'ct',
  }),
  field('ct_nw_dst', 32, 'ipv4', "the connection's original destination address", {
    aliases: 'NXM_NX_CT_NW_DST',
    readOnly: true,
    needs: 'ct',
  }),
  field('ct_ipv6_src', 128, 'ipv6', "the connection's original source address", {
    aliases: 'NXM_NX_CT_IPV6_SRC',
    readOnly: true,
    needs: 'ct',
  }),
  field('ct_ipv6_dst', 128, 'ipv6', "the connection's original destination address", {
    aliases: 'NXM_NX_CT_IPV6_DST',
    readOnly: true,
    needs: 'ct',
  }),
  field('ct_tp_src', 16, 'number', "the connection's original source port", {
    aliases: 'NXM_NX_CT_TP_SRC',
    readOnly: true,
    needs: 'ct',
  }),
  field('ct_tp_dst', 16, 'number', "the connection's original destination port", {
    aliases: 'NXM_NX_CT_TP_DST',
    readOnly: true,
    needs: 'ct',
  }),
  ...registers(16, 1, 'reg', 'NXM_NX_REG'),
  ...registers(8, 2, 'xreg', 'OXM_OF_PKT_REG'),
  ...registers(4, 4, 'xxreg', 'NXM_NX_XXREG'),
  field('dl_src', 48, 'mac', 'Ethernet source address', {
    aliases: 'NXM_OF_ETH_SRC OXM_OF_ETH_SRC',
    mf: 'eth_src',
    needs: 'ethernet',
  }),
  field('dl_dst', 48, 'mac', 'Ethernet destination address', {
    aliases: 'NXM_OF_ETH_DST OXM_OF_ETH_DST',
    mf: 'eth_dst',
    needs: 'ethernet',
  }),
  field('dl_type', 16, 'hex', 'Ethernet type', {
    aliases: 'NXM_OF_ETH_TYPE OXM_OF_ETH_TYPE',
    mf: 'eth_type',
    needs: 'ethernet',
    readOnly: true,
    exact: true,
  }),
  field('vlan_tci', 16, 'hex', 'the 802.1Q header: priority, presence bit 0x1000 and VLAN', {
    aliases: 'NXM_OF_VLAN_TCI',
    needs: 'ethernet',
    at: 'vlan0',
  }),
  field('dl_vlan', 12, 'number', 'VLAN id; 65535 means no 802.1Q header', {
    needs: 'ethernet',
    exact: true,
    key: 'vlan_tci',
    at: 'vlan0',
  }),
  field('vlan_vid', 12, 'number', 'VLAN id with the presence bit 0x1000', {
    aliases: 'OXM_OF_VLAN_VID',
    needs: 'ethernet',
    key: 'vlan_tci',
    at: 'vlan0',
    kept: 13,
  }),
  field('dl_vlan_pcp', 3, 'number', 'VLAN priority', { needs: 'ethernet', exact: true, key: 'vlan_tci', at: 'vlan0', shift: 13 }),
  field('vlan_pcp', 3, 'number', 'VLAN priority', {
    aliases: 'OXM_OF_VLAN_PCP',
    needs: 'vlan',
    exact: true,
    key: 'vlan_tci',
    at: 'vlan0',
    shift: 13,
  }),
  field('mpls_label', 20, 'number', 'MPLS label', {
    aliases: 'OXM_OF_MPLS_LABEL',
    needs: 'mpls',
    exact: true,
    at: 'mpls',
    shift: 12,
  }),
  field('mpls_tc', 3, 'number', 'MPLS traffic class', {
    aliases: 'OXM_OF_MPLS_TC',
    needs: 'mpls',
    exact: true,
    at: 'mpls',
    shift: 9,
  }),
  field('mpls_bos', 1, 'number', 'bottom of the MPLS stack', {
    aliases: 'OXM_OF_MPLS_BOS',
    needs: 'mpls',
    exact: true,
    readOnly: true,
    at: 'mpls',
    shift: 8,
  }),
  field('mpls_ttl', 8, 'number', 'MPLS time to live', { aliases: 'NXM_NX_MPLS_TTL', needs: 'mpls', exact: true, at: 'mpls' }),
  field('nw_src', 32, 'ipv4', 'IPv4 source address', {
    aliases: 'NXM_OF_IP_SRC OXM_OF_IPV4_SRC ipv4_src',
    mf: 'ip_src',
    needs: 'ipv4',
  }),
  field('nw_dst', 32, 'ipv4', 'IPv4 destination address', {
    aliases: 'NXM_OF_IP_DST OXM_OF_IPV4_DST ipv4_dst',
    mf: 'ip_dst',
    needs: 'ipv4',
  }),
  field('ipv6_src', 128, 'ipv6', 'IPv6 source address', { aliases: 'NXM_NX_IPV6_SRC OXM_OF_IPV6_SRC', needs: 'ipv6' }),
  field('ipv6_dst', 128, 'ipv6', 'IPv6 destination address', { aliases: 'NXM_NX_IPV6_DST OXM_OF_IPV6_DST', needs: 'ipv6' }),
  field('ipv6_label', 20, 'hex', 'IPv6 flow label', { aliases: 'NXM_NX_IPV6_LABEL OXM_OF_IPV6_FLABEL', needs: 'ipv6' }),
  field('nw_proto', 8, 'number', 'IP protocol', {
    aliases: 'ip_proto NXM_OF_IP_PROTO OXM_OF_IP_PROTO',
    needs: 'ip-any',
    exact: true,
    readOnly: true,
  }),
  field('nw_tos', 8, 'number', 'IP type of service, its upper six bits', {
    aliases: 'NXM_OF_IP_TOS',
    needs: 'ip-any',
    exact: true,
  }),
  field('ip_dscp', 6, 'number', 'IP differentiated services code point', {
    aliases: 'OXM_OF_IP_DSCP',
    needs: 'ip-any',
    exact: true,
    key: 'nw_tos',
    at: 'nw_tos',
    shift: 2,
  }),
  field('nw_ecn', 2, 'number', 'IP explicit congestion notification', {
    aliases: 'ip_ecn NXM_NX_IP_ECN OXM_OF_IP_ECN',
    needs: 'ip-any',
    exact: true,
    at: 'nw_tos',
  }),
  field('nw_ttl', 8, 'number', 'IP time to live', { aliases: 'NXM_NX_IP_TTL', needs: 'ip-any', exact: true }),
  field('nw_frag', 2, 'frag', 'whether the packet is a fragment', {
    aliases: 'NXM_NX_IP_FRAG',
    mf: 'ip_frag',
    needs: 'ip-any',
    readOnly: true,
  }),
  field('arp_op', 16, 'number', 'ARP operation: 1 asks, 2 answers', {
    aliases: 'NXM_OF_ARP_OP OXM_OF_ARP_OP',
    needs: 'arp',
    exact: true,
    key: 'nw_proto',
    at: 'nw_proto',
    kept: 8,
  }),
  field('arp_spa', 32, 'ipv4', "ARP: the sender's IP address", {
    aliases: 'NXM_OF_ARP_SPA OXM_OF_ARP_SPA',
    needs: 'arp',
    key: 'nw_src',
    at: 'nw_src',
  }),
  field('arp_tpa', 32, 'ipv4', 'ARP: the IP address asked for', {
    aliases: 'NXM_OF_ARP_TPA OXM_OF_ARP_TPA',
    needs: 'arp',
    key: 'nw_dst',
    at: 'nw_dst',
  }),
  field('arp_sha', 48, 'mac', "ARP: the sender's MAC address", { aliases: 'NXM_NX_ARP_SHA OXM_OF_ARP_SHA', needs: 'arp' }),
  field('arp_tha', 48, 'mac', "ARP: the target's MAC address", { aliases: 'NXM_NX_ARP_THA OXM_OF_ARP_THA', needs: 'arp' }),
  field('tcp_src', 16, 'number', 'TCP source port', {
    aliases: 'NXM_OF_TCP_SRC OXM_OF_TCP_SRC',
    needs: 'tcp',
    key: 'tp_src',
    at: 'tp_src',
  }),
  field('tcp_dst', 16, 'number', 'TCP destination port', {
    aliases: 'NXM_OF_TCP_DST OXM_OF_TCP_DST',
    needs: 'tcp',
    key: 'tp_dst',
    at: 'tp_dst',
  }),
  field('tcp_flags', 12, 'tcp-flags', 'TCP flags', {
    aliases: 'NXM_NX_TCP_FLAGS ONFOXM_ET_TCP_FLAGS OXM_OF_TCP_FLAGS',
    needs: 'tcp',
    readOnly: true,
  }),
  field('udp_src', 16, 'number', 'UDP source port', {
    aliases: 'NXM_OF_UDP_SRC OXM_OF_UDP_SRC',
    needs: 'udp',
    key: 'tp_src',
    at: 'tp_src',
  }),
  field('udp_dst', 16, 'number', 'UDP destination port', {
    aliases: 'NXM_OF_UDP_DST OXM_OF_UDP_DST',
    needs: 'udp',
    key: 'tp_dst',
    at: 'tp_dst',
  }),
  field('sctp_src', 16, 'number', 'SCTP source port', { aliases: 'OXM_OF_SCTP_SRC', needs: 'sctp', key: 'tp_src', at: 'tp_src' }),
  field('sctp_dst', 16, 'number', 'SCTP destination port', {
    aliases: 'OXM_OF_SCTP_DST',
    needs: 'sctp',
    key: 'tp_dst',
    at: 'tp_dst',
  }),
  field('icmp_type', 8, 'number', 'ICMP type', {
    aliases: 'NXM_OF_ICMP_TYPE OXM_OF_ICMPV4_TYPE',
    needs: 'icmp',
    exact: true,
    key: 'tp_src',
    at: 'tp_src',
  }),
  field('icmp_code', 8, 'number', 'ICMP code', {
    aliases: 'NXM_OF_ICMP_CODE OXM_OF_ICMPV4_CODE',
    needs: 'icmp',
    exact: true,
    key: 'tp_dst',
    at: 'tp_dst',
  }),
  field('icmpv6_type', 8, 'number', 'ICMPv6 type', {
    aliases: 'NXM_NX_ICMPV6_TYPE OXM_OF_ICMPV6_TYPE',
    needs: 'icmp6',
    exact: true,
    key: 'tp_src',
    at: 'tp_src',
  }),
  field('icmpv6_code', 8, 'number', 'ICMPv6 code', {
    aliases: 'NXM_NX_ICMPV6_CODE OXM_OF_ICMPV6_CODE',
    needs: 'icmp6',
    exact: true,
    key: 'tp_dst',
    at: 'tp_dst',
  }),
  field('nd_target', 128, 'ipv6', 'neighbour discovery: the address asked for', {
    aliases: 'NXM_NX_ND_TARGET OXM_OF_IPV6_ND_TARGET',
    needs: 'nd',
  }),
  field('nd_sll', 48, 'mac', "neighbour discovery: the sender's MAC address", {
    aliases: 'NXM_NX_ND_SLL OXM_OF_IPV6_ND_SLL',
    needs: 'nd-solicit',
    key: 'arp_sha',
    at: 'arp_sha',
  }),
  field('nd_tll', 48, 'mac', "neighbour discovery: the target's MAC address", {
    aliases: 'NXM_NX_ND_TLL OXM_OF_IPV6_ND_TLL',
    needs: 'nd-advert',
    key: 'arp_tha',
    at: 'arp_tha',
  }),
  field('nd_reserved', 32, 'number', 'neighbour discovery: the reserved word', {
    aliases: 'ERICOXM_OF_ICMPV6_ND_RESERVED',
    needs: 'nd',
    exact: true,
    at: 'igmp_group',
  }),
  field('nd_options_type', 8, 'number', 'neighbour discovery: the option', {
    aliases: 'ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE',
    needs: 'nd',
    exact: true,
    at: 'tcp_flags',
  }),
  field('nsh_flags', 8, 'number', 'NSH flags', { aliases: 'NXOXM_NSH_FLAGS', needs: 'nsh' }),
  field('nsh_mdtype', 8, 'number', 'NSH metadata type', {
    aliases: 'NXOXM_NSH_MDTYPE',
    needs: 'nsh',
    exact: true,
    readOnly: true,
  }),
  field('nsh_np', 8, 'number', 'NSH next protocol', { aliases: 'NXOXM_NSH_NP', needs: 'nsh', exact: true, readOnly: true }),
  field('nsh_spi', 24, 'hex', 'NSH service path', { aliases: 'NXOXM_NSH_SPI nsp', needs: 'nsh', exact: true }),
  field('nsh_si', 8, 'number', 'NSH service index', { aliases: 'NXOXM_NSH_SI nsi', needs: 'nsh', exact: true }),
  field('nsh_c1', 32, 'hex', 'NSH context 1', { aliases: 'NXOXM_NSH_C1 nshc1', needs: 'nsh', at: 'nsh_context' }),
  field('nsh_c2', 32, 'hex', 'NSH context 2', { aliases: 'NXOXM_NSH_C2 nshc2', needs: 'nsh', at: 'nsh_context', word: 1 }),
  field('nsh_c3', 32, 'hex', 'NSH context 3', { aliases: 'NXOXM_NSH_C3 nshc3', needs: 'nsh', at: 'nsh_context', word: 2 }),
  field('nsh_c4', 32, 'hex', 'NSH context 4', { aliases: 'NXOXM_NSH_C4 nshc4', needs: 'nsh', at: 'nsh_context', word: 3 }),
  field('nsh_ttl', 8, 'number', 'NSH time to live', { aliases: 'NXOXM_NSH_TTL', needs: 'nsh', exact: true }),
];

/** `tp_src` and `tp_dst` as flows spell the ports of any protocol; what they set and print is TCP's field (ovs-fields(7)). */
const anyPorts: readonly Field[] = [
  field('tp_src', 16, 'number', 'source port', { mf: 'tcp_src', aliases: 'NXM_OF_TCP_SRC', needs: 'tcp' }),
  field('tp_dst', 16, 'number', 'destination port', { mf: 'tcp_dst', aliases: 'NXM_OF_TCP_DST', needs: 'tcp' }),
].map((each) => ({ ...each, aliases: [] }));

/** Names that OpenFlow's specification has for fields that Open vSwitch calls otherwise. */
const otherNames: Readonly<Record<string, string>> = { in_phy_port: 'in_port', OXM_OF_IN_PHY_PORT: 'in_port' };

const byName = new Map<string, Field>();
const byMfName = new Map<string, Field>();
const byHeader = new Map<string, Field>();
for (const f of [...fields, ...anyPorts]) {
  for (const name of [f.name, ...f.aliases]) {
    byName.set(name, f);
    byName.set(name.toLowerCase(), f);
  }
}
for (const f of fields) {
  for (const name of [f.name, f.mfName, ...f.aliases]) (/^[A-Z]/.test(name) ? byHeader : byMfName).set(name, f);
}
for (const [name, target] of [
  ['tp_src', 'tcp_src'],
  ['tp_dst', 'tcp_dst'],
] as const) {
  const f = byMfName.get(target);
  if (f) byMfName.set(name, f);
}
// Open vSwitch itself does not take these names in a flow.
for (const name of ['gtpu_flags', 'gtpu_msgtype', 'ipv4_src', 'ipv4_dst']) byMfName.delete(name);
for (const [name, target] of Object.entries(otherNames)) {
  const f = byName.get(target);
  if (f) byName.set(name, f).set(name.toLowerCase(), f);
}

/** The field of a name in any spelling (`dl_src`, `eth_src`, `NXM_OF_ETH_SRC`); undefined for a name that ovs-fields(7) lacks. */
export function fieldOf(name: string): Field | undefined {
  return byName.get(name) ?? byName.get(name.toLowerCase());
}

/** The field of a name as Open vSwitch's flow parser takes it (`eth_src`, `dl_src`, `tp_src`); no headers, no capitals. */
export function mfFromName(name: string): Field | undefined {
  return byMfName.get(name);
}

/** The field of a name as subfields are written (`NXM_OF_ETH_SRC`, `eth_src`; `_W` for a header with a mask). */
export function mfFromHeader(name: string): Field | undefined {
  return byHeader.get(name.endsWith('_W') ? name.slice(0, -2) : name) ?? byMfName.get(name);
}

/** All ones over a value's bytes: the mask of an exact match. */
export function exactMask(f: Field): bigint {
  return ones(8 * f.bytes);
}

/** `ip`, `tcp6` …: what the word stands for in a match (ovs-ofctl(8), "Flow Syntax"). */
export const protocolWords: Readonly<Record<string, { readonly dlType: bigint; readonly nwProto?: bigint }>> = {
  ip: { dlType: 0x0800n },
  ip4: { dlType: 0x0800n },
  ipv4: { dlType: 0x0800n },
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

/** OpenFlow 1.0's number of a bridge's own port (ovs-ofctl(8)). */
export const LOCAL_PORT = 0xfffe;

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
