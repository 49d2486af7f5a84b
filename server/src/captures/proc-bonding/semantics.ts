import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { SourceText } from '../ohm';
import { textVal } from '../words';

/** What a line of /proc/net/bonding says; undefined for titles. */
export interface BondingLine {
  readonly key: string;
  readonly value: Val<string>;
}

const semantics = grammars.Bonding.createSemantics().addOperation<BondingLine | undefined>('read(source)', {
  titleLine_driver(_indent, _title, _version) {
    return undefined;
  },
  titleLine_info(_indent, _title, _end) {
    return undefined;
  },
  titleLine_section(_indent, _key, _colon, _end) {
    return undefined;
  },
  valueLine(_indent, key, _colon, _sp, value) {
    return { key: key.sourceString, value: textVal(value, this.args['source'] as SourceText) };
  },
});

/** Reads a matched line. */
export function readBondingLine(result: MatchResult, source: SourceText): BondingLine | undefined {
  return semantics(result)['read'](source) as BondingLine | undefined;
}
