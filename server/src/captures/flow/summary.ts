import type { Segment } from './segment';
import { nameOf, shapeOf, type ShapeBook } from './shapes';
import { kindOfSlot, textOfWords, wordOfSlot, type RefTemplate, type Template } from './template';
import { valuesIn } from './value-filter';

/** What is asked of the flows of a segment again and again; numbers of flows are those in the segment. */
interface Summary {
  /** The ids of the shapes that they have. */
  readonly shapes: readonly number[];
  readonly tables: ReadonlyMap<number | string, Uint16Array>;
  /** Flows that name a table besides their own, by that table: of those that are of one shape, in one table and name it at one place, the first. */
  readonly jumps: ReadonlyMap<string, readonly number[]>;
}

const MOST_REFS = 64;
/** Some of a segment's flows: from `from` on, and before `to`. */
interface Stretch {
  readonly segment: Segment;
  readonly from: number;
  readonly to: number;
}

const summaries = new WeakMap<Segment, Summary>();

/** Finds out of a segment what later answers will ask for: so they need not look at all flows of a dump at once. */
export function prepareSegment(book: ShapeBook, segment: Segment): void {
  summaryOf(book, { segment, from: 0, to: segment.lines.length });
  valuesIn(book, segment);
}

/** Of a whole segment it is made once. */
export function summaryOf(book: ShapeBook, part: Stretch): Summary {
  const isWhole = part.from === 0 && part.to === part.segment.lines.length;
  const known = isWhole ? summaries.get(part.segment) : undefined;
  if (known) return known;
  const made = summarise(book, part);
  if (isWhole) summaries.set(part.segment, made);
  return made;
}

function summarise(book: ShapeBook, { segment, from, to }: Stretch): Summary {
  const shapes = new Set<number>();
  const groups = new Map<number | string, number[]>();
  const jumps = new Map<string, number[]>();
  const seen = new Set<number>();
  let last: number[] | undefined;
  let lastTable: number | string | undefined;
  for (let n = from; n < to; n++) {
    const id = segment.shapes[n] ?? 0;
    const shape = shapeOf(book, id);
    if (!shape) continue;
    shapes.add(id);
    const own = shape.table.slot < 0 ? shape.table.value : wordOf(segment, n, shape, shape.table.slot);
    if (own !== lastTable || !last) {
      last = groups.get((lastTable = own));
      if (!last) groups.set(own, (last = []));
    }
    last.push(n);
    for (let k = 0; k < shape.refs.length; k++) {
      const ref = shape.refs[k];
      if (ref?.kind !== 'table' || (ref.slot >= 0 && ref.slot === shape.table.slot)) continue;
      const target = ref.slot < 0 ? Number(ref.value) : wordOf(segment, n, shape, ref.slot);
      // Tables have numbers of a byte; what goes by a name is looked at each time.
      if (typeof own === 'number' && own < 256 && target < 256 && k < MOST_REFS) {
        const key = ((id * 256 + own) * 256 + target) * MOST_REFS + k;
        if (seen.has(key)) continue;
        seen.add(key);
      }
      const value = refText(book, segment, n, shape, ref);
      const list = jumps.get(value);
      if (!list) jumps.set(value, [n]);
      else if (list.at(-1) !== n) list.push(n);
    }
  }
  return {
    shapes: [...shapes],
    tables: new Map([...groups].map(([table, list]) => [table, Uint16Array.from(list)])),
    jumps,
  };
}

/** The word at a slot of a flow, which is its value where that has one word. */
export function wordOf(segment: Segment, n: number, shape: Template, slot: number): number {
  return segment.words[(segment.rows[n] ?? 0) + wordOfSlot(shape, slot)] ?? 0;
}

/** The canonical text of a reference in a flow. */
export function refText(book: ShapeBook, segment: Segment, n: number, shape: Template, ref: RefTemplate): string {
  if (ref.slot < 0) return ref.value;
  const at = (segment.rows[n] ?? 0) + wordOfSlot(shape, ref.slot);
  if (ref.form === 'name') return nameOf(book, segment.words[at] ?? 0);
  if (ref.form === 'vlan') return String((segment.words[at] ?? 0) & 0xfff);
  return textOfWords(kindOfSlot(shape, ref.slot), segment.words, at);
}
