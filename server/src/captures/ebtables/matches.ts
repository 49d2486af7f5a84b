import { val, type Val } from '../../base/span';
import type { EbMatch } from '../netfilter-facts';
import { lower } from '../words';
import type { Collected } from '../lines';
import { ipRef, macRef } from '../words';
import { markValue } from '../iptables-rules/netfilter';
import type { EbOption } from './semantics';

/** Long options by the condition that they are; the manual page's aliases included (ebtables(8)). */
const TEXT_MATCHES: Readonly<
  Record<string, Exclude<EbMatch['kind'], 'ip-source-port' | 'ip-destination-port' | 'vlan-id' | 'mark' | 'other'>>
> = {
  p: 'protocol',
  protocol: 'protocol',
  proto: 'protocol',
  s: 'source',
  source: 'source',
  src: 'source',
  d: 'destination',
  destination: 'destination',
  dst: 'destination',
  i: 'in-interface',
  'in-interface': 'in-interface',
  'in-if': 'in-interface',
  o: 'out-interface',
  'out-interface': 'out-interface',
  'out-if': 'out-interface',
  'logical-in': 'logical-in',
  'logical-out': 'logical-out',
  'ip-source': 'ip-source',
  'ip-src': 'ip-source',
  'ip-destination': 'ip-destination',
  'ip-dst': 'ip-destination',
  'ip-protocol': 'ip-protocol',
  'ip-proto': 'ip-protocol',
  'ip6-source': 'ip-source',
  'ip6-src': 'ip-source',
  'ip6-destination': 'ip-destination',
  'ip6-dst': 'ip-destination',
  'ip6-protocol': 'ip-protocol',
  'ip6-proto': 'ip-protocol',
  'arp-opcode': 'arp-opcode',
  'arp-op': 'arp-opcode',
  'arp-ip-src': 'arp-ip-source',
  'arp-ip-dst': 'arp-ip-destination',
  'arp-mac-src': 'arp-mac-source',
  'arp-mac-dst': 'arp-mac-destination',
  'pkttype-type': 'pkttype',
};
const PORT_MATCHES: Readonly<Record<string, 'ip-source-port' | 'ip-destination-port'>> = {
  'ip-source-port': 'ip-source-port',
  'ip-sport': 'ip-source-port',
  'ip-destination-port': 'ip-destination-port',
  'ip-dport': 'ip-destination-port',
  'ip6-source-port': 'ip-source-port',
  'ip6-sport': 'ip-source-port',
  'ip6-destination-port': 'ip-destination-port',
  'ip6-dport': 'ip-destination-port',
};
/** What belongs to a target rather than to the conditions. */
const TARGET_OPTION =
  /^(?:to-destination|to-dst|to-source|to-src|(?:dnat|snat|redirect|arpreply|mark)-target|snat-arp|arpreply-mac|mark-(?:set|or|and|xor))$/;
const TARGET_NAMES: Readonly<Record<string, string>> = { 'to-dst': 'to-destination', 'to-src': 'to-source' };
/** Watchers write something down and change nothing. */
const WATCHER = /^(?:log|log-level|log-prefix|log-ip|log-ip6|log-arp|nflog.*|ulog.*|c)$/;

export interface EbRuleParts {
  readonly matches: readonly EbMatch[];
  readonly target: Val<string> | undefined;
  readonly targetOptions: Readonly<Record<string, Val<string>>>;
}

/** Sorts the options of a rule into conditions, the target and what the target is told. */
export function ruleParts(options: readonly EbOption[]): EbRuleParts {
  const matches: EbMatch[] = [];
  const targetOptions: Record<string, Val<string>> = {};
  let target: Val<string> | undefined;
  for (const option of options) {
    if (option.name === 'j' || option.name === 'jump') target = option.value;
    else if (TARGET_OPTION.test(option.name)) {
      targetOptions[TARGET_NAMES[option.name] ?? option.name] = option.value ?? option.whole;
    } else if (!WATCHER.test(option.name)) matches.push(matchOf(option));
  }
  return { matches, target, targetOptions };
}

function matchOf(option: EbOption): EbMatch {
  const { name, value, negated, whole } = option;
  const other: EbMatch = { kind: 'other', text: whole, negated: false };
  if (value === undefined) return other;
  const kind = TEXT_MATCHES[name];
  if (kind !== undefined) {
    return { kind, value: /^(?:source|destination)$|^(?:ip|arp-(?:ip|mac))-/.test(kind) ? canonical(value) : value, negated };
  }
  const ports = PORT_MATCHES[name];
  if (ports !== undefined) {
    const range = /^(\d+)(?::(\d*))?$|^:(\d+)$/.exec(value.value);
    if (range === null) return other;
    const low = Number(range[1] ?? 0);
    const high =
      range[3] !== undefined ? Number(range[3]) : range[2] === undefined ? low : range[2] === '' ? 65535 : Number(range[2]);
    return { kind: ports, range: val([low, high] as const, value.span), negated };
  }
  if (name === 'vlan-id' && /^\d+$/.test(value.value))
    return { kind: 'vlan-id', value: val(Number(value.value), value.span), negated };
  if (name === 'mark') {
    const mark = markValue(value.value);
    if (mark !== undefined) return { kind: 'mark', mark: val(mark, value.span), negated };
  }
  return other;
}

/** Listings print `0:16:3e:1:2:3` for 00:16:3e:01:02:03. The names `Unicast`, `Multicast`, `Broadcast` and `BGA` stay. */
function canonical(text: Val<string>): Val<string> {
  if (!/^[\da-f]{1,2}(?::[\da-f]{1,2}){5}(?:\/[\da-f]{1,2}(?::[\da-f]{1,2}){5})?$/i.test(text.value)) {
    return /^[\d./:a-f]+$/i.test(text.value) ? lower(text) : text;
  }
  const padded = text.value
    .toLowerCase()
    .split('/')
    .map((mac) =>
      mac
        .split(':')
        .map((part) => part.padStart(2, '0'))
        .join(':'),
    );
  return val(padded.join('/'), text.span);
}

/** Notes references to what a rule's conditions name. */
export function ruleRefs(out: Collected, parts: EbRuleParts): void {
  for (const match of parts.matches) {
    switch (match.kind) {
      case 'in-interface':
      case 'out-interface':
      case 'logical-in':
      case 'logical-out':
        if (!match.value.value.endsWith('+')) out.refs.push({ kind: 'device', value: match.value.value, span: match.value.span });
        break;
      case 'source':
      case 'destination':
      case 'arp-mac-source':
      case 'arp-mac-destination':
        // An unpadded address is not written as its canonical form: a reference must hold what is written.
        if (/^[\da-f]{2}(?::[\da-f]{2}){5}$/.test(match.value.value) && match.value.span.end - match.value.span.start === 17)
          macRef(out, match.value);
        break;
      case 'ip-source':
      case 'ip-destination':
      case 'arp-ip-source':
      case 'arp-ip-destination':
        if (/^(?:\d+(?:\.\d+){3}|(?=[\da-f]*:)[\da-f:.]+)$/.test(match.value.value)) ipRef(out, match.value);
        break;
      default:
        break;
    }
  }
}
