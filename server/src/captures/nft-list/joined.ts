import type { NfMatch } from '../netfilter-facts';
import { cover, val } from '../../base/span';
import { conditionMatches } from './conditions';
import type { Lookup } from './selectors';
import type { NftItem } from './semantics';

type Condition = Extract<NftItem, { is: 'condition' }>;

/** Fields that lie beside one another in a header, as nft 1.0.6 was seen to join them. */
const BESIDE: readonly (readonly [string, string])[] = [
  ...['tcp', 'udp', 'udplite', 'sctp', 'dccp'].map((protocol): [string, string] => [`${protocol} sport`, `${protocol} dport`]),
  ['udp dport', 'udp length'],
  ['udp length', 'udp checksum'],
  ['tcp flags', 'tcp window'],
  ['ip ttl', 'ip protocol'],
  ['ip length', 'ip id'],
  ['ip6 nexthdr', 'ip6 hoplimit'],
  ['icmp type', 'icmp code'],
  ['icmpv6 type', 'icmpv6 code'],
  ['ether daddr', 'ether saddr'],
];

/**
 * The conditions from `at` on that nft makes one comparison of when it loads a rule: `tcp sport != 1 tcp dport != 2` compares both ports at once,
 * and is met unless both are those (payload_try_merge of nft; asked of nft 1.0.6). Undefined where there is only one.
 */
export function joinedFrom(items: readonly NftItem[], at: number): readonly Condition[] | undefined {
  const joined: Condition[] = [];
  for (let n = at; n < items.length; n++) {
    const item = items[n];
    if (item?.is !== 'condition' || !differsFromOne(item)) break;
    const last = joined.at(-1)?.selectors[0]?.value;
    const own = item.selectors[0]?.value;
    if (last !== undefined && !BESIDE.some(([one, other]) => one === last && other === own)) break;
    joined.push(item);
  }
  return joined.length > 1 ? joined : undefined;
}

function differsFromOne({ selectors, relation, right, mask }: Condition): boolean {
  const [value] = right.is === 'values' && right.values.length === 1 ? right.values : [];
  if (selectors.length !== 1 || mask !== undefined || !/^(?:!=|ne|neq)$/.test(relation)) return false;
  return value !== undefined && !isRange(value.value);
}

/** `1-1023`, `10.0.0.0/8`; not `echo-request`. */
function isRange(text: string): boolean {
  return text.includes('/') || (/^[\da-fx.:]+-[\da-fx.:]+$/i.test(text) && /\d/.test(text));
}

/** What such a comparison asks; undefined where a part of it is not understood. */
export function joinedMatches(joined: readonly Condition[], lookup: Lookup): NfMatch[] | undefined {
  const each = joined.map((item) => conditionMatches(item, lookup));
  const isDifference = (match: NfMatch): boolean => 'negated' in match && match.negated;
  if (each.some((matches) => matches.filter(isDifference).length !== 1 || matches.some(({ kind }) => kind === 'other')))
    return undefined;
  const [first, last] = [joined[0], joined.at(-1)];
  if (!first || !last) return undefined;
  const text = val(joined.map((item) => item.text.value).join(' '), cover(first.text.span, last.text.span));
  return [
    ...each.flatMap((matches) => matches.filter((match) => !isDifference(match))),
    { kind: 'any-of', matches: each.flatMap((matches) => matches.filter(isDifference)), text, negated: false },
  ];
}
