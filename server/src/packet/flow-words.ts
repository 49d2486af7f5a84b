/**
 * A packet's headers and what the switch keeps beside them, as 32-bit words in a fixed order. The same array serves as a value, as a
 * mask over one, and as the set of bits that a translation has looked at. What is absent is 0, as in Open vSwitch.
 */
export type FlowWords = Uint32Array;

/** The first word of each header or register; wider ones go on, most significant word first. */
export interface WordLayout {
  readonly at: number;
  readonly words: number;
  /** Classifier stage (metadata, Ethernet, network, transport), in which Open vSwitch looks tables up piece by piece. */
  readonly stage: 0 | 1 | 2 | 3;
}

const layout: Record<string, WordLayout> = {};
let next = 0;
function put(stage: WordLayout['stage'], names: Readonly<Record<string, number>>): void {
  for (const [name, words] of Object.entries(names)) {
    layout[name] = { at: next, words, stage };
    next += words;
  }
}

// tun_md_present has a bit for each of the 64 Geneve options of the TLV map, tun_md their 256 bytes.
put(0, {
  tun_dst: 1, tun_ipv6_dst: 4, tun_src: 1, tun_ipv6_src: 4, tun_id: 2, tun_flags: 1, tun_tos: 1, tun_ttl: 1, tun_tp_src: 1,
  tun_tp_dst: 1, tun_gbp_id: 1, tun_gbp_flags: 1, tun_erspan_ver: 1, tun_erspan_idx: 1, tun_erspan_dir: 1, tun_erspan_hwid: 1,
  tun_gtpu_flags: 1, tun_gtpu_msgtype: 1, tun_md_present: 2, tun_md: 64, metadata: 2, reg: 16, skb_priority: 1, pkt_mark: 1,
  dp_hash: 1, in_port: 1, recirc_id: 1, ct_state: 1, ct_nw_proto: 1, ct_zone: 1, ct_mark: 1, packet_type: 1, ct_label: 4,
  conj_id: 1, actset_output: 1,
}); // prettier-ignore
// vlan0 and vlan1 hold the TPID in their upper and the TCI in their lower half; mpls holds whole label stack entries.
put(1, { dl_dst: 2, dl_src: 2, dl_type: 1, vlan0: 1, vlan1: 1, mpls: 3 });
put(2, {
  nw_src: 1, nw_dst: 1, ct_nw_src: 1, ct_nw_dst: 1, ipv6_src: 4, ipv6_dst: 4, ct_ipv6_src: 4, ct_ipv6_dst: 4, ipv6_label: 1,
  nw_frag: 1, nw_tos: 1, nw_ttl: 1, nw_proto: 1,
}); // prettier-ignore
// tcp_flags also holds the type of a neighbour discovery option, igmp_group the reserved word of neighbour discovery.
put(3, {
  nd_target: 4, arp_sha: 2, arp_tha: 2, tcp_flags: 1, nsh_flags: 1, nsh_ttl: 1, nsh_mdtype: 1, nsh_np: 1, nsh_spi: 1, nsh_si: 1,
  nsh_context: 4, tp_src: 1, tp_dst: 1, ct_tp_src: 1, ct_tp_dst: 1, igmp_group: 1,
}); // prettier-ignore

/** Where each header is kept, by name. */
export const wordLayout: Readonly<Record<string, WordLayout>> = layout;

export const FLOW_WORDS = next;

/** The first word of a header by the name that `wordLayout` gives it. Throws for other names: they are mistakes of the program. */
export function wordAt(name: string): number {
  const entry = layout[name];
  if (!entry) throw new Error(`no header is kept under the name ${name}`);
  return entry.at;
}

const stages = new Uint8Array(FLOW_WORDS);
for (const entry of Object.values(layout)) stages.fill(entry.stage, entry.at, entry.at + entry.words);

/** The classifier stage of a word, 0 to 3. */
export function stageOf(word: number): number {
  return stages[word] ?? 0;
}

/** Word numbers for code that handles headers by themselves. */
export const W = {
  tunDst: wordAt('tun_dst'),
  tunIpv6Dst: wordAt('tun_ipv6_dst'),
  tunSrc: wordAt('tun_src'),
  tunIpv6Src: wordAt('tun_ipv6_src'),
  tunId: wordAt('tun_id'),
  tunFlags: wordAt('tun_flags'),
  tunTos: wordAt('tun_tos'),
  tunTtl: wordAt('tun_ttl'),
  tunTpSrc: wordAt('tun_tp_src'),
  tunTpDst: wordAt('tun_tp_dst'),
  tunGbpId: wordAt('tun_gbp_id'),
  tunGbpFlags: wordAt('tun_gbp_flags'),
  tunErspanVer: wordAt('tun_erspan_ver'),
  tunErspanIdx: wordAt('tun_erspan_idx'),
  tunErspanDir: wordAt('tun_erspan_dir'),
  tunErspanHwid: wordAt('tun_erspan_hwid'),
  tunGtpuFlags: wordAt('tun_gtpu_flags'),
  tunGtpuMsgtype: wordAt('tun_gtpu_msgtype'),
  tunMdPresent: wordAt('tun_md_present'),
  tunMd: wordAt('tun_md'),
  metadata: wordAt('metadata'),
  reg: wordAt('reg'),
  skbPriority: wordAt('skb_priority'),
  pktMark: wordAt('pkt_mark'),
  dpHash: wordAt('dp_hash'),
  inPort: wordAt('in_port'),
  recircId: wordAt('recirc_id'),
  ctState: wordAt('ct_state'),
  ctNwProto: wordAt('ct_nw_proto'),
  ctZone: wordAt('ct_zone'),
  ctMark: wordAt('ct_mark'),
  packetType: wordAt('packet_type'),
  ctLabel: wordAt('ct_label'),
  conjId: wordAt('conj_id'),
  actsetOutput: wordAt('actset_output'),
  dlDst: wordAt('dl_dst'),
  dlSrc: wordAt('dl_src'),
  dlType: wordAt('dl_type'),
  vlan0: wordAt('vlan0'),
  vlan1: wordAt('vlan1'),
  mpls: wordAt('mpls'),
  nwSrc: wordAt('nw_src'),
  nwDst: wordAt('nw_dst'),
  ctNwSrc: wordAt('ct_nw_src'),
  ctNwDst: wordAt('ct_nw_dst'),
  ipv6Src: wordAt('ipv6_src'),
  ipv6Dst: wordAt('ipv6_dst'),
  ctIpv6Src: wordAt('ct_ipv6_src'),
  ctIpv6Dst: wordAt('ct_ipv6_dst'),
  ipv6Label: wordAt('ipv6_label'),
  nwFrag: wordAt('nw_frag'),
  nwTos: wordAt('nw_tos'),
  nwTtl: wordAt('nw_ttl'),
  nwProto: wordAt('nw_proto'),
  ndTarget: wordAt('nd_target'),
  arpSha: wordAt('arp_sha'),
  arpTha: wordAt('arp_tha'),
  tcpFlags: wordAt('tcp_flags'),
  nshFlags: wordAt('nsh_flags'),
  nshTtl: wordAt('nsh_ttl'),
  nshMdtype: wordAt('nsh_mdtype'),
  nshNp: wordAt('nsh_np'),
  nshSpi: wordAt('nsh_spi'),
  nshSi: wordAt('nsh_si'),
  nshContext: wordAt('nsh_context'),
  tpSrc: wordAt('tp_src'),
  tpDst: wordAt('tp_dst'),
  ctTpSrc: wordAt('ct_tp_src'),
  ctTpDst: wordAt('ct_tp_dst'),
  igmpGroup: wordAt('igmp_group'),
} as const;

/** A packet without any header. */
export function emptyFlow(): FlowWords {
  return new Uint32Array(FLOW_WORDS);
}

/** A run of bits inside one word: `bits` from bit `shift` on. */
export interface FieldSlice {
  readonly word: number;
  readonly shift: number;
  readonly bits: number;
}

/** The value that the slices hold together, the first one being the most significant. */
export function readSlices(flow: FlowWords, slices: readonly FieldSlice[]): bigint {
  let value = 0n;
  for (const { word, shift, bits } of slices) {
    const part = bits === 32 ? (flow[word] ?? 0) : ((flow[word] ?? 0) >>> shift) & ((1 << bits) - 1);
    value = (value << BigInt(bits)) | BigInt(part >>> 0);
  }
  return value;
}

/** Writes `value` into the bits of the slices that `mask` has (counted from the value's least significant bit). */
export function writeSlices(flow: FlowWords, slices: readonly FieldSlice[], value: bigint, mask: bigint): void {
  let v = value;
  let m = mask;
  for (let i = slices.length - 1; i >= 0; i--) {
    const slice = slices[i];
    if (!slice) continue;
    const width = BigInt(slice.bits);
    const partMask = Number(BigInt.asUintN(slice.bits, m)) << slice.shift;
    const partValue = Number(BigInt.asUintN(slice.bits, v)) << slice.shift;
    flow[slice.word] = (((flow[slice.word] ?? 0) & ~partMask) | (partValue & partMask)) >>> 0;
    v >>= width;
    m >>= width;
  }
}
