import { takeLikely } from '../../kernel/decide';
import { UNROUTED, type Hook, type Moment } from '../../kernel/matches';
import { runTable, type TableRun } from '../../kernel/netfilter';
import type { Namespace } from '../../model/namespace';
import type { NfChain, NfTable } from '../../model/netfilter';
import { set, type FlowKey } from '../../packet/flow-key';
import { addGap, inNamespace, type Context } from '../context';
import type { Step } from '../step';
import { tableStep } from './events';
import { ipPacketOf } from './packet';

export interface ArpFrame {
  readonly hook: Extract<Hook, 'INPUT' | 'OUTPUT' | 'FORWARD'>;
  readonly in: string | undefined;
  readonly out: string | undefined;
  readonly packet: FlowKey;
}

/** Whether a namespace has chains for ARP at a hook. */
export function hasArpRules(namespace: Namespace, hook: ArpFrame['hook']): boolean {
  return chainsAt(namespace, hook).length > 0;
}

function chainsAt(namespace: Namespace, hook: ArpFrame['hook']): { readonly table: NfTable; readonly chain: NfChain }[] {
  return [...namespace.nft.values()]
    .filter(({ family }) => family === 'arp')
    .flatMap((table) =>
      [...table.chains.values()].filter((chain) => chain.hook?.toUpperCase() === hook).map((chain) => ({ table, chain })),
    )
    .sort((a, b) => (a.chain.priority ?? 0) - (b.chain.priority ?? 0));
}

/**
 * What the rules for ARP (arptables, nft's family `arp`) do with a frame: the frame after them, or in `dropped` how it was lost. What they
 * can't decide drops nothing, but is said; nor does anything where it is not known whether they see the frame (`sure` is false).
 */
export function passArpRules(
  context: Context,
  namespace: Namespace,
  frame: ArpFrame,
  steps: Step[],
  sure = true,
): { readonly packet: FlowKey; readonly dropped?: string } {
  const device = frame.in ?? frame.out ?? 'lo';
  let { packet } = frame;
  for (const { table, chain } of chainsAt(namespace, frame.hook)) {
    const base = { table, chain, priority: chain.priority ?? 0, isNat: false };
    const moment = momentOf(namespace, { ...frame, packet });
    const result = runTable(base, frame.hook, moment, { choose: takeLikely, key: `${namespace.host}|${device}|arp` });
    const changed = withArp(packet, result);
    if (result.hits.length === 0 && result.verdict === 'ACCEPT') continue;
    const name = `arp ${table.name}/${chain.name} on ${device}`;
    const last = result.hits.filter((hit) => hit.taken).at(-1);
    const by = last && !result.byPolicy ? `${last.chain} rule ${last.rule.number}` : `the policy of ${chain.name}`;
    if (result.verdict === 'ACCEPT') {
      const what = changed === packet ? 'let through' : 'changed, and let through';
      if (sure) packet = changed;
      steps.push(
        tableStep(namespace, device, result, `${name}: ${what} by ${by}${sure ? '' : ', if it sees the frame'}`, packet),
      );
      continue;
    }
    if (result.certainty === 'assumed' || !sure) {
      const command = sure ? 'arptables-save' : 'sysctl net.bridge.bridge-nf-call-arptables';
      const why = sure
        ? `conditions of ${name} that are not certain`
        : `whether bridged ARP meets the rules of arptables on ${device}`;
      addGap(context, { host: namespace.host, command: inNamespace(namespace, command), why });
      const step = tableStep(namespace, device, result, `${name}: ${by} may drop it; taken to pass`, packet);
      steps.push({ ...step, certainty: 'assumed', effect: undefined });
      continue;
    }
    const dropped = `Dropped by ${by} (${name})`;
    steps.push(tableStep(namespace, device, result, dropped, packet));
    return { packet, dropped };
  }
  return { packet };
}

function momentOf(namespace: Namespace, { hook, packet, in: iif, out }: ArpFrame): Moment {
  const asked = { namespace, hook, packet: ipPacketOf(packet, undefined, 0), in: iif, out, arrivedBy: iif };
  return { ...UNROUTED, ...asked, local: hook === 'OUTPUT' };
}

/** The frame with what the target `mangle` changed in it. */
function withArp(packet: FlowKey, { after }: TableRun): FlowKey {
  const { arp } = after.packet;
  const before = ipPacketOf(packet, undefined, 0).arp;
  if (arp === undefined || arp === before || JSON.stringify(plain(arp)) === JSON.stringify(plain(before))) return packet;
  return set(set(set(set(packet, 'arp_sha', arp.sha), 'arp_spa', arp.spa), 'arp_tha', arp.tha), 'arp_tpa', arp.tpa);
}

function plain(arp: object | undefined): string[] {
  return Object.values(arp ?? {}).map(String);
}
