import { oneBridge, type Family, type Menu } from './common';
import { withStates } from './plain';

const MENU: Menu = [
  ['output', 6],
  ['output_truncated', 2],
  ['clone', 2],
  ['ct', 2],
  ['ct_clear', 1],
  ['ct_clone', 1],
  ['check_pkt_larger', 2],
  ['mpls', 1],
  ['push_mpls', 1],
  ['push_vlan', 2],
  ['strip_vlan', 1],
  ['mod_vlan', 1],
  ['sample', 1],
  ['set_field', 4],
  ['group', 2],
  ['resubmit', 1],
  ['dec_ttl', 1],
];
const FLAGS = [
  ...['masked_set_action', 'trunc', 'clone', 'ct_eventmask', 'ct_clear', 'check_pkt_len', 'ct_timeout', 'explicit_drop_action'],
  ...['lb_output_action', 'ct_zero_snat', 'add_mpls', 'ct_orig_tuple', 'ct_orig_tuple6', 'nd_ext', 'ct_state_nat'],
];
const COUNTS = [
  ['sample_nesting', 3],
  ['max_hash_alg', 1],
  ['max_vlan_headers', 2],
  ['max_mpls_depth', 3],
] as const;

/** Datapaths that can do less than the dummy one: `dpif/set-dp-features`, as older kernels' are. */
const features: Family = {
  name: 'features',
  make: (random, place) => {
    const made = oneBridge(random, place, {
      packets: { vlan: 0.4, others: ['ct_state', 'ct_zone', 'reg0', 'pkt_mark'] },
      menu: MENU,
      length: 5,
      groups: [1, 2],
      versions: ['OpenFlow13', 'OpenFlow15'],
      match: { protocol: random.chance(0.8), miss: 0.1, others: ['ct_state'] },
      tables: random.int(1, 3),
      bridge: {
        groups: [
          'group_id=1,type=select,selection_method=dp_hash,bucket=output:1,bucket=output:2',
          'group_id=2,type=all,bucket=output:1,bucket=set_field:00:00:00:00:00:01->eth_dst,output:2',
        ],
      },
    });
    const name = made.bridges[0]?.name ?? '';
    const appctl = [
      ...random.sample(FLAGS, random.int(1, 6)).map((flag) => ['dpif/set-dp-features', name, flag, 'false']),
      ...COUNTS.filter(() => random.chance(0.3)).map(([what, most]) => [
        'dpif/set-dp-features',
        name,
        what,
        `${random.int(0, most)}`,
      ]),
    ];
    return {
      ...made,
      appctl,
      exclusive: true,
      stages: made.stages.map((stage) => stage.map((question) => withStates(question, random))),
    };
  },
};

export const featureFamilies: readonly Family[] = [features];
