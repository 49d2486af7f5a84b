import path from 'node:path';
import { pathToFileURL } from 'node:url';
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import type { TraceParams } from '../protocol';
import { createService } from '../service';
import { checkCommand } from './check';
import { readPaths } from './files';
import { inventoryCommand } from './inventory';
import { netfilterTraceCommand, splitPackets } from './netfilter-trace';
import { createOutput } from './output';
import { traceCommand } from './trace';

const USAGE = `Usage: packet-walk COMMAND PATH… [options]

  inventory PATH… [--json]
      What was recognised in files and folders of captures.
  trace PATH… --from WHERE --to WHERE [--proto icmp|tcp|udp] [--sport N] [--dport N] [--reply] [--json]
      Walks a packet through everything captured. WHERE is an instance, tap, port or interface name, a Neutron port id or its
      beginning, a MAC or an IP address, with HOST: before it where names repeat.
  netfilter-trace PATH… [--host H] [--namespace NS] KEY=VALUE… [--then KEY=VALUE…]… [--json]
      What the kernel of a host or namespace does with packets: routing, connection tracking, every table and chain, NAT.
      Keys: iif (none: the host makes the packet), src, dst, proto, sport, dport, type, code, id, flags, ttl, tos, length, mark, smac,
      dmac, ctstate, ctdir, ctmark. Every --then is the next packet; it meets the connections of those before it.
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
  if (!/^(?:inventory|trace|check)$/.test(command)) return usage(io, `there is no command "${command}"`);
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(rest);
  } catch (error) {
    return usage(io, error instanceof Error ? error.message : String(error));
  }
  const { values, positionals: paths } = parsed;
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
        lines: document ? lineCount(document.text) : countLines(file),
      };
    });
    status = inventoryCommand(world, listed, values.json === true, out);
  } else if (command === 'check') {
    status = checkCommand(world, values.sarif === true ? 'sarif' : values.json === true ? 'json' : 'text', version(), out);
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
    args: [...args],
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
    },
  });
}

function traceParams(values: ReturnType<typeof parse>['values']): TraceParams | string {
  const { from, to, proto } = values;
  if (from === undefined || to === undefined) return 'trace needs --from WHERE and --to WHERE';
  if (proto !== undefined && proto !== 'icmp' && proto !== 'tcp' && proto !== 'udp')
    return `--proto takes icmp, tcp or udp, not "${proto}"`;
  const sport = port(values.sport, '--sport');
  const dport = port(values.dport, '--dport');
  if (typeof sport === 'string') return sport;
  if (typeof dport === 'string') return dport;
  return {
    from,
    to,
    ...(proto === undefined ? {} : { proto }),
    ...(sport === undefined ? {} : { sport }),
    ...(dport === undefined ? {} : { dport }),
    ...(values.reply === true ? { reply: true } : {}),
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
