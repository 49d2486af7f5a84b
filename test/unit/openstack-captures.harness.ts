import assert from 'node:assert/strict';
import { indexLines, linesOf, type Line } from '../../server/src/base/lines';
import type { CaptureKind, Parsed } from '../../server/src/captures/capture';
import type { Fact } from '../../server/src/captures/facts';
export const BEFORE = 'some text before\n\n';

/** Parses what a command printed, as it stands in a document behind other text, and holds every span to its text. */
export function parse(kind: CaptureKind, command: string, output: string): Parsed {
  const argv = command.split(' ').filter((word) => word !== '');
  const recognised = kind.recognise(argv);
  assert.ok(recognised, `${command} is not recognised`);
  const text = BEFORE + output;
  const lines = allLines(text).slice(2);
  const parsed = kind.parse({ kind: recognised.kind, target: recognised.target, options: recognised.options ?? {}, argv, lines });
  const covered = new Set<number>();
  for (const record of parsed.records) for (let n = record.firstLine; n <= record.lastLine; n++) covered.add(n);
  for (const line of lines) {
    if (line.text.trim() === '') continue;
    const isError = parsed.errors.some(({ span }) => span.start >= line.start && span.start <= line.start + line.text.length);
    assert.ok(covered.has(line.number) || isError, `line ${line.number} is neither record nor error: ${line.text}`);
  }
  for (const ref of parsed.refs) holds(text, ref.value, ref.span);
  return parsed;
}

/** A span must be its value's text; in a wrapped cell it begins and ends as the value does. */
export function holds(text: string, value: string, span: { readonly start: number; readonly end: number }): void {
  const slice = text.slice(span.start, span.end).toLowerCase();
  const wanted = value.toLowerCase();
  if (!slice.includes('\n')) {
    assert.equal(slice, wanted);
    return;
  }
  const pieces = slice.split('\n').flatMap((line) => line.split('|').map((cell) => cell.trim()));
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  assert.ok(first !== '' && wanted.startsWith(first), `${first} does not begin ${wanted}`);
  assert.ok(last !== '' && wanted.endsWith(last), `${last} does not end ${wanted}`);
}

export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  if ('span' in value && 'value' in value) return plain(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** The facts, without the database's rows as a whole. */
export function facts(parsed: Parsed): unknown[] {
  return parsed.facts.filter((fact) => fact.kind !== 'ovsdb-row').map(plain);
}

export function refs(parsed: Parsed): string[] {
  return parsed.refs.map((ref) => `${ref.kind} ${ref.value}`);
}

export function only<K extends Fact['kind']>(parsed: Parsed, kind: K): Extract<Fact, { kind: K }>[] {
  return parsed.facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind);
}

export function sniff(kind: CaptureKind, text: string) {
  const lines = text.split('\n');
  return kind.sniff(lines[0] ?? '', (n) => lines[n + 1]);
}

function allLines(text: string): Line[] {
  const lines = linesOf(text, indexLines(text));
  return Array.from({ length: lines.length }, (_, n) => lines.at(n) ?? { text: '', start: text.length, number: n });
}
