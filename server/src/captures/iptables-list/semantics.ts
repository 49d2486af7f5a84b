import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { NfMatch, NfTargetOptions } from '../facts';
import { lower, numberVal, textVal } from '../ip-address/words';
import {
  addMatch,
  addressMatch,
  listVal,
  macMatch,
  markMatch,
  markValue,
  otherMatch,
  portMatch,
  protocolMatch,
  rangeMatch,
  tcpFlagsMatch,
  type RuleParts,
} from '../iptables-rules/netfilter';
import { nodeSpan, spanIn, type SourceText } from '../ohm';

/** `Chain NAME (policy ACCEPT)`. */
export interface ChainLine {
  readonly name: Val<string>;
  readonly policy: Val<string> | undefined;
  readonly text: Val<string>;
}

/** A piece of text by its place in the record's source, which may be put together from several lines. */
export interface SourcePiece {
  readonly text: string;
  readonly at: number;
}

export interface RuleRow {
  /** From `--line-numbers`. */
  readonly number: number | undefined;
  readonly packets: Val<string> | undefined;
  readonly parts: RuleParts;
  /** What may name addresses: the two address columns and `to:`. */
  readonly addresses: readonly SourcePiece[];
  readonly text: Val<string>;
}

/** What a piece right of the destination turned out to be. */
interface Piece {
  readonly matches?: readonly NfMatch[];
  readonly options?: NfTargetOptions;
  readonly goto?: boolean;
  readonly address?: SourcePiece;
}

interface Columns {
  readonly target: Val<string> | undefined;
  readonly matches: readonly NfMatch[];
}

const semantics = grammars.IptablesList.createSemantics();

semantics.addOperation<Columns>('columnsOf(source)', {
  columns_withTarget(target, _sp, protocol, _sp2, fragment) {
    const source = this.args['source'] as SourceText;
    return { target: textVal(target, source), matches: [...protocolIn(protocol, source), ...fragmentIn(fragment, source)] };
  },
  columns_withTargetOnly(target, _sp, protocol, _ahead) {
    const source = this.args['source'] as SourceText;
    return { target: textVal(target, source), matches: protocolIn(protocol, source) };
  },
  columns_bare(protocol, _sp, fragment) {
    const source = this.args['source'] as SourceText;
    return { target: undefined, matches: [...protocolIn(protocol, source), ...fragmentIn(fragment, source)] };
  },
  columns_bareOnly(protocol, _ahead) {
    return { target: undefined, matches: protocolIn(protocol, this.args['source'] as SourceText) };
  },
});

semantics.addOperation<NfMatch>('matchOf(source)', {
  physdev_in(not, _flag, _sp, name) {
    return { kind: 'physdev-in', value: textVal(name, this.args['source'] as SourceText), negated: isThere(not) };
  },
  physdev_out(not, _flag, _sp, name) {
    return { kind: 'physdev-out', value: textVal(name, this.args['source'] as SourceText), negated: isThere(not) };
  },
  physdev_bridged(not, flag, _ahead) {
    return { kind: 'physdev-is-bridged', span: textVal(flag, this.args['source'] as SourceText), negated: isThere(not) };
  },
  physdev_other(not, flag, _ahead) {
    return otherMatch(textVal(flag, this.args['source'] as SourceText), isThere(not));
  },
  addressType_type(which, _sp, not, value, _ahead) {
    const side = which.sourceString === 'src-type' ? 'src' : 'dst';
    return { kind: 'addrtype', which: side, value: textVal(value, this.args['source'] as SourceText), negated: isThere(not) };
  },
  addressType_limit(word, _ahead) {
    return otherMatch(textVal(word, this.args['source'] as SourceText), false);
  },
});

semantics.addOperation<Piece>('pieceOf(source)', {
  piece_comment(_open, text, _close) {
    const source = this.args['source'] as SourceText;
    const { startIdx } = text.source;
    const inner = text.sourceString.trim();
    const at = startIdx + text.sourceString.indexOf(inner);
    return matched({ kind: 'comment', text: val(inner, spanIn(source, at, at + inner.length)) });
  },
  piece_protocolWord(_name, _ahead) {
    // The match's own header; the column `prot` has said it.
    return {};
  },
  piece_port(key, not, range, end) {
    const source = this.args['source'] as SourceText;
    const kind = key.sourceString.startsWith('s') ? 'source-port' : 'destination-port';
    const match = portMatch(kind, textVal(range, source), isThere(not), between(key, range, source));
    const flags = end.children[0];
    const [, notFlags, mask] = flags?.ctorName === 'portEnd_flags' ? flags.children : [];
    return mask === undefined ? matched(match) : { matches: [match, tcpFlags(mask, notFlags, source)] };
  },
  piece_multiport(_word, _sp, which, _sp2, not, ports) {
    const source = this.args['source'] as SourceText;
    const kind =
      ({ sports: 'source-port', dports: 'destination-port', ports: 'any-port' } as const)[which.sourceString] ?? 'any-port';
    return matched(portMatch(kind, textVal(ports, source), isThere(not), between(which, ports, source)));
  },
  piece_state(not, _name, _sp, not2, states) {
    return matched({
      kind: 'ctstate',
      states: listVal(textVal(states, this.args['source'] as SourceText)),
      negated: isThere(not) || isThere(not2),
    });
  },
  piece_mark(_name, _sp, _match, _sp2, not, value, _slash, mask, _ahead) {
    return matched(markMatch('mark', between(value, mask.children[0] ?? value, this.args['source'] as SourceText), isThere(not)));
  },
  piece_connmark(_name, _sp, _match, _sp2, not, value, _slash, mask, _ahead) {
    return matched(
      markMatch('connmark', between(value, mask.children[0] ?? value, this.args['source'] as SourceText), isThere(not)),
    );
  },
  piece_matchSet(not, _name, _sp, set, _sp2, directions) {
    const source = this.args['source'] as SourceText;
    return matched({
      kind: 'set',
      set: textVal(set, source),
      directions: directions.sourceString.split(','),
      negated: isThere(not),
    });
  },
  piece_physdev(_name, _sp, _match, _sps, conditions) {
    return { matches: conditions.children.map((node) => node['matchOf'](this.args['source']) as NfMatch) };
  },
  piece_addressType(_name, _sp, _match, _sps, conditions) {
    return { matches: conditions.children.map((node) => node['matchOf'](this.args['source']) as NfMatch) };
  },
  piece_mac(_name, _sp, not, mac, _ahead) {
    return matched(macMatch(textVal(mac, this.args['source'] as SourceText), isThere(not)));
  },
  piece_icmpNumber(_name, _sp, not, type, _sp2, _word, _sp3, code, _ahead) {
    return matched(icmpType(not, type, code, this.args['source'] as SourceText));
  },
  piece_icmpTyped(_name, _sp, _type, _sp2, not, type, _sp3, _word, _sp4, code, _ahead) {
    return matched(icmpType(not, type, code, this.args['source'] as SourceText));
  },
  piece_icmpName(_name, _sp, not, type, _ahead) {
    return matched({ kind: 'icmp-type', type: textVal(type, this.args['source'] as SourceText), negated: isThere(not) });
  },
  piece_range(which, _sp, _words, _sp2, not, from, _dash, to, _ahead) {
    const side = which.sourceString === 'source' ? 'src' : 'dst';
    return matched(rangeMatch(side, between(from, to, this.args['source'] as SourceText), isThere(not)));
  },
  piece_flags(_key, not, mask, _ahead) {
    return matched(tcpFlags(mask, not, this.args['source'] as SourceText));
  },
  piece_to(_to, target, _ahead) {
    const text = textVal(target, this.args['source'] as SourceText);
    return { options: { to: lower(text) }, address: { text: text.value, at: target.source.startIdx } };
  },
  piece_natMode(mode) {
    return { options: { natFlags: [mode.sourceString.trim()] } };
  },
  piece_redirect(_word, _sp, _ports, _sp2, ports, _ahead) {
    return { options: { ports: textVal(ports, this.args['source'] as SourceText) } };
  },
  piece_masquerade(_word, _sp, _ports, _sp2, ports, _ahead) {
    return { options: { ports: textVal(ports, this.args['source'] as SourceText) } };
  },
  piece_reject(_word, _sp, name, _ahead) {
    return { options: { rejectWith: textVal(name, this.args['source'] as SourceText) } };
  },
  piece_setMark(name, _sp, op, _sp2, value, _slash, mask, _ahead) {
    const source = this.args['source'] as SourceText;
    const text = between(value, mask.children[0] ?? value, source);
    const mark = markValue(text.value);
    const known = (['set', 'xset', 'and', 'or', 'xor'] as const).find((word) => word === op.sourceString);
    if (mark === undefined || known === undefined) return matched(otherMatch(between(name, value, source), false));
    return { options: { mark: val({ op: known, ...mark }, text.span) } };
  },
  piece_copyMark(name, _sp, op, _sps, masks, _ahead) {
    const known = op.sourceString === 'save' ? 'save' : 'restore';
    const span = between(name, masks.children[masks.children.length - 1] ?? op, this.args['source'] as SourceText).span;
    return { options: { mark: val({ op: known, value: 0, ...copiedBits(masks.children) }, span) } };
  },
  piece_ct(_name, _sp, first, _sps, rest) {
    const source = this.args['source'] as SourceText;
    let options: NfTargetOptions = {};
    for (const option of [first, ...rest.children]) {
      const found = option.children[0];
      if (found?.ctorName === 'ctOption_notrack') options = { ...options, notrack: true };
      const zone = found?.ctorName === 'ctOption_zone' ? found.children[2] : undefined;
      if (zone !== undefined) options = { ...options, zone: numberVal(textVal(zone, source)) };
    }
    return { options };
  },
  piece_goto(_goto, _ahead) {
    return { goto: true };
  },
  piece_targetNote(_note) {
    return {};
  },
  piece_unknown(text) {
    const found = textVal(text, this.args['source'] as SourceText);
    return matched(otherMatch(found, /^!\s/.test(found.value)));
  },
});

semantics.addOperation<RuleRow>('read(source)', {
  plainRow(_indent, columns, _sp, addresses, pieces) {
    return row(this.args['source'] as SourceText, columns, columns, addresses, pieces, {});
  },
  numberedRow(_indent, number, _sp, columns, _sp2, addresses, pieces) {
    return row(this.args['source'] as SourceText, number, columns, addresses, pieces, { number });
  },
  verboseRow(_indent, packets, _sp, _bytes, _sp2, columns, _sp3, interfaces, _sp4, addresses, pieces) {
    return row(this.args['source'] as SourceText, packets, columns, addresses, pieces, { packets, interfaces });
  },
  numberedVerboseRow(_indent, number, _sp, packets, _sp2, _bytes, _sp3, columns, _sp4, interfaces, _sp5, addresses, pieces) {
    return row(this.args['source'] as SourceText, number, columns, addresses, pieces, { number, packets, interfaces });
  },
});

semantics.addOperation<ChainLine>('chain(source)', {
  chainLine(_indent, word, _sp, name, _sp2, _open, standing, close, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const policy = standing.children[0]?.ctorName === 'standing_policy' ? standing.children[0].children[2] : undefined;
    return {
      name: textVal(name, source),
      policy: policy === undefined ? undefined : textVal(policy, source),
      text: between(word, close, source),
    };
  },
});

interface FurtherColumns {
  readonly number?: Node;
  readonly packets?: Node;
  readonly interfaces?: Node;
}

function row(source: SourceText, first: Node, columns: Node, addresses: Node, pieces: Node, further: FurtherColumns): RuleRow {
  const { target, matches } = columns['columnsOf'](source) as Columns;
  const parts: RuleParts = { matches: [...matches], target, goto: false, options: {} };
  const [inside, , outside] = further.interfaces?.children ?? [];
  addInterface(parts, 'in-interface', inside, source);
  addInterface(parts, 'out-interface', outside, source);
  const places: SourcePiece[] = [];
  const [from, , to] = addresses.children;
  addAddress(parts, places, 'source', from, source);
  addAddress(parts, places, 'destination', to, source);
  const list = pieces.children[1]?.children ?? [];
  for (const node of list) {
    const piece = node['pieceOf'](source) as Piece;
    for (const match of piece.matches ?? []) addMatch(parts.matches, match);
    if (piece.options?.natFlags !== undefined) {
      parts.options.natFlags = [...(parts.options.natFlags ?? []), ...piece.options.natFlags];
    } else if (piece.options !== undefined) parts.options = { ...parts.options, ...piece.options };
    if (piece.goto === true) parts.goto = true;
    if (piece.address !== undefined) places.push(piece.address);
  }
  return {
    number: further.number === undefined ? undefined : Number(further.number.sourceString),
    packets: further.packets === undefined ? undefined : textVal(further.packets, source),
    parts,
    addresses: places,
    text: between(first, list[list.length - 1] ?? addresses, source),
  };
}

function addInterface(
  parts: RuleParts,
  kind: 'in-interface' | 'out-interface',
  node: Node | undefined,
  source: SourceText,
): void {
  const [not, name] = node?.children ?? [];
  // `*` with -n and `any` without: every device.
  if (not === undefined || name === undefined || name.sourceString === '*' || name.sourceString === 'any') return;
  parts.matches.push({ kind, value: textVal(name, source), negated: isThere(not) });
}

function addAddress(
  parts: RuleParts,
  places: SourcePiece[],
  kind: 'source' | 'destination',
  node: Node | undefined,
  source: SourceText,
): void {
  const [not, name] = node?.children ?? [];
  if (not === undefined || name === undefined) return;
  parts.matches.push(...addressMatch(kind, textVal(name, source), isThere(not)));
  places.push({ text: name.sourceString, at: name.source.startIdx });
}

function protocolIn(protocol: Node, source: SourceText): NfMatch[] {
  const [not, name] = protocol.children;
  return not === undefined || name === undefined ? [] : protocolMatch(textVal(name, source), isThere(not));
}

function fragmentIn(fragment: Node, source: SourceText): NfMatch[] {
  return fragment.sourceString === '--' ? [] : [otherMatch(textVal(fragment, source), fragment.sourceString === '!f')];
}

function tcpFlags(mask: Node, not: Node | undefined, source: SourceText): NfMatch {
  const text = textVal(mask, source);
  // iptables -S separates mask and flags by a blank; facts have one form.
  return tcpFlagsMatch(val(text.value.replace('/', ' '), text.span), not !== undefined && isThere(not));
}

function icmpType(not: Node, type: Node, code: Node, source: SourceText): NfMatch {
  const last = code.children[0];
  const value = last === undefined ? type.sourceString : `${type.sourceString}/${last.sourceString}`;
  return { kind: 'icmp-type', type: val(value, between(type, last ?? type, source).span), negated: isThere(not) };
}

function matched(match: NfMatch): Piece {
  return { matches: [match] };
}

function isThere(optional: Node): boolean {
  return optional.children.length > 0;
}

function between(first: Node, last: Node, source: SourceText): Val<string> {
  const span = { start: nodeSpan(source, first).start, end: nodeSpan(source, last).end };
  return val(source.text.slice(first.source.startIdx, last.source.endIdx), span);
}

/** The bits of the packet's mark and of the connection's that are copied. */
function copiedBits(masks: readonly Node[]): { readonly mask: number; readonly ctmask: number } {
  let [mask, ctmask] = [0xffffffff, 0xffffffff];
  for (const node of masks) {
    const [side, text = ''] = node.sourceString.trim().split(/\s+/);
    const bits = markValue(text)?.value;
    if (bits === undefined) continue;
    if (side !== 'ctmask') mask = bits;
    if (side !== 'nfmask') ctmask = bits;
  }
  return { mask, ctmask };
}

/** What a matched row of `iptables -L` says. */
export function readRuleRow(result: MatchResult, source: SourceText): RuleRow {
  return semantics(result)['read'](source) as RuleRow;
}

/** What a matched `Chain …` line says. */
export function readChainLine(result: MatchResult, source: SourceText): ChainLine {
  return semantics(result)['chain'](source) as ChainLine;
}
