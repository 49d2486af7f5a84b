import { val, type Val } from '../../base/span';
import type { NfCapturedSet, NfLimit } from '../netfilter-facts';
import { concatMatches } from './conditions';
import { limitOf, rateIn, type SetHead } from './rates';
import type { Lookup } from './selectors';
import type { NftElement, NftItem } from './semantics';

/** `add @flood { ip saddr limit rate over 10/second }`: a rule that changes a set. */
export interface SetChange {
  readonly set: Val<string>;
  readonly op: 'add' | 'delete';
  /** What of the packet it puts in or takes out. */
  readonly selectors: readonly Val<string>[];
  /** What of the packet a map gets with it: a packet that lacks it ends the rule. */
  readonly data: readonly Val<string>[];
  /** The rate or number that the set keeps for each element: the rule goes on for some packets only. */
  readonly rate: NfLimit | undefined;
  /** The rule says itself how long an element stays. */
  readonly timed: boolean;
}

/** Rates of elements, by the set as `@NAME`; undefined is none. */
export type ChangedSets = ReadonlyMap<string, readonly (NfLimit | undefined)[]>;

/** Reads what changes a set; undefined for any other piece of a rule. */
export function setChange(item: NftItem): SetChange | undefined {
  if (item.is !== 'other' || item.name !== 'update') return undefined;
  const { text } = item;
  const at = (part: string): Val<string> => {
    const start = text.span.start + Math.max(0, text.value.indexOf(part));
    return val(part, { start, end: start + part.length });
  };
  // Before 0.9 the set stood behind what is put in.
  const [, name, inside = ''] = /@(\S+)\s*\{(.*)\}\s*$/s.exec(text.value) ?? [];
  const [, old = '', oldName] = /^set (?:add|update) (.*) @(\S+)$/.exec(text.value) ?? [];
  const set = name ?? oldName;
  if (set === undefined) return undefined;
  const whole = name === undefined ? old : inside;
  const [before = '', given = ''] = whole.split(/\s:\s/);
  const partsOf = (expression: string): Val<string>[] => {
    const bare = expression.split(/\s(?:limit|ct count|quota|counter|timeout|expires|comment|last)\b/)[0] ?? '';
    const parts = bare.split(/\s\.\s/).map((part) => {
      const { value, span } = at(part.trim());
      return val(value.replace(/\s+/g, ' '), span);
    });
    return parts.filter(({ value }) => value !== '');
  };
  const rate = rateIn(at(inside));
  return {
    set: val(`@${set}`, at(set).span),
    op: /^(?:set )?delete\b/.test(text.value) ? 'delete' : 'add',
    selectors: partsOf(before),
    data: partsOf(given),
    rate: rate === undefined ? undefined : limitOf(rate),
    timed: /\stimeout\s/.test(whole),
  };
}

/** The sets that the rules of each table change, with what elements they make there. */
export function changedSets(
  rules: readonly { readonly table: string; readonly items: readonly NftItem[] }[],
  head: (table: string, name: string) => SetHead | undefined,
): ReadonlyMap<string, ChangedSets> {
  const changed = new Map<string, Map<string, (NfLimit | undefined)[]>>();
  for (const { table, items } of rules) {
    for (const item of items) {
      const change = setChange(item);
      if (change === undefined) continue;
      const known = changed.get(table) ?? new Map<string, (NfLimit | undefined)[]>();
      changed.set(table, known);
      const rates = known.get(change.set.value) ?? [];
      known.set(change.set.value, rates);
      if (change.op === 'add') rates.push(change.rate ?? head(table, change.set.value.slice(1))?.rate);
    }
  }
  return changed;
}

/** Whether an element of the set may decide by its rate whether a rule goes on. */
export function hasRates(set: string, lookup: Lookup): boolean {
  const name = set.slice(1);
  return (
    lookup.head(name)?.rate !== undefined ||
    lookup.changing.get(set)?.some((rate) => rate !== undefined) === true ||
    lookup.set(name)?.some(({ rate }) => rate !== undefined) === true
  );
}

/** The rates that an element may have; undefined is none. */
function ratesOf(element: NftElement, set: string, lookup: Lookup): readonly (NfLimit | undefined)[] {
  if (element.rate !== undefined) return [limitOf(element.rate)];
  const usual = lookup.head(set.slice(1))?.rate;
  if (usual !== undefined || element.rateHidden !== true) return [usual];
  return lookup.changing.get(set) ?? [undefined];
}

/** What a set that rules change held when it was captured. */
export function capturedSet(change: SetChange, lookup: Lookup): NfCapturedSet {
  const set = change.set.value;
  const elements = lookup.set(set.slice(1));
  if (elements === undefined) return { is: 'hidden', rates: lookup.changing.get(set) ?? [] };
  return {
    is: 'shown',
    elements: elements.flatMap((element) => {
      const matches = concatMatches(change.selectors, element.key, lookup, element.text);
      return matches === undefined ? [] : [{ matches, rates: ratesOf(element, set, lookup) }];
    }),
  };
}
