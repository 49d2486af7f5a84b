import { hashesValue, hashOfText, mix } from './hash';
import type { FlowBits } from '../../packet/flow-shape';
import { nameOf, type ShapeBook } from './shapes';
import { wordOfSlot, wordsOfSlot, type Template, type TermTemplate } from './template';

/** A flow of a known shape in its columns. */
export interface Row {
  readonly shape: Template;
  readonly words: Uint32Array;
  readonly at: number;
}

/** Where the words of a term's value are in a row, the lowest last; or what they are in all flows of the shape. */
interface Place {
  readonly at: number;
  readonly count: number;
  readonly shift: number;
  readonly base: number;
  readonly fixed: readonly number[] | undefined;
}

/**
 * How flows of two shapes are compared: never the same, or where all these places agree, `names` (of ports) too; where only those do not,
 * the columns do not tell, and never do where it is undefined.
 */
type Plan =
  | 'never'
  | { readonly values: readonly (readonly [Place, Place])[]; readonly names: readonly (readonly [number, number])[] }
  | undefined;

const plansOf = new WeakMap<ShapeBook, Map<number, Plan>>();

/**
 * Whether two flows have one table, priority and match, told from their columns. Undefined where these do not tell: different names of
 * ports, which may be one port's, or a field that is matched twice.
 */
export function sameRows(book: ShapeBook, a: Row, b: Row): boolean | undefined {
  if (tableOfRow(a) !== tableOfRow(b) || priorityOfRow(a) !== priorityOfRow(b)) return false;
  const plan = planOf(book, a.shape, b.shape);
  if (plan === 'never') return false;
  if (!plan) return undefined;
  for (const [own, other] of plan.values) {
    const count = Math.max(own.count, other.count);
    for (let k = 0; k < count; k++) if (wordAt(a, own, k) !== wordAt(b, other, k)) return false;
  }
  return plan.names.every(([own, other]) => a.words[a.at + own] === b.words[b.at + other]) || undefined;
}

function tableOfRow({ shape: { table, slots }, words, at }: Row): number | string {
  return table.slot < 0 ? table.value : (words[at + wordOfSlot({ slots }, table.slot)] ?? 0);
}

function priorityOfRow({ shape: { priority, slots }, words, at }: Row): number {
  return priority.slot < 0 ? priority.value : (words[at + wordOfSlot({ slots }, priority.slot)] ?? 0);
}

/** The `k`-th word of a value, from the lowest on. */
function wordAt({ words, at }: Row, place: Place, k: number): number {
  if (k >= place.count) return 0;
  if (place.fixed) return place.fixed[k] ?? 0;
  const word = words[at + place.at + place.count - 1 - k] ?? 0;
  return ((word << place.shift) | place.base) >>> 0;
}

function planOf(book: ShapeBook, a: Template, b: Template): Plan {
  let plans = plansOf.get(book);
  if (!plans) plansOf.set(book, (plans = new Map<number, Plan>()));
  const key = a.id * 0x10000 + b.id;
  if (plans.has(key)) return plans.get(key);
  const made = makePlan(a, b);
  plans.set(key, made);
  return made;
}

function makePlan(a: Template, b: Template): Plan {
  const keyOf = ({ field, mask }: TermTemplate) => `${field}/${mask.toString()}`;
  const own = new Map(a.terms.map((term) => [keyOf(term), term]));
  const others = new Map(b.terms.map((term) => [keyOf(term), term]));
  if (own.size < a.terms.length || others.size < b.terms.length) return undefined;
  if (own.size !== others.size) return 'never';
  const values: (readonly [Place, Place])[] = [];
  const names: (readonly [number, number])[] = [];
  for (const [key, term] of own) {
    const other = others.get(key);
    if (!other) return 'never';
    if (term.name === 'slot' && other.name === 'slot') names.push([wordOfSlot(a, term.slot), wordOfSlot(b, other.slot)]);
    else if (term.name !== other.name) return undefined;
    else if (term.slot >= 0 || other.slot >= 0) values.push([placeOf(a, term), placeOf(b, other)]);
    else if (term.base !== other.base) return 'never';
  }
  return { values, names };
}

function placeOf(shape: Template, { slot, base, shift }: TermTemplate): Place {
  if (slot >= 0)
    return { at: wordOfSlot(shape, slot), count: wordsOfSlot(shape, slot), shift, base: Number(base), fixed: undefined };
  const fixed: number[] = [];
  for (let rest = base; rest !== 0n; rest >>= 32n) fixed.push(Number(rest & 0xffffffffn));
  return { at: 0, count: fixed.length, shift: 0, base: 0, fixed };
}

/** The part of an exact hash that the ports of a match are: their numbers, and the names that have none. */
export function hashOfPorts(match: readonly FlowBits[], numbers: ReadonlyMap<string, number>): number {
  let hash = 0;
  for (const { field, value, portName, unknown } of match) {
    if (hashesValue(field) || unknown) continue;
    hash = (hash + hashOfPort(field, portName ?? Number(value & 0xffffffffn), numbers)) | 0;
  }
  return hash;
}

/** `hashOfPorts` of a row. */
export function hashOfRowPorts(book: ShapeBook, { shape, words, at }: Row, numbers: ReadonlyMap<string, number>): number {
  let hash = 0;
  for (const { field, slot, base, shift, name } of shape.ports) {
    const word = slot < 0 ? 0 : (words[at + wordOfSlot(shape, slot)] ?? 0);
    const port = name === 'slot' ? nameOf(book, word) : (name ?? ((word << shift) | Number(base & 0xffffffffn)) >>> 0);
    hash = (hash + hashOfPort(field, port, numbers)) | 0;
  }
  return hash;
}

function hashOfPort(field: string, port: number | string, numbers: ReadonlyMap<string, number>): number {
  const number = typeof port === 'string' ? numbers.get(port) : port;
  return mix(hashOfText(field), number ?? hashOfText(String(port)));
}
