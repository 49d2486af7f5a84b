import type { Node } from 'ohm-js';
import { indentOf } from '../../base/lines';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { appctl } from '../appctl';
import type { CaptureKind } from '../capture';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

type TraceLine = Extract<SwitchFact, { kind: 'trace-line' }>;

/** `ovs-appctl ofproto/trace`: what the real switch said of a packet, a line each (ovs-vswitchd(8)). */
export const ovsAppctlOfprotoTrace: CaptureKind = {
  kinds: ['ovs-appctl-ofproto-trace'],
  recognise: appctl({ 'ofproto/trace': 'ovs-appctl-ofproto-trace', 'ofproto/trace-packet-out': 'ovs-appctl-ofproto-trace' }),
  sniff(text, following) {
    if (/^Flow: .*in_port=/.test(text.trim())) return { kind: 'ovs-appctl-ofproto-trace' };
    return /^Bridge: \S+$/.test(text.trim()) && /^Flow: /.test((following(0) ?? '').trim())
      ? { kind: 'ovs-appctl-ofproto-trace' }
      : undefined;
  },
  accepts: (text) => text.trim() !== '' && !/^\s*[•]/.test(text) && !/^\s*```/.test(text),
  parse(input) {
    return parseEachLine(input, grammars.OfprotoTrace, 'line', 'line of ofproto/trace', (result, source, out, line) => {
      const read = semantics(result)['read'](source) as Read;
      if (!read) return 'header';
      const { what, text, table, priority } = read;
      out.facts.push({ kind: 'trace-line', what, depth: indentOf(line.text), table, priority, text });
      if (table) out.refs.push({ kind: 'table', value: String(table.value), span: table.span });
      if (what === 'bridge') out.refs.push({ kind: 'bridge', value: text.value, span: text.span });
      return 'record';
    });
  },
};

type Read = Pick<TraceLine, 'what' | 'text' | 'table' | 'priority'> | undefined;
type Args = Readonly<Record<string, unknown>>;

function textOf(node: Node, args: Args): Val<string> {
  return val(node.sourceString.trim(), nodeSpan(args['source'] as SourceText, node));
}

const plain =
  (what: TraceLine['what']) =>
  (node: Node, args: Args): Read => ({ what, text: textOf(node, args), table: undefined, priority: undefined });

function numberIn(node: Node | undefined, args: Args): Val<number> | undefined {
  const digits = node && /\d+$/.exec(node.sourceString);
  if (!node || !digits) return undefined;
  const { end } = nodeSpan(args['source'] as SourceText, node);
  return val(Number(digits[0]), { start: end - digits[0].length, end });
}

const semantics = grammars.OfprotoTrace.createSemantics().addOperation<Read>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as Read;
  },
  flow(_i, _word, _b, rest) {
    return plain('flow')(rest, this.args);
  },
  final(_i, _word, _b, rest) {
    return plain('final')(rest, this.args);
  },
  megaflow(_i, _word, _b, rest) {
    return plain('megaflow')(rest, this.args);
  },
  relevant(_i, _word, _b, rest) {
    return plain('megaflow')(rest, this.args);
  },
  actions(_i, _word, _b, rest) {
    return plain('actions')(rest, this.args);
  },
  bridge(_i, _open, name, _close, _b, _end) {
    const read = textOf(name, this.args);
    const span = { start: read.span.start + 1, end: read.span.end - 1 };
    return { what: 'bridge', text: val(read.value.slice(1, -1), span), table: undefined, priority: undefined };
  },
  bridgeOld(_i, _word, _b, name, _e) {
    return plain('bridge')(name, this.args);
  },
  ruler: (_i, _line, _rest) => undefined,
  rule(_i, table, _dot, _s, match, priority, _rest) {
    return {
      what: 'rule',
      text: textOf(match, this.args),
      table: numberIn(table, this.args),
      priority: numberIn(priority.children[0], this.args),
    };
  },
  noMatch(_i, table, _dot, _s, words, _e) {
    return { what: 'rule', text: textOf(words, this.args), table: numberIn(table, this.args), priority: undefined };
  },
  ruleOld(_i, _word, _b, _table, id, rest) {
    const priority = /priority=(\d+)/.exec(rest.sourceString);
    const span = nodeSpan(this.args['source'] as SourceText, rest);
    const at = span.start + (priority?.index ?? 0) + 'priority='.length;
    return {
      what: 'rule',
      text: textOf(rest, this.args),
      table: numberIn(id, this.args),
      priority: priority ? val(Number(priority[1]), { start: at, end: at + (priority[1]?.length ?? 0) }) : undefined,
    };
  },
  actionsOld(_i, _word, rest) {
    return plain('action')(rest, this.args);
  },
  recirculation(_i, _open, _rest) {
    return plain('recirculation')(this as unknown as Node, this.args);
  },
  note(_i, _arrow, rest) {
    return plain('note')(rest, this.args);
  },
  other(_i, _first, _rest) {
    return plain('action')(this as unknown as Node, this.args);
  },
});
