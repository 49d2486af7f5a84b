// Measures what people wait for: runs the programs of scripts/bench, each about one topic, one after the other.
//   npm run bench [-- TOPIC… [--quick]]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { root } from './host.mjs';

const folder = path.join(root, 'scripts/bench');
const topics = fs
  .readdirSync(folder)
  .filter((name) => name.endsWith('.mjs'))
  .map((name) => name.replace(/\.mjs$/, ''))
  .sort();
const options = process.argv.slice(2).filter((word) => word.startsWith('--'));
const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = asked.filter((topic) => !topics.includes(topic));
if (unknown.length > 0) {
  console.error(`There is no topic ${unknown.join(', ')}; there are ${topics.join(', ')}.`);
  process.exit(2);
}
let failed = 0;
for (const topic of asked.length > 0 ? asked : topics) {
  console.log(`\n== ${topic} ${'='.repeat(Math.max(3, 70 - topic.length))}\n`);
  // Each in a process of its own: one topic's garbage is not the next one's time.
  const { status } = spawnSync(process.execPath, ['--expose-gc', path.join(folder, `${topic}.mjs`), ...options], {
    stdio: 'inherit',
  });
  if (status !== 0) failed++;
}
if (failed > 0) {
  console.error(`\n${failed} of the topics failed.`);
  process.exit(1);
}
