import type { Device } from './device';
import type { Namespace } from './namespace';
import type { Host, Network } from './network';

/** A device that has an address. */
export interface Holder {
  readonly host: Host;
  readonly namespace: Namespace;
  readonly device: Device;
}

/** The devices that have an address, as far as captures tell. */
export function holdersOf(network: Network, ip: string): Holder[] {
  const found: Holder[] = [];
  for (const host of network.hosts.values())
    for (const namespace of host.namespaces.values())
      for (const device of namespace.devices.values())
        if (device.addresses.some((address) => address.ip === ip)) found.push({ host, namespace, device });
  return found;
}

/** Who has an address, in words: devices, pods and containers, Neutron ports; empty where no capture tells. */
export function ownersOf(network: Network, ip: string): string[] {
  return [
    ...holdersOf(network, ip).map(
      ({ host, namespace, device }) =>
        `${device.name} on ${host.name}${namespace.name === '' ? '' : ` (namespace ${namespace.name})`}`,
    ),
    ...network.owners.flatMap((owner) => (owner.ip === ip ? [`${owner.what} ${owner.name}`] : [])),
    ...network.neutronPorts.flatMap((port) => (port.ips.some((own) => own.ip === ip) ? [`Neutron port ${port.id}`] : [])),
  ];
}
