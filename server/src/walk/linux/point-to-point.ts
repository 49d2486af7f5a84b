import { isPointToPoint } from '../../model/known-names';
import type { Device } from '../../model/device';
import type { Namespace } from '../../model/namespace';
import type { Host } from '../../model/network';
import { allDevices, linuxBridgeNamed, onLink, ovsPortNamed } from '../../model/queries';
import type { FlowKey } from '../../packet/flow-key';
import { addGap, hostOf, inNamespace, type Context } from '../context';
import { privateSourceText } from '../way-back';
import { addresses, type Ending, type Step } from '../step';
import { stepBase } from './events';
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
  const evidence = own?.sources.slice(0, 1) ?? [];
  const isWireGuard = own?.type === 'wireguard' || /^wg/.test(device);
  if (isWireGuard)
    addGap(context, {
      host: namespace.host,
      command: inNamespace(namespace, `wg show ${device}`),
      why: `to which peer ${device} sends what is for ${nextHop} (allowed ips), and whether it has one`,
    });
  const others = [...allDevices(context.network)].filter(
    (end) => end.host !== host && end.device.noArp && isLink(end.host, end.namespace, end.device.name, end.device),
  );
  const owners = others.filter((end) => end.device.addresses.some(({ ip }) => ip === nextHop));
  const beside = owners.length > 0 ? owners : others.filter((end) => own !== undefined && inOneNetwork(own, end));
  const [far, second] = beside;
  if (far && !second) {
    const name = `${far.device.name} of ${far.host.name}`;
    steps.push({
      ...base,
      summary: `Into ${device}, out of ${name}: ${addresses(packet)}`,
      certainty: owners.length > 0 ? 'inferred' : 'assumed',
      reason:
        owners.length > 0
          ? `${name} has ${nextHop}: taken to be the other end`
          : `${name} is the only captured device with an address of the same network: taken to be the other end`,
      evidence: [...evidence, ...far.device.sources.slice(0, 1)],
    });
    const place = { kind: 'device-in' as const, host: far.host.name, namespace: far.namespace.name, device: far.device.name };
    return context.go(context, place, packet, steps);
  }
  if (!isWireGuard)
    addGap(context, { host: null, command: 'ip a', why: `on the machine at the other end of ${device} of ${host.name}` });
  steps.push({
    ...base,
    summary: `Leaves by ${device}: ${addresses(packet)}`,
    certainty: own ? 'captured' : 'inferred',
    ...(own
      ? {}
      : { reason: `the device itself (ip a) was not captured; it is called as one that has two ends and no neighbours` }),
    evidence,
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
  return device?.noArp === true || (device?.mac === undefined && isPointToPoint(name));
}

function inOneNetwork(own: Device, { device }: End): boolean {
  return device.addresses.some(({ ip }) => !ip.startsWith('fe80') && onLink(own, ip));
}
