import type { Namespace } from '../../model/namespace';
import type { Source } from '../../model/source';
import { answerSource } from '../../kernel/icmp-errors';
import { formatAddress, type IpPacket } from '../../kernel/packet';
import type { RuleHit, TableRun } from '../../kernel/netfilter';
import type { StackEvent } from '../../kernel/passage';
import { parseIp } from '../../packet/address';
import type { FlowKey } from '../../packet/flow-key';
import { addGap, inNamespace, type Context } from '../context';
import { addresses, type Ending, type Step } from '../step';
import { withIpPacket } from '../../kernel/frame';
import { routeResult } from './routing';
import { knownNamespace } from '../../model/known-names';

/** What all steps of a passage share. */
export function stepBase(namespace: Namespace, device: string) {
  return { host: namespace.host, namespace: namespace.name === '' ? null : namespace.name, device, port: null };
}

/** A place in a namespace, for an ending. */
export function at(namespace: Namespace, device: string): Ending['at'] {
  return { host: namespace.host, device, port: null };
}

export interface EventContext {
  readonly context: Context;
  readonly namespace: Namespace;
  readonly in: string | undefined;
  /** The frame as it came. */
  readonly frame: FlowKey;
  /** Asked for answers to doubts that made a difference: a drop was possible. */
  readonly spared: ReadonlySet<string>;
  /** IPVS hands it to a server: then rules of OUTPUT and POSTROUTING count as FORWARD's do else. */
  readonly served?: boolean;
}

/** One thing that the IP stack did, as steps of the walk, with the captures that would say more. */
export function eventSteps(own: EventContext, event: StackEvent): Step[] {
  const { context, namespace, in: iif } = own;
  const packet = withIpPacket(own.frame, event.packet);
  const device = ('out' in event ? event.out : undefined) ?? own.in ?? 'lo';
  const base = stepBase(namespace, device);
  const program = event.packet.family === 6 ? 'ip6tables' : 'iptables';
  switch (event.kind) {
    // What ebtables does the walk's own bridge tells (bridge-hooks.ts).
    case 'ebtables':
    case 'track':
    case 'defragment':
      return [];
    case 'uncaptured':
      return uncaptured(own, event, packet, device, program);
    case 'table': {
      tableGaps(context, namespace, event.run, program);
      const { run } = event;
      if (worthTelling(run).length === 0 && run.verdict === 'ACCEPT' && run.table.known === 'whole') return [];
      return [tableStep(namespace, device, run, tableSummary(own, event), packet)];
    }
    case 'translate': {
      const which = event.manip === 'src' ? 'source' : 'destination';
      const text = (ip: IpPacket) => formatAddress(ip.family, event.manip === 'src' ? ip.src : ip.dst);
      const { source } = event.connection;
      return [
        {
          ...base,
          stage: 'netfilter',
          summary: `Connection tracking translates the ${event.reply ? 'answer' : 'packet'}: ${which} ${text(event.before)} becomes ${text(event.packet)}`,
          certainty: 'inferred',
          reason: 'by the connection that the packet before it started here',
          packet,
          evidence: source ? [source] : [],
          steps: [],
          chain: which === 'destination' ? 'conntrack/PREROUTING' : 'conntrack/POSTROUTING',
          rule: null,
        },
      ];
    }
    case 'ipvs': {
      const text = (ip: IpPacket) => addresses(withIpPacket(own.frame, ip));
      const moved = text(event.before) === text(event.packet) ? '' : `: ${text(event.before)} becomes ${text(event.packet)}`;
      return [
        {
          ...base,
          stage: 'netfilter',
          summary: `IPVS: ${event.text}${moved}`,
          certainty: event.certainty,
          ...(event.reason === undefined ? {} : { reason: event.reason }),
          packet,
          evidence: event.evidence,
          steps: [],
          ...(event.what === 'refused' || event.what === 'dropped'
            ? { effect: 'dropped' as const }
            : event.what === 'open'
              ? { effect: 'unknown' as const }
              : {}),
        },
      ];
    }
    case 'route': {
      const result = routeResult(namespace, event.lookup, event.packet.family);
      if (result.kind !== 'forward') return [];
      const destination = formatAddress(event.packet.family, event.packet.dst);
      return [
        {
          ...stepBase(namespace, result.device),
          stage: 'route',
          summary: `Route for ${destination}: ${result.text}${event.again ? ' (looked up again, because a rule changed the packet)' : ''}`,
          certainty: result.certainty,
          ...(result.reason === undefined ? {} : { reason: result.reason }),
          packet,
          evidence: result.evidence,
          steps: [],
        },
      ];
    }
    case 'refused': {
      const { decision } = event;
      const destination = formatAddress(event.packet.family, event.packet.dst);
      const summary =
        decision.why === 'route'
          ? `The route "${decision.text}" refuses ${destination}`
          : decision.why === 'forwarding-off'
            ? `${decision.text}, so ${destination} is dropped`
            : decision.why === 'no-route'
              ? `No route to ${destination}: it is unreachable from here`
              : `The kernel drops the packet: ${decision.text}`;
      const evidence = decision.source ? [decision.source] : namespace.routes.slice(0, 1).map(({ source }) => source);
      return [{ ...base, stage: 'route', summary, certainty: 'captured', packet, evidence, steps: [], effect: 'dropped' }];
    }
    case 'error': {
      const { error } = event;
      const { family, src } = event.packet;
      const options = { namespace, choose: ({ likely }: { readonly likely: boolean }) => likely, key: 'error' };
      const source = event.from ?? answerSource(event.packet, error, options, { routed: true, iif: iif });
      const from = source === undefined || 'reset' in error ? '' : `, from ${formatAddress(family, source)}`;
      const summary = `${'reset' in error ? 'A TCP reset' : `An ICMP error (${error.name})`} goes back to ${formatAddress(family, src)}${from}`;
      return [
        {
          ...base,
          stage: 'netfilter',
          summary,
          certainty: 'inferred',
          reason: 'the kernel tells the sender (RFC 792, RFC 4443)',
          packet,
          evidence: [],
          steps: [],
        },
      ];
    }
  }
}

function hasAddress({ devices }: Namespace, { src }: IpPacket): boolean {
  return src === 0n || [...devices.values()].some(({ addresses: own }) => own.some(({ ip }) => parseIp(ip)?.value === src));
}

function uncaptured(
  { context, namespace, in: iif, served }: EventContext,
  event: StackEvent & { kind: 'uncaptured' },
  packet: FlowKey,
  device: string,
  program: string,
): Step[] {
  const { hook } = event;
  // Routers filter what they say themselves as well; of other machines that would be asked too often for nothing.
  // What they send for others that share their card is not said by them.
  const isOwn = hook !== 'OUTPUT' || hasAddress(namespace, event.packet);
  const asked =
    hook === 'FORWARD' || hook === 'INPUT' || (hook === 'OUTPUT' && (served === true || !isOwn || isRouter(namespace)));
  if (!event.all) {
    for (const table of event.tables) {
      if (table !== 'filter' && table !== 'nat') continue;
      addGap(context, {
        host: namespace.host,
        command: inNamespace(namespace, `${program} -t ${table} -S`),
        why: `the ${table} table's ${hook} chain was not captured`,
      });
    }
    return turns(event, iif, namespace) ? [unturned(namespace, device, hook, packet)] : [];
  }
  if (!asked) return [];
  addGap(context, {
    host: namespace.host,
    command: inNamespace(namespace, `${program}-save`),
    why: `whether a rule drops or translates the packet ${namespace.name === '' ? `on ${namespace.host}` : `in ${namespace.name}`}`,
  });
  // What is meant for a router may be translated before it is looked at.
  const matters =
    hook === 'FORWARD' ||
    (hook === 'OUTPUT' && served === true) ||
    (hook === 'INPUT' && program === 'iptables' && isRouter(namespace));
  if (!matters) return [];
  return [
    {
      ...stepBase(namespace, device),
      stage: 'netfilter',
      summary: `No ${program} rules were captured here: taken to let the packet ${hook === 'INPUT' ? 'in' : 'through'} unchanged`,
      certainty: 'assumed',
      reason: 'nothing captured says otherwise',
      packet,
      evidence: namespace.sources.slice(0, 1),
      steps: [],
      chain: hook,
      rule: null,
    },
  ];
}

/** Whether a table that was not captured may give the packet another destination: on its way in, or as a router's own. */
function turns({ hook, tables }: StackEvent & { kind: 'uncaptured' }, iif: string | undefined, namespace: Namespace): boolean {
  if (!tables.includes('nat')) return false;
  return hook === 'PREROUTING' ? iif !== undefined : hook === 'OUTPUT' && isRouter(namespace);
}

function unturned(namespace: Namespace, device: string, hook: string, packet: FlowKey): Step {
  return {
    ...stepBase(namespace, device),
    stage: 'netfilter',
    summary: `The nat table was not captured here: taken to leave the packet its destination`,
    certainty: 'assumed',
    reason: 'nothing captured says otherwise',
    packet,
    evidence: namespace.sources.slice(0, 1),
    steps: [],
    chain: `nat/${hook}`,
    rule: null,
  };
}

/** Namespaces that hand packets on for others. */
export function isRouter(namespace: Namespace): boolean {
  if (knownNamespace(namespace.name)?.routes === true) return true;
  const addressed = [...namespace.devices.values()]
    .filter(({ name, addresses: own }) => name !== 'lo' && own.some(({ ip }) => !ip.includes(':')))
    .map(({ name }) => name);
  // Where addresses were not captured, devices with routes have them.
  const routed = namespace.routes.flatMap(({ route }) => (route.dev && route.dev.value !== 'lo' ? [route.dev.value] : []));
  return new Set([...addressed, ...(namespace.addressesKnown[4] === 'whole' ? [] : routed)]).size > 1;
}

/** What a table that was not captured whole, or without its interfaces, would have to be captured with. */
export function tableGaps(context: Context, namespace: Namespace, run: TableRun, program: string): void {
  const { name, family } = run.table;
  const isNative = [...namespace.nft.values()].includes(run.table);
  if (run.table.known !== 'whole')
    addGap(context, {
      host: namespace.host,
      command: inNamespace(namespace, isNative ? `nft list table ${family} ${name}` : `${program} -t ${name} -S`),
      why: `the table ${name} was not captured whole: a rule that is missing may take the packet first`,
    });
  if (!run.hits.some((hit) => hit.reason !== undefined && hit.rule.interfacesHidden)) return;
  addGap(context, {
    host: namespace.host,
    command: inNamespace(namespace, `${program} -t ${run.table.name} -S`),
    why: `iptables -L without -v hides the interfaces of the rules in ${run.table.name}/${run.hook}`,
  });
}

function tableSummary(own: EventContext, event: StackEvent & { kind: 'table' }): string {
  const { run } = event;
  const name = `${run.table.name}/${run.hook}`;
  const last = worthTelling(run)
    .filter((hit) => hit.taken)
    .at(-1);
  if (run.verdict !== 'ACCEPT') {
    const by = last && !run.byPolicy ? `rule ${last.rule.number} of ${last.chain}` : `the policy of ${run.chain.name}`;
    return `${run.verdict === 'REJECT' ? 'Rejected' : 'Dropped'} by ${by} in ${name}`;
  }
  if (event.nat !== undefined && event.before !== event.packet) {
    const before = addresses(withIpPacket(own.frame, event.before));
    return `${event.nat} ${before} becomes ${addresses(withIpPacket(own.frame, event.packet))}`;
  }
  const spared = run.hits.find((hit) => !hit.taken && own.spared.has(hit.rule.text));
  if (spared)
    return `${name}: rule ${spared.rule.number} of ${spared.chain} may drop it, or a rule before lets it through; taken to pass`;
  return last ? `${name}: ${last.chain} rule ${last.rule.number} → ${last.verdict}` : `${name}: no rule takes it, policy ACCEPT`;
}

/** The rules of a run without jumps into chains that decided nothing. */
function worthTelling(run: TableRun): readonly RuleHit[] {
  return run.hits.filter((hit, n) => {
    if (!hit.taken || !run.table.chains.has(hit.verdict)) return true;
    const after = run.hits.slice(n + 1);
    const leaves = after.findIndex(({ chain }) => chain === hit.chain);
    const inside = leaves < 0 ? after : after.slice(0, leaves);
    return inside.some((inner) => inner.verdict !== 'RETURN' && !(inner.taken && run.table.chains.has(inner.verdict)));
  });
}

/** The step that shows a table's work at a hook, its rules nested. */
export function tableStep(namespace: Namespace, device: string, run: TableRun, summary: string, packet: FlowKey): Step {
  const base = { ...stepBase(namespace, device), stage: 'netfilter' as const, packet };
  const decisive = worthTelling(run).filter((hit) => hit.taken);
  const evidence: Source[] = decisive.map((hit) => hit.rule.source);
  const partial =
    run.table.known === 'whole'
      ? []
      : [`the ${run.table.name} table was not captured whole: a rule that is missing may take the packet first`];
  const reasons = [...new Set([...partial, ...run.hits.flatMap((hit) => (hit.reason === undefined ? [] : [hit.reason]))])];
  const shown = worthTelling(run);
  return {
    ...base,
    summary,
    certainty: run.certainty,
    ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
    evidence: evidence.length > 0 ? evidence : [run.chain.source],
    chain: `${run.table.name}/${run.hook}`,
    rule: decisive.at(-1)?.rule.number ?? null,
    ...(run.verdict === 'ACCEPT' ? {} : { effect: 'dropped' as const }),
    steps: shown.map((hit) => ({
      ...base,
      summary: hit.taken
        ? `${hit.chain} rule ${hit.rule.number}: ${ruleText(hit.rule.text)} → ${hit.verdict}`
        : `${hit.chain} rule ${hit.rule.number} may match, taken not to: ${ruleText(hit.rule.text)}`,
      certainty: hit.certainty,
      ...(hit.reason === undefined ? {} : { reason: hit.reason }),
      evidence: [hit.rule.source],
      steps: [],
      chain: `${run.table.name}/${hit.chain}`,
      rule: hit.rule.number,
    })),
  };
}

/** A rule as captured, with its columns' blanks taken together. */
function ruleText(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}
