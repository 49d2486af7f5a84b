import type { MatchResult } from 'ohm-js';
import { val, type Span, type Val } from '../base/span';
import grammars from '../generated/grammars.ohm-bundle';
import { nodeSpan, type SourceText } from './ohm';

/** A piece of a line of XML. */
export type XmlPiece =
  | {
      readonly what: 'open';
      readonly name: string;
      readonly nameSpan: Span;
      readonly attributes: ReadonlyMap<string, Val<string>>;
      readonly closed: boolean;
    }
  | { readonly what: 'close'; readonly name: string }
  | { readonly what: 'text'; readonly text: Val<string> }
  /** A comment that goes on over the next lines. */
  | { readonly what: 'comment-start' }
  | { readonly what: 'nothing' };

const ENTITIES: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&apos;': "'", '&quot;': '"', '&amp;': '&' };

function plain(text: string): string {
  return text.replace(/&(?:lt|gt|apos|quot|amp);/g, (entity) => ENTITIES[entity] ?? entity);
}

type Read = readonly XmlPiece[] | XmlPiece | Val<string> | readonly [string, Val<string>];

const semantics = grammars.Xml.createSemantics().addOperation<Read>('read(source)', {
  xmlLine(_indent, _ahead, pieces) {
    return pieces.children.map((piece) => piece['read'](this.args['source']) as XmlPiece);
  },
  piece(piece) {
    return piece['read'](this.args['source']) as XmlPiece;
  },
  openTag(_open, name, attributes, _blanks, slash, _close) {
    const read = attributes.children.map((attribute) => attribute['read'](this.args['source']) as readonly [string, Val<string>]);
    return {
      what: 'open',
      name: name.sourceString,
      nameSpan: nodeSpan(this.args['source'] as SourceText, name),
      attributes: new Map(read),
      closed: slash.children.length > 0,
    };
  },
  closeTag(_open, name, _blanks, _close) {
    return { what: 'close', name: name.sourceString };
  },
  attribute(_sp, name, _before, _equals, _after, value) {
    return [name.sourceString, value['read'](this.args['source']) as Val<string>];
  },
  attributeValue_single(_open, text, _close) {
    return val(plain(text.sourceString), nodeSpan(this.args['source'] as SourceText, text));
  },
  attributeValue_double(_open, text, _close) {
    return val(plain(text.sourceString), nodeSpan(this.args['source'] as SourceText, text));
  },
  comment(_open, _text, _close) {
    return { what: 'nothing' };
  },
  commentStart(_open, _text) {
    return { what: 'comment-start' };
  },
  declaration(_open, _text, _close) {
    return { what: 'nothing' };
  },
  characters(text) {
    return { what: 'text', text: val(plain(text.sourceString), nodeSpan(this.args['source'] as SourceText, text)) };
  },
});

/** The tags and texts of a matched line. */
export function readXmlLine(result: MatchResult, source: SourceText): readonly XmlPiece[] {
  return semantics(result)['read'](source) as readonly XmlPiece[];
}
