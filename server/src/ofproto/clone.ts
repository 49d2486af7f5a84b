import { netlinkSize } from '../datapath/netlink-size';
import { runActionSet } from './action-set';
import { commit } from './commit';
import { datapathCan, report, type Ctx, type XlateAct } from './context';
import { finishFreezing } from './freeze';

/** Actions whose effect on the packet the datapath can't take back by other actions. */
const irreversible = new Set(['ct', 'meter', 'nat', 'output_trunc', 'encap', 'decap', 'dec_nsh_ttl']);

/** Does actions on a clone of the packet: afterwards the packet is as before. */
export function runClone(actions: readonly XlateAct[], ctx: Ctx, isLast: boolean): void {
  const saved = { stack: [...ctx.stack], actionSet: ctx.actionSet, flow: ctx.flow.slice() };
  const inner = (last: boolean) => {
    ctx.run(actions, ctx, last, false);
    if (!ctx.freezing) runActionSet(ctx);
    if (ctx.freezing) finishFreezing(ctx);
  };
  if (isLast || !actions.some((act) => irreversible.has(act.kind))) {
    inner(isLast);
  } else {
    // What is already decided is told before the clone, once for both.
    commit(ctx);
    const base = ctx.baseFlow.slice();
    const { wasMpls, conntracked, dpActions, enclosingBytes } = ctx;
    const clone = datapathCan(ctx, 'clone');
    const { sampleNesting } = ctx.session.sw.datapath;
    ctx.enclosingBytes += netlinkSize(dpActions) + (clone ? 4 : 16);
    ctx.dpActions = [];
    // A datapath that cannot clone samples every packet instead, if it can nest samples deeply enough.
    if (clone || sampleNesting > 3) inner(true);
    else report(ctx, 'error', 'Failed to compose clone action');
    if (ctx.dpActions.length > 0)
      dpActions.push(
        clone ? { kind: 'clone', actions: ctx.dpActions } : { kind: 'sample', probability: 0xffffffff, actions: ctx.dpActions },
      );
    ctx.dpActions = dpActions;
    ctx.enclosingBytes = enclosingBytes;
    ctx.conntracked = conntracked;
    ctx.wasMpls = wasMpls;
    ctx.baseFlow = base;
  }
  ctx.actionSet = saved.actionSet;
  ctx.stack = saved.stack;
  ctx.flow = saved.flow;
}
