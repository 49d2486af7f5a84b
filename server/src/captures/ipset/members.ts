import { val, type Span, type Val } from '../../base/span';
import type { Collected } from '../lines';
import { ipRef, macRef } from '../words';

/** Notes that an element is in a set, with the addresses in it; `flags`: `nomatch`, `wildcard`. */
export function addMember(out: Collected, set: Val<string>, text: Val<string>, flags: readonly string[]): void {
  const element = addressesLower(text);
  elementRefs(out, element);
  out.facts.push({ kind: 'ipset-entry', set, element, nomatch: flags.includes('nomatch'), wildcard: flags.includes('wildcard') });
}

/** Addresses of IPv6 and cards in lower case: names of devices and sets are told apart by it. */
function addressesLower(text: Val<string>): Val<string> {
  const parts = text.value.split(',').map((part) => (/^[\da-f]*:[\da-f:.]*(?:\/\d+)?$/i.test(part) ? part.toLowerCase() : part));
  return val(parts.join(','), text.span);
}

/** Notes the single addresses in an element such as `10.0.0.1,tcp:80` or `10.0.0.1,02:00:00:00:00:01`. */
export function elementRefs(out: Collected, element: Val<string>): void {
  let at = 0;
  for (const part of element.value.split(',')) {
    const start = element.span.start + at;
    at += part.length + 1;
    // A wrapped element stands in two places: its parts can't be found by counting.
    if (element.span.end - element.span.start !== element.value.length) return;
    const address = part.toLowerCase().replace(/\/(?:32|128)$/, '');
    const span: Span = { start, end: start + address.length };
    if (/^[\da-f]{2}(?::[\da-f]{2}){5}$/.test(address)) macRef(out, val(address, span));
    else if (/^\d+(?:\.\d+){3}$/.test(address) || /^(?=[\da-f]*:[\da-f]*:)[\da-f:.]+$/.test(address))
      ipRef(out, val(address, span));
  }
}
