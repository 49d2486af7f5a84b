import type { Device } from '../../model/device';
import { isCard } from '../../model/known-names';
import type { Namespace } from '../../model/namespace';
import type { Host } from '../../model/network';
import { allDevices, bridgeOfMember, devicesWithIp, linuxBridgeNamed, ovsPortNamed } from '../../model/queries';
import { parseMac } from '../../packet/address';
import { set, type FlowKey } from '../../packet/flow-key';
import { addGap, hostOf, inNamespace, type Context } from '../context';
import { privateSourceText } from '../way-back';
import { addresses, type Ending, type Step } from '../step';
import { whyUnverified } from './arp-in';
import { stepBase } from './events';

/**
 * A packet for a next hop whose MAC address no capture has, sent by a card: on a wire nothing but the next hop itself looks at that address, so
 * where one captured machine has the next hop it goes on there, and where none has it the captures end. Undefined for other devices: a switch
 * or a bridge needs the address to say by which port the frame goes.
 */
export function byWireTo(
  context: Context,
  namespace: Namespace,
  device: string,
  nextHop: string,
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  const host = hostOf(context, namespace.host);
  const own = namespace.devices.get(device);
  if (!host || !isOnWire(context, host, namespace, device, own)) return undefined;
  const owners = devicesWithIp(context.network, nextHop).filter((owner) => owner.host !== host);
  const [owner, second] = owners;
  if (second || (owner && !isOnWire(context, owner.host, owner.namespace, owner.device.name, owner.device))) return undefined;
  const frame = own?.mac === undefined ? packet : set(packet, 'dl_src', parseMac(own.mac) ?? 0n);
  const base = { ...stepBase(namespace, device), stage: 'nic' as const, packet: frame, steps: [] };
  const evidence = own?.sources.slice(0, 1) ?? [];
  if (owner) {
    const far = owner.device.name;
    steps.push({
      ...base,
      summary: `On the wire at ${device}, for ${nextHop}`,
      certainty: 'inferred',
      reason: `${far} of ${owner.host.name} has ${nextHop}: taken to be on the same wire; neither its MAC address nor a neighbour table was captured`,
      evidence: [...evidence, owner.source],
    });
    return context.go(
      context,
      { kind: 'device-in', host: owner.host.name, namespace: owner.namespace.name, device: far },
      frame,
      steps,
    );
  }
  addGap(context, {
    host: null,
    command: 'ip a',
    why: `on the machine with ${nextHop}, which is behind ${device} of ${host.name}`,
  });
  steps.push({
    ...base,
    summary: `Leaves by ${device} for ${nextHop}: ${addresses(packet)}`,
    certainty: 'assumed',
    reason: `no captured table has the MAC address of ${nextHop}: it is taken to answer for itself`,
    evidence,
    effect: 'exits',
  });
  return {
    disposition: 'exits',
    at: { host: host.name, device, port: null },
    summary: `Exits by ${device} of ${host.name} for ${nextHop}: what is behind it was not captured${privateSourceText(namespace, device, packet)}`,
    packet: frame,
    back: { kind: 'device-in', host: host.name, namespace: namespace.name, device },
  };
}

/** A table that was printed with names hides the gateway's address, and so its MAC address. */
export function unnamedGateway(
  context: Context,
  namespace: Namespace,
  device: string,
  name: string,
  packet: FlowKey,
  steps: Step[],
): Ending {
  const summary = `The route's gateway is shown by its name ("${name}"): which address the next hop has is not known`;
  addGap(context, { host: namespace.host, command: inNamespace(namespace, 'ip route'), why: summary });
  const left = byWireTo(context, namespace, device, name, packet, steps);
  if (left) return left;
  const base = stepBase(namespace, device);
  steps.push({ ...base, stage: 'neighbour', summary, certainty: 'assumed', packet, evidence: [], steps: [], effect: 'unknown' });
  return { disposition: 'insufficient-info', at: { host: namespace.host, device, port: null }, summary, packet };
}

/** A card of the machine itself that belongs to nothing, by its kind or, where nobody says that, by its name. */
function isOnWire({ network }: Context, host: Host, namespace: Namespace, name: string, device: Device | undefined): boolean {
  const isGuest = network.instances.some(({ guest }) => guest === host.name);
  if (isGuest || host.bridges.has(name) || ovsPortNamed(host, name)) return false;
  if (linuxBridgeNamed(host, namespace.name, name) || bridgeOfMember(host, namespace.name, name)) return false;
  if (device && (device.pair || device.peer !== undefined || device.peerIndex !== undefined || device.master !== undefined))
    return false;
  return isCard(name) && !/[.@:]/.test(name) && (device?.type === undefined || device.type === 'ether');
}

/** Why nobody answers for an address that a machine has, but does not use. */
export function unverifiedElsewhere({ network }: Context, ip: string): string | undefined {
  for (const { host, device } of allDevices(network)) {
    const own = device.unverified.find((address) => address.ip === ip);
    if (own) return `${host.name} has it on ${device.name}, but ${whyUnverified(own)}`;
  }
  return undefined;
}
