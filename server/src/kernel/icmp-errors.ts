import { takeLikely, askHidden } from './decide';
import type { Namespace } from '../model/namespace';
import { addressType } from './address-type';
import { fibOf } from './fib';
import { isIcmp, isMulticast, PROTO, TCP, type IpPacket } from './packet';
import type { IcmpError } from './route-input';
import { lookup, type Flow, type LookupOptions } from './routing';
import { hasAddresses, isStrayLoopback, sourceAddress, sourceAddress6 } from './source-address';

/** What a host sends back instead of a packet. */
export type Answer = IcmpError | { readonly reset: true; readonly name: string };

/** Codes of "destination unreachable" by what iptables and nft call them, without `icmp-`, `icmp6-` or `icmpx-`. */
const REJECTIONS_4: Readonly<Record<string, number>> = {
  'net-unreachable': 0,
  'no-route': 0,
  'host-unreachable': 1,
  'addr-unreachable': 1,
  'proto-unreachable': 2,
  'prot-unreachable': 2,
  'port-unreachable': 3,
  'net-prohibited': 9,
  'host-prohibited': 10,
  'admin-prohibited': 13,
};
const REJECTIONS_6: Readonly<Record<string, number>> = {
  'no-route': 0,
  'adm-prohibited': 1,
  'admin-prohibited': 1,
  'addr-unreachable': 3,
  'addr-unreach': 3,
  'host-unreachable': 3,
  'port-unreachable': 4,
  'port-unreach': 4,
  'policy-fail': 5,
  'reject-route': 6,
};

/** What REJECT sends (iptables-extensions(8), nft(8)). */
export function rejection({ family }: IpPacket, reject: string): Answer {
  if (reject === 'tcp-reset') return { reset: true, name: 'TCP reset' };
  const own = reject.replace(/^icmp[6x]?-/, '');
  const name = reject === '' ? `${family === 4 ? 'icmp' : 'icmp6'}-port-unreachable` : reject;
  return family === 4 ? { type: 3, code: REJECTIONS_4[own] ?? 3, name } : { type: 1, code: REJECTIONS_6[own] ?? 4, name };
}

/** ICMP errors, and types that nobody knows, are never answered by an error (RFC 1122 3.2.2, RFC 4443 2.4). */
const UNANSWERED_4 = new Set([1, 2, 3, 4, 5, 6, 7, 11, 12]);

/** How a packet came to where it is answered. */
export interface Answering {
  /** Its own route is known by then, which for a bridged one or before routing it is not. */
  readonly routed: boolean;
  /** The device that it came by; undefined for one that this host made. */
  readonly iif: string | undefined;
}

/** Whether the kernel sends an error or a reset because of a packet: it may, and a way leads back to the sender (icmp_send). */
export function isAnswered(packet: IpPacket, answer: Answer, options: LookupOptions, via: Answering): boolean {
  const { namespace } = options;
  const { routed } = via;
  const { family, src, dst, icmpType } = packet;
  // Of a packet in fragments the first one only, in IPv4.
  if ((packet.fragment && family === 4) || packet.frame !== 'host' || isMulticast(family, src)) return false;
  if (isMulticast(family, dst) && (routed || family === 6)) return false;
  if (family === 6 && src === 0n) return false;
  if (family === 4 && routed && !('reset' in answer) && isToBroadcast(namespace, packet)) return false;
  if ('reset' in answer) {
    if ((packet.tcpFlags & TCP.RST) !== 0) return false;
  } else if (isIcmp(packet) && (family === 4 ? UNANSWERED_4.has(icmpType) || icmpType > 18 : icmpType < 128)) return false;
  return leadsBack(packet, answer, options, via);
}

/**
 * Whether a way leads to the sender from the address that answers. Where IPv6 has none for it yet, it takes one of the device that the packet
 * came by, unless the way without a source names its own (icmpv6_rt_has_prefsrc), and else one for that way; a way that is none does not
 * count then (ip6_dst_lookup_tail).
 */
function leadsBack(packet: IpPacket, answer: Answer, options: LookupOptions, { routed, iif }: Answering): boolean {
  const { namespace } = options;
  const leads = (src: bigint, turn: string) => {
    const found = lookup(flowBack(namespace, packet, answer, src), { ...options, key: `${options.key}|answer${turn}` });
    const device = found.kind === 'found' && found.type !== 'local' ? found.hop?.device : undefined;
    const strays = device !== undefined && isStrayLoopback(packet.family, src, device, options);
    const leads = found.kind === 'unknown' ? mayLead(packet, options, turn) : found.kind === 'found' && !strays;
    return { leads, source: 'route' in found ? found.route?.src : undefined };
  };
  const src = sourceBack(packet, answer, namespace, routed);
  const first = leads(src, '');
  if (packet.family === 4 || 'reset' in answer || src !== 0n || (first.leads && first.source !== undefined)) return first.leads;
  const near = iif === undefined ? undefined : sourceAddress6(namespace, iif, packet.src);
  const chosen = near ?? (first.leads ? undefined : sourceAddress6(namespace, undefined, packet.src));
  if (chosen !== undefined) return leads(chosen, ' again').leads;
  const asksForSource = fibOf(namespace, 6).rules.some(({ from }) => from !== undefined);
  if (!asksForSource || hasAddresses(namespace, 6)) return first.leads;
  const as = askHidden(options, {
    key: 'answer source',
    likely: true,
    reason: 'the address that the answer comes from was not captured; taken not to change its way',
    command: 'ip a',
  });
  return first.leads === as;
}

/** What leads back was not captured whole. */
function mayLead({ family }: IpPacket, options: LookupOptions, turn: string): boolean {
  return askHidden(options, {
    key: `answer way${turn}`,
    likely: true,
    reason: 'whether a way leads back to the sender was not captured; taken to be so',
    command: family === 4 ? 'ip route show table all' : 'ip -6 route show table all',
  });
}

/**
 * The source that the way back is asked for with, 0 where none is chosen yet. A reset comes from where the packet went, as far as one
 * address has it (ip_route_me_harder, nf_send_reset6), an ICMP error if that is this host's (icmp_send, icmp6_send).
 */
function sourceBack({ family, dst }: IpPacket, answer: Answer, namespace: Namespace, routed: boolean): bigint {
  const type = addressType(namespace, family, dst, undefined);
  if ('reset' in answer) return family === 6 || type === 'LOCAL' || type === 'UNICAST' ? dst : 0n;
  return type === 'LOCAL' && (routed || family === 6) ? dst : 0n;
}

/** What routing is asked for the way back; IPv4's reset says nothing of its protocol there, and none has the TOS of what it answers. */
function flowBack(namespace: Namespace, { family, src, tos, mark, proto }: IpPacket, answer: Answer, from: bigint): Flow {
  const isReset = 'reset' in answer;
  // ip-sysctl: fwmark_reflect.
  const reflects = namespace.sysctls.get(`net.ipv${family}.fwmark_reflect`)?.value === '1';
  return {
    family,
    dst: src,
    src: from,
    iif: 'lo',
    oif: undefined,
    mark: reflects ? mark : 0,
    tos: isReset || family === 6 ? 0 : tos,
    proto: isReset ? (family === 4 ? 0 : proto) : family === 4 ? PROTO.ICMP : PROTO.ICMPV6,
    sport: undefined,
    dport: undefined,
  };
}

/**
 * Whose address an answer has as its source: the one that the packet was for, where that may be, else what the way back gives, in IPv6 the
 * best one of the device that the packet came by. Undefined where no capture tells.
 */
export function answerSource(packet: IpPacket, answer: Answer, options: LookupOptions, via: Answering): bigint | undefined {
  const { namespace } = options;
  const { family, src } = packet;
  const own = sourceBack(packet, answer, namespace, via.routed);
  if (own !== 0n) return own;
  const back = lookup(flowBack(namespace, packet, answer, 0n), { ...options, key: `${options.key}|answer` });
  if (back.kind !== 'found' || !back.hop) return undefined;
  const { hop, route } = back;
  if (route.src !== undefined) return route.src;
  if (family === 6) return sourceAddress6(namespace, via.iif ?? hop.device, src);
  return sourceAddress(namespace, hop.device, 4, hop.via ?? src, hop.via === undefined ? 'link' : 'global');
}

/** Whether the packet is for all hosts of a network that this one is in (RFC 1122 3.2.2). */
function isToBroadcast(namespace: Namespace, { family, dst, tos, proto }: IpPacket): boolean {
  const flow = { family, dst, src: 0n, iif: 'lo', oif: undefined, mark: 0, tos, proto, sport: undefined, dport: undefined };
  const found = lookup(flow, { namespace, choose: takeLikely, key: 'broadcast' });
  return dst === 0xffffffffn || (found.kind === 'found' && found.type === 'broadcast');
}
