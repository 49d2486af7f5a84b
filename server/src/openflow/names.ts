import { OFPP, type PortRef } from './ofpact';

/** Names that a switch has for the numbers of its ports, or of its tables. */
export interface NameMap {
  /** Undefined where the number has no name, or one that another number has too. */
  readonly nameOf: (number: number) => string | undefined;
  readonly numberOf: (name: string) => number | undefined;
}

/** A switch's names out of its ports (or tables); a name that stands for two numbers stands for the first. */
export function nameMap(entries: Iterable<readonly [number, string]>): NameMap {
  const byNumber = new Map<number, string>();
  const byName = new Map<string, number>();
  const duplicate = new Set<string>();
  for (const [number, name] of entries) {
    const known = byName.get(name);
    if (known !== undefined) {
      if (known !== number) duplicate.add(name);
      continue;
    }
    if (byNumber.has(number)) {
      duplicate.add(byNumber.get(number) ?? '');
      continue;
    }
    byNumber.set(number, name);
    byName.set(name, number);
  }
  return {
    nameOf(number) {
      const name = byNumber.get(number);
      return name === undefined || duplicate.has(name) ? undefined : name;
    },
    numberOf: (name) => (duplicate.has(name) ? undefined : byName.get(name)),
  };
}

const reserved = new Map<number, string>([
  [OFPP.IN_PORT, 'IN_PORT'],
  [OFPP.TABLE, 'TABLE'],
  [OFPP.NORMAL, 'NORMAL'],
  [OFPP.FLOOD, 'FLOOD'],
  [OFPP.ALL, 'ALL'],
  [OFPP.CONTROLLER, 'CONTROLLER'],
  [OFPP.LOCAL, 'LOCAL'],
  [OFPP.NONE, 'ANY'],
  [OFPP.UNSET, 'UNSET'],
]);
const reservedByName = new Map<string, number>([...reserved].map(([number, name]) => [name, number]));
reservedByName.set('NONE', OFPP.NONE);

/** The number of a reserved port's name, in any case; undefined for other names. */
export function reservedPort(name: string): number | undefined {
  return reservedByName.get(name.toUpperCase());
}

/** A name as it is printed: in quotes unless it is letters and digits that start with a letter. */
export function quoteName(name: string): string {
  return /^[A-Za-z][A-Za-z0-9]*$/.test(name) ? name : JSON.stringify(name);
}

/** `"qvo-1"` without its quotes; undefined where they don't close or hold what no string may. */
export function unquoteName(text: string): string | undefined {
  if (!text.startsWith('"')) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A port as flows print it: its reserved name, its name where `ports` has one, else its number. */
export function formatPort(port: PortRef, ports?: NameMap): string {
  if (typeof port === 'string') return quoteName(port);
  const name = reserved.get(port) ?? undefined;
  if (name !== undefined) return name;
  const own = ports?.nameOf(port);
  return own === undefined ? String(port) : quoteName(own);
}

export function formatTable(table: number, tables?: NameMap): string {
  const name = tables?.nameOf(table);
  return name === undefined ? String(table) : quoteName(name);
}

/**
 * A port as a flow names it: a decimal number (OpenFlow 1.1's 32-bit reserved ones become 1.0's), a reserved name, or a name of `ports`.
 * A name that `ports` does not have is itself the result where there is no `ports`, and undefined where there is.
 */
export function parsePort(text: string, ports?: NameMap): PortRef | undefined {
  if (/^\s*\+?\d+$/.test(text)) {
    const number = Number(text);
    if (number <= 0xffff) return number;
    return number >= 0xffffff00 && number <= 0xffffffff ? number - 0xffff0000 : undefined;
  }
  if (text === '' || text.startsWith('-')) return undefined;
  const known = reservedPort(text);
  if (known !== undefined) return known;
  const name = unquoteName(text);
  if (name === undefined || name === '') return undefined;
  return ports ? ports.numberOf(name) : name;
}

/** A table's number, 0 to 255, or the number of its name; undefined otherwise. Without `tables`, a name is itself the result. */
export function parseTable(text: string, tables?: NameMap): number | string | undefined {
  if (/^\s*\+?\d+$/.test(text)) return Number(text) <= 255 ? Number(text) : undefined;
  if (text === '' || text.startsWith('-')) return undefined;
  const name = unquoteName(text);
  if (name === undefined || name === '') return undefined;
  return tables ? tables.numberOf(name) : name;
}
