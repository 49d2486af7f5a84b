import { val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind, Recognised } from '../capture';
import { positionals } from '../command';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const FLOW =
  /^\s*(?:ufid:[0-9a-f-]{36}|(?:tunnel|recirc_id|skb_priority|skb_mark|ct_state|ct_zone|ct_mark|ct_label|ct_tuple[46]|in_port|packet_type|eth|eth_type|dp_hash)\()/;
const HEADING = /^\s*flow-dump from /;

/** `ovs-dpctl dump-flows` and its kin: the datapath's cache, which is evidence of what has passed (ovs-dpctl(8)). */
export const ovsDpctlDumpFlows: CaptureKind = {
  kinds: ['ovs-dpctl-dump-flows'],
  recognise(argv): Recognised | undefined {
    const [command, target] = positionals(argv, ['-t', '--target', '-T', '--timeout']).filter((word) => !word.startsWith('-'));
    const own = argv[0] === 'ovs-dpctl' && command === 'dump-flows';
    const asked = argv[0] === 'ovs-appctl' && (command === 'dpctl/dump-flows' || command === 'dpif/dump-flows');
    if (!own && !asked) return undefined;
    return { kind: 'ovs-dpctl-dump-flows', ...(command === 'dpif/dump-flows' && target !== undefined ? { target } : {}) };
  },
  sniff(text) {
    if (HEADING.test(text)) return { kind: 'ovs-dpctl-dump-flows' };
    return FLOW.test(text) && /\bactions:/.test(text) ? { kind: 'ovs-dpctl-dump-flows' } : undefined;
  },
  accepts: (text) => FLOW.test(text) || HEADING.test(text),
  continues: (previous, text) => FLOW.test(previous) && !/\bactions:\S/.test(previous) && !FLOW.test(text),
  startsRecord: (text) => FLOW.test(text),
  parse(input) {
    return parseEachLine(input, grammars.DpctlFlows, 'line', 'flow of the datapath', (result, source, out) => {
      const flow = semantics(result)['read'](source) as SwitchFact | undefined;
      if (!flow) return 'header';
      out.facts.push(flow);
      return 'record';
    });
  },
};

const semantics = grammars.DpctlFlows.createSemantics().addOperation<SwitchFact | undefined>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as SwitchFact | undefined;
  },
  heading: (_i, _words, _rest) => undefined,
  flow(_i, _ufid, key, statistics, actions) {
    const source = this.args['source'] as SourceText;
    const given = new Map<string, string>();
    for (const statistic of statistics.children) {
      const [name, value = ''] = statistic.sourceString.replace(/^[\s,]+/, '').split(/:(.*)/);
      if (name !== undefined) given.set(name, value);
    }
    const text = actions.children[0]?.child(1);
    const end = nodeSpan(source, key).end;
    const packets = given.get('packets');
    return {
      kind: 'datapath-flow',
      text: val(key.sourceString, nodeSpan(source, key)),
      actions: text ? val(text.sourceString.trim(), nodeSpan(source, text)) : val('', { start: end, end }),
      packets: packets === undefined ? undefined : Number(packets),
      used: given.get('used'),
    };
  },
});
