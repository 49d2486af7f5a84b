import type { Device } from '../model/device';
import type { Namespace } from '../model/namespace';
import type { Host, Network } from '../model/network';
import { devicesWithMac } from '../model/queries';
import type { FlowKey } from '../packet/flow-key';
import { addGap, type Context } from './context';
import { offTheWire } from './device-size';
import { stepBase } from './linux/events';
import { outOfShared } from './linux/macvlan';
import { isDown } from './linux/link-state';
import { cardBehind, type Attachment } from './owner';
import { destinationIp, destinationMac, type Ending, type Step } from './step';

/** Whether a device is a guest's: what comes for it goes to whoever has its file open, never to the stack of its machine (tap_handle_frame). */
export function isMacvtap(device: Device | undefined): boolean {
  return device?.type === 'macvtap' || device?.type === 'ipvtap';
}

type Found = ReturnType<typeof devicesWithMac>[number];

/** The macvtap device of another machine that has the address of a guest's card; undefined where none or several have it. */
export function macvtapOf(network: Network, guest: Host, mac: string | undefined): Found | undefined {
  if (mac === undefined) return undefined;
  const [only, more] = devicesWithMac(network, mac).filter(({ host, device }) => host !== guest && isMacvtap(device));
  return more ? undefined : only;
}

/** What a machine sends by a card that is a macvtap device of its hypervisor leaves by that; undefined for other cards. */
export function outByMacvtap(
  context: Context,
  guest: Host,
  card: Device | undefined,
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  if (isMacvtap(card)) return undefined;
  const tap = macvtapOf(context.network, guest, card?.mac);
  if (!card || !tap) return undefined;
  steps.push({
    ...stepBase(tap.namespace, tap.device.name),
    stage: 'tap',
    summary: `${tap.device.name} of ${tap.host.name} is ${card.name} of ${guest.name} (${tap.device.type ?? 'macvtap'})`,
    certainty: 'inferred',
    reason: `both have ${card.mac ?? ''}: a macvtap device has the address of its guest's card`,
    packet,
    evidence: [...card.sources.slice(0, 1), ...tap.device.sources.slice(0, 1)],
    steps: [],
  });
  const down = isDown(tap.host, { namespace: tap.namespace.name, device: tap.device.name }, true, packet, steps);
  return down ?? outOfShared(context, tap.host, tap.namespace, tap.device, packet, steps);
}

/** What an instance sends by a card that is a macvtap device of its hypervisor; undefined for other cards. */
export function outOfCard(
  context: Context,
  host: Host,
  instance: string,
  name: string,
  known: Attachment | undefined,
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  const root = host.namespaces.get('');
  const device = root?.devices.get(name);
  if (!root || !device || !isMacvtap(device)) return undefined;
  steps.push({
    ...stepBase(root, name),
    stage: 'tap',
    summary: `${name} of ${host.name} is the card of ${instance} (${device.type ?? 'macvtap'})`,
    certainty: known?.certainty ?? 'inferred',
    reason: known?.reason ?? `${instance} is behind ${name}`,
    packet,
    evidence: [...device.sources.slice(0, 1), ...(known?.evidence ?? [])],
    steps: [],
  });
  return (
    isDown(host, { namespace: '', device: name }, true, packet, steps) ?? outOfShared(context, host, root, device, packet, steps)
  );
}

/** A frame comes for a macvtap device: its guest gets it. */
export function intoMacvtap(
  context: Context,
  host: Host,
  namespace: Namespace,
  device: Device,
  packet: FlowKey,
  steps: Step[],
): Ending {
  const mac = device.mac;
  const at = { host: host.name, device: device.name, port: null };
  const cards =
    mac === undefined ? [] : devicesWithMac(context.network, mac).filter((one) => one.host !== host && !isMacvtap(one.device));
  const card = lowestOf(cards);
  const base = { ...stepBase(namespace, device.name), stage: 'tap' as const, packet, steps: [] };
  const evidence = device.sources.slice(0, 1);
  if (card) {
    steps.push({
      ...base,
      summary: `${device.name} is ${card.device.name} of ${card.host.name} (${device.type ?? 'macvtap'})`,
      certainty: 'inferred',
      reason: `both have ${mac ?? ''}: a macvtap device has the address of its guest's card`,
      evidence: [...evidence, ...card.device.sources.slice(0, 1)],
    });
    const place = { namespace: card.namespace.name, device: card.device.name };
    const long = offTheWire(context, card.host, place, packet, steps);
    return long ?? context.go(context, { kind: 'device-in', host: card.host.name, ...place }, packet, steps);
  }
  const known =
    cardBehind(context.network, host.name, device.name) ??
    context.network.instances.flatMap((instance) =>
      instance.interfaces.flatMap((one) => (one.mac === mac && mac !== undefined ? [{ instance, card: one }] : [])),
    )[0];
  const summary = `${device.name}: into the card of ${known ? known.instance.name : 'its guest'} (${device.type ?? 'macvtap'})`;
  steps.push({
    ...base,
    summary,
    certainty: known ? 'captured' : 'inferred',
    ...(known ? {} : { reason: 'which guest that is was not captured' }),
    evidence: [...evidence, ...(known ? [known.card.source] : [])],
  });
  if (!known) {
    addGap(context, { host: host.name, command: 'virsh domiflist', why: `whose card ${device.name} is` });
    const what = `What is behind ${device.name}, a guest's card, was not captured`;
    return { disposition: 'insufficient-info', at, summary: what, packet };
  }
  const ip = destinationIp(packet);
  const owns = known.instance.ips.some((one) => one.ip === ip);
  const delivered = `Delivered to instance ${known.instance.name}${owns ? ` (${ip})` : ''}`;
  steps.push({
    ...base,
    stage: 'instance',
    device: known.instance.name,
    summary: delivered,
    certainty: owns ? 'inferred' : 'assumed',
    reason: owns ? `libvirt gives ${destinationMac(packet)} to it` : `that ${ip} is its address was not captured`,
    evidence: [...known.instance.sources.slice(0, 1), known.card.source],
    effect: 'delivered',
  });
  return {
    disposition: 'delivered',
    at: { ...at, device: known.instance.name, port: device.name },
    summary: delivered,
    packet,
    back: { kind: 'instance', name: known.instance.name, tap: { host: host.name, device: device.name } },
  };
}

/** Of devices with one address on one machine the one below: what lies on it has the same. */
function lowestOf(cards: readonly Found[]): Found | undefined {
  const low = cards.filter(
    ({ namespace, device }) =>
      !cards.some((other) => other.namespace === namespace && other.device !== device && device.peer === other.device.name),
  );
  return low.length === 1 ? low[0] : undefined;
}
