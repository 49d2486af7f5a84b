import { LOCAL_PORT } from '../packet/fields';
import { hashInt } from '../datapath/hash';
import type { Bundle, Port } from './switch';

/**
 * The bridge's ports as FLOOD and ALL visit them: Open vSwitch keeps them in a table hashed by OpenFlow port number, which doubles as
 * ports are added, and goes through its buckets. Which of two ports of one bucket comes first depends on what the switch did since
 * it started; here it is the lower number. `bucket` says which ports share one.
 */
export function inFloodOrder(ports: readonly Port[]): { readonly port: Port; readonly bucket: number }[] {
  const mask = bucketMask(ports.length);
  return ports
    .map((port) => ({ port, bucket: (hashInt(port.ofport, 0) & mask) >>> 0 }))
    .sort((a, b) => a.bucket - b.bucket || a.port.ofport - b.port.ofport);
}

/** One less than the number of buckets after `count` ports were added one by one: at most two ports a bucket on average. */
function bucketMask(count: number): number {
  let mask = 0;
  for (let n = 1; n <= count; n++) {
    if (n >> 1 <= mask) continue;
    mask = n >> 1;
    for (let shift = 1; shift < 32; shift <<= 1) mask |= mask >> shift;
    if (mask === 1) mask = 3;
  }
  return mask;
}

/**
 * Bundles as NORMAL floods them: in the order in which they came to the bridge. The datapath numbers ports as they come, so its numbers
 * tell. Where they agree with OpenFlow's, as they do where nobody asked for these, those place patch ports too, which the datapath
 * does not number; without any, OpenFlow's stand in. The bridge's own port was there first.
 */
export function inOrderOfArrival(bundles: readonly Bundle[], ports: ReadonlyMap<number, Port>): Bundle[] {
  const first = (numbers: readonly (number | undefined)[]): number => Math.min(...numbers.map((number) => number ?? Infinity));
  const isOwn = ({ ofports }: Bundle): boolean => ofports.includes(LOCAL_PORT);
  const places = bundles
    .filter((bundle) => !isOwn(bundle))
    .map((bundle) => ({
      bundle,
      ofport: first(bundle.ofports),
      number: first(bundle.ofports.map((ofport) => ports.get(ofport)?.odpPort)),
    }))
    .sort((a, b) => a.ofport - b.ofport);
  const numbers = places.flatMap(({ number }) => (number === Infinity ? [] : [number]));
  const agree = numbers.every((number, n) => n === 0 || number >= (numbers[n - 1] ?? 0));
  // The difference of two that are Infinity is no number.
  if (!agree) places.sort((a, b) => (a.number === b.number ? 0 : a.number - b.number));
  return [...bundles.filter(isOwn), ...places.map(({ bundle }) => bundle)];
}
