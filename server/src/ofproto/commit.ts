import { commitOdpActions } from '../datapath/commit';
import type { Ctx } from './context';

/** Tells the datapath of every header that has changed since it was last told; before an output, and where a packet is cloned. */
export function commit(ctx: Ctx): void {
  const slow = commitOdpActions(ctx.flow, ctx.baseFlow, ctx.dpActions, ctx.wc, {
    maskedSet: ctx.session.sw.datapath.maskedSet,
    pendingEncap: ctx.pendingEncap,
    pendingDecap: ctx.pendingDecap,
    encapData: ctx.encapData,
  });
  if (slow) ctx.slow.add('ACTION');
  ctx.pendingEncap = false;
  ctx.pendingDecap = false;
  ctx.encapData = undefined;
}
