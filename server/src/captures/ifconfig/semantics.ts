import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { lower, numberVal, textVal } from '../words';
import type { SourceText } from '../ohm';

/** What a line of ifconfig(8) says, in the words of ip(8). */
export type IfconfigLine =
  | {
      readonly is: 'header';
      readonly name: Val<string>;
      readonly mac: Val<string> | undefined;
      readonly flags: readonly string[];
      readonly mtu: Val<number> | undefined;
    }
  | {
      readonly is: 'address';
      readonly ip: Val<string>;
      /** A length, or a mask such as 255.255.255.0. */
      readonly prefix: Val<string> | undefined;
      readonly broadcast?: Val<string> | undefined;
      readonly peer: Val<string> | undefined;
      readonly scope: Val<string> | undefined;
    }
  | { readonly is: 'hardware'; readonly mac: Val<string> | undefined }
  | { readonly is: 'flags'; readonly flags: readonly string[]; readonly mtu: Val<number> }
  | { readonly is: 'extra' };

/** Other tongues leave the flags as they are. */
const SPANISH: Readonly<Record<string, string>> = {
  ACTIVO: 'UP',
  ARRIBA: 'UP',
  DIFUSIÓN: 'BROADCAST',
  FUNCIONANDO: 'RUNNING',
  CORRIENDO: 'RUNNING',
  BUCLE: 'LOOPBACK',
};

const semantics = grammars.Ifconfig.createSemantics();

/** The words of an address line: `Mask`, `netmask`, `P-t-P`, `destination` … */
semantics.addOperation<readonly [string, Val<string>]>('pair(source)', {
  inetWord(key, _colon, value) {
    const name = key.sourceString;
    const meaning = /^(?:M[aá]s|マ)/.test(name) ? 'Mask' : name === 'P-t-P' ? name : 'Bcast';
    return [meaning, textVal(value, this.args['source'] as SourceText)];
  },
  newInetWord(key, _sp, value) {
    return [key.sourceString, textVal(value, this.args['source'] as SourceText)];
  },
});

semantics.addOperation<IfconfigLine>('read(source)', {
  oldHeader(_indent, name, _sp, _link, _encapsulation, _sp2, hardware, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'header',
      name: textVal(name, source),
      mac: macOf(hardware, 'oldHardware_mac', source),
      flags: [],
      mtu: undefined,
    };
  },
  oldInetLine(_indent, _inet, _osp, ip, _sps, words, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const pairs = pairsOf(words, source);
    return {
      is: 'address',
      ip: textVal(ip, source),
      prefix: pairs.get('Mask'),
      broadcast: pairs.get('Bcast'),
      peer: pairs.get('P-t-P'),
      scope: undefined,
    };
  },
  oldInet6Line(_indent, _inet, _sp, ip, prefix, _sp2, _scope, scope, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'address',
      ip: textVal(ip, source),
      prefix: lengthOf(prefix, source),
      peer: undefined,
      scope: one(scope, source),
    };
  },
  oldFlagsLine(_indent, flags, _sps, _mtu, mtu, _sp, _metric, _number, _sp2, _words, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'flags',
      flags: flags.children.map((flag) => SPANISH[flag.sourceString] ?? flag.sourceString),
      mtu: numberVal(textVal(mtu, source)),
    };
  },
  newHeader(
    _indent,
    name,
    _colon,
    _sp,
    _flags,
    _bits,
    _open,
    flags,
    _close,
    _sp2,
    _metric,
    _sp3,
    _number,
    _sp4,
    _mtu,
    _sp5,
    mtu,
    _remark,
    _end,
  ) {
    const source = this.args['source'] as SourceText;
    const size = one(mtu, source);
    return {
      is: 'header',
      name: textVal(name, source),
      mac: undefined,
      flags: flags.sourceString.split(',').filter((flag) => flag !== ''),
      mtu: size === undefined ? undefined : numberVal(size),
    };
  },
  newInetLine(_indent, _inet, _sp, ip, _sps, words, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const pairs = pairsOf(words, source);
    return {
      is: 'address',
      ip: textVal(ip, source),
      prefix: pairs.get('netmask'),
      broadcast: pairs.get('broadcast'),
      peer: pairs.get('destination'),
      scope: undefined,
    };
  },
  newInet6Line(
    _indent,
    _inet,
    _sp,
    ip,
    _sp2,
    _key,
    _sp3,
    length,
    _sp4,
    _scope,
    _sp5,
    _number,
    _open,
    scope,
    _close,
    _sp6,
    _to,
    _sp7,
    peer,
    _remark,
    _end,
  ) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'address',
      ip: textVal(ip, source),
      prefix: one(length, source),
      peer: one(peer, source),
      scope: one(scope, source),
    };
  },
  newHardwareLine(_indent, _kind, _sp, hardware, _sp2, _queue, _sp3, _length, _sp4, _open, _name, _close, _remark, _end) {
    return { is: 'hardware', mac: macOf(hardware, 'newHardware_mac', this.args['source'] as SourceText) };
  },
  counterLine(_indent, _which, _rest) {
    return { is: 'extra' };
  },
  otherCounterLine(_sp, _rest) {
    return { is: 'extra' };
  },
  tableTitle(_indent, _which, _rest) {
    return { is: 'extra' };
  },
  tableRow(_indent, _name, _sp, _mtu, _sp2, _counts, _sp3, _flags, _end) {
    return { is: 'extra' };
  },
});

function pairsOf(words: Node, source: SourceText): ReadonlyMap<string, Val<string>> {
  return new Map(words.children.map((word) => word['pair'](source) as readonly [string, Val<string>]));
}

function one(optional: Node, source: SourceText): Val<string> | undefined {
  const found = optional.children[0];
  return found === undefined ? undefined : lower(textVal(found, source));
}

/** The digits of `/64`. */
function lengthOf(optional: Node, source: SourceText): Val<string> | undefined {
  const whole = one(optional, source);
  return whole === undefined ? undefined : val(whole.value.slice(1), { start: whole.span.start + 1, end: whole.span.end });
}

/** The address of an Ethernet card; a tunnel's zeros and what is no such address are none. */
function macOf(optional: Node, form: string, source: SourceText): Val<string> | undefined {
  const found = optional.children[0]?.children[0];
  if (found?.ctorName !== form) return undefined;
  const mac = found.children.find((child) => child.ctorName === 'mac');
  return mac === undefined ? undefined : textVal(mac, source);
}

/** What a matched line says. */
export function readIfconfigLine(result: MatchResult, source: SourceText): IfconfigLine {
  return semantics(result)['read'](source) as IfconfigLine;
}
