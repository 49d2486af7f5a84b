import { val, type Span, type Val } from '../../base/span';
import type { NfMatch } from '../netfilter-facts';
import { lower } from '../words';
import {
  addMatch,
  addressMatch,
  listVal,
  macMatch,
  markMatch,
  markValue,
  otherMatch,
  portMatch,
  protocolMatch,
  rangeMatch,
  realmMatch,
  tcpFlagsMatch,
  TOS_NAMES,
  type RuleParts,
} from './netfilter';
import { dscpValue, numberRange, targetOptionsOf } from './target-options';

/** One option of a rule as it is written: `! --dport 80`. */
export interface RawOption {
  readonly name: string;
  readonly negated: boolean;
  readonly args: readonly Val<string>[];
  /** From the option's name, without `!`, to the end of its arguments. */
  readonly whole: () => Val<string>;
}

/** Matches whose name alone says nothing: their options do. The rest stay visible as conditions of their own. */
const PLAIN_MODULES = new Set(
  (
    'tcp udp udplite sctp dccp icmp icmp6 ipv6-icmp icmpv6 multiport conntrack state mark connmark physdev set mac addrtype iprange ' +
    'comment owner length ttl hl dscp tos pkttype tcpmss ecn devgroup helper realm cgroup'
  ).split(' '),
);

/** Modules that let some packets pass and others not, by time, rate or chance. */
const LIMIT_MODULES = new Set('limit hashlimit connlimit statistic recent quota connbytes rateest'.split(' '));

/** Matches that want a header of IPv6 which few packets have. */
const EXTENSION_HEADERS = new Set(['frag', 'rt', 'hbh', 'dst', 'srh']);

const CONNTRACK_OPTIONS = new Set(
  'proto origsrc origdst replsrc repldst origsrcport origdstport replsrcport repldstport status expire dir'.split(' '),
);

/** Puts the options of a rule together: conditions, target and what the target is told (iptables-extensions(8)). */
export function ruleParts(options: readonly RawOption[]): RuleParts {
  const parts: RuleParts = { matches: [], target: undefined, goto: false, options: {} };
  let module = '';
  // Where the conditions of the last `-m` begin.
  let moduleAt = 0;
  // Past the target, an option that is not known belongs to the target until the next `-m`.
  let afterTarget = false;
  for (const option of options) {
    const [first] = option.args;
    switch (option.name) {
      case '-m':
      case '--match':
        if (first === undefined) break;
        module = first.value;
        moduleAt = parts.matches.length;
        afterTarget = false;
        if (!PLAIN_MODULES.has(module)) parts.matches.push(moduleMatch(module, option.whole()));
        break;
      case '-j':
      case '--jump':
      case '-g':
      case '--goto':
        parts.target = first;
        parts.goto = option.name === '-g' || option.name === '--goto';
        afterTarget = true;
        break;
      default: {
        const target = afterTarget ? targetOptionsOf(parts.target?.value ?? '', option, parts.options) : undefined;
        if (target !== undefined) parts.options = { ...parts.options, ...target };
        else if (afterTarget) break;
        else for (const match of matchesOf(module, option, parts.matches, moduleAt)) addMatch(parts.matches, match);
      }
    }
  }
  return parts;
}

/** A module that its options follow: the condition is the module's with all of them. */
function moduleMatch(module: string, text: Val<string>): NfMatch {
  if (LIMIT_MODULES.has(module)) return { kind: 'limit', module, text, negated: false };
  if (module === 'rpfilter') return { kind: 'rpfilter', flags: [], text, negated: false };
  if (module === 'socket') return { kind: 'socket', flags: [], text, negated: false };
  if (module === 'policy') return { kind: 'policy', policy: 'ipsec', text, negated: false };
  if (EXTENSION_HEADERS.has(module)) return { kind: 'extension-header', name: module, text, negated: false };
  return { kind: 'other', text, negated: false, name: module };
}

/** What one option asks of a packet. An option of a module that is kept as one condition joins that condition. */
function matchesOf(module: string, option: RawOption, before: NfMatch[], moduleAt: number): readonly NfMatch[] {
  const { negated, name } = option;
  const [first, second] = option.args;
  if (!PLAIN_MODULES.has(module) && module !== '' && joinModule(module, option, before)) return [];
  if (first === undefined) return bareMatches(option, before, moduleAt);
  // `<private_ip>` stands for a value that nobody shows: whether it holds is not known.
  if (option.args.some(({ value }) => value.startsWith('<'))) return [otherMatch(option.whole(), negated)];
  switch (name) {
    case '-p':
    case '--protocol':
    case '--proto':
      return protocolMatch(first, negated);
    case '-s':
    case '--source':
    case '--src':
      return addressMatch('source', first, negated);
    case '-d':
    case '--destination':
    case '--dst':
      return addressMatch('destination', first, negated);
    case '-i':
    case '--in-interface':
      return [{ kind: 'in-interface', value: first, negated }];
    case '-o':
    case '--out-interface':
      return [{ kind: 'out-interface', value: first, negated }];
    case '--sport':
    case '--source-port':
    case '--sports':
    case '--source-ports':
      return [portMatch('source-port', first, negated, option.whole())];
    case '--dport':
    case '--destination-port':
    case '--dports':
    case '--destination-ports':
      return [portMatch('destination-port', first, negated, option.whole())];
    case '--ports':
      return [portMatch('any-port', first, negated, option.whole())];
    case '--icmp-type':
    case '--icmpv6-type':
      return [{ kind: 'icmp-type', type: first, negated }];
    case '--ctstate':
    case '--state':
      return [{ kind: 'ctstate', states: listVal(first), negated }];
    case '--mark':
      return [markMatch(module === 'connmark' ? 'connmark' : 'mark', first, negated)];
    case '--physdev-in':
      return [{ kind: 'physdev-in', value: first, negated }];
    case '--physdev-out':
      return [{ kind: 'physdev-out', value: first, negated }];
    case '--mac-source':
      return [macMatch(first, negated)];
    case '--match-set':
      return second === undefined ? [] : [{ kind: 'set', set: first, directions: second.value.split(','), negated }];
    case '--src-type':
      return [{ kind: 'addrtype', which: 'src', value: first, negated }];
    case '--dst-type':
      return [{ kind: 'addrtype', which: 'dst', value: first, negated }];
    case '--src-range':
      return [rangeMatch('src', first, negated)];
    case '--dst-range':
      return [rangeMatch('dst', first, negated)];
    case '--tcp-flags':
      return second === undefined ? [] : [tcpFlagsMatch(joined(first, second), negated)];
    case '--comment':
      return [{ kind: 'comment', text: first }];
    case '--uid-owner':
    case '--gid-owner':
      return [{ kind: 'owner', what: name === '--uid-owner' ? 'uid' : 'gid', value: first, text: option.whole(), negated }];
    case '--length':
    case '--mss': {
      const range = numberRange(first.value, 65535);
      if (range === undefined) return [otherMatch(option.whole(), negated)];
      return [{ kind: name === '--mss' ? 'tcpmss' : 'length', range: val(range, first.span), negated }];
    }
    case '--ttl-eq':
    case '--ttl-lt':
    case '--ttl-gt':
    case '--ttl':
    case '--hl-eq':
    case '--hl-lt':
    case '--hl-gt': {
      const value = Number(first.value);
      const op = name.endsWith('-lt') ? 'lt' : name.endsWith('-gt') ? 'gt' : 'eq';
      return Number.isInteger(value)
        ? [{ kind: 'ttl', op, value: val(value, first.span), negated }]
        : [otherMatch(option.whole(), negated)];
    }
    case '--dscp':
    case '--dscp-class': {
      const value = dscpValue(first.value);
      return value === undefined
        ? [otherMatch(option.whole(), negated)]
        : [{ kind: 'dscp', value: val(value, first.span), negated }];
    }
    case '--tos': {
      const tos = tosMatch(first.value);
      return tos === undefined
        ? [otherMatch(option.whole(), negated)]
        : [{ kind: 'tos', value: val(tos.value, first.span), mask: tos.mask, negated }];
    }
    case '--ecn-ip-ect':
      return /^[0-3]$/.test(first.value)
        ? [{ kind: 'ecn', what: 'ip-ect', value: val(Number(first.value), first.span), negated }]
        : [otherMatch(option.whole(), negated)];
    case '--src-group':
    case '--dst-group':
      return [{ kind: 'device-group', which: name === '--src-group' ? 'src' : 'dst', group: first, negated }];
    // They say whether the set counts what it takes.
    case '--update-counters':
    case '--update-subcounters':
      return [];
    case '--packets-eq':
    case '--packets-lt':
    case '--packets-gt':
    case '--bytes-eq':
    case '--bytes-lt':
    case '--bytes-gt':
      return ofSet(option, before);
    case '--helper':
      return [{ kind: 'helper', name: first, negated }];
    case '--tcp-option':
      return [{ kind: 'tcp-option', option: val(Number(first.value), first.span), negated }];
    case '--cgroup': {
      const id = markValue(first.value)?.value;
      if (id === undefined) return [otherMatch(option.whole(), negated)];
      const number = { of: 'meta cgroup', steps: [] };
      return [{ kind: 'number', number, within: [[BigInt(id), BigInt(id)]], text: option.whole(), negated }];
    }
    case '--realm':
      return [realmMatch(first, option.whole(), negated)];
    case '--pkt-type':
      return [{ kind: 'pkttype', value: first, negated }];
    default:
      if (CONNTRACK_OPTIONS.has(name.slice(4)) && name.startsWith('--ct'))
        return [{ kind: 'conntrack', what: name.slice(4), value: lower(first), negated }];
      return [otherMatch(option.whole(), negated)];
  }
}

function bareMatches(option: RawOption, before: NfMatch[], moduleAt: number): readonly NfMatch[] {
  const { negated, name } = option;
  switch (name) {
    case '--syn':
      // The manual page: the same as `--tcp-flags SYN,RST,ACK,FIN SYN`.
      return [tcpFlagsMatch(val('FIN,SYN,RST,ACK SYN', option.whole().span), negated)];
    case '-f':
    case '--fragment':
      return [{ kind: 'fragment', text: option.whole(), negated }];
    case '--physdev-is-bridged':
    case '--physdev-is-in':
    case '--physdev-is-out':
      return [{ kind: name.slice(2) as 'physdev-is-bridged', span: option.whole(), negated }];
    case '--ecn-tcp-ece':
    case '--ecn-tcp-cwr':
      return [{ kind: 'ecn', what: name === '--ecn-tcp-ece' ? 'tcp-ece' : 'tcp-cwr', text: option.whole(), negated }];
    case '--socket-exists':
      return [{ kind: 'owner', what: 'socket-exists', text: option.whole(), negated }];
    case '--limit-iface-in':
    case '--limit-iface-out': {
      const limit = name.endsWith('in') ? 'in' : 'out';
      for (const [n, match] of before.entries()) if (n >= moduleAt && match.kind === 'addrtype') before[n] = { ...match, limit };
      return [];
    }
    case '--update-counters':
    case '--update-subcounters':
      return [];
    case '--return-nomatch':
      return ofSet(option, before);
    default:
      return [otherMatch(option.whole(), negated)];
  }
}

/** An option of the condition that asks a set. */
function ofSet(option: RawOption, before: NfMatch[]): readonly NfMatch[] {
  const at = before.findLastIndex((match) => match.kind === 'set');
  const match = before[at];
  const text = option.whole();
  if (match?.kind !== 'set') return [otherMatch(text, option.negated)];
  const { options } = match;
  const both = options && val(`${options.value} ${text.value}`, { start: options.span.start, end: text.span.end });
  before[at] = { ...match, options: both ?? text };
  return [];
}

/** Adds an option to the condition that its module made; false where the option is one that every rule may have. */
function joinModule(module: string, option: RawOption, before: NfMatch[]): boolean {
  if (/^-[a-z]$/.test(option.name) || /^--(?:protocol|source|destination|in-interface|out-interface|comment)$/.test(option.name))
    return false;
  const at = before.findLastIndex(
    (match) =>
      (match.kind === 'limit' && match.module === module) || ('name' in match && match.name === module) || match.kind === module,
  );
  const match = before[at];
  if (match === undefined || !('text' in match)) return false;
  const whole = option.whole();
  const text = val(`${match.text.value} ${option.negated ? '! ' : ''}${whole.value}`, {
    start: match.text.span.start,
    end: whole.span.end,
  } satisfies Span);
  const [first] = option.args;
  if (match.kind === 'limit') {
    before[at] = {
      ...match,
      text,
      negated: option.negated || match.negated,
      ...(option.name === '--probability' ? { probability: Number(first?.value) } : {}),
      ...(option.name === '--every' ? { every: Number(first?.value) } : {}),
      // To be put on the list is no condition (xt_recent).
      ...(module === 'recent' && option.name === '--set' ? { probability: 1 } : {}),
    };
  } else if (match.kind === 'rpfilter') {
    const invert = option.name === '--invert';
    before[at] = {
      ...match,
      text,
      negated: match.negated || invert,
      flags: invert ? match.flags : [...match.flags, option.name.slice(2)],
    };
  } else if (match.kind === 'socket') {
    before[at] = { ...match, text, flags: [...match.flags, option.name.slice(2)] };
  } else if (match.kind === 'policy') {
    before[at] = { ...match, text, policy: option.name === '--pol' && first?.value === 'none' ? 'none' : match.policy };
  } else if (match.kind === 'extension-header') before[at] = { ...match, text };
  else if (match.kind === 'other') before[at] = { ...match, text, negated: match.negated || option.negated };
  else return false;
  return true;
}

/** A name stands for its value under the mask 0x3f; a number without a mask for all eight bits. */
function tosMatch(text: string): { readonly value: number; readonly mask: number } | undefined {
  const named = TOS_NAMES[text];
  if (named !== undefined) return { value: named, mask: 0x3f };
  const mark = markValue(text);
  return mark === undefined || mark.value > 255 ? undefined : { value: mark.value, mask: mark.mask & 0xff };
}

/** Two neighbouring arguments as one text. */
function joined(first: Val<string>, second: Val<string>): Val<string> {
  return val(`${first.value} ${second.value}`, { start: first.span.start, end: second.span.end });
}
