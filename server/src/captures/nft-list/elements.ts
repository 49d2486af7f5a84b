import grammars from '../../generated/grammars.ohm-bundle';
import { sliceSource, type SourceText } from '../ohm';
import { readNftElement, type NftElement } from './semantics';

/** The elements of a set's `{ … }`, cut at commas; a piece that is no element is reported through `fail`. */
export function cutElements(body: SourceText, fail: (piece: SourceText) => void): NftElement[] {
  const elements: NftElement[] = [];
  let start = 0;
  let quoted = false;
  const { text } = body;
  for (let at = 0; at <= text.length; at++) {
    const c = text[at];
    if (c === '\\') {
      at++;
      continue;
    }
    if (c === '"') quoted = !quoted;
    if (at < text.length && (quoted || c !== ',')) continue;
    const piece = sliceSource(body, start, at);
    start = at + 1;
    if (piece.text.trim() === '') continue;
    const result = piece.text.length > 1000 ? undefined : grammars.Nft.match(piece.text, 'element');
    if (result === undefined || result.failed()) fail(piece);
    else elements.push(readNftElement(result, piece));
  }
  return elements;
}
