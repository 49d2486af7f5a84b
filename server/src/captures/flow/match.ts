import { ones, parseNumber } from '../../base/bits';
import { parseIpv4, parseIpv6, parseMac } from '../../packet/address';
import { ctStateBits, fieldMask, fragWords, reservedPorts, tcpFlagBits, type Field } from '../../packet/fields';

/** A value with its mask, or a port's name, or a sentence that says what is wrong with the text. */
export type FieldValue =
  | { readonly kind: 'bits'; readonly value: bigint; readonly mask: bigint }
  | { readonly kind: 'port-name'; readonly name: string }
  | { readonly kind: 'wrong'; readonly message: string };

const bits = (value: bigint, mask: bigint): FieldValue => ({ kind: 'bits', value: value & mask, mask });
const wrong = (message: string): FieldValue => ({ kind: 'wrong', message });

/** Reads a field's value in any spelling of ovs-fields(7): `172.16.0.0/12`, `+trk-new`, `0x2/0xff`, `"eth0"`. */
export function parseFieldValue(field: Field, text: string): FieldValue {
  switch (field.format) {
    case 'mac':
      return masked(field, text, parseMac, 'a MAC address such as fa:16:3e:00:00:01');
    case 'ipv4':
      return address(field, text, 32, parseIpv4, 'an IPv4 address such as 10.0.0.1 or 10.0.0.0/8');
    case 'ipv6':
      return address(field, text, 128, parseIpv6, 'an IPv6 address such as fe80::1 or fe80::/64');
    case 'port':
      return port(text);
    case 'ct-state':
      return flags(field, text, ctStateBits);
    case 'tcp-flags':
      return flags(field, text, tcpFlagBits);
    case 'tun-flags':
      return flags(field, text, { oam: 1n });
    case 'frag':
      return Object.hasOwn(fragWords, text)
        ? bits(fragWords[text]?.value ?? 0n, fragWords[text]?.mask ?? 0n)
        : masked(field, text, parseNumber, 'no, yes, first, later or not_later');
    case 'packet-type': {
      const pair = /^\(?(?:ns=)?(\w+),(?:id=)?(\w+)\)?$/.exec(text);
      const ns = parseNumber(pair?.[1] ?? '');
      const id = parseNumber(pair?.[2] ?? '');
      return ns === undefined || id === undefined
        ? masked(field, text, parseNumber, '(namespace,type)')
        : bits((ns << 16n) | id, ones(32));
    }
    case 'number':
    case 'hex':
      if (field.name === 'dl_vlan') return vlan(text);
      return masked(field, text, parseNumber, 'a number');
  }
}

function masked(field: Field, text: string, parse: (text: string) => bigint | undefined, expected: string): FieldValue {
  const [valueText = '', maskText] = text.split('/');
  const value = parse(valueText);
  const mask = maskText === undefined ? fieldMask(field) : parse(maskText);
  if (value === undefined || mask === undefined) return wrong(`"${text}" is no value of ${field.name}; expected ${expected}`);
  if (value > fieldMask(field)) return wrong(`"${text}" does not fit the ${field.bits} bits of ${field.name}`);
  return bits(value, mask & fieldMask(field));
}

function address(
  field: Field,
  text: string,
  width: number,
  parse: (text: string) => bigint | undefined,
  expected: string,
): FieldValue {
  const [addressText = '', suffix] = text.split('/');
  const value = parse(addressText);
  let mask: bigint | undefined = ones(width);
  if (suffix !== undefined) {
    mask = /^\d+$/.test(suffix) && Number(suffix) <= width ? ones(width) ^ ones(width - Number(suffix)) : parse(suffix);
  }
  if (value === undefined || mask === undefined) return wrong(`"${text}" is no value of ${field.name}; expected ${expected}`);
  return bits(value, mask);
}

function port(text: string): FieldValue {
  const number = parseNumber(text);
  if (number !== undefined) return bits(number, ones(32));
  const name = text.replace(/^"(.*)"$/, '$1');
  const reserved = reservedPorts[name.toUpperCase()];
  if (reserved !== undefined) return bits(BigInt(reserved), ones(32));
  return name === '' ? wrong('a port number or name is missing') : { kind: 'port-name', name };
}

function vlan(text: string): FieldValue {
  const number = parseNumber(text);
  if (number === undefined) return wrong(`"${text}" is no VLAN; expected 0 to 4095, or 65535 for untagged`);
  // 0xffff stands for "no 802.1Q header" (OFP10_VLAN_NONE in ovs-fields(7)).
  if (number === 0xffffn) return bits(0n, 0xffffn);
  if (number > 0xfffn) return wrong(`VLAN ${number} is out of range; expected 0 to 4095, or 65535 for untagged`);
  return bits(0x1000n | number, 0x1fffn);
}

function flags(field: Field, text: string, known: Readonly<Record<string, bigint>>): FieldValue {
  if (/^[0-9]/.test(text)) return masked(field, text, parseNumber, 'flags such as +trk-new');
  let value = 0n;
  let mask = 0n;
  const words = text.match(/[+-]?[a-z]+/g) ?? [];
  if (words.join('') !== text.replaceAll('|', '') || words.length === 0) {
    return wrong(`"${text}" are no flags of ${field.name}; expected for instance +${Object.keys(known)[0] ?? ''}`);
  }
  for (const word of words) {
    const bit = known[word.replace(/^[+-]/, '')];
    if (bit === undefined) return wrong(`${field.name} has no flag "${word}"; it has ${Object.keys(known).join(', ')}`);
    mask |= bit;
    if (!word.startsWith('-')) value |= bit;
  }
  return bits(value, mask);
}
