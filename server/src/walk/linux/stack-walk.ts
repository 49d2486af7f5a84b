import { capturedConnections } from '../../kernel/captured';
import { capturedExpectations } from '../../kernel/expected';
import { copyTable, newTable, type ConnectionTable } from '../../kernel/conntrack';
import { explore, type Branch } from '../../kernel/decide';
import type { Passage, StackInput } from '../../kernel/passage';
import { pass } from '../../kernel/stack';
import type { Namespace } from '../../model/namespace';
import { addGap, inNamespace, type Context } from '../context';

/** What came of a packet, and the answers that were taken for granted on its way. */
export interface Taken {
  readonly passage: Passage;
  /** Texts of rules that would have stopped the packet, had they been taken to match. */
  readonly spared: ReadonlySet<string>;
  readonly doubts: Branch<unknown>['doubts'];
}

const NEGATIVE = new Set(['dropped', 'rejected', 'unroutable', 'ttl-exceeded']);
/** Other answers that are tried before a drop is believed. */
const BUDGET = 40;

/**
 * Takes a packet through a namespace, the likelier way where the captures leave something open; but what is open never drops a
 * packet: then another way is taken that lets it through.
 */
export function passNamespace(
  context: Context,
  namespace: Namespace,
  input: Pick<
    StackInput,
    'packet' | 'iif' | 'by' | 'oif' | 'isSharers' | 'vrf' | 'bridged' | 'bridges' | 'assumed' | 'ipvsServer'
  >,
): Taken {
  const key = `${namespace.host}|${namespace.name}`;
  const before = context.state.stacks.get(key) ?? newTable(capturedConnections(namespace), capturedExpectations(namespace));
  const { branches } = explore<{ passage: Passage; connections: ConnectionTable }>(
    (choose) => {
      const connections = copyTable(before);
      return { passage: pass({ namespace, ...input, connections, choose, key }), connections };
    },
    BUDGET,
    (found) => {
      const last = found.at(-1);
      return last !== undefined && (!NEGATIVE.has(last.result.passage.verdict) || isCertain(found[0]));
    },
  );
  const [main] = branches;
  const chosen = branches.find(({ result }) => !NEGATIVE.has(result.passage.verdict)) ?? main;
  if (!main || !chosen) throw new Error('a packet must take some way');
  context.state.stacks.set(key, chosen.result.connections);
  const spared = new Set(
    chosen === main ? [] : chosen.doubts.flatMap(({ rule, likely, answer }) => (rule && likely && !answer ? [rule.text] : [])),
  );
  return { passage: chosen.result.passage, spared, doubts: chosen.doubts };
}

/** Nothing that is merely assumed led there. */
function isCertain(branch: Branch<unknown> | undefined): boolean {
  return branch?.doubts.every(({ certainty }) => certainty === 'inferred') ?? true;
}

/** Whether a namespace has seen the packet's connection. */
export function hasConnections(context: Context, namespace: Namespace): boolean {
  return (context.state.stacks.get(`${namespace.host}|${namespace.name}`)?.own.length ?? 0) > 0;
}

/** The table whose rules nobody captured, where that is what a doubt is about. */
export function uncapturedTable(key: string): string | undefined {
  return /\|absent (\w+)$/.exec(key)?.[1];
}

/** Names the captures that would settle what was taken for granted in a bridge. Of tables that nobody captured the steps speak themselves. */
export function tellOpen(context: Context, namespace: Namespace, { doubts }: Taken): void {
  for (const { command, nature, key, reason } of doubts)
    if (command !== undefined && nature === 'hidden' && uncapturedTable(key) === undefined)
      addGap(context, { host: namespace.host, command: inNamespace(namespace, command), why: reason });
}
