import type { NfMatch } from '../captures/netfilter-facts';
import type { NfRule, NfTable } from '../model/netfilter';
import { turnsOnAge } from './connection-status';
import { likelyInSet, opensByCounters } from './ipset-condition';
import { readsHeader, testOf, type Moment } from './matches';
import { hasPorts } from './packet';
import { changedElement } from './set-changes';
import { knowsSockets } from './sockets';

/** What prints a table whole: of iptables all of its family's at once. */
export function printsTable({ family, name, chains }: NfTable): string {
  for (const { hook, name: chain } of chains.values())
    if (hook !== undefined && hook.toUpperCase() !== chain) return `nft list table ${family} ${name}`;
  return family === 'ip6' ? 'ip6tables-save' : 'iptables-save';
}

export function conditionText(match: NfMatch): string {
  if ('text' in match) return match.text.value;
  if (match.kind === 'set') return `set ${match.set.value}`;
  return 'value' in match ? `${match.kind} ${match.value.value}` : match.kind;
}

/** Whether a limit lets the usual packet by. */
function limitHolds(limit: Extract<NfMatch, { kind: 'limit' }>, refuses: boolean): boolean {
  const { text, module, negated } = limit;
  const probability = limit.probability ?? (limit.every === undefined ? undefined : 1 / limit.every);
  const above = /above|connlimit/.test(text.value) && !/upto/.test(text.value);
  const beyond = / name /.test(text.value) && refuses;
  const holds = probability === undefined ? !above && !beyond && module !== 'recent' : probability >= 0.5;
  return holds !== negated;
}

/** Whether a condition that only time or a rate decides holds for the usual packet; undefined for any other. */
function likelyByTime(match: NfMatch, at: Moment, refuses: boolean): boolean | undefined {
  switch (match.kind) {
    case 'limit':
      return limitHolds(match, refuses);
    case 'any-of':
    case 'all-of': {
      const open = match.matches.filter((inner) => testOf(inner)(at) === 'maybe');
      const inner = open.map((one) => likelyByTime(one, at, refuses));
      if (match.negated || inner.includes(undefined)) return undefined;
      return match.kind === 'any-of' ? inner.includes(true) : !inner.includes(false);
    }
    case 'set':
      return likelyInSet(match, at);
    case 'changing-set':
    case 'element-rate': {
      const state = changedElement(at.setChanges, match.set, match.selectors, at);
      if (state === 'any' || state?.hidden === true) return undefined;
      if (state !== undefined) {
        const [held = 'absent'] = state.may;
        if (match.negated) return held === 'absent';
        return held === 'plain' || (typeof held !== 'string' && limitHolds(held, refuses));
      }
      const open = match.kind === 'changing-set' ? match.matches.filter((inner) => testOf(inner)(at) === 'maybe') : [];
      const inner = open.map((one) => likelyByTime(one, at, refuses));
      return open.length === 0 || inner.includes(undefined) ? undefined : !inner.includes(false);
    }
    default:
      return undefined;
  }
}

/** Whether a condition asks for a port of a packet that has ports, and nothing else of it is open. */
function asksForPort(match: NfMatch, { packet, namespace, setChanges }: Moment): boolean {
  if (match.kind === 'set') {
    const set = namespace.ipsets.get(match.set.value);
    return set?.known === 'whole' && /\bport\b/.test(set.type) && hasPorts(packet.proto) && setChanges.size === 0;
  }
  if (match.kind === 'number')
    return hasPorts(packet.proto) && /^(?:tcp|udp|udplite|sctp|dccp|th) [sd]port$/.test(match.number.of);
  if (match.kind === 'conntrack') return /port$/.test(match.what);
  return /^(?:source|destination|any)-port$/.test(match.kind);
}

/** Whether a condition looks at the flow label of a packet of IPv6 that this host sends (ip-sysctl, `auto_flowlabels`). */
function readsOwnFlowLabel(match: NfMatch, { packet, local }: Moment): boolean {
  return match.kind === 'number' && local && packet.family === 6 && /^(?:ip6 flowlabel$|@nh,)/.test(match.number.of);
}

/** What is taken for granted where a condition can't be decided. */
export function openCondition(
  rule: NfRule,
  matches: readonly NfMatch[],
  { moment, table }: { readonly moment: Moment; readonly table: NfTable },
  isJump: boolean,
) {
  const open = matches.filter((match) => testOf(match)(moment) === 'maybe');
  const names = open.map(conditionText);
  // What a limit that stands elsewhere says is not known: what refuses packets is meant for those beyond it.
  const refuses = rule.target === 'DROP' || rule.target === 'REJECT';
  const counted = open.map((match) => likelyByTime(match, moment, refuses));
  if (!counted.includes(undefined)) {
    return {
      likely: counted.every((holds) => holds === true),
      certainty: 'assumed' as const,
      nature: 'chance' as const,
      reason: `${names.join(', ')}: how many packets came before, or chance, decides`,
      command: undefined,
    };
  }
  if (moment.packet.fragment && open.every((match) => readsHeader(match, moment))) {
    const likely = open.every((match) => 'negated' in match && match.negated);
    return {
      likely,
      certainty: 'assumed' as const,
      nature: 'chance' as const,
      reason: `${names.join(', ')}: a later fragment has no such header, and many kernels compare what it carries in its place; taken ${likely ? 'to match' : 'not to match'}`,
      command: undefined,
    };
  }
  const { sport, dport } = moment.packet;
  const byPort = (match: NfMatch) => asksForPort(match, moment) || (match.kind === 'socket' && knowsSockets(moment));
  if ((sport === undefined || dport === undefined) && open.every(byPort)) {
    return {
      likely: false,
      certainty: 'assumed' as const,
      nature: 'chance' as const,
      reason: `${names.join(', ')}: NAT chose the port by chance; taken not to match`,
      command: undefined,
    };
  }
  if (open.every((match) => readsOwnFlowLabel(match, moment))) {
    return {
      likely: false,
      certainty: 'assumed' as const,
      nature: 'chance' as const,
      reason: `${names.join(', ')}: the kernel chooses the flow label of what it sends by chance; taken not to match`,
      command: undefined,
    };
  }
  const ages = open.map((match) => turnsOnAge(match, moment));
  if (ages.every((age) => age !== undefined)) {
    const likely = ages.every(({ whenYoung }) => whenYoung);
    return {
      likely,
      certainty: 'assumed' as const,
      nature: 'chance' as const,
      reason: `${names.join(', ')}: a connection is assured when packets still come after two seconds; taken to be younger`,
      command: undefined,
    };
  }
  const translated = open.flatMap((match) => (match.kind === 'translated' ? [match] : []));
  if (translated.length === open.length) {
    const likely = isJump || translated.every(({ shown }) => shown && testOf(shown)(moment) === 'yes');
    return {
      likely,
      certainty: 'assumed' as const,
      nature: 'hidden' as const,
      reason: `${translated.map(({ text, lost }) => `${text.value}: ${lost}`).join(', ')}; taken ${likely ? 'to match as shown' : 'not to match'}`,
      command: translated.find(({ command }) => command !== undefined)?.command ?? printsTable(table),
    };
  }
  const unmodelled = open.every((match) => match.kind === 'other' || match.kind === 'number');
  if (open.every((match) => match.kind === 'set' && opensByCounters(match, moment))) {
    return {
      likely: isJump,
      certainty: 'assumed' as const,
      nature: 'unmodelled' as const,
      reason: `${names.join(', ')}: how much its element has counted by then nobody knows; taken ${isJump ? 'to match' : 'not to match'}`,
      command: undefined,
    };
  }
  const unsaid = new Set(open.map((match) => unsaidOf(match, moment)));
  if (!unsaid.has(undefined))
    return {
      likely: isJump,
      certainty: 'assumed' as const,
      nature: 'hidden' as const,
      reason: `${names.join(', ')}: nobody said ${[...unsaid].join(' and ')}; taken ${isJump ? 'to match' : 'not to match'}`,
      command: undefined,
    };
  const set = open.find((match) => match.kind === 'set');
  const changed = open.find((match) => match.kind === 'changing-set');
  return {
    // A condition that can't be worked out: taking a drop for granted would be worse than passing it over.
    likely: isJump,
    certainty: 'assumed' as const,
    nature: unmodelled ? ('unmodelled' as const) : ('hidden' as const),
    reason: `${names.join(', ')}: ${changed ? 'packets before may have changed the set' : open.every((match) => match.kind === 'number') ? 'nothing tells of it' : unmodelled ? 'not modelled' : 'what it needs was not captured'}; taken ${isJump ? 'to match' : 'not to match'}`,
    command: set && !changed ? 'ipset list' : unmodelled ? undefined : printsTable(table),
  };
}

/** What of the packet itself is not known, and no capture would tell; undefined for what depends on more. */
function unsaidOf(match: NfMatch, { packet }: Moment): string | undefined {
  if (match.kind === 'mac-source' && packet.smac === undefined) return 'which card sends the packet (smac)';
  if (match.kind === 'length' && packet.length === undefined) return 'how long the packet is (length)';
  return undefined;
}
