import type { Namespace } from '../model/namespace';
import { formatAddress, hasPorts, isIcmp, type IpPacket } from '../kernel/packet';
import type { StackEvent } from '../kernel/passage';
import { unknownText } from '../kernel/routing';
import { upper } from './markdown';
import type { TraceWords } from './netfilter-trace';

/** One thing that the kernel does, in words. */
export function eventWords(namespace: Namespace, event: StackEvent): TraceWords[] {
  switch (event.kind) {
    case 'table': {
      const { run } = event;
      const last = run.hits.filter((hit) => hit.taken).at(-1);
      const where = `${run.table.name}/${run.hook}`;
      const nat = event.nat === undefined ? '' : `: ${packetText(event.before)} becomes ${packetText(event.packet)}`;
      const summary =
        last && !run.byPolicy
          ? `${where}: rule ${last.rule.number} of ${last.chain} → ${last.verdict}${nat}`
          : `${where}: policy of ${run.chain.name} → ${run.verdict}`;
      const reasons = [...new Set(run.hits.flatMap(({ reason }) => reason ?? []))];
      return [
        {
          stage: 'netfilter',
          summary,
          certainty: run.certainty,
          ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
          evidence: run.hits.filter((hit) => hit.taken).map((hit) => hit.rule.source),
        },
      ];
    }
    case 'defragment':
      return [
        {
          stage: event.hook === 'INPUT' ? 'route' : 'conntrack',
          summary: `${event.hook === 'INPUT' ? 'This host' : 'Connection tracking'} puts the fragments together: the rules ${event.hook === 'INPUT' ? 'of INPUT ' : ''}see the whole packet`,
          certainty: 'captured',
          evidence: [],
        },
      ];
    case 'track': {
      const { tracking } = event;
      return [
        {
          stage: 'conntrack',
          summary: `Connection tracking: ${tracking.state}${tracking.reply ? ', in the reply direction' : ''}`,
          certainty: 'captured',
          evidence: tracking.connection?.source ? [tracking.connection.source] : [],
        },
      ];
    }
    case 'translate':
      return [
        {
          stage: 'conntrack',
          summary: `Connection tracking translates the ${event.reply ? 'answer' : 'packet'}: ${packetText(event.before)} becomes ${packetText(event.packet)}`,
          certainty: 'captured',
          evidence: event.connection.source ? [event.connection.source] : [],
        },
      ];
    case 'route': {
      const { lookup } = event;
      const found = lookup.kind === 'found' ? lookup.route : undefined;
      const text = found
        ? `Route: ${found.text}${lookup.kind === 'found' ? ` (table ${lookup.table})` : ''}`
        : lookup.kind === 'refused'
          ? `Route: ${lookup.text}`
          : lookup.kind === 'unknown'
            ? upper(unknownText(lookup))
            : 'No route';
      return [
        {
          stage: 'route',
          summary: event.again ? `${text}, looked up again because a rule changed the packet` : text,
          certainty: found?.reason === undefined ? 'captured' : 'inferred',
          ...(found?.reason === undefined ? {} : { reason: found.reason }),
          evidence: found?.source ? [found.source] : [],
        },
      ];
    }
    case 'refused':
      return [
        {
          stage: 'route',
          summary: `Not routed: ${event.decision.text}`,
          certainty: 'captured',
          evidence: event.decision.source ? [event.decision.source] : [],
        },
      ];
    case 'ipvs': {
      const moved =
        packetText(event.before) === packetText(event.packet)
          ? ''
          : `: ${packetText(event.before)} becomes ${packetText(event.packet)}`;
      return [
        {
          stage: 'netfilter',
          summary: `IPVS: ${event.text}${moved}`,
          certainty: event.certainty,
          ...(event.reason === undefined ? {} : { reason: event.reason }),
          evidence: event.evidence,
        },
      ];
    }
    case 'ebtables': {
      const { run, table, chain } = event;
      const taken = run.hits.filter((hit) => hit.taken);
      const last = taken.at(-1);
      return [
        {
          stage: 'netfilter',
          summary:
            last && !run.byPolicy
              ? `ebtables ${table.name}/${chain.name}: rule ${last.rule.number} of ${last.chain} → ${last.verdict}`
              : `ebtables ${table.name}/${chain.name}: policy of ${chain.name} → ${run.verdict}`,
          certainty: taken.some((hit) => hit.certainty !== 'captured') ? 'assumed' : 'captured',
          evidence: taken.length > 0 ? taken.map((hit) => hit.rule.source) : [chain.source],
        },
      ];
    }
    case 'uncaptured':
      return [
        {
          stage: 'netfilter',
          summary: `${event.all ? 'No rules' : `The ${event.tables.join(' and ')} ${event.tables.length > 1 ? 'tables were' : 'table was'} not captured`}${event.all ? ' were captured' : ''} at ${event.hook}: taken to let the packet through`,
          certainty: 'assumed',
          reason: 'nothing captured says otherwise',
          evidence: namespace.sources.slice(0, 1),
        },
      ];
    case 'error': {
      const { error, packet } = event;
      const to = formatAddress(packet.family, packet.src);
      return [
        {
          stage: 'netfilter',
          summary: `${'reset' in error ? 'A TCP reset' : `An ICMP error (${error.name})`} goes back to ${to}`,
          certainty: 'captured',
          evidence: [],
        },
      ];
    }
  }
}

/** `10.0.0.1:40000 → 10.0.0.2:80`. */
export function packetText(packet: IpPacket): string {
  const end = (address: bigint, port: number | undefined) => {
    const text = formatAddress(packet.family, address);
    if (!hasPorts(packet.proto) || isIcmp(packet)) return text;
    return packet.family === 6 ? `[${text}]:${port ?? '?'}` : `${text}:${port ?? '?'}`;
  };
  return `${end(packet.src, packet.sport)} → ${end(packet.dst, packet.dport)}`;
}
