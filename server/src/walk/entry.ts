import type { Host } from '../model/network';
import type { OvsBridge, OvsPort } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import { allDevices, instanceOf, neutronPortWithIp, onLink, ovsPortNamed } from '../model/queries';
import { inPrefix, parseIp, parseMac, parsePrefix } from '../packet/address';
import { LOCAL_PORT } from '../packet/fields';
import { set, withVlan } from '../packet/flow-key';
import { cardOfInstance, cardOfPort, ipOfMac, type Card } from './card';
import { addGap, inNamespace, type Context } from './context';
import { entryByRoute } from './entry-by-route';
import { macOfAddress, onlyCandidate, resolveNeighbour } from './linux/neighbour';
import { route } from './linux/routing';
import { newPacket, type WalkQuestion } from './question';
import { addresses, type Certainty, type Ending, type Place, type Step } from './step';
import { hasRole, siblingOf } from '../model/known-names';

interface Entry {
  readonly host: string;
  /** Of the device that takes it, where that is no switch's. */
  readonly namespace?: string;
  readonly place: Place;
  readonly device: string;
  /** Of the machine that hands the packet in, and of the one that takes it; undefined where nobody tells. */
  readonly sourceMac: string | undefined;
  readonly mac: string | undefined;
  /** 0 for none. */
  readonly vlan: number;
  readonly certainty?: Certainty;
  readonly reason: string;
  readonly evidence: readonly Source[];
}

/** From an address that no captured machine has: it comes in where the way to it goes out. */
export function startOutside(context: Context, ip: string, destination: string, question: WalkQuestion, steps: Step[]): Ending {
  const packet = newPacket(ip, destination, question);
  const entry =
    byRouter(context, ip, destination) ?? bySwitch(context, ip, destination) ?? entryByRoute(context, ip, destination);
  if (entry && 'mac' in entry) {
    if (entry.certainty === 'assumed')
      addGap(context, { host: null, command: 'ip route', why: `on ${ip}: which machine it sends packets for ${destination} to` });
    return enter(context, entry, ip, destination, question, steps);
  }
  if (entry) {
    addGap(context, { host: null, command: 'ip route', why: `on ${ip}: which of them it sends to: ${entry.places.join(', ')}` });
  } else if (!askRoutes(context, ip, destination)) {
    const why = `where ${ip} comes in: no captured device is on the way between it and ${destination}`;
    addGap(context, { host: null, command: 'ip neigh', why });
  }
  const summary = entry
    ? `Packets from ${ip} to ${destination} may come in at several captured machines: ${entry.places.join(', ')}`
    : `Where packets from ${ip} come in is not known: no captured namespace routes between it and ${destination}`;
  return { disposition: 'insufficient-info', at: { host: null, device: ip, port: null }, summary, packet };
}

/** Asks for the routes of machines of which rules or devices were captured, and no routes; whether there are any. */
function askRoutes(context: Context, ip: string, destination: string): boolean {
  const v6 = destination.includes(':');
  const unrouted = [...context.network.hosts.values()].flatMap((host) =>
    [...host.namespaces.values()].filter(
      ({ netfilter, nft, devices, routesKnown, routesKnown6 }) =>
        (v6 ? routesKnown6 : routesKnown) === 'absent' && (netfilter.size > 0 || nft.size > 0 || devices.size > 0),
    ),
  );
  for (const namespace of unrouted.slice(0, MOST_ASKED)) {
    const name = namespace.name === '' ? namespace.host : namespace.name;
    const why = `whether ${name} is on the way between ${ip} and ${destination}`;
    addGap(context, { host: namespace.host, command: inNamespace(namespace, v6 ? 'ip -6 route' : 'ip route'), why });
  }
  return unrouted.length > 0;
}

/** Of more machines than this no routes are asked for. */
const MOST_ASKED = 4;

/** From an uplink of a switch: whoever the switch has learned there sends the packet. */
export function startAtUplink(
  context: Context,
  host: Host,
  bridge: OvsBridge,
  port: OvsPort,
  destination: string,
  question: WalkQuestion,
  steps: Step[],
): Ending {
  const card = cardOf(context, destination);
  const receiver = card?.mac ?? macOfAddress(context.network, destination)?.mac;
  for (const row of bridge.fdb) {
    const ip = row.ofport === port.ofport ? ipOfMac(context.network, row.mac) : undefined;
    if (ip === undefined || receiver === undefined) continue;
    const place: Place = { kind: 'ovs-in', host: host.name, bridge: bridge.name, port: port.name };
    const reason = `${bridge.name} has learned ${row.mac}, which is ${ip}, on ${port.name}`;
    return enter(
      context,
      {
        host: host.name,
        place,
        device: port.name,
        sourceMac: row.mac,
        mac: receiver,
        vlan: port.tag === undefined ? row.vlan : 0,
        reason,
        evidence: [row.source],
      },
      ip,
      destination,
      question,
      steps,
    );
  }
  addGap(context, { host: host.name, command: `ovs-appctl fdb/show ${bridge.name}`, why: `who is behind ${port.name}` });
  addGap(context, { host: host.name, command: 'ip neigh', why: `the addresses of the machines behind ${port.name}` });
  return {
    disposition: 'insufficient-info',
    at: { host: host.name, device: bridge.name, port: port.name },
    summary: `Whose packets come in by ${port.name} was not captured: give the sender's address instead`,
    packet: newPacket('0.0.0.0', destination, question),
  };
}

function enter(context: Context, entry: Entry, ip: string, destination: string, question: WalkQuestion, steps: Step[]): Ending {
  const { place } = entry;
  const plain = set(
    set(newPacket(ip, destination, question), 'dl_src', parseMac(entry.sourceMac ?? '') ?? 0n),
    'dl_dst',
    parseMac(entry.mac ?? '') ?? 0n,
  );
  const frame = entry.vlan === 0 ? plain : withVlan(plain, entry.vlan);
  const what = entry.sourceMac === undefined ? addresses(frame) : `${ip} (${entry.sourceMac}) sends ${addresses(frame)}`;
  const to = entry.mac === undefined ? '' : ` to ${entry.mac}`;
  const at = place.kind === 'ovs-in' ? { device: place.bridge, port: place.port } : { device: entry.device, port: null };
  const tagged = entry.vlan === 0 ? '' : ` with VLAN ${entry.vlan}`;
  steps.push({
    host: entry.host,
    namespace: entry.namespace === undefined || entry.namespace === '' ? null : entry.namespace,
    stage: place.kind === 'ovs-in' ? 'ovs-port' : 'nic',
    device: at.device,
    port: at.port === at.device ? 'LOCAL' : at.port,
    summary: `${what}${to}; it comes in by ${at.port === null || at.port === at.device ? `${at.device}${at.port === null ? '' : "'s LOCAL port"}` : at.port}${tagged}`,
    certainty: entry.certainty ?? 'inferred',
    reason: entry.reason,
    packet: frame,
    evidence: entry.evidence,
    steps: [],
  });
  return context.go(context, place, frame, steps);
}

/** The router that owns or leads to the destination, and the port that its neighbour in the sender's direction is behind. */
function byRouter(context: Context, ip: string, destination: string): Entry | undefined {
  const candidates = [...allDevices(context.network)]
    .filter(
      ({ host, namespace, device }) =>
        device.mac !== undefined && device.name !== 'lo' && (namespace.name !== '' || host.bridges.size > 0),
    )
    .map((place) => ({
      ...place,
      owns: place.device.addresses.some((own) => own.ip === destination),
      onLink: onLink(place.device, ip),
      external: hasRole(place.device.name, 'router-outside', 'floating-outside'),
    }))
    .filter((place) => place.owns || place.onLink || place.external)
    .sort((a, b) => Number(b.owns) - Number(a.owns) || Number(b.onLink) - Number(a.onLink));
  for (const { host, namespace, device } of candidates) {
    const back = route(namespace, ip, {});
    if (back.kind !== 'forward' || back.device !== device.name) continue;
    const hop = back.via ?? ip;
    const scratch: Context = { ...context, gaps: [], limits: [] };
    const neighbour = resolveNeighbour(scratch, namespace, device.name, hop);
    const place = neighbour && placeOfMac(host, device.name, neighbour.mac);
    if (!neighbour || !place || device.mac === undefined) continue;
    for (const gap of scratch.gaps) addGap(context, gap);
    const said = [
      neighbour.reason,
      place.reason,
      back.via === undefined ? undefined : `packets from ${ip} are taken to come back by ${back.via}, where the route to it goes`,
    ].filter((reason) => reason !== undefined);
    return {
      ...place,
      host: host.name,
      device: device.name,
      sourceMac: neighbour.mac,
      mac: device.mac,
      reason: said.join('; '),
      evidence: [...neighbour.evidence, ...place.evidence, ...back.evidence],
    };
  }
  return undefined;
}

/** The card that has an address, by Neutron or libvirt. */
function cardOf(context: Context, ip: string): Card | undefined {
  const { network } = context;
  const port = neutronPortWithIp(network, ip);
  const instance =
    (port && instanceOf(network, port)) ??
    network.instances.find((candidate) => candidate.ports.length === 0 && candidate.ips.some((own) => own.ip === ip));
  if (instance) return cardOfInstance(network, instance, port, ip);
  return port && cardOfPort(network, port, ip);
}

/** An instance on a network that reaches out without a captured router: its switch has learned the sender, or the gateway to it. */
function bySwitch(context: Context, ip: string, destination: string): Entry | undefined {
  const { network } = context;
  const card = cardOf(context, destination);
  if (!card?.attachment || card.mac === undefined) return undefined;
  const { host, device } = card.attachment;
  const port = ovsPortNamed(host, device) ? device : siblingOf(device, 'outer');
  const fixed = card.port?.ips.find((own) => own.ip === destination);
  const subnet = network.subnets.find(({ id }) => id === fixed?.subnet);
  const cidr = subnet?.cidr === undefined ? undefined : parsePrefix(subnet.cidr);
  const address = parseIp(ip);
  const direct = cidr !== undefined && address !== undefined && inPrefix(address, cidr);
  const known = macOfAddress(network, ip);
  const hop = direct || known ? ip : subnet?.gateway;
  const sender =
    hop === undefined
      ? undefined
      : ((hop === ip ? known : macOfAddress(network, hop)) ?? onlyCandidate(network, host, port, card.mac, hop));
  const place = sender && placeOfMac(host, port, sender.mac);
  if (!sender || !place) return undefined;
  const said = [
    sender.reason,
    place.reason,
    hop === ip ? undefined : `packets from ${ip} are taken to come by the gateway ${hop ?? ''}`,
  ].filter((reason) => reason !== undefined);
  return {
    ...place,
    host: host.name,
    device: port,
    sourceMac: sender.mac,
    mac: card.mac,
    reason: said.join('; '),
    evidence: [...sender.evidence, ...place.evidence],
  };
}

/** Follows a MAC address through the MAC tables of a host's bridges, from a device outwards. */
function placeOfMac(
  host: Host,
  device: string,
  mac: string,
): { readonly place: Place; readonly vlan: number; readonly reason: string; readonly evidence: readonly Source[] } | undefined {
  let ovs = ovsPortNamed(host, device);
  if (!ovs) return undefined;
  const evidence: Source[] = [];
  for (let hops = 0; hops < 8; hops++) {
    const { bridge } = ovs;
    const row = bridge.fdb.find((candidate) => candidate.mac === mac);
    if (!row) return undefined;
    evidence.push(row.source);
    const port = bridge.ports.find((candidate) => candidate.ofport === row.ofport);
    if (row.ofport === LOCAL_PORT)
      return {
        place: { kind: 'ovs-in', host: host.name, bridge: bridge.name, port: bridge.name },
        vlan: 0,
        reason: `${bridge.name}'s MAC table has ${mac} on LOCAL`,
        evidence,
      };
    if (!port) return undefined;
    const peer = port.options['peer'];
    if (peer === undefined) {
      const vlan = port.tag === undefined ? row.vlan : 0;
      return {
        place: { kind: 'ovs-in', host: host.name, bridge: bridge.name, port: port.name },
        vlan,
        reason: `${bridge.name}'s MAC table has ${mac} on ${port.name}${vlan === 0 ? '' : ` in VLAN ${vlan}`}`,
        evidence,
      };
    }
    const next = ovsPortNamed(host, peer);
    if (!next) return undefined;
    ovs = next;
  }
  return undefined;
}
