import type { Span } from '../base/span';
import type { ConntrackFact, EbMatch, Fact, NfMatch, NfStatement, NfTargetOptions } from '../captures/facts';
import type { Flow } from '../packet/openflow';

/** The text that says something: which document, which characters. */
export interface Source {
  readonly uri: string;
  readonly span: Span;
}

/**
 * How much of a table was captured. `absent`: nobody captured it; `partial`: lines were left out by hand, by grep or could not be
 * read, so what is missing here may exist; `whole`: what is missing here does not exist.
 */
export type Known = 'absent' | 'partial' | 'whole';

/** The single-owner rule of the model: plain arrays and maps, filled by the linker and never changed after. */
export interface Network {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly instances: readonly Instance[];
  readonly neutronPorts: readonly NeutronPort[];
  readonly networks: readonly NeutronNetwork[];
  readonly subnets: readonly NeutronSubnet[];
  readonly routers: readonly NeutronRouter[];
  /** By `captureKey`: which host and bridge each capture is about, and why. */
  readonly captureHosts: ReadonlyMap<string, CaptureHost>;
}

/** Which host a capture belongs to. Index is the capture's place in its document. */
export interface CaptureHost {
  readonly uri: string;
  readonly index: number;
  readonly host: string | undefined;
  readonly bridge: string | undefined;
  /** Why, where the prompt or the folder does not say it. */
  readonly reason: string | undefined;
}

export interface Host {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Why the aliases, and captures without a name, are this host's. */
  readonly reasons: readonly string[];
  readonly bridges: ReadonlyMap<string, OvsBridge>;
  readonly linuxBridges: ReadonlyMap<string, LinuxBridge>;
  /** `''` is the host's own (root) namespace. */
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly sources: readonly Source[];
}

export interface OvsBridge {
  readonly host: string;
  readonly name: string;
  readonly ports: readonly OvsPort[];
  readonly flows: readonly FlowEntry[];
  readonly flowsKnown: Known;
  /** Why the flows are not whole, in words. */
  readonly flowsMissing: string | undefined;
  readonly fdb: readonly FdbRow[];
  readonly fdbKnown: Known;
  readonly failMode: string | undefined;
  readonly sources: readonly Source[];
}

export interface OvsPort {
  readonly host: string;
  readonly bridge: string;
  readonly name: string;
  readonly ofport: number | undefined;
  readonly tag: number | undefined;
  readonly trunks: readonly number[] | undefined;
  readonly vlanMode: string | undefined;
  readonly type: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly mac: string | undefined;
  readonly attachedMac: string | undefined;
  readonly ifaceId: string | undefined;
  readonly error: string | undefined;
  /** Where each thing is said: `name`, `ofport`, `tag`, `type`, `options`, `peer`, `remote_ip` … */
  readonly says: Readonly<Record<string, Source>>;
  readonly sources: readonly Source[];
}

export interface FlowEntry {
  readonly flow: Flow;
  readonly source: Source;
  /** The same flow in other captures of the bridge. */
  readonly again: readonly Source[];
}

export interface FdbRow {
  readonly ofport: number | undefined;
  readonly portName: string | undefined;
  readonly vlan: number;
  readonly mac: string;
  readonly source: Source;
}

export interface LinuxBridge {
  readonly host: string;
  readonly name: string;
  readonly members: readonly { readonly name: string; readonly source: Source }[];
  readonly fdb: readonly { readonly mac: string; readonly dev: string; readonly permanent: boolean; readonly source: Source }[];
  /** Where the VXLAN devices among its members send frames: by MAC, all zeros for the rest. */
  readonly remotes: readonly { readonly dev: string; readonly mac: string; readonly ip: string; readonly source: Source }[];
  readonly sources: readonly Source[];
}

export interface Device {
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  readonly mac: string | undefined;
  readonly mtu: number | undefined;
  readonly up: boolean;
  readonly peer: string | undefined;
  readonly master: string | undefined;
  readonly type: string | undefined;
  readonly vlanId: number | undefined;
  /** Of a VXLAN device. */
  readonly vni: number | undefined;
  /** `eth1@if3`: the peer's index, in another namespace; which one, the number tells (`link-netnsid`). */
  readonly index: number | undefined;
  readonly peerIndex: number | undefined;
  readonly linkNetnsId: number | undefined;
  readonly linkNetns: string | undefined;
  /** What `ip -d link` says of the type, by its own words (`remote`, `mode`, `table` …). */
  readonly settings: Readonly<Record<string, string>>;
  /** What it says of the device as a bridge's port (`state`, `hairpin` …). */
  readonly portSettings: Readonly<Record<string, string>>;
  readonly addresses: readonly { readonly ip: string; readonly prefix: number; readonly source: Source }[];
  readonly sources: readonly Source[];
}

export type RouteFact = Fact & { readonly kind: 'route' };
export type RuleFact = Fact & { readonly kind: 'ip-rule' };

export interface Namespace {
  readonly host: string;
  /** `''` for the root namespace. */
  readonly name: string;
  readonly devices: ReadonlyMap<string, Device>;
  readonly routes: readonly { readonly route: RouteFact; readonly source: Source }[];
  readonly routesKnown: Known;
  /** The same of IPv6. */
  readonly routesKnown6: Known;
  /** Routing tables that were asked for; `all`. */
  readonly tablesShown: ReadonlySet<string>;
  readonly rules: readonly { readonly rule: RuleFact; readonly source: Source }[];
  readonly rulesKnown: Known;
  readonly neighbours: readonly {
    readonly ip: string;
    readonly dev: string;
    readonly mac: string | undefined;
    /** `REACHABLE`, `FAILED` … where the capture says it. */
    readonly state: string | undefined;
    readonly source: Source;
  }[];
  readonly neighboursKnown: Known;
  readonly netfilter: ReadonlyMap<string, NfTable>;
  /** The same of ip6tables. */
  readonly netfilter6: ReadonlyMap<string, NfTable>;
  /** Chains for frames (ebtables), by table. */
  readonly ebtables: ReadonlyMap<string, EbTable>;
  readonly ipsets: ReadonlyMap<string, IpSet>;
  /** Connections that were captured. */
  readonly connections: readonly { readonly entry: ConntrackFact; readonly source: Source }[];
  readonly connectionsKnown: Known;
  readonly listeners: readonly Listener[];
  readonly listenersKnown: Known;
  readonly sysctls: ReadonlyMap<string, { readonly value: string; readonly source: Source }>;
  readonly sources: readonly Source[];
}

/** One netfilter table as one capture shows it. */
export interface NfTable {
  readonly name: string;
  readonly chains: ReadonlyMap<string, NfChain>;
  readonly known: Known;
  /** Interfaces are not shown: rules may be narrower than they read. */
  readonly interfacesHidden: boolean;
  readonly source: Source;
}

export interface NfChain {
  readonly name: string;
  readonly policy: string | undefined;
  /** Base chains of nft that iptables-nft did not make: where the kernel calls them. */
  readonly hook?: string | undefined;
  readonly priority?: number | undefined;
  readonly type?: string | undefined;
  readonly rules: readonly NfRule[];
  readonly source: Source;
}

export interface NfRule {
  readonly number: number;
  readonly matches: readonly NfMatch[];
  readonly target: string | undefined;
  readonly goto: boolean;
  readonly options: NfTargetOptions;
  /** What a rule of nft does before its target. */
  readonly before?: readonly NfStatement[] | undefined;
  readonly interfacesHidden: boolean;
  readonly text: string;
  readonly source: Source;
}

/** A set of ipset(8). */
export interface IpSet {
  readonly name: string;
  /** `hash:ip`, `hash:net,port`, `list:set` … */
  readonly type: string;
  readonly family: 'inet' | 'inet6';
  readonly netmask: number | undefined;
  readonly markmask: number | undefined;
  readonly entries: readonly { readonly element: string; readonly nomatch: boolean; readonly source: Source }[];
  /** False where only the header was captured. */
  readonly membersShown: boolean;
  /** Nothing was left out. */
  readonly whole: boolean;
  readonly source: Source;
}

/** A table of ebtables(8). */
export interface EbTable {
  readonly name: string;
  readonly chains: ReadonlyMap<
    string,
    { readonly name: string; readonly policy: string | undefined; readonly rules: readonly EbRule[]; readonly source: Source }
  >;
  readonly known: Known;
  readonly source: Source;
}

export interface EbRule {
  readonly number: number;
  readonly matches: readonly EbMatch[];
  readonly target: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly text: string;
  readonly source: Source;
}

/** A socket that waits for packets. */
export interface Listener {
  readonly protocol: string;
  readonly ip: string;
  readonly port: number | undefined;
  readonly dev: string | undefined;
  readonly process: string | undefined;
  readonly source: Source;
}

export interface Instance {
  readonly name: string;
  readonly id: string | undefined;
  readonly libvirtName: string | undefined;
  readonly hypervisor: string | undefined;
  readonly ips: readonly { readonly ip: string; readonly source: Source }[];
  /** What libvirt says of its cards: the address, and the device on the hypervisor that leads to it. */
  readonly interfaces: readonly InstanceInterface[];
  readonly ports: readonly NeutronPort[];
  /** The instance's own captures, where someone took them inside it. */
  readonly guest: string | undefined;
  readonly sources: readonly Source[];
}

export interface InstanceInterface {
  readonly mac: string | undefined;
  /** `vnet0`, `tapf7eae624-34`. */
  readonly target: string | undefined;
  readonly host: string | undefined;
  readonly source: Source;
}

export interface NeutronPort {
  readonly id: string;
  readonly name: string | undefined;
  readonly mac: string | undefined;
  readonly ips: readonly { readonly ip: string; readonly subnet: string | undefined; readonly source: Source }[];
  readonly network: string | undefined;
  readonly deviceOwner: string | undefined;
  /** The router that owns it, by id. */
  readonly router: string | undefined;
  readonly instance: string | undefined;
  /** Where each thing is said. */
  readonly says: Readonly<Record<string, Source>>;
  readonly sources: readonly Source[];
}

export interface NeutronNetwork {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly type: string | undefined;
  readonly physicalNetwork: string | undefined;
  readonly segmentationId: number | undefined;
  readonly external: boolean | undefined;
  readonly subnets: readonly string[];
  readonly says: Readonly<Record<string, Source>>;
  readonly sources: readonly Source[];
}

export interface NeutronSubnet {
  readonly id: string;
  readonly name: string | undefined;
  readonly cidr: string | undefined;
  readonly gateway: string | undefined;
  readonly network: string | undefined;
  readonly sources: readonly Source[];
}

export interface NeutronRouter {
  readonly id: string;
  readonly name: string | undefined;
  readonly sources: readonly Source[];
}

/** The key of a capture in `captureHosts`. */
export function captureKey(uri: string, index: number): string {
  return `${uri}#${index}`;
}
