import type { CaptureKind, LineRecord, Recognised } from '../capture';
import { errorOn } from '../words';

/** The bits of a device's flags as Linux has them (net/if.h); BSD has others for most, and prints the number in hexadecimal. */
const LINUX_FLAGS: Readonly<Record<string, number>> = {
  UP: 0x1,
  BROADCAST: 0x2,
  LOOPBACK: 0x8,
  POINTOPOINT: 0x10,
  RUNNING: 0x40,
  MULTICAST: 0x1000,
};
const DEVICE = /^\s*[a-zA-Z][\w.-]*: flags=([\da-f]+)<([\w,-]*)>/;
const DEVICE_DETAIL =
  /^\s+(?:options[= ][\w<]|nd6 options=|inet \S+ (?:--> \S+ )?netmask 0x|inet \d[\d.]+\/\d+|inet6 \S+%\w+ prefixlen |media: |status: |groups: |index \d+ |lladdr [\da-f]{2}:|hwaddr )/;
const OF_DEVICE = /^\s+\S|^\s*(?:options=|nd6 options=|inet6? |ether [\da-f]|media: |status: )/;

/** What iproute2mac, which reads `ifconfig`'s output, prints of a device: as Linux's `ip` does, but for the state's name and for flags. */
const MAC_DEVICE = /^\s*\d+: [a-zA-Z][\w.-]*: <[\w,]*> mtu \d+ status [A-Z]+\s*$/;
const OF_MAC_DEVICE = /^\s+(?:link\/|ether |inet6? )\S/;

const SOCKET_TITLE =
  /^\s*(?:(?:Socket|Tcpcb)\s.*)?Proto\s+(?:Recv-Q\s+Send-Q|Rexmit\s+OOORcv\s+0-win)\s+Local Address\s+Foreign Address\s+(?:\(state\)|R-MBUF)|^\s*(?:(?:Socket|Tcpcb)\s.*)?Proto\s+Rexmit\s+OOORcv\s/;
const SOCKET = /^\s*(?:tcp|udp|icm|div)(?:4|6|46)?\s+\d+\s+\d+\s+[^\s=]+\.[\w*-]+\s+[^\s=]+\.[\w*-]+(?:\s|$)/;
const SOCKETS_TITLE =
  /^\s*(?:Active (?:Multipath |LOCAL \(UNIX\) |UNIX )?(?:Internet connections|domain sockets)|(?:Socket|Tcpcb)\s|Proto\s+Re|Address\s+Type\s+Recv-Q)/;
/** Sections that no other system's netstat has, whatever their columns are. */
const ONLY_BSD =
  /^\s*(?:Active (?:Multipath Internet connections|LOCAL \(UNIX\) domain sockets|kernel (?:event|control) sockets)|Registered kernel control modules)\s*$/;
const OF_SOCKETS =
  /^\s*(?:(?:udp|icm)(?:4|6|46)?\s+\S+\.[\w*-]+\s+\S+\.[\w*-]+$|[\da-f]{8,16}\s+\w+\s|\w+\s+\d+\s+\d+\s|Registered kernel control modules|id\s+flags\s|Active kernel)/;

const ROUTES = /^\s*Routing tables(?: \(\w+\))?\s*$/;
const ROUTE_TITLE =
  /^\s*Destination\s+Gateway\s+Flags\s+(?:Refs\s+Use\s+)?(?:Mtu\s+)?(?:Prio\s+)?(?:Nhop#\s+)?(?:Mtu\s+)?(?:Netif|Iface|Interface)\b/;
const OF_ROUTES =
  /^\s*(?:Internet6?:|(?:Routing tables|Destination\s+Gateway).*|(?=\S*[\d.:]|default)\S+\s+\S+\s+U[A-Za-z123]{0,14}\s+\S.*)$/;

const NEIGHBOUR =
  /^\s*\S+ \(\S+\) at (?:[\da-f]{1,2}(?::[\da-f]{1,2}){5}|\(incomplete\)) on \S+(?: ifscope| permanent| published| expires| expired|\s*\[)/;

function isDevice(text: string): boolean {
  const [, number = '', names = ''] = DEVICE.exec(text) ?? [];
  if (number === '') return false;
  const flags = names.split(',').filter((name) => name !== '');
  if (flags.includes('SIMPLEX') || flags.includes('SMART')) return true;
  return flags.some((name) => (LINUX_FLAGS[name] ?? 0) !== 0 && (Number(number) & (LINUX_FLAGS[name] ?? 0)) === 0);
}

const nextOf = (following: (n: number) => string | undefined, count: number): string[] =>
  Array.from({ length: count }, (_, n) => following(n) ?? '');

/** What a line is where another system than Linux printed it; the program's name tells what to say. */
function sniffOther(text: string, following: (n: number) => string | undefined): Recognised | undefined {
  if (isDevice(text) || (DEVICE.test(text) && nextOf(following, 2).some((line) => DEVICE_DETAIL.test(line) || isDevice(line))))
    return { kind: 'bsd-ifconfig' };
  if (MAC_DEVICE.test(text)) return { kind: 'bsd-ip-address' };
  if (SOCKET_TITLE.test(text) || SOCKET.test(text) || ONLY_BSD.test(text)) return { kind: 'bsd-netstat' };
  if (SOCKETS_TITLE.test(text) && nextOf(following, 2).some((line) => SOCKET_TITLE.test(line) || SOCKET.test(line)))
    return { kind: 'bsd-netstat' };
  if (ROUTE_TITLE.test(text) || (ROUTES.test(text) && nextOf(following, 4).some((line) => ROUTE_TITLE.test(line))))
    return { kind: 'bsd-route' };
  return NEIGHBOUR.test(text) ? { kind: 'bsd-arp' } : undefined;
}

/**
 * What `ifconfig`, `netstat` and `arp` of BSD and macOS print, and `ip` there: recognised, said to be another system's, and left out. Nothing of it is
 * taken for what the programs of the same name print on Linux, nor for their having printed nothing.
 */
export const otherSystems: CaptureKind = {
  kinds: ['bsd-ifconfig', 'bsd-ip-address', 'bsd-netstat', 'bsd-route', 'bsd-arp'],
  recognise: () => undefined,
  sniff: sniffOther,
  accepts(text, kind) {
    switch (kind) {
      case 'bsd-ifconfig':
        return DEVICE.test(text) || OF_DEVICE.test(text);
      case 'bsd-ip-address':
        return MAC_DEVICE.test(text) || OF_MAC_DEVICE.test(text);
      case 'bsd-netstat':
        return SOCKETS_TITLE.test(text) || ONLY_BSD.test(text) || SOCKET.test(text) || OF_SOCKETS.test(text);
      case 'bsd-route':
        return OF_ROUTES.test(text);
      default:
        return NEIGHBOUR.test(text);
    }
  },
  parse({ kind, lines }) {
    const [first] = lines;
    const message = `This is what ${PROGRAMS[kind] ?? kind} prints on BSD or macOS, not on Linux: it is left out.`;
    return {
      facts: [],
      refs: [],
      errors: first === undefined ? [] : [errorOn(first, 'not-understood', message)],
      records: lines.map(({ number }): LineRecord => ({ firstLine: number, lastLine: number, what: 'note' })),
    };
  },
};

const PROGRAMS: Readonly<Record<string, string>> = {
  'bsd-ifconfig': 'ifconfig',
  'bsd-ip-address': 'ip address',
  'bsd-netstat': 'netstat',
  'bsd-route': 'netstat -r',
  'bsd-arp': 'arp -a',
};

/** The same for the output of a command that was taken for Linux's: its kind by its first line. */
export function otherSystem(kind: string, text: string, following: (n: number) => string | undefined): Recognised | undefined {
  return /^(?:ifconfig|ip-address|ip-link|netstat|route|arp)$/.test(kind) ? sniffOther(text, following) : undefined;
}
