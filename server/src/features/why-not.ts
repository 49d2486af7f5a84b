import type { FlowEntry } from '../model/flows';
import type { OvsBridge } from '../model/ovs-bridge';
import type { Source } from '../model/source';
import { whyNot, type WhyNot } from '../ofproto/why-not';
import type { Rule } from '../ofproto/switch';
import type { Flow } from '../packet/openflow';
import type { EvidenceLink } from '../protocol';
import type { HostVisit } from '../walk/context';
import { find } from './find';
import { evidenceLinks } from './locate';
import { code, escape, section } from './markdown';
import type { World } from './world';

/** Why a flow did or did not take the packet of the trace on show. */
export interface WhyNotAnswer {
  readonly markdown: string;
  /** The same in one line, for a menu. */
  readonly title: string;
  /** The flow that took the packet instead. */
  readonly takenBy: EvidenceLink | undefined;
}

/** What became of the flow at an offset when the traced packet came by; undefined where there is none, or its bridge was not passed. */
export function whyNotAt(world: World, visits: readonly HostVisit[], uri: string, offset: number): WhyNotAnswer | undefined {
  if (visits.length === 0) return undefined;
  const found = find(world, uri, offset);
  const fact = found?.fact?.fact;
  const { host, bridge } = found?.locus ?? {};
  if (fact?.kind !== 'flow' || !host || !bridge) return undefined;
  const own = visits.filter((visit) => visit.host === host.name && visit.bridge === bridge.name);
  if (own.length === 0) return undefined;
  const ofBridge = world.network.switchOf(host.name)?.bridges.get(bridge.name);
  const index = indexOf(bridge, uri, fact.flow);
  if (!ofBridge || index === undefined) return undefined;
  const rule = ofBridge.rules.rule(index);
  const answers = whyNot(own, ofBridge, rule);
  const first = answers.find((answer) => answer.kind !== 'taken') ?? answers[0];
  if (!first) return undefined;
  const taken = 'takenBy' in first && first.takenBy ? entryOf(bridge, first.takenBy) : undefined;
  const [link] = evidenceLinks(world, taken ? [taken.source] : []);
  const lines = unique(answers.map((answer) => sentence(answer, rule)));
  return { markdown: section('In the trace on show', lines), title: plain(first, rule), takenBy: link };
}

function unique(lines: readonly string[]): string[] {
  return [...new Set(lines)];
}

/** The number of the flow that stands at a place of a document. */
function indexOf(bridge: OvsBridge, uri: string, flow: Flow): number | undefined {
  const { flows } = bridge;
  const here = (source: Source) => source.uri === uri && source.span.start === flow.span.start;
  for (const index of flows.inTable(flow.table.value)) {
    if (flows.priorityOf(index) !== flow.priority.value) continue;
    const entry = flows.at(index);
    if (entry && (here(entry.source) || entry.again.some(here))) return index;
  }
  return undefined;
}

function entryOf(bridge: OvsBridge, rule: Rule): FlowEntry | undefined {
  return bridge.flows.at(rule.learnedBy ?? rule.index);
}

function ruleName(rule: Rule): string {
  return `the flow of priority ${rule.priority}${rule.learnedBy === undefined ? '' : ' that learn() wrote'}`;
}

function sentence(answer: WhyNot, rule: Rule): string {
  switch (answer.kind) {
    case 'taken':
      return '**Takes the packet.**';
    case 'not-visited':
      return `The packet never comes to table ${answer.table}.`;
    case 'differs': {
      const list = answer.differences.map(
        ({ field, wanted, has }) => `${code(field)} is ${code(has)}, wanted is ${code(wanted)}`,
      );
      const taken = answer.takenBy ? `${escape(ruleName(answer.takenBy))} takes it` : 'no flow of the table takes it';
      return `**Does not match**: ${list.join('; ')}. ${taken[0]?.toUpperCase() ?? ''}${taken.slice(1)}.`;
    }
    case 'overtaken':
      return answer.samePriority
        ? `Matches, but ${escape(ruleName(answer.takenBy))} matches too: which of the two the switch takes is undefined.`
        : `Matches, but ${escape(ruleName(answer.takenBy))} comes before its own priority ${rule.priority}.`;
    case 'conjunction':
      return `Matches as part of a conjunction; ${answer.takenBy ? `${escape(ruleName(answer.takenBy))} takes the packet` : 'no flow takes the packet'}.`;
  }
}

function plain(answer: WhyNot, rule: Rule): string {
  switch (answer.kind) {
    case 'taken':
      return 'takes the traced packet';
    case 'not-visited':
      return `the traced packet never comes to table ${answer.table}`;
    case 'differs': {
      const [first, ...more] = answer.differences;
      const others = more.length === 0 ? '' : ` and ${more.length} more`;
      return first ? `${first.field} is ${first.has}, not ${first.wanted}${others}` : 'does not match';
    }
    case 'overtaken':
      return `${ruleName(answer.takenBy)} ${answer.samePriority ? 'matches as well' : `comes before ${rule.priority}`}`;
    case 'conjunction':
      return 'it is one clause of a conjunction';
  }
}
