import { emptyFlow, FLOW_WORDS, type FlowWords } from '../packet/flow-words';

/** One Geneve option that a match names. Where its bytes are kept depends on the switch's TLV map. */
export interface TunMetadataTerm {
  /** 0 to 63: `tun_metadata3`. */
  readonly index: number;
  readonly value: bigint;
  /** Undefined where only the option's presence is matched (`tun_metadata3` without a value). */
  readonly mask: bigint | undefined;
}

/**
 * What a flow demands of a packet: for each word of `words` (ascending), `(packet & masks) == values`. Compact, since a switch has
 * hundreds of thousands; rules with the same masks share `mask`.
 */
export interface Match {
  readonly mask: MatchMask;
  readonly values: readonly number[];
  readonly tunMetadata: readonly TunMetadataTerm[];
}

export interface MatchMask {
  readonly words: readonly number[];
  readonly masks: readonly number[];
  /** Equal for equal masks. */
  readonly key: string;
}

/** By a hash of words and masks: a table has half a million matches under a few hundred masks. */
const interned = new Map<number, MatchMask[]>();

/** The one object for these words and masks. */
export function internMask(words: readonly number[], masks: readonly number[]): MatchMask {
  let hash = words.length;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ (words[i] ?? 0), 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ (masks[i] ?? 0), 0x85ebca6b);
  }
  const alike = interned.get(hash);
  for (const mask of alike ?? []) if (areSame(mask.words, words) && areSame(mask.masks, masks)) return mask;
  const key = words.map((word, i) => `${word}:${(masks[i] ?? 0).toString(16)}`).join();
  const made = { words, masks, key };
  if (alike) alike.push(made);
  else interned.set(hash, [made]);
  return made;
}

function areSame(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The compact form of a value and its mask; bits of the value outside the mask do not count. */
export function compactMatch(value: FlowWords, mask: FlowWords, tunMetadata: readonly TunMetadataTerm[] = []): Match {
  const words: number[] = [];
  const masks: number[] = [];
  const values: number[] = [];
  for (let word = 0; word < FLOW_WORDS; word++) {
    const bits = mask[word] ?? 0;
    if (bits === 0) continue;
    words.push(word);
    masks.push(bits);
    values.push(((value[word] ?? 0) & bits) >>> 0);
  }
  return { mask: internMask(words, masks), values, tunMetadata };
}

/** The long form again. */
export function expandMatch(match: Match): { readonly value: FlowWords; readonly mask: FlowWords } {
  const value = emptyFlow();
  const mask = emptyFlow();
  match.mask.words.forEach((word, i) => {
    mask[word] = match.mask.masks[i] ?? 0;
    value[word] = match.values[i] ?? 0;
  });
  return { value, mask };
}
