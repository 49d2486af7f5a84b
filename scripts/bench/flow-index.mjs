// Reading whole flow dumps: how fast, beside Open vSwitch's own reader and Python's, how the time grows, and what it takes of memory.
//   node --expose-gc scripts/bench/flow-index.mjs [--quick]
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { dump, kinds, realStatistics, statistics } from './lib/dumps.mjs';
import { count, keep, median, scratch, table, timed, timedProgram } from './lib/measure.mjs';
import { server } from './lib/server.mjs';

const quick = process.argv.includes('--quick');
const sizes = quick ? [10_000, 100_000] : [10_000, 100_000, 500_000];
const RUNS = 3;
const { createReading, learnUsualShapes, readDocument } = await server();

/** What a server knows when it has just started: shapes of small clouds, none of these dumps'. */
function fresh() {
  const reading = createReading();
  for (const steps = learnUsualShapes(reading); !steps.next().done;);
  return reading;
}

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

console.log('Shapes of lines (numbers and addresses taken out):\n');
const percent = (n) => `${(n * 100).toFixed(0)} %`;
const shapeRow = (name, s) => [name, count(s.lines), s.shapes, percent(s.topTen), s.bytesPerLine.toFixed(0)];
table([
  ['dump', 'flows', 'shapes', 'ten most frequent', 'bytes a line'],
  ...kinds.map((kind) => shapeRow(`${kind}, the real dump that the generator follows`, realStatistics(kind))),
  ...dumps.map(({ name, text }) => shapeRow(name, statistics(flowsOf(text)))),
]);

/** Python's reader is slow: a part of the dump tells its rate. */
const PYTHON_FLOWS = 4000;
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

// The process has read other captures before, as a server has.
for (let n = 0; n < 8; n++) {
  for (const kind of kinds) readDocument('file:///warm', 'warm.txt', dump(kind, 3000), undefined, createReading());
}

const figures = [];
for (const { name, kind, text } of dumps) {
  const file = path.join(scratch(), 'dump.txt');
  const part = path.join(scratch(), 'part.txt');
  const flows = flowsOf(text);
  fs.writeFileSync(file, `${flows.join('\n')}\n`);
  fs.writeFileSync(part, `${flows.slice(0, PYTHON_FLOWS).map(forPython).join('\n')}\n`);
  const own = [];
  const nothingKnown = [];
  const known = [];
  const ofctl = [];
  let memory = NaN;
  for (let run = 0; run < RUNS; run++) {
    globalThis.gc?.();
    const before = process.memoryUsage();
    const reading = fresh();
    const first = timed(() => readDocument('file:///dump', 'dump.txt', text, undefined, reading));
    own.push(first);
    if (first.result.captures[0]?.flows.count !== flows.length) throw new Error(`${name}: not every flow was read`);
    globalThis.gc?.();
    const after = process.memoryUsage();
    memory = (after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers) / text.length;
    nothingKnown.push(timed(() => readDocument('file:///new', 'dump.txt', text, undefined, createReading())));
    known.push(timed(() => readDocument('file:///again', 'dump.txt', text, undefined, reading)));
    const peer = timedProgram('ovs-ofctl', ['parse-flows', file]);
    if (peer) ofctl.push(peer);
  }
  const ovsFlow = timedProgram(PYTHON, ['-c', python, part]);
  const start = timedProgram(PYTHON, ['-c', 'from ovs.flow.ofp import OFPFlow']);
  const rate = (times) => (times.length === 0 ? NaN : flows.length / (median(times.map(({ cpu }) => cpu)) / 1000));
  const pythonRate = ovsFlow && start ? Math.min(flows.length, PYTHON_FLOWS) / ((ovsFlow.cpu - start.cpu) / 1000) : NaN;
  figures.push({
    name,
    kind,
    flows: flows.length,
    bytes: text.length,
    rate: rate(own),
    known: rate(known),
    nothing: rate(nothingKnown),
    ofctl: rate(ofctl),
    python: pythonRate,
    memory,
    wall: median(own.map(({ wall }) => wall)),
    cpu: median(own.map(({ cpu }) => cpu)),
  });
}
console.log(`\nFlows a second of processor time (median of ${RUNS}), each flow with match, masks, actions and places:\n`);
const times = (a, b) => (Number.isNaN(b) ? '-' : `${(a / b).toFixed(1)} x`);
table([
  [
    'dump',
    'Packet Walk',
    'no shape known',
    'all known',
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
