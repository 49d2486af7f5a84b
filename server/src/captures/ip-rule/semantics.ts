import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import { nodeSpan, type SourceText } from '../ohm';
import { numberVal, textVal } from '../words';

export interface RuleLine {
  readonly priority: Val<number>;
  readonly not: boolean;
  readonly pairs: ReadonlyMap<string, Val<string>>;
  /** `unreachable`, `prohibit`, `blackhole` …, and marks such as `[detached]`. */
  readonly actions: readonly Val<string>[];
  readonly text: Val<string>;
}

const semantics = grammars.IpRule.createSemantics().addOperation<RuleLine>('read(source)', {
  ruleLine(_indent, priority, _colon, _sp, not, first, _sps, rest, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const pairs = new Map<string, Val<string>>();
    const actions: Val<string>[] = [];
    const items = [first, ...rest.children];
    for (const item of items) {
      const [key, , value] = item.children[0]?.children ?? [];
      if (key === undefined) continue;
      if (value === undefined) actions.push(textVal(key, source));
      else pairs.set(key.sourceString, textVal(value, source));
    }
    const last = items[items.length - 1] ?? first;
    const span = { start: nodeSpan(source, priority).start, end: nodeSpan(source, last).end };
    return {
      priority: numberVal(textVal(priority, source)),
      not: not.children.length > 0,
      pairs,
      actions,
      text: { value: source.text.slice(priority.source.startIdx, last.source.endIdx), span },
    };
  },
});

/** What a matched line of `ip rule` says. */
export function readRuleLine(result: MatchResult, source: SourceText): RuleLine {
  return semantics(result)['read'](source) as RuleLine;
}
