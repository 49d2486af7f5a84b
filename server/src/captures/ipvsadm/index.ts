import { defined } from '../../base/defined';
import grammars from '../../generated/grammars.ohm-bundle';
import type { CaptureKind, Recognised } from '../capture';
import type { IpvsEnd, IpvsServiceFact } from '../ipvs-facts';
import type { Collected } from '../lines';
import { continuesRow, parseRows, type Rows } from '../rows';
import { ipRef, numberVal } from '../words';
import { readIpvsLine, type ServerLine, type ServiceLine, type ServiceName } from './semantics';

const TITLE =
  /^\s*(?:IP Virtual Server version \d|Prot\s+LocalAddress:Port\b|->\s+RemoteAddress:Port\b|IPVS connection entries\s*$|[Pp]ro\s+expire\s+state\s|Pro\s+FromIP\s+FPrt\s|Timeout \(tcp tcpfin udp\):)/;
const PERSISTENT = /^\s*Prot\s+LocalAddress:Port\s+Weight\s+PersistConn\b/;
const SERVICE = /^\s*(?:(?:TCP|UDP|SCTP)\s+(?:\[[^\]\s]+\]|[^\s:[\]]+)(?::\S*)?(?=\s|$)|FWM\s+(?:\d+|[\dA-F]{8})\s)/;
const SERVER = /^\s*->\s+(?:\[[^\]\s]+\](?::\S+)?|\S+:\S*|\S+(?=\s+(?:Masq|Route|Tunnel|Local)\s))(?=\s|$)/;
const PROC_SERVER = /^\s*->\s+(?:[\dA-F]{8}|\[(?:[\da-f]{4}:){7}[\da-f]{4}\]):[\dA-F]{4}\s/;
const CONNECTION = /^\s*(?:TCP|UDP|SCTP?|IP)\s+\d+(?::\d\d)?\s+[A-Z_\d]+\s+\S+:\S+\s+\S+:\S+\s+\S+:\S+/;
const PROC_CONNECTION =
  /^\s*(?:TCP|UDP|SCTP?|IP)\s+[\dA-Fa-f:]{8,39}\s+[\dA-F]{4}\s+[\dA-Fa-f:]{8,39}\s+[\dA-F]{4}\s+\S+\s+[\dA-F]{4}\s+[A-Z_]+\s/;
const SAVED = /^\s*(?:-[Aa]|--add-serve[rc]\w*)\s+(?:-[tu]|--(?:tcp|udp|sctp)-service)\s+\S+:\S+\s+-|^\s*-[Aa]\s+-f\s+\d+\s+-/;
/** Where the module is not loaded, there is no IPVS. */
const ABSENT =
  /^\s*(?:Can't initialize ipvs: (?:Protocol not available|No such file)|Are you sure that IP Virtual Server is built)/;
const FILE = /^\/proc\/(?:net|self\/net|thread-self\/net|\d+\/net)\/ip_vs(_conn(?:_sync)?)?$/;

const rows: Rows = {
  grammar: grammars.Ipvsadm,
  what: 'line of ipvsadm',
  ruleFor(text) {
    if (/^\s*-(?:[Aa]|-add)/.test(text)) return 'saveLine';
    if (/^\s*->/.test(text)) return 'serverLine';
    if (PROC_CONNECTION.test(text)) return 'procConnectionLine';
    return CONNECTION.test(text) ? 'connectionLine' : 'serviceLine';
  },
  starts: (text) => [TITLE, SERVICE, SERVER, CONNECTION, PROC_CONNECTION, SAVED, ABSENT].some((pattern) => pattern.test(text)),
};

/** IPVS, the load balancer of the kernel: `ipvsadm -L`, `-S`, `-Lc`, and its files in /proc (ipvsadm(8)). */
export const ipvsadm: CaptureKind = {
  kinds: ['ipvsadm', 'ipvs-connections', 'ipvs-settings'],
  recognise(argv): Recognised | undefined {
    const [program, ...words] = argv;
    if (program === 'ipvsadm-save') return { kind: 'ipvsadm' };
    if (program === 'cat') {
      const file = words.length === 1 ? FILE.exec(words[0] ?? '') : null;
      return file ? { kind: file[1] === undefined ? 'ipvsadm' : 'ipvs-connections' } : undefined;
    }
    if (program !== 'ipvsadm') return undefined;
    const letters = words.filter((word) => /^-[A-Za-z]+$/.test(word)).join('');
    const long = (...names: readonly string[]) => words.some((word) => names.includes(word));
    const lists = words.length === 0 || /[Ll]/.test(letters) || long('--list');
    if (!lists && !/S/.test(letters) && !long('--save')) return undefined;
    if (long('--timeout', '--daemon')) return { kind: 'ipvs-settings' };
    const filter = words.filter(
      (word, n) =>
        /^-[A-Za-z]*[tuf]$|^--(?:tcp|udp|sctp|fwmark)-service$/.test(word) || /[tuf]$|-service$/.test(words[n - 1] ?? ''),
    );
    const kind = /c/.test(letters) || long('--connection') ? 'ipvs-connections' : 'ipvsadm';
    return { kind, ...(filter.length === 0 ? {} : { options: { filter: filter.join(' ') } }) };
  },
  sniff(text, following) {
    if (/^\s*(?:IPVS connection entries\s*$|pro\s+expire\s+state\s+source\s|Pro\s+FromIP\s+FPrt\s)/.test(text))
      return { kind: 'ipvs-connections' };
    if (/^\s*(?:IP Virtual Server version \d|Prot\s+LocalAddress:Port\b)/.test(text)) return { kind: 'ipvsadm' };
    if (CONNECTION.test(text) || PROC_CONNECTION.test(text)) return { kind: 'ipvs-connections' };
    const next = following(0) ?? '';
    if (SAVED.test(text) && (/\s(?:-s|-r)\s/.test(text) || SAVED.test(next))) return { kind: 'ipvsadm' };
    // A service alone may be anything; with its server below it is one.
    const isService = /^\s*(?:TCP|UDP|SCTP|FWM)\s+\S+(?:\s+IPv6)?\s+[a-z]+\b/.test(text) && SERVICE.test(text);
    return isService && /^\s*->\s+\S+\s+(?:Masq|Route|Tunnel|Local)\s/.test(next) ? { kind: 'ipvsadm' } : undefined;
  },
  accepts: (text) => rows.starts(text),
  continues: continuesRow(rows),
  parse(input) {
    const services = new Map<string, IpvsServiceFact>();
    let current: IpvsServiceFact | undefined;
    const isProc = input.lines.some(({ text }) => PROC_SERVER.test(text));
    const weighs = input.lines.some(({ text }) => PERSISTENT.test(text));
    const lines = input.lines.map((line) =>
      line.text.includes('\u00a0') ? { ...line, text: line.text.replaceAll('\u00a0', ' ') } : line,
    );
    return parseRows(
      { ...input, lines },
      { ...rows, harmless: new RegExp(`${TITLE.source}|${ABSENT.source}`) },
      (_rule, result, source, out) => {
        const line = readIpvsLine(result, source, isProc);
        if (line.kind === 'ipvs-connection') {
          for (const end of [line.client, line.virtual, line.server]) endRef(out, end);
          out.facts.push(line);
          return 'record';
        }
        if (line.kind === 'service') {
          current = serviceFact(line);
          services.set(nameOf(line.name), current);
          if (current.end) endRef(out, current.end);
          out.facts.push(current);
          return 'record';
        }
        const service = line.of === undefined ? current : services.get(nameOf(line.of));
        endRef(out, line.end);
        if (service === undefined) return 'record';
        out.facts.push({
          kind: 'ipvs-server',
          service,
          end: line.end,
          ...(line.forward === undefined ? {} : { forward: line.forward }),
          ...weightOf(line, weighs),
          text: line.text,
        });
        return 'record';
      },
    );
  },
};

/** A list of persistent connections shows the weight first of its numbers. */
function weightOf(line: ServerLine, weighs: boolean) {
  const [first] = line.numbers;
  const weight = line.weight ?? (weighs && first && /^\d+$/.test(first.value) ? numberVal(first) : undefined);
  return weight === undefined ? {} : { weight };
}

function nameOf(name: ServiceName): string {
  if (name.kind === 'mark') return `mark ${name.family} ${name.mark.value}`;
  return `${name.protocol.value} ${name.end.ip?.value ?? name.end.shown} ${name.end.port?.value ?? '?'}`;
}

function serviceFact({ name, text, flags, onePacket, scheduler, persistent, mask, engine }: ServiceLine): IpvsServiceFact {
  const isSix = name.kind === 'mark' ? name.family === 6 : (name.end.ip?.value.includes(':') ?? false);
  return {
    kind: 'ipvs-service',
    ...(name.kind === 'mark' ? { mark: name.mark } : { protocol: name.protocol, end: name.end }),
    family: isSix ? 6 : 4,
    ...defined({ scheduler, persistent, mask, engine }),
    flags,
    onePacket,
    text,
  };
}

function endRef(out: Collected, { ip, shown }: IpvsEnd): void {
  // The text of /proc is no address that anybody searches for; that of a template by mark is none at all.
  if (ip !== undefined && (ip.value === shown || ip.value.includes(':'))) ipRef(out, ip);
}
