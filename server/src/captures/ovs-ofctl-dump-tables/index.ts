import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { ofctl } from '../appctl';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import { parseEachLine } from '../lines';
import { nodeSpan, type SourceText } from '../ohm';
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
  let stats: { -readonly [K in keyof Stats]: Stats[K] } | undefined;
  return parseEachLine(input, grammars.DumpTables, 'line', 'line of dump-tables', (result, source, out, line) => {
    const read = semantics(result)['read'](source) as Read;
    if (read.what === 'table') {
      const before = stats;
      stats = {
        kind: 'of-table-stats',
        first: read.first,
        last: read.last,
        name: read.name,
        active: read.alike ? before?.active : counter(line.text, 'active'),
        lookup: read.alike ? before?.lookup : undefined,
        matched: read.alike ? before?.matched : undefined,
      };
      out.facts.push(stats);
      out.refs.push({ kind: 'table', value: String(read.first.value), span: read.first.span });
    } else if (read.what === 'counters' && stats) {
      stats.active = counter(read.text, 'active') ?? stats.active;
      stats.lookup = counter(read.text, 'lookup') ?? stats.lookup;
      stats.matched = counter(read.text, 'matched') ?? stats.matched;
    }
    return read.what === 'reply' ? 'header' : 'record';
  });
}

function counter(text: string, name: string): number | undefined {
  const found = new RegExp(`\\b${name}=(\\d+)`).exec(text);
  return found ? Number(found[1]) : undefined;
}
