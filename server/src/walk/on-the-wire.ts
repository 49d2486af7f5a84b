import type { Device } from '../model/device';
import type { Namespace } from '../model/namespace';
import type { Host } from '../model/network';
import { devicesWithMac, neutronPortWithMac, ovsPortNamed } from '../model/queries';
import { pairElsewhere } from '../model/pairs-between';
import { isMulticastMac } from '../packet/address';
import { get, type FlowKey } from '../packet/flow-key';
import { isRequest } from './arp';
import { arpOnTheWire } from './arp-instance';
import { whatIsBetween } from './between';
import { addDoubt, addGap, hostOf, inNamespace, type Context } from './context';
import { offTheWire } from './device-size';
import { lowest, type MacOwner } from './mac-owners';
import { attachmentOf, pairReason } from './owner';
import { destinationMac, markLast, sourceMac, tagText, type Ending, type Place, type Step } from './step';
import { switchBetween } from './switch-between';
import { privateSourceText } from './way-back';
import { arrivalOf, type Arrival } from './wire';

/**
 * A switch of a machine that is neither the sender's nor the receiver's. `nearer`: nor that of the receiver's hypervisor, whose uplinks are
 * looked at by themselves.
 */
function switchOnTheWay(
  context: Context,
  host: Host,
  receivers: readonly MacOwner[],
  packet: FlowKey,
  nearer: boolean,
): Arrival | undefined {
  if (isMulticastMac(get(packet, 'dl_dst'))) return undefined;
  const past = new Set([host.name, ...receivers.map((receiver) => receiver.host.name), ...passedSwitches(context, packet)]);
  const found = switchBetween(context.network, past, packet);
  if (!found || !nearer) return found;
  const mac = destinationMac(packet);
  const attachment = attachmentOf(context.network, mac, neutronPortWithMac(context.network, mac));
  // What has learned the receiver on a port that may lead to another switch is as much between as any.
  return attachment?.direct === true ? switchBetween(context.network, past.add(attachment.host.name), packet) : found;
}

const SWITCH = 'switch between|';

/** Names a switch that a frame has passed on its way from one machine to another. */
function switchKey(host: string, packet: FlowKey): string {
  return `${SWITCH}${sourceMac(packet)} ${destinationMac(packet)}|${host}`;
}

function passedSwitches(context: Context, packet: FlowKey): string[] {
  const start = switchKey('', packet);
  return [...context.seen].filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
}

/** A NIC: the next machine where a captured one has the receiver's MAC, the end of the captures otherwise. */
export function onTheWire(
  context: Context,
  host: Host,
  namespace: Namespace,
  name: string,
  packet: FlowKey,
  steps: Step[],
): Ending {
  const mac = destinationMac(packet);
  const device = namespace.devices.get(name);
  const isProgram = device?.type === 'tun';
  if (isProgram)
    addGap(context, {
      host: null,
      command: 'ip -d link',
      why: `where the program that has ${name} of ${host.name} hands its frames on`,
    });
  steps.push({
    host: host.name,
    namespace: namespace.name === '' ? null : namespace.name,
    stage: 'nic',
    device: name,
    port: null,
    summary: `On the wire at ${name}, ${tagText(packet)}, to ${mac}`,
    certainty: device ? (isProgram ? 'assumed' : 'captured') : 'inferred',
    ...(isProgram ? { reason: `a program has what leaves by ${name} (tun), and what it does with it was not captured` } : {}),
    ...(device ? {} : { reason: `${name} is a port that leads out of ${host.name}; the device itself (ip a) was not captured` }),
    packet,
    evidence: device?.sources.slice(0, 1) ?? ovsPortNamed(host, name)?.port.sources.slice(0, 1) ?? [],
    steps: [],
  });
  const asked =
    isMulticastMac(get(packet, 'dl_dst')) && isRequest(packet) ? arpOnTheWire(context, host, name, packet, steps) : undefined;
  if (asked) return asked;
  const far = device && pairElsewhere(context.network, device);
  if (device && far) {
    if (!far.learned && far.device.mac !== mac) doubtPair(context, device, far.device);
    return intoOtherEnd(context, device, far.device, packet, steps);
  }
  const receivers = lowest(devicesWithMac(context.network, mac).filter((owner) => owner.host !== host));
  const nearer = switchOnTheWay(context, host, receivers, packet, true);
  const arrival = nearer ? undefined : arrivalOf(context, { host, device: name }, receivers, packet);
  const middle = nearer ?? (arrival ? undefined : switchOnTheWay(context, host, receivers, packet, false));
  if (middle) {
    const last = steps.at(-1);
    if (last)
      steps[steps.length - 1] = {
        ...last,
        certainty: middle.certainty,
        reason: middle.reason,
        evidence: [...last.evidence, ...middle.evidence],
      };
    const seen = new Set([...context.seen, switchKey(host.name, packet), switchKey(middle.place.host, packet)]);
    return context.go({ ...context, seen }, middle.place, middle.packet, steps);
  }
  if (arrival) {
    const last = steps.at(-1);
    const receiver = hostOf(context, arrival.place.host);
    const between =
      receiver && whatIsBetween(context.network, { host, device: name }, { host: receiver, device: arrival.place.device });
    for (const gap of between?.gaps ?? []) addGap(context, gap);
    // A card that shares another may not reach those that share it as well.
    if (device && [...(host.namespaces.get(device.namespace)?.devices.values() ?? [])].every(({ type }) => type === undefined))
      addGap(context, {
        host: host.name,
        command: inNamespace(device.namespace, 'ip -d link'),
        why: `what kind of device ${name} is, and what it may reach`,
      });
    const [port] = between?.ports ?? [];
    if (last)
      steps[steps.length - 1] = {
        ...last,
        certainty: port || isProgram ? 'assumed' : arrival.certainty,
        reason: port
          ? `${arrival.reason}; nobody says who is behind ${port.port} of ${port.host}, which may be between`
          : arrival.reason,
        evidence: [...last.evidence, ...arrival.evidence],
      };
    if (arrival.certainty === 'assumed')
      addGap(context, {
        host: null,
        command: 'show mac address-table',
        why: `on the switches between ${name} of ${host.name} and the machine with ${mac}: in which VLAN the frame goes on`,
      });
    const long = receiver && offTheWire(context, receiver, arrival.place, arrival.packet, steps);
    if (long) return long;
    return context.go(context, arrival.place, arrival.packet, steps);
  }
  // A NIC that is a port of another host's bridge, or the bridge's own uplink.
  markLast(steps, 'exits');
  const bridge = ovsPortNamed(host, name)?.bridge.name;
  addGap(context, { host: null, command: 'ip a', why: `on the machine with ${mac}, which is behind ${name} of ${host.name}` });
  return {
    disposition: 'exits',
    at: { host: host.name, device: bridge ?? name, port: bridge === undefined ? null : name },
    summary: `Exits by ${name}${bridge === undefined ? '' : ` of ${bridge}`} of ${host.name}: what is behind it was not captured${privateSourceText(namespace, name, packet)}`,
    packet,
    back:
      bridge === undefined
        ? { kind: 'device-in', host: host.name, namespace: namespace.name, device: name }
        : { kind: 'ovs-in', host: host.name, bridge, port: name },
  };
}

/** Numbers alone may be equal by chance: no drop beyond such a pair is certain. */
function doubtPair(context: Context, device: Device, far: Device): void {
  const host = hostOf(context, far.host);
  const bridge = host && ovsPortNamed(host, far.name)?.bridge.name;
  const command = bridge === undefined ? 'bridge fdb show' : `ovs-appctl fdb/show ${bridge}`;
  addDoubt(context, { host: far.host, command, why: `whether ${far.name} is the other end of ${device.name} of ${device.host}` });
}

/** The other end of a pair that is on another machine takes what is sent, whoever it is for. */
export function intoOtherEnd(context: Context, device: Device, far: Device, packet: FlowKey, steps: Step[]): Ending {
  const last = steps.at(-1);
  if (last)
    steps[steps.length - 1] = {
      ...last,
      certainty: 'inferred',
      reason: pairReason(device, far),
      evidence: [...last.evidence, ...far.sources.slice(0, 1)],
    };
  const place: Place = { kind: 'device-in', host: far.host, namespace: far.namespace, device: far.name };
  const receiver = hostOf(context, far.host);
  const long = receiver && offTheWire(context, receiver, { namespace: far.namespace, device: far.name }, packet, steps);
  // Neither of both machines is a switch further on the way of the same frame.
  const seen = new Set([...context.seen, switchKey(device.host, packet), switchKey(far.host, packet)]);
  return long ?? context.go({ ...context, seen }, place, packet, steps);
}
