import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import { numberVal, textVal } from '../words';
import type { SourceText } from '../ohm';

/** What a line of `brctl showmacs` or `brctl showstp` says. */
export type BrctlLine =
  | {
      readonly is: 'mac';
      readonly port: Val<number>;
      readonly mac: Val<string>;
      readonly local: boolean;
      readonly age: Val<number> | undefined;
    }
  | { readonly is: 'bridge'; readonly name: Val<string> }
  | { readonly is: 'port'; readonly name: Val<string>; readonly number: Val<number> }
  | { readonly is: 'state'; readonly state: Val<string> }
  | { readonly is: 'extra' };

const semantics = grammars.BrctlShowmacs.createSemantics().addOperation<BrctlLine>('read(source)', {
  titleLine(_indent, _port, _sp, _mac, _sp2, _local, _sp3, _age, _end) {
    return { is: 'extra' };
  },
  entryLine(_indent, port, _sp, mac, _sp2, local, _sp3, age, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const found = age.children[0];
    return {
      is: 'mac',
      port: numberVal(textVal(port, source)),
      mac: textVal(mac, source),
      local: local.sourceString.startsWith('yes'),
      age: found === undefined ? undefined : numberVal(textVal(found, source)),
    };
  },
  portLine(_indent, name, _sp, _open, number, _close, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { is: 'port', name: textVal(name, source), number: numberVal(textVal(number, source)) };
  },
  bridgeLine(_indent, name, _remark, _end) {
    return { is: 'bridge', name: textVal(name, this.args['source'] as SourceText) };
  },
  stateLine(_indent, _key, _sp, _id, _sp2, _state, _sp3, state, _rest) {
    return { is: 'state', state: textVal(state, this.args['source'] as SourceText) };
  },
  settingLine(_indent, _key, _rest) {
    return { is: 'extra' };
  },
});

/** What a matched line says. */
export function readBrctlLine(result: MatchResult, source: SourceText): BrctlLine {
  return semantics(result)['read'](source) as BrctlLine;
}
