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

const OPEN = 40;
const CLOSE = 41;

/** A comma or a blank. */
function isSeparator(c: number): boolean {
  return c === 44 || c === 32 || c === 9 || c === 13 || c === 10;
}

/** What ends a key: a colon, `=`, an opening bracket or a separator. */
function endsKey(c: number): boolean {
  return c === 58 || c === 61 || c === OPEN || isSeparator(c);
}

/**
 * Cuts `a=1,b(c=2,d),e:3` at commas and blanks as Open vSwitch does (ovs-ofctl(8), "Flow Syntax"): brackets in a value may hold
 * either, a call's value ends at its closing bracket, or goes on where `->` follows. The grammar's `keyValueList` is the definition.
 */
export function keyValues(text: string): KeyValue[] {
  const found: KeyValue[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSeparator(text.charCodeAt(at))) at++;
    if (at >= text.length) return found;
    const start = at;
    while (at < text.length && !endsKey(text.charCodeAt(at))) at++;
    const key = text.slice(start, at);
    const call = text.charCodeAt(at) === OPEN;
    if (at === text.length || isSeparator(text.charCodeAt(at))) {
      found.push({ key, at: start, value: '', valueAt: at, call: false, end: at });
      if (at < text.length) at++;
      continue;
    }
    const valueAt = at + 1;
    let end = valueEnd(text, valueAt, call);
    const arrow = call && text.startsWith(')->', end);
    if (arrow) end = valueEnd(text, end, false);
    const closed = call && !arrow && text.charCodeAt(end) === CLOSE;
    found.push({ key, at: start, value: text.slice(valueAt, end), valueAt, call, end: closed ? end + 1 : end });
    at = end < text.length ? end + 1 : end;
  }
}

/** Where a value ends: at its closing bracket or at a separator, brackets within it skipped. */
function valueEnd(text: string, from: number, bracket: boolean): number {
  let at = from;
  while (at < text.length) {
    const c = text.charCodeAt(at);
    if (bracket ? c === CLOSE : isSeparator(c)) return at;
    if (c !== OPEN) {
      at++;
      continue;
    }
    let level = 0;
    do {
      if (at >= text.length) return at;
      const inner = text.charCodeAt(at);
      if (inner === OPEN) level++;
      else if (inner === CLOSE) level--;
      at++;
    } while (level > 0);
  }
  return at;
}
