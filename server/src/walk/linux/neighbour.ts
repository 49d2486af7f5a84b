import type { Namespace, Source } from '../../model/network';
import { devicesWithIp, neutronPortWithIp, ovsPortNamed } from '../../model/queries';
import { addGap, hostOf, inNamespace, type Context } from '../context';
import { macOwnerText } from '../owner';
import type { Certainty } from '../step';

export interface Neighbour {
  readonly mac: string;
  readonly certainty: Certainty;
  readonly reason: string | undefined;
  readonly evidence: readonly Source[];
}

/**
 * The MAC address of a next hop: from the namespace's neighbour table; else from who has the address; else from the MAC table
 * of the switch that the device is on, where only one address is left. Names the capture that would settle it.
 */
export function resolveNeighbour(context: Context, namespace: Namespace, device: string, ip: string): Neighbour | undefined {
  const entry = namespace.neighbours.find((neighbour) => neighbour.ip === ip && neighbour.dev === device && neighbour.mac !== undefined);
  if (entry?.mac !== undefined) return { mac: entry.mac, certainty: 'captured', reason: undefined, evidence: [entry.source] };
  addGap(context, {
    host: namespace.host,
    command: inNamespace(namespace.name, 'ip neigh'),
    why: `the MAC address of ${ip} on ${device}`,
  });
  return ofOwner(context, ip) ?? ofSwitch(context, namespace, device, ip);
}

function ofOwner(context: Context, ip: string): Neighbour | undefined {
  const port = neutronPortWithIp(context.network, ip);
  if (port?.mac !== undefined) {
    return {
      mac: port.mac,
      certainty: 'inferred',
      reason: `no neighbour table was captured; the Neutron port list gives ${ip} to port ${port.id}, whose MAC is ${port.mac}`,
      evidence: [port.says['mac'], port.ips.find((fixed) => fixed.ip === ip)?.source].filter((source) => source !== undefined),
    };
  }
  const [owner] = devicesWithIp(context.network, ip);
  if (owner?.device.mac !== undefined) {
    return {
      mac: owner.device.mac,
      certainty: 'inferred',
      reason: `no neighbour table was captured; ${owner.device.name} on ${owner.host.name} has ${ip} and ${owner.device.mac}`,
      evidence: [owner.source, ...owner.device.sources.slice(0, 1)],
    };
  }
  return undefined;
}

function ofSwitch(context: Context, namespace: Namespace, device: string, ip: string): Neighbour | undefined {
  const host = hostOf(context, namespace.host);
  const ovs = host && ovsPortNamed(host, device);
  if (!ovs) return undefined;
  const vlan = ovs.port.tag ?? 0;
  const own = namespace.devices.get(device)?.mac;
  const rows = ovs.bridge.fdb.filter(
    (row) => row.vlan === vlan && row.mac !== own && row.ofport !== ovs.port.ofport && macOwnerText(context.network, row.mac) === undefined,
  );
  const [only] = rows;
  if (!only || rows.length !== 1) return undefined;
  return {
    mac: only.mac,
    certainty: 'inferred',
    reason: `${ip} is in no captured neighbour table; in VLAN ${vlan} ${ovs.bridge.name}'s MAC table has ${only.mac} as the only address that is nobody else's`,
    evidence: [only.source],
  };
}
