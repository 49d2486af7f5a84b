import { ones, parseNumber } from '../../base/bits';
import type { Span } from '../../base/span';
import { fieldOf, reservedPorts } from '../../packet/fields';
import { parseFieldValue } from './match';
import type { Action, LearnSpec, Subfield } from '../../packet/openflow';
import { matchAction, matchArguments, matchArrow, matchSubfield, type ActionSyntax } from './syntax';

/** An action as the text says it, or why it says nothing. */
export type ReadAction = { readonly action: Action } | { readonly trouble: string };

type Bare = Action extends infer A ? (A extends Action ? Omit<A, 'span' | 'text'> : never) : never;

/** Words without an argument (ovs-actions(7)). */
const simple: Readonly<Record<string, Bare>> = {
  NORMAL: { kind: 'normal' },
  FLOOD: { kind: 'flood' },
  ALL: { kind: 'all' },
  IN_PORT: { kind: 'in-port' },
  LOCAL: { kind: 'local' },
  drop: { kind: 'drop' },
  exit: { kind: 'exit' },
  clear_actions: { kind: 'clear-actions' },
  strip_vlan: { kind: 'pop-vlan' },
  pop_vlan: { kind: 'pop-vlan' },
  dec_ttl: { kind: 'dec-ttl' },
  ct_clear: { kind: 'ct-clear' },
  CONTROLLER: { kind: 'controller' },
  pop_queue: { kind: 'no-effect', name: 'pop_queue' },
};

/** Understood, and without effect on where the packet goes. */
const withoutEffect = new Set(['note', 'set_queue', 'meter', 'fin_timeout', 'sample', 'pop_queue', 'debug_slow', 'debug_recirc']);
/** Real actions of ovs-actions(7) that the walk does not model: visible steps, never skipped. */
const notModelled = new Set([
  'bundle', 'bundle_load', 'multipath', 'clone', 'push', 'pop', 'push_mpls', 'pop_mpls', 'set_mpls_label', 'set_mpls_tc',
  'set_mpls_ttl', 'dec_mpls_ttl', 'encap', 'decap', 'dec_nsh_ttl', 'delete_field', 'check_pkt_larger', 'enqueue', 'set_tunnel64',
  'output_trunc',
]); // prettier-ignore

/** Turns an action's syntax into what it does. `trouble` is a sentence for a diagnostic. */
export function readAction(syntax: ActionSyntax, span: Span): ReadAction {
  const bare = remembered(syntax, span);
  return typeof bare === 'string' ? { trouble: bare } : { action: { ...bare, span, text: syntax.text } as Action };
}

/** Dumps repeat their actions; what a text means does not depend on where it stands, but for actions that hold others. */
const meanings = new Map<string, Bare | string>();
const MEANINGS_LIMIT = 50_000;

function remembered(syntax: ActionSyntax, span: Span): Bare | string {
  if (/^(?:ct|write_actions)$/.test(syntax.name.text)) return interpret(syntax, span);
  const known = meanings.get(syntax.text);
  if (known !== undefined) return known;
  const meaning = interpret(syntax, span);
  if (meanings.size >= MEANINGS_LIMIT) meanings.clear();
  meanings.set(syntax.text, meaning);
  return meaning;
}

function interpret(syntax: ActionSyntax, span: Span): Bare | string {
  const name = syntax.name.text;
  const argument = syntax.argument;
  if (!argument) return withoutArgument(name);
  const text = argument.text;
  switch (name) {
    case 'output':
      return output(text);
    case 'resubmit':
      return resubmit(text, argument.call);
    case 'goto_table':
      return { kind: 'goto-table', table: /^\d+$/.test(text) ? Number(text) : unquote(text) };
    case 'mod_vlan_vid':
    case 'set_vlan_vid':
      return number(text, 0xfff, name, (vid) => ({ kind: 'set-vlan-vid', vid }));
    case 'mod_vlan_pcp':
    case 'set_vlan_pcp':
      return number(text, 7, name, (pcp) => ({ kind: 'set-vlan-pcp', pcp }));
    case 'push_vlan':
      return number(text, 0xffff, name, (ethertype) => ({ kind: 'push-vlan', ethertype }));
    case 'set_tunnel':
    case 'set_tunnel64':
      return setField('tun_id', text);
    case 'mod_dl_src':
    case 'mod_dl_dst':
    case 'mod_nw_src':
    case 'mod_nw_dst':
    case 'mod_nw_tos':
    case 'mod_nw_ecn':
    case 'mod_nw_ttl':
    case 'mod_tp_src':
    case 'mod_tp_dst':
      return setField(name.slice('mod_'.length), text);
    case 'set_field':
      return arrow(text, name, (source, target) => setField(target, source));
    case 'load':
      return load(text);
    case 'move':
      return arrow(text, name, (source, target) => {
        const src = subfield(source);
        const dst = subfield(target);
        return src && dst ? { kind: 'move', src, dst } : `"${name}:${text}" names a field that Open vSwitch does not have`;
      });
    case 'dec_ttl':
      return { kind: 'dec-ttl' };
    case 'CONTROLLER':
    case 'controller':
      return { kind: 'controller' };
    case 'learn':
      return learn(text);
    case 'ct':
      return ct(text, span);
    case 'conjunction': {
      const parts = /^\s*(\d+|0x[0-9a-f]+)\s*,\s*(\d+)\/(\d+)\s*$/.exec(text);
      if (!parts) return `"conjunction(${text})" should read conjunction(ID,K/N)`;
      return { kind: 'conjunction', id: Number(parts[1]), clause: Number(parts[2]), clauses: Number(parts[3]) };
    }
    case 'group':
      return number(text, 0xffffffff, name, (group) => ({ kind: 'group', group }));
    case 'write_metadata': {
      const field = fieldOf('metadata');
      const value = field && parseFieldValue(field, text);
      return value?.kind === 'bits'
        ? { kind: 'write-metadata', value: value.value, mask: value.mask }
        : `"${text}" is no metadata value; expected a 64-bit number with an optional mask`;
    }
    case 'write_actions':
      return nested(text, span, (actions) => ({ kind: 'write-actions', actions }));
    case 'apply_actions':
      return { kind: 'not-modelled', name };
    case 'LOCAL':
    case 'NORMAL':
    case 'FLOOD':
    case 'ALL':
    case 'IN_PORT':
      return simple[name] ?? { kind: 'not-modelled', name };
    default:
      if (withoutEffect.has(name)) return { kind: 'no-effect', name };
      if (notModelled.has(name)) return { kind: 'not-modelled', name };
      return `Open vSwitch has no action "${name}" (ovs-actions(7)); the flow is kept, what this action does is unknown`;
  }
}

function withoutArgument(name: string): Bare | string {
  const word = simple[name] ?? simple[name.toUpperCase()] ?? simple[name.toLowerCase()];
  if (word) return word;
  if (withoutEffect.has(name)) return { kind: 'no-effect', name };
  if (notModelled.has(name)) return { kind: 'not-modelled', name };
  if (/^\d+$/.test(name)) return { kind: 'output', port: Number(name) };
  if (/^".*"$/.test(name)) return { kind: 'output', port: unquote(name) };
  if (name === 'controller') return { kind: 'controller' };
  // `--names` prints ports without quotes where nothing in the name needs them.
  if (/^[A-Za-z][\w.@-]*$/.test(name) && !/^(?:set|mod|push|pop|dec|strip)_/.test(name)) return { kind: 'output', port: name };
  return `Open vSwitch has no action "${name}" (ovs-actions(7)); the flow is kept, what this action does is unknown`;
}

function unquote(text: string): string {
  return text.replace(/^"(.*)"$/, '$1');
}

function portOf(text: string): number | string {
  if (/^\d+$/.test(text)) return Number(text);
  const name = unquote(text);
  return reservedPorts[name.toUpperCase()] ?? name;
}

function output(text: string): Bare | string {
  if (/^\(?port=/.test(text)) {
    const parts = /port=([^,]+),max_len=(\d+)/.exec(text);
    return parts
      ? { kind: 'output', port: portOf(parts[1] ?? ''), maxLen: Number(parts[2]) }
      : `"output(${text})" should read output(port=P,max_len=N)`;
  }
  if (/^[A-Za-z_]\w*\[/.test(text)) {
    const src = subfield(text);
    return src ? { kind: 'output-field', src } : `"output:${text}" names a field that Open vSwitch does not have`;
  }
  const field = /^reg\d+$/.test(text) ? subfield(text) : undefined;
  if (field) return { kind: 'output-field', src: field };
  if (text === '') return '"output:" lacks its port';
  const reserved = simple[text.toUpperCase()];
  return reserved && /^[A-Z_]+$/.test(text) ? reserved : { kind: 'output', port: portOf(text) };
}

function resubmit(text: string, call: boolean): Bare | string {
  if (!call) return { kind: 'resubmit', port: portOf(text), ct: false };
  const [port = '', table = '', ct] = text.split(',').map((part) => part.trim());
  if (table !== '' && !/^\d+$/.test(table))
    return `"resubmit(${text})": table names are not resolved; the table should be a number`;
  return {
    kind: 'resubmit',
    ct: ct === 'ct',
    ...(port === '' ? {} : { port: portOf(port) }),
    ...(table === '' ? {} : { table: Number(table) }),
  };
}

function number(text: string, limit: number, name: string, make: (value: number) => Bare): Bare | string {
  const value = parseNumber(text.trim());
  if (value === undefined) return `"${name}:${text}" needs a number`;
  if (value > BigInt(limit)) return `"${name}:${text}" is out of range; the highest value is ${limit}`;
  return make(Number(value));
}

function setField(target: string, text: string): Bare | string {
  const known = matchSubfield(target);
  const field = fieldOf(known?.name ?? target);
  if (!field) return `"${target}" is no field of Open vSwitch (ovs-fields(7))`;
  // tun_id's and registers' values may be ranges of the field: set_field:1->reg0[0..3] does not exist, load does.
  const value = parseFieldValue(field.name === 'dl_vlan' ? (fieldOf('vlan_vid') ?? field) : field, text);
  if (value.kind === 'wrong') return value.message;
  if (value.kind === 'port-name') return { kind: 'not-modelled', name: `set_field:${text}->${target}` };
  return { kind: 'set-field', field: field.name, value: value.value, mask: value.mask };
}

function arrow(text: string, name: string, make: (source: string, target: string) => Bare | string): Bare | string {
  const ends = matchArrow(text);
  return ends ? make(ends.source, ends.target) : `"${name}:${text}" should read ${name}:VALUE->FIELD`;
}

function load(text: string): Bare | string {
  return arrow(text, 'load', (source, target) => {
    const dst = subfield(target);
    const value = parseNumber(source);
    if (!dst) return `"load:${text}" names a field that Open vSwitch does not have`;
    if (value === undefined) return `"load:${text}" needs a number before the arrow`;
    return { kind: 'load', dst, value: value & ones(dst.bits) };
  });
}

/** `NXM_OF_VLAN_TCI[0..11]` on the field table; undefined for a field that it lacks. */
export function subfield(text: string): Subfield | undefined {
  const parts = matchSubfield(text.trim());
  const field = parts && fieldOf(parts.name);
  if (!parts || !field) return undefined;
  const from = parts.from ?? 0;
  const to = parts.to ?? field.bits - 1;
  return to < from || to >= Math.max(field.bits, 16) ? undefined : { field: field.name, offset: from, bits: to - from + 1 };
}

function learn(text: string): Bare | string {
  const args = matchArguments(text);
  if (!args) return `"learn(${text})" does not parse as learn(ARGUMENT[,ARGUMENT]…)`;
  let table = 1;
  let priority = 32768;
  const specs: LearnSpec[] = [];
  for (const { key, value } of args) {
    if (key === 'table') table = Number(value);
    else if (key === 'priority') priority = Number(value);
    else if (
      /^(idle_timeout|hard_timeout|fin_idle_timeout|fin_hard_timeout|cookie|send_flow_rem|delete_learned|limit|result_dst)$/.test(
        key,
      )
    )
      continue;
    else {
      const spec = learnSpec(key, value);
      if (typeof spec === 'string') return spec;
      specs.push(spec);
    }
  }
  return { kind: 'learn', table, priority, specs };
}

function learnSpec(key: string, value: string | undefined): LearnSpec | string {
  const trouble = `learn() has a part that is not understood: "${key}${value === undefined ? '' : `=${value}`}"`;
  if (key === 'load') {
    const ends = matchArrow(value ?? '');
    const dst = ends && subfield(ends.target);
    const src = ends && (parseNumber(ends.source) ?? subfield(ends.source));
    return dst && src !== undefined ? { kind: 'load', dst, src } : trouble;
  }
  if (key === 'output') {
    const src = subfield(value ?? '');
    return src ? { kind: 'output', src } : trouble;
  }
  const dst = subfield(key);
  if (!dst) return trouble;
  if (value === undefined) return { kind: 'match', dst, src: dst };
  const field = fieldOf(dst.field);
  const literal = field ? parseFieldValue(field, value) : undefined;
  const src = subfield(value) ?? (literal?.kind === 'bits' ? literal.value : undefined);
  return src === undefined ? trouble : { kind: 'match', dst, src };
}

function ct(text: string, span: Span): Bare | string {
  const args = matchArguments(text);
  if (!args) return `"ct(${text})" does not parse as ct(ARGUMENT[,ARGUMENT]…)`;
  const value = (key: string) => args.find((argument) => argument.key === key)?.value;
  const table = value('table');
  const zone = value('zone');
  const zoneNumber = zone === undefined ? undefined : parseNumber(zone);
  const zoneField = zone === undefined || zoneNumber !== undefined ? undefined : subfield(zone);
  if (zone !== undefined && zoneNumber === undefined && !zoneField) return `"zone=${zone}" is neither a number nor a field`;
  const exec = value('exec');
  const inner = exec === undefined ? [] : nestedActions(exec, span);
  if (typeof inner === 'string') return inner;
  const nat = args.find((argument) => argument.key === 'nat');
  return {
    kind: 'ct',
    commit: args.some((argument) => argument.key === 'commit'),
    exec: inner,
    ...(table === undefined ? {} : { table: Number(table) }),
    ...(zoneNumber !== undefined ? { zone: Number(zoneNumber) } : zoneField ? { zone: zoneField } : {}),
    ...(nat ? { nat: nat.value ?? '' } : {}),
  };
}

function nested(text: string, span: Span, make: (actions: readonly Action[]) => Bare): Bare | string {
  const actions = nestedActions(text, span);
  return typeof actions === 'string' ? actions : make(actions);
}

function nestedActions(text: string, span: Span): readonly Action[] | string {
  const actions: Action[] = [];
  for (const part of cutTopLevel(text)) {
    const syntax = matchAction(part.trim());
    if (!syntax) return `"${part}" does not parse as an action`;
    const read = readAction(syntax, span);
    if ('trouble' in read) return read.trouble;
    actions.push(read.action);
  }
  return actions;
}

/** The parts between commas outside brackets. */
export function cutTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (i === text.length || (c === ',' && depth === 0)) {
      if (text.slice(start, i).trim() !== '') parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return parts;
}
