import { val, type Span, type Val } from '../../base/span';
import type { NfMatch, NfTargetOptions } from '../netfilter-facts';
import { ipRef, lower } from '../words';
import type { Collected } from '../lines';
import { isBuiltInTarget } from '../../packet/netfilter-targets';
import { servicePort } from './services';

/** What a rule says, whatever syntax it was printed in. */
export interface RuleParts {
  readonly matches: NfMatch[];
  target: Val<string> | undefined;
  goto: boolean;
  options: { -readonly [K in keyof NfTargetOptions]: NfTargetOptions[K] };
}

/** Protocols that iptables prints by number or by more than one name, under the one name that facts use. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  '1': 'icmp',
  '2': 'igmp',
  '4': 'ipencap',
  '6': 'tcp',
  '17': 'udp',
  '33': 'dccp',
  '41': 'ipv6',
  '47': 'gre',
  '50': 'esp',
  '51': 'ah',
  '58': 'icmpv6',
  '88': 'eigrp',
  '89': 'ospf',
  '103': 'pim',
  '112': 'vrrp',
  '132': 'sctp',
  '136': 'udplite',
  'ipv6-icmp': 'icmpv6',
};

/** The chains that the kernel calls itself, by table. */
export const BUILT_IN_CHAINS: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
};

export function isBuiltInChain(name: string): boolean {
  return BUILT_IN_CHAINS['mangle']?.includes(name) === true;
}

/** Chains that kube-proxy, flannel, Istio, the CNI's plugins and Neutron make in `nat` and in no other table. */
const CHAINS_OF_NAT =
  /^(?:KUBE-(?:SVC|SEP|FW|XLB|EXT|SVL)-[A-Z\d]{16}|KUBE-(?:MARK-MASQ|MARK-DROP|POSTROUTING)|FLANNEL-POSTRTG|ISTIO_(?:INBOUND|IN_REDIRECT|OUTPUT|REDIRECT)|CNI-(?:DN-\w+|HOSTPORT-\w+|[\da-f]{24})|cali-(?:fip-[ds]nat|nat-outgoing)|neutron-postrouting-bottom|[\w-]*-(?:float-snat|snat))$/;

/**
 * The table that an output without its command shows: told by its built-in chains and, where those fit several tables, by the
 * targets that only one table allows, then by names that programs use in one table alone. `filter` is what iptables prints where nothing else is asked for.
 */
export function inferTable(chains: ReadonlySet<string>, targets: ReadonlySet<string>): string {
  const has = (chain: string): boolean => chains.has(chain);
  if (has('POSTROUTING') && has('FORWARD')) return 'mangle';
  if (has('PREROUTING') && has('FORWARD')) return 'mangle';
  if (targets.has('DNAT') || targets.has('SNAT') || targets.has('MASQUERADE') || targets.has('REDIRECT') || targets.has('NETMAP'))
    return 'nat';
  if ([...chains, ...targets].some((name) => CHAINS_OF_NAT.test(name))) return 'nat';
  if (targets.has('CT') || targets.has('NOTRACK')) return 'raw';
  if (has('POSTROUTING')) return 'nat';
  if (has('PREROUTING') && has('INPUT')) return 'nat';
  if (targets.has('TPROXY')) return 'mangle';
  if (has('PREROUTING')) return targets.has('MARK') || targets.has('CONNMARK') ? 'mangle' : has('OUTPUT') ? 'raw' : 'nat';
  return 'filter';
}

/** The name of a protocol as facts use it, undefined for `all`. */
export function protocolName(text: string): string | undefined {
  const name = text.toLowerCase();
  return name === 'all' || name === '0' ? undefined : (PROTOCOLS[name] ?? name);
}

/** A protocol's condition, or none where every protocol is meant. */
export function protocolMatch(text: Val<string>, negated: boolean): NfMatch[] {
  const name = protocolName(text.value);
  return name === undefined ? [] : [{ kind: 'protocol', value: val(name, text.span), negated }];
}

/** `80`, `1000:2000`, `67:68,http` as ranges; undefined where a name is not in the table of services. */
export function portRanges(text: string): (readonly [number, number])[] | undefined {
  const ranges: (readonly [number, number])[] = [];
  for (const part of text.split(',')) {
    const named = port(part);
    if (named !== undefined) {
      ranges.push([named, named]);
      continue;
    }
    const [, from = '', to = ''] = /^([^:]*)[:](.*)$/.exec(part) ?? /^(\d+)-(\d+)$/.exec(part) ?? [];
    const low = from === '' && part.startsWith(':') ? 0 : port(from);
    const high = to === '' && part.endsWith(':') ? 65535 : port(to);
    if (low === undefined || high === undefined || low > high) return undefined;
    ranges.push([low, high]);
  }
  return ranges;
}

function port(text: string): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : servicePort(text);
  return number !== undefined && number <= 65535 ? number : undefined;
}

/** A condition on ports; a service that has no number here is kept as text, so that the rule may match. */
export function portMatch(
  kind: 'source-port' | 'destination-port' | 'any-port',
  text: Val<string>,
  negated: boolean,
  whole: Val<string>,
): NfMatch {
  const ranges = portRanges(text.value);
  return ranges === undefined ? otherMatch(whole, negated) : { kind, ranges: val(ranges, text.span), negated };
}

/** `0x2/0xffff` as value and mask; undefined where it is no number of 32 bits. */
export function markValue(text: string): { readonly value: number; readonly mask: number } | undefined {
  const [value = '', mask = '0xffffffff'] = text.split('/');
  const numbers = [value, mask].map((part) => (/^(?:0x[\da-f]+|\d+)$/i.test(part) ? Number(part) : -1));
  const [first = -1, second = -1] = numbers;
  return first < 0 || second < 0 || first > 0xffffffff || second > 0xffffffff ? undefined : { value: first, mask: second };
}

export function markMatch(kind: 'mark' | 'connmark', text: Val<string>, negated: boolean): NfMatch {
  const mark = markValue(text.value);
  return mark === undefined ? otherMatch(text, negated) : { kind, mark: val(mark, text.span), negated };
}

/** `10.0.0.1-10.0.0.9` of the iprange match. */
export function rangeMatch(which: 'src' | 'dst', text: Val<string>, negated: boolean): NfMatch {
  const [from = '', to] = text.value.toLowerCase().split('-');
  return { kind: 'iprange', which, from, to: to ?? from, text, negated };
}

/** `--realm 0x1/0xff`; a realm by a name of /etc/iproute2/rt_realms has no number here. */
export function realmMatch(text: Val<string>, whole: Val<string>, negated: boolean): NfMatch {
  const mark = markValue(text.value);
  return mark === undefined ? otherMatch(whole, negated) : { kind: 'realm', realm: val(mark, text.span), text: whole, negated };
}

const TCP_FLAGS: Readonly<Record<string, number>> = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ALL: 63, NONE: 0 };

/** `FIN,SYN,RST,ACK SYN`, `0x17 0x02` of the tcp match, mask and flags parted by a blank. */
export function tcpFlagsMatch(text: Val<string>, negated: boolean): NfMatch {
  const [mask, set] = text.value.split(/\s+/).map(tcpFlagBits);
  return mask === undefined || set === undefined ? otherMatch(text, negated) : { kind: 'tcp-flags', mask, set, text, negated };
}

function tcpFlagBits(text: string): number | undefined {
  if (/^0x[\da-f]{1,2}$/i.test(text)) return Number(text) & 63;
  let bits = 0;
  for (const name of text.split(',')) {
    const bit = TCP_FLAGS[name.toUpperCase()];
    if (bit === undefined) return undefined;
    bits |= bit;
  }
  return bits;
}

export function otherMatch(text: Val<string>, negated: boolean): NfMatch {
  return { kind: 'other', text, negated };
}

export function listVal(text: Val<string>): Val<readonly string[]> {
  return val(text.value.split(','), text.span);
}

/** Whether an address column means every address. */
export function isEverywhere(text: string): boolean {
  return text === 'anywhere' || text === 'default' || text === '0.0.0.0/0' || text === '::/0' || text === '0/0';
}

/** A condition on an address, or none where every address is meant and nothing is negated. */
export function addressMatch(kind: 'source' | 'destination', text: Val<string>, negated: boolean): NfMatch[] {
  if (isEverywhere(text.value))
    return negated ? [{ kind, value: val(text.value.includes(':') ? '::/0' : '0.0.0.0/0', text.span), negated }] : [];
  if (text.value === 'loopback/8') return [{ kind, value: val('127.0.0.0/8', text.span), negated }];
  if (text.value === 'localhost') return [{ kind, value: val('127.0.0.1', text.span), negated }];
  // A host's name or a list of addresses cannot be compared with a packet.
  if (!/^(?:\d+(?:\.\d+){3}|(?=[\da-f]*:)[\da-f:.]+)(?:\/(?:[\d.]+|[\da-f:]+))?$/i.test(text.value))
    return [otherMatch(text, negated)];
  return [{ kind, value: val(withPrefixLength(text.value.toLowerCase()), text.span), negated }];
}

/** `10.0.0.0/255.255.255.0` as `10.0.0.0/24`; a mask with holes is left as it is. */
function withPrefixLength(text: string): string {
  const [address = '', mask] = text.split('/');
  if (mask === undefined || !mask.includes('.')) return text;
  const bits = mask
    .split('.')
    .map((octet) => Number(octet).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) ? `${address}/${bits.replaceAll('0', '').length}` : text;
}

/**
 * Notes references to the addresses of single hosts in `10.0.0.1`, `10.0.0.1/32`, `10.0.0.1-10.0.0.9:80`, `[fd00::1]:80`.
 * `place` gives the span of a piece of the text, which need not stand in one line.
 */
export function addressRefs(out: Collected, text: string, place: (start: number, end: number) => Span): void {
  if (isEverywhere(text)) return;
  const found = /(\d{1,3}(?:\.\d{1,3}){3})(\/\d+)?|((?=[\da-f]*:[\da-f]*:)[\da-f:.]+)(\/\d+)?/gi;
  for (const match of text.matchAll(found)) {
    const prefix = match[2] ?? match[4];
    if (prefix !== undefined && prefix !== '/32' && prefix !== '/128') continue;
    const address = match[1] ?? match[3] ?? '';
    ipRef(out, val(address, place(match.index, match.index + address.length)));
  }
}

/** Notes references to what a rule's conditions and target name. */
export function ruleRefs(out: Collected, parts: RuleParts, table: string): void {
  for (const match of parts.matches) {
    switch (match.kind) {
      case 'in-interface':
      case 'out-interface':
      case 'physdev-in':
      case 'physdev-out':
        // `qr-+` names all devices that start so.
        if (!match.value.value.endsWith('+')) out.refs.push({ kind: 'device', value: match.value.value, span: match.value.span });
        break;
      case 'mac-source':
        out.refs.push({ kind: 'mac', value: match.value.value, span: match.value.span });
        break;
      default:
        break;
    }
  }
  const { target } = parts;
  if (target !== undefined && !isBuiltInTarget(target.value))
    out.refs.push({ kind: 'chain', value: target.value, span: target.span, scope: table });
}

export function macMatch(text: Val<string>, negated: boolean): NfMatch {
  return { kind: 'mac-source', value: lower(text), negated };
}

/** Puts two neighbouring pieces that are not modelled into one, so that `-m limit --limit 5/min` is one condition. */
export function addMatch(matches: NfMatch[], match: NfMatch): void {
  const last = matches[matches.length - 1];
  const joins = match.kind === 'other' && last?.kind === 'other' && match.text.span.start - last.text.span.end === 1;
  if (!joins || last.kind !== 'other') {
    matches.push(match);
    return;
  }
  const span: Span = { start: last.text.span.start, end: match.text.span.end };
  matches[matches.length - 1] = {
    kind: 'other',
    text: val(`${last.text.value} ${match.text.value}`, span),
    negated: last.negated,
  };
}

/** What the first words of an iptables command line ask for, options in any order and in clusters (`-nvL`). */
export interface TableCommand {
  readonly family: 'ip' | 'ip6';
  readonly program: 'tables' | 'save';
  readonly asks: 'list' | 'rules' | undefined;
  readonly table: string | undefined;
  readonly chain: string | undefined;
}

/** Reads the command line of iptables(8) or iptables-save(8), for IPv4 or IPv6 and with any back end. */
export function tableCommand(argv: readonly string[]): TableCommand | undefined {
  const program = /^ip(6?)tables(?:-(?:legacy|nft))?(-save)?$/.exec(argv[0] ?? '');
  if (program === null) return undefined;
  let asks: TableCommand['asks'];
  let table: string | undefined;
  let chain: string | undefined;
  let changes = false;
  for (let n = 1; n < argv.length; n++) {
    const word = argv[n] ?? '';
    const next = argv[n + 1];
    const value = next === undefined || next.startsWith('-') ? undefined : next;
    if (word.startsWith('--')) {
      const [name = '', given] = word.split('=');
      if (name === '--table') table = given ?? value;
      else if (name === '--list') [asks, chain] = ['list', given ?? value];
      else if (name === '--list-rules') [asks, chain] = ['rules', given ?? value];
      else if (/^--(?:append|insert|delete|replace|check|policy|flush|new|delete-chain|rename)/.test(name)) changes = true;
    } else if (word.startsWith('-')) {
      for (let at = 1; at < word.length; at++) {
        const letter = word[at] ?? '';
        const rest = word.slice(at + 1);
        if (letter === 't') {
          table = rest === '' ? value : rest;
          break;
        }
        if (letter === 'L' || letter === 'S') {
          asks = letter === 'L' ? 'list' : 'rules';
          chain = rest === '' ? value : undefined;
        } else if ('AIDRCPFNXE'.includes(letter)) changes = true;
      }
    }
  }
  if (changes) return undefined;
  return { family: program[1] === '6' ? 'ip6' : 'ip', program: program[2] === undefined ? 'tables' : 'save', asks, table, chain };
}

/** Names of a type of service, which stand for these bits under the mask 0x3f. */
export const TOS_NAMES: Readonly<Record<string, number>> = {
  'Minimize-Delay': 16,
  'Maximize-Throughput': 8,
  'Maximize-Reliability': 4,
  'Minimize-Cost': 2,
  'Normal-Service': 0,
};
