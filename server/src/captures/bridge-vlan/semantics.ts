import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { textVal } from '../words';
import { nodeSpan, type SourceText } from '../ohm';

export interface VlanEntry {
  readonly vlan: Val<readonly [number, number]>;
  readonly pvid: boolean;
  readonly untagged: boolean;
  /** The numbers that it travels under (`bridge vlan tunnelshow`). */
  readonly tunnel?: Val<readonly [number, number]>;
}

export interface VlanLine {
  readonly dev: Val<string> | undefined;
  /** Undefined for `None`, for titles and for statistics. */
  readonly entry: VlanEntry | undefined;
  readonly header: boolean;
  /** What `-d` says of the VLAN above. */
  readonly state?: Val<string>;
}

const semantics = grammars.BridgeVlan.createSemantics();

semantics.addOperation<VlanEntry | undefined>('entry(source)', {
  entry_none(_none) {
    return undefined;
  },
  entry_vlan(first, upper, flags) {
    const source = this.args['source'] as SourceText;
    const last = upper.children[0]?.children[1] ?? first;
    const span = { start: nodeSpan(source, first).start, end: nodeSpan(source, last).end };
    return {
      vlan: val([Number(first.sourceString), Number(last.sourceString)] as const, span),
      pvid: /\bPVID\b/.test(flags.sourceString),
      untagged: /\bEgress Untagged\b/.test(flags.sourceString),
      ...tunnelOf(flags, source),
    };
  },
});

function tunnelOf(flags: Node, source: SourceText): Pick<VlanEntry, 'tunnel'> {
  const found = flags.children[1]?.children.find(({ sourceString }) => /^\d/.test(sourceString));
  const [first, last] = found?.sourceString.split('-') ?? [];
  return found === undefined ? {} : { tunnel: val([Number(first), Number(last ?? first)] as const, nodeSpan(source, found)) };
}

semantics.addOperation<VlanLine>('read(source)', {
  titleLine(_indent, _port, _sp, _vlan, _sp2, _tunnel, _end) {
    return { dev: undefined, entry: undefined, header: true };
  },
  portLine(_indent, dev, _sp, entry, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { dev: textVal(dev, source), entry: entry['entry'](source) as VlanEntry | undefined, header: false };
  },
  portAlone(_indent, dev, _end) {
    return { dev: textVal(dev, this.args['source'] as SourceText), entry: undefined, header: false };
  },
  entryLine(_indent, entry, _remark, _end) {
    return { dev: undefined, entry: entry['entry'](this.args['source']) as VlanEntry | undefined, header: false };
  },
  statisticsLine_state(_indent, _word, _sp, state, _rest) {
    return { dev: undefined, entry: undefined, header: true, state: textVal(state, this.args['source'] as SourceText) };
  },
  statisticsLine_other(_indent, _what, _rest) {
    return { dev: undefined, entry: undefined, header: true };
  },
});

/** What a matched line says. */
export function readVlanLine(result: MatchResult, source: SourceText): VlanLine {
  return semantics(result)['read'](source) as VlanLine;
}
