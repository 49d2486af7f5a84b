import type { Node } from 'ohm-js';
import type { Line } from '../base/lines';
import { val, type Span, type Val } from '../base/span';
import { formatIpv6, parseIpv6 } from '../packet/address';
import type { CaptureError } from './capture';
import type { Collected } from './lines';
import { nodeSpan, type SourceText } from './ohm';
import { isErrorOutput } from './iproute-command';

/** What iproute2 prints after the start of a record: pairs (`mtu 1500`) and single words (`onlink`). */
export interface Words {
  readonly pairs: ReadonlyMap<string, Val<string>>;
  readonly flags: readonly Val<string>[];
}

/** Collects repeated `item`s, each of which is either `item_pair = sp key sp value` or `item_flag = sp flag`. */
export function wordsOf(items: Node, source: SourceText): Words {
  const pairs = new Map<string, Val<string>>();
  const flags: Val<string>[] = [];
  for (const item of items.children) {
    const parts = item.children[0]?.children ?? [];
    // The value stands last: `via inet6 fe80::1` has a word in between.
    const key = parts[1];
    const value = parts.length > 2 ? parts[parts.length - 1] : undefined;
    if (key === undefined) continue;
    if (value === undefined) flags.push(textVal(key, source));
    else if (!pairs.has(key.sourceString)) pairs.set(key.sourceString, textVal(value, source));
  }
  return { pairs, flags };
}

/** A node's text with its place. */
export function textVal(node: Node, source: SourceText): Val<string> {
  return val(node.sourceString, nodeSpan(source, node));
}

/** A part of a value's text. */
export function partOf(whole: Val<string>, start: number, end: number): Val<string> {
  return val(whole.value.slice(start, end), { start: whole.span.start + start, end: whole.span.start + end });
}

export function numberVal(text: Val<string>): Val<number> {
  return val(Number(text.value), text.span);
}

export function lower(text: Val<string>): Val<string> {
  return val(text.value.toLowerCase(), text.span);
}

/** Splits `172.19.1.1/24` into the address and the prefix; without one, the prefix is that of a single host. */
export function splitPrefix(text: Val<string>): { readonly ip: Val<string>; readonly prefix: Val<number> } {
  const slash = text.value.indexOf('/');
  if (slash < 0) return { ip: lower(text), prefix: val(text.value.includes(':') ? 128 : 32, text.span) };
  // A terminal's colours may stand between the two.
  const { value, span } = text;
  const prefix = val(value.slice(slash + 1), { start: span.end - (value.length - slash - 1), end: span.end });
  return { ip: lower(partOf(text, 0, slash)), prefix: numberVal(prefix) };
}

export function deviceRef(out: Collected, name: Val<string>, defines = false): void {
  out.refs.push({ kind: 'device', value: name.value, span: name.span, ...(defines ? { defines } : {}) });
}

/** Not for the broadcast and the zero address, which name no one. */
export function macRef(out: Collected, mac: Val<string>, defines = false): void {
  const value = mac.value.toLowerCase();
  if (value === 'ff:ff:ff:ff:ff:ff' || value === '00:00:00:00:00:00') return;
  out.refs.push({ kind: 'mac', value, span: mac.span, ...(defines ? { defines } : {}) });
}

/** Not for the unspecified and the broadcast address, which name no one. */
export function ipRef(out: Collected, ip: Val<string>, defines = false): void {
  // /proc/net/nf_conntrack writes out all of an IPv6 address.
  const six = ip.value.includes(':') ? parseIpv6(ip.value) : undefined;
  const value = six === undefined ? ip.value.toLowerCase() : formatIpv6(six);
  if (value === '0.0.0.0' || value === '::' || value === '255.255.255.255') return;
  out.refs.push({ kind: 'ip', value, span: ip.span, ...(defines ? { defines } : {}) });
}

/** Reports a line that a program printed instead of an output, and says whether it was one. */
export function reportErrorOutput(out: Collected, line: Line): boolean {
  if (!isErrorOutput(line.text)) return false;
  out.errors.push(errorOn(line, 'error-output', `The command failed: ${line.text.trim()}`));
  return true;
}

/** An error about a whole line, leading blanks excluded. */
export function errorOn(line: Line, code: CaptureError['code'], message: string): CaptureError {
  return { span: trimmedSpan(line), code, message };
}

/** The span of a line without its leading blanks. */
export function trimmedSpan(line: Line): Span {
  return { start: line.start + (line.text.length - line.text.trimStart().length), end: line.start + line.text.trimEnd().length };
}

/** A value that the command line says and the record leaves out (`bridge fdb show dev X`): it has no text of its own here. */
export function impliedVal(value: string, line: Line): Val<string> {
  const { start } = trimmedSpan(line);
  return val(value, { start, end: start });
}
