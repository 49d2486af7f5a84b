import type { Span, Val } from '../base/span';

/** One condition of a flow: `(packet & mask) == value` on one field; `field` is the canonical name of the field table. */
export interface MatchTerm {
  readonly field: string;
  readonly value: bigint;
  readonly mask: bigint;
  readonly span: Span;
  readonly text: string;
  /** The value is a port's name, to be resolved to its number on the flow's bridge. */
  readonly portName?: string;
  /** The value is written in words that the field table does not know: the flow may match. */
  readonly unknown?: boolean;
}

/** A field or a run of its bits: `NXM_OF_VLAN_TCI[0..11]`. `bits` counts from bit `offset`. */
export interface Subfield {
  readonly field: string;
  readonly offset: number;
  readonly bits: number;
}

/** One step of a learn() action: what the flow that it writes will match, or do. */
export type LearnSpec =
  | { readonly kind: 'match'; readonly dst: Subfield; readonly src: Subfield | bigint }
  | { readonly kind: 'load'; readonly dst: Subfield; readonly src: Subfield | bigint }
  | { readonly kind: 'output'; readonly src: Subfield };

export type Action = { readonly span: Span; readonly text: string } & (
  | { readonly kind: 'output'; readonly port: number | string; readonly maxLen?: number }
  | { readonly kind: 'output-field'; readonly src: Subfield }
  | {
      readonly kind:
        | 'normal'
        | 'flood'
        | 'all'
        | 'in-port'
        | 'local'
        | 'drop'
        | 'exit'
        | 'clear-actions'
        | 'pop-vlan'
        | 'dec-ttl'
        | 'ct-clear';
    }
  | { readonly kind: 'controller' }
  | { readonly kind: 'resubmit'; readonly port?: number | string; readonly table?: number | string; readonly ct: boolean }
  | { readonly kind: 'goto-table'; readonly table: number | string }
  | { readonly kind: 'set-vlan-vid'; readonly vid: number }
  | { readonly kind: 'set-vlan-pcp'; readonly pcp: number }
  | { readonly kind: 'push-vlan'; readonly ethertype: number }
  | { readonly kind: 'set-field'; readonly field: string; readonly value: bigint; readonly mask: bigint }
  | { readonly kind: 'load'; readonly dst: Subfield; readonly value: bigint }
  | { readonly kind: 'move'; readonly src: Subfield; readonly dst: Subfield }
  | {
      readonly kind: 'learn';
      readonly table: number | string;
      readonly priority: number;
      readonly specs: readonly LearnSpec[];
    }
  | {
      readonly kind: 'ct';
      readonly commit: boolean;
      readonly table?: number | string;
      readonly zone?: number | Subfield;
      readonly nat?: string;
      readonly exec: readonly Action[];
    }
  | { readonly kind: 'conjunction'; readonly id: number; readonly clause: number; readonly clauses: number }
  | { readonly kind: 'write-actions'; readonly actions: readonly Action[] }
  | { readonly kind: 'write-metadata'; readonly value: bigint; readonly mask: bigint }
  | { readonly kind: 'group'; readonly group: number }
  /** Does its actions to a copy. */
  | { readonly kind: 'clone'; readonly actions: readonly Action[] }
  | { readonly kind: 'push' | 'pop'; readonly subfield: Subfield }
  /** `check_pkt_larger`: one bit that says whether the packet is longer. */
  | { readonly kind: 'check-length'; readonly length: number; readonly dst: Subfield }
  /** One of these ports, or (`bundle_load`) its number in a field. */
  | { readonly kind: 'bundle'; readonly ports: readonly (number | string)[]; readonly first: boolean; readonly dst?: Subfield }
  | { readonly kind: 'enqueue'; readonly port: number | string; readonly queue: number }
  /** Done as Open vSwitch does it, and explained by its own text. */
  | { readonly kind: 'other'; readonly name: string }
  /** Changes nothing of what this tool follows: note, set_queue, meter … */
  | { readonly kind: 'no-effect'; readonly name: string }
  /** Not understood: what it does is not followed. */
  | { readonly kind: 'not-modelled'; readonly name: string }
);

/** One flow of a dump. */
export interface Flow {
  /** 0 where the dump does not say. */
  readonly table: Val<number | string>;
  /** 32768 where the dump does not say (ovs-ofctl(8), "Flow Syntax"). */
  readonly priority: Val<number>;
  readonly cookie?: Val<string>;
  readonly packets?: Val<bigint>;
  /** Seconds; absent where it never expires. */
  readonly idleTimeout?: number;
  readonly hardTimeout?: number;
  readonly importance?: number;
  /** `send_flow_rem`, `reset_counts` … */
  readonly flags?: readonly string[];
  readonly match: readonly MatchTerm[];
  readonly actions: readonly Action[];
  readonly span: Span;
  readonly matchSpan: Span;
  readonly actionsSpan: Span;
  /** Could not be read as a whole: a packet that reaches its table may or may not take it. */
  readonly broken?: boolean;
}
