import type { Namespace, Source, NfTable } from '../model/network';
import {
  inventedConnection,
  track,
  UNTRACKED,
  ZONE_0,
  type Connection,
  type ConnectionTable,
  type CtState,
  type Tracking,
  type Zone,
} from './conntrack';
import { type Choose } from './decide';
import { defragments } from './defrag';
import type { Hook, Moment } from './matches';
import { bind, bindToItself, translated, translatedError, type Binding, type Manip } from './nat';
import { natRange } from './nat-target';
import { baseChains, CONNTRACK_PRIORITY, runTable, TABLES_AT, type BaseChain, type TableRun } from './netfilter';
import { isIcmpError, isLoopback, PROTO, type IpPacket } from './packet';
import { isAnswered, rejection, type Answer } from './icmp-errors';
import { malformed6, reversePath, routeInput, type InputDecision } from './route-input';
import { flowOf, lookup, type Lookup } from './routing';
import { sourceAddress, sourceAddress6 } from './source-address';
import { sysctl } from './sysctl';

export type Verdict = 'forwarded' | 'local' | 'dropped' | 'rejected' | 'unroutable' | 'ttl-exceeded' | 'insufficient-info';

/** One thing that the stack did. `packet` is the packet after it. */
export type StackEvent =
  | {
      readonly kind: 'table';
      readonly run: TableRun;
      readonly before: IpPacket;
      readonly packet: IpPacket;
      readonly out: string | undefined;
      readonly binding: Binding | undefined;
      readonly nat: string | undefined;
    }
  /** The fragment was put together with the others of its packet. */
  | { readonly kind: 'defragment'; readonly hook: Hook; readonly packet: IpPacket }
  | { readonly kind: 'track'; readonly tracking: Tracking; readonly packet: IpPacket }
  | {
      readonly kind: 'translate';
      readonly manip: Manip;
      readonly reply: boolean;
      readonly connection: Connection;
      readonly before: IpPacket;
      readonly packet: IpPacket;
      readonly hook: Hook;
    }
  | { readonly kind: 'route'; readonly lookup: Lookup; readonly packet: IpPacket; readonly again: boolean }
  | { readonly kind: 'refused'; readonly decision: InputDecision & { kind: 'refused' }; readonly packet: IpPacket }
  /** Tables of a hook that were not captured. */
  | {
      readonly kind: 'uncaptured';
      readonly hook: Hook;
      readonly tables: readonly string[];
      readonly all: boolean;
      readonly packet: IpPacket;
      readonly out: string | undefined;
    }
  | {
      readonly kind: 'error';
      readonly error: Answer;
      readonly packet: IpPacket;
    };

/** How a packet went through. */
export interface Passage {
  readonly verdict: Verdict;
  /** In words, for verdicts that a rule or a route gave. */
  readonly why: string;
  readonly in: string | undefined;
  readonly out: string | undefined;
  readonly packet: IpPacket;
  /** Who gets the frame next: the gateway, or the destination itself on the link. */
  readonly nextHop: { readonly device: string; readonly ip: bigint; readonly family: 4 | 6 } | undefined;
  readonly tracking: Tracking;
  readonly events: readonly StackEvent[];
  /** The way ended at what was not captured or is not modelled: anything may have come of the packet there. */
  readonly undetermined: boolean;
}

/** What is asked: a packet, where it is, and what is known of its connection. */
export interface StackInput {
  readonly namespace: Namespace;
  readonly packet: IpPacket;
  /** Undefined for a packet that this host makes itself. */
  readonly iif: string | undefined;
  /** The device by which this host sends it without asking for a route, as neighbour discovery does (ndisc_send_skb). */
  readonly by?: string;
  /** The bridge's port that a packet came by whose `iif` is a bridge. */
  readonly physIn?: string;
  /** A bridge that hands a frame through the IP hooks (br_netfilter) instead of a device. */
  readonly bridged?: { readonly bridge: string; readonly physIn: string; readonly physOut: string | undefined };
  readonly connections: ConnectionTable;
  /** Where the question says it instead of earlier packets. */
  readonly assumed?: { readonly state: CtState; readonly reply: boolean; readonly mark: number };
  readonly uid?: number;
  readonly gid?: number;
  readonly choose: Choose;
  readonly key: string;
}

interface Run {
  readonly input: StackInput;
  readonly namespace: Namespace;
  readonly choose: Choose;
  readonly key: string;
  readonly events: StackEvent[];
  packet: IpPacket;
  in: string | undefined;
  out: string | undefined;
  tracking: Tracking | undefined;
  zone: Zone;
  notrack: boolean;
  /** A proxy takes the packet (TPROXY). */
  proxied: boolean;
  physIn: string | undefined;
  physOut: string | undefined;
  /** Where a packet that is made here goes, after what the rules of OUTPUT changed. */
  rerouted: { readonly device: string; readonly found: Lookup & { kind: 'found' } } | undefined;
}

function begin(input: StackInput): Run {
  return {
    input,
    namespace: input.namespace,
    choose: input.choose,
    key: input.key,
    events: [],
    packet: input.packet,
    in: input.iif,
    out: undefined,
    tracking: undefined,
    zone: ZONE_0,
    notrack: false,
    proxied: false,
    physIn: input.bridged?.physIn ?? input.physIn,
    physOut: undefined,
    rerouted: undefined,
  };
}

/** Takes a packet through the IP stack of a namespace. Changes the connection table as the kernel would. */
export function pass(input: StackInput): Passage {
  const run = begin(input);
  if (input.bridged) return passBridge(run, input.bridged);
  return input.iif === undefined ? send(run) : receive(run, input.iif);
}

/** Where a rule that nobody saw takes the packet: whether it drops it, changes it or sends it elsewhere is open. */
function lost(run: Run, why: string): Passage {
  return { ...end(run, 'dropped', why), undetermined: true };
}

function end(run: Run, verdict: Verdict, why: string, nextHop?: Passage['nextHop']): Passage {
  return {
    undetermined: false,
    verdict,
    why,
    in: run.input.iif,
    out: run.out,
    packet: run.packet,
    nextHop,
    tracking: run.tracking ?? UNTRACKED,
    events: run.events,
  };
}

/** ip_rcv: what comes in by a device. */
function receive(run: Run, iif: string): Passage {
  if (run.packet.frame === 'otherhost')
    return end(run, 'dropped', `the frame is for ${run.packet.dmac ?? 'another card'}, not for ${iif}`);
  // A bridge shows the packet to its rules before the stack looks at it.
  const malformed = run.physIn === undefined ? malformed6(run.packet, iif) : undefined;
  if (malformed) return decide(run, iif, malformed);
  const refused = hook(run, 'PREROUTING');
  if (refused) return refused;
  // On its way up from the bridge the packet loses the proxy's socket (skb_orphan in ip_rcv).
  if (run.physIn !== undefined) run.proxied = false;
  const decision = routeInput(run.namespace, run.packet, iif, run.choose, run.key);
  return decide(run, iif, decision);
}

function decide(run: Run, iif: string, decision: InputDecision): Passage {
  switch (decision.kind) {
    case 'unknown':
      return end(run, 'insufficient-info', `routing table ${decision.table} was not captured`);
    case 'refused': {
      run.events.push({ kind: 'refused', decision, packet: run.packet });
      if (decision.error) answer(run, decision.error);
      return end(run, 'unroutable', decision.text);
    }
    case 'local':
      run.events.push({ kind: 'route', lookup: decision.lookup, packet: run.packet, again: false });
      return deliver(run);
    case 'forward':
      run.events.push({ kind: 'route', lookup: decision.lookup, packet: run.packet, again: false });
      return forward(run, iif, decision.lookup);
  }
}

/** ip_local_deliver. */
function deliver(run: Run): Passage {
  run.out = undefined;
  const refused = hook(run, 'INPUT');
  if (refused) return refused;
  confirm(run);
  return end(run, 'local', 'it is for this host');
}

/** ip_forward, ip6_forward: the TTL is looked at before the filter, the length as well. */
function forward(run: Run, iif: string, found: Lookup & { kind: 'found' }): Passage {
  const { hop } = found;
  if (!hop) return end(run, 'insufficient-info', 'the route names no device');
  if (run.proxied) return end(run, 'unroutable', 'a proxy of this host has the packet (TPROXY), but routing leads it elsewhere');
  if (run.packet.frame !== 'host') return end(run, 'dropped', 'a broadcast or multicast frame is never routed on');
  if (run.packet.ttl <= 1) {
    answer(run, { type: run.packet.family === 4 ? 11 : 3, code: 0, name: 'time exceeded' });
    return end(run, 'ttl-exceeded', 'its TTL ran out');
  }
  const tooBig = exceedsMtu(run, hop.device, found.route.mtu);
  if (tooBig) return tooBig;
  run.packet = { ...run.packet, ttl: run.packet.ttl - 1 };
  run.in = iif;
  run.out = hop.device;
  const refused = hook(run, 'FORWARD');
  if (refused) return refused;
  return transmit(run, hop.device, {
    device: hop.device,
    ip: hop.via ?? run.packet.dst,
    family: hop.via === undefined ? run.packet.family : hop.viaFamily,
  });
}

/** What goes back to the sender, where something may and a way leads there. */
function answer(run: Run, error: Answer): void {
  if (isAnswered(run.namespace, run.packet, error)) run.events.push({ kind: 'error', error, packet: run.packet });
}

function exceedsMtu(run: Run, device: string, routeMtu: number | undefined): Passage | undefined {
  const mtu = routeMtu ?? run.namespace.devices.get(device)?.mtu;
  const { length, family, dontFragment } = run.packet;
  if (mtu === undefined || length === undefined || length <= mtu || (family === 4 && !dontFragment)) return undefined;
  answer(
    run,
    family === 4
      ? { type: 3, code: 4, name: `fragmentation needed, MTU ${mtu}` }
      : { type: 2, code: 0, name: `packet too big, MTU ${mtu}` },
  );
  return end(run, 'dropped', `its ${length} bytes are more than the MTU of ${device} (${mtu}) and it may not be fragmented`);
}

/** POSTROUTING and out. */
function transmit(run: Run, device: string, nextHop: Passage['nextHop']): Passage {
  run.out = device;
  const before = run.in;
  run.in = undefined;
  const refused = hook(run, 'POSTROUTING');
  run.in = before;
  if (refused) return refused;
  confirm(run);
  if (device !== 'lo') return end(run, 'forwarded', '', nextHop);
  // What a host sends to itself comes in again by lo, its connection and its route attached.
  run.in = 'lo';
  run.out = undefined;
  return hook(run, 'PREROUTING') ?? deliver(run);
}

/** ip_local_out: a packet that this host makes. */
function send(run: Run): Passage {
  const { by } = run.input;
  if (by !== undefined) {
    run.out = by;
    return hook(run, 'OUTPUT') ?? transmit(run, by, { device: by, ip: run.packet.dst, family: run.packet.family });
  }
  const first = firstRoute(run);
  if ('verdict' in first) return first;
  run.out = first.device;
  run.rerouted = first;
  run.packet = { ...run.packet, mss: run.packet.mss ?? advertisedMss(run, first) };
  const refused = hook(run, 'OUTPUT');
  if (refused) return refused;
  const { device, found } = run.rerouted ?? first;
  const { hop } = found;
  return transmit(run, device, {
    device,
    ip: hop?.via ?? run.packet.dst,
    family: hop?.via === undefined ? run.packet.family : hop.viaFamily,
  });
}

/**
 * The route of a packet that is made here, and its source where it has none. TCP asks again with the source that the first answer
 * gave it (ip_route_connect); IPv6 does so where the first question had no answer (ip6_dst_lookup_tail).
 */
function firstRoute(run: Run): ReturnType<typeof routeOutput> {
  const first = routeOutput(run, false);
  if (run.packet.src !== 0n) return first;
  const { family, proto, dst } = run.packet;
  if ('verdict' in first) {
    const source = family === 6 && first.verdict === 'unroutable' ? sourceAddress6(run.namespace, undefined, dst) : undefined;
    if (source === undefined) return first;
    run.packet = { ...run.packet, src: source };
    const second = routeOutput(run, true);
    return 'verdict' in second ? first : second;
  }
  const source = first.found.route.src ?? sourceFor(run, first.found);
  if (source === undefined) return first;
  run.packet = { ...run.packet, src: source };
  return family === 4 && proto === PROTO.TCP ? routeOutput(run, true) : first;
}

/** ip_route_me_harder: what a rule of mangle or nat changed of a packet that is made here may lead it elsewhere, or nowhere. */
function reroute(run: Run, before: IpPacket, isNat: boolean): Passage | undefined {
  if (run.input.by !== undefined) return undefined;
  const { src, dst, mark, tos } = run.packet;
  const changed = dst !== before.dst || (!isNat && (src !== before.src || mark !== before.mark || tos !== before.tos));
  if (!changed) return undefined;
  const second = routeOutput(run, true);
  if ('verdict' in second) return second;
  run.rerouted = second;
  return undefined;
}

function routeOutput(
  run: Run,
  again: boolean,
): Passage | { readonly device: string; readonly found: Lookup & { kind: 'found' } } {
  const key = `${run.key}|output${again ? ' again' : ''}`;
  const answer = lookup(flowOf(run.packet, 'lo'), { namespace: run.namespace, choose: run.choose, key });
  run.events.push({ kind: 'route', lookup: answer, packet: run.packet, again });
  if (answer.kind === 'unknown') return end(run, 'insufficient-info', `routing table ${answer.table} was not captured`);
  if (answer.kind === 'none') return end(run, 'unroutable', 'no route leads to its destination');
  if (answer.kind === 'refused') return end(run, 'unroutable', answer.text);
  const device = answer.type === 'local' || answer.type === 'anycast' ? 'lo' : answer.hop?.device;
  if (device === undefined) return end(run, 'insufficient-info', 'the route names no device');
  if (isStrayLoopback(run, device))
    return end(run, 'unroutable', 'its source is a loopback address, which never leaves the host');
  return { device, found: answer };
}

/** The segment size that this host names in its own SYN: what fits its route's MTU (tcp_advertise_mss). */
function advertisedMss(run: Run, { device, found }: { device: string; found: Lookup & { kind: 'found' } }): number | undefined {
  const { family, proto } = run.packet;
  const mtu = found.route.mtu ?? run.namespace.devices.get(device)?.mtu;
  if (proto !== PROTO.TCP || mtu === undefined) return undefined;
  return family === 4 ? Math.min(mtu - 40, 65495) : Math.min(mtu - 60, 65515);
}

/** Loopback addresses of IPv4 leave by other devices than lo only with route_localnet (ip-sysctl). */
function isStrayLoopback({ packet, namespace }: Run, device: string): boolean {
  if (packet.family === 6 || !isLoopback(4, packet.src) || device === 'lo') return false;
  return sysctl(namespace, 'net.ipv4.conf', device, 'route_localnet', 'or')?.value !== '1';
}

function sourceFor(run: Run, found: Lookup & { kind: 'found' }): bigint | undefined {
  if (found.type === 'local') return run.packet.dst;
  const { hop } = found;
  const { family, dst } = run.packet;
  if (!hop) return undefined;
  return sourceAddress(
    run.namespace,
    hop.device,
    family,
    family === 6 ? dst : (hop.via ?? dst),
    hop.via === undefined ? 'link' : 'global',
  );
}

/** br_netfilter: a bridged frame passes the IP hooks, with the bridge as its device and the ports as physdev. */
function passBridge(run: Run, bridged: NonNullable<StackInput['bridged']>): Passage {
  run.in = bridged.bridge;
  // The frame is for another card, but the rules see it as one for this host.
  const before = run.packet.frame === 'otherhost' ? { ...run.packet, frame: 'host' as const } : run.packet;
  run.packet = before;
  const first = hook(run, 'PREROUTING');
  if (first) return first;
  run.proxied = false;
  if (run.packet.dst !== before.dst) {
    // A packet with another destination is routed as if it had come for the bridge itself, unless it goes back into the bridge.
    const decision = routeInput(run.namespace, run.packet, bridged.bridge, run.choose, run.key);
    if (decision.kind !== 'forward' || decision.lookup.hop?.device !== bridged.bridge)
      return decide(run, bridged.bridge, decision);
    return throughBridge(run, bridged.bridge, undefined);
  }
  if (bridged.physOut === undefined) return end(run, 'forwarded', 'the bridge decides');
  return throughBridge(run, bridged.bridge, bridged.physOut);
}

function throughBridge(run: Run, bridge: string, physOut: string | undefined): Passage {
  run.physOut = physOut;
  run.out = bridge;
  const second = hook(run, 'FORWARD');
  if (second) return second;
  run.in = undefined;
  const third = hook(run, 'POSTROUTING');
  if (third) return third;
  confirm(run);
  return end(run, 'forwarded', '');
}

function confirm(run: Run): void {
  const connection = run.tracking?.connection;
  if (connection && !connection.confirmed) connection.confirmed = true;
}

function momentOf(run: Run, name: Hook): Moment {
  return {
    namespace: run.namespace,
    hook: name,
    packet: run.packet,
    in: run.in,
    out: run.out,
    physIn: run.physIn,
    physOut: run.physOut,
    tracking: run.tracking ?? UNTRACKED,
    arrivedBy: run.input.iif,
    local: run.input.iif === undefined && run.input.bridged === undefined,
    reversePath: (flags) => reversePath(run.namespace, run.packet, run.in, flags, run.choose, run.key),
    uid: run.input.uid,
    gid: run.input.gid,
  };
}

/** Runs everything at a hook in the order of its priorities; the end of the way where something stops the packet. */
function hook(run: Run, name: Hook): Passage | undefined {
  const chains = baseChains(run.namespace, run.packet.family, name);
  const stopped = missingTables(run, name);
  if (stopped) return stopped;
  const tracks = name === 'PREROUTING' || name === 'OUTPUT';
  const natAt = name === 'PREROUTING' || name === 'OUTPUT' ? -100 : 100;
  let tracked = !tracks;
  let translatedHere = name === 'FORWARD';
  if (tracks) defragment(run, name);
  for (const base of chains) {
    if (!tracked && base.priority > CONNTRACK_PRIORITY) {
      trackPacket(run);
      tracked = true;
    }
    if (!translatedHere && (base.isNat || base.priority > natAt)) {
      translatedHere = true;
      const ended = natHook(run, name, chains);
      if (ended) return ended;
    }
    if (base.isNat) continue;
    const before = run.packet;
    const ended = oneTable(run, name, base);
    if (ended) return ended;
    const routes = name === 'OUTPUT' && (base.table.name === 'mangle' || base.chain.type === 'route');
    const lost = routes ? reroute(run, before, false) : undefined;
    if (lost) return lost;
  }
  if (!tracked) trackPacket(run);
  return translatedHere ? undefined : natHook(run, name, chains);
}

/** nf_defrag_ipv4, nf_defrag_ipv6: with connection tracking the rules see the packet that was cut, whose fragments all come. */
function defragment(run: Run, name: Hook): void {
  const { fragment, firstFragment, family } = run.packet;
  if ((!fragment && firstFragment !== true) || !defragments(run.namespace, family)) return;
  run.packet = { ...run.packet, fragment: false, firstFragment: false, length: run.packet.wholeLength };
  run.events.push({ kind: 'defragment', hook: name, packet: run.packet });
}

/** Tables whose rules nobody captured: they are taken to let the packet through. */
function missingTables(run: Run, name: Hook): Passage | undefined {
  const tables = run.packet.family === 4 ? run.namespace.netfilter : run.namespace.netfilter6;
  // `nft list ruleset` shows iptables-nft's tables as well.
  if (run.namespace.nftKnown === 'whole') return undefined;
  const absent = TABLES_AT[name].filter((table) => table !== 'security' && table !== 'nat' && !isShown(tables.get(table), name));
  if (absent.length === 0) return undefined;
  run.events.push({ kind: 'uncaptured', hook: name, tables: absent, all: tables.size === 0, packet: run.packet, out: run.out });
  return absent.every((table) => passes(run, table)) ? undefined : lost(run, 'a rule that was not captured');
}

/** Whether a table's captures tell what it does at a hook: the chain is there, or the whole table is and has none. */
function isShown(table: NfTable | undefined, name: Hook): boolean {
  return table !== undefined && (table.known === 'whole' || table.chains.has(name));
}

function passes(run: Run, table: string): boolean {
  const program = run.packet.family === 4 ? 'iptables' : 'ip6tables';
  return run.choose({
    key: `${run.key}|absent ${table}`,
    rule: undefined,
    likely: true,
    certainty: 'assumed',
    nature: 'hidden',
    reason: `the ${table} table was not captured; taken to let the packet through unchanged`,
    command: `${program}-save`,
  });
}

function trackPacket(run: Run): void {
  // A packet that comes back by lo is tracked already.
  if (run.tracking) return;
  const { connections, assumed } = run.input;
  if (run.notrack || assumed?.state === 'UNTRACKED') run.tracking = UNTRACKED;
  else if (assumed?.state === 'INVALID') run.tracking = { state: 'INVALID', reply: false, connection: undefined };
  else if (assumed) run.tracking = inventedConnection(run.packet, assumed.state, assumed.reply, assumed.mark, run.zone);
  else {
    const loose = run.namespace.sysctls.get('net.netfilter.nf_conntrack_tcp_loose')?.value !== '0';
    run.tracking = track(connections, run.packet, run.zone, loose);
  }
  const { connection } = run.tracking;
  if (connection && assumed && !connections.own.includes(connection)) connections.own.push(connection);
  run.events.push({ kind: 'track', tracking: run.tracking, packet: run.packet });
}

function oneTable(run: Run, name: Hook, base: BaseChain): Passage | undefined {
  const before = run.packet;
  const result = runTable(base, name, momentOf(run, name), run.choose, run.key);
  take(run, result);
  run.events.push({ kind: 'table', run: result, before, packet: run.packet, out: run.out, binding: undefined, nat: undefined });
  return stopped(run, result);
}

function take(run: Run, result: TableRun): void {
  run.packet = result.after.packet;
  if (result.proxied) run.proxied = true;
  if (run.tracking) return;
  if (result.ct.notrack) run.notrack = true;
  if (result.ct.zone) run.zone = result.ct.zone;
}

function stopped(run: Run, result: TableRun): Passage | undefined {
  if (result.verdict === 'ACCEPT') return undefined;
  const last = result.hits.filter((hit) => hit.taken).at(-1);
  const by = last && !result.byPolicy ? `rule ${last.rule.number} of ${last.chain}` : `the policy of ${result.chain.name}`;
  const where = `${by} in ${result.table.name}/${result.hook}`;
  if (result.verdict === 'REJECT') {
    answer(run, rejection(run.packet, result.rejectWith ?? ''));
    return end(run, 'rejected', where);
  }
  return result.undetermined ? lost(run, where) : end(run, 'dropped', where);
}

/** nf_nat_inet_fn: a connection's first packet asks the nat chains; the others are translated by what was decided then. */
function natHook(run: Run, name: Hook, chains: readonly BaseChain[]): Passage | undefined {
  const before = run.packet;
  return translateAt(run, name, chains) ?? (name === 'OUTPUT' ? reroute(run, before, true) : undefined);
}

function translateAt(run: Run, name: Hook, chains: readonly BaseChain[]): Passage | undefined {
  const tracking = run.tracking ?? UNTRACKED;
  const { connection, reply } = tracking;
  if (!connection) return undefined;
  const manip: Manip = name === 'PREROUTING' || name === 'OUTPUT' ? 'dst' : 'src';
  const isError = tracking.state === 'RELATED' && isIcmpError(run.packet);
  const undecided = manip === 'src' ? !connection.sourceDone : !connection.destinationDone;
  let rules: Source | undefined;
  let named = false;
  if (!isError && (tracking.state === 'NEW' || tracking.state === 'RELATED') && undecided) {
    const nat = chains.filter((base) => base.isNat);
    const tables = run.packet.family === 4 ? run.namespace.netfilter : run.namespace.netfilter6;
    if (nat.length === 0 && tables.size > 0 && !isShown(tables.get('nat'), name) && run.namespace.nftKnown !== 'whole') {
      run.events.push({ kind: 'uncaptured', hook: name, tables: ['nat'], all: false, packet: run.packet, out: run.out });
      if (!passes(run, 'nat')) return lost(run, 'a rule that was not captured');
    }
    for (const base of nat) {
      const before = run.packet;
      const result = runTable(base, name, momentOf(run, name), run.choose, run.key);
      take(run, result);
      const request = result.nat;
      let binding: Binding | undefined;
      if (request && result.verdict === 'ACCEPT') {
        const range = natRange(request, momentOf(run, name), manip);
        if (range === 'drop') {
          run.events.push({ kind: 'table', run: result, before, packet: run.packet, out: run.out, binding, nat: request.target });
          return end(run, 'dropped', `${request.target} finds no address to use`);
        }
        binding = bind(run.input.connections, connection, range, manip);
        rules = request.rule.source;
        connection.source ??= rules;
        if (request.target === 'MASQUERADE') connection.masqueradedBy = run.out;
        named = true;
        run.packet = translated(run.packet, connection, reply, manip);
      }
      run.events.push({ kind: 'table', run: result, before, packet: run.packet, out: run.out, binding, nat: request?.target });
      const ended = stopped(run, result);
      if (ended) return ended;
      if (request) break;
    }
    if (!(manip === 'src' ? connection.sourceDone : connection.destinationDone))
      bindToItself(run.input.connections, connection, manip);
  }
  if (connection.invented && !named) return undefined;
  const { masqueradedBy } = connection;
  if (name === 'POSTROUTING' && !reply && masqueradedBy !== undefined && masqueradedBy !== run.out) {
    // nf_nat_oif_changed: the address that it has belongs to another device.
    connection.dead = true;
    return end(
      run,
      'dropped',
      `its connection was masqueraded as it left by ${masqueradedBy}, and ends as it would leave by ${run.out}`,
    );
  }
  const before = run.packet;
  run.packet = isError ? translatedError(run.packet, connection, reply, manip) : translated(run.packet, connection, reply, manip);
  if (!named && changedAddress(before, run.packet))
    run.events.push({ kind: 'translate', manip, reply, connection, before, packet: run.packet, hook: name });
  return undefined;
}

function changedAddress(a: IpPacket, b: IpPacket): boolean {
  return a.src !== b.src || a.dst !== b.dst || a.sport !== b.sport || a.dport !== b.dport || a.icmpId !== b.icmpId;
}
