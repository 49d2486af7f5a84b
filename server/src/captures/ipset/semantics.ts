import type { MatchResult } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { textVal } from '../words';
import type { SourceText } from '../ohm';

/** What a line of ipset(8) says. */
export type IpsetLine =
  | { readonly is: 'name'; readonly name: Val<string> }
  | { readonly is: 'type'; readonly type: Val<string> }
  | { readonly is: 'header'; readonly options: Readonly<Record<string, Val<string>>> }
  | { readonly is: 'members' }
  | { readonly is: 'member'; readonly element: Val<string>; readonly flags: readonly string[] }
  | {
      readonly is: 'create';
      readonly name: Val<string>;
      readonly type: Val<string>;
      readonly options: Readonly<Record<string, Val<string>>>;
    }
  | { readonly is: 'add'; readonly set: Val<string>; readonly element: Val<string>; readonly flags: readonly string[] }
  | { readonly is: 'extra' };

const semantics = grammars.Ipset.createSemantics();

semantics.addOperation<readonly [string, Val<string>]>('option(source)', {
  option_pair(key, _colon, _sp, value) {
    return [key.sourceString, textVal(value, this.args['source'] as SourceText)];
  },
  option_flag(word) {
    return [word.sourceString, textVal(word, this.args['source'] as SourceText)];
  },
  saveOption(_dashes, option) {
    return option['option'](this.args['source']) as readonly [string, Val<string>];
  },
});

type Nodes = Parameters<typeof textVal>[0];

function optionsOf(options: Nodes, source: SourceText): Readonly<Record<string, Val<string>>> {
  return Object.fromEntries(options.children.map((option) => option['option'](source) as readonly [string, Val<string>]));
}

/** `nomatch`, `wildcard`. */
function flagsOf(extensions: Nodes): string[] {
  return extensions.children.map((extension) => extension.sourceString);
}

semantics.addOperation<IpsetLine>('read(source)', {
  nameLine(_indent, _key, _sp, name, _remark, _end) {
    return { is: 'name', name: textVal(name, this.args['source'] as SourceText) };
  },
  bareNameLine(_indent, name, _remark, _end) {
    return { is: 'name', name: textVal(name, this.args['source'] as SourceText) };
  },
  typeLine(_indent, _key, _sp, type, _remark, _end) {
    return { is: 'type', type: modernType(textVal(type, this.args['source'] as SourceText)) };
  },
  headerLine(_indent, _key, _sps, options, _remark, _end) {
    return { is: 'header', options: optionsOf(options, this.args['source'] as SourceText) };
  },
  countLine(_indent, _key, _colon, _rest) {
    return { is: 'extra' };
  },
  membersLine(_indent, _key, _remark, _end) {
    return { is: 'members' };
  },
  memberLine(_indent, element, _sps, extensions, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return { is: 'member', element: textVal(element, source), flags: flagsOf(extensions) };
  },
  createLine(_indent, _program, _sp0, _create, _sp, name, _sp2, type, _sps, options, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'create',
      name: textVal(name, source),
      type: modernType(textVal(type, source)),
      options: optionsOf(options, source),
    };
  },
  addLine(_indent, _program, _sp0, _add, _sp, name, _sp2, element, _sps, extensions, _exist, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'add',
      set: textVal(name, source),
      element: textVal(element, source),
      flags: flagsOf(extensions),
    };
  },
  commitLine(_indent, _commit, _end) {
    return { is: 'extra' };
  },
});

/** The types of ipset 4 by the names that they have had since ipset 5. */
const OLD_TYPES: Readonly<Record<string, string>> = {
  ipmap: 'bitmap:ip',
  macipmap: 'bitmap:ip,mac',
  portmap: 'bitmap:port',
  iphash: 'hash:ip',
  iptree: 'hash:ip',
  iptreemap: 'hash:ip',
  nethash: 'hash:net',
  ipporthash: 'hash:ip,port',
  ipportiphash: 'hash:ip,port,ip',
  ipportnethash: 'hash:ip,port,net',
  setlist: 'list:set',
};

function modernType(type: Val<string>): Val<string> {
  return val(OLD_TYPES[type.value] ?? type.value, type.span);
}

/** What a matched line says. */
export function readIpsetLine(result: MatchResult, source: SourceText): IpsetLine {
  return semantics(result)['read'](source) as IpsetLine;
}
