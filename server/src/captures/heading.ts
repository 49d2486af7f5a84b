import type { Line } from '../base/lines';
import { parseCommand, parsePrompt, type CommandLine } from './command';
import { recogniseCommand, type Found } from './registry';

/** Output that is about one bridge, which only its command names. */
const ABOUT_A_BRIDGE = /^(?:ovs-ofctl-(?:show|dump-flows|dump-ports-desc)|ovs-appctl-(?:fdb-show|bridge-dump-flows))$/;
const HEADING_REACH = 4;

/** "br-int flow table:" above flows without a command names their bridge. */
export function underHeading(found: Found, heading: Line | undefined, line: number): Found {
  const { recognised } = found;
  if (
    !heading ||
    line - heading.number > HEADING_REACH ||
    recognised.target !== undefined ||
    !ABOUT_A_BRIDGE.test(recognised.kind)
  )
    return found;
  const names = new Set(heading.text.match(/(?<![\w/-])(?:br-[A-Za-z][\w-]*|ovsbr\d+|br\d+)(?![\w-])/g) ?? []);
  const [target] = names;
  if (target === undefined || names.size > 1) return found;
  return { ...found, recognised: { ...recognised, target, options: { ...recognised.options, targetBy: 'heading' } } };
}

const NODE = /^\s*INFO\[\d+\] (?:Executed command .* on (?:the )?(?:node )?)?"?([A-Za-z\d][\w.-]*?)"?[.:] stdout:\s*$/;

/** The node of a lab whose output follows, as containerlab says it above. */
export function nodeAbove(text: string): string | undefined {
  return NODE.exec(text)?.[1];
}

/** Programs that say something about a command, or show it, rather than run it. */
const SPEAKS = /^(?:man|which|type|alias|echo|cat|less|vim?|nano|grep|apropos|whatis|info)$/;

/**
 * The command above an output that somebody ran by a script or an alias of their own ("$ in-container web ip a"): where that leads is
 * known by its words alone. Undefined where the line above is no such command.
 */
export function throughAlias(
  found: Found,
  heading: Line | undefined,
  line: number,
): (CommandLine & { host: string | undefined }) | undefined {
  const prompt = heading && line - heading.number === 1 ? parsePrompt(heading.text) : undefined;
  if (!heading || !prompt) return undefined;
  const typed = heading.text.slice(prompt.commandAt).trim();
  const words = typed.split(/\s+/);
  if (SPEAKS.test(words[0] ?? '') || words.length > 30) return undefined;
  for (let n = 1; n < words.length; n++) {
    const inner = parseCommand(words.slice(n).join(' '));
    if (!inner || recogniseCommand(inner.argv)?.recognised.kind !== found.recognised.kind) continue;
    const through = words.slice(0, n).join(' ');
    return { ...inner, text: typed, namespace: inner.namespace ?? through, enter: through, host: inner.host ?? prompt.host };
  }
  return undefined;
}
