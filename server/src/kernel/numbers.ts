import type { NfMatch, NfNumber } from '../captures/netfilter-facts';
import { after, between, bits, exact, isWithin, slice, type Bits } from './bits';
import { TEMPLATE, zoneId } from './conntrack';
import { not, type Tri } from './decide';
import { headerField, linkHeader, networkHeader, transportHeader } from './header-fields';
import type { Moment } from './matches';
import { isIcmp } from './packet';
import { mayHaveRealms } from './realm';
import { gatewayOf } from './routing';
import { hasOwner, mayBeDemultiplexed } from './sockets';
import { clampedMss } from './targets';

/** What a number is at a rule: `none` where the packet lacks it, undefined where nobody knows whether it has it. */
export type Found = Bits | 'none' | undefined;

/** Whether a number is in one of the ranges; what lacks it meets neither that nor its opposite. */
export function numberTest({ number, within, negated }: Extract<NfMatch, { kind: 'number' }>): (at: Moment) => Tri {
  return (at) => {
    const found = valueOf(number, at);
    if (found === 'none') return 'no';
    if (found === undefined) return 'maybe';
    const answer = isWithin(found, within);
    return negated ? not(answer) : answer;
  };
}

/** A number after its operations. */
export function valueOf({ of, steps }: NfNumber, at: Moment): Found {
  const found = numberOf(of, at);
  return typeof found === 'object' ? after(found, steps) : found;
}

/** The same where all of it is known. */
export function exactValue(number: NfNumber | bigint, at: Moment): bigint | undefined {
  if (typeof number === 'bigint') return number;
  const found = valueOf(number, at);
  return typeof found === 'object' ? exact(found) : undefined;
}

/** What nft reads by a name (nft(8), "primary expressions", "payload expressions"). */
function numberOf(of: string, at: Moment): Found {
  const [first = '', key = ''] = of.split(' ');
  switch (first) {
    case 'meta':
      return metaNumber(key, at);
    case 'ct':
      return connectionNumber(of.slice(3), at);
    case 'rt':
      return routeNumber(of.slice(3), at);
    case 'ether':
      return frameNumber(key, at);
    // No IPsec is captured.
    case 'ipsec':
      return 'none';
    case 'vlan':
      return at.mayBeTagged ? undefined : 'none';
    case 'numgen':
    case 'jhash':
    case 'symhash':
      return counted(of, at);
    default:
      return of.startsWith('@') ? rawNumber(of, at) : headerField(of, at.packet);
  }
}

const NO_MAC = '00:00:00:00:00:00';

/** `@nh,128,32`: bits of a header by their place (nft(8), "raw payload expression"). */
function rawNumber(of: string, at: Moment): Found {
  const [base, from, length] = of.split(',');
  const { packet, in: device, local } = at;
  const part = (header: Bits) => slice(header, Number(from), Number(length));
  switch (base) {
    case '@nh':
      return part(networkHeader(packet));
    case '@th': {
      const header = transportHeader(packet);
      return header && part(header);
    }
    case '@ll':
      if (device === undefined && local) return 'none';
      if (device === undefined) return undefined;
      // What a host sends to itself has a header of zeros (eth_header).
      return part(linkHeader(device === 'lo' ? { ...packet, smac: NO_MAC, dmac: NO_MAC } : packet));
    default:
      return undefined;
  }
}

/** Fields of the frame, which only what came by a device of Ethernet has. */
function frameNumber(key: string, { in: device, namespace, packet, mayBeTagged }: Moment): Found {
  if (mayBeTagged && key === 'type') return undefined;
  if (device === undefined || device === 'lo') return 'none';
  const known = namespace.devices.get(device);
  if (known?.noArp === true) return 'none';
  const places: Readonly<Record<string, readonly [number, number] | undefined>> = {
    daddr: [0, 48],
    saddr: [48, 48],
    type: [96, 16],
  };
  const place = places[key];
  const found = place && slice(linkHeader(packet), ...place);
  return known?.mac === undefined && found !== undefined && exact(found) === undefined ? undefined : found;
}

/** ARPHRD_ETHER, ARPHRD_LOOPBACK. */
const DEVICE_TYPES = { ether: 1, loopback: 772 } as const;

function metaNumber(key: string, at: Moment): Found {
  const { packet, namespace } = at;
  const device = key.startsWith('i') ? at.in : at.out;
  switch (key) {
    case 'mark':
      return bits(32, packet.mark);
    case 'length':
      return bits(32, packet.length);
    case 'l4proto':
      return bits(8, packet.proto);
    case 'nfproto':
      return bits(8, packet.family === 4 ? 2 : 10);
    case 'protocol':
      return at.mayBeTagged ? undefined : bits(16, packet.family === 4 ? 0x0800 : 0x86dd);
    case 'iif':
    case 'oif':
      return device === undefined ? 'none' : bits(32, namespace.devices.get(device)?.index);
    case 'iifgroup':
    case 'oifgroup': {
      const group = device === undefined ? undefined : namespace.devices.get(device)?.group;
      const number = group === 'default' ? 0 : Number(group ?? NaN);
      return device === undefined ? 'none' : bits(32, Number.isNaN(number) ? undefined : number);
    }
    case 'iiftype':
    case 'oiftype': {
      if (device === undefined) return 'none';
      if (device === 'lo') return bits(16, DEVICE_TYPES.loopback);
      const known = namespace.devices.get(device);
      return bits(16, known?.mac === undefined || known.noArp ? undefined : DEVICE_TYPES.ether);
    }
    case 'skuid':
    case 'skgid':
    case 'cgroup': {
      if (!hasOwner(at) && !at.socket) return mayBeDemultiplexed(at) ? undefined : 'none';
      const user = (at.socket ?? at).uid;
      const group = at.socket ? undefined : at.gid;
      return bits(32, key === 'skuid' ? user : key === 'skgid' ? group : undefined);
    }
    case 'rtclassid':
      return routeNumber('classid', at);
    // No IPsec is captured.
    case 'ipsec':
    case 'secpath':
      return bits(8, 0);
    case 'random':
    case 'cpu':
    case 'priority':
      return bits(32, undefined);
    default:
      return undefined;
  }
}

/** What the route says that a packet has by then. */
function routeNumber(key: string, at: Moment): Found {
  const { packet, hook, namespace } = at;
  if (hook === 'INGRESS' || hook === 'EGRESS') return undefined;
  if (!at.routed) return 'none';
  switch (key) {
    case 'classid':
      return bits(32, packet.family === 4 && mayHaveRealms(namespace) ? undefined : 0);
    case 'mtu':
      return bits(16, hook === 'PREROUTING' ? undefined : clampedMss(at));
    case 'ipsec':
      return bits(8, 0);
    case 'ip nexthop':
    case 'ip6 nexthop': {
      const family = key === 'ip nexthop' ? 4 : 6;
      if (packet.family !== family) return 'none';
      const width = family === 4 ? 32 : 128;
      const gateway = at.way && gatewayOf(at.way);
      return gateway?.family === family ? bits(width, gateway.ip) : bits(width, packet.dst);
    }
    default:
      return undefined;
  }
}

function connectionNumber(words: string, at: Moment): Found {
  const { tracking } = at;
  const { connection } = tracking;
  // What stands in for a connection whose zone was named has that zone.
  if (!connection) return tracking === TEMPLATE ? undefined : 'none';
  const [, side, key = ''] = /^(?:(original|reply) )?(.*)$/.exec(words) ?? [];
  const tuple = side === 'reply' ? connection.reply : connection.original;
  const { original, zone } = connection;
  switch (key) {
    case 'mark':
      return bits(32, connection.mark);
    case 'zone':
      return bits(16, side === undefined ? zone.id : zoneId(zone, side === 'reply' ? 'reply' : 'orig'));
    case 'direction':
      return bits(8, tracking.reply ? 1 : 0);
    case 'protocol':
      return bits(8, original.proto);
    case 'l3proto':
      return bits(8, original.family === 4 ? 2 : 10);
    case 'proto-src':
      return bits(16, isIcmp(at.packet) ? undefined : tuple.sport);
    case 'proto-dst':
      return bits(16, isIcmp(at.packet) ? undefined : tuple.dport);
    case 'saddr':
    case 'daddr':
    case 'ip saddr':
    case 'ip daddr':
    case 'ip6 saddr':
    case 'ip6 daddr': {
      const [, family] = /^(ip6?) /.exec(key) ?? [];
      if (family !== undefined && (family === 'ip') !== (original.family === 4)) return 'none';
      return bits(original.family === 4 ? 32 : 128, key.endsWith('saddr') ? tuple.src : tuple.dst);
    }
    case 'packets':
    case 'bytes':
    case 'avgpkt':
      return trafficOf(key, side, at);
    case 'id':
      return bits(32, undefined);
    default:
      return undefined;
  }
}

/** A rule that asks for it has connections counted. Of the first packet of one it is known how many there were; of later ones it is not. */
function trafficOf(key: string, side: string | undefined, { tracking, packet }: Moment): Bits {
  const { connection, reply } = tracking;
  const isOurs = connection?.captured !== true && connection?.invented !== true;
  // Nobody has answered yet.
  if (isOurs && side === 'reply' && connection?.seenReply === false && !reply) return bits(64, 0);
  if (!isOurs || connection?.confirmed !== false || reply) return bits(64, undefined);
  return bits(64, key === 'packets' ? 1 : packet.length);
}

/** `numgen inc mod 4 offset 2`: one of so many numbers. */
function counted(of: string, at: Moment): Found {
  // What has not all of the fields has no hash of them.
  const fields = /^jhash (.*) mod /.exec(of)?.[1]?.split(' . ') ?? [];
  if (fields.some((field) => numberOf(field, at) === 'none')) return 'none';
  const modulus = /\bmod (\d+)/.exec(of)?.[1];
  const offset = BigInt(/\boffset (\d+)/.exec(of)?.[1] ?? '0');
  return modulus === undefined || modulus === '0' ? undefined : between(32, offset, offset + BigInt(modulus) - 1n);
}
