import { cover, val, type Val } from '../../base/span';
import type { RefKind } from '../capture';
import { defined } from '../../base/defined';
import { canonicalIp } from '../client-table/source';
import type { Collected } from '../lines';
import type { OvsdbValue } from '../switch-facts';

/** The columns of one row of the database. */
export type Row = ReadonlyMap<string, OvsdbValue>;

/** The tables whose rows are facts; others are records without. */
export type Table = 'bridge' | 'port' | 'interface' | 'other';

/** Which table a name on the command line means: any beginning that is no other table's, in any case (ovs-vsctl(8)). */
export function tableOf(name: string | undefined): Table | undefined {
  const word = name?.toLowerCase().replace(/-/g, '_') ?? '';
  if (word === '') return undefined;
  if ('bridge'.startsWith(word)) return 'bridge';
  if ('port'.startsWith(word)) return 'port';
  if ('interface'.startsWith(word) && word.length > 1) return 'interface';
  return 'other';
}

const NAMES = [
  'autoattach', 'bridge', 'controller', 'ct_timeout_policy', 'ct_zone', 'datapath', 'flow_sample_collector_set', 'flow_table',
  'interface', 'ipfix', 'manager', 'mirror', 'netflow', 'open_vswitch', 'port', 'qos', 'queue', 'sflow', 'ssl',
]; // prettier-ignore

/** A table's whole name in lower case, from any beginning of it that is no other table's. */
export function tableName(name: string | undefined): string | undefined {
  const word = name?.toLowerCase().replace(/-/g, '_') ?? '';
  if (word === '') return undefined;
  return NAMES.find((table) => table === word) ?? NAMES.find((table) => table.startsWith(word)) ?? word;
}

/** The name of a table that has columns that no other one has; `other` where none tells. */
export function nameByColumns(columns: readonly string[]): string {
  const given = new Set(columns);
  if (given.has('select_all') || given.has('output_vlan')) return 'mirror';
  if (given.has('ovs_version') || given.has('bridges')) return 'open_vswitch';
  if (given.has('flow_limit') && given.has('overflow_policy')) return 'flow_table';
  return given.has('target') && given.has('is_connected') ? 'controller' : 'other';
}

const SIGNS: readonly (readonly [Table, readonly string[]])[] = [
  [
    'interface',
    ['ofport', 'mac_in_use', 'link_state', 'admin_state', 'ifindex', 'link_speed', 'ofport_request', 'mtu_request', 'options'],
  ],
  ['bridge', ['datapath_type', 'datapath_id', 'fail_mode', 'stp_enable', 'mcast_snooping_enable', 'flow_tables']],
  ['port', ['vlan_mode', 'trunks', 'bond_mode', 'fake_bridge', 'bond_fake_iface', 'tag']],
];

/** The table that rows come from, by columns that no other one has. */
export function tableByColumns(columns: Iterable<string>): Table {
  const given = new Set(columns);
  if (given.has('bridges') || given.has('ovs_version') || given.has('target')) return 'other';
  return SIGNS.find(([, names]) => names.some((name) => given.has(name)))?.[0] ?? 'other';
}

/** The one atom of a column: optional columns are sets with one member or none. */
function one(row: Row, column: string): Val<string> | undefined {
  const value = row.get(column);
  const atom =
    value?.type === 'atom' ? value.atom : value?.type === 'set' && value.items.length === 1 ? value.items[0] : undefined;
  return atom === undefined || atom.value === '' ? undefined : atom;
}

function integer(row: Row, column: string): Val<number> | undefined {
  const atom = one(row, column);
  return atom !== undefined && /^-?\d+$/.test(atom.value) ? val(Number(atom.value), atom.span) : undefined;
}

function pairs(row: Row, column: string): readonly (readonly [string, Val<string>])[] {
  const value = row.get(column);
  return value?.type === 'map' ? value.pairs : [];
}

/** Whether a value that is `true` or `false` is the one asked for. */
function truth(atom: Val<string> | undefined, wanted: 'true' | 'false'): Val<boolean> | undefined {
  return atom && /^(?:true|false)$/.test(atom.value) ? val(atom.value === wanted, atom.span) : undefined;
}

function lower(atom: Val<string> | undefined): Val<string> | undefined {
  return atom === undefined ? undefined : val(atom.value.toLowerCase(), atom.span);
}

/** Reads one row: its fact, and what of it may be asked about. */
export function takeRow(row: Row, table: Table, tableWord: string, out: Collected): void {
  const uuid = one(row, '_uuid');
  if (row.size > 0) out.facts.push({ kind: 'ovsdb-row', table: tableWord, uuid, name: one(row, 'name'), columns: row });
  const refer = (kind: RefKind, found: Val<string> | undefined, defines = false): void => {
    if (found !== undefined && found.value !== '')
      out.refs.push({ kind, value: found.value, span: found.span, ...(defines ? { defines } : {}) });
  };
  const name = one(row, 'name');
  if (table === 'bridge') refer('bridge', name, true);
  else if (table !== 'other') refer('device', name, true);
  refsOf(row, table, refer);
  // A fragment without its name (after grep) says nothing about anything.
  if (name === undefined) return;
  if (table === 'bridge') {
    out.facts.push({
      kind: 'ovs-bridge',
      name,
      ...defined({ failMode: one(row, 'fail_mode'), datapathType: one(row, 'datapath_type') }),
    });
  } else if (table === 'port') {
    const optional = defined({
      tag: integer(row, 'tag'),
      trunks: trunksOf(row),
      vlanMode: one(row, 'vlan_mode'),
      protected: truth(one(row, 'protected'), 'true'),
    });
    out.facts.push({ kind: 'ovs-port', bridge: undefined, name, ...optional });
  } else if (table === 'interface') {
    const ids = new Map(pairs(row, 'external_ids'));
    const options = pairs(row, 'options');
    const optional = defined({
      type: one(row, 'type'),
      options: options.length === 0 ? undefined : Object.fromEntries(options),
      error: one(row, 'error'),
      ofport: integer(row, 'ofport'),
      attachedMac: lower(ids.get('attached-mac')),
      ifaceId: ids.get('iface-id'),
      macInUse: lower(one(row, 'mac_in_use')),
      mtu: integer(row, 'mtu'),
      bfdUp: truth(new Map(pairs(row, 'bfd_status')).get('forwarding'), 'true'),
      cfmUp: truth(one(row, 'cfm_fault'), 'false'),
    });
    out.facts.push({ kind: 'ovs-interface', bridge: undefined, port: undefined, name, ...optional });
  }
}

function trunksOf(row: Row): Val<readonly number[]> | undefined {
  const value = row.get('trunks');
  const items = value?.type === 'set' ? value.items : value?.type === 'atom' ? [value.atom] : [];
  const [first] = items;
  if (first === undefined || items.some((item) => !/^\d+$/.test(item.value))) return undefined;
  const span = items.reduce((whole, item) => cover(whole, item.span), first.span);
  return val(
    items.map((item) => Number(item.value)),
    span,
  );
}

const ID_REFS: Readonly<Record<string, RefKind>> = {
  'iface-id': 'neutron-port',
  'vm-id': 'instance',
  'vm-uuid': 'instance',
  'bridge-id': 'bridge',
};

const ADDRESS_OPTIONS = new Set(['remote_ip', 'local_ip', 'dst_ip', 'src_ip']);

function refsOf(row: Row, table: Table, refer: (kind: RefKind, found: Val<string> | undefined, defines?: boolean) => void): void {
  if (table === 'port') {
    refer('vlan', numeric(one(row, 'tag')));
    const trunks = row.get('trunks');
    for (const item of trunks?.type === 'set' ? trunks.items : trunks?.type === 'atom' ? [trunks.atom] : [])
      refer('vlan', numeric(item));
  }
  for (const column of ['mac_in_use', 'mac']) {
    const mac = lower(one(row, column));
    if (mac !== undefined && /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac.value)) refer('mac', mac);
  }
  for (const [key, value] of [...pairs(row, 'external_ids'), ...pairs(row, 'other_config')]) {
    if (/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(value.value)) refer('mac', lower(value));
    if (Object.hasOwn(ID_REFS, key)) refer(ID_REFS[key] ?? 'device', value);
    if (key === 'ovn-encap-ip') refer('ip', address(value));
  }
  for (const [key, value] of pairs(row, 'options')) {
    if (ADDRESS_OPTIONS.has(key)) refer('ip', address(value));
    else if (key === 'peer') refer('device', value);
    else if (key === 'key' || key === 'in_key' || key === 'out_key') refer('tun-id', numeric(value));
  }
}

function numeric(atom: Val<string> | undefined): Val<string> | undefined {
  return atom !== undefined && /^\d+$/.test(atom.value) ? atom : undefined;
}

function address(atom: Val<string>): Val<string> | undefined {
  const ip = canonicalIp(atom.value);
  return ip === undefined ? undefined : val(ip, atom.span);
}
