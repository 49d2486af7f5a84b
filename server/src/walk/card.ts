import type { Host, Network } from '../model/network';
import type { Instance, NeutronPort } from '../model/openstack';
import type { Source } from '../model/source';
import { allDevices, instanceOf, neutronPortOf, neutronPortWithMac, onLink, ovsPortNamed } from '../model/queries';
import { inPrefix, parseIp, parsePrefix } from '../packet/address';
import { attachedTo, attachmentOf, cardBehind, isGuestSide, type Attachment } from './owner';
import { firstHop, type FirstHop } from './start';

/** A network card of a machine that hangs on a tap, whoever says so: Neutron, libvirt, a MAC table. */
export interface Card {
  /** The machine's name, or its port's where nobody names it. */
  readonly name: string;
  readonly mac: string | undefined;
  readonly ip: string | undefined;
  readonly port: NeutronPort | undefined;
  readonly attachment: Attachment | undefined;
  readonly hypervisor: string | undefined;
  readonly sources: readonly Source[];
}

const sameFamily = (a: string, b: string): boolean => a.includes(':') === b.includes(':');

/** The card that an instance sends by: the one on the destination's subnet, else the first that has a gateway. */
export function cardOfInstance(network: Network, instance: Instance, asked: NeutronPort | undefined, destination: string): Card {
  const port = asked ?? choosePort(network, instance.ports, destination);
  const card =
    instance.interfaces.find(({ mac }) => port === undefined || mac === port.mac) ??
    (port === undefined ? instance.interfaces[0] : undefined);
  const mac = port?.mac ?? card?.mac;
  const fixed = port?.ips.find(({ ip }) => sameFamily(ip, destination)) ?? port?.ips[0];
  return {
    name: instance.name,
    mac,
    ip: fixed?.ip ?? instance.ips.find(({ ip }) => sameFamily(ip, destination))?.ip ?? instance.ips[0]?.ip,
    port,
    attachment: attachmentOf(network, mac, port),
    hypervisor: instance.hypervisor ?? card?.host,
    sources: [...instance.sources.slice(0, 1), ...(port?.sources.slice(0, 1) ?? (card ? [card.source] : []))],
  };
}

function choosePort(network: Network, ports: readonly NeutronPort[], destination: string): NeutronPort | undefined {
  const address = parseIp(destination);
  const direct = ports.find((port) =>
    port.ips.some((fixed) => {
      const cidr = network.subnets.find(({ id }) => id === fixed.subnet)?.cidr;
      const prefix = cidr === undefined ? undefined : parsePrefix(cidr);
      const sibling = network.neutronPorts.some((other) =>
        other.ips.some(({ ip, subnet }) => ip === destination && subnet !== undefined && subnet === fixed.subnet),
      );
      return sibling || (address !== undefined && prefix !== undefined && inPrefix(address, prefix));
    }),
  );
  const fitting = ports.filter((port) => port.ips.some(({ ip }) => sameFamily(ip, destination)));
  const led = fitting.find((port) => port.ips.some(({ ip }) => firstHop(network, port, ip, destination) !== undefined));
  return direct ?? led ?? fitting[0] ?? ports[0];
}

/** The card of a Neutron port that no table gives to an instance; undefined where its device is a router's or DHCP's own. */
export function cardOfPort(network: Network, port: NeutronPort, destination: string): Card | undefined {
  if (/^network:/.test(port.deviceOwner ?? '') || port.router !== undefined) return undefined;
  const attachment = attachmentOf(network, port.mac, port);
  if (!attachment) return undefined;
  const ovs = ovsPortNamed(attachment.host, attachment.device);
  if (ovs?.port.type === 'internal' || /^(?:q[rg]-|sg-)/.test(attachment.device)) return undefined;
  const inside = [...attachment.host.namespaces.values()].some(
    (namespace) => namespace.name !== '' && namespace.devices.has(attachment.device),
  );
  if (inside) return undefined;
  return {
    name: port.name ?? `port ${port.id.slice(0, 11)}`,
    mac: port.mac,
    ip: (port.ips.find(({ ip }) => sameFamily(ip, destination)) ?? port.ips[0])?.ip,
    port,
    attachment,
    hypervisor: undefined,
    sources: port.sources.slice(0, 1),
  };
}

/** What is behind a device of a host, as far as anybody says: a tap's guest, or a machine that a switch has learned there. */
export function cardBehindDevice(network: Network, host: Host, device: string): Card | undefined {
  const neutron = neutronPortOf(network, device);
  const known = cardBehind(network, host.name, device);
  const instance = known?.instance ?? (neutron && instanceOf(network, neutron));
  const found = macBehind(network, host, device);
  const mac = neutron?.mac ?? known?.card.mac ?? found?.mac;
  if (mac === undefined) return undefined;
  const port = neutron ?? neutronPortWithMac(network, mac);
  const ip =
    port?.ips[0]?.ip ??
    (instance && port === undefined && instance.interfaces.length === 1 ? instance.ips[0]?.ip : undefined) ??
    ipOfMac(network, mac);
  const source = known?.card.source ?? found?.source;
  return {
    name: instance?.name ?? port?.name ?? device,
    mac,
    ip,
    port,
    attachment: {
      host,
      device,
      direct: true,
      certainty: 'inferred',
      reason: found?.reason ?? `${mac} is behind ${device}`,
      evidence: source ? [source] : [],
    },
    hypervisor: host.name,
    sources: source ? [source] : [],
  };
}

function macBehind(
  network: Network,
  host: Host,
  device: string,
): { readonly mac: string; readonly reason: string; readonly source: Source } | undefined {
  const attached = attachedTo(host, device);
  if (attached)
    return {
      mac: attached.mac,
      reason: `the interface's external_ids name it as what is attached to ${attached.port}`,
      source: attached.source,
    };
  const ovs = ovsPortNamed(host, device);
  const rows = [
    ...(ovs?.bridge.fdb
      .filter((row) => row.ofport !== undefined && row.ofport === ovs.port.ofport)
      .map(({ mac, source }) => ({ mac, source, where: ovs.bridge.name })) ?? []),
    ...[...host.linuxBridges.values()].flatMap((bridge) =>
      bridge.fdb
        .filter((entry) => entry.dev === device && !entry.permanent)
        .map(({ mac, source }) => ({ mac, source, where: bridge.name })),
    ),
  ];
  const [row, second] = rows;
  if (row && !second) return { mac: row.mac, reason: `${row.where} has learned ${row.mac} on ${device}`, source: row.source };
  const own = host.namespaces.get('')?.devices.get(device)?.mac;
  for (const other of network.hosts.values()) {
    for (const namespace of other.namespaces.values()) {
      const twin = namespace.neighbours.find(({ mac }) => mac !== undefined && isGuestSide(device, own, mac));
      if (twin?.mac !== undefined)
        return {
          mac: twin.mac,
          reason: `libvirt gives a tap its guest's address with fe in front: ${device} has ${own ?? ''}`,
          source: twin.source,
        };
    }
  }
  return undefined;
}

/** The address that goes with a MAC address, where exactly one is known. */
export function ipOfMac(network: Network, mac: string): string | undefined {
  const ips = new Set<string>();
  for (const host of network.hosts.values()) {
    for (const namespace of host.namespaces.values()) {
      for (const entry of namespace.neighbours) if (entry.mac === mac && !entry.ip.includes(':')) ips.add(entry.ip);
    }
  }
  for (const { device } of allDevices(network))
    if (device.mac === mac) for (const { ip } of device.addresses) if (!ip.includes(':')) ips.add(ip);
  const [only, second] = ips;
  return second === undefined ? only : undefined;
}

/** A first hop that is only taken to be one. */
export interface Hop extends FirstHop {
  readonly assumed?: boolean;
}

/** Whom a card sends to: by Neutron's subnets, else by the captured devices that are on its subnet. */
export function hopOf(network: Network, card: Card, ip: string, destination: string): Hop | undefined {
  const known = card.port && firstHop(network, card.port, ip, destination);
  if (known) return known;
  const near = [...allDevices(network)].filter(
    ({ device }) => device.addresses.every((own) => own.ip !== ip) && onLink(device, ip),
  );
  const shared = near.find(({ device }) => onLink(device, destination));
  if (shared)
    return {
      ip: destination,
      reason: `${shared.device.name} of ${shared.host.name} shows that ${ip} and ${destination} are on one subnet`,
      evidence: shared.device.sources.slice(0, 1),
    };
  // A machine that hands packets on: the one on the same switch and VLAN first.
  const switched = card.attachment && ovsPortNamed(card.attachment.host, card.attachment.device);
  const ranked = [...near].sort((a, b) => nearness(b) - nearness(a));
  function nearness({ host, device }: (typeof near)[number]): number {
    if (host !== card.attachment?.host) return 0;
    const port = ovsPortNamed(host, device.name);
    if (port && port.bridge === switched?.bridge) return port.port.tag === switched.port.tag ? 3 : 1;
    return host.linuxBridges.has(device.name) ? 2 : 1;
  }
  const [router] = ranked;
  const own = router?.device.addresses.find((address) => sameFamily(address.ip, ip));
  if (!router || !own) return undefined;
  return {
    ip: own.ip,
    reason: `${own.ip} on ${router.device.name} of ${router.host.name} is on ${card.name}'s subnet and taken to be its gateway; its own routes were not captured`,
    evidence: [own.source],
    assumed: true,
  };
}
