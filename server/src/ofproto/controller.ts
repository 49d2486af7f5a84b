import { commit } from './commit';
import type { Ctx } from './context';
import { recircIdOf, stateOf } from './recirculation';
import { wordAt, W } from '../packet/flow-words';

/** Reasons of packet-ins by number (OpenFlow 1.4, ofp_packet_in_reason; explicit misses are Open vSwitch's). */
const reasons: Readonly<Record<string, number>> = {
  no_match: 0,
  action: 1,
  invalid_ttl: 2,
  action_set: 3,
  group: 4,
  packet_out: 5,
  explicit_miss: 6,
};

export interface ControllerUpcall {
  readonly dontSend: boolean;
  readonly continuation: boolean;
  readonly recircId: number;
  readonly maxLen: number;
  readonly reason: string;
  readonly controllerId: number;
}

export function putControllerAction(ctx: Ctx, upcall: ControllerUpcall): void {
  ctx.dpActions.push({
    kind: 'userspace',
    pid: 0,
    cookie: {
      kind: 'controller',
      reason: reasons[upcall.reason] ?? Number(upcall.reason),
      dontSend: upcall.dontSend,
      continuation: upcall.continuation,
      recircId: upcall.recircId,
      ruleCookie: ctx.ruleCookie,
      controllerId: upcall.controllerId,
      maxLen: upcall.maxLen,
    },
  });
}

/** Sends the packet to a controller. `meter`: the one that the action names, where the bridge has it. */
export function controllerAction(
  ctx: Ctx,
  maxLen: number,
  givenReason: string,
  controllerId: number,
  userdata: readonly number[] | undefined,
  meter?: number,
): void {
  if (ctx.session.follower) {
    ctx.session.follower.controller(ctx, userdata);
    return;
  }
  commit(ctx);
  let reason = givenReason;
  if (reason === 'action' && ctx.rule && isTableMiss(ctx)) reason = 'explicit_miss';
  const state = stateOf(ctx, ctx.table, false);
  const id = recircIdOf(ctx, userdata && userdata.length > 0 ? { ...state, userdata } : state);
  const outer = ctx.dpActions;
  if (meter !== undefined) ctx.dpActions = [{ kind: 'meter', meter }];
  putControllerAction(ctx, { dontSend: !ctx.allowSideEffects, continuation: false, recircId: id, maxLen, reason, controllerId });
  if (meter !== undefined) {
    outer.push({ kind: 'sample', probability: 0xffffffff, actions: ctx.dpActions });
    ctx.dpActions = outer;
  }
}

/** A flow of priority 0 that matches everything is the table's miss (OpenFlow 1.3, 5.4). */
function isTableMiss(ctx: Ctx): boolean {
  return (
    ctx.rule?.kind === 'flow' &&
    ctx.rule.rule.priority === 0 &&
    ctx.rule.rule.match.mask.words.length === 0 &&
    ctx.rule.rule.match.tunMetadata.length === 0
  );
}

/** The TTL or hop limit of IP goes down by one. True where the packet must not go on. */
export function decTtl(ctx: Ctx, ids: readonly number[]): boolean {
  const ttl = wordAt(ctx.flow, W.nwTtl);
  if (ttl > 1) {
    ctx.flow[W.nwTtl] = ttl - 1;
    return false;
  }
  for (const id of ids) controllerAction(ctx, 0xffff, 'invalid_ttl', id, undefined);
  return true;
}
