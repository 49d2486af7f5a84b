import type { Line } from '../base/lines';
import { val, type Span, type Val } from '../base/span';
import type { CaptureError, ParseInput } from './capture';
import type { Collected } from './lines';
import { partsOf, spanIn, type SourceText } from './ohm';
import { part } from './line-parts';

/** A JSON value together with its place, which `JSON.parse` forgets. */
export type Json =
  | { readonly is: 'text'; readonly value: string; readonly span: Span }
  /** `text` is the number as it is written: it may have more digits than a number holds. */
  | { readonly is: 'number'; readonly value: number; readonly text: string; readonly span: Span }
  | { readonly is: 'word'; readonly value: boolean | undefined; readonly span: Span }
  | { readonly is: 'list'; readonly items: readonly Json[]; readonly span: Span }
  | { readonly is: 'object'; readonly fields: ReadonlyMap<string, Json>; readonly span: Span };

interface Reader {
  readonly source: SourceText;
  at: number;
}

/** A fault in JSON text; `at` is an index into the source text. */
class JsonFault extends Error {
  constructor(
    readonly at: number,
    message: string,
  ) {
    super(message);
  }
}

/** Whether a capture's output is JSON (`ip -j`). */
export function isJson(input: ParseInput): boolean {
  const first = input.lines.find((line) => line.text.trim() !== '');
  return first !== undefined && /^\s*\[\s*(?:[{\]]|$)/.test(first.text);
}

/** Whether a line can stand in (indented) JSON; a prompt such as `[root@host ~]#` must not pass. */
export function acceptsJson(text: string): boolean {
  return /^\s*(?:[[\]{}][[\]{},\s]*$|\[\s*\{\s*"\w|[\]},[{\s]*"[\w-]+"\s*:\s*[\d"[{tfn-]|"[\w-]+"(?:\s*,\s*"[\w-]+")*,?$)/.test(
    text,
  );
}

/**
 * Reads the output of `ip -j` or `bridge -j`: a list of objects over all of the capture's lines (RFC 8259). Gives the objects
 * and notes one record for all of the lines; text that is not such JSON becomes one error, at the place where reading stopped.
 */
export function readJsonObjects(input: ParseInput, out: Collected, mayBeCut = false): ReadonlyMap<string, Json>[] {
  const value = readJson(input, out, 'list', mayBeCut);
  return value?.is === 'list' ? value.items.flatMap((item) => (item.is === 'object' ? [item.fields] : [])) : [];
}

/**
 * The same for one value of any kind, or of the one that is `expected`. Where the text `mayBeCut`, what stands before its end counts:
 * for facts of which none is contradicted by others that are missing.
 */
export function readJson(input: ParseInput, out: Collected, expected?: 'list' | 'object', mayBeCut = false): Json | undefined {
  const lines = input.lines.filter((line) => line.text.trim() !== '');
  const [first] = lines;
  const last = lines[lines.length - 1];
  if (first === undefined || last === undefined) return undefined;
  const source = wholeText(lines);
  try {
    const reader = { source, at: 0 };
    const value = readValue(reader, 0);
    skipBlanks(reader);
    if (reader.at < source.text.length) throw new JsonFault(reader.at, `text after the end of the ${expected ?? 'value'}`);
    if (expected !== undefined && value.is !== expected)
      throw new JsonFault(0, `${expected === 'list' ? 'a list' : 'an object'} was expected`);
    out.records.push({ firstLine: first.number, lastLine: last.number, what: 'record' });
    return value;
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    const rest = mayBeCut && fault.at >= source.text.length ? completed(source) : undefined;
    if (rest === undefined || (expected !== undefined && rest.is !== expected)) {
      out.errors.push(faultError(source, fault));
      return undefined;
    }
    out.records.push({ firstLine: first.number, lastLine: last.number, what: 'record' });
    const message = 'This JSON is cut off here: what is missing behind it is not known. Capture it whole.';
    out.errors.push({ span: { start: last.start, end: last.start + last.text.length }, code: 'cut-off', message });
    return rest;
  }
}

/** What a text that ends too early says up to its last whole member; undefined where its end is no end of a member. */
function completed(source: SourceText): Json | undefined {
  const { text, parts } = source;
  const whole = `${text.replace(/(?:,\s*|,\s*"[^"]*"\s*:\s*|\s*"[^"]*"\s*:\s*)$/, '')}`;
  try {
    return readValue({ source: { text: `${whole}${openBrackets(whole).closing}`, parts }, at: 0 }, 0);
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    return undefined;
  }
}

/** The first line that somebody left, with or without dots for those before it. */
const LEFT_OUT_BEFORE = /^\s*(?:\.{3}\s*)?"[^"]*"\s*:/;

/** Whether a capture's output starts inside an object: the rest was cut, or taken away by `| grep`. */
export function isJsonFragment(input: ParseInput): boolean {
  const first = input.lines.find((line) => line.text.trim() !== '');
  return first !== undefined && LEFT_OUT_BEFORE.test(first.text);
}

/** The members that a part of an object holds; brackets that are missing at its end, or one too many there, are none of its faults. */
export function readJsonFragment(input: ParseInput, out: Collected): ReadonlyMap<string, Json> {
  const lines = input.lines.filter((line) => line.text.trim() !== '');
  const [first] = lines;
  const last = lines[lines.length - 1];
  if (first === undefined || last === undefined) return new Map();
  const dots = /^\s*\.{3}/.exec(first.text)?.[0].length ?? 0;
  const { text, parts } = wholeText([part(first, dots), ...lines.slice(1)]);
  const open = openBrackets(text);
  const source = {
    text: `{${text.slice(0, open.end).replace(/[\s,]+$/, '')}${open.closing}}`,
    parts: parts.map(({ at, offset }) => ({ at: at + 1, offset })),
  };
  try {
    const value = readValue({ source, at: 0 }, 0);
    out.records.push({ firstLine: first.number, lastLine: last.number, what: 'record' });
    return value.is === 'object' ? value.fields : new Map();
  } catch (fault) {
    if (!(fault instanceof JsonFault)) throw fault;
    out.errors.push(faultError({ text, parts }, new JsonFault(Math.max(0, fault.at - 1), fault.message)));
    return new Map();
  }
}

/** The brackets that a text leaves open, and where it ends: before one that it never opened. */
function openBrackets(text: string): { readonly closing: string; readonly end: number } {
  const open: string[] = [];
  for (let at = 0; at < text.length; at++) {
    const c = text[at] ?? '';
    if (c === '"') {
      while (++at < text.length && text[at] !== '"') if (text[at] === '\\') at++;
    } else if (c === '{') open.push('}');
    else if (c === '[') open.push(']');
    else if ((c === '}' || c === ']') && open.pop() === undefined) return { closing: '', end: at };
  }
  return { closing: open.toReversed().join(''), end: text.length };
}

/** A text field with its span inside the quotes. */
export function jsonText(fields: ReadonlyMap<string, Json>, name: string): Val<string> | undefined {
  const field = fields.get(name);
  return field?.is === 'text' ? val(field.value, field.span) : undefined;
}

export function jsonNumber(fields: ReadonlyMap<string, Json>, name: string): Val<number> | undefined {
  const field = fields.get(name);
  return field?.is === 'number' ? val(field.value, field.span) : undefined;
}

/**
 * A quoted text as a piece that a grammar can read. Each character keeps its place, as far as escapes are the usual ones (RFC 8259);
 * else the places are those of the whole.
 */
export function textSource({ value, span }: Extract<Json, { is: 'text' }>): SourceText {
  const parts: { at: number; offset: number }[] = [{ at: 0, offset: span.start }];
  let offset = span.start;
  for (let at = 0; at < value.length; at++) {
    const escaped = /["\\\b\f\n\r\t]/.test(value[at] ?? '') ? 2 : 1;
    offset += escaped;
    if (escaped > 1) parts.push({ at: at + 1, offset });
  }
  return { text: value, parts: offset === span.end ? parts : [{ at: 0, offset: span.start }] };
}

/** The texts of a list such as `"flags":["UP"]`. */
export function jsonTexts(fields: ReadonlyMap<string, Json>, name: string): string[] {
  const field = fields.get(name);
  return field?.is === 'list' ? field.items.flatMap((item) => (item.is === 'text' ? [item.value] : [])) : [];
}

export function jsonObjects(fields: ReadonlyMap<string, Json>, name: string): ReadonlyMap<string, Json>[] {
  const field = fields.get(name);
  return field?.is === 'list' ? field.items.flatMap((item) => (item.is === 'object' ? [item.fields] : [])) : [];
}

function faultError(source: SourceText, fault: JsonFault): CaptureError {
  const at = Math.min(fault.at, Math.max(0, source.text.length - 1));
  const cut = fault.at >= source.text.length;
  return {
    span: spanIn(source, 0, source.text.length),
    code: cut ? 'cut-off' : 'syntax',
    message: `This JSON does not parse at character ${at + 1}: ${cut ? 'the text ends too early' : fault.message}.`,
  };
}

function wholeText(lines: readonly Line[]): SourceText {
  const parts: { at: number; offset: number }[] = [];
  let text = '';
  for (const line of lines) {
    parts.push(...partsOf(line, 0, text.length));
    text += `${line.text} `;
  }
  return { text: text.trimEnd(), parts };
}

function skipBlanks(reader: Reader): void {
  while (/\s/.test(reader.source.text[reader.at] ?? '')) reader.at++;
}

function readValue(reader: Reader, depth: number): Json {
  if (depth > 20) throw new JsonFault(reader.at, 'nested too deeply');
  skipBlanks(reader);
  const { text } = reader.source;
  const start = reader.at;
  const first = text[start];
  if (first === '"') return readText(reader);
  if (first === '[') {
    const items: Json[] = [];
    readMembers(reader, ']', () => items.push(readValue(reader, depth + 1)));
    return { is: 'list', items, span: spanIn(reader.source, start, reader.at) };
  }
  if (first === '{') {
    const fields = new Map<string, Json>();
    readMembers(reader, '}', () => {
      skipBlanks(reader);
      const name = readText(reader);
      skipBlanks(reader);
      if (text[reader.at] !== ':') throw new JsonFault(reader.at, 'a colon was expected');
      reader.at++;
      const value = readValue(reader, depth + 1);
      // Where a program says a name twice, what it says first is the object's own (`dst` of a route that wraps packets).
      if (!fields.has(name.value)) fields.set(name.value, value);
    });
    return { is: 'object', fields, span: spanIn(reader.source, start, reader.at) };
  }
  const word = /^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/.exec(text.slice(start, start + 40))?.[0];
  if (word === undefined) throw new JsonFault(start, 'a value was expected');
  reader.at += word.length;
  const span = spanIn(reader.source, start, reader.at);
  if (/^[tfn]/.test(word)) return { is: 'word', value: word === 'null' ? undefined : word === 'true', span };
  return { is: 'number', value: Number(word), text: word, span };
}

function readMembers(reader: Reader, close: string, member: () => void): void {
  const { text } = reader.source;
  reader.at++;
  skipBlanks(reader);
  if (text[reader.at] === close) {
    reader.at++;
    return;
  }
  for (;;) {
    member();
    skipBlanks(reader);
    const next = text[reader.at];
    if (next !== ',' && next !== close) throw new JsonFault(reader.at, `a comma or ${close} was expected`);
    reader.at++;
    if (next === close) return;
    skipBlanks(reader);
  }
}

function readText(reader: Reader): Extract<Json, { is: 'text' }> {
  const { text } = reader.source;
  const start = reader.at;
  if (text[start] !== '"') throw new JsonFault(start, 'a quoted name was expected');
  let end = start + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  if (end >= text.length) throw new JsonFault(text.length, 'a quoted text does not end');
  reader.at = end + 1;
  return { is: 'text', value: unescape(text.slice(start + 1, end), start), span: spanIn(reader.source, start + 1, end) };
}

function unescape(raw: string, at: number): string {
  if (!raw.includes('\\')) return raw;
  try {
    const value: unknown = JSON.parse(`"${raw}"`);
    return typeof value === 'string' ? value : raw;
  } catch {
    throw new JsonFault(at, 'a quoted text has a bad escape');
  }
}
