import type { PacketDump, SeenPacket } from '../model/evidence';
import type { Namespace } from '../model/namespace';
import type { Network } from '../model/network';
import type { Listener } from '../model/sockets';
import type { Known, Source } from '../model/source';
import { get, type FlowKey } from '../packet/flow-key';
import { destinationIp, destinationMac, isIpv6, sourceIp, sourceMac, type Ending, type Step } from './step';
import { ipProtocolNumber } from '../packet/ip-protocols';

/** A walk as it ended, with its steps. */
export interface Walked {
  readonly ending: Ending;
  readonly steps: readonly Step[];
}

/**
 * Holds a walk to what people saw: where tcpdump listened on a device of the way, each step says whether the packet was seen there;
 * the end says whether the address that was reached has an owner and a listener, and what ping and traceroute showed. Evidence
 * proves that a packet was there, not how it came: it changes no step, but stands below it.
 */
export function withEvidence(network: Network, walked: Walked, isReply: boolean): Walked {
  const told = new Set<PacketDump>();
  const steps = walked.steps.map((step) => {
    const found = dumpsAt(network, step).filter(({ dump }) => !told.has(dump));
    for (const { dump } of found) told.add(dump);
    const notes = found.flatMap(({ dump }) => dumpNotes(step, dump));
    return notes.length === 0 ? step : { ...step, steps: [...step.steps, ...notes] };
  });
  const last = steps[steps.length - 1];
  if (last === undefined) return { ...walked, steps };
  // An answer is for the socket that asked, which no list of listeners shows.
  const listening = isReply ? undefined : listenerNote(network, walked.ending, last);
  const notes = [...ownerNotes(network, walked.ending, last), ...(listening?.notes ?? []), ...pingNotes(network, walked, last)];
  return {
    ending: listening?.summary === undefined ? walked.ending : { ...walked.ending, summary: listening.summary },
    steps: notes.length === 0 ? steps : [...steps.slice(0, -1), { ...last, steps: [...last.steps, ...notes] }],
  };
}

function note(step: Step, summary: string, evidence: readonly Source[], certainty: Step['certainty'] = 'captured'): Step {
  return {
    host: step.host,
    namespace: step.namespace,
    stage: step.stage,
    device: step.device,
    port: step.port,
    summary,
    certainty,
    packet: step.packet,
    evidence,
    steps: [],
  };
}

/** The dumps that were taken on the step's device, in its namespace or, where the name is one namespace's only, in that. */
function dumpsAt(network: Network, step: Step): { readonly dump: PacketDump }[] {
  const host = step.host === null ? undefined : network.hosts.get(step.host);
  if (host === undefined) return [];
  const names = new Set([step.device, step.port]);
  return [...host.namespaces.values()].flatMap((namespace) => {
    const here = namespace.name === (step.namespace ?? '');
    const elsewhere = !here && host.namespaces.get(step.namespace ?? '')?.devices.has(step.device) === true;
    if (elsewhere) return [];
    return namespace.evidence.dumps.flatMap((dump) => (dump.dev !== undefined && names.has(dump.dev) ? [{ dump }] : []));
  });
}

function dumpNotes(step: Step, dump: PacketDump): Step[] {
  const seen = dump.packets.filter((packet) => isSame(step.packet, packet));
  const [first] = seen;
  const dev = dump.dev ?? step.device;
  if (first !== undefined) {
    const times = seen.length === 1 ? '' : ` ${seen.length} times`;
    return [
      note(
        step,
        `tcpdump saw such a packet on ${dev}${times}: ${short(first.text)}`,
        seen.slice(0, 3).map(({ source }) => source),
      ),
    ];
  }
  if (!dump.whole || !passesFilter(step.packet, dump.filter)) return [];
  // What is shown by names, or in part, may have been such a packet.
  if (dump.packets.some((packet) => mayBeSame(step.packet, packet))) return [];
  const others =
    dump.packets.length === 0 ? 'none at all' : `only ${dump.packets.length} other${dump.packets.length === 1 ? '' : 's'}`;
  return [
    note(step, `tcpdump on ${dev} saw no such packet, ${others}: if it was sent then, it did not come this far`, [dump.source]),
  ];
}

function short(text: string): string {
  const plain = text.trim().replace(/\s+/g, ' ');
  return plain.length > 120 ? `${plain.slice(0, 119)}…` : plain;
}

/** Whether what tcpdump printed fits the packet: its addresses, then protocol and ports as far as both are known. */
function isSame(packet: FlowKey, seen: SeenPacket): boolean {
  const isArp = get(packet, 'dl_type') === 0x806n;
  if ((seen.ethertype === 'arp') !== isArp) return false;
  // An answer of ARP is printed without the one who asked.
  if (isArp && seen.what === 'reply' && seen.dst === undefined)
    return get(packet, 'arp_op') === 2n && seen.src === sourceIp(packet);
  if (seen.src !== undefined && seen.dst !== undefined) {
    if (seen.src !== sourceIp(packet) || seen.dst !== destinationIp(packet)) return false;
  } else if (seen.macSrc === undefined || seen.macDst === undefined || seen.src !== undefined || seen.dst !== undefined)
    return false;
  if (seen.src === undefined && (seen.macSrc !== sourceMac(packet) || seen.macDst !== destinationMac(packet))) return false;
  if (isArp) return true;
  const number = seen.protocol === undefined ? undefined : ipProtocolNumber(seen.protocol);
  if (number !== undefined && BigInt(number) !== get(packet, 'nw_proto')) return false;
  const port = get(packet, 'tp_dst');
  return number !== 6 && number !== 17 ? true : seen.dport === undefined || port === 0n || BigInt(seen.dport) === port;
}

/** Frames that bridges, switches and cards send for themselves. */
const NO_PACKET = /\b(?:STP|LLDP|CDP|EAPOL|IS-IS|LACP|Loopback|802\.1[dwsD])\b/;

/** Whether nothing that tcpdump printed tells it apart from the packet. */
function mayBeSame(packet: FlowKey, seen: SeenPacket): boolean {
  const isArp = get(packet, 'dl_type') === 0x806n;
  if (seen.ethertype === undefined ? NO_PACKET.test(seen.text) : isArp !== (seen.ethertype === 'arp')) return false;
  if (seen.src !== undefined && seen.src !== sourceIp(packet)) return false;
  if (seen.dst !== undefined && seen.dst !== destinationIp(packet)) return false;
  if (isArp) return seen.what !== (get(packet, 'arp_op') === 2n ? 'request' : 'reply');
  const number = seen.protocol === undefined ? undefined : ipProtocolNumber(seen.protocol);
  if (number !== undefined && BigInt(number) !== get(packet, 'nw_proto')) return false;
  const port = get(packet, 'tp_dst');
  return seen.dport === undefined || port === 0n || BigInt(seen.dport) === port;
}

/** Whether a filter certainly lets the packet through: none, or one that names its protocol or an address of it. */
function passesFilter(packet: FlowKey, filter: string | undefined): boolean {
  if (filter === undefined) return true;
  const protocol = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6' }[Number(get(packet, 'nw_proto'))];
  const plain = filter.replace(/['"\\]/g, '').trim();
  if (plain === protocol || plain === (isIpv6(packet) ? 'ip6' : 'ip')) return true;
  const host = /^host (\S+)$/.exec(plain)?.[1];
  return host !== undefined && (host === sourceIp(packet) || host === destinationIp(packet));
}

/** Whether the kernel where the packet was delivered answers it with TCP's reset: no captured program waits there, and all were captured. */
export function isRefused(network: Network, ending: Ending): boolean {
  return refusedProtocol(network, ending) === 'tcp';
}

/** The protocol of a packet that was delivered where nobody waits for it; undefined for others, and where that was not captured. */
export function refusedProtocol(network: Network, ending: Ending): 'tcp' | 'udp' | undefined {
  const waiting = waitingAt(network, ending);
  return waiting?.listeners.length === 0 && waiting.known === 'whole' ? waiting.protocol : undefined;
}

interface Waiting {
  readonly namespace: Namespace;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly listeners: readonly Listener[];
  readonly known: Known;
}

/** Who waits for a packet that was delivered to a machine's own address; undefined where that is no question. */
function waitingAt(network: Network, ending: Ending): Waiting | undefined {
  const protocol = { 6: 'tcp', 17: 'udp' }[Number(get(ending.packet, 'nw_proto'))] as 'tcp' | 'udp' | undefined;
  const port = Number(get(ending.packet, 'tp_dst'));
  if (ending.disposition !== 'delivered' || protocol === undefined || port === 0) return undefined;
  const place = ending.back;
  const guest = place?.kind === 'instance' ? network.instances.find(({ name }) => name === place.name)?.guest : undefined;
  const where = place?.kind === 'namespace-local' ? place : guest === undefined ? undefined : { host: guest, namespace: '' };
  const namespace = where === undefined ? undefined : network.hosts.get(where.host)?.namespaces.get(where.namespace);
  if (namespace === undefined) return undefined;
  const ip = destinationIp(ending.packet);
  const vrf = place?.kind === 'namespace-local' ? place.vrf : undefined;
  const listeners = namespace.listeners.filter(
    (listener) => takes(listener, protocol, port, ip) && isInVrf(namespace, listener, protocol, vrf),
  );
  return { namespace, protocol, port, listeners, known: namespace.listenersKnown[protocol] };
}

/** Where a packet was delivered to a machine's own address: whether somebody there waits for it. */
function listenerNote(
  network: Network,
  ending: Ending,
  last: Step,
): { readonly notes: readonly Step[]; readonly summary: string | undefined } | undefined {
  const waiting = waitingAt(network, ending);
  if (waiting === undefined) return undefined;
  const { namespace, protocol, port, listeners, known } = waiting;
  const [first] = listeners;
  if (first !== undefined) {
    const who = first.process ?? 'a process';
    const bound = first.dev === undefined ? '' : ` on ${first.dev} only`;
    return {
      notes: [note(last, `${who} waits for ${protocol} packets to ${first.ip} port ${port}${bound}`, [first.source])],
      summary: undefined,
    };
  }
  if (known !== 'whole') return undefined;
  const answer = protocol === 'tcp' ? 'a reset' : 'an ICMP error';
  const text = `nobody there waits for ${protocol} packets to port ${port}: the kernel answers with ${answer}`;
  return { notes: [note(last, text, namespace.sources.slice(0, 1), 'inferred')], summary: `${ending.summary}; ${text}` };
}

function takes(listener: Listener, protocol: string, port: number, ip: string): boolean {
  const every = listener.ip === '*' || listener.ip === (ip.includes(':') ? '::' : '0.0.0.0');
  return (
    listener.protocol === protocol && (listener.port === undefined || listener.port === port) && (every || listener.ip === ip)
  );
}

/** A socket that is bound to no VRF takes packets of one only where the system says so; one that is bound to a VRF takes those of it alone. */
function isInVrf(namespace: Namespace, { dev }: Listener, protocol: 'tcp' | 'udp', vrf: string | undefined): boolean {
  if (dev !== undefined) return namespace.devices.get(dev)?.type !== 'vrf' || dev === vrf;
  return vrf === undefined || namespace.sysctls.get(`net.ipv4.${protocol}_l3mdev_accept`)?.value === '1';
}

/** Who has the address that the packet ends at, or goes to, as Docker and Kubernetes say. */
function ownerNotes(network: Network, ending: Ending, last: Step): Step[] {
  const ip = destinationIp(ending.packet);
  return network.owners
    .filter((owner) => owner.ip === ip)
    .slice(0, 3)
    .map((owner) => {
      const of =
        owner.of === undefined ? '' : owner.what === 'container' ? ` of network ${owner.of}` : ` of namespace ${owner.of}`;
      const what = owner.what === 'endpoint' ? 'an endpoint of' : owner.what;
      return note(last, `${ip} is ${what} ${owner.name}${of}${owner.node === undefined ? '' : ` on ${owner.node}`}`, [
        owner.source,
      ]);
    });
}

/** What ping and traceroute from where the walk began showed of the address that it goes to. */
function pingNotes(network: Network, walked: Walked, last: Step): Step[] {
  const [first] = walked.steps;
  const host = first?.host === null || first === undefined ? undefined : network.hosts.get(first.host);
  const namespace = host?.namespaces.get(first?.namespace ?? '');
  if (first === undefined || namespace === undefined) return [];
  const ip = destinationIp(first.packet);
  const pings = namespace.evidence.pings.filter(({ target }) => target === ip);
  const routes = namespace.evidence.routes.filter(({ target }) => target === ip);
  return [
    ...pings
      .slice(0, 2)
      .map(({ replies, source }) =>
        note(
          last,
          replies === 0
            ? `ping from ${host?.name ?? ''} got no answer of ${ip}`
            : `ping from ${host?.name ?? ''} got ${replies === 1 ? 'an answer' : `${replies} answers`} of ${ip}`,
          [source],
        ),
      ),
    ...routes.slice(0, 2).map(({ hops, reached, source }) => {
      const way = hops.map(({ ips }) => ips[0] ?? '*').join(', ');
      return note(last, `traceroute from ${host?.name ?? ''} to ${ip} ${reached ? 'arrived' : 'did not arrive'}: ${way}`, [
        source,
      ]);
    }),
  ];
}
