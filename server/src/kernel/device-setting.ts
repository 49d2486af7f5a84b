import { askHidden } from './decide';
import type { LookupOptions } from './routing';
import { sysctl } from './sysctl';

/** Settings of IPv4 that hold where either `all` or the device has them on, and that are off unless somebody turns them on (ip-sysctl). */
const MEANINGS = {
  route_localnet: (device: string) => `whether loopback addresses may pass ${device}`,
  accept_local: (device: string) => `whether packets with an address of this host as their source may come in by ${device}`,
  src_valid_mark: (device: string) => `whether the way back to a sender by ${device} is asked for with the packet's mark`,
} as const;

/** Whether such a setting is on for a device; where it was not captured whole, that is asked and taken not to be so. */
export function isSetFor(device: string, name: keyof typeof MEANINGS, options: LookupOptions): boolean {
  const said = sysctl(options.namespace, 'net.ipv4.conf', device, name, 'or');
  if (said !== undefined && (said.value === '1' || said.atLeast !== true)) return said.value === '1';
  return askHidden(options, {
    key: name,
    likely: false,
    reason: `${MEANINGS[name](device)} was not captured; taken not to be so`,
    command: `sysctl net.ipv4.conf.all.${name} net.ipv4.conf.${device}.${name}`,
  });
}
