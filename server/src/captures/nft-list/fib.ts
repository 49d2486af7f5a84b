import type { NfMatch } from '../netfilter-facts';
import type { Compared } from './selectors';

/**
 * `fib saddr . iif oif missing`, `fib daddr oifname "eth0"`: by which device the routes lead to an address (nft(8), "fib expressions"); undefined
 * for what is none of these.
 */
export function fibDeviceMatches({ selector, values, negated, text }: Compared): NfMatch[] | undefined {
  const [, inputs = '', result] = /^fib (\S.*) (oif|oifname|check)$/.exec(selector.value) ?? [];
  const given = new Set(inputs.split(' . '));
  const known = [...given].every((input) => /^(?:saddr|daddr|mark|iif|oif)$/.test(input));
  if (result === undefined || !known || given.has('saddr') === given.has('daddr')) return undefined;
  const mark = given.has('mark');
  const by = given.has('iif') ? 'in' : given.has('oif') ? 'out' : undefined;
  const words = values.map(({ value }) => value);
  const missing = /^(?:missing|0)$/.test(words[0] ?? '');
  if (words.length === 1 && result !== 'oifname' && (missing || /^(?:exists|1)$/.test(words[0] ?? ''))) {
    const turned = missing !== negated;
    // No way back out of the device that the packet came by (or out of any): the reverse of the rpfilter match.
    if (given.has('saddr') && by !== 'out') {
      const flags = [...(by === 'in' ? [] : ['loose']), ...(mark ? ['validmark'] : [])];
      return [{ kind: 'rpfilter', flags, text, negated: turned }];
    }
    return [{ kind: 'fib-device', which: given.has('saddr') ? 'src' : 'dst', mark, by, names: undefined, text, negated: turned }];
  }
  // An index in place of a name is the device's of this moment only.
  if (words.some((word) => /^\d+$|^(?:exists|missing)$/.test(word))) return undefined;
  return [{ kind: 'fib-device', which: given.has('saddr') ? 'src' : 'dst', mark, by, names: words, text, negated }];
}
