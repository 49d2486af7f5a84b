import type { Host, Network } from './network';
import type { Namespace } from './namespace';
import type { Source } from './source';

/** A machine that a route shows to have an address. */
export interface RouteSource {
  readonly host: Host;
  readonly namespace: Namespace;
  /** The device of the route. */
  readonly device: string;
  readonly source: Source;
}

/**
 * The machines whose routes name an address as the source of what they send: the kernel takes no route with a source that is none of its own
 * addresses (fib_valid_prefsrc), so those have it, where `ip address` was not captured as well.
 */
export function machinesSendingFrom(network: Network, ip: string): readonly RouteSource[] {
  return [...network.hosts.values()].flatMap((host) =>
    [...host.namespaces.values()].flatMap((namespace) => {
      const routes = namespace.routes.filter(({ route }) => route.src?.value === ip && route.dev !== undefined);
      // The route that came with the address says its device; others may lead elsewhere.
      const found = routes.find(({ route }) => route.via === undefined) ?? routes[0];
      const device = found?.route.dev?.value;
      return found && device !== undefined ? [{ host, namespace, device, source: found.source }] : [];
    }),
  );
}
