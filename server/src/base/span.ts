/** A half-open range of UTF-16 offsets in one document: `start` is inside, `end` is not. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A value together with the text that says so. */
export interface Val<T> {
  readonly value: T;
  readonly span: Span;
}

export function val<T>(value: T, span: Span): Val<T> {
  return { value, span };
}

/** The smallest span that holds both. */
export function cover(a: Span, b: Span): Span {
  return { start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}

/** True where `offset` lies inside the span or directly at its end (as an editor's cursor does after a word). */
export function touches(span: Span, offset: number): boolean {
  return offset >= span.start && offset <= span.end;
}
