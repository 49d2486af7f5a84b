import type { MatchWords } from './field-access';
import { W, wordLayout, wordOf } from '../packet/flow-words';
import { ETH_TYPE, IP_PROTO, isMplsType } from '../packet/protocols';

/** The words of some headers. */
function wordsOf(...names: readonly string[]): readonly number[] {
  return names.flatMap((name) => Array.from({ length: wordLayout[name]?.words ?? 0 }, (_, n) => wordOf(name) + n));
}

const ETHERNET = wordsOf('dl_src', 'dl_dst');
const IPV4_ADDRESSES = wordsOf('nw_src', 'nw_dst');
const IPV6_HEADER = wordsOf('ipv6_src', 'ipv6_dst', 'ipv6_label');
const IP_HEADER = wordsOf('nw_tos', 'nw_ttl', 'nw_frag');
const PROTOCOL = wordsOf('nw_proto');
const PORTS = wordsOf('tp_src', 'tp_dst');
const TCP_FLAGS = wordsOf('tcp_flags');
const ARP_SHA = wordsOf('arp_sha');
const ARP_THA = wordsOf('arp_tha');
const ND_TARGET = wordsOf('nd_target', 'igmp_group');
const MPLS = wordsOf('mpls');
const NSH = wordsOf('nsh_flags', 'nsh_ttl', 'nsh_mdtype', 'nsh_np', 'nsh_spi', 'nsh_si', 'nsh_context');

function clear({ value, mask }: MatchWords, words: readonly number[]): void {
  for (const word of words) {
    value[word] = 0;
    mask[word] = 0;
  }
}

const portProtocols: readonly number[] = [IP_PROTO.TCP, IP_PROTO.UDP, IP_PROTO.SCTP];

/**
 * Takes out of a match what the switch takes out before it keeps it: conditions on a header that the match does not ask for, such as
 * addresses without `ip` or ports without a protocol (ovs-fields(7), "Prerequisites").
 */
export function normalizeMatch(match: MatchWords): void {
  const { value, mask } = match;
  const packetType = value[W.packetType] ?? 0;
  const typeMask = mask[W.packetType] ?? 0;
  const ethernet = typeMask === 0 || packetType === 0;
  let dlType = 0;
  if (ethernet) dlType = value[W.dlType] ?? 0;
  else if (typeMask === 0xffffffff && packetType >>> 16 === 1) dlType = packetType & 0xffff;
  const proto = value[W.nwProto] ?? 0;
  const isIp = dlType === ETH_TYPE.IP;
  const isIpv6 = dlType === ETH_TYPE.IPV6;
  const isArp = dlType === ETH_TYPE.ARP || dlType === ETH_TYPE.RARP;
  const isNd = isIpv6 && proto === IP_PROTO.ICMPV6 && (mask[W.tpSrc] ?? 0) !== 0;
  const solicit = isNd && value[W.tpSrc] === 135;
  const advert = isNd && value[W.tpSrc] === 136;
  if (!ethernet) clear(match, ETHERNET);
  if (!isIp && !isArp) clear(match, IPV4_ADDRESSES);
  if (!isIpv6) clear(match, IPV6_HEADER);
  if (!isIp && !isIpv6) clear(match, IP_HEADER);
  if (!isIp && !isIpv6 && !isArp) clear(match, PROTOCOL);
  const ports = (isIp || isIpv6) && (portProtocols.includes(proto) || proto === (isIp ? IP_PROTO.ICMP : IP_PROTO.ICMPV6));
  if (!ports) clear(match, PORTS);
  if (!((isIp || isIpv6) && proto === IP_PROTO.TCP) && !solicit && !advert) clear(match, TCP_FLAGS);
  if (!isArp && !solicit) clear(match, ARP_SHA);
  if (!isArp && !advert) clear(match, ARP_THA);
  if (!solicit && !advert) clear(match, ND_TARGET);
  if (!isMplsType(dlType)) clear(match, MPLS);
  if (dlType !== ETH_TYPE.NSH) clear(match, NSH);
}
