import type { IpvsServer, IpvsService } from '../model/ipvs';
import type { Namespace } from '../model/namespace';
import { parseIp } from '../packet/address';
import { capturedIpvs, ipvsProtocol, type IpvsTemplate } from './ipvs-connections';
import { PROTO, type IpPacket } from './packet';

const FTP = 21;
const FTP_DATA = 20;

const valueOf = (ip: string | undefined): bigint | undefined => (ip === undefined ? undefined : parseIp(ip)?.value);

/** The service that takes a packet: by its mark first, then by address and port, then FTP's data, then every port (ip_vs_service_find). */
export function serviceFor(namespace: Namespace, packet: IpPacket, mark: number | undefined): IpvsService | undefined {
  const { services } = namespace.ipvs;
  const { family, proto, dst, dport } = packet;
  const marked =
    mark === undefined || mark === 0 ? undefined : services.find((one) => one.mark === mark && one.family === family);
  if (marked) return marked;
  const at = (port: number | undefined) =>
    services.find(
      (one) =>
        one.family === family &&
        ipvsProtocol(one.protocol) === proto &&
        valueOf(one.ip) === dst &&
        one.port === port &&
        port !== undefined,
    );
  const own = at(dport);
  if (own) return own;
  const data = proto === PROTO.TCP && dport !== undefined && (dport === FTP_DATA || dport >= 1024) ? at(FTP) : undefined;
  return data ?? at(0);
}

/** The clients that persistence takes for one (`-M`). */
function maskOf({ clients, family }: IpvsService): bigint {
  const bits = family === 4 ? 32 : 128;
  const all = (1n << BigInt(bits)) - 1n;
  if (clients === undefined) return all;
  if (/^\d+$/.test(clients)) return (all << BigInt(bits - Math.min(bits, Number(clients)))) & all;
  return valueOf(clients) ?? all;
}

/** The template that a client's connections follow (ip_vs_sched_persist). */
export function templateFor(namespace: Namespace, service: IpvsService, packet: IpPacket): IpvsTemplate | undefined {
  const mask = maskOf(service);
  const { proto, src, dst, dport } = packet;
  const isOwnPort = service.mark === undefined && dport === service.port && dport !== FTP;
  return capturedIpvs(namespace).templates.find((one) => {
    if (one.client !== (src & mask)) return false;
    if (service.mark !== undefined) return one.mark === service.mark;
    return one.proto === proto && one.virtual === dst && one.port === (isOwnPort ? dport : 0);
  });
}

/** What a scheduler may choose. */
export interface Candidates {
  readonly servers: readonly IpvsServer[];
  /** Which of several it is, nobody can foretell. */
  readonly reason: string;
  /** It may find nobody, although there is somebody: a hash may lead to a server that gets nothing new. */
  readonly mayMiss: boolean;
}

const HOW: Readonly<Record<string, string>> = {
  rr: 'in turn',
  wrr: 'in turn, by weight',
  lc: 'by the fewest connections at the time',
  wlc: 'by the fewest connections at the time, for their weights',
  lblc: 'by destination, then by the fewest connections at the time',
  lblcr: 'by destination, then by the fewest connections at the time',
  dh: 'by a hash of the destination',
  sh: 'by a hash of the client',
  mh: 'by a hash of the client',
  sed: 'by the shortest expected delay at the time',
  nq: 'by who is idle at the time',
  ovf: 'the heaviest that has room at the time',
  twos: 'by chance',
};

/** The servers that a service's scheduler may give a new connection: none with weight 0 (ip_vs_schedule). */
export function candidatesOf({ scheduler = '', servers, flags }: IpvsService): Candidates {
  const usable = servers.filter(({ weight }) => weight !== 0);
  // Only the heaviest counts, as long as it is not full.
  if (scheduler === 'fo' && usable.length > 1 && usable.every(({ weight }) => weight !== undefined)) {
    const most = Math.max(...usable.map(({ weight = 0 }) => weight));
    const heaviest = usable.filter(({ weight }) => weight === most);
    return { servers: heaviest, reason: 'which of the heaviest ones the kernel has first is not shown', mayMiss: false };
  }
  const falls = flags.some((flag) => /^(?:sh-fallback|mh-fallback|flag-1)$/.test(flag));
  const mayMiss = (scheduler === 'sh' || scheduler === 'dh') && !falls && usable.length < servers.length && usable.length > 0;
  const how = HOW[scheduler];
  return {
    servers: usable,
    reason: scheduler === '' ? 'its scheduler was not captured' : `its scheduler ${scheduler} chooses one ${how ?? 'of them'}`,
    mayMiss,
  };
}

/** FTP's own service lets packets for other ports of its address pass where it has nobody for them (ip_vs_leave). */
export function letsPass(service: IpvsService, packet: IpPacket): boolean {
  return service.port === FTP && packet.dport !== FTP;
}

/** The port that a packet has at a server: its own where the server names none, and of persistent services but the service's own one. */
export function portAt(service: IpvsService, server: IpvsServer, packet: IpPacket): number | undefined {
  if (service.persistent !== undefined && packet.dport !== service.port) return packet.dport;
  return server.port === 0 ? packet.dport : server.port;
}
