import { W, type FlowWords } from '../packet/flow-words';

/** Ethernet types and IP protocols that decide what the rest of a packet means. */
export const ETH = {
  IP: 0x0800,
  ARP: 0x0806,
  RARP: 0x8035,
  IPV6: 0x86dd,
  MPLS: 0x8847,
  MPLS_MCAST: 0x8848,
  VLAN: 0x8100,
  QINQ: 0x88a8,
  NSH: 0x894f,
  LACP: 0x8809,
  TEB: 0x6558,
  /** What Open vSwitch writes for frames with a length instead of a type. */
  NONE: 0x05ff,
} as const;

export const IPPROTO = { ICMP: 1, IGMP: 2, TCP: 6, UDP: 17, GRE: 47, ICMPV6: 58, SCTP: 132 } as const;

/** packet_type: namespace << 16 | type (ovs-fields(7)). */
export const PT = { ETH: 0, IPV4: 0x10800, IPV6: 0x186dd, MPLS: 0x18847, MPLS_MC: 0x18848, NSH: 0x1894f } as const;

export const VLAN_CFI = 0x1000;
export const FRAG_ANY = 1;
export const FRAG_LATER = 2;
/** ct_state's bits (ovs-fields(7)). */
export const CS = { NEW: 1, EST: 2, REL: 4, RPL: 8, INV: 0x10, TRK: 0x20, SNAT: 0x40, DNAT: 0x80 } as const;
/** tun_flags: OAM is OpenFlow's own, the others are kept inside. */
export const TNL_F = { OAM: 1, DONT_FRAGMENT: 2, CSUM: 4, KEY: 8 } as const;

export const MAX_VLAN_HEADERS = 2;
export const MAX_MPLS_LABELS = 3;

/** The word, 0 beyond the end. */
export function at(flow: FlowWords, word: number): number {
  return flow[word] ?? 0;
}

/** Every bit of a word counts from now on. */
export function exact(wc: FlowWords, word: number, words = 1): void {
  wc.fill(0xffffffff, word, word + words);
}

export function or(wc: FlowWords, word: number, bits: number): void {
  wc[word] = (at(wc, word) | bits) >>> 0;
}

/** A MAC's two words exactly: 16 bits and 32 bits. */
export function exactMac(wc: FlowWords, word: number): void {
  wc[word] = 0xffff;
  wc[word + 1] = 0xffffffff;
}

export function exact16(wc: FlowWords, word: number): void {
  wc[word] = 0xffff;
}

export function exact8(wc: FlowWords, word: number): void {
  wc[word] = 0xff;
}

export function macOf(flow: FlowWords, word: number): bigint {
  return (BigInt(at(flow, word)) << 32n) | BigInt(at(flow, word + 1));
}

export function setMac(flow: FlowWords, word: number, mac: bigint): void {
  flow[word] = Number((mac >> 32n) & 0xffffn);
  flow[word + 1] = Number(mac & 0xffffffffn);
}

export const tpid = (flow: FlowWords, i: number): number => at(flow, W.vlan0 + i) >>> 16;
export const tci = (flow: FlowWords, i: number): number => at(flow, W.vlan0 + i) & 0xffff;

export function setVlan(flow: FlowWords, i: number, newTpid: number, newTci: number): void {
  flow[W.vlan0 + i] = ((newTpid << 16) | newTci) >>> 0;
}

export function isVlanType(type: number): boolean {
  return type === ETH.VLAN || type === ETH.QINQ;
}

export function isMplsType(type: number): boolean {
  return type === ETH.MPLS || type === ETH.MPLS_MCAST;
}

/** The type of what follows the Ethernet header, also for packets without one. */
export function dlTypeOf(flow: FlowWords): number {
  const packetType = at(flow, W.packetType);
  if (packetType === PT.ETH) return at(flow, W.dlType);
  return packetType >>> 16 === 1 ? packetType & 0xffff : 0;
}

export function isIpAny(flow: FlowWords): boolean {
  const type = dlTypeOf(flow);
  return type === ETH.IP || type === ETH.IPV6;
}

/** Whether the packet has an Ethernet header; `wc` notes the look. */
export function isEthernet(flow: FlowWords, wc?: FlowWords): boolean {
  if (wc) exact(wc, W.packetType);
  return at(flow, W.packetType) === PT.ETH;
}

export function isVlan(flow: FlowWords, wc?: FlowWords): boolean {
  if (!isEthernet(flow, wc)) return false;
  if (wc) or(wc, W.vlan0, VLAN_CFI);
  return (tci(flow, 0) & VLAN_CFI) !== 0;
}

export function isIpProto(flow: FlowWords, proto: number, wc?: FlowWords): boolean {
  if (!isIpAny(flow)) return false;
  if (wc) exact8(wc, W.nwProto);
  return at(flow, W.nwProto) === proto;
}

export function isIcmpv4(flow: FlowWords, wc?: FlowWords): boolean {
  if (dlTypeOf(flow) !== ETH.IP) return false;
  if (wc) exact8(wc, W.nwProto);
  return at(flow, W.nwProto) === IPPROTO.ICMP;
}

export function isIcmpv6(flow: FlowWords, wc?: FlowWords): boolean {
  if (dlTypeOf(flow) !== ETH.IPV6) return false;
  if (wc) exact8(wc, W.nwProto);
  return at(flow, W.nwProto) === IPPROTO.ICMPV6;
}

/** A neighbour solicitation (135) or advertisement (136). */
export function isNd(flow: FlowWords, wc?: FlowWords): boolean {
  if (!isIcmpv6(flow, wc)) return false;
  if (wc) exact16(wc, W.tpDst);
  if (at(flow, W.tpDst) !== 0) return false;
  if (wc) exact16(wc, W.tpSrc);
  return at(flow, W.tpSrc) === 135 || at(flow, W.tpSrc) === 136;
}

export function isIgmp(flow: FlowWords, wc: FlowWords): boolean {
  if (dlTypeOf(flow) !== ETH.IP) return false;
  exact8(wc, W.nwProto);
  return at(flow, W.nwProto) === IPPROTO.IGMP;
}

const MLD_QUERY = 130;
const mldTypes = new Set([MLD_QUERY, 131, 132, 143]);

export function isMld(flow: FlowWords, wc: FlowWords): boolean {
  if (!isIcmpv6(flow, wc)) return false;
  exact16(wc, W.tpSrc);
  return mldTypes.has(at(flow, W.tpSrc));
}

export function isMldReport(flow: FlowWords, wc: FlowWords): boolean {
  return isMld(flow, wc) && at(flow, W.tpSrc) !== MLD_QUERY;
}

/** A spanning tree frame: no Ethernet type, to 01:80:c2:00:00:00. */
export function isStp(flow: FlowWords): boolean {
  return at(flow, W.dlType) === ETH.NONE && macOf(flow, W.dlDst) === 0x0180c2000000n;
}

export function isMulticastMac(flow: FlowWords): boolean {
  return (at(flow, W.dlDst) & 0x100) !== 0;
}

export function isBroadcastMac(flow: FlowWords): boolean {
  return at(flow, W.dlDst) === 0xffff && at(flow, W.dlDst + 1) === 0xffffffff;
}

/** 01:80:c2:00:00:0x, and the addresses of Extreme and Cisco protocols that bridges do not forward (ovs-vswitchd.conf.db(5), forward-bpdu). */
export function isReservedMac(mac: bigint): boolean {
  return (mac & ~0xfn) === 0x0180c2000000n || reservedMacs.has(mac);
}

const reservedMacs = new Set<bigint>([
  0x00e02b000000n, 0x00e02b000004n, 0x00e02b000006n, 0x01000c000000n, 0x01000cccccccn, 0x01000ccccccdn, 0x01000ccdcdcdn,
]); // prettier-ignore
for (let last = 0n; last < 8n; last++) reservedMacs.add(0x01000cccccc0n + last);

export function vlanHeaders(flow: FlowWords): number {
  let n = 0;
  while (n < MAX_VLAN_HEADERS && (tci(flow, n) & VLAN_CFI) !== 0) n++;
  return n;
}

export function popVlan(flow: FlowWords, wc: FlowWords): void {
  const n = vlanHeaders(flow);
  if (n > 1) {
    exact(wc, W.vlan1, n - 1);
    flow[W.vlan0] = at(flow, W.vlan1);
  }
  if (n > 0) flow[W.vlan0 + n - 1] = 0;
}

/** Makes room for an outer VLAN header. */
export function pushVlan(flow: FlowWords, wc: FlowWords): void {
  const n = vlanHeaders(flow);
  if (n) exact(wc, W.vlan0, n);
  flow[W.vlan1] = at(flow, W.vlan0);
  flow[W.vlan0] = 0;
}

const BOS = 0x100;

export function mplsLabels(flow: FlowWords, wc?: FlowWords): number {
  if (!isMplsType(at(flow, W.dlType))) return 0;
  let count = 0;
  for (let i = 0; i < MAX_MPLS_LABELS; i++) {
    if (wc) or(wc, W.mpls + i, BOS);
    if (at(flow, W.mpls + i) & BOS) return i + 1;
    if (at(flow, W.mpls + i)) count++;
  }
  return count;
}

/** Puts a label on top of `n` others; the first one hides all that follows the Ethernet header. */
export function pushMpls(flow: FlowWords, n: number, ethertype: number, wc: FlowWords): void {
  if (n) {
    exact(wc, W.mpls, n);
    for (let i = n; i >= 1; i--) flow[W.mpls + i] = at(flow, W.mpls + i - 1);
    flow[W.mpls] = (at(flow, W.mpls + 1) & ~BOS) >>> 0;
  } else {
    let tc = 0;
    let ttl = 64;
    const label = at(flow, W.dlType) === ETH.IPV6 ? 2 : 0;
    if (isIpAny(flow)) {
      tc = (at(flow, W.nwTos) & 0xfc) >> 2;
      or(wc, W.nwTos, 0xfc);
      exact8(wc, W.nwTtl);
      if (at(flow, W.nwTtl)) ttl = at(flow, W.nwTtl);
    }
    flow[W.mpls] = ((label << 12) | ((tc & 7) << 9) | BOS | ttl) >>> 0;
    flow.fill(0, W.nwSrc);
    flow[W.dpHash] = 0;
  }
  flow[W.dlType] = ethertype;
}

/** Takes the outer label off; false where there is none, or what would follow is not known. */
export function popMpls(flow: FlowWords, n: number, ethertype: number, wc: FlowWords): boolean {
  if (n === 0) return false;
  if (n === MAX_MPLS_LABELS) {
    or(wc, W.mpls + n - 1, BOS);
    if (!(at(flow, W.mpls + n - 1) & BOS)) return false;
  }
  exact(wc, W.mpls + 1, n - 1);
  for (let i = 1; i < n; i++) flow[W.mpls + i - 1] = at(flow, W.mpls + i);
  flow[W.mpls + n - 1] = 0;
  flow[W.dlType] = ethertype;
  return true;
}

/** Forgets what connection tracking said of the packet. */
export function clearConntrackFields(flow: FlowWords): void {
  flow[W.ctState] = 0;
  flow[W.ctZone] = 0;
  flow[W.ctMark] = 0;
  flow.fill(0, W.ctLabel, W.ctLabel + 4);
  flow[W.ctNwProto] = 0;
  flow[W.ctTpSrc] = 0;
  flow[W.ctTpDst] = 0;
  if (at(flow, W.dlType) === ETH.IP) {
    flow[W.ctNwSrc] = 0;
    flow[W.ctNwDst] = 0;
  } else if (at(flow, W.dlType) === ETH.IPV6) {
    flow.fill(0, W.ctIpv6Src, W.ctIpv6Src + 4);
    flow.fill(0, W.ctIpv6Dst, W.ctIpv6Dst + 4);
  }
}

/** Every word that belongs to the tunnel. */
export const TUNNEL_END = W.metadata;

export function clearTunnel(flow: FlowWords): void {
  flow.fill(0, 0, TUNNEL_END);
}

export function tunnelDstIsSet(flow: FlowWords): boolean {
  if (at(flow, W.tunDst)) return true;
  for (let i = 0; i < 4; i++) if (at(flow, W.tunIpv6Dst + i)) return true;
  return false;
}
