import type { Namespace } from '../../model/namespace';
import type { FlowKey } from '../../packet/flow-key';
import { isArp } from '../arp';
import type { Context } from '../context';
import type { Ending, Step } from '../step';
import { passArpRules } from './arp-rules';
import { at, eventSteps } from './events';
import { ipPacketOf } from './packet';
import { passNamespace } from './stack-walk';

/**
 * What rules do with a question for an address, or with its answer, on its way in or out: those for ARP (arp_rcv, arp_xmit), or of ip6tables,
 * to which neighbour discovery is ICMPv6 as any other (ndisc_send_skb, ip6_mc_input). The frame after them, or its end.
 */
export function passDiscovery(
  context: Context,
  namespace: Namespace,
  device: string,
  direction: 'in' | 'out',
  packet: FlowKey,
  steps: Step[],
): { readonly packet: FlowKey } | Ending {
  if (isArp(packet)) {
    const way = direction === 'in' ? { in: device, out: undefined } : { in: undefined, out: device };
    const passed = passArpRules(context, namespace, { hook: direction === 'in' ? 'INPUT' : 'OUTPUT', ...way, packet }, steps);
    if (passed.dropped === undefined) return passed;
    return { disposition: 'dropped', at: at(namespace, device), summary: passed.dropped, packet };
  }
  if (namespace.netfilter6.size === 0 && namespace.nft.size === 0) return { packet };
  const { passage, spared } = passNamespace(context, namespace, {
    packet: ipPacketOf(packet, 0, 0),
    iif: direction === 'in' ? device : undefined,
    ...(direction === 'out' ? { by: device } : {}),
  });
  const refused = passage.verdict === 'dropped' || passage.verdict === 'rejected';
  const last = passage.events.at(-1);
  if (!refused || passage.undetermined || last?.kind !== 'table') return { packet };
  const told = eventSteps({ context, namespace, in: device, frame: packet, spared }, last);
  steps.push(...told);
  const summary = told.at(-1)?.summary ?? passage.why;
  return { disposition: 'dropped', at: at(namespace, device), summary, packet };
}
