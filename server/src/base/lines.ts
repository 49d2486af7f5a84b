/** One line of a document. `text` has neither its line break nor trailing blanks; `start` is the offset of its first character. */
export interface Line {
  readonly text: string;
  readonly start: number;
  /** 0-based. */
  readonly number: number;
}

export interface Position {
  /** 0-based. */
  readonly line: number;
  /** 0-based, UTF-16 code units. */
  readonly character: number;
}

/** Offsets of line starts; finds the position of an offset in logarithmic time. */
export interface LineIndex {
  readonly starts: ArrayLike<number>;
  readonly length: number;
}

/** Indexes CR LF, LF and lone CR line breaks. */
export function indexLines(text: string): LineIndex {
  const starts = [0];
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 10 || (c === 13 && text.charCodeAt(i + 1) !== 10)) starts.push(i + 1);
  }
  return { starts, length: text.length };
}

/** The position of an offset; offsets outside the text are clamped to it. */
export function positionAt(index: LineIndex, offset: number): Position {
  const at = Math.max(0, Math.min(offset, index.length));
  let low = 0;
  let high = index.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((index.starts[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return { line: low, character: at - (index.starts[low] ?? 0) };
}

/** The offset of a position; lines and characters outside the text are clamped. */
export function offsetAt(index: LineIndex, position: Position): number {
  if (position.line < 0) return 0;
  const start = index.starts[position.line];
  if (start === undefined) return index.length;
  const next = index.starts[position.line + 1] ?? index.length;
  return Math.max(start, Math.min(start + position.character, next));
}

/** The lines of a text, made when they are asked for. */
export interface Lines {
  readonly length: number;
  /** Undefined for a number that no line has. */
  at(number: number): Line | undefined;
}

/** A document's lines, trailing blanks removed. */
export function linesOf(text: string, index: LineIndex): Lines {
  const { starts } = index;
  return {
    length: starts.length,
    at(number) {
      const start = starts[number];
      if (start === undefined) return undefined;
      let end = starts[number + 1] ?? text.length;
      while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
      return { text: text.slice(start, end), start, number };
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
