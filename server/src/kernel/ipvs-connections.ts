import type { IpvsForward } from '../captures/ipvs-facts';
import type { IpvsServer, IpvsService } from '../model/ipvs';
import type { Namespace } from '../model/namespace';
import type { Source } from '../model/source';
import { parseIp } from '../packet/address';
import { PROTO, type IpPacket } from './packet';

/** A connection of IPVS: whom it is for, and which server has it (struct ip_vs_conn). */
export interface IpvsEntry {
  readonly family: 4 | 6;
  readonly proto: number;
  readonly client: bigint;
  /** Undefined where NAT chose a port that nobody can foretell. */
  readonly clientPort: number | undefined;
  readonly virtual: bigint;
  readonly virtualPort: number;
  readonly server: bigint;
  readonly serverPort: number;
  /** Undefined for a captured connection whose server no captured service has. */
  readonly forward: IpvsForward | undefined;
  /** Its packets stay with connection tracking (`net.ipv4.vs.conntrack`). */
  readonly tracked: boolean | undefined;
  /** Of TCP, as captured. */
  readonly state: string | undefined;
  readonly source: Source | undefined;
}

/** A template of persistence: where the next connection of a client goes. */
export interface IpvsTemplate {
  readonly proto: number;
  readonly client: bigint;
  /** Undefined for a service by mark. */
  readonly virtual: bigint | undefined;
  readonly mark: number | undefined;
  readonly port: number;
  readonly server: bigint;
  readonly serverPort: number;
  readonly source: Source;
}

const PROTOCOLS: Readonly<Record<string, number>> = { TCP: PROTO.TCP, UDP: PROTO.UDP, SCTP: PROTO.SCTP, SCT: PROTO.SCTP, IP: 0 };

/** The number of a protocol that IPVS serves, by its name. */
export function ipvsProtocol(name: string | undefined): number | undefined {
  return name === undefined ? undefined : PROTOCOLS[name];
}

interface Captured {
  readonly entries: readonly IpvsEntry[];
  readonly templates: readonly IpvsTemplate[];
}

const cache = new WeakMap<Namespace, Captured>();

/** The connections and templates of IPVS that a namespace's captures show. */
export function capturedIpvs(namespace: Namespace): Captured {
  let found = cache.get(namespace);
  if (!found) cache.set(namespace, (found = read(namespace)));
  return found;
}

function read(namespace: Namespace): Captured {
  const entries: IpvsEntry[] = [];
  const templates: IpvsTemplate[] = [];
  for (const { protocol, state, client, virtual, server, source } of namespace.ipvs.connections) {
    const proto = PROTOCOLS[protocol];
    const [from, by, to] = [parseIp(client.ip), parseIp(virtual.ip), parseIp(server.ip)];
    if (proto === undefined || !from || !by || !to) continue;
    if (client.port === 0) {
      const isMark = proto === 0;
      templates.push({
        proto,
        client: from.value,
        virtual: isMark ? undefined : by.value,
        mark: isMark ? Number(by.value) : undefined,
        port: virtual.port,
        server: to.value,
        serverPort: server.port,
        source,
      });
      continue;
    }
    const has = namespace.ipvs.services.flatMap((service) =>
      isFor(service, protocol, virtual)
        ? service.servers.filter(({ ip, port }) => ip === server.ip && (port === server.port || port === 0))
        : [],
    );
    entries.push({
      family: from.family,
      proto,
      client: from.value,
      clientPort: client.port,
      virtual: by.value,
      virtualPort: virtual.port,
      server: to.value,
      serverPort: server.port,
      // Only NAT gives a packet another port.
      forward: has[0]?.forward ?? (virtual.port === server.port ? undefined : 'Masq'),
      tracked: undefined,
      state,
      source,
    });
  }
  return { entries, templates };
}

function isFor(service: IpvsService, protocol: string, virtual: { readonly ip: string; readonly port: number }): boolean {
  if (service.mark !== undefined) return true;
  return service.protocol === protocol && service.ip === virtual.ip && (service.port === virtual.port || service.port === 0);
}

/** A server that has a connection is still one of its service's. */
export function isServed(namespace: Namespace, { virtual, virtualPort, server, serverPort, proto }: IpvsEntry): boolean {
  const at = (ip: string | undefined) => (ip === undefined ? undefined : parseIp(ip)?.value);
  const isSame = (one: IpvsServer) => at(one.ip) === server && (one.port === serverPort || one.port === 0);
  return namespace.ipvs.services.some(
    (service) =>
      (service.mark !== undefined ||
        (PROTOCOLS[service.protocol ?? ''] === proto &&
          at(service.ip) === virtual &&
          (service.port === virtualPort || service.port === 0))) &&
      service.servers.some(isSame),
  );
}

const same = (a: number | undefined, b: number | undefined): boolean => a === b || a === undefined || b === undefined;

/** The connection that a client's packet belongs to (ip_vs_conn_in_get). */
export function entryOf(entries: readonly IpvsEntry[], packet: IpPacket): IpvsEntry | undefined {
  return entries.findLast(
    (one) =>
      one.proto === packet.proto &&
      one.family === packet.family &&
      one.client === packet.src &&
      one.virtual === packet.dst &&
      one.virtualPort === packet.dport &&
      same(one.clientPort, packet.sport),
  );
}

/** The connection that a server's answer belongs to (ip_vs_conn_out_get). */
export function entryAnswered(entries: readonly IpvsEntry[], packet: IpPacket): IpvsEntry | undefined {
  return entries.findLast((one) => {
    const isNat = one.forward === 'Masq';
    return (
      one.proto === packet.proto &&
      one.family === packet.family &&
      one.client === packet.dst &&
      (isNat ? one.server : one.virtual) === packet.src &&
      (isNat ? one.serverPort : one.virtualPort) === packet.sport &&
      same(one.clientPort, packet.dport)
    );
  });
}
