import { ones } from '../../base/bits';
import type { Host, LinuxBridge, Namespace } from '../../model/network';
import { neutronPortOf, portIdPrefix } from '../../model/queries';
import { isMulticastMac } from '../../packet/address';
import { get, type FlowKey } from '../../packet/flow-key';
import { addGap, hostOf, type Context } from '../context';
import { destinationMac, type Certainty, type Ending, type Place, type Step } from '../step';
import { cardBehind, isGuestSide } from '../owner';
import { tableStep } from './events';
import { ipPacketOf, tcpFlagsOf, withIpPacket } from './packet';
import { hasConnections, passNamespace } from './stack-walk';

/** A frame enters a Linux bridge by one of its members, and leaves by the one that leads to its receiver. */
export function linuxBridgeIn(
  context: Context,
  place: Place & { kind: 'linux-bridge-in' },
  packet: FlowKey,
  steps: Step[],
): Ending {
  const host = hostOf(context, place.host);
  const bridge = host?.linuxBridges.get(place.bridge);
  if (!host || !bridge) return unknown(place, packet);
  const own = host.namespaces.get('')?.devices.get(place.bridge);
  if (own?.mac === destinationMac(packet) && own.addresses.length > 0 && place.member !== place.bridge) {
    return context.go(context, { kind: 'namespace-in', host: place.host, namespace: '', device: place.bridge }, packet, steps);
  }
  const out = chooseMember(context, host, bridge, place.member, packet);
  const member = bridge.members.find(({ name }) => name === out?.name);
  const passed = out ? evidenceOfPassing(host, out.name) : undefined;
  const hybrid = place.bridge.startsWith('qbr');
  const rules = [...host.namespaces.values()].find((namespace) => namespace.name === '')?.netfilter.get('filter');
  const filtered = rules !== undefined && usesPhysdev(rules);
  if (hybrid && !filtered) {
    addGap(context, { host: place.host, command: 'iptables-save', why: `the security group rules on ${place.bridge}` });
  }
  const reasons = [
    out?.reason ?? '',
    hybrid && !filtered
      ? `the security group rules on ${place.bridge} were not captured${passed ? '; the counters of the flows behind it show that frames do get through' : ''}`
      : '',
  ].filter((reason) => reason !== '');
  steps.push({
    host: place.host,
    namespace: null,
    stage: 'linux-bridge',
    device: place.bridge,
    port: null,
    summary: out
      ? `Linux bridge ${place.bridge}: from ${place.member} to ${out.name}`
      : `Linux bridge ${place.bridge}: which member the frame leaves by is not known`,
    certainty: out ? (hybrid && !filtered && out.certainty === 'captured' ? 'inferred' : out.certainty) : 'assumed',
    ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
    packet,
    evidence: [
      ...bridge.members.filter(({ name }) => name === place.member).map(({ source }) => source),
      ...(member ? [member.source] : []),
      ...(out?.evidence ?? []),
      ...(passed ? [passed] : []),
    ],
    steps: [],
    ...(out ? {} : { effect: 'unknown' as const }),
  });
  if (!out) {
    addGap(context, {
      host: place.host,
      command: 'bridge fdb show',
      why: `which member of ${place.bridge} leads to ${destinationMac(packet)}`,
    });
    return unknown(place, packet);
  }
  const namespace = host.namespaces.get('');
  if (namespace && filtered) {
    const refused = bridgeNetfilter(context, namespace, place, out.name, packet, steps);
    if (refused) return refused;
  }
  return context.go(context, { kind: 'device-out', host: place.host, namespace: '', device: out.name }, packet, steps);
}

function usesPhysdev(table: NonNullable<ReturnType<Namespace['netfilter']['get']>>): boolean {
  return [...table.chains.values()].some((chain) =>
    chain.rules.some((rule) => rule.matches.some((match) => match.kind.startsWith('physdev'))),
  );
}

function unknown(place: Place & { kind: 'linux-bridge-in' }, packet: FlowKey): Ending {
  return {
    disposition: 'insufficient-info',
    at: { host: place.host, device: place.bridge, port: place.member },
    summary: `Where ${place.bridge} sends the frame is not known`,
    packet,
  };
}

interface Chosen {
  readonly name: string;
  readonly certainty: Certainty;
  readonly reason: string | undefined;
  readonly evidence: LinuxBridge['fdb'][number]['source'][];
}

function chooseMember(context: Context, host: Host, bridge: LinuxBridge, from: string, packet: FlowKey): Chosen | undefined {
  const mac = destinationMac(packet);
  const entry = bridge.fdb.find((candidate) => candidate.mac === mac && candidate.dev !== from && !candidate.permanent);
  if (entry) return { name: entry.dev, certainty: 'captured', reason: undefined, evidence: [entry.source] };
  const others = bridge.members.filter(({ name }) => name !== from);
  const [only] = others;
  if (only && others.length === 1) return { name: only.name, certainty: 'captured', reason: undefined, evidence: [] };
  const owner = others.find(({ name }) => {
    const known = neutronPortOf(context.network, name)?.mac ?? cardBehind(context.network, host.name, name)?.card.mac;
    return known === mac || isGuestSide(name, host.namespaces.get('')?.devices.get(name)?.mac, mac);
  });
  if (owner)
    return {
      name: owner.name,
      certainty: 'inferred',
      reason: `no MAC table of ${bridge.name} was captured; ${mac} is the card behind ${owner.name}`,
      evidence: [owner.source],
    };
  // The way out of a bridge with several members is the one that is not an instance's.
  const uplinks = others.filter(({ name }) => !/^(?:tap|vnet)/.test(name));
  const [uplink] = uplinks;
  if (uplink && uplinks.length === 1 && !isMulticastMac(get(packet, 'dl_dst'))) {
    return {
      name: uplink.name,
      certainty: 'inferred',
      reason: `no MAC table of ${bridge.name} was captured; ${uplink.name} is the only member that leads out`,
      evidence: [],
    };
  }
  return undefined;
}

/** Flow counters behind a veth that show that frames of this port pass the bridge. */
function evidenceOfPassing(host: Host, member: string) {
  const prefix = portIdPrefix(member);
  if (prefix === undefined) return undefined;
  for (const bridge of host.bridges.values()) {
    const port = bridge.ports.find((candidate) => candidate.name === `qvo${prefix}`);
    if (port?.ofport === undefined) continue;
    for (const index of bridge.flows.matching('in_port', BigInt(port.ofport), ones(32))) {
      const entry = bridge.flows.at(index);
      if (entry && (entry.flow.packets?.value ?? 0n) > 0n) return entry.source;
    }
  }
  return undefined;
}

/** br_netfilter: bridged frames pass the IP hooks with their bridge ports as physdev. */
function bridgeNetfilter(
  context: Context,
  namespace: Namespace,
  place: Place & { kind: 'linux-bridge-in' },
  out: string,
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  const called = namespace.sysctls.get('net.bridge.bridge-nf-call-iptables');
  if (called?.value === '0' || !/^(?:2048|34525)$/.test(get(packet, 'dl_type').toString())) return undefined;
  const known = hasConnections(context, namespace);
  const flags = tcpFlagsOf(context.isReply && known);
  const { passage, spared } = passNamespace(context, namespace, {
    packet: ipPacketOf(packet, 0, flags),
    iif: undefined,
    bridged: { bridge: place.bridge, physIn: place.member, physOut: out },
    // An answer whose request this bridge did not see belongs to a connection all the same.
    ...(context.isReply && !known ? { assumed: { state: 'ESTABLISHED' as const, reply: true, mark: 0 } } : {}),
  });
  let summary = '';
  for (const event of passage.events) {
    if (event.kind !== 'table') continue;
    const { run } = event;
    const last = run.hits.filter((hit) => hit.taken).at(-1);
    const isGroup = run.table.name === 'filter' && run.hook === 'FORWARD';
    if (!isGroup && run.verdict === 'ACCEPT' && last === undefined) continue;
    const by = last && !run.byPolicy ? `${last.chain} rule ${last.rule.number}` : `the policy of ${run.hook}`;
    const doubtful = run.hits.find((hit) => !hit.taken && spared.has(hit.rule.text));
    if (run.verdict !== 'ACCEPT') summary = `Dropped by ${by} (${run.table.name}/${run.hook} on ${place.bridge})`;
    else if (doubtful) {
      addGap(context, {
        host: namespace.host,
        command: 'ipset list',
        why: `rules before ${by} depend on conditions that are not certain`,
      });
      summary = `Security group: ${doubtful.chain} rule ${doubtful.rule.number} may drop it, or a rule before lets it through; taken to pass`;
    } else
      summary = isGroup
        ? `Security group of ${place.member}/${out}: let through${last ? ` by ${last.chain} rule ${last.rule.number}` : ''}`
        : `${run.table.name}/${run.hook} on ${place.bridge}: ${last ? `${last.chain} rule ${last.rule.number} → ${last.verdict}` : 'policy ACCEPT'}`;
    steps.push(tableStep(namespace, place.bridge, run, summary, withIpPacket(packet, event.packet)));
  }
  if (passage.verdict !== 'dropped' && passage.verdict !== 'rejected') return undefined;
  return { disposition: 'dropped', at: { host: place.host, device: place.bridge, port: place.member }, summary, packet };
}
