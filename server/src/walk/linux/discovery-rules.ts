import type { Namespace } from '../../model/network';
import type { FlowKey } from '../../packet/flow-key';
import { isArp } from '../arp';
import type { Context } from '../context';
import type { Ending, Step } from '../step';
import { at, eventSteps } from './events';
import { ipPacketOf } from './packet';
import { passNamespace } from './stack-walk';

/**
 * Neighbour discovery is ICMPv6, which the rules of ip6tables see as any other packet (ndisc_send_skb, ip6_mc_input): what they do with a
 * question or an answer on its way in or out. Undefined where they let it pass; ARP meets none of them.
 */
export function discoveryRefused(
  context: Context,
  namespace: Namespace,
  device: string,
  direction: 'in' | 'out',
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  if (isArp(packet) || (namespace.netfilter6.size === 0 && namespace.nft.size === 0)) return undefined;
  const { passage, spared } = passNamespace(context, namespace, {
    packet: ipPacketOf(packet, 0, 0),
    iif: direction === 'in' ? device : undefined,
    ...(direction === 'out' ? { by: device } : {}),
  });
  const refused = passage.verdict === 'dropped' || passage.verdict === 'rejected';
  const last = passage.events.at(-1);
  if (!refused || passage.undetermined || last?.kind !== 'table') return undefined;
  const told = eventSteps({ context, namespace, in: device, frame: packet, spared }, last);
  steps.push(...told);
  const summary = told.at(-1)?.summary ?? passage.why;
  return { disposition: 'dropped', at: at(namespace, device), summary, packet };
}
