import type { Host, Network } from '../model/network';
import type { OvsBridge } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import { isPatch, isTunnel } from '../model/queries';
import { vlanOf, type FlowKey } from '../packet/flow-key';
import { tunnelDevice } from './linux/tunnel-kind';
import { vlanDevice } from './linux/vlan-device';
import { destinationMac, sourceMac } from './step';
import { wireVlan, type Arrival } from './wire';

interface Candidate {
  readonly arrival: Arrival;
  /** How many addresses it has learned where the frame comes in: the fewer, the nearer it is to the sender. */
  readonly behind: number;
}

/**
 * A captured switch between two machines on a wire: its MAC table has the sender on one port and the receiver on another. Of several the one
 * that is nearest to the sender. `past` are the hosts that the frame comes from, or that have the receiver themselves.
 */
export function switchBetween(network: Network, past: ReadonlySet<string>, packet: FlowKey): Arrival | undefined {
  const found = [...network.hosts.values()]
    .filter(({ name }) => !past.has(name))
    .flatMap((host) => [...ovsCandidates(host, packet), ...linuxCandidates(host, packet)])
    .sort((a, b) => a.behind - b.behind);
  const [nearest, next] = found;
  if (!nearest) return undefined;
  const unsure = next !== undefined && next.behind === nearest.behind;
  return unsure ? { ...nearest.arrival, certainty: 'assumed' } : nearest.arrival;
}

function ovsCandidates(host: Host, packet: FlowKey): Candidate[] {
  return [...host.bridges.values()].flatMap((bridge) => {
    const found = ovsCandidate(host, bridge, packet);
    return found ? [found] : [];
  });
}

function ovsCandidate(host: Host, bridge: OvsBridge, packet: FlowKey): Candidate | undefined {
  const tag = vlanOf(packet);
  for (const row of bridge.fdb) {
    if (row.mac !== sourceMac(packet)) continue;
    const port = bridge.ports.find(({ ofport }) => ofport !== undefined && ofport === row.ofport);
    if (!port || isPatch(port) || isTunnel(port) || port.type === 'internal' || port.name === bridge.name) continue;
    if (port.tag === undefined ? (tag ?? 0) !== row.vlan : tag !== undefined) continue;
    const out = bridge.fdb.find((other) => other.mac === destinationMac(packet) && other.vlan === row.vlan);
    if (!out || out.ofport === row.ofport) continue;
    const behind = bridge.fdb.filter(({ ofport }) => ofport === row.ofport).length;
    return { arrival: arrivalAt(host, '', port.name, bridge.name, packet, [row.source, out.source]), behind };
  }
  return undefined;
}

function linuxCandidates(host: Host, packet: FlowKey): Candidate[] {
  const tag = vlanOf(packet);
  return [...host.linuxBridges.values()].flatMap((bridge) => {
    const devices = host.namespaces.get(bridge.namespace)?.devices;
    const learned = bridge.fdb.filter(({ permanent }) => !permanent);
    // A router's card is learned in each of its VLANs: the one of the frame counts.
    const row = learned.find(({ mac, dev, vlan }) => {
      if (mac !== sourceMac(packet)) return false;
      const sub = vlanDevice(bridge.namespace, dev, devices?.get(dev));
      return sub ? sub.vlan === tag : vlan === undefined || (wireVlan(bridge, dev, vlan) ?? 0) === (tag ?? 0);
    });
    const out = learned.find((other) => other.mac === destinationMac(packet) && other.vlan === row?.vlan);
    if (!row || !out || row.dev === out.dev || tunnelDevice(row.dev, devices?.get(row.dev))) return [];
    const sub = vlanDevice(bridge.namespace, row.dev, devices?.get(row.dev));
    const { namespace, name } = sub?.lower ?? { namespace: bridge.namespace, name: row.dev };
    const behind = learned.filter(({ dev }) => dev === row.dev).length;
    return [{ arrival: arrivalAt(host, namespace, name, bridge.name, packet, [row.source, out.source]), behind }];
  });
}

function arrivalAt(
  host: Host,
  namespace: string,
  device: string,
  bridge: string,
  packet: FlowKey,
  evidence: readonly Source[],
): Arrival {
  return {
    place: { kind: 'device-in', host: host.name, namespace, device },
    packet,
    certainty: 'inferred',
    reason: `${bridge} of ${host.name} is between: it has learned ${sourceMac(packet)} on ${device}, and ${destinationMac(packet)} on another port`,
    evidence,
  };
}
