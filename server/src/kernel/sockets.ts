import type { Namespace } from '../model/namespace';
import type { Listener } from '../model/sockets';
import { parseIp } from '../packet/address';
import type { Tri } from './decide';
import type { Opened } from './conntrack';
import type { Moment } from './matches';
import { isIcmpError, PROTO, TCP, type IpPacket } from './packet';

function protocolOf(packet: IpPacket): 'tcp' | 'udp' | undefined {
  return packet.proto === PROTO.TCP ? 'tcp' : packet.proto === PROTO.UDP ? 'udp' : undefined;
}

function isWildcard(listener: Listener): boolean {
  return listener.ip === '*' || listener.ip === '0.0.0.0' || listener.ip === '::';
}

/** Whether a socket bound to its address hears what comes for an address. A wildcard of IPv6 hears IPv4 as well, unless it says not to. */
function hears(listener: Listener, family: 4 | 6, address: bigint): boolean {
  if (listener.ip === '*' || listener.ip === '::') return true;
  if (listener.ip === '0.0.0.0') return family === 4;
  const own = parseIp(listener.ip.replace(/^::ffff:(?=\d+\.)/i, ''));
  return own?.family === family && own.value === address;
}

function listenersFor(namespace: Namespace, packet: IpPacket, address: bigint, port: number): readonly Listener[] {
  const protocol = protocolOf(packet);
  return namespace.listeners.filter(
    (listener) =>
      listener.protocol.startsWith(protocol ?? 'none') &&
      (listener.port === undefined || listener.port === port) &&
      hears(listener, packet.family, address),
  );
}

/** The packet can be for no socket that is connected already: it opens a connection, or is the first that anybody saw of it. */
function startsConnection({ packet, tracking }: Moment): boolean {
  if (packet.proto === PROTO.TCP) return (packet.tcpFlags & (TCP.SYN | TCP.ACK | TCP.RST)) === TCP.SYN;
  return tracking.state === 'NEW';
}

/** Whether a socket is connected to the packet's sender: one that no capture shows may be, unless all of them were captured. */
function isConnected(at: Moment, end: Pick<IpPacket, 'dst' | 'dport'>): Tri {
  const { packet, namespace } = at;
  const protocol = protocolOf(packet);
  if (protocol === undefined) return 'no';
  const { src, sport } = packet;
  const { dst, dport } = end;
  const found = namespace.connectedSockets.some(
    (socket) =>
      socket.protocol === protocol &&
      socket.port === dport &&
      socket.peerPort === sport &&
      valueOf(socket.ip) === dst &&
      valueOf(socket.peerIp) === src,
  );
  if (found) return 'yes';
  const answered = openerOf(at, end) !== undefined;
  if (answered) return 'maybe';
  return startsConnection(at) || namespace.connectedKnown[protocol] === 'whole' ? 'no' : 'maybe';
}

/** What a program of this host has sent before that a packet may answer. */
function openerOf({ packet, opened }: Moment, { dst, dport }: Pick<IpPacket, 'dst' | 'dport'>): Opened | undefined {
  return opened.find(
    (own) =>
      own.proto === packet.proto &&
      own.src === dst &&
      own.dst === packet.src &&
      own.sport === dport &&
      own.dport === packet.sport,
  );
}

/** Whose socket a packet has by INPUT, if it has one: that of the program whose packet it answers; undefined where it may be another's. */
export function ownerInInput(at: Moment): Opened | undefined {
  const { packet, namespace } = at;
  const protocol = protocolOf(packet);
  if (at.hook !== 'INPUT' || protocol === undefined || namespace.connectedKnown[protocol] !== 'whole') return undefined;
  return openerOf(at, packet);
}

function valueOf(ip: string): bigint | undefined {
  return parseIp(ip.replace(/^::ffff:(?=\d+\.)/i, ''))?.value;
}

/** The `socket` match (xt_socket): is there a socket here that the packet is for? ICMP errors ask for the packet inside. */
export function hasSocket(at: Moment, flags: readonly string[]): Tri {
  const { packet, namespace } = at;
  const protocol = protocolOf(packet);
  if (protocol === undefined) return isIcmpError(packet) ? 'maybe' : 'no';
  if (packet.dport === undefined) return 'maybe';
  const { connection, reply } = at.tracking;
  // An answer whose source was translated is for the socket that asked.
  const asked = reply && connection?.sourceNat === true ? connection.original : undefined;
  const connected = isConnected(at, asked ? { dst: asked.src, dport: asked.sport } : packet);
  if (connected !== 'no') return connected === 'yes' && flags.includes('transparent') ? 'maybe' : connected;
  const found = listenersFor(namespace, packet, packet.dst, packet.dport).filter(
    (listener) => flags.includes('nowildcard') || !isWildcard(listener),
  );
  // Which sockets are transparent is shown nowhere.
  if (found.length > 0) return flags.includes('transparent') ? 'maybe' : 'yes';
  return namespace.listenersKnown[protocol] === 'whole' ? 'no' : 'maybe';
}

/** Whether all sockets that may hear a packet were captured, so that nothing but its ports is open. */
export function knowsSockets({ namespace, packet }: Moment): boolean {
  const protocol = protocolOf(packet);
  return (
    protocol !== undefined && namespace.listenersKnown[protocol] === 'whole' && namespace.connectedKnown[protocol] === 'whole'
  );
}

/** Whether a packet has the socket that sent it: those of this host's own processes, until lo takes it from them (loopback_xmit). */
export function hasOwner({ local, hook }: Moment): boolean {
  return local && hook !== 'PREROUTING' && hook !== 'INPUT' && hook !== 'INGRESS';
}

/** Whether a packet for this host may have found its socket already when the rules of INPUT see it (tcp_early_demux, udp_early_demux). */
export function mayBeDemultiplexed(at: Moment): boolean {
  return at.hook === 'INPUT' && isConnected(at, at.packet) !== 'no';
}

/** A proxy of this machine; `uid`: whose it is, where that is known. */
export interface Proxy {
  readonly waits: Tri;
  readonly uid: number | undefined;
}

/**
 * Whether a proxy of this machine waits for what TPROXY hands to an address and port. Without an address it is the first one of the
 * packet's device, without a port the packet's own (xt_TPROXY).
 */
export function proxyFor(at: Moment, onIp: string | undefined, onPort: number | undefined): Proxy {
  const { packet, namespace } = at;
  const protocol = protocolOf(packet);
  if (protocol === undefined) return { waits: 'no', uid: undefined };
  // A connected socket is asked first, and whether it is transparent is shown nowhere.
  if (isConnected(at, packet) !== 'no') return { waits: 'maybe', uid: undefined };
  const given = onIp === undefined ? undefined : parseIp(onIp)?.value;
  const address = given === undefined || given === 0n ? firstAddress(at) : given;
  const port = onPort === undefined || onPort === 0 ? packet.dport : onPort;
  if (port === undefined) return { waits: 'maybe', uid: undefined };
  const [first, ...others] = listenersFor(namespace, packet, address, port);
  if (first) return { waits: 'yes', uid: others.every(({ uid }) => uid === first.uid) ? first.uid : undefined };
  return { waits: namespace.listenersKnown[protocol] === 'whole' ? 'no' : 'maybe', uid: undefined };
}

function firstAddress({ packet, namespace, in: device }: Moment): bigint {
  for (const { ip } of namespace.devices.get(device ?? '')?.addresses ?? []) {
    const own = parseIp(ip);
    if (own?.family === packet.family) return own.value;
  }
  return packet.dst;
}
