import { val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { ofctl } from '../appctl';
import type { CaptureKind } from '../capture';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const LINE =
  /^\s*(?:NXT_TLV_TABLE_REPLY\b|max option space=|allocated option space=|mapping table:|class\s+type\s+length|-{4,}\s+-{2,}|(?:0x)?[0-9a-f]+\s+(?:0x)?[0-9a-f]+\s+\d+\s+tun_metadata\d+)/i;

/** `ovs-ofctl dump-tlv-map BRIDGE`: which Geneve option is which tun_metadata field (ovs-ofctl(8)). */
export const ovsOfctlDumpTlvMap: CaptureKind = {
  kinds: ['ovs-ofctl-dump-tlv-map'],
  recognise: ofctl({ 'dump-tlv-map': 'ovs-ofctl-dump-tlv-map' }),
  sniff: (text) => (/^\s*NXT_TLV_TABLE_REPLY\b/.test(text) ? { kind: 'ovs-ofctl-dump-tlv-map' } : undefined),
  accepts: (text) => LINE.test(text),
  parse(input) {
    return parseEachLine(input, grammars.TlvMap, 'line', 'row of a TLV map', (result, source, out) => {
      const row = semantics(result)['read'](source) as SwitchFact | undefined;
      if (!row) return 'header';
      out.facts.push(row);
      return 'record';
    });
  },
};

const semantics = grammars.TlvMap.createSemantics().addOperation<SwitchFact | undefined>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as SwitchFact | undefined;
  },
  reply: (_i, _reply, _rest) => undefined,
  other: (_i, _word, _rest) => undefined,
  row(_i, optionClass, _s, type, _s2, length, _s3, _field, index, _e) {
    const source = this.args['source'] as SourceText;
    const [a, b, c, d] = [optionClass, type, length, index].map((node) => val(Number(node.sourceString), nodeSpan(source, node)));
    if (!a || !b || !c || !d) return undefined;
    return { kind: 'tlv-mapping', class: a, type: b, length: c, index: d };
  },
});
