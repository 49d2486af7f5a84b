import { defined } from '../../base/defined';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Line } from '../../base/lines';
import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput } from '../capture';
import type { Fact } from '../facts';
import { listCommand, selection, wordAfter } from '../iproute-command';
import { acceptsJson, isJson, jsonNumber, jsonObjects, jsonText, jsonTexts, readJsonObjects, type Json } from '../json';
import { deviceRef, impliedVal, ipRef, lower, numberVal, reportErrorOutput } from '../words';
import { collect, record, type Collected } from '../lines';
import { sourceOf, syntaxError } from '../ohm';
import { readRouteLine, type RouteLine } from './semantics';

type RouteFact = Extract<Fact, { kind: 'route' }>;
type NextHop = NonNullable<RouteFact['nexthops']>[number];
type RouteText = { readonly ip: string; readonly prefix: number };

const TYPE = '(?:(?:unicast|local|broadcast|multicast|unreachable|prohibit|blackhole|throw|nat|anycast) )?';
const DESTINATION = '(?:default|\\d{1,3}(?:\\.\\d{1,3}){0,3}(?:\\/\\d{1,2})?|(?=[\\da-f]*:)[\\da-f:.]+(?:\\/\\d{1,3})?)';
/** A destination alone is a route only behind its type (`throw 10.0.0.0/8`): a number on a line may be anything. */
const ROUTE = new RegExp(
  `^\\s*(?:${TYPE.slice(0, -1)}${DESTINATION}$|${TYPE}${DESTINATION}\\s+(?:via|dev|src|metric|proto|scope|table|nhid|mtu|error|pref|expires|onlink|from|tos|encap)\\s.*$)`,
);
/** What routes over several next hops print before them; alone it is no route (ip-route(8), "nexthop"). */
const BARE = new RegExp(
  `^\\s*(?:unicast )?(?:default|\\d{1,3}(?:\\.\\d{1,3}){3}(?:\\/\\d{1,2})?|(?=[\\da-f]*:)[\\da-f:.]+(?:\\/\\d{1,3})?)\\s*(?:\\\\\\s*nexthop\\s.*)?$`,
);
const CERTAIN = new RegExp(
  `^\\s*(?:default via [\\da-f.:]+\\s+metric \\d+$|(?:\\d{1,3}(?:\\.\\d{1,3}){3}|(?=[\\da-f]*:)[\\da-f:.]+)\\/\\d{1,3}\\s+proto kernel\\s.*|default via [\\da-f.:]+ dev \\S+|\\d{1,3}(?:\\.\\d{1,3}){3}\\/\\d{1,2} (?:via \\S+ )?dev \\S+\\s+(?:proto|scope|src|metric|onlink|linkdown)\\b.*|${DESTINATION} dev \\S+\\s+proto kernel\\b.*|default via [\\da-f.:]+ dev \\S+\\s+(?:proto|src|metric|onlink|scope|table)\\b.*|(?:local|broadcast|anycast|multicast) ${DESTINATION} dev \\S+\\s+(?:table \\S+\\s+)?proto kernel\\b.*|(?:throw|unreachable|prohibit|blackhole) ${DESTINATION}\\s+table \\S+.*|${DESTINATION}\\s+nhid \\d+\\s+(?:via|dev|proto|table|metric)\\s.*|${DESTINATION}\\s+(?:nhid \\d+\\s+)?encap (?:mpls|seg6|seg6local|ip6?|bpf|ioam6|rpl)\\s.*)$`,
);

/** There is no such table: it has no routes (`ip route show table 100`). */
const NO_TABLE = /^\s*Error: ipv[46]: FIB table does not exist\.$/;
const ENDED = /^\s*Dump terminated$/;

/** `ip -d route` says below a route what object of `ip nexthop` it names. */
const NEXTHOP_OBJECT = /^\s*nh_info id \d+ /;

/** `ip route` with the table that it asks for: the routes of a namespace (ip-route(8)). */
export const ipRoute: CaptureKind = {
  kinds: ['ip-route'],
  recognise(argv) {
    const command = listCommand(argv);
    if (command?.object !== 'route') return undefined;
    const table = wordAfter(command.words, 'table');
    const dev = wordAfter(command.words, 'dev');
    const filter = selection(command.words, ['table', 'dev'], ['root', '0/0', '::/0']);
    return {
      kind: 'ip-route',
      options: {
        ...defined({ filter, table, dev }),
        ...(command.family === undefined ? {} : { family: command.family }),
      },
    };
  },
  sniff(text) {
    return CERTAIN.test(text) ? { kind: 'ip-route' } : undefined;
  },
  accepts(text) {
    return (
      ROUTE.test(text) ||
      BARE.test(text) ||
      /^\s*nexthop\s+(?:via|dev|nhid|encap)\s/.test(text) ||
      /^\s+cache\b|^cache(?:$| <| (?:expires|users|age|mtu|hoplimit|iif)\b)/.test(text) ||
      NEXTHOP_OBJECT.test(text) ||
      NO_TABLE.test(text) ||
      ENDED.test(text) ||
      acceptsJson(text)
    );
  },
  startsRecord: (text) => ROUTE.test(text),
  parse(input) {
    return isJson(input) ? parseJson(input) : parseText(input);
  },
};

function parseText(input: ParseInput) {
  const out = collect();
  let open:
    { readonly fact: RouteFact; readonly first: Line; last: Line; readonly nexthops: NextHop[]; isSix: boolean } | undefined;
  const close = (): void => {
    if (open === undefined) return;
    if (open.nexthops.length === 0 && BARE.test(open.first.text)) {
      const { start, text } = open.first;
      const message = `${text.trim()} says nothing of where it leads; expected its next hops below it, or "via" or "dev" behind it.`;
      out.errors.push({ span: { start, end: start + text.length }, code: 'cut-off', message });
      open = undefined;
      return;
    }
    out.facts.push(open.nexthops.length === 0 ? open.fact : overSeveral(open.fact, open.nexthops, open.isSix));
    record(out, open.first, open.last);
    open = undefined;
  };
  for (const [n, raw] of input.lines.entries()) {
    if (NO_TABLE.test(raw.text) || (ENDED.test(raw.text) && NO_TABLE.test(input.lines[n - 1]?.text ?? ''))) {
      record(out, raw, raw, 'header');
      continue;
    }
    if (raw.text.trim() === '' || reportErrorOutput(out, raw)) continue;
    // `ip -o` prints a backslash and a tab where the other form breaks the line before a next hop.
    let at = 0;
    for (const piece of raw.text.split('\\')) {
      const line = { text: piece.trimEnd(), start: raw.start + at, number: raw.number };
      at += piece.length + 1;
      if (line.text.trim() === '') continue;
      if (NEXTHOP_OBJECT.test(line.text)) {
        // The next hops themselves stand below as well.
        if (open) open.last = line;
        else record(out, line, line, 'header');
        continue;
      }
      const source = sourceOf(line);
      const rule = /^\s*nexthop\s/.test(line.text) ? 'nexthopLine' : /^\s*cache\b/.test(line.text) ? 'cacheLine' : 'routeLine';
      const result = grammars.IpRoute.match(source.text, rule);
      if (result.failed()) {
        close();
        out.errors.push(syntaxError(source, result, 'route'));
      } else if (rule === 'cacheLine') {
        close();
        record(out, line);
      } else if (rule === 'nexthopLine') {
        const hop = nextHop(out, readRouteLine(result, source));
        if (open === undefined) record(out, line);
        else {
          open.nexthops.push(hop);
          open.isSix ||= hop.via?.value.includes(':') === true && !/\binet6\s/.test(line.text);
          open.last = line;
        }
      } else {
        close();
        const fact = routeFact(out, readRouteLine(result, source), line, input);
        open = { fact, first: line, last: line, nexthops: [], isSix: false };
      }
    }
  }
  close();
  return out;
}

/** The family of a default route may show only in the next hops below it: of IPv4 ip-route(8) says `via inet6` there. */
function overSeveral(fact: RouteFact, nexthops: readonly NextHop[], isSix: boolean): RouteFact {
  const dst = isSix && fact.dst.value.prefix === 0 ? val({ ip: '::', prefix: 0 }, fact.dst.span) : fact.dst;
  return { ...fact, dst, nexthops };
}

function nextHop(out: Collected, found: RouteLine): NextHop {
  const via = found.words.pairs.get('via');
  const dev = found.words.pairs.get('dev');
  const encap = found.words.pairs.get('encap');
  const weight = Number(found.words.pairs.get('weight')?.value ?? 1);
  if (via !== undefined) ipRef(out, via);
  if (dev !== undefined) deviceRef(out, dev);
  return {
    ...(via === undefined ? {} : { via: lower(via) }),
    ...(dev === undefined ? {} : { dev }),
    weight: Number.isFinite(weight) ? weight : 1,
    ...(encap === undefined ? {} : { encap }),
    ...(found.words.flags.length === 0 ? {} : { flags: found.words.flags.map((flag) => flag.value) }),
  };
}

function routeFact(out: Collected, found: RouteLine, line: Line, input: ParseInput): RouteFact {
  const { pairs, flags } = found.words;
  const [via, src, metric, scope] = [pairs.get('via'), pairs.get('src'), pairs.get('metric'), pairs.get('scope')];
  const tos = pairs.get('tos') ?? pairs.get('dsfield');
  const from = pairs.get('from');
  const tosValue = typeOfService(tos);
  const mtu = metricOf(pairs, 'mtu');
  const advmss = metricOf(pairs, 'advmss');
  const protocol = pairs.get('proto') ?? pairs.get('protocol');
  const encap = pairs.get('encap');
  const dev = pairs.get('dev') ?? (input.options['dev'] === undefined ? undefined : impliedVal(input.options['dev'], line));
  const table = pairs.get('table') ?? impliedTable(input, line);
  const dst = found.dst ?? val('default', found.text.span);
  const isSix =
    input.options['family'] === 'ip6' || ONLY_SIX.some((word) => pairs.has(word)) || metric?.value === String(OUTSIDE_TABLES);
  const nhid = pairs.get('nhid');
  // IPv4 routes may go via a neighbour of IPv6, but then ip says so.
  const viaSix = /\svia inet6\s/.test(found.text.value);
  const address = destination(dst.value, viaSix ? '0.0.0.0' : via?.value, src?.value, isSix);
  const host = /^[\da-f:.]+$/i.test(dst.value) || /\/(?:32|128)$/.test(dst.value) ? (dst.value.split('/')[0] ?? '') : '';
  if (host !== '') ipRef(out, val(host, { start: dst.span.start, end: dst.span.start + host.length }));
  if (via !== undefined) ipRef(out, via);
  if (src !== undefined) ipRef(out, src);
  if (dev !== undefined && dev.span.end > dev.span.start) deviceRef(out, dev);
  return {
    kind: 'route',
    type: found.type,
    dst: val(address, dst.span),
    ...(via === undefined ? {} : { via: lower(via) }),
    ...(dev === undefined ? {} : { dev }),
    ...(src === undefined ? {} : { src: lower(src) }),
    ...(from === undefined ? {} : { from: lower(from) }),
    ...(metric === undefined || !/^\d+$/.test(metric.value) ? {} : { metric: numberVal(metric) }),
    ...defined({ scope, table, tos: tosValue, mtu, advmss, protocol, encap }),
    ...(nhid === undefined || !/^\d+$/.test(nhid.value) ? {} : { nexthopId: numberVal(nhid) }),
    flags: flags.map((flag) => flag.value),
    text: found.text,
  };
}

/** A number that the route gives its packets; `lock`: the path may not change it (ip-route(8)). */
function metricOf(pairs: ReadonlyMap<string, Val<string>>, name: string): Val<number> | undefined {
  const found = pairs.get(name) ?? pairs.get(`${name} lock`);
  return found === undefined || !/^\d+$/.test(found.value) ? undefined : numberVal(found);
}

/** What ip-route(8) prints of IPv6 only. */
const ONLY_SIX = ['pref', 'error', 'expires', 'hoplimit', 'from'];
/** The metric of the route that IPv6 ends with where no table has one. */
const OUTSIDE_TABLES = 0xffffffff;

function typeOfService(text: Val<string> | undefined): Val<number> | undefined {
  if (text === undefined || !/^(?:0x)?[\da-f]{1,2}$/i.test(text.value)) return undefined;
  return val(parseInt(text.value.replace(/^0x/i, ''), 16), text.span);
}

/** `ip route show table all` names the table in each row but for `main`. */
function impliedTable(input: ParseInput, line: Line): Val<string> | undefined {
  const asked = input.options['table'];
  if (asked === undefined) return undefined;
  return impliedVal(asked === 'all' || asked === '0' ? 'main' : asked, line);
}

/** A destination as address and prefix. Old versions print `169.254/16` for 169.254.0.0/16. */
function destination(text: string, via: string | undefined, src: string | undefined, isSix: boolean): RouteText {
  if (text === 'default') {
    const six = isSix || (via ?? src ?? '').includes(':');
    return { ip: six && !(src !== undefined && !src.includes(':')) ? '::' : '0.0.0.0', prefix: 0 };
  }
  const [address = '', prefix] = text.toLowerCase().split('/');
  if (address.includes(':')) return { ip: address, prefix: prefix === undefined ? 128 : Number(prefix) };
  const octets = address.split('.');
  const ip = [...octets, '0', '0', '0'].slice(0, 4).join('.');
  return { ip, prefix: prefix === undefined ? 32 : Number(prefix) };
}

function parseJson(input: ParseInput) {
  const out = collect();
  for (const object of readJsonObjects(input, out)) {
    const own = withoutEncap(object);
    const dst = jsonText(own, 'dst');
    if (dst === undefined) continue;
    const via = jsonGateway(own);
    const [dev, src, scope, table] = [
      jsonText(own, 'dev'),
      jsonText(own, 'prefsrc'),
      jsonText(own, 'scope'),
      jsonText(own, 'table'),
    ];
    const [metric, protocol, nhid] = [jsonNumber(own, 'metric'), jsonText(own, 'protocol'), jsonNumber(own, 'nhid')];
    const tos = typeOfService(jsonText(own, 'tos'));
    const from = jsonText(own, 'from');
    const [mtu, advmss] = ['mtu', 'advmss'].map(
      (name) => jsonObjects(own, 'metrics').flatMap((metrics) => jsonNumber(metrics, name) ?? [])[0],
    );
    const encap = jsonText(object, 'encap');
    const hops = jsonObjects(own, 'nexthops');
    const nexthops = hops.map((hop) => jsonNextHop(out, hop));
    const isSix =
      input.options['family'] === 'ip6' ||
      ONLY_SIX.some((name) => own.has(name)) ||
      metric?.value === OUTSIDE_TABLES ||
      hops.some((hop) => jsonText(hop, 'gateway')?.value.includes(':') === true);
    const asked = input.options['table'];
    if (via !== undefined) ipRef(out, via);
    if (src !== undefined) ipRef(out, src);
    if (dev !== undefined) deviceRef(out, dev);
    out.facts.push({
      kind: 'route',
      type: jsonText(own, 'type')?.value ?? 'unicast',
      dst: val(destination(dst.value, own.has('via') ? '0.0.0.0' : via?.value, src?.value, isSix), dst.span),
      ...defined({ via, dev, src, from, metric, scope }),
      ...(table !== undefined
        ? { table }
        : asked === undefined
          ? {}
          : { table: val(asked === 'all' ? 'main' : asked, { start: dst.span.start, end: dst.span.start }) }),
      ...(nexthops.length === 0 ? {} : { nexthops }),
      ...defined({ tos, mtu, advmss, protocol, encap, nexthopId: nhid }),
      flags: jsonTexts(own, 'flags'),
      text: dst,
    });
  }
  return out;
}

/** The members that say where a route goes on behind those of its encapsulation. */
const BEHIND_ENCAP = new Set(['gateway', 'via', 'dev', 'metric', 'protocol', 'scope', 'prefsrc', 'flags', 'weight']);

/** What an encapsulation says stands among the route's own members, under names such as `dst`, `tos` and `table` (ip-route(8)). */
export function withoutEncap(object: ReadonlyMap<string, Json>): ReadonlyMap<string, Json> {
  if (!object.has('encap')) return object;
  const members = [...object];
  const from = members.findIndex(([name]) => name === 'encap');
  const to = members.findIndex(([name], n) => n > from && BEHIND_ENCAP.has(name));
  return new Map(members.filter((_member, n) => n < from || (to >= 0 && n >= to)));
}

/** The next hop's address: `gateway`, or `via` with a family of its own. */
export function jsonGateway(object: ReadonlyMap<string, Json>): Val<string> | undefined {
  const via = object.get('via');
  return jsonText(object, 'gateway') ?? (via?.is === 'object' ? jsonText(via.fields, 'host') : undefined);
}

function jsonNextHop(out: Collected, hop: ReadonlyMap<string, Json>): NextHop {
  const own = withoutEncap(hop);
  const [via, dev, weight, encap] = [jsonGateway(own), jsonText(own, 'dev'), jsonNumber(own, 'weight'), jsonText(hop, 'encap')];
  const flags = jsonTexts(own, 'flags');
  if (via !== undefined) ipRef(out, via);
  if (dev !== undefined) deviceRef(out, dev);
  return {
    ...(via === undefined ? {} : { via }),
    ...(dev === undefined ? {} : { dev }),
    weight: weight?.value ?? 1,
    ...(flags.length === 0 ? {} : { flags }),
    ...(encap === undefined ? {} : { encap }),
  };
}
