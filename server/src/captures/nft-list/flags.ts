import { val, type Val } from '../../base/span';
import type { NfMatch } from '../netfilter-facts';
import { ctStateBits, ctStateNames, ctStatusBits, tcpFlags } from './names';

/**
 * How bits are compared (nft(8), "bitmask type"): `syn,ack` asks whether any of them is set, `! syn` whether none is; with `==`, `!=`
 * and in sets they must be these and no others.
 */
export type FlagForm = 'any' | 'none' | 'exact' | 'not exact';

/** A selector of bits compared with values; undefined for other selectors, and where a word is no flag. */
export function flagMatches(
  name: string,
  values: readonly Val<string>[],
  form: FlagForm,
  text: Val<string>,
  guard: readonly NfMatch[],
): NfMatch[] | undefined {
  const one = { 'ct state': stateMatch, 'ct status': statusMatch, 'tcp flags': tcpMatch }[name];
  if (one === undefined) return undefined;
  const exact = form === 'exact' || form === 'not exact';
  const negated = form === 'none' || form === 'not exact';
  // In a set each element is one value; a list is one value of several bits.
  const made = values.map((value) => one(value.value, exact, text));
  if (made.includes(undefined)) return undefined;
  const matches = made.flatMap((match) => (match === undefined ? [] : [match]));
  const [first] = matches;
  if (first === undefined) return undefined;
  return [...guard, matches.length === 1 ? turned(first, negated, text) : { kind: 'any-of', matches, text, negated }];
}

export const FLAG_SELECTORS = new Set(['ct state', 'ct status', 'tcp flags']);

function turned(match: NfMatch, negated: boolean, text: Val<string>): NfMatch {
  if (!negated) return match;
  // What needs a connection or a TCP header does not hold without it, negated or not.
  if (match.kind === 'ctstatus' || match.kind === 'tcp-flags' || match.kind === 'ctstate')
    return { ...match, negated: !match.negated };
  return { kind: 'any-of', matches: [match], text, negated: true };
}

function stateMatch(value: string, exact: boolean, text: Val<string>): NfMatch | undefined {
  const bits = ctStateBits(value);
  if (bits === undefined) return undefined;
  const states = ctStateNames(bits);
  // A packet has one state: it is never two of them.
  if (exact && states.length > 1)
    return {
      kind: 'all-of',
      matches: states.map((state) => ({ kind: 'ctstate', states: val([state], text.span), negated: false })),
      text,
      negated: false,
    };
  return { kind: 'ctstate', states: val(states, text.span), negated: false };
}

function statusMatch(value: string, exact: boolean, text: Val<string>): NfMatch | undefined {
  const bits = ctStatusBits(value);
  if (bits === undefined) return undefined;
  return exact
    ? { kind: 'ctstatus', mask: 0xffff, set: bits, text, negated: false }
    : { kind: 'ctstatus', mask: bits, set: 0, text, negated: true };
}

function tcpMatch(value: string, exact: boolean, text: Val<string>): NfMatch | undefined {
  const bits = tcpFlags(value);
  if (bits === undefined) return undefined;
  return exact
    ? { kind: 'tcp-flags', mask: 0xff, set: bits, text, negated: false }
    : { kind: 'tcp-flags', mask: bits, set: 0, text, negated: true };
}
