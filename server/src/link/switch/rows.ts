import type { OvsdbValue, SwitchFact } from '../../captures/switch-facts';

export type DbRow = Extract<SwitchFact, { kind: 'ovsdb-row' }>;

/** The rows of the database that `ovs-vsctl list` and `find` showed of one host. */
export interface Rows {
  of(table: string): readonly DbRow[];
  named(table: string, name: string): DbRow | undefined;
  byUuid(uuid: string): DbRow | undefined;
}

/** Indexes rows; of a row that was shown more than once, columns that only one showing has are kept too. */
export function indexRows(rows: Iterable<DbRow>): Rows {
  const tables = new Map<string, DbRow[]>();
  const uuids = new Map<string, DbRow>();
  for (const row of rows) {
    const table = tables.get(row.table) ?? [];
    tables.set(row.table, table);
    const at = table.findIndex(
      (known) =>
        (row.uuid !== undefined && known.uuid?.value === row.uuid.value) ||
        (row.name !== undefined && known.name?.value === row.name.value && (row.uuid === undefined || known.uuid === undefined)),
    );
    const before = table[at];
    const merged: DbRow = before
      ? {
          ...before,
          uuid: before.uuid ?? row.uuid,
          name: before.name ?? row.name,
          columns: new Map([...row.columns, ...before.columns]),
        }
      : row;
    if (before) table[at] = merged;
    else table.push(merged);
    if (merged.uuid) uuids.set(merged.uuid.value, merged);
  }
  return {
    of: (table) => tables.get(table) ?? [],
    named: (table, name) => tables.get(table)?.find((row) => row.name?.value === name),
    byUuid: (uuid) => uuids.get(uuid),
  };
}

function column(row: DbRow | undefined, name: string): OvsdbValue | undefined {
  return row?.columns.get(name);
}

/** A column of one value; undefined where it is empty or not shown. */
export function text(row: DbRow | undefined, name: string): string | undefined {
  const value = column(row, name);
  const atom =
    value?.type === 'atom' ? value.atom : value?.type === 'set' && value.items.length === 1 ? value.items[0] : undefined;
  return atom === undefined || atom.value === '' ? undefined : atom.value;
}

export function integer(row: DbRow | undefined, name: string): number | undefined {
  const value = text(row, name);
  return value !== undefined && /^-?\d+$/.test(value) ? Number(value) : undefined;
}

export function isTrue(row: DbRow | undefined, name: string): boolean {
  return text(row, name) === 'true';
}

/** Whether a column was shown at all. */
export function isShown(row: DbRow | undefined, name: string): boolean {
  return column(row, name) !== undefined;
}

/** All values of a column; with `--data=bare` they stand behind one another. */
export function items(row: DbRow | undefined, name: string): readonly string[] {
  const value = column(row, name);
  if (value?.type === 'set') return value.items.map((item) => item.value);
  return value?.type === 'atom' ? value.atom.value.split(/\s+/).filter((word) => word !== '') : [];
}

/** A column of numbers; undefined where it is empty or not shown. */
export function numbers(row: DbRow | undefined, name: string): readonly number[] | undefined {
  const found = items(row, name).filter((item) => /^\d+$/.test(item));
  return found.length === 0 ? undefined : found.map(Number);
}

/** A column of keys and values. */
export function map(row: DbRow | undefined, name: string): Readonly<Record<string, string>> {
  const value = column(row, name);
  if (value?.type === 'map') return Object.fromEntries(value.pairs.map(([key, { value: found }]) => [key, found]));
  if (value?.type !== 'atom') return {};
  return Object.fromEntries([...value.atom.value.matchAll(/([\w-]+)=(\S*)/g)].map(([, key = '', found = '']) => [key, found]));
}
