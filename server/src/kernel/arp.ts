import type { NfMatch } from '../captures/netfilter-facts';
import { ones } from '../base/bits';
import { parseMac, parsePrefix } from '../packet/address';
import { tri, type Tri } from './decide';

/** What ARP says (RFC 826), as rules may ask about it. */
export interface ArpBody {
  readonly operation: number;
  readonly sha: bigint;
  readonly spa: bigint;
  readonly tha: bigint;
  readonly tpa: bigint;
}

/** By the names that arptables(8) and nft(8) have for them. */
const OPERATIONS: Readonly<Record<string, number>> = {
  request: 1,
  reply: 2,
  request_reverse: 3,
  rrequest: 3,
  reply_reverse: 4,
  rreply: 4,
  drarp_request: 5,
  drarp_reply: 6,
  drarp_error: 7,
  inarp_request: 8,
  inrequest: 8,
  inreply: 9,
  arp_nak: 9,
  nak: 10,
};
/** Of ARP for IPv4 over Ethernet, the one kind that there is here. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  hlen: ['6'],
  plen: ['4'],
  htype: ['1', '0x1', '0x0001', 'ethernet', 'ether'],
  ptype: ['0x800', '0x0800', 'ip', 'ipv4', '2048'],
};

/** The test of a condition about ARP; frames of another kind meet none. */
export function arpTest({ what, value, negated }: Extract<NfMatch, { kind: 'arp' }>): (arp: ArpBody | undefined) => Tri {
  const holds = holdsFor(what, value.value.toLowerCase());
  return (arp) => {
    if (arp === undefined) return 'no';
    const answer = holds(arp);
    return answer === undefined ? 'maybe' : tri(answer !== negated);
  };
}

type ArpField = Extract<NfMatch, { kind: 'arp' }>['what'];

function holdsFor(what: ArpField, text: string): (arp: ArpBody) => boolean | undefined {
  switch (what) {
    case 'operation': {
      const wanted = /^(?:0x)?[\da-f]+$/.test(text) && !/^[a-f]+$/.test(text) ? Number(text) : OPERATIONS[text];
      return ({ operation }) => (wanted === undefined ? undefined : operation === wanted);
    }
    case 'saddr ip':
    case 'daddr ip': {
      const prefix = parsePrefix(text);
      if (prefix?.family !== 4) return () => undefined;
      return ({ spa, tpa }) => ((what === 'saddr ip' ? spa : tpa) & prefix.mask) === prefix.value;
    }
    case 'saddr ether':
    case 'daddr ether': {
      const wanted = maskedMac(text);
      if (wanted === undefined) return () => undefined;
      return ({ sha, tha }) => ((what === 'saddr ether' ? sha : tha) & wanted.mask) === (wanted.value & wanted.mask);
    }
    default: {
      const known = FIXED[what];
      return () => known?.includes(text);
    }
  }
}

/** `MAC`, `MAC/MAC`, or with the length of a prefix, as nft prints it. */
function maskedMac(text: string): { readonly value: bigint; readonly mask: bigint } | undefined {
  const [address = '', mask] = text.split('/');
  const value = parseMac(address);
  if (value === undefined) return undefined;
  if (mask === undefined) return { value, mask: ones(48) };
  const length = /^\d{1,2}$/.test(mask) ? Number(mask) : undefined;
  const bits = length === undefined ? parseMac(mask) : ones(48) ^ ones(48 - Math.min(48, length));
  return bits === undefined ? undefined : { value, mask: bits };
}
