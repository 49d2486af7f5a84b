import { exact, or, W, wordAt } from '../packet/flow-words';
import type { Ctx } from './context';
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
