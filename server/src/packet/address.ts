import { ones } from '../base/bits';

/** The 48 bits of `fa:16:3e:…` (one or two digits a byte); undefined for anything else. */
export function parseMac(text: string): bigint | undefined {
  const bytes = text.split(':');
  if (bytes.length !== 6) return undefined;
  let value = 0n;
  for (const byte of bytes) {
    if (!/^[0-9a-fA-F]{1,2}$/.test(byte)) return undefined;
    value = (value << 8n) | BigInt(parseInt(byte, 16));
  }
  return value;
}

export function formatMac(value: bigint): string {
  return value
    .toString(16)
    .padStart(12, '0')
    .replace(/(..)(?=.)/g, '$1:');
}

/** Multicast, broadcast included: the group bit of the first byte (IEEE 802). */
export function isMulticastMac(value: bigint): boolean {
  return ((value >> 40n) & 1n) === 1n;
}

/** The 32 bits of a dotted quad; undefined for anything else. */
export function parseIpv4(text: string): bigint | undefined {
  const value = parseQuad(text);
  return value === undefined ? undefined : BigInt(value);
}

/** The same as a number: for those who read a hundred thousand of them. */
export function parseQuad(text: string): number | undefined {
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : DOT;
    if (c === DOT) {
      if (digits === 0 || part > 255) return undefined;
      value = value * 256 + part;
      part = 0;
      digits = 0;
      dots++;
    } else {
      if (c < 48 || c > 57 || ++digits > 3) return undefined;
      part = part * 10 + c - 48;
    }
  }
  return dots === 4 ? value : undefined;
}

const DOT = 46;

export function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => ((value >> shift) & 0xffn).toString()).join('.');
}

/** The 128 bits of an IPv6 address in any of RFC 4291's spellings; undefined for anything else. */
export function parseIpv6(text: string): bigint | undefined {
  let source = text;
  const v4 = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(source);
  if (v4) {
    const low = parseIpv4(v4[2] ?? '');
    if (low === undefined) return undefined;
    source = `${v4[1] ?? ''}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string | undefined) => (half === undefined || half === '' ? [] : half.split(':'));
  const head = groups(halves[0]);
  const tail = groups(halves[1]);
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...tail]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    value = (value << 16n) | BigInt(parseInt(group, 16));
  }
  return value;
}

/** As inet_ntop(3) writes it: lower case, the longest run of zero groups shortened, IPv4 addresses inside as dotted quads. */
export function formatIpv6(value: bigint): string {
  const high = value >> 32n;
  if ((high === 0n && value >> 16n !== 0n) || high === 0xffffn)
    return `${high === 0n ? '::' : '::ffff:'}${formatIpv4(value & 0xffffffffn)}`;
  const groups = Array.from({ length: 8 }, (_, n) => (value >> BigInt(112 - 16 * n)) & 0xffffn);
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0n) length++;
    if (length > best.length) best = { at, length };
  }
  const text = (part: bigint[]) => part.map((group) => group.toString(16)).join(':');
  if (best.at < 0) return text(groups);
  return `${text(groups.slice(0, best.at))}::${text(groups.slice(best.at + best.length))}`;
}

export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** An IPv4 or IPv6 address; undefined for anything else. */
export function parseIp(text: string): IpAddress | undefined {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return { family: 4, value: v4 };
  const v6 = text.includes(':') ? parseIpv6(text) : undefined;
  return v6 === undefined ? undefined : { family: 6, value: v6 };
}

export interface IpPrefix {
  readonly family: 4 | 6;
  readonly value: bigint;
  readonly mask: bigint;
  readonly length: number;
}

/** `10.0.0.0/8`, `10.0.0.0/255.0.0.0` (any mask) or a lone address; undefined for anything else. `length` counts the mask's ones. */
export function parsePrefix(text: string): IpPrefix | undefined {
  const [address, suffix] = text.split('/');
  const ip = parseIp(address ?? '');
  if (!ip) return undefined;
  const bits = ip.family === 4 ? 32 : 128;
  let mask = ones(bits);
  if (suffix !== undefined) {
    if (/^\d+$/.test(suffix)) {
      if (Number(suffix) > bits) return undefined;
      mask = ones(bits) ^ ones(bits - Number(suffix));
    } else {
      const given = parseIp(suffix);
      if (given?.family !== ip.family) return undefined;
      mask = given.value;
    }
  }
  return { family: ip.family, value: ip.value & mask, mask, length: mask.toString(2).replaceAll('0', '').length };
}

export function inPrefix(ip: IpAddress, prefix: IpPrefix): boolean {
  return ip.family === prefix.family && (ip.value & prefix.mask) === prefix.value;
}
