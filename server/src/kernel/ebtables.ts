import { formatIpv4, formatIpv6, formatMac, inPrefix, isMulticastMac, parseIp, parseMac, parsePrefix } from '../packet/address';
import { not, tri, type Tri } from './decide';
import type { EbChain, EbRule, EbTable } from '../model/ebtables';
import type { EbMatch } from '../captures/netfilter-facts';
import { ipProtocolNumber } from '../packet/ip-protocols';
import { get, set, vlanOf, type FlowKey } from '../packet/flow-key';

/** A frame at one of ebtables' hooks. */
export interface EbFrame {
  readonly packet: FlowKey;
  readonly in: string | undefined;
  readonly out: string | undefined;
  readonly logicalIn: string | undefined;
  readonly logicalOut: string | undefined;
  /** Of the bridge and of the port that it came by: what `redirect` writes. */
  readonly ownMac: string | undefined;
}

export interface EbHit {
  readonly chain: string;
  readonly rule: EbRule;
  readonly verdict: string;
  /** False for a rule that may match and was taken not to. */
  readonly taken: boolean;
  readonly certainty: 'captured' | 'assumed';
}

export interface EbRun {
  readonly verdict: 'ACCEPT' | 'DROP';
  readonly byPolicy: boolean;
  readonly hits: readonly EbHit[];
  readonly packet: FlowKey;
  readonly certainty: 'captured' | 'assumed';
  /** The MAC address that `arpreply` answers with. */
  readonly answers: string | undefined;
  /** A rule has marked the packet. */
  readonly marked: boolean;
}

const ETHERTYPES: Readonly<Record<string, number>> = { ipv4: 0x800, ipv6: 0x86dd, arp: 0x806, '802_1q': 0x8100, loop: 0x60 };
const MAX_DEPTH = 32;

/** Whether a rule is taken to match that may. */
export type EbDecide = (chain: EbChain, rule: EbRule) => boolean;

/**
 * Walks one chain of ebtables with a frame (ebtables(8)); what can't be decided is taken not to match, and leaves the end in doubt, unless
 * `decide` says more.
 */
export function runEbtables(table: EbTable, chain: EbChain, frame: EbFrame, decide?: EbDecide): EbRun {
  const run: Run = { table, frame, decide, packet: frame.packet, hits: [], doubtful: false, marked: false, answers: undefined };
  const end = runChain(run, chain, 0);
  const byPolicy = end === undefined || end === 'RETURN';
  const verdict = byPolicy ? (chain.policy ?? 'ACCEPT') : end;
  return {
    verdict: verdict === 'DROP' ? 'DROP' : 'ACCEPT',
    byPolicy,
    hits: run.hits,
    packet: run.packet,
    certainty: run.doubtful || table.known !== 'whole' ? 'assumed' : 'captured',
    answers: run.answers,
    marked: run.marked,
  };
}

interface Run {
  readonly table: EbTable;
  readonly frame: EbFrame;
  readonly decide: EbDecide | undefined;
  packet: FlowKey;
  readonly hits: EbHit[];
  doubtful: boolean;
  marked: boolean;
  answers: string | undefined;
}

function runChain(run: Run, chain: EbChain, depth: number): string | undefined {
  if (depth > MAX_DEPTH) return undefined;
  for (const rule of chain.rules) {
    const end = runRule(run, chain, rule, depth);
    if (end !== undefined) return end === 'RETURN' ? undefined : end;
  }
  // A chain of one's own has a policy as well.
  return depth === 0 || chain.policy === undefined || chain.policy === 'RETURN' || chain.policy === 'CONTINUE'
    ? undefined
    : chain.policy;
}

function runRule(run: Run, chain: EbChain, rule: EbRule, depth: number): string | undefined {
  const answers = rule.matches.map((match) => holds(match, { ...run.frame, packet: run.packet }));
  if (answers.includes('no')) return undefined;
  const verdict = rule.target ?? 'CONTINUE';
  const maybe = answers.includes('maybe');
  const taken = !maybe || run.decide?.(chain, rule) === true;
  if (maybe && !run.decide) run.doubtful = true;
  run.hits.push({ chain: chain.name, rule, verdict, taken, certainty: maybe ? 'assumed' : 'captured' });
  return taken ? carryOut(run, rule, verdict, depth) : undefined;
}

function carryOut(run: Run, rule: EbRule, target: string, depth: number): string | undefined {
  const { options } = rule;
  switch (target) {
    case 'ACCEPT':
    case 'DROP':
    case 'RETURN':
      return target;
    case 'CONTINUE':
      return undefined;
    case 'dnat':
      write(run, 'dl_dst', options['to-destination'] ?? options['to-dst']);
      return then(options['dnat-target'], 'ACCEPT');
    case 'snat':
      write(run, 'dl_src', options['to-source'] ?? options['to-src']);
      return then(options['snat-target'], 'ACCEPT');
    case 'redirect':
      write(run, 'dl_dst', run.frame.ownMac);
      return then(options['redirect-target'], 'ACCEPT');
    case 'mark':
      run.marked = true;
      return then(options['mark-target'], 'ACCEPT');
    case 'arpreply': {
      // Only requests for an address are answered; others go on.
      if (get(run.packet, 'dl_type') !== 0x806n || get(run.packet, 'arp_op') !== 1n) return undefined;
      run.answers = options['arpreply-mac'] ?? '00:00:00:00:00:00';
      return then(options['arpreply-target'], 'DROP');
    }
    default: {
      const jump = run.table.chains.get(target);
      if (jump) return runChain(run, jump, depth + 1);
      run.doubtful = true;
      return undefined;
    }
  }
}

function then(target: string | undefined, otherwise: string): string | undefined {
  const verdict = target ?? otherwise;
  return verdict === 'CONTINUE' ? undefined : verdict;
}

function write(run: Run, field: 'dl_dst' | 'dl_src', mac: string | undefined): void {
  const value = mac === undefined ? undefined : parseMac(mac);
  if (value === undefined) run.doubtful = true;
  else run.packet = set(run.packet, field, value);
}

function holds(match: EbMatch, frame: EbFrame): Tri {
  const answer = test(match, frame);
  return match.negated ? not(answer) : answer;
}

function test(match: EbMatch, frame: EbFrame): Tri {
  const { packet } = frame;
  const type = vlanOf(packet) === undefined ? Number(get(packet, 'dl_type')) : 0x8100;
  const isArp = type === 0x806;
  switch (match.kind) {
    case 'protocol': {
      const name = match.value.value.toLowerCase();
      if (name === 'length') return tri(type < 0x600);
      const wanted = ETHERTYPES[name] ?? (/^(?:0x)?[\da-f]+$/.test(name) ? parseInt(name, 16) : undefined);
      return wanted === undefined ? 'maybe' : tri(wanted === type);
    }
    case 'source':
      return macHolds(match.value.value, get(packet, 'dl_src'));
    case 'destination':
      return macHolds(match.value.value, get(packet, 'dl_dst'));
    case 'in-interface':
      return deviceHolds(match.value.value, frame.in);
    case 'out-interface':
      return deviceHolds(match.value.value, frame.out);
    case 'logical-in':
      return deviceHolds(match.value.value, frame.logicalIn);
    case 'logical-out':
      return deviceHolds(match.value.value, frame.logicalOut);
    case 'ip-source':
    case 'ip-destination':
      return addressHolds(match.value.value, packet, type, match.kind === 'ip-source');
    case 'ip-protocol': {
      if (type !== 0x800 && type !== 0x86dd) return 'no';
      const number = ipProtocolNumber(match.value.value.toLowerCase());
      return number === undefined ? 'maybe' : tri(BigInt(number) === get(packet, 'nw_proto'));
    }
    case 'ip-source-port':
    case 'ip-destination-port': {
      if (type !== 0x800 && type !== 0x86dd) return 'no';
      const [first, last] = match.range.value;
      const port = Number(get(packet, match.kind === 'ip-source-port' ? 'tp_src' : 'tp_dst'));
      return tri(first <= port && port <= last);
    }
    case 'arp-opcode': {
      if (!isArp) return 'no';
      const named = ({ request: 1, reply: 2 } as const)[match.value.value.toLowerCase() as 'request' | 'reply'];
      const number = named ?? (/^\d+$/.test(match.value.value) ? Number(match.value.value) : undefined);
      return number === undefined ? 'maybe' : tri(get(packet, 'arp_op') === BigInt(number));
    }
    case 'arp-ip-source':
      return isArp ? addressHolds(match.value.value, packet, 0x800, true) : 'no';
    case 'arp-ip-destination':
      return isArp ? addressHolds(match.value.value, packet, 0x800, false) : 'no';
    case 'arp-mac-source':
      return isArp ? macHolds(match.value.value, get(packet, 'arp_sha')) : 'no';
    case 'arp-mac-destination':
      return isArp ? macHolds(match.value.value, get(packet, 'arp_tha')) : 'no';
    case 'vlan-id':
      return tri(vlanOf(packet) === match.value.value);
    case 'pkttype': {
      const group = isMulticastMac(get(packet, 'dl_dst'));
      const all = get(packet, 'dl_dst') === 0xffffffffffffn;
      const wanted = match.value.value.toLowerCase();
      if (wanted === 'broadcast') return tri(all);
      if (wanted === 'multicast') return tri(group && !all);
      return group ? 'no' : 'maybe';
    }
    case 'mark':
    case 'other':
      return 'maybe';
  }
}

/** `lo+`-like patterns end in a plus. */
function deviceHolds(pattern: string, device: string | undefined): Tri {
  if (device === undefined) return 'no';
  return tri(pattern.endsWith('+') ? device.startsWith(pattern.slice(0, -1)) : device === pattern);
}

const CLASSES: Readonly<Record<string, (mac: bigint) => boolean>> = {
  unicast: (mac) => !isMulticastMac(mac),
  multicast: (mac) => isMulticastMac(mac),
  broadcast: (mac) => mac === 0xffffffffffffn,
  bga: (mac) => mac === 0x0180c2000000n,
};

/** A card that nobody named is 0, as in `frameOf`. */
function macHolds(text: string, mac: bigint): Tri {
  if (mac === 0n) return 'maybe';
  const named = CLASSES[text.toLowerCase()];
  if (named) return tri(named(mac));
  const [address = '', maskText] = text.split('/');
  const wanted = parseMac(address);
  const mask = maskText === undefined ? 0xffffffffffffn : parseMac(maskText);
  return wanted === undefined || mask === undefined ? 'maybe' : tri((mac & mask) === (wanted & mask));
}

function addressHolds(text: string, packet: FlowKey, type: number, source: boolean): Tri {
  if (type !== 0x800 && type !== 0x86dd) return 'no';
  const prefix = parsePrefix(text);
  if (!prefix) return 'maybe';
  const six = type === 0x86dd;
  const value = get(packet, six ? (source ? 'ipv6_src' : 'ipv6_dst') : source ? 'nw_src' : 'nw_dst');
  const address = parseIp(six ? formatIpv6(value) : formatIpv4(value));
  return address === undefined ? 'maybe' : tri(inPrefix(address, prefix));
}

/** A MAC address in the words of a rule's step. */
export function macText(packet: FlowKey): string {
  return `${formatMac(get(packet, 'dl_src'))} → ${formatMac(get(packet, 'dl_dst'))}`;
}
