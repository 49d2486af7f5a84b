/** What a packet looks like, in few words. Plain data in and out; knows no editor. */
import type { PacketView } from '../../server/src/protocol';

/** Headers in the order in which people read them, with the names they know. */
const headers: readonly (readonly [key: keyof PacketView, name: string])[] = [
  ['tun_id', 'tun'],
  ['dl_vlan', 'VLAN'],
  ['dl_src', 'dl_src'],
  ['dl_dst', 'dl_dst'],
  ['dl_type', 'dl_type'],
  ['nw_src', 'nw_src'],
  ['nw_dst', 'nw_dst'],
  ['nw_proto', 'nw_proto'],
  ['nw_ttl', 'ttl'],
  ['tp_src', 'tp_src'],
  ['tp_dst', 'tp_dst'],
  ['icmp_type', 'icmp_type'],
  ['ip_frag', 'ip_frag'],
];

export interface HeaderChange {
  readonly name: string;
  /** Undefined where the packet had or has no such header. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Every header that a step added, changed or took away. */
export function packetChanges(before: PacketView | undefined, after: PacketView): readonly HeaderChange[] {
  if (before === undefined) return [];
  return headers
    .map(([key, name]) => ({ name, before: value(before, key), after: value(after, key) }))
    .filter((change) => change.before !== change.after);
}

/** A change in few words: `VLAN 2 → 4`, `+tun 0x5a`, `−VLAN`. */
export function changeText(change: HeaderChange): string {
  if (change.before === undefined) return `+${change.name} ${change.after ?? ''}`;
  if (change.after === undefined) return `−${change.name}`;
  return `${change.name} ${change.before} → ${change.after}`;
}

/** The changes of a step on one line; empty where it changed nothing. */
export function changesText(before: PacketView | undefined, after: PacketView): string {
  return packetChanges(before, after).map(changeText).join(', ');
}

/** What a line shows beside its text: the tag, what the step has just changed, where the packet goes and in which tunnel. */
export function shortPacket(before: PacketView | undefined, after: PacketView): string {
  const shown = new Set(['VLAN', 'tun', 'dl_dst']);
  const changes = packetChanges(before, after).filter((change) => !shown.has(change.name) || change.after === undefined);
  return [
    ...(after.dl_vlan === undefined ? [] : [`VLAN ${after.dl_vlan}`]),
    ...changes.map(changeText),
    ...(after.dl_dst === undefined ? [] : [`→ ${after.dl_dst}`]),
    ...(after.tun_id === undefined ? [] : [`tun ${after.tun_id}`]),
  ].join(' ');
}

/** All headers, one `[name, value]` each. */
export function packetHeaders(packet: PacketView): readonly (readonly [name: string, value: string])[] {
  return headers.flatMap(([key, name]) => {
    const text = value(packet, key);
    return text === undefined ? [] : [[name, text] as const];
  });
}

function value(packet: PacketView, key: keyof PacketView): string | undefined {
  const found = packet[key];
  return found === undefined ? undefined : String(found);
}

/** ① for 1; (11) beyond the ten that every editor font has. */
export function circled(number: number): string {
  return number >= 1 && number <= 10 ? String.fromCodePoint(0x2460 + number - 1) : `(${number})`;
}
