import type { FlowEntry } from '../model/flows';
import type { Namespace } from '../model/namespace';
import type { NfChain, NfRule } from '../model/netfilter';
import type { Host, Network } from '../model/network';
import type { NeutronNetwork, NeutronPort } from '../model/openstack';
import type { FdbRow, OvsBridge, OvsPort } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import { instanceOf, networkOf, neutronPortOf, neutronPortWithMac, ovsPortNamed } from '../model/queries';
import type { Action, Flow } from '../packet/openflow';
import { mappingOf } from '../walk/openflow/layout';
import { macOwnerText } from '../walk/owner';
import { neutronNetworkOf, routerOf } from './entity';
import { hasRole } from '../model/known-names';

/** One flow that ties a VLAN of a host to a VNI. */
export interface Mapping {
  readonly host: Host;
  readonly bridge: OvsBridge;
  readonly entry: FlowEntry;
  readonly vlan: number;
  readonly vni: number;
}

/** A flow that sets or matches a VNI. */
export interface VniUse {
  readonly host: Host;
  readonly bridge: OvsBridge;
  readonly entry: FlowEntry;
  readonly vni: number;
  readonly does: 'matches' | 'sets';
}

const mappings = new WeakMap<Network, readonly Mapping[]>();

/** Every flow that ties a VLAN to a VNI. */
function mappingsOf(network: Network): readonly Mapping[] {
  const known = mappings.get(network);
  if (known) return known;
  const made: Mapping[] = [];
  for (const host of network.hosts.values()) {
    for (const bridge of host.bridges.values()) {
      for (const index of bridge.flows.like(mayTie)) {
        const entry = bridge.flows.at(index);
        const pair = entry && mappingOf(entry.flow);
        if (pair) made.push({ host, bridge, entry, ...pair });
      }
    }
  }
  mappings.set(network, made);
  return made;
}

/** Whether flows with these fields and actions can tie a VLAN to a VNI, whatever their values. */
function mayTie({ match, actions }: Flow): boolean {
  const matches = (wanted: RegExp) => match.some(({ field }) => wanted.test(field));
  const sets = (wanted: RegExp) =>
    actions.some(
      (action) =>
        (action.kind === 'load' && wanted.test(action.dst.field)) ||
        (action.kind === 'set-field' && wanted.test(action.field)) ||
        (action.kind === 'set-vlan-vid' && wanted.test('vlan_vid')),
    );
  return (matches(/^tun_id$/) && sets(VLAN)) || (matches(VLAN) && sets(/^tun_id$/));
}

const VLAN = /^(?:dl_vlan|vlan_vid|vlan_tci)$/;

/** The VNI that a list of actions sets, if it sets one. */
export function vniSet(actions: readonly Action[]): number | undefined {
  for (const action of actions) {
    if (action.kind === 'load' && action.dst.field === 'tun_id') return Number(action.value);
    if (action.kind === 'set-field' && action.field === 'tun_id') return Number(action.value);
    const inner = action.kind === 'write-actions' || action.kind === 'clone' ? vniSet(action.actions) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** Every flow that sets or matches a VNI, on every host. */
export function vniUses(network: Network, vni: number): readonly VniUse[] {
  const made: VniUse[] = [];
  for (const host of network.hosts.values()) {
    for (const bridge of host.bridges.values()) {
      const named = new Set([...bridge.flows.naming('tun-id', String(vni))].map(({ index }) => index));
      for (const index of named) {
        const entry = bridge.flows.at(index);
        if (!entry) continue;
        const matched = entry.flow.match.find((term) => term.field === 'tun_id' && !term.unknown);
        if (matched && Number(matched.value) === vni) made.push({ host, bridge, entry, vni, does: 'matches' });
        if (vniSet(entry.flow.actions) === vni) made.push({ host, bridge, entry, vni, does: 'sets' });
      }
    }
  }
  return made;
}

/** A VLAN of a host and the VNI that it stands for, and who says so. */
export interface Tie {
  readonly host: Host;
  readonly vlan: number;
  readonly vni: number;
  readonly source: Source | undefined;
  readonly certainty: 'captured' | 'inferred';
  readonly reason: string;
}

/** The VLAN that each host gives a VNI: by its flows, or by the tag of a port whose Neutron network has that VNI. */
export function tiesOfVni(network: Network, vni: number): Tie[] {
  return ties(network, (tie) => tie.vni === vni);
}

/** The VNI that a VLAN of a host stands for. */
export function tieOfVlan(network: Network, host: string, vlan: number): Tie | undefined {
  return ties(network, (tie) => tie.host.name === host && tie.vlan === vlan)[0];
}

function ties(network: Network, wanted: (tie: Tie) => boolean): Tie[] {
  const found: Tie[] = [];
  const add = (tie: Tie) => {
    if (wanted(tie) && !found.some((other) => other.host === tie.host && other.vlan === tie.vlan && other.vni === tie.vni))
      found.push(tie);
  };
  for (const { host, bridge, entry, vlan, vni } of mappingsOf(network)) {
    add({ host, vlan, vni, source: entry.source, certainty: 'captured', reason: `a flow of ${bridge.name}` });
  }
  for (const host of network.hosts.values()) {
    for (const bridge of host.bridges.values()) {
      for (const port of bridge.ports) {
        const neutron = port.tag === undefined ? undefined : neutronPortOf(network, port.name);
        const on = neutron && portNetwork(network, neutron);
        if (port.tag === undefined || on?.segmentationId === undefined) continue;
        const reason = `${port.name} with tag ${port.tag} is on ${networkTitle(on)}, whose segmentation id is ${on.segmentationId}`;
        add({ host, vlan: port.tag, vni: on.segmentationId, source: on.says['segmentationId'], certainty: 'inferred', reason });
      }
    }
  }
  return found;
}

export function networkOfVni(network: Network, vni: number): NeutronNetwork | undefined {
  return network.networks.find((candidate) => candidate.segmentationId === vni && candidate.type !== 'vlan');
}

/** The Neutron network that a VLAN of a host carries: by its VNI, or by the ports that have the tag. */
export function networkOfVlan(network: Network, host: Host, vlan: number): NeutronNetwork | undefined {
  const tie = tieOfVlan(network, host.name, vlan);
  const byVni = tie && networkOfVni(network, tie.vni);
  if (byVni) return byVni;
  for (const bridge of host.bridges.values()) {
    for (const port of bridge.ports) {
      const neutron = port.tag === vlan ? neutronPortOf(network, port.name) : undefined;
      const on = neutron && portNetwork(network, neutron);
      if (on) return on;
    }
  }
  return undefined;
}

/** A Neutron port's network: as its row says, or as another port of the same subnet says. */
export function portNetwork(network: Network, port: NeutronPort): NeutronNetwork | undefined {
  const own = networkOf(network, port);
  if (own) return own;
  const subnet = network.subnets.find((known) => known.network !== undefined && port.ips.some((ip) => ip.subnet === known.id));
  return subnet?.network === undefined ? undefined : neutronNetworkOf(network, subnet.network);
}

export function networkTitle(network: NeutronNetwork): string {
  return network.name ?? network.id ?? 'a network without a name';
}

/** Who a Neutron port is for, in words. */
export interface Owner {
  readonly text: string;
  readonly certainty: 'captured' | 'inferred';
  readonly reason: string | undefined;
}

export function ownerOfPort(network: Network, port: NeutronPort): Owner | undefined {
  const instance = instanceOf(network, port);
  if (instance) return { text: `instance ${instance.name}`, certainty: 'captured', reason: undefined };
  const role = port.deviceOwner;
  if (port.router !== undefined) {
    const name = routerOf(network, port.router)?.name ?? port.router;
    const gateway =
      role === 'network:router_gateway' || devicesOfPort(network, port).some(({ device }) => hasRole(device, 'router-outside'));
    return { text: `router ${name}${gateway ? ' (its outside)' : ''}`, certainty: 'captured', reason: undefined };
  }
  if (role === 'network:dhcp') return { text: 'DHCP server', certainty: 'captured', reason: undefined };
  if (role === 'network:router_gateway' || role?.includes('router'))
    return { text: 'a router', certainty: 'captured', reason: undefined };
  if (role?.startsWith('compute:'))
    return {
      text: `an instance${port.instance === undefined ? '' : ` (${port.instance})`}`,
      certainty: 'captured',
      reason: undefined,
    };
  for (const { host, device } of devicesOfPort(network, port)) {
    const ovs = ovsPortNamed(host, device);
    const guess = guessByDevice(device, ovs?.port.type);
    if (guess !== undefined) return { text: guess, certainty: 'inferred', reason: `by its device ${device} on ${host.name}` };
  }
  return undefined;
}

/** Whose a MAC address is, in a few words: `router r1 (172.19.1.1)`; undefined where nobody says. */
export function macOwner(network: Network, mac: string): string | undefined {
  const port = neutronPortWithMac(network, mac);
  const owner = port && ownerOfPort(network, port);
  if (!owner) return macOwnerText(network, mac);
  const ips = port.ips.map(({ ip }) => ip).join(', ');
  return `${owner.text}${ips === '' ? '' : ` (${ips})`}${owner.certainty === 'inferred' ? ', inferred' : ''}`;
}

/** What Neutron's names for devices and their types tell. */
export function guessByDevice(device: string, type: string | undefined): string | undefined {
  if (hasRole(device, 'router-inside')) return 'a router (its inside)';
  if (hasRole(device, 'router-outside')) return 'a router (its outside)';
  if (hasRole(device, 'hybrid-outer', 'hybrid-inner', 'hybrid-bridge', 'vhost-user')) return 'an instance';
  if (hasRole(device, 'tap')) return type === 'internal' ? 'DHCP server' : 'an instance';
  return undefined;
}

/** The captured devices whose names start with a Neutron port's id, with their hosts. */
export function devicesOfPort(network: Network, port: NeutronPort): { readonly host: Host; readonly device: string }[] {
  const prefix = port.id.slice(0, 11);
  const found: { host: Host; device: string }[] = [];
  for (const host of network.hosts.values()) {
    const add = (device: string) => {
      if (device.endsWith(prefix) && !found.some((known) => known.host === host && known.device === device))
        found.push({ host, device });
    };
    for (const bridge of host.linuxBridges.values()) {
      for (const { name } of bridge.members) add(name);
      add(bridge.name);
    }
    for (const bridge of host.bridges.values()) for (const port of bridge.ports) add(port.name);
    for (const namespace of host.namespaces.values()) for (const name of namespace.devices.keys()) add(name);
  }
  return found;
}

/** Where a switch has learned a MAC address. */
export function learnedAt(
  network: Network,
  mac: string,
): { readonly host: Host; readonly bridge: OvsBridge; readonly row: FdbRow }[] {
  return [...network.hosts.values()].flatMap((host) =>
    [...host.bridges.values()].flatMap((bridge) =>
      bridge.fdb.filter((row) => row.mac === mac).map((row) => ({ host, bridge, row })),
    ),
  );
}

/** The OVS port whose own machine has the MAC: the port's device, or what is attached to it. */
export function portsWithMac(
  network: Network,
  mac: string,
): { readonly host: Host; readonly bridge: OvsBridge; readonly port: OvsPort }[] {
  return [...network.hosts.values()].flatMap((host) =>
    [...host.bridges.values()].flatMap((bridge) =>
      bridge.ports.filter((port) => port.mac === mac || port.attachedMac === mac).map((port) => ({ host, bridge, port })),
    ),
  );
}

/** A netfilter rule with its chain, table, namespace and host. */
export interface RulePlace {
  readonly host: Host;
  readonly namespace: Namespace;
  readonly table: string;
  readonly chain: NfChain;
  readonly rule: NfRule;
}

/** Every netfilter rule of every namespace. */
export function* allRules(network: Network): Generator<RulePlace> {
  for (const host of network.hosts.values()) {
    for (const namespace of host.namespaces.values()) {
      for (const table of namespace.netfilter.values()) {
        for (const chain of table.chains.values())
          for (const rule of chain.rules) yield { host, namespace, table: table.name, chain, rule };
      }
    }
  }
}

/** A floating address: the fixed one that DNAT gives it, or that SNAT puts it before. */
export interface FloatingIp {
  readonly floating: string;
  readonly fixed: string;
  readonly place: RulePlace;
}

/** Pairs of floating and fixed addresses that NAT rules state one to one. */
export function floatingIps(network: Network, ip: string): FloatingIp[] {
  const found: FloatingIp[] = [];
  for (const place of allRules(network)) {
    const { rule } = place;
    const to = rule.options.to?.value.replace(/:.*$/, '');
    if (to === undefined || !rule.text.includes(ip)) continue;
    const of = (kind: 'source' | 'destination') => {
      const match = rule.matches.find((candidate) => candidate.kind === kind && !candidate.negated);
      const value = match?.kind === kind ? match.value.value : undefined;
      return value === undefined || (/\//.test(value) && !value.endsWith('/32')) ? undefined : value.replace(/\/32$/, '');
    };
    const pair =
      rule.target === 'DNAT'
        ? { floating: of('destination'), fixed: to }
        : rule.target === 'SNAT'
          ? { floating: to, fixed: of('source') }
          : undefined;
    if (pair?.floating === undefined || pair.fixed === undefined || (pair.floating !== ip && pair.fixed !== ip)) continue;
    if (!found.some((known) => known.floating === pair.floating && known.fixed === pair.fixed)) {
      found.push({ floating: pair.floating, fixed: pair.fixed, place });
    }
  }
  return found;
}
