import type { NfTargetOptions } from '../captures/netfilter-facts';
import { formatMac } from '../packet/address';
import type { Moment } from './matches';
import { exactValue, valueOf } from './numbers';
import { hasPorts, PROTO, type IpPacket } from './packet';

/** Types of frames by their number (linux/if_packet.h). */
const FRAMES: readonly IpPacket['frame'][] = ['host', 'broadcast', 'multicast', 'otherhost'];

/** Fields by their place, as `@nh,96,32` names them: of IPv4, of IPv6, of what has ports. */
const PLACES: Readonly<Record<string, string | undefined>> = {
  '4 @nh,96,32': 'ip saddr',
  '4 @nh,128,32': 'ip daddr',
  '6 @nh,64,128': 'ip6 saddr',
  '6 @nh,192,128': 'ip6 daddr',
  '4 @th,0,16': 'th sport',
  '4 @th,16,16': 'th dport',
  '6 @th,0,16': 'th sport',
  '6 @th,16,16': 'th dport',
};

/**
 * The moment after a statement of nft's has put a number in place of another; undefined where it is not modelled, or its value not known, so
 * that nobody knows what becomes of the packet.
 */
export function assigned(at: Moment, { to, value }: NonNullable<NfTargetOptions['assign']>): Moment | undefined {
  const { packet } = at;
  const name = PLACES[`${packet.family} ${to}`] ?? to;
  const number = exactValue(value, at);
  const found = typeof value === 'bigint' ? undefined : valueOf(value, at);
  const withPacket = (change: Partial<IpPacket>): Moment => ({ ...at, packet: { ...packet, ...change } });
  switch (name) {
    case 'meta mark':
      return withPacket({ mark: number === undefined ? undefined : Number(number) });
    case 'ct mark': {
      const { connection } = at.tracking;
      if (connection) connection.mark = number === undefined ? undefined : Number(number);
      return at;
    }
    case 'ip saddr':
    case 'ip6 saddr':
      return number === undefined ? undefined : withPacket({ src: number });
    case 'ip daddr':
    case 'ip6 daddr':
      return number === undefined ? undefined : withPacket({ dst: number });
    case 'th sport':
    case 'tcp sport':
    case 'udp sport':
    case 'th dport':
    case 'tcp dport':
    case 'udp dport': {
      // Of other protocols these bits say something else.
      if (!hasPorts(packet.proto) || packet.fragment || (number === undefined && found === undefined)) return undefined;
      const port = number === undefined ? undefined : Number(number);
      return withPacket(name.endsWith('sport') ? { sport: port } : { dport: port });
    }
    case 'tcp flags':
      return packet.proto === PROTO.TCP && number !== undefined ? withPacket({ tcpFlags: Number(number) }) : undefined;
    case 'ip ttl':
    case 'ip6 hoplimit':
      return number === undefined ? undefined : withPacket({ ttl: Number(number) });
    case 'ether saddr':
      return number === undefined ? undefined : withPacket({ smac: formatMac(number) });
    case 'ether daddr':
      return number === undefined || at.hook === 'INGRESS' || at.physIn !== undefined
        ? undefined
        : withPacket({ dmac: formatMac(number) });
    case 'meta pkttype': {
      const frame = number === undefined ? undefined : FRAMES[Number(number)];
      return frame && withPacket({ frame });
    }
    default:
      return undefined;
  }
}
