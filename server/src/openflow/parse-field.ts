import { ones } from '../base/bits';
import { parseIpv6 } from '../packet/address';
import type { Field } from '../packet/field';
import { exactMask } from '../packet/fields';
import { ctStateFlags, parseFlags, tcpFlags, tunnelFlags, type FlagNames } from './flags';
import { parsePort, type NameMap } from './names';
import { portToOfp11 } from './field-access';

/** A value with its mask over all the field's bytes, a port's name that no port map was given for, or Open vSwitch's sentence. */
export type ParsedValue =
  | { readonly kind: 'value'; readonly value: bigint; readonly mask: bigint }
  | { readonly kind: 'port-name'; readonly name: string }
  | { readonly kind: 'error'; readonly message: string };

const error = (message: string): ParsedValue => ({ kind: 'error', message });
const exact = (field: Field, value: bigint): ParsedValue => ({ kind: 'value', value, mask: exactMask(field) });

/**
 * Reads a field's value in every spelling that Open vSwitch takes (ovs-fields(7)): `172.16.0.0/12`, `+trk-new`, `0x2/0xff`, `LOCAL`,
 * `*`. Errors are the sentences that ovs-ofctl prints. Without `ports`, a port's name is not resolved.
 */
export function parseFieldValue(field: Field, text: string, ports?: NameMap): ParsedValue {
  if (text === '*') return { kind: 'value', value: 0n, mask: 0n };
  const parsed = parseByFormat(field, text, ports);
  if (parsed.kind === 'value' && !field.maskable && parsed.mask !== 0n && parsed.mask !== exactMask(field)) {
    return error(`${text}: invalid mask for field ${field.mfName}`);
  }
  return parsed;
}

/** As `parseFieldValue`, but a mask is an error. */
export function parseExactValue(field: Field, text: string, ports?: NameMap): ParsedValue {
  const parsed = parseFieldValue(field, text, ports);
  return parsed.kind === 'value' && parsed.mask !== exactMask(field) ? error(`${text}: wildcards not allowed here`) : parsed;
}

function parseByFormat(field: Field, text: string, ports: NameMap | undefined): ParsedValue {
  switch (field.format) {
    case 'number':
    case 'hex':
      return integer(field, text);
    case 'mac':
      return mac(field, text);
    case 'ipv4':
      return ipv4(text);
    case 'ipv6':
      return ipv6(text);
    case 'port':
      return port(field, text, ports);
    case 'ct-state':
      return flags(field, ctStateFlags, text);
    case 'tcp-flags':
      return flags(field, tcpFlags, text);
    case 'tun-flags':
      return flags(field, tunnelFlags, text);
    case 'frag':
      return fragment(text);
    case 'packet-type':
      return packetType(text);
  }
}

/** `strtoull` with base 0, or hexadecimal of any length: the number and what follows it. */
export function parseInteger(
  text: string,
  bytes: number,
): { readonly value: bigint; readonly rest: string } | { readonly trouble: 'syntax' | 'range' } {
  if (/^0[xX]/.test(text)) {
    const match = /^0[xX]((?:\s*[0-9a-fA-F])*)\s*/.exec(text);
    const digits = (match?.[1] ?? '').replace(/\s/g, '').replace(/^0+/, '');
    if (Math.ceil(digits.length / 2) > bytes) return { trouble: 'range' };
    return { value: digits === '' ? 0n : BigInt(`0x${digits}`), rest: text.slice(match?.[0].length ?? 2) };
  }
  const match = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)/.exec(text);
  if (!match) return { trouble: 'syntax' };
  const digits = match[2] ?? '0';
  let value = /^0[0-7]+$/.test(digits) ? BigInt(`0o${digits.slice(1)}`) : BigInt(digits);
  if (value > ones(64)) return { trouble: 'range' };
  if (match[1] === '-') value = BigInt.asUintN(64, -value);
  return value > ones(8 * bytes) ? { trouble: 'range' } : { value, rest: text.slice(match[0].length) };
}

function integer(field: Field, text: string): ParsedValue {
  const trouble = (what: string, kind: 'syntax' | 'range') =>
    error(
      kind === 'range'
        ? `${text}: ${what} too large for ${field.bytes}-byte field ${field.mfName}`
        : `${text}: bad syntax for ${field.mfName} ${what}`,
    );
  const value = parseInteger(text, field.bytes);
  if ('trouble' in value) return trouble('value', value.trouble);
  if (value.rest === '') return exact(field, value.value);
  if (!value.rest.startsWith('/')) return trouble('value', 'syntax');
  const mask = parseInteger(value.rest.slice(1), field.bytes);
  if ('trouble' in mask) return trouble('mask', mask.trouble);
  return mask.rest === '' ? { kind: 'value', value: value.value, mask: mask.value } : trouble('mask', 'syntax');
}

const MAC = '([0-9a-fA-F]+):([0-9a-fA-F]+):([0-9a-fA-F]+):([0-9a-fA-F]+):([0-9a-fA-F]+):([0-9a-fA-F]+)';
const oneMac = new RegExp(`^${MAC}$`);
const twoMacs = new RegExp(`^${MAC}/${MAC}$`);

/** Each number counts by its last byte only, as the switch's scanner has it. */
function macOf(parts: readonly string[]): bigint {
  return parts.reduce((value, part) => (value << 8n) | (BigInt(`0x${part}`) & 0xffn), 0n);
}

function mac(field: Field, text: string): ParsedValue {
  const one = oneMac.exec(text);
  if (one) return exact(field, macOf(one.slice(1)));
  const two = twoMacs.exec(text);
  if (two) return { kind: 'value', value: macOf(two.slice(1, 7)), mask: macOf(two.slice(7)) };
  return error(`${text}: invalid Ethernet address`);
}

/** The switch's scanner takes signs, and of each number its last byte. */
const IPV4 = '([+-]?\\d+)\\.([+-]?\\d+)\\.([+-]?\\d+)\\.([+-]?\\d+)';
const maskedIpv4 = new RegExp(`^\\s*${IPV4}/${IPV4}`);
const prefixedIpv4 = new RegExp(`^\\s*${IPV4}/\\s*([+-]?\\d+)`);
const plainIpv4 = new RegExp(`^\\s*${IPV4}`);

function ipv4Of(parts: readonly string[]): bigint {
  return parts.reduce((value, part) => (value << 8n) | (BigInt(part) & 0xffn), 0n);
}

function ipv4(text: string): ParsedValue {
  const bad = error(`${text}: invalid IP address`);
  const masked = maskedIpv4.exec(text);
  if (masked) {
    if (masked[0] !== text) return bad;
    return { kind: 'value', value: ipv4Of(masked.slice(1, 5)), mask: ipv4Of(masked.slice(5)) };
  }
  const prefixed = prefixedIpv4.exec(text);
  if (prefixed) {
    const length = Number(prefixed[5]);
    if (length < 0 || length > 32) return error(`${text}: IPv4 network prefix bits not between 0 and 32, inclusive`);
    if (prefixed[0] !== text) return bad;
    return { kind: 'value', value: ipv4Of(prefixed.slice(1, 5)), mask: ones(32) ^ ones(32 - length) };
  }
  const plain = plainIpv4.exec(text);
  return plain && plain[0] === text ? { kind: 'value', value: ipv4Of(plain.slice(1, 5)), mask: ones(32) } : bad;
}

function ipv6(text: string): ParsedValue {
  const bad = error(`${text}: invalid IPv6 address`);
  const match = /^\s*([0-9a-fA-F:.]{1,46})(?:\/(?:([+-]?\d+)(?![0-9a-fA-F:.])|([0-9a-fA-F:.]{1,46})))?/.exec(text);
  const value = match ? parseIpv6(match[1] ?? '') : undefined;
  if (!match || value === undefined) return bad;
  const [whole, , prefix, maskText] = match;
  if (prefix !== undefined) {
    const length = Number(prefix);
    if (length < 0 || length > 128) return error(`${text}: IPv6 network prefix bits not between 0 and 128, inclusive`);
    return whole === text ? { kind: 'value', value, mask: ones(128) ^ ones(128 - length) } : bad;
  }
  const mask = maskText === undefined ? ones(128) : parseIpv6(maskText);
  if (mask === undefined) return error(`${text}: Invalid IPv6 mask`);
  return whole === text ? { kind: 'value', value, mask } : bad;
}

function port(field: Field, text: string, ports: NameMap | undefined): ParsedValue {
  // Some bits of a port, which a switch prints of a load into them and takes from nobody.
  if (field.maskable && /^\d+\/0x[0-9a-f]+$/.test(text)) return integer(field, text);
  const found = parsePort(text, ports);
  if (typeof found === 'string') return { kind: 'port-name', name: found };
  if (found !== undefined) return exact(field, field.bytes === 2 ? BigInt(found) : portToOfp11(found));
  return error(
    field.bytes === 2
      ? `${text}: invalid or unknown port for ${field.mfName}`
      : `${text}: port value out of range for ${field.mfName}`,
  );
}

function flags(field: Field, names: FlagNames, text: string): ParsedValue {
  const parsed = parseFlags(names, text);
  if ('error' in parsed) return error(parsed.error);
  return { kind: 'value', value: BigInt(parsed.value >>> 0), mask: BigInt(parsed.mask >>> 0) & exactMask(field) };
}

/** Value and mask of `nw_frag`'s words: bit 0 any fragment, bit 1 later ones. The mask's other bits are set, to make it "exact". */
const fragments: readonly (readonly [string, bigint, bigint])[] = [
  ['no', 0n, 3n],
  ['first', 1n, 3n],
  ['later', 3n, 3n],
  ['yes', 1n, 1n],
  ['not_later', 0n, 2n],
];

function fragment(text: string): ParsedValue {
  const found = fragments.find(([name]) => name === text.toLowerCase());
  if (found) return { kind: 'value', value: found[1], mask: found[2] | 0xfcn };
  return error(`${text}: unknown fragment type (valid types are "no", "yes", "first", "later", "not_later"`);
}

/** nw_frag's word for a value and mask of its two bits. */
export function fragmentWord(value: number, mask: number): string {
  const m = mask & 3;
  const v = value & m;
  if (m === 1 && v === 0) return 'no';
  if (m === 2 && v === 2) return 'later';
  return fragments.find(([, each, bits]) => Number(each) === v && Number(bits) === m)?.[0] ?? '<error>';
}

function packetType(text: string): ParsedValue {
  const bad = (at: string, what: string) => error(`${at}: bad syntax for packet type ${what}`);
  if (!text.startsWith('(')) return bad(text, "missing '('");
  const inner = text.slice(1);
  const ns = parseInteger(inner, 2);
  if ('trouble' in ns) return bad(inner, 'ns');
  if (!ns.rest.startsWith(',')) return bad(inner, "missing ','");
  const second = ns.rest.slice(1);
  const type = parseInteger(second, 2);
  if ('trouble' in type) return bad(second, 'ns_type');
  if (!type.rest.startsWith(')')) return bad(second, "missing ')'");
  return { kind: 'value', value: (ns.value << 16n) | type.value, mask: ones(32) };
}

/** Whether a value can be set at all: some fields leave bits unused, some have values that nothing may have (ovs-fields(7)). */
export function isValidValue(field: Field, value: bigint): boolean {
  switch (field.mfName) {
    case 'in_port_oxm':
    case 'actset_output':
      return value < 0xff00n || value >= 0xffffff00n;
    case 'nw_tos':
      return (value & 3n) === 0n;
    case 'ip_dscp':
      return value < 64n;
    case 'nw_ecn':
    case 'ip_frag':
      return value < 4n;
    case 'tcp_flags':
      return value <= 0xfffn;
    case 'arp_op':
      return value <= 0xffn;
    case 'dl_vlan':
      return (value & 0xf000n) === 0n;
    case 'vlan_vid':
      return (value & 0xe000n) === 0n;
    case 'dl_vlan_pcp':
    case 'vlan_pcp':
    case 'mpls_tc':
      return value < 8n;
    case 'ipv6_label':
    case 'mpls_label':
      return value <= 0xfffffn;
    case 'mpls_bos':
    case 'tun_flags':
      return value < 2n;
    case 'ct_state':
      return value <= 0xffn;
    case 'nsh_ttl':
      return value <= 63n;
    case 'nsh_mdtype':
      return value === 1n || value === 2n;
    case 'nsh_spi':
      return value <= 0xffffffn;
    default:
      return true;
  }
}
