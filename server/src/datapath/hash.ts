import type { HashFields, OfpAct } from '../openflow/ofpact';
import { type FlowWords, W, wordAt } from '../packet/flow-words';
import { ETH_TYPE, FRAG, IP_PROTO, isIpAny, MAX_VLAN_HEADERS, PACKET_TYPE, VLAN_CFI } from '../packet/protocols';

// Open vSwitch hashes headers as they lie in memory on a little-endian machine, in network byte order; so every word is turned round
// before it is added. Its general hash is MurmurHash3's mixing on builds without SSE4.2 (distributions' packages), the hash of what
// OpenFlow shows (`multipath`, `bundle`) is Bob Jenkins' lookup3.

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function swap32(x: number): number {
  return ((x << 24) | ((x & 0xff00) << 8) | ((x >>> 8) & 0xff00) | (x >>> 24)) >>> 0;
}

function swap16(x: number): number {
  return ((x & 0xff) << 8) | ((x >>> 8) & 0xff);
}

/** Adds a word to a hash that `hashFinish` will end (MurmurHash3). */
export function hashAdd(hash: number, data: number): number {
  let h = hash;
  if (data !== 0) h ^= Math.imul(rotate(Math.imul(data, 0xcc9e2d51), 15), 0x1b873593);
  return (Math.imul(rotate(h, 13), 5) + 0xe6546b64) >>> 0;
}

export function hashFinish(hash: number, final: number): number {
  let h = hash ^ final;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}

/** The hash of two words; Open vSwitch's `hash_int(x, basis)` is the same. */
export function hash2Words(x: number, y: number): number {
  return hashFinish(hashAdd(hashAdd(x, 0), y), 8);
}

export function hashInt(x: number, basis: number): number {
  return hash2Words(x, basis);
}

/** The hash of 64 bits. */
export function hashUint64(x: bigint, basis = 0): number {
  return hashFinish(hashAdd(hashAdd(basis, Number(x & 0xffffffffn)), Number((x >> 32n) & 0xffffffffn)), 8);
}

export function hashBoolean(x: boolean, basis: number): number {
  return ((x ? 0xc2b73583 : 0xe90f1258) ^ rotate(basis, 1)) >>> 0;
}

function littleWord(bytes: ArrayLike<number>, at: number, end: number): number {
  let value = 0;
  for (let i = 3; i >= 0; i--) value = (value << 8) | (at + i < end ? (bytes[at + i] ?? 0) : 0);
  return value >>> 0;
}

/** The hash of bytes: fields of a select group with `selection_method=hash` are hashed so, one after the other. */
export function hashBytes(bytes: ArrayLike<number>, basis: number): number {
  let hash = basis;
  for (let at = 0; at < bytes.length; at += 4) hash = hashAdd(hash, littleWord(bytes, at, bytes.length));
  return hashFinish(hash, bytes.length);
}

/** Bob Jenkins' lookup3 over bytes. */
export function jhashBytes(bytes: ArrayLike<number>, basis: number): number {
  let n = bytes.length;
  let a = (0xdeadbeef + n + basis) | 0;
  let b = a;
  let c = a;
  let at = 0;
  for (; n >= 12; n -= 12, at += 12) {
    a = (a + littleWord(bytes, at, bytes.length)) | 0;
    b = (b + littleWord(bytes, at + 4, bytes.length)) | 0;
    c = (c + littleWord(bytes, at + 8, bytes.length)) | 0;
    a = ((a - c) | 0) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = ((a - c) | 0) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = ((b - a) | 0) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = ((c - b) | 0) ^ rotate(b, 4);
    b = (b + a) | 0;
  }
  if (n > 0) {
    a = (a + littleWord(bytes, at, bytes.length)) | 0;
    b = (b + littleWord(bytes, at + 4, bytes.length)) | 0;
    c = (c + littleWord(bytes, at + 8, bytes.length)) | 0;
    c = ((c ^ b) - rotate(b, 14)) | 0;
    a = ((a ^ c) - rotate(c, 11)) | 0;
    b = ((b ^ a) - rotate(a, 25)) | 0;
    c = ((c ^ b) - rotate(b, 16)) | 0;
    a = ((a ^ c) - rotate(c, 4)) | 0;
    b = ((b ^ a) - rotate(a, 14)) | 0;
    c = ((c ^ b) - rotate(b, 24)) | 0;
  }
  return c >>> 0;
}

function putWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function putHalf(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function wideBytes(flow: FlowWords, first: number): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 4; i++) putWord(bytes, 4 * i, wordAt(flow, first + i));
  return bytes;
}

function hashesPorts(proto: number): boolean {
  return (
    proto === IP_PROTO.TCP ||
    proto === IP_PROTO.UDP ||
    proto === IP_PROTO.SCTP ||
    proto === IP_PROTO.ICMP ||
    proto === IP_PROTO.ICMPV6
  );
}

/** The hash of addresses, protocol and ports: a balance-tcp bond, and datapaths' L4 hash in userspace. */
export function flowHash5tuple(flow: FlowWords, basis: number): number {
  let hash = basis;
  const type = wordAt(flow, W.dlType);
  if (type === ETH_TYPE.IPV6) {
    for (let i = 0; i < 4; i++) hash = hashAdd(hash, swap32(wordAt(flow, W.ipv6Src + i)));
    for (let i = 0; i < 4; i++) hash = hashAdd(hash, swap32(wordAt(flow, W.ipv6Dst + i)));
  } else if (type === ETH_TYPE.IP || type === ETH_TYPE.ARP) {
    hash = hashAdd(hashAdd(hash, swap32(wordAt(flow, W.nwSrc))), swap32(wordAt(flow, W.nwDst)));
  } else {
    return hashFinish(hash, 42);
  }
  const proto = wordAt(flow, W.nwProto);
  hash = hashAdd(hash, proto);
  if (hashesPorts(proto)) hash = hashAdd(hash, swap32(((wordAt(flow, W.tpSrc) << 16) | wordAt(flow, W.tpDst)) >>> 0));
  return hashFinish(hash, 42);
}

/** The same in both directions; UDP ports don't count (`symmetric_l4`). */
export function flowHashSymmetricL4(flow: FlowWords, basis: number): number {
  const bytes = new Uint8Array(32);
  const type = wordAt(flow, W.dlType);
  putHalf(bytes, 16, type);
  let vlan = 0;
  for (let i = 0; i < MAX_VLAN_HEADERS; i++) vlan ^= wordAt(flow, W.vlan0 + i) & 0xfff;
  putHalf(bytes, 18, vlan);
  putHalf(bytes, 22, wordAt(flow, W.dlSrc) ^ wordAt(flow, W.dlDst));
  putWord(bytes, 24, wordAt(flow, W.dlSrc + 1) ^ wordAt(flow, W.dlDst + 1));
  if (type === ETH_TYPE.IP) putWord(bytes, 0, wordAt(flow, W.nwSrc) ^ wordAt(flow, W.nwDst));
  else if (type === ETH_TYPE.IPV6)
    for (let i = 0; i < 4; i++) putWord(bytes, 4 * i, wordAt(flow, W.ipv6Src + i) ^ wordAt(flow, W.ipv6Dst + i));
  if (type === ETH_TYPE.IP || type === ETH_TYPE.IPV6) {
    const proto = wordAt(flow, W.nwProto);
    bytes[28] = proto;
    if (proto === IP_PROTO.TCP || proto === IP_PROTO.SCTP) putHalf(bytes, 20, wordAt(flow, W.tpSrc) ^ wordAt(flow, W.tpDst));
  }
  return jhashBytes(bytes, basis);
}

function flowHashSymmetricL2(flow: FlowWords, basis: number): number {
  if (wordAt(flow, W.packetType) !== PACKET_TYPE.ETH) return 0;
  const bytes = new Uint8Array(12);
  putHalf(bytes, 0, wordAt(flow, W.dlType));
  let vlan = 0;
  for (let i = 0; i < MAX_VLAN_HEADERS; i++) vlan ^= wordAt(flow, W.vlan0 + i) & 0xfff;
  putHalf(bytes, 2, vlan);
  putHalf(bytes, 4, wordAt(flow, W.dlSrc) ^ wordAt(flow, W.dlDst));
  putWord(bytes, 6, wordAt(flow, W.dlSrc + 1) ^ wordAt(flow, W.dlDst + 1));
  let hash = basis;
  for (let at = 0; at < 12; at += 4) hash = hashAdd(hash, littleWord(bytes, at, 12));
  return hashFinish(hash, basis);
}

/** The same in both directions, by addresses, protocol and ports; by the Ethernet header for what is not IP (`symmetric_l3l4`). */
export function flowHashSymmetricL3L4(flow: FlowWords, basis: number, udpPorts: boolean): number {
  let hash = basis;
  const type = wordAt(flow, W.dlType);
  if (type === ETH_TYPE.IP) hash = hashAdd(hash, swap32((wordAt(flow, W.nwSrc) ^ wordAt(flow, W.nwDst)) >>> 0));
  else if (type === ETH_TYPE.IPV6)
    for (let i = 0; i < 4; i++) hash = hashAdd(hash, swap32((wordAt(flow, W.ipv6Src + i) ^ wordAt(flow, W.ipv6Dst + i)) >>> 0));
  else return flowHashSymmetricL2(flow, basis);
  const proto = wordAt(flow, W.nwProto);
  hash = hashAdd(hash, proto);
  const ports = proto === IP_PROTO.TCP || proto === IP_PROTO.SCTP || (udpPorts && proto === IP_PROTO.UDP);
  if (ports && !(wordAt(flow, W.nwFrag) & (FRAG.ANY | FRAG.LATER)))
    hash = hashAdd(hash, swap16(wordAt(flow, W.tpSrc) ^ wordAt(flow, W.tpDst)));
  return hashFinish(hash, basis);
}

/** The same in both directions, by IP addresses only (`symmetric_l3`). */
export function flowHashSymmetricL3(flow: FlowWords, basis: number): number {
  const bytes = new Uint8Array(20);
  const type = wordAt(flow, W.dlType);
  putHalf(bytes, 16, type);
  if (type === ETH_TYPE.IP) putWord(bytes, 0, wordAt(flow, W.nwSrc) ^ wordAt(flow, W.nwDst));
  else if (type === ETH_TYPE.IPV6)
    for (let i = 0; i < 4; i++) putWord(bytes, 4 * i, wordAt(flow, W.ipv6Src + i) ^ wordAt(flow, W.ipv6Dst + i));
  return jhashBytes(bytes, basis);
}

/** The hash of the headers that `fields` names, as `multipath` and `bundle` use it (ovs-actions(7)). `basis` has 16 bits. */
export function flowHashFields(flow: FlowWords, fields: HashFields, basis: number): number {
  const type = wordAt(flow, W.dlType);
  switch (fields) {
    case 'eth_src': {
      const bytes = new Uint8Array(6);
      putHalf(bytes, 0, wordAt(flow, W.dlSrc));
      putWord(bytes, 2, wordAt(flow, W.dlSrc + 1));
      return jhashBytes(bytes, basis);
    }
    case 'symmetric_l4':
      return flowHashSymmetricL4(flow, basis);
    case 'symmetric_l3l4':
      return flowHashSymmetricL3L4(flow, basis, false);
    case 'symmetric_l3l4+udp':
      return flowHashSymmetricL3L4(flow, basis, true);
    case 'nw_src':
    case 'nw_dst': {
      const v4 = fields === 'nw_src' ? W.nwSrc : W.nwDst;
      const v6 = fields === 'nw_src' ? W.ipv6Src : W.ipv6Dst;
      if (type === ETH_TYPE.IP) {
        const bytes = new Uint8Array(4);
        putWord(bytes, 0, wordAt(flow, v4));
        return jhashBytes(bytes, basis);
      }
      return type === ETH_TYPE.IPV6 ? jhashBytes(wideBytes(flow, v6), basis) : basis;
    }
    case 'symmetric_l3':
      return flowHashSymmetricL3(flow, basis);
  }
}

function exact(wc: FlowWords, first: number, count: number, bits = 0xffffffff): void {
  for (let i = first; i < first + count; i++) wc[i] = bits;
}

function exactMac(wc: FlowWords, first: number): void {
  wc[first] = 0xffff;
  wc[first + 1] = 0xffffffff;
}

function exactAddresses(flow: FlowWords, wc: FlowWords, which: 'both' | 'src' | 'dst'): boolean {
  const type = wordAt(flow, W.dlType);
  if (type !== ETH_TYPE.IP && type !== ETH_TYPE.IPV6) return false;
  const v4 = type === ETH_TYPE.IP;
  if (which !== 'dst') exact(wc, v4 ? W.nwSrc : W.ipv6Src, v4 ? 1 : 4);
  if (which !== 'src') exact(wc, v4 ? W.nwDst : W.ipv6Dst, v4 ? 1 : 4);
  return true;
}

function exactPorts(wc: FlowWords): void {
  wc[W.tpSrc] = 0xffff;
  wc[W.tpDst] = 0xffff;
}

/** Marks ports as looked at; of ICMP, type and code are 8 bits wide. */
export function unwildcardPorts(flow: FlowWords, wc: FlowWords): void {
  const bits = wordAt(flow, W.nwProto) === IP_PROTO.ICMP ? 0xff : 0xffff;
  wc[W.tpSrc] = bits;
  wc[W.tpDst] = bits;
}

/** Adds to `wc` the bits that `flowHashFields` looks at. */
export function maskHashFields(flow: FlowWords, wc: FlowWords, fields: HashFields): void {
  const proto = wordAt(flow, W.nwProto);
  const fragment = (wordAt(flow, W.nwFrag) & (FRAG.ANY | FRAG.LATER)) !== 0;
  switch (fields) {
    case 'eth_src':
      exactMac(wc, W.dlSrc);
      return;
    case 'symmetric_l4':
      exactMac(wc, W.dlSrc);
      exactMac(wc, W.dlDst);
      exactAddresses(flow, wc, 'both');
      if (isIpAny(flow)) {
        wc[W.nwProto] = 0xff;
        if (proto !== IP_PROTO.UDP) unwildcardPorts(flow, wc);
      }
      for (let i = 0; i < MAX_VLAN_HEADERS; i++) wc[W.vlan0 + i] = (wordAt(wc, W.vlan0 + i) | VLAN_CFI | 0xfff) >>> 0;
      return;
    case 'symmetric_l3l4+udp':
    case 'symmetric_l3l4': {
      if (fields === 'symmetric_l3l4+udp' && isIpAny(flow) && proto === IP_PROTO.UDP && !fragment) exactPorts(wc);
      if (!exactAddresses(flow, wc, 'both')) return;
      wc[W.nwProto] = 0xff;
      if ((proto === IP_PROTO.TCP || proto === IP_PROTO.SCTP) && !fragment) exactPorts(wc);
      return;
    }
    case 'nw_src':
      exactAddresses(flow, wc, 'src');
      return;
    case 'nw_dst':
      exactAddresses(flow, wc, 'dst');
      return;
    case 'symmetric_l3':
      exactAddresses(flow, wc, 'both');
      return;
  }
}

function highestRandomWeight(hash: number, links: number): number {
  let best = 0;
  let bestWeight = hash2Words(hash, 0);
  for (let link = 1; link < links; link++) {
    const weight = hash2Words(hash, link);
    if (weight > bestWeight) {
      best = link;
      bestWeight = weight;
    }
  }
  return best;
}

function iterHash(hash: number, links: number, arg: number): number {
  let modulo = arg;
  if (modulo < links || Math.floor(modulo / 2) > links) {
    modulo = 1;
    while (modulo < links) modulo *= 2;
  }
  for (let i = 0; ; i++) {
    const link = (hash2Words(hash, i) % modulo) & 0xffff;
    if (link < links) return link;
  }
}

/** The link that `multipath` chooses: 0 to `maxLink` (ovs-actions(7)). Adds to `wc` what it looked at. */
export function multipathLink(action: Extract<OfpAct, { kind: 'multipath' }>, flow: FlowWords, wc: FlowWords): number {
  const hash = flowHashFields(flow, action.fields, action.basis);
  maskHashFields(flow, wc, action.fields);
  const links = action.maxLink + 1;
  switch (action.algorithm) {
    case 'modulo_n':
      return hash % links;
    case 'hash_threshold':
      return links === 1 ? 0 : Math.floor(hash / (Math.floor(0xffffffff / links) + 1));
    case 'hrw':
      return links <= 64 ? highestRandomWeight(hash, links) : iterHash(hash, links, 0);
    case 'iter_hash':
      return iterHash(hash, links, action.arg);
  }
}

/** The member that `bundle` or `bundle_load` chooses: its place in the list, undefined where none is enabled (ovs-actions(7)). */
export function bundleMember(
  action: Extract<OfpAct, { kind: 'bundle' }>,
  flow: FlowWords,
  wc: FlowWords,
  enabled: (place: number) => boolean,
): number | undefined {
  if (action.algorithm === 'active_backup') {
    for (let i = 0; i < action.members.length; i++) if (enabled(i)) return i;
    return undefined;
  }
  if (action.members.length > 1) maskHashFields(flow, wc, action.fields);
  const hash = flowHashFields(flow, action.fields, action.basis);
  let best: number | undefined;
  let bestHash = 0;
  for (let i = 0; i < action.members.length; i++) {
    if (!enabled(i)) continue;
    const weight = hash2Words(i, hash);
    if (best === undefined || weight > bestHash) {
      best = i;
      bestHash = weight;
    }
  }
  return best;
}

/** The bucket, 0 to 255, in which a balance-slb or balance-tcp bond looks for the member to use (ovs-vswitchd.conf.db(5)). */
export function bondHash(mode: 'balance-slb' | 'balance-tcp', flow: FlowWords, vlan: number, basis: number): number {
  if (mode === 'balance-tcp') return flowHash5tuple(flow, basis) & 0xff;
  const mac = (BigInt(wordAt(flow, W.dlSrc)) << 32n) | BigInt(wordAt(flow, W.dlSrc + 1));
  return hashUint64((BigInt(vlan) << 48n) | mac, basis) & 0xff;
}
