import { positionAt } from '../base/lines';
import type { Source } from '../model/source';
import type { World } from './world';

/** Text that Markdown must not read as its own. */
export function escape(text: string): string {
  return text.replace(/([\\`*_{}[\]<>#|~])/g, '\\$1');
}

/** A name or number as code. */
export function code(text: string | number): string {
  const shown = String(text);
  return shown.includes('`') ? `\`\` ${shown} \`\`` : `\`${shown}\``;
}

/** `article.txt:95`, as a link to that line; undefined where the document is gone. */
export function link(world: World, source: Source | undefined, label?: string): string | undefined {
  if (!source) return undefined;
  const document = world.documents.get(source.uri);
  if (!document) return undefined;
  const line = positionAt(document.lines, source.span.start).line + 1;
  const uri = source.uri.replaceAll('(', '%28').replaceAll(')', '%29').replaceAll(' ', '%20');
  return `[${label ?? `${escape(document.path.split('/').at(-1) ?? source.uri)}:${line}`}](${uri}#L${line})`;
}

/** ` ([label](…))`, or nothing where there is no source. */
export function inBrackets(world: World, source: Source | undefined): string {
  const text = link(world, source);
  return text === undefined ? '' : ` (${text})`;
}

/** At most `limit` links, each line once. */
export function links(world: World, sources: readonly (Source | undefined)[], limit = 4): string[] {
  const found: string[] = [];
  for (const source of sources) {
    const text = link(world, source);
    if (text !== undefined && !found.includes(text)) found.push(text);
    if (found.length === limit) break;
  }
  return found;
}

/** A few of many, in words: `a, b, c and 4 more`. */
export function few(items: readonly string[], limit = 4): string {
  if (items.length <= limit) return items.join(', ');
  return `${items.slice(0, limit).join(', ')} and ${items.length - limit} more`;
}

/** `1 flow`, `2 flows`. */
export function count(n: number | bigint, one: string, many = `${one}s`): string {
  return `${n} ${Number(n) === 1 ? one : many}`;
}

/** A bold title and bullets; empty bullets are left out. */
export function section(title: string, bullets: readonly (string | undefined)[], tail?: string): string {
  const shown = bullets.filter((bullet): bullet is string => bullet !== undefined && bullet !== '');
  return [`**${title}**`, shown.map((bullet) => `- ${bullet}`).join('\n'), tail ?? ''].filter((part) => part !== '').join('\n\n');
}

/** The text with a capital at its start. */
export function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
