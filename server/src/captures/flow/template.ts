import { SLOT } from '../../../flow-reader/layout';
import { formatIpv4, formatMac } from '../../packet/address';
import type { FlowShape } from '../../packet/flow-shape';
import type { RefKind } from '../capture';
import type { Flow } from '../../packet/openflow';
import { readFlow, takesAnyNumber, type ReadFlow } from './read';
import { placesOf, type Rules } from './rules';
import { hashesValue, hashOfTerm } from './hash';
import { Kind, wordsOfKind, type Token } from './tokens';

/** A part of a flow that is the same in all of a shape, or that one value tells. */
export interface TermTemplate {
  readonly field: string;
  readonly mask: bigint;
  readonly slot: number;
  /** The value where no slot tells it; else what the slot's value is set into, moved up by `shift` bits. */
  readonly base: bigint;
  readonly shift: number;
  /** The slot is a port's name, or the name is the same in all. */
  readonly name: 'slot' | string | undefined;
  /** Where a slot tells the value, the hash of field and mask; 0 where the value is left out, or is the same in all. */
  readonly hash: number;
}

/** How a reference's canonical value follows from a slot: the text, the number in decimal, a VLAN's 12 bits, the name in quotes. */
export type RefForm = 'text' | 'number' | 'vlan' | 'name';

export interface RefTemplate {
  readonly kind: RefKind;
  /** -1 where the reference is the same in all: `value` is it, and it stands `delta` characters behind value `after`. */
  readonly slot: number;
  readonly form: RefForm;
  readonly value: string;
  readonly after: number;
  readonly delta: number;
  readonly length: number;
}

/** What is learned from one flow of a shape. */
export interface Template extends FlowShape {
  /** `SLOT` numbers for each place of a value in the flow's text, its *slot*; see `kindOfSlot` and what follows it. */
  readonly slots: Int32Array;
  readonly table: { readonly slot: number; readonly value: number | string };
  readonly priority: { readonly slot: number; readonly value: number };
  readonly cookie: number;
  readonly packets: number;
  readonly terms: readonly TermTemplate[];
  /** Those of them that are ports, whose values hashes leave out. */
  readonly ports: readonly TermTemplate[];
  readonly refs: readonly RefTemplate[];
  readonly actions: readonly string[];
  /** The table that the flow goes on to (`goto_table`): a switch refuses one that does not come after the flow's own. */
  readonly next: { readonly slot: number; readonly value: number } | undefined;
  /** The words of a row: values, then the lengths of all slots, four to a word. */
  readonly rowWords: number;
  readonly lengthsAt: number;
  readonly indent: number;
  /** The hash's share of what is the same in all. */
  readonly constHash: number;
  /** Bits that values of more than a word must not have, by slot; of one word see `outsideOfSlot`. */
  readonly outside: ReadonlyMap<number, readonly number[]> | undefined;
}

export function slotsOf({ slots }: Template): number {
  return slots.length / SLOT;
}

export function kindOfSlot({ slots }: Template, slot: number): Kind {
  return ((slots[slot * SLOT] ?? 0) & 15) as Kind;
}

/** How many words of a row are a slot's value. */
export function wordsOfSlot({ slots }: Pick<Template, 'slots'>, slot: number): number {
  return ((slots[slot * SLOT] ?? 0) >> 4) & 15;
}

/** The length of what stands before a slot, from the one before it on. */
export function literalOfSlot({ slots }: Template, slot: number): number {
  return (slots[slot * SLOT] ?? 0) >>> 8;
}

/** Where a slot's words are in a row; -1 for a value that says nothing of what the flow does. */
export function wordOfSlot({ slots }: Pick<Template, 'slots'>, slot: number): number {
  return slots[slot * SLOT + 1] ?? -1;
}

/** The slot's number among the places of the rules; -1 where any value will do. */
export function placeOfSlot({ slots }: Template, slot: number): number {
  return slots[slot * SLOT + 2] ?? -1;
}

/** Bits that a value of one word must not have, as its mask lacks them: what becomes of them is the ordinary reader's to say. */
export function outsideOfSlot({ slots }: Template, slot: number): number {
  return slots[slot * SLOT + 3] ?? 0;
}

/** The first token that ends behind `offset`. */
function tokenFrom(tokens: readonly Token[], offset: number): number {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tokens[middle]?.end ?? 0) > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Makes a template of a flow and the values in its text; undefined where what was read does not follow from the values. */
export function templateOf(
  id: number,
  text: string,
  tokens: readonly Token[],
  read: ReadFlow,
  rules: Rules,
): Template | undefined {
  const { flow } = read;
  if (read.errors.length > 0 || flow.broken || flow.match.some((term) => term.unknown)) return undefined;
  /** The only token inside a stretch: -1 where there is none, -2 where there are several. */
  const inside = (start: number, end: number): number => {
    const first = tokenFrom(tokens, start);
    const from = (tokens[first]?.start ?? end) < start ? first + 1 : first;
    if ((tokens[from]?.end ?? Infinity) > end) return -1;
    return (tokens[from + 1]?.end ?? Infinity) > end ? from : -2;
  };
  const needed = new Uint8Array(tokens.length);
  const need = (slot: number) => {
    needed[slot] = 1;
    return slot;
  };
  if (flow.actions.length > 0) {
    for (let n = tokens.length - 1; n >= 0 && (tokens[n]?.start ?? 0) >= flow.actionsSpan.start; n--)
      if (!isTime(tokens[n]?.kind)) needed[n] = 1;
  }

  /** The slot that a part of the flow is told by as it is written; -1 where no value stands there, undefined where it is not told. */
  const told = (part: { readonly span: { readonly start: number; readonly end: number } }, value: string): number | undefined => {
    const { start, end } = part.span;
    const slot = inside(start, end);
    if (slot === -1) return -1;
    const token = tokens[slot];
    return token?.start === start && token.end === end && text.slice(start, end) === value ? need(slot) : undefined;
  };
  const isOf = (slot: number, ...kinds: Kind[]) => slot < 0 || kinds.includes(tokens[slot]?.kind ?? Kind.none);
  const table = told(flow.table, String(flow.table.value));
  const priority = told(flow.priority, String(flow.priority.value));
  const cookie = flow.cookie ? told(flow.cookie, flow.cookie.value) : -1;
  const packets = flow.packets ? told(flow.packets, String(flow.packets.value)) : -1;
  if (table === undefined || priority === undefined || cookie === undefined || packets === undefined) return undefined;
  if (!isOf(table, Kind.decimal) || !isOf(priority, Kind.decimal) || !isOf(packets, Kind.decimal)) return undefined;
  if (!isOf(cookie, Kind.hex32, Kind.hex64, Kind.decimal)) return undefined;

  const last = flow.actions.find((action) => action.kind === 'goto-table');
  const goto = last && { table: last.table, slot: inside(last.span.start, last.span.end) };

  const terms: TermTemplate[] = [];
  let constHash = 0;
  for (const term of flow.match) {
    const { field, mask, value, portName } = term;
    const slot = inside(term.span.start, term.span.end);
    const token = tokens[slot];
    if (slot === -2) return undefined;
    if (!token || token.kind === Kind.name) {
      if (token && portName !== text.slice(token.start + 1, token.end - 1)) return undefined;
      const name = token ? 'slot' : portName;
      terms.push({ field, mask, slot: token ? need(slot) : -1, base: value, shift: 0, name, hash: 0 });
      constHash = (constHash + hashOfTerm(field, hashesValue(field) && name === undefined ? value : 0n, mask)) | 0;
      continue;
    }
    const fit = portName === undefined ? fitting(valueOf(token), value, wordsOfKind[token.kind] ?? 1) : undefined;
    if (!fit) return undefined;
    const hash = hashOfTerm(field, 0n, mask);
    const counts = hashesValue(field);
    if (!counts) constHash = (constHash + hash) | 0;
    const { base, shift } = fit;
    terms.push({ field, mask, slot: need(slot), base, shift, name: undefined, hash: counts ? hash : 0 });
  }

  const refs: RefTemplate[] = [];
  for (const ref of read.refs) {
    if (ref.scope !== undefined || ref.defines) return undefined;
    const { kind, span, value } = ref;
    const slot = tokenFrom(tokens, span.start);
    const token = tokens[slot];
    if (!token || token.start >= span.end) {
      const delta = span.start - (tokens[slot - 1]?.end ?? 0);
      refs.push({ kind, slot: -1, form: 'text', value, after: slot - 1, delta, length: span.end - span.start });
      continue;
    }
    const form = (tokens[slot + 1]?.start ?? Infinity) < span.end ? undefined : formOf(text, token, ref);
    if (!form) return undefined;
    refs.push({ kind, slot: need(slot), form, value: '', after: -1, delta: 0, length: 0 });
  }

  const slots = new Int32Array(tokens.length * SLOT);
  placeSlots(text, tokens, terms, rules, slots);
  let outside: Map<number, readonly number[]> | undefined;
  for (const term of terms) {
    if (term.slot < 0 || term.name !== undefined) continue;
    const words = wordsOfKind[tokens[term.slot]?.kind ?? Kind.none] ?? 1;
    const bits = BigInt.asUintN(32 * words, ~(term.mask >> BigInt(term.shift)));
    if (words === 1) slots[term.slot * SLOT + 3] = Number(bits);
    else if (bits !== 0n) {
      const lacking = Array.from({ length: words }, (_, k) => Number(BigInt.asUintN(32, bits >> BigInt(32 * (words - 1 - k)))));
      (outside ??= new Map<number, readonly number[]>()).set(term.slot, lacking);
    }
  }
  let word = 0;
  for (let n = 0; n < tokens.length; n++) {
    const token = tokens[n];
    if (!token) break;
    const words = needed[n] === 0 ? 0 : n === packets ? 2 : (wordsOfKind[token.kind] ?? 0);
    const before = token.start - (tokens[n - 1]?.end ?? 0);
    slots[n * SLOT] = token.kind | (words << 4) | (before << 8);
    slots[n * SLOT + 1] = words > 0 ? word : -1;
    word += words;
  }
  return makeTemplate({
    id,
    text,
    slots,
    table: { slot: table, value: flow.table.value },
    priority: { slot: priority, value: flow.priority.value },
    cookie,
    packets,
    terms,
    refs,
    actions: flow.actions.map(({ kind }) => kind),
    next: goto && typeof goto.table === 'number' ? { slot: goto.slot, value: goto.table } : undefined,
    rowWords: word + Math.ceil(tokens.length / 4),
    lengthsAt: word,
    indent: text.length - text.trimStart().length,
    constHash,
    outside,
  });
}

/** What tells a template: the rest follows from it. */
export interface TemplateParts extends Omit<Template, 'fields' | 'ports' | 'sample'> {
  /** The flow that it was learned from. */
  readonly text: string;
}

export function makeTemplate({ text, ...parts }: TemplateParts): Template {
  // Kept as text: few shapes are ever asked for it.
  let sample: Flow | undefined;
  return {
    id: parts.id,
    fields: parts.terms,
    sample: () => (sample ??= flowOf(text)),
    slots: parts.slots,
    table: parts.table,
    priority: parts.priority,
    cookie: parts.cookie,
    packets: parts.packets,
    terms: parts.terms,
    ports: parts.terms.filter(({ field }) => !hashesValue(field)),
    refs: parts.refs,
    actions: parts.actions,
    next: parts.next,
    rowWords: parts.rowWords,
    lengthsAt: parts.lengthsAt,
    indent: parts.indent,
    constHash: parts.constHash,
    outside: parts.outside,
  };
}

function valueOf({ words, kind, number }: Token): bigint {
  if (kind === Kind.decimal) return BigInt(number);
  let value = BigInt(words[0] ?? 0);
  for (let n = 1; n < words.length; n++) value = (value << 32n) | BigInt(words[n] ?? 0);
  return value;
}

/** `result` as the value with bits set beside it, or moved up; values of more than a word must be the result itself. */
function fitting(value: bigint, result: bigint, words: number): { base: bigint; shift: number } | undefined {
  if (value === result) return { base: 0n, shift: 0 };
  if (words > 1 || result > 0xffffffffn) return undefined;
  const rest = result ^ value;
  if ((rest & value) === 0n && (rest | value) === result) return { base: rest, shift: 0 };
  for (let shift = 1; value !== 0n && shift <= 16; shift++) if (value << BigInt(shift) === result) return { base: 0n, shift };
  return undefined;
}

function formOf(
  text: string,
  token: Token,
  ref: { readonly value: string; readonly span: { readonly start: number; readonly end: number } },
): RefForm | undefined {
  const { start, end } = ref.span;
  if (token.kind === Kind.name) {
    return start === token.start + 1 && end === token.end - 1 && ref.value === text.slice(start, end) ? 'name' : undefined;
  }
  if (start !== token.start || end !== token.end) return undefined;
  const written = text.slice(start, end);
  if (token.kind === Kind.mac || token.kind === Kind.ipv4 || token.kind === Kind.ipv6)
    return ref.value === written ? 'text' : undefined;
  const value = valueOf(token);
  if (ref.value === value.toString()) return 'number';
  return ref.value === (value & 0xfffn).toString() ? 'vlan' : undefined;
}

/**
 * Gives each slot its place in the rules: that goes by the piece of the flow that the value stands in, values replaced by their kinds,
 * for a value means the same wherever that is written; and by how the value becomes a term's, which is part of what is trusted.
 */
function placeSlots(
  text: string,
  tokens: readonly Token[],
  terms: readonly TermTemplate[],
  rules: Rules,
  into: Int32Array,
): void {
  let depth = 0;
  let piece = 'if ';
  let from = 0;
  let next = 0;
  let inActions = false;
  // What stands from `since` on is part of the piece already as it is.
  let since = 0;
  const close = () => {
    if (next > from) {
      for (const { slot, name, base, shift } of terms)
        if (slot >= from && slot < next && name === undefined && (shift > 0 || base > 0n))
          piece += `\u0001${slot - from} ${base.toString()} ${shift}`;
      const any = !inActions && takesAnyNumber(piece.slice(3, Math.max(3, piece.indexOf('='))));
      const place = any ? -1 : placesOf(rules, piece, next - from);
      for (let n = from; n < next; n++) into[n * SLOT + 2] = any || isFree(tokens[n]?.kind) ? -1 : place + n - from;
      from = next;
    }
    piece = inActions ? 'do ' : 'if ';
  };
  let token = tokens[0];
  for (let i = 0; i < text.length; i++) {
    if (token?.start === i) {
      piece += text.slice(since, i) + (VALUE_MARKS[token.kind] ?? '');
      i = token.end - 1;
      since = token.end;
      token = tokens[++next];
      continue;
    }
    const c = text.charCodeAt(i);
    if (c === 40) depth++;
    else if (c === 41) depth--;
    else if (depth === 0 && (c === 44 || c === 32 || c === 9)) {
      piece += text.slice(since, i);
      since = i + 1;
      close();
    } else if (c === 61 && !inActions && depth === 0 && since === i - 7 && text.startsWith('actions', i - 7)) {
      since = i + 1;
      inActions = true;
      piece = 'do ';
    }
  }
  piece += text.slice(since);
  close();
}

const VALUE_MARKS: readonly string[] = wordsOfKind.map((_, kind) => `\u0000${kind.toString(36)}`);

/** Whether any value of the kind will do wherever one may stand. */
function isFree(kind: Kind | undefined): boolean {
  return isTime(kind) || kind === Kind.bytes;
}

/** Whether a value says nothing of what a flow does. */
function isTime(kind: Kind | undefined): boolean {
  return kind === Kind.seconds || kind === Kind.ages;
}

/** A row's values as a template makes them, to be held against what the ordinary reader makes of the same text. */
export function agrees(template: Template, text: string, tokens: readonly Token[], read: ReadFlow): boolean {
  const { flow } = read;
  if (read.errors.length > 0 || flow.broken) return false;
  const token = (slot: number) => tokens[slot];
  const number = (slot: number, value: number | string) => (slot < 0 ? value : token(slot)?.number);
  const written = (slot: number) => text.slice(token(slot)?.start ?? 0, token(slot)?.end ?? 0);
  if (number(template.table.slot, template.table.value) !== flow.table.value) return false;
  if (number(template.priority.slot, template.priority.value) !== flow.priority.value) return false;
  if (template.cookie >= 0 && written(template.cookie) !== flow.cookie?.value) return false;
  if (template.packets >= 0 && BigInt(token(template.packets)?.number ?? -1) !== flow.packets?.value) return false;
  if (flow.match.length !== template.terms.length || flow.actions.length !== template.actions.length) return false;
  if (flow.actions.some(({ kind }, n) => kind !== template.actions[n])) return false;
  for (let n = 0; n < template.terms.length; n++) {
    const term = template.terms[n];
    const own = flow.match[n];
    if (!term) break;
    const from = token(term.slot);
    if (!own || own.unknown || own.field !== term.field || own.mask !== term.mask) return false;
    const name = term.name === 'slot' && from ? text.slice(from.start + 1, from.end - 1) : term.name;
    if (own.portName !== name) return false;
    const value =
      !from || term.name !== undefined
        ? term.base
        : term.shift === 0 && term.base === 0n
          ? valueOf(from)
          : (valueOf(from) << BigInt(term.shift)) | term.base;
    // What is put together from a word stays one.
    if ((term.shift > 0 || term.base > 0n) && term.slot >= 0 && value > 0xffffffffn) return false;
    if (own.value !== value) return false;
  }
  if (read.refs.length !== template.refs.length) return false;
  return template.refs.every((ref, n) => {
    const own = read.refs[n];
    if (!own || own.kind !== ref.kind || own.scope !== undefined || own.defines) return false;
    const from = token(ref.slot);
    if (!from) {
      const start = (token(ref.after)?.end ?? 0) + ref.delta;
      return own.value === ref.value && own.span.start === start && own.span.end === start + ref.length;
    }
    return formOf(text, from, own) === ref.form || (ref.form === 'vlan' && formOf(text, from, own) === 'number');
  });
}

function flowOf(text: string): Flow {
  const read = readFlow({ text, parts: [{ at: 0, offset: 0 }] });
  if (!('flow' in read)) throw new Error('a flow that was read once can not be read again');
  return read.flow;
}

/** The canonical text of a value's words, for references. */
export function textOfWords(kind: Kind, words: Uint32Array, at: number): string {
  const word = (n: number) => BigInt(words[at + n] ?? 0);
  if (kind === Kind.ipv4) return formatIpv4(word(0));
  if (kind === Kind.mac) return formatMac((word(0) << 32n) | word(1));
  let value = 0n;
  for (let n = 0; n < (wordsOfKind[kind] ?? 1); n++) value = (value << 32n) | word(n);
  return value.toString();
}
