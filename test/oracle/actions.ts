import { ipv4Text, ipv6Text, macText, randomValue, valueText, type Field } from './fields';
import { writableFields, type Kind } from './packets';
import type { Random } from './random';

/** What the actions of one flow may use. */
export interface Around {
  readonly random: Random;
  /** Ports of the bridge, by number and name. */
  readonly ports: readonly { readonly ofport: number; readonly name: string }[];
  /** Tables that a resubmit may go to: only later ones, so that loops are made on purpose only. */
  readonly next: readonly number[];
  /** The protocol that the flow's match says. */
  readonly kind: Kind | undefined;
  readonly vlan: boolean;
  readonly groups?: readonly number[];
  readonly meters?: readonly number[];
  /** Tables for recirculation. */
  readonly depth?: number;
}

type Maker = (around: Around) => string | undefined;

const IPV4 = new Set<Kind>(['tcp', 'udp', 'icmp', 'sctp', 'ip', 'frag']);
const IPV6 = new Set<Kind>(['tcp6', 'udp6', 'icmp6', 'sctp6', 'ipv6', 'ns', 'na']);
const isIp = (kind: Kind | undefined): boolean => kind !== undefined && (IPV4.has(kind) || IPV6.has(kind));

export const port: Maker = ({ random, ports }) => {
  const { ofport, name } = random.pick(ports);
  return random.chance(0.8) ? `${ofport}` : name;
};

const subfield = ({ random, kind, vlan }: Around, wide: number): { field: Field; text: string; bits: number } => {
  const field = random.pick(writableFields(kind, vlan).filter(({ name }) => !/^(?:vlan|nw_tos|icmp)/.test(name)));
  const name = random.chance(0.6) && field.nxm.length > 0 ? random.pick(field.nxm) : field.name;
  const bits = Math.min(field.bits, wide, random.chance(0.4) ? field.bits : random.int(1, field.bits));
  const start = random.int(0, field.bits - bits);
  const range =
    bits === field.bits ? random.pick(['[]', `[0..${bits - 1}]`]) : bits === 1 ? `[${start}]` : `[${start}..${start + bits - 1}]`;
  return { field, text: `${name}${range}`, bits };
};

/** A part of any register: a place to write to that everybody has. */
export const register = (random: Random, bits: number): string => {
  const start = random.int(0, 32 - bits);
  const name = random.pick(['NXM_NX_REG', 'reg']);
  const range = bits === 1 ? `[${start}]` : bits === 32 ? '[]' : `[${start}..${start + bits - 1}]`;
  return `${name}${random.int(0, 15)}${range}`;
};

/** Every action of ovs-actions(7), in its spellings; undefined where the flow's match does not allow it. */
export const MAKERS: Readonly<Record<string, Maker>> = {
  output: (around) => {
    const to = port(around) ?? '1';
    return around.random.pick([`output:${to}`, `output:${to}`, `output=${to}`.replace('=', ':'), to]);
  },
  output_truncated: (around) => `output(port=${around.random.pick(around.ports).ofport},max_len=${around.random.int(14, 2000)})`,
  output_register: ({ random, ports }) => {
    const reg = random.pick(['NXM_NX_REG7[0..15]', 'reg7[0..15]', 'NXM_NX_REG7[]', 'reg6[16..31]']);
    const load = reg.includes('6') ? 'load:%->NXM_NX_REG6[16..31]' : 'load:%->NXM_NX_REG7[0..15]';
    return `${load.replace('%', `${random.pick(ports).ofport}`)},output:${reg}`;
  },
  in_port_write: ({ random, ports }) =>
    random.pick([
      ...['load:0->NXM_OF_IN_PORT[]', 'load:0->NXM_OF_IN_PORT[]', 'load:0xffff->NXM_OF_IN_PORT[]', 'set_field:0->in_port'],
      ...[`set_field:${random.pick(ports).ofport}->in_port`, `load:${random.pick(ports).ofport}->NXM_OF_IN_PORT[]`],
      ...['move:NXM_NX_REG0[0..15]->NXM_OF_IN_PORT[]', 'move:NXM_OF_IN_PORT[]->NXM_NX_REG5[0..15]'],
      ...[
        `push:NXM_OF_IN_PORT[],load:0->NXM_OF_IN_PORT[],output:${random.pick(ports).ofport},pop:NXM_OF_IN_PORT[]`,
        'load:0xfffe->NXM_OF_IN_PORT[]',
      ],
    ]),
  output_odd: ({ random, ports }) =>
    random.pick([
      ...['output:65534', 'output:77', 'output:0xfff8', 'output:reg0[0..15]', 'output:NXM_NX_REG15[]', 'output:NXM_OF_IN_PORT[]'],
      ...[
        `output(port=${random.pick(ports).ofport},max_len=14)`,
        'output(port=LOCAL,max_len=100)',
        'output(port=in_port,max_len=64)',
      ],
      ...['output:FLOOD', 'output:ALL', 'output:CONTROLLER:77'],
    ]),
  in_port: ({ random }) => random.pick(['in_port', 'IN_PORT', 'output:in_port']),
  local: ({ random }) => random.pick(['LOCAL', 'local', 'output:LOCAL']),
  flood: ({ random }) => random.pick(['FLOOD', 'flood']),
  all: ({ random }) => random.pick(['ALL', 'all']),
  normal: ({ random }) => random.pick(['NORMAL', 'normal', 'output:NORMAL']),
  drop: () => 'drop',
  controller: ({ random }) =>
    random.pick([
      'CONTROLLER',
      'controller',
      'CONTROLLER:128',
      `controller(max_len=${random.int(0, 200)})`,
      'controller(reason=invalid_ttl)',
      `controller(reason=action_set,id=${random.int(1, 9)})`,
      'controller(userdata=00.01.02.0a)',
      'controller(userdata=01.02,pause)',
      `controller(max_len=100,reason=no_match,id=3,userdata=ff)`,
      `controller(meter_id=${random.int(1, 5)})`,
    ]),
  enqueue: ({ random, ports }) => {
    const { ofport } = random.pick(ports);
    return random.pick([`enqueue:${ofport}:${random.int(0, 9)}`, `enqueue(${ofport},${random.int(0, 9)})`]);
  },
  set_queue: ({ random }) => `set_queue:${random.int(0, 20)}`,
  pop_queue: () => 'pop_queue',
  mod_dl: ({ random }) => `${random.pick(['mod_dl_src', 'mod_dl_dst'])}:${macText(random.bits(48) & 0xfeffffffffffn)}`,
  mod_vlan: ({ random }) => random.pick([`mod_vlan_vid:${random.int(0, 4095)}`, `mod_vlan_pcp:${random.int(0, 7)}`]),
  strip_vlan: ({ random, vlan }) => (vlan || random.chance(0.3) ? random.pick(['strip_vlan', 'pop_vlan']) : undefined),
  push_vlan: ({ random }) =>
    random.pick(['push_vlan:0x8100', 'push_vlan:0x88a8', `push_vlan:0x8100,set_field:${0x1000 + random.int(0, 4095)}->vlan_vid`]),
  mod_nw: ({ random, kind }) =>
    kind === undefined || !isIp(kind)
      ? undefined
      : random.pick([
          ...(IPV4.has(kind)
            ? [`mod_nw_src:${ipv4Text(random.bits(32))}`, `mod_nw_dst:${ipv4Text(random.bits(32))}`]
            : [`set_field:${ipv6Text(random.bits(128))}->ipv6_src`]),
          `mod_nw_tos:${random.int(0, 63) * 4}`,
          `mod_nw_ecn:${random.int(0, 3)}`,
          `mod_nw_ttl:${random.pick([0, 1, 2, 64, 255])}`,
        ]),
  mod_tp: ({ random, kind }) =>
    kind !== undefined && /^(?:tcp|udp|sctp)/.test(kind)
      ? `${random.pick(['mod_tp_src', 'mod_tp_dst'])}:${random.int(0, 65535)}`
      : undefined,
  set_field: (around) => {
    const { random, kind, vlan } = around;
    const field = random.pick(writableFields(kind, vlan).filter(({ name }) => name !== 'vlan_tci'));
    const value = randomValue(field, random);
    if (field.maskable && random.chance(0.3)) {
      let mask = random.bits(field.bits);
      if (mask === 0n) mask = 1n;
      // A mask that begins with a digit would be read as a prefix length.
      if (field.format === 'ipv6') mask |= 0xfn << 124n;
      return `set_field:${valueText(field, value & mask, random)}/${valueText(field, mask, random)}->${field.name}`;
    }
    return `set_field:${valueText(field, value, random)}->${random.pick([field.name, ...field.aliases.filter((name) => !/^tp/.test(name))])}`;
  },
  load: (around) => {
    const { text, bits } = subfield(around, 64);
    const value = around.random.bits(bits);
    return `load:${around.random.chance(0.7) ? `0x${value.toString(16)}` : value}->${text}`;
  },
  move: (around) => {
    const { random } = around;
    const from = subfield(around, 128);
    const candidates = writableFields(around.kind, around.vlan).filter(({ bits }) => bits >= from.bits);
    const to = random.pick(candidates);
    const start = random.int(0, to.bits - from.bits);
    const end = start + from.bits - 1;
    const name = random.pick([to.name, ...to.nxm]);
    return `move:${from.text}->${name}${from.bits === 1 ? `[${start}]` : `[${start}..${end}]`}`;
  },
  push: (around) => `push:${subfield(around, 128).text}`,
  pop: (around) => `pop:${subfield(around, 128).text}`,
  dec_ttl: ({ random, kind }) => (isIp(kind) ? random.pick(['dec_ttl', 'dec_ttl', 'dec_ttl(1,2)', 'dec_ttl(7)']) : undefined),
  set_tunnel: ({ random }) =>
    random.pick([`set_tunnel:${random.int(0, 65535)}`, `set_tunnel64:0x${random.bits(64).toString(16)}`, `set_tunnel:0x5a`]),
  tunnel_field: ({ random }) =>
    random.pick([
      `set_field:10.${random.int(0, 20)}.${random.int(1, 3)}.1->tun_dst`,
      'set_field:10.99.0.2->tun_dst',
      'set_field:10.99.0.1->tun_src',
      `set_field:0x${random.bits(24).toString(16)}->tun_id`,
      `set_field:${random.int(0, 65535)}->tun_gbp_id`,
      'set_field:fd00::5->tun_ipv6_dst',
      'set_field:fd99::2->tun_ipv6_dst',
      'set_field:fd99::1->tun_ipv6_src',
      'load:0x1->NXM_NX_TUN_FLAGS[0]',
      'load:0xa630002->NXM_NX_TUN_IPV4_DST[]',
    ]),
  resubmit: ({ random, next, ports }) => {
    if (next.length === 0) return undefined;
    const to = random.pick(next);
    const { ofport } = random.pick(ports);
    return random.pick([`resubmit(,${to})`, `resubmit(,${to})`, `resubmit(${ofport},${to})`, `resubmit(in_port,${to})`]);
  },
  resubmit_ct: ({ random, next, kind }) => (next.length === 0 || !isIp(kind) ? undefined : `resubmit(,${random.pick(next)},ct)`),
  note: ({ random }) => `note:${macText(random.bits(48)).replaceAll(':', '.')}`,
  sample: ({ random, ports }) =>
    random.pick([
      `sample(probability=${random.int(1, 65535)},collector_set_id=${random.int(1, 9)},obs_domain_id=${random.int(0, 9)},obs_point_id=${random.int(0, 9)})`,
      `sample(probability=100,collector_set_id=1,sampling_port=${random.pick(ports).ofport})`,
      `sample(probability=65535,collector_set_id=2,obs_point_id=4294967295,egress)`,
      `sample(probability=1,collector_set_id=3,obs_domain_id=1,ingress)`,
    ]),
  fin_timeout: ({ random, kind }) =>
    kind === 'tcp' || kind === 'tcp6'
      ? random.pick(['fin_timeout(idle_timeout=30)', 'fin_timeout(idle_timeout=10,hard_timeout=15)'])
      : undefined,
  exit: () => 'exit',
  clone: (around) => {
    if ((around.depth ?? 0) > 2) return undefined;
    const inner = actionList({ ...around, depth: (around.depth ?? 0) + 1 }, INNER, around.random.int(1, 3));
    return inner === '' ? undefined : `clone(${inner})`;
  },
  ct_clone: ({ random, ports }) => `clone(ct(commit),output:${random.pick(ports).ofport})`,
  check_pkt_larger: ({ random }) => `check_pkt_larger(${random.int(0, 2000)})->${register(random, 1)}`,
  ct: (around) => ctAction(around),
  ct_clear: () => 'ct_clear',
  group: ({ random, groups = [] }) => (groups.length === 0 ? undefined : `group:${random.pick(groups)}`),
  tunnel_option: ({ random }) =>
    random.pick([
      `load:0x${random.bits(32).toString(16)}->NXM_NX_TUN_METADATA0[]`,
      `set_field:0x${random.bits(32).toString(16)}->tun_metadata0`,
      'move:NXM_NX_TUN_METADATA0[0..15]->NXM_NX_REG5[0..15]',
      'delete_field:tun_metadata0',
    ]),
  delete_field: ({ random }) => random.pick(['delete_field:tun_metadata0', 'delete_field:NXM_NX_TUN_METADATA0']),
  push_mpls: ({ random }) => random.pick(['push_mpls:0x8847', 'push_mpls:0x8848']),
  mpls: ({ random, kind }) => {
    if (kind !== 'mpls' && kind !== 'mplsm') return random.chance(0.5) ? 'push_mpls:0x8847,set_field:77->mpls_label' : undefined;
    return random.pick([
      `set_mpls_label:${random.int(0, 1048575)}`,
      `set_mpls_tc:${random.int(0, 7)}`,
      `set_mpls_ttl:${random.int(0, 255)}`,
      'dec_mpls_ttl',
      'pop_mpls:0x0800',
      'pop_mpls:0x8847',
      'pop_mpls:0x86dd',
      'push_mpls:0x8847',
      `load:0x${random.bits(20).toString(16)}->OXM_OF_MPLS_LABEL[]`,
      'move:OXM_OF_MPLS_LABEL[]->NXM_NX_REG1[0..19]',
    ]);
  },
  debug_slow: () => 'debug_slow',
  multipath: ({ random }) => {
    const links = random.int(1, 16);
    return `multipath(${random.pick(HASH_FIELDS)},${random.pick([0, 1, 50, 1024, 65535])},${random.pick(['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'])},${links},${random.pick([0, 0, 5])},${register(random, random.int(5, 16))})`;
  },
  bundle: ({ random, ports }) => {
    const members = random.sample(ports, random.int(1, 4)).map(({ ofport }) => ofport);
    const word = random.pick(['members', 'slaves']);
    return `bundle(${random.pick(HASH_FIELDS)},${random.pick([0, 7, 50, 65535])},${random.pick(['hrw', 'active_backup'])},ofport,${word}:${members.join(',')})`;
  },
  bundle_load: ({ random, ports }) => {
    const members = random.sample(ports, random.int(1, 4)).map(({ ofport }) => ofport);
    return `bundle_load(${random.pick(HASH_FIELDS)},${random.int(0, 100)},${random.pick(['hrw', 'active_backup'])},ofport,${register(random, 16)},${random.pick(['members', 'slaves'])}:${members.join(',')})`;
  },
};

export const HASH_FIELDS = [
  ...['eth_src', 'symmetric_l4', 'symmetric_l3l4', 'symmetric_l3l4+udp', 'nw_src', 'nw_dst', 'symmetric_l3'],
] as const;

/** Actions that may stand in a clone, a bucket or a ct's exec. */
const INNER: readonly (readonly [string, number])[] = [
  ...(['output', 'set_field', 'load', 'move', 'mod_dl', 'mod_vlan', 'push_vlan', 'resubmit'] as const).map(
    (name) => [name, 2] as const,
  ),
  ['clone', 1],
  ['dec_ttl', 1],
  ['controller', 0.5],
];

export const CT_STATES = [
  ...[
    'trk,new',
    'trk,est',
    'trk,rel',
    'trk,est,rpl',
    'trk,inv',
    'trk,new,rel',
    'trk est dnat',
    'trk,est,rel,rpl',
    'trk,est,rpl,snat',
    'trk',
  ],
] as const;

/** Any ct(…) */
export function ctAction({ random, next, kind }: Around): string | undefined {
  if (!isIp(kind)) return undefined;
  const parts: string[] = [];
  const commit = random.chance(0.5);
  if (commit) parts.push('commit');
  if (commit && random.chance(0.2)) parts.push('force');
  if (next.length > 0 && random.chance(0.7)) parts.push(`table=${random.pick(next)}`);
  if (random.chance(0.6))
    parts.push(
      random.pick([`zone=${random.int(0, 65535)}`, 'zone=NXM_NX_REG0[0..15]', 'zone=reg1[16..31]', 'zone=NXM_NX_CT_ZONE[]']),
    );
  if (random.chance(0.35)) parts.push(natText(random, commit, kind));
  if (commit && random.chance(0.4))
    parts.push(
      `exec(${random
        .sample(
          [
            `set_field:${random.int(0, 99)}->ct_mark`,
            `set_field:0x${random.bits(16).toString(16)}/0xffff->ct_mark`,
            `load:0x${random.bits(32).toString(16)}->NXM_NX_CT_MARK[]`,
            `set_field:0x${random.bits(100).toString(16)}->ct_label`,
            `load:0x1->NXM_NX_CT_LABEL[${random.int(0, 127)}]`,
            'move:NXM_NX_REG2[0..7]->NXM_NX_CT_MARK[8..15]',
          ],
          random.int(1, 2),
        )
        .join(',')})`,
    );
  if (random.chance(0.1) && (kind === 'tcp' || kind === 'udp')) parts.push(`alg=${kind === 'tcp' ? 'ftp' : 'tftp'}`);
  return `ct(${random.shuffle(parts).join(',')})`;
}

function natText(random: Random, commit: boolean, kind: Kind | undefined): string {
  if (!commit || random.chance(0.3)) return 'nat';
  const v6 = kind !== undefined && IPV6.has(kind);
  const address = v6 ? `fd00::${random.int(1, 9)}` : `10.${random.int(0, 255)}.0.${random.int(1, 99)}`;
  const end = v6 ? 'fd00::f0' : `${address.slice(0, address.lastIndexOf('.'))}.200`;
  const port = random.int(1, 30000);
  const bracketed = v6 ? `[${address}]` : address;
  const range = random.pick([
    address,
    `${address}-${end}`,
    `${bracketed}:${port}`,
    `${bracketed}:${port}-${port + random.int(0, 900)}`,
    v6 ? `[${address}]-[${end}]:${port}` : `${address}-${end}:${port}-${port + 9}`,
  ]);
  const flags = random.sample(['random', 'persistent'], random.int(0, 1)).concat(random.chance(0.1) ? ['hash'] : []);
  const flagText = flags.includes('hash') && flags.includes('random') ? ['hash'] : flags;
  return `nat(${[`${random.pick(['src', 'dst'])}=${range}`, ...flagText].join(',')})`;
}

/** A list of actions drawn from a menu of names and weights. */
export function actionList(around: Around, menu: readonly (readonly [string, number])[], length: number): string {
  const total = menu.reduce((sum, [, weight]) => sum + weight, 0);
  const list: string[] = [];
  for (let tries = 0; list.length < length && tries < length * 6; tries++) {
    let at = (around.random.int(0, 1_000_000) / 1_000_000) * total;
    const [name] = menu.find(([, weight]) => (at -= weight) <= 0) ?? menu[0] ?? ['drop', 1];
    const maker = MAKERS[name];
    if (maker === undefined) throw new Error(`There is no action ${name}.`);
    const text = maker(around);
    if (text !== undefined && text !== 'drop') list.push(text);
  }
  return list.join(',');
}
