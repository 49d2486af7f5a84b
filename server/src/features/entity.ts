import type { Capture, Ref } from '../captures/capture';
import type { NfFamily } from '../captures/netfilter-facts';
import type { CaptureDocument } from '../captures/document';
import { captureKey, type Host, type Network } from '../model/network';
import { type Instance, type NeutronNetwork, type NeutronPort, type NeutronRouter, type NeutronSubnet } from '../model/openstack';
import { type OvsBridge, type OvsPort } from '../model/ovs-bridge';
import { bridgePort, neutronPortOf } from '../model/queries';
import { LOCAL_PORT } from '../packet/fields';
import type { World } from './world';
import { portIdPrefix } from '../model/known-names';

/** Where a capture was taken: what gives its names and numbers their meaning. */
export interface Locus {
  readonly uri: string;
  readonly index: number;
  readonly capture: Capture;
  readonly hostName: string;
  readonly host: Host | undefined;
  readonly bridgeName: string | undefined;
  readonly bridge: OvsBridge | undefined;
  /** `''` is the host's own. */
  readonly namespace: string;
}

/** A thing that captures speak of. Two references with the same `key` mean the same thing. */
export type Entity = { readonly key: string } & (
  | { readonly kind: 'host'; readonly name: string }
  | { readonly kind: 'bridge'; readonly host: string; readonly name: string }
  | { readonly kind: 'device'; readonly host: string; readonly namespace: string; readonly name: string }
  | { readonly kind: 'ofport'; readonly host: string; readonly bridge: string | undefined; readonly number: number }
  | { readonly kind: 'vlan'; readonly host: string; readonly vlan: number }
  | { readonly kind: 'tun-id'; readonly vni: number }
  | { readonly kind: 'mac'; readonly value: string }
  | { readonly kind: 'ip'; readonly value: string }
  | { readonly kind: 'table'; readonly host: string; readonly bridge: string | undefined; readonly table: string }
  | {
      readonly kind: 'chain';
      readonly family: NfFamily;
      readonly host: string;
      readonly namespace: string;
      readonly table: string;
      readonly name: string;
    }
  | { readonly kind: 'nat-table'; readonly host: string; readonly namespace: string; readonly name: string }
  | { readonly kind: 'namespace'; readonly host: string; readonly name: string }
  | { readonly kind: 'instance'; readonly value: string; readonly instance: Instance | undefined }
  | { readonly kind: 'network'; readonly value: string; readonly network: NeutronNetwork | undefined }
  | { readonly kind: 'router'; readonly value: string; readonly router: NeutronRouter | undefined }
  | { readonly kind: 'subnet'; readonly value: string; readonly subnet: NeutronSubnet | undefined }
  | { readonly kind: 'neutron-port'; readonly value: string; readonly port: NeutronPort | undefined }
);

export type EntityOf<K extends Entity['kind']> = Extract<Entity, { readonly kind: K }>;

/** Names as the network knows them, for constant-time look-ups: resolving is done once per reference of every document. */
interface Names {
  readonly hosts: ReadonlyMap<string, string>;
  readonly instances: ReadonlyMap<string, Instance>;
  readonly networks: ReadonlyMap<string, NeutronNetwork>;
  readonly routers: ReadonlyMap<string, NeutronRouter>;
  readonly subnets: ReadonlyMap<string, NeutronSubnet>;
  readonly ports: ReadonlyMap<string, NeutronPort>;
  readonly ovsPorts: ReadonlyMap<string, OvsPort>;
  readonly numbers: ReadonlyMap<string, OvsPort>;
}

const namesOf = new WeakMap<Network, Names>();

function names(network: Network): Names {
  const known = namesOf.get(network);
  if (known) return known;
  const hosts = new Map<string, string>();
  const ovsPorts = new Map<string, OvsPort>();
  const numbers = new Map<string, OvsPort>();
  for (const host of network.hosts.values()) {
    for (const name of [...host.aliases, host.name]) hosts.set(name, host.name);
    for (const bridge of host.bridges.values()) {
      for (const port of bridge.ports) {
        ovsPorts.set(`${host.name} ${port.name}`, port);
        if (port.ofport !== undefined) numbers.set(`${host.name} ${bridge.name} ${port.ofport}`, port);
      }
    }
  }
  const made: Names = {
    hosts,
    ovsPorts,
    numbers,
    instances: byNames(network.instances, (i) => [i.libvirtName, i.name, i.id]),
    networks: byNames(network.networks, (n) => [n.name, n.id]),
    routers: byNames(network.routers, (r) => [r.name, r.id]),
    subnets: byNames(network.subnets, (s) => [s.name, s.id]),
    ports: byNames(network.neutronPorts, (p) => [p.name, p.id]),
  };
  namesOf.set(network, made);
  return made;
}

/** Of two things with one name the first is kept; ids are unique. */
function byNames<T>(things: readonly T[], spell: (thing: T) => readonly (string | undefined)[]): Map<string, T> {
  const map = new Map<string, T>();
  for (const thing of things) {
    for (const name of spell(thing)) if (name !== undefined && name !== '' && !map.has(name)) map.set(name, thing);
  }
  return map;
}

/** The host, bridge and namespace of a document's capture. */
export function locusOf(world: World, document: CaptureDocument, index: number): Locus | undefined {
  const capture = document.captures[index];
  if (!capture) return undefined;
  const known = world.network.captureHosts.get(captureKey(document.uri, index));
  const said = known?.host ?? capture.host;
  const hostName = said === undefined ? '' : (names(world.network).hosts.get(said) ?? said);
  const host = world.network.hosts.get(hostName);
  const bridgeName = known?.bridge ?? (/^ovs-(?:ofctl|appctl)-/.test(capture.kind) ? capture.target : undefined);
  return {
    uri: document.uri,
    index,
    capture,
    hostName,
    host,
    bridgeName,
    bridge: bridgeName === undefined ? undefined : host?.bridges.get(bridgeName),
    namespace: capture.namespace ?? '',
  };
}

/** The thing that a reference names, as its capture's place gives it meaning. */
export function entityOf(world: World, locus: Locus, ref: Ref): Entity {
  const known = names(world.network);
  const { hostName: host, namespace } = locus;
  switch (ref.kind) {
    case 'host':
      return hostEntity(known.hosts.get(ref.value) ?? ref.value);
    case 'bridge':
      return deviceEntity(world, host, namespace, ref.value);
    case 'device':
      return deviceEntity(world, host, namespace, ref.value);
    case 'ofport':
      return ofportEntity(world, host, ref.scope ?? locus.bridgeName, ref.value);
    case 'vlan':
      return vlanEntity(host, Number(ref.value));
    case 'tun-id':
      return tunIdEntity(Number(ref.value));
    case 'mac':
      return { kind: 'mac', key: `mac ${ref.value}`, value: ref.value };
    case 'ip':
      return { kind: 'ip', key: `ip ${ref.value}`, value: ref.value };
    case 'table':
      return tableEntity(host, ref.scope ?? locus.bridgeName, ref.value);
    case 'chain':
      return chainEntity(host, namespace, ref.scope ?? 'filter', ref.value, familyOf(locus.capture, ref.scope, ref.value));
    case 'nat-table':
      return { kind: 'nat-table', key: `nf-table ${host} ${namespace} ${ref.value}`, host, namespace, name: ref.value };
    case 'namespace':
      return { kind: 'namespace', key: `namespace ${ref.value}`, host, name: ref.value };
    case 'instance': {
      const instance = known.instances.get(ref.value);
      return { kind: 'instance', key: `instance ${instance?.name ?? ref.value}`, value: ref.value, instance };
    }
    case 'network': {
      const network = known.networks.get(ref.value);
      return { kind: 'network', key: `network ${network?.id ?? network?.name ?? ref.value}`, value: ref.value, network };
    }
    case 'router': {
      const router = known.routers.get(ref.value);
      return { kind: 'router', key: `router ${router?.id ?? ref.value}`, value: ref.value, router };
    }
    case 'subnet': {
      const subnet = known.subnets.get(ref.value);
      return { kind: 'subnet', key: `subnet ${subnet?.id ?? ref.value}`, value: ref.value, subnet };
    }
    case 'neutron-port':
      return portEntity(world.network, ref.value);
  }
}

export function hostEntity(name: string): EntityOf<'host'> {
  return { kind: 'host', key: `host ${name}`, name };
}

export function vlanEntity(host: string, vlan: number): EntityOf<'vlan'> {
  return { kind: 'vlan', key: `vlan ${host} ${vlan}`, host, vlan };
}

export function tunIdEntity(vni: number): EntityOf<'tun-id'> {
  return { kind: 'tun-id', key: `tun-id ${vni}`, vni };
}

export function tableEntity(host: string, bridge: string | undefined, table: string): EntityOf<'table'> {
  return { kind: 'table', key: `table ${host} ${bridge ?? ''} ${table}`, host, bridge, table };
}

export function chainEntity(
  host: string,
  namespace: string,
  table: string,
  name: string,
  family: NfFamily = 'ip',
): EntityOf<'chain'> {
  return { kind: 'chain', key: `chain ${host} ${namespace} ${family} ${table} ${name}`, family, host, namespace, table, name };
}

const chainFamilies = new WeakMap<Capture, ReadonlyMap<string, NfFamily>>();

/** The family of a chain's table: `nft list ruleset` shows tables of several. */
function familyOf(capture: Capture, table: string | undefined, chain: string): NfFamily {
  if (!capture.kind.startsWith('nft-')) return capture.kind.startsWith('ip6') ? 'ip6' : 'ip';
  let families = chainFamilies.get(capture);
  if (!families) {
    families = new Map(
      capture.facts.flatMap((fact) =>
        fact.kind === 'nf-chain' ? [[`${fact.table} ${fact.name.value}`, fact.family] as const] : [],
      ),
    );
    chainFamilies.set(capture, families);
  }
  return families.get(`${table ?? 'filter'} ${chain}`) ?? 'ip';
}

function portEntity(network: Network, value: string): EntityOf<'neutron-port'> {
  const port = names(network).ports.get(value);
  return { kind: 'neutron-port', key: `neutron-port ${port?.id ?? value}`, value, port };
}

/** A device by name. A bridge's own device is the bridge; names that only one machine can have need no namespace. */
export function deviceEntity(world: World, host: string, namespace: string, name: string): Entity {
  const known = world.network.hosts.get(host);
  if (known?.bridges.has(name) && (namespace === '' || !known.namespaces.get(namespace)?.devices.has(name))) {
    return { kind: 'bridge', key: `device ${host}  ${name}`, host, name };
  }
  // A port of a switch that was moved into a namespace (qr-…, tap… of DHCP) is one device, seen from both sides.
  const moved = portIdPrefix(name) !== undefined || names(world.network).ovsPorts.has(`${host} ${name}`);
  const inside = moved ? '' : namespace;
  return { kind: 'device', key: `device ${host} ${inside} ${name}`, host, namespace: inside, name };
}

/** A port number of a bridge: the device that has it where the captures tell, the number itself where not. */
function ofportEntity(world: World, host: string, bridge: string | undefined, value: string): Entity {
  if (!/^\d+$/.test(value)) return deviceEntity(world, host, '', value);
  const number = Number(value);
  if (bridge !== undefined) {
    const port = names(world.network).numbers.get(`${host} ${bridge} ${number}`);
    if (port) return deviceEntity(world, host, '', port.name);
    if (number === LOCAL_PORT) return deviceEntity(world, host, '', bridge);
  }
  return { kind: 'ofport', key: `ofport ${host} ${bridge ?? ''} ${number}`, host, bridge, number };
}

/** The OVS port of a device or of a port number, with its bridge. */
export function ovsPortOf(
  network: Network,
  entity: Entity,
): { readonly host: Host; readonly bridge: OvsBridge; readonly port: OvsPort } | undefined {
  if (entity.kind !== 'device' && entity.kind !== 'bridge') return undefined;
  const host = network.hosts.get(entity.host);
  const port = names(network).ovsPorts.get(`${entity.host} ${entity.name}`);
  const bridge = port && host?.bridges.get(port.bridge);
  return host && bridge && port ? { host, bridge, port: bridgePort(bridge, port.name) ?? port } : undefined;
}

/**
 * Keys of what is another side of the same thing: a Neutron port and the devices that are named after its id, a router and its
 * namespace, a network and the namespace of its DHCP server.
 */
export function relatedKeys(world: World, entity: Entity, all: Iterable<string>): string[] {
  switch (entity.kind) {
    case 'device': {
      const port = neutronPortOf(world.network, entity.name);
      return port ? [`neutron-port ${port.id}`] : [];
    }
    case 'neutron-port': {
      const prefix = (entity.port?.id ?? entity.value).slice(0, 11);
      return [...all].filter((key) => key.startsWith('device ') && portIdPrefix(key.slice(key.lastIndexOf(' ') + 1)) === prefix);
    }
    case 'namespace': {
      const id = /^(q(?:router|dhcp)|snat|fip)-(.+)$/.exec(entity.name);
      if (id?.[2] === undefined) return [];
      return [`${id[1] === 'qdhcp' || id[1] === 'fip' ? 'network' : 'router'} ${id[2]}`];
    }
    case 'router':
      return [`namespace qrouter-${entity.router?.id ?? entity.value}`, `namespace snat-${entity.router?.id ?? entity.value}`];
    case 'network':
      return [`namespace qdhcp-${entity.network?.id ?? entity.value}`];
    default:
      return [];
  }
}

/** The router, network, instance … of an id or name. */
export function routerOf(network: Network, value: string): NeutronRouter | undefined {
  return names(network).routers.get(value);
}

/** The network of an id or name. */
export function neutronNetworkOf(network: Network, value: string): NeutronNetwork | undefined {
  return names(network).networks.get(value);
}
