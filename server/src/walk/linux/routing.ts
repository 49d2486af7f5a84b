import type { Known, Namespace, RouteFact, Source } from '../../model/network';
import { inPrefix, parseIp, parsePrefix, type IpAddress } from '../../packet/address';

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

/**
 * Routes a packet as ip-rule(8) and ip-route(8) describe: the rules in order, in each table the longest prefix, of equal ones
 * the lowest metric. Local addresses come first (rule 0, table local).
 */
export function route(
  namespace: Namespace,
  destination: string,
  from: { readonly source?: string; readonly iif?: string; readonly mark?: number },
): RouteResult {
  const address = parseIp(destination);
  if (!address) return { kind: 'no-route', known: 'absent' };
  const local = localAddress(namespace, destination);
  if (local) return local;
  for (const table of tablesFor(namespace, address, from)) {
    const best = bestRoute(namespace, table, address);
    if (!best) continue;
    const { route: found, source } = best;
    if (/^(?:blackhole|unreachable|prohibit)$/.test(found.type))
      return { kind: 'refused', type: found.type, text: found.text.value.trim(), evidence: [source] };
    if (found.type === 'throw') continue;
    if (found.type === 'local') return { kind: 'local', device: found.dev?.value ?? 'lo', evidence: [source] };
    const hop = found.nexthops?.[0];
    const device = found.dev?.value ?? hop?.dev?.value;
    if (device === undefined) continue;
    return {
      kind: 'forward',
      device,
      via: found.via?.value ?? hop?.via?.value,
      src: found.src?.value,
      text: found.text.value.trim().replace(/\s+/g, ' '),
      certainty: found.nexthops ? 'inferred' : 'captured',
      reason: found.nexthops ? 'one of several next hops (ECMP): which one a packet takes depends on a hash' : undefined,
      evidence: [source],
    };
  }
  // `ip route` shows no route of IPv6: that none is known does not mean that there is none.
  const v6 = namespace.routes.some(({ route: known }) => known.dst.value.ip.includes(':'));
  const known: Known = address.family === 4 ? namespace.routesKnown : v6 ? 'partial' : 'absent';
  if (known !== 'whole') {
    const connected = [...namespace.devices.values()].find((device) =>
      device.addresses.some((own) => {
        const prefix = parsePrefix(`${own.ip}/${own.prefix}`);
        return (
          prefix !== undefined &&
          prefix.length > 0 &&
          prefix.length < (prefix.family === 4 ? 32 : 128) &&
          inPrefix(address, prefix)
        );
      }),
    );
    if (connected) {
      return {
        kind: 'forward',
        device: connected.name,
        via: undefined,
        src: connected.addresses[0]?.ip,
        text: `${destination} is on ${connected.name}'s subnet`,
        certainty: 'inferred',
        reason: 'the kernel adds a route for the subnet of every address; the routing table itself was not captured',
        evidence: connected.addresses.slice(0, 1).map((own) => own.source),
      };
    }
  }
  return { kind: 'no-route', known };
}

function localAddress(namespace: Namespace, destination: string): RouteResult | undefined {
  if (destination.startsWith('127.')) return { kind: 'local', device: 'lo', evidence: [] };
  for (const device of namespace.devices.values()) {
    const own = device.addresses.find((candidate) => candidate.ip === destination);
    if (own) return { kind: 'local', device: device.name, evidence: [own.source] };
  }
  const entry = namespace.routes.find(
    ({ route: r }) => r.type === 'local' && r.dst.value.ip === destination && r.dst.value.prefix >= 32,
  );
  return entry ? { kind: 'local', device: entry.route.dev?.value ?? 'lo', evidence: [entry.source] } : undefined;
}

function tablesFor(
  namespace: Namespace,
  destination: IpAddress,
  from: { readonly source?: string; readonly iif?: string; readonly mark?: number },
): string[] {
  if (namespace.rules.length === 0 || destination.family === 6) return ['main', 'default'];
  const tables: string[] = [];
  for (const { rule } of [...namespace.rules].sort((a, b) => a.rule.priority.value - b.rule.priority.value)) {
    const table = rule.table?.value;
    if (table === undefined || table === 'local' || table === '255') continue;
    const fits =
      covers(rule.from?.value, from.source === undefined ? undefined : parseIp(from.source)) &&
      covers(rule.to?.value, destination) &&
      (rule.iif === undefined || rule.iif.value === from.iif || (rule.iif.value === 'lo' && from.iif === undefined)) &&
      rule.oif === undefined &&
      markFits(rule.fwmark?.value, from.mark ?? 0);
    if (fits !== rule.not) tables.push(table === '254' ? 'main' : table === '253' ? 'default' : table);
  }
  return tables;
}

function covers(prefixText: string | undefined, address: IpAddress | undefined): boolean {
  if (prefixText === undefined || prefixText === 'all') return true;
  const prefix = parsePrefix(prefixText);
  return prefix !== undefined && address !== undefined && inPrefix(address, prefix);
}

function markFits(text: string | undefined, mark: number): boolean {
  if (text === undefined) return true;
  const [value, mask] = text.split('/');
  return (mark & Number(mask ?? 0xffffffff)) >>> 0 === Number(value) >>> 0;
}

function bestRoute(
  namespace: Namespace,
  table: string,
  destination: IpAddress,
): { route: RouteFact; source: Source } | undefined {
  let best: { route: RouteFact; source: Source } | undefined;
  for (const entry of namespace.routes) {
    const { route: candidate } = entry;
    if ((candidate.table?.value ?? 'main') !== table || candidate.type === 'broadcast' || candidate.type === 'multicast')
      continue;
    if (candidate.flags.includes('linkdown') || candidate.flags.includes('dead')) continue;
    const prefix = parsePrefix(`${candidate.dst.value.ip}/${candidate.dst.value.prefix}`);
    if (!prefix || !inPrefix(destination, prefix)) continue;
    const longer = !best || candidate.dst.value.prefix > best.route.dst.value.prefix;
    const same = best && candidate.dst.value.prefix === best.route.dst.value.prefix;
    if (longer || (same && (candidate.metric?.value ?? 0) < (best?.route.metric?.value ?? 0))) best = entry;
  }
  return best;
}
