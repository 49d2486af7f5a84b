import type { Device } from '../model/device';
import type { Host, Network } from '../model/network';
import { neutronPortOf, neutronPortWithMac } from '../model/queries';
import { attachmentOf, cardBehind, isGuestPort } from './owner';
import type { Gap } from './step';

/** A port for a guest of which no capture tells whose it is. */
interface Unclaimed {
  readonly host: string;
  readonly port: string;
  /** What would tell. */
  readonly command: string;
}

/** What may be between two cards that are taken to be on one wire. */
export interface Between {
  /** A captured host has a port that one of them may hang on. */
  readonly ports: readonly Unclaimed[];
  readonly gaps: readonly Gap[];
}

const cache = new WeakMap<Network, readonly Unclaimed[]>();

/**
 * Two machines that are no hosts of others, and of whose cards no capture tells where they are plugged in, may be guests: then the switch of
 * their host is between them, and its rules. Ports that nobody is known to be behind say so (a MAC table would tell), and the other end of a
 * pair that is not there.
 */
export function whatIsBetween(
  network: Network,
  from: { host: Host; device: string },
  to: { host: Host; device: string },
): Between {
  const ends = [from, to].filter(({ host }) => !hasSwitch(host));
  const ports =
    ends.length === 0 ? [] : unclaimedPorts(network).filter(({ host }) => host !== from.host.name && host !== to.host.name);
  const gaps: Gap[] = ports.map(({ host, port, command }) => ({
    host,
    command,
    why: `who is behind ${port}: ${ends.map((end) => end.host.name).join(' or ')} may be, and then the frame passes ${host}`,
  }));
  const [one, other] = [from, to].map(({ host, device }) => host.namespaces.get('')?.devices.get(device));
  const isPair = one !== undefined && other !== undefined && fit(one, other) && fit(other, one);
  for (const { host, device } of isPair ? [] : ends) {
    const card = host.namespaces.get('')?.devices.get(device);
    if (hasUnknownEnd(card))
      gaps.push({
        host: null,
        command: 'ip -d link',
        why: `on the machine that has the other end of ${device} of ${host.name}${card?.peerIndex === undefined ? '' : ` (its device ${card.peerIndex})`}`,
      });
    else if (card?.mac !== undefined && VIRTUAL_CARD.test(card.mac) && !isAttached(network, card.mac))
      gaps.push({
        host: null,
        command: 'bridge fdb show',
        why: `on the hypervisor of ${host.name}: which of its switches ${device} (${card.mac}) is plugged into`,
      });
  }
  return { ports, gaps };
}

/** The one says that its other end has the number that the other has. */
function fit(one: Device, other: Device): boolean {
  return one.peerIndex !== undefined && one.peerIndex === other.index;
}

/** What QEMU and Neutron give to cards of their guests. */
const VIRTUAL_CARD = /^(?:52:54:00|fa:16:3e):/;

function isAttached(network: Network, mac: string): boolean {
  return attachmentOf(network, mac, neutronPortWithMac(network, mac)) !== undefined;
}

/** The card is one end of a pair whose other end no capture shows. */
function hasUnknownEnd(card: Device | undefined): boolean {
  return card !== undefined && card.pair === undefined && card.peerIndex !== undefined && (card.type ?? 'veth') === 'veth';
}

function hasSwitch(host: Host): boolean {
  return host.bridges.size > 0 || host.linuxBridges.size > 0;
}

function unclaimedPorts(network: Network): readonly Unclaimed[] {
  let found = cache.get(network);
  if (!found) cache.set(network, (found = findUnclaimed(network)));
  return found;
}

/** A MAC table tells who is behind a port, and the flows of a security group do; only where neither was captured it stays open. */
function findUnclaimed(network: Network): Unclaimed[] {
  return [...network.hosts.values()].flatMap((host) => {
    const isFree = (port: string, namespace: string): boolean =>
      isGuestPort(host, port) &&
      host.namespaces.get(namespace)?.devices.get(port)?.pair === undefined &&
      neutronPortOf(network, port) === undefined &&
      cardBehind(network, host.name, port) === undefined;
    return [
      ...[...host.linuxBridges.values()].flatMap((bridge) =>
        (bridge.fdbKnown === 'whole' ? [] : bridge.members)
          .filter(({ name }) => isFree(name, bridge.namespace))
          .filter(({ name }) => !bridge.fdb.some((row) => row.dev === name && !row.permanent))
          .map(({ name }) => ({ host: host.name, port: name, command: 'bridge fdb show' })),
      ),
      ...[...host.bridges.values()].flatMap((bridge) =>
        (bridge.fdbKnown === 'whole' || bridge.flowsKnown === 'whole' ? [] : bridge.ports)
          .filter(({ name, type, attachedMac }) => type === undefined && attachedMac === undefined && isFree(name, ''))
          .filter(({ ofport }) => !bridge.fdb.some((row) => row.ofport !== undefined && row.ofport === ofport))
          .map(({ name }) => ({ host: host.name, port: name, command: `ovs-appctl fdb/show ${bridge.name}` })),
      ),
    ];
  });
}
