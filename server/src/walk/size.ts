import type { Device } from '../model/device';
import type { Namespace } from '../model/namespace';
import type { Host } from '../model/network';
import type { OvsPort } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import type { WalkQuestion } from './question';

/** How long the packet is at one point of its way, its IP header included. */
export interface PacketSize {
  /** Of the largest piece that is on its way: the packet, or the largest of its fragments. */
  readonly length: number;
  /** Before anybody cut it. */
  readonly whole: number;
  /** IPv4's DF bit; of IPv6, that its sender does not cut it either. */
  readonly dontFragment: boolean;
}

/** What a device on the way lets through. */
export interface MtuLimit {
  readonly host: string;
  /** Null for the host's own (root) namespace. */
  readonly namespace: string | null;
  readonly device: string;
  /** Undefined where no capture shows it. */
  readonly mtu: number | undefined;
  /** Bytes that a tunnel has put around the packet by then: between its IP header and the one that the device counts from. */
  readonly overhead: number;
  /** What puts them there: `VXLAN`. */
  readonly by?: string;
  readonly evidence: readonly Source[];
  /** What would tell the MTU, where that is not a list of the devices there. */
  readonly command?: string;
}

/** What every network takes (RFC 791; RFC 8200, 5): a shorter packet is never in doubt. */
const SMALLEST_MTU = { 4: 576, 6: 1280 } as const;

/** Room for a VLAN tag, which bridges and pairs of devices leave in every frame, tagged or not (is_skb_forwardable). */
export const VLAN_ROOM = 4;

/** The size of the packet that is asked about; undefined where the question says none. */
export function sizeOf(question: WalkQuestion): PacketSize | undefined {
  const { length, dontFragment } = question;
  return length === undefined ? undefined : { length, whole: length, dontFragment: dontFragment === true };
}

const HEADERS = { icmp: 8, udp: 8, tcp: 20 } as const;

/** Why a packet can't have the length that is asked for; undefined where it can. */
export function badLength(question: WalkQuestion, family: 4 | 6): string | undefined {
  const { length, proto = 'icmp' } = question;
  if (length === undefined) return undefined;
  if (proto === 'arp') return 'A question of ARP has a length of its own: leave the length out.';
  const least = (family === 4 ? 20 : 40) + HEADERS[proto];
  const most = family === 4 ? 65535 : 65575;
  if (Number.isInteger(length) && length >= least && length <= most) return undefined;
  return `A packet of ${proto.toUpperCase()} over IPv${family} has from ${least} to ${most} bytes, its IP header included, not ${length}.`;
}

/** How long the largest fragment is that fits an MTU: all but the last carry a multiple of eight bytes (RFC 791, RFC 8200). */
export function fragmentLength(mtu: number, family: 4 | 6): number {
  const headers = family === 4 ? 20 : 48;
  return headers + Math.floor((mtu - headers) / 8) * 8;
}

/** How many fragments a packet of that length becomes. */
export function fragmentCount(length: number, mtu: number, family: 4 | 6): number {
  const payload = length - (family === 4 ? 20 : 40);
  return Math.ceil(payload / (fragmentLength(mtu, family) - (family === 4 ? 20 : 48)));
}

/** The packet after somebody cut it to fit an MTU. */
export function cut(size: PacketSize, mtu: number, family: 4 | 6): PacketSize {
  return size.length <= mtu ? size : { ...size, length: Math.min(size.length, fragmentLength(mtu, family)) };
}

/** Whether a packet of that length may be too long for what nobody captured the MTU of. */
export function isInDoubt(size: PacketSize, limit: MtuLimit, family: 4 | 6): boolean {
  return limit.mtu === undefined && size.length > SMALLEST_MTU[family];
}

/** Whether a device does not take the packet; `room` is what it lets pass beyond its MTU. */
export function exceeds(size: PacketSize, limit: MtuLimit, room: number): boolean {
  return limit.mtu !== undefined && size.length + limit.overhead > limit.mtu + room;
}

/** `1500 bytes`, or of a packet that was cut: `fragments of up to 1396 bytes`. */
export function sizeText(size: PacketSize): string {
  return size.length === size.whole ? `${size.length} bytes` : `fragments of up to ${size.length} bytes`;
}

/** `its MTU, 1450`, with what comes on top of the packet. */
export function limitText(limit: MtuLimit): string {
  const on = limit.overhead === 0 ? '' : `, less ${limit.overhead} bytes of ${limit.by ?? 'the tunnel'}`;
  return `MTU ${limit.mtu ?? '?'}${on}`;
}

/** What a device of a namespace lets through. */
export function deviceLimit(
  namespace: Namespace,
  name: string,
  device: Device | undefined = namespace.devices.get(name),
): MtuLimit {
  return {
    host: namespace.host,
    namespace: namespace.name === '' ? null : namespace.name,
    device: name,
    mtu: device?.mtu,
    overhead: 0,
    evidence: device?.mtuSource ? [device.mtuSource] : [],
  };
}

/** What the device of a switch's port lets through: it may be in any namespace, and Open vSwitch itself may say how much. */
export function portLimit(host: Host | undefined, port: Pick<OvsPort, 'host' | 'name' | 'mtu' | 'says'>): MtuLimit {
  const root = host?.namespaces.get('');
  const holder = root?.devices.has(port.name)
    ? root
    : [...(host?.namespaces.values() ?? [])].find(({ devices }) => devices.has(port.name));
  const device = holder?.devices.get(port.name);
  const said = port.says['mtu'];
  if (holder && device?.mtu !== undefined) return deviceLimit(holder, port.name, device);
  return {
    host: port.host,
    namespace: null,
    device: port.name,
    mtu: port.mtu,
    overhead: 0,
    evidence: said ? [said] : [],
  };
}

/** Notes what the packet meets on its way, each thing once. */
export function noteLimits(context: { readonly limits: MtuLimit[] }, limits: readonly MtuLimit[]): void {
  for (const limit of limits) if (!context.limits.some((known) => isSame(known, limit))) context.limits.push(limit);
}

function isSame(a: MtuLimit, b: MtuLimit): boolean {
  return a.host === b.host && a.namespace === b.namespace && a.device === b.device && a.overhead === b.overhead;
}
