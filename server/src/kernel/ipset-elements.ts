import type { Ipset } from '../model/ipset';
import type { Namespace } from '../model/namespace';
import { parseIp, parsePrefix } from '../packet/address';
import { ipProtocolNumber } from '../packet/ip-protocols';
import { and, tri, type Tri } from './decide';
import { icmpType } from './icmp-names';
import { formatAddress, hasPorts, isIcmp, PROTO, type IpPacket } from './packet';

/** Where a set looks for a packet's devices and cards. */
export interface SetDevices {
  readonly namespace: Namespace;
  readonly in: string | undefined;
  readonly out: string | undefined;
  readonly arrivedBy: string | undefined;
  /** This host made the packet: it has no frame yet. */
  readonly local: boolean;
}

/** One value of a set's element: what it takes, how narrow it is, and the value itself, always written the same way. */
interface Part {
  readonly narrow: number;
  /** Undefined for what stands for several elements. */
  readonly key: string | undefined;
  readonly holds: (packet: IpPacket, direction: string, devices: SetDevices) => Tri;
}

export interface SetElement {
  readonly parts: readonly Part[];
  readonly nomatch: boolean;
  /** Two elements with the same key are the same; undefined for several at once (`10.0.0.1-10.0.0.9`). */
  readonly key: string | undefined;
}

/** The kinds of values of an element: `ip`, `net`, `port` … (ipset(8)). */
export function dimensionsOf({ type }: Ipset): readonly string[] {
  return (type.split(':')[1] ?? 'ip').split(',');
}

/** An element by its text; undefined where that is none of such a set. */
export function readElement(set: Ipset, text: string, nomatch: boolean, wildcard = false): SetElement | undefined {
  const texts = text.split(',');
  const parts = dimensionsOf(set).map((dimension, n) => partOf(dimension, texts[n], set, wildcard));
  const whole = parts.flatMap((part) => (part ? [part] : []));
  return whole.length < parts.length ? undefined : { parts: whole, nomatch, key: keyOf(whole.map(({ key }) => key)) };
}

function keyOf(parts: readonly (string | undefined)[]): string | undefined {
  return parts.includes(undefined) ? undefined : parts.join(',');
}

/** Whether an element is for a packet; `directions` says which side of it each value looks at. */
export function holdsElement({ parts }: SetElement, directions: readonly string[], packet: IpPacket, devices: SetDevices): Tri {
  return and(parts.map((part, n) => part.holds(packet, directions[n] ?? 'src', devices)));
}

/** The same without asking for the last value, a device. */
export function holdsNetwork({ parts }: SetElement, directions: readonly string[], packet: IpPacket, devices: SetDevices): Tri {
  return and(parts.slice(0, -1).map((part, n) => part.holds(packet, directions[n] ?? 'src', devices)));
}

/** Which of two elements the kernel finds first: it tries the narrowest networks of the first value first, then those of the next. */
export function byNarrowness(a: SetElement, b: SetElement): number {
  for (const [n, { narrow }] of a.parts.entries()) {
    const difference = (b.parts[n]?.narrow ?? 0) - narrow;
    if (difference !== 0) return difference;
  }
  return 0;
}

function partOf(dimension: string, text: string | undefined, set: Ipset, wildcard: boolean): Part | undefined {
  switch (dimension) {
    case 'ip':
    case 'net':
      return text === undefined ? undefined : addressPart(text, set);
    case 'port':
      return text === undefined ? undefined : portPart(text, set.type === 'bitmap:port');
    case 'iface': {
      const name = text ?? '';
      // No rule of iptables asks for a bridge's port (`physdev:`): it never sets the flag that kadt of the type looks at.
      const isOwn = (device: string | undefined) =>
        wildcard ? device?.startsWith(name) === true : device === name && !name.startsWith('physdev:');
      return {
        narrow: 0,
        key: wildcard ? undefined : text,
        holds: (_packet, direction, devices) => tri(isOwn(direction === 'src' ? devices.in : devices.out)),
      };
    }
    case 'mac': {
      if (text === undefined) return undefined;
      const mac = text.toLowerCase();
      return { narrow: 0, key: mac, holds: (packet, direction, devices) => isCard(cardOf(packet, direction, devices), mac) };
    }
    case 'mark': {
      const mark = Number(text) >>> 0;
      const mask = markMask(set);
      return {
        narrow: 0,
        key: `${mark}`,
        holds: (packet) => (packet.mark === undefined ? 'maybe' : tri((packet.mark & mask) >>> 0 === mark)),
      };
    }
    default:
      return undefined;
  }
}

const NO_CARD = '00:00:00:00:00:00';

/**
 * The card whose address a set compares. `none`: there is no frame, or one without addresses as on lo, and the set takes nothing (kadt of the
 * types with `mac`); `untold src`, `untold dst`: there is a frame, but nobody told of its address; `unknown`: nobody told whether there is one.
 */
export function cardOf(
  { smac, dmac }: IpPacket,
  direction: string,
  { namespace, in: inside, arrivedBy, local }: SetDevices,
): string {
  if (local || inside === 'lo') return 'none';
  const mac = direction === 'src' ? smac : dmac;
  if (mac !== undefined) return mac === NO_CARD ? 'none' : mac;
  return namespace.devices.get(arrivedBy ?? inside ?? '')?.mac === undefined ? 'unknown' : `untold ${direction}`;
}

/** Whether a card's address (`cardOf`) is known. */
export function isTold(card: string): boolean {
  return card !== '?' && !/^un(?:told|known)/.test(card);
}

/** Whether a card (`cardOf`) is that of an element; `?` for one of which nobody knows the address. */
export function isCard(card: string, mac: string): Tri {
  const open = card === 'unknown' || mac === '?' || (card !== mac && (!isTold(card) || !isTold(mac)));
  return open ? 'maybe' : tri(card === mac);
}

function markMask(set: Ipset): number {
  return Number(set.options['markmask'] ?? 0xffffffff);
}

function addressPart(text: string, set: Ipset): Part | undefined {
  const [first, last] = text.includes('-') ? text.split('-') : [text, undefined];
  if (last !== undefined) {
    const [from, to] = [parseIp(first ?? ''), parseIp(last)];
    if (!from || !to) return undefined;
    return {
      narrow: 0,
      key: undefined,
      holds: (packet, direction) => {
        const ip = direction === 'src' ? packet.src : packet.dst;
        return tri(ip >= from.value && ip <= to.value);
      },
    };
  }
  const netmask = set.options['netmask'];
  const prefix = parsePrefix(netmask === undefined || text.includes('/') ? text : `${text}/${netmask}`);
  if (!prefix) return undefined;
  return {
    narrow: prefix.length,
    key: addressKey(prefix.family, prefix.value, prefix.length),
    holds: (packet, direction) => tri(((direction === 'src' ? packet.src : packet.dst) & prefix.mask) === prefix.value),
  };
}

function addressKey(family: 4 | 6, value: bigint, length: number): string {
  return `${formatAddress(family, value)}/${length}`;
}

/** The bits of a network's address. */
export function masked(family: 4 | 6, value: bigint, length: number): bigint {
  const bits = BigInt((family === 4 ? 32 : 128) - length);
  return (value >> bits) << bits;
}

function portPart(text: string, anyProtocol: boolean): Part | undefined {
  const [left, right] = text.includes(':') ? text.split(':') : [undefined, text];
  const proto = left === undefined ? (anyProtocol ? undefined : PROTO.TCP) : ipProtocolNumber(left.toLowerCase());
  const icmp = proto === PROTO.ICMP || proto === PROTO.ICMPV6 ? icmpWords(right ?? '', proto) : undefined;
  const [from = 0, to = from] = (right ?? '').split('-').map(Number);
  const value = icmp ?? (from === to && !Number.isNaN(from) ? `${from}` : undefined);
  return {
    narrow: 0,
    key: value === undefined ? undefined : anyProtocol ? value : `${proto ?? '?'}:${value}`,
    holds: (packet, direction) => {
      const own = portOf(packet, direction);
      if (own === 'none' || (proto !== undefined && packet.proto !== proto)) return 'no';
      if (anyProtocol && packet.proto !== PROTO.TCP && packet.proto !== PROTO.UDP) return 'no';
      if (isIcmp(packet)) return tri(own === icmp);
      // NAT may have chosen it by chance.
      return own === undefined ? 'maybe' : tri(typeof own === 'number' && own >= from && own <= to);
    },
  };
}

/** `8/0`, also for a name; a type's name alone is its first code. */
function icmpWords(text: string, proto: number): string | undefined {
  const named = icmpType(text, proto === PROTO.ICMP ? 4 : 6);
  return named?.type === undefined ? undefined : `${named.type}/${named.codes[0]}`;
}

/** What a set takes for a packet's port: of ICMP its type and code, 0 without ports; `none` in further fragments (ip_set_get_ip4_port). */
function portOf(packet: IpPacket, direction: string): number | string | 'none' | undefined {
  const ported = hasPorts(packet.proto) && packet.proto !== PROTO.DCCP;
  if (packet.fragment && (packet.family === 6 || ported || isIcmp(packet))) return 'none';
  if (isIcmp(packet)) return `${packet.icmpType}/${packet.icmpCode}`;
  if (!ported) return 0;
  return direction === 'src' ? packet.sport : packet.dport;
}

/**
 * The element that SET puts in or takes out for a packet, as text that `readElement` reads. `none`: the set refuses the packet; `unknown`:
 * nobody can tell which. `length` says how many bits a network has there: as many as the narrowest that is in the set (`nets[0]`).
 */
export function elementFor(
  set: Ipset,
  directions: readonly string[],
  packet: IpPacket,
  devices: SetDevices,
  length: (value: number) => number | undefined,
): string | 'none' | 'unknown' {
  const dimensions = dimensionsOf(set);
  if (directions.length < dimensions.length) return 'none';
  const texts = dimensions.map((dimension, n) =>
    valueFor(set, dimension, directions[n] ?? 'src', packet, devices, () => length(n)),
  );
  if (texts.includes('none')) return 'none';
  return texts.includes('unknown') ? 'unknown' : texts.join(',');
}

function valueFor(
  set: Ipset,
  dimension: string,
  direction: string,
  packet: IpPacket,
  devices: SetDevices,
  length: () => number | undefined,
): string {
  const { family } = packet;
  const ip = direction === 'src' ? packet.src : packet.dst;
  switch (dimension) {
    case 'ip': {
      const netmask = set.options['netmask'];
      const bits = netmask === undefined ? (family === 4 ? 32 : 128) : Number(netmask);
      if (set.type.startsWith('bitmap') && !isInRange(set, ip)) return 'none';
      if (Number.isNaN(bits) || set.options['bitmask'] !== undefined) return 'unknown';
      const value = masked(family, ip, bits);
      return value === 0n ? (set.type === 'hash:ip' ? 'none' : 'unknown') : addressKey(family, value, bits);
    }
    case 'net': {
      const bits = length();
      return bits === undefined || bits === 0 ? 'unknown' : addressKey(family, masked(family, ip, bits), bits);
    }
    case 'port': {
      const port = portOf(packet, direction);
      if (port === 'none') return 'none';
      if (port === undefined) return 'unknown';
      if (set.type !== 'bitmap:port') return `${packet.proto}:${port}`;
      const [from = NaN, to = NaN] = (set.options['range'] ?? '').split('-').map(Number);
      if (packet.proto !== PROTO.TCP && packet.proto !== PROTO.UDP) return 'none';
      if (Number.isNaN(from) || Number.isNaN(to)) return 'unknown';
      return Number(port) >= from && Number(port) <= to ? `${port}` : 'none';
    }
    case 'iface':
      return (direction === 'src' ? devices.in : devices.out) ?? 'none';
    case 'mac': {
      const card = cardOf(packet, direction, devices);
      return card === 'none' || isTold(card) ? card : 'unknown';
    }
    case 'mark':
      return packet.mark === undefined ? 'unknown' : `${(packet.mark & markMask(set)) >>> 0}`;
    default:
      return 'unknown';
  }
}

/** Whether a bitmap has room for an address; false where its range is not known. */
export function isInRange(set: Ipset, ip: bigint): boolean {
  const range = set.options['range'] ?? '';
  const [from, to] = range.split('-').map(parseIp);
  const prefix = parsePrefix(range);
  if (from && to) return ip >= from.value && ip <= to.value;
  return prefix !== undefined && (ip & prefix.mask) === prefix.value;
}
