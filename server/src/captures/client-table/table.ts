import type { Line } from '../../base/lines';
import type { SourceText } from '../ohm';
import type { Subject } from './command';
import type { Cell, ClientLine } from './semantics';
import { concat, isUuid, isUuidStart, macsIn } from './source';

/** One property: `key` is its name in lower case without blanks and signs, so that wrapped and unwrapped names are the same. */
export interface Field {
  readonly key: string;
  readonly name: SourceText | undefined;
  readonly value: SourceText;
}

/** One thing that a table describes, or one line of it where nothing else is known. */
export interface Entity {
  readonly fields: readonly Field[];
  readonly first: Line;
  readonly last: Line;
}

/** `OS-EXT-SRV-ATTR:host` → `osextsrvattrhost`. */
export function keyOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** A table line that the grammar understood. */
export interface TableLine {
  readonly line: Line;
  /** The last of the lines where a terminal wrapped it. */
  readonly last: Line;
  readonly read: ClientLine & { readonly what: 'border' | 'row' };
}

/** What became of a table's lines. */
export interface TableResult {
  readonly entities: readonly Entity[];
  /** Borders and column titles. */
  readonly headers: readonly TableLine[];
  /** Rows, as far as they belong together. */
  readonly rows: readonly { readonly first: Line; readonly last: Line }[];
}

/** Rows that a narrow column spread over several lines, put together again. */
interface Growing {
  cells: Cell[];
  first: Line;
  last: Line;
}

const TITLES = new Set(
  'id field property portstate name hypervisorhostname binary host label floatingipaddress ip pool fixedipaddress macaddress'.split(
    ' ',
  ),
);

/** Puts table lines together into the things that they describe. */
export function assemble(lines: readonly TableLine[], subject: Subject, columns: readonly string[]): TableResult {
  const headers: TableLine[] = [];
  const rows: Growing[] = [];
  const entities: Entity[] = [];
  let titles: Cell[] | undefined;
  let current: Growing[] = [];

  const finishTable = (): void => {
    if (current.length === 0) return;
    entities.push(
      ...entitiesOf(
        current,
        titles?.map((cell) => keyOf(cell.text.text)),
        subject,
        columns,
      ),
    );
    rows.push(...current);
    current = [];
  };

  for (let n = 0; n < lines.length; n++) {
    const line = lines[n];
    if (line === undefined) continue;
    if (line.read.what === 'border') {
      headers.push(line);
      const title = titlesAfter(lines, n, subject);
      if (title !== undefined) {
        finishTable();
        titles = title.cells;
        headers.push(...title.lines);
        n += title.lines.length;
      }
      continue;
    }
    const cells = [...line.read.cells];
    if (titles === undefined && current.length === 0 && looksLikeTitles(cells, subject)) {
      titles = cells;
      headers.push(line);
      continue;
    }
    const growing = current.at(-1);
    if (growing !== undefined && goesOn(growing, cells, titles, subject)) {
      growing.cells = joinCells(growing.cells, cells);
      growing.last = line.last;
    } else {
      current.push({ cells, first: line.line, last: line.last });
    }
  }
  finishTable();
  return { entities, headers, rows };
}

/** The column titles between this border and the next one, which may take several lines themselves. */
function titlesAfter(
  lines: readonly TableLine[],
  border: number,
  subject: Subject,
): { readonly cells: Cell[]; readonly lines: TableLine[] } | undefined {
  const between: TableLine[] = [];
  let cells: Cell[] | undefined;
  for (let n = border + 1; n < lines.length && n <= border + 4; n++) {
    const line = lines[n];
    if (line === undefined) return undefined;
    if (line.read.what === 'border')
      return cells === undefined ? undefined : looksLikeTitles(cells, subject) ? { cells, lines: between } : undefined;
    between.push(line);
    cells = cells === undefined ? [...line.read.cells] : joinCells(cells, line.read.cells);
  }
  // `| head`: the border below the titles may be missing, but not more than one line is theirs.
  const first = between[0];
  if (first?.read.what !== 'row' || !looksLikeTitles(first.read.cells, subject)) return undefined;
  return { cells: [...first.read.cells], lines: [first] };
}

function looksLikeTitles(cells: readonly Cell[], subject: Subject): boolean {
  const texts = cells.map((cell) => cell.text.text);
  if (texts.some((text) => !/^[A-Za-z][\w :/().-]*$/.test(text))) return false;
  if (texts.some((text) => isUuid(text) || macsIn({ text, parts: [] }).length > 0)) return false;
  const keys = texts.map(keyOf);
  if (keys.length === 2 && (keys[0] === 'field' || keys[0] === 'property')) return keys[1] === 'value';
  // `| name | web |` is a property of the one thing that was asked for.
  if (subject.shape === 'one' && keys.length === 2) return false;
  return keys.some((key) => TITLES.has(key)) && !keys.includes('active') && !keys.includes('down');
}

/** Whether a row is the rest of the one above it. */
function goesOn(above: Growing, cells: readonly Cell[], titles: readonly Cell[] | undefined, subject: Subject): boolean {
  if (above.cells.length !== cells.length) return false;
  const first = cells[0]?.text.text ?? '';
  const isFields =
    titles === undefined
      ? subject.shape === 'one' && cells.length === 2
      : titles.length === 2 && keyOf(titles[1]?.text.text ?? '') === 'value';
  if (isFields) {
    // A field's name is broken where what stands above ends in a sign that no name ends with.
    return first === '' || /[-:_]$/.test(above.cells[0]?.text.text ?? '');
  }
  const id = idColumn(above.cells, titles);
  if (id === undefined) return first === '' && cells.some((cell, n) => n > 0 && cell.text.text === '');
  const more = cells[id]?.text.text ?? '';
  const soFar = above.cells[id]?.text.text ?? '';
  return more === '' || isUuidStart(soFar);
}

function idColumn(cells: readonly Cell[], titles: readonly Cell[] | undefined): number | undefined {
  const titled = titles?.findIndex((cell) => /^(?:id|uuid|portid)$/.test(keyOf(cell.text.text))) ?? -1;
  if (titled >= 0) {
    const text = cells[titled]?.text.text ?? '';
    return isUuid(text) || isUuidStart(text) || /^\d+$/.test(text) ? titled : undefined;
  }
  const found = cells.findIndex(({ text: { text } }) => isUuid(text) || (isUuidStart(text) && text.length > 8));
  return found < 0 ? undefined : found;
}

function joinCells(above: readonly Cell[], below: readonly Cell[]): Cell[] {
  return above.map((cell, n) => {
    const more = below[n];
    if (more === undefined || more.text.text === '') return cell;
    if (cell.text.text === '') return more;
    return { text: concat(cell.text, more.text, glueBetween(cell, more)), width: cell.width };
  });
}

/** Blanks where a value was wrapped between words; nothing where it was cut inside of one. */
function glueBetween(above: Cell, below: Cell): string {
  const a = above.text.text;
  const b = below.text.text;
  // Keys and values of JSON are found by pattern, in which no blank may split a name.
  if (/["'{[]/.test(a) || /-$/.test(a) || /^-/.test(b)) return '';
  if (/^[0-9a-f-]+$/i.test(a) && /^[0-9a-f-]+$/i.test(b)) return '';
  const lastPiece = a.length - (above.text.parts.at(-1)?.at ?? 0);
  return lastPiece >= above.width ? '' : ' ';
}

function entitiesOf(
  rows: readonly Growing[],
  titles: readonly string[] | undefined,
  subject: Subject,
  columns: readonly string[],
): Entity[] {
  const first = rows[0];
  const last = rows.at(-1);
  if (first === undefined || last === undefined) return [];
  const isFields =
    titles === undefined ? subject.shape === 'one' && first.cells.length === 2 : titles.length === 2 && titles[1] === 'value';
  if (isFields) {
    const fields: Field[] = [];
    for (const { cells } of rows) {
      const name = cells[0]?.text;
      const value = cells[1]?.text;
      if (name !== undefined && value !== undefined) fields.push({ key: keyOf(name.text), name, value });
    }
    return [{ fields, first: first.first, last: last.last }];
  }
  return rows.map((row) => {
    const values = row.cells.map((cell) => cell.text);
    return { fields: namedFields(values, titles, subject, columns), first: row.first, last: row.last };
  });
}

/** Gives the values of a row their columns: by the titles, the columns asked for, or by what the values look like. */
export function namedFields(
  values: readonly SourceText[],
  titles: readonly string[] | undefined,
  subject: Subject,
  columns: readonly string[],
): Field[] {
  const asked = columns.map(keyOf);
  const keys = titles ?? (asked.length === values.length ? asked : guessColumns(values, subject));
  return values.map((value, n) => ({ key: keys[n] ?? '', name: undefined, value }));
}

const ADDRESSES = /^[\d.]+(?:, [\d.]+)*$|^[0-9a-f:.]*:[0-9a-f:.]*(?:, [0-9a-f:.]+)*$/i;
const isAddresses = (text: string | undefined): boolean => text !== undefined && ADDRESSES.test(text);

/** Whether a value is no part of a name: what may stand behind one in a listing. */
export function isBehindName(text: string): boolean {
  return (
    STATUS.test(text) ||
    isUuid(text) ||
    /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$|^[[{]|^(?:None|True|False)$|^[\d.]+\/\d+$|^[0-9a-f:]*::[0-9a-f:]*\/\d+$/i.test(text)
  );
}

const STATUS =
  /^(?:ACTIVE|DOWN|BUILD|ERROR|SHUTOFF|PAUSED|SUSPENDED|N\/A|VERIFY_RESIZE|REBOOT|RESCUE|SHELVED|SHELVED_OFFLOADED|UP)$/;

/** After grep there are no titles: a column's meaning follows from its value, the subject and what came before it. */
function guessColumns(values: readonly SourceText[], subject: Subject): string[] {
  const seen = new Set<string>();
  const give = (key: string): string => {
    if (seen.has(key)) return '';
    seen.add(key);
    return key;
  };
  return values.map((value, n) => {
    const { text } = value;
    if (isUuid(text)) {
      if (!seen.has('id')) return give('id');
      if (subject.noun === 'subnet' || subject.noun === 'neutron-port') return give('networkid');
      // A port stands behind the address that it has; behind `None` it is the network of an address that nobody has.
      return subject.noun === 'floating-ip' && isAddresses(values[n - 1]?.text) ? give('portid') : '';
    }
    // Ids of projects are uuids without hyphens.
    if (/^[0-9a-f]{32}$/.test(text)) return give('projectid');
    if (/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) return give('macaddress');
    if (STATUS.test(text)) return give('status');
    if (/network_id/.test(text) && subject.noun === 'router') return give('externalgatewayinfo');
    if (/ip_address['"]?\s*[:=]/.test(text)) return give('fixedips');
    if (/^(?:[0-9a-f]{8}-[0-9a-f-]{27}(?:\/| [\d.:a-f/]+)?(?:, ?|$))+/.test(text) && subject.noun === 'network')
      return give('subnets');
    if (/^[\d.]+\/\d+$|^[0-9a-f:]*::[0-9a-f:]*\/\d+$/i.test(text)) return give('cidr');
    if (isAddresses(text) && subject.noun === 'floating-ip') {
      // The old client puts the fixed address first, if there is one.
      const alone =
        values.filter(
          (other) =>
            /^[\d.]+$|^[0-9a-f]*:[0-9a-f:.]+$/i.test(other.text) && !/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(other.text),
        ).length === 1;
      const fixedFirst = subject.client === 'neutron' && !alone && !seen.has('fixedipaddress');
      return give(fixedFirst || seen.has('floatingipaddress') ? 'fixedipaddress' : 'floatingipaddress');
    }
    if (isAddresses(text)) return subject.noun === 'neutron-port' ? give('ipaddresses') : '';
    if (/^[^\s=]+=[\d.a-f:]|^\{(?:['"][^'"]*['"]: \[|\}$)/i.test(text) && subject.noun === 'instance') return give('networks');
    const named = subject.noun !== 'floating-ip' && n === 1 && seen.has('id') && !/[{}[\]'"]/.test(text);
    return named ? give('name') : '';
  });
}
