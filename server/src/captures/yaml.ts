import type { Line } from '../base/lines';
import { val, type Span, type Val } from '../base/span';
import type { Json } from './json';
import { offsetIn } from './line-parts';

/** A piece of a line of YAML, with the column where it starts. */
type Token =
  | { readonly is: 'item'; readonly indent: number; readonly span: Span }
  | {
      readonly is: 'pair';
      readonly indent: number;
      readonly key: string;
      readonly value: Val<string> | undefined;
      readonly span: Span;
    }
  | { readonly is: 'text'; readonly indent: number; readonly value: Val<string> };

const PAIR = /^("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'#-].*?|-[^\s].*?):(?:[ \t]+(\S.*))?$/;
/** `|`, `>-`: what follows deeper is one text. */
const BLOCK = /^[|>][-+\d]*$/;

/**
 * Reads what programs print as YAML: mappings and lists by their indentation, with values on their lines. Texts over several lines are
 * left out, and so is what does not fit; every thing that stands by itself is one of the results.
 */
export function readYaml(lines: readonly Line[]): Json[] {
  const tokens = lines.flatMap(tokensOf);
  const things: Json[] = [];
  for (let at = 0; at < tokens.length;) {
    const token = tokens[at];
    if (token === undefined) break;
    const { json, next } = readNode(tokens, at, token.indent);
    things.push(json);
    at = next;
  }
  return things;
}

function tokensOf(line: Line): Token[] {
  const tokens: Token[] = [];
  let at = line.text.length - line.text.trimStart().length;
  if (at === line.text.length || /^(?:---|\.{3}|#.*)$/.test(line.text.trim())) return [];
  const place = (from: number, to: number): Span => ({ start: offsetIn(line, from), end: offsetIn(line, to - 1) + 1 });
  for (let dash = /^-(?:[ \t]+|$)/.exec(line.text.slice(at)); dash; dash = /^-(?:[ \t]+|$)/.exec(line.text.slice(at))) {
    tokens.push({ is: 'item', indent: at, span: place(at, at + 1) });
    at += dash[0].length;
  }
  const rest = line.text.slice(at).trimEnd();
  if (rest === '') return tokens;
  const scalar = (from: number): Val<string> => {
    const text = line.text.slice(from).trimEnd();
    const quoted = /^(["'])(.*)\1$/.exec(text);
    return quoted
      ? val(quoted[2] ?? '', place(from + 1, from + Math.max(2, text.length - 1)))
      : val(text, place(from, from + text.length));
  };
  const pair = PAIR.exec(rest);
  if (!pair) tokens.push({ is: 'text', indent: at, value: scalar(at) });
  else {
    const value = pair[2] === undefined ? undefined : scalar(at + rest.length - pair[2].length);
    tokens.push({
      is: 'pair',
      indent: at,
      key: (pair[1] ?? '').replace(/^(["'])(.*)\1$/, '$2'),
      value,
      span: place(at, at + rest.length),
    });
  }
  return tokens;
}

function readNode(tokens: readonly Token[], from: number, indent: number): { readonly json: Json; readonly next: number } {
  const first = tokens[from];
  if (first?.is === 'item') return readItems(tokens, from, indent);
  if (first?.is === 'pair') return readPairs(tokens, from, indent);
  const value = first?.value ?? val('', { start: 0, end: 0 });
  return { json: { is: 'text', value: value.value, span: value.span }, next: below(tokens, from + 1, indent) };
}

/** The first token from `at` on that is no deeper than `indent`. */
function below(tokens: readonly Token[], at: number, indent: number): number {
  while (at < tokens.length && (tokens[at]?.indent ?? 0) > indent) at++;
  return at;
}

function readItems(tokens: readonly Token[], from: number, indent: number) {
  const items: Json[] = [];
  let at = from;
  for (let token = tokens[at]; token?.is === 'item' && token.indent === indent; token = tokens[at]) {
    const inner = tokens[at + 1];
    if (inner === undefined || inner.indent <= indent) {
      at++;
      continue;
    }
    const { json, next } = readNode(tokens, at + 1, inner.indent);
    items.push(json);
    at = below(tokens, next, indent);
  }
  const span = spanOf(tokens, from);
  return { json: { is: 'list', items, span } as const, next: at };
}

function readPairs(tokens: readonly Token[], from: number, indent: number) {
  const fields = new Map<string, Json>();
  let at = from;
  for (let token = tokens[at]; token?.is === 'pair' && token.indent === indent; token = tokens[at]) {
    const { key, value } = token;
    const inner = tokens[at + 1];
    // A list may stand at its key's own column.
    if (value === undefined && inner && (inner.indent > indent || (inner.is === 'item' && inner.indent === indent))) {
      const { json, next } = readNode(tokens, at + 1, inner.indent);
      fields.set(key, json);
      at = inner.indent > indent ? below(tokens, next, indent) : next;
      continue;
    }
    if (value !== undefined && !BLOCK.test(value.value)) fields.set(key, { is: 'text', value: value.value, span: value.span });
    at = below(tokens, at + 1, indent);
  }
  return { json: { is: 'object', fields, span: spanOf(tokens, from) } as const, next: at };
}

function spanOf(tokens: readonly Token[], at: number): Span {
  const token = tokens[at];
  return token === undefined ? { start: 0, end: 0 } : token.is === 'text' ? token.value.span : token.span;
}
