import type { Val } from '../base/span';

/** How IPVS hands packets to a server (ipvsadm(8)): `other` is one that the kernel does not have, such as DPVS' FullNat. */
export type IpvsForward = 'Masq' | 'Route' | 'Tunnel' | 'Local' | 'other';

/** An address and a port of a list. Names in place of numbers, and names that were cut, leave the parts undefined. */
export interface IpvsEnd {
  readonly ip?: Val<string>;
  readonly port?: Val<number>;
  /** As printed, without the port. */
  readonly shown: string;
}

/** How a service shares its packets out among its servers. */
export interface IpvsScheduling {
  /** `rr`, `wlc`, `sh` …; lists of counters do not say it. */
  readonly scheduler?: Val<string>;
  /** In seconds. */
  readonly persistent?: Val<number>;
  /** Clients that are one for persistence: a netmask, or the length of a prefix. */
  readonly mask?: Val<string>;
  /** Of the scheduler: `sh-fallback`, `flag-1` … */
  readonly flags: readonly string[];
  /** The persistence engine (`sip`). */
  readonly engine?: Val<string>;
  /** Every UDP packet is scheduled anew (`ops`). */
  readonly onePacket: boolean;
}

/** A virtual service: an address, or all packets of a mark. */
export interface IpvsServiceFact extends IpvsScheduling {
  readonly kind: 'ipvs-service';
  /** `TCP`, `UDP`, `SCTP`; undefined for a service by mark. */
  readonly protocol?: Val<string>;
  readonly end?: IpvsEnd;
  readonly mark?: Val<number>;
  readonly family: 4 | 6;
  readonly text: Val<string>;
}

/** A real server of a service. */
export interface IpvsServerFact {
  readonly kind: 'ipvs-server';
  readonly service: IpvsServiceFact;
  readonly end: IpvsEnd;
  readonly forward?: Val<IpvsForward>;
  readonly weight?: Val<number>;
  readonly text: Val<string>;
}

/** A connection, or with a client's port 0 a template of persistence (`ipvsadm -Lc`, /proc/net/ip_vs_conn). */
export interface IpvsConnectionFact {
  readonly kind: 'ipvs-connection';
  /** `TCP`, `UDP`, `SCTP`; `IP` for the templates of services by mark. */
  readonly protocol: Val<string>;
  /** `ESTABLISHED`, `TIME_WAIT`, `UDP`, `NONE` … */
  readonly state: Val<string>;
  readonly client: IpvsEnd;
  readonly virtual: IpvsEnd;
  readonly server: IpvsEnd;
  readonly text: Val<string>;
}

export type IpvsFact = IpvsServiceFact | IpvsServerFact | IpvsConnectionFact;
