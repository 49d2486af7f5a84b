import type { NfMatch } from '../captures/netfilter-facts';
import type { Namespace } from '../model/namespace';
import { not, type Tri } from './decide';
import { afterLookup, afterUnknownLookup, inSet } from './ipset';
import type { Moment } from './matches';
import { likelyChanges, type SetChanges } from './set-changes';

/** Whether a packet is in the set of ipset(8) that a condition asks. */
export function inIpset(match: Extract<NfMatch, { kind: 'set' }>, at: Moment): Tri {
  const found = inSet(at.namespace, match.set.value, match.directions, at.packet, {
    ...at,
    returnNomatch: returnsNomatch(match),
  });
  const answer = found === 'yes' && turnsOnCounters(match, at.namespace) ? 'maybe' : found;
  return match.negated ? not(answer) : answer;
}

function returnsNomatch({ options }: Extract<NfMatch, { kind: 'set' }>): boolean {
  return options?.value.includes('return-nomatch') === true;
}

/** `--packets-gt 5` and the like: elements count only in sets that were made so (ip_set_match_extensions), of a list its own alone. */
function turnsOnCounters({ set, options }: Extract<NfMatch, { kind: 'set' }>, { ipsets }: Namespace): boolean {
  if (options === undefined || !/\b(?:packets|bytes)-/.test(options.value)) return false;
  const made = ipsets.get(set.value);
  return made?.known !== 'whole' || 'counters' in made.options;
}

/** Whether only what an element has counted leaves a condition open. */
export function opensByCounters(match: Extract<NfMatch, { kind: 'set' }>, at: Moment): boolean {
  return inIpset(match, at) === 'maybe' && inIpset({ ...match, options: undefined }, at) !== 'maybe';
}

/** Whether a condition looks a packet up in a set of ipset(8); nft does not show which. */
export function looksUp(match: NfMatch): boolean {
  return match.kind === 'set' || (match.kind === 'other' && /^xt match "?set\b/.test(match.text.value));
}

/** The sets after such a condition was asked. */
export function afterAsking(match: NfMatch, at: Moment): SetChanges {
  if (match.kind !== 'set') return afterUnknownLookup(at.namespace, at.setChanges);
  return afterLookup(at.namespace, match.set.value, match.directions, at.packet, { ...at, returnNomatch: returnsNomatch(match) });
}

/** Whether a condition on a set of ipset(8) holds where only time may have changed that; undefined where a capture would tell. */
export function likelyInSet(match: Extract<NfMatch, { kind: 'set' }>, at: Moment): boolean | undefined {
  if (at.setChanges.size === 0) return undefined;
  const likely = inIpset(match, { ...at, setChanges: likelyChanges(at.setChanges) });
  return likely === 'maybe' ? undefined : likely === 'yes';
}
