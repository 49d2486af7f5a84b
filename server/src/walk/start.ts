import { LOCAL_PORT } from '../packet/fields';
import type { Device } from '../model/device';
import type { Namespace } from '../model/namespace';
import type { Host, Network } from '../model/network';
import type { Instance, NeutronPort } from '../model/openstack';
import { unnamedPort, type OvsBridge, type OvsPort } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import {
  allDevices,
  devicesWithIp,
  devicesWithMac,
  instanceOf,
  isCalled,
  networkOf,
  neutronPortOf,
  neutronPortWithIp,
  neutronPortWithMac,
  onLink,
  ovsPortNamed,
} from '../model/queries';
import { inPrefix, parseIp, parsePrefix } from '../packet/address';
import { machinesSendingFrom } from '../model/route-sources';
import { hasRole } from '../model/known-names';

/** What a WHERE of the command line names. */
export type Whereabouts =
  | { readonly kind: 'instance'; readonly instance: Instance; readonly port: NeutronPort | undefined; readonly ip?: string }
  | { readonly kind: 'neutron-port'; readonly port: NeutronPort }
  | {
      readonly kind: 'device';
      readonly host: Host;
      readonly namespace: Namespace;
      readonly device: string;
      readonly ip: string | undefined;
    }
  | { readonly kind: 'ovs-port'; readonly host: Host; readonly bridge: OvsBridge; readonly port: OvsPort }
  | { readonly kind: 'host'; readonly host: Host }
  | { readonly kind: 'ip'; readonly ip: string };

const MAC = /^(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i;

/** Finds what a name, id, MAC or address means; undefined where no capture knows it. `host:` before it narrows it to a host. */
export function whereIs(network: Network, where: string): Whereabouts | undefined {
  const text = where.trim();
  if (text === '') return undefined;
  if (MAC.test(text)) return ofMac(network, text.toLowerCase());
  if (parseIp(text)) return ofIp(network, text, undefined);
  const prefixed = /^([\w.-]+):(.+)$/.exec(text);
  if (prefixed) {
    const [, hostName = '', rest = ''] = prefixed;
    const host = [...network.hosts.values()].find((candidate) => isCalled(candidate, hostName));
    if (host) return onHost(network, host, rest);
  }
  const instance = network.instances.find(
    (candidate) => candidate.name === text || candidate.id === text || candidate.libvirtName === text,
  );
  if (instance) return { kind: 'instance', instance, port: undefined };
  const neutron = network.neutronPorts.find(
    (port) =>
      port.id === text || port.name === text || (text.length >= 6 && /^[0-9a-f-]+$/.test(text) && port.id.startsWith(text)),
  );
  if (neutron) return ofNeutronPort(network, neutron);
  for (const host of network.hosts.values()) {
    const found = ofDevice(network, host, text);
    if (found) return found;
  }
  const host = [...network.hosts.values()].find((candidate) => isCalled(candidate, text));
  if (host) return { kind: 'host', host };
  // A pod or a container is where its address is; of endpoints only the service has a name, and it has many.
  const owner = network.owners.find(({ name, what }) => name === text && what !== 'endpoint');
  return owner && ofIp(network, owner.ip, undefined);
}

function onHost(network: Network, host: Host, rest: string): Whereabouts | undefined {
  if (MAC.test(rest)) return ofMac(network, rest.toLowerCase());
  if (parseIp(rest)) return ofIp(network, rest, host);
  return ofDevice(network, host, rest) ?? whereIs(network, rest);
}

function ofNeutronPort(network: Network, port: NeutronPort): Whereabouts {
  const instance = instanceOf(network, port);
  return instance ? { kind: 'instance', instance, port } : { kind: 'neutron-port', port };
}

function ofDevice(network: Network, host: Host, name: string): Whereabouts | undefined {
  const neutron = neutronPortOf(network, name);
  const instance = neutron && instanceOf(network, neutron);
  const known =
    ovsPortNamed(host, name) ??
    [...host.linuxBridges.values()].find((bridge) => bridge.members.some((member) => member.name === name));
  if (instance && neutron && known) return { kind: 'instance', instance, port: neutron };
  const namespaces = [...host.namespaces.values()].sort((a, b) => Number(a.name === '') - Number(b.name === ''));
  for (const namespace of namespaces) {
    const device = namespace.devices.get(name);
    if (device && (device.addresses.length > 0 || !ovsPortNamed(host, name))) {
      return { kind: 'device', host, namespace, device: name, ip: ipv4Of(device.addresses) };
    }
  }
  if (neutron && known) return { kind: 'neutron-port', port: neutron };
  const ovs = ovsPortNamed(host, name);
  if (ovs) return { kind: 'ovs-port', host, ...ovs };
  const bridge = host.bridges.get(name);
  if (bridge)
    return {
      kind: 'ovs-port',
      host,
      bridge,
      port: bridge.ports.find((port) => port.name === name) ?? bridge.ports[0] ?? ownPort(bridge),
    };
  // A tap on a Linux bridge of which nobody says whose it is: the walk names what would tell.
  const root = host.namespaces.get('');
  return known && root ? { kind: 'device', host, namespace: root, device: name, ip: undefined } : undefined;
}

function ownPort(bridge: OvsBridge): OvsPort {
  return { ...unnamedPort(bridge, bridge.name, LOCAL_PORT), sources: bridge.sources };
}

function ipv4Of(addresses: readonly { readonly ip: string }[]): string | undefined {
  return (addresses.find(({ ip }) => !ip.includes(':')) ?? addresses.find(({ ip }) => !ip.startsWith('fe80')))?.ip;
}

function ofMac(network: Network, mac: string): Whereabouts | undefined {
  const port = neutronPortWithMac(network, mac);
  if (port) return ofNeutronPort(network, port);
  const guest = guestWith(network, (device) => device.mac === mac);
  if (guest) return { kind: 'instance', instance: guest, port: undefined };
  const [device] = devicesWithMac(network, mac);
  if (device)
    return {
      kind: 'device',
      host: device.host,
      namespace: device.namespace,
      device: device.device.name,
      ip: ipv4Of(device.device.addresses),
    };
  for (const host of network.hosts.values()) {
    for (const bridge of host.bridges.values()) {
      const row = bridge.fdb.find((candidate) => candidate.mac === mac);
      const found = row && bridge.ports.find((candidate) => candidate.ofport === row.ofport);
      if (found && found.type !== 'patch') return { kind: 'ovs-port', host, bridge, port: found };
    }
  }
  return undefined;
}

function ofIp(network: Network, ip: string, host: Host | undefined): Whereabouts {
  const port = neutronPortWithIp(network, ip);
  if (port && !host) return ofNeutronPort(network, port);
  const guest = guestWith(network, (device) => device.addresses.some((address) => address.ip === ip));
  if (guest && !host) return { kind: 'instance', instance: guest, port: undefined, ip };
  const device = devicesWithIp(network, ip).find((candidate) => host === undefined || candidate.host === host);
  if (device) return { kind: 'device', host: device.host, namespace: device.namespace, device: device.device.name, ip };
  // Only where no table of ports says more: an instance's addresses hold its floating ones as well.
  const byAddress = network.instances.find(
    (instance) => instance.ports.length === 0 && instance.interfaces.length > 0 && instance.ips.some((known) => known.ip === ip),
  );
  if (byAddress) return { kind: 'instance', instance: byAddress, port: undefined, ip };
  const senders = machinesSendingFrom(network, ip).filter((candidate) => host === undefined || candidate.host === host);
  const [sender, second] = senders;
  if (sender && !second) return { kind: 'device', host: sender.host, namespace: sender.namespace, device: sender.device, ip };
  return { kind: 'ip', ip };
}

function guestWith(network: Network, test: (device: Device) => boolean): Instance | undefined {
  return network.instances.find((instance) => {
    const root = instance.guest === undefined ? undefined : network.hosts.get(instance.guest)?.namespaces.get('');
    return [...(root?.devices.values() ?? [])].some(test);
  });
}

/** The address that a place answers to: what `--to NAME` sends to. */
export function addressOf(
  network: Network,
  place: Whereabouts,
  from?: Whereabouts,
): { readonly ip: string; readonly source: Source | undefined } | undefined {
  switch (place.kind) {
    case 'ip':
      return { ip: place.ip, source: undefined };
    case 'instance': {
      // An address that was asked for is meant, whoever else says that the instance has it.
      if (place.ip !== undefined) return { ip: place.ip, source: place.instance.ips.find(({ ip }) => ip === place.ip)?.source };
      const all = place.port ? place.port.ips : place.instance.ports.flatMap(({ ips }) => ips);
      const fixed = nearest(from, all) ?? place.instance.ips.find(({ ip }) => !ip.includes(':')) ?? place.instance.ips[0];
      return fixed ? { ip: fixed.ip, source: fixed.source } : undefined;
    }
    case 'neutron-port': {
      const [fixed] = place.port.ips;
      return fixed ? { ip: fixed.ip, source: fixed.source } : undefined;
    }
    case 'device':
      return place.ip === undefined ? undefined : { ip: place.ip, source: undefined };
    case 'host': {
      const root = place.host.namespaces.get('');
      for (const device of root?.devices.values() ?? []) {
        const own = device.addresses.find(({ ip }) => !ip.includes(':') && !ip.startsWith('127.'));
        if (own) return { ip: own.ip, source: own.source };
      }
      return undefined;
    }
    case 'ovs-port': {
      const neutron = neutronPortOf(network, place.port.name);
      const [fixed] = neutron?.ips ?? [];
      return fixed ? { ip: fixed.ip, source: fixed.source } : undefined;
    }
  }
}

/** Of several addresses the one on the sender's own subnet, else the first of IPv4. */
function nearest<T extends { readonly ip: string; readonly subnet: string | undefined }>(
  from: Whereabouts | undefined,
  ips: readonly T[],
): T | undefined {
  const ports =
    from?.kind === 'instance'
      ? from.port
        ? [from.port]
        : from.instance.ports
      : from?.kind === 'neutron-port'
        ? [from.port]
        : [];
  const subnets = new Set(ports.flatMap((port) => port.ips.map(({ subnet }) => subnet)).filter((subnet) => subnet !== undefined));
  return (
    ips.find(({ subnet }) => subnet !== undefined && subnets.has(subnet)) ?? ips.find(({ ip }) => !ip.includes(':')) ?? ips[0]
  );
}

/** The first hop of an instance's packet: on the link, or the gateway of its subnet. */
export interface FirstHop {
  readonly ip: string;
  readonly reason: string;
  readonly evidence: readonly Source[];
}

/** Without the guest's own routes, what Neutron gives it: its subnet's other ports directly, the rest by the gateway. */
export function firstHop(network: Network, port: NeutronPort, ip: string, destination: string): FirstHop | undefined {
  const own = port.ips.find((fixed) => fixed.ip === ip);
  const subnet = network.subnets.find((candidate) => candidate.id === own?.subnet);
  const cidr = subnet?.cidr === undefined ? undefined : parsePrefix(subnet.cidr);
  const address = parseIp(destination);
  if (cidr && address && inPrefix(address, cidr)) {
    return {
      ip: destination,
      reason: `${destination} is in the instance's own subnet ${subnet?.cidr ?? ''}`,
      evidence: subnet?.sources.slice(0, 1) ?? [],
    };
  }
  const sibling = network.neutronPorts.find((candidate) =>
    candidate.ips.some((fixed) => fixed.ip === destination && fixed.subnet !== undefined && fixed.subnet === own?.subnet),
  );
  if (sibling && own) {
    return {
      ip: destination,
      reason: `${destination} is a port of the same subnet in the Neutron port list`,
      evidence: sibling.ips.filter((fixed) => fixed.ip === destination).map(({ source }) => source),
    };
  }
  const router = [...allDevices(network)].find(
    ({ device }) => hasRole(device.name, 'router-inside', 'snat-inside') && onLink(device, ip),
  );
  if (router && onLink(router.device, destination)) {
    return {
      ip: destination,
      reason: `${destination} is on the subnet that ${router.device.name} shows`,
      evidence: router.device.sources.slice(0, 1),
    };
  }
  if (subnet?.gateway !== undefined)
    return {
      ip: subnet.gateway,
      reason: `${subnet.gateway} is the gateway of the instance's subnet`,
      evidence: subnet.sources.slice(0, 1),
    };
  const gateways = network.neutronPorts.filter(
    (candidate) =>
      (candidate.router !== undefined || /router_interface|ha_router|router_distributed/.test(candidate.deviceOwner ?? '')) &&
      candidate.ips.some((fixed) => fixed.subnet !== undefined && fixed.subnet === own?.subnet),
  );
  const gateway = gateways[0]?.ips.find((fixed) => fixed.subnet === own?.subnet);
  if (gateway)
    return {
      ip: gateway.ip,
      reason: `${gateway.ip} is the router's port in the instance's subnet; the routes inside the instance were not captured`,
      evidence: [gateway.source],
    };
  const onRouter = router?.device.addresses.find(({ ip: candidate }) => !candidate.includes(':'));
  return onRouter
    ? {
        ip: onRouter.ip,
        reason: `${onRouter.ip} on ${router?.device.name ?? ''} is the router in the instance's subnet; the routes inside the instance were not captured`,
        evidence: [onRouter.source],
      }
    : undefined;
}

/** An instance's network in words, for summaries. */
export function networkText(network: Network, port: NeutronPort): string {
  const own = networkOf(network, port);
  return own?.name === undefined ? '' : ` on network ${own.name}`;
}
