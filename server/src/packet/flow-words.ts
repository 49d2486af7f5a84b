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
export function wordOf(name: string): number {
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
  tunDst: wordOf('tun_dst'),
  tunIpv6Dst: wordOf('tun_ipv6_dst'),
  tunSrc: wordOf('tun_src'),
  tunIpv6Src: wordOf('tun_ipv6_src'),
  tunId: wordOf('tun_id'),
  tunFlags: wordOf('tun_flags'),
  tunTos: wordOf('tun_tos'),
  tunTtl: wordOf('tun_ttl'),
  tunTpSrc: wordOf('tun_tp_src'),
  tunTpDst: wordOf('tun_tp_dst'),
  tunGbpId: wordOf('tun_gbp_id'),
  tunGbpFlags: wordOf('tun_gbp_flags'),
  tunErspanVer: wordOf('tun_erspan_ver'),
  tunErspanIdx: wordOf('tun_erspan_idx'),
  tunErspanDir: wordOf('tun_erspan_dir'),
  tunErspanHwid: wordOf('tun_erspan_hwid'),
  tunGtpuFlags: wordOf('tun_gtpu_flags'),
  tunGtpuMsgtype: wordOf('tun_gtpu_msgtype'),
  tunMdPresent: wordOf('tun_md_present'),
  tunMd: wordOf('tun_md'),
  metadata: wordOf('metadata'),
  reg: wordOf('reg'),
  skbPriority: wordOf('skb_priority'),
  pktMark: wordOf('pkt_mark'),
  dpHash: wordOf('dp_hash'),
  inPort: wordOf('in_port'),
  recircId: wordOf('recirc_id'),
  ctState: wordOf('ct_state'),
  ctNwProto: wordOf('ct_nw_proto'),
  ctZone: wordOf('ct_zone'),
  ctMark: wordOf('ct_mark'),
  packetType: wordOf('packet_type'),
  ctLabel: wordOf('ct_label'),
  conjId: wordOf('conj_id'),
  actsetOutput: wordOf('actset_output'),
  dlDst: wordOf('dl_dst'),
  dlSrc: wordOf('dl_src'),
  dlType: wordOf('dl_type'),
  vlan0: wordOf('vlan0'),
  vlan1: wordOf('vlan1'),
  mpls: wordOf('mpls'),
  nwSrc: wordOf('nw_src'),
  nwDst: wordOf('nw_dst'),
  ctNwSrc: wordOf('ct_nw_src'),
  ctNwDst: wordOf('ct_nw_dst'),
  ipv6Src: wordOf('ipv6_src'),
  ipv6Dst: wordOf('ipv6_dst'),
  ctIpv6Src: wordOf('ct_ipv6_src'),
  ctIpv6Dst: wordOf('ct_ipv6_dst'),
  ipv6Label: wordOf('ipv6_label'),
  nwFrag: wordOf('nw_frag'),
  nwTos: wordOf('nw_tos'),
  nwTtl: wordOf('nw_ttl'),
  nwProto: wordOf('nw_proto'),
  ndTarget: wordOf('nd_target'),
  arpSha: wordOf('arp_sha'),
  arpTha: wordOf('arp_tha'),
  tcpFlags: wordOf('tcp_flags'),
  nshFlags: wordOf('nsh_flags'),
  nshTtl: wordOf('nsh_ttl'),
  nshMdtype: wordOf('nsh_mdtype'),
  nshNp: wordOf('nsh_np'),
  nshSpi: wordOf('nsh_spi'),
  nshSi: wordOf('nsh_si'),
  nshContext: wordOf('nsh_context'),
  tpSrc: wordOf('tp_src'),
  tpDst: wordOf('tp_dst'),
  ctTpSrc: wordOf('ct_tp_src'),
  ctTpDst: wordOf('ct_tp_dst'),
  igmpGroup: wordOf('igmp_group'),
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
    const partMask = Number(BigInt.asUintN(slice.bits, m)) << slice.shift;
    const partValue = Number(BigInt.asUintN(slice.bits, v)) << slice.shift;
    flow[slice.word] = (((flow[slice.word] ?? 0) & ~partMask) | (partValue & partMask)) >>> 0;
    if (i === 0) break;
    v >>= BigInt(slice.bits);
    m >>= BigInt(slice.bits);
  }
}

/** The word, 0 beyond the end. */
export function wordAt(flow: FlowWords, word: number): number {
  return flow[word] ?? 0;
}

/** Adds bits to a word: of a mask, bits that count from now on. */
export function or(flow: FlowWords, word: number, bits: number): void {
  flow[word] = (wordAt(flow, word) | bits) >>> 0;
}

/** Every bit of these words of a mask counts from now on. */
export function exact(wc: FlowWords, word: number, words = 1): void {
  wc.fill(0xffffffff, word, word + words);
}

export function exact16(wc: FlowWords, word: number): void {
  wc[word] = 0xffff;
}

export function exact8(wc: FlowWords, word: number): void {
  wc[word] = 0xff;
}

/** A MAC's two words: 16 bits and 32 bits. */
export function exactMac(wc: FlowWords, word: number): void {
  wc[word] = 0xffff;
  wc[word + 1] = 0xffffffff;
}

/** A MAC: its upper 16 bits in the first of its two words. */
export function readMac(flow: FlowWords, word: number): bigint {
  return (BigInt(wordAt(flow, word)) << 32n) | BigInt(wordAt(flow, word + 1));
}

export function writeMac(flow: FlowWords, word: number, mac: bigint): void {
  flow[word] = Number((mac >> 32n) & 0xffffn);
  flow[word + 1] = Number(mac & 0xffffffffn);
}

/** 64 bits, the upper word first. */
export function readLong(flow: FlowWords, word: number): bigint {
  return (BigInt(wordAt(flow, word)) << 32n) | BigInt(wordAt(flow, word + 1));
}

export function writeLong(flow: FlowWords, word: number, value: bigint): void {
  flow[word] = Number((value >> 32n) & 0xffffffffn);
  flow[word + 1] = Number(value & 0xffffffffn);
}

/** 128 bits, the most significant word first. */
export function readWide(flow: FlowWords, word: number): bigint {
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(wordAt(flow, word + i));
  return value;
}

export function writeWide(flow: FlowWords, word: number, value: bigint): void {
  for (let i = 0; i < 4; i++) flow[word + i] = Number((value >> BigInt(96 - 32 * i)) & 0xffffffffn);
}

export function copyWords(to: FlowWords, from: FlowWords, first: number, count: number): void {
  for (let i = first; i < first + count; i++) to[i] = wordAt(from, i);
}

export function sameWords(a: FlowWords, b: FlowWords, first: number, count: number): boolean {
  for (let i = first; i < first + count; i++) if (a[i] !== b[i]) return false;
  return true;
}
