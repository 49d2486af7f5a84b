import { takeLikely } from '../../kernel/decide';
import { routeInput } from '../../kernel/route-input';
import { sysctl } from '../../kernel/sysctl';
import type { Device, UnverifiedAddress } from '../../model/device';
import type { Namespace } from '../../model/namespace';
import type { Host } from '../../model/network';
import type { Source } from '../../model/source';
import { neutronPortOf } from '../../model/queries';
import { isMulticastMac, parseIp } from '../../packet/address';
import { get, type FlowKey } from '../../packet/flow-key';
import { answeredBy, arpText, askedFor, isArp, isRequest } from '../arp';
import { addGap, inNamespace, type Context } from '../context';
import { destinationMac, sourceIp, type Ending, type Step } from '../step';
import { passDiscovery } from './discovery-rules';
import { at, stepBase } from './events';
import { ipPacketOf } from './packet';

/** An ARP or neighbour discovery frame reaches a device of a namespace (arp_process, ndisc_recv_ns). */
export function arpIn(
  context: Context,
  host: Host | undefined,
  namespace: Namespace,
  dev: string,
  frame: FlowKey,
  steps: Step[],
): Ending {
  const device = namespace.devices.get(dev);
  const mac = device?.mac ?? neutronPortOf(context.network, dev)?.mac;
  const name = namespace.name === '' ? namespace.host : namespace.name;
  const where = at(namespace, dev);
  if (!device && host?.bridges.has(dev) !== true && neutronPortOf(context.network, dev) === undefined) {
    addGap(context, {
      host: namespace.host,
      command: inNamespace(namespace, 'ip a'),
      why: `whether ${dev} has ${askedFor(frame)}`,
    });
    const summary = `Whether ${dev} of ${name} has ${askedFor(frame)} was not captured`;
    return { disposition: 'insufficient-info', at: where, summary, packet: frame };
  }
  const heard = passDiscovery(context, namespace, dev, 'in', frame, steps);
  if ('disposition' in heard) return heard;
  const { packet } = heard;
  const base = { ...stepBase(namespace, dev), stage: 'neighbour' as const, packet, steps: [] };
  if (!isRequest(packet)) {
    const mine = mac === undefined || mac === destinationMac(packet) || isMulticastMac(get(packet, 'dl_dst'));
    const summary = mine
      ? `${name} learns on ${dev}: ${arpText(packet)}`
      : `${dev} ignores the answer: it is for ${destinationMac(packet)}`;
    const evidence = device?.sources.slice(0, 1) ?? [];
    steps.push({
      ...base,
      summary,
      certainty: device ? 'captured' : 'inferred',
      evidence,
      effect: mine ? 'delivered' : 'dropped',
    });
    return { disposition: mine ? 'delivered' : 'dropped', at: where, summary, packet };
  }
  const decision = decide(context, namespace, dev, packet);
  if (decision.kind === 'unknown') {
    addGap(context, { host: namespace.host, command: inNamespace(namespace, decision.command), why: decision.why });
    const summary = `Whether ${name} answers on ${dev} for ${askedFor(packet)} was not captured`;
    steps.push({ ...base, summary, certainty: 'assumed', reason: decision.why, evidence: [], effect: 'unknown' });
    return { disposition: 'insufficient-info', at: where, summary, packet };
  }
  if (decision.kind === 'silent' || mac === undefined) {
    const why = decision.kind === 'silent' ? decision.why : `the address of ${dev} was not captured`;
    const summary = `${name} does not answer on ${dev} for ${askedFor(packet)}: ${why}`;
    steps.push({ ...base, summary, certainty: 'captured', evidence: decision.evidence, effect: 'dropped' });
    return { disposition: 'dropped', at: where, summary, packet };
  }
  const who = `${name}, ${dev}`;
  const ending = answeredBy(packet, mac, who, {
    kind: 'device-out',
    host: namespace.host,
    namespace: namespace.name,
    device: dev,
  });
  const summary = `${name} answers on ${dev}: ${askedFor(packet)} is at ${mac}${decision.note}`;
  steps.push({
    ...base,
    summary,
    certainty: decision.certainty,
    ...(decision.reason === undefined ? {} : { reason: decision.reason }),
    evidence: decision.evidence,
    effect: 'delivered',
  });
  const said = ending.answer && passDiscovery(context, namespace, dev, 'out', ending.answer, steps);
  if (said && 'disposition' in said) return said;
  return { ...ending, ...(said ? { answer: said.packet } : {}), at: where };
}

type Decision =
  | {
      readonly kind: 'answers';
      readonly note: string;
      readonly certainty: Step['certainty'];
      readonly reason: string | undefined;
      readonly evidence: readonly Source[];
    }
  | { readonly kind: 'silent'; readonly why: string; readonly evidence: readonly Source[] }
  | { readonly kind: 'unknown'; readonly why: string; readonly command: string };

function decide(context: Context, namespace: Namespace, dev: string, packet: FlowKey): Decision {
  const asked = askedFor(packet);
  const owners = [...namespace.devices.values()].flatMap((device) =>
    device.addresses.filter(({ ip }) => ip === asked).map((address) => ({ device, source: address.source })),
  );
  const neutron = neutronPortOf(context.network, dev);
  const fixed = namespace.devices.has(dev) ? undefined : neutron?.ips.find(({ ip }) => ip === asked);
  if (fixed)
    return {
      kind: 'answers',
      note: '',
      certainty: 'inferred',
      reason: `the Neutron port list gives ${asked} to ${dev}; ip a was not captured there`,
      evidence: [fixed.source],
    };
  // A list of all devices has lo; what one device was asked for shows its own addresses only, among which it answers most likely.
  const shown = (device: string) =>
    (namespace.devices.get(device)?.addresses.length ?? 0) + (namespace.devices.get(device)?.unverified.length ?? 0) > 0;
  if (owners.length === 0 && !shown(dev) && !shown('lo') && neutron === undefined)
    return { kind: 'unknown', command: 'ip a', why: `whether ${namespace.host} has ${asked}` };
  if (!isArp(packet)) return decideNd(namespace, dev, asked, owners);
  return decideArp(namespace, dev, packet, asked, owners);
}

/** Why the kernel answers nothing for such an address. */
export function whyUnverified({ state }: UnverifiedAddress): string {
  return state === 'dadfailed'
    ? 'another machine was found to have the address (dadfailed), so the kernel does not use it'
    : 'the address is tentative: until it is known that nobody else has it, the kernel does not use it';
}

type Owners = readonly { readonly device: Device; readonly source: Source }[];

/** IPv6 answers on the device that has the address, or as a proxy for those of `ip -6 neigh show proxy`. */
function decideNd(namespace: Namespace, dev: string, asked: string, owners: Owners): Decision {
  const own = owners.find(({ device }) => device.name === dev);
  if (own) return { kind: 'answers', note: '', certainty: 'captured', reason: undefined, evidence: [own.source] };
  const proxy = sysctl(namespace, 'net.ipv6.conf', dev, 'proxy_ndp', 'or');
  if (proxy?.value === '1')
    return { kind: 'unknown', command: 'ip -6 neigh show proxy', why: `whether ${dev} stands in for ${asked} (proxy_ndp)` };
  const device = namespace.devices.get(dev);
  const unverified = device?.unverified.find(({ ip }) => ip === asked);
  if (unverified) return { kind: 'silent', why: whyUnverified(unverified), evidence: [unverified.source] };
  const other = owners[0];
  const why = other
    ? `the address is ${other.device.name}'s, and IPv6 answers on the device that has it only`
    : 'it is not its address';
  return { kind: 'silent', why, evidence: other ? [other.source] : (device?.sources.slice(0, 1) ?? []) };
}

/** What the kernel answers for (ip-sysctl: arp_ignore, proxy_arp): its own addresses on any device, others as a proxy. */
function decideArp(namespace: Namespace, dev: string, packet: FlowKey, asked: string, owners: Owners): Decision {
  const ip = { ...ipPacketOf(packet, 0, 0), proto: 0, frame: 'host' as const };
  const here = namespace.devices.get(dev)?.sources.slice(0, 1) ?? [];
  const probe = get(packet, 'arp_spa') === 0n;
  const decision = probe ? undefined : routeInput(ip, dev, { namespace, choose: takeLikely, key: `arp ${dev}` });
  const own = owners.find(({ device }) => device.name === dev) ?? owners[0];
  if (own && (probe || decision?.kind === 'local' || decision?.kind === 'unknown')) {
    const ignore = sysctl(namespace, 'net.ipv4.conf', dev, 'arp_ignore', 'max');
    const refused = ignored(Number(ignore?.value ?? 0), own.device, dev, packet);
    if (refused !== undefined)
      return { kind: 'silent', why: refused, evidence: [own.source, ...(ignore ? [ignore.source] : [])] };
    const elsewhere =
      own.device.name === dev ? '' : ` (the address is on ${own.device.name}; Linux answers for all its addresses on any device)`;
    return { kind: 'answers', note: elsewhere, certainty: 'captured', reason: undefined, evidence: [own.source] };
  }
  if (own && decision?.kind === 'refused')
    return { kind: 'silent', why: decision.text, evidence: [own.source, ...(decision.source ? [decision.source] : [])] };
  const said = sysctl(namespace, 'net.ipv4.conf', dev, 'proxy_arp', 'or');
  const proxy = said?.value === '1' ? said : undefined;
  if (proxy && decision?.kind === 'forward' && decision.lookup.hop && decision.lookup.hop.device !== dev)
    return {
      kind: 'answers',
      note: `, as a proxy: it routes ${asked} by ${decision.lookup.hop.device} (proxy_arp)`,
      certainty: 'captured',
      reason: undefined,
      evidence: [proxy.source, ...(decision.lookup.route.source ? [decision.lookup.route.source] : [])],
    };
  const why = proxy ? 'it is not its address, and no route leads there by another device' : 'it is not its address';
  return { kind: 'silent', why, evidence: here };
}

/** Why arp_ignore keeps a device from answering; undefined where it answers. */
function ignored(level: number, owner: Device, dev: string, packet: FlowKey): string | undefined {
  if (level === 0) return undefined;
  if (level === 8) return 'arp_ignore is 8';
  if (owner.name !== dev) return `the address is ${owner.name}'s, and arp_ignore is ${level}`;
  if (level === 2) {
    const sender = parseIp(sourceIp(packet));
    const near = owner.addresses.some(({ ip, prefix }) => {
      const mine = parseIp(ip);
      if (!mine || !sender || mine.family !== 4 || sender.family !== 4) return false;
      const shift = BigInt(32 - prefix);
      return mine.value >> shift === sender.value >> shift;
    });
    return near ? undefined : 'the sender is on another subnet, and arp_ignore is 2';
  }
  return undefined;
}
