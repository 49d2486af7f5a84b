import type { OvsBridge, OvsPort, Source } from '../../model/network';
import { bridgePort, isTunnelBridge } from '../../model/queries';
import { LOCAL_PORT } from '../../packet/fields';
import { set, type FlowKey } from '../../packet/flow-key';
import { addGap, hostOf, type Context } from '../context';
import { addresses, destinationMac, tagText, weakest, type Ending, type Place, type Step } from '../step';
import { assumeTable } from './layout';
import { runNormal, unnamedPort } from './normal';
import { runPipeline, type Emission } from './pipeline';
import { sendOut } from './output';
import { tableStep } from './table-step';

export interface Output {
  readonly port: OvsPort;
  readonly packet: FlowKey;
  readonly source: Source;
}

/** A frame enters an OVS bridge by a port: pipeline, NORMAL, and every port that it leaves by. */
export function ovsIn(context: Context, place: Place & { kind: 'ovs-in' }, packet: FlowKey, steps: Step[]): Ending {
  const bridge = hostOf(context, place.host)?.bridges.get(place.bridge);
  const at = { host: place.host, device: place.bridge, port: place.port };
  if (!bridge) return { disposition: 'insufficient-info', at, summary: `Nothing of bridge ${place.bridge} was captured`, packet };
  const port = bridgePort(bridge, place.port) ?? unnamedPort(bridge, place.port, undefined);
  const shown = portShown(port);
  steps.push({
    host: place.host,
    namespace: null,
    stage: 'ovs-port',
    device: place.bridge,
    port: shown,
    summary: `Enters ${place.bridge} by ${port.ofport === undefined || port.ofport === LOCAL_PORT ? shown : `port ${port.ofport} (${port.name})`}${port.tag === undefined ? '' : `, an access port of VLAN ${port.tag}`}; ${tagText(packet)}`,
    certainty: port.sources.length > 0 ? 'captured' : 'inferred',
    packet,
    evidence: portEvidence(port),
    steps: [],
  });
  const key = `${place.host}|${place.bridge}|${place.port}|${tagText(packet)}|${addresses(packet)}|${destinationMac(packet)}`;
  if (context.seen.has(key)) {
    return {
      disposition: 'loop',
      at,
      summary: `The packet is back on ${place.port} of ${place.bridge} as it was before: a loop`,
      packet,
    };
  }
  if (port.ofport === undefined) {
    addGap(context, {
      host: place.host,
      command: `ovs-ofctl show ${place.bridge}`,
      why: `the port number of ${place.port}, which flows match on`,
    });
    const onlyAny = bridge.flows.like(({ match }) => match.some((term) => term.field === 'in_port')).length === 0;
    if (!onlyAny && bridge.flows.length > 0) {
      return {
        disposition: 'insufficient-info',
        at,
        summary: `Which number ${place.port} has on ${place.bridge} is not known, and its flows ask for it`,
        packet,
      };
    }
  }
  const deeper: Context = { ...context, depth: context.depth + 1, seen: new Set([...context.seen, key]) };
  return forwardBy(deeper, bridge, port, set(packet, 'in_port', BigInt(port.ofport ?? 0)), steps);
}

function forwardBy(context: Context, bridge: OvsBridge, inPort: OvsPort, packet: FlowKey, steps: Step[]): Ending {
  const at = { host: bridge.host, device: bridge.name, port: portShown(inPort) };
  const end = runPipeline(context, bridge, inPort, packet, steps);
  const emissions: Emission[] = [...end.emissions];
  if (end.kind === 'unknown-table') {
    // A bridge whose layout is known goes on as it does; where a flow that drops is shown, nothing else is worth assuming.
    const assumed =
      end.shownDrop && !isTunnelBridge(bridge) ? undefined : assumeTable(context, bridge, inPort, end.table, end.packet);
    if (assumed) {
      steps.push(...assumed.steps);
      emissions.push(...assumed.emissions);
    } else if (emissions.length === 0) {
      addGap(context, {
        host: bridge.host,
        command: `ovs-ofctl dump-flows ${bridge.name}`,
        why: `what ${bridge.name} does with packets from ${inPort.name} in table ${end.table}`,
      });
      const summary = end.shownDrop
        ? `A flow of table ${end.table} of ${bridge.name} drops the packet, unless one that is missing from the captured dump takes it before`
        : `What ${bridge.name} does with the packet in table ${end.table} is not captured`;
      steps.push(tableUnknown(bridge, end.table, end.packet, summary));
      return { disposition: 'insufficient-info', at, summary, packet: end.packet };
    }
  }
  const outputs = outputsOf(context, bridge, inPort, emissions, steps);
  if (outputs.kind === 'unknown') return { disposition: 'insufficient-info', at, summary: outputs.summary, packet };
  if (outputs.list.length === 0) {
    const why =
      end.kind === 'done' && end.droppedBy !== undefined ? end.droppedBy : (outputs.why ?? 'no port is left to send it to');
    return { disposition: 'dropped', at, summary: `Dropped in ${bridge.name}: ${why}`, packet };
  }
  return follow(context, bridge, inPort, outputs.list, steps);
}

function tableUnknown(bridge: OvsBridge, table: number, packet: FlowKey, summary: string): Step {
  const reason = bridge.flowsMissing ?? 'its flows were not captured';
  return tableStep(bridge, packet, {
    summary,
    certainty: 'assumed',
    reason,
    evidence: bridge.sources.slice(0, 1),
    table,
    effect: 'unknown',
  });
}

type Outputs =
  | { readonly kind: 'list'; readonly list: readonly Output[]; readonly why: string | undefined }
  | { readonly kind: 'unknown'; readonly summary: string };

function outputsOf(context: Context, bridge: OvsBridge, inPort: OvsPort, emissions: readonly Emission[], steps: Step[]): Outputs {
  const list: Output[] = [];
  let why: string | undefined;
  let notModelled: string | undefined;
  for (const emission of emissions) {
    switch (emission.kind) {
      case 'port': {
        if (emission.ofport === LOCAL_PORT || emission.ofport >= 0 || emission.name !== undefined) {
          if (emission.ofport === inPort.ofport) {
            why = `an output to the port that it came from (${inPort.name}) is not done without IN_PORT`;
            break;
          }
          const known =
            (emission.ofport < 0 ? undefined : bridgePort(bridge, emission.ofport)) ??
            (emission.name === undefined ? undefined : bridgePort(bridge, emission.name));
          const label = emission.ofport === LOCAL_PORT ? bridge.name : (emission.name ?? `port ${emission.ofport}`);
          list.push({
            port: known ?? unnamedPort(bridge, label, emission.ofport),
            packet: emission.packet,
            source: emission.source,
          });
        }
        break;
      }
      case 'normal': {
        const result = runNormal(context, bridge, inPort, emission.packet, emission.source);
        steps.push(result.step);
        if (result.kind === 'forward') list.push(...result.outputs.map((output) => ({ ...output, source: emission.source })));
        else why = result.step.summary;
        break;
      }
      case 'controller':
        notModelled ??= 'it goes to the controller, which decides alone';
        break;
      case 'unknown':
        notModelled ??= `not modelled: ${emission.text}`;
        steps.push(
          tableStep(bridge, emission.packet, {
            summary: `Not modelled: ${emission.text}`,
            certainty: 'assumed',
            reason: 'this action is read but its effect is not followed',
            evidence: [emission.source],
            effect: 'unknown',
          }),
        );
        break;
    }
  }
  return list.length === 0 && notModelled !== undefined ? { kind: 'unknown', summary: notModelled } : { kind: 'list', list, why };
}

const MAX_COPIES = 24;
const rank = ['delivered', 'exits', 'insufficient-info', 'loop', 'dropped'] as const;

/** A port whose owner is not known is no better an end than a way out of the captures. */
function rankOf({ ending, steps }: { readonly ending: Ending; readonly steps: readonly Step[] }): number {
  const unsure = ending.disposition === 'delivered' && steps.at(-1)?.certainty === 'assumed';
  return unsure ? 1.5 : rank.indexOf(ending.disposition);
}

function isLocal(output: Output): boolean {
  return output.port.name === output.port.bridge;
}

/** Follows every copy; the one that gets furthest is the walk, the others stay visible beside it. */
function follow(context: Context, bridge: OvsBridge, inPort: OvsPort, outputs: readonly Output[], steps: Step[]): Ending {
  const [only, ...more] = outputs;
  if (only && more.length === 0) return sendOut(context, bridge, only, steps);
  const branches = outputs.slice(0, MAX_COPIES).map((output) => {
    const own: Step[] = [];
    const gaps = [...context.gaps];
    const branch: Context = { ...context, gaps };
    return { output, steps: own, ending: sendOut(branch, bridge, output, own), gaps };
  });
  const ordered = [...branches].sort(
    (a, b) =>
      rankOf(a) - rankOf(b) ||
      Number(isLocal(a.output)) - Number(isLocal(b.output)) ||
      Number(weakest(a.steps) === 'assumed') - Number(weakest(b.steps) === 'assumed'),
  );
  const best = ordered[0];
  if (!best)
    return {
      disposition: 'dropped',
      at: { host: bridge.host, device: bridge.name, port: portShown(inPort) },
      summary: `Dropped in ${bridge.name}`,
      packet: new Map(),
    };
  const copies: Step[] = branches
    .filter((branch) => branch !== best)
    .map((branch) => ({
      host: bridge.host,
      namespace: null,
      stage: 'ovs-port' as const,
      device: bridge.name,
      port: portShown(branch.output.port),
      summary: `Copy to ${branch.output.port.name}: ${branch.ending.summary}`,
      certainty: weakest(branch.steps),
      packet: branch.output.packet,
      evidence: portEvidence(branch.output.port),
      steps: branch.steps,
    }));
  const last = steps.at(-1);
  if (last && copies.length > 0) {
    steps[steps.length - 1] = { ...last, steps: [...last.steps, ...copies] };
  }
  steps.push(...best.steps);
  for (const gap of best.gaps) addGap(context, gap);
  return best.ending;
}

/** A port's name as operators write it: LOCAL for the bridge's own. */
export function portShown(port: OvsPort): string {
  return port.ofport === LOCAL_PORT || port.name === port.bridge ? 'LOCAL' : port.name;
}

/** Where a port's name, number and tag are said. */
export function portEvidence(port: OvsPort): Source[] {
  const { name, ofport, tag } = port.says;
  return [ofport, name, tag].filter((source) => source !== undefined);
}
