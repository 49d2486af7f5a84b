import { serviceText } from '../model/ipvs';
import type { Check } from './check';

/** A virtual service that nobody serves: IPVS refuses its connections, port unreachable (ip_vs_leave). */
export const ipvsService: Check = (network) =>
  [...network.hosts.values()].flatMap((host) =>
    [...host.namespaces.values()].flatMap((namespace) =>
      namespace.ipvs.services.flatMap((service) => {
        if (!service.isWhole || service.servers.some(({ weight }) => weight !== 0)) return [];
        const why =
          service.servers.length === 0 ? 'has no server' : 'has only servers with weight 0, which get no new connections';
        return [
          {
            code: 'ipvs-no-server',
            severity: 'warning' as const,
            message: `Virtual service ${serviceText(service)} on ${host.name} ${why}: new connections to it are refused.`,
            source: service.source,
          },
        ];
      }),
    ),
  );
