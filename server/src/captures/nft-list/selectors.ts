import { cover, val, type Span, type Val } from '../../base/span';
import { formatMac } from '../../packet/address';
import type { NfFamily, NfMatch } from '../netfilter-facts';
import { lower } from '../words';
import type { ChangedSets } from './dynamic';
import type { SetHead } from './rates';
import { markValue, portRanges, protocolName } from '../iptables-rules/netfilter';
import { fibDeviceMatches } from './fib';
import { optionMatches } from './header-options';
import { markRange, numberIn, numberMatches, presenceOf } from './numbers';
import { dscp, ECN, icmpCode, icmpType, nameOf, plainNumber } from './names';
import type { NftElement, NftItem } from './semantics';

/** What a condition may look up: the sets of its table, as far as the capture shows them. */
export interface Lookup {
  readonly family: NfFamily;
  /** The table is one that iptables-nft made: what nft prints of it is a translation that loses things. */
  readonly madeByIptables: boolean;
  /** The elements of a named set; undefined where they are not shown. */
  readonly set: (name: string) => readonly NftElement[] | undefined;
  readonly table: string;
  /** What the head of a named set says; undefined where it is not shown. */
  readonly head: (name: string) => SetHead | undefined;
  /** The sets of the table that its rules change. */
  readonly changing: ChangedSets;
  /** The elements of a set that stands in the rule; undefined where one of them is not understood. */
  readonly literal: (
    body: Extract<Extract<NftItem, { is: 'condition' }>['right'], { is: 'set' }>['body'],
  ) => readonly NftElement[] | undefined;
}

/** The families of addresses that a table sees: in all others a condition on an address says the family as well. */
export function familyGuard(selector: Val<string>, lookup: Lookup): NfMatch[] {
  const v6 = /^(?:ct (?:original|reply) )?(?:ip6|icmpv6)\b/.test(selector.value);
  if (lookup.family === (v6 ? 'ip6' : 'ip')) return [];
  return [{ kind: 'source', value: val(v6 ? '::/0' : '0.0.0.0/0', selector.span), negated: false }];
}

/** Several alternatives as one condition. */
function anyOf(matches: readonly NfMatch[], negated: boolean, text: Val<string>): NfMatch {
  const [only] = matches;
  if (only !== undefined && matches.length === 1 && 'negated' in only)
    return negated ? { ...only, negated: !only.negated } : only;
  return { kind: 'any-of', matches, text, negated };
}

/** Makes a condition of each value; undefined where one of them is not understood. */
function each(values: readonly Val<string>[], make: (value: Val<string>) => NfMatch | undefined): NfMatch[] | undefined {
  const made = values.map(make);
  return made.some((match) => match === undefined) ? undefined : made.flatMap((match) => (match === undefined ? [] : [match]));
}

const ARP_FIELDS = ['operation', 'saddr ip', 'daddr ip', 'saddr ether', 'daddr ether', 'htype', 'ptype', 'hlen', 'plen'] as const;

/** Types of frames as the pkttype match calls them. */
const PKTTYPES: Readonly<Record<string, string | undefined>> = { host: 'unicast', other: 'otherhost' };

const upper = (value: Val<string>): Val<string> => val(value.value.toUpperCase(), value.span);

/** A selector compared with values, any of which may hold. */
export interface Compared {
  readonly selector: Val<string>;
  readonly values: readonly Val<string>[];
  readonly negated: boolean;
  readonly text: Val<string>;
  readonly lookup: Lookup;
}

/** The conditions that a comparison asks; undefined where it is not modelled. */
export function valueMatches(asked: Compared): NfMatch[] | undefined {
  return wordMatches(asked) ?? numberMatches(asked);
}

/** The same in the words of iptables-extensions(8), where those say it. */
function wordMatches(asked: Compared): NfMatch[] | undefined {
  const { selector, values, negated, text, lookup } = asked;
  const name = selector.value;
  const [first] = values;
  if (first === undefined) return undefined;
  const one = (guard: readonly NfMatch[], make: (value: Val<string>) => NfMatch | undefined): NfMatch[] | undefined => {
    const made = each(values, make);
    return made === undefined ? undefined : [...guard, anyOf(made, negated, text)];
  };
  // Behind `th` stands no protocol that must have ports.
  const port = /^(tcp|udp|udplite|sctp|dccp) ([sd])port$/.exec(name);
  if (port !== null) return portMatches(port[1] ?? '', port[2] ?? '', asked);
  const address = /^ip6? ([sd])addr$/.exec(name);
  if (address !== null) {
    const kind = address[1] === 's' ? 'source' : 'destination';
    return one(negated ? familyGuard(selector, lookup) : [], (value) => addressMatch(kind, value));
  }
  const type = /^fib ([sd])addr( \. mark)?(?: \. ([io])if)? type$/.exec(name);
  if (type !== null) {
    const [, side, marked, limit] = type;
    return one([], (value) => ({
      kind: 'addrtype',
      which: side === 's' ? 'src' : 'dst',
      value: upper(val(nameOf(value.value, 'fib type'), value.span)),
      negated: false,
      ...(lookup.madeByIptables ? {} : { exact: true as const }),
      ...(marked === undefined ? {} : { mark: true as const }),
      ...(limit === undefined ? {} : { limit: limit === 'i' ? ('in' as const) : ('out' as const) }),
    }));
  }
  switch (name) {
    case 'iifname':
    case 'meta iifname':
    case 'iif':
    case 'meta iif':
      return one([], (value) => deviceMatch('in-interface', value));
    case 'oifname':
    case 'meta oifname':
    case 'oif':
    case 'meta oif':
      return one([], (value) => deviceMatch('out-interface', value));
    case 'arp operation':
    case 'arp saddr ip':
    case 'arp daddr ip':
    case 'arp saddr ether':
    case 'arp daddr ether':
    case 'arp htype':
    case 'arp ptype':
    case 'arp hlen':
    case 'arp plen': {
      const what = ARP_FIELDS.find((field) => name === `arp ${field}`);
      return what && one([], (value) => ({ kind: 'arp', what, value: lower(value), negated: false }));
    }
    case 'meta l4proto':
    case 'l4proto':
      return one([], protocolMatch);
    case 'ip protocol':
    case 'ip6 nexthdr':
      return one(familyGuard(selector, lookup), protocolMatch);
    case 'meta nfproto':
    case 'nfproto':
    case 'meta protocol':
    case 'ether type':
      return one([], familyMatch);
    case 'ct direction':
      return one([], (value) => ({
        kind: 'conntrack',
        what: 'dir',
        value: upper(val(nameOf(value.value, 'direction'), value.span)),
        negated: false,
      }));
    case 'meta mark':
    case 'mark':
      return one([], (value) => markMatch('mark', value));
    case 'ct mark':
      return one([], (value) => markMatch('connmark', value));
    case 'icmp type':
    case 'icmpv6 type': {
      const v6 = name.startsWith('icmpv6');
      return one([protocolOf(v6 ? 'icmpv6' : 'icmp', selector)], (value) => {
        const type = icmpType(value.value, v6);
        return type === undefined ? undefined : { kind: 'icmp-type', type: val(`${type}`, value.span), negated: false };
      });
    }
    case 'icmp code':
    case 'icmpv6 code': {
      const v6 = name.startsWith('icmpv6');
      return one([protocolOf(v6 ? 'icmpv6' : 'icmp', selector)], (value) => {
        const range = codeRange(value.value, v6);
        return range === undefined ? undefined : { kind: 'icmp-code', range: val(range, value.span), negated: false };
      });
    }
    case 'meta pkttype':
    case 'pkttype':
      return one([], (value) => {
        const type = nameOf(value.value, 'pkttype');
        return { kind: 'pkttype', value: val(PKTTYPES[type] ?? type, value.span), negated: false };
      });
    case 'tcp option maxseg size': {
      const sizes = one([], (value) => {
        const range = numbers(value.value);
        return range === undefined ? undefined : { kind: 'tcpmss', range: val(range, value.span), negated: false };
      });
      // Without the option there is nothing to compare, unlike in iptables.
      return sizes && !lookup.madeByIptables
        ? [{ kind: 'tcpmss', range: val([0, 65535], selector.span), negated: false }, ...sizes]
        : sizes;
    }
    case 'socket transparent': {
      // A socket must be there at all; one that listens everywhere counts.
      const socket = (flags: readonly string[], not: boolean): NfMatch => ({ kind: 'socket', flags, text, negated: not });
      if (values.length > 1 || !/^[01]$/.test(first.value)) return undefined;
      const wanted = (first.value === '1') !== negated;
      return [socket(['nowildcard'], false), socket(['nowildcard', 'transparent'], !wanted)];
    }
    case 'meta iifkind':
    case 'meta oifkind':
      return one([], (value) => ({
        kind: 'device-kind',
        which: name === 'meta iifkind' ? 'src' : 'dst',
        name: value,
        negated: false,
      }));
    case 'meta iiftype':
    case 'iiftype':
      return one([], (value) =>
        /^(?:ether|1)$/.test(value.value) ? { kind: 'from-ethernet', text: value, negated: false } : undefined,
      );
    case '@ll,48,64':
      // nft prints `ether saddr` and the type of the frame so, where the kernel reads them at one go.
      return one([], (value) => {
        const bits = /^(?:0x[\da-f]+|\d+)$/i.test(value.value) ? BigInt(value.value) : undefined;
        if (bits === undefined || bits >> 64n !== 0n) return undefined;
        const family = familyMatch(val(`0x${(bits & 0xffffn).toString(16).padStart(4, '0')}`, value.span));
        const mac: NfMatch = { kind: 'mac-source', value: val(formatMac(bits >> 16n), value.span), negated: false };
        return family && { kind: 'all-of', matches: [mac, family], text: value, negated: false };
      });
    case 'ether saddr':
      return one([], (value) =>
        /^[\da-f]{2}(?::[\da-f]{2}){5}$/i.test(value.value)
          ? { kind: 'mac-source', value: lower(value), negated: false }
          : undefined,
      );
    case 'socket wildcard':
    case 'socket mark':
      // A socket must be there at all; which one it is nothing tells.
      return [
        { kind: 'socket', flags: ['nowildcard'], text, negated: false },
        { kind: 'other', text, negated: false, name: 'nft' },
      ];
    case 'ip ttl':
    case 'ip6 hoplimit':
      return one(familyGuard(selector, lookup), (value) => {
        const range = numbers(value.value);
        if (range === undefined) return undefined;
        const ttl = (op: 'eq' | 'lt' | 'gt', limit: number): NfMatch => ({
          kind: 'ttl',
          op,
          value: val(limit, value.span),
          negated: false,
        });
        const [from, to] = range;
        if (from === to) return ttl('eq', from);
        return { kind: 'all-of', matches: [ttl('gt', from - 1), ttl('lt', to + 1)], text: value, negated: false };
      });
    case 'ip dscp':
    case 'ip6 dscp':
      return one(familyGuard(selector, lookup), (value) => {
        const bits = dscp(value.value);
        return bits === undefined ? undefined : { kind: 'dscp', value: val(bits, value.span), negated: false };
      });
    case 'ip ecn':
    case 'ip6 ecn':
      // What iptables-nft makes of its match says `ip` for IPv6 as well.
      return one(lookup.madeByIptables ? [] : familyGuard(selector, lookup), (value) => {
        const field = ECN[value.value] ?? plainNumber(value.value);
        return field === undefined || field > 3
          ? undefined
          : { kind: 'ecn', what: 'ip-ect', value: val(field, value.span), negated: false };
      });
    case 'meta iifgroup':
    case 'iifgroup':
    case 'meta oifgroup':
    case 'oifgroup':
      return one([], (value) => ({
        kind: 'device-group',
        which: name.endsWith('iifgroup') ? 'src' : 'dst',
        group: value,
        negated: false,
      }));
    case 'ct helper': {
      // Only a connection that another one announced has a helper to compare.
      const announced: NfMatch = { kind: 'ctstatus', mask: 1, set: 1, text, negated: false };
      const named = one([], (value) => ({ kind: 'helper', name: value, negated: false }));
      return named && [announced, ...named];
    }
    case 'ct zone':
    case 'ct original zone':
    case 'ct reply zone':
      return one([], (value) => ({ kind: 'conntrack', what: name.slice(3).replace(' ', '-'), value, negated: false }));
    case 'ct protocol':
      return one([], (value) => ({ kind: 'conntrack', what: 'proto', value, negated: false }));
    case 'ip version':
    case 'ip6 version':
      return one(familyGuard(selector, lookup), (value) => familyMatch(val(value.value === '4' ? 'ipv4' : 'ipv6', value.span)));
    case 'ip length':
    case 'meta length':
      return one(name === 'ip length' ? familyGuard(selector, lookup) : [], (value) => {
        const range = numbers(value.value);
        return range === undefined ? undefined : { kind: 'length', range: val(range, value.span), negated: false };
      });
    case 'meta skuid':
    case 'skuid':
    case 'meta skgid':
    case 'skgid':
      // What no process of this host sends has no owner to compare, unlike in iptables.
      return one(lookup.madeByIptables ? [] : [{ kind: 'owner', what: 'socket-exists', text, negated: false }], (value) => ({
        kind: 'owner',
        what: name.endsWith('uid') ? 'uid' : 'gid',
        value,
        text,
        negated: false,
      }));
    default:
      if (/^(?:exthdr \w+|(?:frag|hbh|dst|mh|srh) \S+|rt (?:nexthdr|hdrlength|type|seg-left))$/.test(name))
        return headerMatches(asked);
      if (/^(?:(?:tcp|ip|dccp) option|sctp chunk) /.test(name)) return optionMatches(asked);
      if (/^(?:osf|socket cgroupv2) /.test(name)) return segmentMatches(asked);
      if (name.startsWith('fib ')) return fibDeviceMatches(asked);
      if (/^(?:numgen|jhash|symhash) /.test(name)) return byNumber(asked);
      return tupleMatches(asked);
  }
}

/** What sent a segment that opens a connection (nft_osf), and whose socket takes a packet: not told, but there must be one. */
function segmentMatches({ selector, text }: Compared): NfMatch[] {
  const open: NfMatch = { kind: 'other', text, negated: false, name: 'nft' };
  if (!selector.value.startsWith('osf')) return [{ kind: 'socket', flags: ['nowildcard'], text, negated: false }, open];
  return [protocolOf('tcp', selector), { kind: 'tcp-flags', mask: 2, set: 2, text, negated: false }, open];
}

/** `numgen random mod 4 0`: one packet, or connection, in four. */
function byNumber({ selector, values, negated, text }: Compared): NfMatch[] | undefined {
  const modulus = Number(/\bmod (\d+)/.exec(selector.value)?.[1]);
  const offset = Number(/\boffset (\d+)/.exec(selector.value)?.[1] ?? 0);
  const ranges = values.map(({ value }) => numbers(value));
  if (!(modulus > 0) || ranges.includes(undefined)) return undefined;
  const cases = ranges.reduce((sum, range) => {
    const [from, to] = range ?? [1, 0];
    return sum + Math.max(0, Math.min(to, offset + modulus - 1) - Math.max(from, offset) + 1);
  }, 0);
  // What has not all of the fields has no hash of them.
  const fields = /^jhash (.*) mod /.exec(selector.value)?.[1]?.split(' . ') ?? [];
  const present = fields.flatMap((field) => {
    const number = numberIn(field);
    return number === undefined ? [] : [presenceOf(number, text)];
  });
  return [...present, { kind: 'limit', module: 'numgen', text, negated, probability: Math.min(1, cases / modulus) }];
}

/** `ct original ip saddr 10.0.0.1`, `ct reply proto-dst 80`. */
function tupleMatches({ selector, values, negated, text, lookup }: Compared): NfMatch[] | undefined {
  const [, side, family, key] =
    /^ct (original|reply) (ip6? )?(saddr|daddr|proto-src|proto-dst|protocol)$/.exec(selector.value) ?? [];
  if (side === undefined || key === undefined) return undefined;
  const prefix = side === 'original' ? 'orig' : 'repl';
  const what = { saddr: 'src', daddr: 'dst', 'proto-src': 'srcport', 'proto-dst': 'dstport', protocol: 'proto' }[key] ?? '';
  const made = values.map((value): NfMatch => ({
    kind: 'conntrack',
    what: what === 'proto' ? what : `${prefix}${what}`,
    value,
    negated: false,
  }));
  return [...(family === undefined ? [] : familyGuard(selector, lookup)), anyOf(made, negated, text)];
}

export function protocolOf(name: string, selector: Val<string>): NfMatch {
  return { kind: 'protocol', value: val(name, selector.span), negated: false };
}

function portMatches(protocol: string, side: string, { selector, values, negated, text }: Compared): NfMatch[] | undefined {
  const ranges: (readonly [number, number])[] = [];
  for (const value of values) {
    const found = numbers(value.value) ?? portRanges(value.value)?.[0];
    if (found === undefined) return undefined;
    ranges.push(found);
  }
  const span = spanOf(values) ?? text.span;
  return [
    protocolOf(protocol, selector),
    { kind: side === 's' ? 'source-port' : 'destination-port', ranges: val(ranges, span), negated },
  ];
}

export function spanOf(values: readonly Val<string>[]): Span | undefined {
  return values.map(({ span }) => span).reduce<Span | undefined>((a, b) => (a === undefined ? b : cover(a, b)), undefined);
}

/** `22`, `1024-65535`. */
function numbers(text: string): readonly [number, number] | undefined {
  const [, low, high] = /^(\d+|0x[\da-f]+)(?:-(\d+|0x[\da-f]+))?$/i.exec(text) ?? [];
  return low === undefined ? undefined : [Number(low), Number(high ?? low)];
}

export const ADDRESS = /^(?:\d+(?:\.\d+){3}|(?=[\da-f]*:)[\da-f:.]+)(?:\/\d+)?$/i;

function addressMatch(kind: 'source' | 'destination', value: Val<string>): NfMatch | undefined {
  const text = value.value;
  if (ADDRESS.test(text)) return { kind, value: lower(value), negated: false };
  const [from, to] = text.toLowerCase().split('-');
  if (from === undefined || to === undefined || !ADDRESS.test(from) || !ADDRESS.test(to)) return undefined;
  return { kind: 'iprange', which: kind === 'source' ? 'src' : 'dst', from, to, text: lower(value), negated: false };
}

/** `eth*` stands for every name that starts so; an index in place of a name is the device's of this moment only. */
function deviceMatch(kind: 'in-interface' | 'out-interface', value: Val<string>): NfMatch | undefined {
  const name = value.value;
  if (/^\d+$/.test(name)) return undefined;
  const wildcard = name.endsWith('*') && !name.endsWith('\\*');
  const plain = name.replace(/\\?\*$/, wildcard ? '+' : '*');
  // iptables' patterns can't say that a name itself ends in a plus.
  if (!wildcard && plain.endsWith('+')) return undefined;
  return { kind, value: val(plain, value.span), negated: false };
}

function protocolMatch(value: Val<string>): NfMatch | undefined {
  const name = protocolName(value.value);
  return name === undefined || !/^[\w-]+$/.test(name)
    ? undefined
    : { kind: 'protocol', value: val(name, value.span), negated: false };
}

function familyMatch(value: Val<string>): NfMatch | undefined {
  const all = {
    ip: '0.0.0.0/0',
    ipv4: '0.0.0.0/0',
    '2': '0.0.0.0/0',
    '0x0800': '0.0.0.0/0',
    ip6: '::/0',
    ipv6: '::/0',
    '10': '::/0',
    '0x86dd': '::/0',
  }[value.value];
  return all === undefined ? undefined : { kind: 'source', value: val(all, value.span), negated: false };
}

function markMatch(kind: 'mark' | 'connmark', value: Val<string>): NfMatch | undefined {
  const [from, to] = value.value.split('-').map(plainNumber);
  if (from !== undefined && to !== undefined)
    return { kind, mark: val({ value: from, mask: 0xffffffff, to }, value.span), negated: false };
  const [first, last] = markRange(value.value) ?? [];
  if (first !== undefined && last !== undefined)
    return { kind, mark: val({ value: Number(first), mask: Number(0xffffffffn ^ first ^ last) }, value.span), negated: false };
  const mark = markValue(value.value);
  return mark === undefined || value.value.includes('/') ? undefined : { kind, mark: val(mark, value.span), negated: false };
}

/** `exthdr frag exists`: whether IPv6 has such a header; `frag more-fragments 1`: what stands in it, for which it must be there. */
function headerMatches({ selector, values, negated, text, lookup }: Compared): NfMatch[] | undefined {
  const [first = '', second = ''] = selector.value.split(' ');
  const asked = first === 'exthdr';
  const [value] = values;
  const guard = familyGuard(val('ip6', selector.span), lookup);
  const there: NfMatch = { kind: 'extension-header', name: asked ? second : first, text, negated: false };
  if (!asked) return [...guard, there];
  if (values.length > 1 || !/^(?:exists|missing|[01])$/.test(value?.value ?? '')) return undefined;
  const missing = /^(?:missing|0)$/.test(value?.value ?? '');
  return [...guard, { kind: 'any-of', matches: [{ ...there, alone: true }], text, negated: missing !== negated }];
}

/** `0-3`, `port-unreachable`, `net-unreachable-port-unreachable`: names of codes have hyphens themselves. */
function codeRange(text: string, v6: boolean): readonly [number, number] | undefined {
  const code = (part: string) => icmpCode(part, v6) ?? (/^\d+$/.test(part) ? Number(part) : undefined);
  const one = code(text);
  if (one !== undefined) return [one, one];
  for (let at = text.indexOf('-'); at >= 0; at = text.indexOf('-', at + 1)) {
    const [from, to] = [code(text.slice(0, at)), code(text.slice(at + 1))];
    if (from !== undefined && to !== undefined && from <= to) return [from, to];
  }
  return undefined;
}
