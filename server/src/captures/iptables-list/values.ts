import type { Node } from 'ohm-js';
import { val, type Val } from '../../base/span';
import { markValue, tcpFlagsMatch } from '../iptables-rules/netfilter';
import type { NfMatch } from '../netfilter-facts';
import { nodeSpan, type SourceText } from '../ohm';
import { textVal } from '../words';

/** `SYN,RST/SYN` as the flags match says it. */
export function tcpFlags(mask: Node, not: Node | undefined, source: SourceText): NfMatch {
  const text = textVal(mask, source);
  // iptables -S separates mask and flags by a blank; facts have one form.
  return tcpFlagsMatch(val(text.value.replace('/', ' '), text.span), not !== undefined && isThere(not));
}

/** A type of ICMP, with its code where one is named. */
export function icmpType(not: Node, type: Node, code: Node, source: SourceText): NfMatch {
  const last = code.children[0];
  const value = last === undefined ? type.sourceString : `${type.sourceString}/${last.sourceString}`;
  return { kind: 'icmp-type', type: val(value, between(type, last ?? type, source).span), negated: isThere(not) };
}

/** `100`, `100:200`. */
export function rangeVal(low: Node, high: Node, source: SourceText): Val<readonly [number, number]> {
  const last = high.children[0];
  const from = Number(low.sourceString);
  return val([from, last === undefined ? from : Number(last.sourceString)], between(low, last ?? low, source).span);
}

/** A decimal number. */
export function numberOf(node: Node, source: SourceText): Val<number> {
  return val(Number(node.sourceString), nodeSpan(source, node));
}

/** Whether an optional piece was printed. */
export function isThere(optional: Node): boolean {
  return optional.children.length > 0;
}

/** The text from one piece to another, both included. */
export function between(first: Node, last: Node, source: SourceText): Val<string> {
  const span = { start: nodeSpan(source, first).start, end: nodeSpan(source, last).end };
  return val(source.text.slice(first.source.startIdx, last.source.endIdx), span);
}

/** The bits of the packet's mark and of the connection's that are copied. */
export function copiedBits(masks: readonly Node[]): { readonly mask: number; readonly ctmask: number } {
  let [mask, ctmask] = [0xffffffff, 0xffffffff];
  for (const node of masks) {
    const [side, text = ''] = node.sourceString.trim().split(/\s+/);
    const bits = markValue(text.replace('~', ''))?.value;
    if (bits === undefined) continue;
    if (side !== 'ctmask') mask = bits;
    if (side !== 'nfmask') ctmask = bits;
  }
  return { mask, ctmask };
}
