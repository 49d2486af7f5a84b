import { parseIp } from '../packet/address';
import { set, type FlowKey } from '../packet/flow-key';

/** A question to the captures. */
export interface WalkQuestion {
  readonly from: string;
  readonly to: string;
  /** `arp`: the sender asks who has the address (in IPv6, neighbour discovery). */
  readonly proto?: 'icmp' | 'tcp' | 'udp' | 'arp';
  readonly sport?: number;
  readonly dport?: number;
  readonly reply?: boolean;
  /** How long the IP packet is, its header included. */
  readonly length?: number;
  /** Whether nobody may cut it: IPv4's DF bit. */
  readonly dontFragment?: boolean;
}

/** The packet that is asked about, before it has any link-layer addresses. */
export function newPacket(source: string, destination: string, question: WalkQuestion): FlowKey {
  const proto = { icmp: 1n, tcp: 6n, udp: 17n, arp: 1n }[question.proto ?? 'icmp'];
  let packet: FlowKey = new Map();
  const from = parseIp(source);
  const to = parseIp(destination);
  const v6 = to?.family === 6;
  packet = set(packet, 'dl_type', v6 ? 0x86ddn : 0x0800n);
  packet = set(packet, v6 ? 'ipv6_src' : 'nw_src', from?.family === to?.family ? (from?.value ?? 0n) : 0n);
  packet = set(packet, v6 ? 'ipv6_dst' : 'nw_dst', to?.value ?? 0n);
  packet = set(packet, 'nw_proto', v6 && proto === 1n ? 58n : proto);
  packet = set(packet, 'nw_ttl', 64n);
  if (proto === 1n) return set(packet, 'tp_src', v6 ? 128n : 8n);
  return set(set(packet, 'tp_src', BigInt(question.sport ?? 40000)), 'tp_dst', BigInt(question.dport ?? 80));
}
