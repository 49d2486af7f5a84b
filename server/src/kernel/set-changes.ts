import type { NfElementChange, NfLimit, NfMatch } from '../captures/netfilter-facts';
import { parseIp, parsePrefix } from '../packet/address';
import { addressType } from './address-type';
import type { Tri } from './decide';
import type { Moment } from './matches';
import type { IpPacket } from './packet';

/**
 * What a set may hold for one packet: nothing, an element, an exception (`nomatch` of ipset), an element that counts its packets, or an
 * address with the card that it belongs to (`bitmap:ip,mac`, where a plain one has none yet), which may not be known (`mac ?`).
 */
export type Held = 'absent' | 'plain' | 'nomatch' | `mac ${string}` | NfLimit;

/** One element that rules have put into a set or taken out. */
export interface ElementState {
  /** What it may be by now; the likely first. */
  readonly may: readonly Held[];
  /** A capture would tell which; otherwise time decided. */
  readonly hidden: boolean;
  /** It is forgotten after a time. */
  readonly timed: boolean;
  /** What it may have been when it was captured. */
  readonly captured: readonly Held[];
  /** It has been put in since: what was taken out again keeps its place for a while. */
  readonly placed?: boolean | undefined;
}

interface ChangedSet {
  /** Which elements were changed is not known. */
  readonly any: boolean;
  /** What this host's own packets may have made of the elements for its addresses. */
  readonly own: readonly Held[];
  /** How many elements that nobody can name were put in since, at most. */
  readonly unnamed: number;
  readonly elements: ReadonlyMap<string, ElementState>;
}

const UNCHANGED: ChangedSet = { any: false, own: [], unnamed: 0, elements: new Map() };

/** What rules have done to sets since they were captured: to ipset's by name, to nft's by `FAMILY TABLE @NAME`. */
export type SetChanges = ReadonlyMap<string, ChangedSet>;

export const NO_CHANGES: SetChanges = new Map();

export function changedOf(changes: SetChanges, set: string): ChangedSet {
  return changes.get(set) ?? UNCHANGED;
}

/** After a change to an element that nobody can name. */
export function withUnknownChange(changes: SetChanges, set: string): SetChanges {
  const known = changedOf(changes, set);
  return new Map(changes).set(set, { ...known, any: true, unnamed: known.unnamed + 1 });
}

/** After a change to one element. */
export function withElement(changes: SetChanges, set: string, key: string, state: ElementState): SetChanges {
  const known = changedOf(changes, set);
  return new Map(changes).set(set, { ...known, elements: new Map(known.elements).set(key, state) });
}

/** Where a change may have been made, but need not; `hidden`: a capture would tell. */
export function withMaybeChanged(before: SetChanges, after: SetChanges, hidden = true): SetChanges {
  if (before === after) return before;
  return anyChanges([
    { changes: after, hidden: false },
    { changes: before, hidden },
  ]);
}

/** After packets of this host's own that nobody follows may have come to a rule that makes something of their source's element. */
export function withOwnSource(changes: SetChanges, set: string, made: Held): SetChanges {
  const known = changedOf(changes, set);
  return new Map(changes).set(set, { ...known, own: distinct([...known.own, made]), unnamed: known.unnamed + 1 });
}

/** Whether a packet has what an element stands for. */
type Holds = (matches: readonly NfMatch[]) => Tri;

/** After a rule of nft has put an element into a set or taken it out (nft_dynset_eval). */
export function withChange(changes: SetChanges, change: NfElementChange, at: Moment, holds: Holds): SetChanges {
  const key = elementKey(change.selectors, at);
  if (key === undefined) return withUnknownChange(changes, change.set);
  const known = changedOf(changes, change.set);
  const before = withOwn(known.elements.get(key) ?? capturedState(change, holds), known, change.selectors, at);
  const room = roomIn(change, known);
  const one: Held = change.rate ?? 'plain';
  // What is to be tidied up is most likely still there.
  const open: readonly Held[] = room.hidden ? [one, 'absent'] : ['absent', one];
  const made: readonly Held[] = room.has === 'no' ? ['absent'] : room.has === 'yes' ? [one] : open;
  const isNew = change.op === 'add' && before.may.includes('absent');
  const may = change.op === 'delete' ? ['absent' as const] : before.may.flatMap((held) => (held === 'absent' ? made : [held]));
  const state: ElementState = {
    ...before,
    may: distinct(may),
    hidden: before.hidden || (isNew && room.hidden),
    timed: change.op === 'add' && (change.timed || before.timed),
    placed: before.placed || (isNew && room.has !== 'no'),
  };
  return withElement(changes, change.set, key, state);
}

/**
 * Whether a set takes one more element: one that is full ends the rule (nft_dynset_new). What has timed out or was taken out keeps its place
 * until the kernel tidies up. `hidden`: a capture would tell.
 */
function roomIn(
  { size, forgets, captured }: NfElementChange,
  known: ChangedSet,
): { readonly has: Tri; readonly hidden: boolean } {
  if (size === undefined) return { has: 'yes', hidden: false };
  if (captured.is === 'hidden') return { has: 'maybe', hidden: true };
  let [low, high] = [captured.elements.length, captured.elements.length + known.unnamed];
  for (const state of known.elements.values()) {
    const wasThere = !state.captured.includes('absent');
    if (!wasThere && state.placed) high++;
    low += (isHeld(state) === 'yes' ? 1 : 0) - (wasThere ? 1 : 0);
  }
  if (high < size) return { has: 'yes', hidden: false };
  return { has: low >= size && !forgets ? 'no' : 'maybe', hidden: known.unnamed > 0 };
}

/** How many elements nobody can name that were put in since, at most. */
export function unnamedIn(changes: SetChanges, set: string): number {
  return changedOf(changes, set).unnamed;
}

/** Where this host has made packets of its own since, they may have changed the element of its address. */
function withOwn(state: ElementState, { own }: ChangedSet, selectors: readonly string[], at: Moment): ElementState {
  if (own.length === 0 || !isOwn(selectors, at)) return state;
  return { ...state, may: distinct([...state.may, ...own]) };
}

/** Whether an address of this host is looked up. */
function isOwn(selectors: readonly string[], { namespace, packet: { family, src, dst } }: Moment): boolean {
  const isLocal = (ip: bigint) => addressType(namespace, family, ip, undefined) === 'LOCAL';
  return selectors.some(
    (selector) => (selector.includes('saddr') && isLocal(src)) || (selector.includes('daddr') && isLocal(dst)),
  );
}

function capturedState({ captured }: NfElementChange, holds: Holds): ElementState {
  const rates = (list: readonly (NfLimit | undefined)[]): Held[] => list.map((rate) => rate ?? 'plain');
  if (captured.is === 'hidden') {
    const may = distinct(['absent', ...rates(captured.rates)]);
    return { may, hidden: isMixed(may.slice(1)), timed: false, captured: may };
  }
  const found: Held[] = [];
  let open = false;
  for (const element of captured.elements) {
    const answer = holds(element.matches);
    if (answer === 'no') continue;
    found.push(...rates(element.rates));
    if (answer === 'yes') {
      const may = distinct(found);
      return { may, hidden: open || isMixed(may), timed: false, captured: may };
    }
    open = true;
  }
  const may = distinct(['absent', ...found]);
  return { may, hidden: open, timed: false, captured: may };
}

function isMixed(may: readonly Held[]): boolean {
  return may.includes('plain') && may.length > 1;
}

/** What a set holds for a packet, where rules have changed that; undefined where it is as captured, or nobody can tell (`any`). */
export function changedElement(
  changes: SetChanges,
  set: string,
  selectors: readonly string[],
  at: Moment,
): ElementState | 'any' | undefined {
  const changed = changes.get(set);
  if (changed === undefined) return undefined;
  const key = elementKey(selectors, at);
  if (key === undefined || changed.any) return 'any';
  const state = changed.elements.get(key);
  if (state === undefined) return changed.own.length > 0 && isOwn(selectors, at) ? 'any' : undefined;
  return withOwn(state, changed, selectors, at);
}

/** Whether it is there. */
export function isHeld({ may }: ElementState): Tri {
  return !may.includes('absent') ? 'yes' : may.length === 1 ? 'no' : 'maybe';
}

/** Whether the rule that has looked it up, or put it in, goes on. */
export function letsBy({ may }: ElementState): Tri {
  if (may.every((held) => held === 'plain')) return 'yes';
  return may.every((held) => held === 'absent') ? 'no' : 'maybe';
}

/** What may be after one of several pasts; the first is the likely one. */
export function anyChanges(all: readonly { readonly changes: SetChanges; readonly hidden: boolean }[]): SetChanges {
  const [likely, ...others] = all;
  if (likely === undefined) return NO_CHANGES;
  const together = new Map<string, ChangedSet>();
  for (const name of new Set(all.flatMap(({ changes }) => [...changes.keys()]))) {
    const elements = new Map<string, ElementState>();
    for (const key of new Set(all.flatMap(({ changes }) => [...(changes.get(name)?.elements.keys() ?? [])]))) {
      const states = all.map(({ changes }) => changes.get(name)?.elements.get(key));
      const some = states.find((state) => state !== undefined);
      if (some === undefined) continue;
      const first = states[0] ?? { ...some, may: some.captured };
      const may = distinct(states.flatMap((state) => state?.may ?? some.captured));
      const differs = (n: number) => distinct([...first.may, ...(states[n + 1]?.may ?? some.captured)]).length > first.may.length;
      elements.set(key, {
        may,
        hidden: states.some((state) => state?.hidden) || others.some(({ hidden }, n) => hidden && differs(n)),
        timed: states.some((state) => state?.timed),
        captured: some.captured,
        placed: states.some((state) => state?.placed),
      });
    }
    const sets = all.flatMap(({ changes }) => changes.get(name) ?? []);
    together.set(name, {
      any: sets.some(({ any }) => any),
      own: distinct(sets.flatMap(({ own }) => own)),
      unnamed: Math.max(...sets.map(({ unnamed }) => unnamed)),
      elements,
    });
  }
  return together;
}

/** The same with what is likely where time alone decides. */
export function likelyChanges(changes: SetChanges): SetChanges {
  const all = [...changes].map(([name, changed]): [string, ChangedSet] => [
    name,
    {
      ...changed,
      elements: new Map(
        [...changed.elements].map(([key, state]) => [key, state.hidden ? state : { ...state, may: state.may.slice(0, 1) }]),
      ),
    },
  ]);
  return new Map(all);
}

/** The same some time later: what is forgotten after a time may be gone. */
export function later(changes: SetChanges): SetChanges {
  return new Map(
    [...changes].map(([name, { elements, ...rest }]) => [
      name,
      {
        ...rest,
        elements: new Map(
          [...elements].map(([key, state]) => [key, state.timed ? { ...state, may: distinct([...state.may, 'absent']) } : state]),
        ),
      },
    ]),
  );
}

function distinct(all: readonly Held[]): readonly Held[] {
  const seen = new Set<string>();
  return all.filter((held) => {
    const words = typeof held === 'string' ? held : held.text.value;
    if (seen.has(words)) return false;
    seen.add(words);
    return true;
  });
}

/** The values of a packet's fields, as one text; undefined where one of them is not known. */
function elementKey(selectors: readonly string[], at: Moment): string | undefined {
  const values = selectors.map((selector) => valueOf(selector, at));
  return values.length === 0 || values.includes(undefined) ? undefined : values.join(' . ');
}

function valueOf(selector: string, at: Moment): string | undefined {
  const { packet } = at;
  const [, masked, mask] = /^(ip6? [sd]addr) (?:&|and) (\S+)$/.exec(selector) ?? [];
  if (masked !== undefined && mask !== undefined) {
    const bits = parseIp(mask);
    const prefix = /^\/\d+$/.test(mask) ? parsePrefix(`${packet.family === 4 ? '0.0.0.0' : '::'}${mask}`)?.mask : undefined;
    const all = bits?.value ?? prefix;
    return all === undefined ? undefined : addressOf(masked, packet, all);
  }
  switch (selector) {
    case 'ip saddr':
    case 'ip daddr':
    case 'ip6 saddr':
    case 'ip6 daddr':
      return addressOf(selector, packet, undefined);
    case 'tcp sport':
    case 'udp sport':
    case 'th sport':
      return packet.fragment ? undefined : packet.sport?.toString();
    case 'tcp dport':
    case 'udp dport':
    case 'th dport':
      return packet.fragment ? undefined : packet.dport?.toString();
    case 'iif':
    case 'iifname':
    case 'meta iif':
    case 'meta iifname':
      return at.in ?? '';
    case 'oif':
    case 'oifname':
    case 'meta oif':
    case 'meta oifname':
      return at.out ?? '';
    case 'meta l4proto':
    case 'ip protocol':
      return packet.proto.toString();
    case 'mark':
    case 'meta mark':
      return packet.mark?.toString();
    case 'ether saddr':
      return packet.smac;
    case 'ether daddr':
      return packet.dmac;
    default:
      return undefined;
  }
}

function addressOf(selector: string, packet: IpPacket, mask: bigint | undefined): string | undefined {
  if (selector.startsWith('ip6') !== (packet.family === 6)) return undefined;
  const value = selector.endsWith('saddr') ? packet.src : packet.dst;
  return (mask === undefined ? value : value & mask).toString();
}
