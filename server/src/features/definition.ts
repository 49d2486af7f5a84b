import type { Source } from '../model/source';
import { bridgePort, devicesWithMac, isTunnel, neutronPortWithIp, neutronPortWithMac } from '../model/queries';
import type { Action } from '../packet/openflow';
import { ovsPortOf, relatedKeys, tableEntity, type Entity, type EntityOf } from './entity';
import { find, pieces, type Found } from './find';
import { flowsInTable } from './hover-switch';
import { networkOfVni, vniUses } from './knowledge';
import { firstMention, mentionsIn } from './references';
import type { Place, World } from './world';

/** A place where something is declared, and the text that asked for it. */
export interface Definition extends Place {
  readonly origin: { readonly start: number; readonly end: number };
}

/** Where the thing at an offset is declared: in what text, and failing that by what the captures say best. */
export function definition(world: World, uri: string, offset: number): Definition[] {
  const found = find(world, uri, offset);
  if (!found) return [];
  const origin = found.ref?.piece ?? found.action?.span;
  const entity = found.ref?.entity ?? (found.action && targetOf(found, found.action));
  if (!origin || !entity) return [];
  const seen = new Set<string>();
  return sourcesOf(world, entity)
    .flatMap((source) => placeOf(world, source))
    .filter((place) => {
      const key = `${place.uri} ${place.start}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    })
    .map((place) => ({ ...place, origin: { start: origin.start, end: origin.end } }));
}

/** What an action names where the cursor is beside the name: `resubmit(,25)`, `output:2`. */
function targetOf(found: Found, action: Action): Entity | undefined {
  const { hostName, bridgeName } = found.locus;
  if (
    (action.kind === 'resubmit' || action.kind === 'goto-table' || action.kind === 'ct' || action.kind === 'learn') &&
    action.table !== undefined
  ) {
    return tableEntity(hostName, bridgeName, String(action.table));
  }
  return undefined;
}

function placeOf(world: World, source: Source | undefined): Place[] {
  const document = source && world.documents.get(source.uri);
  if (!document) return [];
  const span = pieces(document, source.span)[0] ?? source.span;
  return [{ uri: source.uri, start: span.start, end: span.end }];
}

function sourcesOf(world: World, entity: Entity): (Source | undefined)[] {
  const declared = declarations(world, entity.key);
  switch (entity.kind) {
    case 'device':
    case 'bridge':
      return deviceSources(world, entity, declared);
    case 'vlan':
      return declared.length > 0 ? declared : mappedHere(world, entity);
    case 'tun-id':
      return tunIdSources(world, entity);
    case 'table': {
      const bridge = entity.bridge === undefined ? undefined : world.network.hosts.get(entity.host)?.bridges.get(entity.bridge);
      const [index] = bridge ? flowsInTable(bridge, entity.table) : [];
      return index === undefined ? [] : [bridge?.flows.at(index)?.source];
    }
    case 'mac': {
      const port = neutronPortWithMac(world.network, entity.value);
      const devices = devicesWithMac(world.network, entity.value).flatMap(({ device }) =>
        declared.length > 0 ? [] : device.sources.slice(0, 1),
      );
      return [...declared, port?.says['mac'], ...devices, ...ownMac(world, entity.value)];
    }
    case 'ip': {
      const port = neutronPortWithIp(world.network, entity.value);
      const fixed = port?.ips.find(({ ip }) => ip === entity.value)?.source;
      return [...declared, fixed, ...instanceIp(world, entity.value), ...tunnelEnds(world, entity.value)];
    }
    case 'namespace':
      return declared.length > 0 ? declared : first(firstNamespace(world, entity));
    case 'instance':
      return declared.length > 0 ? declared : first(entity.instance?.sources);
    case 'network':
      return declared.length > 0 ? declared : first(entity.network?.sources);
    case 'subnet':
      return declared.length > 0 ? declared : [entity.subnet?.sources[0] ?? mentionOf(world, entity)];
    case 'router':
      return declared.length > 0 ? declared : first(entity.router?.sources);
    case 'neutron-port':
      return declared.length > 0 ? declared : [entity.port?.says['id'] ?? entity.port?.sources[0]];
    case 'host':
      return first(world.network.hosts.get(entity.name)?.sources);
    default:
      return declared;
  }
}

function first(sources: readonly Source[] | undefined): Source[] {
  return sources?.slice(0, 1) ?? [];
}

/** The references that declare a thing. */
function declarations(world: World, key: string): Source[] {
  const all: Source[] = [];
  for (const uri of world.documents.keys()) {
    for (const { locus, ref } of mentionsIn(world, uri).get(key) ?? [])
      if (ref.defines === true) all.push({ uri: locus.uri, span: ref.span });
  }
  return all;
}

function deviceSources(
  world: World,
  entity: EntityOf<'device'> | EntityOf<'bridge'>,
  declared: readonly Source[],
): (Source | undefined)[] {
  if (declared.length > 0) return [...declared];
  const ovs = ovsPortOf(world.network, entity);
  if (ovs) return [ovs.port.says['ofport'], ovs.port.says['name']];
  const port = relatedKeys(world, entity, [])[0];
  return [...(port === undefined ? [] : declarations(world, port)), mentionOf(world, entity)];
}

/** The first mention, where nothing declares a thing. */
function mentionOf(world: World, entity: Entity): Source | undefined {
  const mention = firstMention(world, entity.key);
  return mention && { uri: mention.locus.uri, span: mention.ref.span };
}

/** The flows that give a VLAN its meaning, where no port has it as its tag. */
function mappedHere(world: World, entity: EntityOf<'vlan'>): Source[] {
  return [...(world.network.hosts.get(entity.host)?.bridges.values() ?? [])].flatMap((bridge) =>
    [...new Set([...bridge.flows.naming('vlan', String(entity.vlan))].map(({ index }) => index))].flatMap((index) => {
      const entry = bridge.flows.at(index);
      const sets = entry?.flow.actions.some(
        (action) =>
          (action.kind === 'set-vlan-vid' && action.vid === entity.vlan) ||
          (action.kind === 'set-field' && action.field === 'vlan_vid' && Number(action.value & 0xfffn) === entity.vlan),
      );
      return sets && entry ? [entry.source] : [];
    }),
  );
}

/** The network's segmentation id and the flows that match or set it. */
function tunIdSources(world: World, entity: EntityOf<'tun-id'>): (Source | undefined)[] {
  return [
    networkOfVni(world.network, entity.vni)?.says['segmentationId'],
    ...vniUses(world.network, entity.vni).map(({ entry }) => entry.source),
  ];
}

/** The ports of switches whose own or attached MAC it is. */
function ownMac(world: World, mac: string): (Source | undefined)[] {
  const found: (Source | undefined)[] = [];
  for (const host of world.network.hosts.values()) {
    for (const bridge of host.bridges.values()) {
      for (const port of bridge.ports) {
        if (port.attachedMac === mac) found.push(port.says['attachedMac']);
        else if (port.mac === mac) found.push(port.says['mac']);
      }
    }
  }
  return found;
}

function instanceIp(world: World, ip: string): Source[] {
  return world.network.instances.flatMap((instance) => instance.ips.filter((own) => own.ip === ip).map(({ source }) => source));
}

/** The tunnel ports whose own address it is: the other end of a `remote_ip`. */
function tunnelEnds(world: World, ip: string): (Source | undefined)[] {
  return [...world.network.hosts.values()].flatMap((host) =>
    [...host.bridges.values()].flatMap((bridge) =>
      bridge.ports
        .filter((port) => isTunnel(port) && port.options['local_ip'] === ip)
        .map((port) => bridgePort(bridge, port.name)?.says['name'] ?? port.says['local_ip']),
    ),
  );
}

function firstNamespace(world: World, entity: EntityOf<'namespace'>): Source[] {
  return [...world.network.hosts.values()].flatMap((host) => host.namespaces.get(entity.name)?.sources.slice(0, 1) ?? []);
}
