import { positionAt } from '../../base/lines';
import type { Capture } from '../../captures/capture';
import { ofpactsOf } from '../../captures/flow/ofpacts';
import type { OvsBridge } from '../../model/ovs-bridge';
import type { Source } from '../../model/source';
import { compactMatch, expandMatch, type Match } from '../../openflow/match';
import type { NameMap } from '../../openflow/names';
import { matchOfTerms } from '../../openflow/terms';
import { writeOption, type TlvTable } from '../../openflow/tlv';
import type { Rule, RuleSource } from '../../ofproto/switch';
import type { Flow } from '../../packet/openflow';
import type { Captured } from './captured';

/** What names in a bridge's flows mean, and where it keeps Geneve's options. */
export interface RuleNames {
  readonly ports: NameMap;
  readonly tables: NameMap;
  readonly tlv: TlvTable;
}

/** A table whose name no capture resolves: none that a packet can be sent to. */
const UNKNOWN_TABLE = -1;

/** A bridge's flows in the form that the switch works with. Matches and actions are made when they are asked for. */
export function ruleSource(captured: Captured, bridge: OvsBridge, names: RuleNames): RuleSource {
  const { flows } = bridge;
  const { ports, tables, tlv } = names;
  const tableNumber = (table: number | string): number =>
    typeof table === 'number' ? table : (tables.numberOf(table) ?? UNKNOWN_TABLE);
  const told = tellers(captured);
  announceOldDialect(captured, bridge);
  const matches: (Match | undefined)[] = [];
  const unsure = new Map<number, string>();
  const matchOf = (index: number): Match => {
    const known = matches[index];
    if (known) return known;
    const made = matchOfTerms(flows.matchOf(index), ports);
    const match = withOptions(made.match, tlv);
    matches[index] = match;
    const table = tableNumber(flows.tableOf(index));
    if (made.trouble !== undefined && !unsure.has(table)) unsure.set(table, made.trouble);
    return match;
  };
  const troubles = troublesOf(bridge, tableNumber);
  return {
    count: flows.length,
    table: (index) => tableNumber(flows.tableOf(index)),
    priority: (index) => flows.priorityOf(index),
    match: matchOf,
    rule(index) {
      const entry = flows.at(index);
      const match = matchOf(index);
      if (!entry) return emptyRule(index, match);
      const flow = told(entry.source, entry.flow, entry.again);
      const { acts, trouble } = ofpactsOf(flow, { ports, tables }, expandMatch(match));
      const unread = matchOfTerms(flows.matchOf(index), ports).trouble;
      const cookie = flow.cookie?.value ?? '0';
      return {
        index,
        table: tableNumber(flow.table.value),
        priority: flow.priority.value,
        cookie: /^(?:0x[0-9a-f]+|\d+)$/i.test(cookie) ? BigInt(cookie) : 0n,
        match,
        actions: acts,
        idleTimeout: flow.idleTimeout ?? 0,
        hardTimeout: flow.hardTimeout ?? 0,
        trouble: trouble ?? unread,
      };
    },
    trouble(table) {
      const why = unsure.get(table);
      return why === undefined
        ? troubles(table)
        : `bridge ${bridge.name}, table ${table}: ${why}; flows may match that do not here`;
    },
  };
}

function emptyRule(index: number, match: Match): Rule {
  const none = { idleTimeout: 0, hardTimeout: 0, trouble: 'it is not captured' };
  return { index, table: UNKNOWN_TABLE, priority: 0, cookie: 0n, match, actions: [], ...none };
}

/** Geneve options lie where the bridge's TLV map puts them; an option that it lacks is in no packet. */
function withOptions(match: Match, tlv: TlvTable): Match {
  if (match.tunMetadata.length === 0) return match;
  const { value, mask } = expandMatch(match);
  for (const term of match.tunMetadata) {
    const bits = BigInt(8 * (tlv.entries.get(term.index)?.length ?? 0));
    const under = (term.mask ?? 0n) & ((1n << bits) - 1n);
    writeOption(mask, tlv, term.index, under);
    writeOption(value, tlv, term.index, term.value & under);
  }
  return compactMatch(value, mask, match.tunMetadata);
}

/**
 * Of dumps that show the same flow the one in the latest OpenFlow tells its actions as the switch keeps them: OpenFlow 1.0 has no words
 * for goto_table, set_field and others, and bridge/dump-flows speaks the switch's own.
 */
function teller(capture: Capture): number {
  const version = /OpenFlow1(\d)|(?:-O|--protocols)[ =]?OXM/.exec(capture.command ?? '');
  if (version?.[1] !== undefined) return Number(version[1]) >= 1 ? 10 + Number(version[1]) : 0;
  if (capture.kind === 'ovs-appctl-bridge-dump-flows') return 12;
  return 0;
}

/** OpenFlow 1.0 writes the pushing of a VLAN header as the setting of its parts, and a header that only is pushed not at all. */
function announceOldDialect(captured: Captured, bridge: OvsBridge): void {
  const own = captured.captures.filter(
    ({ key, capture }) => capture.flows.count > 0 && captured.bridgeOf.get(key) === bridge.name,
  );
  if (own.length === 0) return;
  if (own.every(({ capture }) => capture.kind === 'ovs-appctl-bridge-dump-flows'))
    captured.notes.push(
      `${bridge.name}: bridge/dump-flows prints no cookies; they are taken for 0 where the controller is told (ovs-ofctl dump-flows ${bridge.name} tells)`,
    );
  if (own.some(({ capture }) => teller(capture) > 0)) return;
  const has = (pattern: RegExp): boolean => bridge.flows.hasLike((flow) => flow.actions.some(({ text }) => pattern.test(text)));
  const tells = `ovs-ofctl -O OpenFlow13 dump-flows ${bridge.name} tells`;
  if (has(/^(?:mod_vlan_|strip_vlan)/))
    captured.notes.push(
      `${bridge.name}: its flows were dumped in OpenFlow 1.0, which has no words for push_vlan; what sets a VLAN may push a header instead (${tells})`,
    );
  if (has(/^mod_(?!vlan_)/))
    captured.notes.push(
      `${bridge.name}: its flows were dumped in OpenFlow 1.0, which says mod_dl_dst and the like for an action that sets a part of the field, too (${tells})`,
    );
}

function tellers(captured: Captured): (source: Source, flow: Flow, again: readonly Source[]) => Flow {
  const captures = captured.captures.filter(({ capture }) => capture.flows.count > 0);
  const at = ({ uri, span }: Source) =>
    captures.find(
      (linked) => linked.uri === uri && linked.capture.span.start <= span.start && span.end <= linked.capture.span.end,
    )?.capture;
  const ranks = new Set(captures.map(({ capture }) => teller(capture)));
  if (ranks.size < 2) return (_source, flow) => flow;
  return (source, flow, again) => {
    let best = { rank: at(source) ? teller(at(source) as Capture) : 0, flow };
    for (const other of again) {
      const capture = at(other);
      if (!capture || teller(capture) <= best.rank) continue;
      const document = captured.documents.get(other.uri);
      const index = document && capture.flows.at(positionAt(document.lines, other.span.start).line);
      if (index !== undefined) best = { rank: teller(capture), flow: capture.flows.flow(index) };
    }
    // bridge/dump-flows prints no cookies.
    const { cookie } = flow;
    return best.flow.cookie === undefined && cookie !== undefined ? { ...best.flow, cookie } : best.flow;
  };
}

/** Why tables are not wholly known. */
function troublesOf(bridge: OvsBridge, tableNumber: (table: number | string) => number): (table: number) => string | undefined {
  if (bridge.flowsKnown === 'absent') return () => `no dump of ${bridge.name}'s flows is captured`;
  if (bridge.flowsKnown === 'whole') return () => undefined;
  const broken = new Set<number>();
  for (const index of bridge.flows.like((flow) => flow.broken === true)) broken.add(tableNumber(bridge.flows.tableOf(index)));
  const why = bridge.flowsMissing ?? 'its dump is not whole';
  return (table) =>
    broken.has(table)
      ? `bridge ${bridge.name}, table ${table}: a flow of it could not be read`
      : `the captured flows of ${bridge.name} may not be all: ${why}`;
}
