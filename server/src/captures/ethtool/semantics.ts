import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import { textVal } from '../words';
import type { SourceText } from '../ohm';

export interface EthtoolValue {
  readonly key: string;
  readonly value: Val<string>;
}

const semantics = grammars.Ethtool.createSemantics().addOperation<EthtoolValue | undefined>('read(source)', {
  titleLine(_indent, _title, _colon, _end) {
    return undefined;
  },
  valueLine(_indent, key, _colon, _sp, value, _end) {
    return { key: key.sourceString.trim(), value: textVal(value, this.args['source'] as SourceText) };
  },
  moreLine(_sp, _text) {
    return undefined;
  },
});

/** The key and value of a matched line; undefined for titles and for lines that go on with the values above. */
export function readEthtoolLine(result: MatchResult, source: SourceText): EthtoolValue | undefined {
  return semantics(result)['read'](source) as EthtoolValue | undefined;
}
