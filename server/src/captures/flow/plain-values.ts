import { OFPP } from '../../openflow/ofpact';
import { isValidValue } from '../../openflow/parse-field';
import { ones } from '../../base/bits';
import type { Field } from '../../packet/field';
import { fieldOf, mfFromName } from '../../packet/fields';
import { readSubfield } from './acts/subfield';
import { Kind, wordsOfKind } from './tokens';

/**
 * What is known of a value in a piece of a flow before any is read there: up to which first word the reader takes every value of its kind
 * just as it is written. -1 where the table of fields does not tell, so that values must be tried (`rules.ts`).
 */
export type Limit = number;

const UNKNOWN = -1;
/** All values of addresses. */
const ANY = Infinity;
const WORD = 0xffffffff;

/** A value in a piece's text: `\0` and its kind, one character. */
// eslint-disable-next-line no-control-regex -- that is how values are marked
const MARK = /\u0000\w/g;
/** `key=VALUE`, and under a mask, which is literal. */
// eslint-disable-next-line no-control-regex -- see above
const ITEM = /^([A-Za-z]\w*)=\u0000(\d)(?:\/[0-9a-fx.:]+)?$/;
/** What values of flows, not of their matches, may be. */
const itemLimits: ReadonlyMap<string, Limit> = new Map([
  ['table', 0xff],
  ['priority', 0xffff],
  ['idle_timeout', 0xffff],
  ['hard_timeout', 0xffff],
  ['importance', 0xffff],
]);

/** The limits of all values in a piece: a part of the match (`if `) or an action (`do `), values replaced by their marks. */
export function limitsOf(piece: string): readonly Limit[] {
  return piece.startsWith('if ') ? ofItem(piece.slice(3)) : ofAction(piece.slice(3));
}

function unknown(text: string): readonly Limit[] {
  return Array.from(text.matchAll(MARK), () => UNKNOWN);
}

function ofItem(text: string): readonly Limit[] {
  const [, key = '', mark] = ITEM.exec(text) ?? [];
  if (mark === undefined) return unknown(text);
  const kind = Number(mark) as Kind;
  const own = itemLimits.get(key);
  if (own !== undefined) return [kind === Kind.decimal ? own : UNKNOWN];
  const field = fieldOf(key);
  if (field?.format === 'port') return [field.bytes === 2 && kind === Kind.decimal ? OFPP.MAX - 1 : UNKNOWN];
  return [field ? ofField(field, kind) : UNKNOWN];
}

/** Fields whose values are more than their bits: they say whether there is a header, or leave some of their bits unused. */
const odd: ReadonlySet<string> = new Set(['vlan_tci', 'nw_tos', 'nw_proto']);

function isOdd({ storage }: Field): boolean {
  return storage.some(({ key }) => odd.has(key));
}

function ofField(field: Field, kind: Kind): Limit {
  if (isOdd(field) || !isValidValue(field, ones(field.bits))) return UNKNOWN;
  switch (field.format) {
    case 'number':
    case 'hex':
      return upTo(field.bits, kind);
    case 'mac':
      return kind === Kind.mac ? ANY : UNKNOWN;
    case 'ipv4':
      return kind === Kind.ipv4 ? ANY : UNKNOWN;
    case 'ipv6':
      return kind === Kind.ipv6 ? ANY : UNKNOWN;
    default:
      return UNKNOWN;
  }
}

/** What the first word of a number of `bits` may be, as that kind is written. */
function upTo(bits: number, kind: Kind): Limit {
  if (kind === Kind.decimal) return bits >= 32 ? WORD : 2 ** bits - 1;
  if (kind !== Kind.hex32 && kind !== Kind.hex64 && kind !== Kind.hex128) return UNKNOWN;
  const rest = bits - 32 * ((wordsOfKind[kind] ?? 1) - 1);
  return rest <= 0 ? UNKNOWN : rest >= 32 ? WORD : 2 ** rest - 1;
}

/** Actions whose only value is a number, which they take up to here. */
const actionLimits: ReadonlyMap<string, Limit> = new Map([
  ['output', OFPP.MAX - 1],
  ['group', WORD],
  ['mod_vlan_vid', 0xfff],
  ['set_tunnel', WORD],
]);

// eslint-disable-next-line no-control-regex -- see above
const ASSIGNED = /^(\w+):\u0000(\d)(?:->(\S+))?$/;
// eslint-disable-next-line no-control-regex -- see above
const RESUBMIT = /^resubmit\((\u00001)?,(\u00001)?\)$/;
// eslint-disable-next-line no-control-regex -- see above
const CONJUNCTION = /^conjunction\(\u0000[13],\d+\/\d+\)$/;
const NESTING = /^(clone|ct|exec)\((.*)\)$/;

function ofAction(text: string): readonly Limit[] {
  const [, name = '', mark, target] = ASSIGNED.exec(text) ?? [];
  if (mark !== undefined) return [ofAssigned(name, Number(mark) as Kind, target)];
  const resubmit = RESUBMIT.exec(text);
  // Table 255 is that of the flow itself.
  if (resubmit) return [...(resubmit[1] === undefined ? [] : [OFPP.MAX - 1]), ...(resubmit[2] === undefined ? [] : [0xfe])];
  if (CONJUNCTION.test(text)) return [WORD];
  const [, outer, list] = NESTING.exec(text) ?? [];
  if (list === undefined) return unknown(text);
  return partsOf(list).flatMap((part) => (outer === 'ct' ? ofTracking(part) : ofAction(part)));
}

function ofAssigned(name: string, kind: Kind, target: string | undefined): Limit {
  if (target === undefined) {
    if (name === 'mod_dl_src' || name === 'mod_dl_dst') return kind === Kind.mac ? ANY : UNKNOWN;
    return kind === Kind.decimal || kind === Kind.hex32 ? (actionLimits.get(name) ?? UNKNOWN) : UNKNOWN;
  }
  if (name === 'load') {
    const part = readSubfield(target);
    return typeof part === 'string' || part.field.format === 'port' || isOdd(part.field) ? UNKNOWN : upTo(part.bits, kind);
  }
  const field = name === 'set_field' ? mfFromName(target) : undefined;
  return field ? ofField(field, kind) : UNKNOWN;
}

function ofTracking(part: string): readonly Limit[] {
  if (part === 'table=\u00001') return [0xfe];
  if (part === 'zone=\u00001') return [0xffff];
  return part.startsWith('exec(') ? ofAction(part) : unknown(part);
}

/** A list's parts between commas outside brackets. */
function partsOf(list: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < list.length; i++) {
    const c = list.charCodeAt(i);
    if (c === 40) depth++;
    else if (c === 41) depth--;
    else if (c === 44 && depth === 0) {
      parts.push(list.slice(from, i));
      from = i + 1;
    }
  }
  return [...parts, list.slice(from)];
}
