import type { Device, Known, LinuxBridge, Namespace, NfChain, NfRule, NfTable, Source } from '../model/network';
import { completeness, groupBy, sourceAt, type LinkedCapture } from './facts';

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

/** Of several listings of one table the one that shows most is used: a save, then -S, then -L with -v, then -L. */
function linkNetfilter(captures: readonly LinkedCapture[], family: 'ip' | 'ip6'): Map<string, NfTable> {
  const tables = new Map<string, { rank: number; table: NfTable }>();
  for (const linked of captures) {
    const { kind } = linked.capture;
    if (!(family === 'ip' ? /^iptables-(?:save|rules|list)$/ : /^ip6tables-(?:save|rules|list)$/).test(kind)) continue;
    for (const table of tablesOf(linked, family)) {
      const rank = kind.endsWith('-save') ? 4 : kind.endsWith('-rules') ? 3 : table.interfacesHidden ? 1 : 2;
      const score = rank + (table.known === 'whole' ? 0.5 : 0);
      if ((tables.get(table.name)?.rank ?? -1) < score) tables.set(table.name, { rank: score, table });
    }
  }
  return new Map([...tables].map(([name, { table }]) => [name, table]));
}

function tablesOf(linked: LinkedCapture, family: 'ip' | 'ip6'): NfTable[] {
  const chains = new Map<string, Map<string, { policy: string | undefined; rules: NfRule[]; source: Source }>>();
  const chain = (table: string, name: string, source: Source) => {
    let of = chains.get(table);
    if (!of) chains.set(table, (of = new Map()));
    let found = of.get(name);
    if (!found) of.set(name, (found = { policy: undefined, rules: [], source }));
    return found;
  };
  for (const fact of linked.capture.facts) {
    if (fact.kind === 'nf-chain' && fact.family === family) {
      const found = chain(fact.table, fact.name.value, sourceAt(linked, fact.span.span));
      if (fact.policy && fact.policy.value !== '-') found.policy = fact.policy.value;
    } else if (fact.kind === 'nf-rule' && fact.family === family) {
      const source = sourceAt(linked, fact.text.span);
      chain(fact.table, fact.chain, source).rules.push({
        number: fact.number,
        matches: fact.matches,
        target: fact.target?.value,
        goto: fact.goto,
        options: fact.targetOptions,
        interfacesHidden: fact.interfacesHidden,
        text: fact.text.value,
        source,
      });
    }
  }
  const { known: how } = completeness(linked.capture);
  // A whole save shows every table that there is: one that it does not show does nothing.
  const everything = how === 'whole' && linked.capture.kind.endsWith('-save') && linked.capture.options['table'] === undefined;
  if (everything) for (const name of ['raw', 'mangle', 'nat', 'filter']) if (!chains.has(name)) chains.set(name, new Map());
  return [...chains].map(([name, of]) => {
    const finished: NfChain[] = [...of].map(([chainName, { policy, rules, source }]) => ({
      name: chainName,
      policy,
      rules,
      source,
    }));
    return {
      name,
      chains: new Map(finished.map((c) => [c.name, c])),
      known: how,
      interfacesHidden: finished.some((c) => c.rules.some((rule) => rule.interfacesHidden)),
      source: sourceAt(linked, linked.capture.commandSpan ?? linked.capture.span),
    };
  });
}

/** `brctl show`, `bridge link`, `bridge fdb`, `ip link … master`: the host's Linux bridges. */
export function linkLinuxBridges(host: string, captures: readonly LinkedCapture[]): Map<string, LinuxBridge> {
  const drafts = new Map<string, { members: Map<string, Source>; fdb: LinuxBridge['fdb'][number][]; sources: Source[] }>();
  const draft = (name: string) => {
    let found = drafts.get(name);
    if (!found) drafts.set(name, (found = { members: new Map(), fdb: [], sources: [] }));
    return found;
  };
  const member = (bridge: string, name: string, source: Source) => {
    const { members } = draft(bridge);
    if (!members.has(name)) members.set(name, source);
  };
  const remotes: LinuxBridge['remotes'][number][] = [];
  for (const linked of captures) {
    for (const fact of linked.capture.facts) {
      if (fact.kind === 'bridge-fdb' && fact.dst) {
        remotes.push({
          dev: fact.dev.value,
          mac: fact.mac.value,
          ip: fact.dst.value,
          source: { uri: linked.uri, span: { start: fact.mac.span.start, end: fact.dst.span.end } },
        });
      }
      if (fact.kind === 'linux-bridge') draft(fact.name.value).sources.push(sourceAt(linked, fact.name.span));
      else if (fact.kind === 'linux-bridge-port') member(fact.bridge.value, fact.name.value, sourceAt(linked, fact.name.span));
      else if (fact.kind === 'link' && fact.master && !/^ovs-system$/.test(fact.master.value)) {
        member(fact.master.value, fact.name.value, sourceAt(linked, fact.name.span));
      } else if (fact.kind === 'bridge-fdb' && fact.master) {
        draft(fact.master.value).fdb.push({
          mac: fact.mac.value,
          dev: fact.dev.value,
          permanent: fact.flags.includes('permanent'),
          source: { uri: linked.uri, span: { start: fact.mac.span.start, end: fact.dev.span.end } },
        });
      }
    }
  }
  return new Map(
    [...drafts]
      .filter(([, { members, sources }]) => members.size > 0 || sources.length > 0)
      .map(([name, { members, fdb, sources }]) => [
        name,
        {
          host,
          name,
          members: [...members].map(([of, source]) => ({ name: of, source })),
          fdb,
          remotes: remotes.filter(({ dev }) => members.has(dev)),
          sources,
        },
      ]),
  );
}
