import { sysctl } from '../../kernel/sysctl';
import type { Device } from '../../model/device';
import type { Namespace } from '../../model/namespace';
import type { Host, Network } from '../../model/network';
import type { Source } from '../../model/source';
import { devicesWithIp, neutronPortWithIp, ovsPortNamed } from '../../model/queries';
import { addGap, hostOf, inNamespace, type Context } from '../context';
import { macOwnerText } from '../owner';
import type { Certainty } from '../step';

export interface Neighbour {
  readonly mac: string;
  readonly certainty: Certainty;
  readonly reason: string | undefined;
  readonly evidence: readonly Source[];
  /** Where a captured table says it: `REACHABLE`, `STALE` … */
  readonly state?: string | undefined;
}

/**
 * The MAC address of a next hop: from the namespace's neighbour table; else from who has the address; else from the MAC table
 * of the switch that the device is on, where only one address is left. Names the capture that would settle it.
 */
export function resolveNeighbour(context: Context, namespace: Namespace, device: string, ip: string): Neighbour | undefined {
  const entry = namespace.neighbours.find(
    (neighbour) => neighbour.ip === ip && neighbour.dev === device && neighbour.mac !== undefined,
  );
  if (entry?.mac !== undefined)
    return { mac: entry.mac, certainty: 'captured', reason: undefined, evidence: [entry.source], state: entry.state };
  const unasked = withoutAsking(context, namespace, device);
  if (unasked) return unasked;
  const failed = failedEntry(namespace, device, ip);
  const paired = otherEnd(context, namespace, device, ip);
  const elsewhere = paired ? undefined : onAnotherLink(namespace, device, ip);
  if (failed && elsewhere) {
    addGap(context, {
      host: namespace.host,
      command: inNamespace(namespace, `arping -c 3 -I ${device} ${ip}`),
      why: `whether anybody answers for ${ip} on ${device}: it is known on ${elsewhere.dev}`,
    });
    return undefined;
  }
  const known = paired ?? withoutTable(context, namespace, device, ip);
  if (known && elsewhere)
    return {
      ...known,
      certainty: 'assumed',
      reason: `${known.reason ?? ''}; the neighbour table has ${ip} on ${elsewhere.dev}, so it may not be on ${device} as well`,
    };
  return known && failed
    ? {
        ...known,
        certainty: 'inferred',
        reason: `its neighbour table has ${stateText(failed)}; ${(known.reason ?? '').replace(/^no neighbour table (?:of the sender )?was captured; /, '')}`,
        evidence: [failed.source, ...known.evidence],
      }
    : known;
}

/** A card that asks nobody (`arp off`) sends to its own address what no entry is made for (arp_constructor, ndisc_constructor). */
function withoutAsking(context: Context, namespace: Namespace, device: string): Neighbour | undefined {
  const card = namespace.devices.get(device);
  if (card?.noArp !== true || card.mac === undefined) return undefined;
  const whole = namespace.neighboursKnown === 'whole';
  if (!whole)
    addGap(context, {
      host: namespace.host,
      command: inNamespace(namespace, 'ip neigh'),
      why: `whether somebody made an entry on ${device}, which asks nobody itself`,
    });
  return {
    mac: card.mac,
    certainty: whole ? 'captured' : 'assumed',
    reason: `${device} asks nobody (NOARP), and sends to its own address what no entry was made for`,
    evidence: card.sources.slice(0, 1),
  };
}

/** Addresses of pairs are given anew on every host: the other end of this very pair has it. */
function otherEnd({ network }: Context, namespace: Namespace, device: string, ip: string): Neighbour | undefined {
  const pair = namespace.devices.get(device)?.pair;
  const peer = pair && network.hosts.get(namespace.host)?.namespaces.get(pair.namespace)?.devices.get(pair.name);
  const own = peer?.addresses.find((address) => address.ip === ip);
  if (!own || peer?.mac === undefined) return undefined;
  const reason = `no neighbour table was captured; ${ip} is the address of ${peer.name}, the other end of ${device}`;
  return { mac: peer.mac, certainty: 'inferred', reason, evidence: [own.source, ...peer.sources.slice(0, 1)] };
}

/** The entry of the same address on another device: what is there need not be here. */
function onAnotherLink(namespace: Namespace, device: string, ip: string): Namespace['neighbours'][number] | undefined {
  return namespace.neighbours.find((neighbour) => neighbour.ip === ip && neighbour.dev !== device && neighbour.mac !== undefined);
}

/** The entry of a neighbour that did not answer when the table was captured. */
export function failedEntry(namespace: Namespace, device: string, ip: string): Namespace['neighbours'][number] | undefined {
  return namespace.neighbours.find(
    (neighbour) =>
      neighbour.ip === ip &&
      neighbour.dev === device &&
      neighbour.mac === undefined &&
      (neighbour.state === 'FAILED' || neighbour.state === 'INCOMPLETE'),
  );
}

const STATES: Readonly<Record<string, string>> = {
  REACHABLE: 'REACHABLE',
  STALE: 'STALE: it is used, and asked for again if nothing confirms it',
  DELAY: 'DELAY: it is used, and asked for again if nothing confirms it',
  PROBE: 'PROBE: it is used while it is asked for again',
  PERMANENT: 'PERMANENT',
  NOARP: 'NOARP',
  FAILED: 'FAILED: nobody answered',
  INCOMPLETE: 'INCOMPLETE: nobody had answered yet',
};

/** A row of a neighbour table in words (ip-neighbour(8)). */
export function stateText(entry: {
  readonly ip: string;
  readonly mac: string | undefined;
  readonly state: string | undefined;
}): string {
  const state = entry.state === undefined ? '' : (STATES[entry.state] ?? entry.state);
  return `${entry.ip}${entry.mac === undefined ? '' : ` at ${entry.mac}`}${state === '' ? '' : `, ${state}`}`;
}

function withoutTable(context: Context, namespace: Namespace, device: string, ip: string): Neighbour | undefined {
  addGap(context, {
    host: namespace.host,
    command: inNamespace(namespace, 'ip neigh'),
    why: `the MAC address of ${ip} on ${device}`,
  });
  const host = hostOf(context, namespace.host);
  return (
    macOfAddress(context.network, ip) ??
    (host && onlyCandidate(context.network, host, device, namespace.devices.get(device)?.mac, ip))
  );
}

/** Who has an address, by what the port list, `ip address` and the neighbour tables of others say. */
export function macOfAddress(network: Network, ip: string): Neighbour | undefined {
  const port = neutronPortWithIp(network, ip);
  if (port?.mac !== undefined) {
    return {
      mac: port.mac,
      certainty: 'inferred',
      reason: `no neighbour table was captured; the Neutron port list gives ${ip} to port ${port.id}, whose MAC is ${port.mac}`,
      evidence: [port.says['mac'], port.ips.find((fixed) => fixed.ip === ip)?.source].filter((source) => source !== undefined),
    };
  }
  const owners = devicesWithIp(network, ip);
  const card = owners.find(({ device }) => device.mac !== undefined && !isNoCard(device));
  // Servers behind a balancer have the address of its service on lo, and are told not to answer for it.
  const hidden = owners.filter((owner) => isNoCard(owner.device) && !keepsSilent(owner, ip));
  if (card?.device.mac !== undefined) {
    const others = hidden.filter(({ namespace }) => namespace !== card.namespace);
    const also = others.map(({ device, host }) => `${device.name} of ${host.name}`).join(', ');
    return {
      mac: card.device.mac,
      certainty: others.length > 0 ? 'assumed' : 'inferred',
      reason: `no neighbour table was captured; ${card.device.name} on ${card.host.name} has ${ip} and ${card.device.mac}${others.length > 0 ? `; ${also} has it as well and may answer first, unless told not to (arp_ignore)` : ''}`,
      evidence: [card.source, ...card.device.sources.slice(0, 1)],
    };
  }
  const [owner, second] = hidden;
  return (owner && !second ? answeringFor(owner, ip) : undefined) ?? elsewhere(network, ip);
}

/** Whether a machine is told not to answer for an address of lo by its other devices (ip-sysctl, "arp_ignore"). */
function keepsSilent({ namespace }: ReturnType<typeof devicesWithIp>[number], ip: string): boolean {
  if (ip.includes(':')) return false;
  const cards = [...namespace.devices.values()].filter((device) => !isNoCard(device) && device.addresses.length > 0);
  return (
    cards.length > 0 &&
    cards.every(({ name }) => Number(sysctl(namespace, 'net.ipv4.conf', name, 'arp_ignore', 'max')?.value ?? 0) > 0)
  );
}

/** A device without a MAC of its own, as lo is: others of its machine answer for its addresses. */
function isNoCard({ mac, name }: Device): boolean {
  return name === 'lo' || mac === '00:00:00:00:00:00';
}

/**
 * The device that answers for an address of lo: Linux answers for all its addresses by the device that the question comes by, unless
 * told not to (ip-sysctl, "arp_ignore"). Which one that is can be said only where there is one.
 */
function answeringFor(
  { host, device, namespace, source }: ReturnType<typeof devicesWithIp>[number],
  ip: string,
): Neighbour | undefined {
  const cards = [...namespace.devices.values()].filter(
    (each) => !isNoCard(each) && each.mac !== undefined && each.up !== false && each.addresses.length > 0,
  );
  const [only, second] = cards;
  if (only?.mac === undefined || second) return undefined;
  return {
    mac: only.mac,
    certainty: 'inferred',
    reason: `no neighbour table was captured; ${ip} is on ${device.name} of ${host.name}, which answers for it by ${only.name}, its only other device`,
    evidence: [source, ...only.sources.slice(0, 1)],
  };
}

/** Another machine's neighbour table; not where two of them disagree. */
function elsewhere(network: Network, ip: string): Neighbour | undefined {
  const found = new Map<string, { readonly where: string; readonly source: Source }>();
  for (const host of network.hosts.values()) {
    for (const namespace of host.namespaces.values()) {
      for (const entry of namespace.neighbours) {
        if (entry.ip === ip && entry.mac !== undefined)
          found.set(entry.mac, { where: `${entry.dev} of ${host.name}`, source: entry.source });
      }
    }
  }
  const [only, second] = found;
  if (!only || second) return undefined;
  return {
    mac: only[0],
    certainty: 'inferred',
    reason: `no neighbour table of the sender was captured; the one on ${only[1].where} has ${ip} at ${only[0]}`,
    evidence: [only[1].source],
  };
}

/** The only address in the MAC table of a device's switch and VLAN that is nobody else's. */
export function onlyCandidate(
  network: Network,
  host: Host,
  device: string,
  own: string | undefined,
  ip: string,
): Neighbour | undefined {
  const ovs = ovsPortNamed(host, device);
  if (!ovs) return undefined;
  const vlan = ovs.port.tag ?? 0;
  const rows = ovs.bridge.fdb.filter(
    (row) =>
      row.vlan === vlan && row.mac !== own && row.ofport !== ovs.port.ofport && macOwnerText(network, row.mac) === undefined,
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
