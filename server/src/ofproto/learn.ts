import { ones } from '../base/bits';
import { demandEthernet, matchAll, setMatchField } from '../openflow/field-access';
import { formatActions } from '../openflow/format-actions';
import { formatMatch } from '../openflow/format-match';
import { compactMatch, type TunMetadataTerm } from '../openflow/match';
import { OFPP, type LearnAct, type LearnSource, type OfpAct } from '../openflow/ofpact';
import { optionIndex } from '../openflow/tlv';
import { report, reportSubfield, sharpHex, type Ctx } from './context';
import { lookAtBits, readBits, writeBits } from './fields';
import type { Rule } from './switch';

const portsThatLearnMayUse = new Set<number>([OFPP.IN_PORT, OFPP.FLOOD, OFPP.LOCAL, OFPP.ALL]);

/** The flow that learn() would write for the packet at hand. */
export function learnedRule(ctx: Ctx, act: LearnAct): Omit<Rule, 'index'> {
  const match = matchAll();
  const options: TunMetadataTerm[] = [];
  const actions: OfpAct[] = [];
  if (act.finIdleTimeout || act.finHardTimeout) {
    actions.push({ kind: 'fin_timeout', idleTimeout: act.finIdleTimeout, hardTimeout: act.finHardTimeout });
  }
  const written = new Map<string, { value: bigint; mask: bigint }>();
  const valueOf = (src: LearnSource) => (src.kind === 'field' ? readBits(ctx.bridge, ctx.flow, src.src) : src.value);
  for (const spec of act.specs) {
    if (spec.kind === 'output') {
      const port = Number(readBits(ctx.bridge, ctx.flow, spec.src));
      if (port < OFPP.MAX || portsThatLearnMayUse.has(port)) actions.push({ kind: 'output', port, maxLen: 0 });
      continue;
    }
    const { field, ofs } = spec.dst;
    const value = BigInt.asUintN(spec.bits, valueOf(spec.src)) << BigInt(ofs);
    const mask = ones(spec.bits) << BigInt(ofs);
    if (spec.kind === 'load') {
      actions.push({ kind: 'set_field', field, value, mask, flowHasVlan: false, load: true });
      continue;
    }
    const before = written.get(field.mfName) ?? { value: 0n, mask: 0n };
    const now = { value: (before.value & ~mask) | value, mask: before.mask | mask };
    written.set(field.mfName, now);
    const option = optionIndex(field.mfName);
    if (option !== undefined) {
      const others = options.filter((each) => each.index !== option);
      options.splice(0, options.length, ...others, { index: option, value: now.value, mask: now.mask });
      continue;
    }
    setMatchField(match, field, now.value, now.mask === ones(field.bits) ? ones(8 * field.bytes) : now.mask);
    if (field.prereq !== 'none') demandEthernet(match);
  }
  return {
    table: act.table,
    priority: act.priority,
    cookie: act.cookie,
    match: compactMatch(match.value, match.mask, options),
    actions,
    idleTimeout: act.idleTimeout,
    hardTimeout: act.hardTimeout,
    trouble: undefined,
    ...(ctx.rule?.kind === 'flow' ? { learnedBy: ctx.rule.rule.index } : {}),
  };
}

/** learn(…): writes a flow, where the trace may have side effects (ovs-actions(7)). */
export function learnAction(ctx: Ctx, act: LearnAct): void {
  for (const spec of act.specs) {
    if (spec.kind === 'output') lookAtBits(ctx.bridge, ctx.wc, spec.src);
    else if (spec.src.kind === 'field') lookAtBits(ctx.bridge, ctx.wc, spec.src.src);
  }
  if (!ctx.allowSideEffects) {
    report(ctx, 'warn', 'suppressing side effects, so learn action ignored');
    return;
  }
  const rule = learnedRule(ctx, act);
  const match = formatMatch(rule.match);
  report(
    ctx,
    'detail',
    `table=${rule.table} ${match}${match === '' ? '' : ' '}priority=${rule.priority}` +
      (rule.cookie === 0n ? '' : ` cookie=${sharpHex(rule.cookie)}`) +
      (rule.idleTimeout ? ` idle=${rule.idleTimeout}` : '') +
      (rule.hardTimeout ? ` hard=${rule.hardTimeout}` : '') +
      (act.sendFlowRem ? ' send_flow_rem' : '') +
      ` actions=${formatActions(rule.actions)}`,
  );
  const success = act.limit === 0 || ctx.session.tables.countByCookie(ctx.bridge, act.table, act.cookie) < act.limit;
  if (success) {
    ctx.session.tables.add(ctx.bridge, rule);
    ctx.session.follower?.learned(ctx, rule);
  }
  if (act.resultDst) {
    writeBits(ctx.bridge, ctx.flow, act.resultDst, success ? 1n : 0n);
    lookAtBits(ctx.bridge, ctx.wc, act.resultDst);
    reportSubfield(ctx, act.resultDst);
  }
  if (!success) report(ctx, 'detail', 'Limit exceeded, learn failed');
}
