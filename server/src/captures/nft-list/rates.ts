import { val, type Val } from '../../base/span';
import type { NfLimit } from '../netfilter-facts';

/** What the head of a set says of its elements. */
export interface SetHead {
  /** What elements have to count by that are told nothing else. */
  readonly rate?: NfLimit;
  /** Elements are forgotten after a time. */
  readonly timed: boolean;
  /** Elements may be forgotten (`flags timeout`). */
  readonly forgets: boolean;
  /** How many elements it takes. */
  readonly size?: number;
}

/** What of an element's words, or of a set's head, counts packets: `limit rate over 10/second burst 5 packets`. */
export function rateIn(text: Val<string>): Val<string> | undefined {
  const plain = text.value.replace(/"[^"]*"/g, (quoted) => '"'.repeat(quoted.length));
  const found =
    /(?:^|\s)((?:limit rate|limit name|ct count|quota)\s(?:(?!\s+(?:timeout|expires|counter|comment|last|:)(?:\s|$)).)*)/s.exec(
      plain,
    );
  if (found === null) return undefined;
  const [whole, rate = ''] = found;
  const start = text.span.start + found.index + whole.length - rate.length;
  return val(rate.trimEnd(), { start, end: start + rate.trimEnd().length });
}

/** A rate as a condition; one that the element keeps for its own packets. */
export function limitOf(text: Val<string>): NfLimit {
  const { value } = text;
  return {
    kind: 'limit',
    module: value.startsWith('ct') ? 'connlimit' : value.startsWith('quota') ? 'quota' : 'limit',
    text,
    negated: /\bover\b/.test(value),
  };
}
