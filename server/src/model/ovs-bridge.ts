import type { Flows } from './flows';
import type { Known, Source } from './source';

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

export interface FdbRow {
  readonly ofport: number | undefined;
  readonly portName: string | undefined;
  readonly vlan: number;
  readonly mac: string;
  readonly source: Source;
}

/** A port of which only the number or the name is known. */
export function unnamedPort(bridge: OvsBridge, name: string, ofport: number | undefined): OvsPort {
  return {
    host: bridge.host,
    bridge: bridge.name,
    name,
    ofport,
    tag: undefined,
    trunks: undefined,
    vlanMode: undefined,
    type: name === bridge.name ? 'internal' : undefined,
    options: {},
    mac: undefined,
    attachedMac: undefined,
    ifaceId: undefined,
    error: undefined,
    says: {},
    sources: [],
  };
}
