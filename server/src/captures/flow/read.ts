import type { FailedMatchResult } from 'ohm-js';
import { ones, parseNumber } from '../../base/bits';
import { val, type Span, type Val } from '../../base/span';
import { fieldOf, protocolWords } from '../../packet/fields';
import type { CaptureError, Ref } from '../capture';
import { errorAt, spanIn, type SourceText } from '../ohm';
import { keyValues } from '../../openflow/key-values';
import { checkActions, dependsOnMatch, type ActionFault } from '../../openflow/check';
import { expandMatch } from '../../openflow/match';
import type { OfpAct } from '../../openflow/ofpact';
import { matchOfTerms } from '../../openflow/terms';
import { verifyActions } from '../../openflow/verify';
import { readAction } from './actions';
import { actOf } from './ofpacts';
import type { Action, Flow, MatchTerm } from '../../packet/openflow';
import { parseBits, parseFieldValue } from './match';
import { actionRefs, termRef } from './refs';
import { matchFlow, scanFlow, type ActionSyntax, type FlowSyntax } from './syntax';
import { headOf, troubleBeforeMatch, troubleOf } from './trouble';

export interface ReadFlow {
  readonly flow: Flow;
  readonly refs: readonly Ref[];
  readonly errors: readonly CaptureError[];
}

/** Statistics and properties that say nothing of where packets go. */
const asides = new Set([
  'duration', 'n_bytes', 'idle_age', 'hard_age', 'idle_timeout', 'hard_timeout', 'importance', 'send_flow_rem', 'check_overlap',
  'reset_counts', 'no_packet_counts', 'no_byte_counts', 'n_offload_packets', 'n_offload_bytes', 'out_port', 'out_group',
  'allow_hidden_fields', 'no_readonly_table',
]); // prettier-ignore

/** Of those, what a switch needs to know of the flow. */
const numbers = { idle_timeout: 'idleTimeout', hard_timeout: 'hardTimeout', importance: 'importance' } as const;

/** Whether any number will do for a key: it is taken as it is written, or not looked at. */
export function takesAnyNumber(key: string): boolean {
  return key === 'cookie' || key === 'n_packets' || (asides.has(key) && !Object.hasOwn(numbers, key));
}

const MAX_OWN_PRIORITY = 0x7fffffffn;

const flagWords = new Set(['send_flow_rem', 'check_overlap', 'reset_counts', 'no_packet_counts', 'no_byte_counts']);

/** Reads one flow; a line that is none is one error with the column where reading stopped. */
export function readFlow(
  source: SourceText,
): ReadFlow | { readonly errors: readonly CaptureError[]; readonly broken?: ReadFlow } {
  const scanned = scanFlow(source.text);
  const early = scanned ? undefined : troubleBeforeMatch(source.text);
  const syntax = scanned ?? (early ? undefined : matchFlow(source.text));
  if (!syntax || 'failed' in syntax) {
    const head = headOf(source.text);
    const { at, expected } = early ?? troubleOf(syntax as FailedMatchResult);
    const error = errorAt(source, at, expected, 'flow');
    if (!head?.some((item) => /^(cookie|n_packets|table|priority|table_id)$/.test(item.key.text))) return { errors: [error] };
    // The line is a flow without a readable end: its table must not be mistaken for complete.
    const read = build(source, { items: head, actions: [], actionsAt: source.text.length, end: source.text.length }, true);
    return { errors: [error, ...read.errors], broken: read };
  }
  return build(source, syntax, false);
}

function build(source: SourceText, syntax: FlowSyntax, broken: boolean): ReadFlow {
  const errors: CaptureError[] = [];
  const refs: Ref[] = [];
  const match: MatchTerm[] = [];
  let table: Val<number | string> = val(0, spanIn(source, 0, 0));
  let priority: Val<number> = val(32768, spanIn(source, 0, 0));
  let cookie: Val<string> | undefined;
  let packets: Val<bigint> | undefined;
  const properties: { -readonly [K in 'idleTimeout' | 'hardTimeout' | 'importance']?: Flow[K] } = {};
  const flags: string[] = [];
  /** The switch's own flows, which bridge/dump-flows tells too, stand above all that OpenFlow can say (ovs-vswitchd(8), in-band control). */
  const isKept = syntax.items.some(({ key }) => key.text === 'n_packets');
  let firstMatch: number | undefined;
  let lastMatch = 0;
  let lost = broken;
  const outOfRange = (message: string, span: Span) => errors.push({ span, code: 'out-of-range', message: `${message}.` });
  /** Where the flow belongs is not known, so that its table must not be mistaken for complete. */
  const misplaced = (message: string, span: Span) => {
    outOfRange(message, span);
    lost = true;
  };
  const add = (term: MatchTerm, at: number, end: number) => {
    match.push(term);
    firstMatch ??= at;
    lastMatch = end;
  };
  for (const item of syntax.items) {
    const { key, value } = item;
    const end = value ? value.at + value.text.length : key.at + key.text.length;
    const span = spanIn(source, key.at, end);
    const text = source.text.slice(key.at, end);
    const valueSpan = (): Span => (value ? spanIn(source, value.at, end) : span);
    switch (key.text) {
      case 'cookie':
        cookie = val(value?.text ?? '', valueSpan());
        if (!/^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(cookie.value)) outOfRange(`invalid numeric format ${cookie.value}`, valueSpan());
        continue;
      case 'n_packets':
        packets = val(parseNumber(value?.text ?? '') ?? 0n, valueSpan());
        continue;
      case 'table':
      case 'table_id': {
        const name = (value?.text ?? '').replace(/^"(.*)"$/, '$1');
        table = val(/^\d+$/.test(name) ? Number(name) : name, valueSpan());
        if (typeof table.value === 'number' && table.value > 255) misplaced(`unknown table "${name}"`, valueSpan());
        if (name !== '') refs.push({ kind: 'table', value: String(table.value), span: valueSpan() });
        continue;
      }
      case 'priority': {
        const text = value?.text ?? '';
        const number = parseNumber(text);
        if (number === undefined || number > (isKept ? MAX_OWN_PRIORITY : 0xffffn))
          misplaced(`invalid priority "${text}"`, valueSpan());
        else priority = val(Number(number), valueSpan());
        continue;
      }
      default:
        break;
    }
    if (asides.has(key.text)) {
      const name = Object.hasOwn(numbers, key.text) ? numbers[key.text as keyof typeof numbers] : undefined;
      if (name) {
        const number = parseNumber(value?.text ?? '');
        if (number === undefined || number > 0xffffn) outOfRange(`invalid ${key.text} "${value?.text ?? ''}"`, valueSpan());
        else properties[name] = Number(number);
      } else if (flagWords.has(key.text)) flags.push(key.text);
      continue;
    }
    if (key.text === 'eth' && !value) {
      add({ field: 'packet_type', value: 0n, mask: ones(32), span, text }, key.at, end);
      continue;
    }
    const protocol = value === undefined && Object.hasOwn(protocolWords, key.text) ? protocolWords[key.text] : undefined;
    if (protocol) {
      add({ field: 'dl_type', value: protocol.dlType, mask: ones(16), span, text }, key.at, end);
      if (protocol.nwProto !== undefined)
        add({ field: 'nw_proto', value: protocol.nwProto, mask: ones(8), span, text }, key.at, end);
      continue;
    }
    const part = key.text.includes('[') ? parseBits(key.text, value?.text ?? '') : undefined;
    const field = part?.field ?? fieldOf(key.text);
    if (!field) {
      add({ field: key.text, value: 0n, mask: 0n, span, text, unknown: true }, key.at, end);
      // The word that a line was cut in is no field of its own.
      if (broken && item === syntax.items.at(-1)) continue;
      errors.push({
        span,
        code: 'unknown-field',
        message: `Open vSwitch has no match field "${key.text}" (ovs-fields(7)); the flow is kept, and whether it matches is unknown.`,
      });
      continue;
    }
    const read = part?.read ?? parseFieldValue(icmpSpelling(field, syntax), value?.text ?? '');
    if (read.kind === 'wrong') {
      add({ field: field.name, value: 0n, mask: 0n, span, text, unknown: true }, key.at, end);
      errors.push({ span: valueSpan(), code: 'out-of-range', message: `${read.message}.` });
      continue;
    }
    const term: MatchTerm =
      read.kind === 'port-name'
        ? { field: field.name, value: 0n, mask: ones(field.bits), span, text, portName: read.name }
        : { field: field.name, value: read.value, mask: read.mask, span, text };
    add(term, key.at, end);
    const ref = value && termRef(term, value.text, valueSpan().start);
    if (ref) refs.push(ref);
  }
  const actions: Action[] = [];
  for (const action of syntax.actions.flatMap(applied)) {
    const span = spanIn(source, action.at, action.at + action.text.length);
    const read = readAction(action, span);
    if ('trouble' in read) {
      errors.push({ span, code: 'unknown-action', message: `${read.trouble}.` });
      actions.push({ kind: 'not-modelled', name: action.text, span, text: action.text });
    } else {
      actions.push(read.action);
      refs.push(...actionRefs(read.action));
    }
  }
  // What a switch has printed it has taken, by whatever version of OpenFlow.
  const printed = packets !== undefined || cookie !== undefined || flags.length > 0 || /^\s/.test(source.text);
  if (!broken && errors.length === 0 && !printed) errors.push(...inconsistencies(match, actions, table.value));
  const start = source.text.length - source.text.trimStart().length;
  const matchAt = firstMatch ?? Math.min(syntax.actionsAt, source.text.length);
  const flow: Flow = {
    table,
    priority,
    match,
    actions,
    span: spanIn(source, start, syntax.end),
    matchSpan: spanIn(source, matchAt, firstMatch === undefined ? matchAt : lastMatch),
    actionsSpan: spanIn(source, Math.min(syntax.actionsAt, source.text.length), syntax.end),
    ...(cookie === undefined ? {} : { cookie }),
    ...(packets === undefined ? {} : { packets }),
    ...properties,
    ...(flags.length === 0 ? {} : { flags }),
    ...(lost ? { broken: true } : {}),
  };
  return { flow, refs, errors };
}

/** An action that a switch would refuse in a flow of this match (ovs-actions(7)), as far as the match is understood. */
function inconsistencies(match: readonly MatchTerm[], actions: readonly Action[], table: number | string): CaptureError[] {
  const acts = actions.map(({ text }) => actOf(text));
  const order = orderTrouble(actions, acts);
  if (order) return [order];
  if (!acts.some((act) => act && dependsOnMatch(act))) return [];
  const { match: demanded, trouble } = matchOfTerms(match);
  if (trouble !== undefined) return [];
  const known = acts.filter((act) => act !== undefined);
  const number = typeof table === 'number' ? table : undefined;
  const { fault } = checkActions(known, expandMatch(demanded), number);
  const wrong = fault && verdicts[fault.error];
  const action = fault && actions[acts.indexOf(known[fault.index])];
  if (!wrong || !action) return [];
  const message = `A switch refuses "${action.text}" in this flow (${fault.error}): ${wrong}.`;
  return [{ span: action.span, code: 'inconsistent', message }];
}

/** Actions that can't stand together, or not in this order. */
function orderTrouble(actions: readonly Action[], acts: readonly (OfpAct | undefined)[]): CaptureError | undefined {
  const known = acts.filter((act) => act !== undefined);
  const drop = actions.find(({ kind }) => kind === 'drop');
  if (drop && known.length > 0) {
    const message = '"drop" must not be accompanied by any other action or instruction.';
    return { span: drop.span, code: 'inconsistent', message };
  }
  const wrong = verifyActions(known, true, undefined);
  const action = wrong && actions[acts.indexOf(known[wrong.index])];
  return action && { span: action.span, code: 'inconsistent', message: `${wrong.message}.` };
}

const verdicts: Readonly<Record<ActionFault['error'], string>> = {
  OFPBAC_MATCH_INCONSISTENT:
    'its match does not ask for the header that the action needs; add it to the match, for instance tcp for a TCP port',
  OFPBAC_BAD_SET_ARGUMENT: 'the field can only be read',
  OFPBAC_BAD_OUT_PORT: 'no port can have that number',
  OFPBAC_BAD_ARGUMENT: 'the action does not take that field',
  OFPBAC_BAD_TAG: 'a packet can have two VLAN tags at most',
  OFPBIC_BAD_TABLE_ID: 'a packet can only go on to a later table',
  OFPMMFC_INVALID_METER: 'no meter can have that number',
};

/** Some programs write OpenFlow's default instruction out: `apply_actions(output:1)`. */
function applied(action: ActionSyntax): readonly ActionSyntax[] {
  const { argument } = action;
  if (!argument || action.name.text.toLowerCase() !== 'apply_actions') return [action];
  return keyValues(argument.text).map(({ key, at, value, valueAt, call, end }) => ({
    name: { text: key, at: argument.at + at },
    text: argument.text.slice(at, end),
    at: argument.at + at,
    ...(end === at + key.length ? {} : { argument: { text: value, at: argument.at + valueAt, call } }),
  }));
}

/** `icmp6,icmp_type=136` means ICMPv6's type, as the protocol before it says. */
function icmpSpelling(field: NonNullable<ReturnType<typeof fieldOf>>, syntax: FlowSyntax) {
  if (field.name !== 'icmp_type' && field.name !== 'icmp_code') return field;
  const isV6 = syntax.items.some((item) => item.key.text === 'icmp6');
  return isV6 ? (fieldOf(field.name.replace('icmp_', 'icmpv6_')) ?? field) : field;
}
