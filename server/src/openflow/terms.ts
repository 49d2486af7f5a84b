import { ones } from '../base/bits';
import { exactMask, fieldOf, mfFromName } from '../packet/fields';
import type { FlowBits } from '../packet/flow-shape';
import { matchAll, setMatchField, type MatchWords } from './field-access';
import { compactMatch, type Match, type TunMetadataTerm } from './match';
import type { NameMap } from './names';
import { optionIndex } from './tlv';
import { normalizeMatch } from './normalize';

/** Used anew for every match, as a switch has hundreds of thousands. */
const scratch = matchAll();

export interface TermsMatch {
  readonly match: Match;
  /** Why the match is not all that the flow demands: a port without a number, words that nobody understands. */
  readonly trouble: string | undefined;
}

/** A number between the switch's ports and OpenFlow's reserved ones, which no port has (ovs-fields(7), "in_port"). */
const NO_PORT = 0xff01;

/**
 * A flow's conditions as one match, as the switch keeps it: conditions on headers that the flow does not ask for (a port without a
 * protocol) do not count. Ports' names get their numbers from `ports`; a name that it lacks is the name of no port.
 */
export function matchOfTerms(terms: readonly FlowBits[], ports?: NameMap): TermsMatch {
  const words = scratch;
  words.value.fill(0);
  words.mask.fill(0);
  const options = new Map<number, TunMetadataTerm>();
  let trouble: string | undefined;
  for (const term of terms) {
    const field = fieldOf(term.field);
    if (!field || term.unknown) {
      trouble ??= `the condition on ${term.field} is not understood`;
      continue;
    }
    let { value } = term;
    if (term.portName !== undefined) {
      const number = ports?.numberOf(term.portName);
      if (number === undefined) trouble ??= `the number of port ${term.portName} is not captured`;
      // Left out, the flow would take the packets of all ports.
      value = BigInt(number ?? NO_PORT);
    }
    const index = optionIndex(field.mfName);
    if (index !== undefined) {
      options.set(index, { index, value, mask: term.mask === 0n ? undefined : term.mask });
      continue;
    }
    if (field.mfName === 'dl_vlan') vlan(words, value, term.mask);
    else setMatchField(words, field, value, term.mask === ones(field.bits) ? exactMask(field) : term.mask);
  }
  normalizeMatch(words);
  return { match: compactMatch(words.value, words.mask, [...options.values()]), trouble };
}

/** `dl_vlan` is kept as the bits of `vlan_tci` that it stands for; all 16 are "no VLAN". */
function vlan(words: MatchWords, value: bigint, mask: bigint): void {
  const field = mfFromName('dl_vlan');
  if (!field) return;
  if (mask === 0n) setMatchField(words, field, 0n, 0n);
  else setMatchField(words, field, mask === 0xffffn ? 0xffffn : value & 0xfffn, exactMask(field));
}
