import type { Namespace } from '../model/network';
import { parseIp } from '../packet/address';

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
