import type { Span } from '../base/span';
import type { CaptureError } from './capture';

/** What a listing says it holds of a set or a chain, and what of it is there. */
export interface Counted {
  readonly what: string;
  readonly span: Span;
  readonly said: number;
  found: number;
}

/** What is missing of listings that say how much they hold: somebody cut them, though nothing else shows it. */
export function missing(counted: Iterable<Counted>): CaptureError[] {
  return [...counted].flatMap(({ what, span, said, found }): CaptureError[] =>
    found >= said
      ? []
      : [{ span, code: 'cut-off', message: `${what} has ${said} entries, of which ${found} are here: the rest is missing.` }],
  );
}
