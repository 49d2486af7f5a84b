import type { NfMatch } from '../captures/netfilter-facts';
import type { Namespace } from '../model/namespace';
import { tri, type Tri } from './decide';
import { fibOf } from './fib';
import type { Moment } from './matches';
import { isLinkLocal6, isMulticast } from './packet';
import type { Lookup } from './routing';

/** The type of an address as the table `local` knows it (inet_addr_type); `device` limits the answer to that device. */
export function addressType(namespace: Namespace, family: 4 | 6, address: bigint, device: string | undefined): string {
  if (family === 4) {
    if (address === 0n || address === 0xffffffffn) return 'BROADCAST';
    if (address >> 28n === 0xen) return 'MULTICAST';
  } else if (address >> 120n === 0xffn) return 'MULTICAST';
  else if (address === 0n) return 'UNSPEC';
  const table = fibOf(namespace, family).tables.get('local');
  for (const level of table?.levels ?? []) {
    for (const route of level.routes.get(address & level.mask) ?? []) {
      const isThere = device === undefined || route.hops.some((hop) => hop.device === device);
      if (isThere) return route.type.toUpperCase();
      // IPv4 looks once, and takes what leads to another device for any address of the world.
      if (family === 4) return 'UNICAST';
    }
  }
  return 'UNICAST';
}

type AddressTypeMatch = Extract<NfMatch, { kind: 'addrtype' }>;

/** Whether an address of the packet is of one of the types, not looking at `negated`. */
export function isOfType({ which, value, limit, exact, mark }: AddressTypeMatch, at: Moment): Tri {
  const types = value.value.split(',');
  const device = limit === 'in' ? at.in : limit === 'out' ? at.out : undefined;
  const { family, src, dst } = at.packet;
  const [address, other] = which === 'src' ? [src, dst] : [dst, src];
  if (family === 4) return tri(types.includes(addressType(at.namespace, 4, address, device)));
  return exact === true
    ? hasRouteType(types, at, address, other, device, mark === true ? at.packet.mark : 0)
    : hasTypes(types, at, address, device);
}

/** IPv6 wants all that is asked: what the address itself tells, and of the rest, which routes tell, one (xt_addrtype: match_type6). */
function hasTypes(types: readonly string[], at: Moment, address: bigint, device: string | undefined): Tri {
  const isGroup = isMulticast(6, address);
  if (types.includes('MULTICAST') && !isGroup) return 'no';
  if (types.includes('UNICAST') && (isGroup || address === 0n)) return 'no';
  if (types.includes('UNSPEC') && address !== 0n) return 'no';
  const asked: readonly string[] = types.filter((type) => type === 'LOCAL' || type === 'ANYCAST' || type === 'UNREACHABLE');
  if (asked.length === 0) return 'yes';
  const known = addressType(at.namespace, 6, address, device);
  if (asked.includes(known)) return 'yes';
  // Own addresses are known without the routes.
  if (!asked.includes('UNREACHABLE')) return 'no';
  const found = at.route(flowTo(address, 0n, device, device !== undefined), `type of ${address} ${device ?? ''}`);
  if (found.kind === 'unknown') return 'maybe';
  return tri(found.kind !== 'found');
}

/** An address has one type, that of the route to it where it is not an own one (nft_fib6_eval_type). */
function hasRouteType(
  types: readonly string[],
  at: Moment,
  address: bigint,
  other: bigint,
  device: string | undefined,
  mark: number | undefined,
): Tri {
  const known = addressType(at.namespace, 6, address, device);
  if (known === 'LOCAL' || known === 'ANYCAST') return tri(types.includes(known));
  // Whatever the routes are, it is none of these.
  if (types.every((type) => type === 'LOCAL' || type === 'ANYCAST' || type === 'BROADCAST')) return 'no';
  const onLink = isLinkLocal6(address);
  const found = at.route(
    { ...flowTo(address, other, onLink ? (device ?? at.in ?? at.out) : undefined, onLink), mark },
    `fib type of ${address} ${device ?? ''} ${mark ?? '?'}`,
  );
  if (found.kind === 'unknown') return 'maybe';
  const refused = refusedType(found);
  if (refused !== undefined) return tri(types.includes(refused));
  return tri(types.includes(known));
}

function refusedType(found: Lookup): string | undefined {
  if (found.kind === 'refused') return found.type.toUpperCase();
  return found.kind === 'none' ? 'UNREACHABLE' : undefined;
}

function flowTo(dst: bigint, src: bigint, oif: string | undefined, strict: boolean) {
  return { family: 6, dst, src, iif: 'lo', oif, strict, mark: 0, tos: 0, proto: 0, sport: undefined, dport: undefined } as const;
}
