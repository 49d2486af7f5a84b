import { DIGITS, VALUE } from '../text-forms';

const WORD = /[^ \t]+/g;
const NUMBER = /^\d+$/;
const PAIR = /^([A-Za-z_][\w-]*=)./s;

/** Connections of one form have the same words but for numbers and what stands behind `=` (`decimal`, `value` in Conntrack.ohm). */
export function entryForm(text: string, edges: number[]): string {
  let form = '';
  let end = 0;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    form += text.slice(end, index);
    end = index + word.length;
    const key = PAIR.exec(word)?.[1];
    if (key !== undefined) edges.push(index + key.length);
    edges.push(index, end);
    form += key !== undefined ? key + VALUE : NUMBER.test(word) ? DIGITS : word;
  }
  return form;
}
