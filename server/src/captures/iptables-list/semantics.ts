import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { NfIpsetChange, NfMatch, NfTargetOptions } from '../netfilter-facts';
import { lower, numberVal, textVal } from '../words';
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
  realmMatch,
  TOS_NAMES,
  type RuleParts,
} from '../iptables-rules/netfilter';
import { nodeSpan, spanIn, type SourceText } from '../ohm';
import { between, copiedBits, icmpType, isThere, numberOf, rangeVal, tcpFlags } from './values';

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
    const kind = flag.sourceString === '--physdev-is-in' ? 'physdev-is-in' : 'physdev-is-out';
    return { kind, span: textVal(flag, this.args['source'] as SourceText), negated: isThere(not) };
  },
  addressType_type(which, _sp, not, value, _ahead) {
    const side = which.sourceString === 'src-type' ? 'src' : 'dst';
    return { kind: 'addrtype', which: side, value: textVal(value, this.args['source'] as SourceText), negated: isThere(not) };
  },
  addressType_limit(word, _ahead) {
    const limit = word.sourceString === 'limit-in' ? 'in' : 'out';
    return { kind: 'addrtype', which: 'dst', value: textVal(word, this.args['source'] as SourceText), negated: false, limit };
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
  piece_matchSet(not, _name, _sp, set, _sp2, directions, _sp3, nomatch, _ahead, _leaves, counts) {
    const source = this.args['source'] as SourceText;
    const options = [...nomatch.children, ...counts.children];
    const text = options.length === 0 ? undefined : between(options[0] ?? counts, options.at(-1) ?? counts, source);
    return matched({
      kind: 'set',
      set: textVal(set, source),
      directions: directions.sourceString.split(','),
      negated: isThere(not),
      ...(text === undefined ? {} : { options: text }),
    });
  },
  piece_ttl(_name, _sp, _match, _sp2, _name2, _sp3, compare, _sp4, value, _ahead) {
    const sign = compare.sourceString;
    return matched({
      kind: 'ttl',
      op: sign === '<' ? 'lt' : sign === '>' ? 'gt' : 'eq',
      value: numberVal(textVal(value, this.args['source'] as SourceText)),
      negated: sign === '!=',
    });
  },
  piece_length(_name, _sp, not, low, _colon, high, _ahead) {
    return matched({ kind: 'length', range: rangeVal(low, high, this.args['source'] as SourceText), negated: isThere(not) });
  },
  piece_tcpmss(_name, _sp, _match, _sp2, not, low, _colon, high, _ahead) {
    return matched({ kind: 'tcpmss', range: rangeVal(low, high, this.args['source'] as SourceText), negated: isThere(not) });
  },
  piece_dscp(_name, _sp, _match, _sp2, not, value, _ahead) {
    return matched({ kind: 'dscp', value: numberOf(value, this.args['source'] as SourceText), negated: isThere(not) });
  },
  piece_tos(_name, _sp, _match, _sp2, not, value, _slash, mask, _ahead) {
    return matched({
      kind: 'tos',
      value: numberOf(value, this.args['source'] as SourceText),
      mask: Number(mask.sourceString),
      negated: isThere(not),
    });
  },
  piece_namedTos(_name, _sp, _match, _sp2, not, name, _ahead) {
    const value = val(TOS_NAMES[name.sourceString] ?? 0, nodeSpan(this.args['source'] as SourceText, name));
    return matched({ kind: 'tos', value, mask: 0x3f, negated: isThere(not) });
  },
  piece_ecn(_name, _sp, _match, _sps, fields) {
    const source = this.args['source'] as SourceText;
    return {
      matches: fields.children.map((field): NfMatch => {
        const text = textVal(field, source);
        const negated = text.value.startsWith('!');
        const ect = /ECT=(\d)/.exec(text.value)?.[1];
        if (ect !== undefined) return { kind: 'ecn', what: 'ip-ect', value: val(Number(ect), text.span), negated };
        return { kind: 'ecn', what: text.value.endsWith('ECE') ? 'tcp-ece' : 'tcp-cwr', text, negated };
      }),
    };
  },
  piece_deviceGroup(not, which, _sp, group) {
    const end = which.sourceString === 'src-group' ? 'src' : 'dst';
    const text = textVal(group, this.args['source'] as SourceText);
    return matched({ kind: 'device-group', which: end, group: text, negated: isThere(not) });
  },
  piece_helper(_name, _sp, _match, _sp2, not, name) {
    const text = textVal(name, this.args['source'] as SourceText);
    return matched({ kind: 'helper', name: val(text.value.replace(/"/g, ''), text.span), negated: isThere(not) });
  },
  piece_tcpOption(_key, not, number, _ahead) {
    return matched({
      kind: 'tcp-option',
      option: numberVal(textVal(number, this.args['source'] as SourceText)),
      negated: not.sourceString !== '',
    });
  },
  piece_packetType(_name, _sp, sign, _sp2, type) {
    return matched({
      kind: 'pkttype',
      value: textVal(type, this.args['source'] as SourceText),
      negated: sign.sourceString === '!=',
    });
  },
  piece_ctField(not, key, _ahead, _sp, value) {
    return matched({
      kind: 'conntrack',
      what: key.sourceString.slice(2),
      value: lower(textVal(value, this.args['source'] as SourceText)),
      negated: isThere(not),
    });
  },
  piece_owner(not, name, _sp, which, _sp2, _match, _sp3, value) {
    const source = this.args['source'] as SourceText;
    return matched({
      kind: 'owner',
      what: which.sourceString === 'UID' ? 'uid' : 'gid',
      value: textVal(value, source),
      text: between(name, value, source),
      negated: isThere(not),
    });
  },
  piece_ownerSocket(not, name, _sp, _socket, _sp2, exists, _ahead) {
    const text = between(name, exists, this.args['source'] as SourceText);
    return matched({ kind: 'owner', what: 'socket-exists', text, negated: isThere(not) });
  },
  piece_chance(name, _sp, _mode, _sp2, _random, _sp3, not, _word, _sp4, value) {
    const text = between(name, value, this.args['source'] as SourceText);
    return matched({ kind: 'limit', module: 'statistic', text, negated: isThere(not), probability: Number(value.sourceString) });
  },
  piece_everyNth(name, _sp, _mode, _sp2, _nth, _sp3, not, _word, _sp4, value, _sp5, _packet, _sp6, packet, _ahead) {
    const text = between(name, packet.children[0] ?? value, this.args['source'] as SourceText);
    return matched({ kind: 'limit', module: 'statistic', text, negated: isThere(not), every: Number(value.sourceString) });
  },
  piece_limit(name, _sp, how, _sp2, rate, _sps, _words, _sps2, values) {
    const last = values.children[values.children.length - 1] ?? rate;
    const text = between(name, last, this.args['source'] as SourceText);
    return matched({ kind: 'limit', module: how.sourceString === 'avg' ? 'limit' : 'hashlimit', text, negated: false });
  },
  piece_connlimit(name, _sp, rest) {
    const text = between(name, rest, this.args['source'] as SourceText);
    return matched({ kind: 'limit', module: 'connlimit', text, negated: false });
  },
  piece_rpfilter(name, _sps, words, _ahead) {
    const flags = words.children.map((word) => word.sourceString);
    const text = between(name, words.children[words.children.length - 1] ?? name, this.args['source'] as SourceText);
    return matched({
      kind: 'rpfilter',
      flags: flags.filter((flag) => flag !== 'invert'),
      text,
      negated: flags.includes('invert'),
    });
  },
  piece_socket(name, _ahead, _sps, _dashes, words, _ahead2) {
    const text = between(name, words.children[words.children.length - 1] ?? name, this.args['source'] as SourceText);
    return matched({ kind: 'socket', flags: words.children.map((word) => word.sourceString), text, negated: false });
  },
  piece_policy(name, _sp, _match, _sp2, _dir, _sp3, _way, _sp4, _pol, _sp5, policy, _ahead) {
    const text = between(name, policy, this.args['source'] as SourceText);
    return matched({ kind: 'policy', policy: policy.sourceString === 'none' ? 'none' : 'ipsec', text, negated: false });
  },
  piece_setTtl(_name, _sp, verb, _sp2, value, _ahead) {
    const source = this.args['source'] as SourceText;
    const op = ({ 'set to': 'set', 'decrement by': 'dec', 'increment by': 'inc' } as const)[verb.sourceString] ?? 'set';
    return { options: { ttl: val({ op, value: Number(value.sourceString) }, nodeSpan(source, value)) } };
  },
  piece_setDscp(_name, _sp, _set, _sp2, value, _ahead) {
    return { options: { dscp: numberOf(value, this.args['source'] as SourceText) } };
  },
  piece_setTos(_name, _sp, verb, _sp2, value, _slash, mask, _ahead) {
    const source = this.args['source'] as SourceText;
    const op = (['set', 'and', 'or', 'xor'] as const).find((word) => word === verb.sourceString) ?? 'set';
    const tos = { op, value: Number(value.sourceString), mask: Number(mask.children[0]?.sourceString ?? 255) };
    return { options: { tos: val(tos, nodeSpan(source, value)) } };
  },
  piece_setNamedTos(_name, _sp, _set, _sp2, name, _ahead) {
    const tos = { op: 'set' as const, value: TOS_NAMES[name.sourceString] ?? 0, mask: 0x3f };
    return { options: { tos: val(tos, nodeSpan(this.args['source'] as SourceText, name)) } };
  },
  piece_setMss(_name, _sp, _set, _sp2, value, _ahead) {
    return { options: { mss: numberOf(value, this.args['source'] as SourceText) } };
  },
  piece_clampMss(_name, _sp, words, _ahead) {
    return { options: { mss: val('clamp' as const, textVal(words, this.args['source'] as SourceText).span) } };
  },
  piece_tproxy(_name, _sp, _redirect, _sp2, to, _sp3, _mark, _sp4, value, _slash, mask, _ahead) {
    const source = this.args['source'] as SourceText;
    const [, ip = '', port = ''] = /^(.*):(\d+)$/.exec(to.sourceString) ?? [];
    const span = nodeSpan(source, to);
    const mark = markValue(
      `${value.children[0]?.sourceString ?? '0'}/${mask.children[0]?.children[0]?.sourceString ?? mask.children[0]?.sourceString ?? '0'}`,
    );
    return {
      options: {
        ...(port === '' ? {} : { onPort: val(Number(port), span), onIp: val(ip, span) }),
        ...(mark === undefined ? {} : { mark: val({ op: 'xset' as const, ...mark }, span) }),
      },
    };
  },
  piece_queue(_name, _sp, _which, _sp2, number, _sp3, bypass, _ahead) {
    const queue = textVal(number, this.args['source'] as SourceText);
    return { options: { queue, ...(isThere(bypass) ? { queueBypass: true } : {}) } };
  },
  piece_notrack(_name, _ahead) {
    return { options: { notrack: true } };
  },
  piece_physdev(_name, _sp, _match, _sps, conditions) {
    return { matches: conditions.children.map((node) => node['matchOf'](this.args['source']) as NfMatch) };
  },
  piece_addressType(_name, _sp, _match, _sps, conditions) {
    const found = conditions.children.map((node) => node['matchOf'](this.args['source']) as NfMatch);
    // `limit-in` stands behind the types that it limits.
    const limit = found.find((match) => match.kind === 'addrtype' && match.limit !== undefined);
    const types = found.filter((match) => match !== limit);
    return {
      matches: types.map((match) =>
        match.kind === 'addrtype' && limit?.kind === 'addrtype' && limit.limit !== undefined
          ? { ...match, limit: limit.limit }
          : match,
      ),
    };
  },
  piece_mac(_name, _sp, not, mac, _ahead) {
    return matched(macMatch(textVal(mac, this.args['source'] as SourceText), isThere(not)));
  },
  piece_icmpNumber(_name, _sp, not, type, _sp2, _word, _sp3, code, _ahead) {
    return matched(icmpType(not, type, code, this.args['source'] as SourceText));
  },
  piece_icmpTyped(_name, _sp, not, _type, _sp2, not2, type, _sp3, _word, _sp4, code, _ahead) {
    return matched(icmpType(isThere(not) ? not : not2, type, code, this.args['source'] as SourceText));
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
      const [name, , zone] = found?.ctorName === 'ctOption_zone' ? found.children : [];
      if (name === undefined || zone === undefined) continue;
      const direction = name.sourceString === 'zone-orig' ? 'orig' : name.sourceString === 'zone-reply' ? 'reply' : undefined;
      const named = zone.sourceString === 'mark' ? { zoneByMark: 'later' as const } : { zone: numberVal(textVal(zone, source)) };
      options = { ...options, ...named, ...(direction ? { zoneDirection: direction } : {}) };
    }
    return { options };
  },
  piece_goto(_goto, _ahead) {
    return { goto: true };
  },
  piece_targetNote(_note) {
    return {};
  },
  piece_realm(not, name, _sp, value) {
    const source = this.args['source'] as SourceText;
    return matched(realmMatch(textVal(value, source), between(name, value, source), isThere(not)));
  },
  piece_gauge(gauge) {
    const found = textVal(gauge, this.args['source'] as SourceText);
    const [word = ''] = /[a-z]+/.exec(found.value) ?? [];
    // To be put on the list is no condition (xt_recent).
    const always = /^(?:! )?recent: SET\b/.test(found.value) ? { probability: 1 } : {};
    return matched({ kind: 'limit', module: word, text: found, negated: found.value.startsWith('!'), ...always });
  },
  piece_extensionHeader(header, _sps, _words) {
    return matched({
      kind: 'extension-header',
      name: header.sourceString.trim(),
      text: textVal(this, this.args['source'] as SourceText),
      negated: false,
    });
  },
  piece_setUpdate(what, _sp, name, _sp2, directions, _sps, options) {
    const words = options.sourceString;
    const set = textVal(name, this.args['source'] as SourceText);
    if (what.sourceString === 'map-set') {
      const mapped = { set, directions: directions.sourceString.split(',') };
      return { options: { mapSet: /map-mark/.test(words) ? 'mark' : 'other', mapped } };
    }
    const timeout = /timeout\s+(\d+)/.exec(words)?.[1];
    const change: NfIpsetChange = {
      op: what.sourceString === 'add-set' ? 'add' : 'delete',
      set,
      directions: directions.sourceString.split(','),
      exist: /\bexist\b/.test(words),
      ...(timeout === undefined ? {} : { timeout: Number(timeout) }),
    };
    return { options: { set, ipsets: [change] } };
  },
  piece_ecnRemove(_name, _sp, _tcp, _sp2, _remove, _ahead) {
    return { options: { ecnRemove: true } };
  },
  unknown(_first, _sps, _rest) {
    const found = textVal(this, this.args['source'] as SourceText);
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
    } else if (piece.options?.ipsets !== undefined) {
      const { set, ipsets = [] } = parts.options;
      parts.options = { ...parts.options, set: set ?? piece.options.set, ipsets: [...ipsets, ...piece.options.ipsets] };
    } else if (piece.options !== undefined) parts.options = { ...parts.options, ...piece.options };
    if (piece.goto === true) parts.goto = true;
    if (piece.address !== undefined) places.push(piece.address);
  }
  const remark = pieces.children[2]?.children[0];
  if (remark && CONDITION.test(remark.sourceString)) parts.matches.push(otherMatch(textVal(remark, source), false));
  return {
    number: further.number === undefined ? undefined : Number(further.number.sourceString),
    packets: further.packets === undefined ? undefined : textVal(further.packets, source),
    parts,
    addresses: places,
    text: between(first, list[list.length - 1] ?? addresses, source),
  };
}

/** What somebody put a sign of a remark before, although it is the rule's own. */
const CONDITION =
  /^\s*#\s*(?:\/\*|(?:\S+ ){0,3}(?:match(?:-set)?|multiport) |(?:ct)?state [A-Z]|[ds]pts?:\d|limit: |icmptype |mark \d)/;

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
  if (fragment.sourceString === '--') return [];
  return [{ kind: 'fragment', text: textVal(fragment, source), negated: fragment.sourceString === '!f' }];
}

function matched(match: NfMatch): Piece {
  return { matches: [match] };
}

/** What a matched row of `iptables -L` says. */
export function readRuleRow(result: MatchResult, source: SourceText): RuleRow {
  return semantics(result)['read'](source) as RuleRow;
}

/** What a matched `Chain …` line says. */
export function readChainLine(result: MatchResult, source: SourceText): ChainLine {
  return semantics(result)['chain'](source) as ChainLine;
}
