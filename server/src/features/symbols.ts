import { LOCAL_PORT } from '../packet/fields';
import { ipvsEndText, ipvsServiceName } from './hover-ipvs';
import type { Span } from '../base/span';
import type { CaptureDocument } from '../captures/document';
import type { Fact } from '../captures/facts';
import type { ConntrackTuple } from '../captures/netfilter-facts';
import { ipProtocolName } from '../packet/ip-protocols';
import type { FlowStore } from '../captures/flow/store';
import { entityOf, locusOf, type Entity, type Locus } from './entity';
import { factSpan, lineSpan, pieces } from './find';
import { kindTitle } from './hover-capture';
import { mentionsIn } from './references';
import type { Place, World } from './world';

/** The symbol kinds that are used, by the numbers of the Language Server Protocol. */
export const symbolKinds = {
  module: 2,
  namespace: 3,
  class: 5,
  property: 7,
  field: 8,
  interface: 11,
  function: 12,
  variable: 13,
  constant: 14,
  number: 16,
  array: 18,
  object: 19,
  key: 20,
} as const;
export type SymbolKindNumber = (typeof symbolKinds)[keyof typeof symbolKinds];

/** A node of a document's outline. */
export interface SymbolItem {
  readonly name: string;
  readonly detail: string | undefined;
  readonly kind: SymbolKindNumber;
  readonly start: number;
  readonly end: number;
  readonly selectionStart: number;
  readonly selectionEnd: number;
  readonly children: readonly SymbolItem[];
}

/** A thing that can be gone to from anywhere. */
export interface WorkspaceSymbolItem {
  readonly name: string;
  readonly kind: SymbolKindNumber;
  readonly container: string | undefined;
  readonly place: Place;
}

interface Draft {
  name: string;
  detail: string | undefined;
  kind: SymbolKindNumber;
  span: Span;
  selection: Span;
  children: Draft[];
}

/** A document's outline: its captures, and in them what matters. */
export function documentSymbols(world: World, uri: string): SymbolItem[] {
  const document = world.documents.get(uri);
  if (!document) return [];
  return document.captures.map((capture, index) => {
    const locus = locusOf(world, document, index);
    const whole = lineSpan(document, capture.span);
    const selection = lineSpan(document, {
      start: document.lines.startOf(capture.firstLine) ?? whole.start,
      end: document.lines.startOf(capture.firstLine) ?? whole.start,
    });
    const children = locus ? inside(document, locus, whole) : [];
    return {
      name: capture.command ?? kindTitle(capture.kind),
      detail: locus?.hostName,
      kind: symbolKinds.module,
      start: Math.min(whole.start, selection.start),
      end: Math.max(whole.end, selection.end),
      selectionStart: selection.start,
      selectionEnd: Math.min(selection.end, Math.max(whole.end, selection.end)),
      children: children.map(finish),
    };
  });
}

function finish(draft: Draft): SymbolItem {
  const children = draft.children.map(finish);
  const end = children.reduce((furthest, child) => Math.max(furthest, child.end), Math.max(draft.span.end, draft.selection.end));
  return {
    name: draft.name === '' ? '?' : draft.name,
    detail: draft.detail,
    kind: draft.kind,
    start: Math.min(draft.span.start, draft.selection.start),
    end,
    selectionStart: draft.selection.start,
    selectionEnd: draft.selection.end,
    children,
  };
}

/** A flow table of ten thousand flows is no outline: above this a table says only how many it has. */
const MANY = 50;

function inside(document: CaptureDocument, locus: Locus, whole: Span): Draft[] {
  const drafts: Draft[] = [];
  const groups = new Map<string, Draft>();
  const add = (group: Draft | undefined, name: string, kind: SymbolKindNumber, selection: Span, detail?: string): Draft => {
    const line = lineSpan(document, selection);
    const draft: Draft = {
      name,
      detail,
      kind,
      span: { start: Math.max(line.start, whole.start), end: line.end },
      selection,
      children: [],
    };
    (group?.children ?? drafts).push(draft);
    return draft;
  };
  // Bridges before their ports, whatever order their facts were made in.
  const found = locus.capture.facts
    .map((fact) => ({ fact, span: factSpan(fact) }))
    .sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
  for (const { fact, span } of found) {
    if (!span || span.end <= span.start) continue;
    const [own] = pieces(document, span);
    if (own) place(fact, own, groups, add);
  }
  placeFlows(locus.capture.flows, groups, add);
  for (const draft of groups.values()) {
    if (draft.children.length > MANY) draft.children = [];
  }
  extend(document, drafts, whole.end);
  return drafts;
}

/** Settings below a thing are part of it: it reaches to the next one. */
function extend(document: CaptureDocument, drafts: readonly Draft[], limit: number): void {
  drafts.forEach((draft, n) => {
    let end = Math.min(limit, drafts[n + 1]?.span.start ?? limit);
    while (end > draft.span.end && /\s/.test(document.text.slice(end - 1, end))) end--;
    draft.span = { start: draft.span.start, end: Math.max(draft.span.end, end) };
    extend(document, draft.children, draft.span.end);
  });
}

/** The tables of a dump, each where its first flow stands, with its flows where they are not too many. */
function placeFlows(flows: FlowStore, groups: Map<string, Draft>, add: Add): void {
  for (const table of flows.tables()) {
    const list = flows.inTable(table);
    const [first] = list;
    if (first === undefined) continue;
    const name = `table ${table}`;
    const draft = add(undefined, name, symbolKinds.array, flows.flow(first).span, count(list.length));
    groups.set(name, draft);
    if (list.length > MANY) continue;
    for (const i of list) {
      const flow = flows.flow(i);
      const match = flow.match.map(({ text }) => text).join(',');
      add(draft, `priority ${flow.priority.value}`, symbolKinds.function, flow.span, match === '' ? 'any packet' : match);
    }
  }
}

function count(flows: number): string {
  return `${flows} flow${flows === 1 ? '' : 's'}`;
}

type Add = (group: Draft | undefined, name: string, kind: SymbolKindNumber, selection: Span, detail?: string) => Draft;

function place(fact: Fact, own: Span, groups: Map<string, Draft>, add: Add): void {
  switch (fact.kind) {
    case 'ovs-bridge':
    case 'linux-bridge':
    case 'link':
    case 'netns': {
      const kind =
        fact.kind === 'link' ? symbolKinds.interface : fact.kind === 'netns' ? symbolKinds.namespace : symbolKinds.class;
      groups.set(fact.name.value, add(undefined, fact.name.value, kind, fact.name.span));
      return;
    }
    case 'ovs-port':
      add(
        fact.bridge && groups.get(fact.bridge.value),
        fact.name.value,
        symbolKinds.interface,
        fact.name.span,
        fact.tag && `tag ${fact.tag.value}`,
      );
      return;
    case 'of-port':
      add(
        undefined,
        fact.name.value,
        symbolKinds.interface,
        fact.name.span,
        `port ${fact.ofport.value === LOCAL_PORT ? 'LOCAL' : fact.ofport.value}`,
      );
      return;
    case 'linux-bridge-port':
      add(groups.get(fact.bridge.value), fact.name.value, symbolKinds.interface, fact.name.span);
      return;
    case 'address':
      add(groups.get(fact.dev.value), `${fact.ip.value}/${fact.prefix.value}`, symbolKinds.constant, fact.ip.span);
      return;
    case 'nf-chain':
      groups.set(
        `${fact.family} ${fact.table} ${fact.name.value}`,
        add(
          undefined,
          fact.name.value,
          symbolKinds.function,
          fact.name.span,
          fact.policy?.value === '-' ? undefined : fact.policy?.value,
        ),
      );
      return;
    case 'nf-rule':
      add(
        groups.get(`${fact.family} ${fact.table} ${fact.chain}`),
        `rule ${fact.number}`,
        symbolKinds.property,
        own,
        fact.target?.value,
      );
      return;
    case 'route':
      add(
        undefined,
        fact.dst.value.prefix === 0 ? 'default' : `${fact.dst.value.ip}/${fact.dst.value.prefix}`,
        symbolKinds.field,
        own,
        fact.dev?.value,
      );
      return;
    case 'fdb-entry':
      add(
        undefined,
        fact.mac.value,
        symbolKinds.key,
        fact.mac.span,
        `VLAN ${fact.vlan.value}, port ${fact.port.value === LOCAL_PORT ? 'LOCAL' : fact.port.value}`,
      );
      return;
    case 'instance':
    case 'neutron-network':
      add(undefined, fact.name?.value ?? fact.id?.value ?? '', symbolKinds.object, own);
      return;
    case 'neutron-port':
      add(undefined, fact.id.value, symbolKinds.object, own, fact.mac?.value);
      return;
    case 'neutron-router':
    case 'neutron-subnet':
      add(undefined, fact.name?.value ?? fact.id.value, symbolKinds.object, own);
      return;
    default:
      placeRecord(fact, own, groups, add);
  }
}

/** The group of that name, made where its first record stands. */
function groupOf(groups: Map<string, Draft>, name: string, kind: SymbolKindNumber, at: Span, add: Add): Draft {
  const known = groups.get(name);
  if (known) return known;
  const made = add(undefined, name, kind, at);
  groups.set(name, made);
  return made;
}

/** Records of which there may be many: each kind in groups, by what a person would look for. */
function placeRecord(fact: Fact, own: Span, groups: Map<string, Draft>, add: Add): void {
  switch (fact.kind) {
    case 'ipset':
      groups.set(`set ${fact.name.value}`, add(undefined, fact.name.value, symbolKinds.array, fact.name.span, fact.type.value));
      return;
    case 'ipset-entry':
      add(groups.get(`set ${fact.set.value}`), fact.element.value, symbolKinds.constant, own, fact.nomatch ? 'not' : undefined);
      return;
    case 'eb-chain': {
      const draft = add(undefined, fact.name.value, symbolKinds.function, fact.name.span, fact.policy?.value);
      groups.set(`${fact.table} ${fact.name.value}`, draft);
      return;
    }
    case 'eb-rule':
      add(groups.get(`${fact.table} ${fact.chain}`), `rule ${fact.number}`, symbolKinds.property, own, fact.target?.value);
      return;
    case 'conntrack-entry': {
      const { original, state } = fact;
      const group = groupOf(groups, `zone ${fact.zone?.value ?? 0}`, symbolKinds.array, own, add);
      add(
        group,
        `${ends(original)}`,
        symbolKinds.field,
        own,
        [ipProtocolName(fact.protocol.value), state?.value].filter(Boolean).join(' '),
      );
      return;
    }
    case 'conntrack-expectation':
      add(undefined, ends(fact.expected), symbolKinds.field, own, fact.helper?.value);
      return;
    case 'ipvs-service': {
      const name = ipvsServiceName(fact);
      groups.set(name, add(undefined, name, symbolKinds.array, own, fact.scheduler?.value));
      return;
    }
    case 'ipvs-server':
      add(groups.get(ipvsServiceName(fact.service)), ipvsEndText(fact.end), symbolKinds.field, own, fact.forward?.value);
      return;
    case 'ipvs-connection':
      add(
        groupOf(groups, `to ${ipvsEndText(fact.virtual)}`, symbolKinds.array, own, add),
        `${ipvsEndText(fact.client)} → ${ipvsEndText(fact.server)}`,
        symbolKinds.field,
        own,
        `${fact.protocol.value} ${fact.state.value}`,
      );
      return;
    case 'bridge-vlan': {
      const [first, last] = fact.vlan.value;
      const group = groupOf(groups, fact.dev.value, symbolKinds.interface, fact.dev.span, add);
      const how = [fact.pvid ? 'PVID' : '', fact.untagged ? 'untagged' : ''].filter((word) => word !== '').join(', ');
      add(
        group,
        first === last ? `VLAN ${first}` : `VLANs ${first}–${last}`,
        symbolKinds.number,
        own,
        how === '' ? undefined : how,
      );
      return;
    }
    case 'bridge-fdb': {
      const group = groupOf(groups, fact.dev.value, symbolKinds.interface, own, add);
      const where = [fact.vlan && `VLAN ${fact.vlan.value}`, fact.dst?.value].filter((word) => word !== undefined).join(', ');
      add(group, fact.mac.value, symbolKinds.key, own, where === '' ? undefined : where);
      return;
    }
    case 'bridge-mac':
      add(
        groupOf(groups, `port ${fact.portNumber.value}`, symbolKinds.interface, own, add),
        fact.mac.value,
        symbolKinds.key,
        own,
        fact.local ? 'own' : undefined,
      );
      return;
    case 'listener':
      add(
        undefined,
        `${fact.ip.value}:${fact.port?.value ?? '*'}`,
        symbolKinds.field,
        own,
        [fact.protocol.value, fact.process?.value].filter(Boolean).join(' '),
      );
      return;
    case 'ip-rule':
      add(undefined, `${fact.priority.value}`, symbolKinds.field, own, fact.table?.value ?? fact.action?.value);
      return;
    case 'neighbour':
      add(undefined, fact.ip.value, symbolKinds.constant, own, fact.mac?.value ?? fact.state?.value);
      return;
    case 'packet-seen': {
      const group = groupOf(groups, `packets${fact.dev ? ` at ${fact.dev.value}` : ''}`, symbolKinds.array, own, add);
      const name = fact.src && fact.dst ? `${fact.src.value} → ${fact.dst.value}` : (fact.ethertype ?? 'packet');
      add(group, name, symbolKinds.field, own, [fact.protocol ?? fact.ethertype, fact.time?.value].filter(Boolean).join(' '));
      return;
    }
    case 'address-owner':
      add(undefined, fact.name.value, symbolKinds.object, fact.name.span, fact.ip.value);
      return;
    case 'runtime-object':
      add(undefined, fact.name.value, symbolKinds.object, own, fact.state?.value);
      return;
    default:
      return;
  }
}

function ends({ src, dst, sport, dport }: ConntrackTuple): string {
  const end = (ip: string, port: number | undefined) =>
    port === undefined ? ip : ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
  return `${end(src.value, sport?.value)} → ${end(dst.value, dport?.value)}`;
}

const LIMIT = 300;

/** Everything that some text declares and whose name holds the query, each thing once. */
export function workspaceSymbols(world: World, query: string): WorkspaceSymbolItem[] {
  const wanted = query.trim().toLowerCase();
  const found = new Map<string, WorkspaceSymbolItem>();
  for (const document of world.documents.values()) {
    for (const [key, mentions] of mentionsIn(world, document.uri)) {
      const declared = mentions.find(({ ref }) => ref.defines === true);
      if (!declared) continue;
      const entity = entityOf(world, declared.locus, declared.ref);
      const shown = symbolOf(entity);
      if (
        !shown ||
        !(shown.name.toLowerCase().includes(wanted) || declared.ref.value.toLowerCase().includes(wanted)) ||
        found.has(key)
      )
        continue;
      const [span] = pieces(document, declared.ref.span);
      if (!span) continue;
      found.set(key, { ...shown, place: { uri: document.uri, start: span.start, end: span.end } });
      if (found.size === LIMIT) return ordered([...found.values()], wanted);
    }
  }
  return ordered([...found.values()], wanted);
}

/** Names that start with the query first. */
function ordered(items: WorkspaceSymbolItem[], wanted: string): WorkspaceSymbolItem[] {
  const rank = ({ name }: WorkspaceSymbolItem) => (name.toLowerCase().startsWith(wanted) ? 0 : 1);
  return items.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
}

function symbolOf(entity: Entity): { name: string; kind: SymbolKindNumber; container: string | undefined } | undefined {
  switch (entity.kind) {
    case 'bridge':
      return { name: entity.name, kind: symbolKinds.class, container: entity.host };
    case 'device':
      return {
        name: entity.name,
        kind: symbolKinds.interface,
        container: [entity.host, entity.namespace].filter((part) => part !== '').join(' '),
      };
    case 'namespace':
      return { name: entity.name, kind: symbolKinds.namespace, container: entity.host };
    case 'chain':
      return {
        name: entity.name,
        kind: symbolKinds.function,
        container: [entity.table, entity.namespace === '' ? entity.host : entity.namespace].join(' '),
      };
    case 'mac':
    case 'ip':
      return { name: entity.value, kind: symbolKinds.constant, container: entity.kind === 'mac' ? 'MAC address' : 'IP address' };
    case 'instance':
      return { name: entity.instance?.name ?? entity.value, kind: symbolKinds.object, container: entity.instance?.hypervisor };
    case 'network':
      return { name: entity.network?.name ?? entity.value, kind: symbolKinds.object, container: 'network' };
    case 'router':
      return { name: entity.router?.name ?? entity.value, kind: symbolKinds.object, container: 'router' };
    case 'subnet':
      return { name: entity.subnet?.name ?? entity.value, kind: symbolKinds.object, container: 'subnet' };
    case 'neutron-port':
      return { name: entity.port?.id ?? entity.value, kind: symbolKinds.object, container: 'Neutron port' };
    default:
      return undefined;
  }
}
