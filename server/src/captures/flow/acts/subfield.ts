import { mfFromHeader } from '../../../packet/fields';
import type { MfSubfield } from '../../../openflow/ofpact';

/** A subfield at the beginning of a text, and what follows it; or ovs-ofctl's sentence. */
export function readSubfieldStart(text: string): { readonly subfield: MfSubfield; readonly rest: string } | string {
  const name = /^[^[-]*/.exec(text)?.[0] ?? '';
  const field = mfFromHeader(name);
  if (!field) return `${text}: unknown field \`${name}'`;
  let rest = text.slice(name.length);
  let start = 0;
  let end = field.bits - 1;
  if (rest.startsWith('[')) {
    const range = /^\[\s*([+-]?\d+)\.\.\s*([+-]?\d+)\]/.exec(rest);
    const bit = /^\[\s*([+-]?\d+)\]/.exec(rest);
    if (range) [start, end] = [Number(range[1]), Number(range[2])];
    else if (bit) start = end = Number(bit[1]);
    else if (!rest.startsWith('[]')) return `${text}: syntax error expecting [] or [<bit>] or [<start>..<end>]`;
    rest = rest.slice(rest.indexOf(']') + 1);
  }
  if (start > end) return `${text}: starting bit ${start} is after ending bit ${end}`;
  const wide = `because field is only ${field.bits} bits wide`;
  if (start < 0 || start >= field.bits) return `${text}: starting bit ${start} is not valid ${wide}`;
  if (end >= field.bits) return `${text}: ending bit ${end} is not valid ${wide}`;
  return { subfield: { field, ofs: start, bits: end - start + 1 }, rest };
}

/** `NXM_OF_VLAN_TCI[0..11]`, `reg0[5]`, `eth_src[]` (ovs-actions(7), "Field Specifications"); or ovs-ofctl's sentence. */
export function readSubfield(text: string): MfSubfield | string {
  const read = readSubfieldStart(text);
  if (typeof read === 'string') return read;
  return read.rest === '' ? read.subfield : 'unexpected input following field syntax';
}

/** A whole Geneve option: as wide as the switch has it, which the text does not say. */
function isWholeOption({ field, bits }: MfSubfield): boolean {
  return field.mfName.startsWith('tun_metadata') && bits === field.bits;
}

/** `SRC->DST` of `move`; or ovs-ofctl's sentence. `printed`: by a switch, which knows how wide its Geneve options are. */
export function readMove(text: string, printed = false): { readonly src: MfSubfield; readonly dst: MfSubfield } | string {
  const source = readSubfieldStart(text);
  if (typeof source === 'string') return source;
  if (!source.rest.startsWith('->')) return `${text}: missing \`->' following source`;
  const dst = readSubfield(source.rest.slice(2));
  if (typeof dst === 'string') return dst;
  const src = source.subfield;
  if (printed && isWholeOption(src) !== isWholeOption(dst)) {
    const bits = Math.min(src.bits, dst.bits);
    return { src: { ...src, bits }, dst: { ...dst, bits } };
  }
  if (src.bits !== dst.bits) {
    return `${text}: source field is ${src.bits} bits wide but destination is ${dst.bits} bits wide`;
  }
  return { src, dst };
}

/** The two ends of `VALUE->FIELD`; or ovs-ofctl's sentence. */
export function readArrow(text: string): { readonly value: string; readonly target: string } | string {
  const at = text.indexOf('->');
  if (at < 0) return `${text}: missing \`->'`;
  if (at + 2 >= text.length) return `${text}: missing field name following \`->'`;
  return { value: text.slice(0, at), target: text.slice(at + 2) };
}
