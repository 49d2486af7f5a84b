import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { NfMatch, NfTargetOptions } from '../facts';
import { lower, textVal } from '../ip-address/words';
import { nodeSpan, type SourceText } from '../ohm';
import {
  addMatch,
  addressMatch,
  listVal,
  macMatch,
  markMatch,
  markValue,
  otherMatch,
  portMatch,
  protocolMatch,
  rangeMatch,
  tcpFlagsMatch,
  type RuleParts,
} from './netfilter';

/** What one option of a rule turned out to be. */
type Option =
  | { readonly is: 'match'; readonly matches: readonly NfMatch[] }
  | { readonly is: 'module'; readonly name: Val<string>; readonly whole: Val<string> }
  | { readonly is: 'target'; readonly name: Val<string>; readonly goto: boolean }
  | { readonly is: 'target-option'; readonly options: NfTargetOptions; readonly whole: Val<string> }
  | { readonly is: 'to-ports'; readonly text: Val<string> }
  | { readonly is: 'other'; readonly whole: Val<string>; readonly negated: boolean };

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

/** Matches whose name alone says nothing: their options do. The rest stay visible as conditions that are not modelled. */
const PLAIN_MODULES = new Set(
  'tcp udp udplite sctp dccp icmp icmp6 ipv6-icmp icmpv6 multiport conntrack state mark connmark physdev set mac addrtype iprange comment'.split(
    ' ',
  ),
);

const semantics = grammars.IptablesRules.createSemantics();

semantics.addOperation<Option>('option(source)', {
  option_protocol(_sp, not, _name, _sp2, not2, value) {
    return matched(protocolMatch(argument(value, this.args['source'] as SourceText), negated(not, not2)));
  },
  option_source(_sp, not, _name, _sp2, not2, value) {
    return matched(addressMatch('source', argument(value, this.args['source'] as SourceText), negated(not, not2)));
  },
  option_destination(_sp, not, _name, _sp2, not2, value) {
    return matched(addressMatch('destination', argument(value, this.args['source'] as SourceText), negated(not, not2)));
  },
  option_inInterface(_sp, not, _name, _sp2, not2, value) {
    return matched([
      { kind: 'in-interface', value: argument(value, this.args['source'] as SourceText), negated: negated(not, not2) },
    ]);
  },
  option_outInterface(_sp, not, _name, _sp2, not2, value) {
    return matched([
      { kind: 'out-interface', value: argument(value, this.args['source'] as SourceText), negated: negated(not, not2) },
    ]);
  },
  option_connmark(_sp, _m, _sp2, _module, _sp3, not, _name, _sp4, not2, value) {
    return matched([markMatch('connmark', argument(value, this.args['source'] as SourceText), negated(not, not2))]);
  },
  option_module(_sp, flag, _sp2, name) {
    const source = this.args['source'] as SourceText;
    return { is: 'module', name: argument(name, source), whole: between(flag, name, source) };
  },
  option_sourcePort(_sp, not, name, _sp2, not2, value) {
    const source = this.args['source'] as SourceText;
    return matched([portMatch('source-port', argument(value, source), negated(not, not2), between(name, value, source))]);
  },
  option_destinationPort(_sp, not, name, _sp2, not2, value) {
    const source = this.args['source'] as SourceText;
    return matched([portMatch('destination-port', argument(value, source), negated(not, not2), between(name, value, source))]);
  },
  option_anyPort(_sp, not, name, _sp2, not2, value) {
    const source = this.args['source'] as SourceText;
    return matched([portMatch('any-port', argument(value, source), negated(not, not2), between(name, value, source))]);
  },
  option_icmpType(_sp, not, _name, _sp2, not2, value) {
    return matched([
      { kind: 'icmp-type', type: argument(value, this.args['source'] as SourceText), negated: negated(not, not2) },
    ]);
  },
  option_ctstate(_sp, not, _name, _sp2, not2, value) {
    return matched([
      { kind: 'ctstate', states: listVal(argument(value, this.args['source'] as SourceText)), negated: negated(not, not2) },
    ]);
  },
  option_mark(_sp, not, _name, _sp2, not2, value) {
    return matched([markMatch('mark', argument(value, this.args['source'] as SourceText), negated(not, not2))]);
  },
  option_physdevIn(_sp, not, _name, _sp2, not2, value) {
    return matched([
      { kind: 'physdev-in', value: argument(value, this.args['source'] as SourceText), negated: negated(not, not2) },
    ]);
  },
  option_physdevOut(_sp, not, _name, _sp2, not2, value) {
    return matched([
      { kind: 'physdev-out', value: argument(value, this.args['source'] as SourceText), negated: negated(not, not2) },
    ]);
  },
  option_physdevIsBridged(_sp, not, name) {
    return matched([
      { kind: 'physdev-is-bridged', span: textVal(name, this.args['source'] as SourceText), negated: negated(not) },
    ]);
  },
  option_macSource(_sp, not, _name, _sp2, not2, value) {
    return matched([macMatch(argument(value, this.args['source'] as SourceText), negated(not, not2))]);
  },
  option_matchSet(_sp, not, _name, _sp2, set, _sp3, directions) {
    const source = this.args['source'] as SourceText;
    return matched([
      { kind: 'set', set: argument(set, source), directions: directions.sourceString.split(','), negated: negated(not) },
    ]);
  },
  option_sourceType(_sp, not, _name, _sp2, not2, value) {
    return matched([
      { kind: 'addrtype', which: 'src', value: argument(value, this.args['source'] as SourceText), negated: negated(not, not2) },
    ]);
  },
  option_destinationType(_sp, not, _name, _sp2, not2, value) {
    return matched([
      { kind: 'addrtype', which: 'dst', value: argument(value, this.args['source'] as SourceText), negated: negated(not, not2) },
    ]);
  },
  option_sourceRange(_sp, not, _name, _sp2, not2, value) {
    return matched([rangeMatch('src', argument(value, this.args['source'] as SourceText), negated(not, not2))]);
  },
  option_destinationRange(_sp, not, _name, _sp2, not2, value) {
    return matched([rangeMatch('dst', argument(value, this.args['source'] as SourceText), negated(not, not2))]);
  },
  option_tcpFlags(_sp, not, _name, _sp2, not2, mask, _sp3, set) {
    return matched([tcpFlagsMatch(between(mask, set, this.args['source'] as SourceText), negated(not, not2))]);
  },
  option_syn(_sp, not, name) {
    // The manual page: the same as `--tcp-flags SYN,RST,ACK,FIN SYN`.
    const span = nodeSpan(this.args['source'] as SourceText, name);
    return matched([tcpFlagsMatch(val('FIN,SYN,RST,ACK SYN', span), negated(not))]);
  },
  option_comment(_sp, _name, _sp2, value) {
    return matched([{ kind: 'comment', text: argument(value, this.args['source'] as SourceText) }]);
  },
  option_jump(_sp, _name, _sp2, value) {
    return { is: 'target', name: argument(value, this.args['source'] as SourceText), goto: false };
  },
  option_goto(_sp, _name, _sp2, value) {
    return { is: 'target', name: argument(value, this.args['source'] as SourceText), goto: true };
  },
  option_to(_sp, name, _sp2, value) {
    const source = this.args['source'] as SourceText;
    return targetOption({ to: lower(argument(value, source)) }, between(name, value, source));
  },
  option_toPorts(_sp, _name, _sp2, value) {
    return { is: 'to-ports', text: argument(value, this.args['source'] as SourceText) };
  },
  option_setMark(_sp, name, _sp2, value) {
    const source = this.args['source'] as SourceText;
    const whole = between(name, value, source);
    const mark = markValue(value.sourceString);
    if (mark === undefined) return { is: 'other', whole, negated: false };
    const op = ({ 'set-xmark': 'xset', 'set-mark': 'set', 'and-mark': 'and', 'or-mark': 'or', 'xor-mark': 'xor' } as const)[
      name.sourceString.slice(2)
    ];
    return op === undefined
      ? { is: 'other', whole, negated: false }
      : targetOption({ mark: val({ op, ...mark }, nodeSpan(source, value)) }, whole);
  },
  option_copyMark(_sp, name, _sps, masks) {
    const source = this.args['source'] as SourceText;
    const op = name.sourceString === '--save-mark' ? 'save' : 'restore';
    const last = masks.children[masks.children.length - 1] ?? name;
    const whole = between(name, last, source);
    return targetOption({ mark: val({ op, value: 0, mask: copiedBits(op, masks.children) }, whole.span) }, whole);
  },
  option_zone(_sp, name, _sp2, value) {
    const source = this.args['source'] as SourceText;
    const whole = between(name, value, source);
    const zone = Number(value.sourceString);
    return Number.isInteger(zone)
      ? targetOption({ zone: val(zone, nodeSpan(source, value)) }, whole)
      : { is: 'other', whole, negated: false };
  },
  option_notrack(_sp, name) {
    return targetOption({ notrack: true }, textVal(name, this.args['source'] as SourceText));
  },
  option_rejectWith(_sp, name, _sp2, value) {
    const source = this.args['source'] as SourceText;
    return targetOption({ rejectWith: argument(value, source) }, between(name, value, source));
  },
  option_other(_sp, not, name, _sps, values) {
    const source = this.args['source'] as SourceText;
    const first = not.children[0] ?? name;
    return {
      is: 'other',
      whole: between(first, values.children[values.children.length - 1] ?? name, source),
      negated: negated(not),
    };
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
    const packets = counted?.children[1];
    return {
      is: 'rule',
      chain: textVal(chain, source),
      place: place.children[0] === undefined ? undefined : Number(place.sourceString),
      packets: packets === undefined ? undefined : textVal(packets, source),
      parts: ruleParts(options.children.map((node) => node['option'](source) as Option)),
      text: between(first, last, source),
    };
  },
});

function ruleParts(options: readonly Option[]): RuleParts {
  const parts: RuleParts = { matches: [], target: undefined, goto: false, options: {} };
  // Past the target, an option that is not known belongs to the target until the next `-m`.
  let afterTarget = false;
  for (const option of options) {
    switch (option.is) {
      case 'match':
        for (const match of option.matches) addMatch(parts.matches, match);
        break;
      case 'module':
        afterTarget = false;
        if (!PLAIN_MODULES.has(option.name.value)) addMatch(parts.matches, otherMatch(option.whole, false));
        break;
      case 'target':
        parts.target = option.name;
        parts.goto = option.goto;
        afterTarget = true;
        break;
      case 'target-option':
        parts.options = { ...parts.options, ...option.options };
        break;
      case 'to-ports':
        parts.options.ports = option.text;
        break;
      case 'other':
        if (!afterTarget) addMatch(parts.matches, otherMatch(option.whole, option.negated));
        break;
    }
  }
  return parts;
}

function matched(matches: readonly NfMatch[]): Option {
  return { is: 'match', matches };
}

function targetOption(options: NfTargetOptions, whole: Val<string>): Option {
  return { is: 'target-option', options, whole };
}

function negated(...marks: readonly Node[]): boolean {
  return marks.some((mark) => mark.children.length > 0);
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

/** The bits that `save` writes to the connection, or `restore` to the packet. */
export function copiedBits(op: 'save' | 'restore', masks: readonly Node[]): number {
  let bits = 0xffffffff;
  for (const mask of masks) {
    const [name = '', value = ''] = mask.sourceString.trim().split(/\s+/);
    const side = name.replace(/^--/, '');
    const writes = side === 'mask' || side === (op === 'save' ? 'ctmask' : 'nfmask');
    if (writes && markValue(value) !== undefined) bits = Number(value);
  }
  return bits;
}

/** What a matched line of iptables-save(8) or `iptables -S` says. */
export function readRulesLine(result: MatchResult, source: SourceText): RulesLine {
  return semantics(result)['read'](source) as RulesLine;
}
