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

/** The protocols of a tag: 802.1Q's and the provider's (802.1ad). */
export const Q_TAG = 0x8100;
export const AD_TAG = 0x88a8;
/** A tag of which no capture tells the protocol; it is taken for whatever is looked for. */
export const ANY_TAG = 0;

/** The VLAN of a tagged packet, the outer one where it has several tags; undefined for an untagged one. */
export function vlanOf(key: FlowKey): number | undefined {
  const tci = word(key, 'vlan_tci');
  return (tci & 0x1000n) === 0n ? undefined : Number(tci & 0xfffn);
}

/** The packet in a VLAN: with its outer tag changed, or with one where it had none. */
export function withVlan(key: FlowKey, vid: number): FlowKey {
  const tci = word(key, 'vlan_tci');
  return new Map(key).set('vlan_tci', (tci & 0xe000n) | 0x1000n | BigInt(vid & 0xfff));
}

/** The protocol of the outer tag; undefined for an untagged packet. */
export function vlanProtocolOf(key: FlowKey): number | undefined {
  return vlanOf(key) === undefined ? undefined : Number(key.get('vlan_tpid') ?? BigInt(Q_TAG));
}

/** Whether the outer tag is of a protocol, as far as anybody knows. */
export function hasTagOf(key: FlowKey, protocol: number): boolean {
  const own = vlanProtocolOf(key);
  return own !== undefined && (own === protocol || own === ANY_TAG || protocol === ANY_TAG);
}

/** The packet with one more tag around those that it has. What is inside is kept in words of protocol and tag, the outermost of them last. */
export function pushVlan(key: FlowKey, vid: number, protocol: number = Q_TAG): FlowKey {
  const next = new Map(key);
  const outer = vlanProtocolOf(key);
  if (outer !== undefined)
    next.set('vlan_inner', (word(key, 'vlan_inner') << 32n) | (BigInt(outer) << 16n) | (word(key, 'vlan_tci') & 0xffffn));
  return setTag(next.set('vlan_tci', 0x1000n | BigInt(vid & 0xfff)), BigInt(protocol));
}

/** The packet without its outer tag. */
export function withoutVlan(key: FlowKey): FlowKey {
  const next = new Map(key);
  const inner = word(key, 'vlan_inner');
  next.delete('vlan_tpid');
  if (inner === 0n) return next.set('vlan_tci', 0n);
  if (inner >> 32n === 0n) next.delete('vlan_inner');
  else next.set('vlan_inner', inner >> 32n);
  return setTag(next.set('vlan_tci', inner & 0xffffn), (inner >> 16n) & 0xffffn);
}

function setTag(key: Map<string, bigint>, protocol: bigint): FlowKey {
  if (protocol === BigInt(Q_TAG)) key.delete('vlan_tpid');
  else key.set('vlan_tpid', protocol);
  return key;
}

/** The VLANs of all tags, from the outside in. */
export function vlansOf(key: FlowKey): number[] {
  const vlans: number[] = [];
  for (let left = key, vlan = vlanOf(left); vlan !== undefined; left = withoutVlan(left), vlan = vlanOf(left)) vlans.push(vlan);
  return vlans;
}

/** The protocol that `ip -d link` names; nobody knows where it names none. */
export function tagProtocol(name: string | undefined): number {
  if (name === undefined) return ANY_TAG;
  return name.toLowerCase() === '802.1ad' ? AD_TAG : Q_TAG;
}
