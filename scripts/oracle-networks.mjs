// Builds random networks of the real kernel and Open vSwitch, sends packets through them, and compares where they were with the walks.
//   node scripts/oracle-networks.mjs [--containers] [--networks 20] [--seconds S] [--seed N] [--less] [--keep FILE] [--allow N]
// `--containers`: hosts of Docker and nodes of Kubernetes instead of hypervisors and routers.
// `--less` also walks without each of the captures, and counts answers that are another end without saying what is missing.
// Needs root, python3, iproute2, iptables and openvswitch-switch. Without the right to make namespaces it says so and ends well.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compareRecorded } from './recorded.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values } = parseArgs({
  options: {
    containers: { type: 'boolean' },
    networks: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    less: { type: 'boolean' },
    keep: { type: 'string' },
    allow: { type: 'string' },
  },
});
const seconds = values.seconds === undefined ? undefined : Number(values.seconds);
const networks = Number(values.networks ?? (seconds === undefined ? 20 : 100000));
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9));
const main = path.join(root, 'dist/test/oracle-networks/main.js');
if (!fs.existsSync(main)) spawnSync(process.execPath, [path.join(root, 'scripts/build.mjs')], { stdio: 'inherit' });

const probe = spawnSync('unshare', [
  '-n',
  '-m',
  'sh',
  '-c',
  'ip link add pw0 type veth && ip link add pw1 type bridge && ovs-vswitchd --version && test -c /dev/net/tun',
]);
if (probe.status !== 0) {
  console.log('Namespaces or Open vSwitch cannot be used here: no network was built.');
  process.exit(0);
}
console.log(`seed ${seed}`);
compareRecorded(
  [path.join(root, `test/networks/random_${values.containers ? 'containers' : 'network'}.py`), String(seed), String(networks)],
  [main, '-', values.less ? 'less' : '', values.keep ?? '', values.allow ?? '0'],
  seconds,
);
