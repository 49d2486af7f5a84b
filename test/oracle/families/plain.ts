import { CT_STATES } from '../actions';
import { hexFrame } from '../frames';
import { KINDS } from '../packets';
import type { Random } from '../random';
import type { Question } from '../setup';
import { oneBridge, type Family, type Menu } from './common';

const METADATA = [
  ...['reg0', 'reg1', 'reg2', 'reg7', 'reg15', 'xreg1', 'xxreg1', 'metadata', 'pkt_mark', 'tun_id', 'tun_src', 'tun_dst'],
  ...['tun_ipv6_src', 'tun_gbp_id', 'tun_gtpu_flags', 'tun_gtpu_msgtype', 'ct_state', 'ct_zone', 'ct_mark', 'ct_label'],
];
const BASIC: Menu = [
  ['output', 4],
  ['load', 1],
  ['mod_dl', 1],
  ['in_port', 0.2],
  ['local', 0.2],
  ['controller', 0.2],
];
const menu = (...names: readonly string[]): Menu => names.map((name) => [name, 1] as const);

/** Every match field, exact, masked and as a prefix; actions are few. */
const fields: Family = {
  name: 'fields',
  make: (random, place) =>
    oneBridge(random, place, {
      packets: { vlan: 0.3, others: METADATA },
      menu: BASIC,
      perTable: 8,
      tables: random.int(1, 3),
      count: 6,
      match: { fields: 4, mask: 0.6 },
    }),
};

const ALL_ACTIONS: Menu = [
  ['output', 4],
  ['set_field', 4],
  ['load', 3],
  ['move', 3],
  ...menu(
    ...['output_truncated', 'output_register', 'in_port', 'local', 'controller', 'enqueue', 'set_queue', 'pop_queue', 'mod_dl'],
    ...['mod_vlan', 'strip_vlan', 'push_vlan', 'mod_nw', 'mod_tp', 'push', 'pop', 'dec_ttl', 'set_tunnel', 'resubmit', 'note'],
    ...[
      'in_port_write',
      'output_odd',
      'sample',
      'fin_timeout',
      'clone',
      'check_pkt_larger',
      'ct_clear',
      'multipath',
      'bundle',
      'bundle_load',
    ],
  ),
  ['exit', 0.2],
  ['flood', 0.2],
  ['all', 0.2],
  ['normal', 0.2],
  ['debug_slow', 0.1],
];

/** Every action, in every spelling. */
const actions: Family = {
  name: 'actions',
  make: (random, place) =>
    oneBridge(random, place, {
      packets: { vlan: 0.4, others: ['tun_id', 'pkt_mark', 'reg0', 'metadata'] },
      menu: ALL_ACTIONS,
      length: 6,
      match: { protocol: random.chance(0.7), miss: 0.15 },
      tables: random.int(1, 3),
    }),
};

const registers: Family = {
  name: 'registers',
  make: (random, place) =>
    oneBridge(random, place, {
      packets: { kinds: ['tcp', 'udp6', 'arp', 'icmp'], others: ['reg0', 'reg1', 'xreg1', 'xxreg1', 'metadata', 'pkt_mark'] },
      menu: [
        ['load', 4],
        ['move', 4],
        ['set_field', 4],
        ['push', 2],
        ['pop', 2],
        ['output', 1],
        ['output_register', 2],
        ['resubmit', 2],
      ],
      tables: random.int(3, 8),
      perTable: 5,
      length: 6,
      match: { others: ['reg0', 'reg1', 'reg2', 'reg5', 'xreg1', 'metadata'], protocol: random.chance(0.5) },
    }),
};

const instructions: Family = {
  name: 'instructions',
  make: (random, place) =>
    oneBridge(random, place, {
      packets: { vlan: 0.3, kinds: ['tcp', 'udp', 'icmp', 'arp', 'tcp6', 'ns', 'ip'] },
      menu: [
        ['output', 3],
        ['set_field', 3],
        ['load', 1],
        ['resubmit', 1],
        ['push_vlan', 1],
        ['dec_ttl', 1],
        ['mod_nw', 1],
        ['group', 0.5],
      ],
      instructions: true,
      tables: random.int(2, 6),
      perTable: 3,
      match: { protocol: true, miss: 0.15, others: ['metadata'] },
      meters: [1, 2],
      groups: [1],
      bridge: {
        meters: ['meter=1,kbps,band=type=drop,rate=1000', 'meter=2,pktps,burst,stats,bands=type=drop,rate=10,burst_size=5'],
        groups: ['group_id=1,type=all,bucket=output:1,bucket=set_field:00:00:00:00:00:01->eth_dst,output:2'],
      },
    }),
};

const vlans: Family = {
  name: 'vlans',
  make: (random, place) =>
    oneBridge(random, place, {
      packets: { vlan: 0.7, kinds: ['tcp', 'arp', 'icmp6', 'eth', 'mpls'] },
      menu: [
        ['output', 4],
        ['mod_vlan', 3],
        ['strip_vlan', 3],
        ['push_vlan', 3],
        ['set_field', 1],
        ['clone', 1],
        ['dec_ttl', 0.5],
      ],
      length: 6,
      match: { only: ['dl_vlan', 'dl_vlan_pcp', 'in_port', 'dl_src'], miss: 0.1 },
    }),
};

const mpls: Family = {
  name: 'mpls',
  make: (random, place) => {
    return oneBridge(random, place, {
      packets: { kinds: ['mpls', 'mplsm', 'mpls', 'tcp', 'udp6', 'arp', 'icmp'], vlan: 0.2 },
      menu: [
        ['output', 4],
        ['mpls', 8],
        ['push_mpls', 2],
        ['mod_vlan', 0.5],
        ['push_vlan', 0.5],
        ['strip_vlan', 0.5],
        ['set_field', 1],
        ['resubmit', 1],
        ['clone', 0.5],
      ],
      length: 6,
      tables: random.int(1, 4),
      match: { protocol: true, miss: 0.1 },
    });
  },
};

const hashes: Family = {
  name: 'hashes',
  make: (random, place) => {
    return oneBridge(random, place, {
      packets: { kinds: ['tcp', 'udp', 'icmp', 'sctp', 'tcp6', 'udp6', 'icmp6', 'arp', 'ip', 'eth', 'frag'], vlan: 0.3 },
      menu: [
        ['multipath', 3],
        ['bundle', 3],
        ['bundle_load', 2],
        ['output', 0.5],
        ['output_register', 0.5],
      ],
      tables: random.int(1, 2),
      length: 3,
      match: { fields: 1, mask: 0.2 },
    });
  },
};

const conntrack: Family = {
  name: 'conntrack',
  make: (random, place) => {
    const made = oneBridge(random, place, {
      packets: {
        kinds: ['tcp', 'udp', 'icmp', 'tcp6', 'icmp6', 'frag', 'arp'],
        vlan: 0.15,
        others: ['ct_state', 'ct_mark', 'ct_zone', 'reg0', 'reg1'],
      },
      menu: [
        ['ct', 6],
        ['output', 3],
        ['load', 2],
        ['set_field', 1],
        ['resubmit', 1.5],
        ['resubmit_ct', 0.7],
        ['ct_clear', 0.5],
        ['in_port_write', 0.4],
        ['mod_dl', 0.5],
        ['clone', 0.5],
        ['push_vlan', 0.3],
        ['push', 0.3],
        ['pop', 0.3],
      ],
      tables: random.int(2, 6),
      perTable: 5,
      match: { protocol: random.chance(0.5), others: ['ct_state', 'ct_zone', 'ct_mark'], miss: 0.15 },
    });
    return { ...made, stages: made.stages.map((stage) => stage.map((question) => withStates(question, random))) };
  },
};

export function withStates(question: Question, random: Random): Question {
  if (random.chance(0.4)) return question;
  return { ...question, ctNext: Array.from({ length: random.int(1, 3) }, () => random.pick(CT_STATES)) };
}

/** Packets in hex, with datapath flows, on all sides of a pipeline. */
const frames: Family = {
  name: 'frames',
  make: (random, place) => {
    const made = oneBridge(random, place, {
      packets: { kinds: KINDS.filter((kind) => kind !== 'llc'), vlan: 0.4 },
      menu: [
        ['output', 4],
        ['set_field', 2],
        ['mod_dl', 1],
        ['mod_nw', 1],
        ['mod_vlan', 1],
        ['resubmit', 1],
        ['strip_vlan', 1],
        ['push_vlan', 1],
      ],
      match: { protocol: random.chance(0.5) },
      count: 3,
    });
    const [bridge] = made.bridges;
    if (bridge === undefined) return made;
    const stage = Array.from({ length: 4 }, (): Question => {
      const { ofport, name } = random.pick(bridge.ports);
      const packet = hexFrame(random);
      const how = random.int(0, 2);
      if (how === 0) return { bridge: bridge.name, flow: `in_port=${random.chance(0.5) ? ofport : name}`, packet };
      const datapath = random.pick([place.datapath, `ovs-${place.datapath}`]);
      return { bridge: datapath, flow: `in_port(${name})`, packet };
    });
    return { ...made, stages: [...made.stages, stage] };
  },
};

export const plainFamilies: readonly Family[] = [
  ...[fields, actions, registers, instructions, vlans, mpls, hashes, conntrack, frames],
];
