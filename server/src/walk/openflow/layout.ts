import type { FlowEntry } from '../../model/flows';
import type { OvsBridge, OvsPort } from '../../model/ovs-bridge';
import type { Source } from '../../model/source';
import { isPatch, isTunnel, isTunnelBridge, networkOf, neutronPortOf } from '../../model/queries';
import { isMulticastMac } from '../../packet/address';
import { get, set, vlanOf, withoutVlan, withVlan, type FlowKey } from '../../packet/flow-key';
import type { Flow } from '../../packet/openflow';
import { addGap, type Context } from '../context';
import { destinationMac, type Step } from '../step';
import { learnedUnicast } from './learned';
import type { Emission } from './pipeline';
import { matches } from './match';
import { tableStep, type TableWords } from './table-step';

/** What a bridge most likely does where its flows were not captured. Always assumed, always with the dump that would tell. */
export interface Assumed {
  readonly emissions: readonly Emission[];
  readonly steps: readonly Step[];
  readonly packet: FlowKey;
}

/** Goes on behind a table whose flows are not (all) known; undefined where even an assumption would be made up. */
export function assumeTable(
  context: Context,
  bridge: OvsBridge,
  inPort: OvsPort | undefined,
  table: number,
  packet: FlowKey,
): Assumed | undefined {
  const why =
    bridge.flowsKnown === 'absent' || bridge.flows.length === 0
      ? `no flows of ${bridge.name} were captured`
      : `the captured flows of ${bridge.name} are not all (${bridge.flowsMissing ?? 'some are missing'}), and none of table ${table} matches`;
  addGap(context, {
    host: bridge.host,
    command: `ovs-ofctl dump-flows ${bridge.name}`,
    why: `what ${bridge.name} does with packets from ${inPort?.name ?? 'there'} in table ${table}`,
  });
  return isTunnelBridge(bridge)
    ? assumeTunnelBridge(context, bridge, inPort, table, packet, why)
    : assumeNormal(context, bridge, table, packet, why);
}

function step(
  bridge: OvsBridge,
  table: number,
  packet: FlowKey,
  summary: string,
  reason: string,
  evidence: readonly Source[],
  extra: Pick<TableWords, 'priority' | 'cookie'> = {},
): Step {
  return tableStep(bridge, packet, { summary, certainty: 'assumed', reason, evidence, table, ...extra });
}

function assumeNormal(_context: Context, bridge: OvsBridge, table: number, packet: FlowKey, why: string): Assumed | undefined {
  const source = bridge.flows.at(0)?.source ?? bridge.sources[0] ?? bridge.ports[0]?.sources[0];
  if (!source) return undefined;
  // Elsewhere in the same table a NORMAL shows the bridge's manner; without any flow NORMAL is a new bridge's only one.
  const shown = entriesLike(bridge, ({ actions }) => actions.some((action) => action.kind === 'normal'))[0];
  const reason = shown
    ? `${why}; the flows that are shown forward by NORMAL, as Neutron's integration and provider bridges do`
    : `${why}; NORMAL is what a bridge does until it is told otherwise, and what Neutron's integration bridge ends in`;
  return {
    emissions: [{ kind: 'normal', packet, source: shown?.source ?? source }],
    steps: [
      step(bridge, table, packet, `Table ${table} is not captured for this packet: taken to forward it by NORMAL`, reason, [
        shown?.source ?? source,
      ]),
    ],
    packet,
  };
}

/** Both directions of Neutron's br-tun: VLAN to VNI and tunnel on the way out, VNI to VLAN on the way in. */
function assumeTunnelBridge(
  context: Context,
  bridge: OvsBridge,
  inPort: OvsPort | undefined,
  table: number,
  packet: FlowKey,
  why: string,
): Assumed | undefined {
  if (inPort && isTunnel(inPort)) return inward(bridge, table, packet, why);
  return outward(context, bridge, inPort, table, packet, why);
}

function inward(bridge: OvsBridge, table: number, packet: FlowKey, why: string): Assumed | undefined {
  const vni = Number(get(packet, 'tun_id'));
  const mapping = vlanOfVni(bridge, vni);
  const patch = bridge.ports.find(isPatch);
  if (!mapping || !patch) return undefined;
  const tagged = withVlan(packet, mapping.vlan);
  const reason = `${why}; another flow of ${bridge.name} ties VNI ${vni} to VLAN ${mapping.vlan}, and a Neutron tunnel bridge hands what comes in to ${patch.name}`;
  return {
    emissions: [{ kind: 'port', ofport: patch.ofport ?? -1, name: patch.name, packet: tagged, source: mapping.source }],
    steps: [
      step(bridge, table, tagged, `VNI ${vni} becomes VLAN ${mapping.vlan}, out of ${patch.name} (flow not captured)`, reason, [
        mapping.source,
      ]),
    ],
    packet: tagged,
  };
}

function outward(
  context: Context,
  bridge: OvsBridge,
  inPort: OvsPort | undefined,
  table: number,
  packet: FlowKey,
  why: string,
): Assumed | undefined {
  const vlan = vlanOf(packet);
  const mac = destinationMac(packet);
  const layout = `${why}; a Neutron tunnel bridge sends what comes from ${inPort?.name ?? 'br-int'} to known MACs by table 20, which learn() fills`;
  const layoutStep = (evidence: readonly Source[]) =>
    step(
      bridge,
      table,
      packet,
      `Table ${table}: no captured flow for packets from ${inPort?.name ?? 'br-int'}; taken to go on to the table of known MACs`,
      layout,
      evidence,
    );
  const learnFlow = entriesLike(bridge, ({ actions }) => actions.some((action) => action.kind === 'learn'))[0];
  // Learned from this walk's own packet, or captured although the way to it is not.
  const written: Written[] = [
    ...learnedUnicast(context.state, bridge, packet).map(({ rule, ...out }) => ({
      ...out,
      table: rule.table,
      priority: rule.priority,
      cookie: undefined,
      learned: true,
    })),
    ...tablesAfter(bridge, table).flatMap(({ flow, source }): Written[] => {
      const exact = flow.match.some((term) => term.field === 'dl_dst' && term.mask === (1n << 48n) - 1n);
      const out = exact && matches(flow, packet) === 'yes' ? applyUnicast(flow, packet) : undefined;
      if (!out) return [];
      const place = { table: Number(flow.table.value), priority: flow.priority.value, cookie: flow.cookie?.value };
      return [{ ...out, ...place, source, learned: false }];
    }),
  ];
  const [first] = written;
  if (first) {
    const { source, learned, priority, cookie } = first;
    const port = bridge.ports.find((candidate) => candidate.ofport === first.port);
    const name = port?.name ?? `port ${first.port}`;
    const who = learned ? 'the flow that learn() wrote for the packet before' : 'a captured flow';
    return {
      emissions: [{ kind: 'port', ofport: first.port, name: port?.name, packet: first.packet, source }],
      steps: [
        layoutStep(learnFlow ? [learnFlow.source] : []),
        step(
          bridge,
          first.table,
          first.packet,
          `Table ${first.table}, priority ${priority}: ${who} sends ${mac} into ${name} with VNI ${get(first.packet, 'tun_id')}`,
          learned ? 'written by learn() when the packet before came through' : layout,
          [source],
          { priority, cookie },
        ),
      ],
      packet: first.packet,
    };
  }
  if (vlan === undefined) return undefined;
  const mapping = vniOfVlan(context, bridge, vlan);
  if (!mapping) return undefined;
  const tunnel = tunnelFor(context, bridge, mac, vlan);
  if (!tunnel) return undefined;
  const leaving = set(withoutVlan(packet), 'tun_id', BigInt(mapping.vni));
  const reason = `${mapping.reason}; ${tunnel.reason}`;
  return {
    emissions: tunnel.ports.map((port) => ({
      kind: 'port' as const,
      ofport: port.ofport ?? -1,
      name: port.name,
      packet: leaving,
      source: mapping.source,
    })),
    steps: [
      layoutStep(learnFlow ? [learnFlow.source] : [mapping.source]),
      step(
        bridge,
        tunnel.table,
        leaving,
        `VLAN ${vlan} becomes VNI ${mapping.vni}, into ${tunnel.ports.map((port) => port.name).join(', ')} (flow not captured)`,
        reason,
        [mapping.source, ...tunnel.evidence],
      ),
    ],
    packet: leaving,
  };
}

/** A flow that sends the packet on by its destination MAC. */
interface Written {
  readonly table: number;
  readonly priority: number;
  readonly cookie: string | undefined;
  readonly port: number;
  readonly packet: FlowKey;
  readonly source: Source;
  readonly learned: boolean;
}

/** The flows of a bridge that have what `test` asks of fields and actions; made one by one. */
function entriesLike(bridge: OvsBridge, test: (flow: Flow) => boolean): FlowEntry[] {
  return bridge.flows.like(test).flatMap((index) => bridge.flows.at(index) ?? []);
}

/** The flows of later tables that match a destination MAC wholly. */
function tablesAfter(bridge: OvsBridge, table: number): FlowEntry[] {
  return bridge.flows
    .like(({ match }) => match.some((term) => term.field === 'dl_dst'))
    .filter((index) => {
      const own = bridge.flows.tableOf(index);
      return typeof own === 'number' && own > table;
    })
    .flatMap((index) => bridge.flows.at(index) ?? []);
}

/** Whether flows with these fields can tie a VLAN to a VNI, whatever their values. */
function mayTie({ match }: Flow): boolean {
  return match.some(({ field }) => /^(?:tun_id|dl_vlan|vlan_vid|vlan_tci)$/.test(field));
}

/** The packet after a flow that changes it and sends it out of one port. */
function applyUnicast(flow: Flow, packet: FlowKey): { readonly port: number; readonly packet: FlowKey } | undefined {
  let current = packet;
  for (const action of flow.actions) {
    if (action.kind === 'pop-vlan' || (action.kind === 'load' && action.dst.field === 'vlan_tci' && action.value === 0n))
      current = withoutVlan(current);
    else if (action.kind === 'load' && action.dst.field === 'tun_id') current = set(current, 'tun_id', action.value);
    else if (action.kind === 'set-field' && action.field === 'tun_id') current = set(current, 'tun_id', action.value);
    else if (action.kind === 'output' && typeof action.port === 'number') return { port: action.port, packet: current };
  }
  return undefined;
}

/** The VLAN that other flows of the bridge give a VNI, in either direction. */
export function vlanOfVni(bridge: OvsBridge, vni: number): { readonly vlan: number; readonly source: Source } | undefined {
  for (const { flow, source } of entriesLike(bridge, mayTie)) {
    const pair = mappingOf(flow);
    if (pair?.vni === vni) return { vlan: pair.vlan, source };
  }
  return undefined;
}

function vniOfVlan(
  context: Context,
  bridge: OvsBridge,
  vlan: number,
): { readonly vni: number; readonly source: Source; readonly reason: string } | undefined {
  for (const { flow, source } of entriesLike(bridge, mayTie)) {
    const pair = mappingOf(flow);
    if (pair?.vlan === vlan)
      return { vni: pair.vni, source, reason: `another flow of ${bridge.name} ties VLAN ${vlan} to VNI ${pair.vni}` };
  }
  // A port of that tag whose Neutron network is known says the same.
  const host = context.network.hosts.get(bridge.host);
  for (const other of host?.bridges.values() ?? []) {
    for (const port of other.ports) {
      if (port.tag !== vlan) continue;
      const neutron = neutronPortOf(context.network, port.name);
      const network = neutron && networkOf(context.network, neutron);
      const source = network?.says['segmentationId'];
      if (network?.segmentationId !== undefined && source) {
        return {
          vni: network.segmentationId,
          source,
          reason: `${port.name} with tag ${vlan} is on network ${network.name ?? network.id ?? ''}, whose segmentation id is ${network.segmentationId}`,
        };
      }
    }
  }
  return undefined;
}

/** The VLAN and VNI that one flow ties together: `tun_id=V … set VLAN`, or `VLAN … set tun_id`. */
export function mappingOf(flow: Flow): { readonly vlan: number; readonly vni: number } | undefined {
  const tunId = flow.match.find((term) => term.field === 'tun_id');
  if (tunId) {
    for (const action of flow.actions) {
      if (action.kind === 'set-vlan-vid') return { vlan: action.vid, vni: Number(tunId.value) };
      if (action.kind === 'set-field' && (action.field === 'vlan_vid' || action.field === 'dl_vlan'))
        return { vlan: Number(action.value & 0xfffn), vni: Number(tunId.value) };
      if (action.kind === 'load' && (action.dst.field === 'vlan_vid' || action.dst.field === 'vlan_tci') && action.value !== 0n)
        return { vlan: Number(action.value & 0xfffn), vni: Number(tunId.value) };
    }
    return undefined;
  }
  const tag = flow.match.find(
    (term) =>
      (term.field === 'dl_vlan' || term.field === 'vlan_vid' || term.field === 'vlan_tci') &&
      (term.mask & 0xfffn) === 0xfffn &&
      (term.value & 0xfffn) !== 0n,
  );
  if (!tag) return undefined;
  for (const action of flow.actions) {
    if (action.kind === 'load' && action.dst.field === 'tun_id')
      return { vlan: Number(tag.value & 0xfffn), vni: Number(action.value) };
    if (action.kind === 'set-field' && action.field === 'tun_id')
      return { vlan: Number(tag.value & 0xfffn), vni: Number(action.value) };
  }
  return undefined;
}

/** The tunnel ports that a MAC may be behind: the host that is known to have it, or the only one there is. */
function tunnelFor(
  context: Context,
  bridge: OvsBridge,
  mac: string,
  vlan: number,
):
  | { readonly ports: readonly OvsPort[]; readonly table: number; readonly reason: string; readonly evidence: readonly Source[] }
  | undefined {
  const tunnels = bridge.ports.filter(isTunnel);
  const group = isMulticastMac(BigInt(`0x${mac.replaceAll(':', '')}`));
  const [only] = tunnels;
  if (group) return { ports: tunnels, table: 22, reason: 'group addresses go into every tunnel', evidence: [] };
  if (only && tunnels.length === 1) {
    return {
      ports: tunnels,
      table: 20,
      reason: `no captured table says which tunnel ${mac} is behind; ${only.name} is the only one`,
      evidence: only.sources.slice(0, 1),
    };
  }
  // A host that has the MAC on a port of its own, and a tunnel address that one of ours points to.
  for (const host of context.network.hosts.values()) {
    if (host.name === bridge.host) continue;
    for (const other of host.bridges.values()) {
      const row = other.fdb.find((candidate) => candidate.mac === mac);
      const port = row && other.ports.find((candidate) => candidate.ofport === row.ofport);
      const locals = [...host.bridges.values()]
        .flatMap((b) => b.ports.map((p) => p.options['local_ip']))
        .filter((ip) => ip !== undefined);
      const tunnel = tunnels.find((candidate) => locals.includes(candidate.options['remote_ip'] ?? '-'));
      if (row && port && !isPatch(port) && tunnel) {
        return {
          ports: [tunnel],
          table: 20,
          reason: `${host.name}'s ${other.name} has ${mac} on ${port.name}, and ${tunnel.name} leads there`,
          evidence: [row.source, ...tunnel.sources.slice(0, 1)],
        };
      }
    }
  }
  return tunnels.length === 0
    ? undefined
    : {
        ports: tunnels,
        table: 22,
        reason: `no captured table says which tunnel ${mac} in VLAN ${vlan} is behind, so all of them are followed`,
        evidence: [],
      };
}
