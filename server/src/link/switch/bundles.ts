import type { OvsBridge } from '../../model/ovs-bridge';
import { inOrderOfArrival } from '../../ofproto/flood-order';
import type { Bond, Bundle, Port } from '../../ofproto/switch';
import { factsOf, type Captured } from './captured';
import { isTrue, items, map, numbers, text, type DbRow } from './rows';

/** One port of the database: its interfaces, and the row, where it was listed. */
interface PortRow {
  readonly name: string;
  readonly interfaces: readonly string[];
  readonly row: DbRow | undefined;
}

/** A bridge's ports as the database has them, bonds as one; interfaces that no port names stand for themselves. */
export function bundlesOf(captured: Captured, bridge: OvsBridge, ports: ReadonlyMap<number, Port>): Bundle[] {
  const byName = new Map([...ports.values()].map((port) => [port.name, port.ofport]));
  const bundles: Bundle[] = [];
  const placed = new Set<number>();
  for (const port of portRows(captured, bridge)) {
    const ofports = port.interfaces.flatMap((name) => byName.get(name) ?? []).filter((ofport) => !placed.has(ofport));
    if (ofports.length === 0) continue;
    for (const ofport of ofports) placed.add(ofport);
    bundles.push(bundleOf(captured, bridge, port, ofports, byName));
  }
  for (const [name, ofport] of byName) {
    if (placed.has(ofport)) continue;
    const port = { name, interfaces: [name], row: captured.rows.named('port', name) };
    bundles.push(bundleOf(captured, bridge, port, [ofport], byName));
  }
  return inOrderOfArrival(bundles, ports);
}

/** Ports with their interfaces: from rows where they were listed, else from `ovs-vsctl show`. */
function portRows(captured: Captured, bridge: OvsBridge): PortRow[] {
  const { rows } = captured;
  const members = new Map<string, string[]>();
  for (const fact of factsOf(captured, 'ovs-interface')) {
    if (fact.bridge?.value !== bridge.name || !fact.port) continue;
    const list = members.get(fact.port.value) ?? [];
    members.set(fact.port.value, list);
    if (!list.includes(fact.name.value)) list.push(fact.name.value);
  }
  const bridgeRow = rows.named('bridge', bridge.name);
  const listed = items(bridgeRow, 'ports').flatMap((uuid) => rows.byUuid(uuid) ?? []);
  const own = new Set(bridge.ports.map(({ name }) => name));
  const all =
    listed.length > 0
      ? listed
      : rows.of('port').filter((row) => own.has(row.name?.value ?? '') || members.has(row.name?.value ?? ''));
  const found: PortRow[] = [];
  for (const row of all) {
    const name = row.name?.value;
    if (name === undefined) continue;
    const interfaces = items(row, 'interfaces').flatMap((uuid) => rows.byUuid(uuid)?.name?.value ?? []);
    found.push({ name, interfaces: interfaces.length > 0 ? interfaces : (members.get(name) ?? [name]), row });
  }
  for (const [name, interfaces] of members)
    if (!found.some((port) => port.name === name)) found.push({ name, interfaces, row: rows.named('port', name) });
  return found;
}

const modes: ReadonlySet<string> = new Set(['trunk', 'access', 'native-tagged', 'native-untagged', 'dot1q-tunnel']);

function bundleOf(
  captured: Captured,
  bridge: OvsBridge,
  { name, row }: PortRow,
  ofports: readonly number[],
  byName: ReadonlyMap<string, number>,
): Bundle {
  const shown = bridge.ports.find((port) => port.name === name);
  const asked = numbers(row, 'tag')?.[0] ?? shown?.tag;
  const tag = asked !== undefined && asked >= 0 && asked <= 4095 ? asked : undefined;
  const word = text(row, 'vlan_mode') ?? shown?.vlanMode;
  const vlanMode =
    word === undefined ? (tag === undefined ? 'trunk' : 'access') : modes.has(word) ? (word as Bundle['vlanMode']) : 'trunk';
  const trunks = numbers(row, 'trunks') ?? shown?.trunks;
  const cvlans = numbers(row, 'cvlans');
  const config = map(row, 'other_config');
  const lacp = text(row, 'lacp');
  const priorityTags = config['priority-tags'] ?? 'no';
  return {
    name,
    ofports,
    vlanMode,
    tag: vlanMode === 'trunk' ? -1 : (tag ?? 0),
    trunks: trunksOf(vlanMode, tag ?? 0, trunks),
    cvlans: cvlans ? new Set(cvlans) : undefined,
    qinqEthertype: config['qinq-ethtype'] === '802.1q' ? 0x8100 : 0x88a8,
    priorityTags:
      priorityTags === 'always' ? 'always' : priorityTags === 'if-nonzero' || priorityTags === 'true' ? 'if-nonzero' : 'no',
    protected: isTrue(row, 'protected'),
    bond: ofports.length > 1 ? bondOf(captured, name, row, byName) : undefined,
    lacp: lacp === 'active' || lacp === 'passive',
    multicastFlood: config['mcast-snooping-flood'] === 'true',
    multicastFloodReports: config['mcast-snooping-flood-reports'] === 'true',
  };
}

/** Access ports carry one VLAN; a native VLAN is always carried, and VLAN 0 then is not (ovs-vswitchd.conf.db(5)). */
function trunksOf(mode: Bundle['vlanMode'], tag: number, trunks: readonly number[] | undefined): ReadonlySet<number> | undefined {
  if (mode === 'access') return undefined;
  const given = trunks ? new Set(trunks) : undefined;
  if (mode !== 'native-tagged' && mode !== 'native-untagged') return given;
  if (tag === 0 || (given && given.has(tag) && !given.has(0))) return given;
  const set = given ?? new Set(Array.from({ length: 4096 }, (_, vlan) => vlan));
  set.add(tag);
  set.delete(0);
  return set;
}

function bondOf(captured: Captured, name: string, row: DbRow | undefined, byName: ReadonlyMap<string, number>): Bond {
  const shown = factsOf(captured, 'bond').find((fact) => fact.name.value === name);
  const config = map(row, 'other_config');
  const asked = shown?.mode?.value ?? text(row, 'bond_mode') ?? 'active-backup';
  const mode = asked === 'balance-slb' || asked === 'balance-tcp' ? asked : 'active-backup';
  const hashToMember = new Map<number, number>();
  const enabled = new Map<number, boolean>();
  for (const member of shown?.members ?? []) {
    const ofport = byName.get(member.name.value);
    if (ofport === undefined) continue;
    enabled.set(ofport, member.enabled);
    for (const hash of member.hashes) hashToMember.set(hash, ofport);
  }
  const activeName = shown?.members.find((member) => member.active)?.name.value;
  const status = shown?.lacp?.value;
  const lacp =
    status === 'negotiated'
      ? 'negotiated'
      : status === 'configured'
        ? 'configured'
        : status === undefined && text(row, 'lacp') !== undefined && text(row, 'lacp') !== 'off'
          ? 'configured'
          : undefined;
  return {
    mode,
    active: activeName === undefined ? undefined : byName.get(activeName),
    enabled,
    hashToMember,
    basis: shown?.basis?.value ?? Number(config['bond-hash-basis'] ?? 0),
    lacp,
    lacpFallback: config['lacp-fallback-ab'] === 'true',
    allMembersActive: config['all-members-active'] === 'true' || config['all-slaves-active'] === 'true',
  };
}
