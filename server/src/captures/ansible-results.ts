import { indentOf, type Line } from '../base/lines';
import type { Span } from '../base/span';
import { parseCommand, type CommandLine } from './command';
import { offsetIn, part, replaced } from './line-parts';

/** What Ansible prints of a task on a machine: its lines as strings of JSON or YAML, below a line with the machine's name. */
export interface AnsibleResults {
  /**
   * The line of output that a line of a result holds; `beside` for what else a result has there; undefined for lines outside of results.
   */
  take(line: Line): Line | 'beside' | undefined;
  /** The output that a line holds if the lines of output that are open go on with it. */
  peek(line: Line): Line | undefined;
  /** What was run, where the result said it before the output's lines, and where it stands. */
  readonly command: { readonly line: CommandLine; readonly span: Span; readonly number: number } | undefined;
  readonly host: string | undefined;
}

const TASK = /^\s*(?:ok|changed|fatal|failed): \[([\w.-]+)[^\]]*\](?:: [A-Z]+!)?(?: =>(?: .*)?)?$/;
const JSON_LINES = /^\s*"(?:[\w.-]+\.)?(?:stdout_lines|stdout)": \[$/;
const YAML_LINES = /^\s*(?:[\w.-]+\.)?(?:stdout_lines|stdout):\s*$/;
const JSON_STRING = /^(\s*")((?:[^"\\]|\\.)*)",?$/;
/** `stdout: |-`: lines as they are, further right. */
const YAML_BLOCK = /^(\s*)(?:[\w.-]+\.)?stdout: \|[-+]?$/;
const YAML_STRING = /^\s*- (?:'((?:[^']|'')*)'|"((?:[^"\\]|\\.)*)"|(.*))$/;
const COMMAND = /^(\s*"?cmd"?: "?)(\[.*\]|(?:[^"\\]|\\.)+?)"?,?$/;
/** Where a result ends: the next task, or the play's recap. */
const NEXT = /^\s*(?:(?:TASK|PLAY|RUNNING HANDLER) (?:\[|RECAP)|\S+\s+: ok=\d)/;
const ESCAPED = /\\(["\\/t])/g;

/** Follows the results of tasks through a text, line by line. */
export function ansibleResults(): AnsibleResults {
  let host: string | undefined;
  let within: 'json' | 'yaml' | 'block' | undefined;
  /** The blanks before the word that a block of YAML stands below. */
  let indent = 0;
  let command: AnsibleResults['command'];
  const peek = (line: Line): Line | undefined => {
    if (within === 'json') {
      const string = JSON_STRING.exec(line.text);
      return string ? unescaped(inside(line, string[1]?.length ?? 0, string[2]?.length ?? 0)) : undefined;
    }
    if (within === 'block') return indentOf(line.text) > indent ? line : undefined;
    const item = within === 'yaml' ? YAML_STRING.exec(line.text) : undefined;
    return item ? yamlLine(line, item) : undefined;
  };
  return {
    peek,
    get host() {
      return host;
    },
    get command() {
      return command;
    },
    take(line) {
      const { text } = line;
      const task = TASK.exec(text);
      if (task || (host !== undefined && NEXT.test(text))) {
        host = task?.[1];
        command = undefined;
        within = undefined;
        return task ? 'beside' : undefined;
      }
      if (host === undefined) return undefined;
      const printed = peek(line);
      if (printed) return { ...printed, host };
      within = undefined;
      const block = YAML_BLOCK.exec(text)?.[1];
      if (block !== undefined) {
        within = 'block';
        indent = block.length;
      } else if (JSON_LINES.test(text)) within = 'json';
      else if (YAML_LINES.test(text)) within = 'yaml';
      else command = commandIn(line) ?? command;
      return within !== undefined || COMMAND.test(text) || /^\s*(?:"?[\w.-]+"?: |[{}\]])/.test(text) ? 'beside' : undefined;
    },
  };
}

function inside(line: Line, at: number, length: number): Line {
  // A line of a text has no blanks at its end.
  return part(line, at, at + line.text.slice(at, at + length).trimEnd().length);
}

function unescaped(line: Line): Line {
  return replaced(line, ESCAPED, ([, which]) => (which === 't' ? '\t' : (which ?? '')));
}

function yamlLine(line: Line, [whole, single, double, plain = '']: RegExpExecArray): Line {
  const text = single ?? double ?? plain;
  const quote = single === undefined && double === undefined ? 0 : 1;
  const found = inside(line, whole.length - text.length - quote, text.length);
  if (single !== undefined) return replaced(found, /''/g, () => "'");
  return double === undefined ? found : unescaped(found);
}

/** `"cmd": "ip -4 addr"`, `"cmd": ["ip", "addr"]`. */
function commandIn(line: Line): AnsibleResults['command'] {
  const found = COMMAND.exec(line.text);
  if (!found) return undefined;
  const [, before = '', said = ''] = found;
  const words = said.startsWith('[')
    ? said.replace(/^\[\s*|\s*\]$|"\s*,\s*"/g, (piece) => (piece.includes(',') ? ' ' : '')).replace(/^"|"$/g, '')
    : said;
  const parsed = parseCommand(words.replace(ESCAPED, '$1'));
  if (!parsed) return undefined;
  const start = offsetIn(line, before.length);
  return { line: parsed, span: { start, end: offsetIn(line, before.length + said.length - 1) + 1 }, number: line.number };
}
