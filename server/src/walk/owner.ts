import { ones } from '../base/bits';
import { addressesBehind, pairElsewhere } from '../model/pairs-between';
import { devicesWithMac, instanceOf, isCalled, neutronPortOf, neutronPortWithMac, ovsPortNamed } from '../model/queries';
import type { Device } from '../model/device';
import type { Host, Network } from '../model/network';
import type { Instance, InstanceInterface, NeutronPort } from '../model/openstack';
import type { OvsBridge, OvsPort } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import { parseMac } from '../packet/address';
import { tunnelDevice } from './linux/tunnel-kind';
import { withoutMasters } from './mac-owners';
import { vlanDevice } from './linux/vlan-device';
import type { Certainty } from './step';
import { hasRole, isCard, isNextToGuest, portIdPrefix, siblingOf } from '../model/known-names';

/** Why a port is believed to lead to a MAC address. */
export interface Owner {
  readonly port: OvsPort;
  readonly certainty: Certainty;
  readonly reason: string;
  readonly evidence: readonly Source[];
}

/** The port of a bridge whose own machine has the MAC: known without any MAC table. */
export function ownerOfMac(network: Network, bridge: OvsBridge, mac: string): Owner | undefined {
  for (const port of bridge.ports) {
    const neutron = neutronPortOf(network, port.name);
    if (neutron?.mac === mac && neutron.says['mac']) {
      return {
        port,
        certainty: 'inferred',
        reason: `the Neutron port list gives ${mac} to port ${neutron.id}, whose device is ${port.name}`,
        evidence: [neutron.says['mac']],
      };
    }
    if (port.attachedMac === mac && port.says['attachedMac']) {
      return {
        port,
        certainty: 'inferred',
        reason: `the interface's external_ids name ${mac} as what is attached`,
        evidence: [port.says['attachedMac']],
      };
    }
  }
  const [device] = devicesWithMac(network, mac).filter(
    ({ host, device: d }) => host.name === bridge.host && bridge.ports.some((port) => port.name === d.name),
  );
  const port = device && bridge.ports.find((candidate) => candidate.name === device.device.name);
  if (device && port) {
    return { port, certainty: 'inferred', reason: `${port.name} itself has ${mac}`, evidence: device.device.sources.slice(0, 1) };
  }
  for (const instance of network.instances) {
    for (const card of instance.interfaces) {
      const target =
        card.mac === mac && (card.host === undefined || card.host === bridge.host)
          ? bridge.ports.find(({ name }) => name === card.target)
          : undefined;
      if (target)
        return {
          port: target,
          certainty: 'inferred',
          reason: `libvirt gives ${mac} to ${instance.name}, whose device is ${target.name}`,
          evidence: [card.source],
        };
    }
  }
  const [twin] = devicesOfHost(network, bridge.host).filter(
    (candidate) => isGuestSide(candidate.name, candidate.mac, mac) && bridge.ports.some(({ name }) => name === candidate.name),
  );
  const behind = twin && bridge.ports.find(({ name }) => name === twin.name);
  if (twin && behind) {
    return {
      port: behind,
      certainty: 'inferred',
      reason: `libvirt gives a tap its guest's address with fe in front: ${twin.name} has ${twin.mac ?? ''}`,
      evidence: twin.sources.slice(0, 1),
    };
  }
  const local = bridge.ports.find(
    (candidate) => candidate.mac === mac && candidate.says['mac'] !== undefined && candidate.name === bridge.name,
  );
  if (local?.says['mac']) {
    return { port: local, certainty: 'inferred', reason: `${local.name}'s own address is ${mac}`, evidence: [local.says['mac']] };
  }
  return undefined;
}

function devicesOfHost(network: Network, host: string): Device[] {
  return [...(network.hosts.get(host)?.namespaces.values() ?? [])].flatMap((namespace) => [...namespace.devices.values()]);
}

/** Whether a tap's own address is the one that libvirt makes from its guest's: the same with `fe` in front. */
export function isGuestSide(device: string, own: string | undefined, guest: string): boolean {
  return (
    isNextToGuest(device) &&
    own !== undefined &&
    own.startsWith('fe:') &&
    !guest.startsWith('fe:') &&
    own.slice(3) === guest.slice(3)
  );
}

/** The addresses that the guest behind a tap can't have, because the tap's own address is made from the guest's. */
export function cannotBeGuest(device: string, own: string | undefined, mac: string): boolean {
  return isNextToGuest(device) && own !== undefined && own.startsWith('fe:') && own.slice(3) !== mac.slice(3);
}

/**
 * What the switch's external_ids name as attached to a device. Of a hybrid port the switch has the outer end of a pair, and says of it what is
 * attached to all of it.
 */
export function attachedTo(
  host: Host,
  device: string,
): { readonly mac: string; readonly port: string; readonly source: Source } | undefined {
  const { port } = ovsPortNamed(host, device) ?? ovsPortNamed(host, siblingOf(device, 'outer')) ?? {};
  const source = port?.says['attachedMac'];
  return port?.attachedMac !== undefined && source ? { mac: port.attachedMac, port: port.name, source } : undefined;
}

/** The card that libvirt says is behind a device of a host. */
export function cardBehind(
  network: Network,
  host: string,
  device: string,
): { readonly instance: Instance; readonly card: InstanceInterface } | undefined {
  for (const instance of network.instances) {
    const card = instance.interfaces.find(
      (candidate) => candidate.target === device && (candidate.host === undefined || candidate.host === host),
    );
    if (card) return { instance, card };
  }
  return undefined;
}

/** Where an instance or a guest's MAC is attached: a tap on a Linux bridge, or an OVS port. */
export interface Attachment {
  readonly host: Host;
  /** The device next to the instance: tap…, vnet… */
  readonly device: string;
  /** Nothing else is between that device and the card; else it may be a port that leads to another switch. */
  readonly direct: boolean;
  readonly certainty: Certainty;
  readonly reason: string;
  readonly evidence: readonly Source[];
}

type Candidate = Omit<Attachment, 'direct'>;

/** The device on a hypervisor that a port of an instance is attached by. */
export function attachmentOf(network: Network, mac: string | undefined, port: NeutronPort | undefined): Attachment | undefined {
  const found: Candidate[] = [];
  for (const host of network.hosts.values()) {
    const byName = port && deviceOfPort(host, port);
    if (byName) found.push(byName);
    const byCard = mac === undefined ? undefined : deviceOfCard(network, host, mac);
    if (byCard) found.push(byCard);
    const byMac = mac === undefined ? undefined : deviceOfMac(host, mac);
    if (byMac) found.push(byMac);
  }
  const hypervisor = port && instanceOf(network, port)?.hypervisor;
  const paired = mac === undefined ? undefined : otherEndOf(network, mac);
  // Every switch on the way has learned the address, most of them on the port that leads to the next, where it is one of several.
  const near = found
    .filter((candidate) => isDirect(network, candidate, mac))
    .map((candidate) => ({ candidate, behind: addressesBehind(candidate.host, '', candidate.device).length }))
    .sort((a, b) => Number(isNextToGuest(b.candidate.device)) - Number(isNextToGuest(a.candidate.device)) || a.behind - b.behind);
  const chosen = found.find(({ host }) => isCalled(host, hypervisor ?? '')) ?? paired ?? near[0]?.candidate ?? found[0];
  return chosen && { ...chosen, direct: chosen === paired || isDirect(network, chosen, mac) };
}

/**
 * Whether a card can be what is on the other side of a port: the port is for a guest, no other captured machine is behind it, and where
 * both are ends of pairs, the one's number is what the other names.
 */
function isDirect(network: Network, { host, device }: Candidate, mac: string | undefined): boolean {
  if (!isGuestPort(host, device)) return false;
  if (mac === undefined) return true;
  const cards = withoutMasters(devicesWithMac(network, mac)).filter((owner) => owner.host !== host);
  const port = host.namespaces.get('')?.devices.get(device);
  if (cards.length > 0 && port && cards.every((card) => haveOtherEnds(card.device, port))) return false;
  const machines = new Set(cards.map((card) => card.host));
  return !addressesBehind(host, '', device).some(
    (other) => other !== mac && devicesWithMac(network, other).some((owner) => owner.host !== host && !machines.has(owner.host)),
  );
}

/** Two devices that are ends of pairs, but not of one: the one names another number than the other has. */
function haveOtherEnds(one: Device, other: Device): boolean {
  const differ = (a: Device, b: Device) => a.peerIndex !== undefined && b.index !== undefined && a.peerIndex !== b.index;
  const mayBePair = ({ type }: Device) => type === undefined || type === 'veth';
  return mayBePair(one) && mayBePair(other) && (differ(one, other) || differ(other, one));
}

/** Where the card with a MAC is one end of a pair, the other end on a captured hypervisor. */
function otherEndOf(network: Network, mac: string): Candidate | undefined {
  // The devices of a bond have one address: which of them is in use the pair does not tell.
  const [only, second] = devicesWithMac(network, mac);
  const far = only && !second ? pairElsewhere(network, only.device)?.device : undefined;
  const host = far && network.hosts.get(far.host);
  return only && far?.namespace === '' && host && hasPort(host, far.name)
    ? {
        host,
        device: far.name,
        certainty: 'inferred',
        reason: pairReason(only.device, far),
        evidence: [...only.device.sources.slice(0, 1), ...far.sources.slice(0, 1)],
      }
    : undefined;
}

/** Why two devices of two machines are taken for the ends of one pair. */
export function pairReason(one: Device, other: Device): string {
  return `${one.name} of ${one.host} is device ${one.index ?? '?'} with device ${one.peerIndex ?? '?'} on its other side, ${other.name} of ${other.host} the reverse: taken for one pair`;
}

/** Whether a port is, by its name, its kind or what the switch says of it, next to a guest rather than the way to another switch. */
export function isGuestPort(host: Host, device: string): boolean {
  if (hasRole(device, 'tap', 'vnet', 'vhost-user', 'hybrid-outer', 'macvtap', 'container')) return true;
  if (ovsPortNamed(host, device)?.port.attachedMac !== undefined) return true;
  const known = host.namespaces.get('')?.devices.get(device);
  return !isCard(device) && (known?.type === 'veth' || known?.type === 'tun' || known?.peerIndex !== undefined);
}

function deviceOfPort(host: Host, port: NeutronPort): Candidate | undefined {
  const tap = `tap${port.id.slice(0, 11)}`;
  for (const bridge of host.linuxBridges.values()) {
    const member = bridge.members.find(({ name }) => name === tap);
    if (member) {
      return {
        host,
        device: tap,
        certainty: 'inferred',
        reason: `${tap} carries the first characters of the Neutron port's id ${port.id}`,
        evidence: [...port.sources.slice(0, 1), member.source],
      };
    }
  }
  for (const name of [tap, siblingOf(tap, 'outer'), `vhu${port.id.slice(0, 11)}`]) {
    const ovs = ovsPortNamed(host, name);
    if (ovs) {
      return {
        host,
        device: name,
        certainty: 'inferred',
        reason: `${name} carries the first characters of the Neutron port's id ${port.id}`,
        evidence: [...port.sources.slice(0, 1), ...ovs.port.sources.slice(0, 1)],
      };
    }
  }
  return undefined;
}

function deviceOfCard(network: Network, host: Host, mac: string): Candidate | undefined {
  for (const instance of network.instances) {
    for (const card of instance.interfaces) {
      const device = card.mac === mac && (card.host === undefined || card.host === host.name) ? card.target : undefined;
      if (device === undefined || !hasPort(host, device)) continue;
      return {
        host,
        device,
        certainty: 'captured',
        reason: `libvirt says that ${mac} of ${instance.name} is ${device}`,
        evidence: [card.source],
      };
    }
  }
  return undefined;
}

function hasPort(host: Host, device: string): boolean {
  return (
    ovsPortNamed(host, device) !== undefined ||
    [...host.linuxBridges.values()].some((bridge) => bridge.members.some(({ name }) => name === device)) ||
    host.namespaces.get('')?.devices.get(device)?.type === 'macvtap'
  );
}

function deviceOfMac(host: Host, mac: string): Candidate | undefined {
  for (const bridge of host.linuxBridges.values()) {
    const devices = host.namespaces.get(bridge.namespace)?.devices;
    const entry = bridge.fdb.find(
      (candidate) =>
        candidate.mac === mac &&
        !candidate.permanent &&
        !hasRole(candidate.dev, 'hybrid-inner') &&
        // What comes out of a tunnel or a VLAN is another host's.
        tunnelDevice(candidate.dev, devices?.get(candidate.dev)) === undefined &&
        vlanDevice(bridge.namespace, candidate.dev, devices?.get(candidate.dev)) === undefined,
    );
    if (entry && bridge.members.some(({ name }) => name === entry.dev)) {
      const isGuest = isGuestPort(host, entry.dev);
      return {
        host,
        device: entry.dev,
        certainty: isGuest ? 'captured' : 'inferred',
        reason: `${bridge.name} has learned ${mac} on ${entry.dev}${isGuest ? '' : ', which may lead to another switch'}`,
        evidence: [entry.source],
      };
    }
  }
  for (const bridge of host.bridges.values()) {
    const attached = bridge.ports.find((port) => port.attachedMac === mac);
    if (attached?.says['attachedMac'])
      return place(host, attached, `the interface's external_ids name ${mac}`, 'captured', attached.says['attachedMac']);
  }
  for (const device of host.namespaces.get('')?.devices.values() ?? []) {
    if (isGuestSide(device.name, device.mac, mac) && hasPort(host, device.name)) {
      return {
        host,
        device: device.name,
        certainty: 'inferred',
        reason: `libvirt gives a tap its guest's address with fe in front: ${device.name} has ${device.mac ?? ''}`,
        evidence: device.sources.slice(0, 1),
      };
    }
  }
  for (const bridge of host.bridges.values()) {
    // Neutron's anti-spoofing flows let a MAC in by its own port only.
    const address = parseMac(mac);
    for (const index of address === undefined ? [] : bridge.flows.matching('dl_src', address, ones(48))) {
      // A gateway's flows name a machine's address a thousand times, in few of them beside a port: those are told from columns.
      const inPort = bridge.flows.matchOf(index).find((term) => term.field === 'in_port');
      if (!inPort) continue;
      const port = bridge.ports.find((candidate) => candidate.ofport === Number(inPort.value));
      const source = port && leadsToInstance(port) ? bridge.flows.at(index)?.source : undefined;
      if (port && source) return place(host, port, `a flow lets ${mac} in by ${port.name} only`, 'inferred', source);
    }
    const row = bridge.fdb.find((candidate) => candidate.mac === mac);
    const port = row && bridge.ports.find((candidate) => candidate.ofport === row.ofport);
    if (row && port && leadsToInstance(port))
      return place(host, port, `${bridge.name}'s MAC table has ${mac} on ${port.name}`, 'inferred', row.source);
  }
  return undefined;
}

function leadsToInstance(port: OvsPort): boolean {
  return (
    (portIdPrefix(port.name) !== undefined || hasRole(port.name, 'tap', 'vnet', 'vhost-user', 'container')) &&
    port.type !== 'patch' &&
    port.type !== 'internal'
  );
}

function place(host: Host, port: OvsPort, reason: string, certainty: Certainty, source: Source): Candidate {
  // The tap behind a hybrid port, where a Linux bridge is known to be between.
  const tap = siblingOf(port.name, 'tap');
  const bridged = [...host.linuxBridges.values()].some((bridge) => bridge.members.some(({ name }) => name === tap));
  return { host, device: bridged ? tap : port.name, certainty, reason, evidence: [source] };
}

/** Who a MAC address belongs to, in words; undefined where nobody says. */
export function macOwnerText(network: Network, mac: string): string | undefined {
  const port = neutronPortWithMac(network, mac);
  if (port) {
    const instance = instanceOf(network, port);
    const ips = port.ips.map(({ ip }) => ip).join(', ');
    return `${instance ? `instance ${instance.name}` : `Neutron port ${port.id.slice(0, 11)}`}${ips === '' ? '' : ` (${ips})`}`;
  }
  const [device] = devicesWithMac(network, mac);
  return device
    ? `${device.device.name} on ${device.host.name}${device.namespace.name === '' ? '' : `, ${device.namespace.name}`}`
    : undefined;
}
