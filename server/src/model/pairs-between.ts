import type { Device } from './device';
import type { Host, Network } from './network';
import { bridgeOfMember, ovsPortNamed } from './queries';

/** The other end, and whether a table bears it out: a MAC table, or a neighbour table that has the one's address on the other. */
export interface OtherEnd {
  readonly device: Device;
  readonly learned: boolean;
}

const cache = new WeakMap<Network, ReadonlyMap<Device, OtherEnd>>();

/**
 * The other end of a pair (veth(4)) that is on another captured machine, as with containers: each of both ends has the number that the other
 * one names (`eth0@if6`). Where several would fit, the one that a table bears out; where none does, it must be the only one, and no table may
 * say otherwise. Undefined for all other devices.
 */
export function pairElsewhere(network: Network, device: Device): OtherEnd | undefined {
  let found = cache.get(network);
  if (!found) cache.set(network, (found = findPairs(network)));
  return found.get(device);
}

function findPairs(network: Network): ReadonlyMap<Device, OtherEnd> {
  const ends = new Map<string, Device[]>();
  for (const host of network.hosts.values())
    for (const { devices } of host.namespaces.values())
      for (const device of devices.values()) {
        if (!mayBeEnd(device) || (device.type === undefined && (sharesAddress(host, device) || mayShareCard(host, device))))
          continue;
        const key = `${device.index} ${device.peerIndex}`;
        ends.set(key, [...(ends.get(key) ?? []), device]);
      }
  const pairs = new Map<Device, OtherEnd>();
  const join = (one: Device, other: Device, learned: boolean): void => {
    pairs.set(one, { device: other, learned });
    pairs.set(other, { device: one, learned });
  };
  const fitting = (device: Device): Device[] =>
    (ends.get(`${device.peerIndex} ${device.index}`) ?? []).filter((other) => other.host !== device.host);
  const all = [...ends.values()].flat();
  // A switch tells by which port an address is reached; a neighbour has that of a bridge, too, which one of its ports may have as well.
  for (const knows of [switchKnows, neighbourKnows])
    for (const device of all) {
      const learned = fitting(device).filter((other) => !pairs.has(other) && knows(network, other, device));
      const [only, second] = learned;
      if (only && !second && !pairs.has(device)) join(device, only, true);
    }
  // What a table has paired is no other's end any more.
  const known = new Set(pairs.keys());
  const free = (device: Device): Device[] => fitting(device).filter((other) => !known.has(other));
  for (const device of all) {
    const [only, second] = free(device);
    if (!only || second || known.has(device) || pairs.has(only) || free(only).length !== 1) continue;
    if (!saysOtherwise(network, device, only) && !saysOtherwise(network, only, device)) join(device, only, false);
  }
  return pairs;
}

/** Another device of the machine has its address, as that below an ipvlan or a VLAN device has: the number may be that one's. */
function sharesAddress(host: Host, device: Device): boolean {
  return [...host.namespaces.values()].some(({ devices }) =>
    [...devices.values()].some((other) => other !== device && other.mac !== undefined && other.mac === device.mac),
  );
}

/** The number that it names is that of a device in another namespace of its machine, whose card it may share (ip-link(8), "MACVLAN and MACVTAP"). */
function mayShareCard(host: Host, { namespace: own, peerIndex }: Device): boolean {
  return [...host.namespaces.values()].some(
    ({ name, devices }) =>
      own !== '' && name !== own && [...devices.values()].some(({ index }) => index !== undefined && index === peerIndex),
  );
}

/** Whether a switch has learned a device's address on its port. */
function switchKnows(network: Network, { host: name, namespace, name: port }: Device, { mac }: Device): boolean {
  const host = network.hosts.get(name);
  return host !== undefined && mac !== undefined && addressesBehind(host, namespace, port).includes(mac);
}

/** Whether a neighbour table has an address on a device that is only the other one's. */
function neighbourKnows(network: Network, { host: name, namespace, name: port }: Device, other: Device): boolean {
  const far = network.hosts.get(other.host);
  if (other.mac === undefined || far === undefined || sharesAddress(far, other)) return false;
  const neighbours = network.hosts.get(name)?.namespaces.get(namespace)?.neighbours ?? [];
  return neighbours.some((row) => row.dev === port && row.mac === other.mac);
}

/** A switch has learned addresses on its port, but none of the other machine's, nor any that this one has learned elsewhere. */
function saysOtherwise(network: Network, port: Device, other: Device): boolean {
  const [host, far] = [network.hosts.get(port.host), network.hosts.get(other.host)];
  const behind = host ? addressesBehind(host, port.namespace, port.name) : [];
  if (!far || behind.length === 0) return false;
  const own = [...far.namespaces.values()].flatMap(({ devices }) => [...devices.values()]);
  const beyond = new Set([
    ...own.map(({ mac }) => mac),
    ...own.filter((device) => device !== other).flatMap(({ namespace, name }) => addressesBehind(far, namespace, name)),
  ]);
  return !behind.some((mac) => beyond.has(mac));
}

function mayBeEnd({ pair, index, peerIndex, type, name }: Device): boolean {
  return (
    pair === undefined &&
    index !== undefined &&
    peerIndex !== undefined &&
    (type === undefined || type === 'veth') &&
    !name.includes('.')
  );
}

/** The addresses that switches of a host have learned on a device. */
export function addressesBehind(host: Host, namespace: string, device: string): readonly string[] {
  const ovs = namespace === '' ? ovsPortNamed(host, device) : undefined;
  return [
    ...(ovs?.bridge.fdb ?? []).filter(({ ofport }) => ofport !== undefined && ofport === ovs?.port.ofport).map(({ mac }) => mac),
    ...(bridgeOfMember(host, namespace, device)?.fdb ?? [])
      .filter(({ dev, permanent }) => dev === device && !permanent)
      .map(({ mac }) => mac),
  ];
}
