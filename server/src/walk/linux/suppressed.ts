import type { LinuxBridge } from '../../model/linux-bridge';
import type { Namespace } from '../../model/namespace';
import type { Source } from '../../model/source';
import type { FlowKey } from '../../packet/flow-key';
import { askedFor, isRequest } from '../arp';

/** What a bridge does with a question for an address that some of its ports are to be spared of (`neigh_suppress`, bridge(8)). */
export type Suppression =
  | { readonly kind: 'none' }
  /** It answers for somebody behind such a port. */
  | { readonly kind: 'answers'; readonly mac: string; readonly port: string; readonly evidence: readonly Source[] }
  /** Those ports don't get the question: `why`. */
  | { readonly kind: 'spared'; readonly why: string; readonly evidence: readonly Source[] }
  /** It may answer: its neighbours were not captured. */
  | { readonly kind: 'unknown' };

/** Whether a port is spared of questions. */
export function isSpared(bridge: LinuxBridge, port: string): boolean {
  return bridge.members.find(({ name }) => name === port)?.settings['neigh_suppress'] === 'on';
}

/**
 * A question comes in by another port (br_do_proxy_suppress_arp, br_do_suppress_nd): the bridge's neighbour table, of the device of the VLAN
 * where there are VLANs, and its table of MAC addresses tell whom it is about. Whom both know it answers for where it is behind such a port.
 */
export function suppress(
  bridge: LinuxBridge,
  namespace: Namespace | undefined,
  from: string,
  vlan: number,
  packet: FlowKey,
): Suppression {
  const spared = bridge.members.filter(({ settings }) => settings['neigh_suppress'] === 'on');
  if (spared.length === 0 || !isRequest(packet) || from === bridge.name || isSpared(bridge, from)) return { kind: 'none' };
  const devices = [...(namespace?.devices.values() ?? [])];
  const device = vlan === 0 ? bridge.name : devices.find(({ peer, vlanId }) => peer === bridge.name && vlanId === vlan)?.name;
  if (!namespace || device === undefined) return { kind: 'none' };
  const asked = askedFor(packet);
  const own = namespace.devices.get(device)?.addresses.find(({ ip }) => ip === asked);
  if (own) return { kind: 'spared', why: `${asked} is its own host's`, evidence: [own.source] };
  const neighbour = namespace.neighbours.find(({ ip, dev }) => ip === asked && dev === device);
  if (!neighbour) return namespace.neighboursKnown === 'whole' ? { kind: 'none' } : { kind: 'unknown' };
  const { mac, state } = neighbour;
  if (mac === undefined || /^(?:FAILED|INCOMPLETE|NONE)$/.test(state ?? '')) return { kind: 'none' };
  const row = bridge.fdb.find((entry) => entry.mac === mac && (entry.vlan === undefined || vlan === 0 || entry.vlan === vlan));
  if (!row) return { kind: 'none' };
  const evidence = [neighbour.source, row.source];
  return isSpared(bridge, row.dev)
    ? { kind: 'answers', mac, port: row.dev, evidence }
    : { kind: 'spared', why: `${asked} is behind ${row.dev}`, evidence };
}
