import grammars from '../../generated/grammars.ohm-bundle';
import { drained } from '../../base/steps';
import { val, type Val } from '../../base/span';
import type { CaptureKind, ParseInput, Parsed } from '../capture';
import type { EvidenceFact } from '../facts';
import { deviceRef, ipRef, macRef } from '../words';
import type { Collected } from '../lines';
import { sliceSource, type SourceText } from '../ohm';
import { continuesRow, parseRowsInSteps, type Rows } from '../rows';
import { readNote, readPacketLine, type PacketBody, type PacketLine } from './semantics';

const CLOCK = '(?:\\d{4}-\\d\\d-\\d\\d )?(?:\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?|\\d{9,11}\\.\\d{3,9})';
const MACS = '[\\da-f]{2}(?::[\\da-f]{2}){5}(?: \\(oui [^)]*\\))? > (?:[\\da-f]{2}(?::[\\da-f]{2}){5}|Broadcast)';
const BODY = `(?:(?:IP6? |ARP,|arp |Request who-has |Reply \\S+ is-at |${MACS})|STP |LLDP|802\\.1|Unknown|CDP|LLC|EAPOL|MPLS|PPPoE|IS-IS|Loopback)`;
const STAMPED = new RegExp(
  `^\\s*(?:\\d{1,6}\\s+)?${CLOCK}\\s+(?:\\S+\\s+)?(?:(?:In|Out|P|B|M)\\s+)?(?:ifindex \\d+ )?(?:[\\da-f]{2}(?::[\\da-f]{2}){5}|\\S+ > \\S+|${BODY})`,
  'i',
);
const BARE = new RegExp(
  `^\\s*(?:\\S+\\s+(?:In|Out|P|B|M)\\s+)?(?:IP6? \\S.* > \\S+ *: |ARP, (?:Ethernet|Request|Reply|Announcement|Probe)|arp (?:who-has|reply) |${MACS}, (?:ethertype |IPv[46], length|ARP, length|802\\.1Q, length))`,
  'i',
);
/** As -q -t printed it once, or as people shorten it. */
const PLAIN = /^\d{1,3}(?:\.\d{1,3}){3}(?:\.[\w-]+)? > \d{1,3}(?:\.\d{1,3}){3}(?:\.[\w-]+)?\s*:\s/;
/** What a stamp alone does not tell from other logs. */
const CERTAIN = new RegExp(`${BODY}|ethertype (?:IPv[46]|ARP) \\(0x`, 'i');
/** What -v prints below the header of a packet, and the packet inside a tunnel's. */
const INDENTED = /^\s+\S+ > \S+: /;
/** Further fields of the packet above, which tcpdump sets below it behind a tab: options of neighbour discovery, of DHCP … */
const DETAIL =
  /^(?: *\t| {6,})\s*(?:(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT) \S+ HTTP\/|HTTP\/\d)|^(?: *\t| {6,})\s*(?:[A-Za-z][\w-]*(?: [\w/.-]+)*(?: ?[(:[]|,)|Vendor-rfc1048 Extensions$|Magic Cookie 0x[\da-f]+$)/;
/** The packet inside a tunnel's, which -v sets below it: behind a tab for Geneve and GRE, at the margin for VXLAN. */
const CARRIED = new RegExp(`^\\s*(?:IP6? \\(|(?:IP6? )?\\S+ > \\S+: |ARP, |${MACS}, )`, 'i');
/** How what follows the ports starts, where it carries a packet of its own. */
const TUNNEL = /^\s*(?:\[[^\]]*\] )?(?:VXLAN|OTV|Geneve|GREv\d|IP6? )/;
/** The same packet on the line of the one that carries it. */
const CARRIED_THERE = new RegExp(`(?:^|:)\\s+((?:IP6? (?:\\([^>]*\\) )?\\S+ > \\S+: |ARP, |${MACS}, ).*)$`, 'i');
const VERBOSE = new RegExp(`^\\s*(?:${CLOCK}\\s+(?:\\S+\\s+(?:In|Out|P|B|M)\\s+)?)?IP6? (?:\\[[^\\]]*\\] )?\\(.*\\)$`);
/** The bytes of a packet as letters (-A): its first begins with the version and length of an IP header, most others with dots for what is none. */
const ASCII = /^E\S*\.\S*\.|^\S*\.{3,}\S*$/;
const HEX = /^\s*0x[\da-f]{4}:\s+[\da-f]{2}/i;
/** The same as programs for mails break it: what stands behind the ports, or the rest of what tcpdump says of itself. */
const PIECE =
  /^(?:seq|ack|win|urg|options|length|ecr|val|TS|nop|sackOK|wscale|mss|\d+,nop|Flags)\b.*$|^[^\s:]\S*(?:\s\S+){0,12},? length \d+(?::\s.*)?$|^(?:\d+ )?bytes$|^\d{5,6}$|^\s*(?:for|(?:for )?full protocol decode)$/;
const LISTEN = /^\s*(?:tcpdump: )?listening on [^\s,]+,/;
const COUNT = /^\s*(?:\^C)?\s*\d+ packets? captured/;
const NOTE =
  /^\s*(?:tcpdump: |reading from (?:file|PCAP)|dropped privs to |\^C$|(?:\^C)?\d+ packets? (?:received by filter|dropped by (?:kernel|interface))|Warning: Kernel filter failed)/;

const rows: Rows = {
  grammar: grammars.Tcpdump,
  what: 'line of tcpdump',
  harmless: /^\s*\^C$/,
  ruleFor(text) {
    if (LISTEN.test(text)) return 'listenLine';
    if (COUNT.test(text)) return 'countLine';
    if (NOTE.test(text)) return 'noteLine';
    return HEX.test(text) ? 'hexLine' : 'packetLine';
  },
  isPiece: (text) => PIECE.test(text),
  starts: (text) => [STAMPED, BARE, PLAIN, HEX, LISTEN, COUNT, NOTE].some((pattern) => pattern.test(text)) || VERBOSE.test(text),
};

/** Options of tcpdump(8) that take a value. */
const VALUED = new Set('BCEFGMTVWcijrswyzQ'.split(''));

/** `tcpdump`: packets that were seen on a device (tcpdump(8)). */
export const tcpdump: CaptureKind = {
  kinds: ['tcpdump'],
  recognise(argv) {
    if (argv[0] !== 'tcpdump' && argv[0] !== 'ovs-tcpdump') return undefined;
    let dev: string | undefined;
    // The first packets only, or none where they go into a file.
    let partly = false;
    let ascii = false;
    // -D lists the devices that there are.
    if (argv.some((word) => word === '-D' || word === '--list-interfaces')) return undefined;
    const expression: string[] = [];
    for (let n = 1; n < argv.length; n++) {
      const word = argv[n] ?? '';
      if (word.startsWith('--')) {
        const [name, value] = word.split('=');
        if (name === '--interface') dev = value ?? argv[++n];
      } else if (/^-[A-Za-z#]/.test(word) && expression.length === 0) {
        ascii ||= /^-[a-zA-Z]*A/.test(word);
        const at = [...word.slice(1)].findIndex((letter) => VALUED.has(letter));
        if (at < 0) continue;
        const letter = word[at + 1];
        const value = word.length > at + 2 ? word.slice(at + 2) : argv[++n];
        if (letter === 'i') dev = value;
        if (letter === 'c' || letter === 'w') partly = true;
      } else expression.push(word);
    }
    return {
      kind: 'tcpdump',
      ...(dev === undefined ? {} : { target: dev }),
      options: {
        ...(expression.length === 0 ? {} : { expression: expression.join(' ') }),
        ...(ascii ? { payload: 'ascii' } : {}),
        ...(partly ? { shows: 'part' } : {}),
      },
    };
  },
  sniff(text) {
    if (/^\s*tcpdump: (?:verbose|listening|data link)/.test(text) || LISTEN.test(text)) return { kind: 'tcpdump' };
    return STAMPED.test(text) && CERTAIN.test(text) && /(?:, length \d+|: .*\d|Flags \[|is-at|who-has)/.test(text)
      ? { kind: 'tcpdump' }
      : undefined;
  },
  accepts: (text, _kind, options) =>
    rows.starts(text) || (options?.['payload'] === 'ascii' && ASCII.test(text)) || INDENTED.test(text) || DETAIL.test(text),
  continues: continuesRow(rows),
  parse: (input) => drained(parseInSteps(input)),
  parseInSteps,
};

function* parseInSteps(input: ParseInput): Generator<void, Parsed> {
  let dev: Val<string> | undefined;
  let tunnel: Tunnel | undefined;
  let stamped = false;
  return yield* parseRowsInSteps(input, rows, (rule, result, source, out) => {
    if (rule !== 'packetLine') {
      const note = readNote(result, source);
      if (note.dev !== undefined) {
        dev = note.dev;
        if (dev.value !== 'any') deviceRef(out, dev);
      }
      if (note.captured !== undefined)
        out.facts.push({ kind: 'packets-counted', ...(dev === undefined ? {} : { dev }), captured: note.captured });
      return 'header';
    }
    if (tunnel === undefined || !CARRIED.test(source.text)) {
      if (DETAIL.test(source.text) || (input.options['payload'] === 'ascii' && ASCII.test(source.text))) return 'record';
    }
    const packet = readPacketLine(result, source);
    stamped ||= packet.time !== undefined;
    // What an ICMP error quotes of the packet that it is about was not seen here.
    if (packet.time === undefined && stamped && tunnel === undefined && /^\s/.test(source.text)) return 'record';
    const around = packet.time === undefined ? tunnel : undefined;
    // The text ends before it says what is in the tunnel.
    if (around !== undefined && packet.body.is === 'other' && packet.macSrc === undefined) return 'record';
    tunnel = addPacket(out, packet, dev?.value === 'any' ? undefined : dev, around?.vni, source);
    return 'record';
  });
}

/** A packet that carries the one on the next line, and the number of its network, where it names one. */
interface Tunnel {
  readonly vni: Val<number> | undefined;
}

type SeenFact = Extract<EvidenceFact, { kind: 'packet-seen' }>;

/** Notes a packet and those that it carries; gives the tunnel whose inner packet the next line shows. */
function addPacket(
  out: Collected,
  packet: PacketLine,
  listening: Val<string> | undefined,
  vni: Val<number> | undefined,
  source: SourceText,
): Tunnel | undefined {
  const dev = packet.dev ?? listening;
  if (packet.dev !== undefined) deviceRef(out, packet.dev);
  for (const mac of [packet.macSrc, packet.macDst]) if (mac !== undefined) macRef(out, mac);
  const base: SeenFact = {
    kind: 'packet-seen',
    ...(dev === undefined ? {} : { dev }),
    ...(packet.direction === undefined ? {} : { direction: packet.direction }),
    ...(packet.time === undefined ? {} : { time: packet.time }),
    ...(packet.macSrc === undefined ? {} : { macSrc: packet.macSrc }),
    ...(packet.macDst === undefined ? {} : { macDst: packet.macDst }),
    ...(packet.vlan === undefined ? {} : { vlan: packet.vlan }),
    ...(packet.ethertype === undefined ? {} : { ethertype: packet.ethertype }),
    ...(vni === undefined ? {} : { vni }),
    text: packet.text,
  };
  out.facts.push({ ...base, ...bodyFields(out, packet.body) });
  if (packet.body.is !== 'ip') return undefined;
  const { rest } = packet.body;
  const number = /\b(?:vni|instance) (0x[\da-f]+|\d+)|\bkey=(0x[\da-f]+|\d+)/i.exec(rest.value);
  const text = number?.[1] ?? number?.[2];
  const at = number === null || text === undefined ? 0 : rest.span.start + number.index + number[0].length - text.length;
  const own = text === undefined ? undefined : val(Number(text), { start: at, end: at + text.length });
  // At port 8472, which Linux chose before VXLAN had a port of its own, tcpdump takes it for OTV.
  if (!TUNNEL.test(rest.value)) return undefined;
  const inner = CARRIED_THERE.exec(rest.value)?.[1];
  if (inner !== undefined) {
    const piece = sliceSource(source, source.text.length - inner.length, source.text.length);
    const result = grammars.Tcpdump.match(piece.text, 'packetLine');
    if (result.succeeded()) return addPacket(out, { ...readPacketLine(result, piece), text: packet.text }, dev, own, piece);
  }
  return { vni: own };
}

function bodyFields(out: Collected, body: PacketBody): Partial<SeenFact> {
  if (body.is === 'other') return {};
  if (body.is === 'arp') {
    for (const ip of [body.src, body.dst]) if (ip !== undefined && isAddress(ip.value)) ipRef(out, ip);
    return {
      ethertype: 'arp',
      what: body.what,
      ...(body.src !== undefined && isAddress(body.src.value) ? { src: body.src } : {}),
      ...(body.dst !== undefined && isAddress(body.dst.value) ? { dst: body.dst } : {}),
    };
  }
  const { src, dst, rest } = body;
  for (const { ip } of [src, dst]) if (ip !== undefined) ipRef(out, ip);
  const six = (src.ip ?? dst.ip)?.value.includes(':') === true;
  const protocol = protocolOf(body, six);
  const said = ` ${withoutChecksum(rest.value)}`;
  const flags = /^ Flags \[([^\]]*)\]/.exec(said);
  const echo = /^ ICMP6?, ?echo (request|reply)|^ ICMP:? echo (request|reply)/i.exec(said);
  const word = flags?.[1] ?? echo?.[1] ?? echo?.[2];
  const start = word === undefined ? 0 : rest.span.start + rest.value.indexOf(word);
  return {
    ethertype: six ? 'ip6' : 'ip',
    ...(src.ip === undefined ? {} : { src: src.ip }),
    ...(dst.ip === undefined ? {} : { dst: dst.ip }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(src.port === undefined ? {} : { sport: src.port }),
    ...(dst.port === undefined ? {} : { dport: dst.port }),
    ...(word === undefined ? {} : { what: val(word, { start, end: start + word.length }) }),
  };
}

/** `[udp sum ok]`, `[icmp6 sum ok]`, which -v says first. */
const withoutChecksum = (rest: string): string => rest.trimStart().replace(/^\[[^\]]*\] /, '');

function isAddress(text: string): boolean {
  return /^(?:\d+(?:\.\d+){3}|(?=[\da-f]*:)[\da-f:.]+)$/i.test(text);
}

function protocolOf(body: Extract<PacketBody, { is: 'ip' }>, six: boolean): string | undefined {
  const rest = ` ${withoutChecksum(body.rest.value)}`;
  if (/^ Flags \[/.test(rest) || /^ (?:[SFPRWE.]+|\.) .*\bwin \d+/.test(rest)) return 'tcp';
  // -q prints the protocol and the length alone.
  const quiet = /^ (tcp|udp|sctp) \d+(?:\s|$)/i.exec(rest)?.[1]?.toLowerCase();
  if (quiet !== undefined) return quiet;
  if (/^ ICMP6/.test(rest)) return 'icmpv6';
  if (/^ ICMP:? /i.test(rest)) return 'icmp';
  const said = body.protocol;
  if (said !== undefined) return six && said === 'icmpv6' ? 'icmpv6' : said;
  if (/^ (?:\[[^\]]*\] )?(?:UDP|VXLAN|Geneve|BOOTP|DHCP|NTP|dhcp6|Syslog|SIP|SNMP|TFTP|RADIUS|isakmp)/i.test(rest)) return 'udp';
  const named = /^ (GRE|ESP|AH|VRRP|OSPF|igmp|PIM|sctp)/i.exec(rest)?.[1]?.toLowerCase();
  if (named !== undefined) return named;
  // Behind `...` nobody knows what stood there.
  if (/^ (?:\.{2,}|…|$)/.test(rest)) return undefined;
  // Only TCP and UDP have ports; TCP shows its flags.
  return body.src.port !== undefined || body.dst.port !== undefined ? 'udp' : undefined;
}
