import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import { nodeSpan, type SourceText } from '../ohm';
import { textVal, wordsOf, type Words } from '../words';

export interface RouteLine {
  readonly type: string;
  /**
   * `default`, or an address with or without a prefix; the number of a next hop's object or the label of MPLS where the line is
   * about one; undefined on a `nexthop` or `cache` line.
   */
  readonly dst: Val<string> | undefined;
  readonly words: Words;
  /** The record without indentation and remarks. */
  readonly text: Val<string>;
}

const semantics = grammars.IpRoute.createSemantics().addOperation<RouteLine>('read(source)', {
  routeLine(_indent, type, _sp, dst, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const first = type.children[0] ?? dst;
    const last = items.children[items.children.length - 1] ?? dst;
    const start = first.source.startIdx;
    const end = last.source.endIdx;
    const span = { start: nodeSpan(source, first).start, end: nodeSpan(source, last).end };
    return {
      type: type.children[0]?.sourceString ?? 'unicast',
      dst: textVal(dst, source),
      words: wordsOf(items, source),
      text: { value: source.text.slice(start, end), span },
    };
  },
  objectLine(_indent, keyword, _sp, id, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const last = items.children[items.children.length - 1] ?? id;
    const span = { start: nodeSpan(source, keyword).start, end: nodeSpan(source, last).end };
    const value = source.text.slice(keyword.source.startIdx, last.source.endIdx);
    return { type: 'unicast', dst: textVal(id, source), words: wordsOf(items, source), text: { value, span } };
  },
  labelLine(_indent, label, _after, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { type: 'unicast', dst: textVal(label, source), words: wordsOf(items, source), text: textVal(label, source) };
  },
  nexthopLine(_indent, keyword, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { type: 'unicast', dst: undefined, words: wordsOf(items, source), text: textVal(keyword, source) };
  },
});

/** What a matched line of `ip route` says; see `RouteLine` for what a next hop leaves out. */
export function readRouteLine(result: MatchResult, source: SourceText): RouteLine {
  return semantics(result)['read'](source) as RouteLine;
}
