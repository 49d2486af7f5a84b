import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import { nodeSpan, type SourceText } from '../ohm';
import { numberVal, textVal, wordsOf, type Words } from '../words';

export interface PeerName {
  readonly name?: Val<string>;
  readonly index?: Val<number>;
}

export interface HeaderLine {
  readonly is: 'header';
  readonly index: Val<number> | undefined;
  readonly name: Val<string>;
  readonly peer: PeerName | undefined;
  readonly flags: readonly string[];
  readonly words: Words;
}

export interface AddressText {
  /** `172.19.1.1/24`; the prefix may be missing or stand at the peer. */
  readonly cidr: Val<string>;
  readonly peer: Val<string> | undefined;
  readonly scope: Val<string> | undefined;
  readonly broadcast: Val<string> | undefined;
  readonly noPrefixRoute: boolean;
  /** `tentative`, `dadfailed`. */
  readonly unverified: Val<string> | undefined;
  /** `eth0`, `eth0:1`: what an address of IPv4 is called. ip(8) lets it start with nothing but the device's name. */
  readonly label: Val<string> | undefined;
}

/** What one line (or one piece between the backslashes of `ip -o`) says. */
export type AddressLine =
  | HeaderLine
  | { readonly is: 'hardware'; readonly mac: Val<string> | undefined; readonly words: Words }
  | { readonly is: 'address'; readonly address: AddressText }
  | {
      readonly is: 'short-address';
      readonly index: Val<number>;
      readonly name: Val<string>;
      readonly peer: PeerName | undefined;
      readonly address: AddressText;
    }
  | {
      readonly is: 'brief';
      readonly name: Val<string>;
      readonly peer: PeerName | undefined;
      readonly state: Val<string>;
      readonly mac: Val<string> | undefined;
      readonly flags: readonly string[];
      readonly addresses: readonly AddressText[];
    }
  | {
      readonly is: 'detail';
      readonly type: Val<string>;
      readonly id: Val<number> | undefined;
      readonly external: boolean;
      readonly settings: Readonly<Record<string, Val<string>>>;
    }
  | { readonly is: 'extra' };

const semantics = grammars.IpAddress.createSemantics();

semantics.addOperation<PeerName>('peerOf(source)', {
  peer(_at, name) {
    return name['peerOf'](this.args['source']) as PeerName;
  },
  peerName_index(_if, index) {
    return { index: numberVal(textVal(index, this.args['source'] as SourceText)) };
  },
  peerName_name(name) {
    // `NONE` is what ip prints for a lower device that it cannot find.
    return name.sourceString === 'NONE' ? {} : { name: textVal(name, this.args['source'] as SourceText) };
  },
});

/** What stands behind the scope of an address and is not what it is called. */
const STATES: ReadonlySet<string> = new Set(
  'secondary temporary permanent dynamic deprecated tentative dadfailed nodad optimistic home mngtmpaddr noprefixroute autojoin stable-privacy'.split(
    ' ',
  ),
);

/** An optimistic address is used while it is still tentative (RFC 4429). */
function unverified(flags: readonly Val<string>[]): Val<string> | undefined {
  const flag = (name: string) => flags.find(({ value }) => value === name);
  return flag('optimistic') ? undefined : (flag('dadfailed') ?? flag('tentative'));
}

semantics.addOperation<AddressText>('addressOf(source)', {
  address(family, _sp, cidr, items) {
    const source = this.args['source'] as SourceText;
    const words = wordsOf(items, source);
    const { pairs, flags } = words;
    return {
      cidr: textVal(cidr, source),
      peer: pairs.get('peer'),
      scope: pairs.get('scope'),
      broadcast: pairs.get('brd'),
      noPrefixRoute: flags.some(({ value }) => value === 'noprefixroute'),
      unverified: unverified(flags),
      label: family.sourceString === 'inet' && pairs.has('scope') ? flags.findLast(({ value }) => !STATES.has(value)) : undefined,
    };
  },
  briefAddress(_sp, cidr, peer, _metric) {
    const source = this.args['source'] as SourceText;
    const other = peer.children[0]?.children[3];
    return {
      cidr: textVal(cidr, source),
      peer: other === undefined ? undefined : textVal(other, source),
      scope: undefined,
      broadcast: undefined,
      noPrefixRoute: false,
      unverified: undefined,
      label: undefined,
    };
  },
});

semantics.addOperation<AddressLine>('read(source)', {
  headerLine_bare(_indent, index, _colon, _sp, name, peer, _colon2, _sp2, _mtu, _sp3, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'header',
      index: numberVal(textVal(index, source)),
      name: textVal(name, source),
      peer: peerIn(peer, source),
      flags: [],
      words: wordsOf(items, source),
    };
  },
  headerLine_whole(_indent, indexPart, name, peer, _colon2, _sp2, flags, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const index = indexPart.children[0]?.children[0];
    return {
      is: 'header',
      index: index === undefined ? undefined : numberVal(textVal(index, source)),
      name: textVal(name, source),
      peer: peerIn(peer, source),
      flags: flagsIn(flags),
      words: wordsOf(items, source),
    };
  },
  hardwareLine(_indent, _link, _kind, address, items, _remark, _end) {
    const source = this.args['source'] as SourceText;
    const found = address.children[0]?.children[0];
    const mac = found?.ctorName === 'hardwareAddress_mac' ? found.children[1] : undefined;
    return { is: 'hardware', mac: mac === undefined ? undefined : textVal(mac, source), words: wordsOf(items, source) };
  },
  addressLine(_indent, address, _remark, _end) {
    return { is: 'address', address: address['addressOf'](this.args['source']) as AddressText };
  },
  shortAddressLine(_indent, index, _colon, _sp, name, peer, _sp2, address, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'short-address',
      index: numberVal(textVal(index, source)),
      name: textVal(name, source),
      peer: peerIn(peer, source),
      address: address['addressOf'](source) as AddressText,
    };
  },
  briefLine_link(_indent, name, peer, _sp, state, _sp2, mac, _sp3, flags, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'brief',
      name: textVal(name, source),
      peer: peerIn(peer, source),
      state: textVal(state, source),
      mac: textVal(mac, source),
      flags: flagsIn(flags),
      addresses: [],
    };
  },
  briefLine_addresses(_indent, name, peer, _sp, state, addresses, _remark, _end) {
    const source = this.args['source'] as SourceText;
    return {
      is: 'brief',
      name: textVal(name, source),
      peer: peerIn(peer, source),
      state: textVal(state, source),
      mac: undefined,
      flags: [],
      addresses: addresses.children.map((node) => node['addressOf'](source) as AddressText),
    };
  },
  detailLine(_indent, type, items, _end) {
    const source = this.args['source'] as SourceText;
    const details = items.children.map((item) => item.children[0]);
    const id = details.find((item) => item?.ctorName === 'detailItem_id')?.children[3];
    return {
      is: 'detail',
      type: textVal(type, source),
      id: id === undefined ? undefined : val(Number(id.sourceString), nodeSpan(source, id)),
      external: details.some((item) => item?.ctorName === 'detailItem_external'),
      settings: Object.fromEntries(
        details.flatMap((item) => {
          if (item?.ctorName === 'detailItem_flag') {
            const flag = item.children[1];
            return flag === undefined ? [] : [[flag.sourceString, val('on', nodeSpan(source, flag))] as const];
          }
          const [, key, , setting] = item?.ctorName === 'detailItem_pair' ? item.children : [];
          return key === undefined || setting === undefined ? [] : [[key.sourceString, textVal(setting, source)] as const];
        }),
      ),
    };
  },
  lifetimeLine(_indent, _key, _sp, _rest) {
    return { is: 'extra' };
  },
  extraLine(_indent, _key, _sp, _rest) {
    return { is: 'extra' };
  },
  countersTitle(_indent, _which, _errors, _colon, _rest) {
    return { is: 'extra' };
  },
  countersLine(_indent, _first, _sp, _rest, _note, _end) {
    return { is: 'extra' };
  },
});

function peerIn(peer: Node, source: SourceText): PeerName | undefined {
  return peer.children[0]?.['peerOf'](source) as PeerName | undefined;
}

function flagsIn(flags: Node): string[] {
  return (flags.children[1]?.sourceString ?? '').split(',').filter((flag) => !/^(?:|\.+|…)$/.test(flag));
}

/** What a matched line of `ip address` or `ip link` says. */
export function readAddressLine(result: MatchResult, source: SourceText): AddressLine {
  return semantics(result)['read'](source) as AddressLine;
}
