import { askHidden } from './decide';
import { atNextPacket } from './bitmap-ipmac';
import { frameHook, isBrouted } from './bridge-chains';
import { bridgeWay, entryOf, isHairpin, passesRules, refusalBetween, type BridgeWay } from './bridge-way';
import { deviceHook } from './device-hooks';
import { hook } from './hooks';
import { exceedsMtu } from './exceeds-mtu';
import { carry } from './ipvs-send';
import { answer, begin, end, lost, type Passage, type Run, type StackInput } from './passage';
import { isTaken, tupleOf, UNTRACKED } from './conntrack';
import type { Hook } from './matches';
import { hasPorts, isIcmp, isLinkLocal6, isMulticast } from './packet';
import { bridgeKeyIn } from '../model/queries';
import { parseIp } from '../packet/address';
import { UNKNOWN_PORT } from './matches';
import { malformed6, routeInput, type InputDecision } from './route-input';
import { advertisedMss, firstRoute } from './route-output';
import { flowOf, gatewayOf, likelyVrf, lookup, vrfOf, type Lookup } from './routing';

/** Takes a packet through the IP stack of a namespace. Changes the connection table as the kernel would. */
export function pass(input: StackInput): Passage {
  input.connections.setChanges = atNextPacket(input.connections.setChanges);
  const run = begin(input, (own, at, entry, told) => carry(own, at, entry, told, transmit));
  if (input.bridged) return passBridge(run, input.bridged);
  if (input.port && input.iif !== undefined) return enterBridge(run, input.port.bridge, input.iif);
  return input.iif === undefined ? send(run) : receive(run, input.iif);
}

/** ip_rcv: what comes in by a device. */
function receive(run: Run, iif: string): Passage {
  return comeIn(run, iif) ?? receiveAt(run, iif);
}

/** The same behind the chains at the device. */
function receiveAt(run: Run, iif: string): Passage {
  if (run.packet.frame === 'otherhost')
    return end(run, 'dropped', `the frame is for ${run.packet.dmac ?? 'another card'}, not for ${iif}`);
  // A bridge shows the packet to its rules before the stack looks at it.
  const malformed = run.physIn === undefined ? malformed6(run.packet, iif) : undefined;
  if (malformed) return decide(run, iif, malformed);
  const { dst } = run.packet;
  const refused = hook(run, 'PREROUTING');
  if (refused) return refused;
  // On its way up from the bridge the packet loses the proxy's socket (skb_orphan in ip_rcv).
  if (run.physIn !== undefined) run.proxied = undefined;
  if (run.physIn !== undefined && run.packet.dst !== dst) return redirected(run, iif);
  return afterPrerouting(run, iif);
}

function afterPrerouting(run: Run, iif: string): Passage {
  const atBridge = run.physIn === undefined ? undefined : deviceHook(run, 'INGRESS', iif);
  if (atBridge) return atBridge;
  if (run.input.isSharers?.(run.packet.dst) === true) return deliver(run);
  const vrf = vrfOf(run.namespace, iif)?.name ?? likelyVrf(iif, run);
  if (vrf !== undefined && vrf !== iif) return receiveInVrf(run, iif, vrf);
  const decision = routeInput(run.packet, iif, run);
  return decide(run, iif, decision);
}

/**
 * vrf_ip_rcv, vrf_ip6_rcv: what a device of a VRF takes in passes PREROUTING once more as if the VRF's own device had taken it, which is its
 * device for all rules from then on. IPv4's routing still knows the first one (ip_rcv_finish), IPv6's does not (ip6_rcv_finish).
 */
function receiveInVrf(run: Run, iif: string, vrf: string): Passage {
  run.in = vrf;
  const refused = hook(run, 'PREROUTING');
  if (refused) return refused;
  return decide(run, vrf, routeInput(run.packet, run.packet.family === 4 ? iif : vrf, run));
}

/**
 * The chains at a device see a frame before everything else, also those at the device below a VLAN. At the port of a bridge it comes to
 * PREROUTING first, then as the bridge's own to the chains at that.
 */
function comeIn(run: Run, iif: string): Passage | undefined {
  if (run.physIn !== undefined) return deviceHook(run, 'INGRESS', run.physIn);
  const under = below(run, iif);
  return (under === undefined ? undefined : deviceHook(run, 'INGRESS', under)) ?? deviceHook(run, 'INGRESS', iif);
}

/** The device whose frames a VLAN or a MACVLAN takes. */
function below({ namespace }: Run, name: string): string | undefined {
  const device = namespace.devices.get(name);
  return /^(?:vlan|macvlan|ipvlan)$/.test(device?.type ?? '') ? device?.peer : undefined;
}

function decide(run: Run, iif: string, decision: InputDecision): Passage {
  switch (decision.kind) {
    case 'unknown':
      return end(run, 'insufficient-info', decision.text);
    case 'refused': {
      run.events.push({ kind: 'refused', decision, packet: run.packet });
      // A packet that a proxy has ends before its source is looked at (ip6_forward).
      const silent = run.proxied !== undefined && decision.why === 'martian-source';
      if (decision.error && !silent) answer(run, decision.error);
      return end(run, 'unroutable', decision.text);
    }
    case 'local':
      run.events.push({ kind: 'route', lookup: decision.lookup, packet: run.packet, again: false });
      if (decision.lookup.kind === 'found') run.way = decision.lookup;
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
  const clash = confirm(run);
  if (clash) return clash;
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
  // IPv6 looks at the MTU of a route only when the packet leaves, unless it is locked (ip6_dst_mtu_maybe_forward).
  const { mtu } = found.route;
  const late = run.packet.family === 6 && mtu !== undefined && !found.route.text.includes('mtu lock');
  const tooBig = exceedsMtu(run, hop.device, late ? undefined : mtu);
  if (tooBig) return tooBig;
  run.packet = { ...run.packet, ttl: run.packet.ttl - 1 };
  run.in = iif;
  run.out = hop.device;
  run.way = found;
  run.rerouted = undefined;
  const refused = hook(run, 'FORWARD');
  if (refused) return refused;
  // An answer that IPVS gave the address of its service may have another way than what came in.
  const sent = run.rerouted ? transmitBy(run, run.rerouted) : transmitBy(run, { device: hop.device, found });
  return sent.verdict === 'forwarded' && late ? (exceedsMtu(run, hop.device, mtu) ?? sent) : sent;
}

/** POSTROUTING and out. */
function transmit(run: Run, device: string, nextHop: Passage['nextHop']): Passage {
  run.out = device;
  // The rules see the device that it came by as well (ip_output, since 5.7).
  const { dst } = run.packet;
  const refused = hook(run, 'POSTROUTING');
  if (refused) return refused;
  const clash = confirm(run) ?? goOut(run, device);
  if (clash) return clash;
  // Without a gateway the neighbour is whom the packet is for by then (ip_finish_output2).
  const onLink = (run.way === undefined || gatewayOf(run.way) === undefined) && nextHop?.ip === dst && run.packet.dst !== dst;
  if (device !== 'lo') return end(run, 'forwarded', '', onLink ? { ...nextHop, ip: run.packet.dst } : nextHop);
  // What a host sends to itself comes in again by lo, its connection and its route attached.
  run.in = 'lo';
  run.out = undefined;
  run.routeLost = false;
  const ended = deviceHook(run, 'INGRESS', 'lo') ?? hook(run, 'PREROUTING');
  if (ended) return ended;
  return run.routeLost ? decide(run, 'lo', routeInput(run.packet, 'lo', run)) : deliver(run);
}

/** The chains at the device that a packet leaves by, and behind a bridge at its port. */
function goOut(run: Run, device: string): Passage | undefined {
  const own = run.input.bridges?.get(bridgeKeyIn(run.namespace.name, device));
  const mac = run.namespace.neighbours.find(({ dev, ip }) => dev === device && parseIp(ip)?.value === run.packet.dst)?.mac;
  const ports = (own?.members ?? []).map(({ name }) => name);
  const port = own?.fdb.find((row) => row.mac === mac && row.dev !== device)?.dev;
  const first = deviceHook(run, 'EGRESS', device);
  const under = below(run, device);
  if (first) return first;
  // How the tag of its VLAN stands in the frame by then depends on the card.
  if (under !== undefined && deviceHook(run, 'EGRESS', under)) return lost(run, `a chain at the egress of ${under}`);
  // Where nobody knows by which of its ports, any of them may stop it.
  for (const name of port === undefined ? ports : [port]) {
    const ended = deviceHook(run, 'EGRESS', name);
    if (ended) return port === undefined ? lost(run, `a chain at ${name}, one of the ports of ${device}`) : ended;
  }
  return undefined;
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
  const refusedAtOnce = messageTooLong(run, first);
  if (refusedAtOnce) return refusedAtOnce;
  run.out = first.device;
  run.rerouted = first;
  run.way = first.found;
  const { uid, gid } = run.input;
  if (hasPorts(run.packet.proto)) run.input.connections.opened.push({ ...tupleOf(run.packet), uid, gid });
  run.packet = { ...run.packet, mss: run.packet.mss ?? advertisedMss(run, first) };
  const refused = outByVrf(run) ?? hook(run, 'OUTPUT');
  if (refused) return refused;
  return transmitBy(run, run.rerouted ?? first);
}

/** Out by a route: to its gateway, or to whom the packet is for. */
function transmitBy(run: Run, { device, found: { hop } }: NonNullable<Run['rerouted']>): Passage {
  return transmit(run, device, {
    device,
    ip: hop?.via ?? run.packet.dst,
    family: hop?.via === undefined ? run.packet.family : hop.viaFamily,
    ...(hop?.gatewayName === undefined ? {} : { name: hop.gatewayName }),
  });
}

/** vrf_ip_out: what is sent in a VRF passes OUTPUT and POSTROUTING of the VRF's own device first, where no connection is looked for. */
function outByVrf(run: Run): Passage | undefined {
  const { vrf } = run.input;
  if (vrf === undefined || vrf.passed) return undefined;
  const { out, tracking } = run;
  run.out = vrf.name;
  run.tracking = UNTRACKED;
  const refused = hook(run, 'OUTPUT') ?? hook(run, 'POSTROUTING');
  run.out = out;
  run.tracking = tracking;
  return refused;
}

/** A program that forbids fragments can't send more than its route takes: it is told, and no packet is made (ip_append_data, EMSGSIZE). */
function messageTooLong(run: Run, { device, found }: { device: string; found: Lookup & { kind: 'found' } }): Passage | undefined {
  const mtu = found.route.mtu ?? run.namespace.devices.get(device)?.mtu;
  const { length, dontFragment } = run.packet;
  if (!dontFragment || length === undefined || mtu === undefined || length <= mtu) return undefined;
  const why = `its ${length} bytes are more than the MTU of ${device} (${mtu}) and it may not be fragmented: its program is told that the message is too long`;
  return { ...end(run, 'dropped', why), tooLong: { device, mtu } };
}

/** A frame comes to the port of a bridge: it is for this host, passes the bridge, with or without the rules of IP, or ends there. */
function enterBridge(run: Run, bridge: string, port: string): Passage {
  const ended = deviceHook(run, 'INGRESS', port);
  if (ended) return ended;
  const entry = entryOf(run, bridge, port);
  if (entry.kind !== 'in') return nowhere(run, entry);
  if (isBrouted(run, { bridge, in: port, out: undefined })) return receiveAt(run, port);
  const isFiltered = passesRules(run, bridge);
  // The frame may be for another card, but the rules see it as one for this host.
  if (run.packet.frame === 'otherhost') run.packet = { ...run.packet, frame: 'host' };
  const { dst } = run.packet;
  const early = frames(run, 'PREROUTING', 'before');
  if (early) return early;
  if (isFiltered) {
    run.physIn = port;
    run.in = bridge;
    const refused = hook(run, 'PREROUTING');
    if (refused) return refused;
    run.keepsSocket = run.proxied;
    run.proxied = undefined;
  }
  const late = frames(run, 'PREROUTING', 'behind');
  if (late) return late;
  if (run.packet.dst !== dst) return byPort(run, redirected(run, bridge));
  const way = bridgeWay(run, entry);
  switch (way.kind) {
    case 'refused':
    case 'unknown':
      return nowhere(run, way);
    case 'up':
      return up(run, bridge, isFiltered);
    case 'out':
      return byPort(run, isFiltered ? throughBridge(run, bridge, way.port) : acrossBridge(run, way.port));
  }
}

function nowhere(run: Run, { kind, why }: Extract<BridgeWay, { kind: 'refused' | 'unknown' }>): Passage {
  return kind === 'refused' ? end(run, 'dropped', why) : lost(run, why);
}

/** br_pass_frame_up: a bridge's own host takes the frame as one that came by the bridge. `seen`: PREROUTING has had it. */
function up(run: Run, bridge: string, seen: boolean): Passage {
  run.in = bridge;
  const stopped = frames(run, 'INPUT', 'before');
  if (stopped) return stopped;
  return byPort(run, seen ? afterPrerouting(run, bridge) : receive(run, bridge));
}

/** A frame passes a bridge that does not show it to the rules of IP. */
function acrossBridge(run: Run, port: string): Passage {
  run.out = port;
  run.physOut = port;
  const stopped =
    frames(run, 'FORWARD', 'before') ??
    frames(run, 'FORWARD', 'behind') ??
    frames(run, 'POSTROUTING', 'before') ??
    confirm(run) ??
    deviceHook(run, 'EGRESS', port);
  return stopped ?? end(run, 'forwarded', '');
}

/** The chains for frames, where it is this model that takes a frame through the bridge. */
function frames(run: Run, name: Hook, part: 'before' | 'behind'): Passage | undefined {
  const { port, iif } = run.input;
  if (!port || iif === undefined) return undefined;
  const out = name === 'FORWARD' || name === 'POSTROUTING' ? run.physOut : undefined;
  return frameHook(run, name, part, { bridge: port.bridge, in: name === 'POSTROUTING' ? undefined : iif, out });
}

/** What stays in the bridge leaves by one of its ports, not by its own device. */
function byPort({ physOut }: Run, passage: Passage): Passage {
  const stays = passage.verdict === 'forwarded' && physOut !== undefined && physOut !== UNKNOWN_PORT;
  return stays ? { ...passage, out: physOut } : passage;
}

/** br_netfilter: a bridged frame passes the IP hooks, with the bridge as its device and the ports as physdev. */
function passBridge(run: Run, bridged: NonNullable<StackInput['bridged']>): Passage {
  run.in = bridged.bridge;
  // The frame is for another card, but the rules see it as one for this host.
  const before = run.packet.frame === 'otherhost' ? { ...run.packet, frame: 'host' as const } : run.packet;
  run.packet = before;
  const first = deviceHook(run, 'INGRESS', bridged.physIn) ?? hook(run, 'PREROUTING');
  if (first) return first;
  run.keepsSocket = run.proxied;
  run.proxied = undefined;
  if (run.packet.dst !== before.dst) return redirected(run, bridged.bridge);
  if (bridged.physOut === undefined) return end(run, 'forwarded', 'the bridge decides');
  return throughBridge(run, bridged.bridge, bridged.physOut);
}

/**
 * br_nf_pre_routing_finish: where a rule gave a packet on a bridge another destination, the bridge itself asks for the way to it. What leads
 * back into the bridge stays in it; other packets go up as if they had come for the bridge. Of IPv6 it asks no more than that: whether this
 * host forwards does not matter for what stays, and what has no way ends without a word.
 */
function redirected(run: Run, bridge: string): Passage {
  const { packet } = run;
  // Groups and addresses of the link mean the bridge's own link (rt6_need_strict).
  const isLinks = packet.family === 6 && (isMulticast(6, packet.dst) || isLinkLocal6(packet.dst));
  const flow = { ...flowOf(packet, bridge), ...(isLinks ? { oif: bridge, strict: true } : {}) };
  const asked = packet.family === 6 ? lookup(flow, run) : undefined;
  if (asked?.kind === 'found' && /^(?:uni|multi)cast$/.test(asked.type) && asked.hop?.device === bridge) return stay(run, bridge);
  const decision = routeInput(packet, bridge, run, true);
  const stays = decision.kind === 'forward' && decision.lookup.hop?.device === bridge;
  const atBridge = stays ? undefined : deviceHook(run, 'INGRESS', bridge);
  if (atBridge) return atBridge;
  if (decision.kind === 'refused' && (asked?.kind === 'none' || asked?.kind === 'refused'))
    return decide(run, bridge, { ...decision, error: undefined });
  if (stays) {
    run.events.push({ kind: 'route', lookup: decision.lookup, packet, again: false });
    return stay(run, bridge);
  }
  return decide(run, bridge, decision);
}

/** A bridge sends nothing back by the port that it came by, unless that is in hairpin mode (should_deliver). */
function stay(run: Run, bridge: string): Passage {
  const { namespace, packet, physIn } = run;
  const own = run.input.bridges?.get(bridgeKeyIn(namespace.name, bridge));
  if (isMulticast(packet.family, packet.dst)) {
    const [other, ...more] = own?.members.filter(({ name }) => name !== physIn) ?? [];
    return throughBridge(run, bridge, other && more.length === 0 ? other.name : UNKNOWN_PORT);
  }
  const mac = namespace.neighbours.find(({ dev, ip }) => dev === bridge && parseIp(ip)?.value === packet.dst)?.mac;
  const port = own?.fdb.find((row) => row.mac === mac && row.dev !== bridge)?.dev;
  const leaves =
    port === undefined
      ? askHidden(run, {
          key: `port of ${bridge}`,
          likely: true,
          reason: `which port of ${bridge} leads to its new destination was not captured; taken to be another than ${physIn}`,
          command: `bridge fdb show br ${bridge}`,
        }) || isHairpin(run, own, physIn ?? '')
      : port !== physIn || isHairpin(run, own, physIn);
  const to = own && port !== physIn ? own.members.find(({ name }) => name === port) : undefined;
  const refusal = own && to && refusalBetween(run, own, physIn ?? '', to);
  if (refusal !== undefined) return end(run, 'dropped', refusal);
  if (!leaves) return end(run, 'unroutable', `${bridge} would send it back by ${physIn}, the port that it came by`);
  return throughBridge(run, bridge, port ?? UNKNOWN_PORT);
}

function throughBridge(run: Run, bridge: string, physOut: string): Passage {
  run.physOut = physOut;
  run.out = bridge;
  const second = frames(run, 'FORWARD', 'before') ?? hook(run, 'FORWARD') ?? frames(run, 'FORWARD', 'behind');
  if (second) return second;
  run.in = undefined;
  const third = frames(run, 'POSTROUTING', 'before') ?? hook(run, 'POSTROUTING');
  if (third) return third;
  const clash = confirm(run) ?? deviceHook(run, 'EGRESS', physOut);
  if (clash) return clash;
  return end(run, 'forwarded', '');
}

/** A new connection counts from here on, unless another one has its answers already. */
function confirm(run: Run): Passage | undefined {
  const connection = run.tracking?.connection;
  if (!connection || connection.confirmed) return undefined;
  const { reply, zone } = connection;
  // Without ports to choose NAT may have found no answers of its own for it (__nf_conntrack_confirm).
  const isUnchanged = !connection.sourceNat && !connection.destinationNat;
  if (
    !connection.invented &&
    (isUnchanged || !(hasPorts(reply.proto) || isIcmp(run.packet))) &&
    isTaken(run.input.connections, reply, zone, connection)
  ) {
    connection.dead = true;
    return end(run, 'dropped', 'its answers could not be told from those of another connection');
  }
  connection.confirmed = true;
  return undefined;
}
