import type { Source } from '../model/source';
import { hasPorts, isIcmp, isIcmpError, PROTO, TCP, type IpPacket } from './packet';
import { takeExpectation, type Expectation } from './expected';
import { areValidTcpFlags, firstTcpStep, nextTcpStep, NO_SEGMENTS, type TcpSegments, type TcpState } from './tcp-state';
import { NO_CHANGES, type SetChanges } from './set-changes';
import type { IpvsEntry } from './ipvs-connections';

/** One direction of a connection. Of ICMP, `sport` is the identifier and `dport` is type × 256 + code. */
export interface Tuple {
  readonly family: 4 | 6;
  readonly src: bigint;
  readonly dst: bigint;
  readonly proto: number;
  /** Undefined where NAT chose a port that nobody can foretell. */
  readonly sport: number | undefined;
  readonly dport: number | undefined;
}

/** A zone of conntrack; `orig` and `reply` zones count in that direction only. */
export interface Zone {
  readonly id: number;
  readonly direction: 'both' | 'orig' | 'reply';
  /** The packet's mark tells the number when its connection is looked for (nf_ct_zone_tmpl). */
  readonly byMark?: true;
}

export const ZONE_0: Zone = { id: 0, direction: 'both' };

/** A tracked connection. Changed only by the stack that owns its table. */
export interface Connection {
  readonly zone: Zone;
  readonly original: Tuple;
  reply: Tuple;
  /** Undefined where rules that may set it were not captured. */
  mark: number | undefined;
  tcp: TcpState;
  seenReply: boolean;
  /** Of TCP: what decides besides the state. */
  segments: TcpSegments;
  /** A connection that another one announced (`RELATED`). */
  readonly expected: boolean;
  /** Of an expected one: what NAT made of the connection that announced it is not known, or it may have to follow that. */
  readonly follows?: true;
  sourceNat: boolean;
  destinationNat: boolean;
  /** A captured one of ICMP whose identifier alone is another: either kind of NAT may have changed it, SNAT mostly. */
  readonly natUnsure?: true;
  /** Whether NAT has decided, for sources and for destinations. */
  sourceDone: boolean;
  destinationDone: boolean;
  confirmed: boolean;
  dead: boolean;
  /** It stood in a capture, which does not say everything. */
  readonly captured?: true;
  /**
   * Why it is not known whether further segments are in order for it: it was captured as closed or closed by a RST since (`reset`), or
   * captured when the other side had answered its SYN with an ACK, which a repeated SYN may have followed (`answered`).
   */
  inOrder?: 'reset' | 'answered';
  /** Where NAT chose the port by chance: which it may be, and those of them that others had then. */
  chosen?: { readonly ports: readonly [number, number]; readonly taken: ReadonlySet<number> } | undefined;
  /** The device whose address MASQUERADE gave it. */
  masqueradedBy?: string | undefined;
  /** The row of a capture that shows it, or the NAT rule that changed it. */
  source: Source | undefined;
  /** Stands for a connection that the question names by its state alone. */
  readonly invented: boolean;
}

export type CtState = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'UNTRACKED';

/** What conntrack says of a packet. */
export interface Tracking {
  readonly state: CtState;
  readonly reply: boolean;
  /** Undefined for INVALID and UNTRACKED. */
  readonly connection: Connection | undefined;
}

export const UNTRACKED: Tracking = { state: 'UNTRACKED', reply: false, connection: undefined };
/** Also what rules see before connections are tracked. */
export const INVALID: Tracking = { state: 'INVALID', reply: false, connection: undefined };

/** A rule has named the zone to look in: until then the packet has a stand-in for its connection (nf_ct_tmpl_alloc). */
export const TEMPLATE: Tracking = { state: 'NEW', reply: false, connection: undefined };

/** What a program of this host has sent, and whose the program is, where that is known. */
export interface Opened extends Tuple {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** The connections of one namespace: those that were captured, by key, and those that this walk made. */
export interface ConnectionTable {
  readonly captured: ReadonlyMap<string, Connection>;
  readonly own: Connection[];
  /** What programs of this host have sent, as their sockets see it. */
  readonly opened: Opened[];
  /** The connections of IPVS that this walk made. */
  readonly ipvs: IpvsEntry[];
  setChanges: SetChanges;
  /** What is announced and has not begun yet. */
  expectations: readonly Expectation[];
}

export function newTable(
  captured: ReadonlyMap<string, Connection> = new Map(),
  expectations: readonly Expectation[] = [],
): ConnectionTable {
  return { captured, own: [], opened: [], ipvs: [], setChanges: NO_CHANGES, expectations };
}

/** A copy that can be changed without changing the original. */
export function copyTable(table: ConnectionTable): ConnectionTable {
  return {
    captured: table.captured,
    own: table.own.map((connection) => ({ ...connection })),
    opened: [...table.opened],
    ipvs: [...table.ipvs],
    setChanges: table.setChanges,
    expectations: table.expectations,
  };
}

export function tupleOf(packet: IpPacket): Tuple {
  const { family, src, dst, proto } = packet;
  if (isIcmp(packet)) return { family, src, dst, proto, sport: packet.icmpId, dport: packet.icmpType * 256 + packet.icmpCode };
  if (hasPorts(proto)) return { family, src, dst, proto, sport: packet.sport, dport: packet.dport };
  return { family, src, dst, proto, sport: 0, dport: 0 };
}

const ICMP_ANSWERS: Readonly<Record<number, number>> = { 8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17 };
const ICMPV6_ANSWERS: Readonly<Record<number, number>> = { 128: 129, 129: 128, 139: 140, 140: 139 };

/** The tuple of the answer. */
export function invert(tuple: Tuple): Tuple {
  const { family, src, dst, proto } = tuple;
  if (proto === (family === 4 ? PROTO.ICMP : PROTO.ICMPV6)) {
    const dport = tuple.dport ?? 0;
    const answer = (family === 4 ? ICMP_ANSWERS : ICMPV6_ANSWERS)[dport >> 8];
    return {
      family,
      src: dst,
      dst: src,
      proto,
      sport: tuple.sport,
      dport: answer === undefined ? dport : answer * 256 + (dport & 255),
    };
  }
  return { family, src: dst, dst: src, proto, sport: tuple.dport, dport: tuple.sport };
}

export function zoneId(zone: Zone, direction: 'orig' | 'reply'): number {
  return zone.direction === 'both' || zone.direction === direction ? zone.id : 0;
}

/** Each direction of a connection is found in its own zone only (nf_ct_key_equal). */
export function tupleKey(tuple: Tuple, zone: Zone, direction: 'orig' | 'reply'): string {
  return `${direction} ${zoneId(zone, direction)}|${tuple.proto}|${tuple.src}|${tuple.sport ?? '?'}|${tuple.dst}|${tuple.dport ?? '?'}|${tuple.family}`;
}

/** Ports that nobody can foretell fit any. */
export function sameTuple(a: Tuple, b: Tuple): boolean {
  return (
    a.src === b.src &&
    a.dst === b.dst &&
    a.proto === b.proto &&
    a.family === b.family &&
    (a.sport === b.sport || a.sport === undefined || b.sport === undefined) &&
    (a.dport === b.dport || a.dport === undefined || b.dport === undefined)
  );
}

/** Whether a tuple is the answer to a connection, whose port may have been chosen by chance. */
function isReply(connection: Connection, tuple: Tuple): boolean {
  const { reply, chosen } = connection;
  if (!sameTuple(reply, tuple)) return false;
  const port = reply.dport === undefined ? tuple.dport : reply.sport === undefined ? tuple.sport : undefined;
  if (chosen === undefined || port === undefined) return true;
  return port >= chosen.ports[0] && port <= chosen.ports[1] && !chosen.taken.has(port);
}

/** Ports of which so many may have been chosen are taken to be free: chance hardly ever meets one twice. */
const MANY_PORTS = 1000;

/** A connection, and whether a packet goes the way of its answers. */
export interface Found {
  readonly connection: Connection;
  readonly reply: boolean;
}

/** A tuple that is its own answer's: the kernel then finds the answer, which it put in front (__nf_conntrack_hash_insert). */
function mirrors(connection: Connection, tuple: Tuple): boolean {
  return sameTuple(connection.reply, tuple);
}

/** Which of several connections an answer is for, whose ports were all chosen by chance. */
export type Pick = (candidates: readonly [Connection, ...Connection[]]) => Connection;

/** Which of several connections an ICMP error is for, where the question does not say what it is about. */
export type About = (candidates: readonly Found[]) => Found | undefined;

/** The connection that a tuple belongs to, in either direction. */
export function find(table: ConnectionTable, tuple: Tuple, zone: Zone, pick: Pick = ([first]) => first): Found | undefined {
  const candidates: Connection[] = [];
  for (const connection of table.own) {
    if (connection.dead || !connection.confirmed) continue;
    if (zoneId(connection.zone, 'orig') === zoneId(zone, 'orig') && sameTuple(connection.original, tuple))
      return { connection, reply: mirrors(connection, tuple) };
    if (zoneId(connection.zone, 'reply') !== zoneId(zone, 'reply') || !isReply(connection, tuple)) continue;
    const { sport, dport } = connection.reply;
    if (sport !== undefined && dport !== undefined) return { connection, reply: true };
    candidates.push(connection);
  }
  const [first, ...others] = candidates;
  if (first && !isSpent(table, tuple)) {
    const connection = pick([first, ...others]);
    // The answer tells the port that NAT chose.
    connection.reply = tuple;
    return { connection, reply: true };
  }
  if (table.captured.size === 0) return undefined;
  for (const direction of ['orig', 'reply'] as const) {
    const known = table.captured.get(tupleKey(tuple, zone, direction));
    if (!known || !isUnchanged(table, known)) continue;
    const connection = { ...known };
    table.own.push(connection);
    return { connection, reply: direction === 'reply' || mirrors(connection, tuple) };
  }
  return undefined;
}

/** Whether a tuple answers a connection that has ended, whose port NAT had chosen: chance hardly ever chooses it once more. */
function isSpent(table: ConnectionTable, tuple: Tuple): boolean {
  return table.own.some((connection) => isRemembered(connection) && sameTuple(connection.reply, tuple));
}

/** It has ended, but its port is still told from that of a new one. */
export function isRemembered({ dead, chosen, reply }: Connection): boolean {
  return dead && chosen !== undefined && reply.sport !== undefined && reply.dport !== undefined;
}

/** Whether another connection of the zone uses a tuple already. */
export function isTaken(table: ConnectionTable, tuple: Tuple, zone: Zone, but: Connection): boolean {
  for (const connection of table.own) {
    if (connection === but || connection.dead || !connection.confirmed) continue;
    if (zoneId(connection.zone, 'orig') === zoneId(zone, 'orig') && sameTuple(connection.original, tuple)) return true;
    const { chosen } = connection;
    if (chosen && chosen.ports[1] - chosen.ports[0] >= MANY_PORTS) continue;
    if (zoneId(connection.zone, 'reply') === zoneId(zone, 'reply') && isReply(connection, tuple)) return true;
  }
  return (['reply', 'orig'] as const).some((direction) => {
    const known = table.captured.get(tupleKey(tuple, zone, direction));
    return known !== undefined && isUnchanged(table, known);
  });
}

/** What a walk has changed of a captured connection stands among its own. */
function isUnchanged(table: ConnectionTable, captured: Connection): boolean {
  return !table.own.some(({ original }) => original === captured.original);
}

/** The ports at one end of an answer that other connections of the zone have, the rest of the tuple being the same. */
export function portsTaken(table: ConnectionTable, tuple: Tuple, end: 'sport' | 'dport', zone: Zone): Set<number> {
  const any: Tuple = { ...tuple, [end]: undefined };
  const taken = new Set<number>();
  const look = (other: Tuple, id: number, own: number) => {
    const port = other[end];
    if (id === own && port !== undefined && sameTuple(other, any)) taken.add(port);
  };
  const unchanged = [...table.captured.values()].filter((connection) => isUnchanged(table, connection));
  for (const connection of [...table.own, ...unchanged]) {
    if (connection.dead || !connection.confirmed) continue;
    look(connection.original, zoneId(connection.zone, 'orig'), zoneId(zone, 'orig'));
    look(connection.reply, zoneId(connection.zone, 'reply'), zoneId(zone, 'reply'));
  }
  return taken;
}

export function newConnection(tuple: Tuple, zone: Zone): Connection {
  return {
    zone,
    original: tuple,
    reply: invert(tuple),
    mark: 0,
    tcp: 'NONE',
    seenReply: false,
    segments: NO_SEGMENTS,
    expected: false,
    sourceNat: false,
    destinationNat: false,
    sourceDone: false,
    destinationDone: false,
    confirmed: false,
    dead: false,
    source: undefined,
    invented: false,
  };
}

/** A connection of which the question says no more than its state: nothing translates it. */
export function inventedConnection(
  packet: IpPacket,
  state: 'NEW' | 'ESTABLISHED' | 'RELATED',
  reply: boolean,
  mark: number,
  zone: Zone,
): Tracking {
  const tuple = tupleOf(packet);
  const isNew = state === 'NEW';
  const connection: Connection = {
    ...newConnection(reply ? invert(tuple) : tuple, zone),
    mark,
    tcp: state === 'ESTABLISHED' ? 'ESTABLISHED' : 'NONE',
    seenReply: state === 'ESTABLISHED',
    expected: state === 'RELATED',
    // RELATED errors of ICMP and established connections have been through NAT.
    sourceDone: !isNew && !(state === 'RELATED' && !isIcmpError(packet)),
    destinationDone: !isNew && !(state === 'RELATED' && !isIcmpError(packet)),
    confirmed: !isNew,
    invented: true,
  };
  return { state, reply, connection };
}

/** ICMPv6 messages that conntrack leaves alone: multicast listeners and neighbour discovery (RFC 4861, RFC 2710, RFC 3810). */
const NEVER_TRACKED_6 = new Set([130, 131, 132, 133, 134, 135, 136, 143]);
const MAY_START_4 = new Set([8, 13, 15, 17]);
const MAY_START_6 = new Set([128, 139]);

/**
 * What conntrack makes of a packet that it has not seen yet: it finds the packet's connection or begins one, as
 * nf_conntrack_core and the trackers of TCP, UDP, ICMP and the rest do. Sequence numbers are taken to be in order.
 */
export function track(
  table: ConnectionTable,
  packet: IpPacket,
  zone: Zone,
  loose: boolean,
  pick?: Pick,
  about?: About,
): Tracking {
  if (isIcmp(packet)) {
    if (packet.family === 6 && NEVER_TRACKED_6.has(packet.icmpType)) return UNTRACKED;
    if (packet.family === 4 && packet.icmpType > 18) return INVALID;
    if (isIcmpError(packet)) return trackError(table, packet, zone, pick, about);
  }
  if (packet.proto === PROTO.TCP && !packet.fragment && !areValidTcpFlags(packet.tcpFlags)) return INVALID;
  const tuple = tupleOf(packet);
  let found = find(table, tuple, zone, pick);
  if (found && packet.proto === PROTO.TCP) {
    const { connection, reply } = found;
    if (connection.segments.unsure === true) connection.inOrder = 'reset';
    const step = nextTcpStep(connection, packet.tcpFlags, reply);
    if (step.kind === 'invalid') return INVALID;
    if (step.kind === 'reopened') {
      connection.dead = true;
      found = undefined;
    } else {
      connection.tcp = step.tcp;
      connection.segments = step.segments;
      if (step.kind === 'taken' && step.open === true) connection.inOrder = 'answered';
      // Where a RST is the only answer, the connection is forgotten at once.
      if (step.kind === 'taken' && (packet.tcpFlags & TCP.RST) !== 0 && !connection.seenReply) connection.dead = true;
    }
  }
  if (found) {
    const { connection, reply } = found;
    if (reply) {
      connection.seenReply = true;
      return { state: 'ESTABLISHED', reply, connection };
    }
    return { state: connection.seenReply ? 'ESTABLISHED' : connection.expected ? 'RELATED' : 'NEW', reply, connection };
  }
  if (isIcmp(packet) && !(packet.family === 4 ? MAY_START_4 : MAY_START_6).has(packet.icmpType)) return INVALID;
  const connection = newConnection(tuple, zone);
  if (packet.proto === PROTO.TCP) {
    const first = firstTcpStep(packet.tcpFlags, loose);
    if (first.kind === 'invalid') return INVALID;
    connection.tcp = first.tcp;
    connection.segments = first.segments;
  }
  const announced = takeExpectation(table, tuple, zoneId(zone, 'orig'));
  if (announced) return begin(table, announcedConnection(table, connection, announced));
  return begin(table, connection);
}

function begin(table: ConnectionTable, connection: Connection): Tracking {
  table.own.push(connection);
  return { state: connection.expected ? 'RELATED' : 'NEW', reply: false, connection };
}

/** It takes the mark of the connection that announced it, whose NAT it may follow (init_conntrack, nf_nat_follow_master). */
function announcedConnection(table: ConnectionTable, connection: Connection, { master, source }: Expectation): Connection {
  const { family } = connection.original;
  const known =
    master &&
    [...table.own, ...table.captured.values()].find(
      ({ original, dead }) =>
        !dead &&
        original.family === family &&
        original.src === master.src &&
        original.dst === master.dst &&
        original.sport === master.sport &&
        original.dport === master.dport,
    );
  const translated = known === undefined || known.sourceNat || known.destinationNat;
  return { ...connection, expected: true, mark: known?.mark, source, ...(translated ? { follows: true } : {}) };
}

/** An ICMP error belongs to the connection of the packet that it is about. */
function trackError(table: ConnectionTable, packet: IpPacket, zone: Zone, pick?: Pick, about?: About): Tracking {
  const found = packet.inner ? find(table, invert(tupleOf(packet.inner)), zone, pick) : about?.(whoseSender(table, packet, zone));
  if (!found) return INVALID;
  const { reply } = found;
  const connection = table.own.includes(found.connection) ? found.connection : { ...found.connection };
  if (connection !== found.connection) table.own.push(connection);
  if ((reply ? connection.reply : connection.original).dst !== packet.dst) return INVALID;
  return { state: 'RELATED', reply, connection };
}

/** The connections of which a packet may have come from an address, the latest first: an error about it goes there. */
function whoseSender(table: ConnectionTable, { family, dst }: IpPacket, zone: Zone): Found[] {
  const captured = new Set([...table.captured.values()].filter((connection) => isUnchanged(table, connection)));
  return [...[...table.own].reverse(), ...captured].flatMap((connection): Found[] => {
    if (connection.dead || !connection.confirmed || connection.original.family !== family) return [];
    return (['orig', 'reply'] as const).flatMap((way) => {
      const { dst: sender } = way === 'orig' ? connection.original : connection.reply;
      return sender === dst && zoneId(connection.zone, way) === zoneId(zone, way) ? [{ connection, reply: way === 'reply' }] : [];
    });
  });
}
