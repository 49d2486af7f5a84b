import { parseIpv6 } from '../packet/address';
import type { GeneveOption } from './geneve';
import { emptyFlow, type FlowWords, W, writeLong, writeWide, wordAt } from '../packet/flow-words';
import { FRAG, MAX_MPLS_LABELS, TUNNEL_FLAG, tunnelFlagNames, VLAN_CFI } from '../packet/protocols';

// The language of `ovs-dpctl dump-flows` and of ofproto/trace's datapath flows: `in_port(1),eth(src=…,dst=…),eth_type(0x0800),…`
// (ovs-dpctl(8)). A value may be followed by a mask, which a trace does not look at.

/** One parenthesis of a key: the header's words as far as they are given, and what is nested inside. */
export interface KeyAttribute {
  readonly name: string;
  readonly value: FlowWords;
  readonly mask: FlowWords;
  /** `encap(…)`: the key of what follows a VLAN header. */
  readonly nested?: readonly KeyAttribute[];
  /** `mpls(…)`: how many label stack entries are given. */
  readonly labels?: number;
  /** `tunnel(…)`: which of its parts are given, in their order. */
  readonly given?: readonly string[];
  readonly geneve?: readonly GeneveOption[];
}

class KeySyntaxError extends Error {}

/** A place in the text. All `read…` functions move it, or throw where the text is not what they read. */
interface Cursor {
  readonly text: string;
  at: number;
  readonly portNumber: (name: string) => number | undefined;
}

function fail(): never {
  throw new KeySyntaxError();
}

function take(c: Cursor, literal: string): boolean {
  if (!c.text.startsWith(literal, c.at)) return false;
  c.at += literal.length;
  return true;
}

function match(c: Cursor, pattern: RegExp): string | undefined {
  const sticky = new RegExp(pattern.source, 'y');
  sticky.lastIndex = c.at;
  const found = sticky.exec(c.text);
  if (!found) return undefined;
  c.at += found[0].length;
  return found[0];
}

/** C's `%i`: hexadecimal with 0x, octal with a leading 0; what does not fit is cut off. */
function integer(c: Cursor, bits: number): bigint | undefined {
  const text = match(c, /[ \t\r\n]*[-+]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/)?.trim();
  if (text === undefined) return undefined;
  const digits = text.replace(/^[-+]/, '');
  const value = /^0[xX]/.test(digits) ? BigInt(digits) : /^0./.test(digits) ? BigInt(`0o${digits.slice(1)}`) : BigInt(digits);
  return BigInt.asUintN(bits, text.startsWith('-') ? -value : value);
}

/** A value of `bits` bits and the mask behind a slash, all ones where there is none. */
function readInteger(c: Cursor, bits: number): { readonly value: bigint; readonly mask: bigint } {
  const value = integer(c, bits) ?? fail();
  const at = c.at;
  let mask = (1n << BigInt(bits)) - 1n;
  if (take(c, '/')) {
    const given = integer(c, bits);
    if (given === undefined) c.at = at;
    else mask = given;
  }
  return { value, mask };
}

type Reader = (c: Cursor, value: FlowWords, mask: FlowWords) => void;

const intoWord =
  (at: number, bits: number): Reader =>
  (c, value, mask) => {
    const read = readInteger(c, bits);
    value[at] = Number(read.value);
    mask[at] = Number(read.mask);
  };

const intoLong =
  (at: number): Reader =>
  (c, value, mask) => {
    const read = readInteger(c, 64);
    writeLong(value, at, read.value);
    writeLong(mask, at, read.mask);
  };

const intoWide =
  (at: number): Reader =>
  (c, value, mask) => {
    const read = readInteger(c, 128);
    writeWide(value, at, read.value);
    writeWide(mask, at, read.mask);
  };

/** A run of bits inside a word, as `vid` in a TCI; a number too large for it is an error. */
const intoBits =
  (at: number, bits: number, shift: number, size: number): Reader =>
  (c, value, mask) => {
    const read = readInteger(c, size);
    if (read.value >> BigInt(bits)) fail();
    const ones = ((1 << bits) - 1) << shift;
    value[at] = ((wordAt(value, at) & ~ones) | (Number(read.value) << shift)) >>> 0;
    const whole = read.mask === (1n << BigInt(size)) - 1n;
    if (!whole && read.mask >> BigInt(bits)) fail();
    const bitsOfMask = whole ? ones : Number(read.mask) << shift;
    mask[at] = ((wordAt(mask, at) & ~ones) | bitsOfMask) >>> 0;
  };

const macPattern = /[ \t]*[0-9a-fA-F]+(?::[ \t]*[0-9a-fA-F]+){5}/;

function putMac(flow: FlowWords, at: number, text: string): void {
  const bytes = text.split(':').map((byte) => parseInt(byte.trim(), 16) & 0xff);
  flow[at] = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  flow[at + 1] = (((bytes[2] ?? 0) << 24) | ((bytes[3] ?? 0) << 16) | ((bytes[4] ?? 0) << 8) | (bytes[5] ?? 0)) >>> 0;
}

/** Reads with `pattern`; a mask only where what follows the slash is one. */
function withMask(c: Cursor, pattern: RegExp): { readonly value: string; readonly mask: string | undefined } {
  const value = match(c, pattern) ?? fail();
  const at = c.at;
  const mask = take(c, '/') ? match(c, pattern) : undefined;
  if (mask === undefined) c.at = at;
  return { value, mask };
}

const intoMac =
  (at: number): Reader =>
  (c, value, mask) => {
    const read = withMask(c, macPattern);
    putMac(value, at, read.value);
    putMac(mask, at, read.mask ?? 'ff:ff:ff:ff:ff:ff');
  };

const ipv4Pattern = /[ \t]*\d+(?:\.\d+){3}/;

function ipv4Number(text: string): number {
  return text.split('.').reduce((sum, byte) => ((sum << 8) | (Number(byte) & 0xff)) >>> 0, 0);
}

const intoIpv4 =
  (at: number): Reader =>
  (c, value, mask) => {
    const read = withMask(c, ipv4Pattern);
    value[at] = ipv4Number(read.value);
    mask[at] = read.mask === undefined ? 0xffffffff : ipv4Number(read.mask);
  };

const intoIpv6 =
  (at: number): Reader =>
  (c, value, mask) => {
    const start = c.at;
    const address = parseIpv6((match(c, /[ \t]*[0-9a-fA-F.:]+/) ?? fail()).trim()) ?? fail();
    writeWide(value, at, address);
    const end = c.at;
    const text = take(c, '/') ? match(c, /[ \t]*[0-9a-fA-F.:]+/) : undefined;
    const given = text === undefined ? undefined : parseIpv6(text.trim());
    if (given === undefined) c.at = end;
    writeWide(mask, at, given ?? (1n << 128n) - 1n);
    if (c.at === start) fail();
  };

const intoLabel: Reader = (c, value, mask) => {
  const read = integer(c, 32) ?? fail();
  if (read >> 20n) fail();
  value[W.ipv6Label] = Number(read);
  const end = c.at;
  const given = take(c, '/') ? integer(c, 32) : undefined;
  if (given === undefined || given >> 20n) c.at = end;
  mask[W.ipv6Label] = given === undefined || given >> 20n ? 0xfffff : Number(given);
};

const intoFrag: Reader = (c, value, mask) => {
  const text = match(c, /[ \t]*[a-z]{1,7}/)?.trim();
  if (text !== 'no' && text !== 'first' && text !== 'later') fail();
  value[W.nwFrag] = text === 'no' ? 0 : text === 'first' ? FRAG.ANY : FRAG.ANY | FRAG.LATER;
  mask[W.nwFrag] = FRAG.ANY | FRAG.LATER;
};

/** Flags as `a|b`, `+a-b`, `0x3/0x7` or a number, up to `)`. */
const intoFlags =
  (at: number, names: Readonly<Record<string, number>>, allowed: number, mayBeEmpty = false): Reader =>
  (c, value, mask) => {
    const start = c.at;
    const numeric = match(c, /[-+]?\w+\/[-+]?\w+/);
    if (numeric !== undefined) {
      c.at = start;
      const first = integer(c, 32);
      if (first !== undefined && take(c, '/')) {
        const second = integer(c, 32);
        if (second !== undefined) {
          if ((Number(first) & ~allowed) !== 0 || (Number(second) & ~allowed) !== 0) fail();
          value[at] = Number(first);
          mask[at] = Number(second);
          return;
        }
      }
      c.at = start;
    }
    let flags = 0;
    if (/[-+]/.test(c.text[c.at] ?? '')) {
      let seen = 0;
      while (c.text[c.at] !== ')') {
        const sign = match(c, /[-+]/) ?? fail();
        const bit = names[match(c, /[a-z]+|\[[248]00\]/) ?? fail()] ?? fail();
        if (seen & bit || !(bit & allowed) || !/[-+)]/.test(c.text[c.at] ?? '')) fail();
        seen |= bit;
        if (sign === '+') flags |= bit;
      }
      value[at] = flags;
      mask[at] = seen;
      return;
    }
    while (c.text[c.at] !== ')') {
      const number = integer(c, 64);
      if (number !== undefined) {
        if (number & ~BigInt(allowed)) fail();
        flags |= Number(number);
        take(c, '|');
        continue;
      }
      const bit = names[match(c, /[a-z]+|\[[248]00\]/) ?? fail()] ?? fail();
      if (!(bit & allowed) || !/[|)]/.test(c.text[c.at] ?? '')) fail();
      flags |= bit;
      take(c, '|');
    }
    if (c.at === start && !mayBeEmpty) fail();
    value[at] = flags;
    mask[at] = 0xffffffff;
  };

const ctStateBits = { new: 1, est: 2, rel: 4, rpl: 8, inv: 0x10, trk: 0x20, snat: 0x40, dnat: 0x80 };
const tcpFlagBits = {
  fin: 1, syn: 2, rst: 4, psh: 8, ack: 0x10, urg: 0x20, ece: 0x40, cwr: 0x80, ns: 0x100,
  '[200]': 0x200, '[400]': 0x400, '[800]': 0x800,
}; // prettier-ignore

const intoPort: Reader = (c, value, mask) => {
  const at = c.at;
  const number = integer(c, 32);
  if (number !== undefined) {
    c.at = at;
    intoWord(W.inPort, 32)(c, value, mask);
    return;
  }
  const name = match(c, /[^)]*/) ?? '';
  value[W.inPort] = c.portNumber(name) ?? fail();
  mask[W.inPort] = 0xffffffff;
};

/** Headers that have one value without a name. */
const single: Readonly<Record<string, Reader>> = {
  skb_priority: intoWord(W.skbPriority, 32),
  skb_mark: intoWord(W.pktMark, 32),
  recirc_id: (c, value, mask) => {
    value[W.recircId] = Number(integer(c, 32) ?? fail());
    mask[W.recircId] = 0xffffffff;
  },
  dp_hash: intoWord(W.dpHash, 32),
  ct_state: intoFlags(W.ctState, ctStateBits, 0xff),
  ct_zone: intoWord(W.ctZone, 16),
  ct_mark: intoWord(W.ctMark, 32),
  ct_label: intoWide(W.ctLabel),
  in_port: intoPort,
  eth_type: intoWord(W.dlType, 16),
  tcp_flags: intoFlags(W.tcpFlags, tcpFlagBits, 0xfff),
};

const ports = { src: intoWord(W.tpSrc, 16), dst: intoWord(W.tpDst, 16) };
const icmpFields = { type: intoWord(W.tpSrc, 8), code: intoWord(W.tpDst, 8) };
const ctTuple = { proto: intoWord(W.ctNwProto, 8), tp_src: intoWord(W.ctTpSrc, 16), tp_dst: intoWord(W.ctTpDst, 16) };

const intoPacketType = (shift: number): Reader => intoBits(W.packetType, 16, shift, 16);

/** Headers of named values. */
const named: Readonly<Record<string, Readonly<Record<string, Reader>>>> = {
  ct_tuple4: { src: intoIpv4(W.ctNwSrc), dst: intoIpv4(W.ctNwDst), ...ctTuple },
  ct_tuple6: { src: intoIpv6(W.ctIpv6Src), dst: intoIpv6(W.ctIpv6Dst), ...ctTuple },
  eth: { src: intoMac(W.dlSrc), dst: intoMac(W.dlDst) },
  vlan: {
    vid: intoBits(W.vlan0, 12, 0, 16),
    pcp: intoBits(W.vlan0, 3, 13, 16),
    cfi: intoBits(W.vlan0, 1, 12, 16),
  },
  ipv4: {
    src: intoIpv4(W.nwSrc),
    dst: intoIpv4(W.nwDst),
    proto: intoWord(W.nwProto, 8),
    tos: intoWord(W.nwTos, 8),
    ttl: intoWord(W.nwTtl, 8),
    frag: intoFrag,
  },
  ipv6: {
    src: intoIpv6(W.ipv6Src),
    dst: intoIpv6(W.ipv6Dst),
    label: intoLabel,
    proto: intoWord(W.nwProto, 8),
    tclass: intoWord(W.nwTos, 8),
    hlimit: intoWord(W.nwTtl, 8),
    frag: intoFrag,
  },
  tcp: ports,
  udp: ports,
  sctp: ports,
  icmp: icmpFields,
  icmpv6: icmpFields,
  arp: {
    sip: intoIpv4(W.nwSrc),
    tip: intoIpv4(W.nwDst),
    op: intoWord(W.nwProto, 16),
    sha: intoMac(W.arpSha),
    tha: intoMac(W.arpTha),
  },
  nd: { target: intoIpv6(W.ndTarget), sll: intoMac(W.arpSha), tll: intoMac(W.arpTha) },
  nd_ext: { nd_reserved: intoWord(W.igmpGroup, 32), nd_options_type: intoWord(W.tcpFlags, 8) },
  packet_type: { ns: intoPacketType(16), id: intoPacketType(0) },
  nsh: {
    flags: intoWord(W.nshFlags, 8),
    mdtype: intoWord(W.nshMdtype, 8),
    np: intoWord(W.nshNp, 8),
    spi: intoWord(W.nshSpi, 32),
    si: intoWord(W.nshSi, 8),
    c1: intoWord(W.nshContext, 32),
    c2: intoWord(W.nshContext + 1, 32),
    c3: intoWord(W.nshContext + 2, 32),
    c4: intoWord(W.nshContext + 3, 32),
  },
};

/** Reads `name=value,…)`; whatever else stands there is an error. */
function readFields(c: Cursor, read: () => boolean): void {
  let more: boolean;
  do {
    more = read();
    const next = c.text[c.at++];
    if (next === ')') return;
    if (next !== ',') fail();
  } while (more);
  fail();
}

function readNamed(c: Cursor, name: string, fields: Readonly<Record<string, Reader>>): KeyAttribute {
  const value = emptyFlow();
  const mask = emptyFlow();
  if (name === 'vlan') value[W.vlan0] = mask[W.vlan0] = VLAN_CFI;
  readFields(c, () => {
    for (const [field, read] of Object.entries(fields)) {
      if (!take(c, `${field}=`)) continue;
      read(c, value, mask);
      return true;
    }
    return false;
  });
  return { name, value, mask };
}

const labelFields = [
  ['label=', 20, 12],
  ['tc=', 3, 9],
  ['ttl=', 8, 0],
  ['bos=', 1, 8],
] as const;

/** A field that is given for the second time begins the next label stack entry. */
function readLabels(c: Cursor): KeyAttribute {
  const value = emptyFlow();
  const mask = emptyFlow();
  let index = 0;
  let seen = new Set<string>();
  readFields(c, () => {
    for (const [field, bits, shift] of labelFields) {
      if (!c.text.startsWith(field, c.at)) continue;
      if (seen.has(field)) {
        seen = new Set();
        if (++index === MAX_MPLS_LABELS) fail();
      }
      take(c, field);
      intoBits(W.mpls + index, bits, shift, 32)(c, value, mask);
      seen.add(field);
      return true;
    }
    return false;
  });
  return { name: 'mpls', value, mask, labels: index + 1 };
}

const tunnelFields: Readonly<Record<string, Reader>> = {
  'tun_id=': intoLong(W.tunId),
  'src=': intoIpv4(W.tunSrc),
  'dst=': intoIpv4(W.tunDst),
  'ipv6_src=': intoIpv6(W.tunIpv6Src),
  'ipv6_dst=': intoIpv6(W.tunIpv6Dst),
  'tos=': intoWord(W.tunTos, 8),
  'ttl=': intoWord(W.tunTtl, 8),
  'tp_src=': intoWord(W.tunTpSrc, 16),
  'tp_dst=': intoWord(W.tunTpDst, 16),
  'erspan(': (c, value, mask) => {
    optional(c, 'ver=', intoWord(W.tunErspanVer, 8), value, mask);
    take(c, ',');
    if (wordAt(value, W.tunErspanVer) === 1) optional(c, 'idx=', intoWord(W.tunErspanIdx, 32), value, mask);
    else if (wordAt(value, W.tunErspanVer) === 2) {
      optional(c, 'dir=', intoWord(W.tunErspanDir, 8), value, mask);
      take(c, ',');
      optional(c, 'hwid=', intoWord(W.tunErspanHwid, 8), value, mask);
      // The text means the lower four bits of the six alone.
      for (const words of [value, mask]) words[W.tunErspanHwid] = wordAt(words, W.tunErspanHwid) & 0xf;
    } else fail();
    if (!take(c, ')')) fail();
  },
  'vxlan(gbp(': (c, value, mask) => {
    optional(c, 'id=', intoWord(W.tunGbpId, 16), value, mask);
    take(c, ',');
    optional(c, 'flags=', intoWord(W.tunGbpFlags, 8), value, mask);
    if (!take(c, '))')) fail();
  },
  'gtpu(': (c, value, mask) => {
    optional(c, 'flags=', intoWord(W.tunGtpuFlags, 8), value, mask);
    take(c, ',');
    optional(c, 'msgtype=', intoWord(W.tunGtpuMsgtype, 8), value, mask);
    if (!take(c, ')')) fail();
  },
  'flags(': (c, value, mask) => {
    const flags = emptyFlow();
    const flagMask = emptyFlow();
    intoFlags(W.tunFlags, tunnelFlagNames, 0xf, true)(c, flags, flagMask);
    if (!take(c, ')')) fail();
    // Whether there is a key is told by tun_id.
    value[W.tunFlags] = wordAt(value, W.tunFlags) | (wordAt(flags, W.tunFlags) & ~TUNNEL_FLAG.KEY);
    mask[W.tunFlags] = wordAt(flagMask, W.tunFlags);
  },
};

function optional(c: Cursor, name: string, read: Reader, value: FlowWords, mask: FlowWords): void {
  if (take(c, name)) read(c, value, mask);
}

function readGeneve(c: Cursor): readonly GeneveOption[] {
  const options: GeneveOption[] = [];
  const scratch = emptyFlow();
  const small = (name: string, bits: number): number => {
    scratch[0] = 0;
    optional(c, name, intoWord(0, bits), scratch, emptyFlow());
    take(c, ',');
    return wordAt(scratch, 0);
  };
  while (take(c, '{')) {
    const optionClass = small('class=', 16);
    const type = small('type=', 8);
    const at = c.at;
    const length = c.text.startsWith('len=', at) ? small('len=', 8) : 0;
    if (length > 124 || length % 4) fail();
    const data = new Array<number>(length).fill(0);
    const number = length > 0 ? match(c, /0[xX][0-9a-fA-F]+|\d+/) : undefined;
    if (number !== undefined) {
      let value = BigInt(number);
      for (let i = length - 1; i >= 0; i--, value >>= 8n) data[i] = Number(value & 0xffn);
      if (value) fail();
      if (take(c, '/') && match(c, /0[xX][0-9a-fA-F]+|\d+/) === undefined) fail();
    }
    if (!take(c, '}')) fail();
    options.push({ class: optionClass, type, data });
  }
  if (!take(c, ')')) fail();
  return options;
}

function readTunnel(c: Cursor): KeyAttribute {
  const value = emptyFlow();
  const mask = emptyFlow();
  const given: string[] = [];
  let geneve: readonly GeneveOption[] | undefined;
  readFields(c, () => {
    if (take(c, 'geneve(')) {
      geneve = readGeneve(c);
      given.push('geneve');
      return true;
    }
    for (const [field, read] of Object.entries(tunnelFields)) {
      if (!take(c, field)) continue;
      read(c, value, mask);
      given.push(field.replace(/[=(].*$/, ''));
      return true;
    }
    return false;
  });
  if (given.includes('tun_id')) value[W.tunFlags] = wordAt(value, W.tunFlags) | TUNNEL_FLAG.KEY;
  return { name: 'tunnel', value, mask, given, ...(geneve ? { geneve } : {}) };
}

const MAX_NESTING = 32;

function readAttribute(c: Cursor, depth: number): KeyAttribute {
  if (depth === MAX_NESTING) fail();
  const name = (match(c, /[a-z0-9_]+\(/) ?? fail()).slice(0, -1);
  if (name === 'tunnel') return readTunnel(c);
  if (name === 'mpls') return readLabels(c);
  const one = single[name];
  if (one) {
    const value = emptyFlow();
    const mask = emptyFlow();
    one(c, value, mask);
    if (!take(c, ')')) fail();
    return { name, value, mask };
  }
  if (name === 'encap') {
    const nested: KeyAttribute[] = [];
    for (;;) {
      match(c, /[, \t\r\n]+/);
      if (take(c, ')')) return { name, value: emptyFlow(), mask: emptyFlow(), nested };
      if (c.at >= c.text.length) fail();
      nested.push(readAttribute(c, depth + 1));
    }
  }
  const attribute = readNamed(c, name, named[name] ?? fail());
  // The switch writes nsh(…) but does not read it back.
  if (name === 'nsh') fail();
  return attribute;
}

export interface KeySyntax {
  readonly attributes: readonly KeyAttribute[];
}

const ufid = /[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}/;

/** Reads a datapath flow key; otherwise the sentence that the switch gives. `portNumber` resolves names in `in_port(…)`. */
export function parseKey(text: string, portNumber: (name: string) => number | undefined): KeySyntax | string {
  const c: Cursor = { text, at: 0, portNumber };
  const attributes: KeyAttribute[] = [];
  for (;;) {
    match(c, /[, \t\r\n]+/);
    if (c.at >= text.length) return { attributes };
    let start = c.at;
    try {
      if (take(c, 'ufid:')) {
        if (match(c, ufid) === undefined) fail();
        match(c, /,?[ \t]*/);
        start = c.at;
      }
      attributes.push(readAttribute(c, 1));
    } catch (error) {
      if (error instanceof KeySyntaxError) return `syntax error at ${text.slice(start)}`;
      throw error;
    }
  }
}
