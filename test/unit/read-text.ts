import assert from 'node:assert/strict';
import { readDocument, type CaptureDocument } from '../../server/src/captures/document';
import type { Fact } from '../../server/src/captures/facts';

/** A text as a document without a name that tells anything. */
export const read = (text: string): CaptureDocument => readDocument('file:///n', 'n.txt', text);

/** What the captures of a text say, of one kind. */
export function factsOf<K extends Fact['kind']>(text: string, kind: K): Extract<Fact, { kind: K }>[] {
  return read(text).captures.flatMap((capture) =>
    capture.facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind),
  );
}

/** Kind, host and namespace of each capture, which are all understood. */
export function places(text: string): (string | undefined)[][] {
  const document = read(text);
  assert.deepEqual(document.unclassified, [], text);
  return document.captures.map(({ kind, host, namespace }) => [kind, host, namespace]);
}

/** The codes of what the captures of a text complain of. */
export const errorsOf = (text: string): string[] => read(text).captures.flatMap(({ errors }) => errors.map(({ code }) => code));
