import { val } from '../../base/span';
import type { NfMatch } from '../netfilter-facts';
import { conditionMatches } from './conditions';
import { protocolOf, type Lookup } from './selectors';
import { plainNumber } from './names';
import type { NftItem } from './semantics';
import { notModelled, type Statement } from './statements';

type Condition = Extract<NftItem, { is: 'condition' }>;

/**
 * Conditions of iptables' extensions of whose translation by iptables 1.8.9 nft prints too little: what was lost may hold or not.
 * Undefined for those that say all, and in tables that iptables did not make.
 */
export function translatedMatches(item: Condition, lookup: Lookup): NfMatch[] | undefined {
  if (!lookup.madeByIptables) return undefined;
  const [first, second] = item.selectors;
  if (first === undefined) return undefined;
  const { text } = item;
  // `--ctstate DNAT`, `! --ctstate DNAT` and `--ctstate NEW,DNAT` are all printed as this.
  if (first.value === 'ct status' && /\b[sd]nat\b/.test(text.value))
    return [{ kind: 'translated', narrows: false, text, lost: 'nft prints other states and `!` in the same way' }];
  // Of an addrtype match with both types that of the source alone is printed, turned around where either one is.
  if (second === undefined && /^fib saddr\b.* type$/.test(first.value)) {
    const turned = /!=/.test(text.value);
    const lost = `nft leaves out a type of the destination${turned ? ', and which of the two is negated' : ''}`;
    return conditionMatches(item, lookup).map((shown) => ({ kind: 'translated', shown, narrows: !turned, text, lost }));
  }
  // `--ports 53`: `{ 0-65535 . 53, 53 . 0-65535 }`, with and without `!`, and only the ends of ranges.
  const [, protocol] = /^(tcp|udp|udplite|sctp|dccp) sport$/.exec(first.value) ?? [];
  if (protocol !== undefined && second?.value === `${protocol} dport` && item.text.value.includes('0-65535 . '))
    return [
      protocolOf(protocol, first),
      { kind: 'translated', narrows: true, text, lost: 'nft prints `!` in the same way, and of ranges only the ends' },
    ];
  // `--icmp-type any`, and what nobody writes: with `!` it is never met.
  if (first.value === 'ip protocol' && /\bicmp$/.test(text.value))
    return [
      { kind: 'translated', shown: protocolOf('icmp', first), narrows: true, text, lost: 'nft prints `!` in the same way' },
      { kind: 'fragment', text, negated: true },
    ];
  return undefined;
}

/** What says whether a rule is for IPv4 or IPv6. */
const FAMILY = /^(?:(?:ct (?:original|reply) )?ip6?|icmp|icmpv6|meta nfproto|nfproto|meta protocol)\b/;

/**
 * `ct protocol tcp` of a rule in a table of both families that says neither: nft 1.0.6 takes `meta nfproto ipv6` in front of it for
 * something that it implies, and prints nothing of that (sets, maps and `!=` do not lead to it). Undefined for other conditions.
 */
export function withoutFamily(item: Condition, rule: readonly NftItem[], lookup: Lookup): NfMatch[] | undefined {
  if (lookup.madeByIptables || lookup.family === 'ip' || lookup.family === 'ip6') return undefined;
  const [first, second] = item.selectors;
  if (first?.value !== 'ct protocol' || second !== undefined) return undefined;
  if (item.right.is !== 'values' || item.right.values.length > 1 || !/^(?:|==|eq)$/.test(item.relation)) return undefined;
  if (rule.some((other) => other.is === 'condition' && other.selectors.some(({ value }) => FAMILY.test(value)))) return undefined;
  const lost = 'nft 1.0.6 prints rules for IPv4 or IPv6 alone in the same way';
  return conditionMatches(item, lookup).map((shown) => ({
    kind: 'translated',
    shown,
    narrows: true,
    text: item.text,
    lost,
    command: 'nft --debug=netlink list ruleset',
  }));
}

/** As translatedMatches, for what rules do. */
export function translatedStatement(item: NftItem, lookup: Lookup): Statement | undefined {
  if (!lookup.madeByIptables || item.is !== 'set') return undefined;
  const { selector, expression, text } = item;
  // TOS sets the two bits of ECN as well, of which nothing is printed; in tables of both families it is called so.
  if (selector.value === 'ip6 dscp') return notModelled(text, false);
  const [first, ...rest] = expression.terms;
  const numbers = rest.map((term) => (term.is === 'value' ? plainNumber(term.value.value) : undefined));
  const [one, two] = numbers;
  if (first?.is !== 'selector' || one === undefined || rest.length > 2) return undefined;
  const own = selector.value;
  const made = (mark: NonNullable<Statement['options']['mark']>['value']): Statement => ({
    target: val('CONNMARK', text.span),
    options: { mark: val(mark, text.span) },
    ends: false,
  });
  const by = expression.operators.join(' ');
  // `--set-xmark 0x2/0xff` is printed with its value first, although the mask comes first.
  if (own === 'ct mark' && first.name === 'ct mark' && /^(?:xor|\^) (?:and|&)$/.test(by) && two !== undefined)
    return made({ op: 'xset', value: one, mask: ~two >>> 0 });
  if (rest.length > 1 || !/^(?:and|&)$/.test(by)) return undefined;
  // `--restore-mark` and `--save-mark` keep the bits outside of their masks, which are the same where they are printed.
  if (own === 'meta mark' && first.name === 'ct mark') return made({ op: 'restore', value: 0, mask: one, ctmask: one });
  if (own === 'ct mark' && /^(?:meta )?mark$/.test(first.name)) return made({ op: 'save', value: 0, mask: one, ctmask: one });
  return undefined;
}
