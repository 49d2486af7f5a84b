import { unnamedPort, type OvsBridge, type OvsPort } from '../../model/ovs-bridge';
import type { Source } from '../../model/source';
import { bridgePort, flowsFrom } from '../../model/queries';
import { isMulticastMac } from '../../packet/address';
import { LOCAL_PORT } from '../../packet/fields';
import { get, vlanOf, withoutVlan, withVlan, type FlowKey } from '../../packet/flow-key';
import { addDoubt, addGap, bridgeKey, type Context } from '../context';
import { ownerOfMac } from '../owner';
import { destinationMac, sourceMac, type Certainty, type Step } from '../step';

/** Where NORMAL sends a frame: one learned port, or a flood with, where known, the port that the frame is for. */
export type NormalResult =
  | {
      readonly kind: 'forward';
      readonly outputs: readonly { readonly port: OvsPort; readonly packet: FlowKey }[];
      readonly flooded: boolean;
      readonly step: Step;
    }
  | { readonly kind: 'drop'; readonly step: Step };

/** Ports of Neutron's that must not get anything: VLAN 4095 is its dead VLAN. */
const DEAD_VLAN = 4095;

/** NORMAL: the VLAN of the ingress port, learning, lookup, flooding (ovs-actions(7), ovs-vswitchd.conf.db(5) "VLAN Configuration"). */
export function runNormal(
  context: Context,
  bridge: OvsBridge,
  inPort: OvsPort | undefined,
  packet: FlowKey,
  flowSource: Source,
  /** As it came into the bridge. */
  entered: FlowKey,
): NormalResult {
  const vlan = ingressVlan(inPort, packet);
  if (inPort) doubtTag(context, bridge, inPort);
  const build = (fields: {
    summary: string;
    certainty: Certainty;
    evidence: readonly Source[];
    reason?: string | undefined;
    packet?: FlowKey;
    effect?: Step['effect'];
    steps?: readonly Step[];
  }): Step => ({
    host: bridge.host,
    namespace: null,
    stage: 'ovs-normal',
    device: bridge.name,
    port: null,
    packet: fields.packet ?? packet,
    summary: fields.summary,
    certainty: fields.certainty,
    evidence: fields.evidence,
    steps: fields.steps ?? [],
    ...(fields.reason === undefined ? {} : { reason: fields.reason }),
    ...(fields.effect === undefined ? {} : { effect: fields.effect }),
  });
  if (vlan === undefined) {
    return {
      kind: 'drop',
      step: build({
        summary: `NORMAL drops it: port ${inPort?.name ?? '?'} is an access port of VLAN ${inPort?.tag ?? '?'} and the frame carries VLAN ${vlanOf(packet) ?? '?'}`,
        certainty: 'captured',
        evidence: [flowSource, ...tagSource(inPort)],
        effect: 'dropped',
      }),
    };
  }
  const mac = destinationMac(packet);
  learnMac(context, bridge, vlan, sourceMac(packet), inPort);
  if (isMulticastMac(get(packet, 'dl_dst'))) {
    const outputs = floodPorts(bridge, inPort, vlan, packet);
    return {
      kind: 'forward',
      flooded: true,
      outputs,
      step: build({
        summary: `NORMAL floods it in ${vlanText(vlan)}: ${mac} is a group address`,
        certainty: 'captured',
        evidence: [flowSource],
      }),
    };
  }
  const found = lookUp(context, bridge, vlan, mac, inPort, packet, ingressVlan(inPort, entered) === vlan);
  if (found) {
    const { port } = found;
    if (inPort && port.name === inPort.name) {
      return {
        kind: 'drop',
        step: build({
          summary: `NORMAL drops it: ${mac} was learned on ${port.name}, the port it came from`,
          certainty: found.certainty,
          reason: found.reason,
          evidence: [flowSource, ...found.evidence],
          effect: 'dropped',
        }),
      };
    }
    if (areProtected(inPort, port)) {
      return {
        kind: 'drop',
        step: build({
          summary: `NORMAL drops it: ${mac} is on ${port.name}, which is protected, as ${inPort?.name ?? 'the port it came from'} is`,
          certainty: found.certainty,
          reason: found.reason,
          evidence: [flowSource, ...found.evidence, ...port.sources.slice(0, 1)],
          effect: 'dropped',
        }),
      };
    }
    const leaving = asLeaving(port, packet, found.vlan ?? vlan);
    if (vlanOf(leaving) !== undefined) doubtTag(context, bridge, port);
    return {
      kind: 'forward',
      flooded: false,
      outputs: [{ port, packet: leaving }],
      step: build({
        summary: `NORMAL in ${vlanText(vlan)}: ${mac} is on ${label(port)}${found.note}`,
        certainty: found.certainty,
        reason: found.reason,
        evidence: [flowSource, ...found.evidence, ...tagSource(inPort)],
        packet: leaving,
      }),
    };
  }
  return flood(context, bridge, inPort, packet, vlan, mac, flowSource, build);
}

function flood(
  context: Context,
  bridge: OvsBridge,
  inPort: OvsPort | undefined,
  packet: FlowKey,
  vlan: number,
  mac: string,
  flowSource: Source,
  build: (fields: {
    summary: string;
    certainty: Certainty;
    evidence: readonly Source[];
    reason?: string | undefined;
    packet?: FlowKey;
  }) => Step,
): NormalResult {
  const outputs = floodPorts(bridge, inPort, vlan, packet);
  const owner = ownerOfMac(context.network, bridge, mac);
  const owned = owner && outputs.find(({ port }) => port.name === owner.port.name);
  const captured = bridge.fdbKnown === 'whole';
  if (!captured)
    addGap(context, {
      host: bridge.host,
      command: `ovs-appctl fdb/show ${bridge.name}`,
      why: `where ${bridge.name} has learned ${mac} in ${vlanText(vlan)}`,
    });
  const why = captured ? `${mac} is not in ${bridge.name}'s MAC table` : `${bridge.name}'s MAC table was not captured`;
  const others = outputs.filter(({ port }) => port.name !== owner?.port.name).map(({ port }) => port.name);
  for (const output of owned ? [owned] : outputs) if (vlanOf(output.packet) !== undefined) doubtTag(context, bridge, output.port);
  if (owned && owner) {
    return {
      kind: 'forward',
      flooded: true,
      outputs: [owned],
      step: build({
        summary: `NORMAL in ${vlanText(vlan)}: ${why}, so ${captured ? 'the frame is flooded' : 'the frame is flooded or goes straight'}; it is for ${label(owned.port)}${others.length > 0 ? ` (copies also to ${others.join(', ')})` : ''}`,
        certainty: 'inferred',
        reason: owner.reason,
        evidence: [flowSource, ...owner.evidence, ...tagSource(owned.port)],
        packet: owned.packet,
      }),
    };
  }
  return {
    kind: 'forward',
    flooded: true,
    outputs,
    step: build({
      summary: `NORMAL in ${vlanText(vlan)}: ${why}, so the frame is flooded to ${outputs.map(({ port }) => port.name).join(', ') || 'no other port'}`,
      certainty: captured ? 'captured' : 'assumed',
      reason: captured ? undefined : 'a MAC table that was not captured may lead it to one of these ports only',
      evidence: [flowSource],
    }),
  };
}

/** The VLAN that a frame is forwarded in, 0 for none; undefined where the port refuses it. */
function ingressVlan(port: OvsPort | undefined, packet: FlowKey): number | undefined {
  const vid = vlanOf(packet);
  const tag = port?.tag;
  const mode = port?.vlanMode ?? (tag !== undefined && port?.trunks === undefined ? 'access' : 'trunk');
  if (mode === 'access' && tag !== undefined) return vid === undefined || vid === 0 ? tag : undefined;
  if (mode === 'dot1q-tunnel' && tag !== undefined) return tag;
  if ((mode === 'native-tagged' || mode === 'native-untagged') && vid === undefined) return tag ?? 0;
  const wanted = vid ?? 0;
  if (port?.trunks && port.trunks.length > 0 && !port.trunks.includes(wanted) && wanted !== tag) return undefined;
  return wanted;
}

function carries(port: OvsPort, vlan: number): boolean {
  if (port.tag === DEAD_VLAN) return false;
  const mode = port.vlanMode ?? (port.tag !== undefined && port.trunks === undefined ? 'access' : 'trunk');
  if (mode === 'access' || mode === 'dot1q-tunnel') return port.tag === vlan;
  if (port.tag === vlan) return true;
  return port.trunks === undefined || port.trunks.length === 0 || port.trunks.includes(vlan);
}

function asLeaving(port: OvsPort, packet: FlowKey, vlan: number): FlowKey {
  const mode = port.vlanMode ?? (port.tag !== undefined && port.trunks === undefined ? 'access' : 'trunk');
  if (mode === 'access' || (mode === 'native-untagged' && port.tag === vlan) || vlan === 0) return withoutVlan(packet);
  return withVlan(packet, vlan);
}

function areProtected(one: OvsPort | undefined, other: OvsPort): boolean {
  return one?.protected === true && other.protected === true;
}

function floodPorts(bridge: OvsBridge, inPort: OvsPort | undefined, vlan: number, packet: FlowKey) {
  return bridge.ports
    .filter(
      (port) => port.name !== inPort?.name && carries(port, vlan) && port.error === undefined && !areProtected(inPort, port),
    )
    .map((port) => ({ port, packet: asLeaving(port, packet, vlan) }));
}

function learnMac(context: Context, bridge: OvsBridge, vlan: number, mac: string, inPort: OvsPort | undefined): void {
  if (inPort?.ofport === undefined) return;
  const key = bridgeKey(bridge);
  const rest = (context.state.macs.get(key) ?? []).filter((entry) => entry.vlan !== vlan || entry.mac !== mac);
  context.state.macs.set(key, [...rest, { vlan, mac, ofport: inPort.ofport }]);
}

interface Found {
  readonly port: OvsPort;
  /** Where a missing flow must have changed the tag. */
  readonly vlan?: number;
  readonly certainty: Certainty;
  readonly reason: string | undefined;
  readonly note: string;
  readonly evidence: readonly Source[];
}

function lookUp(
  context: Context,
  bridge: OvsBridge,
  vlan: number,
  mac: string,
  inPort: OvsPort | undefined,
  packet: FlowKey,
  sameTag: boolean,
): Found | undefined {
  const row = bridge.fdb.find((candidate) => candidate.vlan === vlan && candidate.mac === mac);
  const port = row && portOf(bridge, row.ofport, row.portName);
  if (row && port) return { port, certainty: 'captured', reason: undefined, note: '', evidence: [row.source] };
  const learned = (context.state.macs.get(bridgeKey(bridge)) ?? []).find((entry) => entry.vlan === vlan && entry.mac === mac);
  const learnedPort = learned && bridgePort(bridge, learned.ofport);
  if (learnedPort) {
    return {
      port: learnedPort,
      certainty: 'inferred',
      reason: 'learned from the packet that went before',
      note: ' (learned on the way out)',
      evidence: [],
    };
  }
  // A tag that a captured flow gave the frame is the one that it has.
  return sameTag ? otherVlan(context, bridge, vlan, mac, inPort, packet) : undefined;
}

/**
 * The table knows the destination in one other VLAN only, and has seen the sender there on this very port: frames do arrive
 * in that VLAN, so a flow that changes the tag is missing from the captured dump.
 */
function otherVlan(
  context: Context,
  bridge: OvsBridge,
  vlan: number,
  mac: string,
  inPort: OvsPort | undefined,
  packet: FlowKey,
): Found | undefined {
  const rows = bridge.fdb.filter((candidate) => candidate.mac === mac);
  const [row, second] = rows;
  if (!row || second || !inPort) return undefined;
  const sender = bridge.fdb.find(
    (candidate) => candidate.vlan === row.vlan && candidate.mac === sourceMac(packet) && candidate.ofport === inPort.ofport,
  );
  const port = portOf(bridge, row.ofport, row.portName);
  if (!sender || !port || retags(bridge, inPort, vlan)) return undefined;
  addGap(context, {
    host: bridge.host,
    command: `ovs-ofctl dump-flows ${bridge.name}`,
    why: `the flow that takes ${vlanText(vlan)} off frames from ${inPort.name} is not in the captured dump`,
  });
  return {
    port,
    vlan: row.vlan,
    certainty: 'assumed',
    reason: `by the captured flows the frame is in ${vlanText(vlan)} here, but ${bridge.name}'s MAC table knows its sender on ${inPort.name} and its receiver in ${vlanText(row.vlan)} only: a flow such as strip_vlan is missing from the capture`,
    note: ` in ${vlanText(row.vlan)}, not ${vlanText(vlan)}`,
    evidence: [row.source, sender.source],
  };
}

/** A captured flow would take this tag off frames from the port, or give them another: it is not missing, the packet took another way. */
function retags(bridge: OvsBridge, { ofport }: OvsPort, vlan: number): boolean {
  if (ofport === undefined) return false;
  return flowsFrom(bridge, ofport).some(
    ({ flow }) =>
      flow.match.some(({ field, value }) => (field === 'dl_vlan' || field === 'vlan_tci') && value === BigInt(0x1000 | vlan)) &&
      flow.actions.some(({ text }) => /strip_vlan|pop_vlan|vlan_vid|vlan_tci/i.test(text)),
  );
}

function portOf(bridge: OvsBridge, ofport: number | undefined, name: string | undefined): OvsPort | undefined {
  const known =
    (ofport === undefined ? undefined : bridgePort(bridge, ofport)) ??
    (name === undefined ? undefined : bridgePort(bridge, name));
  if (known) return known;
  // A number that no capture names is still a port.
  const label = name ?? (ofport === LOCAL_PORT ? bridge.name : ofport?.toString());
  return label === undefined ? undefined : unnamedPort(bridge, label, ofport);
}

/** Only ovs-vsctl says which VLAN a port is in: without it no frame is certain to be refused or lost. */
function doubtTag(context: Context, bridge: OvsBridge, port: OvsPort): void {
  if (!tagUnsaid(port)) return;
  const doubt = { host: bridge.host, command: 'ovs-vsctl show', why: `the VLAN tag of ${port.name} on ${bridge.name}` };
  addGap(context, doubt);
  addDoubt(context, doubt);
}

/** Whether nobody listed the port's settings: no tag is then not the same as none. */
function tagUnsaid(port: OvsPort): boolean {
  return (
    port.tag === undefined &&
    port.says['name'] === undefined &&
    port.says['type'] === undefined &&
    port.options['peer'] === undefined &&
    port.ofport !== LOCAL_PORT
  );
}

function tagSource(port: OvsPort | undefined): Source[] {
  const source = port?.says['tag'];
  return source ? [source] : [];
}

export function vlanText(vlan: number): string {
  return vlan === 0 ? 'VLAN 0 (untagged)' : `VLAN ${vlan}`;
}

export function label(port: OvsPort): string {
  if (port.ofport === undefined || port.ofport < 0) return port.name;
  return port.ofport === LOCAL_PORT ? `LOCAL (${port.name})` : `port ${port.ofport} (${port.name})`;
}
