import type { NeutronPort } from '../model/openstack';
import { attachmentOf } from '../walk/owner';
import { neutronPortOf } from '../model/queries';
import { routerOf, type EntityOf } from './entity';
import { neutronBullet, vniText } from './hover-switch';
import { namespaceRole } from './hover-linux';
import { devicesOfPort, floatingIps, networkTitle, ownerOfPort, portNetwork, tiesOfVni } from './knowledge';
import { code, escape, few, inBrackets, links, section } from './markdown';
import type { World } from './world';

/** An instance: where it runs, its addresses and ports, and the device that it is attached by. */
export function describeInstance(world: World, entity: EntityOf<'instance'>): string {
  const { network } = world;
  const { instance } = entity;
  if (!instance)
    return section(`Instance ${escape(entity.value)}`, [
      `Nothing else was captured of it: ${code(`openstack server show ${entity.value}`)}`,
    ]);
  const floating = (ip: string) => floatingIps(network, ip).find((pair) => pair.floating === ip);
  const bullets: (string | undefined)[] = [
    instance.hypervisor === undefined
      ? undefined
      : `Runs on **${escape(instance.hypervisor)}**${instance.libvirtName === undefined ? '' : ` as ${code(instance.libvirtName)}`}`,
    instance.hypervisor === undefined && instance.libvirtName !== undefined
      ? `In libvirt ${code(instance.libvirtName)}`
      : undefined,
    instance.id === undefined ? undefined : `Id ${code(instance.id)}`,
    instance.ips.length === 0
      ? undefined
      : `Addresses ${instance.ips.map(({ ip }) => `${code(ip)}${floating(ip) ? ' (floating)' : ''}`).join(', ')}`,
  ];
  for (const port of instance.ports) {
    bullets.push(neutronBullet(world, port, false));
    const on = portNetwork(network, port);
    if (on)
      bullets.push(`Network ${code(networkTitle(on))}${on.segmentationId === undefined ? '' : `, VNI ${on.segmentationId}`}`);
    const attached = attachmentOf(network, port.mac, port);
    if (attached)
      bullets.push(
        `Attached by ${code(attached.device)} on **${escape(attached.host.name)}**${attached.certainty === 'captured' ? '' : ` (inferred: ${escape(attached.reason)})`}`,
      );
  }
  if (instance.ports.length === 0)
    bullets.push(`Its port was not captured: ${code(`openstack port list --server ${instance.name}`)}`);
  return section(`Instance ${escape(instance.name)}`, bullets, links(world, instance.sources).join(' · '));
}

/** A Neutron network: its VNI, its subnets, and the VLAN that each host has for it. */
export function describeNetwork(world: World, entity: EntityOf<'network'>): string {
  const { network } = entity;
  if (!network)
    return section(`Network ${escape(entity.value)}`, [
      `Nothing else was captured of it: ${code(`openstack network show ${entity.value}`)}`,
    ]);
  const vni = network.segmentationId;
  const tunnel = network.type !== 'vlan' && network.type !== 'flat';
  const ports = world.network.neutronPorts.filter((port) => portNetwork(world.network, port) === network);
  const dhcp =
    network.id === undefined
      ? undefined
      : [...world.network.hosts.values()].find((host) => host.namespaces.has(`qdhcp-${network.id}`));
  return section(
    `Network ${escape(networkTitle(network))}`,
    [
      network.name !== undefined && network.id !== undefined ? `Id ${code(network.id)}` : undefined,
      network.type === undefined
        ? undefined
        : `Type ${network.type}${network.physicalNetwork === undefined ? '' : ` on ${code(network.physicalNetwork)}`}${network.external ? ', external' : ''}`,
      vni === undefined
        ? undefined
        : `${tunnel ? 'VNI' : 'VLAN on the wire'} ${tunnel ? vniText(vni) : vni}${inBrackets(world, network.says['segmentationId'])}`,
      ...(vni === undefined || !tunnel ? [] : tiesOfVni(world.network, vni)).map(
        (tie) =>
          `VLAN ${tie.vlan} on **${escape(tie.host.name)}**${tie.certainty === 'inferred' ? ' (inferred)' : ''}${inBrackets(world, tie.source)}`,
      ),
      ...network.subnets.map((id) => {
        const subnet = world.network.subnets.find((known) => known.id === id);
        return `Subnet ${code(subnet?.name ?? id)}${subnet?.cidr === undefined ? '' : ` ${code(subnet.cidr)}`}`;
      }),
      ports.length === 0
        ? undefined
        : `Ports: ${few(
            ports.map((port) => ownerOfPort(world.network, port)?.text ?? code(port.id.slice(0, 11))),
            6,
          )}`,
      dhcp && network.id !== undefined ? `DHCP server in ${code(`qdhcp-${network.id}`)} on **${escape(dhcp.name)}**` : undefined,
    ],
    links(world, network.sources).join(' · '),
  );
}

/** A router: its namespace and its ports. */
export function describeRouter(world: World, entity: EntityOf<'router'>): string {
  const { router } = entity;
  const id = router?.id ?? entity.value;
  const ports = world.network.neutronPorts.filter(
    (port) => port.router !== undefined && (port.router === id || routerOf(world.network, port.router)?.id === id),
  );
  const hosts = [...world.network.hosts.values()].filter((host) => host.namespaces.has(`qrouter-${id}`));
  return section(
    `Router ${escape(router?.name ?? entity.value)}`,
    [
      router?.name !== undefined ? `Id ${code(id)}` : undefined,
      ...hosts.map(
        (host) =>
          `Namespace ${code(`qrouter-${id}`)} on **${escape(host.name)}**${inBrackets(world, host.namespaces.get(`qrouter-${id}`)?.sources[0])}`,
      ),
      hosts.length === 0 ? `Its namespace ${code(`qrouter-${id}`)} was not captured: ${code('ip netns list')}` : undefined,
      ...ports.map((port) => `${neutronBullet(world, port, false)}${deviceText(world, port)}`),
      ports.length === 0
        ? `Its ports were not captured: ${code(`openstack port list --router ${router?.name ?? id}`)}`
        : undefined,
    ],
    links(world, router?.sources ?? []).join(' · '),
  );
}

/** A subnet: its range, its gateway, its network and who has an address in it. */
export function describeSubnet(world: World, entity: EntityOf<'subnet'>): string {
  const id = entity.subnet?.id ?? entity.value;
  const { subnet } = entity;
  const users = world.network.neutronPorts.flatMap((port) =>
    port.ips.filter((ip) => ip.subnet === id).map(({ ip }) => `${code(ip)}${ownerText(ownerOfPort(world.network, port)?.text)}`),
  );
  const network = world.network.networks.find(
    (known) =>
      known.subnets.includes(id) ||
      (subnet?.network !== undefined && (known.id === subnet.network || known.name === subnet.network)),
  );
  return section(
    `Subnet ${escape(subnet?.name ?? id)}`,
    [
      subnet?.name !== undefined && subnet.name !== id ? `Id ${code(id)}` : undefined,
      subnet?.cidr === undefined ? `Its range was not captured: ${code(`openstack subnet show ${id}`)}` : code(subnet.cidr),
      subnet?.gateway === undefined ? undefined : `Gateway ${code(subnet.gateway)}`,
      network ? `Of network ${code(networkTitle(network))}` : undefined,
      users.length === 0 ? undefined : `In use: ${few(users, 8)}`,
    ],
    links(world, subnet?.sources ?? []).join(' · '),
  );
}

/** `, by qr-2c628d36-76`. */
function deviceText(world: World, port: NeutronPort): string {
  const devices = [...new Set(devicesOfPort(world.network, port).map(({ device }) => code(device)))];
  return devices.length === 0 ? '' : `, by ${devices.join(', ')}`;
}

function ownerText(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`;
}

/** A Neutron port: whose it is, its network, and its devices on the hosts. */
export function describeNeutronPort(world: World, entity: EntityOf<'neutron-port'>): string {
  const { port } = entity;
  if (!port)
    return section(`Neutron port ${escape(entity.value)}`, [
      `Nothing else was captured of it: ${code(`openstack port show ${entity.value}`)}`,
    ]);
  const { network } = world;
  const owner = ownerOfPort(network, port);
  const on = portNetwork(network, port);
  const devices = devicesOfPort(network, port).filter(({ device }) => neutronPortOf(network, device) === port);
  const byHost = new Map<string, string[]>();
  for (const { host, device } of devices) byHost.set(host.name, [...(byHost.get(host.name) ?? []), device]);
  const namespace = [...network.hosts.values()].flatMap((host) =>
    [...host.namespaces.values()].filter((space) => space.name !== '' && devices.some(({ device }) => space.devices.has(device))),
  );
  return section(
    `Neutron port ${port.id.slice(0, 11)}…`,
    [
      owner
        ? `Of ${owner.text}${owner.certainty === 'inferred' ? ` (inferred ${owner.reason ?? ''})` : ''}`
        : `Whose it is was not captured: ${code(`openstack port show ${port.id}`)}`,
      port.deviceOwner === undefined ? undefined : `Owner ${code(port.deviceOwner)}`,
      port.mac === undefined ? undefined : `MAC ${code(port.mac)}${inBrackets(world, port.says['mac'])}`,
      port.ips.length === 0 ? undefined : `Addresses ${port.ips.map(({ ip }) => code(ip)).join(', ')}`,
      on ? `Network ${code(networkTitle(on))}` : undefined,
      ...[...byHost].map(([host, names]) => `Devices on **${escape(host)}**, by its id: ${names.map(code).join(', ')}`),
      ...namespace.map((space) => `In namespace ${code(space.name)}: ${namespaceRole(world, space.name) ?? ''}`),
      devices.length === 0 ? `No captured device carries its id: ${code(`tap${port.id.slice(0, 11)}`)} or the like` : undefined,
    ],
    links(world, port.sources).join(' · '),
  );
}
