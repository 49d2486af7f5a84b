import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { SourceText } from '../ohm';
import { textVal } from '../words';

export interface BridgeLine {
  /** Undefined on a line that only names one more port. */
  readonly bridge: { readonly name: Val<string>; readonly id: Val<string>; readonly stp: Val<string> } | undefined;
  readonly port: Val<string> | undefined;
}

const semantics = grammars.BrctlShow.createSemantics().addOperation<BridgeLine>('read(source)', {
  bridgeLine(_indent, name, _sp, id, _sp2, stp, _sp3, port, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const first = port.children[0];
    return {
      bridge: { name: textVal(name, source), id: textVal(id, source), stp: textVal(stp, source) },
      port: first === undefined ? undefined : textVal(first, source),
    };
  },
  portLine(_indent, port, _remark, _end) {
    return { bridge: undefined, port: textVal(port, this.args['source'] as SourceText) };
  },
});

/** What a matched line of `brctl show` says. */
export function readBridgeLine(result: MatchResult, source: SourceText): BridgeLine {
  return semantics(result)['read'](source) as BridgeLine;
}
