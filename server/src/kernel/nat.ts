import {
  invert,
  isTaken,
  portsTaken,
  sameTuple,
  zoneId,
  type Connection,
  type ConnectionTable,
  type Tuple,
  type Zone,
} from './conntrack';
import { hasPorts, PROTO, type IpPacket } from './packet';

/** Addresses and ports that a NAT rule allows. Undefined parts stay as they are where they can. */
export interface NatRange {
  readonly addresses: readonly [bigint, bigint] | undefined;
  readonly ports: readonly [number, number] | undefined;
  /** The port that becomes the first of the range; those behind it follow (`--to-destination :2000-2010/1000`). */
  readonly shiftedFrom?: number;
  readonly persistent: boolean;
  /** `--random`, `--random-fully`: the port is never kept on purpose. */
  readonly random: boolean;
}

export type Manip = 'src' | 'dst';

/** What NAT chose for a connection. */
export interface Binding {
  readonly tuple: Tuple;
  /** The ports that it may be, where the kernel chooses one by chance. */
  readonly anyOf: readonly [number, number] | undefined;
}

/**
 * Binds a connection's source or destination within a range as nf_nat_core does: the old tuple if it fits, for sources what the
 * same source was given before, else an address by hash, and the port kept where it is free.
 */
export function bind(table: ConnectionTable, connection: Connection, range: NatRange, manip: Manip): Binding {
  const current = invert(connection.reply);
  const chosen = choose(table, connection, current, range, manip);
  if (!sameTuple(chosen.tuple, current) || chosen.tuple.sport !== current.sport || chosen.tuple.dport !== current.dport) {
    connection.reply = invert(chosen.tuple);
    const { reply, zone } = connection;
    if (chosen.anyOf) {
      const end = reply.dport === undefined ? 'dport' : 'sport';
      connection.chosen = { ports: chosen.anyOf, taken: portsTaken(table, reply, end, zone) };
    }
    if (manip === 'src') connection.sourceNat = true;
    else connection.destinationNat = true;
  }
  if (manip === 'src') connection.sourceDone = true;
  else connection.destinationDone = true;
  return chosen;
}

function choose(table: ConnectionTable, connection: Connection, current: Tuple, range: NatRange, manip: Manip): Binding {
  const { zone } = connection;
  if (manip === 'src' && !range.random) {
    if (inRange(current, range)) {
      if (!isUsed(table, current, zone, connection) || isMirrored(table, connection)) return { tuple: current, anyOf: undefined };
    } else {
      const before = givenBefore(table, connection, current, range);
      if (before && !isUsed(table, before, zone, connection)) return { tuple: before, anyOf: undefined };
    }
  }
  let tuple = current;
  if (range.addresses) {
    const address = bestAddress(current, range.addresses, range.persistent, zone, manip);
    tuple = manip === 'src' ? { ...tuple, src: address } : { ...tuple, dst: address };
  }
  const port = manip === 'src' ? tuple.sport : tuple.dport;
  if (!range.random) {
    if (range.ports) {
      const [min, max] = range.ports;
      const fits = range.shiftedFrom === undefined && port !== undefined && port >= min && port <= max;
      if (fits && (min === max || !isUsed(table, tuple, zone, connection))) return { tuple, anyOf: undefined };
    } else if (!isUsed(table, tuple, zone, connection)) return { tuple, anyOf: undefined };
  }
  return choosePort(table, connection, tuple, range, manip);
}

/** nf_nat_l4proto_unique_tuple: which ports are tried, and in which order. */
function choosePort(table: ConnectionTable, connection: Connection, tuple: Tuple, range: NatRange, manip: Manip): Binding {
  const isIcmp = tuple.proto === PROTO.ICMP || tuple.proto === PROTO.ICMPV6;
  if (!isIcmp && !hasPorts(tuple.proto)) return { tuple, anyOf: undefined };
  const port = manip === 'src' || isIcmp ? tuple.sport : tuple.dport;
  let [min, max] = range.ports ?? [0, 65535];
  if (!range.ports) {
    if (manip === 'dst' && !isIcmp) return { tuple, anyOf: undefined };
    if (!isIcmp) [min, max] = port === undefined || port >= 1024 ? [1024, 65535] : port < 512 ? [1, 511] : [600, 1023];
  }
  const withPort = (value: number | undefined): Tuple =>
    manip === 'src' || isIcmp ? { ...tuple, sport: value } : { ...tuple, dport: value };
  if (min === max) return { tuple: withPort(min), anyOf: undefined };
  if (range.shiftedFrom !== undefined) {
    if (port === undefined) return { tuple: withPort(undefined), anyOf: [min, max] };
    const size = max - min + 1;
    for (let n = 0, off = (port - range.shiftedFrom) & 0xffff; n < size; n++, off++) {
      const candidate = withPort(min + (off % size));
      if (n === size - 1 || !isUsed(table, candidate, connection.zone, connection)) return { tuple: candidate, anyOf: undefined };
    }
  }
  // Sources begin at a random place of the range, destinations at its first port.
  if (manip === 'src' || range.random) return { tuple: withPort(undefined), anyOf: [min, max] };
  for (let value = min; value <= max; value++) {
    const candidate = withPort(value);
    if (!isUsed(table, candidate, connection.zone, connection)) return { tuple: candidate, anyOf: undefined };
  }
  return { tuple: withPort(max), anyOf: undefined };
}

function isUsed(table: ConnectionTable, tuple: Tuple, zone: Zone, but: Connection): boolean {
  return isTaken(table, invert(tuple), zone, but);
}

/**
 * Whether another connection is the same the other way round, which only zones of one direction keep apart: of UDP it is taken for a race,
 * and the clash is left to the moment when the connection starts to count (nf_nat_used_tuple_new, since 6.12).
 */
function isMirrored(table: ConnectionTable, connection: Connection): boolean {
  const { original, reply, sourceNat, destinationNat } = connection;
  if ((reply.proto !== PROTO.UDP && reply.proto !== PROTO.UDPLITE) || sourceNat || destinationNat) return false;
  return [...table.own, ...table.captured.values()].some(
    (other) => !other.dead && other.confirmed && sameTuple(other.original, reply) && sameTuple(other.reply, original),
  );
}

function inRange(tuple: Tuple, range: NatRange): boolean {
  if (range.addresses && (tuple.src < range.addresses[0] || tuple.src > range.addresses[1])) return false;
  if (!range.ports) return true;
  return tuple.sport !== undefined && tuple.sport >= range.ports[0] && tuple.sport <= range.ports[1];
}

/** What another connection of the same source address and port was translated to. */
function givenBefore(table: ConnectionTable, connection: Connection, current: Tuple, range: NatRange): Tuple | undefined {
  const fits = (other: Connection): Tuple | undefined => {
    if (
      other === connection ||
      other.dead ||
      !other.sourceDone ||
      other.original.src !== current.src ||
      other.original.sport !== current.sport ||
      other.original.proto !== current.proto ||
      zoneId(other.zone, 'orig') !== zoneId(connection.zone, 'orig')
    )
      return undefined;
    const mapped = invert(other.reply);
    const candidate = { ...mapped, dst: current.dst, dport: current.dport };
    return inRange(candidate, range) ? candidate : undefined;
  };
  for (const other of table.own) {
    const found = fits(other);
    if (found) return found;
  }
  for (const other of table.captured.values()) {
    const found = fits(other);
    if (found) return found;
  }
  return undefined;
}

/** Of several addresses the one that the kernel's hash of the source names: the same source always gets the same (jhash2). */
export function bestAddress(
  tuple: Tuple,
  [from, to]: readonly [bigint, bigint],
  persistent: boolean,
  zone: Zone,
  manip: Manip,
): bigint {
  if (from === to) return from;
  const words = tuple.family === 4 ? 1 : 4;
  const src = networkWords(tuple.src, words);
  const dst = networkWords(tuple.dst, words);
  const min = hostWords(from, words);
  const max = hostWords(to, words);
  let hash = jhash2([...src, 0, 0, 0].slice(0, 4), persistent ? 0 : ((dst[words - 1] ?? 0) ^ zone.id) >>> 0);
  let full = false;
  let value = 0n;
  for (let n = 0; n < words; n++) {
    const low = full ? 0 : (min[n] ?? 0);
    const distance = full ? 0xffffffff : (max[n] ?? 0) - low + 1;
    // reciprocal_scale: the hash as a share of the distance.
    const word = (low + Number((BigInt(hash) * BigInt(distance)) >> 32n)) >>> 0;
    value = (value << 32n) | BigInt(word);
    if (word !== max[n]) full = true;
    // A destination is overwritten word by word, so that its new words go into the hash.
    if (!persistent) hash = (hash ^ (manip === 'dst' ? swapped(word) : (dst[n] ?? 0))) >>> 0;
  }
  return value;
}

function hostWords(value: bigint, words: number): number[] {
  return Array.from({ length: words }, (_, n) => Number((value >> BigInt(32 * (words - 1 - n))) & 0xffffffffn));
}

/** Words as a little-endian machine reads them from a header. */
function networkWords(value: bigint, words: number): number[] {
  return hostWords(value, words).map(swapped);
}

function swapped(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/** Bob Jenkins' lookup3 over 32-bit words, as linux/jhash.h has it. */
export function jhash2(words: readonly number[], initial: number): number {
  const start = (0xdeadbeef + (words.length << 2) + initial) >>> 0;
  let [a, b, c] = [start, start, start];
  const rotate = (value: number, bits: number) => ((value << bits) | (value >>> (32 - bits))) >>> 0;
  let at = 0;
  while (words.length - at > 3) {
    a = (a + (words[at] ?? 0)) >>> 0;
    b = (b + (words[at + 1] ?? 0)) >>> 0;
    c = (c + (words[at + 2] ?? 0)) >>> 0;
    a = ((a - c) ^ rotate(c, 4)) >>> 0;
    c = (c + b) >>> 0;
    b = ((b - a) ^ rotate(a, 6)) >>> 0;
    a = (a + c) >>> 0;
    c = ((c - b) ^ rotate(b, 8)) >>> 0;
    b = (b + a) >>> 0;
    a = ((a - c) ^ rotate(c, 16)) >>> 0;
    c = (c + b) >>> 0;
    b = ((b - a) ^ rotate(a, 19)) >>> 0;
    a = (a + c) >>> 0;
    c = ((c - b) ^ rotate(b, 4)) >>> 0;
    b = (b + a) >>> 0;
    at += 3;
  }
  const rest = words.slice(at);
  if (rest.length === 0) return c;
  c = (c + (rest[2] ?? 0)) >>> 0;
  b = (b + (rest[1] ?? 0)) >>> 0;
  a = (a + (rest[0] ?? 0)) >>> 0;
  c = ((c ^ b) - rotate(b, 14)) >>> 0;
  a = ((a ^ c) - rotate(c, 11)) >>> 0;
  b = ((b ^ a) - rotate(a, 25)) >>> 0;
  c = ((c ^ b) - rotate(b, 16)) >>> 0;
  a = ((a ^ c) - rotate(c, 4)) >>> 0;
  b = ((b ^ a) - rotate(a, 14)) >>> 0;
  return ((c ^ b) - rotate(b, 24)) >>> 0;
}

/** Keeps a connection's address, but moves its port where another connection has it already. */
export function bindToItself(table: ConnectionTable, connection: Connection, manip: Manip): Binding {
  const current = invert(connection.reply);
  const address = manip === 'src' ? current.src : current.dst;
  return bind(table, connection, { addresses: [address, address], ports: undefined, persistent: false, random: false }, manip);
}

/** The packet with the addresses and ports that its connection has at this hook (nf_nat_packet). */
export function translated(packet: IpPacket, connection: Connection, reply: boolean, manip: Manip): IpPacket {
  const source = reply ? connection.destinationNat : connection.sourceNat;
  const destination = reply ? connection.sourceNat : connection.destinationNat;
  if (!(manip === 'src' ? source : destination)) return packet;
  const target = invert(reply ? connection.original : connection.reply);
  const isIcmp = target.proto === PROTO.ICMP || target.proto === PROTO.ICMPV6;
  if (manip === 'src') {
    const moved = { ...packet, src: target.src };
    return isIcmp ? { ...moved, icmpId: target.sport } : hasPorts(target.proto) ? { ...moved, sport: target.sport } : moved;
  }
  const moved = { ...packet, dst: target.dst };
  return isIcmp ? { ...moved, icmpId: target.sport } : hasPorts(target.proto) ? { ...moved, dport: target.dport } : moved;
}

/** An ICMP error with its own addresses and those of the packet inside translated back (nf_nat_icmp_reply_translation). */
export function translatedError(packet: IpPacket, connection: Connection, reply: boolean, manip: Manip): IpPacket {
  const source = reply ? connection.destinationNat : connection.sourceNat;
  const destination = reply ? connection.sourceNat : connection.destinationNat;
  if (!(manip === 'src' ? source : destination) || !packet.inner) return packet;
  const target = invert(reply ? connection.original : connection.reply);
  const inside = reply ? connection.original : connection.reply;
  const inner =
    manip === 'src'
      ? { ...packet.inner, dst: inside.dst, dport: inside.dport }
      : { ...packet.inner, src: inside.src, sport: inside.sport };
  return manip === 'src' ? { ...packet, src: target.src, inner } : { ...packet, dst: target.dst, inner };
}
