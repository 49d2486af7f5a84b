import grammars from '../../generated/grammars.ohm-bundle';
import { indentOf, type Line } from '../../base/lines';
import { joinLines, type SourceText } from '../ohm';
import { readNftRule, type NftItem } from './semantics';

/** A line that is never the rest of a rule. */
const OWN_LINE = /^\s*(?:\}|#|(?:chain|table|set|map|flowtable)\s.*\{|type\s+\w+\s+hook\s)/;
/** No rule ends so: what the last word speaks of is missing. */
const UNFINISHED =
  /(?:\s(?:to|[sd]addr|[sd]port|[!=]=|[<>]=?|packets(?: \d+)?|bytes|\.|v?map|set|and|or|with|prefix|comment|jump|goto|rate|over|burst|name|ether|meta|ct|ip6?|tcp|udp|fib|add)|[,&|])\s*$/;
const UNFINISHED_HOOK = /^\s*type\s+\w+\s+hook\s(?:.*\s)?(?:policy|priority|devices?|=)\s*$/;
/** What may stand behind a verdict, and behind a translation. */
const BEHIND_VERDICT = /^\s*comment\s+"/;
const BEHIND_NAT = /^\s*(?:comment\s+"|to\s|persistent\b|random\b|fully-random\b)/;

/** Less than these columns nobody breaks lines at. */
const NARROWEST = 60;

/** A rule with the line below it. */
export interface WithRest {
  readonly source: SourceText;
  /** The line below may as well be a rule of its own. */
  readonly open: boolean;
}

/**
 * A rule with the line below where that is its rest, which a mail or a terminal broke off: such a line has lost the indentation, or the rule
 * lacks its end. Undefined where the line below is one of its own. `widest` is how many columns the longest line of the capture has.
 */
export function withRest(parts: readonly Line[], next: Line | undefined, widest: number): WithRest | undefined {
  const [first] = parts;
  const above = parts[parts.length - 1];
  if (first === undefined || above === undefined || next?.number !== above.number + 1 || OWN_LINE.test(next.text))
    return undefined;
  const stoodFurtherIn = indentOf(first.text) > 0 && indentOf(next.text) === 0;
  if (!stoodFurtherIn && !UNFINISHED.test(above.text)) return undefined;
  const before = joinLines(parts, ' ');
  const last = itemsOf(before.text)?.at(-1);
  if (/^(?:verdict|verdict-map|block|reject)$/.test(last?.is ?? '') && !BEHIND_VERDICT.test(next.text)) return undefined;
  if (/^(?:nat|redirect)$/.test(last?.is ?? '') && !UNFINISHED.test(above.text) && !BEHIND_NAT.test(next.text)) return undefined;
  const apart = UNFINISHED.test(above.text) ? 'no' : standsApart(last, above, next, widest);
  if (apart === 'yes') return undefined;
  const ways = [' ', ''].map((glue) =>
    joinLines([...parts, next], (_rest, _above, joint) => (joint === parts.length - 1 ? glue : ' ')),
  );
  const found = ways.find(({ text }) => unknownIn(text) === 0);
  // A line that lost its indentation is no rule of its own, be the whole understood or not.
  const source = found ?? (stoodFurtherIn ? ways[0] : undefined);
  return source && { source, open: apart === 'maybe' };
}

/**
 * Whether a line without indentation is a rule of its own behind one that has no verdict. What only asks does nothing, so that its rest must
 * follow; what counts, logs or sets something may be whole. Behind that stands a verdict or another statement as a rule, and a line is
 * broken where the next word does not fit.
 */
function standsApart(last: NftItem | undefined, above: Line, next: Line, widest: number): 'yes' | 'maybe' | 'no' {
  if (last?.is === 'comment') return 'yes';
  if (last === undefined || !/^(?:counter|set|other|hidden)$/.test(last.is)) return 'no';
  const [first] = itemsOf(next.text) ?? [];
  if (first === undefined || first.is === 'unknown') return 'no';
  const [word = ''] = next.text.trim().split(/\s/, 1);
  const fits = columnsOf(above.text) + 1 + word.length <= Math.max(NARROWEST, widest);
  const asks = first.is === 'condition' || first.is === 'verdict-map' || first.is === 'limit';
  if (fits) return asks ? 'yes' : 'maybe';
  return asks ? 'maybe' : 'no';
}

/** How wide a terminal shows a line. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns = character === '\t' ? columns - (columns % 8) + 8 : columns + 1;
  return columns;
}

/** For `CaptureKind.continues`: whether a line that is no record of its own is the rest of the rule or the head above. */
export function continuesNft(previous: string, text: string): boolean {
  if (previous.length + text.length > 2000 || previous.includes('#') || OWN_LINE.test(text) || !/\w/.test(text)) return false;
  if (UNFINISHED_HOOK.test(previous)) return grammars.Nft.match(`${previous} ${text.trim()}`, 'hookLine').succeeded();
  const stoodFurtherIn = indentOf(previous) > 0 && indentOf(text) === 0;
  if (!stoodFurtherIn && !UNFINISHED.test(previous)) return false;
  return [' ', ''].some((glue) => unknownIn(`${previous}${glue}${text.trim()}`) === 0);
}

/** The head of a chain with the line below, where it breaks off before that. */
export function wholeHook(line: Line, next: Line | undefined): SourceText | undefined {
  if (next?.number !== line.number + 1 || !UNFINISHED_HOOK.test(line.text)) return undefined;
  const source = joinLines([line, next], ' ');
  return grammars.Nft.match(source.text, 'hookLine').succeeded() ? source : undefined;
}

function itemsOf(text: string) {
  const result = grammars.Nft.match(text, 'ruleLine');
  return result.failed() ? undefined : readNftRule(result, { text, parts: [{ at: 0, offset: 0 }] }).items;
}

function unknownIn(text: string): number {
  return itemsOf(text)?.filter((item) => item.is === 'unknown').length ?? Infinity;
}
