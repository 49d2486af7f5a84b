// Headers as a translation looks at and changes them.
import { wordAt, exact, exact16, exact8, type FlowWords, or, readMac, W } from '../packet/flow-words';
import { dlTypeOf, ETH_TYPE, IP_PROTO, isIcmpv6, isIpAny, MAX_MPLS_LABELS, MPLS_BOS, vlanHeaders } from '../packet/protocols';

export const tpid = (flow: FlowWords, i: number): number => wordAt(flow, W.vlan0 + i) >>> 16;
export const tci = (flow: FlowWords, i: number): number => wordAt(flow, W.vlan0 + i) & 0xffff;

export function setVlan(flow: FlowWords, i: number, newTpid: number, newTci: number): void {
  flow[W.vlan0 + i] = ((newTpid << 16) | newTci) >>> 0;
}

export function isIgmp(flow: FlowWords, wc: FlowWords): boolean {
  if (dlTypeOf(flow) !== ETH_TYPE.IP) return false;
  exact8(wc, W.nwProto);
  return wordAt(flow, W.nwProto) === IP_PROTO.IGMP;
}

const MLD_QUERY = 130;
const mldTypes = new Set([MLD_QUERY, 131, 132, 143]);

export function isMld(flow: FlowWords, wc: FlowWords): boolean {
  if (!isIcmpv6(flow, wc)) return false;
  exact16(wc, W.tpSrc);
  return mldTypes.has(wordAt(flow, W.tpSrc));
}

export function isMldReport(flow: FlowWords, wc: FlowWords): boolean {
  return isMld(flow, wc) && wordAt(flow, W.tpSrc) !== MLD_QUERY;
}

/** A spanning tree frame: no Ethernet type, to 01:80:c2:00:00:00. */
export function isStp(flow: FlowWords): boolean {
  return wordAt(flow, W.dlType) === ETH_TYPE.NONE && readMac(flow, W.dlDst) === 0x0180c2000000n;
}

export function isMulticastMac(flow: FlowWords): boolean {
  return (wordAt(flow, W.dlDst) & 0x100) !== 0;
}

export function isBroadcastMac(flow: FlowWords): boolean {
  return wordAt(flow, W.dlDst) === 0xffff && wordAt(flow, W.dlDst + 1) === 0xffffffff;
}

/** 01:80:c2:00:00:0x, and the addresses of Extreme and Cisco protocols that bridges do not forward (ovs-vswitchd.conf.db(5), forward-bpdu). */
export function isReservedMac(mac: bigint): boolean {
  return (mac & ~0xfn) === 0x0180c2000000n || reservedMacs.has(mac);
}

const reservedMacs = new Set<bigint>([
  0x00e02b000000n, 0x00e02b000004n, 0x00e02b000006n, 0x01000c000000n, 0x01000cccccccn, 0x01000ccccccdn, 0x01000ccdcdcdn,
]); // prettier-ignore
for (let last = 0n; last < 8n; last++) reservedMacs.add(0x01000cccccc0n + last);

export function popVlan(flow: FlowWords, wc: FlowWords): void {
  const n = vlanHeaders(flow);
  if (n > 1) {
    exact(wc, W.vlan1, n - 1);
    flow[W.vlan0] = wordAt(flow, W.vlan1);
  }
  if (n > 0) flow[W.vlan0 + n - 1] = 0;
}

/** Makes room for an outer VLAN header. */
export function pushVlan(flow: FlowWords, wc: FlowWords): void {
  const n = vlanHeaders(flow);
  if (n) exact(wc, W.vlan0, n);
  flow[W.vlan1] = wordAt(flow, W.vlan0);
  flow[W.vlan0] = 0;
}

/** Puts a label on top of `n` others; the first one hides all that follows the Ethernet header. */
export function pushMpls(flow: FlowWords, n: number, ethertype: number, wc: FlowWords): void {
  if (n) {
    exact(wc, W.mpls, n);
    for (let i = n; i >= 1; i--) flow[W.mpls + i] = wordAt(flow, W.mpls + i - 1);
    flow[W.mpls] = (wordAt(flow, W.mpls + 1) & ~MPLS_BOS) >>> 0;
  } else {
    let tc = 0;
    let ttl = 64;
    const label = wordAt(flow, W.dlType) === ETH_TYPE.IPV6 ? 2 : 0;
    if (isIpAny(flow)) {
      tc = (wordAt(flow, W.nwTos) & 0xfc) >> 2;
      or(wc, W.nwTos, 0xfc);
      exact8(wc, W.nwTtl);
      if (wordAt(flow, W.nwTtl)) ttl = wordAt(flow, W.nwTtl);
    }
    flow[W.mpls] = ((label << 12) | ((tc & 7) << 9) | MPLS_BOS | ttl) >>> 0;
    flow.fill(0, W.nwSrc);
    flow[W.dpHash] = 0;
  }
  flow[W.dlType] = ethertype;
}

/** Takes the outer label off; false where there is none, or what would follow is not known. */
export function popMpls(flow: FlowWords, n: number, ethertype: number, wc: FlowWords): boolean {
  if (n === 0) return false;
  if (n === MAX_MPLS_LABELS) {
    or(wc, W.mpls + n - 1, MPLS_BOS);
    if (!(wordAt(flow, W.mpls + n - 1) & MPLS_BOS)) return false;
  }
  exact(wc, W.mpls + 1, n - 1);
  for (let i = 1; i < n; i++) flow[W.mpls + i - 1] = wordAt(flow, W.mpls + i);
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
  if (wordAt(flow, W.dlType) === ETH_TYPE.IP) {
    flow[W.ctNwSrc] = 0;
    flow[W.ctNwDst] = 0;
  } else if (wordAt(flow, W.dlType) === ETH_TYPE.IPV6) {
    flow.fill(0, W.ctIpv6Src, W.ctIpv6Src + 4);
    flow.fill(0, W.ctIpv6Dst, W.ctIpv6Dst + 4);
  }
}

/** Every word that belongs to the tunnel. */
export const TUNNEL_END = W.metadata;

export function clearTunnel(flow: FlowWords): void {
  flow.fill(0, 0, TUNNEL_END);
}

/** The tunnel's outer destination, as the words of an IPv6 address; an IPv4 address counts before one of IPv6, if both are set. */
export function tunnelDst(flow: FlowWords): readonly number[] {
  const v4 = wordAt(flow, W.tunDst);
  return v4 === 0 ? [0, 1, 2, 3].map((i) => wordAt(flow, W.tunIpv6Dst + i)) : [0, 0, 0xffff, v4];
}
