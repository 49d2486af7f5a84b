import { isMulticastMac, parseMac } from '../packet/address';
import { get, set, type FlowKey } from '../packet/flow-key';
import { destinationIp, isIpv6, sourceIp, type Ending, type Place } from './step';

const ARP = 0x806n;
const REQUEST = 1n;
const REPLY = 2n;
const ICMPV6 = 58n;
/** Neighbour solicitation and advertisement (RFC 4861). */
const SOLICITATION = 135n;
const ADVERTISEMENT = 136n;

/** Whether a frame asks for an address: an ARP request or a neighbour solicitation. */
export function isRequest(packet: FlowKey): boolean {
  return isArp(packet) ? get(packet, 'arp_op') === REQUEST : isNd(packet) && get(packet, 'icmpv6_type') === SOLICITATION;
}

/** Whether a frame answers one. */
export function isAnswer(packet: FlowKey): boolean {
  return isArp(packet) ? get(packet, 'arp_op') === REPLY : isNd(packet) && get(packet, 'icmpv6_type') === ADVERTISEMENT;
}

export function isArp(packet: FlowKey): boolean {
  return get(packet, 'dl_type') === ARP;
}

function isNd(packet: FlowKey): boolean {
  return isIpv6(packet) && get(packet, 'nw_proto') === ICMPV6;
}

/** The address that a request asks for. */
export function askedFor(packet: FlowKey): string {
  return isArp(packet) ? destinationIp(packet) : destinationIp(set(packet, 'ipv6_dst', get(packet, 'nd_target')));
}

/** What asks for an address as a frame: ARP (RFC 826) for IPv4, a solicitation to the address's own group (RFC 4861) for IPv6. */
export function requestFor(source: bigint, target: bigint, family: 4 | 6, mac: bigint): FlowKey {
  let packet: FlowKey = set(new Map(), 'dl_src', mac);
  if (family === 4) {
    packet = set(set(packet, 'dl_dst', 0xffffffffffffn), 'dl_type', ARP);
    packet = set(set(packet, 'arp_op', REQUEST), 'arp_sha', mac);
    return set(set(packet, 'arp_spa', source), 'arp_tpa', target);
  }
  const low = target & 0xffffffn;
  packet = set(set(packet, 'dl_dst', 0x3333ff000000n | low), 'dl_type', 0x86ddn);
  packet = set(set(packet, 'ipv6_src', source), 'ipv6_dst', 0xff0200000000000000000001ff000000n | low);
  packet = set(set(packet, 'nw_proto', ICMPV6), 'nw_ttl', 255n);
  packet = set(set(packet, 'icmpv6_type', SOLICITATION), 'icmpv6_code', 0n);
  return set(set(packet, 'nd_target', target), 'nd_sll', mac);
}

/** The answer to a request, from the machine with `mac`. */
export function answerTo(request: FlowKey, mac: string): FlowKey {
  const own = parseMac(mac) ?? 0n;
  const asker = get(request, 'dl_src');
  let packet: FlowKey = new Map(
    [...request].filter(([key]) => !/^(?:reg\d+|metadata|tun_.*|ct_.*|conj_id|in_port|pkt_mark)$/.test(key)),
  );
  packet = set(set(packet, 'dl_dst', asker), 'dl_src', own);
  if (isArp(request)) {
    packet = set(set(packet, 'arp_op', REPLY), 'arp_tha', get(request, 'arp_sha'));
    packet = set(set(packet, 'arp_sha', own), 'arp_spa', get(request, 'arp_tpa'));
    return set(packet, 'arp_tpa', get(request, 'arp_spa'));
  }
  const target = get(request, 'nd_target');
  packet = set(set(packet, 'ipv6_dst', get(request, 'ipv6_src')), 'ipv6_src', target);
  packet = set(set(packet, 'icmpv6_type', ADVERTISEMENT), 'nd_sll', 0n);
  return set(set(packet, 'nd_target', target), 'nd_tll', own);
}

/** The end of a request that somebody answers, with the answer on its way back from `back`. */
export function answeredBy(request: FlowKey, mac: string, who: string, back: Place): Ending {
  return {
    disposition: 'delivered',
    at: {
      host: 'host' in back ? back.host : null,
      device: 'device' in back ? back.device : 'bridge' in back ? back.bridge : '',
      port: null,
    },
    summary: `Answered by ${who}: ${askedFor(request)} is at ${mac}`,
    packet: request,
    answer: answerTo(request, mac),
    back,
  };
}

/** `who has 10.0.0.1, for 10.0.0.2`: a request or an answer in words. */
export function arpText(packet: FlowKey): string {
  if (isRequest(packet)) return `who has ${askedFor(packet)}? tell ${sourceIp(packet)}`;
  const what = isArp(packet) ? sourceIp(packet) : askedFor(packet);
  const mac = get(packet, isArp(packet) ? 'arp_sha' : 'nd_tll');
  return `${what} is at ${
    isMulticastMac(mac)
      ? 'a group address'
      : mac
          .toString(16)
          .padStart(12, '0')
          .replace(/(..)(?=.)/g, '$1:')
  }`;
}
