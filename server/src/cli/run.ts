import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import type { LineIndex } from '../base/lines';
import type { TraceParams } from '../protocol';
import { createService } from '../service';
import { checkCommand } from './check';
import { readPaths } from './files';
import { inventoryCommand } from './inventory';
import { netfilterTraceCommand, splitPackets } from './netfilter-trace';
import { ofprotoTraceBatch, ofprotoTraceCommand } from './ofproto-trace';
import { createOutput } from './output';
import { traceCommand } from './trace';

const USAGE = `Usage: packet-walk COMMAND PATH… [options]

  inventory PATH… [--json]
      What was recognised in files and folders of captures.
  trace PATH… --from WHERE --to WHERE [--proto icmp|tcp|udp|arp] [--sport N] [--dport N]
      [--length N [--df]] [--reply] [--json]
      Walks a packet through everything captured. WHERE is an instance, tap, port or interface name, a Neutron port id or its
      beginning, a MAC or an IP address, with HOST: before it where names repeat. The IP packet has N bytes, its header
      included, and with --df nobody may cut it.
  netfilter-trace PATH… [--host H] [--namespace NS] KEY=VALUE… [--then KEY=VALUE…]… [--json]
      What the kernel of a host or namespace does with packets: routing, connection tracking, every table and chain, NAT.
      Keys: iif (none: the host makes the packet), oif (where no route was captured), src, dst, proto, sport, dport, type, code, id,
      flags, ttl, tos, length, mark, smac, dmac, ctstate, ctdir, ctmark, uid, gid, mss, df, frag, whole, physin, physout. Every --then
      is the next packet; it meets the connections of those before it.
  ofproto-trace PATH… BRIDGE FLOW [PACKET] [--host HOST] [--names] [--ct-next STATES]… [--generate [--l7 HEX | --l7-len N]]
      [--json]
      What "ovs-appctl ofproto/trace BRIDGE FLOW [PACKET]" would print on that switch, from its captures alone. FLOW is an
      OpenFlow flow, or a datapath flow with the datapath's type as BRIDGE; PACKET is a frame in hexadecimal.
  ofproto-trace --batch FILE
      Many questions with one start: one JSON a line, {"paths":[…],"bridge":"br0","flow":"…","packet":null,"ctNext":[],
      "names":false,"host":null}; one answer a line, {"text":"…"} or {"error":"…"}.
  check PATH… [--json | --sarif]
      What could not be read, and what looks wrong.

Exit status: 0 done, 1 the answer is negative, 2 usage or unreadable input.
`;

interface Console {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly colours: boolean;
}

/** Runs one command line (without the program's name) and gives its exit status. */
export function run(args: readonly string[], io: Console): number {
  const [command, ...rest] = args;
  if (command === undefined || command === 'help' || command === '--help' || command === '-h') {
    io.out(USAGE);
    return command === undefined ? 2 : 0;
  }
  if (command === '--version') {
    io.out(`${version()}\n`);
    return 0;
  }
  if (command === 'netfilter-trace') return runNetfilterTrace(rest, io);
  if (!/^(?:inventory|trace|ofproto-trace|check)$/.test(command)) return usage(io, `there is no command "${command}"`);
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(rest);
  } catch (error) {
    return usage(io, error instanceof Error ? error.message : String(error));
  }
  const { values } = parsed;
  if (command === 'ofproto-trace' && values.batch !== undefined) return ofprotoTraceBatch(values.batch, io);
  const asked = command === 'ofproto-trace' ? splitQuestion(parsed.positionals) : undefined;
  if (typeof asked === 'string') return usage(io, asked);
  const paths = asked?.paths ?? parsed.positionals;
  if (paths.length === 0) return usage(io, `${command} needs the path of a file or folder with captures`);
  const params = command === 'trace' ? traceParams(values) : undefined;
  if (typeof params === 'string') return usage(io, params);
  const service = createService();
  const { files, troubles } = readPaths(service, paths);
  for (const trouble of troubles) io.err(`packet-walk: ${trouble.path} ${trouble.message}.\n`);
  if (files.length === 0) {
    if (troubles.length === 0) io.err(`packet-walk: no readable file in ${paths.join(', ')}.\n`);
    return 2;
  }
  const out = createOutput(io.out, io.colours);
  const world = service.world();
  const unreadable = paths.length === troubles.length;
  let status: number;
  if (command === 'inventory') {
    const listed = files.map((file) => {
      const uri = pathToFileURL(path.resolve(file)).href;
      const document = world.documents.get(uri);
      return {
        uri,
        path: document?.path ?? file.split(path.sep).join('/'),
        lines: document ? lastLine(document.lines) : countLines(file),
      };
    });
    status = inventoryCommand(world, listed, values.json === true, out);
  } else if (command === 'check') {
    status = checkCommand(world, values.sarif === true ? 'sarif' : values.json === true ? 'json' : 'text', version(), out);
  } else if (asked) {
    const { bridge, flow, packet } = asked;
    status = ofprotoTraceCommand(
      world,
      {
        bridge,
        flow,
        packet,
        ctNext: values['ct-next'] ?? [],
        names: values.names === true,
        generate: values.generate === true,
        l7: values.l7 ?? null,
        l7Length: values['l7-len'] ?? null,
        host: values.host ?? null,
      },
      values.json === true,
      io,
    );
  } else {
    status = traceCommand(world, params as TraceParams, values.json === true, out, io.err);
  }
  return unreadable && status === 0 ? 2 : status;
}

function runNetfilterTrace(args: readonly string[], io: Console): number {
  const { paths, packets, options } = splitPackets(args);
  let values: { host?: string; namespace?: string; json?: boolean };
  try {
    const known = { host: { type: 'string' }, namespace: { type: 'string' }, json: { type: 'boolean' } } as const;
    ({ values } = parseArgs({ args: options, options: known }));
  } catch (error) {
    return usage(io, error instanceof Error ? error.message : String(error));
  }
  if (paths.length === 0) return usage(io, 'netfilter-trace needs the path of a file or folder with captures');
  const service = createService();
  const { files, troubles } = readPaths(service, paths);
  for (const trouble of troubles) io.err(`packet-walk: ${trouble.path} ${trouble.message}.\n`);
  if (files.length === 0) return 2;
  const params = { host: values.host, namespace: values.namespace, packets };
  return netfilterTraceCommand(service.world(), params, values.json === true, createOutput(io.out, io.colours), io.err);
}

function parse(args: readonly string[]) {
  return parseArgs({
    // The real command's older spelling.
    args: args.map((word) => (word === '-generate' ? '--generate' : word)),
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      sarif: { type: 'boolean' },
      from: { type: 'string' },
      to: { type: 'string' },
      proto: { type: 'string' },
      sport: { type: 'string' },
      dport: { type: 'string' },
      reply: { type: 'boolean' },
      length: { type: 'string' },
      df: { type: 'boolean' },
      host: { type: 'string' },
      names: { type: 'boolean' },
      generate: { type: 'boolean' },
      l7: { type: 'string' },
      'l7-len': { type: 'string' },
      'ct-next': { type: 'string', multiple: true },
      batch: { type: 'string' },
    },
  });
}

/** Paths come first: what is a file or folder is one; the bridge, the flow and maybe a packet follow. */
function splitQuestion(
  words: readonly string[],
): { paths: string[]; bridge: string | null; flow: string; packet: string | null } | string {
  const isHex = (word: string | undefined) => word !== undefined && /^(?:[0-9a-fA-F]{2}[ \t]*){14,}$/.test(word.trim());
  const last = words.at(-1);
  const packet = words.length > 2 && isHex(last) ? (last ?? null) : null;
  const rest = packet === null ? words : words.slice(0, -1);
  let count = rest.findIndex((word) => !fs.existsSync(word));
  if (count < 0) count = rest.length;
  // Without a bridge (a datapath flow) one word follows the paths, else two; a bridge may have a file's name.
  count = Math.max(1, Math.min(count, rest.length - 1));
  if (rest.length - count > 2) count = rest.length - 2;
  const [first, second] = rest.slice(count);
  if (first === undefined) return 'ofproto-trace needs PATH… BRIDGE FLOW';
  const paths = rest.slice(0, count);
  return second === undefined ? { paths, bridge: null, flow: first, packet } : { paths, bridge: first, flow: second, packet };
}

function traceParams(values: ReturnType<typeof parse>['values']): TraceParams | string {
  const { from, to, proto } = values;
  if (from === undefined || to === undefined) return 'trace needs --from WHERE and --to WHERE';
  if (proto !== undefined && proto !== 'icmp' && proto !== 'tcp' && proto !== 'udp' && proto !== 'arp')
    return `--proto takes icmp, tcp, udp or arp, not "${proto}"`;
  const sport = port(values.sport, '--sport');
  const dport = port(values.dport, '--dport');
  if (typeof sport === 'string') return sport;
  if (typeof dport === 'string') return dport;
  const { length } = values;
  if (length !== undefined && !/^\d{1,5}$/.test(length)) return `--length takes a number of bytes, not "${length}"`;
  if (length === undefined && values.df === true) return '--df says that a packet of --length N may not be cut: give its length';
  return {
    from,
    to,
    ...(proto === undefined ? {} : { proto }),
    ...(sport === undefined ? {} : { sport }),
    ...(dport === undefined ? {} : { dport }),
    ...(values.reply === true ? { reply: true } : {}),
    ...(length === undefined ? {} : { length: Number(length) }),
    ...(values.df === true ? { dontFragment: true } : {}),
  };
}

function port(text: string | undefined, option: string): number | undefined | string {
  if (text === undefined) return undefined;
  return /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : `${option} takes a port from 0 to 65535, not "${text}"`;
}

function usage(io: Console, message: string): number {
  io.err(`packet-walk: ${message}. Run "packet-walk help" to see how it is used.\n`);
  return 2;
}

/** How many lines a text has; what is behind its last line break counts where it is not empty. */
function lastLine({ count, length, startOf }: LineIndex): number {
  return startOf(count - 1) === length ? count - 1 : count;
}

function lineCount(text: string): number {
  const lines = text.split(/\r\n|\n|\r/);
  return lines.at(-1) === '' ? lines.length - 1 : lines.length;
}

function countLines(file: string): number {
  try {
    return lineCount(fs.readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

function version(): string {
  try {
    const manifest = JSON.parse(fs.readFileSync(path.join(__dirname, '../../package.json'), 'utf8')) as { version?: string };
    return manifest.version ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
