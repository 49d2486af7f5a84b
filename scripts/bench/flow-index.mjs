// Reading whole flow dumps: how fast, beside Open vSwitch's own reader and Python's, how the time grows, and what it takes of memory.
//   node --expose-gc scripts/bench/flow-index.mjs [--quick]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { dump, kinds, realStatistics, statistics } from './lib/dumps.mjs';
import { root } from '../host.mjs';
import { count, keep, median, scratch, table, timedProgram } from './lib/measure.mjs';
import { server } from './lib/server.mjs';

const quick = process.argv.includes('--quick');
const sizes = quick ? [10_000, 100_000] : [10_000, 100_000, 500_000];
/** Short dumps are read in a moment, which whatever else the machine does may lengthen: the median of more readings tells. */
const runsOf = (flows) => (flows.length <= 30_000 ? 9 : 3);
await server();

/** Reads a file in a process of its own; see `lib/read-once.mjs`. */
const readOnce = (file, state) =>
  JSON.parse(
    execFileSync(
      process.execPath,
      ['--expose-gc', path.join(root, 'scripts/bench/lib/read-once.mjs'), path.join(scratch(), 'server.js'), file, state],
      { encoding: 'utf8' },
    ),
  );

const isFlow = (line) => line.includes('actions=');
const flowsOf = (text) => text.split('\n').filter(isFlow);

const dumps = [];
for (const kind of kinds) for (const size of sizes) dumps.push({ name: `${kind} ${count(size)}`, kind, text: dump(kind, size) });
const real = path.resolve(import.meta.dirname ?? '.', '../../../shared/lab/ovn-26k/br-int.flows.txt.xz');
if (fs.existsSync(real)) {
  dumps.push({
    name: 'ovn 26,167 (real)',
    kind: 'ovn',
    text: execFileSync('xz', ['-dc', real], { encoding: 'utf8', maxBuffer: 1 << 28 }),
  });
}

// The worst case: no two lines are of one shape, because each matches under another mask.
const different = (n) =>
  ` cookie=0x1, duration=1.0s, table=5, n_packets=0, n_bytes=0, priority=9,ip,metadata=0x${n.toString(16)}/0x${(n | 1).toString(16)} actions=resubmit(,6)`;
const worst = quick ? 20_000 : 100_000;
dumps.push({
  name: `no two alike ${count(worst)}`,
  kind: 'different',
  text: `${Array.from({ length: worst }, (_, n) => different(n * 2)).join('\n')}\n`,
});

console.log('Shapes of lines (numbers and addresses taken out):\n');
const percent = (n) => `${(n * 100).toFixed(0)} %`;
const shapeRow = (name, s) => [name, count(s.lines), s.shapes, percent(s.topTen), s.bytesPerLine.toFixed(0)];
table([
  ['dump', 'flows', 'shapes', 'ten most frequent', 'bytes a line'],
  ...kinds.map((kind) => shapeRow(`${kind}, the real dump that the generator follows`, realStatistics(kind))),
  ...dumps.flatMap(({ name, kind, text }) => (kind === 'different' ? [] : [shapeRow(name, statistics(flowsOf(text)))])),
]);

/** Python's reader is slow: flows from all over the dump tell its rate. Those of its start alone are simpler than the rest, or less so. */
const PYTHON_FLOWS = 4000;
const spread = (flows) => {
  const apart = Math.max(1, flows.length / PYTHON_FLOWS);
  return Array.from({ length: Math.min(flows.length, PYTHON_FLOWS) }, (_, n) => flows[Math.floor(n * apart)]);
};
/** Debian 12's ovs.flow calls the counter `n_packet` and refuses dumps as they are printed, and ages too: it gets what it can read. */
const forPython = (flow) => flow.replace(/\bn_packets=/, 'n_packet=').replace(/\b(?:idle|hard)_age=\d+, /g, '');
/** Debian's own, which has the package. */
const PYTHON = fs.existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const python = `
import sys
from ovs.flow.ofp import OFPFlow
lines = [line.strip() for line in open(sys.argv[1])]
for line in lines: OFPFlow(line)
`;

const figures = [];
for (const { name, kind, text } of dumps) {
  const file = path.join(scratch(), 'dump.txt');
  const part = path.join(scratch(), 'part.txt');
  const flows = flowsOf(text);
  fs.writeFileSync(file, `${flows.join('\n')}\n`);
  fs.writeFileSync(part, `${spread(flows).map(forPython).join('\n')}\n`);
  const started = [];
  const fresh = [];
  const ofctl = [];
  const pythons = [];
  for (let run = 0; run < runsOf(flows); run++) {
    started.push(readOnce(file, 'started'));
    fresh.push(readOnce(file, 'new'));
    if (started.at(-1).flows !== flows.length) throw new Error(`${name}: not every flow was read`);
    const peer = timedProgram('ovs-ofctl', ['parse-flows', file]);
    if (peer) ofctl.push(peer);
    const ovsFlow = timedProgram(PYTHON, ['-c', python, part]);
    const start = timedProgram(PYTHON, ['-c', 'from ovs.flow.ofp import OFPFlow']);
    if (ovsFlow && start) pythons.push(ovsFlow.cpu - start.cpu);
  }
  const rate = (times, of = ({ thread, cpu }) => thread ?? cpu) =>
    times.length === 0 ? NaN : flows.length / (median(times.map(of)) / 1000);
  const pythonRate = pythons.length > 0 ? Math.min(flows.length, PYTHON_FLOWS) / (median(pythons) / 1000) : NaN;
  const first = started.map((run) => run.first);
  figures.push({
    name,
    kind,
    flows: flows.length,
    bytes: text.length,
    rate: rate(first),
    threads: rate(first, ({ cpu }) => cpu),
    known: rate(started.map((run) => run.again)),
    nothing: rate(fresh.map((run) => run.first)),
    ofctl: rate(ofctl),
    python: pythonRate,
    memory: median(started.map((run) => run.memory)),
    wall: median(first.map(({ wall }) => wall)),
    cpu: median(first.map(({ thread }) => thread)),
  });
}
console.log(
  '\nRates are of the thread that reads, in processor time; "all threads" counts those too that compile its code and collect its garbage.',
);
console.log(
  `\nFlows a second of processor time (median of 3, of 9 up to 30,000 flows), each flow with match, masks, actions and places; each reading in a new process:\n`,
);
const times = (a, b) => (Number.isNaN(b) ? '-' : `${(a / b).toFixed(1)} x`);
table([
  [
    'dump',
    'server started',
    '(all threads)',
    'very first file',
    'taken again',
    'ovs-ofctl',
    'ovs.flow',
    'to ovs-ofctl',
    'to ovs.flow',
    'ms',
    'bytes/byte',
  ],
  ...figures.map((f) => [
    f.name,
    count(f.rate),
    count(f.threads),
    count(f.nothing),
    count(f.known),
    Number.isNaN(f.ofctl) ? 'not installed' : count(f.ofctl),
    Number.isNaN(f.python) ? 'not installed' : count(f.python),
    times(f.rate, f.ofctl),
    times(f.rate, f.python),
    count(f.wall),
    f.memory.toFixed(2),
  ]),
]);
keep('flow-index', figures);
