import { ones } from '../base/bits';
import { multipathLink } from '../datapath/hash';
import { netlinkSize } from '../datapath/netlink-size';
import { lookAtField, setFieldMasked } from '../openflow/field-access';
import { formatAction } from '../openflow/format-actions';
import type { OfpAct } from '../openflow/ofpact';
import { optionIndex } from '../openflow/tlv';
import { clearActionSet, reportActionSet, runActionSet, writeActions } from './action-set';
import { runClone } from './clone';
import { commit } from './commit';
import {
  datapathCan,
  meet,
  portNames,
  report,
  reportSubfield,
  sharpHex,
  triggerFreeze,
  type Ctx,
  type RunActions,
  type XlateAct,
} from './context';
import { ctAction } from './conntrack';
import { controllerAction, decTtl } from './controller';
import { decapAction, encapAction, tooManyLabels } from './encap';
import { deleteOption, lookAtBits, readBits, tlvsOf, writeBits } from './fields';
import { finishFreezing, freezeActions } from './freeze';
import { groupAction } from './group';
import { learnAction } from './learn';
import { clearConntrack } from './output';
import {
  bundleAction,
  enqueueAction,
  outputAction,
  outputRegAction,
  outputTruncAction,
  portNumber,
  type OutputOptions,
} from './output-actions';
import { announceEnqueue, queuePriority } from './queues';
import { sampleAction } from './sampling';
import { tableAction } from './table-action';
import { wordAt, exact, exact16, exact8, exactMac, type FlowWords, or, W, writeMac } from '../packet/flow-words';
import {
  dlTypeOf,
  ETH_TYPE,
  FRAG,
  isIpAny,
  isMplsType,
  MAX_MPLS_LABELS,
  mplsLabels,
  PACKET_TYPE,
  VLAN_CFI,
} from '../packet/protocols';
import { popMpls, popVlan, pushMpls, pushVlan, setVlan, tci, tpid } from './headers';
import { prerequisitesMet } from '../openflow/prerequisites';

/** Actions that work on a packet whose MPLS labels are gone without looking behind them. */
const noLookBehindMpls = new Set([
  'output', 'output_trunc', 'enqueue', 'output_reg', 'set_vlan_vid', 'set_vlan_pcp', 'set_eth_src', 'set_eth_dst', 'set_tunnel',
  'set_queue', 'group',
]); // prettier-ignore

const IP_HEADER = new Set('ip_src ip_dst ipv6_src ipv6_dst ipv6_label nw_tos nw_ecn nw_ttl'.split(' '));
const ARP_HEADER = new Set('arp_op arp_spa arp_tpa arp_sha arp_tha'.split(' '));

/** Datapaths set IP's and ARP's headers together with the protocol, or the operation, which the switch then looks at as well. */
function setsIpHeader(mfName: string, flow: FlowWords): boolean {
  return (isIpAny(flow) && IP_HEADER.has(mfName)) || (dlTypeOf(flow) === ETH_TYPE.ARP && ARP_HEADER.has(mfName));
}

/** Fields of the network header and what follows it, by their place among the switch's own. */
function isL3OrHigher(act: OfpAct & { kind: 'set_field' }): boolean {
  const [slice] = act.field.slices;
  return slice !== undefined && slice.word >= W.nwSrc;
}

function recirculateForMpls(ctx: Ctx, act: XlateAct): void {
  if (ctx.exit || !ctx.wasMpls || noLookBehindMpls.has(act.kind)) return;
  if (act.kind === 'set_field' && !isL3OrHigher(act)) return;
  triggerFreeze(ctx);
}

/** Does a list of actions, one after the other, as `ovs-vswitchd` translates them. */
export const runActions: RunActions = (actions, ctx, isLast, groupBucket) => {
  if (actions.length === 0) {
    report(ctx, 'action', 'drop');
    return;
  }
  let leave = false;
  const tlvs = tlvsOf(ctx.bridge);
  for (let i = 0; i < actions.length; i++) {
    const act = actions[i];
    if (!act || ctx.error !== undefined) break;
    const last = isLast && i === actions.length - 1 && ctx.actionSet.length === 0;
    recirculateForMpls(ctx, act);
    if (ctx.exit || leave) {
      if (ctx.freezing) freezeActions(ctx, actions.slice(i));
      break;
    }
    if (act.kind === 'unroll_xlate') report(ctx, 'action', `unroll_xlate(table=${act.table}, cookie=${act.cookie})`);
    else {
      const text = formatAction(act, { ports: portNames(ctx), tlv: tlvs });
      report(ctx, 'action', text);
      if (/tun_metadata/i.test(text)) meet(ctx, 'tlv-map');
    }

    const done = runOne(ctx, act, actions, i, last, groupBucket);
    if (done === 'stop') return;
    if (done === 'next') continue;
    if (done === 'leave') leave = true;
    // An action that is to be done after the packet has come back is the first of what is kept.
    const from = done === 'resume-after' ? i + 1 : i;
    if (ctx.error === undefined && ctx.exit && ctx.frozenActions.length === 0) {
      freezeActions(ctx, actions.slice(from));
      break;
    }
  }
};

/** `stop`: the list ends; `next`: on with the next one at once; `leave`: the rest has been done; `resume-after`: go on behind it. */
type Done = 'stop' | 'next' | 'leave' | 'resume-after' | undefined;

function runOne(ctx: Ctx, act: XlateAct, actions: readonly XlateAct[], index: number, last: boolean, groupBucket: boolean): Done {
  const { flow, wc } = ctx;
  const output: OutputOptions = { isLast: last, groupBucket };
  switch (act.kind) {
    case 'output': {
      const port = portNumber(ctx, act.port);
      if (port !== undefined) outputAction(ctx, port, { ...output, mayPacketIn: true, maxLen: act.maxLen });
      return undefined;
    }
    case 'group':
      return groupAction(ctx, act.group, last) ? undefined : 'stop';
    case 'controller':
      if (act.pause) {
        ctx.pause = act;
        triggerFreeze(ctx);
        return 'resume-after';
      }
      controllerAction(ctx, act.maxLen, act.reason, act.controllerId, act.userdata, meterOf(ctx, act.meterId));
      return undefined;
    case 'enqueue': {
      exact(wc, W.skbPriority);
      const port = portNumber(ctx, act.port);
      if (port !== undefined) enqueueAction(ctx, port, act.queue, output);
      return undefined;
    }
    case 'output_reg':
      outputRegAction(ctx, act, output);
      return undefined;
    case 'output_trunc': {
      const port = portNumber(ctx, act.port);
      if (port !== undefined) outputTruncAction(ctx, port, act.maxLen, output);
      return undefined;
    }
    case 'bundle':
      bundleAction(ctx, act, output);
      return undefined;
    case 'resubmit': {
      const inPort = act.inPort === undefined ? wordAt(flow, W.inPort) : portNumber(ctx, act.inPort);
      if (inPort === undefined) return 'next';
      const port = inPort === 0xfff8 ? wordAt(flow, W.inPort) : inPort;
      tableAction(ctx, port, act.table === 255 ? ctx.table : act.table, false, act.ct, last, ctx.run);
      return 'next';
    }
    case 'goto_table':
      tableAction(ctx, wordAt(flow, W.inPort), act.table, true, false, last, ctx.run);
      return 'next';
    case 'dec_ttl':
      exact8(wc, W.nwTtl);
      exact8(wc, W.nwProto);
      if (!isIpAny(flow)) return undefined;
      if (!decTtl(ctx, act.ids)) return undefined;
      report(ctx, 'warn', `IPv${wordAt(flow, W.dlType) === ETH_TYPE.IP ? 4 : 6} decrement TTL exception`);
      return 'stop';
    case 'dec_mpls_ttl':
      return decMplsTtl(ctx);
    case 'dec_nsh_ttl':
      return decNshTtl(ctx);
    case 'decap':
      if (decapAction(ctx, act) && ctx.error === undefined) {
        triggerFreeze(ctx);
        return 'resume-after';
      }
      return undefined;
    case 'debug_recirc':
      triggerFreeze(ctx);
      return 'resume-after';
    case 'check_pkt_larger':
      return checkPktLarger(ctx, act, actions.slice(index + 1));
    case 'clone':
      runClone(act.actions, ctx, last);
      return undefined;
    case 'ct':
      ctAction(ctx, act, last);
      return undefined;
    case 'learn':
      learnAction(ctx, act);
      return undefined;
    case 'set_queue':
      announceEnqueue(ctx, actions, index);
      runHeaderAction(ctx, act);
      return undefined;
    default:
      runHeaderAction(ctx, act);
      return undefined;
  }
}

function meterOf(ctx: Ctx, meter: number | undefined): number | undefined {
  if (meter === undefined) return undefined;
  const number = ctx.bridge.meters.get(meter);
  if (number === undefined) meet(ctx, 'meters');
  return number;
}

function runHeaderAction(ctx: Ctx, act: XlateAct): void {
  const { flow, wc } = ctx;
  const tlvs = tlvsOf(ctx.bridge);
  switch (act.kind) {
    case 'set_vlan_vid':
      or(wc, W.vlan0, 0x1fff);
      if (tci(flow, 0) & VLAN_CFI || act.pushIfNeeded) {
        setVlan(flow, 0, tpid(flow, 0) || ETH_TYPE.VLAN, (tci(flow, 0) & ~0xfff) | act.vid | VLAN_CFI);
      }
      return;
    case 'set_vlan_pcp':
      or(wc, W.vlan0, 0xf000);
      if (tci(flow, 0) & VLAN_CFI || act.pushIfNeeded) {
        setVlan(flow, 0, tpid(flow, 0) || ETH_TYPE.VLAN, (tci(flow, 0) & ~0xe000) | (act.pcp << 13) | VLAN_CFI);
      }
      return;
    case 'strip_vlan':
      popVlan(flow, wc);
      return;
    case 'push_vlan':
      pushVlan(flow, wc);
      setVlan(flow, 0, act.ethertype, VLAN_CFI);
      return;
    case 'set_eth_src':
    case 'set_eth_dst': {
      const word = act.kind === 'set_eth_src' ? W.dlSrc : W.dlDst;
      exactMac(wc, word);
      writeMac(flow, word, act.mac);
      return;
    }
    case 'set_ipv4_src':
    case 'set_ipv4_dst': {
      if (wordAt(flow, W.dlType) !== ETH_TYPE.IP) return;
      const word = act.kind === 'set_ipv4_src' ? W.nwSrc : W.nwDst;
      exact8(wc, W.nwProto);
      exact(wc, word);
      flow[word] = act.ip >>> 0;
      return;
    }
    case 'set_ip_dscp':
      if (!isIpAny(flow)) return;
      exact8(wc, W.nwProto);
      or(wc, W.nwTos, 0xfc);
      flow[W.nwTos] = (wordAt(flow, W.nwTos) & 3) | act.dscp;
      return;
    case 'set_ip_ecn':
      if (!isIpAny(flow)) return;
      exact8(wc, W.nwProto);
      or(wc, W.nwTos, 3);
      flow[W.nwTos] = (wordAt(flow, W.nwTos) & 0xfc) | act.ecn;
      return;
    case 'set_ip_ttl':
      if (!isIpAny(flow)) return;
      exact8(wc, W.nwProto);
      exact8(wc, W.nwTtl);
      flow[W.nwTtl] = act.ttl;
      return;
    case 'set_l4_src_port':
    case 'set_l4_dst_port': {
      if (!isIpAny(flow) || wordAt(flow, W.nwFrag) & FRAG.LATER) return;
      const word = act.kind === 'set_l4_src_port' ? W.tpSrc : W.tpDst;
      exact8(wc, W.nwProto);
      exact16(wc, word);
      flow[word] = act.port;
      return;
    }
    case 'set_tunnel':
      flow[W.tunId] = Number((act.id >> 32n) & 0xffffffffn);
      flow[W.tunId + 1] = Number(act.id & 0xffffffffn);
      return;
    case 'set_queue': {
      exact(wc, W.skbPriority);
      const priority = queuePriority(ctx, act.queue);
      if (priority !== undefined) flow[W.skbPriority] = priority;
      return;
    }
    case 'pop_queue': {
      exact(wc, W.skbPriority);
      const original = wordAt(ctx.upcallFlow, W.skbPriority);
      if (wordAt(flow, W.skbPriority) === original) return;
      flow[W.skbPriority] = original;
      report(ctx, 'detail', `queue = ${sharpHex(original)}`);
      return;
    }
    case 'reg_move': {
      const { src, dst } = act;
      const both = [dst, src].every(({ field }) => prerequisitesMet(field, flow, { wc }));
      if (both) {
        lookAtBits(ctx.bridge, wc, src);
        lookAtBits(ctx.bridge, wc, dst);
        writeBits(ctx.bridge, flow, dst, readBits(ctx.bridge, flow, src));
      }
      reportSubfield(ctx, dst);
      return;
    }
    case 'set_field': {
      if (!prerequisitesMet(act.field, flow, { wc })) {
        report(ctx, 'warn', `unmet prerequisites for ${act.field.mfName}, set_field ignored`);
        return;
      }
      lookAtField(act.field, act.mask, wc, tlvs);
      if (setsIpHeader(act.field.mfName, flow)) exact8(wc, W.nwProto);
      setFieldMasked(act.field, act.value, act.mask, flow, tlvs);
      return;
    }
    case 'stack_push': {
      lookAtBits(ctx.bridge, wc, act.subfield);
      const bytes = Math.ceil(act.subfield.bits / 8);
      ctx.stack.push({ value: readBits(ctx.bridge, flow, act.subfield), bytes });
      return;
    }
    case 'stack_pop': {
      const item = ctx.stack.pop();
      if (!item) {
        report(ctx, 'error', 'stack underflow');
        return;
      }
      lookAtBits(ctx.bridge, wc, act.subfield);
      writeBits(ctx.bridge, flow, act.subfield, BigInt.asUintN(act.subfield.bits, item.value));
      reportSubfield(ctx, act.subfield);
      return;
    }
    case 'push_mpls':
      pushMplsAction(ctx, act.ethertype);
      return;
    case 'pop_mpls':
      popMplsAction(ctx, act.ethertype);
      return;
    case 'set_mpls_label':
      setLse(ctx, 0xfffff000, act.label << 12);
      return;
    case 'set_mpls_tc':
      setLse(ctx, 0xe00, act.tc << 9);
      return;
    case 'set_mpls_ttl':
      setLse(ctx, 0xff, act.ttl);
      return;
    case 'multipath':
      writeMultipath(ctx, act);
      return;
    case 'conjunction':
      report(ctx, 'error', 'executing no-op conjunction action');
      return;
    case 'exit':
      ctx.exit = true;
      return;
    case 'unroll_xlate':
      ctx.table = act.table;
      ctx.ruleCookie = act.cookie;
      report(ctx, 'thaw', `restored state: table=${act.table}, cookie=${sharpHex(act.cookie)}`);
      return;
    case 'fin_timeout':
      exact8(wc, W.nwProto);
      return;
    case 'delete_field':
      if (optionIndex(act.field.mfName) !== undefined) deleteOption(ctx.bridge, flow, act.field);
      report(ctx, 'detail', `delete ${act.field.mfName}`);
      return;
    case 'clear_actions':
      reportActionSet(ctx, 'was');
      clearActionSet(ctx);
      flow[W.actsetOutput] = 0xfff7;
      ctx.actionSetHasGroup = false;
      return;
    case 'write_actions':
      writeActions(ctx, act.actions);
      reportActionSet(ctx, 'is');
      return;
    case 'write_metadata': {
      const high = [Number(act.mask >> 32n), Number(act.metadata >> 32n)] as const;
      const low = [Number(act.mask & 0xffffffffn), Number(act.metadata & 0xffffffffn)] as const;
      [high, low].forEach(([mask, value], i) => {
        flow[W.metadata + i] = ((wordAt(flow, W.metadata + i) & ~mask) | (value & mask)) >>> 0;
      });
      return;
    }
    case 'meter': {
      const meter = meterOf(ctx, act.meter);
      if (meter !== undefined) ctx.dpActions.push({ kind: 'meter', meter });
      return;
    }
    case 'sample':
      sampleAction(ctx, act);
      return;
    case 'encap':
      encapAction(ctx, act);
      return;
    case 'ct_clear':
      if (ctx.conntracked) {
        clearConntrack(ctx);
        if (datapathCan(ctx, 'ctClear')) ctx.dpActions.push({ kind: 'ct_clear' });
      }
      return;
    case 'nat':
      ctx.natAction = act;
      return;
    case 'debug_slow':
      ctx.slow.add('ACTION');
      return;
    case 'unknown':
      report(ctx, 'error', `the action "${act.text}" could not be read; what it does is unknown`);
      ctx.session.notes.add(`the action "${act.text}" could not be read; what the packet does from there on may differ`);
      return;
    default:
      return;
  }
}

function setLse(ctx: Ctx, mask: number, value: number): void {
  if (!isMplsType(wordAt(ctx.flow, W.dlType))) return;
  or(ctx.wc, W.mpls, mask);
  ctx.flow[W.mpls] = ((wordAt(ctx.flow, W.mpls) & ~mask) | (value & mask)) >>> 0;
}

function pushMplsAction(ctx: Ctx, ethertype: number): void {
  const n = mplsLabels(ctx.flow, ctx.wc);
  if (!n) commit(ctx);
  else if (n >= MAX_MPLS_LABELS) {
    tooManyLabels(ctx, "dropping packet on which an MPLS push action can't be performed as it would have more");
    return;
  }
  pushMpls(ctx.flow, n, ethertype, ctx.wc);
}

function popMplsAction(ctx: Ctx, ethertype: number): void {
  const n = mplsLabels(ctx.flow, ctx.wc);
  if (popMpls(ctx.flow, n, ethertype, ctx.wc)) {
    if (!isMplsType(ethertype)) ctx.wasMpls = true;
  } else if (n >= MAX_MPLS_LABELS) {
    tooManyLabels(ctx, "dropping packet on which an MPLS pop action can't be performed as it has more");
    ctx.dpActions.length = 0;
  }
}

function decMplsTtl(ctx: Ctx): Done {
  if (isMplsType(wordAt(ctx.flow, W.dlType))) {
    const lse = wordAt(ctx.flow, W.mpls);
    or(ctx.wc, W.mpls, 0xff);
    if ((lse & 0xff) > 1) {
      ctx.flow[W.mpls] = lse - 1;
      return undefined;
    }
    controllerAction(ctx, 0xffff, 'invalid_ttl', 0, undefined);
  }
  report(ctx, 'warn', 'MPLS decrement TTL exception');
  return 'stop';
}

function decNshTtl(ctx: Ctx): Done {
  if (wordAt(ctx.flow, W.packetType) === PACKET_TYPE.NSH || wordAt(ctx.flow, W.dlType) === ETH_TYPE.NSH) {
    exact8(ctx.wc, W.nshTtl);
    if (wordAt(ctx.flow, W.nshTtl) > 1) {
      ctx.flow[W.nshTtl] = wordAt(ctx.flow, W.nshTtl) - 1;
      return undefined;
    }
    controllerAction(ctx, 0xffff, 'invalid_ttl', 0, undefined);
  }
  report(ctx, 'warn', 'NSH decrement TTL exception');
  return 'stop';
}

function writeMultipath(ctx: Ctx, act: OfpAct & { kind: 'multipath' }): void {
  const link = multipathLink(act, ctx.flow, ctx.wc);
  lookAtBits(ctx.bridge, ctx.wc, act.dst);
  writeBits(ctx.bridge, ctx.flow, act.dst, BigInt(link) & ones(act.dst.bits));
  reportSubfield(ctx, act.dst);
}

/** Translates what follows twice: for packets that are longer, and for those that are not. */
function checkPktLarger(ctx: Ctx, act: OfpAct & { kind: 'check_pkt_larger' }, rest: readonly XlateAct[]): Done {
  const { follower } = ctx.session;
  if (follower) {
    writeBits(ctx.bridge, ctx.flow, act.dst, follower.isLonger(ctx, act.length) ? 1n : 0n);
    return undefined;
  }
  if (!datapathCan(ctx, 'checkPktLen')) {
    const larger = ctx.packetLength !== undefined && ctx.packetLength > act.length;
    writeBits(ctx.bridge, ctx.flow, act.dst, larger ? 1n : 0n);
    ctx.slow.add('ACTION');
    return undefined;
  }
  const saved = { stack: ctx.stack, actionSet: ctx.actionSet, flow: ctx.flow.slice() };
  commit(ctx);
  const base = ctx.baseFlow.slice();
  const { wasMpls, conntracked, dpActions, enclosingBytes } = ctx;
  // The action itself, the length that it asks for, and the list of what follows.
  ctx.enclosingBytes += netlinkSize(dpActions) + 4 + 8 + 4;
  // The switch copies the stack and the action set once: what longer packets take out of them, the others miss.
  ctx.stack = [...saved.stack];
  ctx.actionSet = [...saved.actionSet];
  const branch = (bit: bigint) => {
    ctx.dpActions = [];
    writeBits(ctx.bridge, ctx.flow, act.dst, bit);
    runActions(rest, ctx, true, false);
    if (!ctx.freezing) runActionSet(ctx);
    if (ctx.freezing) finishFreezing(ctx);
    ctx.baseFlow = base.slice();
    ctx.wasMpls = wasMpls;
    ctx.conntracked = conntracked;
    ctx.flow = saved.flow.slice();
    return ctx.dpActions;
  };
  const greater = branch(1n);
  const exit = ctx.exit;
  ctx.exit = false;
  ctx.enclosingBytes += netlinkSize(greater) + 4;
  const lessEqual = branch(0n);
  ctx.dpActions = dpActions;
  ctx.enclosingBytes = enclosingBytes;
  ctx.dpActions.push({ kind: 'check_pkt_len', length: act.length, greater, lessEqual });
  ctx.stack = saved.stack;
  ctx.actionSet = saved.actionSet;
  ctx.exit = exit;
  return 'leave';
}
