import { ones } from '../base/bits';
import { drained } from '../base/steps';
import type { CaptureDocument } from '../captures/document';
import { isUnread } from '../captures/registry';
import type { CaptureHost, Host, Network } from '../model/network';
import type { Instance } from '../model/openstack';
import type { Source } from '../model/source';
import type { Switch } from '../ofproto/switch';
import { parseMac } from '../packet/address';
import { linkBridges } from './bridges';
import { linkOwners } from './evidence';
import { groupBy, linkedCaptures, sourceAt, type LinkedCapture } from './facts';
import { assignHosts } from './hosts';
import { linkLinuxBridges } from './linux-bridges';
import { linkNamespaces } from './namespaces';
import { linkOpenStack } from './openstack';
import { assembleSwitch } from './switch/assemble';

/**
 * Joins the facts of all documents into one network. Cheap beside parsing; done anew when any document changes. What was found out of flows in `before`, the
 * network of before the change, is kept where they are the same but for their counters.
 */
export function linkNetwork(documents: readonly CaptureDocument[], before?: Network): Network {
  return drained(linkInSteps(documents, before));
}

/** `linkNetwork` in steps of some milliseconds. */
export function* linkInSteps(documents: readonly CaptureDocument[], before?: Network): Generator<void, Network> {
  const assignment = assignHosts(documents);
  yield;
  const captures = plainFirst(linkedCaptures(documents, assignment));
  yield;
  const openstack = yield* linkOpenStack(captures);
  yield;
  const byHost = groupBy(
    captures.filter(
      (linked) =>
        linked.host !== undefined &&
        (linked.capture.flows.count > 0 ||
          linked.capture.facts.some(
            (fact) => !/^(?:neutron-|instance|floating-ip|address-owner|ping|packet|traceroute)/.test(fact.kind),
          )),
    ),
    (linked) => linked.host ?? '',
  );
  for (const linked of captures) {
    // What someone saw happen belongs to a host that is known otherwise; alone it makes none.
    if (
      linked.host !== undefined &&
      byHost.has(linked.host) &&
      linked.capture.facts.some(({ kind }) => /^(?:ping|packet|traceroute)/.test(kind))
    ) {
      byHost.get(linked.host)?.push(linked);
      continue;
    }
    // A bare command that said nothing (an empty table) is a fact as well: its table was captured, and is empty.
    if (
      linked.host === undefined ||
      linked.capture.facts.length > 0 ||
      linked.capture.flows.count > 0 ||
      isUnread(linked.capture.kind) ||
      /^(?:nova|neutron|openstack|ping|tcpdump|traceroute|kubectl|docker|crictl|virsh)/.test(linked.capture.kind)
    )
      continue;
    byHost.set(linked.host, [...(byHost.get(linked.host) ?? []), linked]);
  }
  const bridgeOf = new Map<string, string>();
  const hosts = new Map<string, Host>();
  for (const [name, own] of byHost) {
    const bridges = yield* linkBridges(name, own, bridgeOf, before?.hosts.get(name)?.bridges);
    // brctl(8) showed a switch's bridges as well while Open vSwitch stood in for the kernel's (up to 1.9).
    const linuxBridges = [...(yield* linkLinuxBridges(name, own))].filter(
      ([, of]) => of.namespace !== '' || !bridges.has(of.name),
    );
    hosts.set(name, {
      name,
      aliases: assignment.aliases.get(name) ?? [],
      reasons: assignment.reasons.get(name) ?? [],
      bridges,
      linuxBridges: new Map(linuxBridges),
      namespaces: yield* linkNamespaces(name, own),
      sources: own.flatMap((linked): Source[] =>
        linked.capture.commandSpan ? [sourceAt(linked, linked.capture.commandSpan)] : [],
      ),
    });
  }
  yield;
  const captureHosts = new Map<string, CaptureHost>();
  for (const [key, captureHost] of assignment.captures) captureHosts.set(key, { ...captureHost, bridge: bridgeOf.get(key) });
  yield;
  const owners = linkOwners(captures);
  yield;
  const network: Network = {
    hosts,
    switchOf: (host) => switchOf(host),
    instances: [
      ...openstack.instances.map((instance) => withAddresses(withGuest(instance, hosts), hosts)),
      ...guestInstances(openstack.instances, hosts),
    ],
    neutronPorts: openstack.ports,
    networks: openstack.networks,
    subnets: openstack.subnets,
    routers: openstack.routers,
    captureHosts,
    owners,
  };
  const switchOf = lazySwitches(network, documents);
  return network;
}

/** Puts a host's switch together the first time that somebody asks for it. */
function lazySwitches(network: Network, documents: readonly CaptureDocument[]): (host: string) => Switch | undefined {
  const known = new Map<string, Switch | undefined>();
  const byUri = new Map(documents.map((document) => [document.uri, document]));
  return (host) => {
    if (!known.has(host)) known.set(host, assembleSwitch(network, byUri, host)?.sw);
    return known.get(host);
  };
}

/** Of captures that say the same, the plain command is the evidence that people expect; JSON and terse forms come after it. */
function plainFirst(captures: readonly LinkedCapture[]): LinkedCapture[] {
  const terse = (linked: LinkedCapture) =>
    Number(/\s-(?:j|br|brief|o|-names|-rsort|O)\b|dump-ports-desc|--format/.test(linked.capture.command ?? ''));
  return [...captures].sort((a, b) => terse(a) - terse(b));
}

/** Where no table names an instance's addresses, neighbour tables know them by the card's MAC address. */
function withAddresses(instance: Instance, hosts: ReadonlyMap<string, Host>): Instance {
  if (instance.ips.length > 0 || instance.ports.length > 0) return instance;
  const macs = new Set(instance.interfaces.map(({ mac }) => mac));
  const ips = new Map<string, Source>();
  for (const host of hosts.values()) {
    for (const namespace of host.namespaces.values()) {
      for (const { ip, mac, source } of namespace.neighbours)
        if (mac !== undefined && macs.has(mac) && !ip.startsWith('fe80')) ips.set(ip, source);
    }
  }
  return { ...instance, ips: [...ips].map(([ip, source]) => ({ ip, source })) };
}

function withGuest(instance: Instance, hosts: ReadonlyMap<string, Host>): Instance {
  return hosts.has(instance.name) ? { ...instance, guest: instance.name } : instance;
}

/**
 * Captures taken inside a machine that is itself attached to a captured switch: no OpenStack table names it, but its MAC address
 * is the one that a tap or a port of a captured bridge serves.
 */
function guestInstances(known: readonly Instance[], hosts: ReadonlyMap<string, Host>): Instance[] {
  const served = new Set<string>();
  const inFlows = (mac: string) => {
    const value = parseMac(mac);
    if (value === undefined) return false;
    return [...hosts.values()].some((host) =>
      [...host.bridges.values()].some((bridge) => bridge.flows.matching('dl_src', value, ones(48)).length > 0),
    );
  };
  for (const host of hosts.values()) {
    for (const bridge of host.bridges.values()) {
      for (const port of bridge.ports) if (port.attachedMac !== undefined) served.add(port.attachedMac);
      for (const row of bridge.fdb) served.add(row.mac);
    }
    for (const bridge of host.linuxBridges.values()) for (const entry of bridge.fdb) if (!entry.permanent) served.add(entry.mac);
  }
  const guests: Instance[] = [];
  for (const host of hosts.values()) {
    if (host.bridges.size > 0 || host.linuxBridges.size > 0 || known.some((instance) => instance.name === host.name)) continue;
    const root = host.namespaces.get('');
    const devices = [...(root?.devices.values() ?? [])].filter(
      (device) => device.mac !== undefined && (served.has(device.mac) || inFlows(device.mac)),
    );
    if (devices.length === 0) continue;
    guests.push({
      name: host.name,
      id: undefined,
      libvirtName: undefined,
      hypervisor: undefined,
      ips: devices.flatMap((device) =>
        device.addresses.filter((a) => !a.ip.startsWith('fe80')).map(({ ip, source }) => ({ ip, source })),
      ),
      interfaces: [],
      ports: [],
      guest: host.name,
      sources: host.sources,
    });
  }
  return guests;
}
