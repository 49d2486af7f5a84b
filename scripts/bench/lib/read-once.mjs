// Reads one dump in a process of its own, as a server does that opens one file, and prints what that took as JSON.
//   node --expose-gc read-once.mjs BUNDLE FILE started|new
// `started`: the process did before what a language server does while nobody asks it for anything. `new`: the dump is the first thing it reads.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { timed } from './measure.mjs';

const [bundle, file, state] = process.argv.slice(2);
const { createReading, prepareReading, readDocument } = createRequire(import.meta.url)(bundle);
const text = fs.readFileSync(file, 'utf8');
let made;
/** What knows the shapes: made with the first dump, where that is the first thing of all. */
const reading = () => (made ??= createReading());
if (state === 'started') for (const steps = prepareReading(reading()); !steps.next().done;);
globalThis.gc?.();
const used = () => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};
/** Milliseconds that the thread that reads has had a processor, as Linux counts them; elsewhere those of all threads. */
const ownThread = `/proc/self/task/${process.pid}/schedstat`;
const threadTime = () =>
  fs.existsSync(ownThread) ? Number(fs.readFileSync(ownThread, 'utf8').split(' ')[0]) / 1e6 : process.cpuUsage().user / 1000;
const read = (uri) => {
  const start = threadTime();
  const taken = timed(() => readDocument(uri, 'dump.txt', text, undefined, reading()));
  return { ...taken, thread: threadTime() - start };
};
const before = used();
const first = read('file:///dump');
globalThis.gc?.();
const memory = used() - before;
const again = read('file:///again');
const { flows } = first.result.captures[0] ?? {};
const times = ({ wall, cpu, thread }) => ({ wall, cpu, thread });
console.log(JSON.stringify({ flows: flows?.count ?? 0, first: times(first), again: times(again), memory: memory / text.length }));
