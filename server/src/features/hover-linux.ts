import { inNamespace } from '../walk/context';
import type { Fact } from '../captures/facts';
import type { NfFamily } from '../captures/netfilter-facts';
import type { Device } from '../model/device';
import type { Namespace } from '../model/namespace';
import type { NfChain, NfRule, NfTable } from '../model/netfilter';
import type { Source } from '../model/source';
import { explainNfMatches, explainNfTarget } from '../model/explain-netfilter';
import { neutronPortOf, onLink } from '../model/queries';
import { neutronNetworkOf, routerOf, type EntityOf, type Locus } from './entity';
import { leadsTo } from './hover-switch';
import { code, count, escape, few, inBrackets, link, section } from './markdown';
import { ovsPortNamed } from '../model/queries';
import { knownChain, knownNamespace } from '../model/known-names';
import { knownBullet } from './known-bullet';
import type { World } from './world';

type FactOf<K extends Fact['kind']> = Extract<Fact, { readonly kind: K }>;

/** What a namespace is for, by its name. */
export function namespaceRole(world: World, name: string): string | undefined {
  const known = knownNamespace(name);
  if (!known) return undefined;
  const { id } = known;
  const of =
    known.of === 'router'
      ? routerOf(world.network, id)
      : known.of === 'network'
        ? neutronNetworkOf(world.network, id)
        : undefined;
  const which = of?.name === undefined ? (id === '' ? '' : `: ${code(id)}`) : `: ${code(of.name)} (${code(id)})`;
  const says = known.says.replace(/^is /, '');
  return `${says.charAt(0).toUpperCase()}${says.slice(1)}${which}${inBrackets(world, of?.sources[0])} (inferred: ${known.writer} gives such names)`;
}

/** A namespace: what it is for, its devices and addresses, what was captured in it. */
export function describeNamespace(world: World, entity: EntityOf<'namespace'>): string {
  const found: Namespace[] = [];
  for (const host of world.network.hosts.values()) {
    const namespace = host.namespaces.get(entity.name);
    if (namespace) found.push(namespace);
  }
  const bullets: (string | undefined)[] = [namespaceRole(world, entity.name)];
  for (const namespace of found) {
    const devices = [...namespace.devices.values()].filter(({ name }) => name !== 'lo');
    if (found.length > 1 || devices.length === 0) bullets.push(`On **${escape(namespace.host)}**`);
    for (const device of devices.slice(0, 6)) {
      const addresses = device.addresses
        .filter(({ ip }) => !ip.startsWith('fe80'))
        .map(({ ip, prefix }) => code(`${ip}/${prefix}`));
      addresses.push(...device.unverified.map(({ ip, prefix, state }) => `${code(`${ip}/${prefix}`)} (${state}: not in use)`));
      bullets.push(
        `${code(device.name)}${addresses.length === 0 ? '' : `: ${few(addresses, 4)}`}${inBrackets(world, device.sources[0])}`,
      );
    }
    if (devices.length === 0) bullets.push(`Its devices were not captured: ${code(inNamespace(namespace, 'ip addr'))}`);
    const tables = [...namespace.netfilter.keys()];
    const parts = [
      namespace.routes.length === 0 ? '' : count(namespace.routes.length, 'route'),
      tables.length === 0 ? '' : `netfilter ${tables.join(', ')}`,
      namespace.neighbours.length === 0 ? '' : count(namespace.neighbours.length, 'neighbour'),
    ].filter((part) => part !== '');
    if (parts.length > 0) bullets.push(`Captured: ${parts.join(', ')}`);
  }
  const host = found[0]?.host ?? entity.host;
  return section(`Namespace ${escape(entity.name)}${host === '' || found.length > 1 ? '' : ` on ${escape(host)}`}`, bullets);
}

function tableOf(world: World, { host, namespace, family, table }: EntityOf<'chain'>): NfTable | undefined {
  const known = world.network.hosts.get(host)?.namespaces.get(namespace);
  const byIptables = family === 'ip' ? known?.netfilter.get(table) : family === 'ip6' ? known?.netfilter6.get(table) : undefined;
  return byIptables ?? known?.nft.get(`${family} ${table}`);
}

const builtIn: Readonly<Record<string, string>> = {
  PREROUTING: 'Packets that come in, before the routing decision',
  INPUT: 'Packets to this machine itself',
  FORWARD: 'Packets that are routed through',
  OUTPUT: 'Packets that this machine itself sends',
  POSTROUTING: 'Packets that leave, after the routing decision',
};

const familyWords: Partial<Record<NfFamily, string>> = {
  ip6: ' for IPv6',
  inet: ' for IPv4 and IPv6',
  bridge: ' for frames in bridges',
  arp: ' for ARP',
  netdev: ' for frames at one device',
};

/** Where the kernel asks a chain: what iptables' built-in chains are for, and nft's base chains with their priority. */
function hookOf(locus: Locus, family: NfFamily, table: string, chain: string): string | undefined {
  const fact = locus.capture.facts.find(
    (one) => one.kind === 'nf-chain' && one.family === family && one.table === table && one.name.value === chain,
  );
  if (fact?.kind !== 'nf-chain' || fact.hook === undefined)
    return locus.capture.kind.startsWith('nft-') ? undefined : builtIn[chain];
  const words = builtIn[fact.hook.value.toUpperCase()] ?? 'Frames that come in, before everything else';
  const priority = fact.priority === undefined ? '' : `, priority ${fact.priority.value}`;
  return `${words} (hook ${fact.hook.value}${priority})`;
}

/** The tables of captures that were asked for: one may have a hundred thousand rules, of which people look at many. */
const tables = new WeakMap<Locus['capture'], Map<string, NfTable | undefined>>();

/** One netfilter table as a capture's own lines show it: the network keeps only the best listing of each. */
function tableOfCapture(locus: Locus, family: NfFamily, name: string): NfTable | undefined {
  const known = tables.get(locus.capture) ?? new Map<string, NfTable | undefined>();
  tables.set(locus.capture, known);
  const key = `${family} ${name}`;
  if (!known.has(key)) known.set(key, makeTable(locus, family, name));
  return known.get(key);
}

function makeTable(locus: Locus, family: NfFamily, name: string): NfTable | undefined {
  const drafts = new Map<string, { policy: string | undefined; rules: NfRule[]; source: Source }>();
  let hidden = false;
  for (const fact of locus.capture.facts) {
    if ((fact.kind !== 'nf-chain' && fact.kind !== 'nf-rule') || fact.family !== family || fact.table !== name) continue;
    const chain = fact.kind === 'nf-chain' ? fact.name.value : fact.chain;
    const source = { uri: locus.uri, span: fact.kind === 'nf-chain' ? fact.span.span : fact.text.span };
    const draft = drafts.get(chain) ?? { policy: undefined, rules: [], source };
    drafts.set(chain, draft);
    if (fact.kind === 'nf-chain') draft.policy = fact.policy?.value === '-' ? undefined : fact.policy?.value;
    else {
      hidden ||= fact.interfacesHidden;
      const { number, matches, goto, targetOptions: options, interfacesHidden } = fact;
      draft.rules.push({
        number,
        matches,
        target: fact.target?.value,
        goto,
        options,
        interfacesHidden,
        text: fact.text.value,
        source,
      });
    }
  }
  const first = [...drafts.values()][0];
  if (!first) return undefined;
  const chains = new Map([...drafts].map(([of, draft]) => [of, { name: of, ...draft }]));
  return { name, family, chains, known: 'partial', interfacesHidden: hidden, source: first.source };
}

/** A chain: its policy, its rules, who jumps to it. */
export function describeChain(world: World, locus: Locus, entity: EntityOf<'chain'>): string {
  const own = tableOfCapture(locus, entity.family, entity.table);
  const known = tableOf(world, entity);
  const table = own?.chains.has(entity.name) ? own : known;
  const chain = table?.chains.get(entity.name);
  const place =
    entity.namespace === ''
      ? entity.host === ''
        ? ''
        : ` of ${escape(entity.host)}`
      : ` of namespace ${code(entity.namespace)}`;
  const where = `${entity.table} table${familyWords[entity.family] ?? ''}${place}`;
  const hook = hookOf(locus, entity.family, entity.table, entity.name);
  if (!table || !chain) {
    const command = locus.capture.kind.startsWith('nft-')
      ? `nft list chain ${entity.family} ${entity.table} ${entity.name}`
      : `${entity.family === 'ip6' ? 'ip6tables' : 'iptables'} -t ${entity.table} -S ${entity.name}`;
    return section(`Chain ${escape(entity.name)}`, [
      `In the ${where}`,
      hook,
      knownBullet(knownChain(entity.name)),
      `Its rules were not captured: ${code(command)}`,
    ]);
  }
  const callers = [...table.chains.values()].flatMap((from) =>
    from.rules.filter((rule) => rule.target === chain.name).map((rule) => ({ from, rule })),
  );
  const jumps = callers.map(({ from, rule }) => link(world, rule.source, `${from.name} rule ${rule.number}`) ?? from.name);
  return section(`Chain ${escape(entity.name)}`, [
    `In the ${where}${inBrackets(world, chain.source)}`,
    hook,
    knownBullet(knownChain(entity.name)),
    chain.policy === undefined ? undefined : `Policy ${chain.policy}: what happens to packets that no rule takes`,
    ...ruleBullets(chain),
    hook !== undefined ? undefined : jumps.length === 0 ? 'No captured rule jumps here' : `Reached from ${few(jumps)}`,
    hiddenBullet(table.interfacesHidden && chain.rules.length > 0),
  ]);
}

function ruleBullets(chain: NfChain): string[] {
  if (chain.rules.length === 0) return ['No rules'];
  const shown = chain.rules.slice(0, 6).map((rule) => {
    const matches = explainNfMatches(rule.matches);
    return `Rule ${rule.number}: ${matches.length === 0 ? 'any packet' : escape(matches.join(', '))} → ${escape(explainNfTarget(rule.target, rule.goto, rule.options))}`;
  });
  return chain.rules.length > 6 ? [...shown, `and ${count(chain.rules.length - 6, 'more rule')}`] : shown;
}

function hiddenBullet(hidden: boolean): string | undefined {
  return hidden
    ? `⚠ ${code('iptables -L')} without ${code('-v')} does not show interfaces: a rule may match less than it reads. ${code('iptables -S')} tells`
    : undefined;
}

/** What a rule of nft does one after the other, or in the cases of its map, where that is more than one thing. */
function partsOf(locus: Locus, rule: FactOf<'nf-rule'>): readonly FactOf<'nf-rule'>[] {
  const { start } = rule.text.span;
  return locus.capture.facts.flatMap((fact) => (fact.kind === 'nf-rule' && fact.text.span.start === start ? [fact] : []));
}

/** More parts than this are only counted. */
const SHOWN_PARTS = 8;

function partBullets(parts: readonly FactOf<'nf-rule'>[]): string[] {
  const bullets = parts.slice(0, SHOWN_PARTS).map(({ matches, before, target, goto, targetOptions }) => {
    const words = explainNfMatches(matches);
    const done = [
      ...(before ?? []).map((statement) => explainNfTarget(statement.target.value, false, statement.options)),
      target === undefined ? 'goes on' : explainNfTarget(target.value, goto, targetOptions),
    ];
    return `${words.length === 0 ? 'Any packet' : `Where it matches ${escape(words.join(', '))}`}: ${escape(done.join('; '))}`;
  });
  return parts.length > SHOWN_PARTS ? [...bullets, `and ${count(parts.length - SHOWN_PARTS, 'more case')}`] : bullets;
}

/** A netfilter rule in words. */
export function describeRule(world: World, locus: Locus, rule: FactOf<'nf-rule'>): string {
  const parts = partsOf(locus, rule);
  const matches = explainNfMatches(rule.matches);
  const comment = rule.matches.find((match) => match.kind === 'comment');
  const target = rule.target?.value;
  const table = tableOfCapture(locus, rule.family, rule.table);
  const called = target === undefined ? undefined : table?.chains.get(target);
  const hook = hookOf(locus, rule.family, rule.table, rule.chain);
  const callers = [...(table?.chains.values() ?? [])].flatMap((from) =>
    from.rules
      .filter((one) => one.target === rule.chain)
      .map((one) => link(world, one.source, `${from.name} rule ${one.number}`) ?? from.name),
  );
  const before = (rule.before ?? []).map((statement) =>
    escape(explainNfTarget(statement.target.value, false, statement.options)),
  );
  const options = rule.targetOptions;
  return section(
    `Rule ${rule.number} of ${escape(rule.chain === '' ? 'a chain that was not captured' : rule.chain)} (${rule.table}${familyWords[rule.family] ?? ''})`,
    [
      hook ?? (callers.length === 0 ? undefined : `Reached from ${few(callers)}`),
      ...(parts.length > 1
        ? partBullets(parts)
        : [
            `Matches ${matches.length === 0 ? 'any packet' : escape(matches.join(', '))}`,
            before.length === 0 ? undefined : `First ${before.join('; ')}`,
            `Then ${escape(explainNfTarget(target, rule.goto, options))}${called ? `, ${count(called.rules.length, 'rule')}${inBrackets(world, called.source)}` : ''}`,
            target === undefined ? undefined : knownBullet(knownChain(target)),
          ]),
      comment?.kind === 'comment' ? `Comment: ${escape(comment.text.value)}` : undefined,
      rule.packets ? `${escape(rule.packets.value)} packets so far` : undefined,
      hiddenBullet(rule.interfacesHidden),
    ],
  );
}

const routeKinds: Readonly<Record<string, string>> = {
  local: 'An address of this machine itself',
  broadcast: 'A broadcast address: every machine on the link',
  multicast: 'Multicast: whoever listens on the link',
  blackhole: 'Packets are dropped in silence',
  unreachable: 'Packets are refused: host unreachable',
  prohibit: 'Packets are refused: prohibited',
};

/** How a host finds whom a packet is for where no gateway has it. */
function directly(device: Device | undefined, isIpv6: boolean): string {
  if (device?.type === 'wireguard')
    return 'Directly: WireGuard sends it to the peer that has the destination among its allowed IPs';
  if (device?.noArp === true) return 'Directly: the device sends without asking for neighbours (NOARP)';
  return `Directly on the link: the destination itself is asked for by ${isIpv6 ? 'neighbour discovery' : 'ARP'}`;
}

/** A route in words: for whom, where to, by which device and switch port. */
export function describeRoute(world: World, locus: Locus, route: FactOf<'route'>): string {
  const { ip, prefix } = route.dst.value;
  const to = prefix === 0 ? 'Default route: every address without a narrower route' : `Route to ${code(`${ip}/${prefix}`)}`;
  const namespace = locus.host?.namespaces.get(locus.namespace);
  const dev = route.dev?.value;
  const device = dev === undefined ? undefined : namespace?.devices.get(dev);
  const ovs = dev === undefined || !locus.host ? undefined : ovsPortNamed(locus.host, dev);
  const via = route.via?.value;
  const neighbour = namespace?.neighbours.find((candidate) => candidate.ip === via && candidate.mac !== undefined);
  const hops =
    route.nexthops?.map((hop) => `${hop.via ? code(hop.via.value) : 'direct'}${hop.dev ? ` by ${code(hop.dev.value)}` : ''}`) ??
    [];
  const neutron = dev === undefined ? undefined : neutronPortOf(world.network, dev);
  return section(prefix === 0 ? 'Default route' : `Route to ${ip}/${prefix}`, [
    prefix === 0 ? to.replace('Default route: every', 'For every') : undefined,
    route.type === 'unicast' || route.type === '' ? undefined : `Type ${escape(route.type)}`,
    via === undefined
      ? hops.length > 0
        ? `One of ${hops.join(', ')}, chosen by flow`
        : dev === undefined
          ? routeKinds[route.type]
          : (routeKinds[route.type] ?? directly(device, ip.includes(':')))
      : `Next hop ${code(via)}${neighbour ? `, MAC ${code(neighbour.mac ?? '')}${inBrackets(world, neighbour.source)}` : device && onLink(device, via) ? ', on the link of that device' : ''}`,
    dev === undefined
      ? undefined
      : `Out of ${code(dev)}${device?.mac === undefined ? '' : ` (${code(device.mac)})`}${inBrackets(world, device?.sources[0])}`,
    ovs && locus.host
      ? `Behind it: ${ovs.port.ofport === undefined ? 'a port' : `port ${ovs.port.ofport}`} of ${code(ovs.bridge.name)}${ovs.port.tag === undefined ? '' : `, VLAN ${ovs.port.tag}`}${inBrackets(world, ovs.port.says['ofport'] ?? ovs.port.says['name'])}`
      : undefined,
    ovs && locus.host && !neutron ? leadsTo(world, locus.host, ovs.port) : undefined,
    route.src ? `Own packets get source ${code(route.src.value)}` : undefined,
    route.metric && route.metric.value !== 0 ? `Metric ${route.metric.value}` : undefined,
    route.flags.length === 0 ? undefined : `Flags ${escape(route.flags.join(', '))}`,
  ]);
}
