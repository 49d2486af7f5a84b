import type { Check } from './check';

/** A port that BFD or CFM found unable to carry packets: groups, bundles and bonds leave it out (ovs-vswitchd.conf.db(5)). */
export const portWatch: Check = (network) =>
  [...network.hosts.values()].flatMap((host) =>
    [...host.bridges.values()].flatMap((bridge) =>
      bridge.ports.flatMap((port) => {
        const found = [...(port.bfdUp === undefined ? [] : [port.bfdUp]), ...(port.cfmUp === undefined ? [] : [port.cfmUp])];
        if (found.length === 0 || found.includes(true)) return [];
        const by = port.bfdUp === undefined ? ('cfm' as const) : ('bfd' as const);
        const source = port.says[by] ?? port.sources[0];
        if (!source) return [];
        return [
          {
            code: `${by}-down`,
            severity: 'warning' as const,
            message:
              `${port.name} on ${bridge.name} of ${host.name} carries nothing as far as ${by.toUpperCase()} can tell: ` +
              'groups, bundles and bonds leave it out.',
            source,
          },
        ];
      }),
    ),
  );
