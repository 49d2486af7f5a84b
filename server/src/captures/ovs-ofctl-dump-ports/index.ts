import type { Node } from 'ohm-js';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { LOCAL_PORT } from '../../packet/fields';
import { ofctl } from '../appctl';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import type { OfPortRef } from '../facts';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const LINE =
  /^\s*(?:OFPST_PORT reply\b|port\s+(?:"[^"]+"|[\w.@-]+)\s*: rx pkts=|tx pkts=|duration=[\d.]+s\s*$|CUSTOM Statistics\s*$|(?:\w+=\d+,\s*)+(?:\w+=\d+,?\s*)?$)/;

/** `ovs-ofctl dump-ports BRIDGE [PORT]`: counters of ports (ovs-ofctl(8)). */
export const ovsOfctlDumpPorts: CaptureKind = {
  kinds: ['ovs-ofctl-dump-ports'],
  recognise: ofctl({ 'dump-ports': 'ovs-ofctl-dump-ports' }),
  sniff: (text) =>
    /^\s*OFPST_PORT reply\b|^\s*port\s+\S+\s*: rx pkts=\d/.test(text) ? { kind: 'ovs-ofctl-dump-ports' } : undefined,
  accepts: (text) => LINE.test(text),
  parse,
};

type Counters = Readonly<Record<string, number>>;
type Read =
  | { readonly what: 'rx'; readonly port: Val<OfPortRef>; readonly counters: Counters }
  | { readonly what: 'tx'; readonly counters: Counters }
  | { readonly what: 'reply' | 'more' };

function countersOf(list: Node): Counters {
  const counters: Record<string, number> = {};
  for (const counter of list.asIteration().children) {
    const value = counter.child(2).sourceString;
    if (value !== '?') counters[counter.child(0).sourceString] = Number(value);
  }
  return counters;
}

const semantics = grammars.DumpPorts.createSemantics()
  .addOperation<Counters>('counters', {
    counters: (list, _comma, _end) => countersOf(list),
  })
  .addOperation<Read>('read(source)', {
    line(content) {
      return content['read'](this.args['source']) as Read;
    },
    reply: (_i, _reply, _rest) => ({ what: 'reply' }),
    more: (_i, _word, _rest) => ({ what: 'more' }),
    rx(_i, _port, _s, name, _colon, _b, _rx, _s2, counters) {
      const text = name.sourceString.replace(/^"(.*)"$/, '$1');
      const port: OfPortRef = /^\d+$/.test(text) ? Number(text) : text === 'LOCAL' ? LOCAL_PORT : text;
      return {
        what: 'rx',
        port: val(port, nodeSpan(this.args['source'] as SourceText, name)),
        counters: counters['counters']() as Counters,
      };
    },
    tx: (_i, _tx, _s, counters) => ({ what: 'tx', counters: counters['counters']() as Counters }),
  });

type PortStats = Extract<SwitchFact, { kind: 'of-port-stats' }>;

function parse(input: ParseInput): Parsed {
  let port: { -readonly [K in keyof PortStats]: PortStats[K] } | undefined;
  return parseEachLine(input, grammars.DumpPorts, 'line', 'line of dump-ports', (result, source, out) => {
    const read = semantics(result)['read'](source) as Read;
    if (read.what === 'rx') {
      port = { kind: 'of-port-stats', port: read.port, rx: read.counters, tx: {} };
      out.facts.push(port);
      out.refs.push({ kind: 'ofport', value: String(read.port.value), span: read.port.span });
    } else if (read.what === 'tx' && port) port.tx = read.counters;
    return read.what === 'reply' ? 'header' : 'record';
  });
}
