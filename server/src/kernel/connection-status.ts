import type { NfMatch } from '../captures/netfilter-facts';
import type { Connection } from './conntrack';
import { not, or, tri, type Tri } from './decide';
import type { Moment } from './matches';
import { PROTO } from './packet';

/** Bits of a connection's status that are not kept here. */
const OPEN_STATUS = ~(1 | 2 | 4 | 8 | 16 | 32);

/**
 * Whether a connection outlives a shortage: of TCP once a segment was confirmed, of ICMP never, of others that were answered when packets
 * still come two seconds after the first one (nf_conntrack_udp_packet).
 */
function isAssured({ original, confirmed, seenReply, segments }: Connection): Tri {
  if (segments.assured) return 'yes';
  const { proto } = original;
  if (!confirmed || !seenReply || proto === PROTO.TCP || proto === PROTO.ICMP || proto === PROTO.ICMPV6) return 'no';
  return 'maybe';
}

/** `ct status` of nft: whether those of the bits in `mask` that a connection has are `set`. */
export function hasStatusBits(mask: number, set: number, connection: Connection, assured = isAssured(connection)): Tri {
  const known =
    (assured === 'yes' ? 4 : 0) |
    (connection.expected ? 1 : 0) |
    (connection.seenReply ? 2 : 0) |
    (connection.confirmed ? 8 : 0) |
    (connection.sourceNat ? 16 | 128 : 0) |
    (connection.destinationNat ? 32 | 256 : 0);
  // Both kinds of translation were done where one was (IPS_SRC_NAT_DONE, IPS_DST_NAT_DONE).
  const open = (OPEN_STATUS & ~known) | (assured === 'maybe' ? 4 : 0) | (connection.natUnsure === true ? 16 | 32 | 128 | 256 : 0);
  if (((known ^ set) & mask & ~open) !== 0) return 'no';
  return (mask & open) !== 0 ? 'maybe' : 'yes';
}

/** `--ctstatus` of iptables: whether a connection has one of the named states. */
export function hasNamedStatus(names: string, connection: Connection, assured = isAssured(connection)): Tri {
  const has = (name: string): Tri => {
    switch (name) {
      case 'NONE':
        return 'no';
      case 'EXPECTED':
        return tri(connection.expected);
      case 'SEEN_REPLY':
        return tri(connection.seenReply);
      case 'CONFIRMED':
        return tri(connection.confirmed);
      case 'ASSURED':
        return assured;
      default:
        return 'maybe';
    }
  };
  return or(names.toUpperCase().split(',').map(has));
}

/** Whether nothing but its age, which nobody captures to the second, tells if a connection is as a condition wants it; and what it then is. */
export function turnsOnAge(match: NfMatch, { tracking: { connection } }: Moment): { readonly whenYoung: boolean } | undefined {
  if (!connection || isAssured(connection) !== 'maybe') return undefined;
  const answer = (assured: Tri): Tri => {
    if (match.kind === 'ctstatus') return hasStatusBits(match.mask, match.set, connection, assured);
    if (match.kind === 'conntrack' && match.what === 'status') return hasNamedStatus(match.value.value, connection, assured);
    return 'maybe';
  };
  const [young, old] = [answer('no'), answer('yes')];
  if (young === 'maybe' || old === 'maybe' || !('negated' in match)) return undefined;
  return { whenYoung: (match.negated ? not(young) : young) === 'yes' };
}
