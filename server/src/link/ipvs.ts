import type { IpvsEnd, IpvsServerFact, IpvsServiceFact } from '../captures/ipvs-facts';
import type { Ipvs, IpvsAddress, IpvsConnection, IpvsServer, IpvsService } from '../model/ipvs';
import type { Known } from '../model/source';
import { completeness, sourceAt, type LinkedCapture } from './facts';

type Draft = Omit<IpvsService, 'servers'> & { readonly servers: Map<string, IpvsServer> };

/** The services of IPVS in a namespace, each once whatever lists show it, and its connections. */
export function linkIpvs(captures: readonly LinkedCapture[]): Ipvs {
  const services = new Map<string, Draft>();
  const connections = new Map<string, IpvsConnection>();
  const known: Record<'services' | 'connections', Known> = { services: 'absent', connections: 'absent' };
  for (const linked of captures) {
    const { kind, facts } = linked.capture;
    if (kind !== 'ipvsadm' && kind !== 'ipvs-connections') continue;
    const what = kind === 'ipvsadm' ? 'services' : 'connections';
    const drafts = new Map<IpvsServiceFact, Draft>();
    let nameless = false;
    for (const fact of facts) {
      switch (fact.kind) {
        case 'ipvs-service':
          drafts.set(fact, addService(services, fact, linked));
          nameless ||= isNameless(fact);
          break;
        case 'ipvs-server': {
          const draft = drafts.get(fact.service);
          if (draft) addServer(draft, fact, linked);
          break;
        }
        case 'ipvs-connection': {
          const [client, virtual, server] = [fact.client, fact.virtual, fact.server].map(addressOf);
          if (client === undefined || virtual === undefined || server === undefined) {
            nameless = true;
            break;
          }
          const own = { protocol: fact.protocol.value, state: fact.state.value, client, virtual, server };
          const key = [own.protocol, client.ip, client.port, virtual.ip, virtual.port].join(' ');
          if (!connections.has(key)) connections.set(key, { ...own, source: sourceAt(linked, fact.text.span) });
          break;
        }
      }
    }
    // A list with names may have the service that is looked for under one of them.
    const how = completeness(linked.capture).known;
    if (known[what] !== 'whole') known[what] = nameless && how === 'whole' ? 'partial' : how;
  }
  return {
    services: [...services.values()].map((draft) => ({ ...draft, servers: [...draft.servers.values()] })),
    known: known.services,
    connections: [...connections.values()],
    connectionsKnown: known.connections,
  };
}

/** A list of one service shows all of its servers; one that was cut may not. */
function showsServers({ capture: { elided, filter, errors } }: LinkedCapture): boolean {
  return !elided && filter === undefined && errors.length === 0;
}

function isNameless({ mark, end }: IpvsServiceFact): boolean {
  return mark === undefined && (end?.ip === undefined || end.port === undefined);
}

function addressOf({ ip, port }: IpvsEnd): IpvsAddress | undefined {
  return ip === undefined || port === undefined ? undefined : { ip: ip.value, port: port.value };
}

function endKey({ ip, port, shown }: IpvsEnd): string {
  return `${ip?.value ?? shown} ${port?.value ?? '?'}`;
}

/** Lists of counters lack what others say. */
function addService(services: Map<string, Draft>, fact: IpvsServiceFact, linked: LinkedCapture): Draft {
  const key =
    fact.mark === undefined
      ? `${fact.protocol?.value ?? ''} ${fact.end ? endKey(fact.end) : ''}${isNameless(fact) ? ` of ${linked.uri} ${fact.text.span.start}` : ''}`
      : `mark ${fact.family} ${fact.mark.value}`;
  const before = services.get(key);
  const draft: Draft = {
    protocol: fact.protocol?.value,
    family: fact.family,
    ip: fact.end?.ip?.value,
    port: fact.end?.port?.value,
    mark: fact.mark?.value,
    scheduler: before?.scheduler ?? fact.scheduler?.value,
    persistent: before?.persistent ?? fact.persistent?.value,
    clients: before?.clients ?? fact.mask?.value,
    flags: before === undefined || before.flags.length === 0 ? fact.flags : before.flags,
    engine: before?.engine ?? fact.engine?.value,
    onePacket: before?.onePacket === true || fact.onePacket,
    servers: before?.servers ?? new Map(),
    isWhole: before?.isWhole === true || showsServers(linked),
    source: before?.scheduler === undefined ? sourceAt(linked, fact.text.span) : before.source,
  };
  services.set(key, draft);
  return draft;
}

function addServer({ servers }: Draft, { end, forward, weight, text }: IpvsServerFact, linked: LinkedCapture): void {
  const key = endKey(end);
  const before = servers.get(key);
  servers.set(key, {
    ip: end.ip?.value,
    port: end.port?.value,
    shown: end.shown,
    forward: before?.forward ?? forward?.value,
    weight: before?.weight ?? weight?.value,
    source: before?.forward === undefined ? sourceAt(linked, text.span) : before.source,
  });
}
