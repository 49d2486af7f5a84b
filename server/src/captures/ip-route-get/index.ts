import grammars from '../../generated/grammars.ohm-bundle';
import { defined } from '../../base/defined';
import { val } from '../../base/span';
import type { CaptureKind, Parsed, ParseInput } from '../capture';
import type { Fact } from '../facts';
import { readRouteLine } from '../ip-route/semantics';
import { routeGetCommand } from '../iproute-command';
import { acceptsJson, isJson, jsonText, readJsonObjects } from '../json';
import { collect, record, type Collected } from '../lines';
import { sourceOf, syntaxError } from '../ohm';
import { deviceRef, ipRef, lower, reportErrorOutput } from '../words';

type Answer = Extract<Fact, { kind: 'route-answer' }>;

const ADDRESS = '(?:\\d{1,3}(?:\\.\\d{1,3}){3}|(?=[\\da-f]*:)[\\da-f:.]+)';
/** The kernel answers with one address, and the user (`uid`) or the cache tell that nothing else printed it. */
const ANSWER = new RegExp(
  `^\\s*(?:(?:local|broadcast|multicast|unicast|anycast) )?${ADDRESS}(?: from ${ADDRESS})?(?: via (?:inet6? )?${ADDRESS})? dev \\S+(?:\\s|$)`,
);
/** A page or a chat may have taken the blanks in front. */
const CACHE = /^\s+cache\b|^cache(?:$| <| (?:expires|users|age|mtu|hoplimit|iif|ipid)\b)/;

/** `ip route get ADDRESS`: how the kernel would route one packet (ip-route(8)). */
export const ipRouteGet: CaptureKind = {
  kinds: ['ip-route-get'],
  recognise(argv) {
    const command = routeGetCommand(argv);
    if (!command) return undefined;
    const target = command.words.find((word) => /[.:]/.test(word)) ?? command.words[0];
    return {
      kind: 'ip-route-get',
      ...(target === undefined ? {} : { target }),
      ...(command.family === undefined ? {} : { options: { family: command.family } }),
    };
  },
  sniff(text, following) {
    if (!ANSWER.test(text) || text.includes('\\')) return undefined;
    return /\suid \d+\s*(?:#|<|$)/.test(text) || /^\s*cache(?:\s+(?:<|iif|expires|mtu|users|ipid)\b.*)?$/.test(following(0) ?? '')
      ? { kind: 'ip-route-get' }
      : undefined;
  },
  accepts: (text) =>
    ANSWER.test(text) ||
    CACHE.test(text) ||
    /^RTNETLINK answers: /.test(text) ||
    /^\s*(?:unreachable|prohibit|blackhole) \S/.test(text) ||
    acceptsJson(text),
  parse: (input) => (isJson(input) ? parseJson(input) : parseText(input)),
};

function parseText(input: ParseInput): Parsed {
  const out = collect();
  for (const line of input.lines) {
    if (line.text.trim() === '' || reportErrorOutput(out, line)) continue;
    const source = sourceOf(line);
    const rule = CACHE.test(line.text) ? 'cacheLine' : 'routeLine';
    const result = grammars.IpRoute.match(source.text, rule);
    if (result.failed()) out.errors.push(syntaxError(source, result, "answer of 'ip route get'"));
    else if (rule === 'cacheLine') record(out, line, line, 'header');
    else {
      record(out, line);
      const { type, dst, words, text } = readRouteLine(result, source);
      const { pairs } = words;
      const [via, dev, src, from, table] = ['via', 'dev', 'src', 'from', 'table'].map((key) => pairs.get(key));
      if (dst)
        add(out, {
          kind: 'route-answer',
          type,
          dst: lower(dst),
          text,
          ...defined({ via: via && lower(via), dev, src: src && lower(src), from: from && lower(from), table }),
        });
    }
  }
  return out;
}

function parseJson(input: ParseInput): Parsed {
  const out = collect();
  for (const object of readJsonObjects(input, out)) {
    const dst = jsonText(object, 'dst');
    if (!dst) continue;
    const via = object.get('via');
    add(out, {
      kind: 'route-answer',
      type: jsonText(object, 'type')?.value ?? 'unicast',
      dst,
      text: val(dst.value, dst.span),
      ...defined({
        via: jsonText(object, 'gateway') ?? (via?.is === 'object' ? jsonText(via.fields, 'host') : undefined),
        dev: jsonText(object, 'dev'),
        src: jsonText(object, 'prefsrc'),
        from: jsonText(object, 'from'),
        table: jsonText(object, 'table'),
      }),
    });
  }
  return out;
}

function add(out: Collected, answer: Answer): void {
  out.facts.push(answer);
  for (const ip of [answer.dst, answer.from, answer.via, answer.src]) if (ip) ipRef(out, ip);
  if (answer.dev) deviceRef(out, answer.dev);
}
