import type { BridgeMember, BridgeTunnel, LinuxBridge } from '../../model/linux-bridge';
import { get, pushVlan, set, vlanOf, withoutVlan, type FlowKey } from '../../packet/flow-key';
import type { Refusal } from '../../kernel/bridge-port';

/** A port that puts VLANs into tunnels by number, and takes them out (`vlan_tunnel`, bridge(8)). */
export function mapsVlans(member: BridgeMember | undefined): boolean {
  return member?.settings['vlan_tunnel'] === 'on';
}

/** What would tell the numbers. */
export const TUNNELS = 'bridge vlan tunnelshow';

/** A frame leaves by such a port: it loses its tag and gets the number of its VLAN (br_handle_egress_vlan_tunnel). `unsaid`: nobody captured the numbers. */
export function intoTunnel(bridge: LinuxBridge, port: string, vlan: number, packet: FlowKey): FlowKey | Refusal | 'unsaid' {
  const rows = bridge.tunnels.get(port) ?? [];
  const row = rows.find(({ first, last }) => first <= vlan && vlan <= last);
  if (row) return set(withoutVlan(packet), 'tun_id', BigInt(row.id + vlan - row.first));
  if (bridge.tunnelsKnown !== 'whole') return 'unsaid';
  return {
    why: `VLAN ${vlan} has no number on ${port}, so that its tunnel device drops the frame`,
    evidence: rows.map(({ source }) => source),
  };
}

/** A frame comes in by such a port: its number tells the VLAN; without one of them it stays as it is (br_handle_ingress_vlan_tunnel). */
export function outOfTunnel(bridge: LinuxBridge, port: string, packet: FlowKey): FlowKey | 'unsaid' {
  const number = Number(get(packet, 'tun_id'));
  const plain = set(packet, 'tun_id', 0n);
  if (number === 0 || vlanOf(packet) !== undefined) return plain;
  const vlan = vlanWith(bridge.tunnels.get(port) ?? [], number);
  if (vlan !== undefined) return pushVlan(plain, vlan);
  return bridge.tunnelsKnown === 'whole' ? plain : 'unsaid';
}

function vlanWith(rows: readonly BridgeTunnel[], number: number): number | undefined {
  const row = rows.find(({ first, last, id }) => id <= number && number <= id + last - first);
  return row && row.first + number - row.id;
}
