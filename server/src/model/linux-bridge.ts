import type { Known, Source } from './source';

export interface LinuxBridge {
  readonly host: string;
  /** `''` for the root namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly members: readonly BridgeMember[];
  /** By port, and by the bridge's own name: the VLANs that it carries (`bridge vlan`). */
  readonly vlans: ReadonlyMap<string, readonly BridgeVlan[]>;
  /** Whether a port that is not in `vlans` carries none. */
  readonly vlansKnown: Known;
  /** By port: the numbers that its VLANs travel under (`bridge vlan tunnelshow`). */
  readonly tunnels: ReadonlyMap<string, readonly BridgeTunnel[]>;
  /** Whether a VLAN that is not in `tunnels` has no number. */
  readonly tunnelsKnown: Known;
  readonly fdb: readonly BridgeFdbRow[];
  /** Whether an address that is not in the table was not known to the bridge then. */
  readonly fdbKnown: Known;
  readonly sources: readonly Source[];
}

/** A port of a Linux bridge. */
export interface BridgeMember {
  readonly name: string;
  /** `forwarding`, `blocking`, `learning`, `listening`, `disabled`, where a capture says it. */
  readonly state: string | undefined;
  /** What `bridge -d link` and `ip -d link` say of the port: `hairpin`, `isolated`, `flood`, `mcast_flood` …: `on` or `off`. */
  readonly settings: Readonly<Record<string, string>>;
  readonly source: Source;
  /** Where its state and its settings are said. */
  readonly stateSource: Source | undefined;
}

/** VLANs that a port of a Linux bridge carries. */
export interface BridgeVlan {
  readonly first: number;
  readonly last: number;
  readonly pvid: boolean;
  readonly untagged: boolean;
  /** Of these VLANs alone (`bridge -d vlan`); the port has one besides. */
  readonly state?: string;
  readonly source: Source;
}

/** VLANs of a port, and the numbers of tunnels that they travel under, one after the other. */
export interface BridgeTunnel {
  readonly first: number;
  readonly last: number;
  readonly id: number;
  readonly source: Source;
}

/** A row of a Linux bridge's forwarding table. */
export interface BridgeFdbRow {
  readonly mac: string;
  readonly dev: string;
  /** Undefined where the bridge does not tell VLANs apart, or the capture does not say. */
  readonly vlan: number | undefined;
  /** Of the port or the bridge itself, or set by hand. */
  readonly permanent: boolean;
  readonly source: Source;
}
