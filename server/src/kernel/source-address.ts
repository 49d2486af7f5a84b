import type { Namespace } from '../model/network';
import { parseIp } from '../packet/address';
import { isLinkLocal6 } from './packet';

/** inet_select_addr: the device's first address on the gateway's subnet, else its first. */
export function sourceAddress(namespace: Namespace, device: string, family: 4 | 6, towards: bigint): bigint | undefined {
  const own = (namespace.devices.get(device)?.addresses ?? []).flatMap((address) => {
    const ip = parseIp(address.ip);
    return ip?.family === family ? [{ ip: ip.value, prefix: address.prefix }] : [];
  });
  const bits = family === 4 ? 32 : 128;
  const onLink = own.find(({ ip, prefix }) => ip >> BigInt(bits - prefix) === towards >> BigInt(bits - prefix));
  const linkLocal = family === 6 && towards >> 118n === 0x3fan;
  const global = own.find(({ ip }) => family === 4 || (ip >> 118n === 0x3fan) === linkLocal);
  if (onLink ?? global) return (onLink ?? global)?.ip;
  for (const other of namespace.devices.values()) {
    if (other.name === device || other.name === 'lo') continue;
    for (const address of other.addresses) {
      const ip = parseIp(address.ip);
      if (ip?.family === family && !(family === 6 && ip.value >> 118n === 0x3fan)) return ip.value;
    }
  }
  return undefined;
}

/**
 * ipv6_dev_get_saddr without a device: of all global addresses the one that shares the most leading bits with the destination, at
 * most its own prefix (RFC 6724, rule 8).
 */
export function sourceOfAny(namespace: Namespace, towards: bigint): bigint | undefined {
  let best: { readonly ip: bigint; readonly shared: number } | undefined;
  for (const device of namespace.devices.values()) {
    if (device.name === 'lo') continue;
    for (const address of device.addresses) {
      const ip = parseIp(address.ip);
      if (ip?.family !== 6 || isLinkLocal6(ip.value) !== isLinkLocal6(towards)) continue;
      const shared = Math.min(address.prefix, 128 - (ip.value ^ towards).toString(2).length);
      if (!best || shared > best.shared) best = { ip: ip.value, shared };
    }
  }
  return best?.ip;
}
