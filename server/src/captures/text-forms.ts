import type { SourceText } from './ohm';

/** Stand in a form for what differs between the texts of that form; a text that has one itself has no form. */
export const DIGITS = '\u0001';
export const VALUE = '\u0002';
export const ADDRESS = '\u0003';
const STAND_INS = [DIGITS, VALUE, ADDRESS];

/**
 * The forms of a text that a grammar reads into spans and constants: long lists of addresses or connections differ in numbers and addresses
 * only. Of each form the grammar reads one text, which tells where the values of all others are.
 */
export interface TextForms<T> {
  /** What a text says whose form was learned; undefined for others. */
  readonly read: (source: SourceText) => T | undefined;
  /** Takes what the grammar made of a text for what all of its form say. */
  readonly learn: (source: SourceText, value: T) => void;
}

/**
 * `cut` gives the form of a text: its literal pieces with stand-ins for what the grammar takes without looking into it, and in `edges`
 * where values may start and end; undefined where it has none.
 */
export function createTextForms<T>(cut: (text: string, edges: number[]) => string | undefined): TextForms<T> {
  const forms = new Map<string, Template | undefined>();
  const edges: number[] = [];
  const formOf = ({ text, parts }: SourceText): string | undefined => {
    edges.length = 0;
    return parts.length === 1 && !STAND_INS.some((sign) => text.includes(sign)) ? cut(text, edges) : undefined;
  };
  return {
    read(source) {
      const form = formOf(source);
      const template = form === undefined ? undefined : forms.get(form);
      return template === undefined ? undefined : (fill(template, edges, source) as T);
    },
    learn(source, value) {
      const form = formOf(source);
      if (form === undefined || forms.has(form)) return;
      if (forms.size >= MOST_FORMS) forms.clear();
      forms.set(form, templateOf(value, edges, source, form));
    },
  };
}

/** More forms than this are not kept at a time. */
const MOST_FORMS = 1000;

type Template =
  | { readonly kind: 'same'; readonly value: unknown }
  /** A value with the numbers of the edges that it stands between. */
  | { readonly kind: 'value'; readonly from: number; readonly to: number }
  | { readonly kind: 'list'; readonly items: readonly Template[] }
  | { readonly kind: 'fields'; readonly fields: readonly (readonly [string, Template])[] };

/** Undefined where a part of the value is not what the text says between two edges. */
function templateOf(value: unknown, edges: readonly number[], piece: SourceText, form: string): Template | undefined {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => templateOf(item, edges, piece, form));
    return items.every((item) => item !== undefined) ? { kind: 'list', items } : undefined;
  }
  // What is made of numbers may differ where they do; a name is the same where it stands in the form.
  if (typeof value === 'number' || (typeof value === 'string' && /\d/.test(value) && !form.includes(value))) return undefined;
  if (typeof value !== 'object' || value === null) return { kind: 'same', value };
  if ('span' in value && 'value' in value) {
    const { start, end } = value.span as { readonly start: number; readonly end: number };
    const at = piece.parts[0]?.offset ?? 0;
    const [from, to] = [edges.indexOf(start - at), edges.indexOf(end - at)];
    const isThere = from !== -1 && to !== -1 && value.value === piece.text.slice(start - at, end - at);
    return isThere && Object.keys(value).length === 2 ? { kind: 'value', from, to } : undefined;
  }
  const fields: (readonly [string, Template])[] = [];
  for (const [key, part] of Object.entries(value)) {
    const template = templateOf(part, edges, piece, form);
    if (template === undefined) return undefined;
    fields.push([key, template]);
  }
  return { kind: 'fields', fields };
}

function fill(template: Template, edges: readonly number[], piece: SourceText): unknown {
  switch (template.kind) {
    case 'same':
      return template.value;
    case 'value': {
      const at = piece.parts[0]?.offset ?? 0;
      const [start = 0, end = 0] = [edges[template.from], edges[template.to]];
      return { value: piece.text.slice(start, end), span: { start: start + at, end: end + at } };
    }
    case 'list':
      return template.items.map((item) => fill(item, edges, piece));
    case 'fields':
      return Object.fromEntries(template.fields.map(([key, part]) => [key, fill(part, edges, piece)]));
  }
}
