import type { Line } from '../../base/lines';
import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind, ParseInput, Recognised } from '../capture';
import { collect, record, type Collected } from '../lines';
import { sourceOf, syntaxError } from '../ohm';
import { readJsonTable } from './json';
import { nameByColumns, tableByColumns, tableName, tableOf, takeRow, type Row } from './records';
import type { OvsdbValue } from '../switch-facts';
import { formOf, isTableLine, readCsv, readHtml, readTable } from './formats';
import { readColumnLine } from './semantics';

const WITH_VALUE = new Set(
  '--db -t --timeout -f --format -d --data --columns -O --option --id --log-file -p -c -C --private-key --certificate --ca-cert'.split(
    ' ',
  ),
);
const COLUMN = /^\s*_?[a-z][a-z0-9_]*\s*: ?(?:\{.*|\[.*|".*|[\w.+<>:/-]+)$/;
/** A row of the table or CSV form: it begins with a uuid or a name, and the next cell is set apart. */
const TABLE_ROW =
  /^\s*(?:[0-9a-f]{8}-[0-9a-f-]{27}(?: +\S|,\S)|(?:"?[\w.@-]+"?|\[\]|\{\})(?: {2,}| +[[{"\d]| [0-9a-f]{8}-[0-9a-f-]{27}|,\S))|^\s*(?:[0-9a-f]{8}-[0-9a-f-]{27}|"?[\w.@-]*[\d-][\w.@-]*"?|name)\s*$/;
/** Names of columns alone, that of the identifier among them. */
const TABLE_TITLES = /^\s*(?:_uuid {2,}[a-z_]+ |(?:[a-z_]+ +)+_uuid(?: +[a-z_]+)*\s*$)/;
/** Columns of no other database. */
const OVS_COLUMN =
  /^(?:datapath_type|datapath_id|fail_mode|mac_in_use|ofport|bond_mode|fake_bridge|ovs_version|vlan_mode|ct_zone_default_limit|select_all|output_vlan)$/;
const FAILURE = /^(?:ovs-vsctl|ovs-\w+): |^\s*(?:-?bash|sh): |: command not found$|database connection failed/;
const LOG = /^\s*\d{4}-\d\d-\d\dT[\d:.]+Z\|\d+\|/;

/** `ovs-vsctl list TABLE` and `ovs-vsctl find TABLE …`: rows of the Open vSwitch database, a column a line. */
export const ovsVsctlList: CaptureKind = {
  kinds: ['ovs-vsctl-list'],
  recognise(argv) {
    if (argv[0] !== 'ovs-vsctl') return undefined;
    return recogniseList(argv.slice(1));
  },
  sniff(text, following) {
    const isJson = /^\s*\{"(?:data|headings)":\[/.test(text) && /"headings":\[(?:"[a-z_]+",?)+\]/.test(text);
    if (isJson) return { kind: 'ovs-vsctl-list' };
    if (!/^\s*_uuid[ ,]/.test(text)) return undefined;
    // Tables whose titles no other program has.
    const titles = text.trim().split(/[ ,]+/);
    if (titles[0] === '_uuid' && titles.length > 3 && titles.some((title) => OVS_COLUMN.test(title)))
      return { kind: 'ovs-vsctl-list' };
    if (!/^\s*_uuid +: [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return undefined;
    // The databases of OVN are listed in the same way: only columns of Open vSwitch's own tables are certain.
    const columns: string[] = [];
    for (let n = 0; n < 50; n++) {
      const column = /^\s*([a-z][a-z0-9_]*)\s*:/.exec(following(n) ?? '')?.[1];
      if (column === undefined) break;
      columns.push(column);
    }
    if (!columns.some((column) => OVS_COLUMN.test(column))) return undefined;
    const table = tableByColumns(columns);
    return { kind: 'ovs-vsctl-list', ...(table === 'other' ? {} : { target: table }) };
  },
  accepts(text) {
    if (COLUMN.test(text) || LOG.test(text) || FAILURE.test(text)) return true;
    if (/^\s*\{"(?:data|headings)":/.test(text) || /^\s*--$/.test(text)) return true;
    // The table form: titles, a ruler of dashes, rows that a uuid or a quoted name begins.
    if (isTableLine(text)) return true;
    return TABLE_TITLES.test(text) || TABLE_ROW.test(text);
  },
  parse(input) {
    const out = collect();
    const byCommand = tableOf(input.target);
    const filled = input.lines.filter((line) => line.text.trim() !== '');
    const data = filled.filter((line) => !aside(line, out));
    const rows = readAll(input, data, out);
    const columns = rows.flatMap((row) => [...row.keys()]);
    const table = byCommand ?? tableByColumns(columns);
    const name = tableName(input.target) ?? (table === 'other' ? nameByColumns(columns) : table);
    for (const row of rows) takeRow(row, table, name, out);
    return { ...out, records: [...out.records].sort((a, b) => a.firstLine - b.firstLine) };
  },
};

function readAll(input: ParseInput, data: readonly Line[], out: Collected): Row[] {
  if (/^\s*\{"/.test(data[0]?.text ?? '')) return readJsonTable(data, out);
  const columns = input.argv.flatMap((word) => /^--columns=(.*)$/.exec(word)?.[1]?.split(',') ?? []);
  switch (formOf(data, input.argv)) {
    case 'table':
      return readTable(data, out);
    case 'csv':
      return readCsv(data, input.argv.includes('--no-headings') ? columns : [], out);
    case 'html':
      return readHtml(data, out);
    case undefined:
      return readRows(input.lines, new Set(data), !input.argv.some((word) => word.startsWith('--columns')), out);
  }
}

function recogniseList(words: readonly string[]): Recognised | undefined {
  const rest: string[] = [];
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? '';
    if (WITH_VALUE.has(word)) n++;
    else if (word !== '' && !word.startsWith('-')) rest.push(word);
  }
  const [verb, table] = rest;
  if ((verb !== 'list' && verb !== 'find') || table === undefined) return undefined;
  const known = tableOf(table);
  return { kind: 'ovs-vsctl-list', target: known === undefined || known === 'other' ? table.toLowerCase() : known };
}

/** Takes what is no part of the listing: log lines, failures and grep's separators stay for `readRows`. */
function aside(line: Line, out: Collected): boolean {
  if (LOG.test(line.text)) {
    record(out, line, line, 'note');
    return true;
  }
  if (!FAILURE.test(line.text) || COLUMN.test(line.text)) return false;
  const from = line.text.length - line.text.trimStart().length;
  out.errors.push({
    span: { start: line.start + from, end: line.start + line.text.length },
    code: 'error-output',
    message: `ovs-vsctl reported an error instead of rows: "${line.text.trim()}".`,
  });
  return true;
}

function readRows(lines: readonly Line[], data: ReadonlySet<Line>, isOrdered: boolean, out: Collected): Row[] {
  const rows: Map<string, OvsdbValue>[] = [];
  let row: Map<string, OvsdbValue> | undefined;
  let before = '';
  for (const line of lines) {
    if (line.text.trim() === '' || /^\s*--$/.test(line.text)) {
      if (line.text.trim() !== '') record(out, line, line, 'header');
      row = undefined;
      continue;
    }
    if (!data.has(line)) continue;
    const source = sourceOf(line);
    const result = grammars.OvsVsctlList.match(source.text, 'listLine');
    if (result.failed()) {
      out.errors.push(syntaxError(source, result, 'line of ovs-vsctl list'));
      continue;
    }
    record(out, line);
    const { column, value } = readColumnLine(result, source);
    // After grep no blank line parts the rows, but columns come in alphabetical order within each.
    const isNext =
      column === '_uuid' ||
      row?.has(column) === true ||
      (isOrdered && row !== undefined && before !== '_uuid' && column < before);
    if (row === undefined || isNext) rows.push((row = new Map()));
    row.set(column, value);
    before = column;
  }
  return rows;
}
