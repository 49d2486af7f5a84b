import type { Host } from '../model/network';
import type { OvsBridge, OvsPort } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import { parseMac } from '../packet/address';
import { set } from '../packet/flow-key';
import type { Context } from './context';
import { newPacket, type WalkQuestion } from './question';
import type { Whereabouts } from './start';
import type { Ending, Step } from './step';

const MAC = /^(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i;

/** A MAC address that a switch port leads to, and what says so. */
interface Station {
  readonly mac: string;
  readonly reason: string | undefined;
  readonly evidence: readonly Source[];
}

/**
 * Where nobody knows an IP address, a frame between two stations of a switch can still be walked by their MAC addresses.
 * Undefined where either end is no station of a captured switch.
 */
export function beginFrame(
  context: Context,
  from: Whereabouts,
  to: Whereabouts,
  question: WalkQuestion,
  steps: Step[],
): Ending | undefined {
  if (from.kind !== 'ovs-port') return undefined;
  const source = stationOf(from, question.from);
  const destination = to.kind === 'ovs-port' ? stationOf(to, question.to) : undefined;
  if (!source || !destination) return undefined;
  const packet = set(
    set(newPacket('0.0.0.0', '0.0.0.0', question), 'dl_src', parseMac(source.mac) ?? 0n),
    'dl_dst',
    parseMac(destination.mac) ?? 0n,
  );
  const reasons = [source.reason, destination.reason, 'no captured address belongs to either end, so IP plays no part'];
  steps.push({
    host: from.host.name,
    namespace: null,
    stage: 'tap',
    device: from.port.name,
    port: null,
    summary: `A frame from ${source.mac} to ${destination.mac} at ${from.port.name}`,
    certainty: 'inferred',
    reason: reasons.filter((reason) => reason !== undefined).join('; '),
    packet,
    evidence: [...source.evidence, ...destination.evidence],
    steps: [],
  });
  return context.go(
    context,
    { kind: 'ovs-in', host: from.host.name, bridge: from.bridge.name, port: from.port.name },
    packet,
    steps,
  );
}

function stationOf(
  at: { readonly host: Host; readonly bridge: OvsBridge; readonly port: OvsPort },
  asked: string,
): Station | undefined {
  const { bridge, port } = at;
  if (MAC.test(asked.trim())) return { mac: asked.trim().toLowerCase(), reason: undefined, evidence: port.sources.slice(0, 1) };
  const attached = port.says['attachedMac'];
  if (port.attachedMac !== undefined && attached) return { mac: port.attachedMac, reason: undefined, evidence: [attached] };
  const rows = bridge.fdb.filter((row) => row.ofport !== undefined && row.ofport === port.ofport);
  const [only] = rows;
  if (!only || new Set(rows.map(({ mac }) => mac)).size > 1) return undefined;
  return {
    mac: only.mac,
    reason: `${only.mac} is the only address that ${bridge.name} has learned on ${port.name}`,
    evidence: [only.source],
  };
}
