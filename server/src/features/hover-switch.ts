import type { FlowEntry } from '../model/flows';
import type { Host } from '../model/network';
import type { NeutronPort } from '../model/openstack';
import type { OvsBridge, OvsPort } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import {
  allDevices,
  devicesWithIp,
  isCalled,
  isPatch,
  isTunnel,
  neutronPortOf,
  ovsPortNamed,
  patchPeer,
  tunnelPeer,
} from '../model/queries';
import { LOCAL_PORT } from '../packet/fields';
import type { Action, Flow } from '../packet/openflow';
import { ovsPortOf, type Entity, type EntityOf } from './entity';
import {
  guessByDevice,
  networkOfVlan,
  networkOfVni,
  networkTitle,
  ownerOfPort,
  tieOfVlan,
  tiesOfVni,
  vniUses,
} from './knowledge';
import { code, count, escape, few, inBrackets, link, links, section, upper } from './markdown';
import { domainInterfaces } from './libvirt';
import type { World } from './world';
import { hybridTwin, knownDevice, portIdPrefix } from '../model/known-names';
import { knownBullet } from './known-bullet';

/** `0x5a (90)`. */
export function vniText(vni: number): string {
  return `${code(`0x${vni.toString(16)}`)} (${vni})`;
}

/** What a port leads to, in a few words, for lists: `patch to br-tun`, `instance c-private`, `tunnel to network-node`. */
export function leadsTo(world: World, host: Host, port: OvsPort): string | undefined {
  if (port.name === port.bridge || port.ofport === LOCAL_PORT) return "the bridge's own device";
  if (isPatch(port)) {
    const peer = patchPeer(host, port);
    if (peer) return `patch to ${code(peer.bridge.name)}, its port ${code(peer.port.name)}${numberText(peer.port)}`;
    return port.options['peer'] === undefined ? 'patch' : `patch to ${code(port.options['peer'])}, whose bridge was not captured`;
  }
  if (isTunnel(port)) return tunnelText(world, port);
  const neutron = neutronPortOf(world.network, port.name);
  const owner = neutron && ownerOfPort(world.network, neutron);
  if (owner) return `${owner.text}${owner.certainty === 'inferred' ? ' (inferred)' : ''}`;
  const guess = guessByDevice(port.name, port.type);
  return guess === undefined ? undefined : `${guess} (inferred from its name)`;
}

function numberText(port: OvsPort): string {
  return port.ofport === undefined || port.ofport === LOCAL_PORT ? '' : ` (port ${port.ofport})`;
}

/** `VXLAN tunnel to 192.168.1.12 on network-node (vxlan-c0a8010d)`. */
function tunnelText(world: World, port: OvsPort): string {
  const type = `${(port.type ?? '').toUpperCase()} tunnel`;
  const remote = port.options['remote_ip'];
  if (remote === undefined) return type;
  if (remote === 'flow') return `${type} to the address that each flow sets`;
  const peer = tunnelPeer(world.network, port);
  const far = peer
    ? ` on **${escape(peer.host.name)}**${peer.port ? ` (its ${code(peer.port.name)})` : ''}`
    : ', whose host was not captured';
  return `${type} to ${code(remote)}${far}`;
}

/** The bullets that tell all about an OVS port. */
function portBullets(world: World, host: Host, bridge: OvsBridge, port: OvsPort): (string | undefined)[] {
  const where = `${code(bridge.name)} on **${escape(host.name)}**`;
  const number =
    port.ofport === LOCAL_PORT
      ? `LOCAL port of ${where}: the bridge's own device, where packets reach the host itself`
      : port.ofport === undefined
        ? `Port of ${where}; its number was not captured: ${code(`ovs-ofctl show ${bridge.name}`)} tells`
        : `Port ${port.ofport} of ${where}${inBrackets(world, port.says['ofport'])}`;
  const leads = isPatch(port) || isTunnel(port) ? leadsTo(world, host, port) : undefined;
  const known = [...host.namespaces.values()].some((namespace) => namespace.devices.has(port.name));
  return [
    number,
    leads === undefined ? undefined : upper(leads),
    isTunnel(port) && port.options['local_ip'] !== undefined
      ? `From ${code(port.options['local_ip'])}${keyText(port)}`
      : undefined,
    tagBullet(world, host, port),
    port.type === 'internal' && port.name !== bridge.name && !known
      ? 'Internal: a device of this host or of one of its namespaces'
      : undefined,
    port.error === undefined ? undefined : `**Error:** ${escape(port.error)}`,
  ];
}

function keyText(port: OvsPort): string {
  const key = port.options['key'] ?? port.options['out_key'];
  return key === undefined ? '' : key === 'flow' ? '; the flows set the VNI' : `; VNI ${key}`;
}

function tagBullet(world: World, host: Host, port: OvsPort): string | undefined {
  if (port.tag !== undefined) {
    const on = networkOfVlan(world.network, host, port.tag);
    const tie = tieOfVlan(world.network, host.name, port.tag);
    const more = [on && `network ${code(networkTitle(on))}`, tie && `VNI ${tie.vni}`].filter((part) => part !== undefined);
    return `Access port of VLAN ${port.tag}${more.length === 0 ? '' : `: ${more.join(', ')}`}${inBrackets(world, port.says['tag'])}`;
  }
  if (port.trunks !== undefined && port.trunks.length > 0) return `Trunk of VLANs ${port.trunks.join(', ')}`;
  return isPatch(port) || isTunnel(port) || port.name === port.bridge || port.says['name'] === undefined
    ? undefined
    : 'No tag: a trunk of all VLANs';
}

/** A Neutron port in one bullet; without its owner where the hover is about the owner. */
export function neutronBullet(world: World, port: NeutronPort, withOwner = true): string {
  const ips = port.ips.map(({ ip }) => code(ip)).join(', ');
  const owner = withOwner ? ownerOfPort(world.network, port) : undefined;
  const parts = [
    port.mac && code(port.mac),
    ips,
    owner && `of ${owner.text}${owner.certainty === 'inferred' ? ' (inferred)' : ''}`,
  ].filter((part) => part !== undefined && part !== '');
  return `Neutron port ${code(port.id)}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}${inBrackets(world, port.says['id'])}`;
}

/** A port number, a device or a bridge. */
export function describeDevice(
  world: World,
  entity: EntityOf<'device'> | EntityOf<'bridge'> | EntityOf<'ofport'>,
  number: number | undefined,
): string {
  if (entity.kind === 'ofport') {
    const where = entity.bridge === undefined ? '' : ` of ${code(entity.bridge)}`;
    const command = `ovs-ofctl show ${entity.bridge ?? 'BRIDGE'}`;
    return section(`Port ${entity.number}`, [
      `Port number${where}${entity.host === '' ? '' : ` on **${escape(entity.host)}**`}`,
      `Which device it is was not captured: ${code(command)} tells`,
    ]);
  }
  if (entity.kind === 'bridge' && number === undefined) return describeBridge(world, entity);
  const { network } = world;
  const ovs = ovsPortOf(network, entity);
  const host = network.hosts.get(entity.host);
  const title =
    number === undefined
      ? escape(entity.name)
      : number === LOCAL_PORT
        ? `LOCAL · ${escape(entity.name)}`
        : `Port ${number} · ${escape(entity.name)}`;
  const bullets: (string | undefined)[] = ovs ? portBullets(world, ovs.host, ovs.bridge, ovs.port) : [];
  const sources: (Source | undefined)[] = ovs ? [ovs.port.says['name'], ovs.port.says['ofport']] : [];
  for (const bridge of host?.linuxBridges.values() ?? []) {
    const member = bridge.members.find(({ name }) => name === entity.name);
    if (member) {
      const others = bridge.members.filter((other) => other !== member).map(({ name }) => code(name));
      bullets.push(
        `In Linux bridge ${code(bridge.name)}${others.length === 0 ? '' : ` with ${few(others)}`}${inBrackets(world, member.source)}`,
      );
    }
    if (bridge.name === entity.name) {
      bullets.push(
        `Linux bridge on **${escape(bridge.host)}** of ${
          few(
            bridge.members.map(({ name }) => code(name)),
            6,
          ) || 'no captured device'
        }`,
      );
      sources.push(...bridge.sources);
    }
  }
  bullets.push(
    hybridBullet(host, entity.name),
    ...domainInterfaces(world, ({ target }) => target?.value === entity.name).map(({ text }) => text),
  );
  for (const { host: on, namespace, device } of allDevices(network)) {
    if (on.name !== entity.host || device.name !== entity.name) continue;
    if (entity.kind === 'device' && entity.namespace !== '' && namespace.name !== entity.namespace) continue;
    const place = namespace.name === '' ? `Device of **${escape(on.name)}**` : `In namespace ${code(namespace.name)}`;
    const addresses = [
      ...device.addresses.map(({ ip, prefix }) => code(`${ip}/${prefix}`)),
      ...device.unverified.map(({ ip, prefix, state }) => `${code(`${ip}/${prefix}`)} (${state}: not in use)`),
    ];
    const parts = [
      device.mac && code(device.mac),
      few(addresses, 4),
      device.mtu && `MTU ${device.mtu}`,
      device.up ? (device.noCarrier === true ? '**no carrier**' : '') : '**down**',
    ].filter(Boolean);
    bullets.push(`${place}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`);
    if (device.peer !== undefined) bullets.push(`Pair with ${code(device.peer)}`);
    sources.push(device.sources[0]);
  }
  const neutron = neutronPortOf(network, entity.name);
  if (neutron) bullets.push(neutronBullet(world, neutron));
  else if (portIdPrefix(entity.name) !== undefined) {
    const guess = guessByDevice(entity.name, ovs?.port.type);
    bullets.push(
      `Neutron port ${code(`${portIdPrefix(entity.name) ?? ''}…`)}${guess === undefined ? '' : ` of ${guess} (inferred from its name)`}; ${code('openstack port list')} tells which`,
    );
  }
  if (!neutron) bullets.push(knownBullet(knownDevice(entity.name)));
  if (!bullets.some((bullet) => bullet !== undefined)) {
    bullets.push(
      `Device${entity.host === '' ? '' : ` on **${escape(entity.host)}**`}; nothing else was captured of it: ${code('ip -d addr')} tells`,
    );
  }
  return section(title, bullets, links(world, sources).join(' · '));
}

/** tap, qbr, qvb and qvo of one Neutron port form a chain; the veth pair in it is Neutron's own naming. */
function hybridBullet(host: Host | undefined, name: string): string | undefined {
  const other = hybridTwin(name);
  if (other === undefined || !host || portIdPrefix(name) === undefined) return undefined;
  const known =
    ovsPortNamed(host, other) !== undefined ||
    [...host.linuxBridges.values()].some(({ members }) => members.some((m) => m.name === other));
  return known ? `Veth pair with ${code(other)} (inferred: Nova gives both the Neutron port's id)` : undefined;
}

function describeBridge(world: World, entity: EntityOf<'bridge'>): string {
  const bridge = world.network.hosts.get(entity.host)?.bridges.get(entity.name);
  if (!bridge) return section(escape(entity.name), [`Bridge on **${escape(entity.host)}**`]);
  const host = world.network.hosts.get(entity.host);
  const shown = bridge.ports
    .filter((port) => port.name !== bridge.name)
    .map((port) => {
      const leads = host && (isPatch(port) || isTunnel(port)) ? leadsTo(world, host, port) : undefined;
      return `${code(port.name)}${leads === undefined ? '' : ` (${leads})`}`;
    });
  const command = (what: string) => `not captured: ${code(`${what} ${bridge.name}`)}`;
  return section(
    `${escape(bridge.name)} on ${escape(bridge.host)}`,
    [
      `Open vSwitch bridge${bridge.failMode === undefined ? '' : `, fail mode ${bridge.failMode}`}`,
      `${count(shown.length, 'port')}${shown.length === 0 ? '' : `: ${few(shown, 6)}`}`,
      bridge.flowsKnown === 'absent'
        ? `Flows: ${command('ovs-ofctl dump-flows')}`
        : `${count(bridge.flows.length, 'flow')} in ${count(bridge.flows.tables().length, 'table')}${bridge.flowsKnown === 'partial' ? ` captured; more may exist (${bridge.flowsMissing ?? 'not whole'})` : ''}`,
      bridge.fdbKnown === 'absent'
        ? `MAC table: ${command('ovs-appctl fdb/show')}`
        : `${count(bridge.fdb.length, 'learned MAC')}${bridge.fdbKnown === 'partial' ? ' captured' : ''}`,
    ],
    links(world, bridge.sources).join(' · '),
  );
}

/** A VLAN of a host: its ports, the VNI and network behind it, and the same network's VLAN on other hosts. */
export function describeVlan(world: World, entity: EntityOf<'vlan'>): string {
  const { network } = world;
  const host = network.hosts.get(entity.host);
  const title = `VLAN ${entity.vlan}${entity.host === '' ? '' : ` on ${escape(entity.host)}`}`;
  if (!host) return section(title, ['Which host it is of is not known.']);
  const tie = tieOfVlan(network, host.name, entity.vlan);
  const on = networkOfVlan(network, host, entity.vlan);
  const ports: string[] = [];
  let learned = 0;
  for (const bridge of host.bridges.values()) {
    for (const port of bridge.ports)
      if (port.tag === entity.vlan)
        ports.push(`${code(port.name)}${numberText(port)} of ${code(bridge.name)}${inBrackets(world, port.says['tag'])}`);
    learned += bridge.fdb.filter((row) => row.vlan === entity.vlan).length;
  }
  const others = tie ? tiesOfVni(network, tie.vni).filter((other) => other.host !== host) : [];
  return section(title, [
    on && `Network ${code(networkTitle(on))}`,
    tie
      ? `VNI ${vniText(tie.vni)}, ${tie.certainty === 'captured' ? `as ${tie.reason} says` : `inferred: ${escape(tie.reason)}`}${inBrackets(world, tie.source)}`
      : `No captured flow ties it to a VNI${tunnelHint(host)}`,
    ports.length === 0 ? 'No captured port has this tag' : `Ports: ${few(ports, 6)}`,
    learned === 0 ? undefined : `${count(learned, 'MAC')} learned in it`,
    ...others.map(
      (other) =>
        `Same VNI on **${escape(other.host.name)}**: VLAN ${other.vlan}${other.certainty === 'inferred' ? ' (inferred)' : ''}${inBrackets(world, other.source)}`,
    ),
    'The number means something on this host only',
  ]);
}

function tunnelHint(host: Host): string {
  const bridge = [...host.bridges.values()].find((candidate) => candidate.ports.some(isTunnel));
  return bridge && bridge.flowsKnown !== 'whole' ? `; ${code(`ovs-ofctl dump-flows ${bridge.name}`)} may tell` : '';
}

/** A tunnel id: its network, the flows that set and match it, the VLAN that each host has for it. */
export function describeVni(world: World, entity: EntityOf<'tun-id'>): string {
  const { network } = world;
  const on = networkOfVni(network, entity.vni);
  const uses = vniUses(network, entity.vni);
  const shown = uses.slice(0, 8).map(({ host, bridge, entry, does }) => {
    const where = `${code(bridge.name)} on **${escape(host.name)}**, table ${entry.flow.table.value}`;
    return `${does === 'sets' ? 'Set' : 'Matched'} by ${where}${inBrackets(world, entry.source)}`;
  });
  const ties = tiesOfVni(network, entity.vni).map((tie) => {
    const how = tie.certainty === 'captured' ? inBrackets(world, tie.source) : ` (inferred: ${escape(tie.reason)})`;
    return `VLAN ${tie.vlan} on **${escape(tie.host.name)}**${how}`;
  });
  return section(`Tunnel id 0x${entity.vni.toString(16)} · VNI ${entity.vni}`, [
    on
      ? `Network ${code(networkTitle(on))}${on.type === undefined ? '' : ` (${on.type})`}${inBrackets(world, on.says['segmentationId'])}`
      : `Its network was not captured: ${code('openstack network list --long')} tells`,
    ...ties,
    ...shown,
    uses.length > 8 ? `and ${uses.length - 8} more flows` : undefined,
    uses.length === 0 ? 'No captured flow sets or matches it' : undefined,
  ]);
}

/** What is known of a table, in a few words: `2 flows captured; by default drops the packet`. */
export function tableText(bridge: OvsBridge, table: number | string): string {
  const size = flowsInTable(bridge, table).length;
  if (size === 0) {
    if (bridge.flowsKnown === 'whole') return 'empty: packets that come here are dropped';
    return bridge.flowsKnown === 'absent' ? 'its flows were not captured' : 'none of its flows was captured';
  }
  return `${count(size, 'flow')}${bridge.flowsKnown === 'partial' ? ' captured' : ''}`;
}

/** The flows of a table by its number, which may be written as a word. */
export function flowsInTable(bridge: OvsBridge, table: number | string): ArrayLike<number> & Iterable<number> {
  return bridge.flows.inTable(typeof table === 'string' && /^\d+$/.test(table) ? Number(table) : table);
}

/** The tables of a bridge whose flows send packets on into a table, each with the first flow that does. */
export function jumpsTo(bridge: OvsBridge, table: string): ReadonlyMap<number | string, Source> {
  const from = new Map<number | string, Source>();
  const jumps = (flow: Flow) =>
    flow.actions.some((action) => action.kind === 'resubmit' || action.kind === 'goto-table' || action.kind === 'ct');
  const shapes = new Map<number, boolean>();
  for (const index of bridge.flows.jumps(table)) {
    const own = bridge.flows.tableOf(index);
    if (from.has(own)) continue;
    const shape = bridge.flows.shapeOf(index);
    let may = shape && shapes.get(shape.id);
    if (shape && may === undefined) shapes.set(shape.id, (may = jumps(shape.sample())));
    const entry = may === false ? undefined : bridge.flows.at(index);
    if (entry && sendsTo(entry.flow.actions, table)) from.set(own, entry.source);
  }
  return from;
}

function sendsTo(actions: readonly Action[], table: string): boolean {
  return actions.some(
    (action) =>
      (action.kind === 'resubmit' || action.kind === 'goto-table' || action.kind === 'ct') &&
      action.table !== undefined &&
      String(action.table) === table,
  );
}

/** A table of a bridge: how many flows, what it does with the rest, who sends packets here. */
export function describeTable(
  world: World,
  entity: EntityOf<'table'>,
  defaults: (bridge: OvsBridge, flow: FlowEntry) => string,
): string {
  const bridge = entity.bridge === undefined ? undefined : world.network.hosts.get(entity.host)?.bridges.get(entity.bridge);
  if (!bridge) return section(`Table ${escape(entity.table)}`, ['Which bridge it is of is not known.']);
  const jumps = jumpsTo(bridge, entity.table);
  const learns = bridge.flows
    .like((flow) => flow.actions.some((action) => action.kind === 'learn'))
    .map((index) => bridge.flows.at(index))
    .find((entry) => entry?.flow.actions.some((action) => action.kind === 'learn' && String(action.table) === entity.table));
  const any = bridge.flows
    .like((flow) => flow.match.length === 0)
    .filter((index) => String(bridge.flows.tableOf(index)) === entity.table)
    .sort((a, b) => bridge.flows.priorityOf(b) - bridge.flows.priorityOf(a))[0];
  const last = any === undefined ? undefined : bridge.flows.at(any);
  const fallback = last
    ? `Any other packet: ${defaults(bridge, last)}${inBrackets(world, last.source)}`
    : bridge.flowsKnown === 'whole'
      ? 'A packet that no flow matches is dropped'
      : `What it does with other packets was not captured (${escape(bridge.flowsMissing ?? 'the dump is not whole')}): ${code(`ovs-ofctl dump-flows ${bridge.name} table=${entity.table}`)}`;
  const from = [...jumps].map(([table, source]) => link(world, source, `table ${table}`) ?? `table ${table}`);
  return section(`Table ${escape(entity.table)} of ${escape(bridge.name)} on ${escape(bridge.host)}`, [
    tableText(bridge, entity.table),
    fallback,
    entity.table === '0'
      ? 'Every packet starts here'
      : from.length === 0
        ? 'No captured flow sends packets here'
        : `Packets come from ${few(from, 6)}`,
    learns && `learn() writes flows here${inBrackets(world, learns.source)}`,
  ]);
}

/** A host: its names, its bridges and namespaces. */
export function describeHost(world: World, entity: EntityOf<'host'>): string {
  const host = world.network.hosts.get(entity.name);
  const instances = world.network.instances.filter(
    (instance) => instance.hypervisor === entity.name || (host !== undefined && isCalled(host, instance.hypervisor ?? '-')),
  );
  const spaces = [...(host?.namespaces.keys() ?? [])].filter((name) => name !== '');
  const tunnelIps = [
    ...new Set(
      [...(host?.bridges.values() ?? [])].flatMap(({ ports }) => ports.flatMap((port) => port.options['local_ip'] ?? [])),
    ),
  ];
  return section(`Host ${escape(entity.name)}`, [
    host && host.aliases.length > 0 ? `Also called ${host.aliases.map(escape).join(', ')}` : undefined,
    ...(host?.aliases.length
      ? host.reasons.filter((reason) => reason.includes('one machine')).map((reason) => `Inferred: ${escape(reason)}`)
      : []),
    host && host.bridges.size > 0 ? `Bridges: ${few([...host.bridges.keys()].map(code), 8)}` : undefined,
    spaces.length > 0 ? `Namespaces: ${few(spaces.map(code), 4)}` : undefined,
    tunnelIps.length > 0 ? `Tunnels from ${tunnelIps.map(code).join(', ')}` : undefined,
    instances.length > 0
      ? `Instances: ${few(
          instances.map(({ name }) => code(name)),
          6,
        )}`
      : undefined,
    host ? undefined : 'No capture was taken on it',
  ]);
}

/** Tunnel ports by their remote or local address, for hovers of an IP. */
export function tunnelsWithIp(world: World, ip: string): string[] {
  const found: string[] = [];
  for (const host of world.network.hosts.values()) {
    for (const bridge of host.bridges.values()) {
      for (const port of bridge.ports) {
        if (!isTunnel(port)) continue;
        const local = port.options['local_ip'] === ip;
        if (!local && port.options['remote_ip'] !== ip) continue;
        found.push(
          `${local ? 'Own' : 'Remote'} address of tunnel ${code(port.name)} on **${escape(host.name)}**${inBrackets(world, port.says[local ? 'local_ip' : 'remote_ip'])}`,
        );
      }
    }
  }
  return found;
}

/** Where an address is configured: `qr-… on network-node, namespace qrouter-…`. */
export function configuredAt(world: World, ip: string): string[] {
  return devicesWithIp(world.network, ip).map(({ host, namespace, device, source }) => {
    const where = namespace.name === '' ? '' : `, namespace ${code(namespace.name)}`;
    return `On ${code(device.name)} of **${escape(host.name)}**${where}${inBrackets(world, source)}`;
  });
}

/** True for entities that describeDevice takes. */
export function isDevice(entity: Entity): entity is EntityOf<'device'> | EntityOf<'bridge'> | EntityOf<'ofport'> {
  return entity.kind === 'device' || entity.kind === 'bridge' || entity.kind === 'ofport';
}
