import { cover, val, type Span, type Val } from '../../base/span';
import { jsonNumber, jsonText, type Json } from '../json';
import {
  natFlag,
  splitMask,
  type MappedValue,
  type NftElement,
  type NftExpression,
  type NftItem,
  type NftMap,
  type NftRight,
  type NftTerm,
} from './semantics';

type Fields = ReadonlyMap<string, Json>;

/** The one name of an object such as `{"match": …}`, and what it holds. */
function only(json: Json): { readonly name: string; readonly value: Json } | undefined {
  if (json.is !== 'object' || json.fields.size !== 1) return undefined;
  for (const [name, value] of json.fields) return { name, value };
  return undefined;
}

function fieldsOf(json: Json | undefined): Fields {
  return json?.is === 'object' ? json.fields : new Map<string, Json>();
}

function itemsOf(json: Json | undefined): readonly Json[] {
  return json?.is === 'list' ? json.items : json === undefined ? [] : [json];
}

/** A value as nft writes it: `80`, `10.0.0.0/24`, `1000-2000`; undefined for anything that is no plain value. */
function valueOf(json: Json | undefined): Val<string> | undefined {
  if (json === undefined) return undefined;
  if (json.is === 'text') return val(json.value, json.span);
  if (json.is === 'number') return val(json.text, json.span);
  if (json.is === 'word') return json.value === undefined ? undefined : val(json.value ? 'exists' : 'missing', json.span);
  const one = only(json);
  if (one?.name === 'prefix') {
    const address = jsonText(fieldsOf(one.value), 'addr') ?? jsonNumber(fieldsOf(one.value), 'addr');
    const length = jsonNumber(fieldsOf(one.value), 'len');
    return address && length ? val(`${address.value}/${length.value}`, cover(address.span, length.span)) : undefined;
  }
  if (one?.name === 'range') {
    const [from, to] = itemsOf(one.value).map(valueOf);
    return from && to ? val(`${from.value}-${to.value}`, cover(from.span, to.span)) : undefined;
  }
  if (one?.name === '|') {
    const flags = itemsOf(one.value).map(valueOf);
    return flags.includes(undefined) ? undefined : val(flags.map((flag) => flag?.value ?? '').join(' | '), json.span);
  }
  return one?.name === 'elem' ? valueOf(fieldsOf(one.value).get('val')) : undefined;
}

/** One value for each selector: `{"concat": […]}`, or a value alone. */
function keyOf(json: Json): readonly Val<string>[] | undefined {
  const one = only(json);
  if (one?.name === 'elem') {
    const inner = fieldsOf(one.value).get('val');
    return inner && keyOf(inner);
  }
  const values = one?.name === 'concat' ? itemsOf(one.value).map(valueOf) : [valueOf(json)];
  return values.some((value) => value === undefined) ? undefined : values.flatMap((value) => (value ? [value] : []));
}

/** An element of a set, or of a map with what it leads to (`[key, data]`). */
export function elementOf(json: Json): NftElement | undefined {
  const [first, second] = json.is === 'list' ? json.items : [json];
  const key = first && keyOf(first);
  if (!key) return undefined;
  const verdict = second && verdictOf(second);
  const data = second === undefined || verdict ? undefined : keyOf(second);
  if (second !== undefined && !verdict && !data) return undefined;
  const words = [key, ...(data ? [data] : [])].map((values) => values.map(({ value }) => value).join(' . '));
  const to = verdict ? [...words, verdictWords(verdict)] : words;
  const element = only(first);
  const counts = element?.name === 'elem' ? fieldsOf(element.value) : new Map<string, Json>();
  const rate = rateWords(counts);
  return {
    key,
    verdict,
    data,
    ...(rate === '' ? {} : { rate: val(rate, json.span) }),
    ...(rate === '' && counts.has('counter') ? { rateHidden: true } : {}),
    text: val(to.join(' : '), json.span),
  };
}

/** What counts packets among the things that an element, or a set for its elements, has: `limit rate over`. */
function rateWords(fields: Fields): string {
  const words = ['limit', 'quota', 'ct count'].flatMap((name) => {
    const rate = fields.get(name);
    if (rate === undefined) return [];
    const inverse = fieldsOf(rate).get('inv');
    return [`${name === 'limit' ? 'limit rate' : name}${inverse?.is === 'word' && inverse.value === true ? ' over' : ''}`];
  });
  return words.join(' ');
}

/** The same of a list of such things. */
export function ratesOf(list: Json | undefined, span: Span): Val<string> | undefined {
  const words = itemsOf(list).flatMap((rate) => {
    const one = only(rate);
    return one === undefined ? [] : [rateWords(new Map([[one.name, one.value]]))];
  });
  const all = words.filter((word) => word !== '').join(' ');
  return all === '' ? undefined : val(all, span);
}

/** `jump x`. */
export function verdictWords({ verdict, chain }: Extract<NftItem, { is: 'verdict' }>): string {
  return chain ? `${verdict.value} ${chain.value}` : verdict.value;
}

function verdictOf(json: Json): Extract<NftItem, { is: 'verdict' }> | undefined {
  const one = only(json);
  if (!one) return undefined;
  if (/^(?:accept|drop|return|continue)$/.test(one.name))
    return { is: 'verdict', verdict: val(one.name, json.span), chain: undefined };
  if (one.name !== 'jump' && one.name !== 'goto') return undefined;
  const chain = jsonText(fieldsOf(one.value), 'target');
  return chain && { is: 'verdict', verdict: val(one.name, json.span), chain };
}

/** What of a packet an expression names, in nft's words; undefined for one that is no selector. */
function selectorOf(json: Json): Val<string> | undefined {
  const one = only(json);
  if (!one) return undefined;
  const fields = fieldsOf(one.value);
  const text = (name: string) => jsonText(fields, name)?.value;
  const number = (name: string) => jsonNumber(fields, name)?.value;
  const made = (words: string | undefined) => (words === undefined ? undefined : val(words, json.span));
  switch (one.name) {
    case 'meta':
    case 'socket':
      return made(`${one.name} ${text('key') ?? ''}`);
    case 'payload': {
      const base = text('base');
      if (base !== undefined) return made(`@${base},${number('offset') ?? ''},${number('len') ?? ''}`);
      return made(`${text('protocol') ?? ''} ${text('field') ?? ''}`);
    }
    case 'rt': {
      const family = text('family');
      return made(`rt ${family === undefined ? '' : `${family} `}${text('key') ?? ''}`);
    }
    case 'ct': {
      const direction = text('dir');
      return made(`ct ${direction === undefined ? '' : `${direction} `}${text('key') ?? ''}`);
    }
    case 'fib': {
      const flags = itemsOf(fields.get('flags')).flatMap((flag) => (flag.is === 'text' ? [flag.value] : []));
      return made(`fib ${flags.join(' . ')} ${text('result') ?? ''}`);
    }
    case 'numgen':
    case 'symhash':
    case 'jhash': {
      const of = one.name === 'numgen' ? text('mode') : one.name === 'jhash' ? selectorWords(fields.get('expr')) : '';
      if (of === undefined) return undefined;
      const more = (['seed', 'offset'] as const).flatMap((name) => {
        const value = number(name);
        return value === undefined || value === 0 ? [] : [name, `${value}`];
      });
      return made([one.name, ...(of === '' ? [] : [of]), 'mod', `${number('mod') ?? ''}`, ...more].join(' '));
    }
    case 'ipsec': {
      const words = [text('dir'), text('family'), text('key')].filter((word) => word !== undefined);
      return made(`ipsec ${words.join(' ')}`);
    }
    case 'osf':
      return made(`osf ${text('key') ?? ''}`);
    case 'ip option':
    case 'sctp chunk':
      return made(`${one.name} ${text('name') ?? ''}${text('field') === undefined ? '' : ` ${text('field') ?? ''}`}`);
    case 'exthdr':
      return made(text('field') === undefined ? `exthdr ${text('name') ?? ''}` : `${text('name') ?? ''} ${text('field') ?? ''}`);
    case 'tcp option':
      if (number('base') !== undefined && number('offset') === 0 && number('len') === 8)
        return made(`tcp option ${number('base') ?? ''}`);
      return made(`tcp option ${text('name') ?? ''}${text('field') === undefined ? '' : ` ${text('field') ?? ''}`}`);
    default:
      return OPERATORS.has(one.name) ? changedBits(one.name, itemsOf(one.value), json.span) : undefined;
  }
}

/** `meta mark & 255`: operations are applied from left to right. */
function changedBits(operator: string, [of, by]: readonly Json[], span: Span): Val<string> | undefined {
  const [selector, operand] = [of && selectorOf(of), by && maskOf(by)];
  return selector && operand !== undefined ? val(`${selector.value} ${operator} ${operand}`, span) : undefined;
}

function selectorWords(json: Json | undefined): string | undefined {
  const selectors = selectorsOf(json);
  return selectors && names(selectors);
}

function selectorsOf(json: Json | undefined): readonly Val<string>[] | undefined {
  if (json === undefined) return undefined;
  const one = only(json);
  const found = one?.name === 'concat' ? itemsOf(one.value).map(selectorOf) : [selectorOf(json)];
  return found.some((selector) => selector === undefined) ? undefined : found.flatMap((selector) => (selector ? [selector] : []));
}

/** `{"set": […]}` as elements; undefined where one of them is not understood. */
function elementsIn(json: Json): readonly NftElement[] | undefined {
  const one = only(json);
  if (one?.name !== 'set') return undefined;
  const elements = itemsOf(one.value).map(elementOf);
  return elements.some((element) => element === undefined)
    ? undefined
    : elements.flatMap((element) => (element ? [element] : []));
}

function rightOf(json: Json | undefined): NftRight | undefined {
  if (json === undefined) return undefined;
  const elements = elementsIn(json);
  if (elements)
    return { is: 'elements', elements, text: val(`{ ${elements.map(({ text }) => text.value).join(', ')} }`, json.span) };
  if (json.is === 'text' && json.value.startsWith('@'))
    return { is: 'named', name: val(json.value.slice(1), { start: json.span.start + 1, end: json.span.end }) };
  const one = only(json);
  if (one?.name === 'concat') {
    const values = keyOf(json);
    return values && { is: 'concat', values };
  }
  const joined = one?.name === '|';
  const values = (json.is === 'list' ? json.items : joined ? itemsOf(one.value) : [json]).map(valueOf);
  return values.some((value) => value === undefined)
    ? undefined
    : { is: 'values', values: values.flatMap((value) => (value ? [value] : [])), joined };
}

function mapOf(json: Json | undefined): NftMap | undefined {
  const right = rightOf(json);
  if (right?.is === 'elements') return { is: 'elements', elements: right.elements, text: right.text };
  return right?.is === 'named' ? right : undefined;
}

function rightWords(right: NftRight): string {
  switch (right.is) {
    case 'named':
      return `@${right.name.value}`;
    case 'values':
      return right.values.map(({ value }) => value).join(right.joined ? ' | ' : ',');
    case 'concat':
      return right.values.map(({ value }) => value).join(' . ');
    default:
      return right.text.value;
  }
}

const names = (values: readonly Val<string>[]): string => values.map(({ value }) => value).join(' . ');

/** One statement of a rule; what is not known stays visible. */
export function itemOf(json: Json): NftItem {
  const verdict = verdictOf(json);
  if (verdict) return verdict;
  const one = only(json);
  return (one && statementOf(one.name, one.value, json.span)) ?? unknown(one?.name ?? 'a statement', json.span);
}

/** Statements that decide about a packet or change it. */
const DECIDES = /^(?:[sd]nat|masquerade|redirect|reject|tproxy|queue|mangle|vmap|fwd|synproxy)$/;

/** What can't be said in nft's words here by its name: a condition may hold, a statement do anything. */
function unknown(name: string, span: Span): NftItem {
  const text = val(name, span);
  return DECIDES.test(name) ? { is: 'hidden', target: true, text } : { is: 'unknown', text };
}

function statementOf(name: string, value: Json, span: Span): NftItem | undefined {
  const fields = fieldsOf(value);
  const other = (kind: string, words: string): NftItem => ({ is: 'other', name: kind, text: val(words, span) });
  switch (name) {
    case 'match':
      return conditionOf(fields, span);
    case 'counter':
    case 'last':
      return { is: 'counter' };
    case 'comment':
      return { is: 'counter' };
    case 'mangle':
      return assignmentOf(fields, span);
    case 'snat':
    case 'dnat':
      return natOf(name, fields, span);
    case 'masquerade':
    case 'redirect': {
      const port = fields.get('port');
      const ports = valueOf(port);
      const map = port && mappedOf(port);
      if (port !== undefined && !ports && !map) return undefined;
      const words = map ? ` to :${mappedWords(map)}` : ports ? ` to :${ports.value}` : '';
      return { is: 'redirect', which: name, ports, map, flags: flagsOf(fields), text: val(`${name}${words}`, span) };
    }
    case 'reject': {
      const type = jsonText(fields, 'type');
      const code = valueOf(fields.get('expr'));
      // nft's own words leave out what a plain `reject` in a table of both families says.
      if (type?.value === 'icmpx' && code?.value === 'port-unreachable')
        return { is: 'reject', with: undefined, text: val('reject', span) };
      const words = type === undefined ? undefined : `${type.value}${code === undefined ? '' : ` ${code.value}`}`;
      return { is: 'reject', with: words === undefined ? undefined : val(words, span), text: val('reject', span) };
    }
    case 'limit':
    case 'quota':
    case 'ct count': {
      const inverse = fields.get('inv');
      return { is: 'limit', over: inverse?.is === 'word' && inverse.value === true, text: val(name, span) };
    }
    case 'vmap': {
      const selectors = selectorsOf(fields.get('key'));
      const map = mapOf(fields.get('data'));
      return selectors && map && { is: 'verdict-map', selectors, map, text: val(`${names(selectors)} vmap`, span) };
    }
    // The objects that a connection is given; `ct count` is a condition.
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation': {
      const object = valueOf(value);
      if (!object) return undefined;
      const expression: NftExpression = { terms: [{ is: 'value', value: object }], operators: [], text: object };
      return { is: 'set', selector: val(name, span), expression, text: val(`${name} set "${object.value}"`, span) };
    }
    case 'log':
    case 'notrack':
      return other(name, name);
    case 'reset': {
      const option = selectorOf(value);
      return option && other(name, `reset ${option.value}`);
    }
    case 'queue': {
      const number = fields.get('num');
      const queue = number && (valueOf(number) ?? selectorOf(number));
      if (number !== undefined && queue === undefined) return undefined;
      const flags = itemsOf(fields.get('flags')).flatMap((flag) => (flag.is === 'text' ? [flag.value] : []));
      // An expression stands behind `to`, at the end.
      return other(name, `queue${flags.includes('bypass') ? ' flags bypass' : ''}${queue ? ` to ${queue.value}` : ''}`);
    }
    case 'tproxy': {
      const [address, port] = [valueOf(fields.get('addr')), valueOf(fields.get('port'))];
      const family = jsonText(fields, 'family')?.value;
      return other(
        name,
        `tproxy ${family === undefined ? '' : `${family} `}to ${address?.value ?? ''}${port ? `:${port.value}` : ''}`,
      );
    }
    case 'set':
    case 'map': {
      const element = fields.get('elem');
      const key = element && (fieldsOf(fieldsOf(element).get('elem')).get('val') ?? element);
      const selectors = selectorsOf(key);
      const inner = element && fieldsOf(fieldsOf(element).get('elem'));
      const timeout = inner?.has('timeout') === true ? ['timeout', jsonNumber(inner, 'timeout')?.value ?? ''] : [];
      const rates = ratesOf(fields.get('stmt'), span);
      const inside = [selectors ? names(selectors) : '', ...timeout, ...(rates ? [rates.value] : [])].join(' ');
      return other('update', `${jsonText(fields, 'op')?.value ?? 'add'} ${jsonText(fields, name)?.value ?? '@'} { ${inside} }`);
    }
    case 'dup':
    case 'fwd': {
      const [address, device] = [valueOf(fields.get('addr')), valueOf(fields.get('dev'))];
      const words = address ? `${address.value}${device ? ` device "${device.value}"` : ''}` : `"${device?.value ?? ''}"`;
      return other(name, `${name} to ${words}`);
    }
    case 'synproxy': {
      const flags = itemsOf(fields.get('flags')).flatMap((flag) => (flag.is === 'text' ? [flag.value] : []));
      const values = ['mss', 'wscale'].flatMap((key) => {
        const number = jsonNumber(fields, key);
        return number ? [`${key} ${number.value}`] : [];
      });
      return other(name, [name, ...values, ...flags].join(' '));
    }
    case 'flow':
      return other(name, name);
    case 'xt': {
      const what = jsonText(fields, 'name')?.value ?? '';
      const target = jsonText(fields, 'type')?.value === 'target';
      return { is: 'hidden', target, text: val(`xt ${target ? 'target' : 'match'} ${what}`, span) };
    }
    default:
      return undefined;
  }
}

function conditionOf(fields: Fields, span: Span): NftItem | undefined {
  const left = fields.get('left');
  const relation = jsonText(fields, 'op')?.value ?? '==';
  const found = selectorsOf(left);
  const right = rightOf(fields.get('right'));
  if (!found || !right) return undefined;
  const words = `${names(found)} ${relation === '==' || relation === 'in' ? '' : `${relation} `}${rightWords(right)}`;
  const masked = splitMask(found);
  return { is: 'condition', ...masked, relation: relation === 'in' ? '' : relation, right, text: val(words, span) };
}

/** `255`, or flags in brackets. */
function maskOf(json: Json): string | undefined {
  const plain = valueOf(json);
  if (plain) return plain.value.includes(' | ') ? `(${plain.value})` : plain.value;
  const one = only(json);
  const list = json.is === 'list' ? json.items : one?.name === '|' ? itemsOf(one.value) : [];
  const flags = list.map(valueOf);
  return flags.length === 0 || flags.includes(undefined) ? undefined : `(${flags.map((flag) => flag?.value ?? '').join(' | ')})`;
}

const OPERATORS = new Set(['&', '|', '^', '<<', '>>']);

function assignmentOf(fields: Fields, span: Span): NftItem | undefined {
  const key = fields.get('key');
  const value = fields.get('value');
  const selector = key && selectorOf(key);
  if (!selector || !value) return undefined;
  const expression = expressionOf(value);
  const text = val(`${selector.value} set ${expression.text.value}`, span);
  return { is: 'set', selector, expression, text };
}

/** Operators are applied from left to right; a right side that has some of its own is kept as text. */
function expressionOf(json: Json): NftExpression {
  const one = only(json);
  if (one && OPERATORS.has(one.name)) {
    const [first, ...rest] = itemsOf(one.value);
    const head = first ? expressionOf(first) : { terms: [], operators: [] };
    const terms = [...head.terms, ...rest.map(termOf)];
    const operators = [...head.operators, ...rest.map(() => one.name)];
    const words = terms.map((term, n) => `${n === 0 ? '' : `${operators[n - 1] ?? ''} `}${termWords(term)}`).join(' ');
    return { terms, operators, text: val(words, json.span) };
  }
  const term = termOf(json);
  return { terms: [term], operators: [], text: val(termWords(term), json.span) };
}

function termOf(json: Json): NftTerm {
  const value = valueOf(json);
  if (value) return { is: 'value', value };
  const map = mappedOf(json);
  if (map) return { is: 'map', value: map, text: val(mappedWords(map), json.span) };
  const selector = selectorOf(json);
  return selector ? { is: 'selector', name: selector.value, text: selector } : { is: 'other', text: val('…', json.span) };
}

function termWords(term: NftTerm): string {
  return term.is === 'value' ? term.value.value : term.text.value;
}

function flagsOf(fields: Fields): readonly string[] {
  return itemsOf(fields.get('flags')).flatMap((flag) => (flag.is === 'text' ? [natFlag(flag.value)] : []));
}

function natOf(which: 'snat' | 'dnat', fields: Fields, span: Span): NftItem | undefined {
  const text = jsonText(fields, 'family')?.value;
  const family: 'ip' | 'ip6' | undefined = text === 'ip' || text === 'ip6' ? text : undefined;
  const [address, port] = [fields.get('addr'), fields.get('port')];
  const flags = flagsOf(fields).filter((flag) => flag !== 'netmap');
  const base = {
    is: 'nat' as const,
    which,
    family,
    form: jsonText(fields, 'type_flags')?.value ?? (flagsOf(fields).includes('netmap') ? 'prefix' : undefined),
    flags,
    text: val<string>(which, span),
  };
  const [from, ports] = [valueOf(address), valueOf(port)];
  const map = (address && mappedOf(address)) ?? (from && port && mappedOf(port));
  if (map) {
    const before = from === undefined ? '' : `${from.value}:`;
    const text = val(`${which} to ${before}${mappedWords(map)}`, span);
    return { ...base, text, to: undefined, map, ...(from === undefined ? {} : { address: from }) };
  }
  if ((address !== undefined && !from) || (port !== undefined && !ports)) return undefined;
  const to = addressAndPort(from, ports);
  return to && { ...base, text: val(`${which} to ${to.value}`, span), to, map: undefined };
}

/** `{"map": {"key": …, "data": …}}`. */
function mappedOf(json: Json): MappedValue | undefined {
  const one = only(json);
  if (one?.name !== 'map') return undefined;
  const fields = fieldsOf(one.value);
  const selectors = selectorsOf(fields.get('key'));
  const map = mapOf(fields.get('data'));
  return selectors && map && { selectors, map };
}

function mappedWords({ selectors, map }: MappedValue): string {
  return `${names(selectors)} map ${map.is === 'named' ? `@${map.name.value}` : map.text.value}`;
}

/** `10.0.0.1-10.0.0.9:80`; addresses of IPv6 in brackets where a port follows. */
function addressAndPort(address: Val<string> | undefined, port: Val<string> | undefined): Val<string> | undefined {
  if (!port || !address) return address ?? (port && val(`:${port.value}`, port.span));
  const bracketed = address.value.includes(':')
    ? address.value
        .split('-')
        .map((part) => `[${part}]`)
        .join('-')
    : address.value;
  return val(`${bracketed}:${port.value}`, cover(address.span, port.span));
}
