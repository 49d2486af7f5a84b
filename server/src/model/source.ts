import type { Span } from '../base/span';

/** The text that says something: which document, which characters. */
export interface Source {
  readonly uri: string;
  readonly span: Span;
}

/**
 * How much of a table was captured. `absent`: nobody captured it; `partial`: lines were left out by hand, by grep or could not be
 * read, so what is missing here may exist; `whole`: what is missing here does not exist.
 */
export type Known = 'absent' | 'partial' | 'whole';
