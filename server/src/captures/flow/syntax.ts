import type { MatchResult, Node } from 'ohm-js';
import grammars from '../../generated/grammars.ohm-bundle';

/** A flow's text taken apart, before anything is looked up; positions count from the start of the text that was read. */
export interface FlowSyntax {
  readonly items: readonly ItemSyntax[];
  readonly actions: readonly ActionSyntax[];
  readonly actionsAt: number;
  /** Where the last action ends; a remark may follow. */
  readonly end: number;
}
export interface Piece {
  readonly text: string;
  readonly at: number;
}
export interface ItemSyntax {
  readonly key: Piece;
  readonly value?: Piece;
}
export interface ActionSyntax {
  readonly name: Piece;
  /** `call` for `name(…)`: the text between the brackets; otherwise the text behind the colon. */
  readonly argument?: Piece & { readonly call: boolean };
  readonly text: string;
  readonly at: number;
}

const grammar = grammars.Flow;
const piece = (node: Node): Piece => ({ text: node.sourceString, at: node.source.startIdx });

/** The nodes of one rule below `node`, in order, not looking inside them. */
function collectNodes(node: Node, rule: string, into: Node[]): void {
  if (node.ctorName === rule) into.push(node);
  else for (const child of node.children) collectNodes(child, rule, into);
}

const semantics = grammar
  .createSemantics()
  .addOperation<ItemSyntax[]>('items', {
    flowLine(_blank, part, _key, _actions, _remark, _rest) {
      return part.children[0]?.['items']() ?? [];
    },
    itemPart: (list, _separator) => list['items'](),
    flowHead: (_blank, list, _separator) => list['items'](),
    itemList(first, _separators, rest) {
      return [first, ...rest.children].map((node) => node['item']() as ItemSyntax);
    },
  })
  .addOperation<ItemSyntax>('item', {
    item(key, assignment) {
      const value = assignment.children[0]?.children[1];
      return { key: piece(key), ...(value === undefined ? {} : { value: piece(value) }) };
    },
  })
  .addOperation<ActionSyntax[]>('actions', {
    flowLine: (_blank, _part, _key, actions, _remark, _rest) => actions['actions'](),
    actionList(first, _separators, rest, _blank, _comma, _end) {
      const all: Node[] = [...first.children];
      collectNodes(rest, 'action', all);
      return all.map((node) => node['action']() as ActionSyntax);
    },
  })
  .addOperation<ActionSyntax>('action', {
    action(name, argument) {
      const inner = argument.children[0]?.['argument']() as ActionSyntax['argument'] | undefined;
      return {
        name: piece(name),
        text: this.sourceString,
        at: this.source.startIdx,
        ...(inner === undefined ? {} : { argument: inner }),
      };
    },
  })
  .addOperation<Piece & { call: boolean }>('argument', {
    argument_call(brackets, result) {
      const text = this.sourceString.slice(1);
      return {
        text: result.sourceString === '' ? brackets.sourceString.slice(1, -1) : text,
        at: brackets.source.startIdx + 1,
        call: true,
      };
    },
    argument_colon: (_colon, text) => ({ ...piece(text), call: false }),
  });

/** Brackets within brackets that a switch takes at most (ovs-ofctl says "Action nested too deeply"), and with room for their own. */
const MAX_NESTING = 250;

/** A text up to where its brackets nest too deep to be a flow: the match then fails there. */
function shallow(text: string): string {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 40 && ++depth > MAX_NESTING) return text.slice(0, i);
    if (c === 41) depth--;
  }
  return text;
}

/** A flow line matched as a whole by the grammar. This is the definition; `scanFlow` must agree with it wherever it answers. */
export function matchFlow(text: string): FlowSyntax | MatchResult {
  const result = grammar.match(shallow(text), 'flowLine');
  if (result.failed()) return result;
  const wrapped = semantics(result);
  const actions = wrapped['actions']() as ActionSyntax[];
  const last = actions.at(-1);
  const actionsAt = actions[0]?.at ?? text.length;
  return {
    items: wrapped['items']() as ItemSyntax[],
    actions,
    actionsAt,
    end: last ? last.at + last.text.length : text.trimEnd().length,
  };
}

/** The items of a line that was cut before its actions; undefined where it is no such line. */
export function matchFlowHead(text: string): readonly ItemSyntax[] | undefined {
  const result = grammar.match(shallow(text), 'flowHead');
  return result.succeeded() ? (semantics(result)['items']() as ItemSyntax[]) : undefined;
}

/** An action alone, as inside `write_actions(…)`. */
export function matchAction(text: string): ActionSyntax | undefined {
  const known = actionCache.get(text);
  if (known) return known;
  const result = grammar.match(shallow(text), 'action');
  if (result.failed()) return undefined;
  const action = semantics(result)['action']() as ActionSyntax;
  remember(actionCache, text, action);
  return action;
}

const itemCache = new Map<string, ItemSyntax>();
const actionCache = new Map<string, ActionSyntax>();
const CACHE_LIMIT = 50_000;

function remember<T>(cache: Map<string, T>, text: string, value: T): void {
  if (cache.size >= CACHE_LIMIT) cache.clear();
  cache.set(text, value);
}

function matchItem(text: string): ItemSyntax | undefined {
  const known = itemCache.get(text);
  if (known) return known;
  const result = grammar.match(shallow(text), 'item');
  if (result.failed()) return undefined;
  const item = semantics(result)['item']() as ItemSyntax;
  remember(itemCache, text, item);
  return item;
}

/** Items and actions of plain characters and plain names in quotes: what the grammar makes of them is their text cut at the first sign. */
export const PLAIN_ITEM = /^(?!actions?=)([A-Za-z0-9_.[\]-]+)=((?:[A-Za-z0-9_.:/+[\]-]|"[A-Za-z0-9_.@-]*")*)$/;
export const PLAIN_KEY = /^[A-Za-z0-9_.[\]-]+$/;
const PLAIN_ACTION = /^([A-Za-z0-9_.-]+)(?::((?:[A-Za-z0-9_.:/[\]>-]|"[A-Za-z0-9_.@-]*")*))?$/;
const PLAIN_QUOTED = /"[A-Za-z0-9_.@-]*"/y;
const CALLED = /^[A-Za-z0-9_.[\]@/+-]+$/;
const RESULT = /^->[A-Za-z0-9_.[\]@/+-]+$/;

function readItem(text: string): ItemSyntax | undefined {
  if (PLAIN_KEY.test(text)) return { key: { text, at: 0 } };
  const plain = PLAIN_ITEM.exec(text);
  if (!plain) return matchItem(text);
  const [, key = '', value = ''] = plain;
  return { key: { text: key, at: 0 }, value: { text: value, at: key.length + 1 } };
}

function readActionPiece(text: string): ActionSyntax | undefined {
  const plain = PLAIN_ACTION.exec(text);
  if (!plain) return readCall(text) ?? matchAction(text);
  const [, name = '', argument] = plain;
  return {
    name: { text: name, at: 0 },
    text,
    at: 0,
    ...(argument === undefined ? {} : { argument: { text: argument, at: name.length + 1, call: false } }),
  };
}

/**
 * `name(…)` or `name(…)->field`: what the brackets hold is for the action's own reader, so that the grammar only looks where they close.
 * Undefined where in doubt.
 */
function readCall(text: string): ActionSyntax | undefined {
  const open = text.indexOf('(');
  const name = text.slice(0, Math.max(0, open));
  if (!CALLED.test(name)) return undefined;
  let close = -1;
  for (let i = open, depth = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 40 && ++depth > MAX_NESTING) return undefined;
    if (c === 41 && --depth === 0) {
      close = i;
      break;
    }
  }
  const rest = text.slice(close + 1);
  if (close < 0 || (rest !== '' && !RESULT.test(rest))) return undefined;
  const argument = { text: text.slice(open + 1, rest === '' ? close : text.length), at: open + 1, call: true };
  return { name: { text: name, at: 0 }, text, at: 0, argument };
}

/**
 * The same as `matchFlow` for lines whose pieces are cut apart by commas and blanks outside brackets and quotes, which dumps
 * written by programs are: each piece is matched by the grammar once and remembered. Undefined where in doubt.
 */
export function scanFlow(text: string): FlowSyntax | undefined {
  const key = /(?:^|[\s,])actions=(?=\S)/.exec(text);
  if (!key) return undefined;
  const actionsAt = key.index + key[0].length;
  const items = itemsUpTo(text, actionsAt - 'actions='.length);
  const tail = items && cut(text, actionsAt, text.length, false);
  if (!tail) return undefined;
  const actions: ActionSyntax[] = [];
  for (const { text: part, at } of tail) {
    const action = readActionPiece(part);
    if (!action) return undefined;
    actions.push({
      name: { text: action.name.text, at: action.name.at + at },
      text: action.text,
      at,
      ...(action.argument === undefined
        ? {}
        : { argument: { text: action.argument.text, at: action.argument.at + at, call: action.argument.call } }),
    });
  }
  const last = actions.at(-1);
  return {
    items,
    actions,
    actionsAt: actions[0]?.at ?? text.length,
    end: last ? last.at + last.text.length : text.trimEnd().length,
  };
}

/** The same as `matchFlowHead` for such lines. */
export function scanHead(text: string): readonly ItemSyntax[] | undefined {
  const items = itemsUpTo(text, text.length);
  return items && items.length > 0 ? items : undefined;
}

function itemsUpTo(text: string, end: number): ItemSyntax[] | undefined {
  const pieces = cut(text, 0, end, true);
  if (!pieces) return undefined;
  const items: ItemSyntax[] = [];
  for (const { text: part, at } of pieces) {
    const item = readItem(part);
    if (!item) return undefined;
    items.push({
      key: { text: item.key.text, at: item.key.at + at },
      ...(item.value === undefined ? {} : { value: { text: item.value.text, at: item.value.at + at } }),
    });
  }
  return items;
}

/** The pieces between commas (and blanks, where those separate); undefined where brackets do not close or a piece is odd. */
function cut(text: string, from: number, to: number, atBlanks: boolean): Piece[] | undefined {
  const pieces: Piece[] = [];
  let depth = 0;
  let start = -1;
  for (let i = from; i <= to; i++) {
    const c = i < to ? text.charCodeAt(i) : 44;
    const blank = c === 32 || c === 9;
    if (c === 34 && depth === 0) {
      PLAIN_QUOTED.lastIndex = i;
      if (!PLAIN_QUOTED.test(text) || PLAIN_QUOTED.lastIndex > to) return undefined;
      if (start < 0) start = i;
      i = PLAIN_QUOTED.lastIndex - 1;
      continue;
    }
    if (c === 40) depth++;
    else if (c === 41 && --depth < 0) return undefined;
    if (depth === 0 && (c === 44 || blank)) {
      if (blank && !atBlanks && start >= 0 && !/^[ \t]*(?:,|$)/.test(text.slice(i, to))) return undefined;
      // A comma without a piece before it is the grammar's to judge.
      if (!blank && i < to && start < 0 && (pieces.length === 0 || !atBlanks) && !afterBlank(text, pieces.at(-1)))
        return undefined;
      if (start >= 0) pieces.push({ text: text.slice(start, i), at: start });
      start = -1;
    } else if (start < 0) {
      start = i;
    }
  }
  if (!atBlanks && /,[ \t]*$/.test(text.slice(Math.max(from, to - 40), to))) return undefined;
  return depth === 0 ? pieces : undefined;
}

/** Whether only blanks stand between a piece and the comma that ends it. */
function afterBlank(text: string, piece: Piece | undefined): boolean {
  return piece !== undefined && /^[ \t]/.test(text.slice(piece.at + piece.text.length, piece.at + piece.text.length + 1));
}

/** Keys and values as the grammar cuts them: what `keyValues` must agree with. */
export function matchKeyValues(text: string): readonly { readonly key: string; readonly value: string }[] | undefined {
  const result = grammar.match(text, 'keyValueList');
  return result.failed() ? undefined : (keyValueSemantics(result)['list']() as { key: string; value: string }[]);
}

const keyValueSemantics = grammar
  .createSemantics()
  .addOperation<{ key: string; value: string }>('pair', {
    keyValue_call(key, _open, text, tail) {
      // `)->reg0[0]` belongs to the value, a closing bracket alone does not.
      const arrow = tail.sourceString.length > 1 ? tail.sourceString : '';
      return { key: key.sourceString, value: text.sourceString + arrow };
    },
    keyValue_assigned: (key, _sign, text) => ({ key: key.sourceString, value: text.sourceString }),
    keyValue_bare: (key) => ({ key: key.sourceString, value: '' }),
  })
  .addOperation<{ key: string; value: string }[]>('list', {
    keyValueList(_before, keyValues, _gaps) {
      const all: Node[] = [];
      collectNodes(keyValues, 'keyValue', all);
      return all.map((node) => node['pair']() as { key: string; value: string });
    },
  });
