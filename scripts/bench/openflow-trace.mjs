// Tracing through large OpenFlow tables, beside the real switch where it is installed, and how a look-up grows with the flows.
//   node --expose-gc scripts/bench/openflow-trace.mjs [--quick]
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { count, keep, median, quantile, table, timed } from './lib/measure.mjs';
import { neutronTables } from './lib/neutron.mjs';
import { server } from './lib/server.mjs';

const quick = process.argv.includes('--quick');
const QUESTIONS = quick ? 50 : 400;
const { createService, makeTables, ofprotoTrace, parseExactFlow, switchOf, withoutIndexing } = await server();

/** More flows take the real switch minutes to load. */
const MOST_REAL = 100_000;

const installed = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** A switch with its dummy datapath in a folder of its own; undefined where there is none on this machine. */
function realSwitch() {
  if (!['ovsdb-tool', 'ovsdb-server', 'ovs-vswitchd', 'ovs-vsctl', 'ovs-ofctl', 'ovs-appctl'].every(installed)) return undefined;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'packet-walk-bench-'));
  const env = { ...process.env, OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder, OVS_SYSCONFDIR: folder };
  const database = `unix:${folder}/db.sock`;
  const run = (program, args) =>
    execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 30 });
  const detached = (name) => ['--detach', '--no-chdir', `--pidfile=${folder}/${name}.pid`, `--log-file=${folder}/${name}.log`];
  const stop = () => {
    for (const name of ['ovs-vswitchd', 'ovsdb-server']) {
      const file = path.join(folder, `${name}.pid`);
      if (fs.existsSync(file)) process.kill(Number(fs.readFileSync(file, 'utf8')));
    }
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    run('ovsdb-tool', ['create', `${folder}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema']);
    run('ovsdb-server', [`${folder}/conf.db`, `--remote=p${database}`, ...detached('ovsdb-server')]);
    run('ovs-vsctl', [`--db=${database}`, '--no-wait', 'init']);
    run('ovs-vswitchd', [database, '--enable-dummy=override', '--disable-system', ...detached('ovs-vswitchd')]);
  } catch (error) {
    stop();
    throw error;
  }
  return {
    folder,
    stop,
    vsctl: (...args) => run('ovs-vsctl', [`--db=${database}`, ...args]),
    ofctl: (...args) => run('ovs-ofctl', args),
    appctl: (...args) =>
      run('ovs-appctl', [
        `--target=${folder}/ovs-vswitchd.${fs.readFileSync(`${folder}/ovs-vswitchd.pid`, 'utf8').trim()}.ctl`,
        ...args,
      ]),
  };
}

/** How long the real switch takes for the same questions, and what it answers. */
function askReal(made, questions) {
  const real = realSwitch();
  if (!real) return undefined;
  try {
    real.vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath-type=dummy', 'fail-mode=secure');
    // In one go: each transaction makes the switch look at all its ports again.
    const ports = made.ports.flatMap(({ name, ofport }) => [
      ...['--', 'add-port', 'br-int', name],
      ...['--', 'set', 'interface', name, 'type=dummy', `ofport_request=${ofport}`],
    ]);
    real.vsctl(...ports.slice(1));
    const file = path.join(real.folder, 'flows.txt');
    fs.writeFileSync(file, made.flows.map((flow) => `cookie=0x1f5,${flow}`).join('\n'));
    real.ofctl('--bundle', 'add-flows', 'br-int', file);
    const ms = [];
    const answers = questions.map((flow) => {
      const { wall, result } = timed(() => real.appctl('ofproto/trace', 'br-int', flow));
      ms.push(wall);
      return result;
    });
    return { ms, answers: answers.map((text) => byOfport(text, real.appctl('dpif/show'))) };
  } finally {
    real.stop();
  }
}

/** The numbers of ports in the datapath are the switch's own: the capture does not show them, and the trace then names ofports. */
function byOfport(text, ports) {
  const ofports = new Map([...ports.matchAll(/(\d+)\/(\d+): \(/g)].map(([, ofport, port]) => [port, ofport]));
  return text.replaceAll(/^Datapath actions: .*$/gm, (line) =>
    line.replaceAll(/(?<=[ ,])\d+(?=,|$)/g, (port) => ofports.get(port) ?? port),
  );
}

/** A running switch counts its recirculations on from one trace to the next. */
function numbered(text) {
  const order = [];
  return text.replaceAll(/(recirc(?:_id=|\())(0x[0-9a-f]+)/g, (_, before, id) => {
    if (!order.includes(id)) order.push(id);
    return `${before}${order.indexOf(id)}`;
  });
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(0);
const figures = [];
const rows = [
  [
    'flows',
    'dump',
    'indexed in',
    'first trace',
    'longest step',
    'trace p50',
    'p95',
    'look-up',
    'real p50',
    'same answers',
    'memory',
  ],
];
for (const size of quick ? [1000, 10_000, 100_000] : [1000, 10_000, 100_000, 500_000]) {
  const made = neutronTables(size);
  globalThis.gc?.();
  const service = createService();
  const uri = 'file:///br-int';
  const indexed = timed(() => {
    service.set(uri, 'br-int.txt', made.capture);
    service.world();
  }).wall;
  const world = service.world();
  const questions = Array.from({ length: QUESTIONS }, (_, n) => made.question(n));
  const ask = (flow) =>
    ofprotoTrace(world, { bridge: 'br-int', flow, packet: null, ctNext: [], names: false, generate: false, host: null });
  // The first trace indexes the tables that it meets, in steps, between which a server answers.
  let longest = 0;
  const step = (run) => {
    // Others' turns on the processor make a step longer by the clock, V8's other threads in processor time.
    const { cpu, wall, result } = timed(run);
    longest = Math.max(longest, Math.min(cpu, wall));
    return result;
  };
  const first = timed(() => {
    for (;;) {
      const done = step(() => withoutIndexing(() => ask(questions[0])));
      if (!('steps' in done)) return;
      while (!step(() => done.steps.next()).done);
    }
  }).wall;
  for (const flow of questions.slice(0, 20)) ask(flow);
  const ours = questions.map((flow) => timed(() => ask(flow)));
  const ms = ours.map(({ wall }) => wall);
  const { sw } = switchOf(world, 'hv1');
  const bridge = sw.bridges.get('br-int');
  const packets = questions.map((_, n) => parseExactFlow(made.atService(n)).flow);
  const tables = makeTables();
  const lookups = (rounds) => {
    for (let n = 0; n < rounds; n++) for (const packet of packets) tables.lookup(bridge, made.serviceTable, packet, undefined);
  };
  // Processor time: a look-up is too short for a clock that other programs' turns also count on.
  const rounds = Math.ceil(100_000 / packets.length);
  lookups(rounds);
  const taken = Math.min(...[1, 2, 3].map(() => timed(() => lookups(rounds)).cpu));
  const lookup = (taken * 1000) / (rounds * questions.length);
  globalThis.gc?.();
  const { rss } = process.memoryUsage();
  const real = size > MOST_REAL ? undefined : askReal(made, questions.slice(0, quick ? 20 : 200));
  const trim = (text) => numbered(text.trim().replaceAll(/ +$/gm, ''));
  const same = real?.answers.filter((text, n) => {
    const { result } = ours[n];
    return result.kind === 'answer' && trim(result.answer.text) === trim(text);
  }).length;
  figures.push({
    flows: made.flows.length,
    indexed,
    first,
    longest,
    p50: median(ms),
    p95: quantile(ms, 0.95),
    lookupMicroseconds: lookup,
    real: real && median(real.ms),
    same,
    asked: real?.answers.length,
    rss,
  });
  rows.push([
    count(made.flows.length),
    `${megabytes(made.capture.length)} MB`,
    `${indexed.toFixed(0)} ms`,
    `${first.toFixed(0)} ms`,
    `${longest.toFixed(0)} ms`,
    `${median(ms).toFixed(2)} ms`,
    `${quantile(ms, 0.95).toFixed(2)} ms`,
    `${lookup.toFixed(2)} µs`,
    real ? `${median(real.ms).toFixed(1)} ms` : size > MOST_REAL ? 'not asked' : 'not installed',
    real ? `${same} of ${real.answers.length}` : '',
    `${megabytes(rss)} MB`,
  ]);
}
console.log('A Neutron-like br-int; the look-up is in the table of its services; memory is all that the process holds:\n');
table(rows);
keep('openflow-trace', figures);
