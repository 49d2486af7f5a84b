import type { Ipset, Namespace } from '../model/network';
import { parseIp, parsePrefix } from '../packet/address';
import type { Tri } from './decide';
import { hasPorts, isIcmp, type IpPacket } from './packet';
import { ipProtocolNumber } from '../packet/ip-protocols';
import type { SetChanges } from './set-changes';

/** What a set may look at besides the packet. */
export interface SetContext {
  readonly in: string | undefined;
  readonly out: string | undefined;
  readonly physIn: string | undefined;
  readonly physOut: string | undefined;
  /** `--return-nomatch`: of networks only what is excepted counts (ip_set_test). */
  readonly returnNomatch?: boolean;
  readonly setChanges: SetChanges;
}

/** Stands for a set that a rule changes without the capture telling which. */
export const ANY_SET = '';

/** One value of a set's element: what it takes, and how narrow it is (more specific elements win). */
interface Part {
  readonly narrow: number;
  readonly holds: (packet: IpPacket, direction: string, context: SetContext) => boolean;
}

interface Element {
  readonly parts: readonly Part[];
  readonly nomatch: boolean;
  readonly narrow: number;
}

interface Prepared {
  readonly elements: readonly Element[];
  /** Plain addresses of a `hash:ip`, for the common case of a large set. */
  readonly addresses: ReadonlySet<bigint> | undefined;
  readonly members: readonly string[] | undefined;
}

const cache = new WeakMap<Ipset, Prepared>();

/** Whether a packet's addresses, ports and devices are in a set (ipset(8)); `directions` says which side of each. */
export function inSet(
  namespace: Namespace,
  name: string,
  directions: readonly string[],
  packet: IpPacket,
  context: SetContext,
  depth = 0,
): Tri {
  const set = namespace.ipsets.get(name);
  if (!set || depth > 4) return 'maybe';
  // Where the line that made it is missing, nothing tells what it is a set of.
  if (context.setChanges.has(name) || context.setChanges.has(ANY_SET)) return 'maybe';
  if (set.known === 'absent' || set.type === '') return 'maybe';
  const family = set.family === 'inet6' ? 6 : 4;
  if (set.type !== 'list:set' && !/^(?:bitmap:port|hash:mac)$/.test(set.type) && family !== packet.family) return 'no';
  const prepared = prepare(set);
  if (prepared.members) {
    let answer: Tri = set.known === 'whole' ? 'no' : 'maybe';
    for (const member of prepared.members) {
      const own = inSet(namespace, member, directions, packet, context, depth + 1);
      if (own === 'yes') return 'yes';
      if (own === 'maybe') answer = 'maybe';
    }
    return answer;
  }
  const missing: Tri = set.known === 'whole' ? 'no' : 'maybe';
  if (prepared.addresses) {
    return prepared.addresses.has(directions[0] === 'src' ? packet.src : packet.dst) ? 'yes' : missing;
  }
  let best: Element | undefined;
  const [direction = 'src'] = directions;
  // Of networks with devices only the narrowest that has the address counts, whatever its devices (ip_set_hash_netiface).
  const least =
    set.type === 'hash:net,iface'
      ? Math.max(...prepared.elements.map(({ parts: [net] }) => (net?.holds(packet, direction, context) ? net.narrow : -1)))
      : 0;
  for (const element of prepared.elements) {
    if (element.narrow < least) continue;
    if (best && element.narrow <= best.narrow) continue;
    if (element.parts.every((part, n) => part.holds(packet, directions[n] ?? directions[0] ?? 'src', context))) best = element;
  }
  if (!best) return missing;
  const turns = context.returnNomatch === true && set.type.includes('net');
  return best.nomatch === turns ? 'yes' : 'no';
}

function prepare(set: Ipset): Prepared {
  let prepared = cache.get(set);
  if (!prepared) cache.set(set, (prepared = read(set)));
  return prepared;
}

function read(set: Ipset): Prepared {
  if (set.type === 'list:set') return { elements: [], addresses: undefined, members: set.elements.map(({ element }) => element) };
  const dimensions = (set.type.split(':')[1] ?? 'ip').split(',');
  if (set.type === 'hash:ip' && set.options['netmask'] === undefined) {
    const addresses = new Set<bigint>();
    for (const { element } of set.elements) {
      const ip = parseIp(element);
      if (!ip) return { elements: elementsOf(set, dimensions), addresses: undefined, members: undefined };
      addresses.add(ip.value);
    }
    return { elements: [], addresses, members: undefined };
  }
  return { elements: elementsOf(set, dimensions), addresses: undefined, members: undefined };
}

function elementsOf(set: Ipset, dimensions: readonly string[]): Element[] {
  return set.elements.flatMap(({ element, nomatch }) => {
    const texts = element.split(',');
    const parts = dimensions.map((dimension, n) => partOf(dimension, texts[n], set));
    if (parts.some((part) => part === undefined)) return [];
    const whole = parts.flatMap((part) => (part ? [part] : []));
    return [{ parts: whole, nomatch, narrow: whole.reduce((sum, part) => sum + part.narrow, 0) }];
  });
}

function partOf(dimension: string, text: string | undefined, set: Ipset): Part | undefined {
  switch (dimension) {
    case 'ip':
    case 'net':
      return text === undefined ? undefined : addressPart(text, set);
    case 'port':
      return text === undefined ? undefined : portPart(text, set.type === 'bitmap:port');
    case 'iface': {
      const physical = /^physdev:/.test(text ?? '');
      const name = (text ?? '').replace(/^physdev:/, '');
      return {
        narrow: 0,
        holds: (_packet, direction, context) =>
          (direction === 'src' ? (physical ? context.physIn : context.in) : physical ? context.physOut : context.out) === name,
      };
    }
    case 'mac':
      // A bitmap may hold an address without its card.
      if (text === undefined) return { narrow: 0, holds: () => true };
      return {
        narrow: 0,
        holds: (packet, direction) => (direction === 'src' ? packet.smac : packet.dmac) === text.toLowerCase(),
      };
    case 'mark': {
      const mark = Number(text) >>> 0;
      const mask = Number(set.options['markmask'] ?? 0xffffffff);
      return { narrow: 0, holds: (packet) => packet.mark !== undefined && (packet.mark & mask) >>> 0 === mark };
    }
    default:
      return undefined;
  }
}

function addressPart(text: string, set: Ipset): Part | undefined {
  const [first, last] = text.includes('-') ? text.split('-') : [text, undefined];
  if (last !== undefined) {
    const [from, to] = [parseIp(first ?? ''), parseIp(last)];
    if (!from || !to) return undefined;
    return {
      narrow: 0,
      holds: (packet, direction) => {
        const ip = direction === 'src' ? packet.src : packet.dst;
        return ip >= from.value && ip <= to.value;
      },
    };
  }
  const prefix = parsePrefix(
    set.options['netmask'] === undefined || text.includes('/') ? text : `${text}/${set.options['netmask']}`,
  );
  if (!prefix) return undefined;
  return {
    narrow: prefix.length,
    holds: (packet, direction) => ((direction === 'src' ? packet.src : packet.dst) & prefix.mask) === prefix.value,
  };
}

const ICMP_NAMES: Readonly<Record<string, readonly [number, number]>> = {
  'echo-reply': [0, 0],
  pong: [0, 0],
  'echo-request': [8, 0],
  ping: [8, 0],
  'network-unreachable': [3, 0],
  'host-unreachable': [3, 1],
  'protocol-unreachable': [3, 2],
  'port-unreachable': [3, 3],
  'ttl-exceeded': [11, 0],
  'ttl-zero-during-transit': [11, 0],
};

function portPart(text: string, anyProtocol: boolean): Part | undefined {
  const [left, right] = text.includes(':') ? text.split(':') : [undefined, text];
  const proto = left === undefined ? (anyProtocol ? undefined : 6) : ipProtocolNumber(left);
  const icmp = ICMP_NAMES[right ?? ''] ?? (/^\d+\/\d+$/.test(right ?? '') ? (right ?? '').split('/').map(Number) : undefined);
  const [from = 0, to = from] = (right ?? '').split('-').map(Number);
  return {
    narrow: 0,
    holds: (packet, direction) => {
      if (proto !== undefined && packet.proto !== proto) return false;
      if (isIcmp(packet)) return !anyProtocol && icmp !== undefined && icmp[0] === packet.icmpType && icmp[1] === packet.icmpCode;
      if (!hasPorts(packet.proto)) return !anyProtocol && from === 0;
      if (anyProtocol && packet.proto !== 6 && packet.proto !== 17) return false;
      const port = direction === 'src' ? packet.sport : packet.dport;
      return port !== undefined && port >= from && port <= to;
    },
  };
}
