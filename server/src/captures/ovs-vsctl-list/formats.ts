import type { Line } from '../../base/lines';
import { val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { record, type Collected } from '../lines';
import type { OvsdbValue } from '../switch-facts';
import { readCell } from './semantics';

/** The forms besides the list and JSON: `--format=table`, `csv`, `html` (ovs-vsctl(8)). */
export type TableForm = 'table' | 'csv' | 'html';

const RULER = /^\s*-{2,}(?: +-+)*\s*$/;
const CSV_TITLES = /^_?[a-z][a-z0-9_]*(?:,[a-z_][a-z0-9_]*)+\s*$/;

/** Which form these lines are in; undefined for the list and JSON. */
export function formOf(lines: readonly Line[], argv: readonly string[]): TableForm | undefined {
  const asked = /(?:^|\s)(?:-f|--format)[= ]?(table|csv|html)(?:\s|$)/.exec(argv.join(' '))?.[1];
  if (asked === 'table' || asked === 'csv' || asked === 'html') return asked;
  const [first, second] = lines;
  if (first && /^\s*<table\b/i.test(first.text)) return 'html';
  if (first && second && RULER.test(second.text)) return 'table';
  return first && CSV_TITLES.test(first.text) ? 'csv' : undefined;
}

/** A value at a place in a line, in the database's notation; text that is none is a value as it stands (`--data=bare`). */
function cellAt(line: Line, from: number, to: number): OvsdbValue {
  const raw = line.text.slice(from, to);
  const lead = raw.length - raw.trimStart().length;
  const text = raw.trim();
  const at = from + lead;
  const source = { text, parts: [{ at: 0, offset: line.start + at }] };
  const result = grammars.OvsVsctlList.match(text, 'value');
  if (text !== '' && result.succeeded()) return readCell(result, source);
  return { type: 'atom', atom: val(text, { start: line.start + at, end: line.start + at + text.length }) };
}

/** `--format=table`: titles, a ruler of dashes, rows below it. */
export function readTable(lines: readonly Line[], out: Collected): Map<string, OvsdbValue>[] {
  const rows: Map<string, OvsdbValue>[] = [];
  let titles: string[] = [];
  let places: { from: number; to: number }[] = [];
  for (const [n, line] of lines.entries()) {
    const next = lines[n + 1];
    if (next && RULER.test(next.text)) {
      places = [...next.text.matchAll(/-+/g)].map((dashes) => ({ from: dashes.index, to: dashes.index + dashes[0].length }));
      const last = places.at(-1);
      if (last) last.to = Number.MAX_SAFE_INTEGER;
      titles = places.map(({ from, to }) => line.text.slice(from, to).trim());
      record(out, line, line, 'header');
    } else if (RULER.test(line.text)) {
      record(out, line, line, 'header');
    } else {
      record(out, line);
      rows.push(new Map(places.flatMap(({ from, to }, i) => pair(titles[i], cellAt(line, from, to)))));
    }
  }
  return rows;
}

function pair(title: string | undefined, value: OvsdbValue): [string, OvsdbValue][] {
  return title === undefined || title === '' ? [] : [[title, value]];
}

/** `--format=csv`: a cell with a comma stands in quotation marks, which are doubled inside it (RFC 4180). */
export function readCsv(lines: readonly Line[], columns: readonly string[], out: Collected): Map<string, OvsdbValue>[] {
  const rows: Map<string, OvsdbValue>[] = [];
  let titles = columns;
  for (const line of lines) {
    const cells = csvCells(line.text);
    if (CSV_TITLES.test(line.text) || (rows.length === 0 && titles.length === 0)) {
      titles = cells.map(({ from, to }) => line.text.slice(from, to));
      record(out, line, line, 'header');
      continue;
    }
    record(out, line);
    rows.push(new Map(cells.flatMap(({ from, to, quoted }, i) => pair(titles[i], csvValue(line, from, to, quoted)))));
  }
  return rows;
}

function csvValue(line: Line, from: number, to: number, quoted: boolean): OvsdbValue {
  const text = line.text.slice(from, to);
  if (!quoted || !text.includes('""')) return cellAt(line, from, to);
  // The marks are doubled: the places inside are those of the text as it stands, give or take these.
  const plain = text.replace(/""/g, '"');
  const result = grammars.OvsVsctlList.match(plain, 'value');
  const source = { text: plain, parts: [{ at: 0, offset: line.start + from }] };
  if (result.succeeded()) return readCell(result, source);
  return { type: 'atom', atom: val(plain, { start: line.start + from, end: line.start + to }) };
}

function csvCells(text: string): { from: number; to: number; quoted: boolean }[] {
  const cells: { from: number; to: number; quoted: boolean }[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      let end = at + 1;
      while (end < text.length && (text[end] !== '"' || text[end + 1] === '"')) end += text[end] === '"' ? 2 : 1;
      cells.push({ from: at + 1, to: end, quoted: true });
      at = end + 1;
    } else {
      const comma = text.indexOf(',', at);
      const end = comma < 0 ? text.length : comma;
      cells.push({ from: at, to: end, quoted: false });
      at = end;
    }
    if (text[at] !== ',') return cells;
    at++;
  }
}

/** `--format=html`: a cell a line. */
export function readHtml(lines: readonly Line[], out: Collected): Map<string, OvsdbValue>[] {
  const rows: Map<string, OvsdbValue>[] = [];
  const titles: string[] = [];
  let row: Map<string, OvsdbValue> | undefined;
  let column = 0;
  for (const line of lines) {
    const title = /^\s*<th>(.*)<\/th>\s*$/i.exec(line.text);
    const cell = /^(\s*<td>)(.*)<\/td>\s*$/i.exec(line.text);
    if (title) titles.push(title[1] ?? '');
    else if (/^\s*<tr>/i.test(line.text)) {
      row = new Map();
      column = 0;
    } else if (cell && row) {
      const from = cell[1]?.length ?? 0;
      const value = htmlValue(line, from, from + (cell[2]?.length ?? 0));
      for (const [name, found] of pair(titles[column++], value)) row.set(name, found);
      if (column === 1) rows.push(row);
    }
    record(out, line, line, cell ? 'record' : 'header');
  }
  return rows;
}

const entities: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&', '&quot;': '"' };

function htmlValue(line: Line, from: number, to: number): OvsdbValue {
  const text = line.text.slice(from, to).replace(/<a \w+="#([^"]*)">[^<]*<\/a>/gi, '$1');
  const plain = text.replace(/&(?:lt|gt|amp|quot);/g, (entity) => entities[entity] ?? entity);
  const source = { text: plain, parts: [{ at: 0, offset: line.start + from }] };
  const result = grammars.OvsVsctlList.match(plain, 'value');
  if (plain !== '' && result.succeeded()) return readCell(result, source);
  return { type: 'atom', atom: val(plain, { start: line.start + from, end: line.start + to }) };
}

/** Whether a line can belong to one of these forms. */
export function isTableLine(text: string): boolean {
  return RULER.test(text) || CSV_TITLES.test(text) || /^\s*<\/?(?:table|tr|td|th)\b/i.test(text);
}
