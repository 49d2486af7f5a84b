import type { Grammar, MatchResult } from 'ohm-js';
import type { Line } from '../base/lines';
import { drained } from '../base/steps';
import type { LineRecord, ParseInput, Parsed } from './capture';
import { reportErrorOutput } from './words';
import { collect, record, type Collected } from './lines';
import { joinLines, sourceOf, syntaxError, type SourceText } from './ohm';

/** A syntax in which every line is a record, unless a terminal or a hand wrapped it. */
export interface Rows {
  readonly grammar: Grammar;
  /** The rule that reads a line: its start tells, so that an error names what was expected there. */
  readonly ruleFor: (text: string) => string;
  /** What a record is called in messages. */
  readonly what: string;
  /** Whether a line starts a record, so that it can't be the rest of the one above. */
  readonly starts: (text: string) => boolean;
  /** Reads a line whose form is known without the grammar; undefined for others. */
  readonly known?: (rule: string, source: SourceText, out: Collected) => LineRecord['what'] | undefined;
  /**
   * Where the beginning of a record is one too: whether a line is a piece of a record without its beginning, which then belongs to the one
   * above, however that reads alone.
   */
  readonly isPiece?: (text: string) => boolean;
  /** What the program says besides its output, without having failed. */
  readonly harmless?: RegExp;
}

export type TakeRow = (
  rule: string,
  result: MatchResult,
  source: SourceText,
  out: Collected,
  line: Line,
) => LineRecord['what'] | void;

/** The most lines that one record is looked for in. */
const MOST_LINES = 4;
/** The same, where pieces of records show that they are such. */
const MOST_PIECES = 10;

/**
 * Reads an output line by line and gives what matched to `take`. A line that is no record is put together with those below it,
 * as a terminal may have wrapped it; what is none then is one error with its column. Error output is reported as such.
 */
export function parseRows(input: ParseInput, rows: Rows, take: TakeRow): Parsed {
  return drained(parseRowsInSteps(input, rows, take));
}

/** So many lines are read between two pauses: a millisecond's work or two. */
const STEP = 16;

/** `parseRows` with pauses. */
export function* parseRowsInSteps(input: ParseInput, rows: Rows, take: TakeRow): Generator<void, Parsed> {
  const out = collect();
  const { lines } = input;
  for (let n = 0; n < lines.length; n++) {
    if (n % STEP === STEP - 1) yield;
    const line = lines[n];
    if (line === undefined || line.text.trim() === '') continue;
    if (rows.harmless?.test(line.text) === true) {
      record(out, line, line, 'header');
      continue;
    }
    if (reportErrorOutput(out, line)) continue;
    const source = sourceOf(line);
    const rule = rows.ruleFor(line.text);
    const pieces = inPieces(lines, n, rows);
    if (pieces !== undefined) {
      record(out, line, pieces.last, take(pieces.rule, pieces.result, pieces.source, out, line) ?? 'record');
      n = pieces.at;
      continue;
    }
    const known = rows.known?.(rule, source, out);
    if (known !== undefined) {
      record(out, line, line, known);
      continue;
    }
    const result = rows.grammar.match(source.text, rule);
    const wrapped = result.failed() ? joined(lines, n, rows) : undefined;
    if (wrapped !== undefined) {
      record(out, line, wrapped.last, take(wrapped.rule, wrapped.result, wrapped.source, out, line) ?? 'record');
      n = wrapped.at;
    } else if (result.failed()) {
      out.errors.push(syntaxError(source, result, rows.what));
    } else {
      record(out, line, line, take(rule, result, source, out, line) ?? 'record');
    }
  }
  return out;
}

/** The record that the lines from `n` on make together, joined by a blank (at a word's end) or by nothing (in its middle). */
function joined(lines: readonly Line[], n: number, rows: Rows) {
  const parts: Line[] = [];
  for (let at = n; at < Math.min(lines.length, n + MOST_LINES); at++) {
    const line = lines[at];
    if (line === undefined || line.text.trim() === '' || (at > n && rows.starts(line.text))) return undefined;
    const before = parts[parts.length - 1];
    // Who breaks a line by hand may say so with a backslash.
    if (before) parts[parts.length - 1] = { ...before, text: before.text.replace(/[ \t]*\\$/, '') };
    parts.push(line);
    if (at === n) continue;
    for (const glue of [' ', '']) {
      const source = joinLines(parts, glue);
      const rule = rows.ruleFor(source.text);
      const result = rows.grammar.match(source.text, rule);
      if (result.succeeded()) return { rule, result, source, last: line, at };
    }
  }
  return undefined;
}

/**
 * The record of a line and the pieces below it. A mail breaks lines between words, a terminal where its width ends: a piece stands behind a
 * blank where that reads, but for its last word, of which the rest may be below.
 */
function inPieces(lines: readonly Line[], n: number, rows: Rows) {
  const first = lines[n];
  if (first === undefined || rows.isPiece === undefined || !rows.starts(first.text)) return undefined;
  const reads = (text: string) => rows.grammar.match(text, rows.ruleFor(text)).succeeded();
  const parts = [first];
  const glues: string[] = [];
  for (let line = lines[n + 1]; parts.length < MOST_PIECES && line !== undefined; line = lines[n + parts.length]) {
    // Where a line between them was not understood, nothing is put together over it.
    if (line.number !== first.number + parts.length || rows.starts(line.text) || !rows.isPiece(line.text)) break;
    parts.push(line);
    const { text } = glued(parts, [...glues, ' ']);
    const isTorn = !reads(text) && !(/\S[ \t]+\S/.test(line.text) && reads(text.replace(/[ \t]*[^ \t]*$/, '')));
    glues.push(isTorn ? '' : ' ');
  }
  if (parts.length === 1) return undefined;
  const source = glued(parts, glues);
  const rule = rows.ruleFor(source.text);
  const result = rows.grammar.match(source.text, rule);
  if (result.failed()) return undefined;
  return { rule, result, source, last: parts[parts.length - 1] ?? first, at: n + parts.length - 1 };
}

function glued(parts: readonly Line[], glues: readonly string[]): SourceText {
  return joinLines(parts, (_rest, _above, joint) => glues[joint] ?? ' ');
}

/** For `CaptureKind.continues`: the line above is no record alone, and with this one it is. */
export function continuesRow(rows: Rows): (previous: string, text: string) => boolean {
  return (previous, text) => {
    if (previous.length + text.length > 2000 || rows.starts(text)) return false;
    if (rows.isPiece?.(text) === true) return true;
    if (rows.grammar.match(previous, rows.ruleFor(previous)).succeeded()) return false;
    return [' ', ''].some((glue) => {
      const whole = `${previous}${glue}${text.trimStart()}`;
      return rows.grammar.match(whole, rows.ruleFor(whole)).succeeded();
    });
  };
}
