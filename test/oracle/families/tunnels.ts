import { ipv4Text, ipv6Text, macText } from '../fields';
import type { Random } from '../random';
import type { Bridge, Flow, Place, Port, Question, SetUp } from '../setup';
import { addPatch } from './bridges';
import { bridgeName, pipeline, plainPorts, somePackets, tablesOf, type Family, type Menu } from './common';

const TYPES = ['vxlan', 'vxlan', 'gre', 'geneve', 'geneve', 'erspan', 'gtpu'] as const;
const OVER_IPV6 = ['vxlan', 'geneve', 'gre', 'ip6gre', 'ip6erspan', 'gtpu'] as const;
type Type = (typeof TYPES)[number] | (typeof OVER_IPV6)[number];
const isErspan = (type: string | undefined): boolean => type === 'erspan' || type === 'ip6erspan';
const isGre = (type: string | undefined): boolean => type === 'gre' || type === 'ip6gre';

/** What only some tunnels bring. ERSPAN's other fields are printed with its version alone: see `erspan`. */
const EXTRA = ['tun_erspan_ver', 'tun_gtpu_flags', 'tun_gtpu_msgtype'];

const MENU: Menu = [
  ['output', 6],
  ['set_tunnel', 3],
  ['tunnel_field', 3],
  ['load', 1],
  ['set_field', 1],
  ['mod_dl', 1],
  ['mod_vlan', 1],
  ['strip_vlan', 1],
  ['dec_ttl', 1],
  ['clone', 0.5],
  ['move', 1],
  ['resubmit', 1],
  ['ct', 0.5],
];

/** Options that change how a tunnel packs its packets. */
function tunnelOptions(random: Random, place: Place, type: Type, n: number, remotes: readonly string[]): string[] {
  const remote = random.chance(0.3) ? 'flow' : random.pick(remotes);
  const key = random.pick(['flow', 'flow', `${random.int(1, 5000)}`, undefined]);
  const local = remote.includes(':') || (remote === 'flow' && remotes[0]?.includes(':') === true) ? 'fd99::1' : '10.99.0.1';
  const legacy = isGre(type) && random.chance(0.2) ? [`options:packet_type=${random.pick(['legacy_l3', 'ptap'])}`] : [];
  return [
    `options:remote_ip=${remote}`,
    ...(key === undefined
      ? []
      : random.chance(0.8)
        ? [`options:key=${key}`]
        : [`options:in_key=${key}`, `options:out_key=${random.pick(['flow', '77'])}`]),
    ...(random.chance(0.2) ? [`options:local_ip=${random.pick([local, 'flow'])}`] : []),
    ...(random.chance(0.2) ? [`options:tos=${random.pick(['inherit', '16', '0x20'])}`] : []),
    ...(random.chance(0.2) ? [`options:ttl=${random.pick(['inherit', '7', '255'])}`] : []),
    ...(random.chance(0.2) ? ['options:csum=true'] : []),
    ...(random.chance(0.15) ? ['options:df_default=false'] : []),
    ...(random.chance(0.1) ? [`options:egress_pkt_mark=${random.int(1, 99)}`] : []),
    ...(type === 'vxlan' && random.chance(0.2) ? [`options:exts=${random.pick(['gbp', 'gpe'])}`] : []),
    ...legacy,
    ...(isErspan(type) ? erspanOptions(random) : []),
    ...(isGre(type) && random.chance(0.2) ? ['options:seq=true'] : []),
    ...(type === 'gtpu' && random.chance(0.3) ? ['options:seq=true'] : []),
    ...(isGre(type) || isErspan(type) ? [] : random.chance(0.15) ? [] : [`options:dst_port=${5000 + place.index * 8 + n}`]),
  ];
}

function erspanOptions(random: Random): string[] {
  return random.pick([
    ['options:erspan_ver=1', `options:erspan_idx=${random.pick(['flow', '0x3f', 'fffff'])}`],
    [
      'options:erspan_ver=2',
      `options:erspan_dir=${random.pick(['flow', '0', '1'])}`,
      `options:erspan_hwid=${random.pick(['flow', '7', '3f'])}`,
    ],
    ['options:erspan_ver=flow', 'options:erspan_idx=flow', 'options:erspan_dir=flow', 'options:erspan_hwid=flow'],
  ]);
}

function ipv6Of(address: string): bigint {
  const [left = [], right = []] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** What a mirror session says of itself, for a match or a packet. */
function erspan(random: Random, masked: boolean): string {
  const masks = masked ? random.pick(['', '', '/0x1', '/0x3']) : '';
  return random.chance(0.4)
    ? `tun_erspan_ver=1,tun_erspan_idx=${random.pick(['0x3f', '0xfffff', '0x1'])}`
    : `tun_erspan_ver=2,tun_erspan_dir=${random.int(0, 1)},tun_erspan_hwid=${random.pick(['0x1', '0x7', '0x3f', '0xf', '0'])}${masks}`;
}

interface Routes {
  /** Whether the switch itself knows routes and neighbours. */
  readonly native: boolean;
  readonly pushPop: boolean;
}

function tunnelSetUp(random: Random, place: Place, routes: Routes): Omit<SetUp, 'family'> {
  const name = bridgeName(place);
  const ipv6 = random.chance(0.3);
  const remotes = routes.native
    ? ipv6
      ? ['fd99::2', 'fd99::3', 'fd98::7']
      : ['10.99.0.2', '10.99.0.3', '10.98.7.7']
    : [1, 2, 3].map((n) => (ipv6 ? `fd00:${place.index}::${n}` : `10.${place.index}.${n}.1`));
  const ports: Port[] = plainPorts(random, place, random.int(2, 3));
  const count = random.int(1, 3);
  const flowRemotes = remotes.map((remote) =>
    ipv6
      ? ipv6Of(remote)
      : BigInt(
          parseInt(
            remote
              .split('.')
              .map((byte) => Number(byte).toString(16).padStart(2, '0'))
              .join(''),
            16,
          ),
        ),
  );
  for (let n = 0; n < count; n++) {
    const type = ipv6 ? random.pick(OVER_IPV6) : random.pick(TYPES);
    ports.push({ name: `t${place.index}-${n}`, ofport: 50 + n, type, interface: tunnelOptions(random, place, type, n, remotes) });
  }
  const tlvMap = random.chance(0.6)
    ? [0, 1, 2].slice(0, random.int(1, 3)).map(
        (n) =>
          `{class=0x${(0xff00 + n).toString(16)},type=${n},len=${
            random.pick([
              [4, 8, 4],
              [4, 0, 8],
            ])[n]
          }}->tun_metadata${n}`,
      )
    : [];
  const packets = somePackets(random, 7, {
    inPorts: ports.map(({ ofport }) => ofport),
    kinds: ['tcp', 'udp', 'icmp', 'arp', 'tcp6', 'ns', 'eth'],
    vlan: 0.2,
    others: ['tun_id', 'tun_src', 'tun_dst', ...EXTRA, 'reg0', ...(tlvMap.length > 0 ? ['tun_metadata0'] : [])],
  });
  const flows: Flow[] = pipeline(random, {
    ports: [...ports, ...ports.filter(({ type }) => type !== undefined)],
    packets,
    tables: tablesOf(random, random.int(1, 3)),
    menu: tlvMap.length > 0 ? [...MENU, ['tunnel_option', 3]] : MENU,
    match: { miss: 0.1, fields: 2, others: ['tun_id', 'tun_src', ...EXTRA] },
    versions: ['OpenFlow13', 'OpenFlow15'],
  });
  if (ports.some(({ type }) => isErspan(type)))
    for (let n = 0; n < 3; n++)
      flows.push({ text: `priority=${700 + n},${erspan(random, true)} actions=output:${n + 1}`, version: 'OpenFlow13' });
  const bridges: Bridge[] = [{ name, ports, flows, settings: ['fail-mode=secure'], ...(tlvMap.length > 0 ? { tlvMap } : {}) }];
  const appctl: string[][] = [];
  if (routes.native) {
    const underlay = bridgeName(place, 'phy');
    const own: Port[] = plainPorts(random, place, 2, 'e');
    if (random.chance(0.3)) addPatch(own, `u${place.index}`, `v${place.index}`);
    if (own.some(({ type }) => type === 'patch'))
      ports.push({ name: `v${place.index}`, ofport: 70, type: 'patch', interface: [`options:peer=u${place.index}`] });
    bridges.push({
      name: underlay,
      ports: own,
      flows: random.pick<Flow[]>([
        [{ text: 'actions=NORMAL', version: 'OpenFlow13' }],
        [
          { text: 'priority=5,in_port=LOCAL actions=output:1', version: 'OpenFlow13' },
          { text: 'priority=1 actions=LOCAL', version: 'OpenFlow13' },
        ],
        [
          { text: 'priority=5,udp actions=mod_vlan_vid:7,output:1', version: 'OpenFlow13' },
          { text: 'priority=1 actions=LOCAL', version: 'OpenFlow13' },
        ],
      ]),
    });
    const near = ipv6 ? 'fd99::' : '10.99.0.';
    appctl.push(
      [`netdev-dummy/ip${ipv6 ? 6 : 4}addr`, underlay, `${near}1/${ipv6 ? 64 : 24}`],
      ['ovs/route/add', ipv6 ? 'fd99::/64' : '10.99.0.0/24', underlay],
    );
    if (random.chance(0.6)) appctl.push(['ovs/route/add', ipv6 ? 'fd98::/32' : '10.98.0.0/16', underlay, `${near}254`]);
    for (const [n, address] of [`${near}2`, `${near}3`, `${near}254`].entries())
      if (random.chance(0.8)) appctl.push(['tnl/neigh/set', underlay, address, `0e:00:00:00:00:0${n + 1}`]);
    if (random.chance(0.5)) appctl.push(['fdb/add', underlay, own[0]?.name ?? '', '0', '0e:00:00:00:00:01']);
  }
  if (!routes.pushPop) appctl.push(['dpif/set-dp-features', name, 'tnl_push_pop', 'false']);
  const questions = packets.map((one): Question => ({
    bridge: name,
    flow: tunnelled(random, one.fields, flowRemotes, ports),
    ...(random.chance(0.15) ? { names: true } : {}),
  }));
  const fromDatapath = Array.from({ length: 3 }, (): Question =>
    datapathFlow(random, place, flowRemotes, ports, tlvMap.length > 0),
  );
  return { bridges, appctl, exclusive: routes.native || !routes.pushPop, stages: [[...questions, ...fromDatapath]] };
}

/** A packet at a tunnel port or a plain one, as an OpenFlow flow. */
function tunnelled(
  random: Random,
  fields: ReadonlyMap<string, bigint>,
  remotes: readonly bigint[],
  ports: readonly Port[],
): string {
  const port = random.pick(ports);
  const tunnel =
    port.type !== undefined && random.chance(0.8)
      ? `,tun_id=${random.pick([0, 5, 77, 5000])},${ends(random.pick(remotes))}${random.chance(0.3) ? ',tun_flags=oam' : ''}${isErspan(port.type) ? `,${erspan(random, false)}` : ''}`
      : '';
  const vlan = fields.has('dl_vlan') ? `,dl_vlan=${fields.get('dl_vlan') ?? 0n}` : '';
  return `in_port=${port.ofport}${tunnel},dl_src=${macText(fields.get('dl_src') ?? 1n)},dl_dst=${macText(fields.get('dl_dst') ?? 1n)}${vlan},${random.pick(['icmp', 'tcp,tcp_dst=80', 'arp,arp_op=1', 'udp6', 'ip'])}`;
}

/** The outer addresses of a packet that came in. */
const ends = (from: bigint): string =>
  from >= 1n << 32n ? `tun_ipv6_src=${ipv6Text(from)},tun_ipv6_dst=fd99::1` : `tun_src=${ipv4Text(from)},tun_dst=10.99.0.1`;

const outer = (from: bigint): string =>
  from >= 1n << 32n ? `ipv6_src=${ipv6Text(from)},ipv6_dst=fd99::1` : `src=${ipv4Text(from)},dst=10.99.0.1`;

function datapathFlow(
  random: Random,
  place: Place,
  remotes: readonly bigint[],
  ports: readonly Port[],
  options: boolean,
): Question {
  const tunnels = ports.filter(({ type }) => type !== undefined && type !== 'patch');
  const port = random.pick(tunnels);
  const udp = port.interface?.map((option) => /dst_port=(\d+)/.exec(option)?.[1]).find((one) => one !== undefined);
  const names: Readonly<Record<string, string>> = {
    ...{ gre: 'gre_sys', ip6gre: 'gre_sys', erspan: 'erspan_sys', ip6erspan: 'erspan_sys' },
    ...{ vxlan: `vxlan_sys_${udp ?? '4789'}`, geneve: `genev_sys_${udp ?? '6081'}`, gtpu: `gtpu_sys_${udp ?? '2152'}` },
  };
  const datapathPort = names[port.type ?? ''] ?? port.name;
  const key = random.pick([0, 5, 77, 3000]);
  const first = '{class=0xff00,type=0,len=4,0x12345678}';
  const option = random.pick([first, `${first}{class=0xff01,type=0x1,len=0}`]);
  const geneve = options && port.type === 'geneve' && random.chance(0.6) ? `,geneve(${option})` : '';
  const session = random.pick(['ver=1,idx=0x3f', 'ver=2,dir=1,hwid=0x7', 'ver=2,dir=0,hwid=0x3f']);
  const mirrored = isErspan(port.type) ? `,erspan(${session})` : '';
  const tunnel = `tunnel(tun_id=0x${key.toString(16)},${outer(random.pick(remotes))},ttl=64${geneve}${mirrored},flags(${random.pick(['key', 'df|key', 'df|csum|key', ''])}))`;
  const inner = `eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x0800),ipv4(src=1.2.3.4,dst=5.6.7.8,proto=6,tos=${random.pick([0, 1, 3, 0x20])},ttl=64,frag=no),tcp(src=1,dst=80)`;
  return { bridge: random.pick([place.datapath, `ovs-${place.datapath}`]), flow: `${tunnel},in_port(${datapathPort}),${inner}` };
}

const tunnels: Family = {
  name: 'tunnels',
  make: (random, place) => tunnelSetUp(random, place, { native: false, pushPop: true }),
};
const native: Family = {
  name: 'native-tunnels',
  make: (random, place) => tunnelSetUp(random, place, { native: true, pushPop: true }),
};
const kernel: Family = {
  name: 'kernel-tunnels',
  make: (random, place) => tunnelSetUp(random, place, { native: random.chance(0.3), pushPop: false }),
};

export const tunnelFamilies: readonly Family[] = [tunnels, native, kernel];
