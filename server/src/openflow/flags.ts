/** Bits with names: `+new-est`, `new|trk`. */
export interface FlagNames {
  /** As error sentences call them. */
  readonly what: string;
  /** From the lowest bit up. */
  readonly names: readonly (readonly [number, string])[];
  /** Bits that may be given in a flow. */
  readonly allowed: number;
}

export const ctStateFlags: FlagNames = {
  what: 'ct_state',
  names: [[1, 'new'], [2, 'est'], [4, 'rel'], [8, 'rpl'], [16, 'inv'], [32, 'trk'], [64, 'snat'], [128, 'dnat']], // prettier-ignore
  allowed: 0xff,
};

export const tcpFlags: FlagNames = {
  what: 'TCP',
  names: [
    [1, 'fin'], [2, 'syn'], [4, 'rst'], [8, 'psh'], [0x10, 'ack'], [0x20, 'urg'], [0x40, 'ece'], [0x80, 'cwr'], [0x100, 'ns'],
    [0x200, '[200]'], [0x400, '[400]'], [0x800, '[800]'],
  ], // prettier-ignore
  allowed: 0xfff,
};

export const tunnelFlags: FlagNames = {
  what: 'tunnel',
  names: [[1, 'oam'], [2, 'df'], [4, 'csum'], [8, 'key']], // prettier-ignore
  allowed: 1,
};

/** `new|trk`; `0` for none; bits without a name as one hexadecimal number at the end. */
export function formatFlags(flags: FlagNames, value: number, separator = '|'): string {
  if (value === 0) return '0';
  const words: string[] = [];
  let rest = value;
  for (const [bit, name] of flags.names) {
    if ((value & bit) === 0) continue;
    words.push(name);
    rest = (rest & ~bit) >>> 0;
  }
  if (rest !== 0) words.push(`0x${rest.toString(16)}`);
  return words.join(separator);
}

/** `+new-est`, or `new|trk` where the mask is `whole`. */
export function formatFlagsMasked(flags: FlagNames, value: number, mask: number, whole: number): string {
  if (mask >>> 0 === whole >>> 0) return formatFlags(flags, value);
  if (mask === 0) return '0/0';
  let text = '';
  for (let n = 0; n < 32; n++) {
    const bit = (1 << n) >>> 0;
    if ((mask & bit) === 0) continue;
    text += `${(value & bit) === 0 ? '-' : '+'}${flags.names.find(([each]) => each === bit)?.[1] ?? '[Unknown]'}`;
  }
  return text;
}

export type ParsedFlags = { readonly value: number; readonly mask: number } | { readonly error: string };

/** Reads flags in any form: `+new-est`, `new|trk`, `0x21/0x3f`, `0x21`. Without signs or a mask, what is not named must be 0. */
export function parseFlags(flags: FlagNames, text: string): ParsedFlags {
  const unknown = (at: string): ParsedFlags => ({ error: `${at}: unknown ${flags.what} flag(s)` });
  const numbers = /^\s*([+-]?(?:0[xX][0-9a-fA-F]+|\d+))\/([+-]?(?:0[xX][0-9a-fA-F]+|\d+))/.exec(text);
  if (numbers) {
    const value = number(numbers[1] ?? '');
    const mask = number(numbers[2] ?? '');
    return ((value | mask) & ~flags.allowed) !== 0 ? unknown(text) : { value, mask };
  }
  if (/^[+-]/.test(text)) return signed(flags, text, unknown);
  let value = 0;
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const given = /^\s*[+-]?(?:0[xX][0-9a-fA-F]+|\d+)/.exec(rest);
    const found = given ? undefined : flags.names.find(([, name]) => rest === name || rest.startsWith(`${name}|`));
    if (given) {
      const bits = number(given[0].trim());
      if ((bits & ~flags.allowed) !== 0) return unknown(text);
      value |= bits;
      at += given[0].length;
    } else if (found && (found[0] & flags.allowed) !== 0) {
      value |= found[0];
      at += found[1].length;
    } else {
      return unknown(text);
    }
    if (text[at] === '|') at++;
  }
  return { value: value >>> 0, mask: 0xffffffff };
}

function signed(flags: FlagNames, text: string, unknown: (at: string) => ParsedFlags): ParsedFlags {
  let value = 0;
  let mask = 0;
  let rest = text;
  while (rest !== '') {
    const sign = rest[0];
    if (sign !== '+' && sign !== '-') {
      return { error: `${rest}: ${flags.what} must be preceded by '+' (for SET) or '-' (NOT SET)` };
    }
    rest = rest.slice(1);
    const at = rest;
    const found = flags.names.find(
      ([, name]) => rest === name || (rest.startsWith(name) && (rest[name.length] === '+' || rest[name.length] === '-')),
    );
    if (!found) return unknown(at);
    const [bit, name] = found;
    if ((mask & bit) !== 0) return { error: `${at}: Each ${flags.what} flag can be specified only once` };
    if ((bit & flags.allowed) === 0) return unknown(at);
    if (sign === '+') value |= bit;
    mask |= bit;
    rest = rest.slice(name.length);
  }
  return { value, mask };
}

/** C's way with a leading 0 is octal. */
function number(text: string): number {
  const digits = text.replace(/^[+-]/, '');
  const value = /^0\d+$/.test(digits) ? parseInt(digits, 8) : Number(digits);
  return (text.startsWith('-') ? -value : value) | 0;
}
