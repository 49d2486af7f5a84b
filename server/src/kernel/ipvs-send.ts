import { hook } from './hooks';
import { exceedsMtu } from './exceeds-mtu';
import type { IpvsEntry } from './ipvs-connections';
import type { Hook } from './matches';
import { formatAddress, isLoopback, plainPacket, type IpPacket } from './packet';
import { answer, begin, end, untrack, type Carry, type IpvsTold, type Passage, type Run } from './passage';
import { askAgain } from './route-output';
import { flowOf, lookup, unknownText, type Lookup } from './routing';
import { sourceAddress } from './source-address';
import { defragments } from './tracks';

type Transmit = (run: Run, device: string, nextHop: Passage['nextHop']) => Passage;
type Told = Parameters<Carry>[3];

const IPIP = 4;
const IPV6_IN = 41;

/**
 * Hands a packet to the server of a connection: by giving it the server's address (Masq), as it is (Route), or in another packet (Tunnel).
 * The way to the server is asked for without source and mark, and what goes out passes OUTPUT and POSTROUTING, never FORWARD; what is for
 * this host goes on where it is (ip_vs_nat_xmit, ip_vs_dr_xmit, ip_vs_tunnel_xmit).
 */
export function carry(run: Run, at: Hook, entry: IpvsEntry, told: Told, transmit: Transmit): Passage | undefined {
  const before = run.packet;
  const { family } = before;
  if (entry.forward === 'Local') return stay(run, entry, told);
  const asked = { ...plainPacket(family, 0n, entry.server, 0), mark: 0 };
  const way = lookup(flowOf(asked, 'lo'), { namespace: run.namespace, choose: run.choose, key: `${run.key}|ipvs way` });
  const name = formatAddress(family, entry.server);
  if (way.kind === 'unknown') {
    tell(run, entry, told, before);
    return {
      ...end(run, 'insufficient-info', `the way to the server ${name} is not known: ${unknownText(way)}`),
      undetermined: true,
    };
  }
  if (way.kind !== 'found') {
    tell(run, entry, told, before);
    answer(
      run,
      before.family === 4 ? { type: 3, code: 1, name: 'host unreachable' } : { type: 1, code: 3, name: 'address unreachable' },
    );
    return end(run, 'unroutable', `no route leads to the server ${name}`);
  }
  if (way.type === 'local' || way.type === 'anycast') return toItself(run, at, entry, told);
  if (isLoopback(before.family, before.src)) {
    tell(run, entry, told, before);
    return end(run, 'dropped', 'IPVS sends nothing on that comes from a loopback address');
  }
  return send(run, entry, told, way, transmit);
}

/** What IPVS does, with what it made of the packet. */
function tell(run: Run, { forward }: IpvsEntry, told: Told, before: IpPacket): void {
  const how = forward === 'Tunnel' ? ', in a tunnel' : forward === 'Route' ? ', as it is (direct routing)' : '';
  const event: IpvsTold = {
    kind: 'ipvs',
    what: 'served',
    before,
    packet: run.packet,
    out: run.out,
    ...told,
    text: `${told.text}${how}`,
  };
  run.events.push(event);
}

/** The packet that a server gets by NAT. */
function translated(packet: IpPacket, { forward, server, serverPort }: IpvsEntry): IpPacket {
  return forward === 'Masq' ? { ...packet, dst: server, dport: serverPort } : packet;
}

/**
 * Without `net.ipv4.vs.conntrack` the packet leaves connection tracking. With it the connection expects its answers from the server, which
 * is no translation to NAT (ip_vs_update_conntrack).
 */
function follow(run: Run, { forward, server, serverPort, tracked }: IpvsEntry): void {
  if (tracked !== true) return untrack(run);
  const { connection, reply } = run.tracking ?? { connection: undefined, reply: false };
  if (!connection || connection.confirmed || reply || forward !== 'Masq') return;
  connection.reply = { ...connection.reply, src: server, sport: serverPort };
}

function stay(run: Run, entry: IpvsEntry, told: Told): undefined {
  const before = run.packet;
  run.packet = translated(before, entry);
  run.byIpvs = true;
  tell(run, entry, told, before);
  follow(run, entry);
  return undefined;
}

/** A server that is this host: the packet goes on to its sockets. */
function toItself(run: Run, at: Hook, entry: IpvsEntry, told: Told): Passage | undefined {
  const before = run.packet;
  const name = formatAddress(before.family, entry.server);
  // From the network nothing is handed to a loopback address.
  if (entry.forward === 'Masq' && at === 'INPUT' && run.input.iif !== 'lo' && isLoopback(before.family, entry.server)) {
    tell(run, entry, told, before);
    return end(run, 'dropped', `IPVS hands nothing that comes from the network to ${name}, a loopback address`);
  }
  if (at !== 'OUTPUT' || run.out === 'lo') return stay(run, entry, told);
  tell(run, entry, told, before);
  if (entry.forward !== 'Masq')
    return end(run, 'dropped', `IPVS gives this host's own packet for another one no server of this host (${name})`);
  return {
    ...end(
      run,
      'insufficient-info',
      `what this host sends to another one, but is itself the server of (${name}), is not followed`,
    ),
    undetermined: true,
  };
}

function send(run: Run, entry: IpvsEntry, told: Told, way: Lookup & { kind: 'found' }, transmit: Transmit): Passage {
  const before = run.packet;
  const { hop } = way;
  const isTunnel = entry.forward === 'Tunnel';
  const name = formatAddress(before.family, entry.server);
  if (!hop) {
    tell(run, entry, told, before);
    return {
      ...end(run, 'insufficient-info', `the way to the server ${name} is not known: its route names no device`),
      undetermined: true,
    };
  }
  if (before.ttl <= 1) {
    tell(run, entry, told, before);
    answer(run, { type: before.family === 4 ? 11 : 3, code: 0, name: 'time exceeded' });
    return end(run, 'ttl-exceeded', 'its TTL ran out');
  }
  const long = exceedsMtu(run, hop.device, way.route.mtu, isTunnel ? (before.family === 4 ? 20 : 40) : 0);
  if (long) return long;
  run.packet = { ...translated(before, entry), ttl: before.ttl - 1 };
  run.byIpvs = true;
  tell(run, entry, told, before);
  run.events.push({ kind: 'route', lookup: way, packet: { ...run.packet, dst: entry.server }, again: false });
  const nextHop = {
    device: hop.device,
    ip: hop.via ?? entry.server,
    family: hop.via === undefined ? before.family : hop.viaFamily,
    ...(hop.gatewayName === undefined ? {} : { name: hop.gatewayName }),
  };
  if (isTunnel) return wrap(run, entry, way, nextHop, transmit);
  follow(run, entry);
  const iif = run.in;
  run.in = undefined;
  run.out = hop.device;
  run.way = way;
  run.rerouted = undefined;
  const refused = hook(run, 'OUTPUT') ?? trackedAgain(run, before);
  if (refused) return refused;
  run.in = iif;
  return elsewhere(run, transmit) ?? transmit(run, hop.device, nextHop);
}

/** By another way, where what the rules of OUTPUT changed leads there. */
function elsewhere(run: Run, transmit: Transmit): Passage | undefined {
  const { rerouted, packet } = run;
  if (!rerouted) return undefined;
  const { device, found } = rerouted;
  const { hop } = found;
  const isVia = hop?.via !== undefined;
  return transmit(run, device, { device, ip: hop?.via ?? packet.dst, family: isVia ? hop.viaFamily : packet.family });
}

/** NAT asks for the way of a tracked packet again, whose answers come from elsewhere than it was sent to (nf_nat_ipv4_local_fn). */
function trackedAgain(run: Run, before: IpPacket): Passage | undefined {
  if (!run.tracking?.connection || !defragments(run.namespace, before.family)) return undefined;
  return askAgain(run, before);
}

/** The packet in another one, which this host sends to the server, and which has a connection of its own. */
function wrap(
  run: Run,
  entry: IpvsEntry,
  way: Lookup & { kind: 'found' },
  nextHop: NonNullable<Passage['nextHop']>,
  transmit: Transmit,
): Passage {
  const inside = run.packet;
  const { family } = inside;
  const { device } = nextHop;
  const src = way.route.src ?? sourceAddress(run.namespace, device, family, nextHop.ip, 'link') ?? 0n;
  if (entry.tracked !== true) untrack(run);
  const outer: IpPacket = {
    ...plainPacket(family, src, entry.server, family === 4 ? IPIP : IPV6_IN),
    ttl: inside.ttl,
    tos: inside.tos,
    mark: inside.mark,
    length: inside.length === undefined ? undefined : inside.length + (family === 4 ? 20 : 40),
    dontFragment: inside.dontFragment,
  };
  const own: Run = {
    ...begin({ ...run.input, packet: outer, iif: undefined, key: `${run.key}|tunnel` }, run.carry),
    events: run.events,
    byIpvs: true,
    out: device,
    way,
  };
  const sent = hook(own, 'OUTPUT') ?? transmit(own, device, nextHop);
  return { ...sent, in: run.input.iif, inside };
}
