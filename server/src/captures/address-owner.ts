import { val, type Val } from '../base/span';
import type { Collected } from './lines';
import { ipRef, lower, macRef, partOf } from './words';

/** Who has an address, as an output says it; what it leaves out is undefined. */
export interface Owner {
  /** As in the fact: `container`, `pod`, `service` … */
  readonly what: string;
  readonly name: Val<string> | undefined;
  /** May have the length of the network's prefix behind it. */
  readonly ip: Val<string> | undefined;
  readonly mac?: Val<string> | undefined;
  readonly node?: Val<string> | undefined;
  readonly of?: Val<string> | undefined;
}

/** Notes an owner of an address and what can be looked up of it; nothing where there is no name or no address (`None`, an empty text). */
export function addOwner(out: Collected, { what, name, ip: text, mac, node, of }: Owner): void {
  const length = text?.value.split('/')[0]?.length ?? 0;
  if (name === undefined || text === undefined || !/^[\da-f.:]*[.:][\da-f.:]*$/i.test(text.value.slice(0, length))) return;
  const ip = lower(partOf(text, 0, length));
  const isMac = mac !== undefined && /^[\da-f]{2}(?::[\da-f]{2}){5}$/i.test(mac.value);
  ipRef(out, ip);
  if (isMac) macRef(out, mac);
  out.facts.push({
    kind: 'address-owner',
    what,
    // Docker calls a container `/web`.
    name: name.value.startsWith('/')
      ? val(name.value.slice(1), { ...name.span, start: Math.min(name.span.start + 1, name.span.end) })
      : name,
    ip,
    ...(isMac ? { mac: lower(mac) } : {}),
    ...(node === undefined ? {} : { node }),
    ...(of === undefined ? {} : { of }),
  });
}
