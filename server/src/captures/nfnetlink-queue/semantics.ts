import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { SourceText } from '../ohm';
import { numberVal, textVal } from '../words';

const semantics = grammars.NfnetlinkQueue.createSemantics().addOperation<Val<number>>('read(source)', {
  queueLine(_indent, queue, _sp, _rest, _end) {
    return numberVal(textVal(queue, this.args['source'] as SourceText));
  },
});

/** The number of the queue that a line is about. */
export function readQueue(result: MatchResult, source: SourceText): Val<number> {
  return semantics(result)['read'](source) as Val<number>;
}
