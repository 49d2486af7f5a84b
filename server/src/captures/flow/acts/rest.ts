import { ones } from '../../../base/bits';
import { keyValues } from '../../../openflow/key-values';
import { parseTable } from '../../../openflow/names';
import { hexBytes, u16, u32, u64, type ActText, type ReadAct } from './numbers';
import { tableRef } from './output';

export function group({ argument }: ActText): ReadAct {
  const number = u32(argument);
  return typeof number === 'string' ? number : { kind: 'group', group: number };
}

function finTimeout({ argument }: ActText): ReadAct {
  let idleTimeout = 0;
  let hardTimeout = 0;
  for (const { key, value } of keyValues(argument)) {
    if (key !== 'idle_timeout' && key !== 'hard_timeout') return `invalid key '${key}' in 'fin_timeout' argument`;
    const number = u16(value, key);
    if (typeof number === 'string') return number;
    if (key === 'idle_timeout') idleTimeout = number;
    else hardTimeout = number;
  }
  return { kind: 'fin_timeout', idleTimeout, hardTimeout };
}

function conjunction({ argument }: ActText): ReadAct {
  const parts = /^\s*([+-]?(?:0[xX][0-9a-fA-F]+|\d+))\s*,\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(argument);
  if (!parts) return '"conjunction" syntax is "conjunction(id,i/n)"';
  const id = u32(parts[1] ?? '');
  if (typeof id === 'string') return '"conjunction" syntax is "conjunction(id,i/n)"';
  const clause = Number(parts[2]) & 0xff;
  const clauses = Number(parts[3]) & 0xff;
  if (clauses < 2) return 'conjunction must have at least 2 clauses';
  if (clauses > 64) return 'conjunction must have at most 64 clauses';
  if (clause < 1) return 'clause index must be positive';
  if (clause > clauses) return 'clause index must be less than or equal to number of clauses';
  return { kind: 'conjunction', id, clause, clauses };
}

function note({ argument }: ActText): ReadAct {
  const data = hexBytes(argument);
  return data ? { kind: 'note', data } : "bad hex digit in `note' argument";
}

function writeMetadata({ argument }: ActText): ReadAct {
  const at = argument.indexOf('/');
  const mask = at < 0 ? ones(64) : u64(argument.slice(at + 1));
  if (typeof mask === 'string') return mask;
  const metadata = u64(at < 0 ? argument : argument.slice(0, at));
  return typeof metadata === 'string' ? metadata : { kind: 'write_metadata', metadata, mask };
}

function gotoTable({ argument, names }: ActText): ReadAct {
  const table = parseTable(argument, names.tables);
  return table === undefined ? `unknown table "${argument}"` : { kind: 'goto_table', ...tableRef(table) };
}

function meter({ argument }: ActText): ReadAct {
  const number = u32(argument);
  return typeof number === 'string' ? number : { kind: 'meter', meter: number };
}

function setQueue({ argument }: ActText): ReadAct {
  const number = u32(argument);
  return typeof number === 'string' ? number : { kind: 'set_queue', queue: number };
}

function clone({ argument, nested }: ActText): ReadAct {
  const actions = nested(argument, 'clone');
  return typeof actions === 'string' ? actions : { kind: 'clone', actions };
}

function writeActions({ argument, nested }: ActText): ReadAct {
  const actions = nested(argument, 'write_actions');
  return typeof actions === 'string' ? actions : { kind: 'write_actions', actions };
}

/** Actions and instructions that are neither outputs nor rewrite headers, by name in lower case (ovs-actions(7)). */
export const otherActions: Readonly<Record<string, (text: ActText) => ReadAct>> = {
  group,
  fin_timeout: finTimeout,
  conjunction,
  note,
  exit: () => ({ kind: 'exit' }),
  set_queue: setQueue,
  pop_queue: () => ({ kind: 'pop_queue' }),
  ct_clear: () => ({ kind: 'ct_clear' }),
  clone,
  debug_recirc: () => ({ kind: 'debug_recirc' }),
  debug_slow: () => ({ kind: 'debug_slow' }),
  meter,
  clear_actions: () => ({ kind: 'clear_actions' }),
  write_actions: writeActions,
  write_metadata: writeMetadata,
  goto_table: gotoTable,
  output_trunc: ({ argument }) => `unknown action ${argument}`,
  unroll_xlate: () => "UNROLL is an internal action that shouldn't be used via OpenFlow",
};
