import type { Namespace } from '../model/namespace';
import type { Check, CheckFinding } from './check';

/** Next hops of routes that did not answer when they were asked for (`FAILED`, `INCOMPLETE` in ip-neighbour(8)): nothing goes that way. */
export const gatewayUnreachable: Check = (network) =>
  [...network.hosts.values()].flatMap((host) => [...host.namespaces.values()].flatMap(unanswered));

function unanswered(namespace: Namespace): CheckFinding[] {
  const where = namespace.name === '' ? namespace.host : `${namespace.name} on ${namespace.host}`;
  const told = new Set<string>();
  return namespace.routes.flatMap(({ route }) => {
    const gateway = route.via?.value;
    if (gateway === undefined || told.has(gateway)) return [];
    const asked = namespace.neighbours.filter(
      ({ ip, dev }) => ip === gateway && (route.dev === undefined || dev === route.dev.value),
    );
    const [entry] = asked;
    if (!entry || asked.some(({ mac, state }) => mac !== undefined || !/^(?:FAILED|INCOMPLETE)$/.test(state ?? ''))) return [];
    told.add(gateway);
    return [
      {
        code: 'gateway-unreachable',
        severity: 'warning' as const,
        message: `${gateway} does not answer on ${entry.dev} (${entry.state ?? ''}), and ${where} sends by it what the route "${route.text.value.trim().replace(/\s+/g, ' ')}" is for.`,
        source: entry.source,
      },
    ];
  });
}
