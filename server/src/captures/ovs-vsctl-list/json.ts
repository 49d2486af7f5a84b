import type { Line } from '../../base/lines';
import type { Val } from '../../base/span';
import { readJson, type JsonNode } from '../client-table/json';
import { textVal } from '../client-table/source';
import { record, type Collected } from '../lines';
import { joinLines } from '../ohm';
import type { OvsdbValue } from '../switch-facts';

/** `--format=json`: `{"headings":[…],"data":[[…]]}` (RFC 7047 notation of values); gives one map of columns per row. */
export function readJsonTable(lines: readonly Line[], out: Collected): Map<string, OvsdbValue>[] {
  const source = joinLines(lines, '\n');
  const { node, trouble } = readJson(source);
  for (const line of lines) record(out, line);
  if (trouble !== undefined) {
    const first = lines[0];
    const last = lines.at(-1);
    if (first !== undefined && last !== undefined) {
      out.errors.push({
        span: { start: first.start, end: last.start + last.text.length },
        code: trouble.cutOff ? 'cut-off' : 'syntax',
        message: trouble.cutOff
          ? 'The JSON ends before its brackets are closed.'
          : `The JSON can't be read from character ${trouble.at + 1} on.`,
      });
    }
  }
  const headings = member(node, 'headings')?.items.map((item) => item.text.text) ?? [];
  const rows = member(node, 'data')?.items ?? [];
  return rows.map((row) => {
    const columns = new Map<string, OvsdbValue>();
    for (const [n, cell] of row.items.entries()) {
      const heading = headings[n];
      const value = valueOf(cell);
      if (heading !== undefined && value !== undefined) columns.set(heading, value);
    }
    return columns;
  });
}

function member(node: JsonNode | undefined, key: string): JsonNode | undefined {
  return node?.members.find((one) => one.key === key)?.value;
}

function atomOf(node: JsonNode | undefined): Val<string> | undefined {
  if (node === undefined) return undefined;
  if (node.type === 'string' || node.type === 'other') return textVal(node.text);
  const [tag, text] = node.items;
  const isUuid = node.type === 'array' && (tag?.text.text === 'uuid' || tag?.text.text === 'named-uuid');
  return isUuid && text !== undefined ? textVal(text.text) : undefined;
}

function valueOf(node: JsonNode): OvsdbValue | undefined {
  const [tag, content] = node.items;
  if (node.type === 'array' && tag?.text.text === 'map') {
    const pairs: [string, Val<string>][] = [];
    for (const pair of content?.items ?? []) {
      const key = atomOf(pair.items[0]);
      const value = atomOf(pair.items[1]);
      if (key !== undefined && value !== undefined) pairs.push([key.value, value]);
    }
    return { type: 'map', pairs };
  }
  if (node.type === 'array' && tag?.text.text === 'set') {
    return { type: 'set', items: (content?.items ?? []).flatMap((item) => atomOf(item) ?? []) };
  }
  const atom = atomOf(node);
  return atom === undefined ? undefined : { type: 'atom', atom };
}
