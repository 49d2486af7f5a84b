import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { appctl } from '../appctl';
import type { CaptureKind } from '../capture';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';

const TITLE = /^\s*---- \S+ ----\s*$/;
const LINE =
  /^\s*(?:Root ID:|Bridge ID:|r?stp-[\w-]+\s|This bridge is the root|root-port\s|root-path-cost\s|Interface\s+Role\s+State|-{5,}|(?:hello|max-age|fwd-delay)\S*\s)|^\s*\S+\s+(?:root|designated|alternate|backup|disabled|master)\s+[a-z]+\s+\d+/i;

/** `ovs-appctl stp/show` and `rstp/show`: which ports a spanning tree lets forward (ovs-vswitchd(8)). */
export const ovsAppctlStpShow: CaptureKind = {
  kinds: ['ovs-appctl-stp-show', 'ovs-appctl-rstp-show'],
  recognise: appctl({ 'stp/show': 'ovs-appctl-stp-show', 'rstp/show': 'ovs-appctl-rstp-show' }),
  sniff(text, following) {
    if (!TITLE.test(text) || !/^\s*Root ID:/.test(following(0) ?? '')) return undefined;
    const priority = following(1) ?? '';
    return { kind: /stp-priority {4}\d/.test(priority) ? 'ovs-appctl-rstp-show' : 'ovs-appctl-stp-show' };
  },
  accepts: (text) => TITLE.test(text) || LINE.test(text),
  parse(input) {
    let bridge: Val<string> | undefined;
    return parseEachLine(input, grammars.StpShow, 'line', 'line of stp/show', (result, source, out) => {
      const read = semantics(result)['read'](source) as Read;
      if (read.what === 'title') {
        bridge = read.name;
        out.refs.push({ kind: 'bridge', value: read.name.value, span: read.name.span });
      } else if (read.what === 'port') {
        out.facts.push({ kind: 'stp-port', bridge: bridge ?? undefined, name: read.name, state: read.state });
        out.refs.push({ kind: 'device', value: read.name.value, span: read.name.span });
      }
      return read.what === 'other' ? 'header' : 'record';
    });
  },
};

type Read =
  | { readonly what: 'title'; readonly name: Val<string> }
  | { readonly what: 'port'; readonly name: Val<string>; readonly state: Val<string> }
  | { readonly what: 'other' };

const semantics = grammars.StpShow.createSemantics().addOperation<Read>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as Read;
  },
  title(_i, _d, _s, name, _s2, _d2, _e) {
    return { what: 'title', name: val(name.sourceString, nodeSpan(this.args['source'] as SourceText, name)) };
  },
  port(_s, name, _s2, _role, _s3, state, _s4, _cost, _rest) {
    const source = this.args['source'] as SourceText;
    return {
      what: 'port',
      name: val(name.sourceString, nodeSpan(source, name)),
      state: val(state.sourceString.toLowerCase(), nodeSpan(source, state)),
    };
  },
  portTitle: (_i, _interface, _s, _role, _s2, _state, _rest) => ({ what: 'other' }),
  ruler: (_i, _line, _rest) => ({ what: 'other' }),
  other: (_i, _word, _rest) => ({ what: 'other' }),
});
