import type { BridgeMember, LinuxBridge } from '../../model/linux-bridge';
import type { Host } from '../../model/network';
import type { Source } from '../../model/source';
import { bareNamespace, flowsFrom, neutronPortOf } from '../../model/queries';
import { isMulticastMac } from '../../packet/address';
import { get, vlanOf, type FlowKey } from '../../packet/flow-key';
import { answeredBy, askedFor } from '../arp';
import { addDoubt, addGap, hostOf, inNamespace, type Context } from '../context';
import { followCopies, type Copy } from '../copies';
import { outOfBridge } from '../device-size';
import { cardBehind, isGuestSide } from '../owner';
import { destinationMac, type Certainty, type Ending, type Place, type Step } from '../step';
import { netfilterOf, type BridgeHooks } from './bridge-hooks';
import { redirected } from './bridge-redirect';
import {
  asArriving,
  asLeaving,
  egressRefusal,
  egressUnsaid,
  filteringOf,
  floodRefusal,
  ingressVlan,
  lockRefusal,
  isLinkLocal,
  memberOf,
  stateRefusal,
  type Refusal,
  type Way,
} from '../../kernel/bridge-port';
import { stepBase } from './events';
import { isSpared, suppress, type Suppression } from './suppressed';
import { intoTunnel, mapsVlans, outOfTunnel, TUNNELS } from './vlan-tunnel';
import { isNextToGuest, portIdPrefix, siblingOf } from '../../model/known-names';

type BridgePlace = Place & { kind: 'linux-bridge-in' };

interface Run extends Way {
  readonly context: Context;
  readonly host: Host;
  readonly place: BridgePlace;
  readonly steps: Step[];
  readonly hooks: BridgeHooks;
}

/**
 * A frame enters a Linux bridge by one of its ports, or is sent by the bridge's own device: the port's state and VLANs, the rules of
 * ebtables and nft, the forwarding table or a flood (br_handle_frame, br_forward; bridge(8)).
 */
export function linuxBridgeIn(context: Context, place: BridgePlace, packet: FlowKey, steps: Step[]): Ending {
  const host = hostOf(context, place.host);
  const bridge = host?.linuxBridges.get(place.bridge);
  if (!host || !bridge) return unknown(place, place.bridge, packet);
  const namespace = host.namespaces.get(bridge.namespace) ?? bareNamespace(host.name, bridge.namespace);
  const key = `${host.name}|${place.bridge}|${place.member}|${[...packet].join()}`;
  if (context.seen.has(key)) {
    const summary = `The frame is back on ${place.member} of ${bridge.name} as it was before: a loop`;
    return { disposition: 'loop', at: { host: host.name, device: bridge.name, port: place.member }, summary, packet };
  }
  const inner: Context = { ...context, seen: new Set([...context.seen, key]) };
  const device = namespace.devices.get(bridge.name);
  const filtering = filteringOf(bridge, device);
  const from = memberOf(bridge, place.member);
  const down: Refusal | undefined =
    device?.up === false ? { why: `${bridge.name} itself is down`, evidence: device.sources.slice(0, 1) } : undefined;
  const refused = down ?? stateRefusal(from);
  if (refused) return drop(inner, { place, bridge, packet, steps }, refused, 'captured');
  if (from && isLinkLocal(packet, device)) {
    const why = `${destinationMac(packet)} is for bridges themselves, which do not hand it on`;
    return drop(inner, { place, bridge, packet, steps }, { why, evidence: [from.source] }, 'captured');
  }
  const tunnelled = mapsVlans(from) ? outOfTunnel(bridge, place.member, packet) : packet;
  if (tunnelled === 'unsaid') return numberUnknown(inner, host.name, bridge, place, packet);
  packet = tunnelled;
  const hooks = netfilterOf(inner, namespace, bridge, place.member, steps);
  if (from && hooks.routes(packet))
    return inner.go(
      inner,
      { kind: 'namespace-in', host: host.name, namespace: bridge.namespace, device: place.member },
      packet,
      steps,
    );
  const before = hooks.first(packet);
  if ('disposition' in before) return before;
  const entered = ingressVlan(bridge, filtering, place.member, before.packet);
  if ('why' in entered) return drop(inner, { place, bridge, packet, steps }, entered, filtering.certainty, filtering.reason);
  const locked = lockRefusal(bridge, from, entered.vlan, before.packet);
  if (locked?.isSure === true)
    return drop(inner, { place, bridge, packet, steps }, locked, filtering.certainty, filtering.reason);
  if (locked) addGap(inner, { host: host.name, command: inNamespace(bridge.namespace, 'bridge fdb show'), why: locked.why });
  const unsaid = entered.unsaid?.why ?? locked?.why;
  // Nobody knows with which tag the frame leaves then, so that no later drop is certain.
  if (entered.unsaid !== undefined) doubt(inner, host.name, bridge, entered.unsaid);
  const run: Run = {
    context: inner,
    host,
    place,
    steps,
    hooks,
    bridge,
    namespace,
    filtering: {
      ...filtering,
      ...(entered.protocol === undefined ? {} : { protocol: entered.protocol }),
      ...(unsaid === undefined ? {} : { certainty: 'inferred', reason: unsaid }),
    },
    from: place.member,
    vlan: entered.vlan,
  };
  const turned =
    from && hooks.callsIptables ? redirected(inner, host, namespace, bridge, place.member, before.packet, steps) : undefined;
  if (turned === undefined) return forward(run, before.packet);
  if ('disposition' in turned) return turned;
  return turned.kind === 'up' ? up(run, turned.packet) : forwardRedirected(run, turned.packet);
}

/** The rules have had their say: the frame goes to whoever has the packet's new destination. */
function forwardRedirected(run: Run, packet: FlowKey): Ending {
  const { bridge, context, steps, filtering } = run;
  const chosen = chooseMember(run, packet);
  if (!chosen) {
    addFdbGap(run, packet);
    return unknown(run.place, bridge.name, packet);
  }
  const refusal = chosen.member && egressRefusal(run, chosen.member);
  if (refusal) {
    const why = `${destinationMac(packet)} is behind ${chosen.name}, but ${refusal.why}`;
    const evidence = [...chosen.evidence, ...refusal.evidence];
    return drop(
      context,
      { place: run.place, bridge, packet, steps },
      { ...refusal, why, evidence },
      chosen.certainty,
      chosen.reason,
    );
  }
  const leaving = asLeaving(bridge, filtering, chosen.name, run.vlan, packet);
  steps.push({
    ...bridgeStep(
      run,
      leaving,
      `Linux bridge ${bridge.name}: from ${run.from} to ${chosen.name}${vlanWords(run)}, because the new destination is on the bridge as well`,
    ),
    certainty: chosen.certainty,
    ...(chosen.reason === undefined ? {} : { reason: chosen.reason }),
    evidence: [...inEvidence(run), ...(chosen.member ? [chosen.member.source] : []), ...chosen.evidence],
  });
  return leave(run, chosen.name, leaving, steps, context);
}

function forward(run: Run, packet: FlowKey): Ending {
  const { bridge, namespace, from } = run;
  const own = namespace?.devices.get(bridge.name);
  const mac = destinationMac(packet);
  const group = isMulticastMac(get(packet, 'dl_dst'));
  if (from !== bridge.name && !group && isOwn(run, mac)) return up(run, packet);
  const chosen = group ? undefined : chooseMember(run, packet);
  if (chosen) return byOne(run, chosen, packet);
  const spares = suppress(bridge, namespace, from, run.vlan, packet);
  if (spares.kind === 'answers') return answers(run, spares, packet);
  if (spares.kind === 'unknown')
    addGap(run.context, {
      host: run.host.name,
      command: inNamespace(bridge.namespace, 'ip neigh'),
      why: `whether ${bridge.name} answers for ${askedFor(packet)} itself (neigh_suppress)`,
    });
  const flooded = flood(run, packet, spares);
  // A group's frames are for the bridge's own host as well, where it has addresses there.
  const listens = group && from !== bridge.name && own !== undefined && own.addresses.length > 0;
  if (flooded.to.length === 0 && !listens) {
    if (flooded.refusals.length > 0) return nowhere(run, flooded.refusals, packet);
    // The table has a row of every port, that of its own address.
    const alone =
      bridge.fdbKnown === 'whole' &&
      bridge.fdb.some(({ dev }) => dev === from) &&
      bridge.fdb.every(({ dev }) => dev === from || dev === bridge.name);
    if (alone) return nowhere(run, [{ why: `${from} is its only one`, evidence: inEvidence(run) }], packet);
    addFdbGap(run, packet);
    const summary = `Linux bridge ${bridge.name}: which member the frame leaves by is not known`;
    run.steps.push({ ...bridgeStep(run, packet, summary), certainty: 'assumed', evidence: inEvidence(run), effect: 'unknown' });
    return unknown(run.place, bridge.name, packet);
  }
  return floodTo(run, flooded, listens, packet);
}

/** The bridge answers a question in the name of somebody behind a port that is spared of questions. */
function answers(run: Run, { mac, port, evidence }: Suppression & { kind: 'answers' }, packet: FlowKey): Ending {
  const { bridge, host, from } = run;
  const summary = `Linux bridge ${bridge.name} answers itself: ${askedFor(packet)} is at ${mac}, behind ${port} (neigh_suppress)`;
  run.steps.push({ ...bridgeStep(run, packet, summary), certainty: 'captured', evidence, effect: 'delivered' });
  const back = { kind: 'device-out' as const, host: host.name, namespace: bridge.namespace, device: from };
  return {
    ...answeredBy(packet, mac, `${host.name}, ${bridge.name}`, back),
    at: { host: host.name, device: bridge.name, port: from },
  };
}

/** The bridge's own address, and those of its ports: what is for them goes to the host (a `permanent` row of the table). */
function isOwn(run: Run, mac: string): boolean {
  const { bridge, namespace } = run;
  const own = namespace?.devices.get(bridge.name);
  if (own?.mac === mac) return true;
  const row = bridge.fdb.find((entry) => entry.mac === mac && entry.permanent && inVlan(run, entry.vlan));
  return row !== undefined && (row.dev === bridge.name || namespace?.devices.get(row.dev)?.mac === mac);
}

function inVlan(run: Run, vlan: number | undefined): boolean {
  return vlan === undefined || run.vlan === 0 || vlan === run.vlan;
}

/** To the host that has the bridge. */
function up(run: Run, packet: FlowKey): Ending {
  const { context, bridge, host, hooks, filtering, place, steps } = run;
  const arriving = asArriving(bridge, filtering, run.vlan, packet);
  if ('why' in arriving) return drop(context, { place, bridge, packet, steps }, arriving, filtering.certainty, filtering.reason);
  const refused = hooks.toHost(arriving);
  if (refused) return refused;
  if (filtering.on) {
    const tag = vlanOf(arriving);
    steps.push({
      ...bridgeStep(
        run,
        arriving,
        `Linux bridge ${bridge.name}: from ${run.from} to its own host${vlanWords(run)}, ${tag === undefined ? 'untagged' : 'tagged'}`,
      ),
      certainty: filtering.certainty,
      ...(filtering.reason === undefined ? {} : { reason: filtering.reason }),
      evidence: [...inEvidence(run), ...(bridge.vlans.get(bridge.name) ?? []).slice(0, 1).map(({ source }) => source)],
    });
  }
  return context.go(
    context,
    { kind: 'namespace-in', host: host.name, namespace: bridge.namespace, device: bridge.name },
    arriving,
    run.steps,
  );
}

interface Chosen {
  readonly member: BridgeMember | undefined;
  readonly name: string;
  readonly certainty: Certainty;
  readonly reason: string | undefined;
  readonly evidence: readonly Source[];
}

/** The one port that the frame leaves by: from the table, else where only one is left, else by who owns the address. */
function chooseMember(run: Run, packet: FlowKey): Chosen | undefined {
  const { bridge, context, host, from } = run;
  const mac = destinationMac(packet);
  const rows = bridge.fdb.filter((row) => row.mac === mac && inVlan(run, row.vlan));
  const entry = rows.find((row) => row.dev !== from && !row.permanent) ?? rows.find((row) => row.dev !== bridge.name);
  if (entry)
    return {
      member: memberOf(bridge, entry.dev),
      name: entry.dev,
      certainty: 'captured',
      reason: undefined,
      evidence: [entry.source],
    };
  const others = bridge.members.filter(({ name }) => name !== from);
  const [only] = others;
  const table =
    bridge.fdbKnown === 'whole'
      ? `${mac} is not in the MAC table of ${bridge.name}`
      : `no MAC table of ${bridge.name} was captured`;
  if (only && others.length === 1 && egressRefusal(run, only) === undefined)
    return { member: only, name: only.name, certainty: 'captured', reason: undefined, evidence: [] };
  // An address that is not in the table is flooded; that is shown as it is, where the table is there to say so.
  if (bridge.fdbKnown === 'whole') return undefined;
  doubt(context, host.name, bridge, { why: `which port of ${bridge.name} leads to ${mac}`, command: 'bridge fdb show' });
  const owner = others.find(({ name }) => {
    const known = neutronPortOf(context.network, name)?.mac ?? cardBehind(context.network, host.name, name)?.card.mac;
    return known === mac || isGuestSide(name, run.namespace?.devices.get(name)?.mac, mac);
  });
  if (owner)
    return {
      member: owner,
      name: owner.name,
      certainty: 'inferred',
      reason: `${table}; ${mac} is the card behind ${owner.name}`,
      evidence: [owner.source],
    };
  const behind = others.find(({ name }) => peerMac(run, name) === mac);
  if (behind)
    return {
      member: behind,
      name: behind.name,
      certainty: 'inferred',
      reason: `${table}; ${mac} is the other end of ${behind.name}`,
      evidence: [behind.source],
    };
  // The way out of a bridge with several members is the one that is not an instance's.
  const uplinks = others.filter(({ name }) => !isNextToGuest(name) && peerMac(run, name) === undefined);
  const [uplink] = uplinks;
  if (uplink && uplinks.length === 1)
    return {
      member: uplink,
      name: uplink.name,
      certainty: 'inferred',
      reason: `${table}; ${uplink.name} is the only member that leads out`,
      evidence: [],
    };
  return undefined;
}

/** The address of a port's other end, where that is in a captured namespace. */
function peerMac(run: Run, port: string): string | undefined {
  const pair = run.namespace?.devices.get(port)?.pair;
  return pair === undefined ? undefined : run.host.namespaces.get(pair.namespace)?.devices.get(pair.name)?.mac;
}

function bridgeStep(run: Run, packet: FlowKey, summary: string) {
  const namespace = run.namespace ?? bareNamespace(run.host.name, run.bridge.namespace);
  return { ...stepBase(namespace, run.bridge.name), stage: 'linux-bridge' as const, summary, packet, steps: [] };
}

function inEvidence(run: Run): Source[] {
  return run.bridge.members.filter(({ name }) => name === run.from).map(({ source }) => source);
}

function vlanWords(run: Run): string {
  return run.vlan === 0 ? '' : ` in VLAN ${run.vlan}`;
}

function byOne(run: Run, chosen: Chosen, packet: FlowKey): Ending {
  const { bridge, place, hooks, filtering } = run;
  const { member } = chosen;
  const refusal = member && egressRefusal(run, member);
  if (refusal) {
    const known = chosen.certainty === 'captured' ? `${destinationMac(packet)} is behind ${chosen.name}` : chosen.name;
    const why = `${known}, but ${refusal.why}`;
    return drop(
      run.context,
      { place, bridge, packet, steps: run.steps },
      { ...refusal, why, evidence: [...chosen.evidence, ...refusal.evidence] },
      chosen.certainty,
      chosen.reason,
    );
  }
  const passed = evidenceOfPassing(run.host, chosen.name);
  const unfiltered = hooks.unseenRules(chosen.name);
  if (unfiltered) addRulesGap(run);
  const reasons = [
    chosen.reason ?? '',
    filtering.reason ?? '',
    unfiltered
      ? `the rules for what passes ${bridge.name} were not captured${passed ? '; the counters of the flows behind it show that frames do get through' : ''}`
      : '',
  ].filter((reason) => reason !== '');
  const leaving = asLeaving(bridge, filtering, chosen.name, run.vlan, packet);
  const weak = unfiltered || filtering.certainty === 'inferred';
  run.steps.push({
    ...bridgeStep(run, leaving, `Linux bridge ${bridge.name}: from ${run.from} to ${chosen.name}${vlanWords(run)}`),
    certainty: weak && chosen.certainty === 'captured' ? 'inferred' : chosen.certainty,
    ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
    evidence: [...inEvidence(run), ...(member ? [member.source] : []), ...chosen.evidence, ...(passed ? [passed] : [])],
  });
  return out(run, chosen.name, leaving, run.steps, run.context);
}

/** The hooks on the way out, and what is behind the port. */
function out(run: Run, port: string, packet: FlowKey, steps: Step[], context: Context): Ending {
  const { bridge, host } = run;
  const hooks = steps === run.steps ? run.hooks : run.hooks.forBranch(context, steps);
  const passed = hooks.onward(packet, port);
  if ('disposition' in passed) return passed;
  if (passed.routed)
    return context.go(
      context,
      { kind: 'namespace-in', host: host.name, namespace: bridge.namespace, device: bridge.name },
      packet,
      steps,
    );
  return leave(run, port, passed.packet, steps, context);
}

/** The frame is on its way to a port's device, if it is not too long for it. */
function leave(run: Run, port: string, packet: FlowKey, steps: Step[], context: Context): Ending {
  const { bridge, host } = run;
  const mapped = mapsVlans(memberOf(bridge, port)) && run.vlan !== 0 ? intoTunnel(bridge, port, run.vlan, packet) : packet;
  if (mapped === 'unsaid') return numberUnknown(context, host.name, bridge, run.place, packet);
  if ('why' in mapped) return drop(context, { place: run.place, bridge, packet, steps }, mapped, 'captured');
  packet = mapped;
  const untold = egressUnsaid(run, port);
  if (untold) doubt(context, host.name, bridge, untold);
  const namespace = run.namespace ?? bareNamespace(host.name, bridge.namespace);
  const calls = run.from === bridge.name ? 'no' : run.hooks.calls(packet);
  const fits = outOfBridge(context, { namespace, bridge: bridge.name, port, calls }, packet, steps);
  if ('disposition' in fits) return fits;
  return context.go(fits, { kind: 'device-out', host: host.name, namespace: bridge.namespace, device: port }, packet, steps);
}

interface Flood {
  readonly to: readonly BridgeMember[];
  readonly refusals: readonly Refusal[];
}

function flood(run: Run, packet: FlowKey, spares: Suppression): Flood {
  const to: BridgeMember[] = [];
  const refusals: Refusal[] = [];
  for (const member of run.bridge.members) {
    if (member.name === run.from && member.settings['hairpin'] !== 'on') continue;
    const isLeftOut = spares.kind === 'spared' && isSpared(run.bridge, member.name);
    const left = isLeftOut
      ? { why: `${member.name} is spared of questions, and ${spares.why} (neigh_suppress)`, evidence: spares.evidence }
      : undefined;
    const refusal = egressRefusal(run, member) ?? floodRefusal(member, packet) ?? left;
    if (refusal) refusals.push(refusal);
    else to.push(member);
  }
  return { to, refusals };
}

function floodTo(run: Run, { to, refusals }: Flood, listens: boolean, packet: FlowKey): Ending {
  const { bridge, filtering, context } = run;
  const mac = destinationMac(packet);
  const group = isMulticastMac(get(packet, 'dl_dst'));
  const guessed = !group && bridge.fdbKnown !== 'whole';
  if (guessed) addFdbGap(run, packet);
  const unfiltered = to.some(({ name }) => run.hooks.unseenRules(name));
  if (unfiltered) addRulesGap(run);
  const why = group
    ? `${mac} is a group address`
    : `${mac} is not in its MAC table${guessed ? ' as far as it was captured' : ' (learned addresses age, 300 s by default)'}`;
  const names = [...to.map(({ name }) => name), ...(listens ? [`${bridge.name} itself`] : [])];
  const not = refusals.length === 0 ? '' : `; not to others: ${refusals.map((refusal) => refusal.why).join(', ')}`;
  run.steps.push({
    ...bridgeStep(
      run,
      packet,
      `Linux bridge ${bridge.name}: ${why}, so the frame from ${run.from} is flooded${vlanWords(run)} to ${names.join(', ')}${not}`,
    ),
    certainty: guessed ? 'assumed' : unfiltered ? 'inferred' : filtering.certainty,
    ...(guessed
      ? { reason: 'a MAC table that was not captured may lead it to one of these ports only' }
      : unfiltered
        ? { reason: `the rules for what passes ${bridge.name} were not captured` }
        : filtering.reason === undefined
          ? {}
          : { reason: filtering.reason }),
    evidence: [...inEvidence(run), ...refusals.flatMap(({ evidence }) => evidence)],
  });
  const copies: Copy[] = to.map((member) => {
    const leaving = asLeaving(bridge, filtering, member.name, run.vlan, packet);
    return {
      host: run.host.name,
      namespace: bridge.namespace === '' ? null : bridge.namespace,
      stage: 'linux-bridge',
      device: bridge.name,
      port: member.name,
      isLocal: false,
      packet: leaving,
      evidence: [member.source],
      go: (inner, steps) => out(run, member.name, leaving, steps, inner),
    };
  });
  if (listens)
    copies.push({
      host: run.host.name,
      namespace: bridge.namespace === '' ? null : bridge.namespace,
      stage: 'linux-bridge',
      device: bridge.name,
      port: bridge.name,
      isLocal: true,
      packet,
      evidence: bridge.sources.slice(0, 1),
      go: (inner, steps) => up({ ...run, context: inner, steps, hooks: run.hooks.forBranch(inner, steps) }, packet),
    });
  return followCopies(context, copies, run.steps) ?? unknown(run.place, bridge.name, packet);
}

/** Under which number a VLAN travels, or of which VLAN a number is, nobody captured. */
function numberUnknown(context: Context, host: string, bridge: LinuxBridge, place: BridgePlace, packet: FlowKey): Ending {
  addGap(context, {
    host,
    command: inNamespace(bridge.namespace, TUNNELS),
    why: `the numbers that VLANs of ${bridge.name} travel under in a tunnel`,
  });
  return unknown(place, bridge.name, packet);
}

/** What nobody says, so that what becomes of the frame from here on is not certain. */
function doubt(
  context: Context,
  host: string,
  bridge: LinuxBridge,
  unsaid: { readonly why: string; readonly command: string },
): void {
  const gap = { host, command: inNamespace(bridge.namespace, unsaid.command), why: unsaid.why };
  addGap(context, gap);
  addDoubt(context, gap);
}

function addRulesGap({ context, bridge, host }: Run): void {
  addGap(context, {
    host: host.name,
    command: inNamespace(bridge.namespace, 'iptables-save'),
    why: `the rules for what passes ${bridge.name}, security groups among them`,
  });
}

function addFdbGap(run: Run, packet: FlowKey): void {
  addGap(run.context, {
    host: run.host.name,
    command: inNamespace(run.bridge.namespace, 'bridge fdb show'),
    why: `which member of ${run.bridge.name} leads to ${destinationMac(packet)}`,
  });
}

/** No port takes the frame: each says why. */
function nowhere(run: Run, refusals: readonly Refusal[], packet: FlowKey): Ending {
  const why = `no port takes it: ${refusals.map((refusal) => refusal.why).join(', ')}`;
  const evidence = refusals.flatMap((refusal) => refusal.evidence);
  const { bridge, place, steps, filtering } = run;
  return drop(run.context, { place, bridge, packet, steps }, { why, evidence }, filtering.certainty, filtering.reason);
}

function drop(
  context: Context,
  at: { readonly place: BridgePlace; readonly bridge: LinuxBridge; readonly packet: FlowKey; readonly steps: Step[] },
  refusal: Refusal,
  certainty: Certainty,
  reason?: string,
): Ending {
  const { place, bridge, packet } = at;
  const namespace = hostOf(context, place.host)?.namespaces.get(bridge.namespace) ?? bareNamespace(place.host, bridge.namespace);
  const summary = `Linux bridge ${bridge.name} drops the frame from ${place.member}: ${refusal.why}`;
  if (refusal.unsaid !== undefined) {
    addGap(context, { host: place.host, command: inNamespace(bridge.namespace, refusal.unsaid), why: refusal.why });
    certainty = 'assumed';
    reason = 'the setting of the port was not captured';
  }
  at.steps.push({
    ...stepBase(namespace, bridge.name),
    stage: 'linux-bridge',
    summary,
    certainty,
    ...(reason === undefined ? {} : { reason }),
    packet,
    evidence: refusal.evidence,
    steps: [],
    effect: 'dropped',
  });
  return { disposition: 'dropped', at: { host: place.host, device: bridge.name, port: place.member }, summary, packet };
}

function unknown(place: BridgePlace, bridge: string, packet: FlowKey): Ending {
  return {
    disposition: 'insufficient-info',
    at: { host: place.host, device: bridge, port: place.member },
    summary: `Where ${bridge} sends the frame is not known`,
    packet,
  };
}

/** Flow counters behind a veth that show that frames of this port pass the bridge. */
function evidenceOfPassing(host: Host, member: string): Source | undefined {
  const prefix = portIdPrefix(member);
  if (prefix === undefined) return undefined;
  for (const bridge of host.bridges.values()) {
    const port = bridge.ports.find((candidate) => candidate.name === siblingOf(`tap${prefix}`, 'outer'));
    if (port?.ofport === undefined) continue;
    const met = flowsFrom(bridge, port.ofport).find(({ flow }) => (flow.packets?.value ?? 0n) > 0n);
    if (met) return met.source;
  }
  return undefined;
}
