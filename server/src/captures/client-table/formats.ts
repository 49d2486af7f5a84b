import type { Line } from '../../base/lines';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Collected } from '../lines';
import { record } from '../lines';
import { sourceOf, syntaxError, type SourceText } from '../ohm';
import type { Subject } from './command';
import { readJson, type JsonNode } from './json';
import { readClientLine, type LineRule } from './semantics';
import { concat, isUuid, slice } from './source';
import { isBehindName, keyOf, namedFields, type Entity, type Field } from './table';

/** The ways in which cliff prints (`-f`), other than its table. */
export type PlainFormat = 'json' | 'yaml' | 'value' | 'csv' | 'shell';

/** Which format an output has: as the command says, or as its first line looks. */
export function formatOf(asked: string | undefined, first: string): PlainFormat | 'table' {
  const text = first.trim();
  if (/^[|+]/.test(text)) return 'table';
  if (asked === 'json' || asked === 'yaml' || asked === 'value' || asked === 'csv' || asked === 'shell') return asked;
  if (/^[[{]/.test(text)) return 'json';
  if (/^"[^"]*"(?:,|$)/.test(text)) return 'csv';
  if (/^[\w:.-]+="/.test(text)) return 'shell';
  if (/^(?:- )?[A-Za-z][\w:. -]*:(?: |$)/.test(text)) return 'yaml';
  return asked === 'table' || asked === undefined ? 'table' : 'value';
}

/** Reads an output that is no table; every line of it ends in `records` or `errors`. */
export function readPlain(
  format: PlainFormat,
  lines: readonly Line[],
  subject: Subject,
  columns: readonly string[],
  out: Collected,
): Entity[] {
  switch (format) {
    case 'json':
      return readJsonLines(lines, out);
    case 'csv':
      return readCsv(lines, subject, columns, out);
    case 'shell':
      return readPairs(lines, 'shellLine', out);
    case 'yaml':
      return readPairs(lines, 'yamlLine', out);
    case 'value':
      return readValues(lines, subject, columns, out);
  }
}

function readJsonLines(lines: readonly Line[], out: Collected): Entity[] {
  // The command alone: nothing of its answer was pasted.
  if (lines.length === 0) return [];
  let source: SourceText = { text: '', parts: [] };
  // A line may have several parts, where something was cut out of it.
  const starts: number[] = [];
  for (const [n, line] of lines.entries()) {
    starts.push(n === 0 ? 0 : source.text.length + 1);
    source = n === 0 ? sourceOf(line) : concat(source, sourceOf(line), '\n');
  }
  const lineAt = (at: number): number =>
    Math.max(
      0,
      starts.findLastIndex((start) => start <= at),
    );
  const { node, trouble } = readJson(source);
  const bad = trouble === undefined || trouble.cutOff ? undefined : lineAt(trouble.at);
  const entities: Entity[] = [];
  const things = node?.type === 'array' ? node.items : node === undefined ? [] : [node];
  for (const thing of things.filter((item) => item.type === 'object')) {
    const first = lines[lineAt(thing.start)];
    const last = lines[lineAt(Math.max(thing.start, thing.end - 1))];
    if (first === undefined || last === undefined) continue;
    entities.push({ fields: thing.members.map(({ key, value }) => jsonField(key, value)), first, last });
  }
  // Of a list every thing is one record; of one thing every line is.
  const isList = node?.type === 'array';
  if (isList) for (const entity of entities) record(out, entity.first, entity.last);
  for (const [n, line] of lines.entries()) {
    const isRecorded = isList && entities.some(({ first, last }) => line.number >= first.number && line.number <= last.number);
    if (isRecorded && n !== bad) continue;
    if (n === bad)
      out.errors.push({
        span: { start: line.start, end: line.start + line.text.length },
        code: 'syntax',
        message: 'This line is no JSON as it stands here.',
      });
    else record(out, line, line, /^[\s[\]{},]*$/.test(line.text) ? 'header' : 'record');
  }
  if (trouble?.cutOff === true) {
    const last = lines.at(-1);
    const end = last === undefined ? 0 : last.start + last.text.length;
    out.errors.push({
      span: { start: Math.max(0, end - 1), end },
      code: 'cut-off',
      message: 'The JSON ends before its brackets are closed.',
    });
  }
  return entities;
}

function jsonField(key: string, node: JsonNode): Field {
  return { key: keyOf(key), name: undefined, value: node.text };
}

function readCsv(lines: readonly Line[], subject: Subject, columns: readonly string[], out: Collected): Entity[] {
  const entities: Entity[] = [];
  let titles: string[] | undefined;
  for (const line of lines) {
    const read = readLine(line, 'csvLine', out);
    if (read?.what !== 'row') continue;
    const cells = read.cells.map((cell) => cell.text);
    const isTitles =
      titles === undefined && entities.length === 0 && cells.every(({ text }) => /^[A-Za-z][\w :/().-]*$/.test(text));
    record(out, line, line, isTitles ? 'header' : 'record');
    if (isTitles) titles = cells.map(({ text }) => keyOf(text));
    else entities.push({ fields: namedFields(cells, titles, subject, columns), first: line, last: line });
  }
  return entities;
}

function readLine(line: Line, rule: LineRule, out: Collected) {
  const source = sourceOf(line);
  const result = grammars.ClientTable.match(source.text, rule);
  if (result.succeeded()) return readClientLine(result, source);
  out.errors.push(syntaxError(source, result, 'line of client output'));
  return undefined;
}

/** `key: value` and `key="value"` lines: `- ` starts a thing, deeper lines belong to the value above them. */
function readPairs(lines: readonly Line[], rule: 'shellLine' | 'yamlLine', out: Collected): Entity[] {
  const entities: { fields: Field[]; first: Line; last: Line }[] = [];
  let depth: number | undefined;
  for (const line of lines) {
    const read = readLine(line, rule, out);
    if (read === undefined) continue;
    const isBare = read.what === 'item' && /^(?:---|\.\.\.|\{\}|\[\])$/.test(read.value.text);
    record(out, line, line, isBare ? 'header' : 'record');
    if (isBare || (read.what !== 'pair' && read.what !== 'item')) continue;
    const current = entities.at(-1);
    depth ??= read.indent;
    if (read.what === 'pair' && read.indent <= depth) {
      // The first key of a list's item has its dash; of a single thing no key has.
      const fresh = current === undefined || (read.dashes > 0 && rule === 'yamlLine');
      const field: Field = { key: keyOf(read.key.text), name: read.key, value: read.value ?? slice(read.key, 0, 0) };
      if (fresh) entities.push({ fields: [field], first: line, last: line });
      else {
        current.fields.push(field);
        current.last = line;
      }
      continue;
    }
    const field = current?.fields.pop();
    if (current === undefined || field === undefined) continue;
    const more = sourceOf(line, line.text.length - line.text.trimStart().length);
    current.fields.push({ ...field, value: concat(field.value, more, field.value.text === '' ? '' : ' ') });
    current.last = line;
  }
  return entities;
}

/** Values between blanks; brackets and quotes hold lists together. */
function splitValues(source: SourceText): SourceText[] {
  const found: SourceText[] = [];
  for (const m of source.text.matchAll(/(?:\[[^\]]*\]|\{[^}]*\}|"[^"]*"|\S)+/g))
    found.push(slice(source, m.index, m.index + m[0].length));
  return found;
}

/** The values of a row that begins with an identifier: a name behind it may have blanks, which nothing quotes. */
function valuesOf(source: SourceText, columns: readonly string[], subject: Subject): SourceText[] {
  const values = splitValues(source);
  const end = values.findIndex(({ text }, n) => n > 0 && isBehindName(text));
  if (subject.noun === 'floating-ip' || columns.length > 0 || end < 3 || !isUuid(values[0]?.text ?? '')) return values;
  const from = source.text.indexOf(values[1]?.text ?? '', values[0]?.text.length ?? 0);
  const name = /^.*\S/.exec(source.text.slice(from, source.text.indexOf(values[end]?.text ?? '', from)))?.[0] ?? '';
  return [...values.slice(0, 1), slice(source, from, from + name.length), ...values.slice(end)];
}

function readValues(lines: readonly Line[], subject: Subject, columns: readonly string[], out: Collected): Entity[] {
  for (const line of lines) record(out, line);
  const first = lines[0];
  const last = lines.at(-1);
  if (first === undefined || last === undefined) return [];
  if (subject.shape === 'one') {
    // One value per line, in the order of the columns asked for (which cliff sorts as the thing has them).
    const known = columns.length === lines.length && columns.length === 1;
    const fields = lines.map((line): Field => ({
      key: known ? keyOf(columns[0] ?? '') : '',
      name: undefined,
      value: sourceOf(line, line.text.length - line.text.trimStart().length),
    }));
    return [{ fields, first, last }];
  }
  return lines.map((line) => ({
    fields: namedFields(valuesOf(sourceOf(line), columns, subject), undefined, subject, columns),
    first: line,
    last: line,
  }));
}
