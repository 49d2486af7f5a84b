import { unnamedPort, type OvsBridge, type OvsPort } from '../../model/ovs-bridge';
import type { Source } from '../../model/source';
import { bridgePort, isTunnelBridge } from '../../model/queries';
import { LOCAL_PORT } from '../../packet/fields';
import { formatMac } from '../../packet/address';
import { get, set, type FlowKey } from '../../packet/flow-key';
import { answeredBy, isAnswer, isRequest } from '../arp';
import { addGap, hostOf, type Context } from '../context';
import { followCopies } from '../copies';
import { addresses, destinationMac, tagText, type Ending, type Place, type Step } from '../step';
import { assumeTable } from './layout';
import { runNormal } from './normal';
import { ovnRequest } from './ovn-request';
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
    summary: `Enters ${place.bridge} by ${port.ofport === undefined || port.ofport === LOCAL_PORT ? shown : `port ${port.ofport} (${port.name})`}${port.tag === undefined ? '' : `, an access port of VLAN ${port.tag}`}; ${tagText(packet)}${isCut(context) ? '; in fragments, whose ports flows do not see' : ''}`,
    certainty: port.sources.length > 0 ? 'captured' : 'inferred',
    packet: asFragment(context, packet),
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
    const onlyAny = !bridge.flows.hasLike(({ match }) => match.some((term) => term.field === 'in_port'));
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
  const entered = set(asFragment(context, packet), 'in_port', BigInt(port.ofport ?? 0));
  return forwardBy(deeper, bridge, port, entered, steps);
}

/** Of a packet that was cut the switch sees the first fragment, whose ports its flows do not (ovs-fields(7), `ip_frag`). */
function asFragment(context: Context, packet: FlowKey): FlowKey {
  const cut = isCut(context);
  return cut || packet.has('nw_frag') ? set(packet, 'nw_frag', cut ? 1n : 0n) : packet;
}

function isCut({ size }: Context): boolean {
  return size !== undefined && size.length < size.whole;
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
  const outputs = outputsOf(context, bridge, inPort, emissions, packet, steps);
  if (outputs.kind === 'unknown') return { disposition: 'insufficient-info', at, summary: outputs.summary, packet };
  if (outputs.kind === 'answered') return answeredByFlow(bridge, outputs.output, packet);
  if (outputs.list.length === 0) {
    const why =
      end.kind === 'done' && end.droppedBy !== undefined ? end.droppedBy : (outputs.why ?? 'no port is left to send it to');
    return { disposition: 'dropped', at, summary: `Dropped in ${bridge.name}: ${why}`, packet };
  }
  return follow(context, bridge, inPort, outputs.list, steps);
}

/** The question ends here, and the answer leaves by the port that the flow names. */
function answeredByFlow(bridge: OvsBridge, output: Output, asked: FlowKey): Ending {
  const mac = formatMac(get(output.packet, 'dl_src'));
  const back: Place = { kind: 'ovs-out', host: bridge.host, bridge: bridge.name, port: output.port.name };
  const ending = answeredBy(asked, mac, `a flow of ${bridge.name}`, back);
  return { ...ending, at: { host: bridge.host, device: bridge.name, port: portShown(output.port) }, answer: output.packet };
}

/** A frame that a switch's own flow made leaves by a port. */
export function ovsOut(context: Context, place: Place & { kind: 'ovs-out' }, packet: FlowKey, steps: Step[]): Ending {
  const bridge = hostOf(context, place.host)?.bridges.get(place.bridge);
  const at = { host: place.host, device: place.bridge, port: place.port };
  if (!bridge) return { disposition: 'insufficient-info', at, summary: `Nothing of bridge ${place.bridge} was captured`, packet };
  const port = bridgePort(bridge, place.port) ?? unnamedPort(bridge, place.port, undefined);
  const [source] = port.sources.length > 0 ? port.sources : bridge.sources;
  if (!source) return { disposition: 'insufficient-info', at, summary: `What ${place.port} is was not captured`, packet };
  return sendOut(context, bridge, { port, packet, source }, steps);
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
  | { readonly kind: 'answered'; readonly output: Output }
  | { readonly kind: 'unknown'; readonly summary: string };

function outputsOf(
  context: Context,
  bridge: OvsBridge,
  inPort: OvsPort,
  emissions: readonly Emission[],
  asked: FlowKey,
  steps: Step[],
): Outputs {
  const list: Output[] = [];
  let why: string | undefined;
  let notModelled: string | undefined;
  for (const emission of emissions) {
    switch (emission.kind) {
      case 'port': {
        if (emission.ofport === LOCAL_PORT || emission.ofport >= 0 || emission.name !== undefined) {
          const known =
            (emission.ofport < 0 ? undefined : bridgePort(bridge, emission.ofport)) ??
            (emission.name === undefined ? undefined : bridgePort(bridge, emission.name));
          const label = emission.ofport === LOCAL_PORT ? bridge.name : (emission.name ?? `port ${emission.ofport}`);
          const output = {
            port: known ?? unnamedPort(bridge, label, emission.ofport),
            packet: emission.packet,
            source: emission.source,
          };
          // Flows that turn a question into its answer: an ARP responder.
          if (isRequest(asked) && isAnswer(emission.packet)) return { kind: 'answered', output };
          list.push(output);
        }
        break;
      }
      case 'normal': {
        const result = runNormal(context, bridge, inPort, emission.packet, emission.source, asked);
        steps.push(result.step);
        if (result.kind === 'forward') list.push(...result.outputs.map((output) => ({ ...output, source: emission.source })));
        else why = result.step.summary;
        break;
      }
      case 'controller': {
        const known = ovnRequest(emission.userdata);
        if (known?.kind === 'refuses') {
          why ??= `ovn-controller answers with ${known.what}`;
          break;
        }
        notModelled ??= known ? `ovn-controller ${known.what}` : 'it goes to the controller, which decides alone';
        addGap(context, {
          host: bridge.host,
          command: known?.command ?? `ovs-ofctl monitor ${bridge.name} 65534 resume`,
          why: `what becomes of packets from ${inPort.name} that ${bridge.name} hands to its controller`,
        });
        break;
      }
      case 'uncaptured':
      case 'unknown': {
        const isRead = emission.kind === 'unknown';
        notModelled ??= isRead ? `not modelled: ${emission.text}` : emission.text;
        steps.push(
          tableStep(bridge, emission.packet, {
            summary: isRead ? `Not modelled: ${emission.text}` : emission.text,
            certainty: 'assumed',
            reason: isRead ? 'this action is read but its effect is not followed' : 'the packet may go anywhere from there',
            evidence: [emission.source],
            effect: 'unknown',
          }),
        );
        break;
      }
    }
  }
  return list.length === 0 && notModelled !== undefined ? { kind: 'unknown', summary: notModelled } : { kind: 'list', list, why };
}

function isLocal(output: Output): boolean {
  return output.port.name === output.port.bridge;
}

/** Follows every copy that the switch makes. */
function follow(context: Context, bridge: OvsBridge, inPort: OvsPort, outputs: readonly Output[], steps: Step[]): Ending {
  const copies = outputs.map((output) => ({
    host: bridge.host,
    namespace: null,
    stage: 'ovs-port' as const,
    device: bridge.name,
    port: portShown(output.port),
    isLocal: isLocal(output),
    packet: output.packet,
    evidence: portEvidence(output.port),
    go: (inner: Context, own: Step[]) => sendOut(inner, bridge, output, own),
  }));
  return (
    followCopies(context, copies, steps) ?? {
      disposition: 'dropped',
      at: { host: bridge.host, device: bridge.name, port: portShown(inPort) },
      summary: `Dropped in ${bridge.name}`,
      packet: new Map(),
    }
  );
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
