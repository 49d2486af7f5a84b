import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { ParseInput, Parsed } from '../capture';
import { jsonNumber, jsonObjects, jsonText, jsonTexts, readJson, textSource, type Json } from '../json';
import { collect } from '../lines';
import { sliceSource, spanIn } from '../ohm';
import type { NfFamily } from '../netfilter-facts';
import type { Lookup } from './selectors';
import { tablesOfIptables } from './blocks';
import { changedSets } from './dynamic';
import { wholeElements } from './elements';
import { elementOf, itemOf, ratesOf, verdictWords } from './json-rule';
import { limitOf, type SetHead } from './rates';
import { ruleRefs } from './refs';
import { ruleFacts, type RulePlace } from './rules';
import { readNftRule, type NftElement, type NftItem } from './semantics';

type Fields = ReadonlyMap<string, Json>;

/** `nft -j list ruleset` (libnftables-json(5)): the same facts as from nft's own words. */
export function readNftJson(input: ParseInput): Parsed {
  const out = collect();
  const json = readJson(input, out, 'object');
  if (json?.is !== 'object') return out;
  const objects = jsonObjects(json.fields, 'nftables');
  const of = (kind: string): Fields[] =>
    objects.flatMap((object) => {
      const found = object.get(kind);
      return found?.is === 'object' ? [found.fields] : [];
    });
  const sets = new Map<string, readonly NftElement[] | undefined>();
  const heads = new Map<string, SetHead>();
  for (const fields of [...of('set'), ...of('map')]) {
    const name = jsonText(fields, 'name');
    const isHidden = input.options['terse'] !== undefined && !fields.has('elem');
    if (name === undefined) continue;
    const key = `${familyOf(fields)} ${tableOf(fields)} ${name.value}`;
    sets.set(key, isHidden ? undefined : elementsOf(fields));
    const rate = ratesOf(fields.get('stmt'), name.span);
    const size = jsonNumber(fields, 'size')?.value;
    heads.set(key, {
      timed: fields.has('timeout'),
      forgets: fields.has('timeout') || [jsonText(fields, 'flags')?.value, ...jsonTexts(fields, 'flags')].includes('timeout'),
      ...(size === undefined ? {} : { size }),
      ...(rate === undefined ? {} : { rate: limitOf(rate) }),
    });
  }
  for (const fields of of('chain')) {
    const name = jsonText(fields, 'name');
    if (!name) continue;
    const [hook, type, policy, priority] = [
      jsonText(fields, 'hook'),
      jsonText(fields, 'type'),
      jsonText(fields, 'policy'),
      jsonNumber(fields, 'prio'),
    ];
    out.refs.push({ kind: 'chain', value: name.value, span: name.span, scope: tableOf(fields), defines: true });
    out.facts.push({
      kind: 'nf-chain',
      family: familyOf(fields),
      table: tableOf(fields),
      name,
      ...(hook === undefined
        ? {}
        : { hook, policy: policy ? val(policy.value.toUpperCase(), policy.span) : val('ACCEPT', hook.span) }),
      ...(type === undefined ? {} : { type }),
      ...(priority === undefined ? {} : { priority }),
      ...(fields.has('dev') ? { devices: textsIn(fields.get('dev')) } : {}),
      span: name,
    });
  }
  const iptables = tablesOfIptables(out);
  const changing = changedSets(
    of('rule').map((fields) => {
      const expressions = fields.get('expr');
      return {
        table: `${familyOf(fields)} ${tableOf(fields)}`,
        items: expressions?.is === 'list' ? expressions.items.map(itemOf) : [],
      };
    }),
    (table, name) => heads.get(`${table} ${name}`),
  );
  let anonymous = 0;
  const counts = new Map<string, number>();
  for (const fields of of('rule')) {
    const chain = jsonText(fields, 'chain');
    const expressions = fields.get('expr');
    if (!chain || expressions?.is !== 'list') continue;
    const [family, table] = [familyOf(fields), tableOf(fields)];
    const key = `${family} ${table} ${chain.value}`;
    const number = (counts.get(key) ?? 0) + 1;
    counts.set(key, number);
    const lookup: Lookup = {
      family,
      table,
      head: (name) => heads.get(`${family} ${table} ${name}`),
      changing: changing.get(`${family} ${table}`) ?? new Map(),
      madeByIptables: iptables.has(`${family} ${table}`),
      set: (name) => sets.get(`${family} ${table} ${name}`),
      // Sets that stand in nft's own words there; those of JSON are elements already.
      literal: wholeElements,
    };
    const put = (items: readonly NftItem[], place: Pick<RulePlace, 'chain' | 'number' | 'text'>, block?: string): void => {
      const facts = ruleFacts(items, { family, table, ...place }, lookup, block);
      ruleRefs(out, facts);
      for (const fact of facts) out.facts.push(fact);
    };
    const written = expressions.items.find((item) => item.is === 'text');
    const inner = written?.is === 'text' ? readWords(written, chain.value, () => (anonymous += 1)) : undefined;
    const items = expressions.items.flatMap((item) => (item === written ? (inner?.items ?? []) : [itemOf(item)]));
    const words = items.map(wordsOf).filter((text) => text !== '');
    put(items, { chain: chain.value, number, text: val(words.join(' '), expressions.span) }, inner?.block);
    for (const rule of inner?.rules ?? []) put(rule.items, rule, rule.block);
  }
  return out;
}

interface WrittenRule extends Pick<RulePlace, 'chain' | 'number' | 'text'> {
  readonly items: readonly NftItem[];
  readonly block: string | undefined;
}

/**
 * What the program has no JSON for stands there in its own words: most often `jump { … }`, a chain without a name with a line for each
 * of its rules.
 */
function readWords(
  json: Extract<Json, { is: 'text' }>,
  chain: string,
  next: () => number,
): { readonly items: readonly NftItem[]; readonly block: string | undefined; readonly rules: readonly WrittenRule[] } {
  const source = textSource(json);
  const open: { readonly name: string; count: number }[] = [];
  const rules: WrittenRule[] = [];
  let first: { readonly items: readonly NftItem[]; readonly block: string | undefined } = { items: [], block: undefined };
  let start = 0;
  for (const line of source.text.split('\n')) {
    const piece = sliceSource(source, start, start + line.length);
    const isFirst = start === 0;
    start += line.length + 1;
    if (/^\s*\}?\s*$/.test(line)) {
      if (line.includes('}')) open.pop();
      continue;
    }
    const result = grammars.Nft.match(piece.text, 'ruleLine');
    const text = val(line.trim(), spanIn(piece, line.length - line.trimStart().length, line.trimEnd().length));
    const items: readonly NftItem[] = result.failed() ? [{ is: 'unknown', text }] : readNftRule(result, piece).items;
    const inside = open[open.length - 1];
    const block = items.some(({ is }) => is === 'block') ? `${inside?.name ?? chain} {${next()}}` : undefined;
    if (isFirst) first = { items, block };
    else if (inside) rules.push({ items, block, chain: inside.name, number: (inside.count += 1), text });
    if (block !== undefined) open.push({ name: block, count: 0 });
  }
  return { ...first, rules };
}

function familyOf(fields: Fields): NfFamily {
  const text = jsonText(fields, 'family')?.value;
  return text === 'ip6' || text === 'inet' || text === 'arp' || text === 'bridge' || text === 'netdev' ? text : 'ip';
}

function tableOf(fields: Fields): string {
  return jsonText(fields, 'table')?.value ?? '';
}

/** The elements of a set or map; undefined where one of them is not understood. A set without `elem` is empty. */
function elementsOf(fields: Fields): readonly NftElement[] | undefined {
  const list = fields.get('elem');
  if (list === undefined) return [];
  if (list.is !== 'list') return undefined;
  const elements = list.items.map(elementOf);
  return elements.some((element) => element === undefined)
    ? undefined
    : elements.flatMap((element) => (element ? [element] : []));
}

/** What an item says in nft's words, for people. */
function wordsOf(item: NftItem): string {
  switch (item.is) {
    case 'counter':
      return 'counter';
    case 'verdict':
      return verdictWords(item);
    case 'comment':
      return `comment "${item.text.value}"`;
    case 'block':
      return item.verdict.value;
    default:
      return item.text.value;
  }
}

/** A text, or those of a list. */
function textsIn(json: Json | undefined): Val<string>[] {
  const all = json?.is === 'list' ? json.items : [json];
  return all.flatMap((one) => (one?.is === 'text' ? [val(one.value, one.span)] : []));
}
