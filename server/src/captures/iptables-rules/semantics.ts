import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { textVal } from '../words';
import { nodeSpan, type SourceText } from '../ohm';
import type { RuleParts } from './netfilter';
import { ruleParts, type RawOption } from './options';

/** What a line says. */
export type RulesLine =
  | { readonly is: 'table'; readonly name: string }
  | { readonly is: 'chain'; readonly name: Val<string>; readonly policy: Val<string> | undefined; readonly text: Val<string> }
  | {
      readonly is: 'rule';
      readonly chain: Val<string>;
      readonly place: number | undefined;
      readonly packets: Val<string> | undefined;
      readonly parts: RuleParts;
      readonly text: Val<string>;
    }
  | { readonly is: 'commit' }
  | { readonly is: 'comment' };

const semantics = grammars.IptablesRules.createSemantics();

semantics.addOperation<RawOption>('option(source)', {
  option_bare(_sp, not, name) {
    return raw(this.args['source'] as SourceText, [not], name, []);
  },
  option_comment(_sp, name, _sp2, value) {
    return raw(this.args['source'] as SourceText, [], name, [value]);
  },
  option_two(_sp, not, name, _sp2, not2, first, _sp3, second) {
    return raw(this.args['source'] as SourceText, [not, not2], name, [first, second]);
  },
  option_one(_sp, not, name, _sp2, not2, value) {
    return raw(this.args['source'] as SourceText, [not, not2], name, [value]);
  },
  option_other(_sp, not, name, _sps, values) {
    return raw(this.args['source'] as SourceText, [not], name, values.children);
  },
});

semantics.addOperation<RulesLine>('read(source)', {
  tableLine(_indent, _star, name, _remark, _end) {
    return { is: 'table', name: name.sourceString };
  },
  declarationLine(_indent, colon, name, _sp, policy, _sp2, _counters, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const text = textVal(policy, source);
    return {
      is: 'chain',
      name: textVal(name, source),
      policy: text.value === '-' ? undefined : text,
      text: between(colon, policy, source),
    };
  },
  policyLine(_indent, flag, _sp, name, _sp2, policy, _counts, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { is: 'chain', name: textVal(name, source), policy: textVal(policy, source), text: between(flag, policy, source) };
  },
  newChainLine(_indent, flag, _sp, name, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { is: 'chain', name: textVal(name, source), policy: undefined, text: between(flag, name, source) };
  },
  commitLine(_indent, _commit, _end) {
    return { is: 'commit' };
  },
  commentLine(_indent, _hash, _rest) {
    return { is: 'comment' };
  },
  ruleLine(_indent, counters, _sp, flag, _sp2, chain, _sp3, place, _ahead, options, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const counted = counters.children[0];
    const first = counted ?? flag;
    const last = options.children[options.children.length - 1] ?? place.children[0] ?? chain;
    const found = options.children.map((node) => node['option'](source) as RawOption);
    // `iptables -S -v` puts the counters among the options.
    const counts = found.find((option) => option.name === '-c');
    const packets = counted?.children[1];
    return {
      is: 'rule',
      chain: textVal(chain, source),
      place: place.children[0] === undefined ? undefined : Number(place.sourceString),
      packets: packets === undefined ? counts?.args[0] : textVal(packets, source),
      parts: ruleParts(found.filter((option) => option !== counts)),
      text: between(first, last, source),
    };
  },
});

function raw(source: SourceText, nots: readonly Node[], name: Node, values: readonly Node[]): RawOption {
  return {
    name: name.sourceString,
    negated: nots.some((mark) => mark.children.length > 0),
    args: values.map((value) => argument(value, source)),
    whole: () => between(name, values[values.length - 1] ?? name, source),
  };
}

/** An argument without its quotes. */
function argument(node: Node, source: SourceText): Val<string> {
  const whole = textVal(node, source);
  if (!/^".*"$/s.test(whole.value)) return whole;
  return val(whole.value.slice(1, -1).replace(/\\(.)/gs, '$1'), { start: whole.span.start + 1, end: whole.span.end - 1 });
}

/** The text from the start of one node to the end of another. */
function between(first: Node, last: Node, source: SourceText): Val<string> {
  const span = { start: nodeSpan(source, first).start, end: nodeSpan(source, last).end };
  return val(source.text.slice(first.source.startIdx, last.source.endIdx), span);
}

/** What a matched line of iptables-save(8) or `iptables -S` says. */
export function readRulesLine(result: MatchResult, source: SourceText): RulesLine {
  return semantics(result)['read'](source) as RulesLine;
}
