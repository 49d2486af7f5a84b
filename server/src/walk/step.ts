import type { Certainty, Disposition, Gap, Stage, StepWords } from '../base/walk-words';
import type { Source } from '../model/source';
import { formatIpv4, formatIpv6, formatMac } from '../packet/address';
import { get, vlansOf, type FlowKey } from '../packet/flow-key';

export type { Certainty, Disposition, Gap, Stage };

/** One thing that happened to the packet. */
export interface Step extends StepWords {
  /** The packet as it leaves the step. */
  readonly packet: FlowKey;
  readonly evidence: readonly Source[];
  readonly steps: readonly Step[];
}

/** How a walk, or a branch of it, ended. */
export interface Ending {
  readonly disposition: Disposition;
  readonly at: { readonly host: string | null; readonly device: string; readonly port: string | null };
  readonly summary: string;
  readonly packet: FlowKey;
  /** Where an answer would come in, for the walk of the reply. */
  readonly back?: Place;
  /** The answer itself, where it is not simply the packet turned around: to an ARP request or a neighbour solicitation. */
  readonly answer?: FlowKey;
}

/** Where a packet is about to be handled. */
export type Place =
  | { readonly kind: 'ovs-in'; readonly host: string; readonly bridge: string; readonly port: string }
  /** A switch's flows send a frame of their own making out of a port. */
  | { readonly kind: 'ovs-out'; readonly host: string; readonly bridge: string; readonly port: string }
  /** A frame comes in by a device, whatever the device belongs to. */
  | { readonly kind: 'device-in'; readonly host: string; readonly namespace: string; readonly device: string }
  /** It is for the IP stack, or for those who share the device. */
  | { readonly kind: 'namespace-in'; readonly host: string; readonly namespace: string; readonly device: string }
  | {
      readonly kind: 'namespace-local';
      readonly host: string;
      readonly namespace: string;
      /** The VRF that it is sent in, as answers to what came in by a device of it are. */
      readonly vrf?: string;
      /** The device that it must leave by, as what ipvlan devices in the modes l3 and l3s send must. */
      readonly by?: string;
    }
  /** `bridge` is its key in `Host.linuxBridges`. */
  | { readonly kind: 'linux-bridge-in'; readonly host: string; readonly bridge: string; readonly member: string }
  | { readonly kind: 'device-out'; readonly host: string; readonly namespace: string; readonly device: string }
  | {
      readonly kind: 'instance';
      readonly name: string;
      readonly tap: { readonly host: string; readonly device: string } | undefined;
    };

const order: readonly Certainty[] = ['captured', 'inferred', 'assumed'];

/** The less certain of two. */
export function weaker(a: Certainty, b: Certainty): Certainty {
  return order.indexOf(a) >= order.indexOf(b) ? a : b;
}

/** The weakest certainty among steps and what they hold. */
export function weakest(steps: readonly Step[]): Certainty {
  return steps.reduce<Certainty>((worst, step) => weaker(worst, step.certainty), 'captured');
}

/** A packet's addresses in words: `172.19.1.3 → 8.8.8.8`; its MAC addresses where nobody knows more. */
export function addresses(packet: FlowKey): string {
  const nameless = !isIpv6(packet) && get(packet, 'nw_src') === 0n && get(packet, 'nw_dst') === 0n;
  if (nameless) return `${sourceMac(packet)} → ${destinationMac(packet)}`;
  return `${sourceIp(packet)} → ${destinationIp(packet)}`;
}

export function sourceIp(packet: FlowKey): string {
  return isIpv6(packet) ? formatIpv6(get(packet, 'ipv6_src')) : formatIpv4(get(packet, 'nw_src'));
}

export function destinationIp(packet: FlowKey): string {
  return isIpv6(packet) ? formatIpv6(get(packet, 'ipv6_dst')) : formatIpv4(get(packet, 'nw_dst'));
}

export function isIpv6(packet: FlowKey): boolean {
  return get(packet, 'dl_type') === 0x86ddn;
}

export function sourceMac(packet: FlowKey): string {
  return formatMac(get(packet, 'dl_src'));
}

export function destinationMac(packet: FlowKey): string {
  return formatMac(get(packet, 'dl_dst'));
}

/** `untagged`, `VLAN 3`, or `VLAN 100 around VLAN 3`. */
export function tagText(packet: FlowKey): string {
  const vlans = vlansOf(packet);
  return vlans.length === 0 ? 'untagged' : vlans.map((vlan) => `VLAN ${vlan}`).join(' around ');
}

/** Says of the last step what it does to the packet. */
export function markLast(steps: Step[], effect: NonNullable<Step['effect']>): void {
  const last = steps.at(-1);
  if (last) steps[steps.length - 1] = { ...last, effect };
}
