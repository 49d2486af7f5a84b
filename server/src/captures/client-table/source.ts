import { val, type Span, type Val } from '../../base/span';
import { formatIpv6, parseIp, parseIpv6 } from '../../packet/address';
import { spanIn, type SourceText } from '../ohm';

/** The piece `[start, end)` of a source text, still knowing where it stands in the document. */
export function slice(source: SourceText, start: number, end: number): SourceText {
  const parts: { at: number; offset: number }[] = [];
  for (const [n, part] of source.parts.entries()) {
    const next = source.parts[n + 1]?.at ?? source.text.length;
    if (part.at >= end && parts.length > 0) break;
    if (next <= start && n < source.parts.length - 1) continue;
    const from = Math.max(part.at, start);
    parts.push({ at: from - start, offset: part.offset + (from - part.at) });
  }
  return { text: source.text.slice(start, end), parts };
}

/** The same without blanks at its ends. */
export function trimmed(source: SourceText): SourceText {
  const start = source.text.length - source.text.trimStart().length;
  return slice(source, Math.min(start, source.text.trimEnd().length), source.text.trimEnd().length);
}

/** One text after the other; the glue between them stands nowhere in the document. */
export function concat(first: SourceText, second: SourceText, glue: string): SourceText {
  const at = first.text.length + glue.length;
  return {
    text: first.text + glue + second.text,
    parts: [...first.parts, ...second.parts.map((part) => ({ at: part.at + at, offset: part.offset }))],
  };
}

/** The document span of the whole text. */
export function wholeSpan(source: SourceText): Span {
  return spanIn(source, 0, source.text.length);
}

/** The whole text as a value. */
export function textVal(source: SourceText): Val<string> {
  return val(source.text, wholeSpan(source));
}

/** The pieces that a pattern finds: its first group, or all of the match where it has none. The pattern must be global. */
export function* findAll(source: SourceText, pattern: RegExp): Generator<Val<string>> {
  for (const found of source.text.matchAll(pattern)) {
    const text = found[1] ?? found[0];
    const at = found.index + (found[1] === undefined ? 0 : found[0].indexOf(found[1]));
    yield val(text, spanIn(source, at, at + text.length));
  }
}

const UUID = /(?<![0-9a-f-])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-f-])/gi;
const MAC = /(?<![0-9a-f:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![0-9a-f:])/gi;
const IPV4 = /(?<![\w.])(?<![A-Za-z_]-)(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\w)/g;
// With `::` or all eight groups; a MAC has six, a time of day three.
const IPV6 = /(?<![\w:.])(?=[0-9a-f:]*::|(?:[0-9a-f]{1,4}:){7})(?:[0-9a-f]{0,4}:){2,8}[0-9a-f]{0,4}(?![\w:])/gi;

function lower(found: Val<string>): Val<string> {
  return val(found.value.toLowerCase(), found.span);
}

/** Complete uuids in a text. */
export function uuidsIn(source: SourceText): Val<string>[] {
  return [...findAll(source, UUID)].map(lower);
}

/** MAC addresses in a text, in lower case. */
export function macsIn(source: SourceText): Val<string>[] {
  return [...findAll(source, MAC)].map(lower);
}

/** IP addresses in a text, without prefix lengths, IPv6 in its canonical form. */
export function ipsIn(source: SourceText): Val<string>[] {
  const found = [...findAll(source, IPV4)];
  for (const text of findAll(source, IPV6)) {
    const ip = parseIpv6(text.value);
    // `::` stands for any address and names none.
    if (ip !== undefined && text.value.length > 2) found.push(val(formatIpv6(ip), text.span));
  }
  return found.sort((a, b) => a.span.start - b.span.start);
}

/** An IP address as it is always written; undefined for anything else. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  if (ip === undefined) return undefined;
  return ip.family === 4 ? text : formatIpv6(ip.value);
}

/** Whether a text is one complete uuid. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}

/** Whether a text is the beginning of a uuid that a narrow column broke. */
export function isUuidStart(text: string): boolean {
  if (text === '' || text.length >= 36 || !/^[0-9a-f-]+$/i.test(text)) return false;
  return [...text].every((c, n) => (c === '-') === (n === 8 || n === 13 || n === 18 || n === 23));
}
