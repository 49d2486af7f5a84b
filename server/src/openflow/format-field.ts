import { ones } from '../base/bits';
import { formatIpv4, formatIpv6, formatMac } from '../packet/address';
import type { Field } from '../packet/field';
import { exactMask } from '../packet/fields';
import { portFromOfp11 } from './field-access';
import { ctStateFlags, formatFlagsMasked, tcpFlags, tunnelFlags } from './flags';
import { formatPort, type NameMap } from './names';
import type { MfSubfield } from './ofpact';
import { fragmentWord } from './parse-field';
import { optionIndex, type TlvTable } from './tlv';

/** `0x1f`; `0` for zero, as Open vSwitch prints hexadecimal bytes. */
export function putHex(value: bigint): string {
  return value === 0n ? '0' : `0x${value.toString(16)}`;
}

/** A contiguous run of ones at the top of `width` bits. */
export function isCidr(mask: bigint, width: number): boolean {
  const low = mask ^ ones(width);
  return (low & (low + 1n)) === 0n;
}

/** Number of ones of a CIDR mask. */
export function prefixLength(mask: bigint, width: number): number {
  const zeros = mask ^ ones(width);
  return zeros === 0n ? width : width - zeros.toString(2).length;
}

export function formatIpv4Masked(value: bigint, mask: bigint): string {
  if (mask === ones(32)) return formatIpv4(value);
  return `${formatIpv4(value)}/${isCidr(mask, 32) ? prefixLength(mask, 32) : formatIpv4(mask)}`;
}

export function formatIpv6Masked(value: bigint, mask: bigint): string {
  if (mask === ones(128)) return printIpv6(value);
  return `${printIpv6(value)}/${isCidr(mask, 128) ? prefixLength(mask, 128) : printIpv6(mask)}`;
}

/** As the C library prints addresses: an IPv4 address inside ::/96 and ::ffff:0:0/96 in dotted form. */
export function printIpv6(value: bigint): string {
  const high = value >> 32n;
  if (high === 0n && value > 0xffffn) return `::${formatIpv4(value)}`;
  if (high === 0xffffn) return `::ffff:${formatIpv4(value & ones(32))}`;
  return formatIpv6(value);
}

export function formatMacMasked(value: bigint, mask: bigint): string {
  return mask === ones(48) ? formatMac(value) : `${formatMac(value)}/${formatMac(mask)}`;
}

function short(value: number, mask: number): string {
  if (mask === 0) return '*';
  const text = value > 9 ? `0x${value.toString(16)}` : String(value);
  return mask === 0xffff ? text : `${text}/0x${mask.toString(16)}`;
}

/** `eth`, or `packet_type=(1,0x894f)`. */
export function formatPacketType(value: number, mask: number): string {
  if (value === 0 && mask >>> 0 === 0xffffffff) return 'eth';
  return `packet_type=(${short(value >>> 16, mask >>> 16)},${short(value & 0xffff, mask & 0xffff)})`;
}

/** A field's value as `set_field` and `learn` print it. `mask` undefined: all of it. */
export function formatFieldValue(field: Field, value: bigint, mask?: bigint, ports?: NameMap): string {
  if (mask === 0n) return 'ANY';
  const masked = mask === undefined || mask === exactMask(field) ? undefined : mask;
  const m = Number(BigInt.asUintN(32, masked ?? exactMask(field)));
  const v = Number(BigInt.asUintN(32, value));
  switch (field.format) {
    case 'port':
      if (masked === undefined) return formatPort(field.bytes === 4 ? (portFromOfp11(value) ?? 0xffff) : v, ports);
      return integer(field, value, masked);
    case 'number':
    case 'hex':
      return integer(field, value, masked);
    case 'ct-state':
      return formatFlagsMasked(ctStateFlags, v, masked === undefined ? 0xffffffff : m, 0xffff);
    case 'mac':
      return formatMacMasked(value, masked ?? ones(48));
    case 'ipv4':
      return formatIpv4Masked(value, masked ?? ones(32));
    case 'ipv6':
      return formatIpv6Masked(value, masked ?? ones(128));
    case 'frag':
      return fragmentWord(v, m);
    case 'tun-flags':
      return formatFlagsMasked(tunnelFlags, v, m & 1, 1);
    case 'tcp-flags':
      return formatFlagsMasked(tcpFlags, v, m & 0xfff, 0xfff);
    case 'packet-type':
      return formatPacketType(v, m);
  }
}

function integer(field: Field, value: bigint, mask: bigint | undefined): string {
  const text = field.format === 'hex' ? putHex(value) : value.toString();
  return mask === undefined ? text : `${text}/${putHex(mask)}`;
}

/** A run of a field's bits as actions print it: `NXM_OF_VLAN_TCI[0..11]`. With `tlv`, Geneve options are as wide as the switch has them. */
export function formatSubfield({ field, ofs, bits }: MfSubfield, tlv?: TlvTable): string {
  const option = optionIndex(field.mfName);
  const mapped = option === undefined ? undefined : tlv?.entries.get(option);
  const width = mapped ? Math.min(8 * mapped.length, field.bits) : field.bits;
  if (ofs === 0 && (bits === field.bits || bits === width)) return `${field.header}[]`;
  return bits === 1 ? `${field.header}[${ofs}]` : `${field.header}[${ofs}..${ofs + bits - 1}]`;
}
