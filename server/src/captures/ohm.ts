import type { FailedMatchResult, Grammar, Node } from 'ohm-js';
import type { Line } from '../base/lines';
import type { Span } from '../base/span';
import type { CaptureError } from './capture';
import { offsetIn as offsetOf } from './line-parts';

/** Where a piece of text that a grammar reads stands in its document. Wrapped records have several parts. */
export interface SourceText {
  readonly text: string;
  /** Ascending by `at`: the text from `at` on stands at `offset` in the document. */
  readonly parts: readonly { readonly at: number; readonly offset: number }[];
}

export function sourceOf(line: Line, from = 0): SourceText {
  return { text: line.text.slice(from), parts: partsOf(line, from, 0) };
}

/** The parts that a line's text from `from` on has where it stands at `at` in a source text. */
export function partsOf(line: Line, from: number, at: number): { readonly at: number; readonly offset: number }[] {
  const parts = [{ at, offset: offsetOf(line, from) }];
  for (const cut of line.cuts ?? []) if (cut.at > from) parts.push({ at: at + cut.at - from, offset: offsetOf(line, cut.at) });
  return parts;
}

/**
 * Several lines as the one record that they were before a terminal or a hand wrapped them; leading blanks of the rest go.
 * `glue` stands between them, or is asked for before each of the rest, with the line above and how many joints there are before.
 */
export function joinLines(
  lines: readonly Line[],
  glue: string | ((rest: string, above: string, joint: number) => string) = '',
): SourceText {
  const [only] = lines;
  if (only && lines.length === 1) return sourceOf(only);
  let text = '';
  const parts: { at: number; offset: number }[] = [];
  for (const [n, line] of lines.entries()) {
    if (n > 0) text += typeof glue === 'string' ? glue : glue(line.text, lines[n - 1]?.text ?? '', n - 1);
    const skip = n === 0 ? 0 : line.text.length - line.text.trimStart().length;
    parts.push(...partsOf(line, skip, text.length));
    text += line.text.slice(skip);
  }
  return { text, parts };
}

/** The document span of `[start, end)` of a source text; it reaches over the wrap where the piece does. */
export function spanIn(source: SourceText, start: number, end: number): Span {
  const from = offsetIn(source, start);
  if (end <= start) return { start: from, end: from };
  return { start: from, end: offsetIn(source, end - 1) + 1 };
}

function offsetIn({ parts }: SourceText, at: number): number {
  const part = parts[partAt(parts, at)] ?? { at: 0, offset: 0 };
  return part.offset + (at - part.at);
}

/** The last part that starts at a place or before it, else the first; JSON and sets over many lines have as many parts. */
function partAt(parts: SourceText['parts'], at: number): number {
  let low = 0;
  let high = parts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((parts[middle]?.at ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A stretch of a source text, each part of it at its own place. */
export function sliceSource(source: SourceText, start: number, end: number): SourceText {
  const { parts } = source;
  const inside = parts.slice(partAt(parts, start), partAt(parts, end) + 1).filter((part) => part.at > start && part.at < end);
  return {
    text: source.text.slice(start, end),
    parts: [
      { at: 0, offset: spanIn(source, start, end).start },
      ...inside.map((part) => ({ at: part.at - start, offset: part.offset })),
    ],
  };
}

/** The document span of a node that came from matching `source`. */
export function nodeSpan(source: SourceText, node: Node): Span {
  return spanIn(source, node.source.startIdx, node.source.endIdx);
}

/** The end of a failed match as an error in the document: the column, and what the grammar expected there. */
export function syntaxError(source: SourceText, failure: FailedMatchResult, what: string): CaptureError {
  return errorAt(source, failure.getRightmostFailurePosition(), failure.getExpectedText(), what);
}

/** The same of a place where something else was expected. */
export function errorAt(source: SourceText, place: number, expected: string, what: string): CaptureError {
  const at = Math.min(place, source.text.length);
  const rest = source.text.slice(at);
  const found = rest === '' ? 'the line ends' : `found "${rest.length > 30 ? `${rest.slice(0, 30)}…` : rest}"`;
  const end = rest === '' ? at : at + (/^\S+/.exec(rest)?.[0].length ?? 1);
  return {
    span: spanIn(source, rest === '' ? Math.max(0, at - 1) : at, Math.max(end, at)),
    code: rest === '' ? 'cut-off' : 'syntax',
    message: `This ${what} does not parse at column ${at + 1}: ${found}; expected ${expected.length > 160 ? `${expected.slice(0, 160)}…` : expected}.`,
  };
}

/** Matches with the start rule named, as every match must be (a default start rule hides renames). */
export function match(grammar: Grammar, source: SourceText, rule: string) {
  return grammar.match(source.text, rule);
}
