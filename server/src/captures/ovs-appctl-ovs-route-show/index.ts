import type { Node } from 'ohm-js';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { appctl } from '../appctl';
import type { CaptureKind } from '../capture';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const HEADER = /^\s*Route Table:\s*$/;
const ROUTE = /^\s*(?:Cached|User): \S+\/\d+\b/;

/** `ovs-appctl ovs/route/show`: the routes by which a userspace datapath's tunnels leave (ovs-vswitchd(8)). */
export const ovsAppctlOvsRouteShow: CaptureKind = {
  kinds: ['ovs-appctl-ovs-route-show'],
  recognise: appctl({ 'ovs/route/show': 'ovs-appctl-ovs-route-show' }),
  sniff: (text) => (HEADER.test(text) || ROUTE.test(text) ? { kind: 'ovs-appctl-ovs-route-show' } : undefined),
  accepts: (text) => HEADER.test(text) || ROUTE.test(text),
  parse(input) {
    return parseEachLine(input, grammars.OvsRoute, 'line', 'route of Open vSwitch', (result, source, out) => {
      const route = semantics(result)['read'](source) as Route | undefined;
      if (!route) return 'header';
      out.facts.push(route);
      out.refs.push({ kind: 'device', value: route.dev.value, span: route.dev.span });
      for (const ip of [route.ip, route.gateway, route.src])
        if (ip) out.refs.push({ kind: 'ip', value: ip.value, span: ip.span });
      return 'record';
    });
  },
};

type Route = Extract<SwitchFact, { kind: 'ovs-route' }>;

const semantics = grammars.OvsRoute.createSemantics().addOperation<Route | undefined>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as Route | undefined;
  },
  header: (_indent, _title, _end) => undefined,
  route(
    _i,
    _kind,
    _c,
    _s,
    ip,
    _slash,
    prefix,
    _s2,
    _mark,
    _s3,
    mark,
    _s4,
    _dev,
    _s5,
    dev,
    _s6,
    _gw,
    _s7,
    gw,
    _s8,
    _src,
    _s9,
    src,
    _s10,
    local,
    _e,
  ) {
    const source = this.args['source'] as SourceText;
    const text = (node: Node): Val<string> => val(node.sourceString, nodeSpan(source, node));
    const optional = (node: Node): Val<string> | undefined => (node.children[0] ? text(node.children[0]) : undefined);
    const marked = optional(mark);
    return {
      kind: 'ovs-route',
      ip: text(ip),
      prefix: val(Number(prefix.sourceString), nodeSpan(source, prefix)),
      dev: text(dev),
      gateway: optional(gw),
      src: optional(src),
      mark: marked && val(Number(marked.value), marked.span),
      local: local.children.length > 0,
    };
  },
});
