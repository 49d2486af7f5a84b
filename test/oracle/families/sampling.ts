import type { Bridge } from '../setup';
import { ask, bridgeName, pipeline, plainPorts, somePackets, tablesOf, type Family, type Menu } from './common';
import { withStates } from './plain';

const MENU: Menu = [
  ['output', 6],
  ['sample', 4],
  ['load', 1],
  ['mod_dl', 1],
  ['mod_vlan', 1],
  ['strip_vlan', 0.5],
  ['ct', 0.5],
  ['clone', 0.5],
  ['resubmit', 1],
  ['local', 0.5],
  ['normal', 0.7],
];

/** Bridges whose packets are sampled: sFlow, IPFIX of the whole bridge, IPFIX of single flows. */
const sampling: Family = {
  name: 'sampling',
  make: (random, place) => {
    const name = bridgeName(place);
    const ports = plainPorts(random, place, random.int(2, 4));
    const tunnelled = random.chance(0.4);
    if (tunnelled)
      ports.push({
        name: `t${place.index}`,
        ofport: 50,
        type: random.pick(['vxlan', 'gre']),
        interface: [`options:remote_ip=10.9.${place.index % 250}.1`, 'options:key=5'],
      });
    const packets = somePackets(random, 8, {
      inPorts: ports.map(({ ofport }) => ofport),
      kinds: ['tcp', 'udp', 'icmp', 'arp', 'tcp6'],
      vlan: 0.4,
      others: ['reg0', 'pkt_mark'],
    });
    const flows = pipeline(random, {
      ports,
      packets,
      tables: tablesOf(random, random.int(1, 3)),
      menu: tunnelled ? [...MENU, ['sample', 4], ['ct_clone', 2]] : MENU,
      perTable: 4,
      match: { miss: 0.1, fields: 2 },
    });
    if (tunnelled)
      flows.push({
        text: `priority=900,udp actions=sample(probability=65535,collector_set_id=1,sampling_port=50),output:50,clone(ct(commit),output:${random.pick(ports).ofport}),output:1`,
        version: 'OpenFlow13',
      });
    const bridge: Bridge = { name, ports, flows, settings: ['fail-mode=secure'] };
    const id = (what: string): string => `@${what}${place.index}`;
    const rate = (): string[] => (random.chance(0.8) ? [`sampling=${random.pick([1, 2, 3, 10, 1000])}`] : []);
    const vsctl: string[] = [];
    const create = (what: string, table: string, columns: readonly string[]): void => {
      vsctl.push('--', `--id=${id(what)}`, 'create', table, ...columns);
    };
    // The collectors need not be there.
    if (random.chance(0.5)) {
      create('s', 'sflow', ['agent=127.0.0.1', 'targets="127.0.0.1:6343"', ...rate()]);
      vsctl.push('--', 'set', 'bridge', name, `sflow=${id('s')}`);
    }
    if (random.chance(0.5)) {
      create('i', 'ipfix', ['targets="127.0.0.1:4739"', ...rate()]);
      vsctl.push('--', 'set', 'bridge', name, `ipfix=${id('i')}`);
    }
    if (random.chance(0.6)) {
      vsctl.push('--', `--id=${id('b')}`, 'get', 'bridge', name);
      create('f', 'ipfix', ['targets="127.0.0.1:4740"']);
      create('c', 'Flow_Sample_Collector_Set', [
        `id=${tunnelled ? 1 : random.int(1, 9)}`,
        `bridge=${id('b')}`,
        `ipfix=${id('f')}`,
      ]);
    }
    // Tunnels that the datapath makes, and one that knows no clone.
    const features = tunnelled ? random.pick([['tnl_push_pop'], ['tnl_push_pop', 'clone'], []]) : [];
    return {
      bridges: [bridge],
      vsctl,
      appctl: features.map((feature) => ['dpif/set-dp-features', name, feature, 'false']),
      exclusive: features.length > 0,
      stages: [ask(random, name, packets, ports).map((question) => withStates(question, random))],
    };
  },
};

export const samplingFamilies: readonly Family[] = [sampling];
