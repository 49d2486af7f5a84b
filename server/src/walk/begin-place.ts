import type { Namespace } from '../model/namespace';
import type { Host, Network } from '../model/network';
import { pairElsewhere } from '../model/pairs-between';
import { bridgeOfMember, devicesWithMac } from '../model/queries';
import { cardBehindDevice, cardOfPort } from './card';
import type { Whereabouts } from './start';
import { hasRole, portIdPrefix } from '../model/known-names';

/** What makes a packet: a namespace whose captures show it, or a card of which only others speak. */
export type Beginning =
  | { readonly kind: 'namespace'; readonly host: Host; readonly namespace: Namespace; readonly ip: string | undefined }
  | { readonly kind: 'card'; readonly from: Whereabouts }
  | { readonly kind: 'unknown' };

/** Whether what comes by a device is somebody else's: a bridge has it, or its name says that a guest is behind it. */
export function isOthers({ host, namespace, device, ip }: Whereabouts & { kind: 'device' }): boolean {
  if (ip !== undefined || namespace.name !== '') return false;
  return bridgeOfMember(host, '', device) !== undefined || hasRole(device, 'tap', 'vnet', 'vhost-user');
}

/** A namespace whose captures show what is sent from it. */
export type Sender = Beginning & { readonly kind: 'namespace' };

/**
 * The captured machine or namespace behind a port of a switch: the other end of its pair, or the only one that has the address which is known
 * to be behind it. Undefined where nobody captured it.
 */
export function senderBehind(network: Network, host: Host, device: string): Sender | undefined {
  const near = host.namespaces.get('')?.devices.get(device);
  const far = near && pairElsewhere(network, near)?.device;
  const other = near?.pair ? { ...near.pair, host } : far && { ...far, host: network.hosts.get(far.host) };
  const paired = other?.host?.namespaces.get(other.namespace);
  if (other?.host && paired && (paired.name !== '' || other.host !== host)) {
    const ip = addressOf(paired, other.name);
    if (ip !== undefined) return { kind: 'namespace', host: other.host, namespace: paired, ip };
  }
  const mac = cardBehindDevice(network, host, device)?.mac;
  const cards = mac === undefined ? [] : devicesWithMac(network, mac).filter(({ device: card }) => card.addresses.length > 0);
  const [card, more] = cards;
  return card && !more && card.host !== host
    ? { kind: 'namespace', host: card.host, namespace: card.namespace, ip: addressOf(card.namespace, card.device.name) }
    : undefined;
}

function addressOf(namespace: Namespace, device: string): string | undefined {
  return addressFor(namespace, device, false) ?? addressFor(namespace, device, true);
}

/** Who sends what starts at a place. */
export function beginsAt(network: Network, from: Whereabouts): Beginning {
  switch (from.kind) {
    case 'instance': {
      const guest = from.instance.guest === undefined ? undefined : network.hosts.get(from.instance.guest);
      const inside = guest?.namespaces.get('');
      return guest && inside && inside.devices.size > 0
        ? { kind: 'namespace', host: guest, namespace: inside, ip: from.ip }
        : { kind: 'card', from };
    }
    case 'device':
      return isOthers(from)
        ? (senderBehind(network, from.host, from.device) ?? { kind: 'card', from })
        : { kind: 'namespace', host: from.host, namespace: from.namespace, ip: from.ip };
    case 'host': {
      const root = from.host.namespaces.get('');
      return root ? { kind: 'namespace', host: from.host, namespace: root, ip: undefined } : { kind: 'unknown' };
    }
    case 'neutron-port': {
      if (cardOfPort(network, from.port, '0.0.0.0')) return { kind: 'card', from };
      for (const host of network.hosts.values()) {
        for (const namespace of host.namespaces.values()) {
          const device = [...namespace.devices.values()].find(({ name }) => portIdPrefix(name) === from.port.id.slice(0, 11));
          if (device && (namespace.name !== '' || device.addresses.length > 0))
            return { kind: 'namespace', host, namespace, ip: from.port.ips[0]?.ip };
        }
      }
      return { kind: 'card', from };
    }
    case 'ovs-port':
      return senderBehind(network, from.host, from.port.name) ?? { kind: 'card', from };
    case 'ip':
      return { kind: 'unknown' };
  }
}

/** The address that a device sends from: of IPv6 one that is not link-local first. */
export function addressFor(namespace: Namespace, device: string, v6: boolean): string | undefined {
  const own = namespace.devices.get(device)?.addresses.filter(({ ip }) => ip.includes(':') === v6) ?? [];
  return (own.find(({ ip }) => !ip.startsWith('fe80')) ?? own[0])?.ip;
}
