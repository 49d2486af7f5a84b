import type { MatchWords } from './field-access';
import { W, wordLayout } from '../packet/flow-words';
import { ETH_TYPE, IP_PROTO, isMplsType } from '../packet/protocols';

function clear(match: MatchWords, ...names: readonly string[]): void {
  for (const name of names) {
    const entry = wordLayout[name];
    if (!entry) continue;
    match.value.fill(0, entry.at, entry.at + entry.words);
    match.mask.fill(0, entry.at, entry.at + entry.words);
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
  if (!ethernet) clear(match, 'dl_src', 'dl_dst');
  if (!isIp && !isArp) clear(match, 'nw_src', 'nw_dst');
  if (!isIpv6) clear(match, 'ipv6_src', 'ipv6_dst', 'ipv6_label');
  if (!isIp && !isIpv6) clear(match, 'nw_tos', 'nw_ttl', 'nw_frag');
  if (!isIp && !isIpv6 && !isArp) clear(match, 'nw_proto');
  const ports = (isIp || isIpv6) && (portProtocols.includes(proto) || proto === (isIp ? IP_PROTO.ICMP : IP_PROTO.ICMPV6));
  if (!ports) clear(match, 'tp_src', 'tp_dst');
  if (!((isIp || isIpv6) && proto === IP_PROTO.TCP) && !solicit && !advert) clear(match, 'tcp_flags');
  if (!isArp && !solicit) clear(match, 'arp_sha');
  if (!isArp && !advert) clear(match, 'arp_tha');
  if (!solicit && !advert) clear(match, 'nd_target', 'igmp_group');
  if (!isMplsType(dlType)) clear(match, 'mpls');
  if (dlType !== ETH_TYPE.NSH) {
    clear(match, 'nsh_flags', 'nsh_ttl', 'nsh_mdtype', 'nsh_np', 'nsh_spi', 'nsh_si', 'nsh_context');
  }
}
