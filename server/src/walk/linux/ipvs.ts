import { formatAddress } from '../../kernel/packet';
import type { IpvsTold, Passage } from '../../kernel/passage';
import type { Namespace } from '../../model/namespace';
import type { Host } from '../../model/network';
import type { FlowKey } from '../../packet/flow-key';
import { addGap, hostOf, inNamespace, type Context } from '../context';
import { followCopies, type Copy } from '../copies';
import { deviceEnd, hostWithout, noFarEnd } from '../tunnel-ends';
import { throughTunnel } from '../tunnel-size';
import { underlayDown } from '../underlay';
import type { Disposition, Ending, Step } from '../step';
import { stepBase } from './events';
import { isIpv6 } from '../step';

/** What IPVS did with a packet that it handed to a server; undefined where it did nothing like that. */
export function servedBy({ events }: Passage): IpvsTold | undefined {
  return events.find((event): event is IpvsTold => event.kind === 'ipvs' && event.what === 'served');
}

/**
 * IPVS gives the packet to one of several servers, and which one that is nobody can foretell: the way to each of them is followed. `go`
 * walks the packet on as if that server were chosen.
 */
export function amongServers(
  context: Context,
  namespace: Namespace,
  { choices, reason, evidence }: IpvsTold,
  device: string,
  packet: FlowKey,
  steps: Step[],
  go: (context: Context, server: string, steps: Step[]) => Ending,
): Ending | undefined {
  const ends: Disposition[] = [];
  const copies = choices.map((server): Copy => ({
    host: namespace.host,
    namespace: namespace.name === '' ? null : namespace.name,
    stage: 'netfilter',
    device,
    port: server,
    what: `To ${server}`,
    isLocal: false,
    packet,
    evidence,
    go: (inner, own) => {
      const ending = go(inner, server, own);
      ends.push(ending.disposition);
      return ending;
    },
  }));
  const at = steps.length;
  addGap(context, {
    host: namespace.host,
    command: inNamespace(namespace, 'ipvsadm -Lnc'),
    why: 'which of its servers a connection was given to',
  });
  steps.push({
    ...stepBase(namespace, device),
    stage: 'netfilter',
    summary: `IPVS has ${choices.length} servers for it, of which it takes one: the way to each of them is followed`,
    certainty: 'assumed',
    ...(reason === undefined ? {} : { reason }),
    packet,
    evidence,
    steps: [],
  });
  const ending = followCopies(context, copies, steps);
  const said = steps[at];
  // Whichever it is, the packet is lost.
  if (said && ends.length === choices.length && ends.every((end) => end === 'dropped'))
    steps[at] = { ...said, certainty: 'inferred' };
  return ending;
}

/** A packet that IPVS has wrapped in another one comes out at the tunnel device of its server. */
export function outOfIpvs(context: Context, namespace: Namespace, taken: Passage, packet: FlowKey, steps: Step[]): Ending {
  const host: Host | undefined = hostOf(context, namespace.host);
  const { family, src, dst } = taken.packet;
  const [local, remote] = [formatAddress(family, src), formatAddress(family, dst)];
  const type = family === 4 ? 'ipip' : 'ip6tnl';
  const name = taken.nextHop?.device ?? 'lo';
  const far = host && deviceEnd(context.network, host, local, remote, { type, id: undefined });
  const what = family === 4 ? 'IPIP' : 'IPv6 in IPv6';
  const evidence = servedBy(taken)?.evidence ?? [];
  const long =
    host &&
    throughTunnel(
      context,
      {
        host,
        remote,
        local,
        far: far?.host,
        overhead: { bytes: family === 4 ? 20 : 40, name: what },
        outerDf: isIpv6(packet) ? 'set' : 'inherit',
        bridged: false,
        of: 'kernel',
        step: stepBase(namespace, name),
        evidence,
      },
      packet,
      steps,
    );
  if (long && 'disposition' in long) return long;
  steps.push({
    ...stepBase(namespace, name),
    stage: 'tunnel',
    summary: `IPVS puts the packet into one from ${local} to ${remote} (${what})${far ? `, which ${far.host.name} takes out at ${far.device}` : ''}`,
    certainty: 'captured',
    packet,
    evidence,
    steps: [],
    ...(far ? {} : { effect: 'exits' as const }),
  });
  if (long) steps.push(long);
  const down = host && far && (underlayDown(host, remote, packet, steps) ?? underlayDown(far.host, local, packet, steps));
  if (down) return down;
  if (far)
    return context.go(
      context,
      { kind: 'device-in', host: far.host.name, namespace: far.namespace.name, device: far.device },
      packet,
      steps,
    );
  const at = { host: namespace.host, device: name, port: null };
  const nobody = host && hostWithout(context.network, host, remote);
  return noFarEnd(context, { at, name, remote, nobody, what, command: 'ip -d link' }, packet, steps);
}
