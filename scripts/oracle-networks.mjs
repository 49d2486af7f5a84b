// Builds random networks of the real kernel and Open vSwitch, sends packets through them, and compares where they were with the walks.
//   node scripts/oracle-networks.mjs [--containers] [--networks 20] [--seconds S] [--seed N] [--less] [--keep FILE] [--allow N]
// `--containers`: hosts of Docker and nodes of Kubernetes instead of hypervisors and routers.
// `--less` also walks without each of the captures, and counts answers that are another end without saying what is missing.
// Needs root, python3, iproute2, iptables and openvswitch-switch. Without the right to make namespaces it says so and ends well.
import path from 'node:path';
import { compareRecorded, oracle, root } from './recorded.mjs';

const { values, seconds, count, seed, main, keep, allow } = oracle({
  what: 'networks',
  usual: 20,
  options: { containers: { type: 'boolean' }, less: { type: 'boolean' } },
  main: 'oracle-networks/main.js',
  spaces: ['-n', '-m'],
  probe: 'ip link add pw0 type veth && ip link add pw1 type bridge && ovs-vswitchd --version && test -c /dev/net/tun',
  without: 'Namespaces or Open vSwitch cannot be used here: no network was built.',
});
const recorder = path.join(root, `test/networks/random_${values.containers ? 'containers' : 'network'}.py`);
compareRecorded([recorder, seed, count], [main, '-', values.less ? 'less' : '', keep, allow], seconds);
