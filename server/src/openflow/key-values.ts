/** One key of a flow or of an action's brackets, with its value; `value` is empty where it has none. Offsets count from the text's start. */
export interface KeyValue {
  readonly key: string;
  readonly at: number;
  readonly value: string;
  readonly valueAt: number;
  /** Written as `key(value)`. */
  readonly call: boolean;
  readonly end: number;
}

const isBlank = (c: string | undefined): boolean => c === ' ' || c === '\t' || c === '\r' || c === '\n';
const isSeparator = (c: string | undefined): boolean => c === ',' || isBlank(c);

/**
 * Cuts `a=1,b(c=2,d),e:3` at commas and blanks as Open vSwitch does (ovs-ofctl(8), "Flow Syntax"): brackets in a value may hold
 * either, a call's value ends at its closing bracket, or goes on where `->` follows. The grammar's `keyValueList` is the definition.
 */
export function keyValues(text: string): KeyValue[] {
  const found: KeyValue[] = [];
  let at = 0;
  for (;;) {
    while (isSeparator(text[at])) at++;
    if (at >= text.length) return found;
    const start = at;
    while (at < text.length && !/[:=(, \t\r\n]/.test(text[at] ?? '')) at++;
    const key = text.slice(start, at);
    const sign = text[at];
    if (sign !== ':' && sign !== '=' && sign !== '(') {
      found.push({ key, at: start, value: '', valueAt: at, call: false, end: at });
      if (at < text.length) at++;
      continue;
    }
    const valueAt = at + 1;
    let end = valueEnd(text, valueAt, sign === '(' ? (c) => c === ')' : isSeparator);
    const call = sign === '(';
    const arrow = call && text.startsWith(')->', end);
    if (arrow) end = valueEnd(text, end, isSeparator);
    const closed = call && !arrow && text[end] === ')';
    found.push({ key, at: start, value: text.slice(valueAt, end), valueAt, call, end: closed ? end + 1 : end });
    at = end < text.length ? end + 1 : end;
  }
}

function valueEnd(text: string, from: number, ends: (c: string | undefined) => boolean): number {
  let at = from;
  while (at < text.length && !ends(text[at])) {
    if (text[at] !== '(') {
      at++;
      continue;
    }
    let level = 0;
    do {
      if (at >= text.length) return at;
      if (text[at] === '(') level++;
      else if (text[at] === ')') level--;
      at++;
    } while (level > 0);
  }
  return at;
}
