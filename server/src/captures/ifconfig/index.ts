import grammars from '../../generated/grammars.ohm-bundle';
import { val, type Val } from '../../base/span';
import type { CaptureKind } from '../capture';
import type { Fact } from '../facts';
import { deviceRef, ipRef, lower, macRef } from '../words';
import type { Collected } from '../lines';
import { maskLength } from '../route';
import { continuesRow, parseRows, type Rows } from '../rows';
import { readIfconfigLine, type IfconfigLine } from './semantics';

const OLD_HEADER = /^\s*[\w.:@+-]+\s+Link encap:\S/;
const NEW_HEADER = /^\s*[\w.:@+-]+: flags=\d+<[A-Z0-9_,-]*>/;
const DETAIL: readonly (readonly [RegExp, string])[] = [
  [/^\s*(?:inet (?:addr|Adresse|adr|end\.)|Direc\. inet|indirizzo inet|inetアドレス):/, 'oldInetLine'],
  [/^\s*(?:inet6 addr|inet6-Adresse|adr inet6|Dirección inet6|endereço inet6|indirizzo inet6|inet6アドレス):/, 'oldInet6Line'],
  [/^\s*(?:\p{Lu}[\p{Lu}0-9_]*\s+)*MTU:\d+/u, 'oldFlagsLine'],
  [/^\s*inet \d+\.\d+\.\d+\.\d+(?:\s+(?:netmask|broadcast|destination)\s|\s*$)/, 'newInetLine'],
  [/^\s*inet6 [\da-f:.]+(?:%\w+)?\s+prefixlen\s/i, 'newInet6Line'],
  [/^\s*(?:ether [\da-f]{2}:|(?:loop|unspec|tunnel|infiniband|sit|ppp|ipip|gre)\s.*txqueuelen\s)/i, 'newHardwareLine'],
  [
    /^\s*[RT]X (?:packets|bytes|errors)\b|^\s*(?:collisions:\d|Interrupt:\d|Memory:|Base address:|Media:|DMA chan|device (?:interrupt|memory|base))/,
    'counterLine',
  ],
  [/^\s{6,}\p{L}[\p{L} .-]*:\s?\d+(?:\s+[\p{L}-]*:\d+|\s+\([^)]*\)|\s|$)/u, 'otherCounterLine'],
  [/^\s*(?:Kernel Interface table|Iface\s+MTU\s)/, 'tableTitle'],
  [
    /^\s*[\w.:@+-]+\s+\d+\s+(?:\d+\s+){7,9}[A-Za-z]+\s*$|^\s*[\w.:@+-]+\s+\d+\s+(?:\d+\s+)?- no statistics available -\s+[A-Za-z]+\s*$/,
    'tableRow',
  ],
];

const rows: Rows = {
  grammar: grammars.Ifconfig,
  what: 'line of ifconfig',
  ruleFor: (text) =>
    OLD_HEADER.test(text)
      ? 'oldHeader'
      : NEW_HEADER.test(text)
        ? 'newHeader'
        : (DETAIL.find(([pattern]) => pattern.test(text))?.[1] ?? (/flags=/.test(text) ? 'newHeader' : 'counterLine')),
  isPiece: (text) => /^\s*(?:scopeid 0x[\da-f]+<\w+>|broadcast \d[\d.]+)$/.test(text),
  starts: (text) => OLD_HEADER.test(text) || NEW_HEADER.test(text) || DETAIL.some(([pattern]) => pattern.test(text)),
};

type LinkFact = Extract<Fact, { kind: 'link' }>;
type OpenLink = { -readonly [K in keyof LinkFact]: LinkFact[K] };

/** `ifconfig` of net-tools 1 and 2 and of BusyBox, and the table of `ifconfig -s`: devices and their addresses (ifconfig(8)). */
export const ifconfig: CaptureKind = {
  kinds: ['ifconfig'],
  recognise(argv) {
    const [program, ...words] = argv;
    if (program === 'netstat') return words.some((word) => /^-\w*i\w*$/.test(word)) ? { kind: 'ifconfig' } : undefined;
    // Past the interface's name stands what to change.
    const names = words.filter((word) => !word.startsWith('-'));
    if (program !== 'ifconfig' || names.length > 1) return undefined;
    return { kind: 'ifconfig', ...(names[0] === undefined ? {} : { options: { filter: names[0] } }) };
  },
  sniff: (text) => (OLD_HEADER.test(text) || (NEW_HEADER.test(text) && / mtu \d+/.test(text)) ? { kind: 'ifconfig' } : undefined),
  accepts: (text) => rows.starts(text),
  continues: continuesRow(rows),
  parse(input) {
    let open: OpenLink | undefined;
    const links = new Set<OpenLink>();
    return parseRows(input, rows, (_rule, result, source, out) => {
      const line = readIfconfigLine(result, source);
      if (line.is === 'extra') return 'header';
      if (line.is === 'header') {
        open = startLink(out, line);
        if (!links.has(open)) {
          links.add(open);
          out.facts.push(open);
        }
      } else if (line.is === 'address') addAddress(out, open?.name, line);
      else if (line.is === 'hardware') {
        if (line.mac !== undefined) {
          macRef(out, line.mac, true);
          if (open !== undefined) open.mac = lower(line.mac);
        }
      } else if (open !== undefined) {
        open.flags = line.flags;
        open.mtu = line.mtu;
      }
      return 'record';
    });
  },
};

/** `eth0:1` is a second address of `eth0`, not a device: it ends in the device's link. */
function startLink(out: Collected, line: Extract<IfconfigLine, { is: 'header' }>): OpenLink {
  const colon = line.name.value.indexOf(':', 1);
  const name =
    colon < 0
      ? line.name
      : val(line.name.value.slice(0, colon), { start: line.name.span.start, end: line.name.span.start + colon });
  const known = out.facts.find((fact): fact is LinkFact => fact.kind === 'link' && fact.name.value === name.value);
  deviceRef(out, name, known === undefined);
  if (line.mac !== undefined) macRef(out, line.mac, true);
  // Of an alias only the address is news.
  if (colon >= 0 && known !== undefined) return { ...known, name };
  return {
    kind: 'link',
    name,
    flags: line.flags,
    ...(line.mtu === undefined ? {} : { mtu: line.mtu }),
    ...(line.mac === undefined ? {} : { mac: lower(line.mac) }),
  };
}

function addAddress(out: Collected, dev: Val<string> | undefined, line: Extract<IfconfigLine, { is: 'address' }>): void {
  ipRef(out, line.ip, true);
  if (line.peer !== undefined) ipRef(out, line.peer);
  if (dev === undefined) return;
  const six = line.ip.value.includes(':');
  const length =
    line.prefix === undefined
      ? six
        ? 128
        : line.broadcast === undefined
          ? 32
          : lengthBefore(line.ip.value, line.broadcast.value)
      : line.prefix.value.includes('.')
        ? maskLength(line.prefix.value)
        : Number(line.prefix.value);
  if (length === undefined) return;
  out.facts.push({
    kind: 'address',
    dev,
    ip: lower(line.ip),
    prefix: val(length, (line.prefix ?? line.broadcast ?? line.ip).span),
    ...(line.scope === undefined ? {} : { scope: line.scope }),
    ...(line.peer === undefined ? {} : { peer: lower(line.peer) }),
    // 0.0.0.0 stands for none.
    ...(line.broadcast === undefined || line.broadcast.value === '0.0.0.0' ? {} : { broadcast: line.broadcast }),
  });
}

/**
 * The mask where only the broadcast address tells it: that of the address's class (RFC 791) where its broadcast address is that one,
 * else the network that the ones at its end leave.
 */
function lengthBefore(ip: string, broadcast: string): number {
  const [own, last] = [bitsOf(ip), bitsOf(broadcast)];
  const ofClass = own.startsWith('0') ? 8 : own.startsWith('10') ? 16 : 24;
  const ones = /1*$/.exec(last)?.[0].length ?? 0;
  const length = ones >= 32 - ofClass ? ofClass : 32 - ones;
  return own.slice(0, length) === last.slice(0, length) ? length : 32;
}

function bitsOf(ip: string): string {
  return ip
    .split('.')
    .map((octet) => Number(octet).toString(2).padStart(8, '0'))
    .join('');
}
