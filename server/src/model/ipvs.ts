import type { IpvsForward } from '../captures/ipvs-facts';
import type { Known, Source } from './source';

/** What IPVS, the load balancer of the kernel, does in a namespace. */
export interface Ipvs {
  readonly services: readonly IpvsService[];
  /** Whether a service that is not here does not exist. */
  readonly known: Known;
  readonly connections: readonly IpvsConnection[];
  readonly connectionsKnown: Known;
}

/** A virtual service: an address and a port, or all packets of a mark. */
export interface IpvsService {
  /** `TCP`, `UDP`, `SCTP`; undefined for a service by mark. */
  readonly protocol: string | undefined;
  readonly family: 4 | 6;
  /** Undefined for a service by mark, and where only a name was printed. */
  readonly ip: string | undefined;
  readonly port: number | undefined;
  readonly mark: number | undefined;
  readonly scheduler: string | undefined;
  /** In seconds. */
  readonly persistent: number | undefined;
  /** Clients that are one for persistence: a netmask, or the length of a prefix. */
  readonly clients: string | undefined;
  readonly flags: readonly string[];
  /** The persistence engine (`sip`). */
  readonly engine: string | undefined;
  readonly onePacket: boolean;
  readonly servers: readonly IpvsServer[];
  /** Whether a server that is not here does not exist. */
  readonly isWhole: boolean;
  readonly source: Source;
}

/** A real server of a service. */
export interface IpvsServer {
  /** Undefined where only a name was printed. */
  readonly ip: string | undefined;
  readonly port: number | undefined;
  /** As printed, without the port. */
  readonly shown: string;
  readonly forward: IpvsForward | undefined;
  readonly weight: number | undefined;
  readonly source: Source;
}

/** A connection, or with a client's port 0 a template of persistence. */
export interface IpvsConnection {
  /** `TCP`, `UDP`, `SCTP`; `IP` for the templates of services by mark. */
  readonly protocol: string;
  readonly state: string;
  readonly client: IpvsAddress;
  /** Of a template by mark, the mark is the address. */
  readonly virtual: IpvsAddress;
  readonly server: IpvsAddress;
  readonly source: Source;
}

export interface IpvsAddress {
  readonly ip: string;
  readonly port: number;
}

/** A service as its list names it: `TCP 10.0.0.100:80`, `FWM 7`. */
export function serviceText({ protocol, ip, port, mark, family }: IpvsService): string {
  if (mark !== undefined) return `FWM ${mark}${family === 6 ? ' IPv6' : ''}`;
  return `${protocol ?? ''} ${ip?.includes(':') === true ? `[${ip}]` : (ip ?? '?')}:${port ?? '?'}`;
}

/** A server as its list names it. */
export function serverText({ ip, shown, port }: Pick<IpvsServer, 'ip' | 'shown' | 'port'>): string {
  return `${ip?.includes(':') === true ? `[${ip}]` : (ip ?? shown)}:${port ?? '?'}`;
}
