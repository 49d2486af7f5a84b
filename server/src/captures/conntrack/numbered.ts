import { val, type Val } from '../../base/span';

/** A field that is a number, where the text is one: `{ zone: 5 }`, or nothing. A mask behind it is left out. */
export function numbered<K extends string>(key: K, text: Val<string> | undefined): { readonly [P in K]?: Val<number> } {
  if (text === undefined || !/^(?:\d+|0x[\da-f]+)(?:\/.*)?$/i.test(text.value)) return {};
  const field: Partial<Record<K, Val<number>>> = {};
  field[key] = val(Number(text.value.split('/')[0]), text.span);
  return field;
}
