import type { NameMap } from '../../../openflow/names';
import type { OfpAct } from '../../../openflow/ofpact';

/** What names in actions mean. Without a map, a name that stands where a port or a table may is kept, to be resolved later. */
export interface ActionNames {
  readonly ports?: NameMap | undefined;
  readonly tables?: NameMap | undefined;
  /** The text was printed by a switch, which prints some actions in ways that ovs-ofctl itself does not take. */
  readonly printed?: boolean;
}

/** An action, or the sentence that ovs-ofctl prints for it. */
export type ReadAct = OfpAct | string;

/** One action's argument, and how it was written: `name:argument` or `name(argument)`. */
export interface ActText {
  readonly name: string;
  readonly argument: string;
  /** Written with brackets. */
  readonly call: boolean;
  /** Reads a nested list of actions. */
  readonly nested: (text: string, outer: 'ct' | 'clone' | 'write_actions') => readonly OfpAct[] | string;
  readonly names: ActionNames;
}

const INTEGER = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|\d+)$/;

/** C's `strtol` with base 0 over the whole text. */
function integer(text: string): bigint | undefined {
  const match = INTEGER.exec(text);
  if (!match) return undefined;
  const digits = match[2] ?? '0';
  if (/^0\d+$/.test(digits) && /[89]/.test(digits)) return undefined;
  const value = /^0\d+$/.test(digits) ? BigInt(`0o${digits}`) : BigInt(digits);
  return match[1] === '-' ? -value : value;
}

function small(text: string, what: string, limit: bigint): number | string {
  const value = integer(text);
  return value === undefined || value < 0n || value > limit ? `invalid ${what} "${text}"` : Number(value);
}

export const u8 = (text: string, what: string): number | string => small(text, what, 255n);
export const u16 = (text: string, what: string): number | string => small(text, what, 65535n);

/** 64 bits as `strtoull` takes them: negative numbers count from the top. */
export function u64(text: string): bigint | string {
  if (text === '') return 'missing required numeric argument';
  const value = integer(text);
  const bad = `invalid numeric format ${text}`;
  if (value === undefined || value > 0xffffffffffffffffn || value < -0xffffffffffffffffn) return bad;
  return BigInt.asUintN(64, value);
}

export function u32(text: string): number | string {
  const value = u64(text);
  return typeof value === 'string' ? value : Number(BigInt.asUintN(32, value));
}

/** C's `atoi`: the number that a text begins with, 0 for none. */
export function atoi(text: string): number {
  const match = /^\s*([+-]?\d+)/.exec(text);
  return match ? Number(match[1]) | 0 : 0;
}

/** Pairs of hexadecimal digits between blanks and dots; undefined where something else follows. */
export function hexBytes(text: string): number[] | undefined {
  const found: number[] = [];
  for (let at = 0; at < text.length;) {
    if (' .\t\r\n'.includes(text[at] ?? '')) {
      at++;
      continue;
    }
    const high = hexDigit(text.charCodeAt(at));
    const low = hexDigit(text.charCodeAt(at + 1));
    if (high < 0 || low < 0) return undefined;
    found.push(high * 16 + low);
    at += 2;
  }
  return found;
}

/** The value of a digit's code unit, in either case; -1 for what is none. */
function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Words between any of the separators, as C's `strtok` has them. */
export function words(text: string, separators: RegExp): string[] {
  return text.split(separators).filter((word) => word !== '');
}
