import { readDocument } from '../../server/src/captures/document';
import { readQuestion, type NetfilterQuestion } from '../../server/src/features/netfilter-question';
import { netfilterTrace, type PacketTrace } from '../../server/src/features/netfilter-trace';
import { plainPacket, type IpPacket } from '../../server/src/kernel/packet';
import { linkNetwork } from '../../server/src/link/network';
import type { Namespace } from '../../server/src/model/namespace';
import type { Host } from '../../server/src/model/network';
import { parseIp } from '../../server/src/packet/address';

/** A frame that came out of the router. */
interface Frame {
  readonly family: 4 | 6;
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly ttl: number;
  readonly tos: number;
  readonly sport?: number;
  readonly dport?: number;
  readonly type?: number;
  readonly code?: number;
  readonly id?: number;
  readonly mss?: number;
}

/** A packet, and what the kernel did with it (record.py). */
export interface Observed {
  readonly words: readonly string[];
  /** The packet that an ICMP error is about. */
  readonly inner: Frame | null;
  readonly error: string | null;
  readonly step: Readonly<Record<string, number>>;
  readonly marks: readonly number[];
  /** The rules that the kernel's trace names; null where the kernel lost a part of that. */
  readonly hits: readonly (readonly [string, string, number | null])[] | null;
  readonly ordered: boolean;
  /** What the router sent back: types and codes of ICMP, `reset`; absent in older recordings. */
  readonly answers?: readonly (readonly (number | string)[])[];
  readonly resolving: readonly [string, string] | null;
  readonly frame: readonly [string, string, Frame] | null;
}

export interface Case {
  readonly seed: number;
  readonly backend: string;
  readonly captures: Readonly<Record<string, string>>;
  /** The first packet that came after the captures `tracked`, which show the connections of those before. */
  readonly trackedFrom?: number;
  readonly packets: readonly Observed[];
}

/** Ways of capturing that show everything; the others hide something. What iptables-nft left there, `ruleset` hides in part. */
function isWhole(variant: string, { backend, captures }: Case): boolean {
  if (variant === 'tracked') return true;
  const shown = backend === 'native' ? ['ruleset', 'handles', 'numeric', 'stateless', 'json'] : ['save', 'rules', 'verbose'];
  // JSON does not say at which devices a chain is (nft 1.0.6).
  const isLacking = variant === 'json' && /hook (?:in|e)gress/.test(captures['ruleset'] ?? '');
  return shown.includes(variant) && !isLacking;
}

/** What the observer's counters say became of a packet. */
export function observedVerdict(seen: Observed, loaded: Loaded): string {
  const { step } = seen;
  const passed = (chain: string) => (step[chain] ?? 0) > 0;
  const local = !seen.words.some((word) => word.startsWith('iif='));
  if (passed('input_last')) return 'local';
  if (passed('input_first')) return 'dropped';
  if (seen.frame) return 'forwarded';
  if (!local && passed('forward_first')) {
    // Too big for its route when it is about to leave (IPv6).
    if (passed('own_too_big')) return 'dropped';
    // What the router itself makes (an ICMP error, a query for a neighbour) goes through POSTROUTING as well.
    const own = step['output_last'] ?? 0;
    return passed('forward_last') && (step['postrouting_last'] ?? 0) > own ? 'forwarded' : 'dropped';
  }
  if (local) {
    // What the router sends to itself comes in again by lo.
    if (passed('prerouting_first')) return passed('prerouting_last') ? 'unroutable' : 'dropped';
    // A rule's drop is "not permitted"; a packet that a rule has sent nowhere has no route.
    if (passed('output_first') && !passed('output_last') && seen.error !== null && seen.error !== 'Operation not permitted')
      return 'unroutable';
    // TCP hears nothing of it; but where nothing that was met drops packets, the new route led nowhere.
    if (passed('output_first') && !passed('output_last') && !meetsDrop(seen, loaded)) return 'unroutable';
    if (passed('postrouting_last')) return 'forwarded';
    if (passed('postrouting_first')) return 'dropped';
    if (passed('output_last')) return 'unroutable';
    return passed('output_first') ? 'dropped' : 'unroutable';
  }
  if (passed('prerouting_last')) {
    if (passed('own_exceeded') || (passed('expired') && !isMalformed(seen))) return 'ttl-exceeded';
    if (passed('own_too_big')) return 'dropped';
    return 'unroutable';
  }
  // Without a rule having seen it: no packet that a host takes in.
  return passed('prerouting_first') ? 'dropped' : 'unroutable';
}

/** IPv6 counts packets with addresses that none may have as those without a hop left (ip6_rcv). */
function isMalformed({ words }: Observed): boolean {
  return words.some((word) => /^src=(?:ff|::1$)|^dst=(?:::1$|ff[\da-f][01]:)/.test(word));
}

export function hostOf(text: string): { readonly host: Host; readonly namespace: Namespace } {
  const network = linkNetwork([readDocument('file:///router.txt', 'router.txt', text)]);
  const [host] = network.hosts.values();
  const namespace = host?.namespaces.get('');
  if (!host || !namespace) throw new Error('the captures hold no namespace');
  return { host, namespace };
}

export function namespaceOf(text: string): Namespace {
  return hostOf(text).namespace;
}

function questionOf(seen: Observed, namespace: Namespace): NetfilterQuestion {
  const question = readQuestion(seen.words, namespace);
  if (typeof question === 'string') throw new Error(question);
  return seen.inner ? { ...question, packet: { ...question.packet, inner: innerOf(seen.inner) } } : question;
}

/** br_netfilter is on wherever routers are built, which the captures do not say. */
function withBridgeRules(namespace: Namespace): Namespace {
  const [source] = [...namespace.devices.values()].flatMap(({ sources }) => sources);
  if (source === undefined) return namespace;
  const on = { value: '1', source };
  const settings = ['net.bridge.bridge-nf-call-iptables', 'net.bridge.bridge-nf-call-ip6tables'];
  return { ...namespace, sysctls: new Map([...namespace.sysctls, ...settings.map((name) => [name, on] as const)]) };
}

/** The same frame where the question names the port alone: the bridge then decides, by its MAC table, where it goes. */
function atPort(question: NetfilterQuestion): NetfilterQuestion {
  const { physIn, packet, iif: _iif, bridged: _bridged, ...rest } = question;
  return physIn === undefined || packet.dmac === undefined ? question : { ...rest, packet, iif: physIn };
}

function innerOf(frame: Frame): IpPacket {
  const [src, dst] = [parseIp(frame.src), parseIp(frame.dst)];
  return {
    ...plainPacket(frame.family, src?.value ?? 0n, dst?.value ?? 0n, frame.proto),
    sport: frame.sport,
    dport: frame.dport,
    icmpType: frame.type ?? 0,
    icmpCode: frame.code ?? 0,
    icmpId: frame.id ?? 0,
  };
}

export interface Difference {
  readonly variant: string;
  readonly packet: number;
  readonly what: string;
}

/** Everything in which the traces from one way of capturing differ from what the kernel did. */
export function compare(recorded: Case, variant: string): Difference[] {
  const text = recorded.captures[variant];
  if (text === undefined) return [];
  const { host, namespace } = hostOf(text);
  const from = variant === 'tracked' ? (recorded.trackedFrom ?? 0) : 0;
  const packets = recorded.packets.slice(from);
  const questions = packets.map((seen, n) => {
    const question = questionOf(seen, namespace);
    return isWhole(variant, recorded) && n % 2 === 1 ? atPort(question) : question;
  });
  // What the router sends by itself is stopped before its rules (OWN and NOISE in kernel.py).
  const traces = netfilterTrace(withBridgeRules(namespace), questions, host.linuxBridges, true);
  const differences: Difference[] = [];
  const whole = isWhole(variant, recorded);
  const loaded = loadedRules(recorded);
  for (const [n, seen] of packets.entries()) {
    const trace = traces[n];
    if (!trace || seen.hits === null || waits(seen, trace) || asks(seen, trace)) continue;
    const told = recorded.packets
      .slice(0, from + n)
      .filter((one) => sourceOf(one) === sourceOf(seen) && one.answers?.length === 1).length;
    const limited = seen.answers?.length === 0 && trace.verdict === 'unroutable' && familyOf(seen) === 4 && told >= LIMITED_FROM;
    // A list of connections does not say everything that the kernel remembers of them.
    if (variant === 'tracked' && trace.verdict === 'insufficient-info') break;
    const differ = (any: PacketTrace) => {
      const one = limited ? { ...any, answerOpen: true as const } : any;
      return whole ? differencesOf(seen, one, loaded) : wrongCertainties(seen, one, loaded, variant);
    };
    const found = differ(trace);
    // One of several next hops, by a hash: the kernel took another, and knows the packet's connection by that from here on.
    if (found.length > 0 && trace.verdict !== 'insufficient-info') {
      const { answer: _answer, answerOpen: _open, ...withoutAnswer } = trace;
      if (trace.alternatives.some((other) => differ({ ...withoutAnswer, ...other }).length === 0)) break;
    }
    for (const what of found) differences.push({ variant, packet: from + n, what });
    // What follows rests on connections that are wrong already.
    if (found.length > 0) break;
  }
  return differences;
}

/**
 * To one host the kernel tells at most five times at once, then once a second, that there is no route (ip_error: net.ipv4.route.error_burst
 * and error_cost, which no namespace has for itself). What the harness sends to be ready counts as well.
 */
const LIMITED_FROM = 4;

function sourceOf({ words }: Observed): string | undefined {
  return words.find((word) => word.startsWith('src='));
}

/**
 * A bridge asks for the card of an address that it was given for IPv6. The harness lets no such query out: who would answer, and by which
 * port, nobody tells.
 */
function asks(seen: Observed, trace: PacketTrace): boolean {
  return (
    familyOf(seen) === 6 &&
    seen.frame === null &&
    seen.words.some((word) => word.startsWith('physin=')) &&
    trace.gaps.some(({ command }) => command.startsWith('bridge fdb show'))
  );
}

/** The kernel keeps one fragment of a packet for its host back, where a question stands for all of them. */
function waits({ words, step }: Observed, trace: PacketTrace): boolean {
  const passed = (chain: string) => (step[chain] ?? 0) > 0;
  const lone = words.some((word) => word.startsWith('frag=')) && passed('prerouting_last') && !passed('input_first');
  return (
    lone && !passed('forward_first') && trace.steps.some(({ summary }) => summary.startsWith('This host puts the fragments'))
  );
}

/** What the kernel holds, as `iptables-save` or `nft list ruleset` prints it. */
interface Loaded {
  /** `4 filter`: `iptables -S` shows empty tables for those that are not there. */
  readonly tables: ReadonlySet<string>;
  /** `4 filter FORWARD 3`, `4 filter FORWARD policy`: what drops packets that it meets. */
  readonly dropping: ReadonlySet<string>;
  /** Those of them whose verdict map lets other packets pass. */
  readonly mapping: ReadonlySet<string>;
}

export function loadedRules({ backend, captures }: Case): Loaded {
  return backend === 'native' ? listedRules(captures['ruleset'] ?? '') : savedRules(captures['save'] ?? '');
}

function listedRules(ruleset: string): Loaded {
  const [tables, dropping, mapping] = [new Set<string>(), new Set<string>(), new Set<string>()];
  let [families, table, chain, number]: [string[], string, string, number] = [[], '', '', 0];
  for (const line of ruleset.slice(ruleset.indexOf('# nft list ruleset')).split('\n')) {
    const [, family, name] = /^table (\S+) (\S+) \{/.exec(line) ?? [];
    if (family !== undefined && name !== undefined)
      [families, table] = [family === 'inet' ? ['4', '6'] : [family === 'ip' ? '4' : '6'], name];
    for (const version of families) tables.add(`${version} ${table}`);
    const named = /^\tchain (\S+) \{/.exec(line)?.[1];
    if (named !== undefined) [chain, number] = [named, 0];
    if (/^\t(?:set|map|counter) /.test(line)) chain = '';
    if (!line.startsWith('\t\t') || chain === '') continue;
    const base = line.startsWith('\t\ttype ');
    if (!base) number++;
    const drops = /\b(?:drop|reject|queue|vmap @v0)\b/.test(line.replace(/"[^"]*"/g, ''));
    if (!drops) continue;
    for (const version of families) {
      const rule = `${version} ${table} ${chain} ${base ? 'policy' : number}`;
      dropping.add(rule);
      if (/\bvmap\b/.test(line)) mapping.add(rule);
    }
  }
  return { tables, dropping, mapping };
}

function savedRules(save: string): Loaded {
  const [tables, dropping] = [new Set<string>(), new Set<string>()];
  const count = new Map<string, number>();
  let family = 4;
  let table = '';
  for (const line of save.split('\n')) {
    if (/^root@.*tables/.test(line)) family = line.includes('ip6tables') ? 6 : 4;
    if (line.startsWith('*')) tables.add((table = `${family} ${line.slice(1)}`));
    const [, chain, policy] = /^:(\S+) (\S+) /.exec(line) ?? [];
    if (policy === 'DROP') dropping.add(`${table} ${chain ?? ''} policy`);
    const [, rulesOf] = /^-A (\S+)/.exec(line) ?? [];
    if (rulesOf === undefined) continue;
    const number = (count.get(`${table} ${rulesOf}`) ?? 0) + 1;
    count.set(`${table} ${rulesOf}`, number);
    const plain = line.replace(/"(?:\\.|[^"\\])*"/g, '');
    if (/ -j (?:DROP|REJECT|NFQUEUE)\b/.test(plain) && !plain.includes('--queue-bypass'))
      dropping.add(`${table} ${rulesOf} ${number}`);
  }
  return { tables, dropping, mapping: new Set() };
}

function familyOf({ words }: Observed): 4 | 6 {
  return words.some((word) => word.startsWith('dst=') && word.includes(':')) ? 6 : 4;
}

function meetsDrop(seen: Observed, { dropping }: Loaded): boolean {
  return meets(seen, dropping);
}

function meets(seen: Observed, rules: ReadonlySet<string>): boolean {
  return (seen.hits ?? []).some(([table, chain, number]) =>
    rules.has(`${familyOf(seen)} ${table} ${chain} ${number ?? 'policy'}`),
  );
}

/** Whether a packet of this host's own ended behind a verdict map, which may have dropped it, or a new route that leads nowhere: nothing tells. */
function endedAtMap(seen: Observed, { dropping, mapping }: Loaded): boolean {
  const { step, error, words } = seen;
  if (words.some((word) => word.startsWith('iif=')) || error !== null || (step['output_last'] ?? 0) > 0) return false;
  return meets(seen, mapping) && !meets(seen, new Set([...dropping].filter((rule) => !mapping.has(rule))));
}

function sameVerdict(seen: Observed, trace: PacketTrace, loaded: Loaded): boolean {
  // The observer stands between the rules at devices: before the ones nothing has seen the packet, behind the others no frame comes out.
  const passed = (chain: string) => (seen.step[chain] ?? 0) > 0;
  // A bridge's own come behind PREROUTING, where the frame came by its port.
  const before = seen.words.some((word) => word.startsWith('physin=')) ? ['forward_first', 'input_first'] : ['prerouting_first'];
  if (trace.verdict === 'dropped' && trace.why.endsWith('/INGRESS')) return !before.some(passed);
  if (trace.verdict === 'dropped' && trace.why.endsWith('/EGRESS')) return !seen.frame;
  const expected = observedVerdict(seen, loaded);
  if (trace.verdict === 'rejected') return expected === 'dropped';
  // It is dropped behind all hooks: nothing tells of it but that no frame comes out.
  if (trace.why.startsWith('its answers could not be told')) return !seen.frame && !seen.resolving;
  if (expected === 'dropped' && trace.verdict === 'unroutable' && endedAtMap(seen, loaded)) return true;
  return trace.verdict === expected;
}

function wrongCertainties(seen: Observed, trace: PacketTrace, loaded: Loaded, variant: string): string[] {
  if (trace.verdict === 'insufficient-info') return [];
  // Operators rarely capture these: the usual case is inferred or assumed, and what would settle it is named.
  const names = (command: RegExp) => trace.certainty !== 'captured' && trace.gaps.some((gap) => command.test(gap.command));
  if (variant === 'without sysctl -a' && trace.certainty === 'assumed' && names(/^sysctl /)) return [];
  if (/^without ip (?:-6 )?rule$/.test(variant) && names(/^ip (?:-6 )?rule$/)) return [];
  return outcomeDifferences(seen, trace, loaded);
}

function differencesOf(seen: Observed, trace: PacketTrace, loaded: Loaded): string[] {
  const found = outcomeDifferences(seen, trace, loaded);
  const shown = trace.rules.filter(
    (rule) =>
      !isAtDevice(rule.chain) && (rule.number !== null || (seen.ordered && loaded.tables.has(`${familyOf(seen)} ${rule.table}`))),
  );
  const own = shown.map((rule) => `${rule.table} ${rule.chain} ${rule.number ?? 'policy'}`);
  // Tables without rules have no trace in the kernel, whose chains may not even exist.
  const theirs = (seen.hits ?? [])
    .filter(([, chain, number]) => !isAtDevice(chain) && (seen.ordered || number !== null))
    .map(([table, chain, number]) => `${table} ${chain} ${number ?? 'policy'}`);
  const [a, b] = seen.ordered ? [own, theirs] : [[...own].sort(), [...theirs].sort()];
  if (a.join(', ') !== b.join(', ')) found.push(`rules ${a.join(', ')} — kernel ${b.join(', ')}`);
  return found;
}

/** Of `at_devices` in native.py. */
function isAtDevice(chain: string): boolean {
  return /^(?:ingr|egre)\d/.test(chain);
}

function outcomeDifferences(seen: Observed, trace: PacketTrace, loaded: Loaded): string[] {
  if (!sameVerdict(seen, trace, loaded)) {
    return [
      `verdict ${trace.verdict} (${[trace.why, ...trace.alternatives.flatMap(({ because }) => because)].join('; ')}) — kernel ${observedVerdict(seen, loaded)} ${JSON.stringify(seen.step)} ${JSON.stringify(seen.answers ?? [])} ${seen.error ?? ''}`,
    ];
  }
  const found: string[] = [];
  const say = (name: string, own: unknown, theirs: unknown) => {
    if (own !== theirs) found.push(`${name} ${String(own)} — kernel ${String(theirs)}`);
  };
  const { packet, answer } = trace;
  // A packet for the router itself is answered by its own programs.
  // What a chain at the way out drops it may drop with the queries for the neighbour, of which the kernel tells the sender later.
  const askedInVain = trace.why.endsWith('/EGRESS') && seen.answers?.join() === '3,1';
  if (seen.answers && !askedInVain && trace.answerOpen !== true && trace.verdict !== 'local' && trace.verdict !== 'forwarded') {
    const own = answer === undefined ? '' : 'reset' in answer ? 'reset' : `${answer.type} ${answer.code}`;
    say('answer', own, seen.answers.map((words) => words.join(' ')).join(', '));
  }
  const [mark] = seen.marks;
  if (seen.marks.length === 1 && (trace.verdict === 'forwarded' || trace.verdict === 'local')) say('mark', packet.mark, mark);
  if (trace.verdict !== 'forwarded') return found;
  if (seen.frame) {
    const [device, , frame] = seen.frame;
    // What leaves by the bridge leaves by one of its ports; a packet that stays in it by the one that was asked for.
    const bridged = seen.words.find((word) => word.startsWith('physout='))?.slice('physout='.length);
    const within = bridged !== undefined && trace.nextHop === null;
    say('out', within && trace.out === 'br0' ? bridged : trace.out, within || !/^p[01]$/.test(device) ? device : 'br0');
    say('src', packet.src, frame.src);
    say('dst', packet.dst, frame.dst);
    if (frame.sport !== undefined) {
      if (packet.sport === null) {
        const [from, to] = packet.ports ?? [0, 65535];
        if (frame.sport < from || frame.sport > to) say('sport', `${from}-${to}`, frame.sport);
      } else say('sport', packet.sport, frame.sport);
      // Where both were chosen, the range is the source's.
      if (packet.dport === null) {
        const [from, to] = packet.sport === null ? [0, 65535] : (packet.ports ?? [0, 65535]);
        if (frame.dport === undefined || frame.dport < from || frame.dport > to) say('dport', `${from}-${to}`, frame.dport);
      } else say('dport', packet.dport, frame.dport);
    }
    say('ttl', packet.ttl, frame.ttl);
    if (seen.words.some((word) => word.startsWith('iif='))) say('tos', packet.tos, frame.tos);
    const hop = /^02:aa:00:0[46]:0(\d):0(\d)$/.exec(seen.frame[1]);
    if (frame.mss !== undefined && packet.mss !== undefined) say('mss', packet.mss, frame.mss);
    if (hop)
      say('next hop', trace.nextHop, seen.frame[1].includes(':06:') ? `fd00:${hop[1]}::${hop[2]}` : `10.0.${hop[1]}.${hop[2]}`);
  } else if (seen.resolving) {
    const [device, ip] = seen.resolving;
    say('out', trace.out, /^p[01]$/.test(device) ? 'br0' : device);
    say('next hop', trace.nextHop, ip);
  }
  return found;
}
