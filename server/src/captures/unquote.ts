import type { Line } from '../base/lines';

/** What stands around a line of a page's source: `<pre><code>$ ip a`, `… actions=NORMAL</code></pre>`. */
const MARKUP_BEFORE = /^\s*(?:<(?:pre|code|p|li)\b[^<>]{0,80}>\s*)+(?=[^\s<])/i;
const MARKUP_BEHIND = /(?:\s*<(?:\/(?:pre|code|p|li|ul|ol|div)|br ?\/?)>)+\s*$/i;
/** What numbers or marks the flows of a list that somebody made of them, or stands in a log before them. */
const LISTED =
  /^\s*(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ \S+:|\(?\d{1,3}[.)]|[*•▪◦–-])\s+(?=(?:cookie=0x[\da-f]|table=\w|duration=\d|priority=\d))/;
/** A line in Markdown's bold, or the first or the last of several. */
const BOLD = /^(\s*\*\*)?(?=[^\s*])[^*]*[^\s*](\*\*)?$/;
/** Blanks that web pages and word processors put in place of the usual one; each is as long as it. */
const OTHER_BLANKS = /[\u00a0\u2000-\u200a\u202f\u3000]/g;
const ESCAPE = String.fromCharCode(27);
const BELL = String.fromCharCode(7);
/** What a terminal is told, by its escape character: colours, titles, the cursor (ECMA-48), or that character as `^[`. */
const CONTROL = new RegExp(
  `(?:${ESCAPE}|\\^\\[)(?:\\[[\\d;?]*[A-Za-z]|\\][^${BELL}${ESCAPE}]*(?:${BELL}|${ESCAPE}\\\\)|[()][A-Z0-9])|${ESCAPE}[=>78cM]`,
  'g',
);
/** The colours of `grep` after a web page has eaten the escape character. */
const BARE_COLOUR = /\[(?:\d{1,2}(?:;\d{1,2})*)?m(?:\[K)?/g;
/** What Markdown takes for more than itself, where an editor wrote a backslash before it. */
const MARKDOWN_ESCAPE = /\\(?=[_*])/g;
const BARE_START = /\[(?:\d{1,2};)?\d{1,2}m(?:\[K|.*\[0?m)/;

/** Nobody writes anything around longer lines, and looking for it takes long. */
const LONGEST = 20_000;

/**
 * A line as a program printed it: without quotation marks (`> …`; `> #` and `> $` are prompts), the markup and the list that it stands
 * in, and a terminal's colours. The same line where there is nothing of that.
 */
export function unquote(raw: Line): Line {
  if (raw.text.length > LONGEST) return raw;
  const whole = withUsualBlanks(withoutColours(raw));
  // What somebody typed to stop the command stands in front of what it said then.
  const line = /^\^C(?=\S)/.test(whole.text) ? part(whole, 2) : whole;
  const bold = BOLD.exec(line.text);
  if (bold && (bold[1] !== undefined || bold[2] !== undefined))
    return unquoted(part(line, bold[1]?.length ?? 0, line.text.length - (bold[2]?.length ?? 0)));
  if (/^\s*<[pcl]|[a-z/]>\s*$/i.test(line.text)) {
    const before = MARKUP_BEFORE.exec(line.text)?.[0].length ?? 0;
    const behind = MARKUP_BEHIND.exec(line.text)?.index ?? line.text.length;
    if ((before > 0 || behind < line.text.length) && behind > before) return unquoted(part(line, before, behind));
  }
  const mark = LISTED.exec(line.text)?.[0].length;
  return mark === undefined ? unquoted(line) : part(line, mark);
}

function unquoted(line: Line): Line {
  // An empty quoted line is as blank as any other.
  if (/^\s*>(?:\s?>)*\s*$/.test(line.text.slice(0, 200)) && line.text.length < 200) return { ...line, text: '' };
  const quote = /^\s{0,40}(?:>(?!\s?[#$]\s)\s?)+(?=\s*\S)/.exec(line.text);
  if (!quote || /^\s*>{3}/.test(line.text)) return line;
  return part(line, quote[0].length);
}

function withUsualBlanks(line: Line): Line {
  const text = line.text.replace(OTHER_BLANKS, ' ');
  return text === line.text ? line : { ...line, text };
}

function withoutColours(line: Line): Line {
  const pattern =
    line.text.includes(ESCAPE) || line.text.includes('^[[')
      ? CONTROL
      : BARE_START.test(line.text)
        ? BARE_COLOUR
        : line.text.includes('\\_')
          ? MARKDOWN_ESCAPE
          : undefined;
  if (pattern === undefined) return line;
  const cuts: { at: number; length: number }[] = [];
  let text = '';
  let end = 0;
  for (const found of line.text.matchAll(pattern)) {
    text += line.text.slice(end, found.index);
    cuts.push({ at: text.length, length: found[0].length });
    end = found.index + found[0].length;
  }
  if (cuts.length === 0) return line;
  text += line.text.slice(end);
  return { ...line, text: text.trimEnd(), cuts };
}

/** A part of a line, at its own place. */
export function part(line: Line, from: number, to = line.text.length): Line {
  const cuts = line.cuts?.filter(({ at }) => at > from).map(({ at, length }) => ({ at: at - from, length }));
  return {
    text: line.text.slice(from, to),
    start: offsetIn(line, from),
    number: line.number,
    ...(cuts === undefined || cuts.length === 0 ? {} : { cuts }),
  };
}

/** The offset in the document of a character of a line. */
export function offsetIn(line: Line, at: number): number {
  let offset = line.start + at;
  for (const cut of line.cuts ?? []) if (cut.at <= at) offset += cut.length;
  return offset;
}
