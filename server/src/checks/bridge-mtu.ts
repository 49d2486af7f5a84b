import type { Device } from '../model/device';
import type { LinuxBridge } from '../model/linux-bridge';
import type { Host } from '../model/network';
import type { Check } from './check';

/** What sends packets into a bridge by IP: the bridge's own device, and the far ends of its ports' pairs, where they have addresses. */
function senders(host: Host, bridge: LinuxBridge): { readonly device: Device; readonly by: string }[] {
  const devices = host.namespaces.get(bridge.namespace)?.devices;
  const own = devices?.get(bridge.name);
  const ends = bridge.members.flatMap(({ name }) => {
    const pair = devices?.get(name)?.pair;
    const end = pair && host.namespaces.get(pair.namespace)?.devices.get(pair.name);
    return end ? [{ device: end, by: name }] : [];
  });
  return [...(own ? [{ device: own, by: bridge.name }] : []), ...ends].filter(({ device }) => device.addresses.length > 0);
}

/** A bridge whose port takes less than somebody on it sends: the bridge drops full frames for that port (br_dev_queue_push_xmit). */
export const bridgeMtu: Check = (network) =>
  [...network.hosts.values()].flatMap((host) =>
    [...host.linuxBridges.values()].flatMap((bridge) => {
      const devices = host.namespaces.get(bridge.namespace)?.devices;
      const wide = senders(host, bridge);
      return bridge.members.flatMap(({ name }) => {
        const port = devices?.get(name);
        const { mtu, mtuSource } = port ?? {};
        const sender = wide.find(({ device, by }) => by !== name && mtu !== undefined && (device.mtu ?? 0) > mtu);
        if (mtu === undefined || !mtuSource || sender?.device.mtu === undefined) return [];
        const { device } = sender;
        return [
          {
            code: 'bridge-mtu-mismatch',
            severity: 'warning' as const,
            message: `${name} of bridge ${bridge.name} on ${host.name} has an MTU of ${mtu}, but ${device.name}${device.namespace === '' ? '' : ` in ${device.namespace}`}, on the same bridge, sends up to ${device.mtu ?? 0}: the bridge drops what is longer than ${name} takes, and nobody is told.`,
            source: mtuSource,
          },
        ];
      });
    }),
  );
