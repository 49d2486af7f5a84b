import { parseMac } from '../packet/address';
import { set, type FlowKey } from '../packet/flow-key';
import { hasPorts, isIcmp, type IpPacket } from './packet';

/** An IP packet as a frame, with what rules for frames look at. A card that nobody named is 0. */
export function frameOf(ip: IpPacket): FlowKey {
  let frame: FlowKey = new Map();
  frame = set(frame, 'dl_src', parseMac(ip.smac ?? '') ?? 0n);
  frame = set(frame, 'dl_dst', ip.frame === 'broadcast' ? BROADCAST : (parseMac(ip.dmac ?? '') ?? 0n));
  frame = set(frame, 'dl_type', ip.family === 4 ? 0x800n : 0x86ddn);
  frame = set(frame, 'nw_proto', BigInt(ip.proto));
  if (isIcmp(ip)) frame = set(set(frame, 'tp_src', BigInt(ip.icmpType)), 'tp_dst', BigInt(ip.icmpCode));
  return withIpPacket(frame, ip);
}

const BROADCAST = 0xffffffffffffn;

/** The frame with what the IP stack changed in its packet. A port that nobody can foretell stays as it was. */
export function withIpPacket(packet: FlowKey, ip: IpPacket): FlowKey {
  const six = ip.family === 6;
  let next = set(packet, six ? 'ipv6_src' : 'nw_src', ip.src);
  next = set(next, six ? 'ipv6_dst' : 'nw_dst', ip.dst);
  next = set(next, 'nw_ttl', BigInt(ip.ttl));
  next = set(next, 'nw_tos', BigInt(ip.tos));
  if (isIcmp(ip) || !hasPorts(ip.proto)) return next;
  if (ip.sport !== undefined) next = set(next, 'tp_src', BigInt(ip.sport));
  return ip.dport === undefined ? next : set(next, 'tp_dst', BigInt(ip.dport));
}
