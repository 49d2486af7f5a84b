import type { Namespace } from '../model/namespace';
import { parseIp } from '../packet/address';
import { isSetFor } from './device-setting';
import { isLinkLocal6, isLoopback, isMulticast } from './packet';
import type { LookupOptions } from './routing';

interface Own {
  readonly ip: bigint;
  readonly prefix: number;
  readonly device: string;
  /** Who may see it: `host` only this machine, `link` only the neighbours. */
  readonly scope: 'host' | 'link' | 'global';
}

function ownAddresses(namespace: Namespace, family: 4 | 6): Own[] {
  return [...namespace.devices.values()].flatMap((device) =>
    device.addresses.flatMap(({ ip, prefix, scope }): Own[] => {
      const parsed = parseIp(ip);
      if (parsed?.family !== family) return [];
      const reach = scope === 'host' || scope === 'link' || scope === 'global' ? scope : scopeOf(family, parsed.value);
      return [{ ip: parsed.value, prefix, device: device.name, scope: reach }];
    }),
  );
}

/** Whether any address of this host is known, by which packets of it may go that have none yet; loopback's counts nowhere else. */
export function hasAddresses(namespace: Namespace, family: 4 | 6): boolean {
  return ownAddresses(namespace, family).some(({ scope }) => scope !== 'host');
}

function scopeOf(family: 4 | 6, ip: bigint): Own['scope'] {
  // A group's scope stands in its address (RFC 4291, 2.7).
  if (family === 6 && isMulticast(6, ip)) return ((ip >> 112n) & 0xfn) <= 2n ? 'link' : 'global';
  return isLoopback(family, ip) ? 'host' : family === 6 && isLinkLocal6(ip) ? 'link' : 'global';
}

/**
 * The source of a packet that leaves by a device towards an address on its link. IPv4 (inet_select_addr): the device's first address on
 * that subnet, else its first, else one of another device; `farthest` says how far it must be known. IPv6: as RFC 6724 chooses.
 */
export function sourceAddress(
  namespace: Namespace,
  device: string,
  family: 4 | 6,
  towards: bigint,
  farthest: 'link' | 'global',
): bigint | undefined {
  if (family === 6) return sourceAddress6(namespace, device, towards);
  const addresses = ownAddresses(namespace, 4).filter(({ scope }) => scope === 'global' || scope === farthest);
  const own = addresses.filter((address) => address.device === device);
  const onLink = own.find(({ ip, prefix }) => ip >> BigInt(32 - prefix) === towards >> BigInt(32 - prefix));
  return (onLink ?? own[0] ?? addresses.find((address) => address.device !== device && address.scope === 'global'))?.ip;
}

/**
 * ipv6_dev_get_saddr: of all own addresses the best one for a destination, by the rules of RFC 6724 (5): the destination itself, one
 * that is known as far as it, one of the device that the packet leaves by, one of its kind, the one that shares most leading bits.
 */
export function sourceAddress6(namespace: Namespace, device: string | undefined, towards: bigint): bigint | undefined {
  const wanted = scopeOf(6, towards);
  const near = wanted !== 'global' || isMulticast(6, towards);
  let best: { readonly ip: bigint; readonly score: readonly number[] } | undefined;
  for (const own of ownAddresses(namespace, 6)) {
    if (near && device !== undefined && own.device !== device) continue;
    const score = [
      Number(own.ip === towards),
      reachScore(own.scope, wanted),
      Number(own.device === device),
      Number(labelOf(own.ip) === labelOf(towards)),
      Math.min(own.prefix, leadingBits(own.ip, towards)),
    ];
    if (!best || isBetter(score, best.score)) best = { ip: own.ip, score };
  }
  return best?.ip;
}

const REACH = { host: 1, link: 2, global: 14 } as const;

/** The nearest scope that reaches the destination, else the farthest. */
function reachScore(own: Own['scope'], wanted: Own['scope']): number {
  return REACH[own] >= REACH[wanted] ? -REACH[own] : REACH[own] - 128;
}

function isBetter(a: readonly number[], b: readonly number[]): boolean {
  for (const [n, value] of a.entries()) {
    const other = b[n] ?? 0;
    if (value !== other) return value > other;
  }
  return false;
}

function leadingBits(a: bigint, b: bigint): number {
  return a === b ? 128 : 128 - (a ^ b).toString(2).length;
}

/** The kernel's labels of IPv6 addresses (ip-addrlabel(8)), longest prefix first. */
const LABELS: readonly (readonly [prefix: bigint, length: number, label: number])[] = [
  [1n, 128, 0],
  [0xffffn << 32n, 96, 4],
  [0n, 96, 3],
  [0x20010000n << 96n, 32, 6],
  [0x20010010n << 96n, 28, 7],
  [0x3ffen << 112n, 16, 12],
  [0x2002n << 112n, 16, 2],
  [0xfec0n << 112n, 10, 11],
  [0xfc00n << 112n, 7, 5],
];

function labelOf(ip: bigint): number {
  return LABELS.find(([prefix, length]) => ip >> BigInt(128 - length) === prefix >> BigInt(128 - length))?.[2] ?? 1;
}

/** Loopback addresses of IPv4 leave by other devices than lo only with route_localnet (__mkroute_output). */
export function isStrayLoopback(family: 4 | 6, src: bigint, device: string, options: LookupOptions): boolean {
  return family === 4 && isLoopback(4, src) && device !== 'lo' && !isSetFor(device, 'route_localnet', options);
}
