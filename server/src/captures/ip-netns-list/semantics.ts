import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { nodeSpan, type SourceText } from '../ohm';

export interface NamespaceLine {
  /** Undefined for a namespace that has a number only. */
  readonly name: Val<string> | undefined;
  readonly id?: Val<number>;
}

const semantics = grammars.IpNetns.createSemantics().addOperation<NamespaceLine>('read(source)', {
  numberLine(_indent, _nsid, _sp, number, _sp2, _current, _sp3, _currentNumber, named, _end) {
    const source = this.args['source'] as SourceText;
    const name = named.children[0]?.children[2];
    return {
      name: name === undefined ? undefined : val(name.sourceString, nodeSpan(source, name)),
      id: val(Number(number.sourceString), nodeSpan(source, number)),
    };
  },
  namespaceLine(_indent, name, id, _rest) {
    const source = this.args['source'] as SourceText;
    const number = id.children[0]?.children[2];
    return {
      name: val(name.sourceString, nodeSpan(source, name)),
      ...(number === undefined ? {} : { id: val(Number(number.sourceString), nodeSpan(source, number)) }),
    };
  },
});

/** What a matched line of `ip netns list` says. */
export function readNamespaceLine(result: MatchResult, source: SourceText): NamespaceLine {
  return semantics(result)['read'](source) as NamespaceLine;
}
