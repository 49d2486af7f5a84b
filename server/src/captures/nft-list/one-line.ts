import type { Line } from '../../base/lines';

/** A block that opens and closes on one line, as files for `nft -f` have it: `chain input { type filter hook input priority 0; }`. */
const BLOCK = /^(\s*(?:chain|set|map|counter|quota|limit)\s+[^\s{]+\s*\{)(.*)(\})\s*;?\s*$/;
/** What says of itself several things on one line; a hook with its policy is one thing. */
const SEVERAL = /^\s*(?:type|typeof|flags|policy)\s[^#]*;\s*\S/;
const HOOK = /^\s*type\s+\w+\s+hook\s/;

/** Whether a line is a block of its own. */
export const isBlock = (text: string): boolean => BLOCK.test(text);

/** The lines with each statement on one of its own, where it stands in the text. */
export function statementsOf(lines: readonly Line[]): readonly Line[] {
  const single = lines.some(({ text }) => BLOCK.test(text) || SEVERAL.test(text)) ? lines.flatMap(split) : lines;
  return single.some(({ text }) => REMARKED.test(text)) ? withoutRemarks(single) : single;
}

/** The first line of a block; what follows is no element. */
const OPENS = /^\s*(?:table|chain)\s/;
/** `echo-request, # ping` */
const REMARKED = /^([^"#]*[^"#\s])\s+#.*$/;

/** Elements without the remarks behind them; a rule keeps its own. */
function withoutRemarks(lines: readonly Line[]): readonly Line[] {
  let before = '';
  return lines.map((line) => {
    const text = REMARKED.exec(line.text)?.[1];
    const isElement = text !== undefined && (text.endsWith(',') || (/[,{]$/.test(before) && !OPENS.test(before)));
    const own = isElement ? { ...line, text } : line;
    before = own.text.trimEnd();
    return own;
  });
}

function split(line: Line): readonly Line[] {
  if (line.cuts !== undefined) return [line];
  const [, head, inner, close] = BLOCK.exec(line.text) ?? [];
  if (head !== undefined && inner !== undefined && close !== undefined)
    return [
      part(line, 0, head.length),
      ...pieces(line, head.length, head.length + inner.length),
      part(line, head.length + inner.length, head.length + inner.length + close.length),
    ];
  return SEVERAL.test(line.text) ? pieces(line, 0, line.text.length) : [line];
}

/** What stands between `start` and `end`, behind each `;` that is in no quotes and no braces. */
function pieces(line: Line, start: number, end: number): readonly Line[] {
  const found: Line[] = [];
  let from = start;
  let depth = 0;
  let quoted = false;
  const add = (until: number) => {
    const text = line.text.slice(from, until);
    const before = found.at(-1);
    // The policy belongs to the hook, and a remark to what stands before it.
    const belongs =
      /^\s*(?:#|$)/.test(text) || (/^\s*(?:policy|flags)\b/.test(text) && before !== undefined && HOOK.test(before.text));
    if (before !== undefined && belongs) found[found.length - 1] = { ...before, text: before.text + text };
    else if (text.trim() !== '') found.push(part(line, from, until));
    from = until;
  };
  for (let at = start; at < end; at++) {
    const letter = line.text[at];
    if (letter === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (letter === '#') break;
    else if (letter === '{') depth++;
    else if (letter === '}') depth--;
    else if (letter === ';' && depth === 0) add(at + 1);
  }
  add(end);
  return found;
}

const part = (line: Line, start: number, end: number): Line => ({
  ...line,
  text: line.text.slice(start, end),
  start: line.start + start,
});
