import type { Namespace } from '../../model/namespace';
import type { Known, Source } from '../../model/source';
import { formatIpv4, formatIpv6, parseIp } from '../../packet/address';
import { takeLikely } from '../../kernel/decide';
import { plainPacket } from '../../kernel/packet';
import { flowOf, lookup, type Lookup } from '../../kernel/routing';

/** What routing decides for a destination. */
export type RouteResult =
  | { readonly kind: 'local'; readonly device: string; readonly evidence: readonly Source[] }
  | {
      readonly kind: 'forward';
      readonly device: string;
      /** Undefined where the destination is on the link. */
      readonly via: string | undefined;
      readonly src: string | undefined;
      readonly text: string;
      readonly certainty: 'captured' | 'inferred';
      readonly reason: string | undefined;
      readonly evidence: readonly Source[];
    }
  | { readonly kind: 'refused'; readonly type: string; readonly text: string; readonly evidence: readonly Source[] }
  | { readonly kind: 'no-route'; readonly known: Known };

/** Routes a destination as the kernel does, the likelier way where a capture is missing. */
export function route(
  namespace: Namespace,
  destination: string,
  from: { readonly source?: string; readonly iif?: string; readonly mark?: number },
): RouteResult {
  const address = parseIp(destination);
  if (!address) return { kind: 'no-route', known: 'absent' };
  const source = from.source === undefined ? undefined : parseIp(from.source);
  const src = source?.family === address.family ? source.value : 0n;
  const packet = { ...plainPacket(address.family, src, address.value, 0), mark: from.mark ?? 0 };
  const found = lookup(flowOf(packet, from.iif ?? 'lo'), { namespace, choose: takeLikely, key: 'route' });
  return routeResult(namespace, found, address.family);
}

/** The kernel's answer in the walk's words. */
export function routeResult(namespace: Namespace, found: Lookup, family: 4 | 6): RouteResult {
  const known = family === 4 ? namespace.routesKnown : namespace.routesKnown6;
  if (found.kind === 'refused')
    return { kind: 'refused', type: found.type, text: found.text, evidence: found.source ? [found.source] : [] };
  if (found.kind !== 'found') return { kind: 'no-route', known };
  const { route: fib, hop, choices } = found;
  const evidence = fib.source ? [fib.source] : [];
  if (found.type === 'local' || found.type === 'anycast' || found.type === 'broadcast')
    return { kind: 'local', device: hop?.device ?? 'lo', evidence };
  if (!hop) return { kind: 'no-route', known };
  const several = choices.length > 1;
  return {
    kind: 'forward',
    device: hop.device,
    via: hop.via === undefined ? undefined : hop.viaFamily === 4 ? formatIpv4(hop.via) : formatIpv6(hop.via),
    src: fib.src === undefined ? undefined : family === 4 ? formatIpv4(fib.src) : formatIpv6(fib.src),
    text: fib.text,
    certainty: several || fib.reason !== undefined ? 'inferred' : 'captured',
    reason: several ? 'one of several next hops (ECMP): which one a packet takes depends on a hash' : fib.reason,
    evidence,
  };
}
