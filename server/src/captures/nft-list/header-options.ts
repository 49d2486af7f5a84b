import { val } from '../../base/span';
import type { NfMatch } from '../netfilter-facts';
import { plainNumber } from './names';
import { familyGuard, protocolOf, type Compared } from './selectors';

/** Kinds of TCP's options by nft's names (nft(8), "extension header expressions"). */
const TCP_OPTIONS: Readonly<Record<string, number | undefined>> = {
  eol: 0,
  nop: 1,
  maxseg: 2,
  window: 3,
  'sack-perm': 4,
  sack: 5,
  timestamp: 8,
  md5sig: 19,
  mptcp: 30,
  fastopen: 34,
};

/**
 * Options of TCP's and IP's headers and chunks of SCTP. Asked whether there is one, what has no such header lacks it as well
 * (nft_exthdr_tcp_eval, nft_exthdr_sctp_eval); asked what stands in one, a packet without it meets the condition neither so nor negated.
 */
export function optionMatches({ selector, values, negated, text, lookup }: Compared): NfMatch[] | undefined {
  const [header = '', , name = '', field] = selector.value.split(' ');
  const [value] = values;
  const exists = values.length === 1 && field === undefined && /^(?:exists|missing|[01])$/.test(value?.value ?? '');
  if (!exists && field === undefined) return undefined;
  const missing = exists && /^(?:missing|0)$/.test(value?.value ?? '');
  const inside = (there: NfMatch[]): NfMatch[] =>
    exists
      ? [
          {
            kind: 'any-of',
            matches: [{ kind: 'all-of', matches: there, text, negated: false }],
            text,
            negated: missing !== negated,
          },
        ]
      : there;
  const open: NfMatch = { kind: 'other', text, negated: false, name: 'nft' };
  switch (header) {
    case 'tcp': {
      const option = TCP_OPTIONS[name] ?? plainNumber(name);
      if (option === undefined) return undefined;
      const there: NfMatch = { kind: 'tcp-option', option: val(option, selector.span), negated: false };
      return exists ? [{ kind: 'any-of', matches: [there], text, negated: missing !== negated }] : [there, open];
    }
    case 'ip':
      // A question tells of none.
      return [...familyGuard(selector, lookup), ...inside([{ kind: 'any-of', matches: [], text, negated: false }])];
    default:
      return inside([protocolOf(header, selector), { kind: 'fragment', text, negated: true }, open]);
  }
}
