import type { GeneveOption } from './geneve';
import type { FlowWords } from '../packet/flow-words';

/** What a translation tells the datapath to do (ovs-actions(7) calls them datapath actions). Ports are the datapath's own numbers. */
export type DpAction =
  | { readonly kind: 'output'; readonly port: number }
  | { readonly kind: 'lb_output'; readonly bond: number }
  | {
      readonly kind: 'userspace';
      readonly pid: number;
      readonly cookie: UserspaceCookie;
      readonly tunnelOutPort?: number;
      readonly actions?: boolean;
    }
  /** `mask` undefined: the whole header is set. Only the words of the header `header` count. */
  | {
      readonly kind: 'set';
      readonly header: SetHeader;
      readonly value: FlowWords;
      readonly mask: FlowWords | undefined;
      /** Which tunnel's extensions a tunnel header carries; undefined: all that are given. */
      readonly tunnelType?: string | undefined;
      readonly geneve?: readonly GeneveOption[];
    }
  | { readonly kind: 'push_vlan'; readonly tpid: number; readonly tci: number }
  | { readonly kind: 'pop_vlan' }
  | { readonly kind: 'push_mpls'; readonly ethertype: number; readonly lse: number }
  | { readonly kind: 'pop_mpls'; readonly ethertype: number }
  | { readonly kind: 'add_mpls'; readonly ethertype: number; readonly lse: number; readonly l3: boolean }
  | { readonly kind: 'push_eth'; readonly src: bigint; readonly dst: bigint }
  | { readonly kind: 'pop_eth' }
  | { readonly kind: 'push_nsh'; readonly value: FlowWords; readonly metadata: readonly number[] | undefined }
  | { readonly kind: 'pop_nsh' }
  | { readonly kind: 'hash'; readonly algorithm: 'l4' | 'sym_l4' | 'l4_symmetric'; readonly basis: number }
  | { readonly kind: 'recirc'; readonly id: number }
  | { readonly kind: 'sample'; /** of 2^32 */ readonly probability: number; readonly actions: readonly DpAction[] }
  | {
      readonly kind: 'ct';
      readonly commit: boolean;
      readonly force: boolean;
      readonly zone: number;
      readonly mark: { readonly value: number; readonly mask: number } | undefined;
      readonly label: { readonly value: bigint; readonly mask: bigint } | undefined;
      readonly helper: string | undefined;
      readonly timeout: string | undefined;
      readonly nat: DpNat | undefined;
    }
  | { readonly kind: 'ct_clear' }
  | { readonly kind: 'trunc'; readonly maxLen: number }
  | { readonly kind: 'clone'; readonly actions: readonly DpAction[] }
  | {
      readonly kind: 'check_pkt_len';
      readonly length: number;
      readonly greater: readonly DpAction[];
      readonly lessEqual: readonly DpAction[];
    }
  | { readonly kind: 'meter'; readonly meter: number }
  | { readonly kind: 'drop'; readonly reason: number }
  | { readonly kind: 'tnl_push'; readonly push: TunnelPush }
  | { readonly kind: 'tnl_pop'; readonly port: number };

/** The headers that a datapath sets as one. */
export type SetHeader =
  | 'skb_priority' | 'skb_mark' | 'tunnel' | 'eth' | 'ipv4' | 'ipv6' | 'arp' | 'icmp' | 'icmpv6' | 'nd' | 'nd_ext' | 'mpls'
  | 'tcp' | 'udp' | 'sctp' | 'nsh'; // prettier-ignore

export interface DpNat {
  readonly direction: 'src' | 'dst' | undefined;
  readonly family: 4 | 6 | undefined;
  readonly min: bigint | undefined;
  readonly max: bigint | undefined;
  readonly portMin: number;
  readonly portMax: number;
  readonly persistent: boolean;
  readonly hash: boolean;
  readonly random: boolean;
}

/** What an upcall to ovs-vswitchd carries. */
export type UserspaceCookie =
  | { readonly kind: 'slow_path'; readonly reasons: readonly string[] }
  | {
      readonly kind: 'controller';
      readonly reason: number;
      readonly dontSend: boolean;
      readonly continuation: boolean;
      readonly recircId: number;
      readonly ruleCookie: bigint;
      readonly controllerId: number;
      readonly maxLen: number;
    }
  | { readonly kind: 'sflow'; readonly vid: number; readonly pcp: number; readonly output: number }
  | {
      readonly kind: 'flow_sample';
      readonly probability: number;
      readonly collectorSetId: number;
      readonly obsDomainId: number;
      readonly obsPointId: number;
      readonly outputPort: number;
      readonly direction: 'default' | 'ingress' | 'egress';
    }
  | { readonly kind: 'ipfix'; readonly outputPort: number };

/** The header that the userspace datapath puts before a packet which enters a tunnel. */
export interface TunnelPush {
  readonly tnlPort: number;
  readonly outPort: number;
  readonly eth: { readonly src: bigint; readonly dst: bigint; readonly type: number };
  readonly ip:
    | {
        readonly family: 4;
        readonly src: number;
        readonly dst: number;
        readonly proto: number;
        readonly tos: number;
        readonly ttl: number;
        readonly frag: number;
      }
    | {
        readonly family: 6;
        readonly src: bigint;
        readonly dst: bigint;
        readonly label: number;
        readonly proto: number;
        readonly tclass: number;
        readonly hlimit: number;
      };
  readonly udp: { readonly src: number; readonly dst: number; readonly csum: number } | undefined;
  readonly tunnel: TunnelPushHeader;
}

export type TunnelPushHeader =
  | { readonly kind: 'vxlan'; readonly flags: number; readonly vni: number }
  | {
      readonly kind: 'geneve';
      readonly oam: boolean;
      readonly critical: boolean;
      readonly vni: number;
      readonly options: readonly GeneveOption[];
    }
  | {
      readonly kind: 'gre' | 'ip6gre';
      readonly flags: number;
      readonly proto: number;
      readonly csum: number | undefined;
      readonly key: number | undefined;
      readonly seq: number | undefined;
    }
  | { readonly kind: 'erspan' | 'ip6erspan'; readonly version: 1; readonly sid: number; readonly index: number }
  | {
      readonly kind: 'erspan' | 'ip6erspan';
      readonly version: 2;
      readonly sid: number;
      readonly dir: number;
      readonly hwid: number;
    }
  | { readonly kind: 'gtpu'; readonly flags: number; readonly msgtype: number; readonly teid: number };
