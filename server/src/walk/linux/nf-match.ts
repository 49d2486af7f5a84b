import type { NfMatch } from '../../captures/facts';
import type { NfRule } from '../../model/network';
import { inPrefix, parseIp, parsePrefix } from '../../packet/address';
import { get, type FlowKey } from '../../packet/flow-key';
import { destinationIp, sourceIp, sourceMac } from '../step';

/** A rule that may match is a third answer beside yes and no. */
export type Answer = 'yes' | 'no' | 'maybe';

/** A packet as netfilter sees it at one hook. */
export interface NfPacket {
  readonly key: FlowKey;
  readonly in: string | undefined;
  readonly out: string | undefined;
  readonly physIn?: string | undefined;
  readonly physOut?: string | undefined;
  readonly ctstate: string;
  /** `DNAT`, `SNAT`: what was done to the connection. */
  readonly nat: readonly string[];
  /** Undefined where the mangle table, which sets marks, was not captured. */
  readonly mark: number | undefined;
  /** The connection's mark; a new connection's is 0 until CONNMARK sets it. */
  readonly connmark: number | undefined;
}

const protocols: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  icmpv6: 58,
  ospf: 89,
  vrrp: 112,
  sctp: 132,
  udplite: 136,
};

export function not(answer: Answer): Answer {
  return answer === 'yes' ? 'no' : answer === 'no' ? 'yes' : 'maybe';
}

function and(answers: readonly Answer[]): Answer {
  if (answers.includes('no')) return 'no';
  return answers.includes('maybe') ? 'maybe' : 'yes';
}

/** Whether every visible condition of a rule holds. */
export function ruleMatches(rule: NfRule, packet: NfPacket): Answer {
  return and(rule.matches.map((match) => matchHolds(match, packet)));
}

/** iptables(8) and iptables-extensions(8), condition by condition; what is not modelled may match. */
export function matchHolds(match: NfMatch, packet: NfPacket): Answer {
  const answer = positive(match, packet);
  return 'negated' in match && match.negated ? not(answer) : answer;
}

function positive(match: NfMatch, packet: NfPacket): Answer {
  const yes = (holds: boolean): Answer => (holds ? 'yes' : 'no');
  const proto = Number(get(packet.key, 'nw_proto'));
  const ported = proto === 6 || proto === 17 || proto === 132;
  switch (match.kind) {
    case 'comment':
      return 'yes';
    case 'protocol': {
      const name = match.value.value;
      if (name === 'all' || name === '0') return 'yes';
      const number = protocols[name] ?? Number(name);
      return Number.isNaN(number) ? 'maybe' : yes(number === proto);
    }
    case 'source':
      return inRange(match.value.value, sourceIp(packet.key));
    case 'destination':
      return inRange(match.value.value, destinationIp(packet.key));
    case 'in-interface':
      return device(match.value.value, packet.in);
    case 'out-interface':
      return device(match.value.value, packet.out);
    case 'physdev-in':
      return device(match.value.value, packet.physIn);
    case 'physdev-out':
      return device(match.value.value, packet.physOut);
    case 'physdev-is-bridged':
      return yes(packet.physIn !== undefined);
    case 'source-port':
      return ported ? yes(inRanges(match.ranges.value, get(packet.key, 'tp_src'))) : 'no';
    case 'destination-port':
      return ported ? yes(inRanges(match.ranges.value, get(packet.key, 'tp_dst'))) : 'no';
    case 'any-port':
      return ported
        ? yes(inRanges(match.ranges.value, get(packet.key, 'tp_src')) || inRanges(match.ranges.value, get(packet.key, 'tp_dst')))
        : 'no';
    case 'icmp-type':
      return icmp(match.type.value, packet.key);
    case 'ctstate':
      return yes(match.states.value.some((state) => state === packet.ctstate || packet.nat.includes(state)));
    case 'mark':
      if (packet.mark === undefined) return 'maybe';
      return yes((packet.mark & match.mark.value.mask) >>> 0 === match.mark.value.value >>> 0);
    case 'connmark':
      if (packet.connmark === undefined) return 'maybe';
      return yes((packet.connmark & match.mark.value.mask) >>> 0 === match.mark.value.value >>> 0);
    case 'mac-source':
      return yes(match.value.value.toLowerCase() === sourceMac(packet.key));
    case 'iprange': {
      const ip = parseIp(match.which === 'src' ? sourceIp(packet.key) : destinationIp(packet.key));
      const from = parseIp(match.from);
      const to = parseIp(match.to);
      return ip && from && to ? yes(ip.value >= from.value && ip.value <= to.value) : 'maybe';
    }
    case 'tcp-flags':
      return proto === 6 ? 'maybe' : 'no';
    default:
      return 'maybe';
  }
}

function inRange(text: string, ip: string): Answer {
  if (text === 'anywhere') return 'yes';
  const prefix = parsePrefix(text);
  const address = parseIp(ip);
  // A host's name instead of a number: which address it has is not captured.
  if (!prefix || !address) return 'maybe';
  return inPrefix(address, prefix) ? 'yes' : 'no';
}

/** `qr-+` stands for every name that starts so (iptables(8)). */
function device(pattern: string, name: string | undefined): Answer {
  if (pattern === '*' || pattern === 'any' || pattern === '+') return 'yes';
  if (name === undefined) return 'no';
  return (pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern) ? 'yes' : 'no';
}

function inRanges(ranges: readonly (readonly [number, number])[], value: bigint): boolean {
  return ranges.some(([from, to]) => value >= BigInt(from) && value <= BigInt(to));
}

const icmpNames: Readonly<Record<string, number>> = {
  'echo-reply': 0,
  'destination-unreachable': 3,
  redirect: 5,
  'echo-request': 8,
  'time-exceeded': 11,
  any: 255,
};

function icmp(text: string, key: FlowKey): Answer {
  if (get(key, 'nw_proto') !== 1n) return get(key, 'nw_proto') === 58n ? 'maybe' : 'no';
  const number = icmpNames[text] ?? Number(text.split('/')[0]);
  if (Number.isNaN(number)) return 'maybe';
  return number === 255 || BigInt(number) === get(key, 'tp_src') ? 'yes' : 'no';
}
