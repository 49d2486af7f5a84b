import type { NfMatch } from '../captures/netfilter-facts';
import type { Namespace } from '../model/namespace';
import { parseIp, parsePrefix } from '../packet/address';
import { arpTest } from './arp';
import { hasFibDevice } from './fib-device';
import { hasNamedStatus, hasStatusBits } from './connection-status';
import { TEMPLATE, UNTRACKED, zoneId, type Opened, type Tracking } from './conntrack';
import { not, or, and, tri, type Tri } from './decide';
import { icmpType } from './icmp-names';
import { inIpset } from './ipset-condition';
import { hasPorts, isIcmp, PROTO, TCP, type IpPacket } from './packet';
import { isOfType } from './address-type';
import { numberTest } from './numbers';
import { hasRealm } from './realm';
import type { Flow, Lookup } from './routing';
import { hasOwner, hasSocket, mayBeDemultiplexed } from './sockets';
import { ipProtocolNumber } from '../packet/ip-protocols';
import { changedElement, isHeld, letsBy, NO_CHANGES, unnamedIn, type SetChanges } from './set-changes';

export type Hook = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

/** Where chains of nft stand at single devices. */
export type DeviceHook = 'INGRESS' | 'EGRESS';

/** Stands for the port by which a bridge sends a packet that a rule gave another destination: its own table decides. */
export const UNKNOWN_PORT = '?';

/** A packet at a hook, with what rules may ask about it. */
export interface Moment {
  readonly namespace: Namespace;
  readonly hook: Hook | DeviceHook;
  readonly packet: IpPacket;
  readonly in: string | undefined;
  readonly out: string | undefined;
  /** Bridge ports, where br_netfilter hands a bridged frame to the IP hooks. */
  readonly physIn: string | undefined;
  readonly physOut: string | undefined;
  readonly tracking: Tracking;
  /** What this host's own programs have sent since: they may hold sockets that wait for its answers. */
  readonly opened: readonly Opened[];
  readonly setChanges: SetChanges;
  /** A packet that this host made: only those have an owner. */
  readonly local: boolean;
  /** The proxy's socket that a packet was given (TPROXY): whose it is, where that was captured. */
  readonly socket: { readonly uid: number | undefined } | undefined;
  /**
   * Whose rules ask: what they compare with the ports and flags of a later fragment, which has none. Iptables' old back end compares
   * nothing (xt_tcpudp). nft takes what stands in their place, of IPv6 the IP header itself: nft_payload_fast_eval in kernels before
   * 7.1. iptables-nft leaves single ports and flags to it, the rest to the old back end's extensions.
   */
  readonly rules: 'iptables-legacy' | 'iptables-nft' | 'nft';
  /** The device that it came in by, also where a hook does not say it. */
  readonly arrivedBy: string | undefined;
  /** The route that the packet has by then; undefined where it has none yet. */
  readonly way: (Lookup & { readonly kind: 'found' }) | undefined;
  /** Whether it has a route: before PREROUTING is over that is so only of what comes back by lo, until NAT turns it elsewhere. */
  readonly routed: boolean;
  /** Whether rules may see a tag of a VLAN in the frame: where IP is looked at it is gone. */
  readonly mayBeTagged: boolean;
  /** Asks the routes a question of its own; `name` tells it from others about the packet. */
  readonly route: (flow: Flow, name: string) => Lookup;
  /** Whether the packet, as rules have changed it, comes back by the device that it came by (the rpfilter match). */
  readonly reversePath: (packet: IpPacket, flags: readonly string[]) => Tri;
  /** User and group of the process that sends, where they are known. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/** What is asked of a frame that no connection is kept of and that is not routed there: in a bridge, or ARP. */
export const UNROUTED = {
  physIn: undefined,
  physOut: undefined,
  tracking: UNTRACKED,
  opened: [],
  setChanges: NO_CHANGES,
  local: false,
  rules: 'nft',
  socket: undefined,
  way: undefined,
  routed: false,
  mayBeTagged: true,
  route: () => ({ kind: 'none' }) as const,
  reversePath: () => 'maybe' as const,
  uid: undefined,
  gid: undefined,
} satisfies Partial<Moment>;

/** Whether a condition holds; what is not modelled may. */
export type Test = (at: Moment) => Tri;

const tests = new WeakMap<NfMatch, Test>();

/** The test of a condition; made once for each. */
export function testOf(match: NfMatch): Test {
  let test = tests.get(match);
  if (!test) tests.set(match, (test = makeTest(match)));
  return test;
}

/** A test whose answer `!` turns around. */
function turned(negated: boolean, test: Test): Test {
  return negated ? (at) => not(test(at)) : test;
}

const maybe: Test = () => 'maybe';

/** What a condition on the header of TCP, UDP, ICMP … says of a later fragment. `byNft`: iptables-nft leaves it to nft. */
function laterFragment({ rules }: Moment, byNft: boolean): Tri {
  return rules === 'nft' || (rules === 'iptables-nft' && byNft) ? 'maybe' : 'no';
}

const TRANSPORT_NUMBER = /^(?:tcp|udp|udplite|sctp|dccp|th|icmp|icmpv6|igmp|esp|ah|comp) |^@th,/;

/** Whether a condition is open only because it asks a later fragment for what only first ones have. */
export function readsHeader(match: NfMatch, at: Moment): boolean {
  switch (match.kind) {
    case 'source-port':
    case 'destination-port':
    case 'any-port':
    case 'icmp-type':
    case 'icmp-code':
    case 'tcp-flags':
    case 'transport-header':
      return true;
    case 'number':
      return TRANSPORT_NUMBER.test(match.number.of);
    case 'any-of':
    case 'all-of':
      return match.matches.every((inner) => testOf(inner)(at) !== 'maybe' || readsHeader(inner, at));
    default:
      return false;
  }
}

function makeTest(match: NfMatch): Test {
  switch (match.kind) {
    case 'comment':
      return () => 'yes';
    case 'protocol':
      return turned(match.negated, protocolTest(match.value.value));
    case 'source':
    case 'destination':
      return turned(match.negated, addressTest(match.value.value, match.kind === 'source'));
    case 'in-interface':
    case 'out-interface': {
      const inside = match.kind === 'in-interface';
      const pattern = devicePattern(match.value.value);
      return turned(match.negated, (at) => tri(pattern(inside ? at.in : at.out)));
    }
    case 'fragment':
      return turned(match.negated, (at) => tri(at.packet.fragment));
    case 'transport-header':
      return (at) => (at.packet.fragment ? laterFragment(at, true) : 'yes');
    case 'source-port':
    case 'destination-port':
    case 'any-port':
      return portTest(match.kind, match.ranges.value, match.negated);
    case 'icmp-type':
      return icmpTest(match.type.value, match.negated);
    case 'ctstate': {
      const states = new Set(match.states.value);
      return turned(match.negated, ({ tracking }) => {
        const { state, connection } = tracking;
        if (states.has(state)) return 'yes';
        const asks = { source: states.has('SNAT'), destination: states.has('DNAT') };
        if (connection?.natUnsure === true && (asks.source || asks.destination))
          return asks.source && asks.destination ? 'yes' : 'maybe';
        return tri((asks.source && connection?.sourceNat === true) || (asks.destination && connection?.destinationNat === true));
      });
    }
    case 'icmp-code': {
      const [from, to] = match.range.value;
      return (at) => {
        if (!isIcmp(at.packet)) return 'no';
        if (at.packet.fragment) return laterFragment(at, false);
        return tri((at.packet.icmpCode >= from && at.packet.icmpCode <= to) !== match.negated);
      };
    }
    case 'ctstatus':
      return turned(match.negated, ({ tracking: { connection } }) =>
        connection ? hasStatusBits(match.mask, match.set, connection) : tri(match.negated),
      );
    case 'conntrack':
      return conntrackTest(match.what, match.value.value, match.negated);
    case 'mark': {
      const holds = markTest(match.mark.value);
      return turned(match.negated, ({ packet }) => (packet.mark === undefined ? 'maybe' : tri(holds(packet.mark))));
    }
    case 'connmark': {
      const holds = markTest(match.mark.value);
      return ({ tracking }) => {
        if (!tracking.connection) return 'no';
        const { mark } = tracking.connection;
        return mark === undefined ? 'maybe' : tri(holds(mark) !== match.negated);
      };
    }
    case 'physdev-in':
    case 'physdev-out': {
      const inside = match.kind === 'physdev-in';
      const pattern = devicePattern(match.value.value);
      return turned(match.negated, ({ physIn, physOut }) =>
        !inside && physOut === UNKNOWN_PORT ? 'maybe' : tri(pattern(inside ? physIn : physOut)),
      );
    }
    case 'physdev-is-in':
      return turned(match.negated, (at) => tri(at.physIn !== undefined));
    case 'physdev-is-bridged':
    case 'physdev-is-out':
      return turned(match.negated, (at) => tri(at.physOut !== undefined));
    case 'from-ethernet':
      return turned(match.negated, ({ namespace, in: name }) => {
        const device = namespace.devices.get(name ?? '');
        if (name === undefined || name === 'lo') return 'no';
        return device?.mac === undefined ? 'maybe' : tri(!device.noArp);
      });
    case 'mac-source': {
      const mac = match.value.value.toLowerCase();
      return ({ packet, in: device }) => {
        if (device === undefined || device === 'lo') return 'no';
        return packet.smac === undefined ? 'maybe' : tri((packet.smac === mac) !== match.negated);
      };
    }
    case 'set':
      return (at) => inIpset(match, at);
    case 'addrtype':
      return turned(match.negated, (at) => isOfType(match, at));
    case 'iprange': {
      const [from, to] = [parseIp(match.from), parseIp(match.to)];
      if (!from || !to) return maybe;
      return turned(match.negated, ({ packet }) => {
        const ip = match.which === 'src' ? packet.src : packet.dst;
        return tri(ip >= from.value && ip <= to.value);
      });
    }
    case 'tcp-flags':
      return (at) => {
        if (at.packet.proto !== PROTO.TCP) return 'no';
        if (at.packet.fragment) return laterFragment(at, true);
        return tri(((at.packet.tcpFlags & match.mask) === match.set) !== match.negated);
      };
    case 'ttl': {
      const { value } = match.value;
      return turned(match.negated, ({ packet: { ttl } }) =>
        tri(match.op === 'eq' ? ttl === value : match.op === 'lt' ? ttl < value : ttl > value),
      );
    }
    case 'length': {
      const [from, to] = match.range.value;
      return turned(match.negated, ({ packet: { length } }) =>
        length === undefined ? 'maybe' : tri(length >= from && length <= to),
      );
    }
    case 'dscp':
      return turned(match.negated, ({ packet }) => tri(packet.tos >> 2 === match.value.value));
    case 'tos':
      return turned(match.negated, ({ packet }) => tri((packet.tos & match.mask) === match.value.value));
    case 'ecn': {
      if (match.what === 'ip-ect') {
        const { value } = match.value;
        return turned(match.negated, ({ packet }) => tri((packet.tos & 3) === value));
      }
      const flag = match.what === 'tcp-ece' ? TCP.ECE : TCP.CWR;
      return ({ packet }) =>
        packet.proto !== PROTO.TCP || packet.fragment ? 'no' : tri(((packet.tcpFlags & flag) !== 0) !== match.negated);
    }
    case 'device-group':
      return turned(match.negated, groupTest(match.which, match.group.value));
    case 'helper':
      // Only a connection that another one announced has a helper to ask for (helper_mt).
      return ({ tracking: { connection } }) => (connection?.expected === true ? 'maybe' : tri(match.negated));
    case 'tcp-option': {
      const { value } = match.option;
      return ({ packet }) => {
        if (packet.proto !== PROTO.TCP || packet.fragment) return 'no';
        // Of options only the segment size is told, which only segments that open a connection name.
        const names = packet.mss === undefined ? undefined : packet.mss > 0;
        return value === TCP_OPTION_MSS && names !== undefined ? tri(names !== match.negated) : 'maybe';
      };
    }
    case 'realm':
      return turned(match.negated, (at) => hasRealm(match, at.namespace, at.packet.family));
    case 'extension-header':
      // What a question tells of has none but that of fragments; a match of such a header fails without it, negated or not.
      return ({ packet }) => {
        if (match.name !== 'frag' || !(packet.fragment || packet.firstFragment === true)) return 'no';
        return match.alone === true ? 'yes' : 'maybe';
      };
    case 'pkttype':
      return turned(match.negated, (at) => isFrameType(match.value.value, at));
    case 'tcpmss': {
      const [from, to] = match.range.value;
      return ({ packet }) => {
        if (packet.proto !== PROTO.TCP) return 'no';
        // Only segments that open a connection name a size.
        if (packet.mss === 0 || (packet.tcpFlags & TCP.SYN) === 0) return tri(match.negated);
        return packet.mss === undefined ? 'maybe' : tri((packet.mss >= from && packet.mss <= to) !== match.negated);
      };
    }
    case 'owner':
      return ownerTest(match.what, match.value?.value, match.negated);
    case 'rpfilter':
      return turned(match.negated, (at) => at.reversePath(at.packet, match.flags));
    case 'socket':
      return turned(match.negated, (at) => hasSocket(at, match.flags));
    case 'policy':
      // No IPsec is captured; without it a packet has no policy.
      return turned(match.negated, () => tri(match.policy === 'none'));
    case 'arp': {
      const test = arpTest(match);
      return ({ packet: { arp } }) => test(arp);
    }
    case 'number':
      return numberTest(match);
    case 'fib-device':
      return turned(match.negated, (at) => hasFibDevice(match, at));
    case 'device-kind':
      return kindTest(match);
    case 'limit':
      if (match.probability === 0) return turned(match.negated, () => 'no');
      if (match.probability === 1 || match.every === 1) return turned(match.negated, () => 'yes');
      return maybe;
    case 'any-of': {
      const inner = match.matches.map(testOf);
      return turned(match.negated, (at) => or(inner.map((test) => test(at))));
    }
    case 'changing-set': {
      const captured = match.matches.map(testOf);
      const guards = match.headers.map(testOf);
      return (at) => {
        const guarded = and(guards.map((test) => test(at)));
        if (guarded === 'no') return 'no';
        const state = changedElement(at.setChanges, match.set, match.selectors, at);
        if (state === 'any') return 'maybe';
        if (state === undefined) return and(captured.map((test) => test(at)));
        return and([guarded, match.negated ? not(isHeld(state)) : letsBy(state)]);
      };
    }
    case 'element-rate':
      return (at) => {
        const state = changedElement(at.setChanges, match.set, match.selectors, at);
        if (state !== undefined && state !== 'any') return letsBy(state);
        const fits = match.room !== undefined && unnamedIn(at.setChanges, match.set) <= match.room;
        return !match.rated && fits ? 'yes' : 'maybe';
      };
    case 'all-of': {
      const inner = match.matches.map(testOf);
      return turned(match.negated, (at) => and(inner.map((test) => test(at))));
    }
    case 'translated': {
      const shown = match.shown && testOf(match.shown);
      return shown && match.narrows ? (at) => and([shown(at), 'maybe']) : maybe;
    }
    case 'other':
      return maybe;
  }
}

/** RFC 9293, section 3.2. */
const TCP_OPTION_MSS = 2;

/** Groups have numbers, and names that only the machine itself can tell the numbers of, but for `default`. */
function groupTest(which: 'src' | 'dst', wanted: string): Test {
  const [number = NaN, mask = 0xffffffff] = wanted.split('/').map(groupNumber);
  return ({ namespace, in: inside, out }) => {
    const name = which === 'src' ? inside : out;
    if (name === undefined) return 'no';
    const group = namespace.devices.get(name)?.group;
    if (group === undefined) return 'maybe';
    const own = groupNumber(group);
    if (Number.isNaN(own) || Number.isNaN(number)) return group === wanted ? 'yes' : 'maybe';
    return tri(((own ^ number) & mask) === 0);
  };
}

/** A device that nobody made by a type, such as a card, has none to compare. */
function kindTest({ which, name, negated }: Extract<NfMatch, { kind: 'device-kind' }>): Test {
  return ({ namespace, in: inside, out }) => {
    const device = which === 'src' ? inside : out;
    if (device === undefined || device === 'lo') return 'no';
    const type = namespace.devices.get(device)?.type;
    return type === undefined ? 'maybe' : tri((type === name.value) !== negated);
  };
}

function groupNumber(text: string): number {
  return text === 'default' ? 0 : Number(text);
}

function protocolTest(name: string): Test {
  if (name === 'all' || name === '0') return () => 'yes';
  const number = ipProtocolNumber(name);
  return number === undefined ? maybe : ({ packet }) => tri(packet.proto === number);
}

/** A network; the names of hosts can't be compared with a packet. */
function addressTest(text: string, source: boolean): Test {
  if (text === 'anywhere') return () => 'yes';
  const prefix = parsePrefix(text);
  if (!prefix) return maybe;
  const { family } = prefix;
  if (family === 4) {
    const mask = Number(prefix.mask);
    const value = Number(prefix.value);
    return ({ packet }) => tri(packet.family === 4 && (Number(source ? packet.src : packet.dst) & mask) >>> 0 === value);
  }
  return ({ packet }) => tri(packet.family === 6 && ((source ? packet.src : packet.dst) & prefix.mask) === prefix.value);
}

/** `qr-+` stands for every name that starts so (iptables(8)). A packet without the device matches only `+` and `*`. */
export function devicePattern(pattern: string): (name: string | undefined) => boolean {
  if (pattern === '*' || pattern === 'any' || pattern === '+') return () => true;
  if (pattern.endsWith('+')) {
    const start = pattern.slice(0, -1);
    return (name) => name?.startsWith(start) === true;
  }
  return (name) => name === pattern;
}

function portTest(
  kind: 'source-port' | 'destination-port' | 'any-port',
  ranges: readonly (readonly [number, number])[],
  negated: boolean,
): Test {
  const within = (port: number | undefined): Tri =>
    port === undefined ? 'maybe' : tri(ranges.some(([from, to]) => port >= from && port <= to));
  // Several ports are the multiport match of iptables.
  const byNft = kind !== 'any-port' && ranges.length <= 1;
  return (at) => {
    const { packet } = at;
    if (!hasPorts(packet.proto)) return 'no';
    if (packet.fragment) return laterFragment(at, byNft);
    const answer =
      kind === 'source-port'
        ? within(packet.sport)
        : kind === 'destination-port'
          ? within(packet.dport)
          : or([within(packet.sport), within(packet.dport)]);
    return negated ? not(answer) : answer;
  };
}

function icmpTest(text: string, negated: boolean): Test {
  return (at) => {
    const { packet } = at;
    if (!isIcmp(packet)) return 'no';
    if (packet.fragment) return laterFragment(at, false);
    const wanted = icmpType(text, packet.family);
    if (wanted === undefined) return 'maybe';
    const holds =
      wanted.type === undefined ||
      (packet.icmpType === wanted.type && packet.icmpCode >= wanted.codes[0] && packet.icmpCode <= wanted.codes[1]);
    return tri(holds !== negated);
  };
}

function markTest({
  value,
  mask,
  to,
}: {
  readonly value: number;
  readonly mask: number;
  readonly to?: number;
}): (mark: number) => boolean {
  if (to !== undefined) return (mark) => mark >>> 0 >= value && mark >>> 0 <= to;
  return (mark) => (mark & mask) >>> 0 === value >>> 0;
}

/** Conditions on the connection itself. `ctstate` is a condition of its own. */
function conntrackTest(what: string, text: string, negated: boolean): Test {
  const address = parsePrefix(text);
  // Of nft: `fd00::1-fd00::ffff`.
  const [first, last] = address ? [] : text.split('-').map((end) => parseIp(end)?.value);
  const number = Number(text);
  const [from = number, to = from] = text.split(':').map(Number);
  return ({ tracking }) => {
    const { connection, reply } = tracking;
    // The stand-in of a connection whose zone was named has that zone.
    if (!connection) return tracking === TEMPLATE && what === 'zone' ? 'maybe' : 'no';
    const { original } = connection;
    const inPrefix = (ip: bigint): Tri => {
      if (address) return tri((ip & address.mask) === address.value);
      return first === undefined || last === undefined ? 'maybe' : tri(ip >= first && ip <= last);
    };
    const inRange = (port: number | undefined): Tri =>
      port === undefined || Number.isNaN(from) ? 'maybe' : tri(port >= from && port <= to);
    let answer: Tri;
    switch (what) {
      case 'dir':
        answer = tri(text.toUpperCase() === (reply ? 'REPLY' : 'ORIGINAL'));
        break;
      case 'proto':
        answer = tri((ipProtocolNumber(text) ?? number) === original.proto);
        break;
      case 'origsrc':
        answer = inPrefix(original.src);
        break;
      case 'origdst':
        answer = inPrefix(original.dst);
        break;
      case 'replsrc':
        answer = inPrefix(connection.reply.src);
        break;
      case 'repldst':
        answer = inPrefix(connection.reply.dst);
        break;
      case 'origsrcport':
        answer = inRange(original.sport);
        break;
      case 'origdstport':
        answer = inRange(original.dport);
        break;
      case 'replsrcport':
        answer = inRange(connection.reply.sport);
        break;
      case 'repldstport':
        answer = inRange(connection.reply.dport);
        break;
      case 'zone':
        answer = tri(connection.zone.id === number);
        break;
      case 'original-zone':
      case 'reply-zone':
        answer = tri(zoneId(connection.zone, what === 'reply-zone' ? 'reply' : 'orig') === number);
        break;
      case 'status':
        answer = hasNamedStatus(text, connection);
        break;
      default:
        answer = 'maybe';
    }
    return negated ? not(answer) : answer;
  };
}

function frameType({ packet, local }: Moment): string {
  if (local) return 'unicast';
  return packet.frame === 'host' ? 'unicast' : packet.frame;
}

function isFrameType(type: string, at: Moment): Tri {
  if (at.packet.untold?.has('frame') === true && (type === 'unicast' || type === 'otherhost')) return 'maybe';
  return tri(frameType(at) === type);
}

/** Only packets that have their sender's socket have an owner, and those that a proxy's socket was given to. */
function ownerTest(what: 'uid' | 'gid' | 'socket-exists', text: string | undefined, negated: boolean): Test {
  return (at) => {
    if (!hasOwner(at) && !at.socket) return mayBeDemultiplexed(at) ? 'maybe' : tri(negated);
    if (what === 'socket-exists') return tri(!negated);
    const id = what === 'uid' ? (at.socket ?? at).uid : at.socket ? undefined : at.gid;
    if (id === undefined) return 'maybe';
    const [from = NaN, to = from] = (text ?? '')
      .replace(/^root$/, '0')
      .split('-')
      .map(Number);
    return Number.isNaN(from) ? 'maybe' : tri((id >= from && id <= to) !== negated);
  };
}
