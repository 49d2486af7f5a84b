import type { Evidence, PacketDump, SeenPacket } from '../model/evidence';
import type { AddressOwner } from '../model/network';
import { completeness, sourceAt, type LinkedCapture } from './facts';

/** What tcpdump, ping and traceroute showed in one namespace. */
export function linkEvidence(captures: readonly LinkedCapture[]): Evidence {
  const dumps: PacketDump[] = [];
  const pings: Evidence['pings'][number][] = [];
  const routes: Evidence['routes'][number][] = [];
  for (const linked of captures) {
    if (linked.capture.kind === 'tcpdump') dumps.push(...dumpsOf(linked));
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'ping')
        pings.push({ target: fact.target.value, replies: fact.replies, source: sourceAt(linked, fact.target.span) });
      else if (fact.kind === 'traceroute') {
        routes.push({
          target: fact.target.value,
          hops: fact.hops.map(({ ttl, ips }) => ({
            ttl: ttl.value,
            ips: ips.map(({ value }) => value),
            source: sourceAt(linked, ttl.span),
          })),
          reached: fact.reached,
          source: sourceAt(linked, fact.target.span),
        });
      }
    }
  }
  return { dumps, pings, routes };
}

/** One capture may hold packets of several devices (`-i any`): each device's are a dump of their own. */
function dumpsOf(linked: LinkedCapture): PacketDump[] {
  const { capture } = linked;
  const byDevice = new Map<string | undefined, SeenPacket[]>();
  const only = capture.target;
  if (only !== undefined && only !== 'any') byDevice.set(only, []);
  let counted = false;
  for (const fact of capture.facts) {
    if (fact.kind === 'packets-counted') counted = true;
    if (fact.kind !== 'packet-seen') continue;
    const dev = fact.dev?.value ?? (only === 'any' ? undefined : only);
    const packets = byDevice.get(dev) ?? [];
    byDevice.set(dev, packets);
    packets.push({
      dev,
      macSrc: fact.macSrc?.value,
      macDst: fact.macDst?.value,
      vlan: fact.vlan?.value,
      ethertype: fact.ethertype,
      src: fact.src?.value,
      dst: fact.dst?.value,
      protocol: fact.protocol,
      sport: fact.sport?.value,
      dport: fact.dport?.value,
      what: fact.what?.value,
      vni: fact.vni?.value,
      text: fact.text.value,
      source: sourceAt(linked, fact.text.span),
    });
  }
  const { known } = completeness({ ...capture, options: {} });
  return [...byDevice].map(([dev, packets]) => ({
    dev,
    filter: capture.options['expression'],
    packets,
    whole: counted && known === 'whole' && capture.options['shows'] !== 'part',
    source: sourceAt(linked, capture.commandSpan ?? capture.span),
  }));
}

/** Who has an address, as Docker and Kubernetes say; each address of each owner once. */
export function linkOwners(captures: readonly LinkedCapture[]): AddressOwner[] {
  const owners = new Map<string, AddressOwner>();
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'address-owner') continue;
      const key = [fact.what, fact.name.value, fact.ip.value].join(' ');
      if (owners.has(key)) continue;
      owners.set(key, {
        what: fact.what,
        name: fact.name.value,
        ip: fact.ip.value,
        mac: fact.mac?.value,
        node: fact.node?.value,
        of: fact.of?.value,
        source: sourceAt(linked, fact.ip.span),
      });
    }
  }
  return [...owners.values()];
}
