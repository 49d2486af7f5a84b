import type { Switch } from '../ofproto/switch';
import type { LinuxBridge } from './linux-bridge';
import type { Namespace } from './namespace';
import type { Instance, NeutronNetwork, NeutronPort, NeutronRouter, NeutronSubnet } from './openstack';
import type { OvsBridge } from './ovs-bridge';
import type { Source } from './source';

/** The single-owner rule of the model: plain arrays and maps, filled by the linker and never changed after. */
export interface Network {
  readonly hosts: ReadonlyMap<string, Host>;
  /** A host's ovs-vswitchd with all that decides where packets go, put together when first asked for; undefined where it has no bridges. */
  readonly switchOf: (host: string) => Switch | undefined;
  readonly instances: readonly Instance[];
  readonly neutronPorts: readonly NeutronPort[];
  readonly networks: readonly NeutronNetwork[];
  readonly subnets: readonly NeutronSubnet[];
  readonly routers: readonly NeutronRouter[];
  /** By `captureKey`: which host and bridge each capture is about, and why. */
  readonly captureHosts: ReadonlyMap<string, CaptureHost>;
  /** Who has an address, as Docker and Kubernetes say. */
  readonly owners: readonly AddressOwner[];
}

export interface Host {
  readonly name: string;
  readonly aliases: readonly string[];
  /** Why the aliases, and captures without a name, are this host's. */
  readonly reasons: readonly string[];
  readonly bridges: ReadonlyMap<string, OvsBridge>;
  /** By name, those of other namespaces than the root as `NAMESPACE/NAME`. */
  readonly linuxBridges: ReadonlyMap<string, LinuxBridge>;
  /** `''` is the host's own (root) namespace. */
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly sources: readonly Source[];
}

/** A container, pod, service or node and one of its addresses. */
export interface AddressOwner {
  readonly what: string;
  readonly name: string;
  readonly ip: string;
  readonly mac: string | undefined;
  /** The machine that runs it. */
  readonly node: string | undefined;
  /** The Docker network, or the Kubernetes namespace. */
  readonly of: string | undefined;
  readonly source: Source;
}

/** Which host a capture belongs to. Index is the capture's place in its document. */
export interface CaptureHost {
  readonly uri: string;
  readonly index: number;
  readonly host: string | undefined;
  readonly bridge: string | undefined;
  /** Why, where the prompt or the folder does not say it. */
  readonly reason: string | undefined;
}

/** The key of a capture in `captureHosts`. */
export function captureKey(uri: string, index: number): string {
  return `${uri}#${index}`;
}
