import type { Host } from '../model/network';
import type { Instance, NeutronPort } from '../model/openstack';
import { devicesWithIp } from '../model/queries';
import type { FlowKey } from '../packet/flow-key';
import { answeredBy, arpText, askedFor, isRequest } from './arp';
import { addGap, type Context } from './context';
import { destinationMac, type Ending, type Step } from './step';
import { arrivalOf } from './wire';

/** What is behind a tap, as far as anybody says. */
export interface Behind {
  readonly host: Host;
  readonly tap: string;
  readonly instance: Instance | undefined;
  readonly neutron: NeutronPort | undefined;
  /** The card's address. */
  readonly mac: string | undefined;
}

/** An ARP or neighbour discovery frame reaches an instance's card: it answers for its own addresses. */
export function arpAtInstance(context: Context, behind: Behind, packet: FlowKey, steps: Step[]): Ending {
  const { host, tap, instance, neutron, mac } = behind;
  const guest = instance?.guest === undefined ? undefined : context.network.hosts.get(instance.guest);
  const card = [...(guest?.namespaces.get('')?.devices.values() ?? [])].find(
    (device) => device.mac !== undefined && device.mac === mac,
  );
  if (guest && card)
    return context.go(context, { kind: 'device-in', host: guest.name, namespace: '', device: card.name }, packet, steps);
  const name = instance?.name ?? neutron?.name ?? (neutron ? `port ${neutron.id.slice(0, 11)}` : tap);
  const at = { host: host.name, device: name, port: tap };
  const base = { host: host.name, namespace: null, stage: 'instance' as const, device: name, port: null, packet, steps: [] };
  const fixed = neutron?.ips ?? (instance?.ports.length === 0 ? instance.ips : undefined);
  const sources = [...(neutron?.sources.slice(0, 1) ?? []), ...(instance?.sources.slice(0, 1) ?? [])];
  const who = neutron ? 'the Neutron port list' : 'what was captured of it';
  if (!isRequest(packet)) {
    const mine = mac === undefined || mac === destinationMac(packet);
    const summary = mine
      ? `${name} learns: ${arpText(packet)}`
      : `${name} ignores the answer: it is for ${destinationMac(packet)}`;
    const reason = 'the card is behind the tap; what it does with the answer was not captured';
    steps.push({ ...base, summary, certainty: 'inferred', reason, evidence: sources, effect: mine ? 'delivered' : 'dropped' });
    return { disposition: mine ? 'delivered' : 'dropped', at, summary, packet };
  }
  const asked = askedFor(packet);
  const own = fixed?.find(({ ip }) => ip === asked);
  if (own && mac !== undefined) {
    const ending = answeredBy(packet, mac, name, { kind: 'instance', name, tap: { host: host.name, device: tap } });
    const reason = `${who} gives ${asked} and ${mac} to it`;
    const summary = `${name} answers: ${asked} is at ${mac}`;
    steps.push({ ...base, summary, certainty: 'inferred', reason, evidence: [own.source, ...sources], effect: 'delivered' });
    return { ...ending, at };
  }
  if (fixed !== undefined && fixed.length > 0) {
    const summary = `${name} does not answer for ${asked}: ${who} gives it ${fixed.map(({ ip }) => ip).join(', ')}`;
    const reason = 'an address that was added inside the machine is in no list';
    steps.push({ ...base, summary, certainty: 'inferred', reason, evidence: sources, effect: 'dropped' });
    return { disposition: 'dropped', at, summary, packet };
  }
  addGap(context, {
    host: host.name,
    command: 'virsh domiflist',
    why: `whose card is behind ${tap}, and whether it has ${asked}`,
  });
  const summary = `Whether ${name} has ${asked} was not captured`;
  steps.push({
    ...base,
    summary,
    certainty: 'assumed',
    reason: 'nothing captured says which addresses it has',
    evidence: sources,
    effect: 'unknown',
  });
  return { disposition: 'insufficient-info', at, summary, packet };
}

/** A question on a wire reaches the machine that has the address, where a captured one has it; undefined where none does. */
export function arpOnTheWire(context: Context, host: Host, device: string, packet: FlowKey, steps: Step[]): Ending | undefined {
  const arrival = arrivalOf(context, { host, device }, devicesWithIp(context.network, askedFor(packet)), packet);
  if (!arrival) return undefined;
  const last = steps.at(-1);
  if (last)
    steps[steps.length - 1] = {
      ...last,
      certainty: arrival.certainty,
      reason: arrival.reason,
      evidence: [...last.evidence, ...arrival.evidence],
    };
  return context.go(context, arrival.place, arrival.packet, steps);
}
