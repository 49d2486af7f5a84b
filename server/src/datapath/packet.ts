import { copyWords, emptyFlow, type FlowWords, W, wordAt } from '../packet/flow-words';
import {
  ETH_TYPE,
  FRAG,
  hasTunnel,
  IP_PROTO,
  isMplsType,
  isVlanType,
  MAX_MPLS_LABELS,
  MAX_VLAN_HEADERS,
  MPLS_BOS,
  VLAN_CFI,
} from '../packet/protocols';

/** The bytes of a frame in hexadecimal, with blanks anywhere between bytes; otherwise the sentence that ofproto/trace gives. */
export function packetFromHex(text: string): Uint8Array | string {
  const bytes = bytesOfHex(text);
  if (!bytes) return 'Trailing garbage in packet data';
  return bytes.length < 14 ? 'Packet data too short for Ethernet' : bytes;
}

/** Bytes that are written as pairs of hexadecimal digits, with white space between pairs or without; undefined for anything else. */
export function bytesOfHex(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let at = 0;
  for (;;) {
    while (/[ \t\r\n]/.test(text[at] ?? '')) at++;
    const pair = text.slice(at, at + 2);
    if (!/^[0-9a-fA-F]{2}$/.test(pair)) break;
    bytes.push(parseInt(pair, 16));
    at += 2;
  }
  return at < text.length ? undefined : Uint8Array.from(bytes);
}

/** Where in a frame reading stands, and where what belongs to it ends: padding behind an IP packet is not looked at. */
interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  end: number;
}

const left = (c: Cursor) => c.end - c.at;
const u8 = (c: Cursor, offset: number) => c.bytes[c.at + offset] ?? 0;
const u16 = (c: Cursor, offset: number) => (u8(c, offset) << 8) | u8(c, offset + 1);
const u32 = (c: Cursor, offset: number) => ((u16(c, offset) << 16) | u16(c, offset + 2)) >>> 0;

function putMac(flow: FlowWords, at: number, c: Cursor, offset: number): void {
  flow[at] = u16(c, offset);
  flow[at + 1] = u32(c, offset + 2);
}

function putWords(flow: FlowWords, at: number, c: Cursor, offset: number, count: number): void {
  for (let i = 0; i < count; i++) flow[at + i] = u32(c, offset + 4 * i);
}

/**
 * A frame's headers, as Open vSwitch reads them. What does not come from the frame (port, tunnel, connection tracking, recirculation,
 * marks) is taken from `metadata`; registers and OpenFlow's metadata are not: a packet enters the switch without them. `vlanLimit`: how
 * many VLAN headers the switch understands (other_config:vlan-limit, 1 unless set).
 */
export function extractFlow(bytes: Uint8Array, metadata: FlowWords, vlanLimit: number): FlowWords {
  const flow = emptyFlow();
  const ctTuple = copyMetadata(flow, metadata);
  const c: Cursor = { bytes, at: 0, end: bytes.length };
  if (left(c) < 14) return flow;
  putMac(flow, W.dlDst, c, 0);
  putMac(flow, W.dlSrc, c, 6);
  c.at += 12;
  const limit = Math.min(vlanLimit, MAX_VLAN_HEADERS);
  for (let n = 0; n < limit && isVlanType(u16(c, 0)) && left(c) >= 6; n++) {
    flow[W.vlan0 + n] = (u32(c, 0) | VLAN_CFI) >>> 0;
    c.at += 4;
  }
  const type = readEtherType(c);
  flow[W.dlType] = type;
  if (isMplsType(type)) readLabels(flow, c);
  if (type === ETH_TYPE.IP) readIpv4(flow, c, ctTuple);
  else if (type === ETH_TYPE.IPV6) readIpv6(flow, c, ctTuple);
  else if (type === ETH_TYPE.ARP || type === ETH_TYPE.RARP) readArp(flow, c);
  else if (type === ETH_TYPE.NSH) readNsh(flow, c);
  return flow;
}

/** What connection tracking says of the first packet of the connection, kept until the packet's own protocol is known. */
interface CtTuple {
  readonly family: 4 | 6 | undefined;
  readonly from: FlowWords;
}

function copyMetadata(flow: FlowWords, from: FlowWords): CtTuple {
  if (hasTunnel(from)) copyWords(flow, from, 0, W.metadata);
  flow[W.skbPriority] = wordAt(from, W.skbPriority);
  flow[W.pktMark] = wordAt(from, W.pktMark);
  flow[W.dpHash] = wordAt(from, W.dpHash);
  flow[W.inPort] = wordAt(from, W.inPort);
  flow[W.recircId] = wordAt(from, W.recircId);
  const state = wordAt(from, W.ctState);
  if (state) {
    flow[W.ctState] = state;
    flow[W.ctZone] = wordAt(from, W.ctZone);
    flow[W.ctMark] = wordAt(from, W.ctMark);
    copyWords(flow, from, W.ctLabel, 4);
  }
  const type = wordAt(from, W.dlType);
  // Only a packet of a known connection (new, established or reply) has an original direction.
  const valid = (state & 0xb) !== 0;
  const family = !valid ? undefined : type === ETH_TYPE.IP ? 4 : type === ETH_TYPE.IPV6 ? 6 : undefined;
  return { family, from };
}

function readEtherType(c: Cursor): number {
  const type = u16(c, 0);
  c.at += 2;
  if (type >= ETH_TYPE.MIN) return type;
  // A length: 802.2 LLC, where only SNAP without an organisation tells a type.
  if (left(c) < 8) return ETH_TYPE.NONE;
  const snap = u16(c, 0) === 0xaaaa && u8(c, 2) === 0x03 && u8(c, 3) === 0 && u16(c, 4) === 0;
  if (!snap) return ETH_TYPE.NONE;
  const inner = u16(c, 6);
  c.at += 8;
  return inner >= ETH_TYPE.MIN ? inner : ETH_TYPE.NONE;
}

function readLabels(flow: FlowWords, c: Cursor): void {
  for (let count = 0; left(c) >= 4; count++) {
    const lse = u32(c, 0);
    if (count < MAX_MPLS_LABELS) flow[W.mpls + count] = lse;
    c.at += 4;
    if (lse & MPLS_BOS) return;
  }
}

function putCtPorts(flow: FlowWords, tuple: CtTuple, family: 4 | 6): void {
  if (tuple.family !== family || !wordAt(tuple.from, W.ctNwProto)) return;
  flow[W.ctTpSrc] = wordAt(tuple.from, W.ctTpSrc);
  flow[W.ctTpDst] = wordAt(tuple.from, W.ctTpDst);
}

function readIpv4(flow: FlowWords, c: Cursor, tuple: CtTuple): void {
  const size = left(c);
  if (size < 20) return;
  const headerLength = (u8(c, 0) & 0xf) * 4;
  const total = u16(c, 2);
  if (headerLength < 20 || size < headerLength || total > size || headerLength > total || size - total > 0xffff) return;
  c.end = c.at + total;
  flow[W.nwSrc] = u32(c, 12);
  flow[W.nwDst] = u32(c, 16);
  if (tuple.family === 4 && wordAt(tuple.from, W.ctNwProto)) {
    flow[W.ctNwProto] = wordAt(tuple.from, W.ctNwProto);
    flow[W.ctNwSrc] = wordAt(tuple.from, W.ctNwSrc);
    flow[W.ctNwDst] = wordAt(tuple.from, W.ctNwDst);
  }
  const offset = u16(c, 6);
  let frag = 0;
  if (offset & 0x3fff) frag = FRAG.ANY | (offset & 0x1fff ? FRAG.LATER : 0);
  flow[W.nwTos] = u8(c, 1);
  flow[W.nwTtl] = u8(c, 8);
  flow[W.nwProto] = u8(c, 9);
  flow[W.nwFrag] = frag;
  c.at += headerLength;
  readTransport(flow, c, tuple, 4);
}

function readIpv6(flow: FlowWords, c: Cursor, tuple: CtTuple): void {
  const size = left(c);
  if (size < 40) return;
  const payload = u16(c, 4);
  if (payload + 40 > size || size - (payload + 40) > 0xffff) return;
  putWords(flow, W.ipv6Src, c, 8, 4);
  putWords(flow, W.ipv6Dst, c, 24, 4);
  if (tuple.family === 6 && wordAt(tuple.from, W.ctNwProto)) {
    flow[W.ctNwProto] = wordAt(tuple.from, W.ctNwProto);
    copyWords(flow, tuple.from, W.ctIpv6Src, 8);
  }
  const first = u32(c, 0);
  const hopLimit = u8(c, 7);
  const next = u8(c, 6);
  c.at += 40;
  c.end = c.at + payload;
  const read = readExtensionHeaders(c, next);
  if (!read) return;
  flow[W.ipv6Label] = first & 0xfffff;
  flow[W.nwTos] = (first >>> 20) & 0xff;
  flow[W.nwTtl] = hopLimit;
  flow[W.nwProto] = read.proto;
  flow[W.nwFrag] = read.frag;
  readTransport(flow, c, tuple, 6);
}

/** Goes over IPv6's extension headers to the first that is none, or is not known; undefined where they are cut short. */
function readExtensionHeaders(c: Cursor, first: number): { readonly proto: number; readonly frag: number } | undefined {
  let proto = first;
  let frag = 0;
  for (;;) {
    const generic = proto === 0 || proto === IP_PROTO.ROUTING || proto === IP_PROTO.DSTOPTS;
    if (!generic && proto !== IP_PROTO.AH && proto !== IP_PROTO.FRAGMENT) return { proto, frag };
    if (left(c) < 8) return undefined;
    const next = u8(c, 0);
    if (proto === IP_PROTO.FRAGMENT) {
      const offset = u16(c, 2);
      c.at += 8;
      proto = next;
      if (offset !== 0) {
        frag = FRAG.ANY;
        if (offset & 0xfff8) return { proto: IP_PROTO.FRAGMENT, frag: FRAG.ANY | FRAG.LATER };
      }
      continue;
    }
    const length = generic ? (u8(c, 1) + 1) * 8 : (u8(c, 1) + 2) * 4;
    if (left(c) < length) return undefined;
    c.at += length;
    proto = next;
  }
}

function readTransport(flow: FlowWords, c: Cursor, tuple: CtTuple, family: 4 | 6): void {
  if (wordAt(flow, W.nwFrag) & FRAG.LATER) return;
  const size = left(c);
  const ports = (src: number, dst: number): void => {
    flow[W.tpSrc] = src;
    flow[W.tpDst] = dst;
    putCtPorts(flow, tuple, family);
  };
  switch (wordAt(flow, W.nwProto)) {
    case IP_PROTO.TCP: {
      if (size < 20) return;
      const headerLength = (u8(c, 12) >> 4) * 4;
      if (headerLength < 20 || size < headerLength) return;
      flow[W.tcpFlags] = u16(c, 12) & 0xfff;
      ports(u16(c, 0), u16(c, 2));
      return;
    }
    case IP_PROTO.UDP:
      if (size >= 8) ports(u16(c, 0), u16(c, 2));
      return;
    case IP_PROTO.SCTP:
      if (size >= 12) ports(u16(c, 0), u16(c, 2));
      return;
    case IP_PROTO.ICMP:
      if (size >= 8) ports(u8(c, 0), u8(c, 1));
      return;
    case IP_PROTO.IGMP:
      if (size < 8) return;
      ports(u8(c, 0), u8(c, 1));
      flow[W.igmpGroup] = u32(c, 4);
      return;
    case IP_PROTO.ICMPV6:
      if (size >= 8) readIcmpv6(flow, c, ports);
      return;
  }
}

const ND_SOLICIT = 135;
const ND_ADVERT = 136;

function readIcmpv6(flow: FlowWords, c: Cursor, ports: (src: number, dst: number) => void): void {
  const type = u8(c, 0);
  const code = u8(c, 1);
  if (code !== 0 || (type !== ND_SOLICIT && type !== ND_ADVERT)) {
    ports(type, code);
    return;
  }
  flow[W.tpSrc] = type;
  flow[W.tpDst] = code;
  flow[W.igmpGroup] = u32(c, 4);
  c.at += 8;
  if (left(c) < 16) return;
  putWords(flow, W.ndTarget, c, 0, 4);
  c.at += 16;
  while (left(c) >= 8) {
    const length = u8(c, 1) * 8;
    if (length === 0 || length > left(c)) return;
    const option = u8(c, 0);
    if ((option === 1 || option === 2) && length === 8) {
      const at = option === 1 ? W.arpSha : W.arpTha;
      if (wordAt(flow, at) || wordAt(flow, at + 1)) {
        // The same address twice: none of what discovery says is believed.
        flow.fill(0, W.ndTarget, W.ndTarget + 4);
        flow.fill(0, W.arpSha, W.arpTha + 2);
        return;
      }
      putMac(flow, at, c, 2);
      if (!wordAt(flow, W.tcpFlags)) flow[W.tcpFlags] = option;
    }
    c.at += length;
  }
}

function readArp(flow: FlowWords, c: Cursor): void {
  if (left(c) < 28) return;
  if (u16(c, 0) !== 1 || u16(c, 2) !== ETH_TYPE.IP || u8(c, 4) !== 6 || u8(c, 5) !== 4) return;
  flow[W.nwSrc] = u32(c, 14);
  flow[W.nwDst] = u32(c, 24);
  const operation = u16(c, 6);
  if (operation <= 0xff) flow[W.nwProto] = operation;
  putMac(flow, W.arpSha, c, 8);
  putMac(flow, W.arpTha, c, 18);
}

function readNsh(flow: FlowWords, c: Cursor): void {
  if (left(c) < 8) return;
  const first = u16(c, 0);
  const length = (first & 0x3f) * 4;
  const type = u8(c, 2);
  if (length > left(c) || first >>> 14 !== 0) return;
  if (type === 1 ? length !== 24 : type === 2 && length < 8) return;
  flow[W.nshFlags] = (first >>> 12) & 3;
  flow[W.nshTtl] = (first >>> 6) & 0x3f;
  flow[W.nshMdtype] = type;
  flow[W.nshNp] = u8(c, 3);
  flow[W.nshSpi] = u32(c, 4) >>> 8;
  flow[W.nshSi] = u8(c, 7);
  if (type === 1) putWords(flow, W.nshContext, c, 8, 4);
}

/** Bytes that are still to be put together. */
type Bytes = number[];

const put16 = (out: Bytes, value: number): void => void out.push((value >>> 8) & 0xff, value & 0xff);
const put32 = (out: Bytes, value: number): void => (put16(out, value >>> 16), put16(out, value & 0xffff));
const putWordsOf = (out: Bytes, flow: FlowWords, at: number, count: number): void => {
  for (let i = 0; i < count; i++) put32(out, wordAt(flow, at + i));
};
const putMacOf = (out: Bytes, flow: FlowWords, at: number): void => (
  put16(out, wordAt(flow, at)),
  put32(out, wordAt(flow, at + 1))
);

function checksum(bytes: readonly number[], start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

function composeTransport(flow: FlowWords, payload: readonly number[]): Bytes {
  const out: Bytes = [];
  if (wordAt(flow, W.nwFrag) & FRAG.LATER && wordAt(flow, W.nwFrag) & FRAG.ANY) return out;
  const src = wordAt(flow, W.tpSrc);
  const dst = wordAt(flow, W.tpDst);
  switch (wordAt(flow, W.nwProto)) {
    case IP_PROTO.TCP: {
      const flags = wordAt(flow, W.tcpFlags);
      put16(out, src);
      put16(out, dst);
      put32(out, 0);
      put32(out, 0);
      put16(out, 0x5000 | (flags & 0xfff));
      put16(out, 0);
      put32(out, 0);
      // A packet that opens or ends a connection carries nothing.
      if (!(flags & 0x7)) out.push(...payload);
      return out;
    }
    case IP_PROTO.UDP:
      put16(out, src);
      put16(out, dst);
      put16(out, 8 + payload.length);
      put16(out, 0);
      out.push(...payload);
      return out;
    case IP_PROTO.SCTP:
      put16(out, src);
      put16(out, dst);
      put32(out, 0);
      put32(out, 0);
      return out;
    case IP_PROTO.ICMP:
      out.push(src & 0xff, dst & 0xff, 0, 0, 0, 0, 0, 0);
      if ((src === 8 || src === 0) && dst === 0) out.push(...payload);
      return out;
    case IP_PROTO.IGMP:
      out.push(src & 0xff, dst & 0xff, 0, 0);
      put32(out, wordAt(flow, W.igmpGroup));
      return out;
    case IP_PROTO.ICMPV6:
      out.push(src & 0xff, dst & 0xff, 0, 0);
      put32(out, wordAt(flow, W.igmpGroup));
      if (dst === 0 && (src === ND_SOLICIT || src === ND_ADVERT)) {
        putWordsOf(out, flow, W.ndTarget, 4);
        for (const [type, at] of [
          [1, W.arpSha],
          [2, W.arpTha],
        ] as const) {
          if (!wordAt(flow, at) && !wordAt(flow, at + 1)) continue;
          out.push(type, 1);
          putMacOf(out, flow, at);
        }
      } else if (dst === 0 && (src === 128 || src === 129)) {
        out.push(...payload);
      }
      return out;
    default:
      return out;
  }
}

/** Puts the transport header's checksum where it belongs; `pseudo` is the sum over the pseudo header. */
function checkTransport(flow: FlowWords, segment: Bytes, pseudo: number): void {
  if (segment.length === 0) return;
  const at = { [IP_PROTO.TCP]: 16, [IP_PROTO.UDP]: 6, [IP_PROTO.ICMP]: 2, [IP_PROTO.IGMP]: 2, [IP_PROTO.ICMPV6]: 2 }[
    wordAt(flow, W.nwProto)
  ];
  if (at === undefined) return;
  const plain = wordAt(flow, W.nwProto) === IP_PROTO.ICMP || wordAt(flow, W.nwProto) === IP_PROTO.IGMP;
  let sum = checksum(segment, plain ? 0 : pseudo);
  if (sum === 0 && wordAt(flow, W.nwProto) === IP_PROTO.UDP) sum = 0xffff;
  segment[at] = sum >>> 8;
  segment[at + 1] = sum & 0xff;
}

function pseudoSum(addresses: readonly number[], proto: number, length: number): number {
  let sum = proto + length;
  for (const address of addresses) sum += (address >>> 16) + (address & 0xffff);
  return sum;
}

function composeIpv4(flow: FlowWords, payload: readonly number[]): Bytes {
  const segment = composeTransport(flow, payload);
  const proto = wordAt(flow, W.nwProto);
  checkTransport(flow, segment, pseudoSum([wordAt(flow, W.nwSrc), wordAt(flow, W.nwDst)], proto, segment.length));
  const header: Bytes = [0x45, wordAt(flow, W.nwTos)];
  put16(header, 20 + segment.length);
  put16(header, 0);
  const frag = wordAt(flow, W.nwFrag);
  put16(header, frag & FRAG.ANY ? 0x2000 | (frag & FRAG.LATER ? 100 : 0) : 0);
  header.push(wordAt(flow, W.nwTtl), proto, 0, 0);
  put32(header, wordAt(flow, W.nwSrc));
  put32(header, wordAt(flow, W.nwDst));
  const sum = checksum(header);
  header[10] = sum >>> 8;
  header[11] = sum & 0xff;
  return [...header, ...segment];
}

function composeIpv6(flow: FlowWords, payload: readonly number[]): Bytes {
  const segment = composeTransport(flow, payload);
  const addresses = Array.from(flow.subarray(W.ipv6Src, W.ipv6Src + 8));
  checkTransport(flow, segment, pseudoSum(addresses, wordAt(flow, W.nwProto), segment.length));
  const header: Bytes = [];
  put32(header, ((6 << 28) | (wordAt(flow, W.nwTos) << 20) | wordAt(flow, W.ipv6Label)) >>> 0);
  put16(header, segment.length);
  header.push(wordAt(flow, W.nwProto), wordAt(flow, W.nwTtl));
  putWordsOf(header, flow, W.ipv6Src, 8);
  return [...header, ...segment];
}

function composeArp(flow: FlowWords): Bytes {
  const out: Bytes = [];
  const operation = wordAt(flow, W.nwProto);
  put16(out, 1);
  put16(out, ETH_TYPE.IP);
  out.push(6, 4);
  put16(out, operation);
  if (operation !== 1 && operation !== 2) return [...out, ...new Array<number>(20).fill(0)];
  putMacOf(out, flow, W.arpSha);
  put32(out, wordAt(flow, W.nwSrc));
  putMacOf(out, flow, W.arpTha);
  put32(out, wordAt(flow, W.nwDst));
  return out;
}

/** 64 bytes that count up: what `ofproto/trace -generate` fills a packet with. */
const DEFAULT_PAYLOAD: readonly number[] = Array.from({ length: 64 }, (_, i) => i);

/** A frame that has the headers of `flow`, as `ofproto/trace -generate` makes one. */
export function composePacket(flow: FlowWords, payload: readonly number[] = DEFAULT_PAYLOAD): Uint8Array {
  const frame: Bytes = [];
  putMacOf(frame, flow, W.dlDst);
  putMacOf(frame, flow, W.dlSrc);
  const type = wordAt(flow, W.dlType);
  if (type === ETH_TYPE.NONE) {
    put16(frame, 14);
    return Uint8Array.from(frame);
  }
  for (let i = 0; i < MAX_VLAN_HEADERS; i++) {
    const header = wordAt(flow, W.vlan0 + i);
    if (!(header & VLAN_CFI)) continue;
    put32(frame, (header & ~VLAN_CFI) >>> 0);
  }
  put16(frame, type);
  if (isMplsType(type)) {
    let n = 1;
    while (n < MAX_MPLS_LABELS && !(wordAt(flow, W.mpls + n - 1) & MPLS_BOS)) n++;
    putWordsOf(frame, flow, W.mpls, n);
  }
  if (type === ETH_TYPE.IP) frame.push(...composeIpv4(flow, payload));
  else if (type === ETH_TYPE.IPV6) frame.push(...composeIpv6(flow, payload));
  else if (type === ETH_TYPE.ARP || type === ETH_TYPE.RARP) frame.push(...composeArp(flow));
  return Uint8Array.from(frame);
}
