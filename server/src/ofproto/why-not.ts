import { getField } from '../openflow/field-access';
import { formatFieldValue } from '../openflow/format-field';
import { formatMatchWords } from '../openflow/format-match';
import { expandMatch } from '../openflow/match';
import type { Field } from '../packet/field';
import { fields } from '../packet/fields';
import { namesOf } from './context';
import { tlvsOf } from './fields';
import type { Bridge, Rule } from './switch';
import { wordAt, emptyFlow, type FlowWords, readSlices, W } from '../packet/flow-words';
import { prerequisitesMet } from '../openflow/prerequisites';

/** One condition of a flow that the packet does not meet. */
export interface Difference {
  readonly field: string;
  readonly wanted: string;
  readonly has: string;
}

/** What became of a flow each time a packet was looked up in its table. */
export type WhyNot =
  | { readonly kind: 'taken' }
  /** The packet never came to the flow's table. */
  | { readonly kind: 'not-visited'; readonly table: number }
  | { readonly kind: 'differs'; readonly differences: readonly Difference[]; readonly takenBy: Rule | undefined }
  /** The packet meets every condition, but another flow took it: one of higher priority, or (undefined order) of the same. */
  | { readonly kind: 'overtaken'; readonly takenBy: Rule; readonly samePriority: boolean }
  /** Part of a conjunction: it matches, and the conjunction as a whole decides. */
  | { readonly kind: 'conjunction'; readonly takenBy: Rule | undefined };

/** Spellings of what another field names as well. */
const spelledTwice = /^(?:xreg|xxreg|in_port_oxm|ip_dscp|dl_vlan|dl_vlan_pcp|vlan_vid|vlan_pcp|vlan_tci)/;

function fieldOfWord(word: number, value: FlowWords, mask: FlowWords): Field | undefined {
  const candidates = fields.filter(
    (field) => !spelledTwice.test(field.mfName) && field.slices.some((slice) => slice.word === word),
  );
  return candidates.find((field) => prerequisitesMet(field, value, { mask })) ?? candidates[0];
}

/** The conditions of a flow that a packet does not meet, value beside value, in the words of a dump. */
export function differences(bridge: Bridge, rule: Rule, packet: FlowWords): Difference[] {
  const { value, mask } = expandMatch(rule.match);
  const ports = namesOf(bridge);
  const found = new Map<string, Difference>();
  for (const word of rule.match.mask.words) {
    if (((wordAt(packet, word) ^ wordAt(value, word)) & wordAt(mask, word)) === 0) continue;
    if (word === W.vlan0 || word === W.vlan1) {
      const only = emptyFlow();
      only[word] = wordAt(mask, word);
      const has = emptyFlow();
      has[word] = (wordAt(packet, word) & wordAt(mask, word)) >>> 0;
      const text = (words: FlowWords) => formatMatchWords(words, only, {}, []);
      const [name, wanted] = cut(text(value));
      found.set(name, { field: name, wanted, has: cut(text(has))[1] });
      continue;
    }
    const field = fieldOfWord(word, value, mask);
    if (!field) continue;
    const bits = readSlices(mask, field.slices);
    const whole = (1n << BigInt(field.bits)) - 1n;
    const exact = bits === whole ? undefined : bits;
    const shown = field.format === 'port' ? ports : undefined;
    found.set(field.name, {
      field: field.name,
      wanted: formatFieldValue(field, readSlices(value, field.slices), exact, shown),
      has: formatFieldValue(field, getField(field, packet, tlvsOf(bridge)), undefined, shown),
    });
  }
  return [...found.values()];
}

function cut(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** A packet that was looked up in a table, and the flow that took it. */
export interface TableVisit {
  readonly bridge: string;
  readonly table: number;
  readonly packet: FlowWords;
  readonly taken: Rule | undefined;
}

/** For each time that a traced packet came to the flow's table: why the flow did not take it, and which one did. */
export function whyNot(visits: readonly TableVisit[], bridge: Bridge, rule: Rule): WhyNot[] {
  const own = visits.filter((visit) => visit.bridge === bridge.name && visit.table === rule.table);
  if (own.length === 0) return [{ kind: 'not-visited', table: rule.table }];
  return own.map(({ taken, packet }) => {
    if (taken?.index === rule.index && taken.learnedBy === undefined) return { kind: 'taken' };
    const differ = differences(bridge, rule, packet);
    if (differ.length > 0) return { kind: 'differs', differences: differ, takenBy: taken };
    if (rule.actions.some((act) => act.kind === 'conjunction') || !taken) return { kind: 'conjunction', takenBy: taken };
    return { kind: 'overtaken', takenBy: taken, samePriority: taken.priority === rule.priority };
  });
}
