import { defined } from '../../base/defined';
import { cover, val, type Span, type Val } from '../../base/span';
import type { ParseInput, Parsed } from '../capture';
import type { Fact } from '../facts';
import { jsonNumber, jsonText, readJson, type Json } from '../json';
import { collect } from '../lines';
import { deviceRef } from '../words';
import { hostRef, tosOf } from './words';

type Fields = ReadonlyMap<string, Json>;
type RuleFact = Extract<Fact, { kind: 'ip-rule' }>;

/** `ip -j rule` (ip-rule(8)): the same facts as from its text. */
export function readRulesJson(input: ParseInput): Parsed {
  const out = collect();
  const list = readJson(input, out, 'list');
  for (const item of list?.is === 'list' ? list.items : []) {
    if (item.is !== 'object') continue;
    const fact = ruleOf(item.fields, item.span, input.options['family'] === 'ip6');
    if (fact === undefined) continue;
    hostRef(out, fact.from);
    hostRef(out, fact.to);
    if (fact.iif !== undefined) deviceRef(out, fact.iif);
    if (fact.oif !== undefined) deviceRef(out, fact.oif);
    out.facts.push(fact);
  }
  return out;
}

function ruleOf(fields: Fields, span: Span, six: boolean): RuleFact | undefined {
  const priority = jsonNumber(fields, 'priority');
  if (priority === undefined) return undefined;
  const [from, to] = [prefixed(fields, 'src', 'srclen'), prefixed(fields, 'dst', 'dstlen')];
  const [iif, oif, action] = [jsonText(fields, 'iif'), jsonText(fields, 'oif'), jsonText(fields, 'action')];
  const [mark, markMask] = [jsonText(fields, 'fwmark'), jsonText(fields, 'fwmask')];
  const fwmark = mark && (markMask ? val(`${mark.value}/${markMask.value}`, cover(mark.span, markMask.span)) : mark);
  const tos = jsonText(fields, 'tos') ?? jsonText(fields, 'dsfield');
  const tosValue = tos && tosOf(tos.value);
  const ipproto = jsonText(fields, 'ipproto');
  const [sport, dport, uidrange] = [range(fields, 'sport'), range(fields, 'dport'), range(fields, 'uid')];
  const [suppress, goto, tunnel] = [
    jsonNumber(fields, 'suppress_prefixlen'),
    jsonNumber(fields, 'goto'),
    jsonNumber(fields, 'tun_id'),
  ];
  const table = jsonText(fields, 'table');
  const suppressGroup = jsonText(fields, 'suppress_ifgroup');
  const detached = ['iif_detached', 'oif_detached', 'unresolved'].some((key) => fields.has(key));
  const words = [
    `${priority.value}:`,
    ...(fields.has('not') ? ['not'] : []),
    ...[...fields].flatMap(([key, json]) =>
      /^(?:priority|not|srclen|dstlen|fwmask)$/.test(key) || json.is === 'word' || json.is === 'list' || json.is === 'object'
        ? []
        : [`${WORDS[key] ?? key} ${String(json.value)}`],
    ),
  ];
  return {
    kind: 'ip-rule',
    priority,
    not: fields.has('not'),
    ...(six || [from, to].some((one) => one?.value.includes(':')) ? { family: 'ip6' as const } : {}),
    ...(tos === undefined || tosValue === undefined ? {} : { tos: val(tosValue, tos.span) }),
    ...(ipproto === undefined ? {} : { ipproto: val(ipproto.value.replace(/^ipproto-/, ''), ipproto.span) }),
    ...defined({ sport, dport, uidrange, tunnel, suppressPrefix: suppress, suppressGroup, goto }),
    ...(fields.has('l3mdev') ? { l3mdev: true } : {}),
    ...(detached ? { detached: true } : {}),
    ...defined({ from, to, iif, oif, fwmark, table, action }),
    text: val(words.join(' '), span),
  };
}

/** What the text calls the fields that JSON gives another name. */
const WORDS: Readonly<Record<string, string>> = {
  src: 'from',
  dst: 'to',
  table: 'lookup',
  suppress_prefixlen: 'suppress_prefixlength',
};

/** `10.0.0.0` and 24 as `10.0.0.0/24`; a length that is not said is a single host's. */
function prefixed(fields: Fields, address: string, length: string): Val<string> | undefined {
  const [found, bits] = [jsonText(fields, address), jsonNumber(fields, length)];
  if (found === undefined || bits === undefined) return found;
  return val(`${found.value}/${bits.value}`, cover(found.span, bits.span));
}

/** `sport`, or `sport_start` and `sport_end`. */
function range(fields: Fields, key: string): Val<readonly [number, number]> | undefined {
  const one = jsonNumber(fields, key);
  if (one !== undefined) return val([one.value, one.value] as const, one.span);
  const [low, high] = [jsonNumber(fields, `${key}_start`), jsonNumber(fields, `${key}_end`)];
  return low && high ? val([low.value, high.value] as const, cover(low.span, high.span)) : undefined;
}
