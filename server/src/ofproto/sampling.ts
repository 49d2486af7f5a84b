import type { DpAction, UserspaceCookie } from '../datapath/dp-action';
import { commitOdpTunnelAction } from '../datapath/commit';
import { wordAt, type FlowWords, W } from '../packet/flow-words';
import { VLAN_CFI } from '../packet/protocols';
import { commit } from './commit';
import { portOf, report, type Ctx } from './context';
import { tlvsOf } from './fields';
import { TUNNEL_END } from './headers';
import type { Port, Tunnel } from './switch';
import { prepareTunnel } from './tunnel-send';
import type { OfpAct } from '../openflow/ofpact';

/** Every packet, out of 2^32 - 1. */
const ALWAYS = 0xffffffff;
const NO_PORT = 0xffffffff;

/** How many of 2^32 - 1 packets are sampled where the database says one of `rate`; 400 where it says nothing (ovs-vswitchd.conf.db(5)). */
export function samplingProbability(rate: number | undefined): number {
  return Math.max(1, Math.floor(ALWAYS / (rate === undefined || rate < 1 ? 400 : rate)));
}

/** A copy of some packets to ovs-vswitchd, which tells the collector. `actions`: with the datapath actions that follow. */
function sample(
  probability: number,
  cookie: UserspaceCookie,
  more: { readonly actions?: true; readonly tunnelOutPort?: number } = {},
): DpAction {
  const upcall: DpAction = { kind: 'userspace', pid: 0, cookie, ...more };
  return probability === ALWAYS ? upcall : { kind: 'sample', probability, actions: [upcall] };
}

/** What bridges with sFlow and IPFIX do with a packet that comes in. What sFlow is told is only known at the end. */
export function sampleInput(ctx: Ctx): void {
  const { sflow, ipfix } = ctx.bridge;
  if (sflow !== undefined) ctx.dpActions.push(sflowSample(sflow, 0, 0));
  if (ipfix !== undefined) ctx.dpActions.push(sample(ipfix, { kind: 'ipfix', outputPort: NO_PORT }));
}

/** IPFIX samples packets once more as they leave. */
export function sampleOutput(ctx: Ctx, { tunnel }: Port, outputPort: number): void {
  const { ipfix } = ctx.bridge;
  if (ipfix === undefined) return;
  ctx.dpActions.push(sample(ipfix, { kind: 'ipfix', outputPort }, tunnel ? { tunnelOutPort: outputPort } : {}));
}

function sflowSample(probability: number, tci: number, output: number): DpAction {
  const vlan = tci & VLAN_CFI ? tci : 0;
  return sample(probability, { kind: 'sflow', vid: vlan & 0xfff, pcp: vlan >>> 13, output }, { actions: true });
}

/**
 * Tells sFlow by which ports the packet left: one by its interface's index, more by their count; what is dropped is told as dropped
 * for an unknown reason (sFlow version 5, "Input/output port information").
 */
export function finishSflow(ctx: Ctx, probability: number, sent: DpAction[]): void {
  const { count, port } = ctx.sflowOutputs;
  const index = count === 1 ? port?.ifindex : undefined;
  if (count === 1 && port && index === undefined)
    ctx.session.notes.add(
      `sFlow is told ports by the index of their interfaces, which no capture tells of ${port.name} (ovs-vsctl list interface ${port.name})`,
    );
  const output = count === 0 ? 0x40000100 : index !== undefined && index > 0 ? index : 0x80000000 + count;
  sent[0] = sflowSample(probability, wordAt(ctx.baseFlow, W.vlan0) & 0xffff, output);
}

/** The sample action: a copy of some packets to the IPFIX collectors of a set, where the bridge has any (ovs-actions(7), "sample"). */
export function sampleAction(ctx: Ctx, act: OfpAct & { kind: 'sample' }): void {
  const { flowSampling, ipfix } = ctx.bridge;
  if (flowSampling === undefined)
    ctx.session.notes.add(
      `whether sample() has collectors on bridge ${ctx.bridge.name} is not captured (ovs-vsctl list Flow_Sample_Collector_Set); none are assumed`,
    );
  if (!flowSampling && ipfix === undefined) return;
  let outputPort = NO_PORT;
  const asked = typeof act.samplingPort === 'number' ? act.samplingPort : undefined;
  let leavesBy: Port | undefined;
  if (asked !== undefined && asked !== 0xffff && asked !== wordAt(ctx.flow, W.inPort)) {
    const port = portOf(ctx, asked);
    if (port?.odpPort === undefined) {
      report(ctx, 'error', `can't use unknown port ${asked} in flow sample action`);
      return;
    }
    outputPort = port.odpPort;
    if (port.tunnel && ctx.bridge.tunnelSampling.has(act.collectorSetId)) leavesBy = port;
  }
  commit(ctx);
  if (leavesBy?.tunnel) tellTunnel(ctx, leavesBy.tunnel);
  const { probability, collectorSetId, obsDomainId, obsPointId, direction } = act;
  ctx.dpActions.push(
    sample(
      (probability << 16) + probability + (probability >= 0x8000 ? 0x100000000 : 0),
      { kind: 'flow_sample', probability, collectorSetId, obsDomainId, obsPointId, outputPort, direction },
      leavesBy ? { tunnelOutPort: outputPort } : {},
    ),
  );
}

/** Puts the tunnel's headers on the packet before the sample is taken, so that the collector is told of them. */
function tellTunnel(ctx: Ctx, tunnel: Tunnel): void {
  prepareTunnel(ctx.flow, ctx.wc, tunnel);
  if (ctx.session.sw.datapath.tunnelPushPop) return;
  const own: FlowWords = ctx.flow.slice(0, TUNNEL_END);
  commitOdpTunnelAction(ctx.flow, ctx.baseFlow, ctx.dpActions, tunnel.type, tlvsOf(ctx.bridge));
  ctx.flow.set(own, 0);
}
