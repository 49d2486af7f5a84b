import type { MatchResult, Node } from 'ohm-js';
import { val, type Val } from '../../base/span';
import grammars from '../../generated/grammars.ohm-bundle';
import { nodeSpan, type SourceText } from '../ohm';
import type { OvsdbValue } from '../switch-facts';

/** One `column : value` line. */
export interface ColumnLine {
  readonly column: string;
  readonly value: OvsdbValue;
}

type Read = ColumnLine | OvsdbValue | Val<string> | readonly [string, Val<string>];

/** The nodes of a `listOf`. */
function items(list: Node): Node[] {
  return list.asIteration().children;
}

const semantics = grammars.OvsVsctlList.createSemantics().addOperation<Read>('read(source)', {
  listLine(_indent, column, _before, _colon, _after, value, _end) {
    return { column: column.sourceString, value: value['read'](this.args['source']) as OvsdbValue };
  },
  value(value) {
    const read = value['read'](this.args['source']) as OvsdbValue | Val<string>;
    return 'type' in read ? read : { type: 'atom', atom: read };
  },
  map(_open, _before, pairs, _after, _close) {
    return {
      type: 'map',
      pairs: items(pairs).map((pair) => pair['read'](this.args['source']) as readonly [string, Val<string>]),
    };
  },
  pair(key, _before, _equals, _after, value) {
    const name = key['read'](this.args['source']) as Val<string>;
    return [name.value, value['read'](this.args['source']) as Val<string>];
  },
  mapValue(atom) {
    return atom['read'](this.args['source']) as Val<string>;
  },
  set(_open, _before, atoms, _after, _close) {
    return { type: 'set', items: items(atoms).map((atom) => atom['read'](this.args['source']) as Val<string>) };
  },
  atom_quoted(_open, text, _close) {
    return val(text.sourceString.replace(/\\(["\\])/g, '$1'), nodeSpan(this.args['source'] as SourceText, text));
  },
  atom_bare(text) {
    return val(text.sourceString, nodeSpan(this.args['source'] as SourceText, text));
  },
});

/** What a matched line of `ovs-vsctl list` says. */
export function readColumnLine(result: MatchResult, source: SourceText): ColumnLine {
  return semantics(result)['read'](source) as ColumnLine;
}

/** What a matched `value` says. */
export function readCell(result: MatchResult, source: SourceText): OvsdbValue {
  return semantics(result)['read'](source) as OvsdbValue;
}
