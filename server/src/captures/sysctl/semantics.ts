import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { nodeSpan, type SourceText } from '../ohm';
import { textVal } from '../words';

export interface Setting {
  readonly name: Val<string>;
  /** Empty where the kernel's value is. */
  readonly value: Val<string>;
}

const semantics = grammars.Sysctl.createSemantics().addOperation<Setting>('read(source)', {
  settingLine_set(_indent, name, _sp, equals, _sp2, value, _remark, _end) {
    return setting(name, equals, value, this.args['source'] as SourceText);
  },
  settingLine_file(_indent, path, colon, _sp, value, _end) {
    return setting(path, colon, value, this.args['source'] as SourceText);
  },
});

function setting(name: Node, sign: Node, value: Node, source: SourceText): Setting {
  const text = value.children[0];
  const after = nodeSpan(source, sign).end;
  return {
    name: textVal(name, source),
    value: text === undefined ? val('', { start: after, end: after }) : textVal(text, source),
  };
}

/** What a matched line of sysctl(8) says. */
export function readSetting(result: MatchResult, source: SourceText): Setting {
  return semantics(result)['read'](source) as Setting;
}
