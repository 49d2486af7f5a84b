import type { Val } from '../base/span';
import type { Flow } from '../packet/openflow';

/** What one record of a capture says. Facts know nothing of other captures; the linker joins them. */
export type Fact =
  OvsFact | { readonly kind: 'flow'; readonly flow: Flow } | LinuxFact | NetfilterFact | OpenStackFact | EvidenceFact;

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
    }
  | {
      readonly kind: 'of-port';
      readonly ofport: Val<number>;
      readonly name: Val<string>;
      readonly mac?: Val<string>;
      readonly config?: Val<string>;
      readonly state?: Val<string>;
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
      readonly mac?: Val<string>;
      readonly master?: Val<string>;
      readonly linkNetns?: Val<string>;
      /** From `ip -d link`: veth, bridge, vlan, vxlan, bond … */
      readonly type?: Val<string>;
      readonly vlanId?: Val<number>;
      readonly vni?: Val<number>;
    }
  | {
      readonly kind: 'address';
      readonly dev: Val<string>;
      readonly ip: Val<string>;
      readonly prefix: Val<number>;
      readonly scope?: Val<string>;
      readonly peer?: Val<string>;
    }
  | {
      readonly kind: 'route';
      readonly type: string;
      /** Prefix 0 for the default route; the address in its canonical form. */
      readonly dst: Val<{ readonly ip: string; readonly prefix: number }>;
      readonly via?: Val<string>;
      readonly dev?: Val<string>;
      readonly src?: Val<string>;
      readonly metric?: Val<number>;
      readonly scope?: Val<string>;
      readonly table?: Val<string>;
      /** More than one next hop (ECMP). */
      readonly nexthops?: readonly { readonly via?: Val<string>; readonly dev?: Val<string>; readonly weight: number }[];
      readonly flags: readonly string[];
      readonly text: Val<string>;
    }
  | {
      readonly kind: 'ip-rule';
      readonly priority: Val<number>;
      readonly not: boolean;
      readonly from?: Val<string>;
      readonly to?: Val<string>;
      readonly iif?: Val<string>;
      readonly oif?: Val<string>;
      readonly fwmark?: Val<string>;
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
  | { readonly kind: 'linux-bridge-port'; readonly bridge: Val<string>; readonly name: Val<string>; readonly state?: Val<string> }
  | {
      readonly kind: 'bridge-fdb';
      readonly mac: Val<string>;
      readonly dev: Val<string>;
      readonly master?: Val<string>;
      readonly vlan?: Val<number>;
      readonly dst?: Val<string>;
      readonly flags: readonly string[];
    }
  | { readonly kind: 'sysctl'; readonly name: Val<string>; readonly value: Val<string> };

/** One condition of a netfilter rule. `negated` is `!`. */
export type NfMatch =
  | { readonly kind: 'protocol'; readonly value: Val<string>; readonly negated: boolean }
  | { readonly kind: 'source' | 'destination'; readonly value: Val<string>; readonly negated: boolean }
  | { readonly kind: 'in-interface' | 'out-interface'; readonly value: Val<string>; readonly negated: boolean }
  | {
      readonly kind: 'source-port' | 'destination-port';
      readonly ranges: Val<readonly (readonly [number, number])[]>;
      readonly negated: boolean;
    }
  | { readonly kind: 'any-port'; readonly ranges: Val<readonly (readonly [number, number])[]>; readonly negated: boolean }
  | { readonly kind: 'icmp-type'; readonly type: Val<string>; readonly negated: boolean }
  | { readonly kind: 'ctstate'; readonly states: Val<readonly string[]>; readonly negated: boolean }
  | {
      readonly kind: 'mark' | 'connmark';
      readonly mark: Val<{ readonly value: number; readonly mask: number }>;
      readonly negated: boolean;
    }
  | { readonly kind: 'physdev-in' | 'physdev-out'; readonly value: Val<string>; readonly negated: boolean }
  | { readonly kind: 'physdev-is-bridged'; readonly span: Val<string>; readonly negated: boolean }
  | { readonly kind: 'mac-source'; readonly value: Val<string>; readonly negated: boolean }
  | { readonly kind: 'set'; readonly set: Val<string>; readonly directions: readonly string[]; readonly negated: boolean }
  | { readonly kind: 'addrtype'; readonly which: 'src' | 'dst'; readonly value: Val<string>; readonly negated: boolean }
  | {
      readonly kind: 'iprange';
      readonly which: 'src' | 'dst';
      readonly from: string;
      readonly to: string;
      readonly text: Val<string>;
      readonly negated: boolean;
    }
  | { readonly kind: 'tcp-flags'; readonly text: Val<string>; readonly negated: boolean }
  /** A match that changes nothing: a comment. */
  | { readonly kind: 'comment'; readonly text: Val<string> }
  /** Read, but not modelled: the rule may match. */
  | { readonly kind: 'other'; readonly text: Val<string>; readonly negated: boolean };

/** What a rule's target is told, besides its name. */
export interface NfTargetOptions {
  /** `to:` of DNAT and SNAT: `ADDRESS`, `ADDRESS-ADDRESS`, with `:PORT` or `:PORT-PORT`; of REDIRECT and MASQUERADE, the ports. */
  readonly to?: Val<string>;
  readonly ports?: Val<string>;
  /** MARK, CONNMARK: the new value and the bits that it replaces (`xset`); `save` and `restore` for CONNMARK. */
  readonly mark?: Val<{
    readonly op: 'set' | 'xset' | 'and' | 'or' | 'xor' | 'save' | 'restore';
    readonly value: number;
    readonly mask: number;
  }>;
  readonly zone?: Val<number>;
  readonly notrack?: boolean;
  readonly rejectWith?: Val<string>;
}

export type NetfilterFact =
  | {
      readonly kind: 'nf-chain';
      readonly family: 'ip' | 'ip6';
      /** `filter`, `nat`, `mangle`, `raw`, `security`. */
      readonly table: string;
      readonly name: Val<string>;
      /** Built-in chains only. */
      readonly policy?: Val<string>;
      readonly span: Val<string>;
    }
  | {
      readonly kind: 'nf-rule';
      readonly family: 'ip' | 'ip6';
      readonly table: string;
      readonly chain: string;
      /** 1-based place in its chain as captured. */
      readonly number: number;
      readonly matches: readonly NfMatch[];
      /** Undefined for a rule without a target (it only counts). */
      readonly target?: Val<string>;
      readonly goto: boolean;
      readonly targetOptions: NfTargetOptions;
      readonly packets?: Val<string>;
      /** The listing has no interface columns (`iptables -L` without `-v`): in- and out-interface may restrict the rule unseen. */
      readonly interfacesHidden: boolean;
      readonly text: Val<string>;
    };

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
export type EvidenceFact = {
  readonly kind: 'ping';
  readonly target: Val<string>;
  readonly replies: number;
  readonly lost?: Val<string>;
};
