import { val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { appctl } from '../appctl';
import type { CaptureKind } from '../capture';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const NEIGH_TITLE = /^\s*IP\s+MAC\s+Bridge\s*$/;
const NEIGHBOUR = /^\s*[0-9a-f.:]+\s+(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\s+\S+/i;
const PORTS_TITLE = /^\s*Listening ports:\s*$/;
const PORT = /^\s*\S+ \(\d+\) (?:: |ref_cnt=)/;

/** `ovs-appctl tnl/neigh/show` (tnl/arp/show) and `tnl/ports/show`: what tunnels of a userspace datapath know (ovs-vswitchd(8)). */
export const ovsAppctlTnl: CaptureKind = {
  kinds: ['ovs-appctl-tnl-neigh-show', 'ovs-appctl-tnl-ports-show'],
  recognise: appctl({
    'tnl/neigh/show': 'ovs-appctl-tnl-neigh-show',
    'tnl/arp/show': 'ovs-appctl-tnl-neigh-show',
    'tnl/ports/show': 'ovs-appctl-tnl-ports-show',
  }),
  sniff(text) {
    if (NEIGH_TITLE.test(text)) return { kind: 'ovs-appctl-tnl-neigh-show' };
    return PORTS_TITLE.test(text) ? { kind: 'ovs-appctl-tnl-ports-show' } : undefined;
  },
  accepts(text, kind) {
    if (kind === 'ovs-appctl-tnl-ports-show') return PORTS_TITLE.test(text) || PORT.test(text);
    return NEIGH_TITLE.test(text) || /^\s*=+\s*$/.test(text) || NEIGHBOUR.test(text);
  },
  parse(input) {
    const rule = input.kind === 'ovs-appctl-tnl-ports-show' ? 'portLine' : 'neighLine';
    return parseEachLine(input, grammars.Tnl, rule, 'line of tnl/…/show', (result, source, out) => {
      const fact = semantics(result)['read'](source) as SwitchFact | undefined;
      if (!fact) return 'header';
      out.facts.push(fact);
      if (fact.kind === 'tunnel-neighbour') {
        out.refs.push({ kind: 'ip', value: fact.ip.value, span: fact.ip.span });
        out.refs.push({ kind: 'mac', value: fact.mac.value, span: fact.mac.span });
        out.refs.push({ kind: 'device', value: fact.bridge.value, span: fact.bridge.span });
      }
      return 'record';
    });
  },
};

const semantics = grammars.Tnl.createSemantics().addOperation<SwitchFact | undefined>('read(source)', {
  neighLine(content) {
    return content['read'](this.args['source']) as SwitchFact | undefined;
  },
  portLine(content) {
    return content['read'](this.args['source']) as SwitchFact | undefined;
  },
  neighTitle: (_i, _ip, _s, _mac, _s2, _bridge, _e) => undefined,
  ruler: (_i, _line, _e) => undefined,
  neighbour(_i, ip, _s, mac, _s2, bridge, _s3, _stale, _e) {
    const source = this.args['source'] as SourceText;
    return {
      kind: 'tunnel-neighbour',
      ip: val(ip.sourceString.toLowerCase(), nodeSpan(source, ip)),
      mac: val(mac.sourceString.toLowerCase(), nodeSpan(source, mac)),
      bridge: val(bridge.sourceString, nodeSpan(source, bridge)),
    };
  },
  portTitle: (_i, _title, _e) => undefined,
  port(_i, name, _b, _open, number, _close, _rest) {
    const source = this.args['source'] as SourceText;
    return {
      kind: 'tunnel-port',
      name: val(name.sourceString, nodeSpan(source, name)),
      number: val(Number(number.sourceString), nodeSpan(source, number)),
    };
  },
});
