import { ones } from '../base/bits';
import type { Field } from '../packet/field';
import { exactMask } from '../packet/fields';
import { hasOption, noTlvs, optionIndex, readOption, writeOption, type TlvTable } from './tlv';
import { emptyFlow, type FlowWords, readSlices, W, wordAt, writeSlices } from '../packet/flow-words';

/** OpenFlow 1.1 and later give reserved ports 32-bit numbers. */
const OFP11_OFFSET = 0xffff0000n;

/** OpenFlow 1.0's number of a port as OpenFlow 1.1 and later write it. */
export function portToOfp11(port: number): bigint {
  return port < 0xff00 ? BigInt(port) : BigInt(port) + OFP11_OFFSET;
}

/** OpenFlow 1.0's number of a 32-bit port; undefined for one that no switch can have. */
export function portFromOfp11(port: bigint): number | undefined {
  if (port < 0xff00n) return Number(port);
  return port >= 0xffffff00n && port <= 0xffffffffn ? Number(port - OFP11_OFFSET) : undefined;
}

/** A field's value in a packet, over all of its bytes, as Open vSwitch reads it. Prerequisites are the caller's to check. */
export function getField(field: Field, flow: FlowWords, tlv: TlvTable = noTlvs): bigint {
  switch (field.mfName) {
    case 'in_port_oxm':
      return portToOfp11(flow[W.inPort] ?? 0);
    case 'actset_output':
      return portToOfp11(flow[W.actsetOutput] ?? 0);
    case 'nw_tos':
      return BigInt((flow[W.nwTos] ?? 0) & 0xfc);
    case 'nd_options_type':
      // The switch keeps the type in a 16-bit word and reads back its first byte only.
      return BigInt((flow[W.tcpFlags] ?? 0) >>> 8);
    case 'nsh_spi': {
      const spi = readSlices(flow, field.slices);
      return spi === 0xffffffn ? 0xffffffffn : spi;
    }
    case 'tcp_flags':
      return BigInt((flow[W.tcpFlags] ?? 0) & 0xffff);
    default: {
      const option = optionIndex(field.mfName);
      return option === undefined ? readSlices(flow, field.slices) : readOption(flow, tlv, option);
    }
  }
}

const CFI = 0x1000;

function setTci(flow: FlowWords, tci: number): void {
  const word = flow[W.vlan0] ?? 0;
  const tpid = word >>> 16;
  // A tag that appears has the usual TPID.
  flow[W.vlan0] = (((tpid === 0 && tci !== 0 ? 0x8100 : tpid) << 16) | tci) >>> 0;
}

/** Sets a field of a packet as Open vSwitch does: `dl_vlan` also makes the tag, ports of OpenFlow 1.1 are turned into 1.0's. */
export function setField(field: Field, value: bigint, flow: FlowWords, tlv: TlvTable = noTlvs): void {
  const tci = (flow[W.vlan0] ?? 0) & 0xffff;
  switch (field.mfName) {
    case 'in_port_oxm':
      flow[W.inPort] = portFromOfp11(value) ?? 0xffff;
      return;
    case 'actset_output':
      flow[W.actsetOutput] = portFromOfp11(value) ?? 0xffff;
      return;
    case 'vlan_tci':
      return setTci(flow, Number(value & 0xffffn));
    case 'dl_vlan':
      return setTci(flow, value === 0xffffn ? 0 : (tci & ~0xfff) | CFI | Number(value & 0xfffn));
    case 'vlan_vid':
      return setTci(flow, (tci & ~0x1fff) | Number(value & 0x1fffn));
    case 'dl_vlan_pcp':
    case 'vlan_pcp':
      return setTci(flow, (tci & ~0xe000) | CFI | (Number(value & 7n) << 13));
    case 'nw_tos':
      flow[W.nwTos] = ((flow[W.nwTos] ?? 0) & 3) | Number(value & 0xfcn);
      return;
    case 'tun_flags':
      flow[W.tunFlags] = (((flow[W.tunFlags] ?? 0) & ~1) | Number(value & 0xffffn)) >>> 0;
      return;
    case 'icmp_type':
    case 'icmpv6_type':
      flow[W.tpSrc] = Number(value & 0xffn);
      return;
    case 'icmp_code':
    case 'icmpv6_code':
      flow[W.tpDst] = Number(value & 0xffn);
      return;
    case 'nd_options_type':
      flow[W.tcpFlags] = Number(value & 0xffn);
      return;
    case 'tcp_flags':
      flow[W.tcpFlags] = Number(value & 0xffffn);
      return;
    default: {
      const option = optionIndex(field.mfName);
      if (option === undefined) writeSlices(flow, field.slices, value, ones(field.bits));
      else writeOption(flow, tlv, option, value);
    }
  }
}

/** Whether a field has any bit set in a packet (a Geneve option: whether it is there at all). */
export function isFieldSet(field: Field, flow: FlowWords, tlv: TlvTable = noTlvs): boolean {
  const option = optionIndex(field.mfName);
  return option === undefined ? getField(field, flow, tlv) !== 0n : hasOption(flow, option);
}

/** Replaces the bits of a field that `mask` has. */
export function setFieldMasked(field: Field, value: bigint, mask: bigint, flow: FlowWords, tlv: TlvTable = noTlvs): void {
  const before = getField(field, flow, tlv);
  setField(field, (before & ~mask) | (value & mask), flow, tlv);
}

/** Marks the bits of a field that `mask` has as looked at. */
export function lookAtField(field: Field, mask: bigint, wc: FlowWords, tlv: TlvTable = noTlvs): void {
  // All ones would mean "no VLAN" to dl_vlan.
  const bits = field.mfName === 'dl_vlan' ? mask & 0xfffn : mask;
  setField(field, getField(field, wc, tlv) | bits, wc, tlv);
  // Setting the label keeps its 20 bits of what a match has looked at as a whole word.
  if (field.mfName === 'ipv6_label') wc[W.ipv6Label] = wordAt(wc, W.ipv6Label) & 0xfffff;
}

/** What a flow demands of a packet, in the long form: `(packet & mask) == value`. */
export interface MatchWords {
  readonly value: FlowWords;
  readonly mask: FlowWords;
}

/** A match that every packet meets. */
export function matchAll(): MatchWords {
  return { value: emptyFlow(), mask: emptyFlow() };
}

function put(match: MatchWords, word: number, value: number, mask: number): void {
  match.value[word] = (value & mask) >>> 0;
  match.mask[word] = mask >>> 0;
}

/** The bits of a word under `bits` are replaced, others stay. */
function putBits(match: MatchWords, word: number, bits: number, value: number, mask: number): void {
  match.value[word] = (((match.value[word] ?? 0) & ~bits) | (value & mask & bits)) >>> 0;
  match.mask[word] = (((match.mask[word] ?? 0) & ~bits) | (mask & bits)) >>> 0;
}

/**
 * Makes a match demand `value` in the bits of a field that `mask` has, as Open vSwitch does, and that the packet be an Ethernet frame
 * where the field needs one. A mask of 0 takes the field out of the match. Geneve options are not kept in words: the caller's business.
 */
export function setMatchField(match: MatchWords, field: Field, value: bigint, mask: bigint): void {
  matchField(match, field, value, mask);
  if (field.prereq !== 'none') demandEthernet(match);
}

/** The packet must be an Ethernet frame, unless the match names another packet type already. */
export function demandEthernet(match: MatchWords): void {
  if ((match.mask[W.packetType] ?? 0) === 0) put(match, W.packetType, 0, 0xffffffff);
}

function matchField(match: MatchWords, field: Field, value: bigint, mask: bigint): void {
  const exact = mask === exactMask(field);
  const v = Number(BigInt.asUintN(32, value));
  const m = Number(BigInt.asUintN(32, mask));
  switch (field.mfName) {
    case 'in_port_oxm':
    case 'actset_output': {
      const word = field.mfName === 'in_port_oxm' ? W.inPort : W.actsetOutput;
      return put(match, word, portFromOfp11(value) ?? 0xffff, mask === 0n ? 0 : 0xffff);
    }
    case 'tun_flags':
      return put(match, W.tunFlags, v & 1, m & 1);
    case 'ct_state':
      return put(match, W.ctState, v & 0xff, m & 0xff);
    case 'vlan_tci':
      return putBits(match, W.vlan0, 0xffff, v, m);
    case 'dl_vlan':
      if (mask === 0n) return anyVlan(match, 0x0fff, 0xe000);
      if (v === 0xffff) return putBits(match, W.vlan0, 0xffff, 0, 0xffff);
      return putBits(match, W.vlan0, 0x1fff, CFI | (v & 0xfff), 0x1fff);
    case 'vlan_vid':
      if (mask === 0n) return anyVlan(match, 0x0fff, 0xe000);
      return putBits(match, W.vlan0, 0x1fff, v, m);
    case 'dl_vlan_pcp':
    case 'vlan_pcp':
      if (mask === 0n) return anyVlan(match, 0xe000, 0x0fff);
      return putBits(match, W.vlan0, 0xf000, CFI | ((v & 7) << 13), 0xf000);
    case 'nw_tos':
      return putBits(match, W.nwTos, 0xfc, v, m);
    case 'ip_dscp':
      return putBits(match, W.nwTos, 0xfc, v << 2, m << 2);
    case 'nw_ecn':
      return putBits(match, W.nwTos, 3, v, m);
    case 'ip_frag':
      return put(match, W.nwFrag, v, exact ? 3 : m & 3);
    case 'ipv6_label':
      // All 20 bits are the whole field.
      return put(match, W.ipv6Label, v, (m & 0xfffff) === 0xfffff ? 0xffffffff : m);
    // Of these Open vSwitch keeps the value that is asked for as its own mask: other bits of a packet don't count.
    case 'tun_erspan_ver':
      return put(match, W.tunErspanVer, v & m, v);
    case 'tun_erspan_dir':
      return put(match, W.tunErspanDir, v & m, v);
    case 'tun_erspan_hwid':
      return put(match, W.tunErspanHwid, v & m, v);
    case 'tun_gtpu_flags':
      return put(match, W.tunGtpuFlags, v & m, v);
    case 'tun_gtpu_msgtype':
      return put(match, W.tunGtpuMsgtype, v & m, v);
    case 'tcp_flags':
      return put(match, W.tcpFlags, v, m & 0xffff);
    case 'nd_options_type':
      return put(match, W.tcpFlags, v & 0xff, exact ? 0xffff : 0);
    case 'icmp_type':
    case 'icmpv6_type':
      return put(match, W.tpSrc, v & 0xff, exact ? 0xffff : 0);
    case 'icmp_code':
    case 'icmpv6_code':
      return put(match, W.tpDst, v & 0xff, exact ? 0xffff : 0);
    default:
      writeSlices(match.value, field.slices, value & mask, ones(field.bits));
      writeSlices(match.mask, field.slices, mask, ones(field.bits));
  }
}

/** Without a VLAN (or priority) the presence bit goes too, unless the other one is still demanded. */
function anyVlan(match: MatchWords, bits: number, others: number): void {
  if (((match.mask[W.vlan0] ?? 0) & others) !== 0) putBits(match, W.vlan0, bits, 0, 0);
  else putBits(match, W.vlan0, 0xffff, 0, 0);
}
