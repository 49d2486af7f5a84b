import type { FailedMatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { textVal } from '../words';
import { spanIn, type SourceText } from '../ohm';
import { createWordForms } from '../word-forms';
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

/** A stretch of a rule's text. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** A rule's text taken apart, before anything is looked up: where its pieces stand. */
export interface RuleSyntax {
  /** `[12:734]` in front, and the packets in it. */
  readonly counters: { readonly whole: Stretch; readonly packets: Stretch } | undefined;
  readonly flag: Stretch;
  readonly chain: Stretch;
  readonly place: Stretch | undefined;
  readonly options: readonly OptionSyntax[];
}

export interface OptionSyntax {
  readonly name: Stretch;
  readonly word: string;
  readonly negated: boolean;
  readonly args: readonly Stretch[];
}

const semantics = grammars.IptablesRules.createSemantics();

semantics.addOperation<OptionSyntax>('option', {
  option_bare: (_sp, not, name) => option([not], name, []),
  option_comment: (_sp, name, _sp2, value) => option([], name, [value]),
  option_two: (_sp, not, name, _sp2, not2, first, _sp3, second) => option([not, not2], name, [first, second]),
  option_one: (_sp, not, name, _sp2, not2, value) => option([not, not2], name, [value]),
  option_other: (_sp, not, name, _sps, values) => option([not], name, values.children),
});

function option(nots: readonly Node[], name: Node, args: readonly Node[]): OptionSyntax {
  const negated = nots.some((mark) => mark.children.length > 0);
  return { name: stretch(name), word: name.sourceString, negated, args: args.map(stretch) };
}

function stretch({ source }: Node): Stretch {
  return { start: source.startIdx, end: source.endIdx };
}

semantics.addOperation<RuleSyntax>('rule', {
  ruleLine(_indent, counters, _sp, flag, _sp2, chain, _sp3, place, _ahead, options, _remark, _end) {
    const counted = counters.children[0];
    const packets = counted?.children[1];
    const at = place.children[0];
    return {
      counters: counted && packets ? { whole: stretch(counted), packets: stretch(packets) } : undefined,
      flag: stretch(flag),
      chain: stretch(chain),
      place: at && stretch(at),
      options: options.children.map((node) => node['option']() as OptionSyntax),
    };
  },
});

interface DeclarationSyntax {
  readonly colon: Stretch;
  readonly name: Stretch;
  readonly policy: Stretch;
}

semantics.addOperation<DeclarationSyntax>('declaration', {
  declarationLine: (_indent, colon, _sp0, name, _sp, policy, _sp2, _counters, _remark, _end) => ({
    colon: stretch(colon),
    name: stretch(name),
    policy: stretch(policy),
  }),
});

semantics.addOperation<RulesLine>('read(source)', {
  tableLine(_indent, _star, name, _remark, _end) {
    return { is: 'table', name: name.sourceString };
  },
  declarationLine(_indent, _colon, _sp0, _name, _sp, _policy, _sp2, _counters, _remark, _end) {
    return declarationOf(this['declaration']() as DeclarationSyntax, this.args['source'] as SourceText);
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
  ruleLine(_indent, _counters, _sp, _flag, _sp2, _chain, _sp3, _place, _ahead, _options, _remark, _end) {
    return ruleOf(this['rule']() as RuleSyntax, this.args['source'] as SourceText);
  },
});

/** The text from the start of one node to the end of another. */
function between(first: Node, last: Node, source: SourceText): Val<string> {
  return textAt({ start: first.source.startIdx, end: last.source.endIdx }, source);
}

function textAt({ start, end }: Stretch, source: SourceText): Val<string> {
  return val(source.text.slice(start, end), spanIn(source, start, end));
}

/** Stretches that count edges of words, or characters where there are no edges, as stretches of characters. */
function placer(edges: readonly number[] | undefined): (from: Stretch, to?: Stretch) => Stretch {
  if (!edges) return (from, to = from) => ({ start: from.start, end: to.end });
  return (from, to = from) => ({ start: edges[from.start] ?? 0, end: edges[to.end] ?? 0 });
}

/** What a rule whose pieces are known says. */
function ruleOf({ counters, flag, chain, place, options }: RuleSyntax, source: SourceText, edges?: readonly number[]): RulesLine {
  const at = placer(edges);
  const textOf = (from: Stretch, to?: Stretch) => textAt(at(from, to), source);
  const lastOption = options.at(-1);
  const last = lastOption?.args.at(-1) ?? lastOption?.name ?? place ?? chain;
  const found = options.map(({ name, word, negated, args }): RawOption => ({
    name: word,
    negated,
    args: args.map((arg) => argument(textOf(arg))),
    whole: () => textOf(name, args.at(-1)),
  }));
  // `iptables -S -v` puts the counters among the options.
  const counts = found.find((one) => one.name === '-c');
  return {
    is: 'rule',
    chain: textOf(chain),
    place: place && Number(textOf(place).value),
    packets: counters ? textOf(counters.packets) : counts?.args[0],
    parts: ruleParts(counts ? found.filter((one) => one !== counts) : found),
    text: textOf(counters?.whole ?? flag, last),
  };
}

/** An argument without its quotes. */
function argument(whole: Val<string>): Val<string> {
  if (!/^".*"$/s.test(whole.value)) return whole;
  return val(whole.value.slice(1, -1).replace(/\\(.)/gs, '$1'), { start: whole.span.start + 1, end: whole.span.end - 1 });
}

function declarationOf({ colon, name, policy }: DeclarationSyntax, source: SourceText, edges?: readonly number[]): RulesLine {
  const at = placer(edges);
  const text = textAt(at(policy), source);
  return {
    is: 'chain',
    name: textAt(at(name), source),
    policy: text.value === '-' ? undefined : text,
    text: textAt(at(colon, policy), source),
  };
}

/** The forms that lines have had so far; what a form's pieces are, the grammar said of its first line. Options and policies are kept. */
const rules = createWordForms<RuleSyntax>(/^(?:!|--?[A-Za-z][\w-]*)$/);
const declarations = createWordForms<DeclarationSyntax>(/^(?:-|[A-Z]+)$/);

/**
 * What a line that `rule` of the grammar reads says, or why it can't be read. A line of a form that was met before is not matched
 * again: its pieces are the same words.
 */
export function readRulesLine(source: SourceText, rule: string): RulesLine | FailedMatchResult {
  const { text } = source;
  if (rule === 'ruleLine') {
    const known = rules.read(text);
    if (known) return ruleOf(known.form, source, known.edges);
  } else if (rule === 'declarationLine') {
    const known = declarations.read(text);
    if (known) return declarationOf(known.form, source, known.edges);
  }
  const result = grammars.IptablesRules.match(text, rule);
  if (result.failed()) return result;
  const matched = semantics(result);
  if (rule === 'ruleLine') rules.learn(text, matched['rule']() as RuleSyntax);
  else if (rule === 'declarationLine') declarations.learn(text, matched['declaration']() as DeclarationSyntax);
  return matched['read'](source) as RulesLine;
}

/** The same by the grammar alone: what `readRulesLine` must agree with. */
export function matchRulesLine(source: SourceText, rule: string): RulesLine | undefined {
  const result = grammars.IptablesRules.match(source.text, rule);
  return result.failed() ? undefined : (semantics(result)['read'](source) as RulesLine);
}
