import type { DpAction, SetHeader } from './dp-action';
import type { TlvTable } from '../openflow/tlv';
import { geneveOptions } from './geneve';
import { copyWords, emptyFlow, FLOW_WORDS, type FlowWords, readMac, sameWords, W, wordAt } from '../packet/flow-words';
import {
  dlTypeOf,
  ETH_TYPE,
  FRAG,
  hasTunnel,
  IP_PROTO,
  isIpAny,
  isMplsType,
  mplsLabels,
  PACKET_TYPE,
  vlanHeaders,
} from '../packet/protocols';

// Open vSwitch keeps two copies of a packet's headers: what the OpenFlow actions have made of them, and what the datapath knows
// (`base`). Only where something leaves the switch are the differences turned into datapath actions.

/** Why a packet can't be handled by the datapath alone: it has no action that sets such a header. */
export type SlowReason = 'action' | undefined;

export interface CommitOptions {
  /** Whether the datapath can set single bits of a header. */
  readonly maskedSet: boolean;
  readonly pendingEncap: boolean;
  readonly pendingDecap: boolean;
  /** The metadata of an NSH header of type 2 that is being pushed. */
  readonly encapData: readonly number[] | undefined;
}

/** A part of a header that is compared as one: its words, each with the bits that it has. */
interface Part {
  readonly at: number;
  readonly bits: readonly number[];
  /** The room that its only word takes, where that is more than its bits: a whole set counts as having looked at all of it. */
  readonly room?: number;
  /** Never set; part of the comparison and of a whole set all the same. */
  readonly fixed?: true;
}

interface Header {
  readonly header: SetHeader;
  readonly parts: readonly Part[];
  /** A header with padding or with parts that can't be set never counts as wholly masked. */
  readonly neverWhole: boolean;
}

const byte = (at: number): Part => ({ at, bits: [0xff] });
const half = (at: number): Part => ({ at, bits: [0xffff] });
const full = (at: number): Part => ({ at, bits: [0xffffffff] });
const mac = (at: number): Part => ({ at, bits: [0xffff, 0xffffffff] });
const wide = (at: number): Part => ({ at, bits: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff] });
const fixed = (part: Part): Part => ({ ...part, fixed: true });

const ethernet: Header = { header: 'eth', parts: [mac(W.dlSrc), mac(W.dlDst)], neverWhole: false };
const ipv4: Header = {
  header: 'ipv4',
  parts: [full(W.nwSrc), full(W.nwDst), fixed(byte(W.nwProto)), byte(W.nwTos), byte(W.nwTtl), fixed(byte(W.nwFrag))],
  neverWhole: true,
};
const ipv6: Header = {
  header: 'ipv6',
  parts: [
    wide(W.ipv6Src),
    wide(W.ipv6Dst),
    { at: W.ipv6Label, bits: [0xfffff], room: 0xffffffff },
    fixed(byte(W.nwProto)),
    byte(W.nwTos),
    byte(W.nwTtl),
    fixed(byte(W.nwFrag)),
  ],
  neverWhole: true,
};
const arp: Header = {
  header: 'arp',
  parts: [full(W.nwSrc), full(W.nwDst), byte(W.nwProto), mac(W.arpSha), mac(W.arpTha)],
  neverWhole: false,
};
const icmp: Header = { header: 'icmp', parts: [byte(W.tpSrc), byte(W.tpDst)], neverWhole: false };
const icmpv6: Header = { ...icmp, header: 'icmpv6' };
const nd: Header = { header: 'nd', parts: [wide(W.ndTarget), mac(W.arpSha), mac(W.arpTha)], neverWhole: false };
const ndExtensions: Header = { header: 'nd_ext', parts: [full(W.igmpGroup), byte(W.tcpFlags)], neverWhole: true };
const ports: readonly Part[] = [half(W.tpSrc), half(W.tpDst)];
const tcp: Header = { header: 'tcp', parts: ports, neverWhole: false };
const udp: Header = { header: 'udp', parts: ports, neverWhole: false };
const sctp: Header = { header: 'sctp', parts: ports, neverWhole: false };
const priority: Header = { header: 'skb_priority', parts: [full(W.skbPriority)], neverWhole: false };
const mark: Header = { header: 'skb_mark', parts: [full(W.pktMark)], neverWhole: false };

/**
 * Appends the action that makes `base`'s header into `flow`'s, where they differ. Of the bits that were looked at (`wc`), only those of
 * parts that differ are set; all that is set counts as looked at from now on. Returns whether there was a difference.
 */
function commitHeader(
  { header, parts, neverWhole }: Header,
  flow: FlowWords,
  base: FlowWords,
  out: DpAction[],
  wc: FlowWords,
  maskedSet: boolean,
  tosMask = 0xff,
): boolean {
  const mask = emptyFlow();
  let differ = false;
  let whole = !neverWhole;
  for (const part of parts) {
    let same = true;
    for (let i = 0; i < part.bits.length; i++) {
      const bits = part.bits[i] ?? 0;
      const at = part.at + i;
      if (((wordAt(flow, at) ^ wordAt(base, at)) & bits) !== 0) same = false;
    }
    if (same) {
      whole = false;
      continue;
    }
    differ = true;
    for (let i = 0; i < part.bits.length; i++) {
      const bits = (part.bits[i] ?? 0) & (part.at === W.nwTos ? tosMask : 0xffffffff);
      mask[part.at + i] = part.fixed ? 0 : (wordAt(wc, part.at + i) & bits) >>> 0;
      if (wordAt(mask, part.at + i) !== (part.bits[i] ?? 0) >>> 0) whole = false;
    }
  }
  if (!differ) return false;
  const value = emptyFlow();
  const masked = maskedSet && !whole;
  for (const part of parts) {
    for (let i = 0; i < part.bits.length; i++) {
      const at = part.at + i;
      const bits = part.bits[i] ?? 0;
      if (!masked) mask[at] = part.room ?? bits;
      value[at] = (wordAt(flow, at) & (masked ? wordAt(mask, at) : bits)) >>> 0;
      base[at] = (wordAt(flow, at) & bits) >>> 0;
      wc[at] = (wordAt(wc, at) | wordAt(mask, at)) >>> 0;
    }
  }
  out.push({ kind: 'set', header, value, mask: masked ? mask : undefined });
  return true;
}

function commitEthernet(flow: FlowWords, base: FlowWords, out: DpAction[], wc: FlowWords, maskedSet: boolean): void {
  if (wordAt(flow, W.packetType) !== PACKET_TYPE.ETH || wordAt(base, W.packetType) !== PACKET_TYPE.ETH) return;
  commitHeader(ethernet, flow, base, out, wc, maskedSet);
}

/** Pops the headers that the packet shall not have and pushes those it lacks, keeping the innermost ones that are the same. */
function commitVlans(flow: FlowWords, base: FlowWords, out: DpAction[], wc: FlowWords): void {
  let have = vlanHeaders(base) - 1;
  let want = vlanHeaders(flow) - 1;
  while (have >= 0 && want >= 0 && base[W.vlan0 + have] === flow[W.vlan0 + want]) {
    have--;
    want--;
  }
  for (; have >= 0; have--) {
    out.push({ kind: 'pop_vlan' });
    wc[W.vlan0 + have] = 0xffffffff;
  }
  for (; want >= 0; want--) {
    const header = wordAt(flow, W.vlan0 + want);
    out.push({ kind: 'push_vlan', tpid: header >>> 16, tci: header & 0xffff });
  }
  copyWords(base, flow, W.vlan0, 2);
}

function commonLabels(flow: FlowWords, flowCount: number, base: FlowWords, baseCount: number): number {
  let common = 0;
  while (
    common < Math.min(flowCount, baseCount) &&
    flow[W.mpls + flowCount - 1 - common] === base[W.mpls + baseCount - 1 - common]
  )
    common++;
  return common;
}

function commitMpls(flow: FlowWords, base: FlowWords, out: DpAction[], pendingEncap: boolean): void {
  let have = mplsLabels(base);
  const want = mplsLabels(flow);
  let common = commonLabels(flow, want, base, have);
  const type = wordAt(flow, W.dlType);
  while (have > common) {
    if (have - 1 === common && want > common) {
      // One label too many and one too few: the top one is changed in place.
      const value = emptyFlow();
      value[W.mpls] = wordAt(flow, W.mpls + want - have);
      out.push({ kind: 'set', header: 'mpls', value, mask: undefined });
      base[W.mpls] = wordAt(value, W.mpls);
      common++;
      continue;
    }
    // What is below the last label has the packet's type; before that it is MPLS still.
    out.push({ kind: 'pop_mpls', ethertype: !isMplsType(type) && have > 1 ? ETH_TYPE.MPLS : type });
    for (let i = 1; i < have; i++) base[W.mpls + i - 1] = wordAt(base, W.mpls + i);
    base[W.mpls + have - 1] = 0;
    base[W.dlType] = type;
    have--;
  }
  while (have < want) {
    const lse = wordAt(flow, W.mpls + want - have - 1);
    out.push(pendingEncap ? { kind: 'add_mpls', ethertype: type, lse, l3: false } : { kind: 'push_mpls', ethertype: type, lse });
    // The headers below stay known: the packet may come back to them after a patch port or a group's bucket.
    for (let i = have; i >= 1; i--) base[W.mpls + i] = wordAt(base, W.mpls + i - 1);
    base[W.mpls] = lse;
    base[W.dlType] = type;
    have++;
  }
}

function commitNetwork(flow: FlowWords, base: FlowWords, out: DpAction[], wc: FlowWords, maskedSet: boolean): SlowReason {
  if (!wordAt(flow, W.nwProto)) return undefined;
  // Of a packet that came by a tunnel the two ECN bits were looked at only to set them as the tunnel's header says.
  const ecnSame = ((wordAt(base, W.nwTos) ^ wordAt(flow, W.nwTos)) & 3) === 0;
  const tosMask = hasTunnel(base) && ecnSame ? 0xfc : 0xff;
  switch (wordAt(base, W.dlType)) {
    case ETH_TYPE.IP:
    case ETH_TYPE.IPV6: {
      const header = wordAt(base, W.dlType) === ETH_TYPE.IP ? ipv4 : ipv6;
      if (commitHeader(header, flow, base, out, wc, maskedSet, tosMask))
        wc[W.nwFrag] = !maskedSet || (wordAt(wc, W.nwFrag) & FRAG.ANY) !== 0 ? FRAG.ANY | FRAG.LATER : 0;
      if (header === ipv4 || wordAt(base, W.nwProto) !== IP_PROTO.ICMPV6) return undefined;
      const extended = commitHeader(ndExtensions, flow, base, out, wc, maskedSet);
      const discovery = commitHeader(nd, flow, base, out, wc, maskedSet);
      return extended || discovery ? 'action' : undefined;
    }
    case ETH_TYPE.ARP:
      return commitHeader(arp, flow, base, out, wc, true) ? 'action' : undefined;
    default:
      return undefined;
  }
}

function commitPorts(flow: FlowWords, base: FlowWords, out: DpAction[], wc: FlowWords, maskedSet: boolean): void {
  if (!isIpAny(base)) return;
  const proto = wordAt(flow, W.nwProto);
  const header = proto === IP_PROTO.TCP ? tcp : proto === IP_PROTO.UDP ? udp : proto === IP_PROTO.SCTP ? sctp : undefined;
  if (header) commitHeader(header, flow, base, out, wc, maskedSet);
}

function commitIcmp(flow: FlowWords, base: FlowWords, out: DpAction[], wc: FlowWords): SlowReason {
  const type = dlTypeOf(flow);
  const proto = wordAt(flow, W.nwProto);
  const header =
    type === ETH_TYPE.IP && proto === IP_PROTO.ICMP
      ? icmp
      : type === ETH_TYPE.IPV6 && proto === IP_PROTO.ICMPV6
        ? icmpv6
        : undefined;
  return header && commitHeader(header, flow, base, out, wc, false) ? 'action' : undefined;
}

const NSH_WORDS = W.nshContext + 4 - W.nshFlags;
/** Metadata of fixed length. */
const NSH_MD1 = 1;

/** Whether two NSH headers are the same; of metadata only the fixed kind counts. */
function sameNsh(a: FlowWords, b: FlowWords): boolean {
  if (!sameWords(a, b, W.nshFlags, W.nshContext - W.nshFlags)) return false;
  return wordAt(a, W.nshMdtype) !== NSH_MD1 || sameWords(a, b, W.nshContext, 4);
}

function commitNsh(flow: FlowWords, base: FlowWords, out: DpAction[], wc: FlowWords, maskedSet: boolean): void {
  if (wordAt(flow, W.dlType) !== ETH_TYPE.NSH || sameNsh(flow, base)) return;
  const value = emptyFlow();
  if (maskedSet) {
    const mask = emptyFlow();
    copyWords(mask, wc, W.nshFlags, NSH_WORDS);
    for (const at of [W.nshFlags, W.nshTtl, W.nshSi]) mask[at] = wordAt(mask, at) & 0xff;
    mask[W.nshSpi] = wordAt(mask, W.nshSpi) & 0xffffff;
    mask[W.nshMdtype] = 0;
    mask[W.nshNp] = 0;
    // Without fixed metadata none is written, which then reads as all of it being 0.
    if (wordAt(flow, W.nshMdtype) !== NSH_MD1) for (let i = 0; i < 4; i++) mask[W.nshContext + i] = 0xffffffff;
    else
      for (let i = 0; i < 4; i++)
        value[W.nshContext + i] = (wordAt(flow, W.nshContext + i) & wordAt(mask, W.nshContext + i)) >>> 0;
    for (let i = W.nshFlags; i < W.nshContext; i++) value[i] = (wordAt(flow, i) & wordAt(mask, i)) >>> 0;
    out.push({ kind: 'set', header: 'nsh', value, mask });
  } else {
    // Without masked sets the switch writes the old header; only then does it take over the new one.
    copyWords(value, base, W.nshFlags, NSH_WORDS);
    out.push({ kind: 'set', header: 'nsh', value, mask: undefined });
    for (const at of [W.nshFlags, W.nshTtl, W.nshMdtype, W.nshNp, W.nshSi]) wc[at] = 0xff;
    wc[W.nshSpi] = 0xffffff;
    for (let i = 0; i < 4; i++) wc[W.nshContext + i] = 0;
  }
  copyWords(base, flow, W.nshFlags, NSH_WORDS);
  if (wordAt(flow, W.nshMdtype) !== NSH_MD1) for (let i = 0; i < 4; i++) base[W.nshContext + i] = 0;
}

function commitEncapsulation(
  flow: FlowWords,
  base: FlowWords,
  out: DpAction[],
  wc: FlowWords,
  { pendingEncap, pendingDecap, encapData }: CommitOptions,
): void {
  const type = wordAt(flow, W.packetType);
  const baseType = wordAt(base, W.packetType);
  if (pendingEncap) {
    if (type === PACKET_TYPE.ETH) {
      out.push({ kind: 'push_eth', src: readMac(flow, W.dlSrc), dst: readMac(flow, W.dlDst) });
      base[W.packetType] = type;
      copyWords(base, flow, W.dlDst, 4);
    } else if (type === PACKET_TYPE.NSH) {
      const value = emptyFlow();
      copyWords(value, flow, W.nshFlags, NSH_WORDS);
      const metadata = wordAt(flow, W.nshMdtype) === 2 ? encapData : undefined;
      out.push({ kind: 'push_nsh', value, metadata });
      base[W.packetType] = type;
      copyWords(base, flow, W.dlDst, FLOW_WORDS - W.dlDst);
    } else if (type === PACKET_TYPE.MPLS || type === PACKET_TYPE.MPLS_MCAST) {
      commitMpls(flow, base, out, true);
    }
  } else if (pendingDecap || type !== baseType) {
    if (type >>> 16 === 1 && baseType === PACKET_TYPE.ETH) {
      out.push({ kind: 'pop_eth' });
      base[W.packetType] = type;
      base.fill(0, W.dlDst, W.dlDst + 4);
    } else if (baseType === PACKET_TYPE.NSH) {
      // What is below an NSH or MPLS header is read anew when the packet comes back, so `base` stays.
      out.push({ kind: 'pop_nsh' });
    } else if (baseType === PACKET_TYPE.MPLS || baseType === PACKET_TYPE.MPLS_MCAST) {
      commitMpls(flow, base, out, false);
    }
  }
  wc[W.packetType] = 0xffffffff;
}

/**
 * Appends to `out` the datapath actions that make a packet with the headers `base` into one with those of `flow`, and changes `base` so.
 * Tunnel headers are `commitOdpTunnelAction`'s. `wc` holds the bits that were looked at and gets those that are set. Returns why the
 * datapath alone can't do it: it has no means to write ARP, ICMP and neighbour discovery.
 */
export function commitOdpActions(
  flow: FlowWords,
  base: FlowWords,
  out: DpAction[],
  wc: FlowWords,
  options: CommitOptions,
): SlowReason {
  const { maskedSet } = options;
  commitEncapsulation(flow, base, out, wc, options);
  commitEthernet(flow, base, out, wc, maskedSet);
  // Labels go first where none shall be left: before that, there is no network header to set.
  const unlabelled = isMplsType(wordAt(base, W.dlType)) && !isMplsType(wordAt(flow, W.dlType));
  if (unlabelled) commitMpls(flow, base, out, false);
  commitNsh(flow, base, out, wc, maskedSet);
  const network = commitNetwork(flow, base, out, wc, maskedSet);
  if (wordAt(flow, W.nwProto)) commitPorts(flow, base, out, wc, maskedSet);
  const control = commitIcmp(flow, base, out, wc);
  if (!unlabelled) commitMpls(flow, base, out, false);
  commitVlans(flow, base, out, wc);
  commitHeader(priority, flow, base, out, wc, maskedSet);
  commitHeader(mark, flow, base, out, wc, maskedSet);
  return network ?? control;
}

/** The words that belong to the tunnel. */
const TUNNEL_WORDS = W.metadata;

/**
 * Appends the action that sets the tunnel's header, where `flow` has one and it differs from `base`'s, and changes `base` so.
 * `tunnelType`: which extensions the tunnel can carry (`vxlan`, `geneve` …); undefined: all that are given.
 */
export function commitOdpTunnelAction(
  flow: FlowWords,
  base: FlowWords,
  out: DpAction[],
  tunnelType: string | undefined,
  tlv: TlvTable,
): void {
  if (!hasTunnel(flow) || sameWords(flow, base, 0, TUNNEL_WORDS)) return;
  copyWords(base, flow, 0, TUNNEL_WORDS);
  const value = emptyFlow();
  copyWords(value, flow, 0, TUNNEL_WORDS);
  const options = tunnelType === undefined || tunnelType === 'geneve' ? geneveOptions(flow, tlv) : [];
  out.push({ kind: 'set', header: 'tunnel', value, mask: undefined, tunnelType, geneve: options });
}
