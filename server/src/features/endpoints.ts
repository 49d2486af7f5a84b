import { captureIndexAt } from '../captures/document';
import { instanceOf, neutronPortOf, neutronPortWithIp, neutronPortWithMac, routerName } from '../model/queries';
import type { Network } from '../model/network';
import type { NeutronPort } from '../model/openstack';
import type { Endpoint, EndpointsResult } from '../protocol';
import { touches } from '../base/span';
import { refsBetween } from './find';
import { lineText } from './locate';
import { positionAt } from '../base/lines';
import type { World } from './world';
import { hasRole } from '../model/known-names';

/** Where a walk may start and end, by what the captures know; the start that the cursor stands on is preselected. */
export function endpoints(world: World, cursor: { readonly uri: string; readonly offset: number } | undefined): EndpointsResult {
  const { network } = world;
  const all = [...instances(network), ...neutronPorts(network), ...guests(network), ...devices(network)];
  const unique = inGroups(all.filter((endpoint, n) => all.findIndex((other) => other.where === endpoint.where) === n));
  return {
    starts: inGroups([...unique, ...taps(network), ...gateways(network)]),
    destinations: [...unique, ...gateways(network)],
    preselected: cursor ? (underCursor(world, cursor, [...unique, ...taps(network)]) ?? null) : null,
  };
}

const order: readonly Endpoint['group'][] = ['instance', 'gateway', 'dhcp', 'port', 'host', 'address'];

function inGroups(endpoints: readonly Endpoint[]): Endpoint[] {
  return [...endpoints].sort((a, b) => order.indexOf(a.group) - order.indexOf(b.group));
}

/** Devices next to instances: taps on Linux bridges and on Open vSwitch. */
function taps(network: Network): Endpoint[] {
  const found = [...network.hosts.values()].flatMap((host) => [
    ...[...host.linuxBridges.values()].flatMap((bridge) => bridge.members.map(({ name }) => ({ host, name, on: bridge.name }))),
    ...[...host.bridges.values()].flatMap((bridge) =>
      bridge.ports.filter((port) => port.type !== 'internal').map(({ name }) => ({ host, name, on: bridge.name })),
    ),
  ]);
  const own = found.filter(({ name }) => hasRole(name, 'tap', 'vnet', 'vhost-user', 'macvtap'));
  return own.map(({ host, name, on }) => {
    const port = neutronPortOf(network, name);
    const instance = port && instanceOf(network, port);
    const repeated = own.filter((other) => other.name === name && other.host !== host).length > 0;
    return {
      where: repeated ? `${host.name}:${name}` : name,
      label: name,
      description: `on ${on} of ${host.name}`,
      detail: instance?.name ?? port?.ips[0]?.ip ?? '',
      group: 'port' as const,
    };
  });
}

function instances(network: Network): Endpoint[] {
  return network.instances
    .filter((instance) => instance.ports.length > 0 || instance.ips.length > 0)
    .map((instance) => {
      const ips = [
        ...new Set([...instance.ports.flatMap((port) => port.ips.map(({ ip }) => ip)), ...instance.ips.map(({ ip }) => ip)]),
      ];
      return {
        where: instance.name,
        label: instance.name,
        description: `instance${instance.hypervisor === undefined ? '' : ` on ${instance.hypervisor}`}`,
        detail: ips.join(', '),
        group: 'instance' as const,
      };
    });
}

function neutronPorts(network: Network): Endpoint[] {
  return network.neutronPorts.flatMap((port) => {
    const [fixed] = port.ips;
    if (!fixed || instanceOf(network, port)) return [];
    const router = port.router === undefined ? undefined : (routerName(network, port.router) ?? port.router);
    const dhcp = /dhcp/.test(port.deviceOwner ?? '') || dhcpDevice(network, port);
    return [
      {
        where: fixed.ip,
        label: fixed.ip,
        description: router !== undefined ? `port of router ${router}` : dhcp ? 'DHCP port' : 'Neutron port',
        detail: `${port.id.slice(0, 11)} ${port.mac ?? ''}`.trim(),
        group: router !== undefined ? ('gateway' as const) : dhcp ? ('dhcp' as const) : ('port' as const),
      },
    ];
  });
}

function dhcpDevice(network: Network, port: NeutronPort): boolean {
  return [...network.hosts.values()].some((host) =>
    [...host.bridges.values()].some((bridge) =>
      bridge.ports.some((p) => p.type === 'internal' && p.name === `tap${port.id.slice(0, 11)}`),
    ),
  );
}

/** Machines whose own captures show that they have an address: hosts outside the cloud, instances without OpenStack's tables. */
function guests(network: Network): Endpoint[] {
  return [...network.hosts.values()].flatMap((host) => {
    const root = host.namespaces.get('');
    const ip = [...(root?.devices.values() ?? [])]
      .flatMap((device) => device.addresses)
      .find((a) => !a.ip.includes(':') && !a.ip.startsWith('127.'))?.ip;
    return ip === undefined
      ? []
      : [{ where: host.name, label: host.name, description: 'host', detail: ip, group: 'host' as const }];
  });
}

function devices(network: Network): Endpoint[] {
  return [...network.hosts.values()].flatMap((host) =>
    [...host.namespaces.values()].flatMap((namespace) =>
      namespace.name === ''
        ? []
        : [...namespace.devices.values()].flatMap((device) =>
            device.addresses
              .filter(({ ip }) => !ip.includes(':') && !ip.startsWith('127.') && !neutronPortWithIp(network, ip))
              .map(({ ip }) => ({
                where: ip,
                label: ip,
                description: `${device.name} in ${namespace.name}`,
                detail: host.name,
                group: 'port' as const,
              })),
          ),
    ),
  );
}

/** Next hops of captured routes that nobody in the captures has: the way outside. */
function gateways(network: Network): Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const host of network.hosts.values()) {
    for (const namespace of host.namespaces.values()) {
      for (const { route } of namespace.routes) {
        const via = route.via?.value;
        if (via === undefined || neutronPortWithIp(network, via) || found.has(via)) continue;
        const where = namespace.name === '' ? host.name : namespace.name;
        found.set(via, {
          where: via,
          label: via,
          description: `next hop of ${where}`,
          detail: route.dev?.value ?? '',
          group: 'address',
        });
      }
    }
  }
  return [...found.values()];
}

function underCursor(
  world: World,
  cursor: { readonly uri: string; readonly offset: number },
  known: readonly Endpoint[],
): string | undefined {
  const document = world.documents.get(cursor.uri);
  const line = document && positionAt(document.lines, cursor.offset).line;
  const capture = document?.captures[captureIndexAt(document, line ?? 0)];
  if (!document || !capture || line === undefined) return undefined;
  const { network } = world;
  const onLine = refsBetween(capture, line, line).filter((ref) => positionAt(document.lines, ref.span.start).line === line);
  const refs = [...onLine.filter((ref) => touches(ref.span, cursor.offset)), ...onLine];
  for (const ref of refs) {
    const port =
      ref.kind === 'mac'
        ? neutronPortWithMac(network, ref.value)
        : ref.kind === 'ip'
          ? neutronPortWithIp(network, ref.value)
          : ref.kind === 'device'
            ? neutronPortOf(network, ref.value)
            : ref.kind === 'neutron-port'
              ? network.neutronPorts.find(({ id }) => id === ref.value)
              : undefined;
    const instance = port ? instanceOf(network, port) : undefined;
    const where = ref.kind === 'instance' ? ref.value : (instance?.name ?? port?.ips[0]?.ip ?? ref.value);
    const match = known.find((endpoint) => endpoint.where === where);
    if (match) return match.where;
  }
  const text = lineText(document, positionAt(document.lines, cursor.offset).line);
  const named = network.instances.find(
    (instance) => text.includes(instance.name) || (capture.target !== undefined && capture.target === instance.name),
  );
  return named && known.some((endpoint) => endpoint.where === named.name) ? named.name : undefined;
}
