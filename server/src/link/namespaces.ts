import type { Device, Known, Namespace, Source } from '../model/network';
import { linkConnections, linkListeners } from './connections';
import { linkEbtables } from './ebtables';
import { linkEvidence } from './evidence';
import { completeness, groupBy, sourceAt, type LinkedCapture } from './facts';
import { linkIpsets, linkNetfilter, linkNft } from './netfilter';

/** Joins what was captured inside one host's namespaces (`''` is the root): devices, routes, neighbours, netfilter. */
export function linkNamespaces(host: string, captures: readonly LinkedCapture[]): Map<string, Namespace> {
  const groups = groupBy(captures, (linked) => linked.capture.namespace ?? '');
  const names = new Set(groups.keys());
  for (const linked of captures) for (const fact of linked.capture.facts) if (fact.kind === 'netns') names.add(fact.name.value);
  names.add('');
  return new Map([...names].map((name) => [name, linkNamespace(host, name, groups.get(name) ?? [], captures)]));
}

interface DeviceDraft {
  mac?: string;
  mtu?: number;
  up: boolean;
  peer?: string;
  master?: string;
  type?: string;
  vlanId?: number;
  vni?: number;
  addresses: { ip: string; prefix: number; source: Source }[];
  sources: Source[];
}

function linkNamespace(host: string, name: string, own: readonly LinkedCapture[], all: readonly LinkedCapture[]): Namespace {
  const sources: Source[] = [];
  for (const linked of all) {
    for (const fact of linked.capture.facts)
      if (fact.kind === 'netns' && fact.name.value === name) sources.push(sourceAt(linked, fact.name.span));
  }
  for (const linked of own)
    if (linked.capture.commandSpan && name !== '') sources.push(sourceAt(linked, linked.capture.commandSpan));
  const routes = known(own, 'route', (kind) => kind === 'ip-route' || kind === 'route');
  const neighbours = known(own, 'neighbour', (kind) => kind === 'ip-neighbour' || kind === 'arp');
  const rules = known(own, 'ip-rule', (kind) => kind === 'ip-rule');
  const sysctls = new Map<string, { value: string; source: Source }>();
  for (const linked of own) {
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'sysctl')
        sysctls.set(fact.name.value, { value: fact.value.value, source: sourceAt(linked, fact.name.span) });
    }
  }
  const nft = linkNft(own);
  const connections = linkConnections(own);
  const listeners = linkListeners(own);
  return {
    host,
    name,
    devices: linkDevices(host, name, own),
    routes: unique(
      routes.found.map(({ fact, linked }) => ({ route: fact, source: sourceAt(linked, fact.text.span) })),
      ({ route }) =>
        [
          route.type,
          route.dst.value.ip,
          route.dst.value.prefix,
          route.via?.value,
          route.dev?.value,
          route.metric?.value,
          route.table?.value ?? 'main',
        ].join(' '),
    ),
    routesKnown: routes.known,
    rules: unique(
      rules.found.map(({ fact, linked }) => ({ rule: fact, source: sourceAt(linked, fact.text.span) })),
      ({ rule }) => rule.text.value,
    ),
    rulesKnown: rules.known,
    neighbours: unique(
      neighbours.found.map(({ fact, linked }) => ({
        ip: fact.ip.value,
        dev: fact.dev.value,
        mac: fact.mac?.value,
        source: { uri: linked.uri, span: { start: fact.ip.span.start, end: (fact.mac ?? fact.dev).span.end } },
      })),
      ({ ip, dev, mac }) => `${ip} ${dev} ${mac ?? ''}`,
    ),
    neighboursKnown: neighbours.known,
    netfilter: linkNetfilter(own, 'ip'),
    netfilter6: linkNetfilter(own, 'ip6'),
    nft: nft.tables,
    nftKnown: nft.known,
    ipsets: linkIpsets(own),
    connections: connections.connections,
    connectionsKnown: connections.known,
    listeners: listeners.listeners,
    listenersKnown: listeners.known,
    ebtables: linkEbtables(own),
    evidence: linkEvidence(own),
    sysctls,
    sources,
  };
}

type Fact = LinkedCapture['capture']['facts'][number];

function known<K extends Fact['kind']>(
  captures: readonly LinkedCapture[],
  kind: K,
  isKind: (kind: string) => boolean,
): { found: { fact: Extract<Fact, { kind: K }>; linked: LinkedCapture }[]; known: Known } {
  const found: { fact: Extract<Fact, { kind: K }>; linked: LinkedCapture }[] = [];
  let how: Known = 'absent';
  for (const linked of captures) {
    if (!isKind(linked.capture.kind)) continue;
    const narrow = /\b-6\b|\bget\b|\bdev\b/.test(linked.capture.command ?? '') || linked.capture.options['table'] !== undefined;
    const own = completeness(linked.capture).known;
    if (how !== 'whole') how = narrow && own === 'whole' && linked.capture.options['table'] !== 'all' ? 'partial' : own;
    for (const fact of linked.capture.facts)
      if (fact.kind === kind) found.push({ fact: fact as Extract<Fact, { kind: K }>, linked });
  }
  return { found, known: how };
}

function unique<T>(items: readonly T[], key: (item: T) => string): T[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const k = key(item);
    if (seen.has(k)) return false;
    seen.add(k);
    return true;
  });
}

function linkDevices(host: string, namespace: string, captures: readonly LinkedCapture[]): Map<string, Device> {
  const drafts = new Map<string, DeviceDraft>();
  const draft = (name: string): DeviceDraft => {
    let found = drafts.get(name);
    if (!found) drafts.set(name, (found = { up: true, addresses: [], sources: [] }));
    return found;
  };
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'link') {
        const device = draft(fact.name.value);
        device.sources.push(sourceAt(linked, fact.name.span));
        if (fact.mac) device.mac ??= fact.mac.value;
        if (fact.mtu) device.mtu ??= fact.mtu.value;
        if (fact.peer) device.peer ??= fact.peer.value;
        if (fact.master) device.master ??= fact.master.value;
        if (fact.type) device.type ??= fact.type.value;
        if (fact.vlanId) device.vlanId ??= fact.vlanId.value;
        if (fact.vni) device.vni ??= fact.vni.value;
        if (fact.flags.length > 0) device.up = fact.flags.includes('UP');
      } else if (fact.kind === 'address') {
        const device = draft(fact.dev.value);
        if (device.addresses.some((address) => address.ip === fact.ip.value)) continue;
        device.addresses.push({ ip: fact.ip.value, prefix: fact.prefix.value, source: sourceAt(linked, fact.ip.span) });
      }
    }
  }
  return new Map(
    [...drafts].map(([name, device]) => [
      name,
      {
        host,
        namespace,
        name,
        mac: device.mac,
        mtu: device.mtu,
        up: device.up,
        peer: device.peer,
        master: device.master,
        type: device.type,
        vlanId: device.vlanId,
        vni: device.vni,
        addresses: device.addresses,
        sources: device.sources,
      },
    ]),
  );
}
