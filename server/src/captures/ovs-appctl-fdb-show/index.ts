import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { LOCAL_PORT } from '../../packet/fields';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { positionals } from '../command';
import type { OfPortRef } from '../facts';
import { collect, record } from '../lines';
import { nodeSpan, sourceOf, syntaxError, type SourceText } from '../ohm';

const HEADER = /^\s*[Pp]ort\s+VLAN\s+MAC\b/;
const ROW = /^\s*(?:\d+|LOCAL|"[^"]+"|[\w.@-]+)\s+\d+\s+(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?:\s|$)/i;

/** `ovs-appctl fdb/show BRIDGE`: the MAC table that NORMAL learns and looks up (ovs-vswitchd(8)). */
export const ovsAppctlFdbShow: CaptureKind = {
  kinds: ['ovs-appctl-fdb-show'],
  recognise(argv) {
    if (argv[0] !== 'ovs-appctl') return undefined;
    const [command, bridge] = positionals(argv, ['-t', '--target', '-T', '--timeout']);
    return command === 'fdb/show'
      ? { kind: 'ovs-appctl-fdb-show', ...(bridge === undefined ? {} : { target: bridge }) }
      : undefined;
  },
  sniff(text) {
    return HEADER.test(text) ? { kind: 'ovs-appctl-fdb-show' } : undefined;
  },
  accepts(text) {
    return HEADER.test(text) || ROW.test(text);
  },
  startsRecord: () => true,
  parse,
};

interface Row {
  readonly port: Val<OfPortRef>;
  readonly vlan: Val<number>;
  readonly mac: Val<string>;
  readonly age?: Val<number>;
}

const semantics = grammars.FdbShow.createSemantics().addOperation<Row>('row(source)', {
  row(_indent, port, _b1, vlan, _b2, mac, _b3, age, _remark) {
    const source = this.args['source'] as SourceText;
    const text = port.sourceString.replace(/^"(.*)"$/, '$1');
    const number: OfPortRef = /^\d+$/.test(text) ? Number(text) : text === 'LOCAL' ? LOCAL_PORT : text;
    const years = age.children[0];
    return {
      port: val(number, nodeSpan(source, port)),
      vlan: val(Number(vlan.sourceString), nodeSpan(source, vlan)),
      mac: val(mac.sourceString.toLowerCase(), nodeSpan(source, mac)),
      ...(years && /^\d+$/.test(years.sourceString) ? { age: val(Number(years.sourceString), nodeSpan(source, years)) } : {}),
    };
  },
});

function parse(input: ParseInput): Parsed {
  const out = collect();
  for (const line of input.lines) {
    if (line.text.trim() === '') continue;
    const source = sourceOf(line);
    if (grammars.FdbShow.match(source.text, 'header').succeeded()) {
      record(out, line, line, 'header');
      continue;
    }
    const result = grammars.FdbShow.match(source.text, 'row');
    if (result.failed()) {
      out.errors.push(syntaxError(source, result, 'row of a MAC table'));
      continue;
    }
    const row = semantics(result)['row'](source) as Row;
    out.facts.push({ kind: 'fdb-entry', ...row });
    out.refs.push({ kind: 'ofport', value: row.port.value.toString(), span: row.port.span });
    if (row.vlan.value !== 0) out.refs.push({ kind: 'vlan', value: row.vlan.value.toString(), span: row.vlan.span });
    out.refs.push({ kind: 'mac', value: row.mac.value, span: row.mac.span });
    record(out, line);
  }
  return out;
}
