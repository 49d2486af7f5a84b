import { indentOf, type Line, type Lines } from '../base/lines';
import type { Span } from '../base/span';
import { ACROSS, ANOTHER, ASIDE, CERTAIN_PROMPT, ELISION, FENCE, IDLE_PROMPT, REMARK, SHELLS_OWN } from './between';
import { parseCommand, parsePrompt, type CommandLine } from './command';
import { isBoundToNamespace } from './container';
import type { NamedFile } from './file-name';
import { nodeAbove, throughAlias, underHeading } from './heading';
import { hostHeading, linesOfHosts } from './many-hosts';
import { isErrorOutput as isComplaint } from './iproute-command';
import { BULLET, isHeading, isOrder, isSentence, looksLikeProse } from './prose';
import { otherSystem, otherSystems } from './other-systems';
import { alwaysPrints, recogniseCommand, sniffLine, type Found } from './registry';
import { offsetIn, part, unquote } from './unquote';
import { assignmentOf, isVariable, placeOf, startsNextTurn, withValues } from './loops';
import { continuedCommand, continuedLoop, lineEnd } from './several-lines';
import { atPrompt, goesOn, leavesSession, opensNothing, sessionOf, type SeenPrompt, type Session } from './session';

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

/** The line above the output of each namespace, of `ip -all netns exec`. */
const EACH_NAMESPACE = /^\s*netns: (\S+)$/;

/** Programs whose prompt line ends a capture although their output is of no interest. */
const KNOWN_PROGRAM =
  /^(?:ovs-|ovn-|ip$|iptables|ip6tables|nft$|ipset$|brctl$|bridge$|virsh$|nova$|neutron$|openstack$|ping$|cat$|ls$|cd$|echo$|grep$|egrep$|sudo$|ssh$|docker$|kubectl$|systemctl$|service$|tcpdump$|arp$|route$|ifconfig$|ethtool$|sysctl$|curl$|vim?$|tail$|head$|less$|more$|for$|while$|exit$|source$|export$|uname$|hostname$|date$|apt|yum$|dnf$|pip|mount$|ps$|(?:ba|a)?sh$|nsenter$|netstat$|ss$|traceroute6?$|tracepath6?$|mtr$|crictl$|nerdctl$|podman$|dig$|nslookup$|nc$|telnet$|python|modprobe$|lsmod$|lspci$|find$|man$|watch$|conntrack$|ebtables|glance$|cinder$|keystone$)/;

/**
 * The longest line that is looked at. An OpenFlow message ends at 64 KB, a table of the OpenStack client is as wide as its widest
 * cells; any other command's line is shorter by far.
 */
function longest(open: OpenBlock | undefined): number {
  const kind = open?.found.recognised.kind ?? '';
  if (/flow/.test(kind)) return 100_000;
  return kind === '' || /^(?:nova|neutron|openstack)-/.test(kind) ? 16_000 : 5_000;
}

/** So many lines are looked at between two yields: a few milliseconds' work. */
const STEP = 256;

/** Which lines of a document are known to be flows already: any of them alone would be taken by a dump of flows that has started. */
export interface KnownFlows {
  /** How many lines from `line` on, one after the other, are such flows. */
  runAt(line: number): number;
  /** The blanks in front of the flow on a line. */
  indentOf(line: number): number;
  /** How many lines from `line` on, one after the other, are certainly empty; others may be, too. */
  emptyAt(line: number): number;
}

/**
 * Finds every captured output in a document's lines. `named` is what the file's name says, if anything. Yields now and then, so that
 * the caller may do other things between.
 */
export function* splitDocument(lines: Lines, named: NamedFile | undefined, flows: KnownFlows): Generator<void, Block[]> {
  const blocks: Block[] = [];
  let open: OpenBlock | undefined;
  if (named) {
    const found = recogniseCommand(named.command.argv);
    if (found) {
      open = start(found, { host: named.host, hostBy: named.hostBy, namespace: named.namespace, command: named.command });
    }
  }
  const close = () => {
    if (open) {
      const block = finish(open);
      if (block) blocks.push(block);
    }
    open = undefined;
  };
  let heading: Line | undefined;
  /** The command that several machines ran, whose outputs follow one after the other. */
  let onMany: OpenBlock | undefined;
  let session: Session | undefined;
  /** A shell's loop whose outputs follow, and where the next one is from as far as it says. */
  let loop:
    | {
        readonly command: CommandLine;
        readonly found: Found | undefined;
        namespace: string | undefined;
        host: string | undefined;
      }
    | undefined;
  const variables = new Map<string, string>();
  let node: string | undefined;
  let steps = 0;
  for (let n = 0; n < lines.length; n++) {
    if (++steps % STEP === 0) yield;
    const run = flows.runAt(n);
    if (run > 0 && open && takesFlows(open, flows.indentOf(n))) {
      takeFlows(open, n, run, () => flows.indentOf(n));
      n += run - 1;
      continue;
    }
    const empty = run > 0 ? 0 : flows.emptyAt(n);
    if (empty > 0) {
      if (open) open.blanks += empty;
      n += empty - 1;
      continue;
    }
    const raw = lines.at(n);
    if (!raw) continue;
    if (raw.text === '') {
      if (open) open.blanks++;
      continue;
    }
    const line = unquote(raw);
    if (line.text.length > longest(open) && !/^\s*[[{]/.test(line.text.slice(0, 1000))) {
      // No command prints such a line but as JSON; the grammars' memory grows with a line's length.
      if (open && open.blanks === 0 && open.found.syntax.kinds.length > 0) open.strange.push(line);
      continue;
    }
    const following = (k: number) => {
      const next = lines.at(n + 1 + k);
      return next ? unquote(next).text : undefined;
    };
    if (line.text.trim() === '' || FENCE.test(line.text)) {
      if (open) open.blanks++;
      continue;
    }
    if (ELISION.test(line.text)) {
      if (open) open.elided = true;
      continue;
    }
    // A flow that is written as programs write it could be nothing else, and there may be a hundred thousand of no known shape.
    if (open?.found.syntax.takesFlows === true && ASSIGNMENTS.test(line.text) && take(open, line, following)) {
      if (run > 0) recount(open, n);
      continue;
    }
    if (open && ASIDE.test(line.text)) continue;
    const continued = continuedLoop(line, lines, n) ?? continuedCommand(line, lines, n);
    const prompted = commandAt(continued.line, (k) => following(k + continued.more), open);
    if (prompted) {
      n += continued.more;
      close();
      onMany = undefined;
      loop = undefined;
      node = undefined;
      const { prompt } = prompted;
      const command = withValues(prompted.command, variables);
      if (session && prompt) session = goesOn(session, prompt, command) ? atPrompt(session, prompt) : undefined;
      const inside = prompted.found && isBoundToNamespace(command.argv[0] ?? '') ? session : undefined;
      if (prompt) session = sessionOf(command, prompt) ?? session;
      if (prompted.found) {
        const folder = named?.hostBy === 'folder' ? named.host : undefined;
        const host = command.host ?? (session?.ownPrompt === true ? session.outerHost : prompt?.host) ?? folder;
        open = start(prompted.found, {
          host,
          hostBy: host === undefined ? undefined : host === folder && prompt?.host === undefined ? 'folder' : 'prompt',
          namespace: command.namespace ?? inside?.namespace,
          enter: command.namespace === undefined ? inside?.enter : command.enter,
          command,
          commandSpan: continued.more === 0 ? prompted.span : { start: prompted.span.start, end: lineEnd(lines.at(n), line) },
          commandLine: line.number,
          indent: indentOf(line.text),
          onTerminal: prompt !== undefined && SHELLS_OWN.test(prompt.text),
        });
        if (command.inEach === 'loop') loop = { command, found: prompted.found, namespace: command.namespace, host };
        if (command.inEach === 'host') onMany = open;
        if (command.inEach === 'line') {
          const each = linesOfHosts(lines, n + 1);
          if (each.count > 0) blocks.push(...blocksOfHosts(open, each.hosts));
          if (each.count > 0) open = undefined;
          n += each.count;
        }
      }
      continue;
    }
    const set = assignmentOf(line.text.slice(parsePrompt(line.text)?.commandAt ?? 0));
    if (set) variables.set(set.variable, set.value);
    if (IDLE_PROMPT.test(line.text) || ANOTHER.test(line.text) || (session && leavesSession(line.text))) {
      if (leavesSession(line.text)) session = undefined;
      loop = undefined;
      node = nodeAbove(line.text);
      close();
      continue;
    }
    const inRemark = open && !prompted ? outputInRemark(open, line, following) : undefined;
    if (open && inRemark && take(open, inRemark, following)) {
      open.inRemarks = true;
      continue;
    }
    if (open?.inRemarks === true) close();
    const title = loop?.command.title?.exec(line.text)?.[1];
    const isNext = open?.reach !== undefined && open.lines[0] !== undefined && startsNextTurn(open.lines[0].text, line.text);
    if (loop && (title !== undefined || isNext)) {
      if (title !== undefined) {
        const { command } = loop;
        if (command.namespace !== undefined && isVariable(command.namespace)) loop.namespace = title;
        else loop.host = title;
      }
      if (open && !open.reach && open.commandSpan && title !== undefined) {
        // The command's own span stays with the first output.
        const { commandSpan, commandLine } = open;
        open =
          loop.found &&
          start(loop.found, { ...placeOf(loop), commandSpan, ...(commandLine === undefined ? {} : { commandLine }) });
        continue;
      }
      close();
      open = loop.found && start(loop.found, placeOf(loop));
      if (title !== undefined) continue;
    }
    const namespace = open?.command?.inEach === 'namespace' ? EACH_NAMESPACE.exec(line.text)?.[1] : undefined;
    if (open && namespace !== undefined) {
      const { found, command, commandSpan, commandLine, indent, reach, host, hostBy } = open;
      const first = reach === undefined ? { commandSpan, commandLine } : {};
      if (reach !== undefined) close();
      open = start(found, { host, hostBy, namespace, command, indent, ...first });
      continue;
    }
    const machine = onMany === undefined ? undefined : hostHeading(line.text, lines.at(n - 1)?.text, following(0));
    if (onMany && machine) {
      const first = open && !open.reach ? { commandSpan: open.commandSpan, commandLine: open.commandLine } : {};
      if (open?.reach) close();
      const { found, command } = onMany;
      open =
        machine.host === undefined
          ? undefined
          : start(found, { host: machine.host, hostBy: 'prompt', namespace: command?.namespace, command, ...first });
      continue;
    }
    if (open && take(open, line, following)) {
      if (run > 0) recount(open, n);
      continue;
    }
    if (open && REMARK.test(line.text)) continue;
    if (open && ACROSS.test(line.text)) {
      open.blanks++;
      continue;
    }
    const sniffed = sniffLine(line.text, following);
    if (sniffed) {
      close();
      const folder = named?.hostBy === 'folder' ? named.host : undefined;
      const alias = throughAlias(sniffed, heading, line.number);
      open = start(underHeading(sniffed, heading, line.number), {
        ...(loop
          ? placeOf(loop)
          : alias
            ? placeOf({ command: alias, namespace: alias.namespace, host: alias.host ?? folder })
            : { host: node ?? folder, hostBy: node ? 'prompt' : folder ? 'folder' : undefined, namespace: undefined }),
        indent: indentOf(line.text),
      });
      take(open, line, following);
      if (run > 0) recount(open, n);
      continue;
    }
    if (open && (isOrder(line.text) || opensNothing(line.text))) {
      close();
      continue;
    }
    if (open && (belongs(open, line) || (awaitsOutput(open) && outputFollows(open, line, following)))) {
      // The rest of a long command, which somebody broke.
      if (awaitsOutput(open) && open.commandSpan && /^\s+--?[a-z][\w-]+/.test(line.text)) {
        open.commandSpan = { start: open.commandSpan.start, end: lineEnd(line, line) };
        continue;
      }
      // What a count, or awk, made of an output is no part of it.
      if (open.command?.reshaped === true && !isErrorOutput(line.text)) open.elided = true;
      else open.strange.push(line);
    } else {
      // What stands right below a command is most often its output, in another tongue or form: it is not that there was none.
      if (open && awaitsOutput(open)) open.elided = true;
      close();
      if (looksLikeProse(line.text)) loop = undefined;
      heading = line;
    }
  }
  close();
  return blocks;
}

/** What each machine printed, where its lines stand behind its name. */
function blocksOfHosts(first: OpenBlock, hosts: ReadonlyMap<string, readonly Line[]>): Block[] {
  const { found, command, commandSpan, commandLine } = first;
  return [...hosts].flatMap(([host, lines], n) => {
    const where = { host, hostBy: 'prompt' as const, namespace: command?.namespace };
    const open = start(found, { ...where, ...(command && { command }), ...(n === 0 ? { commandSpan, commandLine } : {}) });
    for (const line of lines) {
      if (line.text.trim() !== '' && !take(open, line, () => undefined)) open.strange.push(line);
    }
    return finish(open) ?? [];
  });
}

/** A line of output that somebody put behind `#`, without that sign; undefined for other lines. */
function outputInRemark(open: OpenBlock, line: Line, following: (n: number) => string | undefined): Line | undefined {
  const sign = /^\s*# ?(?=\s*\S)/.exec(line.text)?.[0].length;
  const { syntax, recognised } = open.found;
  if (sign === undefined || syntax.kinds.length === 0 || (open.reach !== undefined && !open.inRemarks)) return undefined;
  const rest = part(line, sign);
  if (!syntax.accepts(rest.text, recognised.kind, recognised.options)) return undefined;
  return open.inRemarks || syntax.sniff(rest.text, (n) => following(n)?.replace(/^\s*# ?/, '')) !== undefined ? rest : undefined;
}

/** Whether nothing but its command was seen of a capture. */
function awaitsOutput(open: OpenBlock): boolean {
  return open.commandLine !== undefined && !open.reach && open.blanks === 0;
}

/** The output of a command may start some lines below it: a warning comes first, or a word of the author's. */
function outputFollows(open: OpenBlock, line: Line, following: (n: number) => string | undefined): boolean {
  const left = 3 - (line.number - (open.commandLine ?? 0));
  for (let k = 0; k <= left; k++) {
    const next = following(k);
    if (next === undefined || next.trim() === '' || FENCE.test(next)) return false;
    if (open.found.syntax.accepts(next, open.found.recognised.kind, open.found.recognised.options)) return true;
  }
  return false;
}

interface OpenBlock {
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
  /** Its lines stand behind `#`, as remarks to the commands of a script. */
  inRemarks: boolean;
  indent: number | undefined;
  readonly lines: Line[];
  readonly strange: Line[];
  elided: boolean;
  /** Blank lines since the last line that was taken. */
  blanks: number;
  /** The record that the last line is of, as far as it came: a terminal may break one over many lines. */
  record: string;
  reach: { readonly first: number; readonly last: number } | undefined;
  flows: number;
}

/** Whether a dump of flows is open that goes on with a flow that has so many blanks in front. */
function takesFlows(open: OpenBlock, indent: number): boolean {
  if (!open.found.syntax.takesFlows) return false;
  return !(open.blanks > 0 && open.reach && open.indent !== undefined && indent < Math.min(open.indent, 4));
}

function takeFlows(open: OpenBlock, first: number, count: number, indent: () => number): void {
  open.flows += count;
  reachTo(open, first, first + count - 1);
  open.indent ??= indent();
  open.blanks = 0;
}

/** A line that was taken for itself is known to be a flow. */
function recount(open: OpenBlock, line: number): void {
  if (!open.found.syntax.takesFlows || open.lines.at(-1)?.number !== line) return;
  open.lines.pop();
  open.flows++;
}

function reachTo(open: OpenBlock, first: number, last: number): void {
  open.reach = { first: open.reach?.first ?? first, last };
}

function start(
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
    inRemarks: false,
    lines: [],
    strange: [],
    elided: false,
    blanks: 0,
    record: '',
    reach: undefined,
    flows: 0,
  };
}

function finish(open: OpenBlock): Block | undefined {
  // A file that is named after a command holds what the command said, be it only why it failed.
  const failed = () => open.command !== undefined && open.strange.some((line) => isErrorOutput(line.text));
  if (!open.reach && open.commandSpan === undefined && !failed()) return undefined;
  // A command behind a bare `$` that nothing stands below may be one to type, not one that printed nothing.
  const isEmpty = !open.reach && open.strange.length === 0;
  const toType = open.host === undefined && !open.onTerminal;
  const lost = isEmpty && (toType || (open.command && alwaysPrints(open.found.recognised.kind, open.command.argv)));
  // Where one namespace's output ends and the next one's starts may not show.
  const mixed = open.command?.inEach === 'loop' && open.command.title === undefined;
  return { ...open, elided: open.elided || lost === true || mixed };
}

/** What `ip link` says of a device, whose words are letters enough for a sentence. */
const SETTINGS = /^\s+(?:master \S+ )?state [A-Z]+ (?:mode \S+ )?group \S+/;

/** As much of a record as is looked at for where it goes on. */
const MOST_RECORD = 100_000;

/** Gives the line to the open block where its syntax can hold it. */
function take(open: OpenBlock, line: Line, following: (n: number) => string | undefined): boolean {
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
  open.blanks = 0;
  return true;
}

/** What a command prints when it fails, in place of its output or between it. */
export function isErrorOutput(text: string): boolean {
  return (
    isComplaint(text) ||
    /^\s*(?:\d{4}-\d\d-\d\dT[\d:.]+Z\|\d+\|[\w()]+\|(?:WARN|ERR|EMER)\|)/.test(text) ||
    /^\s*(?:ovs-\w+|ovn-\w+|ip6?tables\S*|brctl|virsh|bridge|nova|neutron|openstack|sudo|bash|sh|error|ERROR|RTNETLINK answers|Cannot open|Error|Device)\b[^|=]*(?:fail|cannot|can't|no such|not found|denied|unknown|refused|not permitted|does not exist|no bridge|unable|timed out)/i.test(
      text,
    )
  );
}

/** Whether a line that nobody understands stands inside the block rather than after it. */
function belongs(open: OpenBlock, line: Line): boolean {
  if (isErrorOutput(line.text) && open.command !== undefined && open.blanks === 0) return true;
  if (open.blanks > 0 || looksLikeProse(line.text)) return false;
  if (open.indent !== undefined && indentOf(line.text) < open.indent) return false;
  return open.reach !== undefined || open.commandLine !== undefined;
}

/** Assignments and nothing else: to a shell no command follows them, and no sentence has such words. */
const ASSIGNMENTS = /^\s{0,8}\w+=[^\s"'`|;&]*(?: +\w+=[^\s"'`|;&]*)+$/;

/** Whether a line that a dump of flows accepts could be anything else to `splitDocument`: a command, a quotation, a cut, prose. */
export function isOnlyOutput(text: string): boolean {
  if (ASSIGNMENTS.test(text)) return true;
  const line = { text, start: 0, number: 0 };
  return !(
    unquote(line) !== line ||
    FENCE.test(text) ||
    ELISION.test(text) ||
    IDLE_PROMPT.test(text) ||
    BULLET.test(text) ||
    looksLikeProse(text) ||
    commandAt(line, () => undefined, undefined) !== undefined ||
    mayBeCommand(line)
  );
}

interface Prompted {
  readonly found: Found | undefined;
  readonly command: CommandLine;
  /** Undefined for a command that no prompt introduces. */
  readonly prompt: SeenPrompt | undefined;
  readonly span: Span;
}

/** What may stand before a command that no prompt introduces. */
const BARE = /^\s*(?:#{1,6}\s+|[*-]\s+|\d+[.)]\s+)?(?:\*\*|`{1,2}|=+>?\s*|"|-{2,}\s*|\+{2,}\s*)?(?=[\w/])/;

/** The command on a line, behind a prompt or alone; undefined where the line is no command. */
function commandAt(line: Line, following: (n: number) => string | undefined, open: OpenBlock | undefined): Prompted | undefined {
  const prompt = parsePrompt(line.text);
  if (prompt) {
    const certain = CERTAIN_PROMPT.test(line.text);
    const prompted = asCommand(line, prompt.commandAt, certain);
    if (prompted) {
      const { found, command } = prompted;
      if (prompt.host === undefined && isHeading(line.text)) return undefined;
      // "# something" may be a remark, and "1# x" a row: only a known program makes it a command.
      const known =
        KNOWN_PROGRAM.test(command.argv[0] ?? '') &&
        (prompt.host !== undefined || /^\s*(?:[#$]|(?:~|\/[\w./-]*) ?[#$]\s)/.test(line.text));
      const seen = { text: line.text.slice(0, prompt.commandAt).trim(), host: prompt.host };
      if (
        found ||
        (certain && prompt.host !== undefined) ||
        sessionOf(command, seen) ||
        ((certain || known) && !looksLikeProse(line.text))
      ) {
        return { ...prompted, prompt: seen };
      }
    }
  }
  // Without a prompt: a heading, emphasised or alone on its line, followed by its output.
  const bare = BARE.exec(line.text);
  if (!bare || line.text.length > 300) return undefined;
  const text = line.text.replace(/(?:\*\*|`|:|\s=+|"|\s-{2,})+$/, '');
  const prompted = asCommand({ ...line, text }, bare[0].length);
  if (
    !prompted?.found ||
    /[.,:!?]$/.test(text) ||
    (open && isRead(open) && open.found.syntax.accepts(line.text, open.found.recognised.kind))
  )
    return undefined;
  for (let n = 0; n < 4; n++) {
    const next = following(n);
    if (next === undefined) return undefined;
    if (next.trim() === '' || FENCE.test(next) || ELISION.test(next) || /^[=*-]{4,}$/.test(next.trim())) continue;
    const { syntax, recognised } = prompted.found;
    const inRemark = /^\s*# ?(?=\s*\S)/.exec(next)?.[0].length;
    const below = (k: number) => following(n + 1 + k)?.replace(/^\s*# ?/, '');
    if (inRemark !== undefined && syntax.kinds.length > 0 && syntax.sniff(next.slice(inRemark), below) !== undefined)
      return { ...prompted, prompt: undefined };
    if (syntax.kinds.length === 0 || !syntax.accepts(next, recognised.kind, recognised.options)) return undefined;
    // A title in words, such as "Active Internet connections (only servers)", is no prose where the kind is sure of it.
    const isOutput = !looksLikeProse(next) || syntax.sniff(next, (k) => following(n + 1 + k)) !== undefined;
    return isOutput ? { ...prompted, prompt: undefined } : undefined;
  }
  return undefined;
}

/** Whether `commandAt` might take the line for a command because of what stands around it. */
function mayBeCommand(line: Line): boolean {
  const bare = BARE.exec(line.text);
  return bare !== null && asCommand(line, bare[0].length)?.found !== undefined;
}

/** True for an open block of a kind that is read; such a block may claim a line that also looks like a bare command. */
function isRead(open: OpenBlock): boolean {
  return open.found.syntax.kinds.length > 0;
}

/** What may stand before a program: wrappers, assignments, a shell's words. Cheap to test, for every line of a log is. */
const WRAPPER =
  /^(?:\w+=|sudo$|time$|nohup$|env$|doas$|chroot$|then$|do$|exec$|watch$|timeout$|nsenter$|ansible$|salt(?:-ssh)?$|pdsh$|clush$|pssh$|parallel-ssh$|lxc|incus$|pct$|vagrant$|minikube$|multipass$|limactl$|docker-machine$|juju$|docker$|podman$|crictl$|nerdctl$|oc$|kubectl$|microk8s|k3s$|sh$|bash$|ssh$|[\w-]+\.(?:ovs|ovn)-)/;

/** The command that starts at `at`; undefined where its program is none that is known, unless it is `certain` to be a command. */
function asCommand(line: Line, at: number, certain = false): Omit<Prompted, 'prompt'> | undefined {
  const text = line.text.slice(at);
  const [, path = '', first = ''] = /^\s*(\S*\/)?([^\s/]+)/.exec(text) ?? [];
  // "github.com/someone/arp": a place on the web, no program.
  if (/^[\w-]+(?:\.[\w-]+)+\//.test(path)) return undefined;
  if (!certain && !KNOWN_PROGRAM.test(first) && !WRAPPER.test(first)) return undefined;
  const command = parseCommand(text);
  if (!command) return undefined;
  const from = offsetIn(line, at);
  return {
    found: command.toFile ? undefined : recogniseCommand(command.argv),
    command,
    span: { start: from, end: offsetIn(line, at + text.length - 1) + 1 },
  };
}
