import type { NfMatch } from '../captures/netfilter-facts';
import { tri, type Tri } from './decide';
import { devicePattern, type Moment } from './matches';
import { isLinkLocal6, isMulticast } from './packet';

type FibDevice = Extract<NfMatch, { kind: 'fib-device' }>;

/** Whether the routes lead to an address of the packet by such a device, not looking at `negated` (nft_fib4_eval, nft_fib6_eval). */
export function hasFibDevice(match: FibDevice, at: Moment): Tri {
  const devices = devicesOf(match, at);
  if (devices === 'unknown') return 'maybe';
  const { names } = match;
  if (names === undefined) return tri(devices.length > 0);
  const patterns = names.map((name) => devicePattern(name.replace(/\*$/, '+')));
  const hold = devices.map((device) => patterns.some((pattern) => pattern(device)));
  return hold.includes(true) ? (hold.includes(false) ? 'maybe' : 'yes') : 'no';
}

/** The device that the answer names; several where a hash decides among next hops, none where no way counts. */
function devicesOf({ which, mark, by }: FibDevice, at: Moment): readonly string[] | 'unknown' {
  const { packet, hook } = at;
  const { family } = packet;
  const limit = by === 'in' ? at.in : by === 'out' ? at.out : undefined;
  // What comes by lo, or has its socket already, is not asked about (nft_fib_can_skip).
  if ((hook === 'PREROUTING' || hook === 'INPUT') && at.in === 'lo') return ['lo'];
  const [dst, src] = which === 'dst' ? [packet.dst, packet.src] : [packet.src, packet.dst];
  const isForAll = isMulticast(4, packet.dst) ? packet.dst >> 8n === 0xe00000n : packet.dst === 0xffffffffn;
  if (family === 4 && packet.src >> 24n === 0n && isForAll) return at.in === undefined ? 'unknown' : [at.in];
  const onLink = family === 6 && isLinkLocal6(dst);
  const found = at.route(
    {
      family,
      dst,
      src: family === 4 && (isMulticast(4, src) || src === 0xffffffffn || src >> 24n === 0n) ? 0n : src,
      // What is routed on is asked about as if it came from where it goes.
      iif: which === 'src' && by === 'in' && hook === 'FORWARD' ? (at.out ?? 'lo') : 'lo',
      oif: onLink ? (limit ?? at.in ?? at.out) : undefined,
      strict: onLink,
      mark: mark ? packet.mark : 0,
      tos: packet.tos,
      proto: family === 4 ? packet.proto : 0,
      sport: undefined,
      dport: undefined,
    },
    `fib ${which} ${mark ? 'mark ' : ''}${by ?? ''}`,
  );
  if (found.kind === 'unknown') return 'unknown';
  if (found.kind !== 'found' || found.type === 'local' || (family === 6 && found.type === 'anycast')) return [];
  const hops = found.choices.length > 0 ? found.choices : found.hop ? [found.hop] : [];
  const devices = [...new Set(hops.map(({ device }) => device))];
  if (limit === undefined) return devices;
  return devices.includes(limit) ? [limit] : [];
}
