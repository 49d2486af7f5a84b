import type { Span } from '../../base/span';
import { OFPP, type LearnAct, type MfSubfield, type NatAct, type OfpAct } from '../../openflow/ofpact';
import { formatAction } from '../../openflow/format-actions';
import type { Action, LearnSpec, Subfield } from '../../packet/openflow';
import { mended, readAct } from './ofpacts';
import type { ActionSyntax } from './syntax';

/** An action as the text says it, or why it says nothing. */
export type ReadAction = { readonly action: Action } | { readonly trouble: string };

type Bare = Action extends infer A ? (A extends Action ? Omit<A, 'span' | 'text'> : never) : never;

/** Turns an action's syntax into what it does. `trouble` is a sentence for a diagnostic. */
export function readAction(syntax: ActionSyntax, span: Span): ReadAction {
  const meaning = remembered(syntax);
  if (typeof meaning === 'string') return { trouble: meaning };
  return { action: place(meaning, span, syntax.text) };
}

/** Actions inside another one stand where it stands. */
function place(bare: Bare, span: Span, text: string): Action {
  const action = { ...bare, span, text } as Action;
  if (action.kind === 'ct') return { ...action, exec: action.exec.map((each) => place(each, span, each.text)) };
  if (action.kind === 'write-actions' || action.kind === 'clone')
    return { ...action, actions: action.actions.map((each) => place(each, span, each.text)) };
  return action;
}

/** Dumps repeat their actions, and what a text means does not depend on where it stands. */
const meanings = new Map<string, Bare | string>();
const MEANINGS_LIMIT = 50_000;

function remembered(syntax: ActionSyntax): Bare | string {
  const known = meanings.get(syntax.text);
  if (known !== undefined) return known;
  const act = readAct(syntax.name.text, mended(syntax.argument?.text ?? ''), syntax.argument?.call ?? false, { printed: true });
  const meaning = act === undefined ? ({ kind: 'drop' } as const) : typeof act === 'string' ? act : simplified(act);
  if (meanings.size >= MEANINGS_LIMIT) meanings.clear();
  meanings.set(syntax.text, meaning);
  return meaning;
}

const reserved = new Map<number, Bare>([
  [OFPP.IN_PORT, { kind: 'in-port' }],
  [OFPP.NORMAL, { kind: 'normal' }],
  [OFPP.FLOOD, { kind: 'flood' }],
  [OFPP.ALL, { kind: 'all' }],
  [OFPP.CONTROLLER, { kind: 'controller' }],
  [OFPP.LOCAL, { kind: 'local' }],
]);

function subfield({ field, ofs, bits }: MfSubfield): Subfield {
  return { field: field.name, offset: ofs, bits };
}

function inner(actions: readonly OfpAct[]): readonly Action[] {
  const nowhere = { start: 0, end: 0 };
  return actions.map((act) => place(simplified(act), nowhere, formatAction(act)));
}

/** An action as explanations have it: what it does to the packet, without what only the switch itself needs to know. */
function simplified(act: OfpAct): Bare {
  switch (act.kind) {
    case 'output':
      return (typeof act.port === 'number' ? reserved.get(act.port) : undefined) ?? { kind: 'output', port: act.port };
    case 'output_reg':
      return { kind: 'output-field', src: subfield(act.src) };
    case 'output_trunc':
      return { kind: 'output', port: act.port, maxLen: act.maxLen };
    case 'group':
      return { kind: 'group', group: act.group };
    case 'controller':
      return { kind: 'controller' };
    case 'set_field':
      return setField(act);
    case 'set_vlan_vid':
      return { kind: 'set-vlan-vid', vid: act.vid };
    case 'set_vlan_pcp':
      return { kind: 'set-vlan-pcp', pcp: act.pcp };
    case 'strip_vlan':
      return { kind: 'pop-vlan' };
    case 'push_vlan':
      return { kind: 'push-vlan', ethertype: act.ethertype };
    case 'set_eth_src':
    case 'set_eth_dst':
      return whole(`dl_${act.kind.slice(8)}`, act.mac, 48);
    case 'set_ipv4_src':
    case 'set_ipv4_dst':
      return whole(`nw_${act.kind.slice(9)}`, BigInt(act.ip), 32);
    case 'set_ip_dscp':
      return whole('nw_tos', BigInt(act.dscp), 8);
    case 'set_ip_ecn':
      return whole('nw_ecn', BigInt(act.ecn), 2);
    case 'set_ip_ttl':
      return whole('nw_ttl', BigInt(act.ttl), 8);
    case 'set_l4_src_port':
      return whole('tp_src', BigInt(act.port), 16);
    case 'set_l4_dst_port':
      return whole('tp_dst', BigInt(act.port), 16);
    case 'set_tunnel':
      return whole('tun_id', act.id, 64);
    case 'reg_move':
      return { kind: 'move', src: subfield(act.src), dst: subfield(act.dst) };
    case 'dec_ttl':
      return { kind: 'dec-ttl' };
    case 'resubmit':
      return {
        kind: 'resubmit',
        ct: act.ct,
        ...(act.inPort === undefined ? {} : { port: act.inPort }),
        ...(act.tableName === undefined && act.table === 255 ? {} : { table: act.tableName ?? act.table }),
      };
    case 'goto_table':
      return { kind: 'goto-table', table: act.tableName ?? act.table };
    case 'learn':
      return {
        kind: 'learn',
        table: act.tableName ?? act.table,
        priority: act.priority,
        specs: act.specs.map((spec) => learnSpec(spec)),
      };
    case 'ct': {
      const [first, ...rest] = act.actions;
      const nat = first?.kind === 'nat' ? first : undefined;
      return {
        kind: 'ct',
        commit: act.commit,
        exec: inner(nat ? rest : act.actions),
        ...(act.table === undefined ? {} : { table: act.tableName ?? act.table }),
        ...(act.zone === 0 ? {} : { zone: typeof act.zone === 'number' ? act.zone : subfield(act.zone) }),
        ...(nat ? { nat: natText(nat) } : {}),
      };
    }
    case 'conjunction':
      return { kind: 'conjunction', id: act.id, clause: act.clause, clauses: act.clauses };
    case 'write_actions':
      return { kind: 'write-actions', actions: inner(act.actions) };
    case 'write_metadata':
      return { kind: 'write-metadata', value: act.metadata, mask: act.mask };
    case 'clone':
      return { kind: 'clone', actions: inner(act.actions) };
    case 'stack_push':
      return { kind: 'push', subfield: subfield(act.subfield) };
    case 'stack_pop':
      return { kind: 'pop', subfield: subfield(act.subfield) };
    case 'check_pkt_larger':
      return { kind: 'check-length', length: act.length, dst: subfield(act.dst) };
    case 'bundle':
      return {
        kind: 'bundle',
        ports: act.members,
        first: act.algorithm === 'active_backup',
        ...(act.dst ? { dst: subfield(act.dst) } : {}),
      };
    case 'enqueue':
      return { kind: 'enqueue', port: act.port, queue: act.queue };
    case 'exit':
      return { kind: 'exit' };
    case 'clear_actions':
      return { kind: 'clear-actions' };
    case 'ct_clear':
      return { kind: 'ct-clear' };
    case 'note':
    case 'set_queue':
    case 'pop_queue':
    case 'meter':
    case 'fin_timeout':
    case 'sample':
    case 'debug_slow':
    case 'debug_recirc':
      return { kind: 'no-effect', name: act.kind };
    case 'unknown':
      return { kind: 'not-modelled', name: act.kind };
    default:
      return { kind: 'other', name: act.kind };
  }
}

function whole(field: string, value: bigint, bits: number): Bare {
  return { kind: 'set-field', field, value, mask: (1n << BigInt(bits)) - 1n };
}

function setField(act: OfpAct & { readonly kind: 'set_field' }): Bare {
  const { field, value, mask } = act;
  if (act.portName !== undefined) return { kind: 'other', name: `set_field:${act.portName}->${field.mfName}` };
  if (!act.load) {
    const all = (1n << BigInt(field.mfName === 'vlan_vid' ? 13 : field.bits)) - 1n;
    return { kind: 'set-field', field: field.name, value: value & all, mask: mask & all };
  }
  let ofs = 0;
  while (ofs < field.bits - 1 && ((mask >> BigInt(ofs)) & 1n) === 0n) ofs++;
  const bits = (mask >> BigInt(ofs)).toString(2).length;
  return { kind: 'load', dst: { field: field.name, offset: ofs, bits }, value: value >> BigInt(ofs) };
}

function learnSpec(spec: LearnAct['specs'][number]): LearnSpec {
  if (spec.kind === 'output') return { kind: 'output', src: subfield(spec.src) };
  const src = spec.src.kind === 'field' ? subfield(spec.src.src) : spec.src.value;
  return { kind: spec.kind, dst: subfield(spec.dst), src };
}

/** What stands in the brackets of `nat(…)`. */
function natText(act: NatAct): string {
  return formatAction(act).replace(/^nat\(?|\)$/g, '');
}
