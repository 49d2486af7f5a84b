import type { Passage } from '../../kernel/passage';
import type { Lookup } from '../../kernel/routing';
import type { Namespace } from '../../model/namespace';
import type { Source } from '../../model/source';
import type { FlowKey } from '../../packet/flow-key';
import type { Context } from '../context';
import { doubtCut } from '../device-size';
import { cut, deviceLimit, fragmentCount, noteLimits, sizeText, type MtuLimit } from '../size';
import { isIpv6, type Ending, type Step } from '../step';
import { at, stepBase } from './events';

/** What routing sends by lets through: the route's own MTU, where it has one, else its device's. Undefined for what stays here. */
export function routedLimit(namespace: Namespace, taken: Passage): MtuLimit | undefined {
  const found = taken.events.findLast((event) => event.kind === 'route');
  const lookup: Lookup | undefined = found?.kind === 'route' ? found.lookup : undefined;
  const device = taken.tooLong?.device ?? taken.nextHop?.device;
  if (device === undefined || device === 'lo') return undefined;
  const own = deviceLimit(namespace, device);
  if (lookup?.kind !== 'found' || lookup.hop?.device !== device || lookup.route.mtu === undefined) return own;
  return { ...own, mtu: lookup.route.mtu, evidence: lookup.route.source ? [lookup.route.source] : [] };
}

/** The packet is longer than what it is sent by: IPv4 cuts it, where that is allowed (ip_fragment), and so does an IPv6 sender (ip6_fragment). */
export function asSent(
  context: Context,
  namespace: Namespace,
  limit: MtuLimit | undefined,
  made: boolean,
  packet: FlowKey,
  steps: Step[],
): Context {
  if (!limit) return context;
  noteLimits(context, [limit]);
  const { size } = context;
  doubtCut(context, namespace, limit, packet);
  const family = isIpv6(packet) ? 6 : 4;
  const mayCut = size && !size.dontFragment && (family === 4 || made);
  if (!size || !mayCut || limit.mtu === undefined || size.length <= limit.mtu) return context;
  const after = cut(size, limit.mtu, family);
  const count = fragmentCount(size.length, limit.mtu, family);
  steps.push({
    ...stepBase(namespace, limit.device),
    stage: 'route',
    summary: `${sizeText(size)} are more than the MTU of ${limit.device} (${limit.mtu}): the packet is cut into ${count} fragments of up to ${after.length} bytes`,
    certainty: 'captured',
    packet,
    evidence: limit.evidence,
    steps: [],
  });
  return { ...context, size: after };
}

/** Routing drops a packet that is too long and may not be cut; its sender is told, or the program that makes it. */
export function tooLong(
  context: Context,
  namespace: Namespace,
  taken: Passage,
  made: boolean,
  packet: FlowKey,
  steps: Step[],
): Ending | undefined {
  const limit = taken.tooLong && routedLimit(namespace, taken);
  const { size } = context;
  if (!limit || !size) return undefined;
  noteLimits(context, [limit]);
  const told = taken.events.some((event) => event.kind === 'error');
  const evidence: readonly Source[] = limit.evidence;
  const why = `${sizeText(size)} are more than the MTU of ${limit.device} (${limit.mtu ?? '?'})`;
  const by = made
    ? 'it may not be cut, so the packet is never made: its program is told that the message is too long'
    : `${isIpv6(packet) ? 'routers cut no IPv6 packet' : 'it may not be cut (DF)'}, so it is dropped${told ? ', and the sender told' : ''}`;
  const summary = `${why}, and ${by}`;
  const certainty = limit.mtu === undefined ? 'assumed' : 'captured';
  // The answer comes after what it is about.
  const last = told ? steps.pop() : undefined;
  steps.push({
    ...stepBase(namespace, limit.device),
    stage: 'route',
    summary,
    certainty,
    ...(limit.mtu === undefined ? { reason: `the MTU of ${limit.device} was not captured` } : {}),
    packet,
    evidence,
    steps: last ? [last] : [],
    effect: 'dropped',
  });
  return { disposition: 'dropped', at: at(namespace, limit.device), summary, packet };
}
