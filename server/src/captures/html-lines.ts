import type { Line } from '../base/lines';
import { part, replaced } from './line-parts';

/** What ends a line of a page inside a line of its source. */
const BREAK = /<br ?\/?>|<\/(?:p|div|li)>(?=\s*<(?:p|div|li)\b)/gi;
/** What a page puts around words of a line. */
const TAGS =
  /<\/?(?:span|font|code|pre|tt|b|i|em|strong|u|p|div|li|ul|ol|blockquote|figure|figcaption|table|tbody|tr|td|th)(?:\s[^<>]*)?>/gi;

/** The lines that a page shows of one line of its source, each at its own place; undefined where it shows that line as one. */
export function linesOfHtml(line: Line): Line[] | undefined {
  if (!line.text.includes('<')) return undefined;
  const breaks = [...line.text.matchAll(BREAK)];
  const last = breaks.at(-1);
  // One at the end breaks nothing.
  if (!last || (breaks.length === 1 && line.text.slice(last.index + last[0].length).trim() === '')) return undefined;
  const pieces: Line[] = [];
  let from = 0;
  for (const { index, 0: tag } of breaks) {
    pieces.push(part(line, from, index));
    from = index + tag.length;
  }
  pieces.push(part(line, from));
  return pieces.map((piece) => replaced(piece, TAGS, () => ''));
}
