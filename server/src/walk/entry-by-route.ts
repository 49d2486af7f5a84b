import { forwarding } from '../kernel/route-input';
import { linuxBridgeNamed, ovsPortNamed } from '../model/queries';
import type { Namespace } from '../model/namespace';
import type { Host } from '../model/network';
import type { Source } from '../model/source';
import type { Context } from './context';
import { isShared } from './linux/macvlan';
import { resolveNeighbour } from './linux/neighbour';
import { route, type RouteResult } from './linux/routing';
import { vlanDevice } from './linux/vlan-device';
import type { Certainty, Place } from './step';

/** Where a packet from an address that no captured machine has comes into one by an ordinary device. */
export interface RoutedEntry {
  readonly host: string;
  readonly namespace: string;
  readonly place: Place & { kind: 'device-in' };
  readonly device: string;
  /** Of the machine that hands the packet in; undefined where nobody tells. */
  readonly sourceMac: string | undefined;
  readonly mac: string | undefined;
  readonly vlan: 0;
  readonly certainty: Certainty;
  readonly reason: string;
  readonly evidence: readonly Source[];
}

/** Several machines are as likely: their names, with the device. */
export interface Ambiguous {
  readonly places: readonly string[];
}

interface Candidate {
  readonly host: Host;
  readonly namespace: Namespace;
  readonly device: string;
  /** Smaller is likelier. */
  readonly rank: number;
  readonly certainty: Certainty;
  readonly reason: string;
  readonly back: RouteResult & { kind: 'forward' };
}

const MAYBE_GATEWAY = 3;

/**
 * The machine that a packet from outside meets first, by its routes: the one that has the destination, if the sender is on a subnet of it;
 * else the one that has the sender on a subnet and routes to the destination, as its gateway does; else the one with the destination; else one
 * with both beyond its gateways, on two devices. Undefined where no captured machine is any of them.
 */
export function entryByRoute(context: Context, ip: string, destination: string): RoutedEntry | Ambiguous | undefined {
  const guests = new Set(context.network.instances.map(({ guest }) => guest));
  const all = [...context.network.hosts.values()].flatMap((host) =>
    guests.has(host.name)
      ? []
      : [...host.namespaces.values()].flatMap((namespace) => candidateOf(host, namespace, ip, destination) ?? []),
  );
  const best = Math.min(...all.map(({ rank }) => rank));
  const [found, ...others] = all.filter(({ rank }) => rank === best);
  if (!found) return undefined;
  if (others.length > 0)
    return { places: [found, ...others].map(({ namespace, device }) => `${device} of ${nameOf(namespace)}`) };
  const { host, namespace, device, back, rank } = found;
  // Who hands it in is told by the neighbour table, and matters to rules about MAC addresses alone.
  const neighbour = resolveNeighbour({ ...context, gaps: [], limits: [] }, namespace, back.device, back.via ?? ip);
  const own = namespace.devices.get(device);
  return {
    host: host.name,
    namespace: namespace.name,
    place: { kind: 'device-in', host: host.name, namespace: namespace.name, device },
    device,
    sourceMac: neighbour?.mac,
    mac: own?.mac,
    vlan: 0,
    // Whether a machine that nobody calls a router is the sender's, only the sender knows where another one has the destination.
    certainty: rank === MAYBE_GATEWAY && all.some((other) => other.host !== host) ? 'assumed' : found.certainty,
    reason: found.reason,
    evidence: [...(own?.sources.slice(0, 1) ?? []), ...back.evidence],
  };
}

function candidateOf(host: Host, namespace: Namespace, ip: string, destination: string): Candidate | undefined {
  const back = route(namespace, ip, {});
  if (back.kind !== 'forward' || back.device === 'lo' || isInside(host, namespace, back.device)) return undefined;
  const onward = route(namespace, destination, { source: ip, iif: back.device });
  const name = nameOf(namespace);
  const beside = back.via === undefined;
  const where = beside
    ? `${name} has ${ip} on a subnet of ${back.device}`
    : `the way from ${name} to ${ip} goes out of ${back.device}`;
  const isRouter = forwarding(namespace, back.device, ip.includes(':') ? 6 : 4) === 'yes';
  const base = { host, namespace, device: back.device, back };
  if (onward.kind === 'local') {
    const own = onward.device;
    const isSame = own === back.device || own === 'lo' || linuxBridgeNamed(host, namespace.name, own) !== undefined;
    if (isSame || (beside && isRouter)) {
      const reason = beside
        ? `${name} has ${destination}, and ${ip} on a subnet of ${back.device}`
        : `${name} has ${destination}, and ${where}`;
      return { ...base, rank: beside ? 1 : 4, certainty: 'inferred', reason };
    }
    // What is sent to the address of another card is brought there by the network, wherever answers go.
    const device = beside ? back.device : own;
    if (isInside(host, namespace, device)) return undefined;
    const reason = `${name} has ${destination} on ${own}, but ${where}: taken to come in by ${device}`;
    return { ...base, device, rank: beside ? 1 : 4, certainty: 'assumed', reason };
  }
  if (onward.kind === 'forward') {
    if (onward.device === back.device) return undefined;
    const reason = `${where}, and the way to ${destination} goes out of ${onward.device}: taken to be a router between them`;
    return { ...base, rank: beside ? (isRouter ? 2 : MAYBE_GATEWAY) : 5, certainty: 'inferred', reason };
  }
  return beside
    ? { ...base, rank: 6, certainty: 'assumed', reason: `${where}: taken to be the gateway that ${ip} sends to` }
    : undefined;
}

/**
 * What comes by a port of a switch has passed its flows first, and those say by which port; what comes by an end of a pair, or by a device that
 * shares a card, has passed the machine at the other end.
 */
function isInside(host: Host, namespace: Namespace, name: string): boolean {
  if (ovsPortNamed(host, name) || (namespace.name === '' && host.bridges.has(name))) return true;
  const device = namespace.devices.get(name);
  const hasOtherEnd = device !== undefined && (device.pair !== undefined || device.peerIndex !== undefined || isShared(device));
  return hasOtherEnd && vlanDevice(namespace.name, name, device) === undefined;
}

function nameOf(namespace: Namespace): string {
  return namespace.name === '' ? namespace.host : `namespace ${namespace.name}`;
}
