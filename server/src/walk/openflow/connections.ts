import type { NatAct } from '../../openflow/ofpact';
import { formatIpv4, formatIpv6, parseIp } from '../../packet/address';
import { get, set, type FlowKey } from '../../packet/flow-key';
import type { Source } from '../../model/source';
import type { Connection, Tuple, WalkState } from '../context';
import { destinationIp, isIpv6, sourceIp } from '../step';

export function tupleOf(packet: FlowKey): Tuple {
  return {
    src: sourceIp(packet),
    dst: destinationIp(packet),
    proto: Number(get(packet, 'nw_proto')),
    sport: Number(get(packet, 'tp_src')),
    dport: Number(get(packet, 'tp_dst')),
  };
}

/** Whether `packet` answers a connection: its addresses and ports the other way round. ICMP's type is not a port. */
export function answers(tuple: Tuple, packet: Tuple): boolean {
  const icmp = tuple.proto === 1 || tuple.proto === 58;
  return (
    tuple.src === packet.dst &&
    tuple.dst === packet.src &&
    tuple.proto === packet.proto &&
    (icmp || (tuple.sport === packet.dport && tuple.dport === packet.sport))
  );
}

export function sameTuple(a: Tuple, b: Tuple): boolean {
  return (
    a.src === b.src &&
    a.dst === b.dst &&
    a.proto === b.proto &&
    (a.proto === 1 || a.proto === 58 || (a.sport === b.sport && a.dport === b.dport))
  );
}

/** What connection tracking makes of a packet in one zone. */
export interface Tracked {
  readonly known: Connection | undefined;
  readonly reply: boolean;
  /** The packet with its addresses translated, where ct(nat) was asked for. */
  readonly packet: FlowKey;
}

/** Looks a packet up among the connections that earlier packets made, and translates its addresses where `nat` asks for it. */
export function trackPacket(state: WalkState, where: string, packet: FlowKey, nat: NatAct | undefined): Tracked {
  const tuple = tupleOf(packet);
  const known = state.connections.find(
    (connection) =>
      connection.where === where && (answers(connection.translated, tuple) || sameTuple(connection.original, tuple)),
  );
  const reply = known !== undefined && answers(known.translated, tuple);
  if (!nat) return { known, reply, packet };
  if (known) {
    // An answer gets the addresses back that the first packet had; a further packet gets what the first one got.
    const to: Tuple = reply
      ? { ...tuple, src: known.original.dst, dst: known.original.src, sport: known.original.dport, dport: known.original.sport }
      : known.translated;
    return { known, reply, packet: withTuple(packet, to) };
  }
  return { known, reply, packet: natPacket(packet, nat) };
}

/** A new connection's first packet after nat(src=…) or nat(dst=…): the first address and port of the range, as ofproto/trace takes them. */
function natPacket(packet: FlowKey, { direction, addresses, ports }: NatAct): FlowKey {
  if (!direction || !addresses) return packet;
  const ip = addresses.family === 4 ? formatIpv4(addresses.min) : formatIpv6(addresses.min);
  const tuple = tupleOf(packet);
  const port = ports?.min;
  return withTuple(
    packet,
    direction === 'src' ? { ...tuple, src: ip, sport: port ?? tuple.sport } : { ...tuple, dst: ip, dport: port ?? tuple.dport },
  );
}

function withTuple(packet: FlowKey, { src, dst, sport, dport }: Tuple): FlowKey {
  const v6 = isIpv6(packet);
  const put = (of: FlowKey, field: string, ip: string) => {
    const parsed = parseIp(ip);
    return parsed && parsed.family === (v6 ? 6 : 4) ? set(of, field, parsed.value) : of;
  };
  const moved = put(put(packet, v6 ? 'ipv6_src' : 'nw_src', src), v6 ? 'ipv6_dst' : 'nw_dst', dst);
  const proto = Number(get(packet, 'nw_proto'));
  if (proto === 1 || proto === 58) return moved;
  return set(set(moved, 'tp_src', BigInt(sport)), 'tp_dst', BigInt(dport));
}

/** Remembers a connection that ct(commit) makes. */
export function commitConnection(
  state: WalkState,
  where: string,
  before: FlowKey,
  after: FlowKey,
  source: Source | undefined,
): void {
  state.connections.push({ where, original: tupleOf(before), translated: tupleOf(after), connmark: undefined, source });
}
