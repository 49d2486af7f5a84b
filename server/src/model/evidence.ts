import type { Source } from './source';

/** What people saw happen in a namespace: it proves that a packet was there, not how it came. */
export interface Evidence {
  readonly dumps: readonly PacketDump[];
  readonly pings: readonly { readonly target: string; readonly replies: number; readonly source: Source }[];
  readonly routes: readonly {
    readonly target: string;
    readonly hops: readonly { readonly ttl: number; readonly ips: readonly string[]; readonly source: Source }[];
    readonly reached: boolean;
    readonly source: Source;
  }[];
}

/** One run of tcpdump on one device. */
export interface PacketDump {
  /** Undefined for every device (`-i any`), where a packet that names none may be anywhere. */
  readonly dev: string | undefined;
  /** The capture's filter, which leaves packets out. */
  readonly filter: string | undefined;
  readonly packets: readonly SeenPacket[];
  /** The run ended and no line of it was cut: what its filter lets through and is not here was not there. */
  readonly whole: boolean;
  readonly source: Source;
}

/** What tcpdump printed of a packet; what it did not print is undefined. */
export interface SeenPacket {
  readonly dev: string | undefined;
  readonly macSrc: string | undefined;
  readonly macDst: string | undefined;
  readonly vlan: number | undefined;
  readonly ethertype: string | undefined;
  readonly src: string | undefined;
  readonly dst: string | undefined;
  readonly protocol: string | undefined;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
  readonly what: string | undefined;
  readonly vni: number | undefined;
  readonly text: string;
  readonly source: Source;
}
