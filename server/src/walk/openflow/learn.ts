import { ones } from '../../base/bits';
import { formatMac } from '../../packet/address';
import { fieldOf } from '../../packet/fields';
import { getBits, type FlowKey } from '../../packet/flow-key';
import type { Action, Flow, LearnSpec, MatchTerm, Subfield } from '../../packet/openflow';
import type { OvsBridge, Source } from '../../model/network';
import { bridgeKey, type WalkState } from '../context';

type Learn = Action & { readonly kind: 'learn' };

function bitsOf(src: Subfield | bigint, packet: FlowKey): bigint {
  if (typeof src === 'bigint') return src;
  const field = fieldOf(src.field);
  return field ? getBits(packet, field, src.offset, src.bits) : 0n;
}

/** The flow that a learn() action writes for a packet (ovs-actions(7), "The learn action"). */
export function learnedFlow(learn: Learn, packet: FlowKey): Flow {
  const match: MatchTerm[] = [];
  const actions: Action[] = [];
  const text = (spec: LearnSpec) => (spec.kind === 'output' ? 'output' : spec.dst.field);
  for (const spec of learn.specs) {
    const value = bitsOf(spec.src, packet);
    const base = { span: learn.span, text: text(spec) };
    if (spec.kind === 'output') {
      actions.push({ ...base, kind: 'output', port: Number(value), text: `output:${value}` });
    } else if (spec.kind === 'load') {
      actions.push({ ...base, kind: 'load', dst: spec.dst, value, text: `load:0x${value.toString(16)}->${spec.dst.field}` });
    } else {
      const field = fieldOf(spec.dst.field);
      const mask = ones(spec.dst.bits) << BigInt(spec.dst.offset);
      const shown = field?.format === 'mac' ? formatMac(value) : `0x${value.toString(16)}`;
      match.push({
        field: spec.dst.field,
        value: value << BigInt(spec.dst.offset),
        mask,
        span: learn.span,
        text: `${spec.dst.field}=${shown}`,
      });
    }
  }
  return {
    table: { value: learn.table, span: learn.span },
    priority: { value: learn.priority, span: learn.span },
    match,
    actions,
    span: learn.span,
    matchSpan: learn.span,
    actionsSpan: learn.span,
  };
}

/** Remembers the flow for packets to come. */
export function rememberLearned(state: WalkState, bridge: OvsBridge, learn: Learn, packet: FlowKey, source: Source): void {
  const key = bridgeKey(bridge);
  state.flows.set(key, [...(state.flows.get(key) ?? []), { flow: learnedFlow(learn, packet), source }]);
}
