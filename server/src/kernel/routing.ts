import type { Device } from '../model/device';
import { knownNamespace } from '../model/known-names';
import type { Namespace, RuleFact } from '../model/namespace';
import type { Source } from '../model/source';
import { askChance, askHidden, type Asker } from './decide';
import { fibOf, type Fib, type FibRoute, type FibRule, type Hop } from './fib';
import { formatAddress, hasPorts, type IpPacket } from './packet';
import { parseIp } from '../packet/address';
import { ipProtocolNumber } from '../packet/ip-protocols';

/** What a lookup asks (struct flowi4, flowi6). */
export interface Flow {
  readonly family: 4 | 6;
  readonly dst: bigint;
  /** 0 where no source is chosen yet. */
  readonly src: bigint;
  readonly iif: string;
  readonly oif: string | undefined;
  /** The VRF that it is sent in: its table is asked, and routes by any device count. */
  readonly vrf?: string;
  /** Of the routes of the longest prefix the one by `oif` is taken where there is one, else the first (rt6_device_match). */
  readonly prefers?: boolean;
  /** Own addresses count on `oif` alone (RT6_LOOKUP_F_IFACE). */
  readonly strict?: boolean;
  /** Of a packet that this host makes: whose it is, and `unknown`; packets that are handed on count as root's. */
  readonly uid?: number | 'unknown';
  readonly mark: number | undefined;
  readonly tos: number;
  readonly proto: number;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
}

/** What routing answers. */
export type Lookup =
  | {
      readonly kind: 'found';
      /** `unicast`, `local`, `broadcast`, `multicast`, `anycast`. */
      readonly type: string;
      readonly route: FibRoute;
      readonly table: string;
      readonly hop: Hop | undefined;
      /** All next hops of an ECMP route. */
      readonly choices: readonly Hop[];
    }
  | {
      readonly kind: 'refused';
      readonly type: 'blackhole' | 'unreachable' | 'prohibit';
      readonly route: FibRoute | undefined;
      readonly text: string;
      readonly source: Source | undefined;
    }
  | { readonly kind: 'none' }
  /** A table that decides was not captured. */
  /** Or what it says of the way can't be followed: `why`. */
  | { readonly kind: 'unknown'; readonly table: string; readonly why?: string };

export interface LookupOptions extends Asker {
  readonly namespace: Namespace;
  /** Asked for a packet that may be for this host itself: an address that was not captured may be the one that it is for. */
  readonly mayBeOwn?: boolean;
}

/** Looks a destination up as fib_lookup does: the rules in order, in each table the longest prefix that fits. */
export function lookup(flow: Flow, options: LookupOptions): Lookup {
  const fib = fibOf(options.namespace, flow.family);
  const { rules } = fib;
  if (fib.rulesMissing) {
    const nothing = askHidden(options, {
      key: 'rules',
      likely: true,
      reason: 'the routing rules were not captured whole: one that is missing may lead elsewhere',
      command: flow.family === 6 ? 'ip -6 rule' : 'ip rule',
    });
    if (!nothing) return { kind: 'unknown', table: 'of a rule that is missing' };
  }
  let from = 0;
  for (let n = 0; n < rules.length; n++) {
    const rule = rules[n];
    if (!rule || rule.priority < from) continue;
    const fits = ruleFits(rule, flow, options);
    if (!fits) continue;
    const target = rule.rule?.goto?.value;
    if (target !== undefined) {
      // `goto` leads to the first rule of that priority, which stands further on.
      if (target <= rule.priority) continue;
      from = target;
      continue;
    }
    const { action } = rule;
    if (action === 'blackhole' || action === 'unreachable' || action === 'prohibit')
      return { kind: 'refused', type: action, route: undefined, text: rule.rule?.text.value ?? action, source: rule.source };
    if (action === 'nop') continue;
    if (rule.rule?.l3mdev === true && mayBeInVrf(flow, options)) return { kind: 'unknown', table: 'of a VRF' };
    const table = rule.rule?.l3mdev === true ? vrfTable(options.namespace, flow) : rule.table;
    if (table === undefined) continue;
    const answer = lookupTable(fib, table, flow, rule.rule, options);
    if (answer) return answer;
  }
  return fib.rulesCaptured || fib.rulesMissing || leadsNowhere(flow, options)
    ? { kind: 'none' }
    : { kind: 'unknown', table: '', why: 'the routing rules were not captured' };
}

/** The next hop that a route names; without `ip` where its address is not known. */
export interface Gateway {
  readonly family: 4 | 6;
  readonly ip: bigint | undefined;
}

/** The gateway that a route leads to, where there is one. */
export function gatewayOf({ hop, type }: Lookup & { kind: 'found' }): Gateway | undefined {
  if (hop === undefined || type === 'local' || (hop.via === undefined && hop.gatewayName === undefined)) return undefined;
  return { family: hop.viaFamily, ip: hop.via };
}

/** The question whether rules that nobody captured lead on. */
export const FURTHER_RULES = 'further rules';

/** Whether there is no further rule where nobody captured any: most machines have those only that are there by themselves. */
function leadsNowhere({ family }: Flow, options: LookupOptions): boolean {
  const isRouter = knownNamespace(options.namespace.name)?.routes === true;
  return askHidden(options, {
    key: FURTHER_RULES,
    likely: !isRouter,
    certainty: 'inferred',
    reason: isRouter
      ? 'the routing rules were not captured, and distributed routers of Neutron have some that lead out'
      : 'the routing rules were not captured; those that are there by themselves lead nowhere',
    command: family === 6 ? 'ip -6 rule' : 'ip rule',
  });
}

/** The VRF that a device is, or belongs to. */
export function vrfOf(namespace: Namespace, name: string | undefined): Device | undefined {
  const device = name === undefined ? undefined : namespace.devices.get(name);
  const vrf = device?.type === 'vrf' ? device : namespace.devices.get(device?.master ?? '');
  return vrf?.type === 'vrf' ? vrf : undefined;
}

/** What a device belongs to, where nobody says what kind of device that is: of bridges and bonds the ports take no packets of IP themselves. */
export function likelyVrf(name: string, options: LookupOptions): string | undefined {
  const { namespace } = options;
  const master = namespace.devices.get(name)?.master;
  if (master === undefined || namespace.devices.get(master)?.type !== undefined) return undefined;
  const isVrf = askHidden(options, {
    key: `kind of ${master}`,
    likely: true,
    reason: `what kind of device ${master} is, which ${name} belongs to, was not captured; taken for a VRF`,
    command: 'ip -d link',
  });
  return isVrf ? master : undefined;
}

/** The table of the VRF that the packet's device belongs to. */
function vrfTable(namespace: Namespace, flow: Flow): string | undefined {
  return vrfOf(namespace, flow.vrf ?? flow.oif ?? flow.iif)?.settings['table'];
}

/** Where no capture shows what a device belongs to, it is taken to be in no VRF; what belongs to a device of a kind that nobody says, in one. */
function mayBeInVrf(flow: Flow, options: LookupOptions): boolean {
  const { namespace } = options;
  const name = flow.vrf ?? flow.oif ?? flow.iif;
  const device = namespace.devices.get(name);
  if (name === 'lo' || device === undefined || device.type === 'vrf') return false;
  // The device of a VRF itself, which no capture shows as one.
  if (device.type === undefined && [...namespace.devices.values()].some(({ master }) => master === name)) return true;
  if (device.master !== undefined) return likelyVrf(name, options) !== undefined;
  if (device.masterShown) return false;
  return !askHidden(options, {
    key: `VRF of ${name}`,
    likely: true,
    reason: `whether ${name} belongs to a VRF was not captured; it is taken to belong to none`,
    command: 'ip link',
  });
}

function ruleFits(rule: FibRule, flow: Flow, options: LookupOptions): boolean {
  const fact = rule.rule;
  if (!fact) return true;
  if (fact.detached) return false;
  let fits =
    (rule.from === undefined || (flow.src & rule.from.mask) === rule.from.value) &&
    (rule.to === undefined || (flow.dst & rule.to.mask) === rule.to.value) &&
    (fact.iif === undefined || fact.iif.value === flow.iif) &&
    (fact.oif === undefined || fact.oif.value === flow.oif) &&
    (fact.tos === undefined || fact.tos.value === (flow.tos & 0xfc)) &&
    (fact.ipproto === undefined || ipProtocolNumber(fact.ipproto.value) === flow.proto) &&
    inside(fact.sport?.value, hasPorts(flow.proto) ? flow.sport : undefined) &&
    inside(fact.dport?.value, hasPorts(flow.proto) ? flow.dport : undefined);
  // Tunnels whose identifier is metadata are not modelled: a plain packet has none.
  if (fits && fact.tunnel !== undefined && fact.tunnel.value !== 0) fits = false;
  if (fits && fact.uidrange !== undefined) {
    const [first, last] = fact.uidrange.value;
    // A packet without a socket's owner counts as root's.
    const { uid = 0 } = flow;
    fits =
      uid === 'unknown'
        ? askHidden(options, {
            key: `rule ${rule.priority} uid`,
            likely: first === 0,
            reason: `whose program sends the packet is not known (${rule.rule?.text.value ?? 'uidrange'})`,
            command: undefined,
          })
        : uid >= first && uid <= last;
  }
  if (fits && rule.mark !== undefined) {
    if (flow.mark === undefined)
      fits = askHidden(options, {
        key: `rule ${rule.priority} mark`,
        likely: rule.mark.value === 0,
        reason: 'the mangle table, which sets marks, was not captured',
        command: 'iptables-save',
      });
    else fits = (flow.mark & rule.mark.mask) >>> 0 === rule.mark.value;
  }
  return fits !== fact.not;
}

function inside(range: readonly [number, number] | undefined, port: number | undefined): boolean {
  return range === undefined || (port !== undefined && port >= range[0] && port <= range[1]);
}

/** One table's answer; undefined where the next rule is asked (no route, `throw`, suppressed). */
export function lookupTable(
  fib: Fib,
  name: string,
  flow: Flow,
  suppresses: Pick<RuleFact, 'suppressPrefix' | 'suppressGroup'> | undefined,
  options: LookupOptions,
): Lookup | undefined {
  const table = fib.tables.get(name);
  if (table) {
    for (const level of table.levels) {
      const candidates = bySource(level.routes.get(flow.dst & level.mask) ?? [], flow, level.length);
      if (candidates.length === 0) continue;
      for (const route of inOrder(candidates, flow)) {
        const answer = routeFits(fib, route, name, flow, options);
        if (answer === 'throw') return undefined;
        if (answer === undefined) continue;
        if (answer.kind === 'found' && isSuppressed(answer, suppresses, options)) return undefined;
        return table.known === 'partial' && !table.implied && !isWholeAddress(route, fib.family)
          ? (gapIn(fib, name, table.known, true, options) ?? answer)
          : answer;
      }
    }
  }
  const known = table?.known ?? (options.namespace.tablesShown.has('all') ? 'whole' : 'absent');
  // Empty tables are not shown by `ip route show table all`: nothing there is an answer where everything was shown.
  if (known === 'whole') return undefined;
  if (name === 'default') return undefined;
  if (table?.implied === true) return mayBeOwn(flow, options);
  if (name === 'local' && known === 'absent') return undefined;
  return gapIn(fib, name, known, name !== 'main' || known === 'partial', options);
}

/**
 * Of the routes to a network those for the packet's source, the longest network of that first (fib6_node_lookup). Where it is in none of
 * them, the routes to a shorter network are asked, and not those to the same that are for all; but for the default route, below which there
 * is nothing.
 */
function bySource(routes: readonly FibRoute[], flow: Flow, length: number): readonly FibRoute[] {
  if (!routes.some(({ from }) => from !== undefined)) return routes;
  const own = routes.flatMap((route) =>
    route.from !== undefined && (flow.src & route.from.mask) === route.from.value ? [{ route, length: route.from.length }] : [],
  );
  const longest = Math.max(...own.map((one) => one.length));
  if (own.length > 0) return own.filter((one) => one.length === longest).map(({ route }) => route);
  return length === 0 ? routes.filter(({ from }) => from === undefined) : [];
}

function isWholeAddress({ prefix }: FibRoute, family: 4 | 6): boolean {
  return prefix.length === (family === 4 ? 32 : 128);
}

/**
 * Where the addresses of this host were not all captured, the packet may be for one of them; whoever is in the neighbour table is somebody
 * else. Undefined where it is taken to be for others.
 */
function mayBeOwn(flow: Flow, options: LookupOptions): (Lookup & { kind: 'unknown' }) | undefined {
  const { namespace } = options;
  if (options.mayBeOwn !== true) return undefined;
  const isNeighbour = namespace.neighbours.some(({ ip, mac }) => mac !== undefined && parseIp(ip)?.value === flow.dst);
  if (isNeighbour) return undefined;
  const destination = formatAddress(flow.family, flow.dst);
  const isOthers = askHidden(options, {
    key: `own ${destination}`,
    likely: true,
    reason: `the addresses here were not all captured: ${destination} is taken to be none of them`,
    command: 'ip address',
  });
  return isOthers ? undefined : { kind: 'unknown', table: 'local' };
}

/** A table that was not captured, or not whole, may have a better route; `unknown` where it is taken to have one. */
function gapIn(
  fib: Fib,
  name: string,
  known: 'absent' | 'partial',
  likely: boolean,
  options: LookupOptions,
): (Lookup & { kind: 'unknown' }) | undefined {
  const goesOn = askHidden(options, {
    key: `table ${name}`,
    likely,
    reason: `routing table ${name} was ${known === 'absent' ? 'not captured' : 'not captured whole'}`,
    command:
      name === 'main'
        ? fib.family === 6
          ? 'ip -6 route'
          : 'ip route'
        : `ip ${fib.family === 6 ? '-6 ' : ''}route show table ${name}`,
  });
  return goesOn ? undefined : { kind: 'unknown', table: name };
}

/** `suppress_prefixlength`, `suppress_ifgroup`: the rule takes no answer that is a short prefix or leads out of a device of the group. */
function isSuppressed(
  { route, hop, choices }: Lookup & { kind: 'found' },
  suppresses: Pick<RuleFact, 'suppressPrefix' | 'suppressGroup'> | undefined,
  options: LookupOptions,
): boolean {
  const { suppressPrefix, suppressGroup } = suppresses ?? {};
  if (suppressPrefix !== undefined && route.prefix.length <= suppressPrefix.value) return true;
  const device = (choices[0] ?? hop)?.device;
  if (suppressGroup === undefined || device === undefined) return false;
  const { group } = options.namespace.devices.get(device) ?? {};
  // The group that all devices are in at first has a number and a name.
  const plain = (name: string) => (name === 'default' ? '0' : name);
  if (group !== undefined) return plain(group) === plain(suppressGroup.value);
  return askHidden(options, {
    key: `group of ${device}`,
    likely: plain(suppressGroup.value) === '0',
    reason: `which group ${device} is in was not captured; routes by group ${suppressGroup.value} do not count`,
    command: 'ip link',
  });
}

function inOrder(candidates: readonly FibRoute[], flow: Flow): readonly FibRoute[] {
  if (flow.prefers !== true) return candidates;
  const by = candidates.find(({ hops }) => hops.some(({ device }) => device === flow.oif));
  return by ? [by] : candidates;
}

/** IPv6's routes that refuse packets are by lo: where a device is asked for alone they do not count, but a shorter one may (rt6_score_route). */
function isElsewhere({ family }: Fib, { type, anyDevice }: FibRoute, { oif, strict, prefers }: Flow): boolean {
  const refuses = /^(?:throw|blackhole|unreachable|prohibit)$/.test(type) && anyDevice !== true;
  return family === 6 && refuses && strict === true && prefers !== true && oif !== undefined && oif !== 'lo';
}

function routeFits(fib: Fib, route: FibRoute, table: string, flow: Flow, options: LookupOptions): Lookup | 'throw' | undefined {
  // `tos` of a route must be the packet's, of which the two ECN bits never count.
  if (route.tos !== 0 && route.tos !== (flow.tos & 0xfc)) return undefined;
  if (isElsewhere(fib, route, flow)) return undefined;
  switch (route.type) {
    case 'throw':
      return 'throw';
    case 'blackhole':
    case 'unreachable':
    case 'prohibit':
      return { kind: 'refused', type: route.type, route, text: route.text, source: route.source };
    default:
  }
  if (route.unknown) {
    const { why, command } = route.unknown;
    const reason = `${why}: ${route.text}`;
    askHidden(options, {
      key: route.text,
      likely: false,
      reason,
      command,
    });
    return { kind: 'unknown', table, why: reason };
  }
  const usable = route.hops.filter(
    (hop) =>
      flow.oif === undefined ||
      flow.prefers === true ||
      hop.device === flow.oif ||
      (route.type === 'local' && flow.strict !== true),
  );
  if (usable.length === 0) return undefined;
  const choices = route.type === 'unicast' ? [...usable, ...siblings(fib, route, table)] : usable;
  const hop = choices.length > 1 ? chooseHop(choices, route, options) : choices[0];
  return { kind: 'found', type: route.type, route, table, hop, choices };
}

/** IPv6 shows the next hops of an ECMP route as routes of their own with the same metric. */
function siblings(fib: Fib, route: FibRoute, table: string): Hop[] {
  if (fib.family === 4) return [];
  const level = fib.tables.get(table)?.levels.find(({ length }) => length === route.prefix.length);
  const same = level?.routes.get(route.prefix.value) ?? [];
  return same
    .filter(
      (other) =>
        other !== route &&
        other.metric === route.metric &&
        other.from?.value === route.from?.value &&
        other.from?.mask === route.from?.mask &&
        other.type === 'unicast' &&
        other.hops[0]?.via !== undefined &&
        route.hops[0]?.via !== undefined,
    )
    .flatMap((other) => other.hops);
}

/** Which next hop a packet takes depends on a hash that the kernel seeds anew at each start. */
function chooseHop(choices: readonly Hop[], route: FibRoute, options: LookupOptions): Hop | undefined {
  for (const [n, hop] of choices.slice(0, -1).entries()) {
    const takes = askChance(options, {
      key: `hop ${n} of ${route.text}`,
      likely: true,
      reason: 'one of several next hops (ECMP): which one a packet takes depends on a hash',
    });
    if (takes) return hop;
  }
  return choices.at(-1);
}

/**
 * The question that a packet asks. Of what came in by the wire as fragments nobody reads the ports, not even of the first
 * (fib4_rules_early_flow_dissect).
 */
export function flowOf(packet: IpPacket, iif: string, oif: string | undefined = undefined): Flow {
  const hidesPorts = iif !== 'lo' && (packet.fragment || packet.firstFragment === true);
  return {
    family: packet.family,
    dst: packet.dst,
    src: packet.src,
    iif,
    oif,
    mark: packet.mark,
    tos: packet.tos,
    proto: packet.proto,
    sport: hidesPorts ? undefined : packet.sport,
    dport: hidesPorts ? undefined : packet.dport,
  };
}

/** Why a lookup has no answer. */
export function unknownText({ table, why }: Lookup & { kind: 'unknown' }): string {
  return why ?? `routing table ${table} was not captured`;
}
