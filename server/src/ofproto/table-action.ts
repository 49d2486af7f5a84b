import { netlinkSize } from '../datapath/netlink-size';
import { formatMatch } from '../openflow/format-match';
import { meet, portNames, report, sharpHex, triggerFreeze, type Ctx, type RunActions } from './context';
import { tlvsOf } from './fields';
import { actionsOf, cookieOf, ruleFor, type RuleRef } from './tables';
import type { TraceNode } from './trace-node';
import { wordAt, type FlowWords, W } from '../packet/flow-words';
import { ETH_TYPE, IP_PROTO, isIpAny } from '../packet/protocols';

/** How deep resubmits may nest, and how many there may be in all (ovs-actions(7), "resubmit"). */
export const MAX_DEPTH = 64;
export const MAX_RESUBMITS = MAX_DEPTH * MAX_DEPTH;

/** Whether the translation may go on: the switch's own limits, in its own words. */
export function withinLimits(ctx: Ctx): boolean {
  if (ctx.depth >= MAX_DEPTH) {
    report(ctx, 'error', `over max translation depth ${MAX_DEPTH}`);
    ctx.error = 'Recursion too deep';
  } else if (ctx.resubmits >= MAX_RESUBMITS) {
    report(ctx, 'error', `over ${MAX_RESUBMITS} resubmit actions`);
    ctx.error = 'Too many resubmits';
  } else if (actionBytes(ctx) > 0xffff) {
    report(ctx, 'error', 'resubmits yielded over 64 kB of actions');
    ctx.exit = true;
  } else if (ctx.stack.reduce((size, item) => size + item.bytes + 1, 0) >= 65536) {
    report(ctx, 'error', 'resubmits yielded over 64 kB of stack');
    ctx.error = 'Stack too deep';
  } else {
    return true;
  }
  return false;
}

/** Bytes that the actions so far take, those that these are nested in as well. */
function actionBytes({ dpActions, enclosingBytes }: Ctx): number {
  return enclosingBytes + netlinkSize(dpActions);
}

/** What a switch that reaches its controller in-band has flows of its own for (ovs-vswitchd(8), in-band control). */
function mayBeForController(packet: FlowWords): boolean {
  const type = wordAt(packet, W.dlType);
  const proto = wordAt(packet, W.nwProto);
  return type === ETH_TYPE.ARP || (type === ETH_TYPE.IP && (proto === IP_PROTO.TCP || proto === IP_PROTO.UDP));
}

/** Reports the flow that was hit; what it does is reported below it. */
export function reportTable(ctx: Ctx, ref: RuleRef, table: number, packet: FlowWords): TraceNode & { kind: 'table' } {
  const originalBridge = ctx.session.originalBridge;
  const number = String(table).padStart(2, ' ');
  let text: string;
  if (ref.kind === 'flow') {
    if (ref.rule.match.tunMetadata.length > 0) meet(ctx, 'tlv-map');
    const match = formatMatch(ref.rule.match, { ports: portNames(ctx), tlv: tlvsOf(ctx.bridge) });
    text = `${number}. ${match}${match === '' ? '' : ', '}priority ${ref.rule.priority}`;
    if (ref.rule.cookie !== 0n) text += `, cookie ${sharpHex(ref.rule.cookie)}`;
  } else if (ctx.bridge.name !== originalBridge) {
    // The switch compares with the first bridge's own rules only, and prints another bridge's as they are kept.
    text = `${number}. reg0=${sharpHex(ref.id)}, priority 0`;
  } else if (ref.kind === 'miss') {
    text = `${number}. No match, and a "packet-in" is called for.`;
  } else if (ref.kind === 'no-packet-in') {
    text = `${number}. No match.`;
  } else {
    text = `${number}. Packets are IP fragments and the fragment handling mode is "drop".`;
  }
  const node: TraceNode & { kind: 'table' } = {
    kind: 'table',
    bridge: ctx.bridge.name,
    table,
    rule: ref.kind === 'flow' ? ref.rule : undefined,
    also: ref.kind === 'flow' ? ref.also : [],
    packet,
    text,
    nodes: [],
  };
  ctx.trace.push(node);
  if (table === 0 && mayBeForController(packet)) meet(ctx, 'own-flows');
  const trouble = ctx.bridge.rules.trouble(table);
  if (trouble) ctx.session.notes.add(trouble);
  if (node.also.length > 0) {
    ctx.session.notes.add(
      `bridge ${ctx.bridge.name}, table ${table}: ${node.also.length + 1} flows of priority ${node.rule?.priority ?? 0} match; ` +
        'which one the switch takes is undefined',
    );
  }
  return node;
}

function swap(flow: FlowWords, a: number, b: number, words = 1): void {
  for (let i = 0; i < words; i++) {
    const value = wordAt(flow, a + i);
    flow[a + i] = wordAt(flow, b + i);
    flow[b + i] = value;
  }
}

function swapTuple(flow: FlowWords, ipv4: boolean): void {
  swap(flow, W.nwProto, W.ctNwProto);
  if (ipv4) {
    swap(flow, W.nwSrc, W.ctNwSrc);
    swap(flow, W.nwDst, W.ctNwDst);
  } else {
    swap(flow, W.ipv6Src, W.ctIpv6Src, 4);
    swap(flow, W.ipv6Dst, W.ctIpv6Dst, 4);
  }
  swap(flow, W.tpSrc, W.ctTpSrc);
  swap(flow, W.tpDst, W.ctTpDst);
}

/** Looks the packet up in a table, as if it had come in by `inPort`, and does what the flow says. */
export function tableAction(
  ctx: Ctx,
  inPort: number,
  table: number,
  mayPacketIn: boolean,
  withCtOrig: boolean,
  isLast: boolean,
  run: RunActions,
): void {
  if (ctx.wasMpls) {
    triggerFreeze(ctx);
    return;
  }
  if (!withinLimits(ctx)) return;
  const oldTable = ctx.table;
  ctx.table = table;
  const ipv4 = wordAt(ctx.flow, W.dlType) === ETH_TYPE.IP;
  if (withCtOrig) {
    if (wordAt(ctx.flow, W.ctNwProto) === 0 || !isIpAny(ctx.flow)) {
      report(ctx, 'error', 'resubmit(ct) with non-tracked or non-IP packet!');
      ctx.table = oldTable;
      return;
    }
    swapTuple(ctx.flow, ipv4);
    swapTuple(ctx.wc, ipv4);
  }
  const ref = ruleFor(ctx.session.tables, ctx.bridge, table, ctx.flow, ctx.wc, inPort, mayPacketIn, ctx.tablesVersion);
  const packet = ctx.flow.slice();
  packet[W.inPort] = inPort;
  if (withCtOrig) {
    swapTuple(ctx.flow, ipv4);
    swapTuple(ctx.wc, ipv4);
  }
  const oldTrace = ctx.trace;
  const outer = ctx.node;
  if (outer) outer.after ??= ctx.flow.slice();
  const node = reportTable(ctx, ref, table, packet);
  ctx.node = node;
  ctx.trace = node.nodes;
  const oldRule = ctx.rule;
  const oldCookie = ctx.ruleCookie;
  const deepens = table <= oldTable ? 1 : 0;
  ctx.resubmits++;
  ctx.depth += deepens;
  ctx.rule = ref;
  ctx.ruleCookie = cookieOf(ref);
  if (ctx.session.follower?.table(ctx, node, ref) === false) ctx.exit = true;
  else run(actionsOf(ref), ctx, isLast, false);
  node.after ??= ctx.flow.slice();
  ctx.node = outer;
  ctx.ruleCookie = oldCookie;
  ctx.rule = oldRule;
  ctx.depth -= deepens;
  ctx.trace = oldTrace;
  ctx.table = oldTable;
}
