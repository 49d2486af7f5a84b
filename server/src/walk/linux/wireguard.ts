import type { Namespace } from '../../model/namespace';
import type { Host } from '../../model/network';
import type { WireGuard, WireGuardPeer } from '../../model/wireguard';
import { inPrefix, parseIp, parsePrefix } from '../../packet/address';
import type { FlowKey } from '../../packet/flow-key';
import type { Context } from '../context';
import { addresses, destinationIp, sourceIp, type Ending, type Step } from '../step';
import { stepBase } from './events';

/** A device of WireGuard on a captured machine. */
interface End {
  readonly host: Host;
  readonly namespace: Namespace;
  readonly device: string;
  readonly own: WireGuard;
}

/**
 * What `wg show` says of a packet that leaves by a device: the peer that has its destination, and, where a captured machine has that peer's
 * key, where it comes out. Undefined where that was not captured.
 */
export type ByWireGuard = { readonly ending: Ending } | { readonly peer: WireGuardPeer };

/**
 * A device of WireGuard sends a packet to the peer that has its destination among its allowed IPs, the longest prefix first, and drops what
 * no peer has, and what is for a peer whose endpoint it does not know; the other end takes a packet only from the peer that has its source
 * (wg(8), "Cryptokey Routing").
 */
export function byWireGuard(
  context: Context,
  namespace: Namespace,
  device: string,
  packet: FlowKey,
  steps: Step[],
): ByWireGuard | undefined {
  const own = namespace.wireguard.get(device);
  if (own === undefined) return undefined;
  const base = { ...stepBase(namespace, device), stage: 'nic' as const, packet, steps: [] };
  const peer = peerWith(own, destinationIp(packet));
  if (peer === undefined) {
    if (own.known !== 'whole') return undefined;
    const summary = `No peer of ${device} has ${destinationIp(packet)} among its allowed IPs: the packet is dropped`;
    const evidence = own.peers.slice(0, 1).map(({ source }) => source);
    steps.push({ ...base, summary, certainty: 'captured', evidence, effect: 'dropped' });
    return { ending: dropped(namespace, device, summary, packet) };
  }
  // What was cut off may be the line that names it.
  if (!peer.reached && own.known === 'whole') {
    const summary = `Peer ${short(peer)} of ${device} has no endpoint, so that nothing can be sent to it before it has sent something itself: the packet is dropped`;
    steps.push({ ...base, summary, certainty: 'captured', evidence: [peer.source], effect: 'dropped' });
    return { ending: dropped(namespace, device, summary, packet) };
  }
  const far = endWith(context, peer.key);
  if (far === undefined) return { peer };
  const name = `${far.device} of ${far.host.name}`;
  steps.push({
    ...base,
    summary: `Into ${device}, to peer ${short(peer)}, out of ${name}: ${addresses(packet)}`,
    certainty: 'captured',
    evidence: [peer.source],
  });
  const from = peerWith(far.own, sourceIp(packet));
  const refused =
    own.key !== undefined && (from === undefined ? far.own.known === 'whole' : from.key !== undefined && from.key !== own.key);
  if (refused) {
    const summary = `${name} takes nothing from ${sourceIp(packet)} of this peer, which has it not among its allowed IPs: the packet is dropped`;
    const evidence = far.own.peers.filter(({ key }) => key === own.key || key === from?.key).map(({ source }) => source);
    const at = { ...stepBase(far.namespace, far.device), stage: 'nic' as const, packet, steps: [] };
    steps.push({ ...at, summary, certainty: 'captured', evidence, effect: 'dropped' });
    return { ending: dropped(far.namespace, far.device, summary, packet) };
  }
  const place = { kind: 'device-in' as const, host: far.host.name, namespace: far.namespace.name, device: far.device };
  return { ending: context.go(context, place, packet, steps) };
}

/** The peer that has an address among its allowed IPs, by the longest prefix. */
function peerWith(own: WireGuard, address: string): WireGuardPeer | undefined {
  const ip = parseIp(address);
  if (ip === undefined) return undefined;
  let best: { readonly peer: WireGuardPeer; readonly length: number } | undefined;
  for (const peer of own.peers)
    for (const network of peer.allowed) {
      const prefix = parsePrefix(network);
      if (prefix && inPrefix(ip, prefix) && (best === undefined || prefix.length > best.length))
        best = { peer, length: prefix.length };
    }
  return best?.peer;
}

/** The only captured device with that public key. */
function endWith({ network }: Context, key: string | undefined): End | undefined {
  if (key === undefined) return undefined;
  const ends = [...network.hosts.values()].flatMap((host) =>
    [...host.namespaces.values()].flatMap((namespace) =>
      [...namespace.wireguard].flatMap(([device, own]): End[] => (own.key === key ? [{ host, namespace, device, own }] : [])),
    ),
  );
  return ends.length === 1 ? ends[0] : undefined;
}

function dropped(namespace: Namespace, device: string, summary: string, packet: FlowKey): Ending {
  return { disposition: 'dropped', at: { host: namespace.host, device, port: null }, summary, packet };
}

/** A key's beginning, as people tell them apart. */
export function short({ name }: WireGuardPeer): string {
  return name.length > 10 ? `${name.slice(0, 8)}…` : name;
}
