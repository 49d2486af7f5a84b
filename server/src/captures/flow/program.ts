import * as layout from '../../../flow-reader/layout';
import { numberAt, setNumber, takeRoom, type Engine } from './engine';
import { hashOfText, mix } from './hash';
import { slotsOf, wordOfSlot, wordsOfSlot, type Template } from './template';

/**
 * A shape as the flow reader works on it: `PROGRAM` numbers, then those of its slots, of the terms whose values hashes take, and of bits
 * that values must not have. See `server/flow-reader/layout.ts`.
 */
export function programOf(shape: Template): Int32Array {
  const { table, priority, next } = shape;
  const terms = shape.terms.filter(({ hash }) => hash !== 0);
  const lacking = [...(shape.outside ?? [])].flatMap(([slot, words]) =>
    words.flatMap((bits, word) => (bits === 0 ? [] : [slot, word, bits])),
  );
  const head = new Int32Array(layout.PROGRAM);
  head[layout.SLOTS] = slotsOf(shape);
  head[layout.ROW_WORDS] = shape.rowWords;
  head[layout.LENGTHS_AT] = shape.lengthsAt;
  head[layout.PACKETS] = shape.packets;
  head[layout.TABLE_SLOT] = table.slot;
  head[layout.TABLE_HASH] = typeof table.value === 'number' ? mix(1, table.value) : hashOfText(table.value);
  head[layout.TABLE_NUMBER] = typeof table.value === 'number' ? table.value : -1;
  head[layout.PRIORITY_SLOT] = priority.slot;
  head[layout.PRIORITY] = priority.value;
  head[layout.CONST_HASH] = shape.constHash;
  head[layout.NEXT_SLOT] = next ? next.slot : -2;
  head[layout.NEXT_NUMBER] = next?.value ?? 0;
  head[layout.TERMS] = terms.length;
  head[layout.LACKING] = lacking.length / layout.LACK;
  return Int32Array.from([
    ...head,
    ...shape.slots,
    ...terms.flatMap(({ hash, slot, base, shift }) => [
      hash,
      wordOfSlot(shape, slot),
      wordsOfSlot(shape, slot),
      Number(base),
      shift,
    ]),
    ...lacking,
  ]);
}

/** Lets the engine read lines of the shapes from `id` on, whose programs stand one behind the other. */
export function addPrograms(engine: Engine, id: number, programs: Int32Array): void {
  const at = takeRoom(engine, programs.length * 4);
  engine.i32.set(programs, at >> 2);
  for (let program = 0; program < programs.length; id++) {
    setNumber(engine, layout.PROGRAMS_AT + id * 4, at + program * 4);
    program += lengthOf(programs, program);
  }
}

/** How many numbers a program has that starts at a place among them. */
function lengthOf(programs: Int32Array, at: number): number {
  const of = (property: number) => programs[at + property] ?? 0;
  return layout.PROGRAM + of(layout.SLOTS) * layout.SLOT + of(layout.TERMS) * layout.TERM + of(layout.LACKING) * layout.LACK;
}

/** The slots of a shape that the engine knows: `Template.slots`. */
export function slotsOfProgram(engine: Engine, id: number): Int32Array {
  const at = numberAt(engine, layout.PROGRAMS_AT + id * 4) >> 2;
  const slots = at + layout.PROGRAM;
  return engine.i32.slice(slots, slots + (engine.i32[at + layout.SLOTS] ?? 0) * layout.SLOT);
}
