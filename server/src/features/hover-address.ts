import type { Source } from '../model/source';
import { devicesWithMac, neutronPortWithMac } from '../model/queries';
import {
  inPrefix,
  isMulticastMac,
  parseIp,
  parseMac,
  parsePrefix,
  parseQuad,
  type IpAddress,
  type IpPrefix,
} from '../packet/address';
import { attachmentOf } from '../walk/owner';
import type { EntityOf } from './entity';
import { domainInterfaces } from './libvirt';
import { configuredAt, neutronBullet, tunnelsWithIp } from './hover-switch';
import { allRules, floatingIps, learnedAt, ownerOfPort, portNetwork, portsWithMac, networkTitle } from './knowledge';
import { code, count, escape, few, inBrackets, link, section, upper } from './markdown';
import type { World } from './world';

/** A MAC address: whose it is, where it is attached, where switches have learned it. */
export function describeMac(world: World, entity: EntityOf<'mac'>): string {
  const { network } = world;
  const mac = entity.value;
  const bits = parseMac(mac);
  if (bits === 0xffffffffffffn) return section('Broadcast', [`${code(mac)}: every machine in the VLAN`]);
  if (bits !== undefined && isMulticastMac(bits)) return section('Group address', [`${code(mac)}: multicast, no machine's own`]);
  const port = neutronPortWithMac(network, mac);
  const owner = port && ownerOfPort(network, port);
  const bullets: (string | undefined)[] = [];
  if (port) bullets.push(neutronBullet(world, port));
  if (owner?.certainty === 'inferred') bullets.push(`${upper(owner.text)}: inferred ${owner.reason ?? ''}`);
  const on = port && portNetwork(network, port);
  if (on) bullets.push(`Network ${code(networkTitle(on))}`);
  const devices = devicesWithMac(network, mac).map(({ host, namespace, device }) => {
    const where = namespace.name === '' ? '' : `, namespace ${code(namespace.name)}`;
    return `Device ${code(device.name)} of **${escape(host.name)}**${where}${inBrackets(world, device.sources[0])}`;
  });
  bullets.push(...devices);
  const own = portsWithMac(network, mac).map(({ host, bridge, port: ovs }) =>
    ovs.attachedMac === mac
      ? `Attached to ${code(ovs.name)} of ${code(bridge.name)} on **${escape(host.name)}**${inBrackets(world, ovs.says['attachedMac'])}`
      : ovs.name === bridge.name
        ? `The own address of bridge ${code(bridge.name)} on **${escape(host.name)}**${inBrackets(world, ovs.says['mac'])}`
        : `The switch's own address for port ${code(ovs.name)} of ${code(bridge.name)} on **${escape(host.name)}**, not a machine behind it${inBrackets(world, ovs.says['mac'])}`,
  );
  bullets.push(...own.slice(0, 4));
  const domains = domainInterfaces(world, (fact) => fact.mac?.value === mac);
  bullets.push(...domains.map(({ text }) => text));
  const attached = attachmentOf(network, mac, port);
  if (attached && devices.length === 0 && !domains.some(({ fact }) => fact.target?.value === attached.device)) {
    const how = attached.certainty === 'captured' ? 'captured' : `inferred: ${escape(attached.reason)}`;
    bullets.push(`Attached by ${code(attached.device)} on **${escape(attached.host.name)}** (${how})`);
  }
  const learned = learnedAt(network, mac);
  for (const { host, bridge, row } of learned.slice(0, 8)) {
    const name =
      row.portName === bridge.name ? 'LOCAL' : (row.portName ?? (row.ofport === undefined ? 'a port' : `port ${row.ofport}`));
    const vlan = row.vlan === 0 ? 'untagged' : `VLAN ${row.vlan}`;
    bullets.push(
      `Learned by ${code(bridge.name)} on **${escape(host.name)}**: ${vlan}, by ${code(name)}${inBrackets(world, row.source)}`,
    );
  }
  bullets.push(...linuxBullets(world, mac));
  if (learned.length === 0 && bullets.length > 0) bullets.push('In no captured MAC table');
  if (bullets.length === 0)
    bullets.push(`Nothing captured says whose it is: ${code('openstack port list')} or ${code('ip link')} may tell`);
  return section(`${owner === undefined ? 'MAC address' : escape(upper(owner.text))} · ${mac}`, bullets);
}

/** Linux bridges that have the MAC in their tables, and ARP tables that name it. */
function linuxBullets(world: World, mac: string): string[] {
  const found: string[] = [];
  for (const host of world.network.hosts.values()) {
    for (const bridge of host.linuxBridges.values()) {
      for (const entry of bridge.fdb) {
        if (entry.mac !== mac) continue;
        const what = entry.permanent ? 'Own address of a port of' : 'Learned by';
        found.push(
          `${what} Linux bridge ${code(bridge.name)} on **${escape(host.name)}**: ${code(entry.dev)}${inBrackets(world, entry.source)}`,
        );
      }
    }
    for (const namespace of host.namespaces.values()) {
      for (const neighbour of namespace.neighbours) {
        if (neighbour.mac !== mac) continue;
        found.push(
          `ARP of **${escape(host.name)}**: ${code(neighbour.ip)} by ${code(neighbour.dev)}${inBrackets(world, neighbour.source)}`,
        );
      }
    }
  }
  return found.slice(0, 6);
}

/** An IP address: whose it is, where it is configured, what NAT does with it, which subnet or route covers it. */
export function describeIp(world: World, entity: EntityOf<'ip'>): string {
  const { network } = world;
  const ip = entity.value;
  const special = specialIp(ip);
  const bullets: (string | undefined)[] = [special];
  let title: string | undefined;
  const floating = floatingIps(network, ip);
  for (const pair of floating) {
    const port = network.neutronPorts.find((candidate) => candidate.ips.some((fixed) => fixed.ip === pair.fixed));
    const owner = port && ownerOfPort(network, port);
    const where = `NAT on **${escape(pair.place.host.name)}**${inBrackets(world, pair.place.rule.source)}`;
    if (pair.floating === ip) {
      title ??= `Floating IP${owner ? ` of ${owner.text}` : ''}`;
      bullets.push(`Stands for ${code(pair.fixed)}: ${where}`);
    } else bullets.push(`Seen from outside as ${code(pair.floating)}: ${where}`);
  }
  const ports = network.neutronPorts.filter((candidate) => candidate.ips.some((fixed) => fixed.ip === ip));
  for (const port of ports.slice(0, 3)) {
    const owner = ownerOfPort(network, port);
    title ??= owner && upper(owner.text);
    bullets.push(neutronBullet(world, port));
    if (owner?.certainty === 'inferred') bullets.push(`${upper(owner.text)}: inferred ${owner.reason ?? ''}`);
    const on = portNetwork(network, port);
    if (on) bullets.push(`Network ${code(networkTitle(on))}`);
    const attached = attachmentOf(network, port.mac, port);
    if (attached)
      bullets.push(
        `Attached by ${code(attached.device)} on **${escape(attached.host.name)}**${attached.certainty === 'captured' ? '' : ' (inferred)'}`,
      );
  }
  for (const instance of network.instances) {
    const own = instance.ips.find((candidate) => candidate.ip === ip);
    if (!own) continue;
    title ??= `Instance ${instance.name}`;
    if (ports.some((port) => ownerOfPort(network, port)?.text === `instance ${instance.name}`)) continue;
    bullets.push(`Address of instance ${code(instance.name)}${inBrackets(world, own.source)}`);
  }
  bullets.push(...configuredAt(world, ip).slice(0, 4), ...tunnelsWithIp(world, ip).slice(0, 4), ...neighbourBullets(world, ip));
  const rules = [...allRules(network)].filter(
    ({ rule, table }) => table === 'nat' && names(rule.text, ip) && !floating.some(({ place }) => place.rule === rule),
  );
  if (rules.length > 0) {
    const shown = rules.map(({ chain, rule }) =>
      `${link(world, rule.source, `${chain.name} ${rule.number}`) ?? chain.name} ${rule.target ?? ''}`.trim(),
    );
    bullets.push(`${floating.length > 0 ? 'Also in' : 'In'} ${count(rules.length, 'NAT rule')}: ${few(shown)}`);
  }
  title ??= tunnelOwner(world, ip);
  bullets.push(...gatewayBullets(world, ip), ...coverBullets(world, ip));
  if (!bullets.some((bullet) => bullet !== undefined)) bullets.push('Nothing captured says whose it is');
  return section(`${escape(title ?? 'IP address')} · ${ip}`, bullets);
}

function tunnelOwner(world: World, ip: string): string | undefined {
  const host = [...world.network.hosts.values()].find(({ bridges }) =>
    [...bridges.values()].some(({ ports }) => ports.some((port) => port.options['local_ip'] === ip)),
  );
  return host && `Tunnel address of ${host.name}`;
}

function specialIp(ip: string): string | undefined {
  if (ip === '127.0.0.1' || ip === '::1') return 'The machine itself (loopback)';
  if (ip === '169.254.169.254') return "The instances' metadata service";
  if (/^fe80:/.test(ip)) return 'Link-local: made from the MAC address, valid on one link only';
  return undefined;
}

function names(text: string, ip: string): boolean {
  const at = text.indexOf(ip);
  return at >= 0 && !/[\d.]/.test(text[at - 1] ?? ' ') && !/[\d.]/.test(text[at + ip.length] ?? ' ');
}

function neighbourBullets(world: World, ip: string): string[] {
  const found: string[] = [];
  for (const host of world.network.hosts.values()) {
    for (const namespace of host.namespaces.values()) {
      for (const neighbour of namespace.neighbours) {
        if (neighbour.ip !== ip || neighbour.mac === undefined) continue;
        found.push(
          `ARP of **${escape(host.name)}**: ${code(neighbour.mac)} by ${code(neighbour.dev)}${inBrackets(world, neighbour.source)}`,
        );
      }
    }
  }
  return found.slice(0, 3);
}

function gatewayBullets(world: World, ip: string): string[] {
  const found: string[] = [];
  for (const subnet of world.network.subnets) {
    if (subnet.gateway === ip)
      found.push(`Gateway of subnet ${code(subnet.name ?? subnet.id)}${inBrackets(world, subnet.sources[0])}`);
  }
  for (const host of world.network.hosts.values()) {
    for (const namespace of host.namespaces.values()) {
      for (const { route, source } of namespace.routes) {
        if (route.via?.value !== ip) continue;
        // A router may be the next hop of a hundred thousand routes.
        if (found.length >= 4) return found;
        const to =
          route.dst.value.prefix === 0
            ? 'Default gateway'
            : `Next hop to ${code(`${route.dst.value.ip}/${route.dst.value.prefix}`)}`;
        found.push(
          `${to} of ${namespace.name === '' ? `**${escape(host.name)}**` : code(namespace.name)}${inBrackets(world, source)}`,
        );
      }
    }
  }
  return found.slice(0, 4);
}

/** Prefixes of IPv6 are read once for all addresses that are asked for. */
const prefixes = new WeakMap<object, IpPrefix>();

/** Whether an IPv6 route's prefix holds an address. */
function covers(route: object, to: string, length: number, address: IpAddress): boolean {
  if (!to.includes(':')) return false;
  const prefix = prefixes.get(route) ?? parsePrefix(`${to}/${length}`);
  if (prefix) prefixes.set(route, prefix);
  return prefix !== undefined && inPrefix(address, prefix);
}

/** The same for IPv4. */
function coversQuad(to: string, length: number, address: number): boolean {
  const start = parseQuad(to);
  return start !== undefined && length <= 32 && (start ^ address) >>> (32 - length) === 0;
}

/** The subnets that hold the address, and the routes that lead to it but the default ones, which lead to any. */
function coverBullets(world: World, ip: string): string[] {
  const address = parseIp(ip);
  if (!address) return [];
  const quad = parseQuad(ip);
  const found: string[] = [];
  for (const subnet of world.network.subnets) {
    const prefix = subnet.cidr === undefined ? undefined : parsePrefix(subnet.cidr);
    if (prefix && inPrefix(address, prefix))
      found.push(`In subnet ${code(subnet.cidr ?? '')}${inBrackets(world, subnet.sources[0])}`);
  }
  const routes: { length: number; text: string; source: Source }[] = [];
  for (const host of world.network.hosts.values()) {
    for (const namespace of host.namespaces.values()) {
      for (const { route, source } of namespace.routes) {
        const { ip: to, prefix: length } = route.dst.value;
        if (length === 0 || !(quad === undefined ? covers(route, to, length, address) : coversQuad(to, length, quad))) continue;
        const where = namespace.name === '' ? `**${escape(host.name)}**` : code(namespace.name);
        const by = route.via ? `via ${code(route.via.value)}` : route.dev ? `by ${code(route.dev.value)}` : route.type;
        routes.push({ length, text: `Route of ${where}: ${code(`${to}/${length}`)} ${by}`, source });
      }
    }
  }
  routes.sort((a, b) => b.length - a.length);
  for (const { text, source } of routes.slice(0, 3)) found.push(`${text}${inBrackets(world, source)}`);
  return found;
}
