import { hashOfText, mix } from './hash';
import type { Segment } from './segment';
import { shapeOf, type ShapeBook } from './shapes';
import { wordOfSlot, wordsOfSlot, type Template } from './template';

/**
 * Tells cheaply of most values that no flow of a segment matches or names them: who looks for one in half a million flows looks into few
 * segments then. A Bloom filter of 4 KB for some 200 KB of text, with two bits for each value.
 */
export type ValueFilter = Uint32Array;

const WORDS = 1024;

const filters = new WeakMap<Segment, ValueFilter>();
const slots = new WeakMap<Template, Int32Array>();

/** The filter of a segment, made when it is first asked for. */
export function valuesIn(book: ShapeBook, segment: Segment): ValueFilter {
  const known = filters.get(segment);
  if (known) return known;
  const filter = new Uint32Array(WORDS);
  const { words, rows, shapes } = segment;
  for (let n = 0; n < shapes.length; n++) {
    const shape = shapeOf(book, shapes[n] ?? 0);
    if (!shape) continue;
    const places = placesOf(shape);
    const row = rows[n] ?? 0;
    for (let k = 0; k < places.length; k += 3)
      add(filter, hashOf(places[k] ?? 0, words, row + (places[k + 1] ?? 0), places[k + 2] ?? 0));
  }
  filters.set(segment, filter);
  return filter;
}

/** What `mayHold` is asked with for a value of a field, or of what references of a kind name. */
export function hashOfValue(of: string, words: readonly number[]): number {
  let hash = hashOfText(of);
  for (const word of words) hash = mix(hash, word);
  return hash;
}

/** False where the segment certainly has no flow whose match or references have a value of these words. */
export function mayHold(filter: ValueFilter, hash: number): boolean {
  const second = hash >>> 16;
  return (
    ((filter[(hash >>> 5) & (WORDS - 1)] ?? 0) & (1 << (hash & 31))) !== 0 &&
    ((filter[(second >>> 5) & (WORDS - 1)] ?? 0) & (1 << (second & 31))) !== 0
  );
}

function add(filter: ValueFilter, hash: number): void {
  const second = hash >>> 16;
  const at = (hash >>> 5) & (WORDS - 1);
  filter[at] = (filter[at] ?? 0) | (1 << (hash & 31));
  const other = (second >>> 5) & (WORDS - 1);
  filter[other] = (filter[other] ?? 0) | (1 << (second & 31));
}

function hashOf(seed: number, words: Uint32Array, at: number, count: number): number {
  let hash = seed;
  for (let k = 0; k < count; k++) hash = mix(hash, words[at + k] ?? 0);
  return hash;
}

/** Of each value of a shape's match and references: the hash of what it is, where it is in a row, and how many words it has. */
function placesOf(shape: Template): Int32Array {
  const known = slots.get(shape);
  if (known) return known;
  const place = (of: string, slot: number) =>
    slot < 0 ? [] : [hashOfText(of), wordOfSlot(shape, slot), wordsOfSlot(shape, slot)];
  const places = Int32Array.from([
    ...shape.terms.flatMap(({ field, slot }) => place(field, slot)),
    ...shape.refs.flatMap(({ kind, slot }) => place(kind, slot)),
  ]);
  slots.set(shape, places);
  return places;
}
