import type { Check } from './check';

/** An interface that Open vSwitch could not open: `error: "could not open network device …"`. */
export const interfaceError: Check = (network) =>
  [...network.hosts.values()].flatMap((host) =>
    [...host.bridges.values()].flatMap((bridge) =>
      bridge.ports.flatMap((port) => {
        const source = port.says['name'] ?? port.sources[0];
        if (port.error === undefined || !source) return [];
        return [
          {
            code: 'interface-error',
            severity: 'warning' as const,
            message: `${port.name} on ${bridge.name} of ${host.name} does not work: ${port.error}.`,
            source,
          },
        ];
      }),
    ),
  );
