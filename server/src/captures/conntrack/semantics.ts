import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { textVal } from '../words';
import { nodeSpan, type SourceText } from '../ohm';

/** A word of an entry: `src=10.0.0.1`, or a flag such as `[ASSURED]`; `path` is where it stands (`orig`, `protoinfo`). */
export interface EntryWord {
  readonly path: string;
  readonly key: string;
  /** Undefined for a flag. */
  readonly value: Val<string> | undefined;
}

export interface EntryLine {
  /** The protocol's number as printed, or its name where no number is. */
  readonly protocol: Val<string>;
  readonly layer3: string | undefined;
  readonly state: Val<string> | undefined;
  readonly words: readonly EntryWord[];
  /** The connection is over: an event of its end. */
  readonly over: boolean;
  /** The line is an event, after which others of the same connection may follow. */
  readonly event: boolean;
  readonly text: Val<string>;
}

const semantics = grammars.Conntrack.createSemantics();

semantics.addOperation<EntryWord>('word(source)', {
  item_time(_open, key, _text, _close) {
    return { path: '', key: key.sourceString, value: undefined };
  },
  item_stop(_open, key, _text, _close) {
    return { path: '', key: key.sourceString, value: undefined };
  },
  item_flag(_open, name, _close) {
    return { path: 'flag', key: name.sourceString, value: undefined };
  },
  item_pair(key, _equals, value) {
    return { path: '', key: key.sourceString, value: textVal(value, this.args['source'] as SourceText) };
  },
});

semantics.addOperation<readonly EntryWord[]>('words(path, source)', {
  datapathItem_group(key, _equals, _open, group, _close) {
    return inside(group, this.args['path'] as string, key.sourceString, this.args['source'] as SourceText);
  },
  datapathItem_pair(key, _equals, value) {
    return [pair(key, value, this.args['path'] as string, this.args['source'] as SourceText)];
  },
  groupItem_group(key, _equals, _open, group, _close) {
    return inside(group, this.args['path'] as string, key.sourceString, this.args['source'] as SourceText);
  },
  groupItem_pair(key, _equals, value) {
    return [pair(key, value, this.args['path'] as string, this.args['source'] as SourceText)];
  },
  groupItem_word(key) {
    return [{ path: this.args['path'] as string, key: key.sourceString, value: undefined }];
  },
  group(first, _commas, rest) {
    return [first, ...rest.children].flatMap(
      (item) => item['words'](this.args['path'], this.args['source']) as readonly EntryWord[],
    );
  },
});

function inside(group: Node, path: string, key: string, source: SourceText): readonly EntryWord[] {
  const own = path === '' ? key : `${path}.${key}`;
  return group.children.flatMap((child) => child['words'](own, source) as readonly EntryWord[]);
}

function pair(key: Node, value: Node, path: string, source: SourceText): EntryWord {
  return { path, key: key.sourceString, value: textVal(value, source) };
}

semantics.addOperation<EntryLine>('read(source)', {
  entryLine(_indent, _stamp, event, layer3, name, _sp, number, _sp2, timeout, _sp3, state, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const first = layer3.children[0] ?? name;
    const found = state.children[0];
    void timeout;
    return {
      protocol: textVal(number, source),
      layer3: layer3.children[0]?.children[0]?.sourceString,
      state: found === undefined ? undefined : textVal(found, source),
      words: (items.children[1]?.children ?? []).map((item) => item['word'](source) as EntryWord),
      over: event.sourceString.includes('DESTROY'),
      event: event.sourceString !== '',
      text: between(first, items, source),
    };
  },
  datapathLine(_indent, protocol, _comma, first, _commas, rest, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const items = [first, ...rest.children];
    const words = items.flatMap((item) => item['words']('', source) as readonly EntryWord[]);
    return {
      protocol: textVal(protocol, source),
      layer3: undefined,
      state: words.find(({ path, key }) => path === 'protoinfo' && /^state(?:_orig)?$/.test(key))?.value,
      words,
      over: false,
      event: false,
      text: between(protocol, items[items.length - 1] ?? first, source),
    };
  },
});

/** What the options of conntrack(8) are called in a listing: those of the first packet, then those of the answers. */
const ORIGINAL: Readonly<Record<string, string>> = {
  '-s': 'src',
  '-d': 'dst',
  '--sport': 'sport',
  '--dport': 'dport',
  '--icmp-type': 'type',
  '--icmp-code': 'code',
  '--icmp-id': 'id',
};
const REPLY: Readonly<Record<string, string>> = {
  '-r': 'src',
  '-q': 'dst',
  '--reply-port-src': 'sport',
  '--reply-port-dst': 'dport',
};
const REST: Readonly<Record<string, string>> = {
  '-w': 'zone',
  '--orig-zone': 'zone-orig',
  '--reply-zone': 'zone-reply',
  '-m': 'mark',
};

semantics.addOperation<readonly [string, Val<string>]>('saved(source)', {
  saveOption(_sp, name, _sp2, value) {
    return [name.sourceString, textVal(value, this.args['source'] as SourceText)];
  },
});

semantics.addOperation<EntryLine | undefined>('save(source)', {
  saveLine(_indent, verb, options, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const said = options.children.map((option) => option['saved'](source) as readonly [string, Val<string>]);
    const one = (name: string) => said.find(([key]) => key === name)?.[1];
    const named = (names: Readonly<Record<string, string>>): EntryWord[] =>
      said.flatMap(([name, value]) => (names[name] === undefined ? [] : [{ path: '', key: names[name], value }]));
    const status = one('-u')?.value.split(',') ?? [];
    const flags = [...status.filter((flag) => flag === 'ASSURED'), ...(status.includes('SEEN_REPLY') ? [] : ['UNREPLIED'])];
    const protocol = one('-p');
    return (
      protocol && {
        protocol,
        layer3: undefined,
        state: one('--state'),
        words: [
          ...named(ORIGINAL),
          ...named(REPLY),
          ...named(REST),
          ...flags.map((key) => ({ path: 'flag', key, value: undefined })),
        ],
        over: verb.sourceString === '-D',
        event: verb.sourceString !== '-A',
        text: between(verb, options.children.at(-1) ?? verb, source),
      }
    );
  },
});

/** What a matched line of `-o save` says; undefined where it names no protocol. */
export function readSaved(result: MatchResult, source: SourceText): EntryLine | undefined {
  return semantics(result)['save'](source) as EntryLine | undefined;
}

/** A line of `conntrack -L expect`. */
export interface ExpectationLine {
  readonly words: readonly EntryWord[];
  readonly flags: readonly string[];
  /** The helper, where it stands alone (/proc/net/nf_conntrack_expect). */
  readonly named: Val<string> | undefined;
  readonly text: Val<string>;
}

semantics.addOperation<readonly EntryWord[]>('expectItem(source)', {
  expectItem_pair(key, _equals, value) {
    return [{ path: '', key: key.sourceString, value: textVal(value, this.args['source'] as SourceText) }];
  },
  expectItem_flags(first, _commas, rest, _ahead) {
    return [first, ...rest.children].map((flag) => ({ path: 'flag', key: flag.sourceString, value: undefined }));
  },
  expectItem_helper(name) {
    return [{ path: 'named', key: '', value: textVal(name, this.args['source'] as SourceText) }];
  },
});

semantics.addOperation<ExpectationLine>('expectation(source)', {
  expectLine(_indent, _stamp, _event, timeout, _sp, _layer, _sp2, _ahead, first, _sps, rest, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const items = [first, ...rest.children];
    const words = items.flatMap((item) => item['expectItem'](source) as readonly EntryWord[]);
    return {
      words: words.filter(({ path }) => path === ''),
      flags: words.flatMap(({ path, key }) => (path === 'flag' ? [key] : [])),
      named: words.find(({ path }) => path === 'named')?.value,
      text: between(timeout, items[items.length - 1] ?? first, source),
    };
  },
});

/** What a matched line about an expected connection says. */
export function readExpectation(result: MatchResult, source: SourceText): ExpectationLine {
  return semantics(result)['expectation'](source) as ExpectationLine;
}

function between(first: Node, last: Node, source: SourceText): Val<string> {
  const span = { start: nodeSpan(source, first).start, end: nodeSpan(source, last).end };
  return val(source.text.slice(first.source.startIdx, last.source.endIdx), span);
}

/** What a matched entry says. */
export function readEntry(result: MatchResult, source: SourceText): EntryLine {
  return semantics(result)['read'](source) as EntryLine;
}
