import { ones } from '../base/bits';
import type { Field } from './field';
import { fieldOf } from './fields';

/** A packet's headers and what the switch keeps beside them, by storage key; what is absent is 0, as in Open vSwitch's struct flow. */
export type FlowKey = ReadonlyMap<string, bigint>;

/** The bits of a stored word: 0 unless set. */
function word(key: FlowKey, name: string): bigint {
  return key.get(name) ?? 0n;
}

/** A field's value, put together from where its bits are kept. */
export function getField(key: FlowKey, field: Field): bigint {
  const [only, ...rest] = field.storage;
  if (only && rest.length === 0) return (word(key, only.key) >> BigInt(only.shift)) & ones(field.bits);
  return field.storage.reduce((value, part) => value | (word(key, part.key) << BigInt(part.shift)), 0n);
}

/** The packet with the masked bits of a field replaced. */
export function setField(key: FlowKey, field: Field, value: bigint, mask: bigint = ones(field.bits)): FlowKey {
  const next = new Map(key);
  const [only, ...rest] = field.storage;
  if (only && rest.length === 0) {
    const shifted = mask << BigInt(only.shift);
    next.set(only.key, (word(key, only.key) & ~shifted) | ((value << BigInt(only.shift)) & shifted));
    return next;
  }
  for (const part of field.storage) {
    const partMask = (mask >> BigInt(part.shift)) & ones(32);
    next.set(part.key, (word(key, part.key) & ~partMask) | ((value >> BigInt(part.shift)) & partMask));
  }
  return next;
}

/** A field by its canonical name; for names that the table is known to hold. */
export function get(key: FlowKey, name: string): bigint {
  const field = fieldOf(name);
  return field ? getField(key, field) : 0n;
}

export function set(key: FlowKey, name: string, value: bigint): FlowKey {
  const field = fieldOf(name);
  return field ? setField(key, field, value) : key;
}

/** The VLAN of a tagged packet, undefined for an untagged one. */
export function vlanOf(key: FlowKey): number | undefined {
  const tci = word(key, 'vlan_tci');
  return (tci & 0x1000n) === 0n ? undefined : Number(tci & 0xfffn);
}

export function withVlan(key: FlowKey, vid: number): FlowKey {
  const tci = word(key, 'vlan_tci');
  return new Map(key).set('vlan_tci', (tci & 0xe000n) | 0x1000n | BigInt(vid & 0xfff));
}

export function withoutVlan(key: FlowKey): FlowKey {
  return new Map(key).set('vlan_tci', 0n);
}
