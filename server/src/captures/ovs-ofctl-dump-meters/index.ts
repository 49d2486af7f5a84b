import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { ofctl } from '../appctl';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const LINE = /^\s*(?:OFPST_METER(?:_\w+)? reply|meter=\w+ |meter:\d+ |type=(?:drop|dscp_remark)\b|\d+: packet_count:)/;

/** `ovs-ofctl dump-meters` and `meter-stats` (ovs-ofctl(8)). */
export const ovsOfctlDumpMeters: CaptureKind = {
  kinds: ['ovs-ofctl-dump-meters', 'ovs-ofctl-meter-stats'],
  recognise: ofctl({
    'dump-meters': 'ovs-ofctl-dump-meters',
    'dump-meter': 'ovs-ofctl-dump-meters',
    'meter-stats': 'ovs-ofctl-meter-stats',
  }),
  sniff(text) {
    if (/^\s*OFPST_METER_CONFIG reply\b/.test(text)) return { kind: 'ovs-ofctl-dump-meters' };
    return /^\s*OFPST_METER reply\b/.test(text) ? { kind: 'ovs-ofctl-meter-stats' } : undefined;
  },
  accepts: (text) => LINE.test(text),
  parse,
};

type Meter = Extract<SwitchFact, { kind: 'of-meter' }>;
type Band = Meter['bands'][number];
type Read =
  | { readonly what: 'meter'; readonly id: Val<string>; readonly flags: readonly string[] }
  | { readonly what: 'band'; readonly band: Band }
  | { readonly what: 'reply' | 'stats' };

const semantics = grammars.DumpMeters.createSemantics().addOperation<Read>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as Read;
  },
  reply: (_i, _reply, _rest) => ({ what: 'reply' }),
  meter(_i, _name, id, _s, flags, _s2, _bands, _e) {
    return {
      what: 'meter',
      id: val(id.sourceString, nodeSpan(this.args['source'] as SourceText, id)),
      flags: flags.children.map((flag) => flag.sourceString),
    };
  },
  band(_i, _name, type, _s, fields, _e) {
    const given = new Map(fields.children.map((field) => [field.child(0).sourceString, Number(field.child(2).sourceString)]));
    return {
      what: 'band',
      band: { type: type.sourceString, rate: given.get('rate') ?? 0, burst: given.get('burst_size') ?? 0 },
    };
  },
  stats: (_i, _meter, _rest) => ({ what: 'stats' }),
  bandStats: (_i, _n, _colon, _s, _rest) => ({ what: 'stats' }),
});

function parse(input: ParseInput): Parsed {
  let meter: (Omit<Meter, 'bands'> & { readonly bands: Band[] }) | undefined;
  return parseEachLine(input, grammars.DumpMeters, 'line', 'line of dump-meters', (result, source, out) => {
    const read = semantics(result)['read'](source) as Read;
    if (read.what === 'meter') {
      meter = { kind: 'of-meter', id: read.id, flags: read.flags, bands: [] };
      out.facts.push(meter);
    } else if (read.what === 'band') meter?.bands.push(read.band);
    return read.what === 'reply' ? 'header' : 'record';
  });
}
