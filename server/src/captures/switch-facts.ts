import type { Val } from '../base/span';
import type { OfPortRef } from './facts';

/** A value of the Open vSwitch database (ovs-vsctl(8)). Texts are without their quotes. */
export type OvsdbValue =
  | { readonly type: 'atom'; readonly atom: Val<string> }
  | { readonly type: 'set'; readonly items: readonly Val<string>[] }
  | { readonly type: 'map'; readonly pairs: readonly (readonly [string, Val<string>])[] };

/** What a switch tells of itself besides flows, ports' names and MAC tables: all that decides how it forwards. */
export type SwitchFact =
  | {
      /** One row of `ovs-vsctl list` or `find`, with every column that was shown. */
      readonly kind: 'ovsdb-row';
      /** `Bridge`, `Port`, `Interface`, `Mirror`, `Open_vSwitch` … in lower case. */
      readonly table: string;
      readonly uuid: Val<string> | undefined;
      readonly name: Val<string> | undefined;
      readonly columns: ReadonlyMap<string, OvsdbValue>;
    }
  | {
      /** `system@ovs-system`: a datapath. */
      readonly kind: 'datapath';
      readonly type: Val<string>;
      readonly name: Val<string>;
    }
  | {
      /** A port of a datapath: `dpif/show` tells the bridge's number too, `dpctl/show` the datapath's alone. */
      readonly kind: 'datapath-port';
      readonly datapath: string | undefined;
      readonly bridge: Val<string> | undefined;
      readonly name: Val<string>;
      readonly ofport: Val<number> | undefined;
      /** Undefined where it has none: a patch port. */
      readonly number: Val<number> | undefined;
      readonly type: Val<string> | undefined;
      readonly options: Readonly<Record<string, Val<string>>>;
    }
  | {
      /** `dpif/show-dp-features`: `Masked set action: Yes`. */
      readonly kind: 'datapath-feature';
      readonly name: Val<string>;
      readonly value: Val<string>;
    }
  | {
      readonly kind: 'of-group';
      readonly id: Val<number>;
      /** `all`, `select`, `indirect`, `ff`. */
      readonly type: Val<string>;
      readonly selectionMethod?: Val<string>;
      readonly selectionMethodParam?: Val<string>;
      readonly fields: readonly { readonly name: Val<string>; readonly mask: string | undefined }[];
      readonly buckets: readonly {
        readonly id: Val<number> | undefined;
        readonly weight: Val<number> | undefined;
        readonly watchPort: Val<OfPortRef> | undefined;
        readonly watchGroup: Val<number> | undefined;
        /** Between `actions=` and the next bucket. */
        readonly actions: Val<string>;
      }[];
    }
  | {
      readonly kind: 'of-group-stats';
      readonly id: Val<number>;
      readonly packets: Val<number> | undefined;
      readonly buckets: readonly number[];
    }
  | {
      readonly kind: 'of-meter';
      /** A number, or `controller` and `slowpath`. */
      readonly id: Val<string>;
      /** `kbps`, `pktps`, `burst`, `stats`. */
      readonly flags: readonly string[];
      readonly bands: readonly { readonly type: string; readonly rate: number; readonly burst: number }[];
    }
  | {
      readonly kind: 'of-port-stats';
      readonly port: Val<OfPortRef>;
      readonly rx: Readonly<Record<string, number>>;
      readonly tx: Readonly<Record<string, number>>;
    }
  | {
      readonly kind: 'of-table-stats';
      /** More than one where the tables are alike. */
      readonly first: Val<number>;
      readonly last: number;
      readonly name: string | undefined;
      readonly active: number | undefined;
      readonly lookup: number | undefined;
      readonly matched: number | undefined;
    }
  | {
      /** What `ovs-ofctl show` ends in: `normal`, `drop`, `reassemble`, `nx-match`. */
      readonly kind: 'of-config';
      readonly fragments: Val<string>;
    }
  | {
      readonly kind: 'tlv-mapping';
      readonly class: Val<number>;
      readonly type: Val<number>;
      readonly length: Val<number>;
      /** 0 to 63: `tun_metadata3`. */
      readonly index: Val<number>;
    }
  | {
      /** A row of `mdb/show`: a group's member, or (`querier`) a port behind which a multicast router is. */
      readonly kind: 'mdb-entry';
      readonly port: Val<OfPortRef>;
      readonly vlan: Val<number>;
      readonly group: Val<string>;
      readonly querier: boolean;
    }
  | {
      readonly kind: 'bond';
      readonly name: Val<string>;
      readonly mode: Val<string> | undefined;
      readonly basis: Val<number> | undefined;
      /** `off`, `configured`, `negotiated`. */
      readonly lacp: Val<string> | undefined;
      readonly recirculates: boolean;
      readonly members: readonly {
        readonly name: Val<string>;
        readonly enabled: boolean;
        readonly active: boolean;
        readonly hashes: readonly number[];
      }[];
    }
  | {
      /** `stp/show`, `rstp/show`: `forwarding`, `learning`, `listening`, `blocking`, `discarding`, `disabled`. */
      readonly kind: 'stp-port';
      readonly bridge: Val<string> | undefined;
      readonly name: Val<string>;
      readonly state: Val<string>;
    }
  | {
      /** `bfd/show`, `cfm/show`: whether what watches a port lets it carry packets. */
      readonly kind: 'port-watch';
      readonly by: 'bfd' | 'cfm';
      readonly name: Val<string>;
      readonly up: Val<boolean>;
    }
  | {
      readonly kind: 'ovs-route';
      readonly ip: Val<string>;
      readonly prefix: Val<number>;
      readonly dev: Val<string>;
      readonly gateway: Val<string> | undefined;
      readonly src: Val<string> | undefined;
      readonly mark: Val<number> | undefined;
      readonly local: boolean;
    }
  | {
      readonly kind: 'tunnel-neighbour';
      readonly ip: Val<string>;
      readonly mac: Val<string>;
      readonly bridge: Val<string>;
    }
  | {
      readonly kind: 'tunnel-port';
      readonly name: Val<string>;
      /** The datapath's number. */
      readonly number: Val<number>;
    }
  | {
      /** A flow of the datapath, which is evidence of what has passed. */
      readonly kind: 'datapath-flow';
      readonly text: Val<string>;
      readonly actions: Val<string>;
      readonly packets: number | undefined;
      readonly used: string | undefined;
    }
  | {
      /** A line of an ofproto/trace that was captured. */
      readonly kind: 'trace-line';
      readonly what: 'flow' | 'bridge' | 'rule' | 'note' | 'recirculation' | 'final' | 'megaflow' | 'actions' | 'action';
      readonly depth: number;
      readonly table: Val<number> | undefined;
      readonly priority: Val<number> | undefined;
      /** The rule's match, the flow, the datapath's actions … */
      readonly text: Val<string>;
    };
