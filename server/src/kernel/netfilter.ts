import type { NfMatch, NfStatement, NfTargetOptions } from '../captures/netfilter-facts';
import type { Namespace } from '../model/namespace';
import type { NfChain, NfRule, NfTable } from '../model/netfilter';
import { inferredFrom, knownChain } from '../model/known-names';
import { isBuiltInTarget } from '../packet/netfilter-targets';
import { assigned } from './assignments';
import { TEMPLATE, UNTRACKED, type Zone } from './conntrack';
import { and, type Asker, type Doubt, type Tri } from './decide';
import { decideHidden } from './hidden';
import { fillsIn } from './ipset';
import { afterAsking, looksUp } from './ipset-condition';
import { testOf, type DeviceHook, type Hook, type Moment } from './matches';
import { conditionText, openCondition, printsTable } from './open-condition';
import { withChange, withMaybeChanged, type SetChanges } from './set-changes';
import { ownerInInput, proxyFor } from './sockets';
import { changed, isPassing, lacksOption } from './targets';

export interface RuleHit {
  readonly table: string;
  readonly chain: string;
  readonly rule: NfRule;
  /** The rule's target, `CONTINUE` without one. */
  readonly verdict: string;
  /** False for a rule that may match and was taken not to. */
  readonly taken: boolean;
  readonly certainty: 'captured' | 'inferred' | 'assumed';
  readonly reason: string | undefined;
}

/** What a rule says to do about addresses; the stack carries it out. */
export interface NatRequest {
  readonly target: string;
  readonly options: NfTargetOptions;
  readonly rule: NfRule;
}

/** What one table did at one hook. */
export interface TableRun {
  readonly table: NfTable;
  readonly chain: NfChain;
  readonly hook: Hook | DeviceHook;
  readonly verdict: 'ACCEPT' | 'DROP' | 'REJECT';
  /** The chain's policy decided. */
  readonly byPolicy: boolean;
  readonly hits: readonly RuleHit[];
  readonly nat: NatRequest | undefined;
  readonly rejectWith: string | undefined;
  /** Where the packet is for a proxy of this machine (TPROXY); whose, where that is known. */
  readonly proxied: { readonly uid: number | undefined } | undefined;
  /** The packet after the table. */
  readonly after: Moment;
  /** `CT`: what raw says about tracking. */
  readonly ct: CtRequest;
  readonly certainty: 'captured' | 'inferred' | 'assumed';
  /** The end is what was not captured or is not modelled; `DROP` stands for whatever it does. */
  readonly undetermined: boolean;
}

export interface CtRequest {
  readonly notrack: boolean;
  readonly zone: Zone | undefined;
}

/** A chain that the kernel calls at a hook. */
export interface BaseChain {
  readonly table: NfTable;
  readonly chain: NfChain;
  readonly priority: number;
  readonly isNat: boolean;
}

/** Where conntrack stands among the tables. */
export const CONNTRACK_PRIORITY = -200;

const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0 };

/** iptables' old back end has security before the NAT of sources, iptables-nft behind it. */
function securityPriority(table: NfTable): number {
  return table.legacy === true ? 50 : 150;
}

/** Which tables have a chain of their own at a hook (iptables(8)); security is SELinux's. */
export const TABLES_AT: Readonly<Record<Hook, readonly string[]>> = {
  PREROUTING: ['raw', 'mangle', 'nat'],
  INPUT: ['mangle', 'filter', 'security', 'nat'],
  FORWARD: ['mangle', 'filter', 'security'],
  OUTPUT: ['raw', 'mangle', 'nat', 'filter', 'security'],
  POSTROUTING: ['mangle', 'nat'],
};

const cache = new WeakMap<ReadonlyMap<string, NfTable>, Map<Hook, readonly BaseChain[]>>();

/**
 * The chains at a hook in the kernel's order, by priority; of those with the same one the chain that was registered last comes first
 * (nf_hook_entries_grow). A listing names tables and chains in the order in which they were made.
 */
export function baseChains(namespace: Namespace, family: 4 | 6, hook: Hook): readonly BaseChain[] {
  const tables = family === 4 ? namespace.netfilter : namespace.netfilter6;
  let hooks = cache.get(tables);
  if (!hooks) cache.set(tables, (hooks = new Map()));
  let found = hooks.get(hook);
  if (!found) hooks.set(hook, (found = findBaseChains(namespace, family, hook)));
  return found;
}

function findBaseChains(namespace: Namespace, family: 4 | 6, hook: Hook): BaseChain[] {
  const own = family === 4 ? namespace.netfilter : namespace.netfilter6;
  const native = [...namespace.nft.values()].filter(
    (table) => table.family === 'inet' || table.family === (family === 4 ? 'ip' : 'ip6'),
  );
  const found: BaseChain[] = [];
  for (const table of [...own.values(), ...native]) {
    const isNative = native.includes(table);
    for (const chain of table.chains.values()) {
      if (isNative) {
        if (chain.hook === undefined) continue;
        if (chain.hook.toUpperCase() !== hook) continue;
        found.push({ table, chain, priority: chain.priority ?? 0, isNat: chain.type === 'nat' });
      } else if (chain.name === hook && TABLES_AT[hook].includes(table.name)) {
        const isNat = table.name === 'nat';
        const source = hook === 'POSTROUTING' || hook === 'INPUT';
        found.push({
          table,
          chain,
          priority: isNat ? (source ? 100 : -100) : (PRIORITIES[table.name] ?? securityPriority(table)),
          isNat,
        });
      }
    }
  }
  return found.reverse().sort((a, b) => a.priority - b.priority);
}

interface Run extends Asker {
  readonly table: NfTable;
  readonly hits: RuleHit[];
  /** The chains that the packet is in. */
  readonly active: Set<NfChain>;
  moment: Moment;
  nat: NatRequest | undefined;
  rejectWith: string | undefined;
  proxied: TableRun['proxied'];
  ct: CtRequest;
  certainty: 'captured' | 'inferred' | 'assumed';
}

/** Where what is only inferred stands. */
const NOWHERE = { start: 0, end: 0 };

type ChainEnd = 'ACCEPT' | 'DROP' | 'REJECT' | 'RETURN' | 'ANYTHING';

const MAX_CHAIN_DEPTH = 64;

/** Walks a table's chain at a hook. */
export function runTable(base: BaseChain, hook: Hook | DeviceHook, moment: Moment, asker: Asker): TableRun {
  const { table, chain } = base;
  const run: Run = {
    table,
    choose: asker.choose,
    // The old back end may have a table of the same name.
    key: table.legacy === true ? `${asker.key}|legacy` : asker.key,
    hits: [],
    active: new Set(),
    moment: { ...moment, rules: rulesOf(base) },
    nat: undefined,
    rejectWith: undefined,
    proxied: undefined,
    ct: { notrack: false, zone: undefined },
    certainty: 'captured',
  };
  const end: ChainEnd = runChain(run, chain, 0);
  const policy = chain.policy === 'DROP' ? 'DROP' : 'ACCEPT';
  return {
    table,
    chain,
    hook,
    verdict: end === 'RETURN' ? policy : end === 'ANYTHING' ? 'DROP' : end,
    undetermined: end === 'ANYTHING',
    byPolicy: end === 'RETURN',
    hits: run.hits,
    nat: run.nat,
    rejectWith: run.rejectWith,
    proxied: run.proxied,
    after: run.moment,
    ct: run.ct,
    certainty: run.certainty,
  };
}

/** Base chains of nft say what they are; those of iptables have their names. */
function rulesOf({ table, chain }: BaseChain): Moment['rules'] {
  return table.legacy === true ? 'iptables-legacy' : chain.type === undefined ? 'iptables-nft' : 'nft';
}

function ask(run: Run, doubt: Doubt): boolean {
  run.certainty = weaker(run.certainty, doubt.certainty);
  return run.choose(doubt);
}

function weaker(a: Run['certainty'], b: Run['certainty']): Run['certainty'] {
  return a === 'assumed' || b === 'assumed' ? 'assumed' : a === 'inferred' || b === 'inferred' ? 'inferred' : 'captured';
}

/** What is known of a rule of nft's that stands in several pieces: its conditions are asked once, before it changes the packet. */
interface Begun {
  readonly number: number;
  readonly held: NfMatch[];
  /** The conditions of pieces that were taken not to hold; pieces behind them have all of those. */
  readonly refused: (readonly NfMatch[])[];
}

function runChain(run: Run, chain: NfChain, depth: number): ChainEnd {
  // The kernel takes no chains that lead back to themselves.
  if (depth > MAX_CHAIN_DEPTH || run.active.has(chain)) return 'RETURN';
  if (chain.partial === true && !passesMissing(run)) return 'ANYTHING';
  run.active.add(chain);
  let begun: Begun | undefined;
  for (const rule of chain.rules) {
    const isPiece = rule.part === true || rule.settles !== undefined;
    if (begun?.number !== rule.number) begun = isPiece ? { number: rule.number, held: [], refused: [] } : undefined;
    const end = runRule(run, chain, rule, begun, depth);
    if (end !== undefined) {
      run.active.delete(chain);
      return end;
    }
  }
  run.active.delete(chain);
  return 'RETURN';
}

/** Whether the packet gets past the rules that a listing with gaps does not show. */
function passesMissing(run: Run): boolean {
  const { name } = run.table;
  return ask(run, {
    key: `${run.key}|${name} missing`,
    rule: undefined,
    likely: true,
    certainty: 'assumed',
    nature: 'hidden',
    reason: `the ${name} table was not captured whole: a rule that is missing may take the packet first`,
    command: printsTable(run.table),
  });
}

/** What a rule's conditions say together. */
interface Asked {
  readonly answer: Tri;
  /** The sets after those conditions that the kernel comes to, should all that are open hold. */
  readonly sets: SetChanges;
  /** The same where the first of those that are open does not. */
  readonly sure: SetChanges;
}

/** Whether all conditions hold; of a packet that may have the socket of the program that it answers by now, with it and without it. */
function hold(matches: readonly NfMatch[], moment: Moment, hidden: boolean): Asked {
  const asked = holdAsIs(matches, moment, hidden);
  const owner = asked.answer === 'maybe' ? ownerInInput(moment) : undefined;
  if (owner === undefined) return asked;
  const without = holdAsIs(matches, { ...moment, opened: [] }, hidden);
  const having = holdAsIs(matches, { ...moment, socket: { uid: owner.uid } }, hidden);
  return without.answer === having.answer ? without : asked;
}

/** The kernel asks one condition after the other, up to the first that does not hold. */
function holdAsIs(matches: readonly NfMatch[], moment: Moment, hidden: boolean): Asked {
  const fills = fillsIn(moment.namespace);
  let now = moment;
  let sure: SetChanges | undefined = hidden ? moment.setChanges : undefined;
  let all: Tri = 'yes';
  for (const match of matches) {
    const answer = testOf(match)(now);
    if (fills && looksUp(match)) {
      // Addresses, devices and protocols come first, wherever they stand.
      const headers = and(matches.filter(isOfHeader).map((header) => testOf(header)(now)));
      if (headers === 'maybe') sure ??= now.setChanges;
      if (headers !== 'no') now = { ...now, setChanges: afterAsking(match, now) };
    }
    if (answer === 'no') return { answer, sets: now.setChanges, sure: sure ?? now.setChanges };
    if (answer === 'maybe') {
      all = 'maybe';
      sure ??= now.setChanges;
    }
  }
  return { answer: all, sets: now.setChanges, sure: sure ?? now.setChanges };
}

const HEADER = new Set<NfMatch['kind']>(['source', 'destination', 'in-interface', 'out-interface', 'protocol', 'fragment']);

function isOfHeader({ kind }: NfMatch): boolean {
  return HEADER.has(kind);
}

function runRule(run: Run, chain: NfChain, rule: NfRule, begun: Begun | undefined, depth: number): ChainEnd | undefined {
  const matches = begun === undefined ? rule.matches : rule.matches.filter((match) => !begun.held.includes(match));
  const asked = hold(matches, run.moment, rule.interfacesHidden === true);
  const visible = asked.answer;
  const withSets = (setChanges: SetChanges): void => {
    if (setChanges !== run.moment.setChanges) run.moment = { ...run.moment, setChanges };
  };
  if (visible === 'no') {
    withSets(withMaybeChanged(asked.sure, asked.sets));
    return undefined;
  }
  if (rule.settles !== undefined && begun?.held.includes(rule.settles) === true) return undefined;
  if (begun?.refused.some((refused) => refused.every((match) => rule.matches.includes(match)))) return undefined;
  const target = rule.target;
  const jump = target === undefined ? undefined : run.table.chains.get(target);
  const leadsOn = jump !== undefined || target === undefined || !isBuiltInTarget(target);
  const hidden = decideHidden(rule, chain, visible, run.moment, leadsOn);
  let certainty: RuleHit['certainty'] = 'captured';
  let reason: string | undefined;
  if (hidden || visible === 'maybe') {
    const doubt = hidden
      ? {
          likely: hidden.answer === 'yes',
          certainty: hidden.certainty,
          nature: 'hidden' as const,
          reason: hidden.reason,
          command: printsTable(run.table),
        }
      : openCondition(rule, matches, run, jump !== undefined);
    ({ certainty, reason } = doubt);
    // Several of the rules here may stand for one of nft's, each with its own conditions.
    const open = matches.filter((match) => testOf(match)(run.moment) === 'maybe').map(conditionText);
    const takes = ask(run, {
      ...doubt,
      key: `${run.key}|${run.table.name} ${chain.name} ${rule.number} ${open.join(', ')}`,
      rule,
    });
    withSets(takes ? asked.sets : withMaybeChanged(asked.sure, asked.sets, doubt.nature !== 'chance'));
    if (!takes) {
      if (rule.part === true) begun?.refused.push(rule.matches);
      if (doubt.nature !== 'hidden' || doubt.certainty === 'assumed' || hidden)
        run.hits.push({
          table: run.table.name,
          chain: chain.name,
          rule,
          verdict: target ?? 'CONTINUE',
          taken: false,
          certainty,
          reason,
        });
      return undefined;
    }
  } else withSets(withMaybeChanged(asked.sure, asked.sets));
  run.hits.push({
    table: run.table.name,
    chain: chain.name,
    rule,
    verdict: target ?? 'CONTINUE',
    taken: true,
    certainty,
    reason,
  });
  if (rule.part === true) begun?.held.push(...rule.matches);
  if (rule.settles !== undefined) begun?.held.push(rule.settles);
  for (const statement of rule.before ?? []) {
    const end = carryOut(run, rule, statement);
    if (statement.target.value === 'TPROXY') {
      // Without a proxy the rule ends there, with one it goes on (nft(8)); iptables' target decides.
      if (end !== 'DROP') continue;
      run.hits.pop();
      return undefined;
    }
    if (end !== undefined) return end;
  }
  if (target === undefined) return undefined;
  if (jump) {
    const end = runChain(run, jump, depth + 1);
    if (end === 'RETURN') return rule.goto ? 'RETURN' : undefined;
    return end;
  }
  return carryOut(run, rule, { target: { value: target, span: NOWHERE }, options: rule.options });
}

/** Does what a target says; the end of the chain where it decides. */
function carryOut(run: Run, rule: NfRule, statement: NfStatement): ChainEnd | undefined {
  const target = statement.target.value;
  const { options } = statement;
  switch (target) {
    case 'ACCEPT':
    case 'DROP':
    case 'RETURN':
      return target;
    case 'REJECT':
      run.rejectWith = options.rejectWith?.value ?? '';
      return 'REJECT';
    case 'QUEUE':
    case 'NFQUEUE': {
      if (isUnserved(run.moment.namespace, options.queue?.value)) return options.queueBypass === true ? 'ACCEPT' : 'DROP';
      const goesOn = ask(run, {
        key: `${run.key}|${run.table.name} queue ${rule.number}`,
        rule,
        likely: true,
        certainty: 'assumed',
        nature: 'hidden',
        reason: options.queueBypass
          ? 'a program decides about the packet, if one listens; else it goes on'
          : 'a program decides about the packet; without one it is dropped',
        command: 'cat /proc/net/netfilter/nfnetlink_queue',
      });
      return goesOn ? 'ACCEPT' : 'ANYTHING';
    }
    case 'DNAT':
    case 'SNAT':
    case 'MASQUERADE':
    case 'REDIRECT':
    case 'NETMAP':
    case 'SAME':
      run.nat = { target, options, rule };
      return 'ACCEPT';
    case 'TPROXY': {
      const proxy = proxyFor(run.moment, options.onIp?.value, options.onPort?.value);
      const listens =
        proxy.waits === 'maybe'
          ? ask(run, {
              key: `${run.key}|tproxy ${rule.number}`,
              rule,
              likely: true,
              certainty: 'assumed',
              nature: 'hidden',
              reason: `a proxy must listen on port ${options.onPort?.value ?? '?'}; without one the packet is dropped`,
              command: 'ss -ltun',
            })
          : proxy.waits === 'yes';
      if (!listens) return 'DROP';
      // That the socket there is transparent is shown nowhere, but nobody sends packets to one that is not.
      run.certainty = weaker(run.certainty, 'inferred');
      run.moment = { ...run.moment, packet: changed(run.moment, 'MARK', options).packet };
      run.proxied = { uid: proxy.uid };
      return 'ACCEPT';
    }
    case 'CT':
    case 'NOTRACK': {
      const { tracking, rules, packet } = run.moment;
      const untracks = target === 'NOTRACK' || options.notrack === true;
      // The first one decides, also of another chain (xt_CT, nft_notrack_eval); but nft's zone takes back what was not to be tracked.
      if (tracking.connection || tracking === TEMPLATE) return undefined;
      if (tracking === UNTRACKED && (untracks || rules !== 'nft')) return undefined;
      run.moment = { ...run.moment, tracking: untracks ? UNTRACKED : TEMPLATE };
      run.ct = untracks ? { notrack: true, zone: undefined } : { notrack: false, zone: zoneSet(options, packet.mark) };
      return undefined;
    }
    case 'mangle': {
      // Of arptables(8).
      if (run.moment.packet.arp === undefined) return unknownTarget(run, rule, target);
      run.moment = changed(run.moment, target, options);
      const then = options.arp?.['mangle-target']?.value.toUpperCase() ?? 'ACCEPT';
      return then === 'DROP' || then === 'ACCEPT' ? then : undefined;
    }
    case 'SET':
      if (options.element !== undefined) {
        const { element } = options;
        const holds = (matches: readonly NfMatch[]) => and(matches.map((match) => testOf(match)(run.moment)));
        run.moment = { ...run.moment, setChanges: withChange(run.moment.setChanges, element, run.moment, holds) };
        return undefined;
      }
      run.moment = changed(run.moment, target, options);
      return undefined;
    default:
      if (options.assign !== undefined) {
        const after = assigned(run.moment, options.assign);
        if (after === undefined) return unknownTarget(run, rule, target);
        run.moment = after;
        return undefined;
      }
      if (isPassing(target)) {
        if (lacksOption(target, options)) return unknownTarget(run, rule, target);
        run.moment = changed(run.moment, target, options);
        return undefined;
      }
      return unknownTarget(run, rule, target);
  }
}

function zoneSet({ zone, zoneByMark, zoneDirection }: NfStatement['options'], mark: number | undefined): Zone {
  const direction = zoneDirection ?? 'both';
  if (zoneByMark === 'now' && mark !== undefined) return { id: mark & 0xffff, direction };
  return zoneByMark ? { id: 0, direction, byMark: true } : { id: zone?.value ?? 0, direction };
}

/** Nobody serves any of the queues `3`, `0:3` or, as nft writes it, `0-3`; 0 where none is named. */
function isUnserved(namespace: Namespace, queues: string | undefined): boolean {
  if (namespace.queuesKnown !== 'whole') return false;
  const [from = 0, to = from] = (queues ?? '0').split(/[:-]/).map(Number);
  return ![...namespace.queues].some((queue) => queue >= from && queue <= to);
}

/** A chain that was not captured, or a target that is not modelled. What its name tells is an inference that names its writer. */
function unknownTarget(run: Run, rule: NfRule, target: string): ChainEnd | undefined {
  const known = knownChain(target);
  const effect = known?.effect;
  const goesOn = ask(run, {
    key: `${run.key}|${run.table.name} target ${target}`,
    rule,
    likely: effect?.kind !== 'drops',
    certainty: effect === undefined ? 'assumed' : 'inferred',
    nature: 'hidden',
    reason: known
      ? `${target} was not captured (${inferredFrom(known)}); taken to ${effect?.kind === 'drops' ? 'drop the packet' : 'let the packet go on'}`
      : `what ${target} does was not captured, or is not modelled; taken to let the packet go on`,
    command: printsTable(run.table),
  });
  if (!goesOn) return 'ANYTHING';
  if (effect?.kind !== 'marks') return undefined;
  const { value } = effect;
  const mark = { op: 'or' as const, value, mask: value };
  return carryOut(run, rule, { target: { value: 'MARK', span: NOWHERE }, options: { mark: { value: mark, span: NOWHERE } } });
}
