import type { Namespace } from '../model/namespace';
import type { Source } from '../model/source';

export interface Setting {
  readonly value: string;
  readonly source: Source;
  /** Not both of `all` and the device's own were captured: with the other it may be larger. */
  readonly atLeast?: true;
}

/**
 * A setting that exists for `all` and for each device (ip-sysctl). `max`: the larger counts; `or`: either; `own`: the device's
 * alone. Undefined where neither was captured. Dots in a device's name are written as slashes.
 */
export function sysctl(
  namespace: Namespace,
  prefix: string,
  device: string,
  name: string,
  join: 'max' | 'or' | 'own',
): Setting | undefined {
  const own =
    namespace.sysctls.get(`${prefix}.${device}.${name}`) ??
    namespace.sysctls.get(`${prefix}.${device.replaceAll('.', '/')}.${name}`);
  if (join === 'own') return own;
  const all = namespace.sysctls.get(`${prefix}.all.${name}`);
  // Where the device's own value was not captured, it is the one that new devices get.
  const device_ = own ?? namespace.sysctls.get(`${prefix}.default.${name}`);
  const larger = all && device_ ? (Number(all.value) >= Number(device_.value) ? all : device_) : (all ?? device_);
  return larger === undefined || (all && device_) ? larger : { ...larger, atLeast: true };
}
