import type { Device, Host, Network } from './network';
import { bridgeOfMember, ovsPortNamed } from './queries';

const cache = new WeakMap<Network, ReadonlyMap<Device, Device>>();

/**
 * The other end of a pair (veth(4)) that is on another captured machine, as with containers: each of both ends has the number that the other
 * one names (`eth0@if6`). Where several would fit, the one on which a switch has learned the device's address, or the only one that is left
 * when those are taken. Undefined where that does not tell, and for all other devices.
 */
export function pairElsewhere(network: Network, device: Device): Device | undefined {
  let found = cache.get(network);
  if (!found) cache.set(network, (found = findPairs(network)));
  return found.get(device);
}

function findPairs(network: Network): ReadonlyMap<Device, Device> {
  const ends = new Map<string, Device[]>();
  for (const host of network.hosts.values())
    for (const { devices } of host.namespaces.values())
      for (const device of devices.values()) {
        if (!mayBeEnd(device)) continue;
        const key = `${device.index} ${device.peerIndex}`;
        ends.set(key, [...(ends.get(key) ?? []), device]);
      }
  const pairs = new Map<Device, Device>();
  const join = (one: Device, other: Device): void => {
    pairs.set(one, other);
    pairs.set(other, one);
  };
  const fitting = (device: Device): Device[] =>
    pairs.has(device)
      ? []
      : (ends.get(`${device.peerIndex} ${device.index}`) ?? []).filter(
          (other) => other.host !== device.host && !pairs.has(other),
        );
  const all = [...ends.values()].flat();
  for (const device of all) {
    const learned = fitting(device).filter((other) => hasLearned(network, other, device.mac));
    const [only, second] = learned;
    if (only && !second) join(device, only);
  }
  for (let before = -1; before !== pairs.size;) {
    before = pairs.size;
    for (const device of all) {
      const [only, second] = fitting(device);
      if (only && !second && fitting(only).length === 1) join(device, only);
    }
  }
  return pairs;
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

/** Whether a switch whose port the device is has learned the address there. */
function hasLearned(network: Network, port: Device, mac: string | undefined): boolean {
  const host = network.hosts.get(port.host);
  return host !== undefined && mac !== undefined && addressesBehind(host, port.namespace, port.name).includes(mac);
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
