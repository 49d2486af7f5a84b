import { ones } from '../base/bits';
import { flowMask } from './flow-mask';
import { ctStateFlags, formatFlags, formatFlagsMasked, tcpFlags, tunnelFlags } from './flags';
import { formatIpv4Masked, formatIpv6Masked, formatMacMasked, formatPacketType, putHex } from './format-field';
import { expandMatch, type Match, type TunMetadataTerm } from './match';
import { formatPort, type NameMap } from './names';
import { hasOption, readOption, type TlvTable } from './tlv';
import { emptyFlow, type FieldSlice, type FlowWords, readSlices, W, wordLayout } from '../packet/flow-words';
import { ETH_TYPE, IP_PROTO, isIpAny } from '../packet/protocols';

export interface MatchFormat {
  /** Ports' names (`--names`). */
  readonly ports?: NameMap | undefined;
  /** Geneve options; without it those that words hold are not printed. */
  readonly tlv?: TlvTable | undefined;
  /** Printed first where it is not 32768. */
  readonly priority?: number | undefined;
}

/** A flow's match as traces and dumps print it: `tcp,reg14=0x1,metadata=0x4,tp_dst=80`; empty where everything matches. */
export function formatMatch(match: Match, options: MatchFormat = {}): string {
  const { value, mask } = expandMatch(match);
  return formatMatchWords(value, mask, options, match.tunMetadata);
}

/** A packet as the lines "Flow:" and "Final flow:" of a trace print it: metadata that is zero is left out. */
export function formatFlow(flow: FlowWords, options: MatchFormat = {}): string {
  return formatMatchWords(flow, flowMask(flow), options, []);
}

/** The bits of a packet that a translation has looked at, as the line "Megaflow:" of a trace prints them. */
export function formatMegaflow(wc: FlowWords, flow: FlowWords, options: MatchFormat = {}): string {
  const value = emptyFlow();
  for (let n = 0; n < value.length; n++) value[n] = (flow[n] ?? 0) & (wc[n] ?? 0);
  return formatMatchWords(value, wc, options, []);
}

const whole = (name: string): FieldSlice[] => {
  const entry = wordLayout[name];
  return entry ? Array.from({ length: entry.words }, (_, n) => ({ word: entry.at + n, shift: 0, bits: 32 })) : [];
};
const MAC_SLICES: readonly FieldSlice[] = [
  { word: 0, shift: 0, bits: 16 },
  { word: 1, shift: 0, bits: 32 },
];

/** Reads values of a match, and knows how each kind of number is printed with a mask. */
class Printer {
  readonly parts: string[] = [];
  constructor(
    readonly value: FlowWords,
    readonly mask: FlowWords,
  ) {}
  v(word: number): number {
    return this.value[word] ?? 0;
  }
  m(word: number): number {
    return this.mask[word] ?? 0;
  }
  /** `%#x`, with a hexadecimal mask. */
  hex32(name: string, word: number): void {
    const mask = this.m(word);
    if (mask !== 0) this.parts.push(`${name}=${hash(this.v(word))}${mask === 0xffffffff ? '' : `/${hash(mask)}`}`);
  }
  /** Decimal; hexadecimal with a mask. */
  dec16(name: string, word: number): void {
    const mask = this.m(word) & 0xffff;
    if (mask !== 0) this.parts.push(`${name}=${mask === 0xffff ? this.v(word) & 0xffff : masked(this.v(word) & 0xffff, mask)}`);
  }
  dec8(name: string, word: number): void {
    const mask = this.m(word) & 0xff;
    if (mask === 0) return;
    const pad = (n: number) => `0x${n.toString(16).padStart(2, '0')}`;
    this.parts.push(`${name}=${mask === 0xff ? this.v(word) : `${pad(this.v(word))}/${pad(mask)}`}`);
  }
  /** Decimal; eight hexadecimal digits with a mask. */
  dec32(name: string, word: number): void {
    const mask = this.m(word);
    if (mask === 0) return;
    const pad = (n: number) => `0x${n.toString(16).padStart(8, '0')}`;
    this.parts.push(`${name}=${mask === 0xffffffff ? this.v(word) : `${pad(this.v(word))}/${pad(mask)}`}`);
  }
  ipv4(name: string, word: number): void {
    const mask = this.m(word);
    if (mask !== 0) this.parts.push(`${name}=${formatIpv4Masked(BigInt(this.v(word)), BigInt(mask))}`);
  }
  wide(name: string, key: string, print: (value: bigint, mask: bigint) => string): void {
    const slices = whole(key);
    const mask = readSlices(this.mask, slices);
    if (mask !== 0n) this.parts.push(`${name}=${print(readSlices(this.value, slices), mask)}`);
  }
  mac(name: string, word: number): void {
    if (((this.m(word) & 0xffff) | this.m(word + 1)) === 0) return;
    const slices = MAC_SLICES.map((slice) => ({ ...slice, word: word + slice.word }));
    this.parts.push(`${name}=${formatMacMasked(readSlices(this.value, slices), readSlices(this.mask, slices))}`);
  }
}

/** C's `%#x`: no prefix for 0. */
function hash(value: number): string {
  return value === 0 ? '0' : `0x${value.toString(16)}`;
}

function masked(value: number, mask: number): string {
  return `0x${value.toString(16)}/0x${mask.toString(16)}`;
}

const wideHex = (bits: number) => (value: bigint, mask: bigint) =>
  `${putHex(value)}${mask === ones(bits) ? '' : `/${putHex(mask)}`}`;

/** What both longer functions above come to: value and mask in words, options that are kept beside them in `terms`. */
export function formatMatchWords(
  value: FlowWords,
  mask: FlowWords,
  options: MatchFormat = {},
  terms: readonly TunMetadataTerm[] = [],
): string {
  const p = new Printer(value, mask);
  const { parts } = p;
  if (options.priority !== undefined && options.priority !== 32768) parts.push(`priority=${options.priority}`);
  p.hex32('pkt_mark', W.pktMark);
  const megaflow = p.m(W.recircId) !== 0;
  p.hex32('recirc_id', W.recircId);
  p.hex32('dp_hash', W.dpHash);
  if (p.m(W.conjId) !== 0) parts.push(`conj_id=${p.v(W.conjId)}`);
  if (p.m(W.skbPriority) !== 0) parts.push(`skb_priority=${hash(p.v(W.skbPriority))}`);
  if (p.m(W.actsetOutput) !== 0) parts.push(`actset_output=${formatPort(p.v(W.actsetOutput), options.ports)}`);
  conntrack(p);
  let dlType = p.v(W.dlType);
  const type = p.v(W.packetType);
  if (p.m(W.packetType) !== 0 && (!(type === 0 && p.m(W.packetType) === 0xffffffff) || megaflow)) {
    parts.push(formatPacketType(type, p.m(W.packetType)));
    if (type >>> 16 === 1) dlType = type & 0xffff;
  }
  const word = p.m(W.dlType) === 0 ? undefined : protocolWord(dlType, p.v(W.nwProto), p.m(W.nwProto) !== 0);
  if (word) parts.push(word.word);
  for (let n = 0; n < 16; n++) p.hex32(`reg${n}`, W.reg + n);
  tunnel(p, options.tlv, terms);
  p.wide('metadata', 'metadata', wideHex(64));
  if (p.m(W.inPort) !== 0) parts.push(`in_port=${formatPort(p.v(W.inPort), options.ports)}`);
  vlans(p);
  p.mac('dl_src', W.dlSrc);
  p.mac('dl_dst', W.dlDst);
  if (!word && p.m(W.dlType) !== 0) parts.push(`dl_type=0x${dlType.toString(16).padStart(4, '0')}`);
  network(p, dlType, word?.proto ?? false);
  mpls(p);
  const frag = fragmentText(p.v(W.nwFrag), p.m(W.nwFrag) & 3);
  if (frag !== undefined) parts.push(`nw_frag=${frag}`);
  transport(p, dlType, isIpAny(value));
  return parts.join(',');
}

function conntrack(p: Printer): void {
  const mask = p.m(W.ctState) & 0xff;
  if (mask === 0xff) p.parts.push(`ct_state=${formatFlags(ctStateFlags, p.v(W.ctState))}`);
  else if (mask !== 0) p.parts.push(`ct_state=${formatFlagsMasked(ctStateFlags, p.v(W.ctState), mask, 0xff)}`);
  p.dec16('ct_zone', W.ctZone);
  p.hex32('ct_mark', W.ctMark);
  p.wide('ct_label', 'ct_label', wideHex(128));
  p.ipv4('ct_nw_src', W.ctNwSrc);
  p.wide('ct_ipv6_src', 'ct_ipv6_src', formatIpv6Masked);
  p.ipv4('ct_nw_dst', W.ctNwDst);
  p.wide('ct_ipv6_dst', 'ct_ipv6_dst', formatIpv6Masked);
  if (p.m(W.ctNwProto) !== 0) {
    p.parts.push(`ct_nw_proto=${p.v(W.ctNwProto)}`);
    p.dec16('ct_tp_src', W.ctTpSrc);
    p.dec16('ct_tp_dst', W.ctTpDst);
  }
}

const ipWords = new Map<number, string>([[IP_PROTO.ICMP, 'icmp'], [IP_PROTO.TCP, 'tcp'], [IP_PROTO.UDP, 'udp'], [IP_PROTO.SCTP, 'sctp']]); // prettier-ignore
const ipv6Words = new Map<number, string>([[IP_PROTO.ICMPV6, 'icmp6'], [IP_PROTO.TCP, 'tcp6'], [IP_PROTO.UDP, 'udp6'], [IP_PROTO.SCTP, 'sctp6']]); // prettier-ignore
const otherWords = new Map<number, string>([[ETH_TYPE.ARP, 'arp'], [ETH_TYPE.RARP, 'rarp'], [ETH_TYPE.MPLS, 'mpls'], [ETH_TYPE.MPLS_MCAST, 'mplsm']]); // prettier-ignore

/** The shorthand for an Ethernet type (and IP protocol, then `proto`). */
function protocolWord(
  dlType: number,
  nwProto: number,
  hasProto: boolean,
): { readonly word: string; readonly proto: boolean } | undefined {
  const [words, plain] =
    dlType === ETH_TYPE.IP ? [ipWords, 'ip'] : dlType === ETH_TYPE.IPV6 ? [ipv6Words, 'ipv6'] : [undefined, ''];
  if (words) {
    const word = hasProto ? words.get(nwProto) : undefined;
    return word === undefined ? { word: plain, proto: false } : { word, proto: true };
  }
  const other = otherWords.get(dlType);
  return other === undefined ? undefined : { word: other, proto: false };
}

function tunnel(p: Printer, tlv: TlvTable | undefined, terms: readonly TunMetadataTerm[]): void {
  const { parts } = p;
  p.wide('tun_id', 'tun_id', wideHex(64));
  p.ipv4('tun_src', W.tunSrc);
  p.ipv4('tun_dst', W.tunDst);
  p.wide('tun_ipv6_src', 'tun_ipv6_src', formatIpv6Masked);
  p.wide('tun_ipv6_dst', 'tun_ipv6_dst', formatIpv6Masked);
  p.dec16('tun_gbp_id', W.tunGbpId);
  const plain = (name: string, word: number, print: (value: number) => string, wanted = true) => {
    if (p.m(word) !== 0 && wanted) parts.push(`${name}=${print(p.v(word))}`);
  };
  plain('tun_gbp_flags', W.tunGbpFlags, hash);
  plain('tun_tos', W.tunTos, (value) => value.toString(16));
  plain('tun_ttl', W.tunTtl, String);
  const erspan = p.v(W.tunErspanVer);
  plain('tun_erspan_ver', W.tunErspanVer, String);
  plain('tun_erspan_idx', W.tunErspanIdx, hash, erspan === 1);
  plain('tun_erspan_dir', W.tunErspanDir, String, erspan === 2);
  plain('tun_erspan_hwid', W.tunErspanHwid, hash, erspan === 2);
  plain('gtpu_flags', W.tunGtpuFlags, hash);
  plain('gtpu_msgtype', W.tunGtpuMsgtype, String);
  const flags = p.m(W.tunFlags) & 0xf;
  if (flags !== 0) parts.push(`tun_flags=${formatFlagsMasked(tunnelFlags, p.v(W.tunFlags) & 0xf, flags, 0xf)}`);
  const options = new Map<number, string>();
  for (const term of terms) options.set(term.index, termText(term, tlv));
  if (tlv) for (const [index, text] of wordOptions(p, tlv)) options.set(index, text);
  for (const [index, text] of [...options].sort(([a], [b]) => a - b)) parts.push(`tun_metadata${index}${text}`);
}

function termText(term: TunMetadataTerm, tlv: TlvTable | undefined): string {
  if (term.mask === undefined || term.mask === 0n) return '';
  const all = ones(8 * (tlv?.entries.get(term.index)?.length ?? 124));
  const exact = (term.mask & all) === all;
  return `=${putHex(term.value & term.mask & all)}${exact ? '' : `/${putHex(term.mask & all)}`}`;
}

function* wordOptions(p: Printer, tlv: TlvTable): Iterable<readonly [number, string]> {
  for (let index = 0; index < 64; index++) {
    if (!hasOption(p.mask, index)) continue;
    const all = ones(8 * (tlv.entries.get(index)?.length ?? 0));
    const mask = readOption(p.mask, tlv, index);
    if (!hasOption(p.value, index)) yield [index, '=NP'];
    else if (mask === 0n) yield [index, ''];
    else yield [index, `=${putHex(readOption(p.value, tlv, index))}${mask === all ? '' : `/${putHex(mask)}`}`];
  }
}

function vlans(p: Printer): void {
  for (const [n, word] of [W.vlan0, W.vlan1].entries()) {
    const mask = p.m(word) & 0xffff;
    if (mask === 0) return;
    const tci = p.v(word) & 0xffff;
    const suffix = n === 0 ? '' : String(n);
    const vid = mask & 0x0fff;
    const pcp = mask & 0xe000;
    const four = (value: number) => `0x${value.toString(16).padStart(4, '0')}`;
    if ((mask & tci & 0x1000) !== 0 && (vid === 0 || vid === 0x0fff) && (pcp === 0 || pcp === 0xe000) && (vid | pcp) !== 0) {
      if (vid !== 0) p.parts.push(`dl_vlan${suffix}=${tci & 0xfff}`);
      if (pcp !== 0) p.parts.push(`dl_vlan_pcp${suffix}=${tci >>> 13}`);
    } else {
      p.parts.push(`vlan_tci${suffix}=${four(tci)}${mask === 0xffff ? '' : `/${four(mask)}`}`);
    }
  }
}

function network(p: Printer, dlType: number, protoShown: boolean): void {
  const arp = dlType === ETH_TYPE.ARP || dlType === ETH_TYPE.RARP;
  if (dlType === ETH_TYPE.IPV6) {
    p.wide('ipv6_src', 'ipv6_src', formatIpv6Masked);
    p.wide('ipv6_dst', 'ipv6_dst', formatIpv6Masked);
    const mask = p.m(W.ipv6Label);
    const five = (value: number) => `0x${value.toString(16).padStart(5, '0')}`;
    if (mask !== 0) p.parts.push(`ipv6_label=${five(p.v(W.ipv6Label))}${mask === 0xffffffff ? '' : `/${five(mask)}`}`);
  } else if (arp) {
    p.ipv4('arp_spa', W.nwSrc);
    p.ipv4('arp_tpa', W.nwDst);
  } else if (dlType === ETH_TYPE.NSH) {
    nsh(p);
  } else {
    p.ipv4('nw_src', W.nwSrc);
    p.ipv4('nw_dst', W.nwDst);
  }
  if (!protoShown && p.m(W.nwProto) !== 0) p.parts.push(`${arp ? 'arp_op' : 'nw_proto'}=${p.v(W.nwProto)}`);
  if (arp) {
    p.mac('arp_sha', W.arpSha);
    p.mac('arp_tha', W.arpTha);
  }
  if ((p.m(W.nwTos) & 0xfc) !== 0) p.parts.push(`nw_tos=${p.v(W.nwTos) & 0xfc}`);
  if ((p.m(W.nwTos) & 3) !== 0) p.parts.push(`nw_ecn=${p.v(W.nwTos) & 3}`);
  if (p.m(W.nwTtl) !== 0) p.parts.push(`nw_ttl=${p.v(W.nwTtl)}`);
}

function nsh(p: Printer): void {
  p.dec8('nsh_flags', W.nshFlags);
  p.dec8('nsh_ttl', W.nshTtl);
  p.dec8('nsh_mdtype', W.nshMdtype);
  p.dec8('nsh_np', W.nshNp);
  const hexMasked = (name: string, word: number, all: number) => {
    const mask = p.m(word);
    if (mask !== 0) p.parts.push(`${name}=0x${p.v(word).toString(16)}${mask === all ? '' : `/0x${mask.toString(16)}`}`);
  };
  hexMasked('nsh_spi', W.nshSpi, 0xffffff);
  p.dec8('nsh_si', W.nshSi);
  if ((p.m(W.nshMdtype) & 0xff) === 0xff && p.v(W.nshMdtype) === 1) {
    for (let n = 0; n < 4; n++) hexMasked(`nsh_c${n + 1}`, W.nshContext + n, 0xffffffff);
  }
}

function mpls(p: Printer): void {
  const [value, mask] = [p.v(W.mpls), p.m(W.mpls)];
  if ((mask & 0xfffff000) !== 0) p.parts.push(`mpls_label=${value >>> 12}`);
  if ((mask & 0x0e00) !== 0) p.parts.push(`mpls_tc=${(value >>> 9) & 7}`);
  if ((mask & 0x00ff) !== 0) p.parts.push(`mpls_ttl=${value & 0xff}`);
  if ((mask & 0x0100) !== 0) p.parts.push(`mpls_bos=${(value >>> 8) & 1}`);
  p.dec32('mpls_lse1', W.mpls + 1);
  p.dec32('mpls_lse2', W.mpls + 2);
}

function fragmentText(value: number, mask: number): string | undefined {
  const any = (value & 1) !== 0;
  const later = (value & 2) !== 0;
  if (mask === 3) return any ? (later ? 'later' : 'first') : later ? '<error>' : 'no';
  if (mask === 1) return any ? 'yes' : 'no';
  return mask === 2 ? (later ? 'later' : 'not_later') : undefined;
}

function transport(p: Printer, dlType: number, ip: boolean): void {
  const proto = p.v(W.nwProto);
  if (dlType === ETH_TYPE.IP && proto === IP_PROTO.ICMP) {
    p.dec16('icmp_type', W.tpSrc);
    p.dec16('icmp_code', W.tpDst);
  } else if (dlType === ETH_TYPE.IPV6 && proto === IP_PROTO.ICMPV6) {
    p.dec16('icmp_type', W.tpSrc);
    p.dec16('icmp_code', W.tpDst);
    p.wide('nd_target', 'nd_target', formatIpv6Masked);
    p.mac('nd_sll', W.arpSha);
    p.mac('nd_tll', W.arpTha);
    p.dec32('nd_reserved', W.igmpGroup);
    p.dec16('nd_options_type', W.tcpFlags);
  } else {
    p.dec16('tp_src', W.tpSrc);
    p.dec16('tp_dst', W.tpDst);
  }
  const flags = p.m(W.tcpFlags) & 0xffff;
  if (ip && proto === IP_PROTO.TCP && flags !== 0) {
    p.parts.push(`tcp_flags=${formatFlagsMasked(tcpFlags, p.v(W.tcpFlags), flags & 0xfff, 0xfff)}`);
  }
}
