import { serverText, serviceText } from '../model/ipvs';
import { holdersOf } from '../model/owners';
import type { IpvsServer, IpvsService } from '../model/ipvs';
import type { Namespace } from '../model/namespace';
import type { Network } from '../model/network';
import type { Check, CheckFinding } from './check';

/** Real servers that can't answer: nobody on the link has their address, or they lack what their way of getting packets needs (ipvsadm(8)). */
export const ipvsServer: Check = (network) =>
  [...network.hosts.values()].flatMap((host) =>
    [...host.namespaces.values()].flatMap((namespace) =>
      namespace.ipvs.services.flatMap((service) =>
        service.servers.flatMap((server) => {
          const found = troubleOf(network, namespace, service, server);
          if (!found || server.weight === 0) return [];
          const text = `Real server ${serverText(server)} of ${serviceText(service)} on ${host.name}`;
          return [
            {
              code: found.code,
              severity: 'warning',
              message: `${text} ${found.what}`,
              source: server.source,
            } satisfies CheckFinding,
          ];
        }),
      ),
    ),
  );

function troubleOf(
  network: Network,
  namespace: Namespace,
  service: IpvsService,
  { ip, forward }: IpvsServer,
): { readonly code: string; readonly what: string } | undefined {
  if (ip === undefined) return undefined;
  const asked = namespace.neighbours.filter((one) => one.ip === ip);
  if (asked.length > 0 && asked.every(({ mac, state }) => mac === undefined && /^(?:FAILED|INCOMPLETE)$/.test(state ?? '')))
    return { code: 'ipvs-server-unreachable', what: 'does not answer: nobody on its link has the address.' };
  const virtual = service.ip;
  if ((forward !== 'Route' && forward !== 'Tunnel') || virtual === undefined) return undefined;
  const [holder, ...others] = holdersOf(network, ip);
  // Its own packets the director takes as they are.
  if (!holder || others.length > 0 || holder.namespace === namespace) return undefined;
  const own = holder.namespace;
  const family = virtual.includes(':') ? 6 : 4;
  const has = [...own.devices.values()].find(({ addresses }) => addresses.some((address) => address.ip === virtual));
  const where = `${holder.host.name} has not the address of the service, ${virtual}`;
  if (!has)
    return own.addressesKnown[family] === 'whole' && !hasLocalRoute(own)
      ? { code: 'ipvs-server-without-address', what: `drops what it gets: ${where}.` }
      : undefined;
  const ignores = ignoresArp(own, holder.device.name);
  if (forward === 'Route' && family === 4 && ignores === false)
    return {
      code: 'ipvs-server-answers-arp',
      what: `answers ARP for the address of the service, which ${holder.host.name} has on ${has.name}: clients on the link may get to it past IPVS. Set net.ipv4.conf.all.arp_ignore to 1.`,
    };
  return undefined;
}

/** A route may make more local than its addresses (`local 10.0.0.0/24 dev lo`). */
function hasLocalRoute({ routes }: Namespace): boolean {
  return routes.some(
    ({ route }) => route.type === 'local' && route.dst.value.prefix < (route.dst.value.ip.includes(':') ? 128 : 32),
  );
}

/** Whether a machine answers only for the addresses of the device that was asked; undefined where that was not captured. */
function ignoresArp({ sysctls }: Namespace, device: string): boolean | undefined {
  const values = ['all', device].flatMap((name) => sysctls.get(`net.ipv4.conf.${name}.arp_ignore`)?.value ?? []);
  if (values.some((value) => value !== '0')) return true;
  return values.length === 2 ? false : undefined;
}
