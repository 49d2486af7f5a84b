import { callsIp6tables, callsIptables } from '../../kernel/bridge-netfilter';
import { ebtablesChains, IPTABLES_AT, nativeChains } from '../../kernel/bridge-chains';
import { takeLikely } from '../../kernel/decide';
import { runTable, type TableRun } from '../../kernel/netfilter';
import { UNROUTED, type Hook, type Moment } from '../../kernel/matches';
import type { NfMatch } from '../../captures/netfilter-facts';
import type { EbChain, EbTable } from '../../model/ebtables';
import type { LinuxBridge } from '../../model/linux-bridge';
import type { Namespace } from '../../model/namespace';
import type { NfChain, NfTable } from '../../model/netfilter';
import { get, vlanOf, type FlowKey } from '../../packet/flow-key';
import { answeredBy, isArp } from '../arp';
import { addGap, inNamespace, type Context } from '../context';
import { isIpv6, type Ending, type Step } from '../step';
import { hasArpRules, passArpRules } from './arp-rules';
import { filteringOf } from '../../kernel/bridge-port';
import { macText, runEbtables, type EbRun } from '../../kernel/ebtables';
import { eventSteps, stepBase, tableGaps, tableStep } from './events';
import { ipPacketOf, tcpFlagsOf } from './packet';
import { withIpPacket } from '../../kernel/frame';
import { hasConnections, passNamespace, tellOpen, type Taken } from './stack-walk';
import { hasRole } from '../../model/known-names';

/** What a bridge's hooks do with a frame: ebtables, nft's bridge family, and iptables by way of br_netfilter. */
export interface BridgeHooks {
  /** Bridged IP packets pass iptables' chains. */
  readonly callsIptables: boolean;
  /** The same of a packet's own family; `unsaid` where nobody captured it. */
  readonly calls: (packet: FlowKey) => 'yes' | 'no' | 'unsaid';
  /** Rules may refuse what the bridge hands to a port, but none were captured. */
  readonly unseenRules: (port: string) => boolean;
  /** broute's BROUTING: whether the frame is taken away from the bridge and routed. */
  readonly routes: (packet: FlowKey) => boolean;
  /** What comes before the bridge decides. */
  readonly first: (packet: FlowKey) => { readonly packet: FlowKey } | Ending;
  /** For the bridge's own host. */
  readonly toHost: (packet: FlowKey) => Ending | undefined;
  /** Out of a port; `routed` where a rule gave the packet another address, so that the host routes it. */
  readonly onward: (packet: FlowKey, port: string) => { readonly packet: FlowKey; readonly routed: boolean } | Ending;
  /** The same for one copy of a flooded frame. */
  readonly forBranch: (context: Context, steps: Step[]) => BridgeHooks;
}

interface Run {
  readonly context: Context;
  readonly namespace: Namespace;
  readonly bridge: LinuxBridge;
  readonly from: string;
  readonly steps: Step[];
  readonly calls: 'yes' | 'no' | 'unsaid';
}

/** The hooks of a bridge for a frame that comes by a port, or, with the bridge's own name, from its host. */
export function netfilterOf(
  context: Context,
  namespace: Namespace,
  bridge: LinuxBridge,
  from: string,
  steps: Step[],
): BridgeHooks {
  const run: Run = { context, namespace, bridge, from, steps, calls: callsIptables(namespace, bridge) };
  const local = from === bridge.name;
  return {
    callsIptables: run.calls === 'yes',
    calls: (packet) => (passesUntouched(run, packet) ? 'no' : isIpv6(packet) ? callsIp6tables(namespace, bridge) : run.calls),
    unseenRules: (port) => !local && hasUnseenRules(run, port),
    routes: (packet) => broute(run, packet),
    first: (packet) => (local ? { packet } : runHook(run, 'PREROUTING', packet, undefined, undefined)),
    toHost: (packet) => {
      const result = runHook(run, 'INPUT', packet, undefined, undefined);
      return 'disposition' in result ? result : undefined;
    },
    onward: (packet, port) => onward(run, packet, port, local),
    forBranch: (inner, own) => netfilterOf(inner, namespace, bridge, from, own),
  };
}

/** Where nobody says whether bridged frames pass iptables, guests' and containers' ports are guarded as a rule. */
function hasUnseenRules({ namespace, bridge, from, calls }: Run, port: string): boolean {
  if (calls === 'no' || namespace.nftKnown === 'whole') return false;
  if (namespace.netfilter.has('filter')) return calls === 'unsaid' && hasRole(bridge.name, 'hybrid-bridge');
  return calls === 'yes' || hasRole(bridge.name, 'hybrid-bridge') || isGuarded(from) || isGuarded(port);
}

function isGuarded(port: string): boolean {
  return hasRole(port, 'tap', 'vnet', 'container');
}

function dropped(run: Run, summary: string, packet: FlowKey): Ending {
  return {
    disposition: 'dropped',
    at: { host: run.bridge.host, device: run.bridge.name, port: run.from },
    summary,
    packet,
  };
}

function broute(run: Run, packet: FlowKey): boolean {
  const table = run.namespace.ebtables.get('broute');
  const chain = table?.chains.get('BROUTING');
  if (!table || !chain) return false;
  const result = runEbtables(table, chain, frameOf(run, packet, undefined));
  if (result.verdict !== 'DROP') return false;
  const summary = `broute/BROUTING on ${run.bridge.name}: ${run.from} routes the frame instead of bridging it (${byWhat(result, chain)})`;
  run.steps.push(ebStep(run, table, chain, result, summary, packet));
  return true;
}

function frameOf(run: Run, packet: FlowKey, out: string | undefined) {
  const local = run.from === run.bridge.name;
  return {
    packet,
    in: local ? undefined : run.from,
    out,
    logicalIn: local ? undefined : run.bridge.name,
    logicalOut: out === undefined ? undefined : run.bridge.name,
    ownMac: run.namespace.devices.get(run.bridge.name)?.mac,
  };
}

type Passed = { readonly packet: FlowKey } | Ending;

/** A bridge's hook: every chain there in the order of its priority. `iptables` is br_netfilter's part, where it has one. */
function runHook(
  run: Run,
  hook: Hook,
  packet: FlowKey,
  out: string | undefined,
  iptables: ((packet: FlowKey) => Passed) | undefined,
): Passed {
  type Item = { readonly priority: number; readonly take: (packet: FlowKey) => Passed };
  const items: Item[] = [];
  for (const { table, chain, priority } of ebtablesChains(run.namespace, hook))
    items.push({ priority, take: (now) => ebtables(run, table, chain, now, out) });
  for (const { table, chain, priority } of nativeChains(run.namespace, hook))
    items.push({ priority, take: (now) => native(run, table, chain, hook, now, out) });
  if (hook === 'FORWARD' && out !== undefined && isArp(packet))
    items.push({ priority: 0, take: (now) => arptables(run, now, out) });
  const at = IPTABLES_AT[hook];
  if (iptables && at !== undefined) items.push({ priority: at, take: iptables });
  let now = packet;
  for (const { take } of items.sort((a, b) => a.priority - b.priority)) {
    const result = take(now);
    if ('disposition' in result) return result;
    now = result.packet;
  }
  return { packet: now };
}

/** br_netfilter hands bridged ARP to the rules for ARP, with the ports as its devices (br_nf_forward_arp); tagged frames not by default. */
function arptables(run: Run, packet: FlowKey, out: string): Passed {
  const { context, namespace, bridge, from } = run;
  const said = namespace.sysctls.get('net.bridge.bridge-nf-call-arptables')?.value;
  const calls = said === '1' || namespace.devices.get(bridge.name)?.settings['nf_call_arptables'] === '1';
  if ((said === '0' && !calls) || vlanOf(packet) !== undefined || !hasArpRules(namespace, 'FORWARD')) return { packet };
  const frame = { hook: 'FORWARD' as const, in: from, out, packet };
  const passed = passArpRules(context, namespace, frame, run.steps, calls);
  return passed.dropped === undefined ? { packet: passed.packet } : dropped(run, passed.dropped, packet);
}

function byWhat(result: EbRun, chain: EbChain): string {
  const last = result.hits.filter(({ taken }) => taken).at(-1);
  return last && !result.byPolicy ? `rule ${last.rule.number} of ${last.chain}` : `the policy of ${chain.name}`;
}

function ebtables(run: Run, table: EbTable, chain: EbChain, packet: FlowKey, out: string | undefined): Passed {
  const result = runEbtables(table, chain, frameOf(run, packet, out));
  const name = `${table.name}/${chain.name} on ${run.bridge.name}`;
  if (result.answers !== undefined) {
    const reply = { host: run.bridge.host, namespace: run.bridge.namespace, device: run.from };
    run.steps.push(
      ebStep(run, table, chain, result, `ebtables ${name} answers with ${result.answers} (${byWhat(result, chain)})`, packet),
    );
    return answeredBy(packet, result.answers, `arpreply of ebtables on ${run.bridge.name}`, { kind: 'device-out', ...reply });
  }
  if (result.verdict === 'DROP') {
    if (result.certainty !== 'captured') {
      // What can't be decided may let the frame through before.
      const summary = `ebtables ${name}: ${byWhat(result, chain)} may drop it; taken to pass`;
      run.steps.push({ ...ebStep(run, table, chain, result, summary, packet), effect: undefined });
      addGap(run.context, {
        host: run.bridge.host,
        command: inNamespace(run.namespace, 'ebtables-save'),
        why: `conditions of ${name} that are not certain`,
      });
      return { packet };
    }
    const summary = `Dropped by ${byWhat(result, chain)} (ebtables ${name})`;
    run.steps.push(ebStep(run, table, chain, result, summary, packet));
    return dropped(run, summary, packet);
  }
  if (result.hits.length > 0) {
    const moved = result.packet === packet ? '' : `: ${macText(packet)} becomes ${macText(result.packet)}`;
    run.steps.push(
      ebStep(run, table, chain, result, `ebtables ${name}: let through by ${byWhat(result, chain)}${moved}`, result.packet),
    );
  }
  return { packet: result.packet };
}

function ebStep(run: Run, table: EbTable, chain: EbChain, result: EbRun, summary: string, packet: FlowKey): Step {
  const base = { ...stepBase(run.namespace, run.bridge.name), stage: 'netfilter' as const, packet };
  const taken = result.hits.filter((hit) => hit.taken);
  return {
    ...base,
    summary,
    certainty: result.certainty,
    ...(result.certainty === 'captured'
      ? {}
      : { reason: `conditions of ${table.name} could not be decided, or the table was not captured whole` }),
    evidence: taken.length > 0 ? taken.map((hit) => hit.rule.source) : [chain.source],
    chain: `${table.name}/${chain.name}`,
    rule: taken.at(-1)?.rule.number ?? null,
    ...(result.verdict === 'DROP' && chain.name !== 'BROUTING' && result.answers === undefined
      ? { effect: 'dropped' as const }
      : {}),
    steps: result.hits.map((hit) => ({
      ...base,
      summary: hit.taken
        ? `${hit.chain} rule ${hit.rule.number}: ${hit.rule.text.trim()} → ${hit.verdict}`
        : `${hit.chain} rule ${hit.rule.number} may match, taken not to: ${hit.rule.text.trim()}`,
      certainty: hit.certainty,
      evidence: [hit.rule.source],
      steps: [],
      chain: `${table.name}/${hit.chain}`,
      rule: hit.rule.number,
    })),
  };
}

/** A chain of nft's bridge family. Its rules about IP addresses and ports hold for no frame of another kind. */
function native(run: Run, table: NfTable, chain: NfChain, hook: Hook, packet: FlowKey, out: string | undefined): Passed {
  const isIp = get(packet, 'dl_type') === 0x800n || get(packet, 'dl_type') === 0x86ddn;
  const shown = isIp ? table : forOtherFrames(table, get(packet, 'dl_type') === 0x806n);
  const base = { table: shown, chain: shown.chains.get(chain.name) ?? chain, priority: chain.priority ?? 0, isNat: false };
  const moment: Moment = {
    ...UNROUTED,
    namespace: run.namespace,
    hook,
    packet: ipPacketOf(packet, undefined, tcpFlagsOf(run.context.isReply)),
    in: run.from === run.bridge.name ? undefined : run.from,
    out,
    arrivedBy: run.from,
  };
  const result = runTable(base, hook, moment, { choose: takeLikely, key: `${run.bridge.host}|${run.bridge.name}` });
  const name = `${table.family} ${table.name}/${chain.name} on ${run.bridge.name}`;
  const last = result.hits.filter((hit) => hit.taken).at(-1);
  const by = last && !result.byPolicy ? `${last.chain} rule ${last.rule.number}` : `the policy of ${chain.name}`;
  if (result.verdict === 'ACCEPT') {
    if (result.hits.length > 0)
      run.steps.push(tableStep(run.namespace, run.bridge.name, result, `nft ${name}: let through by ${by}`, packet));
    return { packet };
  }
  if (result.certainty === 'assumed') {
    const summary = `nft ${name}: ${by} may drop it; taken to pass`;
    run.steps.push({ ...tableStep(run.namespace, run.bridge.name, result, summary, packet), effect: undefined });
    addGap(run.context, {
      host: run.bridge.host,
      command: inNamespace(run.namespace, 'nft list ruleset'),
      why: `conditions of ${name} that are not certain`,
    });
    return { packet };
  }
  const summary = `Dropped by ${by} (nft ${name})`;
  run.steps.push(tableStep(run.namespace, run.bridge.name, result, summary, packet));
  return dropped(run, summary, packet);
}

const ANY_FRAME = new Set(['in-interface', 'out-interface', 'comment', 'mac-source', 'mark', 'limit', 'arp']);
const ARP_TEXT = /^(?:ether type|meta protocol) (?:arp|0x0806)$/;

/** What only packets of IP have. */
const IP_NUMBER = /^(?:ip6?|tcp|udp|udplite|sctp|dccp|th|icmp|icmpv6|igmp|esp|ah|comp|ct|rt) /;

/** What stands in a frame of another kind is not told. */
function openNumber(match: NfMatch): NfMatch {
  return match.kind === 'number' ? { kind: 'other', text: match.text, negated: false, name: 'nft' } : match;
}

/** The rules of a table that a frame which is no IP packet can meet. */
function forOtherFrames(table: NfTable, isArp: boolean): NfTable {
  const chains = [...table.chains.values()].map((chain) => ({
    ...chain,
    rules: chain.rules.flatMap((rule) => {
      const isSaid = (text: string) => isArp && ARP_TEXT.test(text.trim());
      const possible = rule.matches.every(
        (match) =>
          ANY_FRAME.has(match.kind) ||
          (match.kind === 'number' && !IP_NUMBER.test(match.number.of)) ||
          (match.kind === 'other' && (isSaid(match.text.value) || !/^ip6? |^(?:tcp|udp|icmp)/.test(match.text.value))),
      );
      if (!possible) return [];
      const matches = rule.matches.filter((match) => !(match.kind === 'other' && isSaid(match.text.value)));
      return [{ ...rule, matches: matches.map(openNumber) }];
    }),
  }));
  return { ...table, chains: new Map(chains.map((chain) => [chain.name, chain])) };
}

function onward(
  run: Run,
  packet: FlowKey,
  port: string,
  local: boolean,
): { readonly packet: FlowKey; readonly routed: boolean } | Ending {
  const taken = local ? undefined : iptablesRun(run, packet, port);
  if (taken) tellOpen(run.context, run.namespace, taken);
  const early = taken && iptablesAt(run, taken, 'PREROUTING', packet, port);
  if (early && 'disposition' in early) return early;
  if (taken && early && run.calls === 'yes' && isRedirected(taken, packet)) return { packet, routed: true };
  const hooks: readonly Hook[] = local ? ['OUTPUT', 'POSTROUTING'] : ['FORWARD', 'POSTROUTING'];
  let now = early?.packet ?? packet;
  for (const hook of hooks) {
    const result = runHook(run, hook, now, port, taken && ((at) => iptablesAt(run, taken, hook, at, port)));
    if ('disposition' in result) return result;
    now = result.packet;
  }
  return { packet: now, routed: false };
}

/** br_netfilter leaves tagged frames alone, unless told otherwise. */
function passesUntouched({ namespace, bridge }: Run, packet: FlowKey): boolean {
  const tagged = vlanOf(packet) !== undefined && !filteringOf(bridge, namespace.devices.get(bridge.name)).on;
  return tagged && namespace.sysctls.get('net.bridge.bridge-nf-filter-vlan-tagged')?.value !== '1';
}

/** br_netfilter's part: bridged IP packets pass the IP hooks with their bridge ports as physdev. Tagged ones do not by default. */
function iptablesRun(run: Run, packet: FlowKey, port: string): Taken | undefined {
  const { namespace, bridge, context } = run;
  const type = get(packet, 'dl_type');
  if (run.calls === 'no' || (type !== 0x800n && type !== 0x86ddn)) return undefined;
  const tables = type === 0x800n ? namespace.netfilter : namespace.netfilter6;
  if (tables.size === 0 && (run.calls === 'unsaid' || namespace.nft.size === 0)) return undefined;
  if (run.calls === 'unsaid' && !mayRefuse(tables)) return undefined;
  if (passesUntouched(run, packet)) return undefined;
  const known = hasConnections(context, namespace);
  const flags = tcpFlagsOf(context.isReply && known);
  return passNamespace(context, namespace, {
    packet: ipPacketOf(packet, 0, flags),
    iif: undefined,
    bridged: { bridge: bridge.name, physIn: run.from, physOut: port },
    // An answer whose request this bridge did not see belongs to a connection all the same.
    ...(context.isReply && !known ? { assumed: { state: 'ESTABLISHED' as const, reply: true, mark: 0 } } : {}),
  });
}

/** Whether the rules of forwarding could stop anything: only then it matters who is shown them. */
function mayRefuse(tables: ReadonlyMap<string, NfTable>): boolean {
  // Both back ends of iptables may have one.
  const filters = [...tables.values()].filter(({ name }) => name === 'filter');
  const chains = filters.flatMap(({ chains }) => chains.get('FORWARD') ?? []);
  return chains.some(({ policy, rules }) => policy === 'DROP' || rules.length > 0);
}

/** A rule of PREROUTING gave the packet another destination: br_netfilter hands it to the routes. */
function isRedirected(taken: Taken, packet: FlowKey): boolean {
  const before = ipPacketOf(packet, 0, 0).dst;
  return (
    taken.passage.events.some((event) => 'hook' in event && event.hook === 'PREROUTING' && event.packet.dst !== before) ||
    taken.passage.events.some((event) => event.kind === 'table' && event.run.hook === 'PREROUTING' && event.packet.dst !== before)
  );
}

function iptablesAt(run: Run, taken: Taken, hook: Hook, packet: FlowKey, port: string): Passed {
  const { passage, spared } = taken;
  let now = packet;
  for (const event of passage.events) {
    const changes = event.kind === 'translate' || (event.kind === 'ipvs' && event.what === 'answer');
    if (changes && event.hook === hook && run.calls === 'yes') {
      now = withIpPacket(packet, event.packet);
      run.steps.push(...eventSteps({ ...run, in: run.bridge.name, frame: packet, spared }, event));
    }
    if (event.kind !== 'table' || event.run.hook !== hook) continue;
    const told = tellTable(run, event.run, spared, port);
    if (told === undefined) continue;
    tableGaps(run.context, run.namespace, event.run, event.packet.family === 6 ? 'ip6tables' : 'iptables');
    const doubtful = run.calls === 'unsaid' && event.run.verdict !== 'ACCEPT';
    now = withIpPacket(packet, event.packet);
    if (doubtful) {
      const why = `whether bridged frames pass iptables on ${run.bridge.host}: ${told.charAt(0).toLowerCase()}${told.slice(1)} if they do`;
      addGap(run.context, {
        host: run.bridge.host,
        command: inNamespace(run.namespace, 'sysctl net.bridge.bridge-nf-call-iptables'),
        why,
      });
      const step = tableStep(
        run.namespace,
        run.bridge.name,
        event.run,
        `${told}, if br_netfilter hands bridged frames to iptables; taken not to`,
        packet,
      );
      run.steps.push({
        ...step,
        certainty: 'assumed',
        reason: 'net.bridge.bridge-nf-call-iptables was not captured',
        effect: undefined,
      });
      return { packet };
    }
    if (run.calls === 'yes') run.steps.push(tableStep(run.namespace, run.bridge.name, event.run, told, now));
    if (event.run.verdict !== 'ACCEPT') return dropped(run, told, packet);
  }
  const last = passage.events.at(-1);
  const lost = passage.verdict === 'dropped' || passage.verdict === 'rejected';
  if (lost && run.calls === 'yes' && last?.kind === 'table' && last.run.hook === hook && last.run.verdict === 'ACCEPT')
    return dropped(run, `iptables on ${run.bridge.name}: ${passage.why}`, packet);
  return { packet: run.calls === 'yes' ? now : packet };
}

/** A table's work in words; undefined where it is not worth a step. */
function tellTable(run: Run, table: TableRun, spared: ReadonlySet<string>, port: string): string | undefined {
  const { bridge } = run;
  const last = table.hits.filter((hit) => hit.taken).at(-1);
  const isGroup = table.table.name === 'filter' && table.hook === 'FORWARD';
  if (!isGroup && table.verdict === 'ACCEPT' && last === undefined) return undefined;
  const by = last && !table.byPolicy ? `${last.chain} rule ${last.rule.number}` : `the policy of ${table.hook}`;
  if (table.verdict !== 'ACCEPT') return `Dropped by ${by} (${table.table.name}/${table.hook} on ${bridge.name})`;
  const doubtful = table.hits.find((hit) => !hit.taken && spared.has(hit.rule.text));
  const guarded = (device: string) => hasRole(device, 'tap', 'vnet', 'hybrid-inner');
  const group = hasRole(bridge.name, 'hybrid-bridge') || guarded(port) || guarded(run.from);
  const title = group ? 'Security group' : `${table.table.name}/${table.hook} on ${bridge.name}`;
  if (doubtful)
    return `${title}: ${doubtful.chain} rule ${doubtful.rule.number} may drop it, or a rule before lets it through; taken to pass`;
  if (isGroup && group)
    return `Security group of ${run.from}/${port}: let through${last ? ` by ${last.chain} rule ${last.rule.number}` : ''}`;
  return `${table.table.name}/${table.hook} on ${bridge.name}: ${last ? `${last.chain} rule ${last.rule.number} → ${last.verdict}` : 'policy ACCEPT'}`;
}
