import { formatIpv4, formatMac } from '../../packet/address';
import type { FlowShape } from '../../packet/flow-shape';
import type { RefKind } from '../capture';
import type { Flow } from '../../packet/openflow';
import { readFlow, type ReadFlow } from './read';
import { newRule, type SlotRule } from './rules';
import { hashesValue, hashOfTerm } from './hash';
import { Kind, wordsOfKind, type Token } from './tokens';

/** A value's place in the flows of a shape. */
export interface Slot {
  readonly kind: Kind;
  readonly rule: SlotRule | undefined;
  /** Where its words are in a row; -1 for a value that says nothing of what the flow does. */
  readonly word: number;
  readonly words: number;
  /** Bits that a value must not have, word by word, as its mask lacks them: what becomes of them is the ordinary reader's to say. */
  readonly outside: readonly number[] | undefined;
}

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
  readonly slots: readonly Slot[];
  /** The lengths of what stands before each slot, and after the last. */
  readonly literals: readonly number[];
  readonly table: { readonly slot: number; readonly value: number | string };
  readonly priority: { readonly slot: number; readonly value: number };
  readonly cookie: number;
  readonly packets: number;
  readonly terms: readonly TermTemplate[];
  readonly refs: readonly RefTemplate[];
  readonly actions: readonly string[];
  /** The words of a row: values, then the lengths of all slots, four to a word. */
  readonly rowWords: number;
  readonly lengthsAt: number;
  readonly indent: number;
  /** The hash's share of what is the same in all. */
  readonly constHash: number;
  /** For each term whose value a slot tells, the hash of its field and mask; 0 where its value is left out. */
  readonly termHashes: readonly number[];
}

/** Makes a template of a flow and the values in its text; undefined where what was read does not follow from the values. */
export function templateOf(
  id: number,
  text: string,
  tokens: readonly Token[],
  read: ReadFlow,
  rules: Map<string, SlotRule>,
): Template | undefined {
  const { flow } = read;
  if (read.errors.length > 0 || flow.broken || flow.match.some((term) => term.unknown)) return undefined;
  const inside = (start: number, end: number): number[] => {
    const found: number[] = [];
    for (let n = 0; n < tokens.length; n++) {
      const token = tokens[n];
      if (!token || token.start >= end) break;
      if (token.start >= start && token.end <= end) found.push(n);
    }
    return found;
  };
  const needed = new Set<number>();
  const need = (slot: number) => {
    needed.add(slot);
    return slot;
  };
  tokens.forEach((token, n) => {
    if (token.kind !== Kind.fraction && token.start >= flow.actionsSpan.start && flow.actions.length > 0) needed.add(n);
  });

  const only = (start: number, end: number, value: string): number | undefined => {
    const [slot, second] = inside(start, end);
    const token = slot === undefined ? undefined : tokens[slot];
    if (slot === undefined || !token || second !== undefined) return undefined;
    return token.start === start && token.end === end && text.slice(start, end) === value ? need(slot) : undefined;
  };
  const place = (span: { start: number; end: number }, value: number | string): { slot: number } | undefined => {
    if (inside(span.start, span.end).length === 0) return { slot: -1 };
    const slot = only(span.start, span.end, String(value));
    return slot !== undefined && tokens[slot]?.kind === Kind.decimal ? { slot } : undefined;
  };
  const table = place(flow.table.span, flow.table.value);
  const priority = place(flow.priority.span, flow.priority.value);
  if (!table || !priority) return undefined;
  const aside = (part: { readonly span: { start: number; end: number }; readonly value: unknown } | undefined, kinds: Kind[]) => {
    if (!part || inside(part.span.start, part.span.end).length === 0) return -1;
    const slot = only(part.span.start, part.span.end, String(part.value));
    return slot !== undefined && kinds.includes(tokens[slot]?.kind ?? Kind.none) ? slot : undefined;
  };
  const cookie = aside(flow.cookie, [Kind.hex32, Kind.hex64, Kind.decimal]);
  const packets = aside(flow.packets, [Kind.decimal]);
  if (cookie === undefined || packets === undefined) return undefined;

  const terms: TermTemplate[] = [];
  for (const term of flow.match) {
    const within = inside(term.span.start, term.span.end);
    const [slot] = within;
    const token = slot === undefined ? undefined : tokens[slot];
    const same = { field: term.field, mask: term.mask, base: term.value, shift: 0, slot: -1 };
    if (slot === undefined || !token) {
      terms.push({ ...same, name: term.portName });
      continue;
    }
    if (within.length > 1) return undefined;
    if (token.kind === Kind.name) {
      if (term.portName !== text.slice(token.start + 1, token.end - 1)) return undefined;
      terms.push({ ...same, slot: need(slot), name: 'slot' });
      continue;
    }
    const fit = term.portName === undefined ? fitting(valueOf(token), term.value, wordsOfKind[token.kind] ?? 1) : undefined;
    if (!fit) return undefined;
    terms.push({ ...same, ...fit, slot: need(slot), name: undefined });
  }

  const refs: RefTemplate[] = [];
  for (const ref of read.refs) {
    if (ref.scope !== undefined || ref.defines) return undefined;
    const touching: number[] = [];
    for (let n = 0; n < tokens.length; n++) {
      const token = tokens[n];
      if (token && token.start < ref.span.end && token.end > ref.span.start) touching.push(n);
    }
    const [slot] = touching;
    const token = slot === undefined ? undefined : tokens[slot];
    if (slot === undefined || !token) {
      const after = tokens.filter(({ end }) => end <= ref.span.start).length - 1;
      const delta = ref.span.start - (tokens[after]?.end ?? 0);
      refs.push({
        kind: ref.kind,
        slot: -1,
        form: 'text',
        value: ref.value,
        after,
        delta,
        length: ref.span.end - ref.span.start,
      });
      continue;
    }
    const form = touching.length > 1 ? undefined : formOf(text, token, ref);
    if (!form) return undefined;
    refs.push({ kind: ref.kind, slot: need(slot), form, value: '', after: -1, delta: 0, length: 0 });
  }

  const keys = ruleKeys(text, tokens);
  // How a value becomes a term's is part of what is trusted.
  for (const term of terms)
    if (term.slot >= 0 && term.name === undefined) keys[term.slot] += ` ${term.base.toString()} ${term.shift}`;
  let word = 0;
  const slots = tokens.map((token, n): Slot => {
    const key = keys[n];
    let rule = key === undefined || token.kind === Kind.fraction ? undefined : rules.get(key);
    if (key !== undefined && token.kind !== Kind.fraction && !rule) rules.set(key, (rule = newRule()));
    const words = n === packets ? 2 : (wordsOfKind[token.kind] ?? 0);
    const stored = needed.has(n) && words > 0;
    const slot = {
      kind: token.kind,
      rule,
      word: stored ? word : -1,
      words: stored ? words : 0,
      outside: outsideOf(terms, n, token),
    };
    word += slot.words;
    return slot;
  });
  const literals = [
    ...tokens.map((token, n) => token.start - (tokens[n - 1]?.end ?? 0)),
    text.length - (tokens.at(-1)?.end ?? 0),
  ];
  // Kept as text: few shapes are ever asked for it.
  let sample: Flow | undefined;
  const constTerms = terms.filter((term) => term.slot < 0 || term.name === 'slot' || !hashesValue(term.field));
  return {
    id,
    fields: terms.map(({ field, mask }) => ({ field, mask })),
    get sample() {
      return (sample ??= flowOf(text));
    },
    slots,
    literals,
    table: { ...table, value: flow.table.value },
    priority: { ...priority, value: flow.priority.value },
    cookie,
    packets,
    terms,
    refs,
    actions: flow.actions.map(({ kind }) => kind),
    rowWords: word + Math.ceil(tokens.length / 4),
    lengthsAt: word,
    indent: text.length - text.trimStart().length,
    constHash: constTerms.reduce(
      (hash, term) =>
        (hash + hashOfTerm(term.field, hashesValue(term.field) && term.name === undefined ? term.base : 0n, term.mask)) | 0,
      0,
    ),
    termHashes: terms.map((term) => (constTerms.includes(term) ? 0 : hashOfTerm(term.field, 0n, term.mask))),
  };
}

function valueOf({ words, kind, number }: Token): bigint {
  return kind === Kind.decimal ? BigInt(number) : words.reduce((value, word) => (value << 32n) | BigInt(word), 0n);
}

/** The bits of a value that the mask of its term does not look at; undefined for a value of no term. */
function outsideOf(terms: readonly TermTemplate[], slot: number, { kind }: Token): readonly number[] | undefined {
  const term = terms.find((candidate) => candidate.slot === slot && candidate.name === undefined);
  if (!term) return undefined;
  const words = wordsOfKind[kind] ?? 1;
  const looked = term.mask >> BigInt(term.shift);
  return Array.from({ length: words }, (_, k) => Number(~(looked >> BigInt(32 * (words - 1 - k))) & 0xffffffffn));
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

/** The piece of the flow that each value stands in, values replaced by their kinds: a value means the same wherever that is written. */
function ruleKeys(text: string, tokens: readonly Token[]): string[] {
  const keys: string[] = [];
  let depth = 0;
  let piece = '';
  let from = 0;
  let inActions = false;
  const close = () => {
    const name = `${inActions ? 'do' : 'if'} ${piece}`;
    for (let n = from; n < keys.length; n++) keys[n] = `${name} #${n - from}`;
    from = keys.length;
    piece = '';
  };
  let next = 0;
  // What stands from `since` on is part of the piece already as it is.
  let since = 0;
  for (let i = 0; i < text.length; i++) {
    const token = tokens[next];
    if (token && token.start === i) {
      keys.push('');
      piece += `${text.slice(since, i)}\u0000${token.kind}`;
      i = token.end - 1;
      since = token.end;
      next++;
      continue;
    }
    const c = text.charCodeAt(i);
    if (c === 40) depth++;
    else if (c === 41) depth--;
    else if (depth === 0 && (c === 44 || c === 32 || c === 9)) {
      piece += text.slice(since, i);
      since = i + 1;
      close();
    } else if (c === 61 && !inActions && depth === 0 && text.startsWith('actions', i - 7) && since === i - 7) {
      since = i + 1;
      inActions = true;
    }
  }
  piece += text.slice(since);
  close();
  return keys;
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
  for (const [n, term] of template.terms.entries()) {
    const own = flow.match[n];
    const from = token(term.slot);
    if (!own || own.unknown || own.field !== term.field || own.mask !== term.mask) return false;
    const name = term.name === 'slot' && from ? text.slice(from.start + 1, from.end - 1) : term.name;
    if (own.portName !== name) return false;
    const value = from && term.name === undefined ? (valueOf(from) << BigInt(term.shift)) | term.base : term.base;
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
