import { fc } from './fuzz';

/** What stands in a flow's text, and means something to its grammar. */
const SIGNS = ['', ',', ' ', '(', ')', '[', ']', '"', '=', 'actions=', '->', ':', '#', ', ', '\t', '0'];

/** A flow's line, a number that says where it is changed, how many characters are cut out there, and what stands there then: a sign or one of `more`. */
export function flowChanges(lines: readonly string[], more: readonly string[]) {
  return fc.tuple(fc.constantFrom(...lines), fc.nat(), fc.nat(12), fc.constantFrom(...SIGNS, ...more));
}

/** The changed line, and where the change is. */
export function changeFlow([line, place, cut, put]: readonly [string, number, number, string]) {
  const at = place % (line.length + 1);
  return { at, changed: line.slice(0, at) + put + line.slice(at + cut) };
}
