import { ones } from '../../base/bits';
import type { Field } from '../../packet/field';
import { exactMask } from '../../packet/fields';
import { parseFieldValue as parseOpenFlowValue, parseInteger } from '../../openflow/parse-field';
import { readSubfield } from './acts/subfield';

/** A value with its mask, or a port's name, or a sentence that says what is wrong with the text. */
export type FieldValue =
  | { readonly kind: 'bits'; readonly value: bigint; readonly mask: bigint }
  | { readonly kind: 'port-name'; readonly name: string }
  | { readonly kind: 'wrong'; readonly message: string };

/**
 * Reads a field's value in any spelling of ovs-fields(7). The mask covers the field's own bits; of `dl_vlan` and `vlan_vid` the
 * result is the bits of `vlan_tci` that they stand for.
 */
export function parseFieldValue(field: Field, text: string): FieldValue {
  const parsed = parseOpenFlowValue(field, text === '' ? '0/0' : text);
  switch (parsed.kind) {
    case 'error':
      return { kind: 'wrong', message: parsed.message };
    case 'port-name':
      return parsed;
    case 'value':
      return field.mfName === 'dl_vlan' ? vlan(parsed.value, parsed.mask) : own(field, parsed.value, parsed.mask);
  }
}

function own(field: Field, value: bigint, mask: bigint): FieldValue {
  // OpenFlow 1.2's VLAN has the presence bit as its 13th.
  const all = ones(field.mfName === 'vlan_vid' ? 13 : field.bits);
  if (mask === exactMask(field) && value > all) {
    return { kind: 'wrong', message: `${value} does not fit the ${field.bits} bits of ${field.name}` };
  }
  return { kind: 'bits', value: value & mask & all, mask: mask & all };
}

function vlan(value: bigint, mask: bigint): FieldValue {
  if (mask === 0n) return { kind: 'bits', value: 0n, mask: 0n };
  // 0xffff stands for "no 802.1Q header" (OFP10_VLAN_NONE in ovs-fields(7)).
  if (value === 0xffffn) return { kind: 'bits', value: 0n, mask: 0xffffn };
  if (value > 0xfffn) {
    return { kind: 'wrong', message: `VLAN ${value} is out of range; expected 0 to 4095, or 65535 for untagged` };
  }
  return { kind: 'bits', value: 0x1000n | value, mask: 0x1fffn };
}

/** `reg0[0..3]=5`: a value in some of a field's bits. Undefined where the name names none. */
export function parseBits(name: string, text: string): { readonly field: Field; readonly read: FieldValue } | undefined {
  const sub = readSubfield(name);
  if (typeof sub === 'string') return undefined;
  const parsed = parseInteger(text, sub.field.bytes);
  if ('trouble' in parsed || parsed.rest !== '') {
    return { field: sub.field, read: { kind: 'wrong', message: `${name}: cannot parse integer value: ${text}` } };
  }
  if (parsed.value > ones(sub.bits)) {
    const message = `${name}: value ${text} does not fit into ${sub.bits} bits`;
    return { field: sub.field, read: { kind: 'wrong', message } };
  }
  const shift = BigInt(sub.ofs);
  return { field: sub.field, read: { kind: 'bits', value: parsed.value << shift, mask: ones(sub.bits) << shift } };
}
