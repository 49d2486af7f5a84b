import type { Device } from '../../model/device';

/** A tunnel device of the kernel's: what kind, and which of the tunnels between two hosts it is. */
export interface TunnelDevice {
  readonly type: string;
  /** VXLAN's and Geneve's network identifier, GRE's key; undefined where it has none or nobody says it. */
  readonly id: number | undefined;
  /** `ip -d link` says so, not the name alone. */
  readonly said: boolean;
}

const TYPES = /^(?:vxlan|geneve|gre|gretap|ip6gre|ip6gretap|erspan|ipip|sit|ip6tnl)$/;

/** Whether a device is a tunnel of the kernel's, by what `ip -d link` says or by the name that Neutron's agent gives it. */
export function tunnelDevice(name: string, device: Device | undefined): TunnelDevice | undefined {
  if (device?.vni !== undefined) return { type: device.type ?? 'vxlan', id: device.vni, said: true };
  if (device?.type !== undefined) {
    if (!TYPES.test(device.type)) return undefined;
    const key = device.settings['id'] ?? device.settings['key'] ?? device.settings['okey'] ?? device.settings['ikey'];
    return { type: device.type, id: numberOf(key), said: true };
  }
  const named = /^(?:vxlan-?|flannel\.)(\d+)$/.exec(name)?.[1];
  return named === undefined ? undefined : { type: 'vxlan', id: Number(named), said: false };
}

/** A key is printed as a dotted quad by `ip -d link`, as a number elsewhere. */
function numberOf(key: string | undefined): number | undefined {
  if (key === undefined) return undefined;
  if (/^\d+$/.test(key)) return Number(key);
  if (/^0x[\da-f]+$/i.test(key)) return parseInt(key, 16);
  const quad = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(key);
  return quad ? quad.slice(1).reduce((value, part) => value * 256 + Number(part), 0) : undefined;
}
