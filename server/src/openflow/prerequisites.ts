import type { Field } from '../packet/fields';
import { wordLayout, W, type FlowWords } from '../packet/flow-words';

export const ETH_TYPE = {
  IP: 0x0800,
  ARP: 0x0806,
  RARP: 0x8035,
  VLAN: 0x8100,
  QINQ: 0x88a8,
  IPV6: 0x86dd,
  MPLS: 0x8847,
  MPLS_MCAST: 0x8848,
  NSH: 0x894f,
  NONE: 0x05ff,
} as const;

export const IP_PROTO = { ICMP: 1, IGMP: 2, TCP: 6, UDP: 17, ICMPV6: 58, SCTP: 132 } as const;

const CFI = 0x1000;

/** `vlan_tci` has the bit that says there is a tag. */
export function hasVlan(flow: FlowWords): boolean {
  return ((flow[W.vlan0] ?? 0) & CFI) !== 0;
}

/** The Ethernet type in force: that of the packet type for packets without an Ethernet header. */
export function dlTypeOf(flow: FlowWords): number {
  const type = flow[W.packetType] ?? 0;
  if (type === 0) return flow[W.dlType] ?? 0;
  return type >>> 16 === 1 ? type & 0xffff : ETH_TYPE.NONE;
}

export function isIpAny(flow: FlowWords): boolean {
  const type = dlTypeOf(flow);
  return type === ETH_TYPE.IP || type === ETH_TYPE.IPV6;
}

export function isMplsType(dlType: number): boolean {
  return dlType === ETH_TYPE.MPLS || dlType === ETH_TYPE.MPLS_MCAST;
}

const CT = { new: 0x01, est: 0x02, rel: 0x04, rpl: 0x08, inv: 0x10, trk: 0x20, snat: 0x40, dnat: 0x80 } as const;

/**
 * Whether the connection's original tuple may be asked for. Of a packet, the state must have `new`, `est` or `rpl`; of a match (with
 * `mask`), a bit that implies a valid connection, or `+trk-inv`.
 */
export function isCtValid(flow: FlowWords, mask?: FlowWords, wc?: FlowWords): boolean {
  const state = flow[W.ctState] ?? 0;
  if (mask && !wc) {
    return (
      (state & (CT.new | CT.est | CT.rel | CT.rpl | CT.snat | CT.dnat)) !== 0 ||
      ((state & CT.trk) !== 0 && ((mask[W.ctState] ?? 0) & CT.inv) !== 0 && (state & CT.inv) === 0)
    );
  }
  look(wc, W.ctState, CT.new | CT.est | CT.rpl);
  return (state & (CT.new | CT.est | CT.rpl)) !== 0;
}

function look(wc: FlowWords | undefined, word: number, bits: number): void {
  if (wc) wc[word] = ((wc[word] ?? 0) | bits) >>> 0;
}

function isEthernet(flow: FlowWords, wc: FlowWords | undefined): boolean {
  look(wc, W.packetType, 0xffffffff);
  return flow[W.packetType] === 0;
}

function isProto(flow: FlowWords, proto: number, wc: FlowWords | undefined): boolean {
  if (!isIpAny(flow)) return false;
  look(wc, W.nwProto, 0xff);
  return flow[W.nwProto] === proto;
}

function isIcmp(flow: FlowWords, dlType: number, proto: number, wc: FlowWords | undefined): boolean {
  if (dlTypeOf(flow) !== dlType) return false;
  look(wc, W.nwProto, 0xff);
  return flow[W.nwProto] === proto;
}

/** Neighbour solicitation or advertisement: ICMPv6 type 135 or 136 with code 0. */
export function isNeighbourDiscovery(flow: FlowWords, wc?: FlowWords): boolean {
  if (!isIcmp(flow, ETH_TYPE.IPV6, IP_PROTO.ICMPV6, wc)) return false;
  look(wc, W.tpDst, 0xffff);
  if (flow[W.tpDst] !== 0) return false;
  look(wc, W.tpSrc, 0xffff);
  return flow[W.tpSrc] === 135 || flow[W.tpSrc] === 136;
}

const laterFragment = (flow: FlowWords) => ((flow[W.nwFrag] ?? 0) & 2) !== 0;

/**
 * Whether the packet has the header that a field belongs to (ovs-fields(7), "Prerequisites").
 * `mask`: `flow` is a match's values and this its mask. `wc` collects the bits that were looked at.
 */
export function prerequisitesMet(
  field: Pick<Field, 'prereq'>,
  flow: FlowWords,
  more: { readonly mask?: FlowWords; readonly wc?: FlowWords } = {},
): boolean {
  const { mask, wc } = more;
  switch (field.prereq) {
    case 'none':
      return true;
    case 'ethernet':
      return isEthernet(flow, wc);
    case 'arp':
      return dlTypeOf(flow) === ETH_TYPE.ARP || dlTypeOf(flow) === ETH_TYPE.RARP;
    case 'ipv4':
      return dlTypeOf(flow) === ETH_TYPE.IP;
    case 'ipv6':
      return dlTypeOf(flow) === ETH_TYPE.IPV6;
    case 'vlan':
      if (!isEthernet(flow, wc)) return false;
      look(wc, W.vlan0, CFI);
      return hasVlan(flow);
    case 'mpls':
      return isMplsType(dlTypeOf(flow));
    case 'ip-any':
      return isIpAny(flow);
    case 'nsh':
      return dlTypeOf(flow) === ETH_TYPE.NSH;
    case 'ct':
      return isCtValid(flow, mask, wc);
    case 'tcp':
      return isProto(flow, IP_PROTO.TCP, wc) && !laterFragment(flow);
    case 'udp':
      return isProto(flow, IP_PROTO.UDP, wc) && !laterFragment(flow);
    case 'sctp':
      return isProto(flow, IP_PROTO.SCTP, wc) && !laterFragment(flow);
    case 'icmp':
      return isIcmp(flow, ETH_TYPE.IP, IP_PROTO.ICMP, wc);
    case 'icmp6':
      return isIcmp(flow, ETH_TYPE.IPV6, IP_PROTO.ICMPV6, wc);
    case 'nd':
      return isNeighbourDiscovery(flow, wc);
    case 'nd-solicit':
      return isNeighbourDiscovery(flow, wc) && flow[W.tpSrc] === 135;
    case 'nd-advert':
      return isNeighbourDiscovery(flow, wc) && flow[W.tpSrc] === 136;
  }
}

const nonZero = (words: FlowWords, name: string): boolean => {
  const entry = wordLayout[name];
  if (!entry) return false;
  for (let n = 0; n < entry.words; n++) if ((words[entry.at + n] ?? 0) !== 0) return true;
  return false;
};

/** Whether the packet came from a tunnel: its outer destination is known. */
export function hasTunnel(flow: FlowWords): boolean {
  return nonZero(flow, 'tun_dst') || nonZero(flow, 'tun_ipv6_dst');
}
