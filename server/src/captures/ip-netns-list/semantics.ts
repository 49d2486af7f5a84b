import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { nodeSpan, type SourceText } from '../ohm';

export interface NamespaceLine {
  readonly name: Val<string>;
  readonly id?: Val<number>;
}

const semantics = grammars.IpNetns.createSemantics().addOperation<NamespaceLine>('read(source)', {
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
