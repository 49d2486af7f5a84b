import { cover, val, type Val } from '../../base/span';
import type { NfMatch } from '../netfilter-facts';
import { FLAG_SELECTORS, flagMatches, type FlagForm } from './flags';
import { ctStatusBits, icmpCode, plainNumber, tcpFlags } from './names';
import { limitOf } from './rates';
import { ADDRESS, familyGuard, protocolOf, spanOf, valueMatches, type Lookup } from './selectors';
import { comparedNumber, numberMatches } from './numbers';
import type { NftElement, NftItem } from './semantics';

type Condition = Extract<NftItem, { is: 'condition' }>;

/** Read, but not modelled: the rule may match. */
export function otherMatch(text: Val<string>): Extract<NfMatch, { kind: 'other' }> {
  return { kind: 'other', text, negated: false, name: 'nft' };
}

/** nft 1.0.6 prints two comparisons one behind the other as a range, of which only a first end beyond the last tells. */
function isBackward({ value }: Val<string>): boolean {
  const [, from, to] = /^(\w+)-(\w+)$/.exec(value) ?? [];
  return from !== undefined && to !== undefined && Number(from) > Number(to);
}

/** What a file for `nft -f` defines elsewhere: nobody knows here what it stands for. */
function isName({ value }: Val<string>): boolean {
  return value.startsWith('$');
}

/** The conditions of one piece of a rule, in the words of iptables-extensions(8); all of them must hold. */
export function conditionMatches(asked: Condition, lookup: Lookup): NfMatch[] {
  const item = withMaskInside(asked);
  const negated = item.relation === '!=' || item.relation === '!' || item.relation === 'ne' || item.relation === 'neq';
  const { right, selectors } = item;
  const [selector] = selectors;
  if (selector === undefined) return [otherMatch(item.text)];
  if (right.is === 'values' && right.values.some(isBackward)) return [otherMatch(item.text)];
  if ((right.is === 'values' || right.is === 'concat') && right.values.some(isName)) return [otherMatch(item.text)];
  const equal = item.relation === '' || item.relation === '==' || item.relation === 'eq' || negated;
  if (!equal)
    return (
      chance(item, selector) ?? flagsCompared(item, selector) ?? comparison(item, selector, lookup) ?? [otherMatch(item.text)]
    );
  if (item.mask !== undefined || right.is === 'flags')
    return maskedMatches(item, selector, negated, lookup) ?? maskedNumber(item, selector, negated) ?? [otherMatch(item.text)];
  if (right.is === 'set' || right.is === 'named' || right.is === 'elements') {
    const elements =
      right.is === 'elements' ? right.elements : right.is === 'set' ? lookup.literal(right.body) : lookup.set(right.name.value);
    if (elements === undefined || elements.some(({ key }) => key.some(isName))) return [otherMatch(item.text)];
    const matches = setMatches(selectors, elements, negated, item.text, lookup);
    const set = right.is === 'named' ? `@${right.name.value}` : undefined;
    if (set === undefined || !lookup.changing.has(set)) return matches;
    return [
      {
        kind: 'changing-set',
        set: `${lookup.family} ${lookup.table} ${set}`,
        selectors: selectors.map(({ value }) => value),
        headers: headers(selectors, item.text, lookup),
        matches,
        text: item.text,
        negated,
      },
    ];
  }
  if (selectors.length > 1) {
    const all = concatMatches(selectors, right.values, lookup, item.text);
    return all === undefined
      ? [otherMatch(item.text)]
      : negated
        ? [{ kind: 'all-of', matches: all, text: item.text, negated }, ...headers(selectors, item.text, lookup)]
        : all;
  }
  return (
    (FLAG_SELECTORS.has(selector.value)
      ? flagMatches(
          selector.value,
          right.is === 'values' ? [listed(right.values)] : right.values,
          formOf(item, lookup),
          item.text,
          flagGuard(selector),
        )
      : valueMatches({ selector, values: right.values, negated, text: item.text, lookup })) ?? [otherMatch(item.text)]
  );
}

/** Where a masked selector is looked up in a set, the mask is a part of what is looked up. */
function withMaskInside(item: Condition): Condition {
  const { mask, right, selectors } = item;
  const [selector] = selectors;
  const inSet = right.is === 'set' || right.is === 'named' || right.is === 'elements';
  return mask === undefined || selector === undefined || !inSet
    ? item
    : { ...item, mask: undefined, selectors: [maskedSelector(selector, mask)] };
}

function maskedSelector(selector: Val<string>, mask: string): Val<string> {
  return val(`${selector.value} & ${mask}`, selector.span);
}

/** `tcp dport & 1 == 1`, `ip frag-off & 0x4000 != 0`. */
function maskedNumber({ right, mask, text }: Condition, selector: Val<string>, negated: boolean): NfMatch[] | undefined {
  if (mask === undefined || right.is !== 'values') return undefined;
  const values = right.joined || selector.value === 'tcp flags' ? [listed(right.values)] : right.values;
  return numberMatches({ selector: maskedSelector(selector, mask), values, negated, text });
}

/** `established,related` as one value. */
function listed(values: readonly Val<string>[]): Val<string> {
  return val(values.map(({ value }) => value).join(','), spanOf(values) ?? { start: 0, end: 0 });
}

/** How a condition compares bits; in a set each element is all of them. */
function formOf({ relation, right }: Condition, { madeByIptables }: Lookup): FlagForm {
  const inSet = right.is === 'set' || right.is === 'elements' || right.is === 'named';
  // iptables' own conditions ask for any of them, whatever nft's words for them mean.
  if (madeByIptables && !inSet) return /^(?:!|!=|ne|neq)$/.test(relation) ? 'none' : 'any';
  if (/^(?:!=|ne|neq)$/.test(relation) || (inSet && relation === '!')) return 'not exact';
  if (relation === '!') return 'none';
  return inSet || relation === '==' || relation === 'eq' || (right.is === 'values' && right.joined) ? 'exact' : 'any';
}

function flagGuard(selector: Val<string>): NfMatch[] {
  return selector.value === 'tcp flags' ? [protocolOf('tcp', selector)] : [];
}

/** Whether a packet's fields are in a set: any of its elements, with what the selectors ask for besides. */
export function setMatches(
  selectors: readonly Val<string>[],
  elements: readonly NftElement[],
  negated: boolean,
  text: Val<string>,
  lookup: Lookup,
): NfMatch[] {
  const [selector] = selectors;
  if (selector === undefined) return [otherMatch(text)];
  // An element that is found lets packets by as its own rate does (nft_set_elem_update_expr).
  if (!negated && elements.some(({ rate }) => rate !== undefined)) {
    const plain = elements.filter(({ rate }) => rate === undefined);
    const each = elements.flatMap(({ rate, ...element }): NfMatch[] => {
      if (rate === undefined) return [];
      const found = setMatches(selectors, [element], false, element.text, lookup);
      return [{ kind: 'all-of', matches: [...found, limitOf(rate)], text: element.text, negated }];
    });
    const others = plain.length === 0 ? [] : setMatches(selectors, plain, false, text, lookup);
    const rest: NfMatch[] = others.length === 0 ? [] : [{ kind: 'all-of', matches: others, text, negated }];
    return [{ kind: 'any-of', matches: [...rest, ...each], text, negated }];
  }
  if (selectors.length === 1) {
    const values = elements.flatMap(({ key }) => (key[0] === undefined ? [] : [key[0]]));
    // An empty set holds nothing.
    if (values.length === 0)
      return [{ kind: 'any-of', matches: [], text, negated }, ...(negated ? headers(selectors, text, lookup) : [])];
    if (FLAG_SELECTORS.has(selector.value))
      return (
        flagMatches(selector.value, values, negated ? 'not exact' : 'exact', text, flagGuard(selector)) ?? [otherMatch(text)]
      );
    return valueMatches({ selector, values, negated, text, lookup }) ?? [otherMatch(text)];
  }
  const each = elements.map(({ key, text: own }) => concatMatches(selectors, key, lookup, own));
  if (each.some((matches) => matches === undefined)) return [otherMatch(text)];
  return [
    {
      kind: 'any-of',
      matches: each.map((matches, n) => ({
        kind: 'all-of',
        matches: matches ?? [],
        text: elements[n]?.text ?? text,
        negated: false,
      })),
      text,
      negated,
    },
    ...(negated ? headers(selectors, text, lookup) : []),
  ];
}

/** The headers that selectors are read from: without one of them a condition does not hold, negated or not. */
export function headers(selectors: readonly Val<string>[], text: Val<string>, lookup: Lookup): NfMatch[] {
  return selectors.flatMap((selector): NfMatch[] => {
    if (/^ip6? /.test(selector.value)) return familyGuard(selector, lookup);
    const [, protocol] = /^(tcp|udp|udplite|sctp|dccp|th|icmp|icmpv6) /.exec(selector.value) ?? [];
    if (protocol === undefined) return [];
    const whole: NfMatch = { kind: 'transport-header', text };
    return protocol === 'th' ? [whole] : [protocolOf(protocol, selector), whole];
  });
}

/** One value for each selector; undefined where the counts differ. */
export function concatMatches(
  selectors: readonly Val<string>[],
  values: readonly Val<string>[],
  lookup: Lookup,
  text: Val<string>,
): NfMatch[] | undefined {
  if (selectors.length !== values.length) return undefined;
  return selectors.flatMap((selector, n) => {
    const value = values[n];
    return value === undefined
      ? [otherMatch(text)]
      : ((FLAG_SELECTORS.has(selector.value)
          ? flagMatches(selector.value, [value], 'exact', value, flagGuard(selector))
          : valueMatches({ selector, values: [value], negated: false, text: value, lookup })) ?? [otherMatch(value)]);
  });
}

/** `meta random & 2147483647 < 1073741824`: the statistic match of iptables in nft's words. */
function chance(item: Condition, selector: Val<string>): NfMatch[] | undefined {
  const { right, mask, relation } = item;
  const value = right.is === 'values' && right.values.length === 1 ? plainNumber(right.values[0]?.value ?? '') : undefined;
  const all = mask === undefined ? 0xffffffff : plainNumber(mask);
  if (value === undefined || all === undefined || !/^(?:meta )?random$/.test(selector.value)) return undefined;
  const below = { '<': value, lt: value, '<=': value + 1, le: value + 1, '>=': value, ge: value, '>': value + 1, gt: value + 1 }[
    relation
  ];
  if (below === undefined) return undefined;
  const share = Math.min(1, below / (all + 1));
  const probability = /^(?:<|l)/.test(relation) ? share : 1 - share;
  return [{ kind: 'limit', module: 'statistic', text: item.text, negated: false, probability }];
}

/** `tcp flags & (fin | syn | rst | psh | ack | urg) < fin`: no flag at all. As many conditions as values of the bits do. */
function flagsCompared(item: Condition, selector: Val<string>): NfMatch[] | undefined {
  const { right, mask, relation, text } = item;
  const value = right.is === 'values' ? tcpFlags(listed(right.values).value) : undefined;
  const bits = mask === undefined ? undefined : tcpFlags(mask);
  const holds = COMPARED[relation];
  if (selector.value !== 'tcp flags' || value === undefined || bits === undefined || holds === undefined) return undefined;
  const sets = Array.from({ length: 256 }, (_, set) => set).filter((set) => (set & ~bits) === 0 && holds(set, value));
  const matches = sets.map((set): NfMatch => ({ kind: 'tcp-flags', mask: bits, set, text, negated: false }));
  return [protocolOf('tcp', selector), { kind: 'any-of', matches, text, negated: false }];
}

const COMPARED: Readonly<Record<string, ((a: number, b: number) => boolean) | undefined>> = {
  '<': (a, b) => a < b,
  lt: (a, b) => a < b,
  '<=': (a, b) => a <= b,
  le: (a, b) => a <= b,
  '>': (a, b) => a > b,
  gt: (a, b) => a > b,
  '>=': (a, b) => a >= b,
  ge: (a, b) => a >= b,
};

/** `meta mark & 0xff == 0x10`, `tcp flags & (fin | syn) == syn`, `tcp flags syn / syn,ack`. */
function maskedMatches(item: Condition, selector: Val<string>, negated: boolean, lookup: Lookup): NfMatch[] | undefined {
  const { right, mask } = item;
  if (item.selectors.length > 1) return undefined;
  // Several values are the bits of one: `syn | ack`.
  const value = right.is === 'flags' ? right.value : right.is === 'values' ? listed(right.values).value : undefined;
  const bits = right.is === 'flags' ? right.mask : mask;
  if (value === undefined || bits === undefined) return undefined;
  if (selector.value === 'ip frag-off' && plainNumber(bits) === 0x1fff && plainNumber(value) === 0) {
    return [...familyGuard(selector, lookup), { kind: 'fragment', text: item.text, negated: !negated }];
  }
  if (selector.value === 'tcp flags') {
    const [set, all] = [tcpFlags(value), tcpFlags(bits)];
    if (set === undefined || all === undefined) return undefined;
    return [protocolOf('tcp', selector), { kind: 'tcp-flags', mask: all, set, text: item.text, negated }];
  }
  const kind = /^(?:meta )?mark$/.test(selector.value) ? 'mark' : selector.value === 'ct mark' ? 'connmark' : undefined;
  if (kind !== undefined) {
    const [number, all] = [plainNumber(value), plainNumber(bits)];
    return number === undefined || all === undefined
      ? undefined
      : [{ kind, mark: val({ value: number, mask: all }, item.text.span), negated }];
  }
  if (/^ip6? [sd]addr$/.test(selector.value) && ADDRESS.test(value) && ADDRESS.test(bits)) {
    return [
      ...(negated ? familyGuard(selector, lookup) : []),
      {
        kind: selector.value.endsWith('saddr') ? 'source' : 'destination',
        value: val(`${value}/${bits}`, item.text.span),
        negated,
      },
    ];
  }
  if (selector.value === 'ct status') {
    const [set, all] = [ctStatusBits(value), ctStatusBits(bits)];
    return set === undefined || all === undefined ? undefined : [{ kind: 'ctstatus', mask: all, set, text: item.text, negated }];
  }
  return undefined;
}

/** `ip ttl < 254`, `tcp dport > 1023`, `meta length <= 100`. */
function comparison(item: Condition, selector: Val<string>, lookup: Lookup): NfMatch[] | undefined {
  const { right, mask } = item;
  const text = right.is === 'values' && right.values.length === 1 ? right.values[0] : undefined;
  if (text === undefined || item.selectors.length > 1) return undefined;
  const known = mask === undefined ? knownComparison(item, selector, text, lookup) : undefined;
  const words = mask === undefined ? selector.value : `${selector.value} & ${mask}`;
  return known ?? comparedNumber(words, item.relation, text.value, item.text);
}

/** The same in the words of iptables-extensions(8), where those say it. */
function knownComparison(item: Condition, selector: Val<string>, text: Val<string>, lookup: Lookup): NfMatch[] | undefined {
  const number = plainNumber(text.value);
  if (number === undefined) return undefined;
  const [low, high] = {
    '<': [0, number - 1],
    lt: [0, number - 1],
    '<=': [0, number],
    le: [0, number],
    '>': [number + 1, 65535],
    gt: [number + 1, 65535],
    '>=': [number, 65535],
    ge: [number, 65535],
  }[item.relation] ?? [0, 65535];
  if (low === undefined || high === undefined || low > high) return undefined;
  const range = val(`${low}-${high}`, text.span);
  if (/(?:port|length|maxseg size)$/.test(selector.value))
    return valueMatches({ selector, values: [range], negated: false, text: item.text, lookup });
  const marked = /^(?:meta )?mark$/.test(selector.value) ? 'mark' : selector.value === 'ct mark' ? 'connmark' : undefined;
  if (marked !== undefined)
    return [
      {
        kind: marked,
        mark: val({ value: low, mask: 0xffffffff, to: high === 65535 ? 0xffffffff : high }, text.span),
        negated: false,
      },
    ];
  if (selector.value === 'ip ttl' || selector.value === 'ip6 hoplimit') {
    const up = /^(?:>|gt|>=|ge)$/.test(item.relation);
    return [
      ...familyGuard(selector, lookup),
      { kind: 'ttl', op: up ? 'gt' : 'lt', value: val(up ? low - 1 : high + 1, text.span), negated: false },
    ];
  }
  return undefined;
}

/** `icmp code port-unreachable` behind `icmp type`: the two are one condition in iptables' words. */
export function withIcmpCode(matches: readonly NfMatch[], item: Condition): NfMatch[] | undefined {
  const [selector] = item.selectors;
  const name = selector?.value;
  const { right } = item;
  const value = right.is === 'values' && right.values.length === 1 ? right.values[0] : undefined;
  const last = matches[matches.length - 1];
  if (
    (name !== 'icmp code' && name !== 'icmpv6 code') ||
    value === undefined ||
    item.relation === '!=' ||
    last?.kind !== 'icmp-type'
  )
    return undefined;
  const code = icmpCode(value.value, name.startsWith('icmpv6'));
  if (code === undefined || last.negated || last.type.value.includes('/')) return undefined;
  return [
    ...matches.slice(0, -1),
    { kind: 'icmp-type', type: val(`${last.type.value}/${code}`, cover(last.type.span, value.span)), negated: false },
  ];
}
