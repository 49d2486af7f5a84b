import type { Device } from './device';
import type { OvsPort } from './ovs-bridge';

/** What a tunnel puts around a packet: between the packet's own IP header and what the underlay counts from. */
export interface Overhead {
  readonly bytes: number;
  /** As people call the tunnel. */
  readonly name: string;
}

const ETHERNET = 14;
const VLAN_TAG = 4;
const UDP = 8;
const GRE = 4;

/** Headers of each kind of tunnel between its outer IP header and what it carries, and whether that is a frame or a packet. */
const KINDS: Readonly<Record<string, { readonly name: string; readonly bytes: number; readonly carries: 'frame' | 'packet' }>> = {
  vxlan: { name: 'VXLAN', bytes: UDP + 8, carries: 'frame' },
  geneve: { name: 'Geneve', bytes: UDP + 8, carries: 'frame' },
  gre: { name: 'GRE', bytes: GRE, carries: 'packet' },
  ip6gre: { name: 'GRE', bytes: GRE, carries: 'packet' },
  gretap: { name: 'GRE', bytes: GRE, carries: 'frame' },
  ip6gretap: { name: 'GRE', bytes: GRE, carries: 'frame' },
  // With a sequence number, and the index or the type II header.
  erspan: { name: 'ERSPAN', bytes: GRE + 4 + 8, carries: 'frame' },
  stt: { name: 'STT', bytes: 20 + 18, carries: 'frame' },
  lisp: { name: 'LISP', bytes: UDP + 8, carries: 'packet' },
  ipip: { name: 'IPIP', bytes: 0, carries: 'packet' },
  sit: { name: 'SIT', bytes: 0, carries: 'packet' },
  ip6tnl: { name: 'an IPv6 tunnel', bytes: 0, carries: 'packet' },
};

function outerHeader(remote: string | undefined, kind: string): number {
  return remote?.includes(':') === true || kind.startsWith('ip6') ? 40 : 20;
}

/**
 * A tunnel device of the kernel's (vxlan_headroom, GENEVE_IPV4_HLEN, ip_tunnel's tun_hlen; ip-link(8)). `vlan`: whether the frame inside
 * has a tag. Undefined for kinds that are not known.
 */
export function deviceOverhead(
  type: string,
  device: Device | undefined,
  remote: string | undefined,
  vlan: boolean,
): Overhead | undefined {
  const kind = KINDS[type];
  if (!kind) return undefined;
  const settings = device?.settings ?? {};
  const has = (name: string): number => (settings[name] === undefined || settings[name] === 'off' ? 0 : 4);
  const options =
    kind.name === 'GRE' ? Math.max(has('okey'), has('key')) + has('ocsum') + has('csum') + has('oseq') + has('seq') : 0;
  const frame = kind.carries === 'frame' ? ETHERNET + (vlan ? VLAN_TAG : 0) : 0;
  return { bytes: outerHeader(remote, type) + kind.bytes + options + frame, name: kind.name };
}

/**
 * A tunnel port of Open vSwitch, whose GRE carries frames (ovs-vswitchd.conf.db(5), "Tunnel Options"). `options`: bytes of Geneve options
 * that flows gave the packet.
 */
export function portOverhead(port: OvsPort, vlan: boolean, options: number): Overhead | undefined {
  const type = port.type === 'gre' ? 'gretap' : (port.type ?? '');
  const kind = KINDS[type];
  if (!kind) return undefined;
  const { key, out_key: outKey, csum, seq, packet_type: packetType } = port.options;
  const gre =
    kind.name === 'GRE' ? ((outKey ?? key) === undefined ? 0 : 4) + (csum === 'true' ? 4 : 0) + (seq === 'true' ? 4 : 0) : 0;
  const frame = kind.carries === 'frame' && packetType !== 'legacy_l3' ? ETHERNET + (vlan ? VLAN_TAG : 0) : 0;
  return { bytes: outerHeader(port.options['remote_ip'], type) + kind.bytes + gre + options + frame, name: kind.name };
}
