import type { Namespace, RouteFact, RuleFact } from '../model/namespace';
import type { Source } from '../model/source';
import { ones } from '../base/bits';
import { parseIp, parsePrefix, type IpPrefix } from '../packet/address';
import { sysctl } from './sysctl';

/** A route as the kernel's table holds it. */
export interface FibRoute {
  readonly type: string;
  readonly prefix: IpPrefix;
  /** Only packets from there use it (IPv6). */
  readonly from?: IpPrefix;
  readonly tos: number;
  readonly metric: number;
  readonly hops: readonly Hop[];
  /** A blackhole among the next hops that routes share, which takes what is asked for of any device (nexthop_is_blackhole). */
  readonly anyDevice?: true;
  readonly src: bigint | undefined;
  readonly mtu: number | undefined;
  readonly advmss?: number;
  readonly text: string;
  readonly source: Source | undefined;
  /** Why it must be there, where no capture shows it. */
  readonly reason: string | undefined;
  /** Why nobody can say where it leads, and the command that would tell, if one does. */
  readonly unknown?: { readonly why: string; readonly command: string | undefined };
}

export interface Hop {
  readonly device: string;
  readonly via: bigint | undefined;
  /** A gateway of the other family (`via inet6`). */
  readonly viaFamily: 4 | 6;
  readonly weight: number;
  /** A gateway by its name: its address is not known. */
  readonly gatewayName?: string;
}

/** A policy rule (ip-rule(8)). */
export interface FibRule {
  readonly priority: number;
  readonly rule: RuleFact | undefined;
  readonly table: string | undefined;
  readonly action: string | undefined;
  readonly from: IpPrefix | undefined;
  readonly to: IpPrefix | undefined;
  readonly mark: { readonly value: number; readonly mask: number } | undefined;
  readonly source: Source | undefined;
}

export interface FibTable {
  readonly name: string;
  /** Longest prefix first; of each, by network address. */
  readonly levels: readonly {
    readonly length: number;
    readonly mask: bigint;
    readonly routes: ReadonlyMap<bigint, readonly FibRoute[]>;
  }[];
  /** What the captures show of it. */
  readonly known: 'whole' | 'partial' | 'absent';
  /** It was not captured, but follows from the addresses (`local`). */
  readonly implied: boolean;
}

/** A family's routing of one namespace, made ready for lookups. */
export interface Fib {
  readonly family: 4 | 6;
  readonly rules: readonly FibRule[];
  readonly rulesCaptured: boolean;
  /** Whether rules that were not captured may decide: some are missing, or tables are there that only rules lead to. */
  readonly rulesMissing: boolean;
  readonly hasCustomRules: boolean;
  readonly tables: ReadonlyMap<string, FibTable>;
}

const cache = new WeakMap<Namespace, Map<4 | 6, Fib>>();

/** The routing tables and rules of a namespace; made once for each snapshot. */
export function fibOf(namespace: Namespace, family: 4 | 6): Fib {
  let families = cache.get(namespace);
  if (!families) cache.set(namespace, (families = new Map()));
  let fib = families.get(family);
  if (!fib) families.set(family, (fib = makeFib(namespace, family)));
  return fib;
}

/** `local`, `main` and `default` have numbers as well (rt_tables). */
export function tableName(text: string): string {
  return text === '255' ? 'local' : text === '254' ? 'main' : text === '253' ? 'default' : text;
}

function makeFib(namespace: Namespace, family: 4 | 6): Fib {
  const routes = new Map<string, FibRoute[]>();
  const add = (table: string, route: FibRoute) => {
    const known = routes.get(table);
    if (known) known.push(route);
    else routes.set(table, [route]);
  };
  let localShown = false;
  for (const { route, source } of namespace.routes) {
    const prefix = parsePrefix(`${route.dst.value.ip}/${route.dst.value.prefix}`);
    if (prefix?.family !== family) continue;
    const table = tableName(route.table?.value ?? 'main');
    if (table === 'local') localShown = true;
    add(table, captured(namespace, route, prefix, source));
  }
  for (const { family: of, dst, length, dev } of namespace.givenWays ?? []) {
    if (of !== family) continue;
    const way = implied('unicast', dst, length, family, dev, undefined, undefined, 'the question says so');
    add('main', { ...way, text: `by ${dev}` });
  }
  const known = family === 4 ? namespace.routesKnown : namespace.routesKnown6;
  const addUnshown = (table: string, implied: readonly FibRoute[]) => {
    const shown = [...(routes.get(table) ?? [])];
    for (const route of implied) if (!shown.some((other) => samePrefix(other, route))) add(table, route);
  };
  if (!localShown) for (const route of localRoutes(namespace, family)) add('local', route);
  else if (known !== 'whole') addUnshown('local', localRoutes(namespace, family));
  if (known !== 'whole' || namespace.givenWays) addUnshown('main', connectedRoutes(namespace, family));
  const shown = namespace.tablesShown;
  const names = new Set([...routes.keys(), 'local', 'main', 'default']);
  const tables = new Map<string, FibTable>();
  for (const name of names) {
    const implied = name === 'local' && !localShown;
    const state = implied
      ? namespace.addressesKnown[family]
      : shown.has('all') || shown.has(name)
        ? known
        : name === 'default' && known !== 'absent'
          ? 'whole'
          : (routes.get(name)?.length ?? 0) > 0
            ? 'partial'
            : 'absent';
    tables.set(name, { name, levels: levelsOf(routes.get(name) ?? []), known: name === 'main' ? known : state, implied });
  }
  const rules = rulesOf(namespace, family);
  return {
    family,
    rules: rules.rules,
    rulesCaptured: rules.captured,
    rulesMissing: rules.captured
      ? (family === 4 ? namespace.rulesKnown : namespace.rulesKnown6) !== 'whole'
      : [...tables.keys()].some((name) => !['local', 'main', 'default'].includes(name)),
    hasCustomRules: rules.rules.some(
      ({ priority, table }) => !((priority === 0 && table === 'local') || priority === 32766 || priority === 32767),
    ),
    tables,
  };
}

/**
 * Whether the kernel passes a next hop over: its device is down, or has no carrier where routes are to be ignored then (ip-sysctl,
 * `ignore_routes_with_linkdown`, off by default; of IPv6 the device's own setting alone counts).
 */
function isPassedOver(namespace: Namespace, family: 4 | 6, flags: readonly string[], device: string | undefined): boolean {
  if (flags.includes('dead')) return true;
  if (!flags.includes('linkdown') || device === undefined) return false;
  const join = family === 4 ? 'or' : 'own';
  return sysctl(namespace, `net.ipv${family}.conf`, device, 'ignore_routes_with_linkdown', join)?.value === '1';
}

function captured(namespace: Namespace, route: RouteFact, prefix: IpPrefix, source: Source): FibRoute {
  const family = prefix.family;
  const from = family === 6 && route.from !== undefined ? parsePrefix(route.from.value) : undefined;
  const hops: Hop[] = [];
  let unknown: FibRoute['unknown'];
  const said = hopsOf(namespace, family, route);
  for (const { via, dev, weight, encap } of said.hops) {
    const gateway = via === undefined ? undefined : parseIp(via);
    const device = dev ?? (gateway ? deviceTowards(namespace, gateway.family, gateway.value) : undefined);
    if (encap !== undefined)
      unknown ??= { why: `the route wraps packets (encap ${encap}), which is not modelled`, command: undefined };
    if (device === undefined) {
      if (route.type === 'unicast')
        unknown ??= { why: 'the route names no device', command: family === 6 ? 'ip -6 route' : 'ip route' };
      continue;
    }
    const gatewayName = route.gatewayName?.value;
    const name = gatewayName === undefined ? {} : { gatewayName };
    hops.push({ device, via: gateway?.value, viaFamily: gateway?.family ?? family, weight, ...name });
  }
  if (said.missing !== undefined)
    unknown ??= { why: `next hop ${said.missing}, by which the route leads, was not captured`, command: 'ip nexthop' };
  return {
    type: said.blackhole ? 'blackhole' : route.type,
    ...(said.blackhole ? { anyDevice: true as const } : {}),
    prefix,
    tos: route.tos?.value ?? 0,
    metric: route.metric?.value ?? (family === 6 ? 1024 : 0),
    hops,
    src: route.src === undefined ? undefined : parseIp(route.src.value)?.value,
    ...(from === undefined ? {} : { from }),
    mtu: route.mtu?.value,
    ...(route.advmss === undefined ? {} : { advmss: route.advmss.value }),
    text: route.text.value.trim().replace(/\s+/g, ' '),
    source,
    reason: undefined,
    ...(unknown === undefined ? {} : { unknown }),
  };
}

interface SaidHop {
  readonly via: string | undefined;
  readonly dev: string | undefined;
  readonly weight: number;
  readonly encap: string | undefined;
}

/** The next hops that a route names, itself or by the number of an object (ip-nexthop(8)); `missing` is the number of one that was not captured. */
function hopsOf(
  namespace: Namespace,
  family: 4 | 6,
  route: RouteFact,
): { readonly hops: readonly SaidHop[]; readonly missing?: number; readonly blackhole?: boolean } {
  if (route.nexthops)
    return {
      hops: route.nexthops
        .filter(({ dev, flags }) => !isPassedOver(namespace, family, flags ?? [], dev?.value))
        .map(({ via, dev, weight, encap }) => ({ via: via?.value, dev: dev?.value, weight, encap: encap?.value })),
    };
  const { via, dev, encap, nexthopId } = route;
  if (isPassedOver(namespace, family, route.flags, dev?.value)) return { hops: [] };
  if (nexthopId !== undefined && route.type === 'unicast' && via === undefined && dev === undefined)
    return hopsOfObject(namespace, nexthopId.value, 1, true);
  return { hops: [{ via: via?.value, dev: dev?.value, weight: 1, encap: encap?.value }] };
}

function hopsOfObject(namespace: Namespace, id: number, weight: number, mayBeGroup: boolean): ReturnType<typeof hopsOf> {
  const object = namespace.nexthops.get(id);
  if (object === undefined) return { hops: [], missing: id };
  if (object.blackhole) return { hops: [], blackhole: true };
  const { via, dev, encap, group } = object;
  if (!mayBeGroup || group.length === 0) return { hops: [{ via: via?.value, dev: dev?.value, weight, encap: encap?.value }] };
  // A group has no groups as its members.
  const found = group.map((member) => hopsOfObject(namespace, member.id, member.weight, false));
  const missing = found.find((one) => one.missing !== undefined)?.missing;
  return { hops: found.flatMap(({ hops }) => hops), ...(missing === undefined ? {} : { missing }) };
}

function deviceTowards(namespace: Namespace, family: 4 | 6, ip: bigint): string | undefined {
  for (const device of namespace.devices.values()) {
    for (const address of device.addresses) {
      const prefix = parsePrefix(`${address.ip}/${address.prefix}`);
      if (prefix?.family === family && (ip & prefix.mask) === prefix.value) return device.name;
    }
  }
  return undefined;
}

function implied(
  type: string,
  value: bigint,
  length: number,
  family: 4 | 6,
  device: string,
  src: bigint | undefined,
  source: Source | undefined,
  reason: string,
): FibRoute {
  const bits = family === 4 ? 32 : 128;
  const mask = ones(bits) ^ ones(bits - length);
  return {
    type,
    prefix: { family, value: value & mask, mask, length },
    tos: 0,
    metric: family === 6 ? 256 : 0,
    hops: [{ device, via: undefined, viaFamily: family, weight: 1 }],
    src,
    mtu: undefined,
    text: reason,
    source,
    reason,
  };
}

/** What the kernel puts into the table `local` by itself: own addresses, broadcasts, multicast (fib_frontend, addrconf). */
function localRoutes(namespace: Namespace, family: 4 | 6): FibRoute[] {
  const routes: FibRoute[] = [];
  const reason = 'the kernel adds it for the address; the table local was not captured';
  const anycast = (namespace.sysctls.get('net.ipv6.conf.all.forwarding')?.value ?? '0') === '1' && family === 6;
  for (const device of namespace.devices.values()) {
    for (const address of device.addresses) {
      const ip = parseIp(address.ip);
      if (ip?.family !== family) continue;
      const whole = family === 4 ? 32 : 128;
      routes.push(implied('local', ip.value, whole, family, device.name, ip.value, address.source, reason));
      const host = ones(whole - address.prefix);
      if (family === 4) {
        if (device.name === 'lo' && address.prefix < 32)
          routes.push(implied('local', ip.value, address.prefix, 4, 'lo', ip.value, address.source, reason));
        else if (device.up) {
          const net = parseIp(address.peer ?? address.ip)?.value ?? ip.value;
          const own = address.broadcast === undefined ? undefined : parseIp(address.broadcast)?.value;
          const all = new Set([...(address.prefix < 31 ? [net | host] : []), ...(own === undefined ? [] : [own])]);
          for (const value of all) routes.push(implied('broadcast', value, 32, 4, device.name, ip.value, address.source, reason));
        }
      } else if (anycast && device.name !== 'lo' && address.prefix < 127) {
        routes.push(implied('anycast', ip.value & ~host, 128, 6, device.name, undefined, address.source, reason));
      }
    }
    if (family === 6 && device.up)
      routes.push(implied('multicast', 0xffn << 120n, 8, 6, device.name, undefined, undefined, reason));
  }
  // The kernel takes no route whose source is not an address of its own (fib_valid_prefsrc).
  const known = new Set(routes.map(({ prefix }) => prefix.value));
  for (const { route, source } of namespace.routes) {
    const ip = route.src === undefined ? undefined : parseIp(route.src.value);
    if (ip?.family !== family || known.has(ip.value)) continue;
    known.add(ip.value);
    const why = `a route names ${route.src?.value ?? ''} as its source, which only an own address can be; the addresses were not captured`;
    routes.push(implied('local', ip.value, family === 4 ? 32 : 128, family, route.dev?.value ?? 'lo', ip.value, source, why));
  }
  if (!namespace.devices.has('lo')) {
    if (family === 4) routes.push(implied('local', 127n << 24n, 8, 4, 'lo', undefined, undefined, reason));
    else routes.push(implied('local', 1n, 128, 6, 'lo', undefined, undefined, reason));
  }
  return routes;
}

function samePrefix(a: FibRoute, b: FibRoute): boolean {
  return a.prefix.length === b.prefix.length && a.prefix.value === b.prefix.value;
}

/** Where the routes were not captured whole: those that every address brings along. */
function connectedRoutes(namespace: Namespace, family: 4 | 6): FibRoute[] {
  const routes: FibRoute[] = [];
  for (const device of namespace.devices.values()) {
    if (device.name === 'lo' || !device.up) continue;
    for (const address of [...device.addresses, ...device.unverified]) {
      const ip = parseIp(address.ip);
      const whole = family === 4 ? 32 : 128;
      const peer = address.peer === undefined ? undefined : parseIp(address.peer);
      if (ip?.family !== family || (address.prefix >= whole && peer === undefined) || address.prefix === 0) continue;
      if (address.noPrefixRoute === true) continue;
      routes.push(
        implied(
          'unicast',
          peer?.value ?? ip.value,
          address.prefix,
          family,
          device.name,
          'state' in address ? undefined : ip.value,
          address.source,
          'the kernel adds a route for the subnet of every address; the routing table itself was not captured whole',
        ),
      );
    }
  }
  return routes;
}

function levelsOf(routes: readonly FibRoute[]): FibTable['levels'] {
  const levels = new Map<number, { mask: bigint; routes: Map<bigint, FibRoute[]> }>();
  for (const route of routes) {
    let level = levels.get(route.prefix.length);
    if (!level) levels.set(route.prefix.length, (level = { mask: route.prefix.mask, routes: new Map() }));
    const same = level.routes.get(route.prefix.value);
    if (same) same.push(route);
    else level.routes.set(route.prefix.value, [route]);
  }
  // Within a prefix the kernel keeps the higher type of service first, then the lower metric (fib_trie).
  for (const { routes: byValue } of levels.values())
    for (const same of byValue.values()) same.sort((a, b) => b.tos - a.tos || a.metric - b.metric);
  return [...levels].sort(([a], [b]) => b - a).map(([length, level]) => ({ length, mask: level.mask, routes: level.routes }));
}

const DEFAULT_RULES = {
  4: [
    [0, 'local'],
    [32766, 'main'],
    [32767, 'default'],
  ],
  6: [
    [0, 'local'],
    [32766, 'main'],
  ],
} as const;

function rulesOf(namespace: Namespace, family: 4 | 6): { readonly rules: FibRule[]; readonly captured: boolean } {
  const own = namespace.rules.filter(({ rule }) => (rule.family ?? 'ip') === (family === 4 ? 'ip' : 'ip6'));
  if (own.length === 0) {
    const empty = { rule: undefined, action: undefined, from: undefined, to: undefined, mark: undefined, source: undefined };
    return { rules: DEFAULT_RULES[family].map(([priority, table]) => ({ ...empty, priority, table })), captured: false };
  }
  const rules = own.map(({ rule, source }): FibRule => {
    const [value, mask] = (rule.fwmark?.value ?? '').split('/');
    return {
      priority: rule.priority.value,
      rule,
      table: rule.table === undefined ? undefined : tableName(rule.table.value),
      action: rule.action?.value,
      from: prefixOf(rule.from?.value),
      to: prefixOf(rule.to?.value),
      mark:
        rule.fwmark === undefined
          ? undefined
          : { value: Number(value) >>> 0, mask: mask === undefined ? 0xffffffff : Number(mask) >>> 0 },
      source,
    };
  });
  return { rules: rules.sort((a, b) => a.priority - b.priority), captured: true };
}

function prefixOf(text: string | undefined): IpPrefix | undefined {
  return text === undefined || text === 'all' || text === 'any' || text === 'default' ? undefined : parsePrefix(text);
}
