import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { SourceText } from '../ohm';
import { textVal, wordsOf, type Words } from '../words';

export interface NeighbourLine {
  readonly ip: Val<string>;
  readonly words: Words;
}

const semantics = grammars.IpNeighbour.createSemantics().addOperation<NeighbourLine>('read(source)', {
  neighbourLine(_indent, ip, _ahead, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { ip: textVal(ip, source), words: wordsOf(items, source) };
  },
  briefLine(_indent, ip, _sp, device, _sp2, mac, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const found = mac.children[0];
    const pairs = new Map([['dev', textVal(device, source)]]);
    if (found !== undefined) pairs.set('lladdr', textVal(found, source));
    return { ip: textVal(ip, source), words: { pairs, flags: [] } };
  },
});

/** What a matched line of `ip neighbour` says. */
export function readNeighbourLine(result: MatchResult, source: SourceText): NeighbourLine {
  return semantics(result)['read'](source) as NeighbourLine;
}
