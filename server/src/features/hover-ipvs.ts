import type { IpvsConnectionFact, IpvsEnd, IpvsForward, IpvsServerFact, IpvsServiceFact } from '../captures/ipvs-facts';
import type { IpvsService } from '../model/ipvs';
import type { Namespace } from '../model/namespace';
import type { Locus } from './entity';
import { code, count, escape, section } from './markdown';
import { ownersOf } from '../model/owners';
import type { World } from './world';

const FORWARDS: Readonly<Record<IpvsForward, string>> = {
  Masq: 'NAT (Masq): the packet gets its address and port; its answers must come back this way, where they get the address of the service',
  Route:
    'direct routing (Route): the packet stays as it is and goes to its MAC address; it needs the address of the service itself, and answers on its own',
  Tunnel:
    'tunnel: the packet goes to it inside another one; it needs a tunnel device and the address of the service itself, and answers on its own',
  Local: 'this machine itself (Local)',
  other: 'a way that the kernel’s IPVS does not have',
};

const SCHEDULERS: Readonly<Record<string, string>> = {
  rr: 'each in turn',
  wrr: 'each in turn, more often the heavier ones',
  lc: 'who has the fewest connections',
  wlc: 'who has the fewest connections for its weight',
  lblc: 'the same server for the same destination, unless it has too many connections',
  lblcr: 'a set of servers for each destination',
  dh: 'by a hash of the destination',
  sh: 'by a hash of the client',
  mh: 'by a consistent hash of the client (Maglev)',
  sed: 'the shortest expected delay',
  nq: 'an idle server, else the shortest expected delay',
  fo: 'the heaviest server, as long as it is not overloaded',
  ovf: 'the heaviest server, until it has as many connections as its weight',
  twos: 'the better of two taken by chance',
};

/** An end as its list prints it. */
export function ipvsEndText({ ip, shown, port }: IpvsEnd): string {
  const address = ip?.value ?? shown;
  return `${address.includes(':') ? `[${address}]` : address}:${port?.value ?? '?'}`;
}

/** A service in words: `TCP 10.0.0.100:80`, `mark 7`. */
export function ipvsServiceName({ mark, family, protocol, end }: IpvsServiceFact): string {
  if (mark) return `mark ${mark.value}${family === 6 ? ' (IPv6)' : ''}`;
  return `${protocol?.value ?? ''} ${end ? ipvsEndText(end) : '?'}`;
}

function modelOf(namespace: Namespace | undefined, fact: IpvsServiceFact): IpvsService | undefined {
  return namespace?.ipvs.services.find((one) =>
    fact.mark
      ? one.mark === fact.mark.value && one.family === fact.family
      : one.protocol === fact.protocol?.value && one.ip === fact.end?.ip?.value && one.port === fact.end?.port?.value,
  );
}

/** A virtual service: what it takes, how it chooses, and who is behind it. */
export function describeIpvsService(locus: Locus, fact: IpvsServiceFact): string {
  const service = modelOf(locus.host?.namespaces.get(locus.namespace), fact);
  const usable = service?.servers.filter(({ weight }) => weight !== 0) ?? [];
  const scheduler = fact.scheduler?.value ?? service?.scheduler;
  const persistent = fact.persistent?.value ?? service?.persistent;
  return section(`Virtual service ${escape(ipvsServiceName(fact))}`, [
    fact.mark
      ? `Takes every packet with that mark`
      : 'Takes new connections to that address before any socket of this machine does',
    scheduler === undefined
      ? undefined
      : `Scheduler ${code(scheduler)}${SCHEDULERS[scheduler] === undefined ? '' : `: ${SCHEDULERS[scheduler]}`}`,
    persistent === undefined
      ? undefined
      : `Persistent: a client stays with its server for ${persistent} s after its last connection`,
    fact.onePacket ? 'Every UDP packet is scheduled anew (ops)' : undefined,
    service === undefined
      ? undefined
      : service.servers.length === 0
        ? 'No server: packets are refused, port unreachable'
        : usable.length === 0
          ? 'The weight of every server is 0: new connections are refused, port unreachable'
          : `${count(usable.length, 'server')} for new connections${usable.length < service.servers.length ? `, ${service.servers.length - usable.length} with weight 0` : ''}`,
  ]);
}

/** A real server: how packets get to it, and who has its address. */
export function describeIpvsServer(world: World, fact: IpvsServerFact): string {
  const ip = fact.end.ip?.value;
  const owners = ip === undefined ? [] : ownersOf(world.network, ip);
  return section(`Real server ${escape(ipvsEndText(fact.end))}`, [
    `Of virtual service ${code(ipvsServiceName(fact.service))}`,
    fact.forward ? `Reached by ${escape(FORWARDS[fact.forward.value])}` : undefined,
    fact.weight === undefined
      ? undefined
      : fact.weight.value === 0
        ? 'Weight 0: it gets no new connections, those that it has go on'
        : `Weight ${fact.weight.value}`,
    owners.length === 0 ? undefined : `The address is that of ${owners.map((owner) => escape(owner)).join(', ')}`,
  ]);
}

/** A connection of IPVS, or a template of persistence. */
export function describeIpvsConnection({ protocol, state, client, virtual, server }: IpvsConnectionFact): string {
  const isTemplate = client.port?.value === 0;
  return section(isTemplate ? 'Template of persistence' : `${escape(protocol.value)} connection of IPVS`, [
    isTemplate
      ? `New connections of client ${code(client.ip?.value ?? client.shown)} to ${protocol.value === 'IP' ? 'the service of its mark' : code(ipvsEndText(virtual))} go to ${code(ipvsEndText(server))}`
      : `${code(ipvsEndText(client))} → ${code(ipvsEndText(virtual))}, which ${code(ipvsEndText(server))} serves`,
    isTemplate ? undefined : `State ${escape(state.value)}`,
  ]);
}
