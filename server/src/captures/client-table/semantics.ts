import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { SourceText } from '../ohm';
import { slice, trimmed } from './source';

/** One cell of a table row, without the blanks at its ends. */
export interface Cell {
  readonly text: SourceText;
  /** The room between its bars, without the blank that always stands on each side. */
  readonly width: number;
}

/** One line of client output. */
export type ClientLine =
  | { readonly what: 'border' }
  | { readonly what: 'row'; readonly cells: readonly Cell[] }
  /** `key: value` (yaml) or `key="value"` (shell); `dashes` counts the `- ` before it, `indent` is the key's column. */
  | {
      readonly what: 'pair';
      readonly key: SourceText;
      readonly value: SourceText | undefined;
      readonly dashes: number;
      readonly indent: number;
    }
  | { readonly what: 'item'; readonly value: SourceText; readonly indent: number };

const semantics = grammars.ClientTable.createSemantics().addOperation<ClientLine | readonly Cell[] | SourceText>('read(source)', {
  tableLine(_indent, line, _rest) {
    return line['read'](this.args['source']) as ClientLine;
  },
  border(_plus, _ruled, _pluses, _cut) {
    return { what: 'border' };
  },
  row(_bar, cells, _remark) {
    return {
      what: 'row',
      cells: cells.children.map((cell) => (cell['read'](this.args['source']) as readonly Cell[])[0] as Cell),
    };
  },
  closedCell(text, _bar) {
    return [{ text: trimmed(text['read'](this.args['source']) as SourceText), width: text.sourceString.length - 2 }];
  },
  cellText(_text) {
    return slice(this.args['source'] as SourceText, this.source.startIdx, this.source.endIdx);
  },
  csvLine(_indent, first, _commas, rest, _end) {
    const cells = [first, ...rest.children].map((cell) => ({
      text: trimmed(cell['read'](this.args['source']) as SourceText),
      width: Number.MAX_SAFE_INTEGER,
    }));
    return { what: 'row', cells };
  },
  csvCell(cell) {
    return cell['read'](this.args['source']) as SourceText;
  },
  csvQuoted(_open, text, _close) {
    return slice(this.args['source'] as SourceText, text.source.startIdx, text.source.endIdx);
  },
  csvBare(_text) {
    return slice(this.args['source'] as SourceText, this.source.startIdx, this.source.endIdx);
  },
  shellLine(_indent, key, _equals, _open, text, _close, _end) {
    const source = this.args['source'] as SourceText;
    return {
      what: 'pair',
      key: slice(source, key.source.startIdx, key.source.endIdx),
      value: slice(source, text.source.startIdx, text.source.endIdx),
      dashes: 0,
      indent: 0,
    };
  },
  yamlLine_pair(_indent, dashes, pair) {
    const { key, value } = pair['read'](this.args['source']) as ClientLine & { what: 'pair' };
    return { what: 'pair', key, value, dashes: dashes.children.length, indent: pair.source.startIdx };
  },
  yamlLine_item(_indent, _dashes, value, _end) {
    return { what: 'item', value: value['read'](this.args['source']) as SourceText, indent: value.source.startIdx };
  },
  yamlPair(key, _colon, _sp, value, _end) {
    const source = this.args['source'] as SourceText;
    const given = value.children[0];
    return {
      what: 'pair',
      key: slice(source, key.source.startIdx, key.source.endIdx),
      value: given === undefined ? undefined : (given['read'](source) as SourceText),
      dashes: 0,
      indent: 0,
    };
  },
  yamlValue_double(_open, text, _close) {
    return slice(this.args['source'] as SourceText, text.source.startIdx, text.source.endIdx);
  },
  yamlValue_single(_open, text, _close) {
    return slice(this.args['source'] as SourceText, text.source.startIdx, text.source.endIdx);
  },
  yamlValue_plain(text) {
    return slice(this.args['source'] as SourceText, text.source.startIdx, text.source.endIdx);
  },
});

/** The grammar's start rules for the ways in which the clients print. */
export type LineRule = 'tableLine' | 'csvLine' | 'shellLine' | 'yamlLine';

/** What a matched line of client output says. */
export function readClientLine(result: MatchResult, source: SourceText): ClientLine {
  return semantics(result)['read'](source) as ClientLine;
}
