import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';
import type { Val } from '../../base/span';
import type { SourceText } from '../ohm';
import { textVal } from '../words';

/** What a line of wg(8) says. */
export type WgLine =
  | { readonly is: 'interface'; readonly name: Val<string> }
  | { readonly is: 'peer'; readonly key: Val<string> }
  | { readonly is: 'public-key'; readonly key: Val<string> }
  | { readonly is: 'endpoint'; readonly ip: Val<string> }
  | { readonly is: 'allowed'; readonly networks: readonly Val<string>[] }
  /** `reaches`: such a line stands only with a peer whose endpoint is known. */
  | { readonly is: 'other'; readonly reaches: boolean };

const semantics = grammars.WgShow.createSemantics().addOperation<WgLine>('read(source)', {
  line(content) {
    return content['read'](this.args['source']) as WgLine;
  },
  interface(_indent, _word, _sp, name, _behind) {
    return { is: 'interface', name: textVal(name, this.args['source'] as SourceText) };
  },
  peer(_indent, _word, _sp, key, _behind) {
    return { is: 'peer', key: textVal(key, this.args['source'] as SourceText) };
  },
  publicKey(_indent, _word, _sp, key, _behind) {
    return { is: 'public-key', key: textVal(key, this.args['source'] as SourceText) };
  },
  endpoint(_indent, _word, _sp, address, _colon, _port, _behind) {
    const [alternative] = address.children;
    const ip = alternative?.children.length === 4 ? alternative.children[1] : alternative;
    return { is: 'endpoint', ip: textVal(ip ?? address, this.args['source'] as SourceText) };
  },
  allowed(_indent, _word, _sp, ips, _comma, _remark, _end) {
    const [list] = ips.children;
    return { is: 'allowed', networks: list?.ctorName === 'ips_some' ? networksOf(list.children[0], this.args['source']) : [] };
  },
  moreLine(_indent, list, _comma, _remark, _end) {
    return { is: 'allowed', networks: networksOf(list, this.args['source']) };
  },
  other: (_indent, key, _colon, _rest) => ({
    is: 'other',
    reaches: ['endpoint', 'latest handshake', 'transfer'].includes(key.sourceString),
  }),
});

function networksOf(list: Node | undefined, source: unknown): readonly Val<string>[] {
  return list?.asIteration().children.map((network) => textVal(network, source as SourceText)) ?? [];
}

/** What a matched line says. */
export function readWgLine(result: MatchResult, source: SourceText): WgLine {
  return semantics(result)['read'](source) as WgLine;
}
