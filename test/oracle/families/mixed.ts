import { MAKERS } from '../actions';
import { ask, bridgeName, pipeline, plainPorts, somePackets, tablesOf, type Family } from './common';
import { addPatch } from './bridges';
import { withStates } from './plain';

/** Everything at once: all actions, groups, meters, two bridges, connection state. */
const mixed: Family = {
  name: 'mixed',
  make: (random, place) => {
    const names = [bridgeName(place), bridgeName(place, 'x')] as const;
    const ports = plainPorts(random, place, random.int(3, 4));
    const others = plainPorts(random, place, 2, 'q');
    addPatch(ports, `mx${place.index}`, `my${place.index}`);
    addPatch(others, `my${place.index}`, `mx${place.index}`);
    const packets = somePackets(random, 9, {
      inPorts: ports.map(({ ofport }) => ofport),
      vlan: 0.3,
      others: ['reg0', 'metadata', 'pkt_mark', 'tun_id', 'ct_mark', 'ct_state'],
    });
    const quiet = new Set(['drop', 'exit', 'normal', 'flood', 'all', 'debug_slow', 'ct', 'resubmit_ct']);
    const menu = Object.keys(MAKERS)
      .filter((name) => !/^(?:tunnel_option|delete_field|mpls)$/.test(name))
      .map((name) => [name, name === 'output' ? 6 : name === 'resubmit' ? 3 : quiet.has(name) ? 0.3 : 1] as const);
    const common = { menu, instructions: random.chance(0.6), meters: [1], groups: [1, 2], length: 5 };
    const groups = [
      'group_id=1,type=all,bucket=output:1,bucket=mod_dl_dst:00:00:00:00:00:05,output:2',
      `group_id=2,type=select,selection_method=hash,fields(eth_src,ip_dst),bucket=weight:10,output:1,bucket=weight:20,output:2,bucket=weight:5,output:3`,
    ];
    const meters = ['meter=1,kbps,band=type=drop,rate=1000'];
    return {
      bridges: [
        {
          name: names[0],
          ports,
          groups,
          meters,
          settings: ['fail-mode=secure'],
          flows: pipeline(random, {
            ...common,
            ports,
            packets,
            tables: tablesOf(random, random.int(3, 7)),
            match: { miss: 0.1, protocol: random.chance(0.7), others: ['reg0', 'reg1', 'metadata', 'ct_state'] },
          }),
        },
        {
          name: names[1],
          ports: others,
          groups,
          meters,
          settings: ['fail-mode=secure'],
          flows: pipeline(random, {
            ...common,
            ports: others,
            packets,
            tables: tablesOf(random, 2),
            match: { miss: 0.1, only: ['dl_src', 'dl_dst', 'nw_src', 'pkt_mark', 'dl_vlan'] },
          }),
        },
      ],
      stages: [ask(random, names[0], packets, ports).map((question) => withStates(question, random))],
    };
  },
};

export const mixedFamilies: readonly Family[] = [mixed];
