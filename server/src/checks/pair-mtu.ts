import type { Device } from '../model/device';
import type { Host } from '../model/network';
import { allDevices } from '../model/queries';
import type { Check } from './check';

/** The other end of a veth pair, where a capture says which device it is. */
function otherEnd(host: Host, device: Device): Device | undefined {
  const { pair } = device;
  if (device.type !== 'veth' || pair?.certainty !== 'captured') return undefined;
  return host.namespaces.get(pair.namespace)?.devices.get(pair.name);
}

/** The two ends of a veth pair with different MTUs: what the wider one sends in full never comes out of the other (veth(4)). */
export const pairMtu: Check = (network) =>
  [...allDevices(network)].flatMap(({ host, device }) => {
    const other = otherEnd(host, device);
    const { mtu, mtuSource } = device;
    if (mtu === undefined || !mtuSource || other?.mtu === undefined || mtu >= other.mtu) return [];
    return [
      {
        code: 'pair-mtu-mismatch',
        severity: 'warning' as const,
        message: `${device.name} on ${host.name} has an MTU of ${mtu}, its other end ${other.name} one of ${other.mtu}: what ${other.name} sends in full is lost between them, and nobody is told. Give both the same MTU.`,
        source: mtuSource,
      },
    ];
  });
