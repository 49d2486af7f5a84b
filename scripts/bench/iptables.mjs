// Reading the rules that kube-proxy writes and walking packets through them, beside iptables-restore on the same file.
//   node --expose-gc scripts/bench/iptables.mjs [--quick]
import fs from 'node:fs';
import path from 'node:path';
import { count, keep, median, quantile, scratch, table, timed, timedProgram } from './lib/measure.mjs';
import { kubeProxy } from './lib/kube-proxy.mjs';
import { server } from './lib/server.mjs';

const quick = process.argv.includes('--quick');
const sizes = quick ? [10_000] : [1000, 10_000, 50_000];
const RUNS = 5;
const QUESTIONS = quick ? 50 : 200;
const { createService, netfilterTrace, readDocument, readQuestion } = await server();

// The process has read other captures before, as a server has.
for (let n = 0; n < 4; n++) readDocument('file:///warm', 'warm.txt', kubeProxy(1000).capture);

const figures = [];
const rows = [
  ['rules', 'capture', 'indexed in', 'and linked', 'edited', 'first packet', 'packet p50', 'p95', 'iptables-restore --test'],
];
for (const size of sizes) {
  const made = kubeProxy(size);
  const file = path.join(scratch(), 'kube-proxy.rules');
  fs.writeFileSync(file, made.text);
  const read = [];
  const linked = [];
  const edited = [];
  const first = [];
  const packets = [];
  const peer = [];
  for (let run = 0; run < RUNS; run++) {
    globalThis.gc?.();
    const service = createService();
    const uri = `file:///node${run}`;
    read.push(timed(() => service.set(uri, 'node.txt', made.capture)).wall);
    linked.push(timed(() => service.world()).wall);
    const found = service.world().documents.get(uri).captures.at(-1);
    if (found.errors.length > 0 || found.facts.filter(({ kind }) => kind === 'nf-rule').length !== made.rules)
      throw new Error(`${count(size)} rules: not every rule was read`);
    const at = made.capture.indexOf('cluster IP');
    const changed = `${made.capture.slice(0, at)}my ${made.capture.slice(at)}`;
    edited.push(
      timed(() => {
        service.set(uri, 'node.txt', changed);
        service.world();
      }).wall,
    );
    const [namespace] = [...service.world().network.hosts.values()].map((host) => host.namespaces.get(''));
    const ask = (n) => {
      const question = readQuestion(made.question(n), namespace);
      if (typeof question === 'string') throw new Error(question);
      const [trace] = netfilterTrace(namespace, [question]);
      if (trace.verdict !== 'forwarded' || !trace.rules.some(({ verdict }) => verdict === 'DNAT'))
        throw new Error(`a packet for a service came to no endpoint: ${trace.why}`);
    };
    first.push(timed(() => ask(0)).wall);
    for (let n = 1; n <= QUESTIONS; n++) packets.push(timed(() => ask(n)).wall);
    const real = timedProgram('iptables-restore', ['--test', file]);
    if (real) peer.push(real.wall);
  }
  const figure = {
    rules: made.rules,
    read: median(read),
    linked: median(linked),
    edited: median(edited),
    first: median(first),
    p50: median(packets),
    p95: quantile(packets, 0.95),
    peer: median(peer),
  };
  figures.push(figure);
  rows.push([
    count(made.rules),
    `${(made.capture.length / 1e6).toFixed(1)} MB`,
    `${count(figure.read)} ms`,
    `${count(figure.linked)} ms`,
    `${count(figure.edited)} ms`,
    `${figure.first.toFixed(1)} ms`,
    `${figure.p50.toFixed(2)} ms`,
    `${figure.p95.toFixed(2)} ms`,
    peer.length === 0 ? 'not installed' : `${count(figure.peer)} ms`,
  ]);
}
console.log(`A kube-proxy-like iptables-save, and packets from outside to its services (median of ${RUNS} runs):\n`);
table(rows);
keep('iptables', figures);
