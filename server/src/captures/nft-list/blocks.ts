import grammars from '../../generated/grammars.ohm-bundle';
import type { Line } from '../../base/lines';
import { val, type Val } from '../../base/span';
import type { ParseInput, Parsed } from '../capture';
import type { NfFamily } from '../netfilter-facts';
import { errorOn, reportErrorOutput } from '../words';
import { collect, record, type Collected } from '../lines';
import { joinLines, sliceSource, sourceOf, spanIn, syntaxError, type SourceText } from '../ohm';
import type { Lookup } from './selectors';
import { changedSets } from './dynamic';
import { cutElements, wholeElements } from './elements';
import { priorityNumber } from './names';
import { limitOf, rateIn, type SetHead } from './rates';
import { statementsOf } from './one-line';
import { ruleRefs } from './refs';
import { ruleFacts } from './rules';
import { UNPRINTED_TARGET } from './statements';
import { columnsOf, wholeHook, withRest } from './wrapped';
import { readNftHead, readNftRule, type NftElement, type NftHead, type NftRuleLine } from './semantics';

/** What encloses a line. */
type Block =
  | { readonly is: 'table'; readonly family: NfFamily; readonly name: string }
  | { readonly is: 'chain'; readonly name: string; rules: number }
  | { readonly is: 'set'; readonly name: string }
  | { readonly is: 'object' };

interface PendingRule {
  readonly line: NftRuleLine;
  readonly family: NfFamily;
  readonly table: string;
  readonly chain: string;
  readonly number: number;
  readonly block: string | undefined;
}

interface State {
  readonly out: Collected;
  readonly stack: Block[];
  readonly rules: PendingRule[];
  /** By `FAMILY TABLE SET`; undefined where its elements are not understood. */
  readonly sets: Map<string, readonly NftElement[] | undefined>;
  readonly heads: Map<string, SetHead>;
  anonymous: number;
  readonly lineBreak: number;
  /** How many columns the longest line has. */
  readonly widest: number;
  /** The program said that it lacks an extension of iptables. */
  readonly lacksExtensions: boolean;
  /** What is in sets and maps was not printed (`nft -t`). */
  readonly isTerse: boolean;
}

/** A rule over more lines than this is no rule. */
const MOST_RULE_LINES = 400;

/** Reads the nested blocks of nft(8): each line, or each rule and set over several, is a record of its own. */
export function readBlocks(input: ParseInput): Parsed {
  const lines = statementsOf(input.lines);
  const lacksExtensions = lines.some((line) => /XT (?:match|target) \S+ not found/.test(line.text));
  const state: State = {
    out: collect(),
    stack: [],
    rules: [],
    sets: new Map(),
    heads: new Map(),
    anonymous: 0,
    lineBreak: lineBreakOf(lines),
    widest: lines.reduce((widest, { text }) => Math.max(widest, columnsOf(text)), 0),
    lacksExtensions,
    isTerse: input.options['terse'] !== undefined,
  };
  for (let n = 0; n < lines.length; n++) {
    const line = lines[n];
    if (line === undefined || line.text.trim() === '' || reportErrorOutput(state.out, line)) continue;
    n = readLine(state, lines, n, line);
  }
  const last = lines.findLast((line) => line.text.trim() !== '');
  if (state.stack.length > 0 && last !== undefined) {
    state.out.errors.push(
      errorOn(last, 'cut-off', 'The output ends inside a block: what follows in it is missing. Capture it whole.'),
    );
  }
  translateRules(state);
  return state.out;
}

function translateRules(state: State): void {
  const iptables = tablesOfIptables(state.out);
  const changing = changedSets(
    state.rules.map(({ line, family, table }) => ({ table: `${family} ${table}`, items: line.items })),
    (table, name) => state.heads.get(`${table} ${name}`),
  );
  for (const { line, family, table, chain, number, block } of state.rules) {
    const lookup: Lookup = {
      family,
      table,
      head: (name) => state.heads.get(`${family} ${table} ${name}`),
      changing: changing.get(`${family} ${table}`) ?? new Map(),
      madeByIptables: iptables.has(`${family} ${table}`),
      set: (name) => state.sets.get(`${family} ${table} ${name}`),
      literal: wholeElements,
    };
    const facts = ruleFacts(line.items, { family, table, chain, number, text: line.text }, lookup, block);
    ruleRefs(state.out, facts);
    for (const fact of facts) state.out.facts.push(fact);
  }
}

/** Those whose base chains are named as iptables names them, as `FAMILY TABLE`. */
export function tablesOfIptables({ facts }: Pick<Collected, 'facts'>): ReadonlySet<string> {
  return new Set(
    facts.flatMap((fact) =>
      fact.kind === 'nf-chain' && fact.hook !== undefined && fact.name.value === fact.hook.value.toUpperCase()
        ? [`${fact.family} ${fact.table}`]
        : [],
    ),
  );
}

function top(state: State): Block | undefined {
  return state.stack[state.stack.length - 1];
}

function tableOf(state: State): Extract<Block, { is: 'table' }> | undefined {
  return state.stack.find((block) => block.is === 'table');
}

function headRule(text: string, inside: Block['is'] | undefined): string | undefined {
  if (/^\s*\}/.test(text)) return 'closeLine';
  if (/^\s*table\s.*\{/.test(text)) return 'tableLine';
  if (/^\s*chain\s.*\{/.test(text)) return 'chainLine';
  if (/^\s*(?:(?:re)?define|undefine|include|flush|delete(?!\s+@)|destroy)\s/.test(text)) return 'scriptLine';
  if (inside === 'table' || inside === undefined) {
    if (/^\s*(?:set|map|meter)\s+\S+\s*\{/.test(text)) return 'setLine';
    if (
      /^\s*(?:flowtable|counter|quota|limit|ct (?:helper|timeout|expectation)|secmark|synproxy|tunnel)\s+[^\s{]+\s*\{/.test(text)
    )
      return 'objectLine';
    if (/^\s*table\s/.test(text)) return 'nameLine';
    if (/^\s*(?:comment|flags)\s/.test(text) && inside === 'table') return 'propertyLine';
  }
  // A program that lacks an extension of iptables says so, on its own line or in the middle of the rule.
  if (/^\s*XT (?:match|target) \S+ not found$/.test(text)) return 'noteLine';
  if (/^\s*#/.test(text) && !/\scounter packets \d/.test(text)) return 'noteLine';
  if (inside === 'object' && /^\s*[a-z]+\s*\{/.test(text)) return 'innerLine';
  if (inside === 'set' || inside === 'object')
    return /^\s*type(?:of)?\s/.test(text) && inside === 'set' ? 'typeLine' : 'propertyLine';
  if (/^\s*type\s+\w+\s+hook\s/.test(text)) return 'hookLine';
  return /^\s*policy\s+\w+\s*(?:;|$)/.test(text) ? 'policyLine' : undefined;
}

/** Reads the record that starts at line `n` and gives the number of its last line. */
function readLine(state: State, lines: readonly Line[], n: number, line: Line): number {
  const inside = top(state);
  const { out } = state;
  if (inside?.is === 'set' && /^\s*elements\s*=/.test(line.text)) return readElements(state, lines, n, inside.name);
  const rule = headRule(line.text, inside?.is);
  // A remark in a chain's head, not a rule that does nothing.
  const isRemark = inside?.is === 'chain' && /^\s*comment\s+"[^"]*"$/.test(line.text);
  if (rule !== undefined || isRemark) {
    const wrapped = rule === 'hookLine' ? wholeHook(line, lines[n + 1]) : undefined;
    const source = wrapped ?? sourceOf(line);
    const end = wrapped === undefined ? n : n + 1;
    const result = grammars.Nft.match(source.text, rule ?? 'propertyLine');
    if (result.failed()) {
      out.errors.push(syntaxError(source, result, 'line of nft'));
      if (/\{\s*$/.test(line.text)) state.stack.push({ is: 'object' });
    } else {
      const head = readNftHead(result, source);
      takeHead(state, head);
      if (inside?.is === 'set' && rule === 'propertyLine') takeProperty(state, inside.name, line);
      record(out, line, lines[end] ?? line, head.is === 'extra' || head.is === 'close' ? 'header' : 'record');
    }
    return end;
  }
  return readRule(state, lines, n);
}

function takeHead(state: State, head: NftHead): void {
  const { out, stack } = state;
  const table = tableOf(state);
  const inside = top(state);
  switch (head.is) {
    case 'table':
      // Where a closing brace was lost, the next table ends the one before.
      stack.length = 0;
      stack.push({ is: 'table', family: familyOf(head.family), name: head.name.value });
      break;
    case 'chain': {
      while (top(state) !== undefined && top(state)?.is !== 'table') stack.pop();
      stack.push({ is: 'chain', name: head.name.value, rules: 0 });
      if (table === undefined) break;
      out.refs.push({ kind: 'chain', value: head.name.value, span: head.name.span, scope: table.name, defines: true });
      out.facts.push({ kind: 'nf-chain', family: table.family, table: table.name, name: head.name, span: head.name });
      break;
    }
    case 'set':
      stack.push({ is: 'set', name: head.name.value });
      if (table !== undefined)
        state.heads.set(`${table.family} ${table.name} ${head.name.value}`, { timed: false, forgets: false });
      if (table !== undefined) state.sets.set(`${table.family} ${table.name} ${head.name.value}`, state.isTerse ? undefined : []);
      break;
    case 'object':
      stack.push({ is: 'object' });
      break;
    case 'hook':
      if (table !== undefined && inside?.is === 'chain') takeHook(out, table, inside.name, head);
      break;
    case 'policy':
      if (table !== undefined && inside?.is === 'chain') {
        replaceChain(out, table, inside.name, { policy: upperCase(head.policy) });
      }
      break;
    case 'close':
      stack.pop();
      break;
    case 'extra':
      break;
  }
}

/** What a set says of its elements: `timeout 5m`, `limit rate over 10/second`. */
function takeProperty(state: State, set: string, { text, start }: Line): void {
  const table = tableOf(state);
  if (table === undefined) return;
  const key = `${table.family} ${table.name} ${set}`;
  const known = state.heads.get(key) ?? { timed: false, forgets: false };
  const rate = rateIn(val(text, { start, end: start + text.length }));
  if (rate !== undefined) state.heads.set(key, { ...known, rate: limitOf(rate) });
  if (/^\s*timeout\s/.test(text)) state.heads.set(key, { ...known, timed: true, forgets: true });
  if (/^\s*flags\s.*\btimeout\b/.test(text)) state.heads.set(key, { ...known, forgets: true });
  const size = /^\s*size\s+(\d+)/.exec(text)?.[1];
  if (size !== undefined) state.heads.set(key, { ...known, size: Number(size) });
}

function takeHook(
  out: Collected,
  table: Extract<Block, { is: 'table' }>,
  chain: string,
  head: Extract<NftHead, { is: 'hook' }>,
): void {
  const priority = priorityNumber(head.priority.value, table.family);
  replaceChain(out, table, chain, {
    policy: head.policy === undefined ? val('ACCEPT', head.text.span) : upperCase(head.policy),
    hook: head.hook,
    ...(head.devices === undefined ? {} : { devices: head.devices }),
    type: head.type,
    ...(priority === undefined ? {} : { priority: val(priority, head.priority.span) }),
    span: head.text,
  });
}

function upperCase(text: Val<string>): Val<string> {
  return val(text.value.toUpperCase(), text.span);
}

type ChainFact = Extract<Collected['facts'][number], { kind: 'nf-chain' }>;

/** The hook stands on the line below the chain's name. */
function replaceChain(out: Collected, table: { family: NfFamily; name: string }, chain: string, more: Partial<ChainFact>): void {
  const at = out.facts.findLastIndex(
    (fact) => fact.kind === 'nf-chain' && fact.family === table.family && fact.table === table.name && fact.name.value === chain,
  );
  const found = out.facts[at];
  if (found?.kind === 'nf-chain') out.facts[at] = { ...found, ...more };
}

function familyOf(text: string): NfFamily {
  return text === 'ip6' || text === 'inet' || text === 'arp' || text === 'bridge' || text === 'netdev' ? text : 'ip';
}

/** The braces that a line opens and does not close, those in quotes left out. */
function openBraces(text: string): number {
  let open = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === '\\') at++;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && c === '{') open++;
    else if (!quoted && c === '}') open--;
  }
  return open;
}

/** Whether lines are missing between those that were not blank: they were not understood, or somebody left them out. */
function hasGap(lines: readonly Line[], lineBreak: number): boolean {
  return lines.some((line, n) => {
    const above = lines[n - 1];
    if (above === undefined || line.number === above.number + 1) return false;
    return line.start - above.start - above.text.length !== (line.number - above.number) * lineBreak;
  });
}

/** `elements = { … }` over as many lines as it takes. */
function readElements(state: State, lines: readonly Line[], n: number, set: string): number {
  const { out } = state;
  const table = tableOf(state);
  const parts: Line[] = [];
  let open = 0;
  let at = n;
  for (; at < lines.length; at++) {
    const line = lines[at];
    if (line === undefined || line.text.trim() === '') continue;
    parts.push(line);
    open += openBraces(line.text);
    if (open <= 0) break;
  }
  const [first] = parts;
  const last = parts[parts.length - 1];
  if (first === undefined || last === undefined) return n;
  const source = joinLines(parts, ' ');
  const from = source.text.indexOf('{');
  const to = open <= 0 ? source.text.lastIndexOf('}') : source.text.length;
  let understood = open <= 0 && !hasGap(parts, state.lineBreak);
  const elements = cutElements(sliceSource(source, from + 1, Math.max(from + 1, to)), (piece) => {
    understood = false;
    const result = grammars.Nft.match(piece.text, 'element');
    if (result.failed()) out.errors.push(syntaxError(piece, result, 'element of a set'));
    else {
      out.errors.push({
        span: spanIn(piece, 0, piece.text.length),
        code: 'not-understood',
        message: 'This element of a set is too long to be one.',
      });
    }
  });
  record(out, first, last);
  if (table !== undefined) state.sets.set(`${table.family} ${table.name} ${set}`, understood ? elements : undefined);
  return at;
}

/**
 * What nft prints of ip6tables-nft's SNAT, DNAT, MASQUERADE, REDIRECT, TPROXY and TCPMSS is nothing at all (nft 1.0.6): a rule there that ends with
 * its counter may have one of them. With handles (`-a`) the two blanks before the handle tell; others are trimmed at a line's end.
 */
function mayHideTranslation(table: { readonly family: string; readonly name: string } | undefined, rule: string): boolean {
  if (table?.family !== 'ip6' || !/^(?:nat|mangle)$/.test(table.name)) return false;
  return /\bcounter packets \d+ bytes \d+(?: {2}# handle \d+)?$/.test(rule);
}

function readRule(state: State, lines: readonly Line[], n: number): number {
  const { out } = state;
  const { source, first, last, at, opensBlock, torn } = wholeRule(lines, n, state);
  const result = grammars.Nft.match(source.text, 'ruleLine');
  const inside = top(state);
  const table = tableOf(state);
  if (result.failed()) {
    out.errors.push(syntaxError(source, result, 'rule of nft'));
    keepUnread(state, source);
  } else {
    const line = withHiddenTarget(
      readNftRule(result, source),
      targetIsMissing(state, last, lines[at + 1]) || mayHideTranslation(table, source.text),
    );
    const unknown = line.items.filter((item) => item.is === 'unknown');
    if (torn) {
      record(out, first, last);
      keepUnread(state, source);
    } else if (unknown.length > 0 && unknown.length * 2 > line.items.length) {
      out.errors.push(
        errorOn(first, 'not-understood', 'This line is not understood as a rule of nft: what it does to packets is left open.'),
      );
      keepUnread(state, source);
    } else {
      record(out, first, last);
      if (inside?.is === 'chain' && table !== undefined) {
        const block = opensBlock ? `${inside.name} {${(state.anonymous += 1)}}` : undefined;
        state.rules.push({
          line,
          family: table.family,
          table: table.name,
          chain: inside.name,
          number: (inside.rules += 1),
          block,
        });
      }
    }
  }
  if (opensBlock)
    state.stack.push({ is: 'chain', name: `${inside?.is === 'chain' ? inside.name : ''} {${state.anonymous}}`, rules: 0 });
  return at;
}

/** What is not understood stands in its chain all the same, where it may do anything: those after it keep their numbers. */
function keepUnread(state: State, source: SourceText): void {
  const inside = top(state);
  const table = tableOf(state);
  if (inside?.is !== 'chain' || table === undefined) return;
  const start = source.text.length - source.text.trimStart().length;
  const end = source.text.trimEnd().length;
  const text = val(source.text.slice(start, end), spanIn(source, start, end));
  const line: NftRuleLine = {
    items: [
      { is: 'unknown', text },
      { is: 'hidden', target: true, text },
    ],
    remark: undefined,
    text,
  };
  const place = { family: table.family, table: table.name, chain: inside.name, number: (inside.rules += 1) };
  state.rules.push({ line, ...place, block: undefined });
}

/** The lines of one rule: a set in it may be broken behind its commas, and a mail or a terminal may have wrapped it. */
function wholeRule(lines: readonly Line[], n: number, { widest, lineBreak }: Pick<State, 'widest' | 'lineBreak'>) {
  const first = lines[n] ?? { text: '', start: 0, number: n };
  const opensBlock = /(?:jump|goto)\s*\{\s*$/.test(first.text);
  const parts = [first];
  let at = n;
  if (!opensBlock) {
    let open = openBraces(first.text);
    // Rules that somebody wrote for `nft -f` may go on behind a backslash.
    const goesOn = () => parts[parts.length - 1]?.text.endsWith('\\') === true;
    while ((open > 0 || goesOn()) && at + 1 < lines.length && parts.length < MOST_RULE_LINES) {
      const next = lines[at + 1];
      const last = parts[parts.length - 1];
      if (last && goesOn()) parts[parts.length - 1] = { ...last, text: last.text.slice(0, -1).trimEnd() };
      if (next === undefined || /^\s*(?:chain|table|set|map)\s.*\{\s*$/.test(next.text)) break;
      at++;
      if (next.text.trim() === '') continue;
      parts.push(next);
      open += openBraces(next.text);
    }
  }
  let source: SourceText = joinLines(parts, ' ');
  let torn = hasGap(parts, lineBreak);
  for (
    let rest;
    !opensBlock && parts.length < MOST_RULE_LINES && (rest = withRest(parts, lines[at + 1], widest)) !== undefined;
    at++
  ) {
    source = rest.source;
    torn ||= rest.open;
    parts.push(lines[at + 1] ?? first);
  }
  return { source, first, last: parts[parts.length - 1] ?? first, at, opensBlock, torn };
}

/**
 * Old programs print what iptables-nft could not translate behind a `#`. At the end of a rule that has no verdict, and in
 * capitals or after `xt_`, it is the target; anything else there is a handle or a remark.
 */
function withHiddenTarget(line: NftRuleLine, missing: boolean): NftRuleLine {
  const { remark } = line;
  // A condition that nft could not print ends no rule.
  const ended = line.items.some((item) =>
    item.is === 'hidden' ? item.target : /^(?:verdict|verdict-map|block|nat|redirect|reject|set|other)$/.test(item.is),
  );
  if (missing && !ended && (remark === undefined || /^#\s*handle \d+\s*$/.test(remark.value))) {
    const end = line.text.span.end;
    return {
      ...line,
      items: [...line.items, { is: 'hidden', target: true, text: val(UNPRINTED_TARGET, { start: end, end }) }],
    };
  }
  if (remark === undefined || ended || !/^#\s*(?:xt_)?[A-Z]{2,}/.test(remark.value)) return line;
  const words = remark.value.replace(/\s*#\s*handle \d+\s*$/, '');
  const text = val(words, { start: remark.span.start, end: remark.span.start + words.length });
  return { ...line, items: [...line.items, { is: 'hidden', target: true, text }] };
}

/**
 * Where nft lacks the extension that prints a target of iptables, the line breaks off there: a blank stands at its end, or the handle,
 * or nothing, on a line of its own.
 */
function targetIsMissing(state: State, last: Line, next: Line | undefined): boolean {
  if (next === undefined) return false;
  if (/\scounter packets \d+ bytes \d+$/.test(last.text) && next.number === last.number + 1) {
    if (next.start - last.start - last.text.length > state.lineBreak) return true;
  }
  return /^\s*# handle \d+$/.test(next.text) || (state.lacksExtensions && next.text.trim() === '');
}

/** The length of a line break, with the blanks that every line ends in. */
function lineBreakOf(lines: readonly Line[]): number {
  let least = Infinity;
  for (const [n, line] of lines.entries()) {
    const next = lines[n + 1];
    if (next?.number === line.number + 1) least = Math.min(least, next.start - line.start - line.text.length);
  }
  return least;
}
