import type { OfpAct } from '../openflow/ofpact';
import type { Match } from '../openflow/match';

/**
 * One ovs-vswitchd: everything that decides what it does with a packet. Put together from captures (or by a test); a translation
 * reads it and never changes it. `undefined` means that no capture says so; `notes` says what was assumed instead.
 */
export interface Switch {
  readonly bridges: ReadonlyMap<string, Bridge>;
  readonly datapath: Datapath;
  /** Routes and neighbours that a userspace datapath's tunnels go by (`ovs/route/show`, `tnl/neigh/show`). */
  readonly tunnelRoutes: readonly TunnelRoute[];
  readonly tunnelNeighbours: readonly { readonly bridge: string; readonly ip: string; readonly mac: bigint }[];
  /** Sentences about what no capture tells and what was taken instead. */
  readonly notes: readonly string[];
  /** What no capture tells of its tunnels: a sentence for whoever meets it. */
  readonly unseen: ReadonlyMap<UnseenOfSwitch, string>;
}

/** What a userspace datapath's tunnels go by, and which actions a datapath knows. */
export type UnseenOfSwitch = 'tunnel-routes' | 'tunnel-neighbours' | 'datapath-tunnels' | 'datapath-actions';

export interface TunnelRoute {
  /** Canonical IPv4 or IPv6 text. */
  readonly ip: string;
  readonly prefix: number;
  readonly gateway: string | undefined;
  /** The bridge's LOCAL device, or another device. */
  readonly dev: string;
  readonly src: string | undefined;
  /** The packet mark that it is for: 0 for packets without one. */
  readonly mark: number;
  /** To one of the switch's own addresses. */
  readonly local: boolean;
}

export interface Datapath {
  readonly type: 'system' | 'netdev' | 'dummy';
  /** Whether the switch forwards packets itself: always but for a `system` datapath in the kernel. */
  readonly userspace: boolean;
  /** Whether tunnels are built by the switch itself (userspace datapaths) rather than by the kernel. */
  readonly tunnelPushPop: boolean;
  /** How many VLAN headers the datapath can match: 2 for Linux, without limit for userspace. */
  readonly maxVlanHeaders: number;
  readonly explicitDrop: boolean;
  readonly maskedSet: boolean;
  readonly ctTuple: boolean;
  readonly clone: boolean;
  readonly checkPktLen: boolean;
  readonly sampleNesting: number;
  readonly lbOutput: boolean;
  readonly addMpls: boolean;
  readonly ctClear: boolean;
  readonly ctTimeout: boolean;
  readonly ctZeroSnat: boolean;
  readonly ndExtensions: boolean;
  readonly truncation: boolean;
  readonly maxMplsDepth: number;
  /** Highest hash algorithm: 0 L4, 1 symmetric L4. */
  readonly maxHashAlgorithm: number;
}

export interface Bridge {
  readonly name: string;
  readonly ports: ReadonlyMap<number, Port>;
  readonly bundles: readonly Bundle[];
  readonly rules: RuleSource;
  readonly groups: ReadonlyMap<number, Group>;
  /** The bridge's meters, with the numbers that the datapath has for them. */
  readonly meters: ReadonlyMap<number, number>;
  readonly tlvMap: readonly TlvMapping[];
  readonly mirrors: readonly Mirror[];
  readonly macTable: readonly MacRow[];
  readonly multicast: MulticastSnooping | undefined;
  readonly failMode: 'secure' | 'standalone';
  readonly stp: boolean;
  readonly rstp: boolean;
  readonly forwardBpdu: boolean;
  readonly floodVlans: ReadonlySet<number>;
  /** IPv4/IPv6 fragments: `normal`, `drop`, `nx-match`. */
  readonly fragments: 'normal' | 'drop' | 'nx-match';
  readonly mac: bigint | undefined;
  /** How many of 2^32 - 1 packets sFlow and IPFIX sample; undefined without them. */
  readonly sflow: number | undefined;
  readonly ipfix: number | undefined;
  /** Whether IPFIX collectors are there for the sample action. */
  readonly flowSampling: boolean | undefined;
  /** The sets of collectors that are told of the tunnel which a sampled packet leaves by. */
  readonly tunnelSampling: ReadonlySet<number>;
  readonly netflow: boolean;
  /** A controller of OpenFlow 1.0 to 1.2 takes the packets that miss; later ones get what flows send them. */
  readonly hasController: boolean;
  /** It talks to a controller through its own ports, for which it has flows and outputs of its own. */
  readonly inBand: boolean;
  /** What no capture tells of it, and what stands in its place: a sentence for whoever meets it. */
  readonly unseen: ReadonlyMap<Unseen, string>;
}

/** A part of a bridge that has a command of its own to capture it. */
export type Unseen =
  | 'mac-table'
  | 'port-settings'
  | 'bridge-settings'
  | 'port-config'
  | 'multicast-groups'
  | 'groups'
  | 'meters'
  | 'tlv-map'
  | 'own-flows'
  | 'controller';

/** A bridge's flows, by number; the order is that of the capture. */
export interface RuleSource {
  readonly count: number;
  table(index: number): number;
  priority(index: number): number;
  match(index: number): Match;
  /** Cookie, actions and the rest; may read the line only now. */
  rule(index: number): Rule;
  /** Why a table is not wholly known: an unreadable line, an elision. Undefined where all of it is. */
  trouble(table: number): string | undefined;
}

export interface Rule {
  /** Its number in the source. */
  readonly index: number;
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly match: Match;
  readonly actions: readonly OfpAct[];
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  /** The number of the flow whose learn() wrote it, for a flow that was not captured. */
  readonly learnedBy?: number;
  /** Why its actions can't all be done. */
  readonly trouble: string | undefined;
}

export interface Port {
  readonly ofport: number;
  readonly name: string;
  /** The datapath's own number; undefined for patch ports and where no capture tells. */
  readonly odpPort: number | undefined;
  readonly type: string;
  /** OpenFlow's port configuration (`ovs-ofctl mod-port`). */
  readonly down: boolean;
  readonly noRecv: boolean;
  readonly noForward: boolean;
  readonly noFlood: boolean;
  readonly noReceiveStp: boolean;
  readonly linkDown: boolean;
  /** What watches it (BFD, CFM), or OpenFlow's LIVE that it lacks, says that it can carry nothing. */
  readonly faulty?: boolean;
  /** BFD runs on it: its packets go to the switch itself. */
  readonly bfd?: { readonly checkTunnelKey: boolean; readonly remoteMac: bigint | undefined };
  /** CFM runs on it (802.1ag), `extended` with another address. */
  readonly cfm?: { readonly extended: boolean };
  readonly lldp?: boolean;
  readonly stpState: 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking' | undefined;
  readonly patchPeer: string | undefined;
  readonly tunnel: Tunnel | undefined;
  /** Its name in the datapath, where that differs: `vxlan_sys_4789`. */
  readonly datapathName?: string;
  readonly mac: bigint | undefined;
  /** The index of its network device (`ovs-vsctl list interface`, `ip link`); 0 where it has none. */
  readonly ifindex: number | undefined;
  /** The DSCP that its QoS queues mark packets with, by the queue's number. */
  readonly queueDscp: ReadonlyMap<number, number>;
}

/** `options` of a tunnel interface (ovs-vswitchd.conf.db(5)). */
export interface Tunnel {
  readonly type: 'vxlan' | 'gre' | 'geneve' | 'lisp' | 'stt' | 'erspan' | 'ip6gre' | 'ip6erspan' | 'gtpu' | 'bareudp' | 'srv6';
  /** Undefined: `flow`. Canonical text otherwise. */
  readonly remoteIp: string | undefined;
  readonly remoteIpFlow: boolean;
  readonly localIp: string | undefined;
  readonly localIpFlow: boolean;
  readonly inKeyFlow: boolean;
  readonly inKeyPresent: boolean;
  readonly inKey: bigint;
  readonly outKeyFlow: boolean;
  readonly outKeyPresent: boolean;
  readonly outKey: bigint;
  /** UDP port. */
  readonly dstPort: number;
  readonly ttl: number;
  readonly ttlInherit: boolean;
  readonly tos: number;
  readonly tosInherit: boolean;
  readonly dontFragment: boolean;
  readonly csum: boolean;
  readonly egressPktMark: number | undefined;
  /** `legacy_l2`, `legacy_l3`, `ptap`. */
  readonly packetType: 'legacy_l2' | 'legacy_l3' | 'ptap';
  readonly gbp: boolean;
  readonly gpe: boolean;
  readonly options: Readonly<Record<string, string>>;
}

/** One Port row of the database: an interface, or several as a bond. */
export interface Bundle {
  readonly name: string;
  readonly ofports: readonly number[];
  readonly vlanMode: 'trunk' | 'access' | 'native-tagged' | 'native-untagged' | 'dot1q-tunnel';
  /** -1 for none. */
  readonly tag: number;
  /** Undefined: all VLANs. */
  readonly trunks: ReadonlySet<number> | undefined;
  readonly cvlans: ReadonlySet<number> | undefined;
  /** TPID of a dot1q-tunnel's outer header: 0x88a8 unless other_config says 802.1q. */
  readonly qinqEthertype: number;
  readonly priorityTags: 'no' | 'if-nonzero' | 'always';
  readonly protected: boolean;
  readonly bond: Bond | undefined;
  /** LACP runs on it: its frames go to the switch itself. */
  readonly lacp?: boolean;
  readonly multicastFlood: boolean;
  readonly multicastFloodReports: boolean;
}

export interface Bond {
  readonly mode: 'active-backup' | 'balance-slb' | 'balance-tcp';
  readonly active: number | undefined;
  /** Members that `bond/show` shows as enabled or disabled. */
  readonly enabled: ReadonlyMap<number, boolean>;
  /** Member of each hash bucket, where `bond/show` tells. */
  readonly hashToMember: ReadonlyMap<number, number>;
  readonly basis: number;
  /** Undefined: the bond does not use LACP. */
  readonly lacp: 'configured' | 'negotiated' | undefined;
  /** other_config:lacp-fallback-ab. */
  readonly lacpFallback: boolean;
  /** other_config:all-members-active. */
  readonly allMembersActive: boolean;
}

export interface Group {
  readonly id: number;
  readonly type: 'all' | 'select' | 'indirect' | 'ff';
  readonly selectionMethod: 'dp_hash' | 'hash' | undefined;
  readonly selectionMethodParam: bigint;
  readonly fields: readonly { readonly name: string; readonly mask: bigint }[];
  readonly buckets: readonly Bucket[];
}

export interface Bucket {
  readonly id: number;
  readonly weight: number;
  readonly watchPort: number | undefined;
  readonly watchGroup: number | undefined;
  readonly actions: readonly OfpAct[];
}

export interface TlvMapping {
  readonly class: number;
  readonly type: number;
  readonly length: number;
  /** 0 to 63: `tun_metadata3`. */
  readonly index: number;
}

export interface Mirror {
  readonly name: string;
  /** Bundles by name. */
  readonly selectSrc: ReadonlySet<string>;
  readonly selectDst: ReadonlySet<string>;
  readonly selectAll: boolean;
  readonly selectVlans: ReadonlySet<number> | undefined;
  readonly outputBundle: string | undefined;
  readonly outputVlan: number;
  readonly snaplen: number;
}

export interface MacRow {
  /** The bundle by name. */
  readonly bundle: string;
  readonly vlan: number;
  readonly mac: bigint;
  readonly static: boolean;
}

export interface MulticastSnooping {
  readonly floodUnregistered: boolean;
  readonly groups: readonly { readonly vlan: number; readonly address: string; readonly bundle: string }[];
  /** Bundles that lead to a multicast router. */
  readonly routers: readonly { readonly vlan: number; readonly bundle: string }[];
}
