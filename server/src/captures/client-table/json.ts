import type { SourceText } from '../ohm';
import { slice } from './source';

/** A JSON value with its place: `text` of a string is what stands between the quotes, of the rest all of it. */
export interface JsonNode {
  readonly type: 'object' | 'array' | 'string' | 'other';
  readonly text: SourceText;
  readonly members: readonly { readonly key: string; readonly value: JsonNode }[];
  readonly items: readonly JsonNode[];
  readonly start: number;
  readonly end: number;
}

/** Where reading stopped because the text is no JSON, or ends too early. */
export interface JsonTrouble {
  readonly at: number;
  readonly cutOff: boolean;
}

const DEPTH = 40;

/**
 * Reads JSON leniently and keeps where every value stands. A text that is cut off gives what was there; the first character
 * that can't be JSON ends reading.
 */
export function readJson(source: SourceText): { readonly node: JsonNode | undefined; readonly trouble: JsonTrouble | undefined } {
  const { text } = source;
  let at = 0;
  let trouble: JsonTrouble | undefined;

  function blanks(): void {
    while (/\s/.test(text.charAt(at))) at++;
  }
  function stop(): undefined {
    trouble ??= { at, cutOff: at >= text.length };
    return undefined;
  }
  function leaf(type: 'string' | 'other', start: number, from: number, to: number): JsonNode {
    return { type, text: slice(source, from, to), members: [], items: [], start, end: at };
  }
  function string(): JsonNode | undefined {
    const pattern = /"((?:[^"\\]|\\[^])*)"/y;
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) return stop();
    const start = at;
    at = pattern.lastIndex;
    return leaf('string', start, start + 1, at - 1);
  }
  function value(depth: number): JsonNode | undefined {
    blanks();
    const c = text.charAt(at);
    if (depth > DEPTH) return stop();
    if (c === '"') return string();
    if (c === '{' || c === '[') return nested(c, depth);
    const pattern = /[\w.+-]+/y;
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) return stop();
    const start = at;
    at = pattern.lastIndex;
    return leaf('other', start, start, at);
  }
  function nested(open: '{' | '[', depth: number): JsonNode {
    const start = at;
    const close = open === '{' ? '}' : ']';
    const members: { key: string; value: JsonNode }[] = [];
    const items: JsonNode[] = [];
    at++;
    for (;;) {
      blanks();
      if (text.charAt(at) === close) {
        at++;
        break;
      }
      if (open === '{') {
        const key = text.charAt(at) === '"' ? string() : stop();
        blanks();
        if (key === undefined) break;
        if (text.charAt(at) !== ':') {
          stop();
          break;
        }
        at++;
        const member = value(depth + 1);
        if (member === undefined) break;
        members.push({ key: key.text.text, value: member });
      } else {
        const item = value(depth + 1);
        if (item === undefined) break;
        items.push(item);
      }
      if (trouble !== undefined) break;
      blanks();
      if (text.charAt(at) === ',') at++;
      else if (text.charAt(at) !== close) {
        stop();
        break;
      }
    }
    return { type: open === '{' ? 'object' : 'array', text: slice(source, start, at), members, items, start, end: at };
  }

  const node = value(0);
  blanks();
  if (trouble === undefined && at < text.length) stop();
  return { node, trouble };
}
