import { ipv4Text, ipv6Text } from '../fields';
import type { Random } from '../random';
import type { Flow, Question, SetUp } from '../setup';
import { bridgeName, plainPorts, type Family } from './common';
import { withStates } from './plain';

const STATES = [
  '+trk',
  '+trk+new',
  '+trk+est',
  '+trk+est+rpl',
  '+trk+est-rpl',
  '+trk+rel',
  '+trk-inv',
  '+trk+snat',
  '+trk+dnat',
  '-trk',
];

/** A match on where a connection came from, before its addresses were translated. */
function original(random: Random): string {
  const state = `ct_state=${random.pick(STATES.filter((one) => one.startsWith('+')))}`;
  const ipv6 = random.chance(0.3);
  const address = ipv6 ? `fd00::${random.int(1, 3)}` : `10.0.0.${random.int(1, 3)}`;
  const side = random.pick(['src', 'dst']);
  const addressed = `ct_${ipv6 ? 'ipv6' : 'nw'}_${side}=${address}${random.chance(0.3) ? (ipv6 ? '/64' : '/24') : ''}`;
  const proto = random.pick([6, 17]);
  const port = `ct_nw_proto=${proto},ct_tp_${random.pick(['src', 'dst'])}=${random.pick(['80', '53', '0x50/0xfff0', '1024/0xfc00'])}`;
  const base = ipv6 ? 'ipv6' : 'ip';
  return random.pick([
    `${state},${base},${addressed}`,
    `${state},${base},${port}`,
    `${state},${base},${addressed},${port}`,
    `${state},${base},ct_mark=0x${random.int(0, 3)}`,
    `${state},${base},ct_label=0x${random.int(0, 3)}/0x3`,
    `${state},${base},ct_zone=${random.int(0, 3)}`,
    `${state},tcp`,
    `${state},${base}`,
  ]);
}

function tracked(random: Random, table: number): string {
  const nat = random.pick([
    ...[
      '',
      '',
      ',nat',
      ',nat(src=10.1.1.1)',
      ',nat(dst=10.1.1.2:8080)',
      ',nat(src)',
      ',nat(dst)',
      ',nat(src=10.1.1.5-10.1.1.9:100-200,random)',
    ],
    ...[',nat(src=0.0.0.0)', ',nat(dst=10.1.1.2-10.1.1.4,persistent)', ',nat(src=10.1.1.1:1024-65535,hash)'],
  ]);
  const commit = nat.includes('(') || random.chance(0.5) ? 'commit,' : '';
  const executed =
    commit !== '' && random.chance(0.4)
      ? `,exec(${random.pick(['load:0x1->NXM_NX_CT_MARK[]', 'set_field:0x2/0x3->ct_mark', 'move:NXM_NX_REG1[]->NXM_NX_CT_MARK[],load:1->NXM_NX_CT_LABEL[0]', 'set_field:0x1->ct_label', 'load:0xffffffffffffffff->NXM_NX_CT_LABEL[64..127]', 'move:NXM_OF_ETH_SRC[]->NXM_NX_CT_LABEL[0..47]'])})`
      : '';
  const zone = random.pick(['', 'zone=1,', 'zone=NXM_NX_REG13[0..15],', 'zone=65535,']);
  const where = random.chance(0.75) ? `table=${table},` : '';
  return `ct(${commit}${zone}${where}${nat}${executed})`.replace(/,(?=[,)])/g, '').replace('(,', '(');
}

/** Packets that go through connection tracking several times, and flows that match what it knows of them. */
const connections: Family = {
  name: 'connections',
  make: (random, place): Omit<SetUp, 'family'> => {
    const ports = plainPorts(random, place, 3);
    const name = bridgeName(place);
    const version = random.pick(['OpenFlow13', 'OpenFlow15'] as const);
    const flows: Flow[] = [];
    const count = random.int(3, 5);
    for (let table = 0; table < count; table++) {
      const next = table + 1;
      const act = (): string => {
        const before = random.pick([
          '',
          '',
          'load:0x3->NXM_NX_REG13[],',
          'ct_clear,',
          'push_vlan:0x8100,',
          'output:1,',
          'mod_dl_src:00:00:00:00:00:09,',
          'push:NXM_NX_REG0[],',
        ]);
        const last = next >= count;
        return `${before}${random.pick([
          last ? 'output:2' : `resubmit(,${next})`,
          tracked(random, next),
          tracked(random, next),
          `${tracked(random, next)},${tracked(random, next)}`,
          last ? 'ct_clear,output:3' : `resubmit(,${next},ct)`,
          `clone(${tracked(random, next)}),output:2`,
          'group:1',
          'output:1,output:2',
          'in_port',
        ])}`;
      };
      for (let n = 0; n < random.int(2, 5); n++)
        flows.push({
          text: `table=${table},priority=${10 + n},${random.chance(0.25) ? `ip,ct_state=${random.pick(STATES)}` : original(random)} actions=${act()}`,
          version,
        });
      flows.push({ text: `table=${table},priority=1,ip actions=${table === 0 ? tracked(random, next) : act()}`, version });
      flows.push({
        text: `table=${table},priority=1,ipv6 actions=${tracked(random, next).replace(/nat\([^)]*\)/, 'nat')}`,
        version,
      });
      flows.push({ text: `table=${table},priority=0 actions=${random.pick(['drop', 'output:1', 'NORMAL'])}`, version });
    }
    const groups = [
      `group_id=1,type=${random.pick(['all', 'select', 'indirect'])},bucket=ct(commit,table=${count - 1},nat(dst=10.1.1.${random.int(1, 9)})),output:2`,
    ];
    const question = (): Question => {
      const ipv6 = random.chance(0.3);
      const side = (n: number): string => (ipv6 ? ipv6Text((0xfd00n << 112n) | BigInt(n)) : ipv4Text(0x0a000000n + BigInt(n)));
      const [src, dst] = [side(random.int(1, 3)), side(random.int(1, 3))];
      const addresses = ipv6 ? `ipv6_src=${src},ipv6_dst=${dst}` : `nw_src=${src},nw_dst=${dst}`;
      const known = random.chance(0.35);
      const prefix = ipv6 ? 'ct_ipv6' : 'ct_nw';
      const proto = random.pick(['tcp', 'udp']);
      const tuple =
        known && random.chance(0.7)
          ? `,${prefix}_src=${side(random.int(1, 3))},${prefix}_dst=${side(random.int(1, 3))},ct_nw_proto=${proto === 'tcp' ? 6 : 17},ct_tp_src=1025,ct_tp_dst=80`
          : '';
      const state = known
        ? `ct_state=${random.pick(['trk|est', 'trk|new', 'trk|est|rpl', 'trk|rel', 'trk|est|dnat'])},ct_zone=${random.int(0, 3)},ct_mark=0x${random.int(0, 3)},`
        : '';
      return {
        bridge: name,
        flow: `in_port=${random.pick(ports).ofport},${state}${proto}${ipv6 ? '6' : ''},${addresses},tp_src=1025,tp_dst=${random.pick([80, 53])}${tuple}`.replace(
          /tp_(src|dst)=/g,
          (whole, which: string, at: number, all: string) =>
            proto === 'udp' && all.slice(at - 3, at) !== 'ct_' ? `udp_${which}=` : whole,
        ),
      };
    };
    return {
      bridges: [{ name, ports, flows, groups, settings: ['fail-mode=secure'] }],
      stages: [Array.from({ length: 9 }, question).map((one) => withStates(one, random))],
    };
  },
};

export const connectionFamilies: readonly Family[] = [connections];
