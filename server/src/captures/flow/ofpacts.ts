import { keyValues } from '../../openflow/key-values';
import { parsePort } from '../../openflow/names';
import type { OfpAct } from '../../openflow/ofpact';
import type { Flow } from '../../packet/openflow';
import type { MatchWords } from '../../openflow/field-access';
import { checkActions } from '../../openflow/check';
import { verifyActions, type Nesting } from '../../openflow/verify';
import { ct, nat } from './acts/conntrack';
import { learn } from './acts/learn';
import type { ActionNames, ActText, ReadAct } from './acts/numbers';
import { bundle, controller, enqueue, multipath, output, outputTo, resubmit, sample } from './acts/output';
import { otherActions } from './acts/rest';
import { rewriteActions } from './acts/rewrite';

/** ovs-ofctl's own limit of actions within actions. */
const MAX_DEPTH = 100;

const readers: Readonly<Record<string, (text: ActText) => ReadAct>> = {
  output,
  output_reg: output,
  controller,
  enqueue,
  resubmit,
  bundle,
  bundle_load: bundle,
  multipath,
  sample,
  learn,
  ct,
  nat,
  ...rewriteActions,
  ...otherActions,
};

/** Where something is wrong in a list of actions, from the text's start, and ovs-ofctl's sentence for it. */
export interface ActionTrouble {
  readonly at: number;
  readonly end: number;
  readonly message: string;
}

export interface ParsedActions {
  /** One for each action that the text names; what can't be read is `unknown`. */
  readonly acts: readonly OfpAct[];
  /** Where each action stands in the text. */
  readonly places: readonly { readonly at: number; readonly end: number }[];
  readonly troubles: readonly ActionTrouble[];
}

export interface ActionOptions extends ActionNames {
  /** Instructions such as `goto_table` may stand in the list: true for flows, false for groups' buckets and packets. */
  readonly instructions?: boolean;
}

/** One action out of its name and argument (ovs-actions(7)); a string is ovs-ofctl's sentence on what is wrong. `drop` is no action. */
export function readAct(name: string, argument: string, call: boolean, names: ActionNames = {}, depth = 0): ReadAct | undefined {
  const lower = name.toLowerCase();
  const reader = Object.hasOwn(readers, lower) ? readers[lower] : undefined;
  if (reader) {
    return reader({ name, argument, call, names, nested: (text, outer) => nestedActions(text, outer, names, depth + 1) });
  }
  if (lower === 'drop') return undefined;
  if (lower === 'apply_actions') return 'apply_actions is the default instruction';
  const port = parsePort(name, names.ports);
  if (port === undefined || (typeof port === 'string' && !isPortName(name, argument))) return `unknown action ${name}`;
  return outputTo(port);
}

/** A word that may be a port's name where no map says so: quoted, or not something that looks like an action of a future version. */
function isPortName(name: string, argument: string): boolean {
  if (argument !== '') return false;
  return name.startsWith('"') || (/^[A-Za-z][\w.@-]*$/.test(name) && !/^(?:set|mod|push|pop|dec|strip|encap|decap)_/.test(name));
}

function nestedActions(text: string, outer: Nesting, names: ActionNames, depth: number): readonly OfpAct[] | string {
  if (depth >= MAX_DEPTH) return 'Action nested too deeply';
  const parsed = parseList(text, { ...names, instructions: false }, outer, depth);
  return parsed.troubles[0]?.message ?? parsed.acts;
}

/**
 * Reads a list of actions (`output:1,resubmit(,2)`), as ovs-ofctl would take it from a command line: every spelling of ovs-actions(7).
 * Everything that can be read is there even where something is wrong.
 */
export function parseActions(text: string, options: ActionOptions = {}): ParsedActions {
  return parseList(text, options, undefined, 0);
}

function parseList(text: string, options: ActionOptions, outer: Nesting | undefined, depth: number): ParsedActions {
  const acts: OfpAct[] = [];
  const places: { at: number; end: number }[] = [];
  const troubles: ActionTrouble[] = [];
  let drop: { at: number; end: number } | undefined;
  for (const { key, value, call, at, end } of keyValues(text)) {
    const act = readAct(key, value, call, options, depth);
    if (act === undefined) {
      drop = { at, end };
      continue;
    }
    if (typeof act === 'string') {
      troubles.push({ at, end, message: act });
      acts.push({ kind: 'unknown', text: text.slice(at, end) });
    } else {
      acts.push(act);
    }
    places.push({ at, end });
  }
  if (drop && acts.length > 0) {
    troubles.push({ ...drop, message: '"drop" must not be accompanied by any other action or instruction' });
  }
  const wrong = troubles.length > 0 ? undefined : verifyActions(acts, options.instructions ?? true, outer);
  if (wrong)
    troubles.push({ at: places[wrong.index]?.at ?? 0, end: places[wrong.index]?.end ?? text.length, message: wrong.message });
  return { acts, places, troubles };
}

export interface FlowActs {
  readonly acts: readonly OfpAct[];
  /** Why not all of its actions can be carried out. */
  readonly trouble: string | undefined;
}

/** What an action's text means, and whether that depends on the switch's names. */
type Meaning = { readonly act: ReadAct | undefined; readonly named: boolean };

const meanings = new Map<string, Meaning>();
const MEANINGS_LIMIT = 50_000;
const nobody = { nameOf: () => undefined, numberOf: () => undefined };

/** One action of a captured flow; undefined for `drop` and for what can't be read. */
export function actOf(text: string): OfpAct | undefined {
  const act = meaningOf(text, {});
  return typeof act === 'string' ? undefined : act;
}

function meaningOf(text: string, names: ActionNames): ReadAct | undefined {
  let known = meanings.get(text);
  if (!known) {
    const act = actIn(text, {});
    const strict = actIn(text, { ports: nobody, tables: nobody });
    known = { act, named: typeof strict === 'string' && typeof act !== 'string' };
    if (meanings.size >= MEANINGS_LIMIT) meanings.clear();
    meanings.set(text, known);
  }
  return known.named ? actIn(text, names) : known.act;
}

function actIn(text: string, names: ActionNames): ReadAct | undefined {
  const [only] = keyValues(text);
  return only ? readAct(only.key, mended(only.value), only.call, { ...names, printed: true }) : undefined;
}

/** Pages that show captures lose the `-` of `->`. */
export function mended(argument: string): string {
  return argument.includes('>') ? argument.replace(/(?<!-)>/g, '->') : argument;
}

/**
 * A captured flow's actions as the switch keeps them, read only now. With `names`, ports and tables that the flow names get their
 * numbers; with `match`, actions know what the flow matches (`flowHasVlan`). What can't be read is `unknown` in the list.
 */
export function ofpactsOf(flow: Flow, names: ActionNames = {}, match?: MatchWords): FlowActs {
  const acts: OfpAct[] = [];
  let trouble = flow.broken === true ? 'its line could not be read to the end' : undefined;
  for (const { text } of flow.actions) {
    const act = meaningOf(text, names);
    if (act === undefined) continue;
    if (typeof act === 'string') trouble ??= act;
    acts.push(typeof act === 'string' ? { kind: 'unknown', text } : act);
  }
  if (!match) return { acts, trouble };
  const { table } = flow;
  const own = typeof table.value === 'number' ? table.value : undefined;
  return { acts: checkActions(acts, match, own).acts, trouble };
}
