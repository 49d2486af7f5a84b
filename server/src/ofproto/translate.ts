import type { DpAction } from '../datapath/dp-action';
import { netlinkSize } from '../datapath/netlink-size';
import { formatActions } from '../openflow/format-actions';
import { OFPP, type OfpAct } from '../openflow/ofpact';
import { runActionSet, writeActions } from './action-set';
import { runActions } from './actions';
import { bundleOf, forwards, isMirrorOutput } from './bundles';
import {
  cancelFreeze,
  meet,
  portOf,
  report,
  reportBridge,
  type Ctx,
  type FrozenState,
  type Session,
  type SlowReason,
  type XlateAct,
  type XlateError,
} from './context';
import { finishFreezing } from './freeze';
import { clearConntrack, composeOutput, mayReceive, mirrorIngress } from './output';
import { restoreMetadata } from './recirculation';
import { finishSflow, sampleInput } from './sampling';
import { processSpecial } from './special';
import type { Bridge } from './switch';
import { reportTable } from './table-action';
import { actionsOf, cookieOf, ruleFor } from './tables';
import type { TraceNode } from './trace-node';
import { cameByTunnel, lookAtTunnel, processEcn } from './tunnel-send';
import { wordAt, emptyFlow, exact16, exact8, type FlowWords, or, W, writeMac } from '../packet/flow-words';
import {
  CT_STATE,
  ETH_TYPE,
  FRAG,
  IP_PROTO,
  isIcmpv4,
  isIcmpv6,
  isIpAny,
  isMplsType,
  isVlanType,
  PACKET_TYPE,
} from '../packet/protocols';
import { clearTunnel, TUNNEL_END, tunnelDst } from './headers';

export interface Translation {
  readonly nodes: readonly TraceNode[];
  /** The packet when it was first looked at, and when the first bridge was done with it. */
  readonly initialFlow: FlowWords;
  readonly finalFlow: FlowWords;
  readonly wc: FlowWords;
  readonly actions: readonly DpAction[];
  readonly error: XlateError | undefined;
  readonly slow: readonly SlowReason[];
}

/** What a packet always shows: its port, its type, whether it is a fragment, and the tunnel that it came by. */
function initialWc(flow: FlowWords): FlowWords {
  const wc = emptyFlow();
  wc[W.packetType] = 0xffffffff;
  wc[W.inPort] = 0xffff;
  wc[W.dlType] = 0xffff;
  if (isIpAny(flow)) or(wc, W.nwFrag, 3);
  wc[W.recircId] = 0xffffffff;
  lookAtTunnel(flow, wc);
  return wc;
}

/** Takes out of the megaflow what a datapath does not match, and what the packet did not have when it came. */
function finishWc(ctx: Ctx): void {
  const { wc, flow, upcallFlow } = ctx;
  wc.fill(0, W.metadata, W.metadata + 2);
  wc.fill(0, W.reg, W.reg + 16);
  wc[W.actsetOutput] = 0;
  wc[W.conjId] = 0;
  if (wordAt(upcallFlow, W.packetType) !== PACKET_TYPE.ETH) {
    writeMac(wc, W.dlDst, 0n);
    writeMac(wc, W.dlSrc, 0n);
  }
  if (isIcmpv4(flow) || isIcmpv6(flow)) {
    wc[W.tpSrc] = wordAt(wc, W.tpSrc) & 0xff;
    wc[W.tpDst] = wordAt(wc, W.tpDst) & 0xff;
  }
  for (const word of [W.vlan0, W.vlan1]) if (wordAt(wc, word) & 0xffff) or(wc, word, 0x1000);
  if (wordAt(flow, W.nwFrag) & FRAG.LATER) {
    wc[W.tpSrc] = 0;
    wc[W.tpDst] = 0;
  }
  if (!isMplsType(wordAt(upcallFlow, W.dlType))) wc.fill(0, W.mpls, W.mpls + 3);
  for (const word of [W.vlan0, W.vlan1]) if (!isVlanType(wordAt(upcallFlow, word) >>> 16)) wc[word] = 0;
  if (!cameByTunnel(upcallFlow)) wc.fill(0, 0, TUNNEL_END);
}

/** A trailing clone needs none: what it does can be done to the packet itself. */
function unwrapLastClone(actions: DpAction[]): void {
  const last = actions.at(-1);
  if (last?.kind === 'clone') actions.splice(-1, 1, ...last.actions);
}

function resume(ctx: Ctx, state: FrozenState): XlateAct[] | undefined {
  const oldTrace = ctx.trace;
  ctx.trace = report(ctx, 'thaw', 'thaw');
  const bridge = ctx.session.sw.bridges.get(state.bridge);
  if (!bridge) {
    report(ctx, 'error', 'Frozen bridge no longer exists.');
    ctx.error = 'Bridge not found';
    ctx.trace = oldTrace;
    return undefined;
  }
  ctx.bridge = bridge;
  ctx.tablesVersion = ctx.session.tables.version(bridge);
  ctx.table = state.table;
  report(ctx, 'thaw', `Resuming from table ${state.table}`);
  ctx.conntracked = state.conntracked;
  if (!state.conntracked) clearConntrack(ctx);
  restoreMetadata(ctx.flow, state.flow);
  ctx.stack = [...state.stack];
  ctx.mirrors = new Set(state.mirrors);
  if (state.actionSet.length > 0) {
    report(ctx, 'thaw', `Restoring action set: ${formatActions(state.actionSet)}`);
    ctx.flow[W.actsetOutput] = OFPP.UNSET;
    writeActions(ctx, state.actionSet);
  }
  const actions = [...state.actions];
  if (actions.length > 0) {
    const known = actions.filter((act): act is OfpAct => act.kind !== 'unroll_xlate');
    report(ctx, 'thaw', `Restoring actions: ${formatActions(known)}`);
  }
  ctx.trace = oldTrace;
  return actions;
}

export interface TranslateOptions {
  readonly names: boolean;
  /** Length in bytes of the packet that was given; the trace then has side effects, as in the switch. */
  readonly packetLength: number | undefined;
  readonly generate: boolean;
}

/** Translates a packet at a bridge into datapath actions, as `ovs-vswitchd` does, and reports every step. */
export function translate(session: Session, bridge: Bridge, packet: FlowWords, options: TranslateOptions): Translation {
  const flow = packet.slice();
  flow[W.actsetOutput] = OFPP.UNSET;
  const recircId = wordAt(flow, W.recircId);
  const state = recircId ? session.frozen.get(recircId) : undefined;
  const baseFlow = flow.slice();
  clearTunnel(baseFlow);
  const nodes: TraceNode[] = [];
  const ctx: Ctx = {
    session,
    bridge,
    flow,
    upcallFlow: packet,
    baseFlow,
    origTunnelDst: tunnelDst(packet),
    wc: initialWc(flow),
    enclosingBytes: 0,
    sflowOutputs: { count: 0, port: undefined },
    dpActions: [],
    stack: [],
    actionSet: [],
    actionSetHasGroup: false,
    inActionSet: false,
    rule: undefined,
    ruleCookie: 0xffffffffffffffffn,
    table: 0,
    tablesVersion: session.tables.version(bridge),
    depth: 0,
    resubmits: 0,
    exit: false,
    error: undefined,
    mirrors: new Set(),
    mirrorSnaplen: 0,
    freezing: false,
    thawed: state !== undefined,
    hash: undefined,
    frozenActions: [],
    unroll: undefined,
    pause: undefined,
    wasMpls: false,
    conntracked: false,
    natAction: undefined,
    pendingEncap: false,
    pendingDecap: false,
    encapData: undefined,
    slow: new Set(),
    allowSideEffects: options.generate || options.packetLength !== undefined,
    packetLength: options.packetLength,
    names: options.names,
    node: undefined,
    trace: nodes,
    run: runActions,
  };
  const initialFlow = flow.slice();
  const sent = run(ctx, state, recircId);
  const error = ctx.error;
  if (error !== undefined) sent.length = 0;
  else unwrapLastClone(sent);
  if (sent.length === 0 && session.sw.datapath.explicitDrop) sent.push({ kind: 'drop', reason: 0 });
  return {
    nodes,
    initialFlow,
    finalFlow: ctx.flow,
    wc: ctx.wc,
    actions: sent,
    error: error === 'Congestion Drop' || error === 'Forwarding is disabled' ? undefined : error,
    slow: error === undefined ? [...ctx.slow] : [],
  };
}

function run(ctx: Ctx, state: FrozenState | undefined, recircId: number): DpAction[] {
  const sent = ctx.dpActions;
  ctx.trace = reportBridge(ctx, ctx.bridge.name);
  const firstBridge = ctx.bridge;
  let actions: readonly XlateAct[] | undefined;
  if (state) {
    actions = resume(ctx, state);
    if (!actions) return sent;
    if (actions.length === 0) actions = undefined;
  } else if (recircId) {
    report(ctx, 'error', `Recirculation context not found for ID ${recircId.toString(16)}`);
    ctx.error = 'No recirculation context';
    return sent;
  } else if (wordAt(ctx.flow, W.ctState) & CT_STATE.TRK) {
    ctx.conntracked = true;
  }

  const inPort = firstBridge.ports.get(wordAt(ctx.baseFlow, W.inPort));
  if (wordAt(ctx.flow, W.packetType) !== PACKET_TYPE.ETH && inPort?.tunnel?.packetType === 'legacy_l3' && ctx.table === 0) {
    ctx.flow[W.packetType] = PACKET_TYPE.ETH;
    writeMac(ctx.flow, W.dlSrc, 0n);
    writeMac(ctx.flow, W.dlDst, 0n);
    ctx.pendingEncap = true;
  }
  if (!actions) {
    const { session, bridge, table, flow, wc } = ctx;
    const ref = ruleFor(session.tables, bridge, table, flow, wc, wordAt(flow, W.inPort), true, ctx.tablesVersion);
    ctx.rule = ref;
    const node = reportTable(ctx, ref, table, flow.slice());
    ctx.node = node;
    ctx.trace = node.nodes;
    actions = actionsOf(ref);
    if (ctx.session.follower?.table(ctx, node, ref) === false) return sent;
  }
  if (!state && processSpecial(ctx, inPort)) {
    mirrorIngress(ctx);
  } else if (inPort && isMirrorBundle(firstBridge, inPort.ofport)) {
    const name = bundleOf(firstBridge, inPort.ofport)?.name ?? inPort.name;
    report(ctx, 'error', `dropping packet received on port ${name}, which is reserved exclusively for mirroring`);
  } else {
    noteMissingPort(ctx);
    if (!state) sampleInput(ctx);
    const sampled = sent.length;
    if (!processEcn(ctx.flow)) {
      ctx.error = 'Congestion Drop';
    } else if (!inPort || mayReceive(ctx, inPort)) {
      if (ctx.rule) ctx.ruleCookie = cookieOf(ctx.rule);
      mirrorIngress(ctx);
      runActions(actions, ctx, true, false);
      if (ctx.error !== undefined) return sent;
      if (inPort && !forwards(firstBridge, inPort)) {
        sent.length = sampled;
        cancelFreeze(ctx);
        ctx.actionSet = [];
        ctx.error = 'Forwarding is disabled';
      }
      if (!ctx.freezing) runActionSet(ctx);
      if (ctx.freezing) finishFreezing(ctx);
    }
    if (!ctx.freezing) outputInBand(ctx);
    if (!state && firstBridge.sflow !== undefined) finishSflow(ctx, firstBridge.sflow, sent);
  }
  if (isTooMuch(sent)) ctx.slow.add('ACTION');
  if (ctx.node) ctx.node.after ??= ctx.flow.slice();
  finishWc(ctx);
  return sent;
}

/** What the switch's own host needs to find a controller that it reaches through the bridge: answers of DHCP come to it in any case. */
function outputInBand(ctx: Ctx): void {
  const { flow, wc } = ctx;
  if (wordAt(flow, W.dlType) !== ETH_TYPE.IP || wordAt(flow, W.nwProto) !== IP_PROTO.UDP) return;
  if (wordAt(flow, W.tpSrc) !== 67 || wordAt(flow, W.tpDst) !== 68) return;
  if (!ctx.bridge.inBand) {
    meet(ctx, 'controller');
    return;
  }
  const local = portOf(ctx, OFPP.LOCAL)?.odpPort;
  if (ctx.dpActions.some((action) => action.kind === 'output' && action.port === local)) return;
  exact8(wc, W.nwProto);
  exact16(wc, W.tpSrc);
  exact16(wc, W.tpDst);
  exact16(wc, W.dlType);
  report(ctx, 'detail', 'outputting DHCP packet to local port for in-band control');
  composeOutput(ctx, OFPP.LOCAL, { isLast: false });
}

/** Bytes of actions that one netlink attribute can hold. */
const MAX_ATTRIBUTE = 0xffff - 4;
/** Packets that a kernel queues before it drops them: `net.core.netdev_max_backlog` unless it was changed. */
const MAX_BACKLOG = 1000;

/** Whether there are more actions, or more copies, than a datapath is trusted with at once: the switch then does them one by one. */
function isTooMuch(actions: readonly DpAction[]): boolean {
  if (netlinkSize(actions) > MAX_ATTRIBUTE) return true;
  return (
    actions.length > MAX_BACKLOG && actions.filter(({ kind }) => kind === 'output' || kind === 'lb_output').length > MAX_BACKLOG
  );
}

function isMirrorBundle(bridge: Bridge, ofport: number): boolean {
  const bundle = bundleOf(bridge, ofport);
  return bundle !== undefined && isMirrorOutput(bridge, bundle);
}

function noteMissingPort(ctx: Ctx): void {
  if (ctx.thawed) return;
  if (portOf(ctx, wordAt(ctx.flow, W.inPort)) === undefined && wordAt(ctx.flow, W.inPort) < OFPP.MAX) {
    ctx.session.notes.add(`bridge ${ctx.bridge.name} has no port ${wordAt(ctx.flow, W.inPort)} in the captures`);
  }
}
