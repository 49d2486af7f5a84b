import type { Node } from 'ohm-js';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { LOCAL_PORT } from '../../packet/fields';
import { appctl } from '../appctl';
import type { CaptureKind } from '../capture';
import type { OfPortRef } from '../facts';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const HEADER = /^\s*port\s+VLAN\s+GROUP\b/i;
const ROW = /^\s*(?:"[^"]+"|[\w.@-]+)\s+\d+\s+(?:querier|[\d.]+|[0-9a-f:.]*:[0-9a-f:.]*)\s+\d+\s*$/i;

/** `ovs-appctl mdb/show BRIDGE`: who wants which multicast group, and where routers are (ovs-vswitchd(8)). */
export const ovsAppctlMdbShow: CaptureKind = {
  kinds: ['ovs-appctl-mdb-show'],
  recognise: appctl({ 'mdb/show': 'ovs-appctl-mdb-show' }),
  sniff: (text) => (HEADER.test(text) ? { kind: 'ovs-appctl-mdb-show' } : undefined),
  accepts: (text) => HEADER.test(text) || ROW.test(text),
  parse(input) {
    return parseEachLine(input, grammars.MdbShow, 'line', 'row of a multicast table', (result, source, out) => {
      const fact = semantics(result)['read'](source) as Entry | undefined;
      if (!fact) return 'header';
      out.facts.push(fact);
      out.refs.push({ kind: 'ofport', value: String(fact.port.value), span: fact.port.span });
      if (fact.vlan.value !== 0) out.refs.push({ kind: 'vlan', value: String(fact.vlan.value), span: fact.vlan.span });
      if (!fact.querier) out.refs.push({ kind: 'ip', value: fact.group.value, span: fact.group.span });
      return 'record';
    });
  },
};

type Entry = Extract<SwitchFact, { kind: 'mdb-entry' }>;

function portOf(node: Node, source: SourceText): Val<OfPortRef> {
  const text = node.sourceString.replace(/^"(.*)"$/, '$1');
  return val(/^\d+$/.test(text) ? Number(text) : text === 'LOCAL' ? LOCAL_PORT : text, nodeSpan(source, node));
}

const semantics = grammars.MdbShow.createSemantics().addOperation<Entry | undefined>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as Entry | undefined;
  },
  header: (_indent, _port, _sp, _vlan, _sp2, _group, _rest) => undefined,
  querier(_indent, port, _sp, vlan, _sp2, querier, _sp3, _age, _rest) {
    const source = this.args['source'] as SourceText;
    return entry(port, vlan, querier, true, source);
  },
  row(_indent, port, _sp, vlan, _sp2, group, _sp3, _age, _rest) {
    return entry(port, vlan, group, false, this.args['source'] as SourceText);
  },
});

function entry(port: Node, vlan: Node, group: Node, querier: boolean, source: SourceText): Entry {
  return {
    kind: 'mdb-entry',
    port: portOf(port, source),
    vlan: val(Number(vlan.sourceString), nodeSpan(source, vlan)),
    group: val(group.sourceString.toLowerCase(), nodeSpan(source, group)),
    querier,
  };
}
