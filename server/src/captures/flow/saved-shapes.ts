import { copyUnits, stringOf } from '../../base/code-units';
import { hex } from '../../base/bits';
import { createShapeBook, learnLine, type ShapeBook } from './shapes';
import { makeTemplate, type Template, type TemplateParts } from './template';

/** What is written when the extension is built. */
export interface SavedShapes {
  /** A `SavedBook`, as JSON. */
  readonly book: string;
  /** Of each shape a `SavedShape`, as JSON: a dump has some of them only, and only those are made. */
  readonly shapes: readonly string[];
}

/** What a book of shapes knows after it has read the usual flows, but for the shapes themselves: plain data. */
interface SavedBook {
  readonly symbols: string;
  readonly nodes: readonly number[];
  readonly edges: readonly number[];
  readonly places: readonly (readonly [string, number])[];
  readonly trusted: readonly number[];
  readonly count: number;
  /** Null for infinity. */
  readonly limits: readonly (number | null)[];
  readonly edgeValues: readonly (readonly [number, readonly number[]])[];
  readonly names: readonly string[];
}

interface SavedShape extends Omit<TemplateParts, 'id' | 'text' | 'slots' | 'terms' | 'next' | 'outside'> {
  /** Which of the flows it was learned from. */
  readonly flow: number;
  readonly slots: readonly number[];
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
  flows.forEach((text, flow) => {
    const known = book.shapes.length;
    learnLine(book, text);
    const shape = book.shapes.length > known ? book.shapes.at(-1) : undefined;
    if (shape) shapes.push(JSON.stringify(savedShape(shape, flow)));
  });
  const { trie, rules } = book;
  const saved: SavedBook = {
    symbols: stringOf(trie.symbols, 0, trie.usedSymbols),
    nodes: [...trie.nodes.subarray(0, trie.usedNodes)],
    edges: [...trie.edges.subarray(0, trie.usedEdges)],
    places: [...rules.places],
    trusted: [...rules.trusted],
    count: rules.count,
    limits: [...rules.limits],
    edgeValues: [...rules.edges].map(([place, values]) => [place, [...values]]),
    names: book.names,
  };
  return { book: JSON.stringify(saved), shapes };
}

/** A book that knows what was written down, without reading the flows again. */
export function loadShapes(
  { book: json, shapes }: SavedShapes,
  flows: readonly string[],
  mayBeFlow: (text: string) => boolean,
): ShapeBook {
  const saved = JSON.parse(json) as SavedBook;
  const book = createShapeBook(mayBeFlow, shapes.length, (id) => {
    const shape = shapes[id - 1];
    return shape === undefined ? undefined : loadedShape(JSON.parse(shape) as SavedShape, id, flows);
  });
  const { trie, rules, names, nameIds } = book;
  trie.symbols = new Uint16Array(Math.max(trie.symbols.length, saved.symbols.length));
  copyUnits(saved.symbols, 0, saved.symbols.length, trie.symbols);
  trie.nodes = withRoom(trie.nodes, saved.nodes);
  trie.edges = withRoom(trie.edges, saved.edges);
  trie.usedSymbols = saved.symbols.length;
  trie.usedNodes = saved.nodes.length;
  trie.usedEdges = saved.edges.length;
  rules.trusted = Int32Array.from(saved.trusted);
  rules.limits = Float64Array.from(saved.limits, (limit) => limit ?? Infinity);
  for (const [name, place] of saved.places) rules.places.set(name, place);
  for (const [place, values] of saved.edgeValues) rules.edges.set(place, new Set(values));
  rules.count = saved.count;
  for (const name of saved.names) {
    nameIds.set(name, names.length);
    names.push(name);
  }
  return book;
}

function withRoom(numbers: Int32Array, saved: readonly number[]): Int32Array {
  const room = saved.length > numbers.length ? new Int32Array(saved.length * 2) : numbers;
  room.set(saved);
  return room;
}

function savedShape(shape: Template, flow: number): SavedShape {
  const { id: _id, fields: _fields, ports: _ports, sample: _sample, slots, terms, next, outside, ...same } = shape;
  return {
    ...same,
    flow,
    slots: [...slots],
    terms: terms.map(({ mask, base, name, ...term }) => ({ ...term, mask: hex(mask), base: hex(base), name: name ?? null })),
    next: next ?? null,
    outside: outside ? [...outside] : null,
  };
}

function loadedShape({ flow, slots, terms, next, outside, ...same }: SavedShape, id: number, flows: readonly string[]): Template {
  return makeTemplate({
    ...same,
    id,
    text: flows[flow] ?? '',
    slots: Int32Array.from(slots),
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
