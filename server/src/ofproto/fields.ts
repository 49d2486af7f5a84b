import { ones } from '../base/bits';
import { getField, lookAtField, setField } from '../openflow/field-access';
import type { MfSubfield } from '../openflow/ofpact';
import { optionIndex, tlvTable, type TlvTable } from '../openflow/tlv';
import type { Field } from '../packet/field';
import type { Bridge } from './switch';
import { type FlowWords, W } from '../packet/flow-words';

const tables = new WeakMap<Bridge, TlvTable>();

/** Where a bridge keeps its Geneve options. */
export function tlvsOf(bridge: Bridge): TlvTable {
  let table = tables.get(bridge);
  if (!table) tables.set(bridge, (table = tlvTable(bridge.tlvMap)));
  return table;
}

/** The bits that `NAME[a..b]` names, of a packet. */
export function readBits(bridge: Bridge, flow: FlowWords, { field, ofs, bits }: MfSubfield): bigint {
  return BigInt.asUintN(bits, getField(field, flow, tlvsOf(bridge)) >> BigInt(ofs));
}

/** Writes these bits; the field is read and written back whole, as the switch does, so that a VLAN's other bits take part. */
export function writeBits(bridge: Bridge, flow: FlowWords, { field, ofs, bits }: MfSubfield, value: bigint): void {
  const mask = ones(bits) << BigInt(ofs);
  const before = getField(field, flow, tlvsOf(bridge));
  setField(field, (before & ~mask) | ((value << BigInt(ofs)) & mask), flow, tlvsOf(bridge));
}

/** Notes that these bits were looked at. */
export function lookAtBits(bridge: Bridge, wc: FlowWords, { field, ofs, bits }: MfSubfield): void {
  lookAtField(field, ones(bits) << BigInt(ofs), wc, tlvsOf(bridge));
}

/** delete_field: the packet carries the option no more; its bytes stay, as a switch leaves them, and make a flow another one. */
export function deleteOption(bridge: Bridge, flow: FlowWords, field: Field): void {
  const index = optionIndex(field.mfName);
  if (index === undefined) return;
  if (!tlvsOf(bridge).entries.has(index)) return;
  const word = W.tunMdPresent + (index >= 32 ? 0 : 1);
  flow[word] = ((flow[word] ?? 0) & ~(1 << (index & 31))) >>> 0;
}
