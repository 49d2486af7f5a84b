import type { Namespace } from '../model/namespace';
import type { Source } from '../model/source';
import { askHidden, tri, type Tri } from './decide';
import { fibOf } from './fib';
import { isLinkLocal6, isMulticast, type IpPacket } from './packet';
import { parseIp } from '../packet/address';
import { addressType } from './address-type';
import { flowOf, lookup, vrfOf, unknownText, type Lookup, type LookupOptions } from './routing';
import { isSetFor } from './device-setting';
import { sysctl, type Setting } from './sysctl';
import { knownChain, knownNamespace } from '../model/known-names';

/** What the kernel does with a packet that comes in, before any rule of the filter sees it (ip_route_input). */
export type InputDecision =
  | { readonly kind: 'local'; readonly lookup: Lookup; readonly broadcast: boolean }
  | { readonly kind: 'forward'; readonly lookup: Lookup & { kind: 'found' } }
  /** Not for anybody: thrown away, with or without an ICMP error to its sender. */
  | {
      readonly kind: 'refused';
      readonly why: 'martian-source' | 'martian-destination' | 'rp-filter' | 'forwarding-off' | 'no-route' | 'route';
      readonly text: string;
      readonly source: Source | undefined;
      readonly error: IcmpError | undefined;
    }
  | { readonly kind: 'unknown'; readonly text: string };

/** The error that goes back to the sender. */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
  readonly name: string;
}

const UNREACHABLE_4: Readonly<Record<string, IcmpError>> = {
  net: { type: 3, code: 0, name: 'network unreachable' },
  host: { type: 3, code: 1, name: 'host unreachable' },
  prohibited: { type: 3, code: 13, name: 'communication administratively prohibited' },
};
const UNREACHABLE_6: Readonly<Record<string, IcmpError>> = {
  net: { type: 1, code: 0, name: 'no route to destination' },
  host: { type: 1, code: 3, name: 'address unreachable' },
  prohibited: { type: 1, code: 1, name: 'communication administratively prohibited' },
};

/**
 * Decides where a packet that came in by `iif` goes: to this host, on, or nowhere. One for which a bridge has asked already counts as one
 * that came by the device it leaves by (ip6_rcv).
 */
export function routeInput(packet: IpPacket, iif: string, options: LookupOptions, isAsked = false): InputDecision {
  return packet.family === 4 ? routeInput4(packet, iif, options) : routeInput6(packet, iif, options, isAsked);
}

function martian(why: 'martian-source' | 'martian-destination', text: string): InputDecision & { kind: 'refused' } {
  return { kind: 'refused', why, text, source: undefined, error: undefined };
}

function routeInput4(packet: IpPacket, iif: string, options: LookupOptions): InputDecision {
  const { namespace } = options;
  const { src, dst } = packet;
  if (isMulticast(4, dst))
    return multicastSource4(namespace, packet, iif, options) ?? multicastInput(namespace, packet, iif, options);
  if (isMulticast(4, src) || src === 0xffffffffn)
    return martian('martian-source', 'its source is a multicast or broadcast address');
  const isBroadcast = dst === 0xffffffffn || (src === 0n && dst === 0n);
  if (!isBroadcast) {
    // Since Linux 5.3 the rest of 0.0.0.0/8 is as good as any other address.
    if (src === 0n) return martian('martian-source', 'its source is 0.0.0.0');
    if (dst === 0n) return martian('martian-destination', 'its destination is 0.0.0.0');
    if (dst >> 24n === 127n && !isSetFor(iif, 'route_localnet', options))
      return martian('martian-destination', 'its destination is a loopback address, which never comes in from outside');
    if (src >> 24n === 127n && !isSetFor(iif, 'route_localnet', options))
      return martian('martian-source', 'its source is a loopback address, which never comes in from outside');
  }
  const found: Lookup | undefined = isBroadcast ? undefined : lookup(flowOf(packet, iif), { ...options, mayBeOwn: true });
  if (found?.kind === 'unknown') return { kind: 'unknown', text: unknownText(found) };
  if (found === undefined || (found.kind === 'found' && found.type === 'broadcast')) {
    if (src !== 0n) {
      const refused = validateSource(namespace, toAny(packet), iif, undefined, options);
      if (refused) return refused;
    }
    return { kind: 'local', lookup: found ?? { kind: 'none' }, broadcast: true };
  }
  if (found.kind === 'found' && (found.type === 'local' || found.type === 'anycast')) {
    const refused = validateSource(namespace, packet, iif, undefined, options);
    return refused ?? { kind: 'local', lookup: found, broadcast: false };
  }
  if (found.kind !== 'found') {
    const forwards = forwarding(namespace, iif, 4) !== 'no';
    return noRoute(found, packet, forwards);
  }
  if (forwarding(namespace, iif, 4) === 'no') return forwardingOff(namespace, iif, 4);
  if (found.type !== 'unicast') return martian('martian-destination', `its destination is of type ${found.type}`);
  const refused = validateSource(namespace, packet, iif, found.hop?.device, options);
  return refused ?? { kind: 'forward', lookup: found };
}

/** What ip6_rcv throws away before any rule sees it; undefined for what IPv4 takes in and for sound packets. */
export function malformed6({ family, src, dst }: IpPacket, iif: string): (InputDecision & { kind: 'refused' }) | undefined {
  if (family === 4) return undefined;
  if (isMulticast(6, src)) return martian('martian-source', 'its source is a multicast address');
  if (iif !== 'lo' && (src === 1n || dst === 1n))
    return martian(src === 1n ? 'martian-source' : 'martian-destination', 'the loopback address never comes in from outside');
  // Of multicast the scopes 0 and 1 never leave their host (RFC 4291, 2.7).
  if (iif !== 'lo' && isMulticast(6, dst) && ((dst >> 112n) & 0xfn) <= 1n)
    return martian('martian-destination', 'its multicast group never leaves a host');
  return undefined;
}

function routeInput6(packet: IpPacket, iif: string, options: LookupOptions, isAsked: boolean): InputDecision {
  const { namespace } = options;
  const { src, dst } = packet;
  const malformed = malformed6(packet, iif);
  if (malformed) return malformed;
  if (isMulticast(6, dst)) return multicastInput(namespace, packet, iif, options);
  // Addresses of the link mean the device that the packet came by.
  const onLink = isLinkLocal6(dst);
  const flow = { ...flowOf(packet, iif), oif: onLink ? iif : undefined, strict: onLink };
  const found = lookup(flow, { ...options, mayBeOwn: true });
  if (found.kind === 'unknown') return { kind: 'unknown', text: unknownText(found) };
  if (found.kind === 'found' && (found.type === 'local' || found.type === 'anycast'))
    return { kind: 'local', lookup: found, broadcast: false };
  const forwards = forwarding(namespace, iif, 6);
  if (found.kind !== 'found') return noRoute(found, packet, forwards !== 'no');
  if (forwards === 'no') return forwardingOff(namespace, iif, 6);
  // The hop limit is looked at before the source, and a packet that leaves by the device that it came by is not looked at.
  if ((src === 0n || isLinkLocal6(src)) && packet.ttl > 1 && found.hop?.device !== iif && !isAsked) {
    const error = { type: 1, code: 2, name: 'beyond scope of source address' };
    return {
      kind: 'refused',
      why: 'martian-source',
      text: `its source ${src === 0n ? 'is unspecified' : 'is an address of the link'}, which routers never hand on`,
      source: undefined,
      error: src === 0n ? undefined : error,
    };
  }
  return { kind: 'forward', lookup: found };
}

function noRoute(found: Lookup, packet: IpPacket, forwards: boolean): InputDecision {
  const errors = packet.family === 4 ? UNREACHABLE_4 : UNREACHABLE_6;
  if (found.kind === 'refused') {
    // IPv6 calls unreachable what IPv4 does, and says that there is no route (ip6_pkt_discard).
    // A rule that says unreachable means the network, a route the host (fib4_rule_action, fib_props).
    const kind = found.type === 'prohibit' ? 'prohibited' : packet.family === 4 && found.route ? 'host' : 'net';
    // A blackhole says nothing.
    const error = found.type === 'blackhole' || (packet.family === 4 && !forwards) ? undefined : errors[kind];
    return { kind: 'refused', why: 'route', text: found.text, source: found.source, error };
  }
  return {
    kind: 'refused',
    why: 'no-route',
    text: 'no route leads to its destination',
    source: undefined,
    error: packet.family === 4 && !forwards ? undefined : errors['net'],
  };
}

function forwardingOff(namespace: Namespace, iif: string, family: 4 | 6): InputDecision {
  const name = family === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding';
  const own = family === 4 ? sysctl(namespace, 'net.ipv4.conf', iif, 'forwarding', 'own') : undefined;
  const said = own ?? namespace.sysctls.get(name);
  return {
    kind: 'refused',
    why: 'forwarding-off',
    text: `Forwarding is off here (${own ? `net.ipv4.conf.${iif}.forwarding` : name} = 0)`,
    source: said?.source,
    error: undefined,
  };
}

/**
 * Whether packets that come in by a device are handed on; a router's captures often do not say. Of IPv6 a device's own `forwarding` only
 * says whether it acts as a router in other ways, and `force_forwarding` hands on (ip6_forward).
 */
export function forwarding(namespace: Namespace, iif: string, family: 4 | 6): Tri {
  const own = sysctl(namespace, `net.ipv${family}.conf`, iif, family === 4 ? 'forwarding' : 'force_forwarding', 'own');
  const all = namespace.sysctls.get(family === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding');
  if (family === 6 && own !== undefined && own.value !== '0') return 'yes';
  const said = (family === 4 ? own : undefined) ?? all ?? namespace.sysctls.get(`net.ipv${family}.conf.all.forwarding`);
  return said === undefined ? 'maybe' : tri(said.value !== '0');
}

/** That a machine is taken to forward, which no capture says. */
export interface UnknownForwarding {
  readonly name: string;
  readonly setting: string;
  /** What would tell. */
  readonly command: string;
  readonly why: string;
  /** Whose chains are on it, which only machines that forward have. */
  readonly writer: string | undefined;
}

/** What would tell whether a machine forwards; undefined where that is known. Routers of Neutron always do. */
export function unknownForwarding(namespace: Namespace, iif: string, family: 4 | 6): UnknownForwarding | undefined {
  if (forwarding(namespace, iif, family) !== 'maybe' || knownNamespace(namespace.name)?.routes === true) return undefined;
  const name = namespace.name === '' ? namespace.host : namespace.name;
  const setting = family === 4 ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding';
  const why = `whether ${name} forwards what is not for itself`;
  return { name, setting, command: `sysctl ${setting}`, why, writer: writerThatForwards(namespace, family) };
}

/** Who is known by its chains to have forwarding turned on for a family. */
function writerThatForwards({ netfilter, netfilter6 }: Namespace, family: 4 | 6): string | undefined {
  for (const { chains } of (family === 4 ? netfilter : netfilter6).values())
    for (const name of chains.keys()) {
      const known = knownChain(name);
      if (known?.forwards === true) return known.writer;
    }
  return undefined;
}

/** Sources that no packet to a group may have (ip_mc_validate_source); 0.0.0.0 may ask in groups of the link and speak IGMP. */
function multicastSource4(
  namespace: Namespace,
  packet: IpPacket,
  iif: string,
  options: LookupOptions,
): InputDecision | undefined {
  const { src, dst, proto } = packet;
  if (isMulticast(4, src) || src === 0xffffffffn)
    return martian('martian-source', 'its source is a multicast or broadcast address');
  if (src >> 24n === 127n && !isSetFor(iif, 'route_localnet', options))
    return martian('martian-source', 'its source is a loopback address, which never comes in from outside');
  if (src !== 0n) return validateSource(namespace, toAny(packet), iif, undefined, options);
  return dst >> 8n === 0xe00000n || proto === IGMP ? undefined : martian('martian-source', 'its source is 0.0.0.0');
}

const IGMP = 2;

function multicastInput(namespace: Namespace, packet: IpPacket, iif: string, options: LookupOptions): InputDecision {
  const joined =
    packet.family === 4
      ? packet.dst === 0xe0000001n
      : packet.dst === (0xff02n << 112n) + 1n || isSolicitedNode(namespace, packet.dst, iif);
  const takes =
    joined ||
    askHidden(options, {
      key: 'multicast',
      likely: true,
      reason: 'whether somebody here listens to this group was not captured',
      command: `ip maddr show dev ${iif}`,
    });
  if (takes) return { kind: 'local', lookup: { kind: 'none' }, broadcast: true };
  return martian('martian-destination', 'nobody here listens to its multicast group');
}

/** ff02::1:ffXX:XXXX of an own address (RFC 4291). */
function isSolicitedNode(namespace: Namespace, group: bigint, iif: string): boolean {
  if (group >> 24n !== 0xff0200000000000000000001ffn) return false;
  const low = group & 0xffffffn;
  for (const level of fibOf(namespace, 6).tables.get('local')?.levels ?? []) {
    for (const routes of level.routes.values())
      if (
        routes.some(
          (route) =>
            route.type === 'local' && (route.prefix.value & 0xffffffn) === low && route.hops.some(({ device }) => device === iif),
        )
      )
        return true;
  }
  return false;
}

/** The way back from a broadcast address or a group is asked for without one (ip_route_input_slow, ip_mc_validate_source). */
function toAny(packet: IpPacket): IpPacket {
  return { ...packet, dst: 0n };
}

/**
 * fib_validate_source: an own address as source is a forgery, and with rp_filter the way back must lead out of the device that
 * the packet came by (sysctl net.ipv4.conf.*.rp_filter: 1 strict, 2 loose; the larger of `all` and the device's counts).
 */
function validateSource(
  namespace: Namespace,
  packet: IpPacket,
  iif: string,
  out: string | undefined,
  options: LookupOptions,
): InputDecision | undefined {
  const said = sysctl(namespace, 'net.ipv4.conf', iif, 'rp_filter', 'max');
  const mode = Number(said?.value ?? 0);
  const acceptsOwn = (): boolean => isSetFor(iif, 'accept_local', options);
  const fib = fibOf(namespace, 4);
  const own: InputDecision = {
    kind: 'refused',
    why: 'martian-source',
    text: 'its source is an address of this host',
    source: undefined,
    error: undefined,
  };
  if (isOff(said) && !fib.hasCustomRules) {
    // Of the loopback network only its addresses count here, unless somebody has added local routes.
    const isLoop = packet.src >> 24n === 127n && !isAddress(namespace, packet.src) && !hasOwnLocalRoutes(namespace);
    return addressType(namespace, 4, packet.src, undefined) === 'LOCAL' && !isLoop && !acceptsOwn() ? own : undefined;
  }
  const asksMark = packet.mark !== 0 && fib.rules.some(({ rule }) => rule?.fwmark !== undefined);
  const marked = asksMark && isSetFor(iif, 'src_valid_mark', options);
  const asksPorts = usesPorts(namespace);
  const { sport, dport } = flowOf(packet, iif);
  const vrf = vrfOf(namespace, iif);
  const back = lookup(
    {
      family: 4,
      dst: packet.src,
      src: packet.dst,
      iif: out ?? 'lo',
      oif: undefined,
      ...(vrf === undefined ? {} : { vrf: vrf.name }),
      mark: marked ? packet.mark : 0,
      tos: packet.tos,
      proto: asksPorts ? packet.proto : 0,
      sport: asksPorts ? dport : undefined,
      dport: asksPorts ? sport : undefined,
    },
    { ...options, key: `${options.key}|back` },
  );
  const refused: InputDecision = {
    kind: 'refused',
    why: 'rp-filter',
    text: `the way back to its source does not lead out of ${iif} (rp_filter${said ? ` = ${mode}` : ''})`,
    source: said?.source,
    error: undefined,
  };
  if (back.kind === 'unknown') return isOff(said) ? undefined : settle(refused, undefined, options, 1);
  if (back.kind !== 'found') return settle(refused, said, options, 2);
  // Also an own address that is accepted must be that device's.
  if (back.type !== 'unicast' && (back.type !== 'local' || !acceptsOwn())) return own;
  if (!back.choices.some((hop) => hop.device === iif)) return settle(refused, said, options, 1);
  // What addresses imply is not all: a narrower route may lead elsewhere.
  if (namespace.routesKnown !== 'absent' || mode !== 1) return undefined;
  const passes = askHidden(options, {
    key: 'narrower way back',
    likely: true,
    reason: 'no route was captured: a narrower one to the source may lead elsewhere, and rp_filter would drop the packet',
    command: 'ip route',
  });
  return passes ? undefined : refused;
}

function isAddress(namespace: Namespace, ip: bigint): boolean {
  return [...namespace.devices.values()].some(({ addresses }) =>
    addresses.some((address) => parseIp(address.ip)?.value === ip && !address.ip.includes(':')),
  );
}

/** Local routes beside those that addresses bring along (fib_has_custom_local_routes). */
function hasOwnLocalRoutes(namespace: Namespace): boolean {
  for (const [name, { levels }] of fibOf(namespace, 4).tables)
    for (const { routes } of levels)
      for (const same of routes.values())
        for (const { type, prefix } of same) {
          if (type !== 'local') continue;
          if (name !== 'local' || (prefix.value >> 24n !== 127n && !isAddress(namespace, prefix.value))) return true;
        }
  return false;
}

function isOff(said: Setting | undefined): boolean {
  return said?.value === '0' && said.atLeast !== true;
}

/** Refuses where rp_filter says so: the loosest mode that does is 1 or 2. Where it was not captured whole, that is open. */
function settle(
  refused: InputDecision,
  said: Setting | undefined,
  options: LookupOptions,
  loosest: 1 | 2,
): InputDecision | undefined {
  const mode = Number(said?.value ?? 0);
  const refuses = mode === 1 || (loosest === 2 && mode === 2);
  if (said !== undefined && (said.atLeast !== true || mode === 2 || (refuses && loosest === 2)))
    return refuses ? refused : undefined;
  const passes = askHidden(options, {
    key: 'rp_filter',
    likely: !refuses,
    // One half of it says so already; the other could only make it looser.
    ...(refuses ? { certainty: 'inferred' as const } : {}),
    reason: refuses
      ? 'the way back to the source leads elsewhere, and one half of rp_filter is 1, so that the packet is dropped unless the other half is 2'
      : 'the way back to the source leads elsewhere; with rp_filter the packet would be dropped',
    command: 'sysctl -a | grep rp_filter',
  });
  return passes ? undefined : refused;
}

/** Rules that ask for ports or protocols make the kernel look at them for the way back as well, with the ports exchanged. */
function usesPorts(namespace: Namespace): boolean {
  return fibOf(namespace, 4).rules.some(
    ({ rule }) => rule?.sport !== undefined || rule?.dport !== undefined || rule?.ipproto !== undefined,
  );
}

/** The rpfilter match of iptables: does the way back to the source lead out of the device that the packet came by? */
export function reversePath(packet: IpPacket, iif: string | undefined, flags: readonly string[], options: LookupOptions): Tri {
  if (iif === undefined || iif === 'lo') return 'yes';
  // Nobody can be reached at ::, which the rest of the stack refuses by itself.
  if (packet.family === 6 && packet.src === 0n) return 'yes';
  // IPv6 asks for the device, of addresses of the link even where any will do (ip6t_rpfilter).
  const ofLink = packet.family === 6 && isLinkLocal6(packet.src);
  const oif = ofLink || (packet.family === 6 && !flags.includes('loose')) ? iif : undefined;
  const back = lookup(
    {
      family: packet.family,
      dst: packet.src,
      src: packet.dst,
      iif: 'lo',
      oif,
      prefers: !ofLink,
      mark: flags.includes('validmark') ? packet.mark : 0,
      tos: packet.tos,
      // IPv4 asks without a protocol (ipt_rpfilter), IPv6 with it.
      proto: packet.family === 4 ? 0 : packet.proto,
      sport: undefined,
      dport: undefined,
    },
    { ...options, key: `${options.key}|rpfilter` },
  );
  if (back.kind === 'unknown') return 'maybe';
  if (back.kind !== 'found') return 'no';
  if (back.type === 'local' && !flags.includes('accept-local')) return 'no';
  if (back.type === 'local' && packet.family === 6) return 'yes';
  if (back.type === 'local') return tri(flags.includes('loose') || back.hop?.device === iif);
  if (back.type !== 'unicast') return 'no';
  return tri(flags.includes('loose') || back.choices.some((hop) => hop.device === iif));
}
