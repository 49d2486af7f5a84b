import type { Question } from '../setup';
import { ask, bridgeName, pipeline, plainPorts, somePackets, tablesOf, type Family, type Menu } from './common';
import { withStates } from './plain';

const MENU: Menu = [
  ['output', 6],
  ['set_field', 3],
  ['mod_tp', 2],
  ['mod_nw', 1],
  ['load', 1],
  ['dec_ttl', 1],
  ['ct', 1],
  ['resubmit', 2],
  ['multipath', 0.5],
  ['bundle', 0.5],
  ['normal', 0.3],
];

const MATCHES = [
  ...['ip,nw_frag=no', 'ip,nw_frag=yes', 'ip,nw_frag=first', 'ip,nw_frag=later', 'ip,nw_frag=not_later', 'ipv6,nw_frag=later'],
  ...['udp,tp_dst=0', 'tcp,tp_src=0,tp_dst=0', 'tcp,tp_dst=80', 'udp,udp_dst=53', 'icmp,icmp_type=8', 'icmp,icmp_type=0'],
  ...[
    'tcp,tcp_flags=+syn',
    'udp6,udp_dst=53',
    'icmp6,icmp_type=128',
    'sctp,sctp_dst=0',
    'icmp6,icmp_type=0',
    'udp,nw_frag=first',
  ],
] as const;
const PACKETS = ['tcp,tcp_dst=80', 'udp,udp_dst=53', 'icmp,icmp_type=8', 'tcp6,tcp_dst=80', 'udp6,udp_dst=53', 'sctp,sctp_dst=0'];

/** Fragments, in every way in which a switch may treat them: `ovs-ofctl set-frags`. */
const fragments: Family = {
  name: 'fragments',
  make: (random, place) => {
    const name = bridgeName(place);
    const ports = plainPorts(random, place, random.int(3, 5));
    const packets = somePackets(random, 5, {
      inPorts: ports.map(({ ofport }) => ofport),
      kinds: ['frag', 'frag', 'tcp', 'udp6', 'icmp'],
      vlan: 0.2,
      others: ['reg0'],
    });
    const tables = tablesOf(random, random.int(1, 3));
    const flows = pipeline(random, { ports, packets, tables, menu: MENU, match: { fields: 2, miss: 0.1 }, perTable: 3 });
    random.sample(MATCHES, random.int(2, 7)).forEach((match, n) => {
      const table = random.pick(tables);
      const next = tables.filter((one) => one > table);
      const on =
        next.length > 0 && random.chance(0.5) ? `resubmit(,${random.pick(next)})` : `output:${random.pick(ports).ofport}`;
      const change = random.pick(['', '', 'mod_nw_tos:4,', 'ct(commit),', 'dec_ttl,']);
      flows.push({ text: `table=${table},priority=${1000 + n},${match} actions=${change}${on}`, version: 'OpenFlow13' });
    });
    const more = Array.from({ length: 5 }, (): Question => ({
      bridge: name,
      flow: `in_port=${random.pick(ports).ofport},${random.pick(PACKETS)},nw_frag=${random.pick(['first', 'later', 'later', 'no'])}`,
    }));
    const mode = random.pick(['normal', 'drop', 'nx-match', 'nx-match']);
    return {
      bridges: [{ name, ports, flows, settings: ['fail-mode=secure'], ofctl: [['set-frags', mode]] }],
      stages: [[...ask(random, name, packets, ports), ...more].map((question) => withStates(question, random))],
    };
  },
};

export const fragmentFamilies: readonly Family[] = [fragments];
