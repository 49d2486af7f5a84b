import type { OvsBridge } from '../../model/ovs-bridge';
import type { Source } from '../../model/source';
import type { Match } from '../../openflow/match';
import type { Rule } from '../../ofproto/switch';
import { set, withoutVlan, type FlowKey } from '../../packet/flow-key';
import { W } from '../../packet/flow-words';
import { bridgeKey, type WalkState } from '../context';
import { toWords } from './words';

/** A flow that learn() wrote while a packet was walked, and the flow that has the learn(). */
export interface LearnedFlow {
  readonly rule: Omit<Rule, 'index'>;
  readonly source: Source;
}

export function rememberLearned(state: WalkState, bridge: OvsBridge, flow: LearnedFlow): void {
  const key = bridgeKey(bridge);
  state.learned.set(key, [...(state.learned.get(key) ?? []), flow]);
}

/** The learned flows of a bridge that send a packet on by its destination MAC, and how. */
export function learnedUnicast(
  state: WalkState,
  bridge: OvsBridge,
  packet: FlowKey,
): (LearnedFlow & { readonly port: number; readonly packet: FlowKey })[] {
  const words = toWords(packet);
  return (state.learned.get(bridgeKey(bridge)) ?? []).flatMap((flow) => {
    if (!flow.rule.match.mask.words.includes(W.dlDst + 1) || !meets(flow.rule.match, words)) return [];
    const out = sent(flow.rule, packet);
    return out ? [{ ...flow, ...out }] : [];
  });
}

function meets({ mask, values }: Match, words: Uint32Array): boolean {
  return mask.words.every((word, i) => ((words[word] ?? 0) & (mask.masks[i] ?? 0)) >>> 0 === values[i]);
}

/** The packet after such a flow's changes, and the port that it leaves by. */
function sent(rule: Omit<Rule, 'index'>, packet: FlowKey): { readonly port: number; readonly packet: FlowKey } | undefined {
  let current = packet;
  for (const act of rule.actions) {
    if (act.kind === 'strip_vlan') current = withoutVlan(current);
    else if (act.kind === 'set_field' && act.field.name === 'vlan_tci' && act.value === 0n) current = withoutVlan(current);
    else if (act.kind === 'set_field' && act.field.name === 'tun_id') current = set(current, 'tun_id', act.value & act.mask);
    else if (act.kind === 'set_tunnel') current = set(current, 'tun_id', act.id);
    else if (act.kind === 'output' && typeof act.port === 'number') return { port: act.port, packet: current };
  }
  return undefined;
}
