import type { Val } from '../base/span';
import type { Instance, InstanceInterface, NeutronNetwork, NeutronPort, NeutronRouter, NeutronSubnet } from '../model/openstack';
import type { Source } from '../model/source';
import { sourceAt, type LinkedCapture } from './facts';

/** What the OpenStack client and libvirt said, one entity each, whichever table named it. */
export interface OpenStack {
  readonly instances: readonly Instance[];
  readonly ports: readonly NeutronPort[];
  readonly networks: readonly NeutronNetwork[];
  readonly subnets: readonly NeutronSubnet[];
  readonly routers: readonly NeutronRouter[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
interface PortDraft extends Omit<Writable<NeutronPort>, 'ips' | 'says' | 'sources'> {
  ips: { ip: string; subnet: string | undefined; source: Source }[];
  says: Record<string, Source>;
  sources: Source[];
}
interface InstanceDraft extends Omit<Writable<Instance>, 'ips' | 'sources' | 'ports' | 'interfaces'> {
  interfaces: InstanceInterface[];
  ips: { ip: string; source: Source }[];
  sources: Source[];
}

export function* linkOpenStack(captures: readonly LinkedCapture[]): Generator<void, OpenStack> {
  const ports = linkPorts(captures);
  yield;
  const routers = new Map<string, Writable<NeutronRouter> & { sources: Source[] }>();
  const subnets = new Map<string, Writable<NeutronSubnet> & { sources: Source[] }>();
  const networks: (Omit<Writable<NeutronNetwork>, 'says' | 'sources' | 'subnets'> & {
    says: Record<string, Source>;
    sources: Source[];
    subnets: string[];
  })[] = [];
  const instances: InstanceDraft[] = [];
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      switch (fact.kind) {
        case 'neutron-router': {
          const router = routers.get(fact.id.value) ?? { id: fact.id.value, name: undefined, sources: [] };
          router.name ??= fact.name?.value;
          router.sources.push(sourceAt(linked, fact.id.span));
          routers.set(fact.id.value, router);
          break;
        }
        case 'neutron-subnet': {
          const subnet = subnets.get(fact.id.value) ?? {
            id: fact.id.value,
            name: undefined,
            cidr: undefined,
            gateway: undefined,
            network: undefined,
            sources: [],
          };
          subnet.name ??= fact.name?.value;
          subnet.cidr ??= fact.cidr?.value;
          subnet.gateway ??= fact.gateway?.value;
          subnet.network ??= fact.network?.value;
          subnet.sources.push(sourceAt(linked, fact.id.span));
          subnets.set(fact.id.value, subnet);
          break;
        }
        case 'neutron-network': {
          let network = networks.find(
            (n) => (fact.id && n.id === fact.id.value) || (!fact.id && fact.name && n.name === fact.name.value),
          );
          if (!network) {
            network = {
              id: undefined,
              name: undefined,
              type: undefined,
              physicalNetwork: undefined,
              segmentationId: undefined,
              external: undefined,
              subnets: [],
              says: {},
              sources: [],
            };
            networks.push(network);
          }
          network.id ??= fact.id?.value;
          network.name ??= fact.name?.value;
          network.type ??= fact.type?.value;
          network.physicalNetwork ??= fact.physicalNetwork?.value;
          network.segmentationId ??= fact.segmentationId?.value;
          network.external ??= fact.external?.value;
          if (fact.mtu) network.mtu ??= fact.mtu.value;
          for (const subnet of fact.subnets) if (!network.subnets.includes(subnet.value)) network.subnets.push(subnet.value);
          sayAll(network.says, linked, { id: fact.id, name: fact.name, segmentationId: fact.segmentationId, mtu: fact.mtu });
          const place = fact.name ?? fact.id ?? fact.segmentationId;
          if (place) network.sources.push(sourceAt(linked, place.span));
          break;
        }
        case 'instance': {
          addInstance(instances, linked, fact);
          break;
        }
        default:
          break;
      }
    }
  }
  yield;
  joinDomains(instances, ports, captures);
  joinDomainAddresses(instances, captures);
  joinByAddress(instances, ports);
  const finished = [...ports.values()];
  return {
    instances: instances.map((instance) => ({
      ...instance,
      ports: finished.filter(
        (port) => port.instance !== undefined && (port.instance === instance.name || port.instance === instance.id),
      ),
    })),
    ports: finished,
    networks,
    subnets: [...subnets.values()],
    routers: [...routers.values()],
  };
}

function sayAll(says: Record<string, Source>, linked: LinkedCapture, values: Record<string, Val<unknown> | undefined>): void {
  for (const [key, value] of Object.entries(values)) if (value) says[key] ??= sourceAt(linked, value.span);
}

function linkPorts(captures: readonly LinkedCapture[]): Map<string, PortDraft> {
  const ports = new Map<string, PortDraft>();
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'neutron-port') continue;
      const port = ports.get(fact.id.value) ?? {
        id: fact.id.value,
        name: undefined,
        mac: undefined,
        ips: [],
        network: undefined,
        deviceOwner: undefined,
        router: undefined,
        instance: undefined,
        says: {},
        sources: [],
      };
      ports.set(fact.id.value, port);
      port.name ??= fact.name?.value === '' ? undefined : fact.name?.value;
      port.mac ??= fact.mac?.value;
      port.network ??= fact.network?.value;
      port.deviceOwner ??= fact.deviceOwner?.value;
      port.router ??= fact.ofRouter ?? (/router/.test(fact.deviceOwner?.value ?? '') ? fact.deviceId?.value : undefined);
      port.instance ??= fact.ofInstance ?? (/^compute:/.test(fact.deviceOwner?.value ?? '') ? fact.deviceId?.value : undefined);
      for (const fixed of fact.fixedIps) {
        const known = port.ips.find((ip) => ip.ip === fixed.ip.value);
        if (!known) port.ips.push({ ip: fixed.ip.value, subnet: fixed.subnet?.value, source: sourceAt(linked, fixed.ip.span) });
        else if (known.subnet === undefined && fixed.subnet) known.subnet = fixed.subnet.value;
      }
      sayAll(port.says, linked, { id: fact.id, mac: fact.mac, network: fact.network, router: undefined });
      if (fact.ofRouter !== undefined) port.says['router'] ??= sourceAt(linked, fact.id.span);
      if (fact.ofInstance !== undefined) port.says['instance'] ??= sourceAt(linked, fact.id.span);
      port.sources.push(sourceAt(linked, fact.id.span));
    }
  }
  return ports;
}

function addInstance(
  instances: InstanceDraft[],
  linked: LinkedCapture,
  fact: LinkedCapture['capture']['facts'][number] & { kind: 'instance' },
): void {
  const name = fact.name?.value ?? fact.id?.value;
  if (name === undefined) return;
  let instance = instances.find((known) => known.name === name || (fact.id && known.id === fact.id.value));
  if (!instance) {
    instance = {
      name,
      id: undefined,
      libvirtName: undefined,
      hypervisor: undefined,
      ips: [],
      interfaces: [],
      guest: undefined,
      sources: [],
    };
    instances.push(instance);
  }
  instance.id ??= fact.id?.value;
  instance.libvirtName ??= fact.libvirtName?.value;
  instance.hypervisor ??= fact.hypervisor?.value;
  const place = fact.name ?? fact.id;
  if (place) instance.sources.push(sourceAt(linked, place.span));
  for (const { ips } of fact.addresses) {
    for (const ip of ips)
      if (!instance.ips.some((known) => known.ip === ip.value))
        instance.ips.push({ ip: ip.value, source: sourceAt(linked, ip.span) });
  }
}

/** `virsh domifaddr` says which addresses a domain has; its own list of them, where there is one, says more. */
function joinDomainAddresses(instances: readonly InstanceDraft[], captures: readonly LinkedCapture[]): void {
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'address-owner' || fact.what !== 'domain') continue;
      const { name, ip, mac } = fact;
      const instance = instances.find(
        (known) =>
          (known.libvirtName === name.value && (known.hypervisor ?? linked.host) === linked.host) ||
          (mac !== undefined && known.interfaces.some((card) => card.mac === mac.value)),
      );
      // The guest's agent also tells of bridges that the guest has inside.
      const isInside = mac !== undefined && instance?.interfaces.some((card) => card.mac === mac.value) === false;
      if (instance && !isInside && !instance.ips.some((known) => known.ip === ip.value))
        instance.ips.push({ ip: ip.value, source: sourceAt(linked, ip.span) });
    }
  }
}

/** `virsh dumpxml` and `domiflist` say which MAC, so which port, an instance's domain has; without OpenStack the domain is the instance. */
function joinDomains(instances: InstanceDraft[], ports: Map<string, PortDraft>, captures: readonly LinkedCapture[]): void {
  for (const linked of captures) {
    let name: string | undefined;
    let instanceName: string | undefined;
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'domain') {
        name = fact.name?.value;
        instanceName = fact.instanceName?.value ?? instanceName;
      }
    }
    for (const fact of linked.capture.facts) {
      if (fact.kind !== 'domain-interface') continue;
      const domain = fact.domain ?? name ?? linked.capture.target;
      let instance = instances.find(
        (known) => known.name === instanceName || (domain !== undefined && (known.libvirtName === domain || known.id === domain)),
      );
      const port = [...ports.values()].find((known) => fact.mac !== undefined && known.mac === fact.mac.value);
      const place = fact.mac ?? fact.target;
      if (!place) continue;
      const source = sourceAt(linked, place.span);
      instance ??=
        port &&
        instances.find((known) => port.instance !== undefined && (known.name === port.instance || known.id === port.instance));
      if (!instance && domain !== undefined && linked.host !== undefined) {
        instance = {
          name: domain,
          id: undefined,
          libvirtName: domain,
          hypervisor: linked.host,
          ips: [],
          interfaces: [],
          guest: undefined,
          sources: [source],
        };
        instances.push(instance);
      }
      if (
        instance &&
        !instance.interfaces.some((known) => known.mac === fact.mac?.value && known.target === fact.target?.value)
      ) {
        instance.interfaces.push({ mac: fact.mac?.value, target: fact.target?.value, host: linked.host, source });
      }
      if (instance && port) {
        port.instance ??= instance.name;
        if (fact.mac) port.says['instance'] ??= sourceAt(linked, fact.mac.span);
      }
    }
  }
}

/** An instance's address is its port's, where one port only has it. */
function joinByAddress(instances: readonly InstanceDraft[], ports: Map<string, PortDraft>): void {
  for (const instance of instances) {
    for (const { ip, source } of instance.ips) {
      const owners = [...ports.values()].filter((port) => port.ips.some((fixed) => fixed.ip === ip));
      const [only] = owners;
      if (only && owners.length === 1 && only.instance === undefined) {
        only.instance = instance.name;
        only.says['instance'] ??= source;
      }
    }
  }
}
