import type { DpNat } from '../datapath/dp-action';
import type { CtAct, NatAct } from '../openflow/ofpact';
import { commit } from './commit';
import { report, type Ctx } from './context';
import { lookAtBits, readBits } from './fields';
import { recirculateAndFork } from './freeze';
import { wordAt, W } from '../packet/flow-words';
import { clearConntrackFields } from './headers';

/** Fields that a recirculation keeps: they need not be looked at again. */
const frozenField = /^(?:tun_|tunnel_id|metadata$|in_port|x{0,2}reg\d)/;

function natOf(nat: NatAct | undefined): DpNat | undefined {
  if (!nat) return undefined;
  const { direction, addresses, ports } = nat;
  const translates = direction !== undefined;
  const portMin = addresses && ports ? ports.min : 0;
  return {
    direction,
    family: translates ? addresses?.family : undefined,
    min: translates ? addresses?.min : undefined,
    max: translates && addresses && addresses.max > addresses.min ? addresses.max : undefined,
    portMin: translates ? portMin : 0,
    portMax: translates && portMin && ports && ports.max > ports.min ? ports.max : 0,
    persistent: translates && nat.persistent,
    hash: translates && nat.hash,
    random: translates && nat.random && !nat.hash,
  };
}

function wide(ctx: Ctx, from: 'flow' | 'wc', word: number): bigint {
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(wordAt(ctx[from], word + i));
  return value;
}

/** ct(…): hands the packet to connection tracking, which sends it back to a table where one is named (ovs-actions(7)). */
export function ctAction(ctx: Ctx, act: CtAct, isLast: boolean): void {
  let zone: number;
  if (typeof act.zone === 'number') {
    zone = act.zone;
  } else {
    zone = Number(readBits(ctx.bridge, ctx.flow, act.zone) & 0xffffn);
    if (!ctx.thawed || !frozenField.test(act.zone.field.name)) lookAtBits(ctx.bridge, ctx.wc, act.zone);
  }
  ctx.session.follower?.track(ctx, act, zone);
  const oldLabel = ctx.wc.slice(W.ctLabel, W.ctLabel + 4);
  const oldMark = wordAt(ctx.wc, W.ctMark);
  commit(ctx);
  ctx.natAction = undefined;
  ctx.wc[W.ctMark] = 0;
  ctx.wc.fill(0, W.ctLabel, W.ctLabel + 4);
  ctx.run(act.actions, ctx, isLast, false);

  const markMask = wordAt(ctx.wc, W.ctMark);
  const labelMask = wide(ctx, 'wc', W.ctLabel);
  const helpers: Readonly<Record<number, string>> = { 21: 'ftp', 69: 'tftp' };
  if (act.alg && !helpers[act.alg]) report(ctx, 'error', `cannot serialize ct_helper ${act.alg}`);
  ctx.dpActions.push({
    kind: 'ct',
    commit: act.commit && !act.force,
    force: act.commit && act.force,
    zone,
    mark: markMask ? { value: (wordAt(ctx.flow, W.ctMark) & markMask) >>> 0, mask: markMask } : undefined,
    label: labelMask ? { value: wide(ctx, 'flow', W.ctLabel) & labelMask, mask: labelMask } : undefined,
    helper: act.alg ? helpers[act.alg] : undefined,
    timeout: undefined,
    nat: natOf(ctx.natAction),
  });
  ctx.wc[W.ctMark] = oldMark;
  ctx.wc.set(oldLabel, W.ctLabel);
  if (act.table !== undefined) {
    ctx.conntracked = true;
    recirculateAndFork(ctx, act.table, zone);
  }
  ctx.natAction = undefined;
  clearConntrackFields(ctx.flow);
  report(ctx, 'detail', 'Sets the packet to an untracked state, and clears all the conntrack fields.');
  ctx.conntracked = false;
}
