import { formatIpv6, formatMac } from '../packet/address';
import { admits } from './bond';
import { bundleOf, inputBundle, isMirrorOutput } from './bundles';
import { meet, portOf, report, type Ctx } from './context';
import { outputMulticast } from './multicast';
import { outputNormal } from './output';
import type { Bundle, Port } from './switch';
import { extractVlans, includesVlan, inputVlanIsValid, translateInput, type Vlans } from './vlan';
import { wordAt, exact, exact8, exactMac, or, readMac, W } from '../packet/flow-words';
import { ETH_TYPE, isIpAny, isVlanType, PACKET_TYPE, VLAN_CFI } from '../packet/protocols';
import { isBroadcastMac, isMulticastMac, isReservedMac, tci } from './headers';

/** An ARP frame to everybody in which a host announces itself (ARP replies, and requests for one's own address). */
function isGratuitousArp(ctx: Ctx): boolean {
  const { flow, wc } = ctx;
  if (wordAt(flow, W.dlType) !== ETH_TYPE.ARP) return false;
  exactMac(wc, W.dlDst);
  if (!isBroadcastMac(flow)) return false;
  exact8(wc, W.nwProto);
  if (wordAt(flow, W.nwProto) === 2) return true;
  if (wordAt(flow, W.nwProto) !== 1) return false;
  exact(wc, W.nwSrc);
  exact(wc, W.nwDst);
  return wordAt(flow, W.nwSrc) === wordAt(flow, W.nwDst);
}

/** Whether the bridge may forward the frame at all: not to reserved addresses, not what a bond sent itself. */
function isAdmissible(ctx: Ctx, port: Port, bundle: Bundle, vlan: number): boolean {
  if (!ctx.bridge.forwardBpdu && isReservedMac(readMac(ctx.flow, W.dlDst))) {
    report(ctx, 'detail', 'packet has reserved destination MAC, dropping');
    return false;
  }
  if (!bundle.bond) return true;
  switch (admits(ctx, bundle, bundle.bond, port.ofport)) {
    case 'accept':
      return true;
    case 'drop':
      report(ctx, 'detail', 'bonding refused admissibility, dropping');
      return false;
    case 'drop-if-moved': {
      const learned = lookupMac(ctx, readMac(ctx.flow, W.dlSrc), vlan);
      if (learned === undefined || learned === bundle.name || isGratuitousArp(ctx)) return true;
      report(ctx, 'detail', 'SLB bond thinks this packet looped back, dropping');
      return false;
    }
  }
}

function macKey(mac: bigint, vlan: number): string {
  return `${vlan}/${mac}`;
}

/** The bundle behind which the MAC table has an address. */
function lookupMac(ctx: Ctx, mac: bigint, vlan: number): string | undefined {
  // Where flood_vlans names the VLAN, the switch learns nothing there and floods.
  if (ctx.bridge.floodVlans.has(vlan)) return undefined;
  const learned = ctx.session.learnedMacs.get(ctx.bridge.name)?.get(macKey(mac, vlan));
  if (learned !== undefined) return learned;
  return ctx.bridge.macTable.find((row) => row.mac === mac && row.vlan === vlan)?.bundle;
}

function learnSource(ctx: Ctx, bundle: Bundle, vlan: number): void {
  const mac = readMac(ctx.flow, W.dlSrc);
  if (ctx.bridge.floodVlans.has(vlan) || (mac >> 40n) & 1n) return;
  const row = ctx.bridge.macTable.find((each) => each.mac === mac && each.vlan === vlan);
  if (row?.static || lookupMac(ctx, mac, vlan) === bundle.name) return;
  let table = ctx.session.learnedMacs.get(ctx.bridge.name);
  if (!table) ctx.session.learnedMacs.set(ctx.bridge.name, (table = new Map()));
  table.set(macKey(mac, vlan), bundle.name);
  report(ctx, 'detail', `learned that ${formatMac(mac)} is on port ${bundle.name} in VLAN ${vlan}`);
}

/** Sends the frame by every bundle of its VLAN but the one that it came by. */
export function flood(ctx: Ctx, input: Bundle | 'none', vlans: Vlans): void {
  if (ctx.bridge.stp || ctx.bridge.rstp)
    ctx.session.notes.add(
      `bridge ${ctx.bridge.name} runs a spanning tree: a port that was added while it did may stay out of floods until its state changes, and no capture tells`,
    );
  for (const bundle of ctx.bridge.bundles) {
    const floodable = !bundle.ofports.some((ofport) => portOf(ctx, ofport)?.noFlood ?? false);
    if (bundle !== input && includesVlan(bundle, vlans) && floodable && !isMirrorOutput(ctx.bridge, bundle)) {
      outputNormal(ctx, bundle, vlans);
    }
  }
}

function isLocalMulticast(ctx: Ctx): boolean {
  if (wordAt(ctx.flow, W.dlType) === ETH_TYPE.IP) {
    exact(ctx.wc, W.nwDst);
    return wordAt(ctx.flow, W.nwDst) >>> 8 === 0xe00000;
  }
  exact(ctx.wc, W.ipv6Dst, 4);
  let value = 0n;
  for (let i = 0; i < 4; i++) value = (value << 32n) | BigInt(wordAt(ctx.flow, W.ipv6Dst + i));
  return formatIpv6(value) === 'ff02::1';
}

/** NORMAL: what an ordinary VLAN switch with MAC learning does (ovs-actions(7)). */
export function normal(ctx: Ctx): void {
  if (ctx.session.follower) {
    ctx.session.follower.normal(ctx);
    return;
  }
  meet(ctx, 'port-settings');
  const { flow, wc } = ctx;
  exactMac(wc, W.dlSrc);
  exactMac(wc, W.dlDst);
  or(wc, W.vlan0, 0x1fff);
  const inPort = wordAt(flow, W.inPort);
  const input = inputBundle(ctx, inPort);
  if (!input) {
    report(ctx, 'warn', 'no input bundle, dropping');
    return;
  }
  if (isVlanType(wordAt(flow, W.dlType)) && !(tci(flow, 0) & VLAN_CFI)) {
    if (ctx.packetLength !== undefined && input !== 'none') {
      report(ctx, 'error', `dropping packet with partial VLAN tag received on port ${input.name}`);
    }
    report(ctx, 'warn', 'partial VLAN tag, dropping');
    return;
  }
  if (input !== 'none' && isMirrorOutput(ctx.bridge, input)) {
    if (ctx.packetLength !== undefined) {
      report(ctx, 'error', `dropping packet received on port ${input.name}, which is reserved exclusively for mirroring`);
    }
    report(ctx, 'warn', 'input port is mirror output port, dropping');
    return;
  }
  const came = extractVlans(flow);
  if (!inputVlanIsValid(ctx, came[0].vid, input)) {
    report(ctx, 'warn', 'disallowed VLAN VID for this input port, dropping');
    return;
  }
  const vlans = translateInput(input, came);
  const vlan = vlans[0].vid;
  const port = portOf(ctx, inPort);
  if (port && input !== 'none' && bundleOf(ctx.bridge, inPort) && !isAdmissible(ctx, port, input, vlan)) return;
  isGratuitousArp(ctx);
  if (
    ctx.allowSideEffects &&
    wordAt(flow, W.packetType) === PACKET_TYPE.ETH &&
    port &&
    port.tunnel?.packetType !== 'legacy_l3' &&
    input !== 'none'
  ) {
    learnSource(ctx, input, vlan);
  }
  const snooping = ctx.bridge.multicast;
  if (snooping && !isBroadcastMac(flow) && isMulticastMac(flow) && isIpAny(flow)) {
    meet(ctx, 'multicast-groups');
    outputMulticast(ctx, snooping, input, vlans, { flood, isLocalMulticast });
    return;
  }
  const name = lookupMac(ctx, readMac(flow, W.dlDst), vlan);
  if (name === undefined) {
    if (!isMulticastMac(flow)) meet(ctx, 'mac-table');
    report(ctx, 'detail', 'no learned MAC for destination, flooding');
    flood(ctx, input, vlans);
    return;
  }
  const out = ctx.bridge.bundles.find((bundle) => bundle.name === name);
  if (!out) {
    report(ctx, 'warn', 'learned port is unknown, dropping');
  } else if (isMirrorOutput(ctx.bridge, out)) {
    report(ctx, 'warn', 'learned port is a mirror port, dropping');
  } else if (out === input) {
    report(ctx, 'detail', 'learned port is input port, dropping');
  } else {
    report(ctx, 'detail', 'forwarding to learned port');
    outputNormal(ctx, out, vlans);
  }
}
