import type { MatchResult, Node } from 'ohm-js';
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
  /** What `-d` says, where `-o` puts it on the port's own line. */
  readonly settings: Readonly<Record<string, Val<string>>> | undefined;
}

const semantics = grammars.BridgeLink.createSemantics().addOperation<BridgePortLine>('read(source)', {
  portLine(_indent, index, _colon, _sp, name, _oldState, peer, _sp2, _colon2, _sp3, flags, items, below, _remark, _end) {
    const [, , , firstSetting, , moreSettings] = below.children[0]?.children ?? [];
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
      settings: firstSetting === undefined ? undefined : settingsOf([firstSetting, ...(moreSettings?.children ?? [])], source),
    };
  },
});

/** What a matched line of `bridge link` says. */
export function readBridgePort(result: MatchResult, source: SourceText): BridgePortLine {
  return semantics(result)['read'](source) as BridgePortLine;
}

const settings = grammars.BridgeLink.createSemantics().addOperation<Readonly<Record<string, Val<string>>>>('settings(source)', {
  settingsLine(_indent, first, _sps, rest, _end) {
    return settingsOf([first, ...rest.children], this.args['source'] as SourceText);
  },
});

/** What a matched line of settings below a port (`hairpin off guard off …`) says. */
export function readSettings(result: MatchResult, source: SourceText): Readonly<Record<string, Val<string>>> {
  return settings(result)['settings'](source) as Readonly<Record<string, Val<string>>>;
}

function settingsOf(all: readonly Node[], source: SourceText): Readonly<Record<string, Val<string>>> {
  const pairs = all.flatMap(({ children: [name, , value] }) =>
    name === undefined || value === undefined ? [] : [[name.sourceString, textVal(value, source)] as const],
  );
  return Object.fromEntries(pairs);
}
