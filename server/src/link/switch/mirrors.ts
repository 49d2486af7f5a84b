import type { Mirror } from '../../ofproto/switch';
import type { Captured } from './captured';
import { integer, isTrue, items, numbers, text } from './rows';

/** A bridge's mirrors; one without an output is none, as the switch refuses it (ovs-vswitchd.conf.db(5)). */
export function mirrorsOf(captured: Captured, bridge: string): Mirror[] {
  const { rows } = captured;
  const named = (uuids: readonly string[]) => uuids.flatMap((uuid) => rows.byUuid(uuid)?.name?.value ?? []);
  const bridgeRow = rows.named('bridge', bridge);
  const listed = items(bridgeRow, 'mirrors');
  const mirrors: Mirror[] = [];
  for (const uuid of listed) {
    const row = rows.byUuid(uuid);
    if (!row) {
      captured.notes.push(`${bridge} has a mirror that is not captured (ovs-vsctl list mirror); its copies are not shown`);
      continue;
    }
    const outputBundle = named(items(row, 'output_port'))[0];
    const outputVlan = outputBundle === undefined ? integer(row, 'output_vlan') : undefined;
    if (outputBundle === undefined && outputVlan === undefined) continue;
    const vlans = numbers(row, 'select_vlan');
    mirrors.push({
      name: text(row, 'name') ?? '',
      selectSrc: new Set(named(items(row, 'select_src_port'))),
      selectDst: new Set(named(items(row, 'select_dst_port'))),
      selectAll: isTrue(row, 'select_all'),
      selectVlans: vlans ? new Set(vlans) : undefined,
      outputBundle,
      outputVlan: outputVlan ?? -1,
      snaplen: integer(row, 'snaplen') ?? 0,
    });
  }
  return mirrors;
}
