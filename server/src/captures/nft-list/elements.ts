import grammars from '../../generated/grammars.ohm-bundle';
import { sliceSource, type SourceText } from '../ohm';
import { ADDRESS, createTextForms, DIGITS, VALUE } from '../text-forms';
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
    const piece = trimmedSource(body, start, at);
    start = at + 1;
    if (piece.text === '') continue;
    const element = forms.read(piece) ?? parseElement(piece);
    if (element === undefined) fail(piece);
    else elements.push(element);
  }
  return elements;
}

/** The elements of a set in a rule; undefined where one of them is not understood, as the set then holds more than is known. */
export function wholeElements(body: SourceText): readonly NftElement[] | undefined {
  let understood = true;
  const elements = cutElements(body, () => (understood = false));
  return understood ? elements : undefined;
}

const forms = createTextForms<NftElement>(elementForm);

const WORD = /[^ \t]+/g;
const NUMBER = /^\d+$/;
const FROM_DIGIT = /^\d[\w.:/-]*$/;
const HEXADECIMAL = /^[a-f][\da-f]*:[\da-f:.]*(?:[-/][\da-f:.]+)?$/;

/** Elements of one form have the same words but for those that start with a digit and hexadecimal addresses (`value` in Nft.ohm). */
export function elementForm(text: string, edges: number[]): string | undefined {
  if (text.includes('"')) return undefined;
  let form = '';
  for (const { 0: word, index } of text.matchAll(WORD)) {
    edges.push(index, index + word.length);
    const known = NUMBER.test(word) ? DIGITS : FROM_DIGIT.test(word) ? VALUE : HEXADECIMAL.test(word) ? ADDRESS : word;
    form += `${known} `;
  }
  return form;
}

/** An element by the grammar; undefined where it is none, or too long to be one. */
function parseElement(piece: SourceText): NftElement | undefined {
  const result = piece.text.length > 1000 ? undefined : grammars.Nft.match(piece.text, 'element');
  if (result === undefined || result.failed()) return undefined;
  const element = readNftElement(result, piece);
  forms.learn(piece, element);
  return element;
}

/** A stretch of a source text without the blanks around it. */
function trimmedSource(source: SourceText, start: number, end: number): SourceText {
  const { text } = source;
  while (start < end && text.charAt(start).trim() === '') start++;
  while (end > start && text.charAt(end - 1).trim() === '') end--;
  return sliceSource(source, start, end);
}
