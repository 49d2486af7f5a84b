// Asks the real kernel about random routers and compares its answers with those worked out from captures.
//   node scripts/oracle-linux.mjs [--setups 300] [--packets 14] [--seed N] [--seconds S] [--keep FILE] [--allow N] [--backend nft|legacy|native]
// More than N different set-ups (0) end it with an error.
// Needs root, python3, iproute2, iptables (both back ends), nftables and ipset. Without the right to make namespaces it says so and ends well.
import path from 'node:path';
import { compareRecorded, oracle, root } from './recorded.mjs';

const { values, seconds, count, seed, main, keep, allow } = oracle({
  what: 'setups',
  usual: 300,
  options: { packets: { type: 'string' }, backend: { type: 'string' } },
  main: 'oracle-linux/main.js',
  spaces: ['-n'],
  probe: 'iptables-nft -S && iptables-legacy -S && ip link add pw0 type veth && ipset list -n && python3 -V',
  without: 'Namespaces, iptables or ipset cannot be used here: the kernel was not asked.',
});
const recorder = path.join(root, 'test/oracle-linux/record.py');
const packets = values.packets ?? '14';
// Rules of iptables by either of its ways into the kernel, or nftables in its own words; without it all by turns.
const backend = values.backend === undefined ? [] : [values.backend];
compareRecorded([recorder, seed, count, packets, ...backend], [main, '-', keep, recorder, packets, allow], seconds);
