import type { Ipset } from '../model/ipset';
import type { Namespace } from '../model/namespace';
import { parseIp } from '../packet/address';
import { addressType } from './address-type';
import { afterLookupOfCard, hasAddressAndCard, isOfAddressAndCard } from './bitmap-ipmac';
import { or, tri, type Tri } from './decide';
import {
  byNarrowness,
  dimensionsOf,
  holdsElement,
  holdsNetwork,
  readElement,
  type SetDevices,
  type SetElement,
} from './ipset-elements';
import type { IpPacket } from './packet';
import { withMaybeChanged, withUnknownChange, type ElementState, type SetChanges } from './set-changes';

/** What a set may look at besides the packet. */
export interface SetContext extends SetDevices {
  /** `--return-nomatch`: of networks only what is excepted counts (ip_set_test). */
  readonly returnNomatch?: boolean;
  readonly setChanges: SetChanges;
}

/** Stands for a set that a rule changes without the capture telling which. */
export const ANY_SET = '';

/** A set's elements as they were captured. */
interface Prepared {
  readonly elements: readonly SetElement[];
  /** Plain addresses of a `hash:ip`, for the common case of a large set. */
  readonly addresses: ReadonlySet<bigint> | undefined;
  readonly members: readonly string[] | undefined;
  /** Elements by their keys, made when they are first asked for. */
  byKey?: ReadonlyMap<string, SetElement>;
}

const cache = new WeakMap<Ipset, Prepared>();

/** Whether a set of a family can hold a packet: the others refuse it. */
export function isOfFamily({ type, family }: Ipset, packet: IpPacket): boolean {
  return /^(?:list:set|bitmap:port|hash:mac)$/.test(type) || family === (packet.family === 6 ? 'inet6' : 'inet');
}

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
  const changed = context.setChanges.get(name);
  if (changed?.any || context.setChanges.has(ANY_SET)) return 'maybe';
  // Where the line that made it is missing, nothing tells what it is a set of.
  if (set.known === 'absent' || set.type === '') return 'maybe';
  if (!isOfFamily(set, packet)) return 'no';
  const missing: Tri = set.known === 'whole' ? 'no' : 'maybe';
  const prepared = prepare(set);
  if (prepared.members) {
    let answer = missing;
    for (const member of prepared.members) {
      const own = inSet(namespace, member, directions, packet, context, depth + 1);
      if (own === 'yes') return 'yes';
      if (own === 'maybe') answer = 'maybe';
    }
    return answer;
  }
  // A set of more values than the rule names sides for takes nothing (ip_set_test).
  if (directions.length < dimensionsOf(set).length) return 'no';
  if (isOfAddressAndCard(set)) return hasAddressAndCard(set, context.setChanges, directions, packet, context);
  const ends = directions.map((direction) => (direction === 'src' ? packet.src : packet.dst));
  if (changed && changed.own.length > 0 && ends.some((ip) => addressType(namespace, packet.family, ip, undefined) === 'LOCAL'))
    return 'maybe';
  const changes = changed?.elements ?? NO_ELEMENTS;
  if (prepared.addresses && changes.size === 0) return prepared.addresses.has(ends[0] ?? 0n) ? 'yes' : missing;
  return decided(set, candidates(set, changes, directions, packet, context), missing, context.returnNomatch === true);
}

const NO_ELEMENTS: ReadonlyMap<string, ElementState> = new Map();

/** An element whose networks hold the packet. */
interface Candidate {
  readonly element: SetElement;
  readonly state: ElementState | undefined;
  /** Its device as well. */
  readonly holds: Tri;
}

function candidates(
  set: Ipset,
  changes: ReadonlyMap<string, ElementState>,
  directions: readonly string[],
  packet: IpPacket,
  devices: SetDevices,
): Candidate[] {
  const found: Candidate[] = [];
  const add = (element: SetElement, state: ElementState | undefined): void => {
    const holds = holdsElement(element, directions, packet, devices);
    // Of networks with devices only the narrowest that has the address counts, whatever its devices (ip_set_hash_netiface).
    if (holds !== 'no' || (set.type === 'hash:net,iface' && holdsNetwork(element, directions, packet, devices) === 'yes'))
      found.push({ element, state, holds });
  };
  for (const element of capturedElements(set))
    if (element.key === undefined || !changes.has(element.key)) add(element, undefined);
  for (const [key, state] of changes) {
    const element = readElement(set, key, false);
    if (element) add(element, state);
  }
  return found.sort((a, b) => byNarrowness(a.element, b.element) || Number(b.holds === 'yes') - Number(a.holds === 'yes'));
}

/** What the first of the elements that is there says. */
function decided({ type, known }: Ipset, found: readonly Candidate[], missing: Tri, returnNomatch: boolean): Tri {
  const turns = returnNomatch && type.includes('net');
  const answers = new Set<Tri>();
  for (const { element, state, holds } of found) {
    const may = state?.may ?? [element.nomatch ? 'nomatch' : 'plain'];
    // A narrower network that is not shown may be excepted.
    if (known !== 'whole' && type.includes('net')) answers.add('maybe');
    if (holds === 'maybe') answers.add('maybe');
    else for (const held of may) if (held !== 'absent') answers.add(tri(holds === 'yes' && (held === 'nomatch') === turns));
    if (!may.includes('absent') && holds !== 'maybe') return one(answers);
  }
  answers.add(missing);
  return one(answers);
}

function one(answers: ReadonlySet<Tri>): Tri {
  const [answer = 'maybe'] = answers;
  return answers.size === 1 ? answer : 'maybe';
}

function prepare(set: Ipset): Prepared {
  let prepared = cache.get(set);
  if (!prepared) cache.set(set, (prepared = read(set)));
  return prepared;
}

function read(set: Ipset): Prepared {
  if (set.type === 'list:set') return { elements: [], addresses: undefined, members: set.elements.map(({ element }) => element) };
  if (set.type === 'hash:ip' && set.options['netmask'] === undefined) {
    const addresses = new Set<bigint>();
    for (const { element } of set.elements) {
      const ip = parseIp(element);
      if (!ip) return { elements: elementsOf(set), addresses: undefined, members: undefined };
      addresses.add(ip.value);
    }
    return { elements: [], addresses, members: undefined };
  }
  return { elements: elementsOf(set), addresses: undefined, members: undefined };
}

function elementsOf(set: Ipset): SetElement[] {
  return set.elements.flatMap(({ element, nomatch, wildcard }) => readElement(set, element, nomatch, wildcard) ?? []);
}

/** The sets after a packet was looked up in one; of a list each is asked until one has it (list_set_ktest). */
export function afterLookup(
  namespace: Namespace,
  name: string,
  directions: readonly string[],
  packet: IpPacket,
  context: SetContext,
  depth = 0,
): SetChanges {
  const { setChanges } = context;
  const set = namespace.ipsets.get(name);
  if (!set || depth > 4 || setChanges.has(ANY_SET) || !isOfFamily(set, packet)) return setChanges;
  if (isOfAddressAndCard(set)) return afterLookupOfCard(set, setChanges, directions, packet, context);
  const members = membersOf(set);
  if (members === undefined || !fillsIn(namespace)) return setChanges;
  let all = setChanges;
  // Which members a listing with gaps does not show, and where they stand, nobody knows.
  let found: Tri = set.known === 'whole' ? 'no' : 'maybe';
  for (const member of members) {
    const now = { ...context, setChanges: all };
    const next = afterLookup(namespace, member, directions, packet, now, depth + 1);
    all = found === 'maybe' ? withMaybeChanged(all, next) : next;
    found = or([found, inSet(namespace, member, directions, packet, now, depth + 1)]);
    if (found === 'yes') break;
  }
  return all;
}

/** The same where the rule does not show which set it asks. */
export function afterUnknownLookup(namespace: Namespace, setChanges: SetChanges): SetChanges {
  if (!fillsIn(namespace)) return setChanges;
  return [...namespace.ipsets.values()]
    .filter(isOfAddressAndCard)
    .reduce((all, { name }) => withUnknownChange(all, name), setChanges);
}

const filling = new WeakMap<Namespace, boolean>();

/** Whether a namespace has sets that packets change by being looked up. */
export function fillsIn(namespace: Namespace): boolean {
  let found = filling.get(namespace);
  if (found === undefined) filling.set(namespace, (found = [...namespace.ipsets.values()].some(isOfAddressAndCard)));
  return found;
}

/** A set's elements as they were captured. */
export function capturedElements(set: Ipset): readonly SetElement[] {
  const { elements, addresses } = prepare(set);
  return addresses === undefined ? elements : [...capturedByKey(set).values()];
}

/** The same by their keys. */
export function capturedByKey(set: Ipset): ReadonlyMap<string, SetElement> {
  const prepared = prepare(set);
  const elements = prepared.addresses === undefined ? prepared.elements : elementsOf(set);
  return (prepared.byKey ??= new Map(elements.flatMap((element) => (element.key === undefined ? [] : [[element.key, element]]))));
}

/** The sets of a list, undefined for other sets. */
export function membersOf(set: Ipset): readonly string[] | undefined {
  return prepare(set).members;
}
