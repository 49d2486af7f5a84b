import { val, type Val } from '../../base/span';
import type { NfMatch } from '../netfilter-facts';
import type { NftItem } from './semantics';

/** `add @flood { ip saddr limit rate over 10/second }`: a rule that changes a set. */
export interface SetChange {
  readonly set: Val<string>;
  /** What of the packet it puts in or takes out. */
  readonly selectors: readonly Val<string>[];
  /** The rate or number that the set keeps for each element: the rule goes on for some packets only. */
  readonly rate: NfMatch | undefined;
}

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
  const key =
    (name === undefined ? old : inside).split(/\s(?:limit|ct count|quota|counter|timeout|expires|comment|last)\b|\s:\s/)[0] ?? '';
  const selectors = key.split(/\s\.\s/).map((part) => at(part.trim()));
  const [rate] = /\b(?:limit rate|limit name|ct count|quota)\b.*/s.exec(inside) ?? [];
  return {
    set: val(`@${set}`, at(set).span),
    selectors: selectors.filter(({ value }) => value !== ''),
    rate:
      rate === undefined
        ? undefined
        : {
            kind: 'limit',
            module: rate.startsWith('ct') ? 'connlimit' : rate.startsWith('quota') ? 'quota' : 'limit',
            text: at(rate.trim()),
            negated: /\bover\b/.test(rate),
          },
  };
}

/** The sets that the rules of each table change, as `@NAME`. */
export function changedSets(
  rules: readonly { readonly table: string; readonly items: readonly NftItem[] }[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const changed = new Map<string, Set<string>>();
  for (const { table, items } of rules) {
    for (const item of items) {
      const change = setChange(item);
      if (change === undefined) continue;
      const known = changed.get(table) ?? new Set();
      changed.set(table, known.add(change.set.value));
    }
  }
  return changed;
}
