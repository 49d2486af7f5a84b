import type { Namespace } from '../model/namespace';
import { parseIp } from '../packet/address';
import { newConnection, invert, tupleKey, type Connection, type Tuple } from './conntrack';
import type { ConntrackTuple } from '../captures/netfilter-facts';
import { PROTO } from './packet';
import { NO_SEGMENTS, tcpStateOf } from './tcp-state';

const cache = new WeakMap<Namespace, ReadonlyMap<string, Connection>>();

/** The connections that a namespace's captures show, by both of their tuples. */
export function capturedConnections(namespace: Namespace): ReadonlyMap<string, Connection> {
  let connections = cache.get(namespace);
  if (!connections) cache.set(namespace, (connections = read(namespace)));
  return connections;
}

function read(namespace: Namespace): Map<string, Connection> {
  const connections = new Map<string, Connection>();
  for (const { entry, source, datapath } of namespace.connections) {
    // Open vSwitch's zones are its own.
    if (datapath) continue;
    const original = tupleFrom(entry.original, entry.protocol.value, false);
    const reply = tupleFrom(entry.reply, entry.protocol.value, true);
    if (!original || !reply) continue;
    const zone = { id: entry.zone?.value ?? 0, direction: entry.zoneDirection ?? ('both' as const) };
    const answer = invert(original);
    const connection: Connection = {
      ...newConnection(original, zone),
      reply,
      mark: entry.mark?.value ?? 0,
      tcp: tcpStateOf(entry.state?.value) ?? (entry.protocol.value === PROTO.TCP ? 'ESTABLISHED' : 'NONE'),
      seenReply: !entry.flags.includes('UNREPLIED'),
      segments: {
        ...NO_SEGMENTS,
        // What is taken up in its middle tells the other side's numbers as well; a SYN does not, nor what was let by since.
        answererKnown: entry.state === undefined ? !entry.flags.includes('UNREPLIED') : entry.state.value !== 'SYN_SENT',
        assured: entry.flags.includes('ASSURED'),
        closing: ['FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT'].includes(entry.state?.value ?? ''),
      },
      ...translations(answer, reply),
      sourceDone: true,
      destinationDone: true,
      confirmed: true,
      captured: true,
      ...(entry.state?.value === 'CLOSE' && !entry.flags.includes('ASSURED') ? { inOrder: 'reset' as const } : {}),
      source,
    };
    connections.set(tupleKey(original, zone, 'orig'), connection);
    connections.set(tupleKey(reply, zone, 'reply'), connection);
  }
  return connections;
}

/** What NAT changed. The identifier of ICMP is the same for both directions: it is the source's, unless only the destination changed. */
function translations(answer: Tuple, reply: Tuple): Pick<Connection, 'sourceNat' | 'destinationNat' | 'natUnsure'> {
  if (answer.proto === PROTO.ICMP || answer.proto === PROTO.ICMPV6) {
    const [destinationNat, sourceNat] = [answer.src !== reply.src, answer.dst !== reply.dst];
    const unsure = !destinationNat && !sourceNat && answer.sport !== reply.sport;
    return { destinationNat, sourceNat: sourceNat || unsure, ...(unsure ? { natUnsure: true } : {}) };
  }
  return {
    destinationNat: answer.src !== reply.src || answer.sport !== reply.sport,
    sourceNat: answer.dst !== reply.dst || answer.dport !== reply.dport,
  };
}

function tupleFrom(tuple: ConntrackTuple, proto: number, reply: boolean): Tuple | undefined {
  const [src, dst] = [parseIp(tuple.src.value), parseIp(tuple.dst.value)];
  if (!src || !dst || src.family !== dst.family) return undefined;
  const base = { family: src.family, src: src.value, dst: dst.value, proto };
  if (proto === PROTO.ICMP || proto === PROTO.ICMPV6) {
    const echo = proto === PROTO.ICMP ? (reply ? 0 : 8) : reply ? 129 : 128;
    return {
      ...base,
      sport: tuple.icmpId?.value ?? 0,
      dport: (tuple.icmpType?.value ?? echo) * 256 + (tuple.icmpCode?.value ?? 0),
    };
  }
  return { ...base, sport: tuple.sport?.value ?? 0, dport: tuple.dport?.value ?? 0 };
}
