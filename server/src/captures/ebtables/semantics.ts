import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { textVal } from '../words';
import { nodeSpan, type SourceText } from '../ohm';

/** One option of a rule with its arguments: `--ip-src ! 10.0.0.1`. */
export interface EbOption {
  /** Without its dashes. */
  readonly name: string;
  readonly value: Val<string> | undefined;
  readonly negated: boolean;
  readonly whole: Val<string>;
}

/** What a line of ebtables(8) says. */
export type EbLine =
  | { readonly is: 'table'; readonly name: string }
  | {
      readonly is: 'chain';
      readonly name: Val<string>;
      readonly policy: Val<string> | undefined;
      /** How many rules it has, where a listing says so. */
      readonly entries?: number;
      readonly text: Val<string>;
    }
  | {
      readonly is: 'rule';
      /** Undefined in a listing, where the chain stands above. */
      readonly chain: Val<string> | undefined;
      readonly place: number | undefined;
      readonly options: readonly EbOption[];
      readonly text: Val<string>;
    }
  | { readonly is: 'comment' };

const semantics = grammars.Ebtables.createSemantics();

semantics.addOperation<EbOption>('option(source)', {
  option_valued(_sp, not, name, _sp2, not2, argument, more) {
    const source = this.args['source'] as SourceText;
    const rest = more.children[2]?.children ?? [];
    const last = rest[rest.length - 1] ?? argument;
    return {
      name: name.sourceString.replace(/^--?/, ''),
      value: unquoted(between(argument, last, source)),
      negated: not.children.length > 0 || not2.children.length > 0,
      whole: between(not.children[0] ?? name, last, source),
    };
  },
  option_flag(_sp, not, name) {
    const source = this.args['source'] as SourceText;
    return {
      name: name.sourceString.replace(/^--?/, ''),
      value: undefined,
      negated: not.children.length > 0,
      whole: between(not.children[0] ?? name, name, source),
    };
  },
});

semantics.addOperation<EbLine>('read(source)', {
  tableLine(_indent, _key, _sp, name, _remark, _end) {
    return { is: 'table', name: name.sourceString };
  },
  saveTableLine(_indent, _star, name, _remark, _end) {
    return { is: 'table', name: name.sourceString };
  },
  chainLine(_indent, key, _sp, name, _comma, _sp2, _entries, _sp3, count, _comma2, _sp4, _policy, _sp5, policy, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const entries = Number(count.sourceString);
    return {
      is: 'chain',
      name: textVal(name, source),
      policy: policyOf(policy, source),
      entries,
      text: between(key, policy, source),
    };
  },
  arpChainLine(_indent, key, _sp, name, _sp2, _open, is, close, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const policy = is.children[0]?.ctorName === 'arpChainIs_policy' ? is.children[0].children[2] : undefined;
    return {
      is: 'chain',
      name: textVal(name, source),
      policy: policy === undefined ? undefined : policyOf(policy, source),
      text: between(key, close, source),
    };
  },
  declarationLine(_indent, colon, _sp0, name, _sp, policy, _counters, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { is: 'chain', name: textVal(name, source), policy: policyOf(policy, source), text: between(colon, policy, source) };
  },
  policyLine(_indent, _program, flag, _sp, name, _sp2, policy, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { is: 'chain', name: textVal(name, source), policy: policyOf(policy, source), text: between(flag, policy, source) };
  },
  newChainLine(_indent, _program, flag, _sp, name, _sp2, _p, _sp3, policy, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const own = policy.children[0];
    return {
      is: 'chain',
      name: textVal(name, source),
      policy: own === undefined ? undefined : policyOf(own, source),
      text: between(flag, own ?? name, source),
    };
  },
  commentLine(_indent, _hash, _rest) {
    return { is: 'comment' };
  },
  ruleLine(_indent, _counters, place, _program, append, _sp, chain, _sp2, number, _ahead, options, _counts, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const own = chain.children[0];
    const first = append.children[0] ?? options.children[0];
    const last = options.children[options.children.length - 1] ?? number.children[0] ?? own ?? this;
    const text = between(first ?? this, last, source);
    // The number is optional inside what is optional itself.
    const listed = place.children[0]?.sourceString ?? number.children[0]?.children[0]?.sourceString;
    return {
      is: 'rule',
      chain: own === undefined ? undefined : textVal(own, source),
      place: listed === undefined ? undefined : Number.parseInt(listed, 10),
      options: options.children.map((option) => option['option'](source) as EbOption),
      text: {
        value: text.value.trim(),
        span: { start: text.span.start + (text.value.length - text.value.trimStart().length), end: text.span.end },
      },
    };
  },
});

function policyOf(node: Node, source: SourceText): Val<string> | undefined {
  const policy = textVal(node, source);
  return policy.value === '-' ? undefined : policy;
}

function unquoted(text: Val<string>): Val<string> {
  return /^".*"$/.test(text.value) ? val(text.value.slice(1, -1), { start: text.span.start + 1, end: text.span.end - 1 }) : text;
}

function between(first: Node, last: Node, source: SourceText): Val<string> {
  const span = { start: nodeSpan(source, first).start, end: nodeSpan(source, last).end };
  return val(source.text.slice(first.source.startIdx, last.source.endIdx), span);
}

/** What a matched line says. */
export function readEbLine(result: MatchResult, source: SourceText): EbLine {
  return semantics(result)['read'](source) as EbLine;
}
