import type { Grammar, MatchResult } from 'ohm-js';
import type { Line } from '../base/lines';
import { drained } from '../base/steps';
import type { CaptureError, LineRecord, ParseInput, Parsed, Ref } from './capture';
import type { Fact } from './facts';
import { sourceOf, syntaxError, type SourceText } from './ohm';

/** Collects what a kind finds while it goes through its lines. */
export interface Collected {
  readonly facts: Fact[];
  readonly refs: Ref[];
  readonly records: LineRecord[];
  readonly errors: CaptureError[];
}

export function collect(): Collected {
  return { facts: [], refs: [], records: [], errors: [] };
}

export function record(out: Collected, first: Line, last: Line = first, what: LineRecord['what'] = 'record'): void {
  out.records.push({ firstLine: first.number, lastLine: last.number, what });
}

/**
 * Reads an output in which every line is a record of its own: matches each non-blank line with `rule` and gives what matched to
 * `take`; a line that does not match is one error with its column.
 */
export function parseEachLine(
  input: ParseInput,
  grammar: Grammar,
  rule: string,
  what: string,
  take: (result: MatchResult, source: SourceText, out: Collected, line: Line) => LineRecord['what'] | void,
): Parsed {
  return drained(eachLineInSteps(input, grammar, rule, what, take));
}

/** So many lines are read between two pauses: a millisecond's work or two. */
const STEP = 16;

/** `parseEachLine` with pauses. */
export function* eachLineInSteps(
  input: ParseInput,
  grammar: Grammar,
  rule: string,
  what: string,
  take: (result: MatchResult, source: SourceText, out: Collected, line: Line) => LineRecord['what'] | void,
): Generator<void, Parsed> {
  const out = collect();
  for (const [n, line] of input.lines.entries()) {
    if (n % STEP === STEP - 1) yield;
    if (line.text.trim() === '') continue;
    const source = sourceOf(line);
    const result = grammar.match(source.text, rule);
    if (result.failed()) {
      out.errors.push(syntaxError(source, result, what));
    } else {
      record(out, line, line, take(result, source, out, line) ?? 'record');
    }
  }
  return out;
}
