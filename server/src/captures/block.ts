import { indentOf, type Line } from '../base/lines';
import type { Span } from '../base/span';
import { FENCE } from './between';
import type { CommandLine } from './command';
import { isErrorOutput } from './error-output';
import { otherSystem, otherSystems } from './other-systems';
import { BULLET, isSentence, looksLikeProse } from './prose';
import { alwaysPrints, sniffLine, type Found } from './registry';
import { part } from './line-parts';

/** A stretch of lines that one command printed. */
export interface Block {
  readonly found: Found;
  readonly command: CommandLine | undefined;
  readonly commandSpan: Span | undefined;
  readonly commandLine: number | undefined;
  readonly host: string | undefined;
  readonly hostBy: 'prompt' | 'folder' | 'file' | undefined;
  readonly namespace: string | undefined;
  /** What leads into the namespace, where it is a container's. */
  readonly enter: string | undefined;
  /** Output lines, but those that are flows of a known shape. */
  readonly lines: readonly Line[];
  /** The first and the last line (0-based) of the output, flows of known shapes included; undefined where there is none. */
  readonly reach: { readonly first: number; readonly last: number } | undefined;
  /** How many lines are flows of a known shape. */
  readonly flows: number;
  readonly elided: boolean;
  /** Inside the block, understood by nobody. */
  readonly strange: readonly Line[];
}

export interface OpenBlock {
  found: Found;
  readonly command: CommandLine | undefined;
  commandSpan: Span | undefined;
  readonly commandLine: number | undefined;
  readonly host: string | undefined;
  readonly hostBy: Block['hostBy'];
  readonly namespace: string | undefined;
  readonly enter: string | undefined;
  /** Its command stands behind a prompt that nobody writes by hand, with or without a host's name. */
  readonly onTerminal: boolean;
  /** The machine that a log names before its lines. */
  loggedBy: string | undefined;
  /** Its lines stand behind `#`, as remarks to the commands of a script. */
  inRemarks: boolean;
  indent: number | undefined;
  readonly lines: Line[];
  readonly strange: Line[];
  elided: boolean;
  /** Somebody wrote that it printed nothing. */
  saysEmpty: boolean;
  /** Blank lines since the last line that was taken. */
  blanks: number;
  /** The record that the last line is of, as far as it came: a terminal may break one over many lines. */
  record: string;
  reach: { readonly first: number; readonly last: number } | undefined;
  flows: number;
}

/** Whether a dump of flows is open that goes on with a flow that has so many blanks in front. */
export function takesFlows(open: OpenBlock, indent: number): boolean {
  if (!open.found.syntax.takesFlows) return false;
  return !(open.blanks > 0 && open.reach && open.indent !== undefined && indent < Math.min(open.indent, 4));
}

export function takeFlows(open: OpenBlock, first: number, count: number, indent: () => number): void {
  open.flows += count;
  reachTo(open, first, first + count - 1);
  open.indent ??= indent();
  open.blanks = 0;
}

/** A line that was taken for itself is known to be a flow. */
export function recount(open: OpenBlock, line: number): void {
  if (!open.found.syntax.takesFlows || open.lines.at(-1)?.number !== line) return;
  open.lines.pop();
  open.flows++;
}

function reachTo(open: OpenBlock, first: number, last: number): void {
  open.reach = { first: open.reach?.first ?? first, last };
}

export function start(
  found: Found,
  from: {
    host: string | undefined;
    hostBy: Block['hostBy'];
    namespace: string | undefined;
    enter?: string | undefined;
    command?: CommandLine;
    commandSpan?: Span;
    commandLine?: number;
    indent?: number;
    loggedBy?: string | undefined;
    onTerminal?: boolean;
  },
): OpenBlock {
  return {
    found,
    command: from.command,
    commandSpan: from.commandSpan,
    commandLine: from.commandLine,
    host: from.host,
    hostBy: from.hostBy,
    namespace: from.namespace,
    enter: from.enter,
    indent: from.indent,
    onTerminal: from.onTerminal === true,
    loggedBy: from.loggedBy,
    inRemarks: false,
    lines: [],
    strange: [],
    elided: false,
    saysEmpty: false,
    blanks: 0,
    record: '',
    reach: undefined,
    flows: 0,
  };
}

/** An output is whole once nothing more can belong to it. `isFile`: it is an empty file, whose name says what printed nothing. */
export function finish(open: OpenBlock, isFile = false): Block | undefined {
  // A file that is named after a command holds what the command said, be it only why it failed.
  const failed = () => open.command !== undefined && open.strange.some((line) => isErrorOutput(line.text));
  if (!open.reach && open.commandSpan === undefined && !failed() && !isFile) return undefined;
  // A command behind a bare `$` that nothing stands below may be one to type, not one that printed nothing.
  const isEmpty = !open.reach && open.strange.length === 0 && !open.saysEmpty;
  const toType = open.host === undefined && !open.onTerminal && !isFile;
  const lost = isEmpty && (toType || (open.command && alwaysPrints(open.found.recognised.kind, open.command.argv)));
  // Where one namespace's output ends and the next one's starts may not show.
  const mixed = open.command?.inEach === 'loop' && open.command.title === undefined;
  return { ...open, elided: open.elided || lost === true || mixed };
}

/** What `ip link` says of a device, whose words are letters enough for a sentence. */
const SETTINGS = /(?:^|\s)state [A-Z]+ (?:mode \S+ )?group \S+/;

/** As much of a record as is looked at for where it goes on. */
const MOST_RECORD = 100_000;

/** Gives the line to the open block where its syntax can hold it. */
export function take(open: OpenBlock, line: Line, following: (n: number) => string | undefined): boolean {
  const { recognised: asked } = open.found;
  const other = open.reach === undefined ? otherSystem(asked.kind, line.text, following) : undefined;
  if (other) open.found = { syntax: otherSystems, recognised: other };
  const { syntax, recognised } = open.found;
  const previous = open.lines.at(-1);
  const direct = previous !== undefined && previous.number === open.reach?.last;
  // After a blank line, text that stands further left than the command is the author's again.
  if (open.blanks > 0 && open.reach && open.indent !== undefined && indentOf(line.text) < Math.min(open.indent, 4)) return false;
  const accepted = syntax.accepts(line.text, recognised.kind, recognised.options);
  const continued =
    !accepted &&
    open.blanks === 0 &&
    direct &&
    (!isSentence(line.text) || SETTINGS.test(line.text)) &&
    ((previous.text.endsWith('\\') && syntax.kinds.length > 0) || (syntax.continues?.(open.record, line.text) ?? false));
  if (!accepted && !continued) return false;
  if (accepted && open.blanks > 0 && open.reach && looksLikeProse(line.text) && !syntax.sniff(line.text, following)) {
    if (BULLET.test(line.text) || syntax.kinds.length === 0) return false;
  }
  // Output of unread commands gives way to what can be read.
  if (syntax.kinds.length === 0) {
    const sniffed = sniffLine(line.text, following);
    if (sniffed && sniffed.recognised.kind !== recognised.kind && open.blanks > 0) return false;
  }
  // A second header or a fresh uuid starts the same output anew only for tables of contents; the kinds cope with it.
  open.record = continued && open.record.length < MOST_RECORD ? open.record + line.text : line.text;
  open.lines.push(line);
  reachTo(open, line.number, line.number);
  open.indent ??= indentOf(line.text);
  open.loggedBy ??= line.host;
  open.blanks = 0;
  return true;
}

/** A line of output that somebody put behind `#`, without that sign; undefined for other lines. */
export function outputInRemark(open: OpenBlock, line: Line, following: (n: number) => string | undefined): Line | undefined {
  const sign = /^\s*# ?(?=\s*\S)/.exec(line.text)?.[0].length;
  const { syntax, recognised } = open.found;
  if (sign === undefined || syntax.kinds.length === 0 || (open.reach !== undefined && !open.inRemarks)) return undefined;
  const rest = part(line, sign);
  if (!syntax.accepts(rest.text, recognised.kind, recognised.options)) return undefined;
  return open.inRemarks || syntax.sniff(rest.text, (n) => following(n)?.replace(/^\s*# ?/, '')) !== undefined ? rest : undefined;
}

/** Whether nothing but its command was seen of a capture. */
export function awaitsOutput(open: OpenBlock): boolean {
  return open.commandLine !== undefined && !open.reach && open.blanks === 0;
}

/** The output of a command may start some lines below it: a warning comes first, or a word of the author's. */
export function outputFollows(open: OpenBlock, line: Line, following: (n: number) => string | undefined): boolean {
  const left = 3 - (line.number - (open.commandLine ?? 0));
  for (let k = 0; k <= left; k++) {
    const next = following(k);
    if (next === undefined || next.trim() === '' || FENCE.test(next)) return false;
    if (open.found.syntax.accepts(next, open.found.recognised.kind, open.found.recognised.options)) return true;
  }
  return false;
}

/** Whether a line that nobody understands stands inside the block rather than after it. */
export function belongs(open: OpenBlock, line: Line): boolean {
  if (isErrorOutput(line.text) && open.command !== undefined && open.blanks === 0) return true;
  if (open.blanks > 0 || looksLikeProse(line.text)) return false;
  // What is kept unread ends where something else stands.
  if (!isRead(open) && open.reach) return false;
  if (open.indent !== undefined && indentOf(line.text) < open.indent) return false;
  return open.reach !== undefined || open.commandLine !== undefined;
}

/** What numbers the lines that go through it: `| grep -n forward`, `| nl`. */
export const NUMBERS = /\|\s*(?:sudo\s+)?(?:[ef]?grep\s+(?:-\S+\s+)*-[a-zA-Z]*n[a-zA-Z]*\s|nl\b|cat\s+-[a-zA-Z]*n)/;

/** A line without the number that its command's pipe put before it. */
export function withoutNumber(open: OpenBlock | undefined, line: Line): Line {
  if (open?.command === undefined || !NUMBERS.test(open.command.text)) return line;
  const number = /^\s*\d+(?:[:-]|\t)/.exec(line.text);
  return number ? part(line, number[0].length) : line;
}

/** Whether a line was marked as one that is gone or new, as diff(1) does: which of both states an output shows is not known then. */
export function isMarkedAsChanged(open: OpenBlock, { text }: Line): boolean {
  const { syntax, recognised } = open.found;
  if (open.blanks > 0 || !open.reach || syntax.kinds.length === 0 || !/^[+-]/.test(text)) return false;
  return syntax.accepts(` ${text.slice(1)}`, recognised.kind, recognised.options);
}

/** True for an open block of a kind that is read; such a block may claim a line that also looks like a bare command. */
export function isRead(open: OpenBlock): boolean {
  return open.found.syntax.kinds.length > 0;
}
