import type { Source } from './source';

export interface Instance {
  readonly name: string;
  readonly id: string | undefined;
  readonly libvirtName: string | undefined;
  readonly hypervisor: string | undefined;
  readonly ips: readonly { readonly ip: string; readonly source: Source }[];
  /** What libvirt says of its cards: the address, and the device on the hypervisor that leads to it. */
  readonly interfaces: readonly InstanceInterface[];
  readonly ports: readonly NeutronPort[];
  /** The instance's own captures, where someone took them inside it. */
  readonly guest: string | undefined;
  readonly sources: readonly Source[];
}

export interface InstanceInterface {
  readonly mac: string | undefined;
  /** `vnet0`, `tapf7eae624-34`. */
  readonly target: string | undefined;
  readonly host: string | undefined;
  readonly source: Source;
}

export interface NeutronPort {
  readonly id: string;
  readonly name: string | undefined;
  readonly mac: string | undefined;
  readonly ips: readonly { readonly ip: string; readonly subnet: string | undefined; readonly source: Source }[];
  readonly network: string | undefined;
  readonly deviceOwner: string | undefined;
  /** The router that owns it, by id. */
  readonly router: string | undefined;
  readonly instance: string | undefined;
  /** Where each thing is said. */
  readonly says: Readonly<Record<string, Source>>;
  readonly sources: readonly Source[];
}

export interface NeutronNetwork {
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly type: string | undefined;
  readonly physicalNetwork: string | undefined;
  readonly segmentationId: number | undefined;
  /** What its DHCP service tells the instances. */
  readonly mtu?: number;
  readonly external: boolean | undefined;
  readonly subnets: readonly string[];
  readonly says: Readonly<Record<string, Source>>;
  readonly sources: readonly Source[];
}

export interface NeutronSubnet {
  readonly id: string;
  readonly name: string | undefined;
  readonly cidr: string | undefined;
  readonly gateway: string | undefined;
  readonly network: string | undefined;
  readonly sources: readonly Source[];
}

export interface NeutronRouter {
  readonly id: string;
  readonly name: string | undefined;
  readonly sources: readonly Source[];
}
