import { positionAt } from '../base/lines';
import { touches, type Span } from '../base/span';
import type { Capture, Ref } from '../captures/capture';
import { captureIndexAt, type CaptureDocument } from '../captures/document';
import type { Fact } from '../captures/facts';
import type { Action, Flow, MatchTerm } from '../packet/openflow';
import { entityOf, locusOf, type Entity, type Locus } from './entity';
import type { World } from './world';

/** What a line says: a fact of its capture, or a flow. */
export type Said = Fact | { readonly kind: 'flow'; readonly flow: Flow };

/** What stands at an offset of a document. */
export interface Found {
  readonly document: CaptureDocument;
  readonly locus: Locus;
  /** The smallest reference there, with the piece of it that the offset touches. */
  readonly ref: { readonly ref: Ref; readonly entity: Entity; readonly piece: Span } | undefined;
  /** What the line says: a flow, a rule, a route … */
  readonly fact: { readonly fact: Said; readonly span: Span } | undefined;
  /** The part of a flow. */
  readonly term: MatchTerm | undefined;
  readonly action: Action | undefined;
  /** The offset is on the command that the capture's output belongs to. */
  readonly onCommand: boolean;
}

/** Finds what an offset means; undefined outside captures. */
export function find(world: World, uri: string, offset: number): Found | undefined {
  const document = world.documents.get(uri);
  if (!document) return undefined;
  const line = positionAt(document.lines, offset).line;
  const index = captureIndexAt(document, line);
  const locus = index < 0 ? undefined : locusOf(world, document, index);
  if (!locus) return undefined;
  const { capture } = locus;
  const onCommand = capture.commandSpan !== undefined && touches(lineSpan(document, capture.commandSpan), offset);
  // A command's own references are on its line, the output's are not.
  const ref = smallestRef(document, onCommand ? commandRefs(document, locus) : refsBetween(capture, line, line), offset);
  const fact = onCommand ? undefined : factAt(document, locus, offset);
  const flow = fact?.fact.kind === 'flow' ? fact.fact.flow : undefined;
  const inside = (part: { readonly span: Span }) => touches(part.span, offset);
  return {
    document,
    locus,
    ref: ref && { ...ref, entity: entityOf(world, locus, ref.ref) },
    fact,
    term: flow?.match.findLast(inside),
    action: flow && innermost(flow.actions, offset),
    onCommand,
  };
}

function innermost(actions: readonly Action[], offset: number): Action | undefined {
  const action =
    actions.find(({ span }) => offset >= span.start && offset < span.end) ?? actions.find(({ span }) => touches(span, offset));
  if (action?.kind === 'ct') return innermost(action.exec, offset) ?? action;
  if (action?.kind === 'write-actions' || action?.kind === 'clone') return innermost(action.actions, offset) ?? action;
  return action;
}

/** A capture's references but those of flows, which `refsBetween` gives; and what its command names: the bridge, the instance, the namespace, the host of the prompt. */
export function allRefs(document: CaptureDocument, locus: Locus): readonly Ref[] {
  const named = commandRefs(document, locus);
  return named.length === 0 ? locus.capture.refs : [...named, ...locus.capture.refs];
}

/** A capture's references, of flows those that have a line from `firstLine` to `lastLine` (0-based, inclusive). */
export function refsBetween({ refs, flows }: Capture, firstLine: number, lastLine: number): readonly Ref[] {
  if (flows.count === 0) return refs;
  const found = [...refs];
  for (let i = flows.from(firstLine); i < flows.count && flows.firstLineOf(i) <= lastLine; i++) found.push(...flows.refs(i));
  return found;
}

function commandRefs(document: CaptureDocument, locus: Locus): Ref[] {
  const { capture } = locus;
  if (!capture.commandSpan) return [];
  const { start, end } = lineSpan(document, capture.commandSpan);
  const line = document.text.slice(start, end);
  const refs: Ref[] = [];
  const add = (kind: Ref['kind'], value: string | undefined) => {
    if (value === undefined || value === '') return;
    const at = wordIn(line, value);
    if (at === undefined || refs.some((ref) => ref.span.start === start + at)) return;
    refs.push({ kind, value, span: { start: start + at, end: start + at + value.length } });
  };
  add('namespace', capture.namespace);
  const kind = targetKind(capture.kind);
  if (kind) add(kind, capture.target);
  if (capture.hostBy === 'prompt') add('host', capture.host);
  return refs;
}

function wordIn(line: string, word: string): number | undefined {
  for (let at = line.indexOf(word); at >= 0; at = line.indexOf(word, at + 1)) {
    if (!/[\w.-]/.test(line[at - 1] ?? ' ') && !/[\w.-]/.test(line[at + word.length] ?? ' ')) return at;
  }
  return undefined;
}

/** What a command's argument names. */
export function targetKind(kind: string): Ref['kind'] | undefined {
  if (/^ovs-(?:ofctl|appctl)-/.test(kind)) return 'bridge';
  if (/^(?:virsh|nova|openstack-server)-/.test(kind)) return 'instance';
  if (/^(?:neutron-net|openstack-network)-/.test(kind)) return 'network';
  if (/^(?:neutron-router|openstack-router)-/.test(kind)) return 'router';
  if (/^(?:neutron-subnet|openstack-subnet)-/.test(kind)) return 'subnet';
  if (/^(?:neutron-port|openstack-port)-(?!list)/.test(kind)) return 'neutron-port';
  return kind === 'ping' ? 'ip' : undefined;
}

function smallestRef(document: CaptureDocument, refs: readonly Ref[], offset: number): { ref: Ref; piece: Span } | undefined {
  let best: { ref: Ref; piece: Span } | undefined;
  for (const ref of refs) {
    if (!touches(ref.span, offset)) continue;
    for (const piece of pieces(document, ref.span)) {
      if (!touches(piece, offset)) continue;
      // Of two words that meet at the cursor the one that starts there is meant.
      const better = !best || size(piece) < size(best.piece) || (best.piece.end === offset && piece.start === offset);
      const worse = best !== undefined && best.piece.start === offset && piece.end === offset;
      if (better && !worse) best = { ref, piece };
    }
  }
  return best;
}

function size(span: Span): number {
  return span.end - span.start;
}

/**
 * The parts of a span that are its own text. A value that a client wrapped inside a table's cell goes on in the same column of
 * the lines below; what the neighbouring cells say is between.
 */
export function pieces(document: CaptureDocument, span: Span): readonly Span[] {
  const first = positionAt(document.lines, span.start).line;
  if (span.end < (document.lines.startOf(first + 1) ?? Infinity)) return [span];
  const last = positionAt(document.lines, span.end).line;
  if (first === last) return [span];
  const found: Span[] = [];
  let left = -1;
  for (let line = first; line <= last; line++) {
    const start = document.lines.startOf(line) ?? 0;
    const text = document.text.slice(start, document.lines.startOf(line + 1) ?? document.text.length);
    let from = line === first ? span.start - start : left + 1;
    if (line === first) left = text.lastIndexOf('|', from - 1);
    const bar = left < 0 ? -1 : text.indexOf('|', from);
    let to = Math.min(bar < 0 ? text.length : bar, line === last ? span.end - start : text.length);
    while (from < to && /\s/.test(text[from] ?? '')) from++;
    while (to > from && /\s/.test(text[to - 1] ?? '')) to--;
    if (to > from) found.push({ start: start + from, end: start + to });
  }
  return found.length === 0 ? [span] : found;
}

/** The whole line or lines that a span is on, without their breaks. */
export function lineSpan(document: CaptureDocument, span: Span): Span {
  const first = positionAt(document.lines, span.start).line;
  const last = positionAt(document.lines, Math.max(span.start, span.end)).line;
  const start = document.lines.startOf(first) ?? 0;
  let end = document.lines.startOf(last + 1) ?? document.text.length;
  while (end > start && /\s/.test(document.text.slice(end - 1, end))) end--;
  return { start, end: Math.max(end, span.end) };
}

/** Whether a line holds data, rather than titles and separators. */
export function isRecordLine(found: Found, offset: number): boolean {
  const line = positionAt(found.document.lines, offset).line;
  const { capture } = found.locus;
  if (capture.flows.at(line) !== undefined) return true;
  return capture.lines.some(({ firstLine, lastLine, what }) => what === 'record' && line >= firstLine && line <= lastLine);
}

/** The text that a fact was read from, by what is always there; undefined where nothing of it stands in the text. */
export function factSpan(fact: Fact): Span | undefined {
  switch (fact.kind) {
    case 'nf-rule':
    case 'route':
    case 'route-answer':
    case 'ip-rule':
    case 'eb-rule':
    case 'conntrack-entry':
    case 'conntrack-expectation':
    case 'ipvs-service':
    case 'ipvs-server':
    case 'ipvs-connection':
    case 'packet-seen':
      return fact.text.span;
    case 'nf-chain':
    case 'eb-chain':
      return fact.span.span;
    case 'ipset-entry':
      return fact.element.span;
    case 'bridge-vlan':
    case 'bridge-vlan-tunnel':
      return fact.vlan.span;
    case 'nf-queue':
      return fact.queue.span;
    case 'packets-counted':
      return fact.captured.span;
    case 'traceroute':
      return fact.target.span;
    case 'runtime-object':
      return fact.id.span;
    case 'fdb-entry':
      return { start: fact.port.span.start, end: fact.mac.span.end };
    case 'of-port':
      return { start: fact.ofport.span.start, end: (fact.mac ?? fact.name).span.end };
    case 'address':
    case 'neighbour':
    case 'listener':
    case 'connected-socket':
    case 'address-owner':
      return fact.ip.span;
    case 'wireguard-device':
      return fact.key.span;
    case 'wireguard-peer':
      return fact.peer.span;
    case 'bridge-fdb':
    case 'bridge-mac':
      return fact.mac.span;
    case 'linux-bridge-port':
    case 'linux-bridge':
    case 'link':
    case 'netns':
    case 'sysctl':
    case 'ipset':
    case 'ovs-bridge':
    case 'ovs-port':
    case 'ovs-interface':
      return fact.name.span;
    case 'neutron-port':
    case 'neutron-subnet':
    case 'neutron-router':
      return fact.id.span;
    case 'neutron-network':
    case 'instance':
      return (fact.name ?? fact.id)?.span;
    case 'domain':
      return (fact.name ?? fact.uuid)?.span;
    case 'domain-interface':
      return (fact.target ?? fact.mac)?.span;
    case 'floating-ip':
      return fact.ip.span;
    case 'ping':
      return fact.target.span;
    default:
      return undefined;
  }
}

/** The fact of the offset's line; on a line that only tells more of a thing, the fact of that thing. */
function factAt(document: CaptureDocument, locus: Locus, offset: number): { fact: Said; span: Span } | undefined {
  const line = positionAt(document.lines, offset).line;
  const { flows } = locus.capture;
  const own = flows.at(line);
  if (own !== undefined) {
    const flow = flows.flow(own);
    return { fact: { kind: 'flow', flow }, span: lineSpan(document, flow.span) };
  }
  const record = locus.capture.lines.find(
    ({ firstLine, lastLine, what }) => what === 'record' && line >= firstLine && line <= lastLine,
  );
  if (!record) return undefined;
  const lineStart = document.lines.startOf(line) ?? 0;
  const lineEnd = document.lines.startOf(line + 1) ?? document.text.length + 1;
  const recordStart = document.lines.startOf(record.firstLine) ?? 0;
  const recordEnd = document.lines.startOf(record.lastLine + 1) ?? document.text.length + 1;
  let inRecord: { fact: Fact; own: Span } | undefined;
  let before: { fact: Fact; own: Span } | undefined;
  for (const fact of locus.capture.facts) {
    const own = factSpan(fact);
    if (!own || own.end <= own.start) continue;
    if (own.start < lineEnd && own.end >= lineStart) return { fact, span: lineSpan(document, own) };
    if (!inRecord && own.start >= recordStart && own.start < recordEnd) inRecord = { fact, own };
    if (own.start < lineStart && (!before || own.start >= before.own.start)) before = { fact, own };
  }
  // `type: vxlan` below an interface, `is_connected: true` below a bridge: a setting of what was named last.
  const told = inRecord ?? before ?? only(locus);
  return told && { fact: told.fact, span: lineSpan(document, told.own) };
}

/** What a capture is about that shows one thing, a field on every line. */
function only(locus: Locus): { fact: Fact; own: Span } | undefined {
  const [fact, second] = locus.capture.facts;
  const own = fact && second === undefined ? factSpan(fact) : undefined;
  return fact && own && own.end > own.start ? { fact, own } : undefined;
}
