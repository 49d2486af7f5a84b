import type { Node } from 'ohm-js';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { drained } from '../../base/steps';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { positionals } from '../command';
import { eachLineInSteps, type Collected } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';

const HEADER = /^\s*\S+@\S+:(?:\s+hit:\d+.*)?\s*$|^\s*\S+ \([\w-]+@[\w.-]+\):\s*$/;
const BRIDGE = /^\s+[\w.@-]+:\s*$/;
/** A bridge whose blanks in front a page took: its ports stand below it, or it is a word of the author's. */
const BARE_BRIDGE = /^[\w.-]+:\s*$/;
const PORT = /^\s*\S+ \d+\/(?:\d+|none):(?: \(|\s*$)/;
const DATAPATH_PORT = /^\s*port \d+: \S+(?: \(|\s*$)/;
const NUMBERS =
  /^\s*(?:lookups|flows|masks|masks-cache|caches?|overall avg|hourly avg|daily avg|megaflow|[RT]X (?:packets|bytes)|UPCALL packets|collisions)\s*:/;

/**
 * `ovs-appctl dpif/show` and `dpctl/show`: the datapath's own port numbers (ovs-vswitchd(8)). Up to 1.9 a bridge stands alone, up to
 * 2.3 with its lookups below the datapath, since then with its ports alone.
 */
export const ovsAppctlDpifShow: CaptureKind = {
  kinds: ['ovs-appctl-dpif-show', 'ovs-appctl-dpctl-show'],
  recognise(argv) {
    if (argv[0] === 'ovs-appctl') {
      const [command] = positionals(argv, ['-t', '--target', '-T', '--timeout']);
      if (command === 'dpif/show') return { kind: 'ovs-appctl-dpif-show' };
      if (command === 'dpctl/show') return { kind: 'ovs-appctl-dpctl-show' };
    }
    if (argv[0] === 'ovs-dpctl' && positionals(argv, ['-T', '--timeout'])[0] === 'show') return { kind: 'ovs-appctl-dpctl-show' };
    return undefined;
  },
  sniff(text, following) {
    if (!HEADER.test(text)) return undefined;
    for (let n = 0; n < 8; n++) {
      const next = following(n);
      if (next === undefined || next.trim() === '') break;
      if (PORT.test(next)) return { kind: 'ovs-appctl-dpif-show' };
      if (DATAPATH_PORT.test(next)) return { kind: 'ovs-appctl-dpctl-show' };
      if (!NUMBERS.test(next) && !BRIDGE.test(next) && !BARE_BRIDGE.test(next)) break;
    }
    return /hit:\d/.test(text) ? { kind: 'ovs-appctl-dpif-show' } : undefined;
  },
  accepts(text) {
    return (
      HEADER.test(text) ||
      BRIDGE.test(text) ||
      BARE_BRIDGE.test(text) ||
      PORT.test(text) ||
      DATAPATH_PORT.test(text) ||
      NUMBERS.test(text)
    );
  },
  parse: (input) => drained(parseInSteps(input)),
  parseInSteps,
};

type Options = Record<string, Val<string>>;

interface Config {
  readonly type: Val<string>;
  readonly options: Options;
}

type Read =
  | { readonly what: 'datapath'; readonly type: Val<string>; readonly name: Val<string>; readonly bridge?: Val<string> }
  | { readonly what: 'bridge'; readonly name: Val<string> }
  | { readonly what: 'numbers' }
  | {
      readonly what: 'port';
      readonly name: Val<string>;
      readonly ofport: Val<number> | undefined;
      readonly number: Val<number> | undefined;
      readonly config: Config | undefined;
    };

type Args = Readonly<Record<string, unknown>>;
const sourceIn = (args: Args): SourceText => args['source'] as SourceText;

const semantics = grammars.DpifShow.createSemantics()
  .addOperation<Val<string>>('text(source)', {
    name(name) {
      const span = nodeSpan(sourceIn(this.args), name);
      const text = name.sourceString;
      return text.startsWith('"') ? val(text.slice(1, -1), { start: span.start + 1, end: span.end - 1 }) : val(text, span);
    },
  })
  .addOperation<Config>('config(source)', {
    config(type, _colon, _blank, list) {
      const source = sourceIn(this.args);
      const options: Options = {};
      for (const option of list.children[0]?.asIteration().children ?? []) {
        const value = option.child(2);
        options[option.child(0).sourceString] = val(value.sourceString.replace(/^"(.*)"$/, '$1'), nodeSpan(source, value));
      }
      return { type: val(type.sourceString, nodeSpan(source, type)), options };
    },
  })
  .addOperation<Read>('read(source)', {
    line(content) {
      return content['read'](sourceIn(this.args)) as Read;
    },
    datapath(_indent, type, _at, name, _colon, _rest) {
      return { what: 'datapath', type: textOf(type, this.args), name: textOf(name, this.args) };
    },
    oldBridge(_indent, bridge, _sp, _open, type, _at, name, _close, _colon, _end) {
      const [of, kind, datapath] = [bridge, type, name].map((node) => textOf(node, this.args));
      return { what: 'datapath', type: kind ?? none, name: datapath ?? none, bridge: of ?? none };
    },
    bridge(_indent, name, _colon, _end) {
      return { what: 'bridge', name: textOf(name, this.args) };
    },
    numbers: (_indent, _key, _colon, _rest) => ({ what: 'numbers' }),
    bridgePort(_indent, name, _sp, ofport, _slash, number, _colon, _blank, _open, config, _close, _rest) {
      return {
        what: 'port',
        name: textOf(name, this.args),
        ofport: numberOf(ofport, this.args),
        number: numberOf(number, this.args),
        config: configOf(config, this.args),
      };
    },
    datapathPort(_indent, _port, _sp, number, _colon, _sp2, name, _blank, _open, config, _close, _rest) {
      return {
        what: 'port',
        name: textOf(name, this.args),
        ofport: undefined,
        number: numberOf(number, this.args),
        config: configOf(config, this.args),
      };
    },
  });

const none = val('', { start: 0, end: 0 });

function textOf(node: Node, args: Args): Val<string> {
  return node['text'](sourceIn(args)) as Val<string>;
}

function numberOf(node: Node, args: Args): Val<number> | undefined {
  return /^\d+$/.test(node.sourceString) ? val(Number(node.sourceString), nodeSpan(sourceIn(args), node)) : undefined;
}

function configOf(optional: Node, args: Args): Config | undefined {
  return optional.children[0]?.['config'](sourceIn(args)) as Config | undefined;
}

function* parseInSteps(input: ParseInput): Generator<void, Parsed> {
  let datapath: string | undefined;
  let bridge: Val<string> | undefined;
  const isWord = (text: string, next: string) => BARE_BRIDGE.test(text) && !NUMBERS.test(text) && !PORT.test(next);
  const lines = input.lines.filter((line, n) => !isWord(line.text, input.lines[n + 1]?.text ?? ''));
  return yield* eachLineInSteps({ ...input, lines }, grammars.DpifShow, 'line', 'line of dpif/show', (result, source, out) => {
    const read = semantics(result)['read'](source) as Read;
    if (read.what === 'datapath') {
      datapath = read.name.value;
      bridge = read.bridge;
      out.facts.push({ kind: 'datapath', type: read.type, name: read.name });
    } else if (read.what === 'bridge') bridge = read.name;
    else if (read.what === 'port') takePort(read, input.kind === 'ovs-appctl-dpctl-show' ? undefined : bridge, datapath, out);
    if (read.what === 'bridge' || (read.what === 'datapath' && read.bridge))
      out.refs.push({ kind: 'bridge', value: bridge?.value ?? '', span: bridge?.span ?? none.span });
  });
}

function takePort(
  { name, ofport, number, config }: Extract<Read, { what: 'port' }>,
  bridge: Val<string> | undefined,
  datapath: string | undefined,
  out: Collected,
): void {
  out.facts.push({
    kind: 'datapath-port',
    datapath,
    bridge,
    name,
    ofport,
    number,
    type: config?.type,
    options: config?.options ?? {},
  });
  out.refs.push({ kind: 'device', value: name.value, span: name.span });
  if (ofport && bridge) out.refs.push({ kind: 'ofport', value: String(ofport.value), span: ofport.span, scope: bridge.value });
}
