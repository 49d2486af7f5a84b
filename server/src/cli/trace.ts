import { trace } from '../features/trace';
import type { World } from '../features/world';
import type { EvidenceLink, TraceParams, TraceStep, Walk } from '../protocol';
import type { Output } from './output';

/** `packet-walk trace`: 0 where the packet arrives or leaves, 1 where it is dropped, loops or can't be followed, 2 for a bad question. */
export function traceCommand(world: World, params: TraceParams, json: boolean, out: Output, err: (text: string) => void): number {
  const result = trace(world, params);
  if (result.kind === 'error') {
    err(`packet-walk: ${result.message}\n`);
    return 2;
  }
  const paths = new Map([...world.documents.values()].map((document) => [document.uri, document.path]));
  if (json) {
    out.line(
      JSON.stringify(
        { request: walkJson(result.request, paths), reply: result.reply ? walkJson(result.reply, paths) : null },
        null,
        1,
      ),
    );
  } else {
    print(result.request, 'Request', paths, out);
    if (result.reply) print(result.reply, 'Reply', paths, out);
    else if (params.reply) out.line('Reply: not walked, because the request does not get through.');
  }
  const good = [result.request, result.reply].every(
    (walk) => walk === null || walk.outcome.disposition === 'delivered' || walk.outcome.disposition === 'exits',
  );
  return good ? 0 : 1;
}

function walkJson(walk: Walk, paths: ReadonlyMap<string, string>) {
  const step = (value: TraceStep): Record<string, unknown> => ({
    ...value,
    evidence: value.evidence.map((link) => ({ path: paths.get(link.uri) ?? link.uri, line: link.range.start.line + 1 })),
    steps: value.steps.map(step),
  });
  const { at } = walk.mtu ?? {};
  const mtu = walk.mtu && {
    ...walk.mtu,
    at: at
      ? {
          ...at,
          evidence: at.evidence.map((link) => ({ path: paths.get(link.uri) ?? link.uri, line: link.range.start.line + 1 })),
        }
      : null,
  };
  return { outcome: walk.outcome, steps: walk.steps.map(step), gaps: walk.gaps, mtu };
}

const marks = { captured: ' ', inferred: '~', assumed: '?' } as const;

function print(walk: Walk, title: string, paths: ReadonlyMap<string, string>, out: Output): void {
  const { outcome } = walk;
  const colour =
    outcome.disposition === 'delivered' || outcome.disposition === 'exits'
      ? 'green'
      : outcome.disposition === 'dropped' || outcome.disposition === 'loop'
        ? 'red'
        : 'yellow';
  out.line(`${out.bold(title)}: ${out.colour(colour, outcome.disposition)} (${outcome.certainty})`);
  out.line(`  ${outcome.summary}`);
  let place = '';
  let number = 0;
  for (const step of walk.steps) {
    const here = `${step.host ?? 'outside'}${step.namespace === null ? '' : `, namespace ${step.namespace}`}`;
    if (here !== place) out.line(out.bold(`  ${here}`));
    place = here;
    number++;
    out.line(
      `  ${String(number).padStart(3)} ${marks[step.certainty]} ${label(step, out)} ${step.summary}${out.dim(where(step.evidence, paths))}`,
    );
    if (step.reason !== undefined && step.certainty !== 'captured')
      out.line(out.dim(`         ${step.certainty}: ${step.reason}`));
    for (const inner of step.steps) out.line(out.dim(`         - ${inner.summary}`));
  }
  if (walk.mtu) out.line(`  ${walk.mtu.summary}${out.dim(where(walk.mtu.at?.evidence ?? [], paths))}`);
  if (walk.gaps.length > 0) out.line(out.bold('  To be certain, capture:'));
  for (const gap of walk.gaps)
    out.line(`    ${out.colour('cyan', gap.command)}${gap.host === null ? '' : ` on ${gap.host}`}  ${out.dim(`(${gap.why})`)}`);
  if (walk.steps.some((step) => step.certainty !== 'captured'))
    out.line(out.dim('  ~ inferred from several captures   ? assumed, no capture says so'));
}

function label(step: TraceStep, out: Output): string {
  const name = `${step.stage} ${step.device}${step.port === null ? '' : `:${step.port}`}`;
  return step.effect === 'dropped'
    ? out.colour('red', name)
    : step.effect === 'unknown'
      ? out.colour('yellow', name)
      : out.colour('cyan', name);
}

function where(evidence: readonly EvidenceLink[], paths: ReadonlyMap<string, string>): string {
  if (evidence.length === 0) return '';
  const shown = evidence.slice(0, 3).map((link) => `${short(paths.get(link.uri) ?? link.uri)}:${link.range.start.line + 1}`);
  return `  [${shown.join(' ')}${evidence.length > 3 ? ' …' : ''}]`;
}

function short(path: string): string {
  return path.split('/').slice(-2).join('/');
}
