import type { FlowWords } from '../packet/flow-words';
import { W } from '../packet/flow-words';

/** The word `word`, 0 where there is none. */
export function word(flow: FlowWords, index: number): number {
  return flow[index] ?? 0;
}

/** An Ethernet address: the upper 16 bits in the first of its two words. */
export function readMac(flow: FlowWords, first: number): bigint {
  return (BigInt(word(flow, first)) << 32n) | BigInt(word(flow, first + 1));
}

export function writeMac(flow: FlowWords, first: number, mac: bigint): void {
  flow[first] = Number((mac >> 32n) & 0xffffn);
  flow[first + 1] = Number(mac & 0xffffffffn);
}

/** 128 bits, the most significant word first. */
export function readWide(flow: FlowWords, first: number): bigint {
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(word(flow, first + i));
  return value;
}

export function writeWide(flow: FlowWords, first: number, value: bigint): void {
  for (let i = 0; i < 4; i++) flow[first + i] = Number((value >> BigInt(96 - 32 * i)) & 0xffffffffn);
}

/** 64 bits, the upper word first. */
export function readLong(flow: FlowWords, first: number): bigint {
  return (BigInt(word(flow, first)) << 32n) | BigInt(word(flow, first + 1));
}

export function writeLong(flow: FlowWords, first: number, value: bigint): void {
  flow[first] = Number((value >> 32n) & 0xffffffffn);
  flow[first + 1] = Number(value & 0xffffffffn);
}

export function copyWords(to: FlowWords, from: FlowWords, first: number, count: number): void {
  for (let i = first; i < first + count; i++) to[i] = word(from, i);
}

export function sameWords(a: FlowWords, b: FlowWords, first: number, count: number): boolean {
  for (let i = first; i < first + count; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** `FLOW_TNL_F_…`: what `tun_flags` says of a tunnel. Only `oam` can be matched. */
export const TUNNEL_FLAG = { oam: 1, df: 2, csum: 4, key: 8 } as const;

/** Bits of `nw_frag`: any fragment, and one that is not the first. */
export const FRAG = { any: 1, later: 2 } as const;

export const ETH_TYPE = {
  ip: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  vlan: 0x8100,
  qinq: 0x88a8,
  ipv6: 0x86dd,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
  nsh: 0x894f,
  teb: 0x6558,
  /** The Ethernet type of a frame that has none, as Open vSwitch writes it. */
  none: 0x05ff,
  /** Smaller numbers are lengths. */
  min: 0x600,
} as const;

export const IP_PROTO = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  routing: 43,
  fragment: 44,
  gre: 47,
  ah: 51,
  icmpv6: 58,
  dstopts: 60,
  sctp: 132,
} as const;

/** Packet types (ovs-fields(7)): name space in the upper half, type in the lower. */
export const PACKET_TYPE = {
  eth: 0,
  ipv4: 0x10800,
  ipv6: 0x186dd,
  mpls: 0x18847,
  mplsMulticast: 0x18848,
  nsh: 0x1894f,
} as const;

/** A VLAN header's presence bit in a TCI. */
export const VLAN_CFI = 0x1000;
export const MAX_VLAN_HEADERS = 2;
export const MAX_MPLS_LABELS = 3;
/** The bottom-of-stack bit of a label stack entry. */
export const MPLS_BOS = 0x100;

export function isMpls(ethType: number): boolean {
  return ethType === ETH_TYPE.mpls || ethType === ETH_TYPE.mplsMulticast;
}

export function isVlanType(ethType: number): boolean {
  return ethType === ETH_TYPE.vlan || ethType === ETH_TYPE.qinq;
}

/** The type of what follows the Ethernet header, also for packets that have none. */
export function dlTypeOf(flow: FlowWords): number {
  const packetType = word(flow, W.packetType);
  if (packetType === PACKET_TYPE.eth) return word(flow, W.dlType);
  return packetType >>> 16 === 1 ? packetType & 0xffff : ETH_TYPE.none;
}

export function isIpAny(flow: FlowWords): boolean {
  const type = dlTypeOf(flow);
  return type === ETH_TYPE.ip || type === ETH_TYPE.ipv6;
}

/** How many VLAN headers a packet has. */
export function countVlans(flow: FlowWords): number {
  let n = 0;
  while (n < MAX_VLAN_HEADERS && word(flow, W.vlan0 + n) & VLAN_CFI) n++;
  return n;
}

/** How many label stack entries a packet has; without a bottom of stack: how many there is room for and that are not 0. */
export function countMplsLabels(flow: FlowWords): number {
  if (!isMpls(word(flow, W.dlType))) return 0;
  let count = 0;
  for (let i = 0; i < MAX_MPLS_LABELS; i++) {
    const lse = word(flow, W.mpls + i);
    if (lse & MPLS_BOS) return i + 1;
    if (lse) count++;
  }
  return count;
}

/** Whether a tunnel is given at all: only then does a packet carry its other fields. */
export function hasTunnel(flow: FlowWords): boolean {
  if (word(flow, W.tunDst)) return true;
  for (let i = 0; i < 4; i++) if (word(flow, W.tunIpv6Dst + i)) return true;
  return false;
}
