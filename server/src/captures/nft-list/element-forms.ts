import type { SourceText } from '../ohm';
import type { NftElement } from './semantics';

/**
 * The forms of a set's elements: lists of addresses are long, and all that differs between their elements are numbers and addresses. Of each form the
 * grammar reads one element, which tells where the values of all others are. Texts of one form have the same words but for those that
 * start with a digit and those of an address in hexadecimal, which the grammar never looks into (`value` in Nft.ohm).
 */
export function createElementForms(): {
  /** What an element says whose form was learned; undefined for others. */
  readonly read: (piece: SourceText) => NftElement | undefined;
  /** Takes what the grammar made of an element for what all of its form say. */
  readonly learn: (piece: SourceText, element: NftElement) => void;
} {
  const forms = new Map<string, Template | undefined>();
  const edges: number[] = [];
  return {
    read(piece) {
      const form = formOf(piece, edges);
      const template = form === undefined ? undefined : forms.get(form);
      return template === undefined ? undefined : (fill(template, edges, piece) as NftElement);
    },
    learn(piece, element) {
      const form = formOf(piece, edges);
      if (form === undefined || forms.has(form)) return;
      if (forms.size >= MOST_FORMS) forms.clear();
      forms.set(form, templateOf(element, edges, piece));
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

const WORD = /[^ \t]+/g;
const DIGITS = /^\d+$/;
const FROM_DIGIT = /^\d[\w.:/-]*$/;
const HEXADECIMAL = /^[a-f][\da-f]*:[\da-f:.]*(?:[-/][\da-f:.]+)?$/;

/** The form of an element, and where its words start and end; undefined where it stands on several lines. */
function formOf({ text, parts }: SourceText, edges: number[]): string | undefined {
  if (parts.length !== 1 || text.includes('"')) return undefined;
  edges.length = 0;
  let form = '';
  for (const { 0: word, index } of text.matchAll(WORD)) {
    edges.push(index, index + word.length);
    form += DIGITS.test(word) ? '1 ' : FROM_DIGIT.test(word) ? '1a ' : HEXADECIMAL.test(word) ? 'a: ' : `${word} `;
  }
  return form;
}

/** Undefined where a part of the value is not what the text says between two edges. */
function templateOf(value: unknown, edges: readonly number[], piece: SourceText): Template | undefined {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => templateOf(item, edges, piece));
    return items.every((item) => item !== undefined) ? { kind: 'list', items } : undefined;
  }
  // What is made of numbers may differ where they do.
  if (typeof value === 'number' || (typeof value === 'string' && /\d/.test(value))) return undefined;
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
    const template = templateOf(part, edges, piece);
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
