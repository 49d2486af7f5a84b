import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { SourceText } from '../ohm';
import { textVal } from '../words';

/** What a line of `bridge mdb` names. */
export interface MdbLine {
  readonly devices: readonly Val<string>[];
  /** The group, by its IP or MAC address. */
  readonly group: Val<string> | undefined;
}

const semantics = grammars.BridgeMdb.createSemantics().addOperation<MdbLine>('read(source)', {
  entryLine(_indent, _dev, _sp, bridge, _sp2, _port, _sp3, port, _sp4, _grp, _sp5, group, _sp6, _more, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { devices: [...bridge.children, port].map((name) => textVal(name, source)), group: textVal(group, source) };
  },
  routerLine(_indent, _router, _sp, _ports, _sp2, _on, _sp3, bridge, _colon, _sp4, words, _end) {
    const source = this.args['source'] as SourceText;
    return { devices: [bridge, ...words.children.slice(0, 1)].map((name) => textVal(name, source)), group: undefined };
  },
});

/** What a matched line says. */
export function readMdbLine(result: MatchResult, source: SourceText): MdbLine {
  return semantics(result)['read'](source) as MdbLine;
}
