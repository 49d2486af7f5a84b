import { parseMac } from '../packet/address';
import { bits, joined, slice, type Bits } from './bits';
import { isIcmp, PROTO, type IpPacket } from './packet';

/** The header of IP, with what follows it. */
export function networkHeader(packet: IpPacket): Bits {
  const behind = packet.firstFragment === true ? undefined : transportHeader(packet);
  return joined([packet.family === 4 ? ipv4(packet) : ipv6(packet), ...(behind === undefined ? [] : [behind])]);
}

/** RFC 791. A packet here has no options. */
function ipv4(packet: IpPacket): Bits {
  const { fragment, firstFragment } = packet;
  const isFragment = fragment || firstFragment === true;
  return joined([
    bits(4, 4),
    bits(4, 5),
    bits(8, packet.tos),
    bits(16, packet.length),
    bits(16, undefined),
    bits(1, 0),
    bits(1, packet.untold?.has('dontFragment') === true ? undefined : packet.dontFragment ? 1 : 0),
    bits(1, fragment ? undefined : isFragment ? 1 : 0),
    bits(13, fragment ? undefined : 0),
    bits(8, packet.ttl),
    bits(8, packet.proto),
    bits(16, undefined),
    bits(32, packet.src),
    bits(32, packet.dst),
  ]);
}

const FRAGMENT_HEADER = 44;

/** RFC 8200. */
function ipv6(packet: IpPacket): Bits {
  const isFragment = packet.fragment || packet.firstFragment === true;
  return joined([
    bits(4, 6),
    bits(8, packet.tos),
    bits(20, packet.flowLabel),
    bits(16, packet.length === undefined ? undefined : packet.length - 40),
    bits(8, isFragment ? FRAGMENT_HEADER : packet.proto),
    bits(8, packet.ttl),
    bits(128, packet.src),
    bits(128, packet.dst),
  ]);
}

/** Types of ICMP that name a query, whose answers name it as well. */
const QUERIES: ReadonlySet<number> = new Set([0, 8, 13, 14, 15, 16, 17, 18]);
const QUERIES6: ReadonlySet<number> = new Set([128, 129]);

/** What follows IP, as far as every packet of the protocol has it; undefined for further fragments, in whose place something else stands. */
export function transportHeader(packet: IpPacket): Bits | undefined {
  if (packet.fragment) return undefined;
  const whole = everyTransportHeader(packet);
  // A first fragment holds eight bytes at least.
  return packet.firstFragment === true ? (slice(whole, 0, Math.min(whole.width, 64)) ?? whole) : whole;
}

function everyTransportHeader(packet: IpPacket): Bits {
  const ports = [bits(16, packet.sport), bits(16, packet.dport)];
  switch (packet.proto) {
    case PROTO.TCP:
      return joined([...ports, bits(64, undefined), bits(8, undefined), bits(8, packet.tcpFlags), bits(48, undefined)]);
    case PROTO.UDP:
      return joined([...ports, bits(16, datagramLength(packet)), bits(16, undefined)]);
    case PROTO.UDPLITE:
      return joined([...ports, bits(32, undefined)]);
    case PROTO.SCTP:
    case PROTO.DCCP:
      return joined([...ports, bits(64, undefined)]);
    default: {
      if (!isIcmp(packet)) return bits(0, 0);
      const isQuery = (packet.family === 4 ? QUERIES : QUERIES6).has(packet.icmpType);
      const names = isQuery && packet.untold?.has('icmpId') !== true;
      return joined([
        bits(8, packet.icmpType),
        bits(8, packet.icmpCode),
        bits(16, undefined),
        bits(16, names ? packet.icmpId : undefined),
        bits(16, undefined),
      ]);
    }
  }
}

function datagramLength({ family, length, firstFragment, wholeLength }: IpPacket): number | undefined {
  const whole = firstFragment === true ? wholeLength : length;
  return whole === undefined ? undefined : whole - (family === 4 ? 20 : 40);
}

/** The frame's header, with what follows it. */
export function linkHeader(packet: IpPacket): Bits {
  return joined([
    bits(48, packet.dmac === undefined ? undefined : parseMac(packet.dmac)),
    bits(48, packet.smac === undefined ? undefined : parseMac(packet.smac)),
    bits(16, packet.family === 4 ? 0x0800 : 0x86dd),
    networkHeader(packet),
  ]);
}

/** Where a field stands in its header, in bits, and the protocol that has it. */
interface Place {
  readonly base: 'ip' | 'ip6' | 'transport';
  readonly proto?: number;
  readonly from: number;
  readonly length: number;
  /** Types of ICMP that have it. */
  readonly types?: readonly number[];
}

const at = (base: Place['base'], proto: number | undefined, text: string): [string, Place][] =>
  text.split(', ').map((field): [string, Place] => {
    const [name = '', from, length, ...types] = field.split(' ');
    const place = { base, from: Number(from), length: Number(length) };
    return [
      name,
      { ...place, ...(proto === undefined ? {} : { proto }), ...(types.length === 0 ? {} : { types: types.map(Number) }) },
    ];
  });

const named = (header: string, places: readonly [string, Place][]): [string, Place][] =>
  places.map(([name, place]) => [`${header} ${name}`, place]);

/** nft(8), "header expressions". */
const FIELDS: ReadonlyMap<string, Place> = new Map([
  ...named(
    'ip',
    at(
      'ip',
      undefined,
      'version 0 4, hdrlength 4 4, dscp 8 6, ecn 14 2, length 16 16, id 32 16, frag-off 48 16, ttl 64 8, protocol 72 8, checksum 80 16, saddr 96 32, daddr 128 32',
    ),
  ),
  ...named(
    'ip6',
    at(
      'ip6',
      undefined,
      'version 0 4, dscp 4 6, ecn 10 2, flowlabel 12 20, length 32 16, nexthdr 48 8, hoplimit 56 8, saddr 64 128, daddr 192 128',
    ),
  ),
  ...named('th', at('transport', undefined, 'sport 0 16, dport 16 16')),
  ...named(
    'tcp',
    at(
      'transport',
      PROTO.TCP,
      'sport 0 16, dport 16 16, sequence 32 32, ackseq 64 32, doff 96 4, reserved 100 4, flags 104 8, window 112 16, checksum 128 16, urgptr 144 16',
    ),
  ),
  ...named('udp', at('transport', PROTO.UDP, 'sport 0 16, dport 16 16, length 32 16, checksum 48 16')),
  ...named('udplite', at('transport', PROTO.UDPLITE, 'sport 0 16, dport 16 16, csumcov 32 16, checksum 48 16')),
  ...named('sctp', at('transport', PROTO.SCTP, 'sport 0 16, dport 16 16, vtag 32 32, checksum 64 32')),
  ...named('dccp', at('transport', PROTO.DCCP, 'sport 0 16, dport 16 16, type 67 4')),
  ...named(
    'icmp',
    at('transport', PROTO.ICMP, 'type 0 8, code 8 8, checksum 16 16, id 32 16, sequence 48 16, gateway 32 32 5, mtu 48 16 3'),
  ),
  ...named(
    'icmpv6',
    at(
      'transport',
      PROTO.ICMPV6,
      'type 0 8, code 8 8, checksum 16 16, id 32 16, sequence 48 16, parameter-problem 32 32 4, mtu 32 32 2, max-delay 32 16 130 131 132',
    ),
  ),
  ...named('igmp', at('transport', 2, 'type 0 8, mrt 8 8, checksum 16 16, group 32 32')),
  ...named('esp', at('transport', 50, 'spi 0 32, sequence 32 32')),
  ...named('ah', at('transport', 51, 'nexthdr 0 8, hdrlength 8 8, reserved 16 16, spi 32 32, sequence 64 32')),
  ...named('comp', at('transport', 108, 'nexthdr 0 8, flags 8 8, cpi 16 16')),
]);

/** How many bits a field has; undefined for what is no field of a header. */
export function fieldWidth(name: string): number | undefined {
  return FIELDS.get(name)?.length;
}

/** A field of a header by nft's name; `none` where the packet lacks it, undefined where it may, or for what is no such field. */
export function headerField(name: string, packet: IpPacket): Bits | 'none' | undefined {
  const place = FIELDS.get(name);
  if (place === undefined) return undefined;
  const { base, proto, from, length, types } = place;
  if (base !== 'transport') {
    if ((base === 'ip') !== (packet.family === 4)) return 'none';
    return slice(networkHeader(packet), from, length);
  }
  const wanted =
    proto === PROTO.ICMP || proto === PROTO.ICMPV6 ? isIcmp(packet) && packet.proto === proto : packet.proto === proto;
  if (proto !== undefined && !wanted) return 'none';
  const header = transportHeader(packet);
  if (header === undefined) return undefined;
  return types !== undefined && !types.includes(packet.icmpType) ? 'none' : slice(header, from, length);
}
