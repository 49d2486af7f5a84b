import { ones } from '../base/bits';
import type { Field } from '../packet/field';
import { exactMask } from '../packet/fields';
import { getField, matchAll, setMatchField, type MatchWords } from './field-access';
import { OFPP, type LearnAct, type MfSubfield, type OfpAct, type PortRef } from './ofpact';
import { type FlowWords, W } from '../packet/flow-words';
import { dlTypeOf, ETH_TYPE, IP_PROTO, isIpAny, isMplsType, isVlan } from '../packet/protocols';
import { isCtValid, prerequisitesMet } from './prerequisites';

/** What is wrong with an action in a flow of this match: OpenFlow's name of the error. */
export interface ActionFault {
  readonly index: number;
  readonly error: 'OFPBAC_MATCH_INCONSISTENT' | 'OFPBAC_BAD_SET_ARGUMENT' | 'OFPBAC_BAD_OUT_PORT' | 'OFPBAC_BAD_ARGUMENT'
    | 'OFPBIC_BAD_TABLE_ID' | 'OFPBAC_BAD_TAG' | 'OFPMMFC_INVALID_METER'; // prettier-ignore
}

export interface CheckedActions {
  /** With what the match tells filled in: `flowHasVlan`, `flowIpProto`. */
  readonly acts: readonly OfpAct[];
  readonly fault: ActionFault | undefined;
  /** An action wants a header that the match does not ask for; OpenFlow 1.0 takes such flows, later versions don't. */
  readonly inconsistent: boolean;
}

/** The packet that an action may expect, as the actions before it left it. */
interface State {
  readonly match: MatchWords;
  readonly table: number | undefined;
  inconsistent: boolean;
}

/**
 * Checks actions against a flow's match as a switch does before it takes the flow (ovs-actions(7), "consistency"), and fills in
 * what they need to know of it. `table` is the flow's own, undefined where that is not known.
 */
export function checkActions(acts: readonly OfpAct[], match: MatchWords, table?: number): CheckedActions {
  const state: State = {
    match: { value: match.value.slice(), mask: match.mask },
    table,
    inconsistent: false,
  };
  const checked: OfpAct[] = [];
  let fault: ActionFault | undefined;
  for (const [index, act] of acts.entries()) {
    const result = check(act, state);
    if (typeof result === 'string') {
      fault ??= { index, error: result };
      checked.push(act);
    } else {
      checked.push(result);
    }
  }
  // Only OpenFlow 1.0 takes such a flow, and it does not have these actions.
  if (!fault && state.inconsistent && acts.some(needsLaterVersion)) fault = { index: 0, error: 'OFPBAC_MATCH_INCONSISTENT' };
  return { acts: checked, fault, inconsistent: state.inconsistent };
}

function needsLaterVersion(act: OfpAct): boolean {
  if (act.kind === 'clone' || act.kind === 'ct') return act.actions.some(needsLaterVersion);
  return act.kind === 'push_vlan' || act.kind === 'meter' || act.kind === 'encap';
}

/** Whether an action may be wrong in one flow and right in another: most only change registers and send packets on. */
export function dependsOnMatch(act: OfpAct): boolean {
  switch (act.kind) {
    case 'output':
      return typeof act.port === 'number' && act.port >= OFPP.MAX && outputPort(act.port) !== undefined;
    case 'set_field':
      return act.field.prereq !== 'none';
    case 'reg_move':
      return act.src.field.prereq !== 'none' || act.dst.field.prereq !== 'none' || !act.dst.field.writable;
    case 'resubmit':
      return act.ct;
    case 'group':
    case 'controller':
    case 'set_eth_src':
    case 'set_eth_dst':
    case 'set_tunnel':
    case 'set_queue':
    case 'pop_queue':
    case 'conjunction':
    case 'note':
    case 'exit':
    case 'sample':
    case 'ct_clear':
    case 'debug_recirc':
    case 'debug_slow':
    case 'clear_actions':
    case 'write_metadata':
    case 'dec_ttl':
    case 'unknown':
      return false;
    default:
      return true;
  }
}

type Fault = ActionFault['error'];

function inner(acts: readonly OfpAct[], state: State): CheckedActions {
  return checkActions(acts, state.match, state.table);
}

function setTci(flow: FlowWords, tci: number): void {
  flow[W.vlan0] = (((flow[W.vlan0] ?? 0) & 0xffff0000) | tci) >>> 0;
}

function readable(sub: MfSubfield, { match }: State): Fault | undefined {
  return prerequisitesMet(sub.field, match.value, { mask: match.mask }) ? undefined : 'OFPBAC_MATCH_INCONSISTENT';
}

function writable(sub: MfSubfield, state: State): Fault | undefined {
  return readable(sub, state) ?? (sub.field.writable ? undefined : 'OFPBAC_BAD_SET_ARGUMENT');
}

function outputPort(port: PortRef): Fault | undefined {
  if (typeof port === 'string' || port < OFPP.MAX) return undefined;
  return port >= OFPP.IN_PORT && port <= OFPP.LOCAL ? undefined : 'OFPBAC_BAD_OUT_PORT';
}

/** The action with what the match tells, or what is wrong with it. */
function check(act: OfpAct, state: State): OfpAct | Fault {
  const flow = state.match.value;
  const wants = (met: boolean) => {
    if (!met) state.inconsistent = true;
  };
  switch (act.kind) {
    case 'output':
    case 'output_trunc':
      return outputPort(act.port) ?? act;
    case 'output_reg':
      return readable(act.src, state) ?? act;
    case 'enqueue': {
      const ok = typeof act.port === 'string' || act.port < OFPP.MAX || act.port === OFPP.IN_PORT || act.port === OFPP.LOCAL;
      return ok ? act : 'OFPBAC_BAD_OUT_PORT';
    }
    case 'bundle': {
      const bad = act.members.some((port) => typeof port === 'number' && port >= OFPP.MAX && port !== OFPP.NONE && port !== OFPP.LOCAL && port !== OFPP.IN_PORT); // prettier-ignore
      return (act.dst && writable(act.dst, state)) ?? (bad ? 'OFPBAC_BAD_OUT_PORT' : act);
    }
    case 'multipath':
    case 'check_pkt_larger':
      return act.kind === 'multipath' ? (writable(act.dst, state) ?? act) : act;
    case 'set_field':
      return setField(act, state);
    case 'set_vlan_vid':
    case 'set_vlan_pcp': {
      const flowHasVlan = isVlan(flow);
      wants(flowHasVlan || act.pushIfNeeded);
      flow[W.vlan0] = ((flow[W.vlan0] ?? 0) | 0x1000) >>> 0;
      return { ...act, flowHasVlan };
    }
    case 'strip_vlan':
      wants(isVlan(flow));
      flow[W.vlan0] = flow[W.vlan1] ?? 0;
      flow[W.vlan1] = 0;
      return act;
    case 'push_vlan':
      if (((flow[W.vlan1] ?? 0) & 0x1000) !== 0) return 'OFPBAC_BAD_TAG';
      flow[W.vlan1] = flow[W.vlan0] ?? 0;
      flow[W.vlan0] = 0x1000;
      return act;
    case 'set_ipv4_src':
    case 'set_ipv4_dst':
      wants(dlTypeOf(flow) === ETH_TYPE.IP);
      return act;
    case 'set_ip_dscp':
    case 'set_ip_ecn':
    case 'set_ip_ttl':
    case 'dec_ttl':
      wants(isIpAny(flow));
      return act;
    case 'set_l4_src_port':
    case 'set_l4_dst_port': {
      const proto = flow[W.nwProto] ?? 0;
      const known = proto === IP_PROTO.TCP || proto === IP_PROTO.UDP || proto === IP_PROTO.SCTP;
      wants(isIpAny(flow) && ((flow[W.nwFrag] ?? 0) & 2) === 0 && known);
      return { ...act, flowIpProto: proto };
    }
    case 'reg_move':
      return readable(act.src, state) ?? writable(act.dst, state) ?? act;
    case 'stack_push':
      return readable(act.subfield, state) ?? act;
    case 'stack_pop':
      return writable(act.subfield, state) ?? act;
    case 'set_mpls_label':
    case 'set_mpls_tc':
    case 'set_mpls_ttl':
    case 'dec_mpls_ttl':
      wants(isMplsType(dlTypeOf(flow)));
      return act;
    case 'push_mpls':
      wants(flow[W.packetType] === 0);
      flow[W.dlType] = act.ethertype;
      flow[W.nwProto] = 0;
      return act;
    case 'pop_mpls':
      wants(flow[W.packetType] === 0 && isMplsType(dlTypeOf(flow)));
      flow[W.dlType] = act.ethertype;
      return act;
    case 'dec_nsh_ttl':
      wants(flow[W.packetType] === 0x1894f || flow[W.dlType] === ETH_TYPE.NSH);
      return act;
    case 'delete_field':
      return act.field.mfName.startsWith('tun_metadata') ? act : 'OFPBAC_BAD_ARGUMENT';
    case 'encap':
      flow[W.packetType] = act.packetType;
      if (act.packetType >>> 16 === 1) flow[W.dlType] = act.packetType & 0xffff;
      if (!isIpAny(flow)) flow[W.nwProto] = 0;
      return act;
    case 'decap':
      if (flow[W.packetType] === 0) {
        flow[W.packetType] = ((1 << 16) | (flow[W.dlType] ?? 0)) >>> 0;
      } else {
        // Only the packet itself tells what was inside.
        flow[W.packetType] = 0xffff;
        flow[W.dlType] = 0xffff;
      }
      return act;
    case 'resubmit':
      return act.ct && !isCtValid(flow, state.match.mask) ? 'OFPBAC_MATCH_INCONSISTENT' : act;
    case 'learn':
      return learn(act, state) ?? act;
    case 'fin_timeout':
      wants(flow[W.nwProto] === IP_PROTO.TCP);
      return act;
    case 'ct': {
      const invalid = act.commit && ((flow[W.ctState] ?? 0) & 0x10) !== 0;
      const proto = flow[W.nwProto];
      const wrongAlg = (act.alg === 21 && proto !== IP_PROTO.TCP) || (act.alg === 69 && proto !== IP_PROTO.UDP);
      if (!isIpAny(flow) || invalid || wrongAlg) return 'OFPBAC_MATCH_INCONSISTENT';
      if (typeof act.zone === 'object') return readable(act.zone, state) ?? act;
      return nested(act, state);
    }
    case 'clone':
    case 'write_actions':
      return nested(act, state);
    case 'nat': {
      const type = dlTypeOf(flow);
      const family = act.addresses?.family;
      const fits = isIpAny(flow) && (family !== 4 || type === ETH_TYPE.IP) && (family !== 6 || type === ETH_TYPE.IPV6);
      return fits ? act : 'OFPBAC_MATCH_INCONSISTENT';
    }
    case 'meter':
      return act.meter === 0 || act.meter > 0xffff0000 ? 'OFPMMFC_INVALID_METER' : act;
    case 'goto_table':
      if (act.tableName !== undefined) return act;
      return state.table !== undefined && act.table <= state.table ? 'OFPBIC_BAD_TABLE_ID' : act;
    default:
      return act;
  }
}

type Nested = Extract<OfpAct, { readonly kind: 'ct' | 'clone' | 'write_actions' }>;

function nested(act: Nested, state: State): OfpAct | Fault {
  const { acts, fault, inconsistent } = inner(act.actions, state);
  if (fault) return fault.error;
  // What an action set may hold can't be told from one flow.
  if (inconsistent && act.kind !== 'write_actions') state.inconsistent = true;
  return { ...act, actions: acts };
}

function setField(act: OfpAct & { readonly kind: 'set_field' }, state: State): OfpAct | Fault {
  const flow = state.match.value;
  const flowHasVlan = isVlan(flow);
  if (!prerequisitesMet(act.field, flow) || (act.field.mfName === 'vlan_vid' && !flowHasVlan)) return 'OFPBAC_MATCH_INCONSISTENT';
  if (act.field.mfName === 'vlan_tci') setTci(flow, Number(act.value & 0xffffn));
  return { ...act, flowHasVlan };
}

/** Bits of a field that a learned flow will match, for the fields after it that need them. */
function learn(act: LearnAct, state: State): Fault | undefined {
  const learned = matchAll();
  for (const spec of act.specs) {
    const source = spec.kind === 'output' ? undefined : spec.src;
    if (source?.kind === 'field') {
      const fault = readable(source.src, state);
      if (fault) return fault;
    }
    if (spec.kind === 'output') continue;
    const { dst } = spec;
    const own: State = { ...state, match: learned };
    const fault = spec.kind === 'match' ? readable(dst, own) : writable(dst, own);
    if (fault) return fault;
    if (spec.kind === 'match' && spec.src.kind === 'immediate') writeBits(learned, dst.field, dst, spec.src.value);
  }
  return undefined;
}

function writeBits(match: MatchWords, field: Field, { ofs, bits }: MfSubfield, value: bigint): void {
  const mask = ones(bits) << BigInt(ofs);
  const before = { value: getField(field, match.value), mask: getField(field, match.mask) };
  const all = before.mask | mask;
  setMatchField(match, field, (before.value & ~mask) | (value << BigInt(ofs)), all === ones(field.bits) ? exactMask(field) : all);
}
