import type { Device } from '../model/device';

/** Why nothing passes a device, as a predicate: it was captured without the flag UP, or without a carrier; undefined for others. */
export function linkFault(device: Device | undefined): string | undefined {
  if (device === undefined) return undefined;
  if (!device.up) return 'is down';
  return device.noCarrier === true ? 'has no carrier' : undefined;
}
