import { formatActions } from '../openflow/format-actions';
import { OFPP, type OfpAct } from '../openflow/ofpact';
import { report, type Ctx } from './context';
import { W } from '../packet/flow-words';

/** Actions of which only the last one given counts, in the order in which an action set does them (OpenFlow 1.1, 4.7). */
const slots = [
  'strip_vlan', 'pop_mpls', 'decap', 'encap', 'push_mpls', 'push_vlan', 'dec_ttl', 'dec_mpls_ttl', 'dec_nsh_ttl',
]; // prettier-ignore

/** An action set does nothing without one of these; of several, the last of this list. */
const finals = ['ct', 'ct_clear', 'resubmit', 'output', 'group'];

const setOrMove = new Set([
  'set_field', 'reg_move', 'set_eth_dst', 'set_eth_src', 'set_ip_dscp', 'set_ip_ecn', 'set_ip_ttl', 'set_ipv4_dst', 'set_ipv4_src',
  'set_l4_dst_port', 'set_l4_src_port', 'set_mpls_label', 'set_mpls_tc', 'set_mpls_ttl', 'set_queue', 'set_tunnel', 'set_vlan_pcp',
  'set_vlan_vid',
]); // prettier-ignore

/** The actions of a set in the order in which they are done. */
export function actionSetList(set: readonly OfpAct[]): OfpAct[] {
  const chosen = new Map<string, OfpAct>();
  const moves: OfpAct[] = [];
  let final: OfpAct | undefined;
  let finalRank = 0;
  for (const act of set) {
    const rank = finals.indexOf(act.kind);
    if (slots.includes(act.kind)) chosen.set(act.kind, act);
    else if (rank >= finalRank) {
      final = act;
      finalRank = rank;
    } else if (setOrMove.has(act.kind)) moves.push(act);
  }
  if (!final) return [];
  return [...slots.flatMap((kind) => chosen.get(kind) ?? []), ...moves, final];
}

/** write_actions: adds to the set, and keeps actset_output. */
export function writeActions(ctx: Ctx, actions: readonly OfpAct[]): void {
  if (!ctx.actionSetHasGroup) {
    for (const act of actions) {
      if (act.kind === 'output') ctx.flow[W.actsetOutput] = typeof act.port === 'number' ? act.port : OFPP.UNSET;
      else if (act.kind === 'group') {
        ctx.flow[W.actsetOutput] = OFPP.UNSET;
        ctx.actionSetHasGroup = true;
        break;
      }
    }
  }
  ctx.actionSet = [...ctx.actionSet, ...actions];
}

/** Puts another set in place of this one. */
export function clearActionSet(ctx: Ctx, set: readonly OfpAct[] = []): void {
  ctx.actionSet = [...set];
}

/** Does the action set, at the end of a pipeline. */
export function runActionSet(ctx: Ctx): void {
  const list = actionSetList(ctx.actionSet);
  ctx.actionSet = [];
  if (list.length === 0) return;
  ctx.inActionSet = true;
  const oldTrace = ctx.trace;
  ctx.trace = report(ctx, 'action-set', '--. Executing action set:');
  ctx.run(list, ctx, true, false);
  ctx.trace = oldTrace;
  ctx.inActionSet = false;
}

/** Reports the set as it stands: `was` or `is`. */
export function reportActionSet(ctx: Ctx, verb: 'was' | 'is'): void {
  const list = actionSetList(ctx.actionSet);
  report(ctx, 'detail', list.length > 0 ? `action set ${verb}: ${formatActions(list)}` : `action set ${verb} empty`);
}
