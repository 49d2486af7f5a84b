import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { reservedPort } from '../../openflow/names';
import { LOCAL_PORT } from '../../packet/fields';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { positionals } from '../command';
import type { Fact } from '../facts';
import { collect, record } from '../lines';
import { nodeSpan, sourceOf, syntaxError, type SourceText } from '../ohm';

const PORT = /^\s*(?:\d+|LOCAL|[A-Z]+)\((?:"[^"]+"|[^)\s]+)\):(?:\s+addr:[0-9a-f:]{17})?/;
const SETTING = /^\s*(?:config|state|current|advertised|supported|peer|speed|actions|capabilities|n_tables|n_buffers):/;
const REPLY = /^\s*(?:OFPT_\w+|OFPST_PORT_DESC)\b/;

/** The ports of a bridge with their numbers: `ovs-ofctl show`, `ovs-ofctl dump-ports-desc` (ovs-ofctl(8)). */
export const ovsOfctlShow: CaptureKind = {
  kinds: ['ovs-ofctl-show', 'ovs-ofctl-dump-ports-desc'],
  recognise(argv) {
    if (argv[0] !== 'ovs-ofctl') return undefined;
    const [command, bridge] = positionals(argv, ['-O', '--protocols', '-t', '-T', '--timeout']);
    if (command !== 'show' && command !== 'dump-ports-desc') return undefined;
    return { kind: `ovs-ofctl-${command}`, ...(bridge === undefined ? {} : { target: bridge }) };
  },
  sniff(text, following) {
    if (/^\s*OFPT_FEATURES_REPLY\b/.test(text)) return { kind: 'ovs-ofctl-show' };
    if (/^\s*OFPST_PORT_DESC reply\b/.test(text)) return { kind: 'ovs-ofctl-dump-ports-desc' };
    return PORT.test(text) && /addr:/.test(text) && SETTING.test(following(0) ?? '') ? { kind: 'ovs-ofctl-show' } : undefined;
  },
  accepts(text) {
    return PORT.test(text) || SETTING.test(text) || REPLY.test(text);
  },
  continues: (previous, text) => isMore(previous, text),
  parse,
};

const semantics = grammars.OvsOfctlShow.createSemantics().addOperation<{
  ofport: Val<number>;
  name: Val<string>;
  mac?: Val<string>;
}>('port(source)', {
  portLine(_indent, number, _open, name, _close, _colon, _blank, _addr, mac, _rest) {
    const source = this.args['source'] as SourceText;
    const text = number.sourceString;
    const ofport = /^\d+$/.test(text) ? Number(text) : (reservedPort(text) ?? LOCAL_PORT);
    const nameSpan = nodeSpan(source, name);
    const quoted = name.sourceString.startsWith('"');
    const address = mac.children[0];
    return {
      ofport: val(ofport, nodeSpan(source, number)),
      name: val(
        quoted ? name.sourceString.slice(1, -1) : name.sourceString,
        quoted ? { start: nameSpan.start + 1, end: nameSpan.end - 1 } : nameSpan,
      ),
      ...(address ? { mac: val(address.sourceString.toLowerCase(), nodeSpan(source, address)) } : {}),
    };
  },
});

function readPort(result: MatchResult, source: SourceText) {
  return semantics(result)['port'](source) as { ofport: Val<number>; name: Val<string>; mac?: Val<string> };
}

/** The words of `capabilities` and `actions` go on where a narrow page broke the line. */
function isMore(previous: string, text: string): boolean {
  return (
    /^\s*(?:(?:actions|capabilities):.*|(?:[A-Z]+_?)+(?: (?:[A-Z]+_?)+)*|(?:[a-z]+_)+[a-z]+(?: [a-z_]+)*)$/.test(previous) &&
    MORE.test(text)
  );
}
const MORE = /^\s*(?:(?:[A-Z]+_?)+(?: (?:[A-Z]+_?)+)*|(?:[a-z]+_)+[a-z]+(?: [a-z_]+)*|enqueue|output)$/;

function parse(input: ParseInput): Parsed {
  const out = collect();
  let port: (Fact & { kind: 'of-port' }) | undefined;
  let later = input.argv.some((word) => /^(?:-O|--protocols=)?OpenFlow1[1-9]/i.test(word));
  const end = () => {
    if (port) out.facts.push(port);
    port = undefined;
  };
  for (const line of input.lines) {
    if (line.text.trim() === '') continue;
    const source = sourceOf(line);
    const result = grammars.OvsOfctlShow.match(source.text, 'portLine');
    if (result.succeeded()) {
      end();
      const read = readPort(result, source);
      port = { kind: 'of-port', ...read, ...(later ? { later } : {}) };
      out.refs.push({ kind: 'ofport', value: read.ofport.value.toString(), span: read.ofport.span, defines: true });
      out.refs.push({ kind: 'device', value: read.name.value, span: read.name.span });
      if (read.mac && read.mac.value !== '00:00:00:00:00:00')
        out.refs.push({ kind: 'mac', value: read.mac.value, span: read.mac.span });
      record(out, line);
      continue;
    }
    const setting = /^\s*(config|state):\s*(.*)$/.exec(line.text);
    if (setting && port) {
      const [, key = '', text = ''] = setting;
      const start = line.start + line.text.length - text.length;
      port = { ...port, [key]: val(text, { start, end: start + text.length }) };
    }
    const frags = /^\s*OFPT_GET_CONFIG_REPLY\b.*\bfrags=([\w-]+)/.exec(line.text);
    if (frags) {
      const word = frags[1] ?? '';
      const at = line.start + line.text.indexOf(`frags=${word}`) + 'frags='.length;
      out.facts.push({ kind: 'of-config', fragments: val(word, { start: at, end: at + word.length }) });
    }
    if (grammars.OvsOfctlShow.match(source.text, 'settingLine').succeeded() || MORE.test(line.text)) record(out, line);
    else if (grammars.OvsOfctlShow.match(source.text, 'replyLine').succeeded()) {
      later = /\(OF1\.[1-9]\)/.test(line.text);
      record(out, line, line, 'header');
    } else out.errors.push(syntaxError(source, result as Parameters<typeof syntaxError>[1], 'line of ovs-ofctl show'));
  }
  end();
  return out;
}
