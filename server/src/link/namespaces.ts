import type { Device, DeviceAddress, UnverifiedAddress } from '../model/device';
import type { Namespace } from '../model/namespace';
import type { Known, Source } from '../model/source';
import { linkConnections, linkConnectedSockets, linkExpectations, linkListeners } from './connections';
import { linkEbtables } from './ebtables';
import { linkEvidence } from './evidence';
import { linkPairs } from './device-pairs';
import { linkIpvs } from './ipvs';
import { completeness, eachFact, groupBy, sourceAt, type LinkedCapture } from './facts';
import { linkWireGuard } from './wireguard';
import { legacyWarnings, linkIpsets, linkNetfilter, linkNft } from './netfilter';

/** Joins what was captured inside one host's namespaces (`''` is the root): devices, routes, neighbours, netfilter. */
export function* linkNamespaces(host: string, captures: readonly LinkedCapture[]): Generator<void, Map<string, Namespace>> {
  const groups = groupBy(captures, (linked) => linked.capture.namespace ?? '');
  const names = new Set(groups.keys());
  yield;
  for (const linked of captures) for (const fact of linked.capture.facts) if (fact.kind === 'netns') names.add(fact.name.value);
  names.add('');
  const namespaces = new Map<string, Namespace>();
  for (const name of names) namespaces.set(name, yield* linkNamespace(host, name, groups.get(name) ?? [], captures));
  yield;
  return linkPairs(namespaces, captures);
}

interface DeviceDraft {
  mac?: string;
  mtu?: number;
  mtuSource?: Source;
  group?: string;
  up: boolean;
  noCarrier: boolean;
  peer?: string;
  master?: string;
  masterShown: boolean;
  type?: string;
  vlanId?: number;
  vni?: number;
  index?: number;
  peerIndex?: number;
  linkNetnsId?: number;
  linkNetns?: string;
  noArp: boolean;
  settings: Record<string, string>;
  portSettings: Record<string, string>;
  addresses: DeviceAddress[];
  unverified: UnverifiedAddress[];
  sources: Source[];
}

/** ip-link(8) says NO-CARRIER where a device is up and not running; ifconfig(8) leaves out RUNNING. */
function lacksCarrier(flags: readonly string[], kind: string): boolean {
  return flags.includes('NO-CARRIER') || (kind === 'ifconfig' && !flags.includes('RUNNING'));
}

function* linkNamespace(
  host: string,
  name: string,
  own: readonly LinkedCapture[],
  all: readonly LinkedCapture[],
): Generator<void, Namespace> {
  const sources: Source[] = [];
  for (const linked of all) {
    for (const fact of linked.capture.facts)
      if (fact.kind === 'netns' && fact.name.value === name) sources.push(sourceAt(linked, fact.name.span));
  }
  for (const linked of own)
    if (linked.capture.commandSpan && name !== '') sources.push(sourceAt(linked, linked.capture.commandSpan));
  const enter = own.map(({ capture }) => capture.enter).find((text) => text !== undefined);
  const routes = yield* known(own, 'route', listsRoutes);
  yield;
  const shown = routeTablesShown(own);
  yield;
  const neighbours = yield* known(own, 'neighbour', (kind) => kind === 'ip-neighbour' || kind === 'arp');
  const isSix = ({ capture: { command, options } }: LinkedCapture) => options['family'] === 'ip6' || SIX.test(command ?? '');
  const rules = yield* known(own, 'ip-rule', (kind) => kind === 'ip-rule');
  const rulesOf = (six: boolean): Known => {
    const listings = own.filter((linked) => linked.capture.kind === 'ip-rule' && isSix(linked) === six);
    const how = howKnown(listings, () => true);
    // Without the table local a namespace has no address of its own: where no rule asks it, rules were left out.
    return how === 'whole' && !listings.some(asksLocal) ? 'partial' : how;
  };
  yield;
  const sysctls = new Map<string, { value: string; source: Source }>();
  for (const linked of own) {
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'sysctl')
        sysctls.set(fact.name.value, { value: fact.value.value, source: sourceAt(linked, fact.name.span) });
    }
  }
  yield;
  const nft = yield* linkNft(own);
  const connections = yield* linkConnections(own);
  const listeners = yield* linkListeners(own);
  const connected = yield* linkConnectedSockets(own);
  const queues = yield* known(own, 'nf-queue', (kind) => kind === 'nfnetlink-queue');
  return {
    host,
    name,
    ...(enter === undefined ? {} : { enter }),
    devices: yield* paused(() => linkDevices(host, name, own)),
    bridgesKnown: own.some(listsAllMasters)
      ? 'whole'
      : howKnown(
          own.filter(({ capture }) => capture.target === undefined),
          (kind) => kind === 'brctl-show' || kind === 'bridge-link',
        ),
    addressesKnown: addressesShown(own),
    routes: yield* unique(
      routes.found,
      ({ fact, linked }) => ({ route: fact, source: sourceAt(linked, fact.text.span) }),
      ({ route }) =>
        [
          route.type,
          route.dst.value.ip,
          route.dst.value.prefix,
          route.via?.value,
          route.dev?.value,
          route.from?.value,
          route.nexthopId?.value,
          route.metric?.value,
          route.tos?.value,
          route.table?.value ?? 'main',
          route.encap?.value,
          route.gatewayName?.value,
        ].join(' '),
    ),
    nexthops: yield* paused(() => linkNexthops(own)),
    routesKnown: shown.known4,
    routesKnown6: shown.known6,
    tablesShown: shown.tables,
    rules: yield* unique(
      rules.found,
      ({ fact, linked }) => ({ rule: fact, source: sourceAt(linked, fact.text.span) }),
      ({ rule }) => `${rule.family ?? 'ip'} ${rule.text.value}`,
    ),
    rulesKnown: rulesOf(false),
    rulesKnown6: rulesOf(true),
    neighbours: yield* unique(
      neighbours.found,
      ({ fact, linked }) => ({
        ip: fact.ip.value,
        dev: fact.dev.value,
        mac: fact.mac?.value,
        state: fact.state?.value,
        source: { uri: linked.uri, span: { start: fact.ip.span.start, end: (fact.mac ?? fact.dev).span.end } },
      }),
      ({ ip, dev, mac }) => `${ip} ${dev} ${mac ?? ''}`,
    ),
    neighboursKnown: neighbours.known,
    remotes: yield* linkRemotes(own),
    wireguard: yield* paused(() => linkWireGuard(own)),
    remotesShown: remotesShown(own),
    netfilter: yield* linkNetfilter(own, 'ip'),
    netfilter6: yield* linkNetfilter(own, 'ip6'),
    legacyTables: legacyWarnings(own),
    nft: nft.tables,
    nftKnown: nft.known,
    ipsets: yield* linkIpsets(own),
    connections: connections.connections,
    connectionsKnown: connections.known,
    expectations: yield* paused(() => linkExpectations(own)),
    ipvs: yield* paused(() => linkIpvs(own)),
    listeners: listeners.listeners,
    listenersKnown: listeners.known,
    connectedSockets: connected.sockets,
    connectedKnown: connected.known,
    queues: new Set(queues.found.map(({ fact }) => fact.queue.value)),
    queuesKnown: queues.known,
    ebtables: yield* paused(() => linkEbtables(own)),
    evidence: yield* paused(() => linkEvidence(own)),
    sysctls,
    sources,
  };
}

type Fact = LinkedCapture['capture']['facts'][number];

/** A command that asks for IPv6 alone. */
const FOUR = /(?:^|\s)-(?:4|f\s*inet\b(?!6))/;
const SIX = /(?:^|\s)-(?:6|A\s*inet6|f\s*inet6)\b/;

function* known<K extends Fact['kind']>(
  captures: readonly LinkedCapture[],
  kind: K,
  isKind: (kind: string) => boolean,
): Generator<void, { found: { fact: Extract<Fact, { kind: K }>; linked: LinkedCapture }[]; known: Known }> {
  const found: { fact: Extract<Fact, { kind: K }>; linked: LinkedCapture }[] = [];
  const own = captures.filter(({ capture }) => isKind(capture.kind));
  yield* eachFact(own, (fact, linked) => {
    if (fact.kind === kind) found.push({ fact: fact as Extract<Fact, { kind: K }>, linked });
  });
  return { found, known: howKnown(captures, isKind) };
}

function asksLocal({ capture }: LinkedCapture): boolean {
  return capture.facts.some((fact) => fact.kind === 'ip-rule' && /^(?:local|255)$/.test(fact.table?.value ?? ''));
}

/** How much of a table the captures of its kinds show. */
function howKnown(captures: readonly LinkedCapture[], isKind: (kind: string) => boolean): Known {
  let how: Known = 'absent';
  for (const linked of captures) {
    if (!isKind(linked.capture.kind)) continue;
    const narrow = /\bget\b|\bdev\b/.test(linked.capture.command ?? '') || linked.capture.options['table'] !== undefined;
    const own = completeness(linked.capture).known;
    if (how !== 'whole') how = narrow && own === 'whole' && linked.capture.options['table'] !== 'all' ? 'partial' : own;
  }
  return how;
}

/** `ip` without anything that picks out devices, as a family does, of which some have no address. */
const ALL_DEVICES = /^\s*(?:\S*\/)?ip\s+(?:-(?!4|6|0|f|B|M)\S+\s+)*(?:a|l|addr|address|link)(?:\s+(?:s|sh|show|ls|list))?\s*$/;

/** A whole list of the devices says of each which bridge it belongs to; a short one (`-br`) does not. */
function listsAllMasters({ capture }: LinkedCapture): boolean {
  return (
    /^ip-(?:address|link)$/.test(capture.kind) &&
    ALL_DEVICES.test((capture.command ?? '').replace(/^.*\bsudo\s+/, '')) &&
    completeness(capture).known === 'whole' &&
    capture.facts.some((fact) => fact.kind === 'link' && fact.mtu)
  );
}

/** How much of each family's addresses the listings of all devices show; one of a single device says nothing of the others. */
function addressesShown(captures: readonly LinkedCapture[]): Readonly<Record<4 | 6, Known>> {
  const shown: Record<4 | 6, Known> = { 4: 'absent', 6: 'absent' };
  for (const linked of captures) {
    const { kind, command = '', facts } = linked.capture;
    // `ifconfig -s` has no addresses.
    const isTable = kind === 'ifconfig' && !facts.some((fact) => fact.kind === 'address');
    if ((kind !== 'ip-address' && kind !== 'ifconfig') || isTable) continue;
    for (const family of [4, 6] as const)
      if (shown[family] !== 'whole' && !(family === 4 ? SIX : FOUR).test(command))
        shown[family] = completeness(linked.capture).known;
  }
  return shown;
}

/** Whether the kernel's routes stand in a capture of this kind. */
function listsRoutes(kind: string): boolean {
  return kind === 'ip-route' || kind === 'route' || kind === 'proc-net-route';
}

/** Which routing tables somebody asked for, and how much of `main` was shown, for each family. */
function routeTablesShown(captures: readonly LinkedCapture[]): {
  readonly known4: Known;
  readonly known6: Known;
  readonly tables: ReadonlySet<string>;
} {
  const tables = new Set<string>();
  const known: { 4: Known; 6: Known } = { 4: 'absent', 6: 'absent' };
  const say = (family: 4 | 6, how: Known) => {
    if (known[family] !== 'whole') known[family] = how;
  };
  for (const linked of captures) {
    const { kind, command, options } = linked.capture;
    if (!listsRoutes(kind)) continue;
    if (/\bget\b/.test(command ?? '')) continue;
    const table = options['table'];
    const own = completeness(linked.capture).known;
    const narrow = options['dev'] !== undefined;
    const how: Known = narrow && own === 'whole' ? 'partial' : own;
    const both = table === 'all' || table === '0';
    if (table !== undefined && !narrow && how === 'whole') tables.add(table === '0' ? 'all' : table);
    if (table !== undefined && !both && table !== 'main' && table !== '254') continue;
    const six = options['family'] === 'ip6' || /(?:^|\s)-(?:6|A\s*inet6|f\s*inet6)\b/.test(command ?? '');
    const four = options['family'] === 'ip' || /(?:^|\s)-4\b/.test(command ?? '');
    if (!six) say(4, how);
    // `table all` shows both families, unless one was asked for.
    const shows6 = linked.capture.facts.some((fact) => fact.kind === 'route' && fact.dst.value.ip.includes(':'));
    if (six || (both && !four && shows6)) say(6, how);
    else if (shows6) say(6, 'partial');
  }
  return { known4: known[4], known6: known[6], tables };
}

function linkNexthops(captures: readonly LinkedCapture[]): Namespace['nexthops'] {
  const facts = captures.flatMap(({ capture }) =>
    capture.facts.flatMap((fact) => (fact.kind === 'nexthop-object' ? [fact] : [])),
  );
  return new Map(facts.map((fact) => [fact.id.value, fact]));
}

/** `bridge fdb`: where VXLAN devices send frames (`dst`, or `nhid` for those that several hosts share). */
function* linkRemotes(captures: readonly LinkedCapture[]): Generator<void, Namespace['remotes']> {
  const rows: Namespace['remotes'][number][] = [];
  yield* eachFact(captures, (fact, linked) => {
    if (fact.kind !== 'bridge-fdb') return;
    const to = fact.dst ?? fact.nexthop;
    if (to === undefined) return;
    const span = { start: fact.mac.span.start, end: to.span.end };
    rows.push({
      dev: fact.dev.value,
      mac: fact.mac.value,
      ...(fact.dst ? { ip: fact.dst.value } : {}),
      ...(fact.nexthop ? { nexthop: fact.nexthop.value } : {}),
      ...(fact.sourceVni ? { vni: fact.sourceVni.value } : {}),
      ...(fact.vni ? { toVni: fact.vni.value } : {}),
      source: { uri: linked.uri, span },
    });
  });
  return yield* unique(
    rows,
    (row) => row,
    ({ dev, mac, ip, nexthop, vni, toVni }) => `${dev} ${mac} ${ip ?? ''} ${nexthop ?? ''} ${vni ?? ''} ${toVni ?? ''}`,
  );
}

/** `bridge fdb show` without a filter shows the tables of all devices, with `dev` of one. */
function remotesShown(captures: readonly LinkedCapture[]): ReadonlySet<string> {
  const whole = captures.filter(
    (linked) =>
      linked.capture.kind === 'bridge-fdb' &&
      linked.capture.target === undefined &&
      completeness(linked.capture).known === 'whole',
  );
  return new Set(whole.map(({ capture }) => capture.options['dev'] ?? '*'));
}

/** What a pass over all facts makes, with a pause before it. */
function* paused<T>(make: () => T): Generator<void, T> {
  yield;
  return make();
}

/** So many things are compared between two pauses. */
const STEP = 2000;

/** What is made of some things, each once by its key. */
function* unique<T, M>(items: readonly T[], make: (item: T) => M, key: (made: M) => string): Generator<void, M[]> {
  const seen = new Set<string>();
  const found: M[] = [];
  for (const [n, item] of items.entries()) {
    if (n % STEP === STEP - 1) yield;
    const made = make(item);
    const k = key(made);
    if (seen.has(k)) continue;
    seen.add(k);
    found.push(made);
  }
  return found;
}

function linkDevices(host: string, namespace: string, captures: readonly LinkedCapture[]): Map<string, Device> {
  const drafts = new Map<string, DeviceDraft>();
  const bridgeLinkPeers = new Map<string, string>();
  const masters = new Set<string>();
  const draft = (name: string): DeviceDraft => {
    let found = drafts.get(name);
    if (!found)
      drafts.set(
        name,
        (found = {
          up: true,
          noCarrier: false,
          masterShown: false,
          noArp: false,
          settings: {},
          portSettings: {},
          addresses: [],
          unverified: [],
          sources: [],
        }),
      );
    return found;
  };
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'link') {
        const device = draft(fact.name.value);
        device.sources.push(sourceAt(linked, fact.name.span));
        if (fact.mac) device.mac ??= fact.mac.value;
        if (fact.mtu && device.mtu === undefined) {
          device.mtu = fact.mtu.value;
          device.mtuSource = sourceAt(linked, fact.mtu.span);
        }
        if (fact.group) device.group ??= fact.group.value;
        // bridge(8) looks the peer's index up among its own namespace's devices, wherever the peer is.
        if (fact.peer && linked.capture.kind === 'bridge-link') bridgeLinkPeers.set(fact.name.value, fact.peer.value);
        else if (fact.peer) device.peer ??= fact.peer.value;
        if (fact.master) device.master ??= fact.master.value;
        if (fact.master) masters.add(fact.master.value);
        // The line with the MTU is the one that names a master, where there is one.
        if (fact.master || (fact.mtu && /^ip-(?:address|link)$/.test(linked.capture.kind))) device.masterShown = true;
        if (fact.type) device.type ??= fact.type.value;
        if (fact.vlanId) device.vlanId ??= fact.vlanId.value;
        if (fact.vni) device.vni ??= fact.vni.value;
        if (fact.index) device.index ??= fact.index.value;
        if (fact.peerIndex) device.peerIndex ??= fact.peerIndex.value;
        if (fact.linkNetnsId) device.linkNetnsId ??= fact.linkNetnsId.value;
        if (fact.linkNetns) device.linkNetns ??= fact.linkNetns.value;
        for (const [name, { value }] of Object.entries(fact.settings ?? {})) device.settings[name] ??= value;
        for (const [name, { value }] of Object.entries(fact.portSettings ?? {})) device.portSettings[name] ??= value;
        if (fact.flags.length > 0) {
          device.up = fact.flags.includes('UP');
          device.noCarrier = device.up && lacksCarrier(fact.flags, linked.capture.kind);
        }
        if (fact.flags.includes('NOARP')) device.noArp = true;
      } else if (fact.kind === 'address') {
        const device = draft(fact.dev.value);
        if ([...device.addresses, ...device.unverified].some((address) => address.ip === fact.ip.value)) continue;
        const address: DeviceAddress = {
          ip: fact.ip.value,
          prefix: fact.prefix.value,
          ...(fact.scope === undefined ? {} : { scope: fact.scope.value }),
          ...(fact.peer === undefined ? {} : { peer: fact.peer.value }),
          ...(fact.broadcast === undefined ? {} : { broadcast: fact.broadcast.value }),
          ...(fact.noPrefixRoute === true ? { noPrefixRoute: true } : {}),
          source: sourceAt(linked, fact.ip.span),
        };
        if (fact.unverified) device.unverified.push({ ...address, state: fact.unverified.value });
        else device.addresses.push(address);
      }
    }
  }
  for (const [dev, peer] of bridgeLinkPeers) {
    const device = drafts.get(dev);
    const said = device?.peerIndex ?? device?.linkNetnsId ?? device?.linkNetns;
    if (device && said === undefined && !masters.has(peer)) device.peer ??= peer;
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
        ...(device.mtuSource === undefined ? {} : { mtuSource: device.mtuSource }),
        ...(device.group === undefined ? {} : { group: device.group }),
        up: device.up,
        ...(device.noCarrier ? { noCarrier: true as const } : {}),
        peer: device.peer,
        master: device.master,
        masterShown: device.masterShown,
        type: device.type,
        vlanId: device.vlanId,
        vni: device.vni,
        index: device.index,
        peerIndex: device.peerIndex,
        linkNetnsId: device.linkNetnsId,
        linkNetns: device.linkNetns,
        pair: undefined,
        noArp: device.noArp,
        settings: device.settings,
        portSettings: device.portSettings,
        addresses: device.addresses,
        unverified: device.unverified,
        sources: device.sources,
      },
    ]),
  );
}
