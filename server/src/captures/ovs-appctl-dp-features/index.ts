import { val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { appctl } from '../appctl';
import type { CaptureKind } from '../capture';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const FEATURE = /^\s*[A-Z][\w ,-]*: (?:Yes|No|\d+)\s*$/;
const SETTING = /^\s*\w+ \([^)]*\) : \[run time\]:\w+/;
const SIGN = /^\s*(?:Masked set action|Tunnel push pop|Max VLAN headers|Check pkt length action): /;

/** `ovs-appctl dpif/show-dp-features BRIDGE`: what the datapath can do; `set-dp-features` tells what holds now (ovs-vswitchd(8)). */
export const ovsAppctlDpFeatures: CaptureKind = {
  kinds: ['ovs-appctl-dpif-show-dp-features', 'ovs-appctl-dpif-set-dp-features'],
  recognise: appctl({
    'dpif/show-dp-features': 'ovs-appctl-dpif-show-dp-features',
    'dpif/set-dp-features': 'ovs-appctl-dpif-set-dp-features',
  }),
  sniff(text) {
    if (SETTING.test(text)) return { kind: 'ovs-appctl-dpif-set-dp-features' };
    return SIGN.test(text) && FEATURE.test(text) ? { kind: 'ovs-appctl-dpif-show-dp-features' } : undefined;
  },
  accepts: (text) => FEATURE.test(text) || SETTING.test(text),
  parse(input) {
    return parseEachLine(input, grammars.DpFeatures, 'line', "datapath's feature", (result, source, out) => {
      out.facts.push(semantics(result)['read'](source) as SwitchFact);
    });
  },
};

const semantics = grammars.DpFeatures.createSemantics().addOperation<SwitchFact>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as SwitchFact;
  },
  feature(_i, title, _colon, _s, value, _e) {
    const source = this.args['source'] as SourceText;
    return {
      kind: 'datapath-feature',
      name: val(title.sourceString, nodeSpan(source, title)),
      value: val(value.sourceString, nodeSpan(source, value)),
    };
  },
  setting(_i, _key, _s, _open, title, _close, _s2, _colon, _s3, _when, value, _rest) {
    const source = this.args['source'] as SourceText;
    return {
      kind: 'datapath-feature',
      name: val(title.sourceString, nodeSpan(source, title)),
      value: val(value.sourceString, nodeSpan(source, value)),
    };
  },
});
