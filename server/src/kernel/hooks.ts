import type { NfTable } from '../model/netfilter';
import type { Source } from '../model/source';
import {
  INVALID,
  inventedConnection,
  TEMPLATE,
  track,
  tupleKey,
  UNTRACKED,
  ZONE_0,
  type About,
  type Connection,
  type Pick,
  type Zone,
} from './conntrack';
import { askChance, askHidden, unlessChance } from './decide';
import { defragments, mayDefragment, tracksConnections } from './tracks';
import { rejection } from './icmp-errors';
import { IPVS_PRIORITY, passIpvs } from './ipvs';
import type { DeviceHook, Hook, Moment } from './matches';
import { bind, bindToItself, translated, translatedError, type Binding, type Manip } from './nat';
import { natRange } from './nat-target';
import { baseChains, CONNTRACK_PRIORITY, runTable, TABLES_AT, type BaseChain, type TableRun } from './netfilter';
import { formatAddress, isIcmpError, type IpPacket } from './packet';
import { answer, end, lost, type Passage, type Run } from './passage';
import { reversePath } from './route-input';
import { reroute } from './route-output';
import { lookup } from './routing';

function momentOf(run: Run, name: Hook | DeviceHook): Moment {
  const isOwn = run.input.iif === undefined && run.input.bridged === undefined;
  return {
    namespace: run.namespace,
    hook: name,
    packet: run.packet,
    in: run.in,
    out: run.out,
    physIn: run.physIn,
    physOut: run.physOut,
    tracking: run.tracking ?? (run.notrack ? UNTRACKED : run.zone !== ZONE_0 ? TEMPLATE : INVALID),
    opened: run.input.connections.opened,
    setChanges: run.input.connections.setChanges,
    rules: 'nft',
    arrivedBy: run.input.iif,
    socket: run.keepsSocket ?? run.proxied,
    local: isOwn,
    way: run.way,
    routed: name !== 'PREROUTING' || (isOwn && !run.routeLost),
    // Bridges show tagged frames to IP's rules only where they are told to (ip-sysctl).
    mayBeTagged: run.physIn !== undefined && run.namespace.sysctls.get('net.bridge.bridge-nf-filter-vlan-tagged')?.value === '1',
    route: (flow, what) =>
      lookup(flow, { namespace: run.namespace, choose: unlessChance(run.choose), key: `${run.key}|${name} ${what}` }),
    reversePath: (packet, flags) => reversePath(packet, run.in, flags, run),
    uid: run.input.uid,
    gid: run.input.gid,
  };
}

/** Runs everything at a hook in the order of its priorities; the end of the way where something stops the packet. */
export function hook(run: Run, name: Hook): Passage | undefined {
  const chains = baseChains(run.namespace, run.packet.family, name);
  const stopped = missingTables(run, name);
  if (stopped) return stopped;
  const tracks = name === 'PREROUTING' || name === 'OUTPUT';
  if (tracks || name === 'INPUT') defragment(run, name);
  const between = stepsBetween(run, name, chains);
  for (const base of chains) {
    // All chains that translate run at one place, in the order of their own priorities (nf_nat_register_fn).
    if (base.isNat) continue;
    for (let step = between[0]; step !== undefined && base.priority > step.priority; step = between[0]) {
      between.shift();
      const ended = step.go();
      if (ended) return ended;
    }
    const before = run.packet;
    const ended = oneTable(run, name, base);
    if (ended) return ended;
    const routes = name === 'OUTPUT' && (base.table.name === 'mangle' || base.chain.type === 'route');
    const lost = routes ? reroute(run, before, false) : undefined;
    if (lost) return lost;
  }
  for (const { go } of between) {
    const ended = go();
    if (ended) return ended;
  }
  return undefined;
}

/** What the kernel does between the chains of a hook, in its order: connection tracking, NAT, IPVS. */
function stepsBetween(run: Run, name: Hook, chains: readonly BaseChain[]): Between[] {
  const steps: Between[] = [];
  if (name === 'PREROUTING' || name === 'OUTPUT')
    steps.push({
      priority: CONNTRACK_PRIORITY,
      go: () => {
        trackPacket(run);
        return followsMaster(run);
      },
    });
  if (name !== 'FORWARD') {
    const priority = name === 'PREROUTING' || name === 'OUTPUT' ? -100 : 100;
    steps.push({ priority, go: () => natHook(run, name, chains) });
  }
  const ipvs = IPVS_PRIORITY[name];
  if (ipvs !== undefined) steps.push({ priority: ipvs, go: () => passIpvs(run, name) });
  return steps.sort((a, b) => a.priority - b.priority);
}

interface Between {
  readonly priority: number;
  readonly go: () => Passage | undefined;
}

/**
 * nf_defrag_ipv4, nf_defrag_ipv6: with connection tracking the rules see the packet that was cut, whose fragments all come. What is for
 * this host IPv4 puts together before INPUT in any case (ip_local_deliver), IPv6 behind it.
 */
function defragment(run: Run, name: Hook): void {
  const { fragment, firstFragment, family } = run.packet;
  if (!fragment && firstFragment !== true) return;
  if (name === 'INPUT' ? family === 6 : !putsTogether(run)) return;
  run.packet = { ...run.packet, fragment: false, firstFragment: false, length: run.packet.wholeLength };
  run.events.push({ kind: 'defragment', hook: name, packet: run.packet });
}

/** Rules that nobody captured, of which one may have connections tracked, are taken to have one, as most have. */
function putsTogether(run: Run): boolean {
  const { namespace, packet } = run;
  if (defragments(namespace, packet.family)) return true;
  if (!mayDefragment(namespace, packet.family)) return false;
  return askHidden(run, {
    key: 'fragments',
    likely: true,
    reason:
      'fragments are put together before the rules see them where one of the rules asks for connections; taken to be so, as not all were captured',
    command: packet.family === 4 ? 'iptables-save' : 'ip6tables-save',
  });
}

/** Tables whose rules nobody captured: they are taken to let the packet through. */
function missingTables(run: Run, name: Hook): Passage | undefined {
  const tables = run.packet.family === 4 ? run.namespace.netfilter : run.namespace.netfilter6;
  if (!passesLegacy(run, tables)) return lost(run, 'a rule of the old back end that was not captured');
  // `nft list ruleset` shows iptables-nft's tables as well.
  if (run.namespace.nftKnown === 'whole') return undefined;
  const absent = TABLES_AT[name].filter((table) => table !== 'security' && table !== 'nat' && !isShown(tables.get(table), name));
  if (absent.length === 0) return undefined;
  run.events.push({ kind: 'uncaptured', hook: name, tables: absent, all: tables.size === 0, packet: run.packet, out: run.out });
  return absent.every((table) => passes(run, table)) ? undefined : lost(run, 'a rule that was not captured');
}

/** Whether the packet gets past the old back end's tables, where iptables-nft warns of some and none was captured. */
function passesLegacy(run: Run, tables: ReadonlyMap<string, NfTable>): boolean {
  const family = run.packet.family === 4 ? 'ip' : 'ip6';
  if (!run.namespace.legacyTables.has(family) || [...tables.values()].some(({ legacy }) => legacy === true)) return true;
  return askHidden(run, {
    key: 'tables of the old back end',
    likely: true,
    reason:
      'iptables-nft warns that the kernel has tables of iptables-legacy as well, which were not captured: a rule there may take the packet',
    command: `${family}tables-legacy-save`,
  });
}

/** Whether a table's captures tell what it does at a hook: the chain is there, or the whole table is and has none. */
function isShown(table: NfTable | undefined, name: Hook): boolean {
  return table !== undefined && (table.known === 'whole' || table.chains.has(name));
}

function passes(run: Run, table: string): boolean {
  const program = run.packet.family === 4 ? 'iptables' : 'ip6tables';
  return askHidden(run, {
    key: `absent ${table}`,
    likely: true,
    reason: `the ${table} table was not captured; taken to let the packet through unchanged`,
    command: `${program}-save`,
  });
}

/** The packet's connection, once on its way. */
export function trackPacket(run: Run): void {
  // A packet that comes back by lo is tracked already.
  if (run.tracking) return;
  const { connections, assumed } = run.input;
  if (run.zone.byMark) run.zone = zoneByMark(run, run.zone);
  if (run.notrack || assumed?.state === 'UNTRACKED') run.tracking = UNTRACKED;
  else if (assumed?.state === 'INVALID') run.tracking = { state: 'INVALID', reply: false, connection: undefined };
  else if (assumed) run.tracking = inventedConnection(run.packet, assumed.state, assumed.reply, assumed.mark, run.zone);
  else {
    const loose = run.namespace.sysctls.get('net.netfilter.nf_conntrack_tcp_loose')?.value !== '0';
    run.tracking = track(connections, run.packet, run.zone, loose, pickBy(run), aboutBy(run));
    const why = run.tracking.connection?.inOrder;
    if (why !== undefined && !isInOrder(run, why)) run.tracking = INVALID;
  }
  const { connection } = run.tracking;
  if (connection && assumed && !connections.own.includes(connection)) connections.own.push(connection);
  run.events.push({ kind: 'track', tracking: run.tracking, packet: run.packet });
}

/** A zone has 16 bits of the mark. Where the mark is not known, neither is whether its zone has connections already. */
function zoneByMark(run: Run, { direction }: Zone): Zone {
  const { mark } = run.packet;
  if (mark !== undefined) return { id: mark & 0xffff, direction };
  const isUnmarked = askHidden(run, {
    key: 'zone',
    likely: true,
    reason: 'the mark of the packet names the zone of its connection and is not known; taken to be 0',
    command: 'iptables-save',
  });
  return { id: isUnmarked ? 0 : 0xffff, direction };
}

/** Of connections whose ports were all chosen by chance, chance decides. */
function pickBy(run: Run): Pick {
  return (candidates) =>
    candidates.slice(0, -1).find((_, n) =>
      askChance(run, {
        key: `which connection ${n}`,
        likely: true,
        reason: 'NAT chose the ports of several connections by chance: which of them this answers is not known',
      }),
    ) ??
    candidates[candidates.length - 1] ??
    candidates[0];
}

/** Of so many connections each may be the one that an error is about. */
const MOST_ABOUT = 4;

/** A question cannot say which packet an ICMP error carries: it is taken to be about the latest connection that it may be about. */
function aboutBy(run: Run): About {
  return (candidates) =>
    candidates.slice(0, MOST_ABOUT).find(({ connection: { original }, reply }) =>
      askHidden(run, {
        key: `about ${tupleKey(original, ZONE_0, reply ? 'reply' : 'orig')}`,
        likely: true,
        reason: `which packet the ICMP error is about is not said; taken to be one of the connection from ${formatAddress(original.family, original.src)} to ${formatAddress(original.family, original.dst)}`,
        command: undefined,
      }),
    );
}

/** A closed connection takes only segments that are in order for it, of which nothing was captured. */
function isInOrder(run: Run, why: 'reset' | 'answered'): boolean {
  return askHidden(run, {
    key: 'closed',
    likely: true,
    reason:
      why === 'reset'
        ? 'its connection was captured when it had been reset: whether the packet still counts as part of it is not known'
        : 'its connection was captured when an ACK had answered its SYN: if the SYN was repeated since, this RST is invalid',
    command: 'conntrack -L',
  });
}

/** The helper of a connection that NAT translates may have those that it announces translated as well. */
function followsMaster(run: Run): Passage | undefined {
  const { connection, reply } = run.tracking ?? UNTRACKED;
  if (connection?.follows !== true || connection.confirmed || reply) return undefined;
  const stays = askHidden(run, {
    key: 'follows',
    likely: true,
    reason: 'another connection announced this one; whether NAT translates it as it did that one is not known; taken not to',
    command: 'conntrack -L',
  });
  return stays ? undefined : lost(run, 'NAT may translate it as it did the connection that announced it');
}

function oneTable(run: Run, name: Hook, base: BaseChain): Passage | undefined {
  return runChainAt(run, name, base, momentOf(run, name));
}

/** A packet as the rules at a device see it: where it comes in, nothing is known of it but the frame. */
export function deviceMoment(run: Run, name: DeviceHook, device: string): Moment {
  const ends = name === 'INGRESS' ? { in: device, out: undefined, tracking: INVALID } : { in: undefined, out: device };
  const packet = name === 'INGRESS' ? frameAt(run, device) : run.packet;
  return { ...momentOf(run, name), packet, physIn: undefined, physOut: undefined, mayBeTagged: true, ...ends };
}

/** A packet as rules for frames see it on a bridge, whose devices are its ports. */
export function frameMoment(
  run: Run,
  name: Hook,
  ends: { readonly in: string | undefined; readonly out: string | undefined },
): Moment {
  return { ...momentOf(run, name), physIn: undefined, physOut: undefined, in: ends.in, out: ends.out, mayBeTagged: true };
}

/** For whom a device takes a frame: what is for a bridge is not for the card of its port. */
function frameAt({ namespace, packet, physIn }: Run, device: string): IpPacket {
  const { frame, dmac } = packet;
  if (frame === 'broadcast' || frame === 'multicast' || dmac === undefined) return packet;
  const mac = namespace.devices.get(device)?.mac;
  if (mac !== undefined) return { ...packet, frame: dmac === mac ? 'host' : 'otherhost' };
  return device === physIn ? { ...packet, untold: new Set([...(packet.untold ?? []), 'frame']) } : packet;
}

/** Runs one chain for a packet; the end of its way where the chain stops it. */
export function runChainAt(run: Run, name: Hook | DeviceHook, base: BaseChain, moment: Moment): Passage | undefined {
  const before = run.packet;
  const result = runTable(base, name, moment, run);
  take(run, result);
  run.events.push({ kind: 'table', run: result, before, packet: run.packet, out: run.out, binding: undefined, nat: undefined });
  return stopped(run, result);
}

function take(run: Run, result: TableRun): void {
  run.packet = result.after.packet;
  run.input.connections.setChanges = result.after.setChanges;
  run.proxied = result.proxied ?? run.proxied;
  if (run.tracking) {
    // What has no connection can still be marked as untracked (nft_notrack_eval).
    if (result.ct.notrack && !run.tracking.connection) run.tracking = UNTRACKED;
    return;
  }
  if (result.ct.notrack) run.notrack = true;
  if (result.ct.zone) {
    run.zone = result.ct.zone;
    run.notrack = false;
  }
}

function stopped(run: Run, result: TableRun): Passage | undefined {
  if (result.verdict === 'ACCEPT') return undefined;
  const last = result.hits.filter((hit) => hit.taken).at(-1);
  const by = last && !result.byPolicy ? `rule ${last.rule.number} of ${last.chain}` : `the policy of ${result.chain.name}`;
  const where = `${by} in ${result.table.name}/${result.hook}`;
  if (result.verdict === 'REJECT') {
    // What is refused at a device is answered from there, before it was routed.
    const at = result.hook === 'INGRESS' || result.hook === 'EGRESS' ? 'PREROUTING' : result.hook;
    // Of a packet in fragments the first one only, in IPv6 as well, which answers the others elsewhere (nf_reject_v6_csum_ok).
    if (!run.packet.fragment) answer(run, rejection(run.packet, result.rejectWith ?? ''), at);
    return end(run, 'rejected', where);
  }
  return result.undetermined ? lost(run, where) : end(run, 'dropped', where);
}

/** nf_nat_inet_fn: a connection's first packet asks the nat chains; the others are translated by what was decided then. */
function natHook(run: Run, name: Hook, chains: readonly BaseChain[]): Passage | undefined {
  const before = run.packet;
  const ended = translateAt(run, name, chains);
  if (ended) return ended;
  // Whose destination is another now loses the route that it brought by lo (nf_nat_ipv4_pre_routing, nf_nat_ipv6_in).
  if (name === 'PREROUTING' && run.packet.dst !== before.dst) run.routeLost = true;
  return name === 'OUTPUT' ? reroute(run, before, true) : undefined;
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
    // Where no rule has connections tracked, an empty chain is never asked; but rules may be missing of what was not captured whole.
    const tracks = tracksConnections(run.namespace, run.packet.family);
    const nat = chains.filter((base) => base.isNat && (tracks || base.table.known !== 'whole'));
    const tables = run.packet.family === 4 ? run.namespace.netfilter : run.namespace.netfilter6;
    if (nat.length === 0 && tables.size > 0 && !isShown(tables.get('nat'), name) && run.namespace.nftKnown !== 'whole') {
      run.events.push({ kind: 'uncaptured', hook: name, tables: ['nat'], all: false, packet: run.packet, out: run.out });
      if (!passes(run, 'nat')) return lost(run, 'a rule that was not captured');
    }
    for (const base of nat) {
      const before = run.packet;
      const result = runTable(base, name, momentOf(run, name), run);
      take(run, result);
      // What has no source yet (DHCP) is not masqueraded (nf_nat_masquerade_ipv4).
      const isUnnamed = result.nat?.target === 'MASQUERADE' && run.packet.family === 4 && connection.original.src === 0n;
      const request = isUnnamed ? undefined : result.nat;
      let binding: Binding | undefined;
      if (request && result.verdict === 'ACCEPT') {
        const range = natRange(request, momentOf(run, name), manip);
        if (range === 'unknown') return unaddressed(run, request.target);
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
  // An error about it is translated and goes on (nf_nat_ipv4_fn, nf_nat_ipv6_fn).
  const leaves = name === 'POSTROUTING' && !reply && !isError;
  if (leaves && masqueradedBy !== undefined && masqueradedBy !== run.out) {
    // nf_nat_oif_changed: the address that it has belongs to another device.
    connection.dead = true;
    return end(
      run,
      'dropped',
      `its connection was masqueraded as it left by ${masqueradedBy}, and ends as it would leave by ${run.out}`,
    );
  }
  if (leaves && !staysMasqueraded(run, connection, chains))
    return lost(run, 'its connection may have been masqueraded as it left by another device');
  const before = run.packet;
  run.packet = isError ? translatedError(run.packet, connection, reply, manip) : translated(run.packet, connection, reply, manip);
  if (!named && changedAddress(before, run.packet))
    run.events.push({ kind: 'translate', manip, reply, connection, before, packet: run.packet, hook: name });
  return undefined;
}

/** Of a captured connection only its addresses are known, not what gave them to it. */
function staysMasqueraded(run: Run, connection: Connection, chains: readonly BaseChain[]): boolean {
  const { captured, sourceNat, reply } = connection;
  if (!captured || !sourceNat || run.out === undefined) return true;
  const given = formatAddress(run.packet.family, reply.dst);
  const by = [...run.namespace.devices.values()].filter(({ addresses }) => addresses.some(({ ip }) => ip === given));
  if (by.length === 0 || by.some(({ name }) => name === run.out) || !chains.some(masquerades)) return true;
  return askHidden(run, {
    key: 'masqueraded',
    likely: true,
    reason: `its connection has an address of ${by.map(({ name }) => name).join(', ')}: if MASQUERADE gave it that, it ends as it would leave by ${run.out}`,
    command: undefined,
  });
}

function masquerades({ table, isNat }: BaseChain): boolean {
  return isNat && [...table.chains.values()].some(({ rules }) => rules.some(({ target }) => target === 'MASQUERADE'));
}

/** Which address the kernel takes was not captured. */
function unaddressed(run: Run, target: string): Passage {
  const device = target === 'MASQUERADE' ? run.out : run.in;
  askHidden(run, {
    key: `address of ${device ?? ''}`,
    likely: true,
    reason: `the addresses of ${device ?? 'its device'} were not captured, of which ${target} takes one`,
    command: 'ip a',
  });
  return { ...end(run, 'insufficient-info', `the addresses of ${device ?? 'its device'} were not captured`), undetermined: true };
}

function changedAddress(a: IpPacket, b: IpPacket): boolean {
  return a.src !== b.src || a.dst !== b.dst || a.sport !== b.sport || a.dport !== b.dport || a.icmpId !== b.icmpId;
}
