import type { Span } from '../base/span';
import type { RefKind } from '../captures/capture';
import type { Action } from '../packet/openflow';
import { locusOf } from './entity';
import { allRefs, pieces } from './find';
import type { World } from './world';

/** The legend: standard types only, so that every theme colours them. */
export const tokenTypes = [
  'variable',
  'number',
  'namespace',
  'function',
  'enumMember',
  'string',
  'class',
  'keyword',
  'type',
] as const;
export type TokenType = (typeof tokenTypes)[number];

export interface Token {
  readonly start: number;
  readonly end: number;
  readonly type: TokenType;
}

const types: Readonly<Record<RefKind, TokenType>> = {
  host: 'type',
  bridge: 'variable',
  device: 'variable',
  ofport: 'number',
  vlan: 'number',
  'tun-id': 'number',
  mac: 'enumMember',
  ip: 'string',
  table: 'function',
  chain: 'function',
  namespace: 'namespace',
  instance: 'class',
  network: 'class',
  router: 'class',
  subnet: 'class',
  'neutron-port': 'class',
  'nat-table': 'function',
};

const builtInTargets =
  /^(?:ACCEPT|DROP|REJECT|RETURN|DNAT|SNAT|MASQUERADE|REDIRECT|MARK|CONNMARK|LOG|NFLOG|QUEUE|NFQUEUE|CT|NOTRACK|NETMAP|TCPMSS|CHECKSUM|SET|TPROXY|TRACE|NFQUEUE)$/;

/** The tokens of a range of lines (0-based, inclusive), sorted, none over another. */
export function semanticTokens(world: World, uri: string, fromLine: number, toLine: number): Token[] {
  const document = world.documents.get(uri);
  if (!document) return [];
  const from = document.lines.startOf(Math.max(0, fromLine)) ?? document.text.length;
  const to = document.lines.startOf(toLine + 1) ?? document.text.length;
  const found: Token[] = [];
  document.captures.forEach((capture, index) => {
    if (capture.lastLine < fromLine || capture.firstLine > toLine) return;
    const locus = locusOf(world, document, index);
    if (!locus) return;
    const add = (span: Span, type: TokenType) => {
      if (span.end <= from || span.start >= to) return;
      for (const piece of pieces(document, span))
        if (piece.end > from && piece.start < to) found.push({ start: piece.start, end: piece.end, type });
    };
    for (const ref of allRefs(document, locus)) add(ref.span, types[ref.kind]);
    const { flows } = capture;
    for (let i = flows.from(fromLine); i < flows.count && flows.firstLineOf(i) <= toLine; i++) {
      for (const ref of flows.refs(i)) add(ref.span, types[ref.kind]);
      for (const action of flows.flow(i).actions) keywords(action, (span) => add(span, 'keyword'));
    }
    for (const fact of capture.facts) {
      if (fact.kind === 'nf-rule' && fact.target && builtInTargets.test(fact.target.value)) add(fact.target.span, 'keyword');
      else if (fact.kind === 'nf-chain' && fact.policy && fact.policy.value !== '-') add(fact.policy.span, 'keyword');
    }
  });
  found.sort((a, b) => a.start - b.start || a.end - b.end);
  let end = -1;
  return found.filter((token) => {
    if (token.start < end || token.end <= token.start) return false;
    end = token.end;
    return true;
  });
}

/** The name of an action, up to its argument. */
function keywords(action: Action, add: (span: Span) => void): void {
  const name = /^[A-Za-z_][\w-]*/.exec(action.text)?.[0];
  if (name !== undefined) add({ start: action.span.start, end: action.span.start + name.length });
  if (action.kind === 'write-actions' || action.kind === 'clone') for (const inner of action.actions) keywords(inner, add);
  if (action.kind === 'ct') for (const inner of action.exec) keywords(inner, add);
}
