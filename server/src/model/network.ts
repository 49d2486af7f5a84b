import type { Span } from '../base/span';
import type { Fact } from '../captures/facts';
import type { IpvsForward } from '../captures/ipvs-facts';
import type {
  ConntrackEntryFact,
  ConntrackExpectationFact,
  EbMatch,
  NfFamily,
  NfMatch,
  NfStatement,
  NfTargetOptions,
} from '../captures/netfilter-facts';
import type { Switch } from '../ofproto/switch';
import type { Flow } from '../packet/openflow';
import type { Flows } from './flows';

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
  /** A host's ovs-vswitchd with all that decides where packets go, put together when first asked for; undefined where it has no bridges. */
  readonly switchOf: (host: string) => Switch | undefined;
  readonly instances: readonly Instance[];
  readonly neutronPorts: readonly NeutronPort[];
  readonly networks: readonly NeutronNetwork[];
  readonly subnets: readonly NeutronSubnet[];
  readonly routers: readonly NeutronRouter[];
  /** By `captureKey`: which host and bridge each capture is about, and why. */
  readonly captureHosts: ReadonlyMap<string, CaptureHost>;
  /** Who has an address, as Docker and Kubernetes say. */
  readonly owners: readonly AddressOwner[];
}

/** A container, pod, service or node and one of its addresses. */
export interface AddressOwner {
  readonly what: string;
  readonly name: string;
  readonly ip: string;
  readonly mac: string | undefined;
  /** The machine that runs it. */
  readonly node: string | undefined;
  /** The Docker network, or the Kubernetes namespace. */
  readonly of: string | undefined;
  readonly source: Source;
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
  /** By name, those of other namespaces than the root as `NAMESPACE/NAME`. */
  readonly linuxBridges: ReadonlyMap<string, LinuxBridge>;
  /** `''` is the host's own (root) namespace. */
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly sources: readonly Source[];
}

export interface OvsBridge {
  readonly host: string;
  readonly name: string;
  readonly ports: readonly OvsPort[];
  readonly flows: Flows;
  readonly flowsKnown: Known;
  /** Why the flows are not whole, in words. */
  readonly flowsMissing: string | undefined;
  /** The commands that dumped its flows. */
  readonly dumps: readonly Source[];
  readonly fdb: readonly FdbRow[];
  readonly fdbKnown: Known;
  readonly failMode: string | undefined;
  /** `netdev` for a datapath in userspace; `system`, or nothing, for the kernel's. */
  readonly datapathType?: string;
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
  /** Frames from one protected port never go out by another (ovs-vswitchd.conf.db(5), Port, `protected`). */
  readonly protected?: boolean;
  readonly type: string | undefined;
  readonly options: Readonly<Record<string, string>>;
  readonly mac: string | undefined;
  readonly attachedMac: string | undefined;
  readonly ifaceId: string | undefined;
  readonly error: string | undefined;
  /** Of its device, as `ovs-vsctl list interface` shows it. */
  readonly mtu?: number;
  /** What BFD and CFM found, where they watch it: whether it may carry packets. */
  readonly bfdUp?: boolean;
  readonly cfmUp?: boolean;
  /** Where each thing is said: `name`, `ofport`, `tag`, `type`, `options`, `peer`, `remote_ip`, `bfd` … */
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

/** The other end of a device: a veth's peer, or the device below a VLAN or macvlan device. */
export interface DevicePair {
  /** Of the same host. */
  readonly namespace: string;
  readonly name: string;
  readonly certainty: 'captured' | 'inferred';
  readonly reason: string | undefined;
  readonly evidence: readonly Source[];
}

/** An address of a device; the scope as `ip addr` names it, where it was captured. */
export interface DeviceAddress {
  readonly ip: string;
  readonly prefix: number;
  readonly scope?: string;
  /** The other end, whose subnet is reached by the device instead of its own. */
  readonly peer?: string;
  readonly broadcast?: string;
  /** The kernel made no route for the subnet. */
  readonly noPrefixRoute?: boolean;
  readonly source: Source;
}

/**
 * An address whose uniqueness is not proven: the kernel routes its subnet, but takes no packet for it, answers no question for it and
 * sends nothing from it (addrconf_dad_completed, ndisc_recv_ns, ipv6_dev_get_saddr).
 */
export interface UnverifiedAddress extends DeviceAddress {
  /** `tentative`, `dadfailed`. */
  readonly state: string;
}

export interface Device {
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  readonly mac: string | undefined;
  readonly mtu: number | undefined;
  /** Where the MTU is said. */
  readonly mtuSource?: Source;
  /** `default`, a name or a number; undefined where no capture says it. */
  readonly group?: string;
  readonly up: boolean;
  /** It is up, but nothing is at its other end that works: what it is given to send is lost. */
  readonly noCarrier?: true;
  readonly peer: string | undefined;
  readonly master: string | undefined;
  /** A capture tells what it belongs to, or that it belongs to nothing: `ip -br`, `ip -o addr` and ifconfig do not. */
  readonly masterShown: boolean;
  readonly type: string | undefined;
  readonly vlanId: number | undefined;
  /** Of a VXLAN device. */
  readonly vni: number | undefined;
  readonly index: number | undefined;
  /** `eth1@if3`: the peer's index, in another namespace; which one, the number tells (`link-netnsid`). */
  readonly peerIndex: number | undefined;
  readonly linkNetnsId: number | undefined;
  readonly linkNetns: string | undefined;
  /** The device that `peer` or `peerIndex` means, where it was found. */
  readonly pair: DevicePair | undefined;
  /** Frames leave without asking for a neighbour's address (tunnels of IP). */
  readonly noArp: boolean;
  /** What `ip -d link` says of the type, by its own words (`remote`, `mode`, `table` …). */
  readonly settings: Readonly<Record<string, string>>;
  /** What it says of the device as a bridge's port (`state`, `hairpin` …). */
  readonly portSettings: Readonly<Record<string, string>>;
  readonly addresses: readonly DeviceAddress[];
  readonly unverified: readonly UnverifiedAddress[];
  readonly sources: readonly Source[];
}

export type RouteFact = Fact & { readonly kind: 'route' };
export type RuleFact = Fact & { readonly kind: 'ip-rule' };
export type NexthopFact = Fact & { readonly kind: 'nexthop-object' };

export interface Namespace {
  readonly host: string;
  /** `''` for the root namespace. */
  readonly name: string;
  /** What one types before a command to run it there, where a capture shows it; else `ip netns exec NAME`. */
  readonly enter?: string;
  readonly devices: ReadonlyMap<string, Device>;
  /** How much was captured of its bridges and their ports (`brctl show`, `bridge link`). */
  readonly bridgesKnown: Known;
  /** How much was captured of the addresses of all its devices, of IPv4 and of IPv6. */
  readonly addressesKnown: Readonly<Record<4 | 6, Known>>;
  readonly routes: readonly { readonly route: RouteFact; readonly source: Source }[];
  /** Next hops that routes name by their numbers (`nhid`). */
  readonly nexthops: ReadonlyMap<number, NexthopFact>;
  readonly routesKnown: Known;
  /** The same of IPv6. */
  readonly routesKnown6: Known;
  /** Routing tables that were asked for; `all`. */
  readonly tablesShown: ReadonlySet<string>;
  readonly rules: readonly { readonly rule: RuleFact; readonly source: Source }[];
  readonly rulesKnown: Known;
  readonly rulesKnown6: Known;
  readonly neighbours: readonly {
    readonly ip: string;
    readonly dev: string;
    readonly mac: string | undefined;
    /** `REACHABLE`, `FAILED` … where the capture says it. */
    readonly state: string | undefined;
    readonly source: Source;
  }[];
  readonly neighboursKnown: Known;
  /** Where its VXLAN devices send frames: by MAC, all zeros for the rest (`bridge fdb`). */
  readonly remotes: readonly {
    readonly dev: string;
    readonly mac: string;
    readonly ip: string;
    /** The network that the row is for, of a device of many. */
    readonly vni?: number;
    readonly source: Source;
  }[];
  /** The devices whose table of those was captured whole; `*` for all. */
  readonly remotesShown: ReadonlySet<string>;
  readonly netfilter: ReadonlyMap<string, NfTable>;
  /** The same of ip6tables. */
  readonly netfilter6: ReadonlyMap<string, NfTable>;
  /** Where iptables-nft warns that there are tables of the old back end as well, by family. */
  readonly legacyTables: ReadonlyMap<'ip' | 'ip6', Source>;
  /** Tables of nft that iptables did not make, by `FAMILY NAME` (`inet firewalld`). */
  readonly nft: ReadonlyMap<string, NfTable>;
  /** How much of nft's own tables was captured: `nft list ruleset` shows all of them. */
  readonly nftKnown: Known;
  /** By name. */
  readonly ipsets: ReadonlyMap<string, Ipset>;
  readonly connections: readonly ConnectionEntry[];
  readonly connectionsKnown: Known;
  /** Connections that others announced (`conntrack -L expect`). */
  readonly expectations: readonly { readonly expectation: ConntrackExpectationFact; readonly source: Source }[];
  readonly ipvs: Ipvs;
  readonly listeners: readonly Listener[];
  /** By `tcp` and `udp`: whether a listener that is not here does not exist. */
  readonly listenersKnown: Readonly<Record<'tcp' | 'udp', Known>>;
  readonly connectedSockets: readonly ConnectedSocket[];
  /** Whether a connected socket that is not here does not exist: `ss -a` shows all of them. */
  readonly connectedKnown: Readonly<Record<'tcp' | 'udp', Known>>;
  /** Numbers of the queues of NFQUEUE that a program serves. */
  readonly queues: ReadonlySet<number>;
  readonly queuesKnown: Known;
  /** ebtables' tables by name: rules for frames on the bridges of this namespace. */
  readonly ebtables: ReadonlyMap<string, EbTable>;
  /** What tcpdump, ping and traceroute showed here. */
  readonly evidence: Evidence;
  readonly sysctls: ReadonlyMap<string, { readonly value: string; readonly source: Source }>;
  readonly sources: readonly Source[];
}

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

/** A set of ipset(8) and its members. */
export interface Ipset {
  readonly name: string;
  /** `hash:ip,port` … */
  readonly type: string;
  readonly family: 'inet' | 'inet6';
  readonly options: Readonly<Record<string, string>>;
  /** As printed, in lower case; a set may also be known by its members alone. */
  readonly elements: readonly { readonly element: string; readonly nomatch: boolean; readonly source: Source }[];
  /** Whether an element that is not here is not in the set. */
  readonly known: Known;
  readonly source: Source;
}

/** A connection that the kernel (or the datapath of Open vSwitch) tracked when it was captured. */
export interface ConnectionEntry {
  readonly entry: ConntrackEntryFact;
  /** From the datapath of Open vSwitch, whose zones are its own. */
  readonly datapath: boolean;
  readonly source: Source;
}

/** A socket that takes its peer's packets only. */
export interface ConnectedSocket {
  readonly protocol: string;
  readonly ip: string;
  readonly port: number;
  readonly peerIp: string;
  readonly peerPort: number;
  readonly source: Source;
}

/** A socket that waits for packets. */
export interface Listener {
  /** `tcp`, `udp`, `raw` … */
  readonly protocol: string;
  /** `0.0.0.0` and `::` for every address of a family, `*` for both. */
  readonly ip: string;
  /** Undefined where every port is meant. */
  readonly port: number | undefined;
  readonly dev: string | undefined;
  readonly process: string | undefined;
  /** Whose it is, where that was captured. */
  readonly uid: number | undefined;
  readonly source: Source;
}

export interface EbTable {
  readonly name: string;
  readonly chains: ReadonlyMap<string, EbChain>;
  readonly known: Known;
  readonly source: Source;
}

export interface EbChain {
  readonly name: string;
  readonly policy: string | undefined;
  readonly rules: readonly EbRule[];
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

/** One netfilter table as one capture shows it. */
export interface NfTable {
  readonly name: string;
  /** Of iptables' old back end, or surely not, as the command or iptables-save's first line says. */
  readonly legacy?: boolean;
  readonly family: NfFamily;
  readonly chains: ReadonlyMap<string, NfChain>;
  readonly known: Known;
  /** Interfaces are not shown: rules may be narrower than they read. */
  readonly interfacesHidden: boolean;
  readonly source: Source;
}

export interface NfChain {
  readonly name: string;
  readonly policy: string | undefined;
  /** Of nft's base chains: where and when they run. A chain of iptables has the hook that it is named after. */
  readonly hook?: string;
  readonly priority?: number;
  /** Of chains at the ingress or egress of devices: which ones, where that is said. */
  readonly devices?: readonly string[];
  /** `filter`, `nat`, `route`. */
  readonly type?: string;
  /** Rules of it may be missing in what was captured. */
  readonly partial?: boolean;
  readonly rules: readonly NfRule[];
  readonly source: Source;
}

export interface NfRule {
  readonly number: number;
  readonly matches: readonly NfMatch[];
  /** What nft does before the target, in order. */
  readonly before?: readonly NfStatement[];
  /** The beginning of a rule of nft, which goes on in the next one. */
  readonly part?: boolean;
  /** One of several cases, of which the first that holds is the only one; that one of them did is this condition. */
  readonly settles?: NfMatch;
  readonly target: string | undefined;
  readonly goto: boolean;
  readonly options: NfTargetOptions;
  readonly interfacesHidden: boolean;
  readonly text: string;
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
  /** What its DHCP service tells the instances. */
  readonly mtu?: number;
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
