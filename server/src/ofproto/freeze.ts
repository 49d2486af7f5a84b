import { commit } from './commit';
import { cancelFreeze, report, type Ctx, type XlateAct } from './context';
import { putControllerAction } from './controller';
import { recircIdOf, stateOf } from './recirculation';
import { W } from '../packet/flow-words';

function finish(ctx: Ctx, table: number): number | undefined {
  const id = recircIdOf(ctx, stateOf(ctx, table, true));
  if (ctx.pause) {
    if (!ctx.allowSideEffects) return undefined;
    putControllerAction(ctx, {
      dontSend: false,
      continuation: true,
      recircId: id,
      maxLen: ctx.pause.maxLen,
      reason: ctx.pause.reason,
      controllerId: ctx.pause.controllerId,
    });
  } else {
    if (ctx.hash) ctx.dpActions.push({ kind: 'hash', algorithm: ctx.hash.algorithm, basis: ctx.hash.basis });
    ctx.dpActions.push({ kind: 'recirc', id });
  }
  cancelFreeze(ctx);
  return id;
}

/** Ends a translation that waits for the packet to come back; only while freezing. */
export function finishFreezing(ctx: Ctx): void {
  commit(ctx);
  finish(ctx, 0);
}

/** Sends a clone of the packet around (ct(table=…)); this one goes on. */
export function recirculateAndFork(ctx: Ctx, table: number, zone: number): void {
  ctx.freezing = true;
  const id = finish(ctx, table);
  if (id === undefined) return;
  const flow = ctx.flow.slice();
  flow[W.recircId] = id;
  flow[W.ctZone] = zone;
  ctx.session.recircQueue.push({ id, flow, nat: ctx.natAction });
  report(ctx, 'detail', `A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table ${table}.`);
}

/** Keeps the actions that are still to be done, in a form that can be done later. */
export function freezeActions(ctx: Ctx, actions: readonly XlateAct[]): void {
  const putUnroll = () => {
    if (ctx.unroll && ctx.unroll.table === ctx.table && ctx.unroll.cookie === ctx.ruleCookie) return;
    ctx.unroll = { table: ctx.table, cookie: ctx.ruleCookie };
    ctx.frozenActions.push({ kind: 'unroll_xlate', table: ctx.table, cookie: ctx.ruleCookie });
  };
  for (const act of actions) {
    switch (act.kind) {
      case 'output_reg':
      case 'output_trunc':
      case 'group':
      case 'output':
      case 'controller':
      case 'dec_mpls_ttl':
      case 'dec_nsh_ttl':
      case 'dec_ttl':
        putUnroll();
        break;
      case 'resubmit':
        if (act.table === 255) putUnroll();
        break;
      case 'goto_table':
        ctx.frozenActions.push({ kind: 'resubmit', inPort: undefined, table: act.table, ct: false, short: false });
        continue;
      case 'write_metadata':
        ctx.frozenActions.push({ kind: 'write_metadata', metadata: act.metadata, mask: act.mask });
        continue;
      case 'note':
      case 'conjunction':
        continue;
      default:
    }
    ctx.frozenActions.push(act);
  }
}
