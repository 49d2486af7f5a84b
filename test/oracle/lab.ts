import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { writeCases, writeFiles, type Case } from './folder';
import type { Question } from './setup';

/**
 * Cases from recorded networks: `recorded/` with a `manifest.json` of commands, and folders with an `index.json` of files and traces.
 * Their captures are copied below `out`, one folder for each way in which somebody might have captured them.
 */
export function labCases(lab: string, out: string): Case[] {
  const indexed = fs.readdirSync(lab).filter((name) => fs.existsSync(path.join(lab, name, 'index.json')));
  return [
    ...recordedCases(path.join(lab, 'recorded'), out),
    ...indexed.flatMap((name) => indexedCases(path.join(lab, name), name, out)),
  ];
}

interface Recorded {
  readonly file: string;
  readonly node: string;
  readonly argv?: readonly string[];
}

/** What of a node's captures decides what its switch does; the dumps of flows in one dialect only. */
const WANTED =
  /^ovs-(?:vsctl_(?:show|list_\w+)|ofctl_show_.*|ofctl_-O_OpenFlow13_dump-groups_.*|appctl_(?:fdb_show|dpif_show|ovs_route|tnl_).*)\.txt$/;

function recordedCases(folder: string, out: string): Case[] {
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as readonly Recorded[];
  const traces = manifest.filter(({ file }) => file.includes('/trace/'));
  const nodes = [...new Set(traces.map(({ node }) => node))];
  const cases: Case[] = [];
  for (const [n, node] of nodes.entries()) {
    const dialect = ['dump-flows', '-O_OpenFlow13_dump-flows', '--names_--no-stats_dump-flows'][n % 3] ?? 'dump-flows';
    const files = new Map<string, string>();
    for (const name of fs.readdirSync(path.join(folder, node)))
      if (/_json/.test(name) ? false : WANTED.test(name) || name.startsWith(`ovs-ofctl_${dialect}_`))
        files.set(name, fs.readFileSync(path.join(folder, node, name), 'utf8'));
    for (const kernel of [false, true]) {
      const at = path.join(out, `${node}${kernel ? '-kernel' : ''}`);
      writeFiles(at, kernel ? ofKernel(files) : files);
      const own = traces
        .filter((trace) => trace.node === node && trace.file.includes('.kerneltun') === kernel)
        .map(({ file, argv = [] }) => ({
          family: 'lab',
          folder: at,
          question: questionOf(argv.slice(2)),
          answer: { kind: 'text' as const, text: fs.readFileSync(path.join(folder, file), 'utf8') },
        }));
      writeCases(at, own);
      cases.push(...own);
    }
  }
  return cases;
}

/** The same node as it would look with the kernel's datapath, which builds tunnels itself. */
function ofKernel(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const kept = [...files].filter(([name]) => !/route|tnl/.test(name));
  return new Map(
    kept.map(([name, text]) => [
      name,
      text
        .replaceAll('netdev@ovs-netdev', 'system@ovs-system')
        .replaceAll('(tap)', '(internal)')
        .replace(/^(datapath_type +: )netdev$/gm, '$1""'),
    ]),
  );
}

function questionOf(args: readonly string[]): Question {
  const positional: string[] = [];
  const ctNext: string[] = [];
  let names = false;
  for (let n = 0; n < args.length; n++) {
    const arg = args[n] ?? '';
    if (arg === '--ct-next') ctNext.push(args[++n] ?? '');
    else if (arg === '--names') names = true;
    else positional.push(arg);
  }
  const [bridge = '', flow = '', packet] = positional;
  return {
    bridge,
    flow,
    ...(packet === undefined ? {} : { packet }),
    ...(ctNext.length > 0 ? { ctNext } : {}),
    ...(names ? { names } : {}),
  };
}

interface Index {
  readonly files: readonly { readonly file: string }[];
  readonly traces: readonly {
    readonly bridge: string;
    readonly flow: string;
    readonly options: readonly string[];
    readonly trace: string;
  }[];
}

function indexedCases(folder: string, name: string, out: string): Case[] {
  const index = JSON.parse(fs.readFileSync(path.join(folder, 'index.json'), 'utf8')) as Index;
  const present = fs.readdirSync(folder).filter((file) => /^(?:br-|dpif|ovs-)/.test(file));
  const dialects = present.flatMap((file) => /^br-int\.(flows[\w-]*)\.txt/.exec(file)?.[1] ?? []);
  // The default dialect has no words for groups, of which these flows make use where they balance load.
  return dialects.flatMap((dialect) => {
    const files = new Map<string, string>();
    for (const file of present) {
      const other = /^br-int\.(flows[\w-]*)\.txt/.exec(file)?.[1];
      if (other !== undefined && other !== dialect) continue;
      files.set(file.replace(/\.xz$/, ''), textOf(path.join(folder, file)));
    }
    const at = path.join(out, `${name}-${dialect}`);
    writeFiles(at, files);
    const recorded = index.traces.filter(({ trace }) => fs.existsSync(path.join(folder, trace)));
    const own = recorded.map(({ bridge, flow, options, trace }) => ({
      family: name,
      folder: at,
      question: questionOf([bridge, flow, ...options]),
      answer: { kind: 'text' as const, text: fs.readFileSync(path.join(folder, trace), 'utf8') },
    }));
    writeCases(at, own);
    return own;
  });
}

const textOf = (file: string): string =>
  file.endsWith('.xz')
    ? execFileSync('xz', ['-dc', file], { encoding: 'utf8', maxBuffer: 1 << 28 })
    : fs.readFileSync(file, 'utf8');
