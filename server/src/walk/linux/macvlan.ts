import type { Device } from '../../model/device';
import type { Namespace } from '../../model/namespace';
import type { Host } from '../../model/network';
import { isMulticastMac, parseMac } from '../../packet/address';
import { get, set, type FlowKey } from '../../packet/flow-key';
import { addDoubt, addGap, inNamespace, type Context } from '../context';
import { followCopies, type Copy } from '../copies';
import { destinationIp, destinationMac, isIpv6, type Ending, type Step } from '../step';
import { stepBase } from './events';
import type { Lower } from './vlan-device';

interface Child {
  readonly namespace: Namespace;
  readonly device: Device;
}

const MACVLAN = /^(?:macvlan|macvtap)$/;
const IPVLAN = /^(?:ipvlan|ipvtap)$/;

/** Whether a device shares the card below it with others (ip-link(8), "MACVLAN and MACVTAP", "IPVLAN and IPVTAP"). */
export function isShared(device: Device | undefined): boolean {
  return device?.type !== undefined && (MACVLAN.test(device.type) || IPVLAN.test(device.type));
}

/** The devices that share a card, in whatever namespace. */
export function sharing(host: Host, lower: Lower): Child[] {
  return [...host.namespaces.values()].flatMap((namespace) =>
    [...namespace.devices.values()]
      .filter((device) => isShared(device) && device.pair?.namespace === lower.namespace && device.pair.name === lower.name)
      .map((device) => ({ namespace, device })),
  );
}

/** ipvlan in the modes l3 and l3s: packets, not frames, and the machine that has the card routes them. */
function isRouted(device: Device): boolean {
  return device.type !== undefined && IPVLAN.test(device.type) && /^l3s?$/.test(mode(device));
}

/** In the mode l3s, what comes in passes PREROUTING and INPUT of the machine that has the card before a device takes it (ipvlan_l3_rcv). */
function isBehindRules(device: Device): boolean {
  return isRouted(device) && mode(device) === 'l3s';
}

/** The device that takes a packet with this destination from the rules of the machine that has the card. */
export function takerBehindRules(host: Host, lower: Lower, destination: string): Child | undefined {
  return sharing(host, lower).find(
    ({ device }) => isBehindRules(device) && device.addresses.some(({ ip }) => ip === destination),
  );
}

/** Whether a device of which nobody says the kind, or the card below it, may share a card by IP, and then takes what is for its address before the card's machine does. */
export function mayShareByIp(host: Host, { namespace, name }: Lower, destination: string): boolean {
  const card = host.namespaces.get(namespace)?.devices.get(name);
  return [...host.namespaces.values()].some(({ devices }) =>
    [...devices.values()].some(
      (device) =>
        device !== card &&
        (device.type === undefined || (isShared(device) && device.pair === undefined)) &&
        device.mac !== undefined &&
        device.mac === card?.mac &&
        device.addresses.some(({ ip }) => ip === destination),
    ),
  );
}

function mode(device: Device): string {
  return device.settings['mode'] ?? '';
}

/** Whether a frame is for one of the devices that share a card: by its MAC address, or, where they have one in common, by IP. */
function isFor(child: Device, packet: FlowKey): boolean {
  if (child.type !== undefined && IPVLAN.test(child.type)) return child.addresses.some(({ ip }) => ip === destinationIp(packet));
  // The only device of its card gets all that comes in.
  return mode(child) === 'passthru' || child.mac === destinationMac(packet);
}

function copyTo(host: Host, child: Child, lower: string, frame: FlowKey): Copy {
  // Without ARP the frame is for nobody's address, and the one that has the IP address takes it (ipvlan_rcv_frame).
  const packet = isRouted(child.device) ? set(frame, 'dl_dst', parseMac(child.device.mac ?? '') ?? 0n) : frame;
  return {
    host: host.name,
    namespace: child.namespace.name === '' ? null : child.namespace.name,
    stage: 'nic',
    device: lower,
    port: child.device.name,
    isLocal: false,
    packet,
    evidence: child.device.sources.slice(0, 1),
    go: (context, steps) =>
      context.go(
        context,
        { kind: 'device-in', host: host.name, namespace: child.namespace.name, device: child.device.name },
        packet,
        steps,
      ),
  };
}

/**
 * A frame leaves by a macvlan or ipvlan device: to another one of the same card, where their mode lets them talk, else out of the card
 * itself. The card's own address is never reached that way.
 */
export function outOfShared(
  context: Context,
  host: Host,
  namespace: Namespace,
  device: Device,
  packet: FlowKey,
  steps: Step[],
): Ending {
  const lower = device.pair;
  const at = { host: host.name, device: device.name, port: null };
  if (!lower) {
    addGap(context, {
      host: host.name,
      command: 'ip -d link',
      why: `which card ${device.name}${namespace.name === '' ? '' : ` of ${namespace.name}`} shares, on the machine that has the card`,
    });
    return {
      disposition: 'insufficient-info',
      at,
      summary: `Which card ${device.name} shares was not captured`,
      packet,
    };
  }
  const own = mode(device);
  const type = device.type ?? 'macvlan';
  const siblings = sharing(host, lower).filter((child) => child.device.name !== device.name || child.namespace !== namespace);
  // private and vepa hand everything to the wire; only two devices of mode bridge reach one another by the card.
  const direct = own === 'bridge' || /^l[23]s?$/.test(own);
  const reachable = siblings.filter((child) => direct && mode(child.device) === own);
  const group = isMulticastMac(get(packet, 'dl_dst'));
  const target = group ? undefined : reachable.find((child) => isFor(child.device, packet));
  const base = { ...stepBase(namespace, device.name), stage: 'nic' as const, packet, steps: [] };
  const evidence = [...device.sources.slice(0, 1), ...lower.evidence.slice(-1)];
  const words = own === '' ? type : `${type}, mode ${own}`;
  const certainty = own === '' ? 'inferred' : lower.certainty;
  const reasons = [own === '' ? `the mode of ${device.name} was not captured (ip -d link)` : '', lower.reason ?? ''].filter(
    (reason) => reason !== '',
  );
  const reason = reasons.length === 0 ? {} : { reason: reasons.join('; ') };
  if (target) {
    steps.push({
      ...base,
      summary: `${device.name} (${words}) hands the frame to ${target.device.name}${target.namespace.name === '' ? '' : ` in ${target.namespace.name}`}, which shares ${lower.name}`,
      certainty,
      ...reason,
      evidence: [...evidence, ...target.device.sources.slice(0, 1)],
    });
    return copyTo(host, target, lower.name, packet).go(context, steps);
  }
  if (isRouted(device)) {
    const summary = `${device.name} (${words}) hands the packet to the machine that has ${lower.name}, which routes it`;
    steps.push({ ...base, summary, certainty, ...reason, evidence });
    return context.go(
      context,
      { kind: 'namespace-local', host: host.name, namespace: lower.namespace, by: lower.name },
      packet,
      steps,
    );
  }
  steps.push({ ...base, summary: `${device.name} (${words}) sends the frame by ${lower.name}`, certainty, ...reason, evidence });
  const out: Copy = {
    host: host.name,
    namespace: lower.namespace === '' ? null : lower.namespace,
    stage: 'nic',
    device: lower.name,
    port: 'the wire',
    isLocal: false,
    packet,
    evidence,
    go: (inner, own2) =>
      inner.go(inner, { kind: 'device-out', host: host.name, namespace: lower.namespace, device: lower.name }, packet, own2),
  };
  const copies = group ? [...reachable.map((child) => copyTo(host, child, lower.name, packet)), out] : [out];
  return followCopies(context, copies, steps) ?? { disposition: 'dropped', at, summary: 'No copy is left', packet };
}

/** A frame comes in by a card that others share: the one that it is for takes it. Undefined where it is the card's own. */
export function intoShared(
  context: Context,
  host: Host,
  lower: Lower,
  packet: FlowKey,
  steps: Step[],
  own: (context: Context, steps: Step[]) => Ending,
): Ending | undefined {
  const children = sharing(host, lower);
  if (children.length === 0) return undefined;
  const namespace = host.namespaces.get(lower.namespace);
  if (isMulticastMac(get(packet, 'dl_dst'))) {
    const self: Copy = {
      host: host.name,
      namespace: lower.namespace === '' ? null : lower.namespace,
      stage: 'nic',
      device: lower.name,
      port: lower.name,
      isLocal: false,
      packet,
      evidence: namespace?.devices.get(lower.name)?.sources.slice(0, 1) ?? [],
      go: own,
    };
    return followCopies(context, [...children.map((child) => copyTo(host, child, lower.name, packet)), self], steps);
  }
  const target = children.find((child) => !isBehindRules(child.device) && isFor(child.device, packet));
  if (!target) {
    const unknown = children.find(
      ({ namespace: inside, device }) =>
        device.type !== undefined && IPVLAN.test(device.type) && inside.addressesKnown[isIpv6(packet) ? 6 : 4] !== 'whole',
    );
    if (unknown) {
      const why = `whether ${destinationIp(packet)} is an address of ${unknown.device.name}, which shares ${lower.name}`;
      const gap = { host: host.name, command: inNamespace(unknown.namespace, 'ip a'), why };
      addGap(context, gap);
      addDoubt(context, gap);
    }
  }
  if (!target || !namespace) return undefined;
  steps.push({
    ...stepBase(namespace, lower.name),
    stage: 'nic',
    summary: `${lower.name} hands the frame to ${target.device.name}${target.namespace.name === '' ? '' : ` in ${target.namespace.name}`}, a ${target.device.type ?? 'macvlan'} device that shares it`,
    certainty: target.device.pair?.certainty ?? 'captured',
    ...(target.device.pair?.reason === undefined ? {} : { reason: target.device.pair.reason }),
    packet,
    evidence: target.device.sources.slice(0, 1),
    steps: [],
  });
  return copyTo(host, target, lower.name, packet).go(context, steps);
}
