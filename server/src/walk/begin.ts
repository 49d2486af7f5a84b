import type { Namespace } from '../model/namespace';
import type { Host } from '../model/network';
import type { Source } from '../model/source';
import { instanceOf, networkOf, neutronPortOf, ovsPortNamed } from '../model/queries';
import { parseMac } from '../packet/address';
import { set, type FlowKey } from '../packet/flow-key';
import { addressFor, isOthers, senderBehind } from './begin-place';
import { cardBehindDevice, cardOfInstance, cardOfPort, hopOf, type Card } from './card';
import { addGap, hostOf, inNamespace, type Context } from './context';
import { fromGuest } from './device-size';
import { startAtUplink, startOutside } from './entry';
import { outOfCard } from './macvtap';
import { macOfAddress, onlyCandidate } from './linux/neighbour';
import { route } from './linux/routing';
import { attachmentOf, type Attachment } from './owner';
import { newPacket, type WalkQuestion } from './question';
import { exceeds, noteLimits, sizeText } from './size';
import { networkText, type Whereabouts } from './start';
import {
  addresses,
  destinationIp,
  destinationMac,
  sourceIp,
  sourceMac,
  type Certainty,
  type Ending,
  type Place,
  type Step,
} from './step';
import { hasRole, siblingOf } from '../model/known-names';

/** Where the packet is made, and its first steps from there. */
export function begin(context: Context, from: Whereabouts, destination: string, question: WalkQuestion, steps: Step[]): Ending {
  const { network } = context;
  switch (from.kind) {
    case 'instance':
      return beginInstance(context, from, destination, question, steps);
    case 'neutron-port': {
      const card = cardOfPort(network, from.port, destination);
      return card
        ? fromCard(context, card, destination, question, steps)
        : beginNeutronPort(context, from, destination, question, steps);
    }
    case 'device':
      if (isOthers(from)) return beginBehind(context, from.host, from.device, destination, question, steps);
      return beginNamespace(context, from.host, from.namespace, from.ip, destination, question, steps);
    case 'host': {
      const bare = from.host.namespaces.get('');
      if (bare) return beginNamespace(context, from.host, bare, undefined, destination, question, steps);
      break;
    }
    case 'ovs-port':
      return beginBehind(context, from.host, from.port.name, destination, question, steps);
    case 'ip':
      return startOutside(context, from.ip, destination, question, steps);
  }
  return {
    disposition: 'insufficient-info',
    at: { host: null, device: question.from, port: null },
    summary: `Where ${question.from} is attached was not captured`,
    packet: new Map(),
  };
}

/** From inside an instance: its own routes where they were captured, what its cloud gives it where not. */
function beginInstance(
  context: Context,
  from: Whereabouts & { kind: 'instance' },
  destination: string,
  question: WalkQuestion,
  steps: Step[],
): Ending {
  const guest = from.instance.guest === undefined ? undefined : hostOf(context, from.instance.guest);
  const inside = guest?.namespaces.get('');
  if (guest && inside && inside.devices.size > 0)
    return beginNamespace(context, guest, inside, from.ip, destination, question, steps);
  return fromCard(context, cardOfInstance(context.network, from.instance, from.port, destination), destination, question, steps);
}

/** From whatever is behind a port of a switch: a guest that somebody knows, or the wire. */
function beginBehind(
  context: Context,
  host: Host,
  device: string,
  destination: string,
  question: WalkQuestion,
  steps: Step[],
): Ending {
  const { network } = context;
  const neutron = neutronPortOf(network, device);
  const instance = neutron && instanceOf(network, neutron);
  if (instance && neutron)
    return beginInstance(context, { kind: 'instance', instance, port: neutron }, destination, question, steps);
  const sender = senderBehind(network, host, device);
  if (sender) return beginNamespace(context, sender.host, sender.namespace, sender.ip, destination, question, steps);
  const ovs = ovsPortNamed(host, device);
  const leadsAway =
    ovs !== undefined &&
    (ovs.port.type === 'patch' || ovs.port.options['peer'] !== undefined || ovs.port.options['remote_ip'] !== undefined);
  const card = leadsAway ? undefined : cardBehindDevice(network, host, device);
  if (card?.ip !== undefined) return fromCard(context, card, destination, question, steps);
  if (ovs && !hasRole(device, 'tap', 'vnet', 'vhost-user', 'hybrid-outer'))
    return startAtUplink(context, host, ovs.bridge, ovs.port, destination, question, steps);
  addGap(context, { host: host.name, command: 'ip neigh', why: `the addresses of what is behind ${device}` });
  addGap(context, { host: host.name, command: 'virsh domiflist', why: `whose card is behind ${device}` });
  return {
    disposition: 'insufficient-info',
    at: { host: host.name, device, port: null },
    summary: `Whose packets come in by ${device} was not captured: give the sender's address instead`,
    packet: new Map(),
  };
}

function fromCard(context: Context, card: Card, destination: string, question: WalkQuestion, steps: Step[]): Ending {
  const { network } = context;
  const { attachment, port } = card;
  const at = { host: attachment?.host.name ?? null, device: card.name, port: null };
  if (card.ip === undefined) {
    addGap(context, { host: null, command: `openstack port list --server ${card.name}`, why: `the address of ${card.name}` });
    return { disposition: 'insufficient-info', at, summary: `No captured address belongs to ${card.name}`, packet: new Map() };
  }
  let packet = newPacket(card.ip, destination, question);
  if (card.mac !== undefined) packet = set(packet, 'dl_src', parseMac(card.mac) ?? 0n);
  const hop = hopOf(network, card, card.ip, destination);
  const next =
    hop &&
    (macOfAddress(network, hop.ip) ??
      (attachment && onlyCandidate(network, attachment.host, switchPort(attachment), card.mac, hop.ip)));
  const sources: Source[] = [...card.sources, ...(hop?.evidence ?? []), ...(next?.evidence.slice(0, 1) ?? [])];
  if (!hop || !next) {
    addGap(context, { host: card.name, command: 'ip route', why: `the gateway that ${card.name} uses for ${destination}` });
    addGap(context, { host: card.name, command: 'ip neigh', why: `the MAC address of ${hop?.ip ?? 'its gateway'}` });
    const summary = hop
      ? `The MAC address of ${hop.ip}, where ${card.name} sends packets for ${destination} to, is in no capture`
      : `Which machine ${card.name} sends packets for ${destination} to is not known`;
    const reason = hop ? hop.reason : 'neither its routes nor its subnet were captured';
    steps.push(instanceStep(attachment, card.name, packet, summary, 'assumed', reason, sources, 'unknown'));
    return { disposition: 'insufficient-info', at, summary, packet };
  }
  if (hop.assumed)
    addGap(context, { host: card.name, command: 'ip route', why: `the gateway that ${card.name} uses for ${destination}` });
  packet = set(packet, 'dl_dst', parseMac(next.mac) ?? 0n);
  const way = hop.ip === destination ? 'straight' : `by its gateway ${hop.ip}`;
  const inPortList = network.neutronPorts.some((other) => other.mac === next.mac);
  const reason = inPortList || next.reason === undefined ? hop.reason : `${hop.reason}; ${next.reason}`;
  const summary = `Instance ${card.name}${port ? networkText(network, port) : ''} sends ${addresses(packet)} ${way} (${next.mac})`;
  const sent = instanceStep(attachment, card.name, packet, summary, hop.assumed ? 'assumed' : 'inferred', reason, sources);
  steps.push({ ...sent, steps: asToldByNeutron(context, card, sent) });
  if (!attachment) {
    const prefix = port?.id.slice(0, 11) ?? '';
    addGap(context, {
      host: card.hypervisor ?? null,
      command: 'ovs-vsctl show',
      why: `the port of ${card.name}${prefix === '' ? '' : ` (tap${prefix}, qvo${prefix})`}`,
    });
    return { disposition: 'insufficient-info', at, summary: `Where ${card.name} is attached was not captured`, packet };
  }
  return context.go(
    context,
    { kind: 'instance', name: card.name, tap: { host: attachment.host.name, device: attachment.device } },
    packet,
    steps,
  );
}

/** The MTU that an instance is told by its network's DHCP service. Whether it heeds it nobody knows, so it stops no packet here. */
function asToldByNeutron(context: Context, { name, port, attachment }: Card, sent: Step): Step[] {
  const told = port && networkOf(context.network, port);
  if (told?.mtu === undefined) return [];
  const source = told.says['mtu'];
  const evidence = source ? [source] : [];
  const limit = { host: attachment?.host.name ?? name, namespace: null, device: name, mtu: told.mtu, overhead: 0, evidence };
  noteLimits(context, [limit]);
  const { size } = context;
  if (!size || !exceeds(size, limit, 0)) return [];
  const what = size.dontFragment ? 'does not send them' : 'cuts them itself';
  const summary = `${sizeText(size)} are more than the MTU of its network ${told.name ?? told.id ?? ''} (${told.mtu}): an instance that heeds it ${what}; the walk goes on as if it did not`;
  return [{ ...sent, summary, certainty: 'inferred', reason: 'DHCP tells the instance', evidence }];
}

/** The switch's port that a tap leads to: behind a hybrid bridge it has another name. */
function switchPort(attachment: Attachment): string {
  const hybrid = siblingOf(attachment.device, 'outer');
  return ovsPortNamed(attachment.host, attachment.device) ? attachment.device : hybrid;
}

function instanceStep(
  attachment: Attachment | undefined,
  name: string,
  packet: FlowKey,
  summary: string,
  certainty: Certainty,
  reason: string,
  evidence: readonly Source[],
  effect?: Step['effect'],
): Step {
  return {
    host: attachment?.host.name ?? null,
    namespace: null,
    stage: 'instance',
    device: name,
    port: null,
    summary,
    certainty,
    reason,
    packet,
    evidence,
    steps: [],
    ...(effect === undefined ? {} : { effect }),
  };
}

/** A frame leaves an instance by its tap. */
export function outOfInstance(context: Context, place: Place & { kind: 'instance' }, packet: FlowKey, steps: Step[]): Ending {
  const { tap } = place;
  const host = tap && hostOf(context, tap.host);
  if (!tap || !host)
    return {
      disposition: 'insufficient-info',
      at: { host: null, device: place.name, port: null },
      summary: `Where ${place.name} is attached was not captured`,
      packet,
    };
  const bridge = [...host.linuxBridges.values()].find((candidate) =>
    candidate.members.some((member) => member.name === tap.device),
  );
  const member = bridge?.members.find((candidate) => candidate.name === tap.device);
  const ovs = ovsPortNamed(host, tap.device);
  const known = attachmentOf(context.network, sourceMac(packet), neutronPortOf(context.network, tap.device));
  const card = outOfCard(context, host, place.name, tap.device, known, packet, steps);
  if (card) return card;
  const taken = fromGuest(context, host, tap.device, packet, steps);
  if (typeof taken !== 'string') return taken;
  const beyond =
    taken === 'all'
      ? ''
      : `; that ${tap.device} takes what is longer than its MTU${taken === 'named' ? ', as a tap does,' : ''} was not captured`;
  if (bridge || !ovs || hasRole(tap.device, 'tap', 'vnet', 'vhost-user')) {
    steps.push({
      host: host.name,
      namespace: null,
      stage: 'tap',
      device: tap.device,
      port: null,
      summary: `Tap ${tap.device} of ${place.name} on ${host.name}`,
      certainty: taken === 'unsaid' ? 'assumed' : taken === 'named' ? 'inferred' : (known?.certainty ?? 'inferred'),
      reason: `${known?.reason ?? `${place.name} is behind ${tap.device}`}${beyond}`,
      packet,
      evidence: [...(member ? [member.source] : []), ...(known?.evidence ?? []), ...(ovs?.port.sources.slice(0, 1) ?? [])],
      steps: [],
    });
  }
  if (bridge)
    return context.go(
      context,
      { kind: 'linux-bridge-in', host: host.name, bridge: bridge.name, member: tap.device },
      packet,
      steps,
    );
  if (ovs)
    return context.go(context, { kind: 'ovs-in', host: host.name, bridge: ovs.bridge.name, port: ovs.port.name }, packet, steps);
  addGap(context, { host: host.name, command: 'brctl show', why: `the bridge that ${tap.device} is on` });
  return {
    disposition: 'insufficient-info',
    at: { host: host.name, device: tap.device, port: null },
    summary: `The bridge of ${tap.device} was not captured`,
    packet,
  };
}

/** From a router's or DHCP's own port: its namespace makes the packet. */
function beginNeutronPort(
  context: Context,
  from: Whereabouts & { kind: 'neutron-port' },
  destination: string,
  question: WalkQuestion,
  steps: Step[],
): Ending {
  const prefix = from.port.id.slice(0, 11);
  const v6 = destination.includes(':');
  const ip = (from.port.ips.find((fixed) => fixed.ip.includes(':') === v6) ?? from.port.ips[0])?.ip;
  for (const host of context.network.hosts.values()) {
    for (const namespace of host.namespaces.values()) {
      for (const device of namespace.devices.values()) {
        if (device.name.endsWith(prefix) && (namespace.name !== '' || device.addresses.length > 0))
          return beginNamespace(context, host, namespace, ip, destination, question, steps);
      }
    }
    for (const bridge of host.bridges.values()) {
      const port = bridge.ports.find((candidate) => candidate.name.endsWith(prefix));
      if (port && ip !== undefined)
        return beginBehindPort(context, from, host, bridge.name, port.name, ip, destination, question, steps);
    }
  }
  addGap(context, { host: null, command: 'ovs-vsctl show', why: `the device of Neutron port ${from.port.id} (…${prefix})` });
  return {
    disposition: 'insufficient-info',
    at: { host: null, device: from.port.id, port: null },
    summary: `The device of Neutron port ${from.port.id} was not captured`,
    packet: new Map(),
  };
}

/** A port whose namespace was not captured: the frame enters the switch there. */
function beginBehindPort(
  context: Context,
  from: Whereabouts & { kind: 'neutron-port' },
  host: Host,
  bridge: string,
  port: string,
  ip: string,
  destination: string,
  question: WalkQuestion,
  steps: Step[],
): Ending {
  const card: Card = {
    name: port,
    mac: from.port.mac,
    ip,
    port: from.port,
    attachment: undefined,
    hypervisor: host.name,
    sources: from.port.sources,
  };
  const hop = hopOf(context.network, card, ip, destination);
  let packet = newPacket(ip, destination, question);
  if (from.port.mac !== undefined) packet = set(packet, 'dl_src', parseMac(from.port.mac) ?? 0n);
  const next =
    hop && (macOfAddress(context.network, hop.ip) ?? onlyCandidate(context.network, host, port, from.port.mac, hop.ip));
  if (!hop || !next) {
    addGap(context, { host: host.name, command: 'ip neigh', why: `the MAC address that ${ip} sends to for ${destination}` });
    return {
      disposition: 'insufficient-info',
      at: { host: host.name, device: port, port: null },
      summary: `Which machine ${ip} sends to for ${destination} is not known`,
      packet,
    };
  }
  packet = set(packet, 'dl_dst', parseMac(next.mac) ?? 0n);
  steps.push({
    host: host.name,
    namespace: null,
    stage: 'namespace',
    device: port,
    port: null,
    summary: `${ip} on ${port} sends ${addresses(packet)}`,
    certainty: hop.assumed ? 'assumed' : 'inferred',
    reason: hop.reason,
    packet,
    evidence: from.port.sources.slice(0, 1),
    steps: [],
  });
  return context.go(context, { kind: 'ovs-in', host: host.name, bridge, port }, packet, steps);
}

/** From a namespace of a host, or from a machine whose own captures are there. */
function beginNamespace(
  context: Context,
  host: Host,
  namespace: Namespace,
  ip: string | undefined,
  destination: string,
  question: WalkQuestion,
  steps: Step[],
): Ending {
  const v6 = destination.includes(':');
  const chosen = route(namespace, destination, {});
  const device = chosen.kind === 'forward' || chosen.kind === 'local' ? chosen.device : 'lo';
  const own = [...namespace.devices.values()].flatMap(({ addresses: all }) => all.map((address) => address.ip));
  const routed =
    chosen.kind === 'forward'
      ? (chosen.src ?? addressFor(namespace, chosen.device, v6))
      : chosen.kind === 'local' && own.includes(destination)
        ? destination
        : undefined;
  const source =
    ip ?? routed ?? own.find((candidate) => candidate.includes(':') === v6 && !/^(?:127\.|::1$|fe80)/.test(candidate));
  if (source === undefined) {
    addGap(context, {
      host: host.name,
      command: inNamespace(namespace, 'ip a'),
      why: 'the address that the packet starts from',
    });
    return {
      disposition: 'insufficient-info',
      at: { host: host.name, device, port: null },
      summary: `No ${v6 ? 'IPv6 ' : ''}address of ${namespace.name === '' ? host.name : namespace.name} was captured`,
      packet: new Map(),
    };
  }
  const packet = newPacket(source, destination, question);
  const isInstance = context.network.instances.some((instance) => instance.guest === host.name);
  const where = namespace.name === '' ? host.name : `namespace ${namespace.name}`;
  const evidence = namespace.devices.get(device)?.sources.slice(0, 1) ?? namespace.sources.slice(0, 1);
  steps.push({
    host: host.name,
    namespace: namespace.name === '' ? null : namespace.name,
    stage: isInstance ? 'instance' : 'namespace',
    device: isInstance ? host.name : device,
    port: null,
    summary: `${isInstance ? `Instance ${host.name}` : where} sends ${addresses(packet)}`,
    certainty: 'captured',
    packet,
    evidence: evidence.length > 0 ? evidence : host.sources.slice(0, 1),
    steps: [],
  });
  return context.go(context, { kind: 'namespace-local', host: host.name, namespace: namespace.name }, packet, steps);
}

/** An instance answers by its own route, which need not be the MAC address that the request came from. */
export function answerOfInstance(context: Context, back: Place & { kind: 'instance' }, answer: FlowKey, steps: Step[]): Ending {
  const { network } = context;
  const host = back.tap && hostOf(context, back.tap.host);
  const tap = back.tap?.device ?? '';
  const card = host && cardBehindDevice(network, host, tap);
  const hop = card && hopOf(network, card, sourceIp(answer), destinationIp(answer));
  const next =
    hop &&
    (macOfAddress(network, hop.ip) ??
      (card.attachment && onlyCandidate(network, card.attachment.host, switchPort(card.attachment), card.mac, hop.ip)));
  const frame = next === undefined ? answer : set(answer, 'dl_dst', parseMac(next.mac) ?? 0n);
  steps.push({
    host: back.tap?.host ?? null,
    namespace: null,
    stage: 'instance',
    device: back.name,
    port: null,
    summary: `${back.name} answers ${addresses(frame)}, to ${destinationMac(frame)}`,
    certainty: hop?.assumed ? 'assumed' : 'inferred',
    reason: hop?.reason ?? 'sent back to the machine that the request came from',
    packet: frame,
    evidence: hop?.evidence ?? [],
    steps: [],
  });
  return outOfInstance(context, back, frame, steps);
}
