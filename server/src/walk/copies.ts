import type { Source } from '../model/source';
import type { FlowKey } from '../packet/flow-key';
import { addGap, connectionsIn, restoreConnections, type Context } from './context';
import { noteLimits } from './size';
import { weakest, type Ending, type Stage, type Step } from './step';

/** One of several copies of a frame that a switch or a bridge makes. */
export interface Copy {
  readonly host: string;
  readonly namespace: string | null;
  readonly stage: Stage;
  readonly device: string;
  /** The port that it leaves by, as people write it. */
  readonly port: string;
  /** What is said of it instead of `Copy to PORT`. */
  readonly what?: string;
  /** Looked at last: a switch's own device. */
  readonly isLocal: boolean;
  readonly packet: FlowKey;
  readonly evidence: readonly Source[];
  /** Walks the copy on. */
  readonly go: (context: Context, steps: Step[]) => Ending;
}

const MAX_COPIES = 24;
const rank = ['delivered', 'exits', 'insufficient-info', 'loop', 'dropped'] as const;

/** A port whose owner is not known is no better an end than a way out of the captures. */
function rankOf({ ending, steps }: { readonly ending: Ending; readonly steps: readonly Step[] }): number {
  const unsure = ending.disposition === 'delivered' && steps.at(-1)?.certainty === 'assumed';
  return unsure ? 1.5 : rank.indexOf(ending.disposition);
}

/** Of copies that are all lost, what became of the one that its receiver got tells why. */
function arrives(steps: readonly Step[]): boolean {
  return steps.some(({ stage, effect }) => stage === 'namespace' && effect !== 'dropped');
}

/** Follows every copy; the one that gets furthest is the walk, the others stay visible beside it. Undefined without a copy. */
export function followCopies(context: Context, copies: readonly Copy[], steps: Step[]): Ending | undefined {
  const [only, ...more] = copies;
  if (only && more.length === 0) return only.go(context, steps);
  // Each copy meets the connections that were there, and the walk leaves behind those of the copy that it follows.
  const before = connectionsIn(context.state);
  const branches = copies.slice(0, MAX_COPIES).map((copy) => {
    const own: Step[] = [];
    const gaps = [...context.gaps];
    const limits = [...context.limits];
    restoreConnections(context.state, before);
    const ending = copy.go({ ...context, gaps, limits }, own);
    return { copy, steps: own, ending, gaps, limits, after: connectionsIn(context.state) };
  });
  const [best] = [...branches].sort(
    (a, b) =>
      rankOf(a) - rankOf(b) ||
      Number(a.copy.isLocal) - Number(b.copy.isLocal) ||
      Number(arrives(b.steps)) - Number(arrives(a.steps)) ||
      Number(weakest(a.steps) === 'assumed') - Number(weakest(b.steps) === 'assumed'),
  );
  if (!best) return undefined;
  const others: Step[] = branches
    .filter((branch) => branch !== best)
    .map(({ copy, ending, steps: inner }) => ({
      host: copy.host,
      namespace: copy.namespace,
      stage: copy.stage,
      device: copy.device,
      port: copy.port,
      summary: `${copy.what ?? `Copy to ${copy.port === 'LOCAL' ? copy.device : copy.port}`}: ${ending.summary}`,
      certainty: weakest(inner),
      packet: copy.packet,
      evidence: copy.evidence,
      steps: inner,
    }));
  const last = steps.at(-1);
  if (last && others.length > 0) steps[steps.length - 1] = { ...last, steps: [...last.steps, ...others] };
  steps.push(...best.steps);
  restoreConnections(context.state, best.after);
  for (const gap of best.gaps) addGap(context, gap);
  noteLimits(context, best.limits);
  return best.ending;
}
