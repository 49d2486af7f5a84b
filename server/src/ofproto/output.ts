import { commitOdpTunnelAction } from '../datapath/commit';
import { OFPP } from '../openflow/ofpact';
import { clearActionSet, runActionSet } from './action-set';
import { chooseMember } from './bond';
import { bundleOf, forwards, inputBundle, isMirrorOutput, learns, mirrorsOf } from './bundles';
import { runClone } from './clone';
import { commit } from './commit';
import { cancelFreeze, meet, meetSwitch, portOf, report, reportBridge, type Ctx } from './context';
import { finishFreezing } from './freeze';
import { nativeTunnelOutput } from './native-tunnel';
import { markDscp } from './queues';
import { sampleOutput } from './sampling';
import { isHealthCheck, processSpecial } from './special';
import type { Bundle, Mirror, Port } from './switch';
import { tableAction } from './table-action';
import { tunnelToPop } from './tunnel-pop';
import { prepareTunnel } from './tunnel-send';
import { extractVlans, includesVlan, inputVlanIsValid, putVlans, translateInput, translateOutput, type Vlans } from './vlan';
import { wordAt, type FlowWords, or, readMac, W } from '../packet/flow-words';
import { PACKET_TYPE } from '../packet/protocols';
import { tlvsOf } from './fields';
import { clearConntrackFields, clearTunnel, isReservedMac, isStp, TUNNEL_END, tunnelDst } from './headers';

/** The datapath's hash, where a bond leaves the choice of its member to it. */
interface BondRecirc {
  readonly basis: number;
}

/** Whether the port's configuration lets the packet in. */
export function mayReceive(ctx: Ctx, port: Port): boolean {
  meet(ctx, 'port-config');
  if (isStp(ctx.flow) ? port.noReceiveStp : port.noRecv) return false;
  return forwards(ctx.bridge, port) || learns(ctx.bridge, port);
}

function isProtected(ctx: Ctx, out: Port): boolean {
  const from = bundleOf(ctx.bridge, wordAt(ctx.flow, W.inPort));
  const to = bundleOf(ctx.bridge, out.ofport);
  return ctx.bridge.ports.has(wordAt(ctx.flow, W.inPort)) && (from?.protected ?? false) && (to?.protected ?? false);
}

/** Whether the packet may leave by the port; says why not. */
function mayOutput(ctx: Ctx, port: Port | undefined, checkStp: boolean): port is Port {
  const no = (kind: 'warn' | 'detail', text: string): false => {
    report(ctx, kind, text);
    return false;
  };
  if (!port) return no('warn', 'Nonexistent output port');
  meet(ctx, 'port-config');
  if (port.noForward) return no('detail', 'OFPPC_NO_FWD set, skipping output');
  if (ctx.mirrorSnaplen !== 0 && port.odpPort === undefined) return no('warn', 'Mirror truncate to ODPP_NONE, skipping output');
  if (isProtected(ctx, port)) return no('warn', 'Flow is between protected ports, skipping output.');
  if (checkStp && isStp(ctx.baseFlow)) {
    const passes = port.stpState !== 'blocking' || !(ctx.bridge.stp || ctx.bridge.rstp);
    if (!passes && ctx.bridge.stp) return no('warn', 'STP not in listening state, skipping bpdu output');
    if (!passes) return no('warn', 'RSTP not managing BPDU in this state, skipping bpdu output');
  } else if (checkStp && !isHealthCheck(ctx, port) && !forwards(ctx.bridge, port)) {
    return no('warn', `${ctx.bridge.stp ? 'STP' : 'RSTP'} not in forwarding state, skipping output`);
  }
  if ((port.tunnel?.packetType ?? 'legacy_l2') === 'legacy_l2' && wordAt(ctx.flow, W.packetType) !== PACKET_TYPE.ETH) {
    return no('warn', 'Trying to send non-Ethernet packet through legacy L2 port. Dropping packet.');
  }
  return true;
}

/** Forgets connection tracking, in the packet and in the translation. */
export function clearConntrack(ctx: Ctx): void {
  ctx.conntracked = false;
  clearConntrackFields(ctx.flow);
}

/** Finds the other end of a patch port: the port that it names, whose own peer is this one. */
export function peerOf(ctx: Ctx, port: Port): { readonly bridge: string; readonly port: Port } | undefined {
  if (port.patchPeer === undefined) return undefined;
  for (const bridge of ctx.session.sw.bridges.values()) {
    for (const other of bridge.ports.values()) {
      if (other.name === port.patchPeer && other.patchPeer === port.name) return { bridge: bridge.name, port: other };
    }
  }
  return undefined;
}

/** Goes on in another bridge, which gets the packet alone: registers, metadata, tunnel, connection, stack and action set stay here. */
export function patchOutput(ctx: Ctx, to: { readonly bridge: string; readonly port: Port }, isLast: boolean): void {
  const bridge = ctx.session.sw.bridges.get(to.bridge);
  if (!bridge) return;
  const saved = {
    flow: ctx.flow.slice(),
    tunnelWc: ctx.wc.slice(0, TUNNEL_END),
    conntracked: ctx.conntracked,
    wasMpls: ctx.wasMpls,
    stack: ctx.stack,
    actionSet: ctx.actionSet,
    trace: ctx.trace,
    mirrors: ctx.mirrors,
    bridge: ctx.bridge,
    tablesVersion: ctx.tablesVersion,
  };
  const { flow } = ctx;
  ctx.stack = [];
  ctx.actionSet = [];
  flow[W.inPort] = to.port.ofport;
  flow.fill(0, W.metadata, W.metadata + 2);
  clearTunnel(flow);
  ctx.wc.fill(0, 0, TUNNEL_END);
  flow.fill(0, W.reg, W.reg + 16);
  flow[W.actsetOutput] = OFPP.UNSET;
  clearConntrack(ctx);
  ctx.trace = reportBridge(ctx, bridge.name);
  const otherBridge = bridge !== ctx.bridge;
  if (otherBridge) ctx.mirrors = new Set();
  ctx.bridge = bridge;
  ctx.tablesVersion = ctx.session.tables.version(bridge);

  if (!processSpecial(ctx, to.port) && mayReceive(ctx, to.port)) {
    if (forwards(bridge, to.port)) {
      tableAction(ctx, to.port.ofport, 0, true, false, isLast, runClone);
      if (!ctx.freezing) runActionSet(ctx);
      if (ctx.freezing) finishFreezing(ctx);
    } else {
      // Spanning tree lets the packet be learned from, no more.
      const base = ctx.baseFlow.slice();
      const size = ctx.dpActions.length;
      const mirrors = new Set(ctx.mirrors);
      tableAction(ctx, to.port.ofport, 0, true, false, isLast, runClone);
      ctx.mirrors = mirrors;
      ctx.baseFlow = base;
      ctx.dpActions.length = size;
      cancelFreeze(ctx);
    }
  }

  ctx.trace = saved.trace;
  if (otherBridge) ctx.mirrors = saved.mirrors;
  ctx.flow = saved.flow;
  ctx.bridge = saved.bridge;
  ctx.tablesVersion = saved.tablesVersion;
  ctx.actionSet = saved.actionSet;
  ctx.stack = saved.stack;
  ctx.wc.set(saved.tunnelWc, 0);
  ctx.wasMpls = saved.wasMpls;
  ctx.conntracked = saved.conntracked;
  // What ends or fails in the other bridge does so for its copy.
  ctx.exit = false;
  ctx.error = undefined;
  clearActionSet(ctx, saved.actionSet);
}

/** Sends the packet, as it is now, by a port of the bridge. */
export function composeOutput(
  ctx: Ctx,
  ofport: number,
  options: { readonly isLast: boolean; readonly truncate?: boolean; readonly checkStp?: boolean; readonly bond?: BondRecirc },
): void {
  const port = portOf(ctx, ofport);
  if (ctx.session.follower && !port) {
    ctx.session.follower.output(ctx, ofport);
    return;
  }
  if (!mayOutput(ctx, port, options.checkStp ?? true)) return;
  if (ctx.session.follower) {
    ctx.session.follower.output(ctx, ofport);
    return;
  }
  const keep = [W.nwTos, W.dlDst, W.dlDst + 1, W.dlSrc, W.dlSrc + 1, W.dlType, W.vlan0, W.vlan1] as const;
  const saved = keep.map((word) => wordAt(ctx.flow, word));
  const packetType = wordAt(ctx.flow, W.packetType);
  if (packetType === PACKET_TYPE.ETH && port.tunnel?.packetType === 'legacy_l3') {
    // A tunnel for IP packets: the Ethernet header stays here.
    ctx.flow[W.packetType] = ((1 << 16) | wordAt(ctx.flow, W.dlType)) >>> 0;
    ctx.pendingEncap = false;
  }
  const peer = peerOf(ctx, port);
  if (peer) {
    if (options.truncate) report(ctx, 'error', 'Cannot truncate output to patch port');
    patchOutput(ctx, peer, options.isLast);
    return;
  }

  markDscp(ctx, port);
  sendBy(ctx, port, options);
  keep.forEach((word, i) => {
    ctx.flow[word] = saved[i] ?? 0;
  });
  ctx.flow[W.packetType] = packetType;
}

function sendBy(
  ctx: Ctx,
  port: Port,
  options: { readonly isLast: boolean; readonly truncate?: boolean; readonly bond?: BondRecirc },
): void {
  const tunnelBefore: FlowWords = ctx.flow.slice(0, TUNNEL_END);
  const native = port.tunnel !== undefined && ctx.session.sw.datapath.tunnelPushPop;
  if (port.tunnel) {
    if (ctx.session.sw.datapath.userspace) meetSwitch(ctx, 'datapath-tunnels');
    if (port.odpPort === undefined) {
      report(ctx, 'warn', 'Tunneling decided against output');
      return;
    }
    prepareTunnel(ctx.flow, ctx.wc, port.tunnel);
    if (sameTunnelDst(ctx)) {
      report(ctx, 'warn', 'Not tunneling to our own address');
      return;
    }
    if (native) {
      report(ctx, 'detail', 'output to native tunnel');
    } else {
      report(ctx, 'detail', 'output to kernel tunnel');
      commitOdpTunnelAction(ctx.flow, ctx.baseFlow, ctx.dpActions, port.tunnel.type, tlvsOf(ctx.bridge));
      ctx.flow.set(tunnelBefore, 0);
    }
  }
  if (port.odpPort !== undefined) {
    commit(ctx);
    if (options.bond) {
      ctx.dpActions.push({ kind: 'hash', algorithm: 'l4', basis: options.bond.basis });
      ctx.dpActions.push({ kind: 'recirc', id: ctx.session.nextRecircId++ });
    } else if (native) {
      nativeTunnelOutput(ctx, port, port.odpPort, options, patchOutput);
      ctx.flow.set(tunnelBefore, 0);
    } else {
      const popped = tunnelToPop(ctx, port);
      if (popped === undefined) sampleOutput(ctx, port, port.odpPort);
      if (popped === undefined && ctx.mirrorSnaplen > 0 && ctx.mirrorSnaplen < 0xffff)
        ctx.dpActions.push({ kind: 'trunc', maxLen: ctx.mirrorSnaplen });
      ctx.dpActions.push(popped === undefined ? { kind: 'output', port: port.odpPort } : { kind: 'tnl_pop', port: popped });
    }
    ctx.sflowOutputs = { count: ctx.sflowOutputs.count + 1, port };
  }
  const bundle = bundleOf(ctx.bridge, port.ofport);
  if (ctx.bridge.mirrors.length > 0 && bundle) mirrorPacket(ctx, bundle, mirrorsOf(ctx.bridge, bundle, 'dst'));
}

function sameTunnelDst(ctx: Ctx): boolean {
  return tunnelDst(ctx.flow).every((word, i) => word === (ctx.origTunnelDst[i] ?? 0));
}

/** Sends the packet by a bundle as NORMAL does: with the VLAN header that the bundle wants, by the member that its bond chooses. */
export function outputNormal(ctx: Ctx, bundle: Bundle, vlans: Vlans): void {
  if (bundle.vlanMode === 'dot1q-tunnel' && bundle.cvlans) or(ctx.wc, W.vlan1, 0xffff);
  let out = translateOutput(bundle, vlans);
  if (bundle.priorityTags !== 'no') {
    out = [{ ...out[0], pcp: wordAt(ctx.flow, W.vlan0) & 0xe000 }, out[1]];
  }
  let [ofport] = bundle.ofports;
  let bond: BondRecirc | undefined;
  if (bundle.bond) {
    const choice = chooseMember(ctx, bundle, bundle.bond, out[0].vid);
    ofport = choice?.ofport;
    if (choice?.recirculate) bond = { basis: choice.basis };
  }
  if (ofport === undefined) return;
  const saved = [wordAt(ctx.flow, W.vlan0), wordAt(ctx.flow, W.vlan1)];
  putVlans(ctx.flow, out, bundle.priorityTags);
  composeOutput(ctx, ofport, { isLast: false, ...(bond ? { bond } : {}) });
  ctx.flow[W.vlan0] = saved[0] ?? 0;
  ctx.flow[W.vlan1] = saved[1] ?? 0;
}

/** Sends copies to the mirrors, each destination once. */
function mirrorPacket(ctx: Ctx, bundle: Bundle | 'none', candidates: readonly Mirror[]): void {
  const input = extractVlans(ctx.flow);
  if (!inputVlanIsValid(ctx, input[0].vid, bundle)) return;
  const vlans = translateInput(bundle, input);
  for (const mirror of candidates) {
    if (ctx.mirrors.has(mirror.name)) continue;
    if (mirror.selectVlans) {
      or(ctx.wc, W.vlan0, 0x1fff);
      if (!mirror.selectVlans.has(vlans[0].vid)) continue;
    }
    for (const other of ctx.bridge.mirrors) {
      if (other.outputBundle === mirror.outputBundle && other.outputVlan === mirror.outputVlan) ctx.mirrors.add(other.name);
    }
    ctx.mirrorSnaplen = mirror.snaplen;
    if (mirror.outputBundle !== undefined) {
      const out = ctx.bridge.bundles.find((each) => each.name === mirror.outputBundle);
      if (out) outputNormal(ctx, out, vlans);
    } else if (vlans[0].vid !== mirror.outputVlan && !isReservedMac(readMac(ctx.flow, W.dlDst))) {
      const moved: Vlans = [{ ...vlans[0], vid: mirror.outputVlan }, vlans[1]];
      for (const each of ctx.bridge.bundles) {
        if (includesVlan(each, moved) && !isMirrorOutput(ctx.bridge, each)) outputNormal(ctx, each, moved);
      }
    }
    ctx.mirrorSnaplen = 0;
  }
}

/** Mirrors a packet that has just come in. */
export function mirrorIngress(ctx: Ctx): void {
  meet(ctx, 'bridge-settings');
  if (ctx.bridge.mirrors.length === 0) return;
  const bundle = inputBundle(ctx, wordAt(ctx.flow, W.inPort));
  if (bundle) mirrorPacket(ctx, bundle, mirrorsOf(ctx.bridge, bundle, 'src'));
}
