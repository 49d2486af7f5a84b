import {
  BYTES,
  CONST_HASH,
  ENDS_AT,
  LENGTHS_AT,
  NUMBERS_AT,
  PACKETS,
  PRIORITY,
  PRIORITY_SLOT,
  PROGRAM,
  SLOT,
  SLOTS,
  STARTS_AT,
  TABLE_HASH,
  TABLE_SLOT,
  TERM,
  TERMS,
  WORDS_AT,
} from './layout';

/** Two words into one; the same as in `captures/flow/hash.ts`. */
function mix(hash: u32, word: u32): u32 {
  let h = (hash ^ word) * 0x9e3779b1;
  h ^= h >> 15;
  return (h * 0x85ebca6b) ^ (h >> 13);
}

/** Writes the values of the line that was matched last into a row; gives the flow's hash. */
export function writeRow(program: usize, row: usize): u32 {
  const count = load<i32>(program, SLOTS * 4);
  const packets = load<i32>(program, PACKETS * 4);
  let lengthWord = row + (load<i32>(program, LENGTHS_AT * 4) << 2);
  let lengths: u32 = 0;
  let slot = program + PROGRAM * 4;
  for (let n = 0; n < count; n++, slot += SLOT * 4) {
    const head = load<u32>(slot);
    const word = load<i32>(slot, 4);
    if (word >= 0) {
      const into = row + (word << 2);
      const from = WORDS_AT + (n << 4);
      const size = (head >> 4) & 15;
      if (n === packets) {
        const number = <u64>load<f64>(NUMBERS_AT + (n << 3));
        store<u32>(into, <u32>(number >> 32));
        store<u32>(into, <u32>number, 4);
      } else {
        store<u32>(into, load<u32>(from));
        if (size > 1) store<u32>(into, load<u32>(from, 4), 4);
        if (size > 2) {
          store<u32>(into, load<u32>(from, 8), 8);
          store<u32>(into, load<u32>(from, 12), 12);
        }
      }
    }
    const length = load<u32>(ENDS_AT + (n << 2)) - load<u32>(STARTS_AT + (n << 2));
    lengths |= ((head & 15) === BYTES ? (length + 1) / 3 : length) << ((n & 3) << 3);
    if ((n & 3) === 3 || n === count - 1) {
      store<u32>(lengthWord, lengths);
      lengthWord += 4;
      lengths = 0;
    }
  }
  return hashOfRow(program, row);
}

function wordOfSlot(program: usize, slot: i32): i32 {
  return load<i32>(program + (PROGRAM + slot * SLOT + 1) * 4);
}

function hashOfRow(program: usize, row: usize): u32 {
  const table = load<i32>(program, TABLE_SLOT * 4);
  const priority = load<i32>(program, PRIORITY_SLOT * 4);
  const place = table < 0 ? load<u32>(program, TABLE_HASH * 4) : mix(1, load<u32>(row + (wordOfSlot(program, table) << 2)));
  let hash = mix(place, priority < 0 ? load<u32>(program, PRIORITY * 4) : load<u32>(row + (wordOfSlot(program, priority) << 2)));
  const terms = load<i32>(program, TERMS * 4);
  let term = program + (PROGRAM + load<i32>(program, SLOTS * 4) * SLOT) * 4;
  for (let n = 0; n < terms; n++, term += TERM * 4) {
    const from = row + (load<i32>(term, 4) << 2);
    const count = load<i32>(term, 8);
    let own = load<u32>(term);
    if (count === 1) {
      const value = (load<u32>(from) << load<u32>(term, 16)) | load<u32>(term, 12);
      if (value !== 0) own = mix(own, value);
    } else {
      let high = 0;
      while (high < count && load<u32>(from + (high << 2)) === 0) high++;
      for (let k = count - 1; k >= high; k--) own = mix(own, load<u32>(from + (k << 2)));
    }
    hash += own;
  }
  return hash + load<u32>(program, CONST_HASH * 4);
}
