/** What lines of one form have in common: a `T` in which the numbers called `start` and `end` count edges of words, not characters. */
export interface FormRead<T> {
  readonly form: T;
  /** Where the edges stand in the text that was asked about; valid until the next one. */
  readonly edges: readonly number[];
}

export interface WordForms<T> {
  /** What a text says, if its form was learned. */
  read(text: string): FormRead<T> | undefined;
  /** Takes what the grammar made of a text as what stands in every text of its form. */
  learn(text: string, syntax: T): void;
}

/**
 * The forms of a syntax whose grammar cuts lines at blanks and tells words apart only by what a form keeps: words that `keeps` takes
 * as they are; of others whether they are digits, quoted, a counter, behind a colon, or plain. Texts of one form then have the same
 * pieces in the same words, so that one of them, matched by the grammar, tells all. A text with any other word has no form and is left
 * to the grammar.
 */
export function createWordForms<T>(keeps: RegExp): WordForms<T> {
  const forms = new Map<string, FormRead<T> | undefined>();
  const edges: number[] = [];
  return {
    read(text) {
      const form = formOf(text, edges, keeps);
      return form === undefined ? undefined : forms.get(form);
    },
    learn(text, syntax) {
      const form = formOf(text, edges, keeps);
      if (form === undefined || forms.has(form)) return;
      if (forms.size >= MOST_FORMS) forms.clear();
      const counted = inEdges(syntax, edges);
      forms.set(form, counted === undefined ? undefined : { form: counted as T, edges });
    },
  };
}

/** More forms than this are not kept at a time. */
const MOST_FORMS = 5000;
/** A text of more words is left to the grammar. */
const MOST_EDGES = 400;

/** A value with each place as the number of the edge that it is at; undefined where one is at none. */
function inEdges(value: unknown, edges: readonly number[]): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => inEdges(item, edges));
    return items.includes(undefined) ? undefined : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const counted: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(value)) {
    if (part === undefined) continue;
    const isPlace = key === 'start' || key === 'end';
    const found = isPlace ? edges.indexOf(part as number) : inEdges(part, edges);
    if (found === undefined || found === -1) return undefined;
    counted[key] = found;
  }
  return counted;
}

/** The form of a text, and the places where its words start and end; the numbers of a counter have edges of their own. */
function formOf(text: string, edges: number[], keeps: RegExp): string | undefined {
  edges.length = 0;
  let form = '';
  const { length } = text;
  let at = 0;
  while (at < length) {
    if (edges.length > MOST_EDGES) return undefined;
    const start = at;
    const first = text.charCodeAt(at);
    if (first === QUOTE) {
      at = text.indexOf('"', at + 1) + 1;
      if (at === 0 || text.lastIndexOf('\\', at) >= start) return undefined;
      form += '" ';
      edges.push(start, at);
    } else if (first === BRACKET) {
      COUNTER.lastIndex = at;
      const counter = COUNTER.exec(text);
      if (!counter) return undefined;
      at = COUNTER.lastIndex;
      const colon = at - 2 - (counter[2] ?? '').length;
      form += '[ ';
      edges.push(start, start + 1, colon, colon + 1, at - 1, at);
    } else {
      let digits = true;
      let plain = true;
      for (; at < length; at++) {
        const c = text.charCodeAt(at);
        if (c === BLANK) break;
        plain &&= isPlain(c, at === start);
        digits &&= c >= 48 && c <= 57;
      }
      edges.push(start);
      if (first === COLON) {
        if (!plain || at - start < 2) return undefined;
        form += ': ';
        edges.push(start + 1);
      } else if (digits) form += '1 ';
      else if (!plain || (first >= 65 && first <= 90)) {
        const word = text.slice(start, at);
        if (keeps.test(word)) form += `${word} `;
        else if (plain) form += 'a ';
        else return undefined;
      } else form += 'a ';
      edges.push(at);
    }
    // Words are one blank apart, and none stands at the end.
    if (at === length) return form;
    if (text.charCodeAt(at) !== BLANK || at + 1 === length || text.charCodeAt(at + 1) === BLANK) return undefined;
    at++;
  }
  return form === '' ? undefined : form;
}

const BLANK = 32;
const QUOTE = 34;
const COLON = 58;
const BRACKET = 91;
const COUNTER = /\[(\d+):(\d+)\]/y;

/** Letters, digits and the signs of addresses, ranges and masks; a word starts with a letter, a digit, `_` or a colon. */
function isPlain(c: number, first: boolean): boolean {
  if ((c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 58) || c === 95) return true;
  // % + , - . / @ |
  return !first && (c === 37 || (c >= 43 && c <= 47) || c === 64 || c === 124);
}
