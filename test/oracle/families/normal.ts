import { ipv4Text, macText } from '../fields';
import { hexFrame } from '../frames';
import { packet, packetText, type Packet } from '../packets';
import type { Random } from '../random';
import type { Bond, Bridge, Place, Port, Question, SetUp } from '../setup';
import { bridgeName, flowText, type Family } from './common';

const VLANS = [10, 20, 30, 100] as const;
const MACS = [0x0a0000000001n, 0x0a0000000002n, 0x0a0000000003n, 0x525400000001n, 0x525400000002n, 0x50000000000an] as const;
/** Addresses that a bridge treats in a way of their own. */
const RESERVED = [
  ...[0x0180c2000000n, 0x0180c2000001n, 0x0180c2000002n, 0x0180c200000en, 0x0180c200000fn, 0x0180c2000010n, 0x01000ccccccdn],
  ...[0x01000cccccccn, 0x01000ccdcdcdn, 0x01e02f000000n, 0x01e02f000002n, 0x01000c000000n],
] as const;
const MULTICAST = [0x01005e010203n, 0x01005e000001n, 0x33330000000fn, 0x333300000001n, 0x01005e7f0001n] as const;

/** Port columns about VLANs. */
function vlanColumns(random: Random): string[] {
  const tag = random.pick(VLANS);
  const trunks = random.sample(VLANS, random.int(1, 3)).join(',');
  const kind = random.pick(['none', 'access', 'access', 'trunk', 'native', 'native', 'qinq', 'both'] as const);
  const choices: Readonly<Record<typeof kind, readonly string[]>> = {
    none: [],
    access: [`tag=${tag}`],
    trunk: [`trunks=${trunks}`],
    native: [
      `tag=${tag}`,
      `vlan_mode=native-${random.pick(['tagged', 'untagged'])}`,
      ...(random.chance(0.5) ? [`trunks=${trunks}`] : []),
    ],
    qinq: [
      ...[`tag=${tag}`, 'vlan_mode=dot1q-tunnel'],
      ...(random.chance(0.5) ? [`cvlans=${random.sample(VLANS, 2).join(',')}`] : []),
      ...(random.chance(0.5) ? [`other-config:qinq-ethtype=802.1${random.pick(['q', 'ad'])}`] : []),
    ],
    both: [`tag=${tag}`, `trunks=${trunks}`, ...(random.chance(0.5) ? [`vlan_mode=${random.pick(['trunk', 'access'])}`] : [])],
  };
  const extra = [
    ...(random.chance(0.15) ? [`other-config:priority-tags=${random.pick(['true', 'if-nonzero', 'always', 'never'])}`] : []),
    ...(random.chance(0.1) ? ['protected=true'] : []),
  ];
  return [...choices[kind], ...extra];
}

interface Options {
  readonly snooping?: boolean;
  readonly bonds?: boolean;
  readonly mirrors?: boolean;
  readonly states?: boolean;
  readonly standalone?: boolean;
}

function normalSetUp(random: Random, place: Place, options: Options): Omit<SetUp, 'family'> {
  const name = bridgeName(place);
  let ofport = 0;
  const port = (what: string): Port => ({
    name: `${what}${place.index}`,
    ofport: (ofport += random.chance(0.8) ? 1 : 3),
    port: vlanColumns(random),
  });
  const ports = Array.from({ length: random.int(3, 6) }, (_, n) => port(`n${n + 1}-`));
  const bonds: Bond[] =
    options.bonds === true
      ? Array.from({ length: random.int(1, 2) }, (_, n) => bond(random, `bond${n}-${place.index}`, port))
      : [];
  const settings = [
    options.standalone === true && random.chance(0.7) ? 'fail-mode=standalone' : 'fail-mode=secure',
    ...(random.chance(0.2) ? [`flood-vlans=${random.sample(VLANS, 2).join(',')}`] : []),
    ...(random.chance(0.2) ? ['other-config:forward-bpdu=true'] : []),
    ...(options.snooping === true
      ? [
          'mcast_snooping_enable=true',
          ...(random.chance(0.5) ? ['other-config:mcast-snooping-disable-flood-unregistered=true'] : []),
        ]
      : []),
  ];
  const known = [...ports.map((one) => one), ...bonds.map((one) => ({ name: one.members[0]?.name ?? '', port: one.port ?? [] }))];
  const learned = random.sample(MACS, random.int(2, 6)).map((mac) => {
    const on = random.pick(known);
    const tag = on.port?.map((column) => /^tag=(\d+)/.exec(column)?.[1]).find((one) => one !== undefined);
    const vlan = tag !== undefined && random.chance(0.8) ? Number(tag) : random.pick([0, ...VLANS]);
    return { mac, vlan, port: on.name };
  });
  const members = [...ports, ...bonds.flatMap((one) => one.members)];
  const vsctl = options.mirrors === true ? mirrors(random, place, name, ports) : [];
  const flows =
    options.standalone === true
      ? []
      : [
          {
            text: flowText(random, {
              table: 0,
              priority: 0,
              match: '',
              actions: random.pick(['NORMAL', 'NORMAL', 'normal', 'load:1->NXM_NX_REG0[],NORMAL']),
            }),
            version: 'OpenFlow13' as const,
          },
          ...(random.chance(0.3)
            ? [
                {
                  text: `priority=10,dl_src=${macText(MACS[0])} actions=${random.pick([`mod_vlan_vid:${random.pick(VLANS)},NORMAL`, 'strip_vlan,NORMAL', 'push_vlan:0x8100,set_field:4116->vlan_vid,NORMAL', 'NORMAL,output:1', 'clone(NORMAL),output:2', 'resubmit(,5)'])}`,
                  version: 'OpenFlow13' as const,
                },
                { text: 'table=5,priority=1 actions=NORMAL', version: 'OpenFlow13' as const },
              ]
            : []),
        ];
  const ofctl =
    options.states === true
      ? ports
          .filter(() => random.chance(0.5))
          .map(({ name: which }) => [
            'mod-port',
            which,
            random.pick(['no-flood', 'no-forward', 'no-receive', 'down', 'no-packet-in', 'no-stp', 'no-receive-stp']),
          ])
      : [];
  const bridge: Bridge = { name, ports, bonds, settings, flows, ofctl };
  const questions = Array.from({ length: 9 }, () => question(random, name, members, place, options, learned));
  const stages = [questions];
  const appctl = [
    ...learned.map(({ mac, vlan, port: on }) => ['fdb/add', name, on, `${vlan}`, macText(mac)]),
    ...(options.snooping === true ? memberships(random, ports) : []),
    ...(options.states === true && random.chance(0.4) ? [['netdev-dummy/set-admin-state', random.pick(ports).name, 'down']] : []),
  ];
  return { bridges: [bridge], vsctl, appctl, stages };
}

function bond(random: Random, name: string, port: (what: string) => Port): Bond {
  const members = Array.from({ length: random.int(2, 3) }, (_, n) => ({ ...port(`m${n}${name.slice(4)}`), port: [] }));
  const mode = random.pick(['active-backup', 'balance-slb', 'balance-tcp']);
  return {
    name,
    members,
    port: [
      `bond_mode=${mode}`,
      ...vlanColumns(random).filter(
        (column) => !column.includes('dot1q') && !column.startsWith('cvlans') && !column.includes('qinq'),
      ),
      ...(mode === 'balance-tcp' && random.chance(0.3) ? ['lacp=active', 'other-config:lacp-fallback-ab=true'] : []),
      ...(random.chance(0.2) ? [`other-config:bond-hash-basis=${random.int(1, 99)}`] : []),
    ],
  };
}

/** IGMP and MLD reports and queries that arrive before anything is asked. */
function memberships(random: Random, ports: readonly Port[]): string[][] {
  const report = (): string[] => {
    const { name } = random.pick(ports);
    const group = random.pick(['e1010203', 'ef010101', 'e1010203']);
    const tag = random.pick(['', '', '8100000a', '81000014']);
    const kind = random.pick(['16', '16', '12', '11', '17']);
    const igmp = igmpFrame(tag, kind, kind === '11' ? '00000000' : group);
    return ['netdev-dummy/receive', name, igmp];
  };
  return Array.from({ length: random.int(1, 4) }, report);
}

function igmpFrame(tag: string, type: string, group: string): string {
  const sum = (text: string): string => {
    let total = 0;
    for (let n = 0; n < text.length; n += 4) total += parseInt(text.slice(n, n + 4), 16);
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
    return (~total & 0xffff).toString(16).padStart(4, '0');
  };
  const igmp = `${type}64${sum(`${type}640000${group}`)}${group}`;
  const before = '46c0002000004000' + '0102';
  const rest = '0a000005' + (group === '00000000' ? 'e0000001' : group) + '94040000';
  const ip = `${before}${sum(`${before}0000${rest}`)}${rest}`;
  const low = (parseInt(group === '00000000' ? 'e0000001' : group, 16) & 0x7fffff).toString(16).padStart(6, '0');
  return `01005e${low}525400aabb01${tag}0800${ip}${igmp}`.padEnd(120, '0');
}

function mirrors(random: Random, place: Place, bridge: string, ports: readonly Port[]): string[] {
  const list: string[] = [];
  const count = random.int(1, 2);
  const ids: string[] = [];
  const ref = (name: string): string => {
    const id = `@${name.replace(/-/g, '_')}`;
    if (!ids.includes(id)) {
      ids.push(id);
      list.push('--', `--id=${id}`, 'get', 'port', name);
    }
    return id;
  };
  const made: string[] = [];
  for (let n = 0; n < count; n++) {
    const id = `@m${place.index}_${n}`;
    made.push(id);
    const columns = [`name=mir${place.index}-${n}`];
    if (random.chance(0.35)) columns.push('select-all=true');
    if (random.chance(0.5)) columns.push(`select-src-port=[${ref(random.pick(ports).name)}]`);
    if (random.chance(0.5)) columns.push(`select-dst-port=[${ref(random.pick(ports).name)}]`);
    if (random.chance(0.25)) columns.push(`select-vlan=${random.sample([0, ...VLANS], 2).join(',')}`);
    if (random.chance(0.7)) columns.push(`output-port=${ref(random.pick(ports).name)}`);
    else columns.push(`output-vlan=${random.pick(VLANS)}`);
    if (random.chance(0.15)) columns.push(`snaplen=${random.int(14, 200)}`);
    list.push('--', `--id=${id}`, 'create', 'mirror', ...columns);
  }
  return [...list, '--', 'set', 'bridge', bridge, `mirrors=[${made.join(',')}]`];
}

function question(
  random: Random,
  bridge: string,
  ports: readonly Port[],
  place: Place,
  options: Options,
  learned: readonly { readonly mac: bigint; readonly vlan: number; readonly port: string }[],
): Question {
  const special = random.int(0, 9);
  const destination =
    special === 0 ? random.pick(RESERVED) : special <= (options.snooping === true ? 6 : 1) ? random.pick(MULTICAST) : undefined;
  const { name } = random.pick(ports);
  if (special === 9) {
    const datapath = random.pick([place.datapath, `ovs-${place.datapath}`]);
    if (random.chance(0.5)) return { bridge: datapath, flow: `in_port(${name})`, packet: hexFrame(random) };
    return { bridge: datapath, flow: stacked(random, name) };
  }
  const base = packet(random, {
    inPorts: [...ports.map((one) => one.ofport), ...(random.chance(0.1) ? [65534] : [])],
    kinds:
      options.snooping === true
        ? ['ip', 'udp', 'icmp', 'udp6', 'icmp6']
        : ['tcp', 'udp', 'icmp', 'arp', 'arp', 'tcp6', 'ns', 'na', 'eth', 'rarp'],
    vlan: 0.5,
    vlans: [...VLANS, 0, 4095],
    macs: MACS,
  });
  const fields = new Map(base.fields);
  if (destination !== undefined) fields.set('dl_dst', destination);
  else if (random.chance(0.5)) {
    // To a known address, from a port of the same VLAN where there is one.
    const { mac, vlan, port: on } = random.pick(learned);
    fields.set('dl_dst', mac);
    const same = ports.filter((one) => one.name !== on && (one.port?.includes(`tag=${vlan}`) ?? false));
    const from = random.pick(same.length > 0 && random.chance(0.7) ? same : ports);
    fields.set('in_port', BigInt(from.ofport));
    fields.delete('dl_vlan');
    fields.delete('dl_vlan_pcp');
    if (!same.includes(from) && vlan > 0) fields.set('dl_vlan', BigInt(vlan));
  }
  if (destination !== undefined && options.snooping === true && /^(?:ip|udp|icmp)$/.test(base.kind)) {
    fields.set('nw_dst', BigInt(parseInt(random.pick(['e1010203', 'ef010101', 'e0000001', 'e0000105']), 16)));
    if (base.kind === 'ip' && random.chance(0.5)) fields.set('nw_proto', 2n);
  }
  const asked: Packet = { kind: base.kind, fields };
  return { bridge, flow: packetText(asked, random), ...(random.chance(0.1) ? { names: true } : {}) };
}

/** A datapath flow with two tags. */
function stacked(random: Random, port: string): string {
  const [outer, inner] = [random.pick(VLANS), random.pick(VLANS)];
  const addresses = `eth(src=${macText(random.pick(MACS))},dst=${macText(random.pick(MACS))})`;
  const ip = `eth_type(0x0800),ipv4(src=${ipv4Text(random.bits(32))},dst=${ipv4Text(random.bits(32))},proto=17,tos=0,ttl=64,frag=no),udp(src=5,dst=6)`;
  const tpid = random.pick(['0x88a8', '0x8100']);
  const one = `in_port(${port}),${addresses},eth_type(${tpid}),vlan(vid=${outer},pcp=${random.int(0, 7)}),encap(`;
  return random.chance(0.7) ? `${one}eth_type(0x8100),vlan(vid=${inner},pcp=0),encap(${ip}))` : `${one}${ip})`;
}

const family = (name: string, options: Options): Family => ({
  name,
  make: (random, place) => normalSetUp(random, place, options),
});

/** Spanning tree: the switch stands still, so that states are the same when it is asked and when it is captured. */
const spanning: Family = {
  name: 'stp',
  make: (random, place) => {
    const made = normalSetUp(random, place, {});
    const rapid = random.chance(0.4);
    return {
      ...made,
      exclusive: true,
      bridges: made.bridges.map((bridge) => ({
        ...bridge,
        settings: [...(bridge.settings ?? []), rapid ? 'rstp_enable=true' : 'stp_enable=true'],
        ports: bridge.ports.map((port) =>
          random.chance(0.2)
            ? { ...port, port: [...(port.port ?? []), `other-config:${rapid ? 'rstp' : 'stp'}-enable=false`] }
            : port,
        ),
      })),
      appctl: [['time/stop'], ...(made.appctl ?? []), ['time/warp', `${random.pick([0, 4, 16, 20, 40]) * 1000}`, '1000']],
      stages: made.stages,
    };
  },
};

export const normalFamilies: readonly Family[] = [
  family('normal', {}),
  family('standalone', { standalone: true }),
  family('bonds', { bonds: true }),
  family('mirrors', { mirrors: true }),
  family('multicast', { snooping: true }),
  family('port-states', { states: true }),
  spanning,
];
