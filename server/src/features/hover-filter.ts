import type { Fact } from '../captures/facts';
import type { ConntrackTuple, EbMatch } from '../captures/netfilter-facts';
import { explainEbMatches, explainEbTarget } from '../model/explain-ebtables';
import type { Namespace } from '../model/namespace';
import type { NfRule, NfTable } from '../model/netfilter';
import type { Source } from '../model/source';
import { ipProtocolName } from '../packet/ip-protocols';
import type { Locus } from './entity';
import { code, count, escape, few, inBrackets, link, section } from './markdown';
import type { World } from './world';

type FactOf<K extends Fact['kind']> = Extract<Fact, { readonly kind: K }>;

function namespaceOf(locus: Locus): Namespace | undefined {
  return locus.host?.namespaces.get(locus.namespace);
}

/** A set of ipset(8): what it holds, how many members, which rules look into it. */
export function describeIpset(world: World, locus: Locus, name: string): string {
  const set = namespaceOf(locus)?.ipsets.get(name);
  const own = locus.capture.facts.find((fact) => fact.kind === 'ipset' && fact.name.value === name);
  const type = own?.kind === 'ipset' ? own.type.value : set?.type;
  const timeout = set?.options['timeout'];
  const members = set?.elements ?? [];
  return section(`Set ${escape(name)}`, [
    type === undefined || type === '' ? undefined : `${setHolds(type)} (${code(type)})${set?.family === 'inet6' ? ', IPv6' : ''}`,
    set === undefined || set.known === 'absent'
      ? `Its members were not captured: ${code(`ipset list ${name}`)}`
      : members.length === 0
        ? 'No members: it matches nothing'
        : `${count(members.length, 'member')}: ${few(
            members.map(({ element, nomatch }) => `${code(element)}${nomatch ? ' (not)' : ''}`),
            6,
          )}`,
    set?.known === 'partial' ? 'Lines may be missing' : undefined,
    timeout === undefined ? undefined : `Members are forgotten after ${timeout} s where none says otherwise`,
    ...lookedIntoBy(world, locus, name),
  ]);
}

/** What the members of a type are (ipset(8)). */
function setHolds(type: string): string {
  const parts = type.replace(/^(?:hash|bitmap|list):/, '').split(',');
  const words: Readonly<Record<string, string>> = {
    ip: 'an address',
    net: 'a network',
    mac: 'a MAC address',
    port: 'a protocol and port',
    mark: 'a packet mark',
    iface: 'an interface',
    set: "another set's name",
  };
  return `Each member is ${parts.map((part) => words[part] ?? part).join(' and ')}`;
}

/** The rules whose conditions ask a set, and the sets that list it. */
function lookedIntoBy(world: World, locus: Locus, name: string): string[] {
  const namespace = namespaceOf(locus);
  if (namespace === undefined) return [];
  const users: string[] = [];
  for (const table of [...namespace.netfilter.values(), ...namespace.netfilter6.values()]) {
    for (const { chain, rule } of rulesOf(table)) {
      for (const match of rule.matches) {
        if (match.kind !== 'set' || match.set.value !== name) continue;
        const how = match.directions.map((direction) => (direction === 'src' ? 'source' : 'destination')).join(' and ');
        const where = `${chain} rule ${rule.number} (${table.name}${table.family === 'ip6' ? ', IPv6' : ''})`;
        users.push(`${link(world, rule.source, where) ?? where}, by ${how}${match.negated ? ', negated' : ''}`);
      }
      if (rule.target === 'SET' && rule.options.set?.value.split(' ')[0] === name) {
        const where = `${chain} rule ${rule.number}`;
        users.push(`${link(world, rule.source, where) ?? where}, which changes it`);
      }
    }
  }
  const lists = [...namespace.ipsets.values()].filter(
    ({ type, elements }) => type === 'list:set' && elements.some(({ element }) => element === name.toLowerCase()),
  );
  const listed =
    lists.length === 0 ? [] : [`In the list ${few(lists.map((list) => `${code(list.name)}${inBrackets(world, list.source)}`))}`];
  if (users.length > 0) return [`Looked into by ${few(users, 6)}`, ...listed];
  return namespace.netfilter.size + namespace.netfilter6.size === 0 || lists.length > 0
    ? listed
    : ['No captured rule looks into it'];
}

function rulesOf(table: NfTable): { readonly chain: string; readonly rule: NfRule }[] {
  return [...table.chains.values()].flatMap((chain) => chain.rules.map((rule) => ({ chain: chain.name, rule })));
}

/** A member of a set: its parts, and what the set is for. */
export function describeIpsetEntry(world: World, locus: Locus, entry: FactOf<'ipset-entry'>): string {
  const name = entry.set.value;
  const set = namespaceOf(locus)?.ipsets.get(name);
  const kinds = set?.type.replace(/^(?:hash|bitmap|list):/, '').split(',') ?? [];
  const parts = entry.element.value.split(',');
  const said = parts.map((part, n) => partWords(kinds[n], part));
  return section(`Member of set ${escape(name)}`, [
    `${code(entry.element.value)}${kinds.length > 1 && kinds.length === parts.length ? `: ${said.join(', ')}` : ''}`,
    entry.nomatch ? 'An exception (`nomatch`): the set does not match it, although a wider member would' : undefined,
    entry.wildcard ? 'Its interface stands for all whose names begin so (`wildcard`)' : undefined,
    set === undefined || set.type === ''
      ? undefined
      : `The set has ${count(set.elements.length, 'member')} (${code(set.type)})${inBrackets(world, set.source)}`,
    ...lookedIntoBy(world, locus, name),
  ]);
}

function partWords(kind: string | undefined, part: string): string {
  const [protocol, port] = part.split(':');
  if (kind === 'port' && port !== undefined)
    return `${(protocol ?? '').toUpperCase()} ${/^icmp/.test(protocol ?? '') ? 'type' : 'port'} ${port}`;
  if (kind === 'iface') return part.startsWith('physdev:') ? `bridge port ${code(part.slice(8))}` : `interface ${code(part)}`;
  return code(part);
}

/** `10.0.0.1:80`, `[fd00::1]:80`, or the address alone. */
function endWords(address: string, port: number | undefined): string {
  if (port === undefined) return code(address);
  return code(address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);
}

function directionWords({ src, dst, sport, dport, icmpType, icmpId }: ConntrackTuple): string {
  const icmp = icmpType === undefined ? '' : `, ICMP type ${icmpType.value}${icmpId === undefined ? '' : `, id ${icmpId.value}`}`;
  return `${endWords(src.value, sport?.value)} → ${endWords(dst.value, dport?.value)}${icmp}`;
}

const tcpStates: Readonly<Record<string, string>> = {
  SYN_SENT: 'the first SYN was seen, no answer yet',
  SYN_RECV: 'the SYN was answered, the third packet is awaited',
  ESTABLISHED: 'open: packets went both ways',
  FIN_WAIT: 'one side has closed',
  CLOSE_WAIT: 'one side has closed, the other confirmed it',
  LAST_ACK: 'both sides have closed, one confirmation is awaited',
  TIME_WAIT: 'closed; the entry waits for stragglers',
  CLOSE: 'reset or closed',
  SYN_SENT2: 'both sides sent a SYN',
};

/** A tracked connection: both directions, what NAT does, how rules see it. */
export function describeConnection(entry: FactOf<'conntrack-entry'>): string {
  const { original, reply, flags } = entry;
  const protocol = ipProtocolName(entry.protocol.value).toUpperCase();
  const state = entry.state?.value;
  const answered = !flags.includes('UNREPLIED');
  const side =
    entry.zoneDirection === undefined
      ? ''
      : entry.zoneDirection === 'orig'
        ? ', for the first direction only'
        : ', for answers only';
  return section(`${protocol} connection`, [
    `Forth: ${directionWords(original)}`,
    `Back: ${directionWords(reply)}${answered ? '' : ', no packet of which was seen'}`,
    ...translations(original, reply),
    state === undefined ? undefined : `State ${escape(state)}${tcpStates[state] === undefined ? '' : `: ${tcpStates[state]}`}`,
    answered
      ? `Rules see its packets as ${code('ESTABLISHED')}${flags.includes('ASSURED') ? '; it stays when the table is full (assured)' : ''}`
      : `Rules see further packets of the first direction as ${code('NEW')}, an answer as ${code('ESTABLISHED')}`,
    flags.includes('OFFLOAD') || flags.includes('HW_OFFLOAD')
      ? 'Offloaded: its packets pass no rules of the forward hook'
      : undefined,
    entry.zone ? `Zone ${entry.zone.value}${side}: other zones do not know it` : undefined,
    entry.mark && entry.mark.value !== 0 ? `Connection mark ${code(`0x${entry.mark.value.toString(16)}`)}` : undefined,
  ]);
}

/** What differs between the answers' addresses and those that a plain answer would have. */
function translations(original: ConntrackTuple, reply: ConntrackTuple): string[] {
  const from = (a: string, aPort: number | undefined, b: string, bPort: number | undefined) =>
    a === b && aPort === bPort ? undefined : `${endWords(a, aPort)} becomes ${endWords(b, bPort)}`;
  const destination = from(original.dst.value, original.dport?.value, reply.src.value, reply.sport?.value);
  const source = from(original.src.value, original.sport?.value, reply.dst.value, reply.dport?.value);
  if (destination === undefined && source === undefined) return ['No address is translated'];
  return [
    ...(destination === undefined ? [] : [`Destination NAT: ${destination}; in answers back again`]),
    ...(source === undefined ? [] : [`Source NAT: ${source}; in answers back again`]),
  ];
}

/** A connection that a helper expects. */
export function describeExpectation(fact: FactOf<'conntrack-expectation'>): string {
  const { expected, mask, master } = fact;
  const any = (bits: string | undefined) => bits !== undefined && /^(?:0\.0\.0\.0|::)$/.test(bits);
  const from = any(mask?.src.value)
    ? 'any address'
    : endWords(expected.src.value, mask?.sport?.value === 0 ? undefined : expected.sport?.value);
  const to = any(mask?.dst.value)
    ? 'any address'
    : endWords(expected.dst.value, mask?.dport?.value === 0 ? undefined : expected.dport?.value);
  return section('Expected connection', [
    `${ipProtocolName(fact.protocol.value).toUpperCase()} from ${from} to ${to}`,
    `Rules see its first packet as ${code('RELATED')}`,
    master
      ? `Announced by ${directionWords(master)}${fact.helper ? ` (helper ${code(fact.helper.value)})` : ''}`
      : fact.helper && `Helper ${code(fact.helper.value)}`,
    fact.zone ? `Zone ${fact.zone.value}` : undefined,
    fact.flags.includes('INACTIVE') ? 'Inactive: it matches nothing yet' : undefined,
    fact.flags.includes('PERMANENT') ? 'Stays after its first connection' : undefined,
  ]);
}

const ebHooks: Readonly<Record<string, string>> = {
  BROUTING: 'Frames that come in by a bridge port, before the bridge: what is dropped here is routed instead',
  PREROUTING: 'Frames that come in, before the bridge decides where they go',
  INPUT: 'Frames for this machine itself',
  FORWARD: 'Frames that the bridge passes from port to port',
  OUTPUT: 'Frames that this machine itself sends',
  POSTROUTING: 'Frames that leave, after the bridge has decided',
};

function ebRulesOf(locus: Locus, table: string, chain: string): FactOf<'eb-rule'>[] {
  return locus.capture.facts.filter(
    (fact): fact is FactOf<'eb-rule'> => fact.kind === 'eb-rule' && fact.table === table && fact.chain === chain,
  );
}

/** A chain of ebtables: its hook, policy, rules and callers. */
export function describeEbChain(world: World, locus: Locus, chain: FactOf<'eb-chain'>): string {
  const name = chain.name.value;
  const rules = ebRulesOf(locus, chain.table, name);
  const callers = locus.capture.facts.filter(
    (fact): fact is FactOf<'eb-rule'> => fact.kind === 'eb-rule' && fact.table === chain.table && fact.target?.value === name,
  );
  const shown = rules
    .slice(0, 6)
    .map(
      (rule) =>
        `Rule ${rule.number}: ${ebWords(rule.matches)} → ${escape(explainEbTarget(rule.target?.value, plainOptions(rule)))}`,
    );
  return section(`Chain ${escape(name)} of ebtables (${chain.table})`, [
    ebHooks[name],
    chain.policy ? `Policy ${escape(chain.policy.value)}: what happens to frames that no rule takes` : undefined,
    ...(rules.length === 0 ? ['No rules'] : shown),
    rules.length > 6 ? `and ${count(rules.length - 6, 'more rule')}` : undefined,
    ebHooks[name] !== undefined
      ? undefined
      : callers.length === 0
        ? 'No captured rule jumps here'
        : `Reached from ${few(callers.map((rule) => ruleLink(world, locus, rule)))}`,
  ]);
}

/** A rule of ebtables in words. */
export function describeEbRule(world: World, locus: Locus, rule: FactOf<'eb-rule'>): string {
  const target = rule.target?.value;
  const called = target === undefined ? [] : ebRulesOf(locus, rule.table, target);
  const callers = locus.capture.facts.filter(
    (fact): fact is FactOf<'eb-rule'> =>
      fact.kind === 'eb-rule' && fact.table === rule.table && fact.target?.value === rule.chain,
  );
  return section(`Rule ${rule.number} of ${escape(rule.chain)} (ebtables ${rule.table})`, [
    ebHooks[rule.chain] ??
      (callers.length === 0 ? undefined : `Reached from ${few(callers.map((from) => ruleLink(world, locus, from)))}`),
    `Matches ${ebWords(rule.matches)}`,
    `Then ${escape(explainEbTarget(target, plainOptions(rule)))}${called.length === 0 ? '' : `, ${count(called.length, 'rule')}`}`,
  ]);
}

function ruleLink(world: World, locus: Locus, rule: FactOf<'eb-rule'>): string {
  const source: Source = { uri: locus.uri, span: rule.text.span };
  const label = `${rule.chain} rule ${rule.number}`;
  return link(world, source, label) ?? label;
}

function ebWords(matches: readonly EbMatch[]): string {
  const words = explainEbMatches(matches);
  return words.length === 0 ? 'any frame' : escape(words.join(', '));
}

function plainOptions(rule: FactOf<'eb-rule'>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(rule.targetOptions).map(([key, { value }]) => [key, value]));
}
