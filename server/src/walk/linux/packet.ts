import { formatMac } from '../../packet/address';
import { get, type FlowKey } from '../../packet/flow-key';
import { hasPorts, isMulticast, PROTO, TCP, type IpPacket } from '../../kernel/packet';
import type { PacketSize } from '../size';
import { isIpv6 } from '../step';

/**
 * A frame's packet as the IP stack sees it. `flags` are those of a TCP segment, which the walk's question does not say. Of a packet in
 * fragments it is the largest, with the headers of the first.
 */
export function ipPacketOf(packet: FlowKey, mark: number | undefined, flags: number, size?: PacketSize): IpPacket {
  const six = isIpv6(packet);
  const proto = Number(get(packet, 'nw_proto'));
  const dst = get(packet, six ? 'ipv6_dst' : 'nw_dst');
  const family = six ? 6 : 4;
  const ports = hasPorts(proto);
  const icmp = proto === (six ? PROTO.ICMPV6 : PROTO.ICMP);
  const isArp = get(packet, 'dl_type') === 0x806n;
  const broadcast = get(packet, 'dl_dst') === 0xffffffffffffn;
  return {
    family,
    src: get(packet, six ? 'ipv6_src' : 'nw_src'),
    dst,
    proto,
    sport: ports ? Number(get(packet, 'tp_src')) : undefined,
    dport: ports ? Number(get(packet, 'tp_dst')) : undefined,
    icmpType: icmp ? Number(get(packet, 'tp_src')) : 0,
    icmpCode: icmp ? Number(get(packet, 'tp_dst')) : 0,
    icmpId: 1,
    tcpFlags: proto === PROTO.TCP ? flags : 0,
    mss: undefined,
    ttl: Number(get(packet, 'nw_ttl')),
    tos: Number(get(packet, 'nw_tos')),
    length: size?.length,
    dontFragment: size?.dontFragment ?? false,
    fragment: false,
    smac: get(packet, 'dl_src') === 0n ? undefined : formatMac(get(packet, 'dl_src')),
    dmac: get(packet, 'dl_dst') === 0n ? undefined : formatMac(get(packet, 'dl_dst')),
    mark,
    frame: broadcast ? 'broadcast' : isMulticast(family, dst) ? 'multicast' : 'host',
    inner: undefined,
    untold: new Set(['icmpId' as const, ...(size?.dontFragment === undefined ? ['dontFragment' as const] : [])]),
    ...(isArp
      ? {
          arp: {
            operation: Number(get(packet, 'arp_op')),
            sha: get(packet, 'arp_sha'),
            spa: get(packet, 'arp_spa'),
            tha: get(packet, 'arp_tha'),
            tpa: get(packet, 'arp_tpa'),
          },
        }
      : {}),
  };
}

/** A first segment asks for a connection; an answer to it says so. */
export function tcpFlagsOf(isReply: boolean): number {
  return isReply ? TCP.SYN | TCP.ACK : TCP.SYN;
}
