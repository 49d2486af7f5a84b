import grammars from '../../generated/grammars.ohm-bundle';
import { drained } from '../../base/steps';
import { val } from '../../base/span';
import type { CaptureError, CaptureKind, ParseInput, Parsed } from '../capture';
import { deviceRef, ipRef, lower, numberVal, partOf } from '../words';
import type { Collected } from '../lines';
import { continuesRow, parseRowsInSteps, type Rows } from '../rows';
import { readRouteRow, type RouteRow } from './semantics';

/** In the tongues that net-tools speaks. */
const BANNER =
  /^\s*(?:Kernel IP(?:v[46])? routing (?:table|cache)|Kernel-IP(?:v6)?-Routentabelle|Table de routage IP|Tabla de rutas IP|Tabella di routing IP|Tabela de Roteamento IP|カーネルIP経路テーブル|Таблица маршрутизации ядра|内核\s?IP\s?路由表)/;
const TITLE =
  /^\s*(?:Destination\s+(?:Gateway\s+Genmask\s+Flags|Next Hop\s+Flags?)\b|[\p{L}.]+\s+[\p{L}.]+\s+(?:Genmask|Máscara|MáscaraGen\.|ネットマスク|子网掩码|Маска)\s+\S+\s+(?:\S+\s+){2,4}\S+$|受信先サイト\s)/u;
const ROW = /^\s*\S+\s+\S+\s+(?:\d+\.\d+\.\d+\.\d+|\*|-)\s+[UGHRDMAC!]{1,6}\s+(?:\d+|-)\s+(?:\d+|-)\s+(?:\d+|-)\s+\S+/;
const ROW6 =
  /^\s*(?:(?=[\da-f]*:)[\da-f:.]+|\[::\]|default|[\w.-]+(?=\/\d))(?:\/\d+)?\s+\S+\s+[UGHRDMAC!nemcarpfbl]{1,8}\s+-?\d+\s+\d+\s+\d*\s*\S+/i;
/** A row that its terminal cut off before the device. */
const CUT = /^\s*\S+\s+\S+\s+\d+\.\d+\.\d+\.\d+\s+[UGHRDMAC!]{1,6}(?:\s+\d+){0,3}$/;

const rows: Rows = {
  grammar: grammars.Route,
  what: 'row of the routing table',
  ruleFor: (text) =>
    BANNER.test(text)
      ? 'bannerLine'
      : TITLE.test(text)
        ? 'titleLine'
        : ROW.test(text) || CUT.test(text)
          ? 'routeLine'
          : 'route6Line',
  starts: (text) => BANNER.test(text) || TITLE.test(text) || ROW.test(text) || ROW6.test(text),
};

/** `route`, `netstat -r`: the kernel's main routing table as net-tools and BusyBox print it (route(8), netstat(8)). */
export const route: CaptureKind = {
  kinds: ['route'],
  recognise(argv) {
    const [program, ...words] = argv;
    const six = words.some((word) => /^(?:-6|-\w*6\w*|inet6|--inet6|-A6|-Ainet6)$/.test(word));
    const options = six ? { options: { family: 'ip6' } } : {};
    // The cache of routes is no table of them.
    if (words.some((word) => /^-\w*C/.test(word) || word === '--cache')) return undefined;
    if (program === 'route') {
      const asks = words.every((word, n) => word.startsWith('-') || (words[n - 1] === '-A' && /^inet6?$/.test(word)));
      return asks && !words.some((word) => /^(?:-h|--help|-V|--version)$/.test(word)) ? { kind: 'route', ...options } : undefined;
    }
    return program === 'netstat' && words.some((word) => /^-\w*r\w*$/.test(word) || word === '--route')
      ? { kind: 'route', ...options }
      : undefined;
  },
  sniff(text, following) {
    if (BANNER.test(text) || TITLE.test(text)) return { kind: 'route' };
    return ROW.test(text) && ROW.test(following(0) ?? '') ? { kind: 'route' } : undefined;
  },
  accepts: (text) => rows.starts(text) || CUT.test(text),
  continues: continuesRow(rows),
  parse: (input) => drained(parseInSteps(input)),
  parseInSteps,
};

function* parseInSteps(input: ParseInput): Generator<void, Parsed> {
  let fifthIsMetric = true;
  return yield* parseRowsInSteps(input, rows, (rule, result, source, out) => {
    if (rule === 'bannerLine') return 'header';
    if (rule === 'titleLine') {
      // `netstat -r` and `route -e` print the maximum segment size in the metric's place; `-ee` prints it behind the device.
      fifthIsMetric = !/\sMSS\s+\S+\s+\S+\s+\S/.test(source.text);
      return 'header';
    }
    addRoute(out, readRouteRow(result, source), fifthIsMetric);
    return 'record';
  });
}

function addRoute(out: Collected, row: RouteRow, fifthIsMetric: boolean): void {
  const dst = destination(row);
  const named = row.device.value !== '-' && row.device.value !== '*';
  if (named) deviceRef(out, row.device);
  const via = gateway(row);
  if (via !== undefined) ipRef(out, via);
  // A host's name in place of its address can't be compared with a packet's; the row's device is a reference all the same.
  if (dst === undefined) {
    out.errors.push(nameless(row));
    return;
  }
  const name = via === undefined && row.flags.value.includes('G') ? row.gateway : undefined;
  const isHost = dst.prefix === (dst.ip.includes(':') ? 128 : 32);
  const written = row.destination.value.split('/')[0] ?? '';
  if (isHost && written.toLowerCase() === dst.ip) ipRef(out, partOf(row.destination, 0, written.length));
  out.facts.push({
    kind: 'route',
    // A blackhole has no device, but is up; of `!` net-tools does not tell whether it is unreachable or prohibited.
    type: row.flags.value.includes('!') ? 'unreachable' : isOwn(row, dst.prefix) ? 'local' : named ? 'unicast' : 'blackhole',
    dst: val(dst, row.destination.span),
    ...(via === undefined ? {} : { via: lower(via) }),
    ...(name === undefined ? {} : { gatewayName: name }),
    ...(named ? { dev: row.device } : {}),
    ...(fifthIsMetric && /^\d+$/.test(row.fifth.value) && row.fifth.value !== '0' ? { metric: numberVal(row.fifth) } : {}),
    ...(isOwn(row, dst.prefix) ? { table: val('local', { start: row.flags.span.start, end: row.flags.span.start }) } : {}),
    flags: [],
    text: row.text,
  });
}

/**
 * Of IPv6 the table of the host's own addresses is printed with the others: what leads to one address without a next hop (`n`, RTF_NONEXTHOP, see
 * `addrconf_f6i_alloc` in the kernel's net/ipv6/route.c) is of it.
 */
function isOwn({ mask, flags }: RouteRow, prefix: number): boolean {
  return mask === undefined && prefix === 128 && flags.value.includes('n');
}

function nameless({ destination }: RouteRow): CaptureError {
  const isName = /[a-z]/i.test(destination.value);
  const message = !isName
    ? `Where this route leads ("${destination.value}") is no network: its address or its mask is none; it is left out.`
    : `Where this route leads is shown by a name ("${destination.value}"), so that no packet can be compared with it; route -n or ip route shows the address.`;
  return { span: destination.span, code: 'inconsistent', message };
}

function destination(row: RouteRow): { readonly ip: string; readonly prefix: number } | undefined {
  const text = row.destination.value.toLowerCase();
  if (row.mask === undefined) {
    const [address = '', prefix] = text.split('/');
    if (text === 'default') return { ip: '::', prefix: 0 };
    // net-tools prints addresses of IPv4 inside IPv6 without the part in front of them.
    if (/^\d+(?:\.\d+){3}$/.test(address))
      return { ip: `::ffff:${address}`, prefix: prefix === undefined ? 128 : Number(prefix) };
    if (!address.includes(':')) return undefined;
    return { ip: address === '[::]' ? '::' : address, prefix: prefix === undefined ? 128 : Number(prefix) };
  }
  if (text === 'default') return { ip: '0.0.0.0', prefix: 0 };
  const ip = text === 'link-local' ? '169.254.0.0' : text === 'loopback' ? '127.0.0.0' : text;
  if (!/^\d+(?:\.\d+){3}$/.test(ip)) return undefined;
  const prefix = row.mask.value === '-' ? 32 : maskLength(row.mask.value);
  return prefix === undefined ? undefined : { ip, prefix };
}

/** The length of a mask of the form 255.255.255.0; undefined for one with holes, which the kernel refuses. */
export function maskLength(mask: string): number | undefined {
  const octets = mask.split('.').map(Number);
  if (octets.length !== 4 || octets.some((octet) => !(octet >= 0 && octet <= 255))) return undefined;
  const bits = octets.map((octet) => octet.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.replaceAll('0', '').length : undefined;
}

/** Zeros and `*` stand for no gateway at all. */
function gateway(row: RouteRow): RouteRow['gateway'] | undefined {
  const text = row.gateway.value;
  const isAddress = /^\d+(?:\.\d+){3}$/.test(text) || /^[\da-f:.]*:[\da-f:.]*$/i.test(text);
  return isAddress && text !== '0.0.0.0' && text !== '::' ? row.gateway : undefined;
}
