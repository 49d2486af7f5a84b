import { portIdPrefix } from './known-names';
import { inPrefix, parseIp, parsePrefix } from '../packet/address';
import { ones } from '../base/bits';
import type { Device } from './device';
import type { FlowEntry } from './flows';
import type { LinuxBridge } from './linux-bridge';
import type { Namespace } from './namespace';
import type { Host, Network } from './network';
import type { Instance, NeutronPort, NeutronNetwork } from './openstack';
import type { OvsBridge, OvsPort } from './ovs-bridge';
import type { Source } from './source';

/** The Neutron port that a device belongs to, by its name; undefined where no captured port's id starts so. */
export function neutronPortOf(network: Network, device: string): NeutronPort | undefined {
  const prefix = portIdPrefix(device);
  return prefix === undefined ? undefined : network.neutronPorts.find((port) => port.id.startsWith(prefix));
}

export function instanceOf(network: Network, port: NeutronPort): Instance | undefined {
  return network.instances.find(
    (instance) =>
      instance.ports.includes(port) ||
      (port.instance !== undefined && (port.instance === instance.name || port.instance === instance.id)),
  );
}

export function routerName(network: Network, id: string): string | undefined {
  return network.routers.find((router) => router.id === id || router.name === id)?.name;
}

/** The network that a Neutron port is on: its own network id, or the network of its subnet. */
export function networkOf(network: Network, port: NeutronPort): NeutronNetwork | undefined {
  return network.networks.find(
    (candidate) =>
      (port.network !== undefined && (candidate.id === port.network || candidate.name === port.network)) ||
      port.ips.some(
        (ip) =>
          ip.subnet !== undefined &&
          candidate.subnets.some((subnet) => subnet === ip.subnet || subnet.startsWith(ip.subnet ?? '-')),
      ),
  );
}

export function bridgePort(bridge: OvsBridge, which: number | string): OvsPort | undefined {
  return bridge.ports.find((port) => (typeof which === 'number' ? port.ofport === which : port.name === which));
}

/** The flows that ask for a port as the one that a packet came in by. */
export function flowsFrom(bridge: OvsBridge, ofport: number): FlowEntry[] {
  return bridge.flows.matching('in_port', BigInt(ofport), ones(16)).flatMap((index) => bridge.flows.at(index) ?? []);
}

/** Every OVS port of that name on the host (one, unless captures disagree). */
export function ovsPortNamed(host: Host, name: string): { readonly bridge: OvsBridge; readonly port: OvsPort } | undefined {
  for (const bridge of host.bridges.values()) {
    const port = bridgePort(bridge, name);
    if (port) return { bridge, port };
  }
  return undefined;
}

export function isTunnel(port: OvsPort): boolean {
  return port.type !== undefined && /^(?:vxlan|gre|geneve|stt|lisp|gre64|ipsec_gre|erspan|gtpu|bareudp)$/.test(port.type);
}

export function isPatch(port: OvsPort): boolean {
  return port.type === 'patch' || port.options['peer'] !== undefined;
}

/** A bridge whose work is tunnels: Neutron's br-tun by any name. */
export function isTunnelBridge(bridge: OvsBridge): boolean {
  return bridge.ports.some(isTunnel) && bridge.ports.some(isPatch);
}

/** The Linux bridge that a device of a namespace is a port of. */
export function bridgeOfMember(host: Host, namespace: string, device: string): LinuxBridge | undefined {
  return [...host.linuxBridges.values()].find(
    (bridge) => bridge.namespace === namespace && bridge.members.some(({ name }) => name === device),
  );
}

/** A Linux bridge by its name in a namespace. */
export function linuxBridgeNamed(host: Host, namespace: string, name: string): LinuxBridge | undefined {
  return host.linuxBridges.get(bridgeKeyIn(namespace, name));
}

/** The key of `Host.linuxBridges`. */
export function bridgeKeyIn(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** Every device of every namespace of every host. */
export function* allDevices(network: Network): Generator<{ host: Host; namespace: Namespace; device: Device }> {
  for (const host of network.hosts.values()) {
    for (const namespace of host.namespaces.values())
      for (const device of namespace.devices.values()) yield { host, namespace, device };
  }
}

/** Devices that have the address. */
export function devicesWithIp(
  network: Network,
  ip: string,
): { host: Host; namespace: Namespace; device: Device; source: Source }[] {
  const found = [];
  for (const place of allDevices(network)) {
    const address = place.device.addresses.find((a) => a.ip === ip);
    if (address && !(ip === '127.0.0.1' || ip === '::1')) found.push({ ...place, source: address.source });
  }
  return found;
}

/** The device of a host itself that has an address: what its tunnels leave by, where the address is theirs. */
export function rootDeviceWithIp(host: Host, ip: string | undefined): Device | undefined {
  return [...(host.namespaces.get('')?.devices.values() ?? [])].find(({ addresses }) =>
    addresses.some((address) => address.ip === ip),
  );
}

export function devicesWithMac(network: Network, mac: string): { host: Host; namespace: Namespace; device: Device }[] {
  return [...allDevices(network)].filter(({ device }) => device.mac === mac);
}

export function neutronPortWithIp(network: Network, ip: string): NeutronPort | undefined {
  return network.neutronPorts.find((port) => port.ips.some((fixed) => fixed.ip === ip));
}

export function neutronPortWithMac(network: Network, mac: string): NeutronPort | undefined {
  return network.neutronPorts.find((port) => port.mac === mac);
}

/** Whether `ip` is on the subnet of one of a device's addresses, or the other end of one (`peer`). */
export function onLink(device: Device, ip: string): boolean {
  const address = parseIp(ip);
  if (!address) return false;
  return [...device.addresses, ...device.unverified].some(({ ip: own, peer, prefix: length }) => {
    const prefix = parsePrefix(`${peer ?? own}/${length}`);
    if (prefix === undefined || !inPrefix(address, prefix)) return false;
    return peer !== undefined || length < (prefix.family === 4 ? 32 : 128);
  });
}

/** The port that a patch port leads to, on another bridge of its host. */
export function patchPeer(host: Host, port: OvsPort): { readonly bridge: OvsBridge; readonly port: OvsPort } | undefined {
  const peer = port.options['peer'];
  return peer === undefined ? undefined : ovsPortNamed(host, peer);
}

/** Whether any device of the host has the address, or one of its tunnels uses it as its own. */
export function hostHasIp(host: Host, ip: string): boolean {
  for (const bridge of host.bridges.values()) if (bridge.ports.some((port) => port.options['local_ip'] === ip)) return true;
  for (const namespace of host.namespaces.values()) {
    for (const device of namespace.devices.values()) if (device.addresses.some((address) => address.ip === ip)) return true;
  }
  return false;
}

/** The far end of a tunnel port: the host that has its remote address, with that host's port back where there is one. */
export function tunnelPeer(
  network: Network,
  port: OvsPort,
): { readonly host: Host; readonly bridge: OvsBridge | undefined; readonly port: OvsPort | undefined } | undefined {
  const { remote_ip: remote, local_ip: local } = port.options;
  if (remote === undefined) return undefined;
  let loose: Host | undefined;
  for (const host of network.hosts.values()) {
    if (host.name === port.host || !hostHasIp(host, remote)) continue;
    loose ??= host;
    for (const bridge of host.bridges.values()) {
      for (const back of bridge.ports) {
        if (isTunnel(back) && (local === undefined ? back.options['local_ip'] === remote : back.options['remote_ip'] === local))
          return { host, bridge, port: back };
      }
    }
  }
  return loose && { host: loose, bridge: undefined, port: undefined };
}

/** A namespace of which nothing but the name is known. */
export function bareNamespace(host: string, name: string): Namespace {
  return {
    host,
    name,
    devices: new Map(),
    bridgesKnown: 'absent',
    addressesKnown: { 4: 'absent', 6: 'absent' },
    routes: [],
    nexthops: new Map(),
    routesKnown: 'absent',
    routesKnown6: 'absent',
    tablesShown: new Set(),
    rules: [],
    rulesKnown: 'absent',
    rulesKnown6: 'absent',
    neighbours: [],
    neighboursKnown: 'absent',
    remotes: [],
    wireguard: new Map(),
    remotesShown: new Set(),
    netfilter: new Map(),
    netfilter6: new Map(),
    legacyTables: new Map(),
    nft: new Map(),
    nftKnown: 'absent',
    ipsets: new Map(),
    connections: [],
    connectionsKnown: 'absent',
    expectations: [],
    ipvs: { services: [], known: 'absent', connections: [], connectionsKnown: 'absent' },
    listeners: [],
    queues: new Set(),
    queuesKnown: 'absent',
    listenersKnown: { tcp: 'absent', udp: 'absent' },
    connectedSockets: [],
    connectedKnown: { tcp: 'absent', udp: 'absent' },
    ebtables: new Map(),
    evidence: { dumps: [], pings: [], routes: [] },
    sysctls: new Map(),
    sources: [],
  };
}

/** Whether a host has this name, or is known by it too; as in the DNS, case does not count (RFC 4343). */
export function isCalled({ name, aliases }: Pick<Host, 'name' | 'aliases'>, asked: string): boolean {
  const same = (other: string) => other.toLowerCase() === asked.toLowerCase();
  return same(name) || aliases.some(same);
}
