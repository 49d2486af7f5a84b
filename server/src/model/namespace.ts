import type { Fact } from '../captures/facts';
import type { ConntrackExpectationFact } from '../captures/netfilter-facts';
import type { ConnectionEntry } from './connections';
import type { Device } from './device';
import type { EbTable } from './ebtables';
import type { Evidence } from './evidence';
import type { Ipset } from './ipset';
import type { Ipvs } from './ipvs';
import type { NfTable } from './netfilter';
import type { ConnectedSocket, Listener } from './sockets';
import type { Known, Source } from './source';
import type { WireGuard } from './wireguard';

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
  /** How much was captured of its bridges and their ports (`brctl show`, `bridge link`, a whole `ip link`). */
  readonly bridgesKnown: Known;
  /** How much was captured of the addresses of all its devices, of IPv4 and of IPv6. */
  readonly addressesKnown: Readonly<Record<4 | 6, Known>>;
  readonly routes: readonly { readonly route: RouteFact; readonly source: Source }[];
  /** Next hops that routes name by their numbers (`nhid`). */
  readonly nexthops: ReadonlyMap<number, NexthopFact>;
  /** Ways that a question says, where nobody captured routes. */
  readonly givenWays?: readonly { readonly family: 4 | 6; readonly dst: bigint; readonly length: number; readonly dev: string }[];
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
    readonly ip?: string;
    /** In place of an address: the next hop, most often a group of them, that has it (ip-nexthop(8), `fdb`). */
    readonly nexthop?: number;
    /** The network that the row is for, of a device of many. */
    readonly vni?: number;
    /** The network that frames for it are sent in, where it is not the device's own. */
    readonly toVni?: number;
    readonly source: Source;
  }[];
  /** WireGuard's devices, by name. */
  readonly wireguard: ReadonlyMap<string, WireGuard>;
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
