import { bridgePort, isPatch } from '../model/queries';
import type { Check } from './check';

/** A patch port whose peer is missing, or names another port as its own peer (ovs-vswitchd.conf.db(5), "peer"). */
export const patchPeer: Check = (network) =>
  [...network.hosts.values()].flatMap((host) =>
    [...host.bridges.values()].flatMap((bridge) =>
      bridge.ports.filter(isPatch).flatMap((port) => {
        const source = port.says['peer'] ?? port.sources[0];
        const name = port.options['peer'];
        if (name === undefined || !source) return [];
        const peer = [...host.bridges.values()].map((other) => bridgePort(other, name)).find((other) => other !== undefined);
        const back = peer?.options['peer'];
        if (!peer || back === undefined || back === port.name) return [];
        return [
          {
            code: 'patch-peer-mismatch',
            severity: 'error' as const,
            message: `Patch port ${port.name} on ${host.name} names ${name} as its peer, but ${name} names ${back}: no packet crosses. Set the peers to each other.`,
            source,
          },
        ];
      }),
    ),
  );
