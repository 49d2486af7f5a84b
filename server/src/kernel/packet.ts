import type { ArpBody } from './arp';
import { formatIpv4, formatIpv6 } from '../packet/address';

/** A packet as the IP stack sees it. Addresses are plain numbers of 32 or 128 bits. */
export interface IpPacket {
  readonly family: 4 | 6;
  readonly src: bigint;
  readonly dst: bigint;
  readonly proto: number;
  /** Of TCP, UDP, UDP-Lite, SCTP and DCCP; undefined where NAT chose a port that nobody can foretell, or in further fragments. */
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  readonly icmpType: number;
  readonly icmpCode: number;
  /** Undefined where NAT chose one by chance. */
  readonly icmpId: number | undefined;
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128. */
  readonly tcpFlags: number;
  /** The maximum segment size that a SYN names, 0 where it names none; undefined where it is not known. */
  readonly mss: number | undefined;
  /** Time to live, or IPv6's hop limit. */
  readonly ttl: number;
  /** The type of service, or IPv6's traffic class: DSCP and ECN. */
  readonly tos: number;
  /** Of IPv6, 20 bits; absent where nobody said it. */
  readonly flowLabel?: number | undefined;
  /** In bytes, IP header included; undefined where it is not known. */
  readonly length: number | undefined;
  readonly dontFragment: boolean;
  /** A second or further fragment. */
  readonly fragment: boolean;
  /** The first fragment: it has the ports. */
  readonly firstFragment?: boolean;
  /** Of a fragment: the length of the packet that was cut, in bytes. */
  readonly wholeLength?: number;
  readonly smac: string | undefined;
  readonly dmac: string | undefined;
  /** Undefined where rules that may set it were not captured. */
  readonly mark: number | undefined;
  /** As the device saw the frame's destination. */
  readonly frame: 'host' | 'broadcast' | 'multicast' | 'otherhost';
  /** What nobody told of the packet, so that the fields hold what is usual. */
  readonly untold?: ReadonlySet<'icmpId' | 'dontFragment' | 'frame'>;
  /** Of ARP, which is no IP packet: rules for ARP and for bridged frames see it. */
  readonly arp?: ArpBody;
  /** What an ICMP error is about: the packet that could not go on. */
  readonly inner: IpPacket | undefined;
}

export const TCP = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;

export const PROTO = { ICMP: 1, TCP: 6, UDP: 17, GRE: 47, ICMPV6: 58, DCCP: 33, SCTP: 132, UDPLITE: 136 } as const;

/** Whether a protocol has ports. */
export function hasPorts(proto: number): boolean {
  return proto === PROTO.TCP || proto === PROTO.UDP || proto === PROTO.UDPLITE || proto === PROTO.SCTP || proto === PROTO.DCCP;
}

export function isIcmp(packet: IpPacket): boolean {
  return packet.proto === (packet.family === 4 ? PROTO.ICMP : PROTO.ICMPV6);
}

/** ICMP types that carry the packet that they are about (RFC 792, RFC 4443). */
export function isIcmpError(packet: IpPacket): boolean {
  if (!isIcmp(packet)) return false;
  return packet.family === 4 ? [3, 4, 5, 11, 12].includes(packet.icmpType) : packet.icmpType < 128;
}

export function formatAddress(family: 4 | 6, value: bigint): string {
  return family === 4 ? formatIpv4(value) : formatIpv6(value);
}

/** A packet of which nothing but the addresses and the protocol is special. */
export function plainPacket(family: 4 | 6, src: bigint, dst: bigint, proto: number): IpPacket {
  return {
    family,
    src,
    dst,
    proto,
    sport: undefined,
    dport: undefined,
    icmpType: 0,
    icmpCode: 0,
    icmpId: 0,
    tcpFlags: 0,
    mss: undefined,
    ttl: 64,
    tos: 0,
    length: undefined,
    dontFragment: false,
    fragment: false,
    smac: undefined,
    dmac: undefined,
    mark: 0,
    frame: 'host',
    inner: undefined,
  };
}

export function isMulticast(family: 4 | 6, address: bigint): boolean {
  return family === 4 ? address >> 28n === 0xen : address >> 120n === 0xffn;
}

export function isLoopback(family: 4 | 6, address: bigint): boolean {
  return family === 4 ? address >> 24n === 127n : address === 1n;
}

export function isLinkLocal6(address: bigint): boolean {
  return address >> 118n === 0x3fan;
}
