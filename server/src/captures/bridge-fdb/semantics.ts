import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { SourceText } from '../ohm';
import { textVal, wordsOf, type Words } from '../words';

export interface FdbEntryLine {
  readonly mac: Val<string>;
  readonly words: Words;
}

const semantics = grammars.BridgeFdb.createSemantics().addOperation<FdbEntryLine>('read(source)', {
  entryLine(_indent, mac, _ahead, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { mac: textVal(mac, source), words: wordsOf(items, source) };
  },
});

/** What a matched line of `bridge fdb` says. */
export function readFdbEntry(result: MatchResult, source: SourceText): FdbEntryLine {
  return semantics(result)['read'](source) as FdbEntryLine;
}
