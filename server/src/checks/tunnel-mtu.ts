import { allDevices, rootDeviceWithIp } from '../model/queries';
import { deviceOverhead } from '../model/tunnel-overhead';
import type { Check } from './check';

/** A tunnel device whose MTU and headers are more than the card below takes: full packets are cut, or lost (ip-link(8)). */
export const tunnelMtu: Check = (network) =>
  [...allDevices(network)].flatMap(({ host, device }) => {
    const { mtu, mtuSource, settings } = device;
    const type = device.type ?? (device.vni === undefined ? undefined : 'vxlan');
    const overhead =
      type === undefined ? undefined : deviceOverhead(type, device, settings['remote'] ?? settings['local'], false);
    const below = rootDeviceWithIp(host, settings['local']);
    if (mtu === undefined || !mtuSource || !overhead || below?.mtu === undefined || mtu + overhead.bytes <= below.mtu) return [];
    return [
      {
        code: 'tunnel-mtu-too-large',
        severity: 'warning' as const,
        message: `${device.name} on ${host.name} has an MTU of ${mtu}, but with ${overhead.bytes} bytes of ${overhead.name} that is more than the ${below.mtu} of ${below.name}, by which it leaves: longer packets than ${below.mtu - overhead.bytes} bytes are cut on the way, or lost. Set its MTU to ${below.mtu - overhead.bytes}, or raise that of ${below.name}.`,
        source: mtuSource,
      },
    ];
  });
