// Asks the real kernel about random routers and compares its answers with those worked out from captures.
//   node scripts/oracle-linux.mjs [--setups 300] [--packets 14] [--seed N] [--seconds S] [--keep FILE] [--allow N] [--backend nft|legacy|native]
// More than N different set-ups (0) end it with an error.
// Needs root, python3, iproute2, iptables (both back ends), nftables and ipset. Without the right to make namespaces it says so and ends well.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compareRecorded } from './recorded.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    setups: { type: 'string' },
    packets: { type: 'string' },
    seed: { type: 'string' },
    seconds: { type: 'string' },
    keep: { type: 'string' },
    allow: { type: 'string' },
    backend: { type: 'string' },
  },
});
const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
const setups = Number(values.setups ?? (seconds === undefined ? 300 : 100000));
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
const main = path.join(root, 'dist/test/oracle-linux/main.js');
if (!fs.existsSync(main)) spawnSync(process.execPath, [path.join(root, 'scripts/build.mjs')], { stdio: 'inherit' });

const probe = spawnSync('unshare', [
  '-n',
  'sh',
  '-c',
  'iptables-nft -S && iptables-legacy -S && ip link add pw0 type veth && ipset list -n && python3 -V',
]);
if (probe.status !== 0) {
  console.log('Namespaces, iptables or ipset cannot be used here: the kernel was not asked.');
  process.exit(0);
}
console.log(`seed ${seed}`);
const program = path.join(root, 'test/oracle-linux/record.py');
const packets = values.packets ?? '14';
// Rules of iptables by either of its ways into the kernel, or nftables in its own words; without it all by turns.
const backend = values.backend === undefined ? [] : [values.backend];
compareRecorded(
  [program, String(seed), String(setups), packets, ...backend],
  [main, '-', values.keep ?? '', program, packets, values.allow ?? '0'],
  seconds,
);
