import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Line } from '../../base/lines';
import type { CaptureKind, ParseInput } from '../capture';
import { errorOn, reportErrorOutput } from '../words';
import { noteLegacyTables } from '../iptables-rules/backend';
import { addressRefs, inferTable, isBuiltInChain, ruleRefs, tableCommand } from '../iptables-rules/netfilter';
import { collect, record, type Collected } from '../lines';
import { joinLines, sourceOf, spanIn, syntaxError, type SourceText } from '../ohm';
import { readChainLine, readRuleRow, type ChainLine, type RuleRow } from './semantics';

const CHAIN = /^\s*Chain \S+ \((?:policy \w+(?: [\dKMGTP]+ packets, [\dKMGTP]+ bytes)?|\d+ references?[^)]*)\)/;
const TITLE = /^\s*(?:num\s+)?(?:pkts\s+bytes\s+)?target\s+prot\s+opt\s+(?:in\s+out\s+)?source\s+destination\b/;
/** The same where a mail broke it, and its rest. */
const TITLE_START = /^\s*(?:num\s+)?(?:pkts\s+bytes\s+)?target\s+prot\s+opt(?:\s+in)?(?:\s+out)?(?:\s+source)?$/;
const TITLE_REST = /^\s*(?:(?:(?:in\s+)?out\s+)?source\s+)?destination$/;
/** The same where `less -S` or a screen cut its end off, with the sign that less puts there. */
const CUT_TITLE =
  /^\s*(?:num\s+)?(?:pkts\s+bytes\s+)?target\s+prot\s+opt\s+(?:in\s+out\s+)?(?:source\s+)?(?:[a-z]+>|(?!(?:in|out|source|destination)$)[a-z]+)$/;
const WARNING = /^\s*# (?:Warning: ip6?tables|Table )|^\s*Zeroing chain `\S+'$/;
const IPV6 = '!?(?:anywhere|(?=[\\da-f]*:)[\\da-f:.]+(?:\\/[\\da-f:]+)?)';
/** Two columns of IPv6 addresses; with names one of them may be `anywhere`, which is of either family. */
const SIX = '!?(?:::\\/0|(?=[\\da-f:]*:[\\da-f:]*:)[\\da-f:]+(?:\\/[\\da-f:]+)?)';
const TWO_OF_IPV6 = new RegExp(`\\s(?:${SIX}\\s+(?:${SIX}|anywhere)|anywhere\\s+${SIX})(?:\\s|$)`, 'i');
/** The column `opt` of ip6tables is empty, as IPv6 has no fragments that it could tell; iptables prints `--` there. */
const NO_OPTIONS =
  /\s(?:all|tcp|udp|icmpv6|ipv6-icmp|esp|ah|sctp|gre|\d{1,3})\s{4,}(?:\S+\s+\S+\s+)?!?anywhere\s+!?anywhere(?:\s|$)/;
const ADDRESS = `(?:${IPV6}|!?(?:default|localhost|loopback\\/8|\\d{1,3}(?:\\.\\d{1,3}){3}(?:\\/[\\d.]+)?|[\\w-]+(?:\\.[\\w-]+)+(?:\\/\\d+)?))`;
/**
 * Numbers, a target and a protocol, then two addresses; in and out stand before them. The column `opt` between them tells a
 * row from prose; where it is empty, both addresses must be those of IPv6.
 */
const ROW = new RegExp(
  '^\\s*(?:\\d+\\s+)?(?:\\d+[KMGTP]?\\s+\\d+[KMGTP]?\\s+)?(?:[^\\s!-][^\\s]*\\s+)?!?[A-Za-z\\d][\\w.+-]*\\s+' +
    `(?:(?:--|-f|!f)\\s+(?:\\S+\\s+\\S+\\s+)?${ADDRESS}\\s+${ADDRESS}|(?:\\S+\\s+\\S+\\s+)?${IPV6}\\s+${IPV6})(?:\\s|$)`,
);

/** A row that a mail broke before the second address. */
const ROW_START = new RegExp(
  '^\\s*(?:\\d+\\s+)?(?:\\d+[KMGTP]?\\s+\\d+[KMGTP]?\\s+)?(?:[A-Za-z_][^\\s]*\\s+)?!?[A-Za-z\\d][\\w.+-]*\\s+' +
    `(?:--|-f|!f)\\s+(?:\\S+\\s+\\S+\\s+)?${ADDRESS}$`,
);

/** A row without its title: a protocol, the column `opt`, and two networks as `-n` prints them. */
const CERTAIN_ROW =
  /^\s*(?:\d+\s+)?(?:\d+[KMGTP]?\s+\d+[KMGTP]?\s+)?(?:\w\S*\s+)?(?:all|tcp|udp|icmp|icmpv6|ipv6-icmp|sctp|\d{1,3})\s+(?:--|-f|!f)\s+(?:\S+\s+\S+\s+)?!?(?:(?:\d{1,3}(?:\.\d{1,3}){3}\/\d+|0\.0\.0\.0)\s+!?\d{1,3}(?:\.\d{1,3}){3}(?:\/\d+)?|[\da-f:]*:[\da-f:]*\/\d+\s+!?[\da-f:]*:[\da-f:]*(?:\/\d+)?)(?:\s|$)/i;
/** `arptables -L` prints the same lines for its chains, and other ones for its rules. */
const ARPTABLES = /, pcnt=\s*\S+ -- bcnt=/;

/** What stands right of the destination often; a wrapped row goes on with it after a blank. */
const PIECE_START =
  /^(?:!|\/\*|to:|[sd]pts?:|(?:tcp|udp|icmp|icmptype|multiport|ctstate|state|mark|connmark|match-set|PHYSDEV|ADDRTYPE|MAC|source IP|destination IP|limit:|recent:|reject-with|redir|LOG|MARK|CONNMARK|CT|owner|statistic|--physdev-\S+|random|anywhere|\d+\.\d+\.\d+\.\d+\/\d+)\b)/;

type Layout = 'plainRow' | 'numberedRow' | 'verboseRow' | 'numberedVerboseRow';
const LAYOUTS: readonly Layout[] = ['plainRow', 'numberedRow', 'verboseRow', 'numberedVerboseRow'];

interface Read {
  readonly layout: Layout;
  readonly result: MatchResult;
}

/** `iptables -L` and `ip6tables -L` in every combination of `-n`, `-v`, `-x` and `--line-numbers` (iptables(8)). */
export const iptablesList: CaptureKind = {
  kinds: ['iptables-list', 'ip6tables-list'],
  recognise(argv) {
    const command = tableCommand(argv);
    if (command?.program !== 'tables' || command.asks !== 'list') return undefined;
    return {
      kind: command.family === 'ip6' ? 'ip6tables-list' : 'iptables-list',
      options: { table: command.table ?? 'filter', ...(command.chain === undefined ? {} : { chain: command.chain }) },
    };
  },
  sniff(text, following) {
    if (CHAIN.test(text) && ARPTABLES.test(following(0) ?? '')) return undefined;
    if (CERTAIN_ROW.test(text))
      return { kind: isIpv6((n) => (n === 0 ? text : following(n - 1))) ? 'ip6tables-list' : 'iptables-list' };
    if (CHAIN.test(text)) return { kind: isIpv6(following) ? 'ip6tables-list' : 'iptables-list' };
    return TITLE.test(text) ? { kind: isIpv6(following) ? 'ip6tables-list' : 'iptables-list' } : undefined;
  },
  accepts(text) {
    return [CHAIN, TITLE, TITLE_START, CUT_TITLE, ROW, ROW_START, WARNING].some((pattern) => pattern.test(text));
  },
  continues(previous, text) {
    return (TITLE_START.test(previous) && TITLE_REST.test(text)) || continuesRow([previous], text);
  },
  parse(input) {
    const out = collect();
    addFacts(out, readRecords(out, input), input);
    return out;
  },
};

type Found =
  | { readonly is: 'chain'; readonly chain: ChainLine }
  | { readonly is: 'row'; readonly row: RuleRow; readonly source: SourceText; readonly layout: Layout };

function readRecords(out: Collected, input: ParseInput): Found[] {
  const found: Found[] = [];
  let layout: Layout | undefined;
  /** How many columns the screen had where it cut the title. */
  let width = Infinity;
  const { lines } = input;
  for (let n = 0; n < lines.length; n++) {
    const line = lines[n];
    if (line === undefined || line.text.trim() === '' || reportErrorOutput(out, line)) continue;
    if (isCut(line, width)) {
      out.errors.push(errorOn(line, 'cut-off', CUT));
      continue;
    }
    if (WARNING.test(line.text)) {
      record(out, line, line, 'header');
      noteLegacyTables(out, sourceOf(line));
    } else if (TITLE_START.test(line.text)) {
      const next = lines[n + 1];
      const isBroken = next !== undefined && TITLE_REST.test(next.text);
      if (isBroken) n++;
      layout = layoutOf(line.text);
      record(out, line, isBroken ? next : line, 'header');
    } else if (TITLE.test(line.text) || CUT_TITLE.test(line.text)) {
      if (!TITLE.test(line.text)) width = line.text.length;
      layout = layoutOf(line.text);
      record(out, line, line, 'header');
    } else if (/^\s*Chain\s/.test(line.text)) {
      const source = sourceOf(line);
      const result = grammars.IptablesList.match(source.text, 'chainLine');
      if (result.failed()) out.errors.push(syntaxError(source, result, 'chain'));
      else {
        record(out, line);
        found.push({ is: 'chain', chain: readChainLine(result, source) });
      }
    } else {
      const parts = [line];
      for (let next = lines[n + 1]; next !== undefined && continuesRow(textsOf(parts), next.text); next = lines[n + 1]) {
        parts.push(next);
        n++;
      }
      const source = joinLines(parts, glueBefore);
      const read = readRow(source.text, layout);
      if (read === undefined) {
        const failure = grammars.IptablesList.match(source.text, layout ?? 'plainRow');
        if (failure.failed()) out.errors.push(syntaxError(source, failure, 'rule'));
      } else {
        record(out, line, parts[parts.length - 1] ?? line);
        found.push({ is: 'row', row: readRuleRow(read.result, source), source, layout: read.layout });
      }
    }
  }
  return found;
}

const CUT =
  'This rule is cut at the edge of the screen: what else it asks for is not known. Capture it without "less -S" or wider.';

/** Whether a row of rules reaches the edge at which a screen cut the title above it. */
function isCut({ text }: Line, width: number): boolean {
  return text.length >= width && !CHAIN.test(text) && !CUT_TITLE.test(text) && !WARNING.test(text);
}

function layoutOf(title: string): Layout {
  const numbered = /^\s*num\s/.test(title);
  if (/\spkts\s|^\s*pkts\s/.test(title)) return numbered ? 'numberedVerboseRow' : 'verboseRow';
  return numbered ? 'numberedRow' : 'plainRow';
}

/** Reads a row in the layout that the title promised; rows alone (after a grep) and hand-made ones tell theirs by themselves. */
function readRow(text: string, layout: Layout | undefined): Read | undefined {
  const order = layout === undefined ? LAYOUTS : [layout, ...LAYOUTS.filter((other) => other !== layout)];
  for (const candidate of order) {
    const result = grammars.IptablesList.match(text, candidate);
    if (result.succeeded()) return { layout: candidate, result };
  }
  return undefined;
}

function textsOf(lines: readonly Line[]): string[] {
  return lines.map((line) => line.text);
}

function glueBefore(text: string, above: string): string {
  return ROW_START.test(above) || PIECE_START.test(text.trimStart()) ? ' ' : '';
}

/**
 * Whether a line is the rest of the row above: put together they must be a row, and one that is better understood than the row
 * was without it (a cut-off `to:172.24.` is a piece that is not known, and `to:172.24.4.12` is).
 */
function continuesRow(previous: readonly string[], text: string): boolean {
  const rest = text.trim();
  const start = previous.join('\n');
  if (rest === '' || rest.length > 200 || !/\S/.test(start) || CHAIN.test(text) || TITLE.test(text) || ROW.test(text))
    return false;
  if (CHAIN.test(start) || TITLE.test(start) || /^\s*(?:[#$>]|\S*[#$] )/.test(text)) return false;
  const lines = [...previous, text].map((part) => ({ text: part, start: 0, number: 0 }));
  const before = joinLines(lines.slice(0, -1), glueBefore);
  const after = joinLines(lines, glueBefore);
  // Cheap: most lines below a row are no rest of it, and what comes before must be the start of a row.
  if (!/^\s*\S+\s+\S+\s+\S/.test(before.text)) return false;
  const joined = readRow(after.text, undefined);
  if (joined === undefined) return false;
  // What lacks an address is no row of its own, whatever its rest says.
  if (ROW_START.test(start)) return true;
  const alone = readRow(before.text, undefined);
  return unknownPieces(joined, after) <= (alone === undefined ? 0 : unknownPieces(alone, before));
}

/** How many words of a row no piece of the grammar explains. */
function unknownPieces(read: Read, source: SourceText): number {
  let words = 0;
  for (const match of readRuleRow(read.result, source).parts.matches) {
    if (match.kind === 'other') words += match.text.value.split(/\s+/).length;
  }
  return words;
}

function isIpv6(following: (n: number) => string | undefined): boolean {
  for (let n = 0; n < 60; n++) {
    const next = following(n);
    if (next === undefined) return false;
    if (CHAIN.test(next) || TITLE.test(next) || next.trim() === '') continue;
    if (!ROW.test(next)) return false;
    return TWO_OF_IPV6.test(next) || NO_OPTIONS.test(next);
  }
  return false;
}

function addFacts(out: Collected, found: readonly Found[], input: ParseInput): void {
  const family = input.kind.startsWith('ip6') ? 'ip6' : 'ip';
  const asked = input.options['table'];
  let chain: string | undefined = input.options['chain'];
  const counts = new Map<string, number>();
  for (const listing of asked === undefined ? listings(found) : [found]) {
    const table = asked ?? tableOf(listing);
    counts.clear();
    for (const item of listing) {
      if (item.is === 'chain') {
        const { name, policy, text } = item.chain;
        chain = name.value;
        out.facts.push({ kind: 'nf-chain', family, table, name, ...(policy === undefined ? {} : { policy }), span: text });
        out.refs.push({ kind: 'chain', value: name.value, span: name.span, scope: table, defines: true });
        continue;
      }
      const { row, source, layout } = item;
      ruleRefs(out, row.parts, table);
      for (const piece of row.addresses)
        addressRefs(out, piece.text, (start, end) => spanIn(source, piece.at + start, piece.at + end));
      // A row without its chain (after a grep) can be looked at, but no packet can be led to it.
      const inChain = chain ?? '';
      const number = row.number ?? (counts.get(inChain) ?? 0) + 1;
      counts.set(inChain, number);
      out.facts.push({
        kind: 'nf-rule',
        family,
        table,
        chain: inChain,
        number,
        matches: row.parts.matches,
        ...(row.parts.target === undefined ? {} : { target: row.parts.target }),
        goto: row.parts.goto,
        targetOptions: row.parts.options,
        ...(row.packets === undefined ? {} : { packets: row.packets }),
        interfacesHidden: layout === 'plainRow' || layout === 'numberedRow',
        text: row.text,
      });
    }
  }
}

/** Without a command, several tables may stand one after the other: a chain that comes again starts the next one. */
function listings(found: readonly Found[]): Found[][] {
  const all: Found[][] = [[]];
  let seen = new Set<string>();
  for (const item of found) {
    if (item.is === 'chain') {
      if (seen.has(item.chain.name.value)) {
        all.push([]);
        seen = new Set();
      }
      seen.add(item.chain.name.value);
    }
    all[all.length - 1]?.push(item);
  }
  return all;
}

function tableOf(listing: readonly Found[]): string {
  const chains = new Set<string>();
  const targets = new Set<string>();
  for (const item of listing) {
    if (item.is === 'chain' && isBuiltInChain(item.chain.name.value)) chains.add(item.chain.name.value);
    if (item.is === 'row' && item.row.parts.target !== undefined) targets.add(item.row.parts.target.value);
  }
  return inferTable(chains, targets);
}
