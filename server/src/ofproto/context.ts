import type { DpAction } from '../datapath/dp-action';
import { getField } from '../openflow/field-access';
import { formatFieldValue, formatSubfield } from '../openflow/format-field';
import { nameMap, type NameMap } from '../openflow/names';
import type { CtAct, MfSubfield, NatAct, OfpAct } from '../openflow/ofpact';
import { readBits, tlvsOf } from './fields';
import type { Bridge, Bucket, Group, Port, Rule, Switch, Unseen, UnseenOfSwitch } from './switch';
import type { TraceNode } from './trace-node';
import type { RuleRef, Tables } from './tables';
import type { FlowWords } from '../packet/flow-words';

/** Why a translation failed, in Open vSwitch's words. */
export type XlateError =
  | 'Bridge not found'
  | 'Recursion too deep'
  | 'Too many resubmits'
  | 'Stack too deep'
  | 'No recirculation context'
  | 'Recirculation conflict'
  | 'Too many MPLS labels'
  | 'Invalid tunnel metadata'
  | 'Unsupported packet type'
  | 'Congestion Drop'
  | 'Forwarding is disabled';

/** An action, or the marker that a frozen translation leaves behind to restore the table and cookie that it was in. */
export type XlateAct = OfpAct | { readonly kind: 'unroll_xlate'; readonly table: number; readonly cookie: bigint };

export interface StackItem {
  readonly value: bigint;
  readonly bytes: number;
}

/** What a translation keeps while the packet goes through the datapath and comes back (recirculation). */
export interface FrozenState {
  readonly bridge: string;
  readonly table: number;
  /** Tunnel, metadata, registers and in_port; the other words do not count. */
  readonly flow: FlowWords;
  readonly stack: readonly StackItem[];
  readonly mirrors: ReadonlySet<string>;
  readonly conntracked: boolean;
  readonly actions: readonly XlateAct[];
  readonly actionSet: readonly OfpAct[];
  /** The port that it came by, of a packet that the datapath sends back; one that a controller gets is kept without. */
  readonly receivedBy: number | undefined;
  /** Of a packet that goes to a controller, if it has any. */
  readonly userdata?: readonly number[];
}

/** A packet that comes back from connection tracking, still to be traced. */
export interface RecircNode {
  readonly id: number;
  readonly flow: FlowWords;
  readonly nat: NatAct | undefined;
}

/**
 * Somebody who follows packets further than one switch: he takes over what leaves the bridge, decides by what he knows of
 * connections, and is told of every flow that is hit. Without one, a translation is the switch's own.
 */
export interface Follower {
  /** A flow was hit, or (`rule` undefined) none was. False: what happens in that table is not known, and the translation ends. */
  readonly table: (ctx: Ctx, node: TraceNode & { kind: 'table' }, ref: RuleRef) => boolean;
  /** The packet leaves by a port, whose name may be all that is known of it. */
  readonly output: (ctx: Ctx, ofport: number | string) => void;
  readonly normal: (ctx: Ctx) => void;
  readonly controller: (ctx: Ctx, userdata: readonly number[] | undefined) => void;
  /** Before the packet is handed to connection tracking. */
  readonly track: (ctx: Ctx, act: CtAct, zone: number) => void;
  readonly learned: (ctx: Ctx, rule: Omit<Rule, 'index'>) => void;
  /** The hash of the packet decides among these buckets, and only the datapath knows it. */
  readonly select: (ctx: Ctx, group: Group, live: readonly Bucket[]) => void;
  /** A group that no capture shows, though there may be one. */
  readonly unseenGroup: (ctx: Ctx, id: number) => void;
  /** Of the ports that a bundle or a group chooses from, none can carry packets. */
  readonly noneLive: (ctx: Ctx, what: string, ports: readonly number[]) => void;
  /** Whether the frame is longer than so many bytes. */
  readonly isLonger: (ctx: Ctx, bytes: number) => boolean;
}

/** What the parts of one trace share: recirculation ids, learned flows and MAC addresses. */
export interface Session {
  readonly sw: Switch;
  readonly tables: Tables;
  /** The bridge that the trace began in. */
  readonly originalBridge: string;
  readonly frozen: Map<number, FrozenState>;
  readonly frozenIds: Map<string, number>;
  nextRecircId: number;
  readonly recircQueue: RecircNode[];
  /** With side effects: MAC addresses that NORMAL learned, by bridge. */
  readonly learnedMacs: Map<string, Map<string, string>>;
  readonly follower?: Follower;
  /** Sentences on what captures can't tell. */
  readonly notes: Set<string>;
}

/** One translation: what `ofproto-dpif-xlate` keeps per packet. Mutable, and short-lived. */
export interface Ctx {
  readonly session: Session;
  bridge: Bridge;
  /** The packet as it changes. */
  flow: FlowWords;
  /** The packet as it came. */
  readonly upcallFlow: FlowWords;
  /** The packet as the datapath has it: what has been committed so far. */
  baseFlow: FlowWords;
  readonly origTunnelDst: readonly number[];
  /** Bits looked at: the megaflow. */
  wc: FlowWords;
  dpActions: DpAction[];
  /** Bytes of what the list stands in, up to itself. */
  enclosingBytes: number;
  /** By how many ports the packet left, and by which last. */
  sflowOutputs: { readonly count: number; readonly port: Port | undefined };
  stack: StackItem[];
  actionSet: OfpAct[];
  actionSetHasGroup: boolean;
  inActionSet: boolean;
  rule: RuleRef | undefined;
  ruleCookie: bigint;
  table: number;
  depth: number;
  resubmits: number;
  exit: boolean;
  error: XlateError | undefined;
  mirrors: Set<string>;
  mirrorSnaplen: number;
  /** The version of the bridge's tables that lookups see. */
  tablesVersion: number;
  freezing: boolean;
  readonly thawed: boolean;
  hash: { readonly algorithm: 'l4' | 'sym_l4'; readonly basis: number } | undefined;
  frozenActions: XlateAct[];
  /** The last unroll marker in `frozenActions`. */
  unroll: { readonly table: number; readonly cookie: bigint } | undefined;
  pause: (OfpAct & { kind: 'controller' }) | undefined;
  wasMpls: boolean;
  conntracked: boolean;
  natAction: NatAct | undefined;
  pendingEncap: boolean;
  pendingDecap: boolean;
  encapData: readonly number[] | undefined;
  readonly slow: Set<SlowReason>;
  allowSideEffects: boolean;
  /** Length in bytes of the packet that was given; undefined for a flow alone. */
  packetLength: number | undefined;
  readonly names: boolean;
  /** The table that is at work. */
  node: (TraceNode & { kind: 'table' }) | undefined;
  /** Where reports go: the children of the node at hand. */
  trace: TraceNode[];
  /** Runs a list of actions; here so that the files of this folder need not import each other in a circle. */
  readonly run: RunActions;
}

export type RunActions = (actions: readonly XlateAct[], ctx: Ctx, isLast: boolean, groupBucket: boolean) => void;

export type SlowReason = 'CFM' | 'BFD' | 'LACP' | 'STP' | 'LLDP' | 'ACTION' | 'MATCH';

type Leaf = 'action-set' | 'bucket' | 'thaw' | 'action' | 'detail' | 'warn' | 'error';

/** Adds a line to the trace; returns the list that its children go to. */
export function report(ctx: Ctx, kind: Leaf, text: string): TraceNode[] {
  const node: TraceNode = { kind, text, nodes: [] };
  ctx.trace.push(node);
  return node.nodes;
}

/** The packet met a part of the bridge that decides about it: says so where no capture tells of that part. */
export function meet(ctx: Ctx, part: Unseen): void {
  const sentence = ctx.bridge.unseen.get(part);
  if (sentence !== undefined) ctx.session.notes.add(sentence);
}

/** The same for what all bridges of the switch share. */
export function meetSwitch({ session }: Ctx, part: UnseenOfSwitch): void {
  const sentence = session.sw.unseen.get(part);
  if (sentence !== undefined) session.notes.add(sentence);
}

/** Whether the datapath knows an action, and says so where no capture tells. */
export function datapathCan(ctx: Ctx, what: 'clone' | 'ctClear' | 'checkPktLen' | 'addMpls' | 'truncation'): boolean {
  meetSwitch(ctx, 'datapath-actions');
  return ctx.session.sw.datapath[what];
}

export function reportBridge(ctx: Ctx, bridge: string): TraceNode[] {
  const node: TraceNode = { kind: 'bridge', bridge, text: `bridge("${bridge}")`, nodes: [] };
  ctx.trace.push(node);
  return node.nodes;
}

/** `NXM_NX_REG0[] is now 0x1`. */
export function reportSubfield(ctx: Ctx, subfield: MfSubfield): void {
  const { field, ofs, bits } = subfield;
  const value =
    ofs === 0 && bits >= field.bits
      ? formatFieldValue(field, getField(field, ctx.flow, tlvsOf(ctx.bridge)))
      : hex(readBits(ctx.bridge, ctx.flow, subfield));
  report(ctx, 'detail', `${formatSubfield(subfield, tlvsOf(ctx.bridge))} is now ${value}`);
}

/** `0x1f`, and `0` for nothing. */
export function hex(value: bigint): string {
  return value === 0n ? '0' : `0x${value.toString(16)}`;
}

/** `%#x`. */
export function sharpHex(value: number | bigint): string {
  return BigInt(value) === 0n ? '0' : `0x${value.toString(16)}`;
}

export function portOf(ctx: Ctx, ofport: number): Port | undefined {
  return ctx.bridge.ports.get(ofport);
}

/** How ports are printed: by name where names were asked for. */
export function portNames(ctx: Ctx): NameMap | undefined {
  return ctx.names ? namesOf(ctx.bridge) : undefined;
}

const names = new WeakMap<Bridge, NameMap>();

/** The names of a bridge's ports by number. */
export function namesOf(bridge: Bridge): NameMap {
  let map = names.get(bridge);
  if (!map) names.set(bridge, (map = nameMap([...bridge.ports.values()].map((port) => [port.ofport, port.name]))));
  return map;
}

export function triggerFreeze(ctx: Ctx): void {
  ctx.exit = true;
  ctx.freezing = true;
}

export function cancelFreeze(ctx: Ctx): void {
  if (!ctx.freezing) return;
  ctx.freezing = false;
  ctx.hash = undefined;
  ctx.frozenActions = [];
  ctx.unroll = undefined;
  ctx.pause = undefined;
}
