import type { Val } from '../base/span';
import type { IpvsFact } from './ipvs-facts';
import type { ConntrackFact, EbtablesFact, IpsetFact, NetfilterFact } from './netfilter-facts';
import type { SwitchFact } from './switch-facts';

/**
 * What one record of a capture says. Facts know nothing of other captures; the linker joins them. Flows are not among them: there
 * may be hundreds of thousands, so a capture keeps them in a store (`flow/store.ts`).
 */
export type Fact =
  | OvsFact
  | SwitchFact
  | LinuxFact
  | NetfilterFact
  | IpsetFact
  | ConntrackFact
  | IpvsFact
  | EbtablesFact
  | OpenStackFact
  | EvidenceFact;

/** An OpenFlow port number, or the name that a dump printed instead of it. `LOCAL` is 65534. */
export type OfPortRef = number | string;

export type OvsFact =
  | { readonly kind: 'ovs-system'; readonly uuid?: Val<string>; readonly version?: Val<string> }
  | {
      readonly kind: 'ovs-bridge';
      readonly name: Val<string>;
      readonly failMode?: Val<string>;
      readonly datapathType?: Val<string>;
    }
  | {
      readonly kind: 'ovs-port';
      /** Undefined where a fragment does not say. */
      readonly bridge: Val<string> | undefined;
      readonly name: Val<string>;
      readonly tag?: Val<number>;
      readonly trunks?: Val<readonly number[]>;
      readonly vlanMode?: Val<string>;
      readonly protected?: Val<boolean>;
    }
  | {
      readonly kind: 'ovs-interface';
      readonly bridge: Val<string> | undefined;
      readonly port: Val<string> | undefined;
      readonly name: Val<string>;
      readonly type?: Val<string>;
      readonly options?: Readonly<Record<string, Val<string>>>;
      readonly error?: Val<string>;
      readonly ofport?: Val<number>;
      readonly attachedMac?: Val<string>;
      readonly ifaceId?: Val<string>;
      readonly macInUse?: Val<string>;
      readonly mtu?: Val<number>;
      /** `bfd_status:forwarding`. */
      readonly bfdUp?: Val<boolean>;
      /** `cfm_fault` turned round. */
      readonly cfmUp?: Val<boolean>;
    }
  | {
      readonly kind: 'of-port';
      readonly ofport: Val<number>;
      readonly name: Val<string>;
      readonly mac?: Val<string>;
      readonly config?: Val<string>;
      readonly state?: Val<string>;
      /** Shown by OpenFlow 1.1 or later, which have no words for NO_FLOOD, NO_STP, NO_RECV_STP and the states of spanning trees. */
      readonly later?: true;
    }
  | {
      readonly kind: 'fdb-entry';
      readonly port: Val<OfPortRef>;
      readonly vlan: Val<number>;
      readonly mac: Val<string>;
      readonly age?: Val<number>;
    };

export type LinuxFact =
  | {
      readonly kind: 'link';
      readonly index?: Val<number>;
      readonly name: Val<string>;
      /** `qvbX@qvoX`: the peer or lower device by name. */
      readonly peer?: Val<string>;
      /** `eth1@if3`: its index, in another namespace. */
      readonly peerIndex?: Val<number>;
      readonly flags: readonly string[];
      readonly mtu?: Val<number>;
      readonly state?: Val<string>;
      /** `default`, a name of /etc/iproute2/group, or the number. */
      readonly group?: Val<string>;
      readonly mac?: Val<string>;
      readonly master?: Val<string>;
      readonly linkNetns?: Val<string>;
      /** From `ip -d link`: veth, bridge, vlan, vxlan, bond … */
      readonly type?: Val<string>;
      readonly vlanId?: Val<number>;
      readonly vni?: Val<number>;
      /** `link-netnsid 0`: the number of the peer's namespace as this one counts them (ip-netns(8)). */
      readonly linkNetnsId?: Val<number>;
      /**
       * What else `ip -d link` says of the type, by the word it uses: `remote`, `local`, `group`, `dstport`, `dev`, `key`, `mode`,
       * `table`, `vlan_filtering`, `stp_state`, `ageing_time`, `nf_call_iptables` …
       */
      readonly settings?: Readonly<Record<string, Val<string>>>;
      /** The same for what it says behind `bridge_slave`: `state`, `hairpin`, `isolated`, `learning`, `flood` … */
      readonly portSettings?: Readonly<Record<string, Val<string>>>;
    }
  | {
      readonly kind: 'address';
      readonly dev: Val<string>;
      readonly ip: Val<string>;
      readonly prefix: Val<number>;
      readonly scope?: Val<string>;
      readonly peer?: Val<string>;
      readonly broadcast?: Val<string>;
      /** The kernel made no route for the subnet (`noprefixroute`). */
      readonly noPrefixRoute?: boolean;
      /** `tentative` or `dadfailed`: duplicate address detection has not ended, or found another that has it (RFC 4862). */
      readonly unverified?: Val<string>;
    }
  | {
      readonly kind: 'route';
      readonly type: string;
      /** Prefix 0 for the default route; the address in its canonical form. */
      readonly dst: Val<{ readonly ip: string; readonly prefix: number }>;
      readonly via?: Val<string>;
      readonly dev?: Val<string>;
      readonly src?: Val<string>;
      /** Only packets from this network use it (IPv6). */
      readonly from?: Val<string>;
      readonly metric?: Val<number>;
      readonly scope?: Val<string>;
      readonly table?: Val<string>;
      /** More than one next hop (ECMP). */
      readonly nexthops?: readonly {
        readonly via?: Val<string>;
        readonly dev?: Val<string>;
        readonly weight: number;
        readonly flags?: readonly string[];
        /** `mpls 100`: what packets that go there are wrapped in. */
        readonly encap?: Val<string>;
      }[];
      /** The same of a route with one next hop: `mpls 100/200`, `seg6 mode encap segs 1 [ fc00::1 ]`, `ip id 100 dst 10.0.0.1` … */
      readonly encap?: Val<string>;
      /** `nhid`: the next hop is an object of its own (ip-nexthop(8)). */
      readonly nexthopId?: Val<number>;
      /** A gateway by its name, where the table was printed with names: its address is not known. */
      readonly gatewayName?: Val<string>;
      /** Only packets with this type of service use it. */
      readonly tos?: Val<number>;
      readonly mtu?: Val<number>;
      /** The segment size that this host names in its own SYNs on that way. */
      readonly advmss?: Val<number>;
      /** `kernel`, `static`, `bird` … */
      readonly protocol?: Val<string>;
      readonly flags: readonly string[];
      readonly text: Val<string>;
    }
  | {
      /** A next hop that routes name by its number, or a group of them (ip-nexthop(8)). */
      readonly kind: 'nexthop-object';
      readonly id: Val<number>;
      readonly via?: Val<string>;
      readonly dev?: Val<string>;
      readonly blackhole: boolean;
      readonly encap?: Val<string>;
      readonly group: readonly { readonly id: number; readonly weight: number }[];
      readonly text: Val<string>;
    }
  | {
      /** What `ip route get` said about one packet; no route of a table. */
      readonly kind: 'route-answer';
      /** `unicast`, `local`, `broadcast`, `multicast`, `blackhole` … */
      readonly type: string;
      readonly dst: Val<string>;
      /** Where the question named it. */
      readonly from?: Val<string>;
      readonly via?: Val<string>;
      readonly dev?: Val<string>;
      readonly src?: Val<string>;
      /** Another table than main, where the answer names it. */
      readonly table?: Val<string>;
      readonly text: Val<string>;
    }
  | {
      readonly kind: 'ip-rule';
      readonly priority: Val<number>;
      readonly not: boolean;
      /** From `ip -6 rule`; else IPv4's (or both, where nothing tells them apart). */
      readonly family?: 'ip' | 'ip6';
      readonly from?: Val<string>;
      readonly to?: Val<string>;
      readonly iif?: Val<string>;
      readonly oif?: Val<string>;
      readonly fwmark?: Val<string>;
      readonly tos?: Val<number>;
      readonly ipproto?: Val<string>;
      readonly sport?: Val<readonly [number, number]>;
      readonly dport?: Val<readonly [number, number]>;
      readonly uidrange?: Val<readonly [number, number]>;
      /** `tun_id`: only packets that a tunnel device with external metadata (`external`) brought with that identifier. */
      readonly tunnel?: Val<number>;
      /** Routes with a prefix of at most this length do not count (`suppress_prefixlength`). */
      readonly suppressPrefix?: Val<number>;
      /** Routes by devices of this group do not count (`suppress_ifgroup`). */
      readonly suppressGroup?: Val<string>;
      /** `goto PRIORITY`. */
      readonly goto?: Val<number>;
      /** `lookup [l3mdev-table]`: the table of the VRF that the device belongs to. */
      readonly l3mdev?: boolean;
      /** `[detached]`, `[iif detached]`: what it names does not exist now, so it takes no packet. */
      readonly detached?: boolean;
      /** `lookup TABLE` or an action such as `unreachable`. */
      readonly table?: Val<string>;
      readonly action?: Val<string>;
      readonly text: Val<string>;
    }
  | {
      readonly kind: 'neighbour';
      readonly ip: Val<string>;
      readonly dev: Val<string>;
      readonly mac?: Val<string>;
      readonly state?: Val<string>;
    }
  | { readonly kind: 'netns'; readonly name: Val<string>; readonly id?: Val<number> }
  | { readonly kind: 'linux-bridge'; readonly name: Val<string>; readonly id?: Val<string>; readonly stp?: Val<string> }
  | {
      readonly kind: 'linux-bridge-port';
      readonly bridge: Val<string>;
      readonly name: Val<string>;
      /** `forwarding`, `blocking`, `disabled` … (bridge(8)). */
      readonly state?: Val<string>;
      /** As `brctl showmacs` calls it. */
      readonly portNumber?: Val<number>;
      /** What `bridge -d link` says: `hairpin`, `isolated`, `learning`, `flood`, `mcast_flood`, `neigh_suppress` …: `on` or `off`. */
      readonly settings?: Readonly<Record<string, Val<string>>>;
    }
  | {
      /** `bridge vlan`: a VLAN, or a range of them, that a bridge's port carries. */
      readonly kind: 'bridge-vlan';
      readonly dev: Val<string>;
      readonly vlan: Val<readonly [number, number]>;
      readonly pvid: boolean;
      readonly untagged: boolean;
      /** The port's state in these VLANs alone (`-d`). */
      readonly state?: Val<string>;
    }
  | {
      /** `bridge vlan tunnelshow`: the numbers that VLANs of a port travel under (`vlan_tunnel`). */
      readonly kind: 'bridge-vlan-tunnel';
      readonly dev: Val<string>;
      readonly vlan: Val<readonly [number, number]>;
      readonly ids: Val<readonly [number, number]>;
    }
  | {
      /** `brctl showmacs`: a MAC address behind a port that is named by its number. */
      readonly kind: 'bridge-mac';
      readonly bridge: Val<string>;
      readonly portNumber: Val<number>;
      readonly mac: Val<string>;
      readonly local: boolean;
      readonly age?: Val<number>;
    }
  | {
      /** A socket that waits for packets: `ss -ln`, `netstat -ln`. */
      /** A socket that is connected, or was: it takes its peer's packets only. */
      readonly kind: 'connected-socket';
      readonly protocol: Val<string>;
      readonly ip: Val<string>;
      readonly port: Val<number>;
      readonly peerIp: Val<string>;
      readonly peerPort: Val<number>;
      /** `ESTAB`, `TIME-WAIT`; of netstat(8) `ESTABLISHED`, `TIME_WAIT`. */
      readonly state?: Val<string>;
      readonly process?: Val<string>;
    }
  | {
      readonly kind: 'listener';
      readonly protocol: Val<string>;
      /** `0.0.0.0`, `::`, or an address; `*` where both families are meant. */
      readonly ip: Val<string>;
      /** Undefined where every port is meant. */
      readonly port?: Val<number>;
      /** `%lo`: bound to a device. */
      readonly dev?: Val<string>;
      readonly process?: Val<string>;
      /** Whose it is, where the listing says that (`ss -e`). */
      readonly uid?: number;
    }
  | {
      readonly kind: 'bridge-fdb';
      readonly mac: Val<string>;
      readonly dev: Val<string>;
      readonly master?: Val<string>;
      readonly vlan?: Val<number>;
      readonly dst?: Val<string>;
      /** `nhid`: the next hop of ip-nexthop(8) that it is sent to, in place of `dst`. */
      readonly nexthop?: Val<number>;
      /** The network that a VXLAN device sends it in, where that is not its own. */
      readonly vni?: Val<number>;
      /** Of a VXLAN device of many networks: the one that the row is for. */
      readonly sourceVni?: Val<number>;
      readonly flags: readonly string[];
    }
  /** WireGuard's device, and the public key that its peers know it by. */
  | { readonly kind: 'wireguard-device'; readonly dev: Val<string>; readonly key: Val<string> }
  | {
      /** `wg show`: whom a device of WireGuard sends to. */
      readonly kind: 'wireguard-peer';
      readonly dev: Val<string>;
      /** As the line names it: the key, or what somebody put in its place. */
      readonly peer: Val<string>;
      readonly key?: Val<string>;
      /** The address of the machine that it was last heard from, or is configured at. */
      readonly endpoint?: Val<string>;
      /** A line tells of an endpoint, whose address may be masked, or of packets that went there. */
      readonly reached: boolean;
      /** The networks behind it, as prefixes. */
      readonly allowed: readonly Val<string>[];
    }
  /** A queue of NFQUEUE that a program serves. */
  | { readonly kind: 'nf-queue'; readonly queue: Val<number> }
  | { readonly kind: 'sysctl'; readonly name: Val<string>; readonly value: Val<string> };

export type OpenStackFact =
  | {
      readonly kind: 'instance';
      readonly id?: Val<string>;
      readonly name?: Val<string>;
      readonly hypervisor?: Val<string>;
      readonly libvirtName?: Val<string>;
      readonly status?: Val<string>;
      readonly addresses: readonly { readonly network: Val<string>; readonly ips: readonly Val<string>[] }[];
    }
  | {
      readonly kind: 'neutron-port';
      readonly id: Val<string>;
      readonly name?: Val<string>;
      readonly mac?: Val<string>;
      readonly fixedIps: readonly { readonly subnet?: Val<string>; readonly ip: Val<string> }[];
      readonly network?: Val<string>;
      readonly status?: Val<string>;
      readonly deviceOwner?: Val<string>;
      readonly deviceId?: Val<string>;
      /** The command asked for the ports of this router or instance (its name or id). */
      readonly ofRouter?: string;
      readonly ofInstance?: string;
    }
  | {
      readonly kind: 'neutron-network';
      readonly id?: Val<string>;
      readonly name?: Val<string>;
      readonly type?: Val<string>;
      readonly physicalNetwork?: Val<string>;
      readonly segmentationId?: Val<number>;
      readonly mtu?: Val<number>;
      readonly external?: Val<boolean>;
      readonly subnets: readonly Val<string>[];
    }
  | {
      readonly kind: 'neutron-subnet';
      readonly id: Val<string>;
      readonly name?: Val<string>;
      readonly cidr?: Val<string>;
      readonly gateway?: Val<string>;
      readonly network?: Val<string>;
    }
  | {
      readonly kind: 'neutron-router';
      readonly id: Val<string>;
      readonly name?: Val<string>;
      readonly externalNetwork?: Val<string>;
      readonly externalIps: readonly Val<string>[];
      readonly enableSnat?: Val<boolean>;
    }
  | { readonly kind: 'floating-ip'; readonly ip: Val<string>; readonly fixedIp?: Val<string>; readonly port?: Val<string> }
  | { readonly kind: 'domain'; readonly name?: Val<string>; readonly uuid?: Val<string>; readonly instanceName?: Val<string> }
  | {
      readonly kind: 'domain-interface';
      /** The libvirt domain, from the XML or the command. */
      readonly domain?: string;
      readonly mac?: Val<string>;
      readonly target?: Val<string>;
      readonly source?: Val<string>;
    };

/** What someone saw happen: it proves that packets went through, not how. */
export type EvidenceFact =
  | {
      readonly kind: 'ping';
      readonly target: Val<string>;
      readonly replies: number;
      readonly lost?: Val<string>;
    }
  | {
      /** A packet, or a frame, that `tcpdump` saw. What it did not print is undefined. */
      readonly kind: 'packet-seen';
      /** From `-i DEV`, `listening on DEV`, or the line itself (`-i any`); undefined where nothing names it. */
      readonly dev?: Val<string>;
      readonly direction?: 'in' | 'out';
      readonly time?: Val<string>;
      readonly macSrc?: Val<string>;
      readonly macDst?: Val<string>;
      readonly vlan?: Val<number>;
      /** `ip`, `ip6`, `arp`, or the number of another Ethernet type in hex. */
      readonly ethertype?: string;
      /** Of ARP: the sender's and the target's protocol addresses, where the line prints them. */
      readonly src?: Val<string>;
      readonly dst?: Val<string>;
      /** `tcp`, `udp`, `icmp`, `icmpv6` … */
      readonly protocol?: string;
      readonly sport?: Val<number>;
      readonly dport?: Val<number>;
      /** `S`, `S.`, `.` of TCP; `request` and `reply` of ARP and ICMP echo. */
      readonly what?: Val<string>;
      /** Of VXLAN and Geneve. */
      readonly vni?: Val<number>;
      readonly text: Val<string>;
    }
  | {
      /** `tcpdump` ended: it says how many packets there were, so that what it did not print was not there. */
      readonly kind: 'packets-counted';
      readonly dev?: Val<string>;
      readonly captured: Val<number>;
    }
  | {
      /** `traceroute`, `tracepath`, `mtr`: the routers on the way that answered. */
      readonly kind: 'traceroute';
      readonly target: Val<string>;
      readonly hops: readonly { readonly ttl: Val<number>; readonly ips: readonly Val<string>[] }[];
      /** The target itself answered. */
      readonly reached: boolean;
    }
  | {
      /** Who has an address, as Docker, Kubernetes or a container runtime says. */
      readonly kind: 'address-owner';
      /** `container`, `pod`, `service`, `node`, `domain`; `endpoint` where only the service is known that it serves. */
      readonly what: string;
      readonly name: Val<string>;
      readonly ip: Val<string>;
      readonly mac?: Val<string>;
      /** The machine that runs it. */
      readonly node?: Val<string>;
      /** The Docker network, or the Kubernetes namespace. */
      readonly of?: Val<string>;
    }
  | {
      /** A pod's sandbox or a container of it, as the container runtime lists them (`crictl pods`, `crictl ps`). */
      readonly kind: 'runtime-object';
      readonly what: 'pod' | 'container';
      /** As printed: the start of the identifier, or all of it. */
      readonly id: Val<string>;
      readonly name: Val<string>;
      /** `Ready`, `NotReady`, `Running`, `Exited` … */
      readonly state?: Val<string>;
      /** Of a pod. */
      readonly namespace?: Val<string>;
      /** Of a container: its pod's identifier. */
      readonly pod?: Val<string>;
    };
