import type { Namespace } from '../model/network';
import { isIcmp, isMulticast, TCP, type IpPacket } from './packet';
import type { IcmpError } from './route-input';
import { lookup, type LookupOptions } from './routing';

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

/**
 * Whether the kernel sends an error or a reset because of a packet: it may, and a way leads back to the sender (icmp_send). `routed`: the
 * packet's own route is known by then, which for a bridged one or before routing it is not.
 */
export function isAnswered(packet: IpPacket, answer: Answer, options: LookupOptions, routed = true): boolean {
  const { namespace } = options;
  const { family, src, dst, icmpType } = packet;
  // Of a packet in fragments the first one only, in IPv4.
  if ((packet.fragment && family === 4) || packet.frame !== 'host' || isMulticast(family, src)) return false;
  if (isMulticast(family, dst) && (routed || family === 6)) return false;
  if (family === 6 && src === 0n) return false;
  if (family === 4 && routed && !('reset' in answer) && isToBroadcast(namespace, packet)) return false;
  if ('reset' in answer) {
    if ((packet.tcpFlags & TCP.RST) !== 0) return false;
  } else if (isIcmp(packet) && (family === 4 ? UNANSWERED_4.has(icmpType) || icmpType > 18 : icmpType < 128)) return false;
  const back = lookup(
    {
      family,
      dst: src,
      src: 0n,
      iif: 'lo',
      oif: undefined,
      mark: 0,
      tos: packet.tos,
      proto: 'reset' in answer ? packet.proto : family === 4 ? 1 : 58,
      sport: undefined,
      dport: undefined,
    },
    { ...options, key: `${options.key}|answer` },
  );
  return back.kind === 'unknown' || back.kind === 'found';
}

/** Whether the packet is for all hosts of a network that this one is in (RFC 1122 3.2.2). */
function isToBroadcast(namespace: Namespace, { family, dst, tos, proto }: IpPacket): boolean {
  const flow = { family, dst, src: 0n, iif: 'lo', oif: undefined, mark: 0, tos, proto, sport: undefined, dport: undefined };
  const found = lookup(flow, { namespace, choose: ({ likely }) => likely, key: 'broadcast' });
  return dst === 0xffffffffn || (found.kind === 'found' && found.type === 'broadcast');
}
