import type { Line, Lines } from '../base/lines';
import { parsePrompt } from './command';
import { offsetIn } from './line-parts';
import { unquote } from './unquote';

/** A loop that somebody typed in several lines, or at a shell that asked for the rest (`> done`), as one line. */
export function continuedLoop(line: Line, lines: Lines, n: number): { readonly line: Line; readonly more: number } | undefined {
  if (!/(?:^|[#$>|]\s*)(?:for\s+\w+\s+in\s|while\s+read\s)/.test(line.text) || /[;\s]done\b/.test(line.text)) return undefined;
  let text = line.text;
  for (let more = 1; more < 12; more++) {
    const next = lines.at(n + more);
    if (next === undefined || next.text.length > 1000) return undefined;
    const rest = next.text.replace(/^\s*>\s?/, '').trim();
    text = `${text.replace(/[;\s]+$/, '')}; ${rest}`;
    if (/^done\b/.test(rest)) return { line: { ...line, text }, more };
  }
  return undefined;
}

/** A command that goes on behind a backslash, as one line; `more` counts the lines that it takes besides its own. */
export function continuedCommand(line: Line, lines: Lines, n: number): { readonly line: Line; readonly more: number } {
  const broken = line.text.length > 2000 ? undefined : brokenCommand(line, lines, n);
  if (broken) return broken;
  if (!line.text.endsWith('\\') || !/\s\\$/.test(line.text) || line.text.length > 2000) return { line, more: 0 };
  let text = line.text;
  let more = 0;
  while (text.endsWith('\\') && more < 40) {
    const next = lines.at(n + more + 1);
    if (next === undefined || next.text.trim() === '' || next.text.length > 2000) break;
    text = `${text.slice(0, -1).trimEnd()} ${unquote(next).text.trim()}`;
    more++;
  }
  return { line: { ...line, text }, more };
}

/** A command behind a prompt that goes on below a `|`, or inside quotes; undefined for others. */
function brokenCommand(line: Line, lines: Lines, n: number): { readonly line: Line; readonly more: number } | undefined {
  if (!goesOnInPipe(line.text) && openQuote(line.text) === undefined) return undefined;
  if (parsePrompt(line.text) === undefined) return undefined;
  let text = line.text;
  for (let more = 1; more < 6; more++) {
    const next = lines.at(n + more);
    const rest = next && next.text.length <= 1000 ? unquote(next).text.trim() : '';
    if (rest === '' || parsePrompt(rest) !== undefined) return undefined;
    text = `${text} ${rest}`;
    if (!goesOnInPipe(text) && openQuote(text) === undefined) return { line: { ...line, text }, more };
  }
  return undefined;
}

const goesOnInPipe = (text: string): boolean => text.endsWith(' |') && /\S \|$/.test(text);

/** The quote that is open where a line ends; an apostrophe inside a word is none. */
function openQuote(text: string): string | undefined {
  if (!text.includes('"') && !text.includes("'")) return undefined;
  let open: string | undefined;
  for (let n = 0; n < text.length; n++) {
    const c = text[n] ?? '';
    if (c === open) open = undefined;
    else if (open === undefined && (c === "'" || c === '"') && /[\s=(]/.test(text[n - 1] ?? ' ')) open = c;
  }
  return open;
}

/** Where a line ends in the document; of one that is not there, where the other does. */
export function lineEnd(line: Line | undefined, otherwise: Line): number {
  const of = line ?? otherwise;
  return offsetIn(of, of.text.length);
}
