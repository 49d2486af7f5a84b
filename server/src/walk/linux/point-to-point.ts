import { isPointToPoint } from '../../model/known-names';
import type { Device } from '../../model/device';
import type { Namespace } from '../../model/namespace';
import type { Host } from '../../model/network';
import { allDevices, linuxBridgeNamed, onLink, ovsPortNamed } from '../../model/queries';
import type { FlowKey } from '../../packet/flow-key';
import { addGap, hostOf, inNamespace, type Context } from '../context';
import { privateSourceText } from '../way-back';
import type { Source } from '../../model/source';
import type { WireGuardPeer } from '../../model/wireguard';
import { addresses, destinationIp, type Ending, type Step } from '../step';
import { stepBase } from './events';
import { byWireGuard, short } from './wireguard';
import { tunnelDevice } from './tunnel-kind';

interface End {
  readonly host: Host;
  readonly namespace: Namespace;
  readonly device: Device;
}

/**
 * A packet leaves by a device that takes packets of IP without any address of hardware, and whose other end no option of `ip -d link` names:
 * WireGuard's, a program's (tun), pppd's. It comes out at the machine that has the next hop on such a device; where no captured one has it,
 * at the only one with an address of the same network. Undefined for other devices.
 */
export function byPointToPoint(
  context: Context,
  namespace: Namespace,
  device: string,
  nextHop: string,
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  const host = hostOf(context, namespace.host);
  const own = namespace.devices.get(device);
  if (!host || !isLink(host, namespace, device, own)) return undefined;
  const base = { ...stepBase(namespace, device), stage: 'nic' as const, packet, steps: [] };
  const evidence: Source[] = own?.sources.slice(0, 1) ?? [];
  const isWireGuard = own?.type === 'wireguard' || /^wg/.test(device);
  const said = isWireGuard ? byWireGuard(context, namespace, device, packet, steps) : undefined;
  if (said !== undefined && 'ending' in said) return said.ending;
  const peer = said?.peer;
  if (isWireGuard && peer === undefined)
    addGap(context, {
      host: namespace.host,
      command: inNamespace(namespace, `wg show ${device}`),
      why: `to which peer ${device} sends what is for ${nextHop} (allowed ips), and whether it has one`,
    });
  const others = [...allDevices(context.network)].filter(
    (end) =>
      end.host !== host && end.device.noArp && isLink(end.host, end.namespace, end.device.name, end.device) && mayBe(end, peer),
  );
  const atEndpoint = others.filter((end) => peer?.endpoint !== undefined && hasAddress(end.host, peer.endpoint));
  const owners =
    atEndpoint.length > 0 ? atEndpoint : others.filter((end) => end.device.addresses.some(({ ip }) => ip === nextHop));
  const beside = owners.length > 0 ? owners : others.filter((end) => own !== undefined && inOneNetwork(own, end));
  const [far, second] = beside;
  if (far && !second) {
    const name = `${far.device.name} of ${far.host.name}`;
    steps.push({
      ...base,
      summary: `Into ${device}, out of ${name}: ${addresses(packet)}`,
      certainty: owners.length > 0 ? 'inferred' : 'assumed',
      reason:
        atEndpoint.length > 0
          ? `${far.host.name} has ${peer?.endpoint}, where the peer of ${destinationIp(packet)} is: taken to be the other end`
          : owners.length > 0
            ? `${name} has ${nextHop}: taken to be the other end`
            : `${name} is the only captured device with an address of the same network: taken to be the other end`,
      evidence: [...evidence, ...(peer === undefined ? [] : [peer.source]), ...far.device.sources.slice(0, 1)],
    });
    const place = { kind: 'device-in' as const, host: far.host.name, namespace: far.namespace.name, device: far.device.name };
    return context.go(context, place, packet, steps);
  }
  if (!isWireGuard || peer !== undefined)
    addGap(context, {
      host: null,
      command: peer === undefined ? 'ip a' : 'wg show',
      why: `on the machine at the other end of ${device} of ${host.name}${peer === undefined ? '' : `, peer ${short(peer)}`}`,
    });
  const to = peer === undefined ? '' : `, to peer ${short(peer)}${peer.endpoint === undefined ? '' : ` at ${peer.endpoint}`}`;
  steps.push({
    ...base,
    summary: `Leaves by ${device}${to}: ${addresses(packet)}`,
    certainty: own ? 'captured' : 'inferred',
    ...(own
      ? {}
      : { reason: `the device itself (ip a) was not captured; it is called as one that has two ends and no neighbours` }),
    evidence: peer === undefined ? evidence : [...evidence, peer.source],
    effect: 'exits',
  });
  return {
    disposition: 'exits',
    at: { host: host.name, device, port: null },
    summary: `Exits by ${device} of ${host.name}: its other end was not captured${privateSourceText(namespace, device, packet)}`,
    packet,
    back: { kind: 'device-in', host: host.name, namespace: namespace.name, device },
  };
}

function isLink(host: Host, namespace: Namespace, name: string, device: Device | undefined): boolean {
  if (ovsPortNamed(host, name) || linuxBridgeNamed(host, namespace.name, name) || tunnelDevice(name, device)) return false;
  if (device?.type !== undefined && !/^(?:wireguard|tun|ppp|none)$/.test(device.type)) return false;
  if (device && (device.pair || device.peerIndex !== undefined || device.peer !== undefined)) return false;
  // A card that asks nobody (`arp off`) has an address of hardware all the same.
  const asksNobody = device?.noArp === true && device.mac === undefined;
  return asksNobody || device?.type === 'wireguard' || (device?.mac === undefined && isPointToPoint(name));
}

/** Whether a device may be the one that a peer is: its key, where it is known, is the peer's. */
function mayBe({ namespace, device }: End, peer: WireGuardPeer | undefined): boolean {
  const key = namespace.wireguard.get(device.name)?.key;
  return key === undefined || peer?.key === undefined || key === peer.key;
}

function hasAddress(host: Host, address: string): boolean {
  return [...host.namespaces.values()].some(({ devices }) =>
    [...devices.values()].some((device) => device.addresses.some(({ ip }) => ip === address)),
  );
}

function inOneNetwork(own: Device, { device }: End): boolean {
  return device.addresses.some(({ ip }) => !ip.startsWith('fe80') && onLink(own, ip));
}
