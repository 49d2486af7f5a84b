import type { Instance, NeutronPort } from '../model/openstack';
import { instanceOf, neutronPortOf, neutronPortWithMac } from '../model/queries';
import { entityOf, locusOf, type Entity } from './entity';
import { allRefs } from './find';
import type { World } from './world';

/** A command that an editor offers above a line. */
export interface Lens {
  /** 0-based. */
  readonly line: number;
  readonly title: string;
  readonly command: string;
  readonly args: readonly unknown[];
}

/** Captures that are about instances and their ports; MAC tables and flow dumps name them as well, but in passing. */
const KINDS = /^(?:nova-|openstack-server-|openstack-port-show|neutron-port-show|virsh-|brctl-show|bridge-link)/;
/** A list of a whole cloud is no place for a row of buttons. */
const MOST = 3;

/** "Trace a packet from …" above each capture that shows an instance or its port. */
export function codeLenses(world: World, uri: string): Lens[] {
  const document = world.documents.get(uri);
  if (!document) return [];
  return document.captures.flatMap((capture, index) => {
    const locus = KINDS.test(capture.kind) ? locusOf(world, document, index) : undefined;
    if (!locus) return [];
    const instances = new Set<Instance>();
    for (const ref of allRefs(document, locus)) {
      const instance = instanceBehind(world, entityOf(world, locus, ref));
      if (instance) instances.add(instance);
    }
    if (instances.size > MOST) return [];
    return [...instances].map((instance) => ({
      line: capture.firstLine,
      title: `Trace a packet from ${instance.name}`,
      command: 'packetWalk.trace',
      args: [{ from: instance.name }],
    }));
  });
}

function instanceBehind(world: World, entity: Entity): Instance | undefined {
  const of = (port: NeutronPort | undefined) => port && instanceOf(world.network, port);
  switch (entity.kind) {
    case 'instance':
      return entity.instance;
    case 'neutron-port':
      return of(entity.port);
    case 'mac':
      return of(neutronPortWithMac(world.network, entity.value));
    case 'device':
      return of(neutronPortOf(world.network, entity.name));
    default:
      return undefined;
  }
}
