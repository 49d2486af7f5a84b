import { partedMap, partedSet } from '../base/parted';
import { drained } from '../base/steps';
import type { Match, MatchMask } from '../openflow/match';
import { insertPrefix, lookupPrefixes, type PrefixTrie, type TrieLookup } from './prefix-trie';
import type { RuleSource } from './switch';
import { wordAt, type FlowWords, stageOf, W } from '../packet/flow-words';
import { dlTypeOf, ETH_TYPE } from '../packet/protocols';

/**
 * One table's flows, grouped by what they match on (tuple space search): a lookup costs one hash per group, however many flows
 * there are. Groups are looked up in stages (metadata, Ethernet, network, transport) and skipped by prefix trees, as Open vSwitch
 * does it, so that the bits which a lookup looks at (its share of the megaflow) come out alike.
 */
export interface Classifier {
  readonly source: RuleSource;
  readonly subtables: readonly Subtable[];
  readonly tries: readonly TrieField[];
  /** Flows that are in the groups and not in effect: a lookup meets their bits, never them. */
  readonly hidden?: (rule: number) => boolean;
}

interface TrieField {
  readonly word: number;
  readonly trie: PrefixTrie;
}

interface Subtable {
  readonly mask: MatchMask;
  /** Its place among the groups in the order in which they were met. */
  readonly order: number;
  /** Ends of the stages in `mask.words`, the last one included. */
  readonly stageEnds: readonly number[];
  /** Hashes of the values up to each stage but the last. */
  readonly indices: readonly ReturnType<typeof partedSet>[];
  readonly rules: ReturnType<typeof partedMap<number[]>>;
  maxPriority: number;
  /** Prefix length of each trie field, 0 where it is not matched by prefix. */
  readonly prefixLengths: readonly number[];
  readonly portsMask: number;
  readonly portsLength: number;
  readonly portsTrie: PrefixTrie;
}

/** One clause of a conjunction that a flow contributes to (ovs-actions(7), "conjunction"). */
interface Clause {
  readonly id: number;
  readonly clause: number;
  readonly clauses: number;
}

interface Found {
  readonly rule: number;
  readonly priority: number;
  /** The same match at lower priorities, highest first. */
  readonly list: readonly number[];
}

function mix(hash: number, value: number): number {
  let h = hash ^ Math.imul(value, 0xcc9e2d51);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

function prefixLength(mask: number): number {
  const inverse = ~mask >>> 0;
  return (inverse & (inverse + 1)) === 0 ? Math.clz32(inverse) : 0;
}

const trieWords = [W.nwDst, W.nwSrc];

function makeSubtable(mask: MatchMask, order: number): Subtable {
  const stageEnds: number[] = [];
  mask.words.forEach((word, i) => {
    const next = mask.words[i + 1];
    if (next === undefined || stageOf(next) !== stageOf(word)) stageEnds.push(i + 1);
  });
  if (stageEnds.length === 0) stageEnds.push(0);
  const maskOf = (word: number) => mask.masks[mask.words.indexOf(word)] ?? 0;
  const ports = ((maskOf(W.tpSrc) << 16) | maskOf(W.tpDst)) >>> 0;
  return {
    mask,
    order,
    stageEnds,
    indices: stageEnds.slice(1).map(() => partedSet()),
    rules: partedMap(),
    maxPriority: 0,
    prefixLengths: trieWords.map((word) => prefixLength(maskOf(word))),
    portsMask: ports,
    portsLength: ports === 0 ? 0 : 32 - (31 - Math.clz32(ports & -ports)),
    portsTrie: { root: undefined },
  };
}

/** Groups the flows of `indexes`, in the order of the dump (which is the switch's own order of groups of equal priority). */
export function buildClassifier(source: RuleSource, indexes: Iterable<number>): Classifier {
  return drained(classifierInSteps(source, indexes));
}

/** So many flows are grouped between two pauses. */
const STEP = 200;

/** The same in steps of a few milliseconds. */
export function* classifierInSteps(source: RuleSource, indexes: Iterable<number>): Generator<void, Classifier> {
  let count = 0;
  const byMask = new Map<MatchMask, Subtable>();
  const tries = trieWords.map((word) => ({ word, trie: { root: undefined } as PrefixTrie }));
  for (const index of indexes) {
    if (++count % STEP === 0) yield;
    const { mask, values } = source.match(index);
    let subtable = byMask.get(mask);
    if (!subtable) byMask.set(mask, (subtable = makeSubtable(mask, byMask.size)));
    const priority = source.priority(index);
    if (priority > subtable.maxPriority) subtable.maxPriority = priority;
    const hash = addStages(subtable, values);
    const bucket = subtable.rules.get(hash);
    if (bucket) bucket.push(index);
    else subtable.rules.set(hash, [index]);
    subtable.prefixLengths.forEach((length, t) => {
      const field = tries[t];
      if (length > 0 && field) insertPrefix(field.trie, values[mask.words.indexOf(field.word)] ?? 0, length);
    });
    if (subtable.portsLength > 0) {
      const valueOf = (word: number) => values[mask.words.indexOf(word)] ?? 0;
      insertPrefix(subtable.portsTrie, ((valueOf(W.tpSrc) << 16) | valueOf(W.tpDst)) >>> 0, subtable.portsLength);
    }
  }
  return { source, subtables: inOrder(byMask.values()), tries };
}

/** By their highest priorities; equal ones in the order of the dump. */
function inOrder(subtables: Iterable<Subtable>): readonly Subtable[] {
  return [...subtables].sort((a, b) => b.maxPriority - a.maxPriority || a.order - b.order);
}

/** Notes a flow's values in the stages of its group; gives the hash of all of them. */
function addStages({ stageEnds, indices }: Subtable, values: readonly number[]): number {
  let hash = 0;
  let from = 0;
  stageEnds.forEach((end, stage) => {
    for (let i = from; i < end; i++) hash = mix(hash, values[i] ?? 0);
    from = end;
    indices[stage]?.add(hash);
  });
  return hash;
}

function hashOf({ mask, values }: Match): number {
  let hash = 0;
  for (let i = 0; i < mask.words.length; i++) hash = mix(hash, values[i] ?? 0);
  return hash;
}

/**
 * A classifier with some flows more, in the place of those that are `gone`, at the cost of these alone: it shares the rest with `base`.
 * Undefined where only grouping all flows anew tells: where a flow goes without another one of its match, or prefix trees would change.
 */
export function grownClassifier(
  base: Classifier,
  source: RuleSource,
  added: readonly number[],
  gone: readonly number[],
): Classifier | undefined {
  const byMask = new Map(base.subtables.map((subtable) => [subtable.mask, subtable]));
  const own = new Set<Subtable>();
  const left = new Set(gone);
  for (const index of added) {
    const match = source.match(index);
    const { mask, values } = match;
    const before = byMask.get(mask);
    const subtable = before && own.has(before) ? before : before ? layered(before) : makeSubtable(mask, byMask.size);
    if (subtable.portsLength > 0 || subtable.prefixLengths.some((length) => length > 0)) return undefined;
    own.add(subtable);
    byMask.set(mask, subtable);
    subtable.maxPriority = Math.max(subtable.maxPriority, source.priority(index));
    const hash = addStages(subtable, values);
    const bucket = (subtable.rules.get(hash) ?? []).filter((other) => !gone.includes(other));
    for (const other of gone) if (source.match(other).mask === mask && hashOf(source.match(other)) === hash) left.delete(other);
    subtable.rules.set(hash, [...bucket, index]);
  }
  if (left.size > 0) return undefined;
  return { source, subtables: inOrder(byMask.values()), tries: base.tries };
}

/** A group that what is added to another one stands in, which stays as it is. */
function layered(base: Subtable): Subtable {
  const rules = new Map<number, number[]>();
  return {
    ...base,
    indices: base.indices.map((below) => {
      const own = new Set<number>();
      return { has: (hash: number) => own.has(hash) || below.has(hash), add: (hash: number) => void own.add(hash) };
    }),
    rules: { get: (hash) => rules.get(hash) ?? base.rules.get(hash), set: (hash, list) => void rules.set(hash, list) },
  };
}

/** The flows of a classifier that match under a mask and may have the same values under it: they have one hash. */
export function withMatch({ subtables }: Classifier, match: Match): readonly number[] {
  return subtables.find(({ mask }) => mask === match.mask)?.rules.get(hashOf(match)) ?? [];
}

/** What a lookup found. `also`: flows of the same priority that match too, so that the switch's choice is undefined. */
export interface Lookup {
  readonly rule: number | undefined;
  readonly also: readonly number[];
}

/** What a flow's actions say of conjunctions; undefined for a flow that takes part in none. */
export type ClausesOf = (rule: number) => readonly Clause[] | undefined;

/** The flow of highest priority that matches; every bit that was looked at is set in `wc`. */
export function lookup(classifier: Classifier, flow: FlowWords, wc: FlowWords | undefined, clausesOf: ClausesOf): Lookup {
  const rule = find(classifier, flow, wc, clausesOf, true);
  return { rule, also: rule === undefined ? [] : equals(classifier, flow, rule, clausesOf) };
}

/** Other flows of the same priority that match as well, conjunction parts aside. */
function equals(classifier: Classifier, flow: FlowWords, rule: number, clausesOf: ClausesOf): number[] {
  const priority = classifier.source.priority(rule);
  const also: number[] = [];
  for (const subtable of classifier.subtables) {
    if (subtable.maxPriority < priority) break;
    const found = findPlain(classifier, subtable, flow);
    const same = found?.list.find((other) => classifier.source.priority(other) === priority);
    if (same !== undefined && same !== rule && !clausesOf(same)) also.push(same);
  }
  return also;
}

function find(
  classifier: Classifier,
  flow: FlowWords,
  wc: FlowWords | undefined,
  clausesOf: ClausesOf,
  conjunctive: boolean,
): number | undefined {
  let hard: number | undefined;
  let hardPriority = -1;
  let soft: (Found & { readonly clauses: readonly Clause[] })[] = [];
  let softPriority = -1;
  const trieResults: (TrieLookup | undefined)[] = classifier.tries.map(() => undefined);
  for (const subtable of classifier.subtables) {
    if (subtable.maxPriority <= hardPriority) break;
    const match = wc ? findStaged(classifier, subtable, flow, wc, trieResults) : findPlain(classifier, subtable, flow);
    if (!match || match.priority <= hardPriority) continue;
    const clauses = clausesOf(match.rule);
    if (!clauses) {
      hard = match.rule;
      hardPriority = match.priority;
    } else if (conjunctive) {
      soft.push({ ...match, clauses });
      softPriority = Math.max(softPriority, match.priority);
    }
  }
  if (hardPriority >= softPriority) return hard;

  for (;;) {
    soft = soft.filter((each) => each.priority > hardPriority);
    if (soft.length === 0) return hard;
    softPriority = Math.max(...soft.map((each) => each.priority));
    const candidates = soft.filter((each) => each.priority === softPriority);
    const seen = new Map<number, Set<number>>();
    for (const candidate of candidates) {
      const id = completed(candidate.clauses, candidates.length, seen);
      if (id === undefined) continue;
      const saved = wordAt(flow, W.conjId);
      flow[W.conjId] = id;
      const rule = find(classifier, flow, wc, clausesOf, false);
      flow[W.conjId] = saved;
      if (rule !== undefined) return rule;
    }
    // None of them is a match; the same match may stand at a lower priority.
    const next: typeof soft = [];
    for (const each of soft) {
      if (each.priority !== softPriority) {
        next.push(each);
        continue;
      }
      const list = each.list.slice(1);
      const rule = list[0];
      if (rule === undefined) continue;
      const priority = classifier.source.priority(rule);
      const clauses = clausesOf(rule);
      if (clauses) next.push({ rule, priority, list, clauses });
      else if (priority > hardPriority) {
        hard = rule;
        hardPriority = priority;
      }
    }
    soft = next;
  }
}

/** The id of the first conjunction all of whose clauses have been seen. */
function completed(clauses: readonly Clause[], candidates: number, seen: Map<number, Set<number>>): number | undefined {
  for (const { id, clause, clauses: wanted } of clauses) {
    if (wanted > candidates) continue;
    let have = seen.get(id);
    if (!have) seen.set(id, (have = new Set()));
    have.add(clause);
    if (have.size === wanted) return id;
  }
  return undefined;
}

function foundIn(classifier: Classifier, subtable: Subtable, flow: FlowWords, hash: number): Found | undefined {
  const bucket = subtable.rules.get(hash);
  if (!bucket) return undefined;
  const { words, masks } = subtable.mask;
  const list: number[] = [];
  for (const rule of bucket) {
    if (classifier.hidden?.(rule) === true) continue;
    const { values } = classifier.source.match(rule);
    let equal = true;
    for (let i = 0; i < words.length && equal; i++) {
      equal = (wordAt(flow, words[i] ?? 0) & (masks[i] ?? 0)) >>> 0 === values[i];
    }
    if (equal) list.push(rule);
  }
  if (list.length > 1) list.sort((a, b) => classifier.source.priority(b) - classifier.source.priority(a));
  const [rule] = list;
  return rule === undefined ? undefined : { rule, priority: classifier.source.priority(rule), list };
}

function hashRange(subtable: Subtable, flow: FlowWords, from: number, to: number, basis: number): number {
  const { words, masks } = subtable.mask;
  let hash = basis;
  for (let i = from; i < to; i++) hash = mix(hash, (wordAt(flow, words[i] ?? 0) & (masks[i] ?? 0)) >>> 0);
  return hash;
}

function findPlain(classifier: Classifier, subtable: Subtable, flow: FlowWords): Found | undefined {
  return foundIn(classifier, subtable, flow, hashRange(subtable, flow, 0, subtable.mask.words.length, 0));
}

function findStaged(
  classifier: Classifier,
  subtable: Subtable,
  flow: FlowWords,
  wc: FlowWords,
  trieResults: (TrieLookup | undefined)[],
): Found | undefined {
  const { words, masks } = subtable.mask;
  const fold = (end: number) => {
    for (let i = 0; i < end; i++) {
      const word = words[i] ?? 0;
      wc[word] = (wordAt(wc, word) | (masks[i] ?? 0)) >>> 0;
    }
  };
  let hash = 0;
  let from = 0;
  for (let stage = 0; stage < subtable.stageEnds.length - 1; stage++) {
    const end = subtable.stageEnds[stage] ?? 0;
    if (triesExclude(classifier, subtable, flow, wc, trieResults, from, end)) {
      fold(from);
      return undefined;
    }
    hash = hashRange(subtable, flow, from, end, hash);
    from = end;
    if (!subtable.indices[stage]?.has(hash)) {
      fold(end);
      return undefined;
    }
  }
  if (triesExclude(classifier, subtable, flow, wc, trieResults, from, words.length)) {
    fold(from);
    return undefined;
  }
  hash = hashRange(subtable, flow, from, words.length, hash);
  const found = foundIn(classifier, subtable, flow, hash);
  if (!found && subtable.portsLength > 0) {
    const ports = (((wordAt(flow, W.tpSrc) << 16) | wordAt(flow, W.tpDst)) & subtable.portsMask) >>> 0;
    const { bits } = lookupPrefixes(subtable.portsTrie, ports, 32);
    const seen = (subtable.portsMask & (bits >= 32 ? 0xffffffff : bits === 0 ? 0 : 0xffffffff << (32 - bits))) >>> 0;
    // The tree tells how much of the ports was needed; all else that the group matches was looked at in full.
    const [src, dst] = [wordAt(wc, W.tpSrc) | (seen >>> 16), wordAt(wc, W.tpDst) | (seen & 0xffff)];
    fold(words.length);
    wc[W.tpSrc] = src >>> 0;
    wc[W.tpDst] = dst >>> 0;
    return undefined;
  }
  fold(words.length);
  return found;
}

/** Whether a prefix tree shows that nothing in the subtable can match, by bits that it needs not look at in full. */
function triesExclude(
  classifier: Classifier,
  subtable: Subtable,
  flow: FlowWords,
  wc: FlowWords,
  results: (TrieLookup | undefined)[],
  from: number,
  to: number,
): boolean {
  const first = subtable.mask.words[from];
  if (first === undefined || from >= to || stageOf(first) !== stageOf(W.nwSrc)) return false;
  for (const [t, { word, trie }] of classifier.tries.entries()) {
    const length = subtable.prefixLengths[t] ?? 0;
    if (length === 0) continue;
    const result = (results[t] ??=
      dlTypeOf(flow) === ETH_TYPE.IP ? lookupPrefixes(trie, wordAt(flow, word), 32) : { lengths: 0xffffffff, bits: 0 });
    if ((result.lengths >>> (32 - length)) & 1) continue;
    const seen = result.bits === 0 ? 0 : (0xffffffff << (32 - result.bits)) >>> 0;
    if (result.bits <= length) {
      wc[word] = (wordAt(wc, word) | seen) >>> 0;
      return true;
    }
    if ((~wordAt(wc, word) & seen) === 0) return true;
  }
  return false;
}
