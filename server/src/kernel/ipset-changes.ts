import type { NfIpsetChange } from '../captures/netfilter-facts';
import type { Ipset } from '../model/ipset';
import { changeAddressAndCard, isOfAddressAndCard } from './bitmap-ipmac';
import { or, type Tri } from './decide';
import { ANY_SET, capturedByKey, capturedElements, isOfFamily, membersOf } from './ipset';
import { dimensionsOf, elementFor, readElement } from './ipset-elements';
import type { Moment } from './matches';
import {
  changedOf,
  isHeld,
  withElement,
  withMaybeChanged,
  withUnknownChange,
  type ElementState,
  type Held,
  type SetChanges,
} from './set-changes';

/** The sets after SET has put a packet's element into some and taken it out of others; each set once, in the rule's order (set_target). */
export function afterSetTarget(at: Moment, changes: readonly NfIpsetChange[]): SetChanges {
  return changes.reduce((all, change) => changeSet(all, change.set.value, change, at, 0).changes, at.setChanges);
}

interface Changed {
  readonly changes: SetChanges;
  /** The kernel counts it as done: an element that is there already is not put in, unless the rule says so. */
  readonly done: Tri;
}

function changeSet(changes: SetChanges, name: string, change: NfIpsetChange, at: Moment, depth: number): Changed {
  const set = at.namespace.ipsets.get(name);
  // What may be a list, of which members are missing, may lead to any set.
  const mayLead = set === undefined || set.type === '' || (set.known !== 'whole' && set.type.startsWith('list:'));
  const unknown: Changed = { changes: withUnknownChange(changes, mayLead ? ANY_SET : name), done: 'maybe' };
  if (changes.has(ANY_SET) || depth > 4) return unknown;
  // What was in a set that was not captured whole nobody knows.
  if (set?.known !== 'whole' || set.type === '') return unknown;
  if (!isOfFamily(set, at.packet)) return { changes, done: 'no' };
  const members = membersOf(set);
  if (members) return changeFirst(changes, members, change, at, depth);
  const known = changedOf(changes, name);
  if (known.any) return unknown;
  if (isOfAddressAndCard(set)) return changeAddressAndCard(set, changes, change, at.packet, at);
  const element = elementFor(set, change.directions, at.packet, at, (value) => lengthOf(set, changes, value));
  if (element === 'none') return { changes, done: 'no' };
  const key = element === 'unknown' ? undefined : readElement(set, element, false)?.key;
  if (key === undefined || capturedElements(set).some((one) => one.key === undefined)) return unknown;
  const before = known.elements.get(key) ?? capturedState(set, key);
  const held = isHeld(before);
  if (change.op === 'delete')
    return { changes: withElement(changes, name, key, { ...before, may: ['absent'], timed: false }), done: held };
  if (held === 'yes' && !change.exist) return { changes, done: 'no' };
  const room = roomIn(set, changes);
  // A random one gives way to it.
  if (room !== 'yes' && set.options['forceadd'] !== undefined && held !== 'yes') return unknown;
  const added: readonly Held[] = room === 'yes' ? ['plain'] : room === 'no' ? ['absent'] : ['plain', 'absent'];
  const may = before.may.flatMap((one): readonly Held[] => (one === 'absent' ? added : change.exist ? ['plain'] : [one]));
  const timed = isTimed(set, change) || (before.timed && !change.exist);
  const state: ElementState = { ...before, may: [...new Set(may)], timed };
  const fresh = before.may.includes('absent') ? room : 'no';
  return {
    changes: withElement(changes, name, key, state),
    done: held === 'yes' ? 'yes' : held === 'no' ? fresh : change.exist && fresh === 'yes' ? 'yes' : 'maybe',
  };
}

/** Of a list the first set that takes it (list_set_kadd, list_set_kdel). */
function changeFirst(changes: SetChanges, members: readonly string[], change: NfIpsetChange, at: Moment, depth: number): Changed {
  let all = changes;
  let done: Tri = 'no';
  for (const member of members) {
    const next = changeSet(all, member, change, at, depth + 1);
    all = done === 'maybe' ? withMaybeChanged(all, next.changes) : next.changes;
    done = or([done, next.done]);
    if (done === 'yes') break;
  }
  return { changes: all, done };
}

function capturedState(set: Ipset, key: string): ElementState {
  const element = capturedByKey(set).get(key);
  const may: readonly Held[] = [element === undefined ? 'absent' : element.nomatch ? 'nomatch' : 'plain'];
  return { may, hidden: false, timed: false, captured: may };
}

/** Elements of such a set are forgotten after a time, unless something else is said: 0 is never. */
function isTimed({ options }: Ipset, { timeout }: NfIpsetChange): boolean {
  const usual = options['timeout'];
  return usual !== undefined && (timeout ?? Number(usual)) !== 0;
}

/** How many bits a network has that a packet puts in: as many as the narrowest of those that are there, all of them in an empty set. */
function lengthOf(set: Ipset, changes: SetChanges, value: number): number | undefined {
  const { elements } = changedOf(changes, set.name);
  let narrowest: number | undefined;
  for (const { key, parts } of capturedElements(set))
    if (key === undefined || !elements.has(key)) narrowest = Math.max(narrowest ?? 0, parts[value]?.narrow ?? 0);
  const open: number[] = [];
  for (const [key, state] of elements) {
    const narrow = readElement(set, key, false)?.parts[value]?.narrow ?? 0;
    if (isHeld(state) === 'yes') narrowest = Math.max(narrowest ?? 0, narrow);
    else if (isHeld(state) === 'maybe') open.push(narrow);
  }
  const full = set.family === 'inet6' ? 128 : 32;
  if (open.some((narrow) => (narrowest === undefined ? narrow !== full : narrow > narrowest))) return undefined;
  return narrowest ?? full;
}

/** Whether a set takes one more element (`maxelem`). */
function roomIn(set: Ipset, changes: SetChanges): Tri {
  const most = set.options['maxelem'];
  if (!set.type.startsWith('hash:')) return 'yes';
  const { elements } = changedOf(changes, set.name);
  const captured = capturedByKey(set);
  let [low, high] = [captured.size, captured.size];
  for (const [key, state] of elements) {
    const was = captured.has(key) ? 1 : 0;
    low += (isHeld(state) === 'yes' ? 1 : 0) - was;
    high += (isHeld(state) === 'no' ? 0 : 1) - was;
  }
  const limit = most === undefined ? DEFAULT_MAXELEM : Number(most);
  if (high < limit) return 'yes';
  // What has timed out gives way; and each part of a large table has its own share of the limit, which may be less or more in all.
  const shared = Number(set.options['hashsize'] ?? 1024) > ONE_REGION;
  return low >= limit && set.options['timeout'] === undefined && !shared ? 'no' : 'maybe';
}

/** ipset(8). */
const DEFAULT_MAXELEM = 65536;

/** Up to so many buckets are counted together (HTABLE_REGION_BITS). */
const ONE_REGION = 1024;

/** How many values an element of the set has, and whether it is of addresses alone: what a host's own packets change of it. */
export function isOfSources(set: Ipset | undefined, { directions }: NfIpsetChange): boolean {
  return set !== undefined && dimensionsOf(set).length === 1 && directions[0] === 'src' && /^\w+:(?:ip|net)$/.test(set.type);
}
