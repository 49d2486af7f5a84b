import type { ConntrackTuple } from '../captures/netfilter-facts';
import type { Namespace } from '../model/namespace';
import type { Source } from '../model/source';
import { parseIp } from '../packet/address';
import type { ConnectionTable, Tuple } from './conntrack';

/** A connection that another one announced: its first packet is RELATED (nf_conntrack_expect). */
export interface Expectation {
  readonly family: 4 | 6;
  readonly proto: number;
  readonly src: Part;
  readonly dst: Part;
  readonly sport: Part;
  readonly dport: Part;
  readonly zone: number;
  /** It stays after it has been met. */
  readonly permanent: boolean;
  /** The addresses and ports of the connection that announced it; undefined where the capture does not say. */
  readonly master: Pick<Tuple, 'src' | 'dst' | 'sport' | 'dport'> | undefined;
  readonly source: Source;
}

interface Part {
  readonly value: bigint;
  readonly mask: bigint;
}

const ALL = (1n << 128n) - 1n;
const cache = new WeakMap<Namespace, readonly Expectation[]>();

/** What the captures of a namespace say is expected. */
export function capturedExpectations(namespace: Namespace): readonly Expectation[] {
  let found = cache.get(namespace);
  if (!found) cache.set(namespace, (found = read(namespace)));
  return found;
}

function read(namespace: Namespace): Expectation[] {
  return namespace.expectations.flatMap(({ expectation, source }): Expectation[] => {
    const { expected, mask, master, flags, protocol, zone } = expectation;
    const address = (own: ConntrackTuple | undefined, end: 'src' | 'dst') => parseIp(own?.[end].value ?? '')?.value;
    const [src, dst] = [address(expected, 'src'), address(expected, 'dst')];
    if (src === undefined || dst === undefined || flags.includes('INACTIVE')) return [];
    // Without masks, as in /proc, what is zero may be anything.
    const part = (value: bigint, shown: bigint | undefined): Part => ({
      value,
      mask: mask === undefined ? (value === 0n ? 0n : ALL) : (shown ?? 0n),
    });
    const port = (end: 'sport' | 'dport') => part(BigInt(expected[end]?.value ?? 0), bigOf(mask?.[end]?.value));
    const [from, to] = [address(master, 'src'), address(master, 'dst')];
    return [
      {
        family: expectation.family === 'ip6' ? 6 : 4,
        proto: protocol.value,
        src: part(src, address(mask, 'src')),
        dst: part(dst, address(mask, 'dst')),
        sport: port('sport'),
        dport: port('dport'),
        zone: zone?.value ?? 0,
        permanent: flags.includes('PERMANENT'),
        master:
          from === undefined || to === undefined
            ? undefined
            : { src: from, dst: to, sport: master?.sport?.value, dport: master?.dport?.value },
        source,
      },
    ];
  });
}

function bigOf(value: number | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(value);
}

/** The expectation that a new connection meets; it is used up, unless it is permanent. */
export function takeExpectation(table: ConnectionTable, tuple: Tuple, zone: number): Expectation | undefined {
  const fits = ({ value, mask }: Part, own: bigint | undefined) => own === undefined || (own & mask) === (value & mask);
  const found = table.expectations.find(
    (one) =>
      one.family === tuple.family &&
      one.proto === tuple.proto &&
      one.zone === zone &&
      fits(one.src, tuple.src) &&
      fits(one.dst, tuple.dst) &&
      fits(one.sport, bigOf(tuple.sport)) &&
      fits(one.dport, bigOf(tuple.dport)),
  );
  if (found && !found.permanent) table.expectations = table.expectations.filter((one) => one !== found);
  return found;
}
