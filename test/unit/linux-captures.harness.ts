import assert from 'node:assert/strict';
import { formatIpv6, parseIpv6 } from '../../server/src/packet/address';
import { indexLines, linesOf, type Line } from '../../server/src/base/lines';
import type { CaptureKind, Parsed } from '../../server/src/captures/capture';
import type { Fact } from '../../server/src/captures/facts';

/** Parses a text that stands in the middle of a document, so that a span that forgets its line's start is found out. */
export function parse(
  kind: CaptureKind,
  name: string,
  text: string,
  options: Record<string, string> = {},
): Parsed & { readonly document: string } {
  const document = `Some text before.\n\n${text}`;
  const lines = allLines(document).slice(2);
  const parsed = kind.parse({ kind: name, target: undefined, options, argv: [], lines });
  const classified = new Set(
    parsed.records.flatMap((r) => Array.from({ length: r.lastLine - r.firstLine + 1 }, (_, n) => r.firstLine + n)),
  );
  for (const line of lines) {
    const inError = parsed.errors.some((e) => e.span.start >= line.start && e.span.start <= line.start + line.text.length);
    assert.ok(
      line.text.trim() === '' || classified.has(line.number) || inError,
      `nothing is said of line ${line.number}: ${line.text}`,
    );
  }
  for (const ref of parsed.refs) {
    const written = document.slice(ref.span.start, ref.span.end).replace(/\s*\n\s*/g, '');
    // Of IPv6 addresses the shortest spelling is the name.
    const six = ref.kind === 'ip' ? parseIpv6(written) : undefined;
    const said = six === undefined ? written.toLowerCase() : formatIpv6(six);
    assert.equal(said, ref.value.toLowerCase(), `a reference to a ${ref.kind}`);
  }
  checkValues(document, parsed.facts);
  return { ...parsed, document };
}

/** Every text with a span must stand there, unless facts use another form of it (a number, a canonical name). */
function checkValues(document: string, item: unknown): void {
  if (typeof item !== 'object' || item === null) return;
  const { value, span } = item as { value?: unknown; span?: { start: number; end: number } };
  if (typeof value === 'string' && span !== undefined && typeof span.start === 'number' && span.end > span.start) {
    const written = document
      .slice(span.start, span.end)
      .replace(/[\s\\]+/g, '')
      .toLowerCase();
    const said = value.replace(/[\s\\]+/g, '').toLowerCase();
    const canonical =
      /^(?:icmpv6|tcp|udp|permanent|incomplete|request|\*|127\.0\.0\.0\/8|fin,syn,rst,acksyn|\d+\/\d+)$/.test(said) ||
      unpadded(said) === written;
    assert.ok(
      written === said || canonical || written.replaceAll('/', '') === said,
      `${JSON.stringify(value)} is written ${JSON.stringify(written)}`,
    );
  }
  for (const child of Object.values(item)) checkValues(document, child);
}

/** ebtables prints `0:16:3e:1:2:3` for 00:16:3e:01:02:03. */
function unpadded(text: string): string {
  return text.replace(/\b0([\da-f])\b/g, '$1');
}

/** The facts of one kind. */
export function facts<K extends Fact['kind']>(parsed: Parsed, kind: K): Extract<Fact, { kind: K }>[] {
  return parsed.facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind);
}

/** Values without their spans. */
export function plain(item: unknown): unknown {
  if (Array.isArray(item)) return item.map(plain);
  if (typeof item !== 'object' || item === null) return item;
  const entries = Object.entries(item);
  if (entries.length === 2 && 'value' in item && 'span' in item) return plain(item.value);
  return Object.fromEntries(entries.map(([key, value]) => [key, plain(value)]));
}

/** What a kind makes of a command line. */
export const command = (kind: CaptureKind, line: string) => kind.recognise(line.split(' '));

function allLines(text: string): Line[] {
  const lines = linesOf(text, indexLines(text));
  return Array.from({ length: lines.length }, (_, n) => lines.at(n) ?? { text: '', start: text.length, number: n });
}
