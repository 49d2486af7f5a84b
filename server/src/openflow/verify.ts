import type { OfpAct } from './ofpact';

/** The action that holds others. */
export type Nesting = 'ct' | 'clone' | 'write_actions';

/** ovs-actions(7), "Instructions": the order in which OpenFlow 1.1 and later carry them out. */
const instructionNames = ['meter', 'apply_actions', 'clear_actions', 'write_actions', 'write_metadata', 'goto_table'];
const APPLY = 1;

function instructionOf(act: OfpAct): number {
  switch (act.kind) {
    case 'meter':
    case 'clear_actions':
    case 'write_actions':
    case 'write_metadata':
    case 'goto_table':
      return instructionNames.indexOf(act.kind);
    default:
      return APPLY;
  }
}

/** An action's name as error sentences have it. */
export function actName(act: OfpAct): string {
  switch (act.kind) {
    case 'set_eth_src':
    case 'set_eth_dst':
      return `mod_dl_${act.kind.slice(8)}`;
    case 'set_ipv4_src':
    case 'set_ipv4_dst':
      return `mod_nw_${act.kind.slice(9)}`;
    case 'set_ip_dscp':
      return 'mod_nw_tos';
    case 'set_ip_ecn':
      return 'mod_nw_ecn';
    case 'set_ip_ttl':
      return 'mod_nw_ttl';
    case 'set_l4_src_port':
      return 'mod_tp_src';
    case 'set_l4_dst_port':
      return 'mod_tp_dst';
    case 'reg_move':
      return 'move';
    case 'stack_push':
      return 'push';
    case 'stack_pop':
      return 'pop';
    case 'unknown':
      return act.text;
    default:
      return act.kind;
  }
}

/** The name of the field that an action writes into, as far as the rules for nested actions look. */
function writtenField(act: OfpAct): string | undefined {
  if (act.kind === 'set_field') return act.field.mfName;
  return act.kind === 'reg_move' ? act.dst.field.mfName : undefined;
}

const needsCt = (field: string) => field === 'ct_mark' || field === 'ct_label';

function verifyNested(act: OfpAct, outer: Nesting | undefined): string | undefined {
  const field = writtenField(act);
  if (field !== undefined && needsCt(field) && outer !== 'ct') return 'cannot set CT fields outside of ct action';
  if (act.kind === 'nat') return outer === 'ct' ? undefined : 'Cannot have NAT action outside of "ct" action';
  if (outer === 'ct') {
    if (field === undefined) return `ct action doesn't support nested action ${actName(act)}`;
    if (!needsCt(field)) return `ct action doesn't support nested modification of ${field}`;
  }
  if (outer !== undefined && act.kind === 'meter') return `${outer} action doesn't support nested action meter`;
  return undefined;
}

/**
 * Whether actions may stand together and in this order (ovs-actions(7), "Instructions"); undefined where all is well, else the first
 * that may not and ovs-ofctl's sentence.
 */
export function verifyActions(
  acts: readonly OfpAct[],
  instructions: boolean,
  outer: Nesting | undefined,
): { readonly index: number; readonly message: string } | undefined {
  let instruction = 0;
  for (const [index, act] of acts.entries()) {
    if (act.kind === 'conjunction') {
      const other = acts.findIndex(({ kind }) => kind !== 'conjunction' && kind !== 'note');
      const found = acts[other];
      if (!found) return undefined;
      const message =
        '"conjunction" actions may be used along with "note" but not any other kind of action ' +
        `(such as the "${actName(found)}" action used here)`;
      return { index: other, message };
    }
    const nested = verifyNested(act, outer);
    if (nested !== undefined) return { index, message: nested };
    const next = instructionOf(act);
    if (index > 0 && (instruction === APPLY ? next < instruction : next <= instruction)) {
      const [name = '', nextName = ''] = [instructionNames[instruction], instructionNames[next]];
      const message =
        next === instruction
          ? `duplicate ${name} instruction not allowed, for OpenFlow 1.1+ compatibility`
          : `invalid instruction ordering: ${nextName} must appear before ${name}, for OpenFlow 1.1+ compatibility`;
      return { index, message };
    }
    if (!instructions && next > APPLY) return { index, message: `${instructionNames[next] ?? ''} instruction not allowed here` };
    instruction = next;
  }
  return undefined;
}
