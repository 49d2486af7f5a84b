import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { SourceText } from '../ohm';
import { numberVal, textVal, wordsOf, type Words } from '../words';

export interface BridgePortLine {
  readonly index: Val<number>;
  readonly name: Val<string>;
  readonly peer: Val<string> | undefined;
  readonly peerIndex: Val<number> | undefined;
  readonly flags: readonly string[];
  readonly words: Words;
}

const semantics = grammars.BridgeLink.createSemantics().addOperation<BridgePortLine>('read(source)', {
  portLine(_indent, index, _colon, _sp, name, _oldState, peer, _sp2, _colon2, _sp3, flags, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const found = peer.children[0]?.children[2]?.children[0];
    const byIndex = found?.ctorName === 'peerName_index' ? found.children[1] : undefined;
    return {
      index: numberVal(textVal(index, source)),
      name: textVal(name, source),
      peer: found === undefined || byIndex !== undefined || found.sourceString === 'NONE' ? undefined : textVal(found, source),
      peerIndex: byIndex === undefined ? undefined : numberVal(textVal(byIndex, source)),
      flags: (flags.children[1]?.sourceString ?? '').split(',').filter((flag) => flag !== ''),
      words: wordsOf(items, source),
    };
  },
});

/** What a matched line of `bridge link` says. */
export function readBridgePort(result: MatchResult, source: SourceText): BridgePortLine {
  return semantics(result)['read'](source) as BridgePortLine;
}

const settings = grammars.BridgeLink.createSemantics();

settings.addOperation<readonly [string, Val<string>]>('pair(source)', {
  setting(name, _sp, value) {
    return [name.sourceString, textVal(value, this.args['source'] as SourceText)];
  },
});

settings.addOperation<Readonly<Record<string, Val<string>>>>('settings(source)', {
  settingsLine(_indent, first, _sps, rest, _end) {
    const pairs = [first, ...rest.children].map((node) => node['pair'](this.args['source']) as readonly [string, Val<string>]);
    return Object.fromEntries(pairs);
  },
});

/** What a matched line of settings below a port (`hairpin off guard off …`) says. */
export function readSettings(result: MatchResult, source: SourceText): Readonly<Record<string, Val<string>>> {
  return settings(result)['settings'](source) as Readonly<Record<string, Val<string>>>;
}
