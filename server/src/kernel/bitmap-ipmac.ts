import type { NfIpsetChange } from '../captures/netfilter-facts';
import type { Ipset } from '../model/ipset';
import { parseIp } from '../packet/address';
import type { Tri } from './decide';
import { cardOf, isCard, isInRange, type SetDevices } from './ipset-elements';
import { formatAddress, type IpPacket } from './packet';
import { changedOf, isHeld, withElement, withMaybeChanged, type ElementState, type Held, type SetChanges } from './set-changes';

/**
 * Sets of the type `bitmap:ip,mac` have one place for each address: nothing is there, the address with a card, or the address alone, which
 * gets the card of the first packet that is looked up (bitmap_ipmac_do_test, which makes ip_set_test put it in).
 */
export function isOfAddressAndCard({ type }: Ipset): boolean {
  return type === 'bitmap:ip,mac';
}

/** The place for a packet's address. */
interface Place {
  readonly key: string;
  readonly state: ElementState;
  readonly card: string;
}

/** What was captured of such a set, by addresses; `whole`: nothing else is in it. */
interface Captured {
  readonly places: ReadonlyMap<string, Held>;
  readonly whole: boolean;
}

const cache = new WeakMap<Ipset, Captured>();

function capturedOf(set: Ipset): Captured {
  let captured = cache.get(set);
  if (!captured) {
    const places = new Map<string, Held>();
    let whole = set.known === 'whole';
    for (const { element } of set.elements) {
      const [address = '', card] = element.split(',');
      const ip = parseIp(address);
      if (ip) places.set(formatAddress(4, ip.value), card === undefined ? 'plain' : `mac ${card}`);
      else whole = false;
    }
    cache.set(set, (captured = { places, whole }));
  }
  return captured;
}

/** Undefined where the set takes nothing for the packet: its address is out of range, or it has no frame. */
function placeOf(
  set: Ipset,
  changes: SetChanges,
  directions: readonly string[],
  packet: IpPacket,
  devices: SetDevices,
): Place | undefined {
  const [first, second = 'src'] = directions;
  const ip = first === 'src' ? packet.src : packet.dst;
  const card = cardOf(packet, second, devices);
  if (directions.length < 2 || card === 'none' || (set.options['range'] !== undefined && !isInRange(set, ip))) return undefined;
  const key = formatAddress(packet.family, ip);
  const { places, whole } = capturedOf(set);
  const held = places.get(key) ?? (whole ? 'absent' : undefined);
  const may: readonly Held[] = held === undefined ? ['absent', 'plain', 'mac ?'] : [held];
  const captured: ElementState = { may, hidden: held === undefined, timed: false, captured: may };
  return { key, card, state: changedOf(changes, set.name).elements.get(key) ?? captured };
}

/** Whether such a set has a packet's address, with its card. */
export function hasAddressAndCard(
  set: Ipset,
  changes: SetChanges,
  directions: readonly string[],
  packet: IpPacket,
  devices: SetDevices,
): Tri {
  const place = placeOf(set, changes, directions, packet, devices);
  if (place === undefined) return 'no';
  const { state, card } = place;
  const answers = new Set(state.may.map((held) => answerOf(held, card)));
  const [answer = 'maybe'] = answers;
  return answers.size === 1 ? answer : 'maybe';
}

function answerOf(held: Held, card: string): Tri {
  if (held === 'plain') return card === 'unknown' ? 'maybe' : 'yes';
  const own = cardIn(held);
  return own === undefined ? 'no' : isCard(card, own);
}

function cardIn(held: Held): string | undefined {
  return typeof held === 'string' && held.startsWith('mac ') ? held.slice('mac '.length) : undefined;
}

/** After a packet was looked up. */
export function afterLookupOfCard(
  set: Ipset,
  changes: SetChanges,
  directions: readonly string[],
  packet: IpPacket,
  devices: SetDevices,
): SetChanges {
  const place = changedOf(changes, set.name).any ? undefined : placeOf(set, changes, directions, packet, devices);
  if (place?.state.may.includes('plain') !== true) return changes;
  return withCard(set, changes, place, (held) => held === 'plain', isTimed(set, undefined));
}

/** After SET has put a packet's address and card in or taken the address out, with whatever card; `done`: the kernel counts it as done. */
export function changeAddressAndCard(
  set: Ipset,
  changes: SetChanges,
  { directions, op, exist, timeout }: NfIpsetChange,
  packet: IpPacket,
  devices: SetDevices,
): { readonly changes: SetChanges; readonly done: Tri } {
  const place = placeOf(set, changes, directions, packet, devices);
  if (place === undefined) return { changes, done: 'no' };
  const { key, state, card } = place;
  const unsure = card === 'unknown';
  if (op === 'delete') {
    const after = withElement(changes, set.name, key, { ...state, may: ['absent'], timed: false });
    const done = isHeld(state);
    return unsure
      ? { changes: withMaybeChanged(changes, after), done: done === 'no' ? 'no' : 'maybe' }
      : { changes: after, done };
  }
  const takes = (held: Held) => exist || cardIn(held) === undefined;
  const after = withCard(set, changes, place, takes, isTimed(set, timeout));
  const all = state.may.map(takes);
  const done = !all.includes(true) ? 'no' : all.includes(false) || unsure ? 'maybe' : 'yes';
  return { changes: after, done };
}

/** Where the place holds one of what `takes` says, it gets the packet's card. */
function withCard(
  set: Ipset,
  changes: SetChanges,
  { key, state, card }: Place,
  takes: (held: Held) => boolean,
  timed: boolean,
): SetChanges {
  const given: Held = `mac ${card === 'unknown' ? '?' : card}`;
  const may = state.may.flatMap((held): readonly Held[] =>
    !takes(held) ? [held] : card === 'unknown' ? [given, held] : [given],
  );
  return withElement(changes, set.name, key, {
    ...state,
    may: [...new Set(may)],
    hidden: state.hidden || card === 'unknown',
    timed: state.timed || timed,
  });
}

/** An address alone waits for its card before its time begins (bitmap_ipmac_add_timeout). */
function isTimed({ options }: Ipset, timeout: number | undefined): boolean {
  const usual = options['timeout'];
  return usual !== undefined && (timeout ?? Number(usual)) !== 0;
}

/** Where another packet comes: a card of which nobody told need not be its own. */
export function atNextPacket(changes: SetChanges): SetChanges {
  const untold = (held: Held) => cardIn(held)?.startsWith('untold') === true;
  if (![...changes.values()].some(({ elements }) => [...elements.values()].some(({ may }) => may.some(untold)))) return changes;
  return [...changes].reduce(
    (all, [set, { elements }]) =>
      [...elements].reduce((sum, [key, state]) => {
        if (!state.may.some(untold)) return sum;
        const may = state.may.map((held): Held => (untold(held) ? 'mac ?' : held));
        return withElement(sum, set, key, { ...state, may: [...new Set(may)] });
      }, all),
    changes,
  );
}
