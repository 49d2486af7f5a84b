import type { CommandLine } from './command';

/** A shell's loop over namespaces, containers or machines: what it runs for each, and what it says before. */
export interface Loop {
  /** The variable as the command writes it: `$ns`; `{}` of xargs(1). */
  readonly variable: string;
  /** The first command that uses it, and prints more than words. */
  readonly body: string;
  /** What `echo` prints before each output, with the variable's value as its only group. */
  readonly title: RegExp | undefined;
}

const FOR = /^\s*for\s+(\w+)\s+in\s.*?[;\n]\s*do[\s;]+(.*?)[;\n]?\s*done\b/;
const WHILE = /(?:^|\|)\s*while\s+read\s+(?:-\w+\s+)*(\w+)(?:\s+\w+)*\s*[;\n]\s*do[\s;]+(.*?)[;\n]?\s*done\b/;
const XARGS = /\|\s*xargs\s+(?:-[^I\s]\S*\s+(?:\d+\s+)?)*-I\s?(\S+)\s+(.*)$/;

/** The loop that a command line is (`for ns in $(ip netns); do ip netns exec $ns ip a; done`); undefined for others. */
export function loopOf(text: string): Loop | undefined {
  if (text.length > 2000) return undefined;
  const shell = FOR.exec(text) ?? WHILE.exec(text);
  if (shell) {
    const [, name = '', inside = ''] = shell;
    return loopOver(`$${name}`, inside);
  }
  const [, placeholder, inside] = XARGS.exec(text) ?? [];
  return placeholder === undefined || inside === undefined ? undefined : loopOver(placeholder, inside);
}

function loopOver(variable: string, inside: string): Loop | undefined {
  const plain = inside.replace(/\$\{(\w+)\}/g, '$$$1');
  const commands = plain.split(/;|&&|\n/).map((command) => command.trim());
  const uses = (command: string) => mentions(command, variable);
  const said = commands.find((command) => /^(?:echo|printf)\s/.test(command) && uses(command));
  const body = commands.find((command) => command !== said && uses(command) && !/^(?:echo|printf|test|\[)/.test(command));
  return body === undefined ? undefined : { variable, body, title: said === undefined ? undefined : titleOf(said, variable) };
}

function mentions(command: string, variable: string): boolean {
  const at = command.indexOf(variable);
  return at >= 0 && !/\w/.test(command[at + variable.length] ?? '');
}

/** What `echo "== $ns =="` prints. */
function titleOf(command: string, variable: string): RegExp | undefined {
  const printed = command
    .replace(/^(?:echo|printf)(?:\s+-[en]+)*\s+/, '')
    .replace(/\\[nt]|["'`]/g, '')
    .trim();
  const [before = '', behind, ...more] = printed.split(variable);
  if (behind === undefined || more.length > 0 || /[$<>|]/.test(before + behind)) return undefined;
  const literal = (text: string) => text.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^\\s*${literal(before)}\\s*([\\w.@:-]+)(?: \\(id: \\d+\\))?\\s*${literal(behind)}\\s*$`);
}

/** Whether a name that stands in a command is none: a variable of the shell, or a word for whatever one puts there. */
export function isVariable(name: string): boolean {
  return /^(?:pid )?(?:\$.+|\{\}|<[^<>]+>)$/.test(name);
}

/** What a shell's line sets a variable to, where it says it in plain words. */
export function assignmentOf(text: string): { readonly variable: string; readonly value: string } | undefined {
  const [, name, quoted, plain] = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(?:"([^"$`]*)"|([^\s"'$`;]+))\s*$/.exec(text) ?? [];
  const value = quoted ?? plain;
  return name === undefined || value === undefined || value === '' ? undefined : { variable: `$${name}`, value };
}

/** Whether a line starts the output of a loop's next turn, which begins as the one before did. */
export function startsNextTurn(first: string, text: string): boolean {
  if (/^\s*1: \S+:? /.test(text)) return /^\s*1: \S+:? /.test(first);
  return text === first || (/^default\s/.test(text) && /^default\s/.test(first));
}

/** Where the output of a loop's next turn is from. */
export function placeOf({
  command,
  namespace,
  host,
}: {
  command: CommandLine;
  namespace: string | undefined;
  host: string | undefined;
}) {
  return { host, hostBy: host === undefined ? undefined : ('prompt' as const), namespace, enter: command.enter, command };
}

/** A command with what the variables in it were set to before. */
export function withValues(command: CommandLine, variables: ReadonlyMap<string, string>): CommandLine {
  const namespace = command.inEach === 'loop' ? undefined : variables.get(plainName(command.namespace));
  const host = command.inEach === 'loop' ? undefined : variables.get(plainName(command.host));
  if (namespace === undefined && host === undefined) return command;
  return {
    ...command,
    ...(namespace === undefined ? {} : { namespace, enter: undefined }),
    ...(host === undefined ? {} : { host }),
  };
}

function plainName(name: string | undefined): string {
  return name?.replace(/^\$\{(\w+)\}$/, '$$$1') ?? '';
}
