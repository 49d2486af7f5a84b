import type { Val } from '../../base/span';
import { dscpValue } from '../iptables-rules/target-options';
import type { Collected } from '../lines';
import { ipRef, splitPrefix } from '../words';

/** A type of service by number (hex, with or without 0x) or by one of the names of /etc/iproute2/rt_dsfield. */
export function tosOf(text: string): number | undefined {
  if (/^(?:0x)?[\da-f]{1,2}$/i.test(text)) return parseInt(text.replace(/^0x/i, ''), 16);
  return dscpValue(text) === undefined ? undefined : (dscpValue(text) ?? 0) << 2;
}

/** DVR writes `from 10.10.10.1/24` for the address of a router's port: a host although it has a prefix. */
export function hostRef(out: Collected, text: Val<string> | undefined): void {
  if (text === undefined || !/^[\da-f:.]+(?:\/\d+)?$/i.test(text.value)) return;
  const { ip, prefix } = splitPrefix(text);
  if (prefix.value === 32 || prefix.value === 128 || !/(?:\.0|::)$/.test(ip.value)) ipRef(out, ip);
}
