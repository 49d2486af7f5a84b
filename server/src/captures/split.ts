import { indentOf, type Line, type Lines } from '../base/lines';
import { ansibleResults, type AnsibleResults } from './ansible-results';
import { ACROSS, ANOTHER, ASIDE, ELISION, FENCE, IDLE_PROMPT, NO_OUTPUT, REMARK, SHELLS_OWN } from './between';
import {
  awaitsOutput,
  belongs,
  finish,
  outputFollows,
  isMarkedAsChanged,
  outputInRemark,
  recount,
  start,
  take,
  takeFlows,
  takesFlows,
  withoutNumber,
  type Block,
  type OpenBlock,
} from './block';
import { hostOfPromptAbove, parsePrompt, type CommandLine } from './command';
import { commandAt, mayBeCommand, type Prompted } from './commands-in-text';
import { isBoundToNamespace } from './container';
import { doubledLines } from './doubled-lines';
import { isErrorOutput } from './error-output';
import type { NamedFile } from './file-name';
import { nodeAbove, throughAlias, underHeading } from './heading';
import { assignmentOf, isVariable, placeOf, startsNextTurn, withValues } from './loops';
import { linesOfHtml } from './html-lines';
import { hostHeading, linesOfHosts } from './many-hosts';
import { withoutLineNumbers } from './numbered-lines';
import { BULLET, isOrder, isStepOfScript, looksLikeProse } from './prose';
import { mayPrintNothing, recogniseCommand, sniffLine, type Found } from './registry';
import { atPrompt, goesOn, leavesSession, opensNothing, sessionOf, type Session } from './session';
import { continuedCommand, continuedLoop, lineEnd } from './several-lines';
import { unquote, unquotedLines } from './unquote';
import { withoutWraps } from './wrapped-lines';

/** The line above the output of each namespace, of `ip -all netns exec`. */
const EACH_NAMESPACE = /^\s*netns: (\S+)$/;

/**
 * The longest line that is looked at. An OpenFlow message ends at 64 KB, a table of the OpenStack client is as wide as its widest
 * cells; any other command's line is shorter by far.
 */
function longest(open: OpenBlock | undefined): number {
  const kind = open?.found.recognised.kind ?? '';
  if (/flow/.test(kind)) return 100_000;
  return kind === '' || /^(?:nova|neutron|openstack)-/.test(kind) ? 16_000 : 5_000;
}

/** What a shell puts before the commands that it says it runs, once more for every shell inside (bash(1), PS4). */
const TRACE = /^\++$/;
const TRACED = /^\s*\++ \S/;

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
export function* splitDocument(all: Lines, named: NamedFile | undefined, flows: KnownFlows): Generator<void, Block[]> {
  const { lines: unwrapped, isRest } = withoutWraps(all, (number) => flows.runAt(number) > 0);
  const lines = withoutLineNumbers(unwrapped);
  const blocks: Block[] = [];
  let open: OpenBlock | undefined;
  if (named) {
    const found = recogniseCommand(named.command.argv);
    if (found) {
      open = start(found, { host: named.host, hostBy: named.hostBy, namespace: named.namespace, command: named.command });
    }
  }
  // A collector leaves an empty file where a command printed nothing: no rules, no connections.
  const isNothing = open !== undefined && mayPrintNothing(open.found.recognised.kind) && isEmpty(lines);
  const close = () => {
    if (open) {
      const block = finish(open, isNothing);
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
  /** Whether a shell says what it runs (`set -x`): then every line behind `+` is a command. */
  let traced = false;
  const variables = new Map<string, string>();
  let node: string | undefined;
  /** The prompt of the last command: alone on a line it ends that command's output, whatever it looks like. */
  let lastPrompt = '';
  const results = ansibleResults();
  /** Whether the lines that are looked at are those of a result. */
  let inResult = false;
  let steps = 0;
  /** Lines that a page shows of the one at `n`, which are looked at one after the other. */
  let shown: Line[] = [];
  const plainAt = unquotedLines(lines);
  const doubled = doubledLines(plainAt);
  /** Whether an empty line was one before mails, pages and terminals had the text. */
  const isBlank = (number: number) => !isRest(number) && !doubled.isAdded(number);
  const wholeFlows = (number: number) => {
    const run = flows.runAt(number);
    return run > 0 && isRest(number + run) ? run - 1 : run;
  };
  const after = (number: number, steps: number) => {
    let at = number;
    for (let n = 0; n < steps; n++) {
      at = doubled.after(at, 1);
      while (isRest(at)) at++;
    }
    return at;
  };
  for (let n = 0; n < lines.length; n += shown.length > 0 ? 0 : 1) {
    if (++steps % STEP === 0) yield;
    const run = shown.length > 0 ? 0 : wholeFlows(n);
    if (run > 0 && open && takesFlows(open, flows.indentOf(n))) {
      takeFlows(open, n, run, () => flows.indentOf(n));
      n += run - 1;
      continue;
    }
    const empty = run > 0 || shown.length > 0 ? 0 : flows.emptyAt(n);
    if (empty > 0) {
      if (open) open.blanks += empty > MOST_ADDED ? empty : countFrom(n, empty, (blank) => isBlank(blank));
      n += empty - 1;
      continue;
    }
    const whole = shown.length > 0 ? undefined : lines.at(n);
    if (whole) shown = linesOfHtml(whole) ?? [];
    const raw = shown.shift() ?? whole;
    if (!raw) continue;
    if (raw.text === '') {
      if (open && (raw !== whole || isBlank(n))) open.blanks++;
      continue;
    }
    const unquoted = raw === whole ? (plainAt(n) ?? raw) : unquote(raw);
    const printed = results.take(unquoted);
    if (printed === 'beside' || (printed === undefined && inResult)) {
      close();
      inResult = false;
    }
    if (printed === 'beside') continue;
    if (printed && !inResult) {
      close();
      inResult = true;
      open = startResult(results);
    }
    const line = withoutNumber(open, printed ?? unquoted);
    // What another machine logged is not of this output.
    if (open?.loggedBy !== undefined && line.host !== open.loggedBy) close();
    if (line.text.length > longest(open) && !/^\s*[[{]/.test(line.text.slice(0, 1000))) {
      // No command prints such a line but as JSON; the grammars' memory grows with a line's length.
      if (open && open.blanks === 0 && open.found.syntax.kinds.length > 0) open.strange.push(line);
      continue;
    }
    const following = (k: number) => {
      const next = shown[k];
      const plain = next ? unquote(next) : plainAt(after(n, 1 + k - shown.length));
      return plain && ((inResult ? results.peek(plain) : undefined) ?? plain).text;
    };
    if (line.text.trim() === '' || FENCE.test(line.text)) {
      // Nobody knows where an output ends that is not read, but what captures it off does.
      if (open?.reach && open.found.syntax.kinds.length === 0 && line.text.trim() !== '') close();
      if (open && (raw !== whole || line.text.trim() !== '' || isBlank(n))) open.blanks++;
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
    if (open && awaitsOutput(open) && NO_OUTPUT.test(line.text)) open.saysEmpty = true;
    if (open && (ASIDE.test(line.text) || NO_OUTPUT.test(line.text))) continue;
    const continued = shown.length > 0 ? { line, more: 0 } : (continuedLoop(line, lines, n) ?? continuedCommand(line, lines, n));
    const prompted = commandAt(continued.line, (k) => following(k + continued.more), open);
    if (prompted) {
      n += continued.more;
      close();
      onMany = undefined;
      loop = undefined;
      node = undefined;
      const { prompt } = withHost(prompted, lines.at(n - 1));
      const command = withValues(prompted.command, variables);
      lastPrompt = prompt?.text ?? '';
      traced = prompt !== undefined && TRACE.test(prompt.text);
      if (session && prompt) session = goesOn(session, prompt, command) ? atPrompt(session, prompt) : undefined;
      const inside = prompted.found && isBoundToNamespace(command.argv[0] ?? '') ? session : undefined;
      if (prompt) session = sessionOf(command, prompt) ?? session;
      // What a shell runs for another command's sake (`++ ip route`) prints nothing that is to be seen.
      if (prompted.found && !(traced && prompt?.text !== '+')) {
        const folder = named?.hostBy === 'folder' ? named.host : undefined;
        const host = command.host ?? (session?.ownPrompt === true ? session.outerHost : prompt?.host) ?? line.host ?? folder;
        open = start(prompted.found, {
          host,
          hostBy:
            host === undefined ? undefined : host === folder && (prompt?.host ?? line.host) === undefined ? 'folder' : 'prompt',
          namespace: command.namespace ?? inside?.namespace,
          enter: command.namespace === undefined ? inside?.enter : command.enter,
          command,
          commandSpan: continued.more === 0 ? prompted.span : { start: prompted.span.start, end: lineEnd(lines.at(n), line) },
          commandLine: line.number,
          loggedBy: line.host,
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
    if (
      (traced && TRACED.test(line.text)) ||
      isPromptAlone(line.text) ||
      (lastPrompt.length > 2 && line.text.trim() === lastPrompt) ||
      ANOTHER.test(line.text) ||
      (session && leavesSession(line.text))
    ) {
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
      const said = node ?? line.host;
      open = start(underHeading(sniffed, heading, line.number), {
        ...(loop
          ? placeOf(loop)
          : alias
            ? placeOf({ command: alias, namespace: alias.namespace, host: alias.host ?? folder })
            : { host: said ?? folder, hostBy: said ? 'prompt' : folder ? 'folder' : undefined, namespace: undefined }),
        indent: indentOf(line.text),
      });
      take(open, line, following);
      if (run > 0) recount(open, n);
      continue;
    }
    if (open && (isOrder(line.text) || opensNothing(line.text) || isStepOfScript(line.text))) {
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
    } else if (open && isMarkedAsChanged(open, line)) {
      open.strange.push(line);
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

/** What a result says it ran, whose output follows; undefined where it does not say, or it is of no interest. */
function startResult({ command, host }: AnsibleResults): OpenBlock | undefined {
  const found = command && !command.line.toFile ? recogniseCommand(command.line.argv) : undefined;
  if (!command || !found) return undefined;
  const { line, span, number } = command;
  const from = line.host ?? host;
  return start(found, {
    host: from,
    hostBy: from === undefined ? undefined : 'prompt',
    namespace: line.namespace,
    enter: line.enter,
    command: line,
    commandSpan: span,
    commandLine: number,
  });
}

/** A command whose prompt names no host, with the one that the line above names where that is the prompt's first. */
function withHost(prompted: Prompted, above: Line | undefined): Prompted {
  const host = prompted.prompt?.host === undefined && above ? hostOfPromptAbove(unquote(above).text) : undefined;
  return host === undefined || !prompted.prompt ? prompted : { ...prompted, prompt: { ...prompted.prompt, host } };
}

function isPromptAlone(text: string): boolean {
  return IDLE_PROMPT.test(text) || hostOfPromptAbove(text) !== undefined;
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

/** Assignments and nothing else: to a shell no command follows them, and no sentence has such words. */
const ASSIGNMENTS = /^\s{0,8}\w+=[^\s"'`|;&]*(?: +\w+=[^\s"'`|;&]*)+$/;

/** Of longer runs of empty lines nobody asks which were added: a few blank lines where every second line is empty. */
const MOST_ADDED = 9;

/** How many of `count` numbers from `first` on are wanted. */
function countFrom(first: number, count: number, wanted: (number: number) => boolean): number {
  let found = 0;
  for (let n = first; n < first + count; n++) if (wanted(n)) found++;
  return found;
}

/** Whether a line that a dump of flows accepts could be anything else to `splitDocument`: a command, a quotation, a cut, prose. */
export function isOnlyOutput(text: string): boolean {
  if (ASSIGNMENTS.test(text)) return true;
  const line = { text, start: 0, number: 0 };
  return !(
    unquote(line) !== line ||
    FENCE.test(text) ||
    ELISION.test(text) ||
    isPromptAlone(text) ||
    BULLET.test(text) ||
    looksLikeProse(text) ||
    commandAt(line, () => undefined, undefined) !== undefined ||
    mayBeCommand(line)
  );
}

/** Whether a document has no text at all. */
function isEmpty(lines: Lines): boolean {
  for (let n = 0; n < lines.length; n++) {
    if (n > 2 || (lines.at(n)?.text.trim() ?? '') !== '') return false;
  }
  return true;
}
