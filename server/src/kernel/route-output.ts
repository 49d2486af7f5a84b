import { askHidden } from './decide';
import { addressType } from './address-type';
import { fibOf } from './fib';
import { isMulticast, PROTO, type IpPacket } from './packet';
import { end, lost, type Passage, type Run } from './passage';
import { flowOf, gatewayOf, lookup, unknownText, type Lookup } from './routing';
import { hasAddresses, isStrayLoopback, sourceAddress, sourceAddress6 } from './source-address';

/**
 * The route of a packet that is made here, and its source where it has none. TCP asks again with the source that the first answer
 * gave it (ip_route_connect); IPv6 does so where the first question had no answer (ip6_dst_lookup_tail).
 */
export function firstRoute(run: Run): ReturnType<typeof routeOutput> {
  const first = routeOutput(run, false);
  if (!('verdict' in first) && run.packet.proto === PROTO.TCP && isForMany(run, first.found))
    return end(run, 'unroutable', 'TCP connects to one host, not to a broadcast or multicast address');
  if (run.packet.src !== 0n) return first;
  const { family, proto, dst } = run.packet;
  if ('verdict' in first) {
    const source = family === 6 && first.verdict === 'unroutable' ? sourceAddress6(run.namespace, undefined, dst) : undefined;
    // An address that nobody captured may be asked with as well, where rules ask for one.
    const mayAsk = family === 6 && first.verdict === 'unroutable' && !hasAddresses(run.namespace, 6);
    if (source === undefined)
      return (
        (mayAsk && fibOf(run.namespace, 6).rules.some(({ from }) => from !== undefined) ? sourceless(run) : undefined) ?? first
      );
    run.packet = { ...run.packet, src: source };
    const second = routeOutput(run, true);
    return 'verdict' in second ? first : second;
  }
  const source = first.found.route.src ?? sourceFor(run, first.found);
  if (source === undefined) return sourceless(run) ?? first;
  run.packet = { ...run.packet, src: source };
  if (family === 6 || proto !== PROTO.TCP) return first;
  // That question has a source, which must be this host's own by the table local (__ip_dev_find).
  if (first.found.table !== 'local' && addressType(run.namespace, 4, source, undefined) !== 'LOCAL')
    return end(run, 'unroutable', 'the address that it would come from is local by another table only, so that TCP refuses it');
  return routeOutput(run, true);
}

/** tcp_v4_connect, tcp_v6_connect. */
function isForMany({ packet }: Run, { type }: Lookup & { kind: 'found' }): boolean {
  return type === 'broadcast' || type === 'multicast' || isMulticast(packet.family, packet.dst);
}

/** No address of this host was captured: whichever it takes, rules may ask for it. */
function sourceless(run: Run): Passage | undefined {
  const goesOn = askHidden(run, {
    key: 'source',
    likely: true,
    reason: 'the addresses of this host were not captured, of which the packet has one as its source',
    command: 'ip a',
  });
  return goesOn ? undefined : lost(run, 'its source is not known');
}

/** ip_route_me_harder: what a rule of mangle or nat changed of a packet that is made here may lead it elsewhere, or nowhere. */
export function reroute(run: Run, before: IpPacket, isNat: boolean): Passage | undefined {
  if (run.input.by !== undefined) return undefined;
  const { src, dst, mark, tos } = run.packet;
  const changed = dst !== before.dst || (!isNat && (src !== before.src || mark !== before.mark || tos !== before.tos));
  if (!changed) return undefined;
  const second = routeOutput(run, true);
  if ('verdict' in second) return second;
  run.rerouted = second;
  run.way = second.found;
  return undefined;
}

/** Asks for the way of a packet whose addresses IPVS changed, as of one that this host sends (ip_vs_route_me_harder); the end where there is none. */
export function askAgain(run: Run, before: IpPacket): Passage | undefined {
  const { out, way } = run;
  const events = run.events.length;
  const refused = reroute(run, before, false);
  if (refused) return refused;
  const second = run.rerouted;
  // The same way is no news.
  if (!second) return undefined;
  if (second.device === out && (way && gatewayOf(way))?.ip === gatewayOf(second.found)?.ip) run.events.splice(events);
  run.out = second.device;
  return undefined;
}

function routeOutput(
  run: Run,
  again: boolean,
): Passage | { readonly device: string; readonly found: Lookup & { kind: 'found' } } {
  const key = `${run.key}|output${again ? ' again' : ''}`;
  const { vrf } = run.input;
  const options = { namespace: run.namespace, choose: run.choose, key, mayBeOwn: true };
  const answer = lookup(
    {
      ...flowOf(run.packet, 'lo', run.input.oif),
      ...(vrf === undefined ? {} : { vrf: vrf.name }),
      uid: run.input.uid ?? 'unknown',
    },
    options,
  );
  run.events.push({ kind: 'route', lookup: answer, packet: run.packet, again });
  if (answer.kind === 'unknown') return end(run, 'insufficient-info', unknownText(answer));
  if (answer.kind === 'none') return end(run, 'unroutable', 'no route leads to its destination');
  if (answer.kind === 'refused') return end(run, 'unroutable', answer.text);
  const device = answer.type === 'local' || answer.type === 'anycast' ? 'lo' : answer.hop?.device;
  if (device === undefined) return end(run, 'insufficient-info', 'the route names no device');
  if (isStrayLoopback(run.packet.family, run.packet.src, device, options))
    return end(run, 'unroutable', 'its source is a loopback address, which never leaves the host');
  return { device, found: answer };
}

/** The segment size that this host names in its own SYN: its route's, else what fits the MTU there (tcp_advertise_mss). */
export function advertisedMss(
  run: Run,
  { device, found }: { device: string; found: Lookup & { kind: 'found' } },
): number | undefined {
  const { family, proto } = run.packet;
  const mtu = found.route.mtu ?? run.namespace.devices.get(device)?.mtu;
  if (proto !== PROTO.TCP) return undefined;
  if (found.route.advmss !== undefined) return found.route.advmss;
  if (mtu === undefined) return undefined;
  return family === 4 ? Math.min(mtu - 40, 65495) : Math.min(mtu - 60, 65515);
}

function sourceFor(run: Run, found: Lookup & { kind: 'found' }): bigint | undefined {
  if (found.type === 'local') return run.packet.dst;
  const { hop } = found;
  const { family, dst } = run.packet;
  if (!hop) return undefined;
  return sourceAddress(
    run.namespace,
    hop.device,
    family,
    family === 6 ? dst : (hop.via ?? dst),
    hop.via === undefined ? 'link' : 'global',
  );
}
