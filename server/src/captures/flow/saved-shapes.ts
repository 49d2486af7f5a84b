import { copyUnits, stringOf } from '../../base/code-units';
import { base64Of, bytesOfBase64 } from '../../base/base64';
import { hex } from '../../base/bits';
import { addPrograms, programOf, slotsOfProgram } from './program';
import { fillRules, numbersOfRules } from './rules';
import { createShapeBook, learnLine, type ShapeBook } from './shapes';
import { makeTemplate, type Template, type TemplateParts } from './template';
import { fillTrie, numbersOfTrie } from './trie';

/** What is written when the extension is built. */
export interface SavedShapes {
  /** A `SavedBook`, as JSON. */
  readonly book: string;
  /** Of each shape a `SavedShape`, as JSON: a dump has some of them only, and only those are made. */
  readonly shapes: readonly string[];
  /** What the engine needs of all of them (see `programOf`): numbers of four bytes, the lowest first, in base 64. */
  readonly programs: string;
}

/** What a book of shapes knows after it has read the usual flows, but for the shapes themselves: plain data. */
interface SavedBook {
  readonly symbols: string;
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly places: readonly (readonly [string, number])[];
  readonly trusted: readonly number[];
  /** Null for infinity. */
  readonly limits: readonly (number | null)[];
  readonly edgeValues: readonly (readonly [number, readonly number[]])[];
  readonly names: readonly string[];
}

interface SavedShape extends Omit<TemplateParts, 'id' | 'text' | 'slots' | 'terms' | 'next' | 'outside'> {
  /** Which of the flows it was learned from. */
  readonly flow: number;
  readonly terms: readonly (Omit<Template['terms'][number], 'mask' | 'base' | 'name'> & {
    readonly mask: string;
    readonly base: string;
    readonly name: string | null;
  })[];
  readonly next: Template['next'] | null;
  readonly outside: readonly (readonly [number, readonly number[]])[] | null;
}

/** Learns the shapes of some flows, and writes down what is known then. */
export function saveShapes(flows: readonly string[], mayBeFlow: (text: string) => boolean): SavedShapes {
  const book = createShapeBook(mayBeFlow);
  const shapes: string[] = [];
  const programs: number[] = [];
  flows.forEach((text, flow) => {
    const known = book.shapes.length;
    learnLine(book, text);
    const shape = book.shapes.length > known ? book.shapes.at(-1) : undefined;
    if (!shape) return;
    shapes.push(JSON.stringify(savedShape(shape, flow)));
    programs.push(...programOf(shape));
  });
  const { rules } = book;
  const trie = numbersOfTrie(book.trie);
  const { trusted, limits } = numbersOfRules(rules);
  const saved: SavedBook = {
    symbols: stringOf(trie.symbols, 0, trie.symbols.length),
    nodes: [...trie.nodes],
    edges: [...trie.edges],
    places: [...rules.places],
    trusted: [...trusted],
    limits: [...limits],
    edgeValues: [...rules.edges].map(([place, values]) => [place, [...values]]),
    names: book.names,
  };
  return { book: JSON.stringify(saved), shapes, programs: base64Of(new Uint8Array(Int32Array.from(programs).buffer)) };
}

/** A book that knows what was written down, without reading the flows again. */
export function loadShapes(
  { book: json, shapes, programs }: SavedShapes,
  flows: readonly string[],
  mayBeFlow: (text: string) => boolean,
): ShapeBook {
  const saved = JSON.parse(json) as SavedBook;
  const book = createShapeBook(mayBeFlow, shapes.length, (id) => {
    const shape = shapes[id - 1];
    return shape === undefined
      ? undefined
      : loadedShape(JSON.parse(shape) as SavedShape, id, slotsOfProgram(book.engine, id), flows);
  });
  addPrograms(book.engine, 1, new Int32Array(bytesOfBase64(programs).buffer));
  const { trie, rules, names, nameIds } = book;
  const symbols = new Uint16Array(saved.symbols.length);
  copyUnits(saved.symbols, 0, symbols.length, symbols);
  fillTrie(trie, { symbols, nodes: saved.nodes, edges: saved.edges });
  fillRules(rules, { trusted: saved.trusted, limits: saved.limits.map((limit) => limit ?? Infinity) });
  for (const [name, place] of saved.places) rules.places.set(name, place);
  for (const [place, values] of saved.edgeValues) rules.edges.set(place, new Set(values));
  for (const name of saved.names) {
    nameIds.set(name, names.length);
    names.push(name);
  }
  return book;
}

function savedShape(shape: Template, flow: number): SavedShape {
  const { id: _id, fields: _fields, ports: _ports, sample: _sample, slots: _slots, terms, next, outside, ...same } = shape;
  return {
    ...same,
    flow,
    terms: terms.map(({ mask, base, name, ...term }) => ({ ...term, mask: hex(mask), base: hex(base), name: name ?? null })),
    next: next ?? null,
    outside: outside ? [...outside] : null,
  };
}

function loadedShape(
  { flow, terms, next, outside, ...same }: SavedShape,
  id: number,
  slots: Int32Array,
  flows: readonly string[],
): Template {
  return makeTemplate({
    ...same,
    id,
    text: flows[flow] ?? '',
    slots,
    terms: terms.map(({ field, mask, slot, base, shift, name, hash }) => ({
      field,
      mask: BigInt(mask),
      slot,
      base: BigInt(base),
      shift,
      name: name ?? undefined,
      hash,
    })),
    next: next ?? undefined,
    outside: outside ? new Map(outside) : undefined,
  });
}
