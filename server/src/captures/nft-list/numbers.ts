import { parseIp, parseMac, parsePrefix } from '../../packet/address';
import { ipProtocolNumber } from '../../packet/ip-protocols';
import type { NfMatch, NfNumber, NfStep } from '../netfilter-facts';
import { protocolName } from '../iptables-rules/netfilter';
import { dscp, ECN, icmpCode, icmpType, tcpFlags } from './names';
import type { Compared } from './selectors';

type Range = readonly [bigint, bigint];

/** What nft reads as a number whose meaning is known (nft(8), "payload expressions", "meta expressions", "conntrack expressions"). */
const NUMBER = new RegExp(
  `^(?:${[
    '(?:ip6?|tcp|udp|udplite|sctp|dccp|th|icmp|icmpv6|igmp|esp|ah|comp|vlan) [a-z][a-z-]*',
    'ether (?:saddr|daddr|type)',
    'meta (?:mark|length|l4proto|nfproto|protocol|[io]if(?:type|group)?|skuid|skgid|cgroup|rtclassid|ipsec|secpath|random|cpu|priority)',
    'ct (?:(?:original|reply) )?(?:ip6? )?(?:mark|zone|direction|protocol|l3proto|proto-src|proto-dst|saddr|daddr|packets|bytes|avgpkt|id)',
    'rt (?:classid|mtu|ipsec|ip6? nexthop)',
    '@(?:ll|nh|th|ih),\\d+,\\d+',
    'ipsec (?:in|out) .*',
    '(?:numgen|jhash|symhash) .*',
  ].join('|')})$`,
);
const BARE = /^(?:mark|[io]if(?:type|group)?|skuid|skgid|cgroup|rtclassid|l4proto|nfproto|random|cpu)$/;
const OPERATORS: Readonly<Record<string, NfStep['op'] | undefined>> = {
  '&': '&',
  and: '&',
  '|': '|',
  or: '|',
  '^': '^',
  xor: '^',
  '<<': '<<',
  lshift: '<<',
  '>>': '>>',
  rshift: '>>',
};
/** Values are never so large. */
const MOST = (1n << 128n) - 1n;
const ALL: readonly Range[] = [[0n, MOST]];

/** `meta mark & 0xff`, `(@nh,8,8 & 0xfc) >> 2`: a number with its operations; undefined for what is none that is known. */
export function numberIn(words: string): NfNumber | undefined {
  // Brackets around the first operations mean nothing: all are applied from left to right.
  const text = words.replace(/^\(([^()]*)\)/, '$1');
  const [first = '', ...rest] = text.split(/ (&|\||\^|<<|>>|and|or|xor|lshift|rshift) (?![^(]*\))/);
  const named = first.trim();
  const of = BARE.test(named) ? `meta ${named}` : named;
  if (!NUMBER.test(of)) return undefined;
  const steps: NfStep[] = [];
  for (let n = 0; n + 1 < rest.length; n += 2) {
    const op = OPERATORS[rest[n] ?? ''];
    const by = op === undefined ? undefined : operandIn(of, op, (rest[n + 1] ?? '').trim());
    if (op === undefined || by === undefined) return undefined;
    steps.push({ op, by });
  }
  return { of, steps };
}

function operandIn(of: string, op: NfStep['op'], text: string): bigint | undefined {
  if (op === '<<' || op === '>>') return /^\d+$/.test(text) && Number(text) < 128 ? BigInt(text) : undefined;
  const [from, to] = rangeIn(of, text) ?? [];
  return from !== undefined && from === to ? from : undefined;
}

/** Whether the packet has the number at all, whatever it is. */
export function presenceOf(number: NfNumber, text: Compared['text']): NfMatch {
  return { kind: 'number', number, within: ALL, text, negated: false };
}

/** A number compared with values; undefined where it is none that is known, or one of them is not understood. */
export function numberMatches({
  selector,
  values,
  negated,
  text,
}: Pick<Compared, 'selector' | 'values' | 'negated' | 'text'>): NfMatch[] | undefined {
  const number = numberIn(selector.value);
  if (number === undefined) return undefined;
  const within = values.map(({ value }) => rangeIn(number.of, value));
  if (within.includes(undefined)) return undefined;
  return [{ kind: 'number', number, within: within.flatMap((range) => (range === undefined ? [] : [range])), text, negated }];
}

/** `tcp dport > 1023`: the same with a relation. */
export function comparedNumber(selector: string, relation: string, value: string, text: Compared['text']): NfMatch[] | undefined {
  const number = numberIn(selector);
  const [from, to] = (number && rangeIn(number.of, value)) ?? [];
  if (number === undefined || from === undefined || from !== to) return undefined;
  const range: Range | undefined = /^(?:<|lt)$/.test(relation)
    ? [0n, from - 1n]
    : /^(?:<=|le)$/.test(relation)
      ? [0n, from]
      : /^(?:>|gt)$/.test(relation)
        ? [from + 1n, MOST]
        : /^(?:>=|ge)$/.test(relation)
          ? [from, MOST]
          : undefined;
  return range && [{ kind: 'number', number, within: [range], text, negated: false }];
}

/** A value as a number, by what it is compared with; undefined for one that is not understood, or has several. */
export function valueIn(of: string, text: string): bigint | undefined {
  const [from, to] = rangeIn(of, text) ?? [];
  return from === to ? from : undefined;
}

/** `80`, `1024-65535`, `10.0.0.0/24`, `tcp` as the numbers from the first to the last. */
function rangeIn(of: string, text: string): Range | undefined {
  const one = plainValue(of, text);
  if (one !== undefined) return [one, one];
  if (/addr$|nexthop$/.test(of) && text.includes('/')) {
    const prefix = parsePrefix(text);
    const all = prefix?.family === 4 ? 0xffffffffn : MOST;
    return prefix && [prefix.value, prefix.value | (all & ~prefix.mask)];
  }
  if (/ mark$/.test(of) && text.includes('/')) return markRange(text);
  // Names have hyphens themselves.
  for (let at = text.indexOf('-'); at > 0; at = text.indexOf('-', at + 1)) {
    const [from, to] = [plainValue(of, text.slice(0, at)), plainValue(of, text.slice(at + 1))];
    if (from !== undefined && to !== undefined && from <= to) return [from, to];
  }
  return undefined;
}

/** `0x04000000/16`: nft prints marks with a mask, and ranges of a set that are as long, as if they were addresses. */
export function markRange(text: string): Range | undefined {
  const [, from, length] = /^(0x[\da-f]{1,8}|\d{1,10})\/(\d{1,2})$/i.exec(text) ?? [];
  if (from === undefined || length === undefined || Number(length) > 32 || BigInt(from) > 0xffffffffn) return undefined;
  const free = (1n << BigInt(32 - Number(length))) - 1n;
  return [BigInt(from) & ~free, BigInt(from) | free];
}

const FRAMES: Readonly<Record<string, number>> = {
  ip: 0x0800,
  arp: 0x0806,
  '8021q': 0x8100,
  vlan: 0x8100,
  '8021ad': 0x88a8,
  ip6: 0x86dd,
};
const FAMILIES: Readonly<Record<string, number>> = { ipv4: 2, ipv6: 10 };
const DEVICE_TYPES: Readonly<Record<string, number>> = {
  ether: 1,
  ppp: 512,
  ipip: 768,
  tunnel6: 769,
  loopback: 772,
  sit: 776,
  ipgre: 778,
};
const DIRECTIONS: Readonly<Record<string, number>> = { original: 0, reply: 1 };
const PKTTYPES: Readonly<Record<string, number>> = { host: 0, unicast: 0, broadcast: 1, multicast: 2, other: 3 };
const IGMP_TYPES: Readonly<Record<string, number>> = {
  'membership-query': 0x11,
  'membership-report-v1': 0x12,
  'membership-report-v2': 0x16,
  'membership-report-v3': 0x22,
  'leave-group': 0x17,
};
const DCCP_TYPES = ['request', 'response', 'data', 'ack', 'dataack', 'closereq', 'close', 'reset', 'sync', 'syncack'];
const WORDS: Readonly<Record<string, number>> = { missing: 0, exists: 1, default: 0, root: 0, none: 0, cosmos: 0 };

function plainValue(of: string, text: string): bigint | undefined {
  if (/^(?:\d+|0x[\da-f]+)$/i.test(text)) return BigInt(text);
  const found = named(of, text);
  return found === undefined ? undefined : BigInt(found);
}

function named(of: string, text: string): number | bigint | undefined {
  if (/^ether [sd]addr$/.test(of)) return parseMac(text);
  if (/addr$|nexthop$/.test(of)) return parseIp(text)?.value;
  if (of === 'tcp flags') return tcpFlags(text);
  if (/l4proto$|protocol$|nexthdr$/.test(of) && of !== 'meta protocol') return protocolNumber(text);
  if (of === 'igmp type') return IGMP_TYPES[text];
  if (of === 'dccp type') return DCCP_TYPES.indexOf(text) < 0 ? undefined : DCCP_TYPES.indexOf(text);
  if (/^icmp(?:v6)? type$/.test(of)) return icmpType(text, of.startsWith('icmpv6'));
  if (/^icmp(?:v6)? code$/.test(of)) return icmpCode(text, of.startsWith('icmpv6'));
  if (/ dscp$/.test(of)) return dscp(text);
  if (/ ecn$/.test(of)) return ECN[text];
  if (of === 'ether type' || of === 'meta protocol' || of === 'vlan type') return FRAMES[text];
  if (/nfproto$|l3proto$/.test(of)) return FAMILIES[text];
  if (/iftype$/.test(of)) return DEVICE_TYPES[text];
  // The only device whose index is the same everywhere.
  if (/^meta [io]if$/.test(of)) return text === 'lo' ? 1 : undefined;
  if (of === 'ct direction') return DIRECTIONS[text];
  if (of === 'meta pkttype') return PKTTYPES[text];
  return /ipsec$|secpath$|ifgroup$|skuid$|skgid$|classid$/.test(of) ? WORDS[text] : undefined;
}

function protocolNumber(text: string): number | undefined {
  const name = protocolName(text);
  return ipProtocolNumber(text) ?? (name === undefined ? undefined : ipProtocolNumber(name));
}
