import { actionList } from '../actions';
import type { Random } from '../random';
import type { Bridge, Port } from '../setup';
import { ask, bridgeName, pipeline, plainPorts, somePackets, tablesOf, type Family, type Menu } from './common';

const BUCKET: Menu = [
  ['output', 5],
  ['set_field', 2],
  ['mod_dl', 1],
  ['load', 1],
  ['push_vlan', 0.7],
  ['resubmit', 0.7],
  ['dec_ttl', 0.5],
  ['group', 0.7],
  ['in_port', 0.2],
  ['controller', 0.2],
  ['local', 0.2],
  ['ct', 0.3],
  ['output_truncated', 0.3],
  ['push_mpls', 0.3],
  ['set_queue', 0.3],
  ['output_odd', 0.2],
  ['ct_clear', 0.2],
  ['move', 0.4],
];
const HASHED = [
  'ip_src',
  'ip_dst',
  'eth_src',
  'eth_dst',
  'nw_proto',
  'tcp_src',
  'tcp_dst',
  'udp_src',
  'udp_dst',
  'ipv6_src',
  'vlan_vid',
  'reg0',
  ...['nw_tos', 'ipv6_label', 'arp_spa', 'metadata', 'in_port', 'eth_type', 'icmp_type', 'nd_target', 'tun_id', 'mpls_label'],
  ...['ct_mark', 'pkt_mark', 'xreg1', 'nw_ttl', 'vlan_pcp', 'sctp_dst', 'tcp_flags', 'ct_state'],
];

type Type = 'all' | 'select' | 'indirect' | 'ff' | 'fast_failover';

function groupText(
  random: Random,
  id: number,
  earlier: readonly number[],
  ports: readonly Port[],
  tables: readonly number[],
  type: Type,
): string {
  const count = type === 'indirect' ? 1 : random.int(1, 4);
  const method =
    type !== 'select'
      ? ''
      : random.pick([
          ...['', ',selection_method=dp_hash', `,selection_method=dp_hash,selection_method_param=${random.int(1, 9)}`],
          ...[hashMethod(random), hashMethod(random), hashMethod(random)],
        ]);
  const ids = random.chance(0.25);
  const buckets = Array.from({ length: count }, (_, n) => {
    const actions = actionList(
      { random, ports, next: tables, kind: undefined, vlan: false, groups: earlier },
      BUCKET,
      random.int(1, 3),
    );
    const watch =
      type === 'ff' || type === 'fast_failover' || random.chance(0.08)
        ? random.chance(0.2) && earlier.length > 0
          ? `watch_group:${random.pick(earlier)},`
          : `watch_port:${random.chance(0.1) ? random.pick(['LOCAL', 'CONTROLLER']) : random.pick(ports).ofport},`
        : '';
    const weight = type === 'select' && random.chance(0.7) ? `weight:${random.pick([0, 1, 1, 5, 100, 40000])},` : '';
    const own = ids && n > 0 ? `bucket_id:${n * 7 + 3},` : ids ? 'bucket_id:1,' : '';
    return `bucket=${own}${weight}${watch}${random.chance(0.5) ? 'actions=' : ''}${actions === '' ? 'drop' : actions}`;
  });
  return `group_id=${id},type=${type}${method},${buckets.join(',')}`;
}

function hashMethod(random: Random): string {
  const fields = random
    .sample(HASHED, random.int(1, 6))
    .map((name) => (name === 'ip_src' && random.chance(0.5) ? 'ip_src=255.255.0.0' : name));
  const param = random.chance(0.5) ? `,selection_method_param=${random.pick([1, 7, 4294967295])}` : '';
  return `,selection_method=hash${param},fields(${fields.join(',')})`;
}

/** Groups of every type, one in another too. */
const groups: Family = {
  name: 'groups',
  make: (random, place) => {
    const ports = plainPorts(random, place, random.int(3, 5));
    const packets = somePackets(random, 7, {
      inPorts: ports.map(({ ofport }) => ofport),
      kinds: ['tcp', 'udp', 'icmp', 'arp', 'tcp6', 'udp6', 'ns', 'eth'],
      vlan: 0.2,
      others: ['reg0'],
    });
    const tables = tablesOf(random, random.int(1, 3));
    const ids: number[] = [];
    const texts = Array.from({ length: random.int(1, 4) }, () => {
      const id = random.int(1, 999) + ids.length * 1000;
      const type = random.pick<Type>(['all', 'select', 'select', 'indirect', 'ff', 'fast_failover']);
      const text = groupText(random, id, ids, ports, tables.slice(1), type);
      ids.push(id);
      return text;
    });
    const name = bridgeName(place);
    const flows = pipeline(random, {
      ports,
      packets,
      tables,
      menu: [
        ['group', 6],
        ['output', 1],
        ['set_field', 1],
        ['load', 1],
        ['resubmit', 1],
        ['clone', 0.5],
      ],
      versions: ['OpenFlow13', 'OpenFlow15'],
      groups: ids,
      instructions: random.chance(0.3),
      match: { miss: 0.1, fields: 1, protocol: random.chance(0.5) },
    });
    const down = ports.filter(() => random.chance(0.25)).map((port) => ['netdev-dummy/set-admin-state', port.name, 'down']);
    const bridge: Bridge = { name, ports, settings: ['fail-mode=secure'], flows, groups: texts };
    return { bridges: [bridge], appctl: down, stages: [ask(random, name, packets, ports)] };
  },
};

export const groupFamilies: readonly Family[] = [groups];
