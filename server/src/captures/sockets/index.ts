import grammars from '../../generated/grammars.ohm-bundle';
import { drained } from '../../base/steps';
import { val, type Val } from '../../base/span';
import type { CaptureError, CaptureKind, ParseInput, Parsed } from '../capture';
import { deviceRef, ipRef } from '../words';
import { portRanges } from '../iptables-rules/netfilter';
import type { Collected } from '../lines';
import { continuesRow, parseRowsInSteps, type Rows } from '../rows';
import { readSocketRow, type Endpoint, type SocketRow } from './semantics';

const SS_TITLE = /^\s*(?:Netid\s+(?:State\s+)?Recv-Q|State\s+Recv-Q\s+Send-Q|Recv-Q\s+Send-Q\s+Local Address)/;
const SS_STATE =
  '(?:LISTEN|UNCONN|ESTAB|TIME-WAIT|CLOSE-WAIT|SYN-SENT|SYN-RECV|NEW-SYN-RECV|FIN-WAIT-[12]|LAST-ACK|CLOSING|CLOSED?|UNKNOWN|BOUND-INACTIVE)';
const SS_ROW = new RegExp(
  `^\\s*(?:(?:tcp|udp|raw|sctp|dccp|mptcp|icmp6|udplite)\\s+)?${SS_STATE}\\s+\\d+\\s+\\d+\\s+\\S+:\\S+(?:\\s+\\S+|$)`,
);
const SS_OTHER = /^\s*(?:u_str|u_dgr|u_seq|nl|p_raw|p_dgr|tipc|vsock|v_str|v_dgr|xdp|\?\?\?)\s+(?:[A-Z-]+|\d+)\s+\d+\s/;
/** Where the command asked for one state (`ss -tn state established`) the rows do not say it. */
const SS_STATELESS = /^\s*\d+\s+\d+\s+\S+:[\w*-]+\s+\S+:[\w*-]+(?:\s|$)/;
const SS_DETAIL =
  /^\s+(?:skmem:|timer:|users:|ino:|ver:\d+ cpy_thresh:|cgroup:|ts sack|sack |cubic |bbr |reno |cwnd:|ecn |.*\bwscale:|<->|-->|<--)/;
const NETSTAT_TITLE =
  /^\s*(?:Active (?:Internet connections|UNIX domain sockets)|Aktive (?:Internetverbindungen|Sockets)|Connexions Internet actives|Sockets du domaine UNIX actives|Conexiones activas de Internet|Activar zócalos|Connessioni Internet attive|Proto\s+(?:Recv-Q\s+Send-Q|RefCnt\s+Flags))/;
const NETSTAT_ROW = /^\s*(?:tcp|udp|raw|udplite|udpl|sctp|icmp)6?\s+\d+\s+\d+\s+\S+:\S+\s+\S+:\S+/;
/** What a mail left of a title, and of a program's name or a control group, behind a line's break. */
const TITLE_REST = /^\s*(?:Address:Port(?:\s+Process)?|State\s+PID\/Program name)$/;
const PIECE = /^\s*(?:\/(?:usr|opt|s?bin)\/?\S*|users:\(\(.*|cgroup:\S+)$/;
const UNIX_ROW = /^\s*unix\s+\d+\s+\[/;

/** Kernels without a socket family, and machines without control groups, make ss and netstat complain and go on. */
const HARMLESS =
  /^\s*(?:RTNETLINK answers: (?:Invalid argument|No such file or directory)|Failed to (?:find|open) cgroup2 )|^\s*\((?:Not all processes could be identified|No info could be read)|^\s*will not be shown, you would have to be root|^\s*netstat: (?:no support for |\/proc\/net\/\w+: No such file)/;

const rows: Rows = {
  grammar: grammars.Sockets,
  what: 'row of a socket',
  ruleFor(text) {
    if (NETSTAT_TITLE.test(text) || TITLE_REST.test(text)) return 'netstatTitle';
    if (UNIX_ROW.test(text)) return 'unixRow';
    if (NETSTAT_ROW.test(text)) return 'netstatRow';
    if (SS_TITLE.test(text)) return 'ssTitle';
    if (SS_OTHER.test(text)) return 'ssOther';
    if (SS_STATELESS.test(text)) return 'ssStateless';
    return SS_DETAIL.test(text) && !SS_ROW.test(text) ? 'ssDetail' : 'ssRow';
  },
  harmless: HARMLESS,
  isPiece: (text) => PIECE.test(text),
  starts: (text) =>
    HARMLESS.test(text) ||
    [SS_TITLE, SS_ROW, SS_STATELESS, SS_OTHER, SS_DETAIL, NETSTAT_TITLE, TITLE_REST, NETSTAT_ROW, UNIX_ROW].some((pattern) =>
      pattern.test(text),
    ),
};

/** `ss`, `netstat`: sockets; those that wait for packets tell whether a delivered one finds anybody (ss(8), netstat(8)). */
export const sockets: CaptureKind = {
  kinds: ['ss', 'netstat'],
  recognise(argv) {
    const [program, ...words] = argv;
    if (program !== 'ss' && program !== 'netstat') return undefined;
    const letters = words.filter((word) => /^-\w+$/.test(word)).join('');
    const long = (name: string) => words.includes(`--${name}`);
    if (program === 'netstat' && /[rigsM]/.test(letters)) return undefined;
    if (program === 'ss' && (/^-?s$/.test(letters.replaceAll('-', '')) || long('summary'))) return undefined;
    const tcp = letters.includes('t') || long('tcp');
    const udp = letters.includes('u') || long('udp');
    const others =
      (program === 'ss' ? /[wx0dSM]/ : /[wxUS2f]/).test(letters) ||
      words.some((word) => /^--(?:raw|unix|packet|dccp|sctp|mptcp|vsock|xdp|tipc|udplite|l2cap|rfcomm)$/.test(word));
    const all = /[la]/.test(letters) || long('listening') || long('all');
    // Without a protocol both are shown, unless sockets of another kind were asked for.
    const protocols = tcp === udp ? (others && !tcp ? 'none' : 'tcp udp') : tcp ? 'tcp' : 'udp';
    // A filter behind the options, such as `sport = :80` or a state, leaves sockets out; so does a family of addresses, for a socket of
    // IPv6 may take packets of IPv4.
    const family = words.filter((word) => /^-\w*[46]/.test(word) || /^--(?:ipv[46]|inet6?)$/.test(word));
    const filter = [...family, ...words.filter((word) => !word.startsWith('-'))].join(' ');
    return {
      kind: program,
      options: {
        ...(tcp !== udp ? { protocol: tcp ? 'tcp' : 'udp' } : {}),
        shows: all ? protocols : 'none',
        ...(/a/.test(letters) || long('all') ? { connected: protocols } : {}),
        ...(filter === '' ? {} : { filter }),
      },
    };
  },
  sniff(text, following) {
    if (NETSTAT_TITLE.test(text)) return { kind: 'netstat', options: { shows: 'none' } };
    if (SS_TITLE.test(text)) return { kind: 'ss', options: { shows: 'none' } };
    if (NETSTAT_ROW.test(text)) return { kind: 'netstat', options: { shows: 'none' } };
    return SS_ROW.test(text) && (/^\s*(?:tcp|udp)\s/.test(text) || SS_ROW.test(following(0) ?? ''))
      ? { kind: 'ss', options: { shows: 'none' } }
      : undefined;
  },
  accepts: (text) => rows.starts(text),
  continues: continuesRow(rows),
  parse: (input) => drained(parseInSteps(input)),
  parseInSteps,
};

function* parseInSteps(input: ParseInput): Generator<void, Parsed> {
  const found: SocketRow[] = [];
  const connected: SocketRow[] = [];
  const parsed = yield* parseRowsInSteps(input, rows, (rule, result, source, out) => {
    const row = readSocketRow(result, source);
    if (row === undefined) return 'header';
    endpointRefs(out, row);
    if (rule === 'ssStateless') {
      // Only the command tells the protocol, and whether they wait.
      if (input.options['protocol'] === undefined) return 'record';
      if (row.peer.port.value !== '*') connected.push(row);
      else if (/\bstate listen/.test(input.options['filter'] ?? '')) found.push(row);
      return 'record';
    }
    // `ss state listening` of several protocols has a column for them, and none for the state.
    const asked = row.state === undefined && input.kind === 'ss' && /\bstate listen/.test(input.options['filter'] ?? '');
    if (
      asked ||
      row.state?.value === 'LISTEN' ||
      /UNCONN/.test(row.state?.value ?? '') ||
      (row.state === undefined && isUdp(row))
    )
      found.push(row);
    if (row.state?.value !== 'LISTEN' && row.peer.port.value !== '*') connected.push(row);
    return 'record';
  });
  const others = othersOf(found);
  const facts = [...parsed.facts];
  for (const [n, row] of found.entries()) {
    if (n % MANY === MANY - 1) yield;
    facts.push(...listener(row, others, input));
  }
  for (const [n, row] of connected.entries()) {
    if (n % MANY === MANY - 1) yield;
    facts.push(...connectedSocket(row, input));
  }
  const nameless = found.find((row) => !isComparable(row, input)) ?? connected.find((row) => !isComparable(row, input));
  return { ...parsed, facts, errors: nameless === undefined ? parsed.errors : [...parsed.errors, named(nameless, input)] };
}

/** So many rows become facts between two pauses. */
const MANY = 1000;

function isUdp(row: SocketRow): boolean {
  return /^(?:udp|raw)/.test(row.protocol?.value ?? '');
}

function endpointRefs(out: Collected, row: SocketRow): void {
  for (const { ip, dev } of [row.local, row.peer]) {
    if (/^(?:\d+(?:\.\d+){3}|(?=[\da-f]*:)[\da-f:.]+)$/i.test(ip.value)) ipRef(out, ip);
    if (dev !== undefined) deviceRef(out, dev);
  }
}

/** The addresses that names of the loopback device stand for, in /etc/hosts of every distribution. */
function loopback(name: string, six: boolean): string | undefined {
  if (/^localhost(?:\.localdomain)?$/.test(name)) return six ? '::1' : '127.0.0.1';
  return /^(?:ip6-localhost|ip6-loopback|localhost6(?:\.localdomain6)?)$/.test(name) ? '::1' : undefined;
}

/** netstat(8) cuts an address off where it has more than so many characters together with its port. */
const WIDTH = 23;

/** Whether an address may be the beginning of a longer one. */
function mayBeCut({ ip, port }: Endpoint, input: ParseInput): boolean {
  return input.kind === 'netstat' && ip.value.includes(':') && port.span.end - ip.span.start === WIDTH;
}

/**
 * The address of an end, in lower case, one of IPv4 that a socket of IPv6 has as such; undefined where netstat(8) looked up a name for it, or
 * cut it off.
 */
function addressOf(end: Endpoint, six: boolean, input: ParseInput): string | undefined {
  if (mayBeCut(end, input)) return undefined;
  const text = end.ip.value.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  return /^(?:\*|\d+(?:\.\d+){3}|(?=[\da-f]*:)[\da-f:.]+)$/.test(text) ? text : loopback(text, six);
}

function isSix(row: SocketRow): boolean {
  return row.protocol?.value.endsWith('6') === true;
}

/** The number of a port, undefined for every port; `unknown` for a service that has no number here. */
function portOf({ port }: Endpoint): number | undefined | 'unknown' {
  return port.value === '*' ? undefined : (portRanges(port.value)?.[0]?.[0] ?? 'unknown');
}

/** Other protocols have no ports of services in that place: a raw socket's is its protocol. */
function isComparable(row: SocketRow, input: ParseInput): boolean {
  if (row.protocol !== undefined && !/^(?:tcp|udp)6?$/.test(row.protocol.value)) return true;
  return [row.local, row.peer].every((end) => addressOf(end, isSix(row), input) !== undefined && portOf(end) !== 'unknown');
}

/** One for all of an output: a listing without -n has names in most of its rows. */
function named(row: SocketRow, input: ParseInput): CaptureError {
  const cut = [row.local, row.peer].find((end) => mayBeCut(end, input));
  if (cut)
    return {
      span: cut.ip.span,
      code: 'inconsistent',
      message: `netstat may have cut this address off ("${cut.ip.value}"), so that no packet can be compared with it; netstat -W shows it whole.`,
    };
  const end = addressOf(row.local, isSix(row), input) === undefined || portOf(row.local) === 'unknown' ? row.local : row.peer;
  const what = addressOf(end, isSix(row), input) === undefined ? end.ip : end.port;
  return {
    span: what.span,
    code: 'inconsistent',
    message: `Sockets are shown by names here (such as "${what.value}"), so that no packet can be compared with them; netstat -n or ss -n shows the numbers.`,
  };
}

/** A connected UDP socket takes its peer's packets only: it is no listener for others. */
function listener(row: SocketRow, others: Others, input: ParseInput) {
  if (row.state?.value !== 'LISTEN' && row.peer.port.value !== '*' && row.peer.ip.value !== '*') return [];
  const named = row.protocol ?? impliedProtocol(row, input);
  // No socket of TCP waits unconnected: some versions of ss(8) call those of UDP so.
  const protocol = val(
    row.state?.value === 'UNCONN' && named.value === 'tcp' ? 'udp' : named.value.replace(/6$/, ''),
    named.span,
  );
  const port = row.local.port;
  const number = portOf(row.local);
  const ip = family(row, others, input);
  // A service that has no number here may be any port, and a name any address: that proves no listener.
  if (number === 'unknown' || ip === undefined) return [];
  return [
    {
      kind: 'listener' as const,
      protocol,
      ip: val(ip, row.local.ip.span),
      ...(number === undefined ? {} : { port: val(number, port.span) }),
      ...(row.local.dev === undefined ? {} : { dev: row.local.dev }),
      ...(row.process === undefined ? {} : { process: row.process }),
      ...(row.uid === undefined ? {} : { uid: row.uid }),
    },
  ];
}

function connectedSocket(row: SocketRow, input: ParseInput) {
  const named = row.protocol ?? impliedProtocol(row, input);
  const [ip, peerIp] = [addressOf(row.local, isSix(row), input), addressOf(row.peer, isSix(row), input)];
  const [port, peerPort] = [portOf(row.local), portOf(row.peer)];
  if (ip === undefined || peerIp === undefined || typeof port !== 'number' || typeof peerPort !== 'number') return [];
  return [
    {
      kind: 'connected-socket' as const,
      protocol: val(named.value.replace(/6$/, ''), named.span),
      ip: val(ip, row.local.ip.span),
      port: val(port, row.local.port.span),
      peerIp: val(peerIp, row.peer.ip.span),
      peerPort: val(peerPort, row.peer.port.span),
      ...(row.state === undefined ? {} : { state: row.state }),
      ...(row.process === undefined ? {} : { process: row.process }),
    },
  ];
}

function impliedProtocol(row: SocketRow, input: ParseInput): Val<string> {
  const start = row.local.ip.span.start;
  const name = input.options['protocol'] ?? (row.state?.value === 'UNCONN' ? 'udp' : 'tcp');
  return val(name, { start, end: start });
}

/**
 * Which addresses a socket means. Of an IPv6 socket for every address, new versions of ss(8) print `*` where it takes IPv4 packets
 * too and `[::]` where not; netstat(8) and old versions print `:::PORT` for both, so only a socket for 0.0.0.0 on the same port
 * tells that it can't take IPv4 packets as well.
 */
function family(row: SocketRow, others: Others, input: ParseInput): string | undefined {
  const ip = addressOf(row.local, isSix(row), input);
  if (row.onlySix !== undefined && (ip === '::' || ip === '*')) return row.onlySix ? '::' : '*';
  const old = input.kind === 'netstat' || others.unbracketed;
  if (ip === '*') return old && input.kind === 'ss' ? '0.0.0.0' : '*';
  if (ip === '::' && !isBracketed(row)) {
    return others.four.has(portKey(row)) ? '::' : '*';
  }
  return ip;
}

/** What the other sockets of an output tell of one. */
interface Others {
  /** One for all addresses of IPv6 has no brackets, as old versions print it. */
  readonly unbracketed: boolean;
  /** Protocols and ports of those for all addresses of IPv4. */
  readonly four: ReadonlySet<string>;
}

function othersOf(rows: readonly SocketRow[]): Others {
  return {
    unbracketed: rows.some((row) => row.local.ip.value === '::' && !isBracketed(row)),
    four: new Set(rows.filter(({ local }) => /^(?:0\.0\.0\.0|\*)$/.test(local.ip.value)).map(portKey)),
  };
}

function portKey({ protocol, local }: SocketRow): string {
  return `${protocol?.value.replace(/6$/, '') ?? ''} ${local.port.value}`;
}

function isBracketed(row: SocketRow): boolean {
  return row.local.port.span.start - row.local.ip.span.end > 1 && row.local.dev === undefined;
}
