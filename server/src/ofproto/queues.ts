import { exact, or, W, wordAt } from '../packet/flow-words';
import type { Ctx, XlateAct } from './context';
import type { Port } from './switch';

/**
 * The packet priority that stands for a queue: its handle `1:N+1` in Linux's traffic control, the queue itself in a userspace datapath;
 * undefined for a queue that Linux cannot have.
 */
export function queuePriority(ctx: Ctx, queue: number): number | undefined {
  if (ctx.session.sw.datapath.userspace) return queue;
  return queue < 0xf000 ? ((1 << 16) | (queue + 1)) >>> 0 : undefined;
}

/** Marks a packet that leaves by a port with the DSCP of its queue (ovs-vswitchd.conf.db(5), "Queue"). */
export function markDscp(ctx: Ctx, { queueDscp }: Port): void {
  if (queueDscp.size === 0) return;
  exact(ctx.wc, W.skbPriority);
  for (const [queue, dscp] of queueDscp) {
    if (queuePriority(ctx, queue) !== wordAt(ctx.flow, W.skbPriority)) continue;
    or(ctx.wc, W.nwTos, 0xfc);
    ctx.flow[W.nwTos] = (wordAt(ctx.flow, W.nwTos) & 3) | (dscp << 2);
  }
}

/**
 * `enqueue` is told by OpenFlow 1.1 and later as set_queue, output, pop_queue. The first keeps a queue that was set before, the three
 * end it: says so where there is one.
 */
export function announceEnqueue(ctx: Ctx, actions: readonly XlateAct[], index: number): void {
  const [set, output, pop] = [actions[index], actions[index + 1], actions[index + 2]];
  if (set?.kind !== 'set_queue' || output?.kind !== 'output' || pop?.kind !== 'pop_queue') return;
  if (wordAt(ctx.flow, W.skbPriority) === wordAt(ctx.upcallFlow, W.skbPriority)) return;
  ctx.session.notes.add(
    `bridge ${ctx.bridge.name}: set_queue:${set.queue}, output and pop_queue can stand for an enqueue action, after which the queue that was set before would hold again (ovs-ofctl -O OpenFlow10 dump-flows ${ctx.bridge.name} tells)`,
  );
}
