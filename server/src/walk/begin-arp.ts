import type { Namespace } from '../model/namespace';
import type { Host } from '../model/network';
import type { Source } from '../model/source';
import { neutronPortOf, ovsPortNamed } from '../model/queries';
import { parseIp, parseMac } from '../packet/address';
import { arpText, askedFor, isRequest, requestFor } from './arp';
import { cardBehindDevice, cardOfInstance, cardOfPort, hopOf, type Card } from './card';
import { addGap, hostOf, inNamespace, type Context } from './context';
import { addressFor, beginsAt } from './begin-place';
import { passDiscovery } from './linux/discovery-rules';
import { route } from './linux/routing';
import { stateText } from './linux/neighbour';
import { attachmentOf } from './owner';
import type { Whereabouts } from './start';
import type { Certainty, Ending, Place, Step } from './step';
import { hasRole } from '../model/known-names';

/**
 * A machine asks who has the address that it sends to for a destination: the destination itself where it is on the link, else the
 * gateway (arp(7), RFC 826; for IPv6 a neighbour solicitation, RFC 4861).
 */
export function beginArp(context: Context, from: Whereabouts, destination: string, steps: Step[]): Ending {
  const ending = asks(context, from, destination, steps);
  // Where one copy of the question ended says little: what counts is that none was answered.
  if (ending.disposition === 'delivered' || !isRequest(ending.packet)) return ending;
  return { ...ending, summary: `No captured machine answers for ${askedFor(ending.packet)}. ${ending.summary}` };
}

function asks(context: Context, from: Whereabouts, destination: string, steps: Step[]): Ending {
  const at = beginsAt(context.network, from);
  switch (at.kind) {
    case 'namespace':
      return asksFromNamespace(context, at.host, at.namespace, at.ip, destination, steps);
    case 'card':
      return asksFromCard(context, cardFor(context, at.from, destination), destination, steps);
    case 'unknown': {
      const where = from.kind === 'ip' ? from.ip : destination;
      addGap(context, { host: null, command: 'ip neigh', why: `the machine with ${where}: only a machine on the link can ask` });
      return {
        disposition: 'insufficient-info',
        at: { host: null, device: where, port: null },
        summary: `No captured machine has ${where}: where its question comes in is not known`,
        packet: new Map(),
      };
    }
  }
}

function cardFor(context: Context, from: Whereabouts, destination: string): Card | undefined {
  const { network } = context;
  if (from.kind === 'instance') return cardOfInstance(network, from.instance, from.port, destination);
  if (from.kind === 'neutron-port') return cardOfPort(network, from.port, destination) ?? bareCard(context, from);
  if (from.kind === 'ovs-port') return cardBehindDevice(network, from.host, from.port.name);
  return from.kind === 'device' ? cardBehindDevice(network, from.host, from.device) : undefined;
}

/** A router's or DHCP's port whose namespace was not captured. */
function bareCard(context: Context, from: Whereabouts & { kind: 'neutron-port' }): Card | undefined {
  const { port } = from;
  for (const host of context.network.hosts.values()) {
    for (const bridge of host.bridges.values()) {
      const found = bridge.ports.find(({ name }) => name.endsWith(port.id.slice(0, 11)));
      if (!found) continue;
      const attachment = {
        host,
        device: found.name,
        direct: true,
        certainty: 'inferred' as const,
        reason: '',
        evidence: found.sources.slice(0, 1),
      };
      return {
        name: found.name,
        mac: port.mac,
        ip: port.ips[0]?.ip,
        port,
        attachment,
        hypervisor: host.name,
        sources: port.sources,
      };
    }
  }
  return undefined;
}

function nobodyAsks(context: Context, host: string | null, device: string, command: string, summary: string): Ending {
  addGap(context, { host, command, why: summary.charAt(0).toLowerCase() + summary.slice(1) });
  return { disposition: 'insufficient-info', at: { host, device, port: null }, summary, packet: new Map() };
}

function asksFromNamespace(
  context: Context,
  host: Host,
  namespace: Namespace,
  ip: string | undefined,
  destination: string,
  steps: Step[],
): Ending {
  const name = namespace.name === '' ? host.name : namespace.name;
  const found = route(namespace, destination, {});
  if (found.kind !== 'forward') {
    const own = found.kind === 'local';
    const why = own
      ? `${destination} is ${name}'s own address: it asks nobody`
      : `Which device ${name} would ask on for ${destination} is not known: no captured route leads there`;
    return nobodyAsks(context, host.name, found.kind === 'local' ? found.device : 'lo', inNamespace(namespace, 'ip route'), why);
  }
  return asksOn(context, namespace, found.device, found.via ?? destination, destination, {
    source: ip ?? found.src,
    evidence: found.evidence,
    certainty: found.certainty,
    reason: found.reason,
    steps,
  });
}

/** A namespace sends the question by a device. */
export function asksOn(
  context: Context,
  namespace: Namespace,
  dev: string,
  target: string,
  destination: string,
  by: {
    readonly source: string | undefined;
    readonly evidence: readonly Source[];
    readonly certainty: Certainty;
    readonly reason: string | undefined;
    readonly steps: Step[];
  },
): Ending {
  const name = namespace.name === '' ? namespace.host : namespace.name;
  const device = namespace.devices.get(dev);
  const address = parseIp(target);
  const own = addressFor(namespace, dev, address?.family === 6);
  const said = by.source !== undefined && parseIp(by.source)?.family === address?.family ? by.source : undefined;
  const source = parseIp((address?.family === 6 ? own : (said ?? own)) ?? '');
  const mac = device?.mac ?? neutronPortOf(context.network, dev)?.mac;
  if (device?.noArp === true)
    return nobodyAsks(
      context,
      namespace.host,
      dev,
      inNamespace(namespace, 'ip link'),
      `${dev} of ${name} sends without asking: it has no neighbours with addresses (NOARP)`,
    );
  if (address === undefined || source?.family !== address.family || mac === undefined)
    return nobodyAsks(
      context,
      namespace.host,
      dev,
      inNamespace(namespace, 'ip a'),
      `The addresses of ${dev} of ${name} were not captured`,
    );
  const packet = requestFor(source.value, address.value, address.family, parseMac(mac) ?? 0n);
  const entry = namespace.neighbours.find((neighbour) => neighbour.ip === target && neighbour.dev === dev);
  const gateway = target === destination ? '' : `, the way to ${destination}`;
  by.steps.push({
    host: namespace.host,
    namespace: namespace.name === '' ? null : namespace.name,
    stage: 'neighbour',
    device: dev,
    port: null,
    summary: `${name} asks on ${dev}: ${arpText(packet)}${gateway}${entry ? ` (its table: ${stateText(entry)})` : ''}`,
    certainty: by.certainty,
    ...(by.reason === undefined ? {} : { reason: by.reason }),
    packet,
    evidence: [...by.evidence, ...(entry ? [entry.source] : []), ...(device?.sources.slice(0, 1) ?? [])],
    steps: [],
  });
  const sent = passDiscovery(context, namespace, dev, 'out', packet, by.steps);
  if ('disposition' in sent) return sent;
  return context.go(
    context,
    { kind: 'device-out', host: namespace.host, namespace: namespace.name, device: dev },
    sent.packet,
    by.steps,
  );
}

/** A machine behind a tap or a switch's port asks, by what its cloud says of it. */
function asksFromCard(context: Context, card: Card | undefined, destination: string, steps: Step[]): Ending {
  const ip = card?.ip;
  if (!card || ip === undefined || card.mac === undefined)
    return nobodyAsks(
      context,
      null,
      card?.name ?? destination,
      'openstack port list',
      `The addresses of the machine that asks for ${destination} were not captured`,
    );
  const hop = hopOf(context.network, card, ip, destination);
  const target = parseIp(hop?.ip ?? '');
  const source = parseIp(ip);
  if (!hop || !target || source?.family !== target.family) {
    const why = `Which machine ${card.name} sends packets for ${destination} to is not known`;
    return nobodyAsks(context, card.name, card.name, 'ip route', why);
  }
  const attachment = card.attachment ?? attachmentOf(context.network, card.mac, card.port);
  const packet = requestFor(source.value, target.value, target.family, parseMac(card.mac) ?? 0n);
  steps.push({
    host: attachment?.host.name ?? null,
    namespace: null,
    stage: 'instance',
    device: card.name,
    port: null,
    summary: `${card.name} asks: ${arpText(packet)}${hop.ip === destination ? '' : `, the way to ${destination}`}`,
    certainty: hop.assumed ? 'assumed' : 'inferred',
    reason: hop.reason,
    packet,
    evidence: [...card.sources, ...hop.evidence],
    steps: [],
  });
  if (!attachment)
    return nobodyAsks(
      context,
      card.hypervisor ?? null,
      card.name,
      'ovs-vsctl show',
      `Where ${card.name} is attached was not captured`,
    );
  return context.go(context, placeOf(context, card, attachment), packet, steps);
}

function placeOf(context: Context, card: Card, attachment: { readonly host: Host; readonly device: string }): Place {
  const host = hostOf(context, attachment.host.name) ?? attachment.host;
  const ovs = ovsPortNamed(host, attachment.device);
  const isTap = hasRole(attachment.device, 'tap', 'vnet', 'vhost-user', 'hybrid-outer') || !ovs;
  return isTap
    ? { kind: 'instance', name: card.name, tap: { host: host.name, device: attachment.device } }
    : { kind: 'ovs-in', host: host.name, bridge: ovs.bridge.name, port: ovs.port.name };
}
