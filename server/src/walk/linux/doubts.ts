import { unknownForwarding } from '../../kernel/route-input';
import { FURTHER_RULES } from '../../kernel/routing';
import type { Namespace } from '../../model/namespace';
import type { FlowKey } from '../../packet/flow-key';
import { addDoubt, addGap, inNamespace, type Context } from '../context';
import { isIpv6, weaker, type Certainty, type Step } from '../step';
import { isRouter } from './events';
import { uncapturedTable, type Taken } from './stack-walk';

/** A packet on its way through one namespace's IP stack. */
export interface Passage {
  readonly context: Context;
  readonly namespace: Namespace;
  readonly steps: Step[];
  readonly in: string | undefined;
  packet: FlowKey;
}

/** Routers of Neutron forward; that any other machine does so is taken for granted where its settings were not captured, and said. */
export function tellForwarding({ context, namespace, steps, packet }: Passage, device: string): void {
  const unknown = unknownForwarding(namespace, device, isIpv6(packet) ? 6 : 4);
  if (unknown === undefined) return;
  const { name, setting, command, why, writer } = unknown;
  addGap(context, { host: namespace.host, command: inNamespace(namespace, command), why });
  const at = steps.findLastIndex((step) => step.stage === 'route' && step.host === namespace.host);
  const step = steps[at];
  if (!step) return;
  const because = writer === undefined ? '' : `, as it has chains of ${writer}, whose machines do`;
  const reason = `${step.reason === undefined ? '' : `${step.reason}; `}${name} is taken to forward${because}: ${setting} was not captured`;
  steps[at] = { ...step, certainty: weaker(step.certainty, writer === undefined ? 'assumed' : 'inferred'), reason };
}

/**
 * What the captures left open on the way: the captures that would settle it, and no certainty for the step that rests on the answer that was
 * taken. Of tables that nobody captured the steps speak themselves. What may have led the packet elsewhere also makes a later drop less than
 * certain; what may have dropped it here does not.
 */
export function tellDoubts({ context, namespace, steps, in: iif }: Passage, doubts: Taken['doubts']): void {
  const reasons = new Set<string>();
  let weak: Certainty = 'captured';
  for (const { command, nature, key, reason, likely, answer, certainty } of doubts) {
    if (command === undefined || nature !== 'hidden') continue;
    const gap = { host: namespace.host, command: inNamespace(namespace, command), why: reason };
    const table = uncapturedTable(key);
    if (likely !== answer || table === undefined) addGap(context, gap);
    const mayLead =
      table === undefined
        ? !/\|(?:rp_filter$|mtu of |further rules$)/.test(key)
        : table === 'nat' && (iif !== undefined || isRouter(namespace));
    if (mayLead) addDoubt(context, gap);
    if (table !== undefined || certainty !== 'assumed') continue;
    reasons.add(reason);
    weak = weaker(weak, mayLead ? 'assumed' : 'inferred');
  }
  const at = steps.findLastIndex((step) => step.stage === 'route' && step.host === namespace.host);
  const step = steps[at];
  if (!step || reasons.size === 0) return;
  const said = step.reason?.split('; ') ?? [];
  const reason = [...said, ...[...reasons].filter((one) => !said.includes(one))].join('; ');
  steps[at] = { ...step, certainty: weaker(step.certainty, weak), reason };
}

/** Why a way may go on after all where no captured table has one for it: rules that nobody captured lead to others. */
export function unseenWay(doubts: Taken['doubts']): string | undefined {
  return doubts.find(({ key, answer }) => key.endsWith(`|${FURTHER_RULES}`) && !answer)?.reason;
}

/** How sure it is that nothing leads on where no captured table does. */
export function sureOfNoRoute(doubts: Taken['doubts']): Pick<Step, 'certainty' | 'reason'> {
  const taken = doubts.find(({ key }) => key.endsWith(`|${FURTHER_RULES}`));
  return taken ? { certainty: 'inferred', reason: taken.reason } : { certainty: 'captured' };
}

/** Why a packet that comes to its host may not be let in after all; undefined where the captures show it. */
export function unseenRules(doubts: Taken['doubts']): string | undefined {
  const ipvs = doubts.find(({ key, answer }) => key.endsWith('|ipvs') && !answer);
  if (ipvs) return ipvs.reason;
  return doubts.some(({ key }) => uncapturedTable(key) === 'filter')
    ? 'no rules were captured here that might refuse it'
    : undefined;
}
