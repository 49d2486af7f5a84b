import { isCalled } from '../model/queries';
import type { Namespace } from '../model/namespace';
import type { Source } from '../model/source';
import type { World } from '../features/world';
import { netfilterTrace, type PacketTrace } from '../features/netfilter-trace';
import { readQuestion, type NetfilterQuestion } from '../features/netfilter-question';
import { positionAt } from '../base/lines';
import type { Output } from './output';

/** What `packet-walk netfilter-trace` is asked. */
export interface NetfilterTraceParams {
  readonly host: string | undefined;
  readonly namespace: string | undefined;
  /** `KEY=VALUE` words of each packet. */
  readonly packets: readonly (readonly string[])[];
}

/** Splits the words behind the command into paths and packets: `PATH… KEY=VALUE… [--then KEY=VALUE…]…`. */
export function splitPackets(words: readonly string[]): {
  readonly paths: string[];
  readonly packets: string[][];
  readonly options: string[];
} {
  const paths: string[] = [];
  const options: string[] = [];
  const packets: string[][] = [[]];
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? '';
    if (word === '--then') packets.push([]);
    else if (word === '--host' || word === '--namespace') options.push(word, words[++n] ?? '');
    else if (word.startsWith('--')) options.push(word);
    else if (/^[a-z]+=/.test(word)) packets[packets.length - 1]?.push(word);
    else paths.push(word);
  }
  return { paths, packets, options };
}

/** 0 where the packets arrive or leave, 1 where one does not, 2 for a bad question. */
export function netfilterTraceCommand(
  world: World,
  params: NetfilterTraceParams,
  json: boolean,
  out: Output,
  err: (text: string) => void,
): number {
  const namespace = findNamespace(world, params);
  if (typeof namespace === 'string') {
    err(`packet-walk: ${namespace}.\n`);
    return 2;
  }
  const questions: NetfilterQuestion[] = [];
  for (const words of params.packets) {
    const question = readQuestion(words, namespace);
    if (typeof question === 'string') {
      err(`packet-walk: ${question}.\n`);
      return 2;
    }
    questions.push(question);
  }
  const traces = netfilterTrace(namespace, questions, world.network.hosts.get(namespace.host)?.linuxBridges);
  if (json) out.line(JSON.stringify({ packets: traces.map((trace) => traceJson(world, trace)) }, null, 1));
  else for (const [n, trace] of traces.entries()) print(world, trace, n, traces.length, out);
  return traces.every(({ verdict }) => verdict === 'forwarded' || verdict === 'local') ? 0 : 1;
}

/** The namespace that is asked about; a sentence where it is not clear which. */
export function findNamespace(
  world: World,
  { host, namespace }: Pick<NetfilterTraceParams, 'host' | 'namespace'>,
): Namespace | string {
  const hosts = [...world.network.hosts.values()].filter((candidate) => host === undefined || isCalled(candidate, host));
  if (hosts.length === 0)
    return host === undefined
      ? 'no host is known from these captures'
      : `no host is called "${host}"; known are ${[...world.network.hosts.keys()].join(', ')}`;
  const wanted = namespace ?? '';
  const exact = hosts.flatMap((candidate) => candidate.namespaces.get(wanted) ?? []);
  const captured = exact.filter(hasContent);
  const [only] = captured.length > 0 ? captured : exact;
  if (namespace !== undefined && exact.length === 0)
    return `no namespace is called "${namespace}"; known are ${names(hosts.flatMap((candidate) => [...candidate.namespaces.keys()]))}`;
  if (captured.length > 1)
    return `${captured.length} hosts have ${namespace === undefined ? 'captures of their own' : `a namespace ${namespace}`}: say which with --host (${captured.map((found) => found.host).join(', ')})`;
  if (namespace === undefined && captured.length === 0) {
    const others = hosts.flatMap((candidate) => [...candidate.namespaces.values()].filter(hasContent));
    const [single] = others;
    if (single && others.length === 1) return single;
    if (others.length > 1) return `say which namespace with --namespace: ${names(others.map(({ name }) => name))}`;
  }
  return only ?? 'these captures say nothing about routing or netfilter';
}

function names(found: readonly string[]): string {
  return [...new Set(found.filter((name) => name !== ''))].join(', ') || 'none';
}

function hasContent(namespace: Namespace): boolean {
  return (
    namespace.netfilter.size > 0 || namespace.netfilter6.size > 0 || namespace.routes.length > 0 || namespace.devices.size > 0
  );
}

function evidence(world: World, sources: readonly Source[]): { path: string; line: number }[] {
  return sources.map(({ uri, span }) => {
    const document = world.documents.get(uri);
    return { path: document?.path ?? uri, line: document ? positionAt(document.lines, span.start).line + 1 : 0 };
  });
}

function traceJson(world: World, trace: PacketTrace) {
  const rules = (found: PacketTrace['rules']) => found.map((rule) => ({ ...rule, evidence: evidence(world, rule.evidence) }));
  return {
    ...trace,
    rules: rules(trace.rules),
    alternatives: trace.alternatives.map((other) => ({ ...other, rules: rules(other.rules) })),
    steps: trace.steps.map((step) => ({ ...step, evidence: evidence(world, step.evidence) })),
  };
}

function print(world: World, trace: PacketTrace, n: number, all: number, out: Output): void {
  const good = trace.verdict === 'forwarded' || trace.verdict === 'local';
  const colour = good ? 'green' : trace.verdict === 'insufficient-info' ? 'yellow' : 'red';
  out.line(
    `${out.bold(all > 1 ? `Packet ${n + 1}` : 'Packet')}: ${out.colour(colour, trace.verdict)} (${trace.certainty})${trace.why === '' ? '' : `: ${trace.why}`}`,
  );
  if (trace.likely !== undefined) out.line(`  Most likely ${trace.likely}`);
  const { packet } = trace;
  const port = (value: number | null | undefined) => (value === undefined ? '' : `:${value ?? '?'}`);
  out.line(
    `  ${trace.in ?? 'this host'} → ${trace.out ?? 'this host'}${trace.nextHop === null ? '' : ` (next hop ${trace.nextHop})`}: ${packet.src}${port(packet.sport)} → ${packet.dst}${port(packet.dport)} ${packet.proto}, TTL ${packet.ttl}, mark ${packet.mark ?? 'not known'}`,
  );
  for (const step of trace.steps) {
    const mark = step.certainty === 'captured' ? ' ' : step.certainty === 'inferred' ? '~' : '?';
    const at = evidence(world, step.evidence)
      .slice(-1)
      .map(({ path, line }) => `  [${path.split('/').slice(-2).join('/')}:${line}]`)
      .join('');
    out.line(`  ${mark} ${step.summary}${out.dim(at)}`);
    if (step.reason !== undefined) out.line(out.dim(`      ${step.reason}`));
  }
  const told = new Set([`${trace.likely ?? trace.verdict}${byWhat(trace.rules, trace.likely ?? trace.verdict, trace.out)}`]);
  for (const { verdict, rules, out: device, because } of trace.alternatives) {
    const end = `${verdict}${byWhat(rules, verdict, device)}`;
    // Of ways to one end by other rules, the gaps below tell what they depend on.
    if (told.has(end) && verdict !== 'forwarded') continue;
    told.add(end);
    out.line(out.dim(`  Or ${end}: ${because.join('; ')}`));
  }
  for (const [at, { command, why }] of trace.gaps.entries()) {
    const again = trace.gaps[at - 1]?.command === command;
    out.line(again ? out.dim(`      ${why}`) : `  ${out.colour('cyan', command)}  ${out.dim(`(${why})`)}`);
  }
}

/** What drops it, or the device that it leaves by. */
function byWhat(rules: PacketTrace['rules'], verdict: PacketTrace['verdict'], out: string | null): string {
  if (verdict === 'forwarded') return out === null ? '' : ` by ${out}`;
  const last = verdict === 'dropped' || verdict === 'rejected' ? rules.at(-1) : undefined;
  return last ? ` by ${last.number === null ? 'the policy' : `rule ${last.number}`} of ${last.table}/${last.chain}` : '';
}
