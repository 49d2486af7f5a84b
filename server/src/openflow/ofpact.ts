import { LOCAL_PORT } from '../packet/fields';
import type { Field } from '../packet/field';

/** A run of a field's bits: `bits` from bit `ofs` on, as in `NXM_OF_VLAN_TCI[0..11]`. */
export interface MfSubfield {
  readonly field: Field;
  readonly ofs: number;
  readonly bits: number;
}

/** Which headers a hash covers (`multipath`, `bundle`; ovs-actions(7)). */
export type HashFields =
  | 'eth_src' | 'symmetric_l4' | 'symmetric_l3l4' | 'symmetric_l3l4+udp' | 'nw_src' | 'nw_dst' | 'symmetric_l3'; // prettier-ignore

export type LearnSource =
  { readonly kind: 'field'; readonly src: MfSubfield } | { readonly kind: 'immediate'; readonly value: bigint };

export type LearnSpec =
  /** `portName`: an immediate value that is a port's name, still to be resolved. */
  | {
      readonly kind: 'match';
      readonly bits: number;
      readonly src: LearnSource;
      readonly dst: MfSubfield;
      readonly portName?: string;
    }
  | { readonly kind: 'load'; readonly bits: number; readonly src: LearnSource; readonly dst: MfSubfield }
  | { readonly kind: 'output'; readonly bits: number; readonly src: MfSubfield };

export interface LearnAct {
  readonly kind: 'learn';
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly finIdleTimeout: number;
  readonly finHardTimeout: number;
  readonly priority: number;
  readonly table: number;
  readonly tableName?: string;
  readonly cookie: bigint;
  readonly sendFlowRem: boolean;
  readonly deleteLearned: boolean;
  readonly limit: number;
  readonly resultDst: MfSubfield | undefined;
  readonly specs: readonly LearnSpec[];
}

export interface NatAct {
  readonly kind: 'nat';
  /** Undefined for plain `nat`. */
  readonly direction: 'src' | 'dst' | undefined;
  readonly addresses: { readonly family: 4 | 6; readonly min: bigint; readonly max: bigint } | undefined;
  readonly ports: { readonly min: number; readonly max: number } | undefined;
  readonly persistent: boolean;
  readonly hash: boolean;
  readonly random: boolean;
}

export interface CtAct {
  readonly kind: 'ct';
  readonly commit: boolean;
  readonly force: boolean;
  /** A number, or where to read it. */
  readonly zone: number | MfSubfield;
  /** Where the packet comes back after the connection was looked up; undefined: it does not. */
  readonly table: number | undefined;
  readonly tableName?: string;
  /** `ftp` 21, `tftp` 69; 0 for none. */
  readonly alg: number;
  /** What `exec(…)` holds, and `nat` as the first of them, in the switch's order. */
  readonly actions: readonly OfpAct[];
}

export interface EncapProperty {
  readonly class: 'nsh';
  /** `md_type=N` or `tlv(CLASS,TYPE,VALUE)`. */
  readonly value:
    | { readonly kind: 'md-type'; readonly mdType: number }
    | { readonly kind: 'tlv'; readonly tlvClass: number; readonly type: number; readonly data: readonly number[] };
}

/**
 * One OpenFlow action or instruction (ovs-actions(7)). Ports are OpenFlow 1.0's 16-bit numbers (LOCAL is 65534); a port that the text
 * names and the reader can't resolve is given by `PortRef`'s string and resolved when the switch is put together; so are tables that
 * have a `tableName` (their number is 255 until then).
 */
export type OfpAct =
  | { readonly kind: 'output'; readonly port: PortRef; readonly maxLen: number }
  | { readonly kind: 'output_reg'; readonly src: MfSubfield; readonly maxLen: number }
  | { readonly kind: 'output_trunc'; readonly port: PortRef; readonly maxLen: number }
  | { readonly kind: 'group'; readonly group: number }
  | {
      readonly kind: 'controller';
      readonly maxLen: number;
      readonly controllerId: number;
      /** `action`, `no_match`, `invalid_ttl`, `action_set`, `group`, `packet_out`, or a number. */
      readonly reason: string;
      readonly userdata: readonly number[] | undefined;
      readonly pause: boolean;
      readonly meterId: number | undefined;
    }
  | { readonly kind: 'enqueue'; readonly port: PortRef; readonly queue: number }
  | {
      readonly kind: 'bundle';
      readonly fields: HashFields;
      readonly basis: number;
      readonly algorithm: 'active_backup' | 'hrw';
      /** `bundle_load` only. */
      readonly dst: MfSubfield | undefined;
      readonly members: readonly PortRef[];
    }
  /**
   * `value` and `mask` are over the whole field, also of a `load` into some of its bits. `flowHasVlan`: the flow's own match demands a
   * VLAN header (only then may the field be a VLAN's).
   */
  | {
      readonly kind: 'set_field';
      readonly field: Field;
      readonly value: bigint;
      readonly mask: bigint;
      readonly flowHasVlan: boolean;
      /** Written as `load:VALUE->FIELD[a..b]`. */
      readonly load: boolean;
      /** A port's name as the value. */
      readonly portName?: string;
    }
  | { readonly kind: 'set_vlan_vid'; readonly vid: number; readonly pushIfNeeded: boolean; readonly flowHasVlan: boolean }
  | { readonly kind: 'set_vlan_pcp'; readonly pcp: number; readonly pushIfNeeded: boolean; readonly flowHasVlan: boolean }
  | { readonly kind: 'strip_vlan'; readonly spelling: 'strip_vlan' | 'pop_vlan' }
  | { readonly kind: 'push_vlan'; readonly ethertype: number }
  | { readonly kind: 'set_eth_src' | 'set_eth_dst'; readonly mac: bigint }
  | { readonly kind: 'set_ipv4_src' | 'set_ipv4_dst'; readonly ip: number }
  /** The whole TOS byte with its lower two bits 0. */
  | { readonly kind: 'set_ip_dscp'; readonly dscp: number }
  | { readonly kind: 'set_ip_ecn'; readonly ecn: number }
  | { readonly kind: 'set_ip_ttl'; readonly ttl: number }
  | { readonly kind: 'set_l4_src_port' | 'set_l4_dst_port'; readonly port: number; readonly flowIpProto: number }
  | { readonly kind: 'reg_move'; readonly src: MfSubfield; readonly dst: MfSubfield }
  | { readonly kind: 'stack_push' | 'stack_pop'; readonly subfield: MfSubfield }
  | { readonly kind: 'dec_ttl'; readonly ids: readonly number[]; readonly explicit: boolean }
  | { readonly kind: 'set_mpls_label'; readonly label: number }
  | { readonly kind: 'set_mpls_tc'; readonly tc: number }
  | { readonly kind: 'set_mpls_ttl'; readonly ttl: number }
  | { readonly kind: 'dec_mpls_ttl' }
  | { readonly kind: 'push_mpls' | 'pop_mpls'; readonly ethertype: number }
  | { readonly kind: 'dec_nsh_ttl' }
  | { readonly kind: 'delete_field'; readonly field: Field }
  /** `packetType` as (namespace << 16) | type: `encap(ethernet)` 0, `encap(nsh(…))` 0x1894f, `encap(mpls)` 0x18847. */
  | { readonly kind: 'encap'; readonly packetType: number; readonly name: string; readonly properties: readonly EncapProperty[] }
  /** Undefined: `decap()`, which tells by the packet. */
  | { readonly kind: 'decap'; readonly packetType: number | undefined }
  | { readonly kind: 'set_tunnel'; readonly id: bigint; readonly wide: boolean }
  | { readonly kind: 'set_queue'; readonly queue: number }
  | { readonly kind: 'pop_queue' }
  | { readonly kind: 'fin_timeout'; readonly idleTimeout: number; readonly hardTimeout: number }
  /** `table` 255: the table that runs. `inPort` undefined: the flow's. `short`: written as `resubmit:PORT`. */
  | {
      readonly kind: 'resubmit';
      readonly inPort: PortRef | undefined;
      readonly table: number;
      readonly tableName?: string;
      readonly ct: boolean;
      readonly short: boolean;
    }
  | LearnAct
  /** `clause` counts from 1, as it is written. */
  | { readonly kind: 'conjunction'; readonly id: number; readonly clause: number; readonly clauses: number }
  | {
      readonly kind: 'multipath';
      readonly fields: HashFields;
      readonly basis: number;
      readonly algorithm: 'modulo_n' | 'hash_threshold' | 'hrw' | 'iter_hash';
      /** The number of links less 1. */
      readonly maxLink: number;
      readonly arg: number;
      readonly dst: MfSubfield;
    }
  | { readonly kind: 'note'; readonly data: readonly number[] }
  | { readonly kind: 'exit' }
  | {
      readonly kind: 'sample';
      readonly probability: number;
      readonly collectorSetId: number;
      readonly obsDomainId: number;
      readonly obsPointId: number;
      readonly samplingPort: PortRef | undefined;
      readonly direction: 'default' | 'ingress' | 'egress';
    }
  | CtAct
  | { readonly kind: 'ct_clear' }
  | NatAct
  | { readonly kind: 'clone'; readonly actions: readonly OfpAct[] }
  | { readonly kind: 'check_pkt_larger'; readonly length: number; readonly dst: MfSubfield }
  | { readonly kind: 'debug_recirc' }
  | { readonly kind: 'debug_slow' }
  | { readonly kind: 'meter'; readonly meter: number }
  | { readonly kind: 'clear_actions' }
  | { readonly kind: 'write_actions'; readonly actions: readonly OfpAct[] }
  | { readonly kind: 'write_metadata'; readonly metadata: bigint; readonly mask: bigint }
  | { readonly kind: 'goto_table'; readonly table: number; readonly tableName?: string }
  /** Text that no reader understands: a translation that meets it can't go on, and says so. */
  | { readonly kind: 'unknown'; readonly text: string };

/** An OpenFlow port number, or a name still to be resolved. */
export type PortRef = number | string;

/** OpenFlow 1.0's reserved ports (ovs-ofctl(8)). */
export const OFPP = {
  MAX: 0xff00,
  UNSET: 0xfff7,
  IN_PORT: 0xfff8,
  TABLE: 0xfff9,
  NORMAL: 0xfffa,
  FLOOD: 0xfffb,
  ALL: 0xfffc,
  CONTROLLER: 0xfffd,
  LOCAL: LOCAL_PORT,
  NONE: 0xffff,
} as const;
