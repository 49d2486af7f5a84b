import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { textVal } from '../words';
import { nodeSpan, sliceSource, type SourceText } from '../ohm';
import { rateIn } from './rates';

/** What a condition compares with. */
export type NftRight =
  | { readonly is: 'set'; readonly body: SourceText; readonly text: Val<string> }
  /** The same, cut already. */
  | { readonly is: 'elements'; readonly elements: readonly NftElement[]; readonly text: Val<string> }
  | { readonly is: 'named'; readonly name: Val<string> }
  /** One value, or several of which one or more must hold (`established,related`); `joined`: all as one (`established | related`). */
  | { readonly is: 'values'; readonly values: readonly Val<string>[]; readonly joined: boolean }
  /** One value per selector: `10.0.0.1 . 80`. */
  | { readonly is: 'concat'; readonly values: readonly Val<string>[] }
  /** `syn / syn,rst,ack,fin`. */
  | { readonly is: 'flags'; readonly value: string; readonly mask: string; readonly text: Val<string> };

export type NftMap =
  | { readonly is: 'literal'; readonly body: SourceText; readonly text: Val<string> }
  | { readonly is: 'elements'; readonly elements: readonly NftElement[]; readonly text: Val<string> }
  | { readonly is: 'named'; readonly name: Val<string> };

/** What a statement's value is made of. */
export type NftTerm =
  | { readonly is: 'value'; readonly value: Val<string> }
  | { readonly is: 'selector'; readonly name: string; readonly text: Val<string> }
  /** `tcp dport map { 80 : 0x1 }`. */
  | { readonly is: 'map'; readonly value: MappedValue; readonly text: Val<string> }
  | { readonly is: 'other'; readonly text: Val<string> };
export interface NftExpression {
  readonly terms: readonly NftTerm[];
  readonly operators: readonly string[];
  readonly text: Val<string>;
}

/** `tcp dport map { 80 : 8080 }`. */
export interface MappedValue {
  readonly selectors: readonly Val<string>[];
  readonly map: NftMap;
}

/** One piece of a rule, in the order of the text (nft(8)). */
export type NftItem =
  | {
      readonly is: 'condition';
      readonly selectors: readonly Val<string>[];
      readonly mask: string | undefined;
      readonly relation: string;
      readonly right: NftRight;
      readonly text: Val<string>;
    }
  | { readonly is: 'verdict-map'; readonly selectors: readonly Val<string>[]; readonly map: NftMap; readonly text: Val<string> }
  | { readonly is: 'verdict'; readonly verdict: Val<string>; readonly chain: Val<string> | undefined }
  /** `jump {`: a chain without a name follows. */
  | { readonly is: 'block'; readonly verdict: Val<string> }
  | { readonly is: 'set'; readonly selector: Val<string>; readonly expression: NftExpression; readonly text: Val<string> }
  | {
      readonly is: 'nat';
      readonly which: 'snat' | 'dnat';
      /** `ip` or `ip6`, where the rule says for which packets it is. */
      readonly family: 'ip' | 'ip6' | undefined;
      readonly form: string | undefined;
      readonly to: Val<string> | undefined;
      /** Looks up the address, with its port or without; behind `address`, the port alone. */
      readonly map: MappedValue | undefined;
      readonly address?: Val<string>;
      readonly flags: readonly string[];
      readonly text: Val<string>;
    }
  | {
      readonly is: 'redirect';
      readonly which: 'masquerade' | 'redirect';
      readonly ports: Val<string> | undefined;
      /** Looks up the port. */
      readonly map: MappedValue | undefined;
      readonly flags: readonly string[];
      readonly text: Val<string>;
    }
  | { readonly is: 'reject'; readonly with: Val<string> | undefined; readonly text: Val<string> }
  | { readonly is: 'limit'; readonly over: boolean; readonly text: Val<string> }
  | { readonly is: 'comment'; readonly text: Val<string> }
  /** `log`, `notrack`, `queue`, `tproxy`, `dup` … by their first word. */
  | { readonly is: 'other'; readonly name: string; readonly text: Val<string> }
  /** What iptables-nft could not say in nft's words; `target` where it decides what happens. */
  | { readonly is: 'hidden'; readonly target: boolean; readonly text: Val<string> }
  | { readonly is: 'counter' }
  | { readonly is: 'unknown'; readonly text: Val<string> };

export interface NftElement {
  readonly key: readonly Val<string>[];
  readonly verdict: Extract<NftItem, { is: 'verdict' }> | undefined;
  readonly data: readonly Val<string>[] | undefined;
  /** What it counts its packets by: `limit rate over 10/second`. */
  readonly rate?: Val<string>;
  /** JSON shows one only of the things that an element may count by. */
  readonly rateHidden?: boolean;
  readonly text: Val<string>;
}

const semantics = grammars.Nft.createSemantics();
const sourceOf = (args: Readonly<Record<string, unknown>>): SourceText => args['source'] as SourceText;

/** A value without its quotes. */
function plain(node: Node, source: SourceText): Val<string> {
  const whole = textVal(node, source);
  const quotes = /^(\\?")(.*?)(\\?")$/s.exec(whole.value);
  if (quotes === null) return whole;
  const [, open = '', inner = '', close = ''] = quotes;
  return val(inner, { start: whole.span.start + open.length, end: whole.span.end - close.length });
}

/** A value without the remark that nft does not know its type. */
function typed(value: Val<string>): Val<string> {
  const end = value.value.search(/\s+\[invalid type\]$/);
  return end < 0 ? value : val(value.value.slice(0, end), { start: value.span.start, end: value.span.start + end });
}

function between(first: Node, last: Node, source: SourceText): Val<string> {
  const span = { start: nodeSpan(source, first).start, end: nodeSpan(source, last).end };
  return val(source.text.slice(first.source.startIdx, last.source.endIdx), span);
}

/** The inside of `{ … }`. */
function inside(node: Node, source: SourceText): SourceText {
  return sliceSource(source, node.source.startIdx + 1, node.source.endIdx - 1);
}

semantics.addOperation<readonly Val<string>[]>('list(source)', {
  concat(first, _sp, _dots, _sp2, rest) {
    return [first, ...rest.children].map((node) => {
      const text = textVal(node, sourceOf(this.args));
      return val(text.value.replace(/\s+/g, ' ').trim(), {
        start: text.span.start,
        end: text.span.start + text.value.trimEnd().length,
      });
    });
  },
  key(first, _sp, _dots, _sp2, rest) {
    return [first, ...rest.children].map((node) => typed(plain(node, sourceOf(this.args))));
  },
});

semantics.addOperation<NftMap>('map(source)', {
  mapRef_literal(braced) {
    const source = sourceOf(this.args);
    return { is: 'literal', body: inside(braced, source), text: textVal(braced, source) };
  },
  mapRef_named(_at, name) {
    return { is: 'named', name: textVal(name, sourceOf(this.args)) };
  },
});

semantics.addOperation<NftRight>('right(source)', {
  right_set(braced) {
    const source = sourceOf(this.args);
    return { is: 'set', body: inside(braced, source), text: textVal(braced, source) };
  },
  right_named(_at, name) {
    return { is: 'named', name: textVal(name, sourceOf(this.args)) };
  },
  right_flags(value, _sp, _slash, _sp2, mask) {
    return { is: 'flags', value: value.sourceString, mask: mask.sourceString, text: textVal(this, sourceOf(this.args)) };
  },
  right_parenthesis(text) {
    return { is: 'values', values: [textVal(text, sourceOf(this.args))], joined: false };
  },
  right_concat(first, _sp, _dots, _sp2, rest) {
    return { is: 'concat', values: [first, ...rest.children].map((node) => plain(node, sourceOf(this.args))) };
  },
  right_list(first, _sp, _commas, _sp2, more, _sp3, _bars, _sp4, joined) {
    return {
      is: 'values',
      values: [first, ...more.children, ...joined.children].map((node) => plain(node, sourceOf(this.args))),
      joined: joined.children.length > 0,
    };
  },
});

semantics.addOperation<NftExpression>('expression(source)', {
  expression(first, _sp, operators, _sp2, rest) {
    const source = sourceOf(this.args);
    const [start, ...others] = [first, ...rest.children].map((term) => term['term'](source) as NftTerm | NftExpression);
    // Operators are applied from left to right, so that brackets around the first ones mean nothing.
    const head = start === undefined || 'is' in start ? { terms: start === undefined ? [] : [start], operators: [] } : start;
    return {
      terms: [...head.terms, ...others.map(flat)],
      operators: [...head.operators, ...operators.children.map((operator) => operator.sourceString)],
      text: textVal(this, source),
    };
  },
});

/** Further brackets would have to be worked out first: what they say is kept as text. */
function flat(term: NftTerm | NftExpression): NftTerm {
  return 'is' in term ? term : { is: 'other', text: term.text };
}

semantics.addOperation<NftTerm | NftExpression>('term(source)', {
  term_group(_open, _sp, expression, _sp2, _close) {
    const inner = expression['expression'](sourceOf(this.args)) as NftExpression;
    const [only] = inner.terms;
    return inner.terms.length === 1 && only !== undefined ? only : inner;
  },
  term_map(_concat, _sp, _map, _sp2, _ref) {
    const source = sourceOf(this.args);
    const text = textVal(this, source);
    const value = mappedValue(this, source);
    return value === undefined ? { is: 'other', text } : { is: 'map', value, text };
  },
  term_selector(selectors) {
    const text = textVal(selectors, sourceOf(this.args));
    return { is: 'selector', name: text.value.replace(/\s+/g, ' '), text };
  },
  term_set(braced) {
    return { is: 'other', text: textVal(braced, sourceOf(this.args)) };
  },
  term_list(_first, _sp, _commas, _sp2, _rest) {
    return { is: 'other', text: textVal(this, sourceOf(this.args)) };
  },
  term_value(value) {
    return { is: 'value', value: plain(value, sourceOf(this.args)) };
  },
});

semantics.addOperation<readonly string[]>('flags()', {
  natFlags(_sp, flags) {
    return flags.children.flatMap((flag) => flag.sourceString.split(/[\s,]+/).map(natFlag));
  },
});

/** A flag of a translation as iptables calls it. */
export function natFlag(name: string): string {
  return name === 'fully-random' ? 'random-fully' : name;
}

/** What stands before `map` and behind it, where a node is of that form. */
function mappedValue(node: Node | undefined, source: SourceText): MappedValue | undefined {
  const at = node?.children.findIndex((child) => child.ctorName === 'mapRef') ?? -1;
  const [concat, map] = [node?.children[at - 4], node?.children[at]];
  if (at < 0 || concat === undefined || map === undefined) return undefined;
  return { selectors: concat['list'](source) as readonly Val<string>[], map: map['map'](source) as NftMap };
}

/** `meta mark & 0xff`: a selector and its mask, where it has no other operations. */
export function splitMask(selectors: readonly Val<string>[]): Pick<Extract<NftItem, { is: 'condition' }>, 'selectors' | 'mask'> {
  const [first, second] = selectors;
  const [, of, mask] = /^([^()&|^<>]*[^()&|^<> ]) (?:&|and) (\([^()]*\)|[^ ()]+)$/.exec(first?.value ?? '') ?? [];
  if (first === undefined || second !== undefined || of === undefined || mask === undefined || / (?:and|or|xor) /.test(of))
    return { selectors, mask: undefined };
  return { selectors: [val(of, { start: first.span.start, end: first.span.start + of.length })], mask };
}

semantics.addOperation<NftItem>('item(source)', {
  item(one) {
    return one['item'](sourceOf(this.args)) as NftItem;
  },
  counter_plain(_counter, _ahead, _sp, _packets, _sp2, _count, _sp3, _bytes, _sp4, _size) {
    return { is: 'counter' };
  },
  counter_named(_counter, _sp, _name, _sp2, _value) {
    return { is: 'counter' };
  },
  last(_last, _ahead, _sp, _use) {
    return { is: 'counter' };
  },
  comment(_comment, _sp, text) {
    return { is: 'comment', text: plain(text, sourceOf(this.args)) };
  },
  log(_log, _ahead, _sp, _options) {
    return { is: 'other', name: 'log', text: textVal(this, sourceOf(this.args)) };
  },
  limit(form) {
    return { is: 'limit', over: /\sover\s/.test(form.sourceString), text: textVal(this, sourceOf(this.args)) };
  },
  quota(_quota, _sp, what) {
    return { is: 'limit', over: /^over\s/.test(what.sourceString), text: textVal(this, sourceOf(this.args)) };
  },
  reject(_reject, _ahead, _sp, _with, _sp2, what) {
    const source = sourceOf(this.args);
    const found = what.children[0];
    return { is: 'reject', with: found === undefined ? undefined : textVal(found, source), text: textVal(this, source) };
  },
  nat(which, _sp, family, _ahead, form, _sp2, _to, to, flags) {
    const source = sourceOf(this.args);
    const target = to.children[0];
    const map = mappedValue(target, source);
    const address = target?.ctorName === 'natTo_portMap' ? target.children[0] : undefined;
    return {
      is: 'nat',
      which: which.sourceString as 'snat' | 'dnat',
      family: family.children[0]?.sourceString as 'ip' | 'ip6' | undefined,
      form: form.children[0]?.sourceString.trim(),
      to: map === undefined ? textVal(to, source) : undefined,
      map,
      ...(address === undefined ? {} : { address: textVal(address, source) }),
      flags: flags['flags']() as readonly string[],
      text: textVal(this, source),
    };
  },
  redirect(which, _ahead, _sp, _to, _sp2, to, flags) {
    const source = sourceOf(this.args);
    const target = to.children[0]?.children[0];
    const map = mappedValue(target, source);
    const ports = target === undefined || map !== undefined ? undefined : textVal(target, source);
    const colon = ports?.value.startsWith(':') === true ? 1 : 0;
    return {
      is: 'redirect',
      which: which.sourceString as 'masquerade' | 'redirect',
      ports:
        ports === undefined ? undefined : val(ports.value.slice(colon), { start: ports.span.start + colon, end: ports.span.end }),
      map,
      flags: flags['flags']() as readonly string[],
      text: textVal(this, source),
    };
  },
  tproxy(_tproxy, _sp, _family, _ahead, _sp2, _to, _sp3, _target) {
    return { is: 'other', name: 'tproxy', text: textVal(this, sourceOf(this.args)) };
  },
  queue(_queue, _ahead, _sp, _options) {
    return { is: 'other', name: 'queue', text: textVal(this, sourceOf(this.args)) };
  },
  flow(_flow, _sp, _add, _sp2, _at, _name) {
    return { is: 'other', name: 'flow', text: textVal(this, sourceOf(this.args)) };
  },
  dynamic_new(_set, _sp, _verb, _sp2, _at, _name, _sp3, _braced) {
    return { is: 'other', name: 'update', text: textVal(this, sourceOf(this.args)) };
  },
  dynamic_old(_set, _sp, _verb, _sp2, _concat, _sp3, _at, _name) {
    return { is: 'other', name: 'update', text: textVal(this, sourceOf(this.args)) };
  },
  verdict_chain(verdict, _sp, chain) {
    const source = sourceOf(this.args);
    return { is: 'verdict', verdict: textVal(verdict, source), chain: plain(chain, source) };
  },
  verdict_block(verdict, _sp, _open) {
    return { is: 'block', verdict: textVal(verdict, sourceOf(this.args)) };
  },
  verdict_plain(verdict, _ahead) {
    return { is: 'verdict', verdict: textVal(verdict, sourceOf(this.args)), chain: undefined };
  },
  simple_synproxy(_word, _ahead, _sp, _options) {
    return { is: 'other', name: 'synproxy', text: textVal(this, sourceOf(this.args)) };
  },
  simple_synproxyName(_word, _sp, _name, _sp2, _value) {
    return { is: 'other', name: 'synproxy', text: textVal(this, sourceOf(this.args)) };
  },
  simple_word(word, _ahead) {
    return { is: 'other', name: word.sourceString, text: textVal(this, sourceOf(this.args)) };
  },
  simple_reset(word, _sp, _tcp, _sp2, _option, _sp3, _name) {
    return { is: 'other', name: word.sourceString, text: textVal(this, sourceOf(this.args)) };
  },
  simple_to(word, _sp, _to, _sp2, _target, _sp3, _device, _sp4, _name) {
    return { is: 'other', name: word.sourceString, text: textVal(this, sourceOf(this.args)) };
  },
  assignment(concat, _sp, _set, _sp2, expression) {
    const source = sourceOf(this.args);
    const [selector] = concat['list'](source) as readonly Val<string>[];
    return {
      is: 'set',
      selector: selector ?? textVal(concat, source),
      expression: expression['expression'](source) as NftExpression,
      text: textVal(this, source),
    };
  },
  verdictMap(concat, _sp, _vmap, _sp2, map) {
    const source = sourceOf(this.args);
    return {
      is: 'verdict-map',
      selectors: concat['list'](source) as readonly Val<string>[],
      map: map['map'](source) as NftMap,
      text: textVal(this, source),
    };
  },
  condition(concat, _sp, relation, _sp2, right) {
    const source = sourceOf(this.args);
    return {
      is: 'condition',
      ...splitMask(concat['list'](source) as readonly Val<string>[]),
      relation: relation.children[0]?.sourceString ?? '',
      right: right['right'](source) as NftRight,
      text: textVal(this, source),
    };
  },
  translated(_xt, _sp, which, _sp2, _name, _notFound) {
    return { is: 'hidden', target: which.sourceString === 'target', text: textVal(this, sourceOf(this.args)) };
  },
  hidden(_hash, _sp, first, _sps, rest, _ahead, _ahead2) {
    const source = sourceOf(this.args);
    return { is: 'hidden', target: false, text: between(first, rest.children[rest.children.length - 1] ?? first, source) };
  },
  unknown(_text) {
    return { is: 'unknown', text: textVal(this, sourceOf(this.args)) };
  },
});

export interface NftRuleLine {
  readonly items: readonly NftItem[];
  /** From the first to the last item. */
  readonly text: Val<string>;
  /** Behind a `#`: the handle, or what iptables-nft could not translate, or a remark. */
  readonly remark: Val<string> | undefined;
}

semantics.addOperation<NftRuleLine>('rule(source)', {
  ruleLine(_indent, first, _sp, rest, _sp2, _semicolon, _sp3, remark) {
    const source = sourceOf(this.args);
    const items = [first, ...rest.children];
    const note = remark.children[0];
    return {
      items: items.map((item) => item['item'](source) as NftItem),
      text: between(first, items[items.length - 1] ?? first, source),
      remark: note === undefined ? undefined : textVal(note, source),
    };
  },
});

semantics.addOperation<NftElement>('element(source)', {
  element(_indent, key, _options, data, _options2, _end) {
    const source = sourceOf(this.args);
    const found = data.children[0]?.children[0];
    const verdict = found?.ctorName === 'data_verdict' ? (found.children[3]?.['item'](source) as NftItem) : undefined;
    const values = found?.ctorName === 'data_value' ? (found.children[3]?.['list'](source) as readonly Val<string>[]) : undefined;
    const text = textVal(this, source);
    const start = text.value.length - text.value.trimStart().length;
    const rate = rateIn(text);
    return {
      ...(rate === undefined ? {} : { rate }),
      key: key['list'](source) as readonly Val<string>[],
      verdict: verdict?.is === 'verdict' ? verdict : undefined,
      data: values,
      text: val(text.value.trim(), { start: text.span.start + start, end: text.span.start + text.value.trimEnd().length }),
    };
  },
});

/** What a line that opens a block, or that stands in a chain's head, says. */
export type NftHead =
  | { readonly is: 'table'; readonly family: string; readonly name: Val<string> }
  | { readonly is: 'chain'; readonly name: Val<string> }
  | { readonly is: 'set'; readonly name: Val<string> }
  | { readonly is: 'object' }
  | {
      readonly is: 'hook';
      readonly type: Val<string>;
      readonly hook: Val<string>;
      /** As written: `filter + 10`. */
      readonly priority: Val<string>;
      readonly policy: Val<string> | undefined;
      /** `device "eth0"`, `devices = { … }`. */
      readonly devices: readonly Val<string>[] | undefined;
      readonly text: Val<string>;
    }
  | { readonly is: 'policy'; readonly policy: Val<string> }
  | { readonly is: 'close' }
  | { readonly is: 'extra' };

semantics.addOperation<NftHead>('head(source)', {
  tableLine(_indent, _table, _sp, family, _sp2, name, _sp3, _open, _tail) {
    return { is: 'table', family: family.children[0]?.sourceString.trim() ?? 'ip', name: plain(name, sourceOf(this.args)) };
  },
  nameLine(_indent, _table, _sp, _family, _sp2, _name, _tail) {
    return { is: 'extra' };
  },
  chainLine(_indent, _chain, _sp, name, _sp2, _open, _tail) {
    return { is: 'chain', name: plain(name, sourceOf(this.args)) };
  },
  setLine(_indent, _set, _sp, name, _sp2, _open, _tail) {
    return { is: 'set', name: plain(name, sourceOf(this.args)) };
  },
  objectLine(_indent, _kind, _sp, _name, _sp2, _open, _tail) {
    return { is: 'object' };
  },
  innerLine(_indent, _kind, _sp, _open, _tail) {
    return { is: 'object' };
  },
  closeLine(_indent, _close, _tail) {
    return { is: 'close' };
  },
  scriptLine(_indent, _command, _sp, _rest) {
    return { is: 'extra' };
  },
  noteLine(_indent, _hash, _rest) {
    return { is: 'extra' };
  },
  hookLine(
    _indent,
    word,
    _sp,
    type,
    _sp2,
    _hook,
    _sp3,
    hook,
    devices,
    _sp4,
    _word,
    _sp5,
    priority,
    _sp6,
    _end,
    policy,
    _flags,
    _tail,
  ) {
    const source = sourceOf(this.args);
    const found = policy.children[0];
    const name = found?.children[3];
    return {
      is: 'hook',
      type: textVal(type, source),
      hook: textVal(hook, source),
      priority: textVal(priority, source),
      policy: found === undefined || name === undefined ? undefined : policyName(found, source),
      devices: devices.children[0] === undefined ? undefined : deviceNames(devices.children[0], source),
      text: between(word, found ?? priority, source),
    };
  },
  policyLine(_indent, _word, _sp, policy, _sp2, _end, _tail) {
    return { is: 'policy', policy: textVal(policy, sourceOf(this.args)) };
  },
  typeLine(_indent, _word, _sp, _what, _end, _tail) {
    return { is: 'extra' };
  },
  propertyLine(_indent, _word, _rest) {
    return { is: 'extra' };
  },
});

/** The word in `policy drop;`. */
/** The names in `device "eth0"` and `devices = { eth0, "eth1" }`. */
function deviceNames(node: Node, source: SourceText): readonly Val<string>[] {
  const whole = textVal(node, source);
  const from = /\{|device\s/.exec(whole.value);
  const start = from === null ? 0 : from.index + from[0].length;
  return [...whole.value.slice(start).matchAll(/[^\s"\\,{}]+/g)].map(({ 0: name, index }) => {
    const at = whole.span.start + start + index;
    return val(name, { start: at, end: at + name.length });
  });
}

function policyName(node: Node, source: SourceText): Val<string> {
  const whole = textVal(node, source);
  const word = /policy\s+(\w+)/.exec(whole.value);
  const name = word?.[1] ?? '';
  const start = whole.span.start + (word === null ? 0 : word.index + word[0].length - name.length);
  return val(name, { start, end: start + name.length });
}

export function readNftRule(result: MatchResult, source: SourceText): NftRuleLine {
  return semantics(result)['rule'](source) as NftRuleLine;
}

export function readNftHead(result: MatchResult, source: SourceText): NftHead {
  return semantics(result)['head'](source) as NftHead;
}

export function readNftElement(result: MatchResult, source: SourceText): NftElement {
  return semantics(result)['element'](source) as NftElement;
}
