/** One line of a document. `text` has neither its line break nor trailing blanks; `start` is the offset of its first character. */
export interface Line {
  readonly text: string;
  readonly start: number;
  /** 0-based. */
  readonly number: number;
  /** Where `text` leaves out what stands in the document, a terminal's colours for instance: so many characters before its `at`. */
  readonly cuts?: readonly { readonly at: number; readonly length: number }[];
  /** Its last line, where a terminal broke it. */
  readonly until?: number;
  /** The machine that the log names before the line. */
  readonly host?: string;
}

export interface Position {
  /** 0-based. */
  readonly line: number;
  /** 0-based, UTF-16 code units. */
  readonly character: number;
}

/** Where the lines of a text start; finds the line of an offset in logarithmic time. */
export interface LineIndex {
  /** One at least: an empty text has an empty line, and so has one behind its last line break. */
  readonly count: number;
  /** The length of the text. */
  readonly length: number;
  /** The offset of a line's first character; undefined for a number (0-based) that no line has. */
  startOf(line: number): number | undefined;
  /** The last line that starts at an offset or before it. */
  lineAt(offset: number): number;
}

/** Indexes CR LF, LF and lone CR line breaks. */
export function indexLines(text: string): LineIndex {
  const starts = [0];
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 10 || (c === 13 && text.charCodeAt(i + 1) !== 10)) starts.push(i + 1);
  }
  return {
    count: starts.length,
    length: text.length,
    startOf: (line) => starts[line],
    lineAt: (offset) => lastUpTo(starts, starts.length, offset),
  };
}

/** The place of the last of the first `count` numbers, which ascend, that is at most `limit`; 0 where none is. */
export function lastUpTo(ascending: ArrayLike<number>, count: number, limit: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((ascending[middle] ?? 0) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The position of an offset; offsets outside the text are clamped to it. */
export function positionAt(index: LineIndex, offset: number): Position {
  const at = Math.max(0, Math.min(offset, index.length));
  const line = index.lineAt(at);
  return { line, character: at - (index.startOf(line) ?? 0) };
}

/** The offset of a position; lines and characters outside the text are clamped. */
export function offsetAt(index: LineIndex, position: Position): number {
  if (position.line < 0) return 0;
  const start = index.startOf(position.line);
  if (start === undefined) return index.length;
  const next = index.startOf(position.line + 1) ?? index.length;
  return Math.max(start, Math.min(start + position.character, next));
}

/** A text that may be kept in pieces: what is asked of it is a piece. A string is one. */
export interface Text {
  readonly length: number;
  slice(start: number, end?: number): string;
}

/** What is put between two offsets of a text. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly put: string;
}

/** A whole text after some edits, whose offsets are those before any of them, ascending and apart. */
export function editedWhole(before: Text, edits: readonly Edit[]): string {
  const pieces: string[] = [];
  let at = 0;
  for (const { from, to, put } of edits) {
    pieces.push(before.slice(at, from), put);
    at = to;
  }
  pieces.push(before.slice(at));
  return pieces.join('');
}

/** The lines of a text, made when they are asked for. */
export interface Lines {
  readonly length: number;
  /** Undefined for a number that no line has. */
  at(number: number): Line | undefined;
  /** The number of characters of a line, its trailing blanks too; 0 for a number that no line has. */
  widthOf(number: number): number;
}

/** A document's lines, trailing blanks removed. */
export function linesOf(text: Text, index: LineIndex): Lines {
  return {
    length: index.count,
    at(number) {
      const start = index.startOf(number);
      if (start === undefined) return undefined;
      const whole = text.slice(start, index.startOf(number + 1) ?? text.length);
      let end = whole.length;
      while (end > 0 && isBlank(whole.charCodeAt(end - 1))) end--;
      return { text: whole.slice(0, end), start, number };
    },
    widthOf(number) {
      const start = index.startOf(number);
      if (start === undefined) return 0;
      const next = index.startOf(number + 1);
      if (next === undefined) return text.length - start;
      return next - start - (text.slice(Math.max(start, next - 2), next) === '\r\n' ? 2 : 1);
    },
  };
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13 || code === 0xa0;
}

/** The width of a line's leading blanks; a tab counts as one column. */
export function indentOf(text: string): number {
  let n = 0;
  while (n < text.length && isBlank(text.charCodeAt(n))) n++;
  return n;
}
