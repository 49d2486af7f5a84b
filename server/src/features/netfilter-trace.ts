import type { Namespace } from '../model/namespace';
import type { Host } from '../model/network';
import { onLink } from '../model/queries';
import type { Source } from '../model/source';
import { capturedConnections } from '../kernel/captured';
import { callsIp6tables, callsIptables } from '../kernel/bridge-netfilter';
import { bridgeKeyIn } from '../model/queries';
import { copyTable, type ConnectionTable } from '../kernel/conntrack';
import { explore, type Branch, type Doubt } from '../kernel/decide';
import { capturedExpectations } from '../kernel/expected';
import type { Answer } from '../kernel/icmp-errors';
import { formatAddress, isIcmp, PROTO, type IpPacket } from '../kernel/packet';
import type { Passage, Verdict } from '../kernel/passage';
import {
  afterPacket,
  capturedAlone,
  endsOf,
  sameEnds,
  tablesMet,
  type Answered,
  type Meets,
  type PossibleConnections,
} from '../kernel/possible-connections';
import { afterOwnPackets } from '../kernel/own-packets';
import { unknownForwarding, type InputDecision, type UnknownForwarding } from '../kernel/route-input';
import { pass } from '../kernel/stack';
import type { NetfilterQuestion } from './netfilter-question';
import { eventWords } from './netfilter-words';

/** One rule that took the packet, or the policy of a chain that decided (number null). */
export interface TraceRule {
  readonly table: string;
  readonly chain: string;
  readonly number: number | null;
  readonly rule?: string;
  /** The rule's target as it is written; `CONTINUE` for a rule without one. */
  readonly verdict: string;
  readonly evidence: readonly Source[];
  readonly certainty?: 'inferred' | 'assumed';
}

/** What became of a packet. */
export interface PacketTrace {
  readonly verdict: Verdict;
  readonly certainty: 'captured' | 'inferred' | 'assumed';
  readonly why: string;
  readonly in: string | null;
  readonly out: string | null;
  readonly nextHop: string | null;
  readonly packet: PacketWords;
  /** What goes back to the sender instead: an ICMP error or a TCP reset. */
  readonly answer?: Answer;
  /** The captures leave open what goes back, if anything does. */
  readonly answerOpen?: true;
  readonly ctstate: string;
  readonly rules: readonly TraceRule[];
  readonly steps: readonly TraceWords[];
  /** Where the captures leave it open: what else may become of it, and what would settle it. */
  readonly likely?: Verdict;
  readonly alternatives: readonly {
    readonly verdict: Verdict;
    readonly out: string | null;
    readonly nextHop: string | null;
    readonly packet: PacketWords;
    readonly rules: readonly TraceRule[];
    readonly answer?: Answer;
    readonly because: readonly string[];
  }[];
  readonly gaps: readonly { readonly command: string; readonly why: string }[];
}

export interface TraceWords {
  readonly stage: string;
  readonly summary: string;
  readonly certainty: 'captured' | 'inferred' | 'assumed';
  readonly reason?: string;
  readonly evidence: readonly Source[];
}

/** A packet in the words of the question. Ports and ids of ICMP that the kernel chooses by chance are null, with what it may choose. */
export interface PacketWords {
  readonly src: string;
  readonly dst: string;
  readonly proto: string | number;
  readonly sport?: number | null;
  readonly dport?: number | null;
  readonly type?: number;
  readonly code?: number;
  readonly id?: number | null;
  readonly ttl: number;
  readonly tos: number;
  readonly mark: number | null;
  /** The segment size that a SYN names, where the question says it. */
  readonly mss?: number;
  readonly ports?: readonly [number, number];
}

/** More answers to open questions than this are not tried: the packet's fate then counts as open. */
const BUDGET = 200;

/** Of ways that end alike no more than these are told. */
const MOST_PATHS = 8;

/**
 * Traces packets one after the other; each meets the connections that those before it left behind, or may have left. `silent`: nothing that
 * this host sends by itself comes to its rules.
 */
export function netfilterTrace(
  namespace: Namespace,
  questions: readonly NetfilterQuestion[],
  bridges?: Host['linuxBridges'],
  silent = false,
): PacketTrace[] {
  let connections = capturedAlone(capturedConnections(namespace), capturedExpectations(namespace));
  return questions.map((question, n) => {
    const { trace, after } = traceOne(
      withGivenWays(namespace, question),
      atPort(namespace, question, bridges),
      connections,
      n,
      bridges,
    );
    const answered = [trace, ...trace.alternatives].some(({ verdict }) => verdict !== 'forwarded');
    connections = silent ? after : { ...after, setChanges: afterOwnPackets(after.setChanges, namespace, answered) };
    return trace;
  });
}

/** The question where a frame comes to a port of a bridge, which takes it before the stack does. */
function atPort(namespace: Namespace, question: NetfilterQuestion, bridges: Host['linuxBridges'] | undefined): NetfilterQuestion {
  const { iif, oif, physIn } = question;
  if (iif === undefined || oif !== undefined || physIn !== undefined) return question;
  const own = [...(bridges?.values() ?? [])].find(
    (bridge) => bridge.namespace === namespace.name && bridge.members.some(({ name }) => name === iif),
  );
  if (own !== undefined) return { ...question, port: { bridge: own.name } };
  const bridge = bridges?.get(bridgeKeyIn(namespace.name, iif));
  const port = bridge?.fdb.find(({ mac, dev, permanent }) => mac === question.packet.smac && dev !== iif && !permanent)?.dev;
  return port === undefined || !passesSurely(namespace, question, iif) ? question : { ...question, physIn: port };
}

/** What br_netfilter hands to the rules still has the port that it came by. */
function passesSurely(namespace: Namespace, { packet }: NetfilterQuestion, name: string): boolean {
  return (packet.family === 4 ? callsIptables(namespace, { name }) : callsIp6tables(namespace, { name })) === 'yes';
}

/** The namespace with the way out, and the way back, that the question says. */
function withGivenWays(namespace: Namespace, { packet, iif, oif }: NetfilterQuestion): Namespace {
  if (iif === undefined || oif === undefined) return namespace;
  const { family } = packet;
  const givenWays = [
    { family, dst: packet.src, length: family === 4 ? 32 : 128, dev: iif },
    { family, dst: 0n, length: 0, dev: oif },
  ];
  return { ...namespace, givenWays, ...(family === 4 ? { routesKnown: 'whole' } : { routesKnown6: 'whole' }) };
}

interface Run {
  readonly passage: Passage;
  readonly connections: ConnectionTable;
  /** What is answered otherwise than is likely of the packets before. */
  readonly before: readonly Answered[];
}

/** All ways of a packet through all states that it may meet; the likely one first. */
interface Ways {
  readonly branches: readonly Branch<Run>[];
  readonly complete: boolean;
  readonly meets: Meets;
}

function waysOf(
  namespace: Namespace,
  question: NetfilterQuestion,
  possible: PossibleConnections,
  n: number,
  bridges: Host['linuxBridges'] | undefined,
): Ways {
  const ends = endsOf(question.packet);
  for (;;) {
    const meets = tablesMet(possible, ends);
    const branches: Branch<Run>[] = [];
    let complete = true;
    for (const { table, because } of meets.tables) {
      const found = explore<Run>(
        (choose) => {
          const connections = copyTable(table);
          const passage = pass({
            namespace,
            ...(bridges ? { bridges } : {}),
            ...question,
            connections,
            choose,
            key: `packet ${n}`,
          });
          return { passage, connections, before: because };
        },
        Math.max(1, BUDGET - branches.length),
        () => false,
      );
      branches.push(...found.branches);
      complete &&= found.complete;
    }
    const known = ends.length;
    for (const { result } of branches)
      for (const one of endsOf(result.passage.packet)) if (!ends.some((other) => sameEnds(one, other))) ends.push(one);
    // What NAT made of it may meet more of the packets before.
    if (ends.length === known || tablesMet(possible, ends).met.length === meets.met.length) return { branches, complete, meets };
  }
}

function traceOne(
  namespace: Namespace,
  question: NetfilterQuestion,
  before: PossibleConnections,
  n: number,
  bridges: Host['linuxBridges'] | undefined,
) {
  const { branches, complete, meets } = waysOf(namespace, question, before, n, bridges);
  const [main, ...others] = explained(branches);
  if (!main) throw new Error('a packet must take some way');
  const same = (branch: Branch<Run>) => fate(branch.result.passage) === fate(main.result.passage);
  const different = others.filter((branch) => !same(branch));
  const unrouted = uncapturedRoutes(namespace, main.result.passage);
  const hidden =
    different.some((branch) => decisive(main, branch).some(({ nature }) => nature !== 'chance')) ||
    meets.unknown?.hidden === true ||
    unrouted !== undefined ||
    (!complete && branches.some(isHidden));
  // Other rules may lead to the same end.
  const otherwise = distinct(
    others.filter((branch) => same(branch) && path(branch.result.passage) !== path(main.result.passage)),
    path,
  );
  const open = different.length > 0 || !complete || meets.unknown !== undefined || unrouted !== undefined;
  const { passage } = main.result;
  const steps = passage.events.flatMap((event) => eventWords(namespace, event));
  const forwards =
    passage.in !== undefined && wouldBeHandedOn(passage)
      ? unknownForwarding(namespace, passage.in, passage.packet.family)
      : undefined;
  const certainty = open || passage.verdict === 'insufficient-info' ? 'assumed' : inferredFrom(namespace, passage, forwards);
  const answers = answerWords([main, ...others.filter(same)], complete);
  const trace: PacketTrace = {
    verdict: hidden ? 'insufficient-info' : passage.verdict,
    certainty,
    why: passage.why,
    in: passage.in ?? null,
    out: passage.out ?? null,
    nextHop: nextHopOf(passage),
    packet: packetWords(passage),
    ...answers,
    ctstate: passage.tracking.state,
    rules: rulesOf(passage),
    steps,
    ...(hidden ? { likely: passage.verdict } : {}),
    alternatives: [...distinct(different, fate), ...otherwise.slice(0, MOST_PATHS)].map((branch) => ({
      verdict: branch.result.passage.undetermined ? 'insufficient-info' : branch.result.passage.verdict,
      out: branch.result.passage.out ?? null,
      nextHop: nextHopOf(branch.result.passage),
      packet: packetWords(branch.result.passage),
      rules: rulesOf(branch.result.passage),
      ...answerWords([branch], true),
      because: decisive(main, branch).map(({ reason }) => reason),
    })),
    gaps: gapsOf(
      [
        ...(open || answers.answerOpen || passage.verdict === 'insufficient-info'
          ? [
              ...(unrouted ? [unrouted] : []),
              ...(meets.unknown?.because ?? []),
              ...branches.flatMap(({ doubts, result }) => [...result.before, ...doubts]),
            ]
          : []),
        ...(forwards ? [{ command: forwards.command, reason: forwards.why }] : []),
      ],
      usualRules(namespace, passage),
    ),
  };
  const left = (branch: Branch<Run>) => ({ table: branch.result.connections, because: decisive(main, branch) });
  const lost = branches.filter(({ result: { passage } }) => passage.undetermined || passage.verdict === 'insufficient-info');
  const after = afterPacket(
    before,
    meets,
    [{ table: main.result.connections, because: [] }, ...others.map(left)],
    complete && lost.length === 0 ? undefined : (complete ? lost : branches).flatMap(({ doubts }) => doubts),
    lost.length > 0 || (!complete && branches.some(isHidden)) ? question.packet.proto : undefined,
  );
  return { trace, after };
}

/**
 * Where no route was captured: a way by what addresses imply, as narrower routes may lead elsewhere, and the way back as well; or a sender
 * whom addresses do not show to be a neighbour, as somebody may have made the sender's address this host's own with a local route, and from
 * such an address nothing is let in (fib_validate_source).
 */
function uncapturedRoutes(namespace: Namespace, passage: Passage): Pick<Doubt, 'command' | 'reason'> | undefined {
  const { packet, events } = passage;
  const { family } = packet;
  if ((family === 4 ? namespace.routesKnown : namespace.routesKnown6) !== 'absent') return undefined;
  const isRouted = events.some((event) => {
    // A rule that refuses comes behind the table of what is this host's, which may have more than its addresses.
    if (event.kind === 'refused') return event.decision.why === 'route' || event.decision.why === 'no-route';
    if (event.kind !== 'route') return false;
    const { lookup } = event;
    if (lookup.kind === 'none') return passage.verdict === 'unroutable';
    return lookup.kind === 'refused' || (lookup.kind === 'found' && lookup.table === 'main');
  });
  const command = family === 4 ? 'ip route' : 'ip -6 route';
  if (isRouted) return { command, reason: 'no route was captured, only what the addresses imply is known' };
  if (family !== 4 || passage.in === undefined || passage.in === 'lo') return undefined;
  const taken = events.find((event) => event.kind === 'route');
  if (taken?.kind !== 'route' || taken.packet.src === 0n) return undefined;
  const sender = formatAddress(4, taken.packet.src);
  if ([...namespace.devices.values()].some((device) => onLink(device, sender))) return undefined;
  return {
    command: 'ip route show table all',
    reason: `no route was captured: whether a local route makes ${sender} an address of this host, from which it takes nothing`,
  };
}

/** Whether what became of a packet that came in depends on whether this host forwards: also the ICMP error that there is no route. */
function wouldBeHandedOn({ events }: Passage): boolean {
  return events.some((event) => {
    if (event.kind === 'refused') return isAfterForwarding(event.decision);
    return event.kind === 'route' && event.lookup.kind === 'found' && event.lookup.type === 'unicast';
  });
}

/** Whether the kernel asks first if it forwards: of what comes to its senders in answer, and where IPv4 finds no route. */
function isAfterForwarding({ why, error }: InputDecision & { readonly kind: 'refused' }): boolean {
  return error !== undefined || why === 'route' || why === 'no-route';
}

/** A capture would tell whether the packet takes this way. */
function isHidden({ doubts, result }: Branch<Run>): boolean {
  return [...doubts, ...result.before].some(({ nature }) => nature !== 'chance');
}

/** What two ways of a packet must share to count as the same. */
function fate(passage: Passage): string {
  const { packet } = passage;
  if (passage.undetermined) return 'anything';
  if (passage.verdict !== 'forwarded' && passage.verdict !== 'local')
    return passage.verdict === 'unroutable' ? `unroutable` : passage.verdict;
  return [
    passage.verdict,
    passage.out,
    passage.nextHop?.ip,
    packet.src,
    packet.dst,
    packet.sport,
    packet.dport,
    packet.mark,
    packet.ttl,
    packet.tos,
    packet.mss,
  ].join(' ');
}

/**
 * The likely branch first. What chance did to the packets before shows in those that come after: one that a connection waits for belongs to
 * it, rather than to nothing.
 */
function explained(branches: readonly Branch<Run>[]): readonly Branch<Run>[] {
  const isAwaited = ({ result }: Branch<Run>) => /^(?:ESTABLISHED|RELATED)$/.test(result.passage.tracking.state);
  const [first] = branches;
  if (!first || isAwaited(first)) return branches;
  const better = branches.find(
    (branch) =>
      isAwaited(branch) &&
      branch.result.before.every(({ nature }) => nature === 'chance') &&
      branch.doubts.every(({ answer, likely }) => answer === likely),
  );
  return better === undefined ? branches : [better, ...branches.filter((branch) => branch !== better)];
}

/** The answers in which a branch differs from the likely one. */
function decisive(main: Branch<Run>, other: Branch<Run>): readonly Answered[] {
  const likely = new Map(main.doubts.map((doubt) => [doubt.key, doubt.answer]));
  const before = other.result.before.filter((one) => !main.result.before.includes(one));
  const instead = main.result.before.filter((one) => !other.result.before.includes(one));
  return [...before, ...instead, ...other.doubts.filter((doubt) => (likely.get(doubt.key) ?? doubt.likely) !== doubt.answer)];
}

function distinct(branches: readonly Branch<Run>[], keyOf: (passage: Passage) => string): Branch<Run>[] {
  const seen = new Set<string>();
  return branches.filter(({ result }) => {
    const key = keyOf(result.passage);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The rules that a packet meets, as one word. */
function path(passage: Passage): string {
  return rulesOf(passage)
    .map(({ table, chain, number }) => `${table} ${chain} ${number ?? ''}`)
    .join('|');
}

/** Every capture that would settle something, beside each thing that it would settle; `general` only what no doubt names already. */
function gapsOf(
  named: readonly Pick<Doubt, 'command' | 'reason'>[],
  general: readonly Pick<Doubt, 'command' | 'reason'>[],
): { command: string; why: string }[] {
  const doubts = [...named, ...general.filter(({ command }) => named.every((other) => other.command !== command))];
  const gaps = new Map<string, Set<string>>();
  for (const { command, reason } of doubts) {
    if (command === undefined) continue;
    const known = gaps.get(command);
    if (known) known.add(reason);
    else gaps.set(command, new Set([reason]));
  }
  return [...gaps].flatMap(([command, reasons]) => [...reasons].map((why) => ({ command, why })));
}

function inferredFrom(
  namespace: Namespace,
  passage: Passage,
  forwards: UnknownForwarding | undefined,
): 'captured' | 'inferred' | 'assumed' {
  if (forwards !== undefined) return forwards.writer === undefined ? 'assumed' : 'inferred';
  if (passage.events.some((event) => event.kind === 'table' && event.run.certainty === 'assumed')) return 'inferred';
  const { family } = passage.packet;
  const routes = family === 4 ? namespace.routesKnown : namespace.routesKnown6;
  // Addresses tell what is for this host; local routes that somebody added they do not.
  const isUsual = routes === 'absent' || namespace.sysctls.size === 0 || usualRules(namespace, passage).length > 0;
  return isRouted(passage) && isUsual ? 'inferred' : 'captured';
}

function isRouted({ events }: Passage): boolean {
  return events.some(({ kind }) => kind === 'route' || kind === 'refused');
}

/** What would tell the routing rules where nobody captured them and the kernel's own are taken (fib_default_rules_init). */
function usualRules(namespace: Namespace, passage: Passage): Pick<Doubt, 'command' | 'reason'>[] {
  const { family } = passage.packet;
  if (!isRouted(passage) || (family === 4 ? namespace.rulesKnown : namespace.rulesKnown6) !== 'absent') return [];
  const command = family === 4 ? 'ip rule' : 'ip -6 rule';
  return [{ command, reason: 'the routing rules were not captured; those that are there by themselves are taken' }];
}

function answerOf(passage: Passage): Answer | undefined {
  const event = passage.events.findLast(({ kind }) => kind === 'error');
  return event?.kind === 'error' ? event.error : undefined;
}

/** What goes back where all ways that end alike agree on it. */
function answerWords(branches: readonly Branch<Run>[], complete: boolean): Pick<PacketTrace, 'answer' | 'answerOpen'> {
  const [answer, ...others] = branches.map(({ result }) => answerOf(result.passage));
  const words = JSON.stringify(answer);
  const verdict = branches[0]?.result.passage.verdict;
  if (verdict === 'forwarded' || verdict === 'local') return {};
  if (!complete || others.some((other) => JSON.stringify(other) !== words)) return { answerOpen: true };
  return answer === undefined ? {} : { answer };
}

function nextHopOf({ nextHop }: Passage): string | null {
  return nextHop && nextHop.name === undefined ? formatAddress(nextHop.family, nextHop.ip) : null;
}

function packetWords(passage: Passage): PacketWords {
  const { packet } = passage;
  const chance = passage.events.findLast((event) => event.kind === 'table' && event.binding?.anyOf !== undefined);
  const range = chance?.kind === 'table' ? chance.binding?.anyOf : undefined;
  return {
    src: formatAddress(packet.family, packet.src),
    dst: formatAddress(packet.family, packet.dst),
    proto: protocolWord(packet),
    ...(packet.proto === PROTO.TCP || packet.proto === PROTO.UDP || packet.sport !== undefined || packet.dport !== undefined
      ? { sport: packet.sport ?? null, dport: packet.dport ?? null }
      : {}),
    ...(isIcmp(packet) ? { type: packet.icmpType, code: packet.icmpCode, id: packet.icmpId ?? null } : {}),
    ttl: packet.ttl,
    tos: packet.tos,
    mark: packet.mark ?? null,
    ...(packet.mss === undefined ? {} : { mss: packet.mss }),
    ...(range ? { ports: range } : {}),
  };
}

function protocolWord(packet: IpPacket): string | number {
  const names: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6' };
  return names[packet.proto] ?? packet.proto;
}

function rulesOf(passage: Passage): TraceRule[] {
  return passage.events.flatMap((event): TraceRule[] => {
    if (event.kind !== 'table') return [];
    const { run } = event;
    const hits = run.hits
      .filter((hit) => hit.taken && hit.rule.part !== true)
      .map((hit): TraceRule => ({
        table: hit.table,
        chain: hit.chain,
        number: hit.rule.number,
        rule: hit.rule.text.trim(),
        verdict: hit.verdict,
        evidence: [hit.rule.source],
        ...(hit.certainty === 'captured' ? {} : { certainty: hit.certainty }),
      }));
    if (!run.byPolicy) return hits;
    return [
      ...hits,
      { table: run.table.name, chain: run.chain.name, number: null, verdict: run.verdict, evidence: [run.chain.source] },
    ];
  });
}
