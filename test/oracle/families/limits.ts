import type { Random } from '../random';
import type { Flow, SetUp } from '../setup';
import { bridgeName, plainPorts, type Family } from './common';

const f = (text: string): Flow => ({ text, version: 'OpenFlow13' });

/** Set-ups that run into the switch's own limits. */
const LIMITS: readonly ((random: Random) => Flow[])[] = [
  // Deeper than 64.
  (random) => [f(`actions=${random.chance(0.5) ? 'output:1,' : ''}resubmit(,0)`)],
  (random) => [f('actions=output:1,resubmit(,1),output:2'), f(`table=1 actions=resubmit(,${random.pick([0, 1])}),output:3`)],
  // A chain that just fits, or just does not.
  (random) => {
    const length = random.int(60, 67);
    return Array.from({ length }, (_, n) => f(`table=${n} actions=${n === length - 1 ? 'output:1' : `resubmit(,${n + 1})`}`));
  },
  (random) => {
    const length = random.int(60, 80);
    return Array.from({ length }, (_, n) => f(`table=${n} actions=${n === length - 1 ? 'output:1' : `goto_table:${n + 1}`}`));
  },
  // More than 4,096 in all.
  (random) => {
    const length = random.int(10, 13);
    return Array.from({ length: length + 1 }, (_, n) =>
      f(`table=${n} actions=${n === length ? 'load:1->NXM_NX_REG0[]' : `resubmit(,${n + 1}),resubmit(,${n + 1})`}`),
    );
  },
  (random) => [
    f(
      `actions=output:1,${Array.from({ length: random.int(1, 3) }, () => 'pop:NXM_NX_REG0[]').join(',')},output:2,push:NXM_NX_REG1[],pop:NXM_NX_REG2[]`,
    ),
  ],
  (random) => [
    f(`priority=5,ip actions=output:1,resubmit(,1),output:2`),
    f(`table=1,ip actions=dec_ttl${random.pick(['', '(1,2,3)'])},output:3`),
    f('priority=4,mpls actions=output:1,dec_mpls_ttl,output:2'),
    f('priority=0 actions=output:1'),
  ],
  () => [
    f('actions=resubmit(,1),output:2'),
    f('table=1,priority=2,tcp actions=output:3,exit,output:1'),
    f('table=1,priority=1 actions=clone(exit,output:1),output:3'),
  ],
  () => [
    f('priority=1,in_port=1 actions=resubmit(2,0),output:3'),
    f('priority=1,in_port=2 actions=resubmit(1,0)'),
    f('priority=0 actions=output:1'),
  ],
  (random) => [f(`actions=push_vlan:0x8100,${random.pick(['push_vlan:0x88a8,', ''])}output:1,strip_vlan,strip_vlan,output:2`)],
  (random) => [f(`actions=output:${random.pick([77, 65534, 65300, 1])},output:2,IN_PORT,enqueue:77:1`)],
];

const limits: Family = {
  name: 'limits',
  make: (random, place): Omit<SetUp, 'family'> => {
    const ports = plainPorts(random, place, 3);
    const name = bridgeName(place);
    const flow = (): string =>
      `in_port=${random.pick(ports).ofport},${random.pick(['ip,nw_ttl=1', 'tcp,nw_ttl=64', 'ip,nw_ttl=2', 'udp6,nw_ttl=0', 'arp', 'mpls,mpls_ttl=1,mpls_bos=1', 'mpls,mpls_ttl=9,mpls_bos=0', 'dl_vlan=5,tcp,nw_ttl=9'])}`;
    const fail = random.pick(['secure', 'secure', 'standalone']);
    return {
      bridges: [{ name, ports, flows: random.pick(LIMITS)(random), settings: [`fail-mode=${fail}`] }],
      stages: [[1, 2, 3].map(() => ({ bridge: name, flow: flow() }))],
    };
  },
};

/** So many outputs, most of them by way of another table. */
function outputs(count: number): string {
  const each = 64;
  const rest = Array.from({ length: count % each }, () => 'output:1');
  return [...Array.from({ length: Math.floor(count / each) }, () => 'resubmit(,1)'), ...rest].join(',');
}

/** More copies, or more bytes of actions, than a datapath is trusted with; the last of them by a tunnel that the switch builds itself. */
const large: Family = {
  name: 'large',
  make: (random, place): Omit<SetUp, 'family'> => {
    const name = bridgeName(place);
    const underlay = bridgeName(place, 'phy');
    const ports = plainPorts(random, place, 3);
    const own = plainPorts(random, place, 2, 'e');
    const tunnel = {
      name: `t${place.index}`,
      ofport: 50,
      type: 'vxlan',
      interface: ['options:remote_ip=10.99.0.2', 'options:key=flow'],
    };
    // Around 1,000 outputs, and around 64 kB of them, 8 bytes each.
    const count = random.chance(0.5) ? random.int(995, 1005) : random.int(8170, 8192);
    const after = random.pick([
      '',
      ',output:50',
      ',output:50,output:1',
      ',output:50,output:50,output:1',
      ',clone(output:50,ct(commit)),output:1',
    ]);
    return {
      bridges: [
        {
          name,
          ports: [...ports, tunnel],
          flows: [
            f(`ip actions=${outputs(count)}${after}`),
            f(`table=1 actions=${Array.from({ length: 64 }, () => 'output:1').join(',')}`),
          ],
          settings: ['fail-mode=secure'],
        },
        { name: underlay, ports: own, flows: [f('actions=NORMAL')] },
      ],
      appctl: [
        ['netdev-dummy/ip4addr', underlay, '10.99.0.1/24'],
        ['ovs/route/add', '10.99.0.0/24', underlay],
        ['tnl/neigh/set', underlay, '10.99.0.2', '0e:00:00:00:00:01'],
        ['fdb/add', underlay, own[0]?.name ?? '', '0', '0e:00:00:00:00:01'],
      ],
      exclusive: true,
      stages: [[{ bridge: name, flow: `in_port=${ports[1]?.ofport ?? 2},tcp` }]],
    };
  },
};

export const limitFamilies: readonly Family[] = [limits, large];
