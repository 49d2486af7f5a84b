import type { Source } from './source';

export interface Device {
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  readonly mac: string | undefined;
  readonly mtu: number | undefined;
  /** Where the MTU is said. */
  readonly mtuSource?: Source;
  /** `default`, a name or a number; undefined where no capture says it. */
  readonly group?: string;
  readonly up: boolean;
  /** It is up, but nothing is at its other end that works: what it is given to send is lost. */
  readonly noCarrier?: true;
  readonly peer: string | undefined;
  readonly master: string | undefined;
  /** A capture tells what it belongs to, or that it belongs to nothing: `ip -br`, `ip -o addr` and ifconfig do not. */
  readonly masterShown: boolean;
  readonly type: string | undefined;
  readonly vlanId: number | undefined;
  /** Of a VXLAN device. */
  readonly vni: number | undefined;
  readonly index: number | undefined;
  /** `eth1@if3`: the peer's index, in another namespace; which one, the number tells (`link-netnsid`). */
  readonly peerIndex: number | undefined;
  readonly linkNetnsId: number | undefined;
  readonly linkNetns: string | undefined;
  /** The device that `peer` or `peerIndex` means, where it was found. */
  readonly pair: DevicePair | undefined;
  /** Frames leave without asking for a neighbour's address (tunnels of IP). */
  readonly noArp: boolean;
  /** What `ip -d link` says of the type, by its own words (`remote`, `mode`, `table` …). */
  readonly settings: Readonly<Record<string, string>>;
  /** What it says of the device as a bridge's port (`state`, `hairpin` …). */
  readonly portSettings: Readonly<Record<string, string>>;
  readonly addresses: readonly DeviceAddress[];
  readonly unverified: readonly UnverifiedAddress[];
  readonly sources: readonly Source[];
}

/** The other end of a device: a veth's peer, or the device below a VLAN or macvlan device. */
export interface DevicePair {
  /** Of the same host. */
  readonly namespace: string;
  readonly name: string;
  readonly certainty: 'captured' | 'inferred';
  readonly reason: string | undefined;
  readonly evidence: readonly Source[];
}

/** An address of a device; the scope as `ip addr` names it, where it was captured. */
export interface DeviceAddress {
  readonly ip: string;
  readonly prefix: number;
  readonly scope?: string;
  /** The other end, whose subnet is reached by the device instead of its own. */
  readonly peer?: string;
  readonly broadcast?: string;
  /** The kernel made no route for the subnet. */
  readonly noPrefixRoute?: boolean;
  readonly source: Source;
}

/**
 * An address whose uniqueness is not proven: the kernel routes its subnet, but takes no packet for it, answers no question for it and
 * sends nothing from it (addrconf_dad_completed, ndisc_recv_ns, ipv6_dev_get_saddr).
 */
export interface UnverifiedAddress extends DeviceAddress {
  /** `tentative`, `dadfailed`. */
  readonly state: string;
}
