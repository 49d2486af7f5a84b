import type { CaptureDocument } from '../../captures/document';
import { parseActions } from '../../captures/flow/ofpacts';
import type { FlowEntry, OvsBridge } from '../../model/network';
import { matchAll, setMatchField, type MatchWords } from '../../openflow/field-access';
import { keyValues } from '../../openflow/key-values';
import { compactMatch, type Match, type TunMetadataTerm } from '../../openflow/match';
import type { NameMap } from '../../openflow/names';
import type { OfpAct } from '../../openflow/ofpact';
import { parseFieldValue } from '../../openflow/parse-field';
import { optionIndex, writeOption, type TlvTable } from '../../openflow/tlv';
import type { Rule, RuleSource } from '../../ofproto/switch';
import { exactMask, mfFromName, protocolWords, type Field } from '../../packet/fields';
import { W } from '../../packet/flow-words';

/** What names in a bridge's flows mean, and where it keeps Geneve's options. */
export interface RuleNames {
  readonly ports: NameMap;
  readonly tables: NameMap;
  readonly tlv: TlvTable;
}

/** A flow's text, which may be wrapped or quoted in its document. */
function textAt(document: CaptureDocument | undefined, start: number, end: number): string {
  const text = document?.text.slice(start, end) ?? '';
  return text.includes('\n') ? text.replace(/\r?\n[ \t>]*/g, '') : text;
}

/** A bridge's flows in the form that the switch works with. Matches and actions are read out of the text when they are asked for. */
export function ruleSource(bridge: OvsBridge, documents: ReadonlyMap<string, CaptureDocument>, names: RuleNames): RuleSource {
  const { flows } = bridge;
  const reader = matchReader(names);
  const tableNumber = (table: number | string): number =>
    typeof table === 'number' ? table : (names.tables.numberOf(table) ?? UNKNOWN_TABLE);
  const troubles = troublesOf(bridge, tableNumber);
  const matches: (Match | undefined)[] = [];
  const matchOf = (index: number): Match => {
    const known = matches[index];
    if (known) return known;
    const entry = flows.at(index);
    const document = entry ? documents.get(entry.source.uri) : undefined;
    const span = entry?.flow.matchSpan;
    const match = reader(span ? textAt(document, span.start, span.end) : '');
    matches[index] = match;
    return match;
  };
  return {
    count: flows.length,
    table: (index) => tableNumber(flows.tableOf(index)),
    priority: (index) => flows.priorityOf(index),
    match: matchOf,
    rule(index) {
      const entry = flows.at(index);
      return readRule(index, entry, entry ? documents.get(entry.source.uri) : undefined, matchOf(index), names, tableNumber);
    },
    trouble: (table) => troubles(table),
  };
}

/** A table whose name no capture resolves: none that a packet can be sent to. */
const UNKNOWN_TABLE = -1;

function readRule(
  index: number,
  entry: FlowEntry | undefined,
  document: CaptureDocument | undefined,
  match: Match,
  names: RuleNames,
  tableNumber: (table: number | string) => number,
): Rule {
  const flow = entry?.flow;
  const head = flow ? textAt(document, flow.span.start, flow.actionsSpan.start) : '';
  const text = flow ? textAt(document, flow.actionsSpan.start, flow.actionsSpan.end) : '';
  const parsed = parseActions(text.replace(/^\s*actions\s*=\s*/, ''), { ports: names.ports, tables: names.tables });
  const number = (name: string): number => Number(new RegExp(`\\b${name}=(\\d+)`).exec(head)?.[1] ?? 0);
  const cookie = /\bcookie=(0x[0-9a-f]+|\d+)/i.exec(head)?.[1] ?? flow?.cookie?.value ?? '0';
  return {
    index,
    table: flow ? tableNumber(flow.table.value) : UNKNOWN_TABLE,
    priority: flow?.priority.value ?? 0,
    cookie: /^(?:0x[0-9a-f]+|\d+)$/i.test(cookie) ? BigInt(cookie) : 0n,
    match,
    actions: withVlanKnowledge(parsed.acts, match),
    idleTimeout: number('idle_timeout'),
    hardTimeout: number('hard_timeout'),
    trouble: flow?.broken ? 'its line is cut off' : parsed.troubles[0]?.message,
  };
}

/** Tells actions that write a VLAN's id or priority whether there is a VLAN header by then, as the flow's match and actions before say. */
function withVlanKnowledge(acts: readonly OfpAct[], match: Match): readonly OfpAct[] {
  const at = match.mask.words.indexOf(W.vlan0);
  let hasVlan = at >= 0 && ((match.values[at] ?? 0) & (match.mask.masks[at] ?? 0) & 0x1000) !== 0;
  return acts.map((act) => {
    switch (act.kind) {
      case 'push_vlan':
        hasVlan = true;
        return act;
      case 'strip_vlan':
        hasVlan = false;
        return act;
      case 'set_vlan_vid':
      case 'set_vlan_pcp': {
        const known = { ...act, flowHasVlan: hasVlan };
        hasVlan = true;
        return known;
      }
      case 'set_field':
        return hasVlan ? { ...act, flowHasVlan: true } : act;
      default:
        return act;
    }
  });
}

/** Reads matches, remembering what each `field=value` demands: dumps repeat them over and over. */
function matchReader({ ports, tlv }: RuleNames): (text: string) => Match {
  const known = new Map<string, (match: MatchWords, metadata: TunMetadataTerm[]) => void>();
  return (text) => {
    const match = matchAll();
    const metadata: TunMetadataTerm[] = [];
    for (const { key, value, call } of keyValues(text)) {
      const name = `${key}=${value}`;
      let demand = known.get(name);
      if (!demand) {
        demand = demandOf(key, call ? `(${value})` : value, ports, tlv);
        if (known.size < MAX_REMEMBERED) known.set(name, demand);
      }
      demand(match, metadata);
    }
    return compactMatch(match.value, match.mask, metadata);
  };
}

const MAX_REMEMBERED = 100_000;

/** What one word of a match demands; one that can't be read demands nothing, and the flow's table says so. */
function demandOf(
  key: string,
  value: string,
  ports: NameMap,
  tlv: TlvTable,
): (match: MatchWords, metadata: TunMetadataTerm[]) => void {
  const protocol = value === '' && Object.hasOwn(protocolWords, key) ? protocolWords[key] : undefined;
  const field = mfFromName(key.replace(/\[\]$/, ''));
  if (protocol) {
    const type = mfFromName('dl_type');
    const proto = mfFromName('nw_proto');
    return (match) => {
      if (type) setMatchField(match, type, protocol.dlType, exactMask(type));
      if (proto && protocol.nwProto !== undefined) setMatchField(match, proto, protocol.nwProto, exactMask(proto));
    };
  }
  if (!field) return () => undefined;
  const option = optionIndex(field.mfName);
  if (option !== undefined) return demandOption(field, option, value, tlv);
  const parsed = parseFieldValue(field, value, ports);
  if (parsed.kind !== 'value') return () => undefined;
  return (match) => setMatchField(match, field, parsed.value, parsed.mask);
}

/** Of a Geneve option either its bytes or only its presence is demanded. */
function demandOption(
  field: Field,
  index: number,
  value: string,
  tlv: TlvTable,
): (match: MatchWords, metadata: TunMetadataTerm[]) => void {
  const entry = tlv.entries.get(index);
  const bits = BigInt(8 * (entry?.length ?? 0));
  const all = (1n << bits) - 1n;
  const parsed = value === '' ? undefined : parseFieldValue(field, value);
  const given = parsed?.kind === 'value' ? parsed : undefined;
  const mask = given ? given.mask & all : undefined;
  return (match, metadata) => {
    metadata.push({ index, value: given?.value ?? 0n, mask: mask === 0n ? undefined : mask });
    writeOption(match.mask, tlv, index, mask ?? 0n);
    writeOption(match.value, tlv, index, (given?.value ?? 0n) & (mask ?? 0n));
  };
}

/** Why tables are not wholly known. */
function troublesOf(bridge: OvsBridge, tableNumber: (table: number | string) => number): (table: number) => string | undefined {
  if (bridge.flowsKnown === 'absent') return () => `no dump of ${bridge.name}'s flows is captured`;
  if (bridge.flowsKnown === 'whole') return () => undefined;
  const broken = new Set<number>();
  for (const index of bridge.flows.like((flow) => flow.broken === true)) broken.add(tableNumber(bridge.flows.tableOf(index)));
  const why = bridge.flowsMissing ?? 'its dump is not whole';
  return (table) => (broken.has(table) ? 'a flow of it could not be read' : why);
}
