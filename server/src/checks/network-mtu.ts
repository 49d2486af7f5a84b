import type { Network } from '../model/network';
import { isTunnel, rootDeviceWithIp } from '../model/queries';
import { portOverhead, type Overhead } from '../model/tunnel-overhead';
import type { Check, CheckFinding } from './check';

const SEGMENTS = new Set(['vxlan', 'geneve', 'gre']);

/** A Neutron network whose MTU leaves no room for its own tunnels on a captured host: full packets of its instances are lost there. */
export const networkMtu: Check = (network) =>
  network.networks.flatMap((segment): CheckFinding[] => {
    const { mtu, type } = segment;
    const source = segment.says['mtu'];
    if (mtu === undefined || !source || type === undefined || !SEGMENTS.has(type)) return [];
    const tight = tunnelsOf(network, type).find(({ below, overhead }) => mtu + overhead.bytes > below.mtu);
    if (!tight) return [];
    const { host, below, overhead } = tight;
    const room = below.mtu - overhead.bytes;
    return [
      {
        code: 'network-mtu-too-large',
        severity: 'warning',
        message: `The network ${segment.name ?? segment.id ?? ''} has an MTU of ${mtu}, but its ${overhead.name} tunnels take ${overhead.bytes} bytes of the ${below.mtu} of ${below.name} on ${host}: what its instances send in full is lost. Set its MTU to ${room}, or raise that of ${below.name}.`,
        source,
      },
    ];
  });

interface Tunnel {
  readonly host: string;
  readonly below: { readonly name: string; readonly mtu: number };
  readonly overhead: Overhead;
}

function tunnelsOf(network: Network, type: string): Tunnel[] {
  return [...network.hosts.values()].flatMap((host) =>
    [...host.bridges.values()].flatMap((bridge) =>
      bridge.ports.flatMap((port) => {
        const below = isTunnel(port) && port.type === type ? rootDeviceWithIp(host, port.options['local_ip']) : undefined;
        const overhead = portOverhead(port, false, 0);
        return below?.mtu === undefined || !overhead
          ? []
          : [{ host: host.name, below: { name: below.name, mtu: below.mtu }, overhead }];
      }),
    ),
  );
}
