import { askChance, askHidden } from './decide';
import type { IpvsServer, IpvsService } from '../model/ipvs';
import type { Source } from '../model/source';
import { holdsServices } from '../model/known-names';
import { serverText, serviceText } from '../model/ipvs';
import { formatAddress, PROTO, TCP, type IpPacket } from './packet';
import { parseIp } from '../packet/address';
import { capturedIpvs, entryAnswered, entryOf, isServed, type IpvsEntry } from './ipvs-connections';
import { candidatesOf, letsPass, portAt, serviceFor, templateFor } from './ipvs-service';
import { answer, end, lost, untrack, type IpvsTold, type Passage, type Run } from './passage';
import { askAgain } from './route-output';
import { tracksConnections } from './tracks';
import type { Hook } from './matches';

/**
 * Where IPVS stands among the chains: behind the filter of what is for this host and before its NAT of sources, behind the NAT of
 * destinations of what this host sends, and behind the filter of what it hands on, where it knows answers (ip_vs_ops4, ip_vs_ops6).
 */
export const IPVS_PRIORITY: Readonly<Partial<Record<Hook, number>>> = { INPUT: 98, OUTPUT: -99, FORWARD: 100 };

const PROTOCOLS: ReadonlySet<number> = new Set([PROTO.TCP, PROTO.UDP, PROTO.SCTP]);

/** Lets IPVS look at a packet; the end of its way here where IPVS takes or refuses it (ip_vs_out_hook, ip_vs_in_hook). */
export function passIpvs(run: Run, hook: Hook): Passage | undefined {
  const { packet, namespace } = run;
  if (run.byIpvs || !PROTOCOLS.has(packet.proto) || packet.fragment) return undefined;
  const { ipvs } = namespace;
  const known = ipvs.known !== 'absent' || ipvs.connections.length > 0;
  if (setting(run, 'backup_only') === '1' && ipvs.known !== 'absent') return undefined;
  if (known) {
    const answered = entryAnswered(allEntries(run), packet) ?? (hook === 'OUTPUT' ? undefined : likelyAnswered(run));
    if (answered) return comesBack(run, answered, hook);
  }
  if (hook === 'FORWARD' || (packet.frame !== 'host' && hook !== 'OUTPUT')) return undefined;
  const entry = known ? entryOf(allEntries(run), packet) : undefined;
  if (entry) {
    const found = goesOn(run, hook, entry);
    if (found !== 'schedule') return found;
  }
  if (!isScheduled(run)) return undefined;
  const service = serviceFor(namespace, packet, markOf(run));
  if (service) return serve(run, hook, service);
  return ipvs.known === 'whole' ? undefined : maybeServed(run, hook);
}

/** Notes what IPVS does. */
function tell(run: Run, what: IpvsTold['what'], text: string, told: Partial<IpvsTold> & Pick<IpvsTold, 'certainty'>): void {
  const { packet, out } = run;
  run.events.push({
    kind: 'ipvs',
    what,
    text,
    before: packet,
    packet,
    out,
    evidence: [],
    reason: undefined,
    choices: [],
    ...told,
  });
}

function evidence(source: Source | undefined): readonly Source[] {
  return source === undefined ? [] : [source];
}

/** A setting of net.ipv4.vs, where it was captured. */
function setting({ namespace }: Run, name: string): string | undefined {
  return namespace.sysctls.get(`net.ipv4.vs.${name}`)?.value;
}

/** Whether a setting is on. Where it was not captured it is asked for: kube-proxy changes some. */
function isOn(run: Run, name: string, byKubeProxy = false): boolean {
  const known = setting(run, name);
  if (known !== undefined) return known !== '0';
  const kube = [...run.namespace.devices.keys()].some(holdsServices);
  return askHidden(run, {
    key: `vs.${name}`,
    likely: kube && byKubeProxy,
    certainty: kube ? 'inferred' : 'assumed',
    reason: `net.ipv4.vs.${name} was not captured; taken to be ${kube && byKubeProxy ? '1, as kube-proxy sets it' : '0'}`,
    command: `sysctl net.ipv4.vs.${name}`,
  });
}

/** Whether the packets of a new connection stay with connection tracking (IP_VS_CONN_F_NFCT). Where nothing is tracked it makes no difference. */
function isTracked(run: Run): boolean {
  const { family } = run.packet;
  const { netfilter, netfilter6, nftKnown } = run.namespace;
  // Rules that nobody captured may have them tracked.
  const mayTrack = nftKnown !== 'whole' && (family === 4 ? netfilter : netfilter6).size === 0;
  return (mayTrack || tracksConnections(run.namespace, family)) && isOn(run, 'conntrack', true);
}

function allEntries(run: Run): readonly IpvsEntry[] {
  return [...capturedIpvs(run.namespace).entries, ...run.input.connections.ipvs];
}

function markOf(run: Run): number | undefined {
  const marks = run.namespace.ipvs.services.flatMap(({ mark }) => mark ?? []);
  if (run.packet.mark !== undefined || marks.length === 0) return run.packet.mark;
  const has = askHidden(run, {
    key: 'mark for IPVS',
    likely: false,
    reason: `the mark of the packet is not known, by which IPVS may serve it (${marks.join(', ')}); taken to be another`,
    command: 'iptables-save',
  });
  return has ? marks[0] : undefined;
}

/** Only a packet that begins a connection is given to a server (tcp_conn_schedule). */
function isScheduled(run: Run): boolean {
  const { proto, tcpFlags, sport } = run.packet;
  // FTP's servers open the connection for data themselves (ip_vs_schedule).
  if (sport === 20) return false;
  if (proto !== PROTO.TCP) return run.tracking?.reply !== true || run.namespace.ipvs.known !== 'absent';
  return ((tcpFlags & TCP.SYN) !== 0 || setting(run, 'sloppy_tcp') === '1') && (tcpFlags & TCP.RST) === 0;
}

/** What no captured list has a service for, where none was captured whole: it may be for one. */
function maybeServed(run: Run, hook: Hook): Passage | undefined {
  const { namespace, packet } = run;
  const devices = [...namespace.devices.values()];
  const destination = formatAddress(packet.family, packet.dst);
  if (hook === 'OUTPUT' && run.out !== 'lo') return undefined;
  if (run.tracking?.reply === true) return undefined;
  const isKube = namespace.ipvs.known === 'absent' && devices.some(({ name }) => holdsServices(name));
  const isHeld =
    isKube && devices.some(({ name, addresses }) => holdsServices(name) && addresses.some(({ ip }) => ip === destination));
  // The ports of all nodes by which services are reached (--service-node-port-range).
  const isNodePort = isKube && packet.dport !== undefined && packet.dport >= 30000 && packet.dport <= 32767;
  const likely = isHeld || isNodePort;
  const isLoaded = [...namespace.sysctls.keys()].some((name) => name.startsWith('net.ipv4.vs.'));
  if (!likely && !isLoaded && namespace.ipvs.known === 'absent') return undefined;
  const reason = likely
    ? `kube-proxy keeps the addresses of services on kube-ipvs0, and serves the ports of nodes as well: which servers IPVS has for ${destination} was not captured`
    : namespace.ipvs.known === 'absent'
      ? `IPVS is loaded here, and whether it has a service for ${destination} was not captured; taken to have none`
      : `not all services of IPVS were captured: one for ${destination} may be among them; taken to have none`;
  const isServedHere = askHidden(run, {
    key: 'ipvs',
    likely,
    certainty: 'inferred',
    reason,
    command: 'ipvsadm -Ln',
  });
  if (!isServedHere) return undefined;
  const text = `${destination} is served by IPVS here, which hands the packet to one of its servers: which ones it has was not captured`;
  tell(run, 'open', text, { evidence: [], certainty: 'inferred', reason });
  return likely ? { ...end(run, 'insufficient-info', text), undetermined: true } : lost(run, text);
}

/** A new connection is given to a server of the service (ip_vs_schedule, ip_vs_sched_persist). */
function serve(run: Run, hook: Hook, service: IpvsService): Passage | undefined {
  const { packet, namespace } = run;
  if (service.persistent === undefined && service.mark === undefined && packet.dport !== service.port)
    return letsPass(service, packet) ? undefined : refuse(run, service, 'only a persistent service may have every port');
  const template = service.persistent === undefined ? undefined : templateFor(namespace, service, packet);
  const kept =
    template &&
    service.servers.find(
      ({ ip, port }) =>
        ip !== undefined &&
        parseIp(ip)?.value === template.server &&
        (port === template.serverPort || template.serverPort === 0 || port === 0),
    );
  const isQuiet = kept?.weight === 0 && isOn(run, 'expire_quiescent_template', true);
  if (kept && template && !isQuiet) {
    const why = `persistence (${service.persistent ?? 0} s) keeps its client with that server${kept.weight === 0 ? ', although its weight is 0' : ''}`;
    return give(run, hook, service, kept, { why, source: template.source, choices: [] });
  }
  const { servers, reason, mayMiss } = candidatesOf(service);
  if (service.persistent !== undefined && namespace.ipvs.connectionsKnown !== 'whole' && mayBeKept(run, service))
    return lost(run, `the template of persistence of its client may lead to another server of ${serviceText(service)}`);
  if (servers.length === 0) return noServer(run, service);
  if (mayMiss && missesByHash(run, service)) return refuse(run, service, 'the hash leads to a server whose weight is 0');
  const server = choose(run, service, servers, reason);
  const [only, ...more] = servers;
  const choices = only && more.length === 0 ? [] : servers.map(serverText);
  const forced = run.input.ipvsServer === undefined ? undefined : `${reason}; this is one of ${servers.length}`;
  return give(run, hook, service, server, {
    why: choices.length === 0 ? undefined : (forced ?? reason),
    source: undefined,
    choices,
  });
}

function mayBeKept(run: Run, service: IpvsService): boolean {
  const away = service.servers.filter(({ weight }) => weight === 0);
  if (away.length === 0) return false;
  return askHidden(run, {
    key: 'ipvs template',
    likely: false,
    reason: `${serviceText(service)} is persistent: its client may be kept with a server that gets nothing new (${away.map(serverText).join(', ')}); taken to be new`,
    command: 'ipvsadm -Lnc',
  });
}

function missesByHash(run: Run, service: IpvsService): boolean {
  return askChance(run, {
    key: 'ipvs hash',
    likely: false,
    reason: `${serviceText(service)} is scheduled by a hash, which may lead to a server whose weight is 0: the packet is refused then`,
  });
}

/** Which of several servers gets the packet, chance decides, or what came before. */
function choose(run: Run, service: IpvsService, servers: readonly IpvsServer[], reason: string): IpvsServer {
  const forced = servers.find((server) => serverText(server) === run.input.ipvsServer);
  const [first, ...others] = servers;
  if (forced) return forced;
  for (const server of servers.slice(0, -1)) {
    const takes = askChance(run, {
      key: `ipvs ${serverText(server)}`,
      likely: true,
      reason: `${serviceText(service)} has ${servers.length} servers: ${reason}`,
    });
    if (takes) return server;
  }
  const last = others.at(-1) ?? first;
  if (!last) throw new Error('a service without servers has nothing to choose');
  return last;
}

interface By {
  readonly why: string | undefined;
  readonly source: IpvsService['source'] | undefined;
  readonly choices: readonly string[];
}

function give(run: Run, hook: Hook, service: IpvsService, server: IpvsServer, by: By): Passage | undefined {
  const { packet, namespace } = run;
  const address = server.ip === undefined ? undefined : parseIp(server.ip);
  const port = portAt(service, server, packet);
  const isOther = server.forward === undefined || server.forward === 'other';
  const name = `${serviceText(service)}${service.scheduler === undefined ? '' : ` (${service.scheduler})`}`;
  if (!address || address.family !== packet.family || port === undefined || packet.dport === undefined || isOther) {
    if (address && address.family !== packet.family)
      return unknown(
        run,
        service,
        `${name} takes the packet, whose server ${server.shown} has the other version of IP: that is not followed`,
      );
    const what = !address
      ? `the address of its server ${server.shown}`
      : port === undefined
        ? `the port of its server ${server.shown}`
        : server.forward === 'other'
          ? 'how its server is reached: the list is not of the kernel’s IPVS'
          : 'how IPVS reaches its server';
    return unknown(run, service, `${name} takes the packet, but ${what} was not captured`);
  }
  const entry: IpvsEntry = {
    family: packet.family,
    proto: packet.proto,
    client: packet.src,
    clientPort: packet.sport,
    virtual: packet.dst,
    virtualPort: packet.dport,
    server: address.value,
    serverPort: port,
    forward: server.forward,
    tracked: isTracked(run),
    state: packet.proto === PROTO.TCP ? 'SYN_RECV' : undefined,
    source: server.source,
  };
  // Of a service that schedules every packet anew, no connection is kept (IP_VS_CONN_F_ONE_PACKET).
  if (!(service.onePacket && packet.proto === PROTO.UDP)) run.input.connections.ipvs.push(entry);
  const few =
    namespace.ipvs.known === 'whole' || by.source !== undefined || by.choices.length > 0
      ? undefined
      : mayHaveMore(run, service, server);
  if (few === 'other') return lost(run, `another server of ${name} may get it`);
  const reason = by.why;
  return run.carry(run, hook, entry, {
    text: `${name} hands it to ${serverText({ ...server, port })}`,
    evidence: [service.source, by.source ?? server.source],
    certainty:
      reason === undefined ? 'captured' : by.choices.length > 0 && run.input.ipvsServer === undefined ? 'assumed' : 'inferred',
    reason,
    choices: by.choices,
  });
}

/** Of a list that was cut or filtered, servers may be missing. */
function mayHaveMore(run: Run, service: IpvsService, server: IpvsServer): 'other' | undefined {
  if (service.isWhole) return undefined;
  const isOnly = askHidden(run, {
    key: 'ipvs others',
    likely: true,
    reason: `the list of IPVS was not captured whole: ${serviceText(service)} may have other servers than ${serverText(server)}`,
    command: 'ipvsadm -Ln',
  });
  return isOnly ? undefined : 'other';
}

function unknown(run: Run, service: IpvsService, text: string): Passage {
  askHidden(run, {
    key: 'ipvs server',
    likely: true,
    reason: text,
    command: 'ipvsadm -Ln',
  });
  tell(run, 'open', text, { evidence: evidence(service.source), certainty: 'assumed' });
  return { ...end(run, 'insufficient-info', text), undetermined: true };
}

function noServer(run: Run, service: IpvsService): Passage | undefined {
  if (letsPass(service, run.packet)) return undefined;
  if (service.isWhole) {
    if (service.mark !== undefined && setting(run, 'cache_bypass') === '1')
      return unknown(
        run,
        service,
        `${serviceText(service)} has no server, and sends packets on to where they were for (cache_bypass), which is not followed`,
      );
    return refuse(run, service, service.servers.length === 0 ? 'it has no server' : 'the weight of every server is 0');
  }
  return unknown(run, service, `No server of ${serviceText(service)} was captured that takes new connections`);
}

/** Nobody takes it: its sender is told that the port is unreachable (ip_vs_leave). */
function refuse(run: Run, service: IpvsService, why: string): Passage {
  const { packet } = run;
  const text = `${serviceText(service)} takes the packet, but ${why}`;
  tell(run, 'refused', text, { evidence: evidence(service.source), certainty: 'captured' });
  answer(
    run,
    packet.family === 4
      ? { type: 3, code: 3, name: 'icmp-port-unreachable' }
      : { type: 1, code: 4, name: 'icmp6-port-unreachable' },
    'INPUT',
  );
  return end(run, 'rejected', `IPVS: ${text}`);
}

/** A packet of a connection that there is. */
function goesOn(run: Run, hook: Hook, entry: IpvsEntry): Passage | undefined | 'schedule' {
  const { namespace, packet } = run;
  const { ipvs } = namespace;
  const isNew = packet.proto === PROTO.TCP && (packet.tcpFlags & TCP.SYN) !== 0;
  // One that has ended makes room for a new one (is_new_conn_expected).
  if (isNew && entry.state === 'TIME_WAIT' && setting(run, 'conn_reuse_mode') !== '0') return 'schedule';
  const text = `${serverText({ ip: formatAddress(packet.family, entry.server), shown: '', port: entry.serverPort })} has its connection`;
  const own = run.input.connections.ipvs.includes(entry);
  if (!own && ipvs.known === 'whole' && !isServed(namespace, entry)) {
    if (isOn(run, 'expire_nodest_conn', true)) return 'schedule';
    const why = `${text}, but is no server of a service any more`;
    tell(run, 'dropped', why, { evidence: evidence(entry.source), certainty: 'captured' });
    return end(run, 'dropped', `IPVS: ${why}`);
  }
  if (entry.forward === undefined || entry.forward === 'other') {
    const service = serviceFor(namespace, packet, packet.mark);
    const why = `${text}, but how IPVS reaches it was not captured`;
    if (service) return unknown(run, service, why);
    askHidden(run, {
      key: 'ipvs server',
      likely: true,
      reason: why,
      command: 'ipvsadm -Ln',
    });
    return { ...end(run, 'insufficient-info', why), undetermined: true };
  }
  const tracked = entry.tracked ?? isTracked(run);
  return run.carry(
    run,
    hook,
    { ...entry, tracked },
    { text, evidence: evidence(entry.source), certainty: 'captured', reason: undefined, choices: [] },
  );
}

/** Without its connections nobody knows to which of them what comes from a server belongs; an answer certainly does to one. */
function likelyAnswered(run: Run): IpvsEntry | undefined {
  const { namespace, packet, tracking } = run;
  if (namespace.ipvs.connectionsKnown === 'whole' || packet.sport === undefined || packet.dport === undefined) return undefined;
  // What connection tracking knows was not sent to a service; IPVS takes its packets out of it unless it is told otherwise.
  if (tracking?.connection && !tracking.connection.invented && tracking.connection.confirmed) return undefined;
  const isAnswer = packet.proto === PROTO.TCP ? (packet.tcpFlags & TCP.ACK) !== 0 && (packet.tcpFlags & TCP.RST) === 0 : true;
  if (!isAnswer) return undefined;
  const [service, ...others] = namespace.ipvs.services.filter(
    (one) =>
      one.protocol !== undefined &&
      one.family === packet.family &&
      one.servers.some(
        ({ ip, port, forward }) =>
          forward === 'Masq' && ip !== undefined && parseIp(ip)?.value === packet.src && port === packet.sport,
      ),
  );
  const virtual = service?.ip === undefined ? undefined : parseIp(service.ip);
  if (!service || !virtual || service.port === undefined || !isProtocol(service, packet)) return undefined;
  const takes = askHidden(run, {
    key: 'ipvs answer',
    likely: true,
    reason: `the connections of IPVS were not captured: what ${serverText({ ip: formatAddress(packet.family, packet.src), shown: '', port: packet.sport })} sends is taken for an answer of ${serviceText(service)}${others.length > 0 ? ', one of the services that it is a server of' : ''}`,
    command: 'ipvsadm -Lnc',
  });
  if (!takes) return undefined;
  return {
    family: packet.family,
    proto: packet.proto,
    client: packet.dst,
    clientPort: packet.dport,
    virtual: virtual.value,
    virtualPort: service.port,
    server: packet.src,
    serverPort: packet.sport,
    forward: 'Masq',
    tracked: undefined,
    state: undefined,
    source: service.source,
  };
}

function isProtocol({ protocol }: IpvsService, { proto }: IpPacket): boolean {
  return (
    (protocol === 'TCP' && proto === PROTO.TCP) ||
    (protocol === 'UDP' && proto === PROTO.UDP) ||
    (protocol === 'SCTP' && proto === PROTO.SCTP)
  );
}

/** A server's answer gets the service's address back (handle_response). */
function comesBack(run: Run, entry: IpvsEntry, hook: Hook): Passage | undefined {
  const before = run.packet;
  const isNat = entry.forward === 'Masq';
  if (isNat) run.packet = { ...before, src: entry.virtual, sport: entry.virtualPort };
  run.byIpvs = true;
  if (!(entry.tracked ?? isTracked(run))) untrack(run);
  if (!isNat) return undefined;
  tell(run, 'answer', 'the answer gets the address of the service', {
    hook,
    evidence: evidence(entry.source),
    certainty: 'captured',
    before,
  });
  return hook === 'INPUT' || run.physOut !== undefined || setting(run, 'snat_reroute') === '0'
    ? undefined
    : askAgain(run, before);
}
