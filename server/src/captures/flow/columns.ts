import { parseNumber } from '../../base/bits';
import type { Line, Lines } from '../../base/lines';
import { parseIpv4, parseIpv6, parseMac } from '../../packet/address';
import type { FlowBits } from '../../packet/flow-shape';
import type { Flow } from '../../packet/openflow';
import type { Ref, RefKind } from '../capture';
import { flowFrom, segmentOfLine, type SegmentedText } from '../segmented';
import { looseColumns, type LooseColumns, type LooseFlow } from './loose-flows';
import { HAS_PORTS, IS_BROKEN } from './odd-flows';
import { hashFilter } from './repeats';
import type { ReadFlow } from './read';
import { hashOfPorts, hashOfRowPorts, sameRows, type Row } from './same';
import type { Segment } from './segment';
import { idOf, nameOf, shapeOf, type ShapeBook } from './shapes';
import { isMatch, lowerBound, readLines, type FlowStore } from './store';
import { refText, summaryOf, wordOf } from './summary';
import { kindOfSlot, literalOfSlot, wordOfSlot, wordsOfSlot, type RefTemplate, type Template } from './template';
import { Kind, lengthOfCode, wordsOfKind } from './tokens';
import { hashOfValue, mayHold, valuesIn } from './value-filter';

/** As many flows as a store keeps ready, because what looks at one often looks again. */
const READY = 256;
/** So many flows are looked at between two pauses: less than a millisecond's work. */
const MANY = 4000;

/** What a store of columns is made of. */
export interface FlowColumns {
  readonly book: ShapeBook;
  readonly text: SegmentedText;
  readonly lines: Lines;
  /** The lines (0-based, inclusive) that the capture reaches over: all flows of known shapes on them are its own. */
  readonly firstLine: number;
  readonly lastLine: number;
  /** The flows among them that were read with what stands around them. */
  readonly loose: readonly LooseFlow[];
}

/** The flows of one segment that belong to a store. */
interface Part {
  readonly segment: Segment;
  readonly firstLine: number;
  /** Which of the segment's flows: from `from` on, and before `to`. */
  readonly from: number;
  readonly to: number;
  /** How many flows of known shapes the parts before hold. */
  readonly before: number;
}

/** The columns of stores, for comparing one with another. */
const partsOfStore = new WeakMap<FlowStore, readonly Part[]>();

/** The flows of known shapes, of stores of one book. */
const rowsOfStore = new WeakMap<FlowStore, { readonly book: ShapeBook; rowOf(i: number): Row | undefined }>();

/** Flows of known shapes in columns, and others among them; in steps. */
export function* storeOfColumns(columns: FlowColumns): Generator<void, FlowStore> {
  const { book, lines } = columns;
  const parts = partsOf(columns);
  const loose = yield* looseColumns(columns.text, columns.firstLine, columns.lastLine, columns.loose);
  const known = parts.reduce((sum, part) => sum + part.to - part.from, 0);
  const count = known + loose.count;
  const looseAt = yield* placesOfLoose(parts, loose);

  // Where the last look-up was: the next one is most often beside it.
  let part = parts[0];
  let partEnd = part ? part.to - part.from : 0;
  let nextLoose = 0;
  /** Sets `part`, and gives the flow's number in its segment, or -1 - k for the k-th loose one. */
  const locate = (i: number): number => {
    if ((nextLoose > 0 && (looseAt[nextLoose - 1] ?? 0) >= i) || (looseAt[nextLoose] ?? count) < i)
      nextLoose = lowerBound(looseAt.length, (k) => (looseAt[k] ?? 0) >= i);
    if (looseAt[nextLoose] === i) return -1 - nextLoose;
    const p = i - nextLoose;
    if (!part || p < part.before || p >= partEnd) {
      const n = lowerBound(parts.length, (k) => (parts[k]?.before ?? 0) > p) - 1;
      part = parts[n];
      if (!part || p < 0 || p >= known) throw new RangeError(`there is no flow ${i}; the store has ${count}`);
      partEnd = part.before + part.to - part.from;
    }
    return part.from + p - part.before;
  };
  const shapeOfPlace = (place: number): Template | undefined =>
    place < 0 || !part ? undefined : shapeOf(book, part.segment.shapes[place] ?? 0);
  const rowOf = (i: number) => {
    const n = locate(i);
    const shape = shapeOfPlace(n);
    if (!shape || !part) return undefined;
    const { words, rows, hashes } = part.segment;
    return { shape, words, at: rows[n] ?? 0, hash: hashes[n] ?? 0 };
  };
  const firstLineOf = (i: number): number => {
    if (i < 0 || i >= count) return -1;
    const place = locate(i);
    return place < 0 ? (loose.firstLines[-1 - place] ?? 0) : (part?.firstLine ?? 0) + (part?.segment.lines[place] ?? 0);
  };
  const lastLineOf = (i: number): number => {
    if (i < 0 || i >= count) return -1;
    const place = locate(i);
    return place < 0 ? (loose.lastLines[-1 - place] ?? 0) : firstLineOf(i);
  };
  let lastAt = -1;
  let tableNames: readonly (number | string)[] | undefined;
  /** The flows of each table that was asked for: as a rule a bridge's flows share these arrays. */
  const inTables = new Map<number | string, Uint32Array>();
  let looseTables: Map<number | string, number[]> | undefined;
  /** The places of the loose flows of a table. */
  const looseIn = (table: number | string): readonly number[] => {
    looseTables ??= grouped(loose.tables, looseAt);
    return looseTables.get(table) ?? [];
  };
  const from = (line: number) => lowerBound(count, (i) => lastLineOf(i) >= line);

  const ready = new Map<number, ReadFlow>();
  const read = (i: number): ReadFlow => {
    const kept = ready.get(i);
    if (kept) return kept;
    const place = locate(i);
    const own = place < 0 ? loose.lines.get(-1 - place) : undefined;
    const made = readLines(own ?? [...span(lines, firstLineOf(i), lastLineOf(i))]);
    if (!made) throw new Error(`flow ${i} can't be read a second time`);
    if (ready.size >= READY) ready.clear();
    ready.set(i, made);
    return made;
  };

  const store: FlowStore = {
    count,
    firstLineOf,
    lastLineOf,
    at(line) {
      // Most often the flow behind the one that was asked for last.
      const i = firstLineOf(lastAt + 1) === line ? lastAt + 1 : from(line);
      lastAt = i;
      return i < count && firstLineOf(i) <= line ? i : undefined;
    },
    from,
    tableOf(i) {
      const place = locate(i);
      const shape = shapeOfPlace(place);
      if (!shape || !part) return loose.tables[-1 - place] ?? 0;
      return shape.table.slot < 0 ? shape.table.value : wordOf(part.segment, place, shape, shape.table.slot);
    },
    priorityOf(i) {
      const place = locate(i);
      const shape = shapeOfPlace(place);
      if (!shape || !part) return loose.priorities[-1 - place] ?? 0;
      return shape.priority.slot < 0 ? shape.priority.value : wordOf(part.segment, place, shape, shape.priority.slot);
    },
    shapeOf: (i) => shapeOfPlace(locate(i)),
    matchOf(i) {
      const place = locate(i);
      const shape = shapeOfPlace(place);
      return shape && part ? bitsOf(book, part.segment, place, shape) : read(i).flow.match;
    },
    isBroken(i) {
      const place = locate(i);
      return place < 0 && ((loose.marks[-1 - place] ?? 0) & IS_BROKEN) !== 0;
    },
    hashOf(i) {
      const place = locate(i);
      return place < 0 ? (loose.hashes[-1 - place] ?? 0) : (part?.segment.hashes[place] ?? 0);
    },
    exactHashOf(i, numbers) {
      const row = rowOf(i);
      if (row) return (row.hash + hashOfRowPorts(book, row, numbers)) | 0;
      const k = -1 - locate(i);
      const hash = loose.hashes[k] ?? 0;
      return ((loose.marks[k] ?? 0) & HAS_PORTS) !== 0 ? (hash + hashOfPorts(store.matchOf(i), numbers)) | 0 : hash;
    },
    sameMatch(i, other, k) {
      const rows = rowsOfStore.get(other);
      const own = rowOf(i);
      const row = rows?.book === book ? rows.rowOf(k) : undefined;
      return own && row && sameRows(book, own, row);
    },
    sameFlows(other) {
      const others = partsOfStore.get(other);
      return others !== undefined && other.count === count && sameParts(book, parts, others);
    },
    *suspects() {
      const { repeats } = columns.text;
      const filter = hashFilter();
      for (const hash of repeats) filter.add(hash);
      /** Hashes of flows that are no segment's, and those that they share with another flow: `repeats` knows nothing of them. */
      const others = new Set<number>();
      const met = new Set<number>();
      for (const hash of loose.loose) {
        if (others.has(hash)) met.add(hash);
        others.add(hash);
        filter.add(hash);
      }
      const isSuspect = (hash: number) => filter.has(hash) && (met.has(hash) || repeats.has(hash));
      const found: number[] = [];
      for (const own of parts) {
        yield undefined;
        const { hashes } = own.segment;
        for (let n = own.from; n < own.to; n++) {
          const hash = hashes[n] ?? 0;
          if (!filter.has(hash)) continue;
          if (others.has(hash)) met.add(hash);
          if (isSuspect(hash)) found.push(indexOf(own, n));
        }
      }
      // Of the odd flows of segments all are looked at before any is given: one may share its hash with one before it.
      if (others.size > 0) {
        const seen = new Map<number, number>();
        for (let k = 0; k < loose.count; k++) {
          if (k % MANY === MANY - 1) yield undefined;
          const hash = loose.hashes[k] ?? 0;
          if (others.has(hash)) seen.set(hash, (seen.get(hash) ?? 0) + 1);
        }
        for (const [hash, times] of seen) if (times > 1) met.add(hash);
      }
      let next = 0;
      for (let k = 0; k < loose.count; k++) {
        if (k % MANY === MANY - 1) yield undefined;
        // What is not known to its end says the same as no other.
        if (((loose.marks[k] ?? 0) & IS_BROKEN) !== 0 || !isSuspect(loose.hashes[k] ?? 0)) continue;
        const flow = looseAt[k] ?? 0;
        for (; (found[next] ?? count) < flow; next++) yield found[next] ?? 0;
        yield flow;
      }
      for (; next < found.length; next++) yield found[next] ?? 0;
    },
    tables() {
      if (tableNames) return tableNames;
      const firsts = new Map<number | string, number>();
      const note = (table: number | string, i: number) => firsts.set(table, Math.min(i, firsts.get(table) ?? i));
      for (const own of parts) for (const [table, list] of summaryOf(book, own).tables) note(table, indexOf(own, list[0] ?? 0));
      loose.tables.forEach((table, k) => note(table, looseAt[k] ?? 0));
      return (tableNames = [...firsts].sort(([, a], [, b]) => a - b).map(([table]) => table));
    },
    inTable(table) {
      const known = inTables.get(table);
      if (known) return known;
      const lists = parts.map((own) => summaryOf(book, own).tables.get(table));
      const odd = looseIn(table);
      const all = new Uint32Array(lists.reduce((sum, list) => sum + (list?.length ?? 0), odd.length));
      let used = 0;
      let before = 0;
      let next = 0;
      parts.forEach((own, k) => {
        for (const n of lists[k] ?? []) {
          // All of them ascend: how many loose ones are before a flow is counted on from the flow before it.
          const p = own.before + n - own.from;
          while (before < loose.count && (looseAt[before] ?? 0) - before <= p) before++;
          const flow = p + before;
          for (; (odd[next] ?? count) < flow; next++) all[used++] = odd[next] ?? 0;
          all[used++] = flow;
        }
      });
      for (; next < odd.length; next++) all[used++] = odd[next] ?? 0;
      inTables.set(table, all);
      return all;
    },
    flow: (i): Flow => read(i).flow,
    refs: (i): readonly Ref[] => read(i).refs,
    like(test) {
      const isLike = perShape(book, (shape) => shape !== undefined && test(shape.sample()));
      const found: number[] = [];
      for (const own of parts) {
        if (!summaryOf(book, own).shapes.some(isLike)) continue;
        const { shapes } = own.segment;
        for (let n = own.from; n < own.to; n++) if (isLike(shapes[n] ?? 0)) found.push(indexOf(own, n));
      }
      const odd = [...looseAt].filter((i) => test(read(i).flow));
      return odd.length > 0 ? [...found, ...odd].sort((a, b) => a - b) : found;
    },
    hasLike(test) {
      const isLike = perShape(book, (shape) => shape !== undefined && test(shape.sample()));
      for (const own of parts) {
        const { shapes } = own.segment;
        for (let n = own.from; n < own.to; n++) if (isLike(shapes[n] ?? 0)) return true;
      }
      for (const i of looseAt) if (test(read(i).flow)) return true;
      return false;
    },
    *jumps(table) {
      let next = 0;
      const looseBefore = function* (i: number) {
        for (; next < loose.count && (looseAt[next] ?? count) < i; next++) {
          const own = looseAt[next] ?? 0;
          if (read(own).refs.some((ref) => ref.kind === 'table' && ref.value === table)) yield own;
        }
      };
      for (const own of parts) {
        for (const n of summaryOf(book, own).jumps.get(table) ?? []) {
          const flow = indexOf(own, n);
          if (loose.count > 0) yield* looseBefore(flow);
          yield flow;
        }
      }
      yield* looseBefore(count);
    },
    *matching(field, value, mask) {
      const asks = perShape(book, (shape) => wantedTerms(shape, field, value, mask));
      let next = 0;
      const looseBefore = function* (i: number) {
        for (; next < loose.count && (looseAt[next] ?? count) < i; next++) {
          const flow = looseAt[next] ?? 0;
          if (read(flow).flow.match.some((term) => isMatch(term, field, value, mask))) yield flow;
        }
      };
      for (const own of parts) {
        const { segment } = own;
        if (!mayHave(book, own, asks)) continue;
        for (let n = own.from; n < own.to; n++) {
          const asked = asks(segment.shapes[n] ?? 0);
          if (!asked) continue;
          const row = segment.rows[n] ?? 0;
          if (!asked.some(({ at, words }) => isAt(segment.words, row + at, words))) continue;
          const flow = indexOf(own, n);
          if (loose.count > 0) yield* looseBefore(flow);
          yield flow;
        }
      }
      yield* looseBefore(count);
    },
    *mentions(kind, value, from = 0) {
      const asks = perShape(book, (shape) => wantedIn(book, shape, kind, value));
      let next = lowerBound(looseAt.length, (k) => (looseAt[k] ?? 0) >= from);
      const looseBefore = function* (i: number) {
        for (; next < loose.count && (looseAt[next] ?? count) < i; next++) {
          const own = looseAt[next] ?? 0;
          for (const ref of read(own).refs) if (ref.kind === kind && ref.value === value) yield { flow: own, ref };
        }
      };
      for (const own of parts) {
        const { segment } = own;
        if (indexOf(own, own.to - 1) < from || !mayHave(book, own, asks)) continue;
        for (let n = own.from; n < own.to; n++) {
          const id = segment.shapes[n] ?? 0;
          const asked = asks(id);
          if (!asked || (from > 0 && indexOf(own, n) < from)) continue;
          const shape = shapeOf(book, id);
          const row = segment.rows[n] ?? 0;
          for (const { ref, words, at } of asked) {
            if (!shape || !isAt(segment.words, row + at, words)) continue;
            const flow = indexOf(own, n);
            if (loose.count > 0) yield* looseBefore(flow);
            const start = columns.text.lines.startOf(own.firstLine + (segment.lines[n] ?? 0)) ?? 0;
            const found = spanOf(segment, n, shape, ref);
            const made = { kind, value, span: { start: start + found.start, end: start + found.end } };
            // Two spellings of an IPv6 address are two references.
            if (ref.slot >= 0 && ref.form === 'text' && columns.text.slice(made.span.start, made.span.end) !== value) continue;
            yield { flow, ref: made };
          }
        }
      }
      yield* looseBefore(count);
    },
    named(kind) {
      const found = new Set<string>();
      for (const own of parts) {
        for (let n = own.from; n < own.to; n++) {
          const shape = book.shapes[own.segment.shapes[n] ?? 0];
          for (const ref of shape?.refs ?? []) {
            if (ref.kind !== kind || !shape) continue;
            // An IPv6 address stands for itself as it is written.
            if (ref.slot >= 0 && kindOfSlot(shape, ref.slot) === Kind.ipv6) found.add(written(own, n, shape, ref));
            else found.add(ref.slot < 0 ? ref.value : refText(book, own.segment, n, shape, ref));
          }
        }
      }
      for (const i of looseAt) for (const ref of read(i).refs) if (ref.kind === kind) found.add(ref.value);
      return found;
    },
  };
  if (loose.count === 0) partsOfStore.set(store, parts);
  rowsOfStore.set(store, { book, rowOf });
  return store;

  function written(own: Part, n: number, shape: Template, ref: RefTemplate): string {
    const start = columns.text.lines.startOf(own.firstLine + (own.segment.lines[n] ?? 0)) ?? 0;
    const found = spanOf(own.segment, n, shape, ref);
    return columns.text.slice(start + found.start, start + found.end);
  }

  /** The place among all flows of a part's `n`-th. */
  function indexOf(own: Part, n: number): number {
    const p = own.before + n - own.from;
    return p + lowerBound(looseAt.length, (k) => (looseAt[k] ?? 0) - k > p);
  }
}

/** Whether two runs of flows say the same but for what they count. */
function sameParts(book: ShapeBook, own: readonly Part[], others: readonly Part[]): boolean {
  let k = 0;
  let other = others[0];
  let m = other?.from ?? 0;
  for (const part of own) {
    for (let n = part.from; n < part.to; n++, m++) {
      while (other && m >= other.to) {
        other = others[++k];
        m = other?.from ?? 0;
      }
      if (!other) return false;
      if (part.segment === other.segment && n === m) continue;
      const id = part.segment.shapes[n] ?? 0;
      const shape = shapeOf(book, id);
      if (!shape || other.segment.shapes[m] !== id) return false;
      const a = part.segment.rows[n] ?? 0;
      const b = other.segment.rows[m] ?? 0;
      const counter = shape.packets < 0 ? -2 : wordOfSlot(shape, shape.packets);
      for (let w = 0; w < shape.lengthsAt; w++) {
        if (w !== counter && w !== counter + 1 && part.segment.words[a + w] !== other.segment.words[b + w]) return false;
      }
    }
  }
  return true;
}

function* span(lines: Lines, first: number, last: number): Generator<Line> {
  for (let n = first; n <= last; n++) {
    const line = lines.at(n);
    if (line) yield line;
  }
}

function partsOf({ text, firstLine, lastLine }: FlowColumns): Part[] {
  const parts: Part[] = [];
  let before = 0;
  for (let n = Math.max(0, segmentOfLine(text, firstLine)); n < text.segments.length; n++) {
    const segment = text.segments[n];
    const first = text.firstLines[n] ?? 0;
    if (!segment || first > lastLine) break;
    const from = flowFrom(segment, firstLine - first);
    const to = flowFrom(segment, lastLine + 1 - first);
    if (to > from) parts.push({ segment, firstLine: first, from, to, before });
    before += Math.max(0, to - from);
  }
  return parts;
}

function grouped(tables: readonly (number | string)[], places: Uint32Array): Map<number | string, number[]> {
  const groups = new Map<number | string, number[]>();
  tables.forEach((table, k) => {
    const list = groups.get(table);
    if (list) list.push(places[k] ?? 0);
    else groups.set(table, [places[k] ?? 0]);
  });
  return groups;
}

/** The place among all flows of each loose one: behind those of known shapes that stand before it. */
function* placesOfLoose(parts: readonly Part[], { count, firstLines }: LooseColumns): Generator<void, Uint32Array> {
  const places = new Uint32Array(count);
  let n = 0;
  let flow = parts[0]?.from ?? 0;
  for (let k = 0; k < count; k++) {
    if (k % MANY === MANY - 1) yield;
    const line = firstLines[k] ?? 0;
    for (; n < parts.length; flow = parts[++n]?.from ?? 0) {
      const part = parts[n];
      while (part && flow < part.to && part.firstLine + (part.segment.lines[flow] ?? 0) < line) flow++;
      if (part && flow < part.to) break;
    }
    const part = parts[n];
    places[k] = (part ? part.before + flow - part.from : (parts.at(-1)?.before ?? 0) + lengthOf(parts.at(-1))) + k;
  }
  return places;
}

function lengthOf(part: Part | undefined): number {
  return part ? part.to - part.from : 0;
}

function bitsOf(book: ShapeBook, segment: Segment, n: number, shape: Template): FlowBits[] {
  const row = segment.rows[n] ?? 0;
  return shape.terms.map(({ field, mask, base, slot, shift, name }): FlowBits => {
    if (slot < 0) return name === undefined ? { field, mask, value: base } : { field, mask, value: base, portName: name };
    const at = row + wordOfSlot(shape, slot);
    if (name !== undefined) return { field, mask, value: base, portName: nameOf(book, segment.words[at] ?? 0) };
    let value = 0n;
    for (let k = 0; k < wordsOfSlot(shape, slot); k++) value = (value << 32n) | BigInt(segment.words[at + k] ?? 0);
    return { field, mask, value: (value << BigInt(shift)) | base };
  });
}

/** What is worked out of each shape once, when it is first met. */
function perShape<T>(book: ShapeBook, make: (shape: Template | undefined) => T | undefined): (id: number) => T | undefined {
  const known = new Uint8Array(book.shapes.length);
  const made: (T | undefined)[] = [];
  return (id) => {
    if (known[id] === 0) {
      known[id] = 1;
      made[id] = make(shapeOf(book, id));
    }
    return made[id];
  };
}

function isAt(words: Uint32Array, at: number, wanted: readonly number[]): boolean {
  for (let k = 0; k < wanted.length; k++) if (words[at + k] !== wanted[k]) return false;
  return true;
}

/** Words that a term's value must be; none where every flow of the shape has it. */
interface WantedTerm {
  readonly at: number;
  readonly words: readonly number[];
  readonly hash: number;
}

/** Whether flows of a part may have what is asked of their shapes. */
function mayHave(book: ShapeBook, part: Part, asks: (id: number) => readonly WantedTerm[] | undefined): boolean {
  const filter = valuesIn(book, part.segment);
  return summaryOf(book, part).shapes.some(
    (id) => asks(id)?.some(({ words, hash }) => words.length === 0 || mayHold(filter, hash)) ?? false,
  );
}

function wantedTerms(shape: Template | undefined, field: string, value: bigint, mask: bigint): readonly WantedTerm[] | undefined {
  const found: WantedTerm[] = [];
  if (!shape) return undefined;
  for (const term of shape.terms) {
    if (term.field !== field || term.mask !== mask) continue;
    if (term.slot < 0 || term.name !== undefined) {
      if (term.name !== undefined || term.base === value) found.push({ at: 0, words: [], hash: 0 });
      continue;
    }
    const words = wordsOfSlot(shape, term.slot);
    const own = (value ^ term.base) >> BigInt(term.shift);
    if (((own << BigInt(term.shift)) | term.base) !== value || own >> BigInt(32 * words) !== 0n) continue;
    const wanted = wordsOf(own, words);
    found.push({ at: wordOfSlot(shape, term.slot), words: wanted, hash: hashOfValue(field, wanted) });
  }
  return found.length > 0 ? found : undefined;
}

function wordsOf(value: bigint, words: number): number[] {
  return Array.from({ length: words }, (_, k) => Number((value >> BigInt(32 * (words - 1 - k))) & 0xffffffffn));
}

/** A reference that is looked for in the flows of a shape: the words that its value must be. */
interface Wanted extends WantedTerm {
  readonly ref: RefTemplate;
}

/** What to look for in the flows of a shape; undefined where none of them can name the value. */
function wantedIn(book: ShapeBook, shape: Template | undefined, kind: RefKind, value: string): readonly Wanted[] | undefined {
  const found: Wanted[] = [];
  if (!shape) return undefined;
  for (const ref of shape.refs) {
    if (ref.kind !== kind) continue;
    if (ref.slot < 0) {
      if (ref.value === value) found.push({ ref, at: 0, words: [], hash: 0 });
      continue;
    }
    for (const words of wordsOfText(book, kindOfSlot(shape, ref.slot), ref, value))
      found.push({ ref, at: wordOfSlot(shape, ref.slot), words, hash: hashOfValue(kind, words) });
  }
  return found.length > 0 ? found : undefined;
}

/** The words that a reference's canonical text may be in a row; none where it is no value of that kind. */
function wordsOfText(book: ShapeBook, kind: Kind, { form }: RefTemplate, value: string): readonly (readonly number[])[] {
  if (form === 'name') {
    const id = idOf(book, value);
    return id === undefined ? [] : [[id]];
  }
  const number =
    kind === Kind.mac && form === 'text'
      ? parseMac(value)
      : kind === Kind.ipv4
        ? parseIpv4(value)
        : kind === Kind.ipv6
          ? parseIpv6(value)
          : parseNumber(value);
  if (number === undefined) return [];
  const words = wordsOfKind[kind] ?? 1;
  if (number >> BigInt(32 * words) !== 0n) return [];
  const of = (n: bigint) => wordsOf(n, words);
  // A VLAN's text is 12 bits of a word whose other bits are what they are: the presence bit, a priority.
  if (form === 'vlan') return number > 0xfffn ? [] : Array.from({ length: 16 }, (_, high) => of((BigInt(high) << 12n) | number));
  return [of(number)];
}

/** Where a reference stands in its line. */
function spanOf(segment: Segment, n: number, shape: Template, ref: RefTemplate): { start: number; end: number } {
  const row = (segment.rows[n] ?? 0) + shape.lengthsAt;
  const lengthOf = (slot: number) =>
    lengthOfCode(kindOfSlot(shape, slot), ((segment.words[row + (slot >> 2)] ?? 0) >>> ((slot & 3) * 8)) & 0xff);
  const upTo = ref.slot < 0 ? ref.after : ref.slot - 1;
  let at = 0;
  for (let slot = 0; slot <= upTo; slot++) at += literalOfSlot(shape, slot) + lengthOf(slot);
  if (ref.slot < 0) return { start: at + ref.delta, end: at + ref.delta + ref.length };
  const start = at + literalOfSlot(shape, ref.slot);
  const end = start + lengthOf(ref.slot);
  return ref.form === 'name' ? { start: start + 1, end: end - 1 } : { start, end };
}
