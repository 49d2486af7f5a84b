import type { FailedMatchResult } from 'ohm-js';
import { matchFlow, matchFlowHead, PLAIN_ITEM, PLAIN_KEY, scanHead, type ItemSyntax } from './syntax';

/** Where a text stops to be a flow, and what could stand there. */
export interface FlowTrouble {
  readonly at: number;
  readonly expected: string;
}

const ACTIONS = /(?:^|[\s,])actions=/;
/** What the grammar's `actionsKey` needs: a line without it is no whole flow. */
const ANY_ACTIONS = /actions?[ \t]*=/;

/** What was found out of shortened texts: the lines of a dump that was cut end in few ways. */
const known = new Map<string, FlowTrouble | undefined>();
const MOST_KNOWN = 4000;

/**
 * What is wrong with a text that is no flow; undefined for one that may be one. To match a whole line, and again for what was expected,
 * takes the grammar a millisecond. But what it says depends on the last item before the trouble alone: a list of items has no memory. So
 * it is asked about that one, and once for all lines that end alike.
 */
export function troubleBeforeMatch(text: string): FlowTrouble | undefined {
  const short = shortened(text);
  if (short === undefined) return undefined;
  let trouble = known.get(short);
  if (!trouble && !known.has(short)) {
    const result = matchFlow(short);
    trouble = 'failed' in result ? troubleOf(result as FailedMatchResult) : undefined;
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(short, trouble);
  }
  return trouble && { at: trouble.at + text.length - short.length, expected: trouble.expected };
}

/** What the grammar says of a text that it refused. */
export function troubleOf(result: FailedMatchResult): FlowTrouble {
  return { at: result.getRightmostFailurePosition(), expected: result.getExpectedText() };
}

/** A text that ends as another one does and is a flow exactly if that one is; undefined where that is in doubt. */
function shortened(text: string): string | undefined {
  const actions = ACTIONS.exec(text);
  if (actions) {
    const at = actions.index + actions[0].length - 'actions='.length;
    return at > 0 && scanHead(text.slice(0, at)) ? `k ${text.slice(at)}` : undefined;
  }
  if (ANY_ACTIONS.test(text)) return undefined;
  const last = scanHead(text)?.at(-1);
  if (!last) return undefined;
  const end = last.value ? last.value.at + last.value.text.length : last.key.at + last.key.text.length;
  return `k,${alike(text.slice(last.key.at, end))}${text.slice(end)}`;
}

/** An item of which the grammar says the same: where it takes a character of a key or a value, it takes any, and then any again. */
function alike(item: string): string {
  if (item.startsWith('a')) return item;
  if (PLAIN_KEY.test(item)) return 'k';
  const [, , value] = PLAIN_ITEM.exec(item) ?? [];
  return value === undefined ? item : value === '' ? 'k=' : 'k=v';
}

/** The items of a line before its actions, or before where it was cut; undefined where these are none. */
export function headOf(text: string): readonly ItemSyntax[] | undefined {
  const whole = scanHead(text) ?? matchFlowHead(text);
  if (whole) return whole;
  const at = text.search(/[\s,]actions=/);
  if (at < 0) return undefined;
  const before = text.slice(0, at);
  return scanHead(before) ?? matchFlowHead(before);
}
