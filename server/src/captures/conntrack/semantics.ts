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
  entryLine(_indent, _stamp, _event, layer3, name, _sp, number, _sp2, timeout, _sp3, state, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const first = layer3.children[0] ?? name;
    const found = state.children[0];
    void timeout;
    return {
      protocol: textVal(number, source),
      layer3: layer3.children[0]?.children[0]?.sourceString,
      state: found === undefined ? undefined : textVal(found, source),
      words: (items.children[1]?.children ?? []).map((item) => item['word'](source) as EntryWord),
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
      text: between(protocol, items[items.length - 1] ?? first, source),
    };
  },
});

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
