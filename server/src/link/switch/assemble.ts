import type { CaptureDocument } from '../../captures/document';
import type { Network } from '../../model/network';
import type { OvsBridge } from '../../model/ovs-bridge';
import { nameMap, type NameMap } from '../../openflow/names';
import { tlvTable } from '../../openflow/tlv';
import { samplingProbability } from '../../ofproto/sampling';
import type { Bridge, MacRow, MulticastSnooping, Port, Switch, TlvMapping } from '../../ofproto/switch';
import { parseMac } from '../../packet/address';
import type { Action } from '../../packet/openflow';
import { LOCAL_PORT } from '../../packet/fields';
import { bundlesOf } from './bundles';
import { aboutBridge, collectCaptured, isWhole, type Captured } from './captured';
import { datapathOf, datapathTypesOf, tunnelNeighboursOf, tunnelRoutesOf } from './datapath';
import { groupsOf } from './groups';
import { mirrorsOf } from './mirrors';
import { portsOf } from './ports';
import { integer, isTrue, items, map, numbers, text, type DbRow, isShown } from './rows';
import { ruleSource } from './rules';
import { unseenOf, unseenOfSwitch } from './unseen';

/** A host's switch, and what a question about it needs besides. */
export interface AssembledSwitch {
  readonly sw: Switch;
  /** How many VLAN headers it reads off a packet. */
  readonly vlanLimit: number;
  /** Its datapaths by type (`system`, `netdev`, `dummy`), as ofproto/trace takes them in a bridge's place. */
  readonly datapaths: readonly string[];
}

/**
 * Puts a host's ovs-vswitchd together from everything that was captured of it. Undefined for a host without bridges. What no capture
 * tells is filled with what Open vSwitch does unless told otherwise, and said in `notes`.
 */
export function assembleSwitch(
  network: Network,
  documents: ReadonlyMap<string, CaptureDocument>,
  host: string,
): AssembledSwitch | undefined {
  const captured = collectCaptured(network, documents, host);
  if (!captured || captured.bridges.size === 0) return undefined;
  const meters = meterNumbers(captured);
  const bridges = new Map<string, Bridge>();
  for (const bridge of captured.bridges.values()) bridges.set(bridge.name, bridgeOf(captured, bridge, meters));
  const datapath = datapathOf(captured);
  const sw: Switch = {
    bridges,
    datapath,
    tunnelRoutes: tunnelRoutesOf(captured),
    tunnelNeighbours: tunnelNeighboursOf(captured),
    notes: captured.notes,
    unseen: unseenOfSwitch(captured, datapath.tunnelPushPop),
  };
  return { sw, vlanLimit: vlanLimitOf(captured), datapaths: datapathTypesOf(captured) };
}

function bridgeOf(captured: Captured, bridge: OvsBridge, meters: ReadonlyMap<string, ReadonlyMap<number, number>>): Bridge {
  const { rows } = captured;
  const row = rows.named('bridge', bridge.name);
  const config = map(row, 'other_config');
  const ports = portsOf(captured, bridge);
  const bundles = bundlesOf(captured, bridge, ports);
  const portNames = nameMap([...ports.values()].map((port) => [port.ofport, port.name] as const));
  const tlvMap = tlvMapOf(captured, bridge);
  const bundleByPort = new Map(bundles.flatMap((bundle) => bundle.ofports.map((ofport) => [ofport, bundle.name] as const)));
  const floodVlans = numbers(row, 'flood_vlans');
  const protocols = items(row, 'protocols');
  const controllers = items(row, 'controller');
  const inBand = config['disable-in-band'] !== 'true' && controllers.some((uuid) => isInBand(captured, uuid));
  return {
    name: bridge.name,
    ports,
    bundles,
    rules: ruleSource(captured, bridge, {
      ports: withCutNames(portNames, ports.values()),
      tables: tableNames(captured, bridge.name),
      tlv: tlvTable(tlvMap),
    }),
    groups: groupsOf(captured, bridge.name, portNames),
    meters: meters.get(bridge.name) ?? new Map<number, number>(),
    tlvMap,
    mirrors: mirrorsOf(captured, bridge.name),
    macTable: macTableOf(bridge, bundleByPort),
    multicast: multicastOf(captured, bridge.name, ports, portNames, bundleByPort),
    failMode: (text(row, 'fail_mode') ?? bridge.failMode) === 'secure' ? 'secure' : 'standalone',
    stp: isTrue(row, 'stp_enable') || hasTree(captured, bridge.name, 'ovs-appctl-stp-show'),
    rstp: isTrue(row, 'rstp_enable') || hasTree(captured, bridge.name, 'ovs-appctl-rstp-show'),
    forwardBpdu: config['forward-bpdu'] === 'true',
    floodVlans: new Set(floodVlans ?? []),
    fragments: fragmentsOf(captured, bridge.name),
    mac: ports.get(LOCAL_PORT)?.mac ?? parseMac(config['hwaddr'] ?? ''),
    sflow: samplingOf(captured, bridge.name, row, 'sflow'),
    ipfix: samplingOf(captured, bridge.name, row, 'ipfix'),
    flowSampling: flowSamplingOf(captured, row),
    tunnelSampling: tunnelSamplingOf(captured, row),
    netflow: items(row, 'netflow').length > 0,
    hasController:
      controllers.some((uuid) => mayBeConnected(captured, uuid)) &&
      protocols.length > 0 &&
      protocols.every((word) => /^OpenFlow1[012]$/.test(word)),
    inBand,
    unseen: unseenOf(captured, bridge, bundles, inBand),
  };
}

/** A controller that is not there gets nothing; one of whom only the bridge tells may be. */
function mayBeConnected(captured: Captured, uuid: string): boolean {
  const row = captured.rows.byUuid(uuid);
  return !isShown(row, 'is_connected') || isTrue(row, 'is_connected');
}

/** Whether a controller, as it was listed, is reached through the bridge's own ports (ovs-vswitchd.conf.db(5), "connection_mode"). */
function isInBand(captured: Captured, uuid: string): boolean {
  const row = captured.rows.byUuid(uuid);
  return (
    isShown(row, 'connection_mode') &&
    text(row, 'connection_mode') !== 'out-of-band' &&
    /^(?:tcp|ssl):/.test(text(row, 'target') ?? '')
  );
}

/** How often a bridge with sFlow or IPFIX samples; a rate that is not captured is announced. */
function samplingOf(captured: Captured, bridge: string, row: DbRow | undefined, table: 'sflow' | 'ipfix'): number | undefined {
  const [uuid] = items(row, table);
  if (uuid === undefined) return undefined;
  const settings = captured.rows.byUuid(uuid);
  if (!settings)
    captured.notes.push(
      `${bridge}: how often ${table === 'sflow' ? 'sFlow' : 'IPFIX'} samples is not captured (ovs-vsctl list ${table} tells); one of 400 is assumed`,
    );
  return samplingProbability(integer(settings, 'sampling'));
}

/** Whether a set of collectors is there for the bridge's sample actions; undefined where the table was not listed. */
function flowSamplingOf(captured: Captured, row: DbRow | undefined): boolean | undefined {
  const sets = captured.rows.of('flow_sample_collector_set');
  if (sets.length === 0) return undefined;
  return sets.some((set) => items(set, 'bridge').some((uuid) => uuid === row?.uuid?.value));
}

/** The ids of the bridge's sets whose IPFIX tells of tunnels, as it does unless told not to (ovs-vswitchd.conf.db(5), "IPFIX"). */
function tunnelSamplingOf(captured: Captured, row: DbRow | undefined): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const set of captured.rows.of('flow_sample_collector_set')) {
    const id = integer(set, 'id');
    const [ipfix] = items(set, 'ipfix');
    if (id === undefined || ipfix === undefined || !items(set, 'bridge').some((uuid) => uuid === row?.uuid?.value)) continue;
    if (map(captured.rows.byUuid(ipfix), 'other_config')['enable-tunnel-sampling'] !== 'false') ids.add(id);
  }
  return ids;
}

/** How much of a port's name OpenFlow has room for before version 1.5's `ofp_port` (16 bytes, the last of them 0). */
const CUT_NAME = 15;

/** Finds ports by the beginnings of their names too, as dumps with `--names` have them of long ones. */
function withCutNames(names: NameMap, ports: Iterable<{ readonly ofport: number; readonly name: string }>): NameMap {
  const cut = nameMap([...ports].map((port) => [port.ofport, port.name.slice(0, CUT_NAME)] as const));
  return { ...names, numberOf: (name) => names.numberOf(name) ?? (name.length === CUT_NAME ? cut.numberOf(name) : undefined) };
}

const TLV_KINDS: ReadonlySet<string> = new Set(['ovs-ofctl-dump-tlv-map']);
const METER_KINDS: ReadonlySet<string> = new Set(['ovs-ofctl-dump-meters']);
const SHOW_KINDS: ReadonlySet<string> = new Set(['ovs-ofctl-show']);
const MDB_KINDS: ReadonlySet<string> = new Set(['ovs-appctl-mdb-show']);

/** ovn-controller maps one option on every chassis: the logical ports that a packet comes from and goes to (ovn-architecture(7)). */
const OVN_OPTION: TlvMapping = { class: 0x102, type: 0x80, length: 4, index: 0 };

function tlvMapOf(captured: Captured, bridge: OvsBridge): TlvMapping[] {
  const rows = new Map<number, TlvMapping>();
  const shown = aboutBridge(captured, bridge.name, TLV_KINDS);
  if (shown.length === 0 && readsOption(bridge)) return [OVN_OPTION];
  for (const { capture } of shown)
    for (const fact of capture.facts)
      if (fact.kind === 'tlv-mapping')
        rows.set(fact.index.value, {
          class: fact.class.value,
          type: fact.type.value,
          length: fact.length.value,
          index: fact.index.value,
        });
  return [...rows.values()];
}

/** How many flows of table 0 are looked at: those of tunnels are among the few that ports have there. */
const LOOKED_AT = 2000;

/**
 * Whether flows of a bridge read the first option, none of which may be read that is not mapped: what comes out of a tunnel is told by it
 * in table 0.
 */
function readsOption({ flows, ports }: OvsBridge): boolean {
  if (!ports.some(({ type }) => type === 'geneve')) return false;
  const isOption = (field: string): boolean => field === 'tun_metadata0';
  const reads = (action: Action): boolean => action.kind === 'move' && isOption(action.src.field);
  const entries = flows.inTable(0);
  for (let n = 0; n < Math.min(entries.length, LOOKED_AT); n++) {
    const index = entries[n];
    if (index === undefined) break;
    if (flows.matchOf(index).some(({ field }) => isOption(field))) return true;
    if (flows.at(index)?.flow.actions.some(reads) === true) return true;
  }
  return false;
}

/** The datapath numbers the meters of all bridges as they are made; captures show only which there are. */
function meterNumbers(captured: Captured): ReadonlyMap<string, ReadonlyMap<number, number>> {
  const all = new Map<string, ReadonlyMap<number, number>>();
  let next = 0;
  for (const { name } of captured.bridges.values()) {
    const ids = new Set<number>();
    for (const { capture } of aboutBridge(captured, name, METER_KINDS))
      for (const fact of capture.facts)
        if (fact.kind === 'of-meter' && /^\d+$/.test(fact.id.value)) ids.add(Number(fact.id.value));
    all.set(name, new Map([...ids].sort((a, b) => a - b).map((id) => [id, next++])));
  }
  if (next > 1)
    captured.notes.push(
      'the datapath numbers its meters in the order in which they were added, which no capture tells; they are taken in the order of their own numbers',
    );
  return all;
}

function tableNames(captured: Captured, bridge: string): NameMap {
  const row = captured.rows.named('bridge', bridge);
  return nameMap(
    Object.entries(map(row, 'flow_tables')).flatMap(([number, uuid]) => {
      const name = text(captured.rows.byUuid(uuid), 'name');
      return name === undefined || !/^\d+$/.test(number) ? [] : [[Number(number), name] as const];
    }),
  );
}

function macTableOf(bridge: OvsBridge, bundleByPort: ReadonlyMap<number, string>): MacRow[] {
  return bridge.fdb.flatMap((row) => {
    const bundle = row.ofport === undefined ? row.portName : bundleByPort.get(row.ofport);
    const mac = parseMac(row.mac);
    return bundle === undefined || mac === undefined ? [] : [{ bundle, vlan: row.vlan, mac, static: false }];
  });
}

function multicastOf(
  captured: Captured,
  bridge: string,
  ports: ReadonlyMap<number, Port>,
  names: NameMap,
  bundleByPort: ReadonlyMap<number, string>,
): MulticastSnooping | undefined {
  const row = captured.rows.named('bridge', bridge);
  const shown = aboutBridge(captured, bridge, MDB_KINDS).filter((linked) => linked.capture.facts.length > 0 || isWhole(linked));
  if (!isTrue(row, 'mcast_snooping_enable') && shown.every(({ capture }) => capture.facts.length === 0)) return undefined;
  const entries = shown.flatMap(({ capture }) => capture.facts.flatMap((fact) => (fact.kind === 'mdb-entry' ? [fact] : [])));
  const bundle = (port: number | string): string | undefined => {
    const number = typeof port === 'number' ? port : (names.numberOf(port) ?? -1);
    return bundleByPort.get(number) ?? (typeof port === 'string' ? port : ports.get(port)?.name);
  };
  return {
    floodUnregistered: map(row, 'other_config')['mcast-snooping-disable-flood-unregistered'] !== 'true',
    groups: entries.flatMap((entry) => {
      const of = bundle(entry.port.value);
      return entry.querier || of === undefined ? [] : [{ vlan: entry.vlan.value, address: entry.group.value, bundle: of }];
    }),
    routers: entries.flatMap((entry) => {
      const of = bundle(entry.port.value);
      return !entry.querier || of === undefined ? [] : [{ vlan: entry.vlan.value, bundle: of }];
    }),
  };
}

function hasTree(captured: Captured, bridge: string, kind: string): boolean {
  return captured.captures.some(
    ({ capture }) =>
      capture.kind === kind && capture.facts.some((fact) => fact.kind === 'stp-port' && fact.bridge?.value === bridge),
  );
}

/** `OFPT_GET_CONFIG_REPLY: frags=normal` at the end of ovs-ofctl show. */
function fragmentsOf(captured: Captured, bridge: string): Bridge['fragments'] {
  for (const { capture } of aboutBridge(captured, bridge, SHOW_KINDS))
    for (const fact of capture.facts)
      if (fact.kind === 'of-config' && (fact.fragments.value === 'drop' || fact.fragments.value === 'nx-match'))
        return fact.fragments.value;
  return 'normal';
}

/** How many VLAN headers a switch reads: other_config:vlan-limit of the Open_vSwitch table, 1 unless it is set; 0 is as many as it can. */
function vlanLimitOf(captured: Captured): number {
  const limit = Number(map(captured.rows.of('open_vswitch')[0], 'other_config')['vlan-limit'] ?? 1);
  return limit <= 0 ? 2 : Math.min(limit, 2);
}
