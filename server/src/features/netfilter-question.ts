import type { Namespace } from '../model/namespace';
import { parseIp, parseMac } from '../packet/address';
import type { CtState } from '../kernel/conntrack';
import { hasPorts, isMulticast, PROTO, TCP, type IpPacket } from '../kernel/packet';
import { ipProtocolNumber } from '../packet/ip-protocols';

/** A packet to trace, and what is known of its connection. */
export interface NetfilterQuestion {
  readonly packet: IpPacket;
  readonly iif: string | undefined;
  /** The device that it leaves by, where no route was captured. */
  readonly oif?: string;
  /** The port of the bridge `iif` that it came by. */
  readonly physIn?: string;
  /** `iif` is a port of a bridge, which decides where the frame goes. */
  readonly port?: { readonly bridge: string };
  /** It stays in the bridge, whose rules see it by way of br_netfilter. */
  readonly bridged?: { readonly bridge: string; readonly physIn: string; readonly physOut: string };
  readonly assumed?: { readonly state: CtState; readonly reply: boolean; readonly mark: number };
  readonly uid?: number;
  readonly gid?: number;
}

const KEYS = new Set(
  'iif oif smac dmac src dst proto sport dport type code id flags ttl tos flowlabel length mark ctstate ctdir ctmark uid gid df mss frag whole physin physout'.split(
    ' ',
  ),
);

const FLAGS: Readonly<Record<string, number>> = {
  fin: TCP.FIN,
  syn: TCP.SYN,
  rst: TCP.RST,
  psh: TCP.PSH,
  ack: TCP.ACK,
  urg: TCP.URG,
  ece: TCP.ECE,
  cwr: TCP.CWR,
  none: 0,
};

/** Reads `KEY=VALUE` words into a packet; a sentence where something is wrong. */
export function readQuestion(words: readonly string[], namespace: Namespace): NetfilterQuestion | string {
  const given = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    const key = word.slice(0, at);
    if (at < 1 || !KEYS.has(key)) return `"${word}" is not KEY=VALUE with one of the keys ${[...KEYS].join(', ')}`;
    given.set(key, word.slice(at + 1));
  }
  const dst = parseIp(given.get('dst') ?? '');
  if (!dst) return given.has('dst') ? `dst=${given.get('dst') ?? ''} is no IP address` : 'the packet needs dst=ADDRESS';
  const src = given.has('src') ? parseIp(given.get('src') ?? '') : undefined;
  if (given.has('src') && !src) return `src=${given.get('src') ?? ''} is no IP address`;
  if (src && src.family !== dst.family) return 'src and dst must be of one family';
  const iif = given.get('iif');
  if (iif !== undefined && !src) return 'a packet that comes in by a device needs src=ADDRESS';
  const oif = given.get('oif');
  const routes = dst.family === 4 ? namespace.routesKnown : namespace.routesKnown6;
  if (oif !== undefined && iif === undefined) return 'oif=DEVICE needs iif=DEVICE';
  if (oif !== undefined && routes !== 'absent') return 'oif=DEVICE is for captures without routes: here they say where it leaves';
  const [physIn, physOut] = [given.get('physin'), given.get('physout')];
  if (physIn !== undefined && iif === undefined) return 'physin=PORT needs iif=BRIDGE';
  if (physOut !== undefined && physIn === undefined) return 'physout=PORT needs physin=PORT';
  const numbers = new Map<string, number>();
  for (const [key, max] of LIMITS) {
    const text = given.get(key);
    if (text === undefined) continue;
    const value = /^(?:0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : NaN;
    if (!(value <= max)) return `${key}=${text} must be a number from 0 to ${max}`;
    numbers.set(key, value);
  }
  const fragment = given.get('frag');
  if (fragment !== undefined && fragment !== 'first' && fragment !== 'later') return `frag=${fragment} must be first or later`;
  const { family } = dst;
  const named = given.get('proto') ?? 'tcp';
  const proto = ipProtocolNumber(named);
  if (proto === undefined) return `proto=${named} is no protocol: tcp, udp, icmp, icmpv6 or a number`;
  const flags = tcpFlags(given.get('flags') ?? 'syn');
  if (flags === undefined) return `flags=${given.get('flags') ?? ''} takes fin, syn, rst, psh, ack, urg, ece, cwr or none`;
  for (const key of ['smac', 'dmac'] as const) {
    const mac = given.get(key);
    if (mac !== undefined && parseMac(mac) === undefined) return `${key}=${mac} is no MAC address`;
  }
  const assumed = connectionState(given, numbers);
  if (typeof assumed === 'string') return assumed;
  const smac = given.get('smac')?.toLowerCase();
  const dmac = given.get('dmac')?.toLowerCase();
  const ports = hasPorts(proto);
  const echo = family === 4 ? 8 : 128;
  return {
    packet: {
      family,
      src: src?.value ?? 0n,
      dst: dst.value,
      proto,
      sport: ports ? (numbers.get('sport') ?? 40000) : undefined,
      dport: ports ? (numbers.get('dport') ?? 80) : undefined,
      icmpType: numbers.get('type') ?? echo,
      icmpCode: numbers.get('code') ?? 0,
      icmpId: numbers.get('id') ?? 1,
      tcpFlags: proto === PROTO.TCP ? flags : 0,
      mss: numbers.get('mss'),
      ttl: numbers.get('ttl') ?? 64,
      tos: numbers.get('tos') ?? 0,
      ...(numbers.has('flowlabel') ? { flowLabel: numbers.get('flowlabel') } : {}),
      length: numbers.get('length'),
      dontFragment: numbers.get('df') === 1 || (numbers.get('df') === undefined && proto === PROTO.TCP),
      fragment: fragment === 'later',
      firstFragment: fragment === 'first',
      ...(numbers.has('whole') ? { wholeLength: numbers.get('whole') ?? 0 } : {}),
      smac,
      dmac,
      mark: numbers.get('mark') ?? 0,
      frame: frameOf(dmac, iif, namespace, family, dst.value),
      inner: undefined,
      untold: new Set([
        ...(numbers.has('id') ? [] : ['icmpId' as const]),
        ...(numbers.has('df') ? [] : ['dontFragment' as const]),
      ]),
    },
    iif,
    ...(oif === undefined ? {} : { oif }),
    ...(physIn === undefined ? {} : { physIn }),
    ...(iif === undefined || physIn === undefined || physOut === undefined ? {} : { bridged: { bridge: iif, physIn, physOut } }),
    ...(assumed ? { assumed } : {}),
    ...(numbers.has('uid') ? { uid: numbers.get('uid') ?? 0 } : {}),
    ...(numbers.has('gid') ? { gid: numbers.get('gid') ?? 0 } : {}),
  };
}

const LIMITS: readonly (readonly [string, number])[] = [
  ['sport', 65535],
  ['dport', 65535],
  ['type', 255],
  ['code', 255],
  ['id', 65535],
  ['ttl', 255],
  ['tos', 255],
  ['flowlabel', 0xfffff],
  ['length', 65535],
  ['mark', 0xffffffff],
  ['ctmark', 0xffffffff],
  ['uid', 0xffffffff],
  ['gid', 0xffffffff],
  ['df', 1],
  ['mss', 65535],
  ['whole', 65535],
];

function tcpFlags(text: string): number | undefined {
  let bits = 0;
  for (const name of text.toLowerCase().split(',')) {
    const bit = FLAGS[name];
    if (bit === undefined) return undefined;
    bits |= bit;
  }
  return bits;
}

function connectionState(
  given: ReadonlyMap<string, string>,
  numbers: ReadonlyMap<string, number>,
): NetfilterQuestion['assumed'] | string {
  const state = given.get('ctstate')?.toUpperCase();
  const direction = given.get('ctdir')?.toUpperCase();
  if (state === undefined) {
    // A mark or a direction alone speaks of a connection that exists.
    if (direction === undefined && !given.has('ctmark')) return undefined;
    return {
      state: direction === 'REPLY' ? 'ESTABLISHED' : 'NEW',
      reply: direction === 'REPLY',
      mark: numbers.get('ctmark') ?? 0,
    };
  }
  if (!/^(?:NEW|ESTABLISHED|RELATED|INVALID|UNTRACKED)$/.test(state))
    return `ctstate=${state} must be NEW, ESTABLISHED, RELATED, INVALID or UNTRACKED`;
  if (direction !== undefined && !/^(?:ORIGINAL|REPLY)$/.test(direction)) return `ctdir=${direction} must be ORIGINAL or REPLY`;
  return { state: state as CtState, reply: direction === 'REPLY', mark: numbers.get('ctmark') ?? 0 };
}

function frameOf(
  dmac: string | undefined,
  iif: string | undefined,
  namespace: Namespace,
  family: 4 | 6,
  dst: bigint,
): IpPacket['frame'] {
  if (dmac === undefined) {
    if (isMulticast(family, dst)) return 'multicast';
    return family === 4 && dst === 0xffffffffn ? 'broadcast' : 'host';
  }
  if (dmac === 'ff:ff:ff:ff:ff:ff') return 'broadcast';
  if (((parseMac(dmac) ?? 0n) >> 40n) & 1n) return 'multicast';
  const own = iif === undefined ? undefined : namespace.devices.get(iif)?.mac;
  return own === undefined || own === dmac ? 'host' : 'otherhost';
}
