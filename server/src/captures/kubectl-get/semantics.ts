import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import { textVal } from '../words';
import type { SourceText } from '../ohm';

const semantics = grammars.KubectlTable.createSemantics().addOperation<readonly Val<string>[]>('cells(source)', {
  titleLine(_indent, first, _gaps, rest, _end) {
    return [first, ...rest.children].map((cell) => textVal(cell, this.args['source'] as SourceText));
  },
  rowLine(_indent, first, _gaps, rest, _end) {
    return [first, ...rest.children].map((cell) => textVal(cell, this.args['source'] as SourceText));
  },
});

/** The cells of a matched line: columns are two blanks apart at least. */
export function readCells(result: MatchResult, source: SourceText): readonly Val<string>[] {
  return semantics(result)['cells'](source) as readonly Val<string>[];
}
