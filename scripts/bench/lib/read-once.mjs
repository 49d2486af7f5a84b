// Reads one dump in a process of its own, as a server does that opens one file, and prints what that took as JSON.
//   node --expose-gc read-once.mjs BUNDLE FILE started|new
// `started`: the process did before what a language server does while nobody asks it for anything. `new`: the dump is the first thing it reads.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { timed } from './measure.mjs';

const [bundle, file, state] = process.argv.slice(2);
const { createReading, prepareReading, readDocument } = createRequire(import.meta.url)(bundle);
const text = fs.readFileSync(file, 'utf8');
const reading = createReading();
if (state === 'started') for (const steps = prepareReading(reading); !steps.next().done;);
globalThis.gc?.();
const used = () => {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};
const before = used();
const first = timed(() => readDocument('file:///dump', 'dump.txt', text, undefined, reading));
globalThis.gc?.();
const memory = used() - before;
const again = timed(() => readDocument('file:///again', 'dump.txt', text, undefined, reading));
const { flows } = first.result.captures[0] ?? {};
const times = ({ wall, cpu }) => ({ wall, cpu });
console.log(JSON.stringify({ flows: flows?.count ?? 0, first: times(first), again: times(again), memory: memory / text.length }));
