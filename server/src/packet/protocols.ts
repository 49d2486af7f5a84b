import { wordAt, exact, exact16, exact8, or, W, type FlowWords } from './flow-words';

/** Ethernet types that decide what the rest of a packet means. */
export const ETH_TYPE = {
  IP: 0x0800,
  ARP: 0x0806,
  RARP: 0x8035,
  VLAN: 0x8100,
  QINQ: 0x88a8,
  IPV6: 0x86dd,
  LACP: 0x8809,
  LLDP: 0x88cc,
  CFM: 0x8902,
  MPLS: 0x8847,
  MPLS_MCAST: 0x8848,
  NSH: 0x894f,
  TEB: 0x6558,
  /** What Open vSwitch writes for frames with a length instead of a type. */
  NONE: 0x05ff,
  /** Smaller numbers are lengths. */
  MIN: 0x600,
} as const;

export const IP_PROTO = {
  ICMP: 1,
  IGMP: 2,
  TCP: 6,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  AH: 51,
  ICMPV6: 58,
  DSTOPTS: 60,
  SCTP: 132,
} as const;

/** packet_type: name space in the upper half, type in the lower (ovs-fields(7)). */
export const PACKET_TYPE = {
  ETH: 0,
  IPV4: 0x10800,
  IPV6: 0x186dd,
  MPLS: 0x18847,
  MPLS_MCAST: 0x18848,
  NSH: 0x1894f,
  /** What decap() asks for: the type that the header itself tells. */
  NEXT_PROTOCOL: 0xfffe,
} as const;

/** Bits of `nw_frag`: any fragment, and one that is not the first. */
export const FRAG = { ANY: 1, LATER: 2 } as const;
/** Bits of `ct_state` (ovs-fields(7)). */
export const CT_STATE = { NEW: 1, EST: 2, REL: 4, RPL: 8, INV: 0x10, TRK: 0x20, SNAT: 0x40, DNAT: 0x80 } as const;
/** Bits of `tun_flags`: OAM is OpenFlow's own, the others are kept inside. */
export const TUNNEL_FLAG = { OAM: 1, DONT_FRAGMENT: 2, CSUM: 4, KEY: 8 } as const;
/** The same bits by the names that flows print. */
export const tunnelFlagNames = { oam: 1, df: 2, csum: 4, key: 8 } as const;

/** A VLAN header's presence bit in a TCI. */
export const VLAN_CFI = 0x1000;
export const MAX_VLAN_HEADERS = 2;
export const MAX_MPLS_LABELS = 3;
/** The bottom-of-stack bit of a label stack entry. */
export const MPLS_BOS = 0x100;

export function isVlanType(ethType: number): boolean {
  return ethType === ETH_TYPE.VLAN || ethType === ETH_TYPE.QINQ;
}

export function isMplsType(ethType: number): boolean {
  return ethType === ETH_TYPE.MPLS || ethType === ETH_TYPE.MPLS_MCAST;
}

// Of all that follows, `wc` notes the bits that were looked at.

/** The type of what follows the Ethernet header, also for packets that have none. */
export function dlTypeOf(flow: FlowWords): number {
  const packetType = wordAt(flow, W.packetType);
  if (packetType === PACKET_TYPE.ETH) return wordAt(flow, W.dlType);
  return packetType >>> 16 === 1 ? packetType & 0xffff : ETH_TYPE.NONE;
}

export function isEthernet(flow: FlowWords, wc?: FlowWords): boolean {
  if (wc) exact(wc, W.packetType);
  return wordAt(flow, W.packetType) === PACKET_TYPE.ETH;
}

export function isVlan(flow: FlowWords, wc?: FlowWords): boolean {
  if (!isEthernet(flow, wc)) return false;
  if (wc) or(wc, W.vlan0, VLAN_CFI);
  return (wordAt(flow, W.vlan0) & VLAN_CFI) !== 0;
}

/** How many VLAN headers a packet has. */
export function vlanHeaders(flow: FlowWords): number {
  let n = 0;
  while (n < MAX_VLAN_HEADERS && (wordAt(flow, W.vlan0 + n) & VLAN_CFI) !== 0) n++;
  return n;
}

/** How many label stack entries a packet has; without a bottom of stack: how many there is room for and that are not 0. */
export function mplsLabels(flow: FlowWords, wc?: FlowWords): number {
  if (!isMplsType(wordAt(flow, W.dlType))) return 0;
  let count = 0;
  for (let i = 0; i < MAX_MPLS_LABELS; i++) {
    if (wc) or(wc, W.mpls + i, MPLS_BOS);
    if (wordAt(flow, W.mpls + i) & MPLS_BOS) return i + 1;
    if (wordAt(flow, W.mpls + i)) count++;
  }
  return count;
}

export function isIpAny(flow: FlowWords): boolean {
  const type = dlTypeOf(flow);
  return type === ETH_TYPE.IP || type === ETH_TYPE.IPV6;
}

export function isIpProto(flow: FlowWords, proto: number, wc?: FlowWords): boolean {
  if (!isIpAny(flow)) return false;
  if (wc) exact8(wc, W.nwProto);
  return wordAt(flow, W.nwProto) === proto;
}

export function isIcmpv4(flow: FlowWords, wc?: FlowWords): boolean {
  return dlTypeOf(flow) === ETH_TYPE.IP && isIpProto(flow, IP_PROTO.ICMP, wc);
}

export function isIcmpv6(flow: FlowWords, wc?: FlowWords): boolean {
  return dlTypeOf(flow) === ETH_TYPE.IPV6 && isIpProto(flow, IP_PROTO.ICMPV6, wc);
}

/** Neighbour solicitation or advertisement: ICMPv6 type 135 or 136 with code 0. */
export function isNeighbourDiscovery(flow: FlowWords, wc?: FlowWords): boolean {
  if (!isIcmpv6(flow, wc)) return false;
  if (wc) exact16(wc, W.tpDst);
  if (wordAt(flow, W.tpDst) !== 0) return false;
  if (wc) exact16(wc, W.tpSrc);
  return wordAt(flow, W.tpSrc) === 135 || wordAt(flow, W.tpSrc) === 136;
}

/** Whether the packet came from, or is for, a tunnel: its outer destination is known. Only then does it carry a tunnel's other fields. */
export function hasTunnel(flow: FlowWords): boolean {
  if (wordAt(flow, W.tunDst)) return true;
  for (let i = 0; i < 4; i++) if (wordAt(flow, W.tunIpv6Dst + i)) return true;
  return false;
}
