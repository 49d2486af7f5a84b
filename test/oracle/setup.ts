/** What a case needs of a switch, and what is asked of it. Plain data: made by the families, loaded by `load.ts`. */

export interface Port {
  readonly name: string;
  /** OpenFlow port number asked for. */
  readonly ofport: number;
  /** Interface type as in the database: '' (system), internal, patch, vxlan … */
  readonly type?: string;
  /** `options:…` and other columns of the interface, as ovs-vsctl takes them. */
  readonly interface?: readonly string[];
  /** Columns of the port: `tag=5`, `vlan_mode=access` … */
  readonly port?: readonly string[];
}

export interface Bond {
  readonly name: string;
  readonly members: readonly Port[];
  readonly port?: readonly string[];
}

export interface Bridge {
  readonly name: string;
  readonly ports: readonly Port[];
  readonly bonds?: readonly Bond[];
  /** Columns of the bridge: `fail-mode=secure`, `other-config:…`. */
  readonly settings?: readonly string[];
  readonly flows: readonly Flow[];
  readonly groups?: readonly string[];
  readonly meters?: readonly string[];
  readonly tlvMap?: readonly string[];
  /** `ovs-ofctl` commands to run on it after its flows: `['mod-port', 'p1', 'no-flood']`, without the bridge. */
  readonly ofctl?: readonly (readonly string[])[];
}

export interface Flow {
  readonly text: string;
  /** The protocol that it is loaded with: an operator's controller chooses it, and it changes what the switch stores. */
  readonly version: Version;
}

export type Version = 'OpenFlow10' | 'OpenFlow11' | 'OpenFlow12' | 'OpenFlow13' | 'OpenFlow14' | 'OpenFlow15';

/** One question to `ofproto/trace`. */
export interface Question {
  /** The bridge, or the datapath of a datapath flow; null where only a datapath flow is given. */
  readonly bridge: string | null;
  readonly flow: string;
  readonly packet?: string;
  readonly ctNext?: readonly string[];
  readonly names?: boolean;
  /** Makes a packet, which has side effects: what is captured before does not hold after. */
  readonly generate?: boolean;
}

/** Questions about one state of the switch; what a stage leaves behind is captured anew before the next. */
export type Stage = readonly Question[];

export interface SetUp {
  readonly family: string;
  readonly bridges: readonly Bridge[];
  /** More arguments of the ovs-vsctl transaction: mirrors and the like. */
  readonly vsctl?: readonly string[];
  /** `ovs-appctl` commands, after the flows are loaded. */
  readonly appctl?: readonly (readonly string[])[];
  /** Needs a switch of its own: it changes what all bridges share. */
  readonly exclusive?: boolean;
  readonly stages: readonly Stage[];
}

/** A set-up's place among the others: families make names and addresses that no other set-up has from it. */
export interface Place {
  /** From 0 to 250, different for all set-ups that share a switch. */
  readonly index: number;
  /** Datapath type of every bridge. */
  readonly datapath: 'system' | 'dummy';
}
