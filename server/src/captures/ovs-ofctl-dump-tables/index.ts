import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { ofctl } from '../appctl';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { collect, record } from '../lines';
import { nodeSpan, sourceOf, syntaxError, type SourceText } from '../ohm';
import type { SwitchFact } from '../switch-facts';

const HEADING = /^\s*(?:OFPST_TABLE reply\b|table \d+(?: \([^)]*\))?:\s*$|tables \d+\.\.\.\d+: ditto|\d+: \S+\s*: wild=)/;
const LINE =
  /^\s*(?:active=\d+|lookup=\d+|max_entries=|instructions |next tables:|Write-Actions|Apply-Actions|\(same |matching:|exact match|arbitrary mask|metadata:|config=|supported |exact |cannot|must)/;

/** `ovs-ofctl dump-tables BRIDGE`: how many flows tables hold, and how often they were asked (ovs-ofctl(8)). */
export const ovsOfctlDumpTables: CaptureKind = {
  kinds: ['ovs-ofctl-dump-tables'],
  recognise: ofctl({ 'dump-tables': 'ovs-ofctl-dump-tables' }),
  sniff: (text) => (/^\s*OFPST_TABLE reply\b/.test(text) ? { kind: 'ovs-ofctl-dump-tables' } : undefined),
  accepts: (text) => HEADING.test(text) || LINE.test(text) || /^\s{4,}\S/.test(text),
  parse,
};

type Stats = Extract<SwitchFact, { kind: 'of-table-stats' }>;
type Read =
  | {
      readonly what: 'table';
      readonly first: Val<number>;
      readonly last: number;
      readonly name: string | undefined;
      readonly alike: boolean;
    }
  | { readonly what: 'counters'; readonly text: string }
  | { readonly what: 'reply' | 'other' };

const semantics = grammars.DumpTables.createSemantics().addOperation<Read>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as Read;
  },
  reply: (_i, _reply, _rest) => ({ what: 'reply' }),
  alike(_i, _tables, _s, first, _dots, last, _colon, _s2, _ditto, _rest) {
    const source = this.args['source'] as SourceText;
    const number = val(Number(first.sourceString), nodeSpan(source, first));
    return { what: 'table', first: number, last: Number(last.sourceString), name: undefined, alike: true };
  },
  table(_i, _table, _s, id, _s2, _open, name, _close, _colon, _b, _end) {
    const number = val(Number(id.sourceString), nodeSpan(this.args['source'] as SourceText, id));
    const text = name.children[0]?.sourceString.replace(/^"(.*)"$/, '$1');
    return { what: 'table', first: number, last: number.value, name: text, alike: false };
  },
  oldTable(_i, id, _colon, _s, name, _colon2, _b, _rest) {
    const number = val(Number(id.sourceString), nodeSpan(this.args['source'] as SourceText, id));
    return { what: 'table', first: number, last: number.value, name: name.sourceString.trim(), alike: false };
  },
  counters(_i, _key, _is, _rest) {
    return { what: 'counters', text: this.sourceString };
  },
  other: (_i, _first, _rest) => ({ what: 'other' }),
});

function parse(input: ParseInput): Parsed {
  const out = collect();
  let stats: Stats | undefined;
  const end = () => {
    if (stats) out.facts.push(stats);
    stats = undefined;
  };
  for (const line of input.lines) {
    if (line.text.trim() === '') continue;
    const source = sourceOf(line);
    const result = grammars.DumpTables.match(source.text, 'line');
    if (result.failed()) {
      out.errors.push(syntaxError(source, result, 'line of dump-tables'));
      continue;
    }
    const read = semantics(result)['read'](source) as Read;
    record(out, line, line, read.what === 'reply' ? 'header' : 'record');
    if (read.what === 'table') {
      const before: Stats | undefined = stats;
      end();
      stats = {
        kind: 'of-table-stats',
        first: read.first,
        last: read.last,
        name: read.name,
        active: read.alike ? before?.active : counter(line.text, 'active'),
        lookup: read.alike ? before?.lookup : undefined,
        matched: read.alike ? before?.matched : undefined,
      };
      out.refs.push({ kind: 'table', value: String(read.first.value), span: read.first.span });
    } else if (read.what === 'counters' && stats) {
      stats = {
        ...stats,
        active: counter(read.text, 'active') ?? stats.active,
        lookup: counter(read.text, 'lookup') ?? stats.lookup,
        matched: counter(read.text, 'matched') ?? stats.matched,
      };
    }
  }
  end();
  return out;
}

function counter(text: string, name: string): number | undefined {
  const found = new RegExp(`\\b${name}=(\\d+)`).exec(text);
  return found ? Number(found[1]) : undefined;
}
