import grammars from '../../generated/grammars.ohm-bundle';
import type { Line } from '../../base/lines';
import type { Val } from '../../base/span';
import type { CaptureKind } from '../capture';
import type { EvidenceFact } from '../facts';
import { impliedVal, ipRef } from '../words';
import { parseRows, type Rows } from '../rows';
import { readTraceLine } from './semantics';

const TITLE = /^\s*traceroute6? to \S+ \([^)]*\)/;
/** A hop's number, then a router or a star. */
const HOP =
  /^\s{0,12}\d{1,3}\s+(?:\*|(?:\[AS\d+(?:\/AS\d+)*\]|\[\*\]|AS\d+|\*)\s+[\w.:-]+ \(?[\d.a-f:]|[\w.:-]+ \([\d.a-f:]+\)|\S+ ?\([\w.:-]+\)\s+[\d.]+ ?ms|(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[\da-f]*:)[\da-f:]+)\s+[\d.]+ ?ms)/i;
/** Hops that somebody left out, and one that no packet could be sent to. */
const LEFT_OUT = /^\s{0,12}\d{1,3}\s+(?:(?:\.{3,}|…)\s*$|(?:send|sendto|sendmsg|connect): )/;
const MORE =
  /^\s{4,}(?:\*|\[(?:AS\d+(?:\/AS\d+)*|\*)\]\s+[\w.:-]+ \(?[\d.a-f:]|[\w.:-]+ \([\d.a-f:]+\)\s+[\d.]+ ?ms|(?:\d{1,3}(?:\.\d{1,3}){3}|(?=[\da-f]*:)[\da-f:]+)\s+[\d.]+ ?ms)/i;
const PATH =
  /^\s*\d{1,3}\??:\s+(?:\[LOCALHOST\]|no reply|send failed|\S+(?: \([^)]*\))?\s+[\d.]+ ?ms|\S+(?: \([^)]*\))?\s+.*(?:\bpmtu \d|![A-Z]\s*$))/;
const RESUME = /^\s*(?:Resume: pmtu|Too many hops: pmtu)/;
const MTR_TITLE =
  /^\s*(?:HOST: \S+\s+Loss%|\S+\s+Loss%\s+Snt|\S+ \([\d.a-f:]+\)\s+\d{4}-\d\d-\d\d[T ]|Packets\s+Pings\s*$|Start: \S|My traceroute\s+\[v|Keys:\s+Help\s)/;
/** The screen's second line: from where to where. */
const MTR_TARGET = /^\s*\S+ \([\d.a-f:]+\) -> \S+(?: \([\d.a-f:]+\))?\s+\d{4}-\d\d-\d\d/;
/** As `-r` prints it, with `-z` as well, and as it stands on the screen. */
const MTR = /^\s*\d{1,3}\.(?:\|--\s+\S|\s+(?:\S.*\s\d+\.\d%?(?:\s+[\d.]+){6,}\s*$|\?{3}|\(waiting for reply\)))/;
/** Other routers of the hop above, and the labels of MPLS. */
const MTR_MORE = /^\s*\|(?:\s|`\|--|\|)/;
const MTR_ALSO = /^\s{3,}(?:AS(?:\d+|\?{3})\s+)?(?:\S+ \((?:\d{1,3}(?:\.\d{1,3}){3}|[\da-f:]+)\)|\d{1,3}(?:\.\d{1,3}){3})\s*$/;

const FORMS = [TITLE, HOP, LEFT_OUT, MORE, PATH, RESUME, MTR_TITLE, MTR_TARGET, MTR, MTR_MORE, MTR_ALSO];

const rows: Rows = {
  grammar: grammars.Traceroute,
  what: 'line of a traced route',
  ruleFor(text) {
    if (TITLE.test(text)) return 'titleLine';
    if (LEFT_OUT.test(text)) return 'leftOutLine';
    if (PATH.test(text)) return 'pathLine';
    if (RESUME.test(text)) return 'resumeLine';
    if (MTR_TITLE.test(text)) return 'mtrTitle';
    if (MTR_TARGET.test(text)) return 'mtrTarget';
    if (MTR.test(text)) return 'mtrLine';
    if (MTR_MORE.test(text)) return 'mtrMore';
    if (MTR_ALSO.test(text)) return 'mtrAlso';
    return MORE.test(text) && !HOP.test(text) ? 'moreLine' : 'hopLine';
  },
  starts: (text) => FORMS.some((pattern) => pattern.test(text)),
};

/** The letters whose option takes a value, alone or behind others (`mtr -rwc 10`); in each program they are others. */
const VALUED: Readonly<Record<string, string>> = {
  traceroute: 'fgimNpqstwzlMOP',
  tracert: 'hjwSi',
  tracepath: 'lmp',
  mtr: 'FfmUcIasiQBPLMGZoyX',
};
const LONG_VALUED =
  /^--(?:interface|max-hops|first|port|sport|queries|wait|source|sendwait|fwmark|tos|report-cycles|cycles|address|interval|psize|first-ttl|max-ttl|timeout|order|ipinfo|gracetime|filename|localport|mark|bitpattern)$/;
type RouteFact = Extract<EvidenceFact, { kind: 'traceroute' }>;
type OpenRoute = {
  target: Val<string> | undefined;
  hops: { ttl: Val<number>; ips: Val<string>[] }[];
  reached: boolean;
  /** What tracepath says last was said. */
  ended?: boolean;
  /** Another one came before it, which has the command's target. */
  next?: boolean;
  line: Line;
};

/** `traceroute`, `tracepath`, `mtr`: the routers on the way that answered (traceroute(8), tracepath(8)). */
export const traceroute: CaptureKind = {
  kinds: ['traceroute'],
  recognise(argv) {
    if (!/^(?:traceroute|tracepath|tracert)6?$|^mtr$/.test(argv[0] ?? '')) return undefined;
    // "traceroute to www.example (192.0.2.1), 30 hops max" is what it prints.
    if (argv[1] === 'to' && argv[3]?.startsWith('(') === true) return undefined;
    const valued = VALUED[(argv[0] ?? '').replace('6', '')] ?? '';
    let target: string | undefined;
    for (let n = 1; n < argv.length; n++) {
      const word = argv[n] ?? '';
      if (LONG_VALUED.test(word) || (/^-[a-zA-Z]+$/.test(word) && valued.includes(word.at(-1) ?? ''))) n++;
      else if (!word.startsWith('-')) target ??= word;
    }
    return { kind: 'traceroute', ...(target === undefined ? {} : { target }) };
  },
  sniff(text, following) {
    if (TITLE.test(text) || MTR_TARGET.test(text)) return { kind: 'traceroute' };
    if (/^\s*1\?: \[LOCALHOST\]\s+pmtu \d/.test(text)) return { kind: 'traceroute' };
    return /^\s*(?:HOST: \S+|Host)\s+Loss%/.test(text) && MTR.test(following(0) ?? '') ? { kind: 'traceroute' } : undefined;
  },
  accepts: (text) => rows.starts(text),
  parse(input) {
    const routes: OpenRoute[] = [];
    const parsed = parseRows(input, rows, (rule, result, source, out, line) => {
      const said = readTraceLine(result, source);
      const before = routes[routes.length - 1];
      if (rule === 'resumeLine' && before !== undefined && /^\s*Resume:/.test(source.text)) before.ended = true;
      // tracepath has no title: `tracepath a; tracepath b`.
      if (rule === 'pathLine' && before?.ended === true)
        routes.push({ target: undefined, hops: [], reached: false, next: true, line });
      if (said.is === 'extra') return 'header';
      if (said.is === 'title') {
        ipRef(out, said.target);
        routes.push({ target: said.target, hops: [], reached: false, line });
        return 'record';
      }
      for (const ip of said.ips) ipRef(out, ip);
      let route = routes[routes.length - 1];
      if (route === undefined) routes.push((route = { target: undefined, hops: [], reached: false, line }));
      // mtr may show the target by its name.
      route.reached ||= said.reached || (rule === 'mtrLine' && source.text.split(/\s+/).includes(input.target ?? ''));
      const last = route.hops[route.hops.length - 1];
      if (said.ttl === undefined || last?.ttl.value === said.ttl.value)
        last?.ips.push(...said.ips.filter((ip) => !last.ips.some((known) => known.value === ip.value)));
      else route.hops.push({ ttl: said.ttl, ips: [...said.ips] });
      return 'record';
    });
    return { ...parsed, facts: [...parsed.facts, ...routes.flatMap((route) => routeFact(route, input.target))] };
  },
};

/** Without a title the command says where to; a name alone is no address, so that only the last hop may tell. */
function routeFact(route: OpenRoute, asked: string | undefined): RouteFact[] {
  // Of several that one line of commands made, each that reached its target says by its last hop where that was.
  const own = route.next !== true ? undefined : route.reached ? route.hops.at(-1)?.ips.at(-1) : undefined;
  const implied = asked === undefined || route.next === true ? undefined : impliedVal(asked, route.line);
  const target = route.target ?? own ?? implied;
  if (target === undefined) return [];
  const reached = route.reached || route.hops.some(({ ips }) => ips.some((ip) => ip.value === target.value));
  return [{ kind: 'traceroute', target, hops: route.hops, reached }];
}
