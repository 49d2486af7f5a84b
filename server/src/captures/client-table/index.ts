import { indentOf, type Line } from '../../base/lines';
import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind } from '../capture';
import { collect, record, type Collected } from '../lines';
import { joinLines, sourceOf, syntaxError } from '../ohm';
import { CLIENT_KINDS, recogniseClient, subjectOf } from './command';
import { takeEntity, type Asked } from './entities';
import { formatOf, readPlain } from './formats';
import { readClientLine } from './semantics';
import { sniffTable } from './sniff';
import { assemble, type Entity, type TableLine } from './table';

/** What the clients say instead of an answer. */
const ERROR =
  /^\s*(?:ERROR\b|error: |No [\w-]+ (?:with a name|found)|Unable to (?:find|establish|locate)|More than one [\w-]+ exists|Could not find|You must provide|usage: |Failed to |The request you have made|The resource could not be found|Missing value|Multiple [\w-]+ matches found|[\w.]+Exception\b|Unknown command|(?:openstack|nova|neutron): '|'[^']+' is not an? \w+ command|(?:-?bash|sh): |Forbidden\b|Unauthorized\b)|\(HTTP [45]\d\d\)|: command not found$/;

/** What they say around it. */
const REMARK =
  /^\s*(?:Created a new \w+:|Deleted \w+|Updated \w+: |Set gateway for|Removed (?:gateway|interface)|Added interface|Associated floating|Disassociated floating|\w+ CLI is deprecated|WARNING\b|Warning: |warnings\.warn|Request to \w+ server|Starting new HTTP|The \w+ client is deprecated)|DeprecationWarning|^\S+Warning:/;

// Names of one word that `-f yaml` and `-f json` give; others have an underscore or a colon in them.
const PLAIN_KEYS =
  /^(?:id|name|status|mtu|shared|cidr|tags|addresses|flavor|image|created|updated|properties|routes|ha|distributed|subnets|segments|description|location|ID|Name|Status|Networks|Subnets|Subnet|Network|Image|Flavor|Host|Port|Project|State|Distributed|HA|Protocol|Direction|Type|Binary|Zone|MAC Address|Fixed IP Addresses|Fixed IP Address|Floating IP Address|Floating Network|[a-z]\w*[_:]\w[\w:]*|OS-[A-Z-]+:\w+)$/;

/** A row of `-f csv --quote none`: a sentence has a blank behind its commas. */
const UNQUOTED_CSV = /^\s*(?:"[^"]*"|(?:\\,|[^,"\s\\])(?:\\.|[^,"\\])*)?(?:,(?:"[^"]*"|(?:\\,|[^,"\s\\])(?:\\.|[^,"\\])*)?)+$/;

/** The tables of `nova`, `neutron` and `openstack`, and their other formats (`-f json` and so on). */
export const clientTable: CaptureKind = {
  kinds: CLIENT_KINDS,
  recognise: recogniseClient,
  sniff: sniffTable,
  accepts(text, _kind, options) {
    const format = options?.['format'];
    if (format === 'csv' && UNQUOTED_CSV.test(text)) return true;
    // What a value holds may have any names, and be any word.
    if (format === 'yaml' && /^(?:\s+|- )(?:- )*['"\w][\w.'"-]*:(?: .*)?$/.test(text)) return true;
    if (format === 'value' && /^\s*[\w.-]+$/.test(text)) return true;
    if (/^\s*(?:\+[-=+.…]+|\|(?:\s.*)?)$/.test(text)) return true;
    if (ERROR.test(text) || REMARK.test(text)) return true;
    if (/[#$>❯]\s/.test(text) && !/^\s*[[{"]/.test(text)) return false;
    // csv and shell
    if (/^\s*"[^"]*"(?:,.*)?$/.test(text) || /^\s*[\w:.-]+="(?:[^"\\]|\\.)*"$/.test(text)) return true;
    // json
    if (/^\s*[[\]{}][\]},]*\s*$|^\s*[[{]+\s*["'[{]|^\s*"(?:[^"\\]|\\.)*"\s*[:,]|^\s*(?:-?\d[\d.]*|true|false|null),?$/.test(text))
      return true;
    const pair = /^\s*(?:- )*'?([A-Za-z][\w: -]*?)'?:(?: .*)?$/.exec(text);
    if (pair?.[1] !== undefined && PLAIN_KEYS.test(pair[1])) return true;
    // Single values, and rows of `-f value`, in which something is an identifier.
    if (/^\s*(?:- )?(?!-+$|\[\w+\]$)(?=\S*[\d_:./@{}[\]=-]|(?:True|False|None|[A-Z]+)$)[\w.:/@{}[\]'=-]+$/.test(text))
      return true;
    return /^\s*(?:- )?\S*[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?:\s|$)/.test(text);
  },
  continues(previous, text) {
    const isCut = /^\s*[|+]/.test(previous) && !/[|+]$/.test(previous);
    const isMiddle = !/^\s*[|+]/.test(previous) && !/[|+]$/.test(previous);
    return (isCut || isMiddle) && (/\|$/.test(text) || /^[-=+]+\+$/.test(text) || / \| /.test(text));
  },
  parse(input) {
    const out = collect();
    const data: Line[] = [];
    for (const line of input.lines) {
      if (line.text.trim() === '') continue;
      if (/^\s*[|+"[{]/.test(line.text)) data.push(line);
      else if (ERROR.test(line.text)) errorOutput(line, out);
      else if (REMARK.test(line.text)) record(out, line, line, 'note');
      else data.push(line);
    }
    const subject = subjectOf(input.kind);
    const columns = (input.options['columns'] ?? '').split(',').filter((name) => name !== '');
    const format = formatOf(input.options['format'], data[0]?.text ?? '');
    const entities = format === 'table' ? readTable(data, subject, columns, out) : readPlain(format, data, subject, columns, out);
    const asked: Asked = {
      subject,
      kind: input.kind,
      target: input.target,
      filter: input.options['filter'],
      at: data[0]?.start ?? 0,
    };
    for (const entity of entities) takeEntity(entity, asked, out);
    return { ...out, records: [...out.records].sort((a, b) => a.firstLine - b.firstLine) };
  },
};

function errorOutput(line: Line, out: Collected): void {
  const from = line.text.length - line.text.trimStart().length;
  out.errors.push({
    span: { start: line.start + from, end: line.start + line.text.length },
    code: 'error-output',
    message: `The client reported an error instead of an answer: "${line.text.trim()}".`,
  });
}

function readTable(
  lines: readonly Line[],
  subject: ReturnType<typeof subjectOf>,
  columns: readonly string[],
  out: Collected,
): readonly Entity[] {
  const read: TableLine[] = [];
  for (let n = 0; n < lines.length; n++) {
    const line = lines[n];
    if (line === undefined) continue;
    const group = [line];
    // A narrow terminal wraps rows: up to the bar that closes them, as long as no line begins a row of its own.
    while (/^\s*[|+]/.test(line.text) && !/[|+]$/.test(group.at(-1)?.text ?? '') && group.length < 8) {
      const next = lines[n + group.length];
      if (
        next === undefined ||
        (/^\s*[|+]/.test(next.text) && indentOf(next.text) <= indentOf(line.text)) ||
        !/^[-=+]+$|\|/.test(next.text)
      )
        break;
      group.push(next);
    }
    const source = group.length === 1 ? sourceOf(line) : joinLines(group);
    const result = grammars.ClientTable.match(source.text, 'tableLine');
    if (result.failed()) {
      out.errors.push(syntaxError(source, result, 'table line'));
      continue;
    }
    n += group.length - 1;
    const clientLine = readClientLine(result, source);
    const last = group.at(-1) ?? line;
    if (clientLine.what === 'border' || clientLine.what === 'row') read.push({ line, last, read: clientLine });
  }
  const { entities, headers, rows } = assemble(read, subject, columns);
  for (const header of headers) record(out, header.line, header.last, 'header');
  for (const row of rows) record(out, row.first, row.last);
  return entities;
}
