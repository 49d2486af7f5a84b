import { ones } from '../../../base/bits';
import { parseIpv4 } from '../../../packet/address';
import { exactMask, mfFromHeader, mfFromName } from '../../../packet/fields';
import { formatFieldValue } from '../../../openflow/format-field';
import { keyValues } from '../../../openflow/key-values';
import type { EncapProperty, OfpAct } from '../../../openflow/ofpact';
import { isValidValue, parseFieldValue, parseInteger } from '../../../openflow/parse-field';
import { u16, u32, u64, u8, words, type ActText, type ReadAct } from './numbers';
import { readArrow, readMove, readSubfield, readSubfieldStart } from './subfield';

export function setField({ argument, names }: ActText): ReadAct {
  const ends = readArrow(argument);
  if (typeof ends === 'string') return ends;
  const field = mfFromName(ends.target);
  if (!field) return `${ends.target} is not a valid OXM field name`;
  if (!field.writable) return `${ends.target} is read-only`;
  // A load into some of a field's bits is a set_field with a mask in dumps of OpenFlow 1.5, whatever the field.
  const parsed = parseFieldValue(names.printed ? { ...field, maskable: true } : field, ends.value, names.ports);
  const base = { kind: 'set_field', field, flowHasVlan: false, load: false } as const;
  // So a Geneve option without a value is printed: it is put there, and that is all.
  if (names.printed && ends.value === 'ANY' && field.mfName.startsWith('tun_metadata')) return { ...base, value: 0n, mask: 0n };
  switch (parsed.kind) {
    case 'error':
      return parsed.message;
    case 'port-name':
      return { ...base, value: 0n, mask: exactMask(field), portName: parsed.name };
    case 'value':
      if (!isValidValue(field, parsed.value)) return `${ends.value} is not a valid value for field ${ends.target}`;
      // Bits outside the mask do not count, and are not kept.
      return { ...base, value: parsed.value & parsed.mask, mask: parsed.mask };
  }
}

export function load({ argument }: ActText): ReadAct {
  const ends = readArrow(argument);
  if (typeof ends === 'string') return ends;
  const dst = readSubfield(ends.target);
  if (typeof dst === 'string') return dst;
  const parsed = parseInteger(argument, dst.field.bytes);
  if ('trouble' in parsed) return `${argument}: cannot parse integer value`;
  if (parsed.value > ones(dst.bits)) {
    return `${argument}: value ${formatFieldValue(dst.field, parsed.value)} does not fit into ${dst.bits} bits`;
  }
  const shift = BigInt(dst.ofs);
  return {
    kind: 'set_field',
    field: dst.field,
    value: parsed.value << shift,
    mask: ones(dst.bits) << shift,
    flowHasVlan: false,
    load: true,
  };
}

export function move({ argument, names }: ActText): ReadAct {
  const ends = readMove(argument, names.printed);
  return typeof ends === 'string' ? ends : { kind: 'reg_move', ...ends };
}

export function stack({ name, argument }: ActText): ReadAct {
  const read = readSubfieldStart(argument);
  if (typeof read === 'string') return read;
  if (read.rest !== '') return `${read.rest}: trailing garbage following push or pop`;
  return { kind: name.toLowerCase() === 'push' ? 'stack_push' : 'stack_pop', subfield: read.subfield };
}

/** A number that fits its field, made into an action. */
function number(
  read: (text: string, what: string) => number | string,
  what: string,
  make: (value: number) => OfpAct,
  valid: (value: number) => boolean = () => true,
  invalid = what,
): (text: ActText) => ReadAct {
  return ({ argument }) => {
    const value = read(argument, what);
    if (typeof value === 'string') return value;
    return valid(value) ? make(value) : `${argument}: not a valid ${invalid}`;
  };
}

function vlanVid(pushIfNeeded: boolean) {
  return number(
    u16,
    'VLAN VID',
    (vid) => ({ kind: 'set_vlan_vid', vid, pushIfNeeded, flowHasVlan: false }),
    (vid) => vid < 4096,
  );
}

function vlanPcp(pushIfNeeded: boolean) {
  return number(
    u8,
    'VLAN PCP',
    (pcp) => ({ kind: 'set_vlan_pcp', pcp, pushIfNeeded, flowHasVlan: false }),
    (pcp) => pcp < 8,
  );
}

function ethernetAddress(kind: 'set_eth_src' | 'set_eth_dst') {
  return ({ argument }: ActText): ReadAct => {
    const match = /^\s*([0-9a-fA-F]+):([0-9a-fA-F]+):([0-9a-fA-F]+):([0-9a-fA-F]+):([0-9a-fA-F]+):([0-9a-fA-F]+)/.exec(argument);
    if (!match) return `invalid mac address ${argument}`;
    return { kind, mac: match.slice(1).reduce((value, part) => (value << 8n) | (BigInt(`0x${part}`) & 0xffn), 0n) };
  };
}

function ipAddress(kind: 'set_ipv4_src' | 'set_ipv4_dst') {
  return ({ argument }: ActText): ReadAct => {
    const ip = parseIpv4(argument);
    return ip === undefined ? `${argument}: could not convert to IP address` : { kind, ip: Number(ip) };
  };
}

function mplsNumber(name: string, what: string, make: (value: number) => OfpAct, limit: number): (text: ActText) => ReadAct {
  return ({ argument }) => {
    if (argument === '') return `set_mpls_${name}: expected ${name}.`;
    const value = name === 'label' ? u32(argument) : u8(argument, what);
    if (typeof value === 'string') return value;
    return value <= limit ? make(value) : `${argument}: not a valid ${what}`;
  };
}

function tunnel(wide: boolean) {
  return ({ argument }: ActText): ReadAct => {
    const id = u64(argument);
    return typeof id === 'string' ? id : { kind: 'set_tunnel', id, wide };
  };
}

function decTtl({ argument, call }: ActText): ReadAct {
  // A switch prints `dec_ttl()` for a list of controllers that is empty.
  if (argument === '') return { kind: 'dec_ttl', ids: call ? [] : [0], explicit: call };
  const ids = words(argument, /[, ]+/).map((word) => Number(/^[+-]?\d+/.exec(word)?.[0] ?? 0) & 0xffff);
  return ids.length === 0 ? 'dec_ttl_cnt_ids: expected at least one controller id.' : { kind: 'dec_ttl', ids, explicit: true };
}

function pushVlan({ argument }: ActText): ReadAct {
  const ethertype = u16(argument, 'ethertype');
  if (typeof ethertype === 'string') return ethertype;
  if (ethertype !== 0x8100 && ethertype !== 0x88a8) return `${argument}: not a valid VLAN ethertype`;
  return { kind: 'push_vlan', ethertype };
}

function deleteField({ argument }: ActText): ReadAct {
  const field = mfFromHeader(argument);
  return field ? { kind: 'delete_field', field } : `unknown field \`${argument}'`;
}

const encapTypes: Readonly<Record<string, number>> = { ethernet: 0, nsh: 0x1894f, mpls: 0x18847, mpls_mc: 0x18848 };

function encap({ argument }: ActText): ReadAct {
  const [header] = keyValues(argument);
  if (!header) return `Missing encap hdr: ${argument}`;
  const packetType = Object.hasOwn(encapTypes, header.key) ? encapTypes[header.key] : undefined;
  if (packetType === undefined) return `Encap hdr not supported: ${header.value}`;
  const properties: EncapProperty[] = [];
  for (const { key, value } of keyValues(header.value)) {
    if (header.key !== 'nsh' || (key !== 'md_type' && key !== 'tlv')) return `Invalid property: ${key}`;
    if (value === '') return 'Value missing for encap property';
    if (key === 'md_type') {
      const mdType = u8(value, 'md_type');
      if (typeof mdType === 'string') return mdType;
      if (mdType < 1 || mdType > 2) return 'invalid md_type';
      properties.push({ class: 'nsh', value: { kind: 'md-type', mdType } });
    } else {
      const tlv = /^0x([0-9a-fA-F]+),(\d+),0x([0-9a-fA-F]{1,251})/.exec(value);
      if (!tlv) return `Invalid NSH TLV header: ${value}`;
      const data = (tlv[3] ?? '').match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
      const tlvClass = parseInt(tlv[1] ?? '', 16) & 0xffff;
      properties.push({ class: 'nsh', value: { kind: 'tlv', tlvClass, type: Number(tlv[2]) & 0xff, data } });
    }
  }
  return { kind: 'encap', packetType, name: header.key, properties };
}

function decap({ argument }: ActText): ReadAct {
  const [first] = keyValues(argument);
  if (!first) return { kind: 'decap', packetType: undefined };
  if (first.key !== 'packet_type') return `Invalid decap argument: ${first.key}`;
  const [ns, type] = keyValues(first.value);
  if (ns?.key !== 'ns') return 'Missing packet_type attribute ns';
  const nsNumber = u16(ns.value, 'ns');
  if (typeof nsNumber === 'string') return nsNumber;
  if (nsNumber >= 2) return `Unsupported ns value: ${nsNumber}`;
  if (type?.key !== 'type') return 'Missing packet_type attribute type';
  const typeNumber = u16(type.value, 'type');
  if (typeof typeNumber === 'string') return typeNumber;
  // 0xfffe asks the header itself, as decap() does.
  if (nsNumber === 0 && typeNumber === 0xfffe) return { kind: 'decap', packetType: undefined };
  return { kind: 'decap', packetType: ((nsNumber << 16) | typeNumber) >>> 0 };
}

function checkPacketLarger({ argument }: ActText): ReadAct {
  const ends = readArrow(argument);
  if (typeof ends === 'string') return ends;
  const dst = readSubfield(ends.target);
  if (typeof dst === 'string') return dst;
  if (dst.bits !== 1) return 'Only 1-bit destination field is allowed';
  const length = u16(ends.value.replace(/\)$/, ''), '(null)');
  return typeof length === 'string' ? length : { kind: 'check_pkt_larger', length, dst };
}

/** Actions that change headers, by name in lower case (ovs-actions(7)). */
export const rewriteActions: Readonly<Record<string, (text: ActText) => ReadAct>> = {
  set_field: setField,
  load,
  move,
  push: stack,
  pop: stack,
  set_vlan_vid: vlanVid(false),
  mod_vlan_vid: vlanVid(true),
  set_vlan_pcp: vlanPcp(false),
  mod_vlan_pcp: vlanPcp(true),
  strip_vlan: () => ({ kind: 'strip_vlan', spelling: 'strip_vlan' }),
  pop_vlan: () => ({ kind: 'strip_vlan', spelling: 'pop_vlan' }),
  push_vlan: pushVlan,
  mod_dl_src: ethernetAddress('set_eth_src'),
  mod_dl_dst: ethernetAddress('set_eth_dst'),
  mod_nw_src: ipAddress('set_ipv4_src'),
  mod_nw_dst: ipAddress('set_ipv4_dst'),
  mod_nw_tos: number(
    u8,
    'TOS',
    (dscp) => ({ kind: 'set_ip_dscp', dscp }),
    (tos) => (tos & 3) === 0,
  ),
  mod_nw_ecn: number(
    u8,
    'ECN',
    (ecn) => ({ kind: 'set_ip_ecn', ecn }),
    (ecn) => ecn < 4,
  ),
  mod_nw_ttl: number(u8, 'TTL', (ttl) => ({ kind: 'set_ip_ttl', ttl })),
  set_nw_ttl: number(u8, 'TTL', (ttl) => ({ kind: 'set_ip_ttl', ttl })),
  mod_tp_src: number(u16, 'source port', (port) => ({ kind: 'set_l4_src_port', port, flowIpProto: 0 })),
  mod_tp_dst: number(u16, 'destination port', (port) => ({ kind: 'set_l4_dst_port', port, flowIpProto: 0 })),
  dec_ttl: decTtl,
  set_mpls_label: mplsNumber('label', 'MPLS label', (label) => ({ kind: 'set_mpls_label', label }), 0xfffff),
  set_mpls_tc: mplsNumber('tc', 'MPLS TC', (tc) => ({ kind: 'set_mpls_tc', tc }), 7),
  set_mpls_ttl: mplsNumber('ttl', 'MPLS TTL', (ttl) => ({ kind: 'set_mpls_ttl', ttl }), 255),
  dec_mpls_ttl: () => ({ kind: 'dec_mpls_ttl' }),
  push_mpls: number(u16, 'push_mpls', (ethertype) => ({ kind: 'push_mpls', ethertype })),
  pop_mpls: number(u16, 'pop_mpls', (ethertype) => ({ kind: 'pop_mpls', ethertype })),
  dec_nsh_ttl: () => ({ kind: 'dec_nsh_ttl' }),
  delete_field: deleteField,
  encap,
  decap,
  set_tunnel: tunnel(false),
  set_tunnel64: tunnel(true),
  check_pkt_larger: checkPacketLarger,
};
